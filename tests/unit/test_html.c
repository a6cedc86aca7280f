/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_html.c - promises of the page of export/html.c that need no browser: the data in it is JSON that says what the profile
 * says, and nothing in it can leave its script element. What the page does with it: tests/tools/test_html.py. */
#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "export/export.h"

#define HOSTILE "\x1b[2J\n;\xff</script><script>alert(1)</script><!--&amp;\"\\\xe2\x80\xa8\xe2\x80\xa9\xc3\xa9"
#define SHOWN	"\x1b[2J\n;\xef\xbf\xbd</script><script>alert(1)</script><!--&amp;\"\\\xe2\x80\xa8\xe2\x80\xa9\xc3\xa9"
#define BEGIN	"<script type=\"application/json\" id=\"data\">"

/* made - a process with two stacks. name is that of all that has one. */
static void made(struct profile *p, const char *name, int64_t bytes)
{
	struct profile_point point[2] = { { 0, 1000 }, { 5000, 7000 } };
	uint32_t frame[3];

	profile_begin(p);
	p->version = profile_string(p, name);
	p->host = profile_string(p, name);
	p->start_utc_ns = 1795470005123000000LL;
	p->utc_ns = p->start_utc_ns + 15000000000LL;
	p->basis = PROFILE_SAMPLED;
	profile_add_process(p, &(struct profile_process){ .pid = 42,
				       .comm = name,
				       .role = name,
				       .worker = 3,
				       .what = name,
				       .container = name,
				       .is_alive = 1,
				       .live_bytes = { bytes, 300, 0 },
				       .live_blocks = { 60, 1, 0 },
				       .n_requests = UINT64_MAX });
	profile_add_curve(p, &(struct profile_curve){
				     .name = name, .verdict = name, .bytes_per_s = 1200.5, .point = point, .n = 2 });
	frame[0] = profile_add_frame(p, &(struct profile_frame){ .kind = PROFILE_NATIVE,
						.function = name,
						.file = name,
						.module = name,
						.build_id = name,
						.offset = 0x1234,
						.line = 1987,
						.is_inlined = 1 });
	frame[1] = profile_add_frame(
		p, &(struct profile_frame){ .kind = PROFILE_MODULE, .module = name, .offset = 0xfffffffffffffff1 });
	frame[2] = profile_add_frame(
		p, &(struct profile_frame){
			   .kind = PROFILE_PHP, .function = name, .file = name, .line = 41, .is_approximate = 1 });
	profile_add_stack(p, &(struct profile_stack){ .layer = PROFILE_ZEND,
				     .verdict = PROFILE_LEAK,
				     .is_whole = 1,
				     .value = { bytes, 60, 7000, 70, 4320000 },
				     .oldest_age_ms = 14000,
				     .why = name,
				     .n_frames = 3,
				     .frame = frame });
	profile_add_stack(p, &(struct profile_stack){ .layer = PROFILE_LIBC, .value = { 300, 1, 300, 1, 0 } });
	profile_add_loss(p, name, name, 7);
	profile_add_loss(p, "none", "none of these", 0);
	profile_add_event(
		p, "{\"type\":\"crash\",\"pid\":42,\"comm\":\"</script>\",\"frames\":[1,2,3],\"signal_name\":null}");
	profile_add_event(p, "no </script> JSON");
	profile_add_event(p, "[1]");
	assert_false(p->failed);
}

static char *page_of(const struct profile *p, const struct profile *before)
{
	struct export_opts opts = { .before = before };
	size_t len = 0;
	char *text = NULL;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	assert_int_equal(export_write(EXPORT_HTML, f, p, &opts), 0);
	fclose(f);
	assert_int_equal(strlen(text), len);
	return text;
}

/* data_of - as a browser finds it: to the first end of a script element. */
static json_t *data_of(char *page)
{
	char *from = strstr(page, BEGIN), *end;
	json_error_t error;
	json_t *data;

	assert_non_null(from);
	from += strlen(BEGIN);
	end = strstr(from, "</script");
	assert_non_null(end);
	*end = 0;
	for (const char *c = from; *c; c++)
		assert_true(*c == '\n' || (*c >= ' ' && *c < 0x7f && *c != '<' && *c != '>' && *c != '&'));
	data = json_loads(from, 0, &error);
	if (!data)
		fail_msg("%s at %d: %s", error.text, error.position, from);
	*end = '<';
	return data;
}

static const char *string_at(json_t *data, json_t *place)
{
	return json_string_value(json_array_get(json_object_get(data, "strings"), (size_t)json_integer_value(place)));
}

static void the_page_says_all_that_is_in_the_profile(void **state)
{
	json_t *data, *now, *process, *curve, *stack, *frame;
	struct profile p;
	char *page;

	(void)state;
	made(&p, "php8.2", 6144);
	page = page_of(&p, NULL);
	data = data_of(page);
	assert_null(json_object_get(data, "before"));
	now = json_object_get(data, "now");
	assert_string_equal(json_string_value(json_object_get(now, "time")), "2026-11-23T21:40:20.123Z");
	assert_string_equal(json_string_value(json_object_get(now, "start")), "2026-11-23T21:40:05.123Z");
	assert_int_equal(json_integer_value(json_object_get(now, "ms")), 15000);
	assert_string_equal(json_string_value(json_object_get(now, "basis")), "sampled");
	process = json_array_get(json_object_get(now, "processes"), 0);
	assert_int_equal(json_integer_value(json_object_get(process, "pid")), 42);
	assert_true(json_is_null(json_object_get(process, "requests")));
	curve = json_array_get(json_object_get(process, "curves"), 0);
	assert_int_equal(json_array_size(json_object_get(curve, "points")), 4);
	assert_int_equal(json_integer_value(json_array_get(json_object_get(curve, "points"), 3)), 7000);
	assert_int_equal(json_array_size(json_object_get(now, "losses")), 1); /* those of nothing are not told */
	assert_int_equal(json_array_size(json_object_get(now, "events")), 1);
	assert_int_equal(json_object_size(json_array_get(json_object_get(now, "events"), 0)), 3);
	assert_int_equal(json_array_size(json_object_get(now, "stacks")), 2);
	stack = json_array_get(json_object_get(now, "stacks"), 0);
	static const json_int_t numbers[] = { 0, PROFILE_ZEND, PROFILE_LEAK, 1, 6144, 60, 4320000, 7000, 14000 };
	for (size_t i = 0; i < 9; i++)
		assert_int_equal(json_integer_value(json_array_get(stack, i)), numbers[i]);
	assert_string_equal(string_at(data, json_array_get(stack, 9)), "php8.2");
	assert_int_equal(strlen(json_string_value(json_array_get(stack, 10))), 8);
	assert_int_equal(json_array_size(stack), 11 + 3);
	frame = json_array_get(json_object_get(data, "frames"), 0);
	assert_int_equal(json_integer_value(json_array_get(frame, 4)), 1987);
	assert_int_equal(json_integer_value(json_array_get(frame, 5)), 1);
	frame = json_array_get(json_object_get(data, "frames"), 1);
	assert_string_equal(string_at(data, json_array_get(frame, 1)), "");
	assert_string_equal(json_string_value(json_array_get(frame, 6)), "fffffffffffffff1");
	json_decref(data);
	free(page);
	profile_free(&p);
}

static void a_comparison_has_both_profiles_and_each_string_once(void **state)
{
	json_t *data, *strings, *frames, *before, *stack, *frame;
	struct profile p, old;
	char *page;

	(void)state;
	made(&p, "php8.2", 6144);
	made(&old, "php8.2", 1000);
	old.frame[2].function = profile_string(&old, "old");
	page = page_of(&p, &old);
	data = data_of(page);
	strings = json_object_get(data, "strings");
	frames = json_object_get(data, "frames");
	assert_int_equal(json_array_size(strings), 3);
	assert_int_equal(json_array_size(frames), 6);
	before = json_object_get(data, "before");
	stack = json_array_get(json_object_get(before, "stacks"), 0);
	assert_int_equal(json_integer_value(json_array_get(stack, 4)), 1000);
	frame = json_array_get(frames, (size_t)json_integer_value(json_array_get(stack, 13)));
	assert_string_equal(string_at(data, json_array_get(frame, 1)), "old");
	json_decref(data);
	free(page);
	profile_free(&p);
	profile_free(&old);
}

static void the_page_knows_that_its_file_was_damaged(void **state)
{
	struct profile p;
	json_t *data, *now;
	char *page;

	(void)state;
	made(&p, "php8.2", 6144);
	page = page_of(&p, NULL);
	data = data_of(page);
	assert_true(json_is_null(json_object_get(json_object_get(data, "now"), "damage")));
	json_decref(data);
	free(page);
	p.fault = PROFILE_TRUNCATED;
	p.n_losses = 0;
	page = page_of(&p, NULL);
	data = data_of(page);
	now = json_object_get(data, "now");
	assert_string_equal(json_string_value(json_object_get(now, "damage")), "it ends too early");
	assert_true(json_is_null(json_object_get(now, "losses")));
	json_decref(data);
	free(page);
	profile_free(&p);
}

static void a_name_that_one_of_two_profiles_lacks_is_the_others(void **state)
{
	struct profile_frame frame = { .module = "lib.so", .build_id = "abcd", .offset = 0x100 };
	struct profile p, old;
	json_t *data, *frames;
	char *page;

	(void)state;
	profile_begin(&p);
	profile_begin(&old);
	frame.kind = PROFILE_MODULE;
	profile_add_frame(&old, &frame);
	frame.build_id = "another";
	profile_add_frame(&old, &frame);
	frame.build_id = "abcd";
	frame.kind = PROFILE_NATIVE;
	frame.function = "late";
	profile_add_frame(&p, &frame);
	page = page_of(&p, &old);
	data = data_of(page);
	frames = json_object_get(data, "frames");
	assert_int_equal(json_array_size(frames), 3);
	assert_string_equal(string_at(data, json_array_get(json_array_get(frames, 1), 1)), "late");
	assert_int_equal(json_integer_value(json_array_get(json_array_get(frames, 1), 0)), PROFILE_NATIVE);
	assert_int_equal(json_integer_value(json_array_get(json_array_get(frames, 2), 0)), PROFILE_MODULE);
	json_decref(data);
	free(page);
	profile_free(&p);
	profile_free(&old);
}

static void hostile_names_cannot_leave_the_script_element(void **state)
{
	json_t *data, *now, *process;
	struct profile p, plain;
	char *page, *other;

	(void)state;
	made(&p, HOSTILE, 6144);
	made(&plain, "name", 6144);
	page = page_of(&p, &p);
	other = page_of(&plain, NULL);
	data = data_of(page);
	now = json_object_get(data, "now");
	process = json_array_get(json_object_get(now, "processes"), 0);
	assert_string_equal(json_string_value(json_object_get(now, "host")), SHOWN);
	assert_string_equal(json_string_value(json_object_get(process, "comm")), SHOWN);
	assert_string_equal(json_string_value(json_object_get(process, "what")), SHOWN);
	assert_string_equal(
		string_at(data, json_array_get(json_array_get(json_object_get(data, "frames"), 0), 1)), SHOWN);
	/* What is around the data is the same, whatever is in it. */
	assert_int_equal(strstr(page, BEGIN) - page, strstr(other, BEGIN) - other);
	assert_string_equal(strstr(strstr(page, BEGIN), "</script"), strstr(strstr(other, BEGIN), "</script"));
	json_decref(data);
	free(page);
	free(other);
	profile_free(&p);
	profile_free(&plain);
}

static int count(const char *text, const char *what)
{
	int n = 0;

	for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
		n++;
	return n;
}

static void the_page_is_whole_and_loads_nothing(void **state)
{
	struct profile p;
	char *page;

	(void)state;
	made(&p, "name", 1);
	page = page_of(&p, NULL);
	assert_int_equal(strncmp(page, "<!DOCTYPE html>", 15), 0);
	assert_int_equal(strcmp(page + strlen(page) - 8, "</html>\n"), 0);
	assert_null(strstr(page, "@STYLE@"));
	assert_null(strstr(page, "@SCRIPT@"));
	assert_null(strstr(page, "@POLICY@"));
	assert_int_equal(count(page, "content=\"default-src 'none'; script-src 'sha256-"), 1);
	/* The script holds nothing that would end it, and is the one that is run. */
	assert_int_equal(count(page, "<script"), 2);
	assert_int_equal(count(page, "</script"), 2);
	assert_int_equal(count(page, "<style"), 1);
	assert_int_equal(count(page, "</style"), 1);
	assert_int_equal(count(page, "innerHTML"), 0);
	assert_int_equal(count(page, " src="), 0);
	assert_int_equal(count(page, "href"), 0);
	assert_int_equal(count(page, "url("), 0);
	assert_int_equal(count(page, "@import"), 0);
	assert_int_equal(count(page, "fetch("), 0);
	/* The name of SVG is the one address. */
	assert_int_equal(count(page, "://"), 1);
	free(page);
	profile_free(&p);
}

static void nothing_at_all_makes_a_page_too(void **state)
{
	struct profile p;
	json_t *data;
	char *page;

	(void)state;
	profile_begin(&p);
	page = page_of(&p, &p);
	data = data_of(page);
	assert_int_equal(json_array_size(json_object_get(data, "frames")), 0);
	json_decref(data);
	free(page);
	profile_free(&p);
}

static void a_full_disk_is_told(void **state)
{
	struct export_opts opts = { 0 };
	struct profile p;
	FILE *f = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(f);
	made(&p, "name", 1);
	assert_int_equal(export_write(EXPORT_HTML, f, &p, &opts), -ENOSPC);
	fclose(f);
	profile_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_page_says_all_that_is_in_the_profile),
		cmocka_unit_test(a_comparison_has_both_profiles_and_each_string_once),
		cmocka_unit_test(the_page_knows_that_its_file_was_damaged),
		cmocka_unit_test(a_name_that_one_of_two_profiles_lacks_is_the_others),
		cmocka_unit_test(hostile_names_cannot_leave_the_script_element),
		cmocka_unit_test(the_page_is_whole_and_loads_nothing),
		cmocka_unit_test(nothing_at_all_makes_a_page_too),
		cmocka_unit_test(a_full_disk_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
