// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_FUZZ_INPUT_H
#define TTP_FUZZ_INPUT_H

/* Takes numbers and bytes off the front of a fuzzer's input; zeros and nothing behind its end. */

#include <stdint.h>
#include <string.h>

#include "util/bytes.h"

struct fuzz_input {
    const uint8_t *data;
    size_t size_bytes;
};

static inline struct bytes_view fuzz_input_bytes(struct fuzz_input *input, size_t size_bytes)
{
    size_t taken = size_bytes < input->size_bytes ? size_bytes : input->size_bytes;
    struct bytes_view view = bytes_view_of(input->data, taken);
    input->data += taken;
    input->size_bytes -= taken;
    return view;
}

/* Up to `separator`, which is taken too, or the end. */
static inline struct bytes_view fuzz_input_until(struct fuzz_input *input, uint8_t separator)
{
    const uint8_t *found =
        input->size_bytes == 0 ? NULL : memchr(input->data, separator, input->size_bytes);
    if (found == NULL)
        return fuzz_input_bytes(input, input->size_bytes);
    struct bytes_view view = fuzz_input_bytes(input, (size_t)(found - input->data));
    (void)fuzz_input_bytes(input, 1);
    return view;
}

static inline uint64_t fuzz_input_number(struct fuzz_input *input, size_t size_bytes)
{
    uint64_t number = 0;
    struct bytes_view view = fuzz_input_bytes(input, size_bytes);
    for (size_t i = 0; i < view.size_bytes; i++)
        number |= (uint64_t)view.data[i] << 8 * i;
    return number;
}

static inline uint8_t fuzz_input_u8(struct fuzz_input *input)
{
    return (uint8_t)fuzz_input_number(input, 1);
}

static inline uint16_t fuzz_input_u16(struct fuzz_input *input)
{
    return (uint16_t)fuzz_input_number(input, 2);
}

static inline uint32_t fuzz_input_u32(struct fuzz_input *input)
{
    return (uint32_t)fuzz_input_number(input, 4);
}

static inline uint64_t fuzz_input_u64(struct fuzz_input *input)
{
    return fuzz_input_number(input, 8);
}

/* Reads every byte of it, so that a view that reaches too far is found. */
static inline void fuzz_touch(struct bytes_view view)
{
    static volatile uint8_t sink;
    uint8_t sum = 0;
    for (size_t i = 0; i < view.size_bytes; i++)
        sum = (uint8_t)(sum + view.data[i]);
    sink = sum;
    (void)sink;
}

#endif
