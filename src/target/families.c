// SPDX-License-Identifier: GPL-2.0-or-later
/* target/families.c - the functions of malloc's layer, allocator by allocator: by which a block is born, moved, or dies.
 * Sources: malloc(3), posix_memalign(3); for the others see their tables. */
#include "swtrace/abi.h"
#include "target/internal.h"

#define LIBC(op, kind, size_arg, ptr_arg) SWT_COOKIE(SWT_OP_##op, SWT_LAYER_LIBC, SWT_SIZE_##kind, size_arg, ptr_arg, 0)

/* The malloc family. Names with __libc_ are aliases in glibc, in tcmalloc, and, mostly, in mimalloc; in musl they are what
 * malloc and free jump to. C23, 7.24.4, for free_sized and free_aligned_sized; reallocf(3) of FreeBSD. */
static const struct allocator_function malloc_functions[] = {
	{ "malloc", LIBC(ALLOC, ARG, 0, 0) },
	{ "free", LIBC(FREE, NONE, 0, 0) },
	{ "calloc", LIBC(ALLOC, MUL, 0, 0) },
	{ "realloc", LIBC(REALLOC, ARG, 1, 0) },
	{ "reallocarray", LIBC(REALLOC, MUL, 1, 0) },
	{ "reallocf", LIBC(REALLOCF, ARG, 1, 0) },
	{ "posix_memalign", LIBC(ALLOC_OUT, ARG, 2, 0) },
	{ "aligned_alloc", LIBC(ALLOC, ARG, 1, 0) },
	{ "memalign", LIBC(ALLOC, ARG, 1, 0) },
	{ "valloc", LIBC(ALLOC, ARG, 0, 0) },
	{ "pvalloc", LIBC(ALLOC, ARG, 0, 0) },
	{ "cfree", LIBC(FREE, NONE, 0, 0) },
	{ "free_sized", LIBC(FREE, NONE, 0, 0) },
	{ "free_aligned_sized", LIBC(FREE, NONE, 0, 0) },
	{ "__libc_malloc", LIBC(ALLOC, ARG, 0, 0) },
	{ "__libc_free", LIBC(FREE, NONE, 0, 0) },
	{ "__libc_cfree", LIBC(FREE, NONE, 0, 0) },
	{ "__libc_calloc", LIBC(ALLOC, MUL, 0, 0) },
	{ "__libc_realloc", LIBC(REALLOC, ARG, 1, 0) },
	{ "__libc_memalign", LIBC(ALLOC, ARG, 1, 0) },
	{ "__libc_valloc", LIBC(ALLOC, ARG, 0, 0) },
	{ "__libc_pvalloc", LIBC(ALLOC, ARG, 0, 0) },
	{ "__posix_memalign", LIBC(ALLOC_OUT, ARG, 2, 0) },
};

#define OPERATOR_NEW(args)                         \
	{ "_Znwm" args, LIBC(NEW, ARG, 0, 0) },    \
	{                                          \
		"_Znam" args, LIBC(NEW, ARG, 0, 0) \
	}
#define OPERATOR_DELETE(args)                         \
	{ "_ZdlPv" args, LIBC(FREE, NONE, 0, 0) },    \
	{                                             \
		"_ZdaPv" args, LIBC(FREE, NONE, 0, 0) \
	}

/* C++'s operators new and delete, of one object and of arrays, plain, aligned, sized, nothrow (C++17, [new.delete]; names
 * by the Itanium C++ ABI, 5.1). Where they call malloc and free they need no probe: the inner call is counted. */
static const struct allocator_function operators[] = {
	OPERATOR_NEW(""),
	OPERATOR_NEW("RKSt9nothrow_t"),
	OPERATOR_NEW("St11align_val_t"),
	OPERATOR_NEW("St11align_val_tRKSt9nothrow_t"),
	OPERATOR_DELETE(""),
	OPERATOR_DELETE("m"),
	OPERATOR_DELETE("RKSt9nothrow_t"),
	OPERATOR_DELETE("St11align_val_t"),
	OPERATOR_DELETE("mSt11align_val_t"),
	OPERATOR_DELETE("St11align_val_tRKSt9nothrow_t"),
};

/* jemalloc's own functions, and those that it names anew when it is built with a prefix: je_ is its own choice, _rjem_
 * that of its packages for Rust. Source: <jemalloc/jemalloc.h> of 5.3.0. What xallocx is asked for in "extra" is not counted.
 * An arena that is reset or destroyed whole (mallctl) frees blocks unseen. */
#define JEMALLOC(prefix)                                                                                     \
	{ prefix "mallocx", LIBC(ALLOC, ARG, 0, 0) }, { prefix "rallocx", LIBC(REALLOC, ARG, 1, 0) },        \
		{ prefix "xallocx", LIBC(RESIZE, ARG, 1, 0) }, { prefix "dallocx", LIBC(FREE, NONE, 0, 0) }, \
	{                                                                                                    \
		prefix "sdallocx", LIBC(FREE, NONE, 0, 0)                                                    \
	}
#define JEMALLOC_PREFIXED(prefix)                                                                                  \
	{ prefix "malloc", LIBC(ALLOC, ARG, 0, 0) }, { prefix "free", LIBC(FREE, NONE, 0, 0) },                    \
		{ prefix "calloc", LIBC(ALLOC, MUL, 0, 0) }, { prefix "realloc", LIBC(REALLOC, ARG, 1, 0) },       \
		{ prefix "posix_memalign", LIBC(ALLOC_OUT, ARG, 2, 0) },                                           \
		{ prefix "aligned_alloc", LIBC(ALLOC, ARG, 1, 0) }, { prefix "memalign", LIBC(ALLOC, ARG, 1, 0) }, \
		{ prefix "valloc", LIBC(ALLOC, ARG, 0, 0) }, JEMALLOC(prefix)

static const struct allocator_function jemalloc_functions[] = { JEMALLOC("") };
static const struct allocator_function je_functions[] = { JEMALLOC_PREFIXED("je_") };
static const struct allocator_function rjem_functions[] = { JEMALLOC_PREFIXED("_rjem_") };

/* Source: <gperftools/tcmalloc.h> of 2.10. */
static const struct allocator_function tcmalloc_functions[] = {
	{ "tc_malloc", LIBC(ALLOC, ARG, 0, 0) },
	{ "tc_malloc_skip_new_handler", LIBC(ALLOC, ARG, 0, 0) },
	{ "tc_free", LIBC(FREE, NONE, 0, 0) },
	{ "tc_free_sized", LIBC(FREE, NONE, 0, 0) },
	{ "tc_cfree", LIBC(FREE, NONE, 0, 0) },
	{ "tc_calloc", LIBC(ALLOC, MUL, 0, 0) },
	{ "tc_realloc", LIBC(REALLOC, ARG, 1, 0) },
	{ "tc_memalign", LIBC(ALLOC, ARG, 1, 0) },
	{ "tc_posix_memalign", LIBC(ALLOC_OUT, ARG, 2, 0) },
	{ "tc_valloc", LIBC(ALLOC, ARG, 0, 0) },
	{ "tc_pvalloc", LIBC(ALLOC, ARG, 0, 0) },
	{ "tc_new", LIBC(NEW, ARG, 0, 0) },
	{ "tc_new_nothrow", LIBC(NEW, ARG, 0, 0) },
	{ "tc_new_aligned", LIBC(NEW, ARG, 0, 0) },
	{ "tc_new_aligned_nothrow", LIBC(NEW, ARG, 0, 0) },
	{ "tc_newarray", LIBC(NEW, ARG, 0, 0) },
	{ "tc_newarray_nothrow", LIBC(NEW, ARG, 0, 0) },
	{ "tc_newarray_aligned", LIBC(NEW, ARG, 0, 0) },
	{ "tc_newarray_aligned_nothrow", LIBC(NEW, ARG, 0, 0) },
	{ "tc_delete", LIBC(FREE, NONE, 0, 0) },
	{ "tc_delete_sized", LIBC(FREE, NONE, 0, 0) },
	{ "tc_delete_nothrow", LIBC(FREE, NONE, 0, 0) },
	{ "tc_delete_aligned", LIBC(FREE, NONE, 0, 0) },
	{ "tc_delete_sized_aligned", LIBC(FREE, NONE, 0, 0) },
	{ "tc_delete_aligned_nothrow", LIBC(FREE, NONE, 0, 0) },
	{ "tc_deletearray", LIBC(FREE, NONE, 0, 0) },
	{ "tc_deletearray_sized", LIBC(FREE, NONE, 0, 0) },
	{ "tc_deletearray_nothrow", LIBC(FREE, NONE, 0, 0) },
	{ "tc_deletearray_aligned", LIBC(FREE, NONE, 0, 0) },
	{ "tc_deletearray_sized_aligned", LIBC(FREE, NONE, 0, 0) },
	{ "tc_deletearray_aligned_nothrow", LIBC(FREE, NONE, 0, 0) },
};

#define MI_BOTH(name, op, kind, size_arg, ptr_arg)                  \
	{ "mi_" name, LIBC(op, kind, size_arg, ptr_arg) },          \
	{                                                           \
		"mi_" name "_at", LIBC(op, kind, size_arg, ptr_arg) \
	}

/* Source: <mimalloc.h> of 2.0.9. The functions with mi_heap_ take the heap before the other arguments. mi_reallocarr and the
 * duplicates of strings for Windows call others of these. A heap that is destroyed whole (mi_heap_destroy) frees blocks
 * unseen. */
static const struct allocator_function mimalloc_functions[] = {
	{ "mi_malloc", LIBC(ALLOC, ARG, 0, 0) },
	{ "mi_malloc_small", LIBC(ALLOC, ARG, 0, 0) },
	{ "mi_mallocn", LIBC(ALLOC, MUL, 0, 0) },
	{ "mi_zalloc", LIBC(ALLOC, ARG, 0, 0) },
	{ "mi_zalloc_small", LIBC(ALLOC, ARG, 0, 0) },
	{ "mi_calloc", LIBC(ALLOC, MUL, 0, 0) },
	{ "mi_realloc", LIBC(REALLOC, ARG, 1, 0) },
	{ "mi_reallocn", LIBC(REALLOC, MUL, 1, 0) },
	{ "mi_reallocarray", LIBC(REALLOC, MUL, 1, 0) },
	{ "mi_reallocf", LIBC(REALLOCF, ARG, 1, 0) },
	{ "mi_rezalloc", LIBC(REALLOC, ARG, 1, 0) },
	{ "mi_recalloc", LIBC(REALLOC, MUL, 1, 0) },
	{ "mi_aligned_recalloc", LIBC(REALLOC, MUL, 1, 0) },
	{ "mi_aligned_offset_recalloc", LIBC(REALLOC, MUL, 1, 0) },
	{ "mi_expand", LIBC(REALLOC, ARG, 1, 0) },
	{ "mi__expand", LIBC(REALLOC, ARG, 1, 0) },
	{ "mi_strdup", LIBC(ALLOC, NESTED, 0, 0) },
	{ "mi_strndup", LIBC(ALLOC, NESTED, 0, 0) },
	{ "mi_free", LIBC(FREE, NONE, 0, 0) },
	{ "mi_cfree", LIBC(FREE, NONE, 0, 0) },
	{ "mi_free_size", LIBC(FREE, NONE, 0, 0) },
	{ "mi_free_size_aligned", LIBC(FREE, NONE, 0, 0) },
	{ "mi_free_aligned", LIBC(FREE, NONE, 0, 0) },
	{ "mi_posix_memalign", LIBC(ALLOC_OUT, ARG, 2, 0) },
	{ "mi_memalign", LIBC(ALLOC, ARG, 1, 0) },
	{ "mi_aligned_alloc", LIBC(ALLOC, ARG, 1, 0) },
	{ "mi_valloc", LIBC(ALLOC, ARG, 0, 0) },
	{ "mi_pvalloc", LIBC(ALLOC, ARG, 0, 0) },
	MI_BOTH("malloc_aligned", ALLOC, ARG, 0, 0),
	MI_BOTH("zalloc_aligned", ALLOC, ARG, 0, 0),
	MI_BOTH("calloc_aligned", ALLOC, MUL, 0, 0),
	MI_BOTH("realloc_aligned", REALLOC, ARG, 1, 0),
	MI_BOTH("rezalloc_aligned", REALLOC, ARG, 1, 0),
	MI_BOTH("recalloc_aligned", REALLOC, MUL, 1, 0),
	{ "mi_new", LIBC(NEW, ARG, 0, 0) },
	{ "mi_new_aligned", LIBC(NEW, ARG, 0, 0) },
	{ "mi_new_nothrow", LIBC(NEW, ARG, 0, 0) },
	{ "mi_new_aligned_nothrow", LIBC(NEW, ARG, 0, 0) },
	{ "mi_new_n", LIBC(NEW, MUL, 0, 0) },
	{ "mi_heap_malloc", LIBC(ALLOC, ARG, 1, 0) },
	{ "mi_heap_malloc_small", LIBC(ALLOC, ARG, 1, 0) },
	{ "mi_heap_mallocn", LIBC(ALLOC, MUL, 1, 0) },
	{ "mi_heap_zalloc", LIBC(ALLOC, ARG, 1, 0) },
	{ "mi_heap_calloc", LIBC(ALLOC, MUL, 1, 0) },
	{ "mi_heap_realloc", LIBC(REALLOC, ARG, 2, 1) },
	{ "mi_heap_reallocn", LIBC(REALLOC, MUL, 2, 1) },
	{ "mi_heap_reallocf", LIBC(REALLOCF, ARG, 2, 1) },
	{ "mi_heap_rezalloc", LIBC(REALLOC, ARG, 2, 1) },
	{ "mi_heap_recalloc", LIBC(REALLOC, MUL, 2, 1) },
	{ "mi_heap_strdup", LIBC(ALLOC, NESTED, 0, 0) },
	{ "mi_heap_strndup", LIBC(ALLOC, NESTED, 0, 0) },
	MI_BOTH("heap_malloc_aligned", ALLOC, ARG, 1, 0),
	MI_BOTH("heap_zalloc_aligned", ALLOC, ARG, 1, 0),
	MI_BOTH("heap_calloc_aligned", ALLOC, MUL, 1, 0),
	MI_BOTH("heap_realloc_aligned", REALLOC, ARG, 2, 1),
	MI_BOTH("heap_rezalloc_aligned", REALLOC, ARG, 2, 1),
	MI_BOTH("heap_recalloc_aligned", REALLOC, MUL, 2, 1),
	{ "mi_heap_alloc_new", LIBC(NEW, ARG, 1, 0) },
	{ "mi_heap_alloc_new_n", LIBC(NEW, MUL, 1, 0) },
};

#define N(functions)  (sizeof(functions) / sizeof((functions)[0]))
#define FUNCTIONS(of) .function = of, .n_functions = N(of)

static const struct allocator_family families[] = {
	{ FUNCTIONS(malloc_functions), .alloc = "malloc", .free = "free", .is_malloc = 1 },
	{ FUNCTIONS(operators), .alloc = "_Znwm", .free = "_ZdlPv", .is_malloc = 1, .is_operators = 1 },
	{ FUNCTIONS(jemalloc_functions), .alloc = "mallocx", .free = "dallocx" },
	{ FUNCTIONS(je_functions), .alloc = "je_malloc", .free = "je_free" },
	{ FUNCTIONS(rjem_functions), .alloc = "_rjem_malloc", .free = "_rjem_free" },
	{ FUNCTIONS(tcmalloc_functions), .alloc = "tc_malloc", .free = "tc_free" },
	{ FUNCTIONS(mimalloc_functions), .alloc = "mi_malloc", .free = "mi_free" },
};

_Static_assert(N(malloc_functions) + N(operators) + N(jemalloc_functions) + N(je_functions) + N(rjem_functions) +
			       N(tcmalloc_functions) + N(mimalloc_functions) <=
		       FAMILIES_MAX_NAMES,
	"all names are looked up at once");

const struct allocator_family *malloc_family(size_t i)
{
	return i < N(families) ? &families[i] : NULL;
}
