// SPDX-License-Identifier: Apache-2.0
#include "catalog/tables.h"

/*
 * The 28 tables of DuckLake 1.0 (ducklake.select/docs/stable/specification/tables/overview), with
 * the types that DuckDB's own extension gives them in PostgreSQL; what they are in SQLite, see
 * sqlite_create_table.
 */
const char *const ducklake_tables[] = {
    "CREATE TABLE ducklake_column(column_id BIGINT, begin_snapshot BIGINT, end_snapshot "
    "BIGINT, table_id BIGINT, column_order BIGINT, column_name VARCHAR, column_type "
    "VARCHAR, initial_default VARCHAR, default_value VARCHAR, nulls_allowed BOOLEAN, "
    "parent_column BIGINT, default_value_type VARCHAR, default_value_dialect VARCHAR)",
    "CREATE TABLE ducklake_column_mapping(mapping_id BIGINT, table_id BIGINT, \"type\" "
    "VARCHAR)",
    "CREATE TABLE ducklake_column_tag(table_id BIGINT, column_id BIGINT, begin_snapshot "
    "BIGINT, end_snapshot BIGINT, \"key\" VARCHAR, \"value\" VARCHAR)",
    "CREATE TABLE ducklake_data_file(data_file_id BIGINT PRIMARY KEY, table_id BIGINT, "
    "begin_snapshot BIGINT, end_snapshot BIGINT, file_order BIGINT, path VARCHAR, "
    "path_is_relative BOOLEAN, file_format VARCHAR, record_count BIGINT, file_size_bytes "
    "BIGINT, footer_size BIGINT, row_id_start BIGINT, partition_id BIGINT, "
    "encryption_key VARCHAR, mapping_id BIGINT, partial_max BIGINT)",
    "CREATE TABLE ducklake_delete_file(delete_file_id BIGINT PRIMARY KEY, table_id "
    "BIGINT, begin_snapshot BIGINT, end_snapshot BIGINT, data_file_id BIGINT, path "
    "VARCHAR, path_is_relative BOOLEAN, format VARCHAR, delete_count BIGINT, "
    "file_size_bytes BIGINT, footer_size BIGINT, encryption_key VARCHAR, partial_max "
    "BIGINT)",
    "CREATE TABLE ducklake_file_column_stats(data_file_id BIGINT, table_id BIGINT, "
    "column_id BIGINT, column_size_bytes BIGINT, value_count BIGINT, null_count BIGINT, "
    "min_value VARCHAR, max_value VARCHAR, contains_nan BOOLEAN, extra_stats VARCHAR)",
    "CREATE TABLE ducklake_file_partition_value(data_file_id BIGINT, table_id BIGINT, "
    "partition_key_index BIGINT, partition_value VARCHAR)",
    "CREATE TABLE ducklake_file_variant_stats(data_file_id BIGINT, table_id BIGINT, "
    "column_id BIGINT, variant_path VARCHAR, shredded_type VARCHAR, column_size_bytes "
    "BIGINT, value_count BIGINT, null_count BIGINT, min_value VARCHAR, max_value "
    "VARCHAR, contains_nan BOOLEAN, extra_stats VARCHAR)",
    "CREATE TABLE ducklake_files_scheduled_for_deletion(data_file_id BIGINT, path "
    "VARCHAR, path_is_relative BOOLEAN, schedule_start TIMESTAMPTZ)",
    "CREATE TABLE ducklake_inlined_data_tables(table_id BIGINT, table_name VARCHAR, "
    "schema_version BIGINT)",
    "CREATE TABLE ducklake_macro(schema_id BIGINT, macro_id BIGINT, macro_name VARCHAR, "
    "begin_snapshot BIGINT, end_snapshot BIGINT)",
    "CREATE TABLE ducklake_macro_impl(macro_id BIGINT, impl_id BIGINT, dialect VARCHAR, "
    "\"sql\" VARCHAR, \"type\" VARCHAR)",
    "CREATE TABLE ducklake_macro_parameters(macro_id BIGINT, impl_id BIGINT, column_id "
    "BIGINT, parameter_name VARCHAR, parameter_type VARCHAR, default_value VARCHAR, "
    "default_value_type VARCHAR)",
    "CREATE TABLE ducklake_metadata(\"key\" VARCHAR NOT NULL, \"value\" VARCHAR NOT "
    "NULL, \"scope\" VARCHAR, scope_id BIGINT)",
    "CREATE TABLE ducklake_name_mapping(mapping_id BIGINT, column_id BIGINT, source_name "
    "VARCHAR, target_field_id BIGINT, parent_column BIGINT, is_partition BOOLEAN)",
    "CREATE TABLE ducklake_partition_column(partition_id BIGINT, table_id BIGINT, "
    "partition_key_index BIGINT, column_id BIGINT, \"transform\" VARCHAR)",
    "CREATE TABLE ducklake_partition_info(partition_id BIGINT, table_id BIGINT, "
    "begin_snapshot BIGINT, end_snapshot BIGINT)",
    "CREATE TABLE ducklake_schema(schema_id BIGINT PRIMARY KEY, schema_uuid UUID, "
    "begin_snapshot BIGINT, end_snapshot BIGINT, schema_name VARCHAR, path VARCHAR, "
    "path_is_relative BOOLEAN)",
    "CREATE TABLE ducklake_schema_versions(begin_snapshot BIGINT, schema_version BIGINT, "
    "table_id BIGINT)",
    "CREATE TABLE ducklake_snapshot(snapshot_id BIGINT PRIMARY KEY, snapshot_time "
    "TIMESTAMPTZ, schema_version BIGINT, next_catalog_id BIGINT, next_file_id BIGINT)",
    "CREATE TABLE ducklake_snapshot_changes(snapshot_id BIGINT PRIMARY KEY, changes_made "
    "VARCHAR, author VARCHAR, commit_message VARCHAR, commit_extra_info VARCHAR)",
    "CREATE TABLE ducklake_sort_expression(sort_id BIGINT, table_id BIGINT, "
    "sort_key_index BIGINT, expression VARCHAR, dialect VARCHAR, sort_direction VARCHAR, "
    "null_order VARCHAR)",
    "CREATE TABLE ducklake_sort_info(sort_id BIGINT, table_id BIGINT, begin_snapshot "
    "BIGINT, end_snapshot BIGINT)",
    "CREATE TABLE ducklake_table(table_id BIGINT, table_uuid UUID, begin_snapshot "
    "BIGINT, end_snapshot BIGINT, schema_id BIGINT, table_name VARCHAR, path VARCHAR, "
    "path_is_relative BOOLEAN)",
    "CREATE TABLE ducklake_table_column_stats(table_id BIGINT, column_id BIGINT, "
    "contains_null BOOLEAN, contains_nan BOOLEAN, min_value VARCHAR, max_value VARCHAR, "
    "extra_stats VARCHAR)",
    "CREATE TABLE ducklake_table_stats(table_id BIGINT, record_count BIGINT, next_row_id "
    "BIGINT, file_size_bytes BIGINT)",
    "CREATE TABLE ducklake_tag(object_id BIGINT, begin_snapshot BIGINT, end_snapshot "
    "BIGINT, \"key\" VARCHAR, \"value\" VARCHAR)",
    "CREATE TABLE ducklake_view(view_id BIGINT, view_uuid UUID, begin_snapshot "
    "BIGINT, end_snapshot BIGINT, schema_id BIGINT, view_name VARCHAR, dialect VARCHAR, "
    "\"sql\" VARCHAR, column_aliases VARCHAR)"};

const size_t ducklake_table_count = sizeof ducklake_tables / sizeof *ducklake_tables;

/* So that the newest and the oldest close time, and the commits that are in the lake next to a
 * ledger, are found without going over all commits there ever were. */
#define CLOSES_INDEX                                                                               \
    "CREATE INDEX IF NOT EXISTS ttp_commits_closes ON ttp_commits(last_close_us, ended_us)"
#define LIVE_INDEX                                                                                 \
    "CREATE INDEX IF NOT EXISTS ttp_commits_live ON ttp_commits(first_ledger) WHERE ended_us IS "  \
    "NULL"

/*
 * Our own tables. Ledger ranges are inclusive; times are microseconds since 1970; digests and
 * checksums are lower-case hexadecimal, since SQLite has no unsigned 64-bit integer.
 */
const char *const catalog_tables[] = {
    /* layout_version, lake_id, schema_version, partition_id, settlements, lake_path
     * (catalog/place.h) and which table is the lake's own (catalog/identity.c) */
    "CREATE TABLE ttp_lake(\"key\" VARCHAR PRIMARY KEY NOT NULL, \"value\" VARCHAR NOT NULL)",
    /* What is completely in the lake: disjoint, and merged where ranges touch. */
    "CREATE TABLE ttp_coverage(first_ledger BIGINT PRIMARY KEY NOT NULL, "
    "last_ledger BIGINT NOT NULL)",
    /* Every commit ever made; ended_us is set when repair or prune took it out of the lake. */
    "CREATE TABLE ttp_commits(commit_no BIGINT PRIMARY KEY NOT NULL, first_ledger BIGINT NOT NULL, "
    "last_ledger BIGINT NOT NULL, reason VARCHAR NOT NULL, schema_version VARCHAR NOT NULL, "
    "snapshot_id BIGINT, file_count BIGINT NOT NULL, row_count BIGINT NOT NULL, "
    "size_bytes BIGINT NOT NULL, dead_letter_count BIGINT NOT NULL, "
    "unconfirmed_ledgers BIGINT NOT NULL, null_decimal_count BIGINT NOT NULL, "
    "replaced_memo_count BIGINT NOT NULL, digest_ledger BIGINT NOT NULL, "
    "digest_chain VARCHAR NOT NULL, digest_contents VARCHAR NOT NULL, "
    "last_close_us BIGINT NOT NULL, committed_us BIGINT NOT NULL, ended_us BIGINT, "
    "ended_reason VARCHAR)",
    "CREATE INDEX ttp_commits_digest ON ttp_commits(digest_ledger)", LIVE_INDEX, CLOSES_INDEX,
    /* Which commit made which data file. DuckDB may merge or drop files by itself: the data files
     * that are live are those of ducklake_data_file. */
    "CREATE TABLE ttp_commit_files(data_file_id BIGINT PRIMARY KEY NOT NULL, "
    "commit_no BIGINT NOT NULL, path VARCHAR NOT NULL UNIQUE, record_count BIGINT NOT NULL, "
    "file_size_bytes BIGINT NOT NULL, checksum VARCHAR NOT NULL, first_ledger BIGINT NOT NULL, "
    "last_ledger BIGINT NOT NULL)",
    "CREATE INDEX ttp_commit_files_commit ON ttp_commit_files(commit_no)",
    /* Ledgers of the coverage that the stream left out. */
    "CREATE TABLE ttp_unconfirmed(first_ledger BIGINT PRIMARY KEY NOT NULL, "
    "last_ledger BIGINT NOT NULL, commit_no BIGINT NOT NULL)",
    "CREATE TABLE ttp_dead_letters(commit_no BIGINT PRIMARY KEY NOT NULL, path VARCHAR NOT NULL, "
    "checksum VARCHAR NOT NULL, letter_count BIGINT NOT NULL)",
    /* Ledgers that were given up, with the reason; outside the coverage. */
    "CREATE TABLE ttp_holes(first_ledger BIGINT PRIMARY KEY NOT NULL, last_ledger BIGINT NOT NULL, "
    "reason VARCHAR NOT NULL, recorded_us BIGINT NOT NULL)",
    /* Columns of which some file has values without bounds: the table has none either then. */
    "CREATE TABLE ttp_unbounded_columns(column_id BIGINT PRIMARY KEY NOT NULL)",
    /* DuckLake's table has no index, and a lake has sixteen rows a file in it. */
    "CREATE INDEX ttp_file_column_stats_file ON ducklake_file_column_stats(data_file_id)"};

const size_t catalog_table_count = sizeof catalog_tables / sizeof *catalog_tables;

const char *const care_tables[] = {
    /* Ledgers that were in the lake and were pruned: outside the coverage, and no holes. Disjoint,
     * and merged where ranges touch. */
    "CREATE TABLE ttp_pruned(first_ledger BIGINT PRIMARY KEY NOT NULL, "
    "last_ledger BIGINT NOT NULL)",
    /* Files that left the lake with a snapshot, by the path that they had. Until a data file is
     * moved, ducklake_data_file has the path already that it will have. */
    "CREATE TABLE ttp_retired(path VARCHAR PRIMARY KEY NOT NULL, data_file_id BIGINT, "
    "size_bytes BIGINT NOT NULL, snapshot_id BIGINT NOT NULL, is_moved BIGINT NOT NULL)",
    "CREATE INDEX ttp_retired_file ON ttp_retired(data_file_id)",
    /* Changes that put data files in the place of others, in the numbers of the commits. */
    "CREATE TABLE ttp_replacements(commit_no BIGINT PRIMARY KEY NOT NULL, reason VARCHAR NOT NULL, "
    "first_ledger BIGINT NOT NULL, last_ledger BIGINT NOT NULL, file_count BIGINT NOT NULL, "
    "row_count BIGINT NOT NULL, size_bytes BIGINT NOT NULL, snapshot_id BIGINT NOT NULL, "
    "committed_us BIGINT NOT NULL)",
    /* Which commits' rows a replacing data file holds. */
    "CREATE TABLE ttp_file_commits(data_file_id BIGINT NOT NULL, commit_no BIGINT NOT NULL, "
    "record_count BIGINT NOT NULL, PRIMARY KEY(data_file_id, commit_no))",
    "CREATE INDEX ttp_file_commits_commit ON ttp_file_commits(commit_no)"};

const size_t care_table_count = sizeof care_tables / sizeof *care_tables;

const char *const catalog_late_indexes = LIVE_INDEX ";" CLOSES_INDEX;

const char *const catalog_seam_table =
    "CREATE TABLE IF NOT EXISTS ttp_seam_findings(ledger BIGINT PRIMARY KEY NOT NULL, "
    "times BIGINT NOT NULL, first_seen_us BIGINT NOT NULL, last_seen_us BIGINT NOT NULL)";

const char *const catalog_unchecked_table =
    "CREATE TABLE IF NOT EXISTS ttp_unchecked_seams(first_ledger BIGINT PRIMARY KEY NOT NULL, "
    "last_ledger BIGINT NOT NULL, below BIGINT NOT NULL, above BIGINT NOT NULL, "
    "recorded_us BIGINT NOT NULL)";

const char *const catalog_views_table =
    "CREATE TABLE IF NOT EXISTS ttp_views(view_name VARCHAR PRIMARY KEY NOT NULL, "
    "view_uuid VARCHAR NOT NULL, text_version BIGINT NOT NULL, \"sql\" VARCHAR NOT NULL)";

/* Paths are those that files have now. */
const char *const catalog_doomed_table =
    "CREATE TABLE IF NOT EXISTS ttp_doomed(path VARCHAR PRIMARY KEY NOT NULL, "
    "size_bytes BIGINT NOT NULL)";

/* What snapshots below snapshot_id had under `path`, or beside it, lies under kept_path; '': it is
 * to be set aside. */
const char *const catalog_aside_table =
    "CREATE TABLE IF NOT EXISTS ttp_set_aside(path VARCHAR NOT NULL, kept_path VARCHAR NOT NULL, "
    "size_bytes BIGINT NOT NULL, snapshot_id BIGINT NOT NULL, PRIMARY KEY(path, kept_path))";

/* swept_us: when its commit was given up. */
const char *const catalog_upload_table =
    "CREATE TABLE IF NOT EXISTS ttp_upload(path VARCHAR PRIMARY KEY NOT NULL, "
    "commit_uuid VARCHAR NOT NULL, lease_id BIGINT, epoch BIGINT NOT NULL, holder VARCHAR NOT "
    "NULL, size_bytes BIGINT NOT NULL, checksum VARCHAR NOT NULL, created_us BIGINT NOT NULL, "
    "swept_us BIGINT)";
