/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/test_vitals.c - what is read of a process's memory: files of the kernel's, PHP's heap and collector, cgroups of a made-up
 * system. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "target/internal.h"

#define MIB (1ULL << 20)

/* ---- files of /proc/PID ---- */

static const char status[] =
	"Name:\tRssAnon: 77 kB\nVmRSS:\t   30000 kB\nRssAnon:\t   20000 kB\nRssFile:\t    9000 kB\n"
	"RssShmem:\t    1000 kB\nVmData:\t 1 kB\nVmSwap:\t     512 kB\n";

static void resident_memory_is_told_by_its_parts(void **state)
{
	struct model_vitals v = { 0 };

	(void)state;
	assert_int_equal(vitals_status(status, &v), 0);
	assert_int_equal(v.rss_bytes, 30000 << 10);
	assert_int_equal(v.anon_bytes, 20000 << 10);
	assert_int_equal(v.swap_bytes, 512 << 10);
	assert_false(v.is_exact);
}

static void a_process_without_memory_has_no_vitals(void **state)
{
	struct model_vitals v = { 0 };

	(void)state;
	assert_int_equal(vitals_status("Name:\tphp\nState:\tZ (zombie)\n", &v), -ESRCH);
	assert_int_equal(vitals_status("", &v), -ESRCH);
}

static void the_exact_numbers_replace_the_others_and_add_up(void **state)
{
	struct model_vitals v = { 0 };

	(void)state;
	vitals_status(status, &v);
	assert_int_equal(
		vitals_rollup("5649-7ffc ---p 00000000 00:00 0   [rollup]\nRss:     30100 kB\nPss:   15000 kB\n"
			      "Pss_Anon: 3 kB\nAnonymous:     20040 kB\nSwap:      500 kB\nSwapPss: 1 kB\n",
			&v),
		0);
	assert_true(v.is_exact);
	assert_int_equal(v.rss_bytes, 30100 << 10);
	assert_int_equal(v.anon_bytes + v.file_bytes + v.shmem_bytes, v.rss_bytes);
	assert_int_equal(v.anon_bytes, 20040 << 10);
	assert_int_equal(v.pss_bytes, 15000 << 10);
	assert_int_equal(v.swap_bytes, 500 << 10);
}

static void a_rollup_that_makes_no_sense_changes_nothing(void **state)
{
	struct model_vitals v = { 0 };

	(void)state;
	vitals_status(status, &v);
	assert_int_equal(vitals_rollup("Rss: 10 kB\nPss: 5 kB\nAnonymous: 11 kB\nSwap: 0 kB\n", &v), -EBADMSG);
	assert_int_equal(vitals_rollup("Rss: 10 kB\n", &v), -EBADMSG);
	assert_int_equal(v.rss_bytes, 30000 << 10);
}

static void stacks_are_mappings_that_are_alike_and_stand_above_guards(void **state)
{
	struct target_map map[] = {
		{ .start = 0x100000, .end = 0x300000, .name = "[heap]" },
		{ .start = 0x1000000, .end = 0x1001000, .is_guard = 1, .name = "" },
		{ .start = 0x1001000, .end = 0x1201000, .name = "" },
		{ .start = 0x1201000, .end = 0x1202000, .is_guard = 1, .name = "" },
		{ .start = 0x1202000, .end = 0x1402000, .name = "" },
		{ .start = 0x1402000, .end = 0x1403000, .is_guard = 1, .name = "" }, /* one of another size, alone */
		{ .start = 0x1403000, .end = 0x1503000, .name = "" },
		{ .start = 0x2000000, .end = 0x2200000, .name = "" },		     /* no guard */
		{ .start = 0x8000000, .end = 0xc000000, .is_guard = 1, .name = "" }, /* the rest of a malloc arena */
		{ .start = 0xc000000, .end = 0xc200000, .name = "" },
		{ .start = 0xd000000, .end = 0xd001000, .is_guard = 1, .name = "/lib/x.so" },
		{ .start = 0xd001000, .end = 0xd201000, .name = "/lib/x.so" },
	};
	struct model_vitals v = { 0 };

	(void)state;
	vitals_stacks(map, sizeof(map) / sizeof(map[0]), &v);
	assert_int_equal(v.n_stacks, 2);
	assert_int_equal(v.stack_bytes, 4 * MIB);
	assert_int_equal(v.heap_map_bytes, 2 * MIB);
	vitals_stacks(map, 0, &v);
}

/* ---- PHP ---- */

#define HEAP_ADDR 0x7f0000200040ULL
#define GC_ADDR	  0x5500ULL

static uint64_t heap[64];
static uint8_t gc[40];

static int read_image(void *ctx, uint64_t addr, void *to, size_t len)
{
	(void)ctx;
	if (addr >= HEAP_ADDR && addr + len <= HEAP_ADDR + sizeof(heap))
		memcpy(to, (char *)heap + (addr - HEAP_ADDR), len);
	else if (addr >= GC_ADDR && addr + len <= GC_ADDR + sizeof(gc))
		memcpy(to, gc + (addr - GC_ADDR), len);
	else
		return -EFAULT;
	return 0;
}

static const struct php_image image = { read_image, NULL };

/* set_up_heap - of 7 chunks of which 2 are cached, and a huge block, as the version with that real_size has it.
 * @patched  words that a distribution has put behind limit */
static void set_up_heap(unsigned real, unsigned patched)
{
	uint64_t *tail = &heap[real / 8 + 3 + patched];

	memset(heap, 0, sizeof(heap));
	heap[2] = 9 * MIB + 16;
	heap[3] = 12 * MIB;
	heap[real / 8] = 20 * MIB;
	heap[real / 8 + 1] = 30 * MIB;
	heap[real / 8 + 2] = 128 * MIB;
	tail[0] = 0;		  /* overflow */
	tail[1] = 0x7f0000300000; /* huge_list */
	tail[2] = HEAP_ADDR & ~(2 * MIB - 1);
	tail[3] = 0x7f0000400000; /* cached_chunks */
	tail[4] = 5 | 9ULL << 32;
	tail[5] = 2;
}

static void the_heaps_counts_are_read_in_every_layout(void **state)
{
	static const unsigned layouts[][2] = { { 272, 0 }, { 272, 2 }, { 280, 0 }, { 280, 2 } };
	struct model_php_heap h;

	(void)state;
	for (int i = 0; i < 4; i++) {
		set_up_heap(layouts[i][0], layouts[i][1]);
		assert_int_equal(vitals_heap(&image, HEAP_ADDR, layouts[i][0], &h), 0);
		assert_true(h.is_known && h.size_bytes == 9 * MIB + 16 && h.peak_bytes == 12 * MIB);
		assert_true(h.real_bytes == 20 * MIB && h.real_peak_bytes == 30 * MIB && h.limit_bytes == 128 * MIB);
		assert_true(h.has_cached && h.cached_bytes == 4 * MIB);
	}
}

static void a_heap_that_makes_no_sense_or_counts_nothing_is_not_told(void **state)
{
	struct model_php_heap h;

	(void)state;
	set_up_heap(272, 0);
	assert_int_equal(vitals_heap(&image, HEAP_ADDR, 280, &h), -EBADMSG); /* the wrong layout */
	assert_false(h.is_known);
	assert_int_equal(vitals_heap(&image, 0x10, 272, &h), -EBADMSG);
	heap[0] = 1;
	assert_int_equal(vitals_heap(&image, HEAP_ADDR, 272, &h), -ENODATA);
	assert_false(h.is_known);
}

static void a_heap_without_limit_has_none_and_cached_chunks_that_cannot_be_are_not_known(void **state)
{
	struct model_php_heap h;

	(void)state;
	set_up_heap(272, 0);
	heap[36] = INT64_MAX;
	heap[37 + 5] = 1000; /* more than has been taken */
	assert_int_equal(vitals_heap(&image, HEAP_ADDR, 272, &h), 0);
	assert_true(h.is_known && !h.limit_bytes && !h.has_cached);
}

static void the_layout_is_what_the_engines_code_says(void **state)
{
	/* mov 0x110(%rax),%rax; ret; mov 0x10(%rax),%rax; and 8 more each for the peak */
	static const uint8_t usage[] = { 0x48, 0x8b, 0x80, 0x10, 0x01, 0, 0, 0xc3, 0x48, 0x8b, 0x40, 0x10, 0xc3 };
	static const uint8_t peak[] = { 0x48, 0x8b, 0x80, 0x18, 0x01, 0, 0, 0xc3, 0x48, 0x8b, 0x40, 0x18, 0xc3 };
	static const uint8_t peak_84[] = { 0x48, 0x8b, 0x80, 0x20, 0x01, 0, 0, 0xc3 };

	(void)state;
	assert_int_equal(vitals_real(usage, sizeof(usage), peak, sizeof(peak)), 272);
	assert_int_equal(vitals_real(peak, sizeof(peak), peak_84, sizeof(peak_84)), 280);
	assert_int_equal(vitals_real(usage, sizeof(usage), peak_84, sizeof(peak_84)), 0);
	assert_int_equal(vitals_real(usage, 0, peak, 0), 0);
}

static void the_collectors_place_is_read_from_the_code_that_loads_from_it(void **state)
{
	static const uint8_t code[] = { 0x0f, 0xb6, 0x05, 0x10, 0, 0, 0, 0xc3 };
	static const uint8_t other[] = { 0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0, 0xc3 };
	int64_t offset;

	(void)state;
	assert_int_equal(vitals_gc_decode(code, sizeof(code), &offset), 0);
	assert_int_equal(offset, 7 + 16 - 8);
	assert_int_equal(vitals_gc_decode(other, sizeof(other), &offset), -ENOSYS);
	assert_int_equal(vitals_gc_decode(code, sizeof(code) - 1, &offset), -ENOSYS);
}

static void set_word(size_t at, uint32_t value)
{
	memcpy(gc + at, &value, sizeof(value));
}

static void the_collectors_state_is_read_and_refused_when_it_cannot_be(void **state)
{
	struct model_php_gc g;

	(void)state;
	memset(gc, 0, sizeof(gc));
	set_word(0, 0x9000);
	gc[8] = 1;
	set_word(16, 500);
	set_word(20, 10001);
	set_word(24, 16384);
	set_word(28, 321);
	set_word(32, 4);
	set_word(36, 1234);
	assert_int_equal(vitals_gc(&image, GC_ADDR, &g), 0);
	assert_true(g.is_known && g.is_enabled && !g.is_protected && g.roots == 321 && g.threshold == 10001);
	assert_true(g.runs == 4 && g.collected == 1234);
	set_word(28, 20000); /* more roots than there is room for */
	assert_int_equal(vitals_gc(&image, GC_ADDR, &g), -EBADMSG);
	assert_false(g.is_known);
}

/* ---- limits ---- */

static char root[] = "/tmp/swtrace-limits-XXXXXX";

/* put - a file of the made-up system, with the directories above it. */
static void put(const char *path, const char *text)
{
	char full[512];
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (char *slash = strchr(full + sizeof(root), '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		mkdir(full, 0700);
		*slash = '/';
	}
	f = fopen(full, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int make_root(void **state)
{
	(void)state;
	strcpy(root + sizeof(root) - 7, "XXXXXX");
	if (!mkdtemp(root))
		return -1;
	put("/proc/meminfo", "MemTotal:       1000000 kB\nMemFree: 5 kB\nMemAvailable:    400000 kB\n");
	return 0;
}

static int remove_root(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command); /* NOLINT(bugprone-command-processor): a name of mkdtemp's */
}

#define MOUNT_V2(root) "30 22 0:27 " root " /sys/fs/cgroup rw,relatime shared:4 - cgroup2 cgroup2 rw\n"
#define MOUNT_V1       "34 30 0:31 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"

static struct model_vitals limits(void)
{
	struct model_vitals l;

	assert_int_equal(target_limits_read(root, 7, &l), 0);
	return l;
}

static void the_limit_with_the_least_room_counts_wherever_it_is_above(void **state)
{
	struct model_vitals l;

	(void)state;
	put("/proc/self/mountinfo", "25 1 8:1 / / rw - ext4 /dev/sda rw\n" MOUNT_V2("/"));
	put("/proc/7/cgroup", "0::/system.slice/php.service/worker\n");
	put("/sys/fs/cgroup/system.slice/php.service/worker/memory.max", "max\n");
	put("/sys/fs/cgroup/system.slice/php.service/worker/memory.current", "1000\n");
	put("/sys/fs/cgroup/system.slice/php.service/memory.max", "1000000\n");
	put("/sys/fs/cgroup/system.slice/php.service/memory.high", "max\n");
	put("/sys/fs/cgroup/system.slice/php.service/memory.current", "600000\n");
	put("/sys/fs/cgroup/system.slice/php.service/memory.stat", "anon 5\ninactive_file 100000\nactive_file 7\n");
	put("/sys/fs/cgroup/system.slice/memory.max", "900000\n");
	put("/sys/fs/cgroup/system.slice/memory.current", "300000\n");
	l = limits();
	assert_int_equal(l.cgroup_bytes, 1000000);
	assert_int_equal(l.cgroup_used_bytes, 500000);
	assert_false(l.cgroup_is_high);
	assert_int_equal(l.machine_bytes, 1000000ULL << 10);
	assert_int_equal(l.machine_available_bytes, 400000ULL << 10);
	/* WHEN a lower mark is set at which the kernel slows down, THEN it is that */
	put("/sys/fs/cgroup/system.slice/php.service/memory.high", "700000\n");
	l = limits();
	assert_int_equal(l.cgroup_bytes, 700000);
	assert_true(l.cgroup_is_high);
}

static void in_a_container_the_limit_is_found_where_its_part_of_the_tree_is_mounted(void **state)
{
	(void)state;
	put("/proc/self/mountinfo", MOUNT_V2("/docker/abc"));
	put("/proc/7/cgroup", "0::/docker/abc\n");
	put("/sys/fs/cgroup/memory.max", "5000\n");
	put("/sys/fs/cgroup/memory.current", "2000\n");
	assert_int_equal(limits().cgroup_bytes, 5000);
	put("/proc/7/cgroup", "0::/docker/abc/inner\n");
	assert_int_equal(limits().cgroup_bytes, 5000);
	/* GIVEN a process out of sight */
	put("/proc/7/cgroup", "0::/../other\n");
	assert_int_equal(limits().cgroup_bytes, 0);
}

static void a_limit_of_version_1_is_found_too_and_its_huge_number_is_none(void **state)
{
	(void)state;
	put("/proc/self/mountinfo", MOUNT_V1 "40 30 0:37 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
	put("/proc/7/cgroup", "9:name=systemd:/x\n4:memory:/a/b\n0::/\n");
	put("/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "9223372036854771712\n");
	put("/sys/fs/cgroup/memory/a/b/memory.usage_in_bytes", "100\n");
	assert_int_equal(limits().cgroup_bytes, 0);
	put("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "4096\n");
	put("/sys/fs/cgroup/memory/a/memory.usage_in_bytes", "5000\n");
	put("/sys/fs/cgroup/memory/a/memory.stat", "inactive_file 9\ntotal_inactive_file 1000\n");
	assert_int_equal(limits().cgroup_bytes, 4096);
	assert_int_equal(limits().cgroup_used_bytes, 4000);
}

static void who_shares_a_limit_is_told_by_the_cgroup_that_has_it(void **state)
{
	uint64_t of_top, of_a;

	(void)state;
	put("/proc/self/mountinfo", MOUNT_V2("/"));
	put("/sys/fs/cgroup/top/memory.max", "5000\n");
	put("/sys/fs/cgroup/top/memory.current", "2000\n");
	put("/sys/fs/cgroup/top/a/memory.max", "max\n");
	put("/sys/fs/cgroup/top/b/memory.max", "max\n");
	put("/proc/7/cgroup", "0::/top/a\n");
	of_top = limits().cgroup_id;
	assert_int_not_equal(of_top, 0);
	put("/proc/7/cgroup", "0::/top/b\n");
	assert_int_equal(limits().cgroup_id, of_top);
	/* WHEN one of them has less room of its own */
	put("/sys/fs/cgroup/top/a/memory.max", "1000\n");
	put("/sys/fs/cgroup/top/a/memory.current", "500\n");
	assert_int_equal(limits().cgroup_id, of_top);
	put("/proc/7/cgroup", "0::/top/a\n");
	of_a = limits().cgroup_id;
	assert_true(of_a && of_a != of_top);
	put("/proc/7/cgroup", "0::/\n");
	assert_int_equal(limits().cgroup_id, 0);
}

static void what_may_be_swapped_out_is_the_least_that_is_free_on_the_way_up(void **state)
{
	struct model_vitals l;

	(void)state;
	put("/proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 400 kB\nSwapTotal: 900 kB\nSwapFree: 100 kB\n");
	put("/proc/self/mountinfo", MOUNT_V2("/"));
	put("/proc/7/cgroup", "0::/a/b\n");
	put("/sys/fs/cgroup/a/b/memory.max", "5000\n");
	put("/sys/fs/cgroup/a/b/memory.current", "2000\n");
	put("/sys/fs/cgroup/a/b/memory.swap.max", "max\n");
	put("/sys/fs/cgroup/a/b/memory.swap.current", "10\n");
	l = limits();
	assert_int_equal(l.machine_swap_bytes, 102400);
	assert_int_equal(l.cgroup_swap_bytes, 102400);
	put("/sys/fs/cgroup/a/memory.swap.max", "3000\n");
	put("/sys/fs/cgroup/a/memory.swap.current", "1000\n");
	l = limits();
	assert_int_equal(l.cgroup_bytes, 5000);
	assert_int_equal(l.cgroup_swap_bytes, 2000);
	put("/sys/fs/cgroup/a/b/memory.swap.max", "0\n");
	assert_int_equal(limits().cgroup_swap_bytes, 0);
	/* Version 1: the limit of both together less that of memory. */
	put("/proc/self/mountinfo", MOUNT_V1);
	put("/proc/7/cgroup", "4:memory:/a\n");
	put("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "4096\n");
	put("/sys/fs/cgroup/memory/a/memory.usage_in_bytes", "4000\n");
	assert_int_equal(limits().cgroup_swap_bytes, 102400);
	put("/sys/fs/cgroup/memory/a/memory.memsw.limit_in_bytes", "8192\n");
	put("/sys/fs/cgroup/memory/a/memory.memsw.usage_in_bytes", "5000\n");
	assert_int_equal(limits().cgroup_swap_bytes, 3096);
	put("/sys/fs/cgroup/memory/a/memory.memsw.limit_in_bytes", "4096\n");
	assert_int_equal(limits().cgroup_swap_bytes, 0);
	/* without a limit of memory there is none to be met */
	put("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "9223372036854771712\n");
	assert_int_equal(limits().cgroup_swap_bytes, 0);
}

static void a_process_that_is_gone_or_a_system_without_cgroups_is_no_error_of_ours(void **state)
{
	struct model_vitals l;

	(void)state;
	assert_int_equal(target_limits_read(root, 8, &l), -ESRCH);
	put("/proc/7/cgroup", "0::/\n");
	assert_int_equal(limits().cgroup_bytes, 0);
	put("/proc/7/cgroup", "nonsense\n\n:\n");
	assert_int_equal(limits().cgroup_bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resident_memory_is_told_by_its_parts),
		cmocka_unit_test(a_process_without_memory_has_no_vitals),
		cmocka_unit_test(the_exact_numbers_replace_the_others_and_add_up),
		cmocka_unit_test(a_rollup_that_makes_no_sense_changes_nothing),
		cmocka_unit_test(stacks_are_mappings_that_are_alike_and_stand_above_guards),
		cmocka_unit_test(the_heaps_counts_are_read_in_every_layout),
		cmocka_unit_test(a_heap_that_makes_no_sense_or_counts_nothing_is_not_told),
		cmocka_unit_test(a_heap_without_limit_has_none_and_cached_chunks_that_cannot_be_are_not_known),
		cmocka_unit_test(the_layout_is_what_the_engines_code_says),
		cmocka_unit_test(the_collectors_place_is_read_from_the_code_that_loads_from_it),
		cmocka_unit_test(the_collectors_state_is_read_and_refused_when_it_cannot_be),
		cmocka_unit_test_setup_teardown(
			the_limit_with_the_least_room_counts_wherever_it_is_above, make_root, remove_root),
		cmocka_unit_test_setup_teardown(in_a_container_the_limit_is_found_where_its_part_of_the_tree_is_mounted,
			make_root, remove_root),
		cmocka_unit_test_setup_teardown(
			a_limit_of_version_1_is_found_too_and_its_huge_number_is_none, make_root, remove_root),
		cmocka_unit_test_setup_teardown(
			who_shares_a_limit_is_told_by_the_cgroup_that_has_it, make_root, remove_root),
		cmocka_unit_test_setup_teardown(
			what_may_be_swapped_out_is_the_least_that_is_free_on_the_way_up, make_root, remove_root),
		cmocka_unit_test_setup_teardown(
			a_process_that_is_gone_or_a_system_without_cgroups_is_no_error_of_ours, make_root, remove_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
