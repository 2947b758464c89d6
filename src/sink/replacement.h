// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SINK_REPLACEMENT_H
#define TTP_SINK_REPLACEMENT_H

/*
 * New data files that take the place of others in one snapshot (catalog/replacement.h): rows of one
 * schema version go into staged files, partition after partition, which are cut at max_file_size
 * and published like a commit's. What is replaced stays in the lake until the catalog's
 * transaction; a failure leaves it there, and nothing of the new files. One thread; column tasks
 * run on the pool.
 *
 *   new → ((append*, count*, end_ledger)*, turn_to)* → (add_letter*, amend)? → publish → free
 */

#include "commit/lake_file.h"
#include "catalog/replacement.h"
#include "commit/publisher.h"
#include "sink/data_file.h"
#include "sink/provenance.h"

/* The lake and what writes to it; borrowed. No commit of it is cut, and the sink whose memory this
 * takes has none open (sink_is_idle). */
struct replacement_setup {
    const struct store *store;
    struct catalog *catalog;
    struct lake_file *lake;
    struct publisher *publisher;
    const struct data_file_setup *files; /* its schema is not used */
    enum partitioning_scheme scheme;
    uint64_t max_file_size_bytes;
    uint64_t memory_bytes; /* the writer's share; 0: any */
};

struct replacement;

/* Settles what an earlier commit left open, and takes the next number. `reason` is static.
 * ERR_NO_MEMORY, the catalog's errors. */
enum error_code replacement_new(struct replacement **out, const struct replacement_setup *setup,
                                const struct row_schema *schema, struct partition_key key,
                                const char *reason, struct error *error) MUST_CHECK;
/* Deletes the staged files of one that was not published. NULL is fine. */
void replacement_free(struct replacement *replacement);

uint64_t replacement_number(const struct replacement *replacement);

/* Takes rows, in the order in which they are to stand. first_close_us: of the first of them. */
enum error_code replacement_append(struct replacement *replacement, const struct ArrowArray *rows,
                                   int64_t first_close_us, struct error *error) MUST_CHECK;
/* Of the rows that were appended, file_rows are of the commit. ERR_LIMIT beyond
 * PROVENANCE_COMMIT_MAX commits in a file. */
enum error_code replacement_count(struct replacement *replacement,
                                  const struct provenance_commit *commit,
                                  struct error *error) MUST_CHECK;
/* All rows of the ledgers so far were appended and counted: a file may end here. */
enum error_code replacement_end_ledger(struct replacement *replacement,
                                       struct error *error) MUST_CHECK;

/* The rows that follow are of another partition, of which there were none yet. ERR_LIMIT where the
 * files become more than one change can have. */
enum error_code replacement_turn_to(struct replacement *replacement, struct partition_key key,
                                    struct error *error) MUST_CHECK;

/* The commit becomes what `amendment` says, which is borrowed until it was published, with the
 * letters that were added in place of those that it had. */
void replacement_amend(struct replacement *replacement, const struct catalog_amendment *amendment);
enum error_code replacement_add_letter(struct replacement *replacement,
                                       const struct dead_letter *letter,
                                       struct error *error) MUST_CHECK;

/* What is in the lake now. */
struct replacement_report {
    uint64_t commit_no;
    size_t file_count;
    uint64_t size_bytes;
    int64_t row_count;
};
/* Puts the files into the place of those with the ids, and moves these to where older snapshots
 * read them. ERR_CONFLICT if somebody changed one of them meanwhile. */
enum error_code replacement_publish(struct replacement *replacement, const int64_t *ended,
                                    size_t ended_count, struct replacement_report *report,
                                    struct error *error) MUST_CHECK;

#endif
