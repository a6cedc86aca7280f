/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_view.c - promises of view/view.h, without a terminal: what is on the screen after these profiles and those keys.
 *
 * In: profiles made up here. Out: the lines of the screen. */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include <cmocka.h>

#include "view/view.h"

#define HOSTILE "\x1b[2J\x1b]0;x\x07\n\r\t\xff\xc2\x9b<script>;\"'"
/* A wide character, a marked one, one marked a hundred times, a direction, a joined pair. */
#define WIDE  "\xe4\xb8\xad\xe6\x96\x87\xe5\x90\x8d"
#define MARK  "\xcc\x81"
#define RIGHT "\xe2\x80\xae"
#define JOIN  "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa9\xef\xb8\x8f"

static const struct view_facts facts = { .how = "uprobe session",
	.step_ms = 2000,
	.own_cpu = 0.015,
	.own_bytes = 40 << 20,
	.probes_cpu = -1,
	.n_blocks = 10,
	.cap_blocks = 1000 };

static struct view *v;

static void begin(int is_utf8)
{
	assert_int_equal(view_new(&v, is_utf8), 0);
}

static int end(void **state)
{
	(void)state;
	view_free(v);
	v = NULL;
	return 0;
}

/* ---- profiles ---- */

static void empty(struct profile *p, int seconds)
{
	profile_begin(p);
	p->start_utc_ns = 1795470005123000000LL;
	p->utc_ns = p->start_utc_ns + seconds * 1000000000LL;
}

static void add_process(struct profile *p, uint32_t pid, const char *comm)
{
	struct profile_point rising[4] = { { 0, 1000000 }, { 1000, 2000000 }, { 2000, 3000000 }, { 3000, 4000000 } };
	struct profile_point level[2] = { { 0, 5000000 }, { 3000, 5000000 } };

	profile_add_process(p, &(struct profile_process){ .pid = pid,
				       .comm = comm,
				       .role = "",
				       .worker = -1,
				       .what = "",
				       .is_alive = 1,
				       .live_bytes = { 1000, 2000, 0 },
				       .n_requests = UINT64_MAX });
	profile_add_curve(
		p, &(struct profile_curve){
			   .name = "zend", .verdict = "growing", .bytes_per_s = 1 << 20, .point = rising, .n = 4 });
	profile_add_curve(p, &(struct profile_curve){ .name = "rss", .verdict = "plateau", .point = level, .n = 2 });
}

/* add_stack - one of a single PHP frame, called by main. Values: live bytes, live blocks, allocated bytes, blocks, leak rate. */
static void add_stack(struct profile *p, uint32_t process, enum profile_layer layer, const char *function,
	int64_t bytes, int64_t blocks, int64_t allocated, int64_t leak, uint64_t age_ms)
{
	uint32_t frame[2];

	frame[0] = profile_add_frame(
		p, &(struct profile_frame){
			   .kind = PROFILE_PHP, .function = function, .file = "/srv/app/worker.php", .line = 12 });
	frame[1] = profile_add_frame(p,
		&(struct profile_frame){
			.kind = PROFILE_NATIVE, .function = "main", .module = "php8.2", .file = "", .build_id = "" });
	profile_add_stack(p, &(struct profile_stack){ .process = process,
				     .layer = layer,
				     .verdict = leak ? PROFILE_LEAK : PROFILE_CLEAN,
				     .is_whole = 1,
				     .value = { bytes, blocks, allocated, blocks * 2, leak },
				     .oldest_age_ms = age_ms,
				     .why = leak ? "LEAK 1.0 MiB/h, 0 of 55 blocks older than 3 s were freed" : "",
				     .n_frames = 2,
				     .frame = frame });
}

/* three - the same stacks, which are in another order by each key. */
static void three(struct profile *p, int seconds)
{
	empty(p, seconds);
	add_process(p, 42, "php8.2");
	add_stack(p, 0, PROFILE_ZEND, "Leak::most", 1 << 20, 10, 2 << 20, 7200000, 3000);
	add_stack(p, 0, PROFILE_LIBC, "Live::most", 9 << 20, 20, 9 << 20, 0, 2000);
	add_stack(p, 0, PROFILE_MMAP, "Block::most", 2 << 20, 3000, 90 << 20, 3600000, 95000);
}

static void update(struct profile *p)
{
	assert_false(p->failed);
	assert_int_equal(view_update(v, p, &facts), 0);
	profile_free(p);
}

/* ---- the screen ---- */

static const struct view_line *screen;
static int screen_rows;

/* width_of - columns of a line; -1: some of it cannot be printed. */
static int width_of(const char *text)
{
	wchar_t wide[4096];
	size_t n = mbstowcs(wide, text, 4096);

	return n == (size_t)-1 ? -1 : wcswidth(wide, n);
}

/* look - lay out, and check what holds for any screen. */
static void look(int rows, int cols, uint64_t now_ms)
{
	screen = view_lay_out(v, rows, cols, now_ms);
	screen_rows = rows;
	assert_non_null(screen);
	for (int y = 0; y < rows; y++) {
		size_t at = 0;

		assert_in_range(width_of(screen[y].text), 0, cols);
		for (size_t i = 0; i < screen[y].n_spans; i++) {
			assert_int_equal(screen[y].span[i].at, at);
			at += screen[y].span[i].len;
		}
		assert_int_equal(at, strlen(screen[y].text));
	}
}

/* row_of - the first line with that text, or -1. */
static int row_of(const char *text)
{
	for (int y = 0; y < screen_rows; y++)
		if (strstr(screen[y].text, text))
			return y;
	return -1;
}

static int has_attr(int y, enum view_attr attr)
{
	for (size_t i = 0; y >= 0 && i < screen[y].n_spans; i++)
		if (screen[y].span[i].attr == attr)
			return 1;
	return 0;
}

static void type(const char *keys)
{
	for (; *keys; keys++)
		view_press(v, (unsigned char)*keys);
}

/* order_is - are the rows of the three stacks in that order? */
static void order_is(const char *a, const char *b, const char *c)
{
	look(24, 80, 0);
	assert_true(row_of(a) >= 0 && row_of(a) < row_of(b) && row_of(b) < row_of(c));
}

static void rows_are_sorted_by_the_key_that_is_asked_for(void **state)
{
	struct profile p;

	(void)state;
	begin(1);
	three(&p, 15);
	update(&p);
	order_is("Leak::most", "Block::most", "Live::most");
	type("2");
	order_is("Live::most", "Block::most", "Leak::most");
	type("3");
	order_is("Block::most", "Live::most", "Leak::most");
	type("4");
	order_is("Block::most", "Live::most", "Leak::most");
	assert_true(row_of("by allocation rate") >= 0);
	type("5");
	order_is("Block::most", "Leak::most", "Live::most");
	type("s");
	order_is("Leak::most", "Block::most", "Live::most");
	type("r");
	order_is("Live::most", "Block::most", "Leak::most");
	type("S");
	order_is("Block::most", "Leak::most", "Live::most");
}

static void a_filter_keeps_stacks_with_a_frame_of_that_name(void **state)
{
	struct profile p;

	(void)state;
	begin(1);
	three(&p, 15);
	update(&p);
	type("/bLOck");
	look(24, 80, 0);
	assert_true(row_of("Block::most") >= 0 && row_of("Leak::most") < 0 && row_of("Live::most") < 0);
	assert_true(row_of("1 of 3 rows") >= 0);
	view_press(v, VIEW_KEY_ENTER);
	type("q"); /* not part of it any more */
	look(24, 80, 0);
	assert_true(row_of("/bLOck") >= 0);
	type("/");
	view_press(v, VIEW_KEY_ESCAPE);
	order_is("Leak::most", "Block::most", "Live::most");
	type("/nothing has this name");
	look(24, 80, 0);
	assert_true(row_of("no stack is left") >= 0);
	type("\x15main"); /* Ctrl-U; a caller's name counts, too */
	order_is("Leak::most", "Block::most", "Live::most");
	for (int i = 0; i < 4; i++)
		view_press(v, VIEW_KEY_BACKSPACE);
	for (int i = 0; i < 300; i++)
		view_press(v, 0x4e2d);
	look(24, 80, 0);
	view_press(v, 0x1b); /* no character: it is not taken */
	look(24, 80, 0);
}

static void a_mark_shows_what_was_gained_since(void **state)
{
	struct profile p;

	(void)state;
	begin(1);
	three(&p, 15);
	update(&p);
	type("m");
	three(&p, 25);
	p.stack[0].value[PROFILE_LIVE_BYTES] += 5 << 20;
	p.stack[0].value[PROFILE_LIVE_BLOCKS] += 7;
	p.stack[1].value[PROFILE_LIVE_BYTES] -= 1 << 20;
	add_stack(&p, 0, PROFILE_ZEND, "New::one", 3 << 20, 4, 3 << 20, 0, 1000);
	update(&p);
	look(24, 80, 0);
	assert_true(row_of("since mark, 10s ago") >= 0);
	assert_non_null(strstr(screen[row_of("Leak::most")].text, "+5.0M"));
	assert_non_null(strstr(screen[row_of("Leak::most")].text, "+7"));
	assert_non_null(strstr(screen[row_of("Live::most")].text, "-1.0M"));
	assert_non_null(strstr(screen[row_of("Block::most")].text, "+0B"));
	assert_non_null(strstr(screen[row_of("New::one")].text, "+3.0M"));
	type("2");
	order_is("Leak::most", "New::one", "Block::most");
	type("M");
	look(24, 80, 0);
	assert_non_null(strstr(screen[row_of("Leak::most")].text, " 6.0M"));
	assert_true(row_of("mark,") < 0);
}

static void what_is_frozen_stays_while_tracing_goes_on(void **state)
{
	struct profile p;

	(void)state;
	begin(1);
	three(&p, 15);
	update(&p);
	type("f");
	for (int i = 0; i < 3; i++) {
		empty(&p, 20 + i);
		add_process(&p, 42, "php8.2");
		add_stack(&p, 0, PROFILE_ZEND, "Later::one", 1 << 20, 10, 2 << 20, 0, 3000);
		update(&p);
	}
	look(24, 80, 0);
	assert_true(row_of("FROZEN") >= 0 && row_of("Leak::most") >= 0 && row_of("Later::one") < 0);
	assert_true(row_of("00:00:15") >= 0);
	type("f");
	look(24, 80, 0);
	assert_true(row_of("FROZEN") < 0 && row_of("Leak::most") < 0 && row_of("Later::one") >= 0);
	type("ff");
	type("f"); /* and ended while frozen */
}

static void one_process_and_one_layer_can_be_looked_at_alone(void **state)
{
	struct profile p;

	(void)state;
	begin(1);
	three(&p, 15);
	add_process(&p, 7, "redis");
	add_stack(&p, 1, PROFILE_LIBC, "Redis::own", 5 << 20, 1, 5 << 20, 0, 1000);
	update(&p);
	look(24, 80, 0);
	assert_true(row_of("PROCESS") >= 0 && row_of("redis(7)") >= 0);
	type("p");
	look(24, 80, 0);
	assert_true(row_of("Leak::most") < 0 && row_of("all of them") >= 0);
	view_press(v, VIEW_KEY_END);
	view_press(v, VIEW_KEY_ENTER);
	look(24, 80, 0);
	assert_true(row_of("Redis::own") >= 0 && row_of("Leak::most") < 0 && row_of("PROCESS") < 0);
	assert_true(row_of("process redis(7)") >= 0);
	type("p");
	view_press(v, VIEW_KEY_HOME);
	view_press(v, VIEW_KEY_ENTER);
	type("ll");
	look(24, 80, 0);
	assert_true(row_of("layer libc") >= 0);
	assert_true(row_of("Redis::own") >= 0 && row_of("Live::most") >= 0 && row_of("Leak::most") < 0);
	type("ll");
	look(24, 80, 0);
	assert_true(row_of("   layer ") < 0 && row_of("Leak::most") >= 0);
}

static void the_head_tells_the_verdict_and_how_far_to_trust_it(void **state)
{
	struct view_limit limit = { "in 3.2 min (2.9 to 3.5): memory_limit (128.0 MiB)", 192 };
	struct view_facts f = facts;
	struct profile p;

	(void)state;
	begin(1);
	look(24, 80, 0);
	assert_true(row_of("the first numbers come in a moment") >= 0);
	three(&p, 15);
	p.basis = PROFILE_SAMPLED;
	p.stack[0].is_whole = 0;
	profile_add_loss(&p, "return_missed", "calls whose return was never seen", 7);
	f.limit = &limit;
	f.probes_cpu = 0.04;
	assert_int_equal(view_update(v, &p, &f), 0);
	profile_free(&p);
	look(30, 160, 0);
	assert_non_null(strstr(screen[0].text, "php8.2(42)"));
	assert_non_null(strstr(screen[0].text, "uprobe session  00:00:15"));
	assert_non_null(strstr(screen[1].text, "LEAK 2.9 KiB/s in 2 stacks"));
	assert_non_null(strstr(screen[1].text, "ESTIMATE"));
	assert_non_null(strstr(screen[1].text, "in 3.2 min (2.9 to 3.5): memory_limit (128.0 MiB)"));
	assert_true(has_attr(1, VIEW_BAD));
	assert_non_null(strstr(screen[4].text, "lost 7 (calls whose return was never seen)   2 of 3 stacks complete"));
	assert_non_null(strstr(screen[4].text, "swtrace 1.5% CPU 40.0M, probes ~4.0% CPU"));
	look(24, 80, 0);
	assert_int_equal(strncmp(screen[4].text, "lost 7 (", 8), 0);
	/* On the usual screen nothing of it is cut where nothing was lost. */
	p = (struct profile){ 0 };
	three(&p, 17);
	assert_int_equal(view_update(v, &p, &f), 0);
	profile_free(&p);
	look(24, 80, 0);
	assert_string_equal(
		screen[4].text, "lost nothing  3/3 stacks complete  CPU: swtrace 1.5%, probes ~4.0%  table 1%");
}

static void curves_rise_from_left_to_right_and_a_level_one_is_flat(void **state)
{
	struct profile p;
	const char *rss;

	(void)state;
	begin(1);
	three(&p, 15);
	update(&p);
	look(24, 80, 0);
	assert_non_null(strstr(screen[2].text, "zend "));
	assert_non_null(strstr(screen[2].text, "\xe2\x96\x88"));
	assert_non_null(strstr(screen[2].text, "\xe2\x96\x83"));
	assert_non_null(strstr(screen[2].text, "3.8M growing +1.0M/s"));
	rss = strstr(screen[3].text, "rss");
	assert_non_null(rss);
	assert_null(strstr(rss, "\xe2\x96\x83"));
	assert_null(strstr(rss, "\xe2\x96\x88"));
	assert_non_null(strstr(rss, "4.8M plateau"));
}

static void curves_are_the_sum_of_all_processes_however_many(void **state)
{
	struct profile p;

	(void)state;
	begin(1);
	empty(&p, 15);
	for (uint32_t pid = 1; pid <= 300; pid++)
		add_process(&p, pid, "php-fpm8.2");
	p.process[0].is_alive = 0; /* what had ended has nothing any more */
	update(&p);
	look(24, 80, 0);
	assert_non_null(strstr(screen[0].text, "and 299 more"));
	assert_non_null(strstr(screen[2].text, "1.1G growing +299M/s"));	/* 299 times 4,000,000 */
	assert_non_null(strstr(strstr(screen[3].text, "rss"), "1.4G plateau")); /* 299 times 5,000,000 */
}

static void stacks_of_the_same_names_are_one_row(void **state)
{
	struct profile p;

	(void)state;
	begin(1);
	three(&p, 15);
	add_stack(&p, 0, PROFILE_ZEND, "Leak::most", 1 << 20, 10, 2 << 20, 3600000, 9000);
	update(&p);
	look(24, 80, 0);
	assert_true(row_of("3 of 3 rows") >= 0);
	assert_non_null(strstr(screen[row_of("Leak::most")].text, "10.3M   2.0M      20"));
}

static void the_allocation_rate_is_that_since_the_update_before(void **state)
{
	struct profile p;

	(void)state;
	begin(1);
	three(&p, 16);
	update(&p);
	look(24, 80, 0);
	assert_non_null(strstr(screen[row_of("Leak::most")].text, "  128K "));
	three(&p, 18);
	p.stack[0].value[PROFILE_ALLOC_BYTES] += 6 << 20;
	p.stack[1].value[PROFILE_ALLOC_BYTES] -= 5; /* another program under the same pid */
	add_stack(&p, 0, PROFILE_ZEND, "New::one", 3 << 20, 4, 300 << 20, 0, 1000);
	update(&p);
	look(24, 80, 0);
	assert_non_null(strstr(screen[row_of("Leak::most")].text, " 3.0M "));
	assert_non_null(strstr(screen[row_of("Live::most")].text, " ? "));
	assert_non_null(strstr(screen[row_of("New::one")].text, " ? "));
}

static void the_cursor_stays_at_its_stack_while_rows_move(void **state)
{
	struct profile p;

	(void)state;
	begin(1);
	three(&p, 15);
	update(&p);
	view_press(v, VIEW_KEY_DOWN);
	look(24, 80, 0);
	assert_true(has_attr(row_of("Block::most"), VIEW_SELECTED));
	type("2");
	look(24, 80, 0);
	assert_true(has_attr(row_of("Block::most"), VIEW_SELECTED));
	three(&p, 18);
	p.stack[2].value[PROFILE_LIVE_BYTES] = 1;
	update(&p);
	look(24, 80, 0);
	assert_true(has_attr(row_of("Block::most"), VIEW_SELECTED));
	assert_int_equal(screen[row_of("Block::most")].text[0], '>');
	/* Where it was not moved, the first row is looked at. */
	view_press(v, VIEW_KEY_HOME);
	type("1");
	look(24, 80, 0);
	assert_true(has_attr(row_of("Leak::most"), VIEW_SELECTED));
}

static void a_table_longer_than_the_screen_is_scrolled(void **state)
{
	struct profile p;
	char name[32];

	(void)state;
	begin(1);
	empty(&p, 15);
	add_process(&p, 42, "php8.2");
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "Row%04d::x", i);
		add_stack(&p, 0, PROFILE_ZEND, name, 1000000 - i, 1, 1000000, 0, 1000);
	}
	update(&p);
	look(24, 80, 0);
	assert_true(row_of("Row0000") >= 0);
	view_press(v, VIEW_KEY_END);
	look(24, 80, 0);
	assert_true(has_attr(row_of("Row0999"), VIEW_SELECTED));
	view_press(v, VIEW_KEY_PAGE_UP);
	look(24, 80, 0);
	assert_true(row_of("Row0985") >= 0);
	view_press(v, VIEW_KEY_HOME);
	view_press(v, VIEW_KEY_PAGE_DOWN);
	view_press(v, VIEW_KEY_DOWN);
	look(24, 80, 0);
	assert_true(has_attr(row_of("Row0015"), VIEW_SELECTED));
	/* The screen is made smaller, and larger. */
	look(60, 200, 0);
	look(24, 80, 0);
	assert_true(has_attr(row_of("Row0015"), VIEW_SELECTED));
	type("gG"); /* vi's */
	look(24, 80, 0);
	assert_true(has_attr(row_of("Row0999"), VIEW_SELECTED));
}

static void the_pane_has_all_frames_and_the_reason(void **state)
{
	uint32_t frame[200];
	struct profile p;
	char name[32];

	(void)state;
	begin(1);
	empty(&p, 15);
	add_process(&p, 42, "php8.2");
	for (uint32_t i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "f%03u", i);
		frame[i] = profile_add_frame(&p, &(struct profile_frame){ .kind = PROFILE_NATIVE,
							 .function = name,
							 .module = "libx.so.1",
							 .file = i ? "" : "/usr/src/x.c",
							 .line = i ? 0 : 7 });
	}
	profile_add_stack(&p, &(struct profile_stack){ .process = 0,
				      .layer = PROFILE_LIBC,
				      .verdict = PROFILE_LEAK,
				      .value = { 1000, 1, 1000, 1, 3600 },
				      .why = "LEAK of that kind",
				      .n_frames = 200,
				      .frame = frame });
	update(&p);
	view_press(v, VIEW_KEY_ENTER);
	look(24, 80, 0);
	assert_true(row_of("LEAK of that kind") > row_of("selected stack"));
	assert_true(row_of("f000 x.c:7 (libx.so.1)") >= 0);
	assert_true(row_of("f199") < 0);
	view_press(v, VIEW_KEY_RIGHT);
	view_press(v, VIEW_KEY_END);
	look(24, 80, 0);
	assert_true(row_of("   lines 196 to 203 of 203   (Left: back)") >= 0);
	assert_true(row_of("199  f199") >= 0 && row_of("incomplete: the callers are not known") >= 0);
	view_press(v, VIEW_KEY_LEFT);
	view_press(v, VIEW_KEY_LEFT);
	look(24, 80, 0);
	assert_true(row_of("selected stack") < 0);
}

/* laravel - two stacks of one process with long names: of PHP code, and of C++. */
#define ELOQUENT "Illuminate\\Database\\Eloquent\\Concerns\\"
#define FOLDERS	 "/var/www/html/vendor/laravel/framework/src/Illuminate/Database/Eloquent/Concerns/"
static void laravel(struct profile *p)
{
	static const struct profile_frame frames[] = {
		{ .kind = PROFILE_NATIVE,
			.function =
				"std::map<std::string, std::vector<int>>::insert(std::pair<std::string const, int>&&)",
			.module = "libphp8.2.so.0.0.0",
			.file = "/build/php/main/containers.cc",
			.line = 412 },
		{ .kind = PROFILE_PHP,
			.function = ELOQUENT "HasAttributes::getAttributeFromArray",
			.file = FOLDERS "HasAttributes.php",
			.line = 1234 },
		{ .kind = PROFILE_PHP,
			.function =
				"App\\Http\\Controllers\\AccountController::{closure:App\\Http\\Kernel::handle():77}",
			.file = "/var/www/html/app/Http/Controllers/AccountController.php",
			.line = 77 },
	};

	empty(p, 15);
	add_process(p, 42, "php8.2");
	for (uint32_t i = 0; i < 3; i++) {
		uint32_t frame[3];

		for (uint32_t k = i; k < 3; k++)
			frame[k - i] = profile_add_frame(p, &frames[k]);
		if (i)
			profile_add_stack(p, &(struct profile_stack){ .layer = PROFILE_ZEND,
						     .is_whole = 1,
						     .value = { 1000 - i, 1 },
						     .why = "",
						     .n_frames = 3 - i,
						     .frame = frame });
		else
			profile_add_stack(p, &(struct profile_stack){ .layer = PROFILE_LIBC,
						     .is_whole = 1,
						     .value = { 5, 1 },
						     .why = "",
						     .n_frames = 1,
						     .frame = frame });
	}
}

static void the_file_and_the_line_are_told_however_long_the_names_are(void **state)
{
	struct profile p;

	(void)state;
	for (int n = 1; n <= 2; n++) { /* processes: with two, there is a column more */
		begin(1);
		laravel(&p);
		if (n == 2)
			add_process(&p, 43, "php8.2");
		update(&p);
		look(24, 80, 0);
		assert_true(row_of("HasAttributes.php:1234") > 0);
		assert_true(row_of(n == 1 ? "getAttribut\xe2\x80\xa6 HasAttributes.php:1234"
					  : "  HasAttributes.php:1234") > 0);
		assert_true(row_of("AccountController.php:77") > 0);
		assert_true(row_of(n == 1 ? "std::map<std::st\xe2\x80\xa6 containers.cc:412"
					  : "std::ma\xe2\x80\xa6 containers.cc:412") > 0);
		assert_true((row_of("OLDEST") > 0) == (n == 1));
		/* Nothing is left out where there is room. */
		look(24, 200, 0);
		assert_true(row_of(ELOQUENT "HasAttributes::getAttributeFromArray HasAttributes.php:1234") > 0);
		assert_true(row_of("OLDEST") > 0);
		end(NULL);
	}
	/* The column that is sorted by stays, and so does a file's name that is too long by itself: its end. */
	begin(1);
	laravel(&p);
	add_process(&p, 43, "php8.2");
	add_stack(&p, 0, PROFILE_ZEND, "x", 1, 1, 1, 0, 0);
	p.frame[p.n_frames - 2].file = "/srv/ThisIsTheLongestNameOfAllFiles.php";
	update(&p);
	type("5");
	look(24, 80, 0);
	assert_true(row_of("OLDEST") > 0 && row_of("ALLOC/s") < 0);
	assert_true(row_of("NameOfAllFiles.php:12") > 0 && row_of("ThisIs") < 0);
}

/* joined - the screen's lines from y on as one text without spaces: so someone reads on where a line goes on in the next, indented one. */
static const char *joined(int y)
{
	static char text[65536];
	size_t n = 0;

	for (; y < screen_rows; y++)
		for (const char *s = screen[y].text; *s; s++)
			if (*s != ' ')
				text[n++] = *s;
	text[n] = 0;
	return text;
}

static void a_frame_is_one_line_and_in_full_for_who_goes_into_the_pane(void **state)
{
	struct profile p;
	int y;

	(void)state;
	begin(1);
	laravel(&p);
	update(&p);
	type("2");
	view_press(v, VIEW_KEY_ENTER);
	look(24, 80, 0);
	y = row_of("  0  HasAttributes::getAttributeFromArray HasAttributes.php:1234");
	assert_true(y > row_of("selected stack") && row_of("(Right: in full)") >= 0);
	assert_int_equal(row_of("::{closure:App\\Http\\Kernel::handle():77} AccountController.php:77"), y + 1);
	view_press(v, VIEW_KEY_ENTER);
	look(40, 80, 0);
	y = row_of("  0  " ELOQUENT "HasAttributes::getAttributeFromArray");
	assert_true(y > 0);
	assert_non_null(strstr(joined(y), FOLDERS "HasAttributes.php:1234"));
	assert_true(row_of("HasAttributes.php:1234") > 0); /* in one piece */
	assert_int_equal(strncmp(screen[y + 1].text, "         /var", 13), 0);
	assert_non_null(strstr(joined(y), "{closure:App\\Http\\Kernel::handle():77}"));
	/* All of it can be scrolled to. */
	look(24, 80, 0);
	view_press(v, VIEW_KEY_END);
	look(24, 80, 0);
	assert_int_equal(row_of("         AccountController.php:77"), 21);
	view_press(v, VIEW_KEY_LEFT);
	look(24, 80, 0);
	y = row_of("  0  HasAttributes::getAttributeFromArray HasAttributes.php:1234");
	assert_int_equal(row_of("::{closure:App\\Http\\Kernel::handle():77} AccountController.php:77"), y + 1);
}

static void the_place_that_tells_most_is_shown(void **state)
{
	static const struct profile_frame frames[] = {
		{ .kind = PROFILE_NATIVE,
			.function = "operator new(unsigned long)",
			.module = "libstdc++.so.6",
			.file = "" },
		{ .kind = PROFILE_MODULE, .function = "", .module = "ext.so", .offset = 0x10, .file = "" },
		{ .kind = PROFILE_NATIVE,
			.function = "Parser::grow",
			.module = "ext.so",
			.file = "/b/parser.cc",
			.line = 5 },
		{ .kind = PROFILE_PHP, .function = "str_repeat", .file = "" },
		{ .kind = PROFILE_PHP, .function = "Cache::put", .file = "/srv/Cache.php", .line = 41 },
		{ .kind = PROFILE_PHP, .function = "{main}", .file = "/srv/index.php", .line = 3 },
	};
	static const char *const shown[] = { "operator new", "operator new", "Parser::grow parser.cc:5", "str_repeat",
		"Cache::put Cache.php:41", "Cache::put Cache.php:41" };

	(void)state;
	for (uint32_t n = 1; n <= 6; n++) {
		uint32_t frame[6];
		struct profile p;

		begin(1);
		empty(&p, 15);
		add_process(&p, 42, "php8.2");
		for (uint32_t i = 0; i < n; i++)
			frame[i] = profile_add_frame(&p, &frames[i]);
		profile_add_stack(
			&p, &(struct profile_stack){
				    .layer = PROFILE_LIBC, .value = { 1000, 1 }, .n_frames = n, .frame = frame });
		update(&p);
		look(24, 100, 0);
		assert_true(row_of(shown[n - 1]) >= 0);
		end(NULL);
	}
}

static void events_flash_in_and_stay_in_the_list(void **state)
{
	struct profile p;

	(void)state;
	begin(1);
	three(&p, 15);
	update(&p);
	look(24, 80, 1000);
	assert_int_equal(view_next_ms(v, 1000), -1);
	view_tell(v,
		"[2026-11-29T02:34:00.765Z] CRASH php8.2(42) thread 42: SIGSEGV (signal 11)\n    ip 0x1\n      inner\n",
		VIEW_TROUBLE, 1000);
	view_tell(v, "swtrace: a note", VIEW_SAID, 1500);
	look(24, 80, 2000);
	assert_int_equal(row_of("02:34:00 CRASH php8.2(42)"), 20);
	assert_int_equal(row_of("swtrace: a note"), 21);
	assert_true(has_attr(20, VIEW_FLASH) && !has_attr(21, VIEW_FLASH));
	assert_string_equal(screen[22].text, "");
	assert_in_range(view_next_ms(v, 2000), 1, 10000);
	look(24, 80, 60000);
	assert_int_equal(view_next_ms(v, 60000), -1);
	assert_int_equal(row_of("02:34:00 CRASH php8.2(42)"), 20);
	assert_false(has_attr(20, VIEW_FLASH));
	type("v");
	look(24, 80, 60000);
	assert_true(row_of("      inner") > row_of("    ip 0x1"));
	for (int i = 0; i < 250; i++)
		view_tell(v, i % 2 ? "a\nb\n" : "", VIEW_HAPPENED, 70000);
	view_press(v, VIEW_KEY_END);
	look(24, 80, 70000);
	type("v");
	look(24, 80, 70000);
}

/* said - is there a line with that text, once these lines of an event were told, on 80 columns? */
static int said(const char *event, const char *text)
{
	int is_there;

	begin(1);
	view_tell(v, event, VIEW_TROUBLE, 0);
	look(24, 80, 60000);
	is_there = row_of(text) >= 0;
	end(NULL);
	return is_there;
}

#define SEGV	 "SIGSEGV (signal 11), SEGV_MAPERR: address not mapped to object"
#define CRASH(x) "[2026-11-29T19:17:11.765Z] CRASH " x

static void a_crash_is_told_in_a_line_by_its_signal_address_and_place(void **state)
{
	(void)state;
	assert_true(said(CRASH("php(31542) thread 31542: " SEGV
			       ", fault address 0x10, in __strlen_evex+0x13 (libc.so.6)\n    ip 0x1\n"),
		"19:17:11 CRASH php(31542) SIGSEGV at 0x10 in __strlen_evex+0x13 (libc.so.6); "));
	assert_true(said(CRASH("php(31), worker 3, docker 3f2a (pid 7 there), thread 32: " SEGV
			       ", fault address 0x10, in f (x)"),
		"CRASH php(31) SIGSEGV at 0x10 in f (x), worker 3, docker 3f2a (pid "));
	assert_true(said(CRASH("php(31), worker 3, thread 31: " SEGV ", in f (x)"),
		"CRASH php(31) SIGSEGV in f (x), worker 3; SEGV_MAPERR: address not"));
	assert_true(said(CRASH("php(31) thread 37: SIGABRT (signal 6), SI_TKILL, sent by process 31"),
		"CRASH php(31) SIGABRT, thread 37; SI_TKILL, sent by process 31"));
	/* A name that looks like a part of it is not taken for that: at worst the line stays as it is. */
	assert_true(said(CRASH("a(1) x(31) thread 31: " SEGV ", in f (x)"), "CRASH a(1) x(31) SIGSEGV in f (x); SEGV"));
	assert_true(said(CRASH("php(31), worker of pool x: SIGFPE (signal 8), y, thread 31: " SEGV ", in f (x)"),
		"CRASH php(31), worker of pool x: SIGFPE (signal 8), y, thread 31: SIGS"));
	assert_true(said(CRASH("nothing: SIGSEGV (signal 11), "), "19:17:11 CRASH nothing: SIGSEGV (signal 11), "));
	assert_true(said(CRASH("(1) thread 1: SIGSEGV (signal 11"), "19:17:11 CRASH (1) thread 1: SIGSEGV (signal 11"));
	assert_true(said(CRASH("(1) thread 1: SIGSEGV (signal 11), "), "19:17:11 CRASH (1) SIGSEGV; "));
	assert_true(said("CRASH ", "CRASH "));
}

static void events_are_there_in_full_on_as_many_lines_as_they_take(void **state)
{
	static const char *const parts[] = {
		"addressnotmappedtoobject,faultaddress0xdeadbeef,inmain+0x1(php8.2)what:asentence",
		"terminal,uptothelastwordofit/0123456789", "0123456789abcdef_end_of_what_has_no_spacethenextline"
	};
	int y;

	(void)state;
	begin(1);
	view_tell(v,
		CRASH("php(31542), worker 3, thread 31542: " SEGV ", fault address 0xdeadbeef, in main+0x1 (php8.2)\n"
		      "    what: a sentence that is so long that it does not fit into the eighty columns of this "
		      "small terminal, up to the last word of it\n"
		      "      /0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789"
		      "abcdef0123456789abcdef0123456789abcdef_end_of_what_has_no_space\n    the next line\n\n"),
		VIEW_TROUBLE, 0);
	type("v");
	for (int cols = 80; cols < 200; cols += 7) {
		look(40, cols, 60000);
		y = row_of("CRASH");
		assert_true(y == row_of("what has happened") + 1 && row_of("\xe2\x80\xa6") < 0);
		for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
			assert_non_null(strstr(joined(y), parts[i]));
	}
	look(24, 80, 60000);
	assert_int_equal(strspn(screen[row_of("CRASH") + 1].text, " "), 4);
	assert_true(row_of("lines 1 to ") >= 0);
	view_press(v, VIEW_KEY_END);
	look(24, 80, 60000);
	assert_true(row_of("    the next line") > 0);
}

/* rows_with - lines of the screen with that text. */
static int rows_with(const char *text)
{
	int n = 0;

	for (int y = 0; y < screen_rows; y++)
		n += strstr(screen[y].text, text) != NULL;
	return n;
}

static void what_has_just_happened_is_told_once_wherever_one_looks(void **state)
{
	static const char *const keys[] = { "", "\r", "?", "v", "p", "o" };
	struct profile p;

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		begin(1);
		three(&p, 15);
		update(&p);
		if (*keys[i] == '\r')
			view_press(v, VIEW_KEY_ENTER);
		else
			type(keys[i]);
		view_tell(v, CRASH("php8.2(42) thread 42: " SEGV), VIEW_TROUBLE, 1000);
		view_tell(v, "php8.2(42) was killed by SIGSEGV (signal 11)", VIEW_TROUBLE, 1000);
		for (int size = 0; size < 3; size++) {
			look(size == 2 ? 20 : 24 + 20 * size, size == 2 ? 70 : 80, 2000);
			assert_int_equal(rows_with("CRASH php8.2(42)"), 1);
			assert_int_equal(rows_with("was killed by"), 1);
			assert_true(has_attr(row_of("CRASH php8.2(42)"), VIEW_FLASH) &&
				    has_attr(row_of("was killed by"), VIEW_FLASH));
		}
		end(NULL);
	}
	/* What was said since does not take the place of what has gone wrong, as long as that is new. */
	begin(1);
	view_tell(v, CRASH("php8.2(42) thread 42: " SEGV), VIEW_TROUBLE, 1000);
	for (int i = 0; i < 5; i++)
		view_tell(v, "swtrace: a note", VIEW_SAID, 2000);
	look(24, 80, 3000);
	assert_int_equal(row_of("CRASH php8.2(42)"), 22);
	view_busy(v, "reading files");
	look(24, 80, 3000);
	assert_int_equal(row_of("CRASH php8.2(42)"), 22);
	look(24, 80, 60000);
	assert_true(row_of("CRASH") < 0 && row_of("reading files") == 22);
	/* Where its place in the list is not seen, since one has scrolled on. */
	view_busy(v, NULL);
	type("v");
	for (int i = 0; i < 50; i++)
		view_tell(v, "swtrace: a note", VIEW_SAID, 2000);
	look(24, 80, 60000);
	view_press(v, VIEW_KEY_END);
	view_tell(v, "swtrace: exported: x", VIEW_SAID, 60000);
	look(24, 80, 61000);
	assert_int_equal(row_of("swtrace: exported: x"), 22);
	assert_int_equal(rows_with("exported"), 1);
}

static void what_a_command_writes_can_be_looked_at(void **state)
{
	struct profile p;

	(void)state;
	begin(1);
	three(&p, 15);
	update(&p);
	type("o"); /* nothing yet */
	look(24, 80, 0);
	type("o");
	view_output(v, "first " HOSTILE);
	view_output(v, "second\nlast, not en");
	look(24, 80, 0);
	assert_int_equal(row_of("output (o): last, not en"), 21);
	view_output(v, "ded");
	for (int i = 0; i < 20000; i++)
		view_output(v, i % 2 ? "." : "a line\n");
	view_output(v, "\nthe end\n");
	type("o");
	look(24, 80, 0);
	assert_int_equal(row_of("the end"), 21);
	view_press(v, VIEW_KEY_HOME);
	look(24, 80, 0);
	assert_true(row_of("the end") < 0 && row_of("lines 1 to ") >= 0);
	view_press(v, VIEW_KEY_END);
	view_output(v, "more\n");
	look(24, 80, 0);
	assert_int_equal(row_of("more"), 21);
}

static void a_terminal_that_is_too_small_is_told_so(void **state)
{
	struct profile p;

	(void)state;
	begin(1);
	three(&p, 15);
	update(&p);
	view_tell(v, "[2026-11-29T02:34:00.765Z] CRASH php8.2(42)", VIEW_TROUBLE, 0);
	look(23, 79, 0);
	assert_true(row_of("79x23 is too small for the view: it needs 80x24") >= 0);
	assert_true(row_of("tracing goes on") >= 0 && row_of("LEAK 2.9 KiB/s") >= 0 && row_of("02:34:00 CRASH") >= 0);
	for (int rows = 1; rows < 30; rows++)
		for (int cols = 1; cols < 90; cols++)
			look(rows, cols, 0);
	/* What cannot be seen cannot be changed: q ends it, also where it was a letter of the filter before. */
	look(24, 80, 0);
	type("/Leak");
	look(5, 20, 0);
	assert_true(row_of("20x5: needs 80x24") >= 0 && row_of("q ends it") >= 0);
	type("s?p");
	assert_int_equal(view_press(v, 'q'), VIEW_WISH_QUIT);
	look(24, 80, 0);
	assert_true(row_of("/Leak  ") >= 0 && row_of("by leak rate") >= 0);
	view_press(v, VIEW_KEY_ESCAPE);
	assert_null(view_lay_out(v, 0, 80, 0));
	look(24, 80, 0);
	assert_true(row_of("too small") < 0 && row_of("Leak::most") >= 0);
}

/* hostile - names of all kinds, everywhere where a name can be. */
static void hostile(struct profile *p)
{
	static const char *const names[] = { HOSTILE, WIDE WIDE WIDE WIDE WIDE WIDE WIDE WIDE WIDE WIDE WIDE WIDE WIDE,
		"", "a" MARK "b" MARK MARK MARK MARK MARK MARK MARK, MARK "first", RIGHT "txt.exe", JOIN JOIN,
		"\xf3\xa0\x81\x81tag", "\xe2\x80\xa8line", "[2026-11-29T02:34:00.765Z] CRASH" };
	uint32_t frame[1];

	empty(p, 15);
	for (uint32_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		add_process(p, 100 + i, names[i]);
		p->process[i].role = profile_string(p, names[i]);
		p->process[i].what = profile_string(p, names[i]);
		add_stack(p, i, PROFILE_ZEND, names[i], 1000000 - i, 1, 1000000, 3600, 1000);
		frame[0] = profile_add_frame(p, &(struct profile_frame){ .kind = PROFILE_NATIVE,
							.function = names[i],
							.module = names[i],
							.file = names[i],
							.line = 3 });
		profile_add_stack(
			p, &(struct profile_stack){
				   .process = i, .value = { 10, 1 }, .why = names[i], .n_frames = 1, .frame = frame });
		profile_add_loss(p, names[i], names[i], 1);
	}
}

static void names_of_any_kind_stay_in_their_column_and_do_nothing(void **state)
{
	static const int sizes[][2] = { { 24, 80 }, { 30, 100 }, { 60, 200 }, { 24, 81 }, { 25, 119 }, { 40, 120 } };

	(void)state;
	for (int is_utf8 = 0; is_utf8 < 2; is_utf8++) {
		struct profile p;

		begin(is_utf8);
		hostile(&p);
		update(&p);
		view_tell(v, HOSTILE WIDE, VIEW_TROUBLE, 0);
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			int rows = sizes[i][0], cols = sizes[i][1], begin_at = -1;

			for (const char *key = "\x01\rv\x01pp?\x01\r/\r"; *key; key++) {
				view_press(v, *key == '\r' ? VIEW_KEY_ENTER : *key);
				/* look() has it that all can be printed, and that nothing is too wide. */
				look(rows, cols, 0);
				for (int y = 0; y < rows; y++)
					for (const char *s = screen[y].text; *s; s++)
						assert_true((unsigned char)*s >= 0x20 && *s != 0x7f &&
							    (is_utf8 || (unsigned char)*s < 0x80));
				assert_true(row_of(RIGHT) < 0 && row_of("\xe2\x80\x8d") < 0 && row_of("\xc2\x9b") < 0);
			}
			view_press(v, VIEW_KEY_ESCAPE);
			view_press(v, VIEW_KEY_ESCAPE);
			view_press(v, VIEW_KEY_ESCAPE);
			look(rows, cols, 0);
			/* What stands behind a name begins in the same column in each row. */
			for (int y = row_of("PROCESS") + 1; y < rows; y++) {
				const char *where = strstr(screen[y].text, " worker.php");
				size_t layer = (size_t)(strstr(screen[row_of("PROCESS")].text, "LAYER") -
							screen[row_of("PROCESS")].text);
				char before[4096];

				if (strlen(screen[y].text) < layer || strncmp(screen[y].text + layer, "zend", 4) ||
					!where)
					continue;
				snprintf(before, sizeof(before), "%.*s", (int)layer, screen[y].text);
				assert_true(begin_at < 0 || width_of(before) == begin_at);
				begin_at = width_of(before);
			}
		}
		end(NULL);
	}
}

static void wide_characters_are_cut_in_whole(void **state)
{
	struct profile p;

	(void)state;
	begin(1);
	for (int cols = 80; cols < 90; cols++) {
		empty(&p, 15);
		add_process(&p, 42, "php8.2");
		add_stack(
			&p, 0, PROFILE_ZEND, WIDE WIDE WIDE WIDE WIDE WIDE WIDE WIDE WIDE WIDE, 1000, 1, 1000, 0, 1000);
		update(&p);
		look(24, cols, 0);
		assert_true(row_of(WIDE) >= 0);
		assert_in_range(width_of(screen[row_of(WIDE)].text), cols - 1, cols);
		assert_non_null(strstr(screen[row_of(WIDE)].text, "\xe2\x80\xa6"));
	}
}

static void keys_ask_for_what_only_the_session_can_do(void **state)
{
	(void)state;
	begin(1);
	assert_int_equal(view_press(v, 'q'), VIEW_WISH_QUIT);
	assert_int_equal(view_press(v, 'e'), VIEW_WISH_EXPORT);
	assert_int_equal(view_press(v, 'l' & 0x1f), VIEW_WISH_REDRAW);
	assert_int_equal(view_press(v, '/'), VIEW_WISH_NONE);
	assert_int_equal(view_press(v, 'q'), VIEW_WISH_NONE);
	assert_int_equal(view_press(v, VIEW_KEY_ESCAPE), VIEW_WISH_NONE);
	/* No key does harm while nothing is known. */
	for (int key = 1; key < 0x180; key++) {
		view_press(v, key);
		view_press(v, 0x110000 + key % 12);
		look(24, 80, 0);
	}
}

static void the_keys_that_are_asked_for_most_are_on_the_smallest_screen(void **state)
{
	static const char *const keys[] = { "/ filter", "p process", "l layer", "f freeze", "m mark", "e export",
		"q quit" };

	(void)state;
	begin(1);
	look(VIEW_LEAST_ROWS, VIEW_LEAST_COLS, 0);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_non_null(strstr(screen[VIEW_LEAST_ROWS - 1].text, keys[i]));
	look(24, 120, 0);
	assert_non_null(strstr(screen[23].text, "Enter stack v events"));
}

static void help_names_every_key_and_any_key_leaves_it(void **state)
{
	(void)state;
	begin(1);
	type("?");
	for (int page = 0; page < 3; page++) {
		look(24, 80, 0);
		assert_true(row_of("\xe2\x80\xa6") < 0); /* nothing is cut */
		view_press(v, VIEW_KEY_PAGE_DOWN);
	}
	view_press(v, 'x');
	look(24, 80, 0);
	assert_memory_equal(screen[23].text, "? help q quit ", 14);
	type("?");
	look(40, 100, 0);
	for (const char *key = "/12345sSrplmMfvoeq"; *key; key++) {
		int found = 0;

		/* "p  l           only one process, of a list; ..." */
		for (int y = row_of(" help (") + 1; y < 39; y++)
			for (int x = 0; x < 15 && screen[y].text[x]; x++)
				found |= screen[y].text[x] == *key && (!x || screen[y].text[x - 1] == ' ') &&
					 strchr(" ,", screen[y].text[x + 1]);
		if (!found)
			fail_msg("the help does not name %c", *key);
	}
	view_press(v, 'x');
	look(40, 100, 0);
	assert_true(row_of(" help (") < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(rows_are_sorted_by_the_key_that_is_asked_for, end),
		cmocka_unit_test_teardown(a_filter_keeps_stacks_with_a_frame_of_that_name, end),
		cmocka_unit_test_teardown(a_mark_shows_what_was_gained_since, end),
		cmocka_unit_test_teardown(what_is_frozen_stays_while_tracing_goes_on, end),
		cmocka_unit_test_teardown(one_process_and_one_layer_can_be_looked_at_alone, end),
		cmocka_unit_test_teardown(the_head_tells_the_verdict_and_how_far_to_trust_it, end),
		cmocka_unit_test_teardown(curves_rise_from_left_to_right_and_a_level_one_is_flat, end),
		cmocka_unit_test_teardown(curves_are_the_sum_of_all_processes_however_many, end),
		cmocka_unit_test_teardown(stacks_of_the_same_names_are_one_row, end),
		cmocka_unit_test_teardown(the_allocation_rate_is_that_since_the_update_before, end),
		cmocka_unit_test_teardown(the_cursor_stays_at_its_stack_while_rows_move, end),
		cmocka_unit_test_teardown(a_table_longer_than_the_screen_is_scrolled, end),
		cmocka_unit_test_teardown(the_pane_has_all_frames_and_the_reason, end),
		cmocka_unit_test_teardown(the_file_and_the_line_are_told_however_long_the_names_are, end),
		cmocka_unit_test_teardown(a_frame_is_one_line_and_in_full_for_who_goes_into_the_pane, end),
		cmocka_unit_test(the_place_that_tells_most_is_shown),
		cmocka_unit_test_teardown(events_flash_in_and_stay_in_the_list, end),
		cmocka_unit_test(a_crash_is_told_in_a_line_by_its_signal_address_and_place),
		cmocka_unit_test_teardown(events_are_there_in_full_on_as_many_lines_as_they_take, end),
		cmocka_unit_test_teardown(what_has_just_happened_is_told_once_wherever_one_looks, end),
		cmocka_unit_test_teardown(what_a_command_writes_can_be_looked_at, end),
		cmocka_unit_test_teardown(a_terminal_that_is_too_small_is_told_so, end),
		cmocka_unit_test(names_of_any_kind_stay_in_their_column_and_do_nothing),
		cmocka_unit_test_teardown(wide_characters_are_cut_in_whole, end),
		cmocka_unit_test_teardown(keys_ask_for_what_only_the_session_can_do, end),
		cmocka_unit_test_teardown(the_keys_that_are_asked_for_most_are_on_the_smallest_screen, end),
		cmocka_unit_test_teardown(help_names_every_key_and_any_key_leaves_it, end),
	};

	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
