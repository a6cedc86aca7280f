/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine.c - a made-up PHP engine: what swtrace reads of one is there, at the places of 8.2, and nothing else.
 * Built as a plain (NTS) one; with TLS_MODEL as a thread-safe one (ZTS), each thread with globals of its own; with WRONG as
 * one whose functions are laid out otherwise; with VERSION as another version; with WITH_TYPES as one whose debug
 * information says how it is laid out.
 * "go N": each thread that executes PHP calls malloc(1000 + its number) N times in its function work_NUMBER, line 10 * NUMBER
 * + 12 of /srv/engine.php, and one that does not calls malloc(5000). "child": a child crashes in the main thread's PHP. */
#include <pthread.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "target.h"

#ifndef VERSION
#define VERSION "8.2.99"
#endif

#ifdef WRONG
#define FILENAME 168
#else
#define FILENAME 152
#endif

/* The places that matter of the engine's structs: Zend/zend_globals.h, zend_types.h, zend_compile.h, zend_string.h. */
#define EG_FUNCTION_TABLE 432
#define EG_CURRENT	  488
#define OP_ARRAY_NAME	  8
#define OP_ARRAY_LAST	  80
#define OP_ARRAY_OPCODES  88
#define OP_ARRAY_LINES	  (FILENAME + 8)
#define OPLINE_BYTES	  32
#define OPLINE_LINE	  24
#define EX_FUNC		  24
#define EX_CALL_INFO	  40
#define CALL_TOP	  (1u << 17)
#define INTERNAL	  1
#define USER		  2

struct string {
	uint32_t refcount;
	uint32_t type;
	uint64_t hash;
	uint64_t length;
	char text[40];
};

struct table {
	uint64_t gc;
	uint32_t flags;
	uint32_t mask;
	void *buckets;
	uint32_t n_used;
	uint32_t n;
	uint32_t size;
};

struct bucket {
	void *value;
	uint64_t type;
	uint64_t hash;
	struct string *key;
};

#ifdef WITH_TYPES
/* For the debug information alone. */
struct _zend_executor_globals {
	char before[EG_CURRENT];
	void *current_execute_data;
};
struct _zend_op_array {
	char before[OP_ARRAY_LAST];
	uint32_t last;
	void *opcodes;
	char between[FILENAME - OP_ARRAY_OPCODES - sizeof(void *)];
	void *filename;
	uint32_t line_start;
};
struct _zend_executor_globals *types_of_globals;
struct _zend_op_array *type_of_function;
#endif

/* What one thread has of PHP. */
struct php {
	char globals[1024];
	struct table table;
	struct bucket bucket[8];
	char internal[256];
	char function[256];
	char opcodes[2 * OPLINE_BYTES];
	char frame[128];
	struct string names[4];
	int n_names;
};

#define MAX_THREADS 8

static struct php threads[MAX_THREADS];
static volatile int n_calls;
static volatile int may_crash;

__attribute__((used)) static const char banner[] = "X-Powered-By: PHP/" VERSION;

#ifdef TLS_MODEL
#define BLOCK_HEAD 192
static __thread void *cache __attribute__((tls_model(TLS_MODEL)));
size_t executor_globals_offset;
void *tsrm_get_ls_cache(void);
__attribute__((noinline)) void *tsrm_get_ls_cache(void)
{
	return cache;
}
#else
char executor_globals[1024];
#endif

static void put(char *at, size_t offset, const void *value, size_t n)
{
	memcpy(at + offset, value, n);
}

static struct string *name(struct php *t, const char *text)
{
	struct string *s = &t->names[t->n_names++];

	s->type = 6 | 1 << 6; /* IS_STRING, IS_STR_INTERNED */
	s->length = strlen(text);
	for (const char *c = text; *c; c++)
		s->hash = s->hash * 33 + (unsigned char)*c;
	s->hash |= 1ULL << 63;
	strcpy(s->text, text);
	return s;
}

static void add_function(struct php *t, char *function, char type, struct string *called)
{
	struct bucket *b = &t->bucket[t->table.n_used++];

	function[0] = type;
	put(function, OP_ARRAY_NAME, &called, sizeof(called));
	*b = (struct bucket){ .value = function, .type = 13, .key = called };
	t->table.n = t->table.n_used;
}

/* php_make - the globals of a thread, with a function of its own, called. */
static void php_make(struct php *t, int number, char *globals)
{
	char text[16], *opcodes = t->opcodes, *function = t->function, *frame = t->frame;
	uint32_t lines[2] = { 10 * number + 10, 10 * number + 14 }, last = 2, call_info = CALL_TOP;
	struct string *file = name(t, "/srv/engine.php");
	struct table *table = &t->table;

	t->table = (struct table){ .buckets = t->bucket, .size = 8 };
	add_function(t, t->internal, INTERNAL, name(t, "zend_version"));
	snprintf(text, sizeof(text), "work_%d", number);
	add_function(t, function, USER, name(t, text));
	put(function, FILENAME, &file, sizeof(file));
	put(function, OP_ARRAY_LINES, lines, sizeof(lines));
	put(function, OP_ARRAY_OPCODES, &opcodes, sizeof(opcodes));
	put(function, OP_ARRAY_LAST, &last, sizeof(last));
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t line = lines[0] + 1 + i;

		put(opcodes, i * OPLINE_BYTES + OPLINE_LINE, &line, sizeof(line));
	}
	opcodes += OPLINE_BYTES;
	put(frame, 0, &opcodes, sizeof(opcodes));
	put(frame, EX_FUNC, &function, sizeof(function));
	put(frame, EX_CALL_INFO, &call_info, sizeof(call_info));
	put(globals, EG_FUNCTION_TABLE, &table, sizeof(table));
	put(globals, EG_CURRENT, &frame, sizeof(frame));
}

void execute_ex(int number);
NOINLINE void execute_ex(int number)
{
	for (int i = 0; i < n_calls; i++)
		if (!malloc(1000 + number))
			abort();
	if (may_crash)
		*(volatile int *)(long)(may_crash - 1) = 0;
}

static void php_start(int number)
{
	struct php *t = &threads[number];

#ifdef TLS_MODEL
	executor_globals_offset = BLOCK_HEAD;
	cache = t->globals;
	php_make(t, number, t->globals + BLOCK_HEAD);
#else
	php_make(t, number, executor_globals);
#endif
}

static NOINLINE void plain(void)
{
	for (int i = 0; i < n_calls; i++)
		if (!malloc(5000))
			abort();
}

static void *thread(void *number)
{
	php_start((int)(long)number);
	execute_ex((int)(long)number);
	return NULL;
}

static void *thread_without_php(void *unused)
{
	(void)unused;
	plain();
	return NULL;
}

static void crash_in_child(void)
{
	pid_t pid = fork();

	if (!pid) {
		n_calls = 0;
		may_crash = 1;
		execute_ex(0);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

int engine_main(void);
int engine_main(void)
{
	pthread_t t[MAX_THREADS];
	int n = 0, calls;
	char line[64];

	php_start(0);
	say("ready");
	while (hear(line, sizeof(line))) {
		if (!strcmp(line, "child")) {
			crash_in_child();
		} else if (sscanf(line, "go %d", &calls) == 1) {
			n_calls = calls;
#ifdef TLS_MODEL
			for (n = 1; n < 4; n++)
				pthread_create(&t[n], NULL, thread, (void *)(long)n);
#else
			(void)thread;
			n = 1;
#endif
			pthread_create(&t[0], NULL, thread_without_php, NULL);
			execute_ex(0);
			for (int i = 0; i < n; i++)
				pthread_join(t[i], NULL);
		}
		say("done");
	}
	return 0;
}
