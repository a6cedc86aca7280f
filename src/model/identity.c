// SPDX-License-Identifier: GPL-2.0-or-later
/* model/identity.c - names for what a process can be. */
#include "model/model.h"

const char *model_role_name(enum model_role role)
{
	static const char *const names[MODEL_ROLES] = { NULL, "master", "manager", "worker", "task_worker",
		"user_process" };

	return names[role];
}

const char *model_role_text(enum model_role role)
{
	static const char *const texts[MODEL_ROLES] = { NULL, "master", "manager", "worker", "task worker",
		"user process" };

	return texts[role];
}

const char *model_role_source_name(enum model_role_source source)
{
	static const char *const names[MODEL_ROLE_SOURCES] = { NULL, "memory", "title", "tree" };

	return names[source];
}

const char *model_libc_name(enum model_libc libc)
{
	static const char *const names[] = { NULL, "glibc", "musl" };

	return names[libc];
}

const char *model_container_name(enum model_container kind)
{
	static const char *const names[MODEL_CONTAINERS] = { NULL, "docker", "podman", "containerd", "cri-o",
		"kubernetes", "lxc", "other" };

	return names[kind];
}
