/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hostile.c - a program whose names are made to do harm where they are shown: usage: hostile NAME LIBRARY. The names of a function and of
 * a source file stand in for hostile ones of the same length, which test_hostile.py puts into a copy of the file. "leak" allocates in
 * that function, and in that of the library; "crash TEXT" is a failed assertion of that text. */
#include "target.h"
#include <assert.h>
#include <dlfcn.h>
#include <sys/prctl.h>

static void (*leak_in_library)(void);
static void *volatile keep;

static void leak(void);
static void fail(const char *text);

int main(int argc, char **argv)
{
	char line[256];
	void *library = argc == 3 ? dlopen(argv[2], RTLD_NOW) : NULL;

	if (library)
		leak_in_library = (void (*)(void))dlsym(library, "leak_in_library");
	if (!leak_in_library || prctl(PR_SET_NAME, argv[1]))
		return 1;
	say("ready");
	while (hear(line, sizeof(line))) {
		if (!strncmp(line, "crash ", 6))
			fail(line + 6);
		leak();
		leak_in_library();
		say("done");
	}
	return 0;
}

#line 1 "hostile_source_0123456789012345678901234567890123456789012345678"
static NOINLINE void hostile_function_01234567890123456789012345678901234567890123456(void)
{
	for (int i = 0; i < 20; i++)
		keep = malloc(3002);
}

static void leak(void)
{
	hostile_function_01234567890123456789012345678901234567890123456();
}

static void fail(const char *text)
{
	__assert_fail(text, __FILE__, __LINE__, "fail");
}
