// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/options.c - the options, in one table: what each means for the settings, and what the help says of it. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "cli/options.h"
#include "model/model.h"

static int parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	unsigned long long n;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || *end || n < min || n > max)
		return -EINVAL;
	*out = n;
	return 0;
}

static int parse_seconds(const char *text, double min, uint64_t *ns)
{
	static const struct {
		char letter;
		double seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	double seconds;
	char *end;

	if ((*text < '0' || *text > '9') && *text != '.')
		return -EINVAL;
	seconds = strtod(text, &end);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (*end == units[i].letter && !end[1]) {
			seconds *= units[i].seconds;
			end++;
		}
	if (*end || !isfinite(seconds) || seconds < min || seconds > 1e9)
		return -EINVAL;
	*ns = (uint64_t)(seconds * 1e9);
	return 0;
}

static int parse_bytes(const char *text, uint64_t *bytes)
{
	static const char suffix[] = "KMG";
	size_t len = strlen(text);
	const char *unit = len > 1 ? strchr(suffix, text[len - 1] & ~0x20) : NULL;
	char digits[32];
	unsigned shift = 0;

	if (unit && *unit) {
		shift = 10 * (unit - suffix + 1);
		len--;
	}
	if (len >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, text, len);
	digits[len] = 0;
	if (parse_u64(digits, 0, UINT64_MAX >> shift, bytes))
		return -EINVAL;
	*bytes <<= shift;
	return 0;
}

/* Those that do no more than set a member: to a constant, to the text, to a number from least to most, to a time of least seconds. */
#define FLAG(name, member, to)                                           \
	static int opt_##name(struct cli_settings *s, const char *value) \
	{                                                                \
		(void)value;                                             \
		s->member = to;                                          \
		return 0;                                                \
	}
#define TEXT(name, member)                                               \
	static int opt_##name(struct cli_settings *s, const char *value) \
	{                                                                \
		s->member = value;                                       \
		return *value ? 0 : -EINVAL;                             \
	}
#define NUMBER(name, member, least, most)                                \
	static int opt_##name(struct cli_settings *s, const char *value) \
	{                                                                \
		return parse_u64(value, least, most, &s->member);        \
	}
#define TIME(name, member, least)                                        \
	static int opt_##name(struct cli_settings *s, const char *value) \
	{                                                                \
		return parse_seconds(value, least, &s->member);          \
	}

/* clang-format off */
FLAG(all, all, 1)
FLAG(free_stacks, free_stacks, 1)
FLAG(follow, follow, CLI_FOLLOW_ALL)
FLAG(no_follow, follow, CLI_FOLLOW_NONE)
FLAG(crashes, crashes, 1)
FLAG(json, json, 1)
FLAG(plain, plain, 1)
FLAG(verbose, verbose, 1)
FLAG(help, help, 1)
FLAG(version, version, 1)

TEXT(folded, folded)
TEXT(flamegraph, flamegraph)
TEXT(pprof, pprof)
TEXT(push, push_url) /* one that cannot be used is refused where it is not printed: there may be a password in it */
TEXT(save, save)
TEXT(crash, crash_file)
TEXT(output, output)
TEXT(diff, diff)
TEXT(export_dir, export_dir)
TEXT(out, out)

NUMBER(count, count, 1, UINT32_MAX)
NUMBER(top, top, 1, 1 << 20)
NUMBER(max_blocks, max_blocks, 1000, 100000000)
NUMBER(freed, n_freed, 0, 4194304)
NUMBER(keep, keep, 1, 100000)

TIME(duration, duration_ns, 0.1)
TIME(older, filter.older_ns, 0)
TIME(push_every, push_ns, 0.1)
TIME(every, every_ns, 1)
TIME(trace, trace_ns, 1)
/* clang-format on */

static int opt_pid(struct cli_settings *s, const char *value)
{
	char *copy = strdup(value), *save = NULL;
	uint64_t pid;
	/* strtok would pass over an empty number. */
	size_t len = strlen(value);
	int err = !copy || !len || *value == ',' || value[len - 1] == ',' || strstr(value, ",,") ? -EINVAL : 0;

	for (char *one = err ? NULL : strtok_r(copy, ",", &save); one && !err; one = strtok_r(NULL, ",", &save)) {
		err = s->n_pids < CLI_MAX_PIDS ? parse_u64(one, 1, 1 << 30, &pid) : -EINVAL;
		for (size_t i = 0; !err && i < s->n_pids; i++)
			if (s->pid[i] == (pid_t)pid)
				err = -EINVAL;
		if (!err)
			s->pid[s->n_pids++] = pid;
	}
	if (!s->n_pids)
		err = -EINVAL;
	free(copy);
	return err;
}

/* add_names - the parts of a list with commas, kept in the settings.
 * Return: 0, or -EINVAL: one is empty, or they are too many or too long. */
static int add_names(struct cli_settings *s, const char *value, const char **out, size_t *n)
{
	char *rest = s->names + s->names_len, *one;
	size_t len = strlen(value) + 1;

	if (len > sizeof(s->names) - s->names_len)
		return -EINVAL;
	memcpy(rest, value, len);
	s->names_len += len;
	while ((one = strsep(&rest, ","))) {
		if (!*one || *n == ATTACH_SELECT_MAX)
			return -EINVAL;
		out[(*n)++] = one;
	}
	return 0;
}

static int opt_comm(struct cli_settings *s, const char *value)
{
	return add_names(s, value, s->selection.comm, &s->selection.n_comms);
}

static int opt_exe(struct cli_settings *s, const char *value)
{
	int err = add_names(s, value, s->selection.exe, &s->selection.n_exes);

	for (size_t i = 0; !err && i < s->selection.n_exes; i++)
		if (!attach_can_select(s->selection.exe[i]))
			err = -EINVAL;
	return err;
}

#define CGROUP2_MAGIC 0x63677270 /* <linux/magic.h> */

/* opt_cgroup - the id of a cgroup is the inode number of its directory (since kernel 5.5). */
static int opt_cgroup(struct cli_settings *s, const char *value)
{
	struct statfs fs;
	struct stat st;

	if (s->selection.n_cgroups == ATTACH_SELECT_MAX || stat(value, &st) || !S_ISDIR(st.st_mode) ||
		statfs(value, &fs) || fs.f_type != CGROUP2_MAGIC)
		return -EINVAL;
	s->cgroup_path[s->selection.n_cgroups] = value;
	s->selection.cgroup[s->selection.n_cgroups++] = st.st_ino;
	return 0;
}

static int opt_container(struct cli_settings *s, const char *value)
{
	return add_names(s, value, s->container, &s->n_containers);
}

static int opt_interval(struct cli_settings *s, const char *value)
{
	s->has_interval = 1;
	return parse_seconds(value, 0.1, &s->interval_ns);
}

static int opt_min_size(struct cli_settings *s, const char *value)
{
	return parse_bytes(value, &s->filter.min_size_bytes);
}

static int opt_max_size(struct cli_settings *s, const char *value)
{
	return parse_bytes(value, &s->filter.max_size_bytes) || !s->filter.max_size_bytes ? -EINVAL : 0;
}

static int opt_layer(struct cli_settings *s, const char *value)
{
	char *copy = strdup(value), *save = NULL;
	int err = copy && *copy ? 0 : -EINVAL, layer;

	s->layer_mask = 0;
	for (char *one = err ? NULL : strtok_r(copy, ",", &save); one && !err; one = strtok_r(NULL, ",", &save)) {
		for (layer = 0; layer < MODEL_LAYERS && strcmp(one, model_layer_name(layer)); layer++)
			;
		if (layer == MODEL_LAYERS)
			err = -EINVAL;
		else
			s->layer_mask |= 1U << layer;
	}
	free(copy);
	return err || !s->layer_mask ? -EINVAL : 0;
}

static int opt_overhead(struct cli_settings *s, const char *value)
{
	char *end;

	if ((*value < '0' || *value > '9') && *value != '.')
		return -EINVAL;
	s->overhead_percent = strtod(value, &end);
	return *end || !(s->overhead_percent >= 0.1 && s->overhead_percent <= 50) ? -EINVAL : 0;
}

static int opt_listen(struct cli_settings *s, const char *value)
{
	return metrics_parse_address(value, &s->listen);
}

static int opt_format(struct cli_settings *s, const char *value)
{
	s->format = export_format_named(value);
	return s->format < 0 ? -EINVAL : 0;
}

/* opt_request_probe - FILE:SYMBOL. A symbol is a name as nm shows it: there is no colon in it. */
static int opt_request_probe(struct cli_settings *s, const char *value)
{
	const char *colon = strrchr(value, ':');
	char *copy = s->names + s->names_len;
	size_t len = strlen(value) + 1;

	if (!colon || colon == value || colon[-1] == ':' || !colon[1] || s->n_requests == TARGET_REQUEST_MAX ||
		len > sizeof(s->names) - s->names_len)
		return -EINVAL;
	memcpy(copy, value, len);
	copy[colon - value] = 0;
	s->names_len += len;
	s->request[s->n_requests++] = (struct target_request){ .file = copy, .symbol = copy + (colon - value) + 1 };
	return 0;
}

static int opt_fail_on(struct cli_settings *s, const char *value)
{
	s->fail_on_leak = 1;
	return strcmp(value, "leak") ? -EINVAL : 0;
}

#define SECONDS "a number of seconds, at least 0.1; or of m(inutes), h(ours), d(ays): 5m"
#define SIZE	"a number of bytes; K, M and G may follow it"
#define HEADING(text)                           \
	{                                       \
		0, NULL, NULL, text, NULL, NULL \
	}

const struct cli_option cli_options[] = {
	HEADING("What to trace:"),
	{ 'p', "pid", "PID[,PID...]", "these running processes", opt_pid,
		"process numbers, each once, at most 64 (by name: -a --comm NAME)" },
	{ 0, "follow", NULL, "also their children, present and future", opt_follow, NULL },
	{ 0, "no-follow", NULL, "not even those of a master (a process with such children)", opt_no_follow, NULL },
	{ 'a', "all", NULL, "every process of the system, present and future", opt_all, NULL },
	{ 0, "crashes", NULL, "tell of crashes alone, without probes; of all processes, or with -p", opt_crashes,
		NULL },
	{ 0, "comm", "NAME[,NAME...]", "with -a: only processes of these names", opt_comm,
		"up to 8 names, as ps -e shows them" },
	{ 0, "exe", "PATH[,PATH...]", "with -a: only these programs (a path, or its end)", opt_exe,
		"up to 8 paths, or ends of paths such as php8.2, of up to 8 names of up to 63 bytes" },
	{ 0, "cgroup", "DIRECTORY", "with -a: only processes in this cgroup or below it", opt_cgroup,
		"a directory of the unified hierarchy (cgroup2), up to 8 times" },
	{ 0, "container", "ID[,NAME...]", "with -a: only processes in these containers", opt_container,
		"up to 8 names of containers, or ids or their beginnings" },
	{ 0, "overhead", "PERCENT", "in windows: probes are in place for that share of time", opt_overhead,
		"a number from 0.1 to 50" },
	{ 0, "request-probe", "FILE:SYMBOL", "count its calls as requests (PHP's, Swoole's are known)",
		opt_request_probe,
		"a mapped file (a path, or its end) and a function's name as nm shows it, up to 8 times" },
	HEADING("When to report:"),
	{ 'i', "interval", "SECONDS", "time between two reports (default 5; live view 2)", opt_interval, SECONDS },
	{ 'd', "duration", "SECONDS", "end after this time", opt_duration, SECONDS },
	{ 'n', "count", "N", "end after N reports", opt_count, "a number from 1" },
	HEADING("What to show:"),
	{ 'T', "top", "N", "at most N stacks (default 10)", opt_top, "a number from 1" },
	{ 0, "older", "SECONDS", "only blocks of at least this age", opt_older, "a number of seconds" },
	{ 0, "min-size", "BYTES", "only blocks of at least this size", opt_min_size, SIZE },
	{ 0, "max-size", "BYTES", "only blocks of at most this size", opt_max_size, SIZE ", not 0" },
	{ 0, "layer", "LAYER,...", "only these allocators: zend, libc, mmap", opt_layer,
		"zend, libc or mmap, or several with commas" },
	HEADING("Where to:"),
	{ 0, "plain", NULL, "text reports on a terminal, too, instead of the live view", opt_plain, NULL },
	{ 0, "json", NULL, "JSON lines on standard output instead of text", opt_json, NULL },
	{ 0, "folded", "FILE", "also write folded stacks of live bytes, at every report", opt_folded, "a file name" },
	{ 0, "flamegraph", "FILE", "also write a flame graph to look at in a browser (HTML), likewise", opt_flamegraph,
		"a file name" },
	{ 0, "pprof", "FILE", "also write a profile for pprof (.pb.gz), at every report", opt_pprof, "a file name" },
	{ 0, "push", "URL", "also send that to Pyroscope or Parca: docs/pprof.md", opt_push, "a URL" },
	{ 0, "push-every", "SECONDS", "with --push: not at every report, but after this time", opt_push_every,
		SECONDS },
	{ 0, "save", "FILE", "also append JSON lines to this file: for swtrace report", opt_save, "a file name" },
	{ 0, "export-dir", "DIRECTORY", "also write folded, pprof, JSON, HTML there, each time under new names",
		opt_export_dir, "a directory" },
	{ 0, "every", "SECONDS", "time between two of these (default 60)", opt_every,
		"at least 1 second; 90, 90s, 5m, 1h" },
	{ 0, "keep", "N", "of these, the last N stay (default 100)", opt_keep, "a number from 1 to 100000" },
	{ 0, "listen", "[ADDRESS:]PORT", "serve metrics for Prometheus there (127.0.0.1:9469)", opt_listen,
		"a port (then on 127.0.0.1), or an address in numbers and a port, such as 127.0.0.1:9469 or [::1]:9469" },
	HEADING("When a process grows:"),
	{ 0, "trace", "SECONDS", "for how long it is traced (default 60)", opt_trace,
		"a number of seconds, at least 1" },
	{ 0, "out", "DIRECTORY", "where reports go: text and JSON lines (default .)", opt_out, "a directory" },
	HEADING("Recordings:"),
	{ 'o', "output", "FILE", "where to write", opt_output, "a file name" },
	{ 0, "format", "FORMAT", "text (default), json, folded, pprof, speedscope, html", opt_format,
		"text, json, folded, pprof, speedscope or html" },
	{ 0, "diff", "OLD", "what has changed since this earlier one", opt_diff, "a file of swtrace record" },
	{ 0, "crash", "FILE", "the last crash in a recording, or in what --save or --json wrote, as Markdown",
		opt_crash, "a file name" },
	HEADING("Other:"),
	{ 0, "fail-on", "leak",
		"exit with 1 if a stack leaks in the end, at 99 % (docs/verdicts.md; with --overhead: windows.md)",
		opt_fail_on, "leak" },
	{ 0, "max-blocks", "N", "live blocks to have room for (default 524288, with -a 2097152)", opt_max_blocks,
		"a number from 1000 to 100000000" },
	{ 0, "freed", "N", "freed blocks to remember, for crashes (default 65536, 0 = none)", opt_freed,
		"a number up to 4194304" },
	{ 0, "free-stacks", NULL, "remember also who freed them: a free costs about 0.4 us more", opt_free_stacks,
		NULL },
	{ 'v', "verbose", NULL, "say more on standard error", opt_verbose, NULL },
	{ 'h', "help", NULL, "show this", opt_help, NULL },
	{ 'V', "version", NULL, "show the version", opt_version, NULL },
};

const size_t cli_n_options = sizeof(cli_options) / sizeof(cli_options[0]);
