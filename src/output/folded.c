// SPDX-License-Identifier: GPL-2.0-or-later
/* output/folded.c - folded stacks of live bytes: "process;[layer];root;...;leaf bytes", one stack a line, the input of
 * flame graph tools. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output/internal.h"

/* add_name - a name without the characters that mean something in a folded line: ';' parts frames, white space parts
 * the count, a control character could end the line. */
static void add_name(struct strbuf *b, const char *name)
{
	size_t from = b->len;

	strbuf_add_utf8(b, name);
	for (size_t i = from; i < b->len; i++) {
		unsigned char c = b->data[i];

		if (c == ';')
			b->data[i] = ':';
		else if (c <= ' ' || c == 0x7f)
			b->data[i] = '_';
		else if (c == 0xc2 && (unsigned char)b->data[i + 1] < 0xa0)
			memcpy(b->data + i, "__", 2); /* a C1 control: two bytes in UTF-8 */
	}
}

static void add_frame(struct strbuf *b, const struct symbol_frame *f)
{
	strbuf_add(b, ";");
	if (f->kind == SYMBOL_FUNCTION) {
		add_name(b, f->function);
		return;
	}
	if (f->kind == SYMBOL_PHP) {
		const char *slash = strrchr(f->file, '/');

		add_name(b, f->function);
		if (*f->file) {
			strbuf_add(b, "@");
			add_name(b, slash ? slash + 1 : f->file);
			strbuf_addf(b, ":%u", f->line);
		}
		return;
	}
	strbuf_add(b, "[");
	if (f->kind == SYMBOL_MODULE) {
		add_name(b, f->module);
		strbuf_addf(b, "+0x%" PRIx64, f->module_offset);
	} else {
		add_name(b, f->kind == SYMBOL_REGION ? f->module : "unmapped");
	}
	strbuf_add(b, "]");
}

static void add_line(struct strbuf *b, const struct analyze_row *row, const struct output_stack *s)
{
	add_name(b, row->process ? row->process->comm : "");
	strbuf_addf(b, "(%d);[%s]", row->stack->pid, model_layer_name(row->stack->layer));
	if (!model_walk_is_whole(s->walk))
		strbuf_add(b, ";[incomplete]");
	for (size_t i = s->n; i-- > 0;)
		add_frame(b, &s->frame[i]);
	strbuf_addf(b, " %" PRIu64 "\n", row->stack->live_bytes);
}

static int write_lines(int fd, const struct analyze_report *r, const struct output_stack *stacks)
{
	FILE *f = fdopen(fd, "w");
	struct strbuf b = { 0 };
	int err;

	if (!f) {
		err = -errno;
		close(fd);
		return err;
	}
	for (size_t i = 0; i < r->n_rows; i++)
		if (r->row[i].stack->live_bytes)
			add_line(&b, &r->row[i], &stacks[i]);
	err = write_out(f, &b);
	if (fclose(f) && !err)
		err = -errno;
	return err;
}

/* open_beside - a new file in path's directory, to be renamed over path. *temp is its name, to be freed. */
static int open_beside(const char *path, char **temp)
{
	mode_t mask = umask(0);
	int fd = -ENOMEM;

	umask(mask);
	if (asprintf(temp, "%s.XXXXXX", path) < 0) {
		*temp = NULL;
		return fd;
	}
	fd = mkostemp(*temp, O_CLOEXEC);
	if (fd < 0) {
		fd = -errno;
		free(*temp);
		*temp = NULL;
		return fd;
	}
	fchmod(fd, 0666 & ~mask);
	return fd;
}

/* real_path - path without symbolic links, to be freed: renaming over a link would replace the link and not the file,
 * and such a link may be /dev/stdout. A name that does not exist yet stays as it is. */
static int real_path(const char *path, char **real)
{
	struct stat st;
	int err;

	*real = realpath(path, NULL);
	if (*real)
		return 0;
	err = -errno;
	if (err != -ENOENT || !lstat(path, &st)) /* a link to nothing */
		return err;
	*real = strdup(path);
	return *real ? 0 : -ENOMEM;
}

/* open_special - without a reader a pipe is an error and not a wait for one; with one, writes wait for it as usual. */
static int open_special(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	fcntl(fd, F_SETFL, 0);
	return fd;
}

/* is_special - a device or a pipe cannot be replaced by a file; it is written to as it is. */
static int is_special(const char *path)
{
	struct stat st;

	return !stat(path, &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

int output_folded_check(const char *path)
{
	char *real = NULL, *temp = NULL;
	struct stat st;
	int fd = -1, err;

	err = real_path(path, &real);
	if (err)
		return err;
	if (is_special(real)) {
		err = access(real, W_OK) ? -errno : 0;
	} else if (!stat(real, &st) && S_ISDIR(st.st_mode)) {
		err = -EISDIR;
	} else {
		fd = open_beside(real, &temp);
		err = fd < 0 ? fd : 0;
	}
	if (temp) {
		close(fd);
		unlink(temp);
	}
	free(temp);
	free(real);
	return err;
}

int output_folded_write(const char *path, const struct analyze_report *r, const struct output_stack *stacks)
{
	char *real = NULL, *temp = NULL;
	int fd, err;

	err = real_path(path, &real);
	if (err)
		return err;
	fd = is_special(real) ? open_special(real) : open_beside(real, &temp);
	err = fd < 0 ? fd : write_lines(fd, r, stacks);
	if (temp && !err && rename(temp, real))
		err = -errno;
	if (temp && err)
		unlink(temp);
	free(temp);
	free(real);
	return err;
}
