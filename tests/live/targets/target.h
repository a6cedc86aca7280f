/* SPDX-License-Identifier: GPL-2.0-or-later */
/* target.h - how a target program talks: commands on stdin, one line of answer each. Uses read and write only: a target
 * must not allocate but where it means to. */
#ifndef TARGET_H
#define TARGET_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))

static inline void say(const char *fmt, ...)
{
	char line[256];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(line, sizeof(line) - 1, fmt, args);
	va_end(args);
	line[n] = '\n';
	if (write(1, line, n + 1) != n + 1)
		_exit(99);
}

/* hear - the next command, or 0 at the end of input. */
static inline int hear(char *line, size_t cap)
{
	size_t n = 0;

	while (n + 1 < cap && read(0, line + n, 1) == 1) {
		if (line[n] == '\n') {
			line[n] = 0;
			return 1;
		}
		n++;
	}
	return 0;
}

#endif
