// SPDX-License-Identifier: GPL-2.0-or-later
/* metrics/accept.c - which form is wanted (RFC 9110, 12.5.1), and where to listen. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/server.h"

/* parameter - the value of a parameter of a media range, which ends at end.  Return: 0, or -1: there is none. */
static int parameter(const char *at, const char *end, const char *name, char value[16])
{
	size_t len = strlen(name), n;

	while ((at = memchr(at, ';', (size_t)(end - at)))) {
		at++;
		while (at < end && (*at == ' ' || *at == '\t'))
			at++;
		if ((size_t)(end - at) <= len || strncasecmp(at, name, len) || at[len] != '=')
			continue;
		at += len + 1;
		if (at < end && *at == '"')
			at++;
		n = strcspn(at, ";,\" \t");
		snprintf(value, 16, "%.*s", (int)(n < 15 ? n : 15), at);
		return 0;
	}
	return -1;
}

/* quality - how much that media range is wanted: 0 to 1. */
static double quality(const char *range, const char *end)
{
	char text[16];
	double q;

	if (parameter(range, end, "q", text))
		return 1;
	q = *text >= '0' && *text <= '9' ? strtod(text, NULL) : 0;
	return q <= 1 ? q : 1;
}

static int is_type(const char *range, const char *end, const char *type)
{
	size_t len = strlen(type);

	return (size_t)(end - range) >= len && !strncasecmp(range, type, len) &&
	       (range + len == end || strchr("; \t", range[len]));
}

enum metrics_format metrics_best_format(const char *accept)
{
	double q, best[METRICS_FORMATS] = { 0 };
	char version[16];

	for (const char *at = accept, *end; at && *at; at = *end ? end + 1 : end) {
		enum metrics_format format = METRICS_TEXT;

		at += strspn(at, " \t");
		end = at + strcspn(at, ",");
		if (is_type(at, end, "application/openmetrics-text")) {
			if (!parameter(at, end, "version", version) && strcmp(version, "1.0.0") != 0)
				continue;
			format = METRICS_OPENMETRICS;
		} else if (!is_type(at, end, "text/plain") && !is_type(at, end, "text/*") && !is_type(at, end, "*/*")) {
			continue;
		}
		q = quality(at, end);
		if (q > best[format])
			best[format] = q;
	}
	return best[METRICS_OPENMETRICS] > 0 && best[METRICS_OPENMETRICS] >= best[METRICS_TEXT] ? METRICS_OPENMETRICS
												: METRICS_TEXT;
}

int metrics_parse_address(const char *text, struct metrics_address *out)
{
	const char *colon = strrchr(text, ':'), *port = colon ? colon + 1 : text;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->addr;
	struct sockaddr_in *v4 = (struct sockaddr_in *)&out->addr;
	char host[METRICS_ADDRESS_BYTES] = "127.0.0.1";
	size_t len = colon ? (size_t)(colon - text) : 0;
	unsigned long n;
	char *end;

	memset(out, 0, sizeof(*out));
	if (*port < '0' || *port > '9' || len >= sizeof(host) || (colon && !len))
		return -EINVAL;
	n = strtoul(port, &end, 10);
	if (*end || n > 65535)
		return -EINVAL;
	if (len) {
		memcpy(host, text, len);
		host[len] = 0;
	}
	if (*host == '[' && host[len - 1] == ']') {
		host[len - 1] = 0;
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)n);
		out->len = sizeof(*v6);
		return inet_pton(AF_INET6, host + 1, &v6->sin6_addr) == 1 ? 0 : -EINVAL;
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons((uint16_t)n);
	out->len = sizeof(*v4);
	return inet_pton(AF_INET, host, &v4->sin_addr) == 1 ? 0 : -EINVAL;
}

const char *metrics_address_text(const struct metrics_address *a, char buf[METRICS_ADDRESS_BYTES])
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a->addr;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a->addr;
	char host[INET6_ADDRSTRLEN] = "";
	int is_v6 = a->addr.ss_family == AF_INET6;

	inet_ntop(a->addr.ss_family, is_v6 ? (const void *)&v6->sin6_addr : &v4->sin_addr, host, sizeof(host));
	snprintf(buf, METRICS_ADDRESS_BYTES, is_v6 ? "[%s]:%u" : "%s:%u", host,
		ntohs(is_v6 ? v6->sin6_port : v4->sin_port));
	return buf;
}

int metrics_is_loopback(const struct metrics_address *a)
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&a->addr;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&a->addr;

	return a->addr.ss_family == AF_INET6 ? IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr)
					     : ntohl(v4->sin_addr.s_addr) >> 24 == 127;
}
