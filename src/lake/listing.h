// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_LAKE_LISTING_H
#define TTP_LAKE_LISTING_H

/* The live data files of a lake: what readers that don't know DuckLake should open. */

#include <stdint.h>

#include "catalog/others.h"
#include "rows/schema.h"

/* A bound of a listing: a ledger or a time. */
struct listing_bound {
    enum { LISTING_NONE, LISTING_LEDGER, LISTING_TIME } kind;
    uint32_t ledger;
    int64_t time_us;
};

/* Files that may hold rows from `since` up to and including `until`. */
struct listing_filter {
    struct listing_bound since, until;
    const struct row_schema *schema; /* only files that are of this version; NULL: all */
};

/* A ledger number, an RFC 3339 time or a date (2024-01-15, midnight UTC). ERR_INVALID. */
enum error_code listing_bound_parse(const char *text, struct listing_bound *bound,
                                    struct error *error) MUST_CHECK;

struct listed_file {
    const char *path; /* absolute */
    int64_t record_count, file_size_bytes;
    struct ledger_range range;
    int64_t first_us, last_us;  /* of its timestamps; both 0 if not known */
    uint64_t commit_no;         /* 0: DuckDB made it */
    const char *schema_version; /* NULL: DuckDB made it, of rows of any version */
    uint64_t hidden_rows;       /* that DuckDB deleted: readers of the table don't see them */
};

typedef enum error_code listing_visitor(void *context, const struct listed_file *file,
                                        struct error *error);

/* What the files alone don't show: rows of them that DuckDB hides from readers of the table, and
 * rows that lie in the catalog. */
struct listing_totals {
    uint64_t hidden_rows, inlined_rows;
};

/* In order of the first ledger. output_path may be relative; it must exist. */
enum error_code listing_each_file(struct catalog *catalog, const char *output_path,
                                  const struct listing_filter *filter, listing_visitor *visit,
                                  void *context, struct listing_totals *totals,
                                  struct error *error) MUST_CHECK;

#endif
