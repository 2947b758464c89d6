// SPDX-License-Identifier: Apache-2.0
#include "arrow/abi.h"

#include <assert.h>
#include <stddef.h>

void arrow_array_release(struct ArrowArray *array)
{
    if (array->release != NULL)
        array->release(array);
    assert(array->release == NULL);
}

void arrow_schema_release(struct ArrowSchema *schema)
{
    if (schema->release != NULL)
        schema->release(schema);
    assert(schema->release == NULL);
}
