/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/test_php.c - is the engine's layout what its version says? On an engine made up here, byte by byte, and on a PHP that
 * runs. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "swtrace/abi.h"
#include "target/internal.h"

#define PHP "/usr/bin/php8.2"

/* The made-up process: MEMORY_BYTES at BASE, a thing at each of these. */
#define BASE	     0x10000
#define MEMORY_BYTES 8192
#define GLOBALS	     0x000 /* EG(function_table) */
#define CURRENT	     0x038 /* EG(current_execute_data) */
#define TABLE	     0x100
#define BUCKETS	     0x200
#define INTERNAL     0x400
#define USER	     0x500
#define STRINGS	     0x800
#define OPCODES	     0xc00
#define FRAME	     0x1000
#define OUTER	     0x1100

static const struct swt_php layout = {
	.current = BASE + CURRENT, .filename = 152, .line_start = 160, .opcodes = 88, .last = 80
};

static uint8_t memory[MEMORY_BYTES];
static size_t strings_end;

static int read_fake(void *ctx, uint64_t addr, void *to, size_t len)
{
	(void)ctx;
	if (addr < BASE || addr - BASE > MEMORY_BYTES || len > MEMORY_BYTES - (addr - BASE))
		return -EFAULT;
	memcpy(to, memory + (addr - BASE), len);
	return 0;
}

static const struct php_image fake = { read_fake, NULL };

static void put64(size_t at, uint64_t value)
{
	memcpy(memory + at, &value, sizeof(value));
}

static void put32(size_t at, uint32_t value)
{
	memcpy(memory + at, &value, sizeof(value));
}

/* put_string - a new zend_string, its address put at a place. */
static void put_string(size_t at, const char *text)
{
	put64(at, BASE + strings_end);
	put64(strings_end + 16, strlen(text));
	strcpy((char *)memory + strings_end + 24, text);
	strings_end += (24 + strlen(text) + 8) & ~7UL;
}

/* put_function - the i-th of the function table. */
static void put_function(uint32_t i, const char *key, size_t at, uint8_t type, const char *name)
{
	put64(BUCKETS + i * 32UL, BASE + at);
	put32(BUCKETS + i * 32UL + 8, 13); /* IS_PTR */
	put_string(BUCKETS + i * 32UL + 24, key);
	memory[at] = type;
	put_string(at + 8, name);
	put32(TABLE + 24, i + 1);
	put32(TABLE + 28, i + 1);
}

/* put_user - what only user functions have: a file, lines 10 to 14, two opcodes. */
static void put_user(size_t at)
{
	put_string(at + layout.filename, "/srv/app.php");
	put32(at + layout.line_start, 10);
	put32(at + layout.line_start + 4, 14);
	put64(at + layout.opcodes, BASE + OPCODES);
	put32(at + layout.last, 2);
	put32(OPCODES + 24, 11);
	put32(OPCODES + 32 + 24, 14);
}

static void put_frame(size_t at, size_t func, size_t prev)
{
	put64(at + 24, func ? BASE + func : 0);
	put64(at + 48, prev ? BASE + prev : 0);
}

/* engine - started, idle: one internal function. */
static int engine(void **state)
{
	(void)state;
	memset(memory, 0, sizeof(memory));
	strings_end = STRINGS;
	put64(GLOBALS, BASE + TABLE);
	put64(TABLE + 16, BASE + BUCKETS);
	put32(TABLE + 32, 8);
	put_function(0, "zend_version", INTERNAL, SWT_PHP_INTERNAL, "zend_version");
	return 0;
}

static int check(void)
{
	return php_check(&fake, &layout);
}

static void an_idle_engine_is_to_be_checked_again(void **state)
{
	(void)state;
	assert_int_equal(check(), 0);
}

static void an_engine_that_has_not_started_is_to_be_checked_again(void **state)
{
	(void)state;
	put64(GLOBALS, 0);
	assert_int_equal(check(), 0);
	put64(GLOBALS, BASE + TABLE);
	put32(TABLE + 24, 0);
	put32(TABLE + 28, 0);
	assert_int_equal(check(), 0);
}

static void an_idle_engine_elsewhere_is_noticed(void **state)
{
	struct swt_php wrong = layout;

	(void)state;
	for (int shift = -64; shift <= 64; shift += 8) {
		wrong.current = layout.current + shift;
		/* Memory that is all zeros cannot be told from an engine that has not started. */
		put64(GLOBALS + (shift < 0 ? 0 : shift), shift ? 0x4141 : BASE + TABLE);
		if (shift)
			assert_int_equal(php_check(&fake, &wrong), -EBADMSG);
	}
}

static void functions_under_names_that_are_not_theirs_are_noticed(void **state)
{
	(void)state;
	put_function(1, "func_num_args", USER, SWT_PHP_INTERNAL, "func_num_arg2");
	assert_int_equal(check(), -EBADMSG);
	put_string(USER + 8, "Func_Num_Args");
	assert_int_equal(check(), 0);
	memory[USER] = 7; /* no type of a function */
	assert_int_equal(check(), -EBADMSG);
}

static void a_table_that_is_none_is_noticed(void **state)
{
	(void)state;
	put32(TABLE + 32, 12); /* sizes are powers of two */
	assert_int_equal(check(), -EBADMSG);
	put32(TABLE + 32, 8);
	put32(TABLE + 24, 9); /* more in use than there are */
	assert_int_equal(check(), -EBADMSG);
	put32(TABLE + 24, 1);
	put64(TABLE + 16, BASE + MEMORY_BYTES - 8);
	assert_int_equal(check(), -EBADMSG);
}

/* with_user - a user function behind an internal one, with a hole between. */
static int with_user(void **state)
{
	engine(state);
	put_function(2, "app", USER, SWT_PHP_USER, "App");
	put_user(USER);
	put32(BUCKETS + 32 + 8, 0); /* the hole */
	put32(TABLE + 24, 3);
	put32(TABLE + 28, 2);
	return 0;
}

static void a_user_function_of_the_table_proves_the_layout(void **state)
{
	(void)state;
	assert_int_equal(check(), 1);
}

static void each_wrong_offset_of_a_user_function_is_noticed(void **state)
{
	struct swt_php wrong;

	(void)state;
	for (int shift = -16; shift <= 16; shift += 4) {
		if (!shift)
			continue;
		wrong = layout;
		wrong.filename += shift;
		assert_int_equal(php_check(&fake, &wrong), -EBADMSG);
		wrong = layout;
		wrong.line_start += shift;
		assert_int_equal(php_check(&fake, &wrong), -EBADMSG);
		wrong = layout;
		wrong.opcodes += shift;
		assert_int_equal(php_check(&fake, &wrong), -EBADMSG);
		wrong = layout;
		wrong.last += shift;
		assert_int_equal(php_check(&fake, &wrong), -EBADMSG);
	}
}

static void opcodes_with_lines_of_another_function_are_noticed(void **state)
{
	(void)state;
	put32(OPCODES + 24, 9);
	assert_int_equal(check(), -EBADMSG);
	put32(OPCODES + 24, 10);
	assert_int_equal(check(), 1);
	put32(OPCODES + 32 + 24, 15);
	assert_int_equal(check(), -EBADMSG);
}

static void without_known_opcodes_file_and_lines_are_enough(void **state)
{
	struct swt_php php = layout;

	(void)state;
	php.opcodes = php.last = 0;
	put64(USER + layout.opcodes, 0);
	assert_int_equal(php_check(&fake, &php), 1);
	put32(USER + layout.line_start, 15); /* behind its own end */
	assert_int_equal(php_check(&fake, &php), -EBADMSG);
}

static void a_file_name_that_is_no_text_is_noticed(void **state)
{
	struct swt_php php = layout;

	(void)state;
	/* A folder may be called like that: opcodes prove that it is one. */
	put_string(USER + layout.filename, "/srv/\x01\n\x1b[2J\xff");
	assert_int_equal(check(), 1);
	php.opcodes = php.last = 0;
	assert_int_equal(php_check(&fake, &php), -EBADMSG);
	put_string(USER + layout.filename, "");
	assert_int_equal(check(), -EBADMSG);
	put64(USER + layout.filename, BASE + MEMORY_BYTES - 8);
	assert_int_equal(check(), -EBADMSG);
	put_string(USER + layout.filename, "/srv/app.php(3) : eval()'d code");
	assert_int_equal(check(), 1);
}

static void the_call_chain_proves_the_layout_too(void **state)
{
	engine(state);
	put_user(USER);
	memory[USER] = SWT_PHP_EVAL;
	put64(CURRENT, BASE + FRAME);
	put_frame(FRAME, 0, OUTER); /* a placeholder without a function */
	put_frame(OUTER, USER, 0);
	assert_int_equal(check(), 1);
	put32(USER + layout.line_start, 0);
	assert_int_equal(check(), -EBADMSG);
}

static void a_chain_that_leads_nowhere_is_noticed(void **state)
{
	(void)state;
	put64(CURRENT, BASE + FRAME);
	put_frame(FRAME, INTERNAL, 0);
	put64(FRAME + 48, 8);
	assert_int_equal(check(), -EBADMSG);
	put_frame(FRAME, STRINGS + 1, 0);
	assert_int_equal(check(), -EBADMSG);
	put_frame(FRAME, INTERNAL, 0);
	assert_int_equal(check(), 1);
}

static void a_chain_in_a_ring_is_followed_for_a_while_only(void **state)
{
	(void)state;
	put64(CURRENT, BASE + FRAME);
	put_frame(FRAME, INTERNAL, FRAME);
	assert_int_equal(check(), 1);
}

/* A function that the engine has made in passing, next to a real one. */
static void one_function_without_a_place_does_not_count_against_others(void **state)
{
	(void)state;
	put64(CURRENT, BASE + FRAME);
	put_frame(FRAME, OUTER + 0x100, 0);
	memory[OUTER + 0x100] = SWT_PHP_USER;
	assert_int_equal(check(), 1);
}

/* ---- on a PHP that runs ---- */

static void versions_with_another_layout_are_told_from_the_one_that_runs(void **state)
{
	static const struct swt_php other[] = { { .filename = 136, .line_start = 144, .opcodes = 64, .last = 60 },
		{ .filename = 144, .line_start = 152 },
		{ .filename = 168, .line_start = 176, .opcodes = 104, .last = 96 } };
	struct target_process *p;
	struct swt_php php, wrong;
	struct target *t;
	char version[16];
	int to_us[2];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(to_us), 0);
	pid = fork();
	if (!pid) {
		dup2(to_us[1], 1);
		execl(PHP, PHP, "-r", "function f() { echo 'x'; sleep(60); } f();", NULL);
		_exit(1);
	}
	close(to_us[1]);
	assert_int_equal(read(to_us[0], version, 1), 1);
	assert_int_equal(target_open(&t), 0);
	assert_int_equal(target_add(t, pid, &p), 0);
	assert_int_equal(target_php(p, NULL, &php, version, sizeof(version)), 1);
	assert_memory_equal(version, "8.2.", 4);
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		wrong = other[i];
		wrong.current = php.current;
		assert_int_equal(target_php_check(p, &wrong), -EBADMSG);
	}
	wrong = php;
	wrong.opcodes += 16;
	assert_int_equal(target_php_check(p, &wrong), 1);
	assert_int_equal(wrong.opcodes + wrong.last, 0);
	wrong = php;
	wrong.current += 24; /* as in 8.5 */
	assert_int_equal(target_php_check(p, &wrong), -EBADMSG);
	target_close(t);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(to_us[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_idle_engine_is_to_be_checked_again, engine),
		cmocka_unit_test_setup(an_engine_that_has_not_started_is_to_be_checked_again, engine),
		cmocka_unit_test_setup(an_idle_engine_elsewhere_is_noticed, engine),
		cmocka_unit_test_setup(functions_under_names_that_are_not_theirs_are_noticed, engine),
		cmocka_unit_test_setup(a_table_that_is_none_is_noticed, engine),
		cmocka_unit_test_setup(a_user_function_of_the_table_proves_the_layout, with_user),
		cmocka_unit_test_setup(each_wrong_offset_of_a_user_function_is_noticed, with_user),
		cmocka_unit_test_setup(opcodes_with_lines_of_another_function_are_noticed, with_user),
		cmocka_unit_test_setup(without_known_opcodes_file_and_lines_are_enough, with_user),
		cmocka_unit_test_setup(a_file_name_that_is_no_text_is_noticed, with_user),
		cmocka_unit_test_setup(the_call_chain_proves_the_layout_too, engine),
		cmocka_unit_test_setup(a_chain_that_leads_nowhere_is_noticed, with_user),
		cmocka_unit_test_setup(a_chain_in_a_ring_is_followed_for_a_while_only, with_user),
		cmocka_unit_test_setup(one_function_without_a_place_does_not_count_against_others, with_user),
		cmocka_unit_test(versions_with_another_layout_are_told_from_the_one_that_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
