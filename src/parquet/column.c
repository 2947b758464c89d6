// SPDX-License-Identifier: Apache-2.0
/*
 * How the values of a column become a column chunk.
 *
 *   rows  --column_append-->  open page  --column_seal_page-->  sealed pages and a dictionary
 *         --column_encode-->  the chunk's bytes
 *
 * 1. Rows go into the open page (column_append.c): a bit for each row that has a value, and the
 *    value's id in the chunk's dictionary (dictionary.c). An Arrow dictionary is looked up once for
 *    each of its values, not for each row; one that lives as long as the row group is not looked
 *    up at all: its indices are the ids (struct index_source).
 * 2. A full page is sealed here: its definition levels and ids are encoded at once, into the bytes
 *    that will stand in the file before compression. That is a few bits a value, so a row group of
 *    a million rows stays small while it grows. Its bounds are kept with it, as ids.
 * 3. A chunk begins with dictionary pages. It turns to plain pages, and never back, when the
 *    dictionary is full (column_stop_dictionary), or when after DICTIONARY_TRIAL_VALUES the
 *    dictionary and the ids take more than the plain values would (judge_dictionary): then nearly
 *    each value is new, and hashing it does not pay.
 * 4. When the row group closes, column_encode decides by exact sizes. If the dictionary did not
 *    pay, the sealed pages are replayed as plain ones (column_plain.c). The pages are compressed
 *    (column_pages.c); with the compact profile each DELTA encoding of the type is tried and the
 *    smallest chunk wins (column_compact.c). Bounds and the Bloom filter come last.
 *
 * What was compressed last teaches how the next bytes will shrink: body_share and page_share tell
 * the size of an open chunk without compressing it (column_bytes_estimate, by which files are cut
 * at max_file_size), rounds_widths tells whether ids of whole bytes compress better (learn_width).
 *
 * Until column_encode:
 *   - the sealed pages hold the first row_count rows, in order, the open page those behind them;
 *   - dictionary pages come before plain ones, so the first page tells whether there are any;
 *   - plain_bytes is what the values of all sealed pages take PLAIN-encoded, however they are
 *     encoded: the measure that the dictionary must beat.
 */
#include "parquet/column.h"

#include "parquet/bitpack.h"
#include "parquet/hybrid.h"
#include "util/memory.h"

/* What a column keeps of its pages' memory from one row group to the next. */
#define SEALED_KEPT_BYTES ((size_t)8 * 1024 * 1024)

/* From here on a chunk's first values tell how it will go on. */
#define DICTIONARY_TRIAL_VALUES 60000u
/* Bytes compressed to learn how far a column shrinks, before its first chunk tells. */
#define SHARE_SAMPLE_BYTES ((size_t)16 << 10)
#define SHARE_SAMPLE_ROWS  1024
#define FIRST_PAGES        64
/* A page of fewer indices says nothing about how they compress; more of them say nothing new. */
#define WIDTH_TRIAL_VALUES     1024u
#define WIDTH_TRIAL_MAX_VALUES 8192u

void chunk_bytes_release(struct chunk_bytes *bytes)
{
    buffer_release(&bytes->own);
    mem_free(bytes->pieces);
    *bytes = (struct chunk_bytes){0};
}

void chunk_meta_release(struct chunk_meta *chunk)
{
    mem_free(chunk->pages);
    buffer_release(&chunk->bounds);
    buffer_release(&chunk->bloom);
    *chunk = (struct chunk_meta){0};
}

enum error_code column_init(struct column_writer *column, const char *name, struct value_type type,
                            bool nullable, const struct parquet_column_options *options,
                            const struct parquet_writer_options *writer_options,
                            struct codec_pool *codecs, struct error *error)
{
    *column = (struct column_writer){
        .type = type,
        .nullable = nullable,
        .options = *options,
        .writer_options = writer_options,
        .codecs = codecs,
        .uses_dictionary = true,
        .is_rising = true,
    };
    chunk_dictionary_init(&column->dictionary, type);
    column->name = mem_copy_text(name);
    column->open_ids = mem_alloc((PAGE_MAX_ROWS + 8) * sizeof *column->open_ids);
    /* 8 bytes more, so that levels can be stored as words. */
    column->open_validity = mem_alloc_zero(1, PAGE_MAX_ROWS / 8 + 8);
    if (column->name == NULL || column->open_ids == NULL || column->open_validity == NULL) {
        column_release(column);
        return error_no_memory(error, "a column");
    }
    return OK;
}

void column_release(struct column_writer *column)
{
    mem_free(column->name);
    column->name = NULL;
    chunk_dictionary_release(&column->dictionary);
    mem_free(column->source.ids);
    column->source = (struct index_source){0};
    buffer_release(&column->sealed);
    mem_free(column->pages.items);
    column->pages = (struct page_list){0};
    mem_free(column->open_validity);
    column->open_validity = NULL;
    mem_free(column->open_ids);
    column->open_ids = NULL;
    buffer_release(&column->open_plain);
    chunk_bytes_release(&column->bytes);
    chunk_meta_release(&column->chunk);
}

static void clear_open_page(struct column_writer *column)
{
    memset(column->open_validity, 0, PAGE_MAX_ROWS / 8 + 8);
    column->open_rows = 0;
    column->open_values = 0;
    column->open_text_bytes = 0;
    buffer_reset(&column->open_plain);
    column->open_summary = (struct page_summary){0};
}

void column_reset(struct column_writer *column)
{
    clear_open_page(column);
    column->row_count = 0;
    column->null_count = 0;
    column->uses_dictionary = true;
    chunk_dictionary_reset(&column->dictionary);
    column->source.id = 0;
    column->source.count = 0;
    /* Of long values it is as large as the chunk, and the next chunk's is made beside it. */
    if (column->sealed.capacity_bytes > SEALED_KEPT_BYTES)
        buffer_release(&column->sealed);
    buffer_reset(&column->sealed);
    column->pages.count = 0;
    column->plain_bytes = 0;
    column->is_rising = true;
    column->last_id = 0;
    chunk_bytes_release(
        &column->bytes); /* as large as the chunk, and idle until the next one is full */
}

size_t column_memory_bytes(const struct column_writer *column)
{
    return sizeof *column + chunk_dictionary_memory_bytes(&column->dictionary) +
           column->source.capacity * sizeof *column->source.ids + column->sealed.capacity_bytes +
           column->pages.capacity * sizeof *column->pages.items + PAGE_MAX_ROWS / 8 + 8 +
           (PAGE_MAX_ROWS + 8) * sizeof *column->open_ids + column->open_plain.capacity_bytes +
           column->bytes.own.capacity_bytes + column->chunk.bounds.capacity_bytes +
           column->chunk.bloom.capacity_bytes +
           column->chunk.page_capacity * sizeof *column->chunk.pages;
}

static unsigned id_width(uint32_t count)
{
    return count < 2 ? 1 : bits_needed(count - 1);
}

/* Of the ids that rows have so far: values of rows to come may have theirs already. */
static unsigned used_width(const struct column_writer *column)
{
    const struct index_source *source = &column->source;
    if (source->id == 0 || source->way != INDICES_AS_IDS)
        return id_width(column->dictionary.count);
    return source->id_bits == 0 ? 1 : bits_needed(source->id_bits);
}

uint64_t column_bytes_estimate(const struct column_writer *column)
{
    uint64_t open = column->uses_dictionary ? (uint64_t)column->open_values * used_width(column) / 8
                                            : column->open_plain.size_bytes;
    double pages = (double)(column->sealed.size_bytes + open);
    double body_share = column->body_share == 0 ? 1.0 : column->body_share;
    double page_share = column->page_share == 0 ? 1.0 : column->page_share;
    return (uint64_t)((double)column->dictionary.body.size_bytes * body_share +
                      pages * (column->uses_dictionary ? page_share : body_share));
}

uint32_t column_page_room(const struct column_writer *column)
{
    uint32_t rows = PAGE_MAX_ROWS - column->open_rows;
    uint64_t page_size = column->writer_options->page_size_bytes;
    uint64_t values;
    if (column->uses_dictionary) {
        uint64_t all = page_size * 8 / used_width(column);
        values = all > column->open_values ? all - column->open_values : 0;
    } else {
        uint64_t used = column->open_plain.size_bytes;
        uint64_t each = column->open_values == 0 ? column->type.width_bytes + 4
                                                 : used / column->open_values + 1;
        values = page_size > used ? (page_size - used) / each : 0;
    }
    if (values < rows)
        rows = (uint32_t)values;
    return rows == 0 ? 1 : rows;
}

bool column_page_is_full(const struct column_writer *column)
{
    uint64_t page_size = column->writer_options->page_size_bytes;
    if (column->open_rows >= PAGE_MAX_ROWS)
        return true;
    if (column->uses_dictionary)
        return (uint64_t)column->open_values * used_width(column) >= page_size * 8;
    return column->open_plain.size_bytes >= page_size;
}

void column_add_levels(struct column_writer *column, uint32_t valid, uint32_t row_count)
{
    assert(row_count <= 32 && column->open_rows + row_count <= PAGE_MAX_ROWS);
    uint8_t *at = column->open_validity + column->open_rows / 8;
    uint64_t word;
    memcpy(&word, at, sizeof word);
    word |= (uint64_t)valid << column->open_rows % 8;
    memcpy(at, &word, sizeof word);
    column->open_rows += row_count;
}

enum error_code column_add_plain(struct column_writer *column, struct bytes_view value)
{
    uint32_t size = (uint32_t)value.size_bytes;
    if (buffer_reserve(&column->open_plain, value.size_bytes + sizeof size) != OK)
        return ERR_NO_MEMORY;
    if (column->type.kind == VALUE_TEXT) {
        buffer_append_unchecked(&column->open_plain, &size, sizeof size);
        column->open_text_bytes += size;
    }
    buffer_append_unchecked(&column->open_plain, value.data, value.size_bytes);
    column->open_values++;
    return OK;
}

/* The bits that the widest of the ids needs, at least 1: all of them are or-ed, two at a time. */
static unsigned ids_width(const uint32_t *ids, uint32_t count)
{
    uint64_t pairs = 0;
    uint32_t i = 0;
    for (; i + 2 <= count; i += 2) {
        uint64_t pair;
        memcpy(&pair, ids + i, sizeof pair);
        pairs |= pair;
    }
    uint32_t all = (uint32_t)(pairs | pairs >> 32);
    if (i < count)
        all |= ids[i];
    return all == 0 ? 1 : bits_needed(all);
}

static bool ids_rise(const uint32_t *ids, uint32_t count, uint32_t first)
{
    uint32_t falls = ids[0] < first;
    for (uint32_t i = 1; i < count; i++)
        falls |= ids[i] < ids[i - 1];
    return !falls;
}

/* Appends ids and returns what they take compressed; 0 if memory is out. */
static size_t compressed_ids_size(struct column_writer *column, uint32_t count, unsigned width,
                                  struct codec_context *context, struct buffer *scratch)
{
    buffer_reset(scratch);
    if (hybrid_encode(column->open_ids, count, width, scratch) != OK)
        return 0;
    size_t packed = scratch->size_bytes;
    if (codec_compress(context, column->writer_options->codec,
                       column->writer_options->compression_level,
                       bytes_view_of(scratch->data, packed), &column->open_plain, NULL) != OK)
        return 0;
    size_t size = column->open_plain.size_bytes;
    buffer_reset(&column->open_plain); /* not in use while the page holds ids */
    column->page_share = (double)size / (double)packed;
    return size;
}

/* Codecs work on bytes: indices that begin at byte boundaries may shrink further although they take
 * more bits. It differs from width to width, and only the data can tell. */
static void learn_width(struct column_writer *column, uint32_t count, unsigned width)
{
    if (width == column->tried_width || column->writer_options->codec == PARQUET_CODEC_NONE ||
        count < WIDTH_TRIAL_VALUES)
        return;
    column->tried_width = width;
    column->rounds_widths = false;
    if (width % 8 == 0 && column->page_share != 0)
        return;
    struct codec_context *context;
    if (codec_pool_take(column->codecs, &context) != OK)
        return; /* only a chance is lost */
    struct buffer scratch;
    buffer_init(&scratch);
    count = count < WIDTH_TRIAL_MAX_VALUES ? count : WIDTH_TRIAL_MAX_VALUES;
    uint32_t kept[8]; /* encoding clears what is behind the values */
    memcpy(kept, column->open_ids + count, sizeof kept);
    size_t rounded = compressed_ids_size(column, count, (width + 7) / 8 * 8, context, &scratch);
    double rounded_share = column->page_share;
    size_t exact = compressed_ids_size(column, count, width, context, &scratch);
    column->rounds_widths = rounded != 0 && rounded < exact;
    if (column->rounds_widths)
        column->page_share = rounded_share;
    memcpy(column->open_ids + count, kept, sizeof kept);
    buffer_release(&scratch);
    codec_pool_give(column->codecs, context);
}

/* Dictionary page: a byte with the width, then the hybrid-encoded ids. */
static enum error_code seal_ids(struct column_writer *column, struct sealed_page *page)
{
    uint32_t count = column->open_values;
    page->encoding = PARQUET_RLE_DICTIONARY;
    unsigned width = ids_width(column->open_ids, count);
    learn_width(column, count, width);
    if (column->rounds_widths)
        width = (width + 7) / 8 * 8;
    if (buffer_append_byte(&column->sealed, (uint8_t)width) != OK)
        return ERR_NO_MEMORY;
    if (count == 0)
        return OK;
    struct page_summary summary = column->open_summary;
    if (summary.value_count != count) {
        summary = (struct page_summary){0};
        page_summary_add_ids(&summary, &column->dictionary, column->open_ids, count);
    }
    page->min = summary.min_id;
    page->max = summary.max_id;
    page->text_bytes = summary.text_bytes;
    column->plain_bytes += column->type.kind == VALUE_TEXT
                               ? summary.text_bytes + 4 * (uint64_t)count
                               : (uint64_t)count * column->type.width_bytes;
    if (column->options.sorted_ascending) {
        column->is_rising = column->is_rising && column->null_count == 0 &&
                            ids_rise(column->open_ids, count, column->last_id);
        column->last_id = column->open_ids[count - 1];
    }
    return hybrid_encode(column->open_ids, count, width, &column->sealed);
}

static struct bytes_view next_plain(const struct value_type *type, const uint8_t *at)
{
    uint32_t size = type->width_bytes;
    if (type->kind != VALUE_TEXT)
        return bytes_view_of(at, size);
    memcpy(&size, at, sizeof size);
    return bytes_view_of(at + sizeof size, size);
}

static enum error_code seal_plain(struct column_writer *column, struct sealed_page *page)
{
    page->encoding = PARQUET_PLAIN;
    page->text_bytes = column->open_text_bytes;
    column->plain_bytes += column->open_plain.size_bytes;
    column->is_rising = false; /* not looked at: such a column is not sorted in practice */
    size_t start = column->sealed.size_bytes;
    if (buffer_append(&column->sealed, column->open_plain.data, column->open_plain.size_bytes) !=
        OK)
        return ERR_NO_MEMORY;
    if (column->open_values == 0)
        return OK;
    const uint8_t *at = column->sealed.data + start;
    struct bytes_view min = next_plain(&column->type, at);
    struct bytes_view max = min;
    for (uint32_t i = 0; i < column->open_values; i++) {
        struct bytes_view value = next_plain(&column->type, at);
        at = value.data + value.size_bytes;
        if (value_compare(&column->type, value, min) < 0)
            min = value;
        else if (value_compare(&column->type, value, max) > 0)
            max = value;
    }
    page->min = (size_t)(min.data - column->sealed.data);
    page->max = (size_t)(max.data - column->sealed.data);
    page->min_size_bytes = (uint32_t)min.size_bytes;
    page->max_size_bytes = (uint32_t)max.size_bytes;
    return OK;
}

/* Definition levels of a V1 page: their length in 4 bytes, then the hybrid-encoded bits. */
static enum error_code seal_levels(struct column_writer *column, struct sealed_page *page)
{
    if (!column->nullable)
        return OK;
    if (buffer_append_zeros(&column->sealed, 4) != OK ||
        hybrid_encode_bits(column->open_validity, column->open_rows, &column->sealed) != OK)
        return ERR_NO_MEMORY;
    page->levels_bytes = (uint32_t)(column->sealed.size_bytes - page->offset);
    uint32_t size = page->levels_bytes - 4;
    memcpy(column->sealed.data + page->offset, &size, sizeof size);
    return OK;
}

enum error_code column_push_page(struct column_writer *column, const struct sealed_page *page)
{
    struct page_list *pages = &column->pages;
    if (pages->count == pages->capacity) {
        size_t capacity = pages->capacity == 0 ? FIRST_PAGES : pages->capacity * 2;
        struct sealed_page *items = mem_realloc(pages->items, capacity * sizeof *items);
        if (items == NULL)
            return ERR_NO_MEMORY;
        pages->items = items;
        pages->capacity = capacity;
    }
    pages->items[pages->count++] = *page;
    return OK;
}

static void end_dictionary(struct column_writer *column)
{
    column->uses_dictionary = false;
    chunk_dictionary_release_tables(&column->dictionary);
}

/* Hashing does not pay where nearly every value is new. What becomes of the pages so far is decided
 * at the end. */
static void judge_dictionary(struct column_writer *column)
{
    uint64_t values = (uint64_t)(column->row_count - column->null_count);
    bool in_vain =
        values >= DICTIONARY_TRIAL_VALUES && column->dictionary.has_tables &&
        column->dictionary.body.size_bytes + column->sealed.size_bytes > column->plain_bytes;
    if (in_vain)
        end_dictionary(column);
}

enum error_code column_seal_page(struct column_writer *column, struct error *error)
{
    if (column->open_rows == 0)
        return OK;
    struct sealed_page page = {
        .offset = column->sealed.size_bytes,
        .row_count = column->open_rows,
        .null_count = column->open_rows - column->open_values,
    };
    column->row_count += page.row_count;
    column->null_count += page.null_count;
    if (seal_levels(column, &page) != OK ||
        (column->uses_dictionary ? seal_ids(column, &page) : seal_plain(column, &page)) != OK)
        return error_no_memory(error, "a page");
    page.size_bytes = (uint32_t)(column->sealed.size_bytes - page.offset);
    if (column_push_page(column, &page) != OK)
        return error_no_memory(error, "a page");
    clear_open_page(column);
    if (column->uses_dictionary)
        judge_dictionary(column);
    return OK;
}

enum error_code column_stop_dictionary(struct column_writer *column, struct error *error)
{
    enum error_code code = column_seal_page(column, error);
    end_dictionary(column);
    return code;
}

void column_learn_share(struct column_writer *column)
{
    if (column->body_share != 0 || column->writer_options->codec == PARQUET_CODEC_NONE ||
        column->row_count + column->open_rows < SHARE_SAMPLE_ROWS)
        return;
    const struct buffer *from =
        column->uses_dictionary ? &column->dictionary.body : &column->open_plain;
    size_t size = from->size_bytes < SHARE_SAMPLE_BYTES ? from->size_bytes : SHARE_SAMPLE_BYTES;
    column->body_share = 1.0;
    struct codec_context *context;
    if (size < 256 || codec_pool_take(column->codecs, &context) != OK)
        return;
    struct buffer out;
    buffer_init(&out);
    if (codec_compress(context, column->writer_options->codec,
                       column->writer_options->compression_level, bytes_view_of(from->data, size),
                       &out, NULL) == OK)
        column->body_share = (double)out.size_bytes / (double)size;
    buffer_release(&out);
    codec_pool_give(column->codecs, context);
}
