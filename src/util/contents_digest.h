// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_UTIL_CONTENTS_DIGEST_H
#define TTP_UTIL_CONTENTS_DIGEST_H

/*
 * The digest of a ledger's contents as it is kept: with the version of how it was made
 * (rows/digest.h). Those of different versions say nothing about each other.
 */

#include <stdbool.h>
#include <stdint.h>

#include "util/bytes.h"

#define CONTENTS_DIGEST_BYTES      16
#define CONTENTS_DIGEST_TEXT_BYTES (4 + 2 * CONTENTS_DIGEST_BYTES + 1)

struct contents_digest {
    uint8_t version;
    uint8_t bytes[CONTENTS_DIGEST_BYTES];
};

/* 32 hexadecimal digits; in front of them the version, such as "2-", where it is not 1. */
void contents_digest_text(const struct contents_digest *digest,
                          char text[CONTENTS_DIGEST_TEXT_BYTES]);
/* False if it is no such text. */
bool contents_digest_parse(struct bytes_view text, struct contents_digest *digest);

/* Whether they tell of other contents: made the same way, and not the same. */
bool contents_digest_differ(const struct contents_digest *a, const struct contents_digest *b);

#endif
