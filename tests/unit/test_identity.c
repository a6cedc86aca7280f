/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit/test_identity.c - what text, files and made-up memory say of a process, the hostile included; and how it is told. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output/internal.h"
#include "target/identity.h"

#define ID64 "3f2a55c0ffee0123456789abcdef0123456789abcdef0123456789abcdef0123"

static struct model_identity title(const char *text, int is_swoole)
{
	struct model_identity id = { .worker = -1 };

	identity_parse_title(text, strlen(text), is_swoole, &id);
	return id;
}

static void expect_title(const char *text, int is_swoole, enum model_role role, int worker, const char *pool)
{
	struct model_identity id = title(text, is_swoole);

	if (id.role != role || id.worker != worker || strcmp(id.pool, pool) != 0)
		fail_msg("'%s': role %d, worker %d, pool '%s'", text, id.role, id.worker, id.pool);
	assert_int_equal(id.role_from, role ? MODEL_ROLE_FROM_TITLE : MODEL_ROLE_FROM_NOTHING);
}

static void fpm_titles_tell_master_and_pool(void **state)
{
	char longest[128];

	(void)state;
	expect_title("php-fpm: master process (/etc/php/8.2/fpm/php-fpm.conf)", 0, MODEL_ROLE_MASTER, -1, "");
	expect_title("php-fpm: pool www", 0, MODEL_ROLE_WORKER, -1, "www");
	expect_title("php-fpm: pool shop_2.eu-1   ", 0, MODEL_ROLE_WORKER, -1, "shop_2.eu-1");
	/* What is not of these forms tells nothing, and is not kept. */
	expect_title("php-fpm: pool ", 0, MODEL_ROLE_NONE, -1, "");
	expect_title("php-fpm: pool www secret=1", 0, MODEL_ROLE_NONE, -1, "");
	expect_title("php-fpm: pool \033[2J", 0, MODEL_ROLE_NONE, -1, "");
	expect_title("php-fpm: master process (/etc/x", 0, MODEL_ROLE_NONE, -1, "");
	expect_title("php-fpm8.2", 0, MODEL_ROLE_NONE, -1, "");
	expect_title("x php-fpm: pool www", 0, MODEL_ROLE_NONE, -1, "");
	expect_title("", 0, MODEL_ROLE_NONE, -1, "");
	snprintf(longest, sizeof(longest), "php-fpm: pool %064d", 0);
	expect_title(longest, 0, MODEL_ROLE_NONE, -1, "");
	expect_title("php-fpm: pool 000000000000000000000000000000000000000000000000000000000000000", 0,
		MODEL_ROLE_WORKER, -1, "000000000000000000000000000000000000000000000000000000000000000");
}

static void titles_of_swoole_applications_end_with_the_role(void **state)
{
	(void)state;
	expect_title("skeleton.Worker.0", 1, MODEL_ROLE_WORKER, 0, "");
	expect_title("skeleton.TaskWorker.12", 1, MODEL_ROLE_TASK_WORKER, 12, "");
	expect_title("skeleton.Manager", 1, MODEL_ROLE_MANAGER, -1, "");
	expect_title("shop: master process", 1, MODEL_ROLE_MASTER, -1, "");
	expect_title("shop: worker process", 1, MODEL_ROLE_WORKER, -1, "");
	expect_title("shop task worker #4", 1, MODEL_ROLE_TASK_WORKER, 4, "");
	expect_title("shop worker (7)", 1, MODEL_ROLE_WORKER, 7, "");
	expect_title("worker", 1, MODEL_ROLE_WORKER, -1, "");
	/* A file's name, a word that only ends so, an argument. */
	expect_title("worker.php", 1, MODEL_ROLE_NONE, -1, "");
	expect_title("coworker", 1, MODEL_ROLE_NONE, -1, "");
	expect_title("webmaster", 1, MODEL_ROLE_NONE, -1, "");
	expect_title("php", 1, MODEL_ROLE_NONE, -1, "");
	expect_title("manager 3", 1, MODEL_ROLE_NONE, -1, "");
	expect_title("worker 99999999999", 1, MODEL_ROLE_NONE, -1, "");
	expect_title("7", 1, MODEL_ROLE_NONE, -1, "");
	expect_title("worker process", 0, MODEL_ROLE_NONE, -1, "");
}

static void a_title_ends_at_its_first_nul(void **state)
{
	static const char words[] = "php\0worker";
	struct model_identity id = { .worker = -1 };

	(void)state;
	identity_parse_title(words, sizeof(words), 1, &id);
	assert_int_equal(id.role, MODEL_ROLE_NONE);
}

static void expect_container(const char *text, enum model_container kind, const char *shown)
{
	struct model_identity id = { 0 };

	identity_parse_cgroup(text, &id);
	if (id.container != kind || strcmp(id.container_id, shown) != 0)
		fail_msg("%s: kind %d, id '%s'", text, id.container, id.container_id);
}

static void cgroups_tell_the_container(void **state)
{
	static const char pod[] = "kubepods-besteffort.slice/kubepods-besteffort-pod0d1f.slice/";
	char text[512];

	(void)state;
	expect_container("0::/system.slice/docker-" ID64 ".scope\n", MODEL_CONTAINER_DOCKER, "3f2a55c0ffee");
	expect_container("12:pids:/docker/" ID64 "\n0::/\n", MODEL_CONTAINER_DOCKER, "3f2a55c0ffee");
	expect_container("0::/machine.slice/libpod-" ID64 ".scope/container\n", MODEL_CONTAINER_PODMAN, "3f2a55c0ffee");
	snprintf(text, sizeof(text), "0::/kubepods.slice/%scri-containerd-" ID64 ".scope\n", pod);
	expect_container(text, MODEL_CONTAINER_CONTAINERD, "3f2a55c0ffee");
	snprintf(text, sizeof(text), "0::/kubepods.slice/%scrio-" ID64 ".scope\n", pod);
	expect_container(text, MODEL_CONTAINER_CRIO, "3f2a55c0ffee");
	expect_container("5:cpu:/kubepods/burstable/pod0d1f/" ID64 "\n", MODEL_CONTAINER_KUBERNETES, "3f2a55c0ffee");
	/* From inside of another container, in a cgroup namespace of its own. */
	expect_container("0::/../" ID64 "\n", MODEL_CONTAINER_OTHER, "3f2a55c0ffee");
	expect_container("0::/lxc.payload.shop/init.scope\n", MODEL_CONTAINER_LXC, "");
	/* A container in a container: the inner one. */
	expect_container("0::/docker/" ID64
			 "/docker/aaaaaaaaaaaaa5c0ffee0123456789abcdef0123456789abcdef0123456789ab\n",
		MODEL_CONTAINER_DOCKER, "aaaaaaaaaaaa");
}

static void other_cgroups_are_no_containers(void **state)
{
	(void)state;
	expect_container("", MODEL_CONTAINER_NONE, "");
	expect_container("0::/\n", MODEL_CONTAINER_NONE, "");
	expect_container("0::/user.slice/user-1000.slice/session-2.scope\n", MODEL_CONTAINER_NONE, "");
	expect_container("0::/system.slice/docker.service\n", MODEL_CONTAINER_NONE, "");
	/* 63 and 65 digits; upper case. */
	expect_container("0::/docker/3f2a55c0ffee0123456789abcdef0123456789abcdef0123456789abcdef012\n",
		MODEL_CONTAINER_NONE, "");
	expect_container("0::/docker/" ID64 "0\n", MODEL_CONTAINER_NONE, "");
	expect_container("0::/docker/3F2A55C0FFEE0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123\n",
		MODEL_CONTAINER_NONE, "");
}

static void status_tells_the_pid_in_its_own_namespace(void **state)
{
	int parent, own;

	(void)state;
	identity_parse_status("Name:\tphp\nPPid:\t41\nNSpid:\t4242\t7\nNSpgid:\t9\t9\n", &parent, &own);
	assert_int_equal(parent, 41);
	assert_int_equal(own, 7);
	identity_parse_status("Name:\tphp\nPPid:\t41\nNSpid:\t4242\nNSpgid:\t9\t9\n", &parent, &own);
	assert_int_equal(own, 0);
	identity_parse_status("Name:\tNSpid: 1 2\nPPid:\t1\nNSpid:\t5\t6\t8", &parent, &own);
	assert_int_equal(own, 8);
	identity_parse_status("", &parent, &own);
	assert_int_equal(parent, 0);
	assert_int_equal(own, 0);
}

static void versions_are_copied_only_if_they_are_some(void **state)
{
	char out[16];

	(void)state;
	assert_int_equal(identity_copy_version("5.1.2", 5, out, sizeof(out)), 0);
	assert_string_equal(out, "5.1.2");
	assert_int_equal(identity_copy_version("6.2.0-dev", 9, out, sizeof(out)), 0);
	assert_string_equal(out, "6.2.0-dev");
	assert_int_equal(identity_copy_version("", 0, out, sizeof(out)), -EINVAL);
	assert_int_equal(identity_copy_version("v5", 2, out, sizeof(out)), -EINVAL);
	assert_int_equal(identity_copy_version("5.1\033[2J", 7, out, sizeof(out)), -EINVAL);
	assert_string_equal(out, "");
	assert_int_equal(identity_copy_version("5.1.2.3.4.5.6.7.8", 17, out, sizeof(out)), -EINVAL);
}

/* ---- extensions ---- */

static void extensions_are_words_in_their_order(void **state)
{
	const char *some[] = { "sodium.so", "ffi.so", "ctype.so", "ffi.so", "ddtrace-20220829.so" };
	/* None of these is a word: what they are is not told, but that there are more. */
	const char *bad[] = { "zip.so", "a b.so", "\033[2J.so", "a\nb.so", ".so", "", "\xc3\xa4.so", "`x`.so",
		"0123456789012345678901234567890123456789012345678.so" };
	const char *many[100];
	struct model_identity id = { 0 };
	size_t n = 0;

	(void)state;
	identity_add_extensions(some, 5, &id);
	assert_string_equal(id.extensions, "ctype ddtrace-20220829 ffi sodium");
	id = (struct model_identity){ 0 };
	identity_add_extensions(bad, sizeof(bad) / sizeof(bad[0]), &id);
	assert_string_equal(id.extensions, "zip ...");
	id = (struct model_identity){ 0 };
	identity_add_extensions(bad, 0, &id);
	assert_string_equal(id.extensions, "");
	/* More than there is room for. */
	for (size_t i = 0; i < 100; i++)
		assert_true(asprintf((char **)&many[i], "extension-%02zu.so", i) > 0);
	identity_add_extensions(many, 100, &id);
	assert_memory_equal(id.extensions, "extension-00 extension-01 ", 26);
	for (const char *c = id.extensions; *c; c++)
		n += *c == ' ';
	assert_int_equal(n, (sizeof(id.extensions) - sizeof(" ...")) / sizeof("extension-00"));
	assert_string_equal(id.extensions + strlen(id.extensions) - 7, "-77 ...");
	for (size_t i = 0; i < 100; i++)
		free((void *)many[i]);
}

/* ---- the distribution ---- */

static void expect_release(const char *text, int is_whole, const char *name, const char *version)
{
	struct model_identity id = { 0 };

	identity_parse_release(text, strlen(text), is_whole, &id);
	if (strcmp(id.distribution, name) != 0 || strcmp(id.distribution_version, version) != 0)
		fail_msg("%s: '%s' '%s'", text, id.distribution, id.distribution_version);
}

static void os_release_tells_the_distribution(void **state)
{
	struct model_identity id = { 0 };

	(void)state;
	expect_release("NAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nID=debian\nX=1\n", 1, "debian", "12");
	expect_release("ID='alpine'\nVERSION_ID=3.19.1", 1, "alpine", "3.19.1");
	expect_release("ID=\"opensuse-leap\"\n", 1, "opensuse-leap", "");
	/* Only what is a word, of that name, at the begin of a line; a version of nothing says nothing. */
	expect_release("ID=a b\nVERSION_ID=1\n", 1, "", "");
	expect_release("ID=\033[2J\n", 1, "", "");
	expect_release("ID=`x`\n", 1, "", "");
	expect_release("ID=\"x\n", 1, "", "");
	expect_release("ID=\"\"\nVERSION_ID=1\n", 1, "", "");
	expect_release("ID=\"\n", 1, "", "");
	expect_release("ID=0123456789012345678901234567890a\n", 1, "0123456789012345678901234567890a" + 32, "");
	expect_release("ID=0123456789012345678901234567890\n", 1, "0123456789012345678901234567890", "");
	expect_release(" ID=x\nXID=x\nID_LIKE=x\nBUILD_ID=x\nVERSION_ID\n", 1, "", "");
	expect_release("ID=x\nVERSION_ID=\xff\n", 1, "x", "");
	expect_release("", 1, "", "");
	expect_release("\n\n", 1, "", "");
	/* A line that may be cut short is not read; nor what is no text. */
	expect_release("ID=debian\nVERSION_ID=1", 0, "debian", "");
	identity_parse_release("ID=a\n\0ID=b\n", 11, 1, &id);
	assert_string_equal(id.distribution, "");
}

static char root[] = "/tmp/swtrace-identity-XXXXXX";

static int begin_root(void **state)
{
	(void)state;
	strcpy(root, "/tmp/swtrace-identity-XXXXXX");
	assert_non_null(mkdtemp(root));
	assert_int_equal(chdir(root), 0);
	assert_int_equal(mkdir("etc", 0700) | mkdir("usr", 0700) | mkdir("usr/lib", 0700), 0);
	return 0;
}

static int end_root(void **state)
{
	static const char *const files[] = { "etc", "etc/os-release", "usr/lib/os-release", "other/os-release",
		"elsewhere" };
	static const char *const folders[] = { "etc/os-release", "etc", "usr/lib", "usr", "other" };

	(void)state;
	/* First the link that may stand for a folder: nothing is removed through it. */
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlink(files[i]);
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		rmdir(folders[i]);
	assert_int_equal(chdir("/"), 0);
	return rmdir(root);
}

static void put_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void expect_distribution(const char *name)
{
	int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct model_identity id = { 0 };

	identity_read_release(fd, &id);
	close(fd);
	assert_string_equal(id.distribution, name);
}

static void a_root_has_its_own_distribution(void **state)
{
	char long_text[8192];

	(void)state;
	expect_distribution("");
	put_file("usr/lib/os-release", "ID=lib\n");
	expect_distribution("lib");
	assert_int_equal(symlink("../usr/lib/os-release", "etc/os-release"), 0);
	expect_distribution("lib");
	unlink("etc/os-release");
	put_file("etc/os-release", "ID=etc\n");
	expect_distribution("etc");
	/* Of a long file the begin is read. */
	memset(long_text, '\n', sizeof(long_text));
	memcpy(long_text, "ID=begin\n", 9);
	strcpy(long_text + sizeof(long_text) - 8, "ID=end\n");
	put_file("etc/os-release", long_text);
	expect_distribution("begin");
}

static void what_is_no_plain_file_of_that_root_is_not_opened(void **state)
{
	(void)state;
	/* A pipe, of which reading would never end; a folder. */
	assert_int_equal(mkfifo("etc/os-release", 0600), 0);
	expect_distribution("");
	unlink("etc/os-release");
	assert_int_equal(mkdir("etc/os-release", 0700), 0);
	expect_distribution("");
	rmdir("etc/os-release");
	/* Links out of the root: of the file, and of the folder. */
	put_file("elsewhere", "ID=elsewhere\n");
	assert_int_equal(symlink("/etc/os-release", "etc/os-release"), 0);
	assert_int_equal(symlink("../../elsewhere", "usr/lib/os-release"), 0);
	expect_distribution("");
	unlink("etc/os-release");
	unlink("usr/lib/os-release");
	rmdir("etc");
	assert_int_equal(mkdir("other", 0700), 0);
	put_file("other/os-release", "ID=other\n");
	assert_int_equal(symlink("other", "etc"), 0);
	expect_distribution("");
}

#define SCAN(function, text) function(text, sizeof(text) - 1, &f)

static void the_engine_tells_how_it_was_built(void **state)
{
	struct identity_file f = { .thread_safe = -1, .is_debug = -1 };

	(void)state;
	SCAN(identity_scan_php, "x\0API420220829,NTS\0API2022,NTS\0API20220829,XX\0API20");
	assert_int_equal(f.thread_safe, -1);
	SCAN(identity_scan_php, "\0API20220829,NTS\0");
	assert_int_equal(f.thread_safe, 0);
	assert_int_equal(f.is_debug, 0);
	SCAN(identity_scan_php, "\0API20240924,TS,debug\0");
	assert_int_equal(f.thread_safe, 1);
	assert_int_equal(f.is_debug, 1);
}

static void libcs_tell_their_versions(void **state)
{
	struct identity_file f = { 0 };

	(void)state;
	SCAN(identity_scan_libc,
		"..GNU C Library (Debian GLIBC 2.36-9+deb12u14) stable release version 2.36.\nCopyright\0"
		"1.2.3\0");
	assert_int_equal(f.libc, MODEL_LIBC_GLIBC);
	assert_string_equal(f.libc_version, "2.36");
	f = (struct identity_file){ 0 };
	SCAN(identity_scan_libc, "musl libc (x86_64)\nVersion %s\n\0"
				 "127.0.0.1\0x1.1.1\0"
				 "1.2.3\0"
				 "1.2\0"
				 "1.2.3\0");
	assert_int_equal(f.libc, MODEL_LIBC_MUSL);
	assert_string_equal(f.bare_version, "1.2.3");
	f = (struct identity_file){ 0 };
	SCAN(identity_scan_libc, "\0"
				 "1.2.3\0"
				 "4.5.6\0");
	assert_int_equal(f.libc, MODEL_LIBC_UNKNOWN);
	assert_int_equal(f.n_bare, 2);
	/* A banner that is cut off, with no version in reach. */
	f = (struct identity_file){ 0 };
	SCAN(identity_scan_libc, "GNU C Library (");
	assert_int_equal(f.libc, MODEL_LIBC_UNKNOWN);
}

/* ---- Swoole, in memory that is made up here ---- */

#define BASE	0x10000
#define WG	0x0000 /* SwooleWG */
#define G	0x0100 /* SwooleG */
#define POINTER 0x0400 /* g_server_instance */
#define SERVER	0x0800
#define GS	0x1000
#define WORKER	0x1100
#define PID	4242

static uint8_t memory[0x2000];

static int read_fake(void *ctx, uint64_t addr, void *to, size_t len)
{
	(void)ctx;
	if (addr < BASE || addr - BASE > sizeof(memory) || len > sizeof(memory) - (addr - BASE))
		return -EFAULT;
	memcpy(to, memory + (addr - BASE), len);
	return 0;
}

static void put(size_t at, uint64_t value, size_t n)
{
	memcpy(memory + at, &value, n);
}

static struct model_identity role(const char *version)
{
	static const struct php_image image = { read_fake, NULL };
	const struct swoole_globals at = { BASE + WG, BASE + G, BASE + POINTER };
	struct model_identity id = { .worker = -1 };

	assert_non_null(swoole_layout(version));
	swoole_read_role(&image, &at, swoole_layout(version), PID, &id);
	return id;
}

/* What each version's headers say, said a second time: of worker in SwooleWG, type and id in Worker, server in SwooleG (0: it is
 * g_server_instance), gs in Server. */
static const struct {
	const char *version;
	size_t worker, type, id, server, gs;
} known[] = {
	{ "4.8.0", 8, 36, 88, 0, 800 },
	{ "4.8.1", 8, 36, 88, 0, 800 },
	{ "4.8.2", 8, 28, 4, 0, 800 },
	{ "4.8.13", 8, 28, 4, 0, 800 },
	{ "5.0.3", 8, 28, 4, 0, 800 },
	{ "5.1.4", 8, 28, 4, 0, 800 },
	{ "5.1.5", 8, 29, 4, 0, 800 },
	{ "5.1.8", 8, 29, 4, 0, 800 },
	{ "6.0.0", 8, 29, 4, 0, 824 },
	{ "6.0.1", 8, 29, 4, 0, 832 },
	{ "6.0.2", 8, 29, 4, 0, 832 },
	{ "6.1.0", 24, 29, 4, 536, 832 },
	{ "6.1.7", 24, 29, 4, 536, 832 },
	{ "6.1.8", 24, 29, 4, 536, 888 },
	{ "6.1.9", 24, 29, 4, 536, 888 },
	{ "6.2.0", 24, 29, 4, 544, 832 },
	{ "6.2.1", 24, 29, 4, 544, 888 },
	{ "6.2.2", 24, 29, 4, 544, 888 },
	{ "6.2.3-dev", 24, 29, 4, 544, 888 },
};

#define FOR_KNOWN for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)

static void make_worker(size_t i, int pid, unsigned type, unsigned id)
{
	memset(memory, 0, sizeof(memory));
	put(WG + known[i].worker, BASE + WORKER, 8);
	put(WORKER, (uint32_t)pid, 4);
	put(WORKER + known[i].type, type, 1);
	put(WORKER + known[i].id, id, 4);
}

static void make_server(size_t i, int master, int manager)
{
	memset(memory, 0, sizeof(memory));
	put(known[i].server ? G + known[i].server : POINTER, BASE + SERVER, 8);
	put(SERVER + known[i].gs, BASE + GS, 8);
	put(GS, (uint32_t)master, 4);
	put(GS + 4, (uint32_t)manager, 4);
}

static void swoole_workers_are_told_from_their_record(void **state)
{
	(void)state;
	FOR_KNOWN
	{
		struct model_identity id;

		make_worker(i, PID, 2, 3);
		id = role(known[i].version);
		assert_int_equal(id.role, MODEL_ROLE_WORKER);
		assert_int_equal(id.role_from, MODEL_ROLE_FROM_MEMORY);
		assert_int_equal(id.worker, 3);
		make_worker(i, PID, 4, 12);
		id = role(known[i].version);
		assert_int_equal(id.role, MODEL_ROLE_TASK_WORKER);
		assert_int_equal(id.worker, 12);
		make_worker(i, PID, 5, 9);
		id = role(known[i].version);
		assert_int_equal(id.role, MODEL_ROLE_USER_PROCESS);
		assert_int_equal(id.worker, -1);
	}
}

static void swoole_masters_and_managers_are_told_by_their_pids(void **state)
{
	(void)state;
	FOR_KNOWN
	{
		make_server(i, PID, 4300);
		assert_int_equal(role(known[i].version).role, MODEL_ROLE_MASTER);
		make_server(i, 4200, PID);
		assert_int_equal(role(known[i].version).role, MODEL_ROLE_MANAGER);
		make_server(i, PID, PID);
		assert_int_equal(role(known[i].version).role, MODEL_ROLE_MASTER);
		make_server(i, 4200, 4300);
		assert_int_equal(role(known[i].version).role, MODEL_ROLE_NONE);
	}
}

static void what_is_not_its_own_tells_nothing(void **state)
{
	(void)state;
	FOR_KNOWN
	{
		memset(memory, 0, sizeof(memory));
		assert_int_equal(role(known[i].version).role, MODEL_ROLE_NONE);
		make_worker(i, PID + 1, 2, 3); /* the parent's, right after a fork */
		assert_int_equal(role(known[i].version).role, MODEL_ROLE_NONE);
		make_worker(i, PID, 77, 3);
		assert_int_equal(role(known[i].version).role, MODEL_ROLE_NONE);
		make_worker(i, PID, 2, 70000);
		assert_int_equal(role(known[i].version).worker, -1);
		put(WG + known[i].worker, UINT64_MAX - 2, 8);
		assert_int_equal(role(known[i].version).role, MODEL_ROLE_NONE);
	}
}

static void a_variable_that_is_not_exported_is_not_read(void **state)
{
	static const struct php_image image = { read_fake, NULL };
	static const struct swoole_globals none;
	struct model_identity id = { .worker = -1 };

	(void)state;
	FOR_KNOWN
	swoole_read_role(&image, &none, swoole_layout(known[i].version), PID, &id);
	assert_int_equal(id.role, MODEL_ROLE_NONE);
}

static void versions_without_known_layout_have_none(void **state)
{
	(void)state;
	assert_null(swoole_layout("4.7.1"));
	assert_null(swoole_layout("6.3.0"));
	assert_null(swoole_layout("7.0.0"));
	assert_null(swoole_layout(""));
	assert_null(swoole_layout("6.2"));
}

/* ---- output ---- */

static const struct model_identity whole = {
	.role = MODEL_ROLE_WORKER,
	.role_from = MODEL_ROLE_FROM_MEMORY,
	.worker = 3,
	.exe = "php",
	.has_php = 1,
	.php_version = "8.2.29",
	.has_opcache = 1,
	.extensions = "ffi swoole ...",
	.has_swoole = 1,
	.swoole_version = "5.1.2",
	.libc = MODEL_LIBC_GLIBC,
	.libc_version = "2.36",
	.malloc = "jemalloc",
	.container = MODEL_CONTAINER_DOCKER,
	.container_id = "3f2a55c0ffee",
	.ns_pid = 7,
	.kernel = "6.1.0-28-amd64",
	.distribution = "debian",
	.distribution_version = "12",
	.n_files = 2,
	.file = { { "php", "0123456789abcdef" }, { "swoole\n.so", "abcdef" } },
};

static void expect_text(
	void (*add)(struct strbuf *, const struct model_identity *), const struct model_identity *id, const char *text)
{
	struct strbuf b = { 0 };

	add(&b, id);
	assert_string_equal(b.data ? b.data : "", text);
	strbuf_free(&b);
}

static void people_are_told_in_one_line(void **state)
{
	static const struct model_identity fpm = { .role = MODEL_ROLE_WORKER,
		.role_from = MODEL_ROLE_FROM_TITLE,
		.worker = -1,
		.pool = "www",
		.has_php = 1,
		.php_version = "8.4.1",
		.thread_safe = 1,
		.is_debug = 1,
		.has_opcache = 1,
		.has_jit = 1,
		.libc = MODEL_LIBC_MUSL,
		.is_static = 1 };
	static const struct model_identity guess = { .role = MODEL_ROLE_MANAGER,
		.role_from = MODEL_ROLE_FROM_TREE,
		.worker = -1,
		.has_swoole = 1,
		.container = MODEL_CONTAINER_OTHER,
		.ns_pid = 12 };
	static const struct model_identity plain = { .worker = -1, .libc = MODEL_LIBC_GLIBC, .libc_version = "2.36" };
	static const struct model_identity nothing = { .worker = -1 };

	(void)state;
	expect_text(text_add_identity, &whole,
		"worker 3 of Swoole 5.1.2, PHP 8.2.29 NTS, opcache, glibc 2.36, malloc of jemalloc, "
		"docker 3f2a55c0ffee (pid 7 there)");
	expect_text(text_add_role, &whole, ", worker 3");
	expect_text(text_add_build_ids, &whole, "php 0123456789abcdef, swoole\\x0a.so abcdef");
	expect_text(
		text_add_identity, &fpm, "worker of pool www, PHP 8.4.1 ZTS debug, opcache with JIT, musl (static)");
	expect_text(text_add_role, &fpm, ", worker of pool www");
	expect_text(text_add_identity, &guess,
		"manager (by its place among the processes) of Swoole of unknown version, "
		"in a pid namespace of its own (pid 12 there)");
	expect_text(text_add_identity, &plain, "glibc 2.36");
	expect_text(text_add_role, &plain, "");
	expect_text(text_add_identity, &nothing, "");
	expect_text(text_add_identity, NULL, "");
	expect_text(text_add_role, NULL, "");
	expect_text(text_add_build_ids, NULL, "");
}

static void a_process_is_described_only_while_that_is_news(void **state)
{
	struct model_process p = { .pid = 1, .identity = &whole };
	struct strbuf b = { 0 };

	(void)state;
	text_add_new_identity(&b, &p);
	assert_null(b.data);
	p.identity_is_new = 1;
	text_add_new_identity(&b, &p);
	assert_string_equal(b.data,
		"    is: worker 3 of Swoole 5.1.2, PHP 8.2.29 NTS, opcache, glibc 2.36, malloc of jemalloc, "
		"docker 3f2a55c0ffee (pid 7 there)\n"
		"    build-ids: php 0123456789abcdef, swoole\\x0a.so abcdef\n");
	strbuf_free(&b);
}

static void expect_json(const struct model_identity *id, const char *text)
{
	json_t *o = json_identity(id);
	char *line = json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);

	assert_string_equal(line, text);
	free(line);
	json_decref(o);
}

static void programs_are_told_in_an_object(void **state)
{
	static const struct model_identity nothing = { .worker = -1, .thread_safe = -1, .is_debug = -1 };

	(void)state;
	expect_json(&whole,
		"{\"role\":\"worker\",\"role_from\":\"memory\",\"worker\":3,\"pool\":null,\"exe\":\"php\","
		"\"php\":{\"version\":\"8.2.29\",\"thread_safe\":false,\"debug\":false,\"opcache\":true,\"jit\":false,"
		"\"extensions\":[\"ffi\",\"swoole\",\"...\"]},"
		"\"swoole\":{\"version\":\"5.1.2\"},\"libc\":{\"name\":\"glibc\",\"version\":\"2.36\",\"static\":false},"
		"\"malloc\":\"jemalloc\",\"container\":{\"kind\":\"docker\",\"id\":\"3f2a55c0ffee\",\"pid\":7},"
		"\"distribution\":{\"id\":\"debian\",\"version\":\"12\"},\"kernel\":\"6.1.0-28-amd64\","
		"\"files\":[{\"name\":\"php\",\"build_id\":\"0123456789abcdef\"},"
		"{\"name\":\"swoole\\n.so\",\"build_id\":\"abcdef\"}]}");
	expect_json(&nothing,
		"{\"role\":null,\"role_from\":null,\"worker\":null,\"pool\":null,\"exe\":null,\"php\":null,"
		"\"swoole\":null,\"libc\":null,\"malloc\":null,\"container\":null,"
		"\"distribution\":null,\"kernel\":null,\"files\":[]}");
	expect_json(NULL, "null");
}

static void what_a_process_is_has_no_padding(void **state)
{
	static const struct model_identity *id;

	(void)state;
	/* Two are compared by their bytes. The last member ends where the whole does, and each begins where the one before ends. */
	assert_int_equal(offsetof(struct model_identity, file) + sizeof(id->file), sizeof(*id));
	assert_int_equal(
		offsetof(struct model_identity, has_php), offsetof(struct model_identity, exe) + sizeof(id->exe));
	assert_int_equal(offsetof(struct model_identity, ns_pid),
		offsetof(struct model_identity, container_id) + sizeof(id->container_id));
	assert_int_equal(offsetof(struct model_identity, has_swoole),
		offsetof(struct model_identity, extensions) + sizeof(id->extensions));
	assert_int_equal(offsetof(struct model_identity, n_files),
		offsetof(struct model_identity, distribution_version) + sizeof(id->distribution_version));
	assert_int_equal(sizeof(struct model_identity_file), sizeof(id->file[0].name) + sizeof(id->file[0].build_id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fpm_titles_tell_master_and_pool),
		cmocka_unit_test(titles_of_swoole_applications_end_with_the_role),
		cmocka_unit_test(a_title_ends_at_its_first_nul),
		cmocka_unit_test(cgroups_tell_the_container),
		cmocka_unit_test(other_cgroups_are_no_containers),
		cmocka_unit_test(status_tells_the_pid_in_its_own_namespace),
		cmocka_unit_test(versions_are_copied_only_if_they_are_some),
		cmocka_unit_test(extensions_are_words_in_their_order),
		cmocka_unit_test(os_release_tells_the_distribution),
		cmocka_unit_test_setup_teardown(a_root_has_its_own_distribution, begin_root, end_root),
		cmocka_unit_test_setup_teardown(what_is_no_plain_file_of_that_root_is_not_opened, begin_root, end_root),
		cmocka_unit_test(the_engine_tells_how_it_was_built),
		cmocka_unit_test(libcs_tell_their_versions),
		cmocka_unit_test(swoole_workers_are_told_from_their_record),
		cmocka_unit_test(swoole_masters_and_managers_are_told_by_their_pids),
		cmocka_unit_test(what_is_not_its_own_tells_nothing),
		cmocka_unit_test(a_variable_that_is_not_exported_is_not_read),
		cmocka_unit_test(versions_without_known_layout_have_none),
		cmocka_unit_test(people_are_told_in_one_line),
		cmocka_unit_test(a_process_is_described_only_while_that_is_news),
		cmocka_unit_test(programs_are_told_in_an_object),
		cmocka_unit_test(what_a_process_is_has_no_padding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
