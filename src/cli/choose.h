/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/choose.h - which processes --comm, --exe and --cgroup select now, without the kernel side's help. */
#ifndef CLI_CHOOSE_H
#define CLI_CHOOSE_H

#include "cli/cli.h"

/* choose_pids - list the processes that fit one of each kind that is asked for; not swtrace itself. Those that nobody may look at are left
 * out.
 * @pid  out, ascending, each once; has room for max      Return: their number; more than max are not told of. */
size_t choose_pids(const struct cli_settings *s, pid_t *pid, size_t max);

#endif
