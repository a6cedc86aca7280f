// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/launch.c - start the program to be traced.
 * The child waits on a pipe until the kernel side knows it, then executes the program. The kernel side stops it (SIGSTOP)
 * before the program's first instruction, and again when its libraries are mapped but none of their code has run; each
 * time probes are placed and the child is continued. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"

/* take_output - write there instead of on our terminal, and leave its keys alone. */
static void take_output(int fd_output)
{
	int null = isatty(STDIN_FILENO) ? open("/dev/null", O_RDONLY) : -1;

	if (null >= 0)
		dup2(null, STDIN_FILENO);
	dup2(fd_output, STDOUT_FILENO);
	dup2(fd_output, STDERR_FILENO);
	if (null > STDERR_FILENO)
		close(null);
}

static void __attribute__((noreturn)) child(int fd_go, int fd_error, int fd_output, char *const *command)
{
	sigset_t none;
	ssize_t n;
	char byte;
	int err;

	/* If swtrace is killed while the child is stopped, the kernel itself continues it. */
	prctl(PR_SET_PDEATHSIG, SIGCONT);
	do
		n = read(fd_go, &byte, 1);
	while (n < 0 && errno == EINTR);
	if (n != 1) /* swtrace gave up before the start */
		_exit(0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (fd_output >= 0)
		take_output(fd_output);
	execvp(command[0], command);
	err = errno;
	if (write(fd_error, &err, sizeof(err)) != sizeof(err))
		_exit(126);
	_exit(err == ENOENT ? 127 : 126);
}

int launch_fork(struct launch *l, char *const *command, int fd_output)
{
	int go[2] = { -1, -1 }, error[2] = { -1, -1 }, err = 0;

	if (pipe2(go, O_CLOEXEC) || pipe2(error, O_CLOEXEC)) {
		err = -errno;
		goto out;
	}
	l->pid = fork();
	if (l->pid < 0) {
		err = -errno;
		goto out;
	}
	if (!l->pid) {
		close(go[1]);
		close(error[0]);
		child(go[0], error[1], fd_output, command);
	}
	l->fd_go = go[1];
	l->fd_error = error[0];
	go[1] = -1;
	error[0] = -1;
out:
	for (int i = 0; i < 2; i++) {
		if (go[i] >= 0)
			close(go[i]);
		if (error[i] >= 0)
			close(error[i]);
	}
	return err;
}

int launch_exec(struct launch *l)
{
	int err = 0;
	ssize_t n;

	if (write(l->fd_go, "g", 1) != 1)
		return -errno;
	close(l->fd_go);
	l->fd_go = -1;
	/* The other end closes at a successful exec, which comes before the stop. */
	do
		n = read(l->fd_error, &err, sizeof(err));
	while (n < 0 && errno == EINTR);
	close(l->fd_error);
	l->fd_error = -1;
	return n == sizeof(err) ? -err : 0;
}

int launch_await_stop(struct launch *l)
{
	int status;

	while (waitpid(l->pid, &status, WUNTRACED) < 0)
		if (errno != EINTR)
			return -ESRCH;
	if (WIFSTOPPED(status))
		return 0;
	l->has_status = 1;
	l->status = status;
	return -ESRCH;
}

void launch_reap(struct launch *l, int wait)
{
	if (!l->has_status && waitpid(l->pid, &l->status, wait ? 0 : WNOHANG) == l->pid)
		l->has_status = 1;
}
