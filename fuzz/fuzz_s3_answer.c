// SPDX-License-Identifier: Apache-2.0
// rooms: s3
// options: -max_len=4096
// parsers: s3/encode.c s3/fault.c s3/key_answer.c s3/object.c s3/page.c s3/profile.c s3/xml.c
// without: s3_encode stays s3_profile_read read_files read_file find_path s3_profile_key_name
// without: s3_object_meta code_of
/*
 * What an object store, a service of credentials or a file of AWS's may say. The first byte chooses
 * the reader. Of an answer the next two are the status; its headers, a line each, end at a '|'.
 */

#include <stdlib.h>
#include <string.h>

#include "s3/fault.h"
#include "s3/key_answer.h"
#include "s3/object.h"
#include "s3/page.h"
#include "s3/profile.h"
#include "support/input.h"
#include "util/list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void touch_text(const char *text)
{
    fuzz_touch(bytes_view_text(text));
}

static void read_page(struct bytes_view text)
{
    struct s3_page page;
    struct error error;
    s3_page_init(&page);
    error_clear(&error);
    enum error_code code = s3_page_read(&page, text, &error);
    if (code != OK && error.message[0] == '\0')
        abort();
    size_t count = code == OK ? LIST_COUNT(&page.entries, struct s3_page_entry) : 0;
    for (size_t i = 0; i < count; i++) {
        const struct s3_page_entry *entry = LIST_AT(&page.entries, struct s3_page_entry, i);
        touch_text(s3_page_text(&page, entry->key));
        touch_text(s3_page_text(&page, entry->other));
    }
    if (code == OK) {
        touch_text(s3_page_text(&page, page.next_token));
        touch_text(s3_page_text(&page, page.next_key));
        touch_text(s3_page_text(&page, page.next_upload));
    }
    s3_page_release(&page);
}

static void read_keys(struct bytes_view text, bool is_json)
{
    struct s3_keys keys;
    struct error error;
    s3_keys_init(&keys);
    enum error_code code =
        is_json ? s3_keys_from_json(text, &keys, &error) : s3_keys_from_sts(text, &keys, &error);
    if ((code == OK) != (keys.access_key_id != NULL && keys.secret_access_key != NULL))
        abort();
    s3_keys_release(&keys);
}

static void read_profile(struct bytes_view text, bool is_config)
{
    struct s3_profile profile;
    s3_profile_init(&profile);
    if (s3_profile_parse(&profile, is_config ? "lake" : "default", is_config, text) != OK)
        abort();
    for (size_t i = 0; i < S3_PROFILE_KEY_COUNT; i++) {
        if (profile.values[i] != NULL)
            touch_text(profile.values[i]);
    }
    s3_profile_release(&profile);
}

static void read_answer(struct fuzz_input *input)
{
    struct s3_answer answer;
    struct s3_object object;
    struct s3_fault fault;
    struct error error;
    s3_answer_init(&answer);
    answer.status = 100 + fuzz_input_u16(input) % 500;
    struct bytes_view headers = fuzz_input_until(input, '|');
    if (buffer_append(&answer.headers, headers.data, headers.size_bytes) != OK ||
        buffer_append_byte(&answer.headers, 0) != OK ||
        buffer_append(&answer.body, input->data, input->size_bytes) != OK)
        abort();
    for (size_t i = 0; i < answer.headers.size_bytes; i++) {
        if (answer.headers.data[i] == '\n')
            answer.headers.data[i] = '\0';
    }
    if (s3_object_read(&answer, &object, &error) == OK)
        touch_text(object.etag);
    s3_fault_read(&answer, &fault);
    if ((fault.remedy == S3_FAULT_NONE) != (s3_fault_error(&fault, &error) == OK))
        abort();
    s3_answer_release(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    uint8_t choice = fuzz_input_u8(&input);
    struct bytes_view text = bytes_view_of(input.data, input.size_bytes);
    switch (choice % 6) {
    case 0: read_page(text); break;
    case 1:
    case 2: read_keys(text, choice % 6 == 1); break;
    case 3:
    case 4: read_profile(text, choice % 6 == 3); break;
    default: read_answer(&input);
    }
    return 0;
}
