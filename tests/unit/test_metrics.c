/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_metrics.c - promises of metrics/metrics.h: exact text in both forms, bounded and harmless whatever is traced; the form
 * that is wanted; and of metrics/server.h: answers for whoever asks, whatever others do.
 *
 * In: snapshots made up here. Out: text, also parsed back; a server on a free port of 127.0.0.1. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/cli.h"
#include "util/clock.h"

#define UTC_NS	1795470005123000000LL /* 2026-11-23T21:40:05.123Z */
#define HOSTILE "\x1b[2J\"\n\\\xff{}"

static struct model_identity identity = { .role = MODEL_ROLE_WORKER, .worker = 3, .container_id = "3f2a00000000" };
/* target/ lets less of this through. */
static struct model_identity hostile = {
	.role = MODEL_ROLE_WORKER, .worker = -1, .pool = HOSTILE, .container_id = HOSTILE
};
static struct model_loss losses[] = { { "return_missed", "calls whose return was never seen", 7 } };
static struct analyze_standing standing = {
	.pid = 42,
	.growth = {
		[MODEL_CURVE_ZEND] = { GROWTH_GROWING, 1200.5, 1100, 1300, 18000 },
		[MODEL_CURVE_RSS] = { GROWTH_PLATEAU, 3, -10, 20, 40 },
		[MODEL_CURVE_RSS_SWAP] = { GROWTH_GROWING, 512, 500, 520, 9000 },
	},
	.limits = { .limit = { [LIMIT_PHP] = { 1, 134217728, 7500.5, 7000, 8200 } }, .soonest = LIMIT_PHP },
};
static struct analyze_verdict verdict[] = {
	{ .pid = 42, .leak = { .verdict = LEAK_YES, .bytes_per_s = 1000 } },
	{ .pid = 42, .leak = { .verdict = LEAK_NONE, .bytes_per_s = 5 } },
	{ .pid = 42, .leak = { .verdict = LEAK_YES, .bytes_per_s = 24.5 } },
};
static const struct analyze_verdicts verdicts = {
	.stack = verdict, .n_stacks = 3, .process = &standing, .n_processes = 1
};
static struct model_stack stacks[] = { { .id = 0, .pid = 42 }, { .id = 1, .pid = 42 }, { .id = 2, .pid = 42 } };
static struct model_process processes[] = {
	{ .pid = 42,
		.comm = "php8.2",
		.alive = 1,
		.has_requests = 1,
		.n_requests = 1234,
		.identity = &identity,
		.layer = { { .live_bytes = 6144, .live_blocks = 60 }, { .live_bytes = 300, .live_blocks = 1 } },
		.vitals = { .time_ns = 1,
			.rss_bytes = 31457280,
			.heap = { .is_known = 1,
				.size_bytes = 5242880,
				.real_bytes = 6291456,
				.limit_bytes = 134217728 } } },
	{ .pid = 7, .comm = HOSTILE, .alive = 1, .identity = &hostile },
	{ .pid = 8, .comm = "gone" },
};
static const struct model_snapshot snapshot = {
	.utc_ns = UTC_NS,
	.process = processes,
	.n_processes = 3,
	.stack = stacks,
	.n_stacks = 3,
	.loss = losses,
	.n_losses = 1,
	.freed = { .lookups = 13, .found = 12, .n_twice = 2, .n_stray = 3 },
};

static void made(struct metrics *m)
{
	struct model_event segv = { .type = MODEL_SIGNAL, .signal = SIGSEGV },
			   other = { .type = MODEL_SIGNAL, .signal = 64 };
	struct model_event oom = { .type = MODEL_EXIT, .wait_status = SIGKILL, .end.reason = MODEL_REASON_OOM };
	struct model_event killed = { .type = MODEL_EXIT, .wait_status = SIGTERM };
	struct model_event failed = { .type = MODEL_EXIT, .wait_status = 3 << 8 }, done = { .type = MODEL_EXIT };
	struct model_event limit = { .type = MODEL_LIMIT }, exec = { .type = MODEL_EXEC };
	uint64_t live = 4096;

	*m = (struct metrics){ .version = "0.1.0", .has_events = 1, .cpu_s = 1.25, .resident_bytes = 8388608 };
	metrics_count(&m->counts, &segv);
	metrics_count(&m->counts, &segv);
	metrics_count(&m->counts, &other);
	metrics_count(&m->counts, &oom);
	metrics_count(&m->counts, &killed);
	metrics_count(&m->counts, &failed);
	metrics_count(&m->counts, &done);
	metrics_count(&m->counts, &limit);
	metrics_count(&m->counts, &exec);
	assert_int_equal(metrics_take(m, &snapshot, &verdicts), 0);
	m->probes_cpu_ratio = 0.125;
	metrics_add_site(m, "3f2a91c0", MODEL_ZEND, "php8.2", &live, 1000);
	metrics_add_site(m, "00000001", MODEL_MMAP, HOSTILE, NULL, 0.5);
	metrics_add_site(m, "3f2a91c0", MODEL_ZEND, "php8.2", &live, 24.5);
}

static char *text_of(const struct metrics *m, enum metrics_format format)
{
	struct strbuf b = { 0 };

	metrics_text(&b, m, format);
	assert_false(b.failed);
	return b.data;
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("there is no\n%s\nin\n%s", part, text);
}

#define P "pid=\"42\",comm=\"php8.2\",role=\"worker\",worker=\"3\",container=\"3f2a00000000\""
/* As in text reports, then escaped: a \ is \\. */
#define SHOWN "\\\\x1b[2J\\\"\\\\x0a\\\\\\\\xff{}"
#define H     "pid=\"7\",comm=\"" SHOWN "\",role=\"worker\",container=\"" SHOWN "\""

static void every_value_is_a_line(void **state)
{
	static const char *const lines[] = {
		"# HELP swtrace_build What swtrace is.\n# TYPE swtrace_build info\nswtrace_build_info{version=\"0.1.0\"} 1\n",
		"# UNIT swtrace_report_timestamp_seconds seconds\nswtrace_report_timestamp_seconds 1795470005.123\n",
		"# TYPE swtrace_self_cpu_seconds counter\n# UNIT swtrace_self_cpu_seconds seconds\n"
		"swtrace_self_cpu_seconds_total 1.25\n",
		"\nswtrace_self_resident_memory_bytes 8388608\n",
		"# TYPE swtrace_probes_cpu_ratio gauge\n# UNIT swtrace_probes_cpu_ratio ratio\nswtrace_probes_cpu_ratio 0.125\n",
		"\nswtrace_processes 2\n",
		"\nswtrace_resident_memory_bytes{" P "} 31457280\n# HELP",
		"\nswtrace_live_bytes{" P ",layer=\"zend\"} 6144\nswtrace_live_bytes{" P ",layer=\"libc\"} 300\n"
		"swtrace_live_bytes{" P ",layer=\"mmap\"} 0\n",
		"\nswtrace_live_blocks{" P ",layer=\"zend\"} 60\n",
		"\nswtrace_live_is_estimate 0\n",
		"# UNIT swtrace_growth_bytes_per_second bytes_per_second\n"
		"swtrace_growth_bytes_per_second{" P ",curve=\"zend\"} 1200.5\n"
		"swtrace_growth_bytes_per_second{" P ",curve=\"rss\"} 3\n"
		"swtrace_growth_bytes_per_second{" P ",curve=\"rss_swap\"} 512\n# HELP",
		"# TYPE swtrace_verdict stateset\n"
		"swtrace_verdict{" P ",curve=\"zend\",swtrace_verdict=\"not_enough_data\"} 0\n"
		"swtrace_verdict{" P ",curve=\"zend\",swtrace_verdict=\"plateau\"} 0\n"
		"swtrace_verdict{" P ",curve=\"zend\",swtrace_verdict=\"warming_up\"} 0\n"
		"swtrace_verdict{" P ",curve=\"zend\",swtrace_verdict=\"growing\"} 1\n"
		"swtrace_verdict{" P ",curve=\"libc\",swtrace_verdict=\"not_enough_data\"} 1\n",
		"\nswtrace_leak_bytes_per_second{" P "} 1024.5\nswtrace_leak_bytes_per_second{" H "} 0\n# HELP",
		"\nswtrace_php_heap_size_bytes{" P "} 5242880\n# HELP",
		"\nswtrace_php_heap_real_bytes{" P "} 6291456\n",
		"\nswtrace_php_memory_limit_bytes{" P "} 134217728\n",
		"# TYPE swtrace_requests counter\nswtrace_requests_total{" P "} 1234\n# HELP",
		"\nswtrace_time_to_limit_seconds{" P ",limit=\"memory_limit\"} 7500.5\n# HELP",
		"\nswtrace_site_live_bytes{site=\"3f2a91c0\",comm=\"php8.2\",layer=\"zend\"} 8192\n# HELP",
		"\nswtrace_site_leak_bytes_per_second{site=\"3f2a91c0\",comm=\"php8.2\",layer=\"zend\"} 1024.5\n",
		"\nswtrace_crashes_total{signal=\"SIGSEGV\"} 2\nswtrace_crashes_total{signal=\"SIGABRT\"} 0\n",
		"\nswtrace_crashes_total{signal=\"other\"} 1\n# HELP",
		"\nswtrace_php_failures_total{cause=\"memory_limit\"} 1\n",
		"\nswtrace_exits_total{reason=\"done\"} 1\nswtrace_exits_total{reason=\"status\"} 1\n"
		"swtrace_exits_total{reason=\"signal\"} 1\nswtrace_exits_total{reason=\"fatal_error\"} 0\n",
		"\nswtrace_exits_total{reason=\"oom\"} 1\n",
		"\nswtrace_double_frees_total 2\n",
		"\nswtrace_invalid_frees_total 3\n",
		"\nswtrace_freed_lookups_total 13\n",
		"\nswtrace_freed_found_total 12\n",
		"\nswtrace_losses_total{cause=\"return_missed\"} 7\n# EOF\n",
	};
	struct metrics m;
	char *text;

	(void)state;
	made(&m);
	text = text_of(&m, METRICS_OPENMETRICS);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		assert_has(text, lines[i]);
	assert_null(strstr(text, "gone"));
	assert_null(strstr(text, "swtrace_probed_ratio 0"));
	free(text);
}

static void the_older_format_has_no_infos_state_sets_and_units(void **state)
{
	struct metrics m;
	char *text;

	(void)state;
	made(&m);
	text = text_of(&m, METRICS_TEXT);
	assert_has(text,
		"# HELP swtrace_build_info What swtrace is.\n# TYPE swtrace_build_info gauge\nswtrace_build_info{");
	assert_has(text, "# TYPE swtrace_self_cpu_seconds_total counter\nswtrace_self_cpu_seconds_total 1.25\n");
	assert_has(text, "# TYPE swtrace_verdict gauge\n");
	assert_null(strstr(text, "# UNIT"));
	assert_null(strstr(text, "# EOF"));
	free(text);
}

/* check_sample - a line as a parser takes it: a name, labels in braces whose values hold only escapes that there are, a number; the name is of
 * the family whose lines stand before it. */
static void check_sample(const char *line, const char *family)
{
	const char *at = line + strspn(line, "abcdefghijklmnopqrstuvwxyz_");
	char *end;

	assert_true(!strncmp(line, family, strlen(family)));
	if (*at == '{')
		do {
			at += 1 + strspn(at + 1, "abcdefghijklmnopqrstuvwxyz_");
			assert_memory_equal(at, "=\"", 2);
			for (at += 2; *at != '"'; at++) {
				assert_true((unsigned char)*at >= ' ');
				if (*at == '\\')
					assert_true(*++at == '\\' || *at == '"');
			}
		} while (*++at == ',');
	at += *at == '}';
	assert_true(*at == ' ');
	strtod(at + 1, &end);
	assert_true(end > at + 1 && !*end);
}

/* parse - a whole text.  Return: its samples. */
static size_t parse(char *text)
{
	char family[64] = "", *save = NULL;
	size_t n = 0;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (!strcmp(line, "# EOF")) {
			assert_null(strtok_r(NULL, "\n", &save));
			break;
		}
		if (*line == '#') {
			assert_int_equal(sscanf(line, "# %*[A-Z] %63s", family), 1);
			continue;
		}
		check_sample(line, family);
		n++;
	}
	return n;
}

static void hostile_names_can_be_parsed_and_shown(void **state)
{
	struct metrics m;
	char *text;

	(void)state;
	made(&m);
	for (int f = 0; f < METRICS_FORMATS; f++) {
		text = text_of(&m, (enum metrics_format)f);
		assert_null(strchr(text, 0x1b));
		assert_null(strchr(text, 0xff));
		assert_has(text, H);
		assert_true(parse(text) > 40);
		free(text);
	}
}

#define MANY 500

static void many_processes_are_told_by_a_bounded_number_of_series(void **state)
{
	static struct model_process list[MANY];
	static struct analyze_standing of[MANY];
	const struct model_snapshot s = { .process = list, .n_processes = MANY };
	const struct analyze_verdicts v = { .process = of, .n_processes = MANY };
	struct metrics m = { .version = "1" };
	uint64_t live = 1;
	char *text, site[16];

	(void)state;
	for (int i = 0; i < MANY; i++) {
		list[i] = (struct model_process){ .pid = i + 1,
			.comm = "php",
			.alive = 1,
			.has_requests = 1,
			.n_requests = 5,
			.vitals = { .time_ns = 1, .rss_bytes = 1000 + i },
			.layer = { { .live_bytes = 10, .live_blocks = 2 } } };
		of[i] = (struct analyze_standing){ .pid = i + 1 };
		of[i].growth[MODEL_CURVE_RSS] =
			(struct analyze_growth){ i == 3 ? GROWTH_GROWING : GROWTH_PLATEAU, 2, 0, 0, 0 };
		of[i].limits.limit[LIMIT_CGROUP] = (struct analyze_limit){ .is_near = i == 3, .seconds = 900 };
		snprintf(site, sizeof(site), "%08x", i);
		metrics_add_site(&m, site, MODEL_LIBC, "php", &live, 1);
	}
	assert_int_equal(m.n_sites, METRICS_SITES);
	assert_int_equal(metrics_take(&m, &s, &v), 0);
	assert_int_equal(m.n_sites, 0);
	assert_int_equal(m.n_processes, METRICS_PROCESSES + 1);
	text = text_of(&m, METRICS_OPENMETRICS);
	assert_has(text, "\nswtrace_processes 500\n");
	/* The largest are there, and what the others have together. */
	assert_has(text, "\nswtrace_resident_memory_bytes{pid=\"500\",comm=\"php\"} 1499\n");
	assert_null(strstr(text, "pid=\"436\""));
	assert_has(text, "\nswtrace_resident_memory_bytes{pid=\"other\"} 530830\n"); /* 436 * 1000 + 435 * 436 / 2 */
	assert_has(text, "\nswtrace_live_blocks{pid=\"other\",layer=\"zend\"} 872\n");
	assert_has(text, "\nswtrace_growth_bytes_per_second{pid=\"other\",curve=\"rss\"} 872\n");
	assert_has(text, "\nswtrace_verdict{pid=\"other\",curve=\"rss\",swtrace_verdict=\"growing\"} 1\n");
	assert_has(text, "\nswtrace_time_to_limit_seconds{pid=\"other\",limit=\"cgroup\"} 900\n");
	assert_null(strstr(text, "swtrace_requests_total{pid=\"other\""));
	assert_true(parse(text) < 65 * 34 + 100);
	free(text);
}

/* All that can be told of a process, of more of them than are told, and as many losses as there is room for: docs/metrics.md. */
static void there_are_never_more_series_than_is_documented(void **state)
{
	static struct model_process list[METRICS_PROCESSES + 2];
	static struct analyze_standing of[METRICS_PROCESSES + 2];
	static struct model_loss causes[METRICS_LOSSES + 8];
	const struct model_snapshot s = { .utc_ns = UTC_NS,
		.process = list,
		.n_processes = METRICS_PROCESSES + 2,
		.loss = causes,
		.n_losses = METRICS_LOSSES + 8 };
	const struct analyze_verdicts v = { .process = of, .n_processes = METRICS_PROCESSES + 2 };
	struct metrics m = { .version = "1", .has_events = 1 };
	struct model_windows w = { .elapsed_ns = 1000, .probed_ns = 20 };
	struct analyze_estimate e = { .windows = &w };
	uint64_t live = 1;
	char *text, site[16];

	(void)state;
	for (int i = 0; i < METRICS_LOSSES + 8; i++)
		causes[i] = (struct model_loss){ "cause", "", 1 };
	for (int i = 0; i < METRICS_PROCESSES + 2; i++) {
		list[i] = processes[0];
		list[i].pid = of[i].pid = i + 1;
		for (int c = 0; c < METRICS_CURVES; c++)
			of[i].growth[c] = (struct analyze_growth){ GROWTH_GROWING, 2, 0, 0, 0 };
		for (int l = LIMIT_NONE + 1; l < LIMITS; l++)
			of[i].limits.limit[l] = (struct analyze_limit){ .is_near = 1, .seconds = 900 };
	}
	assert_int_equal(metrics_take(&m, &s, &v), 0);
	metrics_take_windows(&m, &e);
	for (int i = 0; i < METRICS_SITES; i++) {
		snprintf(site, sizeof(site), "%08x", i);
		metrics_add_site(&m, site, MODEL_LIBC, "php", &live, 1);
	}
	text = text_of(&m, METRICS_OPENMETRICS);
	assert_in_range(parse(text), 2625, 2675 + 2 * METRICS_SITES);
	free(text);
}

static void what_is_not_known_has_no_value(void **state)
{
	static struct model_process one = { .pid = 1, .comm = "php", .alive = 1 };
	const struct model_snapshot outside = { .utc_ns = UTC_NS, .is_outside = 1, .process = &one, .n_processes = 1 };
	struct model_windows w = { .elapsed_ns = 1000, .probed_ns = 20 };
	struct model_stack k = { .pid = 1 };
	struct analyze_estimate_row row = { .stack = &k, .rate = { 300, 200, 400 } };
	struct analyze_estimate e = { .snapshot = &outside, .windows = &w, .row = &row, .n_rows = 1 };
	struct metrics m = { .version = "1", .probed_ratio = METRICS_UNKNOWN };
	char *text = text_of(&m, METRICS_TEXT);

	(void)state;
	assert_null(strstr(text, "\nswtrace_report_timestamp_seconds "));
	assert_null(strstr(text, "\nswtrace_crashes_total{"));
	free(text);
	m.probes_cpu_ratio = 0.5;
	assert_int_equal(metrics_take(&m, &outside, NULL), 0);
	text = text_of(&m, METRICS_TEXT);
	assert_null(strstr(text, "\nswtrace_probes_cpu_ratio "));
	assert_null(strstr(text, "\nswtrace_live_bytes{"));
	assert_null(strstr(text, "\nswtrace_leak_bytes_per_second{"));
	assert_null(strstr(text, "\nswtrace_probed_ratio "));
	assert_null(strstr(text, "\nswtrace_double_frees_total "));
	free(text);
	metrics_take_windows(&m, &e);
	text = text_of(&m, METRICS_TEXT);
	assert_has(text, "\nswtrace_probed_ratio 0.02\n");
	assert_has(text, "\nswtrace_leak_bytes_per_second{pid=\"1\",comm=\"php\"} 300\n");
	free(text);
}

static void the_form_is_the_one_that_is_wanted_most(void **state)
{
	static const struct {
		const char *accept;
		enum metrics_format format;
	} cases[] = {
		{ NULL, METRICS_TEXT },
		{ "", METRICS_TEXT },
		{ "*/*", METRICS_TEXT },
		{ "text/html,application/xhtml+xml,*/*;q=0.8", METRICS_TEXT },
		{ "application/openmetrics-text", METRICS_OPENMETRICS },
		{ "Application/OpenMetrics-Text; version=1.0.0; charset=utf-8", METRICS_OPENMETRICS },
		{ "application/openmetrics-text; version=0.0.1", METRICS_TEXT },
		{ "application/openmetrics-textual", METRICS_TEXT },
		{ "application/openmetrics-text;q=0, text/plain", METRICS_TEXT },
		{ "application/openmetrics-text;q=0.4,text/plain;q=0.5", METRICS_TEXT },
		{ "text/plain;version=0.0.4;q=0.5 , application/openmetrics-text ;version=\"1.0.0\"; q=0.7",
			METRICS_OPENMETRICS },
		/* Prometheus 2.42, and 3. */
		{ "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
		  "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
			METRICS_OPENMETRICS },
		{ "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
		  "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
		  "text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
			METRICS_OPENMETRICS },
		{ ";;;,,;q=,=,;q=\xff", METRICS_TEXT },
		{ "application/openmetrics-text;q=1e999;version=1.0.0;;;", METRICS_OPENMETRICS },
		{ "application/openmetrics-text;", METRICS_OPENMETRICS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (metrics_best_format(cases[i].accept) != cases[i].format)
			fail_msg("of %s", cases[i].accept ? cases[i].accept : "nothing");
}

static void an_address_is_a_port_on_loopback_or_both(void **state)
{
	static const char *const wrong[] = { "", ":", ":9469", "x", "9469x", "-1", "65536", "99999999999999999999",
		"1.2.3:80", "localhost:80", "::1:80", "[::1]", "[::1]:", "[:80", "[]:80", "127.0.0.1:", "1.2.3.4:8 ",
		"[1111111111111111111111111111111111111111111111111111111111111111]:80" };
	char buf[METRICS_ADDRESS_BYTES];
	struct metrics_address a;

	(void)state;
	assert_int_equal(metrics_parse_address("9469", &a), 0);
	assert_string_equal(metrics_address_text(&a, buf), "127.0.0.1:9469");
	assert_true(metrics_is_loopback(&a));
	assert_int_equal(metrics_parse_address("0.0.0.0:80", &a), 0);
	assert_string_equal(metrics_address_text(&a, buf), "0.0.0.0:80");
	assert_false(metrics_is_loopback(&a));
	assert_int_equal(metrics_parse_address("[::1]:65535", &a), 0);
	assert_string_equal(metrics_address_text(&a, buf), "[::1]:65535");
	assert_true(metrics_is_loopback(&a));
	assert_int_equal(metrics_parse_address("[::]:1", &a), 0);
	assert_false(metrics_is_loopback(&a));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (metrics_parse_address(wrong[i], &a) != -EINVAL)
			fail_msg("%s was not refused", wrong[i]);
}

static int connected(const struct metrics_address *a)
{
	int fd = socket(a->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)&a->addr, a->len), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* heard - all that comes until the end, within 20 s.  Return: to be freed. */
static char *heard(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct strbuf b = { 0 };
	char buf[4096];
	ssize_t n = 1;

	strbuf_add(&b, "");
	while (n > 0) {
		assert_int_equal(poll(&p, 1, 20000), 1);
		n = recv(fd, buf, sizeof(buf), 0);
		if (n > 0)
			strbuf_add_bytes(&b, buf, (size_t)n);
	}
	close(fd);
	return b.data;
}

static char *asked(const struct metrics_address *a, const char *request)
{
	int fd = connected(a);

	say(fd, request);
	return heard(fd);
}

static void publish(struct metrics_server *s, const char *text)
{
	struct strbuf b[METRICS_FORMATS] = { 0 };

	strbuf_addf(&b[METRICS_TEXT], "text %s\n", text);
	strbuf_addf(&b[METRICS_OPENMETRICS], "open %s\n", text);
	assert_int_equal(metrics_publish(s, b), 0);
}

static void it_answers_what_is_asked_by_what_was_published_last(void **state)
{
	static const struct {
		const char *request, *status, *part;
	} cases[] = {
		{ "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200", "\r\n\r\ntext second\n" },
		{ "GET /metrics?a=b HTTP/1.1\r\nHost: x\r\nAccept: application/openmetrics-text\r\n\r\n",
			"HTTP/1.1 200", "application/openmetrics-text; version=1.0.0; charset=utf-8\r\n" },
		{ "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200", "/metrics" },
		{ "GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404", "" },
		{ "GET /metrics/ HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404", "" },
		{ "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000000\r\n\r\n", "HTTP/1.1 405",
			"Allow: GET, HEAD\r\n" },
		{ "DELETE / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 405", "" },
		{ "GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000000\r\n\r\n", "HTTP/1.1 200",
			"text second\n" },
	};
	struct metrics_address a;
	struct metrics_server *s;
	char *said;

	(void)state;
	assert_int_equal(metrics_parse_address("0", &a), 0);
	assert_int_equal(metrics_serve(&s, &a), 0);
	assert_int_equal(metrics_answer(s), 0);
	said = asked(&a, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_has(said, "HTTP/1.1 503");
	free(said);
	publish(s, "first");
	publish(s, "second");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		said = asked(&a, cases[i].request);
		assert_has(said, cases[i].status);
		assert_has(said, cases[i].part);
		assert_has(said, "Connection: close\r\n");
		free(said);
	}
	said = asked(&a, "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_has(said, "Content-Length: 12\r\n");
	assert_null(strstr(said, "second"));
	free(said);
	metrics_close(s);
}

static void what_listens_there_already_is_an_error(void **state)
{
	struct metrics_server *s, *another;
	struct metrics_address a, b;

	(void)state;
	assert_int_equal(metrics_parse_address("0", &a), 0);
	assert_int_equal(metrics_serve(&s, &a), 0);
	assert_int_equal(metrics_answer(s), 0);
	b = a;
	assert_int_equal(metrics_serve(&another, &b), -EADDRINUSE);
	metrics_close(s);
	assert_int_equal(metrics_serve(&another, &b), 0);
	metrics_close(another);
	metrics_close(NULL);
	assert_int_equal(metrics_parse_address("192.0.2.1:9469", &a), 0);
	assert_int_equal(metrics_serve(&s, &a), -EADDRNOTAVAIL);
}

/* More connections than there is room for, which say nothing, or never come to an end. */
static void whoever_holds_connections_is_put_out_when_others_wait(void **state)
{
	int held[METRICS_CONNECTIONS + 8];
	struct metrics_address a;
	struct metrics_server *s;
	char *said;

	(void)state;
	assert_int_equal(metrics_parse_address("0", &a), 0);
	assert_int_equal(metrics_serve(&s, &a), 0);
	assert_int_equal(metrics_answer(s), 0);
	publish(s, "here");
	for (size_t i = 0; i < METRICS_CONNECTIONS + 8; i++) {
		held[i] = connected(&a);
		if (i % 2)
			say(held[i], "GET /metrics HTTP/1.1\r\nHost: x\r\nX: ");
	}
	said = asked(&a, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_has(said, "text here\n");
	free(said);
	for (size_t i = 0; i < METRICS_CONNECTIONS + 8; i++)
		close(held[i]);
	metrics_close(s);
}

static void nonsense_is_refused_and_costs_nobody_else_anything(void **state)
{
	static const char *const nonsense[] = { "\x16\x03\x01\x02\r\n\r\n", "GET\r\n\r\n", "\r\n\r\n\r\n",
		"GET /metrics\r\n\r\n", "GET /metrics HTTP/9.9\r\n\r\n", "GET /metrics HTTP/1.1\r\n\r\n",
		"GET /%00%ff HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		"GET /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzzzz\r\n" };
	struct metrics_address a;
	struct metrics_server *s;
	struct strbuf large = { 0 };
	char *said;
	int fd;

	(void)state;
	assert_int_equal(metrics_parse_address("0", &a), 0);
	assert_int_equal(metrics_serve(&s, &a), 0);
	assert_int_equal(metrics_answer(s), 0);
	publish(s, "here");
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		fd = connected(&a);
		say(fd, nonsense[i]);
		shutdown(fd, SHUT_WR);
		free(heard(fd));
	}
	strbuf_add(&large, "GET /metrics HTTP/1.1\r\nHost: x\r\nX: ");
	while (large.len < 4 * METRICS_REQUEST_BYTES)
		strbuf_add(&large, "0123456789");
	fd = connected(&a);
	send(fd, large.data, large.len, MSG_NOSIGNAL);
	said = heard(fd); /* it may be cut off before it has read why */
	assert_null(strstr(said, "text here"));
	free(said);
	strbuf_free(&large);
	said = asked(&a, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\nGET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_null(strstr(strstr(said, "HTTP/1.1") + 1, "HTTP/1.1"));
	free(said);
	said = asked(&a, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
	assert_has(said, "text here\n");
	free(said);
	metrics_close(s);
}

/* A text of 65 processes takes a millisecond and more to make: a thousand, more than a second. */
static void events_that_come_in_a_rush_are_told_together(void **state)
{
	struct model_event limit = { .type = MODEL_LIMIT };
	struct cli_settings s = { 0 };
	struct listener l = { 0 };
	uint64_t begin_ns;

	(void)state;
	assert_int_equal(metrics_parse_address("0", &s.listen), 0);
	assert_int_equal(listen_open(&l, &s, 1), 0);
	l.values->n_processes = METRICS_PROCESSES + 1;
	for (int i = 0; i < METRICS_PROCESSES; i++)
		l.values->process[i] = (struct metrics_process){ .pid = i + 1, .has_growth = 1, .has_live = 1 };
	begin_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	for (int i = 0; i < 3000; i++)
		listen_event(&l, &limit);
	assert_true(clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin_ns < 300000000);
	assert_true(l.is_stale);
	/* What came last is told, too. */
	assert_in_range(listen_timeout_ms(&l), 0, 101);
	poll(NULL, 0, listen_timeout_ms(&l));
	listen_turn(&l);
	assert_false(l.is_stale);
	assert_int_equal(listen_timeout_ms(&l), -1);
	assert_int_equal(l.values->counts.failure[METRICS_FAILED_LIMIT], 3000);
	listen_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_value_is_a_line),
		cmocka_unit_test(the_older_format_has_no_infos_state_sets_and_units),
		cmocka_unit_test(hostile_names_can_be_parsed_and_shown),
		cmocka_unit_test(many_processes_are_told_by_a_bounded_number_of_series),
		cmocka_unit_test(there_are_never_more_series_than_is_documented),
		cmocka_unit_test(what_is_not_known_has_no_value),
		cmocka_unit_test(the_form_is_the_one_that_is_wanted_most),
		cmocka_unit_test(an_address_is_a_port_on_loopback_or_both),
		cmocka_unit_test(it_answers_what_is_asked_by_what_was_published_last),
		cmocka_unit_test(what_listens_there_already_is_an_error),
		cmocka_unit_test(whoever_holds_connections_is_put_out_when_others_wait),
		cmocka_unit_test(nonsense_is_refused_and_costs_nobody_else_anything),
		cmocka_unit_test(events_that_come_in_a_rush_are_told_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
