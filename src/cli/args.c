// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/args.c - parser and help from one table, so that they cannot drift apart. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "cli/cli.h"
#include "model/model.h"
#include "util/msg.h"

struct option {
	char letter; /* 0 = none */
	const char *name;
	const char *arg; /* NULL = takes none */
	const char *help;
	int (*parse)(struct cli_settings *s, const char *value); /* 0, or -EINVAL */
	const char *wants;					 /* what a right value looks like */
};

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
	double seconds;
	char *end;

	if ((*text < '0' || *text > '9') && *text != '.')
		return -EINVAL;
	seconds = strtod(text, &end);
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

static int opt_all(struct cli_settings *s, const char *value)
{
	(void)value;
	s->all = 1;
	return 0;
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

static int opt_interval(struct cli_settings *s, const char *value)
{
	return parse_seconds(value, 0.1, &s->interval_ns);
}

static int opt_duration(struct cli_settings *s, const char *value)
{
	return parse_seconds(value, 0.1, &s->duration_ns);
}

static int opt_count(struct cli_settings *s, const char *value)
{
	return parse_u64(value, 1, UINT32_MAX, &s->count);
}

static int opt_top(struct cli_settings *s, const char *value)
{
	return parse_u64(value, 1, 1 << 20, &s->top);
}

static int opt_older(struct cli_settings *s, const char *value)
{
	return parse_seconds(value, 0, &s->filter.older_ns);
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

static int opt_max_blocks(struct cli_settings *s, const char *value)
{
	return parse_u64(value, 1000, 100000000, &s->max_blocks);
}

static int opt_freed(struct cli_settings *s, const char *value)
{
	return parse_u64(value, 0, 4194304, &s->n_freed);
}

static int opt_free_stacks(struct cli_settings *s, const char *value)
{
	(void)value;
	s->free_stacks = 1;
	return 0;
}

static int opt_overhead(struct cli_settings *s, const char *value)
{
	char *end;

	if ((*value < '0' || *value > '9') && *value != '.')
		return -EINVAL;
	s->overhead_percent = strtod(value, &end);
	return *end || !(s->overhead_percent >= 0.1 && s->overhead_percent <= 50) ? -EINVAL : 0;
}

static int opt_folded(struct cli_settings *s, const char *value)
{
	s->folded = value;
	return *value ? 0 : -EINVAL;
}

static int opt_save(struct cli_settings *s, const char *value)
{
	s->save = value;
	return *value ? 0 : -EINVAL;
}

static int opt_crash(struct cli_settings *s, const char *value)
{
	s->crash_file = value;
	return *value ? 0 : -EINVAL;
}

static int opt_trace(struct cli_settings *s, const char *value)
{
	return parse_seconds(value, 1, &s->trace_ns);
}

static int opt_out(struct cli_settings *s, const char *value)
{
	s->out = value;
	return *value ? 0 : -EINVAL;
}

static int opt_follow(struct cli_settings *s, const char *value)
{
	(void)value;
	s->follow = CLI_FOLLOW_ALL;
	return 0;
}

static int opt_no_follow(struct cli_settings *s, const char *value)
{
	(void)value;
	s->follow = CLI_FOLLOW_NONE;
	return 0;
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

static int opt_crashes(struct cli_settings *s, const char *value)
{
	(void)value;
	s->crashes = 1;
	return 0;
}

static int opt_fail_on(struct cli_settings *s, const char *value)
{
	s->fail_on_leak = 1;
	return strcmp(value, "leak") ? -EINVAL : 0;
}

static int opt_json(struct cli_settings *s, const char *value)
{
	(void)value;
	s->json = 1;
	return 0;
}

static int opt_verbose(struct cli_settings *s, const char *value)
{
	(void)value;
	s->verbose = 1;
	return 0;
}

static int opt_help(struct cli_settings *s, const char *value)
{
	(void)value;
	s->help = 1;
	return 0;
}

static int opt_version(struct cli_settings *s, const char *value)
{
	(void)value;
	s->version = 1;
	return 0;
}

#define SECONDS "a number of seconds, at least 0.1"
#define SIZE	"a number of bytes; K, M and G may follow it"
#define HEADING(text)                           \
	{                                       \
		0, NULL, NULL, text, NULL, NULL \
	}

static const struct option options[] = {
	HEADING("What to trace:"),
	{ 'p', "pid", "PID[,PID...]", "these running processes", opt_pid, "process numbers, each once, at most 64" },
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
	{ 0, "overhead", "PERCENT", "in windows: probes are in place for that share of time", opt_overhead,
		"a number from 0.1 to 50" },
	{ 0, "request-probe", "FILE:SYMBOL", "count its calls as requests (PHP's, Swoole's are known)",
		opt_request_probe,
		"a mapped file (a path, or its end) and a function's name as nm shows it, up to 8 times" },
	HEADING("When to report:"),
	{ 'i', "interval", "SECONDS", "time between two reports (default 5)", opt_interval, SECONDS },
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
	{ 0, "json", NULL, "JSON lines on standard output instead of text", opt_json, NULL },
	{ 0, "folded", "FILE", "also write folded stacks of live bytes, at every report", opt_folded, "a file name" },
	{ 0, "save", "FILE", "also append JSON lines to this file: for swtrace report", opt_save, "a file name" },
	HEADING("swtrace watch: what processes hold, seen from outside every 60 s (-i); what grows is traced:"),
	{ 0, "trace", "SECONDS", "for how long it is traced (default 60)", opt_trace,
		"a number of seconds, at least 1" },
	{ 0, "out", "DIRECTORY", "where reports go: text and JSON lines (default .)", opt_out, "a directory" },
	HEADING("swtrace report: a saved crash as a text for a bug tracker:"),
	{ 0, "crash", "FILE", "the last one in what --save or --json has written; -p chooses", opt_crash,
		"a file name" },
	HEADING("Other:"),
	{ 0, "fail-on", "leak", "exit with 1 if there was a leak in the end", opt_fail_on, "leak" },
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

#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

void args_help(void)
{
	fputs("swtrace - find memory leaks and the causes of crashes in running programs\n\n"
	      "  sudo swtrace -p PID              trace a running process, report every 5 s\n"
	      "  sudo swtrace -p PID -d 60 --folded leak.folded\n"
	      "  sudo swtrace -- php worker.php   start a program under tracing\n"
	      "  sudo swtrace -a --exe php-fpm8.2 every process that runs this program, now or later\n"
	      "  sudo swtrace watch -p PID        look from outside for months; trace what grows\n"
	      "  swtrace report --crash FILE      a crash in what --save has written, as Markdown\n\n",
		stdout);
	for (size_t i = 0; i < N_OPTIONS; i++) {
		const struct option *o = &options[i];
		char left[64], letter[8] = "    ";

		if (!o->name) {
			puts(o->help);
			continue;
		}
		if (o->letter)
			snprintf(letter, sizeof(letter), "-%c, ", o->letter);
		snprintf(left, sizeof(left), "%s--%s%s%s", letter, o->name, o->arg ? " " : "", o->arg ? o->arg : "");
		printf("  %-27s %s\n", left, o->help);
	}
	fputs("Exit codes: 0 done, 1 with --fail-on it was found, 2 wrong usage or output not writable,\n"
	      "3 not permitted or not supported, 4 the process is gone. With -- COMMAND: the command's own.\n",
		stdout);
}

/* distance - edits that make a into b, for the hint at a mistyped option. Names are short: recursion is no concern. */
static int distance(const char *a, const char *b, int bound)
{
	int best, d;

	if (bound < 0)
		return 1;
	if (!*a || !*b)
		return strlen(a) + strlen(b);
	if (*a == *b)
		return distance(a + 1, b + 1, bound);
	best = distance(a + 1, b + 1, bound - 1);
	d = distance(a + 1, b, bound - 1);
	best = d < best ? d : best;
	d = distance(a, b + 1, bound - 1);
	return 1 + (d < best ? d : best);
}

static void unknown_option(const char *arg)
{
	const char *name = arg + strspn(arg, "-"), *nearest = NULL;
	char word[32];
	int best = 4, d;

	snprintf(word, sizeof(word), "%.*s", (int)strcspn(name, "="), name);
	for (size_t i = 0; i < N_OPTIONS; i++) {
		if (!options[i].name || !word[0] || !word[1])
			continue;
		d = distance(word, options[i].name, best - 1);
		if (d < best) {
			best = d;
			nearest = options[i].name;
		}
	}
	msg_error("unknown option '%s'", arg);
	if (nearest)
		msg_try("--%s; swtrace --help lists all", nearest);
	else
		msg_try("swtrace --help lists all options");
}

static const struct option *find_option(const char *arg, const char **value)
{
	*value = NULL;
	for (size_t i = 0; i < N_OPTIONS; i++) {
		const struct option *o = &options[i];
		size_t len;

		if (!o->name)
			continue;
		len = strlen(o->name);
		if (arg[1] == '-' && !strncmp(arg + 2, o->name, len) && (!arg[2 + len] || arg[2 + len] == '=')) {
			*value = arg[2 + len] ? arg + 3 + len : NULL;
			return o;
		}
		if (arg[1] != '-' && arg[1] == o->letter && (o->arg || !arg[2])) {
			*value = arg[2] ? arg + 2 : NULL;
			return o;
		}
	}
	return NULL;
}

static int selects(const struct cli_settings *s)
{
	return s->selection.n_comms || s->selection.n_exes || s->selection.n_cgroups;
}

/* meaningless_in_windows - an option that chooses among live blocks, or NULL. */
static const char *meaningless_in_windows(const struct cli_settings *s)
{
	return s->folded		  ? "--folded"
	       : s->filter.older_ns	  ? "--older"
	       : s->filter.min_size_bytes ? "--min-size"
	       : s->filter.max_size_bytes ? "--max-size"
					  : NULL;
}

/* report_contradiction - likewise, of swtrace report. */
static int report_contradiction(const struct cli_settings *s)
{
	if (s->command) {
		msg_error("swtrace report starts no program");
		msg_try("leave -- COMMAND out");
	} else if (s->n_pids > 1) {
		msg_error("swtrace report tells of one crash");
		msg_try("give one pid, or none");
	} else if (!s->crash_file) {
		msg_error("there is nothing to report");
		msg_try("swtrace report --crash FILE, with a file that swtrace --save FILE has written");
	} else {
		return 0;
	}
	return EXIT_USAGE;
}

/* watch_contradiction - likewise, of swtrace watch. */
static int watch_contradiction(const struct cli_settings *s)
{
	if (s->command) {
		msg_error("swtrace watch starts no program");
		msg_try("start it, then swtrace watch -p PID");
	} else if (!s->n_pids == !selects(s)) {
		msg_error(s->n_pids ? "-p and a selection exclude each other" : "nothing to watch");
		msg_try("swtrace watch -p PID, or swtrace watch --comm NAME");
	} else {
		return 0;
	}
	return EXIT_USAGE;
}

static int contradiction(const struct cli_settings *s)
{
	int n_ways = !!s->n_pids + !!s->command + s->all;

	if (s->task == CLI_REPORT)
		return report_contradiction(s);
	if (s->task == CLI_WATCH)
		return watch_contradiction(s);
	if (n_ways > 1)
		msg_error("-p, -a and -- COMMAND exclude each other");
	else if (selects(s) && !s->all)
		msg_error("--comm, --exe and --cgroup choose among all processes");
	else if (s->all && s->follow)
		msg_error("--follow and --no-follow are for -p and -- COMMAND");
	else if (s->all && s->overhead_percent > 0)
		msg_error(
			"--overhead is for -p and -- COMMAND: probes of a whole system are not placed and removed in a moment");
	else if (s->crashes && (s->overhead_percent > 0 || s->folded || s->fail_on_leak))
		msg_error("--crashes: nothing is known of memory then, so there is nothing for %s",
			s->folded	  ? "--folded"
			: s->fail_on_leak ? "--fail-on"
					  : "--overhead");
	else if (!n_ways)
		msg_error("nothing to trace");
	else if (s->filter.max_size_bytes && s->filter.min_size_bytes > s->filter.max_size_bytes)
		msg_error("--min-size is greater than --max-size: no block can be shown");
	else if (s->overhead_percent > 0 && meaningless_in_windows(s))
		msg_error("--overhead: what is live is not known then, so there is nothing for %s",
			meaningless_in_windows(s));
	else
		return 0;
	if (n_ways > 1)
		msg_try("leave all but one of them out");
	else if (selects(s) && !s->all)
		msg_try("swtrace -a --comm NAME");
	else if (n_ways)
		msg_try("leave one of them out");
	else
		msg_try("swtrace -p PID, swtrace -a, or swtrace -- COMMAND; swtrace --help shows more");
	return EXIT_USAGE;
}

/* The first word of the command line, and the options that go with it. Tracing has no word, and takes all but the last lines'. */
static const struct task {
	const char *word;
	const char *option[16];
} tasks[] = {
	[CLI_WATCH] = { "watch", { "pid", "no-follow", "comm", "exe", "cgroup", "interval", "duration", "overhead",
					 "trace", "out", "json", "verbose", "help", "version" } },
	[CLI_REPORT] = { "report", { "crash", "pid", "verbose", "help", "version" } },
};

static const char *const not_for_tracing[] = { "crash", "trace", "out" };

#define N_TASKS (sizeof(tasks) / sizeof(tasks[0]))

static int task_named(const char *word)
{
	for (size_t i = CLI_TRACE + 1; word && i < N_TASKS; i++)
		if (!strcmp(word, tasks[i].word))
			return i;
	return CLI_TRACE;
}

static int is_listed(const char *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n && list[i]; i++)
		if (!strcmp(list[i], name))
			return 1;
	return 0;
}

static int is_for(const struct option *o, int task)
{
	if (task == CLI_TRACE)
		return !is_listed(not_for_tracing, sizeof(not_for_tracing) / sizeof(not_for_tracing[0]), o->name);
	return is_listed(tasks[task].option, sizeof(tasks[task].option) / sizeof(tasks[task].option[0]), o->name);
}

int args_parse(struct cli_settings *s, int argc, char **argv)
{
	const struct option *o;
	const char *value;
	int i;

	memset(s, 0, sizeof(*s));
	s->interval_ns = 5000000000ULL;
	s->top = 10;
	s->n_freed = CLI_DEFAULT_FREED;
	s->layer_mask = (1U << MODEL_LAYERS) - 1;
	s->task = task_named(argv[1]);
	if (s->task == CLI_WATCH) {
		s->interval_ns = 60000000000ULL;
		s->overhead_percent = 2;
		s->trace_ns = 60000000000ULL;
		s->out = ".";
	}
	for (i = s->task == CLI_TRACE ? 1 : 2; i < argc && argv[i]; i++) {
		if (!strcmp(argv[i], "--")) {
			s->command = argv[i + 1] ? &argv[i + 1] : NULL;
			break;
		}
		if (argv[i][0] != '-' || !argv[i][1]) {
			msg_error("unexpected argument '%s'", argv[i]);
			msg_try("swtrace -p PID for a process, swtrace -- %s to start a program", argv[i]);
			return EXIT_USAGE;
		}
		o = find_option(argv[i], &value);
		if (!o) {
			unknown_option(argv[i]);
			return EXIT_USAGE;
		}
		if (!is_for(o, s->task)) {
			msg_error("swtrace%s%s takes no --%s", s->task ? " " : "", s->task ? tasks[s->task].word : "",
				o->name);
			msg_try("leave it out; swtrace --help tells what each option is for");
			return EXIT_USAGE;
		}
		if (o->arg && !value)
			value = argv[i + 1] ? argv[++i] : "";
		if ((!o->arg && value) || o->parse(s, value)) {
			msg_error("--%s: cannot use '%s'", o->name, value);
			msg_try(o->arg ? "--%s %s: %s" : "--%s takes no value", o->name, o->arg, o->wants);
			return EXIT_USAGE;
		}
	}
	if (s->crashes && !s->n_pids && !s->command)
		s->all = 1;
	return s->help || s->version ? 0 : contradiction(s);
}
