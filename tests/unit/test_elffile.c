/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/test_elffile.c - functions and segments of this test's own file and of libc, and of damaged copies of them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/elffile.h"

static struct elffile *self, *libc;
static uintptr_t libc_base;
static const char *libc_path;

/* Known functions of this file: one global, one local. */
__attribute__((noinline)) int a_global_function(int x)
{
	return x + 1;
}

static __attribute__((noinline, noclone, noipa, used)) int a_local_function(int x)
{
	return x * 3;
}

static int open_both(void **state)
{
	struct link_map *map = NULL;
	void *handle = dlopen("libc.so.6", RTLD_LAZY);
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(elffile_open(&self, fd), 0);
	close(fd);
	assert_int_equal(dlinfo(handle, RTLD_DI_LINKMAP, &map), 0);
	libc_base = map->l_addr;
	libc_path = map->l_name;
	fd = open(libc_path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(elffile_open(&libc, fd), 0);
	close(fd);
	return 0;
}

static int close_both(void **state)
{
	(void)state;
	elffile_close(self);
	elffile_close(libc);
	return 0;
}

static void functions_are_found_by_name_global_and_local(void **state)
{
	struct elffile_symbol sym;

	(void)state;
	assert_int_equal(elffile_find(self, "a_global_function", &sym), 0);
	assert_true(sym.size_bytes > 0);
	assert_int_equal(elffile_find(self, "a_local_function", &sym), 0);
	assert_int_equal(elffile_find(self, "no_such_function", &sym), -ENOENT);
	assert_int_equal(elffile_find(libc, "malloc", &sym), 0);
	assert_int_equal(a_global_function(1) + a_local_function(1), 5);
}

static void an_address_is_named_by_the_function_that_covers_it(void **state)
{
	struct elffile_symbol sym;
	uintptr_t addr;

	(void)state;
	addr = (uintptr_t)dlsym(dlopen("libc.so.6", RTLD_LAZY), "qsort") - libc_base;
	assert_int_equal(elffile_covering(libc, addr, &sym), 0);
	assert_string_equal(sym.name, "qsort");
	assert_int_equal(sym.vaddr, addr);
	assert_int_equal(elffile_covering(libc, addr + sym.size_bytes - 1, &sym), 0);
	assert_string_equal(sym.name, "qsort");
}

static void an_address_between_functions_has_no_name(void **state)
{
	struct elffile_symbol sym, other;
	int gaps = 0;

	(void)state;
	/* libc's dynamic symbols leave gaps where its internal functions are: none may be named by what lies before */
	assert_int_equal(elffile_find(libc, "malloc", &sym), 0);
	for (uint64_t a = sym.vaddr; a < sym.vaddr + 20000; a++) {
		if (elffile_covering(libc, a, &other)) {
			gaps++;
			continue;
		}
		assert_true(a >= other.vaddr && a < other.vaddr + other.size_bytes);
	}
	assert_true(gaps > 0);
	assert_int_equal(elffile_covering(libc, 0, &other), -ENOENT);
	assert_int_equal(elffile_covering(libc, UINT64_MAX, &other), -ENOENT);
}

static void offsets_and_addresses_are_each_others_inverse(void **state)
{
	struct elffile_symbol sym;
	uint64_t offset, vaddr;

	(void)state;
	assert_int_equal(elffile_find(self, "a_global_function", &sym), 0);
	assert_int_equal(elffile_vaddr_to_offset(self, sym.vaddr, &offset), 0);
	assert_int_equal(elffile_offset_to_vaddr(self, offset, &vaddr), 0);
	assert_int_equal(vaddr, sym.vaddr);
	assert_int_equal(elffile_vaddr_to_offset(self, UINT64_MAX - 5, &offset), -ENOENT);
	assert_int_equal(elffile_offset_to_vaddr(self, UINT64_MAX - 5, &vaddr), -ENOENT);
}

static void identity_and_loader_are_read(void **state)
{
	(void)state;
	assert_int_equal(strlen(elffile_build_id(libc)), 40);
	assert_int_equal(strspn(elffile_build_id(libc), "0123456789abcdef"), 40);
	assert_non_null(strstr(elffile_interp(self), "ld-linux"));
}

static void what_is_no_elf_file_is_refused(void **state)
{
	static const char *const paths[] = { "/", "/dev/null", "/dev/zero", "/etc/passwd", "/proc/self/maps" };
	struct elffile *f;
	char fifo[] = "/tmp/swtrace-elf-XXXXXX";
	int fd;

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		fd = open(paths[i], O_RDONLY | O_CLOEXEC);
		assert_int_equal(elffile_open(&f, fd), -ENOEXEC);
		close(fd);
	}
	assert_int_equal(elffile_open(&f, -1), -EBADF);
	close(mkstemp(fifo));
	unlink(fifo);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	fd = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_int_equal(elffile_open(&f, fd), -ENOEXEC);
	close(fd);
	unlink(fifo);
}

/* use - ask everything of a file that could be opened; nothing may crash or hang. */
static void use(int fd)
{
	struct elffile_symbol sym;
	struct elffile *f;
	uint64_t n;

	if (elffile_open(&f, fd))
		return;
	elffile_find(f, "malloc", &sym);
	for (uint64_t a = 0; a < 64; a++) {
		elffile_covering(f, a << 14, &sym);
		elffile_vaddr_to_offset(f, a << 14, &n);
		elffile_offset_to_vaddr(f, a << 14, &n);
	}
	elffile_covering(f, UINT64_MAX, &sym);
	elffile_close(f);
}

static void damaged_files_do_no_harm(void **state)
{
	char path[] = "/tmp/swtrace-elf-XXXXXX", *good;
	int source = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), fd = mkstemp(path);
	unsigned seed = 1;
	struct stat st;

	(void)state;
	unlink(path);
	assert_int_equal(fstat(source, &st), 0);
	good = malloc(st.st_size);
	assert_int_equal(pread(source, good, st.st_size, 0), st.st_size);
	/* the headers are where damage matters most: bytes of the first 4 KiB and of the section headers at the end */
	for (int round = 0; round < 3000; round++) {
		off_t window = 4096, at;

		assert_int_equal(pwrite(fd, good, st.st_size, 0), st.st_size);
		for (int i = 0; i < 1 + round % 8; i++) {
			char byte;

			seed = seed * 1103515245 + 12345;
			byte = (char)(seed >> 24);
			at = seed / 7 % window;
			at = round % 2 ? at : st.st_size - 1 - at;
			assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		}
		use(fd);
	}
	for (off_t len = st.st_size; len > 0; len -= 1 + st.st_size / 300) {
		assert_int_equal(ftruncate(fd, len), 0);
		use(fd);
	}
	free(good);
	close(fd);
	close(source);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_are_found_by_name_global_and_local),
		cmocka_unit_test(an_address_is_named_by_the_function_that_covers_it),
		cmocka_unit_test(an_address_between_functions_has_no_name),
		cmocka_unit_test(offsets_and_addresses_are_each_others_inverse),
		cmocka_unit_test(identity_and_loader_are_read),
		cmocka_unit_test(what_is_no_elf_file_is_refused),
		cmocka_unit_test(damaged_files_do_no_harm),
	};

	return cmocka_run_group_tests(tests, open_both, close_both);
}
