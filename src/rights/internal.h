/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rights/internal.h - what the files of this room share. */
#ifndef RIGHTS_INTERNAL_H
#define RIGHTS_INTERNAL_H

#include "rights/rights.h"

/* syscalls.c - refuse the system calls that are not needed any more.  @needs  RIGHTS_x      Return: 0 or -errno. */
int syscalls_limit(unsigned needs);

#endif
