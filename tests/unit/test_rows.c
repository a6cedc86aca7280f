/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/test_rows.c - unwind rows say what libdw says: exhaustively, for every row of every library on the loader's path.
 * Both answers are turned into numbers, with made-up registers and memory: libdw's by evaluating its DWARF operations, the
 * row's by its definition in swtrace/abi.h. What libdw's answer needs and a row cannot hold must be SWT_ROW_NONE. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "swtrace/abi.h"
#include "target/target.h"

#define LIBRARIES "/usr/lib/x86_64-linux-gnu"

/* Every row is compared. Where the sanitizers watch, which makes libdw several times slower, all files are read, and every
 * 16th row is: to see that memory is used as it should be, not once more that the answers are the same. */
#ifdef __SANITIZE_ADDRESS__
#define STEP 16
#else
#define STEP 1
#endif

/* Registers by DWARF number; memory holds a hash of its address. */
static uint64_t regs[17];

static uint64_t memory(uint64_t addr)
{
	return (addr ^ 0x5bd1e995) * 0x9e3779b97f4a7c15ULL;
}

static void set_registers(uint64_t pc)
{
	for (int i = 0; i < 16; i++)
		regs[i] = 0x7fff00000000 + 0x1000000 * (uint64_t)i;
	regs[16] = pc;
}

/* evaluate - a DWARF expression as libdw hands it out. Return: 0, or -1 for an operation not known here. */
static int evaluate(const Dwarf_Op *op, size_t n, uint64_t cfa, uint64_t *out)
{
	uint64_t stack[16] = { 0 };
	int top = 0;

	for (size_t i = 0; i < n && top < 14; i++) {
		unsigned a = op[i].atom;

		if (a >= DW_OP_breg0 && a <= DW_OP_breg16)
			stack[++top] = regs[a - DW_OP_breg0] + op[i].number;
		else if (a == DW_OP_bregx && op[i].number <= 16)
			stack[++top] = regs[op[i].number] + op[i].number2;
		else if (a >= DW_OP_lit0 && a <= DW_OP_lit31)
			stack[++top] = a - DW_OP_lit0;
		else if (a == DW_OP_call_frame_cfa)
			stack[++top] = cfa;
		else if (a == DW_OP_plus_uconst)
			stack[top] += op[i].number;
		else if (a == DW_OP_deref)
			stack[top] = memory(stack[top]);
		else if (a == DW_OP_and && top > 1)
			top--, stack[top] &= stack[top + 1];
		else if (a == DW_OP_plus && top > 1)
			top--, stack[top] += stack[top + 1];
		else if (a == DW_OP_shl && top > 1)
			top--, stack[top] <<= stack[top + 1];
		else if (a == DW_OP_ge && top > 1)
			top--, stack[top] = (int64_t)stack[top] >= (int64_t)stack[top + 1];
		else
			return -1;
	}
	*out = stack[top];
	/* The answer is on top. The CFA, which stands below the expression of a saved register, need not be used. */
	return top == 1 || (top == 2 && op[0].atom == DW_OP_call_frame_cfa) ? 0 : -1;
}

/* What a frame's caller looks like: the addresses, not the contents, of what was saved. */
struct answer {
	int kind; /* SWT_ROW_ROOT, SWT_ROW_SIGNAL, SWT_ROW_NORMAL for all others, SWT_ROW_NONE */
	uint64_t cfa;
	uint64_t rbp_at; /* 0 still in the register, 1 nowhere */
	uint64_t rbx_at;
};

/* @from  where a row counts saved words from: the CFA, or rbp + 16 where the stack is realigned */
static uint64_t saved(Dwarf_Frame *frame, int reg, uint64_t cfa, uint64_t from)
{
	Dwarf_Op mem[3], *op;
	uint64_t at;
	size_t n;

	if (dwarf_frame_register(frame, reg, mem, &op, &n))
		return 1;
	if (!n)
		return op ? 1 : 0;
	if (op[n - 1].atom == DW_OP_stack_value || op[0].atom != DW_OP_call_frame_cfa || evaluate(op, n, cfa, &at))
		return 1;
	/* a row holds words from there - 16 to there - 120 */
	return from - at >= 16 && from - at <= 8 * SWT_SAVED_LOST && (from - at) % 8 == 0 ? at : 1;
}

static struct answer ask_libdw(Dwarf_CFI *cfi, uint64_t pc)
{
	struct answer a = { .kind = SWT_ROW_NONE };
	Dwarf_Op mem[3], *op;
	Dwarf_Frame *frame;
	Dwarf_Addr from, to;
	uint64_t ra_at;
	bool is_signal;
	size_t n;

	if (dwarf_cfi_addrframe(cfi, pc, &frame))
		return a;
	dwarf_frame_info(frame, &from, &to, &is_signal);
	if (!dwarf_frame_register(frame, 16, mem, &op, &n) && !n && op) {
		a.kind = SWT_ROW_ROOT;
	} else if (is_signal) {
		a.kind = SWT_ROW_SIGNAL;
	} else if (!dwarf_frame_cfa(frame, &op, &n) && n && !evaluate(op, n, 0, &a.cfa)) {
		unsigned reg = op[0].atom == DW_OP_bregx ? (unsigned)op[0].number : op[0].atom - (unsigned)DW_OP_breg0;
		int64_t offset = op[0].atom == DW_OP_bregx ? (int64_t)op[0].number2 : (int64_t)op[0].number;
		int is_plt = n == 9, is_deref = n == 2 && op[1].atom == DW_OP_deref;
		int fits = (reg == 3 || reg == 6 || reg == 7) && offset % 8 == 0 && llabs(offset) < 1 << 20;

		ra_at = 1;
		if (!dwarf_frame_register(frame, 16, mem, &op, &n) && n && evaluate(op, n, a.cfa, &ra_at))
			ra_at = 1;
		if (fits && (is_plt || is_deref || a.cfa == regs[reg] + offset) && ra_at == a.cfa - 8)
			a.kind = SWT_ROW_NORMAL;
		a.rbp_at = saved(frame, 6, a.cfa, is_deref ? regs[6] + 16 : a.cfa);
		a.rbx_at = saved(frame, 3, a.cfa, is_deref ? regs[6] + 16 : a.cfa);
	}
	free(frame);
	return a;
}

static uint64_t row_saved(unsigned k, uint64_t from)
{
	return k == SWT_SAVED_SAME ? 0 : k == SWT_SAVED_LOST ? 1 : from - 8 - 8 * (uint64_t)k;
}

static struct answer ask_row(uint32_t rule, uint64_t pc)
{
	static const int base[] = { 7, 6, 3 };
	struct answer a = { .kind = SWT_RULE_KIND(rule) };
	uint64_t from = 0;

	switch (a.kind) {
	case SWT_ROW_PLT:
		a.cfa = regs[7] + ((pc & 15) >= 11 ? 16 : 8);
		break;
	case SWT_ROW_DEREF:
		a.cfa = memory(regs[base[SWT_RULE_BASE(rule)]] + 8 * (int64_t)SWT_RULE_WORDS(rule));
		break;
	case SWT_ROW_NORMAL:
		a.cfa = regs[base[SWT_RULE_BASE(rule)]] + 8 * (int64_t)SWT_RULE_WORDS(rule);
		break;
	default:
		return a;
	}
	from = a.kind == SWT_ROW_DEREF ? regs[6] + 16 : a.cfa;
	a.kind = SWT_ROW_NORMAL;
	a.rbp_at = row_saved(SWT_RULE_RBP(rule), from);
	a.rbx_at = row_saved(SWT_RULE_RBX(rule), from);
	return a;
}

static uint32_t rule_at(const struct target_rows *rows, uint64_t pc)
{
	size_t lo = 0, hi = rows->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (rows->base + rows->row[mid].vaddr <= pc)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? rows->row[lo - 1].rule : SWT_RULE(SWT_ROW_NONE, 0, 0, 0, 0);
}

static size_t n_files, n_rows, n_none, n_points;

/* compare - both answers at pc. Where libdw has none, padding up to 15 bytes may still carry the rule before it. */
static void compare(const char *path, Dwarf_CFI *cfi, const struct target_rows *rows, uint64_t pc)
{
	struct answer dw, row;

	set_registers(pc);
	dw = ask_libdw(cfi, pc);
	row = ask_row(rule_at(rows, pc), pc);
	n_points++;
	n_none += dw.kind == SWT_ROW_NONE;
	if (dw.kind == SWT_ROW_NONE && row.kind != SWT_ROW_NONE) {
		Dwarf_Frame *frame;

		for (uint64_t back = 1; back < 16; back++) {
			if (!dwarf_cfi_addrframe(cfi, pc - back, &frame)) {
				free(frame);
				frame = NULL;
				if (dwarf_cfi_addrframe(cfi, pc, &frame))
					return;
				free(frame);
				break;
			}
		}
	}
	if (dw.kind != row.kind || dw.cfa != row.cfa || dw.rbp_at != row.rbp_at || dw.rbx_at != row.rbx_at) {
		if (dw.kind == SWT_ROW_NONE && row.kind == SWT_ROW_NONE)
			return;
		fail_msg("%s: 0x%lx: libdw %d cfa %lx rbp %lx rbx %lx, row %d cfa %lx rbp %lx rbx "
			 "%lx",
			path, pc, dw.kind, dw.cfa, dw.rbp_at, dw.rbx_at, row.kind, row.cfa, row.rbp_at, row.rbx_at);
	}
}

/* has_functions - does the table of .eh_frame_hdr list any? */
static int has_functions(int fd, Elf *elf)
{
	uint32_t count = 0;
	GElf_Phdr ph;
	size_t n = 0;

	elf_getphdrnum(elf, &n);
	for (size_t i = 0; i < n; i++)
		if (gelf_getphdr(elf, i, &ph) && ph.p_type == PT_GNU_EH_FRAME)
			pread(fd, &count, sizeof(count), ph.p_offset + 8) == sizeof(count) ? (void)0 : fail();
	return count > 0;
}

static void compare_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct target_rows rows;
	Dwarf_CFI *cfi;
	Elf *elf;

	if (fd < 0 || target_rows_read(fd, &rows)) {
		close(fd);
		return; /* a linker script, a static library's neighbour, another machine's file */
	}
	elf = elf_begin(fd, ELF_C_READ, NULL);
	cfi = dwarf_getcfi_elf(elf);
	if (!rows.n && cfi && has_functions(fd, elf))
		fail_msg("%s: no rows", path);
	for (size_t i = 0; cfi && i < rows.n; i += STEP) {
		uint64_t from = rows.base + rows.row[i].vaddr;
		uint64_t to = i + 1 < rows.n ? rows.base + rows.row[i + 1].vaddr : from + 1;

		assert_true(to > from);
		/* a signal trampoline's row begins a byte early, on purpose */
		compare(path, cfi, &rows, from + (SWT_RULE_KIND(rows.row[i].rule) == SWT_ROW_SIGNAL));
		if (i + 1 < rows.n && SWT_RULE_KIND(rows.row[i + 1].rule) != SWT_ROW_SIGNAL)
			compare(path, cfi, &rows, to - 1);
		n_rows++;
	}
	n_files++;
	target_rows_free(&rows);
	if (cfi)
		dwarf_cfi_end(cfi);
	elf_end(elf);
	close(fd);
}

static void compare_folder(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *e;
	char path[512];

	while (dir && (e = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		if (e->d_type == DT_REG && strstr(e->d_name, ".so"))
			compare_file(path);
	}
	if (dir)
		closedir(dir);
}

static void every_row_of_every_library_is_libdws_answer(void **state)
{
	static const char *const folders[] = { LIBRARIES, "/usr/lib", "/usr/local/lib",
		"/usr/local/lib/x86_64-linux-gnu" };

	(void)state;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		compare_folder(folders[i]);
	compare_file("/usr/bin/php8.2");
	compare_file("/proc/self/exe");
	print_message("# %zu files, %zu rows, %zu points compared, %zu without an answer\n", n_files, n_rows, n_points,
		n_none);
	assert_true(n_files > 20);
	assert_true(n_rows > 100000);
}

static void functions_of_many_kinds_have_rows(void **state)
{
	size_t kinds[6] = { 0 }, rbx = 0, large = 0;
	struct target_rows rows;
	int fd = open(LIBRARIES "/libc.so.6", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(target_rows_read(fd, &rows), 0);
	close(fd);
	for (size_t i = 0; i < rows.n; i++) {
		kinds[SWT_RULE_KIND(rows.row[i].rule)]++;
		large += SWT_RULE_WORDS(rows.row[i].rule) > 4000;
		rbx += SWT_RULE_RBX(rows.row[i].rule) != SWT_SAVED_SAME;
	}
	assert_true(kinds[SWT_ROW_NORMAL] > 20000);
	assert_true(kinds[SWT_ROW_PLT] == 1);
	assert_true(kinds[SWT_ROW_SIGNAL] == 1);
	assert_true(kinds[SWT_ROW_ROOT] >= 1);
	assert_true(kinds[SWT_ROW_NONE] >= 1);
	assert_true(rbx > 1000);
	assert_true(large > 0); /* a frame of 33,360 bytes */
	target_rows_free(&rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_of_many_kinds_have_rows),
		cmocka_unit_test(every_row_of_every_library_is_libdws_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
