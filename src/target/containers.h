/* SPDX-License-Identifier: GPL-2.0-or-later */
/* target/containers.h - the containers whose cgroups can be seen from here, and their names as far as they are known without asking an
 * engine. A part of target/target.h.
 *
 * In: the unified cgroup hierarchy; the state that engines keep in files. Out: struct target_container. */
#ifndef TARGET_CONTAINERS_H
#define TARGET_CONTAINERS_H

#include <stddef.h>
#include <stdint.h>

#include "model/model.h"

struct target_container {
	enum model_container kind;
	char id[72];	 /* 64 hex digits; of LXC: its name. Untrusted */
	char name[192];	 /* of a pod's: NAMESPACE/POD/CONTAINER. "": not known. Untrusted */
	char *path;	 /* directory of its cgroup */
	uint64_t cgroup; /* the id of that: the directory's inode number (since kernel 5.5) */
};

/* target_containers_find - all of them, in the order of their paths. Of a container with more than one cgroup the outermost is taken; the
 * monitors that engines run beside a container are none. Names are read from docker's, podman's, CRI-O's and containerd's files, where
 * these are readable: root's own alone, so that no user can give his container the name of another.
 * @root  where file systems are looked for: "", or the directory of a made-up system
 * Return: their number; *out is to be freed with target_containers_free(); or -ENOENT: there is no unified hierarchy; -ENOMEM. */
int target_containers_find(const char *root, struct target_container **out);
void target_containers_free(struct target_container *c, size_t n);

/* target_container_choose - the one that is meant: by its whole id or name, by the end of a pod's name (POD/CONTAINER, or CONTAINER), or
 * by the beginning of its id.
 * Return: its index; -ENOENT: none is; -EEXIST: more than one is. */
int target_container_choose(const struct target_container *c, size_t n, const char *wanted);

#endif
