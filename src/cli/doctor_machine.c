// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/doctor_machine.c - the kernel, and what it lets us do. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "util/caps.h"
#include "util/clock.h"
#include "util/format.h"

#define BTF_PATH    "/sys/kernel/btf/vmlinux"
#define TABLE_BYTES (64ULL << 20) /* README: 48 MiB, and rows of a few large programs */
#define FEW_FILES   4096
#define TRY_BLOCKS  10000

struct line {
	unsigned major, minor, from, to; /* patch levels, the last one not included */
};

/* Lines of the kernel that have something wrong, and the patch level from which its repair may be taken to be in. A distribution's own
 * numbers need not follow: so it is a warning. */

/* cfa7f3d2c526 (user stacks are taken by looking at the probe of the thread) without b583ef82b671 (which makes that safe while the
 * thread ends). */
static const struct line with_profilers[] = { { 6, 6, 54, 80 }, { 6, 10, 0, ~0U }, { 6, 11, 0, ~0U }, { 6, 12, 0, 20 },
	{ 6, 13, 0, 6 } };

/* A probed function returns by a system call, which the process's seccomp filter sees: before cf6cb56ef244. */
static const struct line with_seccomp[] = { { 6, 11, 0, ~0U }, { 6, 12, 0, 16 }, { 6, 13, 0, 4 } };

static int is_in(const char *release, const struct line *line, size_t n)
{
	unsigned major = 0, minor = 0, patch = 0;

	if (sscanf(release, "%u.%u.%u", &major, &minor, &patch) < 2)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (major == line[i].major && minor == line[i].minor && patch >= line[i].from && patch < line[i].to)
			return 1;
	return 0;
}

int doctor_is_bad_kernel(const char *release)
{
	return is_in(release, with_profilers, sizeof(with_profilers) / sizeof(with_profilers[0]));
}

int doctor_is_bad_with_seccomp(const char *release)
{
	return is_in(release, with_seccomp, sizeof(with_seccomp) / sizeof(with_seccomp[0]));
}

static void look_at_kernel(struct doctor *d)
{
	unsigned major = 0, minor = 0;
	struct utsname u;

	if (uname(&u))
		return;
	sscanf(u.release, "%u.%u", &major, &minor);
	if (strcmp(u.machine, "x86_64") != 0)
		doctor_tell(d, OUTPUT_FAIL, "kernel", "use a machine of x86-64", "kernel %s for %s: not supported",
			u.release, u.machine);
	else if (major < 5 || (major == 5 && minor < 15))
		doctor_tell(d, OUTPUT_FAIL, "kernel", "use a kernel from 5.15 on", "kernel %s: too old", u.release);
	else
		doctor_tell(d, OUTPUT_OK, "kernel", NULL, "kernel %s, %s", u.release, u.machine);
	if (doctor_is_bad_kernel(u.release))
		doctor_tell(d, OUTPUT_WARN, "known_bad_kernel",
			"ask its vendor whether it has commit b583ef82b671; if not, stop such profilers while swtrace traces",
			"kernels of this line may lack a repair: while probes are in place, a profiler of CPU time that takes stacks by "
			"bpf_get_stackid (Pyroscope's, Coroot's) can bring the machine down");
}

static void look_at_btf(struct doctor *d)
{
	if (!access(BTF_PATH, R_OK))
		doctor_tell(d, OUTPUT_OK, "btf", NULL, "the kernel describes its types (BTF)");
	else
		doctor_tell(d, OUTPUT_FAIL, "btf",
			"use a kernel built with CONFIG_DEBUG_INFO_BTF=y, and see that /sys is mounted (in a container, not hidden)",
			"%s: %s", BTF_PATH, strerror(errno));
}

/* look_at_rights - Return: 1, or 0: one that is needed is missing. */
static int look_at_rights(struct doctor *d)
{
	struct attach_capability all[ATTACH_CAPABILITIES] = { 0 };
	struct strbuf held = { 0 };
	int n = attach_capabilities(all), is_enough = n > 0;

	for (int i = 0; i < n; i++) {
		char try[192];

		if (all[i].is_held) {
			strbuf_addf(&held, "%s%s", held.len ? ", " : "", all[i].name);
			continue;
		}
		snprintf(try, sizeof(try),
			"run as root (sudo swtrace ...); in a container add the capability %s; or setcap %s+ep swtrace",
			all[i].name + strlen("CAP_"), all[i].name);
		doctor_tell(d, all[i].is_needed ? OUTPUT_FAIL : OUTPUT_WARN, "capabilities", try,
			"%s is missing: to %s", all[i].name, all[i].why);
		is_enough &= !all[i].is_needed;
	}
	if (held.len)
		doctor_tell(d, OUTPUT_OK, "capabilities", NULL, "held: %s", held.data);
	strbuf_free(&held);
	return is_enough;
}

/* word_of - the first line of a small file.  Return: 1, or 0: it cannot be read. */
static int word_of(const char *path, char *to, size_t cap)
{
	FILE *f = fopen(path, "re");
	int found = f && fgets(to, (int)cap, f);

	if (f)
		fclose(f);
	if (found)
		to[strcspn(to, "\n")] = 0;
	return found;
}

static void look_at_lockdown(struct doctor *d)
{
	char word[128];

	if (!word_of("/sys/kernel/security/lockdown", word, sizeof(word)))
		doctor_tell(d, OUTPUT_OK, "lockdown", NULL,
			"whether the kernel is locked down cannot be seen from here: what it forbids fails below");
	else if (strstr(word, "[none]"))
		doctor_tell(d, OUTPUT_OK, "lockdown", NULL, "no lockdown of the kernel is in the way");
	else if (strstr(word, "[confidentiality]"))
		doctor_tell(d, OUTPUT_FAIL, "lockdown",
			"boot with lockdown=integrity, or without it: this mode forbids BPF programs to read memory",
			"the kernel is locked down for confidentiality");
	else
		doctor_tell(d, OUTPUT_OK, "lockdown", NULL, "the kernel's lockdown (%s) forbids nothing that is needed",
			word);
	if (word_of("/proc/sys/kernel/yama/ptrace_scope", word, sizeof(word)) && !strcmp(word, "3"))
		doctor_tell(d, OUTPUT_WARN, "yama",
			"sysctl kernel.yama.ptrace_scope=2, which takes a reboot once it was 3",
			"kernel.yama.ptrace_scope is 3: nobody may read the memory of processes, so PHP's heap and its layout "
			"cannot be checked");
}

/* look_at_bpf - Return: 1, or 0: the call is refused. */
static int look_at_bpf(struct doctor *d)
{
	/* An empty attr: EINVAL, or E2BIG, from a kernel that lets us. */
	if (syscall(SYS_bpf, 0, NULL, 0) >= 0 || (errno != ENOSYS && errno != EPERM)) {
		doctor_tell(d, OUTPUT_OK, "bpf", NULL, "bpf(2) is allowed");
		return 1;
	}
	if (errno == ENOSYS)
		doctor_tell(d, OUTPUT_FAIL, "bpf",
			"use a kernel built with CONFIG_BPF_SYSCALL=y; in a container, allow bpf in its "
			"seccomp profile",
			"bpf(2): %s", strerror(ENOSYS));
	else
		doctor_tell(d, OUTPUT_FAIL, "bpf",
			"in a container, allow bpf in its seccomp profile (deploy/seccomp.json has all that swtrace calls)",
			"bpf(2) is refused though the capability is there: by seccomp, or by a security module");
	return 0;
}

/* look_at_kinds - Return: 1, or 0: there is none that works. */
static int look_at_kinds(struct doctor *d)
{
	int works[ATTACH_KINDS] = { 0 }, n = attach_try_kinds(works), best = -1;
	struct strbuf b = { 0 };

	for (int i = n - 1; i >= 0; i--)
		best = works[i] ? i : best;
	for (int i = 0; i < n; i++)
		strbuf_addf(&b, "%s%s %s", i ? ", " : "", attach_kind_name(i), works[i] ? "yes" : "no");
	if (best < 0)
		doctor_tell(d, OUTPUT_FAIL, "probes",
			"use a kernel built with CONFIG_UPROBE_EVENTS=y; in a container mount /sys, and allow perf_event_open",
			"no way to place probes works: %s", b.data ? b.data : "");
	else if (best == ATTACH_KINDS - 1 && !caps_has(CAP_SYS_ADMIN))
		doctor_tell(d, OUTPUT_FAIL, "probes",
			"run it as root, or with this capability, too; or use a kernel from 6.6 on",
			"probes are placed as %s (%s), for which the kernel wants CAP_SYS_ADMIN",
			attach_kind_name(best), b.data);
	else
		doctor_tell(d, OUTPUT_OK, "probes", NULL, "probes are placed as %s (%s)%s", attach_kind_name(best),
			b.data, best == ATTACH_KINDS - 1 ? "; from kernel 6.6 on they cost less" : "");
	strbuf_free(&b);
	return best >= 0;
}

static void look_at_programs(struct doctor *d)
{
	struct attach_opts opts = { .max_blocks = TRY_BLOCKS, .reader = d->reader };
	uint64_t begin_ns = clock_ns(CLOCK_MONOTONIC);
	int err = attach_open(&d->attach, &opts);

	if (err)
		doctor_tell(d, OUTPUT_FAIL, "programs", "swtrace doctor -v shows what the kernel says of them",
			"the kernel refuses swtrace's programs: %s", strerror(-err));
	else
		doctor_tell(d, OUTPUT_OK, "programs", NULL, "the kernel accepts swtrace's programs (%.0f ms)",
			(double)(clock_ns(CLOCK_MONOTONIC) - begin_ns) / 1e6);
}

/* look_at_memory - tables are counted as memory of the cgroup that swtrace runs in. */
static void look_at_memory(struct doctor *d)
{
	struct model_vitals v = { 0 };
	char room[FORMAT_BYTES_BYTES], need[FORMAT_BYTES_BYTES];
	struct rlimit files;
	uint64_t left;

	if (!target_limits_read("", getpid(), &v) && v.cgroup_bytes) {
		left = v.cgroup_bytes > v.cgroup_used_bytes ? v.cgroup_bytes - v.cgroup_used_bytes : 0;
		format_bytes(left, room);
		format_bytes(TABLE_BYTES, need);
		doctor_tell(d, left < TABLE_BYTES ? OUTPUT_WARN : OUTPUT_OK, "own_memory",
			"raise the memory limit of swtrace's own container, or use --max-blocks",
			"swtrace's own cgroup has room for %s; it needs about %s, and more with -a", room, need);
	}
	if (!getrlimit(RLIMIT_NOFILE, &files) && files.rlim_max < FEW_FILES)
		doctor_tell(d, OUTPUT_WARN, "open_files", "raise the hard limit of open files (ulimit -Hn)",
			"at most %lu files can be open: each process, mapped file and probed file takes some",
			(unsigned long)files.rlim_max);
}

/* look_at_namespace - the first one has an inode number that is known (PROC_PID_INIT_INO of <linux/proc_ns.h>). */
static void look_at_namespace(struct doctor *d)
{
	char link[64] = "";

	if (readlink("/proc/self/ns/pid", link, sizeof(link) - 1) < 0)
		doctor_tell(d, OUTPUT_FAIL, "proc", "mount /proc", "/proc: %s", strerror(errno));
	else if (!strcmp(link, "pid:[4026531836]"))
		doctor_tell(d, OUTPUT_OK, "pid_namespace", NULL, "all processes of the machine can be seen");
	else
		doctor_tell(d, OUTPUT_OK, "pid_namespace", NULL,
			"only the processes of this pid namespace can be seen and traced: see that it is the program's (docs/deploy.md)");
}

void doctor_machine(struct doctor *d)
{
	int may;

	look_at_kernel(d);
	look_at_btf(d);
	may = look_at_rights(d);
	look_at_lockdown(d);
	look_at_namespace(d);
	look_at_memory(d);
	if (may && look_at_bpf(d) && look_at_kinds(d))
		look_at_programs(d);
	doctor_tell(
		d, OUTPUT_OK, "not_needed", NULL, "tracefs, bpffs and kprobes are not looked for: they are not needed");
}
