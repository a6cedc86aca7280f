// SPDX-License-Identifier: GPL-2.0-or-later
/* target/cfi.c - is the unwind information of a file fit for libdw?
 * libdw 0.188 takes .eh_frame at its word: a rule for register 134217727 makes it allocate 2 GiB, each remembered state
 * copies that, a long augmentation string makes it read beyond the section, and as it starts each answer at the
 * beginning of a function, long functions take it hours. So every entry that the table of .eh_frame_hdr leads to is read
 * here first, and a file with one that no compiler writes has no rows.
 * Sources: LSB core, "Exception Frames"; DWARF 5, 6.4; libdw's cfi.c, cie.c, fde.c for what it does with them. */
#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "target/internal.h"

/* A tenth of each is in the largest known files (browsers). */
#define MAX_FRAME_BYTES	 (128u << 20) /* .eh_frame */
#define MAX_NAMES_BYTES	 (1u << 20)   /* .shstrtab */
#define MAX_FILE_BYTES	 (512u << 20) /* a file without section headers is read whole */
#define MAX_WORK	 (1ull << 32) /* instructions that libdw executes: seconds */
#define MAX_BLOCKS_BYTES (4u << 20)   /* of expressions: libdw keeps 32 bytes for each */

#define MAX_REGISTER   127 /* x86-64 has names up to 125 */
#define MAX_REMEMBERED 32  /* compilers need 1 or 2 */
#define NO_CIE	       UINT64_MAX

#define MIN_ENTRY_BYTES 8 /* a length and an id */

/* What is read, and where it is. All offsets are checked against it. */
struct frames {
	const unsigned char *data;
	size_t n;
	uint64_t vaddr;
	int is_linear;	 /* libdw has no table for it: it reads one entry after the other */
	uint64_t cie_at; /* the last that was found sane, and what it says; NO_CIE when there is none */
	unsigned encoding;
	int is_sized;
	uint64_t n_bytes; /* of all entries: none is used twice */
	uint64_t blocks_bytes;
	uint64_t work;
};

/* Bytes from at to end; bad once something was read that was not there, or is not sane. */
struct bytes {
	const unsigned char *at;
	const unsigned char *end;
	int bad;
};

static uint64_t number(struct bytes *b, size_t n)
{
	uint64_t value = 0;

	if (b->bad || (size_t)(b->end - b->at) < n) {
		b->bad = 1;
		return 0;
	}
	memcpy(&value, b->at, n);
	b->at += n;
	return value;
}

/* leb - a number in 7 bits a byte; good enough for signed ones, of which nothing but the length matters. */
static uint64_t leb(struct bytes *b)
{
	uint64_t value = 0, byte;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		byte = number(b, 1);
		value |= (byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	b->bad = 1;
	return 0;
}

static void skip(struct bytes *b, uint64_t n)
{
	if (b->bad || (uint64_t)(b->end - b->at) < n)
		b->bad = 1;
	else
		b->at += n;
}

/* encoded_bytes - the size of a pointer of that encoding (DW_EH_PE_x), 0 for those that no compiler writes. */
static size_t encoded_bytes(unsigned encoding)
{
	static const unsigned char bytes[8] = { 8, 0, 2, 4, 8 };

	return encoding < 0xff ? bytes[encoding & 7] : 0;
}

/* encoded - an address of that encoding: absolute, or relative to where it stands. */
static uint64_t encoded(const struct frames *f, struct bytes *b, unsigned encoding)
{
	uint64_t value, from = (encoding & 0x70) == 0x10 ? f->vaddr + (b->at - f->data) : 0;
	size_t n = encoded_bytes(encoding);

	value = number(b, n);
	if (encoding & 8)
		value = n == 2 ? (uint64_t)(int16_t)value : n == 4 ? (uint64_t)(int32_t)value : value;
	return from + value;
}

/* The operands of instructions without a primary opcode: r a register, n a number, b a block; a an address, or 1, 2, 4, 8
 * bytes, that lead to the next row. NULL: not for x86-64. */
#define OP_REMEMBER 0x0a
#define OP_RESTORE  0x0b
static const char *const operands[64] = { [0x00] = "",
	[0x01] = "a",
	[0x02] = "1",
	[0x03] = "2",
	[0x04] = "4",
	[0x05] = "rn",
	[0x06] = "r",
	[0x07] = "r",
	[0x08] = "r",
	[0x09] = "rn",
	[OP_REMEMBER] = "",
	[OP_RESTORE] = "",
	[0x0c] = "nn",
	[0x0d] = "n",
	[0x0e] = "n",
	[0x0f] = "b",
	[0x10] = "rb",
	[0x11] = "rn",
	[0x12] = "nn",
	[0x13] = "n",
	[0x14] = "rn",
	[0x15] = "rn",
	[0x16] = "rb",
	[0x1d] = "8",
	[0x2e] = "n",
	[0x2f] = "rn" };

static void check_operand(struct frames *f, struct bytes *b, char kind)
{
	uint64_t n;

	switch (kind) {
	case 'r':
		b->bad |= leb(b) > MAX_REGISTER;
		break;
	case 'n':
		leb(b);
		break;
	case 'a':
		encoded(f, b, f->encoding);
		break;
	case 'b':
		n = leb(b);
		f->blocks_bytes += b->bad ? 0 : n;
		skip(b, n);
		break;
	default:
		skip(b, kind - '0');
	}
}

/* check_program - the instructions up to the end of an entry. */
static void check_program(struct frames *f, struct bytes *b)
{
	uint64_t n_rows = 1, n = 0;
	int n_remembered = 0;

	while (b->at < b->end && !b->bad) {
		unsigned op = (unsigned)number(b, 1);
		const char *o = op < 0x40 ? operands[op] : op >> 6 == 2 ? "n" : "";

		if (!o) {
			b->bad = 1;
			return;
		}
		n++;
		n_rows += op >> 6 == 1 || (*o && strchr("a1248", *o));
		n_remembered += (op == OP_REMEMBER) - (op == OP_RESTORE);
		b->bad |= n_remembered > MAX_REMEMBERED;
		for (; *o; o++)
			check_operand(f, b, *o);
	}
	f->work += n * n_rows;
	b->bad |= f->work > MAX_WORK || f->blocks_bytes > MAX_BLOCKS_BYTES;
}

/* entry_at - the bytes of an entry after its length. */
static struct bytes entry_at(struct frames *f, uint64_t at)
{
	struct bytes b = { f->data, f->data + f->n, 0 };
	uint64_t length;

	skip(&b, at);
	length = number(&b, 4);
	if (!length || length > (uint64_t)(b.end - b.at))
		b.bad = 1;
	else
		b.end = b.at + length;
	return b;
}

/* check_augmentation - what the letters of a CIE say of its FDEs: all letters that compilers write, after z. */
static void check_augmentation(struct frames *f, struct bytes *b, const char *letters)
{
	struct bytes data = { b->at, b->end, b->bad };
	uint64_t n;

	f->encoding = 0;
	f->is_sized = *letters == 'z';
	if (!f->is_sized) {
		b->bad |= *letters != 0;
		return;
	}
	n = leb(b);
	data.at = b->at;
	skip(b, n);
	for (letters++; *letters; letters++) {
		unsigned encoding;

		if (*letters == 'S')
			continue;
		encoding = (unsigned)number(&data, 1);
		if (*letters == 'R')
			f->encoding = encoding;
		else if (*letters == 'P')
			skip(&data, encoded_bytes(encoding));
		data.bad |= !strchr("RLP", *letters) || (*letters != 'L' && !encoded_bytes(encoding));
	}
	b->bad |= data.bad || data.at > b->at || (f->encoding & 0xe0) != 0;
}

static int is_cie_sane(struct frames *f, uint64_t at)
{
	struct bytes b = entry_at(f, at);
	char letters[8] = "";
	unsigned version;

	if (at == f->cie_at)
		return 1;
	f->cie_at = NO_CIE;
	b.bad |= number(&b, 4) != 0;
	version = (unsigned)number(&b, 1);
	b.bad |= version != 1 && version != 3;
	for (size_t i = 0; !b.bad && (letters[i] = (char)number(&b, 1)); i++)
		b.bad |= i == sizeof(letters) - 2;
	leb(&b);
	leb(&b);
	b.bad |= (version == 1 ? number(&b, 1) : leb(&b)) > MAX_REGISTER;
	letters[sizeof(letters) - 1] = 0;
	if (!b.bad)
		check_augmentation(f, &b, letters);
	if (!b.bad)
		check_program(f, &b);
	if (!b.bad)
		f->cie_at = at;
	return !b.bad;
}

/* is_fde_sane - an entry for a function: [*start, *start + *range). */
static int is_fde_sane(struct frames *f, uint64_t at, uint64_t *start, uint64_t *range)
{
	struct bytes b = entry_at(f, at);
	uint64_t id = number(&b, 4);

	if (b.bad || !id || id > at + 4 || !is_cie_sane(f, at + 4 - id))
		return 0;
	f->n_bytes += b.end - b.at;
	b.bad |= f->n_bytes > f->n;
	*start = encoded(f, &b, f->encoding);
	*range = encoded(f, &b, f->encoding & 0x0f);
	if (f->is_sized)
		skip(&b, leb(&b));
	if (!b.bad)
		check_program(f, &b);
	return !b.bad;
}

/* is_in_table - the table is known to be sorted by now. */
static int is_in_table(const struct fde_table *t, uint64_t start, uint64_t address)
{
	size_t lo = 0, hi = t->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (fde_start(t, mid) < start)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < t->n && fde_start(t, lo) == start; lo++)
		if (fde_address(t, lo) == address)
			return 1;
	return 0;
}

/* are_others_sane - the entries that the table does not lead to, from the first to the one without a length. libdw may
 * find such a one for every address in its range. */
static int are_others_sane(struct frames *f, const struct fde_table *t)
{
	struct bytes b;

	f->n_bytes = 0;
	for (uint64_t at = 0; f->n - at >= 8; at = b.end - f->data) {
		uint64_t start, range, work = f->work, length = 0;

		memcpy(&length, f->data + at, 4);
		if (!length)
			return 1;
		b = entry_at(f, at);
		if (b.bad)
			return 0;
		if (!number(&b, 4)) {
			if (!is_cie_sane(f, at))
				return 0;
			continue;
		}
		if (!is_fde_sane(f, at, &start, &range))
			return 0;
		if (is_in_table(t, start, f->vaddr + at))
			f->work = work;
		else if (range > MAX_WORK / length || (f->work += length * range) > MAX_WORK)
			return 0;
	}
	return 1;
}

/* find_section - .eh_frame as dwarf_getcfi_elf() finds it, with the table right before it. Return: 1 found, 0 none. */
static int find_section(Elf *elf, size_t names, const struct fde_table *t, struct frames *f)
{
	Elf_Scn *scn = NULL;
	int is_linear = 1;
	GElf_Shdr sh;

	if (!gelf_getshdr(elf_getscn(elf, names), &sh) || sh.sh_size > MAX_NAMES_BYTES || sh.sh_flags & SHF_COMPRESSED)
		return 0;
	while ((scn = elf_nextscn(elf, scn))) {
		const char *name = gelf_getshdr(scn, &sh) ? elf_strptr(elf, names, sh.sh_name) : NULL;
		Elf_Data *d;

		if (!name)
			continue;
		if (!strcmp(name, ".eh_frame_hdr")) {
			/* libdw searches this table, whatever the program headers say */
			is_linear = 0;
			if (!t->n_bytes || sh.sh_offset != t->offset || sh.sh_size != t->n_bytes ||
				sh.sh_addr != t->base || sh.sh_type == SHT_NOBITS)
				return 0;
		}
		if (strcmp(name, ".eh_frame") != 0)
			continue;
		if (sh.sh_type == SHT_NOBITS || sh.sh_size > MAX_FRAME_BYTES)
			return 0;
		d = elf_rawdata(scn, NULL);
		*f = (struct frames){
			.data = d ? d->d_buf : NULL, .n = d ? d->d_size : 0, .vaddr = sh.sh_addr, .is_linear = is_linear
		};
		return f->data != NULL;
	}
	/* libdw would read the whole file, and forget what it had read (elfutils 0.188: __libelf_readall() sets
	 * map_address, after which elf_end() frees no section's data any more) */
	return 0;
}

/* find_in_file - the same without section headers: from where the table says, to the end of the file. */
static int find_in_file(Elf *elf, int fd, const struct fde_table *t, struct frames *f)
{
	uint64_t at = t->frame_vaddr - t->base + t->offset;
	struct stat st;
	size_t n;
	char *file;

	if (fstat(fd, &st) || st.st_size > MAX_FILE_BYTES)
		return 0;
	file = elf_rawfile(elf, &n);
	if (!file || at >= n)
		return 0;
	*f = (struct frames){ .data = (unsigned char *)file + at, .n = n - at, .vaddr = t->frame_vaddr };
	return 1;
}

/* An entry of a table in the making. */
struct fde {
	uint64_t start;
	uint64_t address;
};

static int compare_fdes(const void *a, const void *b)
{
	const struct fde *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->address < y->address ? -1 : x->address > y->address;
}

/* collect_fdes - all entries for functions, up to the one without a length. Return: their number; 0 one is not sane. */
static size_t collect_fdes(struct frames *f, struct fde *out)
{
	struct bytes b;
	size_t n = 0;

	for (uint64_t at = 0; f->n - at >= 8; at = b.end - f->data) {
		uint64_t length = 0, range;

		memcpy(&length, f->data + at, 4);
		if (!length)
			break;
		b = entry_at(f, at);
		if (b.bad)
			return 0;
		if (!number(&b, 4))
			continue;
		if (!is_fde_sane(f, at, &out[n].start, &range))
			return 0;
		out[n++].address = f->vaddr + at;
	}
	return n;
}

/* put_offset - a 32-bit offset from the base of the table. Return: 0 it is further away than that. */
static int put_offset(struct fde_table *t, size_t at, uint64_t address)
{
	int64_t offset = (int64_t)(address - t->base);
	int32_t word = (int32_t)offset;

	memcpy(t->made + at, &word, sizeof(word));
	return word == offset;
}

int cfi_make_table(Elf *elf, struct fde_table *t)
{
	struct frames f;
	struct fde *fde;
	size_t names;
	int fits = 1;

	if (elf_getshdrstrndx(elf, &names) || !names || !find_section(elf, names, t, &f))
		return 0;
	f.cie_at = NO_CIE;
	t->base = t->frame_vaddr = f.vaddr;
	fde = calloc(f.n / MIN_ENTRY_BYTES + 1, sizeof(*fde));
	if (!fde)
		return -ENOMEM;
	t->n = collect_fdes(&f, fde);
	t->entry = t->made = calloc(t->n + 1, 8);
	if (t->made && t->n)
		qsort(fde, t->n, sizeof(*fde), compare_fdes);
	for (size_t i = 0; t->made && i < t->n; i++)
		fits &= put_offset(t, 8 * i, fde[i].start) && put_offset(t, 8 * i + 4, fde[i].address);
	free(fde);
	if (!fits)
		t->n = 0;
	return t->made ? 0 : -ENOMEM;
}

int cfi_is_sane(Elf *elf, int fd, const struct fde_table *t, uint64_t end)
{
	struct frames f;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return 0;
	if (!(names ? find_section(elf, names, t, &f) : find_in_file(elf, fd, t, &f)) || f.vaddr != t->frame_vaddr)
		return 0;
	f.cie_at = NO_CIE;
	for (size_t i = 0; i < t->n; i++) {
		uint64_t next = i + 1 < t->n ? fde_start(t, i + 1) : end, start, range;

		/* libdw finds it for its own addresses and for no others */
		if (!is_fde_sane(&f, fde_address(t, i) - f.vaddr, &start, &range) || start != fde_start(t, i) ||
			next < start || range > next - start)
			return 0;
	}
	return !f.is_linear || are_others_sane(&f, t);
}
