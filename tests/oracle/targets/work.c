// SPDX-License-Identifier: GPL-2.0-or-later
/* work.c - compiled six times, as libwork-WORK.so, optimised and without frame pointers; the code of each differs. work_N()
 * allocates and frees below a frame of a random shape. */
#include <alloca.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "work.h"

#define PASTE(a, b)  a##b
#define NAME(prefix) NAME2(prefix, WORK)
#define NAME2(p, n)  PASTE(p, n)
#define NOINLINE     __attribute__((noinline, noclone))

static volatile int zero;

/* Not linked with: whoever opens this library has opened libwork-5.so before, for all to see. Its first call binds lazily to
 * a library that was loaded at run time, for which the loader allocates memory in the middle of the binding. */
extern void work_5(unsigned random);

/* Its frame has another size in each library: the rows of one are wrong for another at the same place. */
static NOINLINE void leaf(unsigned random)
{
	volatile char room[24 * WORK + 8];
	void *p = malloc(random % 500 + WORK + 1), *q = calloc(2, random % 50 + 1);

	room[random % 8] = 1;
	p = realloc(p, random % 3000 + 1);
	free(q);
	free(p);
	zero = room[random % 8] & 0;
}

static NOINLINE int pushed(int a, int b, int c, int d, int e, int f, int g, int h, unsigned random)
{
	leaf(random + (unsigned)(a + b + c + d + e + f + g + h) % 3);
	return zero + h;
}

/* Arguments on the stack: the CFA moves in the middle of the function. */
static NOINLINE void with_pushes(unsigned random)
{
	int x = pushed(1, 2, 3, 4, 5, 6, zero, 8, random);

	leaf(random + (unsigned)x);
	zero = pushed(x, 2, 3, x, 5, 6, 7, x, random + 1) & 0;
}

static NOINLINE void with_alloca(unsigned random)
{
	char *room = alloca(random % 700 + 1);

	memset(room, WORK, random % 700 + 1);
	leaf(random + (unsigned)room[0]);
	zero = room[random % 7 % (random % 700 + 1)] & 0;
}

static NOINLINE void with_vla(unsigned random)
{
	for (unsigned i = 0; i < 3; i++) {
		long room[random % 40 + i + 1];

		room[i] = random;
		leaf((unsigned)room[i] + i);
		zero = room[i] & 0;
	}
}

static NOINLINE void realigned(unsigned random)
{
	_Alignas(64) char line[64 * (WORK + 1)];
	char *room = alloca(random % 300 + 1);

	memset(line, 1, sizeof(line));
	memset(room, 1, random % 300 + 1);
	leaf(random + (unsigned)line[random % 64]);
	zero = (line[random % 64] ^ room[0]) & 0;
}

static NOINLINE void large(unsigned random)
{
	volatile char page[10000 + 16384 * WORK];

	page[random % 10000] = 1;
	leaf(random + (unsigned)page[random % 10000]);
	zero = page[random % 10000] & 0;
}

static int compare(const void *a, const void *b)
{
	leaf((unsigned)*(const int *)a);
	return *(const int *)a - *(const int *)b;
}

static NOINLINE void callback(unsigned random)
{
	int number[5] = { (int)(random % 7), 3, (int)(random % 5), 1, 2 };

	qsort(number, 5, sizeof(number[0]), compare);
	zero = number[0] & 0;
}

static NOINLINE void recursion(int depth, unsigned random)
{
	volatile long kept[3] = { depth, (long)random, WORK };

	if (depth > 0)
		recursion(depth - 1, random / 3 + (unsigned)kept[2]);
	else
		with_pushes(random);
	zero = kept[0] & 0;
}

__attribute__((visibility("hidden"), noreturn)) void leave(jmp_buf back, unsigned random)
{
	leaf(random);
	longjmp(back, 1);
}

/* ends_in_call - calls leave(), which does not return, by its last instruction: the return address is that of the next
 * function, whose frame is another. 16 bytes, so that nothing is between the two. */
void ends_in_call(jmp_buf back, unsigned random);
__asm__(".p2align 4\n"
	".type ends_in_call, @function\n"
	"ends_in_call:\n"
	".cfi_startproc\n"
	"sub $24, %rsp\n"
	".cfi_adjust_cfa_offset 24\n"
	".nops 7\n"
	"call leave\n"
	".cfi_endproc\n"
	".size ends_in_call, . - ends_in_call\n"
	".type after_it, @function\n"
	"after_it:\n"
	".cfi_startproc\n"
	"ret\n"
	".cfi_endproc\n"
	".size after_it, . - after_it\n");

static NOINLINE void back_and_forth(unsigned random)
{
	jmp_buf back;

	if (!_setjmp(back))
		ends_in_call(back, random);
	zero = 0;
}

/* A function that is chosen when it is bound: bound lazily, resolve_N() runs below the loader's own code for that, the only
 * frames whose place depends on rbx. */
static NOINLINE void NAME(resolve_)(void)
{
	zero = 0;
}

static work_function choose(void)
{
	NAME(resolve_)();
	return leaf;
}

void NAME(chosen_)(unsigned random) __attribute__((ifunc("choose")));

void NAME(work_)(unsigned random)
{
	NAME(chosen_)(random);
	switch (random % 9) {
	case 0:
		with_pushes(random / 9);
		break;
	case 1:
		with_alloca(random / 9);
		break;
	case 2:
		with_vla(random / 9);
		break;
	case 3:
		realigned(random / 9);
		break;
	case 4:
		large(random / 9);
		break;
	case 5:
		callback(random / 9);
		break;
	case 6:
		recursion((int)(random / 9 % 30), random / 9);
		break;
	case 7:
		back_and_forth(random / 9);
		break;
	default:
		if (WORK && WORK < 5)
			work_5(random / 9 * 9 + 3);
		else
			leaf(random);
	}
	zero = 0;
}

#if WORK == 0
NOINLINE void oracle_point(void)
{
	__asm__ volatile("");
}

void oracle_even(int depth, work_function f, unsigned random)
{
	if (depth > 0)
		oracle_odd(depth - 1, f, random);
	else
		f(random);
	zero = 0;
}

void oracle_odd(int depth, work_function f, unsigned random)
{
	volatile char room[100] = { 0 };

	if (depth > 0)
		oracle_even(depth - 1, f, random);
	else
		f(random);
	zero = room[random % 100];
}
#else
__attribute__((constructor)) static void loaded(void)
{
	leaf(100);
}

__attribute__((destructor)) static void unloaded(void)
{
	leaf(200);
}
#endif
