// SPDX-License-Identifier: GPL-2.0-or-later
/* view/rescue.c - what a handler does is made ready beforehand: it only writes bytes, and sets the terminal's modes. */
#define NCURSES_NOMACROS 1
#include <curses.h>
#include <signal.h>
#include <string.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

#include "view/rescue.h"

#define STACK_BYTES 65536 /* SIGSTKSZ is no constant any more */
#define CANCEL	    0x18  /* ends a control sequence (ECMA-48, CAN) */

static struct termios modes;
static int has_modes;
static char sequence[256];
static size_t n_bytes;
static volatile sig_atomic_t is_ours;
static char stack[STACK_BYTES]; /* the program's own may be what has overflowed */

static const int killers[] = { SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSYS, SIGTRAP, SIGQUIT, SIGUSR1, SIGUSR2,
	SIGALRM, SIGXCPU, SIGXFSZ };
#define N_KILLERS (sizeof(killers) / sizeof(killers[0]))
static struct sigaction before[N_KILLERS];

static void on_killer(int sig)
{
	size_t at = 0;
	ssize_t n = 1;

	while (is_ours && at < n_bytes && n > 0) {
		n = write(STDOUT_FILENO, sequence + at, n_bytes - at);
		at += n > 0 ? (size_t)n : 0;
	}
	if (is_ours && has_modes)
		tcsetattr(STDIN_FILENO, TCSANOW, &modes);
	is_ours = 0;
	/* SA_RESETHAND: it kills now. */
	raise(sig);
}

static int keep(int c)
{
	if (n_bytes < sizeof(sequence))
		sequence[n_bytes++] = (char)c;
	return c;
}

static void keep_capability(const char *name)
{
	char *s = tigetstr(name);

	if (s && s != (char *)-1)
		tputs(s, 1, keep);
}

void rescue_prepare(void)
{
	has_modes = !tcgetattr(STDIN_FILENO, &modes);
}

void rescue_begin(void)
{
	struct sigaction act = { .sa_handler = on_killer, .sa_flags = SA_RESETHAND | SA_NODEFER | SA_ONSTACK };
	stack_t own = { .ss_sp = stack, .ss_size = sizeof(stack) };

	if (is_ours)
		return;
	n_bytes = 0;
	/* Plain characters, the keypad as it was, the cursor seen, the screen as it was before. */
	keep_capability("sgr0");
	keep_capability("rmkx");
	keep_capability("cnorm");
	keep_capability("rmcup");
	sigaltstack(&own, NULL);
	for (size_t i = 0; i < N_KILLERS; i++) {
		sigaction(killers[i], NULL, &before[i]);
		if (before[i].sa_handler != SIG_IGN)
			sigaction(killers[i], &act, NULL);
	}
	is_ours = 1;
}

void rescue_without(FILE *later)
{
	if (has_modes)
		tcsetattr(STDIN_FILENO, TCSANOW, &modes);
	if (later) {
		/* What it took last may have been the begin of a sequence. */
		fputc(CANCEL, later);
		fwrite(sequence, 1, n_bytes, later);
	}
	rescue_end();
}

void rescue_end(void)
{
	if (!is_ours)
		return;
	is_ours = 0;
	for (size_t i = 0; i < N_KILLERS; i++)
		sigaction(killers[i], &before[i], NULL);
}
