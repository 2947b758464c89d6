// SPDX-License-Identifier: Apache-2.0
#include "tls/files.h"

#include <openssl/sha.h>
#include <string.h>

#include "os/input.h"
#include "util/buffer.h"

/* Of a file that is a pipe. */
#define READ_TIMEOUT_US INT64_C(10000000)

enum { AUTHORITIES, CERTIFICATE, KEY, FILE_COUNT };

/* One after the other, so that one digest says whether any has changed. */
struct content {
    struct buffer buffers[FILE_COUNT];
};

static void wipe(struct content *content)
{
    for (size_t i = 0; i < FILE_COUNT; i++) {
        if (content->buffers[i].size_bytes > 0)
            explicit_bzero(content->buffers[i].data, content->buffers[i].size_bytes);
        buffer_release(&content->buffers[i]);
    }
}

static enum error_code read_all(struct content *content, const char *const paths[FILE_COUNT],
                                struct error *error)
{
    enum error_code code = OK;
    for (size_t i = 0; i < FILE_COUNT; i++)
        buffer_init(&content->buffers[i]);
    /* Room from the start: a buffer that grows leaves copies of a key behind. */
    for (size_t i = 0; code == OK && i < FILE_COUNT; i++) {
        if (paths[i][0] == '\0')
            continue;
        if (buffer_reserve(&content->buffers[i], TLS_FILE_BYTES_MAX + 1) != OK)
            code = error_no_memory(error, paths[i]);
        else
            code = os_read_input(paths[i], TLS_FILE_BYTES_MAX, READ_TIMEOUT_US,
                                 &content->buffers[i], NULL, error);
    }
    return code;
}

static void make_digest(const struct content *content, uint8_t digest[32])
{
    uint8_t parts[FILE_COUNT][SHA256_DIGEST_LENGTH];
    for (size_t i = 0; i < FILE_COUNT; i++)
        SHA256(content->buffers[i].data, content->buffers[i].size_bytes, parts[i]);
    SHA256(parts[0], sizeof parts, digest);
}

static enum error_code make_context(struct tls_loaded *loaded, const struct tls_files *files,
                                    const struct content *content, struct error *error)
{
    uint8_t digest[32];
    struct tls_context *made;
    make_digest(content, digest);
    if (loaded->context != NULL && memcmp(digest, loaded->digest, sizeof digest) == 0)
        return OK;
    const struct tls_settings settings = {
        .is_server = files->is_server,
        .authorities = buffer_view(&content->buffers[AUTHORITIES]),
        .certificate = buffer_view(&content->buffers[CERTIFICATE]),
        .key = buffer_view(&content->buffers[KEY]),
        .authorities_name = files->authorities,
        .certificate_name = files->certificate,
        .key_name = files->key};
    enum error_code code = tls_context_new(&made, &settings, error);
    if (code != OK)
        return code;
    tls_context_free(loaded->context);
    loaded->context = made;
    memcpy(loaded->digest, digest, sizeof digest);
    return OK;
}

enum error_code tls_loaded_refresh(struct tls_loaded *loaded, const struct tls_files *files,
                                   struct error *error)
{
    const char *const paths[FILE_COUNT] = {files->authorities, files->certificate, files->key};
    struct content content;
    if ((files->certificate[0] == '\0') != (files->key[0] == '\0'))
        return error_set(error, ERR_INVALID,
                         "a certificate and its key belong together: %s has no other half",
                         files->key[0] == '\0' ? files->certificate : files->key);
    if (files->is_server && files->certificate[0] == '\0')
        return error_set(error, ERR_INVALID, "a TLS server needs a certificate and its key");
    enum error_code code = read_all(&content, paths, error);
    if (code == OK)
        code = make_context(loaded, files, &content, error);
    wipe(&content);
    return code;
}

void tls_loaded_release(struct tls_loaded *loaded)
{
    tls_context_free(loaded->context);
    *loaded = (struct tls_loaded){.context = NULL};
}
