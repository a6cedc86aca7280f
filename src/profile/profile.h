/* SPDX-License-Identifier: GPL-2.0-or-later */
/* profile/profile.h - what tracing has found, complete in itself: every stack with its names and numbers, the curves, the crashes.
 * Nothing in it refers to the traced processes or to this machine's files. All exports are made from it (export/), and it is what a
 * .swt file holds (profile_write(), docs/swt.md).
 *
 * In: filled by whoever has a report and its names. Out: read.
 * Owner: a profile owns all that it points to; strings are kept once, and live until profile_free(). All strings that came from
 * a traced process, or from a file, are untrusted.
 * Errors: what cannot be added for lack of memory sets failed, and is left out: look once, at the end. Thread: one. */
#ifndef PROFILE_PROFILE_H
#define PROFILE_PROFILE_H

#include <stddef.h>
#include <stdint.h>

#include "util/intern.h"

enum profile_frame_kind {
	PROFILE_NATIVE,	 /* function and module are known */
	PROFILE_MODULE,	 /* the module alone is: no symbol covers the address */
	PROFILE_REGION,	 /* a mapping without a file; module is its name, such as "[heap]" */
	PROFILE_NOTHING, /* nothing is known of the address */
	PROFILE_PHP,	 /* function is "Class::method" or "{main}" */
	PROFILE_FRAME_KINDS
};

/* A frame is kept once, however many stacks it is in. */
struct profile_frame {
	enum profile_frame_kind kind;
	const char *function;	/* "": not known */
	const char *file;	/* source file; "": not known, or a function of PHP's own */
	const char *module;	/* file name without its folder; "" */
	const char *build_id;	/* of module, lower-case hex; "" */
	uint64_t offset;	/* PROFILE_NATIVE, PROFILE_MODULE: link-time address in module; else 0 */
	uint32_t line;		/* 0: not known */
	uint8_t is_inlined;	/* part of the code of the next frame (its caller) */
	uint8_t is_approximate; /* line is that of the function, not of the call */
};

#define PROFILE_MAX_FRAMES 2048 /* of a stack: 128 addresses, each with the functions inlined there */

enum profile_layer { PROFILE_ZEND, PROFILE_LIBC, PROFILE_MMAP, PROFILE_LAYERS };

/* What is thought of a stack. */
enum profile_verdict {
	PROFILE_UNKNOWN, /* not enough data */
	PROFILE_CLEAN,	 /* it turns over, has stopped, or its layer does not grow */
	PROFILE_LEAK,
	PROFILE_VERDICTS
};

/* What the numbers of a profile are. */
enum profile_basis {
	PROFILE_COUNTED,
	PROFILE_SAMPLED, /* the table of blocks was full: live bytes and blocks are estimates */
	PROFILE_WINDOWS, /* all are estimates, of windows of tracing: live is what has leaked since tracing began; so is allocated, at least */
	PROFILE_BASES
};

/* What is counted of a stack. */
enum profile_value {
	PROFILE_LIVE_BYTES,
	PROFILE_LIVE_BLOCKS,
	PROFILE_ALLOC_BYTES, /* allocated since tracing began, freed or not */
	PROFILE_ALLOC_BLOCKS,
	PROFILE_LEAK_RATE, /* bytes an hour; 0 unless it leaks */
	PROFILE_VALUES
};

struct profile_stack {
	uint32_t process; /* its place in process[] */
	enum profile_layer layer;
	enum profile_verdict verdict;
	uint8_t is_whole;	       /* walked to the end: the last frame is the outermost */
	int64_t value[PROFILE_VALUES]; /* below 0 in differences alone */
	uint64_t oldest_age_ms;	       /* of its live blocks; 0: there is none */
	const char *why;	       /* one line for people; "" */
	uint32_t n_frames;
	const uint32_t *frame; /* places in profile.frame[], the allocator's caller first */
};

struct profile_point {
	uint64_t time_ms; /* since tracing began */
	int64_t value;	  /* bytes */
};

struct profile_curve {
	const char *name;    /* "zend", "libc", "mmap", "rss", ... as in "growth" of docs/json.md */
	const char *verdict; /* "growing", "plateau", ... */
	int64_t bytes_per_s; /* unless the verdict is "not_enough_data" */
	struct profile_point *point;
	size_t n;
};

struct profile_process {
	uint32_t pid;
	const char *comm;
	const char *role;      /* "worker", ...; "" */
	int32_t worker;	       /* -1: not known */
	const char *what;      /* versions and the like, for people; "" */
	const char *container; /* its id; "" */
	uint8_t is_alive;
	int64_t live_bytes[PROFILE_LAYERS];
	int64_t live_blocks[PROFILE_LAYERS];
	uint64_t n_requests; /* UINT64_MAX: they are not counted */
	struct profile_curve *curve;
	size_t n_curves;
};

struct profile_loss {
	const char *key;
	const char *text;
	uint64_t count;
};

/* What is wrong with a file that was read. */
enum profile_fault {
	PROFILE_SOUND,
	PROFILE_FOREIGN,   /* it is no .swt file */
	PROFILE_NEWER,	   /* of a later version of the format, which this one cannot read */
	PROFILE_TRUNCATED, /* it ends too early: what came before is there */
	PROFILE_CORRUPT,   /* from some place on it is not what was written: what came before is there */
};

struct profile {
	const char *version;  /* of swtrace */
	const char *host;     /* the name of the machine */
	int64_t start_utc_ns; /* tracing began; ns since 1970 */
	int64_t utc_ns;	      /* the moment of which this tells */
	enum profile_basis basis;
	struct profile_process *process;
	size_t n_processes;
	struct profile_frame *frame;
	size_t n_frames;
	struct profile_stack *stack; /* leaks first, the fastest first; then most live bytes first */
	size_t n_stacks;
	struct profile_loss *loss; /* all causes, also those with count 0; of a damaged file none: they are not known */
	size_t n_losses;
	const char **
		event; /* crashes and the like: each a JSON object as in docs/json.md, in the order in which they came */
	size_t n_events;
	enum profile_fault
		fault; /* of the file it was read from: PROFILE_TRUNCATED, PROFILE_CORRUPT: stacks, and all else, may be missing */
	int is_headless; /* it was read from a file of which not even the first part is whole: nothing is known */
	int failed;	 /* memory ran out: something is missing */
	/* For those that fill it. */
	struct intern strings;
	void *frames_by_content;
	size_t cap_processes, cap_frames, cap_stacks, cap_losses, cap_events;
};

/* profile_begin - a profile without anything in it; strings are "". profile_free - free all; all zero is fine. */
void profile_begin(struct profile *p);
void profile_free(struct profile *p);

/* profile_string - the profile's own copy of s; NULL is "". */
const char *profile_string(struct profile *p, const char *s);

/* profile_add_* - add a copy. Strings are copied; curves are added afterwards, to the process that was added last.
 * profile_add_frame, profile_add_process  Return: the place of it. A frame that is there already is not added again. If failed: 0
 * profile_add_stack  frames that are not there, and what is beyond PROFILE_MAX_FRAMES, are left out */
uint32_t profile_add_frame(struct profile *p, const struct profile_frame *f);
uint32_t profile_add_process(struct profile *p, const struct profile_process *from);
void profile_add_curve(struct profile *p, const struct profile_curve *from);
void profile_add_stack(struct profile *p, const struct profile_stack *from);
void profile_add_loss(struct profile *p, const char *key, const char *text, uint64_t count);
void profile_add_event(struct profile *p, const char *json);

/* profile_layer_name - "zend", "libc", "mmap". profile_basis_name - "counted", "sampled", "windows". profile_verdict_name - "not_enough_data", "clean", "leak".
 * profile_value_name - "live_bytes", ..., "leak_bytes_per_hour". Static. */
const char *profile_layer_name(enum profile_layer layer);
const char *profile_basis_name(enum profile_basis b);
const char *profile_verdict_name(enum profile_verdict v);
const char *profile_value_name(enum profile_value v);

/* profile_write - as a .swt file.  @fd  written from where it stands      Return: 0 or -errno. */
int profile_write(const struct profile *p, int fd);

/* profile_read - from a .swt file, as much of it as is whole.
 * @p  out: begun, and to be freed in any case; fault: what is wrong with the file
 * Return: 0: something could be read (look at fault), or it is none of ours; -ENOMEM; -errno of reading. */
int profile_read(struct profile *p, int fd);

/* profile_fault_text - for people: "it ends too early", ... Static. */
const char *profile_fault_text(enum profile_fault f);

/* A stack is the same as another if it has the same key: the name of its process, its layer, and of each frame the names; an offset only
 * where there is no function. Addresses and lines move with each build, and each change to a file.
 * profile_key_begin, profile_key_add - a key, appended to an empty buffer. Names that are NULL are as "".
 * profile_site - a short name for a key: eight hex digits, the same after a restart of swtrace or of the program. The key is freed. For a
 * site, inlined frames are left out: how much is known of them depends on the debug information that is there.
 * profile_site_of - that of a stack. Both write to buf, which is returned. */
struct strbuf;
#define PROFILE_SITE_BYTES 9
void profile_key_begin(struct strbuf *b, const char *comm, enum profile_layer layer);
void profile_key_add(struct strbuf *b, const struct profile_frame *f);
const char *profile_site(struct strbuf *key, char buf[PROFILE_SITE_BYTES]);
const char *profile_site_of(const struct profile *p, const struct profile_stack *s, char buf[PROFILE_SITE_BYTES]);

/* The functions at addresses, of two profiles: names that need debug information may have come too late for one of them.
 * profile_places_make - strings are borrowed from both.  Return: 0 or -ENOMEM. profile_places_free - all zero is fine.
 * profile_places_name - the same frame, with the name that either has for it; without any places, as it is. */
struct profile_place;
struct profile_places {
	struct profile_place *list; /* sorted */
	size_t n;
};
int profile_places_make(struct profile_places *out, const struct profile *a, const struct profile *b);
void profile_places_free(struct profile_places *places);
struct profile_frame profile_places_name(const struct profile_places *places, const struct profile_frame *f);

/* profile_subtract - what has changed since an earlier one: all that now has, its stacks' values less those of the same stacks before.
 * Stacks are the same if they have the same names and layer, in processes of the same name: addresses, lines, and what is inlined may differ. What
 * was there before alone has values below 0. A stack without any change is left out.
 * @out  begun by this, to be freed in any case      Return: 0 or -ENOMEM. */
int profile_subtract(const struct profile *now, const struct profile *before, struct profile *out);

#endif
