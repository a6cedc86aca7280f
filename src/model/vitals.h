/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model/vitals.h - how much memory a process has and may have, as the kernel and PHP count it, and which of it grows. A part of
 * model/model.h. */
#ifndef MODEL_VITALS_H
#define MODEL_VITALS_H

#include <stdint.h>

/* PHP's heap, by its own count. */
struct model_php_heap {
	int is_known;
	uint64_t size_bytes;	  /* memory_get_usage() */
	uint64_t peak_bytes;	  /* memory_get_peak_usage() */
	uint64_t real_bytes;	  /* memory_get_usage(true): what memory_limit is about */
	uint64_t real_peak_bytes; /* memory_get_peak_usage(true) */
	uint64_t limit_bytes;	  /* memory_limit; 0: none */
	int has_cached;
	uint64_t cached_bytes; /* of real_bytes: chunks that are kept for later and hold nothing */
};

/* PHP's cycle collector, as gc_status() tells it. */
struct model_php_gc {
	int is_known;
	int is_enabled;
	int is_protected; /* its buffer has overflowed: it notes no more roots */
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
	int has_pss;
	uint64_t pss_bytes; /* as of pss_ns, which may be before time_ns */
	uint64_t pss_ns;
	uint64_t heap_map_bytes; /* the mapping by which malloc grows */
	uint64_t n_stacks;	 /* of threads or coroutines, as far as mappings tell */
	uint64_t stack_bytes;	 /* of address space */
	struct model_php_heap heap;
	struct model_php_gc gc;
	uint64_t cgroup_bytes; /* limit of the cgroup with the least room; 0: none */
	uint64_t cgroup_used_bytes;
	int cgroup_is_high; /* it slows down and does not kill: memory.high */
	uint64_t machine_bytes;
	uint64_t machine_available_bytes;
};

/* What is known of the collector since a process is watched. */
struct model_gc_history {
	int is_known;
	uint32_t first_runs;
	uint32_t first_collected;
};

#endif
