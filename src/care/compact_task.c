// SPDX-License-Identifier: Apache-2.0
#include "care/compact_task.h"

#include "care/row_move.h"
#include "util/memory.h"

#define REASON "compaction"

static enum error_code publish(const struct compact_input *inputs, size_t count,
                               struct replacement *replacement, struct replacement_report *report,
                               struct error *error)
{
    int64_t *ended = mem_alloc(count * sizeof *ended);
    if (ended == NULL)
        return error_no_memory(error, "a compaction's files");
    for (size_t i = 0; i < count; i++)
        ended[i] = inputs[i].data_file_id;
    enum error_code code = replacement_publish(replacement, ended, count, report, error);
    mem_free(ended);
    return code;
}

enum error_code compact_task_run(const struct replacement_setup *setup,
                                 const struct compact_plan *plan, const struct compact_task *task,
                                 struct replacement_report *report, struct error *error)
{
    const struct compact_input *inputs = LIST_AT(&plan->inputs, struct compact_input, task->first);
    struct replacement *replacement = NULL;
    struct row_move move;
    enum error_code code = OK;
    row_move_init(&move, setup, inputs->schema, NULL);
    for (size_t i = 0; code == OK && i < task->count; i++)
        code = row_move_add_file(&move, plan, &inputs[i], error);
    if (code == OK)
        code = replacement_new(&replacement, setup, inputs->schema, inputs->key, REASON, error);
    if (code == OK)
        code = row_move_write(&move, replacement, error);
    row_move_release(&move);
    if (code == OK)
        code = publish(inputs, task->count, replacement, report, error);
    replacement_free(replacement);
    return code;
}
