// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/help.c - what --help says, of tracing or of one command: command lines and examples from here, options from their table.
 * The man page and the completions are made of the same (manual/). */
#include <stdio.h>
#include <string.h>

#include "cli/options.h"

static const struct cli_text texts[] = {
	[CLI_TRACE] = {
		.about = "find memory leaks and the causes of crashes in running programs",
		.usage = { "-p PID[,PID...] [OPTION...]", "-a [OPTION...]", "--crashes [OPTION...]",
			"[OPTION...] -- COMMAND [ARGUMENT...]" },
		.more = "Exit codes: 0 done, 1 with --fail-on it was found, 2 wrong usage or output not writable, "
			"3 not permitted or not supported, 4 the process is gone. With -- COMMAND: the command's own.",
		.example = {
			{ "sudo swtrace -p 3021", "trace a running process, and look around in what it holds" },
			{ "sudo swtrace -p 3021 -d 60 --folded leak.folded", "for a minute; stacks for a flame graph" },
			{ "sudo swtrace -p 3021 --overhead 2", "in production: probes for at most 2 % of the time" },
			{ "sudo swtrace -- php worker.php", "start a program under tracing" },
			{ "sudo swtrace -a --exe php-fpm8.2", "every process that runs this program, now or later" },
		},
	},
	[CLI_WATCH] = {
		.about = "look at processes from outside, for months, and trace what grows for a moment",
		.usage = { "-p PID[,PID...] [OPTION...]",
			"--comm NAME | --exe PATH | --cgroup DIRECTORY | --container ID [OPTION...]" },
		.example = {
			{ "sudo swtrace watch -p 3021", "a process, and its workers if it is a master" },
			{ "sudo swtrace watch --comm php-fpm8.2 --out /var/log/swtrace", "all of a name; reports go there" },
		},
	},
	[CLI_RECORD] = {
		.about = "trace, and write all stacks, curves and crashes to a file, anew at every report",
		.usage = { "-p PID[,PID...] -o FILE [OPTION...]", "-a -o FILE [OPTION...]",
			"-o FILE [OPTION...] -- COMMAND [ARGUMENT...]" },
		.example = {
			{ "sudo swtrace record -p 3021 -o leak.swt -d 600", "ten minutes of a process" },
			{ "sudo swtrace record -o leak.swt -- php worker.php", "a program, from its first instruction on" },
		},
	},
	[CLI_DOCTOR] = {
		.about = "tell what works on this machine and with these processes, before anything is traced",
		.usage = { "[OPTION...]", "-p PID[,PID...] [OPTION...]",
			"--comm NAME | --exe PATH | --cgroup DIRECTORY | --container ID [OPTION...]" },
		.example = {
			{ "sudo swtrace doctor", "this machine, its kernel and the rights of who asks" },
			{ "sudo swtrace doctor -p 3021", "and this process" },
		},
	},
	[CLI_REPORT] = {
		.about = "tell what was recorded, on any machine, in several forms",
		.usage = { "FILE [OPTION...]", "--crash FILE [-p PID]" },
		.takes_file = 1,
		.example = {
			{ "swtrace report leak.swt", "as text" },
			{ "swtrace report leak.swt --format speedscope -o leak.json", "for speedscope.app" },
			{ "swtrace report new.swt --diff old.swt", "what has changed between two recordings" },
			{ "swtrace report --crash leak.swt", "the last crash in it, or in what --save wrote, for a bug tracker" },
		},
	},
};

/* What an option does for one command, where that is not what the table says. */
static const struct special {
	int task;
	const char *option, *help;
} specials[] = {
	{ CLI_WATCH, "comm", "processes of these names, now or later" },
	{ CLI_WATCH, "exe", "processes that run these programs (a path, or its end)" },
	{ CLI_WATCH, "cgroup", "processes in this cgroup or below it" },
	{ CLI_WATCH, "container", "processes in these containers" },
	{ CLI_WATCH, "interval", "time between two looks (default 60)" },
	{ CLI_WATCH, "keep", "the reports of the last N traces stay (default 100)" },
	{ CLI_WATCH, "overhead", "probes are in place for that share of a trace (default 2)" },
	{ CLI_DOCTOR, "comm", "processes of these names" },
	{ CLI_DOCTOR, "exe", "processes that run these programs (a path, or its end)" },
	{ CLI_DOCTOR, "cgroup", "processes in this cgroup or below it" },
	{ CLI_DOCTOR, "container", "processes in these containers" },
	{ CLI_RECORD, "interval", "time between two reports (default 5)" },
	{ CLI_RECORD, "output", "the recording, written anew at every report" },
	{ CLI_REPORT, "output", "where to, instead of standard output" },
	{ CLI_REPORT, "pid", "with --crash: the last crash of this process" },
};

const struct cli_text *help_text(int task)
{
	return task >= 0 && (size_t)task < sizeof(texts) / sizeof(texts[0]) && texts[task].about ? &texts[task] : NULL;
}

const char *help_option(int task, const struct cli_option *o)
{
	for (size_t i = 0; i < sizeof(specials) / sizeof(specials[0]); i++)
		if (specials[i].task == task && !strcmp(specials[i].option, o->name))
			return specials[i].help;
	return o->help;
}

#define COLUMNS	       80
#define EXAMPLE_COLUMN 40
#define HELP_COLUMN    34

/* print_text - words, in as many lines as they take, from a column on.  @at  columns of the first line that are taken */
static void print_text(const char *words, int at, int column)
{
	const char *word = words;

	if (at && at >= column) {
		putchar('\n');
		at = 0;
	}
	at += printf("%*s", column - at, "");
	while (*word) {
		int len = (int)strcspn(word, " ");

		if (word > words && at + 1 + len > COLUMNS)
			at = printf("\n%*s", column, "") - 1;
		else if (word > words)
			at += printf(" ");
		at += printf("%.*s", len, word);
		word += len + strspn(word + len, " ");
	}
	putchar('\n');
}

static void print_usage(const char *name, const struct cli_text *t)
{
	for (size_t i = 0; t->usage[i]; i++) {
		int n = printf("%s %s", i ? "      " : "Usage:", name);

		print_text(t->usage[i], n, n + 1);
	}
	puts("\nExamples:");
	for (const struct cli_example *e = t->example; e->line; e++)
		print_text(e->what, printf("  %s", e->line), EXAMPLE_COLUMN);
	putchar('\n');
}

static void print_commands(void)
{
	puts("Commands (swtrace COMMAND --help tells what each takes):");
	for (int task = CLI_TRACE + 1; (size_t)task < args_n_tasks(); task++)
		if (help_text(task))
			print_text(help_text(task)->about, printf("  %s", args_task_word(task)), HELP_COLUMN);
	putchar('\n');
}

static void print_option(int task, const struct cli_option *o)
{
	int n = o->letter ? printf("  -%c, ", o->letter) : printf("      ");

	n += printf("--%s%s%s", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
	print_text(help_option(task, o), n, HELP_COLUMN);
}

void help_print(int task)
{
	const struct cli_text *t = help_text(task);
	const char *word = args_task_word(task), *heading = NULL;
	char name[64];
	int n;

	snprintf(name, sizeof(name), "swtrace%s%s", word ? " " : "", word ? word : "");
	if (t) {
		n = printf("%s -", name);
		print_text(t->about, n, n + 1);
		putchar('\n');
		print_usage(name, t);
	}
	if (task == CLI_TRACE)
		print_commands();
	for (size_t i = 0; i < cli_n_options; i++) {
		const struct cli_option *o = &cli_options[i];

		if (!o->name)
			heading = o->help;
		if (!args_takes(task, o))
			continue;
		/* A heading without options below it is left out. */
		if (heading)
			puts(heading);
		heading = NULL;
		print_option(task, o);
	}
	print_text(t && t->more ? t->more : "man swtrace tells more.", 0, 0);
}
