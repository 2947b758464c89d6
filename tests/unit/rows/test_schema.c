// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
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

/* What a column is never changes, but that it may become optional. */
static void a_version_has_the_columns_of_the_one_before_it(void **state)
{
    (void)state;
    for (size_t v = 0; v < row_schema_count; v++) {
        const struct row_schema *schema = &row_schemas[v], *before = v > 0 ? schema - 1 : schema;
        assert_int_equal(schema->rank, v);
        assert_string_equal(row_schema_versions[v], schema->version);
        assert_true(schema->column_count >= before->column_count);
        for (size_t i = 0; i < schema->column_count; i++) {
            const struct row_column *column = &schema->columns[i];
            assert_int_equal(column->id, i + 1);
            const struct row_column *newest = row_column_of((int)i + 1);
            assert_string_equal(column->name, newest->name);
            assert_string_equal(column->arrow_format, newest->arrow_format);
            assert_string_equal(column->ducklake_type, newest->ducklake_type);
            assert_int_equal(column->kind, newest->kind);
            assert_int_equal(column->at, newest->at);
            assert_int_equal(column->present_at, newest->present_at);
            assert_int_equal(column->is_looked_up, newest->is_looked_up);
            assert_int_equal(row_column_width(column) == 0, strcmp(column->arrow_format, "u") == 0);
            if (i < before->column_count && before->columns[i].nullable)
                assert_true(column->nullable);
        }
    }
    assert_null(row_schema_versions[row_schema_count]);
    assert_null(row_column_of(0));
    assert_null(row_column_of((int)row_schemas[row_schema_count - 1].column_count + 1));
}

/* "uint32 optional": a column's type in docs/DESIGN.md. */
static const char *type_in_words(const struct row_column *column, char out[64])
{
    static const char *const words[][2] = {{"tsu:UTC", "timestamp[us, UTC]"},
                                           {"I", "uint32"},
                                           {"w:32", "FIXED_LEN_BYTE_ARRAY(32)"},
                                           {"u", "string"},
                                           {"d:38,0", "decimal(38,0)"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i][0], column->arrow_format) == 0)
            snprintf(out, 64, "%s", words[i][1]);
    return out;
}

static const char *word_of(bool nullable)
{
    return nullable ? "optional" : "required";
}

static void the_table_of_the_documentation_is_that_of_the_program(void **state)
{
    (void)state;
    static char text[65536];
    FILE *file = fopen(TTP_TEST_DATA "/../../docs/DESIGN.md", "r");
    assert_non_null(file);
    size_t length = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[length] = '\0';
    const struct row_schema *newest = &row_schemas[row_schema_count - 1];
    for (size_t i = 0; i < newest->column_count; i++) {
        char type[64], line[256];
        size_t since = 0;
        while (row_schemas[since].column_count <= i)
            since++;
        const struct row_column *column = &newest->columns[i],
                                *first = &row_schemas[since].columns[i];
        type_in_words(column, type);
        if (first->nullable == column->nullable)
            snprintf(line, sizeof line, "\n| %zu | %s | %s %s", i + 1, column->name, type,
                     word_of(column->nullable));
        else
            snprintf(line, sizeof line, "\n| %zu | %s | %s, %s in %s, %s from", i + 1, column->name,
                     type, word_of(first->nullable), row_schemas[since].version,
                     word_of(column->nullable));
        const char *found = strstr(text, line);
        char says[16];
        snprintf(says, sizeof says, "| %s |", row_schemas[since].version);
        if (found == NULL || strstr(found, says) == NULL ||
            strstr(found, says) > strchr(found + 1, '\n'))
            fail_msg("docs/DESIGN.md has no line '%s ... %s'", line + 1, says);
    }
    char next[16];
    snprintf(next, sizeof next, "\n| %zu |", newest->column_count + 1);
    assert_null(strstr(text, next));
}

static void a_version_that_is_none_is_refused_with_those_that_are(void **state)
{
    (void)state;
    const struct row_schema *schema;
    struct error error;
    assert_int_equal(row_schema_parse("1.1.0", &schema, &error), OK);
    assert_ptr_equal(schema, row_schema_find("1.1.0"));
    assert_int_equal(row_schema_parse("2.0.0", &schema, &error), ERR_INVALID);
    assert_string_equal(error.message, "--schema-version: there is no version '2.0.0'; there are "
                                       "1.0.0, 1.1.0");
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
            assert_string_equal(child->name, full->columns[i].name);
            assert_int_equal(arrow_schema_field_id(child), i + 1);
            assert_int_equal((child->flags & ARROW_FLAG_NULLABLE) != 0, full->columns[i].nullable);
            if (dictionaries && row_column_is_numbered(&full->columns[i])) {
                assert_string_equal(child->format, "i");
                assert_string_equal(child->dictionary->format, full->columns[i].arrow_format);
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
        cmocka_unit_test(a_version_has_the_columns_of_the_one_before_it),
        cmocka_unit_test(the_table_of_the_documentation_is_that_of_the_program),
        cmocka_unit_test(a_version_that_is_none_is_refused_with_those_that_are),
        cmocka_unit_test(column_ids_count_up_and_names_stay),
        cmocka_unit_test(columns_that_a_version_adds_are_optional),
        cmocka_unit_test(the_exported_schema_has_names_formats_and_field_ids),
        cmocka_unit_test(a_child_may_be_moved_out_of_its_schema),
        cmocka_unit_test(no_failing_allocation_leaks_a_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
