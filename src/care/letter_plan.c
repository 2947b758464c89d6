// SPDX-License-Identifier: Apache-2.0
#include "care/letter_plan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "catalog/own_files.h"
#include "lake/data_file.h"
#include "lake/ledger_order.h"
#include "rows/letter_row.h"

/* A ledger that has a close time. */
struct ledger_close {
    uint32_t ledger;
    uint32_t file_count; /* that hold rows of it */
    int64_t time_us;
};

static enum error_code no_memory(struct error *error)
{
    return error_no_memory(error, "dead letters that are read again");
}

enum error_code letter_plan_init(struct letter_plan *plan,
                                 const struct catalog_commit_record *commit, struct error *error)
{
    *plan = (struct letter_plan){.commit_no = commit->commit_no,
                                 .range = commit->range,
                                 .schema = row_schema_find(commit->schema_version),
                                 .row_count = commit->row_count,
                                 .file_count = commit->file_count,
                                 .null_decimal_count = commit->null_decimal_count,
                                 .replaced_memo_count = commit->replaced_memo_count,
                                 .last_close_us = commit->last_close_us,
                                 .digest_ledger = commit->digest_ledger,
                                 .letters_checksum = commit->dead_letters_checksum};
    arena_init(&plan->arena, 0);
    compact_plan_init(&plan->lake, PARTITION_DATE);
    plan->has_ordinals = plan->schema != NULL && ledger_schema_has_ordinals(plan->schema);
    plan->letters_path = arena_copy_text(&plan->arena, bytes_view_text(commit->dead_letters_path));
    return plan->letters_path == NULL ? no_memory(error) : OK;
}

void letter_plan_release(struct letter_plan *plan)
{
    arena_release(&plan->arena);
    buffer_release(&plan->letters);
    buffer_release(&plan->files);
    compact_plan_release(&plan->lake);
}

static struct planned_letter *letter_at(const struct letter_plan *plan, size_t index)
{
    return LIST_AT(&plan->letters, struct planned_letter, index);
}

static size_t letter_count(const struct letter_plan *plan)
{
    return LIST_COUNT(&plan->letters, struct planned_letter);
}

/* ---- reading ---- */

static enum error_code keep_reason(struct letter_plan *plan, struct planned_letter *letter,
                                   const struct error *reason, struct error *error)
{
    letter->reason = arena_copy_text(&plan->arena, bytes_view_text(reason->message));
    return letter->reason == NULL ? no_memory(error) : OK;
}

/* Whether this version makes a row of it. */
static enum error_code try_letter(struct letter_plan *plan, struct planned_letter *letter,
                                  struct row_scratch *scratch, struct error *error)
{
    struct row_view row;
    struct error reason;
    error_clear(&reason);
    enum error_code code = row_from_letter(letter->letter.raw, letter->letter.ledger_sequence,
                                           letter->letter.event_index, scratch, &row, &reason);
    if (code == ERR_NO_MEMORY)
        return no_memory(error);
    if (code != OK)
        return keep_reason(plan, letter, &reason, error);
    letter->is_readable = true;
    letter->time_us = row.timestamp_us;
    letter->type = row.type;
    letter->lacks_decimal = !row.has_amount_decimal;
    letter->has_replaced_memo = row.memo_replaced;
    plan->readable++;
    return OK;
}

static int compare_letters(const void *a, const void *b)
{
    const struct planned_letter *left = a, *right = b;
    uint64_t x = ledger_ordinal(left->letter.ledger_sequence, left->letter.event_index);
    uint64_t y = ledger_ordinal(right->letter.ledger_sequence, right->letter.event_index);
    return x < y ? -1 : x > y;
}

static enum error_code try_letters(struct letter_plan *plan, const struct buffer *stored,
                                   struct error *error)
{
    struct row_scratch scratch;
    enum error_code code = OK;
    buffer_init(&scratch.text);
    for (size_t i = 0; code == OK && i < LIST_COUNT(stored, struct stored_letter); i++) {
        struct planned_letter letter = {.letter = *LIST_AT(stored, struct stored_letter, i)};
        code = try_letter(plan, &letter, &scratch, error);
        if (code == OK && buffer_append(&plan->letters, &letter, sizeof letter) != OK)
            code = no_memory(error);
    }
    buffer_release(&scratch.text);
    if (code == OK && letter_count(plan) > 0)
        qsort(plan->letters.data, letter_count(plan), sizeof(struct planned_letter),
              compare_letters);
    return code;
}

enum error_code letter_plan_read(struct letter_plan *plan, const char *root, struct error *error)
{
    char path[OS_PATH_BYTES];
    struct buffer text, stored;
    if (plan->schema == NULL)
        return error_set(error, ERR_CONFLICT,
                         "its schema version is not known: use a newer parquet-consumer");
    buffer_init(&text);
    buffer_init(&stored);
    enum error_code code = dead_letters_read(root, plan->letters_path, path, &text, error);
    if (code == ERR_NOT_FOUND)
        code = error_set(error, ERR_CORRUPT, "%s is not there, and the catalog lists it", path);
    if (code == OK && XXH64(text.data, text.size_bytes, 0) != plan->letters_checksum)
        code = error_set(error, ERR_CORRUPT, "%s changed since it was committed", path);
    if (code == OK)
        code = dead_letters_parse(buffer_view(&text), &plan->arena, &stored, error);
    if (code == OK)
        code = try_letters(plan, &stored, error);
    buffer_release(&stored);
    buffer_release(&text);
    return code;
}

/* ---- the commit's files ---- */

struct share_search {
    const struct letter_plan *plan;
    int64_t file_rows;
};

static enum error_code find_share(void *context, const struct catalog_file_commit *commit,
                                  struct error *error)
{
    struct share_search *search = context;
    (void)error;
    if (commit->commit_no == search->plan->commit_no)
        search->file_rows += commit->file_rows;
    return OK;
}

static enum error_code find_files(struct letter_plan *plan, struct catalog *catalog,
                                  struct error *error)
{
    int64_t row_count = 0;
    enum error_code code = compact_plan_read(&plan->lake, catalog, 0, error);
    for (size_t i = 0; code == OK && i < LIST_COUNT(&plan->lake.inputs, struct compact_input);
         i++) {
        const struct compact_input *input = LIST_AT(&plan->lake.inputs, struct compact_input, i);
        struct share_search search = {.plan = plan};
        if (!ledger_ranges_overlap(input->range, plan->range))
            continue;
        code = catalog_each_file_commit(catalog, input->data_file_id, find_share, &search, error);
        row_count += search.file_rows;
        if (code == OK && search.file_rows > 0 &&
            buffer_append(&plan->files, input, sizeof *input) != OK)
            code = no_memory(error);
    }
    if (code == OK && row_count != plan->row_count)
        code = error_set(error, ERR_CONFLICT,
                         "%" PRId64 " of the %" PRId64 " rows of commit %" PRIu64
                         " lie in files that are its own: DuckDB put its files together (`compact` "
                         "takes them in again), or others changed rows in them (`verify` names "
                         "them)",
                         row_count, plan->row_count, plan->commit_no);
    return code;
}

/* ---- places ---- */

static int compare_closes(const void *a, const void *b)
{
    const struct ledger_close *left = a, *right = b;
    return left->ledger < right->ledger ? -1 : left->ledger > right->ledger;
}

static enum error_code add_close(struct buffer *closes, uint32_t ledger, int64_t time_us,
                                 uint32_t file_count, struct error *error)
{
    const struct ledger_close close = {ledger, file_count, time_us};
    return ledger == 0 || buffer_append(closes, &close, sizeof close) == OK ? OK : no_memory(error);
}

static enum error_code add_file_closes(const struct letter_plan *plan, const char *root,
                                       const struct compact_input *input, struct buffer *closes,
                                       struct error *error)
{
    const struct file_rows_wish wish = {.times = true};
    struct file_rows rows;
    uint32_t before = 0;
    file_rows_init(&rows);
    enum error_code code = lake_data_file_rows(root, input->path, &wish, &rows, error);
    if (code == ERR_NOT_FOUND)
        code =
            error_set(error, ERR_CORRUPT, "%s is not there, and the catalog lists it", input->path);
    for (size_t i = 0; code == OK && i < LIST_COUNT(&rows.runs, struct ledger_run); i++) {
        const struct ledger_run *run = LIST_AT(&rows.runs, struct ledger_run, i);
        if (run->ledger_sequence != before && run->ledger_sequence >= plan->range.first &&
            run->ledger_sequence <= plan->range.last)
            code = add_close(closes, run->ledger_sequence, run->time_us, 1, error);
        before = run->ledger_sequence;
    }
    file_rows_release(&rows);
    return code;
}

/* Makes one of the entries of a ledger that several files have rows of. */
static void join_closes(struct buffer *closes)
{
    struct ledger_close *all = (void *)closes->data;
    size_t count = LIST_COUNT(closes, struct ledger_close), kept = 0;
    if (count > 0)
        qsort(all, count, sizeof *all, compare_closes);
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && all[kept - 1].ledger == all[i].ledger)
            all[kept - 1].file_count += all[i].file_count;
        else
            all[kept++] = all[i];
    }
    closes->size_bytes = kept * sizeof *all;
}

/* When the ledgers of the commit closed, and their neighbours. */
static enum error_code find_closes(const struct letter_plan *plan, const char *root,
                                   struct catalog *catalog, struct buffer *closes,
                                   struct error *error)
{
    struct catalog_neighbour below, above;
    enum error_code code = catalog_neighbours(catalog, plan->range, &below, &above, error);
    if (code == OK)
        code = add_close(closes, below.closed_ledger, below.close_us, 0, error);
    if (code == OK)
        code = add_close(closes, above.closed_ledger, above.close_us, 0, error);
    for (size_t i = 0; code == OK && i < LIST_COUNT(&plan->files, struct compact_input); i++)
        code = add_file_closes(plan, root, LIST_AT(&plan->files, struct compact_input, i), closes,
                               error);
    join_closes(closes);
    return code;
}

/* Where the ledger's entry is, or would be. */
static size_t find_close(const struct buffer *closes, uint32_t ledger)
{
    size_t low = 0, high = LIST_COUNT(closes, struct ledger_close);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (LIST_AT(closes, struct ledger_close, middle)->ledger < ledger)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static enum error_code insert_close(struct buffer *closes, size_t at, uint32_t ledger,
                                    int64_t time_us)
{
    const struct ledger_close close = {ledger, 0, time_us};
    size_t count = LIST_COUNT(closes, struct ledger_close);
    if (buffer_append(closes, &close, sizeof close) != OK)
        return ERR_NO_MEMORY;
    struct ledger_close *all = (void *)closes->data;
    memmove(&all[at + 1], &all[at], (count - at) * sizeof *all);
    all[at] = close;
    return OK;
}

/* Why the letter can't be a row there; NULL: it can, and its ledger has its close time then. */
static const char *find_obstacle(const struct letter_plan *plan,
                                 const struct planned_letter *letter, struct buffer *closes,
                                 enum error_code *code)
{
    struct ledger_close *all = (void *)closes->data;
    uint32_t ledger = letter->letter.ledger_sequence;
    size_t count = LIST_COUNT(closes, struct ledger_close), at = find_close(closes, ledger);
    if (at < count && all[at].ledger == ledger) {
        if (all[at].time_us != letter->time_us)
            return "its close time is not that of its ledger's rows";
        return !plan->has_ordinals && all[at].file_count > 1
                   ? "its place is not known: schema 1.0.0 keeps no event_index, and the rows of "
                     "its ledger lie in several files"
                   : NULL;
    }
    if ((at > 0 && all[at - 1].time_us > letter->time_us) ||
        (at < count && all[at].time_us < letter->time_us))
        return "its close time does not lie between those of the ledgers beside its own";
    *code = insert_close(closes, at, ledger, letter->time_us);
    return NULL;
}

static enum error_code find_places(struct letter_plan *plan, struct buffer *closes,
                                   struct error *error)
{
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < letter_count(plan); i++) {
        struct planned_letter *letter = letter_at(plan, i);
        if (!letter->is_readable)
            continue;
        letter->reason = find_obstacle(plan, letter, closes, &code);
        plan->row_letters += letter->reason == NULL;
        plan->readable -= letter->reason == NULL;
    }
    return code == OK ? OK : no_memory(error);
}

enum error_code letter_plan_place(struct letter_plan *plan, const char *root,
                                  enum partitioning_scheme scheme, struct catalog *catalog,
                                  struct error *error)
{
    struct buffer closes;
    buffer_init(&closes);
    plan->lake.scheme = scheme;
    enum error_code code = find_files(plan, catalog, error);
    if (code == OK)
        code = find_closes(plan, root, catalog, &closes, error);
    if (code == OK)
        code = find_places(plan, &closes, error);
    buffer_release(&closes);
    return code;
}

static size_t first_letter_of(const struct letter_plan *plan, uint32_t ledger)
{
    size_t low = 0, high = letter_count(plan);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (letter_at(plan, middle)->letter.ledger_sequence < ledger)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t letter_plan_ordinal(const struct letter_plan *plan, uint32_t ledger, uint32_t index)
{
    uint32_t ordinal = index;
    for (size_t i = first_letter_of(plan, ledger); i < letter_count(plan); i++) {
        const struct stored_letter *letter = &letter_at(plan, i)->letter;
        if (letter->ledger_sequence != ledger || letter->event_index > ordinal)
            break;
        ordinal++;
    }
    return ordinal;
}
