// SPDX-License-Identifier: GPL-2.0-or-later
/* util/elffile.c - what swtrace needs of an ELF file, copied out of it once.
 * In: the file, by libelf, which reads it into memory (ELF_C_READ; a mapped file that its owner truncates would kill us)
 * and checks its structure. Out: copies of what is kept; libelf is closed again.
 * A hostile file may cost no more than an honest one of its size, and a sparse one may claim terabytes: so each table is
 * read once, in bounded size, and which function covers what is worked out once, when the file is opened. */
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/elftable.h"

#define MAX_SECTIONS	 65536u	     /* libelf allocates for each what a sparse file only claims to hold */
#define MAX_NOTE_HEADERS 16	     /* 2 or 3 are usual */
#define MAX_NOTE_BYTES	 (64u << 10) /* of each; the build-id is among the first */

static int read_segments(struct elffile *f, Elf *elf)
{
	GElf_Phdr ph;
	size_t n;

	if (elf_getphdrnum(elf, &n))
		return -ENOEXEC;
	f->segment = calloc(n ? n : 1, sizeof(*f->segment));
	if (!f->segment)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (!gelf_getphdr(elf, i, &ph))
			return -ENOEXEC;
		if (ph.p_type == PT_INTERP && ph.p_filesz > 1 && ph.p_filesz < MAX_INTERP && !f->interp) {
			Elf_Data *d = elf_getdata_rawchunk(elf, ph.p_offset, ph.p_filesz, ELF_T_BYTE);

			f->interp = d && d->d_buf ? strndup(d->d_buf, d->d_size) : NULL;
			if (d && d->d_buf && !f->interp)
				return -ENOMEM;
			f->head.n_interp = f->interp ? strlen(f->interp) + 1 : 0;
		}
		if (ph.p_type != PT_LOAD || ph.p_vaddr + ph.p_filesz < ph.p_vaddr ||
			ph.p_offset + ph.p_filesz < ph.p_offset)
			continue;
		f->segment[f->head.n_segments].vaddr = ph.p_vaddr;
		f->segment[f->head.n_segments].offset = ph.p_offset;
		f->segment[f->head.n_segments].file_bytes = ph.p_filesz;
		f->segment[f->head.n_segments].executable = (ph.p_flags & PF_X) != 0;
		f->head.n_segments++;
	}
	return 0;
}

static void build_id_from(struct elffile *f, Elf_Data *data)
{
	size_t at = 0, next, name, desc;
	GElf_Nhdr note;

	while (data && data->d_buf && (next = gelf_getnote(data, at, &note, &name, &desc)) > 0) {
		const unsigned char *id = (const unsigned char *)data->d_buf + desc;

		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && note.n_descsz <= MAX_BUILD_ID &&
			!memcmp((char *)data->d_buf + name, "GNU", 4)) {
			for (size_t i = 0; i < note.n_descsz; i++) {
				f->head.build_id[2 * i] = "0123456789abcdef"[id[i] >> 4];
				f->head.build_id[2 * i + 1] = "0123456789abcdef"[id[i] & 15];
			}
			return;
		}
		at = next;
	}
}

/* read_build_id - from the program headers: they are there in stripped and in section-less files alike. */
static void read_build_id(struct elffile *f, Elf *elf)
{
	size_t n, n_notes = 0;
	GElf_Phdr ph;

	if (elf_getphdrnum(elf, &n))
		return;
	for (size_t i = 0; i < n && n_notes < MAX_NOTE_HEADERS && !*f->head.build_id; i++) {
		if (!gelf_getphdr(elf, i, &ph) || ph.p_type != PT_NOTE)
			continue;
		n_notes++;
		if (ph.p_filesz > MAX_NOTE_BYTES)
			ph.p_filesz = MAX_NOTE_BYTES;
		build_id_from(f, elf_getdata_rawchunk(
					 elf, ph.p_offset, ph.p_filesz, ph.p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR));
	}
}

/* section_end - where the section ends, if it holds vaddr; else vaddr. */
static uint64_t section_end(Elf *elf, size_t index, uint64_t vaddr)
{
	Elf_Scn *scn = elf_getscn(elf, index);
	GElf_Shdr sh;

	if (!scn || !gelf_getshdr(scn, &sh) || sh.sh_addr + sh.sh_size < sh.sh_addr)
		return vaddr;
	return vaddr - sh.sh_addr < sh.sh_size ? sh.sh_addr + sh.sh_size : vaddr;
}

static void add_function(struct elffile *f, Elf *elf, const Elf64_Sym *sym, int dynamic)
{
	struct function *fn = &f->function[f->head.n_functions];
	int type = ELF64_ST_TYPE(sym->st_info);

	if ((type != STT_FUNC && type != STT_GNU_IFUNC && !(type == STT_OBJECT && dynamic)) ||
		sym->st_shndx == SHN_UNDEF || !sym->st_value || !f->names[!dynamic][sym->st_name])
		return;
	memset(fn, 0, sizeof(*fn));
	fn->vaddr = sym->st_value;
	fn->size_bytes = sym->st_value + sym->st_size < sym->st_value ? 0 : sym->st_size;
	fn->end = fn->size_bytes ? fn->vaddr + fn->size_bytes : section_end(elf, sym->st_shndx, fn->vaddr);
	fn->name = sym->st_name;
	fn->order = f->head.n_functions;
	fn->global = ELF64_ST_BIND(sym->st_info) != STB_LOCAL;
	fn->dynamic = dynamic;
	fn->object = type == STT_OBJECT;
	if (fn->object)
		fn->end = fn->vaddr;
	f->head.n_functions++;
}

/* read_strings - copy a string table up to its last NUL: a name that starts before that also ends there.
 * Return: 0 and *n_bytes (0: no usable table), or -ENOMEM. */
static int read_strings(Elf *elf, size_t index, char **out, size_t *n_bytes)
{
	Elf_Scn *scn = elf_getscn(elf, index);
	const char *last;
	Elf_Data *data;
	GElf_Shdr sh;

	*n_bytes = 0;
	if (!scn || !gelf_getshdr(scn, &sh) || sh.sh_type != SHT_STRTAB || sh.sh_size > MAX_STRINGS)
		return 0;
	data = elf_rawdata(scn, NULL);
	last = data && data->d_buf ? memrchr(data->d_buf, 0, data->d_size) : NULL;
	if (!last)
		return 0;
	*n_bytes = last - (const char *)data->d_buf + 1;
	*out = malloc(*n_bytes);
	if (!*out)
		return -ENOMEM;
	memcpy(*out, data->d_buf, *n_bytes);
	return 0;
}

/* read_symbols - the functions of one symbol section, from its raw bytes: sh_entsize is not to be trusted, and the byte
 * order is ours, see elffile_is_ours(). */
static int read_symbols(struct elffile *f, Elf *elf, Elf_Scn *scn, const GElf_Shdr *sh)
{
	int dynamic = sh->sh_type == SHT_DYNSYM, err;
	struct function *grown;
	size_t n, n_bytes;
	Elf_Data *data;
	Elf64_Sym sym;

	if (sh->sh_size > MAX_SYMBOLS * sizeof(sym))
		return 0;
	data = elf_rawdata(scn, NULL);
	n = data && data->d_buf ? data->d_size / sizeof(sym) : 0;
	if (!n)
		return 0;
	err = read_strings(elf, sh->sh_link, &f->names[!dynamic], &n_bytes);
	if (err)
		return err;
	f->head.n_names[!dynamic] = n_bytes;
	grown = realloc(f->function, (f->head.n_functions + n) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	f->function = grown;
	for (size_t i = 0; i < n; i++) {
		memcpy(&sym, (const char *)data->d_buf + i * sizeof(sym), sizeof(sym));
		if (sym.st_name < n_bytes)
			add_function(f, elf, &sym, dynamic);
	}
	return 0;
}

/* read_sections - the first .dynsym and the first .symtab: ELF knows one of each, and thousands that share one string
 * table would each cost a copy of it. */
static int read_sections(struct elffile *f, Elf *elf)
{
	static const GElf_Word types[] = { SHT_DYNSYM, SHT_SYMTAB };
	Elf_Scn *scn;
	GElf_Shdr sh;
	int err;

	for (size_t k = 0; k < 2; k++) {
		for (scn = NULL; (scn = elf_nextscn(elf, scn));) {
			if (!gelf_getshdr(scn, &sh) || sh.sh_type != types[k])
				continue;
			err = read_symbols(f, elf, scn, &sh);
			if (err)
				return err;
			break;
		}
	}
	return 0;
}

/* by_address - of addresses, and of functions, which begin with theirs. */
static int by_address(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* by_preference - which of several that cover an address names it: one that states its size, a global, the shorter, an
 * exported one; of several names of one function the shortest: free and not cfree. */
static int by_preference(const void *a, const void *b, void *file)
{
	const struct function *x = a, *y = b;
	uint64_t x_bytes = x->end - x->vaddr, y_bytes = y->end - y->vaddr;

	if (!x->size_bytes != !y->size_bytes)
		return x->size_bytes ? -1 : 1;
	if (x->global != y->global)
		return x->global ? -1 : 1;
	if (x_bytes != y_bytes)
		return x_bytes < y_bytes ? -1 : 1;
	if (x->dynamic != y->dynamic)
		return x->dynamic ? -1 : 1;
	if (x->vaddr != y->vaddr)
		return x->vaddr > y->vaddr ? -1 : 1;
	x_bytes = strlen(name_of(file, x));
	y_bytes = strlen(name_of(file, y));
	if (x_bytes != y_bytes)
		return x_bytes < y_bytes ? -1 : 1;
	return x->order > y->order ? -1 : 1;
}

/* order_functions - a function without a size (assembly) covers up to the next of its section. Nothing, if another of the
 * same address has a size, or if it is the last of its section: in a stripped library the rest of .text follows, all of
 * it other functions. Then sort, best first. */
static void order_functions(struct elffile *f)
{
	qsort(f->function, f->head.n_functions, sizeof(*f->function), by_address);
	for (size_t i = 0, next; i < f->head.n_functions; i = next) {
		uint64_t end = 0;
		int sized = 0;

		for (next = i; next < f->head.n_functions && f->function[next].vaddr == f->function[i].vaddr; next++)
			sized |= f->function[next].size_bytes != 0;
		if (next < f->head.n_functions && !sized)
			end = f->function[next].vaddr;
		for (struct function *fn = &f->function[i]; fn < &f->function[next]; fn++)
			if (!fn->size_bytes)
				fn->end = end && end < fn->end ? end : fn->vaddr;
	}
	qsort_r(f->function, f->head.n_functions, sizeof(*f->function), by_preference, f);
}

/* bounds - all starts and ends, sorted, each once. Return: their number. */
static size_t bounds(const struct elffile *f, uint64_t *bound)
{
	size_t n = 0;

	for (size_t i = 0; i < f->head.n_functions; i++) {
		bound[2 * i] = f->function[i].vaddr;
		bound[2 * i + 1] = f->function[i].end;
	}
	qsort(bound, 2 * f->head.n_functions, sizeof(*bound), by_address);
	for (size_t i = 0; i < 2 * f->head.n_functions; i++)
		if (!n || bound[i] != bound[n - 1])
			bound[n++] = bound[i];
	return n;
}

/* first_free - the first range from i on that has no function yet. skip[] leads there, and is shortened on the way: all
 * walks together stay n log n. */
static uint32_t first_free(uint32_t *skip, uint32_t i)
{
	while (skip[i] != i) {
		skip[i] = skip[skip[i]];
		i = skip[i];
	}
	return i;
}

/* make_ranges - cut the addresses at all bounds and give each piece to the best function that covers it: the best takes
 * all of its own, the next what is left. However functions overlap, a lookup is one binary search. */
static int make_ranges(struct elffile *f)
{
	uint64_t *bound = calloc(2 * f->head.n_functions, sizeof(*bound));
	uint32_t *skip = calloc(2 * f->head.n_functions + 1, sizeof(*skip));
	int err = -ENOMEM;
	size_t n;

	if (!bound || !skip)
		goto out;
	n = bounds(f, bound);
	f->range = calloc(n, sizeof(*f->range));
	if (!f->range)
		goto out;
	for (size_t i = 0; i < n; i++) {
		skip[i] = i;
		f->range[i].start = bound[i];
		f->range[i].function = NO_FUNCTION;
	}
	skip[n] = n;
	for (uint32_t k = 0; k < f->head.n_functions; k++) {
		const struct function *fn = &f->function[k];
		const uint64_t *start = bsearch(&fn->vaddr, bound, n, sizeof(*bound), by_address);
		uint32_t i = first_free(skip, start - bound);

		for (; i < n && bound[i] < fn->end; i = first_free(skip, i)) {
			f->range[i].function = k;
			skip[i] = i + 1;
		}
	}
	f->head.n_ranges = n;
	err = 0;
out:
	free(skip);
	free(bound);
	return err;
}

int elffile_is_ours(int fd)
{
	struct stat st;
	Elf64_Ehdr eh;
	Elf64_Shdr sh;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return 0;
	if (pread(fd, &eh, sizeof(eh), 0) != sizeof(eh) || memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0 ||
		eh.e_ident[EI_CLASS] != ELFCLASS64 || eh.e_ident[EI_DATA] != ELFDATA2LSB ||
		(eh.e_type != ET_EXEC && eh.e_type != ET_DYN) || eh.e_phnum > MAX_SEGMENTS)
		return 0;
	/* more sections than e_shnum can say: the number is in the first section header */
	return eh.e_shnum || !eh.e_shoff || pread(fd, &sh, sizeof(sh), (off_t)eh.e_shoff) != sizeof(sh) ||
	       sh.sh_size <= MAX_SECTIONS;
}

static int read_all(struct elffile *f, int fd)
{
	Elf *elf = elffile_is_ours(fd) ? elf_begin(fd, ELF_C_READ, NULL) : NULL;
	int err = -ENOEXEC;

	if (!elf)
		return -ENOEXEC;
	if (elf_kind(elf) == ELF_K_ELF)
		err = read_segments(f, elf);
	if (!err) {
		read_build_id(f, elf);
		err = read_sections(f, elf);
	}
	elf_end(elf);
	if (err || !f->head.n_functions)
		return err;
	order_functions(f);
	err = elftable_index(f);
	return err ? err : make_ranges(f);
}

int elffile_open(struct elffile **out, int fd)
{
	struct elffile *f;
	int err, copy;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return -ENOSYS;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return -errno;
	f = calloc(1, sizeof(*f));
	err = f ? read_all(f, copy) : -ENOMEM;
	close(copy);
	if (err) {
		elffile_close(f);
		return err;
	}
	*out = f;
	return 0;
}

void elffile_close(struct elffile *f)
{
	if (!f)
		return;
	if (!f->bytes) {
		free(f->segment);
		free(f->function);
		free(f->range);
		free(f->names[0]);
		free(f->names[1]);
		free(f->interp);
	}
	nametable_close(&f->by_name);
	free(f->bytes);
	free(f);
}

const char *elffile_build_id(const struct elffile *f)
{
	return f->head.build_id;
}

const char *elffile_interp(const struct elffile *f)
{
	return f->interp;
}

static void symbol_out(const struct elffile *f, const struct function *fn, struct elffile_symbol *out)
{
	out->name = name_of(f, fn);
	out->vaddr = fn->vaddr;
	out->size_bytes = fn->size_bytes;
	out->is_exported = (int)fn->dynamic;
}

static int find(const struct elffile *f, const char *name, int object, struct elffile_symbol *out)
{
	const struct function *found = NULL;

	for (uint32_t i = nametable_first(&f->by_name, name); i != NAMETABLE_NONE; i = nametable_next(&f->by_name, i)) {
		const struct function *fn = &f->function[i];

		if (fn->object == (uint32_t)object && (!found || (fn->dynamic && !found->dynamic)) &&
			!strcmp(name_of(f, fn), name))
			found = fn;
	}
	if (!found)
		return -ENOENT;
	symbol_out(f, found, out);
	return 0;
}

int elffile_find(const struct elffile *f, const char *name, struct elffile_symbol *out)
{
	return find(f, name, 0, out);
}

int elffile_find_object(const struct elffile *f, const char *name, struct elffile_symbol *out)
{
	return find(f, name, 1, out);
}

int elffile_next(const struct elffile *f, size_t *at, struct elffile_symbol *out)
{
	while (*at < f->head.n_functions && f->function[*at].object)
		++*at;
	if (*at >= f->head.n_functions)
		return -ENOENT;
	symbol_out(f, &f->function[(*at)++], out);
	return 0;
}

int elffile_covering(const struct elffile *f, uint64_t vaddr, struct elffile_symbol *out)
{
	size_t lo = 0, hi = f->head.n_ranges;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (f->range[mid].start <= vaddr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo || f->range[lo - 1].function == NO_FUNCTION)
		return -ENOENT;
	symbol_out(f, &f->function[f->range[lo - 1].function], out);
	return 0;
}

int elffile_code(const struct elffile *f, size_t i, struct elffile_code *out)
{
	for (size_t k = 0; k < f->head.n_segments; k++) {
		const struct segment *s = &f->segment[k];

		if (!s->executable || i--)
			continue;
		*out = (struct elffile_code){ .vaddr = s->vaddr, .offset = s->offset, .n_bytes = s->file_bytes };
		return 0;
	}
	return -ENOENT;
}

int elffile_vaddr_to_offset(const struct elffile *f, uint64_t vaddr, uint64_t *offset)
{
	for (size_t i = 0; i < f->head.n_segments; i++) {
		if (vaddr - f->segment[i].vaddr < f->segment[i].file_bytes) {
			*offset = vaddr - f->segment[i].vaddr + f->segment[i].offset;
			return 0;
		}
	}
	return -ENOENT;
}

int elffile_offset_to_vaddr(const struct elffile *f, uint64_t offset, uint64_t *vaddr)
{
	for (size_t i = 0; i < f->head.n_segments; i++) {
		if (offset - f->segment[i].offset < f->segment[i].file_bytes) {
			*vaddr = offset - f->segment[i].offset + f->segment[i].vaddr;
			return 0;
		}
	}
	return -ENOENT;
}
