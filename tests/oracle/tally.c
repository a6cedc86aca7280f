// SPDX-License-Identifier: GPL-2.0-or-later
/* tally.c - what the comparison of two stacks says, and the sums of it. */
#include <string.h>

#include "model/model.h"

#include "tally.h"

#define MAX_PRINTED 20 /* stacks that differ */

static const char *const end_name[TRUTH_ENDS] = { "root", "no CFI", "long", "error" };

static size_t common(const struct oracle_stack *a, const struct truth_stack *b)
{
	size_t n = 0;

	while (n < a->n && n < b->n && a->frame[n] == b->frame[n])
		n++;
	return n;
}

static void frame_print(struct truth *t, uint64_t addr)
{
	uint64_t offset;
	const char *module = truth_module(t, addr, &offset);
	char text[96];

	snprintf(text, sizeof(text), "%s+0x%lx", module, (unsigned long)offset);
	printf("  %-46s", text);
}

static void both_print(struct truth *t, const struct oracle_point *p, const struct oracle_stack *o,
	const struct truth_stack *s, const char *what)
{
	size_t n = o->n > s->n ? o->n : s->n;

	printf("%s: pid %u tid %u, %s, sp 0x%lx; swtrace: %s; libdwfl: %s%s%s\n", what, p->tgid, p->tid,
		p->is_exact ? "entry" : "return", (unsigned long)p->regs[19], model_walk_name(o->walk),
		end_name[s->end], s->error ? ": " : "", s->error ? s->error : "");
	for (size_t i = 0; i < n; i++) {
		int same = i < o->n && i < s->n && o->frame[i] == s->frame[i];

		printf("%s", same ? "    " : "  ! ");
		if (i < o->n)
			frame_print(t, o->frame[i]);
		else
			printf("  %-46s", "-");
		if (i < s->n && !same)
			frame_print(t, s->frame[i]);
		printf("\n");
	}
}

static void end_count(struct tally *c, struct truth *t, const struct oracle_stack *o, const struct truth_stack *s)
{
	uint64_t offset;
	const char *module = o->n ? truth_module(t, o->frame[o->n - 1], &offset) : "?";
	struct tally_end *e = c->end;

	for (; e < c->end + c->n_ends; e++)
		if (e->walk == o->walk && e->truth == s->end && !strncmp(e->module, module, sizeof(e->module) - 1))
			break;
	if (e == c->end + c->n_ends) {
		if (c->n_ends == sizeof(c->end) / sizeof(c->end[0]))
			return;
		c->n_ends++;
		e->walk = o->walk;
		e->truth = s->end;
		strncpy(e->module, module, sizeof(e->module) - 1);
	}
	e->n++;
}

/* judge - count the walked stack.  Return: what is wrong with it, or NULL. */
static const char *judge(struct tally *c, const struct oracle_stack *o, const struct truth_stack *s)
{
	size_t same = common(o, s);
	int is_early = same == s->n && same < o->n && (s->end == TRUTH_NO_CFI || s->end == TRUTH_ERROR);

	if (is_early) {
		c->unjudged++;
		return "libdwfl ends early";
	}
	if (o->walk == SWT_WALK_COMPLETE) {
		if (same == o->n && same == s->n && s->end == TRUTH_ROOT) {
			c->identical++;
			return NULL;
		}
		c->different++;
		return "different";
	}
	if (same == o->n) {
		c->true_part++;
		return NULL;
	}
	c->wrong_part++;
	return "a false frame";
}

static void cached_judge(struct tally *c, struct truth *t, const struct oracle_point *p, const struct truth_stack *s)
{
	if (p->cached.walk == ORACLE_FAILED)
		return;
	c->cached++;
	if (p->cached.walk == p->walked.walk && p->cached.n == p->walked.n &&
		!memcmp(p->cached.frame, p->walked.frame, p->walked.n * sizeof(p->walked.frame[0])))
		return;
	c->cached_different++;
	if (c->cached_different <= MAX_PRINTED)
		both_print(t, p, &p->cached, s, "the cache has another stack");
}

void tally_add(struct tally *c, struct truth *t, const struct oracle_point *p, const struct truth_stack *s)
{
	const struct oracle_stack *o = &p->walked;
	const char *wrong;

	c->points++;
	c->entries += p->is_exact;
	c->threads += p->tid != p->tgid;
	c->pending += p->n_pending > 0;
	c->signals += s->has_signal;
	c->rbx += s->has_rbx;
	c->deref += s->has_deref;
	c->trampolines += s->n_trampolines > 0;
	c->walk[o->walk < TALLY_WALKS ? o->walk : TALLY_WALKS - 1]++;
	c->frames += o->n;
	if (o->n > c->deepest)
		c->deepest = o->n;
	wrong = judge(c, o, s);
	if (wrong && c->different + c->wrong_part + c->unjudged <= MAX_PRINTED)
		both_print(t, p, o, s, wrong);
	if (c->all && !wrong && o->walk != SWT_WALK_COMPLETE)
		both_print(t, p, o, s, "not complete");
	if (o->walk != SWT_WALK_COMPLETE)
		end_count(c, t, o, s);
	cached_judge(c, t, p, s);
}

void tally_print(const struct tally *c, FILE *out)
{
	const struct {
		const char *name;
		unsigned long n;
	} sum[] = {
		{ "points", c->points },
		{ "entries", c->entries },
		{ "returns", c->points - c->entries },
		{ "in other threads", c->threads },
		{ "in children", c->children },
		{ "with pending returns", c->pending },
		{ "with signal frames", c->signals },
		{ "with frames based on rbx", c->rbx },
		{ "with realigned frames", c->deref },
		{ "with interrupted trampolines", c->trampolines },
		{ "complete", c->walk[SWT_WALK_COMPLETE] },
		{ "identical", c->identical },
		{ "different", c->different },
		{ "not complete", c->points - c->walk[SWT_WALK_COMPLETE] },
		{ "true so far", c->true_part },
		{ "false", c->wrong_part },
		{ "unjudged", c->unjudged },
		{ "also from the cache", c->cached },
		{ "different there", c->cached_different },
		{ "frames", c->frames },
		{ "deepest", c->deepest },
	};

	for (size_t i = 0; i < c->n_ends; i++)
		fprintf(out, "not complete: %u: %s, in %s; libdwfl: %s\n", c->end[i].n, model_walk_name(c->end[i].walk),
			c->end[i].module, end_name[c->end[i].truth]);
	fprintf(out, "oracle: ");
	for (size_t i = 0; i < sizeof(sum) / sizeof(sum[0]); i++)
		fprintf(out, "%s%s %lu", i ? ", " : "", sum[i].name, sum[i].n);
}

int tally_passes(const struct tally *c)
{
	unsigned complete = c->walk[SWT_WALK_COMPLETE], rest = c->points - complete;

	return c->identical * 1000UL >= complete * 999UL && c->true_part * 1000UL >= rest * 999UL &&
	       !c->cached_different;
}
