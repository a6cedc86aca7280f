/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/test_options.c - the table of options: --help, the man page and the completions have all they need. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/options.h"

static int n_tasks(void)
{
	return (int)args_n_tasks();
}

static const char *word_of(int task)
{
	return task == CLI_TRACE ? "tracing" : args_task_word(task);
}

/* Divert a stream to a file of its own, and read what went there. */
static int divert(FILE *stream, FILE **to)
{
	int saved;

	fflush(stream);
	saved = dup(fileno(stream));
	*to = tmpfile();
	dup2(fileno(*to), fileno(stream));
	return saved;
}

static void restore(FILE *stream, int saved, FILE *from, char *text, size_t size)
{
	size_t n;

	fflush(stream);
	dup2(saved, fileno(stream));
	close(saved);
	rewind(from);
	n = fread(text, 1, size - 1, from);
	text[n] = 0;
	fclose(from);
}

/* parse - a command line, without its first word: what args_parse() returns. */
static int parse(struct cli_settings *s, const char *line)
{
	char *argv[32] = { "swtrace" }, said[1024];
	static char copy[512]; /* the settings point into it */
	int argc = 1, code, saved;
	FILE *f;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	saved = divert(stderr, &f);
	code = args_parse(s, argc, argv);
	restore(stderr, saved, f, said, sizeof(said));
	return code;
}

static void help_of(int task, char *text, size_t size)
{
	FILE *f;
	int saved = divert(stdout, &f);

	help_print(task);
	restore(stdout, saved, f, text, size);
}

static void every_option_has_a_help_and_a_group_and_says_what_its_value_is(void **state)
{
	int has_group = 0;

	(void)state;
	for (size_t i = 0; i < cli_n_options; i++) {
		const struct cli_option *o = &cli_options[i];
		const char *name = o->name ? o->name : "a heading";

		if (!o->help || strlen(o->help) < 2)
			fail_msg("%s: no help", name);
		if (!o->name) {
			has_group = 1;
			assert_int_equal(o->help[strlen(o->help) - 1], ':');
			continue;
		}
		if (!has_group)
			fail_msg("--%s: no heading stands before it", name);
		if (o->help[strlen(o->help) - 1] == '.')
			fail_msg("--%s: its help ends with a full stop", name);
		if (o->arg && (!o->wants || !*o->wants))
			fail_msg("--%s %s: it does not say what that is", name, o->arg);
		if (!o->arg && o->wants)
			fail_msg("--%s: it takes no value, but says what that is", name);
		if (!o->parse)
			fail_msg("--%s: nothing reads it", name);
	}
}

static void names_and_letters_are_those_of_one_option(void **state)
{
	(void)state;
	for (size_t i = 0; i < cli_n_options; i++)
		for (size_t j = 0; j < i && cli_options[i].name; j++) {
			const struct cli_option *a = &cli_options[i], *b = &cli_options[j];

			if (b->name && (!strcmp(a->name, b->name) || (a->letter && a->letter == b->letter)))
				fail_msg("--%s and --%s", a->name, b->name);
		}
}

static void every_option_is_taken_by_a_command(void **state)
{
	(void)state;
	for (size_t i = 0; i < cli_n_options; i++) {
		int n = 0;

		for (int task = 0; task < n_tasks(); task++)
			n += args_takes(task, &cli_options[i]);
		if (!n != !cli_options[i].name)
			fail_msg(
				"%s: taken by %d commands", cli_options[i].name ? cli_options[i].name : "a heading", n);
	}
}

static void every_command_takes_the_command_lines_of_its_examples(void **state)
{
	struct cli_settings s;

	(void)state;
	for (int task = 0; task < n_tasks(); task++) {
		const struct cli_text *t = help_text(task);

		if (!t || !t->usage[0] || !t->example[0].line)
			fail_msg("%s: nothing is said of it", word_of(task));
		for (const struct cli_example *e = t->example; e->line; e++) {
			const char *line = strstr(e->line, "swtrace");

			if (!line || !e->what || parse(&s, line + strlen("swtrace")) || s.task != task)
				fail_msg("%s: '%s' is no command line of it", word_of(task), e->line);
		}
	}
}

static void a_file_stands_beside_the_options_of_those_that_say_so(void **state)
{
	struct cli_settings s;
	char line[64];

	(void)state;
	for (int task = CLI_TRACE + 1; task < n_tasks(); task++) {
		snprintf(line, sizeof(line), "%s stray --help", args_task_word(task));
		if ((parse(&s, line) == 0) != help_text(task)->takes_file)
			fail_msg("%s", line);
	}
}

static void the_words_of_a_fixed_set_are_taken_and_no_others(void **state)
{
	struct cli_settings s = { 0 };
	char buf[CLI_WORD_BYTES];
	int n = 0;

	(void)state;
	for (size_t i = 0; i < cli_n_options; i++) {
		const struct cli_option *o = &cli_options[i];
		const char *word;

		if (!o->name || value_kind(o) != CLI_VALUE_WORD)
			continue;
		n++;
		assert_non_null(value_word(o, 0, buf));
		for (size_t k = 0; (word = value_word(o, k, buf)); k++)
			if (o->parse(&s, word) || (!strstr(o->help, word) && !strstr(o->wants, word)))
				fail_msg("--%s refuses %s, or its help does not have it", o->name, word);
		assert_int_not_equal(o->parse(&s, "no-such-word"), 0);
	}
	assert_true(n >= 3); /* --layer, --format, --fail-on */
}

static void what_a_value_is_follows_from_its_name(void **state)
{
	const struct cli_option pids = { .arg = "PID[,PID...]" }, file = { .arg = "FILE:SYMBOL" },
				number = { .arg = "N" }, set = { .arg = "leak|crash" }, none = { 0 },
				near = { .arg = "FILES" };
	char buf[CLI_WORD_BYTES];

	(void)state;
	assert_int_equal(value_kind(&pids), CLI_VALUE_PID);
	assert_true(value_is_list(&pids));
	assert_int_equal(value_kind(&file), CLI_VALUE_FILE);
	assert_false(value_is_list(&file));
	assert_int_equal(value_kind(&number), CLI_VALUE_TEXT);
	assert_int_equal(value_kind(&near), CLI_VALUE_TEXT);
	assert_int_equal(value_kind(&none), CLI_VALUE_NONE);
	assert_null(value_word(&pids, 0, buf));
	assert_int_equal(value_kind(&set), CLI_VALUE_WORD);
	assert_string_equal(value_word(&set, 0, buf), "leak");
	assert_string_equal(value_word(&set, 1, buf), "crash");
	assert_null(value_word(&set, 2, buf));
}

/* shows - does a help text have a line about the option? */
static int shows(const char *text, const struct cli_option *o)
{
	char long_name[64];

	snprintf(long_name, sizeof(long_name), "--%s ", o->name);
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += strspn(line, "\n");
		if (!strncmp(line + 6, long_name, strlen(long_name)) && !strncmp(line, "  ", 2))
			return 1;
	}
	return 0;
}

/* unwrap - what stands in several lines, in one: each run of blanks is one. */
static void unwrap(char *text)
{
	char *to = text;

	for (const char *s = text; *s; s++)
		if (*s != ' ' && *s != '\n')
			*to++ = *s;
		else if (to == text || to[-1] != ' ')
			*to++ = ' ';
	*to = 0;
}

static void the_help_of_a_command_shows_its_own_options_and_no_others(void **state)
{
	static char text[16384];
	char usage[64];

	(void)state;
	for (int task = 0; task < n_tasks(); task++) {
		help_of(task, text, sizeof(text));
		snprintf(
			usage, sizeof(usage), "Usage: swtrace %s%s", task ? args_task_word(task) : "", task ? " " : "");
		assert_non_null(strstr(text, usage));
		assert_true(strstr(text, usage) < strstr(text, "\nExamples:\n"));
		for (size_t i = 0; i < cli_n_options; i++) {
			const struct cli_option *o = &cli_options[i];

			if (o->name && shows(text, o) != args_takes(task, o))
				fail_msg("help of %s, --%s", word_of(task), o->name);
		}
		for (const char *line = text, *end; (end = strchr(line, '\n')); line = end + 1)
			if (end - line > 80)
				fail_msg("help of %s, wider than a terminal: %.*s", word_of(task), (int)(end - line),
					line);
		unwrap(text);
		for (size_t i = 0; i < cli_n_options; i++)
			if (args_takes(task, &cli_options[i]) && !strstr(text, help_option(task, &cli_options[i])))
				fail_msg("help of %s does not say what --%s does", word_of(task), cli_options[i].name);
	}
}

static void help_is_a_command_too(void **state)
{
	struct cli_settings s;

	(void)state;
	assert_int_equal(parse(&s, "help"), 0);
	assert_true(s.help && s.task == CLI_TRACE);
	assert_int_equal(parse(&s, "help report"), 0);
	assert_true(s.help && s.task == CLI_REPORT);
	assert_int_equal(parse(&s, "record --help"), 0);
	assert_true(s.help && s.task == CLI_RECORD);
	assert_int_equal(parse(&s, "help nothing"), EXIT_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_option_has_a_help_and_a_group_and_says_what_its_value_is),
		cmocka_unit_test(names_and_letters_are_those_of_one_option),
		cmocka_unit_test(every_option_is_taken_by_a_command),
		cmocka_unit_test(every_command_takes_the_command_lines_of_its_examples),
		cmocka_unit_test(a_file_stands_beside_the_options_of_those_that_say_so),
		cmocka_unit_test(the_words_of_a_fixed_set_are_taken_and_no_others),
		cmocka_unit_test(what_a_value_is_follows_from_its_name),
		cmocka_unit_test(the_help_of_a_command_shows_its_own_options_and_no_others),
		cmocka_unit_test(help_is_a_command_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
