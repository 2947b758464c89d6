// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_UTIL_LEDGER_TEXT_H
#define TTP_UTIL_LEDGER_TEXT_H

/* Ledger numbers and ranges as people write them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

/* A ledger number: digits, `_` between digits allowed, with K or M for thousands and millions, then
 * also with a fraction: 16000000, 16_000_000, 16M, 16.5M. False on anything else or over 32 bits.
 */
bool ledger_parse(const char *text, uint32_t *ledger) MUST_CHECK;

struct ledger_request {
    uint32_t start;
    uint32_t end;      /* inclusive; 0: for ever */
    bool end_is_given; /* `START` alone leaves the end to the other settings */
};

/* The arguments after the options: `START`, `START END`, `START:END`, `START:+COUNT`, `START:`.
 * ERR_INVALID with what is wrong and how to write it. */
enum error_code ledger_request_parse(const char *const *arguments, size_t argument_count,
                                     struct ledger_request *request,
                                     struct error *error) MUST_CHECK;

#endif
