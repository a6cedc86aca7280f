// SPDX-License-Identifier: GPL-2.0-or-later
/* unit/test_containers.c - containers of made-up systems: whose cgroups they are, and what they are called. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "target/target.h"

/* Ids of 64 digits that begin with these. */
#define REST "00000000000000000000000000000000000000000000000000000000"
#define ONE  "1a2b3c4d" REST
#define TWO  "1a2b9999" REST
#define POD  "abcdef01" REST

#define CGROUP "/sys/fs/cgroup"
#define DOCKER CGROUP "/system.slice/docker-" ONE ".scope"

static char root[64];
static struct target_container *all;
static int n;

static void put(const char *path, const char *text)
{
	char whole[1024], *slash;
	FILE *f;

	snprintf(whole, sizeof(whole), "%s%s", root, path);
	for (slash = strchr(whole + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		mkdir(whole, 0755);
		*slash = '/';
	}
	if (!text) {
		assert_true(!mkdir(whole, 0755) || errno == EEXIST);
		return;
	}
	f = fopen(whole, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int begin(void **state)
{
	(void)state;
	strcpy(root, "/tmp/swtrace-containers-XXXXXX");
	assert_non_null(mkdtemp(root));
	put(CGROUP "/cgroup.controllers", "memory\n");
	return 0;
}

static int end(void **state)
{
	char command[128];

	(void)state;
	target_containers_free(all, n > 0 ? n : 0);
	all = NULL;
	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

static const struct target_container *chosen(const char *wanted)
{
	int i = target_container_choose(all, n, wanted);

	return i < 0 ? NULL : &all[i];
}

static void docker_is_found_by_id_by_its_beginning_and_by_name(void **state)
{
	struct stat st;
	char path[512];

	(void)state;
	put(DOCKER, NULL);
	put(CGROUP "/system.slice/docker-" TWO ".scope", NULL);
	put(CGROUP "/system.slice/nginx.service", NULL);
	put("/var/lib/docker/containers/" ONE "/config.v2.json", "{\"ID\":\"x\",\"Name\":\"/shop-app-1\"}");
	n = target_containers_find(root, &all);
	assert_int_equal(n, 2);
	assert_ptr_equal(chosen(ONE), &all[0]);
	assert_ptr_equal(chosen("1a2b3c4d0000"), &all[0]);
	assert_ptr_equal(chosen("1a2b3"), &all[0]);
	assert_ptr_equal(chosen("shop-app-1"), &all[0]);
	assert_ptr_equal(chosen("1a2b9"), &all[1]);
	assert_int_equal(target_container_choose(all, n, "1a2b"), -EEXIST);
	assert_int_equal(target_container_choose(all, n, "shop"), -ENOENT);
	assert_int_equal(target_container_choose(all, n, ""), -ENOENT);
	assert_int_equal(target_container_choose(all, n, "nginx"), -ENOENT);
	assert_int_equal(all[0].kind, MODEL_CONTAINER_DOCKER);
	snprintf(path, sizeof(path), "%s%s", root, DOCKER);
	assert_string_equal(all[0].path, path);
	assert_int_equal(stat(path, &st), 0);
	assert_true(all[0].cgroup == st.st_ino);
}

static void a_container_s_own_groups_and_its_monitor_are_not_taken_for_it(void **state)
{
	(void)state;
	put(CGROUP "/machine.slice/libpod-conmon-" ONE ".scope", NULL);
	put(CGROUP "/machine.slice/libpod-" ONE ".scope/container/inner", NULL);
	/* one in another, as docker in docker has it */
	put(CGROUP "/machine.slice/libpod-" ONE ".scope/container/docker/" TWO "/init", NULL);
	put("/var/lib/containers/storage/overlay-containers/containers.json",
		"[{\"id\":\"" ONE "\",\"names\":[\"web\"]},{\"id\":\"" POD "\",\"names\":[\"gone\"]}]");
	n = target_containers_find(root, &all);
	assert_int_equal(n, 2);
	assert_ptr_equal(chosen("web"), &all[0]);
	assert_string_equal(strstr(all[0].path, "/libpod"), "/libpod-" ONE ".scope");
	assert_int_equal(all[0].kind, MODEL_CONTAINER_PODMAN);
	assert_ptr_equal(chosen("1a2b9999"), &all[1]);
	assert_int_equal(target_container_choose(all, n, "gone"), -ENOENT);
}

#define PODS CGROUP "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0a1b.slice"
#define TASK "/run/containerd/io.containerd.runtime.v2.task/k8s.io/"

static void pods_of_containerd_have_a_name_of_three_parts(void **state)
{
	static const char notes[] =
		"{\"annotations\":{\"io.kubernetes.cri.container-name\":\"%s\","
		"\"io.kubernetes.cri.sandbox-name\":\"shop-7f9\",\"io.kubernetes.cri.sandbox-namespace\":\"prod\"}}";
	char text[512];

	(void)state;
	put(PODS "/cri-containerd-" ONE ".scope", NULL);
	put(PODS "/cri-containerd-" TWO ".scope", NULL);
	snprintf(text, sizeof(text), notes, "app");
	put(TASK ONE "/config.json", text);
	snprintf(text, sizeof(text), notes, "log");
	put(TASK TWO "/config.json", text);
	n = target_containers_find(root, &all);
	assert_int_equal(n, 2);
	assert_string_equal(all[0].name, "prod/shop-7f9/app");
	assert_ptr_equal(chosen("prod/shop-7f9/app"), &all[0]);
	assert_ptr_equal(chosen("shop-7f9/log"), &all[1]);
	assert_ptr_equal(chosen("log"), &all[1]);
	assert_int_equal(target_container_choose(all, n, "9/log"), -ENOENT);
}

static void a_name_that_two_pods_have_is_refused_without_more_of_it(void **state)
{
	(void)state;
	put(PODS "/crio-" ONE ".scope", NULL);
	put(PODS "/crio-conmon-" ONE ".scope", NULL);
	put(PODS "/crio-" TWO ".scope", NULL);
	put("/var/lib/containers/storage/overlay-containers/containers.json",
		"[{\"id\":\"" ONE "\",\"names\":[\"k8s_app_shop-1_prod_0a1b_0\"]},"
		"{\"id\":\"" TWO "\",\"names\":[\"k8s_app_shop-2_prod_0a1c_0\"]}]");
	n = target_containers_find(root, &all);
	assert_int_equal(n, 2);
	assert_int_equal(all[0].kind, MODEL_CONTAINER_CRIO);
	assert_int_equal(target_container_choose(all, n, "app"), -EEXIST);
	assert_ptr_equal(chosen("shop-2/app"), &all[1]);
	assert_ptr_equal(chosen("prod/shop-1/app"), &all[0]);
}

static void lxc_is_found_by_name_and_not_by_a_part_of_it(void **state)
{
	(void)state;
	put(CGROUP "/lxc.payload.shop/init.scope", NULL);
	put(CGROUP "/lxc.monitor.shop", NULL);
	put(CGROUP "/lxc/old/ns", NULL);
	n = target_containers_find(root, &all);
	assert_int_equal(n, 2);
	assert_int_equal(chosen("shop")->kind, MODEL_CONTAINER_LXC);
	assert_non_null(strstr(chosen("shop")->path, "lxc.payload.shop"));
	assert_non_null(chosen("old"));
	assert_int_equal(target_container_choose(all, n, "sho"), -ENOENT);
}

static void hosts_that_have_the_older_hierarchies_too_are_understood(void **state)
{
	char path[256];

	(void)state;
	snprintf(path, sizeof(path), "%s%s", root, CGROUP "/cgroup.controllers");
	assert_int_equal(unlink(path), 0);
	n = target_containers_find(root, &all);
	assert_int_equal(n, -ENOENT);
	put(CGROUP "/unified/cgroup.controllers", "");
	put(CGROUP "/unified/docker/" ONE, NULL);
	put(CGROUP "/memory/docker/" TWO, NULL);
	n = target_containers_find(root, &all);
	assert_int_equal(n, 1);
	assert_string_equal(all[0].id, ONE);
}

static void names_from_files_that_others_may_write_are_not_believed(void **state)
{
	char path[512];

	(void)state;
	put(DOCKER, NULL);
	put("/var/lib/docker/containers/" ONE "/config.v2.json", "{\"Name\":\"/web\"}");
	snprintf(path, sizeof(path), "%s/var/lib/docker/containers/%s/config.v2.json", root, ONE);
	assert_int_equal(chmod(path, 0666), 0);
	n = target_containers_find(root, &all);
	assert_int_equal(n, 1);
	assert_string_equal(all[0].name, "");
}

static void files_that_hold_anything_else_give_no_name(void **state)
{
	static const char *const text[] = { "", "{", "[]", "{\"Name\":5}", "{\"Name\":\"\"}", "{\"Name\":\"/\"}",
		"\xff\xfe", "null" };
	char name[400];

	(void)state;
	put(DOCKER, NULL);
	put("/var/lib/containers/storage/overlay-containers/containers.json",
		"[1,{\"id\":2},{\"id\":\"" ONE "\",\"names\":7}]");
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		put("/var/lib/docker/containers/" ONE "/config.v2.json", text[i]);
		n = target_containers_find(root, &all);
		assert_int_equal(n, 1);
		assert_string_equal(all[0].name, "");
		target_containers_free(all, n);
		all = NULL;
	}
	snprintf(name, sizeof(name), "{\"Name\":\"/%0300d\"}", 7);
	put("/var/lib/docker/containers/" ONE "/config.v2.json", name);
	n = target_containers_find(root, &all);
	assert_string_equal(all[0].name, "");
}

#define IN_TREE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_TREE(docker_is_found_by_id_by_its_beginning_and_by_name),
		IN_TREE(a_container_s_own_groups_and_its_monitor_are_not_taken_for_it),
		IN_TREE(pods_of_containerd_have_a_name_of_three_parts),
		IN_TREE(a_name_that_two_pods_have_is_refused_without_more_of_it),
		IN_TREE(lxc_is_found_by_name_and_not_by_a_part_of_it),
		IN_TREE(hosts_that_have_the_older_hierarchies_too_are_understood),
		IN_TREE(names_from_files_that_others_may_write_are_not_believed),
		IN_TREE(files_that_hold_anything_else_give_no_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
