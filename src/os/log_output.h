// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_OS_LOG_OUTPUT_H
#define TTP_OS_LOG_OUTPUT_H

/*
 * Where the log's text goes: stderr, by a thread of its own, so that whoever reads it (a terminal
 * that is held, a collector that hangs, a file on storage that does) never holds who logs. stderr
 * is not switched to O_NONBLOCK: it may be shared with other processes.
 *
 * As long as the reader keeps up, a text is out when log_output_wait returns. Else who logs waits
 * LOG_OUTPUT_WAIT_US once, and after that texts queue up; what finds no room is dropped and
 * counted. When all that queued is out, a note tells how many lines are missing there, and all is
 * as before. Thread-safe. Before log_output_start (and where it failed) texts are written by the
 * caller, who waits for room at most LOG_OUTPUT_PATIENCE_US.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

#define LOG_OUTPUT_TEXT_BYTES  8192 /* of one text at most */
#define LOG_OUTPUT_QUEUE_BYTES 65536

#define LOG_OUTPUT_WAIT_US     INT64_C(100000)
#define LOG_OUTPUT_PATIENCE_US INT64_C(1000000)

/* Makes the note of `line_count` lines that were dropped into out; returns its bytes. Called on the
 * output's thread. */
typedef size_t log_output_note(uint64_t line_count, int64_t blocked_us,
                               char out[LOG_OUTPUT_TEXT_BYTES]);

/* Starts the thread, which lives as long as the process; once more does nothing. ERR_RETRY and
 * ERR_NO_MEMORY where there are no resources for it. */
enum error_code log_output_start(log_output_note *note, struct error *error) MUST_CHECK;

/* Hands a text over. A line that is dropped is counted; what is no line (a redrawn status) is not
 * missed. Returns a ticket for log_output_wait. */
uint64_t log_output_put(const char *text, size_t size_bytes, bool is_line);
/* Waits a bounded time until the text of the ticket is out. */
void log_output_wait(uint64_t ticket);
/* At the end of a process: waits at most timeout_us until everything is out. */
void log_output_drain(int64_t timeout_us);

struct log_output_state {
    uint64_t dropped_lines; /* since the start of the process */
    int64_t blocked_us;     /* how long the write in work has taken; 0: none is in work */
};
struct log_output_state log_output_get_state(void);

#endif
