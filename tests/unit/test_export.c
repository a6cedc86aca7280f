/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_export.c - promises of export/export.h: each form of a profile, with plain and with hostile names.
 *
 * In: profiles made up here. Out: exact text; JSON is parsed back. Folded stacks: test_output.c. */
#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "export/export.h"
#include "util/strbuf.h"

#define HOSTILE "\x1b[2J\n;\xff<script>\"\xc3\xa9"

static void add_process(struct profile *p, uint32_t pid, const char *comm)
{
	struct profile_point point[2] = { { 0, 1000 }, { 5000, 7000 } };

	profile_add_process(p, &(struct profile_process){ .pid = pid,
				       .comm = comm,
				       .role = "worker",
				       .worker = 3,
				       .what = "PHP 8.2.36 NTS",
				       .is_alive = pid == 42,
				       .live_bytes = { 6144, 300, 0 },
				       .live_blocks = { 60, 1, 0 },
				       .n_requests = pid == 42 ? 1234 : UINT64_MAX });
	profile_add_curve(
		p, &(struct profile_curve){
			   .name = "zend", .verdict = "growing", .bytes_per_s = 1200, .point = point, .n = 2 });
	profile_add_curve(p, &(struct profile_curve){ .name = "rss", .verdict = "plateau", .point = point, .n = 2 });
}

/* made - two processes, three stacks; the names of one are hostile. */
static void made(struct profile *p)
{
	uint32_t frame[4];

	profile_begin(p);
	p->version = profile_string(p, "0.5");
	p->host = profile_string(p, "box");
	p->start_utc_ns = 1795470005123000000LL;
	p->utc_ns = p->start_utc_ns + 15000000000LL;
	add_process(p, 42, "php8.2");
	add_process(p, 7, HOSTILE);
	frame[0] = profile_add_frame(p, &(struct profile_frame){ .kind = PROFILE_NATIVE,
						.function = "concat_function",
						.file = "/build/Zend/zend_operators.c",
						.module = "php8.2",
						.build_id = "f401dc5a",
						.offset = 0x1234,
						.line = 1987 });
	frame[1] = profile_add_frame(
		p, &(struct profile_frame){ .kind = PROFILE_MODULE, .module = "php8.2", .offset = 0x33cfe1 });
	frame[2] = profile_add_frame(p,
		&(struct profile_frame){
			.kind = PROFILE_PHP, .function = "Cache::remember", .file = "/srv/app/Cache.php", .line = 41 });
	frame[3] = profile_add_frame(p, &(struct profile_frame){ .kind = PROFILE_PHP,
						.function = HOSTILE,
						.file = "/srv/" HOSTILE,
						.line = 3,
						.is_approximate = 1 });
	profile_add_stack(p, &(struct profile_stack){ .process = 0,
				     .layer = PROFILE_ZEND,
				     .verdict = PROFILE_LEAK,
				     .is_whole = 1,
				     .value = { 6144, 60, 7000, 70, 4320000 },
				     .oldest_age_ms = 14000,
				     .why = "LEAK 4.1 MiB/h, 0 of 55 blocks older than 3 s were freed",
				     .n_frames = 3,
				     .frame = frame });
	profile_add_stack(p, &(struct profile_stack){ .process = 1,
				     .layer = PROFILE_LIBC,
				     .verdict = PROFILE_CLEAN,
				     .value = { 300, 1, 300, 1, 0 },
				     .n_frames = 1,
				     .frame = frame + 3 });
	profile_add_stack(
		p, &(struct profile_stack){ .process = 0, .layer = PROFILE_MMAP, .value = { 0, 0, 4096, 1, 0 } });
	profile_add_loss(p, "return_missed", "calls whose return was never seen", 7);
	profile_add_loss(p, "stack_full", "stacks that found no room", 0);
	profile_add_event(p, "{\"type\":\"crash\",\"pid\":42}");
	assert_false(p->failed);
}

static char *exported(enum export_format format, const struct profile *p, const struct export_opts *opts)
{
	static const struct export_opts none;
	size_t len = 0;
	char *text = NULL;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	assert_int_equal(export_write(format, f, p, opts ? opts : &none), 0);
	fclose(f);
	return text;
}

static void text_is_as_a_report_and_harmless_to_a_terminal(void **state)
{
	struct export_opts one = { .top = 1 }, two = { .top = 2 };
	struct profile p;
	char *text;

	(void)state;
	made(&p);
	text = exported(EXPORT_TEXT, &p, &two);
	assert_string_equal(text,
		"[2026-11-23T21:40:20.123Z] box, traced since 2026-11-23T21:40:05.123Z: 6.3 KiB live in 2 stacks\n"
		"  verdict: LEAK, in 1 stack\n"
		"  php8.2(42), worker 3: zend 6.0 KiB in 60 blocks, libc 300 B in 1 block, mmap 0 B in 0 blocks\n"
		"    is: PHP 8.2.36 NTS\n"
		"    requests: 1,234\n"
		"    memory: zend growing +1.2 KiB/s\n"
		"  \\x1b[2J\\x0a;\\xff<script>\"\xc3\xa9(7), worker 3 (ended): zend 6.0 KiB in 60 blocks, libc 300 B in 1 "
		"block, mmap 0 B in 0 blocks\n"
		"    is: PHP 8.2.36 NTS\n"
		"    memory: zend growing +1.2 KiB/s\n"
		"  lost: 7 calls whose return was never seen\n"
		"  crashes and other events: 1 (swtrace report --crash FILE shows the last crash in full)\n"
		"    crash, (42)\n"
		"\n#1  6.0 KiB live in 60 blocks, zend, php8.2(42), worker 3, site 39c5c8cc\n"
		"    LEAK 4.1 MiB/h, 0 of 55 blocks older than 3 s were freed\n"
		"      concat_function zend_operators.c:1987 (php8.2)\n"
		"      [php8.2+0x33cfe1]\n"
		"      Cache::remember /srv/app/Cache.php:41\n"
		"\n#2  300 B live in 1 block, libc, \\x1b[2J\\x0a;\\xff<script>\"\xc3\xa9(7), worker 3, site a90c7cf6\n"
		"      \\x1b[2J\\x0a;\xef\xbf\xbd<script>\"\xc3\xa9 /srv/\\x1b[2J\\x0a;\\xff<script>\"\xc3\xa9:~3\n"
		"      (incomplete: the callers are not known)\n");
	free(text);
	text = exported(EXPORT_TEXT, &p, &one);
	assert_non_null(strstr(text, "Cache::remember /srv/app/Cache.php:41\n\n1 more stack is not shown (--top)\n"));
	free(text);
	profile_free(&p);
}

static void has(const char *text, const char *words)
{
	if (!strstr(text, words))
		fail_msg("'%s' is not in: %s", words, text);
}

static void has_not(const char *text, const char *words)
{
	if (strstr(text, words))
		fail_msg("'%s' is in: %s", words, text);
}

/* Of a file of which only the head and processes could be read, and of one that lacks stacks. */
static void that_a_file_was_damaged_is_told_and_what_is_missing_is_not_known(void **state)
{
	struct profile p;
	char *text;

	(void)state;
	made(&p);
	p.fault = PROFILE_TRUNCATED;
	text = exported(EXPORT_TEXT, &p, NULL);
	has(text, "\n  DAMAGED FILE: it ends too early; 3 stacks could be read, what else was in it is not known\n"
		  "  verdict: LEAK, in 1 stack\n");
	has(text, "  lost: 7 calls");
	free(text);
	text = exported(EXPORT_JSON, &p, NULL);
	has(text, "\"damage\":\"truncated\"");
	has(text, "\"profile_loss\"");
	free(text);
	p.fault = PROFILE_CORRUPT;
	p.stack[0].verdict = PROFILE_CLEAN;
	p.n_losses = 0;
	text = exported(EXPORT_TEXT, &p, NULL);
	has(text, "  DAMAGED FILE: it is damaged; 3 stacks could be read");
	has(text, "\n  verdict: not known\n");
	has(text, "\n  lost: not known\n");
	has_not(text, "nothing");
	free(text);
	text = exported(EXPORT_JSON, &p, NULL);
	has(text, "\"damage\":\"corrupt\"");
	has_not(text, "\"profile_loss\"");
	free(text);
	text = exported(EXPORT_SPEEDSCOPE, &p, NULL);
	has(text, "\"name\":\"damaged file: it is damaged\"");
	free(text);
	p.fault = PROFILE_SOUND;
	text = exported(EXPORT_JSON, &p, NULL);
	has(text, "\"damage\":null");
	free(text);
	text = exported(EXPORT_TEXT, &p, NULL);
	has_not(text, "DAMAGED");
	has_not(text, "not known\n");
	free(text);
	profile_free(&p);
}

static char *text_of_events(const char *const *event, size_t n)
{
	struct profile p;
	char *text;

	profile_begin(&p);
	for (size_t i = 0; i < n; i++)
		profile_add_event(&p, event[i]);
	assert_false(p.failed);
	text = exported(EXPORT_TEXT, &p, NULL);
	profile_free(&p);
	return text;
}

static void each_event_is_told_in_a_line_and_who_shows_a_crash_in_full(void **state)
{
	static const char *const events[] = {
		"{\"type\":\"crash\",\"time\":\"2026-11-23T21:40:19.000Z\",\"pid\":42,\"comm\":\"php8.2\",\"signal\":11,"
		"\"signal_name\":\"SIGSEGV\",\"code_text\":\"address not mapped\",\"fault_addr\":\"0x10\","
		"\"summary\":\"a null pointer was read\"}",
		"{\"type\":\"lifecycle\",\"time\":\"T\",\"event\":\"exit\",\"pid\":43,\"comm\":\"\\u001b[2J\\n\","
		"\"exit_status\":null,\"signal\":9,\"reason\":\"oom\"}",
		"no JSON",
		"[1]",
		"{\"type\":7,\"pid\":\"x\",\"time\":[]}",
	};
	char *text = text_of_events(events, 5);

	(void)state;
	has(text,
		"\n  crashes and other events: 3 (swtrace report --crash FILE shows the last crash in full)\n"
		"    [2026-11-23T21:40:19.000Z] crash, php8.2(42), SIGSEGV, address not mapped, at 0x10: a null pointer was read\n"
		"    [T] exit, \\x1b[2J\\x0a(43), oom, by signal 9\n");
	free(text);
	text = text_of_events(events + 1, 1);
	has(text, "events: 1\n    [T] exit");
	has_not(text, "--crash");
	free(text);
	text = text_of_events(events + 2, 2);
	has_not(text, "events");
	free(text);
}

/* A supervisor that forks all the time hides no crash. */
static void of_many_events_the_last_are_told_and_crashes_before_what_is_usual(void **state)
{
	static const char crash[] = "{\"type\":\"crash\",\"time\":\"T\",\"comm\":\"php\",\"pid\":7}";
	const char *events[30];
	char forks[30][100], *text;

	(void)state;
	for (int i = 0; i < 30; i++) {
		snprintf(forks[i], sizeof(forks[i]),
			"{\"type\":\"lifecycle\",\"event\":\"fork\",\"comm\":\"m\",\"pid\":1,\"child_pid\":%d}", i);
		events[i] = i == 3 ? crash : forks[i];
	}
	text = text_of_events(events, 30);
	has(text, "events: 30 (");
	has(text, "    [T] crash, php(7)\n");
	has(text, "fork, m(1), child 29\n    20 more are not shown (--format json tells all of them)\n");
	has(text, "fork, m(1), child 21\n");
	has_not(text, "child 20\n");
	free(text);
}

/* Right-to-left override, C1's control sequence introducer, line separator, tag, zero width space. */
#define UNSEEN                     \
	"A\xe2\x80\xaetxt\xc2\x9b" \
	"2J\xe2\x80\xa8\xf3\xa0\x81\x81 \xe2\x80\x8b;\xd7\x90Z"

static void what_cannot_be_seen_is_in_no_form_that_a_terminal_shows(void **state)
{
	static const struct {
		enum export_format format;
		const char *shown;
	} form[] = {
		{ EXPORT_TEXT,
			"      A\\xe2\\x80\\xaetxt\\xc2\\x9b2J\\xe2\\x80\\xa8\\xf3\\xa0\\x81\\x81 \\xe2\\x80\\x8b;\xd7\x90Z " },
		{ EXPORT_FOLDED, ";A___txt__2J________"
				 "___:\xd7\x90Z@A___txt__2J________"
				 "___:\xd7\x90Z:3 5\n" },
		{ EXPORT_JSON, "\"A\\u202Etxt\\u009B2J\\u2028\\uDB40\\uDC41 \\u200B;\\u05D0Z\"" },
		{ EXPORT_SPEEDSCOPE, "\"A\\u202Etxt\\u009B2J\\u2028\\uDB40\\uDC41 \\u200B;\\u05D0Z\"" },
		{ EXPORT_HTML, "\"A\\u202Etxt\\u009B2J\\u2028\\uDB40\\uDC41 \\u200B;\\u05D0Z\"" },
	};
	struct profile p;
	uint32_t frame;

	(void)state;
	/* GIVEN a name of which much would not be seen, though all of it is valid UTF-8 */
	profile_begin(&p);
	add_process(&p, 7, UNSEEN);
	frame = profile_add_frame(
		&p, &(struct profile_frame){ .kind = PROFILE_PHP, .function = UNSEEN, .file = UNSEEN, .line = 3 });
	profile_add_stack(
		&p, &(struct profile_stack){ .value = { 5, 1 }, .why = UNSEEN, .n_frames = 1, .frame = &frame });
	for (size_t i = 0; i < sizeof(form) / sizeof(form[0]); i++) {
		/* WHEN */
		char *text = exported(form[i].format, &p, NULL);

		/* THEN nothing of it is sent as it is, and the name is still told */
		assert_non_null(strstr(text, form[i].shown));
		for (const char *s = text; *s; s++)
			assert_true(*s == '\n' || *s == '\t' || strbuf_unsafe(s) <= ((*s & 0xc0) == 0x80));
		free(text);
	}
	profile_free(&p);
}

static void a_difference_has_signs(void **state)
{
	struct export_opts opts = { .is_difference = 1 };
	struct profile before, now, diff;
	char *text;

	(void)state;
	made(&before);
	made(&now);
	now.stack[0].value[PROFILE_LIVE_BYTES] += 1024;
	now.stack[0].value[PROFILE_LIVE_BLOCKS] += 2;
	now.stack[1].value[PROFILE_LIVE_BYTES] -= 200;
	now.stack[2].value[PROFILE_ALLOC_BYTES] += 4096; /* which was freed: no change of what lives */
	assert_int_equal(profile_subtract(&now, &before, &diff), 0);
	assert_int_equal(diff.n_stacks, 3);
	text = exported(EXPORT_TEXT, &diff, &opts);
	assert_non_null(strstr(text, "box, against 2026-11-23T21:40:20.123Z: +824 B live in 2 stacks\n"));
	assert_non_null(strstr(text, "\n#1  +1.0 KiB in +2 blocks, zend, php8.2(42)"));
	assert_non_null(strstr(text, "\n#2  -200 B in +0 blocks, libc"));
	free(text);
	profile_free(&before);
	profile_free(&now);
	profile_free(&diff);
}

static int64_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static void json_lines_have_all_of_it(void **state)
{
	static const char *const types[] = { "profile", "profile_process", "profile_process", "profile_loss",
		"profile_stack", "profile_stack", "profile_stack", "crash" };
	char *text, *save = NULL, *line;
	struct profile p;
	json_t *o[8];

	(void)state;
	made(&p);
	text = exported(EXPORT_JSON, &p, NULL);
	line = strtok_r(text, "\n", &save);
	for (size_t i = 0; i < 8; i++, line = strtok_r(NULL, "\n", &save)) {
		assert_non_null(line);
		o[i] = json_loads(line, 0, NULL);
		assert_non_null(o[i]);
		assert_string_equal(json_string_value(json_object_get(o[i], "type")), types[i]);
	}
	assert_null(line);
	assert_int_equal(number(o[0], "stacks"), 3);
	assert_int_equal(number(o[1], "n_requests"), 1234);
	assert_true(json_is_null(json_object_get(o[2], "n_requests")));
	assert_string_equal(
		json_string_value(json_object_get(o[2], "comm")), "\x1b[2J\n;\xef\xbf\xbd<script>\"\xc3\xa9");
	assert_int_equal(number(json_object_get(o[3], "causes"), "return_missed"), 7);
	assert_int_equal(number(o[4], "leak_bytes_per_hour"), 4320000);
	assert_int_equal(json_array_size(json_object_get(o[4], "frames")), 3);
	assert_true(json_is_false(json_object_get(o[5], "complete")));
	assert_true(json_is_null(json_object_get(o[5], "why")));
	for (size_t i = 0; i < 8; i++)
		json_decref(o[i]);
	free(text);
	profile_free(&p);
}

/* frames_are - of a stack; no key more or less. */
static void frames_are(const json_t *stack, const char *const *expected, size_t n)
{
	const json_t *frames = json_object_get(stack, "frames");

	assert_int_equal(json_array_size(frames), n);
	for (size_t i = 0; i < n; i++) {
		char *text = json_dumps(json_array_get(frames, i), JSON_COMPACT);

		assert_string_equal(text, expected[i]);
		free(text);
	}
}

static void frames_in_json_are_as_in_a_stack(void **state)
{
	static const char *const expected[] = {
		"{\"kind\":\"native\",\"function\":\"concat_function\",\"file\":\"/build/Zend/zend_operators.c\",\"line\":1987,"
		"\"line_exact\":true,\"module\":\"php8.2\",\"build_id\":\"f401dc5a\",\"module_offset\":\"0x1234\",\"inlined\":false}",
		"{\"kind\":\"native\",\"function\":null,\"file\":null,\"line\":null,\"line_exact\":null,\"module\":\"php8.2\","
		"\"build_id\":\"\",\"module_offset\":\"0x33cfe1\",\"inlined\":false}",
		"{\"kind\":\"php\",\"function\":\"Cache::remember\",\"file\":\"/srv/app/Cache.php\",\"line\":41,\"line_exact\":true,"
		"\"module\":\"\",\"build_id\":\"\",\"module_offset\":null,\"inlined\":false}",
	};
	char *text, *save = NULL, *line;
	struct profile p;
	json_t *o;

	(void)state;
	made(&p);
	text = exported(EXPORT_JSON, &p, NULL);
	line = strtok_r(text, "\n", &save);
	while (line && !strstr(line, "\"profile_stack\""))
		line = strtok_r(NULL, "\n", &save);
	assert_non_null(line);
	o = json_loads(line, 0, NULL);
	frames_are(o, expected, 3);
	json_decref(o);
	free(text);
	profile_free(&p);
}

/* As speedscope reads it: every index is that of a frame, weights stand beside stacks, and add up. */
static void speedscope_has_a_profile_of_bytes_and_one_of_blocks_for_each_process(void **state)
{
	struct profile p;
	json_t *o, *profile, *frames;
	char *text;
	size_t i;

	(void)state;
	made(&p);
	text = exported(EXPORT_SPEEDSCOPE, &p, NULL);
	o = json_loads(text, 0, NULL);
	assert_non_null(o);
	frames = json_object_get(json_object_get(o, "shared"), "frames");
	assert_int_equal(json_array_size(frames), p.n_frames + 3);
	assert_int_equal(json_array_size(json_object_get(o, "profiles")), 4);
	json_array_foreach(json_object_get(o, "profiles"), i, profile)
	{
		json_t *samples = json_object_get(profile, "samples"), *weights = json_object_get(profile, "weights");
		json_int_t sum = 0;
		json_t *stack, *at;
		size_t k, n;

		assert_string_equal(json_string_value(json_object_get(profile, "type")), "sampled");
		assert_int_equal(json_array_size(samples), json_array_size(weights));
		assert_int_equal(json_array_size(samples), 1);
		json_array_foreach(samples, k, stack)
		{
			sum += json_integer_value(json_array_get(weights, k));
			json_array_foreach(stack, n, at)
				assert_true(json_integer_value(at) < (json_int_t)json_array_size(frames));
		}
		assert_int_equal(json_integer_value(json_object_get(profile, "endValue")), sum);
	}
	profile = json_array_get(json_object_get(o, "profiles"), 0);
	assert_int_equal(number(profile, "endValue"), 6144);
	assert_string_equal(json_string_value(json_object_get(profile, "unit")), "bytes");
	/* Root first: the layer, then the outermost caller. */
	profile = json_array_get(json_object_get(profile, "samples"), 0);
	assert_string_equal(
		json_string_value(json_object_get(
			json_array_get(frames, (size_t)json_integer_value(json_array_get(profile, 0))), "name")),
		"[zend]");
	assert_string_equal(
		json_string_value(json_object_get(
			json_array_get(frames, (size_t)json_integer_value(json_array_get(profile, 1))), "name")),
		"Cache::remember");
	json_decref(o);
	free(text);
	profile_free(&p);
}

static void a_full_disk_is_an_error_of_every_format(void **state)
{
	static const struct export_opts opts;
	struct profile p;

	(void)state;
	made(&p);
	for (int format = 0; format < EXPORT_FORMATS; format++) {
		FILE *f = fopen("/dev/full", "w");

		assert_non_null(f);
		setvbuf(f, NULL, _IONBF, 0);
		assert_int_equal(export_write(format, f, &p, &opts), -ENOSPC);
		fclose(f);
		assert_int_equal(export_format_named(export_format_name(format)), format);
	}
	assert_int_equal(export_format_named("svg"), -1);
	profile_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_as_a_report_and_harmless_to_a_terminal),
		cmocka_unit_test(that_a_file_was_damaged_is_told_and_what_is_missing_is_not_known),
		cmocka_unit_test(each_event_is_told_in_a_line_and_who_shows_a_crash_in_full),
		cmocka_unit_test(of_many_events_the_last_are_told_and_crashes_before_what_is_usual),
		cmocka_unit_test(what_cannot_be_seen_is_in_no_form_that_a_terminal_shows),
		cmocka_unit_test(a_difference_has_signs),
		cmocka_unit_test(json_lines_have_all_of_it),
		cmocka_unit_test(frames_in_json_are_as_in_a_stack),
		cmocka_unit_test(speedscope_has_a_profile_of_bytes_and_one_of_blocks_for_each_process),
		cmocka_unit_test(a_full_disk_is_an_error_of_every_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
