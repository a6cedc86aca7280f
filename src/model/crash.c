// SPDX-License-Identifier: GPL-2.0-or-later
/* model/crash.c - mappings. */
#include "model/model.h"

const char *model_mapping_flags(const struct model_mapping *m, char buf[MODEL_FLAGS_BYTES])
{
	buf[0] = m->flags & MODEL_READ ? 'r' : '-';
	buf[1] = m->flags & MODEL_WRITE ? 'w' : '-';
	buf[2] = m->flags & MODEL_EXECUTE ? 'x' : '-';
	buf[3] = m->flags & MODEL_SHARED ? 's' : 'p';
	buf[4] = 0;
	return buf;
}
