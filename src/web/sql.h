/* The statements of sql.c. */
#ifndef WEB_SQL_H
#define WEB_SQL_H

#include "store/store.h"

extern const struct sql sql_session_find, sql_session_add, sql_session_renew, sql_session_touch,
    sql_session_end, sql_session_end_account, sql_session_end_one, sql_session_of_account,
    sql_session_expire, sql_session_live;
enum { NWEB_STATEMENTS = 10 };
extern const struct sql *const web_statements[NWEB_STATEMENTS];

#endif
