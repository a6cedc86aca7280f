/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util/elftable.h - what an elffile holds: of util/elffile.c, which reads it from a file, and util/elfbytes.c, which takes it over from
 * another process. */
#ifndef UTIL_ELFTABLE_H
#define UTIL_ELFTABLE_H

#include "util/elffile.h"
#include "util/nametable.h"

#define MAX_SYMBOLS  (4u << 20)	  /* per table; the largest known (a browser with symbols) has 2 million */
#define MAX_STRINGS  (256u << 20) /* bytes per table: 64 for each of that many symbols */
#define MAX_SEGMENTS 1170	  /* the kernel loads no more: 64 KiB of headers (load_elf_phdrs) */
#define MAX_BUILD_ID 64		  /* bytes; 20 is usual */
#define MAX_INTERP   4096
#define NO_FUNCTION  UINT32_MAX

struct segment {
	uint64_t vaddr;
	uint64_t offset;
	uint64_t file_bytes;
	uint64_t executable;
};

struct function {
	uint64_t vaddr;	     /* first: by_address() */
	uint64_t size_bytes; /* 0 = not stated */
	uint64_t end;	     /* of what it covers; of its section while a missing size is not worked out */
	uint32_t name;	     /* where it begins in elffile.names: see name_of() */
	uint32_t order;	     /* as read: .dynsym, then .symtab */
	uint8_t global;
	uint8_t dynamic; /* from .dynsym */
	uint8_t object;	 /* data: covers nothing */
	uint8_t unused[5];
};

/* From start to the start of the next range one function covers, or none. */
struct range {
	uint64_t start;
	uint64_t function;
};

/* How many there are of what follows, and what is no list. */
struct head {
	uint64_t n_segments;
	uint64_t n_functions;
	uint64_t n_ranges;
	uint64_t n_names[2];
	uint64_t n_interp; /* with its NUL */
	char build_id[2 * MAX_BUILD_ID + 8];
};

/* What the pointers lead to has none itself: so it can be sent as it is, see elffile_pieces(). */
struct elffile {
	struct head head;
	struct segment *segment;
	struct function *function; /* best first: see by_preference() */
	struct range *range;	   /* by start */
	char *names[2];		   /* string tables of .dynsym and .symtab */
	char *interp;
	struct nametable by_name;
	void *bytes; /* that all of these are in; NULL: each is by itself */
};

static inline const char *name_of(const struct elffile *f, const struct function *fn)
{
	return f->names[!fn->dynamic] + fn->name;
}

/* elftable_index - make by_name, of all functions. Of those that bear one name the best comes first.  Return: 0, or -ENOMEM. */
int elftable_index(struct elffile *f);

#endif
