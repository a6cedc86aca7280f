// SPDX-License-Identifier: GPL-2.0-or-later
/* reader/names.c - functions, source lines and inlined calls at an address, by libdwfl. Runs in the child.
 * Each file is a Dwfl of its own, reported at the addresses that it was linked to. libdwfl finds .symtab, .dynsym and
 * .gnu_debugdata itself; the debug file is the one that was handed in, or what debuginfod has when it is to be asked. */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <gelf.h>
#include <libiberty/demangle.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reader/internal.h"

struct named_file {
	uint32_t number;
	int fd_debug;
	Dwfl *dwfl;
	Dwfl_Module *module; /* NULL: not a file that libdwfl can read */
};

static struct named_file *files;
static size_t n_files;
static int debug_to_give = -1; /* for the callback: libdwfl has no room for it */

static int find_debuginfo(Dwfl_Module *m, void **data, const char *name, Dwarf_Addr base, const char *file,
	const char *link, GElf_Word crc, char **found)
{
	if (debug_to_give >= 0) {
		*found = strdup("debug");
		return dup(debug_to_give);
	}
	if (!getenv("DEBUGINFOD_URLS"))
		return -1;
	return dwfl_standard_find_debuginfo(m, data, name, base, file, link, crc, found);
}

static int find_elf(Dwfl_Module *m, void **data, const char *name, Dwarf_Addr base, char **file, Elf **elf)
{
	(void)m, (void)data, (void)name, (void)base, (void)file, (void)elf;
	return -1;
}

static const Dwfl_Callbacks callbacks = {
	.find_elf = find_elf, .find_debuginfo = find_debuginfo, .section_address = dwfl_offline_section_address
};

static void file_load(struct named_file *f, int fd)
{
	f->dwfl = dwfl_begin(&callbacks);
	if (!f->dwfl)
		return;
	dwfl_report_begin(f->dwfl);
	f->module = dwfl_report_elf(f->dwfl, "file", "file", fd, 0, true);
	dwfl_report_end(f->dwfl, NULL, NULL);
	if (!f->module)
		close(fd);
}

/* put - copy a name, cut with "..." when it is too long. */
static void put(char to[READER_NAME_BYTES], const char *name)
{
	int n = snprintf(to, READER_NAME_BYTES, "%s", name ? name : "");

	if (n >= READER_NAME_BYTES)
		memcpy(to + READER_NAME_BYTES - 4, "...", 4);
}

/* same_build - has the debug file the build-id of the file, where both have one? */
static int same_build(int fd, int fd_debug)
{
	const void *id = NULL, *id_debug = NULL;
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL), *debug = elf_begin(fd_debug, ELF_C_READ_MMAP, NULL);
	ssize_t n = elf ? dwelf_elf_gnu_build_id(elf, &id) : -1;
	ssize_t n_debug = debug ? dwelf_elf_gnu_build_id(debug, &id_debug) : -1;
	int same = debug && (n <= 0 || n_debug <= 0 || (n == n_debug && !memcmp(id, id_debug, n)));

	elf_end(elf);
	elf_end(debug);
	return same;
}

int names_link(int fd, struct reader_frame *out)
{
	Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	GElf_Word crc = 0;
	const char *name = elf ? dwelf_elf_gnu_debuglink(elf, &crc) : NULL;

	memset(out, 0, sizeof(*out));
	if (name) {
		put(out->file, name);
		out->line = crc;
	}
	elf_end(elf);
	return name != NULL;
}

int names_add(uint32_t file, int fd, int fd_debug)
{
	struct named_file *grown;

	if (fd < 0)
		return -EBADF;
	grown = realloc(files, (n_files + 1) * sizeof(*files));
	if (!grown)
		return -ENOMEM;
	files = grown;
	if (fd_debug >= 0 && !same_build(fd, fd_debug)) {
		close(fd_debug);
		fd_debug = -1;
	}
	files[n_files] = (struct named_file){ .number = file, .fd_debug = fd_debug };
	file_load(&files[n_files++], fd);
	return 0;
}

static struct named_file *file_of(uint32_t number)
{
	for (size_t i = 0; i < n_files; i++)
		if (files[i].number == number)
			return &files[i];
	return NULL;
}

#define MANGLED_MAX 4096

void names_plain(char to[READER_NAME_BYTES], const char *name)
{
	char *plain = strlen(name) < MANGLED_MAX ? cplus_demangle(name, DMGL_AUTO) : NULL;
	char *version;

	put(to, plain ? plain : name);
	/* Linkers put the version into the names of .symtab: memcpy@@GLIBC_2.14. */
	version = plain ? NULL : strchr(to, '@');
	if (version && version > to)
		*version = 0;
	free(plain);
}

/* find_symbol - the function symbol that covers addr. libdwfl gives the nearest before it, too: not wanted. */
static const char *find_symbol(Dwfl_Module *m, GElf_Addr addr, GElf_Sym *sym, GElf_Off *offset)
{
	const char *name = dwfl_module_addrinfo(m, addr, offset, sym, NULL, NULL, NULL);
	int type = name ? GELF_ST_TYPE(sym->st_info) : 0;

	if (!name || !*name || (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE))
		return NULL;
	return *offset < sym->st_size || !sym->st_size ? name : NULL;
}

static const char *die_name(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	const char *name;

	name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_linkage_name, &attr));
	if (!name)
		name = dwarf_formstring(dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attr));
	return name ? name : dwarf_diename(die);
}

/* call_place - where an inlined function was called. */
static void call_place(Dwarf_Die *cu, Dwarf_Die *inlined, struct reader_frame *caller)
{
	Dwarf_Attribute attr;
	Dwarf_Files *sources;
	Dwarf_Word line = 0, file = 0;
	size_t n;

	caller->line = 0;
	caller->file[0] = 0;
	if (!dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attr), &line))
		caller->line = line;
	if (!dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attr), &file) &&
		!dwarf_getsrcfiles(cu, &sources, &n))
		put(caller->file, dwarf_filesrc(sources, file, NULL, NULL));
}

/* find_inlined - the calls that were inlined at addr, innermost first, into out[0..]; then the place in the function that is
 * left. out[0] has the place of addr itself already.  Return: their number. */
static int find_inlined(Dwfl_Module *m, GElf_Addr addr, struct reader_frame *out)
{
	Dwarf_Die *scopes = NULL, *nested = NULL, *cu;
	Dwarf_Addr bias;
	int n_scopes, n = 0;

	cu = dwfl_module_addrdie(m, addr, &bias);
	n_scopes = cu ? dwarf_getscopes(cu, addr - bias, &scopes) : 0;
	/* The scopes of an inlined function's definition, not of its call: those are asked for by its DIE. */
	n_scopes = n_scopes > 0 ? dwarf_getscopes_die(&scopes[0], &nested) : 0;
	for (int i = 0; i < n_scopes && n < READER_MAX_FRAMES - 1; i++) {
		int tag = dwarf_tag(&nested[i]);
		const char *name;

		if (tag == DW_TAG_subprogram)
			break;
		if (tag != DW_TAG_inlined_subroutine)
			continue;
		name = die_name(&nested[i]);
		names_plain(out[n].function, name ? name : "(inlined)");
		out[n].is_inlined = 1;
		out[n].vaddr = 0;
		call_place(cu, &nested[i], &out[n + 1]);
		n++;
	}
	free(scopes);
	free(nested);
	return n;
}

/* find_subprogram - the function around addr by DWARF alone, when no symbol has survived. */
static const char *find_subprogram(Dwfl_Module *m, GElf_Addr addr, uint64_t *start)
{
	Dwarf_Die *scopes = NULL, *cu;
	const char *name = NULL;
	Dwarf_Addr bias, low;
	int n;

	cu = dwfl_module_addrdie(m, addr, &bias);
	n = cu ? dwarf_getscopes(cu, addr - bias, &scopes) : 0;
	for (int i = 0; i < n && !name; i++) {
		if (dwarf_tag(&scopes[i]) != DW_TAG_subprogram)
			continue;
		name = die_name(&scopes[i]);
		*start = dwarf_lowpc(&scopes[i], &low) ? addr : low + bias; /* as addr */
	}
	free(scopes);
	return name;
}

static void find_line(Dwfl_Module *m, GElf_Addr addr, struct reader_frame *out)
{
	Dwfl_Line *line = dwfl_module_getsrc(m, addr);
	const char *file;
	int number = 0;

	file = line ? dwfl_lineinfo(line, NULL, &number, NULL, NULL, NULL) : NULL;
	put(out->file, file);
	out->line = file && number > 0 ? number : 0;
}

int names_find(uint32_t file, uint64_t vaddr, struct reader_frame *out)
{
	struct named_file *f = file_of(file);
	uint64_t start = 0;
	GElf_Off offset = 0;
	GElf_Addr bias, addr;
	const char *name;
	GElf_Sym sym;
	int n;

	if (!f || !f->module)
		return 0;
	debug_to_give = f->fd_debug;
	if (!dwfl_module_getelf(f->module, &bias))
		return 0;
	addr = vaddr + bias;
	name = find_symbol(f->module, addr, &sym, &offset);
	if (name)
		start = vaddr - offset;
	else if ((name = find_subprogram(f->module, addr, &start)))
		start -= bias;
	if (!name)
		return 0;
	memset(out, 0, sizeof(*out));
	find_line(f->module, addr, out);
	n = find_inlined(f->module, addr, out);
	names_plain(out[n].function, name);
	out[n].is_inlined = 0;
	out[n].vaddr = start;
	return n + 1;
}
