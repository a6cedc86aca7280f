/* SPDX-License-Identifier: GPL-2.0-or-later */
/* swoole.c - a made-up Swoole: a library that keeps what tells the role of a process where a version of Swoole does.
 * LAYOUT: 5 as in 5.1.5 to 5.1.8, 6 as in 6.2.1 and 6.2.2. Offsets as in src/target/swoole.c, said by structs here. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "swoole.h"

/* zend_module_entry of Zend/zend_modules.h, up to what is of interest. */
struct {
	uint16_t size;
	uint16_t pad[3];
	const void *others[10];
	const char *version;
} swoole_module_entry = { .size = 168, .version = VERSION };
_Static_assert(offsetof(__typeof__(swoole_module_entry), version) == 88, "zend_module_entry");

struct worker {
	int32_t pid;
	uint32_t id;
	uint8_t others[21];
	uint8_t type;
};
_Static_assert(offsetof(struct worker, type) == 29, "Worker");

struct server_gs {
	int32_t master_pid;
	int32_t manager_pid;
};

struct server {
	uint8_t others[LAYOUT == 5 ? 800 : 888];
	struct server_gs *gs;
};

struct {
	uint8_t others[LAYOUT == 5 ? 8 : 24];
	struct worker *worker;
} SwooleWG;

#if LAYOUT == 5
struct server *g_server_instance;
#define SERVER g_server_instance
#else
struct {
	uint8_t others[544];
	struct server *server;
} SwooleG;
#define SERVER SwooleG.server
#endif

static struct {
	struct server server;
	struct server_gs gs;
	struct worker worker[8];
} * shared;

void swoole_start(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	shared->server.gs = &shared->gs;
	shared->gs.master_pid = getpid();
	SERVER = &shared->server;
}

void swoole_be_manager(void)
{
	shared->gs.manager_pid = getpid();
}

void swoole_be_worker(unsigned id, unsigned type)
{
	struct worker *worker = &shared->worker[id];

	worker->pid = getpid();
	worker->id = id;
	worker->type = type;
	SwooleWG.worker = worker;
}
