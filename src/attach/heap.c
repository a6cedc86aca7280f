// SPDX-License-Identifier: GPL-2.0-or-later
/* attach/heap.c - the Zend heap of a process: where it is, for the kernel side, which must know whether it drops its blocks at
 * the end of a request; and how much was in it when tracing began. */
#include <errno.h>
#include <string.h>

#include "attach/internal.h"
#include "util/msg.h"

#define TRIES 100 /* the process runs meanwhile */

/* read_both - what PHP counts and what the books hold, at one moment: nothing has changed in between. */
static int read_both(const struct swt_proc *proc, pid_t pid, uint64_t heap_at, uint64_t *size, uint64_t *traced)
{
	uint64_t again;
	int err = 0;

	for (int i = 0; i < TRIES && !err; i++) {
		*traced = __atomic_load_n(&proc->zend.traced_bytes, __ATOMIC_ACQUIRE);
		err = target_zend_size(pid, heap_at, size);
		again = __atomic_load_n(&proc->zend.traced_bytes, __ATOMIC_ACQUIRE);
		if (again == *traced)
			break;
	}
	return err;
}

void heap_begin(struct attach *a, const struct target_process *p)
{
	struct swt_proc *proc = attach_proc(a, p->pid);
	uint64_t heap_at, size, traced;
	struct swt_php *php;
	int err;

	if (!proc)
		return;
	php = &a->tables.php[proc - a->proc];
	if (php->heap_at || target_zend_heap(p, &heap_at))
		return;
	php->free_slots = target_zend_free_slots(proc->zend_least_bytes);
	err = read_both(proc, p->pid, heap_at, &size, &traced);
	if (err == -ENODATA)
		proc->zend.is_custom = 1;
	proc->zend.before_bytes = !err && size > traced ? size - traced : 0;
	__atomic_store_n(&php->heap_at, heap_at, __ATOMIC_RELEASE);
	if (!err)
		__atomic_store_n(&php->heap, target_zend_pointer(p->pid, heap_at), __ATOMIC_RELEASE);
	if (err == -ENODATA)
		msg_debug("%d: PHP's heap passes everything on to malloc", p->pid);
}
