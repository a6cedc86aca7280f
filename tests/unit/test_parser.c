// SPDX-License-Identifier: GPL-2.0-or-later
/* test_parser.c - the child without rights that reads the files of traced processes: it says what the files say; a file that kills it,
 * makes it hang, or makes it lie costs itself and no other; and it has no rights. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dice.h"
#include "target/parser.h"
#include "util/caps.h"

#define MARK_BYTES 8
#define CHILD	   3 /* the child's socket */

static struct parser *p;
static uint32_t n_files;

/* say - what a child says that a file has taken over. */
static void say(const void *data, size_t n)
{
	send(CHILD, data, n, MSG_NOSIGNAL);
}

static void must_fail(long result)
{
	if (result >= 0)
		__builtin_trap();
}

/* meet - in the child: what stands at the end of a file of these tests is done. */
static void meet(int fd)
{
	struct parse_answer a = { .status = 0, .n_bytes = 1 << 10 };
	char mark[MARK_BYTES + 1] = "", lie[1 << 10];
	struct stat st;

	fstat(fd, &st);
	if (pread(fd, mark, MARK_BYTES, st.st_size - MARK_BYTES) != MARK_BYTES)
		return;
	memset(lie, 0xff, sizeof(lie));
	if (!strcmp(mark, "!crashes"))
		__builtin_trap();
	while (!strcmp(mark, "!hangs.."))
		;
	if (!strcmp(mark, "!mutters"))
		say("what?", 5);
	if (!strcmp(mark, "!boasts.")) {
		a.n_bytes = 1ULL << 40;
		say(&a, sizeof(a));
	}
	if (!strcmp(mark, "!lies...")) {
		say(&a, sizeof(a));
		say(lie, sizeof(lie));
	}
	if (!strcmp(mark, "!breaks.")) {
		say(&a, sizeof(a));
		_exit(0);
	}
	if (!strcmp(mark, "!tries..")) {
		must_fail(open("/etc/passwd", O_RDONLY));
		must_fail(open("/proc/self/status", O_RDONLY));
		must_fail(socket(AF_INET, SOCK_STREAM, 0));
		must_fail(fork());
		must_fail(kill(getppid(), 0));
		must_fail(setuid(0));
		must_fail((long)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == -1 ? -1
														  : 0);
	}
}

static int begin(void **state)
{
	(void)state;
	parse_meet = meet;
	return parser_open(&p);
}

static int finish(void **state)
{
	(void)state;
	parser_close(p);
	return 0;
}

/* marked - a copy of this very program, with a mark at its end. */
static int marked(const char *mark)
{
	int fd = memfd_create("marked", MFD_CLOEXEC), from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	static char piece[1 << 16];
	ssize_t n;

	while ((n = read(from, piece, sizeof(piece))) > 0)
		assert_int_equal(write(fd, piece, n), n);
	assert_int_equal(write(fd, mark, MARK_BYTES), MARK_BYTES);
	close(from);
	return fd;
}

static int read_file(int fd, uint32_t number)
{
	struct elffile *elf = NULL;
	int err = parser_elf(p, number, fd, "a file", &elf);

	assert_int_equal(!err, !!elf);
	elffile_close(elf);
	return err;
}

/* n_lost - children, by files of all owners. */
static unsigned n_lost(void)
{
	unsigned n = 0;

	for (size_t i = 0; i < p->n_owners; i++)
		n += p->owner[i].n_lost;
	return n;
}

static int open_libc(void)
{
	int fd = open("/lib/x86_64-linux-gnu/libc.so.6", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void assert_same(const struct elffile *a, const struct elffile *b)
{
	struct elffile_code x, y;
	struct elffile_symbol s, t;
	size_t n = 0, m = 0, i = 0;
	int err;

	assert_string_equal(elffile_build_id(a), elffile_build_id(b));
	assert_int_equal(!elffile_interp(a), !elffile_interp(b));
	if (elffile_interp(a))
		assert_string_equal(elffile_interp(a), elffile_interp(b));
	do {
		err = elffile_code(a, i, &x);
		assert_int_equal(err, elffile_code(b, i++, &y));
		if (!err)
			assert_memory_equal(&x, &y, sizeof(x));
	} while (!err);
	while (!elffile_next(a, &n, &s)) {
		assert_int_equal(elffile_next(b, &m, &t), 0);
		assert_string_equal(s.name, t.name);
		assert_true(s.vaddr == t.vaddr && s.size_bytes == t.size_bytes && s.is_exported == t.is_exported);
		assert_int_equal(elffile_covering(a, s.vaddr, &s), elffile_covering(b, t.vaddr, &t));
		assert_string_equal(s.name, t.name);
		assert_int_equal(elffile_find(b, s.name, &t), 0);
	}
	assert_int_equal(elffile_next(b, &m, &t), -ENOENT);
	assert_true(n > 100);
}

static void what_the_child_says_is_what_the_file_says(void **state)
{
	int fd[2] = { open("/proc/self/exe", O_RDONLY | O_CLOEXEC), open_libc() };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct elffile *here, *there;

		assert_int_equal(elffile_open(&here, fd[i]), 0);
		assert_int_equal(parser_elf(p, ++n_files, fd[i], "x", &there), 0);
		assert_same(here, there);
		elffile_close(here);
		elffile_close(there);
		close(fd[i]);
	}
}

static void the_child_says_of_code_what_we_would(void **state)
{
	struct target_module m = { .number = ++n_files, .fd = open_libc(), .path = "libc" };
	static const char *const names[] = { "malloc", "free", "calloc", "realloc", "posix_memalign" };
	struct entry_place here[5] = { 0 }, there[5];
	struct identity_file id_here, id_there;
	struct elfimport *imports[2];
	struct elffile_symbol sym;
	uint64_t leaf[2][LEAVES_MAX];
	int n;

	(void)state;
	assert_int_equal(elffile_open(&m.elf, m.fd), 0);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(elffile_find(m.elf, names[i], &sym), 0);
		assert_int_equal(elffile_vaddr_to_offset(m.elf, sym.vaddr, &here[i].offset), 0);
		here[i].vaddr = sym.vaddr;
		here[i].size_bytes = sym.size_bytes;
		here[i].kept = 1;
	}
	memcpy(there, here, sizeof(here));
	n = leaves_find(&m, here[2].vaddr, leaf[0], LEAVES_MAX);
	assert_true(n > 0);
	parser_entries(&m, here, 5);
	m.parser = p;
	parser_entries(&m, there, 5);
	assert_memory_equal(here, there, sizeof(here));
	assert_true(here[0].is_cheap || here[1].is_cheap || here[2].is_cheap || here[3].is_cheap);
	assert_int_equal(parser_leaves(&m, here[2].vaddr, leaf[1], LEAVES_MAX), n);
	assert_memory_equal(leaf[0], leaf[1], n * sizeof(leaf[0][0]));
	n = bindings_imports(m.fd, &imports[0]);
	assert_true(n > 0);
	assert_int_equal(parser_imports(&m, &imports[1]), n);
	assert_memory_equal(imports[0], imports[1], n * sizeof(*imports[0]));
	free(imports[0]);
	free(imports[1]);
	identity_read_file(m.fd, IDENTITY_LIBC, &id_here);
	assert_int_equal(parser_identity(&m, IDENTITY_LIBC, &id_there), 0);
	assert_int_equal(id_there.libc, MODEL_LIBC_GLIBC);
	assert_string_equal(id_here.libc_version, id_there.libc_version);
	elffile_close(m.elf);
	close(m.fd);
}

static void a_php_engine_is_read_there_as_here(void **state)
{
	struct target_module m = {
		.number = ++n_files, .fd = open("/usr/bin/php8.2", O_RDONLY | O_CLOEXEC), .path = "php"
	};
	struct end_place here[ENDS_MAX], there[ENDS_MAX];
	char version[2][16];
	int n;

	(void)state;
	if (m.fd < 0)
		skip();
	assert_int_equal(parser_elf(p, m.number, m.fd, "php", &m.elf), 0);
	n = ends_find(&m, here);
	assert_true(n > 0);
	assert_int_equal(php_read_version(m.fd, version[0], 16), 0);
	m.parser = p;
	assert_int_equal(parser_ends(&m, there), n);
	assert_memory_equal(here, there, n * sizeof(*here));
	assert_int_equal(parser_version(&m, version[1], 16), 0);
	assert_string_equal(version[0], version[1]);
	elffile_close(m.elf);
	close(m.fd);
}

static void what_is_no_elf_file_is_said_to_be_none(void **state)
{
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(read_file(fd, ++n_files), -ENOEXEC);
	assert_int_equal(read_file(-1, ++n_files), -EBADF);
	assert_int_equal(n_lost(), 0);
	close(fd);
}

static void a_file_that_kills_or_fools_the_child_costs_itself_and_no_other(void **state)
{
	static const char *const marks[] = { "!crashes", "!mutters", "!boasts.", "!lies...", "!breaks.", "!hangs.." };
	int good = marked("........"), n = sizeof(marks) / sizeof(marks[0]);

	(void)state;
	for (int i = 0; i < n; i++) {
		int bad = marked(marks[i]), pid;
		uint32_t number = ++n_files;
		unsigned n_starts;

		assert_int_equal(read_file(good, ++n_files), 0);
		pid = p->pid;
		p->wait_ns = i + 1 == n ? 300000000 : 10000000000;
		assert_int_equal(read_file(bad, number), -EBADMSG);
		p->wait_ns = 10000000000;
		assert_int_equal(n_lost(), i + 1 + (i + 1 == n ? 7 : 0)); /* a hang is worse */
		assert_true(kill(pid, 0) && errno == ESRCH);
		n_starts = p->n_starts;
		assert_int_equal(read_file(bad, number), -EBADMSG); /* it is not even asked for */
		assert_int_equal(p->n_starts, n_starts);
		close(bad);
	}
	assert_int_equal(read_file(good, ++n_files), 0);
	close(good);
}

/* What is asked for ahead when the child is lost is asked for again. */
static void of_many_files_at_once_only_those_that_kill_are_not_read(void **state)
{
	static const char *const marks[] = { "........", "!crashes", "........", "........", "!lies...", "!mutters",
		"........" };
	struct target_module file[32], *module[32];

	(void)state;
	for (int i = 0; i < 32; i++) {
		module[i] = &file[i];
		file[i] = (struct target_module){ .number = ++n_files, .path = "x", .name = "x" };
		/* Every eighth is another owner's, and one is no file. */
		file[i].fd = i == 20 ? -1 : i % 8 == 7 ? open_libc() : marked(marks[i % 7]);
	}
	assert_int_equal(parser_elves(p, module, 32, UINT64_MAX), 0);
	for (int i = 0; i < 32; i++) {
		int is_good = i != 20 && (i % 8 == 7 || marks[i % 7][0] == '.');

		assert_true(file[i].is_read);
		assert_int_equal(!!file[i].elf, is_good);
		elffile_close(file[i].elf);
		close(file[i].fd);
	}
}

/* Nobody waits for a child that takes its time: neither for its answer to begin, nor, of a large one, for all of it. */
static void files_are_read_while_nobody_waits(void **state)
{
	struct target_module file[3], *module[3];
	int n_looks = 0;

	(void)state;
	for (int i = 0; i < 3; i++) {
		module[i] = &file[i];
		file[i] = (struct target_module){ .number = ++n_files, .path = "x", .name = "x" };
		file[i].fd = marked("........");
	}
	assert_int_equal(parser_elves(p, module, 1, UINT64_MAX), 0); /* there is a child */
	assert_int_equal(kill(p->pid, SIGSTOP), 0);
	assert_int_equal(parser_elves(p, module, 2, 0), -EINPROGRESS);
	assert_int_equal(parser_elves(p, module, 3, 0), -EINPROGRESS);
	assert_false(parser_is_idle(p, 0));
	assert_int_equal(p->n_asked, 2); /* once each */
	assert_int_equal(kill(p->pid, SIGCONT), 0);
	while (parser_elves(p, module, 3, 0) == -EINPROGRESS)
		n_looks++;
	assert_true(n_looks > 0 && parser_is_idle(p, 0));
	assert_int_equal(p->n_starts, 1);
	for (int i = 0; i < 3; i++) {
		assert_same(file[0].elf, file[i].elf);
		close(file[i].fd);
	}
	for (int i = 0; i < 3; i++)
		elffile_close(file[i].elf);
}

/* A question about one file comes while others are being read: nobody waits for them, and it is asked again later. */
static void what_is_asked_while_files_are_being_read_is_not_answered_yet(void **state)
{
	struct target_module file = { .number = ++n_files, .path = "x", .name = "x" }, *module = &file;
	struct target_module libc = { .number = ++n_files, .path = "libc", .name = "libc", .parser = p };
	struct elfimport *imports;

	(void)state;
	file.fd = marked("........");
	libc.fd = open_libc();
	kill(p->pid, SIGSTOP);
	assert_int_equal(parser_elves(p, &module, 1, 0), -EINPROGRESS);
	assert_int_equal(parser_imports(&libc, &imports), -EAGAIN);
	assert_int_equal(read_file(libc.fd, ++n_files), -EAGAIN);
	kill(p->pid, SIGCONT);
	assert_true(parser_is_idle(p, UINT64_MAX));
	assert_true(file.is_read && file.elf);
	assert_true(parser_imports(&libc, &imports) > 0);
	assert_int_equal(read_file(libc.fd, ++n_files), 0);
	free(imports);
	elffile_close(file.elf);
	close(file.fd);
	close(libc.fd);
}

/* One that hangs is given up by whoever looks after that time, and those behind it are read. */
static void a_hang_that_nobody_waits_for_ends_as_well(void **state)
{
	static const char *const marks[] = { "!hangs..", "........" };
	struct target_module file[2], *module[2];
	int n_looks = 0;

	(void)state;
	for (int i = 0; i < 2; i++) {
		module[i] = &file[i];
		file[i] = (struct target_module){ .number = ++n_files, .path = "x", .name = "x" };
		file[i].fd = marked(marks[i]);
	}
	p->wait_ns = 300000000;
	for (; parser_elves(p, module, 2, 0) == -EINPROGRESS; n_looks++)
		usleep(1000);
	assert_in_range(n_looks, 10, 1000);
	assert_true(file[0].is_read && !file[0].elf && file[1].is_read && file[1].elf);
	assert_int_equal(n_lost(), 8);
	elffile_close(file[1].elf);
	close(file[0].fd);
	close(file[1].fd);
}

static void what_a_file_makes_the_child_say_of_code_is_not_believed(void **state)
{
	struct target_module m = { .number = ++n_files, .fd = marked("!lies..."), .path = "liar" };
	uint64_t leaf[LEAVES_MAX];
	struct end_place end[ENDS_MAX];
	struct elfimport *imports;
	char version[16];
	struct identity_file id = { .n_bare = 7 };
	struct entry_place place = { .move = 1, .is_cheap = 1, .size_bytes = 100 };

	(void)state;
	assert_int_equal(elffile_open(&m.elf, m.fd), 0);
	m.parser = p;
	assert_int_equal(parser_leaves(&m, 4096, leaf, LEAVES_MAX), -EBADMSG);
	m.number = ++n_files;
	assert_int_equal(parser_ends(&m, end), -EBADMSG);
	m.number = ++n_files;
	assert_int_equal(parser_imports(&m, &imports), -EBADMSG);
	m.number = ++n_files;
	assert_int_equal(parser_version(&m, version, sizeof(version)), -EBADMSG);
	m.number = ++n_files;
	assert_int_equal(parser_identity(&m, IDENTITY_LIBC, &id), -EBADMSG);
	assert_int_equal(id.n_bare, 7);
	m.number = ++n_files;
	parser_entries(&m, &place, 1);
	assert_true(!place.move && !place.is_cheap);
	elffile_close(m.elf);
	close(m.fd);
}

static void a_child_that_died_between_two_questions_is_replaced(void **state)
{
	int fd = marked("........"), pid;
	siginfo_t info;

	(void)state;
	assert_int_equal(read_file(fd, ++n_files), 0);
	pid = p->pid;
	kill(pid, SIGKILL);
	assert_int_equal(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(read_file(fd, ++n_files), 0);
	assert_int_not_equal(p->pid, pid);
	close(fd);
}

static void of_an_owner_of_many_files_that_kill_none_is_read_any_more_and_of_others_they_are(void **state)
{
	int bad = marked("!crashes"), good = marked("........"), other = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	unsigned n = 0;

	(void)state;
	while (read_file(bad, ++n_files) == -EBADMSG && n < 1000)
		n++;
	assert_int_equal(n, 32);
	assert_int_equal(read_file(good, ++n_files), -EAGAIN);
	assert_int_equal(read_file(other, ++n_files), 0);
	assert_int_equal(read_file(good, ++n_files), -EAGAIN);
	close(bad);
	close(good);
	close(other);
}

static void a_child_reads_the_files_of_one_owner_on_one_file_system(void **state)
{
	int here = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), there = marked("........"),
	    another = marked("........"), pid;

	(void)state;
	assert_int_equal(read_file(here, ++n_files), 0);
	pid = p->pid;
	assert_int_equal(read_file(here, ++n_files), 0);
	assert_int_equal(p->pid, pid);
	assert_int_equal(read_file(there, ++n_files), 0);
	assert_int_not_equal(p->pid, pid);
	pid = p->pid;
	if (!geteuid()) {
		assert_int_equal(fchown(another, 12345, 0), 0);
		assert_int_equal(read_file(another, ++n_files), 0);
		assert_int_not_equal(p->pid, pid);
	}
	assert_int_equal(n_lost(), 0);
	close(here);
	close(there);
	close(another);
}

static void all_files_of_a_process_are_read_once(void **state)
{
	struct target_process *self;
	struct target *t;
	unsigned n_starts;

	(void)state;
	assert_int_equal(target_open(&t), 0);
	assert_int_equal(target_add(t, getpid(), &self), 0);
	assert_true(t->n_modules > 3);
	n_starts = t->parser->n_starts;
	/* One for each owner; one more where the calls of the first one's files are asked for, and again of the next: once each. */
	assert_in_range(n_starts, t->parser->n_owners, 2 * t->parser->n_owners);
	assert_int_equal(target_refresh(t, self), 0);
	assert_int_equal(t->parser->n_starts, n_starts);
	for (size_t i = 0; i < t->n_modules; i++)
		assert_non_null(t->module[i]->elf);
	target_close(t);
}

static void status_is(const char *field, const char *expected)
{
	char path[64], line[256];
	int n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", p->pid);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, field, strlen(field)) != 0)
			continue;
		line[strcspn(line, "\n")] = 0;
		assert_string_equal(line + strlen(field), expected);
		n++;
	}
	fclose(f);
	assert_int_equal(n, 1);
}

static void the_child_has_no_rights(void **state)
{
	int fd = marked("!tries.."), n_fds = 0;
	char user[64], path[64];
	struct dirent *d;
	DIR *fds;

	(void)state;
	assert_int_equal(read_file(fd, ++n_files), 0); /* nothing of what was tried went well */
	status_is("NoNewPrivs:\t", "1");
	status_is("Seccomp:\t", "2");
	if (!geteuid()) {
		snprintf(user, sizeof(user), "%u\t%u\t%u\t%u", CAPS_NO_USER, CAPS_NO_USER, CAPS_NO_USER, CAPS_NO_USER);
		status_is("Uid:\t", user);
		status_is("CapEff:\t", "0000000000000000");
		status_is("CapPrm:\t", "0000000000000000");
		snprintf(path, sizeof(path), "/proc/%d/fd", p->pid);
		fds = opendir(path);
		while ((d = readdir(fds)))
			n_fds += *d->d_name != '.';
		closedir(fds);
		assert_in_range(
			n_fds, 4, 5); /* nowhere three times, the socket, and the file, if it has not closed that yet */
	}
	close(fd);
}

/* bytes_of - an elffile as bytes. */
static unsigned char *bytes_of(const struct elffile *f, size_t *n)
{
	struct elffile_piece piece[ELFFILE_PIECES];
	unsigned char *all;

	elffile_pieces(f, piece);
	*n = 0;
	for (size_t i = 0; i < ELFFILE_PIECES; i++)
		*n += piece[i].n_bytes;
	all = malloc(*n);
	assert_non_null(all);
	*n = 0;
	for (size_t i = 0; i < ELFFILE_PIECES; i++) {
		if (piece[i].n_bytes)
			memcpy(all + *n, piece[i].data, piece[i].n_bytes);
		*n += piece[i].n_bytes;
	}
	return all;
}

/* question - all that can be asked of one that was made of damaged bytes: the promises of elffile.h hold. */
static void question(const struct elffile *f)
{
	struct elffile_symbol sym, found;
	struct elffile_code code;
	size_t at = 0, n_interp = elffile_interp(f) ? strlen(elffile_interp(f)) : 0;
	const char *id = elffile_build_id(f);
	uint64_t to;

	assert_true(n_interp < 4096 && strspn(id, "0123456789abcdef") == strlen(id) && strlen(id) <= 128);
	while (!elffile_next(f, &at, &sym)) {
		assert_true(*sym.name && sym.vaddr && sym.vaddr + sym.size_bytes >= sym.vaddr);
		if (at % 16)
			continue;
		assert_int_equal(elffile_find(f, sym.name, &found), 0);
		if (!elffile_covering(f, sym.vaddr, &found))
			assert_true(found.vaddr <= sym.vaddr && *found.name);
		elffile_vaddr_to_offset(f, sym.vaddr, &to);
	}
	for (size_t i = 0; !elffile_code(f, i, &code); i++)
		assert_true(code.vaddr + code.n_bytes >= code.vaddr && code.offset + code.n_bytes >= code.offset);
}

static void damaged_bytes_are_refused_or_do_no_harm(void **state)
{
	unsigned char *bytes, *copy;
	struct elffile *elf, *again;
	int fd = open_libc(), n_refused = 0;
	size_t n;

	(void)state;
	assert_int_equal(elffile_open(&elf, fd), 0);
	bytes = bytes_of(elf, &n);
	assert_int_equal(elffile_from(&again, bytes_of(elf, &n), n), 0);
	assert_same(elf, again);
	elffile_close(again);
	for (int i = 0; i < 300; i++) {
		/* Among them the counts at the beginning, and one that is cut off. */
		size_t cap = i % 3 ? n : 256, cut = i % 7 ? n : (size_t)(dice() * (double)n);

		copy = malloc(n);
		assert_non_null(copy);
		memcpy(copy, bytes, n);
		for (int k = 0; k < 1 + i % 4; k++)
			copy[(size_t)(dice() * (double)cap)] = (unsigned char)(dice() * 256);
		if (elffile_from(&again, copy, cut)) {
			n_refused++;
			continue;
		}
		question(again);
		elffile_close(again);
	}
	assert_in_range(n_refused, 50, 299);
	assert_int_equal(elffile_from(&again, NULL, 0), -EBADMSG);
	assert_int_equal(elffile_from(&again, bytes, n - 1), -EBADMSG);
	elffile_close(elf);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_the_child_says_is_what_the_file_says),
		TEST(the_child_says_of_code_what_we_would),
		TEST(a_php_engine_is_read_there_as_here),
		TEST(what_is_no_elf_file_is_said_to_be_none),
		TEST(a_file_that_kills_or_fools_the_child_costs_itself_and_no_other),
		TEST(of_many_files_at_once_only_those_that_kill_are_not_read),
		TEST(files_are_read_while_nobody_waits),
		TEST(what_is_asked_while_files_are_being_read_is_not_answered_yet),
		TEST(a_hang_that_nobody_waits_for_ends_as_well),
		TEST(what_a_file_makes_the_child_say_of_code_is_not_believed),
		TEST(a_child_that_died_between_two_questions_is_replaced),
		TEST(of_an_owner_of_many_files_that_kill_none_is_read_any_more_and_of_others_they_are),
		TEST(a_child_reads_the_files_of_one_owner_on_one_file_system),
		cmocka_unit_test(all_files_of_a_process_are_read_once),
		TEST(the_child_has_no_rights),
		cmocka_unit_test(damaged_bytes_are_refused_or_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
