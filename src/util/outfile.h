/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util/outfile.h - a file that others read is replaced as a whole: written under another name beside it, and renamed. Readers see the
 * old one or the new one. A device or a pipe is written to as it is; a symbolic link stays one. */
#ifndef UTIL_OUTFILE_H
#define UTIL_OUTFILE_H

#include <stdio.h>

/* outfile_check - can path be written? Leaves no trace.  Return: 0 or -errno. */
int outfile_check(const char *path);

/* outfile_write - have its new content written.
 * @write  0 or -errno; what it leaves in the stream's buffer is written after it      Return: 0 or -errno: the old file stays. */
int outfile_write(const char *path, int (*write)(FILE *f, const void *ctx), const void *ctx);

#endif
