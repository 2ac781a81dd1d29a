/* The table of what passkeys add to the program. */
#include "identity/passkey/passkey.h"

static const struct input use_inputs[] = {{"id", "string", false, 2000},
    {"client_data", "string", false, 0}, {"authenticator_data", "string", false, 0},
    {"signature", "string", false, 0}, {"user_handle", "string", false, 100},
    {"next", "string", false, 0}, {NULL, NULL, false, 0}};
static const struct input add_inputs[] = {{"name", "string", false, 40},
    {"client_data", "string", false, 0}, {"authenticator_data", "string", false, 0},
    {NULL, NULL, false, 0}};
static const struct input change_inputs[] = {{"do", "string", false, 10},
    {"name", "string", false, 40}, {"password", "string", false, 0}, {NULL, NULL, false, 0}};
static const struct input password_input[] = {
    {"password", "string", false, 0}, {NULL, NULL, false, 0}};

static const struct route routes[] = {
    {HTTP_GET, "/login/passkey", sign_in_passkey_get, .perm = "public",
        .template = "identity/passkey-use", .summary = "Page to sign in with a passkey."},
    {HTTP_POST, "/login/passkey", sign_in_passkey_post, .perm = "public",
        .template = "identity/passkey-use", .inputs = use_inputs,
        .summary = "Signs in with what a passkey signed (WebAuthn assertion, base64url).",
        .rate = RATE_LOGIN},
    {HTTP_POST, "/login/passkey/options", get_options, .perm = "public",
        .summary = "A challenge for a passkey: PublicKeyCredentialRequestOptions as JSON.",
        .rate = RATE_LOGIN},
    {HTTP_GET, "/account/assurance/passkey", raise_passkey_get, .perm = "signed-in",
        .template = "identity/passkey-use", .summary = "Page to raise the session with a passkey."},
    {HTTP_POST, "/account/assurance/passkey", raise_passkey_post, .perm = "signed-in",
        .template = "identity/passkey-use", .inputs = use_inputs,
        .summary = "Raises the session with what a passkey signed.", .rate = RATE_LOGIN},
    {HTTP_GET, "/account/passkeys", passkeys_get, .perm = "signed-in",
        .template = "identity/passkeys", .summary = "One's passkeys."},
    {HTTP_POST, "/account/passkeys/options", create_options, .perm = "signed-in",
        .inputs = password_input,
        .summary = "A challenge for a new passkey: PublicKeyCredentialCreationOptions as JSON.",
        .rate = RATE_LOGIN},
    {HTTP_POST, "/account/passkeys", passkeys_add, .perm = "signed-in",
        .template = "identity/passkeys", .inputs = add_inputs,
        .summary = "Registers a passkey (authenticator data, base64url).", .rate = RATE_WRITE},
    {HTTP_GET, "/account/passkeys/{id}", passkey_get, .perm = "signed-in",
        .template = "identity/passkey", .summary = "One passkey."},
    {HTTP_POST, "/account/passkeys/{id}", passkey_post, .perm = "signed-in",
        .template = "identity/passkey", .inputs = change_inputs,
        .summary = "Renames a passkey, or removes it.", .rate = RATE_LOGIN},
};

const struct module passkey_module = {
    .name = "identity.passkey",
    .slot = -1,
    .routes = routes,
    .nroutes = COUNT(routes),
};
