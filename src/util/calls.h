/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util/calls.h - which system calls a process may still make, by seccomp. */
#ifndef UTIL_CALLS_H
#define UTIL_CALLS_H

#include <stddef.h>
#include <stdint.h>

#define CALLS_ANY (-1)

/* Numbers on x86-64, for headers that do not have them. */
#define CALLS_URETPROBE 335
#define CALLS_UPROBE	336

/* A call, whatever its arguments are (arg CALLS_ANY); or only where bits of one argument are of that value. A call may be listed
 * more than once. */
struct calls_rule {
	int number; /* SYS_x of <sys/syscall.h> */
	int arg;
	uint64_t mask;
	uint64_t value;
};

/* For lists. Any; where an argument of 32 bits is value; where none of these bits is set in an argument; by its number. */
#define CALL(name) CALL_NUMBERED(SYS_##name)
#define CALL_ONLY(name, arg, value)         \
	{                                   \
		SYS_##name, arg, ~0U, value \
	}
#define CALL_WITHOUT(name, arg, bits)    \
	{                                \
		SYS_##name, arg, bits, 0 \
	}
#define CALL_NUMBERED(number)           \
	{                               \
		number, CALLS_ANY, 0, 0 \
	}
#define CALL_LIST(rules)                                \
	{                                               \
		rules, sizeof(rules) / sizeof(rules[0]) \
	}

/* Flags of clone(2), of <sched.h>. */
#define CALLS_NAMESPACES \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

/* calls_allow - from now on all threads of this process, and what they start, can make these calls alone. Cannot be undone. The caller
 * has set no_new_privs.
 * @list  of lists; NULL entries are passed over      @refused  errno of all other calls
 * A call of another architecture's kind ends the process.
 * Return: 0, or -errno: nothing has changed. */
struct calls_list {
	const struct calls_rule *rule;
	size_t n;
};
int calls_allow(const struct calls_list *list, size_t n, int refused);

#endif
