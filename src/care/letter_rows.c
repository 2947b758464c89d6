// SPDX-License-Identifier: Apache-2.0
#include "care/letter_rows.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "care/letter_digest.h"
#include "care/row_move.h"
#include "rows/batch_builder.h"
#include "rows/letter_row.h"
#include "util/memory.h"

#define REASON "dead letters replay"

/* Rows of one partition. */
struct new_part {
    const struct partition_rows *rows;
    size_t first_place; /* among the places */
};

struct letter_rows {
    const struct replacement_setup *setup;
    const struct letter_plan *plan;
    struct batch_builder *builder;
    struct buffer batches;           /* struct row_batch * */
    struct buffer parts;             /* struct new_part */
    struct buffer places;            /* struct row_place: of each part its own */
    struct buffer keys;              /* struct partition_key: of all files and parts, each once */
    struct buffer ledgers;           /* uint32_t */
    struct provenance_commit commit; /* as it is then */
    struct replacement *replacement;
};

static enum error_code no_memory(struct error *error)
{
    return error_no_memory(error, "rows that were dead letters");
}

static const struct planned_letter *letter_at(const struct letter_plan *plan, size_t index)
{
    return LIST_AT(&plan->letters, struct planned_letter, index);
}

static size_t letter_count(const struct letter_plan *plan)
{
    return LIST_COUNT(&plan->letters, struct planned_letter);
}

/* ---- as Arrow batches ---- */

static enum error_code add_letter(struct letter_rows *rows, const struct stored_letter *letter,
                                  struct error *error)
{
    uint32_t before = 0;
    size_t count = LIST_COUNT(&rows->ledgers, uint32_t);
    enum error_code code = OK;
    if (count > 0)
        before = *LIST_AT(&rows->ledgers, uint32_t, count - 1);
    if (before != letter->ledger_sequence) {
        if (count > 0)
            code = batch_builder_complete_to(rows->builder, before, error);
        if (code == OK && buffer_append(&rows->ledgers, &letter->ledger_sequence,
                                        sizeof letter->ledger_sequence) != OK)
            code = no_memory(error);
    }
    return code == OK ? letter_row_add(rows->builder, letter->raw, letter->event_index, error)
                      : code;
}

static enum error_code take_batches(struct letter_rows *rows, struct error *error)
{
    enum error_code code = OK;
    while (code == OK && batch_builder_has_complete(rows->builder)) {
        struct row_batch *batch;
        code = batch_builder_take(rows->builder, &batch, error);
        if (code == OK && buffer_append(&rows->batches, &batch, sizeof batch) != OK) {
            row_batch_free(batch);
            code = no_memory(error);
        }
    }
    return code;
}

static enum error_code make_batches(struct letter_rows *rows, struct error *error)
{
    const struct letter_plan *plan = rows->plan;
    const struct batch_builder_options options = {
        .schema = plan->schema, .scheme = rows->setup->scheme, .dictionaries = true};
    enum error_code code = batch_builder_new(&rows->builder, &options, error);
    if (code == OK)
        batch_builder_begin_range(rows->builder, plan->range.first);
    for (size_t i = 0; code == OK && i < letter_count(plan); i++)
        if (letter_at(plan, i)->is_readable && letter_at(plan, i)->reason == NULL)
            code = add_letter(rows, &letter_at(plan, i)->letter, error);
    if (code == OK)
        code = batch_builder_complete_to(rows->builder, plan->range.last, error);
    return code == OK ? take_batches(rows, error) : code;
}

/* ---- which row is which event ---- */

/* Sets the places of a part's rows: of the letters from *next on those of its type. */
static enum error_code add_part(struct letter_rows *rows, const struct partition_rows *part,
                                size_t first_letter, size_t end_letter, struct error *error)
{
    const struct new_part kept = {part, LIST_COUNT(&rows->places, struct row_place)};
    enum error_code code = buffer_append(&rows->parts, &kept, sizeof kept);
    for (size_t i = first_letter; code == OK && i < end_letter; i++) {
        const struct planned_letter *letter = letter_at(rows->plan, i);
        if (letter->reason != NULL ||
            !partition_key_equal(
                partition_key_of(rows->setup->scheme, letter->time_us, letter->type), part->key))
            continue;
        const struct row_place place = {letter->letter.ledger_sequence, letter->letter.event_index,
                                        letter->time_us};
        code = buffer_append(&rows->places, &place, sizeof place);
    }
    if (code != OK)
        return no_memory(error);
    assert(LIST_COUNT(&rows->places, struct row_place) - kept.first_place ==
           (size_t)part->row_count);
    return OK;
}

/* Batches have the letters' order. */
static enum error_code find_parts(struct letter_rows *rows, struct error *error)
{
    enum error_code code = OK;
    size_t first = 0;
    for (size_t i = 0; code == OK && i < LIST_COUNT(&rows->batches, struct row_batch *); i++) {
        const struct row_batch *batch = *LIST_AT(&rows->batches, struct row_batch *, i);
        size_t end = first;
        for (int64_t left = batch->row_count; left > 0; end++)
            left -= letter_at(rows->plan, end)->reason == NULL;
        for (size_t k = 0; code == OK && k < batch->part_count; k++)
            code = add_part(rows, &batch->parts[k], first, end, error);
        first = end;
    }
    return code;
}

/* ---- partitions ---- */

static int compare_keys(const void *a, const void *b)
{
    const struct partition_key *left = a, *right = b;
    if (left->start_us != right->start_us)
        return left->start_us < right->start_us ? -1 : 1;
    return left->type < right->type ? -1 : left->type > right->type;
}

static enum error_code find_keys(struct letter_rows *rows, struct error *error)
{
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < LIST_COUNT(&rows->plan->files, struct compact_input); i++)
        code =
            buffer_append(&rows->keys, &LIST_AT(&rows->plan->files, struct compact_input, i)->key,
                          sizeof(struct partition_key));
    for (size_t i = 0; code == OK && i < LIST_COUNT(&rows->parts, struct new_part); i++)
        code = buffer_append(&rows->keys, &LIST_AT(&rows->parts, struct new_part, i)->rows->key,
                             sizeof(struct partition_key));
    if (code != OK)
        return no_memory(error);
    struct partition_key *keys = (void *)rows->keys.data;
    size_t count = LIST_COUNT(&rows->keys, struct partition_key), kept = 0;
    qsort(keys, count, sizeof *keys, compare_keys);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || !partition_key_equal(keys[kept - 1], keys[i]))
            keys[kept++] = keys[i];
    rows->keys.size_bytes = kept * sizeof *keys;
    return OK;
}

static uint32_t find_ordinal(const void *context, uint32_t ledger, uint32_t index)
{
    return letter_plan_ordinal(context, ledger, index);
}

static enum error_code write_partition(struct letter_rows *rows, struct partition_key key,
                                       struct error *error)
{
    const struct letter_plan *plan = rows->plan;
    const struct row_insertion insertion = {.commit = &rows->commit,
                                            .ledgers = (const void *)rows->ledgers.data,
                                            .ledger_count = LIST_COUNT(&rows->ledgers, uint32_t),
                                            .find_ordinal = find_ordinal,
                                            .context = plan};
    struct row_move move;
    row_move_init(&move, rows->setup, plan->schema, &insertion);
    enum error_code code = replacement_turn_to(rows->replacement, key, error);
    for (size_t i = 0; code == OK && i < LIST_COUNT(&plan->files, struct compact_input); i++) {
        const struct compact_input *input = LIST_AT(&plan->files, struct compact_input, i);
        if (partition_key_equal(input->key, key))
            code = row_move_add_file(&move, &plan->lake, input, error);
    }
    for (size_t i = 0; code == OK && i < LIST_COUNT(&rows->parts, struct new_part); i++) {
        const struct new_part *part = LIST_AT(&rows->parts, struct new_part, i);
        if (partition_key_equal(part->rows->key, key))
            code = row_move_add_rows(&move, &part->rows->array,
                                     LIST_AT(&rows->places, struct row_place, part->first_place),
                                     error);
    }
    if (code == OK)
        code = row_move_write(&move, rows->replacement, error);
    row_move_release(&move);
    return code;
}

static enum error_code write_partitions(struct letter_rows *rows, struct error *error)
{
    const struct letter_plan *plan = rows->plan;
    size_t count = LIST_COUNT(&rows->keys, struct partition_key);
    bool letters_stay = letter_count(plan) > plan->row_letters;
    enum error_code code =
        replacement_new(&rows->replacement, rows->setup, plan->schema,
                        *LIST_AT(&rows->keys, struct partition_key, 0), REASON, error);
    if (code != OK)
        return code;
    rows->commit = (struct provenance_commit){
        .commit_no = plan->commit_no,
        .range = plan->range,
        .row_count = plan->row_count + (int64_t)plan->row_letters,
        .file_count = plan->file_count > 0 ? plan->file_count : 1,
        .letters_no = letters_stay ? replacement_number(rows->replacement) : 0};
    for (size_t i = 0; code == OK && i < count; i++)
        code = write_partition(rows, *LIST_AT(&rows->keys, struct partition_key, i), error);
    return code;
}

/* ---- the commit ---- */

static enum error_code amend(const struct letter_rows *rows, struct catalog_amendment *amendment,
                             struct error *error)
{
    const struct letter_plan *plan = rows->plan;
    *amendment = (struct catalog_amendment){.commit_no = plan->commit_no,
                                            .row_count_before = plan->row_count,
                                            .row_count = rows->commit.row_count,
                                            .file_count = rows->commit.file_count,
                                            .null_decimal_count = plan->null_decimal_count,
                                            .replaced_memo_count = plan->replaced_memo_count,
                                            .last_close_us = plan->last_close_us};
    for (size_t i = 0; i < letter_count(plan); i++) {
        const struct planned_letter *letter = letter_at(plan, i);
        if (letter->reason != NULL)
            continue;
        amendment->null_decimal_count += letter->lacks_decimal;
        amendment->replaced_memo_count += letter->has_replaced_memo;
        if (letter->time_us > amendment->last_close_us)
            amendment->last_close_us = letter->time_us;
        amendment->has_digest =
            amendment->has_digest || letter->letter.ledger_sequence == plan->digest_ledger;
    }
    if (!amendment->has_digest)
        return OK;
    struct ledger_digest digest;
    enum error_code code = letter_digest_make(plan, rows->setup->store->root, &digest, error);
    memcpy(amendment->digest_chain, digest.chain, sizeof amendment->digest_chain);
    amendment->digest_contents = digest.contents;
    return code;
}

static enum error_code keep_letters(const struct letter_rows *rows, struct error *error)
{
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < letter_count(rows->plan); i++) {
        const struct planned_letter *planned = letter_at(rows->plan, i);
        const struct stored_letter *letter = &planned->letter;
        const struct dead_letter kept = {letter->ledger_sequence, letter->event_index,
                                         letter->reason, letter->raw};
        if (planned->reason != NULL)
            code = replacement_add_letter(rows->replacement, &kept, error);
    }
    return code;
}

static enum error_code publish(const struct letter_rows *rows, struct replacement_report *report,
                               struct error *error)
{
    struct catalog_amendment amendment;
    size_t count = LIST_COUNT(&rows->plan->files, struct compact_input);
    int64_t *ended = mem_alloc((count + 1) * sizeof *ended);
    enum error_code code = ended == NULL ? no_memory(error) : amend(rows, &amendment, error);
    for (size_t i = 0; code == OK && i < count; i++)
        ended[i] = LIST_AT(&rows->plan->files, struct compact_input, i)->data_file_id;
    if (code == OK)
        code = keep_letters(rows, error);
    if (code == OK) {
        replacement_amend(rows->replacement, &amendment);
        code = replacement_publish(rows->replacement, ended, count, report, error);
    }
    mem_free(ended);
    return code;
}

static void release(struct letter_rows *rows)
{
    replacement_free(rows->replacement);
    for (size_t i = 0; i < LIST_COUNT(&rows->batches, struct row_batch *); i++)
        row_batch_free(*LIST_AT(&rows->batches, struct row_batch *, i));
    batch_builder_free(rows->builder);
    buffer_release(&rows->batches);
    buffer_release(&rows->parts);
    buffer_release(&rows->places);
    buffer_release(&rows->keys);
    buffer_release(&rows->ledgers);
}

enum error_code letter_rows_publish(const struct replacement_setup *setup,
                                    const struct letter_plan *plan,
                                    struct replacement_report *report, struct error *error)
{
    struct letter_rows rows = {.setup = setup, .plan = plan};
    enum error_code code = make_batches(&rows, error);
    if (code == OK)
        code = find_parts(&rows, error);
    if (code == OK)
        code = find_keys(&rows, error);
    if (code == OK)
        code = write_partitions(&rows, error);
    if (code == OK)
        code = publish(&rows, report, error);
    release(&rows);
    return code;
}
