// SPDX-License-Identifier: Apache-2.0
#include "lake/ledger_order.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static int compare_ordinals(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

bool ledger_ordinals_are_whole(uint64_t *ordinals, size_t count, char fault[LEDGER_FAULT_BYTES])
{
    if (count > 0)
        qsort(ordinals, count, sizeof *ordinals, compare_ordinals);
    for (size_t i = 0; i < count; i++) {
        bool begins = i == 0 || ordinals[i] >> 32 != ordinals[i - 1] >> 32;
        uint64_t wanted = begins ? ordinals[i] >> 32 << 32 : ordinals[i - 1] + 1;
        if (ordinals[i] == wanted)
            continue;
        snprintf(fault, LEDGER_FAULT_BYTES,
                 "ledger %" PRIu32 ": after event_index %" PRId64 " comes %" PRIu32,
                 (uint32_t)(ordinals[i] >> 32),
                 begins ? INT64_C(-1) : (int64_t)(uint32_t)ordinals[i - 1], (uint32_t)ordinals[i]);
        return false;
    }
    return true;
}

bool ledger_schema_has_ordinals(const struct row_schema *schema)
{
    for (size_t i = 0; i < schema->column_count; i++)
        if (schema->columns[i].id == COLUMN_EVENT_INDEX)
            return true;
    return false;
}

bool ledger_order_is_known(const struct row_schema *schema, const struct ledger_events *events)
{
    if (ledger_schema_has_ordinals(schema))
        return true;
    for (size_t i = 0; i < events->letter_count; i++)
        if (events->letters[i].ledger_sequence == events->ledger_sequence)
            return false;
    return events->file_count <= 1;
}

static int compare_rows(const void *a, const void *b)
{
    const struct row_view *left = a, *right = b;
    return left->event_index < right->event_index ? -1 : left->event_index > right->event_index;
}

enum error_code ledger_order_digest(const struct row_schema *schema, uint8_t version,
                                    struct ledger_events *events, struct ledger_digest *digest,
                                    struct error *error)
{
    struct ledger_digest_state *state;
    if (ledger_digest_new(&state, schema, version) != OK)
        return error_no_memory(error, "a digest");
    size_t at = 0;
    if (ledger_schema_has_ordinals(schema) && events->row_count > 0)
        qsort(events->rows, events->row_count, sizeof *events->rows, compare_rows);
    ledger_digest_begin(state);
    for (size_t i = 0; i < events->letter_count; i++) {
        const struct stored_letter *letter = &events->letters[i];
        if (letter->ledger_sequence != events->ledger_sequence)
            continue;
        for (; at < events->row_count && events->rows[at].event_index < letter->event_index; at++)
            ledger_digest_add_row(state, &events->rows[at]);
        ledger_digest_add_dead_letter(state, letter->event_index, letter->raw);
    }
    for (; at < events->row_count; at++)
        ledger_digest_add_row(state, &events->rows[at]);
    *digest = ledger_digest_end(state);
    ledger_digest_free(state);
    return OK;
}
