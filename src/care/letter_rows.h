// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_LETTER_ROWS_H
#define TTP_CARE_LETTER_ROWS_H

/*
 * The dead letters of a commit that are rows by now, as rows of its files: all data files that hold
 * rows of it are replaced in one snapshot by such that hold the new rows, too, and its dead letters
 * file by one of those that stay, or none. One thread.
 */

#include "care/letter_plan.h"
#include "sink/replacement.h"

/* `plan` has row letters. ERR_CORRUPT: a file of the commit is damaged; ERR_CONFLICT: somebody
 * changed one of them meanwhile. All stays as it was then. */
enum error_code letter_rows_publish(const struct replacement_setup *setup,
                                    const struct letter_plan *plan,
                                    struct replacement_report *report,
                                    struct error *error) MUST_CHECK;

#endif
