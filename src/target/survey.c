// SPDX-License-Identifier: GPL-2.0-or-later
/* target/survey.c - what could be traced in a process: the questions that are asked when probes are placed, without placing any. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "swtrace/abi.h"
#include "target/internal.h"

/* is_known - has an earlier mapping the same file? */
static int is_known(const struct target_process *p, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (p->map[k].module == p->map[i].module)
			return 1;
	return 0;
}

/* add_sites - of one file, of one sort.  Return: their number, or -ENOMEM. */
static int add_sites(const struct target_module *m, int what, struct target_survey *out)
{
	struct target_site *site;
	int n = target_module_sites(m, what, &site), n_functions = 0;

	for (int i = 0; i < n; i++) {
		if (SWT_COOKIE_OP(site[i].cookie) == SWT_OP_LEAVE)
			continue;
		n_functions++;
		out->n_returns += site[i].wants_return != 0;
		out->n_cheap += site[i].is_cheap != 0;
	}
	out->n_functions += n_functions;
	if (n >= 0)
		free(site);
	return n < 0 ? n : n_functions;
}

static void add_request(struct target_survey *out, const char *function)
{
	for (size_t i = 0; i < out->n_requests; i++)
		if (!strcmp(out->request[i], function))
			return;
	if (out->n_requests < TARGET_SURVEY_REQUESTS)
		out->request[out->n_requests++] = function;
}

static void add_requests(const struct target_module *m, struct target_survey *out)
{
	struct target_site site[TARGET_REQUEST_SITES];
	size_t n = target_request_sites(m, NULL, 0, site);
	uint64_t offset;

	if (!target_php_request_site(m, &offset))
		add_request(out, "php_request_startup");
	for (size_t i = 0; i < n; i++)
		add_request(out, site[i].function);
}

int target_survey(const struct target_process *p, struct target_survey *out)
{
	struct swt_php php;
	uint64_t heap_at;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < p->n_maps; i++) {
		const struct target_module *m = p->map[i].module;
		int n = 0, more;

		if (!m || !m->elf || is_known(p, i))
			continue;
		if (target_uses_malloc(p, m))
			n = add_sites(m, TARGET_SITES_MALLOC, out);
		more = n < 0 ? n : add_sites(m, TARGET_SITES_OTHER, out);
		if (more < 0)
			return more;
		out->n_files += n + more > 0;
		add_requests(m, out);
	}
	out->php = target_php(p, NULL, &php, out->php_version, sizeof(out->php_version));
	out->has_heap = !target_zend_heap(p, &heap_at);
	return 0;
}
