// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "s3/call.h"
#include "s3/page.h"
#include "s3/xml.h"
#include "util/list.h"

/* One listing, page by page. */
struct key_listing {
    struct s3_client *client;
    struct s3_trying trying;
    struct buffer prefix; /* of the keys asked for, NUL-terminated */
    struct buffer after;  /* where the next page begins: a key or token */
    struct buffer upload; /* and the upload's id */
    size_t own_bytes;     /* of the client's prefix and its '/', in front of each name */
    struct s3_page page;
};

static void end_listing(struct key_listing *listing)
{
    buffer_release(&listing->prefix);
    buffer_release(&listing->after);
    buffer_release(&listing->upload);
    s3_page_release(&listing->page);
}

static enum error_code set_text(struct buffer *buffer, const char *text)
{
    buffer_reset(buffer);
    return buffer_append(buffer, text, strlen(text) + 1);
}

static enum error_code begin_listing(struct key_listing *listing, struct s3_client *client,
                                     const char *below, const struct s3_patience *patience,
                                     struct error *error)
{
    *listing = (struct key_listing){.client = client};
    s3_trying_begin(&listing->trying, patience);
    s3_page_init(&listing->page);
    size_t own_bytes = strlen(client->prefix);
    listing->own_bytes = own_bytes == 0 ? 0 : own_bytes + 1;
    /* With the '/' also where nothing follows: "lake" must not list "lake2". */
    enum error_code code = buffer_append_format(&listing->prefix, "%s%s%s", client->prefix,
                                                own_bytes == 0 ? "" : "/", below);
    if (code == OK)
        code = buffer_append_byte(&listing->prefix, 0);
    return code == OK ? OK : error_no_memory(error, "a listing of the object store");
}

/* A page that is cut or garbled on the way is asked for again. */
static enum error_code check_page(void *context, const struct s3_answer *answer,
                                  struct error *error)
{
    struct key_listing *listing = context;
    enum error_code code = s3_page_read(&listing->page, buffer_view(&answer->body), error);
    if (code == ERR_CORRUPT && listing->trying.attempts < 3)
        code = ERR_RETRY;
    return code;
}

static enum error_code ask_page(struct key_listing *listing, struct s3_call *call,
                                struct error *error)
{
    call->method = "GET";
    call->body_limit = S3_XML_BYTES_MAX;
    call->check = check_page;
    call->context = listing;
    struct s3_outcome outcome;
    s3_outcome_init(&outcome);
    enum error_code code = s3_call_run(listing->client, call, &listing->trying, &outcome, error);
    s3_outcome_release(&outcome);
    if (code == OK)
        s3_trying_progress(&listing->trying);
    return code;
}

/* The name of an entry; ERR_CORRUPT where its key is not one that was asked for. */
static enum error_code name_of(const struct key_listing *listing, const struct s3_page_entry *entry,
                               const char **name, struct error *error)
{
    const char *key = s3_page_text(&listing->page, entry->key);
    const char *prefix = (const char *)listing->prefix.data;
    if (strncmp(key, prefix, strlen(prefix)) != 0)
        return error_set(error, ERR_CORRUPT, "%s: the listing of %s names the object %s",
                         listing->client->url, prefix, key);
    *name = key + listing->own_bytes;
    return OK;
}

/* Consoles make empty objects that stand for folders. */
static bool is_folder(const char *name, uint64_t size_bytes)
{
    size_t name_bytes = strlen(name);
    return name_bytes == 0 || (name[name_bytes - 1] == '/' && size_bytes == 0);
}

static enum error_code show_objects(const struct key_listing *listing, s3_visit *visit,
                                    void *context, struct error *error)
{
    enum error_code code = OK;
    const struct s3_page *page = &listing->page;
    size_t count = LIST_COUNT(&page->entries, struct s3_page_entry);
    for (size_t i = 0; i < count && code == OK; i++) {
        const struct s3_page_entry *at = LIST_AT(&page->entries, struct s3_page_entry, i);
        struct s3_entry entry = {.size_bytes = at->size_bytes,
                                 .modified_us = at->time_us,
                                 .etag = s3_page_text(page, at->other)};
        code = name_of(listing, at, &entry.name, error);
        if (code == OK && !is_folder(entry.name, entry.size_bytes))
            code = visit(context, &entry, error);
    }
    return code;
}

/* Whether there is another page: keeps where it begins. */
static enum error_code turn_page(struct key_listing *listing, size_t next, bool *more,
                                 struct error *error)
{
    const struct s3_page *page = &listing->page;
    *more = page->is_cut;
    if (!page->is_cut)
        return OK;
    const char *text = s3_page_text(page, next);
    bool is_same = listing->after.size_bytes > 0 &&
                   strcmp(text, (const char *)listing->after.data) == 0 && page->next_upload == 0;
    if (next == 0 || is_same)
        return error_set(error, ERR_CORRUPT,
                         "%s: the listing has more pages and does not say where they begin",
                         listing->client->url);
    enum error_code code = set_text(&listing->after, text);
    if (code == OK)
        code = set_text(&listing->upload, s3_page_text(page, page->next_upload));
    return code == OK ? OK : error_no_memory(error, "a listing of the object store");
}

enum error_code s3_list(struct s3_client *client, const char *below, const char *after,
                        s3_visit *visit, void *context, const struct s3_patience *patience,
                        struct error *error)
{
    struct key_listing listing;
    struct buffer first; /* the key that the listing begins behind */
    buffer_init(&first);
    enum error_code code = begin_listing(&listing, client, below, patience, error);
    if (code == OK && after != NULL && s3_key_of(client, after, &first) != OK)
        code = error_no_memory(error, "a listing of the object store");
    bool more = true;
    while (code == OK && more) {
        struct s3_call call = {0};
        if (listing.after.size_bytes > 0)
            s3_call_add_query(&call, "continuation-token", (const char *)listing.after.data);
        s3_call_add_query(&call, "encoding-type", "url");
        s3_call_add_query(&call, "list-type", "2");
        s3_call_add_query(&call, "max-keys", "1000");
        s3_call_add_query(&call, "prefix", (const char *)listing.prefix.data);
        if (first.size_bytes > 0)
            s3_call_add_query(&call, "start-after", (const char *)first.data);
        code = ask_page(&listing, &call, error);
        if (code == OK)
            code = show_objects(&listing, visit, context, error);
        if (code == OK)
            code = turn_page(&listing, listing.page.next_token, &more, error);
    }
    buffer_release(&first);
    end_listing(&listing);
    return code;
}

static enum error_code show_uploads(const struct key_listing *listing, s3_visit_upload *visit,
                                    void *context, struct error *error)
{
    enum error_code code = OK;
    const struct s3_page *page = &listing->page;
    size_t count = LIST_COUNT(&page->entries, struct s3_page_entry);
    for (size_t i = 0; i < count && code == OK; i++) {
        const struct s3_page_entry *at = LIST_AT(&page->entries, struct s3_page_entry, i);
        struct s3_upload upload = {.upload_id = s3_page_text(page, at->other),
                                   .begun_us = at->time_us};
        code = name_of(listing, at, &upload.name, error);
        if (code == OK)
            code = visit(context, &upload, error);
    }
    return code;
}

enum error_code s3_list_uploads(struct s3_client *client, const char *below, s3_visit_upload *visit,
                                void *context, const struct s3_patience *patience,
                                struct error *error)
{
    struct key_listing listing;
    enum error_code code = begin_listing(&listing, client, below, patience, error);
    bool more = true;
    while (code == OK && more) {
        struct s3_call call = {0};
        s3_call_add_query(&call, "encoding-type", "url");
        if (listing.after.size_bytes > 0)
            s3_call_add_query(&call, "key-marker", (const char *)listing.after.data);
        s3_call_add_query(&call, "max-uploads", "1000");
        s3_call_add_query(&call, "prefix", (const char *)listing.prefix.data);
        if (listing.upload.size_bytes > 1)
            s3_call_add_query(&call, "upload-id-marker", (const char *)listing.upload.data);
        s3_call_add_query(&call, "uploads", "");
        code = ask_page(&listing, &call, error);
        if (code == OK)
            code = show_uploads(&listing, visit, context, error);
        if (code == OK)
            code = turn_page(&listing, listing.page.next_key, &more, error);
    }
    end_listing(&listing);
    return code;
}
