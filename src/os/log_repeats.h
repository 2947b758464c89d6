// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_OS_LOG_REPEATS_H
#define TTP_OS_LOG_REPEATS_H

/* Keeps a log readable when one thing goes wrong again and again. Part of os/log.h. Thread-safe. */

#include <stdbool.h>
#include <stdint.h>

#define LOG_REPEATS_BURST     20                      /* lines of one message… */
#define LOG_REPEATS_WINDOW_US (60 * INT64_C(1000000)) /* …that may be written within this */

/* Whether one more line of this message may be written; `now_us` is monotonic. *left_out: how many
 * were held back before it. A message that was forgotten for others may be written. */
bool log_repeats_admit(const char *component, const char *message, int64_t now_us,
                       uint64_t *left_out);

#endif
