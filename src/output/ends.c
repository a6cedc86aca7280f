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

/* An end that is an error has what masters log of it, in their words: Swoole writes
 * "worker(pid=5, id=1) abnormal exit, status=0, signal=11". */
void text_add_exit(struct strbuf *b, const struct model_event *e)
{
	int killed = WIFSIGNALED(e->wait_status), signal = killed ? WTERMSIG(e->wait_status) : 0,
	    status = killed ? 0 : WEXITSTATUS(e->wait_status);
	char name[16], peak[FORMAT_BYTES_BYTES];

	text_add_who(b, e->comm, e->pid);
	if (killed)
		strbuf_addf(b, " was killed by %s (signal %d)", crash_signal_name(signal, name, sizeof(name)), signal);
	else
		strbuf_addf(b, " exited with status %d", status);
	strbuf_add(b, reason_text(e->end.reason));
	add_sender(b, e);
	if (killed || status) {
		strbuf_addf(b, " [pid=%d, status=%d, signal=%d", e->pid, status, signal);
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

	json_object_set_new(o, "exit_status", killed ? json_null() : json_integer(WEXITSTATUS(e->wait_status)));
	json_object_set_new(o, "signal", killed ? json_integer(WTERMSIG(e->wait_status)) : json_null());
	json_object_set_new(o, "reason", reason ? json_string(reason) : json_null());
	json_object_set_new(o, "sender_pid", e->end.sender_pid ? json_integer(e->end.sender_pid) : json_null());
	json_object_set_new(o, "sender_comm", e->end.sender_pid ? json_text(e->end.sender_comm) : json_null());
	json_object_set_new(o, "peak_rss_bytes",
		e->end.peak_rss_bytes ? json_integer((json_int_t)e->end.peak_rss_bytes) : json_null());
}
