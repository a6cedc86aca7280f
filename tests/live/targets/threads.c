/* SPDX-License-Identifier: GPL-2.0-or-later */
/* threads.c THREADS - on "go N" every thread makes N random calls of malloc, realloc and free, also of blocks that another
 * thread allocated; the answer is "BYTES BLOCKS" of what is live then, by the program's own count. */
#include "target.h"
#include <pthread.h>

#define PLACES	    512
#define MAX_THREADS 16

static struct place {
	pthread_mutex_t lock;
	void *block;
	size_t size;
} places[PLACES];

static long turns;

static NOINLINE void turn(struct place *p, unsigned random)
{
	size_t size = 1 + random / 7 % 3000;

	pthread_mutex_lock(&p->lock);
	if (!p->block) {
		p->block = malloc(size);
		p->size = size;
	} else if (random % 3) {
		free(p->block);
		p->block = NULL;
	} else {
		p->block = realloc(p->block, size);
		p->size = size;
	}
	pthread_mutex_unlock(&p->lock);
}

static void *work(void *arg)
{
	unsigned seed = (unsigned)(size_t)arg + 1;

	for (long i = 0; i < turns; i++) {
		seed = seed * 1103515245 + 12345;
		turn(&places[seed / 65536 % PLACES], seed >> 8);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 4;
	pthread_t threads[MAX_THREADS];
	long bytes = 0, blocks = 0;
	char line[64];

	for (int i = 0; i < PLACES; i++)
		pthread_mutex_init(&places[i].lock, NULL);
	say("ready");
	if (!hear(line, sizeof(line)) || sscanf(line, "go %ld", &turns) != 1)
		return 1;
	for (int i = 0; i < n && i < MAX_THREADS; i++)
		pthread_create(&threads[i], NULL, work, (void *)(size_t)i);
	for (int i = 0; i < n && i < MAX_THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < PLACES; i++) {
		bytes += places[i].block ? places[i].size : 0;
		blocks += places[i].block != NULL;
	}
	say("%ld %ld", bytes, blocks);
	hear(line, sizeof(line));
	return 0;
}
