// SPDX-License-Identifier: Apache-2.0
#include "walk/verify_values.h"

#include <stdarg.h>
#include <stdio.h>

#include "parquet/bloom.h"

enum error_code verify_prefix(const struct verify_place *place, uint64_t offset,
                              enum error_code code, struct error *error)
{
    return error_prefix(
        error, code, "%s: row group %zu, column %s, byte %llu: ", place->source->name,
        place->row_group, place->metadata->columns[place->column].name, (unsigned long long)offset);
}

enum error_code verify_fail(const struct verify_place *place, uint64_t offset, struct error *error,
                            const char *format, ...)
{
    char text[ERROR_MESSAGE_BYTES / 2];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)error_set(error, ERR_CORRUPT, "%s", text);
    return verify_prefix(place, offset, ERR_CORRUPT, error);
}

static bool is_comparable(const struct value_check *check, struct bytes_view bound)
{
    uint32_t width = check->column->value.width_bytes;
    return check->column->has_known_order && (width == 0 || bound.size_bytes == width);
}

/* Holds one value against bounds that may be cut. */
static bool lies_between(const struct value_check *check, struct bytes_view value,
                         struct bytes_view min, struct bytes_view max)
{
    const struct value_type *type = &check->column->value;
    return (!is_comparable(check, min) || value_compare(type, value, min) >= 0) &&
           (!is_comparable(check, max) || value_compare(type, value, max) <= 0);
}

static enum error_code check_against_chunk(struct value_check *check, struct bytes_view value,
                                           uint64_t offset, struct error *error)
{
    const struct parquet_statistics_metadata *statistics = &check->chunk->statistics;
    const struct value_type *type = &check->column->value;
    if (!check->column->has_known_order)
        return OK;
    if (statistics->has_min && is_comparable(check, statistics->min_value)) {
        int order = value_compare(type, value, statistics->min_value);
        check->found_min = check->found_min || order == 0;
        if (order < 0)
            return verify_fail(&check->place, offset, error,
                               "a value lies below the column's minimum");
    }
    if (statistics->has_max && is_comparable(check, statistics->max_value)) {
        int order = value_compare(type, value, statistics->max_value);
        check->found_max = check->found_max || order == 0;
        if (order > 0)
            return verify_fail(&check->place, offset, error,
                               "a value lies above the column's maximum");
    }
    return OK;
}

static enum error_code check_value(struct value_check *check, struct bytes_view value,
                                   uint64_t offset, struct error *error)
{
    enum error_code code = check_against_chunk(check, value, offset, error);
    if (code != OK)
        return code;
    if (check->index.page_count != 0) {
        const struct column_index_page *page = &check->index.pages[check->page_number];
        if (page->is_null_page || !lies_between(check, value, page->min_value, page->max_value))
            return verify_fail(&check->place, offset, error,
                               "a value lies outside its page's bounds in the column index");
    }
    if (check->filter.size_bytes != 0 &&
        !bloom_contains(check->filter.data, (uint32_t)check->filter.size_bytes, bloom_hash(value)))
        return verify_fail(&check->place, offset, error,
                           "a value is missing in the column's Bloom filter");
    if (check->column->type == PARQUET_BYTE_ARRAY &&
        check->column->converted_type == PARQUET_CONVERTED_UTF8 && !utf8_is_valid(value))
        return verify_fail(&check->place, offset, error, "a text is not UTF-8");
    return OK;
}

enum error_code value_check_page(struct value_check *check, const struct parquet_page_values *page,
                                 struct error *error)
{
    if (check->index.page_count != 0 && check->page_number >= check->index.page_count)
        return verify_fail(&check->place, page->offset, error,
                           "the column index has too few pages");
    int64_t nulls = (int64_t)page->row_count - page->value_count;
    check->null_count += nulls;
    check->has_values = check->has_values || page->value_count != 0;
    if (check->index.page_count != 0) {
        int64_t claimed = check->index.pages[check->page_number].null_count;
        if (claimed >= 0 && claimed != nulls)
            return verify_fail(&check->place, page->offset, error,
                               "the page has %lld nulls, the column index says %lld",
                               (long long)nulls, (long long)claimed);
    }
    struct bytes_view last = {0};
    for (uint32_t i = 0; i < page->value_count; i++) {
        struct bytes_view value = parquet_page_value(page, i);
        bool is_repeat = i != 0 && bytes_equal(value, last);
        enum error_code code = is_repeat ? OK : check_value(check, value, page->offset, error);
        if (code != OK)
            return code;
        last = value;
    }
    check->page_number++;
    return OK;
}

/* Counts, and exact bounds that must have occurred. */
enum error_code value_check_end(const struct value_check *check, struct error *error)
{
    const struct parquet_statistics_metadata *statistics = &check->chunk->statistics;
    uint64_t at = check->chunk->offset;
    if (statistics->null_count >= 0 && statistics->null_count != check->null_count)
        return verify_fail(&check->place, at, error, "it has %lld nulls, the footer says %lld",
                           (long long)check->null_count, (long long)statistics->null_count);
    if (!check->column->has_known_order || !check->has_values)
        return OK;
    if ((statistics->has_min && statistics->min_is_exact && !check->found_min) ||
        (statistics->has_max && statistics->max_is_exact && !check->found_max))
        return verify_fail(&check->place, at, error,
                           "an exact minimum or maximum in the footer does not occur");
    return OK;
}
