// SPDX-License-Identifier: GPL-2.0-or-later
/* target/phpcheck.c - is the PHP engine in a process laid out as its version says?
 * Two proofs. That executor_globals is: EG(function_table) is seven words before EG(current_execute_data), and its first
 * entries are the engine's own functions, under their own names; they are there from start-up on. That zend_op_array is: a
 * user function, of that table or of the call chain, has a file's name, and its first and last opcode have lines that are
 * its own. Of user functions one that fits is enough (no wrong layout fits by accident), since the engine makes some in
 * passing that have neither file nor lines; but when there are some, one must.
 * Sources: Zend/zend_globals.h, zend_types.h (zend_array, Bucket, zend_string), zend_compile.h of 7.4 to 8.4. */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "swtrace/abi.h"
#include "target/internal.h"

#define FUNCTION_TABLE_BEFORE 56 /* EG(current_execute_data) - EG(function_table) */

struct table { /* zend_array */
	uint64_t gc_flags;
	uint32_t flags;
	uint32_t mask;
	uint64_t buckets;
	uint32_t n_used; /* with holes */
	uint32_t n;
	uint32_t size;
};

struct bucket {
	uint64_t value;
	uint32_t type; /* 0 = a hole */
	uint32_t next;
	uint64_t hash;
	uint64_t key;
};

#define EX_BYTES      56
#define EX_FUNC	      24
#define EX_PREV	      48
#define FN_NAME	      8
#define STRING_LENGTH 16 /* zend_string.len */
#define STRING_VALUE  24
#define OPLINE_BYTES  32
#define OPLINE_LINE   24

#define MAX_NAME_BYTES	  64
#define MAX_PATH_BYTES	  4096
#define MAX_TABLE	  (1 << 24)
#define MAX_LINE	  (1 << 24)
#define MAX_OPCODES	  (1 << 22)
#define CHECKED_FRAMES	  16
#define CHECKED_INTERNAL  16
#define CHECKED_FUNCTIONS 64

static int get(const struct php_image *image, uint64_t addr, void *to, size_t len)
{
	return image->read(image->ctx, addr, to, len);
}

/* string_get - a zend_string's length, and its value as far as it fits, with NUL. Return: 0, or -EBADMSG: it is none. */
static int string_get(const struct php_image *image, uint64_t string, char *to, size_t cap, uint64_t *len)
{
	char end = 1;

	if (!string || get(image, string + STRING_LENGTH, len, sizeof(*len)) || !*len || *len > MAX_PATH_BYTES ||
		get(image, string + STRING_VALUE + *len, &end, 1) || end)
		return -EBADMSG;
	memset(to, 0, cap);
	return get(image, string + STRING_VALUE, to, *len < cap ? *len : cap - 1) ? -EBADMSG : 0;
}

/* opcode_line_fits - is the line of the function's i-th opcode one of the function's own? */
static int opcode_line_fits(const struct php_image *image, uint64_t opcodes, uint32_t i, const uint32_t lines[2])
{
	uint32_t line = 0;

	return !get(image, opcodes + (uint64_t)i * OPLINE_BYTES + OPLINE_LINE, &line, sizeof(line)) &&
	       line >= lines[0] && line <= lines[1];
}

/* user_fits - has a user function all that the layout says? A file may be called anything; but where opcodes prove nothing, what does not
 * look like a name is none. */
static int user_fits(const struct php_image *image, uint64_t func, const struct swt_php *php)
{
	uint64_t string = 0, len, opcodes = 0;
	uint32_t lines[2] = {}, last = 0;
	char file[MAX_NAME_BYTES];

	if (get(image, func + php->filename, &string, sizeof(string)) ||
		string_get(image, string, file, sizeof(file), &len))
		return 0;
	for (size_t i = 0; i < sizeof(file) && i < len && !php->opcodes; i++)
		if (file[i] && (unsigned char)file[i] < ' ')
			return 0;
	/* line_end follows line_start. */
	if (get(image, func + php->line_start, lines, sizeof(lines)) || !lines[0] || lines[0] > lines[1] ||
		lines[1] > MAX_LINE)
		return 0;
	if (!php->opcodes)
		return 1;
	return !get(image, func + php->opcodes, &opcodes, sizeof(opcodes)) &&
	       !get(image, func + php->last, &last, sizeof(last)) && last && last <= MAX_OPCODES &&
	       opcode_line_fits(image, opcodes, 0, lines) && opcode_line_fits(image, opcodes, last - 1, lines);
}

/* What user functions have told so far. */
struct tally {
	int n_fit;
	int n_unfit;
};

static void tally_user(struct tally *t, const struct php_image *image, uint64_t func, const struct swt_php *php)
{
	if (user_fits(image, func, php))
		t->n_fit++;
	else
		t->n_unfit++;
}

/* has_own_name - is the function in a bucket called as its key says? Keys are in lower case. */
static int has_own_name(const struct php_image *image, const struct bucket *b)
{
	char key[MAX_NAME_BYTES], name[MAX_NAME_BYTES];
	uint64_t string = 0, key_len, name_len;

	return !get(image, b->value + FN_NAME, &string, sizeof(string)) &&
	       !string_get(image, string, name, sizeof(name), &name_len) &&
	       !string_get(image, b->key, key, sizeof(key), &key_len) && name_len == key_len && !strcasecmp(name, key);
}

static int function_type(const struct php_image *image, uint64_t func)
{
	uint8_t type = 0;

	return get(image, func, &type, 1) ? 0 : type;
}

static int table_get(const struct php_image *image, uint64_t at, struct table *t)
{
	if (get(image, at, t, sizeof(*t)) || !t->size || t->size & (t->size - 1) || t->size > MAX_TABLE ||
		t->n_used > t->size || t->n > t->n_used)
		return -EBADMSG;
	return 0;
}

/* check_internal - the first functions of the table; users' come behind them.
 * Return: 1 they are what they should be; 0 there is none; -EBADMSG. */
static int check_internal(const struct php_image *image, const struct table *t)
{
	struct bucket b;
	int n = 0, type;

	for (uint32_t i = 0; i < t->n_used && n < CHECKED_INTERNAL; i++) {
		if (get(image, t->buckets + i * sizeof(b), &b, sizeof(b)))
			return -EBADMSG;
		if (!(uint8_t)b.type)
			continue;
		type = function_type(image, b.value);
		if (n && type == SWT_PHP_USER)
			break;
		if (type != SWT_PHP_INTERNAL || !has_own_name(image, &b))
			return -EBADMSG;
		n++;
	}
	return n > 0;
}

/* tally_table - user functions of the table: they are its last. */
static void tally_table(
	struct tally *tally, const struct php_image *image, const struct table *t, const struct swt_php *php)
{
	struct bucket b;

	for (uint32_t n = 0; n < t->n_used && n < CHECKED_FUNCTIONS; n++) {
		if (get(image, t->buckets + (t->n_used - 1 - n) * sizeof(b), &b, sizeof(b)))
			return;
		if ((uint8_t)b.type && function_type(image, b.value) == SWT_PHP_USER)
			tally_user(tally, image, b.value, php);
	}
}

/* tally_chain - follow the call chain for a few frames. Return: 0, or -EBADMSG: it is none. */
static int tally_chain(struct tally *tally, const struct php_image *image, const struct swt_php *php)
{
	uint64_t ex = 0, func, data[EX_BYTES / 8];
	int type;

	if (get(image, php->current, &ex, sizeof(ex)))
		return -EBADMSG;
	for (int i = 0; ex && i < CHECKED_FRAMES; i++) {
		if (get(image, ex, data, sizeof(data)))
			return -EBADMSG;
		func = data[EX_FUNC / 8];
		ex = data[EX_PREV / 8];
		type = func ? function_type(image, func) : SWT_PHP_INTERNAL;
		if (type == SWT_PHP_INTERNAL)
			continue;
		if (type != SWT_PHP_USER && type != SWT_PHP_EVAL)
			return -EBADMSG;
		tally_user(tally, image, func, php);
	}
	return 0;
}

int php_check(const struct php_image *image, const struct swt_php *php)
{
	struct tally tally = {};
	uint64_t functions = 0;
	struct table t;
	int found;

	if (get(image, php->current - FUNCTION_TABLE_BEFORE, &functions, sizeof(functions)))
		return -EBADMSG;
	if (!functions) /* the engine has not started */
		return 0;
	if (table_get(image, functions, &t))
		return -EBADMSG;
	found = check_internal(image, &t);
	if (found <= 0)
		return found;
	if (tally_chain(&tally, image, php))
		return -EBADMSG;
	tally_table(&tally, image, &t, php);
	if (tally.n_fit)
		return 1;
	return tally.n_unfit ? -EBADMSG : 0;
}
