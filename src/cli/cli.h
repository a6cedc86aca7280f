/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/cli.h - the command line, and what the files of this room share.
 *
 * In: argv. Out: exit code. This room knows all others and ties them together; no other room knows it. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "analyze/analyze.h"
#include "attach/attach.h"
#include "cli/probecost.h"
#include "collect/collect.h"
#include "export/export.h"
#include "metrics/metrics.h"
#include "output/output.h"
#include "profile/profile.h"
#include "push/push.h"
#include "symbol/symbol.h"
#include "target/target.h"

#ifndef SWTRACE_VERSION
#define SWTRACE_VERSION "unknown"
#endif

/* Exit codes, the same for every command. A command started with "--" passes its own on; when it cannot be started the
 * code is 127 (not found) or 126, as in a shell. */
enum {
	EXIT_DONE = 0,
	EXIT_EXCEEDED = 1,    /* --fail-on: what was asked for was found */
	EXIT_USAGE = 2,	      /* also: the output asked for cannot be written */
	EXIT_UNSUPPORTED = 3, /* not permitted, or the kernel or the target cannot be traced */
	EXIT_GONE = 4,	      /* there is no such process, or all have ended */
};

#define CLI_MAX_PIDS	     64
#define CLI_DEFAULT_FREED    65536 /* 2 MiB of kernel memory */
#define CLI_DEFAULT_TOP	     10
#define CLI_DEFAULT_EVERY_NS 60000000000ULL
#define CLI_DEFAULT_KEEP     100

/* Are children of the processes traced? By default those of a process that has some which run the same program: a master. */
enum { CLI_FOLLOW_MASTERS, CLI_FOLLOW_ALL, CLI_FOLLOW_NONE };

/* What is to be done. */
enum { CLI_TRACE, CLI_WATCH, CLI_RECORD, CLI_REPORT, CLI_DOCTOR };

struct cli_settings {
	int task; /* CLI_x */
	pid_t pid[CLI_MAX_PIDS];
	size_t n_pids;
	int all;				    /* every process of the system, or those of the selection */
	struct attach_selection selection;	    /* its names are in here, too: */
	const char *cgroup_path[ATTACH_SELECT_MAX]; /* directories of selection.cgroup; NULL: a container's */
	const char *container[ATTACH_SELECT_MAX];   /* ids or names */
	size_t n_containers;
	struct containers *containers; /* containers_find() */
	char names[4096];
	size_t names_len;
	char *const *command; /* argv of the program to start; NULL = none */
	uint64_t interval_ns;
	uint64_t duration_ns; /* 0 = until stopped */
	uint64_t count;	      /* 0 = until stopped */
	uint64_t top;
	struct collect_filter filter;
	int follow; /* children, too: CLI_FOLLOW_x */
	unsigned layer_mask;
	uint64_t max_blocks;
	uint64_t n_freed; /* freed blocks to remember; 0 = none */
	int free_stacks;
	double overhead_percent; /* 0 = trace all the time; else in windows */
	uint64_t trace_ns;	 /* of swtrace watch: how long a trace lasts */
	const char *out;	 /* of swtrace watch: a directory for reports */
	const char *crash_file;	 /* of swtrace report: a file with a crash, */
	const char *input;	 /* or a recording; NULL: none */
	const char *diff;	 /* an earlier recording to compare it with; NULL: none */
	const char *export_dir;	 /* NULL: none */
	uint64_t every_ns;	 /* between two exports there */
	uint64_t keep;		 /* how many stay, also in out */
	int format;		 /* enum export_format */
	const char *output;	 /* of swtrace record: its file; of swtrace report: NULL = standard output */
	const char *folded;
	const char *flamegraph;
	const char *pprof;    /* files, renewed at every report; NULL: none */
	const char *push_url; /* where profiles are sent to; NULL: nowhere. May hold a password */
	uint64_t push_ns;     /* at least so long between two of them; 0 = at every report */
	struct target_request request[TARGET_REQUEST_MAX]; /* strings are in names */
	size_t n_requests;
	struct metrics_address listen; /* len 0: nowhere */
	const char *save;	       /* file that JSON lines are appended to; NULL: none */
	int fail_on_leak;
	int crashes; /* tell of crashes alone */
	int json;
	int plain;	  /* no live view, whatever standard output is */
	int is_live;	  /* the live view is shown: set by main() */
	int has_interval; /* it was asked for */
	int verbose;
	int help;
	int version;
};

/* args_parse - fill settings from argv. Errors are printed.  Return: 0, or EXIT_USAGE. */
int args_parse(struct cli_settings *s, int argc, char **argv);

/* help_print - print the help text: of tracing, or of a command.  @task  CLI_x */
void help_print(int task);

/* launch.c - start a program so that not even its first instruction runs before the probes are in place. */
struct launch {
	pid_t pid;
	int fd_go;	/* closed: the child goes on to exec */
	int fd_error;	/* the child writes errno here when exec fails */
	int is_stopped; /* until its probes are in place */
	int has_status;
	int status; /* as from waitpid(2) */
};

/* launch_fork - make the child; it waits.
 * @fd_output  what it writes to instead of our standard output and error, and has nothing to read from our terminal; -1: all is ours
 * Return: 0 or -errno. */
int launch_fork(struct launch *l, char *const *command, int fd_output);

/* launch_exec - let it go.  Return: 0; or the errno with which exec failed, negative. */
int launch_exec(struct launch *l);

/* launch_await_stop - wait until the child is stopped.  Return: 0, or -ESRCH: it has ended instead. */
int launch_await_stop(struct launch *l);

/* launch_reap - take the child's status if it has ended.  @wait  wait until it has */
void launch_reap(struct launch *l, int wait);

/* ends.c - what is remembered of processes that gave up. */
struct end_note;
struct ends {
	struct end_note *note;
	size_t n;
};

/* listen.c - --listen. All of these do nothing if it was not asked for. */
struct listener {
	struct metrics_server *server; /* NULL: it was not */
	struct metrics *values;
	struct probecost probes;
	int has_failed; /* a warning has been printed */
	uint64_t told_ns;
	int is_stale; /* something has happened since */
};

/* listen_open - begin to listen. Errors, and where it is, are printed.
 * @has_events  crashes and the like will be told of      Return: 0 or exit code.
 * listen_start - begin to answer, when all rights that are not needed have been given up. Errors are printed.  Return: 0 or exit code.
 * listen_probes - tracing begins; a call of a probed function costs so much: attach_cost_ns(). Without it what they cost is not told. */
int listen_open(struct listener *l, const struct cli_settings *s, int has_events);
void listen_close(struct listener *l);
int listen_is_open(const struct listener *l);
int listen_start(struct listener *l);
void listen_probes(struct listener *l, unsigned call_ns);

/* listen_report, listen_estimate - what a report tells. listen_look - a snapshot without stacks. listen_losses - losses alone.
 * listen_event - something has happened; of an exit with its reason. It is told at once, or a moment later with what else happens until
 * then: to be called are listen_turn(), after so many ms: listen_timeout_ms(); -1: there is nothing to tell. listen_tell - nothing new, but what swtrace itself takes. */
void listen_report(struct listener *l, const struct analyze_report *r, const struct analyze_verdicts *v,
	const struct output_stack *stacks);
void listen_estimate(struct listener *l, const struct analyze_estimate *e, const struct output_stack *stacks);
void listen_look(struct listener *l, const struct model_snapshot *s, const struct analyze_verdicts *v);
void listen_losses(struct listener *l, const struct model_snapshot *s);
void listen_event(struct listener *l, const struct model_event *e);
void listen_turn(struct listener *l);
int listen_timeout_ms(const struct listener *l);
void listen_tell(struct listener *l);

/* report.c - from a snapshot to what is printed. */
struct reporter {
	const struct cli_settings *settings;
	struct target *target;
	struct symbol *symbol;
	struct collect *collect;
	struct model_snapshot *before;
	struct model_process *
		looked_at; /* processes as of the last look, whether it was for a report or not; without what a snapshot owns */
	size_t n_looked_at;
	uint64_t looked_ns;
	struct model_history history;
	struct model_request_histories requests;
	struct analyze_verdicts verdicts;
	const struct model_windows *windows; /* NULL: probes are in place all the time. Borrowed */
	unsigned n_reports;
	size_t n_rows; /* stacks in the last one */
	struct profile
		profile; /* of the last report, for exports; that of one when processes lived, if all have ended */
	struct writer *writer; /* of files; NULL: there was nothing to write yet */
	unsigned
		export_failed; /* files that could not be written, a bit each, which was told; likewise that not all was sent */
	uint64_t exported_ns;  /* to the directory; 0: never */
	int dir_failed;	       /* a warning has been printed */
	int dir_is_left;       /* likewise, of old ones that cannot be removed */
	struct push *push;     /* NULL: nothing is sent */
	uint64_t pushed_ns;    /* of which moment the last profile told that was sent; 0: none was */
	int64_t pushed_utc_ns; /* the same */
	FILE *save;	       /* report_open(); NULL: none. swtrace record: events, in memory: */
	char *events;
	size_t events_bytes;
	int save_failed; /* likewise a warning */
	struct ends ends;
	struct listener listener;
	int has_leak;	   /* by the last report of a process that lived */
	FILE *out;	   /* reports and events: standard output; while there is a live view, events alone, to it */
	struct live *live; /* NULL: there is no live view */
	int err;	   /* -errno: standard output cannot be written */
};

/* report_open - open the file that JSON lines are to be saved in, if that is asked for. Errors are printed.  Return: 0, or EXIT_USAGE. */
int report_open(struct reporter *r);

/* report_make - one report of this moment, to stdout, the folded file and the saved one.  Return: 0, or -errno of stdout. */
int report_make(struct reporter *r, int is_final);

/* report_quietly - in a session without reports: what the processes are and hold by now, for the crashes to come; what was not seen, for
 * metrics alone.  Return: 0 or -errno. */
int report_quietly(struct reporter *r);

/* report_losses - what was not seen, at the end of a session without reports.  Return: as above. */
int report_losses(struct reporter *r);

/* report_tell_failed - say why what was asked for cannot be told any more.  @err  -errno of standard output; -ENOMEM */
void report_tell_failed(int err);

/* report_name_rows, report_name_estimate - names for the stacks of a report.  @out  to be freed, even if that failed, with report_free_rows()
 * Return: 0 or -ENOMEM. */
int report_name_rows(struct reporter *r, const struct analyze_report *report, struct output_stack **out);
int report_name_estimate(struct reporter *r, const struct analyze_estimate *e, struct output_stack **out);
void report_free_rows(struct output_stack *stacks, size_t n);

/* export.c - report_export - write the files that are made of a profile: --folded, --flamegraph, --pprof, swtrace record; and send it:
 * --push. What fails is told once.
 * @now  a snapshot
 * report_export_open - begin to keep events for it. Errors are printed.  Return: 0 or exit code. */
void report_export(struct reporter *r, const struct model_snapshot *now, int is_final);
int report_export_open(struct reporter *r);

/* export.c - report_export_kept - what came of keeping an event in memory: there is room for so many. */
void report_export_kept(struct reporter *r, int err);

/* export.c - report_write_form - for outfile_write(): a profile in a form.  @ctx  struct report_form */
struct report_form {
	const struct profile *p;
	enum export_format format;
};
int report_write_form(FILE *f, const void *ctx);

/* export.c - report_profile - the last profile as text, to standard output, if it has any stacks.  Return: 0, or -errno of it. */
int report_profile(struct reporter *r);

/* exportdir.c - one time that files are written to the directory of --export-dir. */
struct exportdir_job {
	const char *dir;
	uint64_t keep;
	char stem[PATH_MAX - 64]; /* of their names; "": none are due */
	/* What came of it: 0 or -errno. */
	int err;
	char path[PATH_MAX]; /* of the one that could not be written */
	int err_old;	     /* of removing old ones */
	size_t n_left;	     /* of these */
};

/* exportdir_plan - what is to be written of r->profile.
 * exportdir_write - write all forms of a profile under a new name, and remove what is too old. Tells nothing.
 * exportdir_tell - what came of that: what fails is told once. */
void exportdir_plan(const struct reporter *r, int is_due, struct exportdir_job *j);
void exportdir_write(struct exportdir_job *j, const struct profile *p);
void exportdir_tell(struct reporter *r, const struct exportdir_job *j);

/* writer.c - files that are renewed at reports, by a thread that reads r->profile.
 * writer_is_idle - is it done with those of the report before? What came of them is told, also that it takes long.  @is_last  wait for it,
 * for some seconds at most; on a terminal that is told meanwhile
 * writer_timeout_ms - how soon to ask that again; -1: it is idle
 * writer_begin - begin to write; it must be idle.  @path  of each, NULL: none      @is_dir_due  those of --export-dir, too
 * writer_has_profile - it reads r->profile still, so that it must not be changed. writer_release - r->profile is empty after this: it is
 * freed, or left to the writer.
 * writer_close - wait for the last ones. What is not done by then is told, and left. More than once is fine.
 * writer_tell_no_memory - for a profile, or for a writer. */
enum { WRITER_FOLDED, WRITER_FLAMEGRAPH, WRITER_PPROF, WRITER_RECORDING, WRITER_FILES };
int writer_is_idle(struct reporter *r, int is_last);
int writer_timeout_ms(const struct reporter *r);
void writer_begin(struct reporter *r, const char *const path[WRITER_FILES], int is_dir_due);
int writer_has_profile(const struct reporter *r);
void writer_release(struct reporter *r);
void writer_close(struct reporter *r);
void writer_tell_no_memory(struct reporter *r);

/* push.c - report_push_open - be ready to send profiles, if that is asked for. Errors are printed.  Return: 0 or exit code.
 * report_push_is_due - is one to be sent at this report? report_push - send r->profile, made of now.  Return: 0 or -ENOMEM.
 * report_push_close - wait for what is still to be sent, for some seconds at most.  Return: 0, or -EIO: not all could be sent. */
int report_push_open(struct reporter *r);
int report_push_is_due(const struct reporter *r, const struct model_snapshot *now, int is_final);
int report_push(struct reporter *r, const struct model_snapshot *now);
int report_push_close(struct reporter *r);

/* convert.c - swtrace report FILE.  Return: exit code. */
int convert_report(const struct cli_settings *s);

/* convert.c - convert_load - read a recording, as much of it as is whole.
 * @p  begun by this, to be freed in any case      Return: 0; 1 something is missing, which was told; -1 there is nothing of it, which was
 * told. */
int convert_load(const char *path, struct profile *p);

/* report_clear - free what it keeps from one report to the next. */
void report_clear(struct reporter *r);

/* What all else waits for at most where a crash waits to be told: names. */
#define REPORT_YIELD_NS 50000000ULL

/* report_sample - look, for the verdicts alone: REPORT_SAMPLE_NS after the start, if reports are made less often, and then
 * Return: after so long again; 0: the looks of the reports will do from now on. */
#define REPORT_SAMPLE_NS 1000000000ULL
uint64_t report_sample(struct reporter *r);

/* report_event - one event, to stdout and the saved file.  Return: 0, or -errno of stdout. */
int report_event(struct reporter *r, const struct model_event *e);

/* ends.c - report_has_told - that this process gave up: its end is awaited. */
int report_has_told(const struct reporter *r, int pid);

/* crashfile.c - swtrace report --crash: the last crash in a file of JSON lines, as a text for a bug tracker, on stdout.
 * Return: exit code. */
int crashfile_report(const struct cli_settings *s, const char *version);

/* containers.c - what --container names, and where it is now. */
struct containers {
	size_t first; /* of selection.cgroup */
	char *path[ATTACH_SELECT_MAX];
	uint64_t cgroup[ATTACH_SELECT_MAX];
	int is_gone[ATTACH_SELECT_MAX]; /* that was told */
};

/* containers_find - find those of s->container, and put their cgroups into s->selection. Errors are printed, with what there is.
 * @c  to be cleared with containers_clear()      Return: 0 or exit code.
 * containers_follow - one that has ended may have been started again: find it.  @a  to be told of its cgroup, or NULL
 * containers_path - the directory of the i-th cgroup of the selection; NULL: its container has ended. */
int containers_find(struct cli_settings *s, struct containers *c);
void containers_follow(const struct cli_settings *s, struct attach *a);
const char *containers_path(const struct cli_settings *s, size_t i);
void containers_clear(struct containers *c);

/* watch.c - swtrace watch.  Return: exit code. */
int watch_run(const struct cli_settings *s);

/* report_name - names for the addresses of a stack. Inlined functions are frames too, so there may be more than addresses.
 * @generation  of the mappings that they are in; 0 = the last one      @first_is_ip  addr[0] is no return address
 * out->walk is set already: of a stack that was taken while libraries changed, only what is sure is shown.
 * Return: 0 and *out, its frames to be freed; -ENOMEM. */
int report_name(struct reporter *r, const struct target_process *p, const uint64_t *addr, size_t n, uint32_t generation,
	int first_is_ip, struct output_stack *out);

/* report_name_block - names for one of the stacks of a block.  @p  NULL: not known
 * *out: as above; n is 0 of a stack that is not known. */
void report_name_block(
	struct reporter *r, const struct target_process *p, const struct model_near_stack *s, struct output_stack *out);

/* report_saved - what came of writing to r->save: the first failure is told, and tracing goes on. r->save may be NULL after this. */
void report_saved(struct reporter *r, int err);

/* crash.c - report_crash - a fatal signal with e->crash, to stdout and the saved file.  @p  the process, as it is known; NULL = it is not
 * Return: 0, or -errno of stdout.
 * report_signal_until - until when (CLOCK_MONOTONIC, ns) it may wait for its process's files and for names, so that it is told in time.
 * report_name_signal - names for the stack of a signal, as far as there is time. The frames are the caller's to free. */
int report_crash(struct reporter *r, const struct target_process *p, const struct model_event *e);
uint64_t report_signal_until(const struct model_event *e);
void report_name_signal(
	struct reporter *r, const struct target_process *p, const struct model_event *e, struct output_stack *out);

/* report_write_event, report_write_end - to stdout and the saved file.  Return: 0, or -errno of stdout. */
int report_write_event(struct reporter *r, const struct model_event *e, const struct output_stack *stack);
int report_write_end(struct reporter *r, const struct output_end *x);

/* report_end - what ends a process: MODEL_LIMIT, _MEMORY, _CORRUPT, in full when it is the first of a process, else counted; or
 * MODEL_EXIT.  @p  NULL: not known      Return: 0, or -errno of stdout. */
int report_end(struct reporter *r, struct target_process *p, const struct model_event *e);

/* report_ends_again - tell how often, since this was last done, what was counted has happened.  Return: as above. */
int report_ends_again(struct reporter *r);

/* freed.c - report_freed - an event of type MODEL_FREED, to stdout and the saved file, unless it is an allocator's own.
 * Return: 0, or -errno of stdout. */
int report_freed(struct reporter *r, const struct model_event *e);

/* report_stray - likewise of type MODEL_STRAY, if it is certain that what was freed is no block, and once for its stack. */
int report_stray(struct reporter *r, const struct model_event *e);

/* run.c - trace until the end.  Return: exit code. */
int run_trace(const struct cli_settings *s);

/* run.c - run_begin_progress - show progress from now on, until msg_end_progress(): on a terminal that can take a line away. */
void run_begin_progress(const struct cli_settings *s);

#endif
