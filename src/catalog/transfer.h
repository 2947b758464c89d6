// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_TRANSFER_H
#define TTP_CATALOG_TRANSFER_H

/*
 * A catalog's rows in a database of any engine. The tables have the same columns everywhere
 * (catalog/tables.h), so a catalog that moves keeps every row: snapshots, files, statistics,
 * commits. What belongs to the place and not to the lake stays behind, and stays as it is where it
 * arrives: who writes there (ttp_writer) and what is being put there (ttp_upload).
 */

#include "database/database.h"

/* Makes the rows of `to`, which is empty or holds a catalog, those that `from` has: inside a write
 * transaction of the one and a read transaction of the other. ERR_CONFLICT, with the remedy, where
 * DuckDB keeps rows in tables of its own there (inlined ones): those are of one engine. ERR_CORRUPT
 * where `from` is not what a catalog is. */
enum error_code transfer_rows(struct database *to, struct database *from,
                              struct error *error) MUST_CHECK;

#endif
