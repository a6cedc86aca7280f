/* SPDX-License-Identifier: GPL-2.0-or-later */
/* target/parser.h - the child without rights that reads the files of traced processes, and what both say to each other: one question at
 * a time, over a socket that keeps messages apart. Both are the same program, so that structs need no encoding.
 *
 * The child (parse.c) is given a file's descriptor, and answers what is asked of it with plain tables. A file may take it over; then it
 * may tell lies, but what it says is checked here: numbers, order and strings. So that it can lie about no other owner's files, a child
 * reads the files of one owner on one file system only; for the next another one is begun. When a file kills it, or takes longer than
 * wait_ns, that file is taken for none that can be read. Of who owns many of these none is read any more.
 * Owner: struct target. Thread: one. */
#ifndef TARGET_PARSER_H
#define TARGET_PARSER_H

#include <sys/stat.h>

#include "target/identity.h"
#include "util/elfimports.h"

#define PARSER_MAX_PLACES 1024

/* Numbers of files that are copies of the vdso: of ours, in which nothing is hostile; of another. */
#define PARSER_OUR_VDSO	  UINT32_MAX
#define PARSER_OTHER_VDSO (UINT32_MAX - 1)

enum { PARSE_ELF = 1, PARSE_IMPORTS, PARSE_ENTRIES, PARSE_LEAVES, PARSE_ENDS, PARSE_VERSION, PARSE_IDENTITY };

/* Comes with the file's descriptor. Only the first n_places are sent. */
struct parse_ask {
	uint32_t type;
	uint32_t number; /* of the file: the child may know its symbols already */
	uint32_t what;	 /* PARSE_IDENTITY: IDENTITY_x */
	uint32_t n_places;
	uint64_t vaddr; /* PARSE_LEAVES */
	struct entry_place place[PARSER_MAX_PLACES];
};

/* Is followed by so many bytes, in messages of up to PARSE_MESSAGE_BYTES. */
struct parse_answer {
	int64_t status; /* as of the function that is asked for, see target/internal.h */
	uint64_t n_bytes;
};

#define PARSE_MESSAGE_BYTES (1 << 16)

/* An owner of files on a file system. */
struct parser_owner {
	dev_t dev;
	uid_t uid;
	unsigned n_lost; /* children, by these files */
};

/* What the child says to a question, as far as it has come. */
struct parser_reply {
	uint64_t hang_ns; /* CLOCK_MONOTONIC: by then it has come, or never will */
	int has_begun;
	int status;
	void *data; /* malloc'ed: n_wanted bytes, of which n_bytes are there */
	size_t n_bytes;
	size_t n_wanted;
};

#define PARSER_MAX_ASKED 8

struct parser {
	pid_t pid; /* 0: no child */
	int socket;
	uint64_t wait_ns; /* for an answer */
	struct target_module
		*asked[PARSER_MAX_ASKED]; /* those whose symbols it reads; the answer to the first comes first */
	size_t n_asked;
	struct parser_reply reply; /* about the first of them */
	unsigned n_starts;
	struct parser_owner *owner; /* whose files have been read */
	size_t n_owners;
	size_t served; /* 1 + index of the one whose files the child has read; 0 = of none */
	int is_told;   /* that there is no child to be had */
	uint32_t *bad; /* numbers of files that are not read again */
	size_t n_bad;
};

int parser_open(struct parser **out);
void parser_close(struct parser *p);

/* parse_run - the child: answer until the socket is closed. */
_Noreturn void parse_run(int socket, int parent_pid);

/* parse_meet - tests: called in the child before it reads a file. */
extern void (*parse_meet)(int fd);

/* The questions. Those about a module whose parser is NULL are answered by this very process: in the child itself, and in tests that
 * read files of their own.
 *
 * parser_elf - as elffile_open().  Return: also -EBADMSG the file killed the child; -EAGAIN there is none. */
int parser_elf(struct parser *p, uint32_t number, int fd, const char *path, struct elffile **out);

/* parser_elves - the same for modules whose fd is open: fill in elf, set is_read, and see which allocators they have. The child reads one
 * while we look at what it has said of others.
 * @until_ns  CLOCK_MONOTONIC: they are waited for no longer; UINT64_MAX: until all are read
 * Return: 0; -EINPROGRESS: some are not read by then. As long as they are not, all other questions are answered with -EAGAIN. */
int parser_elves(struct parser *p, struct target_module *const *module, size_t n, uint64_t until_ns);

/* parser_is_idle - have all files been read that were asked for? Waits for that until then.  Return: 1; 0: they have not. */
int parser_is_idle(struct parser *p, uint64_t until_ns);

/* parser_imports - as bindings_imports(); parser_leaves - as leaves_find(); parser_ends - as ends_find(); parser_version - as
 * php_read_version(); parser_identity - as identity_read_file(): -errno, of the same kinds as above, where there is no answer.
 * parser_entries - as entry_decide(): where there is no answer nothing is moved. */
int parser_imports(const struct target_module *m, struct elfimport **out);
int parser_leaves(const struct target_module *m, uint64_t vaddr, uint64_t *offset, size_t cap);
int parser_ends(const struct target_module *m, struct end_place *out);
int parser_version(const struct target_module *m, char *version, size_t cap);
int parser_identity(const struct target_module *m, unsigned what, struct identity_file *out);
void parser_entries(const struct target_module *m, struct entry_place *place, size_t n);

#endif
