// SPDX-License-Identifier: Apache-2.0
#include "lake/comparison.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lake/data_file.h"
#include "lake/findings.h"
#include "lake/foreign.h"
#include "lake/inventory.h"
#include "lake/ledger_difference.h"
#include "lake/ledger_order.h"
#include "lake/ledger_owner.h"
#include "walk/row_scan.h"
#include "lake/sample.h"
#include "util/memory.h"
#include "util/text.h"

/* What one side has of a ledger. Sums of digests do not depend on the order of the events. */
struct ledger_slot {
    struct event_digest sum;
    uint32_t rows, letters;
    int64_t close_us; /* of a row; 0: none */
};

/* A ledger that differs, to be told at the end. */
struct told_ledger {
    uint32_t ledger;
    const char *message;
    bool is_other_chain;
};

struct comparison {
    struct comparison_options options;
    const struct inventory *inventory;
    struct findings *findings;
    struct ledger_owners owners;
    struct ledger_set ranges; /* a list: to be asked for */
    size_t next_range;
    struct row_scan scan;
    const struct owned_range *owner; /* of the ledger looked up last */

    /* The lake's side of the current range. */
    struct ledger_range range;
    uint64_t next; /* first ledger of it that is not compared yet */
    struct ledger_slot *slots;

    /* The server's ledger in progress. */
    bool has_progress;
    uint32_t ledger;
    struct ledger_slot slot;
    struct arena arena;
    struct buffer rows;    /* struct row_view */
    struct buffer letters; /* struct stored_letter */
    int64_t partition_us;  /* of its first row */

    struct comparison_totals totals;
    uint64_t same_chain, other_chain; /* ledgers with rows on both sides */
    struct arena told_arena;
    struct buffer told; /* struct told_ledger */
    struct ledger_set refetch;
    struct ledger_range asked; /* of which mended_by asked last, and the answer */
    bool asked_is_foreign;
    uint64_t unmended; /* ledgers that differ, and that no command mends */
};

static const struct inventory_commit *commit_at(const struct comparison *comparison, size_t index)
{
    return LIST_AT(&comparison->inventory->commits, struct inventory_commit, index);
}

static const struct inventory_commit *commit_of(struct comparison *comparison, uint32_t ledger)
{
    if (comparison->owner == NULL || ledger < comparison->owner->range.first ||
        ledger > comparison->owner->range.last)
        comparison->owner = ledger_owners_find(&comparison->owners, ledger);
    return commit_at(comparison, comparison->owner->commit); /* what is asked for has an owner */
}

static struct ledger_slot *slot_of(const struct comparison *comparison, uint32_t ledger)
{
    return &comparison->slots[ledger - comparison->range.first];
}

static void add_digest(struct ledger_slot *slot, struct event_digest digest)
{
    slot->sum.low += digest.low;
    slot->sum.high += digest.high;
}

static void slot_add_row(struct ledger_slot *slot, const struct row_schema *schema,
                         const struct row_view *row)
{
    add_digest(slot, event_digest_row(schema, row));
    slot->rows++;
    slot->close_us = row->timestamp_us;
}

static void slot_add_letter(struct ledger_slot *slot, uint32_t event_index, struct bytes_view raw)
{
    add_digest(slot, event_digest_dead_letter(event_index, raw));
    slot->letters++;
}

static bool slot_is_empty(const struct ledger_slot *slot)
{
    return slot->rows == 0 && slot->letters == 0;
}

static bool slots_are_equal(const struct ledger_slot *a, const struct ledger_slot *b)
{
    return a->rows == b->rows && a->letters == b->letters && a->sum.low == b->sum.low &&
           a->sum.high == b->sum.high;
}

/* ---- the plan ---- */

/* Covered ledgers of commits that this program can read. */
static enum error_code list_owned(const struct comparison *comparison, struct ledger_set *out,
                                  struct error *error)
{
    struct ledger_set owned = {0};
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < LIST_COUNT(&comparison->owners.owned, struct owned_range);
         i++) {
        const struct owned_range *one = LIST_AT(&comparison->owners.owned, struct owned_range, i);
        if (commit_at(comparison, one->commit)->schema != NULL)
            code = ledger_set_append(&owned, one->range, error);
    }
    ledger_set_merge(&owned);
    if (code == OK)
        code = ledger_set_intersect(&owned, &comparison->inventory->coverage, out, error);
    ledger_set_release(&owned);
    return code;
}

/* What `findings` have to be fetched again is not compared, nor what lies in a bad file that is no
 * commit's. */
static enum error_code list_excluded(const struct comparison *comparison, struct ledger_set *out,
                                     struct error *error)
{
    const struct findings *findings = comparison->findings;
    enum error_code code = ledger_set_append_all(out, &findings->refetch, error);
    for (size_t i = 0; code == OK && i < findings_problem_count(findings); i++) {
        const struct problem *problem = findings_problem(findings, i);
        if (problem->commit_no != 0)
            code = ledger_set_append(out, problem->range, error);
    }
    const struct buffer *files = &comparison->inventory->files;
    for (size_t i = 0; code == OK && i < LIST_COUNT(files, struct inventory_file); i++) {
        const struct inventory_file *file = LIST_AT(files, struct inventory_file, i);
        if (comparison->options.file_is_bad[i] && file->has_range)
            code = ledger_set_append(out, file->range, error);
    }
    ledger_set_merge(out);
    return code;
}

static enum error_code make_plan(struct comparison *comparison, struct error *error)
{
    struct ledger_set owned = {0}, excluded = {0}, whole = {0}, sample = {0};
    const struct comparison_options *options = &comparison->options;
    enum error_code code = list_owned(comparison, &owned, error);
    if (code == OK)
        code = list_excluded(comparison, &excluded, error);
    if (code == OK)
        code = ledger_set_subtract(&owned, &excluded, &whole, error);
    comparison->totals.whole = ledger_set_ledgers(&whole);
    if (code == OK && options->sample_millionths < COMPARISON_WHOLE)
        code = sample_ledgers(&whole, options->sample_millionths, &sample, error);
    else if (code == OK)
        ledger_set_move(&sample, &whole);
    comparison->totals.wanted = ledger_set_ledgers(&sample);
    if (code == OK)
        code = ledger_set_split(&sample, COMPARISON_RANGE_LEDGERS, &comparison->ranges, error);
    ledger_set_release(&owned);
    ledger_set_release(&excluded);
    ledger_set_release(&whole);
    ledger_set_release(&sample);
    return code;
}

enum error_code comparison_new(struct comparison **out, const struct comparison_options *options,
                               const struct inventory *inventory, struct findings *findings,
                               struct error *error)
{
    *out = NULL;
    struct comparison *comparison = mem_alloc_zero(1, sizeof *comparison);
    if (comparison == NULL)
        return error_no_memory(error, "a comparison");
    comparison->options = *options;
    comparison->inventory = inventory;
    comparison->findings = findings;
    arena_init(&comparison->arena, 0);
    arena_init(&comparison->told_arena, 0);
    enum error_code code = row_scan_init(&comparison->scan, error);
    if (code == OK)
        code = ledger_owners_make(&comparison->owners, inventory, error);
    if (code == OK)
        code = make_plan(comparison, error);
    if (code == OK)
        *out = comparison;
    else
        comparison_free(comparison);
    return code;
}

void comparison_free(struct comparison *comparison)
{
    if (comparison == NULL)
        return;
    row_scan_release(&comparison->scan);
    ledger_owners_release(&comparison->owners);
    arena_release(&comparison->arena);
    arena_release(&comparison->told_arena);
    ledger_set_release(&comparison->ranges);
    buffer_release(&comparison->rows);
    buffer_release(&comparison->letters);
    buffer_release(&comparison->told);
    ledger_set_release(&comparison->refetch);
    mem_free(comparison->slots);
    mem_free(comparison);
}

/* ---- the lake's side ---- */

/* Calls `visit` for every row of the ledgers, whichever file has them. */
static enum error_code each_stored_row(struct comparison *comparison, struct ledger_range range,
                                       row_visitor *visit, void *context, struct error *error)
{
    const struct buffer *files = &comparison->inventory->files;
    enum error_code code = OK;
    for (size_t i = 0; code == OK && i < LIST_COUNT(files, struct inventory_file); i++) {
        const struct inventory_file *file = LIST_AT(files, struct inventory_file, i);
        if (!file->has_range || !ledger_ranges_overlap(file->range, range))
            continue;
        struct lake_data_file data_file;
        code = lake_data_file_open(&data_file, comparison->options.root, file->path, error);
        if (code == OK)
            code =
                row_scan_file(&comparison->scan, &data_file.source, range, visit, context, error);
        lake_data_file_release(&data_file);
        if (code == ERR_NOT_FOUND)
            code = error_set(error, ERR_RETRY,
                             "%s is gone since the catalog was read: something changed the lake "
                             "meanwhile; run verify again",
                             file->path);
    }
    return code;
}

/* Appends the dead letters of the ledgers to `letters`, in their order; bytes lie in `arena`. */
static enum error_code load_letters(struct comparison *comparison, struct ledger_range range,
                                    struct arena *arena, struct buffer *letters,
                                    struct error *error)
{
    const struct buffer *commits = &comparison->inventory->commits;
    enum error_code code = OK;
    size_t kept = 0;
    for (size_t i = 0; code == OK && i < LIST_COUNT(commits, struct inventory_commit); i++) {
        const struct inventory_commit *commit = commit_at(comparison, i);
        if (commit->dead_letters_path == NULL || !ledger_ranges_overlap(commit->range, range))
            continue;
        code = dead_letters_load(comparison->options.root, commit->dead_letters_path, arena,
                                 letters, NULL, error);
        struct stored_letter *all = (void *)letters->data;
        for (size_t k = kept; k < LIST_COUNT(letters, struct stored_letter); k++)
            if (all[k].ledger_sequence >= range.first && all[k].ledger_sequence <= range.last)
                all[kept++] = all[k];
        letters->size_bytes = kept * sizeof *all;
    }
    return code;
}

static enum error_code add_stored_row(void *context, const struct row_view *row,
                                      struct error *error)
{
    struct comparison *comparison = context;
    (void)error;
    slot_add_row(slot_of(comparison, row->ledger_sequence),
                 commit_of(comparison, row->ledger_sequence)->schema, row);
    return OK;
}

static enum error_code read_lake(struct comparison *comparison, struct error *error)
{
    struct arena arena;
    struct buffer letters;
    arena_init(&arena, 0);
    buffer_init(&letters);
    enum error_code code =
        each_stored_row(comparison, comparison->range, add_stored_row, comparison, error);
    if (code == OK)
        code = load_letters(comparison, comparison->range, &arena, &letters, error);
    for (size_t i = 0; code == OK && i < LIST_COUNT(&letters, struct stored_letter); i++) {
        const struct stored_letter *letter = LIST_AT(&letters, struct stored_letter, i);
        slot_add_letter(slot_of(comparison, letter->ledger_sequence), letter->event_index,
                        letter->raw);
    }
    buffer_release(&letters);
    arena_release(&arena);
    return code;
}

enum error_code comparison_next_range(struct comparison *comparison, struct ledger_range *range,
                                      bool *more, struct error *error)
{
    *more =
        comparison->next_range < comparison->ranges.count && !comparison_is_hopeless(comparison);
    if (!*more)
        return OK;
    comparison->range = comparison->ranges.ranges[comparison->next_range++];
    comparison->next = comparison->range.first;
    mem_free(comparison->slots);
    comparison->slots = mem_alloc_zero(
        (size_t)(comparison->range.last - comparison->range.first) + 1, sizeof *comparison->slots);
    if (comparison->slots == NULL)
        return error_no_memory(error, "the digests of a range");
    *range = comparison->range;
    return read_lake(comparison, error);
}

/* ---- the server's side ---- */

void comparison_drop_ledger(struct comparison *comparison)
{
    comparison->has_progress = false;
    comparison->slot = (struct ledger_slot){0};
    arena_reset(&comparison->arena);
    buffer_reset(&comparison->rows);
    buffer_reset(&comparison->letters);
}

/* Events whose close time lies in another partition than their ledger's are dead letters. */
static bool is_row(struct comparison *comparison, const struct row_view *row)
{
    if (row == NULL)
        return false;
    int64_t start_us =
        partition_key_of(comparison->options.scheme, row->timestamp_us, row->type).start_us;
    if (comparison->slot.rows == 0)
        comparison->partition_us = start_us;
    return comparison->partition_us == start_us;
}

static enum error_code keep_row(struct comparison *comparison, const struct row_view *row,
                                struct error *error)
{
    struct row_view copy;
    enum error_code code = row_copy(row, &comparison->arena, &copy, error);
    if (code == OK && buffer_append(&comparison->rows, &copy, sizeof copy) != OK)
        code = error_no_memory(error, "a ledger's rows");
    if (code == OK)
        slot_add_row(&comparison->slot, commit_of(comparison, comparison->ledger)->schema, row);
    return code;
}

static enum error_code keep_letter(struct comparison *comparison, uint32_t event_index,
                                   struct bytes_view raw, struct error *error)
{
    const char *copy = arena_copy_text(&comparison->arena, raw);
    struct stored_letter letter = {.ledger_sequence = comparison->ledger,
                                   .event_index = event_index,
                                   .raw = bytes_view_of(copy, raw.size_bytes)};
    if (copy == NULL || buffer_append(&comparison->letters, &letter, sizeof letter) != OK)
        return error_no_memory(error, "a dead letter");
    slot_add_letter(&comparison->slot, event_index, raw);
    return OK;
}

enum error_code comparison_add(struct comparison *comparison, uint32_t ledger, uint32_t event_index,
                               const struct row_view *row, struct bytes_view raw, bool *is_stored,
                               struct error *error)
{
    comparison->has_progress = true;
    comparison->ledger = ledger;
    if (comparison->arena.used_bytes + comparison->rows.size_bytes >
        comparison->options.ledger_limit_bytes)
        return error_set(error, ERR_LIMIT,
                         "ledger %" PRIu32
                         " alone takes more than half of memory_limit: raise memory_limit",
                         ledger);
    *is_stored = is_row(comparison, row);
    return *is_stored ? keep_row(comparison, row, error)
                      : keep_letter(comparison, event_index, raw, error);
}

/* ---- ledgers that differ ---- */

/* The stored rows of one ledger. */
struct stored_ledger {
    struct arena arena;
    struct buffer rows, letters;
};

static enum error_code keep_stored_row(void *context, const struct row_view *row,
                                       struct error *error)
{
    struct stored_ledger *stored = context;
    struct row_view copy;
    enum error_code code = row_copy(row, &stored->arena, &copy, error);
    if (code == OK && buffer_append(&stored->rows, &copy, sizeof copy) != OK)
        code = error_no_memory(error, "a ledger's rows");
    return code;
}

static int compare_index(const void *a, const void *b)
{
    const struct row_view *left = a, *right = b;
    return left->event_index < right->event_index ? -1 : left->event_index > right->event_index;
}

static enum error_code load_ledger(struct comparison *comparison, uint32_t ledger,
                                   struct stored_ledger *stored, struct error *error)
{
    struct ledger_range one = {ledger, ledger};
    enum error_code code = each_stored_row(comparison, one, keep_stored_row, stored, error);
    if (code == OK)
        code = load_letters(comparison, one, &stored->arena, &stored->letters, error);
    if (code == OK && stored->rows.size_bytes > 0 &&
        ledger_schema_has_ordinals(commit_of(comparison, ledger)->schema))
        qsort(stored->rows.data, LIST_COUNT(&stored->rows, struct row_view),
              sizeof(struct row_view), compare_index);
    return code;
}

static struct ledger_contents contents_of(const struct buffer *rows, const struct buffer *letters)
{
    return (struct ledger_contents){.rows = (void *)rows->data,
                                    .row_count = LIST_COUNT(rows, struct row_view),
                                    .letters = (const void *)letters->data,
                                    .letter_count = LIST_COUNT(letters, struct stored_letter)};
}

/* "120 rows" or "120 rows and 1 dead letter". */
static void count_events(const struct ledger_slot *slot, char out[80])
{
    int used = snprintf(out, 80, "%" PRIu32 " row%s", slot->rows, text_plural(slot->rows));
    if (slot->letters > 0)
        snprintf(out + used, 80 - (size_t)used, " and %" PRIu32 " dead letter%s", slot->letters,
                 text_plural(slot->letters));
}

static enum error_code tell(struct comparison *comparison, uint32_t ledger,
                            const struct ledger_slot *lake, const struct ledger_slot *server,
                            const char *difference, bool is_other_chain, struct error *error)
{
    char text[LEDGER_DIFFERENCE_BYTES + 256], counts[2][80];
    count_events(lake, counts[0]);
    count_events(server, counts[1]);
    if (slot_is_empty(lake))
        snprintf(text, sizeof text,
                 "ledger %" PRIu32 ": the lake holds it as empty, the server sends %s", ledger,
                 counts[1]);
    else if (slot_is_empty(server))
        snprintf(text, sizeof text,
                 "ledger %" PRIu32 ": the lake has %s, the server sends no event of it", ledger,
                 counts[0]);
    else
        snprintf(text, sizeof text, "ledger %" PRIu32 ", %s (the lake has %s, the server sends %s)",
                 ledger, difference, counts[0], counts[1]);
    struct told_ledger told = {.ledger = ledger,
                               .message =
                                   arena_copy_text(&comparison->told_arena, bytes_view_text(text)),
                               .is_other_chain = is_other_chain};
    if (told.message == NULL || buffer_append(&comparison->told, &told, sizeof told) != OK)
        return error_no_memory(error, "the differences");
    return OK;
}

/* Reads the ledger again and tells its first difference. */
static enum error_code describe(struct comparison *comparison, uint32_t ledger,
                                const struct ledger_slot *lake, const struct ledger_slot *server,
                                bool *is_other_chain, struct error *error)
{
    struct stored_ledger stored = {0};
    char difference[LEDGER_DIFFERENCE_BYTES] = "";
    arena_init(&stored.arena, 0);
    enum error_code code = load_ledger(comparison, ledger, &stored, error);
    if (code == OK) {
        struct ledger_contents sides[2] = {contents_of(&stored.rows, &stored.letters),
                                           contents_of(&comparison->rows, &comparison->letters)};
        *is_other_chain = ledger_is_of_another_chain(&sides[0], &sides[1]);
        code = ledger_difference_describe(commit_of(comparison, ledger)->schema, &sides[0],
                                          &sides[1], difference, error);
    }
    if (code == OK)
        code = tell(comparison, ledger, lake, server, difference, *is_other_chain, error);
    buffer_release(&stored.rows);
    buffer_release(&stored.letters);
    arena_release(&stored.arena);
    return code;
}

/* What must be fetched again to mend a ledger: itself where it brought no event, else its commit;
 * {0, 0}: nothing will do, as rows of these ledgers lie in files that are no commit's. */
static struct ledger_range mended_by(struct comparison *comparison, uint32_t ledger)
{
    struct ledger_range range = {ledger, ledger};
    if (!ledger_set_has(&comparison->inventory->unconfirmed, ledger))
        range = commit_of(comparison, ledger)->range;
    if (comparison->asked.last == 0 || range.first != comparison->asked.first ||
        range.last != comparison->asked.last) {
        comparison->asked = range;
        comparison->asked_is_foreign =
            foreign_touches(comparison->options.foreign, comparison->inventory, range);
    }
    return comparison->asked_is_foreign ? (struct ledger_range){0} : range;
}

static enum error_code add_refetch(struct comparison *comparison, struct ledger_range range,
                                   struct error *error)
{
    comparison->unmended += range.last == 0;
    return range.last == 0 ? OK : ledger_set_add(&comparison->refetch, range, error);
}

static enum error_code differs(struct comparison *comparison, uint32_t ledger,
                               const struct ledger_slot *lake, const struct ledger_slot *server,
                               struct error *error)
{
    bool have_both = lake->rows > 0 && server->rows > 0;
    bool is_other_chain = have_both && lake->close_us != server->close_us;
    enum error_code code = OK;
    comparison->totals.differing++;
    if (LIST_COUNT(&comparison->told, struct told_ledger) < COMPARISON_TOLD_MAX)
        code = describe(comparison, ledger, lake, server, &is_other_chain, error);
    comparison->other_chain += is_other_chain;
    comparison->same_chain += have_both && !is_other_chain;
    return code == OK ? add_refetch(comparison, mended_by(comparison, ledger), error) : code;
}

static enum error_code compare(struct comparison *comparison, uint32_t ledger,
                               const struct ledger_slot *server, struct error *error)
{
    const struct ledger_slot *lake = slot_of(comparison, ledger);
    enum error_code code = OK;
    if (!slots_are_equal(lake, server))
        code = differs(comparison, ledger, lake, server, error);
    else
        comparison->same_chain += lake->rows > 0;
    comparison->totals.ledgers++;
    comparison->totals.rows += lake->rows;
    comparison->totals.dead_letters += lake->letters;
    return code;
}

enum error_code comparison_complete_to(struct comparison *comparison, uint32_t to,
                                       struct error *error)
{
    static const struct ledger_slot none = {0};
    enum error_code code = OK;
    for (; code == OK && comparison->next <= to; comparison->next++) {
        uint32_t ledger = (uint32_t)comparison->next;
        bool came = comparison->has_progress && comparison->ledger == ledger;
        code = compare(comparison, ledger, came ? &comparison->slot : &none, error);
        if (came)
            comparison_drop_ledger(comparison);
    }
    return code;
}

void comparison_skip(struct comparison *comparison, uint32_t ledger)
{
    comparison_drop_ledger(comparison);
    comparison->next = (uint64_t)ledger + 1;
}

/* ---- the outcome ---- */

bool comparison_is_hopeless(const struct comparison *comparison)
{
    return comparison->same_chain == 0 && comparison->other_chain >= COMPARISON_TOLD_MAX;
}

struct comparison_totals comparison_totals(const struct comparison *comparison)
{
    struct comparison_totals totals = comparison->totals;
    totals.is_other_chain = comparison->same_chain == 0 && comparison->other_chain > 0;
    return totals;
}

uint32_t comparison_next_ledger(const struct comparison *comparison)
{
    if (comparison->slots != NULL && comparison->next <= comparison->range.last)
        return (uint32_t)comparison->next;
    if (comparison->next_range < comparison->ranges.count)
        return comparison->ranges.ranges[comparison->next_range].first;
    return 0;
}

static void report_other_chain(struct comparison *comparison)
{
    const struct told_ledger *first = (const void *)comparison->told.data;
    size_t told_count = LIST_COUNT(&comparison->told, struct told_ledger);
    for (size_t i = 0; i + 1 < told_count && !first->is_other_chain; i++)
        first++;
    findings_add_difference(
        comparison->findings, first->ledger, 0, (struct ledger_range){0},
        "the server's ledgers are of another chain than the lake's: close times or transactions "
        "differ in all %" PRIu64 " compared that have events, as in %s; wrong network, or a test "
        "network that was reset: check the address",
        comparison->other_chain, first->message);
}

static void report_differences(struct comparison *comparison)
{
    size_t told_count = LIST_COUNT(&comparison->told, struct told_ledger);
    for (size_t i = 0; i < told_count; i++) {
        const struct told_ledger *told = LIST_AT(&comparison->told, struct told_ledger, i);
        const struct inventory_commit *commit = commit_of(comparison, told->ledger);
        findings_add_difference(comparison->findings, told->ledger, commit->commit_no,
                                mended_by(comparison, told->ledger), "%s", told->message);
    }
    if (comparison->totals.differing > told_count)
        findings_add_difference(comparison->findings, UINT32_MAX, 0, (struct ledger_range){0},
                                "%" PRIu64 " more ledgers differ: %" PRIu64 " of the %" PRIu64
                                " that were compared do",
                                comparison->totals.differing - told_count,
                                comparison->totals.differing, comparison->totals.ledgers);
    if (comparison->unmended > 0)
        findings_add_note(comparison->findings,
                          "%" PRIu64
                          " of the ledgers that differ lie where DuckDB merged files, or "
                          "others changed rows: no command is given for them; 'repair START END' "
                          "says what must be taken out together",
                          comparison->unmended);
    for (size_t i = 0; i < comparison->refetch.count; i++)
        findings_add_take_out(comparison->findings, comparison->refetch.ranges[i]);
}

enum error_code comparison_finish(struct comparison *comparison, struct error *error)
{
    uint64_t covered = ledger_set_ledgers(&comparison->inventory->coverage);
    if (covered > comparison->totals.whole)
        findings_add_note(comparison->findings,
                          "%" PRIu64 " covered ledgers were not compared with the server: the "
                          "problems found have them fetched again, or no commit of a known schema "
                          "version brought them",
                          covered - comparison->totals.whole);
    if (comparison_totals(comparison).is_other_chain)
        report_other_chain(comparison);
    else if (comparison->totals.differing > 0)
        report_differences(comparison);
    return findings_finish(comparison->findings, error);
}
