/* Handlers of the trail's pages. */
#ifndef TRAIL_PAGES_H
#define TRAIL_PAGES_H

#include "web/web.h"

/* clang-format off */
#define TRAIL_HANDLERS(X) \
	X(reason_post) X(my_readings) X(my_readings_csv) X(trail_search) X(trail_search_csv) \
	X(alerts_show) X(alerts_check) X(alert_show) X(alert_act) X(ask_get) X(ask_post)
/* clang-format on */
#define X(name) int name(struct request *, struct err *);
TRAIL_HANDLERS(X)
#undef X

/* Puts what a resident asked, with the answers, into the view. */
int questions_view(struct request *, struct db *, struct err *);

#endif
