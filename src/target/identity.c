// SPDX-License-Identifier: GPL-2.0-or-later
/* target/identity.c - what a process is: see model/identity.h. Read from its mapped files, from a few words of its memory, and from
 * /proc/PID/cmdline (its title), cgroup, status and root (identity_os.c); never from its environment. What is in a file is read once a
 * file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "target/parser.h"
#include "util/clock.h"

#define SETTLED_NS     2000000000ULL /* by then a process that has begun to do something else has said so */
#define TEXT_BYTES     8192
#define TITLE_BYTES    256
#define PIECE_BYTES    (1 << 20)
#define MAX_FILE_BYTES (64 << 20)
#define VERSION_BYTES  16

#define MAX_EXTENSIONS	128
#define EXTENSION_BYTES 48 /* of a name */

/* read_text - the beginning of a file of /proc/PID, with a NUL behind it.  Return: its length, 0 when it cannot be read. */
static size_t read_text(pid_t pid, const char *name, char *buf, size_t cap)
{
	char path[64];
	int n;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	n = small_file(path, buf, cap);
	return n > 0 ? n : 0;
}

/* scan_file - show a file to a reader, piece by piece. */
static void scan_file(int fd, void (*scan)(const char *, size_t, struct identity_file *), struct identity_file *out)
{
	char *buf = malloc(PIECE_BYTES + 1);
	ssize_t n;

	/* What is in the last bytes of a piece, wholly or not, is seen whole in the next. */
	for (off_t at = 0; buf && at < MAX_FILE_BYTES; at += PIECE_BYTES - 2 * IDENTITY_OVERLAP) {
		n = pread(fd, buf, PIECE_BYTES, at);
		if (n <= 0)
			break;
		buf[n] = 0;
		scan(buf, n == PIECE_BYTES ? n - IDENTITY_OVERLAP : n, out);
	}
	free(buf);
}

void identity_read_file(int fd, unsigned what, struct identity_file *out)
{
	*out = (struct identity_file){ .thread_safe = -1, .is_debug = -1 };
	if (what & IDENTITY_PHP)
		scan_file(fd, identity_scan_php, out);
	if (what & IDENTITY_LIBC)
		scan_file(fd, identity_scan_libc, out);
}

static int defines(const struct target_module *m, const char *name)
{
	struct elffile_symbol sym;

	return m->elf && !elffile_find(m->elf, name, &sym);
}

/* file_of - what a file says of itself. NULL: no memory. */
static const struct identity_file *file_of(struct target_module *m)
{
	unsigned what =
		(defines(m, "execute_ex") ? IDENTITY_PHP : 0) | (defines(m, "__libc_start_main") ? IDENTITY_LIBC : 0);
	struct identity_file *f;

	if (m->identity)
		return m->identity;
	f = m->identity = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->thread_safe = f->is_debug = -1;
	if (what)
		parser_identity(m, what, f);
	if (!(what & IDENTITY_LIBC))
		return f;
	if (f->libc == MODEL_LIBC_MUSL && f->n_bare == 1)
		snprintf(f->libc_version, sizeof(f->libc_version), "%s", f->bare_version);
	/* A static program holds neither banner, but the set-up that is each one's own. */
	if (f->libc == MODEL_LIBC_UNKNOWN && defines(m, "__libc_setup_tls"))
		f->libc = MODEL_LIBC_GLIBC;
	else if (f->libc == MODEL_LIBC_UNKNOWN && defines(m, "__init_libc"))
		f->libc = MODEL_LIBC_MUSL;
	return f;
}

/* find_map - the first mapping of the file that defines a function, or NULL. */
static const struct target_map *find_map(const struct target_process *p, const char *function)
{
	const struct target_module *last = NULL;

	for (size_t i = 0; i < p->n_maps; i++) {
		if (!p->map[i].module || p->map[i].module == last)
			continue;
		last = p->map[i].module;
		if (defines(last, function))
			return &p->map[i];
	}
	return NULL;
}

static void add_file(const struct target_module *m, struct model_identity *out)
{
	struct model_identity_file *f = &out->file[out->n_files];

	for (uint32_t i = 0; m && i < out->n_files; i++)
		if (!strcmp(out->file[i].build_id, elffile_build_id(m->elf)))
			return;
	if (!m || !m->elf || out->n_files == MODEL_IDENTITY_FILES ||
		strlen(elffile_build_id(m->elf)) >= sizeof(f->build_id))
		return;
	snprintf(f->name, sizeof(f->name), "%s", m->name);
	strcpy(f->build_id, elffile_build_id(m->elf));
	out->n_files += *f->build_id != 0;
}

static void read_program(const struct target_process *p, struct model_identity *out)
{
	const char *slash = p->exe ? strrchr(p->exe, '/') : NULL, *name = slash ? slash + 1 : p->exe;
	size_t n = name ? target_path_len(name) : 0;

	snprintf(out->exe, sizeof(out->exe), "%.*s", (int)(n < sizeof(out->exe) ? n : sizeof(out->exe) - 1),
		name ? name : "");
	add_file(exe_module(p), out);
}

/* read_opcache - it is a library up to 8.4, and a part of the engine since. Compiled code lies in the memory that it shares among
 * processes, the only such that may be executed (ext/opcache/shared_alloc_mmap.c: anonymous; shared_alloc_shm.c: System V). */
static void read_opcache(const struct target_process *p, struct model_identity *out)
{
	unsigned major = 0, minor = 0;

	sscanf(out->php_version, "%u.%u", &major, &minor);
	out->has_opcache = major > 8 || (major == 8 && minor >= 5);
	for (size_t i = 0; i < p->n_maps; i++)
		if (p->map[i].module && !strcmp(p->map[i].module->name, "opcache.so"))
			out->has_opcache = 1;
	for (size_t i = 0; out->has_opcache && i < p->n_maps; i++)
		if (p->map[i].executable &&
			(!strncmp(p->map[i].name, "/dev/zero", 9) || !strncmp(p->map[i].name, "/anon_hugepage", 14) ||
				!strncmp(p->map[i].name, "/SYSV", 5)))
			out->has_jit = 1;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* add_extension - one more word, unless room is then missing for what stands for more.  Return: 1, or 0: it was not added. */
static int add_extension(const char *name, size_t *at, struct model_identity *out)
{
	static const char letters[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-+~";
	size_t n = strlen(name);

	n -= n >= 3 && !strcmp(name + n - 3, ".so") ? 3 : 0;
	if (!n || n > EXTENSION_BYTES || strspn(name, letters) < n ||
		*at + n + 1 + sizeof(" ...") > sizeof(out->extensions))
		return 0;
	*at += (size_t)snprintf(
		out->extensions + *at, sizeof(out->extensions) - *at, "%s%.*s", *at ? " " : "", (int)n, name);
	return 1;
}

void identity_add_extensions(const char **name, size_t n, struct model_identity *out)
{
	size_t at = 0, n_added = 0;

	qsort(name, n, sizeof(*name), by_name);
	for (size_t i = 0; i < n; i++)
		n_added += (i && !strcmp(name[i], name[i - 1])) || add_extension(name[i], &at, out);
	if (n_added < n)
		snprintf(out->extensions + at, sizeof(out->extensions) - at, "%s...", at ? " " : "");
}

/* read_extensions - by what PHP looks for in a file that it is to load: get_module(), or, in those of the engine's own kind (opcache),
 * zend_extension_entry. Where they lie differs from build to build, and may be anywhere. */
static void read_extensions(const struct target_process *p, struct model_identity *out)
{
	const struct target_module *engine = target_php_engine(p), *last = NULL;
	const char *name[MAX_EXTENSIONS] = { NULL };
	struct elffile_symbol sym;
	size_t n = 0;

	for (size_t i = 0; i < p->n_maps && n < MAX_EXTENSIONS; i++) {
		const struct target_module *m = p->map[i].module;

		if (!m || m == last || m == engine)
			continue;
		last = m;
		if (defines(m, "get_module") || (m->elf && !elffile_find_object(m->elf, "zend_extension_entry", &sym)))
			name[n++] = m->name;
	}
	identity_add_extensions(name, n, out);
}

static void read_php(const struct target_process *p, struct model_identity *out)
{
	struct target_module *m = target_php_engine(p);
	const struct identity_file *f = m ? file_of(m) : NULL;

	out->thread_safe = out->is_debug = -1;
	if (!f || php_find_version(m))
		return;
	out->has_php = 1;
	identity_copy_version(m->php_version, strlen(m->php_version), out->php_version, sizeof(out->php_version));
	out->thread_safe = f->thread_safe;
	out->is_debug = f->is_debug;
	read_opcache(p, out);
	read_extensions(p, out);
	add_file(m, out);
}

static int read_memory(void *ctx, uint64_t addr, void *to, size_t len)
{
	const pid_t *pid = ctx;

	return process_read(*pid, addr, to, len);
}

/* object_at - where an exported variable of a mapped file is; 0 = it has none of that name. */
static uint64_t object_at(const struct target_map *m, const char *name)
{
	struct elffile_symbol sym;
	uint64_t bias;

	return elffile_find_object(m->module->elf, name, &sym) || map_bias(m, &bias) ? 0 : sym.vaddr + bias;
}

/* An extension's zend_module_entry (Zend/zend_modules.h, the same from 7.0 on): const char *version. */
#define ENTRY_VERSION 88

static void read_swoole_version(const struct php_image *image, uint64_t entry, struct model_identity *out)
{
	char version[VERSION_BYTES];
	uint64_t at;

	/* Within a page: what is behind the string may not be mapped. */
	if (entry && !image->read(image->ctx, entry + ENTRY_VERSION, &at, sizeof(at)))
		for (size_t n = sizeof(version); n > 4; n--)
			if (!image->read(image->ctx, at, version, n)) {
				identity_copy_version(
					version, strnlen(version, n), out->swoole_version, sizeof(out->swoole_version));
				return;
			}
}

static void read_swoole(const struct target_process *p, int own_pid, struct model_identity *out)
{
	const struct target_map *m = NULL;
	const struct swoole_layout *layout;
	struct swoole_globals at = { 0 };
	pid_t pid = p->pid;
	const struct php_image image = { read_memory, &pid };

	for (size_t i = 0; !m && i < p->n_maps; i++)
		if (p->map[i].module && p->map[i].module->elf &&
			(object_at(&p->map[i], "swoole_module_entry") || !strcmp(p->map[i].module->name, "swoole.so")))
			m = &p->map[i];
	if (!m)
		return;
	out->has_swoole = 1;
	read_swoole_version(&image, object_at(m, "swoole_module_entry"), out);
	add_file(m->module, out);
	layout = swoole_layout(out->swoole_version);
	if (!layout)
		return;
	at.worker_global = object_at(m, "SwooleWG");
	at.global = object_at(m, "SwooleG");
	at.server_pointer = object_at(m, "g_server_instance");
	swoole_read_role(&image, &at, layout, own_pid, out);
}

/* read_title - where memory does not tell the role. */
static void read_title(const struct target_process *p, struct model_identity *out)
{
	char title[TITLE_BYTES];
	size_t n;

	if (!out->has_php || out->role)
		return;
	n = read_text(p->pid, "cmdline", title, sizeof(title));
	if (n + 1 < sizeof(title)) /* else its end, which tells, is not there */
		identity_parse_title(title, n, out->has_swoole, out);
}

/* read_tree - of a Swoole whose memory is not understood, and that has no title: a master has made a manager, which has made the
 * workers; without a manager, the master has. */
static void read_tree(const struct target_process *p, int parent, struct model_identity *out)
{
	int has_parent, has_child;

	if (!out->has_swoole || out->role || swoole_layout(out->swoole_version))
		return;
	has_parent = parent > 0 && process_runs(parent, p->exe);
	has_child = target_has_child(p);
	if (!has_parent && !has_child)
		return;
	out->role = !has_parent ? MODEL_ROLE_MASTER : has_child ? MODEL_ROLE_MANAGER : MODEL_ROLE_WORKER;
	out->role_from = MODEL_ROLE_FROM_TREE;
}

static void read_libc(const struct target_process *p, struct model_identity *out)
{
	const struct target_map *m = find_map(p, "__libc_start_main");
	const struct identity_file *f = m ? file_of(m->module) : NULL;
	const char *name;
	int is_libc = 0;

	if (f) {
		out->libc = f->libc;
		out->is_static = m->module == exe_module(p);
		identity_copy_version(
			f->libc_version, strlen(f->libc_version), out->libc_version, sizeof(out->libc_version));
		add_file(m->module, out);
	}
	if (!p->n_allocators)
		return;
	name = target_allocator_name(p->allocator[0].module, &is_libc);
	if (!is_libc)
		snprintf(out->malloc, sizeof(out->malloc), "%s", name ? name : "another");
}

void target_identity_read(const struct target_process *p, struct model_identity *out)
{
	char *text = malloc(TEXT_BYTES);
	int parent = 0;

	memset(out, 0, sizeof(*out)); /* whole: two are compared by their bytes */
	out->worker = -1;
	if (text && read_text(p->pid, "status", text, TEXT_BYTES))
		identity_parse_status(text, &parent, &out->ns_pid);
	if (text && read_text(p->pid, "cgroup", text, TEXT_BYTES))
		identity_parse_cgroup(text, out);
	free(text);
	if (out->ns_pid && !out->container)
		out->container = MODEL_CONTAINER_OTHER;
	identity_read_system(p->pid, out);
	read_program(p, out);
	read_php(p, out);
	read_swoole(p, out->ns_pid ? out->ns_pid : p->pid, out);
	read_title(p, out);
	read_tree(p, parent, out);
	read_libc(p, out);
}

void target_identity_forked(struct target_process *parent, struct target_process *child)
{
	parent->identity_settled = 0;
	if (!child || !parent->identity)
		return;
	child->identity = malloc(sizeof(*child->identity));
	if (!child->identity)
		return;
	*child->identity = *parent->identity;
	child->identity->role = MODEL_ROLE_NONE;
	child->identity->role_from = MODEL_ROLE_FROM_NOTHING;
	child->identity->worker = -1;
	child->identity->ns_pid = 0;
	memset(child->identity->pool, 0, sizeof(child->identity->pool));
}

/* is_due - has it to be read? A process that has just begun may not be yet what it is going to be. */
static int is_due(struct target_process *p, uint64_t now)
{
	if (p->identity_generation != p->generation || !p->identity_settled) {
		p->identity_generation = p->generation;
		p->identity_settled = now + SETTLED_NS;
		p->identity_again = 1;
	}
	return p->identity_again;
}

/* is_idle - will what is asked of its files be answered, or are others being read? */
static int is_idle(const struct target_process *p)
{
	for (size_t i = 0; i < p->n_maps; i++)
		if (p->map[i].module && p->map[i].module->parser)
			return parser_is_idle(p->map[i].module->parser, 0);
	return 1;
}

const struct model_identity *target_identity(struct target_process *p)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	struct model_identity *fresh;

	if (!p->alive || !is_due(p, now) || !is_idle(p))
		return p->identity;
	fresh = malloc(sizeof(*fresh));
	if (!fresh)
		return p->identity;
	target_identity_read(p, fresh);
	/* Of one that ends meanwhile less can be read, or another's: what was known stands. */
	if (!process_has_memory(p) || (p->identity && !memcmp(fresh, p->identity, sizeof(*fresh)))) {
		free(fresh);
	} else {
		free(p->identity);
		p->identity = fresh;
		p->identity_serial++;
	}
	p->identity_again = now < p->identity_settled;
	return p->identity;
}
