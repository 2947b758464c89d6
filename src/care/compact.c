// SPDX-License-Identifier: Apache-2.0
#include "care/compact.h"

#include "care/compact_adopt.h"
#include "care/compact_task.h"
#include "lake/open.h"
#include "care/replacing.h"

void compact_report_release(struct compact_report *report)
{
    arena_release(&report->arena);
    buffer_release(&report->items);
}

static enum error_code no_memory(struct error *error)
{
    return error_no_memory(error, "the report of a compaction");
}

void compact_report_init(struct compact_report *report)
{
    *report = (struct compact_report){.changed_groups = 0};
    arena_init(&report->arena, 0);
}

/* ---- planning ---- */

/* The files of commits, and those that DuckDB made of them. */
static enum error_code read_inputs(struct compact_plan *plan, const char *root,
                                   struct catalog *catalog, struct compact_report *report,
                                   struct error *error)
{
    struct inventory inventory;
    struct foreign foreign = {0};
    inventory_init(&inventory);
    enum error_code code = inventory_read_catalog(&inventory, root, catalog, error);
    if (code == OK && !partitioning_scheme_parse(inventory.lake.scheme, &plan->scheme))
        code = error_set(error, ERR_CORRUPT, "%s/" LAKE_FILE " names an unknown scheme", root);
    if (code == OK)
        code = foreign_find(&foreign, &inventory, error);
    if (code == OK)
        code = compact_plan_read(plan, catalog, 0, error);
    if (code == OK)
        code = compact_adopt(plan, root, &inventory, &foreign, error);
    for (size_t i = 0; code == OK && i < foreign.group_count; i++)
        report->changed_groups += foreign_group_is_changed(&foreign.groups[i]);
    foreign_release(&foreign);
    inventory_release(&inventory);
    return code;
}

static enum error_code list_tasks(struct compact_plan *plan, struct catalog *catalog,
                                  const struct compact_wish *wish, struct error *error)
{
    int64_t newest_close_us = 0;
    enum error_code code = catalog_newest_close(catalog, &newest_close_us, error);
    return code == OK ? compact_plan_make(plan, wish, newest_close_us, error) : code;
}

static enum error_code make_plan(struct compact_plan *plan, const char *root,
                                 struct catalog *catalog, const struct compact_wish *wish,
                                 struct compact_report *report, struct error *error)
{
    compact_plan_init(plan, PARTITION_DATE);
    enum error_code code = read_inputs(plan, root, catalog, report, error);
    return code == OK ? list_tasks(plan, catalog, wish, error) : code;
}

static enum error_code describe(const struct compact_plan *plan, const struct compact_task *task,
                                struct compact_report *report, struct compact_item *item,
                                struct error *error)
{
    char label[PARTITION_PATH_BYTES];
    const struct compact_input *inputs = LIST_AT(&plan->inputs, struct compact_input, task->first);
    *item = (struct compact_item){.files = task->count, .size_bytes = task->size_bytes};
    for (size_t i = 0; i < task->count; i++) {
        item->adopted += inputs[i].is_adopted;
        item->row_count += inputs[i].record_count;
    }
    partition_label(plan->scheme, inputs->key, label);
    item->partition = arena_copy_text(&report->arena, bytes_view_text(label));
    return item->partition == NULL ? no_memory(error) : OK;
}

enum error_code compact_preview(const char *output_path, const struct compact_wish *wish,
                                struct compact_report *report, struct error *error)
{
    struct catalog *catalog;
    struct compact_plan plan;
    enum error_code code = lake_open_catalog(&catalog, output_path, error);
    if (code != OK)
        return code;
    code = make_plan(&plan, output_path, catalog, wish, report, error);
    for (size_t i = 0; code == OK && i < LIST_COUNT(&plan.tasks, struct compact_task); i++) {
        struct compact_item item;
        code = describe(&plan, LIST_AT(&plan.tasks, struct compact_task, i), report, &item, error);
        if (code == OK && buffer_append(&report->items, &item, sizeof item) != OK)
            code = no_memory(error);
    }
    compact_plan_release(&plan);
    catalog_close(catalog);
    return code;
}

/* ---- doing it ---- */

/* What is wrong with a task's files leaves them as they are; other errors end the compaction. */
static bool is_left(enum error_code code)
{
    return code == ERR_CORRUPT || code == ERR_INVALID || code == ERR_LIMIT || code == ERR_CONFLICT;
}

static enum error_code run_task(const struct replacement_setup *setup,
                                const struct compact_plan *plan, const struct compact_task *task,
                                struct compact_report *report, struct error *error)
{
    struct compact_item item;
    struct replacement_report done = {0};
    struct error failure;
    error_clear(&failure);
    enum error_code code = describe(plan, task, report, &item, error);
    if (code != OK)
        return code;
    code = compact_task_run(setup, plan, task, &done, &failure);
    if (is_left(code) && !setup->publisher->obstacle.gave_up) {
        item.fault = arena_copy_text(&report->arena, bytes_view_text(failure.message));
        item.is_damage = code == ERR_CORRUPT;
        code = item.fault == NULL ? no_memory(&failure) : OK;
    }
    item.files_after = done.file_count;
    item.size_bytes_after = done.size_bytes;
    if (code == OK && buffer_append(&report->items, &item, sizeof item) != OK)
        code = no_memory(&failure);
    if (code != OK && error != NULL)
        *error = failure;
    return code;
}

static enum error_code run_tasks(const struct replacement_setup *setup,
                                 const struct compact_wish *wish, struct compact_report *report,
                                 struct error *error)
{
    struct compact_plan plan;
    enum error_code code =
        make_plan(&plan, setup->store->root, setup->catalog, wish, report, error);
    for (size_t i = 0; code == OK && i < LIST_COUNT(&plan.tasks, struct compact_task); i++)
        code = run_task(setup, &plan, LIST_AT(&plan.tasks, struct compact_task, i), report, error);
    compact_plan_release(&plan);
    return code;
}

enum error_code compact_lake(const struct sink_options *options, const struct compact_wish *wish,
                             struct compact_report *report, struct error *error)
{
    struct replacing replacing;
    enum error_code code =
        replacing_open(&replacing, options,
                       "compact works where nobody else writes (a live run does it by itself with "
                       "the option compact_closed): ",
                       error);
    if (code == OK)
        code = run_tasks(&replacing.setup, wish, report, error);
    replacing_close(&replacing);
    return code;
}

/* ---- for a live run ---- */

/* Takes the files of settled partitions out of the plan. *has_late: one of them came later. */
static void drop_settled(struct compact_plan *plan, const struct compact_settled *settled,
                         bool *has_late)
{
    struct compact_input *inputs = (void *)plan->inputs.data;
    size_t count = LIST_COUNT(&plan->inputs, struct compact_input), kept = 0;
    *has_late = false;
    for (size_t i = 0; i < count; i++) {
        if (inputs[i].key.start_us >= settled->start_us)
            inputs[kept++] = inputs[i];
        else if (inputs[i].data_file_id > settled->newest_file)
            *has_late = true;
    }
    plan->inputs.size_bytes = kept * sizeof *inputs;
}

static enum error_code read_unsettled(struct compact_plan *plan, struct catalog *catalog,
                                      const struct compact_settled *settled, struct error *error)
{
    bool has_late;
    enum error_code code = compact_plan_read(plan, catalog, settled->from_file, error);
    if (code != OK || settled->from_file == 0)
        return code;
    drop_settled(plan, settled, &has_late);
    if (!has_late)
        return OK;
    buffer_reset(&plan->inputs);
    return compact_plan_read(plan, catalog, 0, error);
}

/* There is no task: all partitions before the newest are done with. */
static void settle(const struct compact_plan *plan, int64_t newest_start_us,
                   struct compact_settled *settled)
{
    struct compact_settled now = {
        .start_us = newest_start_us, .from_file = INT64_MAX, .newest_file = settled->newest_file};
    for (size_t i = 0; i < LIST_COUNT(&plan->inputs, struct compact_input); i++) {
        const struct compact_input *input = LIST_AT(&plan->inputs, struct compact_input, i);
        if (input->data_file_id > now.newest_file)
            now.newest_file = input->data_file_id;
        if (input->key.start_us >= newest_start_us && input->data_file_id < now.from_file)
            now.from_file = input->data_file_id;
    }
    if (now.from_file == INT64_MAX)
        now.from_file = now.newest_file + 1;
    *settled = now;
}

enum error_code compact_next(const struct replacement_setup *setup, const struct compact_wish *wish,
                             size_t skip, struct compact_settled *settled,
                             struct compact_report *report, struct error *error)
{
    struct compact_plan plan;
    int64_t newest_close_us = 0;
    compact_plan_init(&plan, setup->scheme);
    enum error_code code = read_unsettled(&plan, setup->catalog, settled, error);
    if (code == OK)
        code = catalog_newest_close(setup->catalog, &newest_close_us, error);
    if (code == OK)
        code = compact_plan_make(&plan, wish, newest_close_us, error);
    size_t task_count = LIST_COUNT(&plan.tasks, struct compact_task);
    if (code == OK && task_count == 0)
        settle(&plan, partition_key_of(setup->scheme, newest_close_us, EVENT_NONE).start_us,
               settled);
    else if (code == OK && skip < task_count)
        code =
            run_task(setup, &plan, LIST_AT(&plan.tasks, struct compact_task, skip), report, error);
    compact_plan_release(&plan);
    return code;
}
