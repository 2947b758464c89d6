// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_APP_VERIFY_PRINT_H
#define TTP_APP_VERIFY_PRINT_H

/* What `verify` says. */

#include "app/server_comparison.h"
#include "config/options.h"
#include "lake/verify.h"
#include "util/buffer.h"

/* Appends what mends the lake, ended by a NUL: "parquet-consumer repair … && parquet-consumer run …
 * A B"; empty where nothing is to be fetched. ERR_NO_MEMORY, or an error of reading the lake. */
enum error_code verify_print_command(const struct verify_report *report,
                                     const struct options *options, struct buffer *out,
                                     struct error *error) MUST_CHECK;

/* To stdout; `with_server` is NULL where the lake was not compared with a server. ERR_NO_MEMORY. */
enum error_code verify_print_json(const struct verify_report *report,
                                  const struct server_comparison *with_server, const char *command,
                                  struct error *error) MUST_CHECK;
void verify_print_text(const struct verify_report *report,
                       const struct server_comparison *with_server, const struct options *options,
                       const char *command);

#endif
