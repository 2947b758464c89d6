// SPDX-License-Identifier: Apache-2.0
#include "sink/provenance.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {
    [PROVENANCE_SCHEMA_VERSION] = "version",        [PROVENANCE_DESCRIPTION] = "description",
    [PROVENANCE_CREATED_BY] = "created_by",         [PROVENANCE_LAKE_ID] = "ttp.lake_id",
    [PROVENANCE_NETWORK] = "ttp.network",           [PROVENANCE_COMMIT_NO] = "ttp.commit_no",
    [PROVENANCE_FIRST_LEDGER] = "ttp.first_ledger", [PROVENANCE_LAST_LEDGER] = "ttp.last_ledger",
    [PROVENANCE_COMMIT_FILES] = "ttp.commit_files", [PROVENANCE_FILE_ROWS] = "ttp.file_rows",
    [PROVENANCE_COMMIT_ROWS] = "ttp.commit_rows",   [PROVENANCE_PARTITION] = "ttp.partition",
};

void provenance_write(struct provenance *provenance,
                      struct parquet_key_value pairs[PROVENANCE_KEY_COUNT])
{
    for (size_t i = 0; i < PROVENANCE_KEY_COUNT; i++) {
        const char *text = provenance->texts[i];
        if (text == NULL) {
            snprintf(provenance->digits[i], sizeof provenance->digits[i], "%" PRId64,
                     provenance->numbers[i]);
            text = provenance->digits[i];
        }
        pairs[i] = (struct parquet_key_value){names[i], text};
    }
}

const char *provenance_text(const struct parquet_file_metadata *metadata, enum provenance_key key)
{
    return parquet_metadata_find(metadata, names[key]);
}

bool provenance_number(const struct parquet_file_metadata *metadata, enum provenance_key key,
                       uint64_t limit, uint64_t *number)
{
    const char *text = provenance_text(metadata, key);
    if (text == NULL || text[0] == '\0' || strlen(text) > 19 ||
        strspn(text, "0123456789") != strlen(text))
        return false;
    *number = strtoull(text, NULL, 10);
    return *number <= limit;
}

bool provenance_says(const struct parquet_file_metadata *metadata, enum provenance_key key,
                     const char *text)
{
    const char *found = provenance_text(metadata, key);
    return found != NULL && strcmp(found, text) == 0;
}

bool provenance_says_number(const struct parquet_file_metadata *metadata, enum provenance_key key,
                            uint64_t number)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, number);
    return provenance_says(metadata, key, digits);
}
