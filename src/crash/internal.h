/* SPDX-License-Identifier: GPL-2.0-or-later */
/* crash/internal.h - what the files of this room share. */
#ifndef CRASH_INTERNAL_H
#define CRASH_INTERNAL_H

#include "crash/crash.h"

/* Exceptions of the processor: Intel SDM, volume 3, 6.15. */
#define TRAP_STACK_SEGMENT 12
#define TRAP_PROTECTION	   13
#define TRAP_PAGE_FAULT	   14

#define SI_KERNEL_CODE 0x80 /* SI_KERNEL of include/uapi/asm-generic/siginfo.h, which glibc has as an enum of its own */

#define ANY_ACCESS (MODEL_READ | MODEL_WRITE | MODEL_EXECUTE)

/* low_bytes - the lowest so many bytes of a word. */
static inline uint64_t low_bytes(uint64_t n, unsigned bytes)
{
	return bytes >= 8 ? n : n & ((1ULL << 8 * bytes) - 1);
}

#define DECODE_OPERANDS 4

/* Memory that an instruction accesses. */
struct decode_operand {
	uint64_t addr;
	unsigned bytes;
	int access; /* MODEL_READ, MODEL_WRITE, MODEL_EXECUTE (where it jumps to), or several */
	int base;   /* register of which the address is made, or -1 */
	int index;
};

/* The instruction at ip, decoded. */
struct decode {
	int is_known;
	char text[128];
	struct decode_operand operand[DECODE_OPERANDS];
	size_t n;
	int is_division;
	int is_signed;
	int has_divisor; /* it was in a register, or the words at sp */
	uint64_t divisor;
	unsigned divisor_bytes;
	int is_privileged;
	int is_breakpoint; /* int3 */
	int is_undefined;  /* ud2 and its like: there to be illegal */
};

/* decode_at_ip - of the bytes that the event has. */
void decode_at_ip(const struct model_crash *c, struct decode *out);

/* A fault, as far as it is understood before the books are asked. */
struct fault {
	int is_fault; /* the processor has raised it in this thread, just now */
	int has_address;
	int is_computed;
	uint64_t addr;
	int access;
	unsigned bytes;
	int base; /* register of which the address is made, or -1 */
	int index;
	struct decode decode;
};

/* fault_of - what the signal's code, the processor's words and the instruction say together. */
void fault_of(const struct model_event *e, struct fault *out);

/* is_canonical - with four levels of page tables: bits 47 to 63 are the same. */
static inline int is_canonical(uint64_t addr)
{
	return addr >> 47 == 0 || addr >> 47 == 0x1ffff;
}

/* kind_of - what it was.  @near  of the fault's address; NULL = nothing is known there */
enum crash_kind kind_of(const struct model_event *e, const struct fault *f, const struct model_near *near);

/* kernel_line - as the kernel's log has it; "" when it has none. */
void kernel_line(const struct model_event *e, char *buf, size_t len);

/* place_find - where an address is, also in words (out->text). */
void place_find(
	const struct model_event *e, uint64_t addr, int reg, const struct model_near *near, struct crash_place *out);

/* mapping_at - the mapping that holds an address, or NULL. */
const struct model_mapping *mapping_at(const struct model_crash *c, uint64_t addr);

/* is_stack_overflow - is this address in the guard below the stack that the thread runs on? */
int is_stack_overflow(const struct model_crash *c, uint64_t addr);

/* freed_address - the block whose free has ended the process; 0 = it is none that has.
 * explain_freed - what is wrong with that.  @near  of its address      Return: 1, or 0: nothing can be told. */
uint64_t freed_address(const struct model_event *e);
int explain_freed(const struct model_event *e, const struct model_near *near, char *buf, size_t len);

/* explain_block - "16 bytes into a block of 64 bytes of libc that was freed 3 ms ago", into buf. */
void explain_block(const struct model_near *n, char *buf, size_t len);

#endif
