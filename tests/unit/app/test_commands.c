// SPDX-License-Identifier: Apache-2.0
/* Every allocation of a whole command fails in turn, those of SQLite and jansson included: it says
 * so and exits with 1, or it does without and prints what it always prints. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/program.h"
#include "os/file.h"
#include "os/log.h"
#include "os/log_output.h"
#include "support/sink_fixture.h"
#include "support/allocation_sweep.h"
#include "support/temp_folder.h"
#include "util/memory.h"

#define WORDS_MAX    32
#define OUTPUT_BYTES 65536

static char folder[TEMP_PATH_BYTES];
static char lake[TEMP_PATH_BYTES], hurt[TEMP_PATH_BYTES], spare[TEMP_PATH_BYTES];
static char config[TEMP_PATH_BYTES], data_file[TEMP_PATH_BYTES];

static int captured[2]; /* what the command prints on standard output and error */
static char expected[OUTPUT_BYTES], printed[OUTPUT_BYTES], said[OUTPUT_BYTES];

/* ---- lakes ---- */

static enum error_code remember(void *context, const char *path, uint64_t size_bytes,
                                struct error *error)
{
    (void)size_bytes;
    (void)error;
    if (strstr(path, ".parquet") != NULL)
        snprintf(context, TEMP_PATH_BYTES, "%s", temp_path(lake, path));
    return OK;
}

static void write_text(const char *path, const char *text)
{
    temp_write(path, text, strlen(text));
}

/* ---- a server ---- */

static pid_t server;
static char endpoint[64], fresh[TEMP_PATH_BYTES]; /* fresh: what a run makes */

/* A replay in a process of its own, whose allocations don't fail. Before any command runs here:
 * what a process wakes itself with would be shared. */
static void start_server(void)
{
    int pipes[2];
    char line[64] = "";
    snprintf(fresh, sizeof fresh, "%s", temp_path(folder, "fresh"));
    assert_int_equal(pipe(pipes), 0);
    server = fork();
    assert_true(server >= 0);
    if (server == 0) {
        const char *const argv[] = {"parquet-consumer", "replay",
                                    TTP_TEST_DATA "/testnet-1410048-1410207.events", "--listen",
                                    "127.0.0.1:0"};
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(pipes[1], STDOUT_FILENO);
        _exit((int)program_run(5, argv));
    }
    close(pipes[1]);
    for (size_t size = 0; strchr(line, '\n') == NULL;) {
        ssize_t more = read(pipes[0], line + size, sizeof line - 1 - size);
        assert_true(more > 0);
        size += (size_t)more;
    }
    close(pipes[0]);
    assert_int_equal(sscanf(line, "listening on %63s", endpoint), 1);
}

static void stop_server(void)
{
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
}

/* A lake of several commits, holes, left-out ledgers and dead letters; one with a file cut short
 * and one with a stranger's whose name is not UTF-8. */
static int make_lakes(void **state)
{
    (void)state;
    struct error error;
    temp_folder_make(folder);
    log_set_level(LOG_ERROR + 1);
    snprintf(lake, sizeof lake, "%s", temp_path(folder, "lake"));
    snprintf(hurt, sizeof hurt, "%s", temp_path(folder, "hurt"));
    snprintf(spare, sizeof spare, "%s", temp_path(folder, "spare"));
    snprintf(config, sizeof config, "%s", temp_path(folder, "config.json"));
    write_text(config,
               "{\"consumer\": {\"metadata\": {\"x-key\": \"a text\"}, \"start_ledger\": 7},"
               " \"output\": {\"max_file_size\": \"128MiB\", \"bloom_filters\": false}}\n");
    struct sink_options options = stream_options(lake);
    struct sink *sink;
    if (sink_open(&sink, &options, &error) != OK)
        fail_msg("%s", error.message);
    assert_true(stream_fill(sink, &options, 700, 730, 1));
    assert_true(stream_fill(sink, &options, 800, 812, 1));
    sink_close(sink);
    assert_int_equal(
        os_walk(lake, &(struct os_walker){.context = data_file, .visit = remember}, &error), OK);
    temp_copy(lake, hurt);
    const char *inner = temp_path(hurt, data_file + strlen(lake) + 1);
    assert_int_equal(truncate(inner, 1000), 0);
    write_text(temp_path(hurt, "str\xffnge.parquet"), "x");
    captured[0] = memfd_create("stdout", MFD_CLOEXEC);
    captured[1] = memfd_create("stderr", MFD_CLOEXEC);
    assert_true(captured[0] >= 0 && captured[1] >= 0);
    start_server();
    return 0;
}

static int remove_lakes(void **state)
{
    (void)state;
    stop_server();
    close(captured[0]);
    close(captured[1]);
    temp_folder_remove(folder);
    return 0;
}

/* ---- one call of a command ---- */

static int before[2] = {-1, -1}; /* what standard output and error are while they are captured */

static void capture(void)
{
    fflush(stdout);
    for (int i = 0; i < 2; i++) {
        before[i] = dup(STDOUT_FILENO + i);
        assert_true(before[i] >= 0);
        assert_int_equal(lseek(captured[i], 0, SEEK_SET), 0);
        assert_int_equal(ftruncate(captured[i], 0), 0);
        assert_true(dup2(captured[i], STDOUT_FILENO + i) >= 0);
    }
}

/* The program waits only so long for the thread that writes what it says: where the machine is slow
 * the rest comes when it has ended, and must not be missed. */
#define SAID_WITHIN_US INT64_C(600000000)

static void let_go(void)
{
    fflush(stdout);
    log_output_drain(SAID_WITHIN_US);
    for (int i = 0; i < 2; i++) {
        if (before[i] < 0)
            continue;
        assert_true(dup2(before[i], STDOUT_FILENO + i) >= 0);
        close(before[i]);
        before[i] = -1;
    }
}

/* Where a test ended in the middle of a command. */
static int tear_down(void **state)
{
    (void)state;
    mem_fail_after(0);
    let_go();
    return 0;
}

static void take(int descriptor, char text[OUTPUT_BYTES])
{
    ssize_t size = pread(descriptor, text, OUTPUT_BYTES - 1, 0);
    assert_true(size >= 0 && size < OUTPUT_BYTES - 1);
    text[size] = '\0';
}

/* Runs `parquet-consumer WORDS…`; what it printed is in `printed` and `said`. */
static enum exit_code run(struct allocation_sweep *sweep, const char *const *words)
{
    const char *argv[WORDS_MAX + 2] = {"parquet-consumer"};
    int argc = 1;
    for (; words[argc - 1] != NULL; argc++)
        argv[argc] = words[argc - 1];
    capture();
    if (sweep != NULL)
        sweep_begin(sweep);
    enum exit_code exit_code = program_run(argc, argv);
    if (sweep != NULL)
        sweep_stop(sweep);
    let_go();
    take(captured[0], printed);
    take(captured[1], said);
    return exit_code;
}

/* ---- the sweep ---- */

/* `prepare` (may be NULL) sets up what a round changes. */
static void sweep_command(uint64_t step, void (*prepare)(void), const char *const *words)
{
    struct allocation_sweep sweep = {.step = step, .may_succeed = true};
    if (prepare != NULL)
        prepare();
    enum exit_code usual = run(NULL, words);
    strcpy(expected, printed);
    while (sweep_next(&sweep)) {
        if (prepare != NULL)
            prepare();
        enum exit_code exit_code = run(&sweep, words);
        bool done = exit_code == usual && strcmp(printed, expected) == 0;
        if (!done && (exit_code != EXIT_FAILED || strstr(said, "memory") == NULL))
            fail_msg("%s %s: exit %d where allocation %llu%s failed, printed\n%s\nand said\n%s",
                     words[0], words[1] == NULL ? "" : words[1], (int)exit_code,
                     (unsigned long long)sweep.number, sweep.once ? " alone" : "", printed, said);
        (void)sweep_end(&sweep, done ? OK : ERR_NO_MEMORY);
    }
    assert_true(sweep.failures > 0);
}

#define SWEEP(step, prepare, ...)                                                                  \
    sweep_command((step), (prepare), (const char *const[]){__VA_ARGS__, NULL})

static void help_of_every_kind(void **state)
{
    (void)state;
    SWEEP(1, NULL, "help");
    SWEEP(1, NULL, "help", "run");
    SWEEP(1, NULL, "help", "options");
    SWEEP(5, NULL, "help", "--markdown");
    SWEEP(5, NULL, "help", "--man");
    SWEEP(3, NULL, "help", "--completion", "bash");
    SWEEP(3, NULL, "help", "--completion", "zsh");
    SWEEP(3, NULL, "help", "--completion", "fish");
}

static void check_config_from_a_file(void **state)
{
    (void)state;
    SWEEP(1, NULL, "check-config", "--config", config, "--max-file-age", "2h", "5", "10");
    SWEEP(7, NULL, "check-config", "--json", "--config", config);
}

static void what_a_lake_holds(void **state)
{
    (void)state;
    SWEEP(17, NULL, "status", "--output-path", lake);
    SWEEP(41, NULL, "status", "--json", "--output-path", lake);
    SWEEP(17, NULL, "files", "--output-path", lake);
    SWEEP(17, NULL, "files", "--json", "--since", "710", "--output-path", lake);
    SWEEP(17, NULL, "dead-letters", "--json", "--output-path", lake);
    SWEEP(17, NULL, "dead-letters", "--output-path", lake);
    SWEEP(17, NULL, "dead-letters", "show", "1", "--output-path", lake);
    SWEEP(17, NULL, "dead-letters", "show", "1", "--json", "--output-path", lake);
}

static void what_a_file_holds(void **state)
{
    (void)state;
    SWEEP(5, NULL, "inspect", data_file);
    SWEEP(5, NULL, "inspect", "--json", data_file);
}

static void verify_of_a_whole_lake(void **state)
{
    (void)state;
    SWEEP(29, NULL, "verify", "--output-path", lake);
    SWEEP(41, NULL, "verify", "--json", "--output-path", lake);
    SWEEP(97, NULL, "verify", "--deep", "--output-path", lake);
}

static void verify_of_a_damaged_lake(void **state)
{
    (void)state;
    SWEEP(29, NULL, "verify", "--output-path", hurt);
    SWEEP(41, NULL, "verify", "--json", "--output-path", hurt);
}

static void repair_that_only_looks(void **state)
{
    (void)state;
    SWEEP(41, NULL, "repair", "--dry-run", "--output-path", hurt);
    SWEEP(41, NULL, "repair", "--dry-run", "--unconfirmed", "--output-path", hurt);
}

static void a_run_that_only_plans(void **state)
{
    (void)state;
    SWEEP(41, NULL, "run", "--dry-run", "--output-path", lake, "--schema-version", "1.1.0", "700",
          "900");
}

/* ---- a run ---- */

#define RUN_FIRST "1410048"
#define RUN_LAST  "1410070"

/* From the stream to the catalog, all threads: it ends, never hangs or dies, nothing is published
 * that is not true, and the next run completes the range. */
static void a_run_of_all_parts(void **state)
{
    (void)state;
    struct allocation_sweep sweep = {.step = 1499, .may_succeed = true};
    const char *const words[] = {"run",    "--output-path",   fresh,    "--ttp-processor-endpoint",
                                 endpoint, "--health-port",   "0",      "--metrics-port",
                                 "0",      "--retry-initial", "1ms",    "--retry-max",
                                 "5ms",    "--max-attempts",  "1",      "--min-free-disk",
                                 "0",      "--max-file-size", "1KiB",   "--log-level",
                                 "error",  RUN_FIRST,         RUN_LAST, NULL};
    const char *const verify[] = {"verify", "--deep", "--output-path", fresh, NULL};
    while (sweep_next(&sweep)) {
        if (temp_exists(fresh))
            temp_folder_remove(fresh);
        enum exit_code exit_code = run(&sweep, words);
        if (exit_code != EXIT_DONE && exit_code != EXIT_FAILED)
            fail_msg("exit %d where allocation %llu%s failed: %s", (int)exit_code,
                     (unsigned long long)sweep.number, sweep.once ? " alone" : "", said);
        if (!sweep_end(&sweep, exit_code == EXIT_DONE ? OK : ERR_NO_MEMORY) &&
            run(NULL, words) != EXIT_DONE)
            fail_msg("it can't be run again: %s", said);
        if (run(NULL, verify) != EXIT_DONE)
            fail_msg("%s", printed);
    }
    assert_true(sweep.failures > 1);
}

/* ---- recordings ---- */

static char recording[TEMP_PATH_BYTES];

static void no_recording(void)
{
    snprintf(recording, sizeof recording, "%s", temp_path(folder, "made.events"));
    (void)unlink(recording);
}

static void a_recording_that_is_made(void **state)
{
    (void)state;
    no_recording();
    SWEEP(7, no_recording, "generate", "--seed", "1", "--first-ledger", "10", "--ledgers", "2",
          "--start-time", "2026-01-05T00:00:00Z", "--out", recording);
}

static void a_recording_that_is_taken(void **state)
{
    (void)state;
    no_recording();
    SWEEP(61, no_recording, "record", recording, RUN_FIRST, RUN_LAST, "--ttp-processor-endpoint",
          endpoint, "--retry-initial", "1ms", "--retry-max", "5ms", "--max-attempts", "1",
          "--log-level", "error");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(help_of_every_kind),        TEST(check_config_from_a_file),
        TEST(what_a_lake_holds),         TEST(what_a_file_holds),
        TEST(verify_of_a_whole_lake),    TEST(verify_of_a_damaged_lake),
        TEST(repair_that_only_looks),    TEST(a_run_that_only_plans),
        TEST(a_recording_that_is_made),  TEST(a_run_of_all_parts),
        TEST(a_recording_that_is_taken),
    };
    return cmocka_run_group_tests(tests, make_lakes, remove_lakes);
}
