// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_LAKE_LEDGER_DIFFERENCE_H
#define TTP_LAKE_LEDGER_DIFFERENCE_H

/* Where two versions of one ledger differ, in a sentence: what the lake holds, and what a server
 * sends. */

#include "lake/dead_letters.h"
#include "rows/row.h"

struct ledger_contents {
    struct row_view *rows; /* ascending by event_index where the schema version has it */
    size_t row_count;
    const struct stored_letter *letters; /* ascending by event_index */
    size_t letter_count;
};

#define LEDGER_DIFFERENCE_BYTES 768

/* Writes "event_index 7: amount is 5 in the lake, 6 from the server" or the like: the first
 * difference. Without event_index (schema 1.0.0) rows are told apart by their values alone, and the
 * index is the server's. It is UTF-8 without control characters. ERR_NO_MEMORY. */
enum error_code ledger_difference_describe(const struct row_schema *schema,
                                           const struct ledger_contents *lake,
                                           const struct ledger_contents *server,
                                           char out[LEDGER_DIFFERENCE_BYTES],
                                           struct error *error) MUST_CHECK;

/* Whether the two can't be of one chain: their close times differ, or they have no transaction in
 * common. False where one of them has no rows. */
bool ledger_is_of_another_chain(const struct ledger_contents *lake,
                                const struct ledger_contents *server);

#endif
