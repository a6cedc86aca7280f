/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/test_symbol.c - names for addresses of this very process. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "symbol/symbol.h"

static struct target *t;
static struct target_process *self;
static struct symbol *names;

__attribute__((noinline)) uint64_t where_i_return(void)
{
	return (uint64_t)(uintptr_t)__builtin_return_address(0);
}

/* A method as C++ would name it. */
void a_method(void) __asm__("_ZN3app5Cache5storeEiPKc");
void a_method(void)
{
}

/* A call that ends its function: the return address belongs to whatever follows. */
__attribute__((noinline, noreturn)) void ends_with_a_call(void)
{
	abort();
}

static int open_names(void **state)
{
	(void)state;
	assert_int_equal(target_open(&t), 0);
	assert_int_equal(target_add(t, getpid(), &self), 0);
	assert_int_equal(symbol_open(&names), 0);
	symbol_begin(names, 15000000000ULL, UINT64_MAX);
	return 0;
}

static int close_names(void **state)
{
	(void)state;
	symbol_close(names);
	target_close(t);
	return 0;
}

static void a_return_address_is_named_by_its_caller(void **state)
{
	struct symbol_frame f[SYMBOL_MAX_FRAMES];
	const int where_i_stand = __LINE__ + 1;
	uint64_t addr = where_i_return();

	(void)state;
	for (int again = 0; again < 2; again++) { /* the second time from the cache */
		assert_int_equal(symbol_resolve(names, self, addr, 0, 1, f), 1);
		assert_int_equal(f->kind, SYMBOL_FUNCTION);
		assert_string_equal(f->function, "a_return_address_is_named_by_its_caller");
		assert_string_equal(f->module, "test_symbol");
		assert_true(f->function_offset > 0 && f->function_offset < 500);
		assert_true(f->executable);
		assert_non_null(strstr(f->file, "test_symbol.c"));
		assert_int_equal(f->line, where_i_stand);
	}
}

static void without_time_for_debug_information_the_files_own_symbols_do(void **state)
{
	struct symbol_frame f[SYMBOL_MAX_FRAMES];
	uint64_t addr = where_i_return();

	(void)state;
	symbol_begin(names, 0, UINT64_MAX);
	assert_int_equal(symbol_resolve(names, self, addr, 0, 1, f), 1);
	assert_string_equal(f->function, "without_time_for_debug_information_the_files_own_symbols_do");
	assert_null(f->file);
	symbol_begin(names, 15000000000ULL, UINT64_MAX);
	assert_int_equal(symbol_resolve(names, self, addr, 0, 1, f), 1);
	assert_non_null(f->file);
}

static void names_of_methods_are_readable_without_debug_information_too(void **state)
{
	struct symbol_frame f[SYMBOL_MAX_FRAMES];

	(void)state;
	symbol_begin(names, 0, UINT64_MAX);
	for (int again = 0; again < 2; again++) {
		assert_int_equal(symbol_resolve(names, self, (uintptr_t)a_method, 0, 0, f), 1);
		assert_string_equal(f->function, "app::Cache::store");
		assert_null(f->file);
	}
	symbol_begin(names, 15000000000ULL, UINT64_MAX);
}

static void a_return_address_past_the_end_belongs_to_the_call_before(void **state)
{
	struct symbol_frame ip[SYMBOL_MAX_FRAMES], ret[SYMBOL_MAX_FRAMES];
	struct elffile_symbol sym;
	const struct target_map *m = target_map_at(self, (uintptr_t)ends_with_a_call, 0);
	uint64_t end;

	(void)state;
	assert_int_equal(elffile_find(m->module->elf, "ends_with_a_call", &sym), 0);
	end = (uintptr_t)ends_with_a_call + sym.size_bytes;
	symbol_resolve(names, self, end, 0, 1, ret);
	assert_string_equal(ret->function, "ends_with_a_call");
	assert_int_equal(ret->function_offset, sym.size_bytes);
	symbol_resolve(names, self, end, 0, 0, ip);
	assert_true(!ip->function || strcmp(ip->function, "ends_with_a_call") != 0);
}

static void memory_without_a_file_is_named_by_its_region(void **state)
{
	struct symbol_frame f[SYMBOL_MAX_FRAMES];
	int local;

	(void)state;
	symbol_resolve(names, self, (uintptr_t)&local, 0, 0, f);
	assert_int_equal(f->kind, SYMBOL_REGION);
	assert_string_equal(f->module, "[stack]");
	assert_false(f->executable);
	symbol_resolve(names, self, 16, 0, 0, f);
	assert_int_equal(f->kind, SYMBOL_NOTHING);
	assert_string_equal(f->module, "");
}

static void a_php_frame_is_named_as_php_names_it(void **state)
{
	struct model_php_frame p = { .class_name = "A\\B", .function = "run", .file = "/x.php", .line = 7 };
	struct symbol_frame f, again;

	(void)state;
	symbol_php(names, &p, &f);
	assert_int_equal(f.kind, SYMBOL_PHP);
	assert_string_equal(f.function, "A\\B::run");
	assert_string_equal(f.file, "/x.php");
	assert_int_equal(f.line, 7);
	symbol_php(names, &p, &again);
	assert_ptr_equal(f.function, again.function);
	p.class_name = NULL;
	symbol_php(names, &p, &f);
	assert_string_equal(f.function, "run");
	p.function = "";
	symbol_php(names, &p, &f);
	assert_string_equal(f.function, "{include}");
	p.is_main = 1;
	symbol_php(names, &p, &f);
	assert_string_equal(f.function, "{main}");
	p.is_eval = 1;
	symbol_php(names, &p, &f);
	assert_string_equal(f.function, "eval()");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_return_address_is_named_by_its_caller),
		cmocka_unit_test(without_time_for_debug_information_the_files_own_symbols_do),
		cmocka_unit_test(names_of_methods_are_readable_without_debug_information_too),
		cmocka_unit_test(a_return_address_past_the_end_belongs_to_the_call_before),
		cmocka_unit_test(memory_without_a_file_is_named_by_its_region),
		cmocka_unit_test(a_php_frame_is_named_as_php_names_it),
	};

	return cmocka_run_group_tests(tests, open_names, close_names);
}
