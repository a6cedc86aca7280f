// SPDX-License-Identifier: GPL-2.0-or-later
/* util/calls.c - a seccomp filter from lists of system calls, made by libseccomp. */
#include <errno.h>
#include <seccomp.h>

#include "util/calls.h"

static int add(scmp_filter_ctx ctx, const struct calls_rule *r)
{
	struct scmp_arg_cmp value = {
		.arg = r->arg, .op = SCMP_CMP_MASKED_EQ, .datum_a = r->mask, .datum_b = r->value
	};

	return seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, r->number, r->arg != CALLS_ANY, &value);
}

int calls_allow(const struct calls_list *list, size_t n, int refused)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(refused));
	int err = ctx ? 0 : -ENOMEM;

	if (!err)
		err = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	if (!err)
		err = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	/* The caller has: it must not fail because of a thread that has come since. */
	if (!err)
		err = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; !err && list[i].rule && k < list[i].n; k++)
			err = add(ctx, &list[i].rule[k]);
	if (!err)
		err = seccomp_load(ctx);
	seccomp_release(ctx);
	return err;
}
