/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hostile.c - a program whose names are made to do harm where they are shown: usage: hostile NAME LIBRARY. The names of a function and of
 * a source file stand in for hostile ones of the same length, which test_hostile.py puts into a copy of the file. "leak" allocates in
 * that function, and in that of the library. In that function, too: "twice" frees a block twice, so that glibc does not see it; "use" reads a
 * block that is unmapped by then; "fill" allocates and writes to ever more. "crash TEXT" is a failed assertion of that text; "kill PID" kills
 * another process. */
#include "target.h"
#include <assert.h>
#include <dlfcn.h>
#include <signal.h>
#include <sys/prctl.h>

#define IN_BIN 7 /* as in twice.c */

enum what { LEAK, TWICE, USE, FILL };

static void (*leak_in_library)(void);
static void *volatile keep;

static void leak(void);
static void call(enum what what);
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
		else if (!strncmp(line, "kill ", 5))
			kill(atoi(line + 5), SIGKILL);
		else if (!strcmp(line, "twice"))
			call(TWICE);
		else if (!strcmp(line, "use"))
			call(USE);
		else if (!strcmp(line, "fill"))
			call(FILL);
		else
			leak();
		say("done");
	}
	return 0;
}

/* same - of which the compiler does not know that it is freed, or of no use. */
static void *same(void *p)
{
	__asm__ volatile("" : "+r"(p));
	return p;
}

static void leak(void)
{
	call(LEAK);
	leak_in_library();
}

#line 1 "hostile_source_0123456789012345678901234567890123456789012345678"
static NOINLINE void hostile_function_01234567890123456789012345678901234567890123456(enum what what)
{
	void *full[IN_BIN], *one = malloc(what == USE ? 1 << 20 : 72), *other = malloc(72);

	for (int i = 0; i < 20 && what == LEAK; i++)
		keep = malloc(3002);
	for (int i = 0; i < IN_BIN && what == TWICE; i++)
		full[i] = malloc(72);
	for (int i = 0; i < IN_BIN && what == TWICE; i++)
		free(same(full[i]));
	while (what == FILL)
		keep = memset(malloc(1 << 20), 1, 1 << 20);
	free(same(one));
	free(same(other));
	if (what == TWICE)
		free(same(one));
	if (what == USE)
		keep = *((void *volatile *)same(one) + 500);
}

static void call(enum what what)
{
	hostile_function_01234567890123456789012345678901234567890123456(what);
}

static void fail(const char *text)
{
	__assert_fail(text, __FILE__, __LINE__, "fail");
}
