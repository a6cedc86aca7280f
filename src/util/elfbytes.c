// SPDX-License-Identifier: GPL-2.0-or-later
/* util/elfbytes.c - an elffile as bytes, and of bytes: they come from a process that has read a hostile file and may be its by now, so
 * nothing in them is believed unchecked. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/elftable.h"

int elftable_index(struct elffile *f)
{
	int err = nametable_open(&f->by_name, f->head.n_functions);

	for (size_t i = f->head.n_functions; !err && i-- > 0;)
		nametable_add(&f->by_name, name_of(f, &f->function[i]), i);
	return err;
}

void elffile_pieces(const struct elffile *f, struct elffile_piece piece[ELFFILE_PIECES])
{
	const struct head *h = &f->head;

	piece[0] = (struct elffile_piece){ h, sizeof(*h) };
	piece[1] = (struct elffile_piece){ f->segment, h->n_segments * sizeof(*f->segment) };
	piece[2] = (struct elffile_piece){ f->function, h->n_functions * sizeof(*f->function) };
	piece[3] = (struct elffile_piece){ f->range, h->n_ranges * sizeof(*f->range) };
	piece[4] = (struct elffile_piece){ f->names[0], h->n_names[0] };
	piece[5] = (struct elffile_piece){ f->names[1], h->n_names[1] };
	piece[6] = (struct elffile_piece){ f->interp, h->n_interp };
}

/* take - the next n things, if they are there, and no more than may be.  Return: them, NULL: there are none. */
static void *take(struct elffile_piece *from, uint64_t n, size_t size, uint64_t max, int *err)
{
	const void *taken = from->data;

	if (*err || n > max || n > from->n_bytes / size)
		*err = -EBADMSG;
	if (*err || !n)
		return NULL;
	from->data = (const char *)from->data + n * size;
	from->n_bytes -= n * size;
	return (void *)(uintptr_t)taken;
}

static int is_build_id(const char *id)
{
	size_t n = strnlen(id, 2 * MAX_BUILD_ID + 1);

	return n <= 2 * (size_t)MAX_BUILD_ID && n % 2 == 0 && strspn(id, "0123456789abcdef") == n;
}

/* ends - does a table of strings end with a NUL? */
static int ends(const char *names, uint64_t n)
{
	return !n || !names[n - 1];
}

static int is_function(const struct elffile *f, const struct function *fn)
{
	return fn->global <= 1 && fn->dynamic <= 1 && fn->object <= 1 && fn->name < f->head.n_names[!fn->dynamic] &&
	       *name_of(f, fn) && fn->vaddr && fn->vaddr + fn->size_bytes >= fn->vaddr && fn->end >= fn->vaddr;
}

/* is_range - of the i-th: in order, and within its function. */
static int is_range(const struct elffile *f, size_t i)
{
	const struct range *r = &f->range[i];
	const struct function *fn;

	if (i && r[-1].start >= r->start)
		return 0;
	if (r->function == NO_FUNCTION)
		return 1;
	if (r->function >= f->head.n_functions || i + 1 >= f->head.n_ranges)
		return 0;
	fn = &f->function[r->function];
	return fn->vaddr <= r->start && r[1].start <= fn->end;
}

/* check - is all as elffile_open() leaves it, as far as what is done with it relies on that? */
static int check(const struct elffile *f)
{
	const struct head *h = &f->head;

	if (!is_build_id(h->build_id) || !ends(f->names[0], h->n_names[0]) || !ends(f->names[1], h->n_names[1]) ||
		!ends(f->interp, h->n_interp))
		return -EBADMSG;
	for (size_t i = 0; i < h->n_segments; i++) {
		const struct segment *s = &f->segment[i];

		if (s->vaddr + s->file_bytes < s->vaddr || s->offset + s->file_bytes < s->offset)
			return -EBADMSG;
	}
	for (size_t i = 0; i < h->n_functions; i++)
		if (!is_function(f, &f->function[i]))
			return -EBADMSG;
	for (size_t i = 0; i < h->n_ranges; i++)
		if (!is_range(f, i))
			return -EBADMSG;
	return 0;
}

/* take_all - numbers first: all that they are of stays aligned. */
static int take_all(struct elffile *f, size_t n_bytes)
{
	struct elffile_piece from = { f->bytes, n_bytes };
	struct head *h = &f->head;
	int err = 0;

	if (n_bytes < sizeof(*h))
		return -EBADMSG;
	memcpy(h, from.data, sizeof(*h));
	from.data = (const char *)from.data + sizeof(*h);
	from.n_bytes -= sizeof(*h);
	f->segment = take(&from, h->n_segments, sizeof(*f->segment), MAX_SEGMENTS, &err);
	f->function = take(&from, h->n_functions, sizeof(*f->function), 2 * MAX_SYMBOLS, &err);
	f->range = take(&from, h->n_ranges, sizeof(*f->range), 4 * MAX_SYMBOLS, &err);
	for (size_t k = 0; k < 2; k++)
		f->names[k] = take(&from, h->n_names[k], 1, MAX_STRINGS, &err);
	f->interp = take(&from, h->n_interp, 1, MAX_INTERP, &err);
	return err || !from.n_bytes ? err : -EBADMSG;
}

int elffile_from(struct elffile **out, void *bytes, size_t n_bytes)
{
	struct elffile *f = calloc(1, sizeof(*f));
	int err = -ENOMEM;

	if (f) {
		f->bytes = bytes;
		err = take_all(f, n_bytes);
	}
	if (!err)
		err = check(f);
	if (!err && f->head.n_functions)
		err = elftable_index(f);
	if (!err) {
		*out = f;
		return 0;
	}
	if (f)
		elffile_close(f);
	else
		free(bytes);
	return err;
}
