// SPDX-License-Identifier: GPL-2.0-or-later
/* target/php.c - the PHP engine in a process: which version, where its call chain starts, and at which offsets its
 * structures keep what a frame needs.
 * Offsets are those of Zend/zend_globals.h and Zend/zend_compile.h on x86-64. Those of 7.4, 8.2 and 8.4 were compiled
 * against the headers of Debian's packages; the others are counted from the upstream sources (8.5's opcodes are taken to
 * lie where 8.4's do). All are checked against the live process (phpcheck.c). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "swtrace/abi.h"
#include "target/parser.h"

static const struct {
	unsigned major;
	unsigned minor;
	struct target_php_layout layout;
} layouts[] = {
	{ 7, 4, { 488, 136, 144, 64, 60 } },
	{ 8, 0, { 488, 144, 152, 72, 68 } },
	{ 8, 1, { 488, 144, 152, 72, 68 } },
	{ 8, 2, { 488, 152, 160, 88, 80 } },
	{ 8, 3, { 488, 144, 152, 80, 76 } },
	{ 8, 4, { 488, 168, 176, 104, 96 } },
	{ 8, 5, { 512, 168, 176, 104, 96 } },
};

#define CHECK_TRIES 20

#define BANNER	       "X-Powered-By: PHP/" /* in the engine's read-only data, in all versions */
#define BANNER_BYTES   64		    /* with the version, more than enough */
#define READ_BYTES     (1 << 20)
#define MAX_FILE_BYTES (64 << 20)

/* php_read_version - from the banner in the file. */
int php_read_version(int fd, char *version, size_t cap)
{
	char *buf = malloc(READ_BYTES + 1), *found;
	int err = -ENOENT;
	ssize_t n;

	if (!buf)
		return -ENOMEM;
	/* Pieces overlap; a banner that starts where the next piece does is left to that one, to be found whole. */
	for (off_t at = 0; err && at < MAX_FILE_BYTES; at += READ_BYTES - BANNER_BYTES) {
		n = pread(fd, buf, READ_BYTES, at);
		if (n <= 0)
			break;
		buf[n] = 0;
		found = memmem(buf, n, BANNER, strlen(BANNER));
		if (!found || found - buf >= READ_BYTES - BANNER_BYTES)
			continue;
		found += strlen(BANNER);
		snprintf(version, cap, "%.*s", (int)strspn(found, "0123456789."), found);
		err = 0;
	}
	free(buf);
	return err;
}

int php_find_version(struct target_module *m)
{
	int err;

	if (m->php_version_state)
		return m->php_version_state > 0 ? 0 : -ENOENT;
	err = parser_version(m, m->php_version, sizeof(m->php_version));
	if (err != -ENOMEM && err != -EAGAIN)
		m->php_version_state = err ? -1 : 1;
	return err;
}

static int read_memory(void *ctx, uint64_t addr, void *to, size_t len)
{
	const pid_t *pid = ctx;

	return process_read(*pid, addr, to, len);
}

static const struct target_php_layout *find_layout(const char *version)
{
	unsigned major, minor;

	if (sscanf(version, "%u.%u", &major, &minor) != 2)
		return NULL;
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
		if (layouts[i].major == major && layouts[i].minor == minor)
			return &layouts[i].layout;
	return NULL;
}

/* fill_globals - where executor_globals is: a variable, or in a thread-safe build one a thread. */
static int fill_globals(const struct target_process *p, const struct elffile *elf, uint64_t bias, struct swt_php *out)
{
	struct elffile_symbol globals, cache;
	uint8_t code[TSRM_CODE_BYTES];
	struct tsrm_access tsrm;
	pid_t pid = p->pid;

	if (!elffile_find_object(elf, "executor_globals", &globals)) {
		out->current += globals.vaddr + bias;
		return 0;
	}
	if (elffile_find_object(elf, "executor_globals_offset", &globals) ||
		elffile_find(elf, "tsrm_get_ls_cache", &cache) ||
		read_memory(&pid, cache.vaddr + bias, code, sizeof(code)) || tsrm_decode(code, sizeof(code), &tsrm))
		return -ENOSYS;
	out->flags = SWT_PHP_THREADED | (tsrm.is_slot ? SWT_PHP_TLS_SLOT : 0);
	out->tls = tsrm.is_slot ? (int64_t)(cache.vaddr + bias) + tsrm.tls : tsrm.tls;
	out->globals_at = globals.vaddr + bias;
	return 0;
}

/* engine_fill - addresses of this engine in this process. */
static int engine_fill(const struct target_process *p, const struct target_map *m, const struct target_php_layout *l,
	struct swt_php *out)
{
	struct elffile_symbol execute;
	uint64_t bias;

	if (elffile_find(m->module->elf, "execute_ex", &execute) || map_bias(m, &bias))
		return -ENOTSUP;
	*out = (struct swt_php){ .current = l->current,
		.execute_start = execute.vaddr + bias,
		.execute_end = execute.vaddr + bias + execute.size_bytes,
		.filename = l->filename,
		.line_start = l->line_start,
		.opcodes = l->opcodes,
		.last = l->last };
	return fill_globals(p, m->module->elf, bias, out);
}

/* check_patiently - the process runs meanwhile, so what is read may be torn. */
static int check_patiently(const struct target_process *p, const struct swt_php *php)
{
	pid_t pid = p->pid;
	const struct php_image image = { read_memory, &pid };
	int found = 0;

	for (int i = 0; i < CHECK_TRIES; i++) {
		found = php_check(&image, php);
		if (found >= 0)
			break;
		usleep(1000);
	}
	return found;
}

int target_php_check(const struct target_process *p, struct swt_php *php)
{
	struct swt_php one = *php;
	int found;

	if (php->flags & SWT_PHP_THREADED)
		one.current = php->seen;
	if (!one.current)
		return 0;
	found = check_patiently(p, &one);
	if (found >= 0 || !php->opcodes)
		return found;
	/* A distribution's patch may have moved the opcodes alone; frames can be told without them. */
	one.opcodes = one.last = 0;
	found = check_patiently(p, &one);
	if (found >= 0)
		php->opcodes = php->last = 0;
	return found;
}

const struct target_map *php_find_engine(const struct target_process *p)
{
	struct elffile_symbol sym;

	for (size_t i = 0; i < p->n_maps; i++)
		if (p->map[i].module && p->map[i].module->elf &&
			!elffile_find(p->map[i].module->elf, "execute_ex", &sym))
			return &p->map[i];
	return NULL;
}

struct target_module *target_php_engine(const struct target_process *p)
{
	const struct target_map *m = php_find_engine(p);

	return m ? m->module : NULL;
}

/* try_layout - as target_php(), with this layout; NULL: there is none. */
static int try_layout(const struct target_process *p, const struct target_map *engine,
	const struct target_php_layout *layout, struct swt_php *out)
{
	int err = layout ? engine_fill(p, engine, layout, out) : -ENOTSUP;

	if (!err)
		err = target_php_check(p, out);
	return err ? err : 2;
}

int target_php(const struct target_process *p, const struct target_php_layout *debug, struct swt_php *out,
	char *version, size_t cap)
{
	const struct target_map *engine = php_find_engine(p);
	int found;

	*version = 0;
	if (!engine || php_find_version(engine->module))
		return 0;
	snprintf(version, cap, "%s", engine->module->php_version);
	found = debug ? try_layout(p, engine, debug, out) : -ENOTSUP;
	return found > 0 ? found : try_layout(p, engine, find_layout(version), out);
}
