/* SPDX-License-Identifier: GPL-2.0-or-later */
/* probe.h - place probes in a process as production does when it begins to trace a running one.
 * In: an open target and attach.  Out: probes, which attach_close() removes. */
#ifndef BENCH_PROBE_H
#define BENCH_PROBE_H

#include "attach/attach.h"

/* bench_probe - @out  what is known of the process; t's.  Return: allocator functions probed, or -errno. */
static inline int bench_probe(struct attach *a, struct target *t, pid_t pid, struct target_process **out)
{
	int err = target_add(t, pid, out);

	if (!err)
		err = attach_register(a, pid, 0);
	if (!err)
		err = attach_probe(a, *out, 0);
	if (err >= 0) /* the second time its loader is known to be watched */
		err = attach_probe(a, *out, 0);
	return err;
}

#endif
