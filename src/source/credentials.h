// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SOURCE_CREDENTIALS_H
#define TTP_SOURCE_CREDENTIALS_H

/*
 * The extra headers of a request. A value may stand elsewhere (`env:NAME`, `file:PATH`), where
 * somebody may renew it: it is read anew for each request. Values are secrets: no message has one,
 * and they are wiped when they are replaced. Not thread-safe.
 */

#include <stdbool.h>
#include <stddef.h>

#include "http/header.h"
#include "source/contract.h"
#include "util/error.h"

/* How long a pipe (of a command that asks a vault) may take to give a value. */
#define CREDENTIAL_TIMEOUT_US INT64_C(30000000)

/* Whether a configured value only says where the value stands. */
bool credential_is_reference(const char *configured);

/*
 * Reads the value that `reference` names into *value (NUL-terminated, the caller's to
 * credential_free). Line ends at the end of a file are left out. *can_be_read_again is false where
 * this was the only time: a pipe. timeout_us as os_read_input has it. ERR_INVALID (not set, empty),
 * ERR_NOT_FOUND, ERR_LIMIT, ERR_RETRY, ERR_IO, ERR_NO_MEMORY.
 */
enum error_code credential_read(const char *reference, int64_t timeout_us, char **value,
                                bool *can_be_read_again, struct error *error) MUST_CHECK;
void credential_free(char *value); /* NULL is fine */

struct credentials {
    struct http_header *headers; /* owned texts, as they go into a request */
    char **references;           /* by header; NULL: its value stays as it is */
    size_t count;
};

/* Takes copies; a header without a reference keeps its value. ERR_NO_MEMORY; release after it, too.
 */
enum error_code credentials_init(struct credentials *credentials,
                                 const struct source_header *headers, size_t count,
                                 struct error *error) MUST_CHECK;
void credentials_release(struct credentials *credentials);

/* Reads all values that stand elsewhere anew; *changed if one is another than before. ERR_RETRY
 * with the header's name where one can't be read or sent now; that header keeps its value;
 * ERR_NO_MEMORY. */
enum error_code credentials_read_again(struct credentials *credentials, bool *changed,
                                       struct error *error) MUST_CHECK;

#endif
