// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_TESTS_LETTER_LAKE_H
#define TTP_TESTS_LETTER_LAKE_H

/*
 * Two lakes of the same made-up events: one as a program wrote it that did not know some of their
 * types, which it kept as dead letters, and one as a program that knows them all writes it. Some
 * events nobody can store. Each ledger has its commit's hour, and events of all types.
 */

#include <stdbool.h>

#include "sink/sink.h"

#define LETTER_FIRST 700
#define LETTER_LAST  759

/* Commits of ten ledgers. `knows_all`: written by the later program. */
void letter_lake_make(const struct sink_options *options, bool knows_all);

/* How many dead letters each has in all. */
uint64_t letter_lake_lost(void), letter_lake_unknown(void);

/* Fails the test where the lakes hold other rows, or what they say of their commits differs; the
 * numbers of commits and files apart, and, of a catalog that was made anew, what files don't tell.
 */
void letter_lake_compare(const char *folder, const char *expected, bool is_rebuilt);

/* Fails the test where `verify --deep` finds a problem. */
void letter_lake_verify(const char *folder);

#endif
