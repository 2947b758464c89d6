// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_CARE_H
#define TTP_CATALOG_CARE_H

/*
 * What the care of a lake keeps in its catalog: ledgers that were pruned, and files that left the
 * lake and that older snapshots still read ("retired" ones; docs/commit-protocol.md, "Files that
 * leave"). The tables are made by the first verb that needs them, and with them the catalog's
 * layout rises: a program that does not know them would fetch pruned ledgers again. Reading a
 * catalog without them finds nothing.
 */

#include "catalog/catalog.h"

/* Makes the tables where they are not there yet. */
enum error_code catalog_care_begin(struct catalog *catalog, struct error *error) MUST_CHECK;
/* Whether they are there. */
enum error_code catalog_has_care(struct catalog *catalog, bool *has,
                                 struct error *error) MUST_CHECK;

/* Ledgers that were in the lake and were pruned, in place of what `pruned` holds. */
enum error_code catalog_pruned(struct catalog *catalog, struct ledger_set *pruned,
                               struct error *error) MUST_CHECK;
/* Adds to them, or takes out of them so that these ledgers are asked for again. The tables are
 * there. */
enum error_code catalog_add_pruned(struct catalog *catalog, const struct ledger_set *ledgers,
                                   struct error *error) MUST_CHECK;
enum error_code catalog_forget_pruned(struct catalog *catalog, struct ledger_range range,
                                      struct error *error) MUST_CHECK;

/* Where a retired data file is kept that was moved: it ends in no suffix that a glob for .parquet
 * takes. */
#define CATALOG_RETIRED_PREFIX "_lake/replaced/"
#define CATALOG_RETIRED_SUFFIX ".replaced"

/* A retired file whose move is not recorded as done. */
struct catalog_retired {
    const char *path; /* relative to the lake, where it lay */
    int64_t size_bytes;
};
typedef enum error_code catalog_retired_visitor(void *context, const struct catalog_retired *file,
                                                struct error *error);
enum error_code catalog_each_unmoved(struct catalog *catalog, catalog_retired_visitor *visit,
                                     void *context, struct error *error) MUST_CHECK;
/* Of a copy of the catalog that goes into a folder, made of a lake whose files stay where they are
 * when they leave: names them as a folder has them, as moved. */
enum error_code catalog_name_kept(struct catalog *catalog, struct error *error) MUST_CHECK;
/* Files, by the names that they have now, that older snapshots read, or that are to be deleted. In
 * no order. */
enum error_code catalog_each_kept(struct catalog *catalog, catalog_retired_visitor *visit,
                                  void *context, struct error *error) MUST_CHECK;
/* Records that all of them were moved. */
enum error_code catalog_set_moved(struct catalog *catalog, struct error *error) MUST_CHECK;

#endif
