// SPDX-License-Identifier: GPL-2.0-or-later
/* push/request.c - where profiles are sent to, and what a request looks like: Pyroscope takes the bytes, told of by the query;
 * Parca's gateway takes JSON, in which they stand as base64. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "push/internal.h"

static int ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

/* has_part - is that part of the URL there, and not empty? */
static int has_part(CURLU *url, CURLUPart part)
{
	char *text = NULL;
	int has = !curl_url_get(url, part, &text, 0) && *text;

	curl_free(text);
	return has;
}

/* show - what of the URL may be shown. */
static int show(struct push_server *s)
{
	static const CURLUPart secret[] = { CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS, CURLUPART_QUERY,
		CURLUPART_FRAGMENT };
	CURLU *bare = curl_url_dup(s->url);
	char *text = NULL;
	int err = bare ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < sizeof(secret) / sizeof(secret[0]); i++)
		if (curl_url_set(bare, secret[i], NULL, 0))
			err = -EINVAL;
	if (!err && curl_url_get(bare, CURLUPART_URL, &text, 0))
		err = -EINVAL;
	if (!err)
		snprintf(s->shown, sizeof(s->shown), "%s", text);
	curl_free(text);
	curl_url_cleanup(bare);
	return err;
}

/* understand - is it a URL of a kind that is known? */
static int understand(struct push_server *s, const char *url)
{
	char *scheme = NULL, *path = NULL, *query = NULL;
	int err = -EINVAL;

	if (curl_url_set(s->url, CURLUPART_URL, url, 0) || curl_url_get(s->url, CURLUPART_SCHEME, &scheme, 0) ||
		curl_url_get(s->url, CURLUPART_PATH, &path, 0) || !has_part(s->url, CURLUPART_HOST))
		goto out;
	if (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0)
		goto out;
	if (ends_with(path, "/ingest"))
		s->kind = PUSH_PYROSCOPE;
	else if (ends_with(path, "/profiles/writeraw"))
		s->kind = PUSH_PARCA;
	else
		goto out;
	if (!curl_url_get(s->url, CURLUPART_QUERY, &query, 0))
		s->has_name = !strncmp(query, "name=", 5) || strstr(query, "&name=");
	s->has_user = has_part(s->url, CURLUPART_USER);
	err = 0;
out:
	curl_free(scheme);
	curl_free(path);
	curl_free(query);
	return err;
}

int push_server_open(struct push_server *s, const char *url)
{
	const char *secret = getenv(PUSH_SECRET);
	int err;

	memset(s, 0, sizeof(*s));
	s->url = curl_url();
	err = s->url ? understand(s, url) : -ENOMEM;
	if (!err)
		err = show(s);
	if (!err && secret && *secret) {
		s->secret = strdup(secret);
		err = s->secret ? 0 : -ENOMEM;
	}
	if (!err && s->secret && s->has_user && !has_part(s->url, CURLUPART_PASSWORD) &&
		curl_url_set(s->url, CURLUPART_PASSWORD, s->secret, CURLU_URLENCODE))
		err = -ENOMEM;
	return err;
}

void push_server_close(struct push_server *s)
{
	curl_url_cleanup(s->url);
	free(s->secret);
}

/* add_harmless - a name in which nothing means anything to a parser of names. */
static void add_harmless(struct strbuf *b, const char *name)
{
	size_t from = b->len;

	strbuf_add(b, *name ? name : "unknown");
	for (size_t i = from; i < b->len; i++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-", b->data[i]))
			b->data[i] = '_';
}

static int add_query(CURLU *url, const struct strbuf *pair)
{
	if (pair->failed || curl_url_set(url, CURLUPART_QUERY, pair->data, CURLU_APPENDQUERY | CURLU_URLENCODE))
		return -ENOMEM;
	return 0;
}

CURLU *push_request_url(const struct push_server *s, const struct push_profile *one)
{
	CURLU *url = curl_url_dup(s->url);
	int64_t until_s = one->until_utc_ns / 1000000000, from_s = one->from_utc_ns / 1000000000;
	struct strbuf pair[5] = { 0 };
	int err = url ? 0 : -ENOMEM;

	if (s->kind != PUSH_PYROSCOPE || err)
		return url;
	if (!s->has_name) {
		strbuf_add(&pair[0], "name=");
		add_harmless(&pair[0], one->service);
		strbuf_add(&pair[0], "{host=");
		add_harmless(&pair[0], one->host);
		strbuf_add(&pair[0], "}");
	}
	strbuf_addf(&pair[1], "from=%" PRId64, from_s < until_s ? from_s : until_s - 1);
	strbuf_addf(&pair[2], "until=%" PRId64, until_s);
	strbuf_add(&pair[3], "format=pprof");
	strbuf_add(&pair[4], "spyName=swtrace");
	for (size_t i = 0; i < sizeof(pair) / sizeof(pair[0]); i++) {
		if (!err && (i || !s->has_name))
			err = add_query(url, &pair[i]);
		strbuf_free(&pair[i]);
	}
	if (!err)
		return url;
	curl_url_cleanup(url);
	return NULL;
}

/* RFC 4648. */
static char *base64(const char *data, size_t n)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *from = (const unsigned char *)data;
	char *text = malloc((n + 2) / 3 * 4 + 1), *to = text;

	for (size_t i = 0; to && i < n; i += 3) {
		unsigned three = (unsigned)from[i] << 16 | (i + 1 < n ? (unsigned)from[i + 1] << 8 : 0) |
				 (i + 2 < n ? (unsigned)from[i + 2] : 0);

		*to++ = digit[three >> 18];
		*to++ = digit[three >> 12 & 63];
		*to++ = i + 1 < n ? digit[three >> 6 & 63] : '=';
		*to++ = i + 2 < n ? digit[three & 63] : '=';
	}
	if (to)
		*to = 0;
	return text;
}

void push_request_body(const struct push_server *s, const struct push_profile *one, struct strbuf *body)
{
	struct strbuf service = { 0 }, host = { 0 };
	char *bytes, *text = NULL;
	json_t *o = NULL;

	if (s->kind != PUSH_PARCA)
		return;
	add_harmless(&service, one->service);
	add_harmless(&host, one->host);
	bytes = base64(one->data, one->n_bytes);
	if (bytes && !service.failed && !host.failed)
		/* A profile without a name is refused; "memory" is what agents call those of a heap. */
		o = json_pack("{s:[{s:{s:[{s:s,s:s},{s:s,s:s},{s:s,s:s}]},s:[{s:s}]}],s:b}", "series", "labels",
			"labels", "name", "__name__", "value", "memory", "name", "job", "value", service.data, "name",
			"instance", "value", host.data, "samples", "rawProfile", bytes, "normalized", 1);
	if (o)
		text = json_dumps(o, JSON_COMPACT);
	if (text)
		strbuf_add(body, text);
	body->failed |= !text;
	free(text);
	json_decref(o);
	free(bytes);
	strbuf_free(&service);
	strbuf_free(&host);
}
