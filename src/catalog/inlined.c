// SPDX-License-Identifier: Apache-2.0
#include "catalog/inlined.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* "ducklake_inlined_data_<table>_<schema version>": nothing else gets into a statement's text. */
static bool is_own_name(const char *name, int64_t table_id)
{
    char prefix[INLINED_NAME_BYTES];
    int length = snprintf(prefix, sizeof prefix, "ducklake_inlined_data_%" PRId64 "_", table_id);
    return strlen(name) < INLINED_NAME_BYTES && strncmp(name, prefix, (size_t)length) == 0 &&
           name[length] != '\0' &&
           strspn(name + length, "0123456789") == strlen(name + (size_t)length);
}

static enum error_code has_column(struct database *database, const char *table, const char *column,
                                  bool *has, struct error *error)
{
    struct statement statement;
    enum error_code code = statement_prepare(
        &statement, database, "SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2", error);
    *has = false;
    if (code == OK) {
        statement_bind_text(&statement, 1, table);
        statement_bind_text(&statement, 2, column);
        code = statement_step(&statement, has, error);
    }
    statement_release(&statement);
    return code;
}

enum error_code inlined_each_table(struct database *database, int64_t table_id,
                                   inlined_table_visitor *visit, void *context, struct error *error)
{
    struct statement statement;
    bool row = false;
    enum error_code code = statement_prepare(
        &statement, database,
        "SELECT DISTINCT m.name FROM ducklake_inlined_data_tables i JOIN sqlite_master m ON m.type "
        "= 'table' AND m.name = i.table_name WHERE i.table_id = ? ORDER BY m.name",
        error);
    if (code == OK)
        statement_bind_int(&statement, 1, table_id);
    while (code == OK && (code = statement_step(&statement, &row, error)) == OK && row) {
        const char *name = statement_text(&statement, 0);
        bool has_ledgers = false;
        if (name == NULL || !is_own_name(name, table_id))
            continue;
        code = has_column(database, name, "ledger_sequence", &has_ledgers, error);
        if (code == OK)
            code = visit(context, name, has_ledgers, error);
    }
    statement_release(&statement);
    return code;
}

enum error_code inlined_delete_table(struct database *database, int64_t table_id,
                                     char name[INLINED_NAME_BYTES], struct error *error)
{
    struct statement statement;
    bool row = false;
    snprintf(name, INLINED_NAME_BYTES, "ducklake_inlined_delete_%" PRId64, table_id);
    enum error_code code =
        statement_prepare(&statement, database,
                          "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", error);
    if (code == OK) {
        statement_bind_text(&statement, 1, name);
        code = statement_step(&statement, &row, error);
    }
    statement_release(&statement);
    if (code == OK && !row)
        name[0] = '\0';
    return code;
}
