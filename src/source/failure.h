// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SOURCE_FAILURE_H
#define TTP_SOURCE_FAILURE_H

/*
 * Words about a call to the server that failed: what was asked for, and what the messages of known
 * servers mean. No I/O, no state.
 */

#include <stddef.h>

#include "source/tracker.h"

/* "ledger 5", "ledgers 5 to 9", "ledger 5 and all later ones", "whatever it begins with". */
void source_asked_text(const struct source_call *call, char out[SOURCE_ASKED_BYTES]);

/* What a server's words mean and what helps, as a sentence without its full stop; NULL: they are
 * not known. Static. docs/OPERATIONS.md has the table. */
const char *source_words_meaning(const char *words);

#endif
