/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/dice.h - chance that is the same in every run. */
#ifndef UNIT_DICE_H
#define UNIT_DICE_H

#include <stdint.h>

/* dice - a number from 0 to 1 (Marsaglia's xorshift). */
static inline double dice(void)
{
	static uint64_t x = 88172645463325252ULL;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (double)(x >> 11) / 9007199254740992.0;
}

#endif
