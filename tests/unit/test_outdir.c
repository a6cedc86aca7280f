/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/test_outdir.c - reports under names with the time: the last ones stay, and what is none of them is never touched. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/outdir.h"

static const char *const suffix[] = { ".txt", ".html", ".pb.gz", NULL };
static const struct outdir_names watched = { "swtrace-", suffix, 0 }, exported = { "swtrace-web-", suffix, 1 };
static char dir[32];

static const char *path_of(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void make(const char *name)
{
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0 && !close(fd));
}

static int is_there(const char *name)
{
	struct stat st;

	return !lstat(path_of(name), &st);
}

static size_t count(void)
{
	DIR *d = opendir(dir);
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/swtrace-outdir-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	(void)state;
	while (d && (e = readdir(d)))
		if (unlink(path_of(e->d_name)))
			rmdir(path_of(e->d_name));
	if (d)
		closedir(d);
	return rmdir(dir);
}

/* keep - with nothing that was just written. */
static void keep(const struct outdir_names *names, uint64_t n)
{
	size_t n_left;

	assert_int_equal(outdir_keep(dir, names, "", n, &n_left), 0);
	assert_int_equal(n_left, 0);
}

static void the_last_ones_stay_with_all_their_files_whichever_process_they_are_of(void **state)
{
	(void)state;
	make("swtrace-99-20261129T010203Z.txt");
	make("swtrace-99-20261129T010203Z.html");
	make("swtrace-7-20261129T010204Z.txt");
	make("swtrace-7-20261129T010204Z.html");
	make("swtrace-7-20261129T010204Z.pb.gz");
	make("swtrace-12-20261129T010204Z.txt"); /* at the same time: another one */
	make("swtrace-1234567890-20261231T235959Z.pb.gz");
	keep(&watched, 4);
	assert_int_equal(count(), 7);
	keep(&watched, 3);
	assert_int_equal(count(), 5);
	assert_false(is_there("swtrace-99-20261129T010203Z.txt"));
	keep(&watched, 1);
	assert_int_equal(count(), 1);
	assert_true(is_there("swtrace-1234567890-20261231T235959Z.pb.gz"));
}

static void names_of_others_are_never_removed(void **state)
{
	static const char *const others[] = {
		"notes.txt",
		"20261129T010203Z.txt",
		"swtrace-20261129T010203Z.txt",
		"swtrace--20261129T010203Z.txt",
		"swtrace-0-20261129T010203Z.txt",
		"swtrace-012-20261129T010203Z.txt",
		"swtrace-12345678901-20261129T010203Z.txt",
		"swtrace-1x-20261129T010203Z.txt",
		"swtrace-+1-20261129T010203Z.txt",
		"swtrace-all-20261129T010203Z.txt",
		"swtrace-web-1-20261129T010203Z.txt",
		"swtrace-7-1-20261129T010203Z.txt",
		"swtrace-1-20261129T010203Z",
		"swtrace-1-20261129T010203Z.",
		"swtrace-1-20261129T010203Z.tx",
		"swtrace-1-20261129T010203Z.txt~",
		"swtrace-1-20261129T010203Z.txt.AbCdEf",
		"swtrace-1-20261129T010203Z.TXT",
		"swtrace-1-20261129T010203Z.mine",
		"swtrace-1-20261129T010203Z.gz",
		"swtrace-1-20261129T010203Z .txt",
		"swtrace-1-20261129T010203.txt",
		"swtrace-1-20261129 010203Z.txt",
		"swtrace-1-2026112T010203Z.txt",
		"swtrace-1-020261129T010203Z.txt",
		"swtrace-1-2026-1129T0102Z.txt",
		"swtrace-1-20261129T010203Z.txt\n",
		"swtrace-1-20261129T010203Z\x1b[m.txt",
		"Swtrace-1-20261129T010203Z.txt",
		" swtrace-1-20261129T010203Z.txt",
		"xswtrace-1-20261129T010203Z.txt",
	};
	size_t n = sizeof(others) / sizeof(others[0]);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		if (outdir_stem_len(&watched, others[i]))
			fail_msg("'%s' is taken for one of ours", others[i]);
		make(others[i]);
	}
	make("swtrace-1-20261129T010202Z.txt");
	make("swtrace-1-20261129T010204Z.txt");
	keep(&watched, 1);
	assert_int_equal(count(), n + 1);
	assert_false(is_there("swtrace-1-20261129T010202Z.txt"));
}

static void what_is_no_regular_file_is_neither_counted_nor_removed(void **state)
{
	(void)state;
	assert_int_equal(mkdir(path_of("swtrace-1-20261129T010201Z.txt"), 0700), 0);
	assert_int_equal(mkfifo(path_of("swtrace-1-20261129T010202Z.txt"), 0600), 0);
	make("target");
	assert_int_equal(symlink("target", path_of("swtrace-1-20261129T010203Z.txt")), 0);
	assert_int_equal(symlink("target", path_of("swtrace-1-20261129T010209Z.txt")), 0);
	make("swtrace-1-20261129T010204Z.txt");
	make("swtrace-1-20261129T010205Z.txt");
	keep(&watched, 2);
	assert_int_equal(count(), 7);
	keep(&watched, 1);
	assert_int_equal(count(), 6);
	assert_true(is_there("swtrace-1-20261129T010205Z.txt"));
}

static void names_of_exports_may_be_of_all_processes_and_are_of_one_host(void **state)
{
	(void)state;
	make("swtrace-web-all-20261129T010201Z.txt");
	make("swtrace-web-1-20261129T010202Z.txt");
	make("swtrace-web-2-1-20261129T010202Z.txt"); /* of the host web-2 */
	make("swtrace-1-20261129T010202Z.txt");
	make("swtrace-web-alls-20261129T010202Z.txt");
	keep(&exported, 1);
	assert_int_equal(count(), 4);
	assert_false(is_there("swtrace-web-all-20261129T010201Z.txt"));
}

static void what_was_just_written_stays_when_the_clock_was_set_back(void **state)
{
	size_t n_left;

	(void)state;
	make("swtrace-1-20271129T010201Z.txt");
	make("swtrace-1-20271129T010202Z.txt");
	make("swtrace-1-20261129T010202Z.txt");
	make("swtrace-1-20261129T010202Z.html");
	make("swtrace-1-20261129T010201Z.html");
	assert_int_equal(outdir_keep(dir, &watched, path_of("swtrace-1-20261129T010202Z"), 2, &n_left), 0);
	assert_int_equal(count(), 3);
	assert_true(is_there("swtrace-1-20261129T010202Z.txt") && is_there("swtrace-1-20261129T010202Z.html"));
	assert_true(is_there("swtrace-1-20271129T010202Z.txt"));
	/* Of one that could not be written there is nothing to be counted. */
	assert_int_equal(outdir_keep(dir, &watched, "swtrace-1-20261129T010203Z", 2, &n_left), 0);
	assert_int_equal(count(), 3);
}

static void what_cannot_be_removed_is_counted(void **state)
{
	int is_root = !geteuid(), err;
	size_t n_left = 7;

	(void)state;
	assert_int_equal(outdir_keep("/no/such/directory", &watched, "", 1, &n_left), -ENOENT);
	assert_int_equal(n_left, 0);
	make("swtrace-1-20261129T010201Z.txt");
	make("swtrace-1-20261129T010201Z.html");
	make("swtrace-1-20261129T010202Z.txt");
	assert_int_equal(chmod(dir, 0555), 0);
	if (is_root) /* who may remove anything */
		assert_int_equal(seteuid(65534), 0);
	err = outdir_keep(dir, &watched, "", 1, &n_left);
	if (is_root)
		assert_int_equal(seteuid(0), 0);
	assert_int_equal(chmod(dir, 0700), 0);
	assert_int_equal(err, -EACCES);
	assert_int_equal(n_left, 2);
	assert_int_equal(count(), 3);
}

/* check - in a process of its own, of a user without rights.  @said  out, 512      Return: of outdir_check(). */
static int check(const char *path, char *said)
{
	int out[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe(out), 0);
	pid = fork();
	if (!pid) {
		dup2(out[1], STDERR_FILENO);
		if (!getuid() && setuid(65534))
			_exit(255);
		_exit(-outdir_check(path, "reports", "--out"));
	}
	close(out[1]);
	for (size_t at = 0; (n = read(out[0], said + at, 511 - at)) > 0; at += n)
		said[at + n] = 0;
	close(out[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

static void whose_directory_it_must_be_is_told_when_that_is_why_nothing_can_be_written(void **state)
{
	char said[512] = "", expected[64];

	(void)state;
	snprintf(expected, sizeof(expected), "a directory of user %d,", getuid() ? (int)getuid() : 65534);
	assert_int_equal(check("/usr", said), -EACCES);
	assert_non_null(strstr(said, "/usr: reports cannot be written there: Permission denied\n"));
	assert_non_null(strstr(said, expected));
	assert_non_null(strstr(said, "this one is of user 0:"));
	assert_int_equal(check("/no/such", said), -ENOENT);
	assert_non_null(strstr(said, "try: make it first: mkdir -p /no/such\n"));
	assert_int_equal(check("/etc/passwd", said), -ENOTDIR);
	assert_non_null(strstr(said, "--out: a directory that can be written to\n"));
	assert_int_equal(check("/tmp", said), 0);
	assert_int_equal(chmod(dir, 0555), 0);
	if (!getuid())
		assert_int_equal(chown(dir, 65534, 65534), 0);
	assert_int_equal(check(dir, said), -EACCES);
	assert_non_null(strstr(said, "--out: a directory that can be written to\n"));
	assert_int_equal(chmod(dir, 0755), 0);
}

static void a_time_is_written_as_it_is_looked_for(void **state)
{
	char stamp[OUTDIR_STAMP_LEN + 1], name[64];

	(void)state;
	outdir_stamp(1795914123, stamp);
	assert_string_equal(stamp, "20261129T010203Z");
	snprintf(name, sizeof(name), "swtrace-1-%s.pb.gz", stamp);
	assert_int_equal(outdir_stem_len(&watched, name), strlen(name) - strlen(".pb.gz"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(the_last_ones_stay_with_all_their_files_whichever_process_they_are_of),
		TEST(names_of_others_are_never_removed),
		TEST(what_is_no_regular_file_is_neither_counted_nor_removed),
		TEST(names_of_exports_may_be_of_all_processes_and_are_of_one_host),
		TEST(what_was_just_written_stays_when_the_clock_was_set_back),
		TEST(what_cannot_be_removed_is_counted),
		TEST(whose_directory_it_must_be_is_told_when_that_is_why_nothing_can_be_written),
		TEST(a_time_is_written_as_it_is_looked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
