// SPDX-License-Identifier: GPL-2.0-or-later
/* attach/spans.c - the mappings of processes, and where their PHP call chains are, put where the kernel side's stack walk
 * finds them.
 * A process's spans are written to a free place of the pool and published by one store. A place is free again when no
 * process refers to it (children share their parent's) and walks that may still read it are over. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "attach/internal.h"
#include "reader/reader.h"
#include "swtrace.skel.h"
#include "util/clock.h"
#include "util/msg.h"

/* span_fill - the span of one executable mapping. Return: 1, or 0 when the mapping needs none. */
static int span_fill(struct attach *a, const struct target_map *m, struct swt_span *s)
{
	const struct unwind_file *f;
	uint64_t vaddr;

	memset(s, 0, sizeof(*s));
	if (!m->executable || !strcmp(m->name, "[vsyscall]"))
		return 0;
	s->start = m->start;
	s->end = m->end;
	/* Code without an ELF file was made at run time: in anonymous memory, or, by opcache, in shared /dev/zero. */
	s->is_jit = !m->module || !m->module->elf;
	s->file = m->module ? m->module->number : 0;
	f = m->module && m->module->elf ? tables_file(a, m->module) : NULL;
	if (f && f->n_pages && !elffile_offset_to_vaddr(m->module->elf, m->file_offset, &vaddr)) {
		s->bias = m->start - (vaddr - f->base);
		s->page = f->page;
		s->n_pages = f->n_pages;
	}
	return 1;
}

/* places_mark - which places processes refer to, and which were referred to a moment ago. */
static void places_mark(struct attach *a)
{
	struct unwind_tables *t = &a->tables;
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	for (size_t i = 0; i < t->n_places; i++)
		t->place[i].is_used = now - t->place[i].left_ns <= TABLES_REUSE_NS;
	for (int slot = 0; slot < SWT_MAX_PROCS; slot++) {
		uint64_t space = __atomic_load_n(&a->proc[slot].space, __ATOMIC_ACQUIRE);

		for (size_t i = 0; space && i < t->n_places; i++)
			t->place[i].is_used |= t->place[i].first == SWT_SPACE_FIRST(space);
	}
}

/* place_find - a place in the pool for n spans: one that is free, or behind the last one. */
static int place_find(struct attach *a, uint32_t n, uint32_t *first)
{
	struct unwind_tables *t = &a->tables;
	struct span_place *grown;

	places_mark(a);
	for (size_t i = 0; i < t->n_places; i++) {
		if (!t->place[i].is_used && t->place[i].n >= n) {
			*first = t->place[i].first;
			return 0;
		}
	}
	/* Room to grow, so that a library more does not need a new place. */
	n = n + 64;
	if (t->n_spans + n > SWT_MAX_SPANS)
		return -ENOSPC;
	grown = realloc(t->place, (t->n_places + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	t->place = grown;
	t->place[t->n_places++] = (struct span_place){ .first = t->n_spans, .n = n };
	*first = t->n_spans;
	t->n_spans += n;
	return 0;
}

void tables_leave(struct attach *a, uint64_t space)
{
	struct unwind_tables *t = &a->tables;

	for (size_t i = 0; space && i < t->n_places; i++)
		if (t->place[i].first == SWT_SPACE_FIRST(space))
			t->place[i].left_ns = clock_ns(CLOCK_MONOTONIC);
}

/* mark_file - the file to which a page belongs is in use. */
static void mark_file(struct unwind_tables *t, uint32_t page, uint64_t now)
{
	for (size_t i = 0; i < t->n_files; i++)
		if (page - t->file[i].page < t->file[i].n_pages)
			t->file[i].used_ns = now;
}

void tables_mark_files(struct attach *a)
{
	struct unwind_tables *t = &a->tables;
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	places_mark(a);
	for (size_t i = 0; i < t->n_places; i++) {
		const struct span_place *p = &t->place[i];

		for (uint32_t k = p->first; p->is_used && k < p->first + p->n; k++)
			if (t->span[k].n_pages)
				mark_file(t, t->span[k].page, now);
	}
}

int tables_publish(struct attach *a, const struct target_process *p, int anew)
{
	struct swt_proc *proc = attach_proc(a, p->pid);
	uint64_t before;
	uint32_t n = 0, first;
	struct swt_span s;
	int err;

	if (!proc)
		return -ESRCH;
	if (!anew && SWT_SPACE_GENERATION(proc->space) == p->generation)
		return 0;
	for (size_t i = 0; i < p->n_maps; i++)
		n += p->map[i].executable;
	if (n >= 1U << SWT_SPANS_SHIFT)
		n = (1U << SWT_SPANS_SHIFT) - 1;
	err = place_find(a, n, &first);
	if (err)
		return err;
	tables_read_ahead(a, p);
	n = 0;
	for (size_t i = 0; i < p->n_maps && n < (1U << SWT_SPANS_SHIFT) - 1; i++)
		if (p->map[i].executable && span_fill(a, &p->map[i], &s))
			a->tables.span[first + n++] = s;
	err = chunks_publish(a);
	if (err)
		return err;
	before = __atomic_exchange_n(&proc->space, SWT_SPACE(p->generation, first, n), __ATOMIC_ACQ_REL);
	tables_leave(a, before);
	return 0;
}

/* php_refuse - no PHP frames for this process, and why; said once. */
static void php_refuse(struct swt_php *slot, pid_t pid, const char *version, int err)
{
	__atomic_store_n(&slot->current, 0, __ATOMIC_RELEASE);
	slot->flags = SWT_PHP_REFUSED;
	msg_warn("%d: PHP %s: native frames only: %s", pid, version,
		err == -ENOTSUP	 ? "this version is not known"
		: err == -ENOSYS ? "a thread-safe build (ZTS) that does not say where its threads' globals are"
				 : "its engine is not laid out as this version's is");
}

/* layout_of - offsets as debug information has them, unless the kernel side could not read there.  Return: 1 or 0. */
static int layout_of(const uint32_t at[READER_PHP_OFFSETS], struct target_php_layout *out)
{
	static const uint32_t size[READER_PHP_OFFSETS] = { 8, 8, 4, 8, 4 };

	for (int i = 0; i < READER_PHP_OFFSETS; i++)
		if (at[i] % size[i] ||
			at[i] > (i == READER_PHP_CURRENT ? UINT16_MAX : SWT_PHP_FUNCTION_BYTES) - size[i])
			return 0;
	*out = (struct target_php_layout){ .current = at[READER_PHP_CURRENT],
		.filename = at[READER_PHP_FILENAME],
		.line_start = at[READER_PHP_LINE_START],
		.opcodes = at[READER_PHP_OPCODES],
		.last = at[READER_PHP_LAST] };
	return 1;
}

/* debug_layout - what the debug information of the process's engine says, or NULL. It is only looked for once a file: all
 * workers of a pool run the same. */
static const struct target_php_layout *debug_layout(struct attach *a, const struct target_process *p)
{
	const struct target_module *m = target_php_engine(p);
	struct unwind_tables *t = &a->tables;
	uint32_t at[READER_PHP_OFFSETS];
	int fd;

	if (!m || !a->reader)
		return NULL;
	if (m != t->engine) {
		fd = target_debug_by_build_id(m, p);
		t->engine = m;
		t->has_engine_layout =
			!reader_php(a->reader, fd < 0 ? m->fd : fd, m->path, at) && layout_of(at, &t->engine_layout);
		if (fd >= 0)
			close(fd);
		if (t->has_engine_layout)
			msg_debug("%s: PHP's layout is in its debug information", m->path);
	}
	return t->has_engine_layout ? &t->engine_layout : NULL;
}

/* php_check_again - when the process was found, it had no PHP function to check the layout by.  Return: 1 when it has turned
 * out to be wrong. */
static int php_check_again(const struct target_process *p, struct swt_php *slot)
{
	int found = target_php_check(p, slot);
	struct swt_php unused;
	char version[16];

	if (found > 0)
		slot->flags &= ~SWT_PHP_UNCHECKED;
	if (found >= 0)
		return 0;
	target_php(p, NULL, &unused, version, sizeof(version));
	php_refuse(slot, p->pid, version, found);
	return 1;
}

int tables_publish_php(struct attach *a, const struct target_process *p)
{
	struct swt_proc *proc = attach_proc(a, p->pid);
	struct swt_php php, *slot;
	char version[16];
	uint64_t current;
	int found;

	if (!proc)
		return 0;
	slot = &a->tables.php[proc - a->proc];
	if (slot->flags & SWT_PHP_UNCHECKED)
		return php_check_again(p, slot);
	if (slot->current || slot->flags & SWT_PHP_REFUSED)
		return 0;
	found = target_php(p, debug_layout(a, p), &php, version, sizeof(version));
	proc->zend_least_bytes = target_zend_least_bytes(version);
	if (!found)
		return 0;
	if (found < 0) {
		php_refuse(slot, p->pid, version, found);
		return 0;
	}
	/* current last: a walk that sees it sees the rest. */
	current = php.current;
	php.current = 0;
	php.requests = slot->requests;
	php.heap_at = slot->heap_at;
	php.heap = slot->heap;
	php.free_slots = slot->free_slots;
	php.flags |= found == 2 ? SWT_PHP_UNCHECKED : 0;
	*slot = php;
	__atomic_store_n(&slot->current, current, __ATOMIC_RELEASE);
	msg_debug("%d: PHP %s%s", p->pid, version, found == 2 ? ", to be checked when it runs" : "");
	return 1;
}

int tables_open(struct attach *a)
{
	int err = rows_open(a);

	if (err)
		return err;
	a->tables.span = attach_map_table(a->skel->maps.spans, SWT_MAX_SPANS, PROT_READ | PROT_WRITE);
	a->tables.php = attach_map_table(a->skel->maps.php_procs, SWT_MAX_PROCS, PROT_READ | PROT_WRITE);
	a->tables.php_frame = attach_map_table(a->skel->maps.php_table, SWT_PHP_FRAMES, PROT_READ);
	return a->tables.span && a->tables.php && a->tables.php_frame ? 0 : -errno;
}

void tables_close(struct attach *a)
{
	struct unwind_tables *t = &a->tables;

	rows_close(a);
	if (t->span)
		munmap(t->span, SWT_MAX_SPANS * sizeof(*t->span));
	if (t->php)
		munmap(t->php, SWT_MAX_PROCS * sizeof(*t->php));
	if (t->php_frame)
		munmap(t->php_frame, SWT_PHP_FRAMES * sizeof(*t->php_frame));
	free(t->place);
	memset(t, 0, sizeof(*t));
}
