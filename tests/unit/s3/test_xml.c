// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "s3/xml.h"
#include "support/allocation_sweep.h"
#include "util/buffer.h"

static struct buffer seen; /* "path=text;" of each element */
static struct error error;

static enum error_code note(void *context, const char *path, struct bytes_view text,
                            struct error *of_note)
{
    (void)context;
    enum error_code code = buffer_append_format(&seen, "%s=%.*s;", path, (int)text.size_bytes,
                                                (const char *)text.data);
    return code == OK ? OK : error_no_memory(of_note, "a test");
}

static const struct s3_xml_handler handler = {NULL, note};

static enum error_code read_text(const char *text)
{
    buffer_reset(&seen);
    error_clear(&error);
    return s3_xml_read(bytes_view_text(text), &handler, &error);
}

static void assert_seen(const char *wanted)
{
    assert_int_equal(buffer_append_byte(&seen, 0), OK);
    assert_string_equal((const char *)seen.data, wanted);
}

static int tear_down(void **state)
{
    (void)state;
    buffer_release(&seen);
    return 0;
}

static void test_each_element_is_told_with_its_place_and_its_own_text(void **state)
{
    (void)state;
    assert_int_equal(read_text("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                               "<A xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                               "<B>one</B><C>x<D/>y</C></A>"),
                     OK);
    assert_seen("A/B=one;A/C/D=;A/C=xy;A=;");
}

static void test_texts_are_unescaped(void **state)
{
    (void)state;
    assert_int_equal(read_text("<A>&quot;a&amp;b&lt;&#xe9;&gt;<![CDATA[<&]]></A>"), OK);
    assert_seen("A=\"a&b<\xc3\xa9><&;");
}

static void test_blanks_in_front_are_those_of_long_work(void **state)
{
    (void)state;
    assert_int_equal(read_text(" \r\n \t<?xml version=\"1.0\"?><A>x</A>"), OK);
    assert_seen("A=x;");
}

static void test_what_is_no_document_is_refused(void **state)
{
    static const char *const wrong[] = {"",
                                        "   ",
                                        "words",
                                        "<A>",
                                        "<A></B>",
                                        "<A>&entity;</A>",
                                        "<A>\x01</A>",
                                        "<A>\xff</A>",
                                        "<A/><B/>",
                                        "<?xml version=\"1.0\" encoding=\"UTF-16\"?><A"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(read_text(wrong[i]), ERR_CORRUPT);
        assert_true(error.message[0] != '\0');
    }
}

static void test_document_types_are_refused_before_they_can_grow(void **state)
{
    (void)state;
    assert_int_equal(read_text("<!DOCTYPE A [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]>"
                               "<A>&b;</A>"),
                     ERR_CORRUPT);
    assert_non_null(strstr(error.message, "document type"));
    assert_int_equal(seen.size_bytes, 0);
}

static void test_limits_hold(void **state)
{
    struct buffer text;
    (void)state;
    buffer_init(&text);
    for (size_t i = 0; i <= S3_XML_DEPTH_MAX; i++)
        assert_int_equal(buffer_append_text(&text, "<A>"), OK);
    assert_int_equal(s3_xml_read(buffer_view(&text), &handler, &error), ERR_CORRUPT);
    assert_non_null(strstr(error.message, "too deep"));
    buffer_reset(&text);
    assert_int_equal(buffer_append_text(&text, "<A>"), OK);
    for (size_t i = 0; i <= S3_XML_TEXT_BYTES_MAX; i++)
        assert_int_equal(buffer_append_byte(&text, 'x'), OK);
    assert_int_equal(buffer_append_text(&text, "</A>"), OK);
    assert_int_equal(s3_xml_read(buffer_view(&text), &handler, &error), ERR_CORRUPT);
    assert_non_null(strstr(error.message, "too long"));
    buffer_reset(&text);
    assert_int_equal(buffer_append_byte(&text, '<'), OK);
    for (size_t i = 0; i < S3_XML_PATH_BYTES; i++)
        assert_int_equal(buffer_append_byte(&text, 'A'), OK);
    assert_int_equal(buffer_append_text(&text, "/>"), OK);
    assert_int_equal(s3_xml_read(buffer_view(&text), &handler, &error), ERR_CORRUPT);
    assert_int_equal(s3_xml_read(bytes_view_of(text.data, S3_XML_BYTES_MAX + 1), &handler, &error),
                     ERR_CORRUPT);
    buffer_release(&text);
}

static enum error_code refuse(void *context, const char *path, struct bytes_view text,
                              struct error *of_refusal)
{
    (void)context;
    (void)text;
    return strcmp(path, "A/B") == 0 ? error_set(of_refusal, ERR_LIMIT, "no more") : OK;
}

static void test_what_the_handler_says_ends_the_reading(void **state)
{
    const struct s3_xml_handler refusing = {NULL, refuse};
    (void)state;
    assert_int_equal(s3_xml_read(bytes_view_text("<A><B/><C></A>"), &refusing, &error), ERR_LIMIT);
    assert_string_equal(error.message, "no more");
}

static void test_a_lack_of_memory_is_told(void **state)
{
    struct allocation_sweep sweep = {0};
    (void)state;
    while (sweep_next(&sweep)) {
        sweep_begin(&sweep);
        enum error_code code =
            read_text("<A><B>some text that is kept</B><C x=\"y\">&amp;</C></A>");
        sweep_stop(&sweep);
        buffer_release(&seen);
        sweep_end(&sweep, code);
    }
    assert_true(sweep.failures > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_each_element_is_told_with_its_place_and_its_own_text,
                                  tear_down),
        cmocka_unit_test_teardown(test_texts_are_unescaped, tear_down),
        cmocka_unit_test_teardown(test_blanks_in_front_are_those_of_long_work, tear_down),
        cmocka_unit_test_teardown(test_what_is_no_document_is_refused, tear_down),
        cmocka_unit_test_teardown(test_document_types_are_refused_before_they_can_grow, tear_down),
        cmocka_unit_test_teardown(test_limits_hold, tear_down),
        cmocka_unit_test_teardown(test_what_the_handler_says_ends_the_reading, tear_down),
        cmocka_unit_test_teardown(test_a_lack_of_memory_is_told, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
