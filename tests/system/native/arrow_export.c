// SPDX-License-Identifier: Apache-2.0
/*
 * The rooms between the wire and Arrow, for tests in Python (ctypes): batches of a recording
 * through the C Data Interface, and the decoder of single messages.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pb/event.h"
#include "rows/batch_builder.h"

int ttp_export(const char *events_path, const char *schema_version, int dictionaries,
               int batch_number, struct ArrowSchema *schema, struct ArrowArray *array);
int64_t ttp_recode(const uint8_t *message, size_t size_bytes, uint8_t *out, size_t room_bytes);
const char *ttp_problem(void);

static uint8_t *read_file(const char *path, size_t *size_bytes)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    fseek(file, 0, SEEK_END);
    *size_bytes = (size_t)ftell(file);
    rewind(file);
    uint8_t *data = malloc(*size_bytes + 1);
    if (data != NULL && fread(data, 1, *size_bytes, file) != *size_bytes) {
        free(data);
        data = NULL;
    }
    fclose(file);
    return data;
}

static struct bytes_view next_message(const uint8_t *data, size_t *at)
{
    size_t length = 0;
    int shift = 0;
    do {
        length |= (size_t)(data[*at] & 0x7f) << shift;
        shift += 7;
    } while (data[(*at)++] >= 0x80);
    struct bytes_view message = bytes_view_of(data + *at, length);
    *at += length;
    return message;
}

/* Gives the builder all events of a recording; false if one is not a row. */
static bool feed(struct batch_builder *builder, const uint8_t *data, size_t size_bytes)
{
    uint32_t ledger = 0, index = 0;
    batch_builder_begin_range(builder, 0);
    for (size_t at = 0; at < size_bytes;) {
        struct bytes_view message = next_message(data, &at);
        struct event_view event;
        bool dead;
        if (event_decode(message, &event, NULL) != OK)
            return false;
        if (ledger != 0 && event.ledger_sequence != ledger) {
            if (batch_builder_complete_to(builder, ledger, NULL) != OK)
                return false;
            index = 0;
        }
        ledger = event.ledger_sequence;
        if (batch_builder_add_event(builder, &event, index++, message, &dead, NULL) != OK || dead)
            return false;
    }
    return batch_builder_complete_to(builder, ledger, NULL) == OK;
}

/* Takes batch number `batch_number` and moves it out: 0, or 1 if there are fewer. */
static int take(struct batch_builder *builder, int batch_number, struct ArrowArray *array)
{
    for (int i = 0;; i++) {
        struct row_batch *batch;
        if (batch_builder_take(builder, &batch, NULL) != OK)
            return 2;
        if (batch == NULL)
            return 1;
        if (i == batch_number) {
            *array = batch->parts[0].array; /* moved: the batch has a released one */
            batch->parts[0].array.release = NULL;
        }
        row_batch_free(batch);
        if (i == batch_number)
            return 0;
    }
}

/* Exports one batch of a recording, one batch a day: 0, 1 if there are fewer, 2 on failure. */
int ttp_export(const char *events_path, const char *schema_version, int dictionaries,
               int batch_number, struct ArrowSchema *schema, struct ArrowArray *array)
{
    const struct batch_builder_options options = {.schema = row_schema_find(schema_version),
                                                  .scheme = PARTITION_SIMPLE,
                                                  .dictionaries = dictionaries != 0};
    size_t size_bytes = 0;
    uint8_t *data = read_file(events_path, &size_bytes);
    struct batch_builder *builder = NULL;
    struct error error;
    int result = 2;
    if (data != NULL && options.schema != NULL &&
        batch_builder_new(&builder, &options, &error) == OK && feed(builder, data, size_bytes))
        result = take(builder, batch_number, array);
    batch_builder_free(builder);
    free(data);
    if (result == 0 && row_schema_export(options.schema, options.dictionaries, schema) != OK) {
        arrow_array_release(array);
        return 2;
    }
    return result;
}

static struct error problem;

/* Why ttp_recode refused the last message that it refused. */
const char *ttp_problem(void)
{
    return problem.message;
}

/* Decodes a message and encodes it again: the size, -1 if it is not protobuf, -2 without room. */
int64_t ttp_recode(const uint8_t *message, size_t size_bytes, uint8_t *out, size_t room_bytes)
{
    struct event_view event;
    struct buffer encoded;
    if (event_decode(bytes_view_of(message, size_bytes), &event, &problem) != OK)
        return -1;
    buffer_init(&encoded);
    int64_t result = -2;
    if (event_encode(&event, &encoded) == OK && encoded.size_bytes <= room_bytes) {
        if (encoded.size_bytes != 0)
            memcpy(out, encoded.data, encoded.size_bytes);
        result = (int64_t)encoded.size_bytes;
    }
    buffer_release(&encoded);
    return result;
}
