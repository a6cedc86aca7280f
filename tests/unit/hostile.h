/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/hostile.h - names that are made to do harm where they are shown, a process and a crash in which each text is one, and readers of
 * what is told of them. These know nothing of how it was made: regular expressions for lines, jansson for JSON and UTF-8. */
#ifndef UNIT_HOSTILE_H
#define UNIT_HOSTILE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <regex.h>

#include "output/output.h"

/* As it is, in text, and in JSON. A name of a process has 15 bytes. */
#define COMM	  "\x1b[5n\n;`<\"\xff\xe2\x80\xae\x7f"
#define COMM_TEXT "\\x1b[5n\\x0a;`<\"\\xff\\xe2\\x80\\xae\\x7f"
#define COMM_JSON "\x1b[5n\n;`<\"\xef\xbf\xbd\xe2\x80\xae\x7f"
#define NAME	  "\x1b]0;x\x07\n\r\t\x7f<b>\"'`|;\\{}%s\xff\xc2\x9b\xe2\x80\xae\xe2\x80\xa8"
#define NAME_JSON "\x1b]0;x\x07\n\r\t\x7f<b>\"'`|;\\{}%s\xef\xbf\xbd\xc2\x9b\xe2\x80\xae\xe2\x80\xa8"
#define NAME_TEXT NAME_SHOWN("`", "\\xff")
/* Made of JSON, in which U+FFFD stands for what is no UTF-8. */
#define NAME_SHOWN(backtick, no_utf8)                                                       \
	"\\x1b]0;x\\x07\\x0a\\x0d\\x09\\x7f<b>\"'" backtick "|;\\{}%s" no_utf8 "\\xc2\\x9b" \
	"\\xe2\\x80\\xae\\xe2\\x80\\xa8"

#define PID  4242
#define WHO  COMM_TEXT "(4242)"
#define ROLE ", worker of pool " NAME_TEXT

/* ---- a process, its stack, its crash ---- */

static const struct symbol_frame frames[] = {
	{ .kind = SYMBOL_FUNCTION,
		.function = NAME,
		.module = NAME,
		.build_id = NAME,
		.file = NAME,
		.line = 3,
		.is_inlined = 1 },
	{ .kind = SYMBOL_FUNCTION, .function = NAME, .module = NAME, .build_id = "" },
	{ .kind = SYMBOL_PHP, .function = NAME, .file = "/srv/" NAME, .line = 12, .module = "", .build_id = "" },
	{ .kind = SYMBOL_PHP, .function = NAME, .file = "", .module = "", .build_id = "" },
	{ .kind = SYMBOL_MODULE, .module = NAME, .build_id = "" },
	{ .kind = SYMBOL_REGION, .module = NAME, .build_id = "" },
};
#define N_FRAMES (sizeof(frames) / sizeof(frames[0]))
static const struct output_stack named = { .frame = frames, .n = N_FRAMES, .walk = MODEL_WALK_UNREAD };

/* The lines of the stack. */
#define STACK_TEXT                                                                                                \
	"      " NAME_TEXT " " NAME_TEXT ":3 (" NAME_TEXT ", inlined)\n      " NAME_TEXT "+0x0 (" NAME_TEXT ")\n" \
	"      " NAME_TEXT " /srv/" NAME_TEXT ":12\n      " NAME_TEXT " (PHP)\n      " NAME_TEXT "+0x0\n"         \
	"      0x0 in " NAME_TEXT "\n      (the stack ends here: the stack could not be read)\n"

/* target/ lets less of this through. */
static const struct model_identity identity = { .role = MODEL_ROLE_WORKER,
	.role_from = MODEL_ROLE_FROM_TITLE,
	.worker = -1,
	.pool = NAME,
	.exe = NAME,
	.has_php = 1,
	.thread_safe = -1,
	.php_version = COMM,
	.has_swoole = 1,
	.swoole_version = COMM,
	.libc = MODEL_LIBC_GLIBC,
	.libc_version = COMM,
	.malloc = COMM,
	.container = MODEL_CONTAINER_DOCKER,
	.container_id = COMM,
	.extensions = COMM,
	.kernel = COMM,
	.distribution = COMM,
	.distribution_version = COMM,
	.n_files = 1,
	.file = { { NAME, NAME } } };

static struct model_process process = { .pid = PID,
	.comm = COMM,
	.allocator = NAME,
	.identity = &identity,
	.identity_is_new = 1,
	.layer = { { .live_bytes = 2048, .live_blocks = 2 } } };
static struct model_stack stack = { .pid = PID, .live_bytes = 2048, .live_blocks = 2 };
static const struct model_snapshot snapshot = { .process = &process, .n_processes = 1, .stack = &stack, .n_stacks = 1 };
static const struct analyze_standing standing = { .growth[MODEL_CURVE_RSS] = {
							  GROWTH_GROWING, 1200, 1100, 1300, 18000 } };
static const struct analyze_leak leak = { .verdict = LEAK_YES, .bytes_per_s = 10, .n_old = 5 };
static struct analyze_row row = { .stack = &stack, .process = &process, .leak = &leak };
static struct analyze_process process_row = {
	.process = &process, .live_bytes = 2048, .live_blocks = 2, .standing = &standing
};
static struct analyze_report report = {
	.snapshot = &snapshot, .row = &row, .n_rows = 1, .n_stacks = 1, .process = &process_row, .n_processes = 1
};

/* A use of a freed block; the process has also said something before. */
static const struct model_crash seen = { .mapping[0].name = NAME,
	.n_mappings = 1,
	.n_code = 4,
	.abort_message = NAME,
	.call[0] = { .addr = 0x10 },
	.n_calls = 1,
	.has_calls = 1 };
static const struct model_near near[CRASH_ADDRESSES] = { { .kind = MODEL_NEAR_FREED, .size_bytes = 72 } };
static const struct output_stack by[CRASH_ADDRESSES] = { { frames, N_FRAMES, MODEL_WALK_UNREAD } };
static const struct crash_report explained = { .kind = CRASH_USE_AFTER_FREE,
	.summary = NAME,
	.likely = NAME,
	.instruction = NAME,
	.kernel_line = NAME,
	.has_address = 1,
	.address = { .text = NAME, .mapping = &seen.mapping[0], .near = near },
	.pointer[0].text = NAME,
	.n_pointers = 1 };
static const struct model_event crash_event = {
	.type = MODEL_SIGNAL, .pid = PID, .tid = PID, .comm = COMM, .identity = &identity, .signal = 11, .crash = &seen
};
static const struct output_crash crash = { .event = &crash_event,
	.report = &explained,
	.stack = &named,
	.near = near,
	.allocated = by,
	.freed = by,
	.process = &process,
	.standing = &standing };

/* ---- readers ---- */

static char *written;
static size_t written_len;
static FILE *written_to;

/* to - where a writer is to write. told - what it has written, to be freed: told(output_text_end(to(), &x)). */
static inline FILE *to(void)
{
	written_to = open_memstream(&written, &written_len);
	assert_non_null(written_to);
	return written_to;
}

static inline char *told(int err)
{
	assert_int_equal(err, 0);
	fclose(written_to);
	return written;
}

static inline void expect_part(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no\n%s\nin\n%s", part, text);
}

/* check_lines - UTF-8 of which a terminal shows each character, and does nothing else; lines of that form. */
static inline void check_lines(const char *text, const char *form)
{
	static const char *const harmful[] = { "\xc2\x9b", "\xe2\x80\xae", "\xe2\x80\xa8" };
	char *copy = strdup(text), *rest = copy;
	json_t *utf8 = json_string(text);
	regex_t expression;

	assert_non_null(utf8);
	json_decref(utf8);
	for (size_t i = 0; i < sizeof(harmful) / sizeof(harmful[0]); i++)
		assert_null(strstr(text, harmful[i]));
	assert_int_equal(regcomp(&expression, form, REG_EXTENDED | REG_NOSUB), 0);
	for (const char *line; (line = strsep(&rest, "\n"));) {
		for (const char *c = line; *c; c++)
			if ((unsigned char)*c < 0x20 || *c == 0x7f)
				fail_msg("0x%02x in '%s'", *c, line);
		if (regexec(&expression, line, 0, NULL, 0))
			fail_msg("'%s' is no line of\n%s", line, text);
	}
	regfree(&expression);
	free(copy);
}

/* check_text - a text for people has lines that no name has begun, and these parts, up to NULL. The text is freed. */
static inline void check_text(char *text, ...)
{
	va_list parts;

	check_lines(text, "^(\\[19[0-9TZ:.-]+\\] |  |#[0-9]+  |$)");
	va_start(parts, text);
	for (const char *part; (part = va_arg(parts, const char *));)
		expect_part(text, part);
	va_end(parts);
	free(text);
}

/* check_json - ASCII that is an object in each line. The text is freed.  Return: the line of that number, from 0 on. */
static inline json_t *check_json(char *text, size_t n)
{
	char *rest = text;
	json_t *found = NULL;

	for (const char *c = text; *c; c++)
		assert_true(*c == '\n' || (*c >= 0x20 && *c < 0x7f));
	assert_int_equal(text[strlen(text) - 1], '\n');
	for (const char *line; (line = strsep(&rest, "\n")) && *line;) {
		json_t *o = json_loads(line, JSON_REJECT_DUPLICATES, NULL);

		assert_true(json_is_object(o));
		if (n--)
			json_decref(o);
		else
			found = o;
	}
	assert_non_null(found);
	free(text);
	return found;
}

/* at - a value in an object: "address.block.freed_by.frames.0.function"; "": the object. */
static inline const json_t *at(const json_t *o, const char *path)
{
	char copy[128], *rest = copy;

	snprintf(copy, sizeof(copy), "%s", path);
	for (const char *key; *path && (key = strsep(&rest, "."));)
		o = json_is_array(o) ? json_array_get(o, strtoul(key, NULL, 10)) : json_object_get(o, key);
	return o;
}

static inline void expect(const json_t *o, const char *path, const char *text)
{
	const char *found = json_string_value(at(o, path));

	if (!found || strcmp(found, text) != 0)
		fail_msg("%s: '%s'", path, found ? found : "(none)");
}

static inline void expect_stack(const json_t *o, const char *path)
{
	static const char *const names[] = { "0.function", "0.file", "0.module", "0.build_id", "1.function", "1.module",
		"2.function", "3.function", "4.module", "5.module" };
	const json_t *list = json_object_get(at(o, path), "frames");

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		expect(list, names[i], NAME_JSON);
	expect(list, "2.file", "/srv/" NAME_JSON);
}

static inline void expect_identity(const json_t *o)
{
	static const char *const names[] = { "pool", "exe", "files.0.name", "files.0.build_id" };
	static const char *const shorter[] = { "php.version", "swoole.version", "libc.version", "malloc",
		"container.id", "distribution.id", "distribution.version", "kernel" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		expect(o, names[i], NAME_JSON);
	for (size_t i = 0; i < sizeof(shorter) / sizeof(shorter[0]); i++)
		expect(o, shorter[i], COMM_JSON);
}

#endif
