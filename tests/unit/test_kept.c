/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tests/unit/test_kept.c - what a recording keeps of events between two reports, of which the next may come in an hour, has bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/cli.h"

static void events_are_kept_until_there_is_no_more_room_for_them(void **state)
{
	struct cli_settings s = { .task = CLI_RECORD };
	struct reporter r = { .settings = &s };
	char line[64 << 10];
	int n = 0;

	(void)state;
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	assert_int_equal(report_export_open(&r), 0);
	while (r.save && n < 1000) {
		n++;
		report_saved(&r, fwrite(line, 1, sizeof(line), r.save) == sizeof(line) ? 0 : -1);
	}
	/* More than 8 MiB by one. What is there by then stays. */
	assert_int_equal(n, 129);
	assert_int_equal(r.events_bytes, 129 * sizeof(line));
	assert_int_equal(r.events[r.events_bytes - 1], '\n');
	free(r.events);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_are_kept_until_there_is_no_more_room_for_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
