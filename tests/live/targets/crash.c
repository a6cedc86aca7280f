/* SPDX-License-Identifier: GPL-2.0-or-later */
/* crash.c - dies in the way that a command names. */
#include "target.h"
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static volatile int zero;
static volatile long sink;

static NOINLINE void null_deref(void)
{
	*(volatile int *)0x10 = 1;
}

static NOINLINE void call_bad_pointer(void)
{
	void (*volatile f)(void) = (void (*)(void))0x1234560;

	f();
}

static NOINLINE void divide_by_zero(void)
{
	sink = 1000 / zero;
}

static NOINLINE long recurse(long n)
{
	volatile char room[1000];

	room[n % 1000] = (char)n;
	return n < 1 << 30 ? recurse(n + 1) + room[n % 1000] : 0;
}

static NOINLINE void past_the_file(void)
{
	char name[] = "/tmp/swtrace-crash-XXXXXX";
	int fd = mkstemp(name);
	volatile char *p;

	unlink(name);
	if (ftruncate(fd, 8192))
		_exit(1);
	p = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0);
	if (ftruncate(fd, 4096))
		_exit(1);
	sink = p[5000];
}

static NOINLINE void illegal(void)
{
	__asm__ volatile("ud2");
}

static NOINLINE void write_read_only(void)
{
	*(volatile char *)(size_t)(const void *)"constant" = 1;
}

static void *in_thread(void *arg)
{
	char *tid = arg;

	snprintf(tid, 16, "%d", (int)syscall(SYS_gettid));
	say("%s", tid);
	usleep(100000);
	null_deref();
	return NULL;
}

static sigjmp_buf back;

static void on_segv(int sig)
{
	(void)sig;
	siglongjmp(back, 1);
}

static NOINLINE void survive(void)
{
	signal(SIGSEGV, on_segv);
	if (!sigsetjmp(back, 1))
		null_deref();
	signal(SIGSEGV, SIG_DFL);
	say("survived");
}

int main(void)
{
	static char tid[16];
	pthread_t thread;
	char line[64];

	say("ready");
	while (hear(line, sizeof(line))) {
		if (!strcmp(line, "null"))
			null_deref();
		else if (!strcmp(line, "call"))
			call_bad_pointer();
		else if (!strcmp(line, "abort"))
			abort();
		else if (!strcmp(line, "divide"))
			divide_by_zero();
		else if (!strcmp(line, "overflow"))
			sink = recurse(1);
		else if (!strcmp(line, "bus"))
			past_the_file();
		else if (!strcmp(line, "illegal"))
			illegal();
		else if (!strcmp(line, "readonly"))
			write_read_only();
		else if (!strcmp(line, "thread") && !pthread_create(&thread, NULL, in_thread, tid))
			pthread_join(thread, NULL);
		else if (!strcmp(line, "survive"))
			survive();
	}
	return 0;
}
