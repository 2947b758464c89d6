// SPDX-License-Identifier: Apache-2.0
#include "rows/schema.h"

#include <stdio.h>
#include <string.h>

#include "arrow/schema.h"

const struct row_schema *row_schema_find(const char *version)
{
    for (size_t i = 0; i < row_schema_count; i++)
        if (strcmp(row_schemas[i].version, version) == 0)
            return &row_schemas[i];
    return NULL;
}

enum error_code row_schema_parse(const char *version, const struct row_schema **schema,
                                 struct error *error)
{
    char known[128] = "";
    size_t length = 0;
    *schema = row_schema_find(version);
    if (*schema != NULL)
        return OK;
    for (size_t i = 0; i < row_schema_count && length < sizeof known; i++)
        length += (size_t)snprintf(known + length, sizeof known - length, "%s%s",
                                   i == 0 ? "" : ", ", row_schemas[i].version);
    return error_set(error, ERR_INVALID, "--schema-version: there is no version '%s'; there are %s",
                     version, known);
}

const struct row_column *row_column_of(int id)
{
    const struct row_schema *newest = &row_schemas[row_schema_count - 1];
    return id >= 1 && (size_t)id <= newest->column_count ? &newest->columns[id - 1] : NULL;
}

static enum error_code export_column(const struct row_column *column, bool dictionaries,
                                     struct ArrowSchema *out)
{
    bool is_numbered = dictionaries && row_column_is_numbered(column);
    if (arrow_schema_make(out, is_numbered ? "i" : column->arrow_format, column->name,
                          column->nullable, column->id, 0) != OK)
        return ERR_NO_MEMORY;
    return is_numbered ? arrow_schema_make_dictionary(out, column->arrow_format) : OK;
}

enum error_code row_schema_export(const struct row_schema *schema, bool dictionaries,
                                  struct ArrowSchema *out)
{
    struct ArrowSchema made;
    if (arrow_schema_make(&made, "+s", "", false, 0, schema->column_count) != OK)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < schema->column_count; i++) {
        if (export_column(&schema->columns[i], dictionaries, made.children[i]) != OK) {
            arrow_schema_release(&made);
            return ERR_NO_MEMORY;
        }
    }
    *out = made;
    return OK;
}
