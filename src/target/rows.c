// SPDX-License-Identifier: GPL-2.0-or-later
/* target/rows.c - from a file's .eh_frame to unwind rows.
 * libdw reads the rules; the list of functions comes from .eh_frame_hdr, a table sorted by address that every linker
 * writes (LSB core, "Exception Frames"). Neighbouring rows with the same rule are one row. */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "swtrace/abi.h"
#include "target/internal.h"
#include "util/elffile.h"

/* DWARF register numbers of x86-64: System V ABI, figure 3.36. */
#define REG_RBX 3
#define REG_RBP 6
#define REG_RSP 7
#define REG_RA	16

/* Functions are aligned to 16 bytes: a gap shorter than that is padding, and no gap is recorded for it. */
#define MIN_GAP_BYTES 16

#define MAX_TABLE_BYTES (64u << 20) /* .eh_frame_hdr: 8 million functions; browsers have a tenth */

struct row_list {
	struct target_rows rows;
	size_t cap;
};

static int list_add(struct row_list *l, uint64_t vaddr, uint32_t rule)
{
	struct target_rows *r = &l->rows;
	struct swt_row *grown;

	if (vaddr - r->base > UINT32_MAX)
		return -EFBIG;
	if (r->n && r->row[r->n - 1].rule == rule)
		return 0;
	/* The same address again: a function of no length. The later rule counts. */
	if (r->n && r->row[r->n - 1].vaddr == vaddr - r->base) {
		r->row[r->n - 1].rule = rule;
		return 0;
	}
	if (r->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 4096;
		grown = realloc(r->row, l->cap * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		r->row = grown;
	}
	r->row[r->n].vaddr = vaddr - r->base;
	r->row[r->n++].rule = rule;
	return 0;
}

/* register_plus - is this operation "register + offset"? */
static int register_plus(const Dwarf_Op *op, uint64_t *reg, int64_t *offset)
{
	if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31) {
		*reg = op->atom - DW_OP_breg0;
		*offset = (int64_t)op->number;
	} else if (op->atom == DW_OP_bregx) {
		*reg = op->number;
		*offset = (int64_t)op->number2;
	} else {
		return 0;
	}
	return 1;
}

/* is_plt - the one longer expression in use: linkers write it for .plt (binutils, elf_x86_64_eh_frame_plt):
 * rsp + 8 + ((rip & 15) >= 11) * 8. */
static int is_plt(const Dwarf_Op *op, size_t n)
{
	static const unsigned atoms[] = { DW_OP_breg7, DW_OP_breg16, DW_OP_lit15, DW_OP_and, DW_OP_lit11, DW_OP_ge,
		DW_OP_lit3, DW_OP_shl, DW_OP_plus };

	if (n != sizeof(atoms) / sizeof(atoms[0]) || op[0].number != 8 || op[1].number != 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (op[i].atom != atoms[i])
			return 0;
	return 1;
}

/* cfa_rule - kind, base and offset of the CFA as a rule without saved registers. */
static uint32_t cfa_rule(Dwarf_Frame *frame)
{
	static const struct {
		uint64_t reg;
		int base;
	} bases[] = { { REG_RSP, SWT_BASE_RSP }, { REG_RBP, SWT_BASE_RBP }, { REG_RBX, SWT_BASE_RBX } };
	const uint32_t none = SWT_RULE(SWT_ROW_NONE, 0, 0, 0, 0);
	int64_t offset, words;
	uint64_t reg;
	Dwarf_Op *op;
	int kind;
	size_t n;

	if (dwarf_frame_cfa(frame, &op, &n) || !n)
		return none;
	if (is_plt(op, n))
		return SWT_RULE(SWT_ROW_PLT, 0, 0, 0, 0);
	kind = n == 2 && op[1].atom == DW_OP_deref ? SWT_ROW_DEREF : SWT_ROW_NORMAL;
	if (n > 1 + (size_t)(kind == SWT_ROW_DEREF) || !register_plus(op, &reg, &offset))
		return none;
	words = offset / 8;
	if (offset % 8 || words > SWT_RULE_MAX_WORDS || words < -SWT_RULE_MAX_WORDS)
		return none;
	for (size_t i = 0; i < sizeof(bases) / sizeof(bases[0]); i++)
		if (bases[i].reg == reg)
			return SWT_RULE(kind, bases[i].base, 0, 0, words);
	return none;
}

/* saved_at - where a register of the caller is. Return: 0 and its place: CFA + *offset; 1: still in the register;
 * -1: nowhere, or in a way that a row cannot hold. */
static int saved_at(Dwarf_Frame *frame, int reg, int64_t *offset)
{
	Dwarf_Op mem[3], *op;
	size_t n;

	if (dwarf_frame_register(frame, reg, mem, &op, &n))
		return -1;
	if (!n)
		return op ? -1 : 1; /* libdw: no operations at all is "same value", an empty list "undefined" */
	if (op[0].atom != DW_OP_call_frame_cfa || n > 2 || (n == 2 && op[1].atom != DW_OP_plus_uconst))
		return -1;
	*offset = n == 2 ? (int64_t)op[1].number : 0;
	return 0;
}

/* is_root - the return address is undefined: nobody called this. */
static int is_root(Dwarf_Frame *frame)
{
	Dwarf_Op mem[3], *op;
	size_t n;

	return !dwarf_frame_register(frame, REG_RA, mem, &op, &n) && !n && op;
}

/* saved_by_rbp - the place of a register in the frame of a function that has realigned its stack: GCC gives it as an
 * expression, rbp + offset. libdw puts the CFA before it, which the expression does not use. */
static int saved_by_rbp(Dwarf_Frame *frame, int reg)
{
	Dwarf_Op mem[3], *op;
	int64_t offset;
	uint64_t base;
	size_t n;

	if (dwarf_frame_register(frame, reg, mem, &op, &n) || n != 2 || op[0].atom != DW_OP_call_frame_cfa ||
		!register_plus(&op[1], &base, &offset) || base != REG_RBP)
		return SWT_SAVED_LOST;
	if (offset % 8 || offset > 0 || offset <= 8 - 8 * SWT_SAVED_LOST)
		return SWT_SAVED_LOST;
	return (int)(1 - offset / 8);
}

static int saved_slot(Dwarf_Frame *frame, int reg, uint32_t rule)
{
	int64_t offset;

	if (SWT_RULE_KIND(rule) == SWT_ROW_DEREF && saved_at(frame, reg, &offset) != 1)
		return SWT_RULE_BASE(rule) == SWT_BASE_RBP ? saved_by_rbp(frame, reg) : SWT_SAVED_LOST;

	switch (saved_at(frame, reg, &offset)) {
	case 1:
		return SWT_SAVED_SAME;
	case 0:
		/* CFA - 8 is the return address, so a register is at CFA - 16 or below. */
		if (offset % 8 || offset > -16 || offset < -8 * SWT_SAVED_LOST)
			return SWT_SAVED_LOST;
		return (int)(-offset / 8 - 1);
	default:
		return SWT_SAVED_LOST;
	}
}

static uint32_t frame_rule(Dwarf_Frame *frame, bool is_signal)
{
	uint32_t rule;
	int64_t offset;

	if (is_root(frame))
		return SWT_RULE(SWT_ROW_ROOT, 0, 0, 0, 0);
	if (is_signal)
		return SWT_RULE(SWT_ROW_SIGNAL, 0, 0, 0, 0);
	rule = cfa_rule(frame);
	if (SWT_RULE_KIND(rule) == SWT_ROW_NONE || saved_at(frame, REG_RA, &offset) || offset != -8)
		return SWT_RULE(SWT_ROW_NONE, 0, 0, 0, 0);
	return rule | SWT_RULE(0, 0, saved_slot(frame, REG_RBP, rule), saved_slot(frame, REG_RBX, rule), 0);
}

/* add_function - the rows from the start of one function to its end, at most to the start of the next. */
static int add_function(struct row_list *l, Dwarf_CFI *cfi, uint64_t start, uint64_t next)
{
	uint64_t pc = start;
	int err = 0;

	while (pc < next && !err) {
		Dwarf_Addr from, to;
		Dwarf_Frame *frame;
		bool is_signal;

		if (dwarf_cfi_addrframe(cfi, pc, &frame))
			break;
		dwarf_frame_info(frame, &from, &to, &is_signal);
		/* The look-up key of a caller is its return address - 1, and a signal frame's function is entered by no
		 * call: so that the byte before it is found too, its row begins there. */
		err = list_add(l, is_signal && pc ? pc - 1 : pc, frame_rule(frame, is_signal));
		free(frame);
		if (to <= pc)
			break;
		pc = to;
	}
	if (!err && pc < next && (pc == start || next - pc >= MIN_GAP_BYTES))
		err = list_add(l, pc, SWT_RULE(SWT_ROW_NONE, 0, 0, 0, 0));
	return err;
}

/* find_fde_table - in the segment PT_GNU_EH_FRAME, or made here if there is no such segment. Only the encoding that linkers write is understood: version 1, address
 * of .eh_frame pcrel sdata4, count udata4, entries datarel sdata4. */
static int find_fde_table(Elf *elf, struct fde_table *t)
{
	GElf_Phdr ph;
	Elf_Data *d;
	uint32_t count;
	int32_t frame;
	size_t n;

	if (elf_getphdrnum(elf, &n))
		return -ENOEXEC;
	t->n = 0;
	for (size_t i = 0; i < n; i++) {
		if (!gelf_getphdr(elf, i, &ph) || ph.p_type != PT_GNU_EH_FRAME || ph.p_filesz < 12)
			continue;
		if (ph.p_filesz > MAX_TABLE_BYTES)
			return -ENOEXEC;
		d = elf_getdata_rawchunk(elf, ph.p_offset, ph.p_filesz, ELF_T_BYTE);
		if (!d || !d->d_buf || d->d_size < 12)
			return -ENOEXEC;
		t->entry = (const unsigned char *)d->d_buf + 12;
		t->base = ph.p_vaddr;
		t->offset = ph.p_offset;
		t->n_bytes = ph.p_filesz;
		memcpy(&count, t->entry - 4, sizeof(count));
		memcpy(&frame, t->entry - 8, sizeof(frame));
		t->frame_vaddr = t->base + 4 + (int64_t)frame;
		if (t->entry[-12] != 1 || t->entry[-11] != 0x1b || t->entry[-10] != 0x03 || t->entry[-9] != 0x3b)
			return 0;
		t->n = count < (d->d_size - 12) / 8 ? count : (d->d_size - 12) / 8;
		return 0;
	}
	return cfi_make_table(elf, t);
}

static uint64_t table_address(const struct fde_table *t, size_t i)
{
	int32_t offset;

	memcpy(&offset, t->entry + 4 * i, sizeof(offset));
	return t->base + (int64_t)offset;
}

uint64_t fde_start(const struct fde_table *t, size_t i)
{
	return table_address(t, 2 * i);
}

uint64_t fde_address(const struct fde_table *t, size_t i)
{
	return table_address(t, 2 * i + 1);
}

/* find_segments - the address that rows count from, and the end of the executable segments. */
static int find_segments(Elf *elf, uint64_t *base, uint64_t *end)
{
	GElf_Phdr ph;
	size_t n;

	*base = UINT64_MAX;
	*end = 0;
	if (elf_getphdrnum(elf, &n))
		return -ENOEXEC;
	for (size_t i = 0; i < n; i++) {
		if (!gelf_getphdr(elf, i, &ph) || ph.p_type != PT_LOAD)
			continue;
		if (ph.p_vaddr < *base)
			*base = ph.p_vaddr;
		if (ph.p_flags & PF_X && ph.p_vaddr + ph.p_memsz > *end && ph.p_vaddr + ph.p_memsz > ph.p_vaddr)
			*end = ph.p_vaddr + ph.p_memsz;
	}
	return *base < *end ? 0 : -ENOEXEC;
}

/* add_functions - those of a sane table, up to the end of the code. */
static int add_functions(struct row_list *l, Elf *elf, const struct fde_table *t, uint64_t end)
{
	Dwarf_CFI *cfi = dwarf_getcfi_elf(elf);
	int err = 0;

	if (!cfi)
		return 0;
	for (size_t i = 0; i < t->n && !err; i++) {
		uint64_t start = fde_start(t, i), next = i + 1 < t->n ? fde_start(t, i + 1) : end;

		/* A table that is not sorted, or leaves the code, is damaged: what was read so far stays. */
		if (start < l->rows.base || next < start || next > end)
			break;
		err = add_function(l, cfi, start, next);
	}
	if (!err && l->rows.n)
		err = list_add(l, end, SWT_RULE(SWT_ROW_NONE, 0, 0, 0, 0));
	dwarf_cfi_end(cfi);
	return err;
}

static int read_rows(Elf *elf, int fd, struct row_list *l)
{
	struct fde_table t = { 0 };
	uint64_t end;
	int err;

	err = find_segments(elf, &l->rows.base, &end);
	if (!err)
		err = find_fde_table(elf, &t);
	if (!err && t.n && cfi_is_sane(elf, fd, &t, end))
		err = add_functions(l, elf, &t, end);
	free(t.made);
	return err;
}

int target_rows_read(int fd, struct target_rows *out)
{
	struct row_list l = { 0 };
	GElf_Ehdr eh;
	Elf *elf;
	int err = -ENOEXEC;

	memset(out, 0, sizeof(*out));
	if (elf_version(EV_CURRENT) == EV_NONE)
		return -ENOSYS;
	elf = elffile_is_ours(fd) ? elf_begin(fd, ELF_C_READ, NULL) : NULL;
	if (elf && elf_kind(elf) == ELF_K_ELF && gelf_getehdr(elf, &eh) && eh.e_machine == EM_X86_64)
		err = read_rows(elf, fd, &l);
	elf_end(elf);
	if (err)
		target_rows_free(&l.rows);
	else
		*out = l.rows;
	return err;
}

void target_rows_free(struct target_rows *rows)
{
	free(rows->row);
	memset(rows, 0, sizeof(*rows));
}
