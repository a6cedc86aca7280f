/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz/fuzz.h - what the fuzz targets share.
 * In: bytes that libFuzzer makes up. Out: a file that holds them, for readers that take descriptors. A file's layout is
 * held together by offsets, so inputs are mostly changed in place: see LLVMFuzzerCustomMutator() in fuzz.c. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* fuzz_file - a file in memory with these bytes, at offset 0. An input whose byte FUZZ_HOLE_BYTE is FUZZ_HOLE gets a hole
 * of FUZZ_HOLE_BYTES behind them: files may claim sizes that only a sparse file has.
 * Return: a descriptor that stays the caller's until the next call; do not close it. */
int fuzz_file(const uint8_t *data, size_t size);

#define FUZZ_HOLE_BYTE	15 /* the last of e_ident[], padding that readers ignore */
#define FUZZ_HOLE	'h'
#define FUZZ_HOLE_BYTES (1LL << 36)

/* FUZZ_CHECK - a promise of the code under test. One that is broken ends the run as a crash does, and keeps the input. */
#define FUZZ_CHECK(promise) ((promise) ? (void)0 : fuzz_broken(__FILE__, __LINE__, #promise))
void fuzz_broken(const char *file, int line, const char *promise) __attribute__((noreturn));

/* The two entry points that libFuzzer calls. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

#endif
