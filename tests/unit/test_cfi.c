/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/test_cfi.c - what target/cfi.c keeps from libdw.
 * In: libraries of one function, made by hand: honest, with one thing wrong, or sparse. Out: their rows, or none; never a
 * crash, a leak, gigabytes or hours. Each hostile file here did one of these to libdw or libelf 0.188. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <elf.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "swtrace/abi.h"
#include "target/target.h"

#define FUNCTION   0x100000 /* address of the only function, of CODE_BYTES */
#define CODE_BYTES 0x200000
#define FRAMES	   offsetof(struct made, cie) /* offset and address alike */
#define CIE_BYTES  20
#define MIB	   (1ul << 20)
#define IN_HOLE	   (1ull << 32) /* a size that only the hole behind a sparse file can fill */

static const char names[] = "\0.eh_frame_hdr\0.eh_frame\0.shstrtab";

struct made {
	Elf64_Ehdr eh;
	Elf64_Phdr load, table_at;
	Elf64_Shdr sh[4]; /* none, .eh_frame_hdr, .eh_frame, .shstrtab */
	char names[sizeof(names)];
	struct {
		uint8_t head[4];
		int32_t frames;
		uint32_t count;
		int32_t function;
		int32_t fde;
	} table __attribute__((packed));
	struct {
		uint32_t length;
		uint32_t id;
		uint8_t version;
		char letters[3];
		uint8_t factors[2];
		uint8_t return_address;
		uint8_t n_data;
		uint8_t encoding;
		uint8_t program[7]; /* CFA = rsp + 8, return address at CFA - 8 */
	} cie __attribute__((packed));
	struct {
		uint32_t length;
		uint32_t cie;
		int32_t start;
		uint32_t n_bytes;
		uint8_t n_data;
	} fde __attribute__((packed));
	uint8_t program[2 * MIB];
	uint32_t end;
} __attribute__((packed));

/* make - an honest library whose function has these n bytes of rules. To be freed. */
static struct made *make(const uint8_t *program, size_t n)
{
	static const struct made form = {
		.eh = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
			.e_type = ET_DYN,
			.e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_phoff = offsetof(struct made, load),
			.e_shoff = offsetof(struct made, sh),
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 2,
			.e_shentsize = sizeof(Elf64_Shdr),
			.e_shnum = 4,
			.e_shstrndx = 3 },
		.load = { .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_memsz = FUNCTION + CODE_BYTES },
		.table = { .head = { 1, 0x1b, 0x03, 0x3b }, .count = 1 },
		.cie = { .length = sizeof(form.cie) - 4,
			.version = 1,
			.letters = "zR",
			.factors = { 1, 0x78 },
			.return_address = 16,
			.n_data = 1,
			.encoding = 0x1b,
			.program = { 0x0c, 7, 8, 0x90, 1 } },
		.fde = { .n_bytes = CODE_BYTES }
	};
	struct made *m = malloc(sizeof(*m));
	uint64_t table = offsetof(struct made, table), fde = offsetof(struct made, fde);

	assert_non_null(m);
	*m = form;
	memcpy(m->names, names, sizeof(names));
	m->table_at = (Elf64_Phdr){
		.p_type = PT_GNU_EH_FRAME, .p_offset = table, .p_vaddr = table, .p_filesz = sizeof(m->table)
	};
	m->sh[1] = (Elf64_Shdr){ .sh_name = 1, .sh_type = SHT_PROGBITS, .sh_addr = table, .sh_offset = table };
	m->sh[1].sh_size = sizeof(m->table);
	m->sh[2] = (Elf64_Shdr){ .sh_name = 15, .sh_type = SHT_PROGBITS, .sh_addr = FRAMES, .sh_offset = FRAMES };
	m->sh[2].sh_size = sizeof(*m) - FRAMES;
	m->sh[3] = (Elf64_Shdr){ .sh_name = 25, .sh_type = SHT_STRTAB, .sh_offset = offsetof(struct made, names) };
	m->sh[3].sh_size = sizeof(names);
	m->table.frames = (int32_t)(FRAMES - table - 4);
	m->table.function = (int32_t)(FUNCTION - table);
	m->table.fde = (int32_t)(fde - table);
	m->fde.length = sizeof(m->fde) - 4 + sizeof(m->program);
	m->fde.cie = (uint32_t)(fde + 4 - FRAMES);
	m->fde.start = (int32_t)(FUNCTION - fde - 8);
	memcpy(m->program, program, n);
	return m;
}

/* n_rows - how many rows the file has; with a hole of a TiB behind it, if it is to be sparse. Frees it. */
static size_t n_rows(struct made *m, int is_sparse)
{
	int fd = memfd_create("made", MFD_CLOEXEC), err;
	struct target_rows rows;
	size_t n;

	assert_int_equal(write(fd, m, sizeof(*m)), sizeof(*m));
	if (is_sparse)
		assert_int_equal(ftruncate(fd, 1ll << 40), 0);
	err = target_rows_read(fd, &rows);
	assert_true(!err || err == -ENOEXEC);
	n = rows.n;
	target_rows_free(&rows);
	close(fd);
	free(m);
	return n;
}

static void an_honest_function_has_rows_with_and_without_section_headers(void **state)
{
	static const uint8_t push[] = { 0x41, 0x0e, 16 };
	struct made *m = make(push, sizeof(push));

	(void)state;
	assert_int_equal(n_rows(m, 0), 3);
	m = make(push, sizeof(push));
	m->eh.e_shoff = m->eh.e_shnum = m->eh.e_shstrndx = 0;
	assert_int_equal(n_rows(m, 0), 3);
	/* .eh_frame_hdr after .eh_frame: another way through libdw */
	m = make(push, sizeof(push));
	m->sh[0] = m->sh[1];
	m->sh[1] = m->sh[2];
	m->sh[2] = m->sh[0];
	memset(&m->sh[0], 0, sizeof(m->sh[0]));
	assert_int_equal(n_rows(m, 0), 3);
}

/* As linkers leave static programs. */
static void a_file_without_a_table_of_functions_has_rows(void **state)
{
	static const uint8_t push[] = { 0x41, 0x0e, 16 }, wild[] = { 0x07, 0xfe, 0xff, 0xff, 0x3f };
	struct made *m = make(push, sizeof(push));

	(void)state;
	m->eh.e_phnum = 1;
	m->sh[1].sh_name = 0;
	assert_int_equal(n_rows(m, 0), 3);
	/* no table, but a section that libdw would take for one */
	m = make(push, sizeof(push));
	m->eh.e_phnum = 1;
	assert_int_equal(n_rows(m, 0), 0);
	m = make(wild, sizeof(wild));
	m->eh.e_phnum = 1;
	m->sh[1].sh_name = 0;
	assert_int_equal(n_rows(m, 0), 0);
}

static void memory_is_not_spent_on_registers_that_do_not_exist(void **state)
{
	/* GIVEN rules for register 134217726, in the function and in its CIE, and 40 copies of them */
	static const uint8_t wild[48] = { 0x07, 0xfe, 0xff, 0xff, 0x3f, [5 ... 44] = 0x0a, 0x41, 0x0e, 16 };
	struct rusage before, after;
	struct made *m;

	(void)state;
	getrusage(RUSAGE_SELF, &before);
	/* WHEN */
	assert_int_equal(n_rows(make(wild, 5), 0), 0);
	assert_int_equal(n_rows(make(wild, sizeof(wild)), 0), 0);
	m = make((const uint8_t *)"", 0);
	memcpy(m->cie.program, wild, 5);
	assert_int_equal(n_rows(m, 0), 0);
	/* THEN */
	getrusage(RUSAGE_SELF, &after);
	assert_true(after.ru_maxrss - before.ru_maxrss < 64 << 10); /* KiB */
}

static void a_register_number_is_not_cut_to_one_that_exists(void **state)
{
	/* GIVEN a CFA that counts from register 2^32 + 7: 7 is rsp */
	static const uint8_t far[] = { 0x0c, 0x87, 0x80, 0x80, 0x80, 0x10, 8 };

	(void)state;
	/* THEN there is but the row that says that nothing is known: the only rule, up to the end */
	assert_int_equal(n_rows(make(far, sizeof(far)), 0), 1);
}

static void a_long_function_does_not_take_hours(void **state)
{
	/* GIVEN a function of two million rows, and one of as many remembered states */
	uint8_t *program = malloc(2 * MIB);
	struct timespec start, end;

	(void)state;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	/* WHEN */
	for (size_t i = 0; i < 2 * MIB; i++)
		program[i] = i % 3 == 0 ? 0x41 : i % 3 == 1 ? 0x0e : 8 + 8 * (i / 3 % 2);
	assert_int_equal(n_rows(make(program, 2 * MIB - 2), 0), 0);
	memset(program, 0x0a, 2 * MIB);
	assert_int_equal(n_rows(make(program, 2 * MIB), 0), 0);
	/* THEN */
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	assert_true(end.tv_sec - start.tv_sec < 3);
	free(program);
}

static void letters_without_end_are_not_followed_out_of_the_section(void **state)
{
	/* GIVEN a CIE whose augmentation is a megabyte of R: libdw reads a byte for each, from behind them */
	struct made *m = make((const uint8_t *)"", 0);

	(void)state;
	m->cie.length = sizeof(m->cie) - 4 + sizeof(m->fde) + sizeof(m->program);
	memset(m->cie.letters + 1, 'R', (char *)&m->program[MIB] - &m->cie.letters[1]);
	m->table.fde = (int32_t)(offsetof(struct made, program) + MIB + 64 - offsetof(struct made, table));
	m->sh[2].sh_size = offsetof(struct made, program) + MIB + 128 - FRAMES;
	memcpy(&m->program[MIB + 64], &(uint32_t[]){ 32, MIB }, 8);
	/* WHEN, THEN */
	assert_int_equal(n_rows(m, 0), 0);
}

static void a_file_without_eh_frame_leaves_nothing_behind(void **state)
{
	/* GIVEN section names, but none of them .eh_frame: libelf reads them, then the whole file, and forgets the first */
	size_t before, after;
	struct made *m;

	(void)state;
	for (int i = 0; i < 2; i++) {
		before = after = mallinfo2().uordblks;
		for (int k = 0; k < 8; k++) {
			m = make((const uint8_t *)"", 0);
			m->sh[2].sh_name = 0;
			assert_int_equal(n_rows(m, 0), 0);
		}
		after = mallinfo2().uordblks;
	}
	/* THEN (the first round also pays for what is allocated once) */
	assert_int_equal(after, before);
}

static void a_sparse_file_cannot_claim_memory(void **state)
{
	struct rusage before, after;

	(void)state;
	getrusage(RUSAGE_SELF, &before);
	for (int what = 0; what < 6; what++) {
		struct made *m = make((const uint8_t *)"", 0);

		if (what == 0)
			m->table_at.p_filesz = m->sh[1].sh_size = IN_HOLE;
		if (what == 1)
			m->sh[2].sh_size = IN_HOLE;
		if (what == 2)
			m->sh[3].sh_size = IN_HOLE;
		if (what == 3)
			m->eh.e_shoff = m->eh.e_shnum = m->eh.e_shstrndx = 0;
		if (what == 4)
			m->eh.e_phnum = PN_XNUM, m->sh[0].sh_info = UINT32_MAX;
		if (what == 5)
			m->eh.e_shnum = 0, m->sh[0].sh_size = IN_HOLE / 4;
		assert_int_equal(n_rows(m, 1), 0);
	}
	getrusage(RUSAGE_SELF, &after);
	assert_true(after.ru_maxrss - before.ru_maxrss < 64 << 10); /* KiB */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_honest_function_has_rows_with_and_without_section_headers),
		cmocka_unit_test(a_file_without_a_table_of_functions_has_rows),
		cmocka_unit_test(memory_is_not_spent_on_registers_that_do_not_exist),
		cmocka_unit_test(a_register_number_is_not_cut_to_one_that_exists),
		cmocka_unit_test(a_long_function_does_not_take_hours),
		cmocka_unit_test(letters_without_end_are_not_followed_out_of_the_section),
		cmocka_unit_test(a_file_without_eh_frame_leaves_nothing_behind),
		cmocka_unit_test(a_sparse_file_cannot_claim_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
