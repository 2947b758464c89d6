// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_DOOMED_H
#define TTP_CATALOG_DOOMED_H

/*
 * Files of the lake that no snapshot needs any more: listed by the transaction that let go of them,
 * deleted after it, and taken off the list when that is durable (docs/commit-protocol.md, "What may
 * be deleted"). Paths are relative to the lake. Reading a catalog without these tables finds
 * nothing.
 */

#include "catalog/catalog.h"

struct catalog_doomed {
    const char *path;
    int64_t size_bytes; /* 0: not known (dead letters) */
};
typedef enum error_code catalog_doomed_visitor(void *context, const struct catalog_doomed *file,
                                               struct error *error);
/* The first `limit` of those behind `after` ("": from the beginning), by path. */
enum error_code catalog_each_doomed(struct catalog *catalog, const char *after, unsigned limit,
                                    catalog_doomed_visitor *visit, void *context,
                                    struct error *error) MUST_CHECK;
struct catalog_doomed_totals {
    uint64_t files, bytes;
};
enum error_code catalog_doomed_totals(struct catalog *catalog, struct catalog_doomed_totals *totals,
                                      struct error *error) MUST_CHECK;
/* Lists files; those that are listed already stay so. */
enum error_code catalog_doom(struct catalog *catalog, const struct catalog_doomed *files,
                             size_t count, struct error *error) MUST_CHECK;
/* They are gone, or none of ours. */
enum error_code catalog_unlist_doomed(struct catalog *catalog, const char *const *paths,
                                      size_t count, struct error *error) MUST_CHECK;

/* Records where a file of the lake's table lies since it was taken out: it becomes doomed when the
 * snapshots end that are older than the newest one is now. */
enum error_code catalog_set_aside(struct catalog *catalog, const char *path, const char *kept_path,
                                  int64_t size_bytes, struct error *error) MUST_CHECK;

/* Files that were taken out and are to be set aside: until catalog_set_aside records that they are,
 * or they are found to be gone. */
typedef enum error_code catalog_leaving_visitor(void *context, const char *path,
                                                struct error *error);
enum error_code catalog_each_leaving(struct catalog *catalog, catalog_leaving_visitor *visit,
                                     void *context, struct error *error) MUST_CHECK;
enum error_code catalog_forget_leaving(struct catalog *catalog, const char *path,
                                       struct error *error) MUST_CHECK;

/* Every path below _lake that the catalog names: as a file of any snapshot of any table, as one
 * that DuckDB is to clean up, or as one that left the lake and that is moved or deleted some time.
 * Relative to data_path unless absolute. In no order. */
typedef enum error_code catalog_name_visitor(void *context, const char *path, bool is_absolute,
                                             struct error *error);
enum error_code catalog_each_name_in_lake_folder(struct catalog *catalog,
                                                 catalog_name_visitor *visit, void *context,
                                                 struct error *error) MUST_CHECK;

/* Those of the doomed ones that it names so, whatever for, and all absolute ones. There are doomed
 * files. */
enum error_code catalog_each_doomed_name(struct catalog *catalog, catalog_name_visitor *visit,
                                         void *context, struct error *error) MUST_CHECK;

/* Commits that were taken out of the lake before `oldest_us`, the time of the oldest snapshot that
 * is left, and of whose files the catalog names none; never the one with the highest number;
 * replacements, too: what it still says of them may go, once no file lies under these names. One
 * call a file; `path` is NULL for a commit without files. By commit_no. */
typedef enum error_code catalog_forgettable_visitor(void *context, uint64_t commit_no,
                                                    const char *path, struct error *error);
enum error_code catalog_each_forgettable(struct catalog *catalog, int64_t oldest_us,
                                         catalog_forgettable_visitor *visit, void *context,
                                         struct error *error) MUST_CHECK;
enum error_code catalog_forget_commits(struct catalog *catalog, const uint64_t *commit_nos,
                                       size_t count, struct error *error) MUST_CHECK;
/* The highest commit that was forgotten; 0: none. */
enum error_code catalog_forgotten_commit(struct catalog *catalog, uint64_t *commit_no,
                                         struct error *error) MUST_CHECK;

#endif
