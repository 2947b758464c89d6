// SPDX-License-Identifier: Apache-2.0
#include "care/row_order.h"

#include <inttypes.h>
#include <stdlib.h>

#include "util/list.h"

static enum error_code add_slice(struct buffer *slices, const struct row_slice *slice,
                                 bool has_ordinals, struct error *error)
{
    size_t count = LIST_COUNT(slices, struct row_slice);
    struct row_slice *before = count == 0 ? NULL : LIST_AT(slices, struct row_slice, count - 1);
    /* A ledger's rows may go on in the next row group. */
    if (before != NULL && before->input == slice->input && before->ledger == slice->ledger &&
        before->time_us == slice->time_us &&
        (!has_ordinals || slice->first_ordinal > before->last_ordinal)) {
        before->row_count += slice->row_count;
        before->last_ordinal = slice->last_ordinal;
        return OK;
    }
    return buffer_append(slices, slice, sizeof *slice) == OK
               ? OK
               : error_no_memory(error, "the order of rows");
}

static bool rises(const uint32_t *ordinals, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++)
        if (ordinals[i] <= ordinals[i - 1])
            return false;
    return true;
}

enum error_code row_order_add(struct buffer *slices, uint32_t input, const struct file_rows *rows,
                              bool has_ordinals, const char *path, struct error *error)
{
    const uint32_t *ordinals = (const void *)rows->ordinals.data;
    uint64_t row = 0;
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < LIST_COUNT(&rows->runs, struct ledger_run); i++) {
        const struct ledger_run *run = LIST_AT(&rows->runs, struct ledger_run, i);
        struct row_slice slice = {.input = input,
                                  .ledger = run->ledger_sequence,
                                  .first_row = row,
                                  .row_count = run->row_count,
                                  .time_us = run->time_us};
        if (run->has_other_time)
            return error_set(error, ERR_CORRUPT,
                             "%s: rows of ledger %" PRIu32 " have different times", path,
                             run->ledger_sequence);
        if (has_ordinals) {
            slice.first_ordinal = ordinals[row];
            slice.last_ordinal = ordinals[row + run->row_count - 1];
            if (!rises(ordinals + row, run->row_count))
                return error_set(error, ERR_CORRUPT,
                                 "%s: the events of ledger %" PRIu32 " are out of order", path,
                                 run->ledger_sequence);
        }
        row += run->row_count;
        code = add_slice(slices, &slice, has_ordinals, error);
    }
    return code;
}

/* Where there are no ordinals, as the rows stand. */
static int compare_slices(const void *a, const void *b)
{
    const struct row_slice *left = a, *right = b;
    if (left->ledger != right->ledger)
        return left->ledger < right->ledger ? -1 : 1;
    if (left->first_ordinal != right->first_ordinal)
        return left->first_ordinal < right->first_ordinal ? -1 : 1;
    if (left->input != right->input)
        return left->input < right->input ? -1 : 1;
    return left->first_row < right->first_row ? -1 : left->first_row > right->first_row;
}

enum error_code row_order_sort(struct buffer *slices, bool has_ordinals, struct error *error)
{
    size_t count = LIST_COUNT(slices, struct row_slice);
    struct row_slice *all = (void *)slices->data;
    if (count > 0)
        qsort(all, count, sizeof *all, compare_slices);
    for (size_t i = 1; has_ordinals && i < count; i++)
        if (all[i].ledger == all[i - 1].ledger && all[i].first_ordinal <= all[i - 1].last_ordinal)
            return error_set(error, ERR_CORRUPT,
                             "the events of ledger %" PRIu32
                             " are mixed among data files, or stand there twice",
                             all[i].ledger);
    return OK;
}
