/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine-main.c - the program of a made-up PHP engine that is a library. */
int engine_main(void);

int main(void)
{
	return engine_main();
}
