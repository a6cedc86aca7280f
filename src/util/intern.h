/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util/intern.h - strings that live for the run, each kept once: equal strings have equal addresses.
 * Owner: the struct owns the strings until intern_free(); all zero is an empty one. Thread: one. */
#ifndef UTIL_INTERN_H
#define UTIL_INTERN_H

#include <stddef.h>
#include <stdint.h>

struct intern {
	char **slot; /* open addressing; NULL = empty */
	size_t n;
	size_t cap;    /* 0 or a power of two */
	uint64_t seed; /* drawn when the first one is kept */
};

/* intern_get - the kept copy of a string.  Return: NULL when memory runs out. */
const char *intern_get(struct intern *t, const char *s);

void intern_free(struct intern *t);

#endif
