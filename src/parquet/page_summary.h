// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PARQUET_PAGE_SUMMARY_H
#define TTP_PARQUET_PAGE_SUMMARY_H

/*
 * What the statistics of a page of dictionary indices say: which of its values are the least and
 * the greatest in the column's order (value_compare), and what its texts take. Kept up while values
 * are at hand, so that sealing a page need not look them up again.
 */

#include "parquet/dictionary.h"
#include "parquet/value_block.h"

/* A number whose order is the values' order, as far as it tells them apart: ties of texts and
 * binaries are decided by their bytes. */
typedef unsigned __int128 order_key;

struct page_summary {
    uint32_t value_count; /* that are in it */
    uint32_t min_id, max_id;
    order_key min_key, max_key;
    uint64_t text_bytes;
};

/* Adds the values of a block, by the ids of its changes. */
void page_summary_add_block(struct page_summary *summary, const struct chunk_dictionary *dictionary,
                            const struct value_block *block, const uint32_t *change_ids);
/* Adds 1 to VALUE_BLOCK_MAX integers with their ids. */
void page_summary_add_uint32(struct page_summary *summary, const uint32_t *values,
                             const uint32_t *ids, uint32_t count);

/* The same of values that are known by their ids only. */
void page_summary_add_ids(struct page_summary *summary, const struct chunk_dictionary *dictionary,
                          const uint32_t *ids, uint32_t count);

#endif
