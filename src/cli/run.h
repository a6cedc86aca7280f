/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/run.h - a tracing session, shared by the files that run it: run.c (set up, wait, take down), events.c (what happens
 * to the traced processes), follow.c (their children), system.c (all processes) and allocator.c (which malloc they use). */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include "cli/cli.h"

#define RUN_TRACED_COST 1.7 /* what a call that is recorded costs, times that of one that is not: docs/benchmarks.md */

struct run {
	const struct cli_settings *s;
	struct target *target;
	struct reader *reader; /* of unwind information; names have one of their own, which may be busy for long */
	struct attach *attach;
	struct collect *collect;
	struct reporter reporter;
	struct launch launch;	 /* pid 0: none */
	struct windows *windows; /* NULL: probes are in place all the time */
	int fd_signal;
	int fd_interval;
	int fd_sample;	    /* -1: no more samples between reports */
	uint64_t sample_ns; /* from one of them to the next */
	int fd_duration;    /* -1: no end */
	int fd_output;	    /* what a started command writes, while there is a live view; -1: it writes for itself */
	uint64_t look_ns;   /* CLOCK_MONOTONIC: in this turn files are waited for no longer, of whomever is looked at */
	int fd_due;	    /* due.h: processes are to be looked at; -1: none were */
	struct run_due *due;
	size_t n_due;
	const struct run_due *looking; /* at this one, now; NULL: at none of them */
	int is_over;		       /* all that was traced has ended; the live view is still looked at */
	int done;
	int code; /* exit code, once done */
};

/* run_finish - end the session with this exit code, unless it ends already. */
void run_finish(struct run *r, int code);

/* run_output_lost - standard output cannot be written any more: without it there is nothing left to do. */
void run_output_lost(struct run *r, int err);

/* run_raise_file_limit - make room for a descriptor for each mapped file, process and probe link. Not before a command is forked: it keeps
 * its own limit. */
void run_raise_file_limit(void);

/* run_add_failed - say why a process cannot be looked into.  Return: exit code. */
int run_add_failed(pid_t pid, int err);

/* run_timer - a descriptor that becomes readable after so long, once or again and again.  Return: it, or -1. */
int run_timer(uint64_t ns, int repeat);

/* run_signals - block the signals that end a session, and that of a child's end: they are read.  Return: a descriptor, or -errno. */
int run_signals(void);

/* run_any_alive - 1 while one of the processes to trace lives. */
int run_any_alive(struct run *r);

/* run_no_allocator - say that nothing can be traced in a process, and where was looked. */
void run_no_allocator(const struct target_process *p);

/* run_add_allocator - "malloc is glibc's (libc.so.6): no other file defines it", of a process that has one. */
struct strbuf;
void run_add_allocator(struct strbuf *b, const struct target_process *p);

/* run_tell_allocators - say which malloc the process uses, and why, unless that was said before. */
void run_tell_allocators(struct target_process *p);

/* events_handle - what an event of a traced process asks for. For collect_open(): ctx is the struct run. */
void events_handle(void *ctx, const struct model_event *e);

/* events_probe - look at a process's files again and probe what is new. Waits until these are read.
 * events_look - likewise; where reading takes longer than a moment, that comes later, by due.h.
 * Return: allocator functions probed, or -errno. */
int events_probe(struct run *r, struct target_process *p);
int events_look(struct run *r, struct target_process *p);

/* events_process_gone - a traced process has ended. */
void events_process_gone(struct run *r, struct target_process *p);

/* events_reap - forget the children whose end was missed. */
void events_reap(struct run *r);

/* system_begin - trace all processes that are selected, and say what that is likely to cost.  Return: 0 or exit code. */
int system_begin(struct run *r);

/* system_event - an event in system-wide mode.  Return: 0, or -errno of stdout. */
int system_event(struct run *r, const struct model_event *e);

/* system_meet - look at a process: begin to trace it, or see what it has loaded. */
void system_meet(struct run *r, pid_t pid);

/* system_sweep - trace what is selected by now and was not told of; forget what has ended or is selected no more. */
void system_sweep(struct run *r);

/* windows_begin - plan the first window. After all processes are added.  Return: 0 or -errno.
 * windows_fd - becomes readable when windows_on_time() is to be called; -1 while there are no windows. */
int windows_begin(struct run *r);
int windows_fd(const struct run *r);

/* windows_on_time - trace for a moment, if it is time to; else look at the heaps alone. Takes up to about 200 ms. */
void windows_on_time(struct run *r);

/* windows_update - bring what the report tells of windows up to date. */
void windows_update(struct run *r);

/* windows_forget - the process has ended, or executed another program: it begins anew. */
void windows_forget(struct run *r, pid_t pid);

void windows_end(struct run *r);

/* requests_check - is each --request-probe in a file that a traced process maps? What is not is told, with what is near it.
 * Return: 0, or EXIT_USAGE. */
int requests_check(const struct run *r);

/* follow_begin - trace the children that a process has, and those that it will have, if that is asked for. */
void follow_begin(struct run *r, struct target_process *p);

/* follow_child - a process has made a child: trace it, too, if that is asked for. One that has ended by now, or is about to
 * execute another program, is left alone. */
void follow_child(struct run *r, const struct target_process *parent, pid_t pid);

/* follow_retire - forget a child that was traced, with all that is known of it. */
void follow_retire(struct run *r, struct target_process *p);

#endif
