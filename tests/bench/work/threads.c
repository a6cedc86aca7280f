// SPDX-License-Identifier: GPL-2.0-or-later
/* threads.c - a multi-threaded allocator benchmark: each thread keeps a window of blocks of mixed sizes and replaces
 * them one after the other. Command: "threads N MS"; the answer's count is that of all threads. */
#include <pthread.h>

#include "work.h"

#define MAX_THREADS 64
#define WINDOW	    256
#define MAX_BYTES   1024

struct worker {
	pthread_t thread;
	uint64_t ns;
	uint64_t n;
	uint64_t seed;
	char apart[128]; /* no cache line is shared */
};

static struct worker worker[MAX_THREADS];
static pthread_barrier_t all_ready;

static void *work(void *arg)
{
	struct worker *w = arg;
	void *window[WINDOW] = { NULL };
	uint64_t end;

	for (int i = 0; i < WINDOW; i++)
		window[i] = malloc(next_random(&w->seed) % MAX_BYTES + 1);
	pthread_barrier_wait(&all_ready);
	end = now_ns() + w->ns;
	do {
		for (int i = 0; i < WINDOW; i++) {
			free(window[i]);
			window[i] = malloc(next_random(&w->seed) % MAX_BYTES + 1);
			*(volatile char *)window[i] = 1;
		}
		w->n += WINDOW;
	} while (now_ns() < end);
	pthread_barrier_wait(&all_ready);
	for (int i = 0; i < WINDOW; i++)
		free(window[i]);
	return NULL;
}

int main(void)
{
	struct stopwatch time;
	uint64_t ms, n;
	unsigned n_threads;
	char line[64];

	say("ready");
	while (hear(line, sizeof(line)) && sscanf(line, "threads %u %lu", &n_threads, &ms) == 2) {
		if (!n_threads || n_threads > MAX_THREADS || pthread_barrier_init(&all_ready, NULL, n_threads + 1))
			return 1;
		for (unsigned i = 0; i < n_threads; i++) {
			worker[i].ns = ms * 1000000;
			worker[i].n = 0;
			worker[i].seed = i + 1;
			if (pthread_create(&worker[i].thread, NULL, work, &worker[i]))
				return 1;
		}
		pthread_barrier_wait(&all_ready);
		time = stopwatch_start();
		pthread_barrier_wait(&all_ready);
		stopwatch_stop(&time);
		n = 0;
		for (unsigned i = 0; i < n_threads; i++) {
			pthread_join(worker[i].thread, NULL);
			n += worker[i].n;
		}
		pthread_barrier_destroy(&all_ready);
		stopwatch_say(&time, n);
	}
	return 0;
}
