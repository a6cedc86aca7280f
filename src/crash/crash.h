/* SPDX-License-Identifier: GPL-2.0-or-later */
/* crash/crash.h - from a fatal signal to words.
 *
 * Pure functions: in: struct model_event of type MODEL_SIGNAL; out: names. No I/O. */
#ifndef CRASH_CRASH_H
#define CRASH_CRASH_H

#include "model/model.h"

/* crash_signal_name - "SIGSEGV"; "SIG34" for one without a name. Written to buf (16 bytes or more), which is returned. */
const char *crash_signal_name(int signal, char *buf, size_t len);

/* crash_code_name - name of an si_code, which depends on the signal: "SEGV_MAPERR", "SI_TKILL".
 * Source: siginfo(7) and include/uapi/asm-generic/siginfo.h.  buf as above, "code 17" for an unknown one. */
const char *crash_code_name(int signal, int code, char *buf, size_t len);

/* crash_code_text - what the code says, for people: "address not mapped"; "" when it says no more than its name. */
const char *crash_code_text(int signal, int code);

#endif
