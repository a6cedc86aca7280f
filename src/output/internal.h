/* SPDX-License-Identifier: GPL-2.0-or-later */
/* output/internal.h - what the formats share. */
#ifndef OUTPUT_INTERNAL_H
#define OUTPUT_INTERNAL_H

#include "output/output.h"
#include "util/format.h"
#include "util/strbuf.h"

struct json_t;

/* text.c - "name(pid)"; that with the role, the container and the thread of an event: "php(5), worker 3, docker 3f2a00000000 (pid 7
 * there), thread 6"; what the curves of a process say, and how many have something to say; that as a line, if one has; the lines
 * of a stack; the place of a frame; the lines of losses. standing may be NULL. */
void text_add_who(struct strbuf *b, const char *comm, int pid);
void text_add_whose_thread(struct strbuf *b, const struct model_event *e);
int text_add_growth(struct strbuf *b, const struct analyze_standing *s);
void text_add_memory(struct strbuf *b, const struct analyze_standing *s);
void text_add_stack(struct strbuf *b, const struct output_stack *s);
void text_add_place(struct strbuf *b, const struct symbol_frame *f);
void text_add_losses(struct strbuf *b, const struct model_snapshot *s, uint64_t lost);

/* text.c - what is thought of the stack, and why, without an end of line; nothing if there is no verdict yet. */
void text_add_leak(struct strbuf *b, const struct analyze_report *r, const struct analyze_row *row);

/* windows.c - the rate of a stack that tracing in windows has named, and why: "about 2.1 MiB/s (...): 120 blocks, ..." */
void text_add_estimate(struct strbuf *b, const struct analyze_estimate_row *row);

/* text.c - ", site 3f2a91c0": what the stack is called from run to run.  @p  NULL: not known */
void text_add_site(
	struct strbuf *b, const struct model_process *p, enum model_layer layer, const struct output_stack *s);

/* identity.c - ", worker 3": the role, to stand behind a name; nothing when there is none. text_add_container - likewise,
 * ", docker 3f2a00000000 (pid 7 there)". text_add_identity - what the process is,
 * in one line without its end: "worker 3 of Swoole 5.1.2, PHP 8.2.29 NTS, opcache, glibc 2.36, docker 3f2a00000000"; nothing
 * when nothing is known. text_add_build_ids - likewise, of its files: "php8.2 0123..., libc.so.6 4567...".
 * text_add_new_identity - both as lines below a process, unless they were told before. json_identity - the object of
 * docs/json.md. identity may be NULL in all of them. */
void text_add_role(struct strbuf *b, const struct model_identity *identity);
void text_add_container(struct strbuf *b, const struct model_identity *identity);
void text_add_identity(struct strbuf *b, const struct model_identity *identity);
void text_add_build_ids(struct strbuf *b, const struct model_identity *identity);
void text_add_new_identity(struct strbuf *b, const struct model_process *p);
struct json_t *json_identity(const struct model_identity *identity);

/* requests.c - the lines of a process about its requests, if they are counted.
 * @is_final  growth is told in full; else when a milestone was passed */
void text_add_requests(struct strbuf *b, const struct analyze_requests *q, const struct model_process *p, int is_final);

/* requests.c - the same as fields of the process's object. */
void json_set_requests(struct json_t *o, const struct analyze_requests *q, const struct model_process *p,
	const struct model_snapshot *s);

/* text.c - of a crash: the first line and that of ip and sp; one frame. */
void text_add_crash(struct strbuf *b, const struct model_event *e, const struct output_stack *stack);
void text_add_frame(struct strbuf *b, const struct symbol_frame *f);

/* json.c - of a crash: the fields that every signal has, its stack included. */
struct json_t *json_crash(const struct model_event *e, const struct output_stack *stack);

/* json.c - an object with the fields that every line has; its end, which appends it; untrusted text, null for none; a number, as
 * "0x1f"; what the curves of a process say; the fields of a stack, as an object of its own (null for none), its site; a line of losses. */
struct json_t *json_begin(const char *type, int64_t utc_ns);
void json_end(struct strbuf *b, struct json_t *o);
struct json_t *json_text(const char *s);
struct json_t *json_text_or_null(const char *s);
struct json_t *json_hex(uint64_t n);
struct json_t *json_number(uint64_t n);
struct json_t *json_growths(const struct analyze_standing *s);
void json_set_stack(struct json_t *o, const struct output_stack *s);
struct json_t *json_stack(const struct output_stack *s);
struct json_t *json_site(const struct model_process *p, enum model_layer layer, const struct output_stack *s);
void json_add_losses(struct strbuf *b, const struct model_snapshot *s, unsigned report, uint64_t lost);

/* vitals.c - what a process has of memory and may have: lines of text; an object, or null.
 * text_add_outlook, json_set_outlook - what follows from its growth: the limit that it will meet, what grows beside the books, and
 * what is garbage. */
void text_add_vitals(struct strbuf *b, const struct model_vitals *v);
void text_add_outlook(struct strbuf *b, const struct model_vitals *v, const struct analyze_standing *s);
struct json_t *json_vitals(const struct model_snapshot *s, const struct model_vitals *v);
void json_set_outlook(struct json_t *o, const struct analyze_standing *s);

/* json_php_heap - the object `php` of a process's memory. */
struct json_t *json_php_heap(const struct model_php_heap *h);

/* ends.c - the line of an end, from the process on; its fields. */
void text_add_exit(struct strbuf *b, const struct model_event *e);
void json_set_exit(struct json_t *o, const struct model_event *e);

/* freed.c - what is remembered of freed blocks; the line of a text report, if there is anything to say. */
struct json_t *json_freed_history(const struct model_freed_history *h);
void text_add_freed_history(struct strbuf *b, const struct model_freed_history *h);

#endif
