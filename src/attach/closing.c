// SPDX-License-Identifier: GPL-2.0-or-later
/* attach/closing.c - probes are removed by threads of their own.
 *
 * Closing a link takes the breakpoints out of the process first, which takes a few milliseconds. Then the kernel waits until
 * nobody can be in the link's program any more: 20 ms, and seconds on a machine under load. The process has nothing to do with
 * that, nor need we. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "attach/internal.h"

#define CLOSERS 256 /* threads of one closing at most; more links than that wait for one another */

struct closing {
	struct closing *next; /* of those under way */
	struct probe_link *link;
	size_t n;
	size_t taken;  /* by a closer; atomic */
	size_t n_done; /* atomic */
	pthread_t thread[CLOSERS];
	size_t n_threads;
};

static void *closer(void *arg)
{
	struct closing *c = arg;
	size_t i;

	while ((i = __atomic_fetch_add(&c->taken, 1, __ATOMIC_RELAXED)) < c->n) {
		probes_close_link(&c->link[i]);
		__atomic_add_fetch(&c->n_done, 1, __ATOMIC_RELEASE);
	}
	return NULL;
}

int closing_new(struct closing **out, size_t n)
{
	struct closing *c = calloc(1, sizeof(*c));

	if (c)
		c->link = calloc(n ? n : 1, sizeof(*c->link));
	if (!c || !c->link) {
		free(c);
		return -ENOMEM;
	}
	*out = c;
	return 0;
}

void closing_add(struct closing *c, const struct probe_link *link)
{
	c->link[c->n++] = *link;
}

void closing_begin(struct closing *c, size_t n_threads)
{
	while (c->n_threads < CLOSERS && c->n_threads < n_threads && c->n_threads < c->n &&
		!pthread_create(&c->thread[c->n_threads], NULL, closer, c))
		c->n_threads++;
	if (!c->n_threads)
		closer(c);
}

int closing_is_done(const struct closing *c)
{
	return __atomic_load_n(&c->n_done, __ATOMIC_ACQUIRE) == c->n;
}

void closing_end(struct closing *c)
{
	if (!c)
		return;
	while (c->n_threads)
		pthread_join(c->thread[--c->n_threads], NULL);
	free(c->link);
	free(c);
}

void closing_keep(struct closing **list, struct closing *c)
{
	c->next = *list;
	*list = c;
}

void closing_sweep(struct closing **list, int wait)
{
	while (*list) {
		struct closing *c = *list;

		if (wait || closing_is_done(c)) {
			*list = c->next;
			closing_end(c);
		} else {
			list = &c->next;
		}
	}
}
