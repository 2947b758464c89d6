// SPDX-License-Identifier: Apache-2.0
#include "lake/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_BYTES ERROR_MESSAGE_BYTES

static const char *const kind_names[PROBLEM_KIND_COUNT] = {
    "missing_file",  "truncated_file", "damaged_file", "unknown_file",
    "contradiction", "dead_letters",   "catalog",
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
    buffer_release(&findings->refetch);
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

void findings_add_problem(struct findings *findings, enum problem_kind kind, const char *path,
                          uint64_t commit_no, struct catalog_range range, const char *format, ...)
{
    char message[MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    os_mutex_lock(&findings->mutex);
    struct problem problem = {.kind = kind,
                              .path = path == NULL ? NULL : keep(findings, path),
                              .commit_no = commit_no,
                              .range = range,
                              .message = keep(findings, message)};
    if (problem.message != NULL)
        append(findings, &findings->problems, &problem, sizeof problem);
    if (commit_no != 0)
        append(findings, &findings->refetch, &range, sizeof range);
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
    return order != 0 ? order : strcmp(left->message, right->message);
}

static int compare_ranges(const void *a, const void *b)
{
    const struct catalog_range *left = a, *right = b;
    return left->first < right->first ? -1 : left->first > right->first;
}

/* Ascending, disjoint and not touching. */
static void merge_ranges(struct buffer *list)
{
    struct catalog_range *ranges = (void *)list->data;
    size_t count = list->size_bytes / sizeof *ranges, kept = 0;
    if (count == 0)
        return;
    qsort(ranges, count, sizeof *ranges, compare_ranges);
    for (size_t i = 1; i < count; i++) {
        if (ranges[i].first <= (uint64_t)ranges[kept].last + 1) {
            if (ranges[i].last > ranges[kept].last)
                ranges[kept].last = ranges[i].last;
        } else {
            ranges[++kept] = ranges[i];
        }
    }
    list->size_bytes = (kept + 1) * sizeof *ranges;
}

enum error_code findings_finish(struct findings *findings, struct error *error)
{
    if (findings->out_of_memory)
        return error_no_memory(error, "the findings");
    if (findings->problems.size_bytes > 0)
        qsort(findings->problems.data, findings_problem_count(findings), sizeof(struct problem),
              compare_problems);
    merge_ranges(&findings->refetch);
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
    return findings->refetch.size_bytes / sizeof(struct catalog_range);
}

struct catalog_range findings_refetch(const struct findings *findings, size_t index)
{
    return ((const struct catalog_range *)(const void *)findings->refetch.data)[index];
}
