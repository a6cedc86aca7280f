/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_crashfile.c - promises of cli/crashfile.c: a recording tells of its last crash, too.
 *
 * In: recordings made up here. Out: the Markdown of the crash. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/cli.h"

#define CRASH(time, pid, function)                                                                                         \
	"{\"schema\":1,\"type\":\"crash\",\"time\":\"" time "\",\"pid\":" #pid ",\"tid\":" #pid                            \
	",\"comm\":\"php\",\"signal\":11,\"signal_name\":\"SIGSEGV\",\"walk\":\"complete\",\"frames\":[{\"kind\":\"php\"," \
	"\"function\":\"" function "\",\"file\":\"/srv/a.php\",\"line\":7,\"line_exact\":true}]}"
#define OOM(time, pid)                                                                                                 \
	"{\"schema\":1,\"type\":\"oom_kill\",\"time\":\"" time "\",\"pid\":" #pid ",\"comm\":\"php\",\"again\":false," \
	"\"peak_rss_bytes\":1048576,\"walk\":\"complete\",\"frames\":[]}"
#define AGAIN(time, pid)                                                                           \
	"{\"schema\":1,\"type\":\"memory_limit\",\"time\":\"" time "\",\"pid\":" #pid ",\"comm\":" \
	"\"php\",\"again\":true,\"count\":3,\"frames\":[]}"
#define BEFORE "2026-11-23T21:39:05.123Z"
#define MOMENT 1795470005123000000LL /* 2026-11-23T21:40:05.123Z */
#define AFTER  "2026-11-23T21:40:06.000Z"
#define HEAD   "\n### Memory, by the last report before it"

static char dir[] = "/tmp/swtrace-crashfile-XXXXXX";
static char path[64], lines[64], out[64];

static int begin(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/swtrace-crashfile-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/one.swt", dir);
	snprintf(lines, sizeof(lines), "%s/lines", dir);
	snprintf(out, sizeof(out), "%s/out", dir);
	return 0;
}

static int end(void **state)
{
	(void)state;
	unlink(path);
	unlink(lines);
	unlink(out);
	rmdir(dir);
	return 0;
}

/* record - a recording of that moment with a leak, a loss, and these events.  @event  NULL: none */
static void record(enum profile_basis basis, const char *const event[2])
{
	static struct profile_point point[2] = { { 0, 1000 }, { 1000, 2000 } };
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct profile p;
	uint32_t frame;

	profile_begin(&p);
	p.basis = basis;
	p.start_utc_ns = MOMENT - 1000000000;
	p.utc_ns = MOMENT;
	profile_add_process(&p, &(struct profile_process){ .pid = 7,
					.comm = "php",
					.worker = -1,
					.live_bytes = { 3 << 20, 0, 0 },
					.live_blocks = { 55, 0, 0 } });
	profile_add_curve(
		&p, &(struct profile_curve){
			    .name = "zend", .verdict = "growing", .bytes_per_s = 2048, .point = point, .n = 2 });
	frame = profile_add_frame(
		&p, &(struct profile_frame){
			    .kind = PROFILE_PHP, .function = "Cache::keep", .file = "/srv/b.php", .line = 9 });
	profile_add_stack(&p, &(struct profile_stack){ .verdict = PROFILE_LEAK,
				      .is_whole = 1,
				      .value = { 2 << 20, 50, 2 << 20, 50, 3600 << 10 },
				      .n_frames = 1,
				      .frame = &frame });
	profile_add_loss(&p, "table_full", "blocks that found no room", 3);
	for (int i = 0; i < 2; i++)
		if (event[i])
			profile_add_event(&p, event[i]);
	assert_false(p.failed);
	assert_int_equal(profile_write(&p, fd), 0);
	close(fd);
	profile_free(&p);
}

/* tell - what swtrace report --crash writes of a file.  @pid  0: any      Return: static. */
static const char *tell(const char *file, pid_t pid, int code)
{
	static char text[8192];
	struct cli_settings s = { .task = CLI_REPORT, .crash_file = file, .n_pids = pid != 0, .pid = { pid } };
	int kept, fd = open(out, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t n;

	fflush(stdout);
	kept = dup(STDOUT_FILENO);
	dup2(fd, STDOUT_FILENO);
	n = crashfile_report(&s, "1.0");
	fflush(stdout);
	dup2(kept, STDOUT_FILENO);
	close(kept);
	assert_int_equal(n, code);
	n = pread(fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = 0;
	close(fd);
	return text;
}

static int has(const char *text, const char *said)
{
	return strstr(text, said) != NULL;
}

static void the_last_crash_of_a_recording_is_told_with_the_memory_before_it(void **state)
{
	const char *text;

	(void)state;
	record(PROFILE_COUNTED, (const char *[]){ CRASH(BEFORE, 8, "first"), CRASH(AFTER, 7, "second") });
	text = tell(path, 0, EXIT_DONE);
	assert_true(has(text, "## SIGSEGV in `second a.php:7`\n"));
	assert_true(has(text, HEAD " (2026-11-23T21:40:05.123Z)\n"));
	assert_true(has(text, "    zend: 3.0 MiB live in 55 blocks\n"));
	assert_true(has(text, "    zend: growing, +2.0 KiB/s\n"));
	assert_true(has(text, "    LEAK 3.5 MiB/h, 2.0 MiB live in 50 blocks, zend\n      #0  Cache::keep b.php:9\n"));
	assert_true(has(text, "    the books are incomplete: 3 losses\n"));
}

static void a_recording_made_after_the_crash_tells_no_memory_before_it(void **state)
{
	const char *text;

	(void)state;
	record(PROFILE_COUNTED, (const char *[]){ CRASH(BEFORE, 7, "first"), CRASH(AFTER, 8, "second") });
	text = tell(path, 7, EXIT_DONE);
	assert_true(has(text, "## SIGSEGV in `first a.php:7`\n"));
	assert_false(has(text, HEAD));
	/* And what windows have seen is no measure of what lives. */
	record(PROFILE_WINDOWS, (const char *[]){ CRASH(AFTER, 7, "first"), NULL });
	assert_false(has(tell(path, 0, EXIT_DONE), HEAD));
}

static void a_recording_as_json_lines_tells_the_same(void **state)
{
	const struct cli_settings s = { .task = CLI_REPORT, .input = path, .output = lines, .format = EXPORT_JSON };
	char *text;

	(void)state;
	record(PROFILE_COUNTED, (const char *[]){ CRASH(AFTER, 7, "first"), NULL });
	assert_int_equal(convert_report(&s), EXIT_DONE);
	text = strdup(tell(path, 0, EXIT_DONE));
	assert_true(has(text, HEAD));
	assert_string_equal(tell(lines, 0, EXIT_DONE), text);
	free(text);
}

static void a_recording_without_a_crash_or_cut_short_is_told_so(void **state)
{
	struct stat st;

	(void)state;
	record(PROFILE_COUNTED, (const char *[]){ NULL, NULL });
	assert_string_equal(tell(path, 0, EXIT_USAGE), "");
	record(PROFILE_COUNTED, (const char *[]){ CRASH(AFTER, 7, "first"), NULL });
	assert_string_equal(tell(path, 9, EXIT_USAGE), "");
	/* What is whole of it is told: without its last chunk. */
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size - 8), 0);
	assert_true(has(tell(path, 0, EXIT_USAGE), "## SIGSEGV in `first a.php:7`\n"));
	assert_int_equal(truncate(path, 1), 0);
	assert_string_equal(tell(path, 0, EXIT_USAGE), "");
}

static void what_else_has_ended_a_process_is_told_where_there_is_no_crash(void **state)
{
	const char *text;

	(void)state;
	record(PROFILE_COUNTED, (const char *[]){ OOM(AFTER, 7), AGAIN(AFTER, 7) });
	text = tell(path, 0, EXIT_DONE);
	assert_true(has(text, "## Killed for lack of memory\n\n- **Process:** `php, pid 7`\n"));
	assert_true(has(text, HEAD " (2026-11-23T21:40:05.123Z)\n"));
	assert_string_equal(tell(path, 9, EXIT_USAGE), "");
	/* The last one; but a crash goes first, even one before. */
	record(PROFILE_COUNTED, (const char *[]){ OOM(AFTER, 7), OOM(AFTER, 8) });
	assert_true(has(tell(path, 0, EXIT_DONE), "php, pid 8`"));
	assert_true(has(tell(path, 7, EXIT_DONE), "php, pid 7`"));
	record(PROFILE_COUNTED, (const char *[]){ CRASH(AFTER, 7, "first"), OOM(AFTER, 7) });
	assert_true(has(tell(path, 0, EXIT_DONE), "## SIGSEGV in `first a.php:7`\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			the_last_crash_of_a_recording_is_told_with_the_memory_before_it, begin, end),
		cmocka_unit_test_setup_teardown(a_recording_made_after_the_crash_tells_no_memory_before_it, begin, end),
		cmocka_unit_test_setup_teardown(a_recording_as_json_lines_tells_the_same, begin, end),
		cmocka_unit_test_setup_teardown(a_recording_without_a_crash_or_cut_short_is_told_so, begin, end),
		cmocka_unit_test_setup_teardown(
			what_else_has_ended_a_process_is_told_where_there_is_no_crash, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
