// SPDX-License-Identifier: GPL-2.0-or-later
/* profile/swt.c - a profile as a file, and back. The format is described in docs/swt.md.
 *
 * A file is a signature and chunks. Each chunk is whole by itself, so that of a file that was cut or damaged all before the
 * place can be read; and each refers to what stands in earlier chunks alone. */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "profile/profile.h"
#include "util/strbuf.h"

#define FORMAT 1 /* a reader of a lower one cannot read the file */

/* As PNG has it: a file that was sent as text has other bytes here. */
static const char signature[8] = { '\x89', 'S', 'W', 'T', '\r', '\n', '\x1a', '\n' };

#define TYPE(a, b, c, d) ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)
#define HEAD		 TYPE('H', 'E', 'A', 'D')
#define STRINGS		 TYPE('S', 'T', 'R', 'S')
#define FRAMES		 TYPE('F', 'R', 'M', 'S')
#define PROCESS		 TYPE('P', 'R', 'O', 'C')
#define STACKS		 TYPE('S', 'T', 'K', 'S')
#define LOSSES		 TYPE('L', 'O', 'S', 'S')
#define EVENTS		 TYPE('E', 'V', 'N', 'T')
#define TAIL		 TYPE('T', 'A', 'I', 'L')

#define CHUNK_BYTES	(1 << 20) /* plain: when it is full, the next one begins */
#define MAX_PLAIN_BYTES (16 << 20)
#define MAX_TAKEN_BYTES (512ULL << 20) /* of memory: a small file could tell of more than there is */
#define ELEMENT_BYTES	256	       /* that an element takes, at most, beside what is counted by itself */
#define HEADER_BYTES	16

/* Of a frame. */
#define INLINED	    1
#define APPROXIMATE 2

/* ---- writing ---- */

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
	put(w, FORMAT);
	put_bytes(w, p->version);
	put_bytes(w, p->host);
	put_signed(w, p->start_utc_ns);
	put_signed(w, p->utc_ns);
	put(w, p->basis);
}

static void write_strings(struct writer *w, const struct profile *p)
{
	begin(w, STRINGS);
	for (size_t i = 0; i < p->n_frames; i++) {
		const struct profile_frame *f = &p->frame[i];
		const char *const of[] = { f->function, f->file, f->module, f->build_id };

		for (size_t k = 0; k < sizeof(of) / sizeof(of[0]); k++)
			number_of(w, of[k], 1);
	}
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
	for (size_t i = 0; i < p->n_stacks; i++)
		number_of(w, p->stack[i].why, 1);
	for (size_t i = 0; i < p->n_losses; i++) {
		number_of(w, p->loss[i].key, 1);
		number_of(w, p->loss[i].text, 1);
	}
}

static void write_frames(struct writer *w, const struct profile *p)
{
	begin(w, FRAMES);
	for (size_t i = 0; i < p->n_frames; i++) {
		const struct profile_frame *f = &p->frame[i];

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

static void write_stacks(struct writer *w, const struct profile *p)
{
	begin(w, STACKS);
	for (size_t i = 0; i < p->n_stacks; i++) {
		const struct profile_stack *s = &p->stack[i];

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
}

static void write_rest(struct writer *w, const struct profile *p)
{
	begin(w, LOSSES);
	for (size_t i = 0; i < p->n_losses; i++) {
		put_string(w, p->loss[i].key);
		put_string(w, p->loss[i].text);
		put(w, p->loss[i].count);
		next(w);
	}
	begin(w, EVENTS);
	for (size_t i = 0; i < p->n_events; i++) {
		put_bytes(w, p->event[i]);
		next(w);
	}
	begin(w, TAIL);
	put(w, p->n_stacks);
	flush(w);
}

int profile_write(const struct profile *p, int fd)
{
	struct writer w = { .fd = fd };

	write_all(&w, signature, sizeof(signature));
	write_head(&w, p);
	write_strings(&w, p);
	write_frames(&w, p);
	write_processes(&w, p);
	write_stacks(&w, p);
	write_rest(&w, p);
	if (w.numbers)
		tdestroy(w.numbers, free);
	return w.err;
}

/* ---- reading ---- */

struct cursor {
	const unsigned char *at;
	const unsigned char *end;
	int is_bad; /* something did not fit */
};

struct reader {
	int fd;
	struct profile *p;
	const char **string; /* by number; [0] is "" */
	size_t n_strings;
	size_t cap_strings;
	uint64_t taken; /* bytes of memory, about */
	int has_head;
	int is_done;
	int err;
	enum profile_fault fault;
};

/* take - what is read now takes so much memory. Too much is more than any recording has: r->fault is set. */
static void take(struct reader *r, uint64_t bytes)
{
	r->taken += bytes;
	if (r->taken > MAX_TAKEN_BYTES)
		r->fault = PROFILE_CORRUPT;
}

static uint64_t get(struct cursor *c)
{
	uint64_t n = 0;

	for (int shift = 0; c->at < c->end && shift < 64; shift += 7) {
		unsigned char byte = *c->at++;

		n |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return n;
	}
	c->is_bad = 1;
	return 0;
}

/* get_below - a number that must be lower than that. */
static uint32_t get_below(struct cursor *c, uint64_t limit)
{
	uint64_t n = get(c);

	if (n < limit && n <= UINT32_MAX)
		return (uint32_t)n;
	c->is_bad = 1;
	return 0;
}

static int64_t get_signed(struct cursor *c)
{
	uint64_t n = get(c);

	return (int64_t)(n >> 1 ^ (n & 1 ? UINT64_MAX : 0));
}

/* get_bytes - a string, kept in the profile. */
static const char *get_bytes(struct reader *r, struct cursor *c)
{
	uint64_t n = get(c);
	const char *kept;
	char *copy;

	if (n > (uint64_t)(c->end - c->at) || memchr(c->at, 0, n)) {
		c->is_bad = 1;
		return "";
	}
	copy = strndup((const char *)c->at, n);
	c->at += n;
	kept = copy ? profile_string(r->p, copy) : "";
	r->p->failed |= !copy;
	free(copy);
	return kept;
}

static const char *get_string(const struct reader *r, struct cursor *c)
{
	return r->string[get_below(c, r->n_strings)];
}

static void read_head(struct reader *r, struct cursor *c)
{
	uint64_t basis;

	if (get(c) > FORMAT) {
		r->fault = PROFILE_NEWER;
		return;
	}
	r->p->version = get_bytes(r, c);
	r->p->host = get_bytes(r, c);
	r->p->start_utc_ns = get_signed(c);
	r->p->utc_ns = get_signed(c);
	basis = get(c);
	r->p->basis = basis < PROFILE_BASES ? (enum profile_basis)basis : PROFILE_SAMPLED;
	r->has_head = !c->is_bad;
}

/* add_string - the next number's. */
static void add_string(struct reader *r, const char *s)
{
	size_t cap = r->cap_strings ? 2 * r->cap_strings : 1024;
	const char **grown;

	if (r->n_strings == r->cap_strings) {
		grown = reallocarray(r->string, cap, sizeof(*grown));
		if (!grown) {
			r->p->failed = 1;
			return;
		}
		r->string = grown;
		r->cap_strings = cap;
	}
	r->string[r->n_strings++] = s;
}

static void read_string(struct reader *r, struct cursor *c)
{
	add_string(r, get_bytes(r, c));
}

static void read_frame(struct reader *r, struct cursor *c)
{
	struct profile_frame f = { .kind = get_below(c, PROFILE_FRAME_KINDS) };
	size_t n = r->p->n_frames;
	uint64_t flags;

	f.function = get_string(r, c);
	f.file = get_string(r, c);
	f.module = get_string(r, c);
	f.build_id = get_string(r, c);
	f.offset = get(c);
	f.line = get_below(c, 1ULL << 32);
	flags = get(c);
	f.is_inlined = (flags & INLINED) != 0;
	f.is_approximate = (flags & APPROXIMATE) != 0;
	/* A frame stands once: else the numbers of those that follow would shift. */
	if (!c->is_bad && profile_add_frame(r->p, &f) != n)
		c->is_bad = 1;
}

static void read_curve(struct reader *r, struct cursor *c)
{
	struct profile_curve curve = { .name = get_string(r, c), .verdict = get_string(r, c) };
	uint64_t time_ms = 0;
	int64_t value = 0;

	curve.bytes_per_s = get_signed(c);
	curve.n = get_below(c, (uint64_t)(c->end - c->at) / 2 + 1); /* a point has two bytes at least */
	take(r, ELEMENT_BYTES + 2 * curve.n * sizeof(*curve.point));
	if (r->fault)
		return;
	curve.point = reallocarray(NULL, curve.n ? curve.n : 1, sizeof(*curve.point));
	if (!curve.point) {
		r->p->failed = 1;
		return;
	}
	for (size_t i = 0; i < curve.n; i++) {
		time_ms += (uint64_t)get_signed(c);
		value = (int64_t)((uint64_t)value + (uint64_t)get_signed(c));
		curve.point[i] = (struct profile_point){ time_ms, value };
	}
	if (!c->is_bad)
		profile_add_curve(r->p, &curve);
	free(curve.point);
}

static void read_process(struct reader *r, struct cursor *c)
{
	struct profile_process x = { .pid = get_below(c, 1ULL << 32) };
	uint64_t n_curves;

	x.comm = get_string(r, c);
	x.role = get_string(r, c);
	x.worker = (int32_t)get_signed(c);
	x.what = get_string(r, c);
	x.container = get_string(r, c);
	x.is_alive = get(c) != 0;
	x.n_requests = get(c) - 1;
	for (int l = 0; l < PROFILE_LAYERS; l++) {
		x.live_bytes[l] = get_signed(c);
		x.live_blocks[l] = get_signed(c);
	}
	n_curves = get(c);
	if (!c->is_bad)
		profile_add_process(r->p, &x);
	for (uint64_t i = 0; i < n_curves && !c->is_bad && !r->fault && !r->p->failed; i++)
		read_curve(r, c);
}

static void read_stack(struct reader *r, struct cursor *c)
{
	struct profile_stack s = { .process = get_below(c, r->p->n_processes) };
	uint32_t frame[PROFILE_MAX_FRAMES];

	s.layer = get_below(c, PROFILE_LAYERS);
	s.verdict = get_below(c, PROFILE_VERDICTS);
	s.is_whole = get(c) != 0;
	for (int v = 0; v < PROFILE_VALUES; v++)
		s.value[v] = get_signed(c);
	s.oldest_age_ms = get(c);
	s.why = get_string(r, c);
	s.n_frames = get_below(c, PROFILE_MAX_FRAMES + 1);
	take(r, s.n_frames * sizeof(*frame));
	for (uint32_t i = 0; i < s.n_frames; i++)
		frame[i] = get_below(c, r->p->n_frames);
	s.frame = frame;
	if (!c->is_bad)
		profile_add_stack(r->p, &s);
}

static void read_loss(struct reader *r, struct cursor *c)
{
	const char *key = get_string(r, c), *text = get_string(r, c);
	uint64_t count = get(c);

	if (!c->is_bad)
		profile_add_loss(r->p, key, text, count);
}

static void read_event(struct reader *r, struct cursor *c)
{
	const char *json = get_bytes(r, c);

	if (!c->is_bad)
		profile_add_event(r->p, json);
}

/* read_tail - all that was promised is there. */
static void read_tail(struct reader *r, struct cursor *c)
{
	if (get(c) != r->p->n_stacks)
		c->is_bad = 1;
	r->is_done = !c->is_bad;
}

/* read_elements - of a chunk. One of a type that is not known is of a later version, which says that it may be passed over. */
static void read_elements(struct reader *r, uint32_t type, const unsigned char *data, size_t n)
{
	static const struct {
		uint32_t type;
		void (*read)(struct reader *, struct cursor *);
	} known[] = {
		{ HEAD, read_head },
		{ STRINGS, read_string },
		{ FRAMES, read_frame },
		{ PROCESS, read_process },
		{ STACKS, read_stack },
		{ LOSSES, read_loss },
		{ EVENTS, read_event },
		{ TAIL, read_tail },
	};
	struct cursor c = { data, data + n, 0 };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		while (known[i].type == type && c.at < c.end && !c.is_bad && !r->fault && !r->p->failed) {
			take(r, ELEMENT_BYTES);
			known[i].read(r, &c);
		}
	if (c.is_bad || (!r->fault && !r->has_head))
		r->fault = PROFILE_CORRUPT;
}

/* read_all - n bytes.  Return: how many there are; less: the file has ended, or r->err is set. */
static size_t read_all(struct reader *r, void *to, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t got = read(r->fd, (char *)to + done, n - done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			r->err = -errno;
		if (got <= 0)
			break;
		done += (size_t)got;
	}
	return done;
}

static uint32_t le32(const unsigned char *from)
{
	return TYPE(from[0], from[1], from[2], from[3]);
}

static void read_chunk(struct reader *r)
{
	unsigned char header[HEADER_BYTES], *packed = NULL, *plain = NULL;
	size_t n_packed, n_plain;
	uLongf n = 0;

	r->fault = PROFILE_TRUNCATED;
	if (read_all(r, header, sizeof(header)) < sizeof(header))
		return;
	n_packed = le32(header + 4);
	n_plain = le32(header + 8);
	if (n_plain > MAX_PLAIN_BYTES || n_packed > compressBound(MAX_PLAIN_BYTES)) {
		r->fault = PROFILE_CORRUPT;
		return;
	}
	packed = malloc(n_packed ? n_packed : 1);
	plain = malloc(n_plain ? n_plain : 1);
	if (!packed || !plain) {
		r->p->failed = 1;
	} else if (read_all(r, packed, n_packed) == n_packed) {
		n = n_plain;
		r->fault = PROFILE_SOUND;
		if (crc32(crc32(0, header, 12), packed, (uInt)n_packed) != le32(header + 12) ||
			uncompress(plain, &n, packed, n_packed) != Z_OK || n != n_plain)
			r->fault = PROFILE_CORRUPT;
		else
			take(r, n_plain);
		if (!r->fault)
			read_elements(r, le32(header), plain, n_plain);
	}
	free(packed);
	free(plain);
}

int profile_read(struct profile *p, int fd, enum profile_fault *fault)
{
	struct reader r = { .fd = fd, .p = p };
	char begins[sizeof(signature)];

	profile_begin(p);
	add_string(&r, "");
	if (read_all(&r, begins, sizeof(begins)) < sizeof(begins) || memcmp(begins, signature, sizeof(begins)))
		r.fault = PROFILE_FOREIGN;
	while (!r.fault && !r.err && !r.is_done && !p->failed)
		read_chunk(&r);
	free(r.string);
	*fault = r.fault;
	return p->failed ? -ENOMEM : r.err;
}

const char *profile_fault_text(enum profile_fault f)
{
	switch (f) {
	case PROFILE_FOREIGN:
		return "it is no file of swtrace record";
	case PROFILE_NEWER:
		return "it was written by a later swtrace, in a form that this one does not know";
	case PROFILE_TRUNCATED:
		return "it ends too early";
	case PROFILE_CORRUPT:
		return "it is damaged";
	default:
		return "it is sound";
	}
}
