/* SPDX-License-Identifier: GPL-2.0-or-later */
/* crash/crash.h - from a fatal signal to words.
 *
 * Pure functions: in: struct model_event of type MODEL_SIGNAL, and what the books know of its addresses; out: names, sentences,
 * and what the address of the fault was. No I/O. */
#ifndef CRASH_CRASH_H
#define CRASH_CRASH_H

#include "model/model.h"

/* What it was. Named in docs/crashes.md. */
enum crash_kind {
	CRASH_OTHER,
	CRASH_NULL_POINTER,
	CRASH_STACK_OVERFLOW,
	CRASH_USE_AFTER_FREE,
	CRASH_PAST_BLOCK_END,
	CRASH_IN_LIVE_BLOCK,
	CRASH_READ_ONLY,
	CRASH_NOT_EXECUTABLE,
	CRASH_NO_ACCESS,
	CRASH_UNMAPPED,
	CRASH_KERNEL_ADDRESS,
	CRASH_NON_CANONICAL,
	CRASH_MISALIGNED,
	CRASH_PRIVILEGED,
	CRASH_GENERAL_PROTECTION,
	CRASH_BUS,
	CRASH_MEMORY_ERROR,
	CRASH_DIVISION_BY_ZERO,
	CRASH_DIVISION_OVERFLOW,
	CRASH_DIVISION,
	CRASH_FLOATING_POINT,
	CRASH_ILLEGAL_INSTRUCTION,
	CRASH_TRAP,
	CRASH_ABORT,
	CRASH_RAISED,
	CRASH_SENT,
	CRASH_SECCOMP,
	CRASH_KINDS
};

/* Where an address is, in relation to the nearest mapping. */
enum crash_relation {
	CRASH_NOWHERE, /* nothing is known near it */
	CRASH_IN,
	CRASH_AFTER,  /* the mapping ends before the address */
	CRASH_BEFORE, /* it begins behind it */
};

#define CRASH_TEXT_BYTES 512

struct crash_place {
	uint64_t addr;
	int reg;			     /* the register that holds it (enum model_register), or -1 */
	const struct model_mapping *mapping; /* borrowed from the event; NULL = CRASH_NOWHERE */
	enum crash_relation relation;
	uint64_t distance_bytes;       /* from the mapping's start; from its end; to its start */
	const struct model_near *near; /* borrowed from the caller; NULL = no block is known there */
	char text[CRASH_TEXT_BYTES];   /* all of this in words; names in it are untrusted */
};

/* The part of a stack that repeats. */
struct crash_cycle {
	size_t first;  /* frame where it begins */
	size_t frames; /* length of a round; 0 = nothing repeats */
	size_t times;  /* whole rounds among the frames that are known */
	int is_php;
};

/* The addresses of which the caller is to find out what the books know: that of the fault first (of an abort, that of the block
 * whose free it ends; 0: there is none), then those in the registers, in the order of enum model_register, the flags left out. */
#define CRASH_ADDRESSES 18

struct crash_frame {
	const char *function; /* untrusted; NULL = not known */
	uint64_t id;	      /* two frames with the same are the same place in the code */
	int is_php;
	const char *file; /* likewise untrusted; NULL or "": not known, or a function of the engine's own */
	unsigned line;	  /* in it */
};

struct crash_report {
	enum crash_kind kind;
	char summary[CRASH_TEXT_BYTES]; /* names in here are untrusted, as in the other texts */
	char likely[CRASH_TEXT_BYTES];	/* "" = nothing more can be told */
	int access;			/* MODEL_READ, _WRITE, _EXECUTE; 0 = not known */
	unsigned access_bytes;		/* 0 = not known */
	char instruction[128];		/* Intel syntax; "" = not known */
	int has_address;
	int is_computed; /* from the instruction and the registers: the kernel does not tell */
	struct crash_place address;
	struct crash_place pointer[CRASH_ADDRESSES];
	size_t n_pointers;
	struct crash_cycle cycle;
	char kernel_line[CRASH_TEXT_BYTES]; /* "" = the kernel's log has none of such a signal */
};

/* crash_kind_name - for programs: "null_pointer". Static. */
const char *crash_kind_name(enum crash_kind kind);

/* crash_register_name - "rax", ..., "rip", "rflags". Static. */
const char *crash_register_name(int reg);

/* crash_addresses - the addresses of interest of an event with e->crash. */
void crash_addresses(const struct model_event *e, uint64_t addr[CRASH_ADDRESSES]);

/* crash_explain - say what it was.
 * @e      with e->crash
 * @near   CRASH_ADDRESSES of them, what is known of crash_addresses(); or NULL
 * @frame  the named stack, innermost first; NULL when n is 0
 * out's places borrow from e and near. */
void crash_explain(const struct model_event *e, const struct model_near *near, const struct crash_frame *frame,
	size_t n, struct crash_report *out);

/* crash_find_cycle - the shortest part that repeats at least three times in a row and makes up most of the stack that follows
 * its begin.  out->frames is 0 when there is none. */
void crash_find_cycle(const struct crash_frame *frame, size_t n, struct crash_cycle *out);

/* crash_signal_name - "SIGSEGV"; "SIG34" for one without a name. Written to buf (16 bytes or more), which is returned. */
const char *crash_signal_name(int signal, char *buf, size_t len);

/* crash_code_name - name of an si_code, which depends on the signal: "SEGV_MAPERR", "SI_TKILL".
 * Source: siginfo(7) and include/uapi/asm-generic/siginfo.h.  buf as above, "code 17" for an unknown one. */
const char *crash_code_name(int signal, int code, char *buf, size_t len);

/* crash_code_text - what the code says, for people: "address not mapped"; "" when it says no more than its name. */
const char *crash_code_text(int signal, int code);

#endif
