// SPDX-License-Identifier: GPL-2.0-or-later
/* profile/key.c - what makes a stack the same: by names, for as long as those last. */
#include "profile/profile.h"
#include "util/strbuf.h"

void profile_key_begin(struct strbuf *b, const char *comm, enum profile_layer layer)
{
	strbuf_add(b, comm);
	strbuf_add(b, "\n");
	strbuf_add(b, profile_layer_name(layer));
}

void profile_key_add(struct strbuf *b, const struct profile_frame *f)
{
	strbuf_addf(b, "\n%d\t%s\t%s\t", f->kind, f->function ? f->function : "", f->module ? f->module : "");
	if (f->kind == PROFILE_PHP && f->file)
		strbuf_add(b, f->file);
	if (f->kind == PROFILE_MODULE)
		strbuf_addf(b, "%llx", (unsigned long long)f->offset);
}

const char *profile_site(struct strbuf *key, char buf[PROFILE_SITE_BYTES])
{
	uint32_t hash = 2166136261; /* FNV-1a */

	for (size_t i = 0; i < key->len; i++)
		hash = (hash ^ (unsigned char)key->data[i]) * 16777619;
	strbuf_free(key);
	snprintf(buf, PROFILE_SITE_BYTES, "%08x", hash);
	return buf;
}

const char *profile_site_of(const struct profile *p, const struct profile_stack *s, char buf[PROFILE_SITE_BYTES])
{
	struct strbuf key = { 0 };

	profile_key_begin(&key, p->process[s->process].comm, s->layer);
	for (uint32_t i = 0; i < s->n_frames; i++)
		if (!p->frame[s->frame[i]].is_inlined)
			profile_key_add(&key, &p->frame[s->frame[i]]);
	return profile_site(&key, buf);
}
