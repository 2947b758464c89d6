// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_LAKE_INVENTORY_H
#define TTP_LAKE_INVENTORY_H

/*
 * Everything that should be in a lake and everything that lies there, as one moment saw it: the
 * files on disk are listed first, then the intent and the catalog are read, the catalog in one
 * transaction. So a file that a running consumer publishes meanwhile is never taken for a stranger.
 */

#include <stdbool.h>
#include <stdint.h>

#include "catalog/catalog.h"
#include "catalog/lake_file.h"
#include "rows/schema.h"
#include "util/arena.h"
#include "util/buffer.h"

/* A .parquet file under output_path, outside _lake. */
struct inventory_disk_file {
    const char *path; /* relative to output_path */
    uint64_t size_bytes;
    bool is_known; /* the catalog or the intent names it */
};

/* A live data file of the catalog. */
struct inventory_file {
    const char *path;
    int64_t record_count, file_size_bytes, footer_size_bytes;
    uint64_t checksum; /* 0: not known */
    struct catalog_range range;
    int64_t data_file_id;
    uint64_t commit_no; /* 0: no commit of ours made it (DuckDB merged or inserted) */
};

/* A commit that is in the lake. */
struct inventory_commit {
    uint64_t commit_no;
    struct catalog_range range;
    const struct row_schema *schema; /* NULL: a version that we don't know */
    int64_t file_count, row_count, dead_letter_count;
    uint32_t digest_ledger;
    uint8_t digest_chain[16], digest_contents[16];
    const char *dead_letters_path; /* relative to _lake/; NULL: none */
    uint64_t dead_letters_checksum;
    /* Where its live files stand in `files` (they are sorted by commit). */
    size_t first_file, live_file_count;
};

struct inventory {
    struct arena arena; /* holds all texts */
    struct lake_file lake;
    struct buffer disk_files; /* struct inventory_disk_file, by path */
    struct buffer files;      /* struct inventory_file, by commit_no */
    struct buffer commits;    /* struct inventory_commit, by commit_no */
    struct buffer in_flight;  /* const char *: final paths that an intent names */
    struct catalog_range *coverage, *unconfirmed;
    size_t coverage_count, unconfirmed_count;
    struct buffer holes; /* struct catalog_range */
    size_t staged_count; /* files in _lake/staging */
};

void inventory_init(struct inventory *inventory);
void inventory_release(struct inventory *inventory);

/* Lists the files of `root`; call before inventory_read_catalog. */
enum error_code inventory_read_disk(struct inventory *inventory, const char *root,
                                    struct error *error) MUST_CHECK;
/* Reads lake.json, the intent and the catalog. */
enum error_code inventory_read_catalog(struct inventory *inventory, const char *root,
                                       struct catalog *catalog, struct error *error) MUST_CHECK;

static inline size_t inventory_count(const struct buffer *buffer, size_t item_bytes)
{
    return buffer->size_bytes / item_bytes;
}
#define INVENTORY_COUNT(buffer, type)     inventory_count((buffer), sizeof(type))
#define INVENTORY_AT(buffer, type, index) (&((type *)(void *)(buffer)->data)[index])

#endif
