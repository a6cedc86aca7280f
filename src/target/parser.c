// SPDX-License-Identifier: GPL-2.0-or-later
/* target/parser.c - the parent's side: begin a child, ask, wait no longer than allowed, believe nothing unchecked. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "target/parser.h"
#include "util/clock.h"
#include "util/msg.h"
#include "util/sandbox.h"

#define WAIT_NS	       10000000000ULL /* the largest files that are known take a second or two */
#define MAX_LOST       32	      /* children lost by files of one owner, before they are not read any more */
#define HANG_COUNTS    8	      /* a hang, for which we wait, as so many */
#define MAX_TABLE      (1ULL << 30)   /* of all that an elffile holds */
#define TABLE_BY_BYTES 8	 /* likewise, for each byte of its file: symbols of 24 bytes, twice, become 72 each */
#define TABLE_BYTES    (1 << 16) /* and for any file */
#define MAX_ERRNO      4095
#define MAX_AHEAD      8 /* questions that are asked before the first is answered */

static void end(struct parser *p)
{
	if (!p->pid)
		return;
	close(p->socket);
	sandbox_end(p->pid);
	p->pid = 0;
}

static int start(struct parser *p)
{
	int err;

	if (p->pid)
		return 0;
	err = sandbox_start(&p->pid, &p->socket, parse_run);
	p->n_starts += !err;
	return err;
}

int parser_open(struct parser **out)
{
	struct parser *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->wait_ns = WAIT_NS;
	/* While there is little that it would have a copy of. If that fails, it is tried again when there is a question. */
	start(p);
	*out = p;
	return 0;
}

void parser_close(struct parser *p)
{
	if (!p)
		return;
	end(p);
	free(p->owner);
	free(p->bad);
	free(p);
}

static int is_bad(const struct parser *p, uint32_t number)
{
	for (size_t i = 0; i < p->n_bad; i++)
		if (p->bad[i] == number)
			return 1;
	return 0;
}

/* charge - count a child that is lost to the owner of the files that it has read. */
static void charge(struct parser *p, unsigned n)
{
	if (p->served)
		p->owner[p->served - 1].n_lost += n;
}

/* lost - the child has died, hangs or talks nonsense about a file: end it, and do not give it to another.  Return: -EBADMSG. */
static int lost(struct parser *p, uint32_t number, const char *path)
{
	uint32_t *grown = realloc(p->bad, (p->n_bad + 1) * sizeof(*grown));

	if (grown) {
		p->bad = grown;
		p->bad[p->n_bad++] = number;
	}
	end(p);
	charge(p, 1);
	msg_warn(
		"%s: reading this file failed badly; it is not read again: what it defines has no names, and is not traced",
		path);
	return -EBADMSG;
}

/* nobody - there is no child to be had.  Return: -EAGAIN. */
static int nobody(struct parser *p, const char *path, int err)
{
	if (p->is_told)
		msg_debug("%s: not read: %s", path, strerror(-err));
	else
		msg_warn("%s: not read: no process can be started to read files: %s", path, strerror(-err));
	p->is_told = 1;
	return -EAGAIN;
}

/* find_owner - of a file, or a new one.  Return: 1 + its index; 0: no memory. */
static size_t find_owner(struct parser *p, const struct stat *st)
{
	struct parser_owner *grown;

	for (size_t i = 0; i < p->n_owners; i++)
		if (p->owner[i].dev == st->st_dev && p->owner[i].uid == st->st_uid)
			return i + 1;
	grown = realloc(p->owner, (p->n_owners + 1) * sizeof(*grown));
	if (!grown)
		return 0;
	p->owner = grown;
	p->owner[p->n_owners++] = (struct parser_owner){ .dev = st->st_dev, .uid = st->st_uid };
	return p->n_owners;
}

/* serve - see that the child, if there is one, has read files of that one's owner only.
 * @may_end  another child may be begun for that
 * Return: 0; -EBUSY this child must be done with its files first; -ENOMEM; -ECHILD: too many of his have failed. */
static int serve(struct parser *p, const struct stat *st, const char *path, int may_end)
{
	size_t owner = find_owner(p, st);

	if (!owner)
		return -ENOMEM;
	if (p->served && p->served != owner) {
		if (!may_end)
			return -EBUSY;
		end(p);
	}
	p->served = owner;
	if (p->owner[owner - 1].n_lost < MAX_LOST)
		return 0;
	if (p->owner[owner - 1].n_lost != UINT32_MAX)
		msg_warn("%s: not read, nor are others of its owner from now on: too many have failed", path);
	p->owner[owner - 1].n_lost = UINT32_MAX;
	return -ECHILD;
}

/* get - the next message.  Return: its length, or -errno: it is not there in time. */
static ssize_t get(struct parser *p, void *to, size_t cap, uint64_t until_ns)
{
	for (;;) {
		ssize_t n = recv(p->socket, to, cap, MSG_DONTWAIT);
		struct pollfd fd = { .fd = p->socket, .events = POLLIN };
		uint64_t now;

		if (n > 0)
			return n;
		if (!n || (errno != EAGAIN && errno != EINTR))
			return -EBADMSG;
		now = clock_ns(CLOCK_MONOTONIC);
		if (now >= until_ns)
			return -ETIMEDOUT;
		poll(&fd, 1, (int)((until_ns - now) / 1000000 + 1));
	}
}

/* What the child says. */
struct reply {
	int status;
	void *data; /* malloc'ed */
	size_t n_bytes;
};

/* await - an answer of up to cap bytes.  Return: 0, or -errno: it is none. */
static int await(struct parser *p, struct reply *r, uint64_t cap)
{
	uint64_t until_ns = clock_ns(CLOCK_MONOTONIC) + p->wait_ns;
	struct parse_answer a;
	ssize_t n = get(p, &a, sizeof(a), until_ns);

	if (n < 0)
		return (int)n;
	if (n != sizeof(a) || a.n_bytes > cap || a.status < -MAX_ERRNO || a.status > INT32_MAX)
		return -EBADMSG;
	r->status = (int)a.status;
	if (!a.n_bytes)
		return 0;
	r->data = malloc(a.n_bytes);
	if (!r->data)
		return -ENOMEM;
	while (r->n_bytes < a.n_bytes) {
		n = get(p, (char *)r->data + r->n_bytes, a.n_bytes - r->n_bytes, until_ns);
		if (n < 0)
			return (int)n;
		r->n_bytes += n;
	}
	return 0;
}

/* A question about a file. */
struct question {
	const struct parse_ask *ask;
	int fd;
	const char *path;
};

static int send_question(const struct parser *p, const struct question *q)
{
	size_t n_bytes = offsetof(struct parse_ask, place) + q->ask->n_places * sizeof(q->ask->place[0]);

	return sandbox_send(p->socket, q->ask, n_bytes, &q->fd, 1, 0);
}

/* post - send a question to a child: to another one, if this one has died meanwhile.  Return: 0 or -errno. */
static int post(struct parser *p, const struct question *q)
{
	int err = start(p);

	if (!err)
		err = send_question(p, q);
	if (err != -EPIPE)
		return err;
	end(p);
	charge(p, 1);
	err = start(p);
	return err ? err : send_question(p, q);
}

/* begin - send a question about a file, when nothing else is asked.
 * Return: 0; -EBADMSG, -EAGAIN as parser_elf(); -errno. */
static int begin(struct parser *p, const struct question *q)
{
	struct stat st;
	int err = 0;

	if (is_bad(p, q->ask->number))
		return -EBADMSG;
	if (fstat(q->fd, &st))
		return -errno;
	if (q->ask->number != PARSER_OUR_VDSO)
		err = serve(p, &st, q->path, 1);
	if (err)
		return -EAGAIN;
	err = post(p, q);
	return err ? nobody(p, q->path, err) : 0;
}

/* begin_ahead - likewise, while others are not answered yet.  Return: 0, or -EBUSY: later. */
static int begin_ahead(struct parser *p, const struct question *q)
{
	struct stat st;

	if (!p->pid || is_bad(p, q->ask->number) || fstat(q->fd, &st) || serve(p, &st, q->path, 0) ||
		send_question(p, q))
		return -EBUSY;
	return 0;
}

/* finish - the answer to the first of the questions that are not answered yet, of up to cap bytes.
 * Return: 0 and *r, whose data is the caller's; -EBADMSG: the child is lost, and the other questions with it. */
static int finish(struct parser *p, const struct question *q, uint64_t cap, struct reply *r)
{
	int err;

	*r = (struct reply){ 0 };
	err = await(p, r, cap);
	if (!err)
		return 0;
	if (err == -ETIMEDOUT)
		charge(p, HANG_COUNTS - 1);
	free(r->data);
	*r = (struct reply){ 0 };
	return lost(p, q->ask->number, q->path);
}

/* ask - a question about a module, and its answer of up to cap bytes.  Return: as begin(), finish(). */
static int ask(const struct target_module *m, struct parse_ask *a, uint64_t cap, struct reply *r)
{
	struct question q = { a, m->fd, m->path };
	int err;

	a->number = m->number;
	*r = (struct reply){ 0 };
	err = begin(m->parser, &q);
	return err ? err : finish(m->parser, &q, cap, r);
}

/* ---- ELF files ------------------------------------------------------------------------------------------------------------ */

/* table_bytes - how many an elffile may have. */
static uint64_t table_bytes(int fd)
{
	struct stat st;
	uint64_t n;

	if (fstat(fd, &st))
		return 0;
	n = (uint64_t)st.st_size;
	return n < MAX_TABLE / TABLE_BY_BYTES ? n * TABLE_BY_BYTES + TABLE_BYTES : MAX_TABLE;
}

/* take_elf - the answer to the first of the questions that are not answered yet.  Return: as parser_elf(). */
static int take_elf(struct parser *p, const struct question *q, struct elffile **out)
{
	struct reply r;
	int err = finish(p, q, table_bytes(q->fd), &r);

	if (err)
		return err;
	if (!r.status)
		err = elffile_from(out, r.data, r.n_bytes);
	else
		err = r.status < 0 && r.status != -EBADMSG ? r.status : -ENOEXEC;
	if (r.status)
		free(r.data);
	return err == -EBADMSG ? lost(p, q->ask->number, q->path) : err;
}

int parser_elf(struct parser *p, uint32_t number, int fd, const char *path, struct elffile **out)
{
	struct parse_ask a = { .type = PARSE_ELF, .number = number };
	struct question q = { &a, fd, path };
	int err = begin(p, &q);

	return err ? err : take_elf(p, &q, out);
}

void parser_elves(struct parser *p, struct target_module *const *module, size_t n)
{
	static struct parse_ask a[MAX_AHEAD];
	size_t n_asked = 0;

	for (size_t i = 0; i < n; i++) {
		struct question q = { &a[i % MAX_AHEAD], module[i]->fd, module[i]->path };
		int err = 0;

		if (n_asked <= i) {
			a[i % MAX_AHEAD] = (struct parse_ask){ .type = PARSE_ELF, .number = module[i]->number };
			err = begin(p, &q);
			n_asked = i + 1;
		}
		while (!err && n_asked < n && n_asked - i < MAX_AHEAD) {
			struct question next = { &a[n_asked % MAX_AHEAD], module[n_asked]->fd, module[n_asked]->path };

			a[n_asked % MAX_AHEAD] =
				(struct parse_ask){ .type = PARSE_ELF, .number = module[n_asked]->number };
			if (begin_ahead(p, &next))
				break;
			n_asked++;
		}
		if (!err)
			err = take_elf(p, &q, &module[i]->elf);
		if (err == -EBADMSG) /* what was asked for besides is asked for again */
			n_asked = i + 1;
		if (err)
			msg_debug("%s: not read as ELF: %s", module[i]->path, strerror(-err));
	}
}

/* ---- what is asked of one module ------------------------------------------------------------------------------------------ */

/* ask_list - a question about a module that is answered by up to max things of a size.  Return: as ask(); r->status is their number. */
static int ask_list(const struct target_module *m, struct parse_ask *q, size_t size, size_t max, struct reply *r)
{
	int err;

	err = ask(m, q, size * max, r);
	if (!err && r->n_bytes != (r->status > 0 ? r->status * size : 0)) {
		free(r->data);
		*r = (struct reply){ 0 };
		err = lost(m->parser, m->number, m->path);
	}
	return err;
}

int parser_imports(const struct target_module *m, struct elfimport **out)
{
	struct parse_ask q = { .type = PARSE_IMPORTS };
	struct reply r;
	int err;

	if (!m->parser)
		return bindings_imports(m->fd, out);
	*out = NULL;
	err = ask_list(m, &q, sizeof(**out), ELFIMPORTS_MAX, &r);
	if (err)
		return err;
	*out = r.data;
	for (int i = 0; i < r.status; i++) {
		if ((*out)[i].name < FAMILIES_MAX_NAMES)
			continue;
		free(r.data);
		*out = NULL;
		return lost(m->parser, m->number, m->path);
	}
	return r.status;
}

/* is_code - does an executable segment hold that place of the file? */
static int is_code(const struct target_module *m, uint64_t offset)
{
	struct elffile_code code;

	for (size_t i = 0; !elffile_code(m->elf, i, &code); i++)
		if (offset - code.offset < code.n_bytes)
			return 1;
	return 0;
}

int parser_leaves(const struct target_module *m, uint64_t vaddr, uint64_t *offset, size_t cap)
{
	struct parse_ask q = { .type = PARSE_LEAVES, .vaddr = vaddr };
	struct reply r;
	int err;

	if (!m->parser)
		return leaves_find(m, vaddr, offset, cap);
	err = ask_list(m, &q, sizeof(*offset), cap, &r);
	for (int i = 0; !err && i < r.status; i++) {
		memcpy(&offset[i], (char *)r.data + i * sizeof(*offset), sizeof(*offset));
		if (!is_code(m, offset[i]))
			err = -EBADMSG;
	}
	free(r.data);
	return err ? err : r.status;
}

int parser_ends(const struct target_module *m, struct end_place *out)
{
	struct parse_ask q = { .type = PARSE_ENDS };
	struct reply r;
	int err;

	if (!m->parser)
		return ends_find(m, out);
	err = ask_list(m, &q, sizeof(*out), ENDS_MAX, &r);
	for (int i = 0; !err && i < r.status; i++) {
		memcpy(&out[i], (char *)r.data + i * sizeof(*out), sizeof(*out));
		if (!is_code(m, out[i].offset) || out[i].what >= END_KINDS)
			err = -EBADMSG;
	}
	free(r.data);
	return err ? err : r.status;
}

/* ask_one - a question about a module that is answered by one thing of that size.  Return: the status, or as ask(). */
static int ask_one(const struct target_module *m, struct parse_ask *q, void *out, size_t size)
{
	struct reply r;
	int err;

	err = ask(m, q, size, &r);
	if (err)
		return err;
	if (r.n_bytes == size)
		memcpy(out, r.data, size);
	else if (r.status >= 0)
		err = lost(m->parser, m->number, m->path);
	free(r.data);
	return err ? err : r.status;
}

int parser_version(const struct target_module *m, char *version, size_t cap)
{
	struct parse_ask q = { .type = PARSE_VERSION };
	char said[sizeof(m->php_version)];
	int err;

	if (!m->parser)
		return php_read_version(m->fd, version, cap);
	err = ask_one(m, &q, said, sizeof(said));
	if (err)
		return err;
	said[sizeof(said) - 1] = 0;
	said[strspn(said, "0123456789.")] = 0;
	if (strlen(said) >= cap)
		return -ENOENT;
	strcpy(version, said);
	return 0;
}

static void cut_version(char *version, size_t cap)
{
	char copy[sizeof(((struct identity_file *)NULL)->libc_version)];

	memcpy(copy, version, cap);
	identity_copy_version(copy, strnlen(copy, cap), version, cap);
}

int parser_identity(const struct target_module *m, unsigned what, struct identity_file *out)
{
	struct parse_ask q = { .type = PARSE_IDENTITY, .what = what };
	struct identity_file said;
	int err;

	if (!m->parser) {
		identity_read_file(m->fd, what, out);
		return 0;
	}
	err = ask_one(m, &q, &said, sizeof(said));
	if (err)
		return err;
	if ((unsigned)said.libc > MODEL_LIBC_MUSL)
		return lost(m->parser, m->number, m->path);
	said.thread_safe = said.thread_safe < 0 ? -1 : said.thread_safe != 0;
	said.is_debug = said.is_debug < 0 ? -1 : said.is_debug != 0;
	cut_version(said.libc_version, sizeof(said.libc_version));
	cut_version(said.bare_version, sizeof(said.bare_version));
	*out = said;
	return 0;
}

void parser_entries(const struct target_module *m, struct entry_place *place, size_t n)
{
	static struct parse_ask q;
	struct entry_place *said;
	struct reply r;

	if (!m->parser) {
		entry_decide(m->fd, m->elf, place, n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		place[i].move = place[i].is_cheap = 0;
	if (!n || n > PARSER_MAX_PLACES)
		return;
	q.type = PARSE_ENTRIES;
	q.n_places = n;
	memcpy(q.place, place, n * sizeof(*place));
	if (ask(m, &q, n * sizeof(*place), &r))
		return;
	said = r.data;
	for (size_t i = 0; !r.status && r.n_bytes == n * sizeof(*said) && i < n; i++) {
		/* Whether an instruction begins there it alone can tell: of its own files. */
		if (said[i].move <= ENTRY_MAX_MOVE && said[i].move < place[i].size_bytes)
			place[i].move = said[i].move;
		place[i].is_cheap = said[i].is_cheap != 0;
	}
	free(r.data);
}
