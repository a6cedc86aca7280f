// SPDX-License-Identifier: GPL-2.0-or-later
/* attach/rows.c - the unwind rows of mapped files, in chunks that the kernel side's stack walk reads.
 * A file's rows are loaded once, whoever maps it. They stay while there is room, for the file may be mapped again; when a
 * new chunk would be needed, those of files that nobody maps any more make room first. Chunks themselves are never freed
 * while probes run. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "attach/internal.h"
#include "reader/reader.h"
#include "swtrace.skel.h"
#include "util/clock.h"
#include "util/msg.h"

/* chunk_add - one more chunk, mapped and empty. The kernel side knows it after chunks_publish(). */
static int chunk_add(struct attach *a)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE, .btf_fd = bpf_object__btf_fd(a->skel->obj),
		.btf_key_type_id = a->tables.key_type, .btf_value_type_id = a->tables.value_type);
	struct unwind_tables *t = &a->tables;
	__u32 index = t->n_chunks;
	int fd, err;
	void *rows;

	if (t->n_chunks == SWT_MAX_CHUNKS)
		return -ENOSPC;
	fd = bpf_map_create(
		BPF_MAP_TYPE_ARRAY, "row_chunk", sizeof(__u32), sizeof(struct swt_row), SWT_CHUNK_ROWS, &opts);
	if (fd < 0)
		return -errno;
	rows = mmap(NULL, SWT_CHUNK_ROWS * sizeof(struct swt_row), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (rows == MAP_FAILED) {
		err = -errno;
		close(fd);
		return err;
	}
	madvise(rows, SWT_CHUNK_ROWS * sizeof(struct swt_row), MADV_DONTFORK);
	t->chunk_fd[t->n_chunks] = fd;
	t->chunk[t->n_chunks++] = rows;
	return ranges_give(&t->free_rows, index * SWT_CHUNK_ROWS, SWT_CHUNK_ROWS);
}

int chunks_publish(struct attach *a)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts, .elem_flags = BPF_ANY);
	int outer = bpf_map__fd(a->skel->maps.row_chunks);
	struct unwind_tables *t = &a->tables;
	__u32 index[SWT_MAX_CHUNKS], n = t->n_chunks - t->n_published;

	for (__u32 i = 0; i < n; i++)
		index[i] = t->n_published + i;
	/* For each update the kernel waits until no program uses what was there before: 10 ms and more. With many in one call
	 * it waits once; kernels before 5.16 cannot do that. */
	if (n > 1 && bpf_map_update_batch(outer, index, &t->chunk_fd[t->n_published], &n, &opts))
		n = 1;
	for (__u32 i = t->n_published; n <= 1 && i < t->n_chunks; i++)
		if (bpf_map_update_elem(outer, &i, &t->chunk_fd[i], BPF_ANY))
			return -errno;
	/* The outer map and the mappings hold them. */
	while (t->n_published < t->n_chunks)
		close(t->chunk_fd[t->n_published++]);
	return 0;
}

/* file_drop - give back what a file has. */
static void file_drop(struct unwind_tables *t, struct unwind_file *f)
{
	for (uint32_t i = f->page; i < f->page + f->n_pages; i++)
		ranges_give(&t->free_rows, t->page[i].chunk * SWT_CHUNK_ROWS + t->page[i].first, t->page[i].n);
	ranges_give(&t->free_pages, f->page, f->n_pages);
}

/* files_sweep - drop the files that no walk can meet any more.  Return: their number. */
static size_t files_sweep(struct attach *a)
{
	struct unwind_tables *t = &a->tables;
	size_t n = 0, n_dropped;
	uint64_t now;

	tables_mark_files(a);
	now = clock_ns(CLOCK_MONOTONIC); /* not before: the marks are times, too */
	for (size_t i = 0; i < t->n_files; i++) {
		if (t->file[i].n_pages && now - t->file[i].used_ns > TABLES_REUSE_NS)
			file_drop(t, &t->file[i]);
		else
			t->file[n++] = t->file[i];
	}
	n_dropped = t->n_files - n;
	t->n_files = n;
	return n_dropped;
}

/* rows_take - room for n rows in one chunk. */
static int rows_take(struct attach *a, uint32_t n, uint32_t *first)
{
	struct unwind_tables *t = &a->tables;
	int err;

	if (!ranges_take(&t->free_rows, n, SWT_CHUNK_ROWS, first))
		return 0;
	if (files_sweep(a) && !ranges_take(&t->free_rows, n, SWT_CHUNK_ROWS, first))
		return 0;
	err = chunk_add(a);
	return err ? err : ranges_take(&t->free_rows, n, SWT_CHUNK_ROWS, first);
}

static int pages_take(struct attach *a, uint32_t n, uint32_t *first)
{
	struct unwind_tables *t = &a->tables;

	if (!ranges_take(&t->free_pages, n, 0, first))
		return 0;
	return files_sweep(a) ? ranges_take(&t->free_pages, n, 0, first) : -ENOSPC;
}

/* page_write - the rows of one page: the one that holds at its start, and those that start in it. */
static int page_write(struct attach *a, const struct target_rows *rows, size_t from, size_t to, uint32_t page)
{
	struct unwind_tables *t = &a->tables;
	size_t n = to - from;
	uint32_t first;
	int err;

	t->page[page] = (struct swt_page){ 0 };
	if (!n)
		return 0;
	if (n >= 1U << SWT_PAGE_ROWS_SHIFT)
		return -E2BIG;
	err = rows_take(a, n, &first);
	if (err)
		return err;
	t->page[page].chunk = first / SWT_CHUNK_ROWS;
	t->page[page].first = first % SWT_CHUNK_ROWS;
	t->page[page].n = n;
	memcpy(t->chunk[first / SWT_CHUNK_ROWS] + first % SWT_CHUNK_ROWS, rows->row + from, n * sizeof(*rows->row));
	return 0;
}

/* file_write - the rows of a file, page by page. On failure nothing is kept. */
static int file_write(struct attach *a, const struct target_rows *rows, struct unwind_file *f)
{
	uint32_t n_pages = (rows->row[rows->n - 1].vaddr >> SWT_PAGE_SHIFT) + 1;
	size_t at = 0, end;
	int err;

	err = n_pages > SWT_MAX_PAGES ? -E2BIG : pages_take(a, n_pages, &f->page);
	if (err)
		return err;
	f->base = rows->base;
	for (uint32_t page = 0; !err && page < n_pages; page++) {
		for (end = at; end < rows->n && rows->row[end].vaddr >> SWT_PAGE_SHIFT <= page; end++)
			;
		/* The row before the page's first one still holds at its start. */
		err = page_write(a, rows, at ? at - 1 : 0, end, f->page + page);
		f->n_pages = page + !err;
		at = end;
	}
	if (err) {
		file_drop(&a->tables, f);
		ranges_give(&a->tables.free_pages, f->page + f->n_pages, n_pages - f->n_pages);
		f->n_pages = 0;
	}
	return err;
}

static struct unwind_file *file_find(struct unwind_tables *t, const struct target_module *m)
{
	for (size_t i = 0; i < t->n_files; i++)
		if (t->file[i].module == m)
			return &t->file[i];
	return NULL;
}

static struct reader_file reader_file(const struct target_module *m)
{
	return (struct reader_file){ .number = m->number, .fd = m->fd, .fd_debug = -1, .path = m->path };
}

static int has_rows(const struct target_module *m)
{
	return m && m->elf && m->fd >= 0;
}

/* read_ahead - @t  what is loaded already; NULL = nothing */
static void read_ahead(struct reader *r, struct unwind_tables *t, const struct target_process *p)
{
	for (size_t i = 0; i < p->n_maps; i++) {
		const struct target_module *m = p->map[i].module;
		struct reader_file file;

		if (!has_rows(m) || (t && file_find(t, m)))
			continue;
		file = reader_file(m);
		reader_rows_ahead(r, &file);
	}
}

void attach_read_ahead(struct reader *r, const struct target_process *p)
{
	read_ahead(r, NULL, p);
}

void tables_read_ahead(struct attach *a, const struct target_process *p)
{
	if (a->reader)
		read_ahead(a->reader, &a->tables, p);
}

int attach_is_ready(struct attach *a, const struct target_process *p, uint64_t until_ns)
{
	if (!a->reader)
		return 1;
	tables_read_ahead(a, p);
	for (size_t i = 0; i < p->n_maps; i++) {
		const struct target_module *m = p->map[i].module;

		if (has_rows(m) && !file_find(&a->tables, m) && !reader_rows_are_there(a->reader, m->number, until_ns))
			return 0;
	}
	return 1;
}

/* file_load - read a file's rows and put them where the kernel side finds them. */
static int file_load(struct attach *a, struct unwind_file *f)
{
	struct reader_file file;
	struct target_rows rows;
	int err;

	if (f->module->fd < 0)
		return -EBADF;
	msg_progress("reading unwind information: %zu files read, now %s ...", a->tables.n_files, f->module->path);
	file = reader_file(f->module);
	err = a->reader ? reader_rows(a->reader, &file, &rows) : target_rows_read(f->module->fd, &rows);
	if (err)
		return err;
	if (rows.n)
		err = file_write(a, &rows, f);
	target_rows_free(&rows);
	return err;
}

const struct unwind_file *tables_file(struct attach *a, const struct target_module *m)
{
	struct unwind_tables *t = &a->tables;
	struct unwind_file *grown, *f = file_find(t, m), loaded = { .module = m };
	int err;

	if (f) {
		f->used_ns = clock_ns(CLOCK_MONOTONIC);
		return f;
	}
	/* Loaded first, listed then: loading may sweep the list. A file without rows is listed too. */
	err = file_load(a, &loaded);
	if (err && err != -ENOEXEC)
		msg_warn("%s: stacks will end in this file: its unwind information cannot be loaded: %s", m->path,
			strerror(-err));
	grown = realloc(t->file, (t->n_files + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	t->file = grown;
	loaded.used_ns = clock_ns(CLOCK_MONOTONIC);
	t->file[t->n_files] = loaded;
	return &t->file[t->n_files++];
}

int rows_open(struct attach *a)
{
	a->tables.page = attach_map_table(a->skel->maps.pages, SWT_MAX_PAGES, PROT_READ | PROT_WRITE);
	return a->tables.page ? ranges_give(&a->tables.free_pages, 0, SWT_MAX_PAGES) : -errno;
}

void rows_close(struct attach *a)
{
	struct unwind_tables *t = &a->tables;

	while (t->n_published < t->n_chunks)
		close(t->chunk_fd[t->n_published++]);
	for (size_t i = 0; i < t->n_chunks; i++)
		munmap(t->chunk[i], SWT_CHUNK_ROWS * sizeof(struct swt_row));
	if (t->page)
		munmap(t->page, SWT_MAX_PAGES * sizeof(*t->page));
	ranges_free(&t->free_rows);
	ranges_free(&t->free_pages);
	free(t->file);
}

void tables_configure(struct attach *a)
{
	const struct bpf_map *template = bpf_map__inner_map(a->skel->maps.row_chunks);

	a->tables.key_type = bpf_map__btf_key_type_id(template);
	a->tables.value_type = bpf_map__btf_value_type_id(template);
}
