// SPDX-License-Identifier: GPL-2.0-or-later
/* target/resolve.c - of several files that bring a malloc, the one that the program's calls resolve to.
 *
 * The dynamic loader binds a call by name: it searches the program's own file, then its libraries in the order of the link
 * map, and writes the address that it finds into a word of the caller's file, when it loads the file or at the first call.
 * So the words tell what is so, and where there are none yet, the order tells what will be. Two things make a file's calls
 * differ from the program's: RTLD_DEEPBIND, with which PHP loads its extensions (a preloaded malloc is not what they call),
 * and a second namespace (dlmopen).
 * The process may be hostile: addresses that are read from it are only looked up among its mappings, and all that is
 * counted by it is bounded.
 * Source: System V ABI, "Dynamic Linking"; <link.h> of glibc and of musl for the link map. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "target/parser.h"

#define MAX_COPIES   4096 /* files that are looked at, and links of the link map */
#define MAX_WORDS    16384
#define MAX_DOUBTS   64 /* files of which it is asked whether they might be used; others might */
#define NO_FILE	     UINT32_MAX
#define LINK_MAP_AT  8 /* r_map in struct r_debug */
#define LINK_ADDRESS 0 /* words of struct link_map: l_addr, l_name, l_ld, l_next */
#define LINK_NEXT    3
#define LINK_WORDS   4

struct bindings {
	struct elfimport *import;
	size_t n_imports;
	uint64_t *function; /* see struct resolve_file */
};

/* A file where it is mapped: of libc there may be two in a process. */
struct copy {
	struct target_module *module;
	uint64_t bias; /* address in memory - link-time address */
	uint32_t file;
};

struct reading {
	const struct target_process *p;
	const char *name[FAMILIES_MAX_NAMES];
	size_t n_names;
	size_t n_copies;
	size_t n_files;
	size_t n_words;
	struct copy copy[MAX_COPIES];
	struct target_module *file[MAX_COPIES]; /* in the order of the loader's search */
	struct resolve_word word[MAX_WORDS];
};

void bindings_free(struct bindings *b)
{
	if (!b)
		return;
	free(b->import);
	free(b->function);
	free(b);
}

/* ---- the decision ------------------------------------------------------------------------------------------------ */

static int brings_malloc(const struct resolve_question *q, uint32_t file)
{
	return file < q->n_files && q->file[file].function;
}

/* is_settled - can a word that is not filled yet not come to lead to d? All words of a file are looked up in the same order,
 * so another of its words (they stand together), for which d was passed over in favour of x, decides it if x has this function
 * too. */
static int is_settled(const struct resolve_question *q, const struct resolve_word *open, uint32_t d)
{
	size_t at = open - q->word, first = at < ELFIMPORTS_MAX ? 0 : at - ELFIMPORTS_MAX;

	for (size_t i = first; i < q->n_words && i < at + ELFIMPORTS_MAX; i++) {
		const struct resolve_word *w = &q->word[i];

		if (w->from == open->from && w->to != d && brings_malloc(q, w->to) && q->file[d].function[w->name] &&
			q->file[w->to].function[open->name])
			return 1;
	}
	return 0;
}

/* is_first - is d the first file in which the loader will find that function? */
static int is_first(const struct resolve_question *q, uint32_t d, uint32_t name)
{
	for (uint32_t i = 0; i < d; i++)
		if (brings_malloc(q, i) && q->file[i].is_exported && q->file[i].function[name])
			return 0;
	return 1;
}

/* might_use - may a word that is not filled yet come to lead to d? What the program's own file calls is searched for in the
 * link map's order alone. What d itself calls is of no interest as long as nobody calls d. */
static int might_use(const struct resolve_question *q, uint32_t d)
{
	for (size_t i = 0; i < q->n_words; i++) {
		const struct resolve_word *w = &q->word[i];

		if (w->to != RESOLVE_NOT_YET || w->from == d || !q->file[d].function[w->name])
			continue;
		if (q->has_program && !w->from ? is_first(q, d, w->name) : !is_settled(q, w, d))
			return 1;
	}
	return 0;
}

/* most_called - the file to which most words of malloc's own family lead: of the program's file, or of any but itself.
 * Return: its index; NO_FILE when there are no such words. */
static uint32_t most_called(const struct resolve_question *q, int by_program)
{
	uint32_t best = NO_FILE;
	size_t most = 0;

	for (uint32_t d = 0; d < q->n_files; d++) {
		size_t n = 0;

		if (!brings_malloc(q, d))
			continue;
		for (size_t i = 0; i < q->n_words; i++)
			n += q->word[i].to == d && q->word[i].name < q->n_malloc && q->word[i].from != d &&
			     (!by_program || !q->word[i].from);
		if (n > most) {
			most = n;
			best = d;
		}
	}
	return best;
}

static uint32_t choose(const struct resolve_question *q, size_t n_bring, enum target_use *use)
{
	uint32_t d = q->has_program ? most_called(q, 1) : NO_FILE, first = NO_FILE, first_exported = NO_FILE;

	for (uint32_t i = q->n_files; i-- > 0;) {
		if (!brings_malloc(q, i))
			continue;
		first = i;
		if (q->file[i].is_exported)
			first_exported = i;
	}
	if (q->has_program && !first) {
		use[0] = TARGET_OWN;
		return 0;
	}
	if (n_bring == 1) {
		use[first] = TARGET_ONLY;
		return first;
	}
	if (d == NO_FILE)
		d = most_called(q, 0);
	if (d != NO_FILE)
		return d; /* TARGET_CALLED already */
	d = first_exported != NO_FILE ? first_exported : first;
	use[d] = TARGET_ORDER;
	return d;
}

int resolve_decide(const struct resolve_question *q, enum target_use *use, uint32_t *by)
{
	size_t n_bring = 0, n_doubts = 0;
	uint32_t chosen;

	for (uint32_t i = 0; i < q->n_files; i++) {
		use[i] = TARGET_UNUSED;
		by[i] = 0;
		n_bring += brings_malloc(q, i);
	}
	if (!n_bring)
		return -1;
	for (size_t i = 0; i < q->n_words; i++) {
		const struct resolve_word *w = &q->word[i];

		/* Its own functions an allocator finds in itself, whoever else is called. */
		if (!brings_malloc(q, w->to) || (w->from == w->to && w->name >= q->n_malloc) ||
			(use[w->to] == TARGET_CALLED && by[w->to] <= w->from))
			continue;
		use[w->to] = TARGET_CALLED;
		by[w->to] = w->from;
	}
	chosen = choose(q, n_bring, use);
	for (uint32_t i = 0; i < q->n_files; i++) {
		if (i == chosen || use[i] != TARGET_UNUSED || !brings_malloc(q, i))
			continue;
		if (!q->file[i].is_exported)
			use[i] = TARGET_HIDDEN;
		else if (n_doubts++ >= MAX_DOUBTS || might_use(q, i))
			use[i] = TARGET_MAYBE;
	}
	return (int)chosen;
}

/* ---- what it is made from ---------------------------------------------------------------------------------------- */

static int read_words(const struct target_process *p, uint64_t addr, uint64_t *to, size_t n)
{
	return process_read(p->pid, addr, to, n * sizeof(*to));
}

/* name_functions - of all families.  Return: their number. */
static size_t name_functions(const char *name[FAMILIES_MAX_NAMES])
{
	const struct allocator_family *f;
	size_t n = 0;

	for (size_t i = 0; (f = malloc_family(i)); i++)
		for (size_t k = 0; k < f->n_functions; k++)
			name[n++] = f->function[k].name;
	return n;
}

int bindings_imports(int fd, struct elfimport **out)
{
	const char *name[FAMILIES_MAX_NAMES];

	return elfimports_read(fd, name, name_functions(name), out);
}

static int bindings_read(const struct reading *r, struct target_module *m)
{
	struct elffile_symbol sym;
	struct bindings *b;
	int n;

	if (m->bindings)
		return 0;
	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	n = parser_imports(m, &b->import);
	b->n_imports = n > 0 ? n : 0;
	if (m->malloc)
		b->function = calloc(FAMILIES_MAX_NAMES, sizeof(*b->function));
	if (n == -ENOMEM || (m->malloc && !b->function)) {
		bindings_free(b);
		return -ENOMEM;
	}
	for (size_t i = 0; b->function && i < r->n_names; i++)
		if (!elffile_find(m->elf, r->name[i], &sym))
			b->function[i] = sym.vaddr;
	m->bindings = b;
	return 0;
}

/* find_copies - where each file is mapped. */
static void find_copies(struct reading *r)
{
	uint64_t bias;

	for (size_t i = 0; i < r->p->n_maps && r->n_copies < MAX_COPIES; i++) {
		const struct target_map *m = &r->p->map[i];
		struct copy *c = &r->copy[r->n_copies], *before = r->n_copies ? c - 1 : NULL;

		if (map_bias(m, &bias))
			continue;
		c->module = m->module;
		c->bias = bias;
		c->file = NO_FILE;
		if (!before || before->module != c->module || before->bias != c->bias)
			r->n_copies++;
	}
}

/* add_file - the module, which is not among them yet, is the next in which the loader searches. */
static void add_file(struct reading *r, struct target_module *m)
{
	for (size_t i = 0; i < r->n_copies; i++)
		if (r->copy[i].module == m)
			r->copy[i].file = r->n_files;
	r->file[r->n_files++] = m;
}

/* link_map_start - the first link of the dynamic loader's list, which debuggers read as well.  Return: its address, or 0. */
static uint64_t link_map_start(const struct reading *r)
{
	uint64_t at = 0;

	return loader_debug(r->p, &at) || !at || read_words(r->p, at + LINK_MAP_AT, &at, 1) ? 0 : at;
}

/* order_files - the program's own file, then as the link map has them, then the others. */
static void order_files(struct reading *r, struct target_module *exe)
{
	uint64_t link[LINK_WORDS] = { 0 };

	for (size_t i = 0; exe && i < r->n_copies && !r->n_files; i++)
		if (r->copy[i].module == exe)
			add_file(r, exe);
	link[LINK_NEXT] = link_map_start(r);
	for (int n = 0; n < MAX_COPIES && link[LINK_NEXT] && !read_words(r->p, link[LINK_NEXT], link, LINK_WORDS); n++)
		for (size_t i = 0; i < r->n_copies; i++)
			if (r->copy[i].bias == link[LINK_ADDRESS] && r->copy[i].file == NO_FILE)
				add_file(r, r->copy[i].module);
	for (size_t i = 0; i < r->n_copies; i++)
		if (r->copy[i].file == NO_FILE)
			add_file(r, r->copy[i].module);
}

/* leads_to - the file in which the function is whose address is in a word of copy c. An address in c's own file is most
 * often that of the code that will look the function up. */
static uint32_t leads_to(const struct reading *r, const struct copy *c, uint64_t addr, uint32_t name)
{
	const struct target_map *map = target_map_at(r->p, addr, 0);
	const struct bindings *b = c->module->bindings;

	if (!map || !map->module)
		return RESOLVE_NOT_YET;
	if (map->module == c->module)
		return b->function && b->function[name] && addr == c->bias + b->function[name] ? c->file
											       : RESOLVE_NOT_YET;
	if (!map->module->malloc)
		return RESOLVE_ELSEWHERE;
	for (size_t i = 0; i < r->n_copies; i++)
		if (r->copy[i].module == map->module)
			return r->copy[i].file;
	return RESOLVE_ELSEWHERE;
}

/* read_copy - the words of one copy of a file. What cannot be read is not filled yet. */
static void read_copy(struct reading *r, const struct copy *c)
{
	const struct bindings *b = c->module->bindings;
	uint64_t addr;

	for (size_t i = 0; i < b->n_imports && r->n_words < MAX_WORDS; i++) {
		struct resolve_word *w = &r->word[r->n_words++];

		w->from = c->file;
		w->name = b->import[i].name;
		w->to = read_words(r->p, c->bias + b->import[i].vaddr, &addr, 1) ? RESOLVE_NOT_YET
										 : leads_to(r, c, addr, w->name);
	}
}

/* decide - ask, and keep the answer.  Return: 0, or -ENOMEM. */
static int decide(struct reading *r, struct target_process *p, int has_program)
{
	struct resolve_file *file = calloc(r->n_files + 1, sizeof(*file));
	enum target_use *use = calloc(r->n_files + 1, sizeof(*use));
	uint32_t *by = calloc(r->n_files + 1, sizeof(*by));
	struct target_allocator *a = calloc(r->n_files + 1, sizeof(*a));
	struct resolve_question q = { file, r->n_files, has_program, r->word, r->n_words,
		malloc_family(0)->n_functions };
	int err = -ENOMEM, chosen;
	size_t n = 0;

	if (!file || !use || !by || !a)
		goto out;
	for (size_t i = 0; i < r->n_files; i++) {
		file[i].function = r->file[i]->bindings->function;
		file[i].is_exported = r->file[i]->malloc == TARGET_EXPORTS_MALLOC;
	}
	chosen = resolve_decide(&q, use, by);
	if (chosen >= 0)
		n = 1;
	for (int i = 0; i < (int)r->n_files; i++)
		if (r->file[i]->malloc)
			a[i == chosen ? 0 : n++] = (struct target_allocator){ r->file[i], use[i],
				use[i] == TARGET_CALLED ? r->file[by[i]] : NULL };
	free(p->allocator);
	p->allocator = a;
	p->n_allocators = n;
	a = NULL;
	err = 0;
out:
	free(a);
	free(by);
	free(use);
	free(file);
	return err;
}

/* only_one - the common case needs no look into the process: at most one file brings a malloc. */
static int only_one(const struct target_process *p, struct target_module **out)
{
	*out = NULL;
	for (size_t i = 0; i < p->n_maps; i++) {
		struct target_module *m = p->map[i].module;

		if (!m || !m->malloc || m == *out)
			continue;
		if (*out)
			return 0;
		*out = m;
	}
	return 1;
}

/* look - at the files of a process, and at what the loader has written into their words. */
static int look(struct reading *r, struct target_module *exe)
{
	int err = 0;

	r->n_names = name_functions(r->name);
	find_copies(r);
	order_files(r, exe);
	for (size_t i = 0; i < r->n_files && !err; i++)
		err = bindings_read(r, r->file[i]);
	for (size_t i = 0; i < r->n_copies && !err; i++)
		read_copy(r, &r->copy[i]);
	return err;
}

int resolve_allocators(struct target_process *p)
{
	struct target_module *exe = exe_module(p), *only;
	struct reading *r;
	int err;

	if (only_one(p, &only)) {
		struct target_allocator *a = calloc(1, sizeof(*a));

		if (!a)
			return -ENOMEM;
		a->module = only;
		a->use = only && only == exe ? TARGET_OWN : TARGET_ONLY;
		free(p->allocator);
		p->allocator = a;
		p->n_allocators = only != NULL;
		return 0;
	}
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->p = p;
	err = look(r, exe);
	if (!err)
		err = decide(r, p, exe && r->n_files && r->file[0] == exe);
	free(r);
	return err;
}

/* ---- questions --------------------------------------------------------------------------------------------------- */

int target_uses_malloc(const struct target_process *p, const struct target_module *m)
{
	for (size_t i = 0; i < p->n_allocators; i++)
		if (p->allocator[i].module == m)
			return p->allocator[i].use != TARGET_UNUSED;
	return 0;
}

const char *target_allocator_name(const struct target_module *m, int *is_libc)
{
	static const struct {
		const char *function;
		const char *name;
	} known[] = {
		{ "__asan_init", "AddressSanitizer" },
		{ "mallctl", "jemalloc" },
		{ "je_mallctl", "jemalloc" },
		{ "tc_malloc", "tcmalloc" },
		{ "mi_malloc", "mimalloc" },
	};
	struct elffile_symbol sym;

	*is_libc = 0;
	for (size_t i = 0; m->elf && i < sizeof(known) / sizeof(known[0]); i++)
		if (!elffile_find(m->elf, known[i].function, &sym))
			return known[i].name;
	*is_libc = m->elf && !elffile_find(m->elf, "__libc_start_main", &sym);
	return *is_libc ? "libc" : NULL;
}
