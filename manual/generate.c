// SPDX-License-Identifier: GPL-2.0-or-later
/* manual/generate.c - the man page and the completions, from the table of options: generate TEMPLATE > FILE
 *
 * In a template a line "@NAME@" stands for what the function of that name in parts[] prints, and @VERSION@ for the version.
 * What is said of commands and options is in src/cli/options.c, args.c and help.c; here is how each form writes it. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"

static int n_tasks(void)
{
	return (int)args_n_tasks();
}

static const char *word_of(int task)
{
	return task == CLI_TRACE ? "trace" : args_task_word(task);
}

/* ---- man page ---- */

/* literal - what is typed as it stands, in a line of mdoc. */
static void literal(const char *text)
{
	for (; *text; text++) {
		if (*text == '-')
			fputs("\\-", stdout);
		else if (*text == '\\')
			fputs("\\e", stdout);
		else
			putchar(*text);
	}
}

#define LINE_BYTES 72 /* mandoc would have lines of at most 80 */

/* sentence - a text of the table, which has no full stop, as mdoc: a sentence a line, or more.
 * @is_first  nothing stands before it */
static void sentence(const char *text, int is_first)
{
	int column = is_first ? 0 : 8;
	char last = 0;

	for (const char *c = text; *c; last = *c++) {
		int ends = *c == ' ' && (last == '.' || column + (int)strcspn(c + 1, " ") > LINE_BYTES);

		column = ends ? 0 : column + 1;
		if (ends)
			fputs(c[1] == '.' || c[1] == '\'' ? "\n\\&" : "\n", stdout);
		else if (c == text && is_first)
			putchar(toupper((unsigned char)*c));
		else if (*c == '\\')
			fputs("\\e", stdout);
		else if (*c == '-' && !isalnum((unsigned char)last))
			fputs("\\-", stdout); /* of an option: not where a word is divided */
		else
			putchar(*c);
	}
	puts(last == '.' ? "" : ".");
}

static void name_command(int task)
{
	fputs(".Nm", stdout);
	if (task != CLI_TRACE)
		printf(" Cm %s", args_task_word(task));
}

static void man_synopsis(void)
{
	for (int task = 0; task < n_tasks(); task++)
		for (size_t i = 0; help_text(task)->usage[i]; i++) {
			puts(".Nm");
			if (task != CLI_TRACE)
				printf(".Cm %s\n", args_task_word(task));
			literal(help_text(task)->usage[i]);
			putchar('\n');
		}
}

static void man_commands(void)
{
	puts(".Bl -tag -width Ds");
	for (int task = CLI_TRACE + 1; task < n_tasks(); task++) {
		printf(".It Nm Cm %s\n", args_task_word(task));
		sentence(help_text(task)->about, 1);
	}
	puts(".El");
}

/* man_takers - which commands take it, unless all do. */
static void man_takers(const struct cli_option *o)
{
	int left = 0;

	for (int task = 0; task < n_tasks(); task++)
		left += args_takes(task, o);
	if (left == n_tasks())
		return;
	puts("Taken by");
	for (int task = 0; task < n_tasks(); task++) {
		if (!args_takes(task, o))
			continue;
		name_command(task);
		puts(--left > 1 ? " ," : left ? "\nand" : " .");
	}
}

static void man_option(const struct cli_option *o)
{
	fputs(".It ", stdout);
	if (o->letter)
		printf("Fl %c , ", o->letter);
	fputs("Fl \\-", stdout);
	literal(o->name);
	printf("%s%s\n", o->arg ? " Ar " : "", o->arg ? o->arg : "");
	sentence(o->help, 1);
	if (o->arg && strcmp(o->wants, o->arg) != 0) {
		fputs("Value: ", stdout);
		sentence(o->wants, 0);
	}
	for (int task = 0; task < n_tasks(); task++) {
		if (!args_takes(task, o) || help_option(task, o) == o->help)
			continue;
		puts("With");
		name_command(task);
		puts(" :");
		sentence(help_option(task, o), 0);
	}
	man_takers(o);
}

static void man_options(void)
{
	const char *end = "";

	for (size_t i = 0; i < cli_n_options; i++) {
		const struct cli_option *o = &cli_options[i];

		if (o->name) {
			man_option(o);
			continue;
		}
		printf("%s.Ss %.*s\n.Bl -tag -width Ds\n", end, (int)strcspn(o->help, ":"), o->help);
		end = ".El\n";
	}
	fputs(end, stdout);
}

static void man_examples(void)
{
	const char *between = "";

	for (int task = 0; task < n_tasks(); task++)
		for (const struct cli_example *e = help_text(task)->example; e->line; e++) {
			fputs(between, stdout);
			sentence(e->what, 1);
			fputs(".Dl ", stdout);
			literal(e->line);
			putchar('\n');
			between = ".Pp\n";
		}
}

/* ---- completions ---- */

/* A kind of value: what the template of bash calls it; the action of _arguments in zsh; what makes the words in fish. */
static const struct kind {
	const char *bash, *zsh, *fish;
} kinds[] = {
	[CLI_VALUE_TEXT] = { "text", " ", NULL },
	[CLI_VALUE_FILE] = { "files", "_files", NULL },
	[CLI_VALUE_DIRECTORY] = { "directories", "_files -/", "__fish_complete_directories" },
	[CLI_VALUE_PID] = { "pids", "__swtrace_pids", "__swtrace_pids" },
	[CLI_VALUE_COMM] = { "names", "__swtrace_names", "__swtrace_names" },
	[CLI_VALUE_WORD] = { "words", "compadd -", "__swtrace_words" },
};

/* escaped - text for single quotes.
 * @also  characters that a backslash goes before    @quote  how the shell writes a quote there */
static void escaped(const char *text, const char *also, const char *quote)
{
	for (; *text; text++) {
		if (*text == '\'') {
			fputs(quote, stdout);
			continue;
		}
		if (strchr(also, *text))
			putchar('\\');
		putchar(*text);
	}
}

static void print_words(const struct cli_option *o)
{
	char buf[CLI_WORD_BYTES];
	const char *word;

	for (size_t i = 0; (word = value_word(o, i, buf)); i++)
		printf(" %s", word);
}

static void bash_commands(void)
{
	for (int task = CLI_TRACE + 1; task < n_tasks(); task++)
		printf("\t%s\n", args_task_word(task));
	puts("\thelp");
}

static void bash_options(void)
{
	for (int task = 0; task < n_tasks(); task++) {
		printf("\t%s) options=(", word_of(task));
		for (size_t i = 0; i < cli_n_options; i++) {
			if (!args_takes(task, &cli_options[i]))
				continue;
			if (cli_options[i].letter)
				printf("-%c ", cli_options[i].letter);
			printf("--%s ", cli_options[i].name);
		}
		printf(") takes_file=%d ;;\n", help_text(task)->takes_file);
	}
}

static void bash_values(void)
{
	for (size_t i = 0; i < cli_n_options; i++) {
		const struct cli_option *o = &cli_options[i];

		if (!o->name || value_kind(o) == CLI_VALUE_NONE)
			continue;
		putchar('\t');
		if (o->letter)
			printf("-%c | ", o->letter);
		printf("--%s) kind=%s is_list=%d words=(", o->name, kinds[value_kind(o)].bash, value_is_list(o));
		print_words(o);
		puts(" ) ;;");
	}
}

static void zsh_commands(void)
{
	for (int task = CLI_TRACE + 1; task < n_tasks(); task++) {
		printf("\t'%s:", args_task_word(task));
		escaped(help_text(task)->about, ":\\", "'\\''");
		puts("'");
	}
	puts("\t'help:show what a command takes'");
}

static void zsh_option(int task, const struct cli_option *o)
{
	enum cli_value kind = value_kind(o);
	const char *value = kind == CLI_VALUE_NONE ? "" : "=";

	/* All that have a value may be given again, if only to override it. */
	printf("\t\t\t%s", kind == CLI_VALUE_NONE ? "" : "'*'");
	if (o->letter && kind == CLI_VALUE_NONE)
		printf("'(-%c --%s)'", o->letter, o->name);
	if (o->letter)
		printf("{-%c%s,--%s%s}", o->letter, *value ? "+" : "", o->name, value);
	else
		printf("--%s%s", o->name, value);
	putchar('\'');
	putchar('[');
	escaped(help_option(task, o), "[]:\\", "'\\''");
	putchar(']');
	if (kind != CLI_VALUE_NONE) {
		putchar(':');
		escaped(o->wants, ":\\", "'\\''");
		printf(":%s%s", value_is_list(o) ? "_sequence " : "", kinds[kind].zsh);
		print_words(o);
	}
	puts("'");
}

static void zsh_options(void)
{
	for (int task = 0; task < n_tasks(); task++) {
		printf("\t(%s)\n\t\tspecs=(\n", word_of(task));
		for (size_t i = 0; i < cli_n_options; i++)
			if (args_takes(task, &cli_options[i]))
				zsh_option(task, &cli_options[i]);
		if (help_text(task)->takes_file)
			puts("\t\t\t'1:FILE:_files'");
		puts("\t\t)\n\t\t;;");
	}
}

static void fish_text(const char *text)
{
	putchar('\'');
	escaped(text, "\\", "\\'");
	putchar('\'');
}

static void fish_words(void)
{
	fputs("set -g __swtrace_commands help", stdout);
	for (int task = CLI_TRACE + 1; task < n_tasks(); task++)
		printf(" %s", args_task_word(task));
	putchar('\n');
}

static void fish_commands(void)
{
	for (int task = CLI_TRACE + 1; task < n_tasks(); task++) {
		printf("complete -c swtrace -n __swtrace_is_first -a %s -d ", args_task_word(task));
		fish_text(help_text(task)->about);
		putchar('\n');
		if (help_text(task)->takes_file)
			printf("complete -c swtrace -n '__swtrace_is %s' -F\n", args_task_word(task));
	}
}

static void fish_option(int task, const struct cli_option *o)
{
	enum cli_value kind = value_kind(o);

	printf("complete -c swtrace -n '__swtrace_is %s' -l %s", word_of(task), o->name);
	if (o->letter)
		printf(" -s %c", o->letter);
	if (kind != CLI_VALUE_NONE)
		fputs(kind == CLI_VALUE_FILE ? " -r -F" : " -x", stdout);
	if (kinds[kind].fish) {
		printf(" -a '(%s", kinds[kind].fish);
		print_words(o);
		printf("%s)'", value_is_list(o) ? " | __swtrace_list" : "");
	}
	fputs(" -d ", stdout);
	fish_text(help_option(task, o));
	putchar('\n');
}

static void fish_options(void)
{
	for (int task = 0; task < n_tasks(); task++)
		for (size_t i = 0; i < cli_n_options; i++)
			if (args_takes(task, &cli_options[i]))
				fish_option(task, &cli_options[i]);
}

/* ---- templates ---- */

static const struct part {
	const char *name;
	void (*print)(void);
} parts[] = {
	{ "man synopsis", man_synopsis },
	{ "man commands", man_commands },
	{ "man options", man_options },
	{ "man examples", man_examples },
	{ "bash commands", bash_commands },
	{ "bash options", bash_options },
	{ "bash values", bash_values },
	{ "zsh commands", zsh_commands },
	{ "zsh options", zsh_options },
	{ "fish words", fish_words },
	{ "fish commands", fish_commands },
	{ "fish options", fish_options },
};

/* fill - one line of a template.  Return: 0, or -EINVAL: there is no part of that name. */
static int fill(const char *line)
{
	static const char version[] = "@VERSION@";
	size_t len = strcspn(line, "\n");
	const char *at = strstr(line, version);

	if (at) {
		printf("%.*s%s%s", (int)(at - line), line, SWTRACE_VERSION, at + strlen(version));
		return 0;
	}
	if (len < 3 || line[0] != '@' || line[len - 1] != '@') {
		fputs(line, stdout);
		return 0;
	}
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strlen(parts[i].name) == len - 2 && !strncmp(parts[i].name, line + 1, len - 2)) {
			parts[i].print();
			return 0;
		}
	fprintf(stderr, "generate: there is no part %s", line);
	return -EINVAL;
}

/* is_complete - is all said that is to be written? The unit tests of the table tell more. */
static int is_complete(void)
{
	for (int task = 0; task < n_tasks(); task++)
		if (!help_text(task)) {
			fprintf(stderr, "generate: src/cli/help.c says nothing of swtrace %s\n", word_of(task));
			return 0;
		}
	for (size_t i = 0; i < cli_n_options; i++)
		if (!cli_options[i].help || (cli_options[i].arg && !cli_options[i].wants)) {
			fprintf(stderr, "generate: src/cli/options.c: there is something missing in row %zu\n", i);
			return 0;
		}
	return 1;
}

int main(int argc, char **argv)
{
	FILE *f = argc == 2 ? fopen(argv[1], "r") : NULL;
	char line[1024];
	int err = 0;

	if (!is_complete())
		return 1;
	if (!f) {
		perror(argc == 2 ? argv[1] : "usage: generate TEMPLATE");
		return 1;
	}
	while (!err && fgets(line, sizeof(line), f))
		err = fill(line);
	if (fclose(f) || fflush(stdout))
		err = -errno;
	return err ? 1 : 0;
}
