/* SPDX-License-Identifier: GPL-2.0-or-later */
/* target/target.h - the traced processes as the system shows them: identity, mapped files, allocators.
 *
 * In: /proc/PID. Out: struct target_process with its mappings; struct target_module for each distinct mapped file;
 * the allocator functions to probe in each.
 * A mapped file is known by (device, inode) and opened through /proc/PID/map_files, which reaches the very file that is
 * mapped: in any mount namespace, deleted, or replaced on disk. The open descriptor keeps it readable after the process
 * is gone, so that a crash can still be symbolised. The kernel's vdso has no file: it is copied out of the process, once.
 * Owner: struct target owns processes and modules; all pointers live until target_close(). Thread: one. */
#ifndef TARGET_TARGET_H
#define TARGET_TARGET_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/model.h"
#include "util/elffile.h"

struct bindings; /* of target's own */
struct vitals;
struct identity_file;
struct parser;

/* Does a file bring a malloc (and free) of its own? */
enum { TARGET_NO_MALLOC, TARGET_EXPORTS_MALLOC, TARGET_HIDES_MALLOC };

struct target_module {
	uint32_t number; /* from 1; no two files have the same */
	dev_t dev;
	ino_t ino;
	char *path; /* as the process sees it, without " (deleted)"; untrusted */
	char *name; /* last component of path */
	int deleted;
	int fd;	     /* open for reading; -1 when it could not be opened */
	int is_read; /* it was, or cannot be: what follows is known. Those in mappings are, where fd is not -1 */
	struct elffile *elf; /* NULL when it is no ELF file, or unreadable */
	int malloc;	     /* TARGET_x_MALLOC */
	int has_others;	     /* it has allocator functions of the sort TARGET_SITES_OTHER */
	int has_new;	     /* it has some that may throw (SWT_OP_NEW) */
	struct parser *
		parser; /* who reads it: a child without rights. NULL: this process, as tests do with files of theirs */
	struct bindings *bindings;
	int php_version_state; /* 0 not looked for; 1 it is a PHP engine, whose version this is; -1 it is none */
	char php_version[16];
	struct identity_file *identity; /* what identity.c has read of it; NULL: not yet */
};

/* What makes a file's malloc be taken for one that is used. */
enum target_use {
	TARGET_UNUSED, /* nothing: all calls resolve to others */
	TARGET_MAYBE,  /* a file whose calls are not resolved yet (they are bound lazily) might be bound to it */
	TARGET_HIDDEN, /* it is not exported: it is there for code of its own file */
	TARGET_CALLED, /* calls of a file resolve to it */
	TARGET_ORDER,  /* no call is resolved yet; it is the first that the loader will find */
	TARGET_OWN,    /* it is the program's own */
	TARGET_ONLY,   /* there is no other */
};

struct target_allocator {
	struct target_module *module;
	enum target_use use;
	const struct target_module *by; /* TARGET_CALLED: the first whose calls resolve to it */
};

struct target_map {
	uint64_t start; /* [start, end) */
	uint64_t end;
	uint64_t file_offset;
	int executable;
	int is_guard;		      /* nobody may access it */
	struct target_module *module; /* NULL: no file behind it */
	char *name;		      /* path or [heap], [vdso], ...; "" when anonymous; untrusted */
	uint32_t since;		      /* generation of the process's mappings that first had it */
	uint32_t until;		      /* the first that had it no more; 0 = it is there */
};

struct target_process {
	pid_t pid;
	int pidfd;
	int alive;
	int is_gone; /* it was not there any more when it was looked for: so often */
	char comm[16];
	char *exe; /* path of the program, or NULL; untrusted */
	uint64_t start_ticks;
	struct target_map *map; /* sorted by start; the last state that could be read */
	size_t n_maps;
	uint32_t generation;	 /* counts the changes of its executable mappings; the first state is 1 */
	struct target_map *past; /* executable mappings that are gone, oldest first */
	size_t n_past;
	const void *note;      /* its user's own: of no meaning here */
	struct vitals *vitals; /* of target's own: what target_vitals_read() knows from one reading to the next */
	int is_followed;       /* likewise */
	/* The files that bring a malloc. The first is the one that the program's calls resolve to. */
	struct target_allocator *allocator;
	size_t n_allocators;
	struct model_identity *identity; /* for target_identity(): the last that was read, or NULL; owned */
	uint32_t identity_serial;	 /* counts its changes */
	uint32_t identity_told;		 /* its user's own, likewise of no meaning here */
	uint32_t identity_generation;	 /* that it was read in */
	int identity_again;		 /* it is to be read once more */
	uint64_t identity_settled;	 /* when it was, or will have been, read for good; 0 = it begins anew */
};

struct target;

int target_open(struct target **out);
void target_close(struct target *t);

/* target_add - begin to know a process.
 * Return: 0 and *out; -ESRCH no such process; -EACCES no right to look into it; -EINVAL it is a thread, not a process;
 * -EALREADY it is known; -errno. Says nothing: the caller knows what the pid means to the user. */
int target_add(struct target *t, pid_t pid, struct target_process **out);

/* target_add_within, target_add_names - likewise, by target_refresh_within() and target_refresh_names().
 * Return: also -EINPROGRESS: it is not added; to be called again. */
int target_add_within(struct target *t, pid_t pid, uint64_t until_ns, struct target_process **out);
int target_add_names(struct target *t, pid_t pid, uint64_t until_ns, struct target_process **out);

/* target_refresh - read comm, exe and mappings again, and see which malloc its calls resolve to. On failure the old ones stay.
 * Return: 0; -ESRCH the process is gone; -errno. */
int target_refresh(struct target *t, struct target_process *p);

/* target_refresh_within - likewise, but files that were not known are waited for no longer than that (CLOCK_MONOTONIC).
 * target_refresh_names - comm, exe and mappings alone, for names: files that others map, and that take long to be read, are not waited for.
 * Return: also -EINPROGRESS: files are being read; to be called again. */
int target_refresh_within(struct target *t, struct target_process *p, uint64_t until_ns);
int target_refresh_names(struct target *t, struct target_process *p, uint64_t until_ns);

/* target_find - the process with that pid, or NULL. target_at - the i-th, or NULL at the end. target_count - how many there are. */
struct target_process *target_find(struct target *t, pid_t pid);
struct target_process *target_at(struct target *t, size_t i);
size_t target_count(const struct target *t);

/* target_is_asleep - does the process's first thread wait for something? Then it is in no allocation. */
int target_is_asleep(pid_t pid);

/* target_remove - forget a process. Its files stay known. */
void target_remove(struct target *t, struct target_process *p);

/* target_children - all children of a process that run the same program, as far as the kernel tells (CONFIG_PROC_CHILDREN).
 * @out  malloc'ed, to be freed by the caller; NULL when there are none      Return: their number, or -ENOMEM.
 * target_has_child - is there one? */
int target_children(const struct target_process *p, pid_t **out);
int target_has_child(const struct target_process *p);

/* target_fork - begin to know a child of a known process: a copy, since at the fork a child has its parent's mappings. Nothing
 * is read of the child, which may have ended by now. target_find and target_at do not show children; a child of a child is one.
 * Return: 0, or -ENOMEM. */
int target_fork(struct target *t, struct target_process *parent, pid_t pid);

/* target_child - the child with that pid, until target_drop_child(), or NULL. */
struct target_process *target_child(struct target *t, pid_t pid);
void target_drop_child(struct target *t, pid_t pid);

/* target_reap_children - drop the children that have ended, for the case that nobody was told: those that were gone the last time, too. What
 * one has sent in its last moment, a crash, may still be on its way by the first. */
void target_reap_children(struct target *t);

/* target_identity - what the process is; NULL: nothing was read of it yet, and nothing can be. Read when first asked for, again when
 * its executable mappings have changed (exec, libraries) or it has forked, and in all these cases until it was read 2 s
 * after that: a process takes on its role some time after it begins. Else this costs nothing. Of a process that has ended,
 * the last that was known; a child of target_fork's is what its parent is, but has no role.
 * The pointer is good until the next call for that process, or its removal. */
const struct model_identity *target_identity(struct target_process *p);

/* target_map_at - the mapping that held addr in that generation of the process's mappings (0 = the last one), or NULL: none,
 * or one that is gone for so long that it is forgotten. Of what is gone only executable mappings are known. */
const struct target_map *target_map_at(const struct target_process *p, uint64_t addr, uint32_t generation);

/* target_count_sure - how many of a stack's first frames can be believed, when it was walked by the mappings of a generation
 * while they were changing. A frame whose place holds another file, or the same at another offset, in the next generation
 * was perhaps left by the rules of the wrong file: the frames after it may be anything.
 * @frame  innermost first; values from SWT_FRAME_PHP on are no addresses     @first_is_ip  frame[0] is no return address
 * Return: 1 to n; n while the next generation is not known. */
size_t target_count_sure(
	const struct target_process *p, const uint64_t *frame, size_t n, uint32_t generation, int first_is_ip);

/* ---- PHP ---- */

struct swt_php;

/* Offsets that tell one engine from another: of current_execute_data in executor_globals, the others in zend_op_array; opcodes
 * and last 0 = not known. */
struct target_php_layout {
	uint16_t current;
	uint16_t filename;
	uint16_t line_start;
	uint16_t opcodes;
	uint16_t last;
};

/* target_php_engine - the module that defines the process's PHP engine, or NULL. */
struct target_module *target_php_engine(const struct target_process *p);

/* target_php - where and how a process that runs PHP keeps its call chain, found in the file that defines the engine, by
 * its version, and checked against the live process.
 * @debug  what the engine's debug information says, or NULL; where it turns out to be wrong, the version's is taken
 * @version  out, "8.2.36"; "" when no PHP was found      @cap  of version, 16 or more
 * Return: 1 and *out; 2 and *out, but part of the layout could not be checked yet: to be checked again by
 * target_php_check; 0 the process runs no PHP; -ENOTSUP a version without known layout; -ENOSYS a thread-safe
 * build (ZTS) whose threads' globals cannot be found; -EBADMSG the engine in the process is not what the version's layout says. */
int target_php(const struct target_process *p, const struct target_php_layout *debug, struct swt_php *out,
	char *version, size_t cap);

/* target_php_check - check again what target_php has found. What is missing is a PHP function of the user's: an engine that
 * has not started yet, or an idle worker of php-fpm, has none. In a thread-safe build it is also the place of a thread's
 * globals (swt_php.seen), which only that thread can tell. It may be used meanwhile, and is to be checked again until
 * the answer is another than 0, best while PHP runs; it takes less than a millisecond, 40 when it fails. Where all is right
 * but the place of opcodes, that is set to 0, not known.
 * Return: 1 all is right; 0 not yet; -EBADMSG it is not: not to be used any more. */
int target_php_check(const struct target_process *p, struct swt_php *php);

/* target_zend_heap - the address of the pointer to the process's Zend heap.
 * Return: 0; -ENOENT the process runs no PHP; -ENOSYS it cannot be told (thread-safe builds). */
int target_zend_heap(const struct target_process *p, uint64_t *heap_at);

/* target_zend_size - zend_mm_heap.size, which memory_get_usage() returns: the sum of what live blocks take. Costs the process
 * nothing.  Return: 0 (also before PHP has started: 0 bytes); -ENODATA the heap passes everything on to malloc
 * (USE_ZEND_ALLOC=0) and does not count; -EFAULT the process is gone. */
int target_zend_size(pid_t pid, uint64_t heap_at, uint64_t *size_bytes);

/* target_zend_least_bytes - what the smallest block takes in a version such as "8.2.36": ZEND_MM_MIN_USEABLE_BIN_SIZE since 8.4. */
uint32_t target_zend_least_bytes(const char *version);

/* target_zend_pointer - the heap's address now; 0 = there is none yet.
 * target_zend_free_slots - the offset of zend_mm_heap.free_slot, the list of free blocks of each bin, in a version that has
 * such smallest blocks. */
uint64_t target_zend_pointer(pid_t pid, uint64_t heap_at);
uint32_t target_zend_free_slots(uint32_t least_bytes);

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
	uint64_t offset;      /* in the file, of the instruction to probe: the first one, or a cheaper one behind it */
	uint64_t cookie;
	uint64_t vaddr; /* of the function */
	uint64_t size_bytes;
	int wants_return;
	int is_cheap; /* the kernel emulates that instruction */
};

/* Which functions: those of a file that brings a malloc, which a process may use or not (target_uses_malloc); all others. */
enum { TARGET_SITES_MALLOC, TARGET_SITES_OTHER, TARGET_SITES };

/* target_module_sites - the allocator functions of one sort that module defines, aliases at one address once.
 * @what   TARGET_SITES_x
 * @sites  out, in the order in which probes must be placed; malloc'ed, to be freed by the caller; NULL when there are none
 * Return: their number, or -ENOMEM. */
int target_module_sites(const struct target_module *m, int what, struct target_site **sites);

/* target_throw_site - the function by which C++ makes room for an exception (__cxa_allocate_exception: Itanium C++ ABI for
 * exceptions, 2.4.2), if module defines it.  Return: 0, or -ENOENT.
 * target_may_throw - is any function probed in the process that may throw? */
int target_throw_site(const struct target_module *m, uint64_t *offset);
int target_may_throw(const struct target_process *p);

/* target_uses_malloc - may calls of the process come to the malloc of that module? */
int target_uses_malloc(const struct target_process *p, const struct target_module *m);

/* target_is_allocator - is this, as symbol/ names it, an allocator function, or one in which glibc gives up what it keeps for a
 * thread?
 * target_in_allocator - is an address, in that generation of the mappings (0 = the last one), in a library that brings a malloc? */
int target_is_allocator(const char *function);
int target_in_allocator(const struct target_process *p, uint64_t addr, uint32_t generation);

/* target_allocator_name - what the malloc of a module is known as ("jemalloc"), or NULL. Static.
 * @is_libc  out: it is a libc's */
const char *target_allocator_name(const struct target_module *m, int *is_libc);

/* target_dl_site - the function by which a dynamic loader tells debuggers that its link map changed
 * (_dl_debug_state; glibc and musl export it).  Return: 0 and the offset, or -ENOENT. */
int target_dl_site(const struct target_module *m, uint64_t *offset);

/* target_php_request_site - the function by which a PHP engine begins to serve a request: php_request_startup, exported by
 * all SAPIs (main/main.c).  Return: 0 and the offset, or -ENOENT. */
int target_php_request_site(const struct target_module *m, uint64_t *offset);

/* What is to be taken for the beginning of a request, in the processes that map a file. Borrowed. */
struct target_request {
	const char *file;   /* its path, or the end of that */
	const char *symbol; /* exact name of a function of its */
};

#define TARGET_REQUEST_MAX   8
#define TARGET_REQUEST_SITES (TARGET_REQUEST_MAX + 8)

/* target_request_sites - the functions of module by which something begins to serve a request, php_request_startup left out:
 * those of Swoole's servers, and what is asked for. Cookies are SWT_REQUEST_x. A place is listed once a kind.
 * @site  out, TARGET_REQUEST_SITES of them      Return: their number. */
size_t target_request_sites(
	const struct target_module *m, const struct target_request *asked, size_t n_asked, struct target_site *site);

/* target_request_in - is what is asked for in module?  Return: 1 yes; 0 it is the file, without such a function; -ENOENT another file. */
int target_request_in(const struct target_module *m, const struct target_request *asked);

/* target_exe - the path of a process's program, as /proc has it.  Return: 0 or -errno.
 * target_path_len - how long such a path is without the " (deleted)" of a file that is gone. */
int target_exe(pid_t pid, char *out, size_t cap);
size_t target_path_len(const char *path);

/* target_path_fits - is wanted this path, or the end of it: its last names? */
int target_path_fits(const char *path, const char *wanted);

/* target_is_php_cli - does the process run PHP's command line? Its script is one request to PHP; php -S serves many. */
int target_is_php_cli(const struct target_process *p);

/* target_nearest_function - the function of module whose name is most like this one; NULL: none is like it at all. Lives as long
 * as the module; untrusted. */
const char *target_nearest_function(const struct target_module *m, const char *name);

/* target_php_drop_site - the function by which a PHP engine drops its whole heap at the end of a request:
 * shutdown_memory_manager, exported (Zend/zend_alloc.c).  Return: 0 and the offset, or -ENOENT. */
int target_php_drop_site(const struct target_module *m, uint64_t *offset);

/* target_php_ends - where a PHP engine gives up, in stripped files too. Reads all of the file: about 15 ms for PHP 8.2.
 * - Over memory_limit, or when it gets no memory: a function (cookie SWT_END_GIVEN) that is given the message's format, the
 *   limit (or what there is) and the size that was asked for, in this order, from the first or second argument on.
 * - Over a corrupted heap: a function that is given the message, likewise; or, where none is, the places within functions
 *   (cookie SWT_END_CORRUPT) where the message's address is taken.
 * @out  the sites, to be freed by the caller; NULL when there are none
 * Return: their number, 0 also when the module is no PHP engine; -ENOMEM. */
int target_php_ends(const struct target_module *m, struct target_site **out);

/* target_loader - the module of the process's dynamic loader, or NULL: static, or not mapped yet. */
struct target_module *target_loader(const struct target_process *p);

/* target_loader_state - the loader's word for debuggers (struct r_debug of <link.h>), and whether it is changing its list of
 * libraries now.  Return: 0; -ENOENT there is none to be found; -EFAULT. */
int target_loader_state(const struct target_process *p, uint64_t *r_debug, int *is_open);

/* target_abort_message - the address of the pointer with which glibc leaves its last words for debuggers when it aborts
 * (__abort_msg, GLIBC_PRIVATE; assert/assert.c, sysdeps/posix/libc_fatal.c).  Return: 0, or -ENOENT: another libc. */
int target_abort_message(const struct target_process *p, uint64_t *at);

/* target_has_libc - 1 if a libc is mapped: a file that brings malloc and mmap, and starts programs. */
int target_has_libc(const struct target_process *p);

/* target_is_dynamic - 1 if the process's program asks for a dynamic loader. */
int target_is_dynamic(const struct target_process *p);

/* target_is_started - 1 if it has mapped all that its program needs before it can allocate: the libc, or it is static. */
int target_is_started(const struct target_process *p);

#include "target/containers.h" /* the containers that there are */
#include "target/survey.h"     /* what could be traced in a process */
#include "target/vitals.h"     /* how much memory a process has */

#endif
