// SPDX-License-Identifier: GPL-2.0-or-later
/* output/identity.c - what a process is, for people and as JSON. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "output/internal.h"

void text_add_role(struct strbuf *b, const struct model_identity *id)
{
	if (!id || !id->role)
		return;
	strbuf_addf(b, ", %s", model_role_text(id->role));
	if (id->worker >= 0)
		strbuf_addf(b, " %d", id->worker);
	if (*id->pool) {
		strbuf_add(b, " of pool ");
		strbuf_add_safe(b, id->pool, "");
	}
}

/* begin - what is told next stands behind a comma, unless it is the first. */
static void begin(struct strbuf *b, size_t *start)
{
	if (b->len > *start)
		strbuf_add(b, ", ");
}

static void add_php(struct strbuf *b, const struct model_identity *id)
{
	strbuf_add(b, "PHP ");
	strbuf_add_safe(b, id->php_version, "");
	if (id->thread_safe >= 0)
		strbuf_add(b, id->thread_safe ? " ZTS" : " NTS");
	if (id->is_debug > 0)
		strbuf_add(b, " debug");
	if (id->has_opcache)
		strbuf_add(b, id->has_jit ? ", opcache with JIT" : ", opcache");
}

static void add_libc(struct strbuf *b, const struct model_identity *id)
{
	strbuf_add(b, model_libc_name(id->libc));
	if (*id->libc_version) {
		strbuf_add(b, " ");
		strbuf_add_safe(b, id->libc_version, "");
	}
	if (id->is_static)
		strbuf_add(b, " (static)");
}

static void add_container(struct strbuf *b, const struct model_identity *id)
{
	if (id->container == MODEL_CONTAINER_OTHER)
		strbuf_add(b, *id->container_id ? "container" : "in a pid namespace of its own");
	else
		strbuf_addf(b, "%s", model_container_name(id->container));
	if (*id->container_id) {
		strbuf_add(b, " ");
		strbuf_add_safe(b, id->container_id, "");
	}
	if (id->ns_pid)
		strbuf_addf(b, " (pid %d there)", id->ns_pid);
}

void text_add_container(struct strbuf *b, const struct model_identity *id)
{
	if (!id || !id->container)
		return;
	strbuf_add(b, ", ");
	add_container(b, id);
}

/* add_part - the role, with how it is known where that is not by what the program itself says. */
static void add_part(struct strbuf *b, const struct model_identity *id)
{
	struct strbuf role = { 0 };

	text_add_role(&role, id);
	if (role.data)
		strbuf_add(b, role.data + 2);
	b->failed |= role.failed;
	strbuf_free(&role);
	if (id->role_from == MODEL_ROLE_FROM_TREE)
		strbuf_add(b, " (by its place among the processes)");
}

void text_add_identity(struct strbuf *b, const struct model_identity *id)
{
	size_t start = b->len;

	if (!id)
		return;
	if (id->role)
		add_part(b, id);
	if (id->has_swoole) {
		strbuf_add(b, id->role ? " of Swoole" : "Swoole");
		strbuf_add(b, *id->swoole_version ? " " : " of unknown version");
		strbuf_add_safe(b, id->swoole_version, "");
	}
	if (id->has_php) {
		begin(b, &start);
		add_php(b, id);
	}
	if (id->libc) {
		begin(b, &start);
		add_libc(b, id);
	}
	if (*id->malloc) {
		begin(b, &start);
		strbuf_add(b, "malloc of ");
		strbuf_add_safe(b, id->malloc, "");
	}
	if (id->container) {
		begin(b, &start);
		add_container(b, id);
	}
}

void text_add_build_ids(struct strbuf *b, const struct model_identity *id)
{
	for (uint32_t i = 0; id && i < id->n_files; i++) {
		strbuf_add(b, i ? ", " : "");
		strbuf_add_safe(b, id->file[i].name, "");
		strbuf_add(b, " ");
		strbuf_add_safe(b, id->file[i].build_id, "");
	}
}

void text_add_new_identity(struct strbuf *b, const struct model_process *p)
{
	struct strbuf line = { 0 };

	if (!p->identity || !p->identity_is_new)
		return;
	text_add_identity(&line, p->identity);
	if (line.len)
		strbuf_addf(b, "    is: %s\n", line.data);
	if (p->identity->n_files) {
		strbuf_add(b, "    build-ids: ");
		text_add_build_ids(b, p->identity);
		strbuf_add(b, "\n");
	}
	b->failed |= line.failed;
	strbuf_free(&line);
}

/* extensions - the words, each a string. */
static json_t *extensions(const char *words)
{
	char word[sizeof(((struct model_identity *)0)->extensions)];
	json_t *list = json_array();

	while (*words) {
		size_t n = strcspn(words, " ");

		snprintf(word, sizeof(word), "%.*s", (int)n, words);
		json_array_append_new(list, json_text(word));
		words += n + strspn(words + n, " ");
	}
	return list;
}

static json_t *php(const struct model_identity *id)
{
	json_t *o;

	if (!id->has_php)
		return json_null();
	o = json_object();
	json_object_set_new(o, "version", json_text_or_null(id->php_version));
	json_object_set_new(o, "thread_safe", id->thread_safe < 0 ? json_null() : json_boolean(id->thread_safe));
	json_object_set_new(o, "debug", id->is_debug < 0 ? json_null() : json_boolean(id->is_debug));
	json_object_set_new(o, "opcache", json_boolean(id->has_opcache));
	json_object_set_new(o, "jit", json_boolean(id->has_jit));
	json_object_set_new(o, "extensions", extensions(id->extensions));
	return o;
}

static json_t *swoole(const struct model_identity *id)
{
	json_t *o;

	if (!id->has_swoole)
		return json_null();
	o = json_object();
	json_object_set_new(o, "version", json_text_or_null(id->swoole_version));
	return o;
}

static json_t *libc(const struct model_identity *id)
{
	json_t *o;

	if (!id->libc)
		return json_null();
	o = json_object();
	json_object_set_new(o, "name", json_string(model_libc_name(id->libc)));
	json_object_set_new(o, "version", json_text_or_null(id->libc_version));
	json_object_set_new(o, "static", json_boolean(id->is_static));
	return o;
}

static json_t *container(const struct model_identity *id)
{
	json_t *o;

	if (!id->container)
		return json_null();
	o = json_object();
	json_object_set_new(o, "kind", json_string(model_container_name(id->container)));
	json_object_set_new(o, "id", json_text_or_null(id->container_id));
	json_object_set_new(o, "pid", id->ns_pid ? json_integer(id->ns_pid) : json_null());
	return o;
}

static json_t *distribution(const struct model_identity *id)
{
	json_t *o;

	if (!*id->distribution)
		return json_null();
	o = json_object();
	json_object_set_new(o, "id", json_text(id->distribution));
	json_object_set_new(o, "version", json_text_or_null(id->distribution_version));
	return o;
}

static json_t *files(const struct model_identity *id)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < id->n_files; i++) {
		json_t *o = json_object();

		json_object_set_new(o, "name", json_text(id->file[i].name));
		json_object_set_new(o, "build_id", json_text(id->file[i].build_id));
		json_array_append_new(list, o);
	}
	return list;
}

json_t *json_identity(const struct model_identity *id)
{
	json_t *o;

	if (!id)
		return json_null();
	o = json_object();
	json_object_set_new(o, "role", json_text_or_null(model_role_name(id->role)));
	json_object_set_new(o, "role_from", json_text_or_null(model_role_source_name(id->role_from)));
	json_object_set_new(o, "worker", id->worker < 0 ? json_null() : json_integer(id->worker));
	json_object_set_new(o, "pool", json_text_or_null(id->pool));
	json_object_set_new(o, "exe", json_text_or_null(id->exe));
	json_object_set_new(o, "php", php(id));
	json_object_set_new(o, "swoole", swoole(id));
	json_object_set_new(o, "libc", libc(id));
	json_object_set_new(o, "malloc", json_text_or_null(id->malloc));
	json_object_set_new(o, "container", container(id));
	json_object_set_new(o, "distribution", distribution(id));
	json_object_set_new(o, "kernel", json_text_or_null(id->kernel));
	json_object_set_new(o, "files", files(id));
	return o;
}
