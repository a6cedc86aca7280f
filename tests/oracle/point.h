/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* point.h - what the oracle's probe program (oracle.bpf.c) tells of one hit. Needs swtrace/abi.h and the integer types. */
#ifndef ORACLE_POINT_H
#define ORACLE_POINT_H

#define ORACLE_REGS    21 /* of struct pt_regs, in its order: r15 first, ss last */
#define ORACLE_PENDING 64 /* the kernel allows a thread no more return probes at once (MAX_URETPROBE_DEPTH) */
#define ORACLE_FAILED  255

#define ORACLE_ENTRY  1 /* cookies of the probes */
#define ORACLE_RETURN 2

/* A stack as swtrace has it. */
struct oracle_stack {
	__u32 walk; /* SWT_WALK_x; ORACLE_FAILED: there is none */
	__u32 n;
	__u32 generation; /* of the process's mappings that it was walked by */
	__u32 pad0;
	__u64 frame[SWT_MAX_FRAMES];
};

struct oracle_point {
	__u32 tgid; /* in swtrace's PID namespace */
	__u32 tid;
	__u32 is_exact;	  /* at a function's entry; else just returned from it */
	__s32 stop_error; /* of the signal that stops the process */
	__u64 regs[ORACLE_REGS];
	__u64 word_at_sp; /* at an entry: the return address, which the kernel replaces after the programs have run */
	__u64 trampoline; /* what it is replaced by */
	__u32 n_pending;
	__u32 pad0;
	struct {
		__u64 stack; /* where the return address was */
		__u64 address;
	} pending[ORACLE_PENDING];
	struct oracle_stack walked;
	struct oracle_stack cached; /* the same stack as the stack cache has it */
};

#endif
