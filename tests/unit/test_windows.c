/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_windows.c - promises of output/windows.c: exact text and JSON lines of tracing in windows.
 *
 * In: one estimate built by hand. Out: exact bytes; JSON is also parsed back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "output/output.h"
#include "profile/profile.h"

#define MS 1000000ULL

static struct model_process process = { .pid = 42, .comm = "php", .alive = 1 };
static struct model_loss losses[] = { { "return_missed", "calls whose return was never seen", 0 } };
static struct model_stack stack = { .id = 1, .pid = 42, .layer = MODEL_ZEND, .walk = MODEL_WALK_COMPLETE };
static struct model_stack native = { .id = 2, .pid = 42, .layer = MODEL_LIBC, .walk = MODEL_WALK_COMPLETE };
static struct model_snapshot snapshot = {
	.utc_ns = 1795470005123000000LL, .process = &process, .n_processes = 1, .loss = losses, .n_losses = 1
};
static struct model_windows windows = { .budget = 0.02,
	.elapsed_ns = 60000 * MS,
	.probed_ns = 1140 * MS,
	.recorded_ns = 900 * MS,
	.n_cut = 12,
	.n_cleared = 1203,
	.n_windows = 18 };
static struct analyze_estimate_row rows[] = {
	{ .stack = &stack,
		.process = &process,
		.rate = { 2202009.6, 1887436.8, 2516582.4 },
		.is_scaled = 1,
		.blocks = 1150,
		.bytes = 123456,
		.n_late = 2,
		.n_with = 16,
		.n_windows = 17 },
	{ .stack = &native,
		.process = &process,
		.rate = { 2048, 1024, 3072 },
		.blocks = 9,
		.bytes = 512,
		.n_with = 8,
		.n_windows = 17 },
};
static struct analyze_estimate_heap heap = {
	.pid = 42, .has_heap = 1, .is_known = 1, .size_bytes = 12897485, .growth = { 2202009.6, 2202000, -512 }
};
static const struct symbol_frame frame = { .kind = SYMBOL_PHP,
	.function = "Cache::remember",
	.file = "/srv/app/Cache.php",
	.line = 41,
	.module = "",
	.build_id = "" };
static const struct output_stack stacks[] = { { &frame, 1, MODEL_WALK_COMPLETE }, { &frame, 1, MODEL_WALK_COMPLETE } };

static struct analyze_estimate estimate(size_t n_named, unsigned n_judged)
{
	return (struct analyze_estimate){ .snapshot = &snapshot,
		.windows = &windows,
		.number = 3,
		.n_judged = n_judged,
		.row = rows,
		.n_rows = n_named ? n_named - 1 : 0,
		.n_named = n_named,
		.heap = &heap,
		.n_heaps = 1,
		.unjudged_blocks = 262,
		.unjudged_bytes = 51302 };
}

static char *written(int (*write)(FILE *, const struct analyze_estimate *, const struct output_stack *),
	const struct analyze_estimate *e)
{
	size_t len = 0;
	char *text = NULL;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	assert_int_equal(write(f, e, stacks), 0);
	fclose(f);
	return text;
}

static void what_grows_is_told_as_an_estimate_with_its_spread(void **state)
{
	struct analyze_estimate e = estimate(3, 17);
	char *text;

	(void)state;
	e.row = rows;
	text = written(output_text_estimate, &e);
	assert_string_equal(text,
		"[2026-11-23T21:40:05.123Z] report 3 after 60.0 s, estimated from 18 windows: 3 stacks are growing\n"
		"  probes were in place for 1.14 s of 60.0 s: 1.90 % (at most 2 %); 0.90 s of that recorded\n"
		"  php(42):\n"
		"    zend heap: PHP counts 12.3 MiB, lately +2.1 MiB/s (+2.1 MiB/s to -512 B/s)\n"
		"  candidates, not yet judged or not growing: 262 blocks, 50.1 KiB; most of them are freed by now\n"
		"  known to be gone since their address was handed out again: 1,203 blocks; calls cut by the edge of a "
		"window: 12\n"
		"  lost: nothing\n"
		"\n#1  about 2.1 MiB/s (1.8 MiB/s to 2.4 MiB/s), zend, php(42), site 30086ec1\n"
		"    estimate: 1,150 blocks, 120.6 KiB, from 16 of 17 windows were not seen to be freed; the rate is this "
		"stack's share of what PHP's count grows by\n"
		"      Cache::remember /srv/app/Cache.php:41\n"
		"\n#2  at least about 2.0 KiB/s (1.0 KiB/s to 3.0 KiB/s), libc, php(42), site 2a70a2f6\n"
		"    estimate: 9 blocks, 512 B, from 8 of 17 windows were not seen to be freed\n"
		"      Cache::remember /srv/app/Cache.php:41\n"
		"\n1 more stack is not shown (--top)\n\n");
	free(text);
}

static void a_stack_that_grows_is_a_worker_s(void **state)
{
	static const struct model_identity worker = { .role = MODEL_ROLE_WORKER, .worker = 3 };
	struct analyze_estimate e = estimate(3, 17);
	char *text;

	(void)state;
	process.identity = &worker;
	text = written(output_text_estimate, &e);
	process.identity = NULL;
	assert_non_null(strstr(text, ", zend, php(42), worker 3, site 30086ec1\n"));
	assert_non_null(strstr(text, ", libc, php(42), worker 3, site 2a70a2f6\n"));
	free(text);
}

static void what_the_process_holds_in_all_and_how_that_grows_is_told_too(void **state)
{
	struct analyze_standing standing = { .pid = 42 };
	const struct analyze_verdicts verdicts = { .process = &standing, .n_processes = 1 };
	struct analyze_estimate e = estimate(3, 17);
	struct model_process before = process;
	const json_t *told;
	char *text;
	json_t *o;

	(void)state;
	standing.growth[MODEL_CURVE_RSS] = (struct analyze_growth){ .verdict = GROWTH_GROWING, .bytes_per_s = 2048 };
	standing.limits.soonest = LIMIT_PHP;
	standing.limits.limit[LIMIT_PHP] =
		(struct analyze_limit){ .limit_bytes = 134217728, .seconds = 60, .least_s = 50, .most_s = 70 };
	process.vitals = (struct model_vitals){ .time_ns = 1, .rss_bytes = 3 << 20, .anon_bytes = 3 << 20 };
	e.verdicts = &verdicts;
	text = written(output_text_estimate, &e);
	assert_non_null(strstr(text,
		"    resident: 3.0 MiB (anonymous 3.0 MiB, files 0 B)\n"
		"    memory: rss growing +2.0 KiB/s\n"
		"    limit: PHP's memory_limit (128.0 MiB) in about 60.0 s (50.0 to 70.0), if it goes on like this\n"));
	free(text);
	text = written(output_json_estimate, &e);
	*strchr(text, '\n') = 0;
	o = json_loads(text, 0, NULL);
	told = json_array_get(json_object_get(o, "processes"), 0);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(told, "vitals"), "rss_bytes")), 3 << 20);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(told, "time_to_limit"), "seconds")), 60);
	json_decref(o);
	free(text);
	process = before;
}

/* heading - the first line's end, behind the number of windows. */
static void heading_ends(const struct analyze_estimate *e, const char *end)
{
	char *text = written(output_text_estimate, e), *colon = strstr(text, "windows: ");

	assert_non_null(colon);
	colon += strlen("windows: ");
	*strchr(colon, '\n') = 0;
	assert_string_equal(colon, end);
	free(text);
}

static void when_nothing_is_named_it_is_said_why(void **state)
{
	struct analyze_estimate e = estimate(0, 17);

	(void)state;
	heading_ends(&e, "PHP's heap grows, but 17 windows have not seen enough of why: trace for longer");
	e.n_heaps = 0;
	heading_ends(&e, "no stack is growing, as far as 17 windows can tell");
	e.n_judged = 3;
	heading_ends(&e, "too early to tell: 3 of 5 windows can be judged");
	e.n_judged = 17;
	e.is_heap_early = 1;
	heading_ends(&e, "too early to tell: PHP's own count must be followed for some seconds more");
	process.alive = 0;
	heading_ends(&e, "the process has ended, and its memory is gone; the report before tells of it");
	process.alive = 1;
}

static void json_has_the_same_numbers(void **state)
{
	struct analyze_estimate e = estimate(3, 17);
	char *text = written(output_json_estimate, &e), *save = NULL;
	json_t *line[4];

	(void)state;
	for (int i = 0; i < 4; i++) {
		char *one = strtok_r(i ? NULL : text, "\n", &save);

		assert_non_null(one);
		line[i] = json_loads(one, 0, NULL);
		assert_non_null(line[i]);
	}
	assert_null(strtok_r(NULL, "\n", &save));
	assert_string_equal(json_string_value(json_object_get(line[0], "type")), "windows");
	assert_int_equal(json_integer_value(json_object_get(line[0], "probed_ms")), 1140);
	assert_int_equal(json_integer_value(json_object_get(line[0], "named")), 3);
	assert_int_equal(json_integer_value(json_object_get(line[0], "shown")), 2);
	assert_true(json_is_true(json_object_get(line[0], "enough")));
	assert_string_equal(json_string_value(json_object_get(line[1], "type")), "loss");
	assert_string_equal(json_string_value(json_object_get(line[2], "type")), "estimate");
	assert_int_equal(json_integer_value(json_object_get(line[2], "bytes_per_s")), 2202010);
	assert_int_equal(json_integer_value(json_object_get(line[2], "low_bytes_per_s")), 1887437);
	assert_int_equal(json_integer_value(json_object_get(line[2], "late")), 2);
	assert_true(json_is_true(json_object_get(line[2], "scaled")));
	assert_true(json_is_false(json_object_get(line[3], "scaled")));
	assert_int_equal(json_array_size(json_object_get(line[3], "frames")), 1);
	for (int i = 0; i < 4; i++)
		json_decref(line[i]);
	free(text);
}

/* What a traced process can call itself, and what is in it. */
#define EVIL	  "\033[2J\n;\xff<b>\"\xc2\x9b"
#define EVIL_SAFE "\\x1b[2J\\x0a;\\xff<b>\"\\xc2\\x9b"
#define EVIL_JSON "\033[2J\n;\xef\xbf\xbd<b>\"\xc2\x9b"
#define TURNED	  "\xe2\x80\xae"

static size_t count_of(const char *text, const char *part)
{
	size_t n = 0;

	for (; (text = strstr(text, part)); text += strlen(part))
		n++;
	return n;
}

static const struct symbol_frame evil_frames[] = {
	{ .kind = SYMBOL_PHP,
		.function = "A" EVIL TURNED,
		.file = "/a" EVIL ".php",
		.line = 7,
		.module = "",
		.build_id = "" },
	{ .kind = SYMBOL_FUNCTION,
		.function = "B" EVIL,
		.function_offset = 1,
		.file = "b" EVIL ".c",
		.line = 8,
		.module = "m" EVIL ".so",
		.build_id = EVIL },
	{ .kind = SYMBOL_MODULE, .module = "n" EVIL, .build_id = "" },
	{ .kind = SYMBOL_REGION, .module = "r" EVIL, .build_id = "" },
};

static struct model_identity evil_identity = { .has_php = 1,
	.php_version = EVIL,
	.has_swoole = 1,
	.swoole_version = EVIL,
	.libc = MODEL_LIBC_GLIBC,
	.libc_version = EVIL,
	.malloc = EVIL,
	.container = MODEL_CONTAINER_DOCKER,
	.container_id = EVIL,
	.worker = -1,
	.exe = EVIL,
	.pool = EVIL,
	.n_files = 1,
	.file = { { EVIL, EVIL } } };

/* told_with - by a process and stacks of such names, or of plain ones in the same places. */
static char *told_with(int (*write)(FILE *, const struct analyze_estimate *, const struct output_stack *), int is_evil)
{
	const struct output_stack evil[] = { { evil_frames, 4, MODEL_WALK_COMPLETE },
		{ evil_frames, 4, MODEL_WALK_COMPLETE } };
	struct symbol_frame plain_frames[4];
	const struct output_stack plain[] = { { plain_frames, 4, MODEL_WALK_COMPLETE },
		{ plain_frames, 4, MODEL_WALK_COMPLETE } };
	struct analyze_estimate e = estimate(3, 17);
	struct model_process before = process;
	struct model_identity identity = evil_identity;
	size_t len = 0;
	char *text = NULL;
	FILE *f = open_memstream(&text, &len);

	for (int i = 0; i < 4; i++) {
		plain_frames[i] = evil_frames[i];
		plain_frames[i].function = evil_frames[i].function ? "plain" : NULL;
		plain_frames[i].file = evil_frames[i].file ? "plain" : NULL;
		plain_frames[i].module = *evil_frames[i].module ? "plain" : "";
	}
	process.identity = &identity;
	process.identity_is_new = 1;
	if (is_evil) {
		strcpy(process.comm, EVIL);
	} else {
		strcpy(identity.php_version, "8");
		strcpy(identity.swoole_version, "6");
		strcpy(identity.libc_version, "2");
		strcpy(identity.malloc, "m");
		strcpy(identity.container_id, "c");
		strcpy(identity.file[0].name, "f");
		strcpy(identity.file[0].build_id, "b");
	}
	assert_non_null(f);
	assert_int_equal(write(f, &e, is_evil ? evil : plain), 0);
	fclose(f);
	process = before;
	return text;
}

static void hostile_names_cannot_command_the_terminal(void **state)
{
	char *text = told_with(output_text_estimate, 1), *plain = told_with(output_text_estimate, 0);

	(void)state;
	assert_int_equal(count_of(text, "\n"), count_of(plain, "\n"));
	for (const char *c = text; *c; c++)
		assert_true(*c == '\n' || (*c >= ' ' && *c <= '~')); /* these names have no other harmless ones */
	assert_int_equal(count_of(text, "\n  " EVIL_SAFE "(42):\n"), 1);
	assert_int_equal(count_of(text, ", zend, " EVIL_SAFE "(42), site "), 1);
	assert_int_equal(count_of(text, ", libc, " EVIL_SAFE "(42), site "), 1);
	assert_int_equal(count_of(text, "\n      A" EVIL_SAFE "\\xe2\\x80\\xae /a" EVIL_SAFE ".php:7\n"), 2);
	assert_int_equal(count_of(text, "\n      B" EVIL_SAFE), 2);
	assert_int_equal(count_of(text, "b" EVIL_SAFE ".c:8"), 2);
	assert_int_equal(count_of(text, "(m" EVIL_SAFE ".so)"), 2);
	assert_int_equal(count_of(text, "\n      n" EVIL_SAFE), 2);
	assert_int_equal(count_of(text, "r" EVIL_SAFE), 2);
	assert_int_equal(count_of(text, "PHP " EVIL_SAFE), 1);
	assert_int_equal(count_of(text, "build-ids: " EVIL_SAFE " " EVIL_SAFE "\n"), 1);
	free(text);
	free(plain);
}

static void hostile_names_are_text_in_json(void **state)
{
	char *text = told_with(output_json_estimate, 1), *plain = told_with(output_json_estimate, 0), *save = NULL;
	size_t n = 0, n_frames = 0;

	(void)state;
	assert_int_equal(count_of(text, "\n"), count_of(plain, "\n"));
	for (char *one = strtok_r(text, "\n", &save); one; one = strtok_r(NULL, "\n", &save), n++) {
		json_t *o = json_loads(one, JSON_REJECT_DUPLICATES, NULL), *frame;
		const json_t *process_0 = json_array_get(json_object_get(o, "processes"), 0);
		const char *comm = json_string_value(json_object_get(process_0 ? process_0 : o, "comm"));
		size_t i;

		assert_non_null(o);
		assert_null(strchr(one, '\033'));
		if (n != 1) /* losses have no names */
			assert_string_equal(comm, EVIL_JSON);
		json_array_foreach(json_object_get(o, "frames"), i, frame)
		{
			const char *function = json_string_value(json_object_get(frame, "function"));
			const char *module = json_string_value(json_object_get(frame, "module"));

			n_frames++;
			assert_true(!function || !strcmp(function, i ? "B" EVIL_JSON : "A" EVIL_JSON TURNED));
			assert_true(!module || !*module || strstr(module, EVIL_JSON));
		}
		json_decref(o);
	}
	assert_int_equal(n, 4);
	assert_int_equal(n_frames, 8);
	free(text);
	free(plain);
}

/* One line of a process that is watched, and what follows it. */
static void hostile_names_of_watched_processes_are_shown_and_do_nothing(void **state)
{
	static const struct analyze_standing standing = { .pid = 42 };
	struct model_snapshot s = { .utc_ns = snapshot.utc_ns, .time_ns = 5, .n_processes = 1 };
	struct model_process p = { .pid = 42, .comm = EVIL, .alive = 1, .identity = &evil_identity };
	char *text = NULL, *told;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	json_t *o;

	(void)state;
	p.vitals.rss_bytes = 3 << 20;
	evil_identity.role = MODEL_ROLE_WORKER;
	assert_int_equal(output_text_trend(f, &s, &p, &standing), 0);
	fclose(f);
	assert_int_equal(strncmp(text, "[2026-11-23T21:40:05.123Z] " EVIL_SAFE "(42)", 40 + strlen(EVIL_SAFE) - 9), 0);
	assert_int_equal(count_of(text, "\n"), 1);
	for (const char *c = text; c[1]; c++)
		assert_true(*c >= ' ' && *c <= '~');
	free(text);

	f = open_memstream(&text, &len);
	assert_int_equal(output_json_trend(f, &s, &p, &standing), 0);
	fclose(f);
	evil_identity.role = MODEL_ROLE_NONE;
	assert_int_equal(count_of(text, "\n"), 1);
	assert_null(strchr(text, '\033'));
	o = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(o);
	assert_string_equal(json_string_value(json_object_get(o, "comm")), EVIL_JSON);
	told = json_dumps(json_object_get(o, "identity"), JSON_COMPACT);
	assert_int_equal(count_of(told, "\\u001B[2J\\n;\xef\xbf\xbd<b>\\\"\xc2\x9b"), count_of(told, ";"));
	assert_true(count_of(told, ";") >= 5);
	free(told);
	json_decref(o);
	free(text);
}

static void a_profile_has_what_has_leaked_since_the_process_is_traced(void **state)
{
	struct model_windowed windowed = { .pid = 42, .since = 1 };
	struct analyze_estimate e = estimate(3, 17);
	struct profile p;

	(void)state;
	snapshot.start_ns = 1000 * MS;
	snapshot.time_ns = 61000 * MS;
	process.layer[MODEL_ZEND].live_bytes = 777; /* what windows have seen: no measure of what lives */
	windows.process = &windowed;
	windows.n_processes = 1;
	profile_begin(&p);
	assert_int_equal(output_profile_estimate(&p, "0.5", &e, stacks, NULL), 0);
	assert_int_equal(p.basis, PROFILE_WINDOWS);
	assert_true(p.utc_ns - p.start_utc_ns == (int64_t)(60000 * MS));
	assert_int_equal(p.n_stacks, 2);
	assert_int_equal(p.stack[0].verdict, PROFILE_LEAK);
	assert_int_equal(p.stack[0].value[PROFILE_LEAK_RATE], 2202009.6 * 3600);
	assert_int_equal(p.stack[0].value[PROFILE_LIVE_BYTES], 132120576); /* 60 s at 2202009.6 bytes a second */
	assert_int_equal(p.stack[0].value[PROFILE_LIVE_BLOCKS], 1230711);  /* of 107.353 bytes */
	assert_int_equal(p.stack[0].value[PROFILE_ALLOC_BYTES], 132120576);
	assert_string_equal(p.stack[0].why,
		"LEAK about 2.1 MiB/s (1.8 MiB/s to 2.4 MiB/s): 1,150 blocks, 120.6 KiB, from 16 of 17 windows were "
		"not seen to be freed; the rate is this stack's share of what PHP's count grows by");
	assert_int_equal(p.stack[1].value[PROFILE_LIVE_BYTES], 122880);
	assert_int_equal(p.process[0].live_bytes[PROFILE_ZEND], 132120576);
	assert_int_equal(p.process[0].live_bytes[PROFILE_LIBC], 122880);
	profile_free(&p);
	/* One that came later has had less time. */
	windowed.since = 10;
	windows.window[0] = (struct model_window){ .first = 10, .last = 10, .time_ns = 31000 * MS };
	windows.n = 1;
	profile_begin(&p);
	assert_int_equal(output_profile_estimate(&p, "0.5", &e, stacks, NULL), 0);
	assert_int_equal(p.stack[1].value[PROFILE_LIVE_BYTES], 61440);
	profile_free(&p);
	windows.n = windows.n_processes = 0;
	windows.process = NULL;
	process.layer[MODEL_ZEND].live_bytes = snapshot.start_ns = snapshot.time_ns = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_grows_is_told_as_an_estimate_with_its_spread),
		cmocka_unit_test(a_stack_that_grows_is_a_worker_s),
		cmocka_unit_test(what_the_process_holds_in_all_and_how_that_grows_is_told_too),
		cmocka_unit_test(when_nothing_is_named_it_is_said_why),
		cmocka_unit_test(json_has_the_same_numbers),
		cmocka_unit_test(hostile_names_cannot_command_the_terminal),
		cmocka_unit_test(hostile_names_are_text_in_json),
		cmocka_unit_test(hostile_names_of_watched_processes_are_shown_and_do_nothing),
		cmocka_unit_test(a_profile_has_what_has_leaked_since_the_process_is_traced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
