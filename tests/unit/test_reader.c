// SPDX-License-Identifier: GPL-2.0-or-later
/* test_reader.c - what the unprivileged child tells of files that this test compiles: names, lines, inlined calls; and that
 * it has no rights, and that its death is survived. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "reader/reader.h"
#include "rights/rights.h"
#include "swtrace/abi.h"
#include "target/target.h"
#include "util/caps.h"
#include "util/clock.h"

static char dir[] = "/tmp/test-reader-XXXXXX";
static struct reader *r;
static uint32_t n_files;

static const char source[] = "static int counter;\n"
			     "static inline __attribute__((always_inline)) int inner(int x)\n"
			     "{\n"
			     "	return __atomic_add_fetch(&counter, x * 3, 5);\n" /* line 4 */
			     "}\n"
			     "static inline __attribute__((always_inline)) int middle(int x)\n"
			     "{\n"
			     "	return inner(x + 1) ^ 5;\n" /* line 8 */
			     "}\n"
			     "int outer(int x);\n"
			     "int outer(int x)\n"
			     "{\n"
			     "	return middle(x) + 7;\n" /* line 13 */
			     "}\n"
			     "int plain(int x) __asm__(\"_ZN3app5Cache5storeEiPKc\");\n"
			     "int plain(int x)\n"
			     "{\n"
			     "	return __atomic_add_fetch(&counter, x, 5) + 100;\n"
			     "}\n"
			     "int rust(int x) __asm__(\"_RNvCs1234_7mycrate3foo\");\n"
			     "int rust(int x)\n"
			     "{\n"
			     "	return x * 17;\n"
			     "}\n"
			     "static __attribute__((noinline, used)) int hidden(int x)\n"
			     "{\n"
			     "	return __atomic_sub_fetch(&counter, x, 5);\n"
			     "}\n";

static void shell(const char *fmt, ...)
{
	char command[2048];
	va_list args;
	int n = snprintf(command, sizeof(command), "cd %s && ", dir);

	va_start(args, fmt);
	vsnprintf(command + n, sizeof(command) - n, fmt, args);
	va_end(args);
	assert_int_equal(system(command), 0);
}

static int open_in_dir(const char *name)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static struct reader_file file(const char *name, const char *debug)
{
	return (struct reader_file){
		.number = ++n_files, .fd = open_in_dir(name), .fd_debug = debug ? open_in_dir(debug) : -1, .path = name
	};
}

static int set_up(void **state)
{
	char path[512];
	FILE *f;

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/lib.c", dir);
	f = fopen(path, "w");
	fputs(source, f);
	fclose(f);
	shell("cc -g -O2 -fPIC -shared -Wl,--build-id -o lib.so lib.c");
	return reader_open(&r);
}

static int tear_down(void **state)
{
	(void)state;
	reader_close(r);
	shell("rm -rf %s", dir);
	return 0;
}

static void wait_for(uint64_t ns)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	reader_set_deadline(r, t.tv_sec * 1000000000ULL + t.tv_nsec + ns, UINT64_MAX);
}

static void wait_long(void)
{
	wait_for(30000000000ULL);
}

/* address_of - link-time address of an instruction with a lock prefix in a function (or its first, with n < 0), and of the
 * function. */
static uint64_t address_of(const char *name, const char *function, const char *pattern)
{
	char command[1024], line[64];
	FILE *f;

	snprintf(command, sizeof(command),
		"cd %s && objdump -d --no-show-raw-insn %s | awk '/<%s>:/ { in_it = 1; next } /^$/ { in_it = 0 } "
		"in_it && /%s/ { sub(\":\", \"\", $1); print $1; exit }'",
		dir, name, function, pattern);
	f = popen(command, "r");
	assert_non_null(fgets(line, sizeof(line), f));
	pclose(f);
	return strtoull(line, NULL, 16);
}

static int names_of(const struct reader_file *f, uint64_t vaddr, struct reader_frame *out)
{
	wait_long();
	return reader_names(r, f, vaddr, out);
}

static void inlined_calls_are_frames_with_their_lines(void **state)
{
	struct reader_frame got[READER_MAX_FRAMES];
	struct reader_file f = file("lib.so", NULL);

	(void)state;
	assert_int_equal(names_of(&f, address_of("lib.so", "outer", "lock"), got), 3);
	assert_string_equal(got[0].function, "inner");
	assert_int_equal(got[0].line, 4);
	assert_true(got[0].is_inlined);
	assert_string_equal(got[1].function, "middle");
	assert_int_equal(got[1].line, 8);
	assert_true(got[1].is_inlined);
	assert_string_equal(got[2].function, "outer");
	assert_int_equal(got[2].line, 13);
	assert_false(got[2].is_inlined);
	assert_int_equal(got[2].vaddr, address_of("lib.so", "outer", "."));
	for (int i = 0; i < 3; i++)
		assert_non_null(strstr(got[i].file, "lib.c"));
}

static void members_of_phps_structs_are_found(void **state)
{
	uint32_t at[READER_PHP_OFFSETS];
	struct reader_file f;

	(void)state;
	/* a declaration, a struct of that name without the members, and at last the one */
	shell("cd %s && printf '%%s\n' 'struct _zend_op_array *p;' > first.c && printf '%%s\n' "
	      "'struct _zend_executor_globals { char a[512]; void *current_execute_data; } g;' "
	      "'struct _zend_op_array { char a[96]; unsigned last; void *opcodes; char b[56]; void *filename; unsigned line_start; } o;' "
	      "> second.c && gcc -g -shared -o php.so first.c second.c && gcc -g -shared -o half.so first.c && strip -o none.so php.so",
		dir);
	f = file("php.so", NULL);
	assert_int_equal(reader_php(r, f.fd, f.path, at), 0);
	assert_int_equal(at[READER_PHP_CURRENT], 512);
	assert_int_equal(at[READER_PHP_LAST], 96);
	assert_int_equal(at[READER_PHP_OPCODES], 104);
	assert_int_equal(at[READER_PHP_FILENAME], 168);
	assert_int_equal(at[READER_PHP_LINE_START], 176);
	f = file("half.so", NULL);
	assert_int_equal(reader_php(r, f.fd, f.path, at), -ENOENT);
	f = file("none.so", NULL);
	assert_int_equal(reader_php(r, f.fd, f.path, at), -ENOENT);
}

static void names_are_demangled(void **state)
{
	struct reader_frame got[READER_MAX_FRAMES];
	struct reader_file f = file("lib.so", NULL);

	(void)state;
	assert_int_equal(names_of(&f, address_of("lib.so", "_ZN3app5Cache5storeEiPKc", "lock"), got), 1);
	assert_string_equal(got[0].function, "app::Cache::store");
	assert_int_equal(names_of(&f, address_of("lib.so", "_RNvCs1234_7mycrate3foo", "."), got), 1);
	assert_string_equal(got[0].function, "mycrate::foo");
}

static void an_address_that_no_function_covers_has_no_name(void **state)
{
	struct reader_frame got[READER_MAX_FRAMES];
	struct reader_file f = file("lib.so", NULL);

	(void)state;
	assert_int_equal(names_of(&f, 8, got), 0);
	assert_int_equal(names_of(&f, 1ULL << 40, got), 0);
	shell("objcopy --strip-all lib.so bare.so");
	f = file("bare.so", NULL);
	/* "hidden" comes last, after functions that .dynsym still has: they must not lend it their names. */
	assert_int_equal(names_of(&f, address_of("lib.so", "hidden", "lock"), got), 0);
	assert_int_equal(names_of(&f, address_of("lib.so", "outer", "lock"), got), 1);
	assert_string_equal(got[0].function, "outer");
}

static void a_separate_debug_file_gives_back_what_was_stripped(void **state)
{
	struct reader_frame got[READER_MAX_FRAMES];
	struct reader_file f;

	(void)state;
	shell("objcopy --only-keep-debug lib.so lib.debug && objcopy --strip-all lib.so stripped.so");
	f = file("stripped.so", "lib.debug");
	assert_int_equal(names_of(&f, address_of("lib.so", "hidden", "lock"), got), 1);
	assert_string_equal(got[0].function, "hidden");
	assert_int_equal(got[0].line, 27);
	/* That of another build is not believed. */
	shell("cc -g -O1 -fPIC -shared -Wl,--build-id -o other.so lib.c && objcopy --only-keep-debug other.so other.debug");
	f = file("stripped.so", "other.debug");
	assert_int_equal(names_of(&f, address_of("lib.so", "hidden", "lock"), got), 0);
}

static void a_debug_link_leads_to_the_file_with_that_checksum(void **state)
{
	struct target_process self = { .pid = getpid() };
	struct target_module m = { 0 };
	char name[READER_NAME_BYTES], path[512];
	uint32_t crc;
	int fd;

	(void)state;
	wait_long();
	shell("objcopy --only-keep-debug lib.so link.debug && objcopy --strip-all --add-gnu-debuglink=link.debug lib.so linked.so");
	fd = open_in_dir("linked.so");
	assert_int_equal(reader_debuglink(r, fd, "linked.so", name, &crc), 0);
	assert_string_equal(name, "link.debug");
	snprintf(path, sizeof(path), "%s/linked.so", dir);
	m.path = path;
	m.name = strrchr(path, '/') + 1;
	close(target_debug_by_link(&m, &self, name, crc));
	assert_true(target_debug_by_link(&m, &self, name, crc) >= 0);
	assert_true(target_debug_by_link(&m, &self, name, crc + 1) < 0);
	shell("mkdir .debug && mv link.debug .debug/");
	assert_true(target_debug_by_link(&m, &self, name, crc) >= 0);
	close(fd);
	fd = open_in_dir("lib.so");
	assert_int_equal(reader_debuglink(r, fd, "lib.so", name, &crc), -ENOENT);
	close(fd);
}

static void minidebuginfo_names_local_functions(void **state)
{
	struct reader_frame got[READER_MAX_FRAMES];
	struct reader_file f;

	(void)state;
	shell("objcopy -S --remove-section .comment --keep-symbol=hidden lib.so mini && xz -f mini && "
	      "objcopy --strip-all --add-section .gnu_debugdata=mini.xz lib.so mini.so");
	f = file("mini.so", NULL);
	assert_int_equal(names_of(&f, address_of("lib.so", "hidden", "lock"), got), 1);
	assert_string_equal(got[0].function, "hidden");
}

static void any_load_bias_is_right(void **state)
{
	static const char *const flags[] = { "-fPIC -shared -Wl,-Ttext-segment=0x30000000",
		"-fPIC -shared -Wl,-z,noseparate-code",
		"-no-pie -nostartfiles -Wl,-e,outer -Wl,-Ttext-segment=0x7000000",
		"-fPIE -pie -nostartfiles -Wl,-e,outer" };
	struct reader_frame got[READER_MAX_FRAMES];
	struct reader_file f;

	(void)state;
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		shell("cc -g -O2 %s -o based lib.c", flags[i]);
		f = file("based", NULL);
		assert_int_equal(names_of(&f, address_of("based", "outer", "lock"), got), 3);
		assert_string_equal(got[0].function, "inner");
		assert_int_equal(got[0].line, 4);
		assert_string_equal(got[2].function, "outer");
		assert_int_equal(got[2].vaddr, address_of("based", "outer", "."));
	}
}

static void assert_same_rows(const struct target_rows *a, const struct target_rows *b)
{
	assert_int_equal(a->n, b->n);
	assert_int_equal(a->base, b->base);
	assert_memory_equal(a->row, b->row, a->n * sizeof(*a->row));
}

static void rows_are_the_same_as_read_here(void **state)
{
	struct target_rows here, there;
	int fd = open_in_dir("lib.so");

	(void)state;
	assert_int_equal(target_rows_read(fd, &here), 0);
	assert_int_equal(
		reader_rows(r, &(struct reader_file){ .number = 1000, .fd = fd, .path = "lib.so" }, &there), 0);
	assert_true(here.n > 5);
	assert_same_rows(&here, &there);
	target_rows_free(&here);
	target_rows_free(&there);
	close(fd);
}

#define N_AHEAD 300 /* more than the reader takes, and than fit into its socket */

static void rows_that_were_asked_for_ahead_are_the_same_in_any_order(void **state)
{
	struct reader_file f[N_AHEAD];
	struct target_rows here, there;
	char link[READER_NAME_BYTES];
	uint32_t crc;

	(void)state;
	shell("cc -g -O2 -fPIC -shared -Wl,-Ttext-segment=0x400000 -o other.so lib.c");
	for (int i = 0; i < N_AHEAD; i++)
		f[i] = file(i % 2 ? "lib.so" : "other.so", NULL);
	reader_start(r);
	kill(reader_pid(r), SIGSTOP);
	for (int i = 0; i < N_AHEAD; i++)
		reader_rows_ahead(r, &f[i]);
	kill(reader_pid(r), SIGCONT);
	for (int i = 0; i < N_AHEAD; i++) {
		int k = (i * 7 + 150) % N_AHEAD;

		if (i == 10) /* another question in between */
			assert_int_equal(reader_debuglink(r, f[0].fd, "other.so", link, &crc), -ENOENT);
		assert_int_equal(target_rows_read(f[k].fd, &here), 0);
		assert_int_equal(reader_rows(r, &f[k], &there), 0);
		assert_same_rows(&here, &there);
		target_rows_free(&here);
		target_rows_free(&there);
		/* Each answer serves once. */
		assert_int_equal(reader_rows(r, &f[k], &there), 0);
		target_rows_free(&there);
		close(f[k].fd);
	}
}

static void a_child_that_dies_takes_the_one_file_that_it_had_in_hand(void **state)
{
	struct reader_file f[4];
	struct target_rows here, there;
	int pid;

	(void)state;
	for (int i = 0; i < 4; i++)
		f[i] = file("lib.so", NULL);
	assert_int_equal(target_rows_read(f[0].fd, &here), 0);
	reader_start(r);
	pid = reader_pid(r);
	kill(pid, SIGSTOP);
	for (int i = 0; i < 3; i++)
		reader_rows_ahead(r, &f[i]);
	kill(pid, SIGKILL);
	for (int i = 3; i >= 0; i--) {
		assert_int_equal(reader_rows(r, &f[i], &there), i ? 0 : -EBADMSG);
		if (i)
			assert_same_rows(&here, &there);
		target_rows_free(&there);
		close(f[i].fd);
	}
	assert_true(reader_pid(r) != pid);
	target_rows_free(&here);
}

static void what_is_no_elf_file_is_said_to_be_none(void **state)
{
	struct reader_frame got[READER_MAX_FRAMES];
	struct target_rows rows;
	struct reader_file f;

	(void)state;
	shell("head -c 5000 /dev/urandom > noise; (head -c 3000 lib.so; head -c 9000 /dev/urandom) > torn.so");
	f = file("noise", NULL);
	assert_int_equal(names_of(&f, 4096, got), 0);
	assert_int_equal(reader_rows(r, &f, &rows), -ENOEXEC);
	f = file("torn.so", "noise");
	assert_true(names_of(&f, 4096, got) <= 0);
}

/* status_field - a line of /proc/PID/status. */
static void status_field(const char *field, char *value, size_t cap)
{
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", reader_pid(r));
	f = fopen(path, "r");
	assert_non_null(f);
	*value = 0;
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, field, strlen(field)))
			snprintf(value, cap, "%.*s", (int)strcspn(line + strlen(field), "\n"), line + strlen(field));
	fclose(f);
}

static void the_child_has_no_rights(void **state)
{
	struct reader_frame got[READER_MAX_FRAMES];
	struct reader_file f = file("lib.so", NULL);
	char value[256], user[64], path[64];
	struct dirent *d;
	int n_fds = 0;
	DIR *fds;

	(void)state;
	assert_int_equal(names_of(&f, address_of("lib.so", "outer", "lock"), got), 3);
	assert_true(reader_pid(r) > 0);
	status_field("NoNewPrivs:\t", value, sizeof(value));
	assert_string_equal(value, "1");
	status_field("Seccomp:\t", value, sizeof(value));
	assert_string_equal(value, "2");
	if (!geteuid()) {
		status_field("Uid:\t", value, sizeof(value));
		snprintf(user, sizeof(user), "%u\t%u\t%u\t%u", CAPS_NO_USER, CAPS_NO_USER, CAPS_NO_USER, CAPS_NO_USER);
		assert_string_equal(value, user);
		status_field("Groups:\t", value, sizeof(value));
		assert_true(strspn(value, " ") == strlen(value));
		status_field("CapEff:\t", value, sizeof(value));
		assert_string_equal(value, "0000000000000000");
		status_field("CapPrm:\t", value, sizeof(value));
		assert_string_equal(value, "0000000000000000");
		snprintf(path, sizeof(path), "/proc/%d/fd", reader_pid(r));
		fds = opendir(path);
		while ((d = readdir(fds)))
			n_fds += *d->d_name != '.';
		closedir(fds);
		/* Nowhere three times, the socket, and at most one or two a file of these tests. */
		assert_true(n_fds >= 4 && n_fds <= 4 + 2 * (int)n_files);
	}
}

static void a_name_alone_is_demangled_and_one_that_the_child_hangs_on_is_given_up(void **state)
{
	char long_name[2 * READER_NAME_BYTES], plain[READER_NAME_BYTES];
	int pid;

	(void)state;
	assert_int_equal(reader_plain(r, "_ZL8throw_itv", "x", plain), 0);
	assert_string_equal(plain, "throw_it");
	assert_int_equal(reader_plain(r, "memcpy@@GLIBC_2.14", "x", plain), 0);
	assert_string_equal(plain, "memcpy");
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = 0;
	assert_int_equal(reader_plain(r, long_name, "x", plain), 0);
	assert_int_equal(strlen(plain), READER_NAME_BYTES - 1);
	pid = reader_pid(r);
	kill(pid, SIGSTOP);
	assert_int_equal(reader_plain(r, "_Z3foov", "x", plain), -ENOENT);
	assert_int_equal(reader_plain(r, "_Z3foov", "x", plain), 0); /* by another child */
	assert_string_equal(plain, "foo");
	assert_int_not_equal(reader_pid(r), pid);
}

static void a_file_that_kills_the_child_is_not_read_again_and_others_are(void **state)
{
	struct reader_file bad = file("lib.so", NULL), good = file("lib.so", NULL);
	uint64_t vaddr = address_of("lib.so", "outer", "lock");
	struct reader_frame got[READER_MAX_FRAMES];
	int pid;

	(void)state;
	assert_int_equal(names_of(&bad, vaddr, got), 3);
	pid = reader_pid(r);
	kill(pid, SIGSTOP); /* as if this file had made it hang, then crash */
	wait_for(50000000);
	assert_int_equal(reader_names(r, &bad, vaddr, got), -EAGAIN);
	kill(pid, SIGKILL);
	wait_long();
	assert_int_equal(names_of(&good, vaddr, got), 3);
	assert_true(reader_pid(r) != pid);
	assert_int_equal(names_of(&bad, vaddr, got), -EBADMSG);
}

static void rows_are_read_where_names_have_come_too_late(void **state)
{
	struct reader_file f = file("lib.so", NULL), other = file("lib.so", NULL);
	uint64_t vaddr = address_of("lib.so", "outer", "lock");
	struct reader_frame got[READER_MAX_FRAMES];
	struct target_rows rows;
	int pid;

	(void)state;
	assert_int_equal(names_of(&f, vaddr, got), 3);
	pid = reader_pid(r);
	kill(pid, SIGSTOP);
	wait_for(50000000);
	assert_int_equal(reader_names(r, &f, vaddr, got), -EAGAIN);
	/* Nothing can be asked ahead while that answer is to come, and nothing waits. */
	reader_rows_ahead(r, &other);
	assert_false(reader_rows_are_there(r, other.number, 0));
	kill(pid, SIGCONT);
	assert_int_equal(reader_rows(r, &other, &rows), 0);
	assert_true(rows.n > 0);
	target_rows_free(&rows);
	assert_int_equal(reader_pid(r), pid);
	wait_long();
	assert_int_equal(names_of(&f, vaddr, got), 3);
}

static void rows_that_are_asked_ahead_are_there_when_they_are_answered(void **state)
{
	struct reader_file f = file("lib.so", NULL);
	struct target_rows rows;

	(void)state;
	reader_start(r);
	assert_false(reader_rows_are_there(r, f.number, 0));
	kill(reader_pid(r), SIGSTOP);
	reader_rows_ahead(r, &f);
	assert_false(reader_rows_are_there(r, f.number, clock_ns(CLOCK_MONOTONIC) + 20000000));
	kill(reader_pid(r), SIGCONT);
	assert_true(reader_rows_are_there(r, f.number, clock_ns(CLOCK_MONOTONIC) + 10000000000));
	kill(reader_pid(r), SIGKILL); /* what is there is not waited for */
	waitid(P_PID, (id_t)reader_pid(r), NULL, WEXITED | WNOWAIT);
	assert_int_equal(reader_rows(r, &f, &rows), 0);
	assert_true(rows.n > 0);
	target_rows_free(&rows);
	/* Another child begins with the next file. */
	f = file("lib.so", NULL);
	reader_rows_ahead(r, &f);
	assert_true(reader_rows_are_there(r, f.number, clock_ns(CLOCK_MONOTONIC) + 10000000000));
	assert_int_equal(reader_rows(r, &f, &rows), 0);
	assert_true(rows.n > 0);
	target_rows_free(&rows);
}

/* serve - a debuginfod with one file, on a port that the system chooses. */
static FILE *serve(int *port)
{
	char command[1024], line[64];
	FILE *f;

	snprintf(command, sizeof(command),
		"cd %s && exec python3 -u -c 'import http.server as h\n"
		"class H(h.SimpleHTTPRequestHandler):\n"
		" def do_GET(self):\n"
		"  open(\"asked\", \"a\").write(self.path)\n"
		"  super().do_GET()\n"
		"s = h.HTTPServer((\"127.0.0.1\", 0), H)\n"
		"print(s.server_port)\n"
		"s.timeout = 20\n"
		"for i in range(4): s.handle_request()' 2>/dev/null",
		dir);
	f = popen(command, "r");
	assert_non_null(fgets(line, sizeof(line), f));
	*port = atoi(line);
	return f;
}

static void debuginfod_is_asked_only_when_its_variable_is_set(void **state)
{
	struct reader_frame got[READER_MAX_FRAMES];
	struct reader_file f;
	char url[64], cache[256], path[512], value[256];
	FILE *server;
	int port;

	(void)state;
	shell("chmod 755 . && mkdir -p cache && chmod 777 cache && objcopy --strip-all lib.so fetched.so && "
	      "id=$(readelf -n lib.so | sed -n 's/.*Build ID: //p') && mkdir -p buildid/$id && "
	      "objcopy --only-keep-debug lib.so buildid/$id/debuginfo");
	snprintf(path, sizeof(path), "%s/asked", dir);
	snprintf(cache, sizeof(cache), "%s/cache", dir);
	server = serve(&port);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", port);
	f = file("fetched.so", NULL);
	assert_int_equal(names_of(&f, address_of("lib.so", "hidden", "lock"), got), 0);
	assert_int_not_equal(access(path, F_OK), 0);

	kill(reader_pid(r), SIGKILL); /* the next child has the variable */
	setenv("DEBUGINFOD_URLS", url, 1);
	setenv("DEBUGINFOD_CACHE_PATH", cache, 1);
	wait_for(50000000);
	reader_names(r, &f, 8, got);
	f = file("fetched.so", NULL);
	assert_int_equal(names_of(&f, address_of("lib.so", "hidden", "lock"), got), 1);
	assert_string_equal(got[0].function, "hidden");
	assert_int_equal(access(path, F_OK), 0);
	status_field("Seccomp:\t", value, sizeof(value)); /* it may do more, but not all */
	assert_string_equal(value, "2");
	unsetenv("DEBUGINFOD_URLS");
	unsetenv("DEBUGINFOD_CACHE_PATH");
	kill(reader_pid(r), SIGKILL);
	reader_names(r, &f, 8, got);
	/* Let the server see the requests that it still waits for. */
	for (int i = 0; i < 4; i++)
		shell("python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", %d)).close()' 2>/dev/null || true",
			port);
	pclose(server);
}

/* ask_with_few_rights - in a child: a reader that is started when its parent has given up its rights. */
static int ask_with_few_rights(uint64_t address)
{
	struct reader_frame got[READER_MAX_FRAMES];
	struct reader_file f = file("late.so", NULL);
	int n;

	if (rights_drop(RIGHTS_NETWORK) || reader_open(&r))
		return 10;
	do {
		wait_for(1000000000);
		n = reader_names(r, &f, address, got);
	} while (n == -EAGAIN);
	reader_close(r);
	return n == 1 && !strcmp(got[0].function, "hidden") ? 0 : 20 + n;
}

static void debuginfod_is_asked_when_rights_were_given_up_too(void **state)
{
	char url[64], cache[256];
	int port, status;
	FILE *server;
	pid_t pid;

	(void)state;
	shell("chmod 755 . && mkdir -p late && chmod 777 late && objcopy --strip-all lib.so late.so && "
	      "id=$(readelf -n lib.so | sed -n 's/.*Build ID: //p') && mkdir -p buildid/$id && "
	      "objcopy --only-keep-debug lib.so buildid/$id/debuginfo");
	server = serve(&port);
	snprintf(url, sizeof(url), "http://localhost:%d", port); /* a name, to be looked up */
	snprintf(cache, sizeof(cache), "%s/late", dir);
	setenv("DEBUGINFOD_URLS", url, 1);
	setenv("DEBUGINFOD_CACHE_PATH", cache, 1);
	pid = fork();
	if (!pid)
		_exit(ask_with_few_rights(address_of("lib.so", "hidden", "lock")));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	unsetenv("DEBUGINFOD_URLS");
	unsetenv("DEBUGINFOD_CACHE_PATH");
	for (int i = 0; i < 4; i++)
		shell("python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", %d)).close()' 2>/dev/null || true",
			port);
	pclose(server);
	assert_int_equal(status, 0);
}

static int n_drained;

/* drain - an exclamation mark hurries. */
static int drain(void *ctx)
{
	char c = 0;

	n_drained += read(*(int *)ctx, &c, 1) == 1;
	return c == '!';
}

static void what_becomes_readable_is_drained_while_names_are_waited_for(void **state)
{
	struct reader_file f = file("lib.so", NULL);
	struct reader_frame got[READER_MAX_FRAMES];
	int pipes[2];

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(names_of(&f, 8, got), 0);
	assert_int_equal(write(pipes[1], "abc", 3), 3);
	reader_set_idle(r, pipes[0], drain, &pipes[0]);
	kill(reader_pid(r), SIGSTOP);
	wait_for(200000000);
	assert_int_equal(reader_names(r, &f, 16, got), -EAGAIN);
	assert_int_equal(n_drained, 3);
	kill(reader_pid(r), SIGCONT);
	assert_int_equal(names_of(&f, 8, got), 0);
	reader_set_idle(r, -1, NULL, NULL);
	close(pipes[0]);
	close(pipes[1]);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* asked_for_ms - for how long names are waited for that do not come.  @yield_ns  of reader_set_deadline() */
static double asked_for_ms(const struct reader_file *f, uint64_t yield_ns)
{
	struct reader_frame got[READER_MAX_FRAMES];
	uint64_t begin_ns = now_ns();

	reader_set_deadline(r, begin_ns + 1000000000, yield_ns);
	assert_int_equal(reader_names(r, f, 16, got), -EAGAIN);
	return (double)(now_ns() - begin_ns) / 1e6;
}

static void names_are_waited_for_no_longer_once_something_hurries(void **state)
{
	struct reader_file f = file("lib.so", NULL);
	struct reader_frame got[READER_MAX_FRAMES];
	int pipes[2];

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(names_of(&f, 8, got), 0);
	reader_set_idle(r, pipes[0], drain, &pipes[0]);
	kill(reader_pid(r), SIGSTOP);
	assert_int_equal(write(pipes[1], "a!", 2), 2);
	assert_in_range(asked_for_ms(&f, 100000000), 100, 800);
	assert_int_equal(write(pipes[1], "!", 1), 1); /* whatever hurries */
	assert_in_range(asked_for_ms(&f, UINT64_MAX), 1000, 5000);
	assert_int_equal(write(pipes[1], "a", 1), 1); /* it does not */
	assert_in_range(asked_for_ms(&f, 100000000), 1000, 5000);
	kill(reader_pid(r), SIGCONT);
	assert_int_equal(names_of(&f, 8, got), 0);
	reader_set_idle(r, -1, NULL, NULL);
	close(pipes[0]);
	close(pipes[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inlined_calls_are_frames_with_their_lines),
		cmocka_unit_test(members_of_phps_structs_are_found),
		cmocka_unit_test(names_are_demangled),
		cmocka_unit_test(an_address_that_no_function_covers_has_no_name),
		cmocka_unit_test(a_separate_debug_file_gives_back_what_was_stripped),
		cmocka_unit_test(a_debug_link_leads_to_the_file_with_that_checksum),
		cmocka_unit_test(minidebuginfo_names_local_functions),
		cmocka_unit_test(any_load_bias_is_right),
		cmocka_unit_test(rows_are_the_same_as_read_here),
		cmocka_unit_test(rows_that_were_asked_for_ahead_are_the_same_in_any_order),
		cmocka_unit_test(a_child_that_dies_takes_the_one_file_that_it_had_in_hand),
		cmocka_unit_test(what_is_no_elf_file_is_said_to_be_none),
		cmocka_unit_test(the_child_has_no_rights),
		cmocka_unit_test(rows_are_read_where_names_have_come_too_late),
		cmocka_unit_test(rows_that_are_asked_ahead_are_there_when_they_are_answered),
		cmocka_unit_test(a_name_alone_is_demangled_and_one_that_the_child_hangs_on_is_given_up),
		cmocka_unit_test(a_file_that_kills_the_child_is_not_read_again_and_others_are),
		cmocka_unit_test(debuginfod_is_asked_only_when_its_variable_is_set),
		cmocka_unit_test(debuginfod_is_asked_when_rights_were_given_up_too),
		cmocka_unit_test(what_becomes_readable_is_drained_while_names_are_waited_for),
		cmocka_unit_test(names_are_waited_for_no_longer_once_something_hurries),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
