/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ledger.h - what the shim in the traced program (shim.c) and the test tool (ledger.c) share: the ledger of live
 * blocks, and the signals between them, in one mapped file.
 *
 * A call of an allocator is in flight from its entry into the shim to its return. While stop is set no new one begins:
 * once in_flight is 0 the program's heap stands still. Then, and only then, the tool reads the ledger. The words marked
 * "futex" are waited for by that system call. */
#ifndef LEDGER_H
#define LEDGER_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

#include <linux/futex.h>
#include <sys/syscall.h>

#define LEDGER_FILE	     "SWTRACE_LEDGER" /* environment variable: path of the file */
#define LEDGER_BUCKETS	     32768	      /* a power of two */
#define LEDGER_BUCKET_BLOCKS 63

enum ledger_phase {
	LEDGER_NEW,
	LEDGER_READY,	/* the program waits, before its own code runs */
	LEDGER_RUNNING, /* set by the tool, when tracing has begun: from now on calls are written down */
	LEDGER_ENDED,	/* the program is in its destructors, and waits */
	LEDGER_LEFT,	/* set by the tool: it has seen all it wanted */
};

/* Which function gave a block; for people. */
#define LEDGER_FUNCTIONS(X) \
	X(malloc)           \
	X(calloc)           \
	X(realloc)          \
	X(reallocarray)     \
	X(posix_memalign)   \
	X(aligned_alloc)    \
	X(memalign)         \
	X(valloc)           \
	X(pvalloc)
#define LEDGER_FUNCTION_ENUM(name) LEDGER_##name,
enum ledger_function { LEDGER_FUNCTIONS(LEDGER_FUNCTION_ENUM) };

struct ledger_block {
	uint64_t addr;
	uint64_t size_bytes; /* as asked by the caller */
	uint64_t caller;
	uint64_t function;
};

/* The first n records are in use. Where a block stands is up to its address. */
struct ledger_bucket {
	uint32_t lock;
	uint32_t n;
	uint64_t pad[3];
	struct ledger_block block[LEDGER_BUCKET_BLOCKS];
};

struct ledger {
	uint32_t pid;	/* whose heap it is: of the first process that has opened it; children have their own heap */
	uint32_t phase; /* futex */
	uint32_t stop;	/* futex: 1 = no call may begin */
	uint32_t in_flight; /* calls under way */
	uint64_t calls;	    /* that have returned */
	uint64_t stop_at;   /* number of calls after which the shim sets stop */
	uint64_t n_allocs;  /* a block that realloc has given is one that it has freed and one that is new */
	uint64_t alloc_bytes;
	uint64_t n_frees;
	uint64_t freed_bytes;
	uint64_t n_unknown_frees; /* of blocks that are older than the ledger */
	uint64_t n_replaced;	  /* blocks at the address of a live one: the shim has missed a free */
	uint64_t n_full;	  /* blocks that found no place: the ledger is too small */
	struct ledger_bucket bucket[LEDGER_BUCKETS];
};

_Static_assert(sizeof(struct ledger_bucket) == 2048, "a bucket lies in one page");

static inline struct ledger_bucket *ledger_bucket(struct ledger *l, uint64_t addr)
{
	return &l->bucket[(addr >> 4) * 0x9e3779b97f4a7c15ULL >> 32 & (LEDGER_BUCKETS - 1)];
}

/* ledger_wait - until the word has another value, for a second at most. */
static inline void ledger_wait(uint32_t *word, uint32_t value)
{
	struct timespec second = { .tv_sec = 1 };

	syscall(SYS_futex, word, FUTEX_WAIT, value, &second, NULL, 0);
}

static inline void ledger_set(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

#endif
