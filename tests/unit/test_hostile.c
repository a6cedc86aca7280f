/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_hostile.c - whatever a process, its files and its code are called, all that output/ writes of events, crashes and
 * reports is lines that a terminal only shows, JSON that says what the names are, and Markdown in which they are code.
 *
 * In: events and reports made up in hostile.h. Out: each form, read by a reader of its own. */
#include "hostile.h"

#include "export/export.h"

static struct model_event event(enum model_event_type type)
{
	struct model_event e = { .type = type, .pid = PID, .tid = PID, .comm = COMM, .identity = &identity };

	e.end.sender_pid = 77;
	strcpy(e.end.sender_comm, COMM);
	return e;
}

/* ---- events ---- */

static void what_processes_do_is_told_in_lines_of_their_own(void **state)
{
	static const struct {
		enum model_event_type type;
		const char *text;
	} all[] = { { MODEL_EXIT, ROLE ", docker " COMM_TEXT " was killed by SIGKILL (signal 9), sent by " COMM_TEXT
				       "(77) [pid=4242, " },
		{ MODEL_EXEC, " runs a new program" }, { MODEL_FORK, " made a child" }, { MODEL_DL, " loaded " },
		{ MODEL_CODE, " runs code" } };
	static const struct output_stack none;
	char line[512];
	json_t *o;

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct model_event e = event(all[i].type);

		e.wait_status = 9;
		snprintf(line, sizeof(line), "] " WHO "%s", all[i].text);
		check_text(told(output_text_event(to(), &e, &none)), line, NULL);
		o = check_json(told(output_json_event(to(), &e, &none)), 0);
		expect(o, "comm", COMM_JSON);
		if (e.type == MODEL_EXIT)
			expect(o, "sender_comm", COMM_JSON);
		json_decref(o);
	}
	check_text(told(output_text_event(to(), &crash_event, &named)),
		"] CRASH " WHO ROLE ", docker " COMM_TEXT ", thread", STACK_TEXT, NULL);
	o = check_json(told(output_json_event(to(), &crash_event, &named)), 0);
	expect(o, "comm", COMM_JSON);
	expect_stack(o, "");
	json_decref(o);
}

static void what_ends_a_process_is_told_with_its_names(void **state)
{
	static const struct {
		enum model_event_type type;
		const char *heading;
	} all[] = { { MODEL_LIMIT, "] LIMIT " WHO ROLE ", docker " COMM_TEXT ": " },
		{ MODEL_MEMORY, "] NO MEMORY " WHO ROLE ", docker " COMM_TEXT ": " },
		{ MODEL_CORRUPT, "] CORRUPT " WHO ROLE ", docker " COMM_TEXT ": " },
		{ MODEL_EXIT, "] OOM KILL " WHO ROLE ", docker " COMM_TEXT ": " } };
	struct model_top top = { .stack = &stack, .n = 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct model_event e = event(all[i].type);
		struct output_end x = { .event = &e, .stack = named, .top = &top, .top_stacks = &named };
		json_t *o;

		check_text(told(output_text_end(to(), &x)), all[i].heading,
			" at " NAME_TEXT " /srv/" NAME_TEXT ":12\n" STACK_TEXT "    what lived then",
			"live in 2 blocks, zend\n" STACK_TEXT, NULL);
		o = check_json(told(output_json_end(to(), &x)), 0);
		expect(o, "comm", COMM_JSON);
		expect_stack(o, "");
		expect_stack(o, "live.0");
		json_decref(o);
		x.n_again = 3;
		check_text(told(output_text_end(to(), &x)), all[i].heading, "; 3 times more", NULL);
	}
}

static void a_double_free_is_told_with_its_names(void **state)
{
	struct model_event e = event(MODEL_FREED);
	json_t *o;

	(void)state;
	e.block = near;
	check_text(told(output_text_freed(to(), &e, &named, &named, &named)),
		"] DOUBLE FREE " WHO ROLE ", docker " COMM_TEXT ", thread 4242: ", " by thread 0\n" STACK_TEXT,
		"    freed first by:\n" STACK_TEXT, " before by:\n" STACK_TEXT, NULL);
	o = check_json(told(output_json_freed(to(), &e, &named, &named, &named)), 0);
	expect(o, "comm", COMM_JSON);
	expect_stack(o, "");
	expect_stack(o, "allocated_by");
	expect_stack(o, "freed_by");
	json_decref(o);
}

static void a_crash_is_told_with_its_names(void **state)
{
	static const char *const texts[] = { "summary", "likely", "instruction", "kernel_line", "abort_message",
		"address.text", "address.mapping.name", "pointers.0.text" };
	json_t *o;

	(void)state;
	check_text(told(output_text_crash(to(), &crash)),
		"] CRASH " WHO ROLE ", docker " COMM_TEXT ", thread 4242: ", "    what: " NAME_TEXT "\n",
		"    most likely: " NAME_TEXT "\n" STACK_TEXT, " was allocated by\n" STACK_TEXT,
		"    and freed by\n" STACK_TEXT, "    instruction: " NAME_TEXT ", bytes",
		"    rax points " NAME_TEXT "\n", "    kernel: " NAME_TEXT "\n", NULL);
	o = check_json(told(output_json_crash(to(), &crash)), 0);
	expect(o, "comm", COMM_JSON);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		expect(o, texts[i], NAME_JSON);
	expect_stack(o, "");
	expect_stack(o, "address.block.allocated_by");
	expect_stack(o, "address.block.freed_by");
	json_decref(o);
}

/* ---- reports ---- */

#define IDENTITY                                                                                            \
	"    is: worker of pool " NAME_TEXT " of Swoole " COMM_TEXT ", PHP " COMM_TEXT ", glibc " COMM_TEXT \
	", malloc of " COMM_TEXT ", docker " COMM_TEXT "\n"                                                 \
	"    build-ids: " NAME_TEXT " " NAME_TEXT "\n"

static void reports_are_told_with_their_names(void **state)
{
	json_t *o, *p;

	(void)state;
	check_text(told(output_text_report(to(), &report, &named)), "\n  " WHO ROLE " (ended):", IDENTITY,
		", zend, " WHO ROLE ", site ", STACK_TEXT, NULL);
	p = check_json(told(output_json_report(to(), &report, &named)), 0);
	expect(p, "processes.0.comm", COMM_JSON);
	expect(p, "processes.0.allocator", NAME_JSON);
	expect_identity(at(p, "processes.0.identity"));
	o = check_json(told(output_json_report(to(), &report, &named)), 2);
	expect(o, "comm", COMM_JSON);
	expect_stack(o, "");
	json_decref(p);
	json_decref(o);
}

static void a_table_of_processes_has_a_row_for_each_whatever_it_is_called(void **state)
{
	struct analyze_report r = report;

	(void)state;
	r.is_system = 1;
	check_text(told(output_text_report(to(), &r, &named)),
		"\n     2.0 KiB         +0 B  zend     " WHO ROLE " (ended)\n", STACK_TEXT, NULL);
}

static void estimates_are_told_with_their_names(void **state)
{
	struct model_windows windows = { .n_windows = 1 };
	struct analyze_estimate_row one = { .stack = &stack, .process = &process };
	struct analyze_estimate_heap heap = { .pid = PID };
	struct analyze_estimate e = { .snapshot = &snapshot,
		.windows = &windows,
		.row = &one,
		.n_rows = 1,
		.n_named = 1,
		.heap = &heap,
		.n_heaps = 1 };
	json_t *o;

	(void)state;
	check_text(told(output_text_estimate(to(), &e, &named)), "\n  " WHO ROLE " (ended):\n", IDENTITY,
		", zend, " WHO ROLE ", site ", STACK_TEXT, NULL);
	o = check_json(told(output_json_estimate(to(), &e, &named)), 0);
	expect(o, "processes.0.comm", COMM_JSON);
	expect_identity(at(o, "zend_heaps.0.identity"));
	json_decref(o);
	o = check_json(told(output_json_estimate(to(), &e, &named)), 2);
	expect(o, "comm", COMM_JSON);
	expect_stack(o, "");
	json_decref(o);
}

static void what_is_watched_is_told_with_its_names(void **state)
{
	json_t *o;

	(void)state;
	check_text(told(output_text_trend(to(), &snapshot, &process, &standing)), "] " WHO ROLE ": rss growing", NULL);
	o = check_json(told(output_json_trend(to(), &snapshot, &process, &standing)), 0);
	expect(o, "comm", COMM_JSON);
	expect_identity(json_object_get(o, "identity"));
	json_decref(o);
}

/* ---- profiles ---- */

static char *exported(const struct profile *p, enum export_format format)
{
	static const struct export_opts opts;

	return told(export_write(format, to(), p, &opts));
}

static void what_a_process_is_does_no_harm_in_profiles(void **state)
{
	struct profile p;
	char *text;
	json_t *o;

	(void)state;
	profile_begin(&p);
	assert_int_equal(output_profile(&p, "1.0", &report, &named, NULL), 0);
	check_text(exported(&p, EXPORT_TEXT),
		"\n  " WHO ", worker (ended):", "\n    is: worker of pool " NAME_TEXT " of Swoole " COMM_TEXT ", ",
		", zend, " WHO ", worker, site ",
		"\n      " NAME_SHOWN("`", "\xef\xbf\xbd") " " NAME_TEXT ":3 (" NAME_TEXT ", inlined)\n", NULL);
	o = check_json(exported(&p, EXPORT_JSON), 1);
	expect(o, "comm", COMM_JSON);
	expect(o, "container", COMM_JSON);
	json_decref(o);
	json_decref(check_json(exported(&p, EXPORT_SPEEDSCOPE), 0));
	text = exported(&p, EXPORT_HTML);
	assert_null(strchr(text, 0x7f));
	free(text);
	text = exported(&p, EXPORT_FOLDED);
	check_lines(text, "^([^ ;]+\\(4242\\);\\[zend\\];\\[incomplete\\](;[^ ;]+){6} 2048)?$");
	free(text);
	profile_free(&p);
}

static void a_recording_that_somebody_else_has_made_is_harmless_text(void **state)
{
	struct profile_point point = { 0, 1 };
	struct profile p;

	(void)state;
	/* GIVEN names in what swtrace itself would have written */
	profile_begin(&p);
	assert_int_equal(output_profile(&p, "1.0", &report, &named, NULL), 0);
	p.host = profile_string(&p, NAME);
	p.process[0].role = profile_string(&p, NAME);
	p.process[0].what = profile_string(&p, NAME);
	p.stack[0].why = profile_string(&p, NAME);
	profile_add_curve(&p, &(struct profile_curve){ .name = NAME, .verdict = "growing", .point = &point, .n = 1 });
	profile_add_loss(&p, NAME, NAME, 3);
	profile_add_event(&p, "{\"type\":\"crash\"}");
	assert_false(p.failed);
	/* WHEN shown, THEN */
	check_text(exported(&p, EXPORT_TEXT), "] " NAME_TEXT ", traced since ",
		"\n  " WHO ", " NAME_TEXT " (ended):", "\n    is: " NAME_TEXT "\n",
		"    memory: " NAME_TEXT " growing ", "  lost: 3 " NAME_TEXT "\n", ", site ",
		"\n    " NAME_TEXT "\n      ", NULL);
	json_decref(check_json(exported(&p, EXPORT_JSON), 0));
	profile_free(&p);
}

/* ---- Markdown ---- */

/* All that its lines may be: what comes from elsewhere is in code alone, or has no mark in it. */
#define PLAIN "[^]`<>[()!*_~@#&|/]*"
#define MARKDOWN                                                                 \
	"^(|## " PLAIN "( in `[^`]*`)?|### [A-Z][A-Za-z ,']+( \\(" PLAIN "\\))?" \
	"|- \\*\\*[A-Z][A-Za-z' ]+:\\*\\* `[^`]*`|- `[^`]+: [^`]*`"              \
	"|- \\*\\*Told by:\\*\\* swtrace 1\\.0|    .*)$"

static char *markdown(const json_t *crashed, const json_t *reported, json_t *leaks)
{
	char *text = told(output_markdown_crash(to(), crashed, reported, &leaks, 1, "1.0"));

	check_lines(text, MARKDOWN);
	return text;
}

/* The lines that tell of a crash. */
struct lines {
	json_t *report;
	json_t *stack;
	json_t *crash;
};

static struct lines lines_of_crash(void)
{
	return (struct lines){ check_json(told(output_json_report(to(), &report, &named)), 0),
		check_json(told(output_json_report(to(), &report, &named)), 2),
		check_json(told(output_json_crash(to(), &crash)), 0) };
}

static void lines_free(struct lines *l)
{
	json_decref(l->report);
	json_decref(l->stack);
	json_decref(l->crash);
}

/* A backtick would end a span. */
#define SPAN  NAME_SHOWN("\\x60", "\xef\xbf\xbd")
#define BLOCK NAME_SHOWN("`", "\xef\xbf\xbd")

static void names_are_code_in_markdown(void **state)
{
	static const char *const parts[] = { "## SIGSEGV in `" SPAN " " SPAN ":3 (" SPAN ", inlined)`\n",
		"- **What it is:** `" SPAN "`\n", "- **Most likely:** `" SPAN "`\n",
		"- **Abort message:** `" SPAN "`\n", "- **Kernel's line:** `" SPAN "`\n", "- `pool: " SPAN "`\n",
		"- `exe: " SPAN "`\n", "\n    #0  " BLOCK " " BLOCK ":3 (" BLOCK ", inlined)\n", "    rax: " BLOCK "\n",
		"\n    " BLOCK "\n      allocated by\n        #0  " BLOCK " ", "      freed by\n        #0  " BLOCK " ",
		"\n      #0  " BLOCK " ", "\n    " BLOCK "  " BLOCK "\n" };
	struct lines l = lines_of_crash();
	char *text = markdown(l.crash, l.report, l.stack);

	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		expect_part(text, parts[i]);
	free(text);
	lines_free(&l);
}

/* spoiled - a copy in which all strings are hostile, and so is one more field of each object, which could be one of a growth. */
static json_t *spoiled(const json_t *o)
{
	json_t *value, *copy;
	const char *key;
	size_t i;

	if (json_is_string(o))
		return json_string(NAME_JSON);
	copy = json_is_object(o) ? json_object() : json_is_array(o) ? json_array() : json_deep_copy(o);
	json_object_foreach((json_t *)o, key, value) json_object_set_new(copy, key, spoiled(value));
	json_array_foreach((json_t *)o, i, value) json_array_append_new(copy, spoiled(value));
	if (json_is_object(o))
		json_object_set_new(copy, NAME_JSON, json_pack("{s:s}", "verdict", NAME_JSON));
	return copy;
}

/* check_spoiled - that a line of an event, spoiled, makes no other Markdown than any; nor, in the place of each field, what it never is. */
static void check_spoiled(const struct lines *l, const json_t *event)
{
	json_t *report_of_it = spoiled(l->report), *stack_of_it = spoiled(l->stack), *bad = spoiled(event);
	json_t *others[] = { json_string(NAME_JSON), json_integer(-7), json_pack("[s]", NAME_JSON),
		json_pack("{s:s}", NAME_JSON, NAME_JSON), json_null() };
	const char *key;
	json_t *value;

	json_object_set(bad, "type", json_object_get(event, "type"));
	json_object_set(stack_of_it, "verdict", json_object_get(l->stack, "verdict"));
	free(markdown(bad, report_of_it, stack_of_it));
	json_object_foreach(bad, key, value)
	{
		for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
			json_t *one = json_copy(bad);

			json_object_set(one, key, others[i]);
			free(markdown(one, report_of_it, stack_of_it));
			json_decref(one);
		}
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		json_decref(others[i]);
	json_decref(report_of_it);
	json_decref(stack_of_it);
	json_decref(bad);
}

static void lines_that_somebody_else_has_made_make_no_other_markdown(void **state)
{
	struct lines l = lines_of_crash();

	(void)state;
	check_spoiled(&l, l.crash);
	lines_free(&l);
}

static void what_else_ends_a_process_is_code_in_markdown(void **state)
{
	static const enum model_event_type ends[] = { MODEL_LIMIT, MODEL_MEMORY, MODEL_CORRUPT, MODEL_EXIT };
	static const struct model_stray stray = { .addr = 16 };
	static const struct model_near inside = { .kind = MODEL_NEAR_LIVE, .size_bytes = 72 };
	struct model_top top = { .stack = &stack, .n = 1 };
	struct lines l = lines_of_crash();
	struct model_event e;
	json_t *lines[6];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		e = event(ends[i]);
		lines[i] =
			check_json(told(output_json_end(to(),
					   &(struct output_end){
						   .event = &e, .stack = named, .top = &top, .top_stacks = &named })),
				0);
	}
	e = event(MODEL_FREED);
	e.block = near;
	lines[4] = check_json(told(output_json_freed(to(), &e, &named, &named, &named)), 0);
	e.block = &inside;
	e.stray = &stray;
	lines[5] = check_json(told(output_json_stray(to(), &e, &named, &named)), 0);
	for (size_t i = 0; i < 6; i++) {
		char *text = markdown(lines[i], l.report, l.stack);

		assert_true(output_markdown_tells(lines[i]));
		expect_part(text, "- `pool: " SPAN "`\n");
		expect_part(text, "\n    #0  " BLOCK " " BLOCK ":3 (" BLOCK ", inlined)\n");
		expect_part(text, i < 4 ? "2.0 KiB live in 2 blocks, zend\n      #0  " BLOCK " "
					: "      allocated by\n        #0  " BLOCK " ");
		expect_part(text, i < 4 ? " in `" SPAN " " SPAN ":12`\n" : " free in `" SPAN " " SPAN ":12`\n");
		free(text);
		check_spoiled(&l, lines[i]);
		json_decref(lines[i]);
	}
	lines_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_processes_do_is_told_in_lines_of_their_own),
		cmocka_unit_test(what_ends_a_process_is_told_with_its_names),
		cmocka_unit_test(a_double_free_is_told_with_its_names),
		cmocka_unit_test(a_crash_is_told_with_its_names),
		cmocka_unit_test(reports_are_told_with_their_names),
		cmocka_unit_test(a_table_of_processes_has_a_row_for_each_whatever_it_is_called),
		cmocka_unit_test(estimates_are_told_with_their_names),
		cmocka_unit_test(what_is_watched_is_told_with_its_names),
		cmocka_unit_test(what_a_process_is_does_no_harm_in_profiles),
		cmocka_unit_test(a_recording_that_somebody_else_has_made_is_harmless_text),
		cmocka_unit_test(names_are_code_in_markdown),
		cmocka_unit_test(lines_that_somebody_else_has_made_make_no_other_markdown),
		cmocka_unit_test(what_else_ends_a_process_is_code_in_markdown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
