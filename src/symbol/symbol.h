/* SPDX-License-Identifier: GPL-2.0-or-later */
/* symbol/symbol.h - from an address in a process to a name.
 *
 * In: a process's mappings (target/), the ELF files behind them. Out: function, module, offset. Lazy, cached.
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
	const char *file;	  /* SYMBOL_PHP: source file, "" for functions of the engine; else NULL */
	unsigned line;		  /* 0 = not known */
	int is_approximate;	  /* line is that of the function, not of the call */
};

struct symbol;

int symbol_open(struct symbol **out);
void symbol_close(struct symbol *s);

/* symbol_resolve - name one address.
 * @is_return  addr is a return address: the call before it is looked up, so that a call that ends a function is not
 *             taken for the function that follows. addr and the offsets reported stay those of the return address.
 * Never fails: at worst kind is SYMBOL_NOTHING. */
void symbol_resolve(
	struct symbol *s, const struct target_process *p, uint64_t addr, int is_return, struct symbol_frame *out);

/* symbol_php - the same for a PHP frame. At worst, when memory runs out, the class is left out. */
void symbol_php(struct symbol *s, const struct model_php_frame *p, struct symbol_frame *out);

#endif
