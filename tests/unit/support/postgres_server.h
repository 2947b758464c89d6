// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_TESTS_POSTGRES_SERVER_H
#define TTP_TESTS_POSTGRES_SERVER_H

/* A PostgreSQL server of a test program's own, on a socket in a folder of its own. */

#include <stdbool.h>

/* False where PostgreSQL is not installed: such tests are skipped. Else it runs, with an empty
 * database. */
bool postgres_server_start(void);
void postgres_server_stop(void);
/* For struct database_location; a new empty database with each call. */
const char *postgres_server_new_database(void);
/* The first value of the first row that psql prints for it in the newest database; "ERROR" where it
 * fails. Lives until the next call. */
const char *postgres_server_query(const char *sql);

#endif
