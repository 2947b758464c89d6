// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_STORED_FILES_H
#define TTP_CATALOG_STORED_FILES_H

/* Every file that some snapshot of a catalog needs, of whichever table: what a copy of the lake
 * consists of, and how such a copy names them. */

#include "catalog/catalog.h"

enum stored_kind {
    STORED_DATA,
    STORED_DELETES /* a delete file */
};

struct stored_file {
    enum stored_kind kind;
    int64_t id;       /* DuckLake's, of its kind */
    const char *path; /* relative to data_path unless absolute */
    bool path_is_absolute;
    bool is_live;    /* the newest snapshot needs it; else only older ones do */
    bool is_own;     /* of the lake's own table, whose files lie under data_path itself */
    bool is_parquet; /* false: a delete file of another format */
    int64_t size_bytes, footer_size_bytes;
    uint64_t checksum; /* XXH64; 0: not known */
};

typedef enum error_code stored_file_visitor(void *context, const struct stored_file *file,
                                            struct error *error);
/* In no order; pointers live during the call. */
enum error_code catalog_each_stored_file(struct catalog *catalog, stored_file_visitor *visit,
                                         void *context, struct error *error) MUST_CHECK;

/* A file's path, from now on; `is_absolute` or relative to data_path, for a file of the lake's own
 * table only. */
struct stored_place {
    enum stored_kind kind;
    int64_t id;
    const char *path;
    bool is_absolute;
};
/* A file that no snapshot needs, which DuckDB (ducklake_cleanup_old_files) may delete. */
struct stored_leftover {
    int64_t id;
    const char *path; /* relative to data_path, unless it is given out as absolute */
};
typedef enum error_code stored_leftover_visitor(void *context,
                                                const struct stored_leftover *leftover,
                                                bool path_is_absolute, struct error *error);
enum error_code catalog_each_leftover(struct catalog *catalog, stored_leftover_visitor *visit,
                                      void *context, struct error *error) MUST_CHECK;

/* What is changed in a copy, in one transaction: paths, and the list of leftovers. */
struct stored_changes {
    const struct stored_place *places;
    size_t place_count;
    const struct stored_leftover *leftovers;
    size_t leftover_count;
    bool keeps_listed; /* false: in place of those that are listed */
};
enum error_code catalog_change_stored_files(struct catalog *catalog,
                                            const struct stored_changes *changes,
                                            struct error *error) MUST_CHECK;

#endif
