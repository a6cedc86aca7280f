// SPDX-License-Identifier: GPL-2.0-or-later
/* view/screen.c - the terminal, by ncurses, which sends only what has changed. Nothing is decided here. */
#define NCURSES_WIDECHAR 1
#define NCURSES_NOMACROS 1
#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "view/rescue.h"
#include "view/view.h"
#include "view/wire.h"

#define ESCAPE_MS 50 /* after Esc, for the rest of a key's sequence to come */

struct view_screen {
	SCREEN *screen;
	FILE *out; /* the terminal, or the wire to it */
	struct wire *wire;
	int has_colours;
	int is_left; /* given back for a while */
	int is_utf8;
};

/* Colour pairs. */
enum { PAIR_GOOD = 1, PAIR_WARN, PAIR_BAD, PAIR_SELECTED, PAIR_FLASH };

static void begin_colours(struct view_screen *s)
{
	if (!has_colors() || start_color() == ERR)
		return;
	/* The terminal's own background, where it can be kept. */
	short ground = use_default_colors() == OK ? -1 : COLOR_BLACK;

	init_pair(PAIR_GOOD, COLOR_GREEN, ground);
	init_pair(PAIR_WARN, COLOR_YELLOW, ground);
	init_pair(PAIR_BAD, COLOR_RED, ground);
	init_pair(PAIR_SELECTED, COLOR_BLACK, COLOR_CYAN);
	init_pair(PAIR_FLASH, COLOR_WHITE, COLOR_RED);
	s->has_colours = 1;
}

/* open_wire - with a descriptor for ncurses alone.  Return: 0 or -errno. */
static int open_wire(struct view_screen *s)
{
	int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0), err;

	s->out = fd < 0 ? NULL : fdopen(fd, "w");
	if (s->out)
		return wire_open(&s->wire, fd, STDOUT_FILENO);
	err = -errno;
	if (fd >= 0)
		close(fd);
	return err;
}

static void screen_free(struct view_screen *s)
{
	wire_close(s->wire);
	if (s->screen)
		delscreen(s->screen);
	if (s->out)
		fclose(s->out);
	free(s);
}

int view_screen_open(struct view_screen **out)
{
	struct view_screen *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	setlocale(LC_CTYPE, "");
	s->is_utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	rescue_prepare();
	err = open_wire(s);
	if (!err) {
		s->screen = newterm(NULL, s->out, stdin);
		err = s->screen ? 0 : -ENOTTY;
	}
	if (err) {
		screen_free(s);
		return err;
	}
	set_term(s->screen);
	rescue_begin();
	cbreak();
	noecho();
	nonl();
	intrflush(stdscr, FALSE);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	set_escdelay(ESCAPE_MS);
	curs_set(0);
	begin_colours(s);
	view_screen_resize(s);
	*out = s;
	return 0;
}

/* give_back - @later  where to write what the terminal does not take now; NULL: nowhere */
static void give_back(struct view_screen *s, FILE *later)
{
	if (wire_off(s->wire)) {
		rescue_without(later);
		return;
	}
	curs_set(1);
	endwin();
	rescue_end();
}

void view_screen_close(struct view_screen *s)
{
	if (!s)
		return;
	give_back(s, stdout);
	screen_free(s);
}

int view_screen_is_ready(const struct view_screen *s)
{
	return wire_is_clear(s->wire);
}

int view_screen_is_utf8(const struct view_screen *s)
{
	return s->is_utf8;
}

static attr_t attr_of(const struct view_screen *s, enum view_attr a)
{
	static const struct {
		attr_t plain;
		attr_t with_colour; /* besides the pair */
		short pair;
	} table[VIEW_ATTRS] = {
		[VIEW_DIM] = { A_DIM, A_DIM, 0 },
		[VIEW_BOLD] = { A_BOLD, A_BOLD, 0 },
		[VIEW_GOOD] = { A_NORMAL, A_NORMAL, PAIR_GOOD },
		[VIEW_WARN] = { A_UNDERLINE, A_NORMAL, PAIR_WARN },
		[VIEW_BAD] = { A_BOLD, A_BOLD, PAIR_BAD },
		[VIEW_BAR] = { A_REVERSE, A_REVERSE, 0 },
		[VIEW_SORTED] = { A_REVERSE | A_BOLD | A_UNDERLINE, A_REVERSE | A_BOLD | A_UNDERLINE, 0 },
		[VIEW_SELECTED] = { A_REVERSE | A_BOLD, A_NORMAL, PAIR_SELECTED },
		[VIEW_FLASH] = { A_REVERSE | A_BOLD, A_BOLD, PAIR_FLASH },
	};

	return s->has_colours ? table[a].with_colour | (attr_t)COLOR_PAIR(table[a].pair) : table[a].plain;
}

void view_screen_draw(struct view_screen *s, struct view *v, uint64_t now_ms)
{
	int rows = getmaxy(stdscr), cols = getmaxx(stdscr);
	const struct view_line *line = view_lay_out(v, rows, cols, now_ms);

	werase(stdscr);
	for (int y = 0; line && y < rows; y++) {
		wmove(stdscr, y, 0);
		for (size_t k = 0; k < line[y].n_spans; k++) {
			const struct view_span *span = &line[y].span[k];

			wattrset(stdscr, (int)attr_of(s, span->attr));
			waddnstr(stdscr, line[y].text + span->at, (int)span->len);
		}
		wattrset(stdscr, A_NORMAL);
	}
	wrefresh(stdscr);
	wire_on(s->wire);
}

/* key_of - a key by ncurses' number. */
static int key_of(wint_t code)
{
	switch (code) {
	case KEY_UP:
		return VIEW_KEY_UP;
	case KEY_DOWN:
		return VIEW_KEY_DOWN;
	case KEY_LEFT:
		return VIEW_KEY_LEFT;
	case KEY_RIGHT:
		return VIEW_KEY_RIGHT;
	case KEY_PPAGE:
		return VIEW_KEY_PAGE_UP;
	case KEY_NPAGE:
		return VIEW_KEY_PAGE_DOWN;
	case KEY_HOME:
		return VIEW_KEY_HOME;
	case KEY_END:
		return VIEW_KEY_END;
	case KEY_ENTER:
		return VIEW_KEY_ENTER;
	case KEY_BACKSPACE:
		return VIEW_KEY_BACKSPACE;
	default:
		return 0;
	}
}

int view_screen_key(struct view_screen *s)
{
	wint_t c = 0;
	int got;

	(void)s;
	/* That the size has changed was told by a signal. */
	do
		got = wget_wch(stdscr, &c);
	while (got == KEY_CODE_YES && c == KEY_RESIZE);
	switch (got) {
	case KEY_CODE_YES:
		return key_of(c);
	case OK:
		return c == '\r' || c == '\n' ? VIEW_KEY_ENTER
		       : c == 27	      ? VIEW_KEY_ESCAPE
		       : c == 127 || c == 8   ? VIEW_KEY_BACKSPACE
					      : (int)c;
	default:
		return -1;
	}
}

void view_screen_resize(struct view_screen *s)
{
	struct winsize size;

	(void)s;
	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_row && size.ws_col)
		resizeterm(size.ws_row, size.ws_col);
}

void view_screen_redraw(struct view_screen *s)
{
	wire_off(s->wire);
	/* It may have been taken from us in any state; what was given back is not given back again: that would move the cursor. */
	if (!s->is_left)
		endwin();
	s->is_left = 0;
	rescue_begin();
	view_screen_resize(s);
	clearok(curscr, TRUE);
	curs_set(0);
}

void view_screen_leave(struct view_screen *s)
{
	give_back(s, NULL);
	s->is_left = 1;
}
