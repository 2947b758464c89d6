// SPDX-License-Identifier: Apache-2.0
#include "config/option_check.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "database/location.h"
#include "config/option_table.h"
#include "config/option_value.h"
#include "parquet/codec.h"
#include "parquet/writer.h"
#include "source/credentials.h"
#include "util/text.h"

/* A quarter of memory_limit: a message is held twice while it is read and stored. */
#define MESSAGE_SHARE 4

static void report(const struct options *options, struct problems *problems, size_t offset,
                   const char *sentence)
{
    int index = option_index(offset);
    char place[OPTION_PLACE_BYTES];
    options_place(options, index, place);
    problems_add(problems, "%s: \"%.200s\": %s", place, options->texts[index], sentence);
}

#define REPORT(field, sentence)                                                                    \
    report(options, problems, offsetof(struct options, field), (sentence))

bool options_endpoint_is_good(const char *endpoint)
{
    const char *colon = strrchr(endpoint, ':');
    uint32_t port;
    if (colon == NULL || colon == endpoint || !text_parse_u32(bytes_view_text(colon + 1), &port) ||
        port == 0 || port > 65535)
        return false;
    size_t host_bytes = (size_t)(colon - endpoint);
    if (endpoint[0] == '[') {
        char address[INET6_ADDRSTRLEN];
        struct in6_addr parsed;
        if (endpoint[host_bytes - 1] != ']' || host_bytes - 2 >= sizeof address)
            return false;
        memcpy(address, endpoint + 1, host_bytes - 2);
        address[host_bytes - 2] = '\0';
        return inet_pton(AF_INET6, address, &parsed) == 1;
    }
    for (size_t i = 0; i < host_bytes; i++) {
        if (!isalnum((unsigned char)endpoint[i]) && strchr("-._", endpoint[i]) == NULL)
            return false;
    }
    return host_bytes <= 253;
}

static bool network_is_good(const char *network)
{
    size_t length = strlen(network);
    for (size_t i = 0; i < length; i++) {
        if (!islower((unsigned char)network[i]) && !isdigit((unsigned char)network[i]) &&
            network[i] != '_' && network[i] != '-')
            return false;
    }
    return length <= 64;
}

static bool address_is_good(const char *address)
{
    struct in_addr v4;
    struct in6_addr v6;
    return inet_pton(AF_INET, address, &v4) == 1 || inet_pton(AF_INET6, address, &v6) == 1;
}

static bool header_text_is_good(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text < 0x21 || *text > 0x7e)
            return false;
    }
    return true;
}

static bool has_parent_part(const char *path)
{
    while (*path != '\0') {
        size_t part = strcspn(path, "/");
        if (part == 2 && path[0] == '.' && path[1] == '.')
            return true;
        path += part + (path[part] == '/');
    }
    return false;
}

/* What is the same whichever store a lake has is checked with the rest. */
static void check_object_store(const struct options *options, struct problems *problems)
{
    static const char sqlite[] = "sqlite:";
    bool is_sqlite = strncmp(options->catalog, sqlite, sizeof sqlite - 1) == 0;
    bool is_object_store = strncmp(options->output_path, "s3://", 5) == 0;
    if (is_sqlite && !is_object_store)
        REPORT(catalog, "a lake in a folder keeps its SQLite catalog in that folder: leave it "
                        "empty");
    if (!is_object_store)
        return;
    if (options->catalog[0] == '\0')
        REPORT(output_path, "an object store can't hold the catalog: say where it is with "
                            "--catalog, postgres:CONNINFO or sqlite:PATH, a file on a local disk");
    if (options->staging_path[0] == '\0')
        REPORT(staging_path, "the path must not be empty");
    if (options->s3_endpoint[0] != '\0' && strncmp(options->s3_endpoint, "http://", 7) != 0 &&
        strncmp(options->s3_endpoint, "https://", 8) != 0)
        REPORT(s3_endpoint, "the endpoint must begin with https:// or http://");
}

static void check_texts(const struct options *options, struct problems *problems)
{
    if (!options_endpoint_is_good(options->ttp_processor_endpoint))
        REPORT(ttp_processor_endpoint,
               "the endpoint must be HOST:PORT, such as localhost:50051 or [::1]:50051, without "
               "http://");
    if (!network_is_good(options->network))
        REPORT(network, "a network's name has at most 64 characters of a-z, 0-9, _ and -, such as "
                        "pubnet or testnet");
    if (options->service_name[0] == '\0' || !header_text_is_good(options->service_name))
        REPORT(service_name, "the name must be printable ASCII without spaces");
    if (!header_text_is_good(options->service_version))
        REPORT(service_version, "the version must be printable ASCII without spaces");
    if (options->output_path[0] == '\0')
        REPORT(output_path, "the path must not be empty");
    const char *fault = database_location_fault(options->catalog, options->catalog_schema);
    if (fault != NULL)
        REPORT(catalog, fault);
    bool may_be_url = strncmp(options->output_path, "s3://", 5) == 0;
    if (options->reader_data_path[0] != '\0' && options->reader_data_path[0] != '/' &&
        !(may_be_url && strstr(options->reader_data_path, "://") != NULL))
        REPORT(reader_data_path, "the path must be absolute: readers resolve it where they run");
    if (has_parent_part(options->reader_data_path))
        REPORT(reader_data_path, "the path must not have \"..\" in it: DuckDB compares paths as "
                                 "texts; name the folder itself");
    if (!address_is_good(options->bind_address))
        REPORT(bind_address, "the address must be an IPv4 or IPv6 address, such as 127.0.0.1, "
                             "0.0.0.0 or ::");
}

static void check_level(const struct options *options, struct problems *problems)
{
    int least;
    int most;
    enum parquet_codec codec = (enum parquet_codec)options->compression_codec;
    parquet_codec_levels(codec, &least, &most);
    int level = (int)options->compression_level;
    if ((least == 0 && most == 0) || (level >= least && level <= most))
        return;
    char sentence[128];
    snprintf(sentence, sizeof sentence, "%s has levels from %d to %d, not %d",
             parquet_codec_name(codec), least, most, level);
    REPORT(compression_level, sentence);
}

static void check_pairs(const struct options *options, struct problems *problems)
{
    char sentence[256];
    if (options->end_ledger != 0 && options->end_ledger < options->start_ledger) {
        snprintf(sentence, sizeof sentence,
                 "END %u lies below START %u; write END 0 to follow the chain",
                 (unsigned)options->end_ledger, (unsigned)options->start_ledger);
        REPORT(end_ledger, sentence);
    }
    if (options->end_ledger == UINT32_MAX || options->start_ledger == UINT32_MAX) {
        const char *last = "the highest ledger that can be complete is 4294967294: none follows "
                           "4294967295";
        if (options->end_ledger == UINT32_MAX)
            REPORT(end_ledger, last);
        if (options->start_ledger == UINT32_MAX)
            REPORT(start_ledger, last);
    }
    check_level(options, problems);
    if (options->retry_initial_us > options->retry_max_us)
        REPORT(retry_initial_us, "retry_initial must not be longer than retry_max");
    if (options->max_message_size_bytes > options->memory_limit_bytes / MESSAGE_SHARE /
                                              (options->streams != 0 ? options->streams : 1))
        REPORT(max_message_size_bytes, "a message may take a quarter of memory_limit at most: "
                                       "lower max_message_size or raise memory_limit");
    if (options->health_port != 0 && options->health_port == options->metrics_port)
        REPORT(metrics_port, "health_port and metrics_port must differ; 0 turns one off");
}

/* What the files hold is looked at by whoever connects. */
static void check_tls(const struct options *options, struct problems *problems)
{
    const struct {
        size_t offset;
        const char *value;
    } texts[] = {{offsetof(struct options, tls_ca_file), options->tls_ca_file},
                 {offsetof(struct options, tls_cert_file), options->tls_cert_file},
                 {offsetof(struct options, tls_key_file), options->tls_key_file},
                 {offsetof(struct options, tls_server_name), options->tls_server_name}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (!options->tls && texts[i].value[0] != '\0')
            report(options, problems, texts[i].offset, "it is of use with tls true only");
    }
    if (options->tls_cert_file[0] != '\0' && options->tls_key_file[0] == '\0')
        REPORT(tls_cert_file, "a certificate needs its key: tls_key_file");
    if (options->tls_key_file[0] != '\0' && options->tls_cert_file[0] == '\0')
        REPORT(tls_key_file, "a key needs its certificate: tls_cert_file");
}

void options_check(const struct options *options, struct problems *problems)
{
    check_texts(options, problems);
    check_object_store(options, problems);
    check_pairs(options, problems);
    check_tls(options, problems);
}

/* Whether a header of this name usually holds a secret. */
static bool holds_a_secret(const char *name)
{
    static const char *const parts[] = {"authorization", "cookie", "token",    "api-key",
                                        "api_key",       "apikey", "password", "secret"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (strcasestr(name, parts[i]) != NULL)
            return true;
    return false;
}

void options_warn(const struct options *options, struct problems *warnings)
{
    char names[256] = "", place[OPTION_PLACE_BYTES];
    for (size_t i = 0; i < options->metadata.count; i++) {
        const struct option_header *header = &options->metadata.items[i];
        size_t used = strlen(names);
        if (!credential_is_reference(header->source) && holds_a_secret(header->name))
            snprintf(names + used, sizeof names - used, "%s%.64s", used > 0 ? ", " : "",
                     header->name);
    }
    if (names[0] == '\0')
        return;
    options_place(options, option_index(offsetof(struct options, metadata)), place);
    problems_add(warnings,
                 "%s: the value of %s stands there for everybody who can read it; write file:PATH "
                 "or env:NAME in its place",
                 place, names);
}
