// SPDX-License-Identifier: GPL-2.0-or-later
/* symbol/symbol.c - an address in a process -> mapping -> file -> function.
 * Answers are cached by (module, link-time address): the same code mapped by many processes is looked up once. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "symbol/symbol.h"

#define CACHE_SLOTS 65536 /* a power of two; a colliding answer is looked up again */

struct cached {
	const struct target_module *module;
	uint64_t vaddr;
	struct elffile_symbol sym; /* name NULL: no function covers vaddr */
};

struct symbol {
	struct cached *cache;
	char **name; /* of PHP methods */
	size_t n_names;
};

int symbol_open(struct symbol **out)
{
	struct symbol *s = calloc(1, sizeof(*s));

	if (s)
		s->cache = calloc(CACHE_SLOTS, sizeof(*s->cache));
	if (!s || !s->cache) {
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
	for (size_t i = 0; i < s->n_names; i++)
		free(s->name[i]);
	free(s->name);
	free(s->cache);
	free(s);
}

static const struct elffile_symbol *lookup(
	struct symbol *s, const struct target_process *p, struct target_module *m, uint64_t vaddr)
{
	uint64_t h = (vaddr ^ (uintptr_t)m) * 0x9e3779b97f4a7c15ULL;
	const struct elffile *debug;
	struct cached *c = &s->cache[h >> 48 & (CACHE_SLOTS - 1)];

	if (c->module != m || c->vaddr != vaddr) {
		memset(c, 0, sizeof(*c));
		c->module = m;
		c->vaddr = vaddr;
		if (elffile_covering(m->elf, vaddr, &c->sym)) {
			debug = target_module_debug(m, p);
			if (debug)
				elffile_covering(debug, vaddr, &c->sym);
		}
	}
	return c->sym.name ? &c->sym : NULL;
}

void symbol_resolve(
	struct symbol *s, const struct target_process *p, uint64_t addr, int is_return, struct symbol_frame *out)
{
	const struct target_map *map = target_map_at(p, addr - is_return);
	const struct elffile_symbol *sym;
	uint64_t vaddr;

	memset(out, 0, sizeof(*out));
	out->addr = addr;
	out->module = "";
	out->build_id = "";
	out->kind = SYMBOL_NOTHING;
	if (!map)
		return;
	out->executable = map->executable;
	out->kind = SYMBOL_REGION;
	out->module = *map->name ? map->name : "anonymous";
	if (!map->module)
		return;
	out->module = map->module->name;
	out->kind = SYMBOL_MODULE;
	out->module_offset = addr - map->start + map->file_offset;
	if (!map->module->elf || elffile_offset_to_vaddr(map->module->elf, out->module_offset - is_return, &vaddr))
		return;
	out->module_offset = vaddr + is_return;
	out->build_id = elffile_build_id(map->module->elf);
	sym = lookup(s, p, map->module, vaddr);
	if (!sym)
		return;
	out->kind = SYMBOL_FUNCTION;
	out->function = sym->name;
	out->function_offset = out->module_offset - sym->vaddr;
}

/* php_name - "Class::method", kept until symbol_close(): there are as many as PHP frames that are shown. */
static const char *php_name(struct symbol *s, const char *class_name, const char *function)
{
	char **grown, *name;

	if (asprintf(&name, "%s::%s", class_name, function) < 0)
		return function;
	for (size_t i = 0; i < s->n_names; i++) {
		if (!strcmp(s->name[i], name)) {
			free(name);
			return s->name[i];
		}
	}
	grown = realloc(s->name, (s->n_names + 1) * sizeof(*grown));
	if (!grown) {
		free(name);
		return function;
	}
	s->name = grown;
	s->name[s->n_names++] = name;
	return name;
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
