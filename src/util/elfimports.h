/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util/elfimports.h - where a file keeps the addresses of functions that its dynamic loader looks up by name.
 *
 * In: a file descriptor and names. Out: the words (of the GOT, and of data) into which the loader writes the address of a
 * function of such a name. The file may be hostile: every number in it is checked.
 * Owner: the caller, of what it is given. Thread: any. */
#ifndef UTIL_ELFIMPORTS_H
#define UTIL_ELFIMPORTS_H

#include <stddef.h>
#include <stdint.h>

#define ELFIMPORTS_MAX 256 /* words of one file; honest files have one or two a name */

struct elfimport {
	uint64_t vaddr; /* link-time address of the word; unchecked */
	uint32_t name;	/* index of its name in names */
};

/* elfimports_read - the words of a 64-bit file of our byte order that stand for these names; of more than ELFIMPORTS_MAX
 * those that come first.
 * @n_names  up to 255
 * @out      malloc'ed, to be freed by the caller; NULL when there are none
 * Return: their number; -ENOEXEC not such a file; -ENOMEM. */
int elfimports_read(int fd, const char *const *names, size_t n_names, struct elfimport **out);

/* elfimports_name - of which function the loader writes the address into the word at vaddr.
 * @name  out, with a NUL; @cap its size
 * Return: 0; -ENOENT of none that is known; -ENOEXEC. */
int elfimports_name(int fd, uint64_t vaddr, char *name, size_t cap);

#endif
