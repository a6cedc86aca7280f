/* SPDX-License-Identifier: GPL-2.0-or-later */
/* symbol-offset.c PID FUNCTION - where a function of libc is: "ADDRESS OFFSET FILE", in that process and in libc's file.
 * The libc of the process is taken to be that of this program. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	unsigned long start, end, offset, at;
	char line[512], path[256], file[256];
	Dl_info info;
	FILE *f;

	if (argc != 3 || !dladdr(dlsym(dlopen("libc.so.6", RTLD_LAZY), argv[2]), &info))
		return 1;
	at = (unsigned long)info.dli_saddr - (unsigned long)info.dli_fbase;
	snprintf(path, sizeof(path), "/proc/%s/maps", argv[1]);
	f = fopen(path, "r");
	if (!f)
		return 1;
	/* libc's segments lie in memory as in the file (its first has offset 0), so file offset and address agree */
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx %*s %lx %*s %*s %255s", &start, &end, &offset, file) == 4 &&
			strstr(file, "/libc.so.6") && at >= offset && at < offset + (end - start)) {
			printf("%lx %lx %s\n", start + (at - offset), at, file);
			return 0;
		}
	}
	return 1;
}
