// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/main.c - where swtrace begins. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "cli/live.h"
#include "util/msg.h"

/* With -a the malloc of every file that a process has mapped is probed, for all processes: libc's would be swtrace's own, too, and its
 * readers', which take a thousand times as many blocks as others do in that time. So there is one inside of swtrace (jemalloc), which
 * nobody else has mapped. This is how it is set: one thread does nearly all, and what it has done with is given back. */
extern const char *malloc_conf;
const char *malloc_conf = "narenas:1,tcache:false,dirty_decay_ms:1000,muzzy_decay_ms:0";

/* keep_standard_streams - one that is closed must not become a file that is opened later. It cannot be written to, which is told. */
static void keep_standard_streams(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	struct cli_settings settings;
	struct containers containers = { 0 };
	int code;

	keep_standard_streams();
	signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of write, and is told as one */
	code = args_parse(&settings, argc, argv);
	if (code)
		return code;
	msg_set_verbose(settings.verbose);
	if (settings.n_containers && !settings.help && !settings.version)
		code = containers_find(&settings, &containers);
	if (code)
		goto out;
	settings.is_live = live_is_wanted(&settings);
	if (settings.is_live && !settings.has_interval)
		settings.interval_ns = LIVE_INTERVAL_NS;
	if (settings.help)
		help_print(settings.task);
	else if (settings.version)
		puts("swtrace " SWTRACE_VERSION);
	else if (settings.task == CLI_REPORT && settings.input)
		code = convert_report(&settings);
	else if (settings.task == CLI_REPORT)
		code = crashfile_report(&settings, SWTRACE_VERSION);
	else if (settings.task == CLI_DOCTOR)
		code = doctor_run(&settings);
	else if (settings.task == CLI_WATCH)
		code = watch_run(&settings);
	else
		code = run_trace(&settings); /* looks after its output itself */
	if (fflush(stdout) && !code)
		code = EXIT_USAGE;
out:
	containers_clear(&containers);
	return code;
}
