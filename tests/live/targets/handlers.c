/* SPDX-License-Identifier: GPL-2.0-or-later */
/* handlers.c - a program that runs PHP by libphp and has its heap pass calls on to handlers of the program's own
 * (zend_mm_set_custom_handlers), as memory profilers do: to malloc, with a head before each block; or, after a look, back to the
 * heap. Answers with the bytes and the number of its live blocks. */
#include "target.h"

/* Of Zend/zend_alloc.h and PHP's sapi/embed. */
int php_embed_init(int argc, char **argv);
void php_embed_shutdown(void);
void *zend_mm_get_heap(void);
void zend_mm_set_custom_handlers(
	void *heap, void *(*alloc)(size_t size), void (*release)(void *p), void *(*resize)(void *p, size_t size));
void *_emalloc(size_t size);
void _efree(void *p);
void *_erealloc(void *p, size_t size);

#define BLOCKS	   4096
#define HEAD_BYTES 16

static const char magic[HEAD_BYTES] = "handlers of ours";

static void *block[BLOCKS];
static size_t block_bytes[BLOCKS];
static int n_live;

static int is_own(void *p)
{
	return !memcmp((char *)p - HEAD_BYTES, magic, HEAD_BYTES);
}

static void pass_on_to_heap(void);

static void reset(void)
{
	zend_mm_set_custom_handlers(zend_mm_get_heap(), NULL, NULL, NULL);
}

static void *heap_alloc(size_t size)
{
	void *p;

	reset();
	p = _emalloc(size);
	pass_on_to_heap();
	return p;
}

static void heap_free(void *p)
{
	reset();
	_efree(p);
	pass_on_to_heap();
}

static void *heap_realloc(void *p, size_t size)
{
	reset();
	p = _erealloc(p, size);
	pass_on_to_heap();
	return p;
}

static void pass_on_to_heap(void)
{
	zend_mm_set_custom_handlers(zend_mm_get_heap(), heap_alloc, heap_free, heap_realloc);
}

static void *own_alloc(size_t size)
{
	char *p = malloc(size + HEAD_BYTES);

	memcpy(p, magic, HEAD_BYTES);
	return p + HEAD_BYTES;
}

static void pass_on_to_malloc(void);

static void own_free(void *p)
{
	if (is_own(p)) {
		free((char *)p - HEAD_BYTES);
		return;
	}
	reset();
	_efree(p);
	pass_on_to_malloc();
}

static void *own_realloc(void *p, size_t size)
{
	if (is_own(p))
		return (char *)realloc((char *)p - HEAD_BYTES, size + HEAD_BYTES) + HEAD_BYTES;
	reset();
	p = _erealloc(p, size);
	pass_on_to_malloc();
	return p;
}

static void pass_on_to_malloc(void)
{
	zend_mm_set_custom_handlers(zend_mm_get_heap(), own_alloc, own_free, own_realloc);
}

static NOINLINE void keep(int n)
{
	for (int i = 0; i < n && n_live < BLOCKS; i++) {
		block_bytes[n_live] = 900 + i;
		block[n_live] = _emalloc(block_bytes[n_live]);
		n_live++;
	}
}

static NOINLINE void grow(void)
{
	for (int i = 0; i < n_live; i++)
		block[i] = _erealloc(block[i], block_bytes[i] += 500);
}

static NOINLINE void drop(int n)
{
	for (int i = 0; i < n && n_live; i++)
		_efree(block[--n_live]);
}

int main(int argc, char **argv)
{
	char line[128];
	long bytes;

	if (php_embed_init(argc, argv))
		return 1;
	say("ready");
	while (hear(line, sizeof(line))) {
		if (!strncmp(line, "keep ", 5))
			keep(atoi(line + 5));
		else if (!strncmp(line, "drop ", 5))
			drop(atoi(line + 5));
		else if (!strcmp(line, "grow"))
			grow();
		else if (!strcmp(line, "malloc"))
			pass_on_to_malloc();
		else if (!strcmp(line, "heap"))
			pass_on_to_heap();
		else if (!strcmp(line, "reset"))
			reset();
		else
			return 2;
		bytes = 0;
		for (int i = 0; i < n_live; i++)
			bytes += block_bytes[i];
		say("%ld %d", bytes, n_live);
	}
	return 0;
}
