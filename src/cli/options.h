/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/options.h - the table of options. Parser and help are made from it, so that they cannot drift apart. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "cli/cli.h"

struct cli_option {
	char letter;	  /* 0 = none */
	const char *name; /* NULL: no option but a heading, which is in help */
	const char *arg;  /* NULL = takes none */
	const char *help;
	int (*parse)(struct cli_settings *s, const char *value); /* 0, or -EINVAL */
	const char *wants;					 /* what a right value looks like */
};

extern const struct cli_option cli_options[];
extern const size_t cli_n_options;

#endif
