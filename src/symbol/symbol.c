// SPDX-License-Identifier: GPL-2.0-or-later
/* symbol/symbol.c - an address in a process -> mapping -> file -> functions.
 * The reader (an unprivileged child) knows most: debug files, source lines, inlined calls. What it does not know in time is
 * answered from the file's own symbols for now, and asked again the next time; a child of its own, which no file keeps busy, makes
 * names of C++ and Rust of them. Answers are kept by build-id and link-time
 * address: the same code in many processes, or in two files of the same build, is asked for once. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "reader/reader.h"
#include "symbol/symbol.h"
#include "util/clock.h"
#include "util/grow.h"
#include "util/intern.h"

#define CACHE_SLOTS 65536 /* a power of two; a colliding answer is asked for again */

/* A function at an address, as it is kept. */
struct kept_frame {
	const char *function;
	const char *file; /* NULL = not known */
	unsigned line;
	int is_inlined;
};

struct cached {
	const char *build; /* build-id, or a name of our own for files without; interned; NULL = empty */
	uint64_t vaddr;
	uint64_t start; /* of the function */
	struct kept_frame *frame;
	int n; /* 0: no function covers vaddr */
};

/* What is known of one module. */
struct known_module {
	const char *build;
	int is_bad;	   /* the reader cannot read it */
	int stays_mangled; /* one of its names killed the child that demangles */
};

struct symbol {
	struct reader *reader;
	struct reader *demangler;
	struct cached *cache;
	struct intern names;
	struct known_module *module; /* by target_module.number */
	size_t n_modules;
};

int symbol_open(struct symbol **out)
{
	struct symbol *s = calloc(1, sizeof(*s));

	if (s)
		s->cache = calloc(CACHE_SLOTS, sizeof(*s->cache));
	if (!s || !s->cache || reader_open(&s->reader) || reader_open(&s->demangler)) {
		symbol_close(s);
		return -ENOMEM;
	}
	*out = s;
	return 0;
}

void symbol_close(struct symbol *s)
{
	if (!s)
		return;
	for (size_t i = 0; s->cache && i < CACHE_SLOTS; i++)
		free(s->cache[i].frame);
	reader_close(s->reader);
	reader_close(s->demangler);
	intern_free(&s->names);
	free(s->module);
	free(s->cache);
	free(s);
}

void symbol_set_idle(struct symbol *s, int fd, int (*drain)(void *ctx), void *ctx)
{
	reader_set_idle(s->reader, fd, drain, ctx);
}

void symbol_begin(struct symbol *s, uint64_t budget_ns, uint64_t yield_ns)
{
	reader_set_deadline(s->reader, clock_ns(CLOCK_MONOTONIC) + budget_ns, yield_ns);
}

static struct known_module *module_of(struct symbol *s, const struct target_module *m)
{
	struct known_module *grown = grow_to(s->module, &s->n_modules, m->number, sizeof(*grown));
	const char *id;
	char own[32];

	if (!grown)
		return NULL;
	s->module = grown;
	if (!s->module[m->number].build) {
		id = elffile_build_id(m->elf);
		snprintf(own, sizeof(own), "number %u", m->number);
		s->module[m->number].build = intern_get(&s->names, *id ? id : own);
	}
	return s->module[m->number].build ? &s->module[m->number] : NULL;
}

/* find_debug - the module's separate debug file.  Return: a descriptor, or -errno. */
static int find_debug(struct symbol *s, const struct target_process *p, const struct target_module *m)
{
	char name[READER_NAME_BYTES];
	uint32_t crc;
	int fd;

	fd = target_debug_by_build_id(m, p);
	if (fd < 0 && !reader_debuglink(s->reader, m->fd, m->path, name, &crc))
		fd = target_debug_by_link(m, p, name, crc);
	return fd;
}

/* keep - put an answer into the cache. */
static void keep(struct symbol *s, struct cached *c, const struct reader_frame *frame, int n)
{
	struct kept_frame *kept = calloc(n ? n : 1, sizeof(*kept));

	if (!kept)
		return;
	for (int i = 0; i < n; i++) {
		kept[i].function = intern_get(&s->names, frame[i].function);
		kept[i].file = *frame[i].file ? intern_get(&s->names, frame[i].file) : NULL;
		kept[i].line = frame[i].line;
		kept[i].is_inlined = frame[i].is_inlined;
		if (!kept[i].function) {
			free(kept);
			return;
		}
	}
	free(c->frame);
	c->frame = kept;
	c->n = n;
	c->start = n ? frame[n - 1].vaddr : 0;
}

/* ask - the reader's answer, kept.  Return: 0, or -errno: it has none, for now or for ever. */
static int ask(struct symbol *s, const struct target_process *p, const struct target_module *m,
	struct known_module *known, uint64_t vaddr, struct cached *c)
{
	struct reader_file f = { .number = m->number, .fd = m->fd, .fd_debug = -1, .path = m->path };
	static struct reader_frame frame[READER_MAX_FRAMES];
	int n;

	if (known->is_bad || m->fd < 0)
		return -EBADMSG;
	if (!reader_knows(s->reader, m->number))
		f.fd_debug = find_debug(s, p, m);
	n = reader_names(s->reader, &f, vaddr, frame);
	if (f.fd_debug >= 0)
		close(f.fd_debug);
	if (n < 0) {
		known->is_bad = n == -EBADMSG;
		return n;
	}
	free(c->frame);
	*c = (struct cached){ 0 };
	keep(s, c, frame, n);
	if (!c->frame)
		return -ENOMEM;
	c->build = known->build;
	c->vaddr = vaddr;
	return 0;
}

static const struct cached *lookup(
	struct symbol *s, const struct target_process *p, const struct target_module *m, uint64_t vaddr)
{
	struct known_module *known = module_of(s, m);
	struct cached *c;
	uint64_t h;

	if (!known)
		return NULL;
	h = (vaddr ^ (uintptr_t)known->build) * 0x9e3779b97f4a7c15ULL;
	c = &s->cache[h >> 48 & (CACHE_SLOTS - 1)];
	if (c->build == known->build && c->vaddr == vaddr)
		return c;
	return ask(s, p, m, known, vaddr, c) ? NULL : c;
}

/* fill_functions - out[0] holds what is known of the address; make it one frame a function.  Return: their number. */
static size_t fill_functions(const struct cached *c, struct symbol_frame *out)
{
	const struct symbol_frame place = out[0];

	for (int i = 0; i < c->n; i++) {
		out[i] = place;
		out[i].kind = SYMBOL_FUNCTION;
		out[i].function = c->frame[i].function;
		out[i].file = c->frame[i].file;
		out[i].line = c->frame[i].line;
		out[i].is_inlined = c->frame[i].is_inlined;
		out[i].function_offset = c->frame[i].is_inlined ? 0 : place.module_offset - c->start;
	}
	return c->n ? c->n : 1;
}

/* plain_name - a symbol's name as people write it. */
static const char *plain_name(struct symbol *s, const struct target_module *m, const char *name)
{
	struct known_module *known = module_of(s, m);
	char plain[READER_NAME_BYTES];
	const char *kept;
	int err;

	if (!known || known->stays_mangled || (strncmp(name, "_Z", 2) && strncmp(name, "_R", 2)))
		return name;
	err = reader_plain(s->demangler, name, m->path, plain);
	known->stays_mangled = err == -ENOENT;
	kept = err ? NULL : intern_get(&s->names, plain);
	return kept ? kept : name;
}

size_t symbol_resolve(struct symbol *s, const struct target_process *p, uint64_t addr, uint32_t generation,
	int is_return, struct symbol_frame *out)
{
	const struct target_map *map = target_map_at(p, addr - is_return, generation);
	const struct cached *c;
	struct elffile_symbol sym;
	uint64_t vaddr;

	memset(out, 0, sizeof(*out));
	out->addr = addr;
	out->module = "";
	out->build_id = "";
	out->kind = SYMBOL_NOTHING;
	if (!map)
		return 1;
	out->executable = map->executable;
	out->kind = SYMBOL_REGION;
	out->module = *map->name ? map->name : "anonymous";
	if (!map->module)
		return 1;
	out->module = map->module->name;
	out->kind = SYMBOL_MODULE;
	out->module_offset = addr - map->start + map->file_offset;
	if (!map->module->elf || elffile_offset_to_vaddr(map->module->elf, out->module_offset - is_return, &vaddr))
		return 1;
	out->module_offset = vaddr + is_return;
	out->build_id = elffile_build_id(map->module->elf);
	c = lookup(s, p, map->module, vaddr);
	if (c)
		return fill_functions(c, out);
	if (!elffile_covering(map->module->elf, vaddr, &sym)) {
		out->kind = SYMBOL_FUNCTION;
		out->function = plain_name(s, map->module, sym.name);
		out->function_offset = out->module_offset - sym.vaddr;
	}
	return 1;
}

static const char *php_name(struct symbol *s, const char *class_name, const char *function)
{
	char name[SYMBOL_PHP_NAME_BYTES];
	const char *kept;

	snprintf(name, sizeof(name), "%s::%s", class_name, function);
	kept = intern_get(&s->names, name);
	return kept ? kept : function;
}

void symbol_php(struct symbol *s, const struct model_php_frame *p, struct symbol_frame *out)
{
	memset(out, 0, sizeof(*out));
	out->kind = SYMBOL_PHP;
	out->module = "";
	out->build_id = "";
	out->file = p->file;
	out->line = p->line;
	out->is_approximate = p->is_approximate;
	if (p->is_eval)
		out->function = "eval()";
	else if (!*p->function)
		out->function = p->is_main ? "{main}" : "{include}";
	else
		out->function = p->class_name ? php_name(s, p->class_name, p->function) : p->function;
}
