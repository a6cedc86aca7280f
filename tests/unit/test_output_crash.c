// SPDX-License-Identifier: GPL-2.0-or-later
/* tests/unit/test_output_crash.c - all of a crash report, as docs/crashes.md has it: the text to the byte, the JSON parsed.
 *
 * In: two made-up crashes with everything that can be told of one, as crash/ explains them. */
#include <jansson.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "output/output.h"
#include "worker.h"

#define UTC_NS 1795470005123000000LL /* 2026-11-23T21:40:05.123Z */
#define MS     1000000ULL

#define CODE  0x55d0c0000000ULL
#define HEAP  0x55d0c2000000ULL
#define GONE  0x7e0000000000ULL /* nothing is mapped there */
#define GUARD 0x7ffd00000000ULL
#define STACK 0x7ffd00001000ULL

static struct model_crash crash;
static struct model_event event;
static struct model_near near[CRASH_ADDRESSES];
static struct crash_report report;

static void map(uint64_t start, uint64_t end, unsigned flags, const char *name)
{
	struct model_mapping *m = &crash.mapping[crash.n_mappings++];

	*m = (struct model_mapping){ .start = start, .end = end, .flags = flags, .is_file = name[0] != '[' };
	snprintf(m->name, sizeof(m->name), "%s", name);
}

static int begin(void **state)
{
	(void)state;
	memset(&crash, 0, sizeof(crash));
	memset(near, 0, sizeof(near));
	event = (struct model_event){ .type = MODEL_SIGNAL,
		.utc_ns = UTC_NS,
		.pid = 4242,
		.tid = 4243,
		.comm = "php",
		.signal = SIGSEGV,
		.code = SEGV_MAPERR,
		.has_fault_addr = 1,
		.ip = CODE + 0x101c,
		.identity = &worker,
		.crash = &crash };
	crash.has_mappings = 1;
	crash.trap = 14;
	map(CODE, CODE + 0x5000, MODEL_READ | MODEL_EXECUTE, "php8.2");
	map(HEAP, HEAP + 0x1000, MODEL_READ | MODEL_WRITE, "[heap]");
	map(GUARD, STACK, 0, "[anon]");
	map(STACK, STACK + 0x21000, MODEL_READ | MODEL_WRITE, "[stack]");
	for (int i = 0; i < MODEL_RIP; i++) /* small numbers, each another: nothing is there */
		crash.reg[i] = 0x1110 + (uint64_t)i;
	crash.reg[MODEL_RIP] = event.ip;
	crash.reg[MODEL_RFLAGS] = 0x10246;
	return 0;
}

static char *written(int (*write)(FILE *, const struct output_crash *), const struct output_crash *c)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	assert_int_equal(write(f, c), 0);
	fclose(f);
	return text;
}

/* assert_json - the line is that object, whatever the order of its fields. */
static void assert_json(const struct output_crash *c, const char *expected)
{
	char *text = written(output_json_crash, c), *got, *wanted;
	json_error_t error;
	json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, &error), *e;

	assert_non_null(o);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	e = json_loads(expected, JSON_REJECT_DUPLICATES, &error);
	if (!e)
		fail_msg("the test's own JSON: %s, at %d", error.text, error.position);
	if (!json_equal(o, e)) { /* shown as text, of which one sees where they differ */
		got = json_dumps(o, JSON_SORT_KEYS | JSON_INDENT(1));
		wanted = json_dumps(e, JSON_SORT_KEYS | JSON_INDENT(1));
		assert_string_equal(got, wanted);
	}
	json_decref(o);
	json_decref(e);
	free(text);
}

#define FRAME(place, name)                                                                             \
	{                                                                                              \
		.kind = SYMBOL_FUNCTION, .addr = (place), .function = (name), .function_offset = 0x1c, \
		.module = "php8.2", .build_id = "abcd", .module_offset = (place)-CODE, .executable = 1 \
	}
#define PHP(name, line_number)                                                                                     \
	{                                                                                                          \
		.kind = SYMBOL_PHP, .function = (name), .file = "/srv/a.php", .line = (line_number), .module = "", \
		.build_id = ""                                                                                     \
	}

#define FRAME_JSON(addr, offset, name)                                                                            \
	"{\"kind\":\"native\",\"addr\":\"" addr "\",\"function\":\"" name                                         \
	"\",\"function_offset\":28,\"inlined\":false,"                                                            \
	"\"file\":null,\"line\":null,\"line_exact\":null,\"module\":\"php8.2\",\"module_offset\":\"" offset "\"," \
	"\"build_id\":\"abcd\"}"
#define PHP_JSON(name, line)                                                                                    \
	"{\"kind\":\"php\",\"addr\":null,\"function\":\"" name "\",\"function_offset\":null,\"inlined\":false," \
	"\"file\":\"/srv/a.php\",\"line\":" line ",\"line_exact\":true,\"module\":\"\",\"module_offset\":null," \
	"\"build_id\":\"\"}"
#define ROUND_JSON \
	FRAME_JSON("0x55d0c0002030", "0x2030", "execute_ex") "," PHP_JSON("again", "7") "," PHP_JSON("array_map", "9")
#define WHO                                                                                                                    \
	"\"schema\":1,\"type\":\"crash\",\"time\":\"2026-11-23T21:40:05.123Z\",\"pid\":4242,\"tid\":4243,\"comm\":\"php\","    \
	"\"identity\":{\"role\":\"worker\",\"role_from\":\"memory\",\"worker\":3,\"pool\":null,\"exe\":null,\"php\":null,"     \
	"\"swoole\":null,\"libc\":null,\"malloc\":null,\"container\":{\"kind\":\"docker\",\"id\":\"3f2a55c0ffee\",\"pid\":7}," \
	"\"distribution\":null,\"kernel\":null,"                                                                               \
	"\"files\":[]},\"signal\":11,\"signal_name\":\"SIGSEGV\","

/* a_freed_block - a block of zend that was freed 3 ms before. */
static struct model_near a_freed_block(uint64_t at)
{
	return (struct model_near){ .kind = MODEL_NEAR_FREED,
		.layer = MODEL_ZEND,
		.addr = GONE,
		.size_bytes = 64,
		.offset = (int64_t)(at - GONE),
		.age_ns = 5000 * MS,
		.freed_ns = 3 * MS,
		.freed_tid = 4243 };
}

/* clang-format off */
static const char use_after_free_json[] =
	"{" WHO "\"code\":1,\"code_name\":\"SEGV_MAPERR\",\"code_text\":\"address not mapped\",\"fault_addr\":\"0x7e0000000010\",\"sender_pid\":null,"
	"\"ip\":\"0x55d0c000101c\",\"sp\":\"0x7ffd00021000\","
	"\"walk\":\"no_mapping\",\"frames\":[" FRAME_JSON("0x55d0c000101c", "0x101c", "use") "," PHP_JSON("A::b", "12") "],"
	"\"kind\":\"use_after_free\","
	"\"summary\":\"wrote 4 bytes to freed memory: 0x7e0000000010, 16 bytes into a block of 64 bytes (zend) that was freed 3 ms before\","
	"\"likely\":\"rdi points 0 bytes into a block of 64 bytes (zend) that was freed 3 ms before, and the address was computed from it\","
	"\"access\":\"write\",\"access_bytes\":4,\"instruction\":\"mov [rdi+0x10], eax\",\"code_bytes\":\"89471090\","
	"\"address\":{\"addr\":\"0x7e0000000010\",\"text\":\"16 bytes into a block of 64 bytes (zend) that was freed 3 ms before\",\"mapping\":null,"
	"\"block\":{\"state\":\"freed\",\"layer\":\"zend\",\"addr\":\"0x7e0000000000\",\"size_bytes\":64,\"offset\":16,\"age_ms\":5000,\"freed_ms\":3,\"freed_tid\":4243,"
	"\"allocated_by\":{\"walk\":\"complete\",\"frames\":[" FRAME_JSON("0x55d0c0002030", "0x2030", "make") "]},"
	"\"freed_by\":{\"walk\":\"complete\",\"frames\":[" FRAME_JSON("0x55d0c0003040", "0x3040", "drop") "]}},\"source\":\"kernel\"},"
	"\"registers\":{\"rax\":\"0x1110\",\"rcx\":\"0x1111\",\"rdx\":\"0x1112\",\"rbx\":\"0x55d0c2000110\",\"rsp\":\"0x7ffd00021000\",\"rbp\":\"0x7ffd00021040\",\"rsi\":\"0x55d0c2000028\",\"rdi\":\"0x7e0000000000\","
	"\"r8\":\"0x1118\",\"r9\":\"0x1119\",\"r10\":\"0x111a\",\"r11\":\"0x111b\",\"r12\":\"0x55d0c0000001\",\"r13\":\"0x7ffd00000000\",\"r14\":\"0x111e\",\"r15\":\"0x111f\",\"rip\":\"0x55d0c000101c\",\"rflags\":\"0x10246\"},"
	"\"trap\":14,\"error_code\":6,"
	"\"pointers\":[{\"addr\":\"0x55d0c2000110\",\"text\":\"4 bytes behind the end of a live block of 12 bytes (libc), allocated 70 ms before; 272 bytes into [heap] (rw-p)\",\"mapping\":{\"name\":\"[heap]\",\"start\":\"0x55d0c2000000\",\"end\":\"0x55d0c2001000\",\"flags\":\"rw-p\",\"relation\":\"in\",\"distance_bytes\":272},"
	"\"block\":{\"state\":\"live\",\"layer\":\"libc\",\"addr\":\"0x55d0c2000100\",\"size_bytes\":12,\"offset\":16,\"age_ms\":70,\"freed_ms\":null,\"freed_tid\":null,"
	"\"allocated_by\":null,"
	"\"freed_by\":null},\"register\":\"rbx\"},"
	"{\"addr\":\"0x7ffd00021000\",\"text\":\"131072 bytes into [stack] (rw-p)\",\"mapping\":{\"name\":\"[stack]\",\"start\":\"0x7ffd00001000\",\"end\":\"0x7ffd00022000\",\"flags\":\"rw-p\",\"relation\":\"in\",\"distance_bytes\":131072},"
	"\"block\":null,\"register\":\"rsp\"},"
	"{\"addr\":\"0x7ffd00021040\",\"text\":\"131136 bytes into [stack] (rw-p)\",\"mapping\":{\"name\":\"[stack]\",\"start\":\"0x7ffd00001000\",\"end\":\"0x7ffd00022000\",\"flags\":\"rw-p\",\"relation\":\"in\",\"distance_bytes\":131136},"
	"\"block\":null,\"register\":\"rbp\"},"
	"{\"addr\":\"0x55d0c2000028\",\"text\":\"8 bytes into a live block of 100 bytes (libc), allocated 12 s before; 40 bytes into [heap] (rw-p)\",\"mapping\":{\"name\":\"[heap]\",\"start\":\"0x55d0c2000000\",\"end\":\"0x55d0c2001000\",\"flags\":\"rw-p\",\"relation\":\"in\",\"distance_bytes\":40},"
	"\"block\":{\"state\":\"live\",\"layer\":\"libc\",\"addr\":\"0x55d0c2000020\",\"size_bytes\":100,\"offset\":8,\"age_ms\":12000,\"freed_ms\":null,\"freed_tid\":null,"
	"\"allocated_by\":null,"
	"\"freed_by\":null},\"register\":\"rsi\"},"
	"{\"addr\":\"0x7e0000000000\",\"text\":\"0 bytes into a block of 64 bytes (zend) that was freed 3 ms before\",\"mapping\":null,"
	"\"block\":{\"state\":\"freed\",\"layer\":\"zend\",\"addr\":\"0x7e0000000000\",\"size_bytes\":64,\"offset\":0,\"age_ms\":5000,\"freed_ms\":3,\"freed_tid\":4243,"
	"\"allocated_by\":null,"
	"\"freed_by\":null},\"register\":\"rdi\"},"
	"{\"addr\":\"0x55d0c0000001\",\"text\":\"1 byte into php8.2 (r-xp)\",\"mapping\":{\"name\":\"php8.2\",\"start\":\"0x55d0c0000000\",\"end\":\"0x55d0c0005000\",\"flags\":\"r-xp\",\"relation\":\"in\",\"distance_bytes\":1},"
	"\"block\":null,\"register\":\"r12\"},"
	"{\"addr\":\"0x7ffd00000000\",\"text\":\"0 bytes into [anon] (---p)\",\"mapping\":{\"name\":\"[anon]\",\"start\":\"0x7ffd00000000\",\"end\":\"0x7ffd00001000\",\"flags\":\"---p\",\"relation\":\"in\",\"distance_bytes\":0},"
	"\"block\":null,\"register\":\"r13\"},"
	"{\"addr\":\"0x55d0c000101c\",\"text\":\"4124 bytes into php8.2 (r-xp)\",\"mapping\":{\"name\":\"php8.2\",\"start\":\"0x55d0c0000000\",\"end\":\"0x55d0c0005000\",\"flags\":\"r-xp\",\"relation\":\"in\",\"distance_bytes\":4124},"
	"\"block\":null,\"register\":\"rip\"}],"
	"\"recursion\":null,\"abort_message\":null,\"syscall\":null,"
	"\"calls\":[{\"before_us\":0,\"op\":\"realloc\",\"layer\":\"libc\",\"addr\":\"0x55d0c2000020\",\"size_bytes\":200,\"pending\":true,\"known\":true},"
	"{\"before_us\":3000,\"op\":\"free\",\"layer\":\"zend\",\"addr\":\"0x7e0000000000\",\"size_bytes\":64,\"pending\":false,\"known\":true},"
	"{\"before_us\":4000,\"op\":\"free\",\"layer\":\"libc\",\"addr\":\"0x123\",\"size_bytes\":0,\"pending\":false,\"known\":false},"
	"{\"before_us\":5000000,\"op\":\"alloc\",\"layer\":\"zend\",\"addr\":\"0x7e0000000000\",\"size_bytes\":64,\"pending\":false,\"known\":true}],"
	"\"memory\":{\"age_ms\":1500,\"rss_bytes\":31457280,\"swap_bytes\":4096,\"php\":{\"size_bytes\":4194304,\"peak_bytes\":0,\"real_bytes\":0,\"real_peak_bytes\":0,\"limit_bytes\":134217728,\"cached_bytes\":null},\"time_to_limit\":null,\"unexplained\":null,\"garbage\":\"unknown\",\"live_bytes\":{\"zend\":3145728,\"libc\":204800,\"mmap\":0},\"verdict\":{\"zend\":\"growing\",\"libc\":\"not_enough_data\",\"mmap\":\"not_enough_data\",\"rss\":\"not_enough_data\",\"rss_swap\":\"not_enough_data\",\"swap\":\"not_enough_data\",\"pss\":\"not_enough_data\",\"zend_real\":\"not_enough_data\",\"zend_cached\":\"not_enough_data\",\"files\":\"not_enough_data\",\"heap_map\":\"not_enough_data\",\"stacks\":\"not_enough_data\",\"gc_roots\":\"not_enough_data\"}},"
	"\"kernel_line\":\"php[4243]: segfault at 7e0000000010 ip 000055d0c000101c sp 00007ffd00021000 error 6 in php8.2[55d0c0000000+5000]\"}";

static const char overflow_json[] =
	"{" WHO "\"code\":2,\"code_name\":\"SEGV_ACCERR\",\"code_text\":\"mapping does not allow this access\",\"fault_addr\":\"0x7ffd00000ff8\",\"sender_pid\":null,"
	"\"ip\":\"0x55d0c000101c\",\"sp\":\"0x7ffd00001000\","
	"\"walk\":\"too_deep\",\"frames\":[" FRAME_JSON("0x55d0c000101c", "0x101c", "zend_call_function") "," ROUND_JSON "," ROUND_JSON "," ROUND_JSON "," ROUND_JSON "," ROUND_JSON "," ROUND_JSON "," FRAME_JSON("0x55d0c0002030", "0x2030", "execute_ex") "],"
	"\"kind\":\"stack_overflow\","
	"\"summary\":\"used up the stack of the thread\","
	"\"likely\":\"endless PHP recursion of again a.php:7: 3 frames repeat\","
	"\"access\":\"write\",\"access_bytes\":null,\"instruction\":null,\"code_bytes\":null,"
	"\"address\":{\"addr\":\"0x7ffd00000ff8\",\"text\":\"4088 bytes into [anon] (---p)\",\"mapping\":{\"name\":\"[anon]\",\"start\":\"0x7ffd00000000\",\"end\":\"0x7ffd00001000\",\"flags\":\"---p\",\"relation\":\"in\",\"distance_bytes\":4088},"
	"\"block\":null,\"source\":\"kernel\"},"
	"\"registers\":{\"rax\":\"0x1110\",\"rcx\":\"0x1111\",\"rdx\":\"0x1112\",\"rbx\":\"0x1113\",\"rsp\":\"0x7ffd00001000\",\"rbp\":\"0x1115\",\"rsi\":\"0x1116\",\"rdi\":\"0x1117\","
	"\"r8\":\"0x1118\",\"r9\":\"0x1119\",\"r10\":\"0x111a\",\"r11\":\"0x111b\",\"r12\":\"0x111c\",\"r13\":\"0x111d\",\"r14\":\"0x111e\",\"r15\":\"0x111f\",\"rip\":\"0x55d0c000101c\",\"rflags\":\"0x10246\"},"
	"\"trap\":14,\"error_code\":7,"
	"\"pointers\":[{\"addr\":\"0x7ffd00001000\",\"text\":\"0 bytes into [stack] (rw-p)\",\"mapping\":{\"name\":\"[stack]\",\"start\":\"0x7ffd00001000\",\"end\":\"0x7ffd00022000\",\"flags\":\"rw-p\",\"relation\":\"in\",\"distance_bytes\":0},"
	"\"block\":null,\"register\":\"rsp\"},"
	"{\"addr\":\"0x55d0c000101c\",\"text\":\"4124 bytes into php8.2 (r-xp)\",\"mapping\":{\"name\":\"php8.2\",\"start\":\"0x55d0c0000000\",\"end\":\"0x55d0c0005000\",\"flags\":\"r-xp\",\"relation\":\"in\",\"distance_bytes\":4124},"
	"\"block\":null,\"register\":\"rip\"}],"
	"\"recursion\":{\"kind\":\"php\",\"first\":1,\"frames\":3,\"times\":6},\"abort_message\":null,\"syscall\":null,"
	"\"calls\":[],"
	"\"memory\":null,"
	"\"kernel_line\":\"php[4243]: segfault at 7ffd00000ff8 ip 000055d0c000101c sp 00007ffd00001000 error 7 in php8.2[55d0c0000000+5000]\"}";
/* clang-format on */

static void a_use_after_free_is_told_with_all_its_evidence(void **state)
{
	static const struct symbol_frame frames[] = { FRAME(CODE + 0x101c, "use"), PHP("A::b", 12) };
	static const struct symbol_frame maker[] = { FRAME(CODE + 0x2030, "make") };
	static const struct symbol_frame freer[] = { FRAME(CODE + 0x3040, "drop") };
	struct output_stack stack = { frames, 2, MODEL_WALK_NO_MAPPING };
	struct output_stack allocated[CRASH_ADDRESSES] = { { maker, 1, MODEL_WALK_COMPLETE } };
	struct output_stack freed[CRASH_ADDRESSES] = { { freer, 1, MODEL_WALK_COMPLETE } };
	struct model_process process = { .pid = 4242,
		.vitals = { .time_ns = 1,
			.rss_bytes = 30 << 20,
			.swap_bytes = 4096,
			.heap = { .is_known = 1, .size_bytes = 4 << 20, .limit_bytes = 128 << 20 } } };
	struct analyze_standing standing = { .growth = {
						     [MODEL_CURVE_ZEND] = { GROWTH_GROWING, 2048, 2000, 2100, 9 } } };
	struct output_crash c = { &event, &report, &stack, near, allocated, freed, &process, &standing, 1500 * MS, 1,
		{ 3 << 20, 204800, 0 } };
	char *text;

	(void)state;
	/* GIVEN mov dword ptr [rdi+0x10], eax, where rdi points to a block that was freed; rsi into one that lives; rbx behind the
	 * end of another; rbp, r12 and r13 into mappings; and the last calls of the thread */
	memcpy(crash.code, "\x89\x47\x10\x90", 4);
	crash.n_code = 4;
	crash.error_code = 6;
	event.fault_addr = crash.cr2 = GONE + 16;
	event.sp = crash.reg[MODEL_RSP] = STACK + 0x20000;
	crash.reg[MODEL_RDI] = GONE;
	crash.reg[MODEL_RSI] = HEAP + 0x28;
	crash.reg[MODEL_RBX] = HEAP + 0x110;
	crash.reg[MODEL_RBP] = STACK + 0x20040;
	crash.reg[MODEL_R12] = CODE + 1;
	crash.reg[MODEL_R13] = GUARD;
	near[0] = a_freed_block(GONE + 16);
	near[1 + MODEL_RDI] = a_freed_block(GONE);
	near[1 + MODEL_RSI] = (struct model_near){ .kind = MODEL_NEAR_LIVE,
		.layer = MODEL_LIBC,
		.addr = HEAP + 0x20,
		.size_bytes = 100,
		.offset = 8,
		.age_ns = 12000 * MS };
	near[1 + MODEL_RBX] = (struct model_near){ .kind = MODEL_NEAR_LIVE,
		.layer = MODEL_LIBC,
		.addr = HEAP + 0x100,
		.size_bytes = 12,
		.offset = 16,
		.age_ns = 70 * MS };
	crash.has_calls = 1;
	crash.n_calls = 4;
	crash.call[0] = (struct model_call){ .before_ns = 0,
		.op = MODEL_CALL_REALLOC,
		.layer = MODEL_LIBC,
		.addr = HEAP + 0x20,
		.size_bytes = 200,
		.is_pending = 1 };
	crash.call[1] = (struct model_call){
		.before_ns = 3 * MS, .op = MODEL_CALL_FREE, .layer = MODEL_ZEND, .addr = GONE, .size_bytes = 64
	};
	crash.call[2] = (struct model_call){
		.before_ns = 4 * MS, .op = MODEL_CALL_FREE, .layer = MODEL_LIBC, .addr = 0x123, .is_unknown = 1
	};
	crash.call[3] = (struct model_call){
		.before_ns = 5000 * MS, .op = MODEL_CALL_ALLOC, .layer = MODEL_ZEND, .addr = GONE, .size_bytes = 64
	};
	/* WHEN */
	crash_explain(&event, near,
		(struct crash_frame[]){ { "use", 1, 0, NULL, 0 }, { "A::b", 2, 1, "/srv/a.php", 12 } }, 2, &report);
	/* THEN to people */
	text = written(output_text_crash, &c);
	assert_string_equal(text,
		"[2026-11-23T21:40:05.123Z] CRASH php(4242), worker 3, docker 3f2a55c0ffee (pid 7 there), thread 4243: SIGSEGV (signal 11), SEGV_MAPERR: address not mapped, fault address 0x7e0000000010, in use+0x1c (php8.2)\n"
		"    ip 0x55d0c000101c, sp 0x7ffd00021000\n"
		"    what: wrote 4 bytes to freed memory: 0x7e0000000010, 16 bytes into a block of 64 bytes (zend) that was freed 3 ms before\n"
		"    most likely: rdi points 0 bytes into a block of 64 bytes (zend) that was freed 3 ms before, and the address was computed from it\n"
		"      use+0x1c (php8.2)\n"
		"      A::b /srv/a.php:12\n"
		"      (the stack ends here: this address is in no known code)\n"
		"    the block at 0x7e0000000000, 64 bytes, was allocated by\n"
		"      make+0x1c (php8.2)\n"
		"    and freed by thread 4243 in\n"
		"      drop+0x1c (php8.2)\n"
		"    instruction: mov [rdi+0x10], eax, bytes 89 47 10 90\n"
		"    rax 0000000000001110  rbx 000055d0c2000110  rcx 0000000000001111  rdx 0000000000001112\n"
		"    rsi 000055d0c2000028  rdi 00007e0000000000  rbp 00007ffd00021040  rsp 00007ffd00021000\n"
		"    r8  0000000000001118  r9  0000000000001119  r10 000000000000111a  r11 000000000000111b\n"
		"    r12 000055d0c0000001  r13 00007ffd00000000  r14 000000000000111e  r15 000000000000111f\n"
		"    rip 000055d0c000101c  rflags 0000000000010246\n"
		"    rbx points 4 bytes behind the end of a live block of 12 bytes (libc), allocated 70 ms before; 272 bytes into [heap] (rw-p)\n"
		"    rsp points 131072 bytes into [stack] (rw-p)\n"
		"    rbp points 131136 bytes into [stack] (rw-p)\n"
		"    rsi points 8 bytes into a live block of 100 bytes (libc), allocated 12 s before; 40 bytes into [heap] (rw-p)\n"
		"    rdi points 0 bytes into a block of 64 bytes (zend) that was freed 3 ms before\n"
		"    r12 points 1 byte into php8.2 (r-xp)\n"
		"    r13 points 0 bytes into [anon] (---p)\n"
		"    rip points 4124 bytes into php8.2 (r-xp)\n"
		"    last allocator calls of this thread, newest first (times to about 4 ms):\n"
		"           0 ms before: realloc libc 0x55d0c2000020, 200 bytes, has not returned\n"
		"           3 ms before: free    zend 0x7e0000000000, 64 bytes\n"
		"           4 ms before: free    libc 0x123, 0 bytes, no block that is known to live\n"
		"        5000 ms before: alloc   zend 0x7e0000000000, 64 bytes\n"
		"    memory: live zend 3.0 MiB, libc 200.0 KiB, mmap 0 B; 1.5 s before: 30.0 MiB resident, 4.0 MiB in PHP's heap (memory_limit 128.0 MiB)\n"
		"    growth: zend growing +2.0 KiB/s (+2.0 KiB/s to +2.1 KiB/s)\n"
		"    kernel: php[4243]: segfault at 7e0000000010 ip 000055d0c000101c sp 00007ffd00021000 error 6 in php8.2[55d0c0000000+5000]\n"
		"\n");
	free(text);
	/* AND to programs */
	assert_json(&c, use_after_free_json);
	/* WHEN the stacks of frees were not taken, THEN the thread is told nevertheless */
	c.freed = NULL;
	text = written(output_text_crash, &c);
	assert_non_null(strstr(text, "    and freed by thread 4243 in\n      (--free-stacks tells)\n"));
	free(text);
}

static void a_stack_overflow_by_php_recursion_shows_its_round_once(void **state)
{
	struct symbol_frame frames[20];
	struct crash_frame known[20];
	struct output_stack stack = { frames, 20, MODEL_WALK_DEEP };
	struct output_crash c = { .event = &event, .report = &report, .stack = &stack };
	char *text;

	(void)state;
	/* GIVEN a push into the guard, six rounds of three frames behind the first, and the begin of another; no
	 * block is known, no report was made, and the code cannot be read */
	event.fault_addr = crash.cr2 = STACK - 8;
	event.sp = crash.reg[MODEL_RSP] = STACK;
	event.code = SEGV_ACCERR;
	crash.error_code = 7;
	for (int i = 0; i < 20; i++) {
		frames[i] = !i		 ? (struct symbol_frame)FRAME(CODE + 0x101c, "zend_call_function")
			    : i % 3 == 1 ? (struct symbol_frame)FRAME(CODE + 0x2030, "execute_ex")
			    : i % 3 == 2 ? (struct symbol_frame)PHP("again", 7)
					 : (struct symbol_frame)PHP("array_map", 9);
		known[i] = (struct crash_frame){ frames[i].function, i ? 1 + (uint64_t)i % 3 : 99, i && i % 3 != 1,
			frames[i].file, frames[i].line };
	}
	/* WHEN */
	crash_explain(&event, NULL, known, 20, &report);
	/* THEN to people */
	text = written(output_text_crash, &c);
	assert_string_equal(text,
		"[2026-11-23T21:40:05.123Z] CRASH php(4242), worker 3, docker 3f2a55c0ffee (pid 7 there), thread 4243: SIGSEGV (signal 11), SEGV_ACCERR: mapping does not allow this access, fault address 0x7ffd00000ff8, in zend_call_function+0x1c (php8.2)\n"
		"    ip 0x55d0c000101c, sp 0x7ffd00001000\n"
		"    what: used up the stack of the thread\n"
		"    most likely: endless PHP recursion of again a.php:7: 3 frames repeat\n"
		"      zend_call_function+0x1c (php8.2)\n"
		"      execute_ex+0x1c (php8.2)\n"
		"      again /srv/a.php:7\n"
		"      array_map /srv/a.php:9\n"
		"      (these frames 5 more times, as far as the stack is recorded)\n"
		"      execute_ex+0x1c (php8.2)\n"
		"      (the stack ends here: no more frames are recorded)\n"
		"    instruction: not readable\n"
		"    rax 0000000000001110  rbx 0000000000001113  rcx 0000000000001111  rdx 0000000000001112\n"
		"    rsi 0000000000001116  rdi 0000000000001117  rbp 0000000000001115  rsp 00007ffd00001000\n"
		"    r8  0000000000001118  r9  0000000000001119  r10 000000000000111a  r11 000000000000111b\n"
		"    r12 000000000000111c  r13 000000000000111d  r14 000000000000111e  r15 000000000000111f\n"
		"    rip 000055d0c000101c  rflags 0000000000010246\n"
		"    rsp points 0 bytes into [stack] (rw-p)\n"
		"    rip points 4124 bytes into php8.2 (r-xp)\n"
		"    kernel: php[4243]: segfault at 7ffd00000ff8 ip 000055d0c000101c sp 00007ffd00001000 error 7 in php8.2[55d0c0000000+5000]\n"
		"\n");
	free(text);
	/* AND to programs */
	assert_json(&c, overflow_json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_use_after_free_is_told_with_all_its_evidence, begin),
		cmocka_unit_test_setup(a_stack_overflow_by_php_recursion_shows_its_round_once, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
