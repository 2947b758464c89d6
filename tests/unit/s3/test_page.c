// SPDX-License-Identifier: Apache-2.0
/* Pages of listings as Amazon's store and others write them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "s3/page.h"
#include "support/allocation_sweep.h"
#include "util/list.h"
#include "util/text.h"

static struct s3_page page;
static struct error error;

static int set_up(void **state)
{
    (void)state;
    s3_page_init(&page);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    s3_page_release(&page);
    return 0;
}

static enum error_code read_page(const char *text)
{
    return s3_page_read(&page, bytes_view_text(text), &error);
}

static const struct s3_page_entry *entry(size_t index)
{
    assert_true(index < LIST_COUNT(&page.entries, struct s3_page_entry));
    return LIST_AT(&page.entries, struct s3_page_entry, index);
}

static const char amazon[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>bucket</Name>"
    "<Prefix>lake%2F</Prefix><NextContinuationToken>1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM="
    "</NextContinuationToken><KeyCount>2</KeyCount><MaxKeys>2</MaxKeys><IsTruncated>true"
    "</IsTruncated><Contents><Key>lake/a+b%2Bc%C3%A9</Key><LastModified>2024-01-15T12:30:00.000Z"
    "</LastModified><ETag>&quot;70ee1738b6b21e2c8a43f3a5ab0eee71&quot;</ETag><Size>1111</Size>"
    "<Owner><ID>x</ID><DisplayName>Key</DisplayName></Owner><StorageClass>STANDARD</StorageClass>"
    "</Contents><Contents><Key>lake/year%3D2024/x</Key><LastModified>2024-01-15T12:30:01.000Z"
    "</LastModified><ETag>&quot;y&quot;</ETag><Size>0</Size></Contents>"
    "<EncodingType>url</EncodingType></ListBucketResult>";

static void test_a_page_of_objects_is_read_and_decoded(void **state)
{
    (void)state;
    assert_int_equal(read_page(amazon), OK);
    assert_true(page.is_cut);
    assert_string_equal(s3_page_text(&page, page.next_token),
                        "1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=");
    assert_int_equal(LIST_COUNT(&page.entries, struct s3_page_entry), 2);
    assert_string_equal(s3_page_text(&page, entry(0)->key), "lake/a b+c\xc3\xa9");
    assert_string_equal(s3_page_text(&page, entry(0)->other),
                        "\"70ee1738b6b21e2c8a43f3a5ab0eee71\"");
    assert_int_equal(entry(0)->size_bytes, 1111);
    assert_int_equal(entry(0)->time_us, INT64_C(1705321800) * US_PER_SECOND);
    assert_string_equal(s3_page_text(&page, entry(1)->key), "lake/year=2024/x");
}

static void test_keys_of_a_store_that_does_not_encode_stay_as_they_are(void **state)
{
    (void)state;
    assert_int_equal(
        read_page("<ListBucketResult><IsTruncated>false</IsTruncated><Contents>"
                  "<Key>a+b%41&amp;</Key><Size>1</Size></Contents></ListBucketResult>"),
        OK);
    assert_false(page.is_cut);
    assert_string_equal(s3_page_text(&page, entry(0)->key), "a+b%41&");
    assert_string_equal(s3_page_text(&page, entry(0)->other), "");
}

static void test_a_page_of_uploads_is_read(void **state)
{
    (void)state;
    assert_int_equal(
        read_page("<ListMultipartUploadsResult><EncodingType>url</EncodingType><NextKeyMarker>a%2Fb"
                  "</NextKeyMarker><NextUploadIdMarker>id+1</NextUploadIdMarker><IsTruncated>true"
                  "</IsTruncated><Upload><Key>a%2Fb</Key><UploadId>id+1</UploadId><Initiator><ID>x"
                  "</ID></Initiator><Initiated>2024-01-15T12:30:00.000Z</Initiated></Upload>"
                  "</ListMultipartUploadsResult>"),
        OK);
    assert_string_equal(s3_page_text(&page, page.next_key), "a/b");
    assert_string_equal(s3_page_text(&page, page.next_upload), "id+1");
    assert_string_equal(s3_page_text(&page, entry(0)->key), "a/b");
    assert_string_equal(s3_page_text(&page, entry(0)->other), "id+1");
    assert_int_equal(entry(0)->time_us, INT64_C(1705321800) * US_PER_SECOND);
}

static void test_a_page_takes_the_place_of_the_last_one(void **state)
{
    (void)state;
    assert_int_equal(read_page(amazon), OK);
    assert_int_equal(read_page("<ListBucketResult/>"), OK);
    assert_false(page.is_cut);
    assert_int_equal(page.next_token, 0);
    assert_int_equal(LIST_COUNT(&page.entries, struct s3_page_entry), 0);
}

static void test_what_is_no_page_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "<ListBucketResult>",
        "<L><Contents><Size>1</Size></Contents></L>",
        "<L><Contents><Key>a</Key><Size>-1</Size></Contents></L>",
        "<L><Contents><Key>a</Key><LastModified>today</LastModified></Contents></L>",
        "<L><EncodingType>url</EncodingType><Contents><Key>%</Key></Contents></L>",
        "<L><Contents><Key>a</Key><ETag>x&#10;host: y</ETag></Contents></L>",
        "<L><Contents><Key>a%00b</Key></Contents><EncodingType>url</EncodingType></L>"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(read_page(wrong[i]), ERR_CORRUPT);
}

static void test_a_lack_of_memory_is_told(void **state)
{
    struct allocation_sweep sweep = {0};
    (void)state;
    while (sweep_next(&sweep)) {
        sweep_begin(&sweep);
        enum error_code code = read_page(amazon);
        sweep_stop(&sweep);
        s3_page_release(&page);
        sweep_end(&sweep, code);
    }
    assert_true(sweep.failures > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_page_of_objects_is_read_and_decoded, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_keys_of_a_store_that_does_not_encode_stay_as_they_are,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_page_of_uploads_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_page_takes_the_place_of_the_last_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_no_page_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_lack_of_memory_is_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
