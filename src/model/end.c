// SPDX-License-Identifier: GPL-2.0-or-later
/* model/end.c - struct model_top. */
#include <stdlib.h>
#include <string.h>

#include "model/model.h"

void model_top_free(struct model_top *t)
{
	free(t->stack);
	free(t->frames);
	memset(t, 0, sizeof(*t));
}
