// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/args.c - the command line: its words, its options (cli/options.c), and what does not go together. */
#include <stdio.h>
#include <string.h>

#include "cli/options.h"
#include "model/model.h"
#include "util/msg.h"

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

/* name_of - "swtrace watch".  @buf  CLI_WORD_BYTES, for it */
static const char *name_of(int task, char *buf)
{
	const char *word = args_task_word(task);

	snprintf(buf, CLI_WORD_BYTES, "swtrace%s%s", word ? " " : "", word ? word : "");
	return buf;
}

/* nearest_command - the one that was meant by a word, or NULL. */
static const char *nearest_command(const char *word)
{
	const char *nearest = NULL;
	int best = 3, d;

	for (int task = CLI_TRACE + 1; (size_t)task < args_n_tasks(); task++) {
		d = distance(word, args_task_word(task), best - 1);
		if (d < best) {
			best = d;
			nearest = args_task_word(task);
		}
	}
	return nearest;
}

/* unexpected_argument - @is_first  nothing stands before it */
static void unexpected_argument(int task, const char *arg, int is_first)
{
	const char *meant = task == CLI_TRACE && is_first ? nearest_command(arg) : NULL;
	char command[CLI_WORD_BYTES];

	msg_error("unexpected argument '%s'", arg);
	name_of(task, command);
	if (meant)
		msg_try("swtrace %s", meant);
	else if (*arg && strspn(arg, "0123456789,") == strlen(arg))
		msg_try("%s -p %s", command, arg);
	else if (task == CLI_REPORT)
		msg_try("one recording is reported at a time; --diff OLD compares it with another");
	else if (task == CLI_WATCH || task == CLI_DOCTOR)
		msg_try("%s -p PID, or %s --comm NAME", command, command);
	else
		msg_try("%s -p PID for a process, %s -- %s to start a program", command, command, arg);
}

/* @task  what takes no such option: the nearest of those that it takes is named */
static void unknown_option(int task, const char *arg)
{
	const char *name = arg + strspn(arg, "-"), *nearest = NULL;
	char word[32], command[CLI_WORD_BYTES];
	int best = 4, d;

	snprintf(word, sizeof(word), "%.*s", (int)strcspn(name, "="), name);
	for (size_t i = 0; i < cli_n_options; i++) {
		if (!args_takes(task, &cli_options[i]) || arg[1] != '-' || !word[0] || !word[1])
			continue;
		d = distance(word, cli_options[i].name, best - 1);
		if (d < best) {
			best = d;
			nearest = cli_options[i].name;
		}
	}
	msg_error("unknown option '%s'", arg);
	if (nearest)
		msg_try("--%s; %s --help lists all", nearest, name_of(task, command));
	else if (arg[1] != '-' && arg[2])
		msg_try("one letter after each '-'; %s --help lists all options", name_of(task, command));
	else
		msg_try("%s --help lists all options", name_of(task, command));
}

/* misplaced_option - say that the command does not take it, and which do. */
static void misplaced_option(int task, const struct cli_option *o)
{
	char command[CLI_WORD_BYTES], takers[256] = "";
	size_t len = 0;

	for (int other = 0; (size_t)other < args_n_tasks() && len < sizeof(takers); other++)
		if (args_takes(other, o))
			len += snprintf(takers + len, sizeof(takers) - len, "%s%s", len ? ", " : "",
				other == CLI_TRACE ? "swtrace -p" : name_of(other, command));
	msg_error("%s takes no --%s", name_of(task, command), o->name);
	msg_try("leave it out; it is for %s", takers);
}

static const struct cli_option *find_option(const char *arg, const char **value)
{
	*value = NULL;
	for (size_t i = 0; i < cli_n_options; i++) {
		const struct cli_option *o = &cli_options[i];
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
	return s->selection.n_comms || s->selection.n_exes || s->selection.n_cgroups || s->n_containers;
}

#define NOT_GIVEN UINT64_MAX /* of a number that may be 0; others are 0 until defaults are set */

/* among_live - an option given that chooses among live blocks, or NULL. */
static const char *among_live(const struct cli_settings *s)
{
	return s->filter.older_ns	  ? "--older"
	       : s->filter.min_size_bytes ? "--min-size"
	       : s->filter.max_size_bytes ? "--max-size"
					  : NULL;
}

/* of_memory - an option given that is about memory, of which --crashes knows nothing, or NULL. */
static const char *of_memory(const struct cli_settings *s)
{
	return s->folded		 ? "--folded"
	       : s->flamegraph		 ? "--flamegraph"
	       : s->export_dir		 ? "--export-dir"
	       : s->pprof		 ? "--pprof"
	       : s->push_url		 ? "--push"
	       : s->fail_on_leak	 ? "--fail-on"
	       : s->overhead_percent > 0 ? "--overhead"
	       : s->free_stacks		 ? "--free-stacks"
	       : s->n_freed != NOT_GIVEN ? "--freed"
	       : s->max_blocks		 ? "--max-blocks"
	       : s->top			 ? "--top"
	       : s->layer_mask		 ? "--layer"
	       : s->n_requests		 ? "--request-probe"
					 : among_live(s);
}

/* record_contradiction - likewise, of swtrace record, beside what is said of all tracing. */
static int record_contradiction(const struct cli_settings *s)
{
	if (s->output)
		return 0;
	msg_error("there is no file to record to");
	msg_try("swtrace record -p PID -o FILE.swt");
	return EXIT_USAGE;
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
	} else if (!s->crash_file == !s->input) {
		msg_error(s->input ? "a recording and --crash exclude each other" : "there is nothing to report");
		msg_try("swtrace report FILE, with a file of swtrace record; or swtrace report --crash FILE, with one of that or of --save");
	} else if (s->crash_file && (s->format || s->diff || s->output)) {
		msg_error("a crash is told in one form, on standard output");
		msg_try("leave --%s out", s->format ? "format" : s->diff ? "diff" : "output");
	} else if (s->input && s->n_pids) {
		msg_error("-p chooses among crashes: a recording is told as a whole");
		msg_try("leave it out");
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

/* doctor_contradiction - likewise, of swtrace doctor. */
static int doctor_contradiction(const struct cli_settings *s)
{
	if (s->command)
		msg_error("swtrace doctor starts no program");
	else if (s->n_pids && selects(s))
		msg_error("-p and a selection exclude each other");
	else
		return 0;
	msg_try("swtrace doctor, swtrace doctor -p PID, or swtrace doctor --comm NAME");
	return EXIT_USAGE;
}

/* idle_option - one that does nothing without another, which is not there. */
static int idle_option(const struct cli_settings *s)
{
	if (s->push_ns && !s->push_url) {
		msg_error("--push-every: nothing is sent without --push");
		msg_try("add --push URL, or leave it out: reports come every -i SECONDS");
	} else if (s->every_ns && !s->export_dir) {
		msg_error("--every: nothing is exported without --export-dir");
		msg_try("add --export-dir DIRECTORY, or leave it out: reports come every -i SECONDS");
	} else if (s->keep && !s->export_dir) {
		msg_error("--keep: nothing is exported without --export-dir");
		msg_try("add --export-dir DIRECTORY, or leave it out");
	} else if (s->free_stacks && !s->n_freed) {
		msg_error("--free-stacks: with --freed 0 no freed block is remembered");
		msg_try("leave one of them out");
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
	if (s->task == CLI_DOCTOR)
		return doctor_contradiction(s);
	if ((s->task == CLI_RECORD && record_contradiction(s)) || idle_option(s))
		return EXIT_USAGE;
	if (n_ways > 1)
		msg_error("-p, -a and -- COMMAND exclude each other");
	else if (selects(s) && !s->all)
		msg_error("--comm, --exe, --cgroup and --container choose among all processes");
	else if (s->selection.n_cgroups + s->n_containers > ATTACH_SELECT_MAX)
		msg_error("more than %d cgroups and containers", ATTACH_SELECT_MAX);
	else if (s->all && s->follow)
		msg_error("--follow and --no-follow are for -p and -- COMMAND");
	else if (s->all && s->overhead_percent > 0)
		msg_error(
			"--overhead is for -p and -- COMMAND: probes of a whole system are not placed and removed in a moment");
	else if (s->crashes && of_memory(s))
		msg_error("--crashes: nothing is known of memory then, so there is nothing for %s", of_memory(s));
	else if (s->crashes && s->count)
		msg_error("--crashes: there are no reports then, so there is nothing for --count");
	else if (!n_ways)
		msg_error("nothing to trace");
	else if (s->filter.max_size_bytes && s->filter.min_size_bytes > s->filter.max_size_bytes)
		msg_error("--min-size is greater than --max-size: no block can be shown");
	else if (s->overhead_percent > 0 && among_live(s))
		msg_error("--overhead: what is live is not known then, so there is nothing for %s", among_live(s));
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
	const char *option[32];
} tasks[] = {
	[CLI_RECORD] = { "record",
		{ "pid", "follow", "no-follow", "all", "comm", "exe", "cgroup", "container", "request-probe",
			"interval", "duration", "count", "overhead", "older", "min-size", "max-size", "layer", "output",
			"listen", "fail-on", "max-blocks", "freed", "free-stacks", "verbose", "help", "version" } },
	[CLI_WATCH] = { "watch",
		{ "pid", "no-follow", "comm", "exe", "cgroup", "container", "interval", "duration", "overhead", "trace",
			"out", "keep", "json", "listen", "verbose", "help", "version" } },
	[CLI_REPORT] = { "report",
		{ "crash", "pid", "format", "diff", "output", "top", "verbose", "help", "version" } },
	[CLI_DOCTOR] = { "doctor",
		{ "pid", "comm", "exe", "cgroup", "container", "json", "verbose", "help", "version" } },
};

static const char *const not_for_tracing[] = { "crash", "trace", "out", "output", "format", "diff" };

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

size_t args_n_tasks(void)
{
	return N_TASKS;
}

const char *args_task_word(int task)
{
	return tasks[task].word;
}

int args_takes(int task, const struct cli_option *o)
{
	if (!o->name)
		return 0;
	if (task == CLI_TRACE)
		return !is_listed(not_for_tracing, sizeof(not_for_tracing) / sizeof(not_for_tracing[0]), o->name);
	return is_listed(tasks[task].option, sizeof(tasks[task].option) / sizeof(tasks[task].option[0]), o->name);
}

/* parse_help - swtrace help [COMMAND].  Return: as args_parse(). */
static int parse_help(struct cli_settings *s, const char *word)
{
	s->help = 1;
	s->task = task_named(word);
	if (!word || s->task != CLI_TRACE)
		return 0;
	msg_error("unknown command '%s'", word);
	msg_try("swtrace help lists all");
	return EXIT_USAGE;
}

/* set_defaults - of what was not given. Not before contradictions are looked for: there it matters what was. */
static void set_defaults(struct cli_settings *s)
{
	s->every_ns = s->every_ns ? s->every_ns : CLI_DEFAULT_EVERY_NS;
	s->keep = s->keep ? s->keep : CLI_DEFAULT_KEEP;
	s->top = s->top ? s->top : CLI_DEFAULT_TOP;
	s->n_freed = s->n_freed != NOT_GIVEN ? s->n_freed : CLI_DEFAULT_FREED;
	s->layer_mask = s->layer_mask ? s->layer_mask : (1U << MODEL_LAYERS) - 1;
}

int args_parse(struct cli_settings *s, int argc, char **argv)
{
	const struct cli_option *o;
	const char *value;
	int i;

	memset(s, 0, sizeof(*s));
	if (argv[1] && !strcmp(argv[1], "help"))
		return parse_help(s, argv[2]);
	s->interval_ns = 5000000000ULL;
	s->n_freed = NOT_GIVEN;
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
		if (s->task == CLI_REPORT && !s->input && argv[i][0] != '-') {
			s->input = argv[i];
			continue;
		}
		if (argv[i][0] != '-' || !argv[i][1]) {
			unexpected_argument(s->task, argv[i], i == 1);
			return EXIT_USAGE;
		}
		o = find_option(argv[i], &value);
		if (!o) {
			unknown_option(s->task, argv[i]);
			return EXIT_USAGE;
		}
		if (!args_takes(s->task, o)) {
			misplaced_option(s->task, o);
			return EXIT_USAGE;
		}
		if (o->arg && !value && !argv[i + 1]) {
			msg_error("%s: there is no value", argv[i]);
			msg_try("--%s %s: %s", o->name, o->arg, o->wants);
			return EXIT_USAGE;
		}
		if (o->arg && !value)
			value = argv[++i];
		if ((!o->arg && value) || o->parse(s, value)) {
			msg_error("--%s: cannot use '%s'", o->name, value);
			msg_try(o->arg ? "--%s %s: %s" : "--%s takes no value", o->name, o->arg, o->wants);
			return EXIT_USAGE;
		}
	}
	if (s->crashes && !s->n_pids && !s->command)
		s->all = 1;
	if (s->help || s->version)
		return 0;
	if (contradiction(s))
		return EXIT_USAGE;
	set_defaults(s);
	return 0;
}
