// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_ROWS_BOUND_TEXT_H
#define TTP_ROWS_BOUND_TEXT_H

/* A column's bound as Parquet stores it, as the text that DuckLake's statistics hold (DuckLake
 * specification, "Data Types"). */

#include "rows/schema.h"
#include "util/arena.h"
#include "util/bytes.h"

/* The text lies in `arena`; *text is NULL where there is none to give: a maximum with a NUL in it
 * or not UTF-8 (a minimum is cut before that, and still bounds). ERR_NO_MEMORY; ERR_CORRUPT if
 * `raw` has not its type's size. */
enum error_code row_bound_text(const struct row_column *column, struct bytes_view raw, bool is_max,
                               struct arena *arena, const char **text,
                               struct error *error) MUST_CHECK;

#endif
