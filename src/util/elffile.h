/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util/elffile.h - functions, segments and identity of one ELF file, read with libelf.
 *
 * In: a file descriptor. Out: function symbols sorted by address; translation between link-time addresses (vaddr) and
 * file offsets; build-id; dynamic loader. The file may be hostile: every number in it is checked, nothing is trusted
 * to be sorted, terminated or in range.
 * Owner: the struct owns everything it hands out, and a duplicate of the descriptor. Thread: one. */
#ifndef UTIL_ELFFILE_H
#define UTIL_ELFFILE_H

#include <stddef.h>
#include <stdint.h>

struct elffile;

/* A function: name, link-time address, size in bytes (0 = not stated). name lives as long as the elffile. */
struct elffile_symbol {
	const char *name;
	uint64_t vaddr;
	uint64_t size_bytes;
	int is_exported; /* in .dynsym: other files can be bound to it */
};

/* elffile_is_ours - is this a file that libelf may be let at: regular, 64-bit, our byte order, a program or a library, with
 * believable numbers of sections and segments? libelf allocates for all sections and all segments at once, and a sparse
 * file may claim 2^32 of them.
 * Return: 1 or 0. */
int elffile_is_ours(int fd);

/* elffile_open - read the ELF file behind fd (64-bit, native byte order, ET_EXEC or ET_DYN).
 * fd is duplicated: the caller keeps its own.
 * Return: 0; -ENOEXEC not such a file, or damaged beyond use; -errno. */
int elffile_open(struct elffile **out, int fd);
void elffile_close(struct elffile *f);

/* An elffile as bytes, for another process of this very program: these, one after the other. They are the elffile's. */
#define ELFFILE_PIECES 7
struct elffile_piece {
	const void *data;
	size_t n_bytes;
};
void elffile_pieces(const struct elffile *f, struct elffile_piece piece[ELFFILE_PIECES]);

/* elffile_from - an elffile of such bytes, which may be anything: where another made it, and was taken over by the file, it may be
 * told lies, but all promises of this header hold.
 * @bytes  malloc'ed; they are the elffile's from now on, or freed
 * Return: 0; -EBADMSG they are of no elffile; -ENOMEM. */
int elffile_from(struct elffile **out, void *bytes, size_t n_bytes);

/* elffile_build_id - the GNU build-id as lower-case hex, or "" if it has none. */
const char *elffile_build_id(const struct elffile *f);

/* elffile_interp - path of the dynamic loader (PT_INTERP), or NULL for a static program or a library. */
const char *elffile_interp(const struct elffile *f);

/* elffile_find - the defined function of that name, from .dynsym first, then .symtab; of several versions any one.
 * Return: 0 and *out, or -ENOENT. */
int elffile_find(const struct elffile *f, const char *name, struct elffile_symbol *out);

/* elffile_find_object - the same for a data object of .dynsym. */
int elffile_find_object(const struct elffile *f, const char *name, struct elffile_symbol *out);

/* elffile_next - the functions one by one, in no order; one that is in both tables comes twice.
 * @at  0 at first; then where the next call goes on      Return: 0 and *out, or -ENOENT: that was all. */
int elffile_next(const struct elffile *f, size_t *at, struct elffile_symbol *out);

/* elffile_covering - the function whose [vaddr, vaddr + size) holds vaddr. A symbol without a size covers up to the
 * next symbol of its section at most. Where several do, a global name is preferred, then the shorter range.
 * Return: 0 and *out, or -ENOENT: never a function that merely comes before. */
int elffile_covering(const struct elffile *f, uint64_t vaddr, struct elffile_symbol *out);

/* A segment that may be executed. */
struct elffile_code {
	uint64_t vaddr;
	uint64_t offset; /* in the file */
	uint64_t n_bytes;
};

/* elffile_code - the i-th of them.  Return: 0, or -ENOENT: there are not so many. */
int elffile_code(const struct elffile *f, size_t i, struct elffile_code *out);

/* elffile_vaddr_to_offset, elffile_offset_to_vaddr - translate by the PT_LOAD segments.
 * Return: 0, or -ENOENT when no segment holds it in the file. */
int elffile_vaddr_to_offset(const struct elffile *f, uint64_t vaddr, uint64_t *offset);
int elffile_offset_to_vaddr(const struct elffile *f, uint64_t offset, uint64_t *vaddr);

#endif
