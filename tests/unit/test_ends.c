// SPDX-License-Identifier: GPL-2.0-or-later
/* test_ends.c - how the ends of processes are told. */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "output/output.h"

static const struct output_stack no_stack = { 0 };

/* text_of - what is told of an event. @line  buffer of 1024 bytes */
static const char *text_of(const struct model_event *e, char *line)
{
	FILE *f = fmemopen(line, 1024, "w");

	assert_non_null(f);
	assert_int_equal(output_text_event(f, e, &no_stack), 0);
	fclose(f);
	return line;
}

static json_t *json_of(const struct model_event *e)
{
	char line[4096] = "";
	FILE *f = fmemopen(line, sizeof(line), "w");
	json_t *o;

	assert_non_null(f);
	assert_int_equal(output_json_event(f, e, &no_stack), 0);
	fclose(f);
	o = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(o);
	return o;
}

#define WHEN "[1970-01-01T00:00:00.000Z] "

static void a_kill_is_told_with_its_sender_whose_name_is_made_safe(void **state)
{
	struct model_event e = { .type = MODEL_EXIT, .pid = 5, .comm = "php", .wait_status = 9 };
	char line[1024];

	(void)state;
	/* GIVEN who has sent it */
	e.end.sender_pid = 77;
	strcpy(e.end.sender_comm, "a\x1b[2J");
	e.end.peak_rss_bytes = 3 << 20;
	/* WHEN told, THEN */
	assert_string_equal(text_of(&e, line), WHEN "php(5) was killed by SIGKILL (signal 9), sent by a\\x1b[2J(77)"
						    " [pid=5, status=0, signal=9, peak RSS 3.0 MiB]\n");
	/* GIVEN it was the process itself */
	e.end.sender_pid = 5;
	assert_string_equal(text_of(&e, line), WHEN "php(5) was killed by SIGKILL (signal 9), sent by itself"
						    " [pid=5, status=0, signal=9, peak RSS 3.0 MiB]\n");
}

static void an_end_says_which_worker_it_was(void **state)
{
	static const struct model_identity id = { .role = MODEL_ROLE_TASK_WORKER, .worker = 5 };
	struct model_event e = {
		.type = MODEL_EXIT, .pid = 5, .comm = "php", .wait_status = 255 << 8, .identity = &id
	};
	struct output_end x = { .event = &e };
	char line[4096];
	FILE *f;
	json_t *o;

	(void)state;
	/* GIVEN a task worker, WHEN its end is told, and what has ended it, THEN its role is, to people and to programs */
	assert_string_equal(
		text_of(&e, line), WHEN "php(5), task worker 5 exited with status 255 [pid=5, status=255, signal=0]\n");
	o = json_of(&e);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(o, "identity"), "worker")), 5);
	json_decref(o);
	e.type = MODEL_LIMIT;
	f = fmemopen(line, sizeof(line), "w");
	assert_non_null(f);
	assert_int_equal(output_json_end(f, &x), 0);
	fclose(f);
	o = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	assert_string_equal(json_string_value(json_object_get(o, "type")), "memory_limit");
	assert_string_equal(json_string_value(json_object_get(json_object_get(o, "identity"), "role")), "task_worker");
	json_decref(o);
}

static void an_end_in_a_container_has_the_pid_by_which_it_is_logged_there(void **state)
{
	static const struct model_identity id = { .role = MODEL_ROLE_WORKER,
		.worker = 3,
		.container = MODEL_CONTAINER_DOCKER,
		.container_id = "3f2a\x1b[2J",
		.ns_pid = 4 };
	struct model_event e = { .type = MODEL_EXIT, .pid = 1312, .comm = "php", .wait_status = 9, .identity = &id };
	struct output_end x = { .event = &e, .n_again = 2 };
	char line[1024] = "";
	FILE *f;

	(void)state;
	/* WHEN its end is told, THEN by the pid in its own namespace where Swoole's log is quoted */
	assert_string_equal(text_of(&e, line),
		WHEN "php(1312), worker 3, docker 3f2a\\x1b[2J (pid 4 there) was killed by SIGKILL (signal 9)"
		     " [pid=4, status=0, signal=9]\n");
	/* WHEN what ends it is told, THEN where it runs is said, too */
	e.type = MODEL_LIMIT;
	f = fmemopen(line, sizeof(line), "w");
	assert_non_null(f);
	assert_int_equal(output_text_end(f, &x), 0);
	fclose(f);
	assert_non_null(strstr(line, "LIMIT php(1312), worker 3, docker 3f2a\\x1b[2J (pid 4 there): memory_limit of"));
	e.type = MODEL_EXIT;
	f = fmemopen(line, sizeof(line), "w");
	assert_non_null(f);
	assert_int_equal(output_text_end(f, &x), 0);
	fclose(f);
	assert_non_null(strstr(line, "OOM KILL php(1312), worker 3, docker 3f2a\\x1b[2J (pid 4 there): memory had"));
}

static void an_end_without_an_error_is_one_short_line(void **state)
{
	struct model_event e = { .type = MODEL_EXIT, .pid = 5, .comm = "php", .end.peak_rss_bytes = 4096 };
	char line[1024];

	(void)state;
	assert_string_equal(text_of(&e, line), WHEN "php(5) exited with status 0\n");
}

static void every_reason_has_words_and_a_name(void **state)
{
	static const struct {
		enum model_reason reason;
		int status;
		const char *text;
		const char *name;
	} known[] = {
		{ MODEL_REASON_OOM, 9, "by the kernel: memory had run out (OOM)", "oom" },
		{ MODEL_REASON_FATAL, 255 << 8, "status 255, as PHP does after a fatal error [pid=5", "fatal_error" },
		{ MODEL_REASON_LIMIT, 255 << 8, "status 255: its memory_limit was exhausted [pid=5", "memory_limit" },
		{ MODEL_REASON_CORRUPT, 1 << 8, "status 1: PHP found its heap corrupted [pid=5", "heap_corrupted" },
	};
	char line[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct model_event e = { .type = MODEL_EXIT, .pid = 5, .comm = "php" };
		json_t *o;

		e.wait_status = known[i].status;
		e.end.reason = known[i].reason;
		assert_non_null(strstr(text_of(&e, line), known[i].text));
		o = json_of(&e);
		assert_string_equal(json_string_value(json_object_get(o, "reason")), known[i].name);
		json_decref(o);
	}
}

/* told - an event by output_text_end. @line  buffer of 1024 bytes */
static const char *told(const struct output_end *x, char *line)
{
	FILE *f = fmemopen(line, 1024, "w");

	assert_non_null(f);
	assert_int_equal(output_text_end(f, x), 0);
	fclose(f);
	return line;
}

static const struct symbol_frame frames[] = {
	{ .kind = SYMBOL_NOTHING, .addr = 0x10 },
	{ .kind = SYMBOL_PHP, .function = "str_repeat", .file = "" },
	{ .kind = SYMBOL_PHP, .function = "Foo::bar", .file = "a.php", .line = 12 },
};

static void a_limit_is_told_with_the_line_of_the_script_and_what_lived(void **state)
{
	struct model_event e = { .type = MODEL_LIMIT, .pid = 5, .comm = "php" };
	struct model_stack live = { .layer = MODEL_ZEND, .live_bytes = 2048, .live_blocks = 1 };
	struct model_top top = { .live_bytes = 4096, .live_blocks = 3, .stack = &live, .n = 1 };
	struct output_stack name = { .frame = &frames[2], .n = 1 };
	struct output_end x = { .event = &e, .stack = { .frame = frames, .n = 3 }, .top = &top, .top_stacks = &name };
	char line[1024];

	(void)state;
	e.end.limit_bytes = 128 << 20;
	e.end.asked_bytes = 4096;
	assert_string_equal(told(&x, line), WHEN
		"LIMIT php(5): memory_limit of 128.0 MiB exhausted: 4.0 KiB more were asked for at Foo::bar a.php:12\n"
		"      0x10 (nothing is mapped there)\n"
		"      str_repeat (PHP)\n"
		"      Foo::bar a.php:12\n"
		"    what lived then, of what was allocated since tracing began: 4.0 KiB in 3 blocks; most of it:\n"
		"  #1  2.0 KiB live in 1 block, zend\n"
		"      Foo::bar a.php:12\n"
		"\n");
}

static void what_is_counted_is_one_line(void **state)
{
	struct model_event e = { .type = MODEL_CORRUPT, .pid = 5, .comm = "php" };
	struct output_end x = { .event = &e, .n_again = 1234 };
	char line[1024];

	(void)state;
	assert_string_equal(told(&x, line),
		WHEN "CORRUPT php(5): PHP found its heap corrupted (zend_mm_heap corrupted);"
		     " 1,234 times more since this was last told\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_kill_is_told_with_its_sender_whose_name_is_made_safe),
		cmocka_unit_test(an_end_says_which_worker_it_was),
		cmocka_unit_test(an_end_in_a_container_has_the_pid_by_which_it_is_logged_there),
		cmocka_unit_test(an_end_without_an_error_is_one_short_line),
		cmocka_unit_test(every_reason_has_words_and_a_name),
		cmocka_unit_test(a_limit_is_told_with_the_line_of_the_script_and_what_lived),
		cmocka_unit_test(what_is_counted_is_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
