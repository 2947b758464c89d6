// SPDX-License-Identifier: Apache-2.0
#include "sink/sink_counters.h"

#define LOAD(field) atomic_load_explicit(&counters->field, memory_order_relaxed)

void sink_counters_get(const struct sink_counters *counters, const struct obstacle *obstacle,
                       struct sink_stats *out)
{
    *out = (struct sink_stats){
        .rows_committed = LOAD(rows_committed),
        .files_committed = LOAD(files_committed),
        .bytes_committed = LOAD(bytes_committed),
        .commits = LOAD(commits),
        .commits_failed = LOAD(commits_failed),
        .dead_letters_committed = LOAD(dead_letters_committed),
        .unconfirmed_ledgers = LOAD(unconfirmed_ledgers),
        .rows_open = LOAD(rows_open),
        .bytes_open = LOAD(bytes_open),
        .batches = LOAD(batches),
        .last_batch_us = LOAD(last_batch_us),
        .last_commit_us = LOAD(last_commit_us),
        .next_commit_us = LOAD(next_commit_us),
        .last_ledger = LOAD(last_ledger),
        .waiting_for_space =
            atomic_load_explicit(&obstacle->waiting_for_space, memory_order_relaxed),
        .catalog_busy_since_us =
            atomic_load_explicit(&obstacle->catalog_busy_since_us, memory_order_relaxed),
        .store_away_since_us =
            atomic_load_explicit(&obstacle->store_away_since_us, memory_order_relaxed),
        .intake_paused = LOAD(intake_paused),
        .failing = LOAD(failing),
        .refused = atomic_load_explicit(&obstacle->refused, memory_order_relaxed)};
    for (size_t i = 0; i < ROTATION_REASON_COUNT; i++)
        out->rotations[i] = LOAD(rotations[i]);
}

#undef LOAD

void sink_counters_add_commit(struct sink_counters *counters, const struct catalog_commit *commit,
                              enum rotation_reason reason)
{
    uint64_t size_bytes = 0;
    for (size_t i = 0; i < commit->file_count; i++)
        size_bytes += (uint64_t)commit->files[i].file_size_bytes;
    sink_counter_add(&counters->commits, 1);
    sink_counter_add(&counters->files_committed, commit->file_count);
    sink_counter_add(&counters->rows_committed, (uint64_t)commit->row_count);
    sink_counter_add(&counters->bytes_committed, size_bytes);
    sink_counter_add(&counters->dead_letters_committed, (uint64_t)commit->dead_letter_count);
    for (size_t i = 0; i < commit->unconfirmed_count; i++)
        sink_counter_add(&counters->unconfirmed_ledgers,
                         ledger_range_count(commit->unconfirmed[i]));
    sink_counter_add(&counters->rotations[reason], 1);
    atomic_store_explicit(&counters->last_commit_us, commit->committed_us, memory_order_relaxed);
    atomic_store_explicit(&counters->last_ledger, commit->range.last, memory_order_relaxed);
    atomic_store_explicit(&counters->failing, false, memory_order_relaxed);
}
