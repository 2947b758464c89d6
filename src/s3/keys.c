// SPDX-License-Identifier: Apache-2.0
#include "s3/keys.h"

#include <string.h>

#include "util/memory.h"

void s3_keys_init(struct s3_keys *keys)
{
    *keys = (struct s3_keys){.expires_us = INT64_MAX};
}

static void wipe(char **text)
{
    if (*text != NULL)
        explicit_bzero(*text, strlen(*text));
    mem_free(*text);
    *text = NULL;
}

void s3_keys_release(struct s3_keys *keys)
{
    wipe(&keys->access_key_id);
    wipe(&keys->secret_access_key);
    wipe(&keys->session_token);
    s3_keys_init(keys);
}

void s3_keys_move(struct s3_keys *to, struct s3_keys *from)
{
    s3_keys_release(to);
    *to = *from;
    s3_keys_init(from);
}

enum error_code s3_keys_copy(struct s3_keys *to, const struct s3_keys *from)
{
    struct s3_keys copy = {
        .access_key_id = mem_copy_text(from->access_key_id),
        .secret_access_key = mem_copy_text(from->secret_access_key),
        .session_token = from->session_token == NULL ? NULL : mem_copy_text(from->session_token),
        .expires_us = from->expires_us};
    if (copy.access_key_id == NULL || copy.secret_access_key == NULL ||
        (from->session_token != NULL && copy.session_token == NULL)) {
        s3_keys_release(&copy);
        return ERR_NO_MEMORY;
    }
    s3_keys_move(to, &copy);
    return OK;
}

static bool is_same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool s3_keys_are_same(const struct s3_keys *a, const struct s3_keys *b)
{
    return is_same_text(a->access_key_id, b->access_key_id) &&
           is_same_text(a->secret_access_key, b->secret_access_key) &&
           is_same_text(a->session_token, b->session_token);
}

enum error_code s3_keys_set(char **field, struct bytes_view text, const char *what,
                            struct error *error)
{
    if (text.size_bytes == 0)
        return error_set(error, ERR_INVALID, "%s is empty", what);
    if (text.size_bytes > S3_KEYS_TEXT_BYTES_MAX)
        return error_set(error, ERR_INVALID, "%s has more than %zu bytes", what,
                         S3_KEYS_TEXT_BYTES_MAX);
    for (size_t i = 0; i < text.size_bytes; i++) {
        if (text.data[i] <= ' ' || text.data[i] > '~')
            return error_set(
                error, ERR_INVALID,
                "%s has a space, a line end or another character in it that no key has", what);
    }
    char *copy = mem_alloc(text.size_bytes + 1);
    if (copy == NULL)
        return error_no_memory(error, what);
    memcpy(copy, text.data, text.size_bytes);
    copy[text.size_bytes] = '\0';
    wipe(field);
    *field = copy;
    return OK;
}
