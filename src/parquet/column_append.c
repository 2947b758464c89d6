// SPDX-License-Identifier: Apache-2.0
#include "arrow/dictionary.h"
#include "parquet/column.h"
#include "util/memory.h"

#define BLOCK VALUE_BLOCK_MAX

/* Some consecutive rows of a child array: `rows` are the ones that have a value, from `first` on.
 */
struct block {
    const struct ArrowArray *array;
    int64_t first; /* with the array's own offset */
    uint32_t row_count;
    uint32_t value_count;
    uint32_t valid[BLOCK / 32]; /* levels of the rows */
    uint16_t rows[BLOCK];
};

/* `count` <= 32 bits of a bitmap from any bit on; `end` is the first byte behind the bitmap. */
static uint32_t load_bits(const uint8_t *bits, int64_t offset, uint32_t count, const uint8_t *end)
{
    const uint8_t *at = bits + offset / 8;
    uint64_t word = 0;
    if (end - at >= 8)
        memcpy(&word, at, sizeof word);
    else
        for (int i = 0; i < end - at; i++)
            word |= (uint64_t)at[i] << (8 * i);
    return (uint32_t)((word >> offset % 8) & (UINT64_MAX >> (64 - count)));
}

static void select_all(struct block *block)
{
    for (uint32_t i = 0; i < block->row_count; i += 32) {
        uint32_t count = block->row_count - i < 32 ? block->row_count - i : 32;
        block->valid[i / 32] = UINT32_MAX >> (32 - count);
    }
    for (uint32_t i = 0; i < block->row_count; i++)
        block->rows[i] = (uint16_t)i;
    block->value_count = block->row_count;
}

static void select_valid(struct block *block)
{
    const struct ArrowArray *array = block->array;
    const uint8_t *bits = array->buffers[0];
    if (bits == NULL || array->null_count == 0) {
        select_all(block);
        return;
    }
    const uint8_t *end = bits + (array->offset + array->length + 7) / 8;
    uint32_t found = 0;
    for (uint32_t i = 0; i < block->row_count; i += 32) {
        uint32_t count = block->row_count - i < 32 ? block->row_count - i : 32;
        uint32_t valid = load_bits(bits, block->first + i, count, end);
        block->valid[i / 32] = valid;
        if (valid == UINT32_MAX) {
            for (uint32_t k = 0; k < 32; k++)
                block->rows[found + k] = (uint16_t)(i + k);
            found += 32;
            continue;
        }
        for (; valid != 0; valid &= valid - 1)
            block->rows[found++] = (uint16_t)(i + (uint32_t)__builtin_ctz(valid));
    }
    block->value_count = found;
}

static void add_levels(struct column_writer *column, const struct block *block)
{
    for (uint32_t i = 0; i < block->row_count; i += 32) {
        uint32_t count = block->row_count - i < 32 ? block->row_count - i : 32;
        column_add_levels(column, block->valid[i / 32], count);
    }
}

/* The bytes of an array of texts, for which Arrow allows NULL where there are none. */
static const uint8_t *text_bytes(const struct ArrowArray *array)
{
    static const uint8_t nothing[1];
    return array->buffers[2] != NULL ? array->buffers[2] : nothing;
}

/* A value of a plain array of texts or fixed-size binaries; `index` includes the array's offset. */
static struct bytes_view array_value(const struct value_type *type, const struct ArrowArray *array,
                                     int64_t index)
{
    if (type->kind != VALUE_TEXT)
        return bytes_view_of((const uint8_t *)array->buffers[1] + index * type->width_bytes,
                             type->width_bytes);
    const int32_t *offsets = array->buffers[1];
    return bytes_view_of(text_bytes(array) + offsets[index],
                         (size_t)(offsets[index + 1] - offsets[index]));
}

/* Arrow holds decimals little-endian, Parquet big-endian. */
static void swap_decimal(const uint8_t *from, uint8_t *to)
{
    uint64_t low, high;
    memcpy(&low, from, 8);
    memcpy(&high, from + 8, 8);
    low = __builtin_bswap64(low);
    high = __builtin_bswap64(high);
    memcpy(to, &high, 8);
    memcpy(to + 8, &low, 8);
}

/* Makes sure that the block's values fit the dictionary, or goes over to plain values. */
static enum error_code check_room(struct column_writer *column, uint32_t count, size_t bytes,
                                  struct error *error)
{
    if (!column->uses_dictionary ||
        !chunk_dictionary_may_overflow(&column->dictionary, count, bytes))
        return OK;
    return column_stop_dictionary(column, error);
}

/* The places of the block's values, NULL where every row has one. */
static const uint16_t *places(const struct block *block)
{
    return block->value_count == block->row_count ? NULL : block->rows;
}

/* Adds loaded values as indices. */
static enum error_code add_loaded(struct column_writer *column, const struct block *block,
                                  const struct value_block *values, struct error *error)
{
    uint32_t change_ids[BLOCK];
    add_levels(column, block);
    if (chunk_dictionary_map(&column->dictionary, values, change_ids) != OK)
        return error_no_memory(error, "values");
    value_block_spread_ids(values, change_ids, column->open_ids + column->open_values);
    page_summary_add_block(&column->open_summary, &column->dictionary, values, change_ids);
    column->open_values += values->value_count;
    return OK;
}

static enum error_code add_plain_value(struct column_writer *column,
                                       const struct ArrowArray *values, int64_t index)
{
    uint8_t swapped[DECIMAL_BYTES];
    struct bytes_view value = array_value(&column->type, values, index);
    if (column->type.kind == VALUE_DECIMAL) {
        swap_decimal(value.data, swapped);
        value.data = swapped;
    }
    return column_add_plain(column, value);
}

/* Adds values of an array to a page of plain values. */
static enum error_code add_plain_values(struct column_writer *column, const struct block *block,
                                        struct error *error)
{
    add_levels(column, block);
    for (uint32_t i = 0; i < block->value_count; i++)
        if (add_plain_value(column, block->array, block->first + block->rows[i]) != OK)
            return error_no_memory(error, "values");
    return OK;
}

static enum error_code add_texts(struct column_writer *column, const struct block *block,
                                 struct error *error)
{
    struct value_block values;
    const struct ArrowArray *array = block->array;
    const int32_t *offsets = array->buffers[1];
    const uint8_t *data = text_bytes(array);
    if (column->uses_dictionary) {
        value_block_load_texts(&values, data, offsets + block->first, places(block),
                               block->value_count, data + offsets[array->offset + array->length]);
        if (check_room(column, values.change_count, values.change_bytes, error) != OK)
            return ERR_NO_MEMORY;
    }
    return column->uses_dictionary ? add_loaded(column, block, &values, error)
                                   : add_plain_values(column, block, error);
}

static enum error_code add_fixed(struct column_writer *column, const struct block *block,
                                 struct error *error)
{
    struct value_block values;
    uint32_t width = column->type.width_bytes;
    if (check_room(column, block->value_count, (size_t)block->value_count * width, error) != OK)
        return ERR_NO_MEMORY;
    if (!column->uses_dictionary)
        return add_plain_values(column, block, error);
    const uint8_t *data = block->array->buffers[1];
    value_block_load_fixed(&values, data + block->first * (int64_t)width, width, places(block),
                           block->value_count);
    return add_loaded(column, block, &values, error);
}

static enum error_code add_uint32(struct column_writer *column, const struct block *block,
                                  struct error *error)
{
    uint32_t packed[BLOCK];
    const uint32_t *values = (const uint32_t *)block->array->buffers[1] + block->first;
    if (check_room(column, block->value_count, sizeof packed, error) != OK)
        return ERR_NO_MEMORY;
    if (!column->uses_dictionary || block->value_count == 0)
        return add_plain_values(column, block, error);
    add_levels(column, block);
    if (places(block) != NULL) {
        for (uint32_t i = 0; i < block->value_count; i++)
            packed[i] = values[block->rows[i]];
        values = packed;
    }
    uint32_t *ids = column->open_ids + column->open_values;
    if (chunk_dictionary_map_uint32(&column->dictionary, values, block->value_count, ids) != OK)
        return error_no_memory(error, "values");
    page_summary_add_uint32(&column->open_summary, values, ids, block->value_count);
    column->open_values += block->value_count;
    return OK;
}

static size_t list_bytes(const struct column_writer *column, const struct ArrowArray *values,
                         uint32_t first, uint32_t count)
{
    const int32_t *offsets = values->buffers[1];
    return column->type.kind == VALUE_TEXT ? (size_t)(offsets[first + count] - offsets[first])
                                           : (size_t)count * column->type.width_bytes;
}

/* Whether the values of a dictionary that is new to the chunk may simply be appended: its arrays
 * say which ones are new, this is the first of them, and what it may repeat is little. */
static bool takes_as_ids(const struct column_writer *column, const struct ArrowArray *values)
{
    return !column->writer_options->looks_up_all && arrow_dictionary_first_new(values) == 0 &&
           column->dictionary.count <= PARQUET_JOINED_ROWS;
}

/* The array's dictionary is not the one of the array before. */
static void begin_source(struct column_writer *column, const struct ArrowArray *values)
{
    struct index_source *source = &column->source;
    const struct arrow_dictionary *shared = arrow_dictionary_of(values);
    source->id = shared == NULL ? 0 : arrow_dictionary_id(shared);
    source->count = 0;
    source->known = 0;
    source->way = INDICES_MAPPED;
    source->is_sole = source->id != 0 && column->dictionary.count == 0;
    if (shared != NULL && arrow_dictionary_is_list(shared)) {
        source->way = INDICES_LISTED;
    } else if (takes_as_ids(column, values)) {
        source->way = INDICES_AS_IDS;
        source->first_id = column->dictionary.count;
        source->id_bits = source->first_id;
    }
}

/* Room for an id of each value, those that are new to the source without one. */
static enum error_code reserve_ids(struct index_source *source, uint32_t count)
{
    if (count > source->capacity) {
        uint32_t capacity = count + count / 2;
        uint32_t *ids = mem_realloc(source->ids, capacity * sizeof *ids);
        if (ids == NULL)
            return ERR_NO_MEMORY;
        source->ids = ids;
        source->capacity = capacity;
    }
    if (source->way == INDICES_MAPPED && count > source->count)
        memset(source->ids + source->count, 0xff, (count - source->count) * sizeof *source->ids);
    return OK;
}

/* Values of others came between those of the source: from now on they are looked up. */
static enum error_code leave_ids(struct index_source *source)
{
    source->way = INDICES_MAPPED;
    source->is_sole = false;
    if (reserve_ids(source, source->count) != OK)
        return ERR_NO_MEMORY;
    for (uint32_t i = 0; i < source->known; i++)
        source->ids[i] = source->first_id + i;
    return OK;
}

/* Gives the values of an array that the chunk does not have yet ids, all at once; or goes over to
 * plain values. */
static enum error_code append_new_values(struct column_writer *column,
                                         const struct ArrowArray *values, struct error *error)
{
    struct index_source *source = &column->source;
    uint32_t first = source->known, count = source->count - first;
    if (count == 0 || !column->uses_dictionary)
        return OK;
    if (column->dictionary.count != source->first_id + first)
        return leave_ids(source) == OK ? OK : error_no_memory(error, "a dictionary");
    bool needs_hash = column->options.bloom_filter && column->writer_options->bloom_filters;
    const struct value_list list = {
        .offsets = column->type.kind == VALUE_TEXT ? values->buffers[1] : NULL,
        .bytes = column->type.kind == VALUE_TEXT ? text_bytes(values) : values->buffers[1],
        .facts = needs_hash ? arrow_dictionary_facts_of(values) : NULL};
    if (check_room(column, count, list_bytes(column, values, first, count), error) != OK)
        return ERR_NO_MEMORY;
    if (!column->uses_dictionary)
        return OK;
    chunk_dictionary_clear_tables(&column->dictionary);
    if (chunk_dictionary_append_list(&column->dictionary, &list, first, count) != OK)
        return error_no_memory(error, "a dictionary");
    source->known = source->count;
    return OK;
}

/* Gets ready for an array's dictionary. A shared dictionary stays known from batch to batch; any
 * other may be a different one each time. */
static enum error_code prepare_source(struct column_writer *column, const struct ArrowArray *array,
                                      struct error *error)
{
    struct index_source *source = &column->source;
    const struct ArrowArray *values = array->dictionary;
    const struct arrow_dictionary *shared = arrow_dictionary_of(values);
    if (values->length < 0 || values->length > INT32_MAX)
        return error_set(error, ERR_INVALID, "column %s: a dictionary of %lld values", column->name,
                         (long long)values->length);
    if (values->null_count > 0)
        return error_set(error, ERR_INVALID, "column %s: its Arrow dictionary holds nulls",
                         column->name);
    if (shared == NULL || arrow_dictionary_id(shared) != source->id)
        begin_source(column, values);
    uint32_t count = (uint32_t)values->length;
    if (source->way != INDICES_AS_IDS && reserve_ids(source, count) != OK)
        return error_no_memory(error, "a dictionary");
    if (count > source->count || source->way == INDICES_LISTED)
        source->count = count;
    return source->way == INDICES_AS_IDS ? append_new_values(column, values, error) : OK;
}

static bool is_sole_source(const struct column_writer *column)
{
    return column->source.is_sole && !column->dictionary.has_tables;
}

/* Gives the dictionary values that were not met yet ids: nothing has to be looked up. */
static enum error_code map_new_values(struct column_writer *column, const struct ArrowArray *values,
                                      const uint32_t *indices, uint32_t count)
{
    bool needs_hash = column->options.bloom_filter && column->writer_options->bloom_filters;
    const struct arrow_value_facts *facts = needs_hash ? arrow_dictionary_facts_of(values) : NULL;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t index = indices[i];
        struct bytes_view value = array_value(&column->type, values, values->offset + index);
        if (column->source.ids[index] == DICTIONARY_NO_ID &&
            chunk_dictionary_add_new(&column->dictionary, value,
                                     facts == NULL ? NULL : &facts[index].xxh64,
                                     &column->source.ids[index]) != OK)
            return ERR_NO_MEMORY;
    }
    return OK;
}

/* The same where they may be in the chunk's dictionary already, from another producer. */
static enum error_code find_new_values(struct column_writer *column,
                                       const struct ArrowArray *values, const uint32_t *indices,
                                       uint32_t count)
{
    struct bytes_view views[BLOCK] = {0};
    struct value_block block;
    uint32_t change_ids[BLOCK], ids[BLOCK + VALUE_SPREAD_SLACK];
    for (uint32_t i = 0; i < count; i++)
        views[i] = array_value(&column->type, values, values->offset + indices[i]);
    value_block_load_views(&block, &column->type, views, count);
    if (chunk_dictionary_map(&column->dictionary, &block, change_ids) != OK)
        return ERR_NO_MEMORY;
    value_block_spread_ids(&block, change_ids, ids);
    for (uint32_t i = 0; i < count; i++)
        column->source.ids[indices[i]] = ids[i];
    return OK;
}

static enum error_code add_plain_indices(struct column_writer *column, const struct block *block,
                                         const int32_t *indices, struct error *error)
{
    const struct ArrowArray *values = block->array->dictionary;
    add_levels(column, block);
    for (uint32_t i = 0; i < block->value_count; i++)
        if (add_plain_value(column, values, values->offset + indices[block->rows[i]]) != OK)
            return error_no_memory(error, "values");
    return OK;
}

/* The indices of a block that have a value: where they stand, or packed. */
static const int32_t *pack_indices(const struct block *block, const int32_t *indices,
                                   int32_t packed[BLOCK])
{
    if (places(block) == NULL)
        return indices;
    for (uint32_t i = 0; i < block->value_count; i++)
        packed[i] = indices[block->rows[i]];
    return packed;
}

static enum error_code wrong_index(const struct column_writer *column, struct error *error)
{
    return error_set(error, ERR_INVALID, "column %s: an index outside its Arrow dictionary of %u",
                     column->name, column->source.count);
}

/* The values of a block that have no ids yet. */
struct new_values {
    uint32_t count;
    uint32_t indices[BLOCK];
};

static bool are_below(const int32_t *indices, uint32_t count, uint32_t limit)
{
    int32_t end = limit < INT32_MAX ? (int32_t)limit : INT32_MAX;
    int32_t outside = 0;
    for (uint32_t i = 0; i < count; i++)
        outside |= (indices[i] < 0) | (indices[i] >= end);
    return outside == 0;
}

static bool any_is_new(const uint32_t *ids, uint32_t count)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++)
        found |= ids[i] == DICTIONARY_NO_ID;
    return found != 0;
}

/* Writes the ids of the block's indices, DICTIONARY_NO_ID where they are new; false if an index
 * lies outside the dictionary. */
static bool map_indices(const struct column_writer *column, const struct block *block,
                        const int32_t *indices, struct new_values *new_values)
{
    const struct index_source *source = &column->source;
    uint32_t *ids = column->open_ids + column->open_values; /* not counted yet */
    uint32_t count = block->value_count;
    int32_t packed[BLOCK];
    indices = pack_indices(block, indices, packed);
    new_values->count = 0;
    if (!are_below(indices, count, source->count))
        return false;
    for (uint32_t i = 0; i < count; i++)
        ids[i] = source->ids[indices[i]];
    if (!any_is_new(ids, count))
        return true;
    for (uint32_t i = 0; i < count; i++)
        if (ids[i] == DICTIONARY_NO_ID)
            new_values->indices[new_values->count++] = (uint32_t)indices[i];
    return true;
}

/* Gives the new values of a block their ids, first making sure that they fit. */
static enum error_code add_new_values(struct column_writer *column, const struct ArrowArray *values,
                                      const struct new_values *new_values, struct error *error)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < new_values->count; i++)
        bytes +=
            array_value(&column->type, values, values->offset + new_values->indices[i]).size_bytes;
    if (check_room(column, new_values->count, bytes, error) != OK)
        return ERR_NO_MEMORY;
    if (!column->uses_dictionary)
        return OK;
    enum error_code code =
        is_sole_source(column)
            ? map_new_values(column, values, new_values->indices, new_values->count)
            : find_new_values(column, values, new_values->indices, new_values->count);
    return code == OK ? OK : error_no_memory(error, "values");
}

/* ---- lists ---- */

/* Loads and maps `count` values of a list, from `first` on. */
static enum error_code map_list_block(struct column_writer *column, const struct ArrowArray *values,
                                      uint32_t first, uint32_t count)
{
    struct value_block block;
    uint32_t change_ids[BLOCK], ids[BLOCK + VALUE_SPREAD_SLACK];
    uint32_t width = column->type.width_bytes;
    const uint8_t *data = values->buffers[1];
    if (column->type.kind == VALUE_UINT32)
        return chunk_dictionary_map_uint32(&column->dictionary, (const uint32_t *)data + first,
                                           count, column->source.ids + first);
    if (column->type.kind == VALUE_TEXT) {
        const int32_t *offsets = values->buffers[1];
        data = text_bytes(values);
        value_block_load_texts(&block, data, offsets + first, NULL, count,
                               data + offsets[values->length]);
    } else {
        data += (size_t)first * width;
        if (chunk_dictionary_append_fixed(&column->dictionary, data, count, &ids[0])) {
            for (uint32_t i = 0; i < count; i++)
                column->source.ids[first + i] = ids[0] + i;
            return OK;
        }
        value_block_load_fixed(&block, data, width, NULL, count);
    }
    if (chunk_dictionary_map(&column->dictionary, &block, change_ids) != OK)
        return ERR_NO_MEMORY;
    value_block_spread_ids(&block, change_ids, ids);
    memcpy(column->source.ids + first, ids, count * sizeof *ids);
    return OK;
}

/* Gives the values of a list ids up to `last`, block by block: a file's values stand in the order
 * in which its rows first have them, so that a block more is soon needed, too. */
static enum error_code map_list(struct column_writer *column, const struct ArrowArray *values,
                                uint32_t last, struct error *error)
{
    struct index_source *source = &column->source;
    while (last >= source->known) {
        uint32_t first = source->known, count = source->count - first;
        count = count < BLOCK ? count : BLOCK;
        if (check_room(column, count, list_bytes(column, values, first, count), error) != OK)
            return ERR_NO_MEMORY;
        if (!column->uses_dictionary)
            return OK;
        if (map_list_block(column, values, first, count) != OK)
            return error_no_memory(error, "values");
        source->known += count;
    }
    return OK;
}

static enum error_code add_listed(struct column_writer *column, const struct block *block,
                                  struct error *error)
{
    int32_t packed[BLOCK];
    const int32_t *all = (const int32_t *)block->array->buffers[1] + block->first;
    const int32_t *indices = pack_indices(block, all, packed);
    uint32_t last = 0;
    for (uint32_t i = 0; i < block->value_count; i++)
        last = (uint32_t)indices[i] > last ? (uint32_t)indices[i] : last;
    if (block->value_count != 0 && last >= column->source.count)
        return wrong_index(column, error);
    if (block->value_count != 0 && column->uses_dictionary &&
        map_list(column, block->array->dictionary, last, error) != OK)
        return ERR_NO_MEMORY;
    if (!column->uses_dictionary)
        return add_plain_indices(column, block, all, error);
    uint32_t *ids = column->open_ids + column->open_values;
    add_levels(column, block);
    for (uint32_t i = 0; i < block->value_count; i++)
        ids[i] = column->source.ids[indices[i]];
    column->open_values += block->value_count;
    return OK;
}

/* ---- ids as they are ---- */

static enum error_code add_ids(struct column_writer *column, const struct block *block,
                               struct error *error)
{
    int32_t packed[BLOCK];
    const int32_t *all = (const int32_t *)block->array->buffers[1] + block->first;
    const int32_t *indices = pack_indices(block, all, packed);
    if (!are_below(indices, block->value_count, column->source.count))
        return wrong_index(column, error);
    if (!column->uses_dictionary)
        return add_plain_indices(column, block, all, error);
    uint32_t *ids = column->open_ids + column->open_values;
    uint32_t first_id = column->source.first_id;
    add_levels(column, block);
    uint32_t bits = column->source.id_bits;
    for (uint32_t i = 0; i < block->value_count; i++) {
        ids[i] = (uint32_t)indices[i] + first_id;
        bits |= ids[i];
    }
    column->source.id_bits = bits;
    column->open_values += block->value_count;
    return OK;
}

/* ---- any other dictionary ---- */

static enum error_code add_indices(struct column_writer *column, const struct block *block,
                                   struct error *error)
{
    const int32_t *indices = (const int32_t *)block->array->buffers[1] + block->first;
    struct new_values new_values;
    if (!map_indices(column, block, indices, &new_values))
        return wrong_index(column, error);
    if (new_values.count != 0 && column->uses_dictionary) {
        enum error_code code = add_new_values(column, block->array->dictionary, &new_values, error);
        if (code != OK)
            return code;
        /* The page may have been sealed, and the new values have ids now. */
        bool is_known = map_indices(column, block, indices, &new_values);
        assert(is_known && (new_values.count == 0 || !column->uses_dictionary));
        (void)is_known;
    }
    if (!column->uses_dictionary)
        return add_plain_indices(column, block, indices, error);
    add_levels(column, block);
    column->open_values += block->value_count;
    return OK;
}

static enum error_code add_dictionary_block(struct column_writer *column, const struct block *block,
                                            struct error *error)
{
    switch (column->source.way) {
    case INDICES_AS_IDS: return add_ids(column, block, error);
    case INDICES_LISTED: return add_listed(column, block, error);
    case INDICES_MAPPED: break;
    }
    return add_indices(column, block, error);
}

static enum error_code add_block(struct column_writer *column, struct block *block,
                                 struct error *error)
{
    select_valid(block);
    if (block->value_count != block->row_count && !column->nullable)
        return error_set(error, ERR_INVALID, "column %s is required, but a row has no value in it",
                         column->name);
    if (block->array->dictionary != NULL)
        return add_dictionary_block(column, block, error);
    switch (column->type.kind) {
    case VALUE_UINT32: return add_uint32(column, block, error);
    case VALUE_TIMESTAMP:
    case VALUE_FIXED:
    case VALUE_DECIMAL: return add_fixed(column, block, error);
    case VALUE_TEXT: break;
    }
    return add_texts(column, block, error);
}

enum error_code column_append(struct column_writer *column, const struct ArrowArray *array,
                              int64_t first_row, int64_t row_count, struct error *error)
{
    if (array->dictionary != NULL) {
        enum error_code code = prepare_source(column, array, error);
        if (code != OK)
            return code;
    }
    struct block block = {.array = array, .first = array->offset + first_row};
    while (row_count > 0) {
        uint32_t room = column_page_room(column);
        block.row_count = room < BLOCK ? room : BLOCK;
        if (row_count < block.row_count)
            block.row_count = (uint32_t)row_count;
        enum error_code code = add_block(column, &block, error);
        if (code == OK && column_page_is_full(column))
            code = column_seal_page(column, error);
        if (code != OK)
            return code;
        block.first += block.row_count;
        row_count -= block.row_count;
    }
    column_learn_share(column);
    return OK;
}
