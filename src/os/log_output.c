// SPDX-License-Identifier: Apache-2.0
#include "os/log_output.h"

#include <assert.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "os/output.h"
#include "os/thread.h"

/* Texts one behind the other, each behind its head. */
struct text_head {
    uint32_t size_bytes;
};

struct text_queue {
    char bytes[LOG_OUTPUT_QUEUE_BYTES];
    size_t size_bytes;
};

static struct os_mutex mutex; /* guards what follows, once `started` */
static struct os_condition changed;
static bool started; /* set before other threads log */
static log_output_note *make_note;
static struct text_queue queues[2];
static unsigned filling; /* the queue that texts are put into; the other one is being written */
static uint64_t put_count, written_count;
static uint64_t dropped_lines, untold_lines;
static bool reader_is_slow;   /* nobody waits for a text until the queue was empty once */
static int64_t writing_since; /* 0: no write is in work */
static int64_t slow_since;

/* The kernel's clock, whatever os/clock.h shows: a reader that hangs does so in real time. */
static int64_t kernel_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Nobody can be told where stderr fails. */
static void write_text(const char *text, size_t size_bytes, int64_t timeout_us)
{
    enum error_code ignored = os_write_out(STDERR_FILENO, text, size_bytes, timeout_us, NULL);
    (void)ignored;
}

/* With the mutex held, which it lets go of meanwhile. */
static void write_unlocked(const char *text, size_t size_bytes)
{
    writing_since = kernel_now_us();
    os_mutex_unlock(&mutex);
    write_text(text, size_bytes, INT64_MAX);
    os_mutex_lock(&mutex);
    writing_since = 0;
}

static void write_queue(struct text_queue *queue)
{
    for (size_t at = 0; at < queue->size_bytes;) {
        struct text_head head;
        memcpy(&head, queue->bytes + at, sizeof head);
        at += sizeof head;
        write_unlocked(queue->bytes + at, head.size_bytes);
        at += head.size_bytes;
        written_count++;
        os_condition_broadcast(&changed);
    }
    queue->size_bytes = 0;
}

/* Everything that queued is out: the note stands where the lines are missing. */
static void write_dropped_note(void)
{
    char note[LOG_OUTPUT_TEXT_BYTES];
    uint64_t line_count = untold_lines;
    size_t size_bytes = make_note(line_count, kernel_now_us() - slow_since, note);
    write_unlocked(note, size_bytes);
    untold_lines -= line_count;
}

static void *output_body(void *context)
{
    (void)context;
    os_mutex_lock(&mutex);
    for (;;) {
        struct text_queue *queue = &queues[filling];
        if (queue->size_bytes != 0) {
            filling = 1 - filling;
            write_queue(queue);
        } else if (untold_lines != 0) {
            write_dropped_note();
        } else {
            reader_is_slow = false;
            os_condition_broadcast(&changed);
            os_condition_wait(&changed, &mutex);
        }
    }
    return NULL;
}

enum error_code log_output_start(log_output_note *note, struct error *error)
{
    static bool has_locks;
    if (started)
        return OK;
    enum error_code code = has_locks ? OK : os_mutex_init(&mutex, error);
    if (code == OK && !has_locks) {
        code = os_condition_init(&changed, error);
        has_locks = code == OK;
        if (code != OK)
            os_mutex_release(&mutex);
    }
    if (code != OK)
        return code;
    make_note = note;
    static struct os_thread thread; /* never joined: it may hang in a write at the end */
    code = os_thread_start(&thread, "ttp-log", output_body, NULL, error);
    started = code == OK;
    return code;
}

/* With the mutex held. Once a line was dropped, all are until the note of it is out. */
static bool take_in(const char *text, size_t size_bytes)
{
    struct text_queue *queue = &queues[filling];
    const struct text_head head = {(uint32_t)size_bytes};
    if (untold_lines != 0 || sizeof head + size_bytes > sizeof queue->bytes - queue->size_bytes)
        return false;
    memcpy(queue->bytes + queue->size_bytes, &head, sizeof head);
    memcpy(queue->bytes + queue->size_bytes + sizeof head, text, size_bytes);
    queue->size_bytes += sizeof head + size_bytes;
    return true;
}

uint64_t log_output_put(const char *text, size_t size_bytes, bool is_line)
{
    assert(size_bytes <= LOG_OUTPUT_TEXT_BYTES);
    if (!started) {
        write_text(text, size_bytes, LOG_OUTPUT_PATIENCE_US);
        return 0;
    }
    uint64_t ticket = 0;
    os_mutex_lock(&mutex);
    if (take_in(text, size_bytes)) {
        ticket = ++put_count;
        os_condition_broadcast(&changed);
    } else if (is_line) {
        dropped_lines++;
        untold_lines++;
    }
    os_mutex_unlock(&mutex);
    return ticket;
}

void log_output_wait(uint64_t ticket)
{
    if (ticket == 0)
        return;
    os_mutex_lock(&mutex);
    int64_t deadline_us = kernel_now_us() + LOG_OUTPUT_WAIT_US;
    while (written_count < ticket && !reader_is_slow) {
        if (os_condition_wait_until(&changed, &mutex, deadline_us) || written_count >= ticket ||
            reader_is_slow)
            continue;
        reader_is_slow = true;
        slow_since = kernel_now_us();
    }
    os_mutex_unlock(&mutex);
}

void log_output_drain(int64_t timeout_us)
{
    if (!started)
        return;
    os_mutex_lock(&mutex);
    int64_t deadline_us = kernel_now_us() + timeout_us;
    while (written_count < put_count || untold_lines != 0) {
        if (!os_condition_wait_until(&changed, &mutex, deadline_us))
            break;
    }
    os_mutex_unlock(&mutex);
}

struct log_output_state log_output_get_state(void)
{
    struct log_output_state state = {0};
    if (!started)
        return state;
    os_mutex_lock(&mutex);
    state.dropped_lines = dropped_lines;
    state.blocked_us = writing_since != 0 ? kernel_now_us() - writing_since : 0;
    os_mutex_unlock(&mutex);
    return state;
}
