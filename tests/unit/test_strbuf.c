/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_strbuf.c - promises of util/strbuf.h and of util/msg.h, which is built on it.
 *
 * In: hostile text. Out: exact bytes. Messages are read back from a pipe that stands in for stderr. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "util/msg.h"
#include "util/strbuf.h"

static void assert_safe(const char *text, const char *also, const char *expected)
{
	struct strbuf b = { 0 };

	strbuf_add_safe(&b, text, also);
	assert_int_equal(b.failed, 0);
	assert_string_equal(b.data ? b.data : "", expected);
	strbuf_free(&b);
}

static void assert_utf8(const char *text, const char *expected)
{
	struct strbuf b = { 0 };

	strbuf_add_utf8(&b, text);
	assert_int_equal(b.failed, 0);
	assert_string_equal(b.data ? b.data : "", expected);
	strbuf_free(&b);
}

static void a_zeroed_buffer_is_empty_and_can_be_freed(void **state)
{
	(void)state;
	/* GIVEN */
	struct strbuf b = { 0 };

	/* WHEN */
	strbuf_free(&b);
	/* THEN */
	assert_null(b.data);
	assert_int_equal(b.len, 0);
}

static void additions_follow_each_other_however_long_they_are(void **state)
{
	(void)state;
	/* GIVEN a text longer than any first allocation */
	char expected[10001] = "";
	struct strbuf b = { 0 };

	memset(expected, 'x', 10000);
	/* WHEN it is added piece by piece, by all three ways */
	for (int i = 0; i < 2000; i++) {
		strbuf_add(&b, "xx");
		strbuf_add_bytes(&b, "xyz", 1);
		strbuf_addf(&b, "%c%s", 'x', "x");
	}
	/* THEN nothing is lost and the end is marked */
	assert_int_equal(b.len, 10000);
	assert_string_equal(b.data, expected);
	strbuf_free(&b);
}

static void a_buffer_that_failed_takes_nothing_more(void **state)
{
	(void)state;
	/* GIVEN a buffer that ran out of memory once */
	struct strbuf b = { 0 };

	strbuf_add(&b, "whole");
	b.failed = 1;
	/* WHEN */
	strbuf_add(&b, "lost");
	strbuf_addf(&b, "%d", 1);
	strbuf_add_safe(&b, "\033", "");
	strbuf_add_utf8(&b, "\xff");
	/* THEN */
	assert_string_equal(b.data, "whole");
	strbuf_free(&b);
}

static void a_terminal_only_shows_safe_text(void **state)
{
	(void)state;
	/* GIVEN terminal escapes, WHEN made safe, THEN they are visible: C0, DEL, C1 */
	assert_safe("\033]0;title\007\033[2J", "", "\\x1b]0;title\\x07\\x1b[2J");
	assert_safe("a\nb\tc\rd", "", "a\\x0ab\\x09c\\x0dd");
	assert_safe("\x7f", "", "\\x7f");
	assert_safe("\xc2\x9b"
		    "2J",
		"", "\\xc2\\x9b2J");
}

static void what_cannot_be_seen_but_changes_what_is_is_shown_as_bytes(void **state)
{
	/* The first and the last of each kind, and what stands beside them and can be seen. */
	static const struct {
		const char *hidden, *shown;
	} one[] = {
		{ "\xe2\x80\xa8", "\\xe2\\x80\\xa8" },		/* line separator */
		{ "\xe2\x80\xa9", "\\xe2\\x80\\xa9" },		/* paragraph separator */
		{ "\xe2\x80\xaa", "\\xe2\\x80\\xaa" },		/* left-to-right embedding */
		{ "\xe2\x80\xae", "\\xe2\\x80\\xae" },		/* right-to-left override */
		{ "\xe2\x81\xa6", "\\xe2\\x81\\xa6" },		/* left-to-right isolate */
		{ "\xe2\x81\xa9", "\\xe2\\x81\\xa9" },		/* pop directional isolate */
		{ "\xd8\x9c", "\\xd8\\x9c" },			/* Arabic letter mark */
		{ "\xe2\x80\x8b", "\\xe2\\x80\\x8b" },		/* zero width space */
		{ "\xe2\x80\x8d", "\\xe2\\x80\\x8d" },		/* zero width joiner */
		{ "\xe2\x80\x8e", "\\xe2\\x80\\x8e" },		/* left-to-right mark */
		{ "\xe2\x80\x8f", "\\xe2\\x80\\x8f" },		/* right-to-left mark */
		{ "\xe2\x81\xa0", "\\xe2\\x81\\xa0" },		/* word joiner */
		{ "\xef\xbb\xbf", "\\xef\\xbb\\xbf" },		/* byte order mark */
		{ "\xef\xbf\xb9", "\\xef\\xbf\\xb9" },		/* interlinear annotation */
		{ "\xef\xb8\x8f", "\\xef\\xb8\\x8f" },		/* variation selector */
		{ "\xc2\xad", "\\xc2\\xad" },			/* soft hyphen */
		{ "\xe3\x85\xa4", "\\xe3\\x85\\xa4" },		/* Hangul filler */
		{ "\xf3\xa0\x80\x81", "\\xf3\\xa0\\x80\\x81" }, /* language tag */
		{ "\xf3\xa0\x81\xbf", "\\xf3\\xa0\\x81\\xbf" }, /* cancel tag */
		{ "\xe2\x80\xa7", NULL },			/* hyphenation point */
		{ "\xe2\x80\xb0", NULL },			/* per mille */
		{ "\xe2\x80\x90", NULL },			/* hyphen */
		{ "\xef\xbf\xbd", NULL },			/* replacement character */
		{ "\xd7\x90\xd8\xa8", NULL },			/* letters that are written from right to left */
		{ "a\xcc\x81", NULL },				/* an accent */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(one) / sizeof(one[0]); i++) {
		const char *shown = one[i].shown ? one[i].shown : one[i].hidden;
		char text[32], expected[64];

		/* GIVEN it within a name, WHEN made safe, THEN its bytes are seen */
		snprintf(text, sizeof(text), "php%sexe", one[i].hidden);
		snprintf(expected, sizeof(expected), "php%sexe", shown);
		assert_safe(text, "", expected);
		assert_int_equal(strbuf_unsafe(one[i].hidden), one[i].shown ? strlen(one[i].hidden) : 0);
	}
}

static void what_is_not_utf8_is_shown_as_bytes(void **state)
{
	(void)state;
	/* GIVEN stray, cut, overlong, surrogate and too large forms, WHEN made safe, THEN bytes are seen */
	assert_safe("\x80", "", "\\x80");
	assert_safe("\x9b", "", "\\x9b");
	assert_safe("a\xe2\x82", "", "a\\xe2\\x82");
	assert_safe("\xc0\xaf", "", "\\xc0\\xaf");
	assert_safe("\xe0\x80\x8a", "", "\\xe0\\x80\\x8a");
	assert_safe("\xed\xa0\x80", "", "\\xed\\xa0\\x80");
	assert_safe("\xf4\x90\x80\x80", "", "\\xf4\\x90\\x80\\x80");
}

static void valid_text_stays_as_it_is(void **state)
{
	(void)state;
	/* GIVEN text of 1, 2, 3 and 4 byte characters, WHEN made safe, THEN nothing changes */
	assert_safe("", "", "");
	assert_safe("zend \"x\" \\ ; %s", "", "zend \"x\" \\ ; %s");
	assert_safe("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x98", "", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x98");
	assert_safe("\xc2\xa0", "", "\xc2\xa0");
}

static void characters_named_by_the_caller_are_hidden_too(void **state)
{
	(void)state;
	/* GIVEN, WHEN, THEN */
	assert_safe("a;b c", "; ", "a\\x3bb\\x20c");
}

static void each_bad_byte_becomes_one_replacement_character(void **state)
{
	(void)state;
	/* GIVEN bytes that are not UTF-8, WHEN added as UTF-8, THEN each is U+FFFD and the rest stays */
	assert_utf8("a\xff\xfe"
		    "b",
		"a\xef\xbf\xbd\xef\xbf\xbd"
		"b");
	assert_utf8("\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd");
	assert_utf8("\033\n\xc3\xa9", "\033\n\xc3\xa9");
}

/* assert_says - run say() and compare what it wrote to stderr. */
static void assert_says(void (*say)(void), const char *expected)
{
	int saved = dup(STDERR_FILENO), ends[2];
	char text[512] = "";

	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	say();
	dup2(saved, STDERR_FILENO);
	close(saved);
	assert_true(read(ends[0], text, sizeof(text) - 1) >= 0);
	close(ends[0]);
	assert_string_equal(text, expected);
}

static void say_hostile_error(void)
{
	msg_error("%s: cannot read: %s", "\033[31mphp\n", "Permission denied");
}

static void say_what_to_try(void)
{
	msg_try("run as %s", "root");
}

static void say_debug(void)
{
	msg_debug("detail %d", 7);
}

static void messages_are_one_safe_line(void **state)
{
	(void)state;
	/* GIVEN a name with escapes, WHEN told, THEN it is one line and harmless */
	assert_says(say_hostile_error, "swtrace: \\x1b[31mphp\\x0a: cannot read: Permission denied\n");
	assert_says(say_what_to_try, "  try: run as root\n");
}

static void details_are_told_only_when_asked_for(void **state)
{
	(void)state;
	/* GIVEN no -v, THEN silence */
	assert_says(say_debug, "");
	/* WHEN -v */
	msg_set_verbose(1);
	/* THEN */
	assert_says(say_debug, "swtrace: debug: detail 7\n");
	msg_set_verbose(0);
}

static void a_message_nobody_reads_does_no_harm(void **state)
{
	int saved = dup(STDERR_FILENO), ends[2];

	(void)state;
	/* GIVEN a stderr whose reader is gone */
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	/* WHEN */
	msg_note("nobody hears this");
	dup2(saved, STDERR_FILENO);
	close(saved);
	/* THEN the next one is told as usual */
	assert_says(say_what_to_try, "  try: run as root\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_zeroed_buffer_is_empty_and_can_be_freed),
		cmocka_unit_test(additions_follow_each_other_however_long_they_are),
		cmocka_unit_test(a_buffer_that_failed_takes_nothing_more),
		cmocka_unit_test(a_terminal_only_shows_safe_text),
		cmocka_unit_test(what_cannot_be_seen_but_changes_what_is_is_shown_as_bytes),
		cmocka_unit_test(what_is_not_utf8_is_shown_as_bytes),
		cmocka_unit_test(valid_text_stays_as_it_is),
		cmocka_unit_test(characters_named_by_the_caller_are_hidden_too),
		cmocka_unit_test(each_bad_byte_becomes_one_replacement_character),
		cmocka_unit_test(messages_are_one_safe_line),
		cmocka_unit_test(details_are_told_only_when_asked_for),
		cmocka_unit_test(a_message_nobody_reads_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
