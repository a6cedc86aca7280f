// SPDX-License-Identifier: GPL-2.0-or-later
/* shim.c - a library to be preloaded that keeps a ledger of all live blocks of a program, with no code of swtrace's.
 *
 * In: the program's calls of the allocator, which go on to the next library that defines it (libc, jemalloc).
 * Out: struct ledger, in the file that the environment names.
 * The ledger follows the order of things: a block is taken out before it is freed and put in after it was made, so that
 * no other thread can have its address meanwhile. Only the program's own calls are written down: not what the
 * allocator's functions call in turn, and not those of children. It allocates nothing; the program sees of it no more
 * than the time.
 *
 * Built twice. As ld-shim.so it is taken for a loader and not probed: swtrace sees the real allocator alone, and a look
 * between two calls of the shim is one between two calls of the allocator. As shim.so it is an allocator in swtrace's
 * eyes (it defines malloc and free), and the outermost one: what the probes at its own entry and return do is not in
 * order with what it does itself, so the only look is the last one.
 * Calls that do not come here are unknown to the ledger: those of libraries that were opened with RTLD_DEEPBIND (PHP's
 * extensions), and libc's own at the end of a thread, of blocks that are free already.
 * Linked with -z initfirst: its constructor runs before any other, in the program's only thread. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "ledger.h"

static struct {
	void *(*malloc)(size_t);
	void (*free)(void *);
	void *(*calloc)(size_t, size_t);
	void *(*realloc)(void *, size_t);
	void *(*reallocarray)(void *, size_t, size_t);
	int (*posix_memalign)(void **, size_t, size_t);
	void *(*aligned_alloc)(size_t, size_t);
	void *(*memalign)(size_t, size_t);
	void *(*valloc)(size_t);
	void *(*pvalloc)(size_t);
	int (*getloadavg)(double *, int);
} next;

static struct ledger *ledger;

/* Calls under way in this thread. Of the startup's model: the others allocate. */
static __thread int depth __attribute__((tls_model("initial-exec")));

/* ---- the next allocator ------------------------------------------------------------------------------------------ */

/* What dlsym asks for while it is asked for the allocator. Never freed. */
static char early[4096] __attribute__((aligned(16)));
static size_t early_bytes;
static int is_resolving;

static void *early_alloc(size_t size)
{
	void *p = early + early_bytes;

	if (size > sizeof(early) - early_bytes)
		abort();
	early_bytes += (size + 15) & ~(size_t)15;
	return p;
}

static int is_early(const void *p)
{
	return (const char *)p >= early && (const char *)p < early + sizeof(early);
}

/* resolve - the first call comes from the loader, when there is one thread.  Return: 0 while it is under way. */
static int resolve(void)
{
	if (next.getloadavg) /* the last */
		return 1;
	if (is_resolving)
		return 0;
	is_resolving = 1;
#define RESOLVE(name) next.name = (__typeof__(next.name))dlsym(RTLD_NEXT, #name);
	LEDGER_FUNCTIONS(RESOLVE)
	RESOLVE(free)
	RESOLVE(getloadavg)
	is_resolving = 0;
	return 1;
}

/* ---- the ledger -------------------------------------------------------------------------------------------------- */

static void add(uint64_t *counter, uint64_t n)
{
	__atomic_fetch_add(counter, n, __ATOMIC_RELAXED);
}

static struct ledger_bucket *lock(uint64_t addr)
{
	struct ledger_bucket *b = ledger_bucket(ledger, addr);

	while (__atomic_exchange_n(&b->lock, 1, __ATOMIC_ACQUIRE))
		syscall(SYS_sched_yield);
	return b;
}

static void unlock(struct ledger_bucket *b)
{
	__atomic_store_n(&b->lock, 0, __ATOMIC_RELEASE);
}

static struct ledger_block *find(struct ledger_bucket *b, uint64_t addr)
{
	for (uint32_t i = 0; i < b->n; i++)
		if (b->block[i].addr == addr)
			return &b->block[i];
	return NULL;
}

static void put(const struct ledger_block *block)
{
	struct ledger_bucket *b = lock(block->addr);
	struct ledger_block *r = find(b, block->addr);

	if (r)
		add(&ledger->n_replaced, 1);
	else if (b->n < LEDGER_BUCKET_BLOCKS)
		r = &b->block[b->n++];
	else
		add(&ledger->n_full, 1);
	if (r)
		*r = *block;
	unlock(b);
}

/* take - a block out of the ledger.  Return: 1, or 0 when it is not in it. */
static int take(const void *p, struct ledger_block *out)
{
	struct ledger_bucket *b = lock((uintptr_t)p);
	struct ledger_block *r = find(b, (uintptr_t)p);

	if (r) {
		*out = *r;
		*r = b->block[--b->n];
	}
	unlock(b);
	return r != NULL;
}

static void born(const void *p, size_t size, enum ledger_function function, const void *caller)
{
	struct ledger_block block = { (uintptr_t)p, size, (uintptr_t)caller, function };

	add(&ledger->n_allocs, 1);
	add(&ledger->alloc_bytes, size);
	put(&block);
}

static void died(const struct ledger_block *block)
{
	add(&ledger->n_frees, 1);
	add(&ledger->freed_bytes, block->size_bytes);
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

static void await_start(void)
{
	int saved = errno;

	ledger_wait(&ledger->stop, 1);
	errno = saved;
}

/* is_on - is this process's heap being written down? */
static int is_on(void)
{
	uint32_t phase = ledger ? __atomic_load_n(&ledger->phase, __ATOMIC_SEQ_CST) : LEDGER_NEW;

	return (phase == LEDGER_RUNNING || phase == LEDGER_ENDED) && (uint32_t)syscall(SYS_getpid) == ledger->pid;
}

/* begin - a call of the program's.  Return: 1 if it is to be written down. */
static int begin(void)
{
	if (depth++ || !is_on())
		return 0;
	for (;;) {
		__atomic_fetch_add(&ledger->in_flight, 1, __ATOMIC_SEQ_CST);
		if (!__atomic_load_n(&ledger->stop, __ATOMIC_SEQ_CST))
			return 1;
		__atomic_fetch_sub(&ledger->in_flight, 1, __ATOMIC_SEQ_CST);
		await_start();
	}
}

static void end(int is_noted)
{
	depth--;
	if (!is_noted)
		return;
	if (__atomic_add_fetch(&ledger->calls, 1, __ATOMIC_SEQ_CST) == ledger->stop_at)
		__atomic_store_n(&ledger->stop, 1, __ATOMIC_SEQ_CST);
	__atomic_fetch_sub(&ledger->in_flight, 1, __ATOMIC_SEQ_CST);
}

#define CALLER __builtin_return_address(0)

/* allocate - a call that gives a new block. */
#define ALLOCATE(function, size, ...)                               \
	do {                                                        \
		int is_noted;                                       \
		void *p;                                            \
                                                                    \
		if (!resolve())                                     \
			return early_alloc(size);                   \
		is_noted = begin();                                 \
		p = next.function(__VA_ARGS__);                     \
		if (is_noted && p)                                  \
			born(p, (size), LEDGER_##function, CALLER); \
		end(is_noted);                                      \
		return p;                                           \
	} while (0)

void *malloc(size_t size)
{
	ALLOCATE(malloc, size, size);
}

void *calloc(size_t count, size_t size)
{
	ALLOCATE(calloc, count * size, count, size); /* when that overflows the call fails */
}

void *aligned_alloc(size_t alignment, size_t size)
{
	ALLOCATE(aligned_alloc, size, alignment, size);
}

void *memalign(size_t alignment, size_t size)
{
	ALLOCATE(memalign, size, alignment, size);
}

void *valloc(size_t size)
{
	ALLOCATE(valloc, size, size);
}

void *pvalloc(size_t size)
{
	ALLOCATE(pvalloc, size, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
	int is_noted, err;

	resolve();
	is_noted = begin();
	err = next.posix_memalign(out, alignment, size);
	if (is_noted && !err)
		born(*out, size, LEDGER_posix_memalign, CALLER);
	end(is_noted);
	return err;
}

void free(void *p)
{
	struct ledger_block block;
	int is_noted, saved;

	if (!p || is_early(p) || !resolve())
		return;
	saved = errno;
	is_noted = begin();
	if (is_noted && take(p, &block))
		died(&block);
	else if (is_noted)
		add(&ledger->n_unknown_frees, 1);
	errno = saved;
	next.free(p);
	end(is_noted);
}

/* replaced - realloc has returned. The old block is gone if there is a new one, or if it was asked for none. */
static void replaced(const void *from, int was_known, const struct ledger_block *old, const void *to, size_t size,
	enum ledger_function function, const void *caller)
{
	if (to || !size) {
		if (was_known)
			died(old);
		else if (from)
			add(&ledger->n_unknown_frees, 1);
	} else if (was_known) {
		put(old);
	}
	if (to)
		born(to, size, function, caller);
}

/* early_realloc - a block of the start. */
static void *early_realloc(const void *p, size_t size)
{
	void *to = malloc(size);
	size_t there = early + sizeof(early) - (const char *)p;

	if (to)
		memcpy(to, p, size < there ? size : there);
	return to;
}

void *realloc(void *p, size_t size)
{
	struct ledger_block old;
	int is_noted, was_known;
	void *to;

	if (is_early(p))
		return early_realloc(p, size);
	if (!resolve())
		return early_alloc(size);
	is_noted = begin();
	was_known = is_noted && p && take(p, &old);
	to = next.realloc(p, size);
	if (is_noted)
		replaced(p, was_known, &old, to, size, LEDGER_realloc, CALLER);
	end(is_noted);
	return to;
}

void *reallocarray(void *p, size_t count, size_t size)
{
	struct ledger_block old;
	int is_noted, was_known;
	size_t bytes;
	void *to;

	resolve();
	if (__builtin_mul_overflow(count, size, &bytes))
		bytes = SIZE_MAX; /* the call fails */
	is_noted = begin();
	was_known = is_noted && p && take(p, &old);
	to = next.reallocarray(p, count, size);
	if (is_noted)
		replaced(p, was_known, &old, to, bytes, LEDGER_reallocarray, CALLER);
	end(is_noted);
	return to;
}

/* getloadavg - a function that no allocator calls: by it the program asks for a look, where a look between any two
 * calls of malloc and free might be one within a call of an allocator in front of them. */
int getloadavg(double *out, int n)
{
	if (is_on()) {
		__atomic_store_n(&ledger->stop, 1, __ATOMIC_SEQ_CST);
		while (__atomic_load_n(&ledger->stop, __ATOMIC_SEQ_CST))
			await_start();
	}
	resolve();
	return next.getloadavg(out, n);
}

/* ---- start and end ----------------------------------------------------------------------------------------------- */

/* await - what the tool says. A tool that is gone takes the program with it, by PR_SET_PDEATHSIG. */
static void await(uint32_t phase)
{
	uint32_t now;

	while ((now = __atomic_load_n(&ledger->phase, __ATOMIC_SEQ_CST)) != phase)
		ledger_wait(&ledger->phase, now);
}

static const char *ledger_path(char **env)
{
	for (; *env; env++)
		if (!strncmp(*env, LEDGER_FILE "=", sizeof(LEDGER_FILE)))
			return *env + sizeof(LEDGER_FILE);
	return NULL;
}

/* libc is not set up yet, so that getenv() would find nothing. */
__attribute__((constructor)) static void start(int argc, char **argv, char **env)
{
	const char *path = ledger_path(env);
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	struct ledger *l;
	uint32_t none = 0;

	(void)argc;
	(void)argv;
	if (fd < 0)
		return;
	l = mmap(NULL, sizeof(*l), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (l == MAP_FAILED)
		return;
	if (!__atomic_compare_exchange_n(&l->pid, &none, (uint32_t)getpid(), 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
		munmap(l, sizeof(*l));
		return;
	}
	resolve();
	ledger = l;
	ledger_set(&l->phase, LEDGER_READY);
	await(LEDGER_RUNNING);
}

__attribute__((destructor)) static void finish(void)
{
	if (!ledger || ledger->pid != (uint32_t)getpid())
		return;
	__atomic_store_n(&ledger->stop, 1, __ATOMIC_SEQ_CST);
	ledger_set(&ledger->phase, LEDGER_ENDED);
	await(LEDGER_LEFT);
}
