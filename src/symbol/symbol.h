/* SPDX-License-Identifier: GPL-2.0-or-later */
/* symbol/symbol.h - from an address in a process to a name.
 *
 * In: a process's mappings (target/), the ELF files behind them (read by reader/). Out: functions, module, source line.
 * Lazy, cached.
 * Owner: the resolver owns all strings until symbol_close(). Thread: one. */
#ifndef SYMBOL_SYMBOL_H
#define SYMBOL_SYMBOL_H

#include <stddef.h>
#include <stdint.h>

#include "model/model.h"
#include "target/target.h"

enum symbol_kind {
	SYMBOL_FUNCTION, /* function and module are known */
	SYMBOL_MODULE,	 /* module is known, no symbol covers the address */
	SYMBOL_REGION,	 /* a mapping without a file: [heap], [stack], [vdso], anonymous */
	SYMBOL_NOTHING,	 /* nothing is mapped there */
	SYMBOL_PHP,	 /* a PHP frame: function is "Class::method"; file and line are set */
};

/* One frame. All strings are untrusted; they live until symbol_close(). */
struct symbol_frame {
	enum symbol_kind kind;
	uint64_t addr;		  /* as asked for */
	const char *function;	  /* NULL unless SYMBOL_FUNCTION */
	uint64_t function_offset; /* addr - start of the function */
	const char *module;	  /* file name, region name, or "" */
	const char *build_id;	  /* hex, or "" */
	uint64_t module_offset;	  /* SYMBOL_FUNCTION, SYMBOL_MODULE: link-time address in the file */
	int executable;		  /* the mapping may hold code */
	const char *file;	  /* source file; SYMBOL_PHP: "" for functions of the engine; else NULL = not known */
	unsigned line;		  /* 0 = not known */
	int is_inlined;		  /* SYMBOL_FUNCTION: part of the next frame's code; function_offset is 0 */
	int is_approximate;	  /* line is that of the function, not of the call */
};

struct symbol;

#define SYMBOL_MAX_FRAMES     16  /* functions at one address: inlined ones, and the one that was called */
#define SYMBOL_PHP_NAME_BYTES 256 /* class and function; both are bounded where they are copied from the process */

int symbol_open(struct symbol **out);
void symbol_close(struct symbol *s);

/* symbol_set_idle - call drain(ctx) whenever fd becomes readable while names are waited for.  @drain  returns 1: something hurries; 0. */
void symbol_set_idle(struct symbol *s, int fd, int (*drain)(void *ctx), void *ctx);

/* symbol_begin - names from debug information are waited for so long, all calls from here on together; what is not known then
 * is named from the file's own symbols, and asked for again the next time.
 * @yield_ns  so long at most once something hurries; UINT64_MAX: whatever hurries */
void symbol_begin(struct symbol *s, uint64_t budget_ns, uint64_t yield_ns);

/* symbol_resolve - name one address.
 * @generation  of the process's mappings that addr is in; 0 = the last one
 * @is_return  addr is a return address: the call before it is looked up, so that a call that ends a function is not
 *             taken for the function that follows. addr and the offsets reported stay those of the return address.
 * @out  room for SYMBOL_MAX_FRAMES: the functions at the address, the innermost inlined one first
 * Return: their number, at least 1. Never fails: at worst kind is SYMBOL_NOTHING. */
size_t symbol_resolve(struct symbol *s, const struct target_process *p, uint64_t addr, uint32_t generation,
	int is_return, struct symbol_frame *out);

/* symbol_php - the same for a PHP frame. At worst, when memory runs out, the class is left out. */
void symbol_php(struct symbol *s, const struct model_php_frame *p, struct symbol_frame *out);

#endif
