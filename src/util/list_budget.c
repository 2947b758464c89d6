// SPDX-License-Identifier: Apache-2.0
#include "util/list_budget.h"

bool list_budget_take(struct list_budget *budget, size_t text_bytes)
{
    bool fits =
        budget->kept < LIST_ENTRIES_MAX && text_bytes <= LIST_TEXT_BYTES - budget->text_bytes;
    if (fits) {
        budget->kept++;
        budget->text_bytes += text_bytes;
    } else {
        budget->left_out++;
    }
    return fits;
}
