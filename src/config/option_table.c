// SPDX-License-Identifier: Apache-2.0
#include "config/option_table.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "rows/schema.h"
#include "util/text.h"

#define ENVIRONMENT_PREFIX "PARQUET_CONSUMER_"

#define KIB         1024
#define MIB         (1024 * KIB)
#define GIB         (INT64_C(1024) * MIB)
#define SECONDS     US_PER_SECOND
#define HOURS       (3600 * SECONDS)
#define DAYS        (24 * HOURS)
#define NO_LIMITS   0, 0
#define NO_CHOICES  NULL
#define FIELD(name) offsetof(struct options, name)

static const char *const schemes[] = {"date", "date_hour", "date_hour_type", "simple", NULL};
static const char *const codecs[] = {"none", "snappy", "gzip", "lz4", "zstd", "brotli", NULL};
static const char *const profiles[] = {"compatible", "compact", NULL};
static const char *const verify_levels[] = {"off", "footer", "pages", "values", NULL};
static const char *const poison_policies[] = {"stop", "skip", NULL};
static const char *const gap_policies[] = {"warn", "fail", NULL};
static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};
static const char *const log_formats[] = {"auto", "json", "text", NULL};

const char *const option_sections[] = {"service", "consumer", "output", "monitoring"};
const size_t option_section_count = sizeof option_sections / sizeof option_sections[0];

/* section, key, kind, place, default, its note, min, max, choices, placeholder, help, alias */
const struct option option_table[] = {
    {"service", "name", OPTION_TEXT, FIELD(service_name), "ttp-parquet-consumer", NULL, NO_LIMITS,
     NO_CHOICES, "NAME", "Name of this service in logs and in the request's user agent", NULL},
    {"service", "version", OPTION_TEXT, FIELD(service_version), "1.0.0", NULL, NO_LIMITS,
     NO_CHOICES, "VERSION", "Version of the deployment, as you count it", NULL},

    {"consumer", "ttp_processor_endpoint", OPTION_TEXT, FIELD(ttp_processor_endpoint),
     "localhost:50051", NULL, NO_LIMITS, NO_CHOICES, "HOST:PORT",
     "The ttp-processor whose events are stored", "TTP_SERVICE_ADDRESS"},
    {"consumer", "start_ledger", OPTION_LEDGER, FIELD(start_ledger), "0", NULL, NO_LIMITS,
     NO_CHOICES, "LEDGER",
     "First ledger wanted; 0 goes on behind the lake's newest ledger, or starts an empty lake "
     "where "
     "the server starts",
     "START_LEDGER"},
    {"consumer", "end_ledger", OPTION_LEDGER, FIELD(end_ledger), "0", NULL, NO_LIMITS, NO_CHOICES,
     "LEDGER", "Last ledger wanted, inclusive; 0 follows the chain for ever", "END_LEDGER"},
    {"consumer", "batch_size", OPTION_NUMBER, FIELD(batch_size), "1000", NULL, 1, 1000000,
     NO_CHOICES, "ROWS", "Rows of complete ledgers that may wait before they go to the encoder",
     "BATCH_SIZE"},
    {"consumer", "flush_interval", OPTION_DURATION, FIELD(flush_interval_us), "30s", NULL,
     SECONDS / 100, DAYS, NO_CHOICES, "DURATION",
     "How long rows of complete ledgers may wait before they go to the encoder", NULL},
    {"consumer", "network", OPTION_TEXT, FIELD(network), "", NULL, NO_LIMITS, NO_CHOICES, "NAME",
     "Network of the events, such as pubnet or testnet; kept in the lake, and a lake of another "
     "network is refused",
     "STELLAR_NETWORK"},
    {"consumer", "connect_timeout", OPTION_DURATION, FIELD(connect_timeout_us), "10s", NULL,
     SECONDS / 10, HOURS, NO_CHOICES, "DURATION",
     "Time for a connection, the server's HTTP/2 greeting included", NULL},
    {"consumer", "idle_timeout", OPTION_DURATION, FIELD(idle_timeout_us), "90s", NULL, SECONDS / 10,
     DAYS, NO_CHOICES, "DURATION",
     "Silence after which the stream is opened anew; doubles with each silent try, up to 1h", NULL},
    {"consumer", "retry_initial", OPTION_DURATION, FIELD(retry_initial_us), "500ms", NULL,
     SECONDS / 1000, HOURS, NO_CHOICES, "DURATION",
     "Wait before the first retry; it doubles, with "
     "jitter",
     NULL},
    {"consumer", "retry_max", OPTION_DURATION, FIELD(retry_max_us), "30s", NULL, SECONDS / 1000,
     DAYS, NO_CHOICES, "DURATION", "Longest wait between two tries", NULL},
    {"consumer", "max_attempts", OPTION_NUMBER, FIELD(max_attempts), "10", NULL, 1, 1000000,
     NO_CHOICES, "TRIES",
     "Failed tries on one ledger before it is found out whether that ledger or the server is at "
     "fault",
     NULL},
    {"consumer", "on_poison_ledger", OPTION_CHOICE, FIELD(on_poison_ledger), "stop", NULL,
     NO_LIMITS, poison_policies, "POLICY",
     "What to do with a ledger that the server can't send: stop, or skip it and leave it uncovered",
     NULL},
    {"consumer", "on_gap", OPTION_CHOICE, FIELD(on_gap), "warn", NULL, NO_LIMITS, gap_policies,
     "POLICY",
     "What to do with ledgers of which no event came, nor when they were asked for once more, "
     "where "
     "nearly each ledger before had some: warn, or fail before they are covered",
     NULL},
    {"consumer", "give_up_after", OPTION_DURATION, FIELD(give_up_after_us), "", "never", SECONDS,
     365 * DAYS, NO_CHOICES, "DURATION",
     "Time without a further ledger after which a bounded run publishes what is complete and ends "
     "with exit 1; a live run never gives up",
     NULL},
    {"consumer", "streams", OPTION_NUMBER, FIELD(streams), "1", NULL, 1, 16, NO_CHOICES, "COUNT",
     "Streams that fetch what is missing side by side, each over a connection of its own; of a "
     "live "
     "run one follows the chain, the others fill what is missing below it",
     NULL},
    {"consumer", "lease_ledgers", OPTION_NUMBER, FIELD(lease_ledgers), "0",
     "0: by scheme, 16384 for date_hour and date_hour_type, 131072 for date and simple", 0,
     100000000, NO_CHOICES, "LEDGERS",
     "Length of the pieces that several streams share out; they end before multiples of it", NULL},
    {"consumer", "lease_ttl", OPTION_DURATION, FIELD(lease_ttl_us), "60s", NULL, SECONDS, HOURS,
     NO_CHOICES, "DURATION",
     "Where several processes fill one lake (a catalog in PostgreSQL, files in an object store): "
     "how "
     "long one that does not answer keeps its pieces, and the live one its place, before another "
     "takes over; renewed at a third of it",
     NULL},
    {"consumer", "max_message_size", OPTION_SIZE, FIELD(max_message_size_bytes), "4MiB", NULL, KIB,
     GIB, NO_CHOICES, "SIZE", "Largest event message taken", NULL},
    {"consumer", "tls", OPTION_BOOLEAN, FIELD(tls), "false", NULL, NO_LIMITS, NO_CHOICES, "BOOL",
     "Speak TLS to the server", NULL},
    {"consumer", "tls_ca_file", OPTION_TEXT, FIELD(tls_ca_file), "", NULL, NO_LIMITS, NO_CHOICES,
     "FILE", "Certificate authorities to trust (PEM); empty: the system's", NULL},
    {"consumer", "tls_cert_file", OPTION_TEXT, FIELD(tls_cert_file), "", NULL, NO_LIMITS,
     NO_CHOICES, "FILE", "Client certificate (PEM)", NULL},
    {"consumer", "tls_key_file", OPTION_TEXT, FIELD(tls_key_file), "", NULL, NO_LIMITS, NO_CHOICES,
     "FILE", "Key of the client certificate (PEM)", NULL},
    {"consumer", "tls_server_name", OPTION_TEXT, FIELD(tls_server_name), "", NULL, NO_LIMITS,
     NO_CHOICES, "NAME", "Name to expect in the server's certificate; empty: the endpoint's host",
     NULL},
    {"consumer", "metadata", OPTION_HEADERS, FIELD(metadata), "{}", NULL, NO_LIMITS, NO_CHOICES,
     "JSON",
     "Extra request headers, an object of texts; a value may be env:NAME or file:PATH, read anew "
     "for each request",
     NULL},

    {"output", "output_path", OPTION_TEXT, FIELD(output_path), "./data/parquet", NULL, NO_LIMITS,
     NO_CHOICES, "FOLDER", "The lake: a folder, or s3://BUCKET/PREFIX", NULL},
    {"output", "catalog", OPTION_TEXT, FIELD(catalog), "", "in the lake's folder", NO_LIMITS,
     NO_CHOICES, "PLACE",
     "Where the catalog is made that says what is in the lake: postgres:CONNINFO, with the "
     "password "
     "where libpq looks for it, or sqlite:PATH, a file on a local disk; a folder's lake keeps it",
     NULL},
    {"output", "catalog_schema", OPTION_TEXT, FIELD(catalog_schema), "", "public", NO_LIMITS,
     NO_CHOICES, "NAME", "Schema of the catalog's tables in PostgreSQL, made if it is not there",
     NULL},
    {"output", "s3_endpoint", OPTION_TEXT, FIELD(s3_endpoint), "",
     "AWS_ENDPOINT_URL_S3, else Amazon's", NO_LIMITS, NO_CHOICES, "URL",
     "The object store: https:// or http://, and HOST[:PORT]", NULL},
    {"output", "s3_region", OPTION_TEXT, FIELD(s3_region), "",
     "AWS_REGION, the profile's, else us-east-1", NO_LIMITS, NO_CHOICES, "REGION",
     "Region of the bucket", NULL},
    {"output", "s3_path_style", OPTION_BOOLEAN, FIELD(s3_path_style), "false", NULL, NO_LIMITS,
     NO_CHOICES, "BOOL",
     "Name the bucket in the path (ENDPOINT/BUCKET/KEY), as most stores but Amazon's want it",
     NULL},
    {"output", "staging_path", OPTION_TEXT, FIELD(staging_path), "./data/staging", NULL, NO_LIMITS,
     NO_CHOICES, "FOLDER",
     "Folder on a local disk in which files for s3:// are written and checked before they are put",
     NULL},
    {"output", "require_lake", OPTION_BOOLEAN, FIELD(require_lake), "false", NULL, NO_LIMITS,
     NO_CHOICES, "BOOL",
     "Refuse to make a new lake: for a volume that may not be mounted, once the lake is there",
     NULL},
    {"output", "compact_closed", OPTION_BOOLEAN, FIELD(compact_closed), "false", NULL, NO_LIMITS,
     NO_CHOICES, "BOOL",
     "Let a live run put the small files of each closed partition into few, as `compact` does",
     NULL},
    {"output", "retention", OPTION_DURATION, FIELD(retention_us), "", "keep all", HOURS,
     36500 * DAYS, NO_CHOICES, "DURATION",
     "Age, counted from the newest ledger, at which whole commits leave the lake; a live run looks "
     "once an hour, and `prune` at once",
     NULL},
    {"output", "snapshot_retention", OPTION_DURATION, FIELD(snapshot_retention_us), "", "keep all",
     SECONDS, 36500 * DAYS, NO_CHOICES, "DURATION",
     "Age, counted from the newest one, at which snapshots end and the files that only they needed "
     "are deleted; a live run looks once an hour, and `expire` at once",
     NULL},
    {"output", "reader_data_path", OPTION_TEXT, FIELD(reader_data_path), "", NULL, NO_LIMITS,
     NO_CHOICES, "FOLDER",
     "Absolute path of the lake as its readers see it, where that differs (a container's host)",
     NULL},
    {"output", "partitioning_scheme", OPTION_CHOICE, FIELD(partitioning_scheme), "date_hour", NULL,
     NO_LIMITS, schemes, "SCHEME", "Folders by which the files are sorted; fixed for a lake", NULL},
    {"output", "max_file_size", OPTION_SIZE, FIELD(max_file_size_bytes), "134217728", NULL, KIB,
     1024 * GIB, NO_CHOICES, "SIZE", "Size of a file, compressed, at which it is closed", NULL},
    {"output", "max_file_age", OPTION_DURATION, FIELD(max_file_age_us), "1h", NULL, SECONDS / 100,
     30 * DAYS, NO_CHOICES, "DURATION", "Age at which open files are published", NULL},
    {"output", "compression_codec", OPTION_CHOICE, FIELD(compression_codec), "snappy", NULL,
     NO_LIMITS, codecs, "CODEC", "Compression of the columns (lz4 is Parquet's LZ4_RAW)", NULL},
    {"output", "compression_level", OPTION_NUMBER, FIELD(compression_level), "1", NULL, 0, 22,
     NO_CHOICES, "LEVEL",
     "Level of the codec: gzip 1-9, lz4 1-12, zstd 1-22, brotli 0-11; ignored for none and snappy",
     NULL},
    {"output", "row_group_rows", OPTION_NUMBER, FIELD(row_group_rows), "0",
     "0: the measured default, at most 1000000", 0, 100000000, NO_CHOICES, "ROWS",
     "Rows of a row group at most", NULL},
    {"output", "page_size", OPTION_SIZE, FIELD(page_size_bytes), "0", "0: the measured default", 0,
     GIB, NO_CHOICES, "SIZE", "Uncompressed bytes of a data page", NULL},
    {"output", "bloom_filters", OPTION_BOOLEAN, FIELD(bloom_filters), "true", NULL, NO_LIMITS,
     NO_CHOICES, "BOOL", "Write Bloom filters of hashes, accounts and contracts", NULL},
    {"output", "encoding_profile", OPTION_CHOICE, FIELD(encoding_profile), "compatible", NULL,
     NO_LIMITS, profiles, "PROFILE",
     "Encodings: compatible with every reader, or compact with delta encodings too", NULL},
    {"output", "schema_version", OPTION_TEXT, FIELD(schema_version), "1.0.0", NULL, NO_LIMITS,
     row_schema_versions, "VERSION", "Columns of a row; 1.1.0 keeps everything that an event says",
     NULL},
    {"output", "enable_schema_evolution", OPTION_BOOLEAN, FIELD(enable_schema_evolution), "true",
     NULL, NO_LIMITS, NO_CHOICES, "BOOL", "Let a lake go on under a newer schema_version", NULL},
    {"output", "memory_limit", OPTION_SIZE, FIELD(memory_limit_bytes), "192MiB",
     "192MiB; with several streams 96MiB and 64MiB for each", 64 * MIB, 1024 * GIB, NO_CHOICES,
     "SIZE", "Memory that the whole process may take", NULL},
    {"output", "encode_threads", OPTION_NUMBER, FIELD(encode_threads), "0",
     "0: cores - 1, from 1 to 4", 0, 64, NO_CHOICES, "THREADS",
     "Threads that encode and compress columns", NULL},
    {"output", "min_free_disk", OPTION_SIZE, FIELD(min_free_disk_bytes), "1GiB", NULL, 0,
     1024 * GIB, NO_CHOICES, "SIZE",
     "Free disk space below which writing pauses; where it is not 0, below 1000 free inodes, too",
     NULL},
    {"output", "verify_files", OPTION_CHOICE, FIELD(verify_files), "pages", NULL, NO_LIMITS,
     verify_levels, "LEVEL", "How much of a file is read back before it is published", NULL},
    {"output", "stop_timeout", OPTION_DURATION, FIELD(stop_timeout_us), "20s", NULL, 0, DAYS,
     NO_CHOICES, "DURATION", "Time to publish what is complete when told to stop", NULL},

    {"monitoring", "health_port", OPTION_NUMBER, FIELD(health_port), "8088", NULL, 0, 65535,
     NO_CHOICES, "PORT", "Port of /health and the status page; 0: off", "HEALTH_PORT"},
    {"monitoring", "metrics_port", OPTION_NUMBER, FIELD(metrics_port), "9090", NULL, 0, 65535,
     NO_CHOICES, "PORT", "Port of /metrics; 0: off", NULL},
    {"monitoring", "bind_address", OPTION_TEXT, FIELD(bind_address), "127.0.0.1", NULL, NO_LIMITS,
     NO_CHOICES, "ADDRESS", "Address of both ports", NULL},
    {"monitoring", "log_level", OPTION_CHOICE, FIELD(log_level), "info", NULL, NO_LIMITS,
     log_levels, "LEVEL", "Least level of the log lines written", NULL},
    {"monitoring", "log_format", OPTION_CHOICE, FIELD(log_format), "auto", NULL, NO_LIMITS,
     log_formats, "FORMAT", "Form of the log lines; auto: text on a terminal, else json", NULL},
};

const size_t option_count = sizeof option_table / sizeof option_table[0];
_Static_assert(sizeof option_table / sizeof option_table[0] <= OPTION_MAX, "raise OPTION_MAX");

void option_name(const struct option *option, char out[OPTION_NAME_BYTES])
{
    bool with_section = strcmp(option->section, "service") == 0;
    int length = snprintf(out, OPTION_NAME_BYTES, "%s%s%s", with_section ? option->section : "",
                          with_section ? "_" : "", option->key);
    assert(length > 0 && length < OPTION_NAME_BYTES);
}

void option_flag(const struct option *option, char out[OPTION_NAME_BYTES])
{
    char name[OPTION_NAME_BYTES];
    option_name(option, name);
    size_t at = 0;
    out[at++] = '-';
    out[at++] = '-';
    for (const char *from = name; *from != '\0' && at + 1 < OPTION_NAME_BYTES; from++)
        out[at++] = *from == '_' ? '-' : *from;
    out[at] = '\0';
}

void option_variable(const struct option *option, char out[OPTION_NAME_BYTES])
{
    char name[OPTION_NAME_BYTES];
    option_name(option, name);
    size_t at = strlen(ENVIRONMENT_PREFIX);
    memcpy(out, ENVIRONMENT_PREFIX, at);
    for (const char *from = name; *from != '\0' && at + 1 < OPTION_NAME_BYTES; from++)
        out[at++] = (char)toupper((unsigned char)*from);
    out[at] = '\0';
}

int option_find_key(const char *section, const char *key)
{
    for (size_t i = 0; i < option_count; i++) {
        if (strcmp(option_table[i].section, section) == 0 && strcmp(option_table[i].key, key) == 0)
            return (int)i;
    }
    return -1;
}

int option_find_flag(const char *flag)
{
    char name[OPTION_NAME_BYTES];
    for (size_t i = 0; i < option_count; i++) {
        option_flag(&option_table[i], name);
        if (strcmp(name, flag) == 0)
            return (int)i;
    }
    return -1;
}

int option_find_variable(const char *variable)
{
    char name[OPTION_NAME_BYTES];
    for (size_t i = 0; i < option_count; i++) {
        option_variable(&option_table[i], name);
        if (strcmp(name, variable) == 0)
            return (int)i;
    }
    return -1;
}

int option_index(size_t offset)
{
    for (size_t i = 0; i < option_count; i++) {
        if (option_table[i].offset == offset)
            return (int)i;
    }
    assert(!"no option has this place");
    return -1;
}

const char *nearest_name(const char *word, const char *const *names, size_t name_count)
{
    size_t length = strlen(word);
    size_t allowed = length < 3 ? 1 : length < 9 ? 2 : length / 3;
    size_t least = allowed + 1;
    const char *nearest = NULL;
    for (size_t i = 0; i < name_count; i++) {
        size_t name_length = strlen(names[i]);
        /* As many edits are needed as the lengths differ. */
        if (name_length > length + allowed || length > name_length + allowed)
            continue;
        size_t distance = text_edit_distance(word, names[i]);
        if (distance < least) {
            least = distance;
            nearest = names[i];
        }
    }
    return nearest;
}
