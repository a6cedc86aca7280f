// SPDX-License-Identifier: GPL-2.0-or-later
/* target/maps.c - mappings from /proc/PID/maps, and the files behind the executable ones. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "target/internal.h"
#include "util/msg.h"

#define DELETED " (deleted)"

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
	elffile_close(m->debug);
	if (m->fd >= 0)
		close(m->fd);
	free(m->path);
	free(m);
}

/* file_open - open the file behind a mapping. map_files leads to the mapped inode itself but needs CAP_SYS_ADMIN or
 * CAP_CHECKPOINT_RESTORE; without, the path in the process's own root is taken if the same inode is found there. */
static int file_open(const struct target_process *p, const struct target_map *m, ino_t ino)
{
	char path[PATH_MAX];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/map_files/%lx-%lx", p->pid, m->start, m->end);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0)
		return fd;
	if (snprintf(path, sizeof(path), "/proc/%d/root%s", p->pid, m->name) >= (int)sizeof(path))
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0 && (fstat(fd, &st) || st.st_ino != ino)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

struct target_module *module_get(
	struct target *t, const struct target_process *p, const struct target_map *m, dev_t dev, ino_t ino)
{
	struct target_module *mod, **grown;
	size_t len = strlen(m->name);
	int err;

	for (size_t i = 0; i < t->n_modules; i++)
		if (t->module[i]->dev == dev && t->module[i]->ino == ino)
			return t->module[i];
	grown = realloc(t->module, (t->n_modules + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	t->module = grown;
	mod = calloc(1, sizeof(*mod));
	if (!mod)
		return NULL;
	mod->dev = dev;
	mod->ino = ino;
	mod->fd = -1;
	if (len > strlen(DELETED) && !strcmp(m->name + len - strlen(DELETED), DELETED)) {
		mod->deleted = 1;
		len -= strlen(DELETED);
	}
	mod->path = strndup(m->name, len);
	if (!mod->path) {
		module_free(mod);
		return NULL;
	}
	mod->name = strrchr(mod->path, '/') ? strrchr(mod->path, '/') + 1 : mod->path;
	/* The descriptor is kept: it holds the inode, so that (device, inode) cannot come to mean another file. */
	mod->fd = file_open(p, m, ino);
	if (mod->fd >= 0) {
		err = elffile_open(&mod->elf, mod->fd);
		if (err)
			msg_debug("%s: not read as ELF: %s", mod->path, strerror(-err));
	}
	t->module[t->n_modules++] = mod;
	return mod;
}

#define DEBUG_PATH "/usr/lib/debug/.build-id/%.2s/%s.debug"

/* debug_open - the debug file under one root. A container may hold any file under that name: it must have the same
 * build-id. */
static struct elffile *debug_open(const char *root, const char *build_id)
{
	struct elffile *f = NULL;
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s" DEBUG_PATH, root, build_id, build_id + 2);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return NULL;
	if (elffile_open(&f, fd))
		f = NULL;
	close(fd);
	if (f && strcmp(elffile_build_id(f), build_id)) {
		elffile_close(f);
		f = NULL;
	}
	return f;
}

const struct elffile *target_module_debug(struct target_module *m, const struct target_process *p)
{
	const char *build_id = m->elf ? elffile_build_id(m->elf) : "";
	char root[64];

	if (m->debug_tried || strlen(build_id) < 4)
		return m->debug;
	m->debug_tried = 1;
	snprintf(root, sizeof(root), "/proc/%d/root", p->pid);
	m->debug = debug_open(root, build_id);
	if (!m->debug)
		m->debug = debug_open("", build_id);
	return m->debug;
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
	m->executable = perms[2] == 'x';
	m->name = strdup(line + name_at);
	if (!m->name)
		return -ENOMEM;
	m->module = NULL;
	if (m->executable && inode) {
		m->module = module_get(t, p, m, makedev(major, minor), inode);
		if (!m->module)
			return -ENOMEM;
	}
	return 0;
}

int maps_read(struct target *t, struct target_process *p)
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
	if (!n && ferror(f)) { /* opened, but reading it is refused, or the process has just ended */
		err = errno == ESRCH ? -ESRCH : -EACCES;
		goto out;
	}
	/* The file is read in pieces, and a process that ends in between gives up its memory: then the list is cut short or
	 * empty, and the mappings that it had before stay. */
	if (n && !process_has_memory(p)) {
		err = -ESRCH;
		goto out;
	}
	if (n) {
		maps_free(p->map, p->n_maps);
		p->map = map;
		p->n_maps = n;
		map = NULL;
		n = 0;
	}
out:
	maps_free(map, n);
	free(line);
	fclose(f);
	return err;
}

const struct target_map *target_map_at(const struct target_process *p, uint64_t addr)
{
	size_t lo = 0, hi = p->n_maps;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (p->map[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < p->n_maps && p->map[lo].start <= addr ? &p->map[lo] : NULL;
}
