/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/options.h - the table of options. Parser, --help, man page and completions are
 * made from it, so that they cannot drift apart. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "cli/cli.h"

struct cli_option {
	char letter;	  /* 0 = none */
	const char *name; /* NULL: no option but a heading, which is in help */
	const char *arg;  /* NULL = takes none. Words in lower case are meant as they stand: "leak|crash" */
	const char *help;
	int (*parse)(struct cli_settings *s, const char *value); /* 0, or -EINVAL */
	const char *wants;					 /* what a right value looks like */
};

extern const struct cli_option cli_options[];
extern const size_t cli_n_options;

/* args.c - the commands, numbered CLI_x; CLI_TRACE is the one without a word.
 * args_n_tasks - how many.      args_task_word - "watch", ...; NULL: there is none.
 * args_takes - is the option, no heading, one of that command's? */
size_t args_n_tasks(void);
const char *args_task_word(int task);
int args_takes(int task, const struct cli_option *o);

/* help.c - what is said of a command beside its options. */
struct cli_example {
	const char *line, *what;
};
struct cli_text {
	const char *about;	       /* what it does, with a small letter and no full stop */
	const char *usage[6];	       /* what stands after its name; ends with NULL */
	const char *more;	       /* said below the options; NULL: nothing */
	int takes_file;		       /* a file may stand beside the options */
	struct cli_example example[8]; /* ends with a NULL line */
};

/* help_text - of a command; NULL: it has none (a test fails then). Static.
 * help_option - what an option does for that command.  @task  -1: what it does in general */
const struct cli_text *help_text(int task);
const char *help_option(int task, const struct cli_option *o);

/* values.c - what the value of an option is, as far as a shell can complete it: by the first word of cli_option.arg. */
enum cli_value {
	CLI_VALUE_NONE,
	CLI_VALUE_TEXT,
	CLI_VALUE_FILE,
	CLI_VALUE_DIRECTORY,
	CLI_VALUE_PID,
	CLI_VALUE_COMM,
	CLI_VALUE_WORD
};

/* value_kind - CLI_VALUE_NONE: it takes none; _TEXT: anything, such as a number; _WORD: one of value_word().
 * value_is_list - may several stand there, with commas?
 * value_word - the n-th word of a fixed set; NULL: there are no more.  @buf  CLI_WORD_BYTES, for the word */
#define CLI_WORD_BYTES 32
enum cli_value value_kind(const struct cli_option *o);
int value_is_list(const struct cli_option *o);
const char *value_word(const struct cli_option *o, size_t n, char *buf);

#endif
