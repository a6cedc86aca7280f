/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_output.c - promises of output/output.h: exact text, JSON lines, and profiles as folded stacks.
 *
 * In: one report and some events built by hand, with plain and with hostile names. Out: exact bytes; JSON is also
 * parsed back. Folded files are written in a folder of their own under /tmp. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "export/export.h"
#include "output/output.h"
#include "util/outfile.h"
#include "worker.h"

#define UTC_NS 1795470005123000000LL /* 2026-11-23T21:40:05.123Z */
#define SEC    1000000000ULL

/* What a traced process could call itself and its functions. */
#define EVIL_COMM     "\033[2J;a b\n\""
#define EVIL_FUNCTION "f;\xff g\"\n\xc3\xa9"

static struct model_process process = { .pid = 4242,
	.comm = "php",
	.alive = 1,
	.allocator = "libc.so.6",
	.layer = { { .live_bytes = 4089446,
			   .live_blocks = 52000,
			   .n_allocs = 60000,
			   .alloc_bytes = 5000000,
			   .n_frees = 8000,
			   .freed_bytes = 910554,
			   .n_unknown_frees = 5 },
		{ .live_bytes = 204800, .live_blocks = 113 } },
	.zend = { .is_known = 1,
		.is_steady = 1,
		.size_bytes = 5242880,
		.traced_bytes = 4980736,
		.before_bytes = 300000,
		.n_drops = 2 },
	.vitals = { .time_ns = 1,
		.rss_bytes = 31457280,
		.anon_bytes = 20971520,
		.file_bytes = 10485760,
		.swap_bytes = 4096,
		.has_pss = 1,
		.pss_bytes = 25165824,
		.pss_ns = 1,
		.heap_map_bytes = 1048576,
		.n_stacks = 3,
		.stack_bytes = 6291456,
		.heap = { 1, 5242880, 5300000, 6291456, 8388608, 134217728, 1, 2097152 },
		.gc = { 1, 1, 0, 1234, 10001, 1, 77 },
		.cgroup_bytes = 536870912,
		.cgroup_used_bytes = 104857600,
		.machine_bytes = 8589934592,
		.machine_available_bytes = 4294967296,
		.machine_swap_bytes = 1048576 } };
static struct model_loss losses[] = { { "live_table_full", "blocks not tracked: the live table is full", 12 },
	{ "return_missed", "calls whose return was never seen", 0 } };
/* Bounds at 5 and 9 s. */
static const struct model_generations generations = {
	.bytes = { 300, 0, 50 },
	.blocks = { 3, 0, 1 },
};
static struct model_stack model_stacks[] = {
	{ .id = 1,
		.pid = 4242,
		.layer = MODEL_ZEND,
		.walk = MODEL_WALK_NO_MAPPING,
		.live_bytes = 3879731,
		.live_blocks = 51000,
		.n_allocs = 59000,
		.alloc_bytes = 4500000,
		.n_frees = 8000,
		.freed_bytes = 620269,
		.generations = &generations },
	{ .id = 2, .pid = 4242, .layer = MODEL_LIBC, .walk = MODEL_WALK_UNREAD, .live_bytes = 512, .live_blocks = 2 },
};
static struct model_snapshot snapshot = { .utc_ns = UTC_NS,
	.bounds = { .time_ns = { 5 * SEC, 9 * SEC }, .n = 2 },
	.process = &process,
	.n_processes = 1,
	.stack = model_stacks,
	.n_stacks = 2,
	.loss = losses,
	.n_losses = 2,
	.blocks = { 21000, 1048576 },
	.freed = { .capacity = 65536,
		.used = 2100,
		.n_watched = 2500,
		.n_kept = 2478,
		.lookups = 5,
		.found = 2,
		.n_twice = 1 },
	.stacks = { 310, 16384 } };
static const struct analyze_leak leaks = {
	.verdict = LEAK_YES,
	.bytes_per_s = 1000.7,
	.low = 900,
	.high = 1100,
	.per_request = 81.06,
	.request_low = 75.5,
	.request_high = 86.62,
	.old_ns = 60000000000ULL,
	.n_old = 18211,
	.p50_ns = 0,
};
static const struct analyze_leak turns_over = {
	.verdict = LEAK_NONE,
	.old_ns = 12000000000ULL,
	.n_old = 50,
	.n_old_freed = 49,
	.p50_ns = 1500000000ULL,
	.p90_ns = 2500000000ULL,
};
static const struct analyze_standing standing = {
	.growth = {
		[MODEL_CURVE_ZEND] = { GROWTH_GROWING, 1200, 1100, 1300, 18000 },
		[MODEL_CURVE_LIBC] = { GROWTH_PLATEAU, 3, -10, 20, 40 },
	},
	.limits = { .limit = { [LIMIT_PHP] = { 1, 134217728, 7500, 7000, 8200, 1 } }, .soonest = LIMIT_PHP },
	.rest = { 1, 4096, 1200, { [REST_CACHED] = 2048, [REST_MALLOC] = 800, [REST_UNKNOWN] = 48 } },
	.garbage = GARBAGE_PENDING,
};
static const struct model_stack_history history = { .mark = { { .n_allocs = 5 }, { .n_allocs = 12 } } };
static struct analyze_row rows[] = {
	{ &model_stacks[0], &process, 1258291, 3879731, 14200000000ULL, &leaks, &history },
	{ &model_stacks[1], &process, -2048, 512, 500000000ULL, &turns_over, NULL },
};
static struct analyze_process process_rows[] = { { &process, 4294246, 52113, 1363149, MODEL_ZEND, &standing } };
static const struct analyze_report plain_report = { .snapshot = &snapshot,
	.process = process_rows,
	.n_processes = 1,
	.number = 3,
	.since_last_ns = 5 * SEC,
	.since_start_ns = 15 * SEC,
	.live_bytes = 4294246,
	.live_blocks = 52113,
	.gained_bytes = 1363149,
	.n_stacks = 2,
	.row = rows,
	.n_rows = 2,
	.n_leaks = 1,
	.leak_bytes_per_s = 1000.7,
	.lost = 12 };
static const struct symbol_frame frames[] = {
	{ .kind = SYMBOL_FUNCTION,
		.addr = 0x55d0c000101c,
		.function = "ap_php_conv_fp",
		.function_offset = 0x1c,
		.module = "php8.2",
		.build_id = "abcd",
		.module_offset = 0x10101c,
		.executable = 1 },
	{ .kind = SYMBOL_MODULE,
		.addr = 0x7f00002f,
		.module = "libx.so",
		.build_id = "",
		.module_offset = 0x2f,
		.executable = 1 },
	{ .kind = SYMBOL_REGION, .addr = 0x55d0c0de, .module = "[heap]", .build_id = "" },
	{ .kind = SYMBOL_NOTHING, .addr = 0x10, .module = "", .build_id = "" },
};
static const struct output_stack stacks[] = { { frames, 2, MODEL_WALK_NO_MAPPING }, { frames, 1, MODEL_WALK_UNREAD } };

static struct model_process evil_process = { .pid = 7, .comm = EVIL_COMM };
static const struct symbol_frame evil_frames[] = {
	{ .kind = SYMBOL_FUNCTION,
		.addr = 0x1000,
		.function = EVIL_FUNCTION,
		.function_offset = 1,
		.module = "\033]0;x\007.so",
		.build_id = "",
		.module_offset = 0x1000,
		.executable = 1 },
	{ .kind = SYMBOL_MODULE, .addr = 0x2000, .module = "m;o d\t", .build_id = "", .module_offset = 0x20 },
};
static const struct output_stack evil_stacks[] = { { evil_frames, 2, MODEL_WALK_COMPLETE } };
static struct model_stack evil_stack = { .pid = 7, .layer = MODEL_MMAP, .live_bytes = 100, .live_blocks = 1 };
static struct analyze_row evil_row = { &evil_stack, &evil_process, 100, 100, 0, NULL, NULL };
static const struct model_snapshot evil_snapshot = { .utc_ns = UTC_NS, .process = &evil_process, .n_processes = 1 };
static struct analyze_process evil_process_rows[] = { { &evil_process, 100, 1, 100, MODEL_MMAP, NULL } };
static const struct analyze_report evil_report = { .snapshot = &evil_snapshot,
	.number = 1,
	.n_stacks = 1,
	.row = &evil_row,
	.n_rows = 1,
	.process = evil_process_rows,
	.n_processes = 1 };

static const struct model_event segv = { .type = MODEL_SIGNAL,
	.utc_ns = UTC_NS,
	.pid = 4242,
	.tid = 4243,
	.comm = "php",
	.signal = 11,
	.code = 1,
	.has_fault_addr = 1,
	.fault_addr = 0x10,
	.ip = 0x55d0c000101c,
	.sp = 0x7ffd0000 };
static const struct model_event aborted = { .type = MODEL_SIGNAL,
	.utc_ns = UTC_NS,
	.pid = 4242,
	.tid = 4242,
	.comm = EVIL_COMM,
	.signal = 6,
	.code = -6,
	.sender_pid = 99,
	.ip = 0x10,
	.sp = 0x20 };

#define WORKER                                                                                                                              \
	"{\"role\":\"worker\",\"role_from\":\"memory\",\"worker\":3,\"pool\":null,\"exe\":null,\"php\":null,\"swoole\":null,\"libc\":null," \
	"\"malloc\":null,\"container\":{\"kind\":\"docker\",\"id\":\"3f2a55c0ffee\",\"pid\":7},"                                            \
	"\"distribution\":null,\"kernel\":null,\"files\":[]}"

typedef int report_writer(FILE *f, const struct analyze_report *r, const struct output_stack *s);
typedef int event_writer(FILE *f, const struct model_event *e, const struct output_stack *s);

/* printed - what a writer wrote, to be freed. One of r and e is NULL. */
static char *printed(report_writer *report, event_writer *event, const void *what, const struct output_stack *s)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	assert_int_equal(report ? report(f, what, s) : event(f, what, s), 0);
	fclose(f);
	return text;
}

static void assert_event(event_writer *writer, const struct model_event *e, const char *expected)
{
	struct output_stack stack = { frames, 0, 0 };
	char *text;

	if (e->type == MODEL_SIGNAL)
		stack = (struct output_stack){ frames, e == &segv ? 2 : 1,
			e == &segv ? MODEL_WALK_NO_MAPPING : MODEL_WALK_COMPLETE };
	text = printed(NULL, writer, e, &stack);
	assert_string_equal(text, expected);
	free(text);
}

/* assert_no_space - a writer must tell -ENOSPC, and again the next time. */
static void assert_no_space(report_writer *report, event_writer *event, const void *what, const struct output_stack *s)
{
	FILE *f = fopen("/dev/full", "w");

	assert_non_null(f);
	for (int i = 0; i < 2; i++)
		assert_int_equal(report ? report(f, what, s) : event(f, what, s), -ENOSPC);
	fclose(f);
}

/* ---- text ---- */

static void a_text_report_tells_what_is_lost_before_the_stacks(void **state)
{
	(void)state;
	/* GIVEN a report with a loss, a stack that leaves the code and one that could not be read */
	/* WHEN */
	char *text = printed(output_text_report, NULL, &plain_report, stacks);

	/* THEN */
	assert_string_equal(text,
		"[2026-11-23T21:40:05.123Z] report 3 after 15.0 s: 4.1 MiB live in 52,113 blocks, +1.3 MiB in 5.0 s\n"
		"  php(4242): zend 3.9 MiB in 52,000 blocks, libc 200.0 KiB in 113 blocks, mmap 0 B in 0 blocks\n"
		"    zend heap: PHP counts 5.0 MiB: 4.8 MiB in traced blocks, 256.0 KiB from before tracing, difference 0 B\n"
		"    resident: 30.0 MiB (anonymous 20.0 MiB, files 10.0 MiB), its share of that 24.0 MiB, swapped out 4.0 KiB\n"
		"    php: 6.0 MiB taken of memory_limit 128.0 MiB, peak 8.0 MiB; cycle collector: 1,234 roots, 1 run\n"
		"    memory: zend growing +1.2 KiB/s (+1.1 KiB/s to +1.3 KiB/s), libc plateau\n"
		"    limit: PHP's memory_limit (128.0 MiB) in about 2.1 h (1.9 to 2.3), if it goes on like this\n"
		"    not in the books: of +4.0 KiB/s of resident memory live blocks explain 1.2 KiB/s; the rest is +2.0 KiB/s chunks that PHP keeps for later, +800 B/s overhead and fragmentation of malloc's heap\n"
		"    garbage: perhaps part of zend's growth: PHP's cycle collector has not run meanwhile, and has 1,234 possible roots to look at, ever more (it runs at 10,001)\n"
		"  verdict: LEAK, 1000 B/s in 1 stack\n"
		"  lost: 12 blocks not tracked: the live table is full\n"
		"  double free: 1 so far\n"
		"  freed blocks: 2,100 remembered, and 99.1 % of those of the report before; 2 of 5 looked up were found\n"
		"  tables: 21,000 of 1,048,576 blocks, 310 of 16,384 stacks\n"
		"  stacks: 0 of 2 are complete\n"
		"\n"
		"#1  3.7 MiB live in 51,000 blocks, zend, php(4242), site 5d8be67a\n"
		"    +1.2 MiB in 5.0 s, +3.7 MiB since the start (252.6 KiB/s), oldest block 14.2 s\n"
		"    LEAK 81 B/request, 3.4 MiB/h, 0 of 18,211 blocks older than 60 s were freed; or garbage that was not collected yet\n"
		"      ap_php_conv_fp+0x1c (php8.2)\n"
		"      libx.so+0x2f\n"
		"      (the stack ends here: this address is in no known code)\n"
		"\n"
		"#2  512 B live in 2 blocks, libc, php(4242), site 1247ada6\n"
		"    -2.0 KiB in 5.0 s, +512 B since the start (34 B/s), oldest block 0.5 s\n"
		"    no leak so far: 49 of 50 blocks older than 12 s were freed, nine of ten within 2.5 s\n"
		"      ap_php_conv_fp+0x1c (php8.2)\n"
		"      (the stack ends here: the stack could not be read)\n"
		"\n");
	free(text);
}

static void a_live_table_that_was_not_read_for_this_report_says_so(void **state)
{
	struct model_snapshot later = snapshot;
	struct analyze_report r = plain_report;
	char *text;

	(void)state;
	later.table_ns = 1;
	later.time_ns = 3200000001ULL;
	r.snapshot = &later;
	text = printed(output_text_report, NULL, &r, stacks);
	assert_non_null(strstr(text, "  tables: 21,000 of 1,048,576 blocks (read 3.2 s ago), 310 of 16,384 stacks\n"));
	free(text);
	text = printed(output_json_report, NULL, &r, stacks);
	assert_non_null(strstr(text, "\"live_table_age_ms\":3200,"));
	free(text);
}

static void a_stack_whose_layer_does_not_grow_says_why_it_is_no_leak(void **state)
{
	const struct analyze_leak flat = { .verdict = LEAK_FLAT, .old_ns = 12000000000ULL, .n_old = 50 };
	struct analyze_row row = rows[1];
	struct analyze_report report = plain_report;
	char *text;

	(void)state;
	row.leak = &flat;
	report.row = &row;
	report.n_rows = 1;
	text = printed(output_text_report, NULL, &report, &stacks[1]);
	assert_non_null(
		strstr(text, "\n    no leak so far: 0 of 50 blocks older than 12 s were freed, but libc as a whole "
			     "does not grow by what they take\n"));
	free(text);
}

static void a_report_of_a_system_has_a_table_of_the_processes_that_hold_most(void **state)
{
	static struct model_process idle = { .pid = 9, .comm = "idle", .alive = 1 };
	struct analyze_process rows_of_system[] = { { &process, 4294246, 52113, 1363149, MODEL_ZEND, &standing },
		{ &evil_process, 2048, 3, -512, MODEL_MMAP, NULL }, { &idle, 0, 0, 0, MODEL_ZEND, NULL } };
	struct analyze_report r = plain_report;
	char *text;

	(void)state;
	/* GIVEN three processes, of which two hold something */
	r.is_system = 1;
	r.process = rows_of_system;
	r.n_processes = 3;
	r.top = 10;
	/* WHEN, THEN both are listed, whatever they call themselves */
	text = printed(output_text_report, NULL, &r, stacks);
	assert_non_null(strstr(text,
		"  processes: 3 traced, 2 with live blocks\n"
		"        live       gained  most in  process\n"
		"     4.1 MiB     +1.3 MiB  zend     php(4242)\n"
		"    zend heap: PHP counts 5.0 MiB: 4.8 MiB in traced blocks, 256.0 KiB from before tracing, difference 0 B\n"
		"    memory: zend growing +1.2 KiB/s (+1.1 KiB/s to +1.3 KiB/s), libc plateau\n"
		"     2.0 KiB       -512 B  mmap     \\x1b[2J;a b\\x0a\"(7) (ended)\n"
		"  verdict: LEAK, "));
	free(text);
	/* WHEN one row is asked for, THEN it is said that there are others */
	r.top = 1;
	text = printed(output_text_report, NULL, &r, stacks);
	assert_non_null(strstr(text, "  processes: 3 traced, 2 with live blocks, these hold most (--top)\n"));
	assert_null(strstr(text, "(7)"));
	free(text);
}

static void numbers_of_a_full_table_are_called_estimates_until_they_are_exact_again(void **state)
{
	struct model_process p = process;
	struct analyze_process row = { &p, 4294246, 52113, 1363149, MODEL_ZEND, NULL };
	struct model_snapshot s = snapshot;
	struct analyze_report r = plain_report;
	char *text;

	(void)state;
	r.snapshot = &s;
	r.process = &row;
	r.lost = 0;
	s.process = &p;
	s.n_losses = 0;
	/* GIVEN blocks that were left out, some of which may live */
	p.layer[MODEL_ZEND].n_left_out = 1234;
	p.layer[MODEL_ZEND].is_estimate = 1;
	text = printed(output_text_report, NULL, &r, stacks);
	assert_non_null(strstr(text, "report 3 (estimate) after 15.0 s: "));
	assert_non_null(strstr(text, "difference (traced: an estimate) 0 B\n"));
	assert_non_null(strstr(text,
		"  lost: nothing\n  sampled: the table was full for 1,234 small blocks (--max-blocks); others stand for "
		"them, so that all numbers are estimates\n"));
	free(text);
	text = printed(output_json_report, NULL, &r, stacks);
	assert_non_null(strstr(text, "\"lost\":0,\"left_out\":1234,\"estimate\":true,"));
	assert_non_null(strstr(text, "\"unknown_frees\":5,\"left_out\":1234,\"estimate\":true}"));
	assert_non_null(strstr(text, "\"drops\":2,\"estimate\":true}"));
	free(text);
	/* WHEN they are freed */
	p.layer[MODEL_ZEND].is_estimate = 0;
	text = printed(output_text_report, NULL, &r, stacks);
	assert_non_null(strstr(text, "report 3 after 15.0 s: "));
	assert_non_null(strstr(text, "difference 0 B\n"));
	assert_non_null(strstr(
		text, "1,234 small blocks (--max-blocks); they are freed, so that what is live is exact again\n"));
	free(text);
}

static void what_follows_from_growth_is_told_in_words(void **state)
{
	struct analyze_standing growing = { .limits = { .limit = { [LIMIT_CGROUP] = { 1, 1048576, 42, 40, 7200, 1 } },
						    .soonest = LIMIT_CGROUP },
		.garbage = GARBAGE_RETAINED };
	struct model_process p = process;
	struct analyze_process row = { &p, 4294246, 52113, 1363149, MODEL_ZEND, &growing };
	struct analyze_report r = plain_report;
	struct model_snapshot s = snapshot;
	char *text;

	(void)state;
	r.snapshot = &s;
	r.process = &row;
	s.process = &p;
	p.vitals.cgroup_is_high = 1;
	p.vitals.shmem_bytes = 2048;
	p.vitals.time_ns = 7000000001ULL;
	p.vitals.heap.limit_bytes = 0;
	text = printed(output_text_report, NULL, &r, stacks);
	assert_non_null(strstr(text,
		"    resident: 30.0 MiB (anonymous 20.0 MiB, files 10.0 MiB, shared memory 2.0 KiB), its share of that 24.0 "
		"MiB (7 s ago), swapped out 4.0 KiB\n    php: 6.0 MiB taken, no memory_limit, peak"));
	assert_non_null(strstr(text,
		"    limit: the cgroup's limit (1.0 MiB) in about 42.0 s (40.0 to 7200.0), if it goes on like this (memory.high: "
		"it is slowed down then)\n"
		"    garbage: no, what grows in zend is retained: PHP's cycle collector has run, and left it\n"));
	assert_non_null(strstr(text, "older than 60 s were freed\n"));
	free(text);
	growing.garbage = GARBAGE_OFF;
	text = printed(output_text_report, NULL, &r, stacks);
	assert_non_null(strstr(text, "PHP's cycle collector is off, and 1,234 possible roots wait"));
	free(text);
	/* GIVEN a process that could not be looked at */
	p.vitals.time_ns = 0;
	row.standing = NULL;
	text = printed(output_text_report, NULL, &r, stacks);
	assert_null(strstr(text, "resident"));
	assert_null(strstr(text, "limit:"));
	free(text);
	text = printed(output_json_report, NULL, &r, stacks);
	assert_non_null(strstr(text,
		"\"vitals\":null,\"growth\":{},\"time_to_limit\":null,\"unexplained\":null,\"garbage\":\"unknown\","));
	free(text);
}

static void an_empty_final_text_report_says_so(void **state)
{
	struct analyze_report r = plain_report;
	struct model_snapshot s = { .utc_ns = UTC_NS };
	char *text;

	(void)state;
	/* GIVEN nothing live, nothing lost */
	r.snapshot = &s;
	r.is_final = 1;
	r.lost = r.n_rows = r.n_stacks = r.live_bytes = r.live_blocks = r.gained_bytes = 0;
	/* WHEN */
	text = printed(output_text_report, NULL, &r, NULL);
	/* THEN */
	assert_non_null(strstr(text, "] final report after 15.0 s: 0 B live"));
	assert_non_null(strstr(text, "  lost: nothing\n"));
	assert_non_null(strstr(text, "no live blocks"));
	assert_null(strstr(text, "complete"));
	free(text);
}

static void hostile_names_cannot_command_the_terminal(void **state)
{
	(void)state;
	/* GIVEN escapes in names of process, function and module */
	/* WHEN */
	char *text = printed(output_text_report, NULL, &evil_report, evil_stacks);

	/* THEN they are only shown, and no name begins a line */
	assert_null(strchr(text, '\033'));
	assert_null(strchr(text, '\007'));
	assert_non_null(strstr(text, "\n  \\x1b[2J;a b\\x0a\"(7)"));
	assert_non_null(strstr(text, ", mmap, \\x1b[2J;a b\\x0a\"(7), site "));
	assert_non_null(strstr(text, "\n      f;\\xff g\"\\x0a\xc3\xa9+0x1 (\\x1b]0;x\\x07.so)\n"));
	assert_non_null(strstr(text, "\n      m;o d\\x09+0x20\n"));
	free(text);
}

static void a_fault_is_told_with_its_address_and_place(void **state)
{
	(void)state;
	/* GIVEN a fault, WHEN told, THEN */
	assert_event(output_text_event, &segv,
		"[2026-11-23T21:40:05.123Z] CRASH php(4242) thread 4243: SIGSEGV (signal 11), SEGV_MAPERR: address not mapped, fault address 0x10, in ap_php_conv_fp+0x1c (php8.2)\n"
		"    ip 0x55d0c000101c, sp 0x7ffd0000\n"
		"      ap_php_conv_fp+0x1c (php8.2)\n"
		"      libx.so+0x2f\n"
		"      (the stack ends here: this address is in no known code)\n"
		"\n");
}

static void a_sent_signal_is_told_with_its_sender(void **state)
{
	(void)state;
	/* GIVEN a signal sent to a process with a hostile name, WHEN told, THEN */
	assert_event(output_text_event, &aborted,
		"[2026-11-23T21:40:05.123Z] CRASH \\x1b[2J;a b\\x0a\"(4242) thread 4242: SIGABRT (signal 6), SI_TKILL: sent by tkill or tgkill (raise, abort), sent by process 99, in ap_php_conv_fp+0x1c (php8.2)\n"
		"    ip 0x10, sp 0x20\n"
		"      ap_php_conv_fp+0x1c (php8.2)\n"
		"\n");
}

static void a_crash_says_which_worker_and_which_container_it_was(void **state)
{
	static const struct model_identity hostile = { .role = MODEL_ROLE_WORKER, .worker = -1, .pool = "w\n\033[2J" };
	static const struct model_identity bare = { .worker = -1 };
	const struct output_stack stack = { frames, 1, MODEL_WALK_COMPLETE };
	struct model_event e = segv;
	char *text;
	json_t *o;

	(void)state;
	/* GIVEN a worker in a container, WHEN told, THEN */
	e.identity = &worker;
	text = printed(NULL, output_text_event, &e, &stack);
	assert_non_null(strstr(text,
		"] CRASH php(4242), worker 3, docker 3f2a55c0ffee (pid 7 there), thread 4243: SIGSEGV (signal 11), "));
	free(text);
	text = printed(NULL, output_json_event, &e, &stack);
	assert_non_null(strstr(text, "\"comm\":\"php\",\"identity\":" WORKER ",\"signal\":11,"));
	free(text);
	/* GIVEN a pool's name that commands, WHEN told, THEN it is only shown */
	e.identity = &hostile;
	text = printed(NULL, output_text_event, &e, &stack);
	assert_non_null(strstr(text, "] CRASH php(4242), worker of pool w\\x0a\\x1b[2J, thread 4243: SIGSEGV"));
	free(text);
	text = printed(NULL, output_json_event, &e, &stack);
	o = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_string_equal(json_string_value(json_object_get(json_object_get(o, "identity"), "pool")), "w\n\033[2J");
	json_decref(o);
	free(text);
	/* GIVEN a process of which nothing is known, WHEN told, THEN it is as before */
	e.identity = &bare;
	text = printed(NULL, output_text_event, &e, &stack);
	assert_non_null(strstr(text, "] CRASH php(4242) thread 4243: SIGSEGV"));
	free(text);
}

#define TIME	  "2026-11-23T21:40:05.123Z"
#define LIFE_TEXT "[" TIME "] php(5) "
#define LIFE_JSON "{\"schema\":1,\"type\":\"lifecycle\",\"time\":\"" TIME "\",\"event\":"

#define NO_END "\"reason\":null,\"sender_pid\":null,\"sender_comm\":null,\"peak_rss_bytes\":null"

static void each_lifecycle_event_is_one_line_of_text_and_json(void **state)
{
	struct model_event e = { .type = MODEL_EXIT, .utc_ns = UTC_NS, .pid = 5, .comm = "php" };

	(void)state;
	/* GIVEN exit(3) */
	e.wait_status = 3 << 8;
	/* WHEN told, THEN */
	assert_event(output_text_event, &e, LIFE_TEXT "exited with status 3 [pid=5, status=3, signal=0]\n");
	assert_event(output_json_event, &e,
		LIFE_JSON
		"\"exit\",\"pid\":5,\"comm\":\"php\",\"identity\":null,\"exit_status\":3,\"signal\":null," NO_END
		"}\n");
	/* GIVEN SIGKILL */
	e.wait_status = 9;
	assert_event(output_text_event, &e, LIFE_TEXT "was killed by SIGKILL (signal 9) [pid=5, status=0, signal=9]\n");
	assert_event(output_json_event, &e,
		LIFE_JSON
		"\"exit\",\"pid\":5,\"comm\":\"php\",\"identity\":null,\"exit_status\":null,\"signal\":9," NO_END
		"}\n");
	/* GIVEN the others */
	e.type = MODEL_EXEC;
	assert_event(output_text_event, &e, LIFE_TEXT "runs a new program; its old memory is gone\n");
	assert_event(output_json_event, &e, LIFE_JSON "\"exec\",\"pid\":5,\"comm\":\"php\"}\n");
	e.type = MODEL_FORK;
	e.child_pid = 6;
	assert_event(output_text_event, &e, LIFE_TEXT "made a child process, 6, which is not traced\n");
	assert_event(output_json_event, &e, LIFE_JSON "\"fork\",\"pid\":5,\"comm\":\"php\",\"child_pid\":6}\n");
	e.type = MODEL_DL;
	assert_event(output_text_event, &e, LIFE_TEXT "loaded or unloaded libraries\n");
	assert_event(output_json_event, &e, LIFE_JSON "\"libraries\",\"pid\":5,\"comm\":\"php\"}\n");
}

/* ---- JSON ---- */

/* parsed - line n (from 0) of text as JSON. */
static json_t *parsed(const char *text, int n)
{
	json_error_t error;
	json_t *o;

	while (n--)
		text = strchr(text, '\n') + 1;
	o = json_loads(text, JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, &error);
	assert_non_null(o);
	return o;
}

#define HEAD(type) "{\"schema\":1,\"type\":\"" type "\",\"time\":\"" TIME "\","
#define NO_LINE	   "\"file\":null,\"line\":null,\"line_exact\":null,"
#define FRAME_0                                                                                                                              \
	"{\"kind\":\"native\",\"addr\":\"0x55d0c000101c\",\"function\":\"ap_php_conv_fp\",\"function_offset\":28,\"inlined\":false," NO_LINE \
	"\"module\":\"php8.2\",\"module_offset\":\"0x10101c\",\"build_id\":\"abcd\"}"
#define FRAME_1                                                                                                              \
	"{\"kind\":\"native\",\"addr\":\"0x7f00002f\",\"function\":null,\"function_offset\":null,\"inlined\":false," NO_LINE \
	"\"module\":\"libx.so\",\"module_offset\":\"0x2f\",\"build_id\":\"\"}"
#define VITALS \
	"\"vitals\":{\"age_ms\":0,\"rss_bytes\":31457280,\"anon_bytes\":20971520,\"file_bytes\":10485760,\"shmem_bytes\":0,\"swap_bytes\":4096,\"pss_bytes\":25165824,\"pss_age_ms\":0,\"heap_mapping_bytes\":1048576,\"stack_mappings\":3,\"stack_mapping_bytes\":6291456,\"php\":{\"size_bytes\":5242880,\"peak_bytes\":5300000,\"real_bytes\":6291456,\"real_peak_bytes\":8388608,\"limit_bytes\":134217728,\"cached_bytes\":2097152},\"gc\":{\"enabled\":true,\"protected\":false,\"roots\":1234,\"threshold\":10001,\"runs\":1,\"collected\":77},\"cgroup\":{\"limit_bytes\":536870912,\"used_bytes\":104857600,\"high\":false,\"swap_free_bytes\":0},\"machine\":{\"total_bytes\":8589934592,\"available_bytes\":4294967296,\"swap_free_bytes\":1048576}},"
#define NO_GROWTH \
	"{\"verdict\":\"not_enough_data\",\"bytes_per_s\":0,\"low_bytes_per_s\":0,\"high_bytes_per_s\":0,\"gained_bytes\":0}"
#define NO_COUNTS "\"allocs\":0,\"alloc_bytes\":0,\"frees\":0,\"freed_bytes\":0"

static void a_json_report_is_a_report_a_loss_and_its_stacks(void **state)
{
	(void)state;
	/* GIVEN the same report, WHEN written as JSON */
	char *text = printed(output_json_report, NULL, &plain_report, stacks);

	/* THEN each object is one line, keys in a fixed order */
	assert_string_equal(text, HEAD(
					  "report") "\"number\":3,\"final\":false,\"since_start_ms\":15000,\"since_last_ms\":5000,\"live_bytes\":4294246,\"live_blocks\":52113,\"gained_bytes\":1363149,\"stacks\":2,\"complete\":0,\"shown\":2,\"leaks\":1,\"leak_bytes_per_s\":1000,\"lost\":12,\"left_out\":0,\"estimate\":false,\"live_table\":{\"used\":21000,\"capacity\":1048576},\"live_table_age_ms\":0,\"stack_table\":{\"used\":310,\"capacity\":16384},\"freed_history\":{\"capacity\":65536,\"used\":2100,\"kept\":0.9912,\"stacks\":false,\"lookups\":5,\"found\":2,\"double_frees\":1,\"invalid_frees\":0},\"processes\":[{\"pid\":4242,\"comm\":\"php\",\"alive\":true,\"allocator\":\"libc.so.6\",\"identity\":null,\"live_bytes\":4294246,\"gained_bytes\":1363149,\"layers\":{\"zend\":{\"live_bytes\":4089446,\"live_blocks\":52000,\"allocs\":60000,\"alloc_bytes\":5000000,\"frees\":8000,\"freed_bytes\":910554,\"unknown_frees\":5,\"left_out\":0,\"estimate\":false},\"libc\":{\"live_bytes\":204800,\"live_blocks\":113," NO_COUNTS
						    ",\"unknown_frees\":0,\"left_out\":0,\"estimate\":false},\"mmap\":{\"live_bytes\":0,\"live_blocks\":0," NO_COUNTS
						    ",\"unknown_frees\":0,\"left_out\":0,\"estimate\":false}},\"zend_heap\":{\"size_bytes\":5242880,\"traced_bytes\":4980736,\"before_bytes\":262144,\"difference_bytes\":0,\"steady\":true,\"drops\":2,\"estimate\":false}," VITALS
						    "\"growth\":{\"zend\":{\"verdict\":\"growing\",\"bytes_per_s\":1200,\"low_bytes_per_s\":1100,\"high_bytes_per_s\":1300,\"gained_bytes\":18000},\"libc\":{\"verdict\":\"plateau\",\"bytes_per_s\":3,\"low_bytes_per_s\":-10,\"high_bytes_per_s\":20,\"gained_bytes\":40},\"mmap\":" NO_GROWTH
						    ",\"rss\":" NO_GROWTH ",\"rss_swap\":" NO_GROWTH ",\"swap\":" NO_GROWTH ",\"pss\":" NO_GROWTH ",\"zend_real\":" NO_GROWTH ",\"zend_cached\":" NO_GROWTH ",\"files\":" NO_GROWTH ",\"heap_map\":" NO_GROWTH ",\"stacks\":" NO_GROWTH "},\"time_to_limit\":{\"limit\":\"memory_limit\",\"limit_bytes\":134217728,\"seconds\":7500,\"least_s\":7000,\"most_s\":8200,\"processes\":1},\"unexplained\":{\"rss_bytes_per_s\":4096,\"explained_bytes_per_s\":1200,\"parts\":{\"files\":0,\"zend_cached\":2048,\"zend_fragmentation\":0,\"malloc_fragmentation\":800,\"stacks\":0,\"unknown\":48}},\"garbage\":\"pending\",\"n_requests\":null,\"requests_by\":null,\"requests_per_s\":null,\"request_growth\":[],\"request_curve\":[]}]}\n" HEAD(
							    "loss") "\"report\":3,\"total\":12,\"causes\":{\"live_table_full\":12,\"return_missed\":0}}\n" HEAD("stack") "\"report\":3,\"rank\":1,\"pid\":4242,\"comm\":\"php\",\"layer\":\"zend\",\"site\":\"5d8be67a\",\"live_bytes\":3879731,\"live_blocks\":51000,\"gained_bytes\":1258291,\"gained_start_bytes\":3879731,\"oldest_age_ms\":14200,\"allocs\":59000,\"alloc_bytes\":4500000,\"frees\":8000,\"freed_bytes\":620269,\"verdict\":\"leak\",\"leak\":{\"bytes_per_s\":1000,\"low_bytes_per_s\":900,\"high_bytes_per_s\":1100,\"bytes_per_request\":81.06,\"low_bytes_per_request\":75.5,\"high_bytes_per_request\":86.62,\"growing_block\":false},\"old_age_ms\":60000,\"old_blocks\":18211,\"old_freed\":0,\"lifetime_ms\":{\"p50\":null,\"p90\":null,\"p99\":null},\"generations\":[{\"from_ms\":0,\"to_ms\":5000,\"live_blocks\":3,\"live_bytes\":300,\"born_blocks\":5},{\"from_ms\":5000,\"to_ms\":9000,\"live_blocks\":0,\"live_bytes\":0,\"born_blocks\":7},{\"from_ms\":9000,\"to_ms\":null,\"live_blocks\":1,\"live_bytes\":50,\"born_blocks\":58988}],\"walk\":\"no_mapping\",\"frames\":[" FRAME_0 "," FRAME_1
																					 "]}\n" HEAD(
																						 "stack") "\"report\":3,\"rank\":2,\"pid\":4242,\"comm\":\"php\",\"layer\":\"libc\",\"site\":\"1247ada6\",\"live_bytes\":512,\"live_blocks\":2,\"gained_bytes\":-2048,\"gained_start_bytes\":512,\"oldest_age_ms\":500," NO_COUNTS
																							  ",\"verdict\":\"turns_over\",\"leak\":null,\"old_age_ms\":12000,\"old_blocks\":50,\"old_freed\":49,\"lifetime_ms\":{\"p50\":1500,\"p90\":2500,\"p99\":null},\"generations\":[],\"walk\":\"unreadable\",\"frames\":[" FRAME_0
																							  "]}\n");
	free(text);
}

static void a_json_crash_has_signal_code_and_frames(void **state)
{
	(void)state;
	/* GIVEN a fault and a sent signal, WHEN written as JSON, THEN what is not known is null */
	assert_event(output_json_event, &segv,
		HEAD("crash") "\"pid\":4242,\"tid\":4243,\"comm\":\"php\",\"identity\":null,\"signal\":11,\"signal_name\":\"SIGSEGV\",\"code\":1,\"code_name\":\"SEGV_MAPERR\",\"code_text\":\"address not mapped\",\"fault_addr\":\"0x10\",\"sender_pid\":null,\"ip\":\"0x55d0c000101c\",\"sp\":\"0x7ffd0000\",\"walk\":\"no_mapping\",\"frames\":[" FRAME_0
			      "," FRAME_1 "]}\n");
	assert_event(output_json_event, &aborted,
		HEAD("crash") "\"pid\":4242,\"tid\":4242,\"comm\":\"\\u001B[2J;a b\\n\\\"\",\"identity\":null,\"signal\":6,\"signal_name\":\"SIGABRT\",\"code\":-6,\"code_name\":\"SI_TKILL\",\"code_text\":\"sent by tkill or tgkill (raise, abort)\",\"fault_addr\":null,\"sender_pid\":99,\"ip\":\"0x10\",\"sp\":\"0x20\",\"walk\":\"complete\",\"frames\":[" FRAME_0
			      "]}\n");
}

/* A block that was freed twice, by a stack of one frame; who freed it first is not known. */
static int text_freed(FILE *f, const struct model_event *e, const struct output_stack *stack)
{
	static const struct output_stack none;

	return output_text_freed(f, e, stack, stack, &none);
}

static int json_freed(FILE *f, const struct model_event *e, const struct output_stack *stack)
{
	static const struct output_stack none;

	return output_json_freed(f, e, stack, &none, stack);
}

static void a_double_free_says_which_block_and_by_whom(void **state)
{
	struct model_near block = { .kind = MODEL_NEAR_FREED,
		.layer = MODEL_ZEND,
		.addr = 0x7f0010,
		.size_bytes = 56,
		.age_ns = 3000000000,
		.freed_ns = 250000000,
		.freed_tid = 9 };
	struct model_event e = aborted;

	(void)state;
	e.block = &block;
	e.identity = &worker;
	assert_event(json_freed, &e,
		HEAD("double_free") "\"pid\":4242,\"tid\":4242,\"comm\":\"\\u001B[2J;a b\\n\\\"\",\"identity\":" WORKER
				    ",\"layer\":\"zend\",\"op\":\"free\",\"addr\":\"0x7f0010\",\"size_bytes\":56,\"age_ms\":3000,\"freed_ms\":250,\"freed_tid\":9,\"walk\":\"complete\",\"frames\":[" FRAME_0
				    "],\"allocated_by\":null,\"freed_by\":{\"walk\":\"complete\",\"frames\":[" FRAME_0
				    "]}}\n");
	strcpy(e.comm, "php");
	assert_event(text_freed, &e,
		"[2026-11-23T21:40:05.123Z] DOUBLE FREE php(4242), worker 3, docker 3f2a55c0ffee (pid 7 there), thread 4242: 56 B, zend, at 0x7f0010, was freed 0.25 s before by thread 9\n"
		"      ap_php_conv_fp+0x1c (php8.2)\n"
		"    who freed it first: --free-stacks tells\n"
		"    allocated 3.00 s before by:\n"
		"      ap_php_conv_fp+0x1c (php8.2)\n\n");
	/* WHEN it was given to realloc */
	e.by_realloc = 1;
	assert_event(text_freed, &e,
		"[2026-11-23T21:40:05.123Z] DOUBLE FREE php(4242), worker 3, docker 3f2a55c0ffee (pid 7 there), thread 4242: realloc of 56 B, zend, at 0x7f0010, was freed 0.25 s before by thread 9\n"
		"      ap_php_conv_fp+0x1c (php8.2)\n"
		"    who freed it first: --free-stacks tells\n"
		"    allocated 3.00 s before by:\n"
		"      ap_php_conv_fp+0x1c (php8.2)\n\n");
}

static int text_stray(FILE *f, const struct model_event *e, const struct output_stack *stack)
{
	static const struct output_stack none;

	return output_text_stray(f, e, stack, e->block->kind == MODEL_NEAR_NONE ? &none : stack);
}

static int json_stray(FILE *f, const struct model_event *e, const struct output_stack *stack)
{
	return output_json_stray(f, e, stack, stack);
}

static void an_invalid_free_says_what_was_freed_instead_of_a_block(void **state)
{
	struct model_near none = { 0 }, block = { .kind = MODEL_NEAR_LIVE,
		.layer = MODEL_LIBC,
		.addr = 0x7f0010,
		.size_bytes = 56,
		.offset = 16,
		.age_ns = 3000000000 };
	struct model_stray stray = { .addr = 0x7f0020, .layer = MODEL_LIBC };
	struct model_event e = aborted;

	(void)state;
	/* GIVEN an address in a live block */
	e.stray = &stray;
	e.block = &block;
	assert_event(json_stray, &e,
		HEAD("invalid_free") "\"pid\":4242,\"tid\":4242,\"comm\":\"\\u001B[2J;a b\\n\\\"\",\"identity\":null,\"layer\":\"libc\",\"op\":\"free\",\"addr\":\"0x7f0020\",\"what\":\"inside_block\",\"walk\":\"complete\",\"frames\":[" FRAME_0
				     "],\"block\":{\"addr\":\"0x7f0010\",\"size_bytes\":56,\"offset\":16,\"age_ms\":3000,\"allocated_by\":{\"walk\":\"complete\",\"frames\":[" FRAME_0
				     "]}}}\n");
	strcpy(e.comm, "php");
	assert_event(text_stray, &e,
		"[2026-11-23T21:40:05.123Z] INVALID FREE php(4242) thread 4242: 0x7f0020, 16 bytes into a live block of 56 B, libc, at 0x7f0010\n"
		"      ap_php_conv_fp+0x1c (php8.2)\n"
		"    the block was allocated 3.00 s before by:\n"
		"      ap_php_conv_fp+0x1c (php8.2)\n\n");
	/* GIVEN one in none that may have been freed before */
	e.block = &none;
	assert_event(text_stray, &e,
		"[2026-11-23T21:40:05.123Z] INVALID FREE php(4242) thread 4242: 0x7f0020, where no block lives: it was never allocated, or was freed before\n"
		"      ap_php_conv_fp+0x1c (php8.2)\n\n");
	/* GIVEN one that was not */
	stray.is_new = 1;
	assert_event(json_stray, &e,
		HEAD("invalid_free") "\"pid\":4242,\"tid\":4242,\"comm\":\"php\",\"identity\":null,\"layer\":\"libc\",\"op\":\"free\",\"addr\":\"0x7f0020\",\"what\":\"never_allocated\",\"walk\":\"complete\",\"frames\":[" FRAME_0
				     "],\"block\":null}\n");
	/* GIVEN one that was given to realloc */
	e.by_realloc = 1;
	assert_event(json_stray, &e,
		HEAD("invalid_free") "\"pid\":4242,\"tid\":4242,\"comm\":\"php\",\"identity\":null,\"layer\":\"libc\",\"op\":\"realloc\",\"addr\":\"0x7f0020\",\"what\":\"never_allocated\",\"walk\":\"complete\",\"frames\":[" FRAME_0
				     "],\"block\":null}\n");
	assert_event(text_stray, &e,
		"[2026-11-23T21:40:05.123Z] INVALID FREE php(4242) thread 4242: realloc of 0x7f0020, which was never allocated\n"
		"      ap_php_conv_fp+0x1c (php8.2)\n\n");
}

static void hostile_names_come_back_from_json_as_they_were(void **state)
{
	(void)state;
	/* GIVEN hostile names, WHEN written and parsed back */
	char *text = printed(output_json_report, NULL, &evil_report, evil_stacks);
	json_t *o = parsed(text, 2), *f;

	/* THEN they are the same, but for the byte that is not UTF-8 */
	assert_string_equal(json_string_value(json_object_get(o, "comm")), EVIL_COMM);
	f = json_array_get(json_object_get(o, "frames"), 0);
	assert_string_equal(json_string_value(json_object_get(f, "function")), "f;\xef\xbf\xbd g\"\n\xc3\xa9");
	assert_string_equal(json_string_value(json_object_get(f, "module")), "\033]0;x\007.so");
	json_decref(o);
	free(text);
}

static void numbers_beyond_32_bits_survive_json(void **state)
{
	struct analyze_report r = plain_report;
	char *text;
	json_t *o;

	(void)state;
	/* GIVEN totals of many GiB, and a large loss of memory */
	r.live_bytes = 1ULL << 62;
	r.gained_bytes = INT64_MIN;
	r.n_rows = 0;
	/* WHEN */
	text = printed(output_json_report, NULL, &r, NULL);
	o = parsed(text, 0);
	/* THEN */
	assert_true(json_integer_value(json_object_get(o, "live_bytes")) == 1LL << 62);
	assert_true(json_integer_value(json_object_get(o, "gained_bytes")) == INT64_MIN);
	json_decref(o);
	free(text);
}

static int write_folded(FILE *f, const void *ctx)
{
	static const struct export_opts opts;

	return export_write(EXPORT_FOLDED, f, ctx, &opts);
}

/* folded_write - a report as a profile, and that as a file of folded stacks. */
static int folded_write(const char *to, const struct analyze_report *r, const struct output_stack *s)
{
	struct profile p;
	int err;

	profile_begin(&p);
	err = output_profile(&p, "0", r, s, NULL);
	if (!err)
		err = outfile_write(to, write_folded, &p);
	profile_free(&p);
	return err;
}

/* said_of - the lines of a process whose curves of memory and swap are thought so of. */
static char *said_of(
	enum analyze_growth_verdict rss, enum analyze_growth_verdict both, enum analyze_growth_verdict swap)
{
	struct analyze_standing how = {
		.growth = { [MODEL_CURVE_RSS] = { rss, 100, 90, 110, 1000 },
			[MODEL_CURVE_RSS_SWAP] = { both, 300, 290, 310, 3000 },
			[MODEL_CURVE_SWAP] = { swap, 200, 190, 210, 2000 },
			[MODEL_CURVE_PSS] = { GROWTH_GROWING, 50, 40, 60, 500 } },
		.limits = { .limit = { [LIMIT_MACHINE] = { 1, 8589934592, 60, 50, 70, 4 } }, .soonest = LIMIT_MACHINE },
	};
	struct analyze_process row = process_rows[0];
	struct analyze_report r = plain_report;

	row.standing = &how;
	r.process = &row;
	return printed(output_text_report, NULL, &r, stacks);
}

static void swap_is_told_of_where_it_changes_what_resident_memory_says(void **state)
{
	static const struct {
		enum analyze_growth_verdict rss, both, swap;
		const char *said;
	} cases[] = {
		{ GROWTH_PLATEAU, GROWTH_PLATEAU, GROWTH_PLATEAU, "    memory: rss plateau\n" },
		{ GROWTH_PLATEAU, GROWTH_GROWING, GROWTH_GROWING,
			"    memory: rss plateau, rss_swap growing +300 B/s (+290 B/s to +310 B/s), "
			"swap growing +200 B/s (+190 B/s to +210 B/s)\n" },
		/* what was resident is swapped out, what was swapped out comes back */
		{ GROWTH_PLATEAU, GROWTH_PLATEAU, GROWTH_GROWING,
			"    memory: rss plateau, rss_swap plateau, swap growing +200 B/s (+190 B/s to +210 B/s)\n" },
		{ GROWTH_GROWING, GROWTH_PLATEAU, GROWTH_PLATEAU,
			"    memory: rss growing +100 B/s (+90 B/s to +110 B/s), rss_swap plateau\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text = said_of(cases[i].rss, cases[i].both, cases[i].swap);

		if (!strstr(text, cases[i].said))
			fail_msg("not told: %s\nbut: %s", cases[i].said, text);
		assert_non_null(strstr(text,
			"    limit: the end of the machine's memory (8.0 GiB, and 1.0 MiB of free swap) in about 60.0 s (50.0 to "
			"70.0), if it and 3 more that grow go on like this\n"));
		free(text);
	}
}

static void a_recording_has_memory_and_swap_together_where_there_is_swap(void **state)
{
	struct model_process_history of_process = { .pid = 4242, .life = process.life };
	struct model_process_history *list[] = { &of_process };
	struct model_history h = { .process = list, .n_processes = 1 };

	(void)state;
	for (uint64_t swap = 0; swap < 2; swap++) {
		const struct model_point at[] = { { 2 * SEC, 5 }, { 2 * SEC, 5 + (int64_t)swap },
			{ 2 * SEC, (int64_t)swap } };
		struct profile p;
		size_t n_told = 0;

		for (int c = 0; c < 3; c++)
			model_curve_add(&of_process.curve[MODEL_CURVE_RSS + c], &at[c]);
		profile_begin(&p);
		assert_int_equal(output_profile(&p, "0", &plain_report, stacks, &h), 0);
		assert_int_equal(p.n_processes, 1);
		for (size_t i = 0; i < p.process[0].n_curves; i++)
			n_told += !strcmp(p.process[0].curve[i].name, "rss_swap");
		assert_int_equal(n_told, swap);
		profile_free(&p);
	}
}

static void a_full_disk_is_an_error_of_every_writer(void **state)
{
	const struct output_stack none = { frames, 0, 0 };

	(void)state;
	/* GIVEN /dev/full, WHEN written to, THEN -ENOSPC, each time */
	assert_no_space(output_text_report, NULL, &plain_report, stacks);
	assert_no_space(output_json_report, NULL, &plain_report, stacks);
	assert_no_space(NULL, output_text_event, &segv, &none);
	assert_no_space(NULL, output_json_event, &segv, &none);
	assert_int_equal(outfile_check("/dev/full"), 0);
	assert_int_equal(folded_write("/dev/full", &plain_report, stacks), -ENOSPC);
}

/* ---- folded ---- */

static char dir[] = "/tmp/swtrace-test-XXXXXX";
static char path[64];

static int make_dir(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "%s/out", mkdtemp(dir) ? dir : "");
	return 0;
}

static int remove_dir(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir); /* fails when a temporary file was left behind */
}

static void assert_file(const char *expected)
{
	char text[4096] = "";
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	assert_true(fread(text, 1, sizeof(text) - 1, f) < sizeof(text));
	fclose(f);
	assert_string_equal(text, expected);
}

static void folded_stacks_begin_with_the_root(void **state)
{
	struct stat st;

	(void)state;
	/* GIVEN */
	umask(022);
	/* WHEN written, twice: the second replaces the first */
	assert_int_equal(folded_write(path, &evil_report, evil_stacks), 0);
	assert_int_equal(folded_write(path, &plain_report, stacks), 0);
	/* THEN */
	assert_file("php(4242);[zend];[incomplete];[libx.so+0x2f];ap_php_conv_fp 3879731\n"
		    "php(4242);[libc];[incomplete];ap_php_conv_fp 512\n");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
}

static void hostile_names_cannot_forge_folded_stacks(void **state)
{
	(void)state;
	/* GIVEN ';', spaces, newlines and escapes in names */
	/* WHEN */
	assert_int_equal(folded_write(path, &evil_report, evil_stacks), 0);
	/* THEN each is one frame of one line */
	assert_file("_[2J:a_b_\"(7);[mmap];[m:o_d_+0x20];f:\xef\xbf\xbd_g\"_\xc3\xa9 100\n");
}

static void a_folded_file_that_cannot_be_replaced_stays(void **state)
{
	char missing[96];

	(void)state;
	/* GIVEN a folder in place of the file, and a folder that is not there */
	snprintf(missing, sizeof(missing), "%s/missing/out", dir);
	/* WHEN */
	assert_int_equal(outfile_check(dir), -EISDIR);
	assert_int_equal(outfile_check(missing), -ENOENT);
	assert_true(folded_write(dir, &plain_report, stacks) < 0);
	assert_int_equal(folded_write(missing, &plain_report, stacks), -ENOENT);
	/* THEN the folder is still there, and nothing was left beside it: remove_dir() looks */
	assert_int_equal(access(dir, W_OK), 0);
}

static void a_folded_file_stays_when_the_disk_fills_up(void **state)
{
	struct rlimit old, small = { .rlim_cur = 10, .rlim_max = RLIM_INFINITY };

	(void)state;
	/* GIVEN a file, and no room for more than 10 bytes */
	assert_int_equal(folded_write(path, &evil_report, evil_stacks), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small.rlim_max = old.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	/* WHEN */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	int err = folded_write(path, &plain_report, stacks);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	/* THEN the old file is there, whole, and nothing beside it: remove_dir() looks */
	assert_int_equal(err, -EFBIG);
	assert_file("_[2J:a_b_\"(7);[mmap];[m:o_d_+0x20];f:\xef\xbf\xbd_g\"_\xc3\xa9 100\n");
}

static void a_symbolic_link_is_followed_not_replaced(void **state)
{
	char link[96];
	struct stat st;

	(void)state;
	/* GIVEN a link to the file, as /dev/stdout may be one */
	snprintf(link, sizeof(link), "%s/link", dir);
	assert_int_equal(folded_write(path, &plain_report, stacks), 0);
	assert_int_equal(symlink(path, link), 0);
	/* WHEN */
	int err = folded_write(link, &evil_report, evil_stacks);
	assert_int_equal(lstat(link, &st), 0);
	unlink(link);
	/* THEN */
	assert_int_equal(err, 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_file("_[2J:a_b_\"(7);[mmap];[m:o_d_+0x20];f:\xef\xbf\xbd_g\"_\xc3\xa9 100\n");
}

static void checking_a_folded_file_leaves_no_trace(void **state)
{
	(void)state;
	/* GIVEN no file, WHEN checked, THEN there is none */
	unlink(path);
	assert_int_equal(outfile_check(path), 0);
	assert_int_equal(access(path, F_OK), -1);
	/* GIVEN a file, WHEN checked, THEN it is as it was */
	assert_int_equal(folded_write(path, &evil_report, evil_stacks), 0);
	assert_int_equal(outfile_check(path), 0);
	assert_file("_[2J:a_b_\"(7);[mmap];[m:o_d_+0x20];f:\xef\xbf\xbd_g\"_\xc3\xa9 100\n");
}

static void php_frames_have_their_file_and_line_in_every_format(void **state)
{
	static const struct symbol_frame php[] = {
		{ .kind = SYMBOL_PHP, .function = "strlen", .file = "", .module = "", .build_id = "" },
		{ .kind = SYMBOL_PHP,
			.function = "A::b",
			.file = "/srv/x y;z.php",
			.line = 12,
			.module = "",
			.build_id = "" },
		{ .kind = SYMBOL_PHP,
			.function = "{main}",
			.file = "/srv/m.php",
			.line = 3,
			.is_approximate = 1,
			.module = "",
			.build_id = "" },
	};
	const struct output_stack stack = { php, 3, MODEL_WALK_COMPLETE };
	struct analyze_report r = plain_report;
	char *text, *json;

	(void)state;
	/* GIVEN a stack of an internal function, a method and the script */
	r.n_rows = 1;
	/* WHEN */
	text = printed(output_text_report, NULL, &r, &stack);
	json = printed(output_json_report, NULL, &r, &stack);
	/* THEN */
	assert_non_null(strstr(text, "      strlen (PHP)\n      A::b /srv/x y;z.php:12\n      {main} /srv/m.php:~3\n"));
	assert_non_null(strstr(json,
		"{\"kind\":\"php\",\"addr\":null,\"function\":\"A::b\",\"function_offset\":null,\"inlined\":false,"
		"\"file\":\"/srv/x y;z.php\",\"line\":12,\"line_exact\":true,"));
	assert_non_null(strstr(json, "\"line\":3,\"line_exact\":false,"));
	assert_int_equal(folded_write(path, &r, &stack), 0);
	assert_file("php(4242);[zend];{main}@m.php:3;A::b@x_y:z.php:12;strlen 3879731\n");
	free(text);
	free(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_report_tells_what_is_lost_before_the_stacks),
		cmocka_unit_test(a_live_table_that_was_not_read_for_this_report_says_so),
		cmocka_unit_test(a_stack_whose_layer_does_not_grow_says_why_it_is_no_leak),
		cmocka_unit_test(a_report_of_a_system_has_a_table_of_the_processes_that_hold_most),
		cmocka_unit_test(numbers_of_a_full_table_are_called_estimates_until_they_are_exact_again),
		cmocka_unit_test(what_follows_from_growth_is_told_in_words),
		cmocka_unit_test(an_empty_final_text_report_says_so),
		cmocka_unit_test(hostile_names_cannot_command_the_terminal),
		cmocka_unit_test(a_fault_is_told_with_its_address_and_place),
		cmocka_unit_test(a_sent_signal_is_told_with_its_sender),
		cmocka_unit_test(a_crash_says_which_worker_and_which_container_it_was),
		cmocka_unit_test(each_lifecycle_event_is_one_line_of_text_and_json),
		cmocka_unit_test(a_json_report_is_a_report_a_loss_and_its_stacks),
		cmocka_unit_test(a_json_crash_has_signal_code_and_frames),
		cmocka_unit_test(a_double_free_says_which_block_and_by_whom),
		cmocka_unit_test(an_invalid_free_says_what_was_freed_instead_of_a_block),
		cmocka_unit_test(php_frames_have_their_file_and_line_in_every_format),
		cmocka_unit_test(hostile_names_come_back_from_json_as_they_were),
		cmocka_unit_test(numbers_beyond_32_bits_survive_json),
		cmocka_unit_test(swap_is_told_of_where_it_changes_what_resident_memory_says),
		cmocka_unit_test(a_recording_has_memory_and_swap_together_where_there_is_swap),
		cmocka_unit_test(a_full_disk_is_an_error_of_every_writer),
		cmocka_unit_test(folded_stacks_begin_with_the_root),
		cmocka_unit_test(hostile_names_cannot_forge_folded_stacks),
		cmocka_unit_test(a_folded_file_that_cannot_be_replaced_stays),
		cmocka_unit_test(a_folded_file_stays_when_the_disk_fills_up),
		cmocka_unit_test(a_symbolic_link_is_followed_not_replaced),
		cmocka_unit_test(checking_a_folded_file_leaves_no_trace),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
