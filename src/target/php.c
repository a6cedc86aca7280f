// SPDX-License-Identifier: GPL-2.0-or-later
/* target/php.c - the PHP engine in a process: which version, where its call chain starts, and at which offsets its
 * structures keep what a frame needs.
 * Offsets are those of Zend/zend_globals.h and Zend/zend_compile.h on x86-64. Those of 7.4, 8.2 and 8.4 were compiled
 * against the headers of Debian's packages (which patch the engine); the others are from the upstream sources, and for
 * them it is not known where the opcodes of a function lie. All are checked against the live process before use. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "swtrace/abi.h"
#include "target/target.h"

struct layout {
	unsigned major;
	unsigned minor;
	uint16_t current; /* EG(current_execute_data) */
	uint16_t filename;
	uint16_t line_start;
	uint16_t opcodes; /* 0 = not known */
	uint16_t last;
};

static const struct layout layouts[] = {
	{ 7, 4, 488, 136, 144, 64, 60 },
	{ 8, 0, 488, 144, 152, 0, 0 },
	{ 8, 1, 488, 144, 152, 0, 0 },
	{ 8, 2, 488, 152, 160, 88, 80 },
	{ 8, 3, 488, 144, 152, 0, 0 },
	{ 8, 4, 488, 168, 176, 104, 96 },
	{ 8, 5, 512, 168, 176, 0, 0 },
};

/* The same in all of these versions; the kernel side has them too (bpf/php.bpf.h). */
#define EX_BYTES      56
#define EX_FUNC	      24
#define EX_PREV	      48
#define STRING_LENGTH 16 /* zend_string.len */
#define STRING_VALUE  24

#define CHECKED_FRAMES 16
#define CHECK_TRIES    20
#define MAX_PATH_BYTES 4096

#define BANNER	       "X-Powered-By: PHP/" /* in the engine's read-only data, in all versions */
#define READ_BYTES     (1 << 20)
#define MAX_FILE_BYTES (64 << 20)

/* find_version - the version in the banner of the file. */
static int find_version(int fd, char *version, size_t cap)
{
	char *buf = malloc(READ_BYTES + 1), *found;
	int err = -ENOENT;
	ssize_t n;

	if (!buf)
		return -ENOMEM;
	/* Pieces overlap, so that a banner across their border is found. */
	for (off_t at = 0; err && at < MAX_FILE_BYTES; at += READ_BYTES - 64) {
		n = pread(fd, buf, READ_BYTES, at);
		if (n <= 0)
			break;
		buf[n] = 0;
		found = memmem(buf, n, BANNER, strlen(BANNER));
		if (!found)
			continue;
		found += strlen(BANNER);
		snprintf(version, cap, "%.*s", (int)strspn(found, "0123456789."), found);
		err = 0;
	}
	free(buf);
	return err;
}

static int read_memory(pid_t pid, uint64_t addr, void *to, size_t len)
{
	struct iovec local = { to, len }, remote = { (void *)(uintptr_t)addr, len };

	return process_vm_readv(pid, &local, 1, &remote, 1, 0) == (ssize_t)len ? 0 : -EFAULT;
}

/* check_file - does a user function's filename look like one? */
static int check_file(pid_t pid, uint64_t func, const struct swt_php *php)
{
	uint64_t string = 0, len = 0;
	char first = 0;

	if (read_memory(pid, func + php->filename, &string, sizeof(string)) ||
		read_memory(pid, string + STRING_LENGTH, &len, sizeof(len)) || !len || len > MAX_PATH_BYTES ||
		read_memory(pid, string + STRING_VALUE, &first, 1))
		return -EBADMSG;
	return (unsigned char)first >= ' ' ? 0 : -EBADMSG;
}

/* check_chain - follow the call chain of the live process for a few frames. */
static int check_chain(pid_t pid, const struct swt_php *php)
{
	uint64_t ex = 0, func, data[EX_BYTES / 8];
	uint32_t head = 0;

	if (read_memory(pid, php->current, &ex, sizeof(ex)))
		return -EBADMSG;
	for (int i = 0; ex && i < CHECKED_FRAMES; i++) {
		if (read_memory(pid, ex, data, sizeof(data)))
			return -EBADMSG;
		func = data[EX_FUNC / 8];
		ex = data[EX_PREV / 8];
		if (!func)
			continue;
		if (read_memory(pid, func, &head, sizeof(head)))
			return -EBADMSG;
		head &= 0xff;
		if (head == SWT_PHP_INTERNAL)
			continue;
		if ((head != SWT_PHP_USER && head != SWT_PHP_EVAL) || check_file(pid, func, php))
			return -EBADMSG;
	}
	return 0;
}

static const struct layout *find_layout(const char *version)
{
	unsigned major, minor;

	if (sscanf(version, "%u.%u", &major, &minor) != 2)
		return NULL;
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
		if (layouts[i].major == major && layouts[i].minor == minor)
			return &layouts[i];
	return NULL;
}

/* engine_fill - addresses of this engine in this process. A thread-safe build has no executor_globals. */
static int engine_fill(const struct target_map *m, const struct layout *l, struct swt_php *out)
{
	struct elffile_symbol globals, execute;
	uint64_t vaddr, bias;

	if (elffile_find_object(m->module->elf, "executor_globals", &globals) ||
		elffile_find(m->module->elf, "execute_ex", &execute) ||
		elffile_offset_to_vaddr(m->module->elf, m->file_offset, &vaddr))
		return -ENOTSUP;
	bias = m->start - vaddr;
	memset(out, 0, sizeof(*out));
	out->current = globals.vaddr + bias + l->current;
	out->execute_start = execute.vaddr + bias;
	out->execute_end = out->execute_start + execute.size_bytes;
	out->filename = l->filename;
	out->line_start = l->line_start;
	out->opcodes = l->opcodes;
	out->last = l->last;
	return 0;
}

int target_php(const struct target_process *p, struct swt_php *out, char *version, size_t cap)
{
	const struct target_map *engine = NULL;
	const struct layout *l;
	struct elffile_symbol sym;
	int err;

	*version = 0;
	for (size_t i = 0; i < p->n_maps && !engine; i++)
		if (p->map[i].module && p->map[i].module->elf &&
			!elffile_find(p->map[i].module->elf, "execute_ex", &sym))
			engine = &p->map[i];
	if (!engine || find_version(engine->module->fd, version, cap))
		return 0;
	l = find_layout(version);
	err = l ? engine_fill(engine, l, out) : -ENOTSUP;
	if (err)
		return err;
	/* The process runs meanwhile, so a chain may be torn while it is read. */
	for (int i = 0; i < CHECK_TRIES; i++) {
		err = check_chain(p->pid, out);
		if (!err)
			return 1;
		usleep(1000);
	}
	return err;
}
