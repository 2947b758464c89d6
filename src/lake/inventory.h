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
#include "commit/lake_file.h"
#include "catalog/others.h"
#include "rows/schema.h"
#include "util/arena.h"
#include "util/ledgers.h"
#include "util/list.h"
#include "util/buffer.h"

/* A .parquet file under output_path, outside _lake. */
struct inventory_disk_file {
    const char *path; /* relative to output_path */
    uint64_t size_bytes;
    /* What names it: a live file of the lake or of another table, or the intent; an older snapshot
     * only; the list of files that DuckDB is to delete; those of ours that left and lie there until
     * `expire` deletes them. */
    enum {
        INVENTORY_UNKNOWN,
        INVENTORY_IN_USE,
        INVENTORY_ENDED,
        INVENTORY_SCHEDULED,
        INVENTORY_RETIRED
    } state;
};

/* A live data file of the lake's table. */
struct inventory_file {
    const char *path; /* relative to output_path; absolute where somebody registered it so */
    int64_t record_count, file_size_bytes, footer_size_bytes;
    uint64_t checksum; /* 0: not known */
    struct ledger_range range;
    int64_t data_file_id;
    uint64_t commit_no; /* 0: no commit of ours made it (DuckDB merged or inserted) */
    bool has_range;     /* false: its ledgers are not known */
    bool is_of_commits; /* its rows are from snapshots that are commits, as far as these tell */
    struct catalog_snapshots snapshots; /* that its rows are from */
    uint64_t hidden_rows;               /* by live deletes */
    struct catalog_snapshots hidden_by; /* these deletes; 0, 0: none */
    /* Of a file that took the place of others (commit_no is its replacement's then): where the
     * commits whose rows it holds stand in `file_shares`. */
    size_t first_share, share_count;
};

/* Rows of a live commit in a live data file that took the place of others. */
struct inventory_share {
    size_t file, commit; /* their indices */
    int64_t record_count;
};

/* A commit that is in the lake. */
struct inventory_commit {
    uint64_t commit_no;
    struct ledger_range range;
    const struct row_schema *schema; /* NULL: a version that we don't know */
    int64_t file_count, row_count, dead_letter_count;
    int64_t last_close_us; /* 0: no event */
    uint32_t digest_ledger;
    uint8_t digest_chain[16];
    struct contents_digest digest_contents;
    const char *dead_letters_path; /* relative to _lake/; NULL: none */
    uint64_t dead_letters_checksum;
    /* Where its live files stand in `files` (they are sorted by commit). */
    size_t first_file, live_file_count;
    /* Where its rows in files that took the place of others stand in `shares`. */
    size_t first_share, share_count;
};

struct inventory {
    struct arena arena; /* holds all texts */
    struct lake_file lake;
    struct buffer disk_files; /* struct inventory_disk_file, by path */
    struct buffer linked; /* const char *: links to folders elsewhere, whose files are among them */
    struct buffer files;  /* struct inventory_file, by commit_no */
    struct buffer commits;             /* struct inventory_commit, by commit_no */
    struct buffer shares, file_shares; /* struct inventory_share: by commit, and by file */
    struct buffer in_flight;           /* const char *: final paths that an intent names */
    bool link_was_lost;                /* while the disk was read: memory is out */
    struct ledger_set coverage, unconfirmed, recorded_holes, pruned;
    size_t staged_count; /* files in _lake/staging */
    /* What others did (catalog/others.h). */
    int64_t snapshot_id; /* the newest, when all this was read */
    struct catalog_visible visible;
    struct buffer deletes;   /* struct catalog_delete: of live data files */
    struct buffer inlined;   /* struct catalog_inlined */
    struct buffer displaced; /* struct catalog_displaced, by commit_no */
    struct buffer changes;   /* struct catalog_change, by snapshot */
    struct buffer objects;   /* const char *: "table main.labels" */
};

void inventory_init(struct inventory *inventory);
void inventory_release(struct inventory *inventory);

/* Lists the files of `root` (inventory_disk.c); call before inventory_read_catalog. */
enum error_code inventory_read_disk(struct inventory *inventory, const char *root,
                                    struct error *error) MUST_CHECK;
/* Reads lake.json, the intent and the catalog. */
enum error_code inventory_read_catalog(struct inventory *inventory, const char *root,
                                       struct catalog *catalog, struct error *error) MUST_CHECK;
/* Of the catalog alone, and in place of all that: the early commits of a ledger, their files, what
 * has rows in these and hides rows of them (catalog_each_early_file). It tells of each early commit
 * whether others touched it; where one did, what they did is not among it. */
enum error_code inventory_read_early(struct inventory *inventory, struct catalog *catalog,
                                     uint32_t ledger, struct error *error) MUST_CHECK;

/* What others did to the table, and the files that only their doing explains (inventory_others.c);
 * called by inventory_read_catalog, after the live files were read. */
enum error_code inventory_read_others(struct inventory *inventory, const char *root,
                                      struct catalog *catalog, struct error *error) MUST_CHECK;
/* Deletes on live data files, and the newest snapshot; called after the files were read. */
enum error_code inventory_read_deletes(struct inventory *inventory, struct catalog *catalog,
                                       struct error *error) MUST_CHECK;
/* The live commit with that number; NULL if there is none. */
struct inventory_commit *inventory_find_commit(const struct inventory *inventory,
                                               uint64_t commit_no);
/* Joins commits to the files that hold rows of theirs beside others' (inventory_shares.c); called
 * when both are in their order. `early`: those of early files of a ledger only, NULL: all. */
enum error_code inventory_join_shares(struct inventory *inventory, struct catalog *catalog,
                                      const uint32_t *early, struct error *error) MUST_CHECK;
/* The file on disk with that path; NULL if there was none when the disk was listed. */
struct inventory_disk_file *inventory_find_disk_file(const struct inventory *inventory,
                                                     const char *path);

static inline const struct inventory_share *inventory_share_at(const struct buffer *shares,
                                                               size_t index)
{
    return LIST_AT(shares, struct inventory_share, index);
}

#endif
