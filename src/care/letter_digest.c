// SPDX-License-Identifier: Apache-2.0
#include "care/letter_digest.h"

#include <stdlib.h>

#include "lake/data_file.h"
#include "lake/ledger_order.h"
#include "rows/letter_row.h"
#include "walk/row_scan.h"

struct digest_source {
    const struct letter_plan *plan;
    struct arena arena;
    struct buffer rows;    /* struct row_view */
    struct buffer letters; /* struct stored_letter: those that stay */
};

static enum error_code keep_row(struct digest_source *gathering, const struct row_view *row,
                                struct error *error)
{
    struct row_view copy;
    enum error_code code = row_copy(row, &gathering->arena, &copy, error);
    if (code == OK && buffer_append(&gathering->rows, &copy, sizeof copy) != OK)
        code = error_no_memory(error, "a ledger's rows");
    return code;
}

static enum error_code keep_stored_row(void *context, const struct row_view *row,
                                       struct error *error)
{
    struct digest_source *gathering = context;
    struct row_view placed = *row;
    if (!gathering->plan->has_ordinals) /* they stand together in one file */
        placed.event_index =
            letter_plan_ordinal(gathering->plan, row->ledger_sequence,
                                (uint32_t)LIST_COUNT(&gathering->rows, struct row_view));
    return keep_row(gathering, &placed, error);
}

static enum error_code read_stored(struct digest_source *gathering, const char *root,
                                   struct error *error)
{
    const struct letter_plan *plan = gathering->plan;
    const struct ledger_range ledger = {plan->digest_ledger, plan->digest_ledger};
    struct row_scan scan;
    enum error_code code = row_scan_init(&scan, error);
    for (size_t i = 0; code == OK && i < LIST_COUNT(&plan->files, struct compact_input); i++) {
        struct lake_data_file file;
        const struct compact_input *input = LIST_AT(&plan->files, struct compact_input, i);
        if (!ledger_ranges_overlap(input->range, ledger))
            continue;
        code = lake_data_file_open(&file, root, input->path, error);
        if (code == OK)
            code = row_scan_file(&scan, &file.source, ledger, keep_stored_row, gathering, error);
        lake_data_file_release(&file);
    }
    row_scan_release(&scan);
    return code;
}

static enum error_code add_letters(struct digest_source *gathering, struct error *error)
{
    const struct letter_plan *plan = gathering->plan;
    struct row_scratch scratch;
    enum error_code code = OK;
    buffer_init(&scratch.text);
    for (size_t i = 0; code == OK && i < LIST_COUNT(&plan->letters, struct planned_letter); i++) {
        const struct planned_letter *planned = LIST_AT(&plan->letters, struct planned_letter, i);
        const struct stored_letter *letter = &planned->letter;
        struct row_view row;
        if (letter->ledger_sequence != plan->digest_ledger)
            continue;
        if (planned->reason != NULL) {
            if (buffer_append(&gathering->letters, letter, sizeof *letter) != OK)
                code = error_no_memory(error, "a ledger's dead letters");
            continue;
        }
        code = row_from_letter(letter->raw, letter->ledger_sequence, letter->event_index, &scratch,
                               &row, error);
        if (code == OK)
            code = keep_row(gathering, &row, error);
    }
    buffer_release(&scratch.text);
    return code;
}

static int compare_rows(const void *a, const void *b)
{
    const struct row_view *left = a, *right = b;
    return left->event_index < right->event_index ? -1 : left->event_index > right->event_index;
}

enum error_code letter_digest_make(const struct letter_plan *plan, const char *root,
                                   struct ledger_digest *digest, struct error *error)
{
    struct digest_source gathering = {.plan = plan};
    arena_init(&gathering.arena, 0);
    *digest = (struct ledger_digest){.chain = {0}};
    enum error_code code = read_stored(&gathering, root, error);
    if (code == OK)
        code = add_letters(&gathering, error);
    if (code == OK) {
        struct ledger_events events = {.ledger_sequence = plan->digest_ledger,
                                       .rows = (void *)gathering.rows.data,
                                       .row_count = LIST_COUNT(&gathering.rows, struct row_view),
                                       .letters = (const void *)gathering.letters.data,
                                       .letter_count =
                                           LIST_COUNT(&gathering.letters, struct stored_letter)};
        qsort(events.rows, events.row_count, sizeof *events.rows, compare_rows);
        code = ledger_order_digest(plan->schema, LEDGER_DIGEST_NEWEST, &events, digest, error);
    }
    buffer_release(&gathering.rows);
    buffer_release(&gathering.letters);
    arena_release(&gathering.arena);
    return code;
}
