/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* cache.bpf.h - the verified stack cache: a stack seen before is not walked again.
 *
 * A walk is a deterministic function of where it starts (pc, sp), of the process's tables, and of the words that it reads:
 * return addresses, saved frame registers on which a CFA is based, and of each PHP frame what identifies it. The walk notes
 * those words (walk_note). When a later walk starts at the same place and finds the same words, its stack is the same, whose
 * slot is known. Two copies of memory (the top of the stack, the top of PHP's stack) and the comparison are all that it
 * costs then.
 *
 * What lies outside of the two copies is copied word by word. Not cached are stacks with too many of those, with a signal
 * frame, with a return address that a return probe has replaced, with memory that could not be read: they are walked each
 * time.
 *
 * PHP calls do not move the native stack, so for PHP the place includes the innermost PHP frame: its address, function and
 * opline. A PHP frame is identified by (function, opline) as long as the code is there; see php_note_code() for code that
 * comes and goes. */
#ifndef CACHE_BPF_H
#define CACHE_BPF_H

#define FAR_MAX_BYTES (1 << 20)

#define CACHE_WAYS 4 /* stacks of one starting place */
#define CACHE_SETS 1024

struct cached {
	__u64 seq; /* odd while it is written */
	__u64 key; /* of the starting place; as wide as a hash that is never wrong in practice: see stack_slot() */
	__u32 slot;
	__u32 n_notes;	   /* followed by copies of the first, up to a multiple of NOTES_AT_ONCE */
	__u32 stack_bytes; /* that must be copied */
	__u32 php_bytes;
	__u32 far_offset[COPY_FARS]; /* from the stack pointer, of the words from COPY_FAR on; 0 = none */
	__u64 single[COPY_SINGLES];  /* addresses of the words from COPY_SINGLE on */
	__u32 n_singles;
	__u32 pad0;
	__u16 at[MAX_NOTES];
	__u64 word[MAX_NOTES];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CACHE_WAYS *CACHE_SETS);
	__type(key, __u32);
	__type(value, struct cached);
} stack_cache SEC(".maps");

/* The keys of a set's ways, side by side: most ways are of other places, and need not be looked at. */
struct cache_set {
	__u64 key[CACHE_WAYS];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CACHE_SETS);
	__type(key, __u32);
	__type(value, struct cache_set);
} cache_keys SEC(".maps");

/* Functions of PHP that are internal, by hash of their address: the opline of their frames means nothing and must not be
 * part of a place. Only a hint: a wrong one makes a place be looked for under another key. */
#define INTERNAL_HINTS 1024

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, INTERNAL_HINTS);
	__type(key, __u32);
	__type(value, __u64);
} internal_hints SEC(".maps");

static __always_inline __u64 *internal_hint(__u64 func)
{
	__u32 i = (__u32)(func >> 4 ^ func >> 14) & (INTERNAL_HINTS - 1);

	return bpf_map_lookup_elem(&internal_hints, &i);
}

/* copy_place_of_stack, copy_place_of_php - index in the copy of the word at an address; COPY_NOWHERE if it is outside. */
static __always_inline __u32 copy_place_of_stack(struct walk *w, __u64 addr)
{
	__u64 offset = addr - w->start_sp;

	if (offset & 7 || offset >= FAR_MAX_BYTES)
		return COPY_NOWHERE;
	if (offset < 8 * COPY_STACK_WORDS)
		return COPY_STACK + offset / 8;
	/* The first word that is in no far part yet decides where the next one begins: so far below it that what the same frame
	 * has saved is in it, too. */
	for (int i = 0; i < COPY_FARS; i++) {
		if (!w->notes_far[i])
			w->notes_far[i] = offset - SAVED_BYTES;
		if (offset - w->notes_far[i] < 8 * COPY_FAR_WORDS)
			return COPY_FAR + i * COPY_FAR_WORDS + (offset - w->notes_far[i]) / 8;
	}
	return COPY_NOWHERE;
}

static __always_inline __u32 copy_place_of_php(const struct walk *w, __u64 addr)
{
	__u64 offset = w->php_top - addr;

	return offset & 7 || offset - 8 >= 8 * COPY_PHP_WORDS ? COPY_NOWHERE : COPY_WORDS - offset / 8;
}

/* copy_place_of_single - the place of a word that is copied by itself; COPY_NOWHERE if there are too many of them. */
static __always_inline __u32 copy_place_of_single(struct walk *w, __u64 addr)
{
	__u32 n = w->n_singles;

	if (n >= COPY_SINGLES)
		return COPY_NOWHERE;
	w->single[n] = addr;
	w->n_singles = n + 1;
	return COPY_SINGLE + n;
}

/* walk_note - the walk depends on this word.  @place  where it is in the copy; COPY_NOWHERE: outside, at addr */
static __always_inline void walk_note(struct walk *w, __u32 place, __u64 addr, __u64 word)
{
	__u32 n = w->n_notes;

	if (place == COPY_NOWHERE)
		place = copy_place_of_single(w, addr);
	if (place == COPY_NOWHERE || n >= MAX_NOTES - NOTES_AT_ONCE) {
		w->is_uncachable = 1;
		return;
	}
	w->note_at[n & (MAX_NOTES - 1)] = place;
	w->note_word[n & (MAX_NOTES - 1)] = word;
	w->n_notes = n + 1;
	if (place >= COPY_WORDS - COPY_PHP_WORDS && w->notes_php_bytes < (COPY_WORDS - place) * 8)
		w->notes_php_bytes = (COPY_WORDS - place) * 8;
	else if (place >= COPY_STACK && place < COPY_FAR && w->notes_stack_bytes < (place + 1 - COPY_STACK) * 8)
		w->notes_stack_bytes = (place + 1 - COPY_STACK) * 8;
}

/* copy_stack - copy so much of the top of the stack: what is needed and no more, since near the end of a stack there may be
 * no more. */
__noinline int copy_stack(struct thread_state *t, __u64 bytes)
{
	struct walk *w;

	if (!t || bytes > 8 * COPY_STACK_WORDS)
		return 0;
	w = &t->walk;
	w->window_bytes = bytes;
	if (bpf_probe_read_user(&w->copy[COPY_STACK], bytes, (void *)w->start_sp))
		w->window_bytes = 0;
	return 0;
}

/* copy_far - copy the parts of the stack that a cached stack needs beside the top.  Return: 0, or -1: they are not there. */
static __always_inline int copy_far(struct walk *w, const struct cached *c)
{
#pragma unroll
	for (int i = 0; i < COPY_FARS; i++) {
		__u32 offset = c->far_offset[i];

		if (!offset || offset == w->far_offset[i])
			continue;
		w->far_offset[i] = 0;
		if (bpf_probe_read_user(&w->copy[COPY_FAR + i * COPY_FAR_WORDS], 8 * COPY_FAR_WORDS,
			    (void *)(w->start_sp + offset)))
			return -1;
		w->far_offset[i] = offset;
	}
	return 0;
}

/* copy_singles - copy the words that a cached stack needs one by one.  Return: 0, or -1: one is not there. */
static __always_inline int copy_singles(struct walk *w, const struct cached *c)
{
	for (__u32 i = 0; i < COPY_SINGLES && i < c->n_singles; i++)
		if (bpf_probe_read_user(&w->copy[COPY_SINGLE + i], sizeof(__u64), (void *)c->single[i]))
			return -1;
	return 0;
}

/* copy_php_from_page - the stack begins on the page where its top is, and what is below has never been touched: what is on
 * this page is copied, in pieces that may reach above the top. */
static __always_inline void copy_php_from_page(struct walk *w)
{
	__u32 bytes = w->php_top & (PAGE_BYTES - 1), from;

	w->copied_php_bytes = 0;
	if (bytes > 8 * COPY_PHP_WORDS)
		return;
	from = COPY_WORDS - bytes / 8;
	for (__u32 i = 0; i < COPY_PHP_PIECES && i * COPY_PHP_SHORT_BYTES < bytes;
		i++, from += COPY_PHP_SHORT_BYTES / 8)
		if (bpf_probe_read_user(&w->copy[from & (COPY_WORDS - 1)], COPY_PHP_SHORT_BYTES,
			    (void *)(w->php_top - bytes + i * COPY_PHP_SHORT_BYTES)))
			return;
	w->copied_php_bytes = bytes;
}

/* copy_php - copy PHP's stack below the end of the innermost frame's head; frames grow upwards, so those of the callers are
 * most often there. */
__noinline int copy_php(struct thread_state *t)
{
	struct walk *w;

	if (!t)
		return 0;
	w = &t->walk;
	w->copied_php_bytes = 8 * COPY_PHP_WORDS;
	if (w->wants_long_php && !bpf_probe_read_user(&w->copy[COPY_WORDS - COPY_PHP_WORDS], 8 * COPY_PHP_WORDS,
					 (void *)(w->php_top - 8 * COPY_PHP_WORDS)))
		return 0;
	w->copied_php_bytes = COPY_PHP_SHORT_BYTES;
	if (w->wants_long_php || bpf_probe_read_user(&w->copy[COPY_WORDS - COPY_PHP_SHORT_BYTES / 8],
					 COPY_PHP_SHORT_BYTES, (void *)(w->php_top - COPY_PHP_SHORT_BYTES)))
		copy_php_from_page(w);
	return 0;
}

/* php_place - hash of the innermost PHP frame. */
static __always_inline __u64 php_place(struct thread_state *t, __u64 current)
{
	struct walk *w = &t->walk;
	__u64 ex = 0, *hint, func, opline;

	w->copied_php_bytes = 0;
	w->copy[COPY_CURRENT] = 0;
	if (bpf_probe_read_user(&ex, sizeof(ex), (void *)current) || !ex)
		return 0;
	w->copy[COPY_CURRENT] = ex;
	w->php_top = ex + EXECUTE_DATA_BYTES;
	copy_php(t);
	if (!w->copied_php_bytes)
		return ex;
	opline = w->copy[COPY_WORDS - EXECUTE_DATA_BYTES / 8 + EX_OPLINE];
	func = w->copy[COPY_WORDS - EXECUTE_DATA_BYTES / 8 + EX_FUNC];
	hint = internal_hint(func);
	return mix64(ex ^ mix64(func)) ^ (hint && *hint == func ? 0 : opline);
}

/* cached_is - do today's copies hold the words of c? */
static __always_inline bool cached_is(const struct walk *w, const struct cached *c)
{
	for (__u32 i = 0; i < MAX_NOTES && i < c->n_notes; i += NOTES_AT_ONCE) {
		__u64 differs = 0;

#pragma unroll
		for (int k = 0; k < NOTES_AT_ONCE; k++)
			differs |= w->copy[c->at[(i + k) & (MAX_NOTES - 1)] & (COPY_WORDS - 1)] ^
				   c->word[(i + k) & (MAX_NOTES - 1)];
		if (differs)
			return false;
	}
	return true;
}

/* cache_try - the slot that one place of the cache holds, if it is that of today's stack; else -1. */
__noinline long cache_try(struct thread_state *t, __u32 at)
{
	struct cached *c = bpf_map_lookup_elem(&stack_cache, &at);
	struct walk *w;
	__u64 seq;
	long slot;

	if (!c || !t)
		return -1;
	w = &t->walk;
	seq = *(volatile __u64 *)&c->seq;
	if (seq & 1 || c->key != w->cache_key)
		return -1;
	if (c->stack_bytes > w->window_bytes)
		copy_stack(t, c->stack_bytes);
	if (c->php_bytes > w->copied_php_bytes && !w->wants_long_php) {
		w->wants_long_php = 1;
		copy_php(t);
	}
	if (c->stack_bytes > w->window_bytes || c->php_bytes > w->copied_php_bytes || copy_far(w, c) ||
		copy_singles(w, c))
		return -1;
	slot = c->slot;
	if (!cached_is(w, c))
		return -1;
	barrier();
	return *(volatile __u64 *)&c->seq == seq ? slot : -1;
}

static __always_inline __u32 cache_set_of(const struct walk *w)
{
	return (__u32)(w->cache_key >> 32) & (CACHE_SETS - 1);
}

/* cache_find - the slot of the stack at which t->walk stands, if it was walked before; -1 if not.
 * @p  the thread's process      @owner  process, layer and epoch that the slot belongs to
 * While the loader is at the libraries what is here may be of others than are there now: nothing is looked for then, and
 * cache_store() keeps nothing, even if user space settles the process before the walk.
 * Leaves what it has copied of the stack in the window, for the walk. */
static __always_inline long cache_find(struct thread_state *t, const struct swt_proc *p, __u64 owner)
{
	struct walk *w = &t->walk;
	__u32 proc = t->proc - 1;
	struct swt_php *php = bpf_map_lookup_elem(&php_procs, &proc);
	struct cache_set *set;
	__u64 key, current, space;
	long slot = -1;
	__u32 at;

	w->cache_key = 0;
	if (*(volatile __u32 *)&p->dl_settled != *(volatile __u32 *)&p->dl_changes)
		return -1;
	barrier(); /* as in walk_prepare(): the space, which changes with the tables, is read after that */
	space = *(volatile __u64 *)&p->space;
	w->start_sp = w->sp;
	w->copy[COPY_BP] = w->bp;
	w->copy[COPY_BX] = w->bx;
	w->php_top = 0;
	w->far_offset[0] = 0;
	w->far_offset[1] = 0;
	w->window_at = w->sp;
	w->window_bytes = 0;
	key = mix64(w->pc ^ cfg.hash_seed) ^ mix64(w->sp ^ owner);
	key = mix64(key ^ space << 1 ^ w->is_exact);
	current = php ? php_current(php) : 0;
	if (current) {
		key = mix64(key ^ php_place(t, current));
		w->copy[COPY_REQUEST] = php->requests;
	}
	w->cache_key = key | 1;
	at = cache_set_of(w);
	set = bpf_map_lookup_elem(&cache_keys, &at);
	for (__u32 i = 0; set && i < CACHE_WAYS && slot < 0; i++)
		if (set->key[i] == w->cache_key)
			slot = cache_try(t, at * CACHE_WAYS + i);
	return slot;
}

/* cache_store - remember the slot to which the walk just done has led, if cache_find() was asked for it before. */
__noinline int cache_store(struct thread_state *t, __u32 slot)
{
	__u32 at, n, way, set_at;
	struct cache_set *set;
	struct cached *c;
	struct walk *w;
	__u64 seq;

	if (!t)
		return 0;
	w = &t->walk;
	n = w->n_notes;
	if (w->is_uncachable || !n || !w->cache_key)
		return 0;
	for (int i = 0; i < NOTES_AT_ONCE - 1; i++) {
		w->note_at[(n + i) & (MAX_NOTES - 1)] = w->note_at[0];
		w->note_word[(n + i) & (MAX_NOTES - 1)] = w->note_word[0];
	}
	way = w->next_way++ & (CACHE_WAYS - 1);
	set_at = cache_set_of(w);
	at = set_at * CACHE_WAYS + way;
	set = bpf_map_lookup_elem(&cache_keys, &set_at);
	c = bpf_map_lookup_elem(&stack_cache, &at);
	if (!set || !c)
		return 0;
	seq = *(volatile __u64 *)&c->seq;
	if (seq & 1 || __sync_val_compare_and_swap(&c->seq, seq, seq + 1) != seq)
		return 0;
	c->key = w->cache_key;
	c->slot = slot;
	c->n_notes = n;
	c->stack_bytes = w->notes_stack_bytes;
	c->php_bytes = w->notes_php_bytes;
	c->far_offset[0] = w->notes_far[0];
	c->far_offset[1] = w->notes_far[1];
	c->n_singles = w->n_singles;
	bpf_probe_read_kernel(c->single, sizeof(c->single), w->single);
	bpf_probe_read_kernel(c->at, sizeof(c->at), w->note_at);
	bpf_probe_read_kernel(c->word, sizeof(c->word), w->note_word);
	__sync_lock_test_and_set(&c->seq, seq + 2);
	set->key[way] = w->cache_key; /* where to look; what counts is the key in c */
	return 0;
}

#endif
