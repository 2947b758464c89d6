// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_OS_IDENTITY_H
#define TTP_OS_IDENTITY_H

/* Who this process is, random identities, and pauses. */

#include <stddef.h>
#include <stdint.h>

#include "util/error.h"

int64_t os_process_id(void);

#define OS_HOST_NAME_BYTES 256
/* The host's name, cut if it is longer; "unknown" if the system does not say. */
void os_host_name(char out[OS_HOST_NAME_BYTES]);

#define OS_UUID_BYTES 37
/* Bytes that nobody can foresee. ERR_IO if the kernel gives none. */
enum error_code os_random(void *out, size_t size_bytes, struct error *error) MUST_CHECK;
/* A random UUID (RFC 9562, version 4) in lower-case text. ERR_IO if the kernel gives no randomness.
 */
enum error_code os_uuid(char out[OS_UUID_BYTES], struct error *error) MUST_CHECK;

/* Pauses this thread; a signal may end it early. */
void os_sleep_us(int64_t duration_us);

#endif
