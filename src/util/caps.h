/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util/caps.h - capabilities of this process: capabilities(7). Sets are bit masks, 1 << CAP_x of <linux/capability.h>. */
#ifndef UTIL_CAPS_H
#define UTIL_CAPS_H

#include <linux/capability.h>
#include <stdint.h>

/* Since 5.8 and 5.9; named here for older headers. */
#define CAPS_PERFMON		38
#define CAPS_BPF		39
#define CAPS_CHECKPOINT_RESTORE 40

#define CAPS_BIT(cap) (1ULL << (cap))

/* User and group of who reads hostile files: owns nothing, and is nobody else's. Not 65534, which is: daemons run under it, traced ones
 * among them, and who has the same user may kill. Above all that systems and containers hand out. */
#define CAPS_NO_USER 2147418112U

/* caps_held - those in effect.  Return: 0 or -errno. caps_has - is that one?  Return: 1 or 0. */
int caps_held(uint64_t *set);
int caps_has(int cap);

/* caps_keep - give up all others, for good where that is permitted: also those that a program could be given by execve(2) (the
 * bounding set, which takes CAP_SETPCAP). Of the calling thread.  Return: 0 or -errno. */
int caps_keep(uint64_t set);

#endif
