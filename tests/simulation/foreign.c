// SPDX-License-Identifier: Apache-2.0
#include "foreign.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "catalog/identity.h"
#include "store/layout.h"
#include "os/clock.h"
#include "os/identity.h"
#include "os/thread.h"
#include "support/temp_folder.h"
#include "util/text.h"
#include "world.h"
#include "catalog/files.h"

#define OURS 1 /* the table_id of ours */
/* Names of files: his rows in our table or in his, and our rows in a file that he wrote. */
#define THEIRS    "ducklake-theirs-"
#define REWRITTEN "ducklake-rewritten-"
/* Where his table's files lie, and how large they are. */
#define OWN_SCHEMA_FOLDER "mine"
#define OWN_FOLDER        OWN_SCHEMA_FOLDER "/" DUCKLAKE_TABLE_NAME
#define OWN_FILE_BYTES    900
#define OWN_FOOTER_BYTES  300

/* A transaction of his, with the counters of the snapshot to come. */
struct foreign {
    sqlite3 *database;
    const char *folder;
    int64_t snapshot_id, schema_version, next_catalog_id, next_file_id;
};

static _Noreturn void die(struct foreign *foreign, const char *what)
{
    fprintf(stderr, "simulation: the foreign writer: %s: %s\n", what,
            sqlite3_errmsg(foreign->database));
    world_end_process(WORLD_EXIT_STUCK);
}

static int run_sql(struct foreign *foreign, const char *format, va_list arguments)
{
    char *sql = sqlite3_vmprintf(format, arguments);
    int result = sqlite3_exec(foreign->database, sql, NULL, NULL, NULL);
    sqlite3_free(sql);
    return result;
}

static void execute(struct foreign *foreign, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (run_sql(foreign, format, arguments) != SQLITE_OK)
        die(foreign, format);
    va_end(arguments);
}

/* The first value of the first row, as text for the caller to free; NULL: none. */
static char *text_of(struct foreign *foreign, const char *format, va_list arguments)
{
    char *sql = sqlite3_vmprintf(format, arguments), *copy = NULL;
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(foreign->database, sql, -1, &statement, NULL) != SQLITE_OK)
        die(foreign, sql);
    if (sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_type(statement, 0) != SQLITE_NULL)
        copy = strdup((const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    sqlite3_free(sql);
    return copy;
}

static char *text(struct foreign *foreign, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *value = text_of(foreign, format, arguments);
    va_end(arguments);
    return value;
}

static int64_t number(struct foreign *foreign, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *value = text_of(foreign, format, arguments);
    va_end(arguments);
    int64_t result = value == NULL ? -1 : strtoll(value, NULL, 10);
    free(value);
    return result;
}

/* False: there is no catalog yet. */
static bool open_catalog(struct foreign *foreign, const char *folder, int flags)
{
    *foreign = (struct foreign){.folder = folder};
    const char *path = temp_path(folder, LAKE_CATALOG);
    if (!temp_exists(path))
        return false;
    if (sqlite3_open_v2(path, &foreign->database, flags, "unix") != SQLITE_OK)
        die(foreign, "open");
    return true;
}

static bool has_tables(struct foreign *foreign)
{
    return number(foreign, "SELECT count(*) FROM sqlite_master WHERE name = 'ttp_lake'") == 1;
}

/* The table has all columns of ours that it will have. */
static bool has_tables_of_now(struct foreign *foreign)
{
    return has_tables(foreign) &&
           number(foreign, "SELECT count(*) FROM ducklake_column WHERE table_id = 1 AND "
                           "column_name = 'event_index'") == 1;
}

/* False: somebody else writes, or our table is not there yet. */
static bool begin(struct foreign *foreign)
{
    if (sqlite3_exec(foreign->database, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
        return false;
    if (!has_tables(foreign)) {
        execute(foreign, "ROLLBACK");
        return false;
    }
#define NEWEST(column)                                                                             \
    number(foreign, "SELECT " column " FROM ducklake_snapshot ORDER BY snapshot_id DESC LIMIT 1")
    foreign->snapshot_id = NEWEST("snapshot_id") + 1;
    foreign->schema_version = NEWEST("schema_version");
    foreign->next_catalog_id = NEWEST("next_catalog_id");
    foreign->next_file_id = NEWEST("next_file_id");
    return true;
}

static void commit(struct foreign *foreign, const char *changes)
{
    char time[TEXT_TIME_BYTES];
    text_timestamptz(os_realtime_us(), time);
    execute(foreign, "INSERT INTO ducklake_snapshot VALUES(%lld,%Q,%lld,%lld,%lld)",
            foreign->snapshot_id, time, foreign->schema_version, foreign->next_catalog_id,
            foreign->next_file_id);
    execute(foreign, "INSERT INTO ducklake_snapshot_changes VALUES(%lld,%Q,NULL,NULL,NULL)",
            foreign->snapshot_id, changes);
    execute(foreign, "COMMIT");
    world->foreign.writes++;
}

static void add_schema_version(struct foreign *foreign, int64_t table_id)
{
    execute(foreign, "INSERT INTO ducklake_schema_versions VALUES(%lld,%lld,%lld)",
            foreign->snapshot_id, ++foreign->schema_version, table_id);
}

/* ---- files ---- */

/* Copies a data file under a name of his; what we say of ourselves in it is gone, as in what DuckDB
 * writes. */
static void copy_file(struct foreign *foreign, const char *from, const char *to)
{
    FILE *in = fopen(temp_path(foreign->folder, from), "rb");
    FILE *out = fopen(temp_path(foreign->folder, to), "wb");
    if (in == NULL || out == NULL || fseek(in, 0, SEEK_END) != 0)
        die(foreign, from);
    size_t size = (size_t)ftell(in);
    char *bytes = malloc(size);
    rewind(in);
    if (bytes == NULL || fread(bytes, 1, size, in) != size)
        die(foreign, from);
    for (size_t i = 0; i + 4 <= size; i++)
        if (memcmp(bytes + i, "ttp.", 4) == 0)
            memcpy(bytes + i, "was.", 4);
    if (fwrite(bytes, 1, size, out) != size || fclose(out) != 0)
        die(foreign, to);
    fclose(in);
    free(bytes);
}

/* A live file of our rows; -1: there is none. */
static int64_t any_file(struct foreign *foreign)
{
    const char *ours = "FROM ducklake_data_file WHERE table_id = 1 AND end_snapshot IS NULL AND "
                       "path NOT LIKE '%" THEIRS "%'";
    char *sql = sqlite3_mprintf("SELECT count(*) %s", ours);
    int64_t count = number(foreign, "%s", sql);
    sqlite3_free(sql);
    if (count <= 0)
        return -1;
    sql = sqlite3_mprintf("SELECT data_file_id %s ORDER BY 1 LIMIT 1 OFFSET %u", ours,
                          world_below((uint32_t)count));
    int64_t id = number(foreign, "%s", sql);
    sqlite3_free(sql);
    return id;
}

/* Registers a copy of a file as another one: its rows, statistics and partition values. */
static void add_copy(struct foreign *foreign, int64_t source, int64_t begin_snapshot,
                     int64_t row_id_start, const char *prefix)
{
    int64_t id = foreign->next_file_id++;
    char *path =
        text(foreign, "SELECT path FROM ducklake_data_file WHERE data_file_id = %lld", source);
    const char *slash = strrchr(path, '/');
    int folder_bytes = slash == NULL ? 0 : (int)(slash - path) + 1;
    char *copy = sqlite3_mprintf("%.*s%s%lld.parquet", folder_bytes, path, prefix, id);
    copy_file(foreign, path, copy);
    execute(
        foreign,
        "INSERT INTO ducklake_data_file SELECT %lld, table_id, %lld, NULL, NULL, %Q, 1, "
        "'parquet', record_count, file_size_bytes, footer_size, %lld, partition_id, NULL, NULL, "
        "NULL FROM ducklake_data_file WHERE data_file_id = %lld",
        id, begin_snapshot, copy, row_id_start, source);
    execute(foreign,
            "INSERT INTO ducklake_file_column_stats SELECT %lld, table_id, column_id, "
            "column_size_bytes, value_count, null_count, min_value, max_value, contains_nan, "
            "extra_stats FROM ducklake_file_column_stats WHERE data_file_id = %lld",
            id, source);
    execute(foreign,
            "INSERT INTO ducklake_file_partition_value SELECT %lld, table_id, "
            "partition_key_index, partition_value FROM ducklake_file_partition_value WHERE "
            "data_file_id = %lld",
            id, source);
    sqlite3_free(copy);
    free(path);
}

/* ---- what he does ---- */

/* A schema of his with a table that is called as ours is. */
static void make_own_table(struct foreign *foreign)
{
    int64_t schema_id = foreign->next_catalog_id++, table_id = foreign->next_catalog_id++;
    execute(foreign, "INSERT INTO ducklake_schema VALUES(%lld,'s',%lld,NULL,'mine','mine/',1)",
            schema_id, foreign->snapshot_id);
    execute(foreign,
            "INSERT INTO ducklake_table VALUES(%lld,'t',%lld,NULL,%lld,'" DUCKLAKE_TABLE_NAME
            "','" DUCKLAKE_TABLE_NAME "/',1)",
            table_id, foreign->snapshot_id, schema_id);
    execute(foreign,
            "INSERT INTO ducklake_column VALUES(2,%lld,NULL,%lld,2,'ledger_sequence','uint32',"
            "NULL,'NULL',1,NULL,'literal','duckdb')",
            foreign->snapshot_id, table_id);
    execute(foreign, "INSERT INTO ducklake_table_stats VALUES(%lld,0,0,0)", table_id);
    add_schema_version(foreign, table_id);
    commit(foreign, "created_schema:\"mine\",created_table:\"mine\".\"" DUCKLAKE_TABLE_NAME "\"");
}

/* His table's file: a Parquet file by its ends, and nobody here reads what lies between. */
static void make_own_file(struct foreign *foreign, int64_t id)
{
    static uint8_t content[OWN_FILE_BYTES] = "PAR1";
    static const uint8_t end[8] = {
        OWN_FOOTER_BYTES & 0xff, OWN_FOOTER_BYTES >> 8, 0, 0, 'P', 'A', 'R', '1'};
    memcpy(content + sizeof content - sizeof end, end, sizeof end);
    char path[TEMP_PATH_BYTES];
    (void)mkdir(temp_path(foreign->folder, OWN_SCHEMA_FOLDER), 0700);
    (void)mkdir(temp_path(foreign->folder, OWN_FOLDER), 0700);
    snprintf(path, sizeof path, "%.4000s/" OWN_FOLDER "/" THEIRS "%" PRId64 ".parquet",
             foreign->folder, id);
    temp_write(path, content, sizeof content);
}

static void write_own_table(struct foreign *foreign)
{
    int64_t table_id = number(foreign, "SELECT table_id FROM ducklake_table t JOIN ducklake_schema "
                                       "s USING (schema_id) WHERE s.schema_name = 'mine'");
    if (table_id < 0) {
        make_own_table(foreign);
        return;
    }
    int64_t id = foreign->next_file_id++;
    make_own_file(foreign, id);
    execute(foreign,
            "INSERT INTO ducklake_data_file SELECT %lld, %lld, %lld, NULL, NULL, '" THEIRS
            "%lld.parquet', 1, 'parquet', 7, 900, 300, next_row_id, NULL, NULL, NULL, NULL FROM "
            "ducklake_table_stats WHERE table_id = %lld",
            id, table_id, foreign->snapshot_id, id, table_id);
    execute(foreign,
            "INSERT INTO ducklake_file_column_stats VALUES(%lld,%lld,2,90,7,0,'1','4000000000',"
            "NULL,NULL)",
            id, table_id);
    execute(foreign,
            "UPDATE ducklake_table_stats SET record_count = record_count + 7, next_row_id = "
            "next_row_id + 7, file_size_bytes = file_size_bytes + 900 WHERE table_id = %lld",
            table_id);
    char changes[48];
    snprintf(changes, sizeof changes, "inserted_into_table:%" PRId64, table_id);
    commit(foreign, changes);
    world->foreign.own_files++;
}

/* Rows of his in our table: copies of ours, so that they are the harder to tell apart. */
static void insert(struct foreign *foreign, int64_t source)
{
    int64_t first = number(foreign, "SELECT next_row_id FROM ducklake_table_stats WHERE "
                                    "table_id = 1");
    add_copy(foreign, source, foreign->snapshot_id, first, THEIRS);
    execute(foreign,
            "UPDATE ducklake_table_stats SET record_count = record_count + d.rows, next_row_id = "
            "next_row_id + d.rows, file_size_bytes = file_size_bytes + d.bytes FROM (SELECT "
            "record_count AS rows, file_size_bytes AS bytes FROM ducklake_data_file WHERE "
            "data_file_id = %lld) d WHERE table_id = 1",
            source);
    commit(foreign, "inserted_into_table:1");
    world->foreign.inserted_files++;
}

/* A delete file that hides a row of ours; the data file stays as it is. Nobody here reads which row
 * it is: any Parquet file will do. */
static void delete_row(struct foreign *foreign, int64_t source)
{
    int64_t id = foreign->next_file_id++;
    char name[64];
    snprintf(name, sizeof name, "ducklake-%" PRId64 "-delete.parquet", id);
    char *path =
        text(foreign, "SELECT path FROM ducklake_data_file WHERE data_file_id = %lld", source);
    copy_file(foreign, path, name);
    free(path);
    execute(foreign,
            "UPDATE ducklake_delete_file SET end_snapshot = %lld WHERE data_file_id = %lld AND "
            "end_snapshot IS NULL",
            foreign->snapshot_id, source);
    execute(foreign,
            "INSERT INTO ducklake_delete_file SELECT %lld, 1, %lld, NULL, data_file_id, %Q, 1, "
            "'parquet', 1, file_size_bytes, footer_size, NULL, NULL FROM ducklake_data_file WHERE "
            "data_file_id = %lld",
            id, foreign->snapshot_id, name, source);
    commit(foreign, "deleted_from_table:1");
    world->foreign.deletes++;
}

/* As merging does: the file's row is replaced by that of another file with the same rows, the old
 * one and its delete files are scheduled for deletion. */
static void rewrite(struct foreign *foreign, int64_t source)
{
    int64_t start = number(
        foreign, "SELECT row_id_start FROM ducklake_data_file WHERE data_file_id = %lld", source);
    int64_t begun = number(
        foreign, "SELECT begin_snapshot FROM ducklake_data_file WHERE data_file_id = %lld", source);
    add_copy(foreign, source, begun, start, REWRITTEN);
    execute(foreign,
            "INSERT INTO ducklake_files_scheduled_for_deletion SELECT data_file_id, path, 1, "
            "'2024-03-01 00:00:00+00' FROM ducklake_data_file WHERE data_file_id = %lld",
            source);
    execute(foreign,
            "INSERT INTO ducklake_files_scheduled_for_deletion SELECT delete_file_id, path, 1, "
            "'2024-03-01 00:00:00+00' FROM ducklake_delete_file WHERE data_file_id = %lld",
            source);
    execute(foreign, "DELETE FROM ducklake_delete_file WHERE data_file_id = %lld", source);
    execute(foreign, "DELETE FROM ducklake_file_column_stats WHERE data_file_id = %lld", source);
    execute(foreign, "DELETE FROM ducklake_file_partition_value WHERE data_file_id = %lld", source);
    execute(foreign, "DELETE FROM ducklake_data_file WHERE data_file_id = %lld", source);
    commit(foreign, "merge_adjacent:1");
    world->foreign.rewrites++;
}

/* ducklake_cleanup_old_files: what was scheduled goes, without a snapshot. */
static void clean_up(struct foreign *foreign)
{
    char *path;
    while ((path = text(foreign, "SELECT path FROM ducklake_files_scheduled_for_deletion")) !=
           NULL) {
        (void)unlink(temp_path(foreign->folder, path));
        execute(foreign, "DELETE FROM ducklake_files_scheduled_for_deletion WHERE path = %Q", path);
        free(path);
    }
    execute(foreign, "COMMIT");
}

static void add_column(struct foreign *foreign)
{
    int64_t id =
        number(foreign, "SELECT max(column_id) + 1 FROM ducklake_column WHERE table_id = 1");
    execute(foreign,
            "INSERT INTO ducklake_column VALUES(%lld,%lld,NULL,1,%lld,'note_%lld','varchar',NULL,"
            "'NULL',1,NULL,'literal','duckdb')",
            id, foreign->snapshot_id, id, id);
    add_schema_version(foreign, OURS);
    commit(foreign, "altered_table:1");
    world->foreign.columns++;
}

/* An open transaction of his, for microseconds or minutes. */
static void hold(struct foreign *foreign)
{
    os_sleep_us(INT64_C(1) << world_below(28));
    execute(foreign, "COMMIT");
}

static void change_rows(struct foreign *foreign)
{
    int64_t source = any_file(foreign);
    uint32_t wish = world_below(4);
    if (source < 0)
        execute(foreign, "ROLLBACK");
    else if (wish == 0)
        insert(foreign, source);
    else if (wish == 1)
        delete_row(foreign, source);
    else if (wish == 2)
        rewrite(foreign, source);
    else
        clean_up(foreign);
}

void foreign_act(const char *folder)
{
    struct foreign foreign;
    uint32_t wish = world_below(world->foreign.changes_rows ? 8 : 5);
    if (!open_catalog(&foreign, folder, SQLITE_OPEN_READWRITE))
        return;
    if (wish == 2 && !has_tables_of_now(&foreign))
        wish = 3; /* a column of his would have an id that ours are to have */
    if (wish == 0)
        (void)sqlite3_exec(foreign.database, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
    else if (!begin(&foreign))
        wish = 0;
    else if (wish == 1)
        hold(&foreign);
    else if (wish == 2 && world->foreign.columns < 3)
        add_column(&foreign);
    else if (wish < 5)
        write_own_table(&foreign);
    else
        change_rows(&foreign);
    if (sqlite3_close(foreign.database) != SQLITE_OK)
        die(&foreign, "close");
}

/* ---- beside a run ---- */

static struct os_thread thread;
static bool is_over;

static void *act_beside(void *context)
{
    for (uint32_t left = world->life.foreign_writes; left > 0 && !is_over; left--) {
        os_sleep_us(INT64_C(1) << world_below(24));
        if (!is_over)
            foreign_act(context);
    }
    return NULL;
}

void foreign_start(const char *folder)
{
    struct error error;
    is_over = false;
    if (world->life.foreign_writes != 0 &&
        os_thread_start(&thread, "foreign", act_beside, (void *)(uintptr_t)folder, &error) != OK)
        abort();
}

void foreign_join(void)
{
    is_over = true;
    os_thread_join(&thread);
}

/* ---- what must be true ---- */

bool foreign_owns(const char *path)
{
    return strstr(path, THEIRS) != NULL;
}

const char *foreign_finding(const char *folder)
{
    static char message[256];
    const struct {
        const char *sql; /* gives `expected` */
        int64_t expected;
        const char *what;
    } rules[] = {
        {"SELECT max(snapshot_id) + 1 - min(snapshot_id) - count(*) FROM ducklake_snapshot", 0,
         "snapshots are missing"},
        {"SELECT count(*) FROM ducklake_table_stats t WHERE record_count <> (SELECT "
         "coalesce(sum(record_count), 0) FROM ducklake_data_file d WHERE d.table_id = t.table_id "
         "AND d.end_snapshot IS NULL)",
         0, "a table's count of rows is not that of its files"},
        {"SELECT count(*) FROM ducklake_data_file a JOIN ducklake_data_file b ON a.table_id = "
         "b.table_id AND a.data_file_id < b.data_file_id AND a.row_id_start < b.row_id_start + "
         "b.record_count AND b.row_id_start < a.row_id_start + a.record_count",
         0, "two files have the same row ids"},
        {"SELECT count(*) FROM ducklake_data_file d JOIN ducklake_table_stats t USING (table_id) "
         "WHERE d.row_id_start + d.record_count > t.next_row_id",
         0, "row ids were given that are still to be given"},
        {"SELECT count(*) FROM (SELECT data_file_id AS id FROM ducklake_data_file UNION ALL SELECT "
         "delete_file_id FROM ducklake_delete_file) WHERE id >= (SELECT next_file_id FROM "
         "ducklake_snapshot ORDER BY snapshot_id DESC LIMIT 1)",
         0, "file ids were given that are still to be given"},
        /* 16 in version 1.1.0, 10 before. */
        {"SELECT count(*) + CASE WHEN max(column_name = 'event_index') THEN 0 ELSE 6 END FROM "
         "ducklake_column WHERE table_id = 1 AND end_snapshot IS NULL",
         16 + (int64_t)world->foreign.columns, "the table has not the columns that it was given"},
        {"SELECT count(*) FROM ducklake_data_file WHERE table_id <> 1 AND end_snapshot IS NULL",
         (int64_t)world->foreign.own_files, "another table's files are not what they were"},
        {world->foreign.may_lack_inserted ? "SELECT 0"
                                          : "SELECT count(*) FROM ducklake_data_file WHERE "
                                            "table_id = 1 AND end_snapshot IS NULL "
                                            "AND path LIKE '%" THEIRS "%'",
         world->foreign.may_lack_inserted ? 0 : (int64_t)world->foreign.inserted_files,
         "files that others inserted are not there"}};
    struct foreign foreign;
    const char *finding = NULL;
    /* Not read-only: after a power loss there is a WAL, and no -shm yet. */
    if (!open_catalog(&foreign, folder, SQLITE_OPEN_READWRITE))
        return NULL;
    bool is_made = has_tables(&foreign);
    for (size_t i = 0; is_made && finding == NULL && i < sizeof rules / sizeof *rules; i++) {
        int64_t got = number(&foreign, "%s", rules[i].sql);
        if (got != rules[i].expected) {
            snprintf(message, sizeof message, "%s (%" PRId64 ")", rules[i].what, got);
            finding = message;
        }
    }
    sqlite3_close(foreign.database);
    return finding;
}
