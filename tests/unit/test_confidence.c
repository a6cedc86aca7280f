/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/test_confidence.c - how sure is it that what is called a leak is one? By simulated programs, all of them clean, each with
 * another size, rate and lifetime of its blocks: of how many is a leak named? */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "simulated.h"

#define WATCHED_S 60.0
#define STEPS_S	  50.0 /* steps of simulated.h in a second */
#define MUCH	  1e7  /* bytes a second: a leak beside, in whose growth any other goes unnoticed */

/* The program at hand. */
static double per_step;	  /* blocks that each step makes, at the mean */
static double lifetime_s; /* as each kind takes it */
static double most_bytes;

static double between(double low, double high)
{
	return low * exp(dice() * log(high / low));
}

/* make - the blocks of a step. */
static void make(double lifetime)
{
	double n = per_step;

	for (; n > 0; n--)
		if (n >= 1 || dice() < n)
			allocate(lifetime, 1 + (uint32_t)(dice() * most_bytes));
}

static void expires(int i)
{
	(void)i;
	make(lifetime_s);
}

static void expires_at_random(int i)
{
	(void)i;
	make(-lifetime_s * log(1 - dice()));
}

static void some_stay_for_long(int i)
{
	(void)i;
	make(dice() < 0.9 ? 0.05 : lifetime_s);
}

/* Everything is freed at once, now and then. */
static void is_flushed(int i)
{
	(void)i;
	if (dice() < 1 / (lifetime_s * STEPS_S))
		release_all();
	make(INFINITY);
}

static void is_flushed_by_the_clock(int i)
{
	if (i % (int)(lifetime_s * STEPS_S + 1) == 0)
		release_all();
	make(INFINITY);
}

/* Ever more rarely: after that time one of a thousand is left to be made. */
static void warms_up(int i)
{
	if (dice() < exp(-i / STEPS_S / lifetime_s * 7))
		make(INFINITY);
}

/* A cache that is full after its time, and then has one freed for each that is made, whichever it is. */
static void is_replaced_at_random(int i)
{
	size_t most = (size_t)(per_step * STEPS_S * lifetime_s / 4) + 1, n = 0;

	(void)i;
	make(INFINITY);
	for (size_t k = n_first; k < n_blocks; k++)
		n += !blocks[k].is_dead;
	while (n > most) {
		size_t k = n_first + (size_t)(dice() * (double)(n_blocks - n_first));

		if (blocks[k].is_dead)
			continue;
		release(&blocks[k]);
		n--;
	}
}

static void (*const kinds[])(int) = { expires, expires_at_random, some_stay_for_long, is_flushed,
	is_flushed_by_the_clock, warms_up, is_replaced_at_random };

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void leaks(int i)
{
	(void)i;
	make(INFINITY);
}

/* accused - of so many programs of a kind, of which nothing lives for longer than a share of the time, how many are called a leak
 * by the last report?  @beside  bytes a second that others of the same layer leak */
static int accused(void (*kind)(int), int n_programs, double share, double beside)
{
	int n = 0;

	for (int k = 0; k < n_programs; k++) {
		begin_anew();
		per_step = between(0.01, 1);
		lifetime_s = between(0.2, WATCHED_S * share);
		most_bytes = between(16, 4000);
		beside_per_s = beside;
		n += run(WATCHED_S, kind)->verdict == LEAK_YES;
	}
	begin_anew();
	return n;
}

static void what_lives_for_a_quarter_of_the_time_at_most_is_called_a_leak_in_1_of_100_at_most(void **state)
{
	(void)state;
	/* It is one or two of 1,000 of the worst kinds, so that six of 250 would be more than chance. */
	for (int i = 0; i < 2; i++) {
		int all = 0;

		for (size_t k = 0; k < KINDS; k++) {
			int n = accused(kinds[k], 250, 0.25, i ? MUCH : 0);

			assert_in_range(n, 0, 5);
			all += n;
		}
		assert_in_range(all, 0, 8);
	}
}

static void what_lives_for_half_of_the_time_is_called_a_leak_more_often(void **state)
{
	(void)state;
	/* 1 or 2 of 100 of the worst kinds, and up to 8 of 150 by chance: docs/verdicts.md tells of it. */
	for (size_t k = 0; k < KINDS; k++)
		assert_in_range(accused(kinds[k], 150, 0.5, 0), 0, 8);
}

static void what_leaks_is_called_a_leak(void **state)
{
	(void)state;
	assert_in_range(accused(leaks, 300, 0.25, 0), 297, 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(
			what_lives_for_a_quarter_of_the_time_at_most_is_called_a_leak_in_1_of_100_at_most, take_down),
		cmocka_unit_test_teardown(what_lives_for_half_of_the_time_is_called_a_leak_more_often, take_down),
		cmocka_unit_test_teardown(what_leaks_is_called_a_leak, take_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
