// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_FUZZ_JSON_DAMAGE_H
#define TTP_FUZZ_JSON_DAMAGE_H

#include "support/input.h"
#include "util/buffer.h"

/* Gives one value of a JSON text another value, takes it out or doubles it, as the input says. A
 * text that is not JSON stays as it is. */
void json_damage(struct fuzz_input *input, struct buffer *text);

#endif
