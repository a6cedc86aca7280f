/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* select.bpf.h - which processes are traced in system-wide mode: by name, program and cgroup.
 * Decided here alone, for those that exist (list.bpf.h) as well as for those that come to be (system.bpf.h). */
#ifndef SELECT_BPF_H
#define SELECT_BPF_H

#define PATH_STEPS    48 /* directories and mounts on the way from a file to the root */
#define CGROUP_LEVELS 32

static __always_inline bool comm_fits(struct task_struct *task)
{
	__u64 comm[2] = {};

	/* What stands behind the end of a name may be left from an older one. */
	bpf_probe_read_kernel_str(comm, sizeof(comm), __builtin_preserve_access_index(&task->comm));
	for (__u32 i = 0; i < SWT_SELECT_NAMES && i < selection.n_comms; i++) {
		const volatile __u64 *want = (const volatile __u64 *)selection.comm[i];

		if (want[0] == comm[0] && want[1] == comm[1])
			return true;
	}
	return !selection.n_comms;
}

/* name_fits - without branches in the comparison, or the verifier follows as many paths as there are names. */
static __always_inline bool name_fits(const volatile struct swt_name *want, struct dentry *d)
{
	__u64 name[SWT_NAME_BYTES / 8] = {}, differs = 0;
	const volatile __u64 *text = (const volatile __u64 *)want->text;
	__u32 len = BPF_CORE_READ(d, d_name.len);

	if (len != want->len || len >= SWT_NAME_BYTES ||
		bpf_probe_read_kernel(name, len, BPF_CORE_READ(d, d_name.name)))
		return false;
#pragma unroll
	for (int i = 0; i < SWT_NAME_BYTES / 8; i++)
		differs |= name[i] ^ text[i];
	return !differs;
}

/* On the way from a file to the root. */
struct path_walk {
	__u64 dentry;
	__u64 mount;
	__u32 wanted; /* which path */
	__u32 n;      /* names that fit so far */
};

#define PATH_GOES_ON 0
#define PATH_FITS    1
#define PATH_DIFFERS 2

/* path_step - one directory, or one mount, further up. A global function: the verifier looks at it once, not once a step. */
__noinline int path_step(struct path_walk *w)
{
	const volatile struct swt_path *want;
	struct dentry *d, *up;
	struct mount *m, *above;

	if (!w)
		return PATH_DIFFERS;
	want = &selection.exe[w->wanted & (SWT_SELECT_NAMES - 1)];
	d = (struct dentry *)w->dentry;
	m = (struct mount *)w->mount;
	if (w->n >= want->n_names && !want->is_whole)
		return PATH_FITS;
	if (d == BPF_CORE_READ(m, mnt.mnt_root)) {
		above = BPF_CORE_READ(m, mnt_parent);
		if (!above || above == m)
			return w->n == want->n_names ? PATH_FITS : PATH_DIFFERS;
		w->dentry = (__u64)BPF_CORE_READ(m, mnt_mountpoint);
		w->mount = (__u64)above;
		return PATH_GOES_ON;
	}
	up = BPF_CORE_READ(d, d_parent);
	if (up == d)
		return w->n == want->n_names ? PATH_FITS : PATH_DIFFERS;
	if (w->n >= want->n_names || !name_fits(&want->name[w->n & (SWT_PATH_NAMES - 1)], d))
		return PATH_DIFFERS;
	w->n++;
	w->dentry = (__u64)up;
	return PATH_GOES_ON;
}

/* path_fits - is the file where the wanted path says? From the file towards the root, through mounts, as
 * /proc/PID/exe names it. */
static __always_inline bool path_fits(__u32 wanted, struct file *file)
{
	struct vfsmount *vfs = BPF_CORE_READ(file, f_path.mnt);
	struct path_walk w = { .wanted = wanted };
	int found = PATH_GOES_ON;

	w.dentry = (__u64)BPF_CORE_READ(file, f_path.dentry);
	w.mount = (__u64)vfs - bpf_core_field_offset(struct mount, mnt);
	for (int i = 0; i < PATH_STEPS && vfs && w.dentry && found == PATH_GOES_ON; i++)
		found = path_step(&w);
	return found == PATH_FITS;
}

static __always_inline bool exe_fits(struct task_struct *task)
{
	struct file *file = BPF_CORE_READ(task, mm, exe_file);

	for (__u32 i = 0; file && i < SWT_SELECT_NAMES && i < selection.n_exes; i++)
		if (path_fits(i, file))
			return true;
	return !selection.n_exes;
}

/* cgroup_fits - is one of the wanted cgroups that of the process, or above it? self is the first member of struct cgroup. */
static __always_inline bool cgroup_fits(struct task_struct *task)
{
	struct cgroup *c = BPF_CORE_READ(task, cgroups, dfl_cgrp);

	for (int level = 0; c && level < CGROUP_LEVELS && selection.n_cgroups; level++) {
		__u64 id = BPF_CORE_READ(c, kn, id);

		for (__u32 i = 0; i < SWT_SELECT_NAMES && i < selection.n_cgroups; i++)
			if (selected_cgroup[i] == id)
				return true;
		c = (struct cgroup *)BPF_CORE_READ(c, self.parent);
	}
	return !selection.n_cgroups;
}

/* is_own - swtrace, or one of its children that read files for it? */
static __always_inline bool is_own(struct task_struct *task)
{
	return task_tgid(task) == selection.own_pid || task_tgid(BPF_CORE_READ(task, real_parent)) == selection.own_pid;
}

/* is_selected - is the process of this task to be traced? Of the kernel's own threads none is. */
static __noinline bool is_selected(struct task_struct *task)
{
	return BPF_CORE_READ(task, mm) && !is_own(task) && comm_fits(task) && cgroup_fits(task) && exe_fits(task);
}

#endif
