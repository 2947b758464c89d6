// SPDX-License-Identifier: Apache-2.0
#include "support/json_damage.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>

/* A value of an object or an array, found by counting. */
struct found {
    unsigned left; /* values to pass until then */
    json_t *in;
    const char *key; /* in an object */
    size_t index;    /* in an array */
};

static bool find(json_t *in, struct found *found)
{
    const char *key;
    json_t *value;
    size_t index;
    json_object_foreach(in, key, value)
    {
        if (found->left-- == 0) {
            found->in = in;
            found->key = key;
            return true;
        }
        if (find(value, found))
            return true;
    }
    json_array_foreach(in, index, value)
    {
        if (found->left-- == 0) {
            found->in = in;
            found->index = index;
            return true;
        }
        if (find(value, found))
            return true;
    }
    return false;
}

static unsigned count(json_t *in)
{
    struct found all = {.left = 1u << 30};
    bool hit = find(in, &all);
    assert(!hit);
    return (1u << 30) - all.left;
}

#define DATA_FILE                                                                                  \
    "\"year=2024/month=01/day=15/hour=12/ttp_events_2024-01-15T12_1705323570.parquet\""

static const char *const values[] = {"null",
                                     "true",
                                     "0",
                                     "-1",
                                     "1",
                                     "3",
                                     "4",
                                     "5",
                                     "42",
                                     "4294967295",
                                     "4294967296",
                                     "9223372036854775807",
                                     "1.5",
                                     "\"\"",
                                     "\"x\"",
                                     "\"..\"",
                                     "\"../outside/keep.txt\"",
                                     "\"../../outside/keep.txt\"",
                                     "\"/dev/zero\"",
                                     "\"_lake/catalog.sqlite\"",
                                     "\"lake.json\"",
                                     "\"intent.json\"",
                                     "\"dead_letters/commit_1.jsonl\"",
                                     DATA_FILE,
                                     "\"1.0.0\"",
                                     "[]",
                                     "{}",
                                     "[[1,4294967295]]"};

static json_t *take_value(struct fuzz_input *input)
{
    uint8_t chosen = fuzz_input_u8(input);
    if (chosen < 160)
        return json_loads(values[chosen % (sizeof values / sizeof values[0])], JSON_DECODE_ANY,
                          NULL);
    if (chosen < 208)
        return json_integer((json_int_t)fuzz_input_u64(input));
    struct bytes_view text = fuzz_input_bytes(input, chosen % 48u);
    return json_stringn((const char *)text.data, text.size_bytes);
}

static void change(struct fuzz_input *input, json_t *root)
{
    unsigned all = count(root);
    struct found found = {.left = all == 0 ? 0 : fuzz_input_u16(input) % all};
    uint8_t how = fuzz_input_u8(input);
    if (all == 0 || !find(root, &found))
        return;
    json_t *value = how % 8 < 2 ? NULL : take_value(input);
    if (found.key != NULL && how % 8 < 2)
        json_object_del(found.in, found.key);
    else if (found.key != NULL)
        json_object_set_new(found.in, found.key, value);
    else if (how % 8 == 0)
        json_array_remove(found.in, found.index);
    else if (how % 8 == 1)
        json_array_append_new(found.in, json_deep_copy(json_array_get(found.in, found.index)));
    else
        json_array_set_new(found.in, found.index, value);
}

void json_damage(struct fuzz_input *input, struct buffer *text)
{
    json_t *root = json_loadb((const char *)text->data, text->size_bytes, 0, NULL);
    if (root == NULL)
        return;
    change(input, root);
    char *changed = json_dumps(root, JSON_COMPACT);
    buffer_reset(text);
    enum error_code code = buffer_append(text, changed, strlen(changed));
    assert(code == OK);
    free(changed);
    json_decref(root);
}
