// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_COMMIT_LAKE_FILE_H
#define TTP_COMMIT_LAKE_FILE_H

/* _lake/lake.json: what the files can't say and a rebuild of the catalog needs. Replaced
 * atomically. */

#include "catalog/catalog.h"
#include "store/store.h"

/* A lake.json goes on counting where the catalog's layouts end: the catalog is not in the folder.
 */
#define LAKE_LAYOUT_ELSEWHERE (CATALOG_LAYOUT_NEWEST + 1)

#define LAKE_ID_BYTES      40
#define LAKE_NETWORK_BYTES 65
#define LAKE_SCHEME_BYTES  32

struct lake_file {
    int layout_version; /* CATALOG_LAYOUT_…, LAKE_LAYOUT_ELSEWHERE */
    char lake_id[LAKE_ID_BYTES];
    char network[LAKE_NETWORK_BYTES]; /* "": not known */
    char scheme[LAKE_SCHEME_BYTES];
    /* Where the catalog is, as the options say it (database/location.h); "": in the folder. */
    char catalog[DATABASE_LOCATION_BYTES];
    char catalog_schema[DATABASE_SCHEMA_BYTES];
    bool creating; /* its catalog may not be there yet: the first start did not get that far */
    struct ledger_set pruned; /* ledgers that were in the lake and were pruned on purpose */
};

void lake_file_init(struct lake_file *lake);
void lake_file_release(struct lake_file *lake);

/* ERR_NOT_FOUND if there is none, ERR_CONFLICT if a newer layout, ERR_CORRUPT
 * if it can't be read as what it should be. `lake` is initialised in every case. */
enum error_code lake_file_read(struct lake_file *lake, const struct store *store,
                               struct error *error) MUST_CHECK;
/* The same of its text; `path` for messages. */
enum error_code lake_file_parse(struct lake_file *lake, struct bytes_view text, const char *path,
                                struct error *error) MUST_CHECK;
/* The same of the lake at an output_path. */
enum error_code lake_file_read_at(struct lake_file *lake, const char *output_path,
                                  struct error *error) MUST_CHECK;
/* The first one of a lake. ERR_CONFLICT where another process makes one there now, if the store can
 * tell. */
enum error_code lake_file_create(const struct lake_file *lake, const struct store *store,
                                 struct error *error) MUST_CHECK;
enum error_code lake_file_write(const struct lake_file *lake, const struct store *store,
                                struct error *error) MUST_CHECK;

#endif
