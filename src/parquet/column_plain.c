// SPDX-License-Identifier: Apache-2.0
/* Going back from dictionary pages to PLAIN ones, where the dictionary did not pay. */
#include "parquet/column_pages.h"
#include "parquet/hybrid.h"
#include "util/memory.h"

/* Appends `count` rows of a dictionary page as plain values, sealing pages as they fill. */
static enum error_code replay_rows(struct column_writer *column, const uint32_t *levels,
                                   const uint32_t *ids, uint32_t count, struct error *error)
{
    for (uint32_t row = 0; row < count; row++) {
        bool valid = levels == NULL || levels[row] != 0;
        column_add_levels(column, valid ? 1 : 0, 1);
        if (valid &&
            column_add_plain(column, chunk_dictionary_value(&column->dictionary, *ids++)) != OK)
            return error_no_memory(error, "values");
        if (column_page_is_full(column)) {
            enum error_code code = column_seal_page(column, error);
            if (code != OK)
                return code;
        }
    }
    return OK;
}

void sealed_page_decode(const struct column_writer *column, const uint8_t *sealed,
                        const struct sealed_page *page, uint32_t *levels, uint32_t *ids)
{
    struct hybrid_decoder decoder;
    bool whole = true;
    assert(page->encoding == PARQUET_RLE_DICTIONARY);
    if (levels != NULL && column->nullable) {
        hybrid_decoder_init(&decoder,
                            bytes_view_of(sealed + page->offset + 4, page->levels_bytes - 4), 1);
        whole = hybrid_decode(&decoder, levels, page->row_count);
    }
    const uint8_t *values = sealed + page->offset + page->levels_bytes;
    size_t size = page->size_bytes - page->levels_bytes;
    hybrid_decoder_init(&decoder, bytes_view_of(values + 1, size - 1), values[0]);
    whole = whole && hybrid_decode(&decoder, ids, page->row_count - page->null_count);
    assert(whole);
    (void)whole;
}

static enum error_code replay_page(struct column_writer *column, const uint8_t *data,
                                   const struct sealed_page *page, uint32_t *scratch,
                                   struct error *error)
{
    uint32_t *levels = column->nullable ? scratch : NULL;
    uint32_t *ids = scratch + PAGE_MAX_ROWS;
    sealed_page_decode(column, data, page, levels, ids);
    return replay_rows(column, levels, ids, page->row_count, error);
}

/* Copies a page that was plain already; its bounds move with it. */
static enum error_code keep_plain_page(struct column_writer *column, const uint8_t *data,
                                       const struct sealed_page *page, struct error *error)
{
    enum error_code code = column_seal_page(column, error);
    if (code != OK)
        return code;
    struct sealed_page moved = *page;
    moved.offset = column->sealed.size_bytes;
    moved.min = page->min - page->offset + moved.offset;
    moved.max = page->max - page->offset + moved.offset;
    if (buffer_append(&column->sealed, data + page->offset, page->size_bytes) != OK ||
        column_push_page(column, &moved) != OK)
        return error_no_memory(error, "a page");
    return OK;
}

enum error_code column_replay_as_plain(struct column_writer *column, struct error *error)
{
    struct buffer sealed = column->sealed;
    struct page_list pages = column->pages;
    buffer_init(&column->sealed);
    column->pages = (struct page_list){0};
    column->uses_dictionary = false;
    enum error_code code = OK;
    uint32_t *scratch = mem_alloc(2 * PAGE_MAX_ROWS * sizeof *scratch);
    if (scratch == NULL)
        code = error_no_memory(error, "a column");
    for (size_t i = 0; i < pages.count && code == OK; i++) {
        const struct sealed_page *page = &pages.items[i];
        code = page->encoding == PARQUET_PLAIN
                   ? keep_plain_page(column, sealed.data, page, error)
                   : replay_page(column, sealed.data, page, scratch, error);
    }
    if (code == OK)
        code = column_seal_page(column, error);
    mem_free(scratch);
    buffer_release(&sealed);
    mem_free(pages.items);
    return code;
}
