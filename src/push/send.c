// SPDX-License-Identifier: GPL-2.0-or-later
/* push/send.c - one request by libcurl. The server is not trusted: it has little time, and little room for what it answers; it cannot
 * send us elsewhere; nothing that it says is shown. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "push/internal.h"

#define CONNECT_S	10
#define REQUEST_S	60
#define MAX_ANSWER	65536 /* bytes of headers, and of the body */
#define MAX_AFTER_S	600   /* how long a server may ask us to wait */
#define HTTP_OK		200
#define HTTP_NOT_OK	300
#define HTTP_TIMEOUT	408
#define HTTP_TOO_MANY	429
#define HTTP_SERVER_ERR 500

static size_t on_answer(char *data, size_t size, size_t n, void *ctx)
{
	size_t *room = ctx, bytes = size * n;

	(void)data;
	if (bytes > *room)
		return 0; /* ends the transfer */
	*room -= bytes;
	return bytes;
}

static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct push_sender *s = ctx;

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return s->is_over(s->ctx);
}

static int add_header(struct push_sender *s, const char *line)
{
	struct curl_slist *longer = curl_slist_append(s->headers, line);

	if (!longer)
		return -ENOMEM;
	s->headers = longer;
	return 0;
}

/* set_lasting - what is the same for all requests. */
static int set_lasting(struct push_sender *s)
{
	const char *authorities = getenv("SSL_CERT_FILE");
	CURL *c = s->curl;
	int err = 0;

	err |= curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	err |= curl_easy_setopt(c, CURLOPT_POST, 1L);
	err |= curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
	err |= curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	err |= curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
	err |= curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)REQUEST_S);
	err |= curl_easy_setopt(c, CURLOPT_USERAGENT, "swtrace");
	err |= curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	err |= curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L);
	err |= curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (authorities && *authorities)
		err |= curl_easy_setopt(c, CURLOPT_CAINFO, authorities);
	err |= curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_answer);
	err |= curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_answer);
	err |= curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
	err |= curl_easy_setopt(c, CURLOPT_XFERINFODATA, s);
	err |= curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
	err |= curl_easy_setopt(c, CURLOPT_HTTPHEADER, s->headers);
	/* A look-up of a name that hangs must not hold up the end. */
	err |= curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L);
	return err ? -ENOMEM : 0;
}

int push_sender_open(struct push_sender *s)
{
	const struct push_server *to = s->server;
	struct strbuf token = { 0 };
	int err;

	s->headers = NULL;
	s->curl = curl_easy_init();
	err = s->curl ? 0 : -ENOMEM;
	if (!err)
		err = add_header(s, to->kind == PUSH_PARCA ? "Content-Type: application/json"
							   : "Content-Type: application/octet-stream");
	if (!err)
		err = add_header(s, "Expect:"); /* would cost a second where servers do not know it */
	if (!err && to->secret && !to->has_user) {
		strbuf_addf(&token, "Authorization: Bearer %s", to->secret);
		err = token.failed ? -ENOMEM : add_header(s, token.data);
		strbuf_free(&token);
	}
	if (!err)
		err = set_lasting(s);
	if (err)
		push_sender_close(s);
	return err;
}

void push_sender_close(struct push_sender *s)
{
	curl_easy_cleanup(s->curl);
	curl_slist_free_all(s->headers);
	s->curl = NULL;
	s->headers = NULL;
}

/* judge - what the server has said. Once it has taken the profile, whatever else it says does not matter. */
static enum push_outcome judge(struct push_sender *s, CURLcode code, char *why, long *after_s)
{
	long status = 0;
	curl_off_t after = 0;

	curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status >= HTTP_OK && status < HTTP_NOT_OK)
		return PUSH_SENT;
	if (status < HTTP_OK) {
		snprintf(why, PUSH_WHY_BYTES, "%s",
			code == CURLE_ABORTED_BY_CALLBACK ? "there is no time left to wait for its answer"
			: code				  ? curl_easy_strerror(code)
							  : "it does not answer as a server does");
		return PUSH_LATER;
	}
	snprintf(why, PUSH_WHY_BYTES, "it answers with HTTP status %ld", status);
	if (status != HTTP_TIMEOUT && status != HTTP_TOO_MANY && status < HTTP_SERVER_ERR)
		return PUSH_REFUSED;
	curl_easy_getinfo(s->curl, CURLINFO_RETRY_AFTER, &after);
	*after_s = after < 0 ? 0 : after > MAX_AFTER_S ? MAX_AFTER_S : (long)after;
	return PUSH_LATER;
}

enum push_outcome push_send(struct push_sender *s, const struct push_profile *one, char *why, long *after_s)
{
	size_t room = MAX_ANSWER, n = one->n_bytes;
	CURLU *url = push_request_url(s->server, one);
	enum push_outcome outcome = PUSH_LATER;
	struct strbuf body = { 0 };
	const char *data = one->data;
	int err = 0;

	*after_s = 0;
	push_request_body(s->server, one, &body);
	if (body.data) {
		data = body.data;
		n = body.len;
	}
	err |= curl_easy_setopt(s->curl, CURLOPT_CURLU, url);
	err |= curl_easy_setopt(s->curl, CURLOPT_POSTFIELDS, data);
	err |= curl_easy_setopt(s->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)n);
	err |= curl_easy_setopt(s->curl, CURLOPT_WRITEDATA, &room);
	err |= curl_easy_setopt(s->curl, CURLOPT_HEADERDATA, &room);
	if (url && !body.failed && !err)
		outcome = judge(s, curl_easy_perform(s->curl), why, after_s);
	else
		snprintf(why, PUSH_WHY_BYTES, "out of memory");
	strbuf_free(&body);
	curl_url_cleanup(url);
	return outcome;
}
