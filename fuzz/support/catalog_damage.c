// SPDX-License-Identifier: Apache-2.0
#include "support/catalog_damage.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/memory_vfs.h"

#define COLUMN_MAX    512
#define FORMAT_OFFSET 18 /* of the two bytes that tell whether there is a WAL (fileformat.html) */
#define DAMAGE_MAX    6
#define NAME_BYTES    64

static struct {
    char table[NAME_BYTES], name[NAME_BYTES];
} columns[COLUMN_MAX];
static size_t column_count;
static bool takes_empty;

static void execute(sqlite3 *database, const char *sql)
{
    if (sqlite3_exec(database, sql, NULL, NULL, NULL) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(database));
        abort();
    }
}

static int add_column(void *context, int count, char **values, char **names)
{
    (void)context;
    (void)count;
    (void)names;
    assert(column_count < COLUMN_MAX);
    snprintf(columns[column_count].table, NAME_BYTES, "%s", values[0]);
    snprintf(columns[column_count].name, NAME_BYTES, "%s", values[1]);
    column_count++;
    return 0;
}

static int add_table(void *database, int count, char **values, char **names)
{
    (void)count;
    (void)names;
    char sql[256];
    snprintf(
        sql, sizeof sql,
        "SELECT '%s', name FROM pragma_table_info('%s') WHERE %d OR EXISTS(SELECT 1 FROM \"%s\")",
        values[0], values[0], takes_empty, values[0]);
    int result = sqlite3_exec(database, sql, add_column, NULL, NULL);
    assert(result == SQLITE_OK);
    return 0;
}

void catalog_damage_prepare(const char *path, bool with_empty_tables)
{
    sqlite3 *database;
    takes_empty = with_empty_tables;
    column_count = 0;
    int result = sqlite3_open(path, &database);
    assert(result == SQLITE_OK);
    result =
        sqlite3_exec(database, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name",
                     add_table, database, NULL);
    assert(result == SQLITE_OK);
    execute(database, "PRAGMA writable_schema = ON;"
                      "UPDATE sqlite_master SET sql = replace(sql, ' NOT NULL', '');"
                      "PRAGMA writable_schema = OFF; PRAGMA wal_checkpoint(TRUNCATE);");
    sqlite3_close(database);
}

/* Some bytes at a place of a page; near its beginning, where the header and cell pointers are, more
 * often than not. */
static void damage_bytes(struct fuzz_input *input, struct buffer *bytes)
{
    size_t at = (size_t)fuzz_input_u16(input) * 64 + fuzz_input_u8(input);
    struct bytes_view piece = fuzz_input_bytes(input, fuzz_input_u8(input) % 16 + 1u);
    at %= bytes->size_bytes;
    if (piece.size_bytes > bytes->size_bytes - at)
        piece.size_bytes = bytes->size_bytes - at;
    if (piece.size_bytes != 0)
        memcpy(bytes->data + at, piece.data, piece.size_bytes);
}

static char *take_value(struct fuzz_input *input)
{
    static const char *const values[] = {"NULL",
                                         "0",
                                         "-1",
                                         "1",
                                         "2",
                                         "2147483648",
                                         "4294967295",
                                         "4294967296",
                                         "9223372036854775807",
                                         "-9223372036854775808",
                                         "''",
                                         "'x'",
                                         "'..'",
                                         "'/'",
                                         "1e300",
                                         "x'00ff'",
                                         "zeroblob(5000)",
                                         "printf('%.5000c', 'a')",
                                         "'2024-01-15 12:00:00+00'",
                                         "'99999999999999999999999999999999999999'"};
    size_t count = sizeof values / sizeof *values;
    uint8_t chosen = fuzz_input_u8(input);
    if (chosen < 128)
        return sqlite3_mprintf("%s", values[chosen % count]);
    char text[32] = "";
    struct bytes_view piece = fuzz_input_bytes(input, fuzz_input_u8(input) % sizeof text);
    if (chosen < 192) {
        uint64_t number = 0;
        memcpy(&number, piece.size_bytes == 0 ? (const void *)text : piece.data,
               piece.size_bytes < 8 ? piece.size_bytes : 8);
        return sqlite3_mprintf("%lld", (long long)number);
    }
    if (piece.size_bytes != 0)
        memcpy(text, piece.data, piece.size_bytes);
    text[sizeof text - 1] = '\0';
    return sqlite3_mprintf("%Q", text);
}

static void damage_value(struct fuzz_input *input, sqlite3 *database)
{
    size_t column = fuzz_input_u16(input) % column_count;
    const char *table = columns[column].table, *name = columns[column].name;
    uint8_t kind = fuzz_input_u8(input);
    unsigned row = kind / 16;
    char *sql = NULL, *value = take_value(input);
    if (kind % 16 == 15)
        sql = sqlite3_mprintf("DROP TABLE \"%w\"", table);
    else if (kind % 16 == 14)
        sql = sqlite3_mprintf("DELETE FROM \"%w\"", table);
    else if (kind % 16 == 13)
        sql =
            sqlite3_mprintf("INSERT OR IGNORE INTO \"%w\"(\"%w\") VALUES(%s)", table, name, value);
    else if (kind % 16 == 12)
        sql = sqlite3_mprintf("ALTER TABLE \"%w\" DROP COLUMN \"%w\"", table, name);
    else if (kind % 16 == 11)
        sql = sqlite3_mprintf("INSERT OR IGNORE INTO \"%w\" SELECT * FROM \"%w\" LIMIT 1 OFFSET %u;"
                              "UPDATE OR IGNORE \"%w\" SET \"%w\" = %s WHERE rowid = "
                              "last_insert_rowid()",
                              table, table, row % 8, table, name, value);
    else
        sql = sqlite3_mprintf("UPDATE OR IGNORE \"%w\" SET \"%w\" = %s WHERE rowid IN (SELECT "
                              "rowid FROM \"%w\" LIMIT 1 OFFSET %u)",
                              table, name, value, table, row % 8);
    (void)sqlite3_exec(database, sql, NULL, NULL, NULL);
    sqlite3_free(sql);
    sqlite3_free(value);
}

/* Without a WAL, which would cost more than all the rest, and then as a WAL's database again. */
static void damage_by_sql(struct fuzz_input *input, const char *path, struct buffer *bytes)
{
    sqlite3 *database = NULL;
    uint8_t wal[2];
    memcpy(wal, bytes->data + FORMAT_OFFSET, sizeof wal);
    memset(bytes->data + FORMAT_OFFSET, 1, sizeof wal);
    memory_vfs_set(path, buffer_view(bytes));
    if (sqlite3_open(path, &database) == SQLITE_OK) {
        sqlite3_exec(database, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; BEGIN", NULL,
                     NULL, NULL);
        for (uint8_t i = 0; i < DAMAGE_MAX && input->size_bytes > 0; i++)
            damage_value(input, database);
        sqlite3_exec(database, "COMMIT", NULL, NULL, NULL);
    }
    sqlite3_close(database);
    struct bytes_view damaged = memory_vfs_get(path);
    buffer_reset(bytes);
    enum error_code code = buffer_append(bytes, damaged.data, damaged.size_bytes);
    assert(code == OK && bytes->size_bytes > FORMAT_OFFSET + sizeof wal);
    memcpy(bytes->data + FORMAT_OFFSET, wal, sizeof wal);
}

void catalog_damage(struct fuzz_input *input, const char *path, struct buffer *bytes)
{
    uint8_t kinds = fuzz_input_u8(input);
    uint8_t byte_damages = fuzz_input_u8(input) % DAMAGE_MAX;
    for (uint8_t i = 0; i < byte_damages && input->size_bytes > 0; i++)
        damage_bytes(input, bytes);
    if ((kinds & 128) != 0)
        bytes->size_bytes /= 2;
    if ((kinds & 1) != 0)
        damage_by_sql(input, path, bytes);
}
