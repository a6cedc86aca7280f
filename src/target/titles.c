// SPDX-License-Identifier: GPL-2.0-or-later
/* target/titles.c - what text says of a process: its title, its cgroup, its status, strings in its files. All of it may have been
 * made to look like anything, so little is taken from it, and that is checked. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "target/identity.h"

int identity_copy_version(const char *s, size_t n, char *out, size_t cap)
{
	size_t i;

	*out = 0;
	if (!n || n >= cap || !isdigit((unsigned char)*s))
		return -EINVAL;
	for (i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("._-+~", s[i]))
			return -EINVAL;
	memcpy(out, s, n);
	out[n] = 0;
	return 0;
}

static int is_pool_name(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("._-+~", s[i]))
			return 0;
	return n > 0;
}

static void set_role(struct model_identity *out, enum model_role role, enum model_role_source from)
{
	out->role = role;
	out->role_from = from;
	out->worker = -1;
}

#define FPM_MASTER "php-fpm: master process ("
#define FPM_POOL   "php-fpm: pool "

static void parse_fpm_title(const char *title, size_t n, struct model_identity *out)
{
	size_t pool = strlen(FPM_POOL);

	if (n > strlen(FPM_MASTER) && !memcmp(title, FPM_MASTER, strlen(FPM_MASTER)) && title[n - 1] == ')') {
		set_role(out, MODEL_ROLE_MASTER, MODEL_ROLE_FROM_TITLE);
	} else if (n > pool && !memcmp(title, FPM_POOL, pool) && n - pool < sizeof(out->pool) &&
		   is_pool_name(title + pool, n - pool)) {
		set_role(out, MODEL_ROLE_WORKER, MODEL_ROLE_FROM_TITLE);
		memcpy(out->pool, title + pool, n - pool);
		out->pool[n - pool] = 0;
	}
}

/* cut_word - does the title end with that word, in any case, and does a word begin there? Then it is cut off, and so is what
 * stands before it but letters. */
static int cut_word(const char *title, size_t *n, const char *word)
{
	size_t len = strlen(word), at = *n - len;

	if (*n < len || strncasecmp(title + at, word, len) != 0)
		return 0;
	/* "appWorker" is two words, too: an upper case letter begins one. */
	if (at && isalpha((unsigned char)title[at - 1]) &&
		!(isupper((unsigned char)title[at]) && islower((unsigned char)title[at - 1])))
		return 0;
	while (at && strchr(" .:#_-[(", title[at - 1]))
		at--;
	*n = at;
	return 1;
}

/* cut_number - the number at the end of a title, which is cut off.  Return: it, or -1. */
static int cut_number(const char *title, size_t *n)
{
	size_t end = *n, at;
	char digits[8];

	while (end && strchr(")] ", title[end - 1]))
		end--;
	at = end;
	while (at && isdigit((unsigned char)title[at - 1]))
		at--;
	if (at == end || end - at >= sizeof(digits) || !at || !strchr(" .:#_-[(", title[at - 1]))
		return -1;
	memcpy(digits, title + at, end - at);
	digits[end - at] = 0;
	while (at && strchr(" .:#_-[(", title[at - 1]))
		at--;
	*n = at;
	return atoi(digits);
}

static void parse_swoole_title(const char *title, size_t n, struct model_identity *out)
{
	int number = cut_number(title, &n);

	cut_word(title, &n, "process");
	if (cut_word(title, &n, "worker")) {
		set_role(out, cut_word(title, &n, "task") ? MODEL_ROLE_TASK_WORKER : MODEL_ROLE_WORKER,
			MODEL_ROLE_FROM_TITLE);
		out->worker = number;
	} else if (number < 0 && cut_word(title, &n, "manager")) {
		set_role(out, MODEL_ROLE_MANAGER, MODEL_ROLE_FROM_TITLE);
	} else if (number < 0 && cut_word(title, &n, "master")) {
		set_role(out, MODEL_ROLE_MASTER, MODEL_ROLE_FROM_TITLE);
	}
}

void identity_parse_title(const char *title, size_t n, int is_swoole, struct model_identity *out)
{
	n = strnlen(title, n);
	while (n && title[n - 1] == ' ')
		n--;
	if (is_swoole)
		parse_swoole_title(title, n, out);
	else
		parse_fpm_title(title, n, out);
}

#define SHOWN_DIGITS 12

/* runtime_of - which runtime gives such names: what stands right before the id, or the folder that it is in. */
static enum model_container runtime_of(const char *line, const char *id)
{
	static const struct {
		const char *before;
		enum model_container kind;
	} known[] = {
		{ "docker-", MODEL_CONTAINER_DOCKER },
		{ "/docker/", MODEL_CONTAINER_DOCKER },
		{ "libpod-", MODEL_CONTAINER_PODMAN },
		{ "/libpod_parent/", MODEL_CONTAINER_PODMAN },
		{ "cri-containerd-", MODEL_CONTAINER_CONTAINERD },
		{ "cri-containerd:", MODEL_CONTAINER_CONTAINERD },
		{ "nerdctl-", MODEL_CONTAINER_CONTAINERD },
		{ "/k8s.io/", MODEL_CONTAINER_CONTAINERD },
		{ "crio-", MODEL_CONTAINER_CRIO },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		size_t len = strlen(known[i].before);

		if ((size_t)(id - line) >= len && !memcmp(id - len, known[i].before, len))
			return known[i].kind;
	}
	return memmem(line, id - line, "kubepods", 8) ? MODEL_CONTAINER_KUBERNETES : MODEL_CONTAINER_OTHER;
}

static int is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

enum model_container identity_container_in(const char *path, size_t n, const char **id)
{
	size_t run = 0;

	*id = NULL;
	for (size_t i = 0; i <= n; i++) {
		if (i < n && is_hex(path[i])) {
			run++;
			continue;
		}
		if (run == IDENTITY_ID_DIGITS)
			*id = path + i - run; /* the last: a container in a container is in the inner one */
		run = 0;
	}
	if (*id)
		return runtime_of(path, *id);
	return memmem(path, n, "/lxc/", 5) || memmem(path, n, "/lxc.payload", 12) ? MODEL_CONTAINER_LXC
										  : MODEL_CONTAINER_NONE;
}

void identity_parse_cgroup(const char *text, struct model_identity *out)
{
	for (const char *line = text, *id; *line;) {
		size_t n = strcspn(line, "\n");
		enum model_container kind = identity_container_in(line, n, &id);

		if (kind)
			out->container = kind;
		if (id) {
			memcpy(out->container_id, id, SHOWN_DIGITS);
			out->container_id[SHOWN_DIGITS] = 0;
			return;
		}
		line += n + (line[n] == '\n');
	}
}

void identity_parse_status(const char *text, int *parent, int *ns_pid)
{
	const char *at = strstr(text, "\nPPid:"), *end;
	long first = 0, last = 0;
	int n = 0;

	*parent = at ? atoi(at + strlen("\nPPid:")) : 0;
	*ns_pid = 0;
	at = strstr(text, "\nNSpid:");
	for (at = at ? at + strlen("\nNSpid:") : NULL; at && *at && *at != '\n'; at = end) {
		long pid = strtol(at, (char **)&end, 10);

		if (end == at)
			break;
		if (!n++)
			first = pid;
		last = pid;
		if (*end == '\n')
			break;
	}
	if (n > 1 && first > 0 && last > 0)
		*ns_pid = (int)last;
}

void identity_scan_php(const char *buf, size_t n, struct identity_file *out)
{
	for (const char *at = buf; (at = memmem(at, n - (at - buf), "API20", 5)); at++) {
		const char *rest = at + 3;

		if (strspn(rest, "0123456789") != 8)
			continue;
		rest += 8;
		if (strncmp(rest, ",NTS", 4) && strncmp(rest, ",TS", 3))
			continue;
		out->thread_safe = rest[1] == 'T';
		rest += out->thread_safe ? 3 : 4;
		out->is_debug = !strncmp(rest, ",debug", 6);
		return;
	}
}

#define GLIBC "GNU C Library ("
#define MUSL  "musl libc ("

/* is_bare_version - three numbers, of a size that versions have. */
static int is_bare_version(const char *s)
{
	unsigned major, minor, patch;
	int end = 0;

	return sscanf(s, "%3u.%3u.%3u%n", &major, &minor, &patch, &end) == 3 && !s[end];
}

/* scan_bare - strings that are nothing but a version: a NUL, three numbers, a NUL. */
static void scan_bare(const char *buf, size_t n, struct identity_file *out)
{
	for (size_t i = 0; i + 6 < n; i++) {
		size_t len;

		if (buf[i] || !isdigit((unsigned char)buf[i + 1]))
			continue;
		len = strspn(buf + i + 1, "0123456789.");
		if (buf[i + 1 + len] || !is_bare_version(buf + i + 1) || !strcmp(out->bare_version, buf + i + 1))
			continue;
		if (!out->n_bare++)
			identity_copy_version(buf + i + 1, len, out->bare_version, sizeof(out->bare_version));
	}
}

void identity_scan_libc(const char *buf, size_t n, struct identity_file *out)
{
	const char *at = memmem(buf, n, GLIBC, strlen(GLIBC)), *version;

	if (at && out->libc != MODEL_LIBC_GLIBC) {
		version = memmem(at, strnlen(at, IDENTITY_OVERLAP), " version ", 9);
		if (version) {
			size_t len = strspn(version + 9, "0123456789.");

			len -= len && version[9 + len - 1] == '.';
			out->libc = MODEL_LIBC_GLIBC;
			identity_copy_version(version + 9, len, out->libc_version, sizeof(out->libc_version));
		}
	}
	if (out->libc == MODEL_LIBC_UNKNOWN && memmem(buf, n, MUSL, strlen(MUSL)))
		out->libc = MODEL_LIBC_MUSL;
	scan_bare(buf, n, out);
}
