// SPDX-License-Identifier: GPL-2.0-or-later
/* test_nametable.c - every index that bears a name is found under it, in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "util/nametable.h"

#define N_NAMES	   5000
#define NAME_BYTES 160

static char names[N_NAMES][NAME_BYTES];

/* next_of - the first index from i on, in the table's order, that bears the name. */
static uint32_t next_of(const struct nametable *t, uint32_t i, const char *name)
{
	while (i != NAMETABLE_NONE && strcmp(names[i], name) != 0)
		i = nametable_next(t, i);
	return i;
}

static void all_that_bear_a_name_are_found_the_last_added_first(void **state)
{
	struct nametable t = { 0 };

	(void)state;
	/* Every name three times, a third of them longer than what is hashed and different at the end alone. */
	for (int i = 0; i < N_NAMES; i++)
		snprintf(names[i], NAME_BYTES, i % 3 ? "f%d" : "%0120d", i % (N_NAMES / 3));
	assert_int_equal(nametable_open(&t, N_NAMES), 0);
	for (uint32_t i = N_NAMES; i-- > 0;)
		nametable_add(&t, names[i], i);
	for (uint32_t k = 0; k < N_NAMES; k += 7) {
		uint32_t found = nametable_first(&t, names[k]);

		for (uint32_t i = 0; i < N_NAMES; i++) {
			if (strcmp(names[i], names[k]) != 0)
				continue;
			found = next_of(&t, found, names[k]);
			assert_int_equal(found, i);
			found = nametable_next(&t, found);
		}
		assert_int_equal(next_of(&t, found, names[k]), NAMETABLE_NONE);
	}
	assert_int_equal(next_of(&t, nametable_first(&t, "g1"), "g1"), NAMETABLE_NONE);
	nametable_close(&t);
}

static void an_empty_table_has_no_names(void **state)
{
	struct nametable t = { 0 };

	(void)state;
	assert_int_equal(nametable_first(&t, "malloc"), NAMETABLE_NONE);
	assert_int_equal(nametable_open(&t, 0), 0);
	assert_int_equal(nametable_first(&t, ""), NAMETABLE_NONE);
	nametable_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_bear_a_name_are_found_the_last_added_first),
		cmocka_unit_test(an_empty_table_has_no_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
