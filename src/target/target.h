/* SPDX-License-Identifier: GPL-2.0-or-later */
/* target/target.h - the traced processes as the system shows them: identity, mapped files, allocators.
 *
 * In: /proc/PID. Out: struct target_process with its mappings; struct target_module for each distinct mapped file;
 * the allocator functions to probe in each.
 * A mapped file is known by (device, inode) and opened through /proc/PID/map_files, which reaches the very file that is
 * mapped: in any mount namespace, deleted, or replaced on disk. The open descriptor keeps it readable after the process
 * is gone, so that a crash can still be symbolised.
 * Owner: struct target owns processes and modules; all pointers live until target_close(). Thread: one. */
#ifndef TARGET_TARGET_H
#define TARGET_TARGET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/elffile.h"

struct target_module {
	dev_t dev;
	ino_t ino;
	char *path; /* as the process sees it, without " (deleted)"; untrusted */
	char *name; /* last component of path */
	int deleted;
	int fd;		       /* open for reading; -1 when it could not be opened */
	struct elffile *elf;   /* NULL when it is no ELF file, or unreadable */
	struct elffile *debug; /* separate debug file, once target_module_debug() has found one */
	int debug_tried;
};

struct target_map {
	uint64_t start; /* [start, end) */
	uint64_t end;
	uint64_t file_offset;
	int executable;
	struct target_module *module; /* NULL: no file behind it */
	char *name;		      /* path or [heap], [vdso], ...; "" when anonymous; untrusted */
};

struct target_process {
	pid_t pid;
	int pidfd;
	int alive;
	char comm[16];
	char *exe; /* path of the program, or NULL; untrusted */
	uint64_t start_ticks;
	struct target_map *map; /* sorted by start; the last state that could be read */
	size_t n_maps;
};

struct target;

int target_open(struct target **out);
void target_close(struct target *t);

/* target_add - begin to know a process.
 * Return: 0 and *out; -ESRCH no such process; -EACCES no right to look into it; -EINVAL it is a thread, not a process;
 * -EALREADY it is known; -errno. Says nothing: the caller knows what the pid means to the user. */
int target_add(struct target *t, pid_t pid, struct target_process **out);

/* target_refresh - read comm, exe and mappings again. On failure the old ones stay.
 * Return: 0; -ESRCH the process is gone; -errno. */
int target_refresh(struct target *t, struct target_process *p);

/* target_find - the process with that pid, or NULL. target_at - the i-th, or NULL at the end. */
struct target_process *target_find(struct target *t, pid_t pid);
struct target_process *target_at(struct target *t, size_t i);

/* target_map_at - the mapping that holds addr, or NULL. */
const struct target_map *target_map_at(const struct target_process *p, uint64_t addr);

/* ---- PHP ---- */

struct swt_php;

/* target_php - where and how a process that runs PHP keeps its call chain, found in the file that defines the engine, by
 * its version, and checked against the live process.
 * @version  out, "8.2.36"; "" when no PHP was found      @cap  of version, 16 or more
 * Return: 1 and *out; 0 the process runs no PHP; -ENOTSUP a thread-safe (ZTS) build, or a version without known layout;
 * -EBADMSG the chain in the process is not what the version's layout says. */
int target_php(const struct target_process *p, struct swt_php *out, char *version, size_t cap);

/* ---- unwind rows ---- */

struct swt_row;

/* The unwind rows of one file, sorted by address; each holds up to the next. The last is a SWT_ROW_NONE that ends the last
 * function. Before the first row there is no unwind information. */
struct target_rows {
	uint64_t base; /* link-time address that row addresses count from: that of the first loadable segment */
	struct swt_row *row;
	size_t n;
};

/* target_rows_read - make the rows of an ELF file from its .eh_frame, by libdw.
 * What a row cannot hold (DWARF expressions other than those of SWT_ROW_DEREF and SWT_ROW_PLT, a return address that is
 * not at CFA - 8, a CFA more than 1 MiB away) becomes SWT_ROW_NONE, never something near it.
 * @out  rows are malloc'ed, to be freed with target_rows_free; none (n 0) when the file has no .eh_frame
 * Return: 0; -ENOEXEC no ELF file, or a damaged one; -EFBIG code more than 4 GiB away from base; -ENOMEM. */
int target_rows_read(int fd, struct target_rows *out);
void target_rows_free(struct target_rows *rows);

/* target_module_debug - symbols that were stripped from a module: the file that its build-id names under
 * /usr/lib/debug/.build-id, in the root of process p or in our own. Looked for once.
 * Return: the file (its build-id is the module's), or NULL. */
const struct elffile *target_module_debug(struct target_module *m, const struct target_process *p);

/* target_debug_by_build_id - open what was stripped from a module: the file that its build-id names under
 * /usr/lib/debug/.build-id, in the root of process p or in our own.
 * Return: a descriptor, or -errno. Whether it has the same build-id is for its reader to see. */
int target_debug_by_build_id(const struct target_module *m, const struct target_process *p);

/* target_debug_by_link - the same by the name and checksum in the module's .gnu_debuglink: beside it, in .debug beside it, or
 * under /usr/lib/debug.  @name  without a slash */
int target_debug_by_link(const struct target_module *m, const struct target_process *p, const char *name, uint32_t crc);

/* ---- allocators ---- */

/* One function to probe: where, and what it does (a cookie of swtrace/abi.h). */
struct target_site {
	const char *function; /* static */
	uint64_t offset;      /* of its first instruction in the file */
	uint64_t cookie;
	int wants_return;
};

/* target_module_sites - the allocator functions that module defines, aliases at one address once.
 * @sites  out, in the order in which probes must be placed; malloc'ed, to be freed by the caller; NULL when there are none
 * Return: their number, or -ENOMEM. */
int target_module_sites(const struct target_module *m, struct target_site **sites);

/* target_dl_site - the function by which a dynamic loader tells debuggers that its link map changed
 * (_dl_debug_state; glibc and musl export it).  Return: 0 and the offset, or -ENOENT. */
int target_dl_site(const struct target_module *m, uint64_t *offset);

/* target_loader - the module of the process's dynamic loader, or NULL: static, or not mapped yet. */
struct target_module *target_loader(const struct target_process *p);

/* target_has_libc - 1 if a libc (a file that defines malloc and mmap) is mapped. */
int target_has_libc(const struct target_process *p);

/* target_is_dynamic - 1 if the process's program asks for a dynamic loader. */
int target_is_dynamic(const struct target_process *p);

#endif
