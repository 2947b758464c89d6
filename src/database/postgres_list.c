// SPDX-License-Identifier: Apache-2.0
#include "database/postgres_list.h"

#include <assert.h>
#include <stdio.h>

#include "database/postgres_error.h"
#include "util/buffer.h"

/* Rows a portion: some hundred kilobytes. */
#define PORTION_TEXT "1000"
#define PORTION_ROWS 1000
/* How many are open at once, one within another. */
#define OPEN_MAX 16

static const struct postgres_values nothing = {0, NULL, NULL};

static enum error_code run(struct database *database, const char *sql,
                           const struct postgres_values *values, struct error *error)
{
    PGresult *result = NULL;
    if (postgres_session(database)->in_transaction)
        return postgres_send(database, sql, values, NULL, error);
    enum error_code code = postgres_ask(database, sql, values, &result, error);
    PQclear(result);
    return code;
}

static void take_number(struct postgres_list *list, struct postgres_session *session)
{
    list->number = 0;
    while ((session->open_lists >> list->number & 1) != 0)
        list->number++;
    assert(list->number < OPEN_MAX); /* visitors are ours */
    session->open_lists |= 1U << list->number;
    list->connection = session->connection;
}

static enum error_code declare(struct postgres_list *list, struct database *database,
                               const char *sql, const struct postgres_values *values,
                               struct error *error)
{
    struct buffer text;
    struct postgres_session *session = postgres_session(database);
    /* Not among the statements that are kept: its types are left to the server. */
    const struct postgres_values own = {values->count, NULL, values->texts};
    buffer_init(&text);
    enum error_code code =
        buffer_append_format(&text, "DECLARE ttp_list%u NO SCROLL CURSOR %sFOR %s", list->number,
                             session->in_transaction ? "" : "WITH HOLD ", sql);
    if (code == OK)
        code = buffer_append_byte(&text, '\0');
    if (code != OK)
        code = error_no_memory(error, "a statement");
    else
        code = run(database, (const char *)text.data, &own, error);
    buffer_release(&text);
    return code;
}

static enum error_code fetch(struct postgres_list *list, struct database *database,
                             PGresult **portion, struct error *error)
{
    char sql[48];
    snprintf(sql, sizeof sql, "FETCH " PORTION_TEXT " FROM ttp_list%u", list->number);
    enum error_code code = postgres_ask(database, sql, &nothing, portion, error);
    list->is_over = code == OK && PQntuples(*portion) < PORTION_ROWS;
    return code;
}

enum error_code postgres_list_open(struct postgres_list *list, struct database *database,
                                   const char *sql, const struct postgres_values *values,
                                   PGresult **portion, struct error *error)
{
    take_number(list, postgres_session(database));
    enum error_code code = declare(list, database, sql, values, error);
    if (code == OK)
        code = fetch(list, database, portion, error);
    list->was_opened = code == OK;
    if (code != OK)
        postgres_list_close(list, database);
    return code;
}

enum error_code postgres_list_next(struct postgres_list *list, struct database *database,
                                   PGresult **portion, struct error *error)
{
    if (list->connection != postgres_session(database)->connection)
        return postgres_error_set(error, database->path, NULL,
                                  "the connection was lost in the middle of a list");
    return fetch(list, database, portion, error);
}

/* One that went with its connection, or with its transaction's failure, is closed. */
void postgres_list_close(struct postgres_list *list, struct database *database)
{
    struct postgres_session *session = postgres_session(database);
    char sql[32];
    if (list->connection == NULL)
        return;
    snprintf(sql, sizeof sql, "CLOSE ttp_list%u", list->number);
    if (list->was_opened && list->connection == session->connection && session->code == OK)
        (void)!run(database, sql, &nothing, NULL);
    session->open_lists &= ~(1U << list->number);
    *list = (struct postgres_list){.connection = NULL};
}
