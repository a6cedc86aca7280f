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

#endif
