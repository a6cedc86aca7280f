// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/follow.c - the children of traced processes: a master's workers, and those that take the place of workers that ended.
 * The kernel side tells of each fork, and has made the child known by then; here it gets probes of its own. What it allocates
 * before that is not seen: its books start empty, as if tracing of it began there. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/due.h"
#include "util/msg.h"

/* begin - probe a process that was just added.  @is_new  the kernel side has told of it */
static int begin(struct run *r, struct target_process *p, int is_new)
{
	int err = attach_adopt(r->attach, p);

	if (err == -ESRCH && !is_new)
		err = attach_register(r->attach, p->pid, 0);
	if (err)
		return err;
	p->is_followed = 1;
	attach_set_follow(r->attach, p->pid, 1);
	err = attach_probe(r->attach, p, 0);
	return err < 0 ? err : events_probe(r, p);
}

/* add - trace a child.  Return: it, or NULL: it is none of this program, or has ended, or cannot be traced (a warning); or it
 * comes later, since files are being read. */
static struct target_process *add(struct run *r, const struct target_process *parent, pid_t pid, int is_new)
{
	struct target_process *p;
	int err = target_add_within(r->target, pid, is_new ? r->look_ns : UINT64_MAX, &p);

	if (err == -EINPROGRESS && !due_while_read(r, pid, parent->pid))
		err = target_add(r->target, pid, &p);
	if (err)
		return NULL;
	if (!p->exe || !parent->exe || strcmp(p->exe, parent->exe) != 0) {
		target_remove(r->target, p);
		return NULL;
	}
	err = begin(r, p, is_new);
	if (err >= 0) {
		target_drop_child(r->target, pid);
		return p;
	}
	if (err != -ESRCH)
		msg_warn("%d: this child of %d is not traced: %s", pid, parent->pid, strerror(-err));
	attach_unprobe(r->attach, pid);
	target_remove(r->target, p);
	return NULL;
}

void follow_begin(struct run *r, struct target_process *p)
{
	pid_t *child;
	int n;

	if (r->s->follow == CLI_FOLLOW_NONE)
		return;
	if (r->s->follow != CLI_FOLLOW_ALL && !p->is_followed && !target_has_child(p))
		return;
	/* Before they are listed: one that is made in between is told of. */
	attach_set_follow(r->attach, p->pid, 1);
	n = target_children(p, &child);
	if (n < 0)
		msg_warn("%d: its children are not traced: %s", p->pid, strerror(-n));
	for (int i = 0; i < n; i++) {
		struct target_process *added = target_find(r->target, child[i]) ? NULL : add(r, p, child[i], 0);

		if (added)
			follow_begin(r, added);
	}
	free(child);
}

void follow_child(struct run *r, const struct target_process *parent, pid_t pid)
{
	if (r->s->follow == CLI_FOLLOW_NONE || target_find(r->target, pid))
		return;
	if (add(r, parent, pid, 1))
		msg_note("%d, a child of %d, is traced, too", pid, parent->pid);
}

void follow_retire(struct run *r, struct target_process *p)
{
	windows_forget(r, p->pid);
	attach_unprobe(r->attach, p->pid);
	attach_forget(r->attach, p->pid);
	target_remove(r->target, p);
}
