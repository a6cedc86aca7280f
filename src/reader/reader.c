// SPDX-License-Identifier: GPL-2.0-or-later
/* reader/reader.c - the parent's side: start the child, ask, wait no longer than allowed, believe nothing unchecked. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "reader/parent.h"
#include "util/clock.h"
#include "util/msg.h"
#include "util/sandbox.h"

/* A request that takes longer than this is taken for a hang: the first look at a big debug file takes a few seconds, and
 * debuginfod may have to fetch it first. */
#define HANG_NS		   (60 * SECOND_NS)
#define HANG_DEBUGINFOD_NS (600 * SECOND_NS)
#define MAX_STARTS	   32 /* children lost in all, before names are given up */

int reader_open(struct reader **out)
{
	struct reader *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->socket = -1;
	r->fd_idle = -1;
	*out = r;
	return 0;
}

void talk_end(struct reader *r)
{
	rows_forget(r, 0);
	r->is_busy = 0;
	if (!r->pid)
		return;
	close(r->socket);
	sandbox_end(r->pid);
	r->pid = 0;
	r->socket = -1;
}

void reader_close(struct reader *r)
{
	if (!r)
		return;
	talk_end(r);
	rows_forget(r, 1);
	free(r->file);
	free(r);
}

void reader_set_idle(struct reader *r, int fd, int (*drain)(void *ctx), void *ctx)
{
	r->fd_idle = fd;
	r->drain = drain;
	r->ctx = ctx;
}

/* drain - take what has come, and see whether it hurries. */
static void drain(struct reader *r)
{
	uint64_t then;

	if (!r->drain || !r->drain(r->ctx) || r->yield_ns == UINT64_MAX)
		return;
	then = clock_ns(CLOCK_MONOTONIC) + r->yield_ns;
	r->deadline_ns = then < r->deadline_ns ? then : r->deadline_ns;
	r->yield_ns = UINT64_MAX; /* what hurries after it is waited for no longer */
}

void reader_set_deadline(struct reader *r, uint64_t deadline_ns, uint64_t yield_ns)
{
	r->deadline_ns = deadline_ns;
	r->yield_ns = yield_ns;
	if (yield_ns != UINT64_MAX)
		drain(r); /* it may have come before */
}

int reader_pid(const struct reader *r)
{
	return r->pid;
}

int talk_start(struct reader *r)
{
	int err;

	if (r->pid)
		return 0;
	if (r->n_starts >= MAX_STARTS)
		return -EAGAIN;
	err = sandbox_start(&r->pid, &r->socket, child_run);
	/* -EAGAIN: no process is to be had, which is not tried for ever either. */
	r->n_starts += !err || err == -EAGAIN;
	return err;
}

int talk_lost(struct reader *r)
{
	msg_warn("%s: reading this file failed badly; it is not read again: its names or stacks are incomplete",
		r->asked_path);
	for (size_t i = 0; i < r->n_files; i++)
		if (r->asked_file && r->file[i].number == r->asked_file)
			r->file[i].is_bad = 1;
	talk_end(r);
	return -EBADMSG;
}

void reader_start(struct reader *r)
{
	talk_start(r);
}

int talk_post(struct reader *r, struct ask *q, const int *fd, size_t n_fds, int flags)
{
	q->id = ++r->last_id;
	return sandbox_send(r->socket, q, sizeof(*q), fd, n_fds, flags);
}

void talk_expect(struct reader *r, uint32_t id, uint32_t file, const char *path)
{
	r->awaited_id = id;
	r->asked_ns = clock_ns(CLOCK_MONOTONIC);
	r->asked_file = file;
	r->asked_path = path;
	r->is_busy = 1;
}

static int ask(struct reader *r, struct ask *q, const char *path, const int *fd, size_t n_fds)
{
	int err = talk_post(r, q, fd, n_fds, 0);

	talk_expect(r, q->id, q->file, path);
	return err ? -EPIPE : 0;
}

/* answer_take - read an answer that is there. Its size must be what its status says. */
static int answer_take(struct reader *r, int may_have_frames)
{
	ssize_t n = recv(r->socket, &r->answer, sizeof(r->answer), MSG_DONTWAIT);
	size_t n_frames = may_have_frames && n > 0 && r->answer.status > 0 ? r->answer.status : 0;

	if (n <= 0 || r->answer.id != r->awaited_id || n_frames > READER_MAX_FRAMES ||
		(size_t)n != offsetof(struct answer, frame) + n_frames * sizeof(r->answer.frame[0]))
		return -EBADMSG;
	r->is_busy = 0;
	return 0;
}

int talk_await(struct reader *r, uint64_t until_ns, int may_have_frames)
{
	int is_deadline = until_ns == r->deadline_ns;

	for (;;) {
		struct pollfd fd[2] = { { .fd = r->socket, .events = POLLIN }, { .fd = r->fd_idle, .events = POLLIN } };
		uint64_t now = clock_ns(CLOCK_MONOTONIC);
		int left_ms = now < until_ns ? (int)((until_ns - now + 999999) / 1000000) : 0;
		int n = poll(fd, 2, left_ms);

		if (n < 0 && errno != EINTR)
			return -EBADMSG;
		if (n > 0 && fd[1].revents)
			drain(r);
		until_ns = is_deadline ? r->deadline_ns : until_ns;
		if (n > 0 && fd[0].revents)
			return answer_take(r, may_have_frames);
		if (!left_ms)
			return -EAGAIN;
	}
}

int talk_settle(struct reader *r, uint64_t until_ns)
{
	uint64_t hang_ns = getenv("DEBUGINFOD_URLS") ? HANG_DEBUGINFOD_NS : HANG_NS;
	int err;

	if (!r->is_busy)
		return 0;
	err = talk_await(r, until_ns, 1);
	if (err == -EAGAIN && clock_ns(CLOCK_MONOTONIC) - r->asked_ns < hang_ns)
		return -EAGAIN;
	if (err)
		talk_lost(r);
	return 0;
}

/* still_busy - is an earlier request unanswered? */
static int still_busy(struct reader *r)
{
	return rows_settle(r, 0, r->deadline_ns) ? -EAGAIN : talk_settle(r, r->deadline_ns);
}

/*
 * ask_about - ask about one file and wait for the answer.  Return: 0, the answer is in @r; -EAGAIN, an earlier request keeps
 * the child busy; or why there is none, the child being ended if it did not answer.
 */
static int ask_about(struct reader *r, struct ask *q, int fd, const char *path, int may_have_frames)
{
	int err;

	/* What was asked ahead is wanted anyway. */
	rows_settle(r, 0, UINT64_MAX);
	if (still_busy(r))
		return -EAGAIN;
	err = talk_start(r);
	if (!err)
		err = ask(r, q, path, &fd, 1);
	if (!err)
		err = talk_await(r, clock_ns(CLOCK_MONOTONIC) + ROWS_NS, may_have_frames);
	return err && r->is_busy ? talk_lost(r) : err;
}

int reader_debuglink(struct reader *r, int fd, const char *path, char name[READER_NAME_BYTES], uint32_t *crc)
{
	struct ask q = { .type = ASK_LINK };
	int err = ask_about(r, &q, fd, path, 1);

	if (err)
		return err;
	if (r->answer.status <= 0)
		return -ENOENT;
	memcpy(name, r->answer.frame[0].file, READER_NAME_BYTES);
	name[READER_NAME_BYTES - 1] = 0;
	*crc = r->answer.frame[0].line;
	return strchr(name, '/') || !*name ? -ENOENT : 0;
}

int reader_php(struct reader *r, int fd, const char *path, uint32_t offset[READER_PHP_OFFSETS])
{
	struct ask q = { .type = ASK_PHP };
	int err = ask_about(r, &q, fd, path, 0);

	if (err)
		return err;
	memcpy(offset, r->answer.offset, READER_PHP_OFFSETS * sizeof(*offset));
	return r->answer.status ? -ENOENT : 0;
}

int reader_plain(struct reader *r, const char *name, const char *path, char out[READER_NAME_BYTES])
{
	struct ask q = { .type = ASK_PLAIN };
	int err = talk_start(r);

	if (err)
		return -EAGAIN;
	snprintf(q.name, sizeof(q.name), "%s", name);
	err = ask(r, &q, path, NULL, 0);
	if (!err)
		err = talk_await(r, clock_ns(CLOCK_MONOTONIC) + SECOND_NS, 1);
	if (err || r->answer.status != 1) {
		talk_lost(r);
		return -ENOENT;
	}
	memcpy(out, r->answer.frame[0].function, READER_NAME_BYTES);
	out[READER_NAME_BYTES - 1] = 0;
	return 0;
}

static struct told_file *file_get(struct reader *r, uint32_t number)
{
	struct told_file *grown;

	for (size_t i = 0; i < r->n_files; i++)
		if (r->file[i].number == number)
			return &r->file[i];
	grown = realloc(r->file, (r->n_files + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	r->file = grown;
	r->file[r->n_files] = (struct told_file){ .number = number };
	return &r->file[r->n_files++];
}

/* file_tell - give the child a file that it does not have. This does no more than hand it over, so it is waited for. */
static int file_tell(struct reader *r, struct told_file *told, const struct reader_file *f)
{
	struct ask q = { .type = ASK_FILE, .file = f->number, .has_debug = f->fd_debug >= 0 };
	int fds[2] = { f->fd, f->fd_debug };
	int err;

	if (told->told_to == r->n_starts)
		return 0;
	err = ask(r, &q, f->path, fds, f->fd_debug >= 0 ? 2 : 1);
	if (!err)
		err = talk_await(r, clock_ns(CLOCK_MONOTONIC) + ROWS_NS, 0);
	told->told_to = r->n_starts;
	return err;
}

int reader_knows(const struct reader *r, uint32_t number)
{
	for (size_t i = 0; r->pid && i < r->n_files; i++)
		if (r->file[i].number == number)
			return r->file[i].told_to == r->n_starts;
	return 0;
}

int reader_names(struct reader *r, const struct reader_file *f, uint64_t vaddr, struct reader_frame *out)
{
	struct ask q = { .type = ASK_NAMES, .file = f->number, .vaddr = vaddr };
	struct told_file *told = file_get(r, f->number);
	int err;

	if (!told)
		return -EAGAIN;
	if (told->is_bad)
		return -EBADMSG;
	if (clock_ns(CLOCK_MONOTONIC) >= r->deadline_ns || still_busy(r) || talk_start(r))
		return -EAGAIN;
	err = file_tell(r, told, f);
	if (!err)
		err = ask(r, &q, f->path, NULL, 0);
	if (!err)
		err = talk_await(r, r->deadline_ns, 1);
	if (err == -EAGAIN)
		return err;
	if (err || r->answer.status < 0)
		return talk_lost(r);
	memcpy(out, r->answer.frame, r->answer.status * sizeof(*out));
	for (int i = 0; i < r->answer.status; i++) {
		out[i].function[READER_NAME_BYTES - 1] = 0;
		out[i].file[READER_NAME_BYTES - 1] = 0;
		if (!out[i].function[0])
			return talk_lost(r);
	}
	return r->answer.status;
}
