// SPDX-License-Identifier: Apache-2.0
// rooms: parquet
// parsers: parquet/decode.c parquet/delta.c parquet/hybrid.c
// without: *encode put_* width_of difference shared_prefix encode_* group_is_one_value run_length
// without: shortest_paying_run hybrid_encode_bits decode_scratch_*
/*
 * Any bytes as the values, indices or levels of a page, encoded as the first byte says (10 and
 * more: as definition levels). Behind it: the column's type and width, and the count of values.
 */

#include <assert.h>
#include <stdlib.h>

#include "parquet/decode.h"
#include "support/input.h"
#include "support/parquet_column.h"

#define DICTIONARY_VALUES 5
#define COUNT_MAX         5000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct decode_scratch scratch, dictionary_scratch;

/* Levels come out as zeros and ones, and are counted right. */
static void read_levels(struct bytes_view bytes, uint32_t count)
{
    uint8_t *validity = malloc(count + 1);
    uint32_t value_count = 0, ones = 0;
    struct error error;
    assert(validity != NULL);
    if (decode_levels(bytes, count, validity, &value_count, &error) == OK) {
        for (uint32_t i = 0; i < count; i++) {
            assert(validity[i] <= 1);
            ones += validity[i];
        }
        assert(ones == value_count);
    }
    free(validity);
}

/* The first values of the page, read as PLAIN, are its dictionary. */
static bool make_dictionary(const struct parquet_column_metadata *column, struct fuzz_input *input,
                            struct decoded_values *dictionary)
{
    size_t each = column->value.width_bytes == 0 ? 6 : column->value.width_bytes;
    struct bytes_view plain = fuzz_input_bytes(input, DICTIONARY_VALUES * each);
    return decode_values(column, PARQUET_PLAIN, plain, DICTIONARY_VALUES, NULL, &dictionary_scratch,
                         dictionary, NULL) == OK;
}

static void read_values(const struct parquet_column_metadata *column,
                        enum parquet_encoding encoding, struct fuzz_input *input, uint32_t count)
{
    struct decoded_values dictionary, values;
    struct error error;
    bool is_dictionary = encoding == PARQUET_RLE_DICTIONARY || encoding == PARQUET_PLAIN_DICTIONARY;
    bool has_dictionary = is_dictionary && make_dictionary(column, input, &dictionary);
    error_clear(&error);
    enum error_code code =
        decode_values(column, encoding, bytes_view_of(input->data, input->size_bytes), count,
                      has_dictionary ? &dictionary : NULL, &scratch, &values, &error);
    if (code != OK) {
        assert(code == ERR_CORRUPT || code == ERR_INVALID || code == ERR_LIMIT);
        assert(error.message[0] != '\0');
        return;
    }
    assert(values.count == count && values.width_bytes == column->value.width_bytes);
    if (values.texts == NULL)
        fuzz_touch(bytes_view_of(values.fixed, (size_t)count * values.width_bytes));
    for (uint32_t i = 0; values.texts != NULL && i < count; i++)
        fuzz_touch(values.texts[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    uint8_t encoding = fuzz_input_u8(&input);
    uint8_t type = fuzz_input_u8(&input);
    uint8_t width = fuzz_input_u8(&input);
    uint32_t count = fuzz_input_u16(&input) % (COUNT_MAX + 1);
    struct parquet_column_metadata column = fuzz_parquet_column(type, width, true);
    if (encoding % 16 >= PARQUET_ENCODING_COUNT)
        read_levels(bytes_view_of(input.data, input.size_bytes), count);
    else
        read_values(&column, (enum parquet_encoding)(encoding % 16), &input, count);
    return 0;
}
