/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_profile.c - promises of profile/profile.h: what is written is read again, whole or as far as it is, and two profiles
 * have a difference.
 *
 * In: profiles made up here. Out: files in memory, cut and damaged at every place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "profile/profile.h"

static uint32_t native(struct profile *p, const char *function, uint64_t offset)
{
	return profile_add_frame(p, &(struct profile_frame){ .kind = PROFILE_NATIVE,
					    .function = function,
					    .file = "zend_operators.c",
					    .module = "php8.2",
					    .build_id = "f401dc5a",
					    .offset = offset,
					    .line = 1987 });
}

static uint32_t php(struct profile *p, const char *function, uint32_t line)
{
	return profile_add_frame(p, &(struct profile_frame){ .kind = PROFILE_PHP,
					    .function = function,
					    .file = "/srv/app/Cache.php",
					    .line = line,
					    .is_approximate = line == 3 });
}

static void add_process(struct profile *p, uint32_t pid, const char *comm)
{
	struct profile_point point[3] = { { 0, 100 }, { 1000, 50 }, { 900, 1LL << 60 } };
	struct profile_curve curve = {
		.name = "zend", .verdict = "growing", .bytes_per_s = 1200, .point = point, .n = 3
	};

	profile_add_process(p, &(struct profile_process){ .pid = pid,
				       .comm = comm,
				       .role = "worker",
				       .worker = -1,
				       .what = "PHP 8.2.36 NTS",
				       .is_alive = 1,
				       .live_bytes = { 300, -5, 0 },
				       .live_blocks = { 3, -1, 0 },
				       .n_requests = UINT64_MAX });
	profile_add_curve(p, &curve);
	curve.name = "rss";
	curve.n = 0;
	profile_add_curve(p, &curve);
}

static void add_stack(struct profile *p, uint32_t process, int64_t bytes, const uint32_t *frame, uint32_t n)
{
	profile_add_stack(p, &(struct profile_stack){ .process = process,
				     .layer = PROFILE_LIBC,
				     .verdict = PROFILE_LEAK,
				     .is_whole = 1,
				     .value = { bytes, bytes / 100, 7 * bytes, -1, 5 },
				     .oldest_age_ms = 1234,
				     .why = "LEAK 212 B/req",
				     .n_frames = n,
				     .frame = frame });
}

/* made - a profile of two processes and three stacks. */
static struct profile made(void)
{
	struct profile p;
	uint32_t frame[3];

	profile_begin(&p);
	p.version = profile_string(&p, "0.5");
	p.host = profile_string(&p, "box");
	p.start_utc_ns = 1795470005123000000LL;
	p.utc_ns = p.start_utc_ns + 15000000000LL;
	p.basis = PROFILE_WINDOWS;
	add_process(&p, 42, "php8.2");
	add_process(&p, 43, "a;b\n\x1b\xff");
	frame[0] = native(&p, "concat_function", 0x1234);
	frame[1] = php(&p, "Cache::remember", 41);
	frame[2] = php(&p, "{main}", 3);
	add_stack(&p, 0, 5000, frame, 3);
	add_stack(&p, 0, 300, frame + 1, 2);
	add_stack(&p, 1, 1LL << 40, frame, 0);
	profile_add_loss(&p, "return_missed", "calls whose return was never seen", 7);
	profile_add_event(&p, "{\"type\":\"crash\"}");
	assert_false(p.failed);
	return p;
}

static int written(const struct profile *p)
{
	int fd = memfd_create("profile", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(profile_write(p, fd), 0);
	return fd;
}

/* size_of - of a file, whose position is set to its begin. */
static size_t size_of(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);

	assert_true(size > 0);
	lseek(fd, 0, SEEK_SET);
	return (size_t)size;
}

static void same_processes(const struct profile *a, const struct profile *b)
{
	assert_int_equal(a->n_processes, b->n_processes);
	for (size_t i = 0; i < a->n_processes; i++) {
		const struct profile_process *x = &a->process[i], *y = &b->process[i];

		assert_int_equal(x->pid, y->pid);
		assert_string_equal(x->comm, y->comm);
		assert_string_equal(x->role, y->role);
		assert_int_equal(x->worker, y->worker);
		assert_string_equal(x->what, y->what);
		assert_string_equal(x->container, y->container);
		assert_int_equal(x->is_alive, y->is_alive);
		assert_memory_equal(x->live_bytes, y->live_bytes, sizeof(x->live_bytes));
		assert_memory_equal(x->live_blocks, y->live_blocks, sizeof(x->live_blocks));
		assert_true(x->n_requests == y->n_requests);
		assert_int_equal(x->n_curves, y->n_curves);
		for (size_t k = 0; k < x->n_curves; k++) {
			assert_string_equal(x->curve[k].name, y->curve[k].name);
			assert_string_equal(x->curve[k].verdict, y->curve[k].verdict);
			assert_true(x->curve[k].bytes_per_s == y->curve[k].bytes_per_s);
			assert_int_equal(x->curve[k].n, y->curve[k].n);
			assert_memory_equal(
				x->curve[k].point, y->curve[k].point, x->curve[k].n * sizeof(*x->curve[k].point));
		}
	}
}

static void same_frames(const struct profile_frame *f, const struct profile_frame *g)
{
	assert_int_equal(f->kind, g->kind);
	assert_string_equal(f->function, g->function);
	assert_string_equal(f->file, g->file);
	assert_string_equal(f->module, g->module);
	assert_string_equal(f->build_id, g->build_id);
	assert_true(f->offset == g->offset && f->line == g->line);
	assert_true(f->is_inlined == g->is_inlined && f->is_approximate == g->is_approximate);
}

static void same_stacks(const struct profile *a, const struct profile *b)
{
	assert_int_equal(a->n_stacks, b->n_stacks);
	for (size_t i = 0; i < a->n_stacks; i++) {
		const struct profile_stack *x = &a->stack[i], *y = &b->stack[i];

		assert_int_equal(x->process, y->process);
		assert_int_equal(x->layer, y->layer);
		assert_int_equal(x->verdict, y->verdict);
		assert_int_equal(x->is_whole, y->is_whole);
		assert_memory_equal(x->value, y->value, sizeof(x->value));
		assert_int_equal(x->oldest_age_ms, y->oldest_age_ms);
		assert_string_equal(x->why, y->why);
		assert_int_equal(x->n_frames, y->n_frames);
		for (uint32_t k = 0; k < x->n_frames; k++)
			same_frames(&a->frame[x->frame[k]], &b->frame[y->frame[k]]);
	}
}

static void what_is_written_is_read_again(void **state)
{
	struct profile p = made(), q;
	int fd = written(&p);

	(void)state;
	size_of(fd);
	assert_int_equal(profile_read(&q, fd), 0);
	assert_int_equal(q.fault, PROFILE_SOUND);
	assert_string_equal(q.version, "0.5");
	assert_string_equal(q.host, "box");
	assert_true(q.start_utc_ns == p.start_utc_ns && q.utc_ns == p.utc_ns && q.basis == PROFILE_WINDOWS);
	same_processes(&p, &q);
	same_stacks(&p, &q);
	assert_int_equal(q.n_losses, 1);
	assert_string_equal(q.loss[0].key, "return_missed");
	assert_int_equal(q.loss[0].count, 7);
	assert_int_equal(q.n_events, 1);
	assert_string_equal(q.event[0], "{\"type\":\"crash\"}");
	close(fd);
	profile_free(&p);
	profile_free(&q);
}

static void a_frame_of_which_nothing_is_known_is_read_again(void **state)
{
	struct profile p, q;
	int fd;

	(void)state;
	profile_begin(&p);
	profile_add_frame(&p, &(struct profile_frame){ .kind = PROFILE_NOTHING });
	fd = written(&p);
	size_of(fd);
	assert_int_equal(profile_read(&q, fd), 0);
	assert_int_equal(q.fault, PROFILE_SOUND);
	assert_int_equal(q.n_frames, 1);
	close(fd);
	profile_free(&p);
	profile_free(&q);
}

/* Enough for several chunks of each kind. */
static void a_large_profile_is_read_again(void **state)
{
	struct profile p, q;
	uint32_t frame[40];
	char name[32];
	int fd;

	(void)state;
	profile_begin(&p);
	add_process(&p, 42, "php8.2");
	for (int i = 0; i < 60000; i++) {
		snprintf(name, sizeof(name), "Some::function%d", i);
		frame[i % 40] = native(&p, name, (uint64_t)i << 20);
		if (i >= 40)
			add_stack(&p, 0, i * 1000003LL, frame, 40);
	}
	fd = written(&p);
	assert_true(size_of(fd) < 10 << 20);
	assert_int_equal(profile_read(&q, fd), 0);
	assert_int_equal(q.fault, PROFILE_SOUND);
	same_stacks(&p, &q);
	close(fd);
	profile_free(&p);
	profile_free(&q);
}

/* read_cut - what is read of the first per cent of a file. */
static struct profile read_cut(int fd, size_t n, unsigned percent)
{
	struct profile q;

	assert_int_equal(ftruncate(fd, (off_t)(n * percent / 100)), 0);
	lseek(fd, 0, SEEK_SET);
	assert_int_equal(profile_read(&q, fd), 0);
	assert_int_equal(q.fault, PROFILE_TRUNCATED);
	return q;
}

/* many - stacks as programs have them: they branch off from those before, and what the first ones call many others do. */
static struct profile many(int n)
{
	struct profile p;
	uint32_t frame[30];
	char name[40];
	unsigned dice = 7;

	profile_begin(&p);
	add_process(&p, 42, "php8.2");
	for (int i = 0; i < n; i++) {
		for (int k = i ? (int)(dice >> 16) % 29 : 0; k < 30; k++) {
			dice = dice * 1103515245 + 12345;
			snprintf(name, sizeof(name), "App\\Module%u::method%u", (dice >> 16) % 40, (dice >> 16) % 3000);
			frame[29 - k] = native(&p, name, (dice >> 16) % 3000 * 64);
		}
		dice = dice * 1103515245 + 12345;
		add_stack(&p, 0, (int64_t)(dice >> 8), frame, 30);
	}
	profile_add_loss(&p, "return_missed", "calls whose return was never seen", 7);
	profile_add_event(&p, "{\"type\":\"crash\"}");
	assert_false(p.failed);
	return p;
}

static void of_ten_thousand_stacks_a_file_has_as_many_as_there_is_of_it(void **state)
{
	static const struct {
		unsigned percent;
		size_t least;
	} cuts[] = { { 90, 8000 }, { 50, 4000 }, { 20, 500 } }; /* the first ones come with most of the frames */
	struct profile p = many(10000), q;
	int fd = written(&p);
	size_t n = size_of(fd);

	(void)state;
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		q = read_cut(fd, n, cuts[i].percent);
		if (q.n_stacks < cuts[i].least)
			fail_msg("%zu stacks in %u %% of a file", q.n_stacks, cuts[i].percent);
		same_processes(&p, &q);
		assert_int_equal(q.n_losses, 1);
		assert_int_equal(q.n_events, 1);
		for (size_t k = 0; k < q.n_stacks; k += 100)
			assert_true(q.stack[k].value[0] == p.stack[k].value[0] && q.stack[k].n_frames == 30);
		profile_free(&q);
	}
	close(fd);
	profile_free(&p);
}

/* Of a hundred, too: leaks come first, and they are in the first part of it. */
static void of_a_small_file_half_has_its_processes_and_its_first_stacks(void **state)
{
	struct profile p = many(100), q;
	int fd = written(&p);
	size_t n = size_of(fd);

	(void)state;
	q = read_cut(fd, n, 75);
	same_processes(&p, &q);
	if (q.n_stacks < 20)
		fail_msg("%zu stacks in three quarters", q.n_stacks);
	profile_free(&q);
	close(fd);
	profile_free(&p);
}

static void of_a_file_that_was_cut_what_came_before_is_read(void **state)
{
	struct profile p = made(), q;
	size_t n, most = 0;
	int fd = written(&p);

	(void)state;
	n = size_of(fd);
	for (size_t cut = n - 1; cut > 0; cut--) {
		assert_int_equal(ftruncate(fd, (off_t)cut), 0);
		lseek(fd, 0, SEEK_SET);
		assert_int_equal(profile_read(&q, fd), 0);
		assert_int_equal(q.fault, cut < 8 ? PROFILE_FOREIGN : PROFILE_TRUNCATED);
		assert_true(q.n_stacks <= p.n_stacks);
		assert_int_equal(q.is_headless, !q.utc_ns); /* the last but one of what the head tells */
		if (q.n_stacks)
			same_stacks(&p, &q);
		most = q.n_stacks > most ? q.n_stacks : most;
		profile_free(&q);
	}
	assert_int_equal(most, p.n_stacks);
	close(fd);
	profile_free(&p);
}

static void a_file_that_is_damaged_anywhere_is_never_taken_for_sound(void **state)
{
	struct profile p = made(), q;
	int fd = written(&p);
	size_t n = size_of(fd);

	(void)state;
	for (size_t at = 0; at < n; at++) {
		unsigned char was, is;

		assert_int_equal(pread(fd, &was, 1, (off_t)at), 1);
		is = was ^ (unsigned char)(1 << at % 8);
		assert_int_equal(pwrite(fd, &is, 1, (off_t)at), 1);
		lseek(fd, 0, SEEK_SET);
		assert_int_equal(profile_read(&q, fd), 0);
		assert_int_not_equal(q.fault, PROFILE_SOUND);
		assert_int_equal(q.fault == PROFILE_FOREIGN, at < 8);
		profile_free(&q);
		assert_int_equal(pwrite(fd, &was, 1, (off_t)at), 1);
	}
	close(fd);
	profile_free(&p);
}

static void put_le32(unsigned char *to, size_t n)
{
	for (int i = 0; i < 4; i++)
		to[i] = (unsigned char)(n >> 8 * i);
}

static void put_chunk(int fd, const char *type, const char *data, size_t n)
{
	unsigned char header[16], *packed = malloc(compressBound(n));
	uLongf n_packed = compressBound(n);

	assert_non_null(packed);
	assert_int_equal(compress(packed, &n_packed, (const Bytef *)data, n), Z_OK);
	memcpy(header, type, 4);
	put_le32(header + 4, n_packed);
	put_le32(header + 8, n);
	put_le32(header + 12, crc32(crc32(0, header, 12), packed, (uInt)n_packed));
	assert_int_equal(write(fd, header, sizeof(header)), sizeof(header));
	assert_int_equal(write(fd, packed, n_packed), n_packed);
	free(packed);
}

/* As swtrace wrote them once: all stacks before the losses and events. */
static void a_file_in_another_order_is_read(void **state)
{
	struct profile p;
	int fd = memfd_create("profile", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(write(fd, "\x89SWT\r\n\x1a\n", 8), 8);
	put_chunk(fd, "HEAD",
		"\1\3"
		"0.5\3box\0\2\0",
		12);
	put_chunk(fd, "STRS", "\3php\5leaks\1k", 12);
	put_chunk(fd, "FRMS", "\0\2\0\0\0\7\0\0", 8);
	put_chunk(fd, "PROC", "\x2a\1\0\0\0\0\1\0\0\0\0\0\0\0\0", 15);
	put_chunk(fd, "STKS", "\0\0\2\1\x0a\2\0\0\0\0\0\1\0", 13);
	put_chunk(fd, "LOSS", "\3\3\4", 3);
	put_chunk(fd, "EVNT", "\2{}", 3);
	put_chunk(fd, "TAIL", "\1", 1);
	size_of(fd);
	assert_int_equal(profile_read(&p, fd), 0);
	assert_int_equal(p.fault, PROFILE_SOUND);
	assert_int_equal(p.process[0].pid, 42);
	assert_int_equal(p.stack[0].value[PROFILE_LIVE_BYTES], 5);
	assert_string_equal(p.frame[p.stack[0].frame[0]].function, "leaks");
	assert_int_equal(p.loss[0].count, 4);
	assert_string_equal(p.event[0], "{}");
	profile_free(&p);
	close(fd);
}

/* Each byte is a text that is empty, for which there is a number all the same: 64 KB stand for 32 million of them. */
static void a_small_file_cannot_take_all_memory(void **state)
{
	static char nothing[16 << 20];
	struct profile p;
	int fd = memfd_create("profile", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(write(fd, "\x89SWT\r\n\x1a\n", 8), 8);
	put_chunk(fd, "HEAD", "\1\0\0\0\0", 6);
	put_chunk(fd, "STRS", nothing, sizeof(nothing));
	put_chunk(fd, "STRS", nothing, sizeof(nothing));
	put_chunk(fd, "TAIL", "", 1);
	assert_true(size_of(fd) < 64 << 10);
	assert_int_equal(profile_read(&p, fd), 0);
	assert_int_equal(p.fault, PROFILE_CORRUPT);
	profile_free(&p);
	close(fd);
}

static const struct profile_stack *stack_of(const struct profile *p, const char *innermost)
{
	for (size_t i = 0; i < p->n_stacks; i++)
		if (p->stack[i].n_frames && !strcmp(p->frame[p->stack[i].frame[0]].function, innermost))
			return &p->stack[i];
	return NULL;
}

/* Of a first recording, some names have not been read from debug information yet. */
static void names_that_one_profile_lacks_make_no_difference(void **state)
{
	struct profile before, now, diff;
	uint32_t frame[3];

	(void)state;
	profile_begin(&before);
	add_process(&before, 42, "php8.2");
	frame[0] = profile_add_frame(
		&before, &(struct profile_frame){
				 .kind = PROFILE_MODULE, .module = "php8.2", .build_id = "f401dc5a", .offset = 0x100 });
	frame[1] = php(&before, "{main}", 9);
	add_stack(&before, 0, 1000, frame, 2);
	profile_begin(&now);
	add_process(&now, 42, "php8.2");
	frame[0] = profile_add_frame(&now, &(struct profile_frame){ .kind = PROFILE_NATIVE,
						   .function = "inlined",
						   .module = "php8.2",
						   .build_id = "f401dc5a",
						   .offset = 0x100,
						   .is_inlined = 1 });
	frame[1] = native(&now, "static_function", 0x100);
	frame[2] = php(&now, "{main}", 9);
	add_stack(&now, 0, 1700, frame, 3);
	assert_int_equal(profile_subtract(&now, &before, &diff), 0);
	assert_int_equal(diff.n_stacks, 1);
	assert_int_equal(diff.stack[0].value[PROFILE_LIVE_BYTES], 700);
	assert_int_equal(diff.stack[0].n_frames, 3);
	profile_free(&before);
	profile_free(&now);
	profile_free(&diff);
}

static void a_difference_has_what_grew_came_and_went(void **state)
{
	struct profile before, now, diff;
	uint32_t frame[2];

	(void)state;
	profile_begin(&before);
	add_process(&before, 42, "php8.2");
	frame[1] = php(&before, "{main}", 3);
	frame[0] = native(&before, "grows", 0x100);
	add_stack(&before, 0, 1000, frame, 2);
	frame[0] = native(&before, "goes", 0x200);
	add_stack(&before, 0, 700, frame, 2);
	frame[0] = native(&before, "stays", 0x300);
	add_stack(&before, 0, 400, frame, 2);
	/* WHEN the program was built anew, its script edited, and another process does the same */
	profile_begin(&now);
	add_process(&now, 77, "php8.2");
	add_process(&now, 78, "php8.2");
	frame[1] = php(&now, "{main}", 9);
	frame[0] = native(&now, "grows", 0x111);
	add_stack(&now, 0, 1500, frame, 2);
	add_stack(&now, 1, 800, frame, 2);
	frame[0] = native(&now, "stays", 0x311);
	add_stack(&now, 0, 400, frame, 2);
	frame[0] = native(&now, "comes", 0x411);
	add_stack(&now, 1, 900, frame, 2);
	assert_int_equal(profile_subtract(&now, &before, &diff), 0);
	assert_int_equal(diff.n_stacks, 3);
	assert_int_equal(stack_of(&diff, "grows")->value[PROFILE_LIVE_BYTES], 1300);
	assert_int_equal(stack_of(&diff, "grows")->value[PROFILE_LIVE_BLOCKS], 13);
	assert_int_equal(stack_of(&diff, "comes")->value[PROFILE_LIVE_BYTES], 900);
	assert_int_equal(diff.process[stack_of(&diff, "comes")->process].pid, 78);
	assert_int_equal(stack_of(&diff, "goes")->value[PROFILE_LIVE_BYTES], -700);
	assert_string_equal(stack_of(&diff, "comes")->why, "LEAK 212 B/req");
	assert_string_equal(stack_of(&diff, "goes")->why, "");
	assert_int_equal(stack_of(&diff, "goes")->oldest_age_ms, 0);
	assert_ptr_equal(stack_of(&diff, "grows"), &diff.stack[0]);
	assert_ptr_equal(stack_of(&diff, "goes"), &diff.stack[2]);
	profile_free(&before);
	profile_free(&now);
	profile_free(&diff);
}

static const char *site(struct profile *p, size_t i)
{
	static char buf[8][PROFILE_SITE_BYTES];
	static size_t n;

	return profile_site_of(p, &p->stack[i], buf[n++ % 8]);
}

static void a_site_is_the_names_of_a_stack_and_nothing_else(void **state)
{
	struct profile a, b;
	uint32_t frame[3];

	(void)state;
	profile_begin(&a);
	add_process(&a, 42, "php8.2");
	frame[0] = native(&a, "grows", 0x100);
	frame[1] = php(&a, "{main}", 3);
	add_stack(&a, 0, 1000, frame, 2);
	/* The same of another process, built anew, with its script edited and more known of what is inlined. */
	profile_begin(&b);
	add_process(&b, 1, "other");
	add_process(&b, 77, "php8.2");
	frame[0] = profile_add_frame(
		&b, &(struct profile_frame){ .kind = PROFILE_NATIVE, .function = "small", .is_inlined = 1 });
	frame[1] = native(&b, "grows", 0x999);
	frame[2] = php(&b, "{main}", 9);
	add_stack(&b, 1, 7, frame, 3);
	add_stack(&b, 0, 7, frame, 3);
	add_stack(&b, 1, 7, frame, 2);
	b.stack[2].layer = PROFILE_LIBC;
	add_stack(&b, 1, 7, frame, 3);
	b.stack[3].layer = PROFILE_ZEND;
	/* Written down, so that it does not change from one version of swtrace to the next. */
	assert_string_equal(site(&a, 0), "438d93f5");
	assert_string_equal(site(&b, 0), "438d93f5");
	for (size_t i = 1; i < 4; i++)
		assert_string_not_equal(site(&b, i), "438d93f5");
	profile_free(&a);
	profile_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(a_frame_of_which_nothing_is_known_is_read_again),
		cmocka_unit_test(a_large_profile_is_read_again),
		cmocka_unit_test(of_ten_thousand_stacks_a_file_has_as_many_as_there_is_of_it),
		cmocka_unit_test(of_a_small_file_half_has_its_processes_and_its_first_stacks),
		cmocka_unit_test(of_a_file_that_was_cut_what_came_before_is_read),
		cmocka_unit_test(a_file_that_is_damaged_anywhere_is_never_taken_for_sound),
		cmocka_unit_test(a_file_in_another_order_is_read),
		cmocka_unit_test(a_small_file_cannot_take_all_memory),
		cmocka_unit_test(names_that_one_profile_lacks_make_no_difference),
		cmocka_unit_test(a_difference_has_what_grew_came_and_went),
		cmocka_unit_test(a_site_is_the_names_of_a_stack_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
