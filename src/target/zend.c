// SPDX-License-Identifier: GPL-2.0-or-later
/* target/zend.c - the Zend heap of a process: where PHP keeps the pointer to it, and what PHP itself counts in it.
 * zend_mm_get_heap, which all builds export, loads that pointer from alloc_globals and returns it: its one operand is the
 * address. In a thread-safe build each thread has a heap of its own, and the function looks different.
 * Source: Zend/zend_alloc.c of PHP 7.4 to 8.5 (struct _zend_mm_heap, with ZEND_MM_CUSTOM and ZEND_MM_STAT, as it is built). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "target/internal.h"

#define HEAP_CUSTOM 0  /* int use_custom_heap */
#define HEAP_SIZE   16 /* size_t size */

#define CODE_BYTES 16

int zend_load(const uint8_t *code, size_t n, const uint8_t opcode[3], int64_t *offset)
{
	static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
	size_t at = n > sizeof(endbr64) && !memcmp(code, endbr64, sizeof(endbr64)) ? sizeof(endbr64) : 0;
	int32_t displacement;

	if (n < at + 3 + sizeof(displacement) + 1 || memcmp(code + at, opcode, 3) != 0)
		return -ENOSYS;
	at += 3;
	memcpy(&displacement, code + at, sizeof(displacement));
	at += sizeof(displacement);
	if (code[at] != 0xc3) /* ret */
		return -ENOSYS;
	*offset = (int64_t)at + displacement;
	return 0;
}

int zend_decode(const uint8_t *code, size_t n, int64_t *offset)
{
	static const uint8_t mov[] = { 0x48, 0x8b, 0x05 }; /* mov disp32(%rip),%rax */

	return zend_load(code, n, mov, offset);
}

/* zend_find - the function in one mapping of a file that defines it. */
static int zend_find(const struct target_process *p, const struct target_map *m, uint64_t *heap_at)
{
	struct elffile_symbol get_heap;
	uint8_t code[CODE_BYTES];
	uint64_t bias, addr;
	int64_t offset;

	if (elffile_find(m->module->elf, "zend_mm_get_heap", &get_heap) || map_bias(m, &bias))
		return -ENOENT;
	addr = get_heap.vaddr + bias;
	if (process_read(p->pid, addr, code, sizeof(code)) || zend_decode(code, sizeof(code), &offset))
		return -ENOSYS;
	*heap_at = addr + (uint64_t)offset;
	return 0;
}

int target_zend_heap(const struct target_process *p, uint64_t *heap_at)
{
	for (size_t i = 0; i < p->n_maps; i++) {
		const struct target_map *m = &p->map[i];
		int err = m->module && m->module->elf ? zend_find(p, m, heap_at) : -ENOENT;

		if (err != -ENOENT)
			return err;
	}
	return -ENOENT;
}

int target_zend_size(pid_t pid, uint64_t heap_at, uint64_t *size_bytes)
{
	uint64_t heap = 0;
	uint32_t custom = 0;

	*size_bytes = 0;
	if (process_read(pid, heap_at, &heap, sizeof(heap)))
		return -EFAULT;
	if (!heap) /* PHP has not started */
		return 0;
	if (process_read(pid, heap + HEAP_CUSTOM, &custom, sizeof(custom)) ||
		process_read(pid, heap + HEAP_SIZE, size_bytes, sizeof(*size_bytes)))
		return -EFAULT;
	return custom ? -ENODATA : 0;
}

uint64_t target_zend_pointer(pid_t pid, uint64_t heap_at)
{
	uint64_t heap = 0;

	return process_read(pid, heap_at, &heap, sizeof(heap)) ? 0 : heap;
}

uint32_t target_zend_free_slots(uint32_t least_bytes)
{
	/* use_custom_heap, storage, size, peak; since 8.4 shadow_key, too, in the same change as the larger smallest bin */
	return least_bytes == 16 ? 40 : 32;
}

uint32_t target_zend_least_bytes(const char *version)
{
	char *end;
	long major = strtol(version, &end, 10), minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;

	return major > 8 || (major == 8 && minor >= 4) ? 16 : 8;
}
