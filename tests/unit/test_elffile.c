/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/test_elffile.c - the promises of util/elffile.h.
 *
 * In: this test's own file, libc, damaged copies, and small files made by hand, honest and hostile.
 * Out: functions, segments and identity; that no file crashes, hangs or bloats the reader. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
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

static void exported_data_is_found_by_name_and_covers_no_code(void **state)
{
	struct elffile_symbol sym, other;

	(void)state;
	assert_int_equal(elffile_find_object(libc, "environ", &sym), 0);
	assert_int_equal(elffile_find(libc, "environ", &other), -ENOENT);
	assert_int_equal(elffile_find_object(libc, "malloc", &other), -ENOENT);
	assert_int_equal(elffile_covering(libc, sym.vaddr, &other), -ENOENT);
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
	static const char *const paths[] = { "/", "/dev/null", "/dev/zero", "/etc/passwd", "/proc/self/maps",
		"/proc/self/cmdline" };
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
	fd = memfd_create("empty", MFD_CLOEXEC);
	assert_int_equal(elffile_open(&f, fd), -ENOEXEC);
	close(fd);
	close(mkstemp(fifo));
	unlink(fifo);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	fd = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_int_equal(elffile_open(&f, fd), -ENOEXEC);
	close(fd);
	unlink(fifo);
}

/* ---- files made by hand ---- */

#define TEXT	   0x1000 /* section 1 holds [TEXT, TEXT + TEXT_BYTES) */
#define TEXT_BYTES 0x100000

/* A library with .text, a string table, and one table of n symbols. */
struct made {
	Elf64_Ehdr eh;
	Elf64_Phdr ph;
	Elf64_Shdr sh[5];
};

static Elf64_Sym function(Elf64_Word name, Elf64_Addr vaddr, Elf64_Xword size_bytes, int bind)
{
	return (Elf64_Sym){ .st_name = name,
		.st_info = ELF64_ST_INFO(bind, STT_FUNC),
		.st_shndx = vaddr < TEXT + TEXT_BYTES ? 1 : 2,
		.st_value = vaddr,
		.st_size = size_bytes };
}

static struct made made_headers(size_t n, size_t n_strings)
{
	struct made m = { .eh = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
				  .e_type = ET_DYN,
				  .e_machine = EM_X86_64,
				  .e_version = EV_CURRENT,
				  .e_phoff = offsetof(struct made, ph),
				  .e_shoff = offsetof(struct made, sh),
				  .e_ehsize = sizeof(Elf64_Ehdr),
				  .e_phentsize = sizeof(Elf64_Phdr),
				  .e_phnum = 1,
				  .e_shentsize = sizeof(Elf64_Shdr),
				  .e_shnum = 5 },
		.ph = { .p_type = PT_LOAD, .p_filesz = 2 * TEXT_BYTES, .p_memsz = 2 * TEXT_BYTES } };

	m.sh[1] = (Elf64_Shdr){ .sh_type = SHT_NOBITS, .sh_addr = TEXT, .sh_size = TEXT_BYTES };
	m.sh[2] = (Elf64_Shdr){ .sh_type = SHT_NOBITS, .sh_addr = TEXT + TEXT_BYTES, .sh_size = TEXT_BYTES };
	m.sh[3] = (Elf64_Shdr){ .sh_type = SHT_STRTAB, .sh_offset = sizeof(m), .sh_size = n_strings };
	m.sh[4] = (Elf64_Shdr){ .sh_type = SHT_SYMTAB,
		.sh_offset = sizeof(m) + n_strings,
		.sh_size = n * sizeof(Elf64_Sym),
		.sh_link = 3,
		.sh_entsize = sizeof(Elf64_Sym) };
	return m;
}

static int made_open(struct elffile **out, struct made m, const Elf64_Sym *sym, const char *strings)
{
	int fd = memfd_create("made", MFD_CLOEXEC), err;

	assert_int_equal(pwrite(fd, &m, sizeof(m), 0), sizeof(m));
	assert_int_equal(pwrite(fd, strings, m.sh[3].sh_size, m.sh[3].sh_offset), m.sh[3].sh_size);
	assert_int_equal(pwrite(fd, sym, m.sh[4].sh_size, m.sh[4].sh_offset), m.sh[4].sh_size);
	err = elffile_open(out, fd);
	close(fd);
	return err;
}

static const char *name_at(const struct elffile *f, uint64_t vaddr)
{
	struct elffile_symbol sym;

	return elffile_covering(f, vaddr, &sym) ? "" : sym.name;
}

static void of_functions_that_overlap_the_global_then_the_shorter_names_the_address(void **state)
{
	/* GIVEN one function around two others, of which a local one is the shortest */
	static const char strings[] = "\0outer\0inner\0local\0far";
	const Elf64_Sym sym[] = { function(1, 0x1000, 0x1000, STB_GLOBAL), function(7, 0x1100, 0x20, STB_GLOBAL),
		function(13, 0x1110, 8, STB_LOCAL), function(19, 0x3000, 0x10, STB_LOCAL) };
	struct elffile *f;

	(void)state;
	/* WHEN */
	assert_int_equal(made_open(&f, made_headers(4, sizeof(strings)), sym, strings), 0);
	/* THEN */
	assert_string_equal(name_at(f, 0xfff), "");
	assert_string_equal(name_at(f, 0x1000), "outer");
	assert_string_equal(name_at(f, 0x1100), "inner");
	assert_string_equal(name_at(f, 0x1110), "inner");
	assert_string_equal(name_at(f, 0x1120), "outer");
	assert_string_equal(name_at(f, 0x1fff), "outer");
	assert_string_equal(name_at(f, 0x2000), "");
	assert_string_equal(name_at(f, 0x300f), "far");
	assert_string_equal(name_at(f, 0x3010), "");
	elffile_close(f);
}

static void a_function_without_a_size_ends_at_the_next_and_never_leaves_its_section(void **state)
{
	/* GIVEN size-less functions: before another, beside one with a size, last of their section */
	static const char strings[] = "\0first\0sized\0alias\0last\0other";
	const Elf64_Sym sym[] = { function(1, 0x1000, 0, STB_GLOBAL), function(7, 0x1100, 0x10, STB_LOCAL),
		function(13, 0x1100, 0, STB_GLOBAL), function(19, 0x2000, 0, STB_GLOBAL),
		function(24, TEXT + TEXT_BYTES + 0x80, 0x10, STB_GLOBAL) };
	struct elffile *f;

	(void)state;
	/* WHEN */
	assert_int_equal(made_open(&f, made_headers(5, sizeof(strings)), sym, strings), 0);
	/* THEN */
	assert_string_equal(name_at(f, 0x10ff), "first");
	assert_string_equal(name_at(f, 0x1100), "sized");
	assert_string_equal(name_at(f, 0x1110), "");
	assert_string_equal(name_at(f, 0x2010), "");
	assert_string_equal(name_at(f, TEXT + TEXT_BYTES + 0x10), "");
	assert_string_equal(name_at(f, TEXT + TEXT_BYTES + 0x80), "other");
	elffile_close(f);
}

static void a_name_that_does_not_end_in_its_table_is_no_name(void **state)
{
	/* GIVEN a table whose last string has no end, and a symbol beyond it */
	static const char strings[] = { 0, 'o', 'k', 0, 'o', 'p', 'e', 'n' };
	const Elf64_Sym sym[] = { function(1, 0x1000, 16, STB_GLOBAL), function(4, 0x2000, 16, STB_GLOBAL),
		function(8, 0x3000, 16, STB_GLOBAL), function(UINT32_MAX, 0x4000, 16, STB_GLOBAL) };
	struct elffile *f;

	(void)state;
	/* WHEN */
	assert_int_equal(made_open(&f, made_headers(4, sizeof(strings)), sym, strings), 0);
	/* THEN */
	assert_string_equal(name_at(f, 0x1000), "ok");
	for (uint64_t vaddr = 0x2000; vaddr < 0x5000; vaddr += 0x1000)
		assert_string_equal(name_at(f, vaddr), "");
	elffile_close(f);
}

/* many - n functions of one byte each in a row, whose names are the last ones of one long string. */
static Elf64_Sym *many(size_t n)
{
	Elf64_Sym *sym = calloc(n, sizeof(*sym));

	assert_non_null(sym);
	for (size_t i = 0; i < n; i++)
		sym[i] = function(1 + i % 1000, TEXT + i, 1, STB_GLOBAL);
	return sym;
}

static void names_that_share_their_bytes_cost_those_bytes_once(void **state)
{
	/* GIVEN 1000 names in one string of 256 KiB: 256 MiB, if each were copied */
	size_t n = 1000, n_strings = 256 << 10, before, used;
	char *strings = malloc(n_strings);
	Elf64_Sym *sym = many(n);
	struct mallinfo2 info;
	struct elffile *f;

	(void)state;
	memset(strings, 'a', n_strings);
	strings[0] = strings[n_strings - 1] = 0;
	/* WHEN (under ASan mallinfo2() tells nothing, and this test little) */
	info = mallinfo2();
	before = info.uordblks + info.hblkhd;
	assert_int_equal(made_open(&f, made_headers(n, n_strings), sym, strings), 0);
	info = mallinfo2();
	used = info.uordblks + info.hblkhd - before;
	/* THEN */
	assert_int_equal(strlen(name_at(f, TEXT)), n_strings - 2);
	assert_true(used < 2 * n_strings);
	elffile_close(f);
	free(strings);
	free(sym);
}

static void a_hostile_file_takes_no_longer_than_an_honest_one(void **state)
{
	/* GIVEN 300 000 functions, one of them around all others, and a string table of 4 MiB without an end */
	size_t n = 300000, n_strings = 4 << 20;
	char *strings = malloc(n_strings);
	Elf64_Sym *sym = many(n);
	struct timespec start, end;
	struct elffile *f;

	(void)state;
	memset(strings, 'a', n_strings);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	/* WHEN */
	assert_int_equal(made_open(&f, made_headers(n, n_strings), sym, strings), 0);
	assert_string_equal(name_at(f, TEXT), "");
	elffile_close(f);
	strings[0] = strings[n_strings - 1] = 0;
	for (size_t i = 0; i < n; i++)
		sym[i].st_name = n_strings - 3;
	sym[0].st_size = TEXT_BYTES;
	assert_int_equal(made_open(&f, made_headers(n, n_strings), sym, strings), 0);
	for (uint64_t i = 0; i < 20000; i++)
		assert_string_equal(name_at(f, TEXT + n + i), "aa");
	elffile_close(f);
	/* THEN it is a matter of milliseconds, not of minutes */
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	assert_true(end.tv_sec - start.tv_sec < 3);
	free(strings);
	free(sym);
}

static void a_sparse_file_cannot_claim_memory(void **state)
{
	/* GIVEN a file of 1 TiB, nearly all of it hole, whose symbols, strings, notes or sections are said to fill it */
	static const char strings[] = "\0name";
	const Elf64_Sym sym = function(1, 0x1000, 16, STB_GLOBAL);
	struct rusage before, after;
	const uint64_t huge = 1ULL << 32;

	(void)state;
	getrusage(RUSAGE_SELF, &before);
	for (int what = 0; what < 4; what++) {
		struct made m = made_headers(1, sizeof(strings));
		int fd = memfd_create("sparse", MFD_CLOEXEC);
		struct elffile *f = NULL;

		m.sh[4].sh_size = what == 0 ? huge * sizeof(sym) : sizeof(sym);
		m.sh[3].sh_size = what == 1 ? huge : sizeof(strings);
		if (what == 2)
			m.ph = (Elf64_Phdr){ .p_type = PT_NOTE, .p_filesz = huge, .p_align = 4 };
		if (what == 3) {
			m.eh.e_shnum = 0;
			m.sh[0].sh_size = huge / 4;
		}
		assert_int_equal(pwrite(fd, &m, sizeof(m), 0), sizeof(m));
		assert_int_equal(pwrite(fd, strings, sizeof(strings), m.sh[3].sh_offset), sizeof(strings));
		assert_int_equal(ftruncate(fd, 1LL << 40), 0);
		/* WHEN */
		assert_int_equal(elffile_open(&f, fd), what == 3 ? -ENOEXEC : 0);
		elffile_close(f);
		close(fd);
	}
	/* THEN */
	getrusage(RUSAGE_SELF, &after);
	assert_true(after.ru_maxrss - before.ru_maxrss < 64 << 10); /* KiB */
}

/* ---- damaged files ---- */

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
	assert_true(strlen(elffile_build_id(f)) <= 128);
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
	/* the headers are where damage matters most: the first 4 KiB, the section headers at the end; then anywhere */
	for (int round = 0; round < 3000; round++) {
		off_t window = round % 3 == 2 ? st.st_size : 4096, at;

		assert_int_equal(pwrite(fd, good, st.st_size, 0), st.st_size);
		for (int i = 0; i < 1 + round % 8; i++) {
			char byte;

			seed = seed * 1103515245 + 12345;
			byte = (char)(seed >> 24);
			at = seed / 7 % window;
			at = round % 3 ? at : st.st_size - 1 - at;
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
		cmocka_unit_test(exported_data_is_found_by_name_and_covers_no_code),
		cmocka_unit_test(an_address_is_named_by_the_function_that_covers_it),
		cmocka_unit_test(an_address_between_functions_has_no_name),
		cmocka_unit_test(offsets_and_addresses_are_each_others_inverse),
		cmocka_unit_test(identity_and_loader_are_read),
		cmocka_unit_test(what_is_no_elf_file_is_refused),
		cmocka_unit_test(of_functions_that_overlap_the_global_then_the_shorter_names_the_address),
		cmocka_unit_test(a_function_without_a_size_ends_at_the_next_and_never_leaves_its_section),
		cmocka_unit_test(a_name_that_does_not_end_in_its_table_is_no_name),
		cmocka_unit_test(names_that_share_their_bytes_cost_those_bytes_once),
		cmocka_unit_test(a_hostile_file_takes_no_longer_than_an_honest_one),
		cmocka_unit_test(a_sparse_file_cannot_claim_memory),
		cmocka_unit_test(damaged_files_do_no_harm),
	};

	return cmocka_run_group_tests(tests, open_both, close_both);
}
