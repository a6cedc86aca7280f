// SPDX-License-Identifier: GPL-2.0-or-later
/* attach/link.c - uprobe_multi links made directly by bpf(2).
 * Source: union bpf_attr, link_create.uprobe_multi, in include/uapi/linux/bpf.h since kernel 6.6 (89ae89f53d20). */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/types.h>

#include "attach/internal.h"

#define CMD_LINK_CREATE	      28 /* enum bpf_cmd: BPF_LINK_CREATE */
#define F_UPROBE_MULTI_RETURN 1	 /* BPF_F_UPROBE_MULTI_RETURN */

/* The kernel accepts an attr shorter than its own and takes the rest for zero. */
struct link_create_attr {
	__u32 prog_fd;
	__u32 target_fd;
	__u32 attach_type;
	__u32 flags;
	__aligned_u64 path;
	__aligned_u64 offsets;
	__aligned_u64 ref_ctr_offsets;
	__aligned_u64 cookies;
	__u32 cnt;
	__u32 uprobe_flags;
	__u32 pid;
	__u32 pad0;
};

int link_uprobe_multi(int prog_fd, int type, int at_return, const char *path, pid_t pid, const uint64_t *offset,
	const uint64_t *cookie, size_t n)
{
	struct link_create_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_fd = prog_fd;
	attr.attach_type = type;
	attr.path = (uintptr_t)path;
	attr.offsets = (uintptr_t)offset;
	attr.cookies = (uintptr_t)cookie;
	attr.cnt = n;
	attr.uprobe_flags = at_return ? F_UPROBE_MULTI_RETURN : 0;
	attr.pid = pid;
	fd = syscall(SYS_bpf, CMD_LINK_CREATE, &attr, sizeof(attr));
	return fd < 0 ? -errno : fd;
}
