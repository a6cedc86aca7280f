/* SPDX-License-Identifier: GPL-2.0-or-later */
/* target/vitals.h - how much memory a process has, and how much it may have, as the kernel and PHP count it.
 *
 * In: /proc/PID, the cgroup file systems, words of the process's memory. Nothing is probed, nothing is stopped, and no file is
 * read in an amount that the process decides. A part of target/target.h. */
#ifndef TARGET_VITALS_H
#define TARGET_VITALS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct target_process;

/* PHP's heap, by its own count. Source: struct _zend_mm_heap, Zend/zend_alloc.c of 7.3 to 8.5. */
struct target_php_heap {
	int is_known;	     /* 0: there is none, or it cannot be told (thread-safe builds; USE_ZEND_ALLOC=0) */
	uint64_t size_bytes; /* memory_get_usage() */
	uint64_t peak_bytes; /* memory_get_peak_usage() */
	uint64_t
		real_bytes; /* memory_get_usage(true): in chunks of 2 MiB and huge blocks; what memory_limit is about */
	uint64_t real_peak_bytes; /* memory_get_peak_usage(true) */
	uint64_t limit_bytes;	  /* memory_limit; 0: none */
	int has_cached;		  /* the next one is known */
	uint64_t cached_bytes;	  /* of real_bytes: chunks that are kept for later and hold nothing */
};

/* PHP's cycle collector, as gc_status() tells it. Source: struct _zend_gc_globals, Zend/zend_gc.c of 7.3 to 8.5. */
struct target_php_gc {
	int is_known;
	int is_enabled;
	int is_protected; /* the buffer of roots has overflowed: what is garbage is not noted any more */
	uint32_t roots;	  /* values that may be part of a garbage cycle, not looked at yet */
	uint32_t threshold;
	uint32_t runs;
	uint32_t collected;
};

struct target_vitals {
	uint64_t rss_bytes; /* the sum of the next three */
	uint64_t anon_bytes;
	uint64_t file_bytes;
	uint64_t shmem_bytes;
	uint64_t swap_bytes;
	int is_exact;	    /* rss_bytes and swap_bytes are; else they may be off by some pages for each processor */
	int has_pss;	    /* the next one was ever read */
	uint64_t pss_bytes; /* its share: each page divided by those who map it. As of pss_ns */
	uint64_t pss_ns;    /* CLOCK_MONOTONIC */
	uint64_t heap_map_bytes; /* the mapping [heap], by which malloc grows */
	uint64_t
		n_stacks; /* mappings that look like stacks of threads or coroutines: alike, each above one that nobody may access */
	uint64_t stack_bytes; /* their size; how much of them is resident is not known */
	struct target_php_heap heap;
	struct target_php_gc gc;
};

/* What bounds the memory of a process. */
struct target_limits {
	uint64_t
		cgroup_bytes; /* of the cgroup, among its own and those above it, that has the least room; 0: no limit */
	uint64_t cgroup_used_bytes; /* in it: all but file pages that have not been used of late */
	int is_high;		    /* it is memory.high: who is above is slowed down, not killed */
	uint64_t total_bytes;	    /* of the machine */
	uint64_t available_bytes;   /* of it: MemAvailable */
};

/* smaps_rollup, which tells PSS, has the kernel walk all mappings and pages: 0.2 us each and 19 ns each, measured; 5 ms for 1 GiB in
 * small pages. It is read when that takes less than this share of the time since the last reading, or since the process was first
 * looked at; a first time at once, where 3 ms will do. Meanwhile the process can go on: the kernel lets go of the lock on its mappings when somebody waits for it (since 5.9,
 * commit ff9f47f6f00c). */
#define TARGET_VITALS_SHARE 0.001

/* target_vitals_read - read all of this.
 * The mappings are those of the last target_refresh(). Costs a process of a web server about 0.1 ms of this thread's time.
 * Return: 0; -ESRCH the process is gone, or has given up its memory; -ENOMEM; -errno. */
int target_vitals_read(struct target_process *p, struct target_vitals *out);

/* target_limits_read - the limits of a process's cgroup (version 2, or the memory controller of version 1), of those above it as far
 * as they can be seen from here, and of the machine.
 * @root  where file systems are looked for: "", or the directory of a made-up system
 * Takes about 0.3 ms, most of it the kernel's for memory.stat and mountinfo.
 * Return: 0, also when there is no limit; -ESRCH the process is gone. */
int target_limits_read(const char *root, pid_t pid, struct target_limits *out);

#endif
