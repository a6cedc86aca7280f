/* SPDX-License-Identifier: GPL-2.0-or-later */
/* work.h - the library of the oracle's targets: frames of every shape that a compiler makes. */
#ifndef WORK_H
#define WORK_H

/* Each of the libraries libwork-0.so to libwork-5.so exports these under its own names: work_0 ... work_5. */
typedef void (*work_function)(unsigned random);

/* oracle_point - does nothing; the oracle's probe is here. oracle_even and oracle_odd call each other through the PLT, depth
 * times, then the leaf. In libwork-0.so only. */
void oracle_point(void);
void oracle_even(int depth, work_function leaf, unsigned random);
void oracle_odd(int depth, work_function leaf, unsigned random);

#endif
