/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_pprof.c - promises of export/pprof.c: what is written, unpacked again, has all numbers, names, inlined functions and
 * mappings of the profile.
 *
 * In: profiles made up here. Out: the message, read with the code that the build makes of its description. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "export/export.h"
#include "pprof.pb-c.h"

#define HOSTILE	  "\x1b[2J\n;\xff<script>\"\xc3\xa9"
#define HARMLESS  "\\x1b[2J\\x0a;\\xff<script>\"\xc3\xa9"	 /* of a name as it stands */
#define HARMLESS2 "\\x1b[2J\\x0a;\xef\xbf\xbd<script>\"\xc3\xa9" /* of a function's, which is made valid UTF-8 before */
#define BUILD_ID  "f401dc5a73a43fa8d1514aa22a13d9ea03965d52"
#define START_NS  1795470005123000000LL

static uint32_t native(struct profile *p, const char *function, const char *file, uint32_t line, const char *module,
	uint64_t offset, int is_inlined)
{
	return profile_add_frame(p, &(struct profile_frame){ .kind = PROFILE_NATIVE,
					    .function = function,
					    .file = file,
					    .line = line,
					    .module = module,
					    .build_id = strcmp(module, "php8.2") != 0 ? "" : BUILD_ID,
					    .offset = offset,
					    .is_inlined = is_inlined != 0 });
}

static uint32_t php(struct profile *p, const char *function, const char *file, uint32_t line)
{
	return profile_add_frame(
		p, &(struct profile_frame){ .kind = PROFILE_PHP, .function = function, .file = file, .line = line });
}

/* made - two processes, four stacks: one through PHP, with functions inlined into libc's; one without names; one with hostile
 * names; one of nothing. */
static void made(struct profile *p)
{
	uint32_t frame[8];

	profile_begin(p);
	p->version = profile_string(p, "0.5");
	p->host = profile_string(p, "box");
	p->start_utc_ns = START_NS;
	p->utc_ns = START_NS + 15000000000LL;
	profile_add_process(
		p, &(struct profile_process){
			   .pid = 42, .comm = "php8.2", .worker = 0, .role = "worker", .container = "c0ffee" });
	profile_add_process(p, &(struct profile_process){ .pid = 7, .comm = HOSTILE, .worker = -1 });

	frame[0] = native(p, "copy", "copy.h", 12, "libc.so.6", 0x1001, 1);
	frame[1] = native(p, "grow", "copy.h", 40, "libc.so.6", 0x1001, 1);
	frame[2] = native(p, "strdup", "strdup.c", 41, "libc.so.6", 0x1001, 0);
	frame[3] = php(p, "str_repeat", "", 0);
	frame[4] = php(p, "Cache::remember", "/srv/app/Cache.php", 41);
	frame[5] = native(p, "execute_ex", "", 0, "php8.2", 0x2001, 0);
	frame[6] = native(p, "_start", "", 0, "php8.2", 0x3001, 0);
	profile_add_stack(p, &(struct profile_stack){ .process = 0,
				     .layer = PROFILE_ZEND,
				     .verdict = PROFILE_LEAK,
				     .is_whole = 1,
				     .value = { 6144, 60, 7000, 70, 4320000 },
				     .n_frames = 7,
				     .frame = frame });
	frame[0] = profile_add_frame(
		p, &(struct profile_frame){
			   .kind = PROFILE_MODULE, .module = "ffi.so", .build_id = "ab", .offset = 0x501 });
	frame[1] = profile_add_frame(p, &(struct profile_frame){ .kind = PROFILE_REGION, .module = "[heap]" });
	frame[2] = profile_add_frame(p, &(struct profile_frame){ .kind = PROFILE_NOTHING });
	profile_add_stack(p, &(struct profile_stack){ .process = 0,
				     .layer = PROFILE_MMAP,
				     .value = { 0, 0, 4096, 1, 0 },
				     .n_frames = 3,
				     .frame = frame });
	frame[0] = php(p, HOSTILE, "/srv/" HOSTILE, 3);
	profile_add_stack(p, &(struct profile_stack){ .process = 1,
				     .layer = PROFILE_LIBC,
				     .verdict = PROFILE_CLEAN,
				     .is_whole = 1,
				     .value = { 300, 1, 300, 1, 0 },
				     .n_frames = 1,
				     .frame = frame });
	profile_add_stack(
		p, &(struct profile_stack){ .process = 1, .layer = PROFILE_LIBC, .value = { 1, 1, 1, 1, 0 } });
	profile_add_loss(p, "return_missed", "calls whose return was never seen", 7);
	profile_add_loss(p, "stack_full", "stacks that found no room", 0);
	assert_false(p->failed);
}

/* written - the file, unpacked.  Return: its bytes, to be freed. */
static uint8_t *written(const struct profile *p, const struct export_opts *opts, size_t *n)
{
	static const struct export_opts none;
	const size_t cap = 1 << 22;
	z_stream z = { 0 };
	uint8_t *data = malloc(cap);
	char *file = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&file, &len);

	assert_non_null(f);
	assert_non_null(data);
	assert_int_equal(export_write(EXPORT_PPROF, f, p, opts ? opts : &none), 0);
	fclose(f);
	z.next_in = (Bytef *)file;
	z.avail_in = (uInt)len;
	z.next_out = data;
	z.avail_out = (uInt)cap;
	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK); /* gzip alone */
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(z.avail_in, 0);
	*n = cap - z.avail_out;
	inflateEnd(&z);
	free(file);
	return data;
}

static Pprof__Profile *exported(const struct profile *p, const struct export_opts *opts)
{
	size_t n;
	uint8_t *data = written(p, opts, &n);
	Pprof__Profile *o = pprof__profile__unpack(NULL, n, data);

	assert_non_null(o);
	free(data);
	return o;
}

static const char *text(const Pprof__Profile *o, int64_t place)
{
	assert_true(place >= 0 && (size_t)place < o->n_string_table);
	return o->string_table[place];
}

static const Pprof__Location *place(const Pprof__Profile *o, size_t stack, size_t depth)
{
	assert_true(stack < o->n_sample && depth < o->sample[stack]->n_location_id);
	assert_in_range(o->sample[stack]->location_id[depth], 1, o->n_location);
	return o->location[o->sample[stack]->location_id[depth] - 1];
}

/* assert_line - the line at a location, the innermost function first. */
static void assert_line(
	const Pprof__Profile *o, const Pprof__Location *l, size_t i, const char *name, const char *file, int64_t line)
{
	const Pprof__Function *f;

	assert_true(i < l->n_line);
	assert_in_range(l->line[i]->function_id, 1, o->n_function);
	f = o->function[l->line[i]->function_id - 1];
	assert_string_equal(text(o, f->name), name);
	assert_string_equal(text(o, f->system_name), name);
	assert_string_equal(text(o, f->filename), file);
	assert_int_equal(l->line[i]->line, line);
}

static void assert_mapping(const Pprof__Profile *o, size_t i, const char *file, const char *build_id, int functions,
	int filenames, int lines)
{
	const Pprof__Mapping *m;

	assert_true(i < o->n_mapping);
	m = o->mapping[i];
	assert_int_equal(m->id, i + 1);
	assert_string_equal(text(o, m->filename), file);
	assert_string_equal(text(o, m->build_id), build_id);
	assert_int_equal(m->has_functions, functions);
	assert_int_equal(m->has_filenames, filenames);
	assert_int_equal(m->has_line_numbers, lines);
	assert_int_equal(m->has_inline_frames, lines);
	assert_true(m->memory_start == 0);
}

/* label - of a sample: the text, "" if there is none. Numbers are not looked for. */
static const char *label(const Pprof__Profile *o, size_t stack, const char *key)
{
	for (size_t i = 0; i < o->sample[stack]->n_label; i++)
		if (!strcmp(text(o, o->sample[stack]->label[i]->key), key))
			return text(o, o->sample[stack]->label[i]->str);
	return "";
}

static int64_t pid(const Pprof__Profile *o, size_t stack)
{
	for (size_t i = 0; i < o->sample[stack]->n_label; i++)
		if (!strcmp(text(o, o->sample[stack]->label[i]->key), "pid"))
			return o->sample[stack]->label[i]->num;
	return 0;
}

static void assert_values(const Pprof__Profile *o, size_t stack, int64_t a, int64_t b, int64_t c, int64_t d)
{
	const Pprof__Sample *s = o->sample[stack];

	assert_int_equal(s->n_value, 4);
	assert_int_equal(s->value[0], a);
	assert_int_equal(s->value[1], b);
	assert_int_equal(s->value[2], c);
	assert_int_equal(s->value[3], d);
}

static void what_is_counted_is_what_tools_know_of_a_heap(void **state)
{
	static const char *const types[4][2] = { { "alloc_objects", "count" }, { "alloc_space", "bytes" },
		{ "inuse_objects", "count" }, { "inuse_space", "bytes" } };
	struct profile p;
	Pprof__Profile *o;

	(void)state;
	made(&p);
	o = exported(&p, NULL);
	assert_string_equal(o->string_table[0], "");
	assert_int_equal(o->n_sample_type, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_string_equal(text(o, o->sample_type[i]->type), types[i][0]);
		assert_string_equal(text(o, o->sample_type[i]->unit), types[i][1]);
	}
	assert_string_equal(text(o, o->default_sample_type), "inuse_space");
	assert_string_equal(text(o, o->period_type->type), "space");
	assert_string_equal(text(o, o->period_type->unit), "bytes");
	assert_int_equal(o->period, 1);
	assert_true(o->time_nanos == START_NS + 15000000000LL);
	assert_true(o->duration_nanos == 15000000000LL);
	assert_int_equal(o->n_sample, 4);
	assert_values(o, 0, 70, 7000, 60, 6144);
	assert_values(o, 1, 1, 4096, 0, 0);
	assert_values(o, 2, 1, 300, 1, 300);
	assert_int_equal(o->n_comment, 2);
	assert_string_equal(text(o, o->comment[0]), "swtrace 0.5 on box, since 2026-11-23T21:40:05.123Z");
	assert_string_equal(text(o, o->comment[1]), "lost: 7 calls whose return was never seen");
	pprof__profile__free_unpacked(o, NULL);
	profile_free(&p);
}

static void a_comment_tells_that_the_file_was_damaged(void **state)
{
	Pprof__Profile *o;
	struct profile p;

	(void)state;
	made(&p);
	p.fault = PROFILE_TRUNCATED;
	o = exported(&p, NULL);
	assert_int_equal(o->n_comment, 3);
	assert_string_equal(text(o, o->comment[1]),
		"damaged file: it ends too early; 4 stacks could be read, what else was in it is not known");
	assert_string_equal(text(o, o->comment[2]), "lost: 7 calls whose return was never seen");
	pprof__profile__free_unpacked(o, NULL);
	p.n_losses = 0;
	o = exported(&p, NULL);
	assert_int_equal(o->n_comment, 2);
	assert_non_null(strstr(text(o, o->comment[1]), "what was lost is not known"));
	pprof__profile__free_unpacked(o, NULL);
	profile_free(&p);
}

static void inlined_functions_are_lines_of_one_location_the_innermost_first(void **state)
{
	const Pprof__Location *l;
	struct profile p;
	Pprof__Profile *o;

	(void)state;
	made(&p);
	o = exported(&p, NULL);
	assert_int_equal(o->sample[0]->n_location_id, 5);
	l = place(o, 0, 0);
	assert_int_equal(l->n_line, 3);
	assert_line(o, l, 0, "copy", "copy.h", 12);
	assert_line(o, l, 1, "grow", "copy.h", 40);
	assert_line(o, l, 2, "strdup", "strdup.c", 41);
	assert_int_equal(l->address, 0x1000); /* within the call */
	l = place(o, 0, 3);
	assert_int_equal(l->n_line, 1);
	assert_line(o, l, 0, "execute_ex", "", 0);
	assert_int_equal(l->address, 0x2000);
	pprof__profile__free_unpacked(o, NULL);
	profile_free(&p);
}

static void php_frames_have_a_name_a_file_and_a_line_and_no_address(void **state)
{
	const Pprof__Location *l;
	struct profile p;
	Pprof__Profile *o;

	(void)state;
	made(&p);
	o = exported(&p, NULL);
	l = place(o, 0, 1);
	assert_int_equal(l->n_line, 1);
	assert_line(o, l, 0, "str_repeat", "", 0);
	l = place(o, 0, 2);
	assert_line(o, l, 0, "Cache::remember", "/srv/app/Cache.php", 41);
	assert_int_equal(l->address, 0);
	assert_string_equal(text(o, o->mapping[l->mapping_id - 1]->filename), "php");
	pprof__profile__free_unpacked(o, NULL);
	profile_free(&p);
}

static void the_programs_own_file_comes_first_and_each_says_what_is_known_of_it(void **state)
{
	struct profile p;
	Pprof__Profile *o;

	(void)state;
	made(&p);
	o = exported(&p, NULL);
	assert_int_equal(o->n_mapping, 5);
	assert_mapping(o, 0, "php8.2", BUILD_ID, 1, 0, 0);
	assert_mapping(o, 1, "libc.so.6", "", 1, 1, 1);
	assert_mapping(o, 2, "php", "", 1, 1, 1);
	assert_mapping(o, 3, "ffi.so", "ab", 0, 0, 0);
	assert_mapping(o, 4, "[heap]", "", 1, 0, 0);
	for (size_t i = 0; i < o->n_function; i++)
		assert_int_equal(o->function[i]->id, i + 1);
	for (size_t i = 0; i < o->n_location; i++) {
		const Pprof__Location *l = o->location[i];

		assert_int_equal(l->id, i + 1);
		assert_true(!l->address || (l->mapping_id && l->address < o->mapping[l->mapping_id - 1]->memory_limit));
	}
	pprof__profile__free_unpacked(o, NULL);
	profile_free(&p);
}

static void code_without_a_name_is_an_address_in_its_file_and_what_is_no_code_has_a_name(void **state)
{
	const Pprof__Location *l;
	struct profile p;
	Pprof__Profile *o;

	(void)state;
	made(&p);
	o = exported(&p, NULL);
	l = place(o, 1, 0);
	assert_int_equal(l->n_line, 0);
	assert_int_equal(l->address, 0x500);
	assert_int_equal(l->mapping_id, 4);
	assert_line(o, place(o, 1, 1), 0, "[heap]", "", 0);
	assert_line(o, place(o, 1, 2), 0, "[unmapped]", "", 0);
	assert_int_equal(place(o, 1, 2)->mapping_id, 0);
	pprof__profile__free_unpacked(o, NULL);
	profile_free(&p);
}

static void labels_tell_whose_a_stack_is(void **state)
{
	struct profile p;
	Pprof__Profile *o;

	(void)state;
	made(&p);
	o = exported(&p, NULL);
	assert_int_equal(pid(o, 0), 42);
	assert_string_equal(label(o, 0, "comm"), "php8.2");
	assert_string_equal(label(o, 0, "layer"), "zend");
	assert_string_equal(label(o, 0, "role"), "worker");
	assert_string_equal(label(o, 0, "worker"), "0");
	assert_string_equal(label(o, 0, "container"), "c0ffee");
	assert_string_equal(label(o, 0, "verdict"), "leak");
	assert_string_equal(label(o, 0, "stack"), "");
	assert_string_equal(label(o, 1, "layer"), "mmap");
	assert_string_equal(label(o, 1, "verdict"), "");
	assert_string_equal(label(o, 1, "stack"), "incomplete");
	assert_int_equal(pid(o, 2), 7);
	assert_string_equal(label(o, 2, "worker"), "");
	assert_string_equal(label(o, 2, "container"), "");
	assert_int_equal(o->sample[3]->n_location_id, 0);
	pprof__profile__free_unpacked(o, NULL);
	profile_free(&p);
}

static void hostile_names_are_valid_utf8_and_harmless_to_a_terminal(void **state)
{
	struct profile p;
	Pprof__Profile *o;

	(void)state;
	made(&p);
	o = exported(&p, NULL);
	assert_string_equal(label(o, 2, "comm"), HARMLESS);
	assert_line(o, place(o, 2, 0), 0, HARMLESS2, "/srv/" HARMLESS, 3);
	for (size_t i = 0; i < o->n_string_table; i++)
		for (const unsigned char *c = (const unsigned char *)o->string_table[i]; *c; c++)
			assert_true(*c >= ' ' && *c != 0x7f && *c != 0xff);
	pprof__profile__free_unpacked(o, NULL);
	profile_free(&p);
}

static void a_difference_may_be_below_zero(void **state)
{
	struct export_opts opts = { .is_difference = 1 };
	struct profile before, now, diff;
	int64_t sum = 0, blocks = 0;
	Pprof__Profile *o;

	(void)state;
	made(&before);
	made(&now);
	now.utc_ns += 60000000000LL;
	now.stack[0].value[PROFILE_LIVE_BYTES] += 1024;
	now.stack[0].value[PROFILE_LIVE_BLOCKS] += 2;
	now.stack[2].value[PROFILE_LIVE_BYTES] -= 200;
	assert_int_equal(profile_subtract(&now, &before, &diff), 0);
	o = exported(&diff, &opts);
	assert_int_equal(o->n_sample, 2);
	for (size_t i = 0; i < 2; i++) {
		sum += o->sample[i]->value[3];
		blocks += o->sample[i]->value[2];
		assert_int_equal(o->sample[i]->value[3], pid(o, i) == 42 ? 1024 : -200);
	}
	assert_int_equal(sum, 824);
	assert_int_equal(blocks, 2);
	assert_true(o->duration_nanos == 60000000000LL);
	assert_non_null(strstr(text(o, o->comment[0]), ", against "));
	pprof__profile__free_unpacked(o, NULL);
	profile_free(&before);
	profile_free(&now);
	profile_free(&diff);
}

/* Each name, function, location and mapping is there once, however many stacks there are, so that a file stays small. */
static void what_is_the_same_is_there_once(void **state)
{
	struct profile p;
	Pprof__Profile *o;
	int64_t sum = 0;

	(void)state;
	profile_begin(&p);
	profile_add_process(&p, &(struct profile_process){ .pid = 1, .comm = "x", .worker = -1 });
	for (uint32_t i = 0; i < 5000; i++) {
		char name[32];
		uint32_t frame[3];

		snprintf(name, sizeof(name), "f%u", i % 100);
		frame[0] = native(&p, "inner", "a.h", 1, "libx.so", 0x100 + i % 10, 1);
		frame[1] = native(&p, "outer", "a.c", 2, "libx.so", 0x100 + i % 10, 0);
		frame[2] = native(&p, name, "a.c", 3, "libx.so", 0x1000 + i % 100, 0);
		profile_add_stack(&p, &(struct profile_stack){ .layer = PROFILE_LIBC,
					      .value = { i, 1, i, 1, 0 },
					      .is_whole = 1,
					      .n_frames = 3,
					      .frame = frame });
	}
	o = exported(&p, NULL);
	assert_int_equal(o->n_sample, 5000);
	assert_int_equal(o->n_function, 102);
	assert_int_equal(o->n_location, 110);
	assert_int_equal(o->n_mapping, 1);
	for (size_t i = 0; i < o->n_sample; i++)
		sum += o->sample[i]->value[3];
	assert_int_equal(sum, 4999 * 5000 / 2);
	for (size_t i = 0; i < o->n_string_table; i++)
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(o->string_table[i], o->string_table[k]);
	pprof__profile__free_unpacked(o, NULL);
	profile_free(&p);
}

static void a_profile_of_nothing_is_a_message_all_the_same(void **state)
{
	struct profile p;
	Pprof__Profile *o;

	(void)state;
	profile_begin(&p);
	o = exported(&p, NULL);
	assert_int_equal(o->n_sample, 0);
	assert_int_equal(o->n_mapping, 0);
	assert_int_equal(o->n_sample_type, 4);
	pprof__profile__free_unpacked(o, NULL);
	profile_free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_counted_is_what_tools_know_of_a_heap),
		cmocka_unit_test(a_comment_tells_that_the_file_was_damaged),
		cmocka_unit_test(inlined_functions_are_lines_of_one_location_the_innermost_first),
		cmocka_unit_test(php_frames_have_a_name_a_file_and_a_line_and_no_address),
		cmocka_unit_test(the_programs_own_file_comes_first_and_each_says_what_is_known_of_it),
		cmocka_unit_test(code_without_a_name_is_an_address_in_its_file_and_what_is_no_code_has_a_name),
		cmocka_unit_test(labels_tell_whose_a_stack_is),
		cmocka_unit_test(hostile_names_are_valid_utf8_and_harmless_to_a_terminal),
		cmocka_unit_test(a_difference_may_be_below_zero),
		cmocka_unit_test(what_is_the_same_is_there_once),
		cmocka_unit_test(a_profile_of_nothing_is_a_message_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
