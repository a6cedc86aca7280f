/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/test_requests.c - which functions begin a request, and how what is asked for is found. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "swtrace/abi.h"
#include "target/target.h"

/* Under the names that Swoole's functions have, as this program's own. */
void http(long a) __asm__("_Z23swoole_http_context_newl");
void frame(long a) __asm__("_Z26swoole_websocket_onMessageXX");
void almost(long a) __asm__("_Z24swoole_http_context_new2l");
static volatile long calls;

void http(long a)
{
	calls += a;
}
void frame(long a)
{
	calls -= a;
}
void almost(long a)
{
	calls ^= a;
}

static struct target_module self = { .path = "/srv/bin/swoole-tests", .name = "swoole-tests" };

static int open_self(void **state)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(elffile_open(&self.elf, fd), 0);
	close(fd);
	return 0;
}

static int close_self(void **state)
{
	(void)state;
	elffile_close(self.elf);
	return 0;
}

static void a_path_fits_by_its_last_names_alone(void **state)
{
	(void)state;
	assert_true(target_path_fits("/usr/lib/libapp.so", "libapp.so"));
	assert_true(target_path_fits("/usr/lib/libapp.so", "lib/libapp.so"));
	assert_true(target_path_fits("/usr/lib/libapp.so", "/usr/lib/libapp.so"));
	assert_false(target_path_fits("/usr/lib/libapp.so", "app.so"));
	assert_false(target_path_fits("/usr/lib/libapp.so", "/lib/libapp.so"));
	assert_false(target_path_fits("/usr/lib/libapp.so", "/srv/usr/lib/libapp.so"));
	assert_false(target_path_fits("/usr/lib/libapp.so", ""));
}

static const struct target_site *site_named(const struct target_site *site, size_t n, const char *function)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(site[i].function, function))
			return &site[i];
	return NULL;
}

static void swooles_functions_are_known_by_prefix_in_files_of_its_name(void **state)
{
	struct target_site site[TARGET_REQUEST_SITES];
	struct elffile_symbol sym;
	uint64_t offset;

	(void)state;
	assert_int_equal(target_request_sites(&self, NULL, 0, site), 2);
	assert_non_null(site_named(site, 2, "swoole_websocket_onMessage"));
	assert_int_equal(site_named(site, 2, "swoole_http_context_new")->cookie, SWT_REQUEST_SWOOLE);
	assert_int_equal(elffile_find(self.elf, "_Z23swoole_http_context_newl", &sym), 0);
	assert_int_equal(elffile_vaddr_to_offset(self.elf, sym.vaddr, &offset), 0);
	assert_int_equal(site_named(site, 2, "swoole_http_context_new")->offset, offset);
	/* in a file of another name they mean nothing */
	self.name = "tests";
	assert_int_equal(target_request_sites(&self, NULL, 0, site), 0);
	self.name = "swoole-tests";
}

static void what_is_asked_for_is_found_in_its_file_alone(void **state)
{
	const struct target_request asked[] = {
		{ "swoole-tests", "main" },
		{ "bin/swoole-tests", "main" }, /* the same again: counted once */
		{ "swoole-tests", "no_such_function" },
		{ "other", "main" },
		{ "swoole-tests", "_Z23swoole_http_context_newl" },
	};
	struct target_site site[TARGET_REQUEST_SITES];

	(void)state;
	assert_int_equal(target_request_in(&self, &asked[0]), 1);
	assert_int_equal(target_request_in(&self, &asked[2]), 0);
	assert_int_equal(target_request_in(&self, &asked[3]), -ENOENT);
	assert_int_equal(target_request_sites(&self, asked, 5, site), 2 + 2);
	assert_int_equal(site[2].cookie, SWT_REQUEST_ASKED);
	assert_string_equal(site[2].function, "main");
}

static void the_nearest_name_is_told(void **state)
{
	(void)state;
	assert_string_equal(target_nearest_function(&self, "target_request_site"), "target_request_sites");
	assert_string_equal(target_nearest_function(&self, "swoole_http_context_new"), "_Z23swoole_http_context_newl");
	assert_null(target_nearest_function(&self, "qzxvvkqjwzzqxpqv"));
	assert_null(target_nearest_function(&self, ""));
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_path_fits_by_its_last_names_alone),
		TEST(swooles_functions_are_known_by_prefix_in_files_of_its_name),
		TEST(what_is_asked_for_is_found_in_its_file_alone),
		TEST(the_nearest_name_is_told),
	};

	return cmocka_run_group_tests(tests, open_self, close_self);
}
