// SPDX-License-Identifier: Apache-2.0
#include "pb/outline.h"

#include "util/words.h"

/* Deeper than any event, so that a crafted one takes no stack. */
#define DEPTH_MAX 8

struct field_names {
    uint32_t number;
    const char *name;
    const struct field_names *inner; /* NULL: no message */
};

static const struct field_names closed_at[] = {{1, "seconds", NULL}, {2, "nanos", NULL}, {0}};
static const struct field_names muxed[] = {
    {1, "text", NULL}, {2, "id", NULL}, {3, "hash", NULL}, {0}};
static const struct field_names meta[] = {
    {1, "ledger_sequence", NULL}, {2, "closed_at", closed_at},
    {3, "tx_hash", NULL},         {4, "transaction_index", NULL},
    {5, "operation_index", NULL}, {6, "contract_address", NULL},
    {7, "to_muxed_info", muxed},  {0}};
static const struct field_names issued[] = {{1, "asset_code", NULL}, {2, "issuer", NULL}, {0}};
static const struct field_names asset[] = {{1, "native", NULL}, {2, "issued_asset", issued}, {0}};
static const struct field_names transfer[] = {
    {1, "from", NULL}, {2, "to", NULL}, {3, "asset", asset}, {4, "amount", NULL}, {0}};
static const struct field_names to_only[] = {
    {1, "to", NULL}, {2, "asset", asset}, {3, "amount", NULL}, {0}};
static const struct field_names from_only[] = {
    {1, "from", NULL}, {2, "asset", asset}, {3, "amount", NULL}, {0}};
static const struct field_names event[] = {{1, "meta", meta},
                                           {2, "transfer", transfer},
                                           {3, "mint", to_only},
                                           {4, "burn", from_only},
                                           {5, "clawback", from_only},
                                           {6, "fee", from_only},
                                           {0}};

struct outline {
    event_field_visitor *visit;
    void *context;
    const uint8_t *start;
    struct event_outline_end *end;
    unsigned field_count;
};

static const struct field_names *find(const struct field_names *names, uint32_t number)
{
    for (; names != NULL && names->number != 0; names++)
        if (names->number == number)
            return names;
    return NULL;
}

static void stop(struct outline *outline, const char *problem, const uint8_t *at)
{
    *outline->end =
        (struct event_outline_end){problem, at == NULL ? 0 : (size_t)(at - outline->start)};
}

static bool is_message(struct bytes_view bytes)
{
    struct wire_reader reader = wire_reader_of(bytes);
    uint32_t tag;
    while (!wire_at_end(&reader))
        if (!wire_read_tag(&reader, &tag) || !wire_skip(&reader, tag, 0))
            return false;
    return bytes.size_bytes > 0;
}

static enum event_field_kind kind_of(const struct field_names *known, struct bytes_view bytes)
{
    if (known != NULL && known->inner != NULL)
        return FIELD_MESSAGE;
    if (words_are_plain(bytes))
        return FIELD_TEXT;
    return known == NULL && is_message(bytes) ? FIELD_MESSAGE : FIELD_BYTES;
}

static enum error_code read_fields(struct outline *outline, struct bytes_view message,
                                   const struct field_names *names, unsigned depth,
                                   struct error *error);

/* A text, bytes or a message; of one that is cut off, what is there. */
static enum error_code read_bytes(struct outline *outline, struct wire_reader *reader,
                                  const struct field_names *known, struct event_field *field,
                                  struct error *error)
{
    const uint8_t *at = reader->at;
    uint64_t size;
    if (!wire_read_varint(reader, &size)) {
        stop(outline, reader->problem, reader->at);
        return OK;
    }
    size_t left = (size_t)(reader->end - reader->at);
    field->bytes = bytes_view_of(reader->at, size < left ? (size_t)size : left);
    field->kind = kind_of(known, field->bytes);
    if (field->kind == FIELD_MESSAGE && field->depth + 1 == DEPTH_MAX)
        field->kind = FIELD_BYTES;
    reader->at += field->bytes.size_bytes;
    enum error_code code = outline->visit(outline->context, field, error);
    if (code == OK && field->kind == FIELD_MESSAGE)
        code = read_fields(outline, field->bytes, known == NULL ? NULL : known->inner,
                           field->depth + 1, error);
    if (size > left && outline->end->problem == NULL)
        stop(outline, "a length runs past the end", at);
    return code;
}

static enum error_code read_number(struct outline *outline, struct wire_reader *reader,
                                   struct event_field *field, uint32_t tag, struct error *error)
{
    const uint8_t *at = reader->at;
    bool good = (tag & 7) == WIRE_VARINT ? wire_read_varint(reader, &field->value)
                                         : wire_skip(reader, tag, (int)field->depth);
    if (!good) {
        stop(outline, reader->problem, reader->at);
        return OK;
    }
    if ((tag & 7) != WIRE_VARINT) { /* none of TokenTransferEvent's fields is of such a type */
        field->kind = FIELD_BYTES;
        field->bytes = bytes_view_of(at, (size_t)(reader->at - at));
    }
    return outline->visit(outline->context, field, error);
}

static enum error_code read_fields(struct outline *outline, struct bytes_view message,
                                   const struct field_names *names, unsigned depth,
                                   struct error *error)
{
    struct wire_reader reader = wire_reader_of(message);
    enum error_code code = OK;
    while (code == OK && outline->end->problem == NULL && !wire_at_end(&reader)) {
        const uint8_t *at = reader.at;
        uint32_t tag;
        if (!wire_read_tag(&reader, &tag)) {
            stop(outline, reader.problem, reader.at);
            break;
        }
        if (outline->field_count++ == EVENT_OUTLINE_FIELDS_MAX) {
            stop(outline, "more fields than are shown", at);
            break;
        }
        const struct field_names *known = find(names, tag >> 3);
        struct event_field field = {
            .depth = depth, .number = tag >> 3, .name = known == NULL ? NULL : known->name};
        code = (tag & 7) == WIRE_BYTES ? read_bytes(outline, &reader, known, &field, error)
                                       : read_number(outline, &reader, &field, tag, error);
    }
    return code;
}

enum error_code event_outline(struct bytes_view message, event_field_visitor *visit, void *context,
                              struct event_outline_end *end, struct error *error)
{
    struct outline outline = {
        .visit = visit, .context = context, .start = message.data, .end = end};
    *end = (struct event_outline_end){0};
    return read_fields(&outline, message, event, 0, error);
}
