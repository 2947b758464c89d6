// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_ROWS_PARTITION_H
#define TTP_ROWS_PARTITION_H

/* Partitioning schemes and the paths they make (design section 4). All in UTC, of the row's own
 * time. */

#include <stdbool.h>
#include <stdint.h>

#include "pb/event.h"
#include "util/error.h"

enum partitioning_scheme {
    PARTITION_DATE,
    PARTITION_DATE_HOUR,
    PARTITION_DATE_HOUR_TYPE,
    PARTITION_SIMPLE
};

bool partitioning_scheme_parse(const char *name, enum partitioning_scheme *scheme) MUST_CHECK;
const char *partitioning_scheme_name(enum partitioning_scheme scheme);

/* Which file a row belongs to: the start of its UTC hour or day, and its type where the scheme asks
 * for it (else EVENT_NONE). */
struct partition_key {
    int64_t start_us; /* of the hour (date_hour*) or the day (date, simple) */
    enum event_type type;
};

struct partition_key partition_key_of(enum partitioning_scheme scheme, int64_t timestamp_us,
                                      enum event_type type);
bool partition_key_equal(struct partition_key a, struct partition_key b);
/* First microsecond after the partition. */
int64_t partition_end_us(enum partitioning_scheme scheme, struct partition_key key);

#define PARTITION_PATH_BYTES 256

/* Directory under output_path ("" for simple), no slash at either end:
 * year=2024/month=01/day=15/hour=12. */
void partition_directory(enum partitioning_scheme scheme, struct partition_key key,
                         char out[PARTITION_PATH_BYTES]);
/* File name: ttp_events_2024-01-15T12_1705320000.parquet. first_close_us is the close time of the
 * file's first ledger; attempt 1 adds nothing, 2 adds "-2", and so on. */
void partition_file_name(enum partitioning_scheme scheme, struct partition_key key,
                         int64_t first_close_us, unsigned attempt, char out[PARTITION_PATH_BYTES]);
/* On object storage, where nothing is renamed, names are no two commits': the first 8 digits of the
 * commit's number, a UUID, stand before the suffix: ttp_events_2024-01-15T12_1705320000_1a2b3c4d.
 * `attempt` tells those of one commit apart that begin in the same second. */
void partition_object_name(enum partitioning_scheme scheme, struct partition_key key,
                           int64_t first_close_us, unsigned attempt, const char *commit_uuid,
                           char out[PARTITION_PATH_BYTES]);
/* Whether `path`, relative to output_path, is one that partition_directory and partition_file_name,
 * or partition_object_name, make together. */
bool partition_makes_path(enum partitioning_scheme scheme, const char *path);
/* The same, and whose path it is. */
bool partition_parse_path(enum partitioning_scheme scheme, const char *path,
                          struct partition_key *key) MUST_CHECK;
/* Label for metrics and key-value metadata `partition`: the directory, or the day for simple. */
void partition_label(enum partitioning_scheme scheme, struct partition_key key,
                     char out[PARTITION_PATH_BYTES]);

/* DuckLake partition columns of the scheme, in key order: transform ("year", "month", "day",
 * "hour", "identity") and the column's id. *count gets how many; the table is static. */
struct partition_transform {
    const char *transform;
    int column_id;
};
const struct partition_transform *partition_transforms(enum partitioning_scheme scheme,
                                                       unsigned *count);
#define PARTITION_TRANSFORM_MAX 5
/* The values for one file, as DuckLake writes them ("2024", "1", "15", "12", "transfer"). */
void partition_values(enum partitioning_scheme scheme, struct partition_key key,
                      char out[PARTITION_TRANSFORM_MAX][32]);

#endif
