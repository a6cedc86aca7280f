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
	}
}

static void add_frame(struct strbuf *b, const struct symbol_frame *f)
{
	strbuf_add(b, ";");
	if (f->kind == SYMBOL_FUNCTION) {
		add_name(b, f->function);
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
	if (s->cut_addr)
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

/* is_special - a device or a pipe cannot be replaced by a file; it is written to as it is. */
static int is_special(const char *path)
{
	struct stat st;

	return !stat(path, &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

int output_folded_check(const char *path)
{
	struct stat st;
	char *temp;
	int fd;

	if (is_special(path))
		return access(path, W_OK) ? -errno : 0;
	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		return -EISDIR;
	fd = open_beside(path, &temp);
	if (fd < 0)
		return fd;
	close(fd);
	unlink(temp);
	free(temp);
	return 0;
}

int output_folded_write(
	const char *path, const struct analyze_report *r, const struct output_stack *stacks)
{
	char *temp = NULL;
	int fd, err;

	if (is_special(path)) {
		fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
		return fd < 0 ? -errno : write_lines(fd, r, stacks);
	}
	fd = open_beside(path, &temp);
	if (fd < 0)
		return fd;
	err = write_lines(fd, r, stacks);
	if (!err && rename(temp, path))
		err = -errno;
	if (err)
		unlink(temp);
	free(temp);
	return err;
}
