// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_FUZZ_SMALL_LAKE_H
#define TTP_FUZZ_SMALL_LAKE_H

/* A small lake that has one of everything: two partitions, dead letters, ledgers without events, a
 * hole, a seam finding, a commit that was taken out. For targets that link the room sink. */

/* Makes it in `folder`, which must exist; aborts if it can't. */
void small_lake_make(const char *folder);

#endif
