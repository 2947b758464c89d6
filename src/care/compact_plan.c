// SPDX-License-Identifier: Apache-2.0
#include "care/compact_plan.h"

#include <stdlib.h>
#include <string.h>

#include "catalog/own_files.h"
#include "commit/intent.h"

/* Files and bytes (in files of the largest size) of one task: what it makes fits an intent. */
#define TASK_INPUT_MAX 4096
#define TASK_FILES_MAX (INTENT_FILE_MAX - 2)
/* Files of this share of the largest size are as large as they can be: a file is cut from it on
 * (sink/rotation.h). */
#define LARGE_PERCENT 90

void compact_plan_init(struct compact_plan *plan, enum partitioning_scheme scheme)
{
    *plan = (struct compact_plan){.scheme = scheme};
    arena_init(&plan->arena, 0);
}

void compact_plan_release(struct compact_plan *plan)
{
    arena_release(&plan->arena);
    buffer_release(&plan->inputs);
    buffer_release(&plan->commits);
    buffer_release(&plan->tasks);
}

static enum error_code add_own_file(void *context, const struct catalog_own_file *file,
                                    struct error *error)
{
    struct compact_plan *plan = context;
    struct compact_input input = {.data_file_id = file->data_file_id,
                                  .record_count = file->record_count,
                                  .file_size_bytes = file->file_size_bytes,
                                  .checksum = file->checksum,
                                  .range = file->range,
                                  .schema = row_schema_find(file->schema_version)};
    if (!partition_parse_path(plan->scheme, file->path, &input.key))
        return OK; /* no commit of ours lay there: somebody wrote into the catalog */
    if (input.schema == NULL)
        return error_set(error, ERR_CONFLICT,
                         "%s has schema version %s, which this version does not know: use a newer "
                         "parquet-consumer",
                         file->path, file->schema_version);
    input.path = arena_copy_text(&plan->arena, bytes_view_text(file->path));
    if (input.path == NULL || buffer_append(&plan->inputs, &input, sizeof input) != OK)
        return error_no_memory(error, "the list of files");
    return OK;
}

enum error_code compact_plan_read(struct compact_plan *plan, struct catalog *catalog,
                                  int64_t from_file, struct error *error)
{
    return catalog_each_own_file(catalog, from_file, add_own_file, plan, error);
}

#define COMPARE(a, b)                                                                              \
    if ((a) != (b))                                                                                \
    return (a) < (b) ? -1 : 1

static int compare_places(const struct compact_input *left, const struct compact_input *right)
{
    COMPARE(left->key.start_us, right->key.start_us);
    COMPARE(left->key.type, right->key.type);
    COMPARE(left->schema->rank, right->schema->rank);
    return 0;
}

static int compare_inputs(const void *a, const void *b)
{
    const struct compact_input *left = a, *right = b;
    int order = compare_places(left, right);
    if (order != 0)
        return order;
    COMPARE(left->range.first, right->range.first);
    COMPARE(left->data_file_id, right->data_file_id);
    return 0;
}

/* ---- tasks ---- */

struct planning {
    struct compact_plan *plan;
    const struct compact_wish *wish;
    uint64_t large_bytes;
    int64_t newest_start_us;
};

static const struct compact_input *input_at(const struct planning *planning, size_t index)
{
    return LIST_AT(&planning->plan->inputs, struct compact_input, index);
}

/* Whether the file's partition is wanted. */
static bool is_wanted(const struct planning *planning, const struct compact_input *input)
{
    const char *wanted = planning->wish->partition;
    char label[PARTITION_PATH_BYTES];
    if (wanted == NULL)
        return input->key.start_us < planning->newest_start_us;
    size_t length = strlen(wanted);
    while (length > 1 && wanted[length - 1] == '/')
        length--;
    partition_label(planning->plan->scheme, input->key, label);
    return strncmp(label, wanted, length) == 0 &&
           (length == 0 || label[length] == '\0' || label[length] == '/');
}

static bool may_be_moved(const struct planning *planning, const struct compact_input *input)
{
    return is_wanted(planning, input) &&
           (input->is_adopted || (uint64_t)input->file_size_bytes < planning->large_bytes);
}

/* Whether it makes fewer files of them, or a commit's of another's. */
static bool is_worth_it(const struct planning *planning, const struct compact_task *task)
{
    uint64_t most = planning->wish->max_file_size_bytes;
    for (size_t i = 0; i < task->count; i++)
        if (input_at(planning, task->first + i)->is_adopted)
            return true;
    return task->count > (task->size_bytes + most - 1) / most;
}

/* A task from the file on: as many as may go into one replacement. */
static struct compact_task task_from(const struct planning *planning, size_t first)
{
    struct compact_task task = {.first = first};
    size_t count = LIST_COUNT(&planning->plan->inputs, struct compact_input);
    uint64_t most = planning->wish->max_file_size_bytes;
    unsigned files = planning->wish->task_files;
    if (files == 0 || files > TASK_FILES_MAX)
        files = TASK_FILES_MAX;
    for (size_t i = first; i < count && task.count < TASK_INPUT_MAX; i++) {
        const struct compact_input *input = input_at(planning, i);
        if (!may_be_moved(planning, input) ||
            compare_places(input, input_at(planning, first)) != 0 ||
            (task.count > 0 &&
             (task.size_bytes + (uint64_t)input->file_size_bytes) / most >= files))
            break;
        task.size_bytes += (uint64_t)input->file_size_bytes;
        task.count++;
    }
    return task;
}

enum error_code compact_plan_make(struct compact_plan *plan, const struct compact_wish *wish,
                                  int64_t newest_close_us, struct error *error)
{
    size_t count = LIST_COUNT(&plan->inputs, struct compact_input);
    struct planning planning = {
        .plan = plan,
        .wish = wish,
        .large_bytes = wish->smaller_than != 0 ? wish->smaller_than
                                               : wish->max_file_size_bytes / 100 * LARGE_PERCENT,
        .newest_start_us = partition_key_of(plan->scheme, newest_close_us, EVENT_NONE).start_us};
    if (count > 0)
        qsort(plan->inputs.data, count, sizeof(struct compact_input), compare_inputs);
    for (size_t i = 0; i < count;) {
        struct compact_task task = task_from(&planning, i);
        if (task.count > 0 && is_worth_it(&planning, &task) &&
            buffer_append(&plan->tasks, &task, sizeof task) != OK)
            return error_no_memory(error, "the list of files");
        i += task.count > 0 ? task.count : 1;
    }
    return OK;
}
