// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_ARROW_SCHEMA_H
#define TTP_ARROW_SCHEMA_H

/* Makes ArrowSchema structs that own all they point to: every node is a block of its own, so that
 * an importer may move children out. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arrow/abi.h"
#include "util/error.h"

/* Fills `out` (empty) with a node of `format` and `name`, both copied, with room for child_count
 * children that are released ones until the caller fills them. field_id 0: no metadata, else it is
 * stored under PARQUET:field_id. ERR_NO_MEMORY. */
enum error_code arrow_schema_make(struct ArrowSchema *out, const char *format, const char *name,
                                  bool nullable, int32_t field_id, size_t child_count) MUST_CHECK;

/* Adds a dictionary of values of `format` to the node, whose own format is its indices'.
 * ERR_NO_MEMORY. */
enum error_code arrow_schema_make_dictionary(struct ArrowSchema *schema,
                                             const char *format) MUST_CHECK;

#endif
