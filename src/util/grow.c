// SPDX-License-Identifier: GPL-2.0-or-later
/* util/grow.c - lists that grow by doubling. */
#include <stdlib.h>
#include <string.h>

#include "util/grow.h"

#define LEAST 64 /* more elements than are asked for */

void *grow_to(void *list, size_t *n, size_t at, size_t size_bytes)
{
	size_t wanted = 2 * *n > at ? 2 * *n : at + LEAST;
	char *grown;

	if (at < *n)
		return list;
	grown = realloc(list, wanted * size_bytes);
	if (!grown)
		return NULL;
	memset(grown + *n * size_bytes, 0, (wanted - *n) * size_bytes);
	*n = wanted;
	return grown;
}
