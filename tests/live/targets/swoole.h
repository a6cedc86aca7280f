/* SPDX-License-Identifier: GPL-2.0-or-later */
/* swoole.h - what the made-up Swoole does; swoole-main.c is the server that it does it for. */
#ifndef TARGETS_SWOOLE_H
#define TARGETS_SWOOLE_H

enum { SWOOLE_WORKER = 2, SWOOLE_TASK_WORKER = 4, SWOOLE_USER = 5 };

/* In the master, before it forks; in the manager; in a worker. */
void swoole_start(void);
void swoole_be_manager(void);
void swoole_be_worker(unsigned id, unsigned type);

#endif
