/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rights/rights.h - after start-up swtrace gives up every right that it does not need any more: docs/rights.md says which it keeps and
 * why.
 *
 * In: what is still to be done. Out: nothing. Nothing of this can be taken back. Thread: the process must have no other. */
#ifndef RIGHTS_RIGHTS_H
#define RIGHTS_RIGHTS_H

#include <stddef.h>

/* What is still to be done, besides tracing. */
enum {
	RIGHTS_WRITE = 1 << 0,	  /* files are opened for writing */
	RIGHTS_OTHERS = 1 << 1,	  /* and they lie in a directory that is another user's */
	RIGHTS_COMMAND = 1 << 2,  /* a program was started, and is signalled: it may have changed its user */
	RIGHTS_SPAWN = 1 << 3,	  /* swtrace is started once more, and needs its rights then */
	RIGHTS_NETWORK = 1 << 4,  /* debuginfod is asked, and what it answers is kept */
	RIGHTS_LISTEN = 1 << 5,	  /* a socket that is open by now is answered */
	RIGHTS_URGENT = 1 << 6,	  /* probes are removed with priority: --overhead */
	RIGHTS_TERMINAL = 1 << 7, /* a terminal's modes are changed */
	RIGHTS_SEND = 1 << 8,	  /* profiles are sent to a server */
	RIGHTS_ADMIN = 1 << 9,	  /* the kernel wants CAP_SYS_ADMIN of who places probes */
};

/* rights_to_write - what writing this file takes: RIGHTS_WRITE, with RIGHTS_OTHERS where it is needed; 0: path is NULL.
 * rights_to_write_in - likewise, of files in a directory. */
unsigned rights_to_write(const char *path);
unsigned rights_to_write_in(const char *directory);

/* rights_drop - give up all other rights. Errors are printed.
 * @needs  RIGHTS_x      Return: 0, or -errno: then nothing more must be done. */
int rights_drop(unsigned needs);

#endif
