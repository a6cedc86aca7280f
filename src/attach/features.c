// SPDX-License-Identifier: GPL-2.0-or-later
/* attach/features.c - what the running kernel can do, found by doing it, never by its version.
 * Kinds of probes are tried on this very process: a probe on a function of our own, called from a second thread, must be
 * seen at both ends. (Early uprobe_multi links saw only the thread whose id was given: 46ba0e49b642.) */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "attach/internal.h"
#include "trial.skel.h"
#include "util/caps.h"
#include "util/msg.h"
#include "util/strbuf.h"

#define BTF_PATH "/sys/kernel/btf/vmlinux"

static const struct {
	int cap;
	int stands_in; /* another that will do, or -1 */
	int is_needed;
	const char *name;
	const char *why;
} wanted[] = {
	{ CAPS_BPF, CAP_SYS_ADMIN, 1, "CAP_BPF", "load BPF programs" },
	{ CAPS_PERFMON, CAP_SYS_ADMIN, 1, "CAP_PERFMON", "probe other processes" },
	{ CAP_SYS_PTRACE, -1, 1, "CAP_SYS_PTRACE", "read /proc/PID/maps and the files that it names" },
	{ CAPS_CHECKPOINT_RESTORE, CAP_SYS_ADMIN, 0, "CAP_CHECKPOINT_RESTORE",
		"reach files that are deleted or replaced" },
	{ CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE, 0, "CAP_DAC_READ_SEARCH", "read files of other users' processes" },
};
#define N_WANTED (sizeof(wanted) / sizeof(wanted[0]))
_Static_assert(N_WANTED <= ATTACH_CAPABILITIES, "there is room for all");

int attach_capabilities(struct attach_capability *out)
{
	uint64_t set = 0;
	int err = caps_held(&set);

	for (size_t i = 0; !err && i < N_WANTED; i++) {
		out[i] = (struct attach_capability){
			.name = wanted[i].name, .why = wanted[i].why, .is_needed = wanted[i].is_needed
		};
		out[i].is_held =
			set >> wanted[i].cap & 1 || (wanted[i].stands_in >= 0 && set >> wanted[i].stands_in & 1);
	}
	return err ? err : (int)N_WANTED;
}

static int check_capabilities(void)
{
	struct attach_capability all[ATTACH_CAPABILITIES] = { 0 };
	struct strbuf missing = { 0 };
	int n = attach_capabilities(all);

	if (n < 0) {
		msg_error("capabilities cannot be read: %s", strerror(-n));
		return -EPERM;
	}
	for (int i = 0; i < n; i++)
		if (all[i].is_needed && !all[i].is_held)
			strbuf_addf(&missing, "%s%s", missing.len ? ", " : "", all[i].name);
	if (!missing.len)
		return 0;
	msg_error("not permitted to trace: missing %s", missing.data);
	msg_try("run as root (sudo swtrace ...), or give the process these capabilities");
	strbuf_free(&missing);
	return -EPERM;
}

int attach_check(void)
{
	int err;

	err = check_capabilities();
	if (err)
		return err;
	if (access(BTF_PATH, R_OK)) {
		msg_error("%s: %s: the kernel does not describe its types (BTF)", BTF_PATH, strerror(errno));
		msg_try("use a kernel built with CONFIG_DEBUG_INFO_BTF=y (all distributions since "
			"2021 are)");
		return -ENOSYS;
	}
	/* An empty attr: EINVAL from a kernel that has bpf(2), ENOSYS from one that has not. */
	if (syscall(SYS_bpf, 0, NULL, 0) < 0 && (errno == ENOSYS || errno == EPERM)) {
		err = -errno;
		msg_error("bpf(2): %s", strerror(-err));
		msg_try("use a kernel built with CONFIG_BPF_SYSCALL=y; in a container, allow bpf "
			"in its seccomp "
			"profile");
		return err == -ENOSYS ? -ENOSYS : -EPERM;
	}
	return 0;
}

/* The function that is probed. Empty, but never inlined nor merged with another. */
static __attribute__((noinline, noclone)) void *tried(void *arg)
{
	__asm__ volatile("" ::: "memory");
	return arg;
}

int features_own_offset(uintptr_t addr, uint64_t *offset)
{
	unsigned long start, end, file_offset;
	char line[512];
	FILE *f = fopen("/proc/self/maps", "re");
	int err = -ENOENT;

	if (!f)
		return -errno;
	while (err && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx %*4s %lx", &start, &end, &file_offset) == 3 && addr >= start && addr < end) {
			*offset = addr - start + file_offset;
			err = 0;
		}
	}
	fclose(f);
	return err;
}

/* tell - what was found out, to those who wait for it. The first word counts. */
static void tell(struct features *f, int kind)
{
	pthread_mutex_lock(&f->lock);
	if (!f->is_known)
		f->kind = kind;
	f->is_known = 1;
	pthread_cond_signal(&f->known);
	pthread_mutex_unlock(&f->lock);
}

/* try_calls - call tried() from a second thread with the probes in place. Whether that works is told before they are removed,
 * for which the kernel waits until no CPU uses them any more. */
static int try_calls(struct features *f, struct trial_bpf *skel, int type, uint64_t offset)
{
	int prog_fd = bpf_program__fd(skel->progs.on_trial), fd, fd_return = -1, ok = 0;
	uint64_t cookie = 1;
	pthread_t thread;

	fd = link_uprobe_multi(prog_fd, type, 0, "/proc/self/exe", getpid(), &offset, &cookie, 1);
	if (fd < 0)
		return 0;
	if (type == ATTACH_UPROBE_MULTI) {
		fd_return = link_uprobe_multi(prog_fd, type, 1, "/proc/self/exe", getpid(), &offset, &cookie, 1);
		if (fd_return < 0)
			goto out;
	}
	if (pthread_create(&thread, NULL, tried, NULL))
		goto out;
	pthread_join(thread, NULL);
	ok = skel->bss->trial_enters == 1 && skel->bss->trial_returns == 1;
	if (ok)
		tell(f, type == ATTACH_UPROBE_SESSION ? PROBE_SESSION : PROBE_MULTI);
out:
	close(fd);
	if (fd_return >= 0)
		close(fd_return);
	return ok;
}

/* try_type - load the trial with the given attach type, and try it.  Return: 1 it works, 0 it does not, -errno. */
static int try_type(struct features *f, int type, uint64_t offset)
{
	struct trial_bpf *skel = trial_bpf__open();
	int works = 0;

	if (!skel)
		return -errno;
	bpf_program__set_expected_attach_type(skel->progs.on_trial, type);
	if (!trial_bpf__load(skel))
		works = try_calls(f, skel, type, offset);
	trial_bpf__destroy(skel);
	return works;
}

#define PERF_UPROBE_PATH "/sys/bus/event_source/devices/uprobe/type"

int attach_try_kinds(int works[ATTACH_KINDS])
{
	struct features f = { .lock = PTHREAD_MUTEX_INITIALIZER, .known = PTHREAD_COND_INITIALIZER };
	uint64_t offset = 0;
	int err = features_own_offset((uintptr_t)tried, &offset);

	if (err)
		return err;
	works[PROBE_SESSION] = try_type(&f, ATTACH_UPROBE_SESSION, offset) > 0;
	works[PROBE_MULTI] = try_type(&f, ATTACH_UPROBE_MULTI, offset) > 0;
	works[PROBE_PERF] = !access(PERF_UPROBE_PATH, R_OK);
	return ATTACH_KINDS;
}

int attach_needs_admin(const struct attach *a)
{
	int works[ATTACH_KINDS] = { 0 };

	if (a)
		return a->kind == PROBE_PERF;
	return attach_try_kinds(works) > 0 && !works[PROBE_SESSION] && !works[PROBE_MULTI];
}

int features_check_admin(void)
{
	if (caps_has(CAP_SYS_ADMIN))
		return 0;
	msg_error("not permitted to trace: missing CAP_SYS_ADMIN, without which kernels before 6.6 place no probes");
	msg_try("run as root (sudo swtrace ...), give the process this capability too, or use a later kernel");
	return -EPERM;
}

static int probe_kind(struct features *f)
{
	uint64_t offset = 0;
	int err;

	err = features_own_offset((uintptr_t)tried, &offset);
	if (err) {
		msg_error("/proc/self/maps: %s", strerror(-err));
		msg_try(err == -EMFILE || err == -ENFILE ? "raise the limit of open files (ulimit -n)" : "mount /proc");
		return -ENOSYS;
	}
	if (try_type(f, ATTACH_UPROBE_SESSION, offset) > 0)
		return PROBE_SESSION;
	if (try_type(f, ATTACH_UPROBE_MULTI, offset) > 0)
		return PROBE_MULTI;
	if (access(PERF_UPROBE_PATH, R_OK)) {
		msg_error("%s: %s: the kernel has no uprobes", PERF_UPROBE_PATH, strerror(errno));
		msg_try("use a kernel built with CONFIG_UPROBE_EVENTS=y, with /sys mounted");
		return -ENOSYS;
	}
	return PROBE_PERF;
}

static void *find_out(void *arg)
{
	tell(arg, probe_kind(arg));
	return NULL;
}

void features_begin(struct features *f)
{
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->known, NULL);
	f->is_running = !pthread_create(&f->thread, NULL, find_out, f);
	if (!f->is_running)
		find_out(f);
}

int features_probe_kind(struct features *f)
{
	pthread_mutex_lock(&f->lock);
	while (!f->is_known)
		pthread_cond_wait(&f->known, &f->lock);
	pthread_mutex_unlock(&f->lock);
	return f->kind;
}

void features_end(struct features *f)
{
	if (f->is_running)
		pthread_join(f->thread, NULL);
	f->is_running = 0;
}
