/* The module's table. */
#include "identity/private.h"

/* For openapi.json: the handlers say themselves what is missing, next to the field. */
static const struct input login_inputs[] = {{"login", "string", false, 254},
    {"password", "string", false, 0}, {"next", "string", false, 0}, {NULL, NULL, false, 0}};
static const struct input code_inputs[] = {{"code", "string", false, 40}, {NULL, NULL, false, 0}};
static const struct input register_inputs[] = {{"mail", "string", false, 254},
    {"name.family", "string", false, 50}, {"name.given", "string", false, 50},
    {"password", "string", false, 0}, {"next", "string", false, 0}, {NULL, NULL, false, 0}};
static const struct input reset_inputs[] = {
    {"login", "string", false, 254}, {"next", "string", false, 0}, {NULL, NULL, false, 0}};
static const struct input password_inputs[] = {
    {"password", "string", false, 0}, {"new_password", "string", false, 0}, {NULL, NULL, false, 0}};
static const struct input one_password[] = {
    {"password", "string", false, 0}, {NULL, NULL, false, 0}};
static const struct input profile_inputs[] = {{"name.family", "string", false, 50},
    {"name.given", "string", false, 50}, {"furigana.family", "string", false, 50},
    {"furigana.given", "string", false, 50}, {"birthday", "date", false, 40},
    {"address.postal_code", "string", false, 20}, {"address.prefecture", "string", false, 20},
    {"address.city", "string", false, 50}, {"address.town", "string", false, 100},
    {"address.street", "string", false, 100}, {"address.building", "string", false, 100},
    {"phone", "string", false, 40}, {"lang", "string", false, 2}, {NULL, NULL, false, 0}};
static const struct input mail_inputs[] = {
    {"mail", "string", false, 254}, {"password", "string", false, 0}, {NULL, NULL, false, 0}};
static const struct input session_inputs[] = {
    {"session", "string", false, 100}, {NULL, NULL, false, 0}};
static const struct input token_inputs[] = {{"name", "string", false, 60},
    {"scope", "string", false, 10}, {"rights", "string", false, 100}, {"days", "string", false, 4},
    {"password", "string", false, 0}, {NULL, NULL, false, 0}};
static const struct input user_inputs[] = {{"login", "string", false, 64},
    {"name", "string", false, 60}, {"kana", "string", false, 60}, {"mail", "string", false, 254},
    {"seen", "string", false, 64}, {NULL, NULL, false, 0}};
static const struct input users_query[] = {{"q", "string", false, 100},
    {"department", "string", false, 20}, {"after", "string", false, 20}, {NULL, NULL, false, 0}};
static const struct input row_inputs[] = {{"department", "string", false, 20},
    {"rank", "string", false, 20}, {"acting", "string", false, 3}, {"role", "string", false, 40},
    {"from", "date", false, 40}, {"until", "date", false, 40}, {"reason", "string", false, 200},
    {NULL, NULL, false, 0}};
static const struct input absence_inputs[] = {{"from", "date", false, 40},
    {"until", "date", false, 40}, {"reason", "string", false, 20}, {NULL, NULL, false, 0}};
static const struct input deputy_inputs[] = {{"deputy", "string", false, 64},
    {"login", "string", false, 64}, {"place", "string", false, 4},
    {"department", "string", false, 20}, {"from", "date", false, 40}, {"until", "date", false, 40},
    {NULL, NULL, false, 0}};
static const struct input people_query[] = {
    {"q", "string", false, 100}, {"after", "string", false, 20}, {NULL, NULL, false, 0}};
static const struct input end_inputs[] = {
    {"kind", "string", false, 20}, {"row", "string", false, 20}, {NULL, NULL, false, 0}};
static const struct input do_inputs[] = {{"do", "string", false, 20}, {NULL, NULL, false, 0}};
static const struct input search_inputs[] = {
    {"q", "string", false, 254}, {"reason", "string", false, 300}, {NULL, NULL, false, 0}};
static const struct input rights_query[] = {
    {"change", "string", false, 60}, {"department", "string", false, 20}, {NULL, NULL, false, 0}};
static const struct input on_query[] = {{"on", "date", false, 40}, {NULL, NULL, false, 0}};
static const struct input department_inputs[] = {{"code", "string", false, 20},
    {"name", "string", false, 60}, {"name_en", "string", false, 80},
    {"parent", "string", false, 20}, {"from", "date", false, 40}, {"until", "date", false, 40},
    {"seen", "string", false, 64}, {NULL, NULL, false, 0}};
static const struct input import_inputs[] = {{"file", "file", false, 0}, {NULL, NULL, false, 0}};

#define PUBLIC .perm = "public"
#define OWN .perm = "signed-in"
#define STAFF .perm = "staff"
#define MANAGE .perm = "identity.manage"
#define PROVE .perm = "identity.prove"

static const struct route routes[] = {
    {HTTP_GET, "/login", login_get, PUBLIC, .template = "identity/login",
        .summary = "Sign-in form."},
    {HTTP_POST, "/login", login_post, PUBLIC, .template = "identity/login", .inputs = login_inputs,
        .summary = "Signs in with login and password.", .rate = RATE_LOGIN},
    {HTTP_GET, "/login/totp", second_get, PUBLIC, .template = "identity/form",
        .summary = "Form for the second factor's code."},
    {HTTP_POST, "/login/totp", second_post, PUBLIC, .template = "identity/form",
        .inputs = code_inputs, .summary = "Checks the second factor.", .rate = RATE_LOGIN},
    {HTTP_GET, "/login/setup", setup_get, PUBLIC, .template = "identity/totp",
        .summary = "Sets up the second factor that staff need, before the session begins."},
    {HTTP_POST, "/login/setup", setup_post, PUBLIC, .template = "identity/totp",
        .inputs = code_inputs,
        .summary = "Turns the second factor on with a first code, and signs in.",
        .rate = RATE_LOGIN},
    {HTTP_GET, "/logout", logout_get, PUBLIC, .template = "identity/form",
        .summary = "Asks whether to sign out."},
    {HTTP_POST, "/logout", logout_post, PUBLIC, .summary = "Signs out."},

    {HTTP_GET, "/register", register_get, PUBLIC, .template = "identity/register",
        .summary = "Registration form for residents."},
    {HTTP_POST, "/register", register_post, PUBLIC, .template = "identity/register",
        .inputs = register_inputs, .summary = "Registers: a mail with a link to confirm is sent.",
        .rate = RATE_LOGIN},
    {HTTP_GET, "/register/sent", register_sent, PUBLIC, .template = "identity/register-sent",
        .summary = "Says that a mail was sent."},
    {HTTP_GET, "/confirm/{token}", confirm_get, PUBLIC, .template = "identity/confirm",
        .summary = "Asks to confirm a mail address.", .flags = ROUTE_HIDDEN},
    {HTTP_POST, "/confirm/{token}", confirm_post, PUBLIC, .template = "identity/confirm",
        .inputs = one_password, .summary = "Confirms a mail address.", .rate = RATE_LOGIN,
        .flags = ROUTE_HIDDEN},
    {HTTP_GET, "/password/reset", reset_get, PUBLIC, .template = "identity/reset",
        .summary = "Form for a forgotten password."},
    {HTTP_POST, "/password/reset", reset_post, PUBLIC, .template = "identity/reset",
        .inputs = reset_inputs, .summary = "Sends a link to choose a new password.",
        .rate = RATE_LOGIN},
    {HTTP_GET, "/password/reset/sent", reset_sent, PUBLIC, .template = "identity/reset-sent",
        .summary = "Says that a mail was sent."},
    {HTTP_GET, "/password/reset/{token}", choose_get, PUBLIC, .template = "identity/form",
        .summary = "Form to choose a new password.", .flags = ROUTE_HIDDEN},
    {HTTP_POST, "/password/reset/{token}", choose_post, PUBLIC, .template = "identity/form",
        .inputs = one_password, .summary = "Sets a new password.", .rate = RATE_LOGIN,
        .flags = ROUTE_HIDDEN},

    {HTTP_GET, "/account", account_get_page, OWN, .template = "identity/account",
        .summary = "One's own account."},
    {HTTP_GET, "/account/profile", profile_get, OWN, .template = "identity/form",
        .summary = "Form for name, address and language."},
    {HTTP_POST, "/account/profile", profile_post, OWN, .template = "identity/form",
        .inputs = profile_inputs, .summary = "Changes name, address and language.",
        .rate = RATE_WRITE},
    {HTTP_GET, "/account/password", password_get, OWN, .template = "identity/form",
        .summary = "Form to change the password."},
    {HTTP_POST, "/account/password", password_post, OWN, .template = "identity/form",
        .inputs = password_inputs, .summary = "Changes the password; other sessions end.",
        .rate = RATE_LOGIN},
    {HTTP_GET, "/account/mail", mail_get, OWN, .template = "identity/form",
        .summary = "Form to change the mail address."},
    {HTTP_POST, "/account/mail", mail_post, OWN, .template = "identity/form", .inputs = mail_inputs,
        .summary = "Sends a link to the new mail address.", .rate = RATE_LOGIN},
    {HTTP_GET, "/account/totp", totp_get, OWN, .template = "identity/totp",
        .summary = "State of the second factor."},
    {HTTP_POST, "/account/totp/start", totp_start, OWN, .template = "identity/totp",
        .inputs = one_password, .summary = "Makes a key for the second factor.",
        .rate = RATE_LOGIN},
    {HTTP_POST, "/account/totp", totp_post, OWN, .template = "identity/totp", .inputs = code_inputs,
        .summary = "Turns the second factor on with a first code.", .rate = RATE_LOGIN},
    {HTTP_POST, "/account/totp/codes", codes_post, OWN, .template = "identity/totp",
        .inputs = one_password,
        .summary = "Makes new recovery codes, or turns the second factor off.", .rate = RATE_LOGIN},
    {HTTP_GET, "/account/sessions", sessions_get, OWN, .template = "identity/sessions",
        .summary = "Where one is signed in."},
    {HTTP_POST, "/account/sessions", sessions_post, OWN, .template = "identity/sessions",
        .inputs = session_inputs, .summary = "Ends one session, or all others.",
        .rate = RATE_WRITE},
    {HTTP_GET, "/account/tokens", tokens_get, OWN, .template = "identity/tokens",
        .summary = "One's API tokens."},
    {HTTP_POST, "/account/tokens", tokens_post, OWN, .template = "identity/tokens",
        .inputs = token_inputs, .summary = "Makes an API token; it is shown once.",
        .rate = RATE_LOGIN},
    {HTTP_POST, "/account/tokens/{id}/revoke", tokens_revoke, OWN,
        .summary = "Revokes an API token.", .rate = RATE_WRITE},
    {HTTP_GET, "/account/history", history_get, OWN, .template = "identity/history",
        .summary = "Sign-ins and failed attempts."},
    {HTTP_GET, "/account/close", close_get, .perm = "resident", .template = "identity/close",
        .summary = "Asks whether to close the account."},
    {HTTP_POST, "/account/close", close_post, .perm = "resident", .template = "identity/close",
        .inputs = one_password, .summary = "Closes the account.", .rate = RATE_LOGIN},

    {HTTP_GET, "/staff/absences", absences_get, STAFF, .template = "identity/absences",
        .inputs = people_query,
        .summary = "One's own absences and deputies, and who acts for whom today."},
    {HTTP_GET, "/staff/absences/{staff}", absences_get, STAFF, .template = "identity/absences",
        .summary = "Absences and deputies of a staff member."},
    {HTTP_GET, "/staff/absences/{staff}/absence/{row}", absence_get, STAFF,
        .template = "identity/form-staff", .summary = "Form for an absence; row \"new\": another."},
    {HTTP_POST, "/staff/absences/{staff}/absence/{row}", absence_post, STAFF,
        .template = "identity/form-staff", .inputs = absence_inputs,
        .summary = "Adds or changes an absence.", .rate = RATE_WRITE},
    {HTTP_GET, "/staff/absences/{staff}/deputy/{row}", deputy_get, STAFF,
        .template = "identity/form-staff", .summary = "Form for a deputy; row \"new\": another."},
    {HTTP_POST, "/staff/absences/{staff}/deputy/{row}", deputy_post, STAFF,
        .template = "identity/form-staff", .inputs = deputy_inputs,
        .summary = "Adds or changes a deputy.", .rate = RATE_WRITE},
    {HTTP_POST, "/staff/absences/{staff}/end", absence_end_post, STAFF, .inputs = end_inputs,
        .summary = "Ends an absence or a deputy at once.", .rate = RATE_WRITE},

    {HTTP_GET, "/staff/rights", rights_get, STAFF, .template = "identity/rights",
        .inputs = rights_query, .summary = "What one may do and why; a change may be tried."},
    {HTTP_GET, "/staff/rights/{staff}", rights_get, STAFF, .template = "identity/rights",
        .inputs = rights_query, .summary = "What a staff member may do and why."},
    {HTTP_GET, "/staff/roles", roles_get, MANAGE, .template = "identity/roles",
        .summary = "Every role with its permissions, fields and procedures."},
    {HTTP_GET, "/staff/roles/try", roles_try_get, MANAGE, .template = "identity/roles-try",
        .summary = "Form for a file of roles, to see what it would change."},
    {HTTP_POST, "/staff/roles/try", roles_try_post, MANAGE, .template = "identity/roles-try",
        .inputs = import_inputs,
        .summary = "Whose rights a file of roles would change; nothing is.", .flags = ROUTE_UPLOAD},
    {HTTP_GET, "/staff/users", users_get, MANAGE, .template = "identity/users",
        .inputs = users_query, .summary = "Staff: list and search."},
    {HTTP_GET, "/staff/users/new", user_new_get, MANAGE, .template = "identity/form-staff",
        .summary = "Form for a new staff member."},
    {HTTP_POST, "/staff/users/new", user_new_post, MANAGE, .template = "identity/form-staff",
        .inputs = user_inputs, .summary = "Adds a staff member.", .rate = RATE_WRITE},
    {HTTP_GET, "/staff/users/import", import_get, MANAGE, .template = "identity/import",
        .summary = "Form for a CSV file of staff."},
    {HTTP_POST, "/staff/users/import", import_post, MANAGE, .template = "identity/import",
        .inputs = import_inputs, .summary = "Imports staff from a CSV file.", .rate = RATE_WRITE,
        .flags = ROUTE_UPLOAD},
    {HTTP_GET, "/staff/users/{id}", user_get, MANAGE, .template = "identity/user",
        .summary = "A staff member with posts and roles."},
    {HTTP_GET, "/staff/users/{id}/edit", user_edit_get, MANAGE, .template = "identity/form-staff",
        .summary = "Form for name and mail."},
    {HTTP_POST, "/staff/users/{id}/edit", user_edit_post, MANAGE, .template = "identity/form-staff",
        .inputs = user_inputs, .summary = "Changes name and mail.", .rate = RATE_WRITE},
    {HTTP_GET, "/staff/users/{id}/add/{kind}", user_add_get, MANAGE,
        .template = "identity/form-staff", .summary = "Form for a post or role."},
    {HTTP_POST, "/staff/users/{id}/add/{kind}", user_add_post, MANAGE,
        .template = "identity/form-staff", .inputs = row_inputs, .summary = "Adds a post or role.",
        .rate = RATE_WRITE},
    {HTTP_POST, "/staff/users/{id}/end", user_end_post, MANAGE, .inputs = end_inputs,
        .summary = "Ends a post or role.", .rate = RATE_WRITE},
    {HTTP_POST, "/staff/users/{id}/do", user_do_post, MANAGE, .inputs = do_inputs,
        .summary = "Locks, unlocks, sends a password link, removes the second factor.",
        .rate = RATE_WRITE},
    {HTTP_GET, "/staff/users/{id}/sessions", user_sessions_get, STAFF,
        .template = "identity/user-sessions",
        .summary =
            "Where a member of staff is signed in, for administrators and security officers."},
    {HTTP_POST, "/staff/users/{id}/sessions", user_sessions_post, STAFF, .inputs = session_inputs,
        .summary = "Ends one of their sessions, or all.", .rate = RATE_WRITE},
    {HTTP_GET, "/staff/residents", residents_get, PROVE, .template = "identity/residents",
        .summary = "Form to look up a resident's account."},
    {HTTP_POST, "/staff/residents", residents_post, PROVE, .template = "identity/residents",
        .inputs = search_inputs, .summary = "Looks up a resident's account; journalled.",
        .rate = RATE_WRITE},
    {HTTP_POST, "/staff/residents/{id}/do", resident_do_post, MANAGE, .inputs = do_inputs,
        .summary = "Locks, unlocks, sends a password link, removes the second factor.",
        .rate = RATE_WRITE},
    {HTTP_GET, "/staff/departments", departments_get, MANAGE, .template = "identity/departments",
        .inputs = on_query, .summary = "The organisation on a day."},
    {HTTP_GET, "/staff/departments/new", department_new, MANAGE, .template = "identity/form-staff",
        .summary = "Form for a new department."},
    {HTTP_POST, "/staff/departments/new", department_new, MANAGE, .template = "identity/form-staff",
        .inputs = department_inputs, .summary = "Adds a department.", .rate = RATE_WRITE},
    {HTTP_GET, "/staff/departments/{id}", department_edit, MANAGE,
        .template = "identity/form-staff", .summary = "Form for a department."},
    {HTTP_POST, "/staff/departments/{id}", department_edit, MANAGE,
        .template = "identity/form-staff", .inputs = department_inputs,
        .summary = "Changes a department.", .rate = RATE_WRITE},
};

static const struct perm perms[] = {
    {"identity.manage", "identity.perm.manage"},
    {"identity.prove", "identity.perm.prove"},
};

static const struct menu_item menu[] = {
    {"identity.menu.absences", "/staff/absences", "staff", "staff", 80},
    {"identity.menu.account", "/account", "staff", "admin", 90},
    {"identity.menu.rights", "/staff/rights", "staff", "staff", 85},
    {"identity.menu.users", "/staff/users", "identity.manage", "admin", 10},
    {"identity.menu.residents", "/staff/residents", "identity.prove", "admin", 11},
    {"identity.menu.departments", "/staff/departments", "identity.manage", "admin", 12},
    {"identity.menu.roles", "/staff/roles", "identity.manage", "admin", 13},
};

static const struct job_kind jobs[] = {
    {.name = "identity.tidy", .max_tries = 5, .run = tidy_job},
};

static const struct journal_verifier *const verifiers[] = {
    &account_verifier, &person_verifier, &staff_verifier, &department_verifier, &token_verifier};

static const struct protects *const protects[] = {&totp_protects, &card_protects};

const struct module identity_module = {
    .name = "identity",
    .slot = -1,
    .migrations = true,
    .routes = routes,
    .nroutes = COUNT(routes),
    .perms = perms,
    .nperms = COUNT(perms),
    .menu = menu,
    .nmenu = COUNT(menu),
    .jobs = jobs,
    .njobs = COUNT(jobs),
    .commands = identity_commands,
    .ncommands = IDENTITY_COMMAND_COUNT,
    .statements = identity_statements,
    .nstatements = SQL_COUNT,
    .verifiers = verifiers,
    .nverifiers = COUNT(verifiers),
    .protects = protects,
    .nprotects = COUNT(protects),
    .city_open = identity_city_open,
    .city_reload = roles_load,
    .city_close = roles_close,
};
