// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "arrow/schema.h"
#include "support/arrow_validate.h"
#include "support/arrow_support.h"

/* A struct array of somebody else's: three rows of "n" (int32), "t" (text) and "d" (indices of
 * int16 into texts). Tests break one thing each. */
struct foreign {
    struct ArrowSchema schema, children_schema[3], dictionary_schema;
    struct ArrowSchema *schemas[3];
    struct ArrowArray array, children[3], dictionary;
    struct ArrowArray *arrays[3];
    uint8_t validity;
    int32_t numbers[4];
    int32_t offsets[4];
    int16_t indices[4];
    int32_t dictionary_offsets[3];
    const void *struct_buffers[1], *number_buffers[2], *text_buffers[3], *index_buffers[2],
        *dictionary_buffers[3];
};

static void release_schema(struct ArrowSchema *schema)
{
    schema->release = NULL;
}

static void release_array(struct ArrowArray *array)
{
    array->release = NULL;
}

static struct ArrowSchema make_schema(const char *name, const char *format)
{
    return (struct ArrowSchema){
        .format = format, .name = name, .flags = ARROW_FLAG_NULLABLE, .release = release_schema};
}

static struct ArrowArray make_array(int64_t length, int64_t n_buffers, const void **buffers)
{
    return (struct ArrowArray){
        .length = length, .n_buffers = n_buffers, .buffers = buffers, .release = release_array};
}

static void make_foreign(struct foreign *f)
{
    memset(f, 0, sizeof *f);
    f->schema = make_schema("batch", "+s");
    f->children_schema[0] = make_schema("n", "i");
    f->children_schema[1] = make_schema("t", "u");
    f->children_schema[2] = make_schema("d", "s");
    f->dictionary_schema = make_schema(NULL, "u");
    f->children_schema[2].dictionary = &f->dictionary_schema;
    for (int i = 0; i < 3; i++) {
        f->schemas[i] = &f->children_schema[i];
        f->arrays[i] = &f->children[i];
    }
    f->schema.n_children = 3;
    f->schema.children = f->schemas;
    f->validity = 0x5; /* the second row is null */
    memcpy(f->offsets, (int32_t[]){0, 2, 2, 5}, sizeof f->offsets);
    memcpy(f->indices, (int16_t[]){1, 99, 0}, 3 * sizeof(int16_t));
    memcpy(f->dictionary_offsets, (int32_t[]){0, 1, 3}, sizeof f->dictionary_offsets);
    f->number_buffers[1] = f->numbers;
    f->text_buffers[1] = f->offsets;
    f->text_buffers[2] = "abcde";
    f->index_buffers[0] = &f->validity;
    f->index_buffers[1] = f->indices;
    f->dictionary_buffers[1] = f->dictionary_offsets;
    f->dictionary_buffers[2] = "xyz";
    f->array = make_array(3, 1, f->struct_buffers);
    f->array.n_children = 3;
    f->array.children = f->arrays;
    f->children[0] = make_array(3, 2, f->number_buffers);
    f->children[1] = make_array(3, 3, f->text_buffers);
    f->children[2] = make_array(3, 2, f->index_buffers);
    f->children[2].null_count = 1;
    f->dictionary = make_array(2, 3, f->dictionary_buffers);
    f->children[2].dictionary = &f->dictionary;
}

static void assert_invalid(const struct foreign *f, const char *message)
{
    struct error error = {0};
    assert_int_equal(arrow_validate(&f->schema, &f->array, &error), ERR_INVALID);
    assert_string_equal(error.message, message);
}

static void a_sound_array_passes(void **state)
{
    (void)state;
    struct foreign f;
    make_foreign(&f);
    assert_int_equal(arrow_validate(&f.schema, &f.array, NULL), OK);
    f.children[2].null_count = -1; /* not computed */
    assert_int_equal(arrow_validate(&f.schema, &f.array, NULL), OK);
    f.children[2].offset = 1; /* its rows are then null, 0 and whatever follows */
    f.children[2].length = 2;
    f.array.length = 2;
    assert_int_equal(arrow_validate(&f.schema, &f.array, NULL), OK);
}

static void every_kind_of_damage_is_named(void **state)
{
    (void)state;
    struct foreign f;
    make_foreign(&f);
    f.array.release = NULL;
    assert_invalid(&f, "Arrow column \"batch\": the array was released");
    make_foreign(&f);
    f.schemas[0]->release = NULL;
    assert_invalid(&f, "Arrow column \"n\": the schema was released");
    make_foreign(&f);
    f.children[0].length = -1;
    assert_invalid(&f, "Arrow column \"n\": length -1, offset 0");
    make_foreign(&f);
    f.children[0].offset = INT64_MAX;
    assert_invalid(&f, "Arrow column \"n\": length 3, offset 9223372036854775807");
    make_foreign(&f);
    f.children[1].n_buffers = 2;
    assert_invalid(&f, "Arrow column \"t\": 2 buffers, not 3");
    make_foreign(&f);
    f.array.n_children = 2;
    assert_invalid(&f, "Arrow column \"batch\": 2 children, but the schema has 3");
    make_foreign(&f);
    f.children[2].dictionary = NULL;
    assert_invalid(&f, "Arrow column \"d\": only one of array and schema has a dictionary");
    make_foreign(&f);
    f.number_buffers[1] = NULL;
    assert_invalid(&f, "Arrow column \"n\": the buffer of its values is missing");
    make_foreign(&f);
    f.text_buffers[2] = NULL;
    assert_invalid(&f, "Arrow column \"t\": the buffer of its texts is missing");
    make_foreign(&f);
    f.offsets[0] = -1;
    assert_invalid(&f, "Arrow column \"t\": the first offset is -1");
    make_foreign(&f);
    f.offsets[2] = 1;
    assert_invalid(&f, "Arrow column \"t\": offsets fall from 2 to 1 in row 1");
    make_foreign(&f);
    f.children[2].null_count = 2;
    assert_invalid(&f, "Arrow column \"d\": null_count is 2, but 1 values are null");
    make_foreign(&f);
    f.children[2].null_count = 4;
    assert_invalid(&f, "Arrow column \"d\": null_count 4 of length 3");
    make_foreign(&f);
    f.schemas[2]->flags = 0;
    assert_invalid(&f, "Arrow column \"d\": 1 nulls, but it is not nullable");
    make_foreign(&f);
    f.indices[2] = 2;
    assert_invalid(&f, "Arrow column \"d\": index 2 in row 2 of a dictionary of 2");
    make_foreign(&f);
    f.indices[0] = -1;
    assert_invalid(&f, "Arrow column \"d\": index -1 in row 0 of a dictionary of 2");
    make_foreign(&f);
    f.dictionary_offsets[1] = 9;
    assert_invalid(&f, "Arrow column \"\": offsets fall from 9 to 3 in row 1");
    make_foreign(&f);
    f.children[0].length = 2;
    assert_invalid(&f, "Arrow column \"n\": 2 rows, but its struct has 3");
    make_foreign(&f);
    f.schemas[2]->format = "f";
    assert_invalid(&f, "Arrow column \"d\": indices of format \"f\" into a dictionary");
}

static void formats_are_read_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *format;
        bool known;
    } formats[] = {{"tsu:UTC", true}, {"tsn:", true},    {"tsx:", false}, {"ts", false},
                   {"tsu", false},    {"w:32", true},    {"w:0", false},  {"w:32x", false},
                   {"d:38,0", true},  {"d:39,0", false}, {"d:38", false}, {"d:38,0,256", false},
                   {"L", true},       {"U", false},      {"", false}};
    uint8_t values[32] = {0};
    const void *buffers[2] = {NULL, values};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        struct ArrowSchema schema = make_schema("c", formats[i].format);
        struct ArrowArray array = make_array(1, 2, buffers);
        assert_int_equal(arrow_validate(&schema, &array, NULL),
                         formats[i].known ? OK : ERR_INVALID);
    }
}

static void foreign_field_ids_are_found_among_other_metadata(void **state)
{
    (void)state;
    struct ArrowSchema schema = make_schema("c", "u");
    assert_int_equal(arrow_schema_field_id(&schema), 0);
    schema.metadata = "\2\0\0\0"
                      "\1\0\0\0k\1\0\0\0v"
                      "\20\0\0\0PARQUET:field_id\2\0\0\0"
                      "42";
    assert_int_equal(arrow_schema_field_id(&schema), 42);
    schema.metadata = "\1\0\0\0\1\0\0\0k\1\0\0\0v";
    assert_int_equal(arrow_schema_field_id(&schema), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_array_passes),
        cmocka_unit_test(every_kind_of_damage_is_named),
        cmocka_unit_test(formats_are_read_strictly),
        cmocka_unit_test(foreign_field_ids_are_found_among_other_metadata),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
