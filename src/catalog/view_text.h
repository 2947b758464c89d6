// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_VIEW_TEXT_H
#define TTP_CATALOG_VIEW_TEXT_H

/*
 * What the lake's views select, in the words that DuckDB itself would keep (ducklake_view.sql). The
 * texts name the lake's table by its schema and not by a database, since a lake is attached under
 * any name, and DuckLake looks for the tables of a view in the view's own catalog. Columns that the
 * table's schema version lacks are NULL.
 */

#include "catalog/records.h"
#include "util/buffer.h"

/* Rises when a text changes: views with an older one are replaced (catalog/views.h). */
#define VIEW_TEXT_VERSION 1

struct view_column {
    const char *name;
    /* NULL: the table's column as it is; {column} is one that some schema versions lack. */
    const char *expression;
};

struct view_text {
    const char *name;
    size_t column_count;
    const struct view_column *columns;
};

extern const struct view_text view_texts[CATALOG_VIEW_COUNT];

/* The text of a view over `table`, ended by a NUL, in place of what `out` holds. */
enum error_code view_text_make(const struct view_text *view, const struct catalog_table *table,
                               struct buffer *out, struct error *error) MUST_CHECK;

#endif
