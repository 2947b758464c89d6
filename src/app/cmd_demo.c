// SPDX-License-Identifier: Apache-2.0
#include "config/option_load.h"
#include "config/option_table.h"
#include "app/command.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "service/lake_run.h"
#include "output/say.h"
#include "app/serving.h"
#include "os/file.h"
#include "os/log.h"
#include "os/process.h"
#include "os/signal.h"
#include "serve/recording.h"
#include "util/text.h"

/* Where the build found the recordings; the program may have moved since. */
/* Where the recordings are, from the program's folder: installed; in bin; in build/<preset>/bin. */
static const char *const data_folders[] = {"../share/ttp-parquet-consumer/demo", "../tests/data",
                                           "../../../tests/data"};
#define DATA_FOLDER_COUNT (sizeof data_folders / sizeof data_folders[0])

#define DEMO_FILES_MAX 4

struct demo_network {
    const char *name;
    const char *output_path;
    size_t file_count;
    const char *files[DEMO_FILES_MAX];
};

static const struct demo_network networks[] = {
    {"pubnet",
     "./data/demo/pubnet",
     4,
     {"pubnet-early.events", "pubnet-protocol13.events", "pubnet-57500008.events",
      "pubnet-63092993-63092996.events"}},
    {"testnet", "./data/demo/testnet", 1, {"testnet-1410048-1410207.events"}},
};
#define NETWORK_COUNT (sizeof networks / sizeof networks[0])

struct demo_totals {
    uint64_t rows, files, bytes;
};

/* The folder of the recordings. */
static enum error_code find_data(char out[OS_PATH_BYTES], struct error *error)
{
    char program[OS_PATH_BYTES];
    char file[OS_PATH_BYTES];
    char *slash = NULL;
    if (os_program_path(program, sizeof program))
        slash = strrchr(program, '/');
    if (slash == NULL)
        return error_set(error, ERR_NOT_FOUND, "the demo can't tell where its program is");
    *slash = '\0';
    for (size_t i = 0; i < DATA_FOLDER_COUNT; i++) {
        enum error_code code = os_path_join(out, program, data_folders[i], error);
        if (code == OK)
            code = os_path_join(file, out, networks[0].files[0], error);
        if (code != OK)
            return code;
        if (os_path_exists(file))
            return OK;
    }
    return error_set(
        error, ERR_NOT_FOUND,
        "the recordings of the demo are neither in %s/%s nor in %s/%s: run the program "
        "from where it was built or installed",
        program, data_folders[0], program, data_folders[1]);
}

static enum error_code open_recording(const struct demo_network *network, const char *folder,
                                      struct recording **recording, struct error *error)
{
    static char paths[DEMO_FILES_MAX]
                     [OS_PATH_BYTES]; /* too big for the stack; used by one thread */
    const char *pointers[DEMO_FILES_MAX];
    for (size_t i = 0; i < network->file_count; i++) {
        enum error_code code = os_path_join(paths[i], folder, network->files[i], error);
        if (code != OK)
            return code;
        pointers[i] = paths[i];
    }
    return recording_open(recording, pointers, network->file_count, error);
}

static void set_option(const char **texts, size_t offset, const char *text)
{
    texts[option_index(offset)] = text;
}

#define SET(field, text) set_option(texts, offsetof(struct options, field), (text))

/* The options of a run, given as flags would be. */
static enum error_code make_options(struct options *options, const struct demo_network *network,
                                    const char *endpoint, const struct recording_group *group)
{
    const char *texts[OPTION_MAX] = {NULL};
    char first[16];
    char last[16];
    snprintf(first, sizeof first, "%" PRIu32, group->first_ledger);
    snprintf(last, sizeof last, "%" PRIu32, group->last_ledger);
    SET(ttp_processor_endpoint, endpoint);
    SET(start_ledger, first);
    SET(end_ledger, last);
    SET(network, network->name);
    SET(output_path, network->output_path);
    SET(schema_version, "1.1.0");
    SET(health_port, "0");
    SET(metrics_port, "0");
    SET(min_free_disk_bytes, "0");
    SET(log_level, "warn");
    const struct option_sources sources = {.flag_texts = texts};
    struct problems problems;
    problems_init(&problems);
    enum error_code code = options_load(options, &sources, &problems, &problems);
    if (code == ERR_INVALID)
        problems_print(&problems);
    problems_release(&problems);
    if (code == OK)
        log_configure((enum log_level)options->log_level, LOG_FORMAT_TEXT);
    return code;
}

/* One range of contiguous ledgers into the network's lake. */
static enum exit_code fetch_group(const struct demo_network *network, const char *endpoint,
                                  const struct recording_group *group, struct demo_totals *totals)
{
    struct options options;
    struct run_report report;
    options_init(&options);
    run_report_init(&report);
    enum exit_code exit_code = EXIT_FAILED;
    if (make_options(&options, network, endpoint, group) == OK)
        exit_code = lake_run(&options, NULL, &report);
    if (report.has_run) {
        const struct status_snapshot *last = &report.last;
        say("  %s  ledgers %" PRIu32 " to %" PRIu32 ": %" PRIu64 " rows%s\n", network->name,
            group->first_ledger, group->last_ledger, last->sink.rows_committed,
            exit_code == EXIT_DONE && last->sink.commits == 0 ? ", all there already" : "");
        fflush(stdout);
        totals->rows += last->sink.rows_committed;
        totals->files += last->sink.files_committed;
        totals->bytes += last->sink.bytes_committed;
    }
    run_report_release(&report);
    options_release(&options);
    return exit_code;
}

static enum exit_code fetch_network(const struct demo_network *network, const char *folder,
                                    struct demo_totals *totals)
{
    struct recording *recording;
    struct error error;
    enum error_code code = open_recording(network, folder, &recording, &error);
    if (code != OK)
        return command_fail(EXIT_FAILED, &error);
    struct feed feed = recording_feed(recording);
    const struct server_options server = {.listen = "127.0.0.1:0"};
    struct serving serving;
    code = serving_start(&serving, &server, &feed, &error);
    enum exit_code exit_code = code == OK ? EXIT_DONE : command_fail(EXIT_FAILED, &error);
    if (code == OK)
        say("%s: serving %" PRIu64 " real events of %" PRIu64 " ledgers at %s\n", network->name,
            recording_event_count(recording), recording_ledger_count(recording),
            server_address(serving.server));
    for (size_t i = 0;
         exit_code == EXIT_DONE && !os_stop_requested() && i < recording_group_count(recording);
         i++) {
        struct recording_group group = recording_group(recording, i);
        exit_code = fetch_group(network, server_address(serving.server), &group, totals);
    }
    if (serving_stop(&serving, &error) != OK && exit_code == EXIT_DONE)
        exit_code = command_fail(EXIT_FAILED, &error);
    recording_free(recording);
    return exit_code;
}

static void print_queries(void)
{
    say("\nLook at it with DuckDB (duckdb.org):\n"
        "\n"
        "  INSTALL ducklake; INSTALL sqlite;\n"
        "  ATTACH 'ducklake:sqlite:./data/demo/pubnet/_lake/catalog.sqlite' AS lake;\n"
        "  SELECT event_type, asset, count(*) AS events, sum(amount) AS amount\n"
        "    FROM lake.transfers GROUP BY ALL ORDER BY events DESC LIMIT 10;\n"
        "\n"
        "  SELECT * FROM read_parquet('./data/demo/pubnet/**/*.parquet',\n"
        "                             hive_partitioning = true) LIMIT 10;\n"
        "\n"
        "or with Python (pip install pandas pyarrow):\n"
        "\n"
        "  import pandas\n"
        "  events = pandas.read_parquet('./data/demo/testnet')\n"
        "  print(events.groupby(['event_type', 'asset_code'], dropna=False).size())\n");
}

enum exit_code cmd_demo(const struct command_line *line)
{
    (void)line;
    char folder[OS_PATH_BYTES];
    struct error error;
    enum error_code code = find_data(folder, &error);
    if (code == OK)
        code = os_signals_install(&error);
    if (code != OK)
        return command_fail(EXIT_FAILED, &error);
    struct demo_totals totals = {.rows = 0};
    enum exit_code exit_code = EXIT_DONE;
    for (size_t i = 0; exit_code == EXIT_DONE && !os_stop_requested() && i < NETWORK_COUNT; i++)
        exit_code = fetch_network(&networks[i], folder, &totals);
    if (exit_code != EXIT_DONE || os_stop_requested())
        return exit_code;
    char rows[TEXT_TIME_BYTES];
    char size[TEXT_TIME_BYTES];
    text_count(totals.rows, rows);
    text_size(totals.bytes, size);
    say("\nstored %s rows in %" PRIu64 " files (%s) in ./data/demo/pubnet and "
        "./data/demo/testnet\n",
        rows, totals.files, size);
    print_queries();
    return EXIT_DONE;
}
