/* SPDX-License-Identifier: GPL-2.0-or-later */
/* output/output.h - findings as text, JSON lines, profiles. Formats only: computes nothing.
 *
 * In: reports (analyze/), events (model/), symbols. Out: a FILE or a file. Everything that came from a traced process is
 * made safe for the format.
 * Errors: writers return 0 or -errno of the first failed write (-EPIPE, -ENOSPC); they print no message. */
#ifndef OUTPUT_OUTPUT_H
#define OUTPUT_OUTPUT_H

#include <stdio.h>

#include "analyze/analyze.h"
#include "crash/crash.h"
#include "profile/profile.h"
#include "symbol/symbol.h"

/* The named frames of one stack, innermost first. Borrowed. */
struct output_stack {
	const struct symbol_frame *frame;
	size_t n;
	enum model_walk walk; /* why it ends after the last frame */
};

/* output_site - what the stack is called from run to run (profile_site()), as it stands beside it in all reports.
 * @comm  of its process      Written to buf, which is returned. */
#define OUTPUT_SITE_BYTES PROFILE_SITE_BYTES
const char *output_site(
	const char *comm, enum model_layer layer, const struct output_stack *s, char buf[OUTPUT_SITE_BYTES]);

/* In all of these stacks[i] are the names of r->row[i]; stack is that of the event: frame[0] is the instruction pointer,
 * the callers follow; n is 0 for events without a stack. */

/* ---- text, for people ---- */
int output_text_report(FILE *f, const struct analyze_report *r, const struct output_stack *stacks);
int output_text_event(FILE *f, const struct model_event *e, const struct output_stack *stack);

/* ---- JSON lines, described in docs/json.md ---- */
#define OUTPUT_JSON_SCHEMA 1
int output_json_report(FILE *f, const struct analyze_report *r, const struct output_stack *stacks);
int output_json_event(FILE *f, const struct model_event *e, const struct output_stack *stack);

/* ---- swtrace doctor, docs/doctor.md ---- */

enum { OUTPUT_OK, OUTPUT_WARN, OUTPUT_FAIL, OUTPUT_RESULTS };

struct output_check {
	const char *check; /* a word for what is looked at */
	int result;	   /* OUTPUT_x */
	int pid;	   /* 0: the machine */
	const char *comm;  /* of the process; untrusted */
	int is_first;	   /* of this process, or of the machine */
	const char *text;  /* may hold untrusted text */
	const char *try;   /* what to do; NULL: nothing */
};
int output_text_check(FILE *f, const struct output_check *c);
int output_json_check(FILE *f, int64_t utc_ns, const struct output_check *c);

/* output_add_identity - what a process is, in one line without its end. */
struct strbuf;
void output_add_identity(struct strbuf *b, const struct model_identity *id);

/* The end.  @n  how many had each result */
int output_text_doctor(FILE *f, const unsigned n[OUTPUT_RESULTS]);
int output_json_doctor(FILE *f, int64_t utc_ns, const unsigned n[OUTPUT_RESULTS]);

/* ---- crashes: all that is known of one, docs/crashes.md ---- */

struct output_crash {
	const struct model_event *event; /* with event->crash */
	const struct crash_report *report;
	const struct output_stack *stack;
	const struct model_near *near; /* CRASH_ADDRESSES, those of the places in report; NULL = none */
	/* Likewise: the named stacks that allocated and freed the blocks. */
	const struct output_stack *allocated;
	const struct output_stack *freed;
	/* As it was when it was last looked at; NULL = it was not. */
	const struct model_process *process;
	const struct analyze_standing *standing;
	uint64_t process_age_ns; /* so long before */
	int has_live;
	uint64_t live_bytes[MODEL_LAYERS]; /* at the moment itself */
};

int output_text_crash(FILE *f, const struct output_crash *c);
int output_json_crash(FILE *f, const struct output_crash *c);

/* ---- what ends a process, and what lived in it then ---- */
struct output_end {
	const struct model_event *event;
	struct output_stack stack;	       /* of the event */
	const struct model_top *top;	       /* NULL: not known */
	const struct output_stack *top_stacks; /* the names of top->stack[i] */
	uint64_t n_again; /* not 0: so many times more since it was last told, and nothing else is */
};
int output_text_end(FILE *f, const struct output_end *x);
int output_json_end(FILE *f, const struct output_end *x);

/* ---- a block that was freed twice (MODEL_FREED): the stacks of the second free, of the allocation, of the first free; n is 0 of
 * one that is not known ---- */
int output_text_freed(FILE *f, const struct model_event *e, const struct output_stack *again,
	const struct output_stack *allocated, const struct output_stack *freed);
int output_json_freed(FILE *f, const struct model_event *e, const struct output_stack *again,
	const struct output_stack *allocated, const struct output_stack *freed);

/* ---- a free of what is no block (MODEL_STRAY): the stacks of the free, and of the allocation of the block that it lies in (n is 0:
 * not known, or there is none) ---- */
int output_text_stray(
	FILE *f, const struct model_event *e, const struct output_stack *stack, const struct output_stack *allocated);
int output_json_stray(
	FILE *f, const struct model_event *e, const struct output_stack *stack, const struct output_stack *allocated);

/* ---- tracing in windows: stacks[i] are the names of e->row[i] ---- */
int output_text_estimate(FILE *f, const struct analyze_estimate *e, const struct output_stack *stacks);
int output_json_estimate(FILE *f, const struct analyze_estimate *e, const struct output_stack *stacks);

/* ---- losses alone, of a session without reports: the report's number is 0 ---- */
int output_text_losses(FILE *f, const struct model_snapshot *s);
int output_json_losses(FILE *f, const struct model_snapshot *s);

/* output_add_limit - "in 3.2 min (2.9 to 3.5): memory_limit (128.0 MiB)", the limit that a process meets first; nothing if it meets
 * none.  Return: seconds until then; 0: none. */
struct strbuf;
double output_add_limit(struct strbuf *b, const struct analyze_standing *s);

/* ---- watching: one process of a snapshot that has no stacks ---- */
int output_text_trend(FILE *f, const struct model_snapshot *s, const struct model_process *p,
	const struct analyze_standing *standing);
int output_json_trend(FILE *f, const struct model_snapshot *s, const struct model_process *p,
	const struct analyze_standing *standing);

/* ---- a crash, or what else ends a process, for a bug tracker ---- */

struct json_t;

/* output_markdown_tells - is there a text of such a line? Of a crash; and of memory_limit, out_of_memory, heap_corrupted, oom_kill,
 * double_free and invalid_free that are told in full. */
int output_markdown_tells(const struct json_t *event);

/* output_markdown_crash - one Markdown text of what JSON lines have told: such an event, and the last report before it with its stacks
 * (NULL, and 0: none was made). The lines need not be trusted.  @version  of swtrace, for who reads it */
int output_markdown_crash(FILE *f, const struct json_t *event, const struct json_t *report, struct json_t *const *stack,
	size_t n, const char *version);

/* ---- all of a report as a profile, of which exports are made ---- */

/* output_profile - add all that the report tells.
 * @p  begun; events are not added      @version  of swtrace      @h  of the curves; NULL: there are none
 * Return: 0 or -ENOMEM. */
int output_profile(struct profile *p, const char *version, const struct analyze_report *r,
	const struct output_stack *stacks, const struct model_history *h);

/* output_profile_estimate - likewise, of tracing in windows: the stacks that were named. */
int output_profile_estimate(struct profile *p, const char *version, const struct analyze_estimate *e,
	const struct output_stack *stacks, const struct model_history *h);

#endif
