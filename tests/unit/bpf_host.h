/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/bpf_host.h - enough of BPF to compile the headers of bpf/ for the host: maps become variables whose address says
 * which map is meant, helpers become functions. Included before any header of bpf/. */
#ifndef UNIT_BPF_HOST_H
#define UNIT_BPF_HOST_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "swtrace/abi.h"

#pragma GCC diagnostic ignored "-Wunknown-pragmas" /* unroll: for the BPF compiler */
#define SEC(name)
#define __uint(name, value) int name
#define __type(name, value) int name
#undef __always_inline
#define __always_inline inline
#define __noinline

#define BPF_F_MMAPABLE 0

/* Tests give the maps their contents. */
static void *host_map_lookup(const void *map, const void *key);
#define bpf_map_lookup_elem(map, key) host_map_lookup(map, key)

/* As random as a test makes it: the seed is its own to set. */
static uint64_t host_seed = 88172645463325252ULL;

static inline uint32_t bpf_get_prandom_u32(void)
{
	host_seed ^= host_seed << 13;
	host_seed ^= host_seed >> 7;
	host_seed ^= host_seed << 17;
	return host_seed * 0x2545f4914f6cdd1dULL >> 32;
}

static inline uint64_t bpf_ktime_get_ns(void)
{
	return 0;
}

static uint64_t host_ticks;

static inline uint64_t bpf_jiffies64(void)
{
	return host_ticks;
}

static inline void bpf_tail_call(void *ctx, const void *map, uint32_t index)
{
	(void)ctx;
	(void)map;
	(void)index;
}

#endif
