/* SPDX-License-Identifier: GPL-2.0-or-later */
/* target/internal.h - what the files of this room share. */
#ifndef TARGET_INTERNAL_H
#define TARGET_INTERNAL_H

#include "target/target.h"

/* module_get - the module of an executable mapping: a known one, or a new one that is opened now.
 * Return: NULL when memory runs out. */
struct target_module *module_get(
	struct target *t, const struct target_process *p, const struct target_map *m, dev_t dev, ino_t ino);
void module_free(struct target_module *m);

struct target {
	struct target_process **process; /* one allocation each: pointers to them stay valid */
	size_t n_processes;
	struct target_module **module;
	size_t n_modules;
};

/* process_has_memory - 0 once a process that ends has given up its memory, or is gone. */
int process_has_memory(const struct target_process *p);

/* maps_read - parse /proc/PID/maps. On success the process's old mappings are replaced. */
int maps_read(struct target *t, struct target_process *p);
void maps_free(struct target_map *map, size_t n);

#endif
