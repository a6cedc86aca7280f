// SPDX-License-Identifier: GPL-2.0-or-later
/* profile/swtwrite.c - a profile as a file. */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "profile/profile.h"
#include "profile/swt.h"
#include "util/strbuf.h"

/* Plain. Of a file that was cut, the chunk in which it ends is lost: small ones cost some of what packing saves. The first stacks, those that
 * leak, are in smaller ones still: most recordings have few. */
#define CHUNK_BYTES (16 << 10)
#define FIRST_BYTES (2 << 10)

/* About: of a stack beside its frames, of a place of a frame in it, and of a frame that no stack had before, with its names. */
#define STACK_BYTES 40
#define PLACE_BYTES 2
#define FRAME_BYTES 80

struct numbered {
	const char *string; /* by its address */
	uint32_t number;
};

struct writer {
	int fd;
	int err;
	uint32_t type;
	struct strbuf chunk;
	void *numbers; /* a tree of struct numbered */
	uint32_t n_strings;
	size_t n_frames; /* that have been written */
};

static void write_all(struct writer *w, const void *data, size_t n)
{
	const char *at = data;

	while (n && !w->err) {
		ssize_t done = write(w->fd, at, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0) {
			w->err = -errno;
			return;
		}
		at += done;
		n -= (size_t)done;
	}
}

static void put_le32(unsigned char *to, uint32_t n)
{
	for (int i = 0; i < 4; i++)
		to[i] = (unsigned char)(n >> 8 * i);
}

/* flush - write the chunk that was filled. */
static void flush(struct writer *w)
{
	uLongf packed = compressBound(w->chunk.len);
	unsigned char header[HEADER_BYTES], *data = malloc(packed);

	if (w->chunk.failed || !data ||
		compress2(data, &packed, (const Bytef *)(w->chunk.data ? w->chunk.data : ""), w->chunk.len, 6) != Z_OK)
		w->err = w->err ? w->err : -ENOMEM;
	if (!w->err) {
		put_le32(header, w->type);
		put_le32(header + 4, (uint32_t)packed);
		put_le32(header + 8, (uint32_t)w->chunk.len);
		put_le32(header + 12, (uint32_t)crc32(crc32(0, header, 12), data, (uInt)packed));
		write_all(w, header, sizeof(header));
		write_all(w, data, packed);
	}
	free(data);
	strbuf_free(&w->chunk);
	w->chunk = (struct strbuf){ 0 };
}

/* begin - what is put from now on is of this type. */
static void begin(struct writer *w, uint32_t type)
{
	if (w->chunk.len)
		flush(w);
	w->type = type;
}

/* next - an element ends: if the chunk is full, another one begins. */
static void next(struct writer *w)
{
	if (w->chunk.len >= CHUNK_BYTES || w->chunk.failed)
		flush(w);
}

static void put(struct writer *w, uint64_t n)
{
	char bytes[10];
	size_t len = 0;

	do {
		bytes[len++] = (char)((n & 0x7f) | (n > 0x7f ? 0x80 : 0));
		n >>= 7;
	} while (n);
	strbuf_add_bytes(&w->chunk, bytes, len);
}

static void put_signed(struct writer *w, int64_t n)
{
	put(w, (uint64_t)n << 1 ^ (n < 0 ? UINT64_MAX : 0));
}

static void put_bytes(struct writer *w, const char *s)
{
	size_t n = strlen(s);

	put(w, n);
	strbuf_add_bytes(&w->chunk, s, n);
}

static int by_string_address(const void *a, const void *b)
{
	const char *x = ((const struct numbered *)a)->string, *y = ((const struct numbered *)b)->string;

	return ((uintptr_t)x > (uintptr_t)y) - ((uintptr_t)x < (uintptr_t)y);
}

/* number_of - of a string; 0 is "". If it has none yet, it gets the next one, and is written. */
static uint32_t number_of(struct writer *w, const char *s, int is_new_written)
{
	struct numbered one = { s, 0 }, **known = NULL, *made;

	if (!*s)
		return 0;
	known = tfind(&one, &w->numbers, by_string_address);
	if (known || !is_new_written)
		return known ? (*known)->number : 0;
	made = malloc(sizeof(*made));
	if (!made) {
		w->err = -ENOMEM;
		return 0;
	}
	*made = (struct numbered){ s, ++w->n_strings };
	if (!tsearch(made, &w->numbers, by_string_address)) {
		free(made);
		w->err = -ENOMEM;
		return 0;
	}
	put_bytes(w, s);
	next(w);
	return w->n_strings;
}

static void put_string(struct writer *w, const char *s)
{
	put(w, number_of(w, s, 0));
}

static void write_head(struct writer *w, const struct profile *p)
{
	begin(w, HEAD);
	put(w, SWT_FORMAT);
	put_bytes(w, p->version);
	put_bytes(w, p->host);
	put_signed(w, p->start_utc_ns);
	put_signed(w, p->utc_ns);
	put(w, p->basis);
}

/* write_names - the strings of what comes before the stacks. */
static void write_names(struct writer *w, const struct profile *p)
{
	begin(w, STRINGS);
	for (size_t i = 0; i < p->n_processes; i++) {
		const struct profile_process *x = &p->process[i];
		const char *const of[] = { x->comm, x->role, x->what, x->container };

		for (size_t k = 0; k < sizeof(of) / sizeof(of[0]); k++)
			number_of(w, of[k], 1);
		for (size_t k = 0; k < x->n_curves; k++) {
			number_of(w, x->curve[k].name, 1);
			number_of(w, x->curve[k].verdict, 1);
		}
	}
	for (size_t i = 0; i < p->n_losses; i++) {
		number_of(w, p->loss[i].key, 1);
		number_of(w, p->loss[i].text, 1);
	}
}

/* write_frames - those before that one, which have not been written yet. Their strings have. */
static void write_frames(struct writer *w, const struct profile *p, size_t end)
{
	begin(w, FRAMES);
	for (; w->n_frames < end; w->n_frames++) {
		const struct profile_frame *f = &p->frame[w->n_frames];

		put(w, f->kind);
		put_string(w, f->function);
		put_string(w, f->file);
		put_string(w, f->module);
		put_string(w, f->build_id);
		put(w, f->offset);
		put(w, f->line);
		put(w, (f->is_inlined ? INLINED : 0) | (f->is_approximate ? APPROXIMATE : 0));
		next(w);
	}
}

static void write_curve(struct writer *w, const struct profile_curve *c)
{
	uint64_t time_ms = 0;
	int64_t value = 0;

	put_string(w, c->name);
	put_string(w, c->verdict);
	put_signed(w, c->bytes_per_s);
	put(w, c->n);
	for (size_t i = 0; i < c->n; i++) {
		put_signed(w, (int64_t)(c->point[i].time_ms - time_ms));
		put_signed(w, (int64_t)((uint64_t)c->point[i].value - (uint64_t)value));
		time_ms = c->point[i].time_ms;
		value = c->point[i].value;
	}
}

static void write_processes(struct writer *w, const struct profile *p)
{
	begin(w, PROCESS);
	for (size_t i = 0; i < p->n_processes; i++) {
		const struct profile_process *x = &p->process[i];

		put(w, x->pid);
		put_string(w, x->comm);
		put_string(w, x->role);
		put_signed(w, x->worker);
		put_string(w, x->what);
		put_string(w, x->container);
		put(w, x->is_alive);
		put(w, x->n_requests + 1); /* 0: not counted */
		for (int l = 0; l < PROFILE_LAYERS; l++) {
			put_signed(w, x->live_bytes[l]);
			put_signed(w, x->live_blocks[l]);
		}
		put(w, x->n_curves);
		for (size_t k = 0; k < x->n_curves; k++)
			write_curve(w, &x->curve[k]);
		next(w);
	}
}

static void write_stack(struct writer *w, const struct profile_stack *s)
{
	put(w, s->process);
	put(w, s->layer);
	put(w, s->verdict);
	put(w, s->is_whole);
	for (int v = 0; v < PROFILE_VALUES; v++)
		put_signed(w, s->value[v]);
	put(w, s->oldest_age_ms);
	put_string(w, s->why);
	put(w, s->n_frames);
	for (uint32_t k = 0; k < s->n_frames; k++)
		put(w, s->frame[k]);
	next(w);
}

/* write_some - stacks from there to before end, and before them the frames that they are the first to have, and all names.
 * @end_frame  frames before this one are needed */
static void write_some(struct writer *w, const struct profile *p, size_t from, size_t end, size_t end_frame)
{
	begin(w, STRINGS);
	for (size_t i = w->n_frames; i < end_frame; i++) {
		const struct profile_frame *f = &p->frame[i];
		const char *const of[] = { f->function, f->file, f->module, f->build_id };

		for (size_t k = 0; k < sizeof(of) / sizeof(of[0]); k++)
			number_of(w, of[k], 1);
	}
	for (size_t i = from; i < end; i++)
		number_of(w, p->stack[i].why, 1);
	write_frames(w, p, end_frame);
	begin(w, STACKS);
	for (size_t i = from; i < end; i++)
		write_stack(w, &p->stack[i]);
}

/* write_stacks - some at a time, each time with the frames that they need: so half of a file has about half of the stacks. */
static void write_stacks(struct writer *w, const struct profile *p)
{
	size_t room = FIRST_BYTES, end;

	for (size_t from = 0; from < p->n_stacks; from = end) {
		size_t bytes = 0, end_frame = w->n_frames;

		for (end = from; end < p->n_stacks && bytes < room; end++) {
			const struct profile_stack *s = &p->stack[end];
			size_t n_before = end_frame;

			for (uint32_t k = 0; k < s->n_frames; k++)
				end_frame = s->frame[k] < end_frame ? end_frame : s->frame[k] + 1;
			bytes += STACK_BYTES + PLACE_BYTES * s->n_frames + FRAME_BYTES * (end_frame - n_before);
		}
		write_some(w, p, from, end, end_frame);
		room = 2 * room < CHUNK_BYTES ? 2 * room : CHUNK_BYTES;
	}
	write_some(w, p, 0, 0, p->n_frames); /* frames without a stack */
}

static void write_losses(struct writer *w, const struct profile *p)
{
	begin(w, LOSSES);
	for (size_t i = 0; i < p->n_losses; i++) {
		put_string(w, p->loss[i].key);
		put_string(w, p->loss[i].text);
		put(w, p->loss[i].count);
		next(w);
	}
}

static void write_events(struct writer *w, const struct profile *p)
{
	begin(w, EVENTS);
	for (size_t i = 0; i < p->n_events; i++) {
		put_bytes(w, p->event[i]);
		next(w);
	}
}

static void write_tail(struct writer *w, const struct profile *p)
{
	begin(w, TAIL);
	put(w, p->n_stacks);
	flush(w);
}

int profile_write(const struct profile *p, int fd)
{
	struct writer w = { .fd = fd };

	write_all(&w, SWT_SIGNATURE, SWT_SIGNATURE_BYTES);
	write_head(&w, p);
	/* What is short and tells most comes first. */
	write_names(&w, p);
	write_processes(&w, p);
	write_losses(&w, p);
	write_events(&w, p);
	write_stacks(&w, p);
	write_tail(&w, p);
	if (w.numbers)
		tdestroy(w.numbers, free);
	return w.err;
}
