// SPDX-License-Identifier: GPL-2.0-or-later
/* target/containers.c - containers, by their cgroups: the engines name these after the container's id. What else they are called stands
 * in files of the engines' own:
 *   docker      /var/lib/docker/containers/ID/config.v2.json: "Name" (moby, container/container.go)
 *   podman,     /var/lib/containers/storage/overlay-containers/containers.json: "id", "names" (containers/storage, containers.go)
 *   CRI-O
 *   containerd  /run/containerd/io.containerd.runtime.v2.task/NAMESPACE/ID/config.json: annotations of its CRI plugin and of nerdctl */
#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "target/identity.h"

#define MAX_CONTAINERS 4096
#define MAX_LEVELS     24
#define MAX_JSON_BYTES (16 << 20)

struct found {
	struct target_container *c;
	size_t n;
	const char *top; /* where the hierarchy is mounted */
	int err;
};

/* add - a cgroup of a container.  @id  n bytes */
static void add(struct found *f, enum model_container kind, const char *id, size_t n, const char *path)
{
	struct target_container *grown, *c;
	struct stat st;

	if (stat(path, &st) || n >= sizeof(c->id) || f->n == MAX_CONTAINERS)
		return;
	/* Below the first is what it has made itself. */
	for (size_t i = 0; i < f->n; i++)
		if (!strncmp(f->c[i].id, id, n) && !f->c[i].id[n])
			return;
	grown = realloc(f->c, (f->n + 1) * sizeof(*grown));
	if (grown)
		f->c = grown;
	c = grown ? &grown[f->n] : NULL;
	if (c)
		*c = (struct target_container){ .kind = kind, .path = strdup(path), .cgroup = st.st_ino };
	if (!c || !c->path) {
		f->err = -ENOMEM;
		return;
	}
	memcpy(c->id, id, n);
	f->n++;
}

/* look - is this directory the cgroup of a container?  @name  its last part */
static void look(struct found *f, const char *path, const char *name)
{
	static const char lxc[] = "lxc.payload.";
	const char *id, *group = path + strlen(f->top);
	enum model_container kind = identity_container_in(group, strlen(group), &id);

	/* The monitor of a container has the same id in its name, and is outside of it. */
	if (strstr(name, "conmon") || !kind)
		return;
	if (id && id + IDENTITY_ID_DIGITS > name)
		add(f, kind, id, IDENTITY_ID_DIGITS, path);
	else if (!id && !strncmp(name, lxc, strlen(lxc)))
		add(f, kind, name + strlen(lxc), strlen(name + strlen(lxc)), path);
	else if (!id && name - path > 5 && !memcmp(name - 5, "/lxc/", 5))
		add(f, kind, name, strlen(name), path);
}

static void walk(struct found *f, char *path, int level)
{
	size_t len = strlen(path);
	struct dirent **entry = NULL;
	int n = level < MAX_LEVELS ? scandir(path, &entry, NULL, alphasort) : 0;

	for (int i = 0; i < n; i++) {
		const char *name = entry[i]->d_name;

		if (entry[i]->d_type == DT_DIR && *name != '.' && len + strlen(name) + 2 < PATH_MAX) {
			sprintf(path + len, "/%s", name);
			look(f, path, path + len + 1);
			walk(f, path, level + 1);
			path[len] = 0;
		}
		free(entry[i]);
	}
	free(entry);
}

/* ---- names ---- */

/* read_json - a file that is root's alone to change (of a made-up system: ours).  Return: NULL: there is none, or it is no JSON. */
static json_t *read_json(const char *path)
{
	FILE *file = fopen(path, "re");
	json_t *json = NULL;
	struct stat st;

	if (file && !fstat(fileno(file), &st) && S_ISREG(st.st_mode) && (st.st_uid == 0 || st.st_uid == geteuid()) &&
		!(st.st_mode & (S_IWGRP | S_IWOTH)) && st.st_size <= MAX_JSON_BYTES)
		json = json_loadf(file, 0, NULL);
	if (file)
		fclose(file);
	return json;
}

/* set_name - as the engine has it. Kubernetes' names for docker's and CRI-O's containers are made of several:
 * k8s_CONTAINER_POD_NAMESPACE_UID_ATTEMPT. None of these has an underscore in it. */
static void set_name(struct target_container *c, const char *name)
{
	char container[128], pod[256], space[128];

	if (!name)
		return;
	name += *name == '/';
	if (sscanf(name, "k8s_%127[^_]_%255[^_]_%127[^_]_", container, pod, space) == 3)
		snprintf(c->name, sizeof(c->name), "%.60s/%.64s/%.62s", space, pod, container);
	else if (strlen(name) < sizeof(c->name))
		strcpy(c->name, name);
}

static void name_by_docker(const char *root, struct target_container *c)
{
	char path[PATH_MAX];
	json_t *json;

	snprintf(path, sizeof(path), "%s/var/lib/docker/containers/%s/config.v2.json", root, c->id);
	json = read_json(path);
	set_name(c, json_string_value(json_object_get(json, "Name")));
	json_decref(json);
}

static void name_by_containerd(const char *root, struct target_container *c)
{
	static const char *const place[] = { "run/containerd", "run/k3s/containerd" };
	char pattern[PATH_MAX];
	const char *part[3];
	glob_t files = { 0 };
	json_t *json, *notes;

	for (size_t i = 0; i < 2; i++) {
		snprintf(pattern, sizeof(pattern), "%s/%s/io.containerd.runtime.v2.task/*/%s/config.json", root,
			place[i], c->id);
		glob(pattern, i ? GLOB_APPEND : 0, NULL, &files);
	}
	for (size_t i = 0; i < files.gl_pathc && !*c->name; i++) {
		json = read_json(files.gl_pathv[i]);
		notes = json_object_get(json, "annotations");
		part[0] = json_string_value(json_object_get(notes, "io.kubernetes.cri.sandbox-namespace"));
		part[1] = json_string_value(json_object_get(notes, "io.kubernetes.cri.sandbox-name"));
		part[2] = json_string_value(json_object_get(notes, "io.kubernetes.cri.container-name"));
		if (part[0] && part[1] && part[2])
			snprintf(c->name, sizeof(c->name), "%.60s/%.64s/%.62s", part[0], part[1], part[2]);
		else
			set_name(c, json_string_value(json_object_get(notes, "nerdctl/name")));
		json_decref(json);
	}
	globfree(&files);
}

/* name_by_store - podman and CRI-O keep one list of all containers. */
static void name_by_store(const char *root, const char *file, struct found *f)
{
	char path[PATH_MAX];
	json_t *list, *one;
	const char *id;
	size_t i;

	snprintf(path, sizeof(path), "%s/%s", root, file);
	list = read_json(path);
	json_array_foreach(list, i, one)
	{
		id = json_string_value(json_object_get(one, "id"));
		for (size_t k = 0; id && k < f->n; k++)
			if (!strcmp(f->c[k].id, id))
				set_name(&f->c[k], json_string_value(json_array_get(json_object_get(one, "names"), 0)));
	}
	json_decref(list);
}

static void name_all(const char *root, struct found *f)
{
	for (size_t i = 0; i < f->n; i++) {
		if (f->c[i].kind == MODEL_CONTAINER_LXC)
			strcpy(f->c[i].name, f->c[i].id);
		else
			name_by_docker(root, &f->c[i]);
		if (!*f->c[i].name)
			name_by_containerd(root, &f->c[i]);
	}
	name_by_store(root, "var/lib/containers/storage/overlay-containers/containers.json", f);
	name_by_store(root, "run/containers/storage/overlay-containers/volatile-containers.json", f);
}

/* ---- */

int target_containers_find(const char *root, struct target_container **out)
{
	/* The second is where hosts have it that still use the older hierarchies as well. */
	static const char *const place[] = { "sys/fs/cgroup", "sys/fs/cgroup/unified" };
	char top[PATH_MAX], path[PATH_MAX];
	struct found f = { .err = -ENOENT, .top = top };
	struct stat st;

	*out = NULL;
	for (size_t i = 0; i < 2 && f.err == -ENOENT; i++) {
		snprintf(path, sizeof(path), "%s/%s/cgroup.controllers", root, place[i]);
		if (stat(path, &st)) /* not access(2), which goes by the real user: rights/ */
			continue;
		f.err = 0;
		snprintf(top, sizeof(top), "%s/%s", root, place[i]);
		strcpy(path, top);
		walk(&f, path, 0);
	}
	if (f.err) {
		target_containers_free(f.c, f.n);
		return f.err;
	}
	name_all(root, &f);
	*out = f.c;
	return (int)f.n;
}

void target_containers_free(struct target_container *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(c[i].path);
	free(c);
}

static int is_named(const struct target_container *c, const char *wanted)
{
	size_t n = strlen(c->name), n_wanted = strlen(wanted);

	return n_wanted && n >= n_wanted && !strcmp(c->name + n - n_wanted, wanted) &&
	       (n == n_wanted || c->name[n - n_wanted - 1] == '/');
}

static int is_prefix(const struct target_container *c, const char *wanted)
{
	return c->kind != MODEL_CONTAINER_LXC && !strncmp(c->id, wanted, strlen(wanted));
}

static int is_whole(const struct target_container *c, const char *wanted)
{
	return !strcmp(c->id, wanted) || !strcmp(c->name, wanted);
}

int target_container_choose(const struct target_container *c, size_t n, const char *wanted)
{
	static int (*const fits[])(const struct target_container *, const char *) = { is_whole, is_named, is_prefix };
	int found = -ENOENT;

	for (size_t way = 0; *wanted && way < 3 && found == -ENOENT; way++)
		for (size_t i = 0; i < n; i++)
			if (fits[way](&c[i], wanted))
				found = found == -ENOENT ? (int)i : -EEXIST;
	return found;
}
