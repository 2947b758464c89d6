// SPDX-License-Identifier: Apache-2.0
#include "rows/epoch.h"

#include <assert.h>
#include <string.h>

#include "util/memory.h"
#include "util/utf8.h"

static uint64_t newest_id(void)
{
    static _Atomic uint64_t newest;
    return ++newest;
}

enum error_code row_epoch_new(struct row_epoch **out, const struct row_schema *schema)
{
    struct row_epoch *epoch = *out = mem_alloc_zero(1, sizeof *epoch);
    if (epoch == NULL)
        return ERR_NO_MEMORY;
    epoch->schema = schema;
    epoch->id = newest_id();
    epoch->references = 1;
    return OK;
}

struct row_epoch *row_epoch_retain(struct row_epoch *epoch)
{
    epoch->references++;
    return epoch;
}

static void free_part(struct epoch_part *part)
{
    if (part == NULL)
        return;
    for (size_t i = 0; i < ROW_COLUMN_MAX; i++)
        arrow_dictionary_release(part->columns[i].dictionary);
    arrow_dictionary_release(part->contracts.dictionary);
    buffer_release(&part->decimal_ids);
    mem_free(part->known_hashes);
    mem_free(part);
}

void row_epoch_release(struct row_epoch *epoch)
{
    if (epoch == NULL || --epoch->references > 0)
        return;
    for (int type = 0; type < EVENT_TYPE_COUNT; type++)
        free_part(epoch->parts[type]);
    mem_free(epoch);
}

static enum error_code make_column(struct epoch_column *column, uint32_t width_bytes)
{
    column->previous_size_bytes = SIZE_MAX;
    return arrow_dictionary_new(&column->dictionary, width_bytes, INT32_MAX, INT32_MAX);
}

static bool has_contracts(const struct row_schema *schema)
{
    return schema->column_count >= COLUMN_CONTRACT_ADDRESS;
}

static enum error_code make_part(struct epoch_part **out, const struct row_schema *schema)
{
    struct epoch_part *part = *out = mem_alloc_zero(1, sizeof *part);
    if (part == NULL)
        return ERR_NO_MEMORY;
    buffer_init(&part->decimal_ids);
    memset(part->type_ids, 0xff, sizeof part->type_ids);
    memset(part->memo_kind_ids, 0xff, sizeof part->memo_kind_ids);
    part->known_hashes = mem_alloc_zero(EPOCH_KNOWN_HASHES, sizeof *part->known_hashes);
    enum error_code code = part->known_hashes != NULL ? OK : ERR_NO_MEMORY;
    if (code == OK && !has_contracts(schema))
        code = make_column(&part->contracts, 0);
    for (size_t i = 0; i < schema->column_count && code == OK; i++)
        if (row_column_is_numbered(&schema->columns[i]))
            code = make_column(&part->columns[i], row_column_width(&schema->columns[i]));
    if (code != OK) {
        free_part(part);
        *out = NULL;
    }
    return code;
}

enum error_code row_epoch_part(struct row_epoch *epoch, enum event_type type,
                               struct epoch_part **part)
{
    enum error_code code = OK;
    if (epoch->parts[type] == NULL)
        code = make_part(&epoch->parts[type], epoch->schema);
    *part = epoch->parts[type];
    return code;
}

/* ---- values to ids ---- */

static inline bool is_previous(const struct epoch_column *column, struct bytes_view text)
{
    uint64_t ends[2];
    if (text.size_bytes != column->previous_size_bytes)
        return false;
    const uint8_t *previous = column->previous_data;
    if (text.size_bytes < sizeof ends[0])
        return text.size_bytes == 0 || memcmp(text.data, previous, text.size_bytes) == 0;
    /* Addresses begin alike; their ends tell most of them apart. */
    size_t end_at = text.size_bytes - sizeof ends[0];
    memcpy(&ends[0], text.data + end_at, sizeof ends[0]);
    memcpy(&ends[1], previous + end_at, sizeof ends[1]);
    return ends[0] == ends[1] && memcmp(text.data, previous, end_at) == 0;
}

static void note_previous(struct epoch_column *column, uint32_t id)
{
    struct bytes_view value = arrow_dictionary_value(column->dictionary, id);
    column->previous_id = id;
    column->previous_data = value.data;
    column->previous_size_bytes = value.size_bytes;
}

/* The id of bytes that need no check, or that were checked. */
static uint32_t number_bytes(struct epoch_column *column, struct bytes_view value)
{
    uint64_t hash = arrow_dictionary_hash(value);
    uint32_t id = arrow_dictionary_find(column->dictionary, value, hash);
    if (id == ARROW_DICTIONARY_NONE)
        id = arrow_dictionary_add(column->dictionary, value, hash);
    return id;
}

static enum error_code number_text(struct epoch_column *column, struct bytes_view text,
                                   bool is_checked, uint32_t *id)
{
    if (is_previous(column, text)) {
        *id = column->previous_id;
        return OK;
    }
    uint64_t hash = arrow_dictionary_hash(text);
    *id = arrow_dictionary_find(column->dictionary, text, hash);
    if (*id == ARROW_DICTIONARY_NONE) {
        if (!is_checked && !utf8_is_valid(text))
            return ERR_INVALID;
        *id = arrow_dictionary_add(column->dictionary, text, hash);
        if (*id == ARROW_DICTIONARY_FULL)
            return ERR_NO_MEMORY;
    }
    note_previous(column, *id);
    return OK;
}

static enum error_code number_name(struct epoch_column *column, uint32_t *known, const char *name,
                                   uint32_t *id)
{
    if (*known == UINT32_MAX)
        *known = number_bytes(column, bytes_view_text(name));
    *id = *known;
    return *id == ARROW_DICTIONARY_FULL ? ERR_NO_MEMORY : OK;
}

static struct known_hash *known_hash_at(struct epoch_part *part, struct bytes_view digits)
{
    uint64_t first;
    memcpy(&first, digits.data, sizeof first);
    return &part->known_hashes[(first * UINT64_C(0x9e3779b97f4a7c15) >> 32) &
                               (EPOCH_KNOWN_HASHES - 1)];
}

static enum error_code number_hash(struct epoch_part *part, struct epoch_column *column,
                                   struct bytes_view digits, bool is_checked, struct row_view *row,
                                   uint32_t *id)
{
    struct known_hash *known = known_hash_at(part, digits);
    if (known->id_plus_1 != 0 && memcmp(digits.data, known->digits, sizeof known->digits) == 0) {
        *id = known->id_plus_1 - 1;
        memcpy(row->transaction_hash, arrow_dictionary_value(column->dictionary, *id).data,
               sizeof row->transaction_hash);
        return OK;
    }
    if (!is_checked && !row_decode_hash(digits, row->transaction_hash))
        return ERR_INVALID;
    *id = number_bytes(column, bytes_view_of(row->transaction_hash, sizeof row->transaction_hash));
    if (*id == ARROW_DICTIONARY_FULL)
        return ERR_NO_MEMORY;
    memcpy(known->digits, digits.data, sizeof known->digits);
    known->id_plus_1 = *id + 1;
    return OK;
}

/* Works out the decimals of amounts that are new. `decimals`: NULL where the schema has none. */
static enum error_code note_decimals(struct epoch_part *part, struct epoch_column *amounts,
                                     struct epoch_column *decimals, uint32_t amount_id)
{
    __int128 value;
    uint32_t id, known;
    while ((known = (uint32_t)(part->decimal_ids.size_bytes / sizeof id)) <= amount_id) {
        if (buffer_reserve(&part->decimal_ids, sizeof id) != OK)
            return ERR_NO_MEMORY;
        id = ROW_ID_NULL;
        if (row_parse_amount(arrow_dictionary_value(amounts->dictionary, known), &value))
            id = decimals == NULL ? 0 : number_bytes(decimals, bytes_view_of(&value, sizeof value));
        if (id == ARROW_DICTIONARY_FULL)
            return ERR_NO_MEMORY;
        buffer_append_unchecked(&part->decimal_ids, &id, sizeof id);
    }
    return OK;
}

static enum error_code number_amount(struct epoch_part *part, const struct row_schema *schema,
                                     bool is_checked, struct row_view *row,
                                     uint32_t ids[ROW_COLUMN_MAX])
{
    struct epoch_column *amounts = &part->columns[COLUMN_AMOUNT - 1];
    struct epoch_column *decimals = schema->column_count >= COLUMN_AMOUNT_DECIMAL
                                        ? &part->columns[COLUMN_AMOUNT_DECIMAL - 1]
                                        : NULL;
    uint32_t amount_id, decimal_id;
    enum error_code code = number_text(amounts, row->amount, is_checked, &amount_id);
    if (code == OK)
        code = note_decimals(part, amounts, decimals, amount_id);
    if (code != OK)
        return code;
    memcpy(&decimal_id, part->decimal_ids.data + amount_id * sizeof decimal_id, sizeof decimal_id);
    row->has_amount_decimal = decimal_id != ROW_ID_NULL;
    ids[COLUMN_AMOUNT - 1] = amount_id;
    ids[COLUMN_AMOUNT_DECIMAL - 1] = decimal_id;
    if (decimals != NULL && row->has_amount_decimal)
        memcpy(&row->amount_decimal, arrow_dictionary_value(decimals->dictionary, decimal_id).data,
               sizeof row->amount_decimal);
    return OK;
}

/* Values of a column that a version may add beside those that rows have today. */
static enum error_code number_other(struct epoch_column *to, const struct row_view *row,
                                    const struct row_column *column, uint32_t *id)
{
    *id = ROW_ID_NULL;
    if (column->kind == ROW_MAYBE_DECIMAL && !row_has_value(row, column))
        return OK;
    *id = number_bytes(to, bytes_view_of(row_value(row, column), row_column_width(column)));
    return *id == ARROW_DICTIONARY_FULL ? ERR_NO_MEMORY : OK;
}

enum error_code epoch_part_number(struct epoch_part *part, const struct row_schema *schema,
                                  struct bytes_view hash_digits, bool is_checked,
                                  struct row_view *row, uint32_t ids[ROW_COLUMN_MAX])
{
    uint32_t unused;
    enum error_code code =
        has_contracts(schema)
            ? OK
            : number_text(&part->contracts, row->contract_address.text, is_checked, &unused);
    for (size_t i = 0; i < schema->column_count && code == OK; i++) {
        const struct row_column *column = &schema->columns[i];
        struct epoch_column *to = &part->columns[i];
        const void *value = row_value(row, column);
        const struct optional_text *maybe = value;
        switch (column->kind) {
        case ROW_MAYBE_TEXT:
            ids[i] = ROW_ID_NULL;
            if (maybe->present || !column->nullable)
                code = number_text(to, maybe->text, is_checked, &ids[i]);
            break;
        case ROW_TEXT:
            code = column->id == COLUMN_AMOUNT
                       ? number_amount(part, schema, is_checked, row, ids)
                       : number_text(to, *(const struct bytes_view *)value, is_checked, &ids[i]);
            break;
        case ROW_HASH:
            code = column->id == COLUMN_TRANSACTION_HASH
                       ? number_hash(part, to, hash_digits, is_checked, row, &ids[i])
                       : number_other(to, row, column, &ids[i]);
            break;
        case ROW_MAYBE_DECIMAL: /* the amount's came with it */
            if (column->id != COLUMN_AMOUNT_DECIMAL)
                code = number_other(to, row, column, &ids[i]);
            break;
        case ROW_EVENT_TYPE:
            code = number_name(to, &part->type_ids[row->type], event_type_name(row->type), &ids[i]);
            break;
        case ROW_MEMO_KIND:
            ids[i] = ROW_ID_NULL;
            if (row->memo_kind != MEMO_NONE)
                code = number_name(to, &part->memo_kind_ids[row->memo_kind],
                                   memo_kind_name(row->memo_kind), &ids[i]);
            break;
        case ROW_TIME:
        case ROW_NUMBER:
        case ROW_MAYBE_NUMBER: break;
        }
    }
    return code;
}

/* ---- numbering anew ---- */

static uint32_t id_in(struct arrow_dictionary *to, const struct arrow_dictionary *from, uint32_t id)
{
    struct bytes_view value = arrow_dictionary_value(from, id);
    uint64_t hash = arrow_dictionary_hash(value);
    uint32_t found = arrow_dictionary_find(to, value, hash);
    return found != ARROW_DICTIONARY_NONE ? found : arrow_dictionary_add(to, value, hash);
}

enum error_code epoch_part_renumber(const struct epoch_part *from, struct epoch_part *to,
                                    size_t column, const struct arrow_column *rows, int64_t count,
                                    uint32_t *renumbered)
{
    const struct arrow_dictionary *old = from->columns[column].dictionary;
    uint32_t *map = mem_alloc((arrow_dictionary_count(old) + 1) * sizeof *map);
    enum error_code code = map == NULL ? ERR_NO_MEMORY : OK;
    if (map != NULL)
        memset(map, 0xff, arrow_dictionary_count(old) * sizeof *map);
    for (int64_t row = 0; row < count && code == OK; row++) {
        uint32_t id = 0;
        renumbered[row] = 0;
        if (!arrow_column_is_valid(rows, row))
            continue;
        memcpy(&id, rows->values + row * (int64_t)sizeof id, sizeof id);
        if (map[id] == ARROW_DICTIONARY_NONE)
            map[id] = id_in(to->columns[column].dictionary, old, id);
        renumbered[row] = map[id];
        if (map[id] == ARROW_DICTIONARY_FULL)
            code = ERR_NO_MEMORY;
    }
    mem_free(map);
    return code;
}

/* ---- the whole ---- */

void row_epoch_complete(struct row_epoch *epoch)
{
    for (int type = 0; type < EVENT_TYPE_COUNT; type++) {
        struct epoch_part *part = epoch->parts[type];
        if (part == NULL)
            continue;
        for (size_t i = 0; i < epoch->schema->column_count; i++)
            if (part->columns[i].dictionary != NULL)
                part->columns[i].complete_count =
                    arrow_dictionary_count(part->columns[i].dictionary);
        arrow_dictionary_forget(part->columns[COLUMN_TRANSACTION_HASH - 1].dictionary);
    }
}

size_t row_epoch_memory_bytes(const struct row_epoch *epoch)
{
    size_t bytes = sizeof *epoch;
    for (int type = 0; type < EVENT_TYPE_COUNT; type++) {
        const struct epoch_part *part = epoch->parts[type];
        if (part == NULL)
            continue;
        bytes += sizeof *part + part->decimal_ids.size_bytes +
                 EPOCH_KNOWN_HASHES * sizeof *part->known_hashes;
        if (part->contracts.dictionary != NULL)
            bytes += arrow_dictionary_memory_bytes(part->contracts.dictionary);
        for (size_t i = 0; i < epoch->schema->column_count; i++)
            if (part->columns[i].dictionary != NULL)
                bytes += arrow_dictionary_memory_bytes(part->columns[i].dictionary);
    }
    return bytes;
}

uint32_t row_epoch_values(const struct row_epoch *epoch)
{
    uint32_t most = 0;
    for (int type = 0; type < EVENT_TYPE_COUNT; type++) {
        const struct epoch_part *part = epoch->parts[type];
        for (size_t i = 0; part != NULL && i < epoch->schema->column_count; i++) {
            const struct arrow_dictionary *dictionary = part->columns[i].dictionary;
            if (dictionary != NULL && arrow_dictionary_count(dictionary) > most)
                most = arrow_dictionary_count(dictionary);
        }
    }
    return most;
}
