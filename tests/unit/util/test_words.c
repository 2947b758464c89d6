// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "util/words.h"

/* The character's UTF-8. */
static size_t encode(uint32_t code_point, char out[5])
{
    size_t size = code_point < 0x80 ? 1 : code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    out[0] =
        (char)(size == 1 ? code_point : (0xf00 >> size & 0xff) | code_point >> (6 * (size - 1)));
    for (size_t i = 1; i < size; i++)
        out[i] = (char)(0x80 | (code_point >> (6 * (size - 1 - i)) & 0x3f));
    out[size] = '\0';
    return size;
}

static enum words_kind kind_of(uint32_t code_point)
{
    char text[5];
    struct bytes_view view = bytes_view_of(text, encode(code_point, text));
    struct words_piece piece = words_next(view);
    assert_int_equal(piece.size_bytes, view.size_bytes);
    if (piece.kind == WORDS_HIDDEN)
        assert_int_equal(piece.code_point, code_point);
    return piece.kind;
}

static void what_controls_who_shows_it_is_hidden(void **state)
{
    (void)state;
    static const uint32_t hidden[][2] = {
        {0, 0x1f},          {0x7f, 0x9f},       {0xad, 0xad},     {0x61c, 0x61c},
        {0x200b, 0x200f},   {0x2028, 0x202e},   {0x2060, 0x206f}, {0xfeff, 0xfeff},
        {0xfff9, 0xfffb},   {0x3164, 0x3164},   {0x180e, 0x180e}, {0x1d173, 0x1d17a},
        {0xe0001, 0xe0001}, {0xe0020, 0xe007f},
    };
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++)
        for (uint32_t point = hidden[i][0]; point <= hidden[i][1]; point++)
            assert_int_equal(kind_of(point), WORDS_HIDDEN);
}

static void letters_of_all_scripts_and_pictures_are_plain(void **state)
{
    (void)state;
    static const uint32_t plain[] = {' ',    '~',    0xa0,   0xe9,   0x416,   0x5d0,   0x627,
                                     0x939,  0x2010, 0x2027, 0x202f, 0x205f,  0x2070,  0x4e2d,
                                     0xac00, 0xfefe, 0xfffc, 0xfffd, 0x1f600, 0x1d172, 0x1d17b};
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        assert_int_equal(kind_of(plain[i]), WORDS_PLAIN);
    assert_true(words_are_plain(bytes_view_text("")));
    assert_true(words_are_plain(bytes_view_text("Gr\xc3\xbc\xc3\x9f"
                                                "e \xe4\xb8\xad \xf0\x9f\x98\x80")));
    assert_false(words_are_plain(bytes_view_text("year=2024\n")));
}

static void assert_cleaned(const char *words, const char *expected)
{
    char text[128];
    snprintf(text, sizeof text, "%s", words);
    words_clean(text);
    assert_string_equal(text, expected);
}

static void each_hidden_character_and_each_broken_piece_becomes_one_mark(void **state)
{
    (void)state;
    assert_cleaned("", "");
    assert_cleaned("plain \xc3\xa9", "plain \xc3\xa9");
    assert_cleaned("\x1b[2J\xc2\x9b"
                   "1m\r\n",
                   "?[2J?1m??");
    assert_cleaned("evil\xe2\x80\xaetxt.exe", "evil?txt.exe");
    assert_cleaned("\xff\xc3 \xf0\x9f\x98 \xed\xa0\x80", "?? ? ???"); /* cut short; a surrogate */
    assert_cleaned("\xf3\xa0\x80\x81", "?");
}

static const char *formatted(const char *format, ...) PRINTF_LIKE(1, 2);

static char collected[512];

static void collect(void *context, const char *text, size_t size_bytes)
{
    size_t *used = context;
    assert_true(*used + size_bytes < sizeof collected);
    memcpy(collected + *used, text, size_bytes);
    collected[ *used += size_bytes] = '\0';
}

static const char *formatted(const char *format, ...)
{
    size_t used = 0;
    va_list arguments;
    collected[0] = '\0';
    va_start(arguments, format);
    words_format(collect, &used, format, arguments);
    va_end(arguments);
    return collected;
}

static void a_format_is_ours_and_what_it_shows_is_cleaned(void **state)
{
    (void)state;
    assert_string_equal(formatted("a\n\x1b[K%s\n", "b\n\x1b[K"), "a\n\x1b[Kb??[K\n");
    assert_string_equal(formatted("%-6s|%6s|%.2s|%.*s|%*s|", "a\n", "\tb", "xyz", 1, "xyz", 3, "c"),
                        "a?    |    ?b|xy|x|  c|");
    assert_string_equal(formatted("%c%c%%", '\n', 'x'), "?x%");
}

static void numbers_are_written_as_printf_writes_them(void **state)
{
    (void)state;
    char expected[256];
#define NUMBERS                                                                                    \
    "%d %5d %-5d| %05u %" PRIu64 " %" PRId64 " %" PRIu32 " %zu %ld %hhu %jd %td %#x %X %3d%% "     \
    "%.2f %8.1f %-5.2f| %g %e %+d",                                                                \
        -1, 42, 42, 7u, UINT64_MAX, INT64_MIN, UINT32_MAX, (size_t)9, -5L, (unsigned char)200,     \
        (intmax_t)-3, (ptrdiff_t)4, 255u, 255u, 45, 1.005, 2.25, 3.5, 1e100, 1.5, 3
    snprintf(expected, sizeof expected, NUMBERS);
    assert_string_equal(formatted(NUMBERS), expected);
    snprintf(expected, sizeof expected, "%*d|%.*f", 5, 3, 1, 2.0);
    assert_string_equal(formatted("%*d|%.*f", 5, 3, 1, 2.0), expected);
}

static void what_is_longer_than_any_buffer_stays_whole(void **state)
{
    (void)state;
    static char words[100001];
    struct buffer out;
    memset(words, 'x', sizeof words - 1);
    words[50000] = '\n';
    buffer_init(&out);
    assert_int_equal(words_append(&out, "<%s>", words), OK);
    words[50000] = '?';
    assert_int_equal(out.size_bytes, sizeof words + 1);
    assert_memory_equal(out.data + 1, words, sizeof words - 1);
    buffer_release(&out);
}

static void a_json_text_keeps_its_values_and_shows_nothing_hidden(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out);
    assert_int_equal(words_append_json(&out, bytes_view_text("{\n \"\xe2\x80\xae\": \"\x7f\xc2\x85"
                                                             "\xf3\xa0\x80\x81\xc3\xa9\"\n}")),
                     OK);
    assert_true(bytes_equal(buffer_view(&out), bytes_view_text("{\n \"\\u202e\": \"\\u007f\\u0085"
                                                               "\\udb40\\udc01\xc3\xa9\"\n}")));
    buffer_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_controls_who_shows_it_is_hidden),
        cmocka_unit_test(letters_of_all_scripts_and_pictures_are_plain),
        cmocka_unit_test(each_hidden_character_and_each_broken_piece_becomes_one_mark),
        cmocka_unit_test(a_format_is_ours_and_what_it_shows_is_cleaned),
        cmocka_unit_test(numbers_are_written_as_printf_writes_them),
        cmocka_unit_test(what_is_longer_than_any_buffer_stays_whole),
        cmocka_unit_test(a_json_text_keeps_its_values_and_shows_nothing_hidden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
