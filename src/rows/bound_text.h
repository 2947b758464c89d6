// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_ROWS_BOUND_TEXT_H
#define TTP_ROWS_BOUND_TEXT_H

/* A column's bound as Parquet stores it, as the text that DuckLake's statistics hold (DuckLake
 * specification, "Data Types"). */

#include "rows/schema.h"
#include "util/arena.h"
#include "util/bytes.h"

/* The text lies in `arena`. *text is NULL for a maximum that holds a NUL or is not UTF-8, since it
 * can't be told as a text; such a minimum is cut before the bad byte, and is still a lower bound.
 * ERR_NO_MEMORY; ERR_CORRUPT if `raw` does not have the size of its type. */
enum error_code row_bound_text(const struct row_column *column, struct bytes_view raw, bool is_max,
                               struct arena *arena, const char **text,
                               struct error *error) MUST_CHECK;

#endif
