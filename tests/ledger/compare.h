/* SPDX-License-Identifier: GPL-2.0-or-later */
/* compare.h - the ledger against swtrace's books, while the program's heap stands still: block by block, and every
 * total that swtrace keeps or reports. */
#ifndef LEDGER_COMPARE_H
#define LEDGER_COMPARE_H

#include <stdio.h>

#include "collect/collect.h"

#include "ledger.h"

/* All looks together, but for what is marked as the last one's. */
struct comparison {
	uint64_t looks;
	uint64_t compared; /* blocks, one by one */
	uint64_t most;	   /* blocks in the ledger at one look */
	uint64_t missing;  /* in the ledger, not in swtrace's table */
	uint64_t extra;	   /* the other way round */
	uint64_t wrong;	   /* of another size */
	uint64_t totals;   /* counters that are not what the blocks, or the calls, add up to */
	uint64_t blocks;   /* the last look's */
	uint64_t bytes;
	uint64_t missing_now;
	uint64_t lost;		/* calls and blocks that swtrace says it has lost */
	uint64_t other_losses;	/* the rest of what it says it has lost */
	uint64_t left_out;	/* blocks for which others stand in swtrace's books: its table is full */
	uint64_t unknown_frees; /* of blocks that swtrace does not know */
	int is_unaccounted;	/* at one look more was missing than lost and left out */
};

/* compare - one look. Differences that are not accounted for are printed to f, the first ten of each kind.
 * Return: 0, or -errno. */
int compare(struct comparison *c, struct ledger *l, const struct attach_tables *t, struct collect *collect,
	struct target *target, pid_t pid, FILE *f);

/* compare_passes - the two are equal in all, or what is missing is accounted for, block by block. */
int compare_passes(const struct comparison *c);

#endif
