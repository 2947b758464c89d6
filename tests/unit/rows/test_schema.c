// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "arrow/schema.h"
#include "rows/schema.h"
#include "support/allocation_sweep.h"
#include "support/arrow_support.h"

static void versions_are_found_and_ranked(void **state)
{
    (void)state;
    assert_int_equal(row_schema_count, 2);
    assert_int_equal(row_schema_find("1.0.0")->column_count, 10);
    assert_int_equal(row_schema_find("1.1.0")->column_count, 16);
    assert_true(row_schema_find("1.0.0")->rank < row_schema_find("1.1.0")->rank);
    assert_null(row_schema_find("2.0.0"));
    assert_null(row_schema_find(""));
}

static void column_ids_count_up_and_names_stay(void **state)
{
    (void)state;
    const struct row_schema *planned = row_schema_find("1.0.0");
    const struct row_schema *full = row_schema_find("1.1.0");
    for (size_t i = 0; i < full->column_count; i++) {
        assert_int_equal(full->columns[i].id, i + 1);
        if (i < planned->column_count)
            assert_string_equal(planned->columns[i].name, full->columns[i].name);
    }
    assert_false(planned->columns[COLUMN_SOURCE_ACCOUNT - 1].nullable);
    assert_true(full->columns[COLUMN_SOURCE_ACCOUNT - 1].nullable);
    assert_false(full->columns[COLUMN_AMOUNT - 1].nullable);
    assert_string_equal(full->columns[COLUMN_AMOUNT_DECIMAL - 1].ducklake_type, "decimal(38,0)");
}

/* Older files lack them: a reader that takes them for required reads zeros there. */
static void columns_that_a_version_adds_are_optional(void **state)
{
    (void)state;
    for (size_t v = 1; v < row_schema_count; v++)
        for (size_t i = row_schemas[v - 1].column_count; i < row_schemas[v].column_count; i++)
            if (!row_schemas[v].columns[i].nullable)
                fail_msg("%s of %s is required", row_schemas[v].columns[i].name,
                         row_schemas[v].version);
}

static void the_exported_schema_has_names_formats_and_field_ids(void **state)
{
    (void)state;
    const struct row_schema *full = row_schema_find("1.1.0");
    for (int dictionaries = 0; dictionaries < 2; dictionaries++) {
        struct ArrowSchema schema;
        assert_int_equal(row_schema_export(full, dictionaries, &schema), OK);
        assert_string_equal(schema.format, "+s");
        assert_int_equal(schema.n_children, 16);
        for (int64_t i = 0; i < 16; i++) {
            const struct ArrowSchema *child = schema.children[i];
            bool text = strcmp(full->columns[i].arrow_format, "u") == 0;
            assert_string_equal(child->name, full->columns[i].name);
            assert_int_equal(arrow_schema_field_id(child), i + 1);
            assert_int_equal((child->flags & ARROW_FLAG_NULLABLE) != 0, full->columns[i].nullable);
            if (text && dictionaries) {
                assert_string_equal(child->format, "i");
                assert_string_equal(child->dictionary->format, "u");
            } else {
                assert_string_equal(child->format, full->columns[i].arrow_format);
                assert_null(child->dictionary);
            }
        }
        arrow_schema_release(&schema);
        arrow_schema_release(&schema);
    }
}

static void a_child_may_be_moved_out_of_its_schema(void **state)
{
    (void)state;
    struct ArrowSchema schema;
    assert_int_equal(row_schema_export(row_schema_find("1.0.0"), true, &schema), OK);
    struct ArrowSchema child = *schema.children[3];
    schema.children[3]->release = NULL;
    arrow_schema_release(&schema);
    assert_string_equal(child.name, "event_type");
    assert_string_equal(child.dictionary->format, "u");
    arrow_schema_release(&child);
}

static void no_failing_allocation_leaks_a_schema(void **state)
{
    (void)state;
    struct allocation_sweep sweep = {0};
    while (sweep_next(&sweep)) {
        struct ArrowSchema schema;
        sweep_begin(&sweep);
        if (sweep_end(&sweep, row_schema_export(row_schema_find("1.1.0"), true, &schema)))
            arrow_schema_release(&schema);
    }
    assert_true(sweep.failures > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_are_found_and_ranked),
        cmocka_unit_test(column_ids_count_up_and_names_stay),
        cmocka_unit_test(columns_that_a_version_adds_are_optional),
        cmocka_unit_test(the_exported_schema_has_names_formats_and_field_ids),
        cmocka_unit_test(a_child_may_be_moved_out_of_its_schema),
        cmocka_unit_test(no_failing_allocation_leaks_a_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
