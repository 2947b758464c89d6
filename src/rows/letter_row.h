// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_ROWS_LETTER_ROW_H
#define TTP_ROWS_LETTER_ROW_H

/* The row that a dead letter is by now: an event that an earlier version of this program, or the
 * stream at that moment, could not be read from. */

#include "rows/batch_builder.h"
#include "rows/row.h"

/* Makes the row of the message that was kept as event `event_index` of the ledger; views live as
 * row_from_event says. ERR_INVALID with the reason if it is still none; ERR_NO_MEMORY. */
enum error_code row_from_letter(struct bytes_view raw, uint32_t ledger_sequence,
                                uint32_t event_index, struct row_scratch *scratch,
                                struct row_view *row, struct error *error) MUST_CHECK;

/* Adds the event to the ledger in progress; it must be a row there, by row_from_letter and its
 * partition: ERR_INVALID. ERR_NO_MEMORY. */
enum error_code letter_row_add(struct batch_builder *builder, struct bytes_view raw,
                               uint32_t event_index, struct error *error) MUST_CHECK;

#endif
