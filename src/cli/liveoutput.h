/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/liveoutput.h - what a command that was started here writes, while there is a live view: it has a terminal of its own to write on, which
 * goes into the view, and onto the normal screen when that ends. */
#ifndef CLI_LIVEOUTPUT_H
#define CLI_LIVEOUTPUT_H

#include "cli/run.h"

/* liveoutput_open - if there will be a view.  @fd  out: for the command; -1: it writes for itself      Return: 0 or -errno. */
int liveoutput_open(struct run *r, int *fd);

/* liveoutput_read - take what there is. When r->fd_output is readable. */
void liveoutput_read(struct run *r);

/* liveoutput_leave - the rest of it, after the view. Of a command that goes on, a process is left that passes on what it writes: without a
 * reader it would wait, or fail. */
void liveoutput_leave(struct run *r);

#endif
