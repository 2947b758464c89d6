// SPDX-License-Identifier: Apache-2.0
/*
 * CPU time of decoding events and building batches of them, per event: the source thread's own work
 * behind the network. Reads recordings into memory, then goes over them again and again; the
 * ledgers are numbered anew, so that the stream goes on rising.
 *
 *   bench-rows [ROUNDS] FILE.events…
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "pb/straight.h"
#include "rows/batch_builder.h"

#define BATCH_ROWS 1000
#define MAX_EVENTS 100000

struct events {
    struct bytes_view messages[MAX_EVENTS];
    size_t count;
};

static struct events events;

static void read_events(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        fprintf(stderr, "%s can't be read\n", path);
        exit(2);
    }
    size_t size = (size_t)ftell(file);
    uint8_t *data = malloc(size);
    rewind(file);
    if (data == NULL || fread(data, 1, size, file) != size)
        exit(2);
    fclose(file);
    for (size_t at = 0; at < size && events.count < MAX_EVENTS;) {
        size_t length = 0;
        int shift = 0;
        do {
            length |= (size_t)(data[at] & 0x7f) << shift;
            shift += 7;
        } while (data[at++] >= 0x80);
        events.messages[events.count++] = bytes_view_of(data + at, length);
        at += length;
    }
}

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void must(enum error_code code)
{
    if (code != OK) {
        fprintf(stderr, "failed: %s\n", error_code_name(code));
        exit(1);
    }
}

static uint64_t sink; /* keeps what was computed from being optimised away */

static void decode_all(unsigned rounds)
{
    struct event_decoder decoder = {0};
    struct event_view event;
    for (unsigned round = 0; round < rounds; round++)
        for (size_t i = 0; i < events.count; i++) {
            must(event_decoder_next(&decoder, events.messages[i], &event, NULL));
            sink += event.ledger_sequence + event.amount.size_bytes;
        }
}

static void make_rows(unsigned rounds)
{
    struct event_decoder decoder = {0};
    struct event_view event;
    struct row_view row;
    struct row_scratch scratch = {0};
    for (unsigned round = 0; round < rounds; round++)
        for (size_t i = 0; i < events.count; i++) {
            must(event_decoder_next(&decoder, events.messages[i], &event, NULL));
            must(row_from_event(&event, 0, &scratch, &row, NULL));
            sink += row.transaction_hash[0] + row.amount.size_bytes;
        }
    buffer_release(&scratch.text);
}

static void take_all(struct batch_builder *builder)
{
    while (batch_builder_has_complete(builder)) {
        struct row_batch *batch;
        must(batch_builder_take(builder, &batch, NULL));
        sink += (uint64_t)batch->row_count;
        row_batch_free(batch);
    }
}

static void build_batches(const char *version, unsigned rounds)
{
    const struct batch_builder_options options = {
        .schema = row_schema_find(version), .scheme = PARTITION_DATE_HOUR, .dictionaries = true};
    struct batch_builder *builder;
    struct error error;
    if (batch_builder_new(&builder, &options, &error) != OK)
        abort();
    batch_builder_begin_range(builder, 0);
    struct event_decoder decoder = {0};
    uint32_t ledger = 0, index = 0, ordinal = 0, last = 0;
    for (unsigned round = 0; round < rounds; round++)
        for (size_t i = 0; i < events.count; i++) {
            struct event_view event;
            bool dead;
            must(event_decoder_next(&decoder, events.messages[i], &event, NULL));
            if (event.ledger_sequence != last || i == 0) {
                if (ledger != 0)
                    must(batch_builder_complete_to(builder, ledger, NULL));
                if (batch_builder_complete_rows(builder) >= BATCH_ROWS)
                    take_all(builder);
                last = event.ledger_sequence;
                ledger = ++ordinal;
                index = 0;
            }
            event.ledger_sequence = ledger;
            must(
                batch_builder_add_event(builder, &event, index++, events.messages[i], &dead, NULL));
        }
    must(batch_builder_complete_to(builder, ledger, NULL));
    take_all(builder);
    batch_builder_free(builder);
}

static void build_1_0_0(unsigned rounds)
{
    build_batches("1.0.0", rounds);
}

static void build_1_1_0(unsigned rounds)
{
    build_batches("1.1.0", rounds);
}

int main(int argument_count, char **arguments)
{
    int first = 1;
    unsigned rounds = 200;
    if (argument_count > 1 && atoi(arguments[1]) > 0) {
        rounds = (unsigned)atoi(arguments[1]);
        first = 2;
    }
    for (int i = first; i < argument_count; i++)
        read_events(arguments[i]);
    if (events.count == 0) {
        fprintf(stderr, "usage: bench-rows [ROUNDS] FILE.events...\n");
        return 2;
    }
    static const struct {
        const char *name;
        void (*run)(unsigned rounds);
    } stages[] = {{"decode", decode_all},
                  {"decode, row", make_rows},
                  {"decode, row, batch 1.0.0", build_1_0_0},
                  {"decode, row, batch 1.1.0", build_1_1_0}};
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        double best = 1e9;
        for (int turn = 0; turn < 5; turn++) {
            double start = cpu_seconds();
            stages[i].run(rounds);
            double used = cpu_seconds() - start;
            best = used < best ? used : best;
        }
        printf("%-26s %6.1f ns/event\n", stages[i].name,
               best * 1e9 / ((double)events.count * rounds));
    }
    return sink == 0;
}
