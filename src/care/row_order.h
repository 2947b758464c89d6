// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_ROW_ORDER_H
#define TTP_CARE_ROW_ORDER_H

/*
 * In which order the rows of several data files of a partition come by ledger and event. Files of
 * commits stand one behind the other; others may have mixed their rows. Rows of a ledger that stand
 * together are moved together. One thread.
 */

#include "util/buffer.h"
#include "walk/file_rows.h"

/* Rows of one ledger that stand together in a file. */
struct row_slice {
    uint32_t input; /* the file's number */
    uint32_t ledger;
    uint64_t first_row; /* in the file */
    uint32_t row_count;
    uint32_t first_ordinal, last_ordinal; /* 0 where the file has none */
    int64_t time_us;
};

/* Appends the slices of a file that was walked with times, and with ordinals if it has them.
 * ERR_CORRUPT (naming `path`) where the events of a ledger do not rise, or it has two times. */
enum error_code row_order_add(struct buffer *slices, uint32_t input, const struct file_rows *rows,
                              bool has_ordinals, const char *path, struct error *error) MUST_CHECK;

/* Sorts them. ERR_CORRUPT where events of one ledger are mixed among files, or stand there twice:
 * no order of whole slices is theirs. */
enum error_code row_order_sort(struct buffer *slices, bool has_ordinals,
                               struct error *error) MUST_CHECK;

#endif
