// SPDX-License-Identifier: Apache-2.0
/*
 * The client of object stores behind a pipe: s3-driver s3://BUCKET/PREFIX [NAME=VALUE…] reads a
 * command a line from standard input, words separated by tabs, and answers each with lines "| text"
 * and one "= CODE", a tab and the message. tests/system/harness/s3_driver.py talks to it.
 *
 * Names: path-style=1 region=… endpoint=… retry-ms=… stall-ms=… connect-ms=… above=… part=…
 */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/clock.h"
#include "os/file.h"
#include "os/thread.h"
#include "s3/client.h"
#include "util/words.h"

#define WORDS_MAX 24
#define LINE_MAX  65536

static struct s3_client *client;
static struct error error;
static int64_t stop_at_us; /* monotonic; 0: never */
static struct s3_patience patience;

static bool stop(void *context)
{
    (void)context;
    return stop_at_us != 0 && os_monotonic_us() >= stop_at_us;
}

static uint64_t number(const char *text)
{
    return strtoull(text, NULL, 10);
}

static void show_object(const struct s3_object *object)
{
    printf("| size %llu\n| etag %s\n", (unsigned long long)object->size_bytes, object->etag);
    for (size_t i = 0; i < object->meta_count; i++)
        printf("| meta %s=%s\n", object->meta[i].name, object->meta[i].value);
}

/* put NAME file:PATH|text:TEXT [new] [over=ETAG] [meta:NAME=VALUE…] */
static enum error_code do_put(char **words, size_t count)
{
    struct s3_meta meta[S3_META_MAX];
    struct s3_put_request put = {.name = words[1], .meta = meta};
    struct s3_object object;
    if (strncmp(words[2], "file:", 5) == 0)
        put.path = words[2] + 5;
    else
        put.content = bytes_view_text(words[2] + 5);
    for (size_t i = 3; i < count; i++) {
        if (strcmp(words[i], "new") == 0) {
            put.only_new = true;
        } else if (strncmp(words[i], "over=", 5) == 0) {
            put.only_over = words[i] + 5;
        } else {
            char *equals = strchr(words[i], '=');
            *equals = '\0';
            meta[put.meta_count++] = (struct s3_meta){words[i] + 5, equals + 1};
        }
    }
    enum error_code code = s3_put(client, &put, &object, &patience, &error);
    if (code == OK)
        show_object(&object);
    return code;
}

static enum error_code do_head(char **words, size_t count)
{
    struct s3_object object;
    (void)count;
    enum error_code code = s3_head(client, words[1], &object, &patience, &error);
    if (code == OK)
        show_object(&object);
    return code;
}

static void show_bytes(const uint8_t *data, size_t size_bytes)
{
    printf("| ");
    for (size_t i = 0; i < size_bytes; i++)
        printf("%02x", data[i]);
    printf("\n");
}

/* range NAME ETAG OFFSET SIZE */
static enum error_code do_range(char **words, size_t count)
{
    size_t size_bytes = (size_t)number(words[4]);
    uint8_t *data = malloc(size_bytes + 1);
    (void)count;
    enum error_code code = s3_get_range(client, words[1], words[2][0] == '\0' ? NULL : words[2],
                                        number(words[3]), data, size_bytes, &patience, &error);
    if (code == OK)
        show_bytes(data, size_bytes);
    free(data);
    return code;
}

/* whole NAME LIMIT */
static enum error_code do_whole(char **words, size_t count)
{
    struct buffer out;
    struct s3_object object;
    (void)count;
    buffer_init(&out);
    enum error_code code =
        s3_get_whole(client, words[1], (size_t)number(words[2]), &out, &object, &patience, &error);
    if (code == OK) {
        show_bytes(out.data, out.size_bytes);
        show_object(&object);
    }
    buffer_release(&out);
    return code;
}

static enum error_code take(void *context, const void *data, size_t size_bytes,
                            struct error *of_take)
{
    if (fwrite(data, 1, size_bytes, context) != size_bytes)
        return error_set(of_take, ERR_IO, "can't write what came");
    return OK;
}

/* stream NAME OFFSET PATH */
static enum error_code do_stream(char **words, size_t count)
{
    FILE *file = fopen(words[3], "wb");
    (void)count;
    enum error_code code =
        s3_get_stream(client, words[1], number(words[2]), take, file, &patience, &error);
    if (fclose(file) != 0 && code == OK)
        code = ERR_IO;
    return code;
}

static enum error_code visit(void *context, const struct s3_entry *entry, struct error *of_visit)
{
    (void)context;
    (void)of_visit;
    printf("| %llu %s %lld ", (unsigned long long)entry->size_bytes, entry->etag,
           (long long)entry->modified_us);
    for (const char *at = entry->name; *at != '\0'; at++)
        printf("%02x", (unsigned char)*at);
    printf("\n");
    return OK;
}

/* list BELOW [AFTER] */
static enum error_code do_list(char **words, size_t count)
{
    return s3_list(client, count > 1 ? words[1] : "", count > 2 ? words[2] : NULL, visit, NULL,
                   &patience, &error);
}

static enum error_code visit_upload(void *context, const struct s3_upload *upload,
                                    struct error *of_visit)
{
    (void)context;
    (void)of_visit;
    printf("| %s %s\n", upload->upload_id, upload->name);
    return OK;
}

static enum error_code do_uploads(char **words, size_t count)
{
    return s3_list_uploads(client, count > 1 ? words[1] : "", visit_upload, NULL, &patience,
                           &error);
}

static enum error_code do_abort(char **words, size_t count)
{
    (void)count;
    return s3_abort_upload(client, words[1], words[2], &patience, &error);
}

static enum error_code do_delete(char **words, size_t count)
{
    (void)count;
    return s3_delete(client, words[1], &patience, &error);
}

/* Says how many of the first are gone. */
static enum error_code do_delete_many(char **words, size_t count)
{
    size_t done = 0;
    enum error_code code =
        s3_delete_many(client, (const char *const *)words + 1, count - 1, &done, &patience, &error);
    printf("- %zu\n", done);
    return code;
}

static enum error_code do_copy(char **words, size_t count)
{
    (void)count;
    return s3_copy(client, words[1], words[2], &patience, &error);
}

static enum error_code do_probe(char **words, size_t count)
{
    static const char *const names[] = {"unknown", "honoured", "ignored", "refused"};
    enum s3_conditions conditions;
    enum error_code code =
        s3_probe(client, count > 1 ? words[1] : NULL, &conditions, &patience, &error);
    printf("| %s\n", names[conditions]);
    return code;
}

static enum error_code do_counts(char **words, size_t count)
{
    struct s3_counts counts = s3_client_counts(client);
    (void)words;
    (void)count;
    printf("| requests %llu\n| retries %llu\n", (unsigned long long)counts.requests,
           (unsigned long long)counts.retries);
    return OK;
}

struct worker {
    struct os_thread thread;
    unsigned number, rounds;
    enum error_code code;
    struct error error;
};

/* Puts, reads, lists and deletes what is its own. */
static void *work(void *context)
{
    struct worker *worker = context;
    for (unsigned i = 0; i < worker->rounds && worker->code == OK; i++) {
        char name[64], content[64];
        struct buffer out;
        (void)snprintf(name, sizeof name, "%u/%u", worker->number, i);
        (void)snprintf(content, sizeof content, "of %u, number %u", worker->number, i);
        const struct s3_put_request put = {
            .name = name, .content = bytes_view_text(content), .only_new = true};
        buffer_init(&out);
        worker->code = s3_put(client, &put, NULL, &patience, &worker->error);
        if (worker->code == OK)
            worker->code = s3_get_whole(client, name, 100, &out, NULL, &patience, &worker->error);
        if (worker->code == OK && !bytes_equal(buffer_view(&out), put.content))
            worker->code = error_set(&worker->error, ERR_CORRUPT, "%s is another one's", name);
        if (worker->code == OK && i % 2 == 0)
            worker->code = s3_delete(client, name, &patience, &worker->error);
        buffer_release(&out);
    }
    return NULL;
}

/* parallel THREADS ROUNDS */
static enum error_code do_parallel(char **words, size_t count)
{
    static struct worker workers[16];
    unsigned threads = (unsigned)number(words[1]) % 17;
    enum error_code code = OK;
    (void)count;
    for (unsigned i = 0; i < threads && code == OK; i++) {
        workers[i] = (struct worker){.number = i, .rounds = (unsigned)number(words[2])};
        code = os_thread_start(&workers[i].thread, "worker", work, &workers[i], &error);
    }
    for (unsigned i = 0; i < threads; i++) {
        os_thread_join(&workers[i].thread);
        if (code == OK && workers[i].code != OK) {
            code = workers[i].code;
            error = workers[i].error;
        }
    }
    return code;
}

/* stop MS: calls are stopped so long from now; 0: never */
static enum error_code do_stop(char **words, size_t count)
{
    (void)count;
    stop_at_us = number(words[1]) == 0 ? 0 : os_monotonic_us() + (int64_t)number(words[1]) * 1000;
    return OK;
}

static const struct {
    const char *name;
    enum error_code (*run)(char **words, size_t count);
} commands[] = {{"put", do_put},         {"head", do_head},
                {"range", do_range},     {"whole", do_whole},
                {"stream", do_stream},   {"list", do_list},
                {"uploads", do_uploads}, {"abort", do_abort},
                {"delete", do_delete},   {"delete-many", do_delete_many},
                {"copy", do_copy},       {"parallel", do_parallel},
                {"probe", do_probe},     {"counts", do_counts},
                {"stop", do_stop}};

static void answer(enum error_code code)
{
    words_clean(error.message);
    printf("= %s\t%s\n", error_code_name(code), code == OK ? "" : error.message);
    (void)fflush(stdout);
}

static void run_line(char *line)
{
    char *words[WORDS_MAX];
    size_t count = 0;
    for (char *word = line; word != NULL && count < WORDS_MAX;)
        words[count++] = strsep(&word, "\t");
    error_clear(&error);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, words[0]) == 0) {
            answer(commands[i].run(words, count));
            return;
        }
    }
    abort();
}

static void take_option(struct s3_options *options, char *text)
{
    char *value = strchr(text, '=');
    *value++ = '\0';
    if (strcmp(text, "path-style") == 0)
        options->path_style = number(value) != 0;
    else if (strcmp(text, "region") == 0)
        options->region = value;
    else if (strcmp(text, "endpoint") == 0)
        options->endpoint = value;
    else if (strcmp(text, "retry-ms") == 0)
        patience.retry_for_us = (int64_t)number(value) * 1000;
    else if (strcmp(text, "stall-ms") == 0)
        options->stall_timeout_us = (int64_t)number(value) * 1000;
    else if (strcmp(text, "connect-ms") == 0)
        options->connect_timeout_us = (int64_t)number(value) * 1000;
    else if (strcmp(text, "above") == 0)
        options->multipart_above_bytes = number(value);
    else if (strcmp(text, "part") == 0)
        options->part_bytes = number(value);
    else
        abort();
}

int main(int argc, char **argv)
{
    static char line[LINE_MAX];
    char bucket[1024], prefix[1024];
    struct s3_options options = {.bucket = bucket, .prefix = prefix};
    patience = (struct s3_patience){.retry_for_us = INT64_C(20000000), .stop = stop};
    enum error_code code = argc < 2 || strlen(argv[1]) >= sizeof bucket
                               ? ERR_INVALID
                               : s3_url_split(argv[1], bucket, prefix, &error);
    for (int i = 2; i < argc; i++)
        take_option(&options, argv[i]);
    if (code == OK)
        code = s3_client_new(&client, &options, &error);
    answer(code);
    while (code == OK && fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        run_line(line);
    }
    s3_client_free(client);
    return code == OK ? 0 : 1;
}
