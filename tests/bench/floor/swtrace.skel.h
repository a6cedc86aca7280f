/* SPDX-License-Identifier: GPL-2.0-or-later */
/* swtrace.skel.h - the skeleton that attach/ is compiled against in the floor: production's, whose programs on
 * allocator functions are exchanged for empty ones (floor.bpf.c). */
#ifndef FLOOR_SKEL_H
#define FLOOR_SKEL_H

#include <errno.h>

#include "floor.skel.h"
#include "util/msg.h"

extern int floor_entries_only; /* floor.c */
extern int floor_reads;
extern int floor_read_bytes[];

/* floor_load - refuses to load if production has a program on functions that floor.bpf.c has no empty one for. */
static inline int floor_load(struct swtrace_bpf *s)
{
	const struct bpf_program *const known[] = { s->progs.on_call, s->progs.on_enter, s->progs.on_return,
		s->progs.on_leave, s->progs.on_dl_state, s->progs.on_php_request, s->progs.on_php_drop,
		s->progs.on_request, s->progs.on_php_end };
	struct bpf_program *prog;

	bpf_program__set_autoload(s->progs.production_call, 0);
	bpf_program__set_autoload(s->progs.production_enter, 0);
	bpf_program__set_autoload(s->progs.production_return, 0);
	s->rodata->floor_entries_only = floor_entries_only;
	s->rodata->floor_reads = floor_reads;
	for (int i = 0; i < floor_reads; i++)
		s->rodata->floor_read_bytes[i] = floor_read_bytes[i];
	bpf_object__for_each_program(prog, s->obj)
	{
		size_t i = 0;

		if (bpf_program__type(prog) != BPF_PROG_TYPE_KPROBE || !bpf_program__autoload(prog))
			continue;
		while (i < sizeof(known) / sizeof(known[0]) && known[i] != prog)
			i++;
		if (i < sizeof(known) / sizeof(known[0]))
			continue;
		msg_error("the floor has no empty program for %s", bpf_program__name(prog));
		errno = ENOTSUP;
		return -ENOTSUP;
	}
	return swtrace_bpf__load(s);
}

#define swtrace_bpf__load floor_load

#endif
