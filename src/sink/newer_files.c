// SPDX-License-Identifier: Apache-2.0
#include "sink/newer_files.h"

#include <inttypes.h>
#include <string.h>

#include "catalog/replacement.h"
#include "catalog/catalog.h"
#include "catalog/doomed.h"
#include "sink/provenance.h"
#include "store/layout.h"

#define FIRST_FOLDER "year="

/* A walk over a part of the lake's folder. */
struct search {
    const struct store *store;
    const struct lake_file *lake;
    struct catalog *catalog;
    const char *below; /* where the walk starts, relative to the root; "" for the root */
    const char *from;  /* folders that sort before this one are left out; "" for none */
    bool enters;       /* folders at all */
};

/* The file is one of this lake, by its own words. */
static enum error_code compare_with_catalog(const struct search *search, const char *path,
                                            const struct parquet_file_metadata *metadata,
                                            struct error *error)
{
    uint64_t commit_no, first, last, rows, forgotten = 0;
    int64_t row_count = 0, dead_letter_count = 0;
    struct ledger_range range = {0};
    bool found = false;
    if (!provenance_number(metadata, PROVENANCE_COMMIT_NO, INT64_MAX, &commit_no) ||
        !provenance_number(metadata, PROVENANCE_FIRST_LEDGER, INT64_MAX, &first) ||
        !provenance_number(metadata, PROVENANCE_LAST_LEDGER, INT64_MAX, &last) ||
        !provenance_number(metadata, PROVENANCE_COMMIT_ROWS, INT64_MAX, &rows))
        return OK;
    enum error_code code = catalog_find_commit(search->catalog, commit_no, &found, &range,
                                               &row_count, &dead_letter_count, error);
    bool replaced_others = false; /* such a file speaks of itself alone: it is a copy of one */
    if (code == OK && !found)
        code = catalog_has_replacement(search->catalog, commit_no, &replaced_others, error);
    if (code != OK || replaced_others ||
        (found && range.first == first && range.last == last && (uint64_t)row_count == rows))
        return code;
    if (!found) /* one that expired is known no more, and nobody asks for its ledgers again */
        code = catalog_forgotten_commit(search->catalog, &forgotten, error);
    if (code != OK || (!found && commit_no <= forgotten))
        return code;
    return error_set(
        error, ERR_CONFLICT,
        "the catalog of %s is older than its files (put back from a backup?): %s is of "
        "this lake's commit %" PRIu64 ", ledgers %" PRIu64 " to %" PRIu64
        ", which the catalog does not know, and their rows would be stored twice; make "
        "the catalog anew from the files by 'parquet-consumer rebuild' "
        "('parquet-consumer verify' lists the files), or move those files away",
        search->store->root, path, commit_no, first, last);
}

/* A file that can't be read as one of ours is none. */
static enum error_code look_into(const struct search *search, const char *path, struct error *error)
{
    struct store_file file;
    struct parquet_file_metadata metadata;
    struct error unreadable;
    enum error_code code = store_open(search->store, path, &file, &unreadable);
    struct parquet_source source = {
        .name = file.name, .size_bytes = file.size_bytes, .context = &file, .read = store_read};
    if (code == OK)
        code = parquet_metadata_read(&source, &metadata, &unreadable);
    if (code == OK) {
        if (provenance_says(&metadata, PROVENANCE_LAKE_ID, search->lake->lake_id))
            code = compare_with_catalog(search, path, &metadata, error);
        parquet_metadata_release(&metadata);
    } else if (code == ERR_NO_MEMORY) {
        error_no_memory(error, path);
    } else {
        code = OK;
    }
    store_close(&file);
    return code;
}

static enum error_code look_at(void *context, const char *relative_path, uint64_t size_bytes,
                               struct error *error)
{
    const struct search *search = context;
    char path[OS_PATH_BYTES];
    bool known = false;
    (void)size_bytes;
    if (!lake_is_data_path(relative_path))
        return OK;
    enum error_code code = os_path_join(path, search->below, relative_path, error);
    if (code == OK)
        code = catalog_path_is_known(search->catalog, path, &known, error);
    return code == OK && !known ? look_into(search, path, error) : code;
}

/* Of the root only folders of partitions, not _lake or anybody else's. Numbers in their names have
 * leading zeros: names sort as times do. */
static bool is_late_enough(void *context, const char *relative_path)
{
    const struct search *search = context;
    bool is_partition =
        search->below[0] != '\0' || strncmp(relative_path, FIRST_FOLDER, strlen(FIRST_FOLDER)) == 0;
    return search->enters && is_partition &&
           strncmp(relative_path, search->from, strlen(relative_path)) >= 0;
}

/* Folders that are links are walked, too: a partition may lie on another disk. */
static enum error_code walk(struct search *search, struct error *error)
{
    const struct os_walker walker = {
        .context = search, .visit = look_at, .enter = is_late_enough, .follow = is_late_enough};
    return store_walk(search->store, search->below, &walker, error);
}

/* The folder of all files of the partition, of whichever type. */
static void folder_of(enum partitioning_scheme scheme, int64_t start_us,
                      char out[PARTITION_PATH_BYTES])
{
    enum partitioning_scheme by_time =
        scheme == PARTITION_DATE_HOUR_TYPE ? PARTITION_DATE_HOUR : scheme;
    partition_directory(by_time, partition_key_of(by_time, start_us, EVENT_NONE), out);
}

enum error_code newer_files_check_newest(const struct store *store, const struct lake_file *lake,
                                         struct catalog *catalog, enum partitioning_scheme scheme,
                                         struct error *error)
{
    char newest[PARTITION_PATH_BYTES];
    int64_t close_us = 0;
    enum error_code code = catalog_newest_close(catalog, &close_us, error);
    if (code != OK)
        return code;
    folder_of(scheme, close_us, newest);
    struct search search = {.store = store,
                            .lake = lake,
                            .catalog = catalog,
                            .below = "",
                            .from = newest,
                            .enters = scheme != PARTITION_SIMPLE};
    return walk(&search, error);
}

enum error_code newer_files_check_partition(const struct store *store, const struct lake_file *lake,
                                            struct catalog *catalog,
                                            enum partitioning_scheme scheme, int64_t start_us,
                                            struct error *error)
{
    char below[PARTITION_PATH_BYTES];
    folder_of(scheme, start_us, below);
    struct search search = {.store = store,
                            .lake = lake,
                            .catalog = catalog,
                            .below = below,
                            .from = "",
                            .enters = scheme != PARTITION_SIMPLE};
    return store_exists(store, below) ? walk(&search, error) : OK;
}
