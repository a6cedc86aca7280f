// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/requests.c - what the user asks to be counted as requests, and the traced processes do not have: say so, and what is near. */
#include <string.h>

#include "cli/run.h"
#include "util/msg.h"
#include "util/strbuf.h"

#define FILES_SHOWN 8

static int has_symbol(const struct target_module *m, const char *symbol)
{
	struct elffile_symbol sym;

	return m->elf && !elffile_find(m->elf, symbol, &sym);
}

/* find - the file that it names, or NULL: no process maps it. */
static const struct target_module *find(const struct run *r, const struct target_request *want)
{
	struct target_process *p;

	for (size_t i = 0; (p = target_at(r->target, i)); i++)
		for (size_t k = 0; k < p->n_maps; k++)
			if (p->map[k].module && target_request_in(p->map[k].module, want) >= 0)
				return p->map[k].module;
	return NULL;
}

/* add_files - some of the files that are mapped, those with the function first. */
static void add_files(const struct run *r, const struct target_request *want, int with_symbol, struct strbuf *b, int *n)
{
	const struct target_module *last = NULL;
	struct target_process *p = target_at(r->target, 0);

	for (size_t k = 0; p && k < p->n_maps && *n < FILES_SHOWN; k++) {
		const struct target_module *m = p->map[k].module;

		if (!m || !m->elf || m == last || has_symbol(m, want->symbol) != with_symbol)
			continue;
		last = m;
		strbuf_add(b, (*n)++ ? ", " : "");
		strbuf_add(b, m->path);
	}
}

static void no_file(const struct run *r, const struct target_request *want)
{
	struct strbuf files = { 0 };
	int n = 0;

	add_files(r, want, 1, &files, &n);
	if (n) {
		msg_error("--request-probe %s:%s: no traced process maps such a file", want->file, want->symbol);
		msg_try("that function is in %s", files.data);
	} else {
		add_files(r, want, 0, &files, &n);
		msg_error(
			"--request-probe %s:%s: no traced process maps such a file, and none of these has the function: %s",
			want->file, want->symbol, files.data ? files.data : "(none)");
		msg_try("give a path as /proc/PID/maps shows it, or its last names; if it is loaded later, start swtrace then");
	}
	strbuf_free(&files);
}

static void no_symbol(const struct target_request *want, const struct target_module *m)
{
	const char *near = target_nearest_function(m, want->symbol);

	msg_error("--request-probe: %s has no function '%s'", want->file, want->symbol);
	if (near)
		msg_try("'%s' is near; nm and nm -D list its functions, C++'s under their mangled names", near);
	else
		msg_try("nm and nm -D list its functions, C++'s under their mangled names; a stripped file has those alone that it "
			"exports");
}

int requests_check(const struct run *r)
{
	int code = 0;

	for (size_t i = 0; i < r->s->n_requests; i++) {
		const struct target_request *want = &r->s->request[i];
		const struct target_module *m;

		if (attach_has_request(r->attach, i))
			continue;
		m = find(r, want);
		if (m)
			no_symbol(want, m);
		else
			no_file(r, want);
		code = EXIT_USAGE;
	}
	return code;
}
