// SPDX-License-Identifier: Apache-2.0
/*
 * CPU time of encoding and writing alone. Decodes a file of events into Arrow record batches first,
 * then writes them as one Parquet file, again and again, and prints one JSON line:
 *
 *   bench-encode FILE.events [--codec C] [--level L] [--profile P] [--schema V] [--threads N]
 *                [--repeat R] [--input plain|dictionary] [--row-group-rows N] [--page-size N]
 *                [--bloom-filters true|false] [--fresh true|false] --out FILE.parquet
 *
 * cpu_seconds is the median over the repeats of user and system time of the whole process, from the
 * first record batch to the closed file. A first time that is not counted comes before them, and
 * freed memory is kept for the next, as the allocators of other projects' processes do. With
 * --fresh the only time is the first, in memory that the system has yet to give, as in a process
 * that encodes once. `plain`
 * hands over plain Arrow strings, `dictionary` what the service itself hands over.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "arrow/abi.h"
#include "parquet/codec.h"
#include "parquet/writer.h"
#include "pb/event.h"
#include "rows/batch_builder.h"
#include "util/text.h"

#define BATCH_ROWS      32768
#define MAX_THREADS     64
#define MAX_REPEATS     1000
#define KEPT_BYTES      ((size_t)512 << 20)
#define HUGE_PAGE_BYTES ((uintptr_t)2 << 20)

struct settings {
    const char *events_path;
    const char *out_path;
    struct parquet_writer_options writer;
    const struct row_schema *schema;
    bool dictionaries;
    unsigned threads;
    unsigned repeats;
    bool fresh;
};

struct batches {
    struct row_batch **items;
    size_t count, capacity;
    int64_t rows;
    uint64_t arrow_bytes;
};

static _Noreturn PRINTF_LIKE(1, 2) void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "bench-encode: ");
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    exit(2);
}

static void must(enum error_code code, const struct error *error)
{
    if (code != OK)
        die("%s", error->message[0] != '\0' ? error->message : error_code_name(code));
}

/* --- events to batches --------------------------------------------------------------------- */

static struct bytes_view map_file(const char *path)
{
    struct stat status;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0 || fstat(descriptor, &status) != 0 || status.st_size == 0)
        die("%s can't be read, or is empty", path);
    void *data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (data == MAP_FAILED)
        die("%s can't be mapped", path);
    close(descriptor);
    return bytes_view_of(data, (size_t)status.st_size);
}

static bool next_message(struct bytes_view *rest, struct bytes_view *message)
{
    size_t size = 0;
    size_t at = 0;
    if (rest->size_bytes == 0)
        return false;
    for (unsigned shift = 0;; shift += 7) {
        if (at == rest->size_bytes || shift > 28)
            die("%s", "the events end within a message");
        uint8_t byte = rest->data[at++];
        size |= (size_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            break;
    }
    if (size > rest->size_bytes - at)
        die("%s", "the events end within a message");
    *message = bytes_view_of(rest->data + at, size);
    *rest = bytes_view_of(rest->data + at + size, rest->size_bytes - at - size);
    return true;
}

/* Bytes that the values of one array take, as pyarrow's nbytes counts them. */
static uint64_t array_bytes(const struct ArrowArray *array, const struct row_column *column)
{
    uint64_t bytes = array->buffers[0] != NULL ? ((uint64_t)array->length + 7) / 8 : 0;
    uint64_t rows = (uint64_t)array->length;
    if (array->dictionary != NULL || strcmp(column->arrow_format, "I") == 0)
        return bytes + 4 * rows;
    if (strcmp(column->arrow_format, "u") == 0) {
        const int32_t *offsets = array->buffers[1];
        return bytes + 4 * (rows + 1) + (uint64_t)(offsets[rows] - offsets[0]);
    }
    if (strcmp(column->arrow_format, "tsu:UTC") == 0)
        return bytes + 8 * rows;
    return bytes + (strcmp(column->arrow_format, "w:32") == 0 ? 32 : 16) * rows;
}

static void keep_batches(struct batch_builder *builder, const struct settings *settings,
                         struct batches *batches)
{
    struct error error = {0};
    while (batch_builder_has_complete(builder)) {
        struct row_batch *batch;
        must(batch_builder_take(builder, &batch, &error), &error);
        if (batches->count == batches->capacity) {
            batches->capacity = batches->capacity * 2 + 64;
            batches->items = realloc(batches->items, batches->capacity * sizeof *batches->items);
            if (batches->items == NULL)
                die("%s", "out of memory");
        }
        batches->items[batches->count++] = batch;
        batches->rows += batch->row_count;
        for (size_t p = 0; p < batch->part_count; p++)
            for (size_t c = 0; c < settings->schema->column_count; c++)
                batches->arrow_bytes +=
                    array_bytes(batch->parts[p].array.children[c], &settings->schema->columns[c]);
    }
}

/* The recording's ledgers follow one another; whatever lies between them counts as covered. */
static void decode_events(const struct settings *settings, struct batches *batches)
{
    struct batch_builder_options options = {.schema = settings->schema,
                                            .scheme = PARTITION_SIMPLE,
                                            .dictionaries = settings->dictionaries};
    struct error error = {0};
    struct batch_builder *builder;
    if (batch_builder_new(&builder, &options, &error) != OK)
        die("%s", error.message);
    struct bytes_view rest = map_file(settings->events_path);
    struct bytes_view message;
    uint32_t ledger = 0;
    uint32_t index = 0;
    while (next_message(&rest, &message)) {
        struct event_view event;
        bool became_dead_letter;
        must(event_decode(message, &event, &error), &error);
        if (ledger == 0)
            batch_builder_begin_range(builder, event.ledger_sequence);
        else if (event.ledger_sequence != ledger)
            must(batch_builder_complete_to(builder, event.ledger_sequence - 1, &error), &error);
        if (event.ledger_sequence != ledger) {
            ledger = event.ledger_sequence;
            index = 0;
            if (batch_builder_complete_rows(builder) >= BATCH_ROWS)
                keep_batches(builder, settings, batches);
        }
        must(
            batch_builder_add_event(builder, &event, index++, message, &became_dead_letter, &error),
            &error);
    }
    must(batch_builder_complete_to(builder, ledger, &error), &error);
    keep_batches(builder, settings, batches);
    batch_builder_free(builder);
}

/* --- batches to a file --------------------------------------------------------------------- */

struct task_queue {
    struct parquet_writer *writer;
    size_t count;
    _Atomic size_t next;
    _Atomic int failed;
};

static void *run_tasks(void *context)
{
    struct task_queue *queue = context;
    for (;;) {
        size_t index = atomic_fetch_add(&queue->next, 1);
        if (index >= queue->count)
            return NULL;
        if (parquet_writer_run_task(queue->writer, index, NULL) != OK)
            atomic_store(&queue->failed, 1);
    }
}

struct out_file {
    int descriptor;
    const char *path;
    uint64_t size_bytes;
};

static enum error_code write_out(void *context, struct bytes_view bytes, struct error *error)
{
    struct out_file *file = context;
    (void)error;
    size_t done = 0;
    while (done < bytes.size_bytes) {
        ssize_t written = write(file->descriptor, bytes.data + done, bytes.size_bytes - done);
        if (written < 0 && errno != EINTR)
            die("%s can't be written", file->path);
        done += written < 0 ? 0 : (size_t)written;
    }
    file->size_bytes += done;
    return OK;
}

static void close_row_group(struct parquet_writer *writer, unsigned threads, struct out_file *file)
{
    struct error error = {0};
    struct task_queue queue = {.writer = writer};
    pthread_t workers[MAX_THREADS];
    must(parquet_writer_row_group_begin(writer, &queue.count, &error), &error);
    for (unsigned i = 1; i < threads; i++)
        if (pthread_create(&workers[i], NULL, run_tasks, &queue) != 0)
            die("%s", "a thread can't be started");
    run_tasks(&queue);
    for (unsigned i = 1; i < threads; i++)
        pthread_join(workers[i], NULL);
    if (atomic_load(&queue.failed))
        die("%s", "encoding failed");
    must(parquet_writer_row_group_drain(writer, write_out, file, &error), &error);
}

static void append_part(struct parquet_writer *writer, const struct partition_rows *part,
                        const struct settings *settings, struct out_file *file)
{
    struct error error = {0};
    int64_t at = 0;
    while (at < part->row_count) {
        int64_t taken;
        must(parquet_writer_append(writer, &part->array, at, part->row_count - at, &taken, &error),
             &error);
        at += taken;
        if (parquet_writer_row_group_is_full(writer))
            close_row_group(writer, settings->threads, file);
    }
}

static struct parquet_writer *new_writer(const struct settings *settings)
{
    struct ArrowSchema schema = {0};
    struct parquet_column_options columns[ROW_COLUMN_MAX] = {0};
    struct error error = {0};
    for (size_t i = 0; i < settings->schema->column_count; i++) {
        enum row_column_id id = settings->schema->columns[i].id;
        columns[i].field_id = (int32_t)id;
        columns[i].bloom_filter = settings->schema->columns[i].is_looked_up;
        columns[i].sorted_ascending = id == COLUMN_LEDGER_SEQUENCE;
    }
    must(row_schema_export(settings->schema, settings->dictionaries, &schema), &error);
    struct parquet_writer *writer;
    if (parquet_writer_new(&writer, &schema, columns, &settings->writer, &error) != OK)
        die("%s", error.message);
    arrow_schema_release(&schema);
    return writer;
}

static uint64_t write_file(const struct settings *settings, const struct batches *batches,
                           size_t *peak_memory)
{
    struct buffer out;
    struct error error = {0};
    uint32_t footer_bytes;
    struct out_file file = {
        open(settings->out_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666),
        settings->out_path, 0};
    if (file.descriptor < 0)
        die("%s can't be created", settings->out_path);
    buffer_init(&out);
    struct parquet_writer *writer = new_writer(settings);
    for (size_t i = 0; i < batches->count; i++)
        for (size_t p = 0; p < batches->items[i]->part_count; p++)
            append_part(writer, &batches->items[i]->parts[p], settings, &file);
    if (parquet_writer_open_rows(writer) != 0)
        close_row_group(writer, settings->threads, &file);
    *peak_memory = parquet_writer_memory_bytes(writer);
    must(parquet_writer_finish(writer, NULL, 0, &out, &footer_bytes, &error), &error);
    must(write_out(&file, buffer_view(&out), &error), &error);
    parquet_writer_free(writer);
    buffer_release(&out);
    if (close(file.descriptor) != 0)
        die("%s can't be closed", settings->out_path);
    return file.size_bytes;
}

/* --- the rest ------------------------------------------------------------------------------ */

static double seconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Not getrusage's, which goes on from that of the process that started this one. */
static uint64_t peak_rss_bytes(void)
{
    char line[256];
    unsigned long long kib = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && kib == 0 && fgets(line, sizeof line, status) != NULL)
        (void)sscanf(line, "VmHWM: %llu", &kib);
    if (status != NULL)
        fclose(status);
    return kib * 1024;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, unsigned count)
{
    qsort(values, count, sizeof *values, compare_doubles);
    return count % 2 == 1 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static uint32_t parse_number(const char *value)
{
    uint32_t number;
    if (!text_parse_u32(bytes_view_text(value), &number))
        die("'%s' is not a number", value);
    return number;
}

static bool parse_codec(const char *name, enum parquet_codec *codec)
{
    for (int i = PARQUET_CODEC_NONE; i <= PARQUET_CODEC_BROTLI; i++) {
        *codec = (enum parquet_codec)i;
        if (strcmp(name, parquet_codec_name(*codec)) == 0)
            return true;
    }
    return false;
}

static void set_option(struct settings *settings, const char *name, const char *value)
{
    if (strcmp(name, "codec") == 0) {
        if (!parse_codec(value, &settings->writer.codec))
            die("there is no codec '%s'", value);
    } else if (strcmp(name, "level") == 0) {
        settings->writer.compression_level = (int)parse_number(value);
    } else if (strcmp(name, "profile") == 0) {
        if (strcmp(value, "compact") != 0 && strcmp(value, "compatible") != 0)
            die("there is no profile '%s'", value);
        settings->writer.profile =
            strcmp(value, "compact") == 0 ? PARQUET_PROFILE_COMPACT : PARQUET_PROFILE_COMPATIBLE;
    } else if (strcmp(name, "schema") == 0) {
        settings->schema = row_schema_find(value);
        if (settings->schema == NULL)
            die("there is no schema '%s'", value);
    } else if (strcmp(name, "threads") == 0) {
        settings->threads = parse_number(value);
    } else if (strcmp(name, "repeat") == 0) {
        settings->repeats = parse_number(value);
    } else if (strcmp(name, "input") == 0) {
        if (strcmp(value, "plain") != 0 && strcmp(value, "dictionary") != 0)
            die("--input is plain or dictionary, not '%s'", value);
        settings->dictionaries = strcmp(value, "dictionary") == 0;
    } else if (strcmp(name, "row-group-rows") == 0) {
        settings->writer.row_group_rows = parse_number(value);
    } else if (strcmp(name, "page-size") == 0) {
        settings->writer.page_size_bytes = parse_number(value);
    } else if (strcmp(name, "bloom-filters") == 0) {
        settings->writer.bloom_filters = strcmp(value, "true") == 0;
    } else if (strcmp(name, "fresh") == 0) {
        settings->fresh = strcmp(value, "true") == 0;
    } else if (strcmp(name, "out") == 0) {
        settings->out_path = value;
    } else {
        die("there is no option --%s", name);
    }
}

static void parse_arguments(int argc, char **argv, struct settings *settings)
{
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0) {
            settings->events_path = argv[i];
            continue;
        }
        char *name = argv[i] + 2;
        char *equals = strchr(name, '=');
        if (equals != NULL)
            *equals = '\0';
        else if (i + 1 == argc)
            die("--%s has no value", name);
        set_option(settings, name, equals != NULL ? equals + 1 : argv[++i]);
    }
    if (settings->events_path == NULL || settings->out_path == NULL)
        die("%s", "usage: bench-encode FILE.events --out FILE.parquet [--codec C] [--level L] "
                  "[--profile P] [--schema V] [--threads N] [--repeat R] [--input KIND]");
    if (settings->threads < 1 || settings->threads > MAX_THREADS || settings->repeats < 1 ||
        settings->repeats > MAX_REPEATS)
        die("%s", "--threads takes 1 to 64, --repeat 1 to 1000");
}

/* Freed memory stays in the one heap, which is made of huge pages, as the system gives them to the
 * service for what is large (util/memory.c). */
static void keep_memory(void)
{
    if (mallopt(M_MMAP_MAX, 0) == 0 || mallopt(M_ARENA_MAX, 1) == 0 ||
        mallopt(M_TRIM_THRESHOLD, INT_MAX) == 0)
        die("%s", "the allocator can't be set up");
    uint8_t *heap = malloc(KEPT_BYTES);
    if (heap == NULL)
        die("%s", "out of memory");
    uintptr_t first = ((uintptr_t)heap + HUGE_PAGE_BYTES - 1) & ~(HUGE_PAGE_BYTES - 1);
    (void)madvise((void *)first, KEPT_BYTES - HUGE_PAGE_BYTES, MADV_HUGEPAGE);
    free(heap);
}

int main(int argc, char **argv)
{
    struct settings settings = {
        .writer = {.codec = PARQUET_CODEC_SNAPPY,
                   .compression_level = 1,
                   .bloom_filters = true,
                   .created_by = "parquet-consumer version 0.0.0 (build bench)"},
        .schema = row_schema_find("1.1.0"),
        .threads = 1,
        .repeats = 3,
    };
    struct batches batches = {0};
    double cpu[MAX_REPEATS], wall[MAX_REPEATS];
    uint64_t file_bytes = 0;
    size_t writer_bytes = 0;
    parse_arguments(argc, argv, &settings);
    decode_events(&settings, &batches);
    if (settings.fresh) {
        settings.repeats = 1;
    } else {
        keep_memory();
        (void)write_file(&settings, &batches, &writer_bytes);
    }
    for (unsigned i = 0; i < settings.repeats; i++) {
        double cpu_start = seconds(CLOCK_PROCESS_CPUTIME_ID);
        double wall_start = seconds(CLOCK_MONOTONIC);
        file_bytes = write_file(&settings, &batches, &writer_bytes);
        cpu[i] = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_start;
        wall[i] = seconds(CLOCK_MONOTONIC) - wall_start;
    }
    printf("{\"rows\": %lld, \"arrow_bytes\": %llu, \"cpu_seconds\": %.6f, \"wall_seconds\": %.6f, "
           "\"file_bytes\": %llu, \"peak_rss_bytes\": %llu, \"writer_bytes\": %zu}\n",
           (long long)batches.rows, (unsigned long long)batches.arrow_bytes,
           median(cpu, settings.repeats), median(wall, settings.repeats),
           (unsigned long long)file_bytes, (unsigned long long)peak_rss_bytes(), writer_bytes);
    for (size_t i = 0; i < batches.count; i++)
        row_batch_free(batches.items[i]);
    free(batches.items);
    return 0;
}
