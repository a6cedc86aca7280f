/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model/crash.h - what the kernel side saw of a thread at a fatal signal, beside its stack.
 *
 * Filled by collect/, read by crash/ and output/. Part of the model's public header. All of it was taken in the dying thread
 * before the signal took effect; names are untrusted. */
#ifndef MODEL_CRASH_H
#define MODEL_CRASH_H

#include "model/model.h"

/* General registers, in the order in which x86 numbers them; then the instruction pointer and the flags. */
enum model_register {
	MODEL_RAX,
	MODEL_RCX,
	MODEL_RDX,
	MODEL_RBX,
	MODEL_RSP,
	MODEL_RBP,
	MODEL_RSI,
	MODEL_RDI,
	MODEL_R8,
	MODEL_R9,
	MODEL_R10,
	MODEL_R11,
	MODEL_R12,
	MODEL_R13,
	MODEL_R14,
	MODEL_R15,
	MODEL_RIP,
	MODEL_RFLAGS,
	MODEL_REGISTERS
};

#define MODEL_READ    1
#define MODEL_WRITE   2
#define MODEL_EXECUTE 4
#define MODEL_SHARED  8
#define MODEL_GROWS   16 /* downwards, as a main thread's stack does */

/* A mapping of the process. */
struct model_mapping {
	uint64_t start; /* [start, end) */
	uint64_t end;
	unsigned flags;	 /* MODEL_READ, ... */
	int is_file;	 /* a file is behind it, or anonymous memory that has the name of one */
	uint64_t offset; /* in the file, of start */
	char name[48];	 /* base name of the file, or "[heap]", "[stack]", "[vdso]", "[anon]"; cut when longer */
};

/* model_mapping_flags - as /proc/PID/maps has them: "rw-p". Written to buf, which is returned. */
#define MODEL_FLAGS_BYTES 5
const char *model_mapping_flags(const struct model_mapping *m, char buf[MODEL_FLAGS_BYTES]);

#define MODEL_MAX_MAPPINGS 24
#define MODEL_CODE_BYTES   32
#define MODEL_STACK_WORDS  8
#define MODEL_ABORT_BYTES  256

struct model_crash {
	uint64_t reg[MODEL_REGISTERS];
	unsigned trap; /* the processor's exception; of meaning only when a fault has raised the signal */
	uint64_t error_code;
	uint64_t cr2;			   /* address of the thread's last page fault */
	uint8_t code[MODEL_CODE_BYTES];	   /* from ip on; */
	size_t n_code;			   /* so many could be read */
	uint64_t stack[MODEL_STACK_WORDS]; /* at sp; */
	size_t n_stack;			   /* so many could be read */
	/* The mappings that hold the fault address, ip, sp or what a register points to, and the neighbours of the fault address and
	 * of sp; sorted by start. */
	struct model_mapping mapping[MODEL_MAX_MAPPINGS];
	size_t n_mappings;
	int has_mappings; /* 0: they could not be read: of an address that is in none of them nothing is known */
	char abort_message[MODEL_ABORT_BYTES];	 /* untrusted; "" = none */
	int syscall;				 /* SIGSYS: its number */
	struct model_call call[MODEL_MAX_CALLS]; /* the last calls of this thread, newest first */
	size_t n_calls;
	int has_calls; /* 0: they are not recorded */
};

#endif
