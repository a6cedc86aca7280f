// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* floor.bpf.c - the kernel side with programs that do nothing in the place of those that keep the books. */
#define on_call	  production_call
#define on_enter  production_enter
#define on_return production_return
#include "../../bpf/swtrace.bpf.c"
#undef on_call
#undef on_enter
#undef on_return

/* 1: no return is probed, not even where production wants it. */
const volatile __u32 floor_entries_only = 0;

/* Parts of the process's memory that are read at each allocation; see floor.c. */
const volatile __u32 floor_reads = 0;
#define READS	   7
#define READ_BYTES 3072
const volatile __u32 floor_read_bytes[READS] = {};

struct room {
	char byte[READ_BYTES];
};

/* What is read is of no interest, so programs that interrupt each other may share the room. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct room);
} room SEC(".maps");

/* read_as_much - as production does for a stack that it has seen before, but all from the top of the stack. */
static __always_inline void read_as_much(struct pt_regs *ctx)
{
	__u32 zero = 0;
	struct room *to = bpf_map_lookup_elem(&room, &zero);

	for (__u32 i = 0; to && i < READS && i < floor_reads; i++) {
		__u32 bytes = floor_read_bytes[i];

		if (bytes <= READ_BYTES)
			bpf_probe_read_user(to->byte, bytes, (void *)PT_REGS_SP(ctx));
	}
}

/* At the entry of a call 1 spares its return, as production does where a block is freed. */
SEC("uprobe")
int on_call(struct pt_regs *ctx)
{
	__u32 op;

	if (floor_entries_only && !floor_reads)
		return 1;
	op = SWT_COOKIE_OP(bpf_get_attach_cookie(ctx));
	if (op == SWT_OP_FREE || op == SWT_OP_MUNMAP)
		return 1;
	/* Without a return at the entry, else at the return. */
	if (floor_reads && (floor_entries_only || PT_REGS_IP(ctx) != bpf_get_func_ip(ctx)))
		read_as_much(ctx);
	return floor_entries_only;
}

SEC("uprobe")
int on_enter(struct pt_regs *ctx)
{
	(void)ctx;
	return 0;
}

SEC("uprobe")
int on_return(struct pt_regs *ctx)
{
	(void)ctx;
	return 0;
}
