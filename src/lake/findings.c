// SPDX-License-Identifier: Apache-2.0
#include "lake/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lake/ranges.h"

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
    buffer_release(&findings->refetch);
    buffer_release(&findings->take_out);
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

/* The texts are copied. */
static void keep_problem(struct findings *findings, struct problem problem)
{
    os_mutex_lock(&findings->mutex);
    problem.path = problem.path == NULL ? NULL : keep(findings, problem.path);
    problem.message = keep(findings, problem.message);
    if (problem.message != NULL)
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

void findings_add_refetch(struct findings *findings, struct ledger_range range)
{
    os_mutex_lock(&findings->mutex);
    append(findings, &findings->refetch, &range, sizeof range);
    os_mutex_unlock(&findings->mutex);
}

void findings_add_change(struct findings *findings, const struct catalog_change *change)
{
    os_mutex_lock(&findings->mutex);
    struct catalog_change kept = {.snapshot_id = change->snapshot_id,
                                  .time = keep(findings, change->time),
                                  .changes = keep(findings, change->changes)};
    append(findings, &findings->changes, &kept, sizeof kept);
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
    append(findings, &findings->refetch, &range, sizeof range);
    append(findings, &findings->take_out, &range, sizeof range);
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
    const char *kept = keep(findings, message);
    if (kept != NULL)
        append(findings, &findings->notes, &kept, sizeof kept);
    os_mutex_unlock(&findings->mutex);
}

static int compare_problems(const void *a, const void *b)
{
    const struct problem *left = a, *right = b;
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
    ranges_merge(&findings->refetch);
    ranges_merge(&findings->take_out);
    return OK;
}

size_t findings_problem_count(const struct findings *findings)
{
    return findings->problems.size_bytes / sizeof(struct problem);
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

const char *findings_note(const struct findings *findings, size_t index)
{
    return ((const char *const *)(const void *)findings->notes.data)[index];
}

size_t findings_refetch_count(const struct findings *findings)
{
    return findings->refetch.size_bytes / sizeof(struct ledger_range);
}

struct ledger_range findings_refetch(const struct findings *findings, size_t index)
{
    return ((const struct ledger_range *)(const void *)findings->refetch.data)[index];
}

size_t findings_take_out_count(const struct findings *findings)
{
    return findings->take_out.size_bytes / sizeof(struct ledger_range);
}

struct ledger_range findings_take_out(const struct findings *findings, size_t index)
{
    return ((const struct ledger_range *)(const void *)findings->take_out.data)[index];
}
