/* Signing an application: what to sign, the signature that is brought, and the package of proofs.
 */
#include <string.h>

#include "base/json.h"
#include "base/time.h"
#include "identity/basic.h"
#include "identity/card_proof.h"
#include "identity/identity.h"
#include "pki/pki.h"
#include "procedure/pages/pages.h"
#include "procedure/procedure.h"

static struct str document_of(struct request *rq, const struct application *app)
{
	return app_signature_document(
	    rq->arena, app->id, app->procedure, app->version, app->answers_text);
}

/* --- for the pages --- */

int rq_signature(
    struct request *rq, const struct application *app, const struct procedure *p, struct err *err)
{
	struct app_signature s;
	int wanted = procedure_signature(p);
	struct db *db = rq_db(rq, err);
	int rc = !db      ? -(int)ERR_STORE
	         : wanted ? app_signature_find(db, rq->arena, app->id, &s, err)
	                  : 0;
	if (rc < 0 || !wanted)
		return rc;
	bool draft = app->state == APP_DRAFT;
	bool fits = rc > 0 && (!draft || app_signature_fits(rq->arena, &s, document_of(rq, app)));
	json_t *v = json_pack("{s:b, s:b, s:b, s:b, s:b, s:I}", "required", wanted == 2, "draft",
	    (int)draft, "signed", (int)fits, "anew", rc > 0 && !fits, "corrected",
	    app->revision > 1, "id", (json_int_t)app->id);
	if (rc > 0)
		json_object_update(v, s.summary);
	json_object_set_new(rq->view, "signature", v);
	return rc > 0 && !fits ? 0 : rc;
}

/* --- what differs from the form --- */

/* The fields of the form that say the same as the certificate. */
static json_t *differences(struct request *rq, const struct procedure *p, const json_t *answers,
    const struct pki_basic *basic)
{
	struct arena *a = rq->arena;
	const char *name = pki_with_substitutes(a, basic->name, basic->name_substitutes);
	const struct {
		const char *prefill, *text;
	} items[] = {
	    {"profile.name", name},
	    {"profile.full_name", name},
	    {"profile.birthday", date_format(a, basic->birthday)},
	    {"profile.address",
	        pki_with_substitutes(a, basic->address, basic->address_substitutes)},
	};
	json_t *list = json_array(), *section, *field;
	size_t i, k;
	json_array_foreach(json_object_get(procedure_json(p), "sections"), i, section)
	{
		json_array_foreach(json_object_get(section, "fields"), k, field)
		{
			const char *prefill = json_text(field, "prefill");
			const json_t *there = json_object_get(
			    json_object_get(answers, json_text_or(section, "id", "")),
			    json_text_or(field, "id", ""));
			for (size_t n = 0; there && n < COUNT(items); n++) {
				const char *form = basic_text(a, there);
				if (!text_eq(prefill, items[n].prefill) || !form[0] ||
				    basic_same(a, items[n].text, form))
					continue;
				json_array_append_new(
				    list, json_pack("{s:O?, s:s, s:s}", "label",
				              json_object_get(field, "label"), "form", form,
				              "certificate", items[n].text));
			}
		}
	}
	return list;
}

/* --- the package --- */

static void tar_add(struct buf *tar, const char *name, struct str bytes)
{
	unsigned char head[512] = {0};
	unsigned sum = 0;
	(void)snprintf((char *)head, 100, "%s", name);
	(void)snprintf((char *)head + 100, 8, "0000644");
	(void)snprintf((char *)head + 108, 8, "0000000");
	(void)snprintf((char *)head + 116, 8, "0000000");
	(void)snprintf((char *)head + 124, 12, "%011zo", bytes.n);
	(void)snprintf((char *)head + 136, 12, "%011llo", (unsigned long long)(now_us() / 1000000));
	memset(head + 148, ' ', 8);
	head[156] = '0';
	memcpy(head + 257, "ustar\00000", 8);
	for (size_t i = 0; i < sizeof(head); i++)
		sum += head[i];
	(void)snprintf((char *)head + 148, 8, "%06o", sum);
	static const char zeros[512];
	buf_add(tar, head, sizeof(head));
	buf_str(tar, bytes);
	buf_add(tar, zeros, (512 - bytes.n % 512) % 512);
}

struct signing {
	struct application *app;
	struct procedure *procedure;
	struct str document, tar;
	json_t *summary, *items; /* items: what the certificate says of the person */
};

static void package_make(struct request *rq, struct signing *s, struct str cms,
    const struct pki_checked *c, struct str stamp)
{
	struct arena *a = rq->arena;
	struct pki *pki = city_pki(rq->city);
	struct buf b;
	buf_init(&b, a);
	tar_add(&b, "document.json", s->document);
	tar_add(&b, "signature.p7s", cms);
	tar_add(&b, "certificate.pem", str_from(pki_to_pem(a, c->certificate.der, "CERTIFICATE")));
	tar_add(&b, "issuer.pem", str_from(pki_to_pem(a, c->issuer_der, "CERTIFICATE")));
	if (text_eq(c->revocation, "ocsp"))
		tar_add(&b, "revocation.ocsp", c->revocation_bytes);
	else if (c->revocation)
		tar_add(
		    &b, "revocation.crl", str_from(pki_to_pem(a, c->revocation_bytes, "X509 CRL")));
	if (stamp.n > 0) {
		tar_add(&b, "timestamp.tsr", stamp);
		tar_add(&b, "timestamp-authority.pem", pki_stamp_anchors_pem(pki));
	}
	static const char end[1024];
	buf_add(&b, end, sizeof(end));
	s->tar = buf_to_str(&b);
}

/* --- the signature that is brought --- */

static int sign_write(struct request *rq, struct db *db, struct err *err)
{
	struct signing *s = rq_data(rq);
	struct app_actor actor = rq_app_actor(rq);
	int rc = app_signature_set(
	    db, rq->arena, &actor, s->app->id, s->document, s->tar, s->summary, err);
	/* It is of the person who is signed in, so it shows who that is, too. */
	int proven = rc < 0 ? rc : card_prove_if_agrees(rq, db, s->items, err);
	if (proven < 0)
		return proven;
	rq_flash(rq, "success", "application.signature.taken", NULL);
	if (proven > 0)
		rq_flash(rq, "success", "identity.prove.done", NULL);
	return rq_redirect(rq, "/applications/%lld/confirm", (long long)s->app->id);
}

static int refused(struct request *rq, struct signing *s, const char *msgkey)
{
	rq_flash(rq, "error", msgkey, NULL);
	if (rq->wants_json) {
		rq_problem(rq, "signature", msgkey, NULL);
		return 0;
	}
	return rq_redirect(rq, "/applications/%lld/confirm#signature", (long long)s->app->id);
}

static int sign_check(struct request *rq, struct err *err)
{
	struct signing *s = rq_data(rq);
	struct pki *pki = city_pki(rq->city);
	struct pki_checked c;
	struct pki_verdict v;
	struct str stamp = {0};
	int64_t stamped_us = 0;
	struct str cms;
	int rc = card_signature(rq, s->document, true, &cms, &c, &v, err);
	if (rc == 0)
		return refused(rq, s, "application.signature.no_file");
	if (rc > 0)
		rc = 0;
	if (rc == 0 && v.reason == PKI_GOOD && pki_stamps(pki))
		rc = pki_stamp(pki, rq->arena, cms, rq->now_us, &stamp, &stamped_us, &v, err);
	if (rc < 0)
		return rc;
	if (v.reason != PKI_GOOD)
		return refused(rq, s, pki_reason_key(v.reason));
	const struct pki_basic *b = &c.certificate.basic;
	json_t *different = differences(rq, s->procedure, s->app->answers, b);
	s->summary = json_on_arena(rq->arena,
	    json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:b, s:o}", "name",
	        pki_with_substitutes(rq->arena, b->name, b->name_substitutes), "address",
	        pki_with_substitutes(rq->arena, b->address, b->address_substitutes), "birthday",
	        date_format(rq->arena, b->birthday), "issuer",
	        pki_name_text(rq->arena, c.certificate.issuer), "revocation", c.revocation,
	        "revocation_at", (json_int_t)c.revocation_us, "verified_at", (json_int_t)rq->now_us,
	        "stamped_at", (json_int_t)stamped_us, "differs", json_array_size(different) > 0,
	        "differences", different));
	package_make(rq, s, cms, &c, stamp);
	rc = card_items(rq, &c.certificate, &s->items, err);
	return rc < 0 ? rc : rq_write(rq, sign_write);
}

static int signing_load(struct request *rq, struct signing *s, struct err *err)
{
	int rc = rq_own_application(rq, &s->app, err);
	if (rc == 0)
		rc = app_procedure(rq, s->app, &s->procedure, err);
	if (rc == 0 && !procedure_signature(s->procedure))
		return err_set(err, ERR_MISSING, NULL, "%s is not signed", s->app->procedure);
	if (rc == 0 && s->app->state != APP_DRAFT)
		return err_set(err, ERR_CONFLICT, "application.already_submitted", "not a draft");
	if (rc == 0)
		s->document = document_of(rq, s->app);
	return rc;
}

static int sign_post(struct request *rq, struct err *err)
{
	struct signing *s = arena_new_of(rq->arena, struct signing);
	int rc = signing_load(rq, s, err);
	if (rc < 0)
		return rc;
	if (!pki_ready(city_pki(rq->city), PKI_SIGNATURE))
		return err_set(
		    err, ERR_BUSY, NULL, "no authority of signature certificates is set up");
	rq_set_data(rq, s);
	return rq_defer(rq, sign_check);
}

static int document_get(struct request *rq, struct err *err)
{
	struct signing s = {0};
	int rc = signing_load(rq, &s, err);
	return rc < 0 ? rc
	              : rq_send(rq, "application/json", s.document,
	                    arena_printf(rq->arena, "application-%lld.json", (long long)s.app->id));
}

static int package_get(struct request *rq, struct err *err)
{
	struct db *db = rq_db(rq, err);
	struct app_actor actor = rq_app_actor(rq);
	struct application *app;
	struct str tar;
	int rc = db ? app_read(db, rq->arena, &actor, rq_param_i64(rq, "id"), &app, err)
	            : -(int)ERR_STORE;
	if (rc == 0)
		rc = rq_reading(rq, app, TRAIL_FILE, NULL, "signature.tar", err);
	if (rc <= 0)
		return rc;
	rc = app_signature_package(db, rq->arena, app->id, &tar, err);
	if (rc < 0)
		return rc;
	return rc == 0 ? err_set(err, ERR_MISSING, NULL, "it is not signed")
	               : rq_send(rq, "application/x-tar", tar,
	                     arena_printf(rq->arena, "signature-%lld.tar", (long long)app->id));
}

static const struct input sign_inputs[] = {{"signature", "file", false, 0}, {NULL, NULL, false, 0}};

static const struct route routes[] = {
    {HTTP_GET, "/applications/{id}/signature/document.json", document_get, .perm = "signed-in",
        .flags = ROUTE_RAW, .summary = "What is signed: the answers in canonical form."},
    {HTTP_POST, "/applications/{id}/signature", sign_post, .perm = "signed-in",
        .inputs = sign_inputs, .rate = RATE_WRITE, .flags = ROUTE_UPLOAD,
        .summary = "Bring the signature (CMS) over the document."},
    {HTTP_GET, "/applications/{id}/signature/package.tar", package_get, .perm = "signed-in",
        .flags = ROUTE_RAW, .summary = "What was signed, the signature and all that proves it."},
};

const struct module signature_pages = {
    .name = "procedure.signature",
    .slot = -1,
    .routes = routes,
    .nroutes = COUNT(routes),
};
