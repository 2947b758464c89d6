// SPDX-License-Identifier: Apache-2.0
#include "support/recording.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const recorded_names[] = {
    "pubnet-early",
    "pubnet-protocol13",
    "pubnet-57500008",
    "pubnet-63092993-63092996",
    "testnet-1410048-1410207",
};
const size_t recorded_count = sizeof recorded_names / sizeof recorded_names[0];

static void fail(const char *path, const char *problem)
{
    fprintf(stderr, "%s: %s\n", path, problem);
    abort();
}

void recorded_open(struct recorded *recording, const char *name, const char *suffix)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s%s", TTP_TEST_DATA, name, suffix);
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0)
        fail(path, "can't be opened");
    long size = ftell(file);
    rewind(file);
    *recording = (struct recorded){.data = malloc((size_t)size), .size_bytes = (size_t)size};
    if (recording->data == NULL || fread(recording->data, 1, (size_t)size, file) != (size_t)size)
        fail(path, "can't be read");
    fclose(file);
}

void recorded_close(struct recorded *recording)
{
    free(recording->data);
    *recording = (struct recorded){0};
}

bool recorded_next(struct recorded *recording, struct bytes_view *message)
{
    if (recording->at == recording->size_bytes)
        return false;
    size_t length = 0;
    for (int shift = 0;; shift += 7) {
        if (recording->at == recording->size_bytes || shift > 28)
            fail("recording", "a length is cut off");
        uint8_t byte = recording->data[recording->at++];
        length |= (size_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            break;
    }
    if (length > recording->size_bytes - recording->at)
        fail("recording", "a message is cut off");
    *message = bytes_view_of(recording->data + recording->at, length);
    recording->at += length;
    return true;
}

bool recorded_next_line(struct recorded *recording, struct bytes_view *line)
{
    if (recording->at == recording->size_bytes)
        return false;
    const uint8_t *start = recording->data + recording->at;
    const uint8_t *end = memchr(start, '\n', recording->size_bytes - recording->at);
    if (end == NULL)
        fail("recording", "the last line has no end");
    *line = bytes_view_of(start, (size_t)(end - start));
    recording->at += line->size_bytes + 1;
    return true;
}
