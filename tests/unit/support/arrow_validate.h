// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_TESTS_SUPPORT_ARROW_VALIDATE_H
#define TTP_TESTS_SUPPORT_ARROW_VALIDATE_H

/*
 * Checks that an array is what its schema says, as far as the C Data Interface lets anybody see (it
 * does not tell how long a buffer is).
 */

#include "arrow/abi.h"
#include "util/error.h"

/* Formats: structs "+s"; "c" "C" "s" "S" "i" "I" "l" "L" "f" "g"; timestamps "ts…"; "w:N"; "d:P,S"
 * (128 bits); "u" and "z"; and dictionaries with integer indices of these. Structure, lengths,
 * buffers, null counts, nulls only where the schema allows them, offsets that rise, dictionary
 * indices in range. ERR_INVALID with the column and what is wrong; ERR_INVALID for other formats,
 * too. */
enum error_code arrow_validate(const struct ArrowSchema *schema, const struct ArrowArray *array,
                               struct error *error) MUST_CHECK;

#endif
