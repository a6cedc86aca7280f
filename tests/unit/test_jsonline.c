/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_jsonline.c - promises of util/jsonline.h: a line of printable ASCII that says what the value is, or why there is none. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "util/jsonline.h"

#define ANY "\x7f\x1b[2J\n\x7f\x7f\xc2\x9b\"\xe2\x80\xae\x7f"

static void any_text_is_printable_ascii_and_the_same_when_it_is_read(void **state)
{
	json_t *o = json_pack("{s:s,s:[s]}", ANY, "plain", "list", ANY), *again;
	struct strbuf b = { 0 };
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	assert_non_null(f);
	jsonline_add(&b, o);
	assert_false(b.failed);
	assert_int_equal(jsonline_write(f, o), 0);
	fclose(f);
	assert_string_equal(b.data, text);
	assert_int_equal(text[len - 1], '\n');
	for (size_t i = 0; i + 1 < len; i++)
		assert_true(text[i] >= 0x20 && text[i] < 0x7f);
	again = json_loads(text, 0, NULL);
	assert_true(json_equal(o, again));
	json_decref(o);
	json_decref(again);
	strbuf_free(&b);
	free(text);
}

static void what_cannot_be_written_is_told(void **state)
{
	json_t *o = json_pack("{s:s}", "name", ANY);
	FILE *f = fopen("/dev/full", "w");
	struct strbuf b = { 0 };

	(void)state;
	assert_non_null(f);
	setvbuf(f, NULL, _IONBF, 0);
	assert_int_equal(jsonline_write(f, o), -ENOSPC);
	assert_int_equal(jsonline_write(f, NULL), -ENOMEM);
	jsonline_add(&b, NULL);
	assert_true(b.failed);
	json_decref(o);
	strbuf_free(&b);
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_text_is_printable_ascii_and_the_same_when_it_is_read),
		cmocka_unit_test(what_cannot_be_written_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
