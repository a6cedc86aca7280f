// SPDX-License-Identifier: GPL-2.0-or-later
/* reader/rows.c - the parent's side of unwind rows: ask for them, also ahead, and check what the child has written.
 * The child answers in the order in which it is asked, so requests may be under way while the caller does other things; all
 * other questions wait until these are answered. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reader/parent.h"
#include "swtrace/abi.h"
#include "target/target.h"
#include "util/clock.h"

static void rows_drop(struct reader *r, size_t i)
{
	close(r->ahead[i].fd);
	r->n_ahead--;
	memmove(&r->ahead[i], &r->ahead[i + 1], (r->n_ahead - i) * sizeof(r->ahead[0]));
}

void rows_forget(struct reader *r, int is_all)
{
	for (size_t i = r->n_ahead; i-- > 0;)
		if (is_all || r->ahead[i].id)
			rows_drop(r, i);
}

/* rows_check - copy what the child has written, and see that it is what rows must be.  Return: also -EBADMSG: it is not. */
static int rows_check(const struct ahead *a, struct target_rows *out)
{
	uint64_t n = a->n, base = a->base;
	size_t bytes = n * sizeof(*out->row);
	struct swt_row *row;
	struct stat st;

	memset(out, 0, sizeof(*out));
	if (a->status)
		return a->status < 0 && a->status > -4096 ? a->status : -EBADMSG;
	if (!n)
		return 0;
	if (fstat(a->fd, &st) || n > UINT32_MAX || (uint64_t)st.st_size != bytes)
		return -EBADMSG;
	row = malloc(bytes);
	if (!row)
		return -ENOMEM;
	if (pread(a->fd, row, bytes, 0) != (ssize_t)bytes || SWT_RULE_KIND(row[n - 1].rule) != SWT_ROW_NONE) {
		free(row);
		return -EBADMSG;
	}
	for (size_t i = 0; i < n; i++) {
		if (SWT_RULE_KIND(row[i].rule) > SWT_ROW_NONE || (i && row[i].vaddr <= row[i - 1].vaddr)) {
			free(row);
			return -EBADMSG;
		}
	}
	*out = (struct target_rows){ .base = base, .row = row, .n = n };
	return 0;
}

/* ahead_await - wait for the answer to a request made ahead, the oldest that has none.
 * Return: 0 it has one now, or its reader is lost; -EAGAIN not by then. */
static int ahead_await(struct reader *r, struct ahead *a, uint64_t until_ns)
{
	uint64_t hang_ns;
	int err;

	if (!r->is_busy)
		talk_expect(r, a->id, 0, a->path);
	hang_ns = r->asked_ns + ROWS_NS;
	err = talk_await(r, until_ns < hang_ns ? until_ns : hang_ns, 0);
	if (err == -EAGAIN && until_ns < hang_ns)
		return err;
	a->id = 0;
	a->is_lost = err != 0;
	a->status = err ? -EBADMSG : r->answer.status;
	a->base = r->answer.base;
	a->n = r->answer.n;
	if (err)
		talk_lost(r);
	return 0;
}

int rows_settle(struct reader *r, uint32_t file, uint64_t until_ns)
{
	for (size_t i = 0; i < r->n_ahead; i++) {
		if (r->ahead[i].id && ahead_await(r, &r->ahead[i], until_ns))
			return -EAGAIN;
		if (file && r->ahead[i].file == file)
			return 0;
	}
	return 0;
}

static struct ahead *ahead_find(struct reader *r, uint32_t file)
{
	for (size_t i = 0; i < r->n_ahead; i++)
		if (r->ahead[i].file == file)
			return &r->ahead[i];
	return NULL;
}

/* ahead_ask - @flags  MSG_DONTWAIT: only if it can be sent at once */
static int ahead_ask(struct reader *r, const struct reader_file *f, int flags)
{
	struct ahead a = { .file = f->number, .path = f->path };
	struct ask q = { .type = ASK_ROWS };
	int err, fds[2] = { f->fd, -1 };

	err = talk_start(r);
	if (err)
		return err;
	a.fd = fds[1] = memfd_create("rows", MFD_CLOEXEC);
	if (a.fd < 0)
		return -errno;
	err = talk_post(r, &q, fds, 2, flags);
	if (err) {
		close(a.fd);
		return err;
	}
	a.id = q.id;
	r->ahead[r->n_ahead++] = a;
	return 0;
}

void reader_rows_ahead(struct reader *r, const struct reader_file *f)
{
	int is_open = r->n_ahead && r->ahead[r->n_ahead - 1].id;

	if (r->n_ahead == MAX_AHEAD || ahead_find(r, f->number))
		return;
	if (!is_open && talk_settle(r, 0))
		return;
	/* One that has died with nothing in hand is nobody's fault. */
	if (ahead_ask(r, f, MSG_DONTWAIT) == -EPIPE && !is_open) {
		talk_end(r);
		ahead_ask(r, f, MSG_DONTWAIT);
	}
}

int reader_rows_are_there(struct reader *r, uint32_t number, uint64_t until_ns)
{
	const struct ahead *a;

	if (rows_settle(r, number, until_ns))
		return 0;
	a = ahead_find(r, number);
	return a ? !a->id : r->n_ahead == MAX_AHEAD;
}

/* rows_ask - ask for rows that have not been asked for ahead. */
static int rows_ask(struct reader *r, const struct reader_file *f)
{
	int err;

	/* A request that has to wait for room could wait for ever, if the child waits for room for its answers. */
	rows_settle(r, 0, UINT64_MAX);
	/* Names that take so long are asked for again. */
	if (talk_settle(r, clock_ns(CLOCK_MONOTONIC) + ROWS_NS))
		talk_end(r);
	if (r->n_ahead == MAX_AHEAD) /* nobody came for it */
		rows_drop(r, 0);
	err = ahead_ask(r, f, 0);
	if (err != -EPIPE)
		return err;
	talk_expect(r, 0, 0, f->path);
	return talk_lost(r);
}

int reader_rows(struct reader *r, const struct reader_file *f, struct target_rows *out)
{
	struct ahead *a;
	int err = 0;

	memset(out, 0, sizeof(*out));
	/* The child may be lost to a file that was asked for before; then it is asked again. */
	while (!(a = ahead_find(r, f->number)) || a->id) {
		if (a)
			rows_settle(r, f->number, UINT64_MAX);
		else
			err = rows_ask(r, f);
		if (err)
			return err;
	}
	err = rows_check(a, out);
	if (err == -EBADMSG && !a->is_lost) {
		talk_expect(r, 0, 0, a->path);
		talk_lost(r);
	}
	rows_drop(r, a - r->ahead);
	return err;
}
