// SPDX-License-Identifier: GPL-2.0-or-later
/* view/wire.c - a pipe, and a thread that waits for the terminal in place of the program. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "view/wire.h"

/* A screen of 500 columns and 150 lines in three bytes and a colour each. Where the kernel gives less, larger screens wait. */
#define PIPE_BYTES  (1 << 20)
#define COPY_BYTES  4096
#define PATIENCE_MS 2000
#define LOOK_MS	    2

struct wire {
	int fd;
	int terminal;
	int is_on;
	int from, to;	       /* the pipe */
	atomic_int is_busy;    /* some of it is in the thread's hands */
	atomic_int is_dropped; /* what comes is not to be sent */
	pthread_t thread;
};

static void send_on(struct wire *w, const char *bytes, ssize_t n)
{
	ssize_t done;

	for (; n > 0 && !w->is_dropped; bytes += done, n -= done) {
		done = write(w->terminal, bytes, (size_t)n);
		/* A terminal that is gone is told by its input; here its bytes just end. */
		if (done < 0 && errno != EINTR && errno != EAGAIN)
			return;
		done = done < 0 ? 0 : done;
	}
}

/* run - until the other end of the pipe is closed. Busy before it reads: at no time are bytes neither in the pipe nor in busy hands. */
static void *run(void *arg)
{
	struct pollfd in = { .events = POLLIN };
	struct wire *w = arg;
	char bytes[COPY_BYTES];
	ssize_t n = 1;

	in.fd = w->from;
	while (n > 0 || (n < 0 && errno == EINTR)) {
		if (poll(&in, 1, -1) < 0)
			continue;
		w->is_busy = 1;
		n = read(w->from, bytes, sizeof(bytes));
		send_on(w, bytes, n);
		w->is_busy = 0;
	}
	return NULL;
}

int wire_open(struct wire **out, int fd, int terminal)
{
	struct wire *w = calloc(1, sizeof(*w));
	sigset_t all, before;
	int pipes[2], err;

	if (!w)
		return -ENOMEM;
	if (pipe2(pipes, O_CLOEXEC)) {
		err = -errno;
		free(w);
		return err;
	}
	w->fd = fd;
	w->terminal = terminal;
	w->from = pipes[0];
	w->to = pipes[1];
	fcntl(w->to, F_SETPIPE_SZ, PIPE_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = -pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err) {
		close(w->from);
		close(w->to);
		free(w);
		return err;
	}
	pthread_setname_np(w->thread, "swtrace-screen");
	*out = w;
	return 0;
}

void wire_on(struct wire *w)
{
	/* What was dropped is not to be let through now. */
	if (w->is_on || !wire_is_clear(w))
		return;
	w->is_dropped = 0;
	w->is_on = dup3(w->to, w->fd, O_CLOEXEC) >= 0;
}

int wire_is_clear(struct wire *w)
{
	struct pollfd in = { .fd = w->from, .events = POLLIN };

	return !poll(&in, 1, 0) && !w->is_busy;
}

int wire_off(struct wire *w)
{
	static const struct timespec look = { .tv_nsec = LOOK_MS * 1000000L };

	for (int ms = 0; ms < PATIENCE_MS && !wire_is_clear(w); ms += LOOK_MS)
		nanosleep(&look, NULL);
	w->is_dropped = !wire_is_clear(w);
	dup3(w->terminal, w->fd, O_CLOEXEC);
	w->is_on = 0;
	return w->is_dropped ? -ETIMEDOUT : 0;
}

void wire_close(struct wire *w)
{
	if (!w)
		return;
	if (w->is_on)
		wire_off(w);
	close(w->to);
	/* If it waits for the terminal it goes on to, until it may end: it has all that it needs. */
	if (w->is_dropped) {
		pthread_detach(w->thread);
		return;
	}
	pthread_join(w->thread, NULL);
	close(w->from);
	free(w);
}
