/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/doctor.h - swtrace doctor: doctor.c runs it, doctor_machine.c looks at the kernel and at our rights, doctor_process.c at a process. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include "cli/cli.h"
#include "reader/reader.h"
#include "util/strbuf.h"

struct doctor {
	const struct cli_settings *s;
	struct target *target;
	struct reader *reader;
	struct attach *attach;		 /* NULL: it cannot be traced */
	const struct target_process *of; /* what is told is about; NULL: the machine */
	int has_begun;			 /* to tell of it */
	unsigned n[OUTPUT_RESULTS];
	int err; /* -errno of standard output */
};

/* doctor_tell - a check and its result. */
void doctor_tell(struct doctor *d, int result, const char *check, const char *try, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* doctor_machine - all that does not depend on the process. Opens d->attach if tracing works. */
void doctor_machine(struct doctor *d);

/* doctor_machine.c - a kernel that is known to be dangerous with probes and a profiler; pure.
 * @release  as uname(2) gives it      Return: 1 it may be. */
int doctor_is_bad_kernel(const char *release);

/* doctor_is_bad_with_seccomp - likewise one with which probes may end a process that has a seccomp filter, as containers have. */
int doctor_is_bad_with_seccomp(const char *release);

/* doctor_process - of a process that can be looked into. */
void doctor_process(struct doctor *d, struct target_process *p);

/* doctor_run - swtrace doctor.  Return: exit code. */
int doctor_run(const struct cli_settings *s);

#endif
