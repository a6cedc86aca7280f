// SPDX-License-Identifier: GPL-2.0-or-later
/* push/push.c - the queue, the thread that empties it, and what is told of both. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "push/internal.h"
#include "util/caps.h"
#include "util/clock.h"
#include "util/msg.h"

#define NS_PER_MS     1000000ULL
#define NS_PER_S      1000000000ULL
#define FIRST_WAIT_MS 1000  /* after the first failure; then twice as long, */
#define MAX_WAIT_MS   60000 /* up to this */

struct push_counts {
	uint64_t n_sent, n_dropped, n_refused;
};

struct push {
	struct push_server server;
	pthread_t thread;
	int has_thread;
	pthread_mutex_t lock; /* of all below but told */
	pthread_cond_t wake;
	struct push_item *first, *last;
	size_t n, n_bytes; /* what is being sent is not in the queue */
	struct push_counts counts;
	int is_failing, is_refused; /* the last one was not taken; the last one that was answered for was refused */
	char why[PUSH_WHY_BYTES];   /* what failed last, or was refused */
	int is_ending;
	uint64_t end_ns; /* CLOCK_MONOTONIC; once it is ending: when to give up */
	/* The caller's alone. */
	struct push_counts told;
	int is_told_failing, is_told_refused;
};

static void free_item(struct push_item *i)
{
	if (!i)
		return;
	free(i->profile.data);
	free((char *)i->profile.service);
	free((char *)i->profile.host);
	free(i);
}

/* The queue. Locked. */
static struct push_item *take_first(struct push *p)
{
	struct push_item *i = p->first;

	if (!i)
		return NULL;
	p->first = i->next;
	if (!p->first)
		p->last = NULL;
	p->n--;
	p->n_bytes -= i->profile.n_bytes;
	i->next = NULL;
	return i;
}

static void count_in(struct push *p, const struct push_item *i)
{
	p->n++;
	p->n_bytes += i->profile.n_bytes;
}

/* drop_oldest - until there is no more than there is room for. */
static void drop_oldest(struct push *p)
{
	while (p->n > PUSH_MAX_PROFILES || p->n_bytes > PUSH_MAX_BYTES) {
		free_item(take_first(p));
		p->counts.n_dropped++;
	}
}

static void put_last(struct push *p, struct push_item *i)
{
	if (p->last)
		p->last->next = i;
	else
		p->first = i;
	p->last = i;
	count_in(p, i);
	drop_oldest(p);
}

static void put_back(struct push *p, struct push_item *i)
{
	i->next = p->first;
	p->first = i;
	if (!p->last)
		p->last = i;
	count_in(p, i);
	drop_oldest(p);
}

static int is_over_locked(const struct push *p)
{
	return p->is_ending && clock_ns(CLOCK_MONOTONIC) >= p->end_ns;
}

static int is_over(void *ctx)
{
	struct push *p = ctx;
	int over;

	pthread_mutex_lock(&p->lock);
	over = is_over_locked(p);
	pthread_mutex_unlock(&p->lock);
	return over;
}

uint64_t push_wait_ns(unsigned n_failures, long after_s)
{
	uint64_t ms = n_failures > 6 ? MAX_WAIT_MS : (uint64_t)FIRST_WAIT_MS << (n_failures - 1);
	uint32_t chance = 0;

	if (ms > MAX_WAIT_MS)
		ms = MAX_WAIT_MS;
	if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) != sizeof(chance))
		chance = (uint32_t)clock_ns(CLOCK_MONOTONIC);
	ms = ms / 2 + chance % (ms / 2 + 1);
	if (ms < (uint64_t)after_s * 1000)
		ms = (uint64_t)after_s * 1000;
	return ms * NS_PER_MS;
}

/* rest - wait for so long, or until it is to end; no longer than there is time for then. Locked. */
static void rest(struct push *p, uint64_t ns)
{
	uint64_t until = clock_ns(CLOCK_MONOTONIC) + ns;
	int was_ending = p->is_ending, err = 0;

	if (was_ending && until > p->end_ns)
		until = p->end_ns;
	while (!err && p->is_ending == was_ending) {
		struct timespec t = { .tv_sec = (time_t)(until / NS_PER_S), .tv_nsec = (long)(until % NS_PER_S) };

		err = pthread_cond_timedwait(&p->wake, &p->lock, &t);
	}
}

/* account - what came of it. Locked; item is gone after this, or in the queue again. */
static void account(struct push *p, enum push_outcome outcome, struct push_item *item, const char *why)
{
	if (outcome == PUSH_LATER) {
		put_back(p, item);
		p->is_failing = 1;
	} else {
		free_item(item);
		p->is_failing = 0;
		p->is_refused = outcome == PUSH_REFUSED;
		p->counts.n_sent += outcome == PUSH_SENT;
		p->counts.n_refused += outcome == PUSH_REFUSED;
	}
	if (outcome != PUSH_SENT)
		memcpy(p->why, why, PUSH_WHY_BYTES);
}

static void *run(void *ctx)
{
	struct push *p = ctx;
	struct push_sender sender = { .server = &p->server, .is_over = is_over, .ctx = p };
	char why[PUSH_WHY_BYTES] = "";
	enum push_outcome outcome;
	struct push_item *item;
	unsigned n_failures = 0;
	long after_s = 0;
	int err;

	pthread_setname_np(pthread_self(), "swtrace-push");
	err = caps_keep(0);
	pthread_mutex_lock(&p->lock);
	while (!is_over_locked(p)) {
		item = take_first(p);
		if (!item && p->is_ending)
			break;
		if (!item) {
			pthread_cond_wait(&p->wake, &p->lock);
			continue;
		}
		pthread_mutex_unlock(&p->lock);
		outcome = PUSH_LATER;
		if (err)
			snprintf(why, sizeof(why), "rights that it does not need cannot be given up");
		else if (!sender.curl && push_sender_open(&sender))
			snprintf(why, sizeof(why), "out of memory");
		else
			outcome = push_send(&sender, &item->profile, why, &after_s);
		n_failures = outcome == PUSH_LATER ? n_failures + 1 : 0;
		pthread_mutex_lock(&p->lock);
		account(p, outcome, item, why);
		if (n_failures > 1 && p->is_ending)
			break; /* there is no time for a server that does not come back */
		if (n_failures)
			rest(p, push_wait_ns(n_failures, after_s));
	}
	pthread_mutex_unlock(&p->lock);
	push_sender_close(&sender);
	return NULL;
}

/* start - the thread, with all signals left to the others. */
static int start(struct push *p)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&p->thread, NULL, run, p);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	p->has_thread = !err;
	return -err;
}

int push_open(struct push **out, const char *url)
{
	struct push *p = calloc(1, sizeof(*p));
	pthread_condattr_t attr;
	int err = p && !curl_global_init(CURL_GLOBAL_DEFAULT) ? 0 : -ENOMEM;

	if (!err)
		err = push_server_open(&p->server, url);
	unsetenv(PUSH_SECRET);
	if (err == -EINVAL) {
		msg_error("--push: this is no URL of a server of profiles");
		msg_try("http://HOST:4040/ingest for Pyroscope, http://HOST:7070/api/profiles/writeraw for Parca; https, if it has that");
	} else if (err) {
		msg_error("--push: out of memory");
	}
	if (err) {
		if (p)
			push_server_close(&p->server);
		free(p);
		return err;
	}
	pthread_mutex_init(&p->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&p->wake, &attr);
	pthread_condattr_destroy(&attr);
	if ((p->server.secret || p->server.has_user) && !strncmp(p->server.shown, "http:", 5))
		msg_warn(
			"push: %s: what is secret goes there without encryption; https would hide it", p->server.shown);
	*out = p;
	return 0;
}

void push_add(struct push *p, const struct push_profile *one)
{
	struct push_item *i = calloc(1, sizeof(*i));

	if (i) {
		i->profile = *one;
		i->profile.service = strdup(one->service);
		i->profile.host = strdup(one->host);
	} else {
		free(one->data);
	}
	pthread_mutex_lock(&p->lock);
	if (i && i->profile.service && i->profile.host && (p->has_thread || !start(p))) {
		put_last(p, i);
		pthread_cond_signal(&p->wake);
	} else {
		free_item(i);
		p->counts.n_dropped++;
		p->is_failing = 1;
		snprintf(p->why, sizeof(p->why), "there is no memory, or there can be no more threads, for it");
	}
	pthread_mutex_unlock(&p->lock);
}

void push_tell(struct push *p)
{
	struct push_counts now;
	char why[PUSH_WHY_BYTES];
	int is_failing, is_refused;
	size_t n;

	pthread_mutex_lock(&p->lock);
	now = p->counts;
	is_failing = p->is_failing;
	is_refused = p->is_refused;
	n = p->n;
	memcpy(why, p->why, sizeof(why));
	pthread_mutex_unlock(&p->lock);
	if ((is_refused || (now.n_refused && !p->told.n_refused)) && !p->is_told_refused)
		msg_warn("push: %s: a profile is refused: %s", p->server.shown, why);
	if (is_failing && !p->is_told_failing)
		msg_warn("push: %s: cannot send: %s; it is tried again, and tracing goes on", p->server.shown, why);
	if (is_failing && now.n_dropped && !p->told.n_dropped)
		msg_warn("push: %s: %zu profiles wait, and there is no room for more: the oldest are dropped",
			p->server.shown, n);
	if (!is_failing && !is_refused && (p->is_told_failing || p->is_told_refused))
		msg_note("push: %s: profiles are sent again", p->server.shown);
	p->is_told_failing = is_failing;
	p->is_told_refused = is_refused;
	p->told = now;
}

int push_close(struct push *p, uint64_t wait_ns)
{
	struct push_counts all;
	size_t n_left;

	if (!p)
		return 0;
	pthread_mutex_lock(&p->lock);
	p->is_ending = 1;
	p->end_ns = clock_ns(CLOCK_MONOTONIC) + wait_ns;
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
	if (p->has_thread)
		pthread_join(p->thread, NULL);
	push_tell(p);
	all = p->counts;
	n_left = p->n;
	if (n_left || all.n_dropped || all.n_refused)
		msg_warn(
			"push: %s: %llu profiles sent; lost: %llu dropped for lack of room, %llu refused, %zu still waiting in the end",
			p->server.shown, (unsigned long long)all.n_sent, (unsigned long long)all.n_dropped,
			(unsigned long long)all.n_refused, n_left);
	else if (all.n_sent)
		msg_note("push: %s: %llu profile%s sent", p->server.shown, (unsigned long long)all.n_sent,
			all.n_sent == 1 ? "" : "s");
	while (p->first)
		free_item(take_first(p));
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	push_server_close(&p->server);
	curl_global_cleanup();
	free(p);
	return n_left || (all.n_refused && !all.n_sent) ? -EIO : 0;
}
