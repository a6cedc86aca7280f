// SPDX-License-Identifier: GPL-2.0-or-later
/* profile/swtread.c - a profile from a file, as much of it as is whole. The file may be anybody's. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "profile/profile.h"
#include "profile/swt.h"

#define MAX_PLAIN_BYTES (16 << 20)
#define MAX_TAKEN_BYTES (512ULL << 20) /* of memory: a small file could tell of more than there is */
#define ELEMENT_BYTES	256	       /* that an element takes, at most, beside what is counted by itself */

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

	if (get(c) > SWT_FORMAT) {
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
	return SWT_TYPE(from[0], from[1], from[2], from[3]);
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

int profile_read(struct profile *p, int fd)
{
	struct reader r = { .fd = fd, .p = p };
	char begins[SWT_SIGNATURE_BYTES];

	profile_begin(p);
	add_string(&r, "");
	if (read_all(&r, begins, sizeof(begins)) < sizeof(begins) || memcmp(begins, SWT_SIGNATURE, sizeof(begins)))
		r.fault = PROFILE_FOREIGN;
	while (!r.fault && !r.err && !r.is_done && !p->failed)
		read_chunk(&r);
	free(r.string);
	p->fault = r.fault;
	p->is_headless = !r.has_head;
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
