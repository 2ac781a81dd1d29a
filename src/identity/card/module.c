/* The table of what signing in with a card adds to the program. */
#include "identity/card/card.h"

static const struct input next_input[] = {{"next", "string", false, 0}, {NULL, NULL, false, 0}};
static const struct input state_input[] = {{"state", "string", true, 0}, {NULL, NULL, false, 0}};
static const struct input ticket_input[] = {
    {"ticket", "string", true, 100}, {NULL, NULL, false, 0}};
static const struct input link_input[] = {
    {"ticket", "string", true, 100}, {"password", "string", false, 0}, {NULL, NULL, false, 0}};
static const struct input remove_input[] = {
    {"id", "integer", true, 20}, {"password", "string", false, 0}, {NULL, NULL, false, 0}};

static const struct input sign_input[] = {{"signature", "file", true, 0},
    {"state", "string", true, 0}, {"next", "string", false, 0}, {NULL, NULL, false, 0}};

static const struct route routes[] = {
    {HTTP_GET, "/account/assurance/card", card_prove_get, .perm = "resident",
        .template = "identity/prove", .inputs = next_input,
        .summary = "Prove who you are with a signature of your card."},
    {HTTP_POST, "/account/assurance/card", card_prove_post, .perm = "resident",
        .template = "identity/prove", .inputs = sign_input, .rate = RATE_LOGIN,
        .flags = ROUTE_UPLOAD, .summary = "Brings the signature (CMS) over the text."},
    {HTTP_GET, "/account/assurance/card/confirm", card_confirm_get, .perm = "resident",
        .template = "identity/prove-confirm",
        .summary = "What the card says beside what the account says."},
    {HTTP_POST, "/account/assurance/card/confirm", card_confirm_post, .perm = "resident",
        .template = "identity/prove-confirm", .rate = RATE_WRITE,
        .summary = "Takes over what the card says."},
    {HTTP_GET, "/register/card", card_prove_get, .perm = "public", .template = "identity/prove",
        .inputs = next_input, .summary = "Begin to register with a signature of one's card."},
    {HTTP_POST, "/register/card", card_prove_post, .perm = "public", .template = "identity/prove",
        .inputs = sign_input, .rate = RATE_LOGIN, .flags = ROUTE_UPLOAD,
        .summary = "Brings the signature; the registration form is filled in with it."},
    {HTTP_GET, "/login/card/text", card_text_get, .perm = "public", .inputs = state_input,
        .flags = ROUTE_RAW, .summary = "The text to sign, of this browser and this hour."},
    {HTTP_GET, "/login/card", card_get, .perm = "public", .template = "identity/card",
        .inputs = next_input, .summary = "Begin to sign in with a My Number Card."},
    {HTTP_GET, WEB_CARD_PATH, card_present, .perm = "public", .template = "identity/card-present",
        .inputs = state_input, .rate = RATE_LOGIN,
        .summary = "Reads the card's certificate; answers where a card is asked for."},
    {HTTP_GET, "/login/card/done", card_done, .perm = "public", .template = "identity/card-done",
        .inputs = ticket_input, .rate = RATE_LOGIN,
        .summary = "Signs in with the card that was read, or links it."},
    {HTTP_GET, "/account/card", card_account_get, .perm = "signed-in",
        .template = "identity/card-account", .summary = "The cards of the account."},
    {HTTP_POST, "/account/card/link", card_link_post, .perm = "signed-in",
        .template = "identity/card-done", .inputs = link_input, .rate = RATE_LOGIN,
        .summary = "Links the card that was read to the account."},
    {HTTP_POST, "/account/card/remove", card_account_remove, .perm = "signed-in",
        .template = "identity/card-account", .inputs = remove_input, .rate = RATE_LOGIN,
        .summary = "Takes a card off the account."},
};

const struct module card_module = {
    .name = "identity.card",
    .slot = SLOT_CARD,
    .routes = routes,
    .nroutes = COUNT(routes),
    .city_open = card_city_open,
    .city_close = card_city_close,
};
