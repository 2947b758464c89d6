// SPDX-License-Identifier: Apache-2.0
/* The files that the AWS tools share. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "os/file.h"
#include "s3/profile.h"
#include "support/allocation_sweep.h"
#include "support/temp_folder.h"

static struct s3_profile profile;
static struct error error;
static char folder[TEMP_PATH_BYTES];
static const char *home, *config_file, *credentials_file, *profile_name;

static const char *variable(const char *name)
{
    if (strcmp(name, "HOME") == 0)
        return home;
    if (strcmp(name, "AWS_CONFIG_FILE") == 0)
        return config_file;
    if (strcmp(name, "AWS_SHARED_CREDENTIALS_FILE") == 0)
        return credentials_file;
    return strcmp(name, "AWS_PROFILE") == 0 ? profile_name : NULL;
}

static int set_up(void **state)
{
    (void)state;
    s3_profile_init(&profile);
    temp_folder_make(folder);
    home = folder;
    config_file = credentials_file = profile_name = NULL;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    s3_profile_release(&profile);
    temp_folder_remove(folder);
    return 0;
}

static void parse(const char *name, bool is_config, const char *text)
{
    assert_int_equal(s3_profile_parse(&profile, name, is_config, bytes_view_text(text)), OK);
}

static void write_file(const char *name, const char *text)
{
    temp_write(temp_path(folder, name), text, strlen(text));
}

static void test_the_section_asked_for_is_read(void **state)
{
    (void)state;
    parse("lake", false,
          "[default]\naws_access_key_id = WRONG\n"
          "# a comment\n; another\n[lake]\n"
          "aws_access_key_id=AKIA1\r\naws_secret_access_key =  a/b+c=d  \n"
          "[other]\naws_session_token = no\n");
    assert_true(profile.was_found);
    assert_string_equal(profile.values[S3_PROFILE_ACCESS_KEY_ID], "AKIA1");
    assert_string_equal(profile.values[S3_PROFILE_SECRET_ACCESS_KEY], "a/b+c=d");
    assert_null(profile.values[S3_PROFILE_SESSION_TOKEN]);
}

static void test_a_configuration_says_profile_in_front_of_names(void **state)
{
    (void)state;
    parse("lake", true,
          "[lake]\nregion = wrong\n[profile lake]\nregion = eu-west-1 # where it is\n"
          "s3 =\n    region = nested\n[profile lake2]\nregion = wrong\n");
    assert_string_equal(profile.values[S3_PROFILE_REGION], "eu-west-1");
    s3_profile_release(&profile);
    parse("default", true, "[ default ]\nregion=us-west-2");
    assert_string_equal(profile.values[S3_PROFILE_REGION], "us-west-2");
}

static void test_a_section_that_is_not_there_is_not_found(void **state)
{
    (void)state;
    parse("lake", false, "[default]\nregion = x\nno section\n[lak]\n[lakes]\n[unclosed\n=\n");
    assert_false(profile.was_found);
    for (size_t i = 0; i < S3_PROFILE_KEY_COUNT; i++)
        assert_null(profile.values[i]);
}

static void test_both_files_below_home_are_read_and_credentials_win(void **state)
{
    (void)state;
    assert_int_equal(os_make_directories(temp_path(folder, ".aws"), NULL, &error), OK);
    write_file(".aws/config", "[default]\nregion = eu-west-1\naws_access_key_id = OLD\n");
    write_file(".aws/credentials", "[default]\naws_access_key_id = NEW\n");
    assert_int_equal(s3_profile_read(&profile, variable, &error), OK);
    assert_string_equal(profile.values[S3_PROFILE_REGION], "eu-west-1");
    assert_string_equal(profile.values[S3_PROFILE_ACCESS_KEY_ID], "NEW");
}

static void test_files_that_are_not_there_are_empty(void **state)
{
    (void)state;
    assert_int_equal(s3_profile_read(&profile, variable, &error), OK);
    assert_false(profile.was_found);
    s3_profile_release(&profile);
    home = NULL;
    assert_int_equal(s3_profile_read(&profile, variable, &error), OK);
}

static void test_a_profile_that_is_named_must_be_there(void **state)
{
    (void)state;
    config_file = "~/my config";
    profile_name = "lake";
    write_file("my config", "[profile lake]\nregion = eu-west-1\n");
    assert_int_equal(s3_profile_read(&profile, variable, &error), OK);
    assert_string_equal(profile.values[S3_PROFILE_REGION], "eu-west-1");
    s3_profile_release(&profile);
    profile_name = "lakes";
    assert_int_equal(s3_profile_read(&profile, variable, &error), ERR_INVALID);
    assert_non_null(strstr(error.message, "AWS_PROFILE names the profile lakes"));
}

static void test_a_file_that_is_none_is_refused(void **state)
{
    (void)state;
    credentials_file = folder;
    assert_int_equal(s3_profile_read(&profile, variable, &error), ERR_INVALID);
    assert_non_null(strstr(error.message, folder));
}

static void test_a_home_that_is_none_has_no_files(void **state)
{
    (void)state;
    write_file("home", "no folder");
    home = temp_path(folder, "home");
    assert_int_equal(s3_profile_read(&profile, variable, &error), OK);
    s3_profile_release(&profile);
    config_file = temp_path(folder, "home/config"); /* but for one that is asked for by name */
    assert_int_equal(s3_profile_read(&profile, variable, &error), ERR_INVALID);
}

static void test_a_lack_of_memory_is_told(void **state)
{
    struct allocation_sweep sweep = {0};
    (void)state;
    while (sweep_next(&sweep)) {
        struct s3_profile swept;
        s3_profile_init(&swept);
        sweep_begin(&sweep);
        enum error_code code = s3_profile_parse(
            &swept, "default", true,
            bytes_view_text("[default]\nregion = a\naws_access_key_id = b\nregion = c\n"));
        sweep_stop(&sweep);
        s3_profile_release(&swept);
        sweep_end(&sweep, code);
    }
    assert_true(sweep.failures > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_section_asked_for_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_configuration_says_profile_in_front_of_names, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_section_that_is_not_there_is_not_found, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_both_files_below_home_are_read_and_credentials_win,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_files_that_are_not_there_are_empty, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_profile_that_is_named_must_be_there, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_file_that_is_none_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_home_that_is_none_has_no_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_lack_of_memory_is_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
