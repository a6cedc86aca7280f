// SPDX-License-Identifier: GPL-2.0-or-later
/* ledger.c - are swtrace's books true? usage:
 *   ledger [-b BLOCKS] [-e CALLS] [-t SECONDS] -s SHIM [-l LIBRARY]... COMMAND [ARGUMENT...]
 * Starts a program with the shim preloaded, which keeps a ledger of the program's live blocks; traces it by
 * production's code before its own first instruction; and compares the two whenever the program has made so many calls
 * of the allocator, and at its end. The program stands still meanwhile, so the two must be equal.
 *   -b  room for so many blocks in swtrace's table
 *   -e  calls between two looks (default 20000); 0 = a look at the end alone, and where the program asks for it
 *   -l  preload a library behind the shim
 *   -t  seconds within which the program must end (default 80)
 * The program's output goes to stderr; the last line on stdout is "ledger: NAME NUMBER, NAME NUMBER, ...".
 * Exit: 0 equal at every look, or what is missing is accounted for by swtrace's counters of losses; 1 not so, or the
 * program has failed; 2 usage; 3 it cannot be tried. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "attach/attach.h"
#include "collect/collect.h"
#include "swtrace/abi.h"

#include "compare.h"
#include "ledger.h"

#define POLL_MS 2

struct run {
	char preload[4096];
	char **command;
	uint64_t max_blocks;
	uint64_t every;
	unsigned seconds;
	int fd;
	struct ledger *ledger;
	pid_t pid;
	int status; /* of waitpid; -1 = it runs */
	struct target *target;
	struct attach *attach;
	struct attach_tables tables;
	struct collect *collect;
	struct comparison c;
	unsigned children;
	unsigned twice;	  /* blocks that were told to be freed twice, */
	unsigned own;	  /* and those of the allocator's own, which are not told */
	unsigned changes; /* of the list of libraries */
	unsigned failed_changes;
	uint64_t end_ms;
};

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}

/* ---- the program ------------------------------------------------------------------------------------------------- */

static int ledger_open(struct run *r)
{
	r->fd = memfd_create("ledger", MFD_CLOEXEC);
	if (r->fd < 0 || ftruncate(r->fd, sizeof(*r->ledger)))
		return -errno;
	r->ledger = mmap(NULL, sizeof(*r->ledger), PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	if (r->ledger == MAP_FAILED) {
		r->ledger = NULL;
		return -errno;
	}
	return 0;
}

static void run_command(const struct run *r, pid_t parent)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", parent, r->fd);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || setenv(LEDGER_FILE, path, 1) || setenv("LD_PRELOAD", r->preload, 1) ||
		dup2(2, 1) != 1)
		_exit(127);
	execvp(r->command[0], r->command);
	fprintf(stderr, "ledger: %s: %s\n", r->command[0], strerror(errno));
	_exit(127);
}

static int has_ended(struct run *r)
{
	if (r->status < 0 && r->pid > 0 && waitpid(r->pid, &r->status, WNOHANG) != r->pid)
		r->status = -1;
	return r->status >= 0;
}

static uint32_t phase(const struct run *r)
{
	return __atomic_load_n(&r->ledger->phase, __ATOMIC_SEQ_CST);
}

static int start_command(struct run *r)
{
	pid_t parent = getpid();

	r->pid = fork();
	if (r->pid < 0)
		return -errno;
	if (!r->pid)
		run_command(r, parent);
	while (phase(r) == LEDGER_NEW && !has_ended(r) && now_ms() < r->end_ms)
		ledger_wait(&r->ledger->phase, LEDGER_NEW);
	/* A command that executes another before it is ready is another process's heap: not supported. */
	return phase(r) == LEDGER_READY && r->ledger->pid == (uint32_t)r->pid ? 0 : -ESRCH;
}

static void stop_command(struct run *r)
{
	if (r->pid <= 0 || has_ended(r))
		return;
	kill(r->pid, SIGKILL);
	waitpid(r->pid, &r->status, 0);
}

/* ---- tracing ----------------------------------------------------------------------------------------------------- */

/* probe - as production does for a process whose mappings may have changed. */
static int probe(struct run *r, struct target_process *p)
{
	uint32_t changes = attach_changes(r->attach, p->pid);
	int n = target_refresh(r->target, p);

	if (!n)
		n = attach_probe(r->attach, p, changes);
	return n;
}

static void on_event(void *ctx, const struct model_event *e)
{
	struct run *r = ctx;
	struct target_process *p = target_find(r->target, e->pid);

	if (p && (e->type == MODEL_DL || e->type == MODEL_CODE)) {
		r->changes++;
		r->failed_changes += probe(r, p) < 0;
	} else if (p && e->type == MODEL_FREED) {
		/* As report_freed() does, but for names. */
		if (e->n_frames && target_in_allocator(p, e->frame[0], e->generation))
			r->own++;
		else
			r->twice++;
	} else if (p && e->type == MODEL_FORK) {
		r->children++;
	} else if (!p && (e->type == MODEL_EXIT || e->type == MODEL_EXEC)) {
		attach_forget(r->attach, e->pid);
	}
}

static int start_tracing(struct run *r)
{
	struct attach_opts opts = { .max_blocks = r->max_blocks, .n_freed = SWT_MAX_FREED / 4 };
	struct target_process *p;
	int err;

	err = target_open(&r->target);
	if (!err)
		err = attach_open(&r->attach, &opts);
	if (err)
		return err;
	attach_tables(r->attach, &r->tables);
	err = collect_open(&r->collect, &r->tables, on_event, r);
	if (!err)
		err = target_add(r->target, r->pid, &p);
	if (!err)
		err = attach_register(r->attach, r->pid, 0);
	if (!err)
		err = probe(r, p);
	/* Once more: the first call places the probe that tells of changes. */
	if (err >= 0)
		err = probe(r, p);
	if (!err)
		err = -ENOENT;
	return err < 0 ? err : 0;
}

static void stop_tracing(struct run *r)
{
	collect_close(r->collect);
	attach_close(r->attach);
	target_close(r->target);
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

static int is_still(const struct run *r)
{
	return __atomic_load_n(&r->ledger->stop, __ATOMIC_SEQ_CST) &&
	       !__atomic_load_n(&r->ledger->in_flight, __ATOMIC_SEQ_CST);
}

/* go_on - let the program make so many calls more. */
static void go_on(struct run *r)
{
	r->ledger->stop_at = r->ledger->calls + r->every;
	ledger_set(&r->ledger->stop, 0);
}

static void watch(struct run *r)
{
	struct pollfd fd = { .fd = collect_fd(r->collect), .events = POLLIN };

	poll(&fd, 1, POLL_MS);
	collect_events(r->collect);
}

/* look - compare at every stop, until the program has ended.  Return: 0, or -errno. */
static int look(struct run *r)
{
	int err = 0, is_last = 0;

	r->ledger->stop_at = r->every; /* 0 is never reached */
	ledger_set(&r->ledger->phase, LEDGER_RUNNING);
	while (!err && !is_last) {
		watch(r);
		if (now_ms() > r->end_ms)
			err = -ETIMEDOUT;
		else if (has_ended(r))
			err = -ESRCH;
		if (err || !is_still(r))
			continue;
		is_last = phase(r) == LEDGER_ENDED;
		err = compare(&r->c, r->ledger, &r->tables, r->collect, r->target, r->pid, stderr);
		if (!is_last)
			go_on(r);
	}
	ledger_set(&r->ledger->phase, LEDGER_LEFT);
	ledger_set(&r->ledger->stop, 0);
	while (!err && !has_ended(r) && now_ms() < r->end_ms)
		watch(r);
	return err;
}

static void print(const struct run *r)
{
	const struct ledger *l = r->ledger;
	const struct comparison *c = &r->c;

	for (int i = 0; i < SWT_LOSSES; i++) {
#define TEXT(name, key, text) text,
		static const char *const texts[] = { SWT_LOSS_LIST (TEXT) };

		if (r->tables.losses->count[i])
			fprintf(stderr, "lost: %" PRIu64 " %s\n", (uint64_t)r->tables.losses->count[i], texts[i]);
	}
	printf("ledger: looks %" PRIu64 ", calls %" PRIu64 ", allocations %" PRIu64 ", blocks compared %" PRIu64
	       ", most blocks %" PRIu64 ", last blocks %" PRIu64 ", last bytes %" PRIu64,
		c->looks, l->calls, l->n_allocs, c->compared, c->most, c->blocks, c->bytes);
	printf(", missing %" PRIu64 ", extra %" PRIu64 ", wrong sizes %" PRIu64 ", wrong totals %" PRIu64, c->missing,
		c->extra, c->wrong, c->totals);
	printf(", lost %" PRIu64 ", other losses %" PRIu64 ", missing at the last look %" PRIu64, c->lost,
		c->other_losses, c->missing_now);
	printf(", left out %" PRIu64, c->left_out);
	printf(", freed twice %u, of the allocator %u", r->twice, r->own);
	printf(", unknown frees %" PRIu64 ", in the ledger %" PRIu64 ", children %u, library changes %u\n",
		c->unknown_frees, l->n_unknown_frees, r->children, r->changes);
}

/* complaint - what makes the comparison worthless, or NULL. */
static const char *complaint(const struct run *r)
{
	if (r->ledger->n_full)
		return "the ledger is too small";
	if (r->ledger->n_replaced)
		return "the shim has missed a free";
	if (r->failed_changes)
		return "a change of libraries could not be followed";
	if (!WIFEXITED(r->status) || WEXITSTATUS(r->status))
		return "the program has failed";
	return NULL;
}

static int parse(struct run *r, int argc, char **argv)
{
	size_t n;
	int c;

	while ((c = getopt(argc, argv, "+b:e:t:s:l:")) != -1) {
		n = strlen(r->preload);
		if (c == 'b')
			r->max_blocks = strtoull(optarg, NULL, 10);
		else if (c == 'e')
			r->every = strtoull(optarg, NULL, 10);
		else if (c == 't')
			r->seconds = atoi(optarg);
		else if ((c == 's' && !n) || (c == 'l' && n))
			snprintf(r->preload + n, sizeof(r->preload) - n, "%s%s", n ? ":" : "", optarg);
		else
			return -EINVAL;
	}
	r->command = argv + optind;
	return r->preload[0] && r->command[0] ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	struct run r = { .every = 20000, .seconds = 80, .fd = -1, .status = -1 };
	const char *why;
	int code = 3, err;

	if (parse(&r, argc, argv)) {
		fprintf(stderr,
			"usage: ledger [-b BLOCKS] [-e CALLS] [-t SECONDS] -s SHIM [-l LIBRARY]... COMMAND...\n");
		return 2;
	}
	r.end_ms = now_ms() + r.seconds * 1000ULL;
	err = ledger_open(&r);
	if (!err)
		err = start_command(&r);
	if (!err)
		err = start_tracing(&r);
	if (!err)
		err = look(&r);
	if (err) {
		fprintf(stderr, "ledger: %s: %s, status %d\n", r.command[0], strerror(-err), r.status);
		goto out;
	}
	why = complaint(&r);
	if (why)
		fprintf(stderr, "ledger: %s\n", why);
	print(&r);
	code = !why && compare_passes(&r.c) ? 0 : 1;
out:
	stop_command(&r);
	stop_tracing(&r);
	return code;
}
