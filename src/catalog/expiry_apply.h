// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_EXPIRY_APPLY_H
#define TTP_CATALOG_EXPIRY_APPLY_H

/* What expires, and doing it: between the two halves of catalog/expiry.h. */

#include "database/database.h"
#include "catalog/doomed.h"
#include "util/arena.h"
#include "util/buffer.h"
#include "util/list.h"

/* A data file or a delete file whose row goes. */
struct expiry_file {
    int64_t id;
    const char *path; /* in the plan's arena; relative to data_path unless absolute */
    bool is_absolute;
    bool is_own; /* else it is DuckDB's to clean up */
};

struct expiry_plan {
    struct database *database;
    int64_t table_id; /* the lake's own */
    bool has_retired, has_aside;
    struct arena arena;
    struct buffer ending, staying; /* int64_t: snapshots, in order */
    int64_t oldest_snapshot;       /* of those that stay */
    struct buffer tables;          /* int64_t: tables of which nothing is left, in order */
    struct buffer files, deletes;  /* struct expiry_file, by id */
    struct buffer doomed;          /* struct catalog_doomed */
    struct buffer unlisted;        /* const char *: no longer in ttp_retired, by path */
};

/* Inside a write transaction. */
enum error_code expiry_apply(struct expiry_plan *plan, struct error *error) MUST_CHECK;

#endif
