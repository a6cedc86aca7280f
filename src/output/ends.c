// SPDX-License-Identifier: GPL-2.0-or-later
/* output/ends.c - how processes end, and what ends them: for people and for programs. */
#include <jansson.h>
#include <string.h>
#include <sys/wait.h>

#include "output/internal.h"

static const char *const reason_names[] = {
	[MODEL_REASON_FATAL] = "fatal_error",
	[MODEL_REASON_LIMIT] = "memory_limit",
	[MODEL_REASON_CORRUPT] = "heap_corrupted",
	[MODEL_REASON_OOM] = "oom",
};

static const char *reason_text(enum model_reason reason)
{
	switch (reason) {
	case MODEL_REASON_FATAL:
		return ", as PHP does after a fatal error";
	case MODEL_REASON_LIMIT:
		return ": its memory_limit was exhausted";
	case MODEL_REASON_CORRUPT:
		return ": PHP found its heap corrupted";
	case MODEL_REASON_OOM:
		return " by the kernel: memory had run out (OOM), its cgroup's or the machine's";
	case MODEL_REASON_NONE:
		break;
	}
	return "";
}

static void add_sender(struct strbuf *b, const struct model_event *e)
{
	if (!e->end.sender_pid)
		return;
	strbuf_add(b, ", sent by ");
	if (e->end.sender_pid == e->pid)
		strbuf_add(b, "itself");
	else
		text_add_who(b, e->end.sender_comm, e->end.sender_pid);
}

/* pid_there - as the process itself, and its master, call it: in a container that is another one than ours. */
static int pid_there(const struct model_event *e)
{
	return e->identity && e->identity->ns_pid ? e->identity->ns_pid : e->pid;
}

/* An end that is an error has what masters log of it, in their words: Swoole writes
 * "worker(pid=5, id=1) abnormal exit, status=0, signal=11". */
void text_add_exit(struct strbuf *b, const struct model_event *e)
{
	int killed = WIFSIGNALED(e->wait_status), signal = killed ? WTERMSIG(e->wait_status) : 0,
	    status = killed ? 0 : WEXITSTATUS(e->wait_status);
	char name[16], peak[FORMAT_BYTES_BYTES];

	text_add_who(b, e->comm, e->pid);
	text_add_role(b, e->identity);
	text_add_container(b, e->identity);
	if (killed)
		strbuf_addf(b, " was killed by %s (signal %d)", crash_signal_name(signal, name, sizeof(name)), signal);
	else
		strbuf_addf(b, " exited with status %d", status);
	strbuf_add(b, reason_text(e->end.reason));
	add_sender(b, e);
	if (killed || status) {
		strbuf_addf(b, " [pid=%d, status=%d, signal=%d", pid_there(e), status, signal);
		if (e->end.peak_rss_bytes)
			strbuf_addf(b, ", peak RSS %s", format_bytes(e->end.peak_rss_bytes, peak));
		strbuf_add(b, "]");
	}
	strbuf_add(b, "\n");
}

void json_set_exit(struct json_t *o, const struct model_event *e)
{
	int killed = WIFSIGNALED(e->wait_status);
	const char *reason = reason_names[e->end.reason];

	json_object_set_new(o, "identity", json_identity(e->identity));
	json_object_set_new(o, "exit_status", killed ? json_null() : json_integer(WEXITSTATUS(e->wait_status)));
	json_object_set_new(o, "signal", killed ? json_integer(WTERMSIG(e->wait_status)) : json_null());
	json_object_set_new(o, "reason", reason ? json_string(reason) : json_null());
	json_object_set_new(o, "sender_pid", e->end.sender_pid ? json_integer(e->end.sender_pid) : json_null());
	json_object_set_new(o, "sender_comm", e->end.sender_pid ? json_text(e->end.sender_comm) : json_null());
	json_object_set_new(
		o, "peak_rss_bytes", e->end.peak_rss_bytes ? json_number(e->end.peak_rss_bytes) : json_null());
}

/* ---- what ends a process ---------------------------------------------------------------------------------------------- */

/* place_of - the line of the script, if there is one; else the innermost frame. */
static const struct symbol_frame *place_of(const struct output_stack *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->frame[i].kind == SYMBOL_PHP && *s->frame[i].file)
			return &s->frame[i];
	return s->n ? &s->frame[0] : NULL;
}

static void add_what(struct strbuf *b, const struct model_event *e)
{
	char limit[FORMAT_BYTES_BYTES], asked[FORMAT_BYTES_BYTES];

	format_bytes(e->end.limit_bytes, limit);
	format_bytes(e->end.asked_bytes, asked);
	if (e->type == MODEL_LIMIT)
		strbuf_addf(b, "memory_limit of %s exhausted: %s more were asked for", limit, asked);
	else if (e->type == MODEL_MEMORY)
		strbuf_addf(b, "the system gave PHP no memory: %s more were asked for, its heap had %s", asked, limit);
	else if (e->type == MODEL_CORRUPT)
		strbuf_add(b, "PHP found its heap corrupted (zend_mm_heap corrupted)");
	else
		strbuf_addf(b, "memory had run out, its cgroup's or the machine's; it had at most %s resident",
			format_bytes(e->end.peak_rss_bytes, limit));
}

static const char *heading(enum model_event_type type)
{
	switch (type) {
	case MODEL_LIMIT:
		return "LIMIT ";
	case MODEL_MEMORY:
		return "NO MEMORY ";
	case MODEL_CORRUPT:
		return "CORRUPT ";
	default:
		return "OOM KILL ";
	}
}

static void add_event(struct strbuf *b, const struct output_end *x)
{
	const struct symbol_frame *place = place_of(&x->stack);
	const struct model_event *e = x->event;
	char count[FORMAT_COUNT_BYTES];

	strbuf_add(b, heading(e->type));
	text_add_who(b, e->comm, e->pid);
	text_add_role(b, e->identity);
	text_add_container(b, e->identity);
	strbuf_add(b, ": ");
	add_what(b, e);
	if (x->n_again) {
		strbuf_addf(b, "; %s time%s more since this was last told\n", format_count(x->n_again, count),
			x->n_again == 1 ? "" : "s");
		return;
	}
	if (place) {
		strbuf_add(b, " at ");
		text_add_place(b, place);
	}
	strbuf_add(b, "\n");
	text_add_stack(b, &x->stack);
}

static void add_top(struct strbuf *b, const struct output_end *x)
{
	char size[FORMAT_BYTES_BYTES], count[FORMAT_COUNT_BYTES];

	if (!x->top || !x->top->n)
		return;
	strbuf_addf(b, "    what lived then, of what was allocated since tracing began: %s in %s blocks; most of it:\n",
		format_bytes(x->top->live_bytes, size), format_count(x->top->live_blocks, count));
	for (size_t i = 0; i < x->top->n; i++) {
		const struct model_stack *s = &x->top->stack[i];

		strbuf_addf(b, "  #%zu  %s live in %s block%s, %s\n", i + 1, format_bytes(s->live_bytes, size),
			format_count(s->live_blocks, count), s->live_blocks == 1 ? "" : "s",
			model_layer_name(s->layer));
		text_add_stack(b, &x->top_stacks[i]);
	}
}

int output_text_end(FILE *f, const struct output_end *x)
{
	char time[FORMAT_TIME_BYTES];
	struct strbuf b = { 0 };

	strbuf_addf(&b, "[%s] ", format_time(x->event->utc_ns, time));
	add_event(&b, x);
	add_top(&b, x);
	if (!x->n_again)
		strbuf_add(&b, "\n");
	return strbuf_write(&b, f);
}

static const char *type_name(enum model_event_type type)
{
	switch (type) {
	case MODEL_LIMIT:
		return "memory_limit";
	case MODEL_MEMORY:
		return "out_of_memory";
	case MODEL_CORRUPT:
		return "heap_corrupted";
	default:
		return "oom_kill";
	}
}

static struct json_t *bytes_or_null(uint64_t n)
{
	return n ? json_number(n) : json_null();
}

static struct json_t *top(const struct output_end *x)
{
	struct json_t *list = json_array();

	for (size_t i = 0; i < x->top->n; i++) {
		const struct model_stack *s = &x->top->stack[i];
		struct json_t *o = json_object();

		json_object_set_new(o, "layer", json_string(model_layer_name(s->layer)));
		json_object_set_new(o, "live_bytes", json_number(s->live_bytes));
		json_object_set_new(o, "live_blocks", json_number(s->live_blocks));
		json_set_stack(o, &x->top_stacks[i]);
		json_array_append_new(list, o);
	}
	return list;
}

int output_json_end(FILE *f, const struct output_end *x)
{
	const struct model_event *e = x->event;
	struct json_t *o = json_begin(type_name(e->type), e->utc_ns);
	struct strbuf b = { 0 };

	json_object_set_new(o, "pid", json_integer(e->pid));
	json_object_set_new(o, "comm", json_text(e->comm));
	json_object_set_new(o, "identity", json_identity(e->identity));
	json_object_set_new(o, "count", json_integer(x->n_again ? (json_int_t)x->n_again : 1));
	json_object_set_new(o, "again", json_boolean(x->n_again != 0));
	json_object_set_new(o, "limit_bytes", e->type == MODEL_LIMIT ? bytes_or_null(e->end.limit_bytes) : json_null());
	json_object_set_new(o, "asked_bytes", bytes_or_null(e->end.asked_bytes));
	json_object_set_new(o, "peak_rss_bytes", bytes_or_null(e->end.peak_rss_bytes));
	json_object_set_new(o, "live_bytes", x->top ? json_number(x->top->live_bytes) : json_null());
	json_object_set_new(o, "live_blocks", x->top ? json_number(x->top->live_blocks) : json_null());
	json_object_set_new(o, "live", x->top ? top(x) : json_null());
	json_set_stack(o, &x->stack);
	json_end(&b, o);
	return strbuf_write(&b, f);
}
