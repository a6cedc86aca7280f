// SPDX-License-Identifier: GPL-2.0-or-later
/* target/requests.c - which functions begin to serve a request, besides PHP's own.
 *
 * Swoole serves many requests within one of PHP's. Four functions of its servers are called once for each that they receive, and
 * each request comes to one of them alone: one of HTTP/1, of an HTTP/2 stream and of a coroutine's server, a frame of a WebSocket, a
 * message of TCP (or Redis's), and a datagram. Source: swoole-src, ext-src/swoole_http_server.cc (php_swoole_http_server_onReceive hands a
 * frame on before it makes a context), swoole_http2_server.cc, swoole_http_server_coro.cc, swoole_server.cc; tags v4.8.13, v5.0.3, v5.1.8, v6.0.2,
 * v6.1.9, v6.2.2: there in all of them, global, so that a stripped file keeps them. They are matched by what comes before the types of
 * their arguments in C++'s mangled names. */
#include <errno.h>
#include <string.h>

#include "swtrace/abi.h"
#include "target/internal.h"

static const struct {
	const char *prefix;
	const char *function;
} swoole[] = {
	{ "_Z23swoole_http_context_new", "swoole_http_context_new" },
	{ "_Z26swoole_websocket_onMessage", "swoole_websocket_onMessage" },
	{ "_Z27php_swoole_server_onReceive", "php_swoole_server_onReceive" },
	{ "_Z26php_swoole_server_onPacket", "php_swoole_server_onPacket" },
};

#define N_SWOOLE (sizeof(swoole) / sizeof(swoole[0]))

_Static_assert(N_SWOOLE + TARGET_REQUEST_MAX <= TARGET_REQUEST_SITES, "there is room for all");

int target_path_fits(const char *path, const char *wanted)
{
	size_t n = strlen(path), k = strlen(wanted);

	return k && k <= n && !strcmp(path + n - k, wanted) && (k == n || *wanted == '/' || path[n - k - 1] == '/') &&
	       (*wanted != '/' || k == n);
}

int target_request_in(const struct target_module *m, const struct target_request *asked)
{
	struct elffile_symbol sym;

	if (!target_path_fits(m->path, asked->file))
		return -ENOENT;
	return m->elf && !elffile_find(m->elf, asked->symbol, &sym);
}

/* add - a function's first instruction, unless the kind has it already: names may be aliases. */
static size_t add(const struct target_module *m, const char *function, uint64_t vaddr, uint64_t kind,
	struct target_site *site, size_t n)
{
	uint64_t offset;

	if (n == TARGET_REQUEST_SITES || elffile_vaddr_to_offset(m->elf, vaddr, &offset))
		return n;
	for (size_t i = 0; i < n; i++)
		if (site[i].offset == offset && site[i].cookie == kind)
			return n;
	site[n] = (struct target_site){ .function = function, .offset = offset, .cookie = kind, .vaddr = vaddr };
	return n + 1;
}

/* may_be_swoole - is it worth while to look at all names? Swoole is an extension of that name, or built into the engine. */
static int may_be_swoole(const struct target_module *m)
{
	uint64_t offset;

	return strstr(m->name, "swoole") || !target_php_request_site(m, &offset);
}

size_t target_request_sites(
	const struct target_module *m, const struct target_request *asked, size_t n_asked, struct target_site *site)
{
	struct elffile_symbol sym;
	size_t n = 0, at = 0;

	if (!m->elf)
		return 0;
	while (may_be_swoole(m) && !elffile_next(m->elf, &at, &sym))
		for (size_t i = 0; i < N_SWOOLE; i++)
			if (!strncmp(sym.name, swoole[i].prefix, strlen(swoole[i].prefix)) && n < N_SWOOLE)
				n = add(m, swoole[i].function, sym.vaddr, SWT_REQUEST_SWOOLE, site, n);
	for (size_t i = 0; i < n_asked; i++)
		if (target_request_in(m, &asked[i]) > 0 && !elffile_find(m->elf, asked[i].symbol, &sym))
			n = add(m, asked[i].symbol, sym.vaddr, SWT_REQUEST_ASKED, site, n);
	return n;
}

/* sapi_cli_single_write is exported by PHP's command line, and by no other of its programs (sapi/cli/php_cli.c). */
int target_is_php_cli(const struct target_process *p)
{
	const struct target_module *m = target_php_engine(p);
	struct elffile_symbol sym;

	return m && m->elf && !elffile_find(m->elf, "sapi_cli_single_write", &sym);
}

#define NAME_MOST 64 /* bytes of a name that are compared */

/* distance - edits that make a into b, by Wagner and Fischer; at most cap is of interest. */
static unsigned distance(const char *a, size_t n, const char *b, size_t k, unsigned cap)
{
	unsigned row[NAME_MOST + 1];

	if ((n > k ? n - k : k - n) > cap)
		return cap + 1;
	for (size_t j = 0; j <= k; j++)
		row[j] = j;
	for (size_t i = 1; i <= n; i++) {
		unsigned left_above = row[0], least = row[0] = i;

		for (size_t j = 1; j <= k; j++) {
			unsigned above = row[j], best = left_above + (a[i - 1] != b[j - 1]);

			best = above + 1 < best ? above + 1 : best;
			row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
			least = row[j] < least ? row[j] : least;
			left_above = above;
		}
		if (least > cap)
			return cap + 1;
	}
	return row[k];
}

const char *target_nearest_function(const struct target_module *m, const char *name)
{
	size_t n = strnlen(name, NAME_MOST), at = 0, contained = SIZE_MAX;
	const char *nearest = NULL, *within = NULL;
	unsigned best = n / 3 + 1, d;
	struct elffile_symbol sym;

	while (m->elf && !elffile_next(m->elf, &at, &sym)) {
		size_t whole = strnlen(sym.name, 4 * NAME_MOST);

		d = best ? distance(name, n, sym.name, strnlen(sym.name, NAME_MOST), best - 1) : 1;
		if (best && d < best) {
			best = d;
			nearest = sym.name;
		}
		/* A name as it stands in C++'s source is part of the one that it has here. */
		if (n >= 4 && whole < contained && strstr(sym.name, name)) {
			contained = whole;
			within = sym.name;
		}
	}
	return nearest ? nearest : within;
}
