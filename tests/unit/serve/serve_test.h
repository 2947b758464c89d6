// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_TESTS_SERVE_TEST_H
#define TTP_TESTS_SERVE_TEST_H

/* What the tests of this room share: temporary folders and hand-made events. */

#include <stdint.h>

#include "pb/event.h"
#include "util/buffer.h"

#define DATA(name) TTP_TEST_DATA "/" name

/* A new empty folder; its path lives until the next call. */
const char *make_folder(void);
/* "<folder>/<name>", for one of the last eight calls. */
const char *path_in(const char *folder, const char *name);
/* Removes the files in a folder, and it. */
void remove_folder(const char *folder);

void write_file(const char *path, struct bytes_view content);

/* Appends a delimited transfer of ledger `ledger`; `number` makes it unlike others. */
void append_event(struct buffer *out, uint32_t ledger, uint32_t number);

/* Fails each allocation that `attempt` makes (support/allocation_sweep.h). */
void sweep_allocations(enum error_code (*attempt)(void *context), void *context);

#endif
