/* SPDX-License-Identifier: GPL-2.0-or-later */
/* target/identity.h - the parts of identity.c that can be tested without a process: what is read is text or memory, and may
 * be anything. */
#ifndef TARGET_IDENTITY_H
#define TARGET_IDENTITY_H

#include "target/internal.h"

/* identity_copy_version - copy a version such as "5.1.2" or "6.2.0-dev": it begins with a digit and holds nothing but letters,
 * digits and . _ - + ~.  Return: 0, or -EINVAL: it is none, or longer; then out is "". */
int identity_copy_version(const char *s, size_t n, char *out, size_t cap);

/* identity_parse_title - role, pool and worker number from the first word of a command line, which a process may have written
 * its title over. Two forms are known: PHP-FPM's own (sapi/fpm/fpm/fpm_env.c, fpm_env_setproctitle: "php-fpm: master process
 * (FILE)", "php-fpm: pool NAME"), and what applications of Swoole's give to cli_set_process_title: anything that ends with
 * the role as a word, and perhaps a number ("app.Worker.3", "shop: task worker #4", "app manager process").
 * @is_swoole  look for the second form, else for the first
 * Nothing else of the title is kept. */
void identity_parse_title(const char *title, size_t n, int is_swoole, struct model_identity *out);

/* identity_parse_cgroup - kind and id of the container from the text of /proc/PID/cgroup: the last part of a path that holds 64 hex
 * digits is the name that the runtime gave the container's group, with the runtime's own word before them under systemd. */
void identity_parse_cgroup(const char *text, struct model_identity *out);

#define IDENTITY_ID_DIGITS 64

/* identity_container_in - the same of one path.
 * @id  out: where the id begins in it, NULL: the path has none (LXC)      Return: MODEL_CONTAINER_NONE: it is of no container. */
enum model_container identity_container_in(const char *path, size_t n, const char **id);

/* identity_parse_status - the parent (PPid), and the pid in the process's own namespace (the last of NSpid), from the text of
 * /proc/PID/status; 0 where it is not told, or (ns_pid) is the same as here. */
void identity_parse_status(const char *text, int *parent, int *ns_pid);

/* identity_add_extensions - names of PHP's extensions, by the base names of their files ("ffi.so"), which may be anything: those that are too
 * long or hold anything but letters, digits and . _ - + ~, and those that find no room, are told as "...".  @name  sorted on return */
void identity_add_extensions(const char **name, size_t n, struct model_identity *out);

/* identity_parse_release - distribution and its version from the text of an os-release(5), if they are words of letters, digits and
 * . _ -; of a file that is not whole the last line may be cut.
 * identity_read_release - likewise, from that file below a root directory: it is read if it is a plain file, up to 4 KiB, and no link is
 * followed on the way.
 * identity_read_system - that of the process's own root, and the kernel. */
void identity_parse_release(const char *text, size_t n, int is_whole, struct model_identity *out);
void identity_read_release(int root, struct model_identity *out);
void identity_read_system(pid_t pid, struct model_identity *out);

/* What a file says of itself. It is looked at piece by piece. */
struct identity_file {
	int thread_safe; /* PHP; -1 = not told */
	int is_debug;	 /* likewise */
	enum model_libc libc;
	char libc_version[16];
	char bare_version[16]; /* the only string of the file that is a bare version of three numbers */
	int n_bare;	       /* there are so many different ones */
};

/* identity_read_file - of a file, or of a part of what it says.  @what  IDENTITY_x */
enum { IDENTITY_PHP = 1, IDENTITY_LIBC = 2 };
void identity_read_file(int fd, unsigned what, struct identity_file *out);

#define IDENTITY_OVERLAP 128

/* identity_scan_php - ZEND_BUILD_TS and ZEND_BUILD_DEBUG of the engine's "API20220829,NTS" (Zend/zend_build.h).
 * identity_scan_libc - glibc's banner ("GNU C Library (...) stable release version 2.36.", csu/version.c); musl's usage message
 * ("musl libc (x86_64)", ldso/dynlink.c), whose version is a string by itself.
 * @n  what is wholly in so many bytes is to be found; IDENTITY_OVERLAP more may follow, so that what begins there can be read to
 * its end. Behind all of them there is a NUL */
void identity_scan_php(const char *buf, size_t n, struct identity_file *out);
void identity_scan_libc(const char *buf, size_t n, struct identity_file *out);

/* Where a version of Swoole keeps what tells the role: offsets that were compiled from the headers of the versions that are
 * named in the table. A server's is the place of its pointer in the variable SwooleG, 0 where it has a variable of its own. */
struct swoole_layout {
	unsigned from[3]; /* the first version that is so */
	uint16_t worker;  /* SwooleWG.worker */
	uint16_t worker_id;
	uint16_t worker_type;
	uint16_t server; /* SwooleG.server */
	uint16_t gs;	 /* Server.gs */
};

/* swoole_layout - that of a version such as "5.1.2", or NULL: not known. */
const struct swoole_layout *swoole_layout(const char *version);

/* Addresses in a process; 0 = the file does not tell. */
struct swoole_globals {
	uint64_t worker_global;	 /* SwooleWG */
	uint64_t global;	 /* SwooleG */
	uint64_t server_pointer; /* g_server_instance */
};

/* swoole_read_role - the role that Swoole's memory gives to the process with that pid (in its own namespace). It is believed only
 * where the pid there is the process's own, so that a wrong layout, or a parent's record right after a fork, tells nothing.
 * Sets role, role_from and worker, or leaves them as they are. */
void swoole_read_role(const struct php_image *image, const struct swoole_globals *at, const struct swoole_layout *l,
	int pid, struct model_identity *out);

#endif
