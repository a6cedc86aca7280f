/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model/vitals.h - how much memory a process has and may have, as the kernel and PHP count it, and which of it grows. A part of
 * model/model.h. */
#ifndef MODEL_VITALS_H
#define MODEL_VITALS_H

#include <stdint.h>

/* PHP's heap, by its own count. Source: struct _zend_mm_heap, Zend/zend_alloc.c of 7.3 to 8.5. */
struct model_php_heap {
	int is_known;	     /* 0: there is none, or it cannot be told (thread-safe builds; USE_ZEND_ALLOC=0) */
	uint64_t size_bytes; /* memory_get_usage() */
	uint64_t peak_bytes; /* memory_get_peak_usage() */
	uint64_t real_bytes; /* memory_get_usage(true): chunks of 2 MiB and huge blocks; what memory_limit is about */
	uint64_t real_peak_bytes; /* memory_get_peak_usage(true) */
	uint64_t limit_bytes;	  /* memory_limit; 0: none */
	int has_cached;		  /* the next one is known */
	uint64_t cached_bytes;	  /* of real_bytes: chunks that are kept for later and hold nothing */
};

/* PHP's cycle collector, as gc_status() tells it. Source: struct _zend_gc_globals, Zend/zend_gc.c of 7.3 to 8.5. */
struct model_php_gc {
	int is_known;
	int is_enabled;
	int is_protected; /* the buffer of roots has overflowed: what is garbage is not noted any more */
	uint32_t roots;	  /* values that may be part of a garbage cycle, not looked at yet */
	uint32_t threshold;
	uint32_t runs;
	uint32_t collected;
};

struct model_vitals {
	uint64_t time_ns;   /* when it was read: at most once a snapshot, less often when that takes long. 0: never */
	uint64_t rss_bytes; /* the sum of the next three */
	uint64_t anon_bytes;
	uint64_t file_bytes;
	uint64_t shmem_bytes;
	uint64_t swap_bytes;
	int is_exact; /* rss_bytes and swap_bytes are; else they may be off by some pages for each processor */
	int has_pss;  /* the next one was ever read */
	uint64_t
		pss_bytes; /* its share: each page divided by those who map it. As of pss_ns, which may be before time_ns */
	uint64_t pss_ns;
	uint64_t heap_map_bytes; /* the mapping [heap], by which malloc grows */
	/* Mappings that look like stacks of threads or coroutines: alike, each above one that nobody may access. */
	uint64_t n_stacks;
	uint64_t stack_bytes; /* their size; how much of them is resident is not known */
	struct model_php_heap heap;
	struct model_php_gc gc;
	uint64_t
		cgroup_bytes; /* limit of the cgroup, among its own and those above it, that has the least room; 0: none */
	uint64_t cgroup_id;		  /* which one that is: its number in the file system; 0: not known */
	uint64_t cgroup_used_bytes;	  /* in it: all but file pages that have not been used of late */
	int cgroup_is_high;		  /* it is memory.high: who is above is slowed down, not killed */
	uint64_t cgroup_swap_bytes;	  /* what it may swap out besides, so far as there is room */
	uint64_t machine_bytes;		  /* 0: not known */
	uint64_t machine_available_bytes; /* MemAvailable */
	uint64_t machine_swap_bytes;	  /* SwapFree */
};

/* What is known of the collector since a process is watched. */
struct model_gc_history {
	int is_known;
	uint32_t first_runs;
	uint32_t first_collected;
};

#endif
