/* SPDX-License-Identifier: GPL-2.0-or-later */
/* faults-memory.h - accesses to memory that is not there, not to be used that way, or not that program's any more. */
#ifndef FAULTS_MEMORY_H
#define FAULTS_MEMORY_H

#include "faults.h"
#include <sys/mman.h>

#define WILD	     ((char *)0x414141414140)
#define NONCANONICAL ((char *)0x4141414141414141)
#define BIG	     (1UL << 20) /* a block of libc's that has a mapping of its own */

static NOINLINE void die_null_read(void)
{
	last("fault=0x0");
	sink = *(volatile int *)hide(NULL);
}

static NOINLINE void die_null_write(void)
{
	last("fault=0x18");
	*(volatile int *)hide((char *)0x18) = 1;
}

/* A member far into a structure. */
static NOINLINE void die_null_far(void)
{
	last("fault=0xff0");
	sink = *(volatile int *)hide((char *)0xff0);
}

static NOINLINE void die_null_call(void)
{
	void (*f)(void) = (void (*)(void))hide(NULL);

	last("fault=0x0");
	f();
}

static NOINLINE void die_wild_read(void)
{
	last("fault=%p", (void *)WILD);
	sink = *(volatile char *)hide(WILD);
}

static NOINLINE void die_wild_write(void)
{
	last("fault=%p", (void *)WILD);
	*(volatile char *)hide(WILD) = 1;
}

static NOINLINE void die_wild_call(void)
{
	void (*f)(void) = (void (*)(void))hide(WILD);

	last("fault=%p", (void *)WILD);
	f();
}

/* A hole of a page: 100 bytes behind the end of one mapping, 3,996 before the next. */
static NOINLINE void die_hole(void)
{
	char *p = pages(3, PROT_READ | PROT_WRITE);

	hole(p + PAGE, 1);
	last("fault=%p", p + PAGE + 100);
	sink = *(volatile char *)hide(p + PAGE + 100);
}

static NOINLINE void die_noncanonical_read(void)
{
	last("value=%p", (void *)NONCANONICAL);
	sink = *(volatile char *)hide(NONCANONICAL);
}

static NOINLINE void die_noncanonical_write(void)
{
	last("value=%p", (void *)(NONCANONICAL + 8));
	*(volatile char *)hide(NONCANONICAL + 8) = 1;
}

static NOINLINE void die_noncanonical_call(void)
{
	void (*f)(void) = (void (*)(void))hide(NONCANONICAL);

	last("value=%p", (void *)NONCANONICAL);
	f();
}

/* A return address that was overwritten: no register has it, the word at the stack pointer does. */
static NOINLINE void die_noncanonical_return(void)
{
	last("value=%p", (void *)NONCANONICAL);
	__asm__ volatile("push %0; ret" : : "r"(NONCANONICAL));
}

static NOINLINE void die_read_only(void)
{
	char *p = hide("constant");

	last("fault=%p", p + 3);
	p[3] = 1;
}

static NOINLINE void die_code_write(void)
{
	char *p = hide((const void *)(uintptr_t)die_read_only);

	last("fault=%p", p);
	*p = 1;
}

static NOINLINE void die_no_access(void)
{
	char *p = pages(1, PROT_NONE);

	last("fault=%p", p + 100);
	sink = *(volatile char *)hide(p + 100);
}

/* The kernel's half: mapped, but not for us. */
static NOINLINE void die_kernel_address(void)
{
	char *p = (char *)0xffffffff81000000;

	last("fault=%p", p);
	sink = *(volatile char *)hide(p);
}

static NOINLINE void die_execute_data(void)
{
	static char code[16] = "\xc3";
	void (*f)(void) = (void (*)(void))hide(code);

	last("fault=%p", hide(code));
	f();
}

static NOINLINE void die_execute_block(void)
{
	char *p = malloc(500);
	void (*f)(void) = (void (*)(void))hide(p + 32);

	p[32] = '\xc3';
	last("fault=%p block=%p size=500 offset=32 layer=libc", p + 32, p);
	f();
}

static NOINLINE void die_execute_stack(void)
{
	char code[16] = "\xc3";
	void (*f)(void) = (void (*)(void))hide(code);

	last("fault=%p", hide(code));
	f();
}

/* Inside blocks that live. */
static NOINLINE void die_block_no_access(void)
{
	char *p = malloc(BIG);
	char *page = (char *)(((uintptr_t)p + 3 * PAGE) & -PAGE);

	mprotect(page, PAGE, PROT_NONE);
	last("fault=%p block=%p size=%lu offset=%ld layer=libc", page + 40, p, BIG, page + 40 - p);
	sink = *(volatile char *)hide(page + 40);
}

static NOINLINE void die_mapping_read_only(void)
{
	char *p = mmap(NULL, 5 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	last("fault=%p block=%p size=%lu offset=%lu layer=mmap", p + 2 * PAGE + 8, p, 5 * PAGE, 2 * PAGE + 8);
	*(volatile char *)hide(p + 2 * PAGE + 8) = 1;
}

/* After free. */
static NOINLINE char *big_block(void)
{
	return malloc(BIG);
}

static NOINLINE void drop_block(void *p)
{
	free(p);
}

static NOINLINE void die_freed_read(void)
{
	char *p = big_block();

	memset(p, 1, BIG);
	drop_block(p);
	last("fault=%p block=%p size=%lu offset=5000 layer=libc", (void *)((uintptr_t)p + 5000), hide(p), BIG);
	sink = *(volatile char *)hide(p + 5000);
}

static NOINLINE void die_freed_write(void)
{
	char *p = big_block();

	memset(p, 1, BIG);
	drop_block(p);
	last("fault=%p block=%p size=%lu offset=%lu layer=libc", (void *)((uintptr_t)p + BIG - 1), hide(p), BIG,
		BIG - 1);
	*(volatile char *)hide(p + BIG - 1) = 1;
}

static NOINLINE void die_unmapped_read(void)
{
	char *p = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(p, 16 * PAGE);
	last("fault=%p block=%p size=%lu offset=%lu layer=mmap", p + 3 * PAGE + 1, hide(p), 16 * PAGE, 3 * PAGE + 1);
	sink = *(volatile char *)hide(p + 3 * PAGE + 1);
}

/* The rest of a small freed block is as it was, so that a pointer out of it leads where a pointer may never lead. */
struct object {
	long used[3]; /* the first two words are libc's once it is freed */
	char *name;
	void (*method)(void);
};

static NOINLINE struct object *small_block(void)
{
	struct object *o = malloc(sizeof(*o));

	o->name = NONCANONICAL;
	o->method = (void (*)(void))WILD;
	return o;
}

static NOINLINE void die_freed_pointer(void)
{
	struct object *o = small_block();

	drop_block(o);
	o = hide(o);
	last("value=%p block=%p size=%zu layer=libc", (void *)NONCANONICAL, (void *)o, sizeof(*o));
	__asm__ volatile("mov %c2(%1), %%rax; mov (%%rax), %%al; mov %%rax, %0" /* o stays in rbx while name is read */
			 : "=m"(sink)
			 : "b"(o), "i"(__builtin_offsetof(struct object, name))
			 : "rax", "memory");
}

static NOINLINE void die_freed_method(void)
{
	struct object *o = small_block();

	drop_block(o);
	o = hide(o);
	last("fault=%p block=%p size=%zu layer=libc", (void *)WILD, (void *)o, sizeof(*o));
	__asm__ volatile("call *%c1(%0)" : : "b"(o), "i"(__builtin_offsetof(struct object, method)) : "memory");
}

/* Just past the end. libc leaves at least 8 bytes behind a block that has a mapping of its own, so it is by one record, not
 * by one byte, that its end is missed here. */
struct record {
	long words[4];
};
#define N_RECORDS (BIG / sizeof(struct record) - 1)

static NOINLINE struct record *records_before(int protection)
{
	/* Room for libc's mapping, which is given back: that comes to lie there, below these two pages. libc keeps 16 bytes
	 * in front of the block. */
	char *room = pages(BIG / PAGE + 2, PROT_NONE), *guard = room + BIG;
	struct record *r;

	hole(room, BIG / PAGE);
	r = malloc(N_RECORDS * sizeof(*r));
	if ((char *)r + N_RECORDS * sizeof(*r) != guard - 16)
		_exit(96);
	memset(r, 1, N_RECORDS * sizeof(*r));
	if (protection < 0)
		hole(guard, 1);
	return r;
}

static NOINLINE void tell_past_end(struct record *r)
{
	last("fault=%p block=%p size=%zu offset=%zu layer=libc", (void *)&r[N_RECORDS].words[3], (void *)r,
		N_RECORDS * sizeof(*r), N_RECORDS * sizeof(*r) + 24);
}

static NOINLINE void die_past_end(void)
{
	struct record *r = records_before(-1);

	tell_past_end(r);
	*(volatile long *)hide(&r[N_RECORDS].words[3]) = 1;
}

static NOINLINE void die_past_end_guard(void)
{
	struct record *r = records_before(PROT_NONE);

	tell_past_end(r);
	sink = *(volatile long *)hide(&r[N_RECORDS].words[3]);
}

/* A copy that runs on, in libc's code. */
static NOINLINE void die_past_end_copy(void)
{
	struct record *r = records_before(-1);
	char from[256] = { 1 };

	last("block=%p size=%zu layer=libc", (void *)r, N_RECORDS * sizeof(*r));
	memcpy(hide((char *)r + N_RECORDS * sizeof(*r) - 100), hide(from), 200 + zero);
}

/* By one byte. */
static NOINLINE void die_past_mapping(void)
{
	char *room = pages(18, PROT_NONE), *p;

	hole(room, 17);
	p = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p != room + PAGE)
		_exit(96);
	hole(p + 16 * PAGE, 1);
	last("fault=%p block=%p size=%lu offset=%lu layer=mmap", p + 16 * PAGE, p, 16 * PAGE, 16 * PAGE);
	*(volatile char *)hide(p + 16 * PAGE) = 1;
}

static NOINLINE void die_truncated(void)
{
	int fd = memfd_create("truncated", 0);
	char *p;

	if (ftruncate(fd, 4 * PAGE))
		_exit(1);
	p = mmap(NULL, 4 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	sink = p[2 * PAGE];
	if (ftruncate(fd, PAGE))
		_exit(1);
	last("fault=%p block=%p size=%lu offset=%lu layer=mmap", p + 2 * PAGE + 5, p, 4 * PAGE, 2 * PAGE + 5);
	sink = *(volatile char *)hide(p + 2 * PAGE + 5);
}

/* The heap's own list is damaged: malloc itself follows a wild pointer. The first word of a freed block is the next one's
 * address, mixed with its own (glibc's "safe linking", since 2.32). */
static NOINLINE void die_in_malloc(void)
{
	void **a = malloc(1000), **b = malloc(1000);

	drop_block(a);
	drop_block(b);
	b = hide(b);
	b[0] = (void *)((uintptr_t)WILD ^ (uintptr_t)b >> 12);
	sink = (long)malloc(1000);
	last("fault=%p", (void *)WILD);
	sink = (long)malloc(1000);
}

#endif
