/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/worker.h - a process that is told of: worker 3, in a container. */
#ifndef UNIT_WORKER_H
#define UNIT_WORKER_H

#include "model/identity.h"

static const struct model_identity worker = { .role = MODEL_ROLE_WORKER,
	.role_from = MODEL_ROLE_FROM_MEMORY,
	.worker = 3,
	.thread_safe = -1,
	.is_debug = -1,
	.container = MODEL_CONTAINER_DOCKER,
	.container_id = "3f2a55c0ffee",
	.ns_pid = 7 };

#endif
