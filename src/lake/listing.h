// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_LAKE_LISTING_H
#define TTP_LAKE_LISTING_H

/* The live data files of a lake: what readers that don't know DuckLake should open. */

#include <stdint.h>

#include "catalog/catalog.h"

/* A bound of a listing: a ledger or a time. */
struct listing_bound {
    enum { LISTING_NONE, LISTING_LEDGER, LISTING_TIME } kind;
    uint32_t ledger;
    int64_t time_us;
};

/* Files that may hold rows from `since` up to and including `until`. */
struct listing_filter {
    struct listing_bound since, until;
};

/* A ledger number, an RFC 3339 time or a date (2024-01-15, midnight UTC). ERR_INVALID. */
enum error_code listing_bound_parse(const char *text, struct listing_bound *bound,
                                    struct error *error) MUST_CHECK;

struct listed_file {
    const char *path; /* absolute */
    int64_t record_count, file_size_bytes;
    struct catalog_range range;
    int64_t first_us, last_us; /* of its timestamps; both 0 if not known */
    uint64_t commit_no;        /* 0: DuckDB made it */
};

typedef enum error_code listing_visitor(void *context, const struct listed_file *file,
                                        struct error *error);

/* In order of the first ledger. output_path may be relative; it must exist. */
enum error_code listing_each_file(struct catalog *catalog, const char *output_path,
                                  const struct listing_filter *filter, listing_visitor *visit,
                                  void *context, struct error *error) MUST_CHECK;

#endif
