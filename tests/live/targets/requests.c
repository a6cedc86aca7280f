/* SPDX-License-Identifier: GPL-2.0-or-later */
/* requests.c - a server without a network: "serve N" handles so many requests in this thread, "threads T N" so many in each of T
 * threads, "fork" makes a worker, whose pid is the answer, and "work N" has the last worker handle some. Each request leaks 24
 * bytes. "load FILE" loads a library, "call FUNCTION N" calls one of its functions. */
#include "target.h"
#include <dlfcn.h>
#include <pthread.h>

static void *volatile keep;
static void *library;

NOINLINE void handle_request(int i)
{
	keep = malloc(24);
	__asm__ volatile("" ::"r"(i));
}

static int per_thread;

static void *serve(void *arg)
{
	for (int i = 0; i < per_thread; i++)
		handle_request(i);
	return arg;
}

static void serve_in_threads(int n_threads, int n)
{
	pthread_t thread[16];

	per_thread = n;
	for (int i = 0; i < n_threads; i++)
		if (pthread_create(&thread[i], NULL, serve, NULL))
			_exit(98);
	for (int i = 0; i < n_threads; i++)
		pthread_join(thread[i], NULL);
}

static int to_worker = -1, from_worker = -1;

/* make_worker - a child that obeys "work" alone. */
static int make_worker(void)
{
	int to[2], from[2], n;
	pid_t pid;

	if (pipe(to) || pipe(from))
		return -1;
	pid = fork();
	if (!pid) {
		close(to[1]);
		while (read(to[0], &n, sizeof(n)) == sizeof(n)) {
			per_thread = n;
			serve(NULL);
			if (write(from[1], &n, sizeof(n)) != sizeof(n))
				break;
		}
		_exit(0);
	}
	close(to[0]);
	close(from[1]);
	to_worker = to[1];
	from_worker = from[0];
	return pid;
}

static void call(const char *function, int n)
{
	void (*f)(long, long) = NULL;

	*(void **)&f = library ? dlsym(library, function) : NULL;
	for (int i = 0; f && i < n; i++) {
		f(i, 0);
		keep = malloc(24);
	}
	say(f ? "done" : "none");
}

int main(void)
{
	char line[256], name[200];
	int n, k;

	alarm(120);
	say("ready");
	while (hear(line, sizeof(line))) {
		if (sscanf(line, "serve %d", &n) == 1) {
			per_thread = n;
			serve(NULL);
			say("done");
		} else if (sscanf(line, "threads %d %d", &k, &n) == 2 && k <= 16) {
			serve_in_threads(k, n);
			say("done");
		} else if (!strcmp(line, "fork")) {
			say("%d", make_worker());
		} else if (sscanf(line, "work %d", &n) == 1) {
			if (write(to_worker, &n, sizeof(n)) != sizeof(n) ||
				read(from_worker, &n, sizeof(n)) != sizeof(n))
				say("dead");
			else
				say("done");
		} else if (sscanf(line, "load %199s", name) == 1) {
			library = dlopen(name, RTLD_NOW);
			say(library ? "done" : "none");
		} else if (sscanf(line, "call %199s %d", name, &n) == 2) {
			call(name, n);
		}
	}
	return 0;
}
