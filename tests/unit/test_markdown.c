/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/test_markdown.c - promises of output/markdown.c: what a text for a bug tracker says of the lines that it is made of.
 * In: lines made up here. What hostile ones do is in test_hostile.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output/output.h"

/* markdown - of an event; what was reported before it may be NULL. The event is freed.  Return: malloc'ed. */
static char *markdown(json_t *event, json_t *report, json_t *stack)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	assert_non_null(event);
	assert_int_equal(output_markdown_crash(f, event, report, &stack, stack != NULL, "1.0"), 0);
	fclose(f);
	json_decref(event);
	return text;
}

/* expect - that the text has such a part.  @text  freed, unless it has not */
static void expect(char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in:\n%s", part, text);
	free(text);
}

static json_t *php_frame(const char *function, const char *file, int line)
{
	return json_pack("{s:s,s:s,s:s*,s:o*}", "kind", "php", "function", function, "file", file, "line",
		file ? json_integer(line) : NULL);
}

/* overflow - a crash of n frames: the first, then rec and array_map by turns.  @recursion  "first,frames,times" */
static json_t *overflow(int n, int first, int frames, int times)
{
	json_t *list = json_array();

	for (int i = 0; i < n; i++)
		json_array_append_new(list, !i	    ? php_frame("strlen", NULL, 0)
					    : i % 2 ? php_frame("rec", "/srv/leak.php", 3)
						    : php_frame("array_map", NULL, 0));
	return json_pack("{s:s,s:s,s:s,s:o,s:{s:s,s:i,s:i,s:i}}", "type", "crash", "signal_name", "SIGSEGV", "walk",
		"too_deep", "frames", list, "recursion", "kind", "php", "first", first, "frames", frames, "times",
		times);
}

static void frames_that_repeat_are_told_once(void **state)
{
	(void)state;
	expect(markdown(overflow(202, 1, 2, 100), NULL, NULL),
		"### Stack, innermost first\n\n"
		"    #0  strlen (PHP)\n"
		"    #1  rec leak.php:3\n"
		"    #2  array_map (PHP)\n"
		"    (these frames 99 more times, as far as the stack is recorded)\n"
		"    #201 rec leak.php:3\n"
		"    (the stack ends here: too_deep)\n");
	/* Up to the last frame; and of one frame. */
	expect(markdown(overflow(201, 1, 2, 100), NULL, NULL),
		"    #2  array_map (PHP)\n"
		"    (these frames 99 more times, as far as the stack is recorded)\n"
		"    (the stack ends here: too_deep)\n");
	expect(markdown(overflow(3, 1, 1, 2), NULL, NULL),
		"    #1  rec leak.php:3\n"
		"    (this frame 1 more time, as far as the stack is recorded)\n"
		"    (the stack ends here: too_deep)\n");
}

static void recursion_that_cannot_be_folds_nothing(void **state)
{
	static const int bad[][3] = { { -1, 2, 3 }, { 1, 0, 3 }, { 1, -2, 3 }, { 1, 2, 1 }, { 1, 2, -3 }, { 1, 2, 5 },
		{ 9, 2, 2 }, { 11, 1, 2 }, { 1, 2147483647, 2 }, { 2147483647, 2, 2 }, { 0, 1, 2147483647 } };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *text = markdown(overflow(10, bad[i][0], bad[i][1], bad[i][2]), NULL, NULL);

		assert_null(strstr(text, "as far as the stack"));
		expect(text, "    #8  array_map (PHP)\n    #9  rec leak.php:3\n    (the stack ends here");
	}
}

/* leaks - the text of a crash of a process that leaked.  @why  what its stack says of it */
static char *leaks(json_t *why)
{
	json_t *report = json_pack("{s:s,s:[{s:i}]}", "time", "then", "processes", "pid", 7),
	       *stack = json_pack("{s:i,s:s,s:s,s:i,s:i,s:{s:i},s:[o]}", "pid", 7, "layer", "zend", "verdict", "leak",
		       "live_bytes", 2 << 20, "live_blocks", 50, "leak", "bytes_per_s", 1024, "frames",
		       php_frame("Cache::keep", "/srv/b.php", 9));
	char *text;

	json_object_update_recursive(stack, why);
	text = markdown(json_pack("{s:s,s:i}", "type", "crash", "pid", 7), report, stack);
	json_decref(why);
	json_decref(report);
	json_decref(stack);
	return text;
}

static void a_leak_has_its_reason(void **state)
{
	(void)state;
	expect(leaks(json_pack("{s:i,s:i,s:i}", "old_blocks", 1200, "old_freed", 0, "old_age_ms", 15000)),
		"\n    LEAK 3.5 MiB/h, 2.0 MiB live in 50 blocks, zend\n"
		"    0 of 1,200 blocks older than 15 s were freed\n      #0  Cache::keep b.php:9\n");
	expect(leaks(json_pack("{s:i,s:{s:b}}", "old_blocks", 3, "leak", "growing_block", 1)),
		"blocks, zend\n    few blocks, replaced by ever larger ones\n      #0 ");
	expect(leaks(json_pack("{s:s}", "why", "LEAK 3.5 MiB/h, `so` \033")),
		"blocks, zend\n    LEAK 3.5 MiB/h, `so` \\x1b\n      #0 ");
	expect(leaks(json_object()), "blocks, zend\n      #0 ");
}

static void last_words_end_without_the_end_of_their_line(void **state)
{
	static const char *const words[][2] = { { "free(): invalid pointer\n", "`free(): invalid pointer`\n- **When" },
		{ "a\nb\r\n\n", "`a\\x0ab`\n" }, { "`", "`\\x60`\n" } };
	char *text;

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		text = markdown(
			json_pack("{s:s,s:s,s:s}", "type", "crash", "abort_message", words[i][0], "time", "now"), NULL,
			NULL);
		assert_non_null(strstr(text, "\n- **Abort message:** `"));
		expect(text, words[i][1]);
	}
	text = markdown(json_pack("{s:s,s:s}", "type", "crash", "abort_message", "\n"), NULL, NULL);
	assert_null(strstr(text, "Abort"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_that_repeat_are_told_once),
		cmocka_unit_test(recursion_that_cannot_be_folds_nothing),
		cmocka_unit_test(a_leak_has_its_reason),
		cmocka_unit_test(last_words_end_without_the_end_of_their_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
