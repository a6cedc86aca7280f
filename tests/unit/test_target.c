/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/test_target.c - processes, mappings and probe sites, on this very process and on PHP's binary. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "swtrace/abi.h"
#include "target/target.h"

#define PHP "/usr/bin/php8.2"

static struct target *t;
static struct target_process *self;

static int know_self(void **state)
{
	(void)state;
	assert_int_equal(target_open(&t), 0);
	assert_int_equal(target_add(t, getpid(), &self), 0);
	return 0;
}

static int forget_self(void **state)
{
	(void)state;
	target_close(t);
	return 0;
}

static const struct target_module *module_of(const void *function)
{
	const struct target_map *m = target_map_at(self, (uintptr_t)function, 0);

	return m ? m->module : NULL;
}

/* in_libc - an address inside libc itself, also where a sanitizer puts its own malloc before libc's. */
static const void *in_libc(void)
{
	return dlsym(dlopen("libc.so.6", RTLD_LAZY), "qsort");
}

/* sites_of - all allocator functions of a module, those of malloc's family first. */
static int sites_of(const struct target_module *m, struct target_site **sites)
{
	struct target_site *others;
	int n = target_module_sites(m, TARGET_SITES_MALLOC, sites), n_others;

	n_others = target_module_sites(m, TARGET_SITES_OTHER, &others);
	if (!n || !n_others) {
		*sites = n ? *sites : others;
		return n + n_others;
	}
	*sites = realloc(*sites, (n + n_others) * sizeof(**sites));
	memcpy(*sites + n, others, n_others * sizeof(*others));
	free(others);
	return n + n_others;
}

static const struct target_site *site(const struct target_site *sites, int n, const char *function)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(sites[i].function, function))
			return &sites[i];
	return NULL;
}

static void a_process_is_known_by_name_program_and_mappings(void **state)
{
	(void)state;
	assert_true(strncmp(self->comm, "test_target", 11) == 0);
	assert_non_null(strstr(self->exe, "test_target"));
	assert_true(self->n_maps > 5);
	for (size_t i = 1; i < self->n_maps; i++)
		assert_true(self->map[i - 1].end <= self->map[i].start);
}

#define N_CHILDREN 300

static void all_children_of_a_process_are_found_however_many_there_are(void **state)
{
	int life[2], n, n_before, n_known = 0;
	pid_t made[N_CHILDREN], *found;
	struct target_process *one;
	char c;

	(void)state;
	n_before = target_children(self, &found); /* who parses files for it is one */
	free(found);
	assert_int_equal(pipe(life), 0);
	for (int i = 0; i < N_CHILDREN; i++) {
		made[i] = fork();
		if (!made[i]) {
			close(life[1]);
			_exit(read(life[0], &c, 1));
		}
	}
	n = target_children(self, &found);
	for (int i = 0; i < N_CHILDREN; i++)
		for (int k = 0; k < n; k++)
			n_known += made[i] > 0 && found[k] == made[i];
	free(found);
	n_known += target_has_child(self);
	assert_int_equal(target_add(t, made[0], &one), 0);
	assert_false(target_has_child(one));
	assert_int_equal(target_children(one, &found), 0);
	assert_null(found);
	target_remove(t, one);
	close(life[1]);
	for (int i = 0; i < N_CHILDREN; i++)
		if (made[i] > 0)
			waitpid(made[i], NULL, 0);
	close(life[0]);
	assert_int_equal(n - n_before, N_CHILDREN);
	assert_int_equal(n_known, N_CHILDREN + 1);
}

static void an_address_is_found_in_its_mapping_alone(void **state)
{
	const struct target_map *m = target_map_at(self, (uintptr_t)know_self, 0);

	(void)state;
	assert_non_null(m);
	assert_true(m->executable);
	assert_ptr_equal(target_map_at(self, m->start, 0), m);
	assert_ptr_equal(target_map_at(self, m->end - 1, 0), m);
	assert_ptr_not_equal(target_map_at(self, m->end, 0), m);
	assert_null(target_map_at(self, 0, 0));
	assert_null(target_map_at(self, UINT64_MAX, 0));
}

static void the_kernels_own_code_in_the_process_is_a_module(void **state)
{
	const struct target_map *m = target_map_at(self, getauxval(AT_SYSINFO_EHDR), 0);
	struct elffile_symbol sym;
	struct target_rows rows;

	(void)state;
	assert_non_null(m);
	assert_string_equal(m->name, "[vdso]");
	assert_non_null(m->module);
	assert_int_equal(elffile_find(m->module->elf, "__vdso_clock_gettime", &sym), 0);
	assert_int_equal(target_rows_read(m->module->fd, &rows), 0);
	assert_true(rows.n > 0);
	target_rows_free(&rows);
}

static void an_address_is_found_in_the_mapping_that_was_there_then(void **state)
{
	const size_t len = 4096;
	int exe = open("/proc/self/exe", O_RDONLY),
	    libc = open(target_map_at(self, (uintptr_t)gnu_get_libc_version, 0)->name, O_RDONLY);
	char *at = mmap(NULL, len, PROT_READ | PROT_EXEC, MAP_PRIVATE, exe, 0);
	uint32_t first, second;

	(void)state;
	assert_int_equal(target_refresh(t, self), 0);
	first = self->generation;
	assert_int_equal(target_refresh(t, self), 0);
	assert_int_equal(self->generation, first);
	assert_ptr_equal(mmap(at, len, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, libc, 0), at);
	assert_int_equal(target_refresh(t, self), 0);
	second = self->generation;
	munmap(at, len);
	assert_int_equal(target_refresh(t, self), 0);

	assert_null(target_map_at(self, (uintptr_t)at, first - 1));
	assert_non_null(strstr(target_map_at(self, (uintptr_t)at, first)->name, "test_target"));
	assert_non_null(strstr(target_map_at(self, (uintptr_t)at, second)->name, "libc"));
	assert_null(target_map_at(self, (uintptr_t)at, 0));
	assert_non_null(target_map_at(self, (uintptr_t)gnu_get_libc_version, first));
	close(exe);
	close(libc);
}

static void processes_that_are_not_are_refused(void **state)
{
	struct target_process *p;
	pid_t child;

	(void)state;
	assert_int_equal(target_add(t, getpid(), &p), -EALREADY);
	child = fork();
	if (!child)
		_exit(0);
	/* a zombie: it has a pid, but no memory any more */
	siginfo_t si;
	assert_int_equal(waitid(P_PID, child, &si, WEXITED | WNOWAIT), 0);
	assert_int_equal(target_add(t, child, &p), -ESRCH);
	waitpid(child, NULL, 0);
	assert_int_equal(target_add(t, child, &p), -ESRCH);
}

static void *add_thread(void *arg)
{
	struct target_process *p;
	pid_t tid = syscall(SYS_gettid);

	(void)arg;
	return (void *)(intptr_t)target_add(t, tid, &p);
}

static void a_thread_is_not_taken_for_a_process(void **state)
{
	pthread_t thread;
	void *err;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, add_thread, NULL), 0);
	pthread_join(thread, &err);
	assert_int_equal((intptr_t)err, -EINVAL);
}

static void libc_has_the_malloc_family_each_address_once(void **state)
{
	static const char *const expected[] = { "malloc", "free", "calloc", "realloc", "posix_memalign", "valloc",
		"pvalloc", "mmap", "munmap", "mremap" };
	struct target_site *sites;
	int n = sites_of(module_of(in_libc()), &sites);

	(void)state;
	assert_true(n >= 12);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_non_null(site(sites, n, expected[i]));
	/* aligned_alloc and memalign are one function in glibc */
	assert_true(!site(sites, n, "aligned_alloc") != !site(sites, n, "memalign"));
	for (int i = 0; i < n; i++)
		for (int k = 0; k < i; k++)
			assert_true(sites[i].offset != sites[k].offset);
	free(sites);
}

static void probes_that_see_blocks_die_come_before_those_that_see_them_born(void **state)
{
	(void)state;
	for (int what = 0; what < TARGET_SITES; what++) {
		struct target_site *sites;
		int n = target_module_sites(module_of(in_libc()), what, &sites), born = 0;

		assert_true(n >= 3);
		for (int i = 0; i < n; i++) {
			unsigned op = SWT_COOKIE_OP(sites[i].cookie);
			int dies = op == SWT_OP_FREE || op == SWT_OP_MUNMAP;

			assert_false(dies && born);
			assert_int_equal(sites[i].wants_return, !dies);
			born |= op == SWT_OP_ALLOC || op == SWT_OP_MMAP || op == SWT_OP_ALLOC_OUT;
		}
		free(sites);
	}
}

static void a_program_without_allocators_has_no_sites(void **state)
{
	struct target_site *sites = (void *)1;

	(void)state;
	assert_int_equal(sites_of(module_of(know_self), &sites), 0);
	assert_null(sites);
}

/* php_module - PHP's binary as a module of this process: mapped executable, as its loader would. */
static const struct target_module *php_module(void)
{
	int fd = open(PHP, O_RDONLY | O_CLOEXEC);
	void *p = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);

	close(fd);
	if (p == MAP_FAILED)
		return NULL;
	assert_int_equal(target_refresh(t, self), 0);
	return module_of(p);
}

static void php_has_the_zend_family_with_the_size_of_each_bin(void **state)
{
	const struct target_module *php = php_module();
	const struct target_site *s;
	struct target_site *sites;
	int n, bins = 0;

	(void)state;
	if (!php) {
		skip();
		return;
	}
	n = target_module_sites(php, TARGET_SITES_OTHER, &sites);
	/* 13 functions, and an allocating and a freeing one for each of 30 bins */
	assert_int_equal(n, 73);
	s = site(sites, n, "_emalloc_56");
	assert_non_null(s);
	assert_int_equal(SWT_COOKIE_FIXED(s->cookie), 56);
	assert_int_equal(SWT_COOKIE_LAYER(s->cookie), SWT_LAYER_ZEND);
	for (int i = 0; i < n; i++)
		bins += SWT_COOKIE_KIND(sites[i].cookie) == SWT_SIZE_FIXED;
	assert_int_equal(bins, 30);
	assert_int_equal(SWT_COOKIE_KIND(site(sites, n, "_estrdup")->cookie), SWT_SIZE_NESTED);
	assert_int_equal(SWT_COOKIE_KIND(site(sites, n, "_ecalloc")->cookie), SWT_SIZE_MUL);
	free(sites);
}

static void the_loader_is_found_and_says_where_it_reports(void **state)
{
	struct target_module *loader = target_loader(self);
	uint64_t offset;

	(void)state;
	assert_true(target_is_dynamic(self));
	assert_true(target_has_libc(self));
	assert_non_null(loader);
	assert_int_equal(target_dl_site(loader, &offset), 0);
}

static void a_child_that_is_gone_is_known_for_as_long_as_its_crash_may_be_on_its_way(void **state)
{
	pid_t pid = fork();

	(void)state;
	if (!pid)
		_exit(0);
	assert_true(pid > 0);
	assert_int_equal(target_fork(t, self, pid), 0);
	target_reap_children(t);
	target_reap_children(t);
	assert_non_null(target_child(t, pid)); /* nobody has waited for it yet */
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	target_reap_children(t);
	assert_non_null(target_child(t, pid));
	target_reap_children(t);
	assert_null(target_child(t, pid));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_process_is_known_by_name_program_and_mappings),
		cmocka_unit_test(all_children_of_a_process_are_found_however_many_there_are),
		cmocka_unit_test(an_address_is_found_in_its_mapping_alone),
		cmocka_unit_test(the_kernels_own_code_in_the_process_is_a_module),
		cmocka_unit_test(an_address_is_found_in_the_mapping_that_was_there_then),
		cmocka_unit_test(processes_that_are_not_are_refused),
		cmocka_unit_test(a_thread_is_not_taken_for_a_process),
		cmocka_unit_test(libc_has_the_malloc_family_each_address_once),
		cmocka_unit_test(probes_that_see_blocks_die_come_before_those_that_see_them_born),
		cmocka_unit_test(a_program_without_allocators_has_no_sites),
		cmocka_unit_test(php_has_the_zend_family_with_the_size_of_each_bin),
		cmocka_unit_test(the_loader_is_found_and_says_where_it_reports),
		cmocka_unit_test(a_child_that_is_gone_is_known_for_as_long_as_its_crash_may_be_on_its_way),
	};

	return cmocka_run_group_tests(tests, know_self, forget_self);
}
