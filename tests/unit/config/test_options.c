// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/command_table.h"
#include "config/help.h"
#include "config/option_load.h"
#include "config/option_table.h"
#include "config/option_value.h"
#include "support/options_support.h"
#include "util/json_text.h"
#include "os/file.h"
#include "os/log.h"
#include "walk/verify.h"
#include "parquet/writer.h"
#include "rows/partition.h"
#include "rows/schema.h"
#include "support/allocation_sweep.h"
#include "parquet/codec.h"

static const char *const plan_config = TTP_TEST_DATA "/../../config.json";

/* The load fails and says `sentence`, once per problem. */
static void assert_refused(struct load_request request, size_t problem_count, const char *sentence)
{
    struct loaded loaded;
    load(&loaded, request);
    if (loaded.code != ERR_INVALID || !problems_contain(&loaded.problems, sentence))
        print_error("expected \"%s\", got: %s\n", sentence,
                    loaded.problems.count != 0 ? (const char *)loaded.problems.text.data : "");
    assert_int_equal(loaded.code, ERR_INVALID);
    assert_true(problems_contain(&loaded.problems, sentence));
    assert_int_equal(loaded.problems.count, problem_count);
    loaded_release(&loaded);
}

static struct load_request flag(const char *name, const char *value)
{
    return (struct load_request){.flags = {{name, value}}};
}

static void nothing_given_means_the_defaults(void **state)
{
    (void)state;
    struct loaded loaded;
    load(&loaded, (struct load_request){.config = NULL});
    assert_int_equal(loaded.code, OK);
    const struct options *options = &loaded.options;
    assert_string_equal(options->ttp_processor_endpoint, "localhost:50051");
    assert_int_equal(options->flush_interval_us, 30000000);
    assert_int_equal(options->max_file_size_bytes, 134217728);
    assert_int_equal(options->memory_limit_bytes, 192 << 20);
    assert_int_equal(options->compression_codec, PARQUET_CODEC_SNAPPY);
    assert_int_equal(options->partitioning_scheme, PARTITION_DATE_HOUR);
    assert_int_equal(options->health_port, 8088);
    assert_true(options->enable_schema_evolution);
    assert_int_equal(options->origins[option_find_flag("--batch-size")].kind, ORIGIN_DEFAULT);
    loaded_release(&loaded);
}

static void several_streams_bring_memory_and_the_length_of_their_pieces(void **state)
{
    static const struct {
        const char *scheme;
        uint32_t ledgers;
    } cases[] = {
        {"date", 131072}, {"date_hour", 16384}, {"date_hour_type", 16384}, {"simple", 131072}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct loaded loaded;
        load(&loaded, (struct load_request){.flags = {{"--streams", "4"},
                                                      {"--partitioning-scheme", cases[i].scheme}}});
        assert_int_equal(loaded.code, OK);
        assert_int_equal(loaded.options.memory_limit_bytes, (96 + 4 * 64) << 20);
        assert_string_equal(loaded.options.texts[option_find_flag("--memory-limit")], "352MiB");
        assert_int_equal(options_lease_ledgers(&loaded.options), cases[i].ledgers);
        loaded_release(&loaded);
    }
    struct loaded loaded;
    load(&loaded, (struct load_request){.flags = {{"--streams", "4"},
                                                  {"--memory-limit", "128MiB"},
                                                  {"--lease-ledgers", "7"}}});
    assert_int_equal(loaded.options.memory_limit_bytes, 128 << 20);
    assert_int_equal(options_lease_ledgers(&loaded.options), 7);
    loaded_release(&loaded);
    assert_refused(flag("--streams", "17"), 1, "16");
    assert_refused(flag("--streams", "0"), 1, "1");
}

static void the_plans_configuration_works_as_it_stands(void **state)
{
    (void)state;
    struct options options;
    struct problems problems;
    options_init(&options);
    problems_init(&problems);
    const struct option_sources sources = {.config_path = plan_config};
    assert_int_equal(options_load(&options, &sources, &problems, &problems), OK);
    assert_int_equal(problems.count, 0);
    assert_string_equal(options.output_path, "./data/parquet");
    assert_int_equal(options.origins[option_find_flag("--batch-size")].kind, ORIGIN_FILE);
    assert_int_equal(options.origins[option_find_flag("--batch-size")].line, 10);
    options_release(&options);
    problems_release(&problems);
}

static void a_flag_wins_over_the_environment_and_that_over_the_file(void **state)
{
    (void)state;
    const char *config = "{\"consumer\": {\"batch_size\": 1, \"max_attempts\": 1,\n"
                         "\"network\": \"futurenet\"}}";
    struct loaded loaded;
    load(&loaded,
         (struct load_request){.config = config,
                               .environment = {(char[]){"PARQUET_CONSUMER_BATCH_SIZE=2"},
                                               (char[]){"PARQUET_CONSUMER_MAX_ATTEMPTS=2"}},
                               .flags = {{"--batch-size", "3"}}});
    assert_int_equal(loaded.code, OK);
    assert_int_equal(loaded.options.batch_size, 3);
    assert_int_equal(loaded.options.max_attempts, 2);
    assert_string_equal(loaded.options.network, "futurenet");
    char place[OPTION_PLACE_BYTES];
    options_place(&loaded.options, option_find_flag("--batch-size"), place);
    assert_string_equal(place, "--batch-size");
    options_place(&loaded.options, option_find_flag("--max-attempts"), place);
    assert_string_equal(place, "PARQUET_CONSUMER_MAX_ATTEMPTS");
    options_place(&loaded.options, option_find_flag("--network"), place);
    assert_non_null(strstr(place, ":2: consumer.network"));
    loaded_release(&loaded);
}

static void aliases_of_the_ecosystem_stand_behind_our_own_variables(void **state)
{
    (void)state;
    struct loaded loaded;
    load(&loaded,
         (struct load_request){
             .environment = {
                 (char[]){"TTP_SERVICE_ADDRESS=ttp:50051"}, (char[]){"HEALTH_PORT=8089"},
                 (char[]){"PARQUET_CONSUMER_HEALTH_PORT=8090"}, (char[]){"STELLAR_NETWORK=mainnet"},
                 (char[]){"START_LEDGER=5"}, (char[]){"END_LEDGER=9"}, (char[]){"BATCH_SIZE=77"},
                 (char[]){"PARQUET_CONSUMER_LOG_LEVEL="}}});
    assert_int_equal(loaded.code, OK);
    assert_int_equal(loaded.options.start_ledger, 5);
    assert_int_equal(loaded.options.end_ledger, 9);
    assert_int_equal(loaded.options.batch_size, 77);
    assert_string_equal(loaded.options.ttp_processor_endpoint, "ttp:50051");
    assert_int_equal(loaded.options.health_port, 8090);
    assert_string_equal(loaded.options.network, "pubnet");
    assert_int_equal(loaded.options.log_level, LOG_INFO); /* empty: not set */
    loaded_release(&loaded);
}

static void unknown_variables_and_flowctl_only_warn(void **state)
{
    (void)state;
    struct loaded loaded;
    load(&loaded, (struct load_request){.environment = {(char[]){"PARQUET_CONSUMER_BATCH_SZIE=1"},
                                                        (char[]){"PARQUET_CONSUMER_COLOUR=blue"},
                                                        (char[]){"ENABLE_FLOWCTL=true"}}});
    assert_int_equal(loaded.code, OK);
    assert_int_equal(loaded.warnings.count, 3);
    assert_true(problems_contain(&loaded.warnings, "did you mean PARQUET_CONSUMER_BATCH_SIZE?"));
    assert_true(problems_contain(&loaded.warnings, "PARQUET_CONSUMER_COLOUR names no option"));
    assert_true(problems_contain(&loaded.warnings, "flowctl"));
    loaded_release(&loaded);
}

static void what_kubernetes_says_of_services_is_never_taken_for_ours(void **state)
{
    (void)state;
    struct loaded loaded;
    load(&loaded,
         (struct load_request){
             .config = "{\"monitoring\": {\"health_port\": 8089, \"metrics_port\": 9091}}",
             .environment = {(char[]){"HEALTH_PORT=tcp://10.96.1.1:80"},
                             (char[]){"HEALTH_SERVICE_HOST=10.96.1.1"},
                             (char[]){"PARQUET_CONSUMER_METRICS_PORT=tcp://10.96.9.2:9090"},
                             (char[]){"PARQUET_CONSUMER_METRICS_PORT_9090_TCP_ADDR=10.96.9.2"},
                             (char[]){"PARQUET_CONSUMER_SERVICE_HOST=10.96.9.3"},
                             (char[]){"PARQUET_CONSUMER_SERVICE_PORT=80"},
                             (char[]){"PARQUET_CONSUMER_SERVICE_PORT_HEALTH=80"},
                             (char[]){"PARQUET_CONSUMER_PORT=udp://10.96.9.3:80"},
                             (char[]){"PARQUET_CONSUMER_PORT_80_UDP=udp://10.96.9.3:80"}}});
    assert_int_equal(loaded.code, OK);
    assert_int_equal(loaded.options.health_port, 8089);
    assert_int_equal(loaded.options.metrics_port, 9091);
    assert_int_equal(loaded.warnings.count, 1);
    assert_true(problems_contain(&loaded.warnings, "8 environment variables are Kubernetes'"));
    assert_true(problems_contain(&loaded.warnings, "HEALTH_PORT, PARQUET_CONSUMER_METRICS_PORT, "));
    loaded_release(&loaded);
}

static void our_own_ports_and_names_are_no_links_to_services(void **state)
{
    (void)state;
    struct loaded loaded;
    load(&loaded,
         (struct load_request){.environment = {(char[]){"PARQUET_CONSUMER_HEALTH_PORT=8090"},
                                               (char[]){"PARQUET_CONSUMER_METRICS_PORT=tcp:9091"},
                                               (char[]){"PARQUET_CONSUMER_SERVICE_NAME=mine"}}});
    assert_int_equal(loaded.options.health_port, 8090);
    assert_string_equal(loaded.options.service_name, "mine");
    assert_int_equal(loaded.code, ERR_INVALID); /* a mistake of the user's own is still told */
    assert_true(problems_contain(&loaded.problems, "PARQUET_CONSUMER_METRICS_PORT"));
    assert_int_equal(loaded.warnings.count, 0);
    loaded_release(&loaded);
}

static void malformed_json_is_told_with_line_and_column(void **state)
{
    (void)state;
    assert_refused((struct load_request){.config = "{\"consumer\": {\n  \"batch_size\": 1,,\n}}"},
                   1, ":2:19: this is not JSON");
    assert_refused((struct load_request){.config = "{\"output\": {}, \"output\": {}}"}, 1,
                   "duplicate");
    assert_refused((struct load_request){.config = "[1]"}, 1, "is a JSON object");
    assert_refused((struct load_request){.config = ""}, 1, ":1:1: this is not JSON");
}

static void unknown_keys_name_line_and_nearest_key(void **state)
{
    (void)state;
    assert_refused((struct load_request){.config = "{\n\"consumer\": {\n\"start_legder\": 1}}"}, 1,
                   ":3: consumer.start_legder: unknown key; did you mean \"start_ledger\"?");
    assert_refused((struct load_request){.config = "{\"consumers\": {}}"}, 1,
                   ":1: consumers: unknown key; did you mean \"consumer\"?");
    assert_refused((struct load_request){.config = "{\"output\": {\"batch_size\": 1}}"}, 1,
                   "output.batch_size: this key belongs in the section \"consumer\"");
    assert_refused((struct load_request){.config = "{\"batch_size\": 1}"}, 1,
                   "batch_size: this key belongs in the section \"consumer\"");
    assert_refused((struct load_request){.config = "{\"output\": {\"xyzzy\": 1}}"}, 1,
                   "output.xyzzy: unknown key; `parquet-consumer help options`");
}

static void keys_inside_values_are_no_keys_of_ours(void **state)
{
    (void)state;
    const char *config = "{\"consumer\": {\"metadata\": {\"batch_size\": \"x\"},\n"
                         "\"batch_size\": 0}}";
    /* The line is that of the section's key, not of the header with the same name. */
    assert_refused((struct load_request){.config = config}, 1, ":2: consumer.batch_size:");
}

static void values_of_the_wrong_type_say_what_is_wanted(void **state)
{
    (void)state;
    assert_refused((struct load_request){.config = "{\"output\": {\"schema_version\": 1.1}}"}, 1,
                   "must be a text in double quotes");
    assert_refused((struct load_request){.config = "{\"consumer\": {\"flush_interval\": 30}}"}, 1,
                   "with its unit, such as \"30s\"");
    assert_refused((struct load_request){.config = "{\"consumer\": {\"batch_size\": 1.5}}"}, 1,
                   "must be a whole number");
    assert_refused((struct load_request){.config = "{\"consumer\": {\"batch_size\": null}}"}, 1,
                   "must be a whole number");
    assert_refused((struct load_request){.config = "{\"output\": {\"max_file_size\": {}}}"}, 1,
                   "text such as \"128MiB\"");
    assert_refused((struct load_request){.config = "{\"consumer\": {\"tls\": 1}}"}, 1,
                   "must be true or false");
    assert_refused((struct load_request){.config = "{\"consumer\": {\"metadata\": []}}"}, 1,
                   "must be an object of texts");
    assert_refused((struct load_request){.config = "{\"consumer\": 1}"}, 1,
                   "must be an object with the section's keys");
}

static void a_ledger_that_none_can_follow_is_refused(void **state)
{
    (void)state;
    assert_refused(flag("--end-ledger", "4294967295"), 1, "none follows 4294967295");
    assert_refused(flag("--start-ledger", "4294967295"), 1, "none follows 4294967295");
}

static void an_empty_give_up_after_is_never(void **state)
{
    (void)state;
    const struct {
        const char *text;
        int64_t us;
        const char *shown;
    } values[] = {{"", 0, ""}, {"90s", 90000000, "1m30s"}};
    for (size_t i = 0; i < 2; i++) {
        struct loaded loaded;
        char shown[OPTION_VALUE_BYTES];
        load(&loaded, flag("--give-up-after", values[i].text));
        assert_true(loaded.options.give_up_after_us == values[i].us);
        option_value_text(&loaded.options, option_index(offsetof(struct options, give_up_after_us)),
                          shown);
        assert_string_equal(shown, values[i].shown);
        loaded_release(&loaded);
    }
    assert_refused(flag("--give-up-after", "soon"), 1, "is not a duration");
    assert_refused(flag("--idle-timeout", ""), 1, "is not a duration");
}

static void all_errors_of_a_file_are_told_at_once(void **state)
{
    (void)state;
    const char *config = "{\"consumer\": {\"batch_size\": 0, \"flush_interval\": \"soon\"},\n"
                         "\"output\": {\"compression_codec\": \"lzo\", \"paht\": \"\"},\n"
                         "\"monitoring\": {\"health_port\": 70000}}";
    assert_refused((struct load_request){.config = config}, 5, "health_port");
}

static void each_kind_of_bad_value_says_how_to_write_it(void **state)
{
    (void)state;
    assert_refused(flag("--flush-interval", "30"), 1, "--flush-interval: \"30\" is not a duration");
    assert_refused(flag("--flush-interval", "-1s"), 1, "--flush-interval: \"-1s\" is not");
    assert_refused(flag("--max-file-age", "90000h"), 1, "is not between 10ms and 720h");
    assert_refused(flag("--max-file-size", "12 parsecs"), 1, "is not a size");
    assert_refused(flag("--memory-limit", "1KiB"), 1, "is not between 64.0 MiB and");
    assert_refused(flag("--compression-codec", "snapy"), 1,
                   "is not one of none, snappy, gzip, lz4, zstd or brotli; did you mean snappy?");
    assert_refused(flag("--partitioning-scheme", "hourly"), 1,
                   "\"hourly\" is not one of date, date_hour, date_hour_type or simple");
    assert_refused(flag("--schema-version", "9.9.9"), 1, "\"9.9.9\" is not one of 1.0.0 or 1.1.0");
    assert_refused(flag("--health-port", "65536"), 1, "is not a whole number from 0 to 65535");
    assert_refused(flag("--batch-size", "0"), 1, "from 1 to 1000000");
    assert_refused(flag("--start-ledger", "-5"), 1, "\"-5\" is not a ledger number");
    assert_refused(flag("--end-ledger", "4294967296"), 1, "is not a ledger number");
    assert_refused(flag("--bloom-filters", "yes"), 1, "\"yes\" is neither true nor false");
    assert_refused(flag("--log-level", "trace"), 1, "debug, info, warn or error");
    assert_refused(flag("--network", "Main Net!"), 1, "a-z, 0-9, _ and -");
    assert_refused(
        flag("--network", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), 1,
        "at most 64 characters");
    assert_refused(flag("--output-path", ""), 1, "must not be empty");
    assert_refused(flag("--reader-data-path", "relative"), 1, "must be absolute");
    assert_refused(flag("--bind-address", "everywhere"), 1, "IPv4 or IPv6 address");
}

static void endpoints_are_host_and_port(void **state)
{
    (void)state;
    const char *const good[] = {"localhost:1", "10.0.0.1:65535", "[::1]:50051", "a-b.c_d:80"};
    const char *const bad[] = {"localhost", ":50051", "host:0", "host:65536", "http://host:80",
                               "[::1:80",   "[]:80",  "[x]:80", "host:",      "ho st:80"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct loaded loaded;
        load(&loaded, flag("--ttp-processor-endpoint", good[i]));
        assert_int_equal(loaded.code, OK);
        loaded_release(&loaded);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_refused(flag("--ttp-processor-endpoint", bad[i]), 1, "must be HOST:PORT");
}

static void levels_are_checked_by_their_codec(void **state)
{
    (void)state;
    const struct {
        const char *codec, *level;
        bool good;
    } cases[] = {{"gzip", "9", true},    {"gzip", "10", false}, {"gzip", "0", false},
                 {"lz4", "12", true},    {"lz4", "13", false},  {"zstd", "22", true},
                 {"zstd", "0", false},   {"brotli", "0", true}, {"brotli", "12", false},
                 {"snappy", "22", true}, {"none", "0", true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct load_request request = {.flags = {{"--compression-codec", cases[i].codec},
                                                 {"--compression-level", cases[i].level}}};
        if (!cases[i].good) {
            assert_refused(request, 1, "has levels from");
            continue;
        }
        struct loaded loaded;
        load(&loaded, request);
        assert_int_equal(loaded.code, OK);
        loaded_release(&loaded);
    }
}

static void values_that_contradict_each_other_are_refused(void **state)
{
    (void)state;
    assert_refused((struct load_request){.arguments = {"200", "100"}}, 1,
                   "END 100 lies below START 200");
    assert_refused((struct load_request){.flags = {{"--retry-initial", "31s"}}}, 1,
                   "must not be longer than retry_max");
    assert_refused((struct load_request){.flags = {{"--health-port", "9090"}}}, 1, "must differ");
    assert_refused((struct load_request){.flags = {{"--max-message-size", "128MiB"}}}, 1,
                   "a quarter of memory_limit");
    assert_refused((struct load_request){.flags = {{"--memory-limit", "128MiB"},
                                                   {"--max-message-size", "33MiB"}}},
                   1, "a quarter of memory_limit");
    struct loaded loaded;
    load(&loaded, (struct load_request){
                      .flags = {{"--memory-limit", "128MiB"}, {"--max-message-size", "32MiB"}}});
    assert_int_equal(loaded.code, OK);
    loaded_release(&loaded);
}

static void files_of_tls_want_tls_and_a_certificate_its_key(void **state)
{
    (void)state;
    assert_refused(flag("--tls-ca-file", "ca.pem"), 1, "with tls true only");
    assert_refused(
        (struct load_request){.flags = {{"--tls", "true"}, {"--tls-cert-file", "c.pem"}}}, 1,
        "needs its key");
}

static void schema_options_are_taken_at_the_top_level_too(void **state)
{
    (void)state;
    struct loaded loaded;
    load(&loaded, (struct load_request){.config = "{\"schema_version\": \"1.1.0\",\n"
                                                  "\"enable_schema_evolution\": false}"});
    assert_int_equal(loaded.code, OK);
    assert_string_equal(loaded.options.schema_version, "1.1.0");
    assert_false(loaded.options.enable_schema_evolution);
    loaded_release(&loaded);
    assert_refused((struct load_request){.config = "{\"schema_version\": \"1.1.0\", \"output\": "
                                                   "{\"schema_version\": \"1.0.0\"}}"},
                   1, "given twice");
}

static void headers_come_from_the_environment_and_from_files(void **state)
{
    (void)state;
    char path[] = "/tmp/ttp-token-XXXXXX";
    int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");
    fputs("secret in a file\r\n", file);
    fclose(file);
    setenv("TTP_TEST_TOKEN", "secret in the environment", 1);
    char json[256];
    snprintf(json, sizeof json,
             "{\"authorization\": \"env:TTP_TEST_TOKEN\", \"x-key\": \"file:%s\", \"x-plain\": "
             "\"literal\"}",
             path);
    struct loaded loaded;
    load(&loaded, flag("--metadata", json));
    assert_int_equal(loaded.code, OK);
    assert_int_equal(loaded.options.metadata.count, 3);
    assert_string_equal(loaded.options.metadata.items[0].value, "secret in the environment");
    assert_string_equal(loaded.options.metadata.items[1].value, "secret in a file");
    assert_string_equal(loaded.options.metadata.items[2].value, "literal");
    assert_true(loaded.options.metadata.items[0].can_be_read_again);
    assert_true(loaded.options.metadata.items[1].can_be_read_again);
    assert_false(loaded.options.metadata.items[2].can_be_read_again);
    char shown[OPTION_VALUE_BYTES];
    option_value_text(&loaded.options, option_find_flag("--metadata"), shown);
    assert_null(strstr(shown, "secret"));
    assert_null(strstr(shown, "literal"));
    assert_non_null(strstr(shown, "env:TTP_TEST_TOKEN"));
    loaded_release(&loaded);
    remove(path);
    unsetenv("TTP_TEST_TOKEN");
}

static void a_secret_in_the_configuration_itself_is_warned_of_once_and_not_shown(void **state)
{
    (void)state;
    struct loaded loaded;
    setenv("TTP_TEST_TOKEN", "x", 1);
    load(&loaded,
         flag("--metadata",
              "{\"authorization\": \"Bearer s3cret\", \"x-api-key\": \"s3cret\", \"cookie\": "
              "\"a=s3cret\", \"x-auth-token\": \"s3cret\", \"x-team\": \"lakes\", "
              "\"x-other-token\": \"env:TTP_TEST_TOKEN\"}"));
    assert_int_equal(loaded.code, OK);
    assert_int_equal(loaded.warnings.count, 1);
    assert_true(problems_contain(&loaded.warnings,
                                 "--metadata: the value of authorization, x-api-key, cookie, "
                                 "x-auth-token stands there"));
    assert_true(problems_contain(&loaded.warnings, "write file:PATH or env:NAME in its place"));
    assert_false(problems_contain(&loaded.warnings, "s3cret"));
    assert_false(problems_contain(&loaded.warnings, "x-team"));
    assert_false(problems_contain(&loaded.warnings, "x-other-token"));
    loaded_release(&loaded);
    unsetenv("TTP_TEST_TOKEN");
}

static void a_line_end_in_a_value_begins_no_other_problem(void **state)
{
    (void)state;
    struct loaded loaded;
    load(&loaded, flag("--network", "x\nparquet-consumer: all is well\x1b[2J"));
    assert_int_equal(loaded.code, ERR_INVALID);
    assert_int_equal(loaded.problems.count, 1);
    assert_true(problems_contain(&loaded.problems, "x?parquet-consumer: all is well?[2J"));
    loaded_release(&loaded);
}

static void a_header_from_a_pipe_is_read_once_and_kept(void **state)
{
    (void)state;
    int ends[2];
    char json[64];
    struct loaded loaded;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "from a pipe\n", 12), 12);
    close(ends[1]);
    snprintf(json, sizeof json, "{\"x-key\": \"file:/dev/fd/%d\"}", ends[0]);
    load(&loaded, flag("--metadata", json));
    assert_int_equal(loaded.code, OK);
    assert_string_equal(loaded.options.metadata.items[0].value, "from a pipe");
    assert_false(loaded.options.metadata.items[0].can_be_read_again);
    loaded_release(&loaded);
    close(ends[0]);
}

static void headers_that_cannot_be_sent_are_refused(void **state)
{
    (void)state;
    assert_refused(flag("--metadata", "{\"x\": \"env:TTP_NO_SUCH_VARIABLE\"}"), 1, "is not set");
    assert_refused(flag("--metadata", "{\"x\": \"file:/no/such/file\"}"), 1, "/no/such/file");
    assert_refused(flag("--metadata", "{\"X-Key\": \"v\"}"), 1, "can't be a request header");
    assert_refused(flag("--metadata", "{\"grpc-timeout\": \"1S\"}"), 1,
                   "can't be a request header");
    /* What gRPC sets itself: refused by check-config as by run, before anything is made. */
    assert_refused(flag("--metadata", "{\"content-length\": \"1\"}"), 1,
                   "can't be a request header");
    assert_refused(flag("--metadata", "{\"x\": \" a\"}"), 1, "without spaces at its ends");
    assert_refused(flag("--metadata", "{\"x\": 1}"), 1, "must be a text");
    assert_refused(flag("--metadata", "{\"x\": \"a\\nb\"}"), 1, "not printable ASCII");
    assert_refused(flag("--metadata", "[]"), 1, "must be a JSON object");
}

static void a_file_that_is_not_there_is_named(void **state)
{
    (void)state;
    struct options options;
    struct problems problems;
    options_init(&options);
    problems_init(&problems);
    const struct option_sources sources = {.config_path = "/no/such/config.json"};
    assert_int_equal(options_load(&options, &sources, &problems, &problems), ERR_INVALID);
    assert_true(problems_contain(&problems, "/no/such/config.json"));
    assert_int_equal(problems.count, 1);
    options_release(&options);
    problems_release(&problems);
}

static void the_range_may_stand_behind_the_options(void **state)
{
    (void)state;
    struct loaded loaded;
    load(&loaded, (struct load_request){.arguments = {"16M:+1000"}});
    assert_int_equal(loaded.code, OK);
    assert_int_equal(loaded.options.start_ledger, 16000000);
    assert_int_equal(loaded.options.end_ledger, 16000999);
    loaded_release(&loaded);
    load(&loaded, (struct load_request){.flags = {{"--end-ledger", "500"}}, .arguments = {"400"}});
    assert_int_equal(loaded.code, OK);
    assert_int_equal(loaded.options.start_ledger, 400);
    assert_int_equal(loaded.options.end_ledger, 500);
    loaded_release(&loaded);
    assert_refused(
        (struct load_request){.flags = {{"--start-ledger", "1"}}, .arguments = {"1", "2"}}, 1,
        "given twice");
    assert_refused((struct load_request){.arguments = {"here"}}, 1, "is not a ledger number");
}

/* Lists of choices in the table stand for the enums and versions of other rooms. */
static void choices_are_in_the_order_of_their_enums(void **state)
{
    (void)state;
    const struct option *codec = &option_table[option_find_flag("--compression-codec")];
    for (int i = 0; codec->choices[i] != NULL; i++)
        assert_string_equal(codec->choices[i], parquet_codec_name((enum parquet_codec)i));
    const struct option *scheme = &option_table[option_find_flag("--partitioning-scheme")];
    for (int i = 0; scheme->choices[i] != NULL; i++)
        assert_string_equal(scheme->choices[i],
                            partitioning_scheme_name((enum partitioning_scheme)i));
    const struct option *verify = &option_table[option_find_flag("--verify-files")];
    assert_string_equal(verify->choices[PARQUET_VERIFY_OFF], "off");
    assert_string_equal(verify->choices[PARQUET_VERIFY_FOOTER], "footer");
    assert_string_equal(verify->choices[PARQUET_VERIFY_PAGES], "pages");
    assert_string_equal(verify->choices[PARQUET_VERIFY_VALUES], "values");
    assert_null(verify->choices[PARQUET_VERIFY_VALUES + 1]);
    const struct option *version = &option_table[option_find_flag("--schema-version")];
    size_t count = 0;
    for (; version->choices[count] != NULL; count++)
        assert_string_equal(version->choices[count], row_schemas[count].version);
    assert_int_equal(count, row_schema_count);
    const struct option *level = &option_table[option_find_flag("--log-level")];
    assert_string_equal(level->choices[LOG_DEBUG], "debug");
    assert_string_equal(level->choices[LOG_INFO], "info");
    assert_string_equal(level->choices[LOG_WARN], "warn");
    assert_string_equal(level->choices[LOG_ERROR], "error");
    assert_null(level->choices[LOG_ERROR + 1]);
    const struct option *format = &option_table[option_find_flag("--log-format")];
    assert_string_equal(format->choices[LOG_FORMAT_AUTO], "auto");
    assert_string_equal(format->choices[LOG_FORMAT_JSON], "json");
    assert_string_equal(format->choices[LOG_FORMAT_TEXT], "text");
    assert_null(format->choices[LOG_FORMAT_TEXT + 1]);
}

static void every_option_has_its_own_flag_variable_and_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < option_count; i++) {
        char name[OPTION_NAME_BYTES];
        option_flag(&option_table[i], name);
        assert_int_equal(option_find_flag(name), i);
        option_variable(&option_table[i], name);
        assert_int_equal(option_find_variable(name), i);
        assert_int_equal(option_index(option_table[i].offset), i);
        assert_int_equal(option_find_key(option_table[i].section, option_table[i].key), i);
    }
}

/* `parquet-consumer help --markdown > docs/CONFIGURATION.md` makes it anew. */
static void the_documentation_is_what_the_table_makes(void **state)
{
    (void)state;
    struct buffer made;
    struct buffer kept;
    struct error error;
    buffer_init(&made);
    buffer_init(&kept);
    assert_int_equal(help_markdown(&made), OK);
    assert_int_equal(
        os_read_whole(TTP_TEST_DATA "/../../docs/CONFIGURATION.md", 1 << 20, &kept, &error), OK);
    assert_true(bytes_equal(buffer_view(&made), buffer_view(&kept)));
    buffer_release(&made);
    buffer_release(&kept);
}

static void help_fits_80_columns(void **state)
{
    (void)state;
    struct buffer text;
    buffer_init(&text);
    assert_int_equal(help_overview(&command_table, &text), OK);
    for (size_t i = 0; i < command_table.count; i++)
        assert_int_equal(help_command(&command_table.items[i], &text), OK);
    size_t column = 0;
    for (size_t i = 0; i < text.size_bytes; i++) {
        column = text.data[i] == '\n' ? 0 : column + 1;
        if (column > 80)
            fail_msg("a line of the help is too long: %.*s", 90, text.data + i - 80);
    }
    buffer_release(&text);
}

static void any_failed_allocation_ends_the_load_cleanly(void **state)
{
    (void)state;
    const struct load_request request = {
        .config = "{\"consumer\": {\"batch_size\": 7, \"metadata\": {\"a\": \"b\"}}}",
        .flags = {{"--metadata", "{\"x\": \"y\"}"}}};
    struct allocation_sweep sweep = {0};
    json_text_use_our_memory();
    while (sweep_next(&sweep)) {
        struct loaded loaded;
        sweep_begin(&sweep);
        load(&loaded, request);
        (void)sweep_end(&sweep, loaded.code);
        loaded_release(&loaded);
    }
    assert_true(sweep.failures > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_given_means_the_defaults),
        cmocka_unit_test(several_streams_bring_memory_and_the_length_of_their_pieces),
        cmocka_unit_test(the_plans_configuration_works_as_it_stands),
        cmocka_unit_test(a_flag_wins_over_the_environment_and_that_over_the_file),
        cmocka_unit_test(aliases_of_the_ecosystem_stand_behind_our_own_variables),
        cmocka_unit_test(unknown_variables_and_flowctl_only_warn),
        cmocka_unit_test(what_kubernetes_says_of_services_is_never_taken_for_ours),
        cmocka_unit_test(our_own_ports_and_names_are_no_links_to_services),
        cmocka_unit_test(malformed_json_is_told_with_line_and_column),
        cmocka_unit_test(unknown_keys_name_line_and_nearest_key),
        cmocka_unit_test(keys_inside_values_are_no_keys_of_ours),
        cmocka_unit_test(values_of_the_wrong_type_say_what_is_wanted),
        cmocka_unit_test(a_ledger_that_none_can_follow_is_refused),
        cmocka_unit_test(an_empty_give_up_after_is_never),
        cmocka_unit_test(all_errors_of_a_file_are_told_at_once),
        cmocka_unit_test(each_kind_of_bad_value_says_how_to_write_it),
        cmocka_unit_test(endpoints_are_host_and_port),
        cmocka_unit_test(levels_are_checked_by_their_codec),
        cmocka_unit_test(values_that_contradict_each_other_are_refused),
        cmocka_unit_test(files_of_tls_want_tls_and_a_certificate_its_key),
        cmocka_unit_test(schema_options_are_taken_at_the_top_level_too),
        cmocka_unit_test(headers_come_from_the_environment_and_from_files),
        cmocka_unit_test(a_secret_in_the_configuration_itself_is_warned_of_once_and_not_shown),
        cmocka_unit_test(a_line_end_in_a_value_begins_no_other_problem),
        cmocka_unit_test(a_header_from_a_pipe_is_read_once_and_kept),
        cmocka_unit_test(headers_that_cannot_be_sent_are_refused),
        cmocka_unit_test(a_file_that_is_not_there_is_named),
        cmocka_unit_test(the_range_may_stand_behind_the_options),
        cmocka_unit_test(choices_are_in_the_order_of_their_enums),
        cmocka_unit_test(every_option_has_its_own_flag_variable_and_place),
        cmocka_unit_test(the_documentation_is_what_the_table_makes),
        cmocka_unit_test(help_fits_80_columns),
        cmocka_unit_test(any_failed_allocation_ends_the_load_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
