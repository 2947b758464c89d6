// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_S3_PAGE_H
#define TTP_S3_PAGE_H

/* A page of a listing: the answers of ListObjectsV2 and ListMultipartUploads. */

#include <stdbool.h>

#include "util/buffer.h"

struct s3_page_entry {
    size_t key;   /* where its key begins in `texts`, NUL-terminated as all there */
    size_t other; /* its ETag, or the upload's id */
    uint64_t size_bytes;
    int64_t time_us;
};

struct s3_page {
    struct buffer texts;
    struct buffer entries; /* struct s3_page_entry */
    bool is_url_encoded;   /* as the answer said; the keys are decoded by now */
    bool is_cut;           /* there are more */
    /* Where the next page begins, in `texts`; 0: the answer does not say. */
    size_t next_token, next_key, next_upload;
};

void s3_page_init(struct s3_page *page);
void s3_page_release(struct s3_page *page);

static inline const char *s3_page_text(const struct s3_page *page, size_t at)
{
    return (const char *)page->texts.data + at;
}

/* Reads a page in place of what is there. ERR_CORRUPT: it is none, or lacks what is needed;
 * ERR_NO_MEMORY. */
enum error_code s3_page_read(struct s3_page *page, struct bytes_view document,
                             struct error *error) MUST_CHECK;

#endif
