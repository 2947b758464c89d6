// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SINK_DEAD_LETTER_FILE_H
#define TTP_SINK_DEAD_LETTER_FILE_H

/* Events that can't be rows: one JSON object a line with ledger_sequence, event_index, reason and
 * raw (base64), published with their commit (design section 3). */

#include "rows/batch.h"
#include "store/staged_file.h"

/* Appends the line of one letter to `out`. */
enum error_code dead_letter_format(const struct dead_letter *letter, struct buffer *out,
                                   struct error *error) MUST_CHECK;

#endif
