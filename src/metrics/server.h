/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metrics/server.h - gives the last text to whoever asks for /metrics, by HTTP: a part of metrics/metrics.h.
 *
 * A thread of its own answers, from the text that was published last: who asks, however slowly or wrongly, holds up nobody else. One request
 * a connection; connections are few, and end after some seconds, whatever they do. It reads nothing but the request's line
 * and headers, and knows no files.
 * Thread: all functions are for one, the owner's. */
#ifndef METRICS_SERVER_H
#define METRICS_SERVER_H

#include <sys/socket.h>

#include "util/strbuf.h"

/* Prometheus's text format 0.0.4; OpenMetrics 1.0.0. */
enum metrics_format { METRICS_TEXT, METRICS_OPENMETRICS, METRICS_FORMATS };

#define METRICS_CONNECTIONS   32
#define METRICS_REQUEST_BYTES 16384 /* the whole request: what is larger is refused */
#define METRICS_IDLE_S	      5	    /* a connection ends when nothing has come or gone for so long, */
#define METRICS_LONGEST_S     10    /* and after so long in any case; */
#define METRICS_CROWDED_S     1	    /* when there are METRICS_CONNECTIONS: after so long */

struct metrics_address {
	struct sockaddr_storage addr;
	socklen_t len; /* 0: none */
};

struct metrics_server;

/* metrics_parse_address - "[ADDRESS:]PORT": a number, on 127.0.0.1; or an address in numbers before it, one of IPv6 in brackets. Port
 * 0: any that is free.  Return: 0 or -EINVAL. */
int metrics_parse_address(const char *text, struct metrics_address *out);

/* metrics_address_text - as it is written, "127.0.0.1:9469", to buf, which is returned. */
#define METRICS_ADDRESS_BYTES 64
const char *metrics_address_text(const struct metrics_address *a, char buf[METRICS_ADDRESS_BYTES]);

/* metrics_is_loopback - can it be reached from this machine alone? */
int metrics_is_loopback(const struct metrics_address *a);

/* metrics_best_format - what is to be sent to whoever accepts that.  @accept  the header Accept; NULL: there is none. Untrusted */
enum metrics_format metrics_best_format(const char *accept);

/* metrics_serve - begin to listen. Whoever connects waits for metrics_answer().
 * @a  out: with the port that it is      Return: 0 and *out, or -errno: -EADDRINUSE, -EACCES, ... */
int metrics_serve(struct metrics_server **out, struct metrics_address *a);

/* metrics_answer - begin to answer, by a thread that is under the filter of system calls which its caller is under then, and gives up all
 * capabilities.  Return: 0 or -EAGAIN. */
int metrics_answer(struct metrics_server *s);

/* metrics_publish - from now on that is the answer.
 * @text  one for each form; taken over, also on failure      Return: 0 or -ENOMEM: the text of before stays. */
int metrics_publish(struct metrics_server *s, struct strbuf text[METRICS_FORMATS]);

/* metrics_close - end it, and all its connections; NULL is fine. */
void metrics_close(struct metrics_server *s);

#endif
