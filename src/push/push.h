/* SPDX-License-Identifier: GPL-2.0-or-later */
/* push/push.h - send profiles to a server of profiles, by HTTP. Knows nothing of what it sends: bytes and names.
 *
 * In: pprof, as bytes. Out: requests, in the form that Pyroscope or Parca takes; messages.
 * Sending has a thread of its own, without capabilities, which shares a queue with the caller, and nothing else: no call but
 * push_close() waits for the network. What cannot be sent is tried again, later and later; when there is no room for more, the oldest
 * goes.
 * Owner: of the queue, and of what is in it. Thread: one, beside its own. */
#ifndef PUSH_PUSH_H
#define PUSH_PUSH_H

#include <stddef.h>
#include <stdint.h>

#define PUSH_MAX_PROFILES 32	     /* that wait, */
#define PUSH_MAX_BYTES	  (32 << 20) /* and their bytes, all together */
#define PUSH_URL_BYTES	  256

/* The environment variable with a password (if the URL names a user) or a token. */
#define PUSH_SECRET "SWTRACE_PUSH_SECRET"

/* Whose form requests have. */
enum push_kind { PUSH_PYROSCOPE, PUSH_PARCA };

struct push_profile {
	char *data; /* malloc'ed; pprof in gzip */
	size_t n_bytes;
	const char *service; /* the name to file it under; copied, and made harmless */
	const char *host;    /* the machine; likewise */
	int64_t from_utc_ns;
	int64_t until_utc_ns;
};

struct push;

/* push_open - be ready to send there. The secret is taken out of the environment, so that no child finds it there.
 * @url  of Pyroscope's /ingest, or of Parca's /profiles/writeraw, with a query and a user if need be
 * Return: 0; -EINVAL: it is no such URL; -ENOMEM. Both are told, and credentials are never printed. */
int push_open(struct push **out, const char *url);

/* push_add - send it as soon as that can be done. Never waits. Takes data over, whatever comes of it. */
void push_add(struct push *p, const struct push_profile *one);

/* push_tell - say what has changed since: that the server cannot be reached or refuses what it gets, or takes it again; what was
 * dropped. */
void push_tell(struct push *p);

/* push_close - wait for what is still to be sent, for that long at most (and a second), tell what came of all, end. NULL is fine.
 * Return: 0, or -EIO: the last ones were not sent, or all were refused. */
int push_close(struct push *p, uint64_t wait_ns);

#endif
