// SPDX-License-Identifier: GPL-2.0-or-later
/* attach/throwing.c - the programs for functions that may throw (operator new of an allocator). Few processes have such
 * functions, and the kernel takes as long to accept these programs as all others together: so they are loaded when the first
 * is to be probed. They come from a second copy of the object, which works on the first one's tables. */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "attach/internal.h"
#include "swtrace.skel.h"
#include "util/msg.h"

/* share_tables - both objects are the same file, so their tables are listed in the same order. */
static int share_tables(const struct bpf_object *from, struct bpf_object *to)
{
	struct bpf_map *its = NULL, *ours = NULL;
	int err = 0;

	while (!err && (its = bpf_object__next_map(to, its))) {
		ours = bpf_object__next_map(from, ours);
		err = ours ? bpf_map__reuse_fd(its, bpf_map__fd(ours)) : -ENOENT;
	}
	return err;
}

static int load(struct attach *a, struct swtrace_bpf *s)
{
	struct bpf_program *prog;
	int err;

	bpf_object__for_each_program(prog, s->obj)
	{
		bpf_program__set_autoload(prog, prog == s->progs.on_leave || prog == s->progs.on_enter);
	}
	if (a->kind != PROBE_PERF) {
		bpf_program__set_expected_attach_type(s->progs.on_leave, ATTACH_UPROBE_MULTI);
		bpf_program__set_expected_attach_type(s->progs.on_enter, ATTACH_UPROBE_MULTI);
	}
	err = share_tables(a->skel->obj, s->obj);
	return err ? err : swtrace_bpf__load(s);
}

int throwing_programs(struct attach *a, struct bpf_program **leave, struct bpf_program **enter)
{
	struct swtrace_bpf *s = a->throwing;
	int err = 0;

	if (!s) {
		s = swtrace_bpf__open();
		err = s ? load(a, s) : -errno;
	}
	if (err) {
		msg_error("the kernel refused the BPF programs for operator new: %s", strerror(-err));
		msg_try("swtrace -v shows why; kernels from 5.15 with BTF are supported");
		swtrace_bpf__destroy(s);
		return err;
	}
	a->throwing = s;
	*leave = s->progs.on_leave;
	*enter = s->progs.on_enter;
	return 0;
}
