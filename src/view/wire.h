/* SPDX-License-Identifier: GPL-2.0-or-later */
/* view/wire.h - between ncurses and a terminal that may take nothing for a while: a slow or broken connection, Ctrl-S.
 *
 * ncurses writes to a file descriptor and waits until all is taken. While the wire is on, that descriptor is a pipe, which a
 * thread empties into the terminal: then it is the thread that waits. For terminal modes, which ncurses sets by the same descriptor,
 * the wire is off.
 * Owner: who opens it. Thread: one calls; the one within sees no more than the descriptors. */
#ifndef VIEW_WIRE_H
#define VIEW_WIRE_H

struct wire;

/* wire_open - off at first.
 * @fd  what ncurses writes to: a descriptor of its own for the terminal   @terminal  another one for it; both stay the caller's
 * Return: 0 or -errno. */
int wire_open(struct wire **out, int fd, int terminal);

/* wire_on - put the thread in between, if it has nothing to do. Idempotent. */
void wire_on(struct wire *w);

/* wire_is_clear - has the terminal taken all that was sent? Then there is room for a screen. */
int wire_is_clear(struct wire *w);

/* wire_off - fd is the terminal again. What is under way is waited for, but not for long.
 * Return: 0; -ETIMEDOUT: the terminal takes nothing, and what it has not taken by now is dropped, but for what its last write holds. */
int wire_off(struct wire *w);

/* wire_close - off, and the end of the thread. */
void wire_close(struct wire *w);

#endif
