// SPDX-License-Identifier: GPL-2.0-or-later
/* attach/probes.c - probes of a process: placed file by file, removed process by process. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "attach/internal.h"
#include "swtrace/abi.h"
#include "swtrace.skel.h"
#include "util/msg.h"

#define RETIRERS 4 /* threads that remove the probes of one process */

/* One thing to place: a program at some sites of a file. */
struct placement {
	struct bpf_program *prog;
	int type; /* ATTACH_UPROBE_x; 0: a perf event */
	int at_return;
	const char *path;
	pid_t pid; /* 0 = all processes */
};

void probes_close_link(struct probe_link *l)
{
	if (l->link)
		bpf_link__destroy(l->link);
	else
		close(l->fd);
}

static int set_add(struct probe_set *s, struct probe_link link)
{
	struct probe_link *grown = realloc(s->link, (s->n_links + 1) * sizeof(*grown));

	if (!grown) {
		probes_close_link(&link);
		return -ENOMEM;
	}
	s->link = grown;
	s->link[s->n_links++] = link;
	return 0;
}

static int place_perf(struct probe_set *s, const struct placement *pl, uint64_t offset, uint64_t cookie)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .bpf_cookie = cookie, .retprobe = pl->at_return);
	struct probe_link link = { .fd = -1 };

	link.link = bpf_program__attach_uprobe_opts(pl->prog, pl->pid ? pl->pid : -1, pl->path, offset, &opts);
	return link.link ? set_add(s, link) : -errno;
}

static int place_multi(
	struct probe_set *s, const struct placement *pl, const uint64_t *offset, const uint64_t *cookie, size_t n)
{
	struct probe_link link = { 0 };

	link.fd = link_uprobe_multi(
		bpf_program__fd(pl->prog), pl->type, pl->at_return, pl->path, pl->pid, offset, cookie, n);
	return link.fd < 0 ? link.fd : set_add(s, link);
}

/* refuse - the kernel does not take this site. */
static void refuse(struct probe_set *s, const struct target_site *site, int err)
{
	uint64_t *grown = realloc(s->refused, (s->n_refused + 1) * sizeof(*grown));

	msg_warn("%s: cannot place a probe on '%s': %s", s->module->path, site->function, strerror(-err));
	if (!grown)
		return;
	s->refused = grown;
	s->refused[s->n_refused++] = site->offset;
}

/* place - a program at n sites; where the kernel refuses a site, at the others.
 * Return: the number of sites that have it, or -errno when that is none. */
static int place(struct probe_set *s, const struct placement *pl, const struct target_site *const *site, size_t n)
{
	uint64_t *offset = n ? calloc(2 * n, sizeof(*offset)) : NULL, *cookie;
	int err = 0, n_placed = 0;

	if (!n)
		return 0;
	if (!offset)
		return -ENOMEM;
	cookie = offset + n;
	for (size_t i = 0; i < n; i++) {
		offset[i] = site[i]->offset;
		cookie[i] = site[i]->cookie;
	}
	if (pl->type && !place_multi(s, pl, offset, cookie, n)) {
		n_placed = n;
		goto out;
	}
	/* A link is refused whole for one bad site, so place them one by one and name the bad ones. */
	for (size_t i = 0; i < n; i++) {
		if (pl->type)
			err = place_multi(s, pl, &offset[i], &cookie[i], 1);
		else
			err = place_perf(s, pl, offset[i], cookie[i]);
		if (err == -ESRCH)
			break;
		if (err)
			refuse(s, site[i], err);
		else
			n_placed++;
	}
out:
	free(offset);
	return n_placed ? n_placed : err;
}

/* place_functions - entries of functions, and the returns of those that want theirs seen.
 * @site  n of them, followed by the n_paired of these */
static int place_functions(struct attach *a, struct probe_set *s, const struct placement *file,
	const struct target_site *const *site, size_t n_sites, size_t n_paired)
{
	struct swtrace_bpf *skel = a->skel;
	struct placement pl = *file;
	int n;

	if (a->kind == PROBE_SESSION) {
		pl.prog = skel->progs.on_call;
		pl.type = ATTACH_UPROBE_SESSION;
		return place(s, &pl, site, n_sites);
	}
	pl.type = a->kind == PROBE_MULTI ? ATTACH_UPROBE_MULTI : 0;
	/* The return side first: a call that is entered in between is seen at its return alone and ignored, while one
	 * seen at its entry alone would count as missed. */
	pl.prog = skel->progs.on_return;
	pl.at_return = 1;
	n = n_paired ? place(s, &pl, site + n_sites, n_paired) : 0;
	if (n < 0)
		return n;
	pl.prog = skel->progs.on_enter;
	pl.at_return = 0;
	return place(s, &pl, site, n_sites);
}

/* place_throwing - the instructions by which functions return that may throw, then their entries.
 * Not as sessions: where the kernel has two of these at one place, for two processes, each of them makes it replace the
 * return addresses of the other's process as well, and an exception would end that.
 * Return: the number of functions that are probed, or -errno. */
static int place_throwing(struct attach *a, struct probe_set *s, const struct placement *file,
	const struct target_site *sites, size_t n_sites)
{
	const struct target_site **site = calloc(2 * n_sites, sizeof(*site));
	size_t n_leaves = 0, n_entries = 0;
	struct bpf_program *leave, *enter;
	struct placement pl = *file;
	int n = 0;

	if (!site)
		return -ENOMEM;
	for (size_t i = 0; i < n_sites; i++) {
		if (SWT_COOKIE_OP(sites[i].cookie) == SWT_OP_LEAVE)
			site[n_leaves++] = &sites[i];
		else if (SWT_COOKIE_OP(sites[i].cookie) == SWT_OP_NEW)
			site[n_sites + n_entries++] = &sites[i];
	}
	pl.type = a->kind == PROBE_PERF ? 0 : ATTACH_UPROBE_MULTI;
	if (n_entries)
		n = throwing_programs(a, &leave, &enter);
	if (n_entries && !n) {
		pl.prog = leave;
		n = place(s, &pl, site, n_leaves);
		pl.prog = enter;
		if (n > 0)
			n = place(s, &pl, site + n_sites, n_entries);
	}
	free(site);
	return n;
}

/* place_sites - all sites of a file.  Return: the number of functions that are probed, or -errno. */
static int place_sites(struct attach *a, struct probe_set *s, const struct placement *file,
	const struct target_site *sites, size_t n_sites)
{
	const struct target_site **site = calloc(2 * n_sites, sizeof(*site));
	int n_throwing = place_throwing(a, s, file, sites, n_sites), n;
	size_t n_functions = 0, n_paired = 0;

	if (!site || n_throwing < 0) {
		free(site);
		return n_throwing < 0 ? n_throwing : -ENOMEM;
	}
	for (size_t i = 0; i < n_sites; i++) {
		uint32_t op = SWT_COOKIE_OP(sites[i].cookie);

		if (op != SWT_OP_LEAVE && op != SWT_OP_NEW)
			site[n_functions++] = &sites[i];
	}
	for (size_t i = 0; i < n_sites; i++)
		if (sites[i].wants_return)
			site[n_functions + n_paired++] = &sites[i];
	n = place_functions(a, s, file, site, n_functions, n_paired);
	free(site);
	return n < 0 ? n : n + n_throwing;
}

static struct probe_set *set_find(const struct attach *a, pid_t pid, const struct target_module *m, int what)
{
	for (size_t i = 0; i < a->n_sets; i++)
		if (a->set[i].pid == pid && a->set[i].module == m && a->set[i].what == what)
			return &a->set[i];
	return NULL;
}

static struct probe_set *set_new(struct attach *a, pid_t pid, const struct target_module *m, int what)
{
	struct probe_set *grown = realloc(a->set, (a->n_sets + 1) * sizeof(*grown));

	if (!grown)
		return NULL;
	a->set = grown;
	memset(&a->set[a->n_sets], 0, sizeof(*grown));
	a->set[a->n_sets].pid = pid;
	a->set[a->n_sets].module = m;
	a->set[a->n_sets].what = what;
	return &a->set[a->n_sets++];
}

/* owner_of - whose probes those of a process are: its own, or everybody's. */
static pid_t owner_of(const struct attach *a, const struct target_process *p)
{
	return a->is_system ? 0 : p->pid;
}

struct known_sites *probes_known(struct attach *a, const struct target_module *m, int what)
{
	for (size_t i = 0; i < a->n_known; i++)
		if (a->known[i].module == m && a->known[i].what == what)
			return &a->known[i];
	return NULL;
}

static int find_sites(const struct attach *a, const struct target_module *m, int what, struct target_site **out)
{
	switch (what) {
	case PROBE_SET_REQUESTS:
		return requests_sites(a, m, out);
	case PROBE_SET_ENDS:
		return target_php_ends(m, out);
	default:
		return target_module_sites(m, what, out);
	}
}

int probes_sites(struct attach *a, const struct target_module *m, int what, const struct target_site **sites)
{
	struct known_sites *k = probes_known(a, m, what), *grown;

	if (k) {
		*sites = k->site;
		return k->n;
	}
	grown = realloc(a->known, (a->n_known + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	a->known = grown;
	k = &grown[a->n_known];
	*k = (struct known_sites){ .module = m, .what = what };
	k->n = find_sites(a, m, what, &k->site);
	if (k->n < 0)
		return k->n;
	a->n_known++;
	*sites = k->site;
	return k->n;
}

void probes_close(struct attach *a)
{
	for (size_t i = 0; i < a->n_known; i++)
		free(a->known[i].site);
	free(a->known);
}

/* place_one - one of the other programs, which see entries alone, at one function. */
static void place_one(struct attach *a, struct probe_set *s, const struct placement *file, struct bpf_program *prog,
	const struct target_site *site)
{
	struct placement pl = *file;
	size_t before = s->n_links;

	pl.prog = prog;
	pl.type = a->kind == PROBE_PERF ? 0 : ATTACH_UPROBE_MULTI;
	place(s, &pl, &site, 1);
	for (size_t i = before; i < s->n_links; i++)
		s->link[i].is_lasting = 1;
}

/* set_path - our own descriptor leads the kernel to the inode whatever the mount namespace, and cannot be replaced. */
#define PATH_BYTES 64
static const char *set_path(const struct target_module *m, char *path)
{
	snprintf(path, PATH_BYTES, "/proc/self/fd/%d", m->fd);
	return path;
}

int probes_place(struct attach *a, struct probe_set *s)
{
	char path[PATH_BYTES];
	struct placement pl = { .pid = s->pid, .path = set_path(s->module, path) };
	const struct target_site *sites;
	int n = probes_sites(a, s->module, s->what, &sites);

	return n > 0 ? place_sites(a, s, &pl, sites, n) : n;
}

/* probe_module - probe one sort of the allocator functions of one file; with the others, in the loader, its report of changes,
 * and in a PHP engine, the beginning of requests. */
static int probe_module(struct attach *a, const struct target_process *p, const struct target_module *m, int what)
{
	struct placement pl = { .pid = owner_of(a, p) };
	const struct target_site *sites;
	struct target_site dl = { .function = "_dl_debug_state" }, request = { .function = "php_request_startup" },
			   drop = { .function = "shutdown_memory_manager" };
	char path[PATH_BYTES];
	struct probe_set *s;
	int n, has_dl, has_requests, has_drops;

	if (!m->elf)
		return 0;
	n = a->is_crashes_only ? 0 : probes_sites(a, m, what, &sites);
	if (n > 0)
		msg_progress("placing %d probes in %s ...", n, m->path);
	if (n < 0)
		return n;
	has_dl = what == TARGET_SITES_OTHER && m == target_loader(p) && !target_dl_site(m, &dl.offset);
	has_requests =
		!a->is_crashes_only && what == TARGET_SITES_OTHER && !target_php_request_site(m, &request.offset);
	has_drops = !a->is_crashes_only && what == TARGET_SITES_OTHER && !target_php_drop_site(m, &drop.offset);
	if (!n && !has_dl && !has_requests && !has_drops)
		return 0;
	s = set_new(a, pl.pid, m, what);
	if (!s)
		return -ENOMEM;
	pl.path = set_path(m, path);
	if (!a->is_windowed && !a->is_crashes_only)
		n = probes_place(a, s);
	if (n < 0)
		return n;
	s->n_functions = n;
	if (has_dl)
		place_one(a, s, &pl, a->skel->progs.on_dl_state, &dl);
	if (has_requests)
		place_one(a, s, &pl, a->skel->progs.on_php_request, &request);
	if (has_drops)
		place_one(a, s, &pl, a->skel->progs.on_php_drop, &drop);
	msg_debug("%d: %s: %d allocator functions probed", p->pid, m->path, n);
	return 0;
}

int probes_lasting(const struct attach *a, const struct target_process *p, const struct target_module *m, int what)
{
	const struct probe_set *s = set_find(a, owner_of(a, p), m, what);

	return s ? (int)s->n_links : -ENOENT;
}

int probes_place_lasting(struct attach *a, const struct target_process *p, const struct target_module *m, int what,
	struct bpf_program *prog, const struct target_site *site, size_t n)
{
	struct placement pl = { .pid = owner_of(a, p) };
	struct probe_set *s = set_find(a, pl.pid, m, what);
	char path[PATH_BYTES];

	if (s)
		return (int)s->n_links;
	s = set_new(a, pl.pid, m, what);
	if (!s)
		return -ENOMEM;
	pl.path = set_path(m, path);
	for (size_t i = 0; i < n; i++)
		place_one(a, s, &pl, prog, &site[i]);
	return (int)s->n_links;
}

/* probe_throw - where C++ makes room for an exception, which may be operator new's own: its call is pending then, and is not
 * what the room is asked of. */
static int probe_throw(struct attach *a, const struct target_process *p, const struct target_module *m)
{
	struct target_site site = { .function = "__cxa_allocate_exception",
		.cookie = SWT_COOKIE(SWT_OP_THROW, SWT_LAYER_LIBC, SWT_SIZE_NONE, 0, 0, 0) };
	struct bpf_program *leave, *enter;
	int err;

	if (probes_lasting(a, p, m, PROBE_SET_THROW) >= 0 || target_throw_site(m, &site.offset))
		return 0;
	err = throwing_programs(a, &leave, &enter);
	if (!err)
		err = probes_place_lasting(a, p, m, PROBE_SET_THROW, enter, &site, 1);
	return err < 0 ? err : 0;
}

/* probe_ends - where a PHP engine gives up. */
static int probe_ends(struct attach *a, const struct target_process *p, const struct target_module *m)
{
	const struct target_site *site = NULL;
	int n = m->elf ? probes_sites(a, m, PROBE_SET_ENDS, &site) : 0;

	if (n > 0)
		n = probes_place_lasting(a, p, m, PROBE_SET_ENDS, a->skel->progs.on_php_end, site, n);
	return n < 0 ? n : 0;
}

int attach_is_watched(const struct attach *a, const struct target_process *p)
{
	const struct target_module *loader = target_loader(p);
	uint64_t offset;

	return !loader || target_dl_site(loader, &offset) || set_find(a, owner_of(a, p), loader, TARGET_SITES_OTHER);
}

/* watch_state - from now on the kernel side can tell whether the loader has changed anything. If it is at it now, its next
 * word counts. */
static void watch_state(struct attach *a, const struct target_process *p, struct swt_proc *proc)
{
	uint64_t r_debug;
	int is_open;

	if (!proc->abort_at)
		target_abort_message(p, (uint64_t *)&proc->abort_at);
	if (proc->r_debug || !target_loader(p) || !set_find(a, owner_of(a, p), target_loader(p), TARGET_SITES_OTHER))
		return;
	if (target_loader_state(p, &r_debug, &is_open))
		return;
	proc->dl_open = is_open;
	__atomic_store_n(&proc->r_debug, r_debug, __ATOMIC_RELEASE);
}

/* settle - stacks of the process are true from now on, and so are those of its children that have the same spans: they were
 * made while it was not known yet whether these are all. */
static void settle(struct attach *a, struct swt_proc *p, uint32_t settled)
{
	__atomic_store_n(&p->dl_settled, settled, __ATOMIC_RELEASE);
	for (int i = 0; settled == p->dl_changes && i < SWT_MAX_PROCS; i++)
		if (a->proc[i].flags & (SWT_PROC_CHILD | SWT_PROC_ADMITTED) && a->proc[i].space == p->space)
			__atomic_store_n(&a->proc[i].dl_settled, a->proc[i].dl_changes, __ATOMIC_RELEASE);
}

int probes_place_all(struct attach *a, const struct target_process *p)
{
	int may_throw = !a->is_crashes_only && target_may_throw(p), n = 0, err;
	size_t n_before = a->n_sets;

	for (size_t i = 0; i < p->n_maps; i++) {
		const struct target_module *m = p->map[i].module;

		err = m && may_throw ? probe_throw(a, p, m) : 0;
		if (!err && m)
			err = probe_ends(a, p, m);
		if (err)
			return err;
		/* malloc's family before mmap's: what malloc maps is no mapping of the program's. */
		for (int what = 0; m && what < TARGET_SITES; what++) {
			if (set_find(a, owner_of(a, p), m, what) ||
				(what == TARGET_SITES_MALLOC && !target_uses_malloc(p, m)))
				continue;
			err = probe_module(a, p, m, what);
			if (err)
				return err;
		}
	}
	if (a->n_sets != n_before)
		attach_doubt_freed(a);
	err = a->is_crashes_only ? 0 : requests_place(a, p);
	if (err)
		return err;
	for (size_t i = 0; i < a->n_sets; i++)
		if (a->set[i].pid == owner_of(a, p))
			n += a->set[i].n_functions;
	return n;
}

int attach_probe(struct attach *a, const struct target_process *p, uint32_t changes)
{
	/* What changes before the loader's probe is in place is not told of: only the next call knows all. */
	uint32_t settled = attach_is_watched(a, p) ? changes : changes + 1;
	int n, err;

	/* Before the first probe: a stack that is walked without the tables would end at once. The spans last: stacks cached
	 * before them are not believed any more. */
	err = tables_publish(a, p, tables_publish_php(a, p));
	if (err)
		return err;
	settle(a, attach_proc(a, p->pid), settled);
	n = probes_place_all(a, p);
	if (n < 0)
		return n;
	if (a->is_windowed)
		window_locate(a, p);
	watch_state(a, p, attach_proc(a, p->pid));
	requests_note(a, p);
	if (!a->is_crashes_only)
		heap_begin(a, p);
	return n;
}

void attach_unprobe(struct attach *a, pid_t pid)
{
	struct closing *c = NULL;
	size_t n_links = 0, n = 0;

	closing_sweep(&a->retired, 0);
	for (size_t i = 0; i < a->n_sets; i++)
		n_links += a->set[i].pid == pid ? a->set[i].n_links : 0;
	if (n_links && closing_new(&c, n_links))
		c = NULL;
	for (size_t i = 0; i < a->n_sets; i++) {
		struct probe_set *s = &a->set[i];

		if (s->pid != pid) {
			a->set[n++] = *s;
			continue;
		}
		for (size_t k = 0; k < s->n_links; k++) {
			if (c)
				closing_add(c, &s->link[k]);
			else
				probes_close_link(&s->link[k]);
		}
		free(s->link);
		free(s->refused);
		free(s->at);
	}
	a->n_sets = n;
	if (c) {
		closing_begin(c, RETIRERS);
		closing_keep(&a->retired, c);
	}
}
