#include "simulate/private.h"

#include "main/cli.h"

static const struct {
	const char *name;
	int (*run)(const char *name, int argc, char **argv);
} simulators[] = {
    {"card-ca", run_card_ca},
    {"digital-auth", run_openid},
    {"gbizid", run_openid},
};

static int run(int argc, char **argv)
{
	for (size_t i = 0; argc > 0 && i < COUNT(simulators); i++)
		if (text_eq(argv[0], simulators[i].name))
			return simulators[i].run(argv[0], argc - 1, argv + 1);
	return cli_usage("simulate", "which one? There are card-ca, digital-auth, gbizid",
	    argc > 0 ? argv[0] : NULL);
}

static const struct command commands[] = {
    {
        .name = "simulate",
        .summary = "stand-ins for outside parties: test cards, sign-in providers",
        .help =
            "machi simulate card-ca init DIR\n"
            "       machi simulate card-ca card DIR CARD [--name TEXT] [--address TEXT]\n"
            "               [--birthday YYYY-MM-DD | --birth EYYYYMMDD] [--sex 1|2|3]\n"
            "               [--name-substitutes 0100] [--address-substitutes 00…] [--key rsa|ec]\n"
            "               [--renew CARD] [--fault expired|not-yet|forged|usage|policy|items]\n"
            "       machi simulate card-ca revoke DIR CARD [authentication|signature] [--reason "
            "TEXT]\n"
            "       machi simulate card-ca crl DIR [--age HOURS] [--hours HOURS]\n"
            "       machi simulate card-ca sign DIR CARD FILE [--out FILE.p7s]\n"
            "       machi simulate card-ca trust DIR CITY-FOLDER\n"
            "       machi simulate card-ca serve DIR [--port N]\n"
            "       machi simulate digital-auth [--city URL] [--port N]\n"
            "       machi simulate gbizid [--city URL] [--port N]\n\n"
            "A SIMULATOR of the certificate authorities of the My Number Card: nothing of it is "
            "real, and\n"
            "a city believes it only with the setting card.simulator.\n\n"
            "  init    makes the authorities: user authentication, signature, time stamps\n"
            "  card    makes a card: both certificates as .crt, .key and .p12 (password: "
            "simulator);\n"
            "          --renew: for the person of another card, whose certificates are revoked as\n"
            "          superseded; --fault: a card that must be refused\n"
            "  revoke  revokes a card's certificates and makes the list anew; reasons: "
            "unspecified,\n"
            "          keyCompromise, cACompromise, affiliationChanged, superseded,\n"
            "          cessationOfOperation, certificateHold\n"
            "  crl     makes the lists anew, as if --age hours ago, good for --hours\n"
            "  sign    signs a file with a card's signature certificate (CMS, CAdES-BES)\n"
            "  trust   puts the authorities into the trust folder of a city\n"
            "  serve   answers on 127.0.0.1: POST /ocsp, /tsa, GET /authentication.crl, "
            "/signature.crl;\n"
            "          for tests that must fail: /ocsp/no-nonce, /ocsp/other, /tsa/expired\n\n"
            "digital-auth and gbizid are SIMULATORS of the services of that name: OpenID providers "
            "on\n"
            "127.0.0.1 whose people are invented and chosen by a click. They print what to put "
            "into the\n"
            "city's sign-in.yaml.",
        .run = run,
    },
};

const struct module simulate_module = {
    .name = "simulate",
    .slot = -1,
    .commands = commands,
    .ncommands = COUNT(commands),
};
