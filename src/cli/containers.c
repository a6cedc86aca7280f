// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/containers.c - --container: which cgroups are meant, now and when a container is started again. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "util/msg.h"
#include "util/strbuf.h"

#define MAX_LISTED 12

/* list_all - what could have been meant. */
static void list_all(const struct target_container *c, size_t n, struct strbuf *b)
{
	for (size_t i = 0; i < n && i < MAX_LISTED; i++)
		strbuf_addf(b, "%s%.*s%s%s", i ? ", " : "", c[i].kind == MODEL_CONTAINER_LXC ? 64 : 12, c[i].id,
			*c[i].name && c[i].kind != MODEL_CONTAINER_LXC ? " " : "",
			c[i].kind == MODEL_CONTAINER_LXC ? "" : c[i].name);
	if (n > MAX_LISTED)
		strbuf_addf(b, " and %zu more", n - MAX_LISTED);
}

/* refuse - say why none was chosen.  @err  what target_container_choose() said      Return: exit code. */
static int refuse(const char *wanted, int err, const struct target_container *c, int n)
{
	struct strbuf b = { 0 };

	if (n < 0) {
		msg_error("--container: cgroups cannot be looked at: %s",
			n == -ENOENT ? "the unified hierarchy is not mounted" : strerror(-n));
		msg_try("mount -t cgroup2 none /sys/fs/cgroup; or choose by -p, --comm or --exe");
		return EXIT_UNSUPPORTED;
	}
	list_all(c, n, &b);
	if (err == -EEXIST)
		msg_error("--container: more than one is called '%s'", wanted);
	else
		msg_error("--container: there is no '%s' to be seen from here", wanted);
	if (n)
		msg_try("one of these: %s%s", b.data ? b.data : "",
			err == -EEXIST
				? ""
				: "; names are known of docker, podman, CRI-O, containerd and LXC alone, of rootless ones not");
	else
		msg_try("there are no containers under /sys/fs/cgroup; from inside of one the others are not to be seen without "
			"the host's cgroup namespace: choose by -p, --comm or --exe");
	strbuf_free(&b);
	return err == -EEXIST ? EXIT_USAGE : EXIT_GONE;
}

/* take - remember where the i-th is.  Return: 0 or -ENOMEM. */
static int take(struct containers *c, size_t i, const struct target_container *is)
{
	char *path = strdup(is->path);

	if (!path)
		return -ENOMEM;
	free(c->path[i]);
	c->path[i] = path;
	c->cgroup[i] = is->cgroup;
	return 0;
}

int containers_find(struct cli_settings *s, struct containers *c)
{
	struct target_container *all = NULL;
	int n = target_containers_find("", &all), code = 0, found;

	s->containers = c;
	c->first = s->selection.n_cgroups;
	for (size_t i = 0; i < s->n_containers && !code; i++) {
		found = n < 0 ? -ENOENT : target_container_choose(all, n, s->container[i]);
		if (found < 0)
			code = refuse(s->container[i], found, all, n);
		else if (take(c, i, &all[found]))
			code = EXIT_UNSUPPORTED;
		else
			s->selection.cgroup[s->selection.n_cgroups++] = c->cgroup[i];
	}
	target_containers_free(all, n > 0 ? n : 0);
	return code;
}

/* is_there - the same cgroup as before? One that is made anew under the same name has another number. */
static int is_there(const struct containers *c, size_t i)
{
	struct stat st;

	return !stat(c->path[i], &st) && st.st_ino == c->cgroup[i];
}

void containers_follow(const struct cli_settings *s, struct attach *a)
{
	struct containers *c = s->containers;
	struct target_container *all = NULL;
	int n = -EAGAIN, found;

	for (size_t i = 0; i < s->n_containers; i++) {
		if (is_there(c, i))
			continue;
		if (n == -EAGAIN)
			n = target_containers_find("", &all);
		found = n < 0 ? -ENOENT : target_container_choose(all, n, s->container[i]);
		if (found >= 0 && !take(c, i, &all[found])) {
			if (a)
				attach_select_cgroup(a, c->first + i, c->cgroup[i]);
			msg_note("container '%s' was started again: it is %.12s", s->container[i], all[found].id);
			c->is_gone[i] = 0;
		} else if (!c->is_gone[i]) {
			msg_note("container '%s' has ended; if it is started again it is taken up again",
				s->container[i]);
			c->is_gone[i] = 1;
		}
	}
	target_containers_free(all, n > 0 ? n : 0);
}

const char *containers_path(const struct cli_settings *s, size_t i)
{
	const struct containers *c = s->containers;

	if (!c || i < c->first)
		return s->cgroup_path[i];
	return c->is_gone[i - c->first] ? NULL : c->path[i - c->first];
}

void containers_clear(struct containers *c)
{
	for (size_t i = 0; i < ATTACH_SELECT_MAX; i++)
		free(c->path[i]);
}
