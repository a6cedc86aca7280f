/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_intern.c - promises of util/intern.h: equal strings have equal addresses, and no choice of strings makes it slow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "util/clock.h"
#include "util/intern.h"

static void equal_strings_have_equal_addresses(void **state)
{
	struct intern t = { 0 };
	const char *kept[1000];
	char text[16];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "text %d", i);
		kept[i] = intern_get(&t, text);
		assert_string_equal(kept[i], text);
	}
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "text %d", i);
		assert_ptr_equal(intern_get(&t, text), kept[i]);
	}
	assert_int_equal(t.n, 1000);
	intern_free(&t);
}

/* Of FNV-1a from its usual beginning, the lowest bits, which such a table would take for the place. */
#define PLACES	(1U << 20)
#define BASIS	0xcbf29ce484222325ULL
#define PRIME	0x100000001b3ULL
#define LEVELS	15
#define LETTERS 4 /* of a block */
#define BLOCKS	(26 * 26 * 26 * 26)

static void write_block(char *to, uint32_t i)
{
	for (int k = 0; k < LETTERS; k++, i /= 26)
		to[k] = (char)('a' + i % 26);
	to[LETTERS] = 0;
}

static uint64_t after(uint64_t h, const char *block)
{
	for (; *block; block++)
		h = (h ^ (unsigned char)*block) * PRIME;
	return h % PLACES;
}

/* find_pair - two blocks that lead from a place to the same one.  Return: that. */
static uint64_t find_pair(uint64_t from, char pair[2][LETTERS + 1])
{
	static uint32_t seen[PLACES]; /* by which block, plus one */

	memset(seen, 0, sizeof(seen));
	for (uint32_t i = 0; i < BLOCKS; i++) {
		uint64_t to;

		write_block(pair[1], i);
		to = after(from, pair[1]);
		if (seen[to]) {
			write_block(pair[0], seen[to] - 1);
			return to;
		}
		seen[to] = i + 1;
	}
	fail_msg("no pair");
	return 0;
}

/* 32,768 of them: each compared with all before would take half a billion looks. */
static void strings_chosen_to_have_the_same_place_do_not(void **state)
{
	uint64_t place = BASIS % PLACES, begin_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	char pair[LEVELS][2][LETTERS + 1], text[LETTERS * LEVELS + 1];
	struct intern t = { 0 };

	(void)state;
	for (int level = 0; level < LEVELS; level++)
		place = find_pair(place, pair[level]);
	for (unsigned i = 0; i < 1U << LEVELS; i++) {
		for (int level = 0; level < LEVELS; level++)
			memcpy(text + LETTERS * level, pair[level][i >> level & 1], LETTERS + 1);
		assert_int_equal(after(BASIS % PLACES, text), place);
		assert_non_null(intern_get(&t, text));
	}
	assert_int_equal(t.n, 1U << LEVELS);
	assert_true(clock_ns(CLOCK_THREAD_CPUTIME_ID) - begin_ns < 500000000);
	intern_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_strings_have_equal_addresses),
		cmocka_unit_test(strings_chosen_to_have_the_same_place_do_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
