// SPDX-License-Identifier: GPL-2.0-or-later
/* places.c - the probes of the oracle's own program, beside production's. */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "attach/internal.h"
#include "swtrace.skel.h"

#include "places.h"
#include "point.h"

#define MAX_PLACES PLACES_INSTRUCTIONS /* in one file */

static int is_asked(const struct places *l, const char *function)
{
	for (size_t i = 0; i < l->n_patterns; i++)
		if (!fnmatch(l->pattern[i], function, 0))
			return 1;
	return 0;
}

/* place - the program at n places of a file. Where production uses perf events, so do we. */
static int place(const struct places *l, const struct probed *d, int end, const uint64_t *offset, size_t n)
{
	const struct bpf_program *prog = l->attach->skel->progs.on_oracle;
	uint64_t cookie[MAX_PLACES];
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", d->module->fd);
	for (size_t k = 0; k < n; k++)
		cookie[k] = end;
	if (l->attach->kind != PROBE_PERF)
		return link_uprobe_multi(bpf_program__fd(prog), ATTACH_UPROBE_MULTI, end == ORACLE_RETURN, path, d->pid,
			offset, cookie, n);
	for (size_t k = 0; k < n; k++) {
		LIBBPF_OPTS(bpf_uprobe_opts, opts, .retprobe = end == ORACLE_RETURN, .bpf_cookie = end);

		if (!bpf_program__attach_uprobe_opts(prog, d->pid ? d->pid : -1, path, offset[k], &opts))
			return -errno;
	}
	return -1; /* no descriptor: the links stay until we end */
}

/* find_places - the allocator functions that are asked for, as production finds them, and other functions by name. */
static size_t find_places(const struct places *l, const struct target_module *m, uint64_t *offset)
{
	struct elffile_symbol symbol;
	int has_sites = 0;
	size_t n = 0;

	for (int what = 0; what < TARGET_SITES; what++) {
		struct target_site *site = NULL;
		int n_sites = target_module_sites(m, what, &site);

		has_sites |= n_sites > 0;
		for (int i = 0; i < n_sites && n < MAX_PLACES; i++)
			if (SWT_COOKIE_OP(site[i].cookie) != SWT_OP_LEAVE && is_asked(l, site[i].function))
				offset[n++] = site[i].offset;
		free(site);
	}
	for (size_t i = 0; i < l->n_patterns && !has_sites; i++)
		if (!elffile_find(m->elf, l->pattern[i], &symbol) &&
			!elffile_vaddr_to_offset(m->elf, symbol.vaddr, &offset[n]))
			n++;
	return n;
}

/* find_instructions - those of this file. */
static size_t find_instructions(const struct places *l, const struct target_module *m, uint64_t *offset)
{
	size_t n = 0, length = strlen(m->name);

	for (size_t i = 0; i < l->n_instructions; i++) {
		const char *text = l->instruction[i];

		if (!strncmp(text, m->name, length) && text[length] == '+' &&
			!elffile_vaddr_to_offset(m->elf, strtoull(text + length + 1, NULL, 16), &offset[n]))
			n++;
	}
	return n;
}

static int module_add(struct places *l, const struct target_process *p, const struct target_module *m)
{
	uint64_t function[MAX_PLACES], instruction[MAX_PLACES];
	struct probed *grown, *d;
	size_t n, n_instructions;

	for (size_t i = 0; i < l->n_probed; i++)
		if (l->probed[i].module == m && (l->everywhere || l->probed[i].pid == p->pid))
			return 0;
	n = m->elf ? find_places(l, m, function) : 0;
	n_instructions = m->elf ? find_instructions(l, m, instruction) : 0;
	if (!n && !n_instructions)
		return 0;
	grown = realloc(l->probed, (l->n_probed + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	l->probed = grown;
	d = &grown[l->n_probed++];
	*d = (struct probed){ m, l->everywhere ? 0 : p->pid, { -1, -1, -1 } };
	if (n)
		d->fd[0] = place(l, d, ORACLE_ENTRY, function, n);
	if (n && d->fd[0] >= -1)
		d->fd[1] = place(l, d, ORACLE_RETURN, function, n);
	if (n_instructions)
		d->fd[2] = place(l, d, ORACLE_ENTRY, instruction, n_instructions);
	for (int i = 0; i < PROBED_FDS; i++)
		if (d->fd[i] < -1)
			return d->fd[i];
	return 0;
}

int places_add(struct places *l, struct attach *a, const struct target_process *p)
{
	int err = 0;

	l->attach = a;
	for (size_t i = 0; !err && i < p->n_maps; i++)
		if (p->map[i].module && p->map[i].executable)
			err = module_add(l, p, p->map[i].module);
	return err;
}

void places_free(struct places *l)
{
	for (size_t i = 0; i < l->n_probed; i++)
		for (int k = 0; k < PROBED_FDS; k++)
			if (l->probed[i].fd[k] >= 0)
				close(l->probed[i].fd[k]);
	free(l->probed);
}
