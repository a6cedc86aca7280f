/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/test_args.c - the command line: what is understood, and that what is not is refused with a hint. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

/* What args_parse() wrote to stderr, and what it returned. */
static char said[4096];

static int parse(struct cli_settings *s, const char *line)
{
	char *argv[32] = { "swtrace" }, copy[512];
	int argc = 1, code, saved = dup(STDERR_FILENO);
	FILE *f = tmpfile();

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	fflush(stderr);
	dup2(fileno(f), STDERR_FILENO);
	code = args_parse(s, argc, argv);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	memset(said, 0, sizeof(said));
	rewind(f);
	if (!fread(said, 1, sizeof(said) - 1, f))
		said[0] = 0;
	fclose(f);
	return code;
}

static void a_pid_is_enough_and_the_rest_has_defaults(void **state)
{
	struct cli_settings s;

	(void)state;
	assert_int_equal(parse(&s, "-p 42"), 0);
	assert_int_equal(s.n_pids, 1);
	assert_int_equal(s.pid[0], 42);
	assert_true(s.interval_ns == 5000000000);
	assert_int_equal(s.top, 10);
	assert_int_equal(s.layer_mask, 7);
	assert_int_equal(s.n_freed, 65536);
	assert_int_equal(s.json, 0);
	assert_string_equal(said, "");
}

static void options_are_taken_in_all_their_forms(void **state)
{
	struct cli_settings s;

	(void)state;
	assert_int_equal(parse(&s, "--pid=1,2 -p3 -i 0.5 -d 2.5 -n7 --top=3 --older 60 --json "
				   "--min-size 4K --max-size=1M --layer libc,mmap --folded out --flamegraph page -v"),
		0);
	assert_int_equal(s.n_pids, 3);
	assert_int_equal(s.pid[2], 3);
	assert_true(s.interval_ns == 500000000);
	assert_true(s.duration_ns == 2500000000);
	assert_int_equal(s.count, 7);
	assert_int_equal(s.top, 3);
	assert_true(s.filter.older_ns == 60000000000);
	assert_int_equal(s.filter.min_size_bytes, 4096);
	assert_int_equal(s.filter.max_size_bytes, 1 << 20);
	assert_int_equal(s.layer_mask, 6);
	assert_string_equal(s.folded, "out");
	assert_string_equal(s.flamegraph, "page");
	assert_int_equal(s.json, 1);
	assert_int_equal(s.verbose, 1);
}

static void a_request_probe_is_a_file_and_a_function(void **state)
{
	struct cli_settings s;

	(void)state;
	assert_int_equal(parse(&s, "-p 1 --request-probe /srv/app:handle --request-probe=a:b.so:_ZN1f1gEv"), 0);
	assert_int_equal(s.n_requests, 2);
	assert_string_equal(s.request[0].file, "/srv/app");
	assert_string_equal(s.request[0].symbol, "handle");
	assert_string_equal(s.request[1].file, "a:b.so");
	assert_string_equal(s.request[1].symbol, "_ZN1f1gEv");
	assert_int_equal(parse(&s, "-p 1 --request-probe app"), EXIT_USAGE);
	assert_non_null(strstr(said, "FILE:SYMBOL"));
	assert_int_equal(parse(&s, "-p 1 --request-probe :f"), EXIT_USAGE);
	assert_int_equal(parse(&s, "-p 1 --request-probe app:"), EXIT_USAGE);
	assert_int_equal(parse(&s, "-p 1 --request-probe app:space::f"), EXIT_USAGE);
	assert_int_equal(
		parse(&s, "-p 1 --request-probe a:1 --request-probe a:2 --request-probe a:3 --request-probe a:4 "
			  "--request-probe a:5 --request-probe a:6 --request-probe a:7 --request-probe a:8"),
		0);
	assert_int_equal(
		parse(&s, "-p 1 --request-probe a:1 --request-probe a:2 --request-probe a:3 --request-probe a:4 "
			  "--request-probe a:5 --request-probe a:6 --request-probe a:7 --request-probe a:8 "
			  "--request-probe a:9"),
		EXIT_USAGE);
}

static void what_follows_two_dashes_is_the_command_as_it_stands(void **state)
{
	struct cli_settings s;

	(void)state;
	assert_int_equal(parse(&s, "-i 1 -- php -n 3"), 0);
	assert_string_equal(s.command[0], "php");
	assert_string_equal(s.command[1], "-n");
	assert_string_equal(s.command[2], "3");
	assert_null(s.command[3]);
	assert_int_equal(s.count, 0);
}

static void a_selection_is_a_list_of_names_and_of_paths(void **state)
{
	struct cli_settings s;

	(void)state;
	assert_int_equal(parse(&s, "-a --comm php-fpm8.2,nginx --comm redis-server --exe /usr/bin/php8.2,perl"), 0);
	assert_int_equal(s.all, 1);
	assert_int_equal(s.selection.n_comms, 3);
	assert_string_equal(s.selection.comm[2], "redis-server");
	assert_int_equal(s.selection.n_exes, 2);
	assert_string_equal(s.selection.exe[0], "/usr/bin/php8.2");
	assert_string_equal(s.selection.exe[1], "perl");
	assert_int_equal(s.selection.n_cgroups, 0);
}

static void wrong_values_are_refused_with_what_would_be_right(void **state)
{
	static const char *const lines[] = {
		"-p",
		"-p x",
		"-p -1",
		"-p 0",
		"-p 1,1",
		"-p 1,",
		"-p 12x",
		"-p 99999999999999999999",
		"-p 1 -i 0",
		"-p 1 -i -1",
		"-p 1 -i nan",
		"-p 1 -i 1e99",
		"-p 1 -i",
		"-p 1 -n 0",
		"-p 1 -T 0",
		"-p 1 -n 1.5",
		"-p 1 --older -1",
		"-p 1 --min-size 1X",
		"-p 1 --min-size 99999999999G",
		"-p 1 --max-size 0",
		"-p 1 --layer heap",
		"-p 1 --layer ,",
		"-p 1 --json=1",
		"-p 1 --max-blocks 1",
		"-a --comm ,x",
		"-a --comm 1,2,3,4,5,6,7,8,9",
		"-a --exe /",
		"-a --exe a/b/c/d/e/f/g/h/i",
		"-a --cgroup /proc",
		"-a --cgroup /nowhere",
	};
	struct cli_settings s;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (parse(&s, lines[i]) != EXIT_USAGE)
			fail_msg("'%s' was not refused", lines[i]);
		if ((strncmp(said, "swtrace: ", 9) != 0 || !strstr(said, "\n  try: ")))
			fail_msg("'%s': said '%s'", lines[i], said);
	}
}

static void contradictions_are_refused(void **state)
{
	struct cli_settings s;

	(void)state;
	assert_int_equal(parse(&s, "-p 1 -- ls"), EXIT_USAGE);
	assert_int_equal(parse(&s, ""), EXIT_USAGE);
	assert_int_equal(parse(&s, "--"), EXIT_USAGE);
	assert_int_equal(parse(&s, "-p 1 --min-size 2K --max-size 1K"), EXIT_USAGE);
	assert_int_equal(parse(&s, "-p 1 stray"), EXIT_USAGE);
	assert_int_equal(parse(&s, "-a -p 1"), EXIT_USAGE);
	assert_int_equal(parse(&s, "-a -- ls"), EXIT_USAGE);
	assert_int_equal(parse(&s, "-a --no-follow"), EXIT_USAGE);
	assert_int_equal(parse(&s, "-a --overhead 2"), EXIT_USAGE);
	assert_int_equal(parse(&s, "-p 1 --comm x"), EXIT_USAGE);
}

static void a_mistyped_option_names_the_nearest(void **state)
{
	struct cli_settings s;

	(void)state;
	assert_int_equal(parse(&s, "-p 1 --intervall 2"), EXIT_USAGE);
	assert_non_null(strstr(said, "unknown option '--intervall'"));
	assert_non_null(strstr(said, "--interval;"));
	assert_int_equal(parse(&s, "-p 1 --xyzzyplugh"), EXIT_USAGE);
	assert_non_null(strstr(said, "--help"));
	assert_int_equal(parse(&s, "-p 1 -q"), EXIT_USAGE);
	assert_int_equal(parse(&s, "-vp 1"), EXIT_USAGE);
	assert_non_null(strstr(said, "unknown option '-vp'\n  try: one letter after each '-'"));
	assert_int_equal(parse(&s, "watch -p 1 --folded f"), EXIT_USAGE);
	assert_non_null(strstr(said, "it is for swtrace -p\n"));
}

static void a_stray_word_is_told_what_it_may_have_meant(void **state)
{
	static const char *const lines[][2] = {
		{ "doctr", "  try: swtrace doctor\n" },
		{ "reprot file", "  try: swtrace report\n" },
		{ "3021", "  try: swtrace -p 3021\n" },
		{ "watch 3021,3022", "  try: swtrace watch -p 3021,3022\n" },
		{ "php worker.php", "swtrace -- php to start a program" },
		{ "record -o f php", "swtrace record -- php to start a program" },
		{ "report one two", "--diff OLD" },
		{ "doctor php", "swtrace doctor --comm NAME" },
	};
	struct cli_settings s;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(parse(&s, lines[i][0]), EXIT_USAGE);
		if (!strstr(said, "unexpected argument") || !strstr(said, lines[i][1]))
			fail_msg("'%s': said '%s'", lines[i][0], said);
	}
}

static void a_value_that_is_missing_is_not_called_an_empty_one(void **state)
{
	struct cli_settings s;

	(void)state;
	assert_int_equal(parse(&s, "-p 1 --folded"), EXIT_USAGE);
	assert_non_null(strstr(said, "swtrace: --folded: there is no value\n  try: --folded FILE: a file name\n"));
	assert_int_equal(parse(&s, "-p"), EXIT_USAGE);
	assert_non_null(strstr(said, "swtrace: -p: there is no value\n  try: --pid PID[,PID...]: "));
	assert_int_equal(parse(&s, "-p 1 --folded="), EXIT_USAGE);
	assert_non_null(strstr(said, "cannot use ''"));
}

static void tracing_in_windows_takes_a_share_and_no_choice_of_live_blocks(void **state)
{
	struct cli_settings s;

	(void)state;
	assert_int_equal(parse(&s, "-p 1"), 0);
	assert_true(s.overhead_percent == 0);
	assert_int_equal(parse(&s, "-p 1 --overhead 0.1"), 0);
	assert_true(s.overhead_percent > 0.09 && s.overhead_percent < 0.11);
	assert_int_equal(parse(&s, "-p 1 --overhead=50 --layer zend --json"), 0);
	assert_int_equal(parse(&s, "-p 1 --overhead 0.09"), EXIT_USAGE);
	assert_int_equal(parse(&s, "-p 1 --overhead 50.1"), EXIT_USAGE);
	assert_int_equal(parse(&s, "-p 1 --overhead 2x"), EXIT_USAGE);
	assert_int_equal(parse(&s, "-p 1 --overhead -2"), EXIT_USAGE);
	assert_int_equal(parse(&s, "-p 1 --overhead inf"), EXIT_USAGE);
	assert_non_null(strstr(said, "from 0.1 to 50"));
	assert_int_equal(parse(&s, "-p 1 --overhead 2 --folded out --flamegraph out.html --push http://h/ingest"), 0);
	assert_int_equal(parse(&s, "-p 1 --overhead 2 --max-size 5"), EXIT_USAGE);
	assert_non_null(strstr(said, "--max-size"));
}

static void profiles_for_pprof_are_written_and_sent(void **state)
{
	struct cli_settings s;

	(void)state;
	assert_int_equal(parse(&s, "-p 1 --pprof out.pb.gz --push http://h/ingest --push-every 60"), 0);
	assert_string_equal(s.pprof, "out.pb.gz");
	assert_string_equal(s.push_url, "http://h/ingest");
	assert_true(s.push_ns == 60000000000);
	assert_int_equal(parse(&s, "-p 1 --push http://h/ingest --push-every 0"), EXIT_USAGE);
	assert_int_equal(parse(&s, "-p 1 --push="), EXIT_USAGE);
	assert_int_equal(parse(&s, "--crashes --pprof out.pb.gz"), EXIT_USAGE);
	assert_non_null(strstr(said, "--pprof"));
	assert_int_equal(parse(&s, "report file --push http://h/ingest"), EXIT_USAGE);
	assert_int_equal(parse(&s, "report file --format pprof -o out"), 0);
	assert_int_equal(s.format, EXPORT_PPROF);
}

static void a_task_takes_its_own_options_alone(void **state)
{
	struct cli_settings s;

	(void)state;
	assert_int_equal(parse(&s, "-p 1"), 0);
	assert_int_equal(s.task, CLI_TRACE);
	assert_int_equal(parse(&s, "report --crash file -p 7"), 0);
	assert_int_equal(s.task, CLI_REPORT);
	assert_string_equal(s.crash_file, "file");
	assert_int_equal(s.pid[0], 7);
	assert_int_equal(parse(&s, "report"), EXIT_USAGE);
	assert_non_null(strstr(said, "--crash FILE"));
	assert_int_equal(parse(&s, "report --crash file -p 7,8"), EXIT_USAGE);
	assert_int_equal(parse(&s, "report --crash file --older 3"), EXIT_USAGE);
	assert_non_null(strstr(said, "swtrace report takes no --older"));
	assert_int_equal(parse(&s, "report --crash file --format json"), EXIT_USAGE);
	assert_int_equal(parse(&s, "report file"), 0);
	assert_string_equal(s.input, "file");
	assert_int_equal(s.format, EXPORT_TEXT);
	assert_int_equal(parse(&s, "report file --format speedscope -o out --diff old --top 3"), 0);
	assert_int_equal(s.format, EXPORT_SPEEDSCOPE);
	assert_int_equal(parse(&s, "report file --format html -o out --diff old --top 3"), 0);
	assert_int_equal(s.format, EXPORT_HTML);
	assert_string_equal(s.output, "out");
	assert_string_equal(s.diff, "old");
	assert_int_equal(parse(&s, "report file another"), EXIT_USAGE);
	assert_int_equal(parse(&s, "report file --format svg"), EXIT_USAGE);
	assert_int_equal(parse(&s, "report file --crash file"), EXIT_USAGE);
	assert_int_equal(parse(&s, "report file -p 1"), EXIT_USAGE);
	assert_int_equal(parse(&s, "record -p 1 -o file -d 10"), 0);
	assert_int_equal(s.task, CLI_RECORD);
	assert_string_equal(s.output, "file");
	assert_int_equal(parse(&s, "-p 1 --export-dir d --every 5m --keep 7 -i 90s"), 0);
	assert_string_equal(s.export_dir, "d");
	assert_true(s.every_ns == 300000000000 && s.keep == 7 && s.interval_ns == 90000000000);
	assert_int_equal(parse(&s, "-p 1 --export-dir d --every 5x"), EXIT_USAGE);
	assert_int_equal(parse(&s, "-p 1 --export-dir d --every s"), EXIT_USAGE);
	assert_int_equal(parse(&s, "-p 1 --export-dir d --every 5mm"), EXIT_USAGE);
	assert_int_equal(parse(&s, "-p 1 --export-dir d --keep 0"), EXIT_USAGE);
	assert_int_equal(parse(&s, "-p 1 --export-dir d --overhead 2"), 0);
	assert_int_equal(parse(&s, "record -p 1"), EXIT_USAGE);
	assert_non_null(strstr(said, "-o FILE"));
	assert_int_equal(parse(&s, "record -o file"), EXIT_USAGE);
	assert_int_equal(parse(&s, "record -p 1 -o file --overhead 2"), 0);
	assert_int_equal(parse(&s, "-p 1 -o file"), EXIT_USAGE);
	assert_int_equal(parse(&s, "report --crash file -- ls"), EXIT_USAGE);
	assert_int_equal(parse(&s, "-p 1 --crash file"), EXIT_USAGE);
	assert_non_null(strstr(said, "swtrace takes no --crash"));
	assert_non_null(strstr(said, "it is for swtrace report"));
	assert_int_equal(parse(&s, "-p 1 report"), EXIT_USAGE);
	assert_int_equal(parse(&s, "watch -p 1,2"), 0);
	assert_int_equal(s.task, CLI_WATCH);
	assert_true(s.interval_ns == 60000000000 && s.trace_ns == 60000000000);
	assert_string_equal(s.out, ".");
	assert_int_equal(s.keep, 100);
	assert_int_equal(
		parse(&s, "watch --comm php,fpm --exe php8.2 -i 5 --trace 10 --overhead 5 --out dir --json"), 0);
	assert_int_equal(s.selection.n_comms, 2);
	assert_true(s.trace_ns == 10000000000);
	assert_int_equal(parse(&s, "watch -p 1 --keep 7"), 0);
	assert_int_equal(s.keep, 7);
	assert_int_equal(parse(&s, "watch -p 1 --keep 0"), EXIT_USAGE);
	assert_int_equal(parse(&s, "watch"), EXIT_USAGE);
	assert_int_equal(parse(&s, "watch -p 1 --comm x"), EXIT_USAGE);
	assert_int_equal(parse(&s, "watch -p 1 -- ls"), EXIT_USAGE);
	assert_int_equal(parse(&s, "watch -p 1 --folded f"), EXIT_USAGE);
	assert_int_equal(parse(&s, "-p 1 --trace 10"), EXIT_USAGE);
}

static void an_option_that_would_do_nothing_alone_is_refused(void **state)
{
	static const struct {
		const char *line, *error, *advice;
	} idle[] = {
		{ "-p 1 --every 5m", "--every: nothing is exported", "--export-dir DIRECTORY" },
		{ "-a --every 60s", "--every: nothing is exported", "--export-dir DIRECTORY" },
		{ "-p 1 --keep 100", "--keep: nothing is exported", "--export-dir DIRECTORY" },
		{ "--crashes --older 3", "nothing for --older", "leave one of them out" },
		{ "--crashes --max-size 3", "nothing for --max-size", "leave one of them out" },
		{ "--crashes --free-stacks", "nothing for --free-stacks", "leave one of them out" },
		{ "--crashes --freed 65536", "nothing for --freed", "leave one of them out" },
		{ "--crashes --freed 0", "nothing for --freed", "leave one of them out" },
		{ "--crashes -p 1 --max-blocks 1000", "nothing for --max-blocks", "leave one of them out" },
		{ "-a --crashes -T 10", "nothing for --top", "leave one of them out" },
		{ "--crashes --layer zend,libc,mmap", "nothing for --layer", "leave one of them out" },
		{ "--crashes --request-probe app:f", "nothing for --request-probe", "leave one of them out" },
		{ "--crashes -n 1", "nothing for --count", "leave one of them out" },
		{ "--crashes -p 1 --count=2", "nothing for --count", "leave one of them out" },
		{ "--crashes --keep 3", "--keep: nothing is exported", "--export-dir DIRECTORY" },
		{ "-p 1 --push-every 60", "--push-every: nothing is sent", "--push URL" },
		{ "-p 1 --freed 0 --free-stacks", "--free-stacks: with --freed 0", "leave one of them out" },
		{ "record -p 1 -o f --free-stacks --freed 0", "--free-stacks: with --freed 0",
			"leave one of them out" },
	};
	struct cli_settings s;

	(void)state;
	for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++) {
		assert_int_equal(parse(&s, idle[i].line), EXIT_USAGE);
		assert_non_null(strstr(said, idle[i].error));
		assert_non_null(strstr(said, idle[i].advice));
	}
	assert_int_equal(parse(&s, "-p 1 --export-dir d"), 0);
	assert_true(s.every_ns == 60000000000 && s.keep == 100);
	assert_int_equal(parse(&s, "-p 1 --export-dir d --keep 5"), 0);
	assert_true(s.every_ns == 60000000000 && s.keep == 5);
	assert_int_equal(parse(&s, "-p 1 --free-stacks"), 0);
}

static void metrics_are_served_where_it_is_said(void **state)
{
	char buf[METRICS_ADDRESS_BYTES];
	struct cli_settings s;

	(void)state;
	assert_int_equal(parse(&s, "-p 1"), 0);
	assert_int_equal(s.listen.len, 0);
	assert_int_equal(parse(&s, "-p 1 --listen 9469"), 0);
	assert_string_equal(metrics_address_text(&s.listen, buf), "127.0.0.1:9469");
	assert_int_equal(parse(&s, "watch -p 1 --listen [::1]:80"), 0);
	assert_string_equal(metrics_address_text(&s.listen, buf), "[::1]:80");
	assert_int_equal(parse(&s, "record -p 1 -o f --listen 0.0.0.0:1"), 0);
	assert_int_equal(parse(&s, "-a --crashes --listen 1"), 0);
	assert_int_equal(parse(&s, "-p 1 --crashes -i 1 -d 9 --json --save f -v"), 0);
	assert_int_equal(parse(&s, "-p 1 --freed 0"), 0);
	assert_int_equal(s.n_freed, 0);
	assert_int_equal(parse(&s, "-p 1 --listen localhost:80"), EXIT_USAGE);
	assert_non_null(strstr(said, "127.0.0.1:9469"));
	assert_int_equal(parse(&s, "report f --listen 1"), EXIT_USAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metrics_are_served_where_it_is_said),
		cmocka_unit_test(a_pid_is_enough_and_the_rest_has_defaults),
		cmocka_unit_test(options_are_taken_in_all_their_forms),
		cmocka_unit_test(a_request_probe_is_a_file_and_a_function),
		cmocka_unit_test(what_follows_two_dashes_is_the_command_as_it_stands),
		cmocka_unit_test(a_selection_is_a_list_of_names_and_of_paths),
		cmocka_unit_test(wrong_values_are_refused_with_what_would_be_right),
		cmocka_unit_test(contradictions_are_refused),
		cmocka_unit_test(a_mistyped_option_names_the_nearest),
		cmocka_unit_test(a_stray_word_is_told_what_it_may_have_meant),
		cmocka_unit_test(a_value_that_is_missing_is_not_called_an_empty_one),
		cmocka_unit_test(profiles_for_pprof_are_written_and_sent),
		cmocka_unit_test(a_task_takes_its_own_options_alone),
		cmocka_unit_test(an_option_that_would_do_nothing_alone_is_refused),
		cmocka_unit_test(tracing_in_windows_takes_a_share_and_no_choice_of_live_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
