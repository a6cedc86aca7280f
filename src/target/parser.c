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

static void end(struct parser *p)
{
	free(p->reply.data);
	p->reply = (struct parser_reply){ 0 };
	p->n_asked = 0;
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

/* get - the next message.  Return: its length; -EAGAIN it is not there by then; -ETIMEDOUT nor will it be; -errno. */
static ssize_t get(struct parser *p, void *to, size_t cap, uint64_t until_ns, uint64_t hang_ns)
{
	for (;;) {
		ssize_t n = recv(p->socket, to, cap, MSG_DONTWAIT);
		struct pollfd fd = { .fd = p->socket, .events = POLLIN };
		uint64_t now, end_ns = until_ns < hang_ns ? until_ns : hang_ns;

		if (n > 0)
			return n;
		if (!n || (errno != EAGAIN && errno != EINTR))
			return -EBADMSG;
		now = clock_ns(CLOCK_MONOTONIC);
		if (now >= hang_ns)
			return -ETIMEDOUT;
		if (now >= until_ns)
			return -EAGAIN;
		poll(&fd, 1, (int)((end_ns - now) / 1000000 + 1));
	}
}

static struct parser_reply expect(const struct parser *p)
{
	return (struct parser_reply){ .hang_ns = clock_ns(CLOCK_MONOTONIC) + p->wait_ns };
}

/* await_head - how an answer of up to cap bytes begins.  Return: as await(). */
static int await_head(struct parser *p, struct parser_reply *r, uint64_t cap, uint64_t until_ns)
{
	struct parse_answer a;
	ssize_t n = get(p, &a, sizeof(a), until_ns, r->hang_ns);

	if (n < 0)
		return (int)n;
	if (n != sizeof(a) || a.n_bytes > cap || a.status < -MAX_ERRNO || a.status > INT32_MAX)
		return -EBADMSG;
	r->has_begun = 1;
	r->status = (int)a.status;
	r->n_wanted = a.n_bytes;
	if (!a.n_bytes)
		return 0;
	r->data = malloc(a.n_bytes);
	return r->data ? 0 : -ENOMEM;
}

/* await - an answer of up to cap bytes, or what is not there of it yet.
 * Return: 0; -EAGAIN: there is more to come after that time; -errno: it is none. */
static int await(struct parser *p, struct parser_reply *r, uint64_t cap, uint64_t until_ns)
{
	int err = r->has_begun ? 0 : await_head(p, r, cap, until_ns);
	ssize_t n;

	while (!err && r->n_bytes < r->n_wanted) {
		n = get(p, (char *)r->data + r->n_bytes, r->n_wanted - r->n_bytes, until_ns, r->hang_ns);
		if (n < 0)
			return (int)n;
		r->n_bytes += n;
		/* A large answer keeps us no longer than one that does not come. */
		if (r->n_bytes < r->n_wanted && until_ns != UINT64_MAX && clock_ns(CLOCK_MONOTONIC) >= until_ns)
			err = -EAGAIN;
	}
	return err;
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
 * Return: 0 and *r, whose data is the caller's; -EAGAIN not by then: go on with *r; -EBADMSG: the child is lost, and the other
 * questions with it. */
static int finish(struct parser *p, const struct question *q, uint64_t cap, uint64_t until_ns, struct parser_reply *r)
{
	int err = await(p, r, cap, until_ns);

	if (!err || err == -EAGAIN)
		return err;
	if (err == -ETIMEDOUT)
		charge(p, HANG_COUNTS - 1);
	free(r->data);
	*r = (struct parser_reply){ 0 };
	return lost(p, q->ask->number, q->path);
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

/* finish_elf - the answer to a question about symbols.  Return: as parser_elf(); -EAGAIN also: not by then, go on with *r. */
static int finish_elf(
	struct parser *p, const struct question *q, uint64_t until_ns, struct parser_reply *r, struct elffile **out)
{
	int err = finish(p, q, table_bytes(q->fd), until_ns, r);

	if (err)
		return err;
	if (!r->status)
		err = elffile_from(out, r->data, r->n_bytes);
	else /* which is the child's word: neither of these is */
		err = r->status < 0 && r->status != -EBADMSG && r->status != -EAGAIN ? r->status : -ENOEXEC;
	if (r->status)
		free(r->data);
	*r = (struct parser_reply){ 0 };
	return err == -EBADMSG ? lost(p, q->ask->number, q->path) : err;
}

/* elf_question - about the symbols of a module; until the next one. */
static struct question elf_question(const struct target_module *m)
{
	static struct parse_ask a = { .type = PARSE_ELF };

	a.number = m->number;
	return (struct question){ &a, m->fd, m->path };
}

static void set_read(struct target_module *m, int err)
{
	if (err)
		msg_debug("%s: not read as ELF: %s", m->path, strerror(-err));
	m->is_read = 1;
	module_find_allocators(m);
}

/* take - what is said of the module that was asked for first.  Return: 0, or -EAGAIN: nothing yet. */
static int take(struct parser *p, uint64_t until_ns)
{
	struct target_module *m = p->asked[0];
	struct question q = elf_question(m);
	int err = finish_elf(p, &q, until_ns, &p->reply, &m->elf);

	if (err == -EAGAIN)
		return err;
	set_read(m, err);
	if (p->n_asked) /* the child lives */
		memmove(&p->asked[0], &p->asked[1], --p->n_asked * sizeof(p->asked[0]));
	p->reply = expect(p);
	return 0;
}

int parser_is_idle(struct parser *p, uint64_t until_ns)
{
	while (p->n_asked)
		if (take(p, until_ns))
			return 0;
	return 1;
}

static int is_asked(const struct parser *p, const struct target_module *m)
{
	for (size_t i = 0; i < p->n_asked; i++)
		if (p->asked[i] == m)
			return 1;
	return 0;
}

/* ask_elves - ask for the symbols of these, as many as may be asked for now. */
static void ask_elves(struct parser *p, struct target_module *const *module, size_t n)
{
	for (size_t i = 0; i < n && p->n_asked < PARSER_MAX_ASKED; i++) {
		struct target_module *m = module[i];
		struct question q = elf_question(m);
		int err;

		if (m->is_read || is_asked(p, m))
			continue;
		if (p->n_asked && begin_ahead(p, &q))
			return;
		err = p->n_asked ? 0 : begin(p, &q);
		if (err) {
			set_read(m, err);
			continue;
		}
		if (!p->n_asked)
			p->reply = expect(p);
		p->asked[p->n_asked++] = m;
	}
}

int parser_elves(struct parser *p, struct target_module *const *module, size_t n, uint64_t until_ns)
{
	for (size_t i = 0; i < n; i++) {
		while (!module[i]->is_read) {
			ask_elves(p, module + i, n - i);
			if (!module[i]->is_read && take(p, until_ns))
				return -EINPROGRESS;
		}
	}
	return 0;
}

/* begin_alone - begin(), unless files are being read.  Return: also -EAGAIN: they are. */
static int begin_alone(struct parser *p, const struct question *q)
{
	return parser_is_idle(p, 0) ? begin(p, q) : -EAGAIN;
}

int parser_elf(struct parser *p, uint32_t number, int fd, const char *path, struct elffile **out)
{
	struct parse_ask a = { .type = PARSE_ELF, .number = number };
	struct question q = { &a, fd, path };
	struct parser_reply r = { 0 };
	int err = begin_alone(p, &q);

	if (err)
		return err;
	r = expect(p);
	return finish_elf(p, &q, UINT64_MAX, &r, out);
}

/* ask - a question about a module, and its answer of up to cap bytes.  Return: as begin(), finish(). */
static int ask(const struct target_module *m, struct parse_ask *a, uint64_t cap, struct parser_reply *r)
{
	struct question q = { a, m->fd, m->path };
	int err;

	a->number = m->number;
	*r = (struct parser_reply){ 0 };
	err = begin_alone(m->parser, &q);
	if (err)
		return err;
	*r = expect(m->parser);
	return finish(m->parser, &q, cap, UINT64_MAX, r);
}

/* ---- what is asked of one module ------------------------------------------------------------------------------------------ */

/* ask_list - a question about a module that is answered by up to max things of a size.  Return: as ask(); r->status is their number. */
static int ask_list(const struct target_module *m, struct parse_ask *q, size_t size, size_t max, struct parser_reply *r)
{
	int err;

	err = ask(m, q, size * max, r);
	if (!err && r->n_bytes != (r->status > 0 ? r->status * size : 0)) {
		free(r->data);
		*r = (struct parser_reply){ 0 };
		err = lost(m->parser, m->number, m->path);
	}
	return err;
}

int parser_imports(const struct target_module *m, struct elfimport **out)
{
	struct parse_ask q = { .type = PARSE_IMPORTS };
	struct parser_reply r;
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
	struct parser_reply r;
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
	struct parser_reply r;
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
	struct parser_reply r;
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
	struct parser_reply r;

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
