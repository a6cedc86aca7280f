/* SPDX-License-Identifier: GPL-2.0-or-later */
/* books.h - a target whose commands are functions that keep books of what they have live. The answer to a command is
 * "BYTES BLOCKS", by their own count. */
#ifndef BOOKS_H
#define BOOKS_H

#include "target.h"

static void *volatile keep; /* so that no call of an allocator is left out */
static long bytes, blocks;

/* add - a block stays. */
static inline void add(long size)
{
	bytes += size;
	blocks++;
}

/* hold - likewise, one that must be there. */
static inline void hold(void *p, long size)
{
	if (!p)
		_exit(98);
	keep = p;
	add(size);
}

struct command {
	const char *name;
	void (*run)(long n);
};

/* obey - run the commands that are heard, "NAME N", until there are no more.  Return: exit status. */
static inline int obey(const struct command *command, size_t n_commands)
{
	char line[128], name[64];
	long n;

	keep = malloc(1); /* from now on it is known whose malloc that is, also if calls are bound at their first use */
	free(keep);
	say("ready");
	while (hear(line, sizeof(line))) {
		if (sscanf(line, "%63s %ld", name, &n) != 2)
			return 95;
		bytes = blocks = 0;
		for (size_t i = 0; i < n_commands; i++)
			if (!strcmp(command[i].name, name))
				command[i].run(n);
		say("%ld %ld", bytes, blocks);
	}
	return 0;
}

#define OBEY(commands) obey(commands, sizeof(commands) / sizeof((commands)[0]))

#endif
