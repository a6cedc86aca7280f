/* SPDX-License-Identifier: GPL-2.0-or-later */
/* util/grow.h - lists in which an element is found by its number, and that grow as larger numbers come. */
#ifndef UTIL_GROW_H
#define UTIL_GROW_H

#include <stddef.h>

/* grow_to - make room for element number at. New elements are all zero.
 * @list  malloc'ed, or NULL with *n 0      @n  its elements, in and out      @size_bytes  of an element
 * Return: the list, which may have moved, or NULL when memory runs out: then it is as it was. */
void *grow_to(void *list, size_t *n, size_t at, size_t size_bytes);

#endif
