/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/live.h - the live view of a session: what tracing finds goes into it, keys come out, and while it is up nothing else writes on the
 * terminal. What happened meanwhile is told on the normal screen when it ends. */
#ifndef CLI_LIVE_H
#define CLI_LIVE_H

#include "cli/run.h"

#define LIVE_INTERVAL_NS 2000000000ULL /* between two reports, unless -i says otherwise */
#define LIVE_FIRST_NS	 500000000ULL  /* the first one */

struct live;

/* live_is_wanted - by the settings, and by what standard input and output are: a terminal of ours that can do more than a typewriter. */
int live_is_wanted(const struct cli_settings *s);

/* live_begin - take over the terminal, once tracing has begun. If that fails there are text reports: it is told.
 * live_end - give it back, and tell what happened; the reports that follow are text. More than once is fine. */
void live_begin(struct run *r);
void live_end(struct run *r);

/* live_can_stay - all that was traced has ended: is there a view, and something to look at in it, for as long as people like?
 * live_stay - say that it does. */
int live_can_stay(const struct run *r);
void live_stay(struct run *r);

/* live_update - a report was made: its profile is r->reporter.profile.  @now  the snapshot that it was made of */
void live_update(struct live *l, const struct model_snapshot *now);

/* live_fd - to be waited for (POLLIN); -1: there is no view. live_timeout_ms - not longer than so; -1: for ever.
 * live_turn - after that, in each turn of the loop: keys, events, drawing.  @revents  of live_fd() */
int live_fd(const struct run *r);
int live_timeout_ms(const struct run *r);
void live_turn(struct run *r, short revents);

/* live_output - a started command has written this. */
void live_output(struct live *l, const char *bytes, size_t n);

/* live_signal - a signal of a terminal.  Return: 0: it is none of the view's. */
int live_signal(struct run *r, unsigned signal);

#endif
