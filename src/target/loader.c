// SPDX-License-Identifier: GPL-2.0-or-later
/* target/loader.c - the dynamic loader of a process, and what it lets debuggers know: struct r_debug of <link.h>, of which
 * glibc's loader exports the variable _r_debug, musl's a pointer, _dl_debug_addr. */
#include <errno.h>
#include <link.h>
#include <stddef.h>

#include "target/internal.h"

struct target_module *target_loader(const struct target_process *p)
{
	struct target_module *exe = exe_module(p);
	uint64_t offset;

	if (!exe || !exe->elf || !elffile_interp(exe->elf))
		return NULL;
	for (size_t i = 0; i < p->n_maps; i++)
		if (p->map[i].module && p->map[i].module != exe && !target_dl_site(p->map[i].module, &offset))
			return p->map[i].module;
	return NULL;
}

/* bias_of - what is added to a module's own addresses in the process; 0 = not known. */
static uint64_t bias_of(const struct target_process *p, const struct target_module *m)
{
	uint64_t bias;

	for (size_t i = 0; m && i < p->n_maps; i++)
		if (p->map[i].module == m && !map_bias(&p->map[i], &bias))
			return bias;
	return 0;
}

int loader_debug(const struct target_process *p, uint64_t *at)
{
	const struct target_module *loader = target_loader(p);
	struct elffile_symbol sym;
	uint64_t bias = bias_of(p, loader);

	if (!bias)
		return -ENOENT;
	if (!elffile_find_object(loader->elf, "_r_debug", &sym)) {
		*at = bias + sym.vaddr;
		return 0;
	}
	if (elffile_find_object(loader->elf, "_dl_debug_addr", &sym))
		return -ENOENT;
	return process_read(p->pid, bias + sym.vaddr, at, sizeof(*at));
}

int target_loader_state(const struct target_process *p, uint64_t *r_debug, int *is_open)
{
	int state = 0, err = loader_debug(p, r_debug);

	if (!err && !*r_debug)
		err = -ENOENT;
	if (!err)
		err = process_read(p->pid, *r_debug + offsetof(struct r_debug, r_state), &state, sizeof(state));
	if (!err)
		*is_open = state != RT_CONSISTENT;
	return err;
}

int target_abort_message(const struct target_process *p, uint64_t *at)
{
	struct elffile_symbol sym;

	for (size_t i = 0; i < p->n_maps; i++) {
		const struct target_module *m = p->map[i].module;

		if (!m || !m->elf || elffile_find_object(m->elf, "__abort_msg", &sym))
			continue;
		*at = bias_of(p, m) + sym.vaddr;
		return 0;
	}
	return -ENOENT;
}
