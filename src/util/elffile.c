// SPDX-License-Identifier: GPL-2.0-or-later
/* util/elffile.c - what swtrace needs of an ELF file, copied out of it once.
 * libelf reads the file into memory (ELF_C_READ; a mapped file that its owner truncates would kill us) and checks its
 * structure; what is kept is copied, and libelf is closed again. */
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/elffile.h"
#include "util/strbuf.h"

#define MAX_SYMBOLS  (4u << 20) /* the largest known (a browser with symbols) has 2 million */
#define MAX_BUILD_ID 64		/* bytes; 20 is usual */

struct segment {
	uint64_t vaddr;
	uint64_t offset;
	uint64_t file_bytes;
};

struct function {
	uint64_t vaddr;
	uint64_t size_bytes; /* 0 = not stated */
	uint64_t max_end;    /* highest end of all functions up to this one, in address order */
	size_t name;	     /* offset into names */
	unsigned char global;
	unsigned char dynamic; /* from .dynsym */
};

struct elffile {
	struct segment *segment;
	size_t n_segments;
	struct function *function; /* by vaddr */
	size_t n_functions;
	struct strbuf names; /* NUL-separated */
	char *interp;
	char build_id[2 * MAX_BUILD_ID + 1];
};

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
		if (ph.p_type == PT_INTERP && ph.p_filesz > 1 && ph.p_filesz < 4096 && !f->interp) {
			Elf_Data *d = elf_getdata_rawchunk(elf, ph.p_offset, ph.p_filesz, ELF_T_BYTE);

			f->interp = d && d->d_buf ? strndup(d->d_buf, d->d_size) : NULL;
		}
		if (ph.p_type != PT_LOAD || ph.p_vaddr + ph.p_filesz < ph.p_vaddr ||
			ph.p_offset + ph.p_filesz < ph.p_offset)
			continue;
		f->segment[f->n_segments].vaddr = ph.p_vaddr;
		f->segment[f->n_segments].offset = ph.p_offset;
		f->segment[f->n_segments].file_bytes = ph.p_filesz;
		f->n_segments++;
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
				f->build_id[2 * i] = "0123456789abcdef"[id[i] >> 4];
				f->build_id[2 * i + 1] = "0123456789abcdef"[id[i] & 15];
			}
			return;
		}
		at = next;
	}
}

/* read_build_id - from the program headers: they are there in stripped and in section-less files alike. */
static void read_build_id(struct elffile *f, Elf *elf)
{
	GElf_Phdr ph;
	size_t n;

	if (elf_getphdrnum(elf, &n))
		return;
	for (size_t i = 0; i < n && !*f->build_id; i++)
		if (gelf_getphdr(elf, i, &ph) && ph.p_type == PT_NOTE)
			build_id_from(f, elf_getdata_rawchunk(elf, ph.p_offset, ph.p_filesz,
						 ph.p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR));
}

static int add_function(struct elffile *f, size_t cap, const GElf_Sym *sym, const char *name, int dynamic)
{
	struct function *fn = &f->function[f->n_functions];
	int type = GELF_ST_TYPE(sym->st_info);

	if ((type != STT_FUNC && type != STT_GNU_IFUNC) || sym->st_shndx == SHN_UNDEF || !sym->st_value || !name ||
		!*name || f->n_functions >= cap)
		return 0;
	fn->vaddr = sym->st_value;
	fn->size_bytes = sym->st_value + sym->st_size < sym->st_value ? 0 : sym->st_size;
	fn->name = f->names.len;
	fn->global = GELF_ST_BIND(sym->st_info) != STB_LOCAL;
	fn->dynamic = dynamic;
	strbuf_add_bytes(&f->names, name, strlen(name) + 1);
	f->n_functions++;
	return f->names.failed ? -ENOMEM : 0;
}

/* read_symbols - the functions of one symbol section. elf_strptr() checks that a name lies in its section and ends
 * there. */
static int read_symbols(struct elffile *f, Elf *elf, Elf_Scn *scn, const GElf_Shdr *sh)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	struct function *grown;
	size_t n, cap;
	GElf_Sym sym;
	int err;

	if (!data || !data->d_buf)
		return 0;
	n = data->d_size / sizeof(Elf64_Sym);
	cap = f->n_functions + n;
	if (cap > MAX_SYMBOLS)
		cap = MAX_SYMBOLS;
	grown = realloc(f->function, (cap ? cap : 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	f->function = grown;
	for (size_t i = 0; i < n; i++) {
		if (!gelf_getsym(data, i, &sym))
			break;
		err = add_function(f, cap, &sym, elf_strptr(elf, sh->sh_link, sym.st_name), sh->sh_type == SHT_DYNSYM);
		if (err)
			return err;
	}
	return 0;
}

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
		}
	}
	return 0;
}

static int by_vaddr(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	if (x->vaddr != y->vaddr)
		return x->vaddr < y->vaddr ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

/* order_functions - sort, and give a function without a size the room up to the next one of the same segment. */
static void order_functions(struct elffile *f)
{
	uint64_t max_end = 0;

	if (!f->n_functions)
		return;
	qsort(f->function, f->n_functions, sizeof(*f->function), by_vaddr);
	for (size_t i = 0; i < f->n_functions; i++) {
		struct function *fn = &f->function[i];

		if (fn->vaddr + fn->size_bytes > max_end)
			max_end = fn->vaddr + fn->size_bytes;
		fn->max_end = max_end;
	}
}

static int read_all(struct elffile *f, int fd)
{
	Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
	GElf_Ehdr eh;
	int err = -ENOEXEC;

	if (!elf)
		return -ENOEXEC;
	if (elf_kind(elf) == ELF_K_ELF && gelf_getclass(elf) == ELFCLASS64 && gelf_getehdr(elf, &eh) &&
		eh.e_ident[EI_DATA] == ELFDATA2LSB && (eh.e_type == ET_EXEC || eh.e_type == ET_DYN))
		err = read_segments(f, elf);
	if (!err) {
		read_build_id(f, elf);
		err = read_sections(f, elf);
	}
	elf_end(elf);
	return err;
}

int elffile_open(struct elffile **out, int fd)
{
	struct elffile *f;
	struct stat st;
	int err, copy;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return -ENOSYS;
	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOEXEC;
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
	order_functions(f);
	*out = f;
	return 0;
}

void elffile_close(struct elffile *f)
{
	if (!f)
		return;
	free(f->segment);
	free(f->function);
	strbuf_free(&f->names);
	free(f->interp);
	free(f);
}

const char *elffile_build_id(const struct elffile *f)
{
	return f->build_id;
}

const char *elffile_interp(const struct elffile *f)
{
	return f->interp;
}

static void symbol_out(const struct elffile *f, const struct function *fn, struct elffile_symbol *out)
{
	out->name = f->names.data + fn->name;
	out->vaddr = fn->vaddr;
	out->size_bytes = fn->size_bytes;
}

int elffile_find(const struct elffile *f, const char *name, struct elffile_symbol *out)
{
	const struct function *found = NULL;

	for (size_t i = 0; i < f->n_functions; i++) {
		const struct function *fn = &f->function[i];

		if (!strcmp(f->names.data + fn->name, name) && (!found || (fn->dynamic && !found->dynamic)))
			found = fn;
	}
	if (!found)
		return -ENOENT;
	symbol_out(f, found, out);
	return 0;
}

/* same_segment - both in one PT_LOAD: what is not cannot be one function. */
static int same_segment(const struct elffile *f, uint64_t a, uint64_t b)
{
	for (size_t i = 0; i < f->n_segments; i++) {
		const struct segment *s = &f->segment[i];

		if (a - s->vaddr < s->file_bytes && b - s->vaddr < s->file_bytes)
			return 1;
	}
	return 0;
}

static int better(const struct function *a, const struct function *b)
{
	if (!b)
		return 1;
	if (a->global != b->global)
		return a->global;
	return a->size_bytes < b->size_bytes;
}

int elffile_covering(const struct elffile *f, uint64_t vaddr, struct elffile_symbol *out)
{
	const struct function *best = NULL;
	size_t lo = 0, hi = f->n_functions;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (f->function[mid].vaddr <= vaddr)
			lo = mid + 1;
		else
			hi = mid;
	}
	/* Backwards from the last that starts at or before vaddr, as long as an earlier one can still reach it. */
	for (size_t i = lo; i-- > 0 && f->function[i].max_end > vaddr;)
		if (vaddr - f->function[i].vaddr < f->function[i].size_bytes && better(&f->function[i], best))
			best = &f->function[i];
	/* A function without a size (assembly) ends where the next one starts. */
	if (!best && lo && !f->function[lo - 1].size_bytes && lo < f->n_functions &&
		same_segment(f, f->function[lo - 1].vaddr, vaddr))
		best = &f->function[lo - 1];
	if (!best)
		return -ENOENT;
	symbol_out(f, best, out);
	return 0;
}

int elffile_vaddr_to_offset(const struct elffile *f, uint64_t vaddr, uint64_t *offset)
{
	for (size_t i = 0; i < f->n_segments; i++) {
		if (vaddr - f->segment[i].vaddr < f->segment[i].file_bytes) {
			*offset = vaddr - f->segment[i].vaddr + f->segment[i].offset;
			return 0;
		}
	}
	return -ENOENT;
}

int elffile_offset_to_vaddr(const struct elffile *f, uint64_t offset, uint64_t *vaddr)
{
	for (size_t i = 0; i < f->n_segments; i++) {
		if (offset - f->segment[i].offset < f->segment[i].file_bytes) {
			*vaddr = offset - f->segment[i].offset + f->segment[i].vaddr;
			return 0;
		}
	}
	return -ENOENT;
}
