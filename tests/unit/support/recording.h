// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_TESTS_RECORDING_H
#define TTP_TESTS_RECORDING_H

/* Reads the recorded events of tests/data (varint length, then a TokenTransferEvent). Anything that
 * is wrong with a file ends the test program with a message. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/bytes.h"

struct recorded {
    uint8_t *data;
    size_t size_bytes;
    size_t at;
};

/* The base names in tests/data, such as "pubnet-early"; recorded_count of them. */
extern const char *const recorded_names[];
extern const size_t recorded_count;

/* Opens tests/data/<name><suffix>, such as "pubnet-early" and ".events". */
void recorded_open(struct recorded *recording, const char *name, const char *suffix);
void recorded_close(struct recorded *recording);

/* The next message, valid until close; false at the end. */
bool recorded_next(struct recorded *recording, struct bytes_view *message);
/* The next line without its end; false at the end. */
bool recorded_next_line(struct recorded *recording, struct bytes_view *line);

#endif
