/* SPDX-License-Identifier: GPL-2.0-or-later */
/* places.h - where the oracle's own program is attached: both ends of the calls of chosen functions, and
 * chosen instructions. */
#ifndef ORACLE_PLACES_H
#define ORACLE_PLACES_H

#include "attach/attach.h"

#define PLACES_PATTERNS	    16
#define PLACES_INSTRUCTIONS 1024

#define PROBED_FDS 3

/* Our probes in one file. */
struct probed {
	const struct target_module *module;
	pid_t pid;	    /* 0: of every process that maps it */
	int fd[PROBED_FDS]; /* entries, returns, instructions; -1: none; less: an error */
};

/* What is chosen, filled by the caller; and what is probed. */
struct places {
	const char *pattern
		[PLACES_PATTERNS]; /* of functions' names, as in a shell; other functions than allocators by name */
	size_t n_patterns;
	const char *instruction[PLACES_INSTRUCTIONS]; /* "MODULE+0xVADDR" */
	size_t n_instructions;
	int everywhere; /* in every process that maps the file */
	struct attach *attach;
	struct probed *probed;
	size_t n_probed;
};

/* places_add - probe the chosen functions in all files of a process that have not been probed yet.  Return: 0 or -errno. */
int places_add(struct places *l, struct attach *a, const struct target_process *p);

/* places_free - remove the probes. (Those by perf events end with the program.) */
void places_free(struct places *l);

#endif
