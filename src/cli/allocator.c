// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/allocator.c - which malloc a process's calls resolve to, told to people: which was chosen, and why. */
#include <string.h>

#include "cli/run.h"
#include "util/msg.h"
#include "util/strbuf.h"

static void add_why(struct strbuf *b, const struct target_process *p, const struct target_allocator *a)
{
	if (a->use == TARGET_OWN)
		strbuf_add(b, "it is in the program's own file");
	else if (a->use == TARGET_ONLY)
		strbuf_add(b, "no other file defines it");
	else if (a->use == TARGET_ORDER)
		strbuf_add(b, "it is the first that the loader will find");
	else if (a->by && p->exe && !strcmp(a->by->path, p->exe))
		strbuf_add(b, "the program's calls resolve to it");
	else
		strbuf_addf(b, "calls of %s resolve to it", a->by ? a->by->name : "its files");
}

void run_add_allocator(struct strbuf *b, const struct target_process *p)
{
	const struct target_allocator *a = &p->allocator[0];
	int is_libc;
	const char *name = target_allocator_name(a->module, &is_libc);

	if (name)
		strbuf_addf(b, "malloc is %s's (%s): ", name, a->module->name);
	else
		strbuf_addf(b, "malloc is that of %s: ", a->module->name);
	add_why(b, p, a);
}

/* tell_chosen - a libc's malloc is what everybody expects. */
static void tell_chosen(const struct target_process *p, const struct target_allocator *a)
{
	struct strbuf line = { 0 };
	int is_libc;

	target_allocator_name(a->module, &is_libc);
	strbuf_addf(&line, "%d: ", p->pid);
	run_add_allocator(&line, p);
	if (is_libc)
		msg_debug("%s", line.data ? line.data : "");
	else
		msg_note("%s", line.data ? line.data : "");
	strbuf_free(&line);
}

static void tell_other(const struct target_process *p, const struct target_allocator *a)
{
	const char *file = a->module->name;
	int is_libc;

	target_allocator_name(a->module, &is_libc);
	if (a->use == TARGET_CALLED)
		msg_note("%d: malloc of %s is traced too: calls of %s resolve to it", p->pid, file, a->by->name);
	else if (a->use == TARGET_HIDDEN)
		msg_note("%d: malloc of %s is traced too: code of its own file may call it", p->pid, file);
	else if (a->use == TARGET_MAYBE)
		msg_debug("%d: malloc of %s is traced too: calls may resolve to it later", p->pid, file);
	else if (is_libc)
		msg_debug("%d: malloc of %s is not traced: no calls resolve to it", p->pid, file);
	else
		msg_note("%d: malloc of %s is not traced: no calls resolve to it", p->pid, file);
}

void run_tell_allocators(struct target_process *p)
{
	if (!p->n_allocators || p->note == p->allocator[0].module || !target_is_started(p))
		return;
	p->note = p->allocator[0].module;
	tell_chosen(p, &p->allocator[0]);
	for (size_t i = 1; i < p->n_allocators; i++)
		tell_other(p, &p->allocator[i]);
}
