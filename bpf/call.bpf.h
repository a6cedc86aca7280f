/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* call.bpf.h - the entry and the return of a probed function, joined.
 *
 * Only the outermost call of a thread counts: an allocator that calls another (calloc -> malloc, _estrdup -> _emalloc,
 * the Zend heap's own mmap) is one allocation, in the layer of the outermost. Calls are told apart by their stack
 * pointer, not by a depth: a call is nested when its stack pointer is a little below that of a call still pending. A
 * pending call that never returns (longjmp, an exception) is recognised by the same rule or by its return address, and
 * given up, so that it wedges nothing.
 *
 * A return probe puts an address of the kernel's in place of the return address, and an exception that reaches it ends the
 * program. So of functions that may throw (operator new) the instructions are probed by which they return, and where C++
 * makes an exception: what it allocates for it is a call of its own, not one that is nested in operator new. */
#ifndef CALL_BPF_H
#define CALL_BPF_H

/* A nested allocator call is at most this far down the stack: far above what allocators use (zend_mm_gc, the largest
 * known, uses less than 1 KiB), far below the distance to another coroutine's or signal stack. */
#define NEST_BYTES (256 << 10)

#define MAX_ERRNO 4095 /* the last page of addresses is error codes: mmap(2) */

/* call_arg - argument n of the probed function, 0 to 3.
 * All are loaded first and volatile: else the compiler picks the address instead of the value, and the verifier refuses
 * to load from a context pointer that was moved ("dereference of modified ctx ptr"). */
static __always_inline __u64 call_arg(struct pt_regs *ctx, __u32 n)
{
	__u64 a = *(volatile __u64 *)&PT_REGS_PARM1(ctx), b = *(volatile __u64 *)&PT_REGS_PARM2(ctx);
	__u64 c = *(volatile __u64 *)&PT_REGS_PARM3(ctx), d = *(volatile __u64 *)&PT_REGS_PARM4(ctx);

	return n == 0 ? a : n == 1 ? b : n == 2 ? c : d;
}

/* product - of a count and a size. An overflow, with which the function fails, is no size that a free could have: it is
 * all ones. By halves, since the compiler makes a 128-bit multiplication, which BPF has not, of every shorter test. */
static __always_inline __u64 product(__u64 count, __u64 size)
{
	__u64 high = (count >> 32) * (__u32)size + (size >> 32) * (__u32)count;
	__u64 low = (__u64)(__u32)count * (__u32)size;

	if ((count >> 32 && size >> 32) || high >> 32 || (high << 32) + low < low)
		return ~0ULL;
	return (high << 32) + low;
}

/* call_size - bytes asked for. */
static __always_inline __u64 call_size(struct pt_regs *ctx, __u64 cookie)
{
	__u32 n = SWT_COOKIE_SIZE_ARG(cookie);

	switch (SWT_COOKIE_KIND(cookie)) {
	case SWT_SIZE_FIXED:
		return SWT_COOKIE_FIXED(cookie);
	case SWT_SIZE_ARG:
		return call_arg(ctx, n);
	case SWT_SIZE_ARG_1:
		return call_arg(ctx, n) + 1;
	case SWT_SIZE_MUL:
		return product(call_arg(ctx, n), call_arg(ctx, n + 1));
	case SWT_SIZE_MUL_ADD:
		return product(call_arg(ctx, n), call_arg(ctx, n + 1)) + call_arg(ctx, n + 2);
	default:
		return 0;
	}
}

/* call_is_nested - is a call that enters at sp inside the pending one? Gives the pending one up when it is stale.
 * One that was jumped out of (longjmp) is stale, but looks pending to calls further down until its place on the stack is
 * overwritten. The kernel's own list of pending returns says no more: it drops one when the stack pointer is above its place
 * (arch_uretprobe_is_alive), and not before the next probed call. Only a walk up to that place could tell, for every nested
 * call.
 * At the same sp it is inside if the return address there is already replaced: then the pending function has jumped to
 * this one (_safe_erealloc to _erealloc, _emalloc_8 to _emalloc_16). */
static __always_inline bool call_is_nested(struct thread_state *t, __u64 sp)
{
	__u64 pending = t->call.sp, slot = 0, tramp;

	if (!pending)
		return false;
	if (t->call.return_to) {
		if (sp < pending && pending - sp <= NEST_BYTES &&
			!bpf_probe_read_user(&slot, sizeof(slot), (void *)pending) && slot == t->call.return_to)
			return true;
		/* At the same place it goes on in another function, or it has thrown and is tried again: nothing is missed. */
		if (sp == pending) {
			t->call.sp = 0;
			return false;
		}
	} else if (sp <= pending && pending - sp <= NEST_BYTES) {
		tramp = trampoline();
		if (!tramp || bpf_probe_read_user(&slot, sizeof(slot), (void *)pending)) {
			if (sp < pending) /* it cannot be told: most likely it is nested */
				return true;
		} else if (slot == tramp) {
			return true;
		}
	}
	t->call.sp = 0;
	loss_add(SWT_LOSS_RETURN_MISSED);
	return false;
}

static __always_inline void call_registers(struct pt_regs *ctx, struct thread_state *t)
{
	t->at.ip = PT_REGS_IP(ctx);
	t->at.sp = PT_REGS_SP(ctx);
	t->at.bp = PT_REGS_FP(ctx);
	t->at.bx = ctx->bx;
}

/* call_is_handed_on - is this free part of the last one, which hands its block on to another allocator's function (operator
 * delete to free, _efree to free under USE_ZEND_ALLOC=0), by a call or a jump? */
static __always_inline bool call_is_handed_on(const struct thread_state *t, __u64 addr, __u64 sp, __u64 ip)
{
	const struct freed *f = &t->freed;

	return addr == f->addr && ip != f->ip && sp <= f->sp && f->sp - sp <= NEST_BYTES;
}

/* call_is_in_last - is a call, at sp, inside the last free? Then that one's return address is still where it was when it was
 * entered: once it has returned, whoever is called from the same place has put its own there. Or the kernel's stands there, which
 * puts it in place after our look if somebody wants the returns of another process's frees seen. */
static __always_inline bool call_is_in_last(const struct thread_state *t, __u64 sp)
{
	const struct freed *f = &t->freed;
	__u64 slot = 0;

	return f->addr && f->return_to && sp < f->sp && f->sp - sp <= NEST_BYTES &&
	       !bpf_probe_read_user(&slot, sizeof(slot), (void *)f->sp) && slot &&
	       (slot == f->return_to || slot == trampoline());
}

/* call_note_free - remember a free, since its return is not probed. Its return address is read only where something inside it may
 * have to be told from what comes after it: a thread's first one, in which glibc gives the thread an arena, and those that the
 * Zend heap passes on to somebody's handler. For all others that read would cost a seventh of what a pair of malloc and free
 * does. */
static __always_inline void call_note_free(struct thread_state *t, const struct swt_block *b, __u64 sp, __u64 ip)
{
	bool may_matter = !t->freed.sp;
	struct swt_proc *p;

	if (b->layer == SWT_LAYER_ZEND) {
		p = proc_at(b->proc);
		may_matter |= p && p->zend.is_custom;
	}
	t->freed.addr = b->addr;
	t->freed.sp = sp;
	t->freed.ip = ip;
	t->freed.return_to = 0;
	if (may_matter)
		bpf_probe_read_user(&t->freed.return_to, sizeof(t->freed.return_to), (void *)sp);
}

/* call_tell_unknown - t->block does not live, as far as is known, and was given to a function of op, which frees it: what is wrong with
 * that, if it is certain, is told. */
static __always_inline void call_tell_unknown(struct pt_regs *ctx, struct thread_state *t, __u32 op)
{
	bool is_again = freed_before(t);
	long slot;

	if (!is_again && !stray_is_asked(t))
		return;
	call_registers(ctx, t);
	slot = freed_stack(t);
	if (slot < 0)
		return;
	if (is_again)
		freed_again(t, slot, op);
	else
		stray_tell(t, slot, op);
}

/* call_free_unknown - a block is freed that does not live, as far as is known. */
static __always_inline void call_free_unknown(struct pt_regs *ctx, struct thread_state *t, __u64 cookie)
{
	const struct swt_block *b = &t->block;

	book_unknown_free(b->proc, b->layer);
	if (!freed_is_kept())
		return;
	call_note(t, cookie, b->addr, 0, 0, SWT_CALL_UNKNOWN);
	call_tell_unknown(ctx, t, SWT_COOKIE_OP(cookie));
}

/* call_replace_unknown - realloc is given a block that does not live, as far as is known: what is no block for free is none for it.
 * A free that hands its block on to realloc asks it for no bytes. */
static __always_inline void call_replace_unknown(struct pt_regs *ctx, struct thread_state *t, __u64 ptr)
{
	__u32 layer = SWT_COOKIE_LAYER(t->call.cookie);
	__u64 sp = PT_REGS_SP(ctx);

	if (!freed_is_kept() || !t->call.has_unknown_old || layer >= SWT_LAYER_MMAP || call_is_in_last(t, sp) ||
		(!t->call.size_bytes && call_is_handed_on(t, ptr, sp, PT_REGS_IP(ctx))))
		return;
	t->block.addr = ptr;
	t->block.proc = t->proc - 1;
	t->block.layer = layer;
	call_tell_unknown(ctx, t, SWT_COOKIE_OP(t->call.cookie));
}

/* call_stash - take the block that realloc or mremap is about to replace out of the books, before the allocator can
 * give its address to another thread. It is put back when the call fails; when its return is never seen, nothing is left
 * behind that no free could ever settle. */
static __always_inline void call_stash(struct pt_regs *ctx, struct thread_state *t, __u64 ptr)
{
	t->call.old.addr = ptr;
	t->call.old.proc = t->proc - 1;
	t->call.old.layer = SWT_COOKIE_LAYER(t->call.cookie);
	if (ptr == t->call.recorded)
		t->call.recorded = 0;
	if (!ptr)
		return;
	if (!block_remove(&t->call.old)) {
		book_free(&t->call.old);
		if (cfg.free_stacks)
			call_registers(ctx, t);
		freed_note(&t->call.old, t->tid, freed_where(t));
	} else {
		t->call.old.addr = 0;
		t->call.has_unknown_old = SWT_COOKIE_OP(t->call.cookie) != SWT_OP_RESIZE;
		call_replace_unknown(ctx, t, ptr);
	}
}

static __always_inline void call_free(struct pt_regs *ctx, struct thread_state *t, __u64 cookie, bool nested)
{
	struct swt_block *b = &t->block;

	b->addr = call_arg(ctx, SWT_COOKIE_PTR_ARG(cookie));
	b->proc = t->proc - 1;
	b->layer = SWT_COOKIE_LAYER(cookie);
	if (!b->addr)
		return;
	if (b->addr == t->call.recorded)
		t->call.recorded = 0;
	if (!block_remove(b)) {
		book_free(b);
		if (cfg.free_stacks)
			call_registers(ctx, t);
		freed_note(b, t->tid, freed_where(t));
		call_note(t, cookie, b->addr, b->size_bytes, b->stack, 0);
	} else if (nested || call_is_handed_on(t, b->addr, PT_REGS_SP(ctx), PT_REGS_IP(ctx)) ||
		   call_is_in_last(t, PT_REGS_SP(ctx))) {
		return; /* the outer call has taken it already */
	} else {
		call_free_unknown(ctx, t, cookie);
	}
	call_note_free(t, b, PT_REGS_SP(ctx), PT_REGS_IP(ctx));
}

/* call_file - the number of the file that an address of the process is in; 0 = in none that is known. */
static __always_inline __u32 call_file(__u64 space, __u64 addr)
{
	__u32 at = find_span(SWT_SPACE_FIRST(space), SWT_SPACE_N(space), addr);
	struct swt_span *s = bpf_map_lookup_elem(&spans, &at);

	return s && SWT_SPACE_N(space) && addr >= s->start && addr < s->end ? s->file : 0;
}

/* call_is_in_free - is a call of mmap's family, at sp in a libc's function at ip, one of the allocator's own, in the middle of the
 * last free? Then its caller is in the file of the free function. In that of an allocator which is no libc nobody else calls
 * mmap; a libc does so for other reasons, too (threads' stacks), so there the free must not have returned. */
__noinline int call_is_in_free(struct thread_state *t, __u64 sp, __u64 ip)
{
	__u64 caller = 0, space;
	struct swt_proc *p;
	__u32 file;

	if (!t)
		return 0;
	p = proc_at(t->proc - 1);
	if (!p || !t->freed.addr || sp >= t->freed.sp || t->freed.sp - sp > NEST_BYTES ||
		bpf_probe_read_user(&caller, sizeof(caller), (void *)sp))
		return 0;
	space = *(volatile __u64 *)&p->space;
	file = call_file(space, t->freed.ip);
	if (!file || file != call_file(space, caller))
		return 0;
	return file != call_file(space, ip) || call_is_in_last(t, sp);
}

/* call_unbooked - t->block was allocated, and is in no books. A global function, since the stacks of all that call each other must fit into
 * 512 bytes, and call_born's is the largest.  Return: 0. */
__noinline int call_unbooked(struct thread_state *t)
{
	if (!t)
		return 0;
	doubt_known();
	freed_forget(t->block.addr, t->proc - 1, SWT_COOKIE_LAYER(t->call.cookie));
	call_note(t, t->call.cookie, t->block.addr, t->call.size_bytes, 0, SWT_CALL_UNKNOWN);
	return 0;
}

/* call_born - a block was allocated, or is about to be: walk the stack from t->at and record it. A global function, since
 * the verifier would look at it for each of the ways that lead here.
 * @at_entry  t->at is in the allocator function, not behind its return */
__noinline int call_born(struct thread_state *t, __u64 addr, int at_entry)
{
	struct swt_block *b;
	struct swt_proc *p;
	__u64 cookie;
	__u32 layer;
	long slot;

	if (!t)
		return 0;
	b = &t->block;
	cookie = t->call.cookie;
	layer = SWT_COOKIE_LAYER(cookie) & (SWT_LAYER_SLOTS - 1);
	b->addr = addr;
	b->size_bytes = t->call.size_bytes;
	b->proc = t->proc - 1;
	b->layer = layer;
	b->zend_bin = 0;
	p = proc_at(b->proc);
	if (!p)
		return 0;
	if (!b->size_bytes && SWT_COOKIE_KIND(cookie) == SWT_SIZE_NESTED)
		loss_add(SWT_LOSS_SIZE_UNKNOWN);
	if (layer == SWT_LAYER_MMAP) /* the kernel maps whole pages */
		b->size_bytes = (b->size_bytes + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
	/* In this order: a block is not older than its epoch. */
	b->epoch = p->epoch[layer];
	b->birth = cfg.is_windowed ? birth_in_window(t->window) : birth_now();
	if (layer == SWT_LAYER_ZEND)
		zend_place(b, &t->call.old, p->zend_least_bytes);
	b->sample_shift = 0;
	b->sample_up = 0;
	if (pressed && layer < SWT_LAYER_MMAP && block_is_left_out(b))
		return call_unbooked(t);
	walk_begin(t, &t->at, at_entry);
	t->walk.is_entry = at_entry;
	slot = stack_slot(t, layer);
	if (slot < 0)
		return call_unbooked(t);
	b->stack = slot;
	/* mmap with MAP_FIXED may replace mappings; no other allocator may. */
	cookie = t->call.cookie; /* once more, and not from the stack, which is short */
	if (block_insert(b, SWT_COOKIE_OP(cookie) == SWT_OP_MMAP || SWT_COOKIE_OP(cookie) == SWT_OP_MREMAP))
		return call_unbooked(t);
	book_alloc(b);
	call_note(t, t->call.cookie, b->addr, b->size_bytes, b->stack, 0);
	return 0;
}

/* call_foretell - record a block of the Zend heap before it is allocated, if it is sure which one it will be.
 * Return: true if the return is of no interest. */
static __always_inline bool call_foretell(struct pt_regs *ctx, struct thread_state *t)
{
	bool is_sure;

	if (SWT_COOKIE_KIND(t->call.cookie) == SWT_SIZE_NESTED)
		return false;
	t->call.foretold = foretell(t, &is_sure);
	if (!t->call.foretold || !is_sure)
		return false;
	/* No heap hands out a block twice: this call is part of one that was recorded (_ecalloc calls _emalloc). */
	if (t->call.foretold == t->call.recorded)
		return true;
	t->call.recorded = t->call.foretold;
	call_registers(ctx, t);
	call_born(t, t->call.foretold, true);
	return true;
}

/* call_set_aside - an exception is made inside the pending call. One whose return is probed cannot throw it. */
static __always_inline void call_set_aside(struct thread_state *t)
{
	if (!t->call.return_to)
		return;
	t->aside.sp = t->call.sp;
	t->aside.cookie = t->call.cookie;
	t->aside.size_bytes = t->call.size_bytes;
	t->aside.return_to = t->call.return_to;
	t->call.sp = 0;
}

/* call_resume - at sp something returns that is not pending: it may be what was set aside. If it has called malloc meanwhile, for
 * the block that it returns, that was booked as a call of its own: the block goes over to this one.
 * @addr  what it returns */
static __always_inline void call_resume(struct thread_state *t, __u64 sp, __u64 addr)
{
	__u64 return_to = 0;
	struct swt_block *b = &t->block;

	if (t->aside.sp != sp || bpf_probe_read_user(&return_to, sizeof(return_to), (void *)sp) ||
		return_to != t->aside.return_to)
		return;
	t->aside.sp = 0;
	t->call.sp = sp;
	t->call.cookie = t->aside.cookie;
	t->call.size_bytes = t->aside.size_bytes;
	t->call.return_to = return_to;
	t->call.old.addr = 0;
	t->call.has_unknown_old = 0;
	t->call.foretold = 0;
	b->addr = addr;
	b->proc = t->proc - 1;
	b->layer = SWT_COOKIE_LAYER(t->call.cookie);
	if (addr && !block_remove(b))
		book_free(b);
}

/* call_unrecorded - a call that is no free is entered while no window is open. A block that is replaced or unmapped by it is
 * gone from the books; what it returns is of no interest. */
static __always_inline void call_unrecorded(struct pt_regs *ctx, struct thread_state *t, __u64 cookie)
{
	__u32 op = SWT_COOKIE_OP(cookie);
	struct swt_block *b = &t->block;

	if (op == SWT_OP_MUNMAP) {
		region_unmap(t, PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx), false, t->freed.addr);
	} else if (op == SWT_OP_REALLOC || op == SWT_OP_MREMAP || op == SWT_OP_REALLOCF || op == SWT_OP_RESIZE) {
		b->addr = call_arg(ctx, SWT_COOKIE_PTR_ARG(cookie));
		b->proc = t->proc - 1;
		b->layer = SWT_COOKIE_LAYER(cookie);
		if (b->addr && !block_remove(b))
			book_free(b);
	}
}

/* call_enter - a probed function is entered.
 * Return: 1 if its return is of no interest, or is seen otherwise; 0 if call_return() must see it. */
static __always_inline int call_enter(struct pt_regs *ctx, __u64 cookie)
{
	struct thread_state *t = thread_calling();
	__u32 op = SWT_COOKIE_OP(cookie);
	__u64 sp = PT_REGS_SP(ctx);
	bool nested;

	if (!t)
		return 1;
	nested = call_is_nested(t, sp);
	if (op == SWT_OP_FREE) {
		call_free(ctx, t, cookie, nested);
		return 1;
	}
	if (!thread_is_recorded(t)) {
		call_unrecorded(ctx, t, cookie);
		return 1;
	}
	if (nested) {
		if (op == SWT_OP_THROW)
			call_set_aside(t);
		else if (SWT_COOKIE_KIND(t->call.cookie) == SWT_SIZE_NESTED && !t->call.size_bytes)
			t->call.size_bytes = call_size(ctx, cookie);
		return 1;
	}
	if (op == SWT_OP_THROW)
		return 1;
	if (SWT_COOKIE_LAYER(cookie) == SWT_LAYER_MMAP)
		nested = call_is_in_free(t, sp, PT_REGS_IP(ctx));
	if (op == SWT_OP_MUNMAP) {
		region_unmap(t, PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx), nested, t->freed.addr);
		if (!nested)
			call_note(t, cookie, PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx), 0, 0);
		return 1;
	}
	if (nested)
		return 1;
	t->call.cookie = cookie;
	t->call.size_bytes = call_size(ctx, cookie);
	t->call.old.addr = 0;
	t->call.has_unknown_old = 0;
	t->call.foretold = 0;
	t->call.return_to = 0;
	if (op == SWT_OP_ALLOC && SWT_COOKIE_LAYER(cookie) == SWT_LAYER_ZEND && call_foretell(ctx, t)) {
		t->freed.addr = 0;
		return 1;
	}
	t->call.sp = sp;
	if (op == SWT_OP_ALLOC_OUT)
		t->call.out_ptr = call_arg(ctx, SWT_COOKIE_PTR_ARG(cookie));
	else if (op == SWT_OP_REALLOC || op == SWT_OP_MREMAP || op == SWT_OP_REALLOCF || op == SWT_OP_RESIZE)
		call_stash(ctx, t, call_arg(ctx, SWT_COOKIE_PTR_ARG(cookie)));
	t->freed.addr = 0; /* not before: what realloc is given may be the last free's */
	if (op != SWT_OP_NEW)
		return 0;
	if (bpf_probe_read_user(&t->call.return_to, sizeof(t->call.return_to), (void *)sp) || !t->call.return_to) {
		t->call.sp = 0;
		loss_add(SWT_LOSS_RETURN_MISSED);
	}
	return 1;
}

/* call_result - the new block's address; 0 when the call failed. */
static __always_inline __u64 call_result(struct pt_regs *ctx, const struct call *c)
{
	__u64 rc = PT_REGS_RC(ctx), addr = 0;

	switch (SWT_COOKIE_OP(c->cookie)) {
	case SWT_OP_MMAP:
	case SWT_OP_MREMAP:
		return rc >= -(__u64)MAX_ERRNO ? 0 : rc;
	case SWT_OP_RESIZE:
		return rc >= c->size_bytes ? c->old.addr : 0;
	case SWT_OP_ALLOC_OUT:
		if ((__u32)rc)
			return 0;
		if (bpf_probe_read_user(&addr, sizeof(addr), (void *)c->out_ptr))
			loss_add(SWT_LOSS_RESULT_UNREAD);
		return addr;
	default:
		return rc;
	}
}

/* call_replaced - what becomes of the block that realloc or mremap was given: it is gone when there is a new one, when none was
 * asked for, and after reallocf in any case; else it stays. */
static __always_inline void call_replaced(const struct call *c, __u64 addr)
{
	bool is_gone = addr || !c->size_bytes || SWT_COOKIE_OP(c->cookie) == SWT_OP_REALLOCF;

	if (c->has_unknown_old && is_gone)
		book_unknown_free(c->old.proc, c->old.layer);
	if (is_gone || !c->old.addr)
		return;
	if (!block_insert(&c->old, false))
		book_back(&c->old);
	else
		freed_forget(c->old.addr, c->old.proc, c->old.layer);
}

/* call_end - the pending call has returned, or is about to (is_leaving: the return address is still on the stack). */
static __always_inline void call_end(struct pt_regs *ctx, bool is_leaving)
{
	struct thread_state *t = thread_get();
	/* where the return address is, or was: call.sp */
	__u64 sp = PT_REGS_SP(ctx) - (is_leaving ? 0 : sizeof(__u64));
	__u64 addr;

	if (t && is_leaving && t->call.sp != sp)
		call_resume(t, sp, PT_REGS_RC(ctx));
	if (!t || t->call.sp != sp || (is_leaving && !t->call.return_to))
		return;
	t->call.sp = 0;
	addr = call_result(ctx, &t->call);
	call_replaced(&t->call, addr);
	if (t->call.foretold)
		foretell_check(t, addr);
	if (!addr) {
		call_note(t, t->call.cookie, 0, t->call.size_bytes, 0, SWT_CALL_UNKNOWN);
		return;
	}
	call_registers(ctx, t);
	if (is_leaving) {
		t->at.ip = t->call.return_to;
		t->at.sp += sizeof(__u64);
	}
	call_born(t, addr, false);
}

/* call_return - a probed function has returned to PT_REGS_IP. */
static __always_inline void call_return(struct pt_regs *ctx)
{
	call_end(ctx, false);
}

/* call_leave - a function is about to return: of interest if it is one of SWT_OP_NEW. */
static __always_inline void call_leave(struct pt_regs *ctx)
{
	call_end(ctx, true);
}

#endif
