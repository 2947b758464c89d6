// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_COMMIT_EXCHANGE_H
#define TTP_COMMIT_EXCHANGE_H

/*
 * Putting another catalog file in the place of a lake's: the new one is made under a name of its
 * own, the old one is kept in _lake/damaged. At each moment the lake has its old catalog, none (and
 * every command says so), or the new one; never one beside a write-ahead log of the other, which
 * SQLite would take for its own.
 */

#include "catalog/catalog.h"

#define CATALOG_NEW "_lake/catalog.sqlite.rebuilding"

/* ERR_CONFLICT if a process has the catalog at `path` open, be it damaged or not: SQLite locks
 * bytes of the file or of its -shm (sqlite.org/fileformat2.html and wal.html, "locking"). This
 * process must not have it open. */
enum error_code catalog_refuse_if_open(const char *path, struct error *error) MUST_CHECK;

/* Removes what an interrupted exchange left under the new name. `root`: output_path. */
enum error_code catalog_discard_new(const char *root, struct error *error) MUST_CHECK;

/* Closes the catalog that was made as CATALOG_NEW, in every case, and makes it one file without a
 * write-ahead log. Its bytes are durable then; its name becomes so by the exchange. */
enum error_code catalog_seal_new(const char *root, struct catalog *catalog,
                                 struct error *error) MUST_CHECK;

/* Keeps the old catalog, if there is one, in _lake/damaged (*kept) and gives its name to the new
 * one, durably. */
enum error_code catalog_exchange(const char *root, bool *kept, struct error *error) MUST_CHECK;

#endif
