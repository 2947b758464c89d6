// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_CATALOG_H
#define TTP_CATALOG_CATALOG_H

/*
 * The lake's catalog: a DuckLake 1.0 catalog with tables of our own (prefix ttp_) for
 * coverage, commits and dead letters (ducklake.select/docs/stable/specification). The only room
 * that knows SQL. A handle belongs to one thread at a time.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "database/location.h"
#include "catalog/records.h"
#include "util/error.h"
#include "util/ledgers.h"

/* Rises when the meaning or shape of the lake's own files and tables changes. A lake has the first
 * until something is done to it that programs which know only that one would misread. */
#define CATALOG_LAYOUT_FIRST  1
#define CATALOG_LAYOUT_CARE   2 /* with the tables of lake care (catalog/care.h) */
#define CATALOG_LAYOUT_NEWEST CATALOG_LAYOUT_CARE

struct catalog;

enum catalog_mode {
    CATALOG_READ,   /* no lock is taken and nothing is written */
    CATALOG_WRITE,  /* must exist */
    CATALOG_CREATE, /* made, with the table, if it does not exist */
    CATALOG_BESIDE  /* PostgreSQL: for leases (catalog/leases.h), beside whoever writes to it */
};

/* ERR_NOT_FOUND, ERR_CORRUPT (not a catalog, or damaged), ERR_CONFLICT (a newer layout; the lake's
 * table was replaced, dropped, renamed or moved). `create` is needed for CATALOG_CREATE only. */
enum error_code catalog_open_at(struct catalog **out, const struct database_location *where,
                                enum catalog_mode mode, const struct catalog_create_options *create,
                                struct error *error) MUST_CHECK;
/* The same of a SQLite file. */
enum error_code catalog_open(struct catalog **out, const char *path, enum catalog_mode mode,
                             const struct catalog_create_options *create,
                             struct error *error) MUST_CHECK;
void catalog_close(struct catalog *catalog);

/* Takes everything out of the write-ahead log into the catalog's file. ERR_CONFLICT if another
 * process has it open. */
enum error_code catalog_empty_log(struct catalog *catalog, struct error *error) MUST_CHECK;

/* Whether the catalog was opened to be written to beside others (database/location.h). */
bool catalog_is_shared(const struct catalog *catalog);
/* Our schema version of the lake's table. Borrowed until it evolves. */
const char *catalog_schema_version(struct catalog *catalog);
const char *catalog_lake_id(struct catalog *catalog);
/* CATALOG_LAYOUT_… */
enum error_code catalog_layout(struct catalog *catalog, int *layout,
                               struct error *error) MUST_CHECK;
/* Next commit_no to use (1 in a new lake). */
enum error_code catalog_next_commit_no(struct catalog *catalog, uint64_t *commit_no,
                                       struct error *error) MUST_CHECK;
/* One to use that nobody else gets: where others write to the catalog, too, each call takes one,
 * and those of commits that come to nothing are left out. */
enum error_code catalog_take_commit_no(struct catalog *catalog, uint64_t *commit_no,
                                       struct error *error) MUST_CHECK;
enum error_code catalog_has_commit(struct catalog *catalog, uint64_t commit_no, bool *has,
                                   struct error *error) MUST_CHECK;

/* One transaction: files, statistics, snapshot (none if there are no files), coverage, commit.
 * ERR_INVALID if the range overlaps the coverage (our own mistake, nothing is changed). */
enum error_code catalog_add_commit(struct catalog *catalog, const struct catalog_commit *commit,
                                   struct error *error) MUST_CHECK;

/* What a commit's transaction asks for besides; an error of either ends it, and it has written
 * nothing then. Any of the two may be NULL. */
struct catalog_terms {
    /* What the catalog itself has to say: sent with the transaction's own questions, so that it
     * costs no round trip. What it lacks may be told only by the transaction. */
    enum error_code (*demand)(void *context, struct error *error);
    /* Anything else, when the transaction holds the catalog. */
    enum error_code (*confirm)(void *context, struct error *error);
    void *context;
};
/* catalog_add_commit if the terms are met. */
enum error_code catalog_add_commit_if(struct catalog *catalog, const struct catalog_commit *commit,
                                      const struct catalog_terms *terms,
                                      struct error *error) MUST_CHECK;

/* Settles what a failed catalog_add_commit left open: reopens the database and, in one durable
 * transaction, either finds the commit (*committed) or makes sure that it can never appear, not
 * even out of what the failed transaction left in the WAL (docs/commit-protocol.md, invariant 12).
 */
enum error_code catalog_settle_commit(struct catalog *catalog, uint64_t commit_no, bool *committed,
                                      struct error *error) MUST_CHECK;
/* A commit's range, rows and dead letters, also of one that was taken out of the lake; *found:
 * there is one. */
enum error_code catalog_find_commit(struct catalog *catalog, uint64_t commit_no, bool *found,
                                    struct ledger_range *range, int64_t *row_count,
                                    int64_t *dead_letter_count, struct error *error) MUST_CHECK;
/* The newest close time of any commit, also of ones that were taken out; 0: none has one. */
enum error_code catalog_newest_close(struct catalog *catalog, int64_t *close_us,
                                     struct error *error) MUST_CHECK;
/* The newest ledger of those in the lake whose newest close time lies before `before_us`; 0: there
 * is none. */
enum error_code catalog_newest_before(struct catalog *catalog, int64_t before_us, uint32_t *ledger,
                                      struct error *error) MUST_CHECK;
/* Whether the path is taken: by a commit, also one that was taken out of the lake, by what left it
 * and is not deleted yet, or by what DuckDB is to delete. */
enum error_code catalog_path_is_known(struct catalog *catalog, const char *path, bool *known,
                                      struct error *error) MUST_CHECK;

/* Sets the table's columns to `table`'s, and the lake's views to them: new DuckLake schema
 * versions. The lake's version has the first `own_count` of them. ERR_CONFLICT, by name, if another
 * program changed one of those or took the id of a new one. */
enum error_code catalog_evolve(struct catalog *catalog, const struct catalog_table *table,
                               size_t own_count, struct error *error) MUST_CHECK;
/* Makes those of the lake's views that are missing over `table`, which is the lake's, in one
 * snapshot; *views tells what became of each. */
enum error_code catalog_make_views(struct catalog *catalog, const struct catalog_table *table,
                                   struct catalog_views *views, struct error *error) MUST_CHECK;
/* The data_path as readers see it; the caller mem_frees it. */
enum error_code catalog_data_path(struct catalog *catalog, char **data_path,
                                  struct error *error) MUST_CHECK;

/* The covered ledgers, in place of what `coverage` holds. */
enum error_code catalog_coverage(struct catalog *catalog, struct ledger_set *coverage,
                                 struct error *error) MUST_CHECK;
/* What of [first, last] is neither covered nor pruned (last 0 = UINT32_MAX), in place of what
 * `uncovered` holds. */
enum error_code catalog_uncovered(struct catalog *catalog, struct ledger_range within,
                                  struct ledger_set *uncovered, struct error *error) MUST_CHECK;

struct catalog_digest {
    uint32_t ledger; /* 0: there is none */
    char schema_version[16];
    uint8_t chain[16];
    struct contents_digest contents;
};
/* What the lake holds next to a range of ledgers, on one side of it. */
struct catalog_neighbour {
    struct catalog_digest digest; /* the nearest one */
    uint32_t closed_ledger;       /* the nearest one of which a close time is known; 0: none */
    int64_t close_us;
};
/* The neighbours of first to last (0: without end); first is 1 at least. */
enum error_code catalog_neighbours(struct catalog *catalog, struct ledger_range range,
                                   struct catalog_neighbour *below, struct catalog_neighbour *above,
                                   struct error *error) MUST_CHECK;

/* When ledgers closed, as the catalog knows it: the first and the last ledger with rows of each
 * live data file of a commit, and the last of each live commit. In no order. */
struct catalog_close {
    uint32_t ledger;
    int64_t close_us;
    uint64_t commit_no;
};
typedef enum error_code catalog_close_visitor(void *context, const struct catalog_close *close,
                                              struct error *error);
enum error_code catalog_each_close(struct catalog *catalog, catalog_close_visitor *visit,
                                   void *context, struct error *error) MUST_CHECK;

/* `rows` are those that readers see (catalog/others.h), which the lake's commits need not have
 * brought; of the files' some may be deleted, and some may lie in the catalog. */
#define CATALOG_VERSIONS_MAX 8 /* and more than there are */
struct catalog_version {
    char name[16];
    uint64_t commits, rows; /* of those that are in the lake */
};
struct catalog_totals {
    size_t version_count; /* the oldest first */
    struct catalog_version versions[CATALOG_VERSIONS_MAX];
    uint64_t commits, files, rows, deleted_rows, inlined_rows, file_bytes, dead_letters,
        unconfirmed_ledgers, unconfirmed_ranges, null_decimals, replaced_memos;
    int64_t newest_close_us, last_commit_us;
    int64_t snapshots;
};
enum error_code catalog_totals(struct catalog *catalog, struct catalog_totals *totals,
                               struct error *error) MUST_CHECK;

/* Calls back for each live data file of the lake's table, in order of first ledger; pointers live
 * during the call. */
typedef enum error_code catalog_file_visitor(void *context, const struct catalog_file *file,
                                             uint64_t commit_no, struct error *error);
enum error_code catalog_each_file(struct catalog *catalog, catalog_file_visitor *visit,
                                  void *context, struct error *error) MUST_CHECK;
enum error_code catalog_each_file_with_times(struct catalog *catalog, catalog_file_visitor *visit,
                                             void *context, struct error *error) MUST_CHECK;
/* The beginning of a lake, without a look at all the rest: the *early* commits of a ledger are the
 * live ones that begin no later. Of them there are, each in the order of the whole list: the live
 * data files that hold rows of them (none that is no commit's), the early commits with those that
 * have rows in the same files (catalog/history.h), and which of these has rows in which file
 * (catalog/replacement.h). Care's tables are there (catalog/care.h). */
enum error_code catalog_each_early_file(struct catalog *catalog, uint32_t ledger,
                                        catalog_file_visitor *visit, void *context,
                                        struct error *error) MUST_CHECK;

/* The statistics of one data file, by column id. */
typedef enum error_code
catalog_statistic_visitor(void *context, const struct catalog_column_statistics *statistics,
                          struct error *error);
enum error_code catalog_each_statistic(struct catalog *catalog, int64_t data_file_id,
                                       catalog_statistic_visitor *visit, void *context,
                                       struct error *error) MUST_CHECK;

/* Ledgers of the coverage that the stream left out, in place of what `unconfirmed` holds. */
enum error_code catalog_unconfirmed(struct catalog *catalog, struct ledger_set *unconfirmed,
                                    struct error *error) MUST_CHECK;

#endif
