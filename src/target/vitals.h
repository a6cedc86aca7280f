/* SPDX-License-Identifier: GPL-2.0-or-later */
/* target/vitals.h - how much memory a process has, and how much it may have, as the kernel and PHP count it.
 *
 * In: /proc/PID, the cgroup file systems, words of the process's memory. Out: struct model_vitals. Nothing is probed, nothing is
 * stopped, and no file is read in an amount that the process decides. A part of target/target.h. */
#ifndef TARGET_VITALS_H
#define TARGET_VITALS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct model_vitals;
struct target_process;

/* smaps_rollup, which tells PSS, has the kernel walk all mappings and pages: 0.2 us each and 19 ns each, measured; 5 ms for 1 GiB in
 * small pages. It is read when that takes less than this share of the time since the last reading, or since the process was first
 * looked at; a first time at once, where 3 ms will do. Meanwhile the process can go on: the kernel lets go of the lock on its mappings
 * when somebody waits for it (since 5.9, commit ff9f47f6f00c). */
#define TARGET_VITALS_SHARE 0.001

/* target_vitals_read - all of it but limits and time_ns, which are 0 then.
 * The mappings are those of the last target_refresh(). Costs a process of a web server about 0.1 ms of this thread's time.
 * Return: 0; -ESRCH the process is gone, or has given up its memory; -ENOMEM; -errno. */
int target_vitals_read(struct target_process *p, struct model_vitals *out);

/* target_limits_read - the limits of a process's cgroup (version 2, or the memory controller of version 1), of those above it as far
 * as they can be seen from here, and of the machine.
 * @root  where file systems are looked for: "", or the directory of a made-up system
 * @out   its fields of cgroups and of the machine are written, and no others
 * Takes about 0.3 ms, most of it the kernel's for memory.stat and mountinfo.
 * Return: 0, also when there is no limit; -ESRCH the process is gone. */
int target_limits_read(const char *root, pid_t pid, struct model_vitals *out);

#endif
