/* SPDX-License-Identifier: GPL-2.0-or-later */
/* binds.c - loads libraries by dlopen and has them, or itself, allocate: "leak_here N", "leak_in_plugin N", "load FLAGS
 * PATH" (FLAGS: local, deep). */
#include "target.h"
#include <dlfcn.h>

static void *volatile keep;
static void (*leak_in_plugin)(long n);

static NOINLINE void leak_here(long n)
{
	for (long i = 0; i < n; i++)
		keep = malloc(40);
}

int main(void)
{
	char line[512], word[64], path[400];
	void *library;
	long n;

	keep = malloc(1);
	free(keep);
	say("ready");
	while (hear(line, sizeof(line))) {
		if (sscanf(line, "leak_here %ld", &n) == 1) {
			leak_here(n);
		} else if (sscanf(line, "leak_in_plugin %ld", &n) == 1) {
			leak_in_plugin(n);
		} else if (sscanf(line, "load %63s %399s", word, path) == 2) {
			library = dlopen(path, RTLD_LAZY | (!strcmp(word, "deep") ? RTLD_DEEPBIND : RTLD_LOCAL));
			if (!library)
				return 96;
			leak_in_plugin = (void (*)(long))dlsym(library, "plugin_leak");
		} else {
			return 95;
		}
		say("done");
	}
	return 0;
}
