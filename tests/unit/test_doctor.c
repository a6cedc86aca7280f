// SPDX-License-Identifier: GPL-2.0-or-later
/* unit/test_doctor.c - which kernels are warned of, and how checks are written. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/doctor.h"

static void kernels_that_may_lack_the_repair_are_known(void **state)
{
	static const char *const bad[] = { "6.6.58-talos", "6.11.0-19-generic", "6.10.14", "6.12.5", "6.13.1" };
	static const char *const good[] = { "5.15.0-91-generic", "6.1.0-28-amd64", "6.6.30", "6.6.90",
		"6.12.48+deb13-amd64", "6.14.0", "6.18.44", "7.0.0", "", "x" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(doctor_is_bad_kernel(bad[i]), 1);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(doctor_is_bad_kernel(good[i]), 0);
}

static void kernels_whose_probes_meet_filters_are_known(void **state)
{
	static const char *const bad[] = { "6.11.0-19-generic", "6.12.9", "6.13.1" };
	static const char *const good[] = { "6.10.14", "6.12.48+deb13-amd64", "6.13.9", "6.14.0", "6.18.44",
		"6.1.0-28-amd64" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(doctor_is_bad_with_seccomp(bad[i]), 1);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(doctor_is_bad_with_seccomp(good[i]), 0);
}

static char *written(int (*write)(FILE *f, const struct output_check *c), const struct output_check *c)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	assert_int_equal(write(f, c), 0);
	fclose(f);
	return text;
}

static int as_json(FILE *f, const struct output_check *c)
{
	return output_json_check(f, 0, c);
}

static void names_of_processes_do_no_harm(void **state)
{
	struct output_check c = { .check = "allocator",
		.result = OUTPUT_WARN,
		.pid = 42,
		.comm = "a\033[31m\nb",
		.is_first = 1,
		.text = "lib\033]0;x\007\xff\"<script>.so",
		.try = "nothing" };
	char *text = written(output_text_check, &c), *json = written(as_json, &c);
	json_t *o = json_loads(json, 0, NULL);

	(void)state;
	assert_null(strchr(text, '\033'));
	assert_null(strchr(text, '\007'));
	assert_non_null(strstr(text, "  warn  lib\\x1b]0;x\\x07\\xff\"<script>.so\n        try: nothing\n"));
	assert_non_null(o);
	assert_string_equal(json_string_value(json_object_get(o, "result")), "warn");
	assert_string_equal(json_string_value(json_object_get(o, "comm")), "a\033[31m\nb");
	assert_int_equal(json_integer_value(json_object_get(o, "pid")), 42);
	json_decref(o);
	free(text);
	free(json);
}

static void what_fails_is_told_in_the_end(void **state)
{
	const unsigned n[OUTPUT_RESULTS] = { 5, 1, 2 }, fine[OUTPUT_RESULTS] = { 5, 1, 0 };
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	output_text_doctor(f, n);
	output_text_doctor(f, fine);
	output_json_doctor(f, 0, n);
	fclose(f);
	assert_non_null(strstr(text, "tracing will not work: 5 ok, 1 to be warned of, 2 failed\n"));
	assert_non_null(strstr(text, "tracing will work: 5 ok, 1 to be warned of, 0 failed\n"));
	assert_non_null(strstr(text, "\"works\":false,\"ok\":5,\"warn\":1,\"fail\":2"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kernels_that_may_lack_the_repair_are_known),
		cmocka_unit_test(kernels_whose_probes_meet_filters_are_known),
		cmocka_unit_test(names_of_processes_do_no_harm),
		cmocka_unit_test(what_fails_is_told_in_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
