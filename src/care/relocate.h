// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_RELOCATE_H
#define TTP_CARE_RELOCATE_H

/* Sets the path by which readers find a lake's files (catalog/place.h), and nothing else: for a
 * lake that was moved or copied by other means than `backup`. */

#include <stdbool.h>

#include "os/path.h"
#include "util/error.h"

struct relocate_options {
    const char *output_path;
    const char *reader_data_path; /* "": where the lake lies */
    bool dry_run;
};

struct relocate_report {
    char lake_path[OS_PATH_BYTES]; /* where it lies */
    char before[OS_PATH_BYTES];    /* where readers looked for it */
    char data_path[OS_PATH_BYTES]; /* where they look for it now */
    bool data_path_changed;        /* or would be, by a dry run */
    bool lay_elsewhere;            /* the catalog named another place as the lake's own, or none */
};

/* Takes the writer's lock, but for a dry run. ERR_NOT_FOUND: there is no lake. ERR_CONFLICT: a
 * consumer runs; ERR_INVALID: the path is none that readers could use. */
enum error_code relocate_lake(const struct relocate_options *options,
                              struct relocate_report *report, struct error *error) MUST_CHECK;

#endif
