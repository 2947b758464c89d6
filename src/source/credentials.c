// SPDX-License-Identifier: Apache-2.0
#include "source/credentials.h"

#include <stdlib.h>
#include <string.h>

#include "grpc/call.h"
#include "os/input.h"
#include "util/memory.h"

#define ENVIRONMENT_MARK "env:"
#define FILE_MARK        "file:"
/* The longest value, and the line end behind it. */
#define FILE_MAX_BYTES (GRPC_MAX_METADATA_VALUE_BYTES + 2)

static bool begins_with(const char *text, const char *mark)
{
    return strncmp(text, mark, strlen(mark)) == 0;
}

bool credential_is_reference(const char *configured)
{
    return begins_with(configured, ENVIRONMENT_MARK) || begins_with(configured, FILE_MARK);
}

/* http_header's texts are const; these are ours. */
static char *own_text(const char *text)
{
    return (char *)(uintptr_t)text;
}

void credential_free(char *value)
{
    if (value != NULL)
        explicit_bzero(value, strlen(value));
    mem_free(value);
}

static enum error_code read_variable(const char *name, char **value, struct error *error)
{
    const char *set = getenv(name);
    if (set == NULL)
        return error_set(error, ERR_INVALID, "the environment variable %s is not set", name);
    if (*set == '\0')
        return error_set(error, ERR_INVALID, "the environment variable %s is empty", name);
    *value = mem_copy_text(set);
    return *value != NULL ? OK : error_no_memory(error, "a request header");
}

/* The content without the line ends behind it, as a text. */
static enum error_code take_content(const char *path, const struct buffer *content, char **value,
                                    struct error *error)
{
    size_t size_bytes = content->size_bytes;
    while (size_bytes > 0 && strchr("\r\n", content->data[size_bytes - 1]) != NULL)
        size_bytes--;
    if (size_bytes == 0)
        return error_set(error, ERR_INVALID, "%s is empty: it must hold the header's value", path);
    if (memchr(content->data, '\0', size_bytes) != NULL)
        return error_set(error, ERR_INVALID, "%s holds bytes that are no text", path);
    *value = mem_alloc(size_bytes + 1);
    if (*value == NULL)
        return error_no_memory(error, "a request header");
    memcpy(*value, content->data, size_bytes);
    (*value)[size_bytes] = '\0';
    return OK;
}

static enum error_code read_file(const char *path, int64_t timeout_us, char **value, bool *is_file,
                                 struct error *error)
{
    struct buffer content;
    buffer_init(&content);
    /* All at once: a buffer that grows leaves copies behind that nobody wipes. */
    enum error_code code = buffer_reserve(&content, FILE_MAX_BYTES) == OK
                               ? OK
                               : error_no_memory(error, "a request header");
    if (code == OK)
        code = os_read_input(path, FILE_MAX_BYTES, timeout_us, &content, is_file, error);
    if (code == OK)
        code = take_content(path, &content, value, error);
    if (content.data != NULL)
        explicit_bzero(content.data, content.size_bytes);
    buffer_release(&content);
    return code;
}

enum error_code credential_read(const char *reference, int64_t timeout_us, char **value,
                                bool *can_be_read_again, struct error *error)
{
    *value = NULL;
    *can_be_read_again = true;
    if (begins_with(reference, ENVIRONMENT_MARK))
        return read_variable(reference + strlen(ENVIRONMENT_MARK), value, error);
    return read_file(reference + strlen(FILE_MARK), timeout_us, value, can_be_read_again, error);
}

enum error_code credentials_init(struct credentials *credentials,
                                 const struct source_header *headers, size_t count,
                                 struct error *error)
{
    *credentials = (struct credentials){.count = 0};
    credentials->headers = mem_alloc_zero(count + 1, sizeof credentials->headers[0]);
    credentials->references = mem_alloc_zero(count + 1, sizeof credentials->references[0]);
    bool has_memory = credentials->headers != NULL && credentials->references != NULL;
    for (size_t i = 0; has_memory && i < count; i++) {
        struct http_header *header = &credentials->headers[i];
        credentials->count = i + 1;
        header->name = mem_copy_text(headers[i].name);
        header->value = mem_copy_text(headers[i].value);
        has_memory = header->name != NULL && header->value != NULL;
        if (!has_memory || headers[i].reference == NULL)
            continue;
        credentials->references[i] = mem_copy_text(headers[i].reference);
        has_memory = credentials->references[i] != NULL;
    }
    return has_memory ? OK : error_no_memory(error, "request headers");
}

void credentials_release(struct credentials *credentials)
{
    for (size_t i = 0; i < credentials->count; i++) {
        mem_free(own_text(credentials->headers[i].name));
        credential_free(own_text(credentials->headers[i].value));
        mem_free(credentials->references[i]);
    }
    mem_free(credentials->headers);
    mem_free(credentials->references);
    *credentials = (struct credentials){.count = 0};
}

/* One header's value anew. */
static enum error_code read_again(struct http_header *header, const char *reference, bool *changed,
                                  struct error *error)
{
    char *value = NULL;
    bool can_be_read_again;
    enum error_code code = credential_read(reference, 0, &value, &can_be_read_again, error);
    if (code == OK) {
        struct http_header renewed = {header->name, value};
        code = grpc_metadata_check(&renewed, 1, error);
    }
    if (code != OK || strcmp(value, header->value) == 0) {
        credential_free(value);
        return code;
    }
    credential_free(own_text(header->value));
    header->value = value;
    *changed = true;
    return OK;
}

enum error_code credentials_read_again(struct credentials *credentials, bool *changed,
                                       struct error *error)
{
    *changed = false;
    for (size_t i = 0; i < credentials->count; i++) {
        struct http_header *header = &credentials->headers[i];
        if (credentials->references[i] == NULL)
            continue;
        enum error_code code = read_again(header, credentials->references[i], changed, error);
        if (code == ERR_NO_MEMORY)
            return code;
        if (code == OK)
            continue;
        (void)error_prefix(error, code, "the request header \"%s\" can't be had: ", header->name);
        if (error != NULL)
            error->code = ERR_RETRY;
        return ERR_RETRY;
    }
    return OK;
}
