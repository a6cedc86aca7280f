/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reader/reader.h - what libdw knows of a file, read by a child process without privileges.
 *
 * The files of traced processes may be made to attack whoever reads them, and swtrace is root. So the child, which runs libdw
 * and libdwfl on them, has no rights: another user, no new privileges, no descriptors but those that it is given, hardly any
 * system call. It dies with its parent. When it dies on a file, or hangs, the file is not given to it again, and another
 * child takes its place. Nothing that it says is trusted: sizes, order and strings are checked here.
 *
 * In: descriptors of ELF files. Out: unwind rows; functions, source lines and inlined calls.
 * Owner: struct reader owns the child and all that it hands out. Thread: one; not to be called from the idle callback. */
#ifndef READER_READER_H
#define READER_READER_H

#include <stddef.h>
#include <stdint.h>

#define READER_NAME_BYTES 512 /* names are cut to this, with "..." at the end */
#define READER_MAX_FRAMES 16  /* one address may lie in so many inlined calls */

struct reader;
struct target_rows;

/* reader_open - the child is started when it is needed first.  Return: 0, or -ENOMEM. */
int reader_open(struct reader **out);
void reader_close(struct reader *r);

/* reader_set_idle - call drain(ctx) whenever fd becomes readable while an answer is waited for.  @drain  returns 1: something hurries; 0. */
void reader_set_idle(struct reader *r, int fd, int (*drain)(void *ctx), void *ctx);

/* reader_set_deadline - names that are not known by then (CLOCK_MONOTONIC, ns) are not waited for.
 * @yield_ns  once something hurries, they are waited for so long at most; UINT64_MAX: whatever hurries */
void reader_set_deadline(struct reader *r, uint64_t deadline_ns, uint64_t yield_ns);

/* A file to ask about. */
struct reader_file {
	uint32_t number; /* tells files apart, not 0 */
	int fd;
	int fd_debug;	  /* its separate debug file, or -1 */
	const char *path; /* for the warning when the file kills its reader */
};

/* reader_start - start the child now, before there is anything that it should not inherit. If that fails, it is tried again when
 * the child is needed. */
void reader_start(struct reader *r);

/* reader_rows - as target_rows_read(). Waits for up to 20 s, and for what was asked ahead before.
 * Return: also -EBADMSG: the file killed its reader; -EAGAIN: there is no child to be had. */
int reader_rows(struct reader *r, const struct reader_file *f, struct target_rows *out);

/* reader_rows_ahead - let the child begin with rows that reader_rows() will be asked for, while the caller does other things.
 * Does not wait; what cannot be asked for now is read when it is needed. f->path must stay valid until reader_rows() or
 * reader_close(); f->fd may be closed. */
void reader_rows_ahead(struct reader *r, const struct reader_file *f);

/* reader_rows_are_there - has the child answered what was asked ahead about that file? Then reader_rows() does not wait.
 * @until_ns  CLOCK_MONOTONIC: waits no longer than that      Return: 1 also if nothing more can be asked ahead; 0: not yet, or not asked. */
int reader_rows_are_there(struct reader *r, uint32_t number, uint64_t until_ns);

/* reader_debuglink - the file name and checksum (CRC-32 of the whole file) in .gnu_debuglink.
 * Return: 0; -ENOENT there is none, or it is no plain file name; -EAGAIN the child is busy; -EBADMSG as above. */
int reader_debuglink(struct reader *r, int fd, const char *path, char name[READER_NAME_BYTES], uint32_t *crc);

/* Members of PHP's structs: executor_globals.current_execute_data, and of zend_op_array. */
enum {
	READER_PHP_CURRENT,
	READER_PHP_FILENAME,
	READER_PHP_LINE_START,
	READER_PHP_OPCODES,
	READER_PHP_LAST,
	READER_PHP_OFFSETS
};

/* reader_php - their offsets in bytes, from the DWARF of a PHP engine or of its separate debug file. Waits for up to 20 s.
 * What the caller does with them it must check: they are what the file says.
 * Return: 0; -ENOENT the file does not say all of them; -EAGAIN, -EBADMSG as above. */
int reader_php(struct reader *r, int fd, const char *path, uint32_t offset[READER_PHP_OFFSETS]);

/* A function at an address: the innermost inlined one first, the one that was really called last. */
struct reader_frame {
	char function[READER_NAME_BYTES]; /* demangled; never "" */
	char file[READER_NAME_BYTES];	  /* source file, "" = not known */
	uint32_t line;			  /* 0 = not known */
	uint32_t is_inlined;
	uint64_t vaddr; /* where the function starts; 0 for inlined ones */
};

/* reader_names - the functions that cover a link-time address, from .symtab, .dynsym, .gnu_debugdata, the separate debug file,
 * and DWARF. With DEBUGINFOD_URLS set, debug files that are not here are asked for there.
 * Return: their number, at most READER_MAX_FRAMES; 0: no function covers it; -EAGAIN: not known by the deadline, ask again
 * later; -EBADMSG: the file killed its reader. */
int reader_names(struct reader *r, const struct reader_file *f, uint64_t vaddr, struct reader_frame *out);

/* reader_plain - a C++ or Rust name as people write it, without parameters. A child that is given nothing else answers in some
 * 10 us.  Return: 0; -ENOENT the name killed the child, or kept it for longer than 1 s; -EAGAIN there is none to be had. */
int reader_plain(struct reader *r, const char *name, const char *path, char out[READER_NAME_BYTES]);

/* reader_knows - 1 if the child has that file already: fd_debug is then of no interest. */
int reader_knows(const struct reader *r, uint32_t number);

/* reader_pid - of the child, for tests; 0 = none. */
int reader_pid(const struct reader *r);

#endif
