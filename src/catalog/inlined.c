// SPDX-License-Identifier: Apache-2.0
#include "catalog/inlined.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "database/query.h"

/* "ducklake_inlined_data_<table>_<schema version>": nothing else gets into a statement's text. */
static bool is_own_name(const char *name, int64_t table_id)
{
    char prefix[INLINED_NAME_BYTES];
    int length = snprintf(prefix, sizeof prefix, "ducklake_inlined_data_%" PRId64 "_", table_id);
    return strlen(name) < INLINED_NAME_BYTES && strncmp(name, prefix, (size_t)length) == 0 &&
           name[length] != '\0' &&
           strspn(name + length, "0123456789") == strlen(name + (size_t)length);
}

enum error_code inlined_each_table(struct database *database, int64_t table_id,
                                   inlined_table_visitor *visit, void *context, struct error *error)
{
    struct query query;
    query_begin(&query, database,
                "SELECT DISTINCT table_name FROM ducklake_inlined_data_tables WHERE table_id = ?1 "
                "ORDER BY table_name",
                BIND(sql_int(table_id)), error);
    while (query_next(&query)) {
        const char *name = query_text(&query, 0);
        bool is_there = false, has_ledgers = false;
        if (name == NULL || !is_own_name(name, table_id))
            continue;
        query_check(&query, database_has_table(database, name, &is_there, error));
        if (query_ok(&query) && !is_there)
            continue;
        query_check(&query,
                    database_has_column(database, name, "ledger_sequence", &has_ledgers, error));
        if (query_ok(&query))
            query_check(&query, visit(context, name, has_ledgers, error));
    }
    return query_end(&query);
}

enum error_code inlined_delete_table(struct database *database, int64_t table_id,
                                     char name[INLINED_NAME_BYTES], struct error *error)
{
    bool is_there = false;
    snprintf(name, INLINED_NAME_BYTES, "ducklake_inlined_delete_%" PRId64, table_id);
    enum error_code code = database_has_table(database, name, &is_there, error);
    if (code == OK && !is_there)
        name[0] = '\0';
    return code;
}
