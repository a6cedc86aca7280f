/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* php.bpf.h - PHP frames, read from the chain of zend_execute_data that starts at EG(current_execute_data).
 *
 * execute_ex, the engine's loop, runs PHP functions that call each other without a native call; only a call through native
 * code (a callback) enters it again. So to each execute_ex on the native stack belongs the part of the chain up to the
 * frame that is marked as the first of its loop (ZEND_CALL_TOP). Internal functions are in the chain too, without a loop.
 * Layouts: Zend/zend_compile.h, Zend/zend_string.h of PHP 7.4 to 8.5; see target/php.c. */
#ifndef PHP_BPF_H
#define PHP_BPF_H

#define CALL_TOP (1ULL << 17) /* ZEND_CALL_TOP in This.u1.type_info */

/* Words of zend_function. */
#define FN_TYPE	      0 /* a byte */
#define FN_NAME	      1
#define FN_SCOPE      2
#define FN_HEAD_BYTES 24 /* what internal functions have at least */

#define FN_CLOSURE (1ULL << (32 + 22)) /* ZEND_ACC_CLOSURE in fn_flags, in the first word */

#define OPLINE_LINE    24 /* zend_op.lineno, and what kind of operation it is */
#define OPLINE_BYTES   32
#define STRING_HEAD    24		  /* bytes of a zend_string before its value */
#define STRING_LASTING (3ULL << (32 + 7)) /* IS_STR_PERSISTENT, IS_STR_PERMANENT: outlives the request */
#define CLASS_NAME     8		  /* zend_class_entry.name */

#define PHP_MAX_RUN 128 /* frames of one loop */
#define PHP_PROBES  16

/* PHP frames by key. Slots are taken and never given back while probes run. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SWT_PHP_FRAMES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct swt_php_frame);
} php_table SEC(".maps");

/* function_word - the word at an offset of zend_op_array that the version table gives. */
static __always_inline __u64 function_word(const struct php_walk *p, __u32 offset)
{
	__u32 i = offset / 8;

	return i < SWT_PHP_FUNCTION_BYTES / 8 ? p->function[i] : 0;
}

/* php_line - the line that a user function is at, from its opline, if that is one of the function's own; else the
 * function's first line, marked as approximate. */
static __always_inline __u32 php_line(struct php_walk *p)
{
	__u64 opline = p->data[EX_OPLINE], start, last, first;

	first = function_word(p, p->at.line_start) >> (p->at.line_start & 4 ? 32 : 0);
	if (p->at.opcodes) {
		start = function_word(p, p->at.opcodes);
		last = (__u32)(function_word(p, p->at.last) >> (p->at.last & 4 ? 32 : 0));
		if (opline < start || opline >= start + last * OPLINE_BYTES)
			opline = 0;
	}
	p->opline_line = 0;
	if (opline && !bpf_probe_read_user(&p->opline_line, sizeof(p->opline_line), (void *)(opline + OPLINE_LINE)) &&
		(__u32)p->opline_line)
		return (__u32)p->opline_line;
	p->frame.flags |= SWT_PHP_APPROXIMATE;
	return first;
}

/* php_string_get - the head of a zend_string. */
static __always_inline void php_string_get(struct php_string *s, __u64 at)
{
	s->at = at;
	s->gc = 0;
	s->hash = 0;
	s->length = 0;
	if (at)
		bpf_probe_read_user(&s->gc, STRING_HEAD, (void *)at);
}

#define PART_BYTES 64 /* of a string without a hash, at its beginning and at its end */

/* php_string_hash - of a string for which PHP has not made one: the file names of evaluated code, "FILE(LINE) : eval()'d code".
 * They come and go, one in the place of another. The room for the file's name is not in use yet. */
static __always_inline __u64 php_string_hash(struct php_walk *p, const struct php_string *s)
{
	__u64 *word = (__u64 *)p->frame.file, at = s->at + STRING_HEAD, h = s->length;
	__u64 bytes = s->length < PART_BYTES ? s->length : PART_BYTES;

	__builtin_memset(word, 0, 2 * PART_BYTES);
	if (bpf_probe_read_user(word, bytes & (2 * PART_BYTES - 1), (void *)at) ||
		bpf_probe_read_user(
			word + PART_BYTES / 8, bytes & (2 * PART_BYTES - 1), (void *)(at + s->length - bytes)))
		return s->at;
#pragma unroll
	for (int i = 0; i < 2 * PART_BYTES / 8; i++)
		h = (h ^ word[i]) * 0x9e3779b97f4a7c15ULL + (h >> 29);
	return h;
}

/* php_string_id - what tells strings apart, wherever they are: names of functions, classes and files have a hash. */
static __always_inline __u64 php_string_id(struct php_walk *p, const struct php_string *s)
{
	return mix64((s->hash || !s->at ? s->hash : php_string_hash(p, s)) ^ s->length << 48);
}

/* php_string_copy - its value. */
static __always_inline void php_string_copy(struct php_walk *p, char *to, __u32 cap, const struct php_string *s)
{
	long n = s->at ? bpf_probe_read_user_str(to, cap, (void *)(s->at + STRING_HEAD)) : 0;

	if (n <= 0)
		to[0] = 0;
	if (n == cap)
		p->frame.flags |= SWT_PHP_TRUNCATED;
}

/* php_record - fill the slot that was just taken for the frame in p->data and p->function. Return: the slot. */
__noinline long php_record(struct thread_state *t, __u32 slot)
{
	struct swt_php_frame *f = bpf_map_lookup_elem(&php_table, &slot);
	struct php_walk *p;

	if (!t || !f)
		return slot;
	p = &t->php;
	php_string_copy(p, p->frame.name, sizeof(p->frame.name), &p->name);
	php_string_copy(p, p->frame.class_name, sizeof(p->frame.class_name), &p->class_name);
	php_string_copy(p, p->frame.file, sizeof(p->frame.file), &p->file);
	if (p->frame.type == SWT_PHP_INTERNAL)
		p->frame.file[0] = 0;
	if (p->frame.flags & SWT_PHP_TRUNCATED)
		loss_add(SWT_LOSS_PHP_NAME_CUT);
	f->line = p->frame.line;
	f->type = p->frame.type;
	f->flags = p->frame.flags;
	bpf_probe_read_kernel(f->class_name, sizeof(f->class_name), p->frame.class_name);
	bpf_probe_read_kernel(f->name, sizeof(f->name), p->frame.name);
	bpf_probe_read_kernel(f->file, sizeof(f->file), p->frame.file);
	__sync_lock_test_and_set(&f->ready, 1);
	return slot;
}

/* php_names - the names of the frame in p->function: of itself, its class and its file. Neighbours share the last two. */
static __always_inline void php_names(struct php_walk *p)
{
	__u64 class_of = p->function[FN_SCOPE], file = function_word(p, p->at.filename), name = 0;

	php_string_get(&p->name, p->function[FN_NAME]);
	if (class_of != p->class_of || !class_of) {
		if (class_of)
			bpf_probe_read_user(&name, sizeof(name), (void *)(class_of + CLASS_NAME));
		php_string_get(&p->class_name, name);
		p->class_of = class_of;
	}
	if (p->frame.type != SWT_PHP_INTERNAL && file != p->file.at)
		php_string_get(&p->file, file);
}

/* php_slot - the slot of the frame in p->data and p->function, taken and filled if it is new. What identifies a frame is
 * what is shown of it: the names, by their hashes, and the line. An address would not do, since without opcache
 * functions are compiled anew for each request, where others were. Return: the slot; SWT_PHP_FRAMES when the
 * table is full. */
__noinline long php_slot(struct thread_state *t)
{
	struct swt_php_frame *f;
	struct php_walk *p;
	__u64 key, seen;
	__u32 slot;

	if (!t)
		return SWT_PHP_FRAMES;
	p = &t->php;
	p->frame.type = (__u8)p->function[FN_TYPE];
	php_names(p);
	p->frame.flags = (p->data[EX_PREV] ? 0 : SWT_PHP_MAIN) | (p->class_name.at ? SWT_PHP_METHOD : 0);
	p->frame.line = p->frame.type == SWT_PHP_INTERNAL ? 0 : php_line(p);
	key = mix64(cfg.hash_seed ^ (__u64)t->proc << 48 ^ (__u64)p->frame.type << 40 ^ (__u64)p->frame.flags << 32 ^
		    p->frame.line);
	key = mix64(key ^ php_string_id(p, &p->name));
	key = mix64(key + php_string_id(p, &p->class_name));
	if (p->frame.type != SWT_PHP_INTERNAL)
		key = mix64(key ^ php_string_id(p, &p->file));
	key |= 1;
	for (int i = 0; i < PHP_PROBES; i++) {
		slot = ((__u32)(key >> 32) + i) & (SWT_PHP_FRAMES - 1);
		f = bpf_map_lookup_elem(&php_table, &slot);
		if (!f)
			break;
		seen = f->key;
		if (!seen)
			seen = __sync_val_compare_and_swap(&f->key, 0, key);
		if (!seen)
			return php_record(t, slot);
		if (seen == key)
			return slot;
	}
	loss_add(SWT_LOSS_PHP_FRAMES_FULL);
	return SWT_PHP_FRAMES; /* a frame without a name */
}

static __always_inline void php_note(struct thread_state *t, __u32 word)
{
	__u64 addr = t->php.execute_data + 8 * word;

	walk_note(&t->walk, copy_place_of_php(&t->walk, addr), addr, t->php.data[word]);
}

/* php_note_code - note what tells, of code that comes and goes, that it is still the same. Code in opcache's memory stays.
 * Else it is there for the request; within it, names of files are not freed, but files and evaluated code are when they
 * have run, and with them the closures in them: the next may be compiled into the same place. Where the file's name may be
 * another in the same place, too, the stack is not cached. */
static __always_inline void php_note_code(struct thread_state *t)
{
	struct php_walk *p = &t->php;

	if (p->frame.type == SWT_PHP_INTERNAL || p->file.gc & STRING_LASTING)
		return;
	if (p->file.at && !p->file.hash)
		t->walk.is_uncachable = 1;
	if (!p->is_of_request) {
		p->is_of_request = 1;
		walk_note(&t->walk, COPY_REQUEST, 0, p->at.requests);
	}
	if (p->name.at && !(p->function[FN_TYPE] & FN_CLOSURE))
		return;
	walk_note(&t->walk, COPY_NOWHERE, p->data[EX_FUNC] + p->at.filename, p->file.at);
	if (p->name.at || p->frame.type == SWT_PHP_EVAL)
		walk_note(&t->walk, COPY_NOWHERE, p->data[EX_OPLINE] + OPLINE_LINE, p->opline_line);
}

/* php_read - read the frame p->execute_data and its function. Return: 1 a function; 0 a placeholder without one (the engine
 * puts such frames before some calls, Swoole at the root of a coroutine); -1 it cannot be read. */
static __always_inline int php_read(struct thread_state *t)
{
	struct php_walk *p = &t->php;
	__u64 func, *hint;
	__u8 type;

	if (bpf_probe_read_user(p->data, sizeof(p->data), (void *)p->execute_data))
		return -1;
	php_note(t, EX_FUNC);
	php_note(t, EX_PREV);
	func = p->data[EX_FUNC];
	if (!func)
		return 0;
	/* An internal function may end before SWT_PHP_FUNCTION_BYTES, at the end of a page. */
	if (bpf_probe_read_user(p->function, sizeof(p->function), (void *)func) &&
		bpf_probe_read_user(p->function, FN_HEAD_BYTES, (void *)func))
		return -1;
	type = p->function[FN_TYPE];
	if (type == SWT_PHP_INTERNAL) {
		hint = internal_hint(func);
		if (hint)
			*hint = func;
		return 1;
	}
	php_note(t, EX_OPLINE);
	php_note(t, EX_TYPE_INFO);
	return type == SWT_PHP_USER || type == SWT_PHP_EVAL ? 1 : -1;
}

/* php_step - append the next frame of the chain to t->frame, unless it is a placeholder.
 * @is_all  go beyond the first frame of a loop
 * Return: 1 go on; 0 that was the last: a plain answer, since the verifier follows each one around the caller's loop. */
__noinline int php_step(struct thread_state *t, int is_all)
{
	struct php_walk *p;
	int is_function;
	__u8 type;

	if (!t)
		return 0;
	p = &t->php;
	if (!p->execute_data || p->n >= SWT_MAX_FRAMES)
		return 0;
	is_function = php_read(t);
	p->execute_data = is_function < 0 ? 0 : p->data[EX_PREV];
	if (is_function < 0) {
		t->walk.is_uncachable = 1;
		return 0;
	}
	if (!is_function)
		return 1;
	type = p->function[FN_TYPE];
	if (type == SWT_PHP_INTERNAL && !p->function[FN_NAME]) /* the bottom of a fiber */
		return 1;
	t->frame[p->n & (SWT_MAX_FRAMES - 1)] = SWT_FRAME_PHP | php_slot(t);
	p->n++;
	php_note_code(t);
	return is_all || type == SWT_PHP_INTERNAL || !(p->data[EX_TYPE_INFO] & CALL_TOP);
}

/* php_frames - append the PHP frames of one loop to t->frame, innermost first; with is_all those of all loops that are
 * left.  Return: their number, 0 when there is none. */
__noinline int php_frames(struct thread_state *t, int is_all)
{
	__u32 before;

	if (!t)
		return 0;
	/* Counted in t, not here: the verifier would follow every pair of two counters. */
	before = t->php.n;
	if (!t->php.is_started) {
		t->php.is_started = 1;
		if (bpf_probe_read_user(&t->php.execute_data, sizeof(t->php.execute_data), (void *)t->php.at.current))
			t->walk.is_uncachable = 1;
		walk_note(&t->walk, COPY_CURRENT, 0, t->php.execute_data);
	}
	for (int i = 0; i < PHP_MAX_RUN; i++)
		if (!php_step(t, is_all))
			break;
	return t->php.n - before;
}

/* php_tell_place - let user space know where the call chain is that was met here. */
static __always_inline void php_tell_place(struct thread_state *t)
{
	__u32 slot = t->proc - 1;
	struct swt_php *php = bpf_map_lookup_elem(&php_procs, &slot);

	if (php)
		php->seen = t->php.at.current;
}

#endif
