// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_ROW_MOVE_H
#define TTP_CARE_ROW_MOVE_H

/*
 * Moves the rows of data files of one partition and schema version into those of a replacement
 * (sink/replacement.h), in order of ledger and event, and with them rows that lie in no file yet.
 * A file is read twice: first its ledgers, events and checksum, so that nothing is moved that is
 * damaged or not as the catalog says, then all of it. It takes the memory of a page and a
 * dictionary a column beside that of the file that is written. One thread.
 *
 *   init → (add_file | add_rows)* → write → release
 */

#include "care/compact_plan.h"
#include "lake/data_file.h"
#include "sink/replacement.h"
#include "walk/stored_batches.h"

/* What is to stand among the rows of the files; borrowed. */
struct row_insertion {
    /* Whose rows they are, and what it brought now, in place of what the catalog says of it. */
    const struct provenance_commit *commit;
    /* Ascending: the ledgers in which they stand. */
    const uint32_t *ledgers;
    size_t ledger_count;
    /* The event_index of the index-th stored row of such a ledger, where files keep none. */
    uint32_t (*find_ordinal)(const void *context, uint32_t ledger, uint32_t index);
    const void *context;
};

/* A file, and the commits whose rows it may hold. */
struct moved_file {
    const struct compact_input *input;
    size_t first_commit, commit_count; /* among the move's */
};

/* The file that rows are read of. */
struct source_cursor {
    struct lake_data_file file;
    struct parquet_file_metadata metadata;
    bool is_open, has_metadata;
    uint32_t input;
    size_t row_group;
    uint64_t group_first, group_end; /* its rows in the file */
    bool group_is_open;
    uint64_t next_row;
};

struct row_move {
    const struct replacement_setup *setup;
    const struct row_schema *schema;
    const struct row_insertion *insertion; /* NULL: nothing is inserted */
    bool has_ordinals;
    struct buffer files;    /* struct moved_file */
    struct buffer commits;  /* struct provenance_commit: of each file its own, by number */
    struct buffer slices;   /* struct row_slice */
    struct buffer new_rows; /* struct ArrowArray: borrowed */
    struct stored_batches *batches;
    struct source_cursor cursor;
};

void row_move_init(struct row_move *move, const struct replacement_setup *setup,
                   const struct row_schema *schema, const struct row_insertion *insertion);
void row_move_release(struct row_move *move);

/* Looks at a file of the plan, which stays there until the release. ERR_CORRUPT: it is damaged,
 * missing, or holds other rows than the catalog says. */
enum error_code row_move_add_file(struct row_move *move, const struct compact_plan *plan,
                                  const struct compact_input *input,
                                  struct error *error) MUST_CHECK;

/* Rows of the insertion's commit: places[i] (ledger, event and time) is that of the array's i-th.
 * Borrows the array. ERR_NO_MEMORY. */
struct row_place {
    uint32_t ledger, ordinal;
    int64_t time_us;
};
enum error_code row_move_add_rows(struct row_move *move, const struct ArrowArray *rows,
                                  const struct row_place *places, struct error *error) MUST_CHECK;

/* Writes all of them. ERR_CORRUPT, too, where the events of a ledger are mixed among files, or
 * stand there twice. */
enum error_code row_move_write(struct row_move *move, struct replacement *replacement,
                               struct error *error) MUST_CHECK;

#endif
