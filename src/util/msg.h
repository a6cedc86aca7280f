/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util/msg.h - what swtrace says to people: one form, one place, always stderr.
 *
 * Form: "swtrace: object: what happened: reason", then, where it helps, a line "  try: what to do".
 * Everything printed is made safe for a terminal: text from a traced process may stand in any argument. */
#ifndef UTIL_MSG_H
#define UTIL_MSG_H

/* msg_set_verbose - let msg_debug() print (-v). */
void msg_set_verbose(int verbose);

/* msg_error, msg_warn, msg_note - print one line; the format is printf's, no trailing newline. */
void msg_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void msg_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void msg_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* msg_try - what the user can do about the error just printed. */
void msg_try(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* msg_debug - technical detail, only with -v. */
void msg_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* msg_progress - what is being done now, where that may take a while: a line on a terminal that the next one, and any message, takes the
 * place of. Only between msg_begin_progress() and msg_end_progress(), which takes it away. */
void msg_progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void msg_begin_progress(void);
void msg_end_progress(void);

/* msg_set_sink - have the lines, without their ends, go there instead of to stderr, which is a part of a screen that somebody else
 * draws. The text is safe. NULL: to stderr again. */
enum msg_kind { MSG_ERROR, MSG_WARN, MSG_NOTE, MSG_TRY, MSG_DEBUG, MSG_PROGRESS };
void msg_set_sink(void (*sink)(void *ctx, enum msg_kind kind, const char *line), void *ctx);

#endif
