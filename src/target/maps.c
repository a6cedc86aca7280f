// SPDX-License-Identifier: GPL-2.0-or-later
/* target/maps.c - mappings from /proc/PID/maps, and the files behind the executable ones. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include "swtrace/abi.h"
#include "target/parser.h"
#include "util/msg.h"

void maps_free(struct target_map *map, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(map[i].name);
	free(map);
}

void module_free(struct target_module *m)
{
	if (!m)
		return;
	elffile_close(m->elf);
	bindings_free(m->bindings);
	free(m->identity);
	if (m->fd >= 0)
		close(m->fd);
	free(m->path);
	free(m);
}

/* is_still_mapped - is the mapping still there, with that file? */
static int is_still_mapped(const struct target_process *p, const struct target_map *m, ino_t ino)
{
	unsigned long start, end, inode;
	char path[64], line[PATH_MAX + 128];
	int found = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", p->pid);
	f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%lx-%lx %*s %*x %*x:%*x %lu", &start, &end, &inode) == 3 && start == m->start &&
			end == m->end && inode == ino;
	if (f)
		fclose(f);
	return found;
}

/* file_open - open the file behind a mapping. map_files leads to the mapped inode itself but needs CAP_SYS_ADMIN or
 * CAP_CHECKPOINT_RESTORE; without, the path in the process's own root is taken if the same inode is found there.
 * The process runs: where a library was when its mappings were read, another may be now. Of a union file system the inode
 * that is opened may have another number than the one that is mapped.
 * Return: a descriptor; -1 the file cannot be opened; -EAGAIN another file is mapped there by now. */
static int file_open(const struct target_process *p, const struct target_map *m, ino_t ino)
{
	char path[PATH_MAX];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/map_files/%lx-%lx", p->pid, m->start, m->end);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0 && (fstat(fd, &st) || st.st_ino != ino) && !is_still_mapped(p, m, ino)) {
		close(fd);
		return -EAGAIN;
	}
	if (fd >= 0)
		return fd;
	if (errno == ENOENT && !is_still_mapped(p, m, ino))
		return -EAGAIN;
	if (snprintf(path, sizeof(path), "/proc/%d/root%s", p->pid, m->name) >= (int)sizeof(path))
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0 && (fstat(fd, &st) || st.st_ino != ino)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* module_add - list a new module under that name. */
static struct target_module *module_add(struct target *t, const char *name)
{
	struct target_module *mod, **grown;

	grown = realloc(t->module, (t->n_modules + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	t->module = grown;
	mod = calloc(1, sizeof(*mod));
	if (!mod)
		return NULL;
	mod->fd = -1;
	mod->path = strndup(name, target_path_len(name));
	if (!mod->path) {
		module_free(mod);
		return NULL;
	}
	mod->deleted = strlen(mod->path) < strlen(name);
	mod->name = strrchr(mod->path, '/') ? strrchr(mod->path, '/') + 1 : mod->path;
	t->module[t->n_modules++] = mod;
	mod->number = t->n_modules;
	mod->parser = t->parser;
	return mod;
}

struct target_module *module_get(
	struct target *t, const struct target_process *p, const struct target_map *m, dev_t dev, ino_t ino)
{
	struct target_module *mod;
	int fd;

	for (size_t i = 0; i < t->n_modules; i++)
		if (t->module[i]->dev == dev && t->module[i]->ino == ino)
			return t->module[i];
	fd = file_open(p, m, ino);
	if (fd == -EAGAIN) {
		errno = EAGAIN;
		return NULL;
	}
	mod = module_add(t, m->name);
	if (!mod) {
		if (fd >= 0)
			close(fd);
		errno = ENOMEM;
		return NULL;
	}
	mod->dev = dev;
	mod->ino = ino;
	/* The descriptor is kept: it holds the inode, so that (device, inode) cannot come to mean another file. */
	mod->fd = fd;
	return mod;
}

/* by_place - those of one file system together: for another owner's files another child is begun. */
static int by_place(const void *a, const void *b)
{
	const struct target_module *x = *(struct target_module *const *)a, *y = *(struct target_module *const *)b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

/* modules_read - see what is in the files of these mappings.  Return: 0; -EINPROGRESS not by then; -ENOMEM. */
static int modules_read(struct target *t, const struct target_map *map, size_t n_maps, uint64_t until_ns)
{
	struct target_module **module = calloc(n_maps ? n_maps : 1, sizeof(*module));
	size_t n = 0;
	int err;

	if (!module)
		return -ENOMEM;
	for (size_t i = 0; i < n_maps; i++)
		if (map[i].module && map[i].module->fd >= 0 && !map[i].module->is_read)
			module[n++] = map[i].module;
	if (n)
		qsort(module, n, sizeof(*module), by_place);
	err = parser_elves(t->parser, module, n, until_ns);
	free(module);
	return err;
}

#define VDSO_MAX_BYTES (1 << 20)

/* vdso_read - the kernel's own code in the process.  Return: its bytes, to be freed by the caller, or NULL. */
static void *vdso_read(const struct target_process *p, const struct target_map *m, size_t len)
{
	void *bytes = len <= VDSO_MAX_BYTES ? malloc(len) : NULL;
	struct iovec local = { bytes, len }, remote = { (void *)(uintptr_t)m->start, len };

	if (bytes && process_vm_readv(p->pid, &local, 1, &remote, 1, 0) == (ssize_t)len)
		return bytes;
	free(bytes);
	return NULL;
}

/* is_copy - has the file these bytes? */
static int is_copy(int fd, const char *bytes, size_t len)
{
	char piece[4096];

	for (size_t at = 0; at < len; at += sizeof(piece)) {
		size_t wanted = len - at < sizeof(piece) ? len - at : sizeof(piece);

		if (pread(fd, piece, wanted, (off_t)at) != (ssize_t)wanted || memcmp(piece, bytes + at, wanted) != 0)
			return 0;
	}
	return 1;
}

/* is_ours - is it the vdso that this process has, too? */
static int is_ours(const void *bytes, size_t len)
{
	unsigned long ours = getauxval(AT_SYSINFO_EHDR), start = 0, end = 0;
	char line[PATH_MAX + 128];
	FILE *f = ours ? fopen("/proc/self/maps", "re") : NULL;
	int found = 0;

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%lx-%lx", &start, &end) == 2 && start == ours;
	if (f)
		fclose(f);
	return found && end - start == len && !memcmp((const void *)ours, bytes, len);
}

/* vdso_add - a vdso that was in no process so far, as a file.  Return: NULL when it cannot be read, or kept. */
static struct target_module *vdso_add(struct target *t, const char *name, const void *bytes, size_t len)
{
	int fd = memfd_create("vdso", MFD_CLOEXEC);
	struct target_module *mod = NULL;
	uint32_t number = is_ours(bytes, len) ? PARSER_OUR_VDSO : PARSER_OTHER_VDSO;
	struct elffile *elf = NULL;

	if (fd >= 0 && write(fd, bytes, len) == (ssize_t)len && !parser_elf(t->parser, number, fd, name, &elf))
		mod = module_add(t, name);
	if (mod) {
		mod->fd = fd;
		mod->elf = elf;
		mod->is_read = 1;
		return mod;
	}
	elffile_close(elf);
	if (fd >= 0)
		close(fd);
	return NULL;
}

/* vdso_get - the module of the vdso: that of another process when it is the same.  Return: NULL when there is none, which costs
 * names and stacks of the few functions in it. */
static struct target_module *vdso_get(struct target *t, const struct target_process *p, const struct target_map *m)
{
	size_t len = m->end - m->start;
	void *bytes = vdso_read(p, m, len);
	struct target_module *mod = NULL;

	for (size_t i = 0; bytes && i < t->n_modules && !mod; i++)
		if (!t->module[i]->dev && !t->module[i]->ino && is_copy(t->module[i]->fd, bytes, len))
			mod = t->module[i];
	if (bytes && !mod)
		mod = vdso_add(t, m->name, bytes, len);
	free(bytes);
	return mod;
}

/* map_parse - one line: "start-end perms offset major:minor inode   name". */
static int map_parse(struct target *t, const struct target_process *p, char *line, struct target_map *m)
{
	unsigned int major, minor;
	unsigned long inode;
	char perms[5];
	int name_at = 0;

	if (sscanf(line, "%lx-%lx %4s %lx %x:%x %lu %n", &m->start, &m->end, perms, &m->file_offset, &major, &minor,
		    &inode, &name_at) < 7 ||
		!name_at)
		return -EBADMSG;
	m->name = strdup(line + name_at);
	if (!m->name)
		return -ENOMEM;
	/* The kernel's own page for probes comes with the first probe that is hit: no code of the process's. */
	m->is_guard = !strncmp(perms, "---", 3);
	m->executable = perms[2] == 'x' && strcmp(m->name, "[uprobes]") != 0;
	m->module = NULL;
	if (m->executable && inode) {
		m->module = module_get(t, p, m, makedev(major, minor), inode);
		/* A mapping that is gone already is one without a file, until the mappings are read again. */
		if (!m->module && errno != EAGAIN)
			return -ENOMEM;
	}
	return 0;
}

size_t target_path_len(const char *path)
{
	static const char deleted[] = " (deleted)";
	size_t n = strlen(path), suffix = strlen(deleted);

	return n > suffix && !strcmp(path + n - suffix, deleted) ? n - suffix : n;
}

int map_bias(const struct target_map *m, uint64_t *bias)
{
	uint64_t vaddr;

	if (!m->module || !m->module->elf || elffile_offset_to_vaddr(m->module->elf, m->file_offset, &vaddr))
		return -ENOENT;
	*bias = m->start - vaddr;
	return 0;
}

static int is_same(const struct target_map *a, const struct target_map *b)
{
	return a->start == b->start && a->end == b->end && a->file_offset == b->file_offset &&
	       a->executable == b->executable && (a->module == b->module || !b->module) && !strcmp(a->name, b->name);
}

#define MAX_PAST 4096

/* past_add - remember an executable mapping that is gone: stacks that were taken before have addresses in it. Takes its
 * name. Of too many the older half is forgotten. */
static void past_add(struct target_process *p, struct target_map *m)
{
	struct target_map *grown;

	if (p->n_past == MAX_PAST) {
		for (size_t i = 0; i < MAX_PAST / 2; i++)
			free(p->past[i].name);
		p->n_past = MAX_PAST / 2;
		memmove(p->past, p->past + MAX_PAST / 2, p->n_past * sizeof(*p->past));
	}
	grown = realloc(p->past, (p->n_past + 1) * sizeof(*grown));
	if (!grown)
		return;
	p->past = grown;
	p->past[p->n_past] = *m;
	p->past[p->n_past++].until = p->generation;
	m->name = NULL;
}

/* code_changed - are other executable mappings in map than p has? Both lists are sorted by start. */
static int code_changed(const struct target_process *p, const struct target_map *map, size_t n)
{
	size_t i = 0, old = 0;

	for (;;) {
		while (i < n && !map[i].executable)
			i++;
		while (old < p->n_maps && !p->map[old].executable)
			old++;
		if (i == n || old == p->n_maps)
			return i != n || old != p->n_maps;
		if (!is_same(&p->map[old++], &map[i++]))
			return 1;
	}
}

/* maps_change - the mappings are these from now on. Both lists are sorted by start. */
static void maps_change(struct target *t, struct target_process *p, struct target_map *map, size_t n)
{
	size_t old = 0;

	p->generation += code_changed(p, map, n);
	for (size_t i = 0; i < n; i++) {
		map[i].since = p->generation;
		for (; old < p->n_maps && p->map[old].start <= map[i].start; old++) {
			if (is_same(&p->map[old], &map[i])) {
				map[i].since = p->map[old].since;
				map[i].module = p->map[old].module;
			} else if (p->map[old].executable) {
				past_add(p, &p->map[old]);
			}
		}
		if (map[i].executable && !map[i].module && !strcmp(map[i].name, "[vdso]"))
			map[i].module = vdso_get(t, p, &map[i]);
	}
	for (; old < p->n_maps; old++)
		if (p->map[old].executable)
			past_add(p, &p->map[old]);
	maps_free(p->map, p->n_maps);
	p->map = map;
	p->n_maps = n;
}

/* ended - are these all mappings? The file is read in pieces, and a process that ends in between gives up its memory: then the list is cut
 * short or empty.
 * Return: 0; -ESRCH it has ended; -EACCES reading it is refused. */
static int ended(const struct target_process *p, FILE *f, size_t n)
{
	if (!n && ferror(f)) /* opened, but reading it is refused, or the process has just ended */
		return errno == ESRCH ? -ESRCH : -EACCES;
	return n && !process_has_memory(p) ? -ESRCH : 0;
}

int maps_read(struct target *t, struct target_process *p, uint64_t until_ns)
{
	struct target_map *map = NULL, *grown, m;
	size_t n = 0, cap = 0, line_cap = 0;
	char path[64], *line = NULL;
	ssize_t len;
	FILE *f;
	int err = 0;

	snprintf(path, sizeof(path), "/proc/%d/maps", p->pid);
	f = fopen(path, "re");
	if (!f)
		return errno == ENOENT ? -ESRCH : -errno;
	errno = 0;
	while ((len = getline(&line, &line_cap, f)) > 0) {
		if (line[len - 1] == '\n')
			line[len - 1] = 0;
		if (n == cap) {
			cap = cap ? 2 * cap : 256;
			grown = realloc(map, cap * sizeof(*map));
			if (!grown) {
				err = -ENOMEM;
				goto out;
			}
			map = grown;
		}
		memset(&m, 0, sizeof(m));
		err = map_parse(t, p, line, &m);
		if (err) {
			free(m.name);
			goto out;
		}
		map[n++] = m;
	}
	err = ended(p, f, n); /* then the mappings that it had before stay */
	if (err)
		goto out;
	err = modules_read(t, map, n, until_ns);
	if (!err && n) {
		maps_change(t, p, map, n);
		map = NULL;
		n = 0;
	}
out:
	if (err) /* whatever has become of this process: the next one may map the same files */
		modules_read(t, map, n, 0);
	maps_free(map, n);
	free(line);
	fclose(f);
	return err;
}

int maps_copy(struct target_process *to, const struct target_process *from)
{
	to->map = calloc(from->n_maps ? from->n_maps : 1, sizeof(*to->map));
	if (!to->map)
		return -ENOMEM;
	for (size_t i = 0; i < from->n_maps; i++) {
		to->map[i] = from->map[i];
		to->map[i].name = strdup(from->map[i].name);
		if (!to->map[i].name)
			return -ENOMEM;
		to->n_maps = i + 1;
	}
	return 0;
}

const struct target_map *target_map_at(const struct target_process *p, uint64_t addr, uint32_t generation)
{
	size_t lo = 0, hi = p->n_maps;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (p->map[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < p->n_maps && p->map[lo].start <= addr && (!generation || p->map[lo].since <= generation))
		return &p->map[lo];
	for (size_t i = p->n_past; generation && i-- > 0;) {
		const struct target_map *m = &p->past[i];

		if (addr >= m->start && addr < m->end && generation >= m->since && generation < m->until)
			return m;
	}
	return NULL;
}

size_t target_count_sure(
	const struct target_process *p, const uint64_t *frame, size_t n, uint32_t generation, int first_is_ip)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t addr = frame[i] - (i || !first_is_ip);
		const struct target_map *was, *is;

		if (frame[i] >= SWT_FRAME_PHP)
			continue;
		was = target_map_at(p, addr, generation);
		is = target_map_at(p, addr, generation + 1);
		if (was != is && (!was || !is || was->module != is->module ||
					 was->start - was->file_offset != is->start - is->file_offset))
			return i + 1;
	}
	return n;
}
