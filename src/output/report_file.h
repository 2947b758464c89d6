// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_OUTPUT_REPORT_FILE_H
#define TTP_OUTPUT_REPORT_FILE_H

/*
 * `run --report DIR/FILE`: what a run was asked for and what came of it, as one JSON object. It is
 * there as DIR/incomplete_FILE from the start, so that a crash leaves evidence. A pipe or a device
 * is written into at the end, once; a link to a file is refused.
 */

#include "service/lake_run.h"
#include "util/error.h"

/* Writes DIR/incomplete_FILE: version, parameters, start. ERR_INVALID where the path names no file
 * or DIR is not there; ERR_IO, ERR_NO_MEMORY. */
enum error_code report_file_begin(const char *path, const struct options *options,
                                  struct error *error) MUST_CHECK;

/* Writes DIR/FILE and takes DIR/incomplete_FILE away. */
enum error_code report_file_end(const char *path, const struct options *options,
                                const struct run_report *report, enum exit_code exit_code,
                                struct error *error) MUST_CHECK;

#endif
