// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_OTHERS_H
#define TTP_CATALOG_OTHERS_H

/*
 * What others than this program did to the lake's table, and what else they keep in its catalog.
 * DuckDB users may insert, update and delete rows, merge and rewrite files, expire snapshots, and
 * make tables and views of their own. Small changes lie in the catalog itself ("inlined"): rows in
 * tables ducklake_inlined_data_<table>_<schema version>, deletes in ducklake_inlined_delete_<table>
 * (ducklake.select/docs/stable/duckdb/advanced_features/data_inlining).
 */

#include "catalog/catalog.h"

/* The rows that a reader of the table sees: file_rows - deleted_rows + inlined_rows. */
struct catalog_visible {
    uint64_t file_rows;    /* in live data files */
    uint64_t deleted_rows; /* of them hidden by deletes, in files or in the catalog */
    uint64_t inlined_rows; /* that lie in the catalog itself */
};
/* ERR_CORRUPT if more rows are deleted than there are. */
enum error_code catalog_visible_rows(struct catalog *catalog, struct catalog_visible *visible,
                                     struct error *error) MUST_CHECK;

/* The rest of it where file_rows is known already. */
enum error_code others_count_rows(struct catalog *catalog, struct catalog_visible *visible,
                                  struct error *error) MUST_CHECK;

/* The snapshots from `first` to `last` of the table. */
struct catalog_snapshots {
    int64_t first, last;
};

/* Deletes on a live data file: a delete file, or the deletes that lie in the catalog itself. */
struct catalog_delete {
    int64_t data_file_id;
    const char *path; /* of the delete file, relative to data_path unless absolute; NULL: inlined */
    bool path_is_absolute;
    bool is_parquet;
    int64_t row_count, file_size_bytes;
    struct catalog_snapshots snapshots;
};
typedef enum error_code catalog_delete_visitor(void *context, const struct catalog_delete *one,
                                               struct error *error);
enum error_code catalog_each_delete(struct catalog *catalog, catalog_delete_visitor *visit,
                                    void *context, struct error *error) MUST_CHECK;

/* Live rows of one ledger that lie in the catalog itself. */
struct catalog_inlined {
    uint32_t ledger;
    bool has_ledger; /* false: rows whose ledger_sequence is no ledger */
    int64_t row_count;
    struct catalog_snapshots snapshots;
};
typedef enum error_code catalog_inlined_visitor(void *context, const struct catalog_inlined *one,
                                                struct error *error);
enum error_code catalog_each_inlined(struct catalog *catalog, catalog_inlined_visitor *visit,
                                     void *context, struct error *error) MUST_CHECK;

/* A file of a live commit that is no live data file any more. */
struct catalog_displaced {
    uint64_t commit_no;
    const char *path;
    int64_t record_count;
    struct ledger_range range;
    /* From its first delete to the one that ended it; 0, 0: not known (merged, or they expired). */
    struct catalog_snapshots ended_by;
};
typedef enum error_code
catalog_displaced_visitor(void *context, const struct catalog_displaced *file, struct error *error);
enum error_code catalog_each_displaced(struct catalog *catalog, catalog_displaced_visitor *visit,
                                       void *context, struct error *error) MUST_CHECK;

/* A snapshot that is no commit or repair of this program, and changed rows of the table. */
struct catalog_change {
    int64_t snapshot_id;
    const char *time;    /* as DuckLake writes it */
    const char *changes; /* changes_made */
};
typedef enum error_code catalog_change_visitor(void *context, const struct catalog_change *change,
                                               struct error *error);
/* By snapshot; those that expired are not there. */
enum error_code catalog_each_change(struct catalog *catalog, catalog_change_visitor *visit,
                                    void *context, struct error *error) MUST_CHECK;

/* Files that the catalog names besides the table's live data files. */
enum catalog_named_kind {
    CATALOG_NAMED_LIVE,      /* of another table, or a delete file that is in use */
    CATALOG_NAMED_ENDED,     /* only older snapshots need it */
    CATALOG_NAMED_SCHEDULED, /* DuckDB is to delete it */
};
struct catalog_named_file {
    enum catalog_named_kind kind;
    const char *path; /* relative to data_path unless absolute */
    bool path_is_absolute;
};
typedef enum error_code catalog_named_visitor(void *context, const struct catalog_named_file *file,
                                              struct error *error);
enum error_code catalog_each_named_file(struct catalog *catalog, catalog_named_visitor *visit,
                                        void *context, struct error *error) MUST_CHECK;

/* A live table or view of others: all but the lake's table and its views (catalog/views.h). */
typedef enum error_code catalog_object_visitor(void *context, bool is_view, const char *schema,
                                               const char *name, struct error *error);
enum error_code catalog_each_other_object(struct catalog *catalog, catalog_object_visitor *visit,
                                          void *context, struct error *error) MUST_CHECK;

/* The newest snapshot's number. */
enum error_code catalog_newest_snapshot(struct catalog *catalog, int64_t *snapshot_id,
                                        struct error *error) MUST_CHECK;

#endif
