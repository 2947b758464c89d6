// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "serve/serve_test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "serve/delimited.h"
#include "support/allocation_sweep.h"

const char *make_folder(void)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/ttp-serve-XXXXXX");
    assert_non_null(mkdtemp(path));
    return path;
}

const char *path_in(const char *folder, const char *name)
{
    static char paths[8][512];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

void remove_folder(const char *folder)
{
    DIR *directory = opendir(folder);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            assert_int_equal(unlink(path_in(folder, entry->d_name)), 0);
    }
    closedir(directory);
    assert_int_equal(rmdir(folder), 0);
}

void write_file(const char *path, struct bytes_view content)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    if (content.size_bytes != 0)
        assert_int_equal(fwrite(content.data, 1, content.size_bytes, file), content.size_bytes);
    assert_int_equal(fclose(file), 0);
}

void append_event(struct buffer *out, uint32_t ledger, uint32_t number)
{
    char amount[16];
    snprintf(amount, sizeof amount, "%u", number);
    const struct event_view event = {
        .has_meta = true,
        .has_closed_at = true,
        .ledger_sequence = ledger,
        .closed_at_seconds = 1700000000 + ledger,
        .tx_hash =
            bytes_view_text("0000000000000000000000000000000000000000000000000000000000000001"),
        .transaction_index = 1,
        .type = EVENT_TRANSFER,
        .from = bytes_view_text("GAAA"),
        .to = bytes_view_text("GBBB"),
        .amount = bytes_view_text(amount),
        .asset_kind = ASSET_NATIVE};
    struct buffer message;
    buffer_init(&message);
    assert_int_equal(event_encode(&event, &message), OK);
    uint8_t prefix[DELIMITED_PREFIX_LIMIT];
    unsigned prefix_bytes = delimited_write_prefix((uint32_t)message.size_bytes, prefix);
    assert_int_equal(buffer_append(out, prefix, prefix_bytes), OK);
    assert_int_equal(buffer_append(out, message.data, message.size_bytes), OK);
    buffer_release(&message);
}

void sweep_allocations(enum error_code (*attempt)(void *context), void *context)
{
    struct allocation_sweep sweep = {0};
    while (sweep_next(&sweep)) {
        sweep_begin(&sweep);
        (void)sweep_end(&sweep, attempt(context));
    }
    assert_true(sweep.failures > 0);
}
