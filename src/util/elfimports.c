// SPDX-License-Identifier: GPL-2.0-or-later
/* util/elfimports.c - relocations of named functions, read with libelf from the raw bytes of their sections: no entry size in
 * the file is trusted, and the byte order is ours, see elffile_is_ours(). Source: System V ABI for AMD64, section 4.4. */
#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "util/elffile.h"
#include "util/elfimports.h"

#define MAX_SYMBOLS	(4u << 20)   /* as elffile.c */
#define MAX_STRINGS	(256u << 20) /* likewise */
#define MAX_RELOCATIONS (4u << 20)   /* per table; a browser's largest library has 1.5 million */
#define MAX_TABLES	4	     /* .rela.dyn and .rela.plt are usual */

struct names {
	const char *const *name;
	size_t n;
	uint8_t *of_symbol; /* index of its name + 1; 0 = another name */
	size_t n_symbols;
};

/* section_bytes - a section of that type, not larger than max bytes.  Return: its data, or NULL. */
static Elf_Data *section_bytes(Elf *elf, size_t index, GElf_Word type, uint64_t max)
{
	Elf_Scn *scn = index ? elf_getscn(elf, index) : NULL;
	Elf_Data *data;
	GElf_Shdr sh;

	if (!scn || !gelf_getshdr(scn, &sh) || sh.sh_type != type || sh.sh_size > max)
		return NULL;
	data = elf_rawdata(scn, NULL);
	return data && data->d_buf && data->d_size ? data : NULL;
}

/* find_name - index of the name + 1, or 0. Most symbols differ in their first letters. */
static uint8_t find_name(const struct names *n, const char *name)
{
	for (size_t i = 0; i < n->n; i++)
		if (n->name[i][0] == name[0] && n->name[i][1] == name[1] && !strcmp(n->name[i], name))
			return i + 1;
	return 0;
}

/* mark_symbols - note which dynamic symbols bear one of the names.  Return: 0, or -ENOMEM. */
static int mark_symbols(struct names *n, Elf *elf, size_t dynsym, size_t dynstr)
{
	Elf_Data *symbols = section_bytes(elf, dynsym, SHT_DYNSYM, MAX_SYMBOLS * sizeof(Elf64_Sym));
	Elf_Data *strings = section_bytes(elf, dynstr, SHT_STRTAB, MAX_STRINGS);
	const char *last = strings ? memrchr(strings->d_buf, 0, strings->d_size) : NULL;
	Elf64_Sym sym;

	if (!symbols || !last)
		return 0;
	n->of_symbol = calloc(symbols->d_size / sizeof(sym) + 1, 1);
	if (!n->of_symbol)
		return -ENOMEM;
	n->n_symbols = symbols->d_size / sizeof(sym);
	for (size_t i = 0; i < n->n_symbols; i++) {
		memcpy(&sym, (const char *)symbols->d_buf + i * sizeof(sym), sizeof(sym));
		/* A name that starts before the last NUL also ends there. */
		if (sym.st_name <= (uint64_t)(last - (const char *)strings->d_buf))
			n->of_symbol[i] = find_name(n, (const char *)strings->d_buf + sym.st_name);
	}
	return 0;
}

/* add_table - the words of one table of relocations.  Return: how many there are now. */
static size_t add_table(const struct names *n, const Elf_Data *table, struct elfimport *out, size_t n_out)
{
	Elf64_Rela r;

	for (size_t i = 0; i < table->d_size / sizeof(r) && n_out < ELFIMPORTS_MAX; i++) {
		uint64_t symbol;

		memcpy(&r, (const char *)table->d_buf + i * sizeof(r), sizeof(r));
		symbol = ELF64_R_SYM(r.r_info);
		if (symbol >= n->n_symbols || !n->of_symbol[symbol])
			continue;
		switch (ELF64_R_TYPE(r.r_info)) {
		case R_X86_64_64:
		case R_X86_64_GLOB_DAT:
		case R_X86_64_JUMP_SLOT:
			out[n_out].vaddr = r.r_offset;
			out[n_out++].name = n->of_symbol[symbol] - 1;
		}
	}
	return n_out;
}

/* find_dynsym - the first .dynsym: ELF knows one.  Return: its index, 0 = there is none; and of its names. */
static size_t find_dynsym(Elf *elf, size_t *dynstr)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	while ((scn = elf_nextscn(elf, scn))) {
		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_DYNSYM)
			continue;
		*dynstr = sh.sh_link;
		return elf_ndxscn(scn);
	}
	return 0;
}

/* next_table - the next table of relocations that belongs to that .dynsym, after scn.  Return: NULL at the end. */
static Elf_Scn *next_table(Elf *elf, Elf_Scn *scn, size_t dynsym)
{
	GElf_Shdr sh;

	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &sh) && sh.sh_type == SHT_RELA && sh.sh_link == dynsym)
			return scn;
	return NULL;
}

static Elf_Data *table_bytes(Elf *elf, Elf_Scn *scn)
{
	return section_bytes(elf, elf_ndxscn(scn), SHT_RELA, MAX_RELOCATIONS * sizeof(Elf64_Rela));
}

static int read_words(struct names *n, Elf *elf, struct elfimport *out)
{
	size_t dynstr = 0, dynsym = find_dynsym(elf, &dynstr), n_out = 0, n_tables = 0;
	Elf_Scn *scn = NULL;
	int err;

	if (!dynsym)
		return 0;
	err = mark_symbols(n, elf, dynsym, dynstr);
	if (err)
		return err;
	while (n_tables++ < MAX_TABLES && (scn = next_table(elf, scn, dynsym))) {
		Elf_Data *table = table_bytes(elf, scn);

		if (table)
			n_out = add_table(n, table, out, n_out);
	}
	return n_out;
}

/* elf_of - let libelf at the file.  Return: NULL when it is not one of ours. */
static Elf *elf_of(int fd)
{
	Elf *elf = elf_version(EV_CURRENT) != EV_NONE && elffile_is_ours(fd) ? elf_begin(fd, ELF_C_READ, NULL) : NULL;

	if (elf && elf_kind(elf) == ELF_K_ELF)
		return elf;
	elf_end(elf);
	return NULL;
}

int elfimports_read(int fd, const char *const *names, size_t n_names, struct elfimport **out)
{
	struct names n = { .name = names, .n = n_names };
	struct elfimport *words = NULL;
	Elf *elf = elf_of(fd);
	int count = -ENOEXEC;

	*out = NULL;
	if (!elf)
		return -ENOEXEC;
	words = calloc(ELFIMPORTS_MAX, sizeof(*words));
	count = words ? read_words(&n, elf, words) : -ENOMEM;
	if (count > 0) {
		*out = words;
		words = NULL;
	}
	free(words);
	free(n.of_symbol);
	elf_end(elf);
	return count;
}

/* symbol_name - copy the name of a dynamic symbol, if it fits.  Return: 0, or -ENOENT. */
static int symbol_name(Elf *elf, size_t dynsym, size_t dynstr, uint64_t index, char *name, size_t cap)
{
	Elf_Data *symbols = section_bytes(elf, dynsym, SHT_DYNSYM, MAX_SYMBOLS * sizeof(Elf64_Sym));
	Elf_Data *strings = section_bytes(elf, dynstr, SHT_STRTAB, MAX_STRINGS);
	const char *from, *end;
	Elf64_Sym sym;

	if (!symbols || !strings || index >= symbols->d_size / sizeof(sym))
		return -ENOENT;
	memcpy(&sym, (const char *)symbols->d_buf + index * sizeof(sym), sizeof(sym));
	if (sym.st_name >= strings->d_size)
		return -ENOENT;
	from = (const char *)strings->d_buf + sym.st_name;
	end = memchr(from, 0, strings->d_size - sym.st_name);
	if (!end || (size_t)(end - from) >= cap)
		return -ENOENT;
	memcpy(name, from, end - from + 1);
	return 0;
}

int elfimports_name(int fd, uint64_t vaddr, char *name, size_t cap)
{
	size_t dynstr = 0, dynsym, n_tables = 0;
	Elf *elf = elf_of(fd);
	Elf_Scn *scn = NULL;
	int err = -ENOENT;
	Elf64_Rela r;

	if (!elf)
		return -ENOEXEC;
	dynsym = find_dynsym(elf, &dynstr);
	while (dynsym && err && n_tables++ < MAX_TABLES && (scn = next_table(elf, scn, dynsym))) {
		Elf_Data *table = table_bytes(elf, scn);

		for (size_t i = 0; table && err && i < table->d_size / sizeof(r); i++) {
			memcpy(&r, (const char *)table->d_buf + i * sizeof(r), sizeof(r));
			if (r.r_offset == vaddr)
				err = symbol_name(elf, dynsym, dynstr, ELF64_R_SYM(r.r_info), name, cap);
		}
	}
	elf_end(elf);
	return err;
}
