/* SPDX-License-Identifier: GPL-2.0-or-later */
/* swtrace.skel.h - the skeleton that attach/ is compiled against in the oracle: production's with a program more, which
 * is loaded for the kind of links that production uses for its own. (Perf events take 0.1 s each to be closed.) */
#ifndef ORACLE_SKEL_H
#define ORACLE_SKEL_H

#include "oracle.skel.h"

static inline int oracle_load(struct swtrace_bpf *s)
{
	bpf_program__set_expected_attach_type(
		s->progs.on_oracle, bpf_program__expected_attach_type(s->progs.on_dl_state));
	return swtrace_bpf__load(s);
}

#define swtrace_bpf__load oracle_load

#endif
