// SPDX-License-Identifier: GPL-2.0-or-later
/* native.c HOW - says "ready" and works for two minutes at most. HOW:
 *   nest      calls of functions whose returns are probed, up to ten deep
 *   signals   a timer's handler calls oracle_point() wherever the program happens to be; every other one on a stack of its own
 *   storm US  opens and closes libraries, and waits US microseconds each time for their tables
 *   forks     children that work and end */
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../live/targets/target.h"
#include "work.h"

#define LIFE_S	   120
#define SIGNAL_US  1000
#define LIBRARIES  6
#define STACK_SIZE 65536

extern void work_0(unsigned random);

static unsigned seed = 1;
static volatile unsigned sum;

static unsigned draw(void)
{
	seed = seed * 1103515245 + 12345;
	return seed >> 8;
}

static void nest(void)
{
	oracle_even((int)(draw() % 10), work_0, draw());
}

/* ---- signals ---- */

static NOINLINE void deeper(int n)
{
	if (n)
		deeper(n - 1);
	else
		oracle_point();
	sum++;
}

static void on_timer(int sig)
{
	(void)sig;
	deeper((int)(sum % 4));
}

static void start_timer(int sig, int flags, long us)
{
	struct sigaction action = { .sa_handler = on_timer, .sa_flags = SA_RESTART | flags };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = sig };
	struct itimerspec interval = { { 0, us * 1000 }, { 0, us * 1000 } };
	timer_t timer;

	sigaction(sig, &action, NULL);
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &interval, NULL))
		_exit(98);
}

static void start_signals(void)
{
	stack_t stack = { .ss_sp = malloc(STACK_SIZE), .ss_size = STACK_SIZE };

	sigaltstack(&stack, NULL);
	start_timer(SIGRTMIN, 0, SIGNAL_US);
	start_timer(SIGRTMIN + 1, SA_ONSTACK, SIGNAL_US + 17);
}

static NOINLINE int order(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static NOINLINE unsigned fibonacci(unsigned n)
{
	return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}

/* interrupted - what a program does between calls: prologues, epilogues, the PLT, libc. Few calls of probed functions: the
 * thread is in the kernel then, and a signal waits until it comes back. */
static NOINLINE double interrupted(unsigned random)
{
	int number[20] = { (int)random, (int)(random / 3), 5, (int)(random / 7), 1 };
	char line[200];
	struct timespec t;
	double d = strtod("3.25e2", NULL) * random;

	snprintf(line, sizeof(line), "%u %.3f %s", random, d, "text");
	if (random % 128 == 1) /* it calls free(NULL) */
		qsort(number, 20, sizeof(number[0]), order);
	sum += bsearch(&number[2], number, 20, sizeof(number[0]), order) != NULL;
	sum += (unsigned)strlen(line) + (unsigned)atoi(line) + fibonacci(12);
	if (random % 16 == 0)
		clock_gettime(CLOCK_MONOTONIC, &t);
	if (random % 128 == 0)
		work_0(random / 128);
	return d;
}

/* ---- storm ---- */

static void storm(useconds_t pause_us)
{
	static void *open[LIBRARIES];
	unsigned i = draw() % (LIBRARIES - 2) + 1;
	char name[32], symbol[16];
	work_function f;

	snprintf(name, sizeof(name), "libwork-%u.so", i);
	snprintf(symbol, sizeof(symbol), "work_%u", i);
	if (!open[LIBRARIES - 1])
		open[LIBRARIES - 1] = dlopen("libwork-5.so", RTLD_NOW | RTLD_GLOBAL);
	if (!open[i])
		open[i] = dlopen(name, draw() % 2 ? RTLD_LAZY : RTLD_NOW);
	usleep(pause_us);
	f = open[i] ? (work_function)(size_t)dlsym(open[i], symbol) : NULL;
	if (!f)
		_exit(97);
	for (int k = 0; k < 30; k++)
		f(draw());
	if (draw() % 3 == 0) {
		dlclose(open[i]);
		open[i] = NULL;
		usleep(pause_us);
	}
}

static void forks(void)
{
	pid_t pid = fork();

	if (!pid) {
		for (int i = 0; i < 50; i++)
			nest();
		_exit(0);
	}
	for (int i = 0; i < 50; i++)
		nest();
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "nest";

	alarm(LIFE_S);
	if (!strcmp(how, "signals"))
		start_signals();
	say("ready");
	for (;;) {
		if (!strcmp(how, "storm"))
			storm(argc > 2 ? (useconds_t)atoi(argv[2]) : 0);
		else if (!strcmp(how, "forks"))
			forks();
		else if (!strcmp(how, "signals"))
			interrupted(draw());
		else
			nest();
	}
}
