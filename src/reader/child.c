// SPDX-License-Identifier: GPL-2.0-or-later
/* reader/child.c - the child: take a request, read, answer. It keeps no state but the files that it was given. */
#include <errno.h>
#include <libelf.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reader/internal.h"
#include "swtrace/abi.h"
#include "target/target.h"
#include "util/sandbox.h"

static int write_all(int fd, const void *data, size_t n)
{
	const char *at = data;

	while (n) {
		ssize_t done = write(fd, at, n);

		if (done < 0)
			return -errno;
		at += done;
		n -= done;
	}
	return 0;
}

static void answer_rows(int file, int to, struct answer *a)
{
	struct target_rows rows;

	a->status = target_rows_read(file, &rows);
	if (a->status)
		return;
	a->base = rows.base;
	a->n = rows.n;
	a->status = write_all(to, rows.row, rows.n * sizeof(*rows.row));
	target_rows_free(&rows);
}

static void answer_plain(struct ask *q, struct answer *a)
{
	q->name[sizeof(q->name) - 1] = 0;
	memset(&a->frame[0], 0, sizeof(a->frame[0]));
	names_plain(a->frame[0].function, q->name);
	a->status = 1;
}

#define FETCHED "/var/tmp/swtrace-debuginfod" /* what debuginfod sends is kept there: the child has no home */

/* prepare_fetching - where libdebuginfod may keep its files, unless the user has said where. A directory that somebody else
 * has made is not used. */
static void prepare_fetching(void)
{
	struct stat st;

	if (getenv("DEBUGINFOD_CACHE_PATH"))
		return;
	if (mkdir(FETCHED, 0700) && (lstat(FETCHED, &st) || !S_ISDIR(st.st_mode) || st.st_uid != geteuid()))
		unsetenv("DEBUGINFOD_URLS");
	else
		setenv("DEBUGINFOD_CACHE_PATH", FETCHED, 1);
}

_Noreturn void child_run(int socket, int parent_pid)
{
	static struct answer a;
	const char *urls = getenv("DEBUGINFOD_URLS");
	int network = urls && *urls;
	struct ask q;
	int fd[SANDBOX_FDS];

	prctl(PR_SET_NAME, "swtrace-reader");
	signal(SIGINT, SIG_IGN); /* Ctrl-C is for the parent, which asks for names after it */
	if (getppid() != parent_pid || sandbox_enter(socket, &network))
		_exit(1);
	if (network)
		prepare_fetching();
	else
		unsetenv("DEBUGINFOD_URLS");
	elf_version(EV_CURRENT);
	while (sandbox_take(3, &q, sizeof(q), fd) == sizeof(q)) {
		size_t n_frames = 0;

		a.id = q.id;
		a.status = 0;
		if (q.type == ASK_ROWS)
			answer_rows(fd[0], fd[1], &a);
		else if (q.type == ASK_LINK)
			a.status = names_link(fd[0], a.frame);
		else if (q.type == ASK_PHP)
			a.status = members_of_php(fd[0], a.offset);
		else if (q.type == ASK_FILE)
			a.status = names_add(q.file, fd[0], q.has_debug ? fd[1] : -1);
		else if (q.type == ASK_NAMES)
			a.status = names_find(q.file, q.vaddr, a.frame);
		else if (q.type == ASK_PLAIN)
			answer_plain(&q, &a);
		if (q.type == ASK_ROWS || q.type == ASK_LINK || q.type == ASK_PHP) {
			close(fd[0]);
			close(fd[1]);
		}
		if ((q.type == ASK_NAMES || q.type == ASK_LINK || q.type == ASK_PLAIN) && a.status > 0)
			n_frames = a.status;
		if (send(3, &a, offsetof(struct answer, frame) + n_frames * sizeof(a.frame[0]), MSG_NOSIGNAL) < 0)
			break;
	}
	_exit(0);
}
