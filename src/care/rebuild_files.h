// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_REBUILD_FILES_H
#define TTP_CARE_REBUILD_FILES_H

/* Each .parquet file of a folder by what its own footer says: the first step of a rebuild. */

#include "catalog/catalog.h"
#include "rows/schema.h"
#include "sink/provenance.h"
#include "util/arena.h"
#include "util/buffer.h"

enum found_kind {
    FOUND_DATA,     /* says which commit of which lake it is of */
    FOUND_DAMAGED,  /* by its name or metadata one of ours, but it can't be read as one */
    FOUND_STRANGER, /* nothing says that a lake of ours made it */
};

struct found_file {
    const char *path; /* relative to output_path */
    enum found_kind kind;
    const char *reason; /* why it is no FOUND_DATA; NULL else */
    /* Rows of a FOUND_STRANGER that has the columns of the lake's table; 0: it has not. */
    uint64_t table_rows;
    /* From its metadata, texts in the arena; the rest is 0 or "" unless FOUND_DATA. */
    const char *lake_id, *network, *partition;
    const struct row_schema *schema;
    uint64_t commit_no;
    struct ledger_range range; /* of the commit */
    uint64_t commit_files, commit_rows, file_rows;
    /* Of a file that took the place of others, by commit_no: whose rows it holds. commit_no is its
     * replacement's then, and the range that of its rows. */
    const struct provenance_commit *shares;
    size_t share_count;
};

/* Appends a struct found_file for each file under `root`, outside _lake, by path, and to `linked`
 * the path (const char *) of each link to a folder elsewhere whose files are among them.
 * ERR_CONFLICT for a schema version that this program does not know. */
enum error_code found_files_read(const char *root, struct arena *arena, struct buffer *files,
                                 struct buffer *linked, struct error *error) MUST_CHECK;

#endif
