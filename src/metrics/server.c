// SPDX-License-Identifier: GPL-2.0-or-later
/* metrics/server.c - a thread that answers requests, by libmicrohttpd.
 *
 * The library's own time limit is one of silence alone, and a client may send a byte now and then for ever. So the thread is ours: between two
 * rounds of the library it ends connections that are too old. The same thread opens and closes them, so that no descriptor is
 * another's by then. */
#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "metrics/server.h"
#include "util/caps.h"
#include "util/clock.h"
#include "util/strbuf.h"

#define SECOND_NS 1000000000ULL
#define ROUND_MS  500 /* connections are looked at so often */
#define BACKLOG	  64

struct connection {
	int fd; /* -1: none */
	uint64_t begin_ns;
};

struct metrics_server {
	struct MHD_Daemon *daemon;
	pthread_t thread;
	int has_thread;
	int fd_end; /* readable: the thread is to end */
	atomic_int is_ended;
	struct connection connection[METRICS_CONNECTIONS]; /* the thread's */
	pthread_mutex_t lock;
	struct MHD_Response *response[METRICS_FORMATS]; /* under the lock; NULL: nothing was published yet */
	struct MHD_Response *where;
	struct MHD_Response *nothing;
	struct MHD_Response *refusal;
};

static int is(const char *a, const char *b)
{
	return !strcmp(a, b);
}

static enum MHD_Result send_metrics(struct metrics_server *s, struct MHD_Connection *c)
{
	const char *accept = MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
	enum metrics_format format = metrics_best_format(accept);
	enum MHD_Result done;

	/* Once it is queued it lives until it is sent, whatever is published meanwhile. */
	pthread_mutex_lock(&s->lock);
	if (s->response[format])
		done = MHD_queue_response(c, MHD_HTTP_OK, s->response[format]);
	else
		done = MHD_queue_response(c, MHD_HTTP_SERVICE_UNAVAILABLE, s->nothing);
	pthread_mutex_unlock(&s->lock);
	return done;
}

/* on_request - answered as soon as its headers are there: a body is not read. */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *c, const char *url, const char *method,
	const char *version, const char *data, size_t *n, void **request)
{
	struct metrics_server *s = ctx;

	(void)version, (void)data, (void)n, (void)request;
	if (!is(method, MHD_HTTP_METHOD_GET) && !is(method, MHD_HTTP_METHOD_HEAD))
		return MHD_queue_response(c, MHD_HTTP_METHOD_NOT_ALLOWED, s->refusal);
	if (is(url, "/metrics"))
		return send_metrics(s, c);
	if (is(url, "/"))
		return MHD_queue_response(c, MHD_HTTP_OK, s->where);
	return MHD_queue_response(c, MHD_HTTP_NOT_FOUND, s->nothing);
}

static void on_connection(
	void *ctx, struct MHD_Connection *c, void **of_connection, enum MHD_ConnectionNotificationCode what)
{
	struct metrics_server *s = ctx;
	struct connection *one = *of_connection;
	const union MHD_ConnectionInfo *info;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (one)
			one->fd = -1;
		return;
	}
	info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	for (size_t i = 0; info && i < METRICS_CONNECTIONS; i++) {
		one = &s->connection[i];
		if (one->fd >= 0)
			continue;
		*one = (struct connection){ info->connect_fd, clock_ns(CLOCK_MONOTONIC) };
		*of_connection = one;
		return;
	}
}

/* end_old - shut connections down that are there for too long; the library sees that, and closes them. */
static void end_old(struct metrics_server *s)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC), most_ns;
	size_t n = 0;

	for (size_t i = 0; i < METRICS_CONNECTIONS; i++)
		n += s->connection[i].fd >= 0;
	most_ns = (n < METRICS_CONNECTIONS ? METRICS_LONGEST_S : METRICS_CROWDED_S) * SECOND_NS;
	for (size_t i = 0; i < METRICS_CONNECTIONS; i++)
		if (s->connection[i].fd >= 0 && now - s->connection[i].begin_ns > most_ns)
			shutdown(s->connection[i].fd, SHUT_RDWR);
}

static void *answer(void *ctx)
{
	struct metrics_server *s = ctx;
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	struct pollfd fd[2] = { { .fd = s->fd_end, .events = POLLIN }, { .events = POLLIN } };
	MHD_UNSIGNED_LONG_LONG ms;

	pthread_setname_np(pthread_self(), "swtrace-metrics");
	if (caps_keep(0))
		return NULL;
	fd[1].fd = info ? info->epoll_fd : -1;
	while (!atomic_load(&s->is_ended)) {
		if (MHD_get_timeout(s->daemon, &ms) != MHD_YES || ms > ROUND_MS)
			ms = ROUND_MS;
		if (poll(fd, 2, (int)ms) < 0 && errno != EINTR)
			break;
		MHD_run(s->daemon);
		end_old(s);
	}
	return NULL;
}

/* make_response - @bytes  static, or to be freed by it      Return: NULL: no memory. */
static struct MHD_Response *make_response(char *bytes, size_t n, int is_static, const char *type)
{
	struct MHD_Response *r =
		MHD_create_response_from_buffer(n, bytes, is_static ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_FREE);

	if (!r) {
		if (!is_static)
			free(bytes);
		return NULL;
	}
	if (MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_YES &&
		MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close") == MHD_YES &&
		MHD_add_response_header(r, MHD_HTTP_HEADER_VARY, "Accept") == MHD_YES)
		return r;
	MHD_destroy_response(r);
	return NULL;
}

/* make_pages - the answers that are always the same.  Return: 0 or -ENOMEM. */
static int make_pages(struct metrics_server *s)
{
	static char where[] = "swtrace: metrics are at /metrics\n";
	static char nothing[] = "There is nothing here; metrics are at /metrics, once there are some.\n";
	static char refusal[] = "GET and HEAD of /metrics, nothing else.\n";
	static const char type[] = "text/plain; charset=utf-8";

	s->where = make_response(where, sizeof(where) - 1, 1, type);
	s->nothing = make_response(nothing, sizeof(nothing) - 1, 1, type);
	s->refusal = make_response(refusal, sizeof(refusal) - 1, 1, type);
	if (!s->where || !s->nothing || !s->refusal ||
		MHD_add_response_header(s->refusal, MHD_HTTP_HEADER_ALLOW, "GET, HEAD") != MHD_YES)
		return -ENOMEM;
	return 0;
}

/* listen_at - Return: a socket, or -errno. */
static int listen_at(struct metrics_address *a)
{
	int fd = socket(a->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), yes = 1, err;

	if (fd < 0)
		return -errno;
	/* Connections of an earlier run that are not forgotten yet do not stand in the way; another that listens does. */
	if (!setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) &&
		!bind(fd, (const struct sockaddr *)&a->addr, a->len) && !listen(fd, BACKLOG)) {
		a->len = sizeof(a->addr);
		if (!getsockname(fd, (struct sockaddr *)&a->addr, &a->len))
			return fd;
	}
	err = -errno;
	close(fd);
	return err;
}

/* start - Return: 0 or -errno. The socket is the library's, or closed. */
static int start(struct metrics_server *s, int fd_listen)
{
	/* Not select(): the tracer may have more files open than that can tell apart. */
	s->daemon = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET, fd_listen,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)METRICS_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)METRICS_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)METRICS_REQUEST_BYTES,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_END);
	if (!s->daemon) {
		close(fd_listen);
		return -ENOMEM;
	}
	return 0;
}

int metrics_answer(struct metrics_server *s)
{
	if (pthread_create(&s->thread, NULL, answer, s))
		return -EAGAIN;
	s->has_thread = 1;
	return 0;
}

int metrics_serve(struct metrics_server **out, struct metrics_address *a)
{
	struct metrics_server *s = calloc(1, sizeof(*s));
	int fd, err;

	if (!s)
		return -ENOMEM;
	pthread_mutex_init(&s->lock, NULL);
	for (size_t i = 0; i < METRICS_CONNECTIONS; i++)
		s->connection[i].fd = -1;
	s->fd_end = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	err = s->fd_end < 0 ? -errno : make_pages(s);
	if (!err) {
		fd = listen_at(a);
		err = fd < 0 ? fd : start(s, fd);
	}
	if (err) {
		metrics_close(s);
		return err;
	}
	*out = s;
	return 0;
}

static void drop(struct MHD_Response *r)
{
	if (r)
		MHD_destroy_response(r);
}

int metrics_publish(struct metrics_server *s, struct strbuf text[METRICS_FORMATS])
{
	static const char *const types[METRICS_FORMATS] = {
		[METRICS_TEXT] = "text/plain; version=0.0.4; charset=utf-8",
		[METRICS_OPENMETRICS] = "application/openmetrics-text; version=1.0.0; charset=utf-8",
	};
	struct MHD_Response *fresh[METRICS_FORMATS] = { 0 }, *was;
	int err = 0;

	for (int i = 0; i < METRICS_FORMATS; i++) {
		if (text[i].failed || !text[i].data)
			strbuf_free(&text[i]);
		else
			fresh[i] = make_response(text[i].data, text[i].len, 0, types[i]);
		memset(&text[i], 0, sizeof(text[i]));
		err = fresh[i] ? err : -ENOMEM;
	}
	for (int i = 0; i < METRICS_FORMATS; i++) {
		was = fresh[i];
		if (!err) {
			pthread_mutex_lock(&s->lock);
			was = s->response[i];
			s->response[i] = fresh[i];
			pthread_mutex_unlock(&s->lock);
		}
		drop(was);
	}
	return err;
}

void metrics_close(struct metrics_server *s)
{
	if (!s)
		return;
	atomic_store(&s->is_ended, 1);
	if (s->has_thread) {
		eventfd_write(s->fd_end, 1);
		pthread_join(s->thread, NULL);
	}
	if (s->daemon)
		MHD_stop_daemon(s->daemon);
	for (int i = 0; i < METRICS_FORMATS; i++)
		drop(s->response[i]);
	drop(s->where);
	drop(s->nothing);
	drop(s->refusal);
	if (s->fd_end >= 0)
		close(s->fd_end);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
