// SPDX-License-Identifier: GPL-2.0-or-later
/* target/debugfile.c - separate debug files, where distributions put them: in the root of the process that maps the file, or
 * in our own. They are opened here and read elsewhere. Source: GDB manual, "Debugging Information in Separate Files". */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "target/internal.h"

static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return -ENOENT;
	}
	return fd;
}

int target_debug_by_build_id(const struct target_module *m, const struct target_process *p)
{
	const char *id = m->elf ? elffile_build_id(m->elf) : "";
	char path[PATH_MAX];
	int fd;

	if (strlen(id) < 4)
		return -ENOENT;
	snprintf(path, sizeof(path), "/proc/%d/root/usr/lib/debug/.build-id/%.2s/%s.debug", p->pid, id, id + 2);
	fd = open_file(path);
	if (fd >= 0)
		return fd;
	snprintf(path, sizeof(path), "/usr/lib/debug/.build-id/%.2s/%s.debug", id, id + 2);
	return open_file(path);
}

/* has_crc - is the file the one that the link means? */
static int has_crc(int fd, uint32_t crc)
{
	unsigned char buf[65536];
	uLong sum = crc32(0, NULL, 0);
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, buf, sizeof(buf), at)) > 0) {
		sum = crc32(sum, buf, n);
		at += n;
	}
	return !n && sum == crc;
}

/* open_linked - one candidate. */
static int open_linked(const char *root, const char *before, const char *dir, int dir_len, const char *between,
	const char *name, uint32_t crc)
{
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s%s%.*s%s/%s", root, before, dir_len, dir, between, name) >=
		(int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open_file(path);
	if (fd >= 0 && !has_crc(fd, crc)) {
		close(fd);
		fd = -ENOENT;
	}
	return fd;
}

int target_debug_by_link(const struct target_module *m, const struct target_process *p, const char *name, uint32_t crc)
{
	int dir_len = m->name > m->path ? (int)(m->name - m->path - 1) : 0, fd = -ENOENT;
	char in_process[64];
	const char *root[2] = { in_process, "" };

	snprintf(in_process, sizeof(in_process), "/proc/%d/root", p->pid);
	for (int i = 0; i < 2 && fd < 0; i++) {
		fd = open_linked(root[i], "", m->path, dir_len, "", name, crc);
		if (fd < 0)
			fd = open_linked(root[i], "", m->path, dir_len, "/.debug", name, crc);
		if (fd < 0)
			fd = open_linked(root[i], "/usr/lib/debug", m->path, dir_len, "", name, crc);
	}
	return fd;
}
