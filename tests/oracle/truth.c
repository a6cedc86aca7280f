// SPDX-License-Identifier: GPL-2.0-or-later
/* truth.c - libdwfl on a stopped process, without ptrace: registers from the point, memory by process_vm_readv. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <dwarf.h>
#include <elfutils/libdwfl.h>

#include "truth.h"

#define PAGE_BYTES 4096
#define MAX_PAGES  64 /* of the stack, kept while one point is unwound */

/* Numbers of registers in DWARF. Source: System V ABI for AMD64, figure 3.36. */
#define REG_RBX	   3
#define REG_RSP	   7
#define REG_RIP	   16
#define DWARF_REGS 17

struct page {
	uint64_t addr;
	uint64_t word[PAGE_BYTES / 8];
};

struct truth {
	pid_t pid;
	Dwfl *dwfl;
	const struct oracle_point *point;
	struct truth_stack *out;
	Dwarf_Word reg[DWARF_REGS]; /* to start from */
	int starts_again;
	struct page *page;
	size_t n_pages;
};

/* Separate debug files are not looked for: their .debug_frame is not what swtrace reads, and looking takes long. */
static int no_debug_file(Dwfl_Module *m, void **data, const char *name, Dwarf_Addr base, const char *file,
	const char *link, GElf_Word crc, char **path)
{
	(void)m, (void)data, (void)name, (void)base, (void)file, (void)link, (void)crc, (void)path;
	return -1;
}

static const Dwfl_Callbacks callbacks = {
	.find_elf = dwfl_linux_proc_find_elf,
	.find_debuginfo = no_debug_file,
	.section_address = dwfl_offline_section_address,
};

static const struct page *page_get(struct truth *t, uint64_t addr)
{
	uint64_t start = addr & ~(uint64_t)(PAGE_BYTES - 1);
	struct iovec local, remote;
	struct page *p;

	for (size_t i = 0; i < t->n_pages; i++)
		if (t->page[i].addr == start)
			return &t->page[i];
	p = &t->page[t->n_pages < MAX_PAGES ? t->n_pages : MAX_PAGES - 1];
	local = (struct iovec){ p->word, PAGE_BYTES };
	remote = (struct iovec){ (void *)(uintptr_t)start, PAGE_BYTES };
	if (process_vm_readv(t->pid, &local, 1, &remote, 1, 0) != PAGE_BYTES) {
		p->addr = 1; /* no page starts there */
		return NULL;
	}
	p->addr = start;
	if (t->n_pages < MAX_PAGES)
		t->n_pages++;
	return p;
}

/* memory_read - a word as it was at the hit, before and without return probes. */
static bool memory_read(Dwfl *dwfl, Dwarf_Addr addr, Dwarf_Word *word, void *arg)
{
	struct truth *t = arg;
	const struct oracle_point *p = t->point;
	const struct page *page = page_get(t, addr);

	(void)dwfl;
	if (!page)
		return false;
	if (addr & 7) {
		struct iovec local = { word, sizeof(*word) };
		struct iovec remote = { (void *)(uintptr_t)addr, sizeof(*word) };

		return process_vm_readv(t->pid, &local, 1, &remote, 1, 0) == sizeof(*word);
	}
	*word = page->word[(addr & (PAGE_BYTES - 1)) / 8];
	if (addr == p->regs[19] && p->is_exact) {
		*word = p->word_at_sp;
		/* Jumped to by a function whose return is probed: it is the trampoline already then. */
	}
	for (uint32_t i = 0; *word == p->trampoline && p->trampoline && i < p->n_pending; i++)
		if (p->pending[i].stack == addr)
			*word = p->pending[i].address;
	return true;
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *arg, void **thread_arg)
{
	(void)dwfl, (void)tid;
	*thread_arg = arg;
	return true;
}

static pid_t next_thread(Dwfl *dwfl, void *arg, void **thread_arg)
{
	struct truth *t = arg;

	(void)dwfl;
	if (*thread_arg)
		return 0;
	*thread_arg = arg;
	return t->point->tid;
}

static bool set_registers(Dwfl_Thread *thread, void *arg)
{
	const struct truth *t = arg;

	return dwfl_thread_state_registers(thread, 0, DWARF_REGS, t->reg);
}

/* registers_at_hit - those of DWARF from struct pt_regs. */
static void registers_at_hit(struct truth *t)
{
	/* rax rdx rcx rbx rsi rdi rbp rsp r8 ... r15 rip */
	static const unsigned char at[DWARF_REGS] = { 10, 12, 11, 5, 13, 14, 4, 19, 9, 8, 7, 6, 3, 2, 1, 0, 16 };

	for (int i = 0; i < DWARF_REGS; i++)
		t->reg[i] = t->point->regs[at[i]];
}

static const Dwfl_Thread_Callbacks thread_callbacks = {
	.next_thread = next_thread,
	.get_thread = get_thread,
	.memory_read = memory_read,
	.set_initial_registers = set_registers,
};

/* frame_find - the unwind information for the code at pc, to be freed; NULL: there is none. */
static Dwarf_Frame *frame_find(struct truth *t, Dwarf_Addr pc)
{
	Dwfl_Module *m = dwfl_addrmodule(t->dwfl, pc);
	Dwarf_Frame *frame = NULL;
	Dwarf_Addr bias = 0;
	Dwarf_CFI *cfi;

	cfi = m ? dwfl_module_eh_cfi(m, &bias) : NULL;
	if (cfi && !dwarf_cfi_addrframe(cfi, pc - bias, &frame))
		return frame;
	cfi = m ? dwfl_module_dwarf_cfi(m, &bias) : NULL;
	return cfi && !dwarf_cfi_addrframe(cfi, pc - bias, &frame) ? frame : NULL;
}

/* has_cfi - is there unwind information for the code at pc? What is rare in it is counted. */
static bool has_cfi(struct truth *t, Dwarf_Addr pc)
{
	Dwarf_Frame *frame = frame_find(t, pc);
	bool is_signal = false;
	Dwarf_Op *op;
	size_t n;

	if (!frame)
		return false;
	dwarf_frame_info(frame, NULL, NULL, &is_signal);
	t->out->has_signal |= is_signal;
	if (!is_signal && !dwarf_frame_cfa(frame, &op, &n) && n) {
		t->out->has_rbx |= n == 1 && op[0].atom == DW_OP_bregx && op[0].number == REG_RBX;
		t->out->has_rbx |= n == 1 && op[0].atom == DW_OP_breg3;
		t->out->has_deref |= n == 2 && op[1].atom == DW_OP_deref;
	}
	free(frame);
	return true;
}

/* leave_trampoline - a signal has met the thread in the code to which functions return whose return is probed, and which
 * then goes on to where they were called; no unwind information describes it. It pushes rax, rcx, r11, calls the kernel,
 * which puts the true return address in the place of rax, pops r11, rcx, and returns.
 * Source: uretprobe_trampoline_entry in arch/x86/kernel/uprobes.c (kernel 6.11).
 * Return: 1 and the caller's registers in t->reg; 0: the frame is not there. */
static int leave_trampoline(struct truth *t, Dwfl_Frame *state, Dwarf_Addr pc)
{
	/* offset of an instruction: words pushed before it; is the true return address among them? */
	static const struct {
		unsigned char offset, words, is_true;
	} place[] = { { 0, 0, 0 }, { 1, 1, 0 }, { 2, 2, 0 }, { 4, 3, 0 }, { 11, 3, 0 }, { 13, 3, 1 }, { 15, 2, 1 },
		{ 16, 1, 1 } };
	const struct oracle_point *p = t->point;
	uint64_t slot;
	size_t i = 0;

	while (i < sizeof(place) / sizeof(place[0]) && (!p->trampoline || pc - p->trampoline != place[i].offset))
		i++;
	if (i == sizeof(place) / sizeof(place[0]))
		return 0;
	for (int r = 0; r < DWARF_REGS; r++)
		if (dwfl_frame_reg(state, r, &t->reg[r]))
			t->reg[r] = 0;
	t->reg[REG_RSP] += 8 * place[i].words;
	slot = t->reg[REG_RSP] - 8;
	if (place[i].is_true)
		return memory_read(t->dwfl, slot, &t->reg[REG_RIP], t);
	for (uint32_t k = 0; k < p->n_pending; k++) {
		if (p->pending[k].stack == slot) {
			t->reg[REG_RIP] = p->pending[k].address;
			return 1;
		}
	}
	return 0;
}

static int on_frame(Dwfl_Frame *state, void *arg)
{
	struct truth *t = arg;
	struct truth_stack *out = t->out;
	bool is_activation;
	Dwarf_Addr pc;

	if (!dwfl_frame_pc(state, &pc, &is_activation)) {
		out->end = TRUTH_ERROR;
		out->error = dwfl_errmsg(-1);
		return DWARF_CB_ABORT;
	}
	if (out->n == SWT_MAX_FRAMES) {
		out->end = TRUTH_LONG;
		return DWARF_CB_ABORT;
	}
	out->frame[out->n++] = pc;
	if (has_cfi(t, is_activation ? pc : pc - 1))
		return DWARF_CB_OK;
	t->starts_again = leave_trampoline(t, state, pc);
	if (!t->starts_again)
		out->end = TRUTH_NO_CFI;
	out->n_trampolines += t->starts_again;
	return DWARF_CB_ABORT;
}

/* modules_read - the process's mappings as they are now. Modules that have not moved are kept. */
static int modules_read(struct truth *t)
{
	dwfl_report_begin(t->dwfl);
	if (dwfl_linux_proc_report(t->dwfl, t->pid) || dwfl_report_end(t->dwfl, NULL, NULL))
		return -EIO;
	return 0;
}

int truth_open(struct truth **out, pid_t pid)
{
	struct truth *t = calloc(1, sizeof(*t));
	int err = -EIO;

	if (!t)
		return -ENOMEM;
	t->pid = pid;
	t->page = calloc(MAX_PAGES, sizeof(*t->page));
	t->dwfl = t->page ? dwfl_begin(&callbacks) : NULL;
	if (t->dwfl)
		err = modules_read(t);
	if (!err && !dwfl_attach_state(t->dwfl, NULL, pid, &thread_callbacks, t))
		err = -EIO;
	if (err) {
		truth_close(t);
		t = NULL;
	}
	*out = t;
	return err;
}

void truth_close(struct truth *t)
{
	if (!t)
		return;
	if (t->dwfl)
		dwfl_end(t->dwfl);
	free(t->page);
	free(t);
}

int truth_unwind(struct truth *t, const struct oracle_point *p, struct truth_stack *out)
{
	memset(out, 0, sizeof(*out));
	out->end = TRUTH_ROOT;
	t->point = p;
	t->out = out;
	t->n_pages = 0;
	if (modules_read(t)) {
		out->end = TRUTH_ERROR;
		out->error = dwfl_errmsg(-1);
		return -EIO;
	}
	registers_at_hit(t);
	do {
		t->starts_again = 0;
		/* 0: at the root; 1: on_frame() has ended it; -1: an error. */
		if (dwfl_getthread_frames(t->dwfl, p->tid, on_frame, t) < 0) {
			out->end = TRUTH_ERROR;
			out->error = dwfl_errmsg(-1);
		}
	} while (t->starts_again);
	return 0;
}

const char *truth_module(struct truth *t, uint64_t addr, uint64_t *offset)
{
	Dwfl_Module *m = dwfl_addrmodule(t->dwfl, addr);
	const char *name, *slash;
	Dwarf_Addr start = 0, end = 0;

	*offset = addr;
	if (t->point->trampoline && addr - t->point->trampoline < PAGE_BYTES) {
		*offset = addr - t->point->trampoline;
		return "[uprobes]";
	}
	if (!m)
		return "?";
	name = dwfl_module_info(m, NULL, &start, &end, NULL, NULL, NULL, NULL);
	if (addr >= end) /* it is the nearest one */
		return "?";
	*offset = addr - start;
	slash = name ? strrchr(name, '/') : NULL;
	return slash ? slash + 1 : name ? name : "?";
}
