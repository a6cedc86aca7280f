/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* vmlinux.h - the kernel types that the programs in bpf/ use, and no others.
 *
 * Written by hand: only the members in use are named, in any order, and CO-RE (preserve_access_index) finds their
 * offsets in the running kernel's own BTF. Constants are those of include/uapi/linux/bpf.h, which are ABI.
 * Types that differ by architecture stand in vmlinux_<arch>.h. */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;

enum { false = 0, true = 1 };

/* enum bpf_map_type */
#define BPF_MAP_TYPE_HASH	   1
#define BPF_MAP_TYPE_ARRAY	   2
#define BPF_MAP_TYPE_PROG_ARRAY	   3
#define BPF_MAP_TYPE_PERCPU_ARRAY  6
#define BPF_MAP_TYPE_ARRAY_OF_MAPS 12
#define BPF_MAP_TYPE_RINGBUF	   27
#define BPF_MAP_TYPE_TASK_STORAGE  29

#define BPF_ANY			       0
#define BPF_NOEXIST		       1
#define BPF_F_NO_PREALLOC	       (1U << 0)
#define BPF_F_MMAPABLE		       (1U << 10)
#define BPF_LOCAL_STORAGE_GET_F_CREATE (1ULL << 0)

#if defined(__TARGET_ARCH_x86)
#include "vmlinux_x86.h"
#else
#error "vmlinux: no types for this architecture yet"
#endif

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

struct ns_common {
	unsigned int inum;
};

struct pid_namespace {
	struct ns_common ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	struct upid numbers[0];
};

struct mm_struct;

struct signal_struct {
	atomic_t live;
	int group_exit_code;
	unsigned long maxrss; /* pages, at most, so far; brought up to date before sched_process_exit */
	struct mm_struct *oom_mm;
};

struct xol_area {
	unsigned long vaddr;
};

struct uprobes_state {
	struct xol_area *xol_area;
};

struct qstr {
	u32 len;
	const unsigned char *name;
};

struct dentry {
	struct dentry *d_parent;
	struct qstr d_name;
};

struct vfsmount {
	struct dentry *mnt_root;
};

/* fs/mount.h */
struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	struct path f_path;
};

/* include/linux/maple_tree.h, since 6.1: the tree in which a process's mappings are. */
enum maple_type { maple_dense, maple_leaf_64, maple_range_64, maple_arange_64 };

struct maple_tree {
	void *ma_root;
};

struct maple_range_64 {
	unsigned long pivot[15];
	void *slot[16];
};

struct maple_arange_64 {
	unsigned long pivot[9];
	void *slot[10];
};

struct maple_node {
	struct maple_range_64 mr64;
};

/* Before 6.1. */
struct rb_node {
	struct rb_node *rb_right;
	struct rb_node *rb_left;
};

struct rb_root {
	struct rb_node *rb_node;
};

struct vm_area_struct {
	unsigned long vm_start;
	unsigned long vm_end;
	unsigned long vm_flags;
	unsigned long vm_pgoff;
	struct file *vm_file;
	struct rb_node vm_rb; /* before 6.1 */
};

typedef struct {
	void *vdso;
} mm_context_t;

struct mm_struct {
	struct uprobes_state uprobes_state;
	struct file *exe_file;
	struct maple_tree mm_mt; /* since 6.1 */
	struct rb_root mm_rb;	 /* before */
	unsigned long start_brk;
	unsigned long brk;
	unsigned long start_stack;
	mm_context_t context;
};

struct kernfs_node {
	u64 id;
};

struct cgroup_subsys_state {
	struct cgroup_subsys_state *parent;
};

struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct return_instance {
	unsigned long stack; /* stack pointer at entry of the probed function */
	unsigned long orig_ret_vaddr;
	struct return_instance *next;
};

struct uprobe_task {
	struct return_instance *return_instances;
};

/* arch/x86/include/asm/processor.h */
struct thread_struct {
	unsigned long fsbase;
	unsigned long cr2;
	unsigned long trap_nr;
	unsigned long error_code;
};

struct task_struct {
	int pid;
	int tgid;
	int exit_code;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct signal_struct *signal;
	struct mm_struct *mm;
	struct uprobe_task *utask;
	struct thread_struct thread;
	struct task_struct *real_parent;
	struct css_set *cgroups;
	char comm[16];
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct linux_binprm;

/* include/uapi/asm-generic/siginfo.h */
union __sifields {
	struct {
		int _pid;
	} _kill;
	struct {
		void *_addr;
	} _sigfault;
	struct {
		int _syscall;
	} _sigsys;
};

struct kernel_siginfo {
	int si_signo;
	int si_code;
	union __sifields _sifields;
};

struct sigaction {
	void *sa_handler;
};

struct k_sigaction {
	struct sigaction sa;
};

#pragma clang attribute pop

#endif
