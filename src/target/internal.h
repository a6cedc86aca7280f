/* SPDX-License-Identifier: GPL-2.0-or-later */
/* target/internal.h - what the files of this room share. */
#ifndef TARGET_INTERNAL_H
#define TARGET_INTERNAL_H

#include <libelf.h>

#include "target/target.h"

/* module_get - the module of an executable mapping: a known one, or a new one that is opened now.
 * Return: NULL and errno: ENOMEM; EAGAIN another file is mapped there by now. */
struct target_module *module_get(
	struct target *t, const struct target_process *p, const struct target_map *m, dev_t dev, ino_t ino);
void module_free(struct target_module *m);

struct target {
	struct target_process **process; /* one allocation each: pointers to them stay valid */
	size_t n_processes;
	struct target_process **child;
	size_t n_children;
	struct target_module **module;
	size_t n_modules;
	struct parser *parser;
};

/* process_read - from the memory of a process: len bytes at addr.  Return: 0, or -EFAULT: not all of them. */
int process_read(pid_t pid, uint64_t addr, void *to, size_t len);

/* loader_debug - the address of the loader's struct r_debug in the process; 0 = there is none yet.
 * Return: 0; -ENOENT it is a static program, or the loader does not say; -EFAULT. */
int loader_debug(const struct target_process *p, uint64_t *at);

/* identity.c - read all that model/identity.h tells of a process, as far as it can be.
 * target_identity_forked - a process has made a child.  @child  NULL: it is not known */
void target_identity_read(const struct target_process *p, struct model_identity *out);
void target_identity_forked(struct target_process *parent, struct target_process *child);

/* process_has_memory - 0 once a process that ends has given up its memory, or is gone. */
int process_has_memory(const struct target_process *p);

/* maps_read - parse /proc/PID/maps, and have new files read. On success the process's old mappings are replaced.
 * Return: 0; -EINPROGRESS files are not read by then; -ESRCH; -errno. */
int maps_read(struct target *t, struct target_process *p, uint64_t until_ns);
void maps_free(struct target_map *map, size_t n);

/* maps_copy - a copy of a process's mappings for another one that has none yet.  Return: 0, or -ENOMEM. */
int maps_copy(struct target_process *to, const struct target_process *from);

/* ---- allocators ---- */

struct allocator_function {
	const char *name;
	uint64_t cookie;
};

/* Functions that belong together. A file has the family when it defines both alloc and free. */
struct allocator_family {
	const struct allocator_function *function;
	size_t n_functions;
	const char *alloc;
	const char *free;
	int is_malloc;	  /* looked for only in files that bring a malloc */
	int is_operators; /* C++'s */
};

#define FAMILIES_MAX_NAMES 200 /* functions in all families */

/* families.c - the families of malloc's layer, malloc's own first; NULL at the end. */
const struct allocator_family *malloc_family(size_t i);

/* leaves.c - the instructions by which the function at vaddr, and those in which it goes on, return to its caller.
 * @offset  out: their places in the file
 * Return: their number, as far as they can be found; -E2BIG more than cap; -ENOMEM. */
int leaves_find(const struct target_module *m, uint64_t vaddr, uint64_t *offset, size_t cap);

#define LEAVES_MAX 64 /* of one function; tcmalloc's operator new has 20 */

/* allocators.c - see which allocator functions a new module has. */
void module_find_allocators(struct target_module *m);

/* allocators.c - the module of the program itself: the one whose path is that of /proc/PID/exe. */
struct target_module *exe_module(const struct target_process *p);

/* What resolve.c keeps of a file. */
struct bindings;
void bindings_free(struct bindings *b);

/* bindings_imports - as elfimports_read(), of the names of all families, as malloc_family() has them. */
struct elfimport;
int bindings_imports(int fd, struct elfimport **out);

/* A file of a process, for resolve_decide. */
struct resolve_file {
	const uint64_t *function; /* by name: its link-time address, 0 = not defined here. NULL: it brings no malloc */
	int is_exported;	  /* other files can be bound to its malloc */
};

/* A word that the loader fills for a file: with the address of the function of that name in another one, or not yet. */
struct resolve_word {
	uint32_t from; /* index of the file */
	uint32_t to;   /* likewise; RESOLVE_NOT_YET; RESOLVE_ELSEWHERE: a file that brings no malloc */
	uint32_t name;
};

#define RESOLVE_NOT_YET	  UINT32_MAX
#define RESOLVE_ELSEWHERE (UINT32_MAX - 1)

/* resolve_decide - which malloc the program's calls resolve to, and which others are used.
 * @file  in the order in which the loader searches them; the program's own first, if has_program
 * @n_malloc  the names below this one are those of malloc's own family
 * @use   out, one for each file: TARGET_x; TARGET_UNUSED also for those that bring no malloc
 * @by    out, likewise: with TARGET_CALLED the first file whose calls resolve to it
 * Return: index of the file whose malloc was chosen, or -1: none brings one. */
struct resolve_question {
	const struct resolve_file *file;
	size_t n_files;
	int has_program;
	const struct resolve_word *word;
	size_t n_words;
	uint32_t n_malloc;
};

int resolve_decide(const struct resolve_question *q, enum target_use *use, uint32_t *by);

/* resolve_allocators - fill in p->allocator.  Return: 0; -ENOMEM: what was known of them stays. */
int resolve_allocators(struct target_process *p);

/* ---- PHP ---- */

/* The memory of a process, to read from.  read: 0 when all len bytes at addr could be read. */
struct php_image {
	int (*read)(void *ctx, uint64_t addr, void *to, size_t len);
	void *ctx;
};

/* How tsrm_get_ls_cache, the function by which a thread-safe PHP finds a thread's globals, does so. */
struct tsrm_access {
	int64_t tls; /* offset of the thread's variable from the fs base; with is_slot: offset of the word that holds it, from the
		       * function's first byte */
	int is_slot;
};

#define TSRM_CODE_BYTES 32

/* tsrm_decode - from its code, TSRM_CODE_BYTES or less. The two ways of ELF's thread-local storage that need no call are
 * understood (local exec, initial exec).  Return: 0, or -ENOSYS: another way. */
int tsrm_decode(const uint8_t *code, size_t n, struct tsrm_access *out);

/* zend_load - of a function that does nothing but load a word that lies at a fixed distance: how far behind its first byte that is.
 * @opcode  of the instruction, before the distance      Return: 0, or -ENOSYS: it does something else.
 * zend_decode - from the code of zend_mm_get_heap: how far behind its first byte the pointer to the heap is.
 * Return: likewise. */
int zend_load(const uint8_t *code, size_t n, const uint8_t opcode[3], int64_t *offset);
int zend_decode(const uint8_t *code, size_t n, int64_t *offset);

/* php_read_version - the version of the engine in a file, of digits and dots.  Return: 0, -ENOENT it is none, or -ENOMEM. */
int php_read_version(int fd, char *version, size_t cap);

/* ends.c - ends_find: the places where target_php_ends() says that an engine gives up.
 * @out  ENDS_MAX of them      Return: their number, or -ENOMEM. */
enum { END_LIMIT, END_PANIC, END_CORRUPT, END_KINDS };
#define ENDS_MAX 65
struct end_place {
	uint64_t offset; /* in the file */
	uint64_t what;	 /* END_x */
};
int ends_find(const struct target_module *m, struct end_place *out);

/* php_find_version - the version of the engine that a file is, in m->php_version; looked for once: the workers of a pool all map one.
 * Return: 0, -ENOENT it is none, or -ENOMEM. */
int php_find_version(struct target_module *m);

/* php_find_engine - the first mapping of the file that defines the process's engine, or NULL. */
const struct target_map *php_find_engine(const struct target_process *p);

/* php_check - is the PHP engine laid out as php says?
 * Return: 1 yes; 0 its place is right as far as can be told, but it has no user function yet to check their layout by
 * (between requests, before the first); -EBADMSG no, or it was read while it changed. */
int php_check(const struct php_image *image, const struct swt_php *php);

/* ---- vitals ---- */

/* vitals_status - VmRSS's parts and VmSwap of the text of /proc/PID/status.  Return: 0, or -ESRCH: there are none.
 * vitals_rollup - Rss, Swap and Pss of the text of smaps_rollup, in addition.  Return: 0, or -EBADMSG.
 * vitals_stacks - count the mappings that look like stacks. */
int vitals_status(const char *text, struct model_vitals *out);
int vitals_rollup(const char *text, struct model_vitals *out);
void vitals_stacks(const struct target_map *map, size_t n, struct model_vitals *out);

/* vitals_heap - PHP's heap in an image, at that address.
 * @real  offset of real_size: 272 up to 8.3, 280 since 8.4
 * Return: 0; -EBADMSG it makes no sense: another layout, or read while it changed; -ENODATA it counts nothing. */
int vitals_heap(const struct php_image *image, uint64_t heap, unsigned real, struct model_php_heap *out);

/* vitals_real - the offset of real_size, by the code of zend_memory_usage and zend_memory_peak_usage; 0: none that is known. */
unsigned vitals_real(const uint8_t *usage, size_t n_usage, const uint8_t *peak, size_t n_peak);

/* vitals_gc - the collector's globals in an image.  Return: 0 or -EBADMSG.
 * vitals_gc_decode - how far from the first byte of gc_enabled() they are, by its code.  Return: 0 or -ENOSYS. */
int vitals_gc(const struct php_image *image, uint64_t globals, struct model_php_gc *out);
int vitals_gc_decode(const uint8_t *code, size_t n, int64_t *offset);

/* Where a process has these. 0: not known. */
struct php_places {
	uint64_t heap_at; /* the pointer to the heap */
	unsigned real;	  /* offset in it */
	uint64_t gc;
};

/* php_find_places - in the engine that the process maps.  php_read_places - what is there now; nothing when the process is gone. */
void php_find_places(const struct target_process *p, struct php_places *out);
void php_read_places(pid_t pid, const struct php_places *places, struct model_vitals *out);

/* map_bias - what is added to its file's own addresses in a mapping.  Return: 0, or -ENOENT: it is of no ELF file, or of a part that none
 * of its segments is in. */
int map_bias(const struct target_map *m, uint64_t *bias);

/* process_runs - does a process run the program of that path, as /proc has it? */
int process_runs(pid_t pid, const char *exe);

/* small_file - read a file of the kernel's as text, up to cap - 1 bytes.  Return: its length, or -errno. */
int small_file(const char *path, char *to, size_t cap);

/* entry_move - how far behind a function's first instruction a probe is cheap; 0 = probe the entry.
 * @code  all n bytes of the function      @kept  bit i: argument i (of the first four) must still be in its register */
uint32_t entry_move(const uint8_t *code, size_t n, unsigned kept);

#define ENTRY_MAX_MOVE 48 /* functions get to their first branch or push sooner, or not at all */

/* entry_kept - the arguments that the kernel side looks at for such a cookie. */
unsigned entry_kept(uint64_t cookie);

/* A function of a file, and how far its probe is to be moved. */
struct entry_place {
	uint64_t vaddr;
	uint64_t offset; /* of its first instruction */
	uint64_t size_bytes;
	uint32_t kept; /* as entry_move */
	uint32_t move;
	uint32_t is_cheap; /* where it is moved to */
	uint32_t unused;
};

/* entry_decide - fill in move and is_cheap. */
void entry_decide(int fd, const struct elffile *elf, struct entry_place *place, size_t n);

/* entry_check_branches - set move to 0 where some branch of the file leads between a function's entry and its place: the
 * part of a function that compilers put elsewhere (.cold) may jump back.  Return: 0, or -errno: it is not known. */
int entry_check_branches(int fd, const struct elffile *elf, struct entry_place *place, size_t n);

/* The table of .eh_frame_hdr: entries of two 32-bit offsets (function, FDE) from the header's own address. A file without
 * one (static programs) gets one that is made here, as if its header stood where .eh_frame does. */
struct fde_table {
	const unsigned char *entry;
	unsigned char *made; /* NULL: the file's own */
	size_t n;
	uint64_t base; /* address, offset in the file and size of the header */
	uint64_t offset;
	uint64_t n_bytes;
	uint64_t frame_vaddr; /* of .eh_frame */
};

/* Addresses of the i-th function and of its FDE, unchecked. */
uint64_t fde_start(const struct fde_table *t, size_t i);
uint64_t fde_address(const struct fde_table *t, size_t i);

/* cfi_make_table - the table of a file without one, from .eh_frame itself. t->made is to be freed by the caller.
 * Return: 0, with t->n = 0 when there is nothing to make it of, or nothing sane; -ENOMEM. */
int cfi_make_table(Elf *elf, struct fde_table *t);

/* cfi_is_sane - may libdw be asked about the functions of this table? See cfi.c for what it does not survive.
 * @fd   of elf    @end  of the last function
 * Return: 1; 0 no: an entry is damaged, hostile, or of a kind that no compiler or linker for x86-64 writes. */
int cfi_is_sane(Elf *elf, int fd, const struct fde_table *t, uint64_t end);

#endif
