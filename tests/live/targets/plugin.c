// SPDX-License-Identifier: GPL-2.0-or-later
/* plugin.c - a library of some thousand functions (and so some ten thousand unwind rows), one of which allocates. */
#include <stdlib.h>

#define F1(n)                                                           \
	int f##n(int a, int b, int c, int (*g)(int, int, int, int));    \
	int f##n(int a, int b, int c, int (*g)(int, int, int, int))     \
	{                                                               \
		int r = 0;                                              \
                                                                        \
		for (int i = 0; i < c; i++)                             \
			r += g(a * i, b - i, c, r) + g(b, c, a, i) * n; \
		return r;                                               \
	}
#define F10(n)	F1(n##0) F1(n##1) F1(n##2) F1(n##3) F1(n##4) F1(n##5) F1(n##6) F1(n##7) F1(n##8) F1(n##9)
#define F100(n) F10(n##0) F10(n##1) F10(n##2) F10(n##3) F10(n##4) F10(n##5) F10(n##6) F10(n##7) F10(n##8) F10(n##9)
#define F1000(n) \
	F100(n##0) F100(n##1) F100(n##2) F100(n##3) F100(n##4) F100(n##5) F100(n##6) F100(n##7) F100(n##8) F100(n##9)

F1000(1)
F1000(2)

void *plugin_alloc(size_t n);
void *plugin_alloc(size_t n)
{
	void *p = malloc(n);

	__asm__ volatile("" : : "r"(p) : "memory");
	return p;
}

/* plugin_through - allocates by a function that it is given: it refers to nothing else, so it runs wherever it is mapped. */
void *plugin_through(void *(*alloc)(size_t), size_t n);
void *plugin_through(void *(*alloc)(size_t), size_t n)
{
	void *p = alloc(n);

	__asm__ volatile("" : : "r"(p) : "memory");
	return p;
}
