/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reader/parent.h - what the files of the parent's side share: the child, and the talk with it. */
#ifndef READER_PARENT_H
#define READER_PARENT_H

#include <sys/types.h>

#include "reader/internal.h"

#define SECOND_NS 1000000000ULL
#define ROWS_NS	  (20 * SECOND_NS)
#define MAX_AHEAD 256 /* each holds a descriptor */

/* What the child has been told of a file. */
struct told_file {
	uint32_t number;
	uint32_t told_to; /* n_starts of the child that knows it; 0 = none */
	int is_bad;	  /* it killed its reader */
};

/* Rows that were asked for ahead. */
struct ahead {
	uint32_t file;
	uint32_t id; /* of the request; 0 = it is answered */
	int is_lost; /* its reader was */
	const char *path;
	int fd; /* where the child writes them to */
	int32_t status;
	uint64_t base;
	uint64_t n;
};

struct reader {
	pid_t pid; /* 0: no child */
	int socket;
	unsigned n_starts;
	uint32_t last_id;
	uint32_t awaited_id;
	int is_busy; /* the last request has no answer yet. While one that was made ahead has none, there is no other */
	uint64_t asked_ns;
	uint32_t asked_file; /* of the request under way; 0 = rows */
	const char *asked_path;
	uint64_t deadline_ns;
	uint64_t yield_ns; /* UINT64_MAX: nothing hurries */
	int fd_idle;
	int (*drain)(void *ctx);
	void *ctx;
	struct told_file *file;
	size_t n_files;
	struct ahead ahead[MAX_AHEAD]; /* oldest first, as the child answers them */
	size_t n_ahead;
	struct answer answer;
};

/* talk_start - see that there is a child.  Return: 0, or -EAGAIN, -errno. */
int talk_start(struct reader *r);

/* talk_post - send a request.  Return: 0; -EAGAIN with MSG_DONTWAIT: too many are under way; -EPIPE. */
int talk_post(struct reader *r, struct ask *q, const int *fd, size_t n_fds, int flags);

/* talk_expect - from now on it is this answer that is waited for. */
void talk_expect(struct reader *r, uint32_t id, uint32_t file, const char *path);

/* talk_await - wait for the answer until then.  Return: 0; -EAGAIN not yet; -EBADMSG the child is lost. */
int talk_await(struct reader *r, uint64_t until_ns, int may_have_frames);

/* talk_settle - take the answer to names that nobody waits for any more, and throw it away: asked again, the child is quick. Not
 * while the answer to rows is to come.  Return: 0: nothing is under way; -EAGAIN: it is not there by then. */
int talk_settle(struct reader *r, uint64_t until_ns);

/* talk_end - end the child. Another one is started when it is needed. */
void talk_end(struct reader *r);

/* talk_lost - the child has died, hangs or talks nonsense: end it, and remember what it had in hand.  Return: -EBADMSG. */
int talk_lost(struct reader *r);

/* rows.c - wait for the answers to what was asked ahead: up to that file, or all (0).  Return: 0, or -EAGAIN: not by then. */
int rows_settle(struct reader *r, uint32_t file, uint64_t until_ns);

/* rows.c - forget what was asked ahead: what has no answer yet, which is asked for again when it is needed, or all. */
void rows_forget(struct reader *r, int is_all);

#endif
