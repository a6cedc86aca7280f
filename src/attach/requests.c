// SPDX-License-Identifier: GPL-2.0-or-later
/* attach/requests.c - the probes that count requests. They cost a request, not an allocation, so they are in place all the time,
 * also between windows. That of php_request_startup is placed with the engine's others (probes.c): it has more to do. */
#include <errno.h>
#include <stdlib.h>

#include "attach/internal.h"
#include "swtrace.skel.h"
#include "util/msg.h"

int requests_sites(const struct attach *a, const struct target_module *m, struct target_site **out)
{
	struct target_site *site = malloc(TARGET_REQUEST_SITES * sizeof(*site));
	size_t n = site ? target_request_sites(m, a->request, a->n_requests, site) : 0;

	if (!site)
		return -ENOMEM;
	if (!n)
		free(site);
	*out = n ? site : NULL;
	return (int)n;
}

int requests_place(struct attach *a, const struct target_process *p)
{
	const struct target_site *site;
	int err = 0;

	for (size_t i = 0; err >= 0 && i < p->n_maps; i++) {
		const struct target_module *m = p->map[i].module;
		int n;

		if (!m || (i && m == p->map[i - 1].module) || probes_lasting(a, p, m, PROBE_SET_REQUESTS) >= 0)
			continue;
		for (size_t k = 0; k < a->n_requests; k++)
			if (target_request_in(m, &a->request[k]) > 0)
				a->requests_found |= 1U << k;
		n = err = probes_sites(a, m, PROBE_SET_REQUESTS, &site);
		if (n <= 0)
			continue;
		err = probes_place_lasting(a, p, m, PROBE_SET_REQUESTS, a->skel->progs.on_request, site, n);
		msg_debug("%d: %s: %d functions that begin a request probed", p->pid, m->path, err);
	}
	return err < 0 ? err : 0;
}

int attach_has_request(const struct attach *a, size_t i)
{
	return a->requests_found >> i & 1;
}

void requests_note(struct attach *a, const struct target_process *p)
{
	const struct target_site *site;
	struct swt_proc *proc = attach_proc(a, p->pid);
	uint32_t kinds = 0;
	uint64_t offset;

	for (size_t i = 0; i < p->n_maps; i++) {
		const struct target_module *m = p->map[i].module;
		int n = 0;

		if (!m || !m->elf || (i && m == p->map[i - 1].module))
			continue;
		if (!target_php_request_site(m, &offset))
			kinds |= 1U << SWT_REQUEST_PHP;
		if (probes_lasting(a, p, m, PROBE_SET_REQUESTS) > 0)
			n = probes_sites(a, m, PROBE_SET_REQUESTS, &site);
		for (int k = 0; k < n; k++)
			kinds |= 1U << site[k].cookie;
	}
	if (proc)
		__atomic_store_n(&proc->request_kinds, kinds, __ATOMIC_RELEASE);
}
