// SPDX-License-Identifier: GPL-2.0-or-later
/* plugins.c - loads libraries and unloads them again. Command: "load SIZE PATH": the library allocates SIZE bytes, and is
 * unloaded; the answer is the address at which it was. "late SIZE OFFSET PATH": the file's code is mapped without the loader,
 * and its function at OFFSET allocates SIZE bytes 20 times in a second; the answer is "done". */
#include "target.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>

typedef void *(*alloc_fn)(size_t n);

static NOINLINE void load(size_t size, const char *path)
{
	void *lib = dlopen(path, RTLD_NOW);
	alloc_fn alloc;
	Dl_info info;

	if (!lib) {
		say("%s", dlerror());
		return;
	}
	alloc = (alloc_fn)dlsym(lib, "plugin_alloc");
	/* The loader's report of the change is dealt with while the library is already in use: give it time. */
	usleep(100000);
	alloc(size);
	dladdr((void *)alloc, &info);
	dlclose(lib);
	say("%p", info.dli_fbase);
}

/* late - an executable file mapping of which the loader knows nothing: a function of the library that calls nothing but what
 * it is given. */
static NOINLINE void late(size_t size, const char *path, unsigned long offset)
{
	int fd = open(path, O_RDONLY);
	char *code = mmap(NULL, 1 << 20, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	void *(*through)(void *(*)(size_t), size_t) = (void *(*)(void *(*)(size_t), size_t))(code + offset);

	for (int i = 0; i < 20; i++) {
		through(malloc, size);
		usleep(50000);
	}
	close(fd);
	say("done");
}

int main(void)
{
	char line[512], path[400];
	unsigned long offset;
	size_t size;

	say("ready");
	while (hear(line, sizeof(line))) {
		if (sscanf(line, "load %zu %399s", &size, path) == 2)
			load(size, path);
		else if (sscanf(line, "late %zu %lu %399s", &size, &offset, path) == 3)
			late(size, path, offset);
	}
	return 0;
}
