// SPDX-License-Identifier: Apache-2.0
// rooms: serve
// parsers: serve/recording.c serve/delimited.c
// without: delimited_write_prefix
/* Two .events files that may be anything: the first is as long as the input's first two bytes say.
 * What opens can be read ledger by ledger, and holds what the index counted. */

#include <assert.h>

#include "serve/recording.h"
#include "support/input.h"
#include "support/memory_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(struct recording *recording)
{
    struct feed feed = recording_feed(recording);
    struct buffer framed;
    struct error error;
    uint64_t ledgers = 0, grouped_events = 0;
    uint32_t wanted = 0, found;
    buffer_init(&framed);
    assert(feed.first_ledger <= feed.last_ledger);
    while (feed.find(feed.context, wanted, &found)) {
        assert(found >= wanted && found <= feed.last_ledger);
        enum error_code code = feed.load(feed.context, found, &framed, &error);
        assert(code == OK);
        buffer_reset(&framed);
        ledgers++;
        if (found == UINT32_MAX)
            break;
        wanted = found + 1;
    }
    assert(ledgers == recording_ledger_count(recording));
    for (size_t i = 0; i < recording_group_count(recording); i++) {
        struct recording_group group = recording_group(recording, i);
        assert(group.first_ledger <= group.last_ledger);
        grouped_events += group.event_count;
    }
    assert(grouped_events == recording_event_count(recording));
    if (feed.first_ledger > 0)
        assert(feed.load(feed.context, feed.first_ledger - 1, &framed, &error) == ERR_NOT_FOUND);
    buffer_release(&framed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"a.events", "b.events"};
    struct fuzz_input input = {data, size};
    size_t first_bytes = fuzz_input_u16(&input);
    struct recording *recording;
    struct error error;
    error_clear(&error);
    memory_file_set(names[0], fuzz_input_bytes(&input, first_bytes));
    memory_file_set(names[1], fuzz_input_bytes(&input, input.size_bytes));
    enum error_code code = recording_open(&recording, names, 2, &error);
    assert((code == OK) == (recording != NULL));
    assert(code == OK || error.message[0] != '\0');
    if (recording != NULL)
        read_all(recording);
    recording_free(recording);
    return 0;
}
