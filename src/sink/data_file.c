// SPDX-License-Identifier: Apache-2.0
#include "sink/data_file.h"

#include <assert.h>

#include "os/clock.h"
#include "walk/verify.h"

/* What is gathered before it is written. */
#define WRITE_BUFFER_BYTES ((size_t)256 << 10)

void data_file_init(struct data_file *file)
{
    *file = (struct data_file){0};
    staged_file_init(&file->staged);
    buffer_init(&file->encoded);
}

static void report_duration(const struct data_file_setup *setup, const char *operation,
                            int64_t started_us)
{
    if (setup->on_duration != NULL)
        setup->on_duration(setup->duration_context, operation, os_monotonic_us() - started_us);
}

static enum error_code new_writer(struct parquet_writer **out, const struct data_file_setup *setup,
                                  struct error *error)
{
    struct ArrowSchema schema = {0};
    struct parquet_column_options columns[ROW_COLUMN_MAX];
    for (size_t i = 0; i < setup->schema->column_count; i++) {
        const struct row_column *column = &setup->schema->columns[i];
        /* Rows come by ledger; ledger numbers and close times rise together. */
        columns[i] = (struct parquet_column_options){.field_id = (int32_t)column->id,
                                                     .bloom_filter = column->is_looked_up,
                                                     .sorted_ascending =
                                                         column->id == COLUMN_LEDGER_SEQUENCE};
    }
    if (row_schema_export(setup->schema, true, &schema) != OK)
        return error_no_memory(error, "a file's schema");
    enum error_code code = parquet_writer_new(out, &schema, columns, setup->options, error);
    arrow_schema_release(&schema);
    return code;
}

enum error_code data_file_create(struct data_file *file, const struct data_file_setup *setup,
                                 const char *name, const struct partition_rows *rows,
                                 struct error *error)
{
    data_file_init(file);
    file->key = rows->key;
    file->first_close_us = rows->first_close_us;
    enum error_code code = new_writer(&file->writer, setup, error);
    if (code != OK)
        return code;
    code = staged_file_create(&file->staged, setup->store, name, setup->obstacle, error);
    if (code != OK)
        data_file_release(file);
    return code;
}

static enum error_code write_encoded(struct data_file *file, const struct data_file_setup *setup,
                                     struct error *error)
{
    enum error_code code =
        staged_file_append(&file->staged, buffer_view(&file->encoded), setup->obstacle, error);
    buffer_reset(&file->encoded);
    return code;
}

/* A file that is being written, for write_piece. */
struct writing {
    struct data_file *file;
    const struct data_file_setup *setup;
};

/* Small pieces are gathered, large ones go straight on. */
static enum error_code write_piece(void *context, struct bytes_view piece, struct error *error)
{
    const struct writing *writing = context;
    struct data_file *file = writing->file;
    enum error_code code = OK;
    if (file->encoded.size_bytes != 0 &&
        file->encoded.size_bytes + piece.size_bytes > WRITE_BUFFER_BYTES)
        code = write_encoded(file, writing->setup, error);
    if (code != OK)
        return code;
    if (piece.size_bytes >= WRITE_BUFFER_BYTES)
        return staged_file_append(&file->staged, piece, writing->setup->obstacle, error);
    if (buffer_append(&file->encoded, piece.data, piece.size_bytes) != OK)
        return error_no_memory(error, "a row group");
    return OK;
}

static enum error_code run_column(void *context, size_t index, struct error *error)
{
    return parquet_writer_run_task(context, index, error);
}

enum error_code data_file_close_row_group(struct data_file *file,
                                          const struct data_file_setup *setup, struct error *error)
{
    size_t task_count;
    int64_t started_us = os_monotonic_us();
    uint64_t before_bytes = file->staged.size_bytes;
    if (parquet_writer_open_rows(file->writer) == 0)
        return OK;
    uint64_t estimated_bytes = parquet_writer_open_bytes_estimate(file->writer);
    enum error_code code = parquet_writer_row_group_begin(file->writer, &task_count, error);
    if (code == OK)
        code = encode_pool_run(setup->pool, task_count, run_column, file->writer, error);
    report_duration(setup, "encode", started_us);
    struct writing writing = {file, setup};
    if (code == OK)
        code = parquet_writer_row_group_drain(file->writer, write_piece, &writing, error);
    if (code == OK)
        code = write_encoded(file, setup, error);
    file->leaves_epoch = true;
    if (code == OK)
        size_estimate_learn(setup->estimate, estimated_bytes,
                            file->staged.size_bytes - before_bytes);
    return code;
}

enum error_code data_file_append(struct data_file *file, const struct data_file_setup *setup,
                                 const struct partition_rows *rows, struct error *error)
{
    enum error_code code = OK;
    if (rows->begins_epoch) {
        if (!setup->options->looks_up_all &&
            parquet_writer_open_rows(file->writer) > PARQUET_JOINED_ROWS)
            code = data_file_close_row_group(file, setup, error);
        file->leaves_epoch = false;
    }
    for (int64_t done = 0; code == OK && done < rows->row_count;) {
        int64_t taken = 0;
        if (parquet_writer_row_group_is_full(file->writer)) {
            code = data_file_close_row_group(file, setup, error);
            continue;
        }
        code = parquet_writer_append(file->writer, &rows->array, done, rows->row_count - done,
                                     &taken, error);
        assert(code != OK || taken > 0);
        done += taken;
    }
    file->row_count += rows->row_count;
    return code;
}

/* Reads the file back as its readers will. */
static enum error_code read_back(const struct data_file *file, const struct data_file_setup *setup,
                                 struct error *error)
{
    int64_t started_us = os_monotonic_us();
    if (setup->verify == PARQUET_VERIFY_OFF)
        return OK;
    enum error_code code = staged_file_check_size(&file->staged, error);
    struct parquet_source source = {.size_bytes = file->staged.size_bytes,
                                    .name = file->staged.file.path,
                                    .context = (void *)&file->staged,
                                    .read = staged_file_read};
    if (code == OK)
        code = parquet_verify(&source, setup->verify, file->row_count, error);
    if (code == ERR_CORRUPT)
        code = error_prefix(error, code, "read-back of a file that was just written failed: ");
    report_duration(setup, "readback", started_us);
    return code;
}

enum error_code data_file_finish(struct data_file *file, const struct data_file_setup *setup,
                                 const struct parquet_key_value *metadata, size_t metadata_count,
                                 struct error *error)
{
    assert(parquet_writer_open_rows(file->writer) == 0);
    assert(parquet_writer_row_count(file->writer) == file->row_count);
    uint64_t data_bytes = file->staged.size_bytes;
    enum error_code code = parquet_writer_finish(file->writer, metadata, metadata_count,
                                                 &file->encoded, &file->footer_size_bytes, error);
    if (code == OK)
        code = write_encoded(file, setup, error);
    if (code == OK)
        size_estimate_learn_tail(setup->estimate, data_bytes, file->staged.size_bytes - data_bytes);
    if (code == OK)
        code = staged_file_sync(&file->staged, error);
    if (code == OK)
        code = read_back(file, setup, error);
    return code;
}

void data_file_release(struct data_file *file)
{
    parquet_writer_free(file->writer);
    staged_file_release(&file->staged);
    buffer_release(&file->encoded);
    data_file_init(file);
}

void data_file_discard(struct data_file *file)
{
    staged_file_discard(&file->staged);
    data_file_release(file);
}
