// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve/delimited.h"
#include "serve/recording.h"
#include "serve/serve_test.h"
#include "util/memory.h"

static struct recording *open_one(const char *path)
{
    struct recording *recording = NULL;
    struct error error = {0};
    if (recording_open(&recording, &path, 1, &error) != OK)
        fail_msg("%s", error.message);
    return recording;
}

/* Opens what must be refused; returns its message. */
static const char *refused(const char *path, enum error_code wanted)
{
    static struct error error;
    struct recording *recording = (struct recording *)&error;
    assert_int_equal(recording_open(&recording, &path, 1, &error), wanted);
    assert_null(recording);
    assert_non_null(strstr(error.message, path));
    return error.message;
}

static void real_recordings_are_indexed_as_their_readme_says(void **state)
{
    (void)state;
    struct recording *recording = open_one(DATA("testnet-1410048-1410207.events"));
    assert_int_equal(recording_event_count(recording), 890);
    assert_int_equal(recording_ledger_count(recording), 160);
    assert_int_equal(recording_group_count(recording), 1);
    assert_int_equal(recording_first_ledger(recording), 1410048);
    assert_int_equal(recording_last_ledger(recording), 1410207);
    recording_free(recording);

    recording = open_one(DATA("pubnet-protocol13.events"));
    assert_int_equal(recording_event_count(recording), 252);
    assert_int_equal(recording_group_count(recording), 2);
    assert_int_equal(recording_group(recording, 0).first_ledger, 30820015);
    assert_int_equal(recording_group(recording, 0).last_ledger, 30820015);
    assert_int_equal(recording_group(recording, 1).first_ledger, 30822018);
    assert_int_equal(recording_group(recording, 1).last_ledger, 30822020);
    assert_int_equal(
        recording_group(recording, 0).event_count + recording_group(recording, 1).event_count, 252);
    recording_free(recording);
}

static void several_files_in_any_order_are_one_recording(void **state)
{
    (void)state;
    const char *paths[] = {DATA("pubnet-63092993-63092996.events"), DATA("pubnet-early.events"),
                           DATA("pubnet-57500008.events"), DATA("pubnet-protocol13.events")};
    struct recording *recording;
    assert_int_equal(recording_open(&recording, paths, 4, NULL), OK);
    assert_int_equal(recording_event_count(recording), 999 + 252 + 498 + 2531);
    assert_int_equal(recording_group_count(recording), 6);
    assert_int_equal(recording_first_ledger(recording), 16154623);
    assert_int_equal(recording_last_ledger(recording), 63092996);
    uint32_t found;
    assert_true(recording_find(recording, 0, &found));
    assert_int_equal(found, 16154623);
    assert_true(recording_find(recording, 46154624, &found));
    assert_int_equal(found, 57500008);
    assert_true(recording_find(recording, 63092995, &found));
    assert_int_equal(found, 63092995);
    assert_false(recording_find(recording, 63092997, &found));
    recording_free(recording);
}

static void loaded_ledgers_are_the_files_bytes(void **state)
{
    (void)state;
    struct recording *recording = open_one(DATA("pubnet-63092993-63092996.events"));
    struct buffer delimited, framed;
    buffer_init(&delimited);
    buffer_init(&framed);
    for (uint32_t ledger = 0; recording_find(recording, ledger, &ledger); ledger++) {
        buffer_reset(&framed);
        assert_int_equal(recording_load(recording, ledger, &framed, NULL), OK);
        struct bytes_view rest = buffer_view(&framed), message;
        while (feed_next_message(&rest, &message)) {
            uint8_t prefix[DELIMITED_PREFIX_LIMIT];
            unsigned prefix_bytes = delimited_write_prefix((uint32_t)message.size_bytes, prefix);
            assert_int_equal(buffer_append(&delimited, prefix, prefix_bytes), OK);
            assert_int_equal(buffer_append(&delimited, message.data, message.size_bytes), OK);
        }
    }
    FILE *file = fopen(DATA("pubnet-63092993-63092996.events"), "rb");
    assert_non_null(file);
    uint8_t *bytes = mem_alloc(delimited.size_bytes + 1);
    assert_int_equal(fread(bytes, 1, delimited.size_bytes + 1, file), delimited.size_bytes);
    assert_memory_equal(bytes, delimited.data, delimited.size_bytes);
    fclose(file);
    mem_free(bytes);
    buffer_release(&delimited);
    buffer_release(&framed);
    recording_free(recording);
}

static void ledger_that_is_not_recorded_is_not_found(void **state)
{
    (void)state;
    struct recording *recording = open_one(DATA("pubnet-protocol13.events"));
    struct buffer framed;
    buffer_init(&framed);
    struct error error;
    assert_int_equal(recording_load(recording, 30820016, &framed, &error), ERR_NOT_FOUND);
    assert_int_equal(recording_load(recording, 40000000, &framed, &error), ERR_NOT_FOUND);
    assert_non_null(strstr(error.message, "40000000"));
    recording_free(recording);
}

static void file_cut_anywhere_says_where_its_last_record_begins(void **state)
{
    (void)state;
    const char *folder = make_folder();
    const char *path = path_in(folder, "cut.events");
    struct buffer bytes;
    buffer_init(&bytes);
    append_event(&bytes, 7, 1);
    size_t second = bytes.size_bytes;
    append_event(&bytes, 8, 2);
    for (size_t size = second + 1; size < bytes.size_bytes; size++) {
        write_file(path, bytes_view_of(bytes.data, size));
        const char *message = refused(path, ERR_CORRUPT);
        char wanted[32];
        snprintf(wanted, sizeof wanted, "byte %zu;", second);
        assert_non_null(strstr(message, wanted));
    }
    buffer_release(&bytes);
    remove_folder(folder);
}

static void damaged_files_are_refused_with_the_place(void **state)
{
    (void)state;
    const char *folder = make_folder();
    const char *path = path_in(folder, "bad.events");
    struct buffer bytes;
    buffer_init(&bytes);

    append_event(&bytes, 8, 1);
    append_event(&bytes, 7, 2);
    write_file(path, buffer_view(&bytes));
    const char *message = refused(path, ERR_CORRUPT);
    assert_non_null(strstr(message, "backwards from 8 to 7"));
    assert_non_null(strstr(message, "event 1"));

    write_file(path, bytes_view_text("\xff\xff\xff\xff\xff\xff"));
    assert_non_null(strstr(refused(path, ERR_CORRUPT), "byte 0"));
    write_file(path, bytes_view_text("This is some text, no recording at all. It goes on and on."));
    refused(path, ERR_CORRUPT);
    write_file(path, bytes_view_of(NULL, 0));
    assert_non_null(strstr(refused(path, ERR_INVALID), "no event"));
    refused(path_in(folder, "not-there.events"), ERR_NOT_FOUND);
    buffer_release(&bytes);
    remove_folder(folder);
}

static void files_that_share_ledgers_are_refused(void **state)
{
    (void)state;
    const char *folder = make_folder();
    const char *paths[] = {path_in(folder, "a.events"), path_in(folder, "b.events")};
    struct buffer bytes;
    buffer_init(&bytes);
    append_event(&bytes, 10, 1);
    append_event(&bytes, 20, 2);
    write_file(paths[0], buffer_view(&bytes));
    buffer_reset(&bytes);
    append_event(&bytes, 15, 3);
    append_event(&bytes, 20, 4);
    write_file(paths[1], buffer_view(&bytes));
    struct recording *recording;
    struct error error;
    assert_int_equal(recording_open(&recording, paths, 2, &error), ERR_CONFLICT);
    assert_non_null(strstr(error.message, paths[0]));
    assert_non_null(strstr(error.message, paths[1]));
    assert_non_null(strstr(error.message, "ledger 20"));
    buffer_release(&bytes);
    remove_folder(folder);
}

static void unreadable_message_belongs_to_the_ledger_before_it(void **state)
{
    (void)state;
    const char *folder = make_folder();
    const char *path = path_in(folder, "odd.events");
    struct buffer bytes, framed;
    buffer_init(&bytes);
    buffer_init(&framed);
    append_event(&bytes, 5, 1);
    assert_int_equal(buffer_append(&bytes, "\x03\xff\xff\xff", 4), OK);
    append_event(&bytes, 6, 1);
    write_file(path, buffer_view(&bytes));
    struct recording *recording = open_one(path);
    assert_int_equal(recording_ledger_count(recording), 2);
    assert_int_equal(recording_event_count(recording), 3);
    assert_int_equal(recording_load(recording, 5, &framed, NULL), OK);
    struct bytes_view rest = buffer_view(&framed), message;
    assert_true(feed_next_message(&rest, &message));
    assert_true(feed_next_message(&rest, &message));
    assert_memory_equal(message.data, "\xff\xff\xff", 3);
    assert_false(feed_next_message(&rest, &message));
    recording_free(recording);
    buffer_release(&bytes);
    buffer_release(&framed);
    remove_folder(folder);
}

static void file_that_changes_while_it_is_served_is_noticed(void **state)
{
    (void)state;
    const char *folder = make_folder();
    const char *path = path_in(folder, "changing.events");
    struct buffer bytes, framed;
    buffer_init(&bytes);
    buffer_init(&framed);
    append_event(&bytes, 5, 1);
    append_event(&bytes, 5, 2);
    write_file(path, buffer_view(&bytes));
    struct recording *recording = open_one(path);
    for (int change = 0; change < 3; change++) {
        const size_t rest_bytes = bytes.size_bytes - 2;
        for (size_t i = 0; i < bytes.size_bytes; i++) /* many events, of a byte each */
            bytes.data[i] = i % 2 == 0;
        if (change == 1) { /* one event */
            bytes.data[0] = (uint8_t)(0x80 | rest_bytes);
            bytes.data[1] = (uint8_t)(rest_bytes >> 7);
        } else if (change == 2) { /* a second one that goes on beyond the ledger */
            bytes.data[2] = 0x7f;
        }
        write_file(path, buffer_view(&bytes));
        assert_int_equal(recording_load(recording, 5, &framed, NULL), ERR_CORRUPT);
        assert_int_equal(framed.size_bytes, 0);
    }
    recording_free(recording);
    buffer_release(&bytes);
    buffer_release(&framed);
    remove_folder(folder);
}

/* Writes ledgers `first` to `last`, two events each. */
static void write_ledgers(struct recording_writer *writer, uint32_t first, uint32_t last)
{
    for (uint32_t ledger = first; ledger <= last; ledger++) {
        for (uint32_t i = 0; i < 2; i++) {
            struct buffer delimited;
            buffer_init(&delimited);
            append_event(&delimited, ledger, i);
            assert_true(delimited.data[0] < 0x80); /* the length takes one byte */
            struct bytes_view message = bytes_view_of(delimited.data + 1, delimited.size_bytes - 1);
            assert_int_equal(recording_writer_append(writer, message, NULL), OK);
            buffer_release(&delimited);
        }
    }
}

static void writer_goes_on_after_a_cut_at_any_byte(void **state)
{
    (void)state;
    const char *folder = make_folder();
    const char *path = path_in(folder, "written.events");
    struct recording_writer *writer;
    uint32_t next;
    assert_int_equal(recording_writer_open(&writer, path, true, &next, NULL), OK);
    assert_int_equal(next, 0);
    write_ledgers(writer, 100, 103);
    uint64_t size_bytes = recording_writer_size(writer);
    assert_int_equal(recording_writer_finish(writer, NULL), OK);
    recording_writer_free(writer);

    uint8_t bytes[2048];
    FILE *file = fopen(path, "rb");
    assert_int_equal(fread(bytes, 1, sizeof bytes, file), size_bytes);
    fclose(file);
    size_t first_record = 1u + bytes[0];
    for (size_t cut = 0; cut <= size_bytes; cut++) {
        if (cut > 0 && cut < first_record)
            continue; /* nothing in it shows that it is a recording */
        write_file(path, bytes_view_of(bytes, cut));
        assert_int_equal(recording_writer_open(&writer, path, true, &next, NULL), OK);
        write_ledgers(writer, next == 0 ? 100 : next, 103);
        assert_int_equal(recording_writer_finish(writer, NULL), OK);
        recording_writer_free(writer);
        uint8_t again[2048];
        file = fopen(path, "rb");
        assert_int_equal(fread(again, 1, sizeof again, file), size_bytes);
        fclose(file);
        assert_memory_equal(again, bytes, size_bytes);
    }
    remove_folder(folder);
}

static void writer_touches_no_file_that_is_none_of_its_own(void **state)
{
    (void)state;
    const char *folder = make_folder();
    const char *path = path_in(folder, "precious");
    write_file(path, bytes_view_text("Something else that must not be cut off."));
    struct recording_writer *writer;
    struct error error;
    uint32_t next;
    assert_int_equal(recording_writer_open(&writer, path, false, &next, &error), ERR_CONFLICT);
    assert_null(writer);
    assert_int_equal(recording_writer_open(&writer, path, true, &next, &error), ERR_CORRUPT);
    assert_null(writer);
    char text[64] = "";
    FILE *file = fopen(path, "rb");
    assert_int_equal(fread(text, 1, sizeof text, file), 40);
    fclose(file);
    remove_folder(folder);
}

static enum error_code open_and_load(void *context)
{
    const char *paths[] = {DATA("pubnet-protocol13.events"), DATA("pubnet-57500008.events")};
    (void)context;
    struct recording *recording;
    struct buffer framed;
    buffer_init(&framed);
    struct error error;
    enum error_code code = recording_open(&recording, paths, 2, &error);
    if (code == OK) {
        code = recording_load(recording, 30822019, &framed, &error);
        if (code != OK)
            assert_int_equal(framed.size_bytes, 0);
    }
    buffer_release(&framed);
    recording_free(recording);
    return code;
}

static enum error_code write_and_go_on(void *context)
{
    const char *path = context;
    struct recording_writer *writer;
    uint32_t next;
    struct error error;
    enum error_code code = recording_writer_open(&writer, path, true, &next, &error);
    if (code == OK)
        code = recording_writer_append(writer, bytes_view_text("\x0a\x02\x08\x07"), &error);
    if (code == OK)
        code = recording_writer_finish(writer, &error);
    recording_writer_free(writer);
    return code;
}

static void each_failed_allocation_is_out_of_memory(void **state)
{
    (void)state;
    sweep_allocations(open_and_load, NULL);
    const char *folder = make_folder();
    char path[512];
    snprintf(path, sizeof path, "%s/swept.events", folder);
    sweep_allocations(write_and_go_on, path);
    sweep_allocations(write_and_go_on, path);
    remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_recordings_are_indexed_as_their_readme_says),
        cmocka_unit_test(several_files_in_any_order_are_one_recording),
        cmocka_unit_test(loaded_ledgers_are_the_files_bytes),
        cmocka_unit_test(ledger_that_is_not_recorded_is_not_found),
        cmocka_unit_test(file_cut_anywhere_says_where_its_last_record_begins),
        cmocka_unit_test(damaged_files_are_refused_with_the_place),
        cmocka_unit_test(files_that_share_ledgers_are_refused),
        cmocka_unit_test(unreadable_message_belongs_to_the_ledger_before_it),
        cmocka_unit_test(file_that_changes_while_it_is_served_is_noticed),
        cmocka_unit_test(writer_goes_on_after_a_cut_at_any_byte),
        cmocka_unit_test(writer_touches_no_file_that_is_none_of_its_own),
        cmocka_unit_test(each_failed_allocation_is_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
