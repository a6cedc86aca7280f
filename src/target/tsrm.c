// SPDX-License-Identifier: GPL-2.0-or-later
/* target/tsrm.c - where a thread-safe PHP (ZTS) has a thread's globals, read from the code that PHP itself finds them by.
 * tsrm_get_ls_cache returns the variable _tsrm_ls_cache of the calling thread. The symbol of the variable is hidden, that of
 * the function is exported by 7.4 to 8.5 (TSRM/TSRM.c). How compilers access such a variable: U. Drepper, "ELF Handling For
 * Thread-Local Storage", 4.4; System V ABI, x86-64 supplement. A build in which the function has to call __tls_get_addr
 * would need the loader's tables of modules. */
#include <errno.h>
#include <string.h>

#include "target/internal.h"

static const uint8_t endbr64[] = { 0xf3, 0x0f, 0x1e, 0xfa };
static const uint8_t set_frame[] = { 0x55, 0x48, 0x89, 0xe5 };	      /* push %rbp; mov %rsp,%rbp */
static const uint8_t local_exec[] = { 0x64, 0x48, 0x8b, 0x04, 0x25 }; /* mov %fs:disp32,%rax */
static const uint8_t initial_exec[] = { 0x48, 0x8b, 0x05 };	      /* mov disp32(%rip),%rax */
static const uint8_t from_fs[] = { 0x64, 0x48, 0x8b, 0x00 };	      /* mov %fs:(%rax),%rax */

/* Code that is read from its beginning. */
struct code {
	const uint8_t *at;
	size_t n;
};

/* passes - go beyond these bytes, if they come next. */
static int passes(struct code *c, const uint8_t *bytes, size_t n)
{
	if (c->n < n || memcmp(c->at, bytes, n) != 0)
		return 0;
	c->at += n;
	c->n -= n;
	return 1;
}

static int passes_number(struct code *c, int32_t *number)
{
	if (c->n < sizeof(*number))
		return 0;
	memcpy(number, c->at, sizeof(*number));
	c->at += sizeof(*number);
	c->n -= sizeof(*number);
	return 1;
}

/* returns - does nothing but the return follow? */
static int returns(const struct code *c, int has_frame)
{
	return c->n >= 1U + has_frame && (!has_frame || c->at[0] == 0x5d) && c->at[has_frame] == 0xc3;
}

int tsrm_decode(const uint8_t *code, size_t n, struct tsrm_access *out)
{
	struct code c = { code, n };
	int has_frame;
	int32_t number;

	passes(&c, endbr64, sizeof(endbr64));
	has_frame = passes(&c, set_frame, sizeof(set_frame));
	if (passes(&c, local_exec, sizeof(local_exec)) && passes_number(&c, &number)) {
		*out = (struct tsrm_access){ .tls = number };
		return number < 0 && returns(&c, has_frame) ? 0 : -ENOSYS;
	}
	if (passes(&c, initial_exec, sizeof(initial_exec)) && passes_number(&c, &number)) {
		/* relative to the next instruction */
		*out = (struct tsrm_access){ .tls = c.at - code + number, .is_slot = 1 };
		return passes(&c, from_fs, sizeof(from_fs)) && returns(&c, has_frame) ? 0 : -ENOSYS;
	}
	return -ENOSYS;
}
