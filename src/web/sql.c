/* Every statement of the web module. */
#include "web/sql.h"

const struct sql sql_session_find = {
    .text = "SELECT account, handle, seen_us, lifetime_us, method, level, level_until_us "
            "FROM web_session "
            "WHERE hash = ?1 AND expires_us > ?2 AND created_us > ?3"};
const struct sql sql_session_add = {
    .text = "INSERT INTO web_session (hash, handle, account, created_us, seen_us, expires_us, "
            "lifetime_us, address, agent, method, level, level_until_us) "
            "VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"};
const struct sql sql_session_renew = {
    .text = "UPDATE web_session SET hash = ?2, method = ?3, level = ?4, level_until_us = ?5 "
            "WHERE hash = ?1 RETURNING lifetime_us"};
const struct sql sql_session_touch = {
    .text = "UPDATE web_session SET seen_us = ?2, expires_us = ?2 + lifetime_us WHERE hash = ?1"};
const struct sql sql_session_end = {.text = "DELETE FROM web_session WHERE hash = ?1"};
const struct sql sql_session_end_account = {
    .text = "DELETE FROM web_session WHERE account = ?1 AND handle <> ?2"};
const struct sql sql_session_end_one = {
    .text = "DELETE FROM web_session WHERE account = ?1 AND handle = ?2"};
const struct sql sql_session_of_account = {
    .text = "SELECT handle, created_us, seen_us, address, agent, method, level, level_until_us "
            "FROM web_session "
            "WHERE account = ?1 AND expires_us > ?2 ORDER BY seen_us DESC, handle LIMIT 100"};
const struct sql sql_session_expire = {.text = "DELETE FROM web_session WHERE expires_us <= ?1"};

const struct sql sql_session_live = {
    .text = "SELECT account FROM web_session WHERE handle = ?1 AND expires_us > ?2 AND "
            "created_us > ?3"};

const struct sql *const web_statements[NWEB_STATEMENTS] = {
    &sql_session_find,
    &sql_session_add,
    &sql_session_renew,
    &sql_session_touch,
    &sql_session_end,
    &sql_session_end_account,
    &sql_session_end_one,
    &sql_session_of_account,
    &sql_session_expire,
    &sql_session_live,
};
