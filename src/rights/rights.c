// SPDX-License-Identifier: GPL-2.0-or-later
/* rights/rights.c - capabilities, users and the order of things: first what takes rights to give up, the filter of system calls last. */
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rights/internal.h"
#include "util/caps.h"
#include "util/msg.h"

/* Tracing goes on with these: files that are mapped later are probed (BPF and PERFMON: maps, programs, links), processes are looked
 * into (SYS_PTRACE), and the files that they have mapped are read, whoever owns them (DAC_READ_SEARCH) and wherever they are by
 * now (CHECKPOINT_RESTORE, for /proc/PID/map_files). */
#define TRACING                                                                                                   \
	(CAPS_BIT(CAPS_BPF) | CAPS_BIT(CAPS_PERFMON) | CAPS_BIT(CAP_SYS_PTRACE) | CAPS_BIT(CAP_DAC_READ_SEARCH) | \
		CAPS_BIT(CAPS_CHECKPOINT_RESTORE))

unsigned rights_to_write_in(const char *directory)
{
	struct stat st;

	if (!directory)
		return 0;
	if (!stat(directory, &st) && st.st_uid == geteuid() && st.st_mode & S_IWUSR)
		return RIGHTS_WRITE;
	return RIGHTS_WRITE | RIGHTS_OTHERS;
}

unsigned rights_to_write(const char *path)
{
	/* Where the file is, or is to be, not where a link to it is. */
	char *real = path ? realpath(path, NULL) : NULL, *copy = path && !real ? strdup(path) : NULL;
	unsigned needs = 0;

	if (path)
		needs = real || copy ? rights_to_write_in(dirname(real ? real : copy)) : RIGHTS_WRITE | RIGHTS_OTHERS;
	free(copy);
	free(real);
	return needs;
}

/* Where one of these is missing, CAP_SYS_ADMIN stands in for it. */
#define BY_ADMIN (CAPS_BIT(CAPS_BPF) | CAPS_BIT(CAPS_PERFMON) | CAPS_BIT(CAPS_CHECKPOINT_RESTORE))

static uint64_t kept(unsigned needs, uint64_t held)
{
	uint64_t keep = TRACING;

	if ((held & BY_ADMIN) != BY_ADMIN || needs & RIGHTS_ADMIN)
		keep |= CAPS_BIT(CAP_SYS_ADMIN);
	if (!(held & CAPS_BIT(CAP_DAC_READ_SEARCH)))
		keep |= CAPS_BIT(CAP_DAC_OVERRIDE);
	if (needs & RIGHTS_OTHERS)
		keep |= CAPS_BIT(CAP_DAC_OVERRIDE) | CAPS_BIT(CAP_FOWNER);
	if (needs & RIGHTS_URGENT)
		keep |= CAPS_BIT(CAP_SYS_NICE);
	if (needs & RIGHTS_COMMAND)
		keep |= CAPS_BIT(CAP_KILL);
	/* For the one that is started, to give its readers another user; it gives them up itself. */
	if (needs & RIGHTS_SPAWN)
		keep |= CAPS_BIT(CAP_SETUID) | CAPS_BIT(CAP_SETGID);
	return keep & held;
}

/* prepare_readers - readers of hostile files are started again when one dies, and take another user: one that they may take without
 * any right, because it is our real one. The real one, and not the saved one, is also what lets us kill one that hangs, and lets the
 * kernel do so when we die: kill(2). Who starts swtrace once more keeps the right to choose. */
static int prepare_readers(unsigned needs, uint64_t held)
{
	if (geteuid() || needs & RIGHTS_SPAWN || !(held & CAPS_BIT(CAP_SETUID)) || !(held & CAPS_BIT(CAP_SETGID)))
		return 0;
	if (setresgid(CAPS_NO_USER, -1, -1) && errno == EINVAL) /* a user namespace that does not have it */
		return 0;
	return setgroups(0, NULL) || setresuid(CAPS_NO_USER, -1, -1) ? -errno : 0;
}

/* only_thread - capabilities are a thread's own: those of another would stay. */
static int only_thread(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *e;
	int n = 0;

	if (!dir)
		return -errno;
	while ((e = readdir(dir)))
		n += *e->d_name != '.';
	closedir(dir);
	return n == 1 ? 0 : -EBUSY;
}

/* check - it is so, as the kernel tells it. */
static int check(uint64_t keep)
{
	unsigned long effective = ~0UL, permitted = ~0UL;
	int no_new_privs = 0, seccomp = 0;
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];

	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		sscanf(line, "CapPrm: %lx", &permitted);
		sscanf(line, "CapEff: %lx", &effective);
		sscanf(line, "NoNewPrivs: %d", &no_new_privs);
		sscanf(line, "Seccomp: %d", &seccomp);
	}
	fclose(f);
	return (effective | permitted) & ~keep || no_new_privs != 1 || seccomp != 2 ? -EPERM : 0;
}

int rights_drop(unsigned needs)
{
	const char *what = "threads";
	uint64_t held = 0, keep = 0;
	int err = only_thread();

	if (!err) {
		what = "capabilities";
		err = caps_held(&held);
		keep = kept(needs, held);
	}
	if (!err) {
		what = "users";
		err = prepare_readers(needs, held);
	}
	if (!err) {
		what = "capabilities";
		err = caps_keep(keep);
	}
	if (!err) {
		what = "no_new_privs";
		err = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0;
	}
	if (!err) {
		what = "seccomp";
		err = syscalls_limit(needs);
	}
	if (!err) {
		what = "what was given up";
		err = check(keep);
	}
	if (!err)
		return 0;
	msg_error("rights that are not needed any more cannot be given up: %s: %s", what, strerror(-err));
	msg_try("use a kernel built with CONFIG_SECCOMP_FILTER=y, and /proc mounted; docs/rights.md tells what is done");
	return err;
}
