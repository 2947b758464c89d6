// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_DUCKLAKE_H
#define TTP_CATALOG_DUCKLAKE_H

/*
 * The DuckLake side of the catalog: snapshots, the table, its columns, partitions and data files
 * (ducklake.select/docs/stable/specification/queries). Every function runs inside a transaction
 * that the caller has begun, and leaves it to the caller to end it.
 */

#include "database/database.h"
#include "catalog/identity.h"
#include "database/query.h"
#include "catalog/records.h"

/* The newest snapshot, and the live table in it. */
struct ducklake_head {
    int64_t snapshot_id;
    int64_t snapshot_us; /* its time */
    int64_t schema_version;
    int64_t next_catalog_id;
    int64_t next_file_id;
    int64_t table_id;
};

/* Schema `main`, snapshot 0, snapshot 1 with the table, and snapshot 2 with its partitioning where
 * there is one; *partition_id gets 0 where there is none. The tables exist and are empty. */
enum error_code ducklake_create(struct database *database,
                                const struct catalog_create_options *options, int64_t *partition_id,
                                struct error *error) MUST_CHECK;

/* ERR_CONFLICT if the lake's table is not live as it was made (catalog/identity.h). */
enum error_code ducklake_read_head(struct database *database, struct ducklake_head *head,
                                   struct error *error) MUST_CHECK;

/* The same in two parts, as in catalog/identity.h. */
struct ducklake_head_question {
    struct query snapshot;
    struct identity_question identity;
};
void ducklake_ask_head(struct ducklake_head_question *question, struct database *database,
                       struct error *error);
enum error_code ducklake_take_head(struct ducklake_head_question *question, enum error_code before,
                                   struct ducklake_head *head, struct error *error) MUST_CHECK;

/* What a snapshot says about itself. */
struct ducklake_change {
    const char *changes_made;
    const char *message;    /* NULL: none */
    const char *extra_info; /* NULL: none */
};

/* Adds the snapshot after `head` with its new counters, at max(now, previous + 1 us); *head becomes
 * it. */
enum error_code ducklake_add_snapshot(struct database *database, struct ducklake_head *head,
                                      int64_t now_us, const struct ducklake_change *change,
                                      struct error *error) MUST_CHECK;

/* What there is to know of the table before files are added to it; they travel with others. */
struct ducklake_state_question {
    int64_t table_id, partition_id;
    struct query table, columns, partition;
};
void ducklake_ask_state(struct ducklake_state_question *question, struct database *database,
                        int64_t table_id, int64_t partition_id, struct error *error);

/* Takes the answers in any case; after a failure before, which is returned then, that is all. Else
 * adds data files to the table in the snapshot after `head` (next_file_id moves on): their rows,
 * statistics, partition values (where `partition_id` is still how the table is partitioned) and the
 * table's statistics. data_file_ids[i] gets the id of files[i]. */
enum error_code ducklake_append_files(struct ducklake_state_question *question,
                                      enum error_code before, struct ducklake_head *head,
                                      const struct catalog_file *files, size_t file_count,
                                      int64_t *data_file_ids, struct error *error) MUST_CHECK;

/* Ends the live data files of the table ?3 that `live_files` (an SQL expression in parentheses)
 * gives, with the snapshot ?2: the table shrinks, and the deletes on them end. `values` are those
 * of the expression. */
enum error_code ducklake_end_files(struct database *database, const char *live_files,
                                   struct sql_values values, struct error *error) MUST_CHECK;

/* Changes the live columns to `table`'s in the snapshot after `head` (schema_version moves on):
 * columns may lose NOT NULL and may be added after the first `own_count`, which the lake has,
 * always as nullable ones. ERR_CONFLICT if somebody else changed a column of those, or if the table
 * has, or ever had, a column with the id (or has one with the name) of a new one. */
enum error_code ducklake_evolve(struct database *database, struct ducklake_head *head,
                                const struct catalog_table *table, size_t own_count,
                                struct error *error) MUST_CHECK;

#endif
