/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli/liveexport.h - the key that exports. */
#ifndef CLI_LIVEEXPORT_H
#define CLI_LIVEEXPORT_H

#include "cli/cli.h"

/* liveexport_write - the profile of the last report into new files of this directory, in the forms that people want: folded stacks, a
 * recording, HTML. Which ones, or what is wrong, is told by messages. */
void liveexport_write(const struct reporter *r);

#endif
