// SPDX-License-Identifier: Apache-2.0
#include "app/command.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "service/memory_plan.h"
#include "output/say.h"
#include "service/source_setup.h"
#include "os/log.h"
#include "os/process.h"
#include "os/signal.h"
#include "os/thread.h"
#include "serve/recording.h"
#include "source/source.h"
#include "util/text.h"

#define WAIT_US 60000000 /* any: a signal or the end wakes the wait */

/* The ledger in progress waits here, so that one that comes again is kept once. */
struct recorder {
    struct source *source;
    struct recording_writer *writer;
    struct buffer messages; /* of the ledger in progress, each behind its length (native) */
    size_t limit_bytes;
    uint64_t event_count;
    struct source_request request;
    struct source_result result;
    struct os_thread thread;
    atomic_bool ended;
    enum error_code code;
    struct error error;
};

static enum error_code keep(struct recorder *recorder, uint32_t ledger, struct bytes_view message,
                            struct error *error)
{
    uint32_t size_bytes = (uint32_t)message.size_bytes;
    if (recorder->messages.size_bytes + size_bytes > recorder->limit_bytes)
        return error_set(error, ERR_LIMIT,
                         "ledger %" PRIu32
                         " alone takes more than half of memory_limit: raise memory_limit",
                         ledger);
    if (buffer_reserve(&recorder->messages, sizeof size_bytes + size_bytes) != OK)
        return error_no_memory(error, "a ledger");
    buffer_append_unchecked(&recorder->messages, &size_bytes, sizeof size_bytes);
    buffer_append_unchecked(&recorder->messages, message.data, size_bytes);
    return OK;
}

static enum error_code on_event(void *context, const struct event_view *event, uint32_t event_index,
                                struct bytes_view message, bool *is_stored, struct error *error)
{
    (void)event_index;
    (void)is_stored;
    return keep(context, event->ledger_sequence, message, error);
}

static enum error_code on_unreadable(void *context, uint32_t ledger_sequence, uint32_t event_index,
                                     const char *reason, struct bytes_view message,
                                     struct error *error)
{
    (void)event_index;
    log_event(LOG_WARN, "app", "recorded a message that can't be read",
              LOG_U("ledger", ledger_sequence), LOG_T("reason", reason));
    return keep(context, ledger_sequence, message, error);
}

static void on_ledger_dropped(void *context)
{
    struct recorder *recorder = context;
    buffer_reset(&recorder->messages);
}

static enum error_code on_complete_to(void *context, uint32_t covered_to, struct error *error)
{
    struct recorder *recorder = context;
    (void)covered_to;
    const uint8_t *at = recorder->messages.data;
    size_t left = recorder->messages.size_bytes;
    while (left > 0) {
        uint32_t size_bytes;
        memcpy(&size_bytes, at, sizeof size_bytes);
        at += sizeof size_bytes;
        enum error_code code =
            recording_writer_append(recorder->writer, bytes_view_of(at, size_bytes), error);
        if (code != OK)
            return code;
        at += size_bytes;
        left -= sizeof size_bytes + size_bytes;
        recorder->event_count++;
    }
    buffer_reset(&recorder->messages);
    return OK;
}

static enum error_code on_skip(void *context, uint32_t ledger, const char *words,
                               struct error *error)
{
    (void)context;
    (void)error;
    log_event(LOG_WARN, "app", "skipped a ledger that the server can't send",
              LOG_U("ledger", ledger), LOG_T("server_said", words));
    return OK;
}

static bool has_room(void *context)
{
    (void)context;
    return true;
}

static bool must_stop(void *context)
{
    (void)context;
    return os_stop_requested();
}

static void *record_body(void *context)
{
    struct recorder *recorder = context;
    const struct source_handler handler = {.context = recorder,
                                           .on_event = on_event,
                                           .on_unreadable = on_unreadable,
                                           .on_ledger_dropped = on_ledger_dropped,
                                           .on_complete_to = on_complete_to,
                                           .on_skip = on_skip,
                                           .has_room = has_room,
                                           .must_stop = must_stop};
    recorder->code = source_run(recorder->source, &recorder->request, &handler, &recorder->result,
                                &recorder->error);
    atomic_store(&recorder->ended, true);
    os_signals_wake();
    return NULL;
}

/* Streams the range into the writer; a signal stops it at a ledger's end. */
static enum error_code record(struct recorder *recorder, struct error *error)
{
    enum error_code code =
        os_thread_start(&recorder->thread, "ttp-record", record_body, recorder, error);
    if (code != OK)
        return code;
    bool woken = false;
    while (!atomic_load(&recorder->ended)) {
        os_signals_wait(WAIT_US);
        if (os_stop_requested() && !woken) {
            source_wake(recorder->source);
            woken = true;
        }
    }
    os_thread_join(&recorder->thread);
    struct error finish_error;
    enum error_code finish_code = recording_writer_finish(recorder->writer, &finish_error);
    if (recorder->code != OK && error != NULL)
        *error = recorder->error;
    else if (finish_code != OK && error != NULL)
        *error = finish_error;
    return recorder->code != OK ? recorder->code : finish_code;
}

/* Where to go on: a file that holds something is continued. False if it holds all of the range. */
static bool plan_request(struct recorder *recorder, const struct options *options,
                         uint32_t next_ledger)
{
    recorder->request =
        (struct source_request){.first = options->start_ledger, .last = options->end_ledger};
    if (next_ledger > recorder->request.first)
        recorder->request.first = next_ledger;
    return recorder->request.last == 0 || recorder->request.first <= recorder->request.last;
}

static enum exit_code run(const struct command_line *line, const struct options *options)
{
    struct recorder recorder = {.code = OK};
    struct source_setup setup = {.headers = NULL};
    struct error error;
    struct memory_plan memory = memory_plan_make(options->memory_limit_bytes, 1);
    uint32_t next_ledger = 0;
    buffer_init(&recorder.messages);
    recorder.limit_bytes = memory.ledger_limit_bytes;
    const char *path = line->arguments[0];
    enum error_code code = os_signals_install(&error);
    if (code == OK)
        code = source_setup_make(&setup, options, memory.window_bytes, false, &recorder.source,
                                 &error);
    if (code == OK)
        code = recording_writer_open(&recorder.writer, path, true, &next_ledger, &error);
    if (code == OK && plan_request(&recorder, options, next_ledger)) {
        if (next_ledger != 0)
            log_event(LOG_INFO, "app", "going on with a recording", LOG_T("file", path),
                      LOG_U("first_ledger", recorder.request.first));
        code = record(&recorder, &error);
    }
    enum exit_code exit_code = EXIT_DONE;
    if (code != OK) {
        exit_code = command_fail(exit_code_of(code), &error);
    } else {
        char size[TEXT_TIME_BYTES];
        text_size(recording_writer_size(recorder.writer), size);
        say("%s: %" PRIu64 " events recorded, the file holds %s\n", path, recorder.event_count,
            size);
    }
    recording_writer_free(recorder.writer);
    source_free(recorder.source);
    source_setup_release(&setup);
    buffer_release(&recorder.messages);
    return exit_code;
}

enum exit_code cmd_record(const struct command_line *line)
{
    struct error error;
    if (line->argument_count < 2) {
        error_set(&error, ERR_INVALID,
                  "record needs a file and a range: parquet-consumer record FILE START END");
        return command_fail(EXIT_USAGE, &error);
    }
    struct options options;
    options_init(&options);
    struct command_line range = *line; /* START END stand behind the file */
    range.arguments++;
    range.argument_count--;
    enum exit_code exit_code = command_load_options(&range, &options);
    if (exit_code == EXIT_DONE)
        exit_code = run(line, &options);
    options_release(&options);
    return exit_code;
}
