/* SPDX-License-Identifier: GPL-2.0-or-later */
/* target/survey.h - what could be traced in a process, before anything is. A part of target/target.h. */
#ifndef TARGET_SURVEY_H
#define TARGET_SURVEY_H

#include <stddef.h>

#define TARGET_SURVEY_REQUESTS 8

struct target_survey {
	size_t n_files;	    /* with allocator functions that the process may call */
	size_t n_functions; /* of these, aliases at one address once */
	size_t n_returns;   /* whose return is probed, too */
	size_t n_cheap;	    /* that have a place of which the kernel emulates the instruction */
	const char
		*request[TARGET_SURVEY_REQUESTS]; /* functions that begin a request; static, or as long as the module */
	size_t n_requests;
	int php; /* as target_php() returns */
	char php_version[16];
	int has_heap; /* PHP's heap is found: its books are proved */
};

struct target_process;

/* target_survey - look at the files that a process has mapped; takes as long as finding the probes would: tens of milliseconds.
 * Return: 0 or -ENOMEM. */
int target_survey(const struct target_process *p, struct target_survey *out);

#endif
