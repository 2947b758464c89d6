// SPDX-License-Identifier: Apache-2.0
#include "database/postgres_prepared.h"

#include <assert.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "util/memory.h"

static bool is_same(const struct postgres_statement *statement, const char *sql, int count,
                    const unsigned *types)
{
    return statement->count == count && strcmp(statement->sql, sql) == 0 &&
           (count == 0 || memcmp(statement->types, types, (size_t)count * sizeof *types) == 0);
}

/* Without memory, or room, it is a new one each time, which is only slower. */
static void remember(struct postgres_prepared *prepared, const char *sql, int count,
                     const unsigned *types)
{
    char *copy = prepared->count < POSTGRES_PREPARED_MAX ? mem_copy_text(sql) : NULL;
    if (copy == NULL)
        return;
    struct postgres_statement *statement = &prepared->items[prepared->count++];
    *statement = (struct postgres_statement){.sql = copy, .count = count};
    if (count > 0)
        memcpy(statement->types, types, (size_t)count * sizeof *types);
}

struct postgres_statement *postgres_prepared_see(struct postgres_prepared *prepared,
                                                 const char *sql, int count, const unsigned *types)
{
    assert(count <= POSTGRES_VALUES_MAX);
    if (types == NULL)
        return NULL;
    for (size_t i = 0; i < prepared->count; i++)
        if (is_same(&prepared->items[i], sql, count, types))
            return &prepared->items[i];
    remember(prepared, sql, count, types);
    return NULL;
}

void postgres_prepared_number(struct postgres_prepared *prepared,
                              struct postgres_statement *statement)
{
    statement->number = ++prepared->newest_number;
}

void postgres_statement_name(const struct postgres_statement *statement,
                             char out[POSTGRES_STATEMENT_NAME_BYTES])
{
    snprintf(out, POSTGRES_STATEMENT_NAME_BYTES, "ttp%u", statement->number);
}

void postgres_prepared_release(struct postgres_prepared *prepared)
{
    for (size_t i = 0; i < prepared->count; i++)
        mem_free(prepared->items[i].sql);
    *prepared = (struct postgres_prepared){0};
}
