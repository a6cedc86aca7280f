/* SPDX-License-Identifier: GPL-2.0-or-later */
/* view/rescue.h - the terminal is given back even if this program is killed by a signal of its own making. Private to the room.
 * Signal handlers have no other way to know it: so there is one terminal, and it is global. */
#ifndef VIEW_RESCUE_H
#define VIEW_RESCUE_H

#include <stdio.h>

/* rescue_prepare - note how the terminal is, before it is changed. rescue_begin - it is ours from now on: a signal that kills gives it
 * back first. After newterm(). rescue_end - it is not any more.
 * rescue_without - give it back, as it takes no bytes now: its modes alone.
 * @later  NULL, or where the bytes are written to */
void rescue_prepare(void);
void rescue_begin(void);
void rescue_end(void);
void rescue_without(FILE *later);

#endif
