// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/crashfile.c - a crash out of a file of JSON lines (--save, --json), with the last report before it; or out of a recording
 * (swtrace record), which is made such lines of. Where there is none, what else has ended a process, or is an error that will. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "util/msg.h"

#define MAX_STACKS   256  /* of a report: those that are shown to people are its first ones */
#define SWT_BEGIN    0x89 /* a recording's first byte, and that of no JSON */
#define HOUR_SECONDS 3600

/* A report and its stacks. */
struct told {
	json_t *report; /* NULL: none yet */
	json_t *stack[MAX_STACKS];
	size_t n;
};

/* The last event of a kind. */
struct found {
	json_t *event;	    /* NULL: none yet */
	struct told before; /* the last report before it */
	size_t n;
};

/* What a file holds. */
struct crashfile {
	int pid; /* 0 = any */
	struct told last;
	struct found crash;
	struct found other; /* what is told if there is no crash */
	size_t n_lines;
	size_t n_bad; /* lines that are no object of ours */
};

static void told_clear(struct told *t)
{
	json_decref(t->report);
	for (size_t i = 0; i < t->n; i++)
		json_decref(t->stack[i]);
	memset(t, 0, sizeof(*t));
}

static void told_copy(struct told *to, const struct told *from)
{
	told_clear(to);
	*to = *from;
	json_incref(to->report);
	for (size_t i = 0; i < to->n; i++)
		json_incref(to->stack[i]);
}

static json_int_t number_of(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

/* take_profile - a recording's own objects, as if a report had told them. Numbers of windows are none of a report. */
static void take_profile(struct told *t, const char *type, json_t *o)
{
	json_t *part, *processes = json_object_get(t->report, "processes");
	const char *key, *basis = json_string_value(json_object_get(o, "basis"));
	json_int_t lost = 0;

	if (!strcmp(type, "profile")) {
		told_clear(t);
		if (!basis || strcmp(basis, "windows") != 0)
			t->report = json_pack("{s:O?,s:[]}", "time", json_object_get(o, "time"), "processes");
	} else if (!strcmp(type, "profile_process")) {
		json_object_set(o, "growth", json_object_get(o, "curves"));
		json_array_append(processes, o);
	} else if (!strcmp(type, "profile_loss")) {
		json_object_foreach(json_object_get(o, "causes"), key, part) lost += json_integer_value(part);
		json_object_set_new(t->report, "lost", json_integer(lost));
	} else if (!strcmp(type, "profile_stack")) {
		json_object_set_new(o, "leak",
			json_pack("{s:I}", "bytes_per_s", number_of(o, "leak_bytes_per_hour") / HOUR_SECONDS));
		if (t->report && t->n < MAX_STACKS)
			t->stack[t->n++] = json_incref(o);
	}
}

/* take_event - the memory before it is told of a report before it: what a recording tells is of its end. */
static void take_event(struct crashfile *c, struct found *to, json_t *o)
{
	const char *told = json_string_value(json_object_get(c->last.report, "time")),
		   *time = json_string_value(json_object_get(o, "time"));

	json_decref(to->event);
	to->event = json_incref(o);
	to->n++;
	if (told && time && strcmp(told, time) > 0)
		told_clear(&to->before);
	else
		told_copy(&to->before, &c->last);
}

/* take - one object. */
static void take(struct crashfile *c, json_t *o)
{
	const char *type = json_string_value(json_object_get(o, "type"));

	if (!type || number_of(o, "schema") != OUTPUT_JSON_SCHEMA) {
		c->n_bad++;
	} else if (!strcmp(type, "report")) {
		told_clear(&c->last);
		c->last.report = json_incref(o);
	} else if (!strcmp(type, "stack") && c->last.n < MAX_STACKS) {
		c->last.stack[c->last.n++] = json_incref(o);
	} else if (output_markdown_tells(o) && (!c->pid || number_of(o, "pid") == c->pid)) {
		take_event(c, strcmp(type, "crash") != 0 ? &c->other : &c->crash, o);
	} else {
		take_profile(&c->last, type, o);
	}
}

/* read_lines - a line may be cut short: by a full disk, or since it is being written.  Return: 0 or -errno. */
static int read_lines(struct crashfile *c, FILE *f)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	int err;

	errno = 0;
	while ((len = getline(&line, &cap, f)) >= 0) {
		json_t *o = json_loadb(line, (size_t)len, 0, NULL);

		c->n_lines++;
		if (o)
			take(c, o);
		else
			c->n_bad++;
		json_decref(o);
	}
	err = ferror(f) ? -errno : 0;
	free(line);
	return err;
}

/* read_recording - as lines.
 * @has_gaps  out: something is missing of it, which was told      Return: 0; -errno; 1 it is no recording, which was told. */
static int read_recording(struct crashfile *c, const char *path, int *has_gaps)
{
	static const struct export_opts opts;
	struct profile p, first;
	char *text = NULL;
	size_t len = 0;
	int err = convert_load(path, &p);
	FILE *f = NULL;

	*has_gaps = err > 0;
	if (err < 0) {
		profile_free(&p);
		return 1;
	}
	first = p; /* without the stacks of which nothing would be told */
	first.n_stacks = p.n_stacks < MAX_STACKS ? p.n_stacks : MAX_STACKS;
	f = open_memstream(&text, &len);
	err = f ? export_write(EXPORT_JSON, f, &first, &opts) : -ENOMEM;
	if (f && fclose(f) && !err)
		err = -ENOMEM;
	f = err ? NULL : fmemopen(text, len, "r");
	if (!err)
		err = f ? read_lines(c, f) : -ENOMEM;
	if (f)
		fclose(f);
	free(text);
	profile_free(&p);
	return err;
}

/* is_recording - by its begin. A pipe is none: of that nothing can be put back. */
static int is_recording(FILE *f)
{
	unsigned char byte;

	return pread(fileno(f), &byte, 1, 0) == 1 && byte == SWT_BEGIN;
}

static int nothing_found(const struct crashfile *c, const char *path)
{
	if (c->n_lines && c->n_bad == c->n_lines) {
		msg_error("%s: these are no JSON lines of swtrace", path);
		msg_try("a file that swtrace --save FILE, --json, or swtrace record has written");
	} else if (c->pid) {
		msg_error("%s: no crash of process %d is in it", path, c->pid);
		msg_try("leave -p out: the last crash of any process");
	} else {
		msg_error("%s: no crash is in it", path);
		msg_try("keep swtrace --save FILE, or swtrace record, running until the process crashes");
	}
	return EXIT_USAGE;
}

/* tell - the last crash; else the last of what else is told of.  Return: an exit code. */
static int tell(const struct crashfile *c, const char *version)
{
	const struct found *f = c->crash.event ? &c->crash : &c->other;
	const char *type = json_string_value(json_object_get(f->event, "type")),
		   *choose = c->pid ? "" : "; -p PID chooses a process";
	int err;

	if (f == &c->other && f->n == 1)
		msg_note("no crash is in the file: another event is told (%s)", type);
	else if (f == &c->other)
		msg_note("no crash is in the file: the last of %zu other events is told (%s)%s", f->n, type, choose);
	else if (f->n > 1)
		msg_note("the last of %zu crashes in the file%s", f->n, choose);
	err = output_markdown_crash(stdout, f->event, f->before.report, f->before.stack, f->before.n, version);
	if (!err)
		return EXIT_DONE;
	report_tell_failed(err);
	return EXIT_USAGE;
}

int crashfile_report(const struct cli_settings *s, const char *version)
{
	struct crashfile c = { .pid = s->n_pids ? s->pid[0] : 0 };
	int code = EXIT_DONE, has_gaps = 0, err;
	FILE *f = fopen(s->crash_file, "re");

	if (!f)
		err = -errno;
	else if (is_recording(f))
		err = read_recording(&c, s->crash_file, &has_gaps);
	else
		err = read_lines(&c, f);
	if (err) {
		if (err < 0) {
			msg_error("%s: cannot be read: %s", s->crash_file, strerror(-err));
			msg_try("a file that swtrace --save FILE, --json, or swtrace record has written");
		}
		code = EXIT_USAGE;
	} else if (!c.crash.event && !c.other.event) {
		code = nothing_found(&c, s->crash_file);
	} else {
		code = tell(&c, version);
	}
	if (f)
		fclose(f);
	told_clear(&c.last);
	told_clear(&c.crash.before);
	told_clear(&c.other.before);
	json_decref(c.crash.event);
	json_decref(c.other.event);
	return has_gaps ? EXIT_USAGE : code;
}
