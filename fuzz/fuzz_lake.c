// SPDX-License-Identifier: Apache-2.0
// rooms: app
// options: -max_len=600 -len_control=0 -rss_limit_mb=1024 -malloc_limit_mb=64
/*
 * A lake's whole folder as somebody hostile may leave it (support/lake_script.h), and the commands
 * that meet it, as they are: `run` up to its first request, a commit, verify, repair, rebuild,
 * status, files. Two of them, one after the other: what the first leaves, the second meets.
 *
 * Whatever they make of it, nothing outside of the lake's folder changes, no data file is lost, no
 * file stays open, no memory stays taken, and they end.
 */

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "app/program.h"
#include "os/signal.h"
#include "support/input.h"
#include "support/lake_script.h"
#include "support/small_lake.h"
#include "support/sqlite_arena.h"
#include "util/memory.h"

#define WORDS_MAX 24

/* "LAKE" is its folder. What takes long comes once. */
static const char *const commands[][WORDS_MAX] = {
    {"commit"}, /* no command: the start of `run`, then ledgers as a server would send them */
    {"run", "--output-path", "LAKE", "--ttp-processor-endpoint", "127.0.0.1:1", "--health-port",
     "0", "--metrics-port", "0", "--schema-version", "1.1.0", "--network", "testnet",
     "--min-free-disk", "0", "10", "0"},
    {"rebuild", "--output-path", "LAKE", "--schema-version", "1.1.0"},
    {"repair", "--output-path", "LAKE"},
    {"verify", "--output-path", "LAKE"},
    {"verify", "--output-path", "LAKE", "--deep", "--json"},
    {"repair", "--output-path", "LAKE", "--deep", "--discard-changes"},
    {"repair", "--output-path", "LAKE", "12", "13"},
    {"status", "--output-path", "LAKE"},
    {"status", "--output-path", "LAKE", "--json"},
    {"files", "--output-path", "LAKE", "--json"},
    {"dead-letters", "--output-path", "LAKE", "--json"},
    {"rebuild", "--output-path", "LAKE", "--dry-run"},
    {"repair", "--output-path", "LAKE", "--unconfirmed"},
    {"run", "--output-path", "LAKE", "--dry-run", "10", "90"},
    {"verify", "--output-path", "LAKE", "--deep"},
};
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ledgers of an hour that the lake has, and of one that it has not. */
static void commit(void)
{
    struct error error = {0};
    enum error_code code = small_lake_add(lake_script_folder(), 50, 51, &error);
    assert(code == OK || error.message[0] != '\0');
    if (code == OK)
        code = small_lake_add(lake_script_folder(), 800, 801, &error);
    assert(code == OK || error.message[0] != '\0');
}

static void execute(const char *const *words)
{
    const char *arguments[WORDS_MAX + 1] = {"parquet-consumer"};
    int count = 1;
    for (; words[count - 1] != NULL; count++)
        arguments[count] =
            strcmp(words[count - 1], "LAKE") == 0 ? lake_script_folder() : words[count - 1];
    os_stop_request(); /* `run` opens the lake, asks no server for anything, and ends */
    enum exit_code code = program_run(count, arguments);
    os_stop_forget();
    assert(code >= EXIT_DONE && code <= EXIT_PROBLEMS);
    fflush(stdout);
}

static void perform(uint8_t chosen)
{
    const char *const *words = commands[chosen % COMMAND_COUNT];
    if (strcmp(words[0], "commit") == 0)
        commit();
    else
        execute(words);
}

/* The lowest number that no file has. */
static int free_descriptor(void)
{
    int fd = dup(STDIN_FILENO);
    assert(fd >= 0);
    close(fd);
    return fd;
}

/* What the process keeps open from the first use on is open then. */
static void prepare(void)
{
    struct fuzz_input nothing = {(const uint8_t *)"", 0};
    sqlite_arena_install();
    lake_script_prepare();
    (void)clearenv(); /* each command would look through it */
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        lake_script_run(&nothing);
        perform((uint8_t)i);
    }
}

static void watch(uint8_t chosen)
{
    int descriptor = free_descriptor();
    uint64_t live = mem_live_count();
    perform(chosen);
    bool untouched = lake_script_outside_is_same();
    assert(untouched);
    bool kept = lake_script_files_are_kept();
    assert(kept);
    assert(free_descriptor() == descriptor);
    assert(mem_live_count() == live);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool is_prepared;
    struct fuzz_input input = {data, size};
    if (!is_prepared)
        prepare();
    is_prepared = true;
    uint8_t first = fuzz_input_u8(&input), second = fuzz_input_u8(&input);
    lake_script_run(&input);
    bool untouched = lake_script_outside_is_same();
    assert(untouched); /* by the script itself */
    watch(first);
    if (second < 128)
        watch(second);
    sqlite_arena_reset();
    return 0;
}
