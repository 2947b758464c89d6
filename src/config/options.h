// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CONFIG_OPTIONS_H
#define TTP_CONFIG_OPTIONS_H

/*
 * The configuration in force: flag over environment over file over default, each value with where
 * it came from. Made once, before threads start; read-only after.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/arena.h"

#define OPTION_MAX 64 /* at least option_count: sizes of arrays by option */

enum option_origin_kind { ORIGIN_DEFAULT, ORIGIN_FILE, ORIGIN_ENVIRONMENT, ORIGIN_FLAG };

struct option_origin {
    enum option_origin_kind kind;
    const char *name; /* the file, variable or flag; NULL for a default */
    unsigned line;    /* in the file; 0 not known */
};

struct option_header {
    const char *name;   /* lower case */
    const char *source; /* as configured: env:NAME, file:PATH or the value itself */
    const char *value;  /* as it was read first; a secret as a rule: never printed */
    bool
        can_be_read_again; /* it stands in `source`, where a renewed one is found at each request */
};

struct option_headers {
    struct option_header *items;
    size_t count;
};

enum poison_policy { POISON_STOP, POISON_SKIP };
enum gap_policy { GAP_WARN, GAP_FAIL };

/* Units as in the names; choices are indices into the table's lists, in the order of the enums of
 * the rooms that take them (enum partitioning_scheme, parquet_codec, parquet_profile,
 * parquet_verify_level, log_level, log_format). */
struct options {
    const char *service_name;
    const char *service_version;

    const char *ttp_processor_endpoint;
    uint32_t start_ledger;
    uint32_t end_ledger;
    uint32_t batch_size;
    int64_t flush_interval_us;
    const char *network; /* mainnet and public have become pubnet */
    int64_t connect_timeout_us;
    int64_t idle_timeout_us;
    int64_t retry_initial_us;
    int64_t retry_max_us;
    uint32_t max_attempts;
    int on_poison_ledger;
    int on_gap;
    int64_t give_up_after_us; /* 0: never */
    uint32_t streams;
    uint32_t lease_ledgers; /* 0: options_lease_ledgers decides */
    int64_t lease_ttl_us;
    uint64_t max_message_size_bytes;
    bool tls;
    const char *tls_ca_file;
    const char *tls_cert_file;
    const char *tls_key_file;
    const char *tls_server_name;
    struct option_headers metadata;

    const char *output_path;
    const char *catalog; /* database/location.h; "": in the lake's folder */
    const char *catalog_schema;
    const char *s3_endpoint;
    const char *s3_region;
    bool s3_path_style;
    const char *staging_path;
    bool require_lake;
    bool compact_closed;
    int64_t retention_us;          /* 0: keep all */
    int64_t snapshot_retention_us; /* the same */
    const char *reader_data_path;
    int partitioning_scheme;
    uint64_t max_file_size_bytes;
    int64_t max_file_age_us;
    int compression_codec;
    uint32_t compression_level;
    uint32_t row_group_rows;
    uint64_t page_size_bytes;
    bool bloom_filters;
    int encoding_profile;
    const char *schema_version;
    bool enable_schema_evolution;
    uint64_t memory_limit_bytes;
    uint32_t encode_threads;
    uint64_t min_free_disk_bytes;
    int verify_files;
    int64_t stop_timeout_us;

    uint32_t health_port;
    uint32_t metrics_port;
    const char *bind_address;
    int log_level;
    int log_format;

    const char *config_path;       /* the file that was named; NULL: none */
    const char *texts[OPTION_MAX]; /* each value as it was given (headers: a JSON object) */
    struct option_origin origins[OPTION_MAX];
    struct arena arena; /* holds the texts */
};

/* Of how many ledgers the pieces are that several streams share out. */
uint32_t options_lease_ledgers(const struct options *options);

void options_init(struct options *options);
void options_release(struct options *options);

#endif
