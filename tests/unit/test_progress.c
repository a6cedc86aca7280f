/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_progress.c - promises of cli/writer.c and cli/convert.c to who sits before a terminal: what takes long says so there, and
 * nothing of that stays.
 *
 * In: a pseudo-terminal for stderr, a pipe that is read late, a recording. Out: what was written to the terminal. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
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

#define TAKEN_AWAY "\r\x1b[K"
#define BUSY	   "swtrace: writing files ..."

static char dir[] = "/tmp/swtrace-progress-XXXXXX";
static char path[64], out[64];
static int terminal, kept_stderr;

static int begin(void **state)
{
	int slave;

	(void)state;
	setenv("TERM", "xterm", 1);
	strcpy(dir, "/tmp/swtrace-progress-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/in", dir);
	snprintf(out, sizeof(out), "%s/out", dir);
	assert_int_equal(openpty(&terminal, &slave, NULL, NULL, NULL), 0);
	kept_stderr = dup(STDERR_FILENO);
	dup2(slave, STDERR_FILENO);
	close(slave);
	return 0;
}

static int end(void **state)
{
	(void)state;
	fflush(stderr);
	dup2(kept_stderr, STDERR_FILENO);
	close(kept_stderr);
	close(terminal);
	unlink(path);
	unlink(out);
	rmdir(dir);
	return 0;
}

/* shown - all that was written to the terminal so far, which is taken from it. It comes with a delay: a mark ends it. */
static const char *shown(void)
{
	static char text[4096];
	size_t n = 0;
	ssize_t got;

	fputs("|", stderr);
	fflush(stderr);
	do {
		got = read(terminal, text + n, sizeof(text) - 1 - n);
		n += got > 0 ? (size_t)got : 0;
		text[n] = 0;
	} while (got > 0 && !strchr(text, '|'));
	text[strcspn(text, "|")] = 0;
	return text;
}

static void add_stack(struct profile *p)
{
	uint32_t frame = profile_add_frame(p, &(struct profile_frame){ .kind = PROFILE_PHP,
						      .function = "f",
						      .file = "/a.php",
						      .line = 1,
						      .module = "",
						      .build_id = "" });

	profile_add_process(p, &(struct profile_process){ .pid = 1,
				       .comm = "php",
				       .role = "",
				       .what = "",
				       .container = "",
				       .worker = -1,
				       .n_requests = UINT64_MAX });
	profile_add_stack(
		p, &(struct profile_stack){ .value = { 1, 1, 1, 1, 0 }, .why = "", .n_frames = 1, .frame = &frame });
	assert_false(p->failed);
}

struct slow_reader {
	int fd;
	int wait_ms;
};

/* read_late - all that is in the pipe, after a while, or once something is shown. */
static void *read_late(void *ctx)
{
	struct slow_reader *reader = ctx;
	char bytes[4096];

	poll(&(struct pollfd){ .fd = terminal, .events = POLLIN }, 1, reader->wait_ms);
	fcntl(reader->fd, F_SETFL, 0);
	while (read(reader->fd, bytes, sizeof(bytes)) > 0)
		;
	return NULL;
}

/* make_full_pipe - one that takes nothing more. */
static void make_full_pipe(struct slow_reader *reader)
{
	static const char filler[4096];
	int fd;

	assert_int_equal(mkfifo(path, 0600), 0);
	reader->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(reader->fd >= 0);
	fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	while (write(fd, filler, sizeof(filler)) > 0)
		;
	close(fd);
}

/* write_last - the files of a last report, to that reader. */
static void write_last(struct reporter *r, struct slow_reader *reader)
{
	const char *const files[WRITER_FILES] = { [WRITER_FOLDED] = path };
	pthread_t thread;

	make_full_pipe(reader);
	profile_begin(&r->profile);
	add_stack(&r->profile);
	assert_int_equal(pthread_create(&thread, NULL, read_late, reader), 0);
	writer_begin(r, files, 0);
	writer_close(r);
	assert_null(r->writer);
	writer_release(r);
	pthread_join(thread, NULL);
	close(reader->fd);
	assert_int_equal(r->export_failed, 0);
}

static void the_last_files_are_waited_for_with_a_word_that_is_taken_away(void **state)
{
	static const struct cli_settings s;
	struct reporter r = { .settings = &s };
	struct slow_reader late = { .wait_ms = 9000 };

	(void)state;
	write_last(&r, &late);
	assert_string_equal(shown(), BUSY TAKEN_AWAY);
}

static void nothing_is_said_of_the_last_files_where_that_would_stay(void **state)
{
	static const struct cli_settings s = { .plain = 1 };
	struct reporter r = { .settings = &s };
	struct slow_reader late = { .wait_ms = 800 };

	(void)state;
	write_last(&r, &late);
	assert_string_equal(shown(), "");
}

static void a_recording_that_is_converted_says_what_is_done(void **state)
{
	struct cli_settings s = { .task = CLI_REPORT, .input = path, .output = out, .format = EXPORT_JSON };
	struct profile p;
	char expected[512];
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	(void)state;
	profile_begin(&p);
	add_stack(&p);
	assert_int_equal(profile_write(&p, fd), 0);
	close(fd);
	profile_free(&p);
	assert_int_equal(convert_report(&s), EXIT_DONE);
	snprintf(expected, sizeof(expected), "swtrace: reading %s ..." TAKEN_AWAY "swtrace: writing %s ..." TAKEN_AWAY,
		path, out);
	assert_string_equal(shown(), expected);
	/* A terminal that cannot take a line away is not given one. */
	setenv("TERM", "dumb", 1);
	assert_int_equal(convert_report(&s), EXIT_DONE);
	assert_string_equal(shown(), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			the_last_files_are_waited_for_with_a_word_that_is_taken_away, begin, end),
		cmocka_unit_test_setup_teardown(nothing_is_said_of_the_last_files_where_that_would_stay, begin, end),
		cmocka_unit_test_setup_teardown(a_recording_that_is_converted_says_what_is_done, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
