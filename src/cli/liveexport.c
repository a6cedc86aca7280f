// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/liveexport.c - a profile into new files. Their directory may be anybody's, such as /tmp: no file, and no link, that is there
 * already is written to. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/liveexport.h"
#include "util/msg.h"
#include "util/strbuf.h"

#define MAX_TRIES 100

static const char *const forms[] = { "folded", "swt", "html" };
#define N_FORMS (sizeof(forms) / sizeof(forms[0]))

static int write_as(const struct profile *p, const char *form, FILE *f)
{
	static const struct export_opts all;
	int err;

	if (!strcmp(form, "swt"))
		return profile_write(p, fileno(f));
	err = export_write((enum export_format)export_format_named(form), f, p, &all);
	return err ? err : fflush(f) ? -errno : 0;
}

/* write_new - @base  of the name      Return: 0 or -errno; nothing is left of a file that could not be written. */
static int write_new(const struct profile *p, const char *base, const char *form)
{
	int fd = open(base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644), err = fd < 0 ? -errno : 0;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!err && !f) {
		err = -errno;
		close(fd);
	}
	if (err)
		return err;
	err = write_as(p, form, f);
	if (fclose(f) && !err)
		err = -errno;
	if (err)
		unlink(base);
	return err;
}

/* base_name - "swtrace-42-20261129-101530". */
static void base_name(const struct profile *p, int try, char *buf, size_t size)
{
	char time_text[32], who[16] = "all", again[16] = "";
	time_t seconds = (time_t)(p->utc_ns / 1000000000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(time_text, sizeof(time_text), "%Y%m%d-%H%M%S", &tm);
	if (p->n_processes == 1)
		snprintf(who, sizeof(who), "%u", p->process[0].pid);
	if (try)
		snprintf(again, sizeof(again), "-%d", try + 1);
	snprintf(buf, size, "swtrace-%s-%s%s", who, time_text, again);
}

/* write_all - all forms under one name.  @path  out: the last file that was tried      Return: 0; -EEXIST: one of them is there already;
 * -errno. What was written before that is left, but for -EEXIST. */
static int write_all(const struct profile *p, const char *base, struct strbuf *written, char *path, size_t size)
{
	int err = 0;

	for (size_t i = 0; i < N_FORMS && !err; i++) {
		snprintf(path, size, "%s.%s", base, forms[i]);
		err = write_new(p, path, forms[i]);
		if (!err)
			strbuf_addf(written, "%s%s", written->len ? "," : "", forms[i]);
		for (size_t k = 0; err == -EEXIST && k < i; k++) {
			snprintf(path, size, "%s.%s", base, forms[k]);
			unlink(path);
		}
	}
	return err;
}

void liveexport_write(const struct reporter *r)
{
	struct strbuf written = { 0 };
	char base[128], path[160];
	int err = -EEXIST;

	if (!r->profile.n_processes) {
		msg_note("nothing to export yet");
		return;
	}
	for (int try = 0; err == -EEXIST && try < MAX_TRIES; try++) {
		written.len = 0;
		base_name(&r->profile, try, base, sizeof(base));
		err = write_all(&r->profile, base, &written, path, sizeof(path));
	}
	if (written.len)
		msg_note("exported: %s.{%s}", base, written.data);
	if (err) {
		msg_error("%s: cannot be written: %s", path, strerror(-err));
		msg_try("start swtrace in a directory that you may write to, with some space");
	}
	strbuf_free(&written);
}
