// SPDX-License-Identifier: Apache-2.0
#include "lake/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_BYTES ERROR_MESSAGE_BYTES

static const char *const kind_names[PROBLEM_KIND_COUNT] = {
    "missing_file", "truncated_file", "damaged_file", "unknown_file", "contradiction",
    "dead_letters", "close_times",    "catalog",      "difference",   "changed_by_others",
};

const char *problem_kind_name(enum problem_kind kind)
{
    return kind_names[kind];
}

enum error_code findings_init(struct findings *findings, struct error *error)
{
    *findings = (struct findings){0};
    arena_init(&findings->arena, 0);
    return os_mutex_init(&findings->mutex, error);
}

void findings_release(struct findings *findings)
{
    os_mutex_release(&findings->mutex);
    arena_release(&findings->arena);
    buffer_release(&findings->problems);
    buffer_release(&findings->notes);
    buffer_release(&findings->changes);
    ledger_set_release(&findings->refetch);
    ledger_set_release(&findings->take_out);
}

/* Under the mutex. NULL without memory, which is remembered. */
static const char *keep(struct findings *findings, const char *text)
{
    const char *kept = arena_copy_text(&findings->arena, bytes_view_text(text));
    if (kept == NULL)
        findings->out_of_memory = true;
    return kept;
}

static void append(struct findings *findings, struct buffer *list, const void *item,
                   size_t item_bytes)
{
    if (buffer_append(list, item, item_bytes) != OK)
        findings->out_of_memory = true;
}

static void append_range(struct findings *findings, struct ledger_set *list,
                         struct ledger_range range)
{
    if (ledger_set_append(list, range, NULL) != OK)
        findings->out_of_memory = true;
}

/* The texts are copied. */
static void keep_problem(struct findings *findings, struct problem problem)
{
    size_t text_bytes = strlen(problem.message) + (problem.path == NULL ? 0 : strlen(problem.path));
    os_mutex_lock(&findings->mutex);
    bool is_listed = list_budget_take(&findings->listed[problem.kind], text_bytes);
    bool path_is_needed = problem.path != NULL && (is_listed || problem.commit_no == 0);
    problem.path = path_is_needed ? keep(findings, problem.path) : NULL;
    problem.message = is_listed ? keep(findings, problem.message) : NULL;
    append(findings, &findings->problems, &problem, sizeof problem);
    os_mutex_unlock(&findings->mutex);
}

void findings_add_problem(struct findings *findings, enum problem_kind kind, const char *path,
                          uint64_t commit_no, struct ledger_range range, const char *format, ...)
{
    char message[MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    keep_problem(findings, (struct problem){.kind = kind,
                                            .path = path,
                                            .commit_no = commit_no,
                                            .range = range,
                                            .message = message});
}

void findings_add_change(struct findings *findings, const struct catalog_change *change)
{
    size_t text_bytes = strlen(change->time) + strlen(change->changes);
    os_mutex_lock(&findings->mutex);
    if (list_budget_take(&findings->changed, text_bytes)) {
        struct catalog_change kept = {.snapshot_id = change->snapshot_id,
                                      .time = keep(findings, change->time),
                                      .changes = keep(findings, change->changes)};
        append(findings, &findings->changes, &kept, sizeof kept);
    }
    os_mutex_unlock(&findings->mutex);
}

void findings_add_difference(struct findings *findings, uint32_t ledger, uint64_t commit_no,
                             struct ledger_range range, const char *format, ...)
{
    char message[MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    keep_problem(findings, (struct problem){.kind = PROBLEM_DIFFERENCE,
                                            .commit_no = commit_no,
                                            .range = range,
                                            .ledger = ledger,
                                            .message = message});
}

void findings_add_take_out(struct findings *findings, struct ledger_range range)
{
    os_mutex_lock(&findings->mutex);
    append_range(findings, &findings->refetch, range);
    append_range(findings, &findings->take_out, range);
    os_mutex_unlock(&findings->mutex);
}

void findings_add_note(struct findings *findings, const char *format, ...)
{
    char message[MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    os_mutex_lock(&findings->mutex);
    if (list_budget_take(&findings->noted, strlen(message))) {
        const char *kept = keep(findings, message);
        append(findings, &findings->notes, &kept, sizeof kept);
    }
    os_mutex_unlock(&findings->mutex);
}

static int compare_problems(const void *a, const void *b)
{
    const struct problem *left = a, *right = b;
    if (left->message == NULL || right->message == NULL)
        return (left->message == NULL) - (right->message == NULL);
    int order =
        strcmp(left->path == NULL ? "" : left->path, right->path == NULL ? "" : right->path);
    if (order == 0 && left->ledger != right->ledger)
        return left->ledger < right->ledger ? -1 : 1;
    return order != 0 ? order : strcmp(left->message, right->message);
}

enum error_code findings_finish(struct findings *findings, struct error *error)
{
    if (findings->out_of_memory)
        return error_no_memory(error, "the findings");
    if (findings->problems.size_bytes > 0)
        qsort(findings->problems.data, findings_problem_count(findings), sizeof(struct problem),
              compare_problems);
    ledger_set_merge(&findings->refetch);
    ledger_set_merge(&findings->take_out);
    return OK;
}

size_t findings_problem_count(const struct findings *findings)
{
    return findings->problems.size_bytes / sizeof(struct problem);
}

size_t findings_listed_count(const struct findings *findings)
{
    size_t count = 0;
    for (size_t i = 0; i < PROBLEM_KIND_COUNT; i++)
        count += findings->listed[i].kept;
    return count;
}

const struct problem *findings_problem(const struct findings *findings, size_t index)
{
    return &((const struct problem *)(const void *)findings->problems.data)[index];
}

void findings_set_by_repair(struct findings *findings, size_t index)
{
    ((struct problem *)(void *)findings->problems.data)[index].by_repair = true;
}

size_t findings_note_count(const struct findings *findings)
{
    return findings->notes.size_bytes / sizeof(const char *);
}

size_t findings_change_count(const struct findings *findings)
{
    return findings->changes.size_bytes / sizeof(struct catalog_change);
}

const char *findings_note(const struct findings *findings, size_t index)
{
    return ((const char *const *)(const void *)findings->notes.data)[index];
}
