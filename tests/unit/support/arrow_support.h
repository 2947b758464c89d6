// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_TESTS_SUPPORT_ARROW_SUPPORT_H
#define TTP_TESTS_SUPPORT_ARROW_SUPPORT_H

/* What a consumer of our arrays and schemas does with them. */

#include "arrow/abi.h"

/* Moves `from` into the empty `to`; `from` becomes a released one. */
void arrow_array_move(struct ArrowArray *to, struct ArrowArray *from);

/* The field id that arrow_schema_make, or another producer, stored; 0 if there is none. */
int32_t arrow_schema_field_id(const struct ArrowSchema *schema);

#endif
