// SPDX-License-Identifier: GPL-2.0-or-later
/* target/identity_os.c - the system that a process runs on: the kernel, and the distribution of its own root directory, which is the
 * container's.
 *
 * os-release(5) is a file of the process's making: nothing but two words of a known form is taken of it. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "target/identity.h"

#define RELEASE_BYTES 4096 /* of the file: they have some 300 */

/* copy_word - a value, with its quotes taken off; "" if it is empty, longer, or holds anything but letters, digits and . _ - */
static void copy_word(const char *s, size_t n, char *out, size_t cap)
{
	*out = 0;
	if (n >= 2 && (*s == '"' || *s == '\'') && s[n - 1] == *s) {
		s++;
		n -= 2;
	}
	if (n >= cap || strspn(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-") < n)
		return;
	memcpy(out, s, n);
	out[n] = 0;
}

void identity_parse_release(const char *text, size_t n, int is_whole, struct model_identity *out)
{
	const char *end;

	if (strlen(text) != n) /* it is no text */
		return;
	for (const char *line = text; *line; line = *end ? end + 1 : end) {
		end = line + strcspn(line, "\n");
		if (!*end && !is_whole)
			break;
		if (!strncmp(line, "ID=", 3))
			copy_word(line + 3, (size_t)(end - line) - 3, out->distribution, sizeof(out->distribution));
		else if (!strncmp(line, "VERSION_ID=", 11))
			copy_word(line + 11, (size_t)(end - line) - 11, out->distribution_version,
				sizeof(out->distribution_version));
	}
	if (!*out->distribution)
		*out->distribution_version = 0;
}

/* open_at - a file below a directory, without following any link. Nothing of it is opened that reading could wait for, or that does
 * something when it is opened.  Return: a descriptor that only stands for it (O_PATH), or -1: it is no plain file. */
static int open_at(int root, const char *const folder[], const char *name)
{
	int at = root, below, fd;
	struct stat st;

	for (; *folder; folder++) {
		below = openat(at, *folder, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (at != root)
			close(at);
		if (below < 0)
			return -1;
		at = below;
	}
	fd = openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (at != root)
		close(at);
	if (fd >= 0 && (fstat(fd, &st) || !S_ISREG(st.st_mode))) {
		close(fd);
		fd = -1;
	}
	return fd;
}

void identity_read_release(int root, struct model_identity *out)
{
	/* The first is mostly a link to the second, as os-release(5) wants it. */
	static const char *const etc[] = { "etc", NULL }, *const lib[] = { "usr", "lib", NULL };
	char text[RELEASE_BYTES], path[32];
	int fd = open_at(root, etc, "os-release"), n;

	if (fd < 0)
		fd = open_at(root, lib, "os-release");
	if (fd < 0)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = small_file(path, text, sizeof(text));
	close(fd);
	if (n > 0)
		identity_parse_release(text, (size_t)n, (size_t)n + 1 < sizeof(text), out);
}

void identity_read_system(pid_t pid, struct model_identity *out)
{
	struct utsname kernel;
	char path[32];
	int root;

	if (!uname(&kernel))
		identity_copy_version(kernel.release, strlen(kernel.release), out->kernel, sizeof(out->kernel));
	snprintf(path, sizeof(path), "/proc/%d/root", pid);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return;
	identity_read_release(root, out);
	close(root);
}
