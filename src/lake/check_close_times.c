// SPDX-License-Identifier: Apache-2.0
#include "lake/check_close_times.h"

#include <inttypes.h>
#include <stdlib.h>

#include "lake/inventory.h"
#include "util/text.h"

static enum error_code keep_close(void *context, const struct catalog_close *close,
                                  struct error *error)
{
    struct buffer *closes = context;
    return buffer_append(closes, close, sizeof *close) == OK
               ? OK
               : error_no_memory(error, "the close times of the lake");
}

static int compare_closes(const void *a, const void *b)
{
    const struct catalog_close *left = a, *right = b;
    if (left->ledger != right->ledger)
        return left->ledger < right->ledger ? -1 : 1;
    return left->close_us < right->close_us ? -1 : left->close_us > right->close_us;
}

enum error_code check_close_times(struct catalog *catalog, struct findings *findings,
                                  struct error *error)
{
    struct buffer closes;
    buffer_init(&closes);
    enum error_code code = catalog_each_close(catalog, keep_close, &closes, error);
    size_t count = code == OK ? LIST_COUNT(&closes, struct catalog_close) : 0;
    struct catalog_close *items = (void *)closes.data;
    if (count > 0)
        qsort(items, count, sizeof *items, compare_closes);
    for (size_t i = 1; i < count; i++) {
        const struct catalog_close *before = &items[i - 1], *close = &items[i];
        char time[TEXT_TIME_BYTES], time_before[TEXT_TIME_BYTES];
        if (close->close_us >= before->close_us)
            continue;
        text_rfc3339(close->close_us, time);
        text_rfc3339(before->close_us, time_before);
        findings_add_problem(findings, PROBLEM_CLOSE_TIMES, NULL, 0, (struct ledger_range){0},
                             "ledger %" PRIu32 " (commit %" PRIu64 ") closed at %s, before ledger "
                             "%" PRIu32 " (commit %" PRIu64 ") at %s: they are of two chains; "
                             "'repair START END' takes out the ledgers of the wrong one",
                             close->ledger, close->commit_no, time, before->ledger,
                             before->commit_no, time_before);
    }
    buffer_release(&closes);
    return code;
}
