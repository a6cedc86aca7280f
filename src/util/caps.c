// SPDX-License-Identifier: GPL-2.0-or-later
/* util/caps.c - capabilities, by capget(2) and capset(2) themselves: there is not more to it than this. */
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/caps.h"

#define MAX_CAPS 64

static struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };

static uint64_t whole(uint32_t low, uint32_t high)
{
	return low | (uint64_t)high << 32;
}

int caps_held(uint64_t *set)
{
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	memset(data, 0, sizeof(data));
	if (syscall(SYS_capget, &header, data))
		return -errno;
	*set = whole(data[0].effective, data[1].effective);
	return 0;
}

int caps_has(int cap)
{
	uint64_t set = 0;

	return !caps_held(&set) && set >> cap & 1;
}

/* bound - what is not kept cannot come back by execve(2) either. */
static int bound(uint64_t keep)
{
	for (int cap = 0; cap < MAX_CAPS; cap++) {
		int is_there = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);

		if (is_there < 0)
			return 0; /* the kernel has no more of them */
		if (is_there && !(keep >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0))
			return -errno;
	}
	return 0;
}

int caps_keep(uint64_t set)
{
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	int err = 0;

	memset(data, 0, sizeof(data));
	if (syscall(SYS_capget, &header, data))
		return -errno;
	if (whole(data[0].effective, data[1].effective) & CAPS_BIT(CAP_SETPCAP))
		err = bound(set);
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		uint32_t kept = set >> 32 * i;

		data[i].effective &= kept;
		data[i].permitted &= kept;
		data[i].inheritable &= kept;
	}
	return !err && syscall(SYS_capset, &header, data) ? -errno : err;
}
