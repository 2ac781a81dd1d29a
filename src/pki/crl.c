/* Certificate revocation lists (RFC 5280 §5): read, kept, looked up.
 *
 *   1. A list counts only when a trusted authority of that name signed it, it is not from the
 *      future, its nextUpdate has not passed, and it was not made longer ago than allowed.
 *   2. A list for a distribution point says something of certificates that name this point only;
 *      one without a point of all. Others (indirect, delta, only some reasons) are not taken.
 *   3. What was read is not changed: threads hold a reference. It is read anew when the file
 *      changed; from a URL, when it is an hour old or its time is over, by one thread, while the
 *      others use what is there. */
#include "pki/private.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"

enum { LIST_BYTES_MAX = 64 * 1024 * 1024 };
#define MINUTE_US (INT64_C(60) * 1000000)
#define FETCH_EVERY_US (60 * MINUTE_US)

struct entry {
	struct str serial;
	int reason;
};

struct crl {
	atomic_int references;
	struct arena *arena; /* everything, the bytes too */
	struct str bytes, tbs, signature_oid, signature;
	struct str issuer, point; /* point: content of the DistributionPointName; absent: of all */
	int64_t this_us, next_us;
	struct entry *entries; /* sorted */
	size_t n;
};

struct source {
	const char *at; /* path or URL */
	bool url, busy;
	struct timespec changed; /* of the file, when it was read */
	int64_t tried_us;        /* of the URL */
	struct crl *crl;
	char why[100]; /* it could not be read */
};

struct crls {
	pthread_mutex_t lock;
	struct source *sources;
	int n;
};

/* --- reading --- */

static int by_serial(const void *x, const void *y)
{
	const struct str a = ((const struct entry *)x)->serial,
	                 b = ((const struct entry *)y)->serial;
	return a.n != b.n ? (a.n < b.n ? -1 : 1) : memcmp(a.p, b.p, a.n);
}

static bool read_entry(struct str in, struct entry *e)
{
	struct str extensions, extension, oid, critical, value, reason;
	int64_t at;
	e->reason = -1;
	if (!der_take(&in, DER_INTEGER, &e->serial) || !der_time(&in, &at))
		return false;
	if (in.n == 0)
		return true;
	if (!der_only(in, DER_SEQUENCE, &extensions))
		return false;
	while (extensions.n > 0) {
		if (!der_take(&extensions, DER_SEQUENCE, &extension) ||
		    !der_take(&extension, DER_OID, &oid))
			return false;
		bool is_critical =
		    der_take(&extension, DER_BOOLEAN, &critical) && critical.n && critical.p[0];
		if (!der_only(extension, DER_OCTETS, &value))
			return false;
		if (der_is_oid(oid, OID("\x55\x1d\x15"))) {
			if (!der_only(value, 0x0a, &reason) || reason.n != 1)
				return false;
			e->reason = (unsigned char)reason.p[0];
		} else if (is_critical) {
			return false; /* certificateIssuer: an indirect list */
		}
	}
	return true;
}

static bool read_entries(struct str list, struct crl *c)
{
	struct str all = list, one;
	size_t n = 0;
	while (der_take(&all, DER_SEQUENCE, NULL))
		n++;
	if (all.n > 0)
		return false;
	c->entries = arena_array(c->arena, n ? n : 1, sizeof(*c->entries));
	while (der_take(&list, DER_SEQUENCE, &one))
		if (!read_entry(one, &c->entries[c->n++]))
			return false;
	qsort(c->entries, c->n, sizeof(*c->entries), by_serial);
	return true;
}

/* IssuingDistributionPoint: a point, onlyContainsUserCerts; nothing else. */
static bool read_issuing_point(struct str value, struct crl *c)
{
	struct str s, flag;
	if (!der_only(value, DER_SEQUENCE, &s))
		return false;
	(void)der_take(&s, DER_INSIDE | 0, &c->point); /* optional */
	(void)der_take(&s, DER_CONTEXT | 1, &flag);    /* optional */
	return s.n == 0;
}

static bool read_crl_extensions(struct str in, struct crl *c)
{
	struct str list, e, oid, critical, value;
	if (!der_only(in, DER_SEQUENCE, &list))
		return false;
	while (list.n > 0) {
		if (!der_take(&list, DER_SEQUENCE, &e) || !der_take(&e, DER_OID, &oid))
			return false;
		bool is_critical =
		    der_take(&e, DER_BOOLEAN, &critical) && critical.n && critical.p[0];
		if (!der_only(e, DER_OCTETS, &value))
			return false;
		if (der_is_oid(oid, OID("\x55\x1d\x1c"))) {
			if (!read_issuing_point(value, c))
				return false;
		} else if (is_critical) {
			return false;
		}
	}
	return true;
}

static bool read_body(struct str tbs, struct crl *c)
{
	struct str list = {0}, inside;
	int64_t version = 0;
	(void)der_small(&tbs, &version); /* optional: version 1 has none */
	if (!der_take(&tbs, DER_SEQUENCE, NULL) || !der_next(&tbs, NULL, NULL, &c->issuer) ||
	    !der_time(&tbs, &c->this_us) || !der_time(&tbs, &c->next_us))
		return false;
	if (der_take(&tbs, DER_SEQUENCE, &list) && !read_entries(list, c))
		return false;
	if (tbs.n == 0)
		return true;
	return der_only(tbs, DER_INSIDE | 0, &inside) && read_crl_extensions(inside, c);
}

static void crl_unref(struct crl *c)
{
	if (c && atomic_fetch_sub(&c->references, 1) == 1)
		arena_free(c->arena);
}

/* NULL: it is no list that can be used. Copies the bytes. */
static struct crl *crl_read(struct str bytes)
{
	struct arena *a = arena_new();
	struct crl *c = arena_new_of(a, struct crl);
	*c = (struct crl){.references = 1, .arena = a};
	struct str der = pki_pem(a, bytes, "X509 CRL"), all, body, algorithm;
	char *own = arena_alloc(a, der.n ? der.n : 1);
	if (der.n)
		memcpy(own, der.p, der.n);
	c->bytes = (struct str){own, der.n};
	if (der_only(c->bytes, DER_SEQUENCE, &all)) {
		struct str from = all;
		if (der_next(&all, NULL, NULL, &c->tbs) && der_take(&from, DER_SEQUENCE, &body) &&
		    der_take(&all, DER_SEQUENCE, &algorithm) &&
		    der_take(&algorithm, DER_OID, &c->signature_oid) &&
		    der_only(all, DER_BITS, &c->signature) && c->signature.n > 1 &&
		    c->signature.p[0] == 0 && read_body(body, c)) {
			c->signature = (struct str){c->signature.p + 1, c->signature.n - 1};
			return c;
		}
	}
	crl_unref(c);
	return NULL;
}

bool crl_readable(struct str bytes)
{
	struct crl *c = crl_read(bytes);
	crl_unref(c);
	return c != NULL;
}

/* Rule 1's signature, by any of the city's authorities of that name. */
static bool signed_by_anchor(const struct pki *p, const struct crl *c)
{
	const struct algorithm *a =
	    algorithm_find(p->algorithms, c->signature_oid, (struct str){0});
	for (int kind = 0; a && kind < PKI_KIND_COUNT; kind++)
		for (int i = 0; i < p->kinds[kind].n; i++) {
			const struct anchor *t = &p->kinds[kind].list[i];
			if (str_eq(t->certificate.subject, c->issuer) &&
			    (t->certificate.usage < 0 || t->certificate.usage & PKI_CRL_SIGN) &&
			    key_verify(t->key, a, c->tbs, c->signature))
				return true;
		}
	return false;
}

/* --- sources --- */

int crls_new(struct arena *a, const struct pki_options *o, struct crls **out, struct err *err)
{
	enum { SOURCES_MAX = 2048 };
	struct crls *c = arena_new_of(a, struct crls);
	*c = (struct crls){0};
	*out = c;
	pthread_mutex_init(&c->lock, NULL);
	c->sources = arena_array(a, o->crl ? SOURCES_MAX : 1, sizeof(*c->sources));
	struct str rest = str_from(o->crl), one;
	while (str_cut(&rest, ' ', &one)) {
		if (one.n == 0)
			continue;
		if (c->n == SOURCES_MAX)
			return err_set(
			    err, ERR_INPUT, NULL, "card.crl: more than %d lists", SOURCES_MAX);
		struct source *s = &c->sources[c->n++];
		s->url = str_starts(one, "http://") || str_starts(one, "https://");
		s->at = s->url || one.p[0] == '/'
		            ? str_dup(a, one)
		            : arena_printf(a, "%s/%.*s", o->dir, STR_ARG(one));
	}
	return 0;
}

void crls_free(struct crls *c)
{
	if (!c)
		return;
	for (int i = 0; i < c->n; i++)
		crl_unref(c->sources[i].crl);
	pthread_mutex_destroy(&c->lock);
}

/* Puts what was read in place of what was there, when it can be used. c->lock is held. */
static void source_set(const struct pki *p, struct source *s, struct str bytes)
{
	struct crl *next = crl_read(bytes);
	if (!next || !signed_by_anchor(p, next)) {
		(void)snprintf(s->why, sizeof(s->why), "%s",
		    next ? "a revocation list that no trusted authority signed"
		         : "no revocation list that can be used");
		log_warn("pki.crl", "%s: %s", s->at, s->why);
		crl_unref(next);
		return;
	}
	s->why[0] = '\0';
	crl_unref(s->crl);
	s->crl = next;
}

static void refresh_file(const struct pki *p, struct source *s)
{
	struct stat st;
	if (stat(s->at, &st) < 0) {
		(void)snprintf(s->why, sizeof(s->why), "no file");
		return;
	}
	if (s->changed.tv_sec == st.st_mtim.tv_sec && s->changed.tv_nsec == st.st_mtim.tv_nsec)
		return;
	struct arena *a = arena_new();
	struct str bytes;
	s->changed = st.st_mtim;
	if (file_read(a, s->at, &bytes, NULL) == 0)
		source_set(p, s, bytes);
	arena_free(a);
}

/* The lock is given back while the answer is waited for. */
static void refresh_url(const struct pki *p, struct source *s, int64_t now_us)
{
	bool over = !s->crl || now_us > s->crl->next_us;
	int64_t since = now_us - s->tried_us;
	if (s->busy || (since >= 0 && since < (over ? MINUTE_US : FETCH_EVERY_US) && s->tried_us))
		return;
	s->tried_us = now_us;
	s->busy = true;
	pthread_mutex_unlock(&p->crls->lock);
	struct arena *a = arena_new();
	struct str bytes = {0};
	struct err err = {0};
	int rc = ask(a, s->at, (struct str){0}, NULL, LIST_BYTES_MAX, &bytes, &err);
	pthread_mutex_lock(&p->crls->lock);
	s->busy = false;
	if (rc == 0)
		source_set(p, s, bytes);
	else
		(void)snprintf(s->why, sizeof(s->why), "%.99s", err.detail);
	arena_free(a);
}

static bool covers(
    const struct crl *c, const struct anchor *issuer, const struct pki_certificate *of)
{
	return c && str_eq(c->issuer, issuer->certificate.subject) &&
	       (!c->point.p || (of->crl_point.p && str_eq(c->point, of->crl_point)));
}

static bool too_old(const struct pki *p, const struct crl *c, int64_t now_us)
{
	enum { SKEW_MINUTES = 5 };
	int64_t hours = p->options.crl_hours;
	return now_us > c->next_us || now_us < c->this_us - SKEW_MINUTES * MINUTE_US ||
	       (hours > 0 && now_us - c->this_us > hours * 60 * MINUTE_US);
}

/* The newest list that says something of the certificate, with a reference. */
static struct crl *newest(struct pki *p, const struct anchor *issuer,
    const struct pki_certificate *of, int64_t now_us, struct revocation *r)
{
	struct crl *found = NULL;
	pthread_mutex_lock(&p->crls->lock);
	for (int i = 0; i < p->crls->n; i++) {
		struct source *s = &p->crls->sources[i];
		if (s->url)
			refresh_url(p, s, now_us);
		else
			refresh_file(p, s);
		if (s->why[0])
			(void)snprintf(r->detail, sizeof(r->detail), "%s", s->why);
	}
	for (int i = 0; i < p->crls->n; i++) { /* the lock was given back above */
		struct source *s = &p->crls->sources[i];
		if (covers(s->crl, issuer, of) && (!found || s->crl->this_us > found->this_us))
			found = s->crl;
	}
	if (found)
		atomic_fetch_add(&found->references, 1);
	pthread_mutex_unlock(&p->crls->lock);
	return found;
}

void crl_ask(struct pki *p, const struct anchor *issuer, const struct pki_certificate *of,
    int64_t now_us, bool evidence, struct arena *a, struct revocation *r)
{
	(void)snprintf(r->detail, sizeof(r->detail), "no list of the issuer");
	struct crl *c = newest(p, issuer, of, now_us, r);
	if (!c)
		return;
	if (too_old(p, c, now_us)) {
		r->stale = true;
		(void)snprintf(r->detail, sizeof(r->detail), "the revocation list is too old");
	} else {
		struct entry wanted = {.serial = of->serial};
		const struct entry *e =
		    c->n ? bsearch(&wanted, c->entries, c->n, sizeof(wanted), by_serial) : NULL;
		r->source = "crl";
		r->revoked = e != NULL;
		r->reason = e ? e->reason : -1;
		r->said_us = c->this_us;
		if (evidence) {
			char *copy = arena_alloc(a, c->bytes.n);
			memcpy(copy, c->bytes.p, c->bytes.n);
			r->bytes = (struct str){copy, c->bytes.n};
		}
	}
	crl_unref(c);
}
