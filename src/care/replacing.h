// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_REPLACING_H
#define TTP_CARE_REPLACING_H

/* A lake that is owned for a while to put data files in the place of others, and what that takes
 * (sink/replacement.h). */

#include "lake/open.h"
#include "sink/replacement.h"
#include "sink/sink.h"

struct replacing {
    struct open_lake lake;
    struct encode_pool *pool;
    struct publisher publisher;
    struct parquet_writer_options writer;
    struct data_file_setup files;
    struct replacement_setup setup; /* for replacement_new; points into this struct */
};

/* Borrows the options' texts. `who` tells whoever is refused what wants to work alone. As
 * open_lake_own. Close it in every case, and don't move it. */
enum error_code replacing_open(struct replacing *replacing, const struct sink_options *options,
                               const char *who, struct error *error) MUST_CHECK;
void replacing_close(struct replacing *replacing);

#endif
