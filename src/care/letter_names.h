// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_LETTER_NAMES_H
#define TTP_CARE_LETTER_NAMES_H

/*
 * The files of dead letters that lie in a lake, by the number in their names. There may be several
 * of one number where the lake is, or was, on object storage: there the names of a commit's files
 * carry digits of its own, and a commit that came to nothing leaves such of its own, too.
 */

#include "store/store.h"
#include "util/arena.h"
#include "util/list.h"

struct letter_names {
    struct arena arena;
    struct buffer names; /* by number, then name */
};

void letter_names_init(struct letter_names *names);
void letter_names_release(struct letter_names *names); /* idempotent */
enum error_code letter_names_read(struct letter_names *names, const struct store *store,
                                  struct error *error) MUST_CHECK;
/* Relative to _lake: the one of that number whose digits are those of the data file, else the
 * first. NULL: there is none. `data_path` may be NULL. */
const char *letter_names_find(const struct letter_names *names, uint64_t number,
                              const char *data_path);

#endif
