// SPDX-License-Identifier: GPL-2.0-or-later
/* target/swoole.c - what Swoole's memory says of the role of a process.
 * Each worker has a record (struct swoole::Worker, in memory that all processes of a server share), and the variable SwooleWG of
 * a worker points to its own. A server's struct ServerGS begins with the pids of its master and its manager; Swoole's own
 * process type is not to be trusted: that of a manager says master as soon as there are task workers.
 * Source: include/swoole.h, include/swoole_server.h, include/swoole_process_pool.h of the versions named here and of 4.8.13,
 * 5.1.4, 5.1.8, 6.0.2, 6.1.7, 6.1.9, 6.2.2, compiled for x86-64 with and without OpenSSL, io_uring, c-ares and compression. */
#include <stdio.h>
#include <string.h>

#include "target/identity.h"

static const struct swoole_layout layouts[] = {
	{ { 4, 8, 0 }, 8, 88, 36, 0, 800 },
	{ { 4, 8, 2 }, 8, 4, 28, 0, 800 }, /* to 5.1.4 */
	{ { 5, 1, 5 }, 8, 4, 29, 0, 800 },
	{ { 6, 0, 0 }, 8, 4, 29, 0, 824 },
	{ { 6, 0, 1 }, 8, 4, 29, 0, 832 },
	{ { 6, 1, 0 }, 24, 4, 29, 536, 832 },
	{ { 6, 1, 8 }, 24, 4, 29, 536, 888 },
	{ { 6, 2, 0 }, 24, 4, 29, 544, 832 },
	{ { 6, 2, 1 }, 24, 4, 29, 544, 888 },
};

#define LAST_MAJOR 6
#define LAST_MINOR 2

/* enum swProcessType, later WorkerType. */
#define TYPE_UNSET	 0 /* a user process of 4.8 to 6.0 */
#define TYPE_WORKER	 2
#define TYPE_TASK_WORKER 4
#define TYPE_USER	 5

#define MAX_WORKERS 65536 /* no id is as large: it is no record of a worker then, or a torn one */

static int compare(const unsigned *a, const unsigned *b)
{
	for (int i = 0; i < 3; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return 0;
}

const struct swoole_layout *swoole_layout(const char *version)
{
	const struct swoole_layout *found = NULL;
	unsigned v[3];

	if (sscanf(version, "%u.%u.%u", &v[0], &v[1], &v[2]) != 3 || v[0] > LAST_MAJOR ||
		(v[0] == LAST_MAJOR && v[1] > LAST_MINOR))
		return NULL;
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]) && compare(layouts[i].from, v) <= 0; i++)
		found = &layouts[i];
	return found;
}

/* read_pointer - a pointer that stands in a variable.  Return: it; 0 = none, or not to be read. */
static uint64_t read_pointer(const struct php_image *image, uint64_t at)
{
	uint64_t pointer = 0;

	return at && !image->read(image->ctx, at, &pointer, sizeof(pointer)) ? pointer : 0;
}

static int read_worker(const struct php_image *image, uint64_t worker, const struct swoole_layout *l, int pid,
	struct model_identity *out)
{
	uint32_t id;
	int32_t its;
	uint8_t type;

	if (image->read(image->ctx, worker, &its, sizeof(its)) || its != pid ||
		image->read(image->ctx, worker + l->worker_id, &id, sizeof(id)) ||
		image->read(image->ctx, worker + l->worker_type, &type, sizeof(type)))
		return 0;
	switch (type) {
	case TYPE_WORKER:
		out->role = MODEL_ROLE_WORKER;
		break;
	case TYPE_TASK_WORKER:
		out->role = MODEL_ROLE_TASK_WORKER;
		break;
	case TYPE_UNSET:
	case TYPE_USER:
		out->role = MODEL_ROLE_USER_PROCESS;
		break;
	default:
		return 0;
	}
	out->role_from = MODEL_ROLE_FROM_MEMORY;
	out->worker = type != TYPE_UNSET && type != TYPE_USER && id < MAX_WORKERS ? (int32_t)id : -1;
	return 1;
}

void swoole_read_role(const struct php_image *image, const struct swoole_globals *at, const struct swoole_layout *l,
	int pid, struct model_identity *out)
{
	uint64_t worker = read_pointer(image, at->worker_global ? at->worker_global + l->worker : 0), server, gs;
	int32_t pids[2];

	if (worker && read_worker(image, worker, l, pid, out))
		return;
	server = read_pointer(image, l->server ? (at->global ? at->global + l->server : 0) : at->server_pointer);
	gs = server ? read_pointer(image, server + l->gs) : 0;
	if (!gs || image->read(image->ctx, gs, pids, sizeof(pids)) || (pids[0] != pid && pids[1] != pid))
		return;
	/* Where there is no manager, the master does its work. */
	out->role = pids[0] == pid ? MODEL_ROLE_MASTER : MODEL_ROLE_MANAGER;
	out->role_from = MODEL_ROLE_FROM_MEMORY;
	out->worker = -1;
}
