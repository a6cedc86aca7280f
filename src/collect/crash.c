// SPDX-License-Identifier: GPL-2.0-or-later
/* collect/crash.c - what a crash event says, as struct model_crash. */
#include <stdlib.h>
#include <string.h>

#include "collect/internal.h"
#include "swtrace/abi.h"

#define VM_READ	     1 /* include/linux/mm.h */
#define VM_WRITE     2
#define VM_EXEC	     4
#define VM_SHARED    8
#define VM_GROWSDOWN 0x100
#define PAGE_BYTES   4096

_Static_assert((int)MODEL_REGISTERS == SWT_REGS && (int)MODEL_RIP == SWT_REG_IP && (int)MODEL_RSP == SWT_REG_SP &&
		       (int)MODEL_RFLAGS == SWT_REG_FLAGS,
	"registers are numbered alike");
_Static_assert(MODEL_MAX_MAPPINGS >= SWT_VMAS && MODEL_CODE_BYTES >= SWT_CODE_BYTES &&
		       MODEL_ABORT_BYTES >= SWT_ABORT_BYTES && MODEL_STACK_WORDS >= SWT_STACK_WORDS,
	"a crash fits");

static void mapping_fill(struct model_mapping *to, const struct swt_vma *v)
{
	static const char *const names[] = {
		[SWT_VMA_HEAP] = "[heap]", [SWT_VMA_STACK] = "[stack]", [SWT_VMA_VDSO] = "[vdso]"
	};

	memset(to, 0, sizeof(*to));
	to->start = v->start;
	to->end = v->end;
	to->flags = (v->flags & VM_READ ? MODEL_READ : 0) | (v->flags & VM_WRITE ? MODEL_WRITE : 0) |
		    (v->flags & VM_EXEC ? MODEL_EXECUTE : 0) | (v->flags & VM_SHARED ? MODEL_SHARED : 0) |
		    (v->flags & VM_GROWSDOWN ? MODEL_GROWS : 0);
	to->is_file = v->is == SWT_VMA_FILE;
	to->offset = to->is_file ? v->page * PAGE_BYTES : 0;
	if (to->is_file)
		memcpy(to->name, v->name, sizeof(to->name) - 1);
	else
		strcpy(to->name, v->is && v->is < SWT_VMA_FILE ? names[v->is] : "[anon]");
}

static int by_start(const void *a, const void *b)
{
	const struct model_mapping *one = a, *two = b;

	return one->start < two->start ? -1 : one->start > two->start;
}

void crash_event_fill(struct model_crash *to, const struct swt_event_signal *s)
{
	memset(to, 0, sizeof(*to));
	memcpy(to->reg, s->reg, sizeof(to->reg));
	to->trap = (unsigned)s->trap;
	to->error_code = s->error_code;
	to->cr2 = s->cr2;
	to->n_code = s->n_bytes < SWT_CODE_BYTES ? s->n_bytes : SWT_CODE_BYTES;
	memcpy(to->code, s->bytes, to->n_code);
	to->n_stack = s->n_words < SWT_STACK_WORDS ? s->n_words : SWT_STACK_WORDS;
	memcpy(to->stack, s->word, to->n_stack * sizeof(*to->stack));
	to->has_mappings = s->has_vmas != 0;
	to->n_mappings = s->n_vmas < SWT_VMAS ? s->n_vmas : SWT_VMAS;
	for (size_t i = 0; i < to->n_mappings; i++)
		mapping_fill(&to->mapping[i], &s->vma[i]);
	qsort(to->mapping, to->n_mappings, sizeof(*to->mapping), by_start);
	memcpy(to->abort_message, s->abort, SWT_ABORT_BYTES - 1);
	to->syscall = s->syscall;
}
