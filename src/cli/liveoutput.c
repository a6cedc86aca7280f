// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/liveoutput.c - the terminal that a started command writes on: a pseudo-terminal, so that it writes as it would on ours. Should
 * swtrace be killed, its writes fail, and it is not: a pipe would kill it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/live.h"
#include "cli/liveoutput.h"

#define READ_BYTES 65536

int liveoutput_open(struct run *r, int *fd)
{
	struct winsize size;
	int err = 0;

	*fd = -1;
	if (!r->s->is_live)
		return 0;
	r->fd_output = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (r->fd_output < 0 || grantpt(r->fd_output) || unlockpt(r->fd_output))
		err = -errno;
	if (!err) {
		*fd = ioctl(r->fd_output, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
		err = *fd < 0 ? -errno : 0;
	}
	if (err) {
		close(r->fd_output);
		r->fd_output = -1;
		return err;
	}
	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size))
		ioctl(*fd, TIOCSWINSZ, &size);
	fcntl(r->fd_output, F_SETFL, O_NONBLOCK);
	return 0;
}

static int write_all(const char *bytes, size_t n)
{
	while (n) {
		ssize_t done = write(STDOUT_FILENO, bytes, n);

		if (done < 0 && errno != EINTR)
			return -errno;
		bytes += done > 0 ? done : 0;
		n -= done > 0 ? (size_t)done : 0;
	}
	return 0;
}

/* without_returns - the terminal has put a carriage return before each end of a line; ours does so again. */
static size_t without_returns(char *s, size_t n)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++)
		if (s[i] != '\r' || i + 1 == n || s[i + 1] != '\n')
			s[k++] = s[i];
	return k;
}

/* take - once.  Return: more than 0: there may be more; 0: not now; below 0: never again. */
static int take(struct run *r)
{
	char buf[READ_BYTES];
	ssize_t n = read(r->fd_output, buf, sizeof(buf));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) /* EIO: nobody has the other side any more */
		return -1;
	n = (ssize_t)without_returns(buf, (size_t)n);
	if (r->reporter.live)
		live_output(r->reporter.live, buf, (size_t)n);
	else
		write_all(buf, (size_t)n);
	return 1;
}

static void end_output(struct run *r)
{
	close(r->fd_output);
	r->fd_output = -1;
}

void liveoutput_read(struct run *r)
{
	if (take(r) < 0)
		end_output(r);
}

/* forget_tables - the kernel keeps them for as long as they are mapped anywhere. */
static void forget_tables(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	unsigned long begin, end;
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, "bpf-map") && sscanf(line, "%lx-%lx", &begin, &end) == 2)
			munmap((void *)begin, end - begin);
	if (f)
		fclose(f);
}

/* pass_on - in a process of its own, until the command has closed its side. What swtrace has open, such as probes, is not its own. */
static void __attribute__((noreturn)) pass_on(int fd)
{
	int has_screen = 1;
	char buf[4096];
	ssize_t n;

	signal(SIGINT, SIG_IGN);
	fcntl(fd, F_SETFL, 0);
	dup2(fd, STDIN_FILENO);
	forget_tables();
	close_range(STDERR_FILENO + 1, ~0U, 0);
	for (;;) {
		n = read(STDIN_FILENO, buf, sizeof(buf));
		if (n > 0 && has_screen)
			has_screen = !write_all(buf, without_returns(buf, (size_t)n));
		else if (!n || (n < 0 && errno != EINTR))
			_exit(0);
	}
}

void liveoutput_leave(struct run *r)
{
	int more = 1;

	if (r->fd_output < 0)
		return;
	fflush(stdout);
	while (more > 0)
		more = take(r);
	if (!more && r->launch.pid && run_any_alive(r) && !fork())
		pass_on(r->fd_output);
	end_output(r);
}
