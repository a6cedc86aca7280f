/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/test_resolve.c - which malloc a program's calls resolve to, decided on made-up processes; and the words that a file's
 * loader fills, of this very file and of made-up ones.
 *
 * A made-up process: the program, libraries, an allocator and libc, in the order of the loader's search. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "target/internal.h"
#include "util/elfimports.h"

enum { PROGRAM, PRELOADED, LIBRARY, LIBC, PLUGIN, FILES };
enum { MALLOC, FREE, PVALLOC, NEW };

static const uint64_t all[] = { 0x10, 0x20, 0x30, 0x40 }, no_pvalloc[] = { 0x10, 0x20, 0, 0x40 },
		      no_new[] = { 0x10, 0x20, 0x30, 0 };

struct made_up {
	struct resolve_file file[FILES];
	struct resolve_word word[16];
	size_t n_words;
	enum target_use use[FILES];
	uint32_t by[FILES];
};

/* With libc's malloc alone. */
static struct made_up process(void)
{
	struct made_up m = { 0 };

	m.file[LIBC] = (struct resolve_file){ no_new, 1 };
	return m;
}

static struct made_up process_with_preloaded(void)
{
	struct made_up m = process();

	m.file[PRELOADED] = (struct resolve_file){ all, 1 };
	return m;
}

static void word(struct made_up *m, uint32_t from, uint32_t name, uint32_t to)
{
	m->word[m->n_words++] = (struct resolve_word){ from, to, name };
}

static int decided(struct made_up *m)
{
	struct resolve_question q = { m->file, FILES, 1, m->word, m->n_words, NEW };

	return resolve_decide(&q, m->use, m->by);
}

static void the_only_malloc_is_chosen(void **state)
{
	struct made_up m = process();

	(void)state;
	assert_int_equal(decided(&m), LIBC);
	assert_int_equal(m.use[LIBC], TARGET_ONLY);
}

static void a_process_without_malloc_has_none(void **state)
{
	struct made_up m = { 0 };

	(void)state;
	assert_int_equal(decided(&m), -1);
}

static void what_the_program_calls_is_chosen_whatever_the_order_and_the_others(void **state)
{
	struct made_up m = process_with_preloaded();

	(void)state;
	word(&m, LIBRARY, MALLOC, PRELOADED);
	word(&m, LIBRARY, FREE, PRELOADED);
	word(&m, PROGRAM, MALLOC, LIBC);
	assert_int_equal(decided(&m), LIBC);
	assert_int_equal(m.use[LIBC], TARGET_CALLED);
	assert_int_equal(m.by[LIBC], PROGRAM);
	assert_int_equal(m.use[PRELOADED], TARGET_CALLED);
	assert_int_equal(m.by[PRELOADED], LIBRARY);
}

static void before_a_call_is_resolved_the_first_in_the_loaders_order_is_chosen(void **state)
{
	struct made_up m = process_with_preloaded();

	(void)state;
	word(&m, PROGRAM, MALLOC, RESOLVE_NOT_YET);
	word(&m, PROGRAM, NEW, RESOLVE_ELSEWHERE);
	assert_int_equal(decided(&m), PRELOADED);
	assert_int_equal(m.use[PRELOADED], TARGET_ORDER);
	assert_int_equal(m.use[LIBC], TARGET_UNUSED);
}

static void a_program_without_calls_is_judged_by_its_libraries(void **state)
{
	struct made_up m = process_with_preloaded();

	(void)state;
	word(&m, LIBRARY, MALLOC, LIBC);
	word(&m, LIBC, MALLOC, LIBC);
	word(&m, PRELOADED, FREE, PRELOADED);
	word(&m, PRELOADED, MALLOC, PRELOADED);
	assert_int_equal(decided(&m), LIBC);
}

static void a_malloc_in_the_programs_file_is_its_own(void **state)
{
	struct made_up m = process();

	(void)state;
	m.file[PROGRAM] = (struct resolve_file){ all, 1 };
	word(&m, LIBC, MALLOC, PROGRAM);
	assert_int_equal(decided(&m), PROGRAM);
	assert_int_equal(m.use[PROGRAM], TARGET_OWN);
	assert_int_equal(m.use[LIBC], TARGET_UNUSED);
}

static void a_hidden_malloc_is_used_by_its_own_file_and_chosen_by_no_order(void **state)
{
	struct made_up m = process_with_preloaded();

	(void)state;
	m.file[PRELOADED].is_exported = 0;
	assert_int_equal(decided(&m), LIBC);
	assert_int_equal(m.use[LIBC], TARGET_ORDER);
	assert_int_equal(m.use[PRELOADED], TARGET_HIDDEN);
}

static void a_plugin_whose_calls_are_not_resolved_might_use_another(void **state)
{
	struct made_up m = process_with_preloaded();

	(void)state;
	word(&m, PROGRAM, MALLOC, PRELOADED);
	word(&m, PLUGIN, MALLOC, RESOLVE_NOT_YET);
	assert_int_equal(decided(&m), PRELOADED);
	assert_int_equal(m.use[LIBC], TARGET_MAYBE);
}

static void one_resolved_call_of_a_file_decides_about_its_others(void **state)
{
	struct made_up m = process_with_preloaded();

	(void)state;
	word(&m, PROGRAM, MALLOC, PRELOADED);
	word(&m, PLUGIN, FREE, PRELOADED);
	word(&m, PLUGIN, MALLOC, RESOLVE_NOT_YET);
	assert_int_equal(decided(&m), PRELOADED);
	assert_int_equal(m.use[LIBC], TARGET_UNUSED);
}

static void but_not_about_a_function_that_the_used_one_has_not(void **state)
{
	struct made_up m = process_with_preloaded();

	(void)state;
	m.file[PRELOADED].function = no_pvalloc;
	word(&m, PROGRAM, MALLOC, PRELOADED);
	word(&m, PLUGIN, FREE, PRELOADED);
	word(&m, PLUGIN, PVALLOC, RESOLVE_NOT_YET);
	decided(&m);
	assert_int_equal(m.use[LIBC], TARGET_MAYBE);

	/* the program's own calls are searched for in all files in turn */
	m.n_words = 1;
	word(&m, PROGRAM, PVALLOC, RESOLVE_NOT_YET);
	decided(&m);
	assert_int_equal(m.use[LIBC], TARGET_MAYBE);
	m.word[1].name = FREE;
	decided(&m);
	assert_int_equal(m.use[LIBC], TARGET_UNUSED);
}

static void what_an_allocator_calls_itself_makes_nobody_use_it(void **state)
{
	struct made_up m = process_with_preloaded();

	(void)state;
	word(&m, PROGRAM, MALLOC, LIBC);
	word(&m, PRELOADED, FREE, RESOLVE_NOT_YET);
	word(&m, PRELOADED, NEW, PRELOADED);
	assert_int_equal(decided(&m), LIBC);
	assert_int_equal(m.use[PRELOADED], TARGET_UNUSED);
	word(&m, PRELOADED, MALLOC, PRELOADED);
	assert_int_equal(decided(&m), LIBC);
	assert_int_equal(m.use[PRELOADED], TARGET_CALLED);
}

static void operators_alone_make_no_malloc_the_programs(void **state)
{
	struct made_up m = process_with_preloaded();

	(void)state;
	word(&m, PROGRAM, NEW, PRELOADED);
	word(&m, PROGRAM, MALLOC, LIBC);
	assert_int_equal(decided(&m), LIBC);
	assert_int_equal(m.use[PRELOADED], TARGET_CALLED);
}

/* ---- words of files ---- */

static const char *const names[] = { "malloc", "dlinfo", "no_such_function", "__cxa_finalize" };

static int read_file(const char *path, struct elfimport **out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), n;

	assert_true(fd >= 0);
	n = elfimports_read(fd, names, sizeof(names) / sizeof(names[0]), out);
	close(fd);
	return n;
}

static void the_words_of_this_file_hold_what_the_loader_has_found(void **state)
{
	void *libc = dlopen("libc.so.6", RTLD_LAZY);
	struct elfimport *import;
	struct link_map *map;
	int n = read_file("/proc/self/exe", &import), found = 0;

	(void)state;
	assert_int_equal(dlinfo(dlopen(NULL, RTLD_LAZY), RTLD_DI_LINKMAP, &map), 0);
	for (int i = 0; i < n; i++) {
		assert_int_not_equal(import[i].name, 2);
		if (import[i].name != 1)
			continue;
		found++;
		assert_ptr_equal(*(void **)(map->l_addr + import[i].vaddr), dlsym(libc, "dlinfo"));
	}
	assert_int_equal(found, 1);
	free(import);
}

/* put - a copy of this file with one number changed. */
static int damaged(uint64_t offset, const void *bytes, size_t n)
{
	char path[] = "/tmp/test_resolve.XXXXXX", buf[65536];
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), to = mkstemp(path);
	ssize_t len;

	assert_true(from >= 0 && to >= 0);
	unlink(path);
	while ((len = read(from, buf, sizeof(buf))) > 0)
		assert_int_equal(write(to, buf, len), len);
	close(from);
	assert_int_equal(pwrite(to, bytes, n, (off_t)offset), (ssize_t)n);
	return to;
}

/* section - the offset of the header of the first section of that type, and a copy of it. */
static uint64_t section(uint32_t type, Elf64_Shdr *sh)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	uint64_t at = 0;
	Elf64_Ehdr eh;

	assert_int_equal(pread(fd, &eh, sizeof(eh), 0), sizeof(eh));
	for (unsigned i = 0; i < eh.e_shnum && !at; i++) {
		uint64_t here = eh.e_shoff + i * sizeof(*sh);

		assert_int_equal(pread(fd, sh, sizeof(*sh), (off_t)here), sizeof(*sh));
		if (sh->sh_type == type)
			at = here;
	}
	close(fd);
	assert_true(at);
	return at;
}

static int words_of(int fd)
{
	struct elfimport *import;
	int n = elfimports_read(fd, names, sizeof(names) / sizeof(names[0]), &import);

	close(fd);
	for (int i = 0; i < n; i++)
		assert_true(import[i].name < sizeof(names) / sizeof(names[0]));
	free(import);
	return n;
}

static void tables_that_claim_too_much_or_nothing_give_no_words(void **state)
{
	const uint64_t sizes[] = { 0, 1, UINT64_MAX, 1ULL << 40, 100 << 20 };
	Elf64_Shdr sh;
	uint64_t at = section(SHT_DYNSYM, &sh);

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		assert_true(words_of(damaged(at + offsetof(Elf64_Shdr, sh_size), &sizes[i], 8)) <= 0);
	for (uint32_t link = 0; link < 2; link++)
		assert_true(words_of(damaged(at + offsetof(Elf64_Shdr, sh_link), &link, 4)) <= 0);
	sh.sh_link = UINT32_MAX;
	assert_true(words_of(damaged(at + offsetof(Elf64_Shdr, sh_link), &sh.sh_link, 4)) <= 0);
}

static void relocations_of_symbols_that_are_not_there_give_no_words(void **state)
{
	Elf64_Shdr sh;
	Elf64_Rela r[3] = { { 8, ELF64_R_INFO(UINT32_MAX, R_X86_64_JUMP_SLOT), 0 },
		{ 8, ELF64_R_INFO(0, R_X86_64_GLOB_DAT), 0 }, { 8, ELF64_R_INFO(1 << 20, R_X86_64_64), 0 } };
	int before = words_of(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));

	(void)state;
	section(SHT_RELA, &sh);
	assert_int_equal(words_of(damaged(sh.sh_offset, r, sizeof(r))), before);
	assert_true(before > 0);
}

static void what_is_no_file_of_ours_has_no_words(void **state)
{
	struct elfimport *import = (void *)1;

	(void)state;
	assert_int_equal(elfimports_read(-1, names, 1, &import), -ENOEXEC);
	assert_null(import);
	assert_int_equal(words_of(damaged(0, "none", 4)), -ENOEXEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_only_malloc_is_chosen),
		cmocka_unit_test(a_process_without_malloc_has_none),
		cmocka_unit_test(what_the_program_calls_is_chosen_whatever_the_order_and_the_others),
		cmocka_unit_test(before_a_call_is_resolved_the_first_in_the_loaders_order_is_chosen),
		cmocka_unit_test(a_program_without_calls_is_judged_by_its_libraries),
		cmocka_unit_test(a_malloc_in_the_programs_file_is_its_own),
		cmocka_unit_test(a_hidden_malloc_is_used_by_its_own_file_and_chosen_by_no_order),
		cmocka_unit_test(a_plugin_whose_calls_are_not_resolved_might_use_another),
		cmocka_unit_test(one_resolved_call_of_a_file_decides_about_its_others),
		cmocka_unit_test(but_not_about_a_function_that_the_used_one_has_not),
		cmocka_unit_test(what_an_allocator_calls_itself_makes_nobody_use_it),
		cmocka_unit_test(operators_alone_make_no_malloc_the_programs),
		cmocka_unit_test(the_words_of_this_file_hold_what_the_loader_has_found),
		cmocka_unit_test(tables_that_claim_too_much_or_nothing_give_no_words),
		cmocka_unit_test(relocations_of_symbols_that_are_not_there_give_no_words),
		cmocka_unit_test(what_is_no_file_of_ours_has_no_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
