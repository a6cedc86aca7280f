/* SPDX-License-Identifier: GPL-2.0-or-later */
/* push/internal.h - the queue (push.c), what a request looks like (request.c), and sending one (send.c). */
#ifndef PUSH_INTERNAL_H
#define PUSH_INTERNAL_H

#include <curl/curl.h>

#include "push/push.h"
#include "util/strbuf.h"

/* Where to. */
struct push_server {
	enum push_kind kind;
	CURLU *url;		    /* with user and query */
	char shown[PUSH_URL_BYTES]; /* the URL without them, for messages */
	char *secret;		    /* NULL: none */
	int has_user, has_name;	    /* the URL names a user; a name to file profiles under */
};

/* push_server_open - understand a URL.  Return: 0, -EINVAL or -ENOMEM; nothing is told. push_server_close - all zero is fine. */
int push_server_open(struct push_server *s, const char *url);
void push_server_close(struct push_server *s);

/* One that waits, or is being sent. */
struct push_item {
	struct push_item *next;
	struct push_profile profile; /* its strings are owned */
};

/* push_request_url - the URL for an item.  Return: it, to be freed by curl_url_cleanup(); NULL: out of memory. */
CURLU *push_request_url(const struct push_server *s, const struct push_profile *one);

/* push_request_body - what is sent of an item, if that is not its bytes as they are. */
void push_request_body(const struct push_server *s, const struct push_profile *one, struct strbuf *body);

/* What came of sending. */
enum push_outcome {
	PUSH_SENT,
	PUSH_LATER,   /* worth another try */
	PUSH_REFUSED, /* the server will never take it */
};

/* push_wait_ns - how long until the next try: longer with each failure, and a part of it by chance, so that many senders do not come
 * back to a server all at once.
 * @n_failures  in a row, from 1 on      @after_s  what the server asks for; 0 = nothing      Return: between half of 1 s, 2 s, 4 s, ...,
 * at most a minute, and all of it; or after_s, if that is longer. */
uint64_t push_wait_ns(unsigned n_failures, long after_s);

#define PUSH_WHY_BYTES 160

struct push_sender {
	CURL *curl;
	struct curl_slist *headers;
	const struct push_server *server; /* borrowed */
	int (*is_over)(void *ctx);	  /* asked about once a second: 1 = give up */
	void *ctx;
};

/* push_sender_open, push_sender_close - of the thread that sends.  Return: 0 or -ENOMEM. */
int push_sender_open(struct push_sender *s);
void push_sender_close(struct push_sender *s);

/* push_send - send one; takes a minute at most.
 * @why  out, with room for PUSH_WHY_BYTES: what is wrong, if it was not sent
 * @after_s  out: not to be tried again before, as the server says; 0 */
enum push_outcome push_send(struct push_sender *s, const struct push_profile *one, char *why, long *after_s);

#endif
