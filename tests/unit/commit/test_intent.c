// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "commit/intent_file.h"
#include "support/catalog_fixture.h"
#include "util/json_text.h"
#include "support/allocation_sweep.h"
#include "support/temp_folder.h"

static struct ledger_range unconfirmed[] = {{12, 13}, {15, 15}};
static struct catalog_file files[2];

/* Everything an intent can hold; the views point to static data. */
static void fill(struct intent *intent)
{
    intent_init(intent);
    files[0] = fixture_file("year=2024/a.parquet", 10, 14);
    files[1] = fixture_file("year=2024/b.parquet", 11, 19);
    intent->lake_id = "lake-1";
    intent->staged[0] = "commit_7_0.parquet.inprogress";
    intent->staged[1] = "commit_7_1.parquet.inprogress";
    intent->commit = fixture_commit(7, 10, 19, files, 2);
    intent->commit.unconfirmed = unconfirmed;
    intent->commit.unconfirmed_count = 2;
    intent->commit.null_decimal_count = 3;
    intent->commit.replaced_memo_count = 4;
    intent->commit.dead_letters_path = "dead_letters/commit_7.jsonl";
    intent->commit.dead_letters_checksum = 0x0123456789ABCDEF;
    intent->commit.dead_letter_count = 2;
    intent->dead_letters_staged = "commit_7_dead_letters.inprogress";
    intent->dead_letters_size_bytes = 321;
}

static void encode(struct buffer *text)
{
    struct intent intent;
    fill(&intent);
    buffer_init(text);
    assert_int_equal(intent_encode(&intent, text, NULL), OK);
    intent_release(&intent);
}

static void an_intent_survives_its_text(void **state)
{
    (void)state;
    struct buffer text;
    struct intent intent;
    struct error error;
    encode(&text);
    assert_int_equal(intent_decode(&intent, buffer_view(&text), "intent.json", &error), OK);
    const struct catalog_commit *commit = &intent.commit;
    assert_string_equal(intent.lake_id, "lake-1");
    assert_int_equal(commit->commit_no, 7);
    assert_int_equal(commit->range.first, 10);
    assert_int_equal(commit->range.last, 19);
    assert_string_equal(commit->schema_version, "1.0.0");
    assert_string_equal(commit->reason, "size");
    assert_int_equal(commit->row_count, 20);
    assert_int_equal(commit->null_decimal_count, 3);
    assert_int_equal(commit->replaced_memo_count, 4);
    assert_int_equal(commit->unconfirmed_count, 2);
    assert_memory_equal(commit->unconfirmed, unconfirmed, sizeof unconfirmed);
    assert_int_equal(commit->digest_ledger, 19);
    assert_int_equal(commit->digest_chain[0], 7);
    assert_int_equal(commit->digest_contents.bytes[2], 19);
    assert_int_equal(commit->last_close_us, 19 * 5000000);
    assert_int_equal(commit->committed_us, INT64_C(1700000000000007));
    assert_int_equal(commit->file_count, 2);
    assert_true(commit->files[1].checksum == UINT64_C(0xFEDCBA9876543210));
    assert_int_equal(commit->files[1].footer_size_bytes, 200);
    assert_int_equal(commit->files[1].range.first, 11);
    assert_string_equal(commit->files[1].partition_values[3], "12");
    assert_null(commit->files[1].partition_values[4]);
    assert_int_equal(commit->files[1].statistics_count, 3);
    assert_string_equal(commit->files[1].statistics[2].max_value, "99");
    struct intent_item item;
    assert_int_equal(intent_item_count(&intent), 3);
    intent_item_get(&intent, 2, &item);
    assert_string_equal(item.path, "_lake/dead_letters/commit_7.jsonl");
    assert_string_equal(item.staged, "_lake/staging/commit_7_dead_letters.inprogress");
    assert_int_equal(item.size_bytes, 321);
    assert_true(item.checksum == 0x0123456789ABCDEF);
    intent_release(&intent);
    buffer_release(&text);
}

static void a_text_that_was_changed_is_an_error_or_another_intent_never_a_crash(void **state)
{
    (void)state;
    struct buffer text;
    struct error error;
    encode(&text);
    for (size_t i = 0; i < text.size_bytes; i += 3) {
        static const uint8_t replacements[] = {'"', '{', ']', '-', '0', 'x', 0xFF, 0};
        for (size_t r = 0; r < sizeof replacements; r++) {
            struct intent intent;
            uint8_t before = text.data[i];
            text.data[i] = replacements[r];
            enum error_code code = intent_decode(&intent, buffer_view(&text), "i", &error);
            assert_true(code == OK || code == ERR_CORRUPT || code == ERR_CONFLICT);
            intent_release(&intent);
            text.data[i] = before;
        }
    }
    for (size_t size = 0; size < text.size_bytes - 2; size += 5) {
        struct intent intent;
        assert_int_equal(intent_decode(&intent, bytes_view_of(text.data, size), "i", &error),
                         ERR_CORRUPT);
    }
    buffer_release(&text);
}

/* The text with `from` replaced by `to`, which is as long. */
static enum error_code decode_changed(const char *from, const char *to)
{
    struct buffer text;
    struct intent intent;
    encode(&text);
    assert_int_equal(strlen(from), strlen(to));
    uint8_t *at = memmem(text.data, text.size_bytes, from, strlen(from));
    assert_non_null(at);
    memcpy(at, to, strlen(to));
    enum error_code code = intent_decode(&intent, buffer_view(&text), "intent.json", NULL);
    intent_release(&intent);
    buffer_release(&text);
    return code;
}

static void paths_out_of_the_lake_are_refused(void **state)
{
    (void)state;
    assert_int_equal(decode_changed("\"year=2024/a.parquet", "\"../../../aa.parquet"), ERR_CORRUPT);
    assert_int_equal(decode_changed("\"year=2024/a.parquet", "\"/etc/passwd.parquet"), ERR_CORRUPT);
    assert_int_equal(decode_changed("commit_7_0.parquet", "../ommit_7.parquet"), ERR_CORRUPT);
}

/* Refused as a text, by the name of what is wrong. */
static void assert_refused(struct intent *intent, const char *key)
{
    struct buffer text;
    struct intent copy;
    struct error error;
    char named[64];
    buffer_init(&text);
    snprintf(named, sizeof named, "(\"%s\")", key);
    assert_int_equal(intent_encode(intent, &text, NULL), OK);
    assert_int_equal(intent_decode(&copy, buffer_view(&text), "intent.json", &error), ERR_CORRUPT);
    if (strstr(error.message, named) == NULL)
        fail_msg("%s", error.message);
    buffer_release(&text);
    intent_release(intent);
    fill(intent);
}

static void names_that_are_not_of_the_commit_are_refused(void **state)
{
    (void)state;
    static const char *const paths[] = {"notes.txt",          "./a.parquet",     "a/./b.parquet",
                                        "a//b.parquet",       "_lake/a.parquet", "_lake/lake.json",
                                        "year=1/.parquet",    "a\nb.parquet",    "a\x1b.parquet",
                                        ".parquet",           "a.parquet/",      "year=2024",
                                        "year=2024/b.parquet"};
    struct intent intent;
    fill(&intent);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        files[0].path = paths[i]; /* the last one is the second file's */
        assert_refused(&intent, "path");
    }
    intent.staged[1] = "commit_7_0.parquet.inprogress";
    assert_refused(&intent, "staged");
    intent.staged[0] = "intent.json";
    assert_refused(&intent, "staged");
    intent.commit.commit_no = 8;
    assert_refused(&intent, "staged");
    intent.dead_letters_staged = "commit_7_0.parquet.inprogress";
    assert_refused(&intent, "staged");
    intent.commit.dead_letters_path = "dead_letters/commit_6.jsonl";
    assert_refused(&intent, "path");
    intent.commit.dead_letters_path = "catalog.sqlite";
    assert_refused(&intent, "path");
    intent_release(&intent);
}

/* Its number was not known yet when they were opened. */
static void files_may_be_staged_under_the_name_of_a_stream(void **state)
{
    (void)state;
    struct buffer text;
    struct intent intent, copy;
    struct error error;
    fill(&intent);
    intent.staged[0] = "stream_3_0.parquet.inprogress";
    assert_refused(&intent, "staged"); /* then all of them are */
    intent.staged[0] = "stream_3_0.parquet.inprogress";
    intent.staged[1] = "stream_2_1.parquet.inprogress";
    assert_refused(&intent, "staged");
    intent.staged[0] = "stream_3_0.parquet.inprogress";
    intent.staged[1] = "stream_3_1.parquet.inprogress";
    assert_refused(&intent, "staged");
    intent.staged[0] = "stream_3_/../../a.parquet";
    assert_refused(&intent, "staged");
    intent.staged[0] = "stream_3_0.parquet.inprogress";
    intent.staged[1] = "stream_3_1.parquet.inprogress";
    intent.dead_letters_staged = "stream_3_dead_letters.inprogress";
    buffer_init(&text);
    assert_int_equal(intent_encode(&intent, &text, NULL), OK);
    assert_int_equal(intent_decode(&copy, buffer_view(&text), "intent.json", &error), OK);
    assert_string_equal(copy.staged[1], "stream_3_1.parquet.inprogress");
    intent_release(&copy);
    intent_release(&intent);
    buffer_release(&text);
}

static void ranges_counts_and_sizes_that_no_commit_has_are_refused(void **state)
{
    (void)state;
    struct intent intent;
    struct catalog_column_statistics statistics = {2, 11, 0, 50, "10", "14"};
    struct ledger_range outside[] = {{9, 12}}, back[] = {{15, 15}, {12, 13}};
    fill(&intent);
    intent.commit.file_count = 0;
    intent.dead_letters_staged = NULL;
    assert_refused(&intent, "files");
    intent.commit.commit_no = UINT64_C(1) << 51;
    assert_refused(&intent, "commit_no");
    intent.commit.range.first = 0;
    assert_refused(&intent, "first_ledger");
    intent.commit.range.first = 11;
    assert_refused(&intent, "first_ledger"); /* the first file's */
    intent.commit.row_count = 21;
    assert_refused(&intent, "row_count");
    intent.commit.null_decimal_count = 21;
    assert_refused(&intent, "null_decimal_count");
    intent.commit.replaced_memo_count = 21;
    assert_refused(&intent, "replaced_memo_count");
    intent.commit.dead_letter_count = 0;
    assert_refused(&intent, "dead_letter_count");
    intent.commit.digest_ledger = 20;
    assert_refused(&intent, "digest_ledger");
    intent.commit.last_close_us = INT64_MAX;
    assert_refused(&intent, "last_close_us");
    intent.commit.committed_us = -1;
    assert_refused(&intent, "committed_us");
    intent.commit.schema_version = "";
    assert_refused(&intent, "schema_version");
    intent.lake_id = "a lake's id that is longer than any lake's id of ours";
    assert_refused(&intent, "lake_id");
    intent.commit.unconfirmed = outside;
    intent.commit.unconfirmed_count = 1;
    assert_refused(&intent, "unconfirmed");
    intent.commit.unconfirmed = back;
    assert_refused(&intent, "unconfirmed");
    files[1].footer_size_bytes = 1001;
    assert_refused(&intent, "footer_size_bytes");
    files[1].file_size_bytes = INT64_MAX;
    assert_refused(&intent, "file_size_bytes");
    files[1].record_count = INT64_MAX;
    assert_refused(&intent, "record_count");
    files[1].statistics = &statistics;
    files[1].statistics_count = 1;
    assert_refused(&intent, "value_count");
    intent_release(&intent);
}

static void a_newer_layout_is_left_to_the_newer_version(void **state)
{
    (void)state;
    assert_int_equal(decode_changed("\"layout_version\": 1", "\"layout_version\": 9"),
                     ERR_CONFLICT);
}

static void every_failed_allocation_is_a_clean_error(void **state)
{
    (void)state;
    struct error error;
    struct allocation_sweep encoding = {0}, decoding = {0};
    struct buffer whole;
    json_text_use_our_memory();
    encode(&whole);
    while (sweep_next(&encoding)) {
        struct intent intent;
        struct buffer text;
        fill(&intent);
        buffer_init(&text);
        sweep_begin(&encoding);
        if (sweep_end(&encoding, intent_encode(&intent, &text, &error)))
            assert_true(bytes_equal(buffer_view(&text), buffer_view(&whole)));
        buffer_release(&text);
        intent_release(&intent);
    }
    while (sweep_next(&decoding)) {
        struct intent copy;
        sweep_begin(&decoding);
        bool done =
            sweep_end(&decoding, intent_decode(&copy, buffer_view(&whole), "intent.json", &error));
        assert_int_equal(intent_item_count(&copy) != 0, done);
        intent_release(&copy);
    }
    buffer_release(&whole);
    assert_true(encoding.failures > 100 && decoding.failures > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_intent_survives_its_text),
        cmocka_unit_test(a_text_that_was_changed_is_an_error_or_another_intent_never_a_crash),
        cmocka_unit_test(paths_out_of_the_lake_are_refused),
        cmocka_unit_test(names_that_are_not_of_the_commit_are_refused),
        cmocka_unit_test(files_may_be_staged_under_the_name_of_a_stream),
        cmocka_unit_test(ranges_counts_and_sizes_that_no_commit_has_are_refused),
        cmocka_unit_test(a_newer_layout_is_left_to_the_newer_version),
        cmocka_unit_test(every_failed_allocation_is_a_clean_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
