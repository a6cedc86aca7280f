/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reader/internal.h - what parent and child say to each other: one message each way a request, over a socket that keeps
 * messages apart. Both are the same program, so the structs need no encoding. */
#ifndef READER_INTERNAL_H
#define READER_INTERNAL_H

#include "reader/reader.h"

enum { ASK_ROWS = 1, ASK_LINK, ASK_FILE, ASK_NAMES, ASK_PHP, ASK_PLAIN };

/* ASK_LINK comes with the file's descriptor; its answer is one frame: the link's name as file, its checksum as line. ASK_ROWS
 * comes with the file's descriptor and one to write the rows to; ASK_FILE with the file's and, if has_debug, its debug
 * file's; ASK_PHP with the descriptor of the file that has DWARF. ASK_PLAIN's answer is one frame's function. */
struct ask {
	uint32_t id; /* the answer has the same */
	uint32_t type;
	uint32_t file; /* reader_file.number; descriptors are kept under it */
	uint32_t has_debug;
	uint64_t vaddr;
	char name[READER_NAME_BYTES]; /* ASK_PLAIN: what a compiler has made of a name */
};

struct answer {
	uint32_t id;
	int32_t status; /* ASK_ROWS: 0 or -errno; ASK_NAMES: number of frames, 0 to READER_MAX_FRAMES */
	uint64_t base;	/* ASK_ROWS: target_rows.base */
	uint64_t n;	/* ASK_ROWS: rows written */
	uint32_t offset[READER_PHP_OFFSETS + 1];      /* ASK_PHP; one more for alignment */
	struct reader_frame frame[READER_MAX_FRAMES]; /* only the first `status` are sent */
};

/* child.c - serve until the socket is closed. Never returns. */
_Noreturn void child_run(int socket, int parent_pid);

/* members.c - as reader_php(), but never -EAGAIN. */
int members_of_php(int fd, uint32_t offset[READER_PHP_OFFSETS]);

/* names.c - the child's libdwfl.
 * names_add takes the descriptors over. names_find: as reader_names(), but never -EAGAIN. */
int names_add(uint32_t file, int fd, int fd_debug);
int names_link(int fd, struct reader_frame *out);

/* names_plain - C++ and Rust names as people write them, without parameters; others as they are, without a linker's version. */
void names_plain(char to[READER_NAME_BYTES], const char *name);
int names_find(uint32_t file, uint64_t vaddr, struct reader_frame *out);

#endif
