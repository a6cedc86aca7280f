/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plugin-malloc.c - a library that allocates; its calls are bound at their first use. */
#include <stdlib.h>

void plugin_leak(long n);

static void *volatile keep;

void plugin_leak(long n)
{
	for (long i = 0; i < n; i++)
		keep = malloc(50);
}
