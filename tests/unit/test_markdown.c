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

static void what_it_held_when_it_crashed_is_told(void **state)
{
	(void)state;
	expect(markdown(json_pack("{s:s,s:{s:{s:i,s:i},s:i,s:i,s:{s:i,s:i}}}", "type", "crash", "memory", "live_bytes",
				"zend", 3 << 20, "libc", 200, "age_ms", 1500, "rss_bytes", 30 << 20, "php",
				"size_bytes", 4 << 20, "limit_bytes", 128 << 20),
		       NULL, NULL),
		"\n### Memory when it crashed\n\n    live: zend 3.0 MiB, libc 200 B\n"
		"    1.5 s before: 30.0 MiB resident, 4.0 MiB in PHP's heap (memory_limit 128.0 MiB)\n");
	expect(markdown(json_pack("{s:s,s:{s:{s:i},s:n,s:n}}", "type", "crash", "memory", "live_bytes", "libc", 5,
				"rss_bytes", "php"),
		       NULL, NULL),
		"\n### Memory when it crashed\n\n    live: libc 5 B\n");
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

/* What every text begins with, whatever it is of. */
#define TOLD "- **When:** `now`\n- **Told by:** swtrace 1.0\n"

static json_t *event(const char *type, const char *comm, json_t *rest)
{
	json_t *o = json_pack("{s:s,s:s,s:i,s:s}", "type", type, "time", "now", "pid", 7, "comm", comm);

	json_object_update(o, rest);
	json_decref(rest);
	return o;
}

static void an_exhausted_limit_is_told_with_what_lived(void **state)
{
	json_t *frames = json_pack("[o,o]", php_frame("str_repeat", NULL, 0), php_frame("Foo::bar", "/srv/w.php", 12));

	(void)state;
	expect(markdown(event("memory_limit", "php",
				json_pack("{s:s,s:o,s:i,s:i,s:i,s:i,s:[{s:s,s:i,s:i,s:[{s:s,s:s,s:s}]}],s:{s:s}}",
					"walk", "complete", "frames", frames, "limit_bytes", 128 << 20, "asked_bytes",
					4096, "live_bytes", 3 << 20, "live_blocks", 1200, "live", "layer", "zend",
					"live_bytes", 2 << 20, "live_blocks", 1000, "frames", "function", "_emalloc",
					"module", "php8.2", "build_id", "abcd", "identity", "exe", "php")),
		       NULL, NULL),
		"## PHP's memory limit exhausted in `Foo::bar w.php:12`\n\n"
		"- **Process:** `php, pid 7`\n"
		"- **What it is:** `memory_limit of 128.0 MiB exhausted: 4.0 KiB more were asked for`\n" TOLD "\n"
		"### Program\n\n- `exe: php`\n\n"
		"### Stack, innermost first\n\n    #0  str_repeat (PHP)\n    #1  Foo::bar w.php:12\n\n"
		"### What lived then, of what was allocated since tracing began\n\n"
		"    3.0 MiB in 1,200 blocks; most of it:\n\n"
		"    2.0 MiB live in 1,000 blocks, zend\n      #0  _emalloc (php8.2)\n\n"
		"### Builds\n\n    abcd  php8.2\n");
}

static void other_ends_say_what_they_are(void **state)
{
	json_t *report = json_pack("{s:s,s:[{s:i,s:{s:{s:i,s:i}}}]}", "time", "then", "processes", "pid", 7, "layers",
		"libc", "live_bytes", 2048, "live_blocks", 2);

	(void)state;
	expect(markdown(event("out_of_memory", "php", json_pack("{s:i}", "asked_bytes", 2 << 20)), NULL, NULL),
		"## No memory for PHP\n\n- **Process:** `php, pid 7`\n"
		"- **What it is:** `the system gave PHP no memory: 2.0 MiB more were asked for`\n" TOLD);
	expect(markdown(event("heap_corrupted", "php", json_pack("{s:[o]}", "frames", php_frame("f", "/a.php", 2))),
		       NULL, NULL),
		"## PHP's heap corrupted in `f a.php:2`\n\n- **Process:** `php, pid 7`\n"
		"- **What it is:** `PHP found its heap corrupted (zend_mm_heap corrupted): ");
	/* The kernel's kill has no stack; of the memory before it the last report tells, as of a crash. */
	expect(markdown(event("oom_kill", "app", json_pack("{s:i,s:[]}", "peak_rss_bytes", 1 << 30, "frames")), report,
		       NULL),
		"## Killed for lack of memory\n\n- **Process:** `app, pid 7`\n"
		"- **What it is:** `the kernel killed it: memory had run out, its cgroup's or the machine's; it had at most 1.0 GiB resident`\n" TOLD
		"\n### Memory, by the last report before it (then)\n\n    libc: 2.0 KiB live in 2 blocks\n");
	json_decref(report);
}

#define STACK(function) "frames", "function", function, "module", "app"

static void faulty_frees_are_told_with_their_block(void **state)
{
	(void)state;
	expect(markdown(event("double_free", "app",
				json_pack("{s:i,s:s,s:s,s:i,s:i,s:i,s:i,s:[{s:s,s:s}],s:{s:[{s:s,s:s}]},s:n}", "tid", 8,
					"layer", "libc", "addr", "0x10", "size_bytes", 72, "age_ms", 640, "freed_ms",
					40, "freed_tid", 9, STACK("drop"), "allocated_by", STACK("make"), "freed_by")),
		       NULL, NULL),
		"## Double free in `drop (app)`\n\n- **Process:** `app, pid 7, thread 8`\n"
		"- **What it is:** `freed a block again: 72 bytes (libc) at 0x10, was freed 0.04 s before by thread 9`\n" TOLD
		"\n"
		"### Stack, innermost first\n\n    #0  drop (app)\n\n"
		"### Block\n\n    72 bytes (libc) at 0x10, allocated 0.64 s before\n"
		"      allocated by\n        #0  make (app)\n"
		"      freed first by: --free-stacks tells\n");
	expect(markdown(event("invalid_free", "app",
				json_pack("{s:s,s:s,s:s,s:[{s:s,s:s}],s:{s:s,s:i,s:i,s:i,s:{s:[{s:s,s:s}]}}}", "layer",
					"zend", "addr", "0x20", "what", "inside_block", STACK("drop"), "block", "addr",
					"0x10", "size_bytes", 72, "offset", 16, "age_ms", 1000, "allocated_by",
					STACK("make"))),
		       NULL, NULL),
		"- **What it is:** `freed 0x20, 16 bytes into a live block of 72 bytes (zend) at 0x10`\n" TOLD "\n"
		"### Stack, innermost first\n\n    #0  drop (app)\n\n"
		"### Block\n\n    72 bytes (zend) at 0x10, allocated 1.00 s before\n"
		"      allocated by\n        #0  make (app)\n");
	expect(markdown(event("invalid_free", "app", json_pack("{s:s,s:s}", "addr", "0x20", "what", "never_allocated")),
		       NULL, NULL),
		"## Invalid free\n\n- **Process:** `app, pid 7`\n"
		"- **What it is:** `freed 0x20, which was never allocated`\n");
	/* WHEN it was given to realloc */
	expect(markdown(event("invalid_free", "app",
				json_pack("{s:s,s:s,s:s}", "op", "realloc", "addr", "0x20", "what", "never_allocated")),
		       NULL, NULL),
		"- **What it is:** `gave 0x20 to realloc, which was never allocated`\n");
	expect(markdown(event("double_free", "app",
				json_pack("{s:s,s:s,s:s,s:i}", "op", "realloc", "layer", "libc", "addr", "0x10",
					"size_bytes", 72)),
		       NULL, NULL),
		"- **What it is:** `gave a freed block to realloc: 72 bytes (libc) at 0x10");
}

static void what_a_text_is_made_of_is_known(void **state)
{
	static const struct {
		const char *line;
		int told;
	} cases[] = { { "{'type':'crash'}", 1 }, { "{'type':'oom_kill'}", 1 },
		{ "{'type':'memory_limit','again':false}", 1 }, { "{'type':'memory_limit','again':true}", 0 },
		{ "{'type':'lifecycle'}", 0 }, { "{'type':''}", 0 }, { "{'type':7}", 0 }, { "{}", 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char line[64];
		json_t *o;

		snprintf(line, sizeof(line), "%s", cases[i].line);
		for (char *c = line; *c; c++)
			*c = *c == '\'' ? '"' : *c;
		o = json_loads(line, 0, NULL);
		assert_non_null(o);
		assert_int_equal(output_markdown_tells(o), cases[i].told);
		json_decref(o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_that_repeat_are_told_once),
		cmocka_unit_test(what_it_held_when_it_crashed_is_told),
		cmocka_unit_test(recursion_that_cannot_be_folds_nothing),
		cmocka_unit_test(a_leak_has_its_reason),
		cmocka_unit_test(last_words_end_without_the_end_of_their_line),
		cmocka_unit_test(an_exhausted_limit_is_told_with_what_lived),
		cmocka_unit_test(other_ends_say_what_they_are),
		cmocka_unit_test(faulty_frees_are_told_with_their_block),
		cmocka_unit_test(what_a_text_is_made_of_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
