// SPDX-License-Identifier: GPL-2.0-or-later
/* attach/tables.c - unwind rows of files and mappings of processes, put where the kernel side's stack walk finds them.
 * A file's rows are loaded once, whoever maps it, and stay. A process's spans are written to a free place of the pool and
 * published by one store; the place they had before is used again only after walks that may still read it are over. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "attach/internal.h"
#include "swtrace.skel.h"
#include "util/msg.h"

/* A walk takes microseconds; one that is preempted in the middle may take longer. */
#define SPAN_REUSE_NS 2000000000ULL

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* chunk_add - one more chunk, mapped and known to the kernel side, empty. */
static int chunk_add(struct attach *a)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE, .btf_fd = bpf_object__btf_fd(a->skel->obj),
		.btf_key_type_id = a->tables.key_type, .btf_value_type_id = a->tables.value_type);
	struct unwind_tables *t = &a->tables;
	__u32 index = t->n_chunks;
	int fd, err = 0;
	void *rows;

	if (t->n_chunks == SWT_MAX_CHUNKS)
		return -ENOSPC;
	fd = bpf_map_create(
		BPF_MAP_TYPE_ARRAY, "row_chunk", sizeof(__u32), sizeof(struct swt_row), SWT_CHUNK_ROWS, &opts);
	if (fd < 0)
		return -errno;
	rows = mmap(NULL, SWT_CHUNK_ROWS * sizeof(struct swt_row), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (rows == MAP_FAILED || bpf_map_update_elem(bpf_map__fd(a->skel->maps.row_chunks), &index, &fd, BPF_ANY))
		err = -errno;
	close(fd); /* the outer map and the mapping hold it */
	if (err) {
		if (rows != MAP_FAILED)
			munmap(rows, SWT_CHUNK_ROWS * sizeof(struct swt_row));
		return err;
	}
	t->chunk[t->n_chunks++] = rows;
	t->chunk_used = 0;
	return 0;
}

/* page_write - the rows of one page: the one that holds at its start, and those that start in it. */
static int page_write(struct attach *a, const struct target_rows *rows, size_t from, size_t to, uint32_t page)
{
	struct unwind_tables *t = &a->tables;
	size_t n = to - from;
	int err;

	if (n >= 1U << SWT_PAGE_ROWS_SHIFT)
		return -E2BIG;
	if (!t->n_chunks || t->chunk_used + n > SWT_CHUNK_ROWS) {
		err = chunk_add(a);
		if (err)
			return err;
	}
	memcpy(t->chunk[t->n_chunks - 1] + t->chunk_used, rows->row + from, n * sizeof(*rows->row));
	t->page[page].chunk = t->n_chunks - 1;
	t->page[page].first = t->chunk_used;
	t->page[page].n = n;
	t->chunk_used += n;
	return 0;
}

/* file_load - the rows of a file, page by page. */
static int file_load(struct attach *a, struct unwind_file *f)
{
	struct unwind_tables *t = &a->tables;
	struct target_rows rows;
	size_t at = 0, end;
	int err;

	err = f->module->fd < 0 ? -EBADF : target_rows_read(f->module->fd, &rows);
	if (err || !rows.n)
		return err;
	f->base = rows.base;
	f->page = t->n_pages;
	f->n_pages = (rows.row[rows.n - 1].vaddr >> SWT_PAGE_SHIFT) + 1;
	if (f->n_pages > SWT_MAX_PAGES - t->n_pages)
		err = -ENOSPC;
	for (uint32_t page = 0; !err && page < f->n_pages; page++) {
		for (end = at; end < rows.n && rows.row[end].vaddr >> SWT_PAGE_SHIFT <= page; end++)
			;
		/* The row before the page's first one still holds at its start. */
		err = page_write(a, &rows, at ? at - 1 : 0, end, f->page + page);
		at = end;
	}
	if (!err)
		t->n_pages += f->n_pages;
	else
		f->n_pages = 0;
	target_rows_free(&rows);
	return err;
}

/* file_get - a mapped file's pages, loaded now if they are not yet. One that has none is remembered too. */
static const struct unwind_file *file_get(struct attach *a, const struct target_module *m)
{
	struct unwind_tables *t = &a->tables;
	struct unwind_file *grown, *f;
	int err;

	for (size_t i = 0; i < t->n_files; i++)
		if (t->file[i].module == m)
			return &t->file[i];
	grown = realloc(t->file, (t->n_files + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	t->file = grown;
	f = &t->file[t->n_files++];
	memset(f, 0, sizeof(*f));
	f->module = m;
	err = file_load(a, f);
	if (err && err != -ENOEXEC)
		msg_warn("%s: stacks will end in this file: its unwind information cannot be loaded: %s", m->path,
			strerror(-err));
	return f;
}

/* span_fill - the span of one executable mapping. Return: 1, or 0 when the mapping needs none. */
static int span_fill(struct attach *a, const struct target_map *m, struct swt_span *s)
{
	const struct unwind_file *f;
	uint64_t vaddr;

	memset(s, 0, sizeof(*s));
	if (!m->executable || m->name[0] == '[') /* [vdso], [vsyscall], [uprobes] */
		return 0;
	s->start = m->start;
	s->end = m->end;
	/* Code without an ELF file was made at run time: in anonymous memory, or, by opcache, in shared /dev/zero. */
	s->is_jit = !m->module || !m->module->elf;
	f = m->module && m->module->elf ? file_get(a, m->module) : NULL;
	if (f && f->n_pages && !elffile_offset_to_vaddr(m->module->elf, m->file_offset, &vaddr)) {
		s->bias = m->start - (vaddr - f->base);
		s->page = f->page;
		s->n_pages = f->n_pages;
	}
	return 1;
}

/* place_find - a place in the pool for n spans: behind the last one, or where old ones are surely read no more. */
static int place_find(struct attach *a, pid_t pid, uint32_t n, uint32_t *first)
{
	struct unwind_tables *t = &a->tables;
	struct span_place *grown;

	for (size_t i = 0; i < t->n_places; i++) {
		struct span_place *p = &t->place[i];

		if (!p->pid && p->n >= n && now_ns() - p->freed_ns > SPAN_REUSE_NS) {
			p->pid = pid;
			*first = p->first;
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
	t->place[t->n_places++] = (struct span_place){ .pid = pid, .first = t->n_spans, .n = n };
	*first = t->n_spans;
	t->n_spans += n;
	return 0;
}

static void places_free(struct attach *a, pid_t pid, uint32_t except)
{
	struct unwind_tables *t = &a->tables;

	for (size_t i = 0; i < t->n_places; i++) {
		if (t->place[i].pid == pid && t->place[i].first != except) {
			t->place[i].pid = 0;
			t->place[i].freed_ns = now_ns();
		}
	}
}

int tables_publish(struct attach *a, const struct target_process *p)
{
	struct swt_proc *proc = attach_proc(a, p->pid);
	uint32_t n = 0, first;
	struct swt_span s;
	int err;

	if (!proc)
		return -ESRCH;
	for (size_t i = 0; i < p->n_maps; i++)
		n += p->map[i].executable;
	if (n >= 1U << SWT_SPANS_SHIFT)
		n = (1U << SWT_SPANS_SHIFT) - 1;
	err = place_find(a, p->pid, n, &first);
	if (err)
		return err;
	n = 0;
	for (size_t i = 0; i < p->n_maps && n < (1U << SWT_SPANS_SHIFT) - 1; i++)
		if (p->map[i].executable && span_fill(a, &p->map[i], &s))
			a->tables.span[first + n++] = s;
	__atomic_store_n(&proc->space, (uint64_t)first << 32 | n, __ATOMIC_RELEASE);
	places_free(a, p->pid, first);
	return 0;
}

void tables_publish_php(struct attach *a, const struct target_process *p)
{
	struct swt_proc *proc = attach_proc(a, p->pid);
	struct swt_php php, *slot;
	char version[16];
	int found;

	if (!proc)
		return;
	slot = &a->tables.php[proc - a->proc];
	if (slot->current)
		return;
	found = target_php(p, &php, version, sizeof(version));
	if (found > 0) {
		/* current last: a walk that sees it sees the rest. */
		slot->execute_start = php.execute_start;
		slot->execute_end = php.execute_end;
		slot->filename = php.filename;
		slot->line_start = php.line_start;
		slot->opcodes = php.opcodes;
		slot->last = php.last;
		__atomic_store_n(&slot->current, php.current, __ATOMIC_RELEASE);
		msg_debug("%d: PHP %s", p->pid, version);
	} else if (found == -ENOTSUP) {
		msg_warn("%d: PHP %s: native frames only: this version or build (ZTS?) is not known", p->pid, version);
	} else if (found < 0) {
		msg_warn("%d: PHP %s: native frames only: its call chain is not where this version keeps it", p->pid,
			version);
	}
}

void tables_forget(struct attach *a, pid_t pid)
{
	places_free(a, pid, UINT32_MAX);
}

void tables_configure(struct attach *a)
{
	const struct bpf_map *template = bpf_map__inner_map(a->skel->maps.row_chunks);

	a->tables.key_type = bpf_map__btf_key_type_id(template);
	a->tables.value_type = bpf_map__btf_value_type_id(template);
}

int tables_open(struct attach *a)
{
	a->tables.page = attach_map_table(a->skel->maps.pages, SWT_MAX_PAGES, PROT_READ | PROT_WRITE);
	a->tables.span = attach_map_table(a->skel->maps.spans, SWT_MAX_SPANS, PROT_READ | PROT_WRITE);
	a->tables.php = attach_map_table(a->skel->maps.php_procs, SWT_MAX_PROCS, PROT_READ | PROT_WRITE);
	a->tables.php_frame = attach_map_table(a->skel->maps.php_table, SWT_PHP_FRAMES, PROT_READ);
	return a->tables.page && a->tables.span && a->tables.php && a->tables.php_frame ? 0 : -errno;
}

void tables_close(struct attach *a)
{
	struct unwind_tables *t = &a->tables;

	for (size_t i = 0; i < t->n_chunks; i++)
		munmap(t->chunk[i], SWT_CHUNK_ROWS * sizeof(struct swt_row));
	if (t->page)
		munmap(t->page, SWT_MAX_PAGES * sizeof(*t->page));
	if (t->span)
		munmap(t->span, SWT_MAX_SPANS * sizeof(*t->span));
	if (t->php)
		munmap(t->php, SWT_MAX_PROCS * sizeof(*t->php));
	if (t->php_frame)
		munmap(t->php_frame, SWT_PHP_FRAMES * sizeof(*t->php_frame));
	free(t->file);
	free(t->place);
	memset(t, 0, sizeof(*t));
}
