// SPDX-License-Identifier: GPL-2.0-or-later
/* crash/place.c - what an address is: in which mapping or block, or near which; and whether it is the end of a stack. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "crash/internal.h"

#define STACK_REACH (1ULL << 20) /* so far from sp may the address be */
/* Below a main thread's stack the kernel keeps that much free of mappings, or more: mmap_base() in arch/x86/mm/mmap.c, MIN_GAP. */
#define STACK_ROOM (128ULL << 20)
#define STACK_END  (64ULL << 10) /* so near to its end, a stack is full */

/* A neighbour that is further away explains nothing. */
#define FAR_BYTES (1ULL << 40)

const struct model_mapping *mapping_at(const struct model_crash *c, uint64_t addr)
{
	for (size_t i = 0; i < c->n_mappings; i++)
		if (addr >= c->mapping[i].start && addr < c->mapping[i].end)
			return &c->mapping[i];
	return NULL;
}

/* mapping_above - the first that begins at addr, or behind it. */
static const struct model_mapping *mapping_above(const struct model_crash *c, uint64_t addr)
{
	for (size_t i = 0; i < c->n_mappings; i++)
		if (c->mapping[i].start >= addr)
			return &c->mapping[i];
	return NULL;
}

static uint64_t apart(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

int is_stack_overflow(const struct model_crash *c, uint64_t addr)
{
	const struct model_mapping *guard = mapping_at(c, addr), *stack;
	uint64_t sp = c->reg[MODEL_RSP];

	if (apart(addr, sp) > STACK_REACH || (guard && guard->flags & ANY_ACCESS))
		return 0;
	stack = mapping_above(c, guard ? guard->end : addr);
	if (!stack || !(stack->flags & MODEL_WRITE))
		return 0;
	/* Of a frame that is larger than what was left sp itself is below the stack, in nothing. */
	if (!guard && stack->flags & MODEL_GROWS && !mapping_at(c, sp) && stack->start - addr <= STACK_ROOM)
		return 1;
	/* A guard of its own touches the stack; below a main thread's stack the kernel keeps a gap (stack_guard_gap, 1 MiB). */
	if (guard ? stack->start != guard->end : stack->start - addr > 2 * STACK_REACH)
		return 0;
	return sp < stack->end && (sp < stack->start || sp - stack->start < STACK_END);
}

static void add_duration(char *buf, size_t len, uint64_t ns)
{
	if (ns < 1000000)
		snprintf(buf, len, "%" PRIu64 " us", ns / 1000);
	else if (ns < 10000000000ULL)
		snprintf(buf, len, "%" PRIu64 " ms", ns / 1000000);
	else
		snprintf(buf, len, "%" PRIu64 " s", ns / 1000000000);
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

void explain_block(const struct model_near *n, char *buf, size_t len)
{
	uint64_t past = n->offset >= 0 ? (uint64_t)n->offset - n->size_bytes : 0, before = -(uint64_t)n->offset;
	char where[64], ago[32], state[64];

	if (n->offset < 0)
		snprintf(where, sizeof(where), "%" PRIu64 " byte%s before", before, plural(before));
	else if (model_near_contains(n))
		snprintf(where, sizeof(where), "%" PRId64 " byte%s into", n->offset, plural((uint64_t)n->offset));
	else if (!past)
		snprintf(where, sizeof(where), "at the end of");
	else
		snprintf(where, sizeof(where), "%" PRIu64 " byte%s behind the end of", past, plural(past));
	add_duration(ago, sizeof(ago), n->kind == MODEL_NEAR_FREED ? n->freed_ns : n->age_ns);
	snprintf(state, sizeof(state),
		n->kind == MODEL_NEAR_FREED ? " that was freed %s before" : ", allocated %s before", ago);
	snprintf(buf, len, "%s a %sblock of %" PRIu64 " byte%s (%s)%s", where,
		n->kind == MODEL_NEAR_FREED ? "" : "live ", n->size_bytes, plural(n->size_bytes),
		model_layer_name(n->layer), state);
}

/* place_describe - the place in words. */
static void place_describe(struct crash_place *p)
{
	char block[256] = "", mapping[192] = "", flags[MODEL_FLAGS_BYTES];
	const struct model_mapping *m = p->mapping;

	if (p->near)
		explain_block(p->near, block, sizeof(block));
	if (m) {
		snprintf(mapping, sizeof(mapping), "%s%" PRIu64 " byte%s %s %s (%s)",
			p->relation == CRASH_IN ? "" : "not mapped, ", p->distance_bytes, plural(p->distance_bytes),
			p->relation == CRASH_IN	     ? "into"
			: p->relation == CRASH_AFTER ? "behind the end of"
						     : "before",
			m->name, model_mapping_flags(m, flags));
	}
	snprintf(p->text, sizeof(p->text), "%s%s%s", block, *block && *mapping ? "; " : "", mapping);
}

/* nearest - the mapping that is nearest to an address in none. */
static void nearest(const struct model_crash *c, uint64_t addr, struct crash_place *out)
{
	uint64_t least = FAR_BYTES;

	for (size_t i = 0; i < c->n_mappings; i++) {
		const struct model_mapping *m = &c->mapping[i];
		int is_after = m->end <= addr;
		uint64_t distance = is_after ? addr - m->end : m->start - addr;

		if (distance >= least)
			continue;
		least = distance;
		out->mapping = m;
		out->relation = is_after ? CRASH_AFTER : CRASH_BEFORE;
		out->distance_bytes = distance;
	}
}

void place_find(
	const struct model_event *e, uint64_t addr, int reg, const struct model_near *near, struct crash_place *out)
{
	const struct model_mapping *m = mapping_at(e->crash, addr);

	memset(out, 0, sizeof(*out));
	out->addr = addr;
	out->reg = reg;
	out->near = near && near->kind != MODEL_NEAR_NONE ? near : NULL;
	if (m) {
		out->mapping = m;
		out->relation = CRASH_IN;
		out->distance_bytes = addr - m->start;
	} else if (reg < 0 && e->crash->has_mappings && is_canonical(addr)) {
		nearest(e->crash, addr, out);
	}
	place_describe(out);
}
