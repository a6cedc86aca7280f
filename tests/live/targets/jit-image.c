/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jit-image.c - for every BPF program in the kernel a line "NAME BYTES PRIVATE": the size of its machine code, and how often
 * that sets up a private stack. (Debian's bpftool is built without the library that it wants for this.)
 * PRIVATE: add %gs:this_cpu_off, %r9 - how the x86 JIT makes a private stack's address that of this CPU; emit_priv_frame_ptr
 * in arch/x86/net/bpf_jit_comp.c, kernel 6.13. */
#include <bpf/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const unsigned char private_stack[] = { 0x65, 0x4c, 0x03, 0x0c, 0x25 };

static int show(int fd)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info), size, found = 0;
	unsigned char *code;

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return 1;
	size = info.jited_prog_len;
	code = calloc(1, size + 1);
	memset(&info, 0, sizeof(info));
	info.jited_prog_insns = (__u64)(unsigned long)code;
	info.jited_prog_len = size;
	len = sizeof(info);
	if (!code || bpf_obj_get_info_by_fd(fd, &info, &len))
		return 1;
	for (__u32 i = 0; i + sizeof(private_stack) <= size; i++)
		found += !memcmp(code + i, private_stack, sizeof(private_stack));
	printf("%s %u %u\n", info.name, size, found);
	free(code);
	return 0;
}

int main(void)
{
	__u32 id = 0;
	int fd;

	while (!bpf_prog_get_next_id(id, &id)) {
		fd = bpf_prog_get_fd_by_id(id);
		if (fd < 0)
			continue;
		if (show(fd))
			return 1;
		close(fd);
	}
	return 0;
}
