// SPDX-License-Identifier: Apache-2.0
#include "database/row_insert.h"

#include <assert.h>
#include <string.h>

#include "util/buffer.h"

void row_insert_begin(struct row_insert *insert, struct database *database, const char *table,
                      int columns, const char *rest, struct error *error)
{
    assert(columns > 0 && columns <= ROW_INSERT_VALUES_MAX);
    insert->database = database;
    insert->table = table;
    insert->columns = columns;
    insert->rest = rest;
    insert->count = 0;
    insert->tail = NULL;
    insert->returned = 0;
    insert->code = OK;
    insert->error = error;
}

void row_insert_return(struct row_insert *insert, const char *tail)
{
    insert->tail = tail;
}

/* "INSERT INTO t VALUES(?1,?2,NULL),(?3,?4,NULL)" */
static enum error_code write_statement(const struct row_insert *insert, struct buffer *sql)
{
    enum error_code code = buffer_append_format(sql, "INSERT INTO %s VALUES", insert->table);
    for (int i = 0; code == OK && i < insert->count; i++) {
        bool is_first = i % insert->columns == 0, is_last = (i + 1) % insert->columns == 0;
        const char *before = !is_first ? "," : i == 0 ? "(" : ",(";
        code = buffer_append_format(sql, "%s?%d", before, i + 1);
        if (code == OK && is_last)
            code = buffer_append_format(sql, "%s)", insert->rest);
    }
    if (code == OK && insert->tail != NULL)
        code = buffer_append(sql, insert->tail, strlen(insert->tail));
    if (code == OK)
        code = buffer_append_byte(sql, '\0');
    return code == OK ? OK : error_no_memory(insert->error, "a statement");
}

static enum error_code run(struct row_insert *insert, const char *sql)
{
    const struct sql_values values = {insert->values, insert->count};
    struct query query;
    if (insert->tail == NULL)
        return database_run(insert->database, sql, values, insert->error);
    query_begin(&query, insert->database, sql, values, insert->error);
    while (query_next(&query))
        insert->returned++;
    return query_end(&query);
}

static void flush(struct row_insert *insert)
{
    struct buffer sql;
    if (insert->code != OK || insert->count == 0)
        return;
    buffer_init(&sql);
    insert->code = write_statement(insert, &sql);
    if (insert->code == OK)
        insert->code = run(insert, (const char *)sql.data);
    buffer_release(&sql);
    insert->count = 0;
}

void row_insert_add(struct row_insert *insert, struct sql_values row)
{
    assert(row.count == insert->columns);
    if (insert->count + row.count > ROW_INSERT_VALUES_MAX)
        flush(insert);
    if (insert->code != OK)
        return;
    memcpy(insert->values + insert->count, row.items, (size_t)row.count * sizeof *row.items);
    insert->count += row.count;
}

enum error_code row_insert_end(struct row_insert *insert)
{
    flush(insert);
    return insert->code;
}
