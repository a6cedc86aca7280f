// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/doctor_process.c - a process: what would be probed in it, what could be shown of its stacks, and what that is likely to cost. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "cli/doctor.h"
#include "cli/run.h"
#include "util/clock.h"
#include "util/format.h"

#define COUNT_FOR_NS  300000000L /* how long calls are counted */
#define MUCH_PERCENT  5.0
#define MAX_NAMED     6
#define LINKERS_BYTES 1024

static void look_at_identity(struct doctor *d, struct target_process *p)
{
	const struct model_identity *id = target_identity(p);
	struct strbuf b = { 0 };

	output_add_identity(&b, id);
	if (b.len)
		doctor_tell(d, OUTPUT_OK, "identity", NULL, "is: %s", b.data);
	strbuf_free(&b);
}

/* look_at_allocator - Return: 1, or 0: nothing can be traced. */
static int look_at_allocator(struct doctor *d, const struct target_process *p, const struct target_survey *s)
{
	struct strbuf b = { 0 };

	if (!s->n_functions) {
		doctor_tell(d, OUTPUT_FAIL, "allocator",
			"a process that uses libc's malloc or PHP's emalloc; a static program must keep its symbols; 32-bit "
			"programs are not supported",
			"no allocator function is found in the files that it maps");
		return 0;
	}
	if (p->n_allocators) {
		run_add_allocator(&b, p);
		doctor_tell(d, OUTPUT_OK, "allocator", NULL, "%s", b.data ? b.data : "");
	} else {
		doctor_tell(d, OUTPUT_WARN, "allocator", "trace it once it has started",
			"none of its files brings a malloc yet");
	}
	strbuf_free(&b);
	for (size_t i = 1; i < p->n_allocators; i++)
		doctor_tell(d, OUTPUT_OK, "allocator", NULL, "malloc of %s is %s", p->allocator[i].module->name,
			p->allocator[i].use == TARGET_UNUSED ? "not traced: no calls resolve to it"
							     : "traced too: calls resolve to it, or may");
	return 1;
}

static void look_at_sites(struct doctor *d, const struct target_survey *s)
{
	doctor_tell(d, s->n_cheap < s->n_functions / 2 ? OUTPUT_WARN : OUTPUT_OK, "sites",
		"nothing need be done; a call of one of these takes about ten times as long as of the others (docs/probes.md)",
		"%zu functions in %zu files would be probed, %zu of them at both ends; %zu have a place where that is cheap",
		s->n_functions, s->n_files, s->n_returns, s->n_cheap);
}

static void look_at_php(struct doctor *d, const struct target_survey *s)
{
	const char *v = s->php_version;

	if (!s->php)
		return;
	if (s->php > 0)
		doctor_tell(d, OUTPUT_OK, "php", NULL, "PHP %s: its frames will be shown%s", v,
			s->php == 2 ? "; to be checked once more when it runs code" : "");
	else if (s->php == -ENOTSUP)
		doctor_tell(d, OUTPUT_WARN, "php",
			"install the engine's debug symbols (php-dbgsym): its layout is taken from them",
			"PHP %s: its layout is not known, so that stacks are native alone unless its debug information tells it",
			v);
	else if (s->php == -ENOSYS)
		doctor_tell(d, OUTPUT_WARN, "php",
			"use a build without thread safety (NTS), or of glibc: stacks are native alone",
			"PHP %s: where its threads keep their globals cannot be found", v);
	else
		doctor_tell(d, OUTPUT_WARN, "php", "report the build of PHP: stacks are native alone",
			"PHP %s: in the process it is not laid out as that version is", v);
	if (s->has_heap)
		doctor_tell(d, OUTPUT_OK, "php_heap", NULL,
			"PHP's own count of its heap can be read: the books will be proved by it");
	else
		doctor_tell(d, OUTPUT_WARN, "php_heap",
			"nothing can be done: in thread-safe builds it is not looked for",
			"PHP's own count of its heap is not found: there is no proof of the books");
}

static void look_at_requests(struct doctor *d, const struct target_process *p, const struct target_survey *s)
{
	struct strbuf b = { 0 };

	if (target_is_php_cli(p) && s->n_requests == 1) {
		doctor_tell(d, OUTPUT_OK, "requests", NULL,
			"PHP's command line: its script is one request; --request-probe FILE:SYMBOL counts others");
		return;
	}
	for (size_t i = 0; i < s->n_requests; i++)
		strbuf_addf(&b, "%s%s", i ? ", " : "", s->request[i]);
	if (b.len)
		doctor_tell(d, OUTPUT_OK, "requests", NULL, "requests are counted at %s", b.data);
	else
		doctor_tell(d, OUTPUT_OK, "requests", NULL,
			"nothing is known that begins a request; --request-probe FILE:SYMBOL would count its calls");
	strbuf_free(&b);
}

/* has_code - of its own: the start and end that the linker puts into every library is none. */
static int has_code(const struct target_module *m)
{
	struct elffile_code code;
	uint64_t n_bytes = 0;

	for (size_t i = 0; m->elf && !elffile_code(m->elf, i, &code); i++)
		n_bytes += code.n_bytes;
	return !m->elf || n_bytes > LINKERS_BYTES;
}

/* look_at_unwinding - as the stack walk would: files whose unwind rows cannot be read end each stack that comes to them. */
static void look_at_unwinding(struct doctor *d, const struct target_process *p)
{
	const struct target_module *last = NULL;
	struct strbuf b = { 0 };
	size_t n = 0, n_rows = 0, n_bad = 0;

	for (size_t i = 0; i < p->n_maps; i++) {
		const struct target_module *m = p->map[i].module;
		struct target_rows rows = { 0 };
		struct reader_file f;
		int err = -ENOENT;

		if (!m || m == last || !p->map[i].executable)
			continue;
		last = m;
		n++;
		f = (struct reader_file){ .number = m->number, .fd = m->fd, .fd_debug = -1, .path = m->path };
		if (m->fd >= 0)
			err = reader_rows(d->reader, &f, &rows);
		n_rows += err ? 0 : rows.n;
		if (has_code(m) && (err || !rows.n)) {
			if (++n_bad <= MAX_NAMED)
				strbuf_addf(&b, "%s%s", b.len ? ", " : "", m->name);
		}
		if (!err)
			target_rows_free(&rows);
	}
	if (n_bad)
		doctor_tell(d, OUTPUT_WARN, "unwinding",
			"use builds that keep their unwind information (.eh_frame): stacks end at these files, and say so",
			"no unwind information is to be had of %zu of %zu files: %s%s", n_bad, n, b.data ? b.data : "",
			n_bad > MAX_NAMED ? ", ..." : "");
	else
		doctor_tell(d, OUTPUT_OK, "unwinding", NULL, "%zu unwind rows of %zu files: stacks can be walked",
			n_rows, n);
	strbuf_free(&b);
}

static void look_at_limits(struct doctor *d, struct target_process *p)
{
	char limit[FORMAT_BYTES_BYTES], used[FORMAT_BYTES_BYTES];
	struct model_vitals v = { 0 };

	if (target_limits_read("", p->pid, &v))
		return;
	if (v.cgroup_bytes)
		doctor_tell(d, OUTPUT_OK, "limit", NULL, "its cgroup may have %s (%s), and has %s",
			format_bytes(v.cgroup_bytes, limit), v.cgroup_is_high ? "memory.high" : "more kills it",
			format_bytes(v.cgroup_used_bytes, used));
	else
		doctor_tell(d, OUTPUT_OK, "limit", NULL, "no cgroup bounds its memory: the machine's %s do",
			format_bytes(v.machine_bytes, limit));
}

static void ignore(void *ctx, const struct model_event *e)
{
	(void)ctx;
	(void)e;
}

/* count - its calls so far, and when that was.  Return: 0 or -errno. */
static int count(struct doctor *d, struct collect *c, const struct target_process *p, uint64_t *calls, uint64_t *at_ns)
{
	struct collect_filter filter = { 0 };
	struct model_snapshot *s = NULL;
	int err;

	*at_ns = clock_ns(CLOCK_MONOTONIC);
	err = collect_snapshot(c, &filter, 0, d->target, &s);
	*calls = err ? 0 : model_calls(s, p->pid);
	model_snapshot_free(s);
	return err;
}

/* count_calls - trace it for a moment: between two looks, since placing the probes takes a good part of that moment, too.
 * Return: 0 and calls a second; -errno. */
static int count_calls(struct doctor *d, struct target_process *p, double *per_second)
{
	uint64_t calls[2] = { 0 }, at_ns[2] = { 0 };
	struct timespec wait = { .tv_nsec = COUNT_FOR_NS };
	struct collect *c = NULL;
	struct attach_tables tables;
	int n;

	attach_tables(d->attach, &tables);
	n = collect_open(&c, &tables, ignore, d);
	if (!n)
		n = attach_register(d->attach, p->pid, 0);
	if (!n)
		n = attach_probe(d->attach, p, 0);
	if (n > 0) {
		n = count(d, c, p, &calls[0], &at_ns[0]);
		nanosleep(&wait, NULL);
		if (!n)
			n = count(d, c, p, &calls[1], &at_ns[1]);
		if (!n && calls[1] > calls[0]) /* a program executed anew is counted anew */
			*per_second = (double)(calls[1] - calls[0]) * 1e9 / (double)(at_ns[1] - at_ns[0]);
	}
	attach_unprobe(d->attach, p->pid);
	attach_forget(d->attach, p->pid);
	collect_close(c);
	return n;
}

static void look_at_cost(struct doctor *d, struct target_process *p)
{
	double per_second = 0, cost_ns, percent;
	int err;

	if (!d->attach)
		return;
	err = count_calls(d, p, &per_second);
	if (err) {
		doctor_tell(d, OUTPUT_FAIL, "tracing", "swtrace doctor -v may show more", "it cannot be traced: %s",
			strerror(-err));
		return;
	}
	cost_ns = attach_cost_ns(d->attach) * RUN_TRACED_COST;
	percent = per_second * cost_ns / 1e7;
	if (cost_ns <= 0)
		doctor_tell(d, OUTPUT_OK, "cost", NULL,
			"it was traced for %.1f s: %.0f calls a second; what one costs cannot be measured here",
			COUNT_FOR_NS / 1e9, per_second);
	else
		doctor_tell(d, percent > MUCH_PERCENT ? OUTPUT_WARN : OUTPUT_OK, "cost",
			"--overhead 2 traces in short windows, within a budget",
			"it was traced for %.1f s: %.0f calls a second, %.1f us each: likely cost %.2f %% of one CPU",
			COUNT_FOR_NS / 1e9, per_second, cost_ns / 1e3, percent);
}

/* look_at_filter - has the process a seccomp filter, on a kernel where that matters? */
static void look_at_filter(struct doctor *d, const struct target_process *p)
{
	char path[64], line[256];
	struct utsname u;
	int mode = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", p->pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "Seccomp: %d", &mode);
	if (f)
		fclose(f);
	if (!mode || uname(&u) || !doctor_is_bad_with_seccomp(u.release))
		return;
	doctor_tell(d, OUTPUT_WARN, "seccomp",
		"ask the kernel's vendor whether it has commit cf6cb56ef244; if not, allow system call 335 (uretprobe) in the "
		"program's seccomp profile first",
		"it has a seccomp filter, and with kernels of this line probes at the return of functions can end such a process");
}

void doctor_process(struct doctor *d, struct target_process *p)
{
	struct target_survey s;

	look_at_identity(d, p);
	if (target_survey(p, &s) || !look_at_allocator(d, p, &s))
		return;
	look_at_sites(d, &s);
	look_at_filter(d, p);
	look_at_php(d, &s);
	look_at_requests(d, p, &s);
	look_at_unwinding(d, p);
	look_at_limits(d, p);
	look_at_cost(d, p);
}
