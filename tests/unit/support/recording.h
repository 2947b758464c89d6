// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_TESTS_RECORDING_H
#define TTP_TESTS_RECORDING_H

/* Reads the recorded events of tests/data (varint length, then a TokenTransferEvent). Anything that
 * is wrong with a file ends the test program with a message. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/bytes.h"

struct recording {
    uint8_t *data;
    size_t size_bytes;
    size_t at;
};

/* The base names in tests/data, such as "pubnet-early"; recording_count of them. */
extern const char *const recording_names[];
extern const size_t recording_count;

/* Opens tests/data/<name><suffix>, such as "pubnet-early" and ".events". */
void recording_open(struct recording *recording, const char *name, const char *suffix);
void recording_close(struct recording *recording);

/* The next message, valid until close; false at the end. */
bool recording_next(struct recording *recording, struct bytes_view *message);
/* The next line without its end; false at the end. */
bool recording_next_line(struct recording *recording, struct bytes_view *line);

#endif
