// SPDX-License-Identifier: Apache-2.0
#include "lake/listing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/history.h"
#include "os/file.h"
#include "store/store.h"
#include "util/buffer.h"
#include "util/memory.h"
#include "util/text.h"

enum error_code listing_bound_parse(const char *text, struct listing_bound *bound,
                                    struct error *error)
{
    char midnight[TEXT_TIME_BYTES];
    *bound = (struct listing_bound){.kind = LISTING_NONE};
    if (text_parse_u32(bytes_view_text(text), &bound->ledger)) {
        bound->kind = LISTING_LEDGER;
        return OK;
    }
    if (strlen(text) == strlen("2024-01-15")) {
        snprintf(midnight, sizeof midnight, "%sT00:00:00Z", text);
        text = midnight;
    }
    if (!text_parse_rfc3339(bytes_view_text(text), &bound->time_us))
        return error_set(error, ERR_INVALID,
                         "'%s' is neither a ledger nor a time: write 57500008, "
                         "2024-01-15T12:00:00Z or 2024-01-15",
                         text);
    bound->kind = LISTING_TIME;
    return OK;
}

struct listing {
    const char *root; /* absolute */
    const struct listing_filter *filter;
    listing_visitor *visit;
    void *context;
    struct buffer deletes; /* struct hidden, by data_file_id */
};

struct hidden {
    int64_t data_file_id, row_count;
};

static size_t delete_count(const struct listing *listing)
{
    return listing->deletes.size_bytes / sizeof(struct hidden);
}

static enum error_code keep_delete(void *context, const struct catalog_delete *one,
                                   struct error *error)
{
    struct listing *listing = context;
    struct hidden kept = {one->data_file_id, one->row_count};
    return buffer_append(&listing->deletes, &kept, sizeof kept) == OK
               ? OK
               : error_no_memory(error, "the deletes");
}

static int compare_hidden(const void *a, const void *b)
{
    int64_t left = ((const struct hidden *)a)->data_file_id;
    int64_t right = ((const struct hidden *)b)->data_file_id;
    return left < right ? -1 : left > right;
}

/* A file has a delete file and deletes in the catalog itself at most. */
static uint64_t hidden_in(const struct listing *listing, int64_t data_file_id)
{
    const struct hidden *all = (const void *)listing->deletes.data;
    size_t low = 0, high = delete_count(listing);
    uint64_t rows = 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (all[middle].data_file_id < data_file_id)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < delete_count(listing) && all[low].data_file_id == data_file_id; low++)
        rows += (uint64_t)all[low].row_count;
    return rows;
}

/* DuckLake writes 2024-01-15 12:30:00+00; RFC 3339 wants minutes in the offset. */
static int64_t parse_timestamptz(const char *text)
{
    int64_t time_us = 0;
    return text != NULL && text_parse_rfc3339(bytes_view_text(text), &time_us) ? time_us : 0;
}

/* Whether all of the file lies before (or, with `after`, behind) the bound. */
static bool is_outside(const struct listed_file *file, bool has_range,
                       const struct listing_bound *bound, bool after)
{
    if (bound->kind == LISTING_LEDGER && !has_range)
        return false;
    if (bound->kind == LISTING_LEDGER)
        return after ? file->range.first > bound->ledger : file->range.last < bound->ledger;
    if (bound->kind == LISTING_TIME && file->last_us != 0)
        return after ? file->first_us > bound->time_us : file->last_us < bound->time_us;
    return false;
}

static enum error_code list_file(void *context, const struct catalog_file *file, uint64_t commit_no,
                                 struct error *error)
{
    const struct listing *listing = context;
    const struct row_schema *wanted = listing->filter->schema;
    char path[OS_PATH_BYTES];
    if (wanted != NULL &&
        (file->schema_version == NULL || strcmp(file->schema_version, wanted->version) != 0))
        return OK;
    enum error_code code =
        os_path_join(path, file->path_is_absolute ? "" : listing->root, file->path, error);
    struct listed_file listed = {.path = path,
                                 .record_count = file->record_count,
                                 .file_size_bytes = file->file_size_bytes,
                                 .range = file->range,
                                 .first_us = parse_timestamptz(file->first_time),
                                 .last_us = parse_timestamptz(file->last_time),
                                 .hidden_rows = hidden_in(listing, file->data_file_id),
                                 .commit_no = commit_no,
                                 .schema_version = file->schema_version};
    if (code != OK || is_outside(&listed, file->has_range, &listing->filter->since, false) ||
        is_outside(&listed, file->has_range, &listing->filter->until, true))
        return code;
    return listing->visit(listing->context, &listed, error);
}

enum error_code listing_each_file(struct catalog *catalog, const char *output_path,
                                  const struct listing_filter *filter, listing_visitor *visit,
                                  void *context, struct listing_totals *totals, struct error *error)
{
    struct store store;
    enum error_code code = store_at_real(&store, output_path, error);
    if (code != OK)
        return code;
    struct listing listing = {store.root, filter, visit, context, {0}};
    struct catalog_visible visible = {0};
    code = catalog_begin_read(catalog, error);
    if (code == OK)
        code = catalog_each_delete(catalog, keep_delete, &listing, error);
    if (listing.deletes.size_bytes > 0)
        qsort(listing.deletes.data, delete_count(&listing), sizeof(struct hidden), compare_hidden);
    if (code == OK)
        code = catalog_visible_rows(catalog, &visible, error);
    if (code == OK)
        code = catalog_each_file_with_times(catalog, list_file, &listing, error);
    catalog_end_read(catalog);
    buffer_release(&listing.deletes);
    *totals = (struct listing_totals){visible.deleted_rows, visible.inlined_rows};
    return code;
}
