// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CONFIG_OPTION_VALUE_H
#define TTP_CONFIG_OPTION_VALUE_H

/* From the text of a value to the value, and back. */

#include "config/options.h"
#include "util/error.h"

/* "config.json:7: consumer.start_ledger", "--start-ledger", "PARQUET_CONSUMER_…" or the default. */
#define OPTION_PLACE_BYTES 512
void options_place(const struct options *options, int index, char out[OPTION_PLACE_BYTES]);

/* Parses `text` for option number `index` into its place. ERR_INVALID with what is wrong (without
 * the option's name), ERR_NO_MEMORY. */
enum error_code option_parse(struct options *options, int index, const char *text,
                             struct error *error) MUST_CHECK;

/* Writes the effective value as text into out (sizes in bytes, durations Go-style, header values
 * hidden). */
#define OPTION_VALUE_BYTES 1024
void option_value_text(const struct options *options, int index, char out[OPTION_VALUE_BYTES]);

#endif
