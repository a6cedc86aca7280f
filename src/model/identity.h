/* SPDX-License-Identifier: GPL-2.0-or-later */
/* model/identity.h - what a process is: what a bug report asks for, and nothing of its environment or of its requests.
 *
 * A plain value, to be copied; without padding, so that two can be compared by their bytes. All strings are bounded and end with NUL; "" = not known. Those that are not called untrusted
 * hold nothing but letters, digits and . _ - + ~, whatever the process says. */
#ifndef MODEL_IDENTITY_H
#define MODEL_IDENTITY_H

#include <stdint.h>

enum model_role {
	MODEL_ROLE_NONE, /* not known, or it has none */
	MODEL_ROLE_MASTER,
	MODEL_ROLE_MANAGER, /* Swoole */
	MODEL_ROLE_WORKER,
	MODEL_ROLE_TASK_WORKER,	 /* Swoole */
	MODEL_ROLE_USER_PROCESS, /* Swoole: made by Swoole\Process or Server::addProcess() */
	MODEL_ROLES
};

/* How the role is known. */
enum model_role_source {
	MODEL_ROLE_FROM_NOTHING,
	MODEL_ROLE_FROM_MEMORY, /* Swoole's own record of the process */
	MODEL_ROLE_FROM_TITLE,	/* what the process calls itself, in a form that is known */
	MODEL_ROLE_FROM_TREE,	/* its place among processes of the same program: a guess */
	MODEL_ROLE_SOURCES
};

enum model_libc { MODEL_LIBC_UNKNOWN, MODEL_LIBC_GLIBC, MODEL_LIBC_MUSL };

enum model_container {
	MODEL_CONTAINER_NONE, /* none that can be seen */
	MODEL_CONTAINER_DOCKER,
	MODEL_CONTAINER_PODMAN,
	MODEL_CONTAINER_CONTAINERD,
	MODEL_CONTAINER_CRIO,
	MODEL_CONTAINER_KUBERNETES, /* a pod's, by a runtime that the name does not tell */
	MODEL_CONTAINER_LXC,
	MODEL_CONTAINER_OTHER, /* an id of that form, or a pid namespace of its own */
	MODEL_CONTAINERS
};

#define MODEL_IDENTITY_FILES 4

struct model_identity_file {
	char name[48];	   /* untrusted */
	char build_id[68]; /* lower-case hex */
};

struct model_identity {
	enum model_role role;
	enum model_role_source role_from;
	int32_t worker; /* Swoole's worker id, from 0 on, task workers after the others; -1 = not known */
	char pool[64];	/* FPM */
	char exe[64];	/* base name of the program's file; untrusted */
	int has_php;
	char php_version[16];
	int thread_safe; /* -1 = not known */
	int is_debug;	 /* likewise */
	int has_opcache; /* it is loaded: not that it is switched on */
	int has_jit;	 /* code that opcache has compiled, or room for it, is mapped */
	char extensions
		[1024]; /* PHP's that are loaded from files, sorted, one space between two; a last "..." stands for more */
	int has_swoole;
	char swoole_version[16];
	enum model_libc libc;
	int is_static; /* the libc is a part of the program's file */
	char libc_version[16];
	char malloc[32]; /* whose malloc is used, when it is not the libc's */
	enum model_container container;
	char container_id[16]; /* the first 12 hex digits */
	int32_t ns_pid;	       /* its pid in its own pid namespace; 0: that is the one that swtrace sees */
	char kernel[64];       /* its release */
	char distribution[32]; /* of its own root directory: ID and VERSION_ID of os-release(5) */
	char distribution_version[32];
	uint32_t n_files;
	struct model_identity_file
		file[MODEL_IDENTITY_FILES]; /* the program, then PHP, Swoole and libc where they are others */
};

/* model_role_name - "master", "manager", "worker", "task_worker", "user_process"; NULL for none. model_role_text - the same for
 * people. model_role_source_name - "memory", "title", "tree", or NULL. */
const char *model_role_name(enum model_role role);
const char *model_role_text(enum model_role role);
const char *model_role_source_name(enum model_role_source source);

/* model_libc_name - "glibc", "musl", or NULL. model_container_name - "docker", ..., or NULL. */
const char *model_libc_name(enum model_libc libc);
const char *model_container_name(enum model_container kind);

#endif
