/* SPDX-License-Identifier: GPL-2.0-or-later */
/* scenarios.c - programs that leak, and programs that only look as if they did: scenarios-c NAME REQUESTS RATE OTHERS BEFORE
 *
 * As scenarios.php, which says what the arguments are and what is answered. request_begin() is called once a request. */
#include <malloc.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <time.h>

#include "../live/targets/target.h"

#define PAGE 4096

/* fill - so that the compiler cannot do without the block, and the kernel neither. */
static void *fill(void *p, size_t n)
{
	memset(p, 1, n);
	__asm__ volatile("" : : "r"(p) : "memory");
	return p;
}

static unsigned dice(void)
{
	static uint64_t x = 88172645463325252ULL;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (unsigned)(x >> 33);
}

/* ---- leaks ---- */

NOINLINE void c_25_bytes(long i)
{
	(void)i;
	fill(malloc(25), 25);
}

struct node {
	struct node *next;
	char payload[40];
};

NOINLINE void c_list(long i)
{
	static struct node *head;
	struct node *n = calloc(1, sizeof(*n));

	(void)i;
	n->next = head;
	head = n;
}

/* An array that grows. */
NOINLINE void c_growing_array(long i)
{
	static uint64_t *seen;
	static size_t n, room;

	if (n == room) {
		room = room ? 2 * room : 16;
		seen = realloc(seen, room * sizeof(*seen));
		fill(seen + n, (room - n) * sizeof(*seen));
	}
	for (int k = 0; k < 4 && n < room; k++)
		seen[n++] = (uint64_t)i;
}

NOINLINE void c_mappings(long i)
{
	if (i % 20 == 0)
		fill(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 1);
}

NOINLINE void c_in_steps(long i)
{
	for (int k = 0; i % 800 == 400 && k < 200; k++)
		fill(malloc(150), 150);
}

NOINLINE void c_rare_and_large(long i)
{
	if (i % 1250 == 600)
		fill(malloc(4 << 20), 4 << 20);
}

/* What allocates for everyone is no culprit: who called it is. */
NOINLINE void *xmalloc(size_t n)
{
	void *p = malloc(n);

	if (!p)
		abort();
	return fill(p, n);
}

NOINLINE void parse_header(void)
{
	xmalloc(60);
}

NOINLINE void parse_body(void)
{
	free(xmalloc(600));
	free(xmalloc(60));
}

void c_wrapper(long i)
{
	(void)i;
	parse_body();
	parse_header();
}

NOINLINE void c_error_path(long i)
{
	char *message = strdup("the connection was closed by the peer while reading");

	fill(message, 10);
	if (i % 40)
		free(message);
}

/* One of four threads leaks. Each is given its request by the main thread. */
struct job {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	long request; /* -1: none */
	int does_leak;
};

NOINLINE void thread_leaks(void)
{
	fill(malloc(120), 120);
}

static void *thread_main(void *arg)
{
	struct job *j = arg;

	pthread_mutex_lock(&j->lock);
	while (1) {
		while (j->request < 0)
			pthread_cond_wait(&j->changed, &j->lock);
		free(fill(malloc(120), 120));
		if (j->does_leak)
			thread_leaks();
		j->request = -1;
		pthread_cond_signal(&j->changed);
	}
	return NULL;
}

void c_one_thread(long i)
{
	static struct job jobs[4];
	struct job *j = &jobs[i % 4];
	pthread_t thread;

	for (int k = 0; !jobs[3].does_leak && k < 4; k++) {
		pthread_mutex_init(&jobs[k].lock, NULL);
		pthread_cond_init(&jobs[k].changed, NULL);
		jobs[k].request = -1;
		jobs[k].does_leak = k == 3;
		if (pthread_create(&thread, NULL, thread_main, &jobs[k]))
			abort();
	}
	pthread_mutex_lock(&j->lock);
	j->request = i;
	pthread_cond_signal(&j->changed);
	while (j->request >= 0)
		pthread_cond_wait(&j->changed, &j->lock);
	pthread_mutex_unlock(&j->lock);
}

/* ---- none ---- */

void c_steady(long i)
{
	(void)i;
}

/* c_cache - 700 entries, each in a block of its own, replaced in the order of their coming. */
NOINLINE void c_cache(long i)
{
	static void *entry[700];

	free(entry[i % 700]);
	entry[i % 700] = fill(malloc(80), 80);
}

/* c_old_cache - likewise, but entries stay for 6,000 requests. It is full before tracing begins. */
NOINLINE void c_old_cache(long i)
{
	static void *entry[6000];

	free(entry[i % 6000]);
	entry[i % 6000] = fill(malloc(80), 80);
}

NOINLINE void c_pool(long i)
{
	static void *pool[64];
	int need = (int)(32 + 31 * sin((double)i / 150));

	for (int k = 0; k < need; k++)
		if (!pool[k])
			pool[k] = fill(malloc(1000), 1000);
}

NOINLINE void c_warm_up(long i)
{
	static void *compiled[600];
	int n = (int)(600 * (1 - exp((double)-i / 900)));

	if (n < 600 && !compiled[n])
		compiled[n] = fill(malloc(500), 500);
}

NOINLINE void c_flush(long i)
{
	static void *line[1000];
	static int n;

	line[n++] = fill(malloc(90), 90);
	for (; i % 720 == 719 && n; n--)
		free(line[n - 1]);
}

NOINLINE void c_arena(long i)
{
	static void *chunk[200];
	static int n;

	if (i % 3 == 0)
		chunk[n++] = fill(malloc(4000), 4000);
	if (n < 200)
		return;
	while (n)
		free(chunk[--n]);
}

/* c_fragments - as many blocks as ever, of ever other sizes, with holes between them that are too small for most. */
NOINLINE void c_fragments(long i)
{
	static void *held[500];

	(void)i;
	for (int k = 0; k < 3; k++) {
		void **at = &held[dice() % 500];

		free(*at);
		*at = fill(malloc(16 + dice() % 4000), 16);
	}
}

NOINLINE void c_expiring(long i)
{
	static void *session[2000]; /* a place is used anew after 2,000 requests; most expire before */
	long old = i - 300 - (long)(dice() % 1200);

	free(session[i % 2000]);
	session[i % 2000] = fill(malloc(200), 200);
	if (old >= 0) {
		free(session[old % 2000]);
		session[old % 2000] = NULL;
	}
}

NOINLINE void c_mapping_window(long i)
{
	static void *window[100];
	void **w = &window[i / 5 % 100];

	if (i % 5)
		return;
	if (*w)
		munmap(*w, PAGE);
	*w = fill(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 1);
}

NOINLINE void c_moving_buffer(long i)
{
	static void *buffer;
	size_t n = 1000 + (size_t)(40000 * (1 + sin((double)i / 400)));

	buffer = realloc(buffer, n);
	fill(buffer, n);
}

/* ---- what serves them ---- */

static const struct {
	const char *name;
	void (*request)(long i);
} scenarios[] = {
#define SCENARIO(name)      \
	{                   \
#name, name \
	}
	SCENARIO(c_25_bytes),
	SCENARIO(c_list),
	SCENARIO(c_growing_array),
	SCENARIO(c_mappings),
	SCENARIO(c_in_steps),
	SCENARIO(c_rare_and_large),
	SCENARIO(c_wrapper),
	SCENARIO(c_error_path),
	SCENARIO(c_one_thread),
	SCENARIO(c_steady),
	SCENARIO(c_cache),
	SCENARIO(c_old_cache),
	SCENARIO(c_pool),
	SCENARIO(c_warm_up),
	SCENARIO(c_flush),
	SCENARIO(c_arena),
	SCENARIO(c_fragments),
	SCENARIO(c_expiring),
	SCENARIO(c_mapping_window),
	SCENARIO(c_moving_buffer),
};

/* others - so many blocks that live for a moment. */
NOINLINE void others(int n)
{
	for (int k = 0; k < n; k++)
		free(fill(malloc(20 + k % 200), 8));
}

NOINLINE void request_begin(void)
{
	__asm__ volatile("");
}

/* held - what is held by malloc, and what is mapped; -1: not to be seen. */
static void held(double bytes[2])
{
	struct mallinfo2 m = mallinfo2();
	FILE *f = fopen("/proc/self/statm", "r");
	double pages = -1;

	if (!f || fscanf(f, "%lf", &pages) != 1)
		abort();
	fclose(f);
	bytes[0] = (double)(m.uordblks + m.hblkhd);
	bytes[1] = pages * PAGE;
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void wait_until(double due_s)
{
	double left = due_s - now_s();

	if (left > 0)
		usleep((useconds_t)(left * 1e6));
}

static void serve(void (*request)(long), long from, long n, double rate, int n_others)
{
	double least[4][2], bytes[2], start = now_s();

	for (int q = 0; q < 4; q++)
		least[q][0] = least[q][1] = INFINITY;
	for (long i = 0; i < n; i++) {
		request_begin();
		request(from + i);
		others(n_others);
		if (rate > 0) {
			wait_until(start + (double)(i + 1) / rate);
		} else if (i % 10 == 0) {
			held(bytes);
			for (int k = 0; k < 2; k++)
				least[4 * i / n][k] = fmin(least[4 * i / n][k], bytes[k]);
		}
	}
	if (rate > 0)
		say("done");
	else
		say("done 0 %.1f %.1f", (least[3][0] - least[1][0]) / (double)n * 2,
			(least[3][1] - least[1][1]) / (double)n * 2);
}

int main(int argc, char **argv)
{
	void (*request)(long) = NULL;
	char line[16];
	long before = argc == 6 ? atol(argv[5]) : 0;

	for (size_t i = 0; argc == 6 && i < sizeof(scenarios) / sizeof(*scenarios); i++)
		if (!strcmp(argv[1], scenarios[i].name))
			request = scenarios[i].request;
	if (!request)
		return 2;
	for (long i = 0; i < before; i++)
		request(i);
	say("ready");
	hear(line, sizeof(line));
	serve(request, before, atol(argv[2]), atof(argv[3]), atoi(argv[4]));
	hear(line, sizeof(line));
	return 0;
}
