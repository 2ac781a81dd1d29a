/* What answers bring along: files, the applicant's name, words for the search, differences. */
#include "procedure/application/life.h"

#include "base/json.h"
#include "store/blob.h"
#include "store/search.h"
#include "web/city.h"

enum { UPLOAD_DAY = 500 << 20, UPLOAD_APPLICATION = 200 << 20 };

/* --- files --- */

struct file_ref {
	struct file_ref *next;
	const char *field, *blob, *name, *type;
	int64_t size, row; /* row: attachment.id of what is stored */
	bool seen;
};

/* Where a value stands in the answers: "attachments.photos", "children.0.card". */
struct place {
	const struct place *above; /* NULL: all answers */
	const char *key;           /* NULL: a row */
	size_t row;
};

static void place_text(struct buf *b, const struct place *p)
{
	if (p->above) {
		place_text(b, p->above);
		buf_putc(b, '.');
	}
	if (p->key)
		buf_puts(b, p->key);
	else
		buf_i64(b, (int64_t)p->row);
}

static void file_add(
    struct arena *a, const json_t *v, const struct place *place, struct file_ref **out)
{
	struct buf field;
	buf_init(&field, a);
	place_text(&field, place);
	struct file_ref *f = arena_new_of(a, struct file_ref);
	*f = (struct file_ref){.next = *out,
	    .field = field.p,
	    .blob = json_text(v, "blob"),
	    .name = json_text_or(v, "name", ""),
	    .type = json_text_or(v, "type", "application/octet-stream"),
	    .size = json_i64(v, "size", 0)};
	*out = f;
}

/* place NULL: v is all answers, which are no file. */
static void files_find(struct arena *a, json_t *v, const struct place *place, struct file_ref **out)
{
	const char *key;
	size_t i;
	json_t *sub;
	if (place && json_text(v, "blob")) {
		file_add(a, v, place, out);
	} else if (json_is_object(v)) {
		json_object_foreach(v, key, sub)
		{
			struct place inner = {.above = place, .key = key};
			if (json_is_object(sub) || json_is_array(sub))
				files_find(a, sub, &inner, out);
		}
	} else if (json_is_array(v)) {
		/* Files of one control share its name; rows of a group have theirs. */
		json_array_foreach(v, i, sub)
		{
			struct place inner = {.above = place, .row = i};
			bool is_file = json_object_get(sub, "blob") != NULL;
			files_find(a, sub, is_file ? place : &inner, out);
		}
	}
}

static int files_stored(
    struct db *db, struct arena *a, int64_t id, struct file_ref **out, struct err *err)
{
	struct rows *rows = db_query(db, err, &life_sql[SQL_ATTACHMENT_OF], "i", id);
	if (!rows)
		return -(int)ERR_STORE;
	int rc;
	while ((rc = rows_next(rows)) == 1) {
		if (rows_i64(rows, 7) != 0)
			continue;
		struct file_ref *f = arena_new_of(a, struct file_ref);
		*f = (struct file_ref){.next = *out,
		    .row = rows_i64(rows, 0),
		    .field = rows_dup(rows, 1, a),
		    .blob = rows_dup(rows, 2, a)};
		*out = f;
	}
	rows_end(rows);
	return rc;
}

static bool files_have(struct file_ref *list, const struct file_ref *f, bool by_field)
{
	for (struct file_ref *o = list; o; o = o->next)
		if (!o->seen && strcmp(o->blob, f->blob) == 0 &&
		    (!by_field || strcmp(o->field, f->field) == 0)) {
			o->seen = by_field;
			return true;
		}
	return false;
}

int attachments_sync(
    struct db *db, struct arena *a, struct app_row *r, json_t *answers, struct err *err)
{
	struct file_ref *now = NULL, *before = NULL;
	const char *subject = subject_of(a, r->id);
	const char *day = date_format(a, date_of_us(now_us()));
	bool draft = row_state(r) == APP_DRAFT;
	int rc = 0;
	int64_t n = 0;
	files_find(a, answers, NULL, &now);
	if (r->kids & KID_ATTACHMENT)
		rc = files_stored(db, a, r->id, &before, err);
	for (struct file_ref *f = now; f && rc == 0 && n >= 0; f = f->next) {
		if (files_have(before, f, true))
			continue;
		n = db_run(db, err, &life_sql[SQL_ATTACHMENT_ADD], "issssii", r->id,
		    str_from(f->field), str_from(f->blob), str_from(f->name), str_from(f->type),
		    f->size, r->revision);
		if (n >= 0 && r->account)
			n = db_run(
			    db, err, &life_sql[SQL_UPLOAD_ADD], "iti", r->account, day, f->size);
		if (n >= 0)
			rc = blob_use(db, f->blob, subject, err);
		r->kids |= KID_ATTACHMENT;
	}
	for (struct file_ref *f = before; f && rc == 0 && n >= 0; f = f->next) {
		if (f->seen)
			continue;
		/* A draft forgets; what was submitted stays as it was, marked. */
		n = draft ? db_run(db, err, &life_sql[SQL_ATTACHMENT_DELETE], "i", f->row)
		          : db_run(db, err, &life_sql[SQL_ATTACHMENT_REMOVE], "ii", f->row,
		                r->revision);
		if (n >= 0 && draft && !files_have(now, f, false))
			rc = blob_unuse(db, f->blob, subject, err);
	}
	return n < 0 ? (int)n : rc;
}

static int64_t left(const struct city *city, const char *setting, int64_t fallback, int64_t used)
{
	int64_t most = city_setting_i64(city, setting, fallback);
	return most <= 0 ? INT64_MAX : most > used ? most - used : 0;
}

int app_upload_room(struct db *db, struct arena *a, const struct city *city, int64_t account,
    json_t *answers, struct upload_room *out, struct err *err)
{
	const char *day = date_format(a, date_of_us(now_us()));
	struct file_ref *files = NULL;
	int64_t today = 0, here = 0;
	int rc =
	    account ? db_get_i64(db, err, &today, &life_sql[SQL_UPLOAD_OF], "it", account, day) : 0;
	files_find(a, answers, NULL, &files);
	for (struct file_ref *f = files; f; f = f->next)
		here += f->size;
	*out = (struct upload_room){
	    .day = account ? left(city, "upload.day", UPLOAD_DAY, today) : INT64_MAX,
	    .application = left(city, "upload.application", UPLOAD_APPLICATION, here)};
	return rc < 0 ? rc : 0;
}

int blobs_sync(struct db *db, struct arena *a, const char *subject, json_t *before, json_t *after,
    struct err *err)
{
	struct file_ref *was = NULL, *is = NULL;
	int rc = 0;
	if (before)
		files_find(a, before, NULL, &was);
	if (after)
		files_find(a, after, NULL, &is);
	for (struct file_ref *f = is; f && rc == 0; f = f->next)
		if (!files_have(was, f, false))
			rc = blob_use(db, f->blob, subject, err);
	for (struct file_ref *f = was; f && rc == 0; f = f->next)
		if (!files_have(is, f, false))
			rc = blob_unuse(db, f->blob, subject, err);
	return rc;
}

/* --- names --- */

/* Texts and {family, given}. */
static const char *name_text(struct arena *a, const json_t *v)
{
	if (json_is_string(v))
		return json_string_length(v) ? json_string_value(v) : NULL;
	const char *family = json_string_value(json_object_get(v, "family"));
	const char *given = json_string_value(json_object_get(v, "given"));
	if (family && given && family[0] && given[0]) /* a wide space between wide letters */
		return arena_printf(a, "%s%s%s", family, family[0] & 0x80 ? "　" : " ", given);
	family = family && family[0] ? family : given;
	return family && family[0] ? family : NULL;
}

static const char *member(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));
	return s ? s : "";
}

/* How well a field names the applicant; 0: not at all. */
static int name_rank(const json_t *field, const char *section, const char *applicant_kind)
{
	const char *type = member(field, "type"), *id = member(field, "id");
	bool is_name = strcmp(type, "name") == 0, is_text = strcmp(type, "text") == 0;
	if (is_text && strcmp(applicant_kind, "business") == 0 &&
	    (strcmp(id, "company") == 0 || strcmp(id, "company_name") == 0))
		return 5;
	if ((is_name || is_text) && strcmp(id, "name") == 0 && strcmp(section, "applicant") == 0)
		return 4;
	if ((is_name || is_text) && strcmp(member(field, "prefill"), "profile.name") == 0)
		return 3;
	if (is_name)
		return 2;
	return is_text && strcmp(id, "name") == 0 ? 1 : 0;
}

const char *applicant_name_of(struct arena *a, const struct procedure *proc,
    const char *applicant_kind, json_t *answers, json_t *profile)
{
	const char *best = name_text(a, json_object_get(profile, "name"));
	int rank = 0;
	size_t i, k;
	json_t *section, *field;
	json_array_foreach(json_object_get(procedure_json(proc), "sections"), i, section)
	{
		const char *id = member(section, "id");
		json_t *part = json_object_get(answers, id);
		if (!json_is_object(part))
			continue;
		json_array_foreach(json_object_get(section, "fields"), k, field)
		{
			int rk = name_rank(field, id, applicant_kind);
			const char *text =
			    rk > rank ? name_text(a, json_object_get(part, member(field, "id")))
			              : NULL;
			if (text) {
				best = text;
				rank = rk;
			}
		}
	}
	return best ? arena_strdup(a, best) : NULL;
}

static void index_part(struct arena *a, struct buf *b, const json_t *fields, const json_t *part)
{
	size_t k;
	json_t *field;
	json_array_foreach(fields, k, field)
	{
		const char *type = member(field, "type");
		if (!name_rank(field, "applicant", "business") && strcmp(type, "furigana") != 0)
			continue;
		const json_t *v = json_object_get(part, member(field, "id"));
		const char *text = name_text(a, v);
		if (text)
			buf_printf(b, " %s", text);
		/* People search for 高松花子 without the space, too. */
		if (text && json_is_object(v))
			buf_printf(b, " %s%s", member(v, "family"), member(v, "given"));
	}
}

const char *answers_words(struct arena *a, const struct procedure *proc, json_t *answers)
{
	struct buf b;
	size_t i, n;
	json_t *section, *row;
	const char *ja = procedure_text(proc, "title", "ja"),
	           *en = procedure_text(proc, "title", "en");
	buf_init(&b, a);
	buf_printf(&b, "%s %s", ja ? ja : "", en ? en : "");
	json_array_foreach(json_object_get(procedure_json(proc), "sections"), i, section)
	{
		json_t *fields = json_object_get(section, "fields");
		json_t *part = json_object_get(answers, member(section, "id"));
		if (json_is_object(part))
			index_part(a, &b, fields, part);
		json_array_foreach(part, n, row) index_part(a, &b, fields, row);
	}
	return b.p;
}

int row_index(
    struct db *db, struct arena *a, const struct app_row *r, const char *words, struct err *err)
{
	const char *text = arena_printf(a, "%s %s %s %s", r->receipt_number, r->serial,
	    r->applicant_name ? r->applicant_name : "", words);
	return search_put(db, "application", r->id, r->department, text, err);
}

/* --- differences --- */

static void changed_in(json_t *out, const char *section, const json_t *before, const json_t *after)
{
	char name[256];
	const char *key;
	json_t *v;
	json_object_foreach((json_t *)after, key, v)
	{
		if (!json_equal(v, json_object_get(before, key))) {
			snprintf(name, sizeof(name), "%s.%s", section, key);
			json_array_append_new(out, json_string(name));
		}
	}
	json_object_foreach((json_t *)before, key, v)
	{
		if (!json_object_get(after, key)) {
			snprintf(name, sizeof(name), "%s.%s", section, key);
			json_array_append_new(out, json_string(name));
		}
	}
}

json_t *answers_changed(json_t *before, json_t *after)
{
	json_t *out = json_array(), *v;
	const char *section;
	json_object_foreach(after, section, v)
	{
		json_t *old = json_object_get(before, section);
		if (json_equal(v, old) || strcmp(section, "computed") == 0)
			continue;
		if (json_is_object(v))
			changed_in(out, section, json_is_object(old) ? old : NULL, v);
		else
			json_array_append_new(out, json_string(section));
	}
	json_object_foreach(before, section, v)
	{
		if (!json_object_get(after, section) && strcmp(section, "computed") != 0)
			json_array_append_new(out, json_string(section));
	}
	return out;
}
