// SPDX-License-Identifier: GPL-2.0-or-later
/* target/phpheap.c - PHP's heap and cycle collector, by their own counts.
 * Where the numbers are is taken from the engine's code and checked in the process, not from its version alone: distributions have
 * patched the heap's structure.
 *   - size, peak, real_size, real_peak and limit stand at two sets of offsets; zend_memory_usage and zend_memory_peak_usage name
 *     those of their engine.
 *   - behind limit it varies. The heap knows its main chunk, whose address is that of the heap rounded down: behind the word that holds
 *     it come the list of cached chunks, and the numbers of chunks, of chunks at the peak, and of cached ones.
 *   - gc_globals is not exported; gc_enabled(), which is, loads its fourth field.
 * Source: Zend/zend_alloc.c (struct _zend_mm_heap), Zend/zend_gc.c (struct _zend_gc_globals) of 7.3 to 8.5; thread-safe builds are
 * not read. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "target/internal.h"

#define HEAP_CUSTOM   0 /* int use_custom_heap */
#define HEAP_SIZE     16
#define HEAP_PEAK     24
#define REAL_TO_PEAK  8 /* from real_size on */
#define REAL_TO_LIMIT 16
#define CHUNK_BYTES   (2ULL << 20)
#define NO_LIMIT      (1ULL << 60) /* memory_limit = -1 is the largest number that fits */
#define TAIL_WORDS    12	   /* behind limit, in which the main chunk's address is looked for */
#define MOST_CHUNKS   (1 << 24)

#define CODE_BYTES 128

static int get(const struct php_image *image, uint64_t addr, void *to, size_t len)
{
	return image->read(image->ctx, addr, to, len);
}

static int has_offset(const uint8_t *code, size_t n, uint32_t offset)
{
	return memmem(code, n, &offset, sizeof(offset)) != NULL;
}

unsigned vitals_real(const uint8_t *usage, size_t n_usage, const uint8_t *peak, size_t n_peak)
{
	static const unsigned known[] = { 272, 280 };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (has_offset(usage, n_usage, known[i]) && has_offset(peak, n_peak, known[i] + REAL_TO_PEAK))
			return known[i];
	return 0;
}

/* read_cached - the cached chunks, if they can be told. */
static void read_cached(const struct php_image *image, uint64_t heap, unsigned real, struct model_php_heap *out)
{
	uint64_t tail[TAIL_WORDS + 4];

	if (get(image, heap + real + REAL_TO_LIMIT + 8, tail, sizeof(tail)))
		return;
	for (size_t i = 0; i < TAIL_WORDS; i++) {
		uint32_t chunks = (uint32_t)tail[i + 2], cached = (uint32_t)tail[i + 3];

		if (tail[i] != (heap & ~(CHUNK_BYTES - 1)))
			continue;
		if (!chunks || chunks > MOST_CHUNKS || cached > MOST_CHUNKS || !tail[i + 1] != !cached ||
			(chunks + cached) * CHUNK_BYTES > out->real_bytes)
			continue;
		out->has_cached = 1;
		out->cached_bytes = cached * CHUNK_BYTES;
		return;
	}
}

int vitals_heap(const struct php_image *image, uint64_t heap, unsigned real, struct model_php_heap *out)
{
	uint64_t count[2], large[3];
	uint32_t custom;

	*out = (struct model_php_heap){ 0 };
	if (get(image, heap + HEAP_CUSTOM, &custom, sizeof(custom)) ||
		get(image, heap + HEAP_SIZE, count, sizeof(count)) || get(image, heap + real, large, sizeof(large)))
		return -EBADMSG;
	if (custom)
		return -ENODATA;
	if (large[0] < count[0] || large[1] < large[0] || count[1] < count[0] || large[0] % 4096 || large[1] % 4096 ||
		!large[2])
		return -EBADMSG;
	*out = (struct model_php_heap){
		.is_known = 1,
		.size_bytes = count[0],
		.peak_bytes = count[1],
		.real_bytes = large[0],
		.real_peak_bytes = large[1],
		.limit_bytes = large[2] < NO_LIMIT ? large[2] : 0,
	};
	read_cached(image, heap, real, out);
	return 0;
}

int vitals_gc_decode(const uint8_t *code, size_t n, int64_t *offset)
{
	static const uint8_t movzbl[] = { 0x0f, 0xb6, 0x05 }; /* movzbl disp32(%rip),%eax */
	int err = zend_load(code, n, movzbl, offset);

	*offset -= err ? 0 : 8; /* behind the pointer to the buffer */
	return err;
}

/* The first 40 bytes of zend_gc_globals. */
struct gc_globals {
	uint64_t buf;
	uint8_t enabled;
	uint8_t active;
	uint8_t is_protected;
	uint8_t full;
	uint32_t unused;
	uint32_t first_unused;
	uint32_t threshold;
	uint32_t buf_size;
	uint32_t num_roots;
	uint32_t runs;
	uint32_t collected;
};

int vitals_gc(const struct php_image *image, uint64_t globals, struct model_php_gc *out)
{
	struct gc_globals g;

	*out = (struct model_php_gc){ 0 };
	if (get(image, globals, &g, sizeof(g)) || g.enabled > 1 || g.active > 1 || g.is_protected > 1 || g.full > 1 ||
		g.num_roots > g.buf_size || g.first_unused > g.buf_size || (!g.buf && g.num_roots))
		return -EBADMSG;
	*out = (struct model_php_gc){
		.is_known = 1,
		.is_enabled = g.enabled,
		.is_protected = g.is_protected,
		.roots = g.num_roots,
		.threshold = g.threshold,
		.runs = g.runs,
		.collected = g.collected,
	};
	return 0;
}

/* read_code - the first bytes of a function of the engine.  Return: their number; 0: there is none of that name. */
static size_t read_code(const struct target_process *p, const struct target_map *engine, const char *name,
	uint64_t *addr, uint8_t *code)
{
	struct elffile_symbol function;
	uint64_t bias;
	size_t n;

	if (elffile_find(engine->module->elf, name, &function) || map_bias(engine, &bias))
		return 0;
	*addr = function.vaddr + bias;
	n = function.size_bytes < CODE_BYTES ? function.size_bytes : CODE_BYTES;
	return process_read(p->pid, *addr, code, n) ? 0 : n;
}

/* has_gc_layout - is it a version whose collector is known? 7.2 has another. */
static int has_gc_layout(struct target_module *engine)
{
	unsigned major, minor;

	if (php_find_version(engine) || sscanf(engine->php_version, "%u.%u", &major, &minor) != 2)
		return 0;
	return (major == 7 && minor >= 3) || (major == 8 && minor <= 5);
}

void php_find_places(const struct target_process *p, struct php_places *out)
{
	const struct target_map *engine = php_find_engine(p);
	uint8_t usage[CODE_BYTES], peak[CODE_BYTES];
	size_t n_usage, n_peak;
	uint64_t addr = 0;
	int64_t offset;

	*out = (struct php_places){ 0 };
	if (!engine)
		return;
	n_usage = read_code(p, engine, "zend_memory_usage", &addr, usage);
	n_peak = read_code(p, engine, "zend_memory_peak_usage", &addr, peak);
	out->real = vitals_real(usage, n_usage, peak, n_peak);
	if (!out->real || target_zend_heap(p, &out->heap_at))
		out->heap_at = 0;
	n_usage = has_gc_layout(engine->module) ? read_code(p, engine, "gc_enabled", &addr, usage) : 0;
	if (out->heap_at && !vitals_gc_decode(usage, n_usage, &offset))
		out->gc = addr + (uint64_t)offset;
}

static int read_memory(void *ctx, uint64_t addr, void *to, size_t len)
{
	const pid_t *pid = ctx;

	return process_read(*pid, addr, to, len);
}

void php_read_places(pid_t pid, const struct php_places *places, struct model_vitals *out)
{
	const struct php_image image = { read_memory, &pid };
	uint64_t heap = 0;

	if (!places->heap_at || process_read(pid, places->heap_at, &heap, sizeof(heap)) || !heap)
		return;
	/* The process runs meanwhile: what is read may be torn once. */
	for (int i = 0; i < 3 && vitals_heap(&image, heap, places->real, &out->heap) == -EBADMSG; i++)
		continue;
	for (int i = 0; places->gc && i < 3 && vitals_gc(&image, places->gc, &out->gc); i++)
		continue;
}
