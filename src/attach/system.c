// SPDX-License-Identifier: GPL-2.0-or-later
/* attach/system.c - system-wide mode: which processes are selected, and those that there are. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "attach/internal.h"
#include "swtrace.skel.h"
#include "util/clock.h"

_Static_assert(ATTACH_SELECT_MAX == SWT_SELECT_NAMES, "all that may be asked for has a place");

/* path_fill - a path's names, last one first.  Return: 0, or -E2BIG. */
static int path_fill(const char *path, struct swt_path *out)
{
	const char *end = path + strlen(path);

	memset(out, 0, sizeof(*out));
	out->is_whole = *path == '/';
	while (end > path) {
		const char *name = end;
		struct swt_name *to = &out->name[out->n_names];

		while (name > path && name[-1] != '/')
			name--;
		if (name < end) {
			if (out->n_names == SWT_PATH_NAMES || end - name >= SWT_NAME_BYTES)
				return -E2BIG;
			to->len = end - name;
			memcpy(to->text, name, to->len);
			out->n_names++;
		}
		end = name > path ? name - 1 : path;
	}
	return out->n_names ? 0 : -EINVAL;
}

int attach_can_select(const char *exe)
{
	struct swt_path path;

	return !path_fill(exe, &path);
}

void system_configure(struct attach *a, const struct attach_selection *s)
{
	struct swt_selection *to = (void *)&a->skel->rodata->selection;

	to->is_system = 1;
	to->own_pid = getpid();
	to->n_comms = s->n_comms;
	for (size_t i = 0; i < s->n_comms; i++)
		memcpy(to->comm[i], s->comm[i], strnlen(s->comm[i], sizeof(to->comm[i]) - 1));
	for (size_t i = 0; i < s->n_exes; i++)
		if (!path_fill(s->exe[i], &to->exe[to->n_exes]))
			to->n_exes++;
	to->n_cgroups = s->n_cgroups;
	memcpy((void *)a->skel->bss->selected_cgroup, s->cgroup, s->n_cgroups * sizeof(*s->cgroup));
}

void attach_select_cgroup(struct attach *a, size_t i, uint64_t cgroup)
{
	__atomic_store_n(&a->skel->bss->selected_cgroup[i], cgroup, __ATOMIC_RELEASE);
}

int system_open(struct attach *a)
{
	a->list = bpf_program__attach_iter(a->skel->progs.on_task, NULL);
	return a->list ? 0 : -errno;
}

ssize_t attach_list(struct attach *a, pid_t **out)
{
	int fd = bpf_iter_create(bpf_link__fd(a->list));
	size_t len = 0, cap = 0;
	char *pids = NULL, *grown;
	ssize_t n;

	if (fd < 0)
		return -errno;
	do {
		if (cap - len < 4096) {
			cap = 2 * cap + 8192;
			grown = realloc(pids, cap);
			if (!grown) {
				n = -1;
				errno = ENOMEM;
				break;
			}
			pids = grown;
		}
		n = read(fd, pids + len, cap - len);
		len += n > 0 ? n : 0;
	} while (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)));
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0) {
		free(pids);
		return n;
	}
	*out = (pid_t *)pids;
	return len / sizeof(pid_t);
}

int attach_prepare(struct attach *a, const struct target_process *p)
{
	int n;

	for (size_t i = 0; i < p->n_maps; i++)
		if (p->map[i].module && !tables_file(a, p->map[i].module))
			return -ENOMEM;
	n = probes_place_all(a, p);
	return n < 0 ? n : 0;
}

uint64_t attach_calls(const struct attach *a)
{
	int n = libbpf_num_possible_cpus();
	uint64_t *count = n > 0 ? calloc(n, sizeof(*count)) : NULL, sum = 0;
	__u32 zero = 0;

	if (count && !bpf_map_lookup_elem(bpf_map__fd(a->skel->maps.bystander_calls), &zero, count))
		for (int i = 0; i < n; i++)
			sum += count[i];
	free(count);
	return sum;
}

void attach_admit(struct attach *a)
{
	__atomic_store_n(&a->skel->bss->is_admitting, 1, __ATOMIC_RELEASE);
}

int attach_enter(struct attach *a, const struct target_process *p)
{
	int err = attach_register(a, p->pid, 0);

	if (err && err != -EALREADY)
		return err;
	/* If its slot is a copy of its parent's: its mappings are counted anew, so they may bear the same number and be others. */
	return tables_publish(a, p, 1);
}

#define COST_CALLS   2000
#define COST_BATCHES 5

/* The function that is probed to find out what that costs. Its first instruction is of the kind at which most probes are
 * placed: the kernel emulates it. */
void system_costed(void);
__asm__(".text\n"
	".type system_costed, @function\n"
	"system_costed:\n"
	"\tpush %rbp\n"
	"\tpop %rbp\n"
	"\tret\n"
	".size system_costed, . - system_costed\n");

/* batch_ns - by CPU time: on a busy machine others have their turns meanwhile. */
static unsigned batch_ns(void)
{
	uint64_t from = clock_ns(CLOCK_THREAD_CPUTIME_ID);

	for (int i = 0; i < COST_CALLS; i++)
		system_costed();
	return (clock_ns(CLOCK_THREAD_CPUTIME_ID) - from) / COST_CALLS;
}

unsigned attach_cost_ns(struct attach *a)
{
	uint64_t offset, cookie = SWT_COOKIE(SWT_OP_FREE, SWT_LAYER_LIBC, SWT_SIZE_NONE, 0, 0, 0);
	int is_session = a->kind == PROBE_SESSION, fd;
	struct bpf_program *prog = is_session ? a->skel->progs.on_call : a->skel->progs.on_enter;
	unsigned least = 0, ns;

	if (a->kind == PROBE_PERF || features_own_offset((uintptr_t)system_costed, &offset))
		return 0;
	fd = link_uprobe_multi(bpf_program__fd(prog), is_session ? ATTACH_UPROBE_SESSION : ATTACH_UPROBE_MULTI, 0,
		"/proc/self/exe", getpid(), &offset, &cookie, 1);
	if (fd < 0)
		return 0;
	for (int i = 0; i < COST_BATCHES; i++) {
		ns = batch_ns();
		least = !least || ns < least ? ns : least;
	}
	close(fd);
	return least;
}
