// SPDX-License-Identifier: GPL-2.0-or-later
/* util/outfile.c - files that are replaced as a whole. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/outfile.h"

/* open_beside - a new file in path's directory, to be renamed over path. Who was kept from reading ours is kept from it again.
 * *temp is its name, to be freed. */
static int open_beside(const char *path, char **temp)
{
	mode_t mask = umask(0), mode = 0666 & ~mask;
	int fd = -ENOMEM;
	struct stat st;

	umask(mask);
	if (!lstat(path, &st) && S_ISREG(st.st_mode) && st.st_uid == geteuid())
		mode = st.st_mode & 0777;
	if (asprintf(temp, "%s.XXXXXX", path) < 0) {
		*temp = NULL;
		return fd;
	}
	fd = mkostemp(*temp, O_CLOEXEC);
	if (fd < 0) {
		fd = -errno;
		free(*temp);
		*temp = NULL;
		return fd;
	}
	fchmod(fd, mode);
	return fd;
}

/* real_path - path without symbolic links, to be freed: renaming over a link would replace the link and not the file. The kernel
 * follows them, and not realpath(3): it refuses those that somebody else has laid into /tmp (fs.protected_symlinks). A name that does not
 * exist yet stays as it is, and so does what has no name, such as a pipe behind /dev/stdout. */
static int real_path(const char *path, char **real)
{
	int fd = open(path, O_PATH | O_CLOEXEC), err = fd < 0 ? -errno : 0;
	char proc[32], name[PATH_MAX] = "";
	struct stat st, named;

	if (err == -ENOENT && lstat(path, &st)) /* no link to nothing */
		err = 0;
	if (fd >= 0) {
		snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
		if (readlink(proc, name, sizeof(name) - 1) < 0)
			err = -errno;
		if (!err && (fstat(fd, &st) || lstat(name, &named) || st.st_dev != named.st_dev ||
				    st.st_ino != named.st_ino))
			name[0] = 0;
		if (!err && !*name && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
			err = -ENOENT;
		close(fd);
	}
	*real = err ? NULL : strdup(*name ? name : path);
	return err ? err : *real ? 0 : -ENOMEM;
}

/* open_special - without a reader a pipe is an error and not a wait for one; with one, writes wait for it as usual. */
static int open_special(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	fcntl(fd, F_SETFL, 0);
	return fd;
}

/* is_special - a device or a pipe cannot be replaced by a file; it is written to as it is. */
static int is_special(const char *path)
{
	struct stat st;

	return !stat(path, &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

int outfile_check(const char *path)
{
	char *real = NULL, *temp = NULL;
	struct stat st;
	int fd = -1, err;

	err = real_path(path, &real);
	if (err)
		return err;
	if (is_special(real)) {
		err = access(real, W_OK) ? -errno : 0;
	} else if (!stat(real, &st) && S_ISDIR(st.st_mode)) {
		err = -EISDIR;
	} else {
		fd = open_beside(real, &temp);
		err = fd < 0 ? fd : 0;
	}
	if (temp) {
		close(fd);
		unlink(temp);
	}
	free(temp);
	free(real);
	return err;
}

/* fill - have the file written.  Return: 0 or -errno; fd is closed. */
static int fill(int fd, int (*write)(FILE *f, const void *ctx), const void *ctx)
{
	FILE *f = fdopen(fd, "w");
	int err;

	if (!f) {
		err = -errno;
		close(fd);
		return err;
	}
	err = write(f, ctx);
	if (!err && fflush(f))
		err = errno ? -errno : -EIO;
	if (fclose(f) && !err)
		err = -errno;
	return err;
}

int outfile_write(const char *path, int (*write)(FILE *f, const void *ctx), const void *ctx)
{
	char *real = NULL, *temp = NULL;
	int fd, err;

	err = real_path(path, &real);
	if (err)
		return err;
	fd = is_special(real) ? open_special(real) : open_beside(real, &temp);
	err = fd < 0 ? fd : fill(fd, write, ctx);
	if (temp && !err && rename(temp, real))
		err = -errno;
	if (temp && err)
		unlink(temp);
	free(temp);
	free(real);
	return err;
}
