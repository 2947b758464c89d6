// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_RECORDS_H
#define TTP_CATALOG_RECORDS_H

/* What a catalog keeps: its table, the data files and the commits. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/contents_digest.h"
#include "util/ledgers.h"

/* A column as DuckLake sees it. */
struct catalog_column {
    int id; /* = Parquet field_id */
    const char *name;
    const char *type; /* DuckLake's name, such as "timestamptz" */
    bool nullable;
};

struct catalog_partition_column {
    const char *transform; /* "year", …, "identity" */
    int column_id;
};

struct catalog_table {
    const char *schema_version; /* ours: "1.1.0" */
    size_t column_count;
    const struct catalog_column *columns;
    size_t partition_count;
    const struct catalog_partition_column *partitions;
};

struct catalog_column_statistics {
    int column_id;
    int64_t value_count, null_count, column_size_bytes;
    const char *min_value, *max_value; /* as DuckLake writes them; NULL: no bounds */
};

#define CATALOG_PARTITION_MAX 5

struct catalog_file {
    const char *path; /* relative to data_path */
    int64_t record_count;
    int64_t file_size_bytes;
    int64_t footer_size_bytes;
    uint64_t checksum;         /* XXH64 of the whole file, seed 0; 0 given out: not known */
    struct ledger_range range; /* ledgers of its rows */
    const char *partition_values[CATALOG_PARTITION_MAX];
    size_t statistics_count; /* 0 given out: ask catalog_each_statistic */
    const struct catalog_column_statistics *statistics;
    /* Given out only: */
    int64_t data_file_id;  /* DuckLake's */
    bool path_is_absolute; /* somebody registered a file that lies elsewhere */
    bool has_range;        /* false: the ledgers of its rows are not known */
    /* The snapshots that its rows are from; more than one where DuckDB merged files. */
    int64_t first_snapshot, last_snapshot;
    bool is_of_commits;         /* those two are commits of this program */
    const char *schema_version; /* of the commits whose rows it holds; NULL: not this program's */
    /* By catalog_each_file_with_times: the bounds of its timestamps, as DuckLake writes them; NULL:
     * not known. */
    const char *first_time, *last_time;
};

struct catalog_commit {
    uint64_t commit_no;
    struct ledger_range range;
    const char *schema_version;
    const char *reason; /* of the rotation */
    size_t file_count;
    const struct catalog_file *files;
    size_t files_elsewhere; /* that it had, and whose rows lie in files which took their place */
    size_t unconfirmed_count;
    const struct ledger_range *unconfirmed;
    const char *dead_letters_path; /* relative to _lake/; NULL: none */
    uint64_t dead_letters_checksum;
    int64_t dead_letter_count;
    int64_t row_count;
    int64_t null_decimal_count, replaced_memo_count;
    uint32_t digest_ledger; /* 0: none */
    uint8_t digest_chain[16];
    struct contents_digest digest_contents;
    int64_t last_close_us; /* newest close time in it; 0 none */
    int64_t committed_us;  /* wall clock */
};

/* What a new catalog is made with. */
struct catalog_create_options {
    const char *data_path; /* absolute, ends in '/' (catalog/place.h) */
    const char *lake_path; /* where the lake lies; NULL: nothing is kept about it */
    const struct catalog_table *table;
    const char *created_by;
    const char *lake_id; /* NULL: a new random one */
};

/* The lake's views (catalog/views.h), and what became of each. */
#define CATALOG_VIEW_COUNT 2

enum catalog_view_outcome {
    CATALOG_VIEW_KEPT, /* it is there already */
    CATALOG_VIEW_MADE,
    CATALOG_VIEW_REPLACED, /* our own, by another text */
    CATALOG_VIEW_REFUSED,  /* something of others has its name */
};

struct catalog_views {
    struct {
        const char *name;
        enum catalog_view_outcome outcome;
        const char *taken_by; /* if it was refused: "table", "view" or "macro" */
    } items[CATALOG_VIEW_COUNT];
};

/* What a commit is since dead letters of it became rows. Those that stay are the change's: its
 * dead_letter_count, path and checksum. */
struct catalog_amendment {
    uint64_t commit_no;
    int64_t row_count_before; /* as it was when all this was found out */
    int64_t row_count, file_count, null_decimal_count, replaced_memo_count;
    bool has_digest; /* false: the digests stay */
    uint8_t digest_chain[16];
    struct contents_digest digest_contents;
    int64_t last_close_us;
};

#endif
