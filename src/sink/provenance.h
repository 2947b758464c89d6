// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SINK_PROVENANCE_H
#define TTP_SINK_PROVENANCE_H

/* What a data file says of itself in its footer (design section 3): which commit of which lake it
 * is of. Enough to rebuild the catalog from the files alone. */

#include "parquet/metadata.h"
#include "parquet/writer.h"
#include "util/ledgers.h"

enum provenance_key {
    PROVENANCE_SCHEMA_VERSION,
    PROVENANCE_DESCRIPTION,
    PROVENANCE_CREATED_BY,
    PROVENANCE_LAKE_ID,
    PROVENANCE_NETWORK,
    PROVENANCE_COMMIT_NO,
    PROVENANCE_FIRST_LEDGER, /* of the commit, like the next two */
    PROVENANCE_LAST_LEDGER,
    PROVENANCE_COMMIT_FILES,
    PROVENANCE_FILE_ROWS,
    PROVENANCE_COMMIT_ROWS,
    PROVENANCE_PARTITION,
    PROVENANCE_COMMITS, /* of a file that took the place of others: whose rows it holds */
    PROVENANCE_KEY_COUNT
};

#define PROVENANCE_DESCRIPTION_TEXT "TTP Events Schema for Parquet Storage"
#define PROVENANCE_CREATED_BY_TEXT  "parquet-consumer"

/* What is to be written; texts are borrowed, the numbers' lie in it. */
struct provenance {
    const char *texts[PROVENANCE_KEY_COUNT]; /* NULL: of a number */
    int64_t numbers[PROVENANCE_KEY_COUNT];
    char digits[PROVENANCE_KEY_COUNT][24];
};

/* Fills `pairs`, which point into `provenance`, in the order of the keys, and gives how many: the
 * last key is left out where it has no text. */
size_t provenance_write(struct provenance *provenance,
                        struct parquet_key_value pairs[PROVENANCE_KEY_COUNT]);

/* A commit of which a replacing file holds rows: enough to make its place in the catalog anew. */
struct provenance_commit {
    uint64_t commit_no;
    struct ledger_range range;
    int64_t row_count, file_count; /* that the commit brought */
    int64_t file_rows;             /* of it in this file */
    uint64_t letters_no;           /* the number that its dead letters file has; 0: none */
};
/* A footer stays readable with that many. */
#define PROVENANCE_COMMIT_MAX 8192
/* Appends the text of PROVENANCE_COMMITS, with its 0. */
enum error_code provenance_format_commits(const struct provenance_commit *commits, size_t count,
                                          struct buffer *out, struct error *error) MUST_CHECK;
/* Appends a struct provenance_commit for each that the text of a file names. ERR_CORRUPT if it is
 * no such text, or the numbers can't be. */
enum error_code provenance_parse_commits(const char *text, const char *path, struct buffer *commits,
                                         struct error *error) MUST_CHECK;

/* What a file says; NULL: nothing. */
const char *provenance_text(const struct parquet_file_metadata *metadata, enum provenance_key key);
/* The same as a number, digits alone, from 0 to `limit`; false where it is none. */
bool provenance_number(const struct parquet_file_metadata *metadata, enum provenance_key key,
                       uint64_t limit, uint64_t *number);
/* Whether it says this, as it is written. */
bool provenance_says(const struct parquet_file_metadata *metadata, enum provenance_key key,
                     const char *text);
bool provenance_says_number(const struct parquet_file_metadata *metadata, enum provenance_key key,
                            uint64_t number);

#endif
