// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_DATABASE_GUARD_H
#define TTP_DATABASE_GUARD_H

/*
 * A catalog is opened as data, not as a program. Whoever can write into a lake's folder can put
 * views, triggers and computed columns into the file, or rows that make a statement of ours work
 * for ever: none of it runs, and a statement that does far more than the file's size accounts for
 * is ended (sqlite.org/security.html).
 */

#include <stdbool.h>
#include <stdint.h>

#include "util/error.h"

struct sqlite3;

/* No value, and no row, of a catalog is longer: memos have at most 4 MiB. */
#define GUARD_VALUE_BYTES (16 << 20)

/* What one statement may do, counted in the calls of SQLite's progress handler. Lives as long as
 * the connection, at one place. */
struct guard {
    struct sqlite3_file *file; /* of the database: its size is what the work is measured by */
    int64_t ticks;             /* of the statement that runs now */
    bool tripped;              /* since guard_start: it was ended */
};

/* Before the first statement of a connection. SQLite's result code. */
int guard_apply(struct guard *guard, struct sqlite3 *handle) MUST_CHECK;
/* The statement that runs from now on has done `ticks` already. */
void guard_start(struct guard *guard, int64_t ticks);
/* Refuses (ERR_CORRUPT) what is no plain table under a name of DuckLake's or of ours, and triggers
 * on such tables; `path` for the message. A SQLite result code other than SQLITE_OK comes back in
 * *result, with OK. */
enum error_code guard_check_tables(struct sqlite3 *handle, const char *path, int *result,
                                   struct error *error) MUST_CHECK;

#endif
