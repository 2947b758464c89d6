// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_DATABASE_LOCATION_H
#define TTP_DATABASE_LOCATION_H

/*
 * Where a catalog is. In the options, and in lake.json, it is a text: "" (in the lake's folder),
 * "sqlite:PATH" or "postgres:CONNINFO", and the schema of the latter. CONNINFO is what libpq takes
 * (postgresql.org/docs/15/libpq-connect.html), without a password: that would stand in lake.json,
 * in commands and in the list of processes.
 */

#include <stdbool.h>

#include "util/error.h"

#define DATABASE_SQLITE_PREFIX  "sqlite:"
#define DATABASE_LOCATION_BYTES 1024
#define DATABASE_SCHEMA_BYTES   64

/* Texts are borrowed. */
struct database_location {
    const char *path;     /* of a SQLite file; NULL: it is in PostgreSQL */
    const char *conninfo; /* of PostgreSQL */
    const char *schema;   /* in which its tables are; "": public */
    bool is_shared;       /* PostgreSQL: whoever opens it writes beside others that do so, too */
};

/* What is wrong with the texts, as a sentence; NULL: nothing. */
const char *database_location_fault(const char *catalog, const char *schema);
/* Of texts that have no fault and are not "". */
struct database_location database_location_parse(const char *catalog, const char *schema);

#endif
