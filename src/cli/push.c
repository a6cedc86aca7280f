// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/push.c - profiles to be sent while tracing goes on: when, and under which name. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/schedule.h"

#define LAST_WAIT_NS 3000000000ULL /* for what is still to be sent in the end */

int report_push_open(struct reporter *r)
{
	return r->settings->push_url && push_open(&r->push, r->settings->push_url) ? EXIT_USAGE : 0;
}

int report_push_is_due(const struct reporter *r, const struct model_snapshot *now, int is_final)
{
	return r->push && (is_final || schedule_is_time(r->pushed_ns, r->settings->push_ns, now->time_ns,
					       r->settings->interval_ns));
}

/* service - the name to file it under: that of all its processes, if they have the same. */
static const char *service(const struct profile *p)
{
	for (size_t i = 1; i < p->n_processes; i++)
		if (strcmp(p->process[i].comm, p->process[0].comm) != 0)
			return "swtrace";
	return p->n_processes ? p->process[0].comm : "swtrace";
}

int report_push(struct reporter *r, const struct model_snapshot *now)
{
	static const struct export_opts opts = { 0 };
	const struct profile *p = &r->profile;
	struct push_profile one = { .service = service(p),
		.host = p->host,
		.from_utc_ns = r->pushed_utc_ns ? r->pushed_utc_ns : p->start_utc_ns,
		.until_utc_ns = p->utc_ns };
	FILE *f;
	int err;

	push_tell(r->push);
	/* When all processes have ended, the last profile is that of the last moment before: it has been sent. */
	if (p->utc_ns == r->pushed_utc_ns)
		return 0;
	f = open_memstream(&one.data, &one.n_bytes);
	if (!f)
		return -ENOMEM;
	err = export_write(EXPORT_PPROF, f, p, &opts);
	if (fclose(f) || err) {
		free(one.data);
		return -ENOMEM;
	}
	push_add(r->push, &one);
	r->pushed_ns = now->time_ns;
	r->pushed_utc_ns = p->utc_ns;
	return 0;
}

int report_push_close(struct reporter *r)
{
	int err = push_close(r->push, LAST_WAIT_NS);

	r->push = NULL;
	return err;
}
