// SPDX-License-Identifier: GPL-2.0-or-later
/* output/markdown.c - a crash, or what else ends a process, as a text for a bug tracker, made of the JSON lines that told of it (docs/json.md, docs/crashes.md).
 *
 * Whatever the lines hold is untrusted, and may be missing: they may come from an older swtrace, or from somebody else. Text from
 * them stands in code alone, indented blocks or spans, where no Markdown is read and nobody is notified; two words of a known form stand
 * outside, without any mark. */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "output/markdown.h"

#define MAX_MODULES 32
#define MAX_LEAKS   5

/* add_abort - libc's last words, which end with the end of a line. */
static void add_abort(struct strbuf *b, const json_t *crash)
{
	char *words = strdup(text_of(crash, "abort_message"));
	size_t n = words ? strlen(words) : 0;

	b->failed |= !words;
	while (n && (words[n - 1] == '\n' || words[n - 1] == '\r'))
		words[--n] = 0;
	if (n)
		markdown_item(b, "Abort message", words);
	free(words);
}

/* add_title - a crash in its innermost frame, of which all its evidence is. */
static void add_title(struct strbuf *b, const json_t *event)
{
	const char *title = markdown_end_title(event);
	const json_t *at = title ? markdown_end_place(event) : json_array_get(json_object_get(event, "frames"), 0);
	struct strbuf place = { 0 };

	strbuf_add(b, "## ");
	strbuf_add_safe(b, title ? title : text_of(event, "signal_name"), MARKS ".");
	if (at) {
		strbuf_add(b, " in ");
		markdown_place(&place, at);
		markdown_span(b, place.data ? place.data : "");
	}
	strbuf_add(b, "\n\n");
	strbuf_free(&place);
}

static void add_words(struct strbuf *b, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		strbuf_add(b, i ? " " : "");
		strbuf_add_safe(b,
			json_is_string(json_array_get(list, i)) ? json_string_value(json_array_get(list, i)) : "", "`");
	}
	if (!json_array_size(list))
		strbuf_add(b, "none");
}

/* add_value - a number, a word or several, or those of an object with their names; at most two deep. */
static void add_value(struct strbuf *b, const json_t *value, int depth)
{
	const char *key;
	json_t *part;
	int n = 0;

	if (json_is_string(value))
		strbuf_add_safe(b, json_string_value(value), "`");
	else if (json_is_integer(value))
		strbuf_addf(b, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_boolean(value))
		strbuf_add(b, json_is_true(value) ? "yes" : "no");
	else if (json_is_null(value))
		strbuf_add(b, "not known");
	else if (json_is_array(value))
		add_words(b, value);
	if (!json_is_object(value) || depth >= 2)
		return;
	json_object_foreach((json_t *)value, key, part)
	{
		strbuf_add(b, n++ ? ", " : "");
		strbuf_add_safe(b, key, "`");
		strbuf_add(b, " ");
		add_value(b, part, depth + 1);
	}
}

/* add_identity - what the process was, as far as the crash or the report before it knows. Builds are told below, with those of the
 * stack. */
static void add_identity(struct strbuf *b, const json_t *identity)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)identity, key, value)
	{
		if (json_is_null(value) || json_is_array(value))
			continue;
		strbuf_add(b, "- `");
		strbuf_add_safe(b, key, "`");
		strbuf_add(b, ": ");
		add_value(b, value, 0);
		strbuf_add(b, "`\n");
	}
}

static void add_who(struct strbuf *b, const json_t *event)
{
	struct strbuf who = { 0 };

	strbuf_addf(&who, "%s, pid %" JSON_INTEGER_FORMAT, text_of(event, "comm"), number_of(event, "pid"));
	if (has(event, "tid"))
		strbuf_addf(&who, ", thread %" JSON_INTEGER_FORMAT, number_of(event, "tid"));
	markdown_made(b, "Process", &who);
}

static void add_signal(struct strbuf *b, const json_t *crash)
{
	struct strbuf code = { 0 };

	strbuf_addf(&code, "%s (%" JSON_INTEGER_FORMAT "), %s%s%s", text_of(crash, "signal_name"),
		number_of(crash, "signal"), text_of(crash, "code_name"), has(crash, "code_text") ? ": " : "",
		text_of(crash, "code_text"));
	markdown_made(b, "Signal", &code);
}

static void add_summary(struct strbuf *b, const json_t *event, const char *version)
{
	add_who(b, event);
	if (markdown_end_title(event)) {
		markdown_end_summary(b, event);
	} else {
		add_signal(b, event);
		markdown_item(b, "What it is", text_of(event, "summary"));
		markdown_item(b, "Most likely", text_of(event, "likely"));
		add_abort(b, event);
		markdown_item(b, "Kernel's line", text_of(event, "kernel_line"));
	}
	markdown_item(b, "When", text_of(event, "time"));
	strbuf_addf(b, "- **Told by:** swtrace %s\n", version);
}

static void add_address(struct strbuf *b, const json_t *crash)
{
	const json_t *address = json_object_get(crash, "address");

	if (!has(address, "text"))
		return;
	strbuf_add(b, "\n### Address of the fault\n\n    ");
	strbuf_add_safe(b, text_of(address, "text"), "");
	strbuf_add(b, "\n");
	markdown_blame(b, json_object_get(address, "block"));
}

/* add_padded - text of at least so many columns; it is ASCII where it is what it should be. */
static void add_padded(struct strbuf *b, const char *s, size_t columns)
{
	size_t start = b->len;

	strbuf_add_safe(b, s ? s : "", "");
	while (!b->failed && b->len - start < columns)
		strbuf_add(b, " ");
}

static void add_registers(struct strbuf *b, const json_t *crash)
{
	const json_t *registers = json_object_get(crash, "registers"), *pointers = json_object_get(crash, "pointers");
	const char *name;
	json_t *value;
	size_t n = 0;

	if (has(crash, "instruction") || has(crash, "code_bytes")) {
		strbuf_add(b, "\n### Instruction\n\n    ");
		strbuf_add_safe(b, text_of(crash, "instruction"), "");
		strbuf_add(b, has(crash, "instruction") ? "\n    bytes " : "bytes ");
		strbuf_add_safe(b, has(crash, "code_bytes") ? text_of(crash, "code_bytes") : "cannot be read", "");
		strbuf_add(b, "\n");
	}
	if (!json_object_size(registers))
		return;
	strbuf_add(b, "\n### Registers\n\n");
	json_object_foreach((json_t *)registers, name, value)
	{
		strbuf_add(b, n % 4 ? "  " : "    ");
		add_padded(b, name, 7);
		add_padded(b, json_string_value(value), n % 4 < 3 && n + 1 < json_object_size(registers) ? 18 : 0);
		strbuf_add(b, n % 4 == 3 ? "\n" : "");
		n++;
	}
	strbuf_add(b, n % 4 ? "\n\n" : "\n");
	for (size_t i = 0; i < json_array_size(pointers); i++) {
		const json_t *p = json_array_get(pointers, i);

		strbuf_add(b, "    ");
		strbuf_add_safe(b, text_of(p, "register"), "");
		strbuf_add(b, ": ");
		strbuf_add_safe(b, text_of(p, "text"), "");
		strbuf_add(b, "\n");
		markdown_blame(b, json_object_get(p, "block"));
	}
}

static void add_calls(struct strbuf *b, const json_t *crash)
{
	const json_t *calls = json_object_get(crash, "calls");

	if (!json_array_size(calls))
		return;
	strbuf_add(b, "\n### Last allocator calls of the thread, newest first\n\n");
	for (size_t i = 0; i < json_array_size(calls); i++) {
		const json_t *c = json_array_get(calls, i);

		strbuf_addf(b, "    %6" JSON_INTEGER_FORMAT " ms before  ", number_of(c, "before_us") / 1000);
		strbuf_add_safe(b, text_of(c, "layer"), "");
		strbuf_add(b, " ");
		strbuf_add_safe(b, text_of(c, "op"), "");
		strbuf_add(b, " ");
		strbuf_add_safe(b, text_of(c, "addr"), "");
		if (has(c, "size_bytes"))
			strbuf_addf(b, ", %" JSON_INTEGER_FORMAT " bytes", number_of(c, "size_bytes"));
		strbuf_add(b, "\n");
	}
}

static const json_t *process_of(const json_t *report, json_int_t pid)
{
	const json_t *list = json_object_get(report, "processes");

	for (size_t i = 0; i < json_array_size(list); i++)
		if (number_of(json_array_get(list, i), "pid") == pid)
			return json_array_get(list, i);
	return NULL;
}

static void add_growth(struct strbuf *b, const json_t *growth)
{
	char gain[FORMAT_BYTES_BYTES];
	const char *name;
	json_t *g;

	json_object_foreach((json_t *)growth, name, g)
	{
		if (!has(g, "verdict") || !strcmp(text_of(g, "verdict"), "not_enough_data"))
			continue;
		strbuf_add(b, "    ");
		strbuf_add_safe(b, name, "");
		strbuf_add(b, ": ");
		strbuf_add_safe(b, text_of(g, "verdict"), "");
		strbuf_addf(b, ", %s/s\n", format_gain(number_of(g, "bytes_per_s"), gain));
	}
}

/* add_why - why it is thought to leak, as text reports say it; a recording's stacks have it in a line for people. */
static void add_why(struct strbuf *b, const json_t *stack)
{
	char born[FORMAT_COUNT_BYTES], freed[FORMAT_COUNT_BYTES];

	if (json_is_true(json_object_get(json_object_get(stack, "leak"), "growing_block"))) {
		strbuf_add(b, "    few blocks, replaced by ever larger ones\n");
	} else if (has(stack, "old_blocks")) {
		strbuf_addf(b, "    %s of %s blocks", format_count((uint64_t)number_of(stack, "old_freed"), freed),
			format_count((uint64_t)number_of(stack, "old_blocks"), born));
		strbuf_addf(b, " older than %.0f s were freed\n", (double)number_of(stack, "old_age_ms") / 1e3);
	} else if (has(stack, "why")) {
		strbuf_add(b, "    ");
		strbuf_add_safe(b, text_of(stack, "why"), "");
		strbuf_add(b, "\n");
	}
}

static void add_leak(struct strbuf *b, const json_t *stack)
{
	const json_t *leak = json_object_get(stack, "leak");
	char bytes[FORMAT_BYTES_BYTES], rate[FORMAT_BYTES_BYTES], n[FORMAT_COUNT_BYTES];

	strbuf_addf(b, "\n    LEAK %s/h, %s", format_bytes((uint64_t)number_of(leak, "bytes_per_s") * 3600, rate),
		format_bytes((uint64_t)number_of(stack, "live_bytes"), bytes));
	strbuf_addf(b, " live in %s blocks, ", format_count((uint64_t)number_of(stack, "live_blocks"), n));
	strbuf_add_safe(b, text_of(stack, "layer"), "");
	strbuf_add(b, "\n");
	add_why(b, stack);
	markdown_frames(b, stack, SIDE_FRAMES, "      ");
}

/* add_moment - what it held when it crashed, and what was read of it before that. */
static void add_moment(struct strbuf *b, const json_t *crash)
{
	const json_t *memory = json_object_get(crash, "memory"), *php = json_object_get(memory, "php"), *bytes_of;
	char bytes[FORMAT_BYTES_BYTES];
	const char *name;
	size_t n = 0;

	if (!has(memory, "live_bytes") && !has(memory, "rss_bytes"))
		return;
	strbuf_add(b, "\n### Memory when it crashed\n\n");
	json_object_foreach(json_object_get(memory, "live_bytes"), name, bytes_of)
	{
		strbuf_add(b, n++ ? ", " : "    live: ");
		strbuf_add_safe(b, name, "");
		strbuf_addf(b, " %s", format_bytes((uint64_t)json_integer_value(bytes_of), bytes));
	}
	strbuf_add(b, n ? "\n" : "");
	if (!has(memory, "rss_bytes"))
		return;
	strbuf_addf(b, "    %.1f s before: %s resident", (double)number_of(memory, "age_ms") / 1e3,
		format_bytes((uint64_t)number_of(memory, "rss_bytes"), bytes));
	if (has(php, "size_bytes"))
		strbuf_addf(b, ", %s in PHP's heap", format_bytes((uint64_t)number_of(php, "size_bytes"), bytes));
	if (has(php, "limit_bytes"))
		strbuf_addf(b, " (memory_limit %s)", format_bytes((uint64_t)number_of(php, "limit_bytes"), bytes));
	strbuf_add(b, "\n");
}

/* add_memory - the last report before the crash. */
static void add_memory(struct strbuf *b, const json_t *crash, const json_t *report, json_t *const *stack, size_t n)
{
	const json_t *p = process_of(report, number_of(crash, "pid")), *layers = json_object_get(p, "layers"), *l;
	char bytes[FORMAT_BYTES_BYTES], blocks[FORMAT_COUNT_BYTES];
	const char *name;
	size_t n_leaks = 0;

	if (!p)
		return;
	strbuf_add(b, "\n### Memory, by the last report before it (");
	strbuf_add_safe(b, text_of(report, "time"), MARKS);
	strbuf_add(b, ")\n\n");
	json_object_foreach((json_t *)layers, name, l)
	{
		strbuf_add(b, "    ");
		strbuf_add_safe(b, name, "");
		strbuf_addf(b, ": %s live in ", format_bytes((uint64_t)number_of(l, "live_bytes"), bytes));
		strbuf_addf(b, "%s blocks\n", format_count((uint64_t)number_of(l, "live_blocks"), blocks));
	}
	add_growth(b, json_object_get(p, "growth"));
	for (size_t i = 0; i < n && n_leaks < MAX_LEAKS; i++) {
		if (number_of(stack[i], "pid") != number_of(crash, "pid") ||
			strcmp(text_of(stack[i], "verdict"), "leak"))
			continue;
		add_leak(b, stack[i]);
		n_leaks++;
	}
	if (!n_leaks)
		strbuf_add(b, "    no leak was known\n");
	if (number_of(report, "lost"))
		strbuf_addf(b, "    the books are incomplete: %" JSON_INTEGER_FORMAT " losses\n",
			number_of(report, "lost"));
}

/* Frames of different builds. */
struct builds {
	const json_t *frame[MAX_MODULES];
	size_t n;
};

static void take_builds(struct builds *seen, const json_t *frames)
{
	size_t k;

	for (size_t i = 0; i < json_array_size(frames) && seen->n < MAX_MODULES; i++) {
		const json_t *f = json_array_get(frames, i);

		if (!has(f, "build_id"))
			continue;
		for (k = 0; k < seen->n && strcmp(text_of(seen->frame[k], "build_id"), text_of(f, "build_id")); k++)
			;
		if (k == seen->n)
			seen->frame[seen->n++] = f;
	}
}

/* add_builds - which builds the addresses are of: those of the stack, and, of an end that has none, those of what lived. */
static void add_builds(struct strbuf *b, const json_t *event)
{
	const json_t *live = json_object_get(event, "live");
	struct builds seen = { .n = 0 };

	take_builds(&seen, json_object_get(event, "frames"));
	for (size_t i = 0; i < json_array_size(live) && i < MAX_LIVE; i++)
		take_builds(&seen, json_object_get(json_array_get(live, i), "frames"));
	for (size_t i = 0; i < seen.n; i++) {
		strbuf_add(b, i ? "    " : "\n### Builds\n\n    ");
		strbuf_add_safe(b, text_of(seen.frame[i], "build_id"), "");
		strbuf_add(b, "  ");
		strbuf_add_safe(b, text_of(seen.frame[i], "module"), "");
		strbuf_add(b, "\n");
	}
}

/* add_evidence - what is known of the moment, beside the stack. */
static void add_evidence(struct strbuf *b, const json_t *event)
{
	if (markdown_end_title(event)) {
		markdown_end_evidence(b, event);
		return;
	}
	add_address(b, event);
	add_registers(b, event);
	add_calls(b, event);
}

int output_markdown_crash(
	FILE *f, const json_t *event, const json_t *report, json_t *const *stack, size_t n, const char *version)
{
	const json_t *identity = json_object_get(event, "identity"), *frames = json_object_get(event, "frames");
	struct strbuf b = { 0 };

	if (!json_object_size(identity))
		identity = json_object_get(process_of(report, number_of(event, "pid")), "identity");
	add_title(&b, event);
	add_summary(&b, event, version);
	if (json_object_size(identity)) {
		strbuf_add(&b, "\n### Program\n\n");
		add_identity(&b, identity);
	}
	/* The kernel's kill meets a process wherever it is: it has no stack. */
	if (json_array_size(frames) || !markdown_end_title(event)) {
		strbuf_add(&b, "\n### Stack, innermost first\n\n");
		markdown_frames(&b, event, MAX_FRAMES, "    ");
		if (!json_array_size(frames))
			strbuf_add(&b, "    not known\n");
	}
	add_evidence(&b, event);
	add_moment(&b, event);
	add_memory(&b, event, report, stack, n);
	add_builds(&b, event);
	return strbuf_write(&b, f);
}
