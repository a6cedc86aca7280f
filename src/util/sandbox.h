/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util/sandbox.h - a child process that reads hostile files: how it gives up all rights, is given what it reads, and is ended.
 *
 * In: a socket between both. Nothing that comes from the child is to be believed unchecked. */
#ifndef UTIL_SANDBOX_H
#define UTIL_SANDBOX_H

#include <stddef.h>
#include <sys/types.h>

#define SANDBOX_FDS 2 /* that one message carries at most */

/* sandbox_start - begin a child that runs this, which is to call sandbox_enter().
 * @socket  out: our end, which keeps messages apart      Return: 0; -EAGAIN no process is to be had; -errno. */
int sandbox_start(pid_t *pid, int *socket, void (*run)(int socket, int parent_pid));

/* sandbox_enter - in the child: give up everything that reading files does not need. The socket becomes descriptor 3; all others are
 * closed.
 * @network  debuginfod is to be asked: sockets, threads and files stay allowed. Set to 0 where that would be too much: it stays root
 * Return: 0, or -errno: then nothing must be read. */
int sandbox_enter(int socket, int *network);

/* sandbox_end - end the child for good, and wait for that. Where we may not kill another user, and are not one with it yet (rights/), we
 * are for a moment. */
void sandbox_end(pid_t pid);

/* sandbox_send - one message, with descriptors; they stay the caller's.
 * @flags  of sendmsg(2)      Return: 0; -EAGAIN with MSG_DONTWAIT: too many are under way; -EPIPE nobody is there. */
int sandbox_send(int socket, const void *q, size_t n_bytes, const int *fd, size_t n_fds, int flags);

/* sandbox_take - in the child: the next message.
 * @fd  out: its descriptors, which are the caller's now; -1 = not so many
 * Return: its length, or -errno: there will be none. */
ssize_t sandbox_take(int socket, void *q, size_t cap, int fd[SANDBOX_FDS]);

#endif
