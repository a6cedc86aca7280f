// SPDX-License-Identifier: GPL-2.0-or-later
/* target/process.c - identity of the traced processes, from /proc/PID and a pidfd. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "target/parser.h"

int target_open(struct target **out)
{
	int err;

	*out = calloc(1, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	err = parser_open(&(*out)->parser);
	if (err) {
		free(*out);
		*out = NULL;
	}
	return err;
}

static void process_free(struct target_process *p)
{
	if (!p)
		return;
	if (p->pidfd >= 0)
		close(p->pidfd);
	maps_free(p->map, p->n_maps);
	maps_free(p->past, p->n_past);
	free(p->allocator);
	free(p->vitals);
	free(p->identity);
	free(p->exe);
	free(p);
}

void target_close(struct target *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_processes; i++)
		process_free(t->process[i]);
	for (size_t i = 0; i < t->n_children; i++)
		process_free(t->child[i]);
	for (size_t i = 0; i < t->n_modules; i++)
		module_free(t->module[i]);
	free(t->child);
	free(t->process);
	free(t->module);
	parser_close(t->parser);
	free(t);
}

/* unescape - the kernel writes a newline and a backslash of a name as two characters each (proc_task_name() of fs/proc/array.c). */
static void unescape(char *name)
{
	char *to = name;

	for (const char *s = name; *s; s++)
		if (*s == '\\' && (s[1] == 'n' || s[1] == '\\'))
			*to++ = *++s == 'n' ? '\n' : '\\';
		else
			*to++ = *s;
	*to = 0;
}

/* stat_read - state, comm, start time and size of memory from /proc/PID/stat. The name may hold anything, also ')', so it ends at the
 * last ')' (proc(5)). */
static int stat_read(struct target_process *p, char *state, unsigned long *memory_bytes)
{
	char path[64], buf[1024], *open, *close;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", p->pid);
	f = fopen(path, "re");
	if (!f)
		return errno == ENOENT ? -ESRCH : -errno;
	n = fread(buf, 1, sizeof(buf) - 1, f);
	fclose(f);
	buf[n] = 0;
	open = strchr(buf, '(');
	close = strrchr(buf, ')');
	if (!open || !close || close < open)
		return -ESRCH;
	*close = 0;
	unescape(open + 1);
	snprintf(p->comm, sizeof(p->comm), "%s", open + 1);
	/* After the name: state, then 18 numbers, then the start time in clock ticks (field 22), then the size. */
	if (sscanf(close + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %lu %lu",
		    state, &p->start_ticks, memory_bytes) != 3)
		return -ESRCH;
	return 0;
}

int target_exe(pid_t pid, char *out, size_t cap)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	n = readlink(path, out, cap - 1);
	if (n <= 0)
		return n ? -errno : -ENOENT;
	out[n] = 0;
	return 0;
}

static void exe_read(struct target_process *p)
{
	char exe[PATH_MAX];

	if (target_exe(p->pid, exe, sizeof(exe)))
		return;
	free(p->exe);
	p->exe = strdup(exe);
}

int process_runs(pid_t pid, const char *exe)
{
	char own[PATH_MAX];

	return exe && !target_exe(pid, own, sizeof(own)) && !strcmp(own, exe);
}

int process_read(pid_t pid, uint64_t addr, void *to, size_t len)
{
	struct iovec local = { to, len }, remote = { (void *)(uintptr_t)addr, len };

	return process_vm_readv(pid, &local, 1, &remote, 1, 0) == (ssize_t)len ? 0 : -EFAULT;
}

int process_has_memory(const struct target_process *p)
{
	struct target_process now = { .pid = p->pid };
	unsigned long memory_bytes = 0;
	char state;

	return !stat_read(&now, &state, &memory_bytes) && memory_bytes && now.start_ticks == p->start_ticks;
}

int target_refresh_names(struct target *t, struct target_process *p, uint64_t until_ns)
{
	uint64_t start_ticks = p->start_ticks;
	unsigned long memory_bytes = 0;
	char state = 0;
	int err;

	err = stat_read(p, &state, &memory_bytes);
	if (err)
		return err;
	if (state == 'Z' || state == 'X' || (start_ticks && start_ticks != p->start_ticks)) {
		p->start_ticks = start_ticks;
		return -ESRCH;
	}
	exe_read(p);
	return maps_read(t, p, until_ns);
}

int target_refresh_within(struct target *t, struct target_process *p, uint64_t until_ns)
{
	int err = target_refresh_names(t, p, until_ns);

	/* More is asked of these files, which has to be answered at once: also by who is told by this that they are read. */
	if (!err && !parser_is_idle(t->parser, until_ns))
		err = -EINPROGRESS;
	return err ? err : resolve_allocators(p);
}

int target_refresh(struct target *t, struct target_process *p)
{
	return target_refresh_within(t, p, UINT64_MAX);
}

/* is_thread - the pid is that of a thread other than its process's first: the line Tgid: of its status says so. */
static int is_thread(pid_t pid)
{
	char path[64], line[256];
	int tgid = pid;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "Tgid: %d", &tgid) == 1)
			break;
	fclose(f);
	return tgid != pid;
}

/* add - @refresh  what is to be known of it */
static int add(struct target *t, pid_t pid, uint64_t until_ns, struct target_process **out,
	int (*refresh)(struct target *t, struct target_process *p, uint64_t until_ns))
{
	struct target_process *p, **grown;
	int err;

	if (target_find(t, pid))
		return -EALREADY;
	if (is_thread(pid))
		return -EINVAL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->pid = pid;
	p->alive = 1;
	/* The pidfd first: from here on the pid cannot become another process unnoticed. */
	p->pidfd = syscall(SYS_pidfd_open, pid, 0);
	if (p->pidfd < 0) {
		err = -errno;
		goto out;
	}
	err = refresh(t, p, until_ns);
	/* One that dies has no mappings any more: those that it has from its parent tell where it crashed. */
	if (!err && !p->n_maps && target_child(t, pid))
		err = -ESRCH;
	if (err)
		goto out;
	grown = realloc(t->process, (t->n_processes + 1) * sizeof(*grown));
	if (!grown) {
		err = -ENOMEM;
		goto out;
	}
	t->process = grown;
	t->process[t->n_processes++] = p;
	*out = p;
	p = NULL;
out:
	process_free(p);
	return err;
}

int target_add(struct target *t, pid_t pid, struct target_process **out)
{
	return target_add_within(t, pid, UINT64_MAX, out);
}

int target_add_within(struct target *t, pid_t pid, uint64_t until_ns, struct target_process **out)
{
	return add(t, pid, until_ns, out, target_refresh_within);
}

int target_add_names(struct target *t, pid_t pid, uint64_t until_ns, struct target_process **out)
{
	return add(t, pid, until_ns, out, target_refresh_names);
}

struct target_process *target_find(struct target *t, pid_t pid)
{
	for (size_t i = 0; i < t->n_processes; i++)
		if (t->process[i]->pid == pid)
			return t->process[i];
	return NULL;
}

struct target_process *target_at(struct target *t, size_t i)
{
	return i < t->n_processes ? t->process[i] : NULL;
}

size_t target_count(const struct target *t)
{
	return t->n_processes;
}

void target_remove(struct target *t, struct target_process *p)
{
	for (size_t i = 0; i < t->n_processes; i++) {
		if (t->process[i] != p)
			continue;
		/* in order: they are reported in that in which they came */
		memmove(&t->process[i], &t->process[i + 1], (--t->n_processes - i) * sizeof(*t->process));
		process_free(p);
		return;
	}
}

struct children {
	pid_t *pid;
	int n;
	int cap;
};

/* children_add - Return: 0 or -ENOMEM. */
static int children_add(struct children *c, pid_t pid)
{
	pid_t *grown;

	if (c->n == c->cap) {
		grown = realloc(c->pid, (2 * c->cap + 16) * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		c->pid = grown;
		c->cap = 2 * c->cap + 16;
	}
	c->pid[c->n++] = pid;
	return 0;
}

/* children_of_thread - those that one thread has made, until there are most.  Return: 0 or -ENOMEM. */
static int children_of_thread(const char *path, const char *exe, int most, struct children *c)
{
	FILE *f = fopen(path, "re");
	int pid, err = 0;

	while (f && !err && c->n < most && fscanf(f, "%d", &pid) == 1)
		if (process_runs(pid, exe))
			err = children_add(c, pid);
	if (f)
		fclose(f);
	return err;
}

static int children_list(const struct target_process *p, int most, struct children *c)
{
	char path[64];
	struct dirent *e;
	DIR *tasks;
	int err = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", p->pid);
	tasks = p->exe ? opendir(path) : NULL;
	while (tasks && !err && c->n < most && (e = readdir(tasks))) {
		if (*e->d_name == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/children", p->pid, e->d_name);
		err = children_of_thread(path, p->exe, most, c);
	}
	if (tasks)
		closedir(tasks);
	return err;
}

int target_children(const struct target_process *p, pid_t **out)
{
	struct children c = { 0 };
	int err = children_list(p, INT_MAX, &c);

	*out = NULL;
	if (err) {
		free(c.pid);
		return err;
	}
	*out = c.pid;
	return c.n;
}

int target_has_child(const struct target_process *p)
{
	struct children c = { 0 };

	children_list(p, 1, &c);
	free(c.pid);
	return c.n > 0;
}

int target_is_asleep(pid_t pid)
{
	struct target_process now = { .pid = pid };
	unsigned long memory_bytes;
	char state = 0;

	return !stat_read(&now, &state, &memory_bytes) && state == 'S';
}

int target_fork(struct target *t, struct target_process *parent, pid_t pid)
{
	struct target_process *p, **grown;
	int err = -ENOMEM;

	target_drop_child(t, pid); /* an earlier process of that pid, of whose end nobody told */
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->pid = pid;
	p->pidfd = -1;
	p->alive = 1;
	memcpy(p->comm, parent->comm, sizeof(p->comm));
	p->exe = parent->exe ? strdup(parent->exe) : NULL;
	if (maps_copy(p, parent))
		goto out;
	target_identity_forked(parent, p);
	grown = realloc(t->child, (t->n_children + 1) * sizeof(*grown));
	if (!grown)
		goto out;
	t->child = grown;
	t->child[t->n_children++] = p;
	p = NULL;
	err = 0;
out:
	process_free(p);
	return err;
}

struct target_process *target_child(struct target *t, pid_t pid)
{
	for (size_t i = 0; i < t->n_children; i++)
		if (t->child[i]->pid == pid)
			return t->child[i];
	return NULL;
}

void target_drop_child(struct target *t, pid_t pid)
{
	for (size_t i = 0; i < t->n_children; i++) {
		if (t->child[i]->pid != pid)
			continue;
		process_free(t->child[i]);
		t->child[i] = t->child[--t->n_children];
		return;
	}
}

void target_reap_children(struct target *t)
{
	for (size_t i = t->n_children; i-- > 0;) {
		struct target_process *p = t->child[i];

		if (!kill(p->pid, 0) || errno != ESRCH)
			continue;
		if (p->is_gone)
			target_drop_child(t, p->pid);
		else
			p->is_gone = 1;
	}
}
