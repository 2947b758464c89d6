// SPDX-License-Identifier: Apache-2.0
#include "rows/letter_row.h"

#include <inttypes.h>

enum error_code row_from_letter(struct bytes_view raw, uint32_t ledger_sequence,
                                uint32_t event_index, struct row_scratch *scratch,
                                struct row_view *row, struct error *error)
{
    struct event_view event;
    if (event_decode(raw, &event, error) != OK) {
        if (error != NULL)
            error->code = ERR_INVALID;
        return ERR_INVALID;
    }
    if (event.has_meta && event.ledger_sequence != ledger_sequence)
        return error_set(error, ERR_INVALID,
                         "it says that it is of ledger %" PRIu32 ", and came among the events of "
                         "ledger %" PRIu32,
                         event.ledger_sequence, ledger_sequence);
    return row_from_event(&event, event_index, scratch, row, error);
}

enum error_code letter_row_add(struct batch_builder *builder, struct bytes_view raw,
                               uint32_t event_index, struct error *error)
{
    struct event_view event;
    bool became_dead_letter;
    if (event_decode(raw, &event, error) != OK)
        return ERR_INVALID;
    enum error_code code =
        batch_builder_add_event(builder, &event, event_index, raw, &became_dead_letter, error);
    return code == OK && became_dead_letter
               ? error_set(error, ERR_INVALID,
                           "event %" PRIu32 " of ledger %" PRIu32 " is no row of its partition",
                           event_index, event.ledger_sequence)
               : code;
}
