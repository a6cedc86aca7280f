// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/crashfile.c - a crash out of a file of JSON lines (--save, --json), with the last report before it. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "util/msg.h"

#define MAX_STACKS 256 /* of a report: those that are shown to people are its first ones */

/* A report and its stacks. */
struct told {
	json_t *report; /* NULL: none yet */
	json_t *stack[MAX_STACKS];
	size_t n;
};

/* What a file holds. */
struct crashfile {
	int pid; /* 0 = any */
	struct told last;
	struct told before; /* the last one before the crash */
	json_t *crash;
	size_t n_crashes;
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
	} else if (!strcmp(type, "crash") && (!c->pid || number_of(o, "pid") == c->pid)) {
		json_decref(c->crash);
		c->crash = json_incref(o);
		c->n_crashes++;
		told_copy(&c->before, &c->last);
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

static int nothing_found(const struct crashfile *c, const char *path)
{
	if (c->n_lines && c->n_bad == c->n_lines) {
		msg_error("%s: these are no JSON lines of swtrace", path);
		msg_try("a file that swtrace --save FILE, or --json, has written");
	} else if (c->pid) {
		msg_error("%s: no crash of process %d is in it", path, c->pid);
		msg_try("leave -p out: the last crash of any process");
	} else {
		msg_error("%s: no crash is in it", path);
		msg_try("keep swtrace --save FILE running until the process crashes");
	}
	return EXIT_USAGE;
}

int crashfile_report(const struct cli_settings *s, const char *version)
{
	struct crashfile c = { .pid = s->n_pids ? s->pid[0] : 0 };
	int code = EXIT_DONE, err;
	FILE *f = fopen(s->crash_file, "re");

	err = f ? read_lines(&c, f) : -errno;
	if (err) {
		msg_error("%s: cannot be read: %s", s->crash_file, strerror(-err));
		msg_try("a file that swtrace --save FILE, or --json, has written");
		code = EXIT_USAGE;
	} else if (!c.crash) {
		code = nothing_found(&c, s->crash_file);
	} else {
		if (c.n_crashes > 1)
			msg_note("the last of %zu crashes in the file%s", c.n_crashes,
				c.pid ? "" : "; -p PID chooses a process");
		err = output_markdown_crash(stdout, c.crash, c.before.report, c.before.stack, c.before.n, version);
		if (err) {
			report_tell_failed(err);
			code = EXIT_USAGE;
		}
	}
	if (f)
		fclose(f);
	told_clear(&c.last);
	told_clear(&c.before);
	json_decref(c.crash);
	return code;
}
