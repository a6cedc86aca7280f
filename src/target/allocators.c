// SPDX-License-Identifier: GPL-2.0-or-later
/* target/allocators.c - allocator functions: what those of mmap and of PHP do, and where a file defines these and malloc's
 * (families.c).
 * Sources: mmap(2); Zend/zend_alloc.h of PHP 7.4 to 8.4 for the Zend family. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "swtrace/abi.h"
#include "target/parser.h"
#include "util/msg.h"

#define MMAP(op, kind, size_arg, ptr_arg) SWT_COOKIE(SWT_OP_##op, SWT_LAYER_MMAP, SWT_SIZE_##kind, size_arg, ptr_arg, 0)
#define ZEND(op, kind, size_arg, ptr_arg) SWT_COOKIE(SWT_OP_##op, SWT_LAYER_ZEND, SWT_SIZE_##kind, size_arg, ptr_arg, 0)
#define ZEND_BIN(n)                                                                            \
	{ "_emalloc_" #n, SWT_COOKIE(SWT_OP_ALLOC, SWT_LAYER_ZEND, SWT_SIZE_FIXED, 0, 0, n) }, \
	{                                                                                      \
		"_efree_" #n, ZEND(FREE, NONE, 0, 0)                                           \
	}

static const struct allocator_function mmap_functions[] = {
	{ "mmap", MMAP(MMAP, ARG, 1, 0) },
	{ "mmap64", MMAP(MMAP, ARG, 1, 0) },
	{ "munmap", MMAP(MUNMAP, ARG, 1, 0) },
	{ "mremap", MMAP(MREMAP, ARG, 2, 0) },
};

/* The 30 bins of the Zend heap are the same from PHP 7.0 to 8.4 (Zend/zend_alloc_sizes.h). */
static const struct allocator_function zend_functions[] = {
	{ "_emalloc", ZEND(ALLOC, ARG, 0, 0) },
	{ "_efree", ZEND(FREE, NONE, 0, 0) },
	{ "_emalloc_large", ZEND(ALLOC, ARG, 0, 0) },
	{ "_emalloc_huge", ZEND(ALLOC, ARG, 0, 0) },
	{ "_efree_large", ZEND(FREE, NONE, 0, 0) },
	{ "_efree_huge", ZEND(FREE, NONE, 0, 0) },
	{ "_ecalloc", ZEND(ALLOC, MUL, 0, 0) },
	{ "_erealloc", ZEND(REALLOC, ARG, 1, 0) },
	{ "_erealloc2", ZEND(REALLOC, ARG, 1, 0) },
	{ "_safe_emalloc", ZEND(ALLOC, MUL_ADD, 0, 0) },
	{ "_safe_erealloc", ZEND(REALLOC, MUL_ADD, 1, 0) },
	{ "_estrdup", ZEND(ALLOC, NESTED, 0, 0) },
	{ "_estrndup", ZEND(ALLOC, ARG_1, 1, 0) },
	ZEND_BIN(8),
	ZEND_BIN(16),
	ZEND_BIN(24),
	ZEND_BIN(32),
	ZEND_BIN(40),
	ZEND_BIN(48),
	ZEND_BIN(56),
	ZEND_BIN(64),
	ZEND_BIN(80),
	ZEND_BIN(96),
	ZEND_BIN(112),
	ZEND_BIN(128),
	ZEND_BIN(160),
	ZEND_BIN(192),
	ZEND_BIN(224),
	ZEND_BIN(256),
	ZEND_BIN(320),
	ZEND_BIN(384),
	ZEND_BIN(448),
	ZEND_BIN(512),
	ZEND_BIN(640),
	ZEND_BIN(768),
	ZEND_BIN(896),
	ZEND_BIN(1024),
	ZEND_BIN(1280),
	ZEND_BIN(1536),
	ZEND_BIN(1792),
	ZEND_BIN(2048),
	ZEND_BIN(2560),
	ZEND_BIN(3072),
};

#define N_FUNCTIONS(a) (sizeof(a) / sizeof((a)[0]))
#define MAX_SITES      PARSER_MAX_PLACES /* 300 functions, and the places where those that may throw return */

int target_is_allocator(const char *function)
{
	/* malloc/arena.c and malloc/thread-freeres.c of glibc. */
	static const char *const others[] = { "tcache_thread_shutdown", "__malloc_arena_thread_freeres",
		"__libc_thread_freeres", "operator new", "operator delete" };
	const struct allocator_family *family;

	for (size_t i = 0; i < N_FUNCTIONS(others); i++)
		if (!strncmp(function, others[i], strlen(others[i])))
			return 1;
	for (size_t i = 0; i < N_FUNCTIONS(zend_functions); i++)
		if (!strcmp(function, zend_functions[i].name))
			return 1;
	for (size_t k = 0; (family = malloc_family(k)); k++)
		for (size_t i = 0; i < family->n_functions; i++)
			if (!strcmp(function, family->function[i].name))
				return 1;
	return 0;
}

int target_in_allocator(const struct target_process *p, uint64_t addr, uint32_t generation)
{
	const struct target_map *map = target_map_at(p, addr, generation);

	for (size_t i = 0; map && map->module && i < p->n_allocators; i++)
		if (p->allocator[i].module == map->module && map->module != exe_module(p))
			return 1;
	return 0;
}

static int defines(const struct target_module *m, const char *name)
{
	struct elffile_symbol sym;

	return !elffile_find(m->elf, name, &sym);
}

static int is_libc(const struct target_module *m)
{
	return defines(m, "malloc") && defines(m, "mmap") && defines(m, "munmap");
}

static int has_site(const struct target_site *sites, size_t n, uint64_t offset)
{
	for (size_t i = 0; i < n; i++)
		if (sites[i].offset == offset)
			return 1;
	return 0;
}

/* sites_add_leaves - the instructions by which a function returns that may throw.
 * Return: 1; 0 there are none to be found, or too many. */
static int sites_add_leaves(const struct target_module *m, const struct allocator_function *fn, uint64_t vaddr,
	struct target_site *sites, size_t *n)
{
	uint64_t offset[LEAVES_MAX];
	int n_leaves = parser_leaves(m, vaddr, offset, LEAVES_MAX);

	if (n_leaves <= 0 || *n + n_leaves >= MAX_SITES) {
		msg_warn("%s: '%s' is not traced: it cannot be found out where it returns", m->path, fn->name);
		return 0;
	}
	for (int i = 0; i < n_leaves; i++)
		if (!has_site(sites, *n, offset[i]))
			sites[(*n)++] = (struct target_site){ .function = fn->name,
				.offset = offset[i],
				.cookie = SWT_COOKIE(
					SWT_OP_LEAVE, SWT_COOKIE_LAYER(fn->cookie), SWT_SIZE_NONE, 0, 0, 0) };
	return 1;
}

static size_t sites_add(const struct target_module *m, const struct allocator_function *fn, size_t n_fn,
	struct target_site *sites, size_t n)
{
	struct elffile_symbol sym;
	uint64_t offset;

	for (size_t i = 0; i < n_fn && n < MAX_SITES; i++) {
		uint32_t op = SWT_COOKIE_OP(fn[i].cookie);

		if (elffile_find(m->elf, fn[i].name, &sym) || elffile_vaddr_to_offset(m->elf, sym.vaddr, &offset) ||
			has_site(sites, n, offset)) /* an alias: memalign is aligned_alloc in glibc */
			continue;
		if (op == SWT_OP_NEW && !sites_add_leaves(m, &fn[i], sym.vaddr, sites, &n))
			continue;
		sites[n].function = fn[i].name;
		sites[n].offset = offset;
		sites[n].vaddr = sym.vaddr;
		sites[n].size_bytes = sym.size_bytes;
		sites[n].cookie = fn[i].cookie;
		sites[n].wants_return = op != SWT_OP_FREE && op != SWT_OP_MUNMAP && op != SWT_OP_NEW;
		n++;
	}
	return n;
}

/* placing_order - probes come into force one by one, in the order of the sites: those that see blocks die first, those
 * that see them born last, so that no tracked block dies unseen. */
static int placing_order(const void *a, const void *b)
{
	static const int rank[] = {
		[SWT_OP_FREE] = 0,
		[SWT_OP_MUNMAP] = 0,
		[SWT_OP_LEAVE] = 1,
		[SWT_OP_REALLOC] = 1,
		[SWT_OP_MREMAP] = 1,
		[SWT_OP_REALLOCF] = 1,
		[SWT_OP_RESIZE] = 1,
		[SWT_OP_ALLOC] = 2,
		[SWT_OP_ALLOC_OUT] = 2,
		[SWT_OP_MMAP] = 2,
		[SWT_OP_NEW] = 2,
	};
	const struct target_site *x = a, *y = b;

	return rank[SWT_COOKIE_OP(x->cookie)] - rank[SWT_COOKIE_OP(y->cookie)];
}

/* sites_move - to where their probes are cheap. Leaves are no functions, and have no size. */
static void sites_move(const struct target_module *m, struct target_site *sites, size_t n)
{
	struct entry_place place[MAX_SITES];

	for (size_t i = 0; i < n; i++)
		place[i] = (struct entry_place){ .vaddr = sites[i].vaddr,
			.offset = sites[i].offset,
			.size_bytes = sites[i].size_bytes,
			.kept = entry_kept(sites[i].cookie) };
	parser_entries(m, place, n);
	for (size_t i = 0; i < n; i++) {
		sites[i].offset += place[i].move;
		sites[i].is_cheap = place[i].is_cheap != 0;
	}
}

/* has_operators - are C++'s operators new and delete in the file to be probed? They call malloc and free, but for those of an
 * allocator: of a file that brings a malloc without being a libc, or of a static program that has one of these. */
static int has_operators(const struct target_module *m)
{
	return !is_libc(m) || defines(m, "mallocx") || defines(m, "tc_malloc") || defines(m, "mi_malloc");
}

static int has_family(const struct target_module *m, const struct allocator_family *family)
{
	if (family->is_malloc && !m->malloc)
		return 0;
	return defines(m, family->alloc) && defines(m, family->free) && (!family->is_operators || has_operators(m));
}

static int has_zend(const struct target_module *m)
{
	return defines(m, "_emalloc") && defines(m, "_efree");
}

/* A loader that defines malloc without mmap is no allocator: glibc's before 2.31 exported one for its own use before libc's. */
void module_find_allocators(struct target_module *m)
{
	const struct allocator_family *family;
	struct elffile_symbol sym;

	if (!m->elf)
		return;
	if (defines(m, "free") && !elffile_find(m->elf, "malloc", &sym) && (strncmp(m->name, "ld-", 3) || is_libc(m)))
		m->malloc = sym.is_exported ? TARGET_EXPORTS_MALLOC : TARGET_HIDES_MALLOC;
	m->has_others = is_libc(m) || has_zend(m);
	for (size_t i = 0; !m->malloc && !m->has_others && (family = malloc_family(i)); i++)
		m->has_others = has_family(m, family);
	for (size_t i = 0; (family = malloc_family(i)); i++)
		for (size_t k = 0; !m->has_new && has_family(m, family) && k < family->n_functions; k++)
			m->has_new = SWT_COOKIE_OP(family->function[k].cookie) == SWT_OP_NEW &&
				     defines(m, family->function[k].name);
}

int target_module_sites(const struct target_module *m, int what, struct target_site **out)
{
	const struct allocator_family *family;
	struct target_site *sites;
	size_t n = 0;

	*out = NULL;
	if (!(what == TARGET_SITES_MALLOC ? m->malloc : m->has_others))
		return 0;
	sites = calloc(MAX_SITES, sizeof(*sites));
	if (!sites)
		return -ENOMEM;
	for (size_t i = 0; (family = malloc_family(i)); i++)
		if ((what == TARGET_SITES_MALLOC) == (m->malloc != TARGET_NO_MALLOC) && has_family(m, family))
			n = sites_add(m, family->function, family->n_functions, sites, n);
	if (what == TARGET_SITES_OTHER && is_libc(m))
		n = sites_add(m, mmap_functions, N_FUNCTIONS(mmap_functions), sites, n);
	if (what == TARGET_SITES_OTHER && has_zend(m))
		n = sites_add(m, zend_functions, N_FUNCTIONS(zend_functions), sites, n);
	if (!n) {
		free(sites);
		return 0;
	}
	sites_move(m, sites, n);
	qsort(sites, n, sizeof(*sites), placing_order);
	*out = sites;
	return n;
}

static int function_site(const struct target_module *m, const char *function, uint64_t *offset)
{
	struct elffile_symbol sym;

	if (!m->elf || elffile_find(m->elf, function, &sym))
		return -ENOENT;
	return elffile_vaddr_to_offset(m->elf, sym.vaddr, offset);
}

int target_dl_site(const struct target_module *m, uint64_t *offset)
{
	return function_site(m, "_dl_debug_state", offset);
}

int target_throw_site(const struct target_module *m, uint64_t *offset)
{
	return function_site(m, "__cxa_allocate_exception", offset);
}

int target_may_throw(const struct target_process *p)
{
	for (size_t i = 0; i < p->n_maps; i++) {
		const struct target_module *m = p->map[i].module;

		if (m && m->has_new && (m->malloc == TARGET_NO_MALLOC || target_uses_malloc(p, m)))
			return 1;
	}
	return 0;
}

int target_php_request_site(const struct target_module *m, uint64_t *offset)
{
	return function_site(m, "php_request_startup", offset);
}

int target_php_drop_site(const struct target_module *m, uint64_t *offset)
{
	return function_site(m, "shutdown_memory_manager", offset);
}

/* An allocator may define mmap too (tcmalloc does), but only a libc starts programs. */
int target_has_libc(const struct target_process *p)
{
	for (size_t i = 0; i < p->n_maps; i++) {
		const struct target_module *m = p->map[i].module;

		if (m && m->elf && is_libc(m) && defines(m, "__libc_start_main"))
			return 1;
	}
	return 0;
}

struct target_module *exe_module(const struct target_process *p)
{
	for (size_t i = 0; p->exe && i < p->n_maps; i++)
		if (p->map[i].module && !strcmp(p->map[i].name, p->exe))
			return p->map[i].module;
	return NULL;
}

int target_is_dynamic(const struct target_process *p)
{
	struct target_module *exe = exe_module(p);

	return exe && exe->elf && elffile_interp(exe->elf);
}

int target_is_started(const struct target_process *p)
{
	return target_has_libc(p) || !target_is_dynamic(p);
}

/* The loader is known by the function that it defines, not by PT_INTERP: that path is often a symbolic link. */
