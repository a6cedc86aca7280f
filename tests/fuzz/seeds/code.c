/* SPDX-License-Identifier: GPL-2.0-or-later */
/* seeds/code.c - what compilers make of a small program: no library, no start-up code, nothing is ever run. */
int numbers[4];
static int hidden;

int outside(int);

__attribute__((noinline)) static int sum(int n, ...)
{
	__builtin_va_list args;
	int all = 0;

	__builtin_va_start(args, n);
	while (n--)
		all += __builtin_va_arg(args, int);
	__builtin_va_end(args);
	return all;
}

int deep(int n)
{
	volatile char bytes[40000];

	bytes[n] = (char)n;
	return n ? deep(n - 1) + bytes[n] : hidden++;
}

int realigned(int n)
{
	volatile int wide[16] __attribute__((aligned(64)));
	volatile char *more = __builtin_alloca(n);

	wide[n & 15] = n;
	more[0] = 1;
	return sum(3, wide[n & 15], more[0], outside(n));
}

int _start(void)
{
	return deep(numbers[0]) + realigned(numbers[1]);
}
