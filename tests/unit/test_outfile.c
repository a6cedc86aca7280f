// SPDX-License-Identifier: GPL-2.0-or-later
/* unit/test_outfile.c - files that are replaced as a whole: what a path may lead to, and who may read what stands there then. More is in
 * test_output.c, with what is written. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/outfile.h"

static char dir[] = "/tmp/swtrace-outfile-XXXXXX";
static char path[64], other[64];

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/out", dir);
	snprintf(other, sizeof(other), "%s/other", dir);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	unlink(other);
	return rmdir(dir); /* fails when a temporary file was left behind */
}

static int text(FILE *f, const void *ctx)
{
	return fputs(ctx, f) < 0 ? -EIO : 0;
}

static void make(const char *name, mode_t mode)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0 && write(fd, "before", 6) == 6 && !fchmod(fd, mode) && !close(fd));
}

static void assert_holds(const char *name, const char *expected)
{
	char got[64] = "";
	FILE *f = fopen(name, "r");

	assert_non_null(f);
	assert_non_null(fgets(got, sizeof(got), f));
	fclose(f);
	assert_string_equal(got, expected);
}

static void a_file_that_others_may_not_read_stays_so(void **state)
{
	struct stat st;

	(void)state;
	umask(022);
	make(path, 0600);
	assert_int_equal(outfile_write(path, text, "after"), 0);
	assert_holds(path, "after");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(outfile_write(path, text, "after"), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	unlink(path);
}

static void what_has_no_name_is_written_to_if_it_is_a_pipe(void **state)
{
	int pipes[2], fd;
	char name[64], got[8] = "";

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", pipes[1]); /* as /dev/stdout */
	assert_int_equal(outfile_check(name), 0);
	assert_int_equal(outfile_write(name, text, "after"), 0);
	assert_int_equal(read(pipes[0], got, sizeof(got) - 1), 5);
	assert_string_equal(got, "after");
	close(pipes[0]);
	close(pipes[1]);
	/* A file that was deleted: nothing can be put in its place. */
	make(path, 0600);
	fd = open(path, O_RDWR);
	unlink(path);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	assert_int_equal(outfile_check(name), -ENOENT);
	assert_int_equal(outfile_write(name, text, "after"), -ENOENT);
	close(fd);
}

/* Whether the kernel follows it depends on fs.protected_symlinks, and on who we are: no more is to be followed than it does. */
static void a_link_is_followed_only_where_the_kernel_does(void **state)
{
	int fd, expected;

	(void)state;
	/* GIVEN a folder as /tmp, and, if we may make one, another user's link in it to a file of ours */
	assert_int_equal(chmod(dir, 01777), 0);
	make(other, 0600);
	assert_int_equal(symlink(other, path), 0);
	if (lchown(path, 65534, 65534))
		assert_int_not_equal(geteuid(), 0);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	expected = fd < 0 ? -errno : 0;
	close(fd);
	/* WHEN, THEN */
	assert_int_equal(outfile_check(path), expected);
	assert_int_equal(outfile_write(path, text, "after"), expected);
	assert_holds(other, expected ? "before" : "after");
	/* Our own is followed. */
	if (!geteuid())
		assert_int_equal(lchown(path, 0, 0), 0);
	assert_int_equal(outfile_write(path, text, "then"), 0);
	assert_holds(other, "then");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_that_others_may_not_read_stays_so),
		cmocka_unit_test(what_has_no_name_is_written_to_if_it_is_a_pipe),
		cmocka_unit_test(a_link_is_followed_only_where_the_kernel_does),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
