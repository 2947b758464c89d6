// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_LAKE_COMPARISON_H
#define TTP_LAKE_COMPARISON_H

/*
 * Compares covered ledgers with what a server sends of them: `verify --against`. The lake's side is
 * read range by range into one small digest a ledger; the caller streams the
 * server's events and puts them in (app does: this room and the source may not see each other). A
 * ledger whose digests differ is read again, and the first difference is described.
 *
 *   while (comparison_next_range(…, &range, &more) == OK && more)
 *       (comparison_add | comparison_drop_ledger | comparison_complete_to | comparison_skip)*
 *
 * Memory: the digests of a range, a block of rows, and the server's ledger in progress. One thread.
 */

#include "catalog/catalog.h"
#include "rows/partition.h"
#include "util/bytes.h"

struct findings;
struct foreign;
struct inventory;
struct row_view;

/* Ledgers of a range at most: 2 MiB of digests. */
#define COMPARISON_RANGE_LEDGERS 65536
/* The differences of this many ledgers are described; further ledgers are only counted. */
#define COMPARISON_TOLD_MAX 20
/* A sample's whole: all covered ledgers, in millionths. */
#define COMPARISON_WHOLE 1000000

struct comparison_options {
    const char *root;
    const bool *file_is_bad; /* per live file: their ledgers are left out */
    const struct foreign *foreign;
    enum partitioning_scheme scheme;
    uint32_t sample_millionths; /* COMPARISON_WHOLE: all */
    size_t ledger_limit_bytes;  /* what the server's ledger in progress may take */
};

struct comparison_totals {
    uint64_t ledgers; /* compared */
    uint64_t rows;    /* of the lake, in them */
    uint64_t dead_letters;
    uint64_t differing; /* ledgers */
    uint64_t wanted;    /* ledgers that were to be compared */
    uint64_t whole;     /* ledgers that could be: covered by sound commits */
    bool is_other_chain;
};

struct comparison;

/* Plans what is compared: the covered ledgers (or a sample of them) of commits that `findings` has
 * nothing against. `inventory` and `findings` are borrowed. ERR_NO_MEMORY. */
enum error_code comparison_new(struct comparison **out, const struct comparison_options *options,
                               const struct inventory *inventory, struct findings *findings,
                               struct error *error) MUST_CHECK;
void comparison_free(struct comparison *comparison);

/* Reads the lake's side of the next range to ask the server for. *more is false when there is none,
 * or the server's chain is another. Errors are those of reading the lake. */
enum error_code comparison_next_range(struct comparison *comparison, struct ledger_range *range,
                                      bool *more, struct error *error) MUST_CHECK;

/* An event of the server, ascending from index 0 in each ledger. `row` is NULL where it can't be
 * one. *is_stored tells whether a lake keeps it as a row. ERR_LIMIT, ERR_NO_MEMORY. */
enum error_code comparison_add(struct comparison *comparison, uint32_t ledger, uint32_t event_index,
                               const struct row_view *row, struct bytes_view raw, bool *is_stored,
                               struct error *error) MUST_CHECK;
/* The ledger in progress comes again. */
void comparison_drop_ledger(struct comparison *comparison);
/* The ledger in progress, and every one up to `to`, is complete: compares them. Errors are those of
 * reading the lake. */
enum error_code comparison_complete_to(struct comparison *comparison, uint32_t to,
                                       struct error *error) MUST_CHECK;
/* The server can't send that ledger: it is not compared. */
void comparison_skip(struct comparison *comparison, uint32_t ledger);

/* Whether there is no use in asking on: every ledger told is of another chain. */
bool comparison_is_hopeless(const struct comparison *comparison);

struct comparison_totals comparison_totals(const struct comparison *comparison);
/* The first ledger that was not compared, for messages; 0 if all were. */
uint32_t comparison_next_ledger(const struct comparison *comparison);

/* Adds what was found to the findings. ERR_NO_MEMORY. */
enum error_code comparison_finish(struct comparison *comparison, struct error *error) MUST_CHECK;

#endif
