// SPDX-License-Identifier: Apache-2.0
#include "rows/batch.h"

#include "util/memory.h"

void row_batch_free(struct row_batch *batch)
{
    if (batch == NULL)
        return;
    for (size_t i = 0; i < batch->part_count; i++)
        arrow_array_release(&batch->parts[i].array);
    mem_free(batch->dead_letters);
    buffer_release(&batch->letter_bytes);
    buffer_release(&batch->unconfirmed_bytes);
    mem_free(batch);
}
