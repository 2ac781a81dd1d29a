/* What a city trusts. */
#include "identity/card/card.h"

#include "base/log.h"

int card_city_open(struct city *city, struct err *err)
{
	struct arena *a = arena_new();
	const char *simulator = city_setting(city, "card.simulator", NULL);
	struct pki_options o = {
	    .dir = arena_printf(a, "%s/trust", city->dir),
	    .simulator = text_eq(simulator, "true"),
	    .algorithms = city_setting(city, "card.algorithms", NULL),
	    .crl = city_setting(city, "card.crl", NULL),
	    .ocsp = city_setting(city, "card.ocsp", NULL),
	    .tsa = city_setting(city, "card.tsa", NULL),
	    .ocsp_minutes = city_setting_i64(city, "card.ocsp-minutes", 5),
	    .crl_hours = city_setting_i64(city, "card.crl-hours", 48),
	};
	struct pki *p = NULL;
	int rc = pki_open(&o, &p, err);
	city->slot[SLOT_CARD] = p;
	if (rc == 0 && o.simulator)
		log_warn("card.simulator", "%s believes simulated cards: nothing here may be real",
		    city->id);
	arena_free(a);
	return rc;
}

void card_city_close(struct city *city)
{
	pki_close(city->slot[SLOT_CARD]);
	city->slot[SLOT_CARD] = NULL;
}

struct pki *city_pki(const struct city *city)
{
	return city->slot[SLOT_CARD];
}

struct str card_authorities(const struct city *city)
{
	const struct pki *p = city_pki(city);
	return p ? pki_anchors_pem(p, PKI_AUTHENTICATION) : (struct str){0};
}

bool card_offered(const struct city *city)
{
	return pki_ready(city_pki(city), PKI_AUTHENTICATION) &&
	       city_setting(city, "card.url", NULL);
}
