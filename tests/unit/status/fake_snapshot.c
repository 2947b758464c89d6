// SPDX-License-Identifier: Apache-2.0
#include "status/fake_snapshot.h"

#include <stdio.h>
#include <string.h>

#define SECOND INT64_C(1000000)

static void add_commits(struct status_snapshot *out)
{
    static const enum rotation_reason reasons[] = {ROTATION_PARTITION, ROTATION_SIZE, ROTATION_AGE,
                                                   ROTATION_END_OF_RANGE};
    out->commit_count = 8;
    for (size_t i = 0; i < out->commit_count; i++) {
        struct status_commit *commit = &out->last_commits[i];
        commit->commit_no = 412 - i;
        commit->range.first = 53000100 - (uint32_t)i * 620;
        commit->range.last = commit->range.first + 619;
        commit->committed_us = FAKE_NOW_US - (int64_t)(i * 3600 + 310) * SECOND;
        commit->duration_us = 41000 + 3000 * (int64_t)i;
        commit->file_count = 1;
        commit->row_count = 418233 - 977 * i;
        commit->size_bytes = 23456789 - 54321 * i;
        commit->reason = reasons[i % 4];
        snprintf(commit->partition, sizeof(commit->partition), "2024-08-07T%02zu", 11 - i);
    }
}

void fake_snapshot(struct status_snapshot *out)
{
    memset(out, 0, sizeof(*out));
    out->now_us = FAKE_NOW_US;
    out->now_monotonic_us = FAKE_MONOTONIC_US;
    snprintf(out->service_name, sizeof(out->service_name), "ttp-parquet-consumer");
    snprintf(out->endpoint, sizeof(out->endpoint), "localhost:50051");
    snprintf(out->network, sizeof(out->network), "pubnet");
    out->last_backup_us = INT64_C(1723000000000000);
    snprintf(out->last_backup_path, sizeof(out->last_backup_path), "/backups/<pubnet>");
    snprintf(out->output_path, sizeof(out->output_path), "./data/parquet");
    snprintf(out->scheme, sizeof(out->scheme), "date_hour");
    snprintf(out->schema_version, sizeof(out->schema_version), "1.1.0");
    snprintf(out->run_words, sizeof(out->run_words), " --output-path /srv/lake");
    out->phase = STATUS_RUNNING;
    out->started_us = FAKE_NOW_US - 3723 * SECOND;
    out->started_monotonic_us = FAKE_MONOTONIC_US - 3723 * SECOND - 250000;
    out->stream.events_accepted = 4182337;
    out->stream.events_refetched = 311;
    out->stream.dead_letters = 2;
    out->stream.bytes_received = 812345678;
    out->stream.ledgers_completed = 6210;
    out->stream.connects = 2;
    out->stream.retries = 1;
    out->stream.seam_checked = 2;
    out->stream.current_ledger = 53000777;
    out->stream.current_close_us = FAKE_NOW_US - 4 * SECOND;
    out->stream.last_event_us = FAKE_NOW_US - 2 * SECOND;
    out->last_new_event_us = FAKE_NOW_US - 2 * SECOND;
    out->stream.streaming_since_us = FAKE_NOW_US - 3700 * SECOND;
    out->idle_timeout_us = 90 * SECOND;
    out->stream.connected = true;
    out->queue.row_count = 1200;
    out->queue.memory_bytes = 412000;
    out->queue.batch_count = 2;
    out->queue.limit_bytes = 48 << 20;
    out->sink.rows_committed = 4105000;
    out->sink.files_committed = 11;
    out->sink.bytes_committed = 256000000;
    out->sink.commits = 11;
    out->sink.dead_letters_committed = 2;
    out->sink.unconfirmed_ledgers = 3;
    out->sink.rows_open = 76137;
    out->sink.bytes_open = 9100000;
    out->sink.batches = 4200;
    out->sink.rotations[ROTATION_PARTITION] = 9;
    out->sink.rotations[ROTATION_SIZE] = 2;
    out->sink.last_batch_us = FAKE_NOW_US - 7 * SECOND;
    out->sink.last_commit_us = FAKE_NOW_US - 310 * SECOND;
    out->sink.next_commit_us = FAKE_NOW_US + 3290 * SECOND;
    out->sink.last_ledger = 53000719;
    out->last_close_us = FAKE_NOW_US - 318 * SECOND;
    out->writer_seen_us = FAKE_MONOTONIC_US - SECOND;
    out->resident_bytes = 61 << 20;
    out->peak_resident_bytes = 97 << 20;
    out->memory_limit_bytes = 192 << 20;
    out->cpu_us = 8123456;
    out->disk_known = true;
    out->disk_free_bytes = UINT64_C(212) << 30;
    out->disk_min_free_bytes = UINT64_C(1) << 30;
    out->events_per_second = 183.4;
    out->rate_count = 45;
    for (size_t i = 0; i < out->rate_count; i++)
        out->rates[i] = 120.0 + (double)((i * 7919) % 113);
    out->coverage_count = out->coverage_total = 2;
    out->coverage[0] = (struct ledger_range){52990000, 52994999};
    out->coverage[1] = (struct ledger_range){52995020, 53000719};
    out->coverage_first = 52990000;
    out->coverage_ledgers = 5000 + 5700;
    add_commits(out);
}
