// SPDX-License-Identifier: Apache-2.0
#include "support/small_lake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "catalog/history.h"
#include "os/calls.h"
#include "rows/batch_builder.h"
#include "sink/sink.h"

#define START_SECONDS INT64_C(1705323570) /* 30 s before a full hour */

static void check(enum error_code code, const struct error *error)
{
    if (code == OK)
        return;
    fprintf(stderr, "small lake: %s\n", error->message);
    abort();
}

/* Ledger 14 has no event; the second event of ledgers 12 and 40 can't be a row. */
static void add_ledger(struct batch_builder *builder, uint32_t ledger)
{
    struct error error;
    for (uint32_t i = 0; i < 3 && ledger != 14; i++) {
        char hash[65];
        snprintf(hash, sizeof hash, "%064x", ledger * 16 + i);
        bool dead = (ledger == 12 || ledger == 40) && i == 1;
        struct event_view event = {
            .has_meta = true,
            .has_closed_at = true,
            .ledger_sequence = ledger,
            .closed_at_seconds = START_SECONDS + 5 * ((int64_t)ledger - 10),
            .tx_hash = bytes_view_text(dead ? "no hash" : hash),
            .transaction_index = i,
            .type = i == 0 ? EVENT_FEE : EVENT_TRANSFER,
            .from = bytes_view_text("GAAZI4TCR3TY5OJHCTJC2A4QSY6CJWJH5IAJTGKIN2ER7LBNVKOCCWN7"),
            .to = bytes_view_text(
                i == 0 ? "" : "GBRPYHIL2CI3FNQ4BXLFMNDLFJUNPU2HY3ZMFSHONUCEOASW7QC7OX2H"),
            .amount = bytes_view_text("1000000"),
            .asset_kind = ASSET_NATIVE};
        bool became_dead_letter;
        check(batch_builder_add_event(builder, &event, i, bytes_view_text("raw bytes"),
                                      &became_dead_letter, &error),
              &error);
    }
    check(batch_builder_complete_to(builder, ledger, &error), &error);
}

static enum error_code commit_ledgers(struct sink *sink, uint32_t first, uint32_t last,
                                      struct error *error)
{
    struct batch_builder_options options = {
        .schema = row_schema_find("1.1.0"), .scheme = PARTITION_DATE_HOUR, .dictionaries = true};
    struct batch_builder *builder;
    check(batch_builder_new(&builder, &options, error), error);
    batch_builder_begin_range(builder, first);
    for (uint32_t ledger = first; ledger <= last; ledger++)
        add_ledger(builder, ledger);
    enum error_code code = OK;
    while (code == OK && batch_builder_has_complete(builder)) {
        struct row_batch *batch = NULL;
        check(batch_builder_take(builder, &batch, error), error);
        if (batch == NULL)
            break;
        code = sink_append(sink, &batch, error);
    }
    batch_builder_free(builder);
    return code == OK ? sink_commit(sink, ROTATION_END_OF_RANGE, error) : code;
}

static enum error_code open_sink(struct sink **sink, const char *folder, struct error *error)
{
    const struct sink_options options = {.output_path = folder,
                                         .reader_data_path = "",
                                         .scheme = PARTITION_DATE_HOUR,
                                         .schema_version = "1.1.0",
                                         .network = "testnet",
                                         .codec = PARQUET_CODEC_NONE,
                                         .max_file_size_bytes = UINT64_C(1) << 30,
                                         .max_file_age_us = INT64_C(3600000000),
                                         .memory_bytes = UINT64_C(1) << 30,
                                         .encode_threads = 1,
                                         .verify_files = PARQUET_VERIFY_PAGES};
    return sink_open(sink, &options, error);
}

void small_lake_make(const char *folder)
{
    static const uint64_t taken_out[] = {3};
    struct error error;
    struct sink *sink;
    check(open_sink(&sink, folder, &error), &error);
    check(commit_ledgers(sink, 10, 17, &error), &error); /* the hour changes: commits 1 and 2 */
    check(commit_ledgers(sink, 30, 31, &error), &error);
    struct catalog_removal removal = {
        .commit_nos = taken_out, .commit_count = 1, .reason = "repair: damaged", .decided_at = -1};
    int64_t snapshot;
    check(catalog_take_out(sink_catalog(sink), &removal, &snapshot, &error), &error);
    check(catalog_record_hole(sink_catalog(sink), (struct ledger_range){20, 21}, "no", &error),
          &error);
    check(catalog_add_seam_finding(sink_catalog(sink), 13, &error), &error);
    sink_close(sink);
}

/* Nothing is waited for. */
static bool give_up(void *context, enum obstacle_kind kind)
{
    (void)context;
    (void)kind;
    return true;
}

enum error_code small_lake_add(const char *folder, uint32_t first, uint32_t last,
                               struct error *error)
{
    struct sink *sink;
    enum error_code code = open_sink(&sink, folder, error);
    if (code != OK)
        return code;
    sink_set_give_up(sink, give_up, NULL);
    code = commit_ledgers(sink, first, last, error);
    sink_close(sink);
    return code;
}

/* ---- ends of a process ---- */

static enum small_lake_end wanted_end;
static unsigned files_placed;

static int rename_or_die(const char *from, const char *to)
{
    bool is_ours = strstr(from, "/staging/commit_") != NULL;
    if (is_ours && wanted_end == SMALL_LAKE_INTENDED)
        _exit(0);
    files_placed += is_ours;
    return os_calls_real.rename_no_replace(from, to);
}

static int sync_or_die(int fd)
{
    if (files_placed > 0 && wanted_end == SMALL_LAKE_PLACED)
        _exit(0);
    return os_calls_real.fsync(fd);
}

static int unlink_or_die(const char *path)
{
    if (wanted_end == SMALL_LAKE_COMMITTED && strstr(path, "/intent.json") != NULL)
        _exit(0);
    return os_calls_real.unlink(path);
}

void small_lake_interrupt(const char *folder, uint32_t first, uint32_t last,
                          enum small_lake_end end)
{
    pid_t pid = fork();
    int status = -1;
    if (pid == 0) {
        struct os_calls calls = os_calls_real;
        struct error error;
        calls.rename_no_replace = rename_or_die;
        calls.fsync = sync_or_die;
        calls.unlink = unlink_or_die;
        wanted_end = end;
        os_calls_set(&calls);
        check(small_lake_add(folder, first, last, &error), &error);
        _exit(1);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
        fprintf(stderr, "small lake: no commit was interrupted\n");
        abort();
    }
}
