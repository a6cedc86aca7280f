// SPDX-License-Identifier: GPL-2.0-or-later
/* target/parse.c - the child that reads the files of traced processes: take a question, read, answer. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "target/parser.h"
#include "util/sandbox.h"

#define SOCKET	  3
#define MAX_KNOWN 8

void (*parse_meet)(int fd);

/* Files of which more will be asked: those that have functions to be probed. */
static struct known {
	uint32_t number;
	struct elffile *elf;
} known[MAX_KNOWN];

static int send_all(const void *data, size_t n_bytes)
{
	const char *at = data;

	while (n_bytes) {
		size_t n = n_bytes < PARSE_MESSAGE_BYTES ? n_bytes : PARSE_MESSAGE_BYTES;

		if (send(SOCKET, at, n, MSG_NOSIGNAL) != (ssize_t)n)
			return -EPIPE;
		at += n;
		n_bytes -= n;
	}
	return 0;
}

static int answer(int64_t status, const struct elffile_piece *piece, size_t n_pieces)
{
	struct parse_answer a = { .status = status };
	int err;

	for (size_t i = 0; i < n_pieces; i++)
		a.n_bytes += piece[i].n_bytes;
	err = send_all(&a, sizeof(a));
	for (size_t i = 0; i < n_pieces && !err; i++)
		err = send_all(piece[i].data, piece[i].n_bytes);
	return err;
}

static int answer_one(int64_t status, const void *data, size_t n_bytes)
{
	struct elffile_piece piece = { data, n_bytes };

	return answer(status, &piece, 1);
}

/* keep - what is known of a file: for the one that has been kept for longest. */
static void keep(const struct target_module *m)
{
	static unsigned next;
	struct known *k = &known[next++ % MAX_KNOWN];

	elffile_close(k->elf);
	*k = (struct known){ m->number, m->elf };
}

static int answer_elf(struct target_module *m)
{
	struct elffile_piece piece[ELFFILE_PIECES];
	int err = elffile_open(&m->elf, m->fd);

	if (err)
		return answer(err, NULL, 0);
	elffile_pieces(m->elf, piece);
	err = answer(0, piece, ELFFILE_PIECES);
	module_find_allocators(m);
	if (m->malloc || m->has_others)
		keep(m);
	else
		elffile_close(m->elf);
	return err;
}

static int answer_imports(const struct target_module *m)
{
	struct elfimport *import = NULL;
	int n = bindings_imports(m->fd, &import), err;

	err = answer_one(n, import, n > 0 ? n * sizeof(*import) : 0);
	free(import);
	return err;
}

static int answer_leaves(const struct target_module *m, uint64_t vaddr)
{
	uint64_t offset[LEAVES_MAX];
	int n = leaves_find(m, vaddr, offset, LEAVES_MAX);

	return answer_one(n, offset, n > 0 ? n * sizeof(*offset) : 0);
}

static int answer_ends(const struct target_module *m)
{
	struct end_place place[ENDS_MAX];
	int n = ends_find(m, place);

	return answer_one(n, place, n > 0 ? n * sizeof(*place) : 0);
}

static int answer_version(const struct target_module *m)
{
	char version[sizeof(m->php_version)] = "";
	int err = php_read_version(m->fd, version, sizeof(version));

	return answer_one(err, version, sizeof(version));
}

static int answer_identity(const struct target_module *m, unsigned what)
{
	struct identity_file f;

	memset(&f, 0, sizeof(f));
	identity_read_file(m->fd, what, &f);
	return answer_one(0, &f, sizeof(f));
}

/* know - the symbols of a file: kept, or read again.  Return: 0 or -errno. */
static int know(struct target_module *m)
{
	int err;

	for (size_t i = 0; i < MAX_KNOWN; i++)
		if (known[i].number == m->number)
			m->elf = known[i].elf;
	if (m->elf)
		return 0;
	err = elffile_open(&m->elf, m->fd);
	if (!err)
		keep(m);
	return err;
}

/* answer_about_code - what takes the file's symbols. */
static int answer_about_code(struct target_module *m, struct parse_ask *q)
{
	int err = know(m);

	if (err)
		return answer(err, NULL, 0);
	if (q->type == PARSE_LEAVES)
		return answer_leaves(m, q->vaddr);
	if (q->type == PARSE_ENDS)
		return answer_ends(m);
	entry_decide(m->fd, m->elf, q->place, q->n_places);
	return answer_one(0, q->place, q->n_places * sizeof(*q->place));
}

static int answer_question(struct parse_ask *q, int fd)
{
	char no_name[] = "";
	struct target_module m = { .number = q->number, .fd = fd, .name = no_name };

	if (parse_meet)
		parse_meet(fd);
	switch (q->type) {
	case PARSE_ELF:
		return answer_elf(&m);
	case PARSE_IMPORTS:
		return answer_imports(&m);
	case PARSE_VERSION:
		return answer_version(&m);
	case PARSE_IDENTITY:
		return answer_identity(&m, q->what);
	default:
		return answer_about_code(&m, q);
	}
}

_Noreturn void parse_run(int socket, int parent_pid)
{
	static struct parse_ask q;
	int fd[SANDBOX_FDS], network = 0;
	ssize_t n;

	prctl(PR_SET_NAME, "swtrace-parser");
	signal(SIGINT, SIG_IGN); /* Ctrl-C is for the parent */
	if (getppid() != parent_pid || sandbox_enter(socket, &network))
		_exit(1);
	while ((n = sandbox_take(SOCKET, &q, sizeof(q), fd)) > 0) {
		if ((size_t)n != offsetof(struct parse_ask, place) + q.n_places * sizeof(q.place[0]) ||
			answer_question(&q, fd[0]))
			break;
		close(fd[0]);
	}
	_exit(0);
}
