/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_push.c - promises of push/push.h that need no server: which URLs are understood, what a request looks like, and
 * that the queue has bounds. With a server: tests/live/test_push.py. */
#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "push/internal.h"

static const struct push_profile plain = { .data = "abcd",
	.n_bytes = 4,
	.service = "php8.2",
	.host = "box",
	.from_utc_ns = 1795470005123000000LL,
	.until_utc_ns = 1795470020123000000LL };

/* url_of - where that profile is sent to; to be freed. */
static char *url_of(const char *server, const struct push_profile *one)
{
	struct push_server s;
	char *text = NULL;
	CURLU *url;

	assert_int_equal(push_server_open(&s, server), 0);
	url = push_request_url(&s, one);
	assert_non_null(url);
	assert_int_equal(curl_url_get(url, CURLUPART_URL, &text, 0), CURLUE_OK);
	curl_url_cleanup(url);
	push_server_close(&s);
	return text;
}

static void pyroscope_is_told_of_a_profile_by_the_query(void **state)
{
	char *url = url_of("http://localhost:4040/ingest", &plain);

	(void)state;
	assert_string_equal(url,
		"http://localhost:4040/ingest?name=php8.2%7bhost%3dbox%7d&from=1795470005&until=1795470020"
		"&format=pprof&spyName=swtrace");
	curl_free(url);
	url = url_of("https://h/prefix/ingest?tenant=7&name=mine%7Benv%3Dtest%7D", &plain);
	assert_string_equal(url,
		"https://h/prefix/ingest?tenant=7&name=mine%7Benv%3Dtest%7D&from=1795470005&until=1795470020"
		"&format=pprof&spyName=swtrace");
	curl_free(url);
}

/* A name is one in a list of names with labels, in a query: none of its characters may mean something there. */
static void hostile_names_stay_names(void **state)
{
	struct push_profile one = plain;
	char *url;

	(void)state;
	one.service = "a{b=c,d}&e=f\n\xff\x1b";
	one.host = "";
	one.from_utc_ns = one.until_utc_ns;
	url = url_of("http://h/ingest", &one);
	assert_string_equal(url,
		"http://h/ingest?name=a_b_c_d__e_f___%7bhost%3dunknown%7d&from=1795470019&until=1795470020"
		"&format=pprof&spyName=swtrace");
	curl_free(url);
}

static void parca_gets_the_bytes_as_base64_in_json(void **state)
{
	static const struct {
		const char *data;
		const char *base64;
	} rfc4648[] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
		{ "\xff\xfe\xfd", "//79" } };
	struct push_server s;

	(void)state;
	assert_int_equal(push_server_open(&s, "https://u:p@parca:7070/api/profiles/writeraw"), 0);
	assert_int_equal(s.kind, PUSH_PARCA);
	for (size_t i = 0; i < sizeof(rfc4648) / sizeof(rfc4648[0]); i++) {
		struct push_profile one = plain;
		struct strbuf body = { 0 };
		json_t *o, *series;

		one.data = (char *)rfc4648[i].data;
		one.n_bytes = strlen(one.data);
		one.service = "\"x";
		push_request_body(&s, &one, &body);
		assert_false(body.failed);
		o = json_loads(body.data, 0, NULL);
		assert_non_null(o);
		series = json_array_get(json_object_get(o, "series"), 0);
		assert_string_equal(json_string_value(json_object_get(
					    json_array_get(json_object_get(series, "samples"), 0), "rawProfile")),
			rfc4648[i].base64);
		assert_string_equal(
			json_string_value(json_object_get(
				json_array_get(json_object_get(json_object_get(series, "labels"), "labels"), 1),
				"value")),
			"_x");
		json_decref(o);
		strbuf_free(&body);
	}
	push_server_close(&s);
}

static void what_is_shown_of_a_url_holds_no_secret(void **state)
{
	struct push_server s;

	(void)state;
	setenv(PUSH_SECRET, "se:cret/", 1);
	assert_int_equal(push_server_open(&s, "https://joe@h:1/ingest?token=secret#secret"), 0);
	assert_string_equal(s.shown, "https://h:1/ingest");
	push_server_close(&s);
	assert_int_equal(push_server_open(&s, "https://joe:secret@h/ingest"), 0);
	assert_string_equal(s.shown, "https://h/ingest");
	push_server_close(&s);
	unsetenv(PUSH_SECRET);
}

static void the_secret_is_the_password_of_a_user_who_has_none(void **state)
{
	struct push_server s;
	char *password = NULL;

	(void)state;
	setenv(PUSH_SECRET, "se:cret/@", 1);
	assert_int_equal(push_server_open(&s, "https://joe@h/ingest"), 0);
	assert_int_equal(curl_url_get(s.url, CURLUPART_PASSWORD, &password, CURLU_URLDECODE), CURLUE_OK);
	assert_string_equal(password, "se:cret/@");
	curl_free(password);
	push_server_close(&s);
	unsetenv(PUSH_SECRET);
}

static void other_urls_are_refused(void **state)
{
	static const char *const urls[] = { "", "x", "localhost:4040/ingest", "http://h", "http://h/", "http://h/other",
		"ftp://h/ingest", "file:///tmp/ingest", "http:///ingest", "http://h:99999/ingest", "http://h/ingest/",
		"gopher://h/profiles/writeraw" };
	struct push_server s;

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		if (push_server_open(&s, urls[i]) != -EINVAL)
			fail_msg("'%s' was not refused", urls[i]);
		push_server_close(&s);
	}
}

/* By chance: often enough that a wait that is too short, or always the same, is met. */
static void each_failure_makes_the_wait_longer_up_to_a_minute(void **state)
{
	static const uint64_t most_ms[] = { 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000 };

	(void)state;
	for (unsigned n = 1; n <= 8; n++) {
		uint64_t most_ns = most_ms[n - 1] * 1000000, least = UINT64_MAX, longest = 0;

		for (int i = 0; i < 1000; i++) {
			uint64_t ns = push_wait_ns(n, 0);

			assert_in_range(ns, most_ns / 2, most_ns);
			least = ns < least ? ns : least;
			longest = ns > longest ? ns : longest;
		}
		assert_true(longest - least > most_ns / 4);
	}
	assert_in_range(push_wait_ns(1000000, 0), 30000000000, 60000000000);
}

static void a_server_may_ask_for_a_longer_wait_and_for_no_shorter_one(void **state)
{
	(void)state;
	assert_int_equal(push_wait_ns(1, 3), 3000000000);
	assert_int_equal(push_wait_ns(7, 600), 600000000000);
	assert_in_range(push_wait_ns(7, 1), 30000000000, 60000000000);
}

static int saved_stderr;
static FILE *heard;

static void listen_to_stderr(void)
{
	heard = tmpfile();
	assert_non_null(heard);
	fflush(stderr);
	saved_stderr = dup(STDERR_FILENO);
	dup2(fileno(heard), STDERR_FILENO);
}

/* what_was_said - to be freed. */
static char *what_was_said(void)
{
	char *text = calloc(1, 2048);

	assert_non_null(text);
	fflush(stderr);
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	rewind(heard);
	assert_true(fread(text, 1, 2047, heard) > 0);
	fclose(heard);
	return text;
}

static void add(struct push *p, size_t n_bytes)
{
	struct push_profile one = plain;

	one.n_bytes = n_bytes;
	one.data = calloc(1, n_bytes);
	assert_non_null(one.data);
	push_add(p, &one);
}

/* Five of ten MiB each: three are within 32 MiB. Nobody listens at port 1. */
static void what_waits_is_bounded_in_bytes_and_the_oldest_goes_first(void **state)
{
	struct push *p;
	char *said;

	(void)state;
	assert_int_equal(push_open(&p, "http://127.0.0.1:1/ingest"), 0);
	for (int i = 0; i < 5; i++)
		add(p, 10 << 20);
	listen_to_stderr();
	assert_int_equal(push_close(p, 0), -EIO);
	said = what_was_said();
	assert_non_null(strstr(said, "0 profiles sent; lost: 2 dropped for lack of room, 0 refused, 3 still waiting"));
	free(said);
}

static void that_there_can_be_no_thread_is_told_and_not_for_ever(void **state)
{
	pthread_attr_t normal, huge;
	struct push *p;
	char *said;

	(void)state;
	assert_int_equal(push_open(&p, "http://127.0.0.1:1/ingest"), 0);
	assert_int_equal(pthread_getattr_default_np(&normal), 0);
	pthread_attr_init(&huge);
	assert_int_equal(pthread_attr_setstacksize(&huge, (size_t)1 << 50), 0);
	assert_int_equal(pthread_setattr_default_np(&huge), 0);
	add(p, 10);
	listen_to_stderr();
	push_tell(p);
	push_tell(p);
	said = what_was_said();
	assert_non_null(strstr(said, "cannot send: there is no memory, or there can be no more threads"));
	assert_null(strstr(strstr(said, "cannot send") + 1, "cannot send"));
	free(said);
	/* Later there can be one. */
	assert_int_equal(pthread_setattr_default_np(&normal), 0);
	pthread_attr_destroy(&normal);
	pthread_attr_destroy(&huge);
	add(p, 10);
	listen_to_stderr();
	assert_int_equal(push_close(p, 0), -EIO);
	said = what_was_said();
	assert_non_null(strstr(said, "1 dropped for lack of room, 0 refused, 1 still waiting"));
	free(said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pyroscope_is_told_of_a_profile_by_the_query),
		cmocka_unit_test(hostile_names_stay_names),
		cmocka_unit_test(parca_gets_the_bytes_as_base64_in_json),
		cmocka_unit_test(what_is_shown_of_a_url_holds_no_secret),
		cmocka_unit_test(the_secret_is_the_password_of_a_user_who_has_none),
		cmocka_unit_test(other_urls_are_refused),
		cmocka_unit_test(each_failure_makes_the_wait_longer_up_to_a_minute),
		cmocka_unit_test(a_server_may_ask_for_a_longer_wait_and_for_no_shorter_one),
		cmocka_unit_test(what_waits_is_bounded_in_bytes_and_the_oldest_goes_first),
		cmocka_unit_test(that_there_can_be_no_thread_is_told_and_not_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
