// SPDX-License-Identifier: Apache-2.0
#include "s3/page.h"

#include <string.h>

#include "s3/encode.h"
#include "s3/xml.h"
#include "util/list.h"
#include "util/text.h"

/* The page as it is read: whether keys are encoded may stand behind them. */
struct page_reading {
    struct s3_page *page;
    struct s3_page_entry entry; /* the one that is open */
};

void s3_page_init(struct s3_page *page)
{
    *page = (struct s3_page){0};
}

void s3_page_release(struct s3_page *page)
{
    buffer_release(&page->texts);
    buffer_release(&page->entries);
    s3_page_init(page);
}

static enum error_code keep_text(struct s3_page *page, struct bytes_view text, size_t *at,
                                 struct error *error)
{
    if (text.size_bytes > 0 && memchr(text.data, '\0', text.size_bytes) != NULL)
        return error_set(error, ERR_CORRUPT, "the listing has a text with a NUL in it");
    *at = page->texts.size_bytes;
    enum error_code code = buffer_append(&page->texts, text.data, text.size_bytes);
    if (code == OK)
        code = buffer_append_byte(&page->texts, 0);
    return code == OK ? OK : error_no_memory(error, "a listing of the object store");
}

static enum error_code end_entry(struct page_reading *reading, struct error *error)
{
    struct s3_page_entry entry = reading->entry;
    reading->entry = (struct s3_page_entry){0};
    if (entry.key == 0)
        return error_set(error, ERR_CORRUPT, "the listing has an entry without a key");
    return buffer_append(&reading->page->entries, &entry, sizeof entry) == OK
               ? OK
               : error_no_memory(error, "a listing of the object store");
}

/* It goes into headers of later requests. */
static bool is_etag(struct bytes_view text)
{
    for (size_t i = 0; i < text.size_bytes; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~')
            return false;
    }
    return true;
}

static enum error_code take_entry(struct page_reading *reading, const char *name,
                                  struct bytes_view text, struct error *error)
{
    struct s3_page_entry *entry = &reading->entry;
    if (strcmp(name, "Key") == 0)
        return keep_text(reading->page, text, &entry->key, error);
    if (strcmp(name, "ETag") == 0 && !is_etag(text))
        return error_set(error, ERR_CORRUPT, "the listing has an ETag that is none");
    if (strcmp(name, "ETag") == 0 || strcmp(name, "UploadId") == 0)
        return keep_text(reading->page, text, &entry->other, error);
    if (strcmp(name, "Size") == 0 && !text_parse_u64(text, &entry->size_bytes))
        return error_set(error, ERR_CORRUPT, "the listing has a size that is no number");
    if ((strcmp(name, "LastModified") == 0 || strcmp(name, "Initiated") == 0) &&
        !text_parse_rfc3339(text, &entry->time_us))
        return error_set(error, ERR_CORRUPT, "the listing has a time that is none");
    return OK;
}

static enum error_code take_element(void *context, const char *path, struct bytes_view text,
                                    struct error *error)
{
    struct page_reading *reading = context;
    struct s3_page *page = reading->page;
    const char *name = strchr(path, '/');
    if (name == NULL)
        return OK;
    name++;
    if (strcmp(name, "Contents") == 0 || strcmp(name, "Upload") == 0)
        return end_entry(reading, error);
    if (strncmp(name, "Contents/", 9) == 0)
        return take_entry(reading, name + 9, text, error);
    if (strncmp(name, "Upload/", 7) == 0)
        return take_entry(reading, name + 7, text, error);
    if (strcmp(name, "IsTruncated") == 0)
        page->is_cut = bytes_equal(text, bytes_view_text("true"));
    if (strcmp(name, "EncodingType") == 0)
        page->is_url_encoded = bytes_equal(text, bytes_view_text("url"));
    if (strcmp(name, "NextContinuationToken") == 0 && text.size_bytes > 0)
        return keep_text(page, text, &page->next_token, error);
    if (strcmp(name, "NextKeyMarker") == 0 && text.size_bytes > 0)
        return keep_text(page, text, &page->next_key, error);
    if (strcmp(name, "NextUploadIdMarker") == 0 && text.size_bytes > 0)
        return keep_text(page, text, &page->next_upload, error);
    return OK;
}

/* *at becomes the decoded text, behind all others. */
static enum error_code decode_text(struct s3_page *page, size_t *at, struct error *error)
{
    size_t from = *at, size_bytes = strlen(s3_page_text(page, from));
    size_t to = page->texts.size_bytes;
    enum error_code code = buffer_reserve(&page->texts, size_bytes + 1);
    if (code == OK)
        code = s3_decode(&page->texts, bytes_view_of(page->texts.data + from, size_bytes));
    if (code == OK)
        code = buffer_append_byte(&page->texts, 0);
    *at = to;
    if (code == ERR_CORRUPT)
        return error_set(error, code, "the listing has a key that is not encoded as it says");
    return code == OK ? OK : error_no_memory(error, "a listing of the object store");
}

static enum error_code decode_keys(struct s3_page *page, struct error *error)
{
    enum error_code code = OK;
    size_t count = LIST_COUNT(&page->entries, struct s3_page_entry);
    for (size_t i = 0; i < count && code == OK; i++)
        code = decode_text(page, &LIST_AT(&page->entries, struct s3_page_entry, i)->key, error);
    if (code == OK && page->next_key != 0)
        code = decode_text(page, &page->next_key, error);
    return code;
}

enum error_code s3_page_read(struct s3_page *page, struct bytes_view document, struct error *error)
{
    struct page_reading reading = {.page = page};
    const struct s3_xml_handler handler = {&reading, take_element};
    buffer_reset(&page->texts);
    buffer_reset(&page->entries);
    *page = (struct s3_page){.texts = page->texts, .entries = page->entries};
    /* At 0 stands nobody's text: 0 is "none". */
    if (buffer_append_byte(&page->texts, 0) != OK)
        return error_no_memory(error, "a listing of the object store");
    enum error_code code = s3_xml_read(document, &handler, error);
    return code == OK && page->is_url_encoded ? decode_keys(page, error) : code;
}
