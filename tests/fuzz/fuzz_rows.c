/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz/fuzz_rows.c - any file to target_rows_read(): the promises of target/target.h and of struct swt_row hold. */
#include <errno.h>

#include "fuzz.h"
#include "swtrace/abi.h"
#include "target/target.h"

static void check_rule(uint32_t rule)
{
	unsigned kind = SWT_RULE_KIND(rule);

	FUZZ_CHECK(kind <= SWT_ROW_NONE);
	/* the stack walk reads a base and two registers of these alone */
	if (kind == SWT_ROW_NORMAL || kind == SWT_ROW_DEREF)
		FUZZ_CHECK(SWT_RULE_BASE(rule) <= SWT_BASE_RBX);
	else if (kind != SWT_ROW_PLT)
		FUZZ_CHECK(rule == SWT_RULE(kind, 0, 0, 0, 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct target_rows rows = { .base = 1, .row = (struct swt_row *)data, .n = 1 };
	int err = target_rows_read(fuzz_file(data, size), &rows);

	FUZZ_CHECK(!err || err == -ENOEXEC || err == -EFBIG);
	FUZZ_CHECK(!err || (!rows.row && !rows.n));
	for (size_t i = 0; i < rows.n; i++) {
		FUZZ_CHECK(!i || rows.row[i].vaddr > rows.row[i - 1].vaddr);
		check_rule(rows.row[i].rule);
	}
	if (rows.n)
		FUZZ_CHECK(SWT_RULE_KIND(rows.row[rows.n - 1].rule) == SWT_ROW_NONE);
	target_rows_free(&rows);
	FUZZ_CHECK(!rows.row && !rows.n);
	return 0;
}
