/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/due.h - processes that are to be looked at a moment later: since more of them may change by then, or since their files are
 * being read, which the main loop does not wait for: crashes are told meanwhile. */
#ifndef CLI_DUE_H
#define CLI_DUE_H

#include "cli/run.h"

/* due_add - look at this process soon: it has loaded something, and may load more. due_add_program - sooner: it executes a new program. */
void due_add(struct run *r, pid_t pid);
void due_add_program(struct run *r, pid_t pid);

/* due_while_read - look at it again while its files are being read.  @parent  it is a new child of that one, and to be followed; 0: it is not
 * Return: 1; 0: not any more, it has been long enough, or there is no memory. */
int due_while_read(struct run *r, pid_t pid, pid_t parent);

/* due_look - look at those that are due. When fd_due is readable. */
void due_look(struct run *r);

void due_close(struct run *r);

#endif
