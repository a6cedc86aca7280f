/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nolibc.c - a program without any allocator: static, without libc. Says ready and waits. */

static long call3(long n, long a, long b, long c)
{
	long result;

	__asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	return result;
}

void _start(void)
{
	char byte;

	call3(1, 1, (long)"ready\n", 6); /* write */
	call3(0, 0, (long)&byte, 1);	 /* read: until stdin is closed */
	call3(231, 0, 0, 0);		 /* exit_group */
}
