/* The table of moves in openapi.json: each operation on an application says from which state to
 * which it leads, and who may call it. */
#include <string.h>

#include "procedure/application.h"
#include "procedure/pages/pages.h"

#define STAFF "/staff/applications/{id}/"
static const struct {
	const char *path, *verb;
} operations[] = {
    {"/applications/{id}/steps/{step}", "save"},
    {"/applications/{id}/submit", "submit"},
    {"/applications/{id}/discard", "discard"},
    {"/applications/{id}/withdraw", "withdraw"},
    {"/applications/{id}/messages", "message"},
    {"/applications/{id}/correct", "save_answer"},
    {"/applications/{id}/correct", "correct"},
    {STAFF "accept", "accept"},
    {STAFF "assign", "assign"},
    {STAFF "forward", "forward"},
    {STAFF "correction", "request_correction"},
    {STAFF "cancel-correction", "cancel_correction"},
    {STAFF "message", "message"},
    {STAFF "note", "note"},
    {"/staff/my-number/{id}/check", "check_number"},
    {STAFF "payment", "pay"},
    {STAFF "waive", "waive"},
    {STAFF "draft", "draft_decision"},
    {STAFF "route", "approve"},
    {STAFF "route", "reject"},
    {STAFF "route", "send_back"},
    {STAFF "route", "pull_back"},
    {STAFF "route", "comment"},
    {STAFF "review", "review"},
    {STAFF "cancel", "cancel"},
    {STAFF "close", "close"},
    {STAFF "hold", "hold"},
    {STAFF "revoke", "revoke_document"},
    {STAFF "reissue", "reissue_document"},
};

static const char *state_or_none(enum app_state s)
{
	return s == APP_STATE_COUNT ? NULL : app_state_name(s);
}

void describe_moves(const char *path, json_t *operation)
{
	struct arena *a = arena_new();
	json_t *list = json_array();
	int n;
	const struct app_move *moves = app_moves(&n);
	for (size_t i = 0; i < COUNT(operations); i++) {
		if (strcmp(operations[i].path, path) != 0)
			continue;
		for (int k = 0; k < n; k++)
			if (strcmp(moves[k].verb, operations[i].verb) == 0)
				json_array_append_new(
				    list, json_pack("{s:s, s:s, s:s?, s:s}", "verb", moves[k].verb,
				              "from", app_state_name(moves[k].from), "to",
				              state_or_none(moves[k].to), "who",
				              app_who_text(a, moves[k].who)));
	}
	json_object_set_new(operation, "x-moves", list);
	arena_free(a);
}

void describe_answers(const char *path, json_t *operation)
{
	describe_moves(path, operation);
	json_object_set_new(operation, "description",
	    json_string("The answers of one section, or of those that a correction asks for, "
	                "nested as in the "
	                "procedure's schema: {\"dog\": {\"colour\": \"brown\"}}. A JSON body is a "
	                "change: members "
	                "that are not sent keep their earlier value, null takes a value away. Rows "
	                "of a repeating "
	                "section are matched by their place, and there are as many as are sent; a "
	                "list of choices "
	                "replaces the former one. Files are sent as multipart/form-data. Of a "
	                "correction, what was not asked for is refused; draft=1 keeps what is "
	                "sent without answering."));
}
