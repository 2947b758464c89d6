// SPDX-License-Identifier: Apache-2.0
#include "care/letter_replay.h"

#include "care/letter_rows.h"
#include "care/replacing.h"

void letter_replay_report_init(struct letter_replay_report *report)
{
    *report = (struct letter_replay_report){.letters = 0};
    arena_init(&report->arena, 0);
}

void letter_replay_report_release(struct letter_replay_report *report)
{
    arena_release(&report->arena);
    buffer_release(&report->items);
}

static enum error_code no_memory(struct error *error)
{
    return error_no_memory(error, "the report of a replay");
}

/* The lake, and what writes to it; NULL: it is only looked at. */
struct replay {
    const char *root;
    enum partitioning_scheme scheme;
    struct catalog *catalog;
    const struct replacement_setup *setup;
    struct letter_replay_report *report;
    struct arena arena;
    struct buffer commits; /* struct catalog_commit_record: those that have dead letters */
};

/* ---- one commit ---- */

/* What is wrong with a commit leaves it as it is; other errors end the replay. */
static bool is_left(const struct replay *replay, enum error_code code)
{
    return (code == ERR_CORRUPT || code == ERR_INVALID || code == ERR_LIMIT ||
            code == ERR_CONFLICT) &&
           (replay->setup == NULL || !replay->setup->publisher->obstacle.gave_up);
}

static const char *first_unplaced(const struct letter_plan *plan)
{
    for (size_t i = 0; i < LIST_COUNT(&plan->letters, struct planned_letter); i++) {
        const struct planned_letter *letter = LIST_AT(&plan->letters, struct planned_letter, i);
        if (letter->is_readable && letter->reason != NULL)
            return letter->reason;
    }
    return NULL;
}

static enum error_code add_item(struct replay *replay, const struct letter_plan *plan,
                                const char *fault, bool is_damage, struct error *error)
{
    struct letter_replay_report *report = replay->report;
    size_t count = LIST_COUNT(&plan->letters, struct planned_letter);
    size_t rows = fault == NULL ? plan->row_letters : 0;
    struct letter_replay_item item = {.commit_no = plan->commit_no,
                                      .range = plan->range,
                                      .rows = rows,
                                      .letters = count - rows,
                                      .unplaced = plan->readable,
                                      .is_damage = is_damage};
    report->letters += count;
    report->rows += rows;
    report->snapshots += rows > 0 && replay->setup != NULL;
    report->is_damaged = report->is_damaged || is_damage;
    if (fault == NULL && rows == 0 && plan->readable == 0)
        return OK;
    const char *unplaced = first_unplaced(plan);
    if (fault != NULL)
        item.fault = arena_copy_text(&report->arena, bytes_view_text(fault));
    if (unplaced != NULL)
        item.unplaced_reason = arena_copy_text(&report->arena, bytes_view_text(unplaced));
    if ((fault != NULL && item.fault == NULL) ||
        (unplaced != NULL && item.unplaced_reason == NULL) ||
        buffer_append(&report->items, &item, sizeof item) != OK)
        return no_memory(error);
    return OK;
}

static enum error_code work_on(struct replay *replay, struct letter_plan *plan, struct error *error)
{
    struct replacement_report done;
    enum error_code code = letter_plan_read(plan, replay->root, error);
    if (code == OK && plan->readable > 0)
        code = letter_plan_place(plan, replay->root, replay->scheme, replay->catalog, error);
    if (code == OK && plan->row_letters > 0 && replay->setup != NULL)
        code = letter_rows_publish(replay->setup, plan, &done, error);
    return code;
}

static enum error_code replay_commit(struct replay *replay,
                                     const struct catalog_commit_record *commit,
                                     struct error *error)
{
    struct letter_plan plan;
    struct error failure;
    error_clear(&failure);
    enum error_code code = letter_plan_init(&plan, commit, &failure);
    if (code == OK)
        code = work_on(replay, &plan, &failure);
    if (code == OK)
        code = add_item(replay, &plan, NULL, false, &failure);
    else if (is_left(replay, code))
        code = add_item(replay, &plan, failure.message, code == ERR_CORRUPT, &failure);
    letter_plan_release(&plan);
    if (code != OK && error != NULL)
        *error = failure;
    return code;
}

/* ---- all of them ---- */

/* The catalog is not written to while it is read: so the list is made first. */
static enum error_code note_commit(void *context, const struct catalog_commit_record *commit,
                                   struct error *error)
{
    struct replay *replay = context;
    struct catalog_commit_record noted = *commit;
    if (commit->ended || commit->dead_letters_path == NULL)
        return OK;
    noted.schema_version = arena_copy_text(&replay->arena, bytes_view_text(commit->schema_version));
    noted.dead_letters_path =
        arena_copy_text(&replay->arena, bytes_view_text(commit->dead_letters_path));
    noted.reason = noted.digest_chain = noted.digest_contents = noted.ended_reason = NULL;
    return noted.schema_version != NULL && noted.dead_letters_path != NULL &&
                   buffer_append(&replay->commits, &noted, sizeof noted) == OK
               ? OK
               : no_memory(error);
}

static enum error_code run(struct replay *replay, struct error *error)
{
    arena_init(&replay->arena, 0);
    buffer_init(&replay->commits);
    enum error_code code = catalog_each_commit(replay->catalog, 0, note_commit, replay, error);
    size_t count = LIST_COUNT(&replay->commits, struct catalog_commit_record);
    for (size_t i = 0; code == OK && i < count; i++)
        code = replay_commit(replay, LIST_AT(&replay->commits, struct catalog_commit_record, i),
                             error);
    buffer_release(&replay->commits);
    arena_release(&replay->arena);
    return code;
}

enum error_code letter_replay_preview(const char *output_path, struct letter_replay_report *report,
                                      struct error *error)
{
    struct open_lake lake;
    struct replay replay = {.root = output_path, .report = report};
    enum error_code code = open_lake_look(&lake, output_path, error);
    replay.catalog = lake.catalog;
    if (code == OK && !partitioning_scheme_parse(lake.file.scheme, &replay.scheme))
        code =
            error_set(error, ERR_CORRUPT, "%s/" LAKE_FILE " names an unknown scheme", output_path);
    if (code == OK)
        code = run(&replay, error);
    open_lake_close(&lake);
    return code;
}

enum error_code letter_replay_lake(const struct sink_options *options,
                                   struct letter_replay_report *report, struct error *error)
{
    struct replacing replacing;
    struct replay replay = {.root = options->output_path, .report = report};
    enum error_code code = replacing_open(
        &replacing, options, "dead letters are replayed where nobody else writes: ", error);
    replay.catalog = replacing.setup.catalog;
    replay.setup = &replacing.setup;
    replay.scheme = replacing.setup.scheme;
    if (code == OK)
        code = run(&replay, error);
    replacing_close(&replacing);
    return code;
}
