// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_SINK_OPEN_COMMIT_H
#define TTP_SINK_OPEN_COMMIT_H

/*
 * The first half of a commit (docs/commit-protocol.md): one ledger range that grows batch by batch
 * into staged files, until they are finished and become an intent.
 *
 *   IDLE → OPEN → STAGED → (the publication's states) → IDLE
 */

#include "commit/intent.h"
#include "sink/data_file.h"
#include "sink/dead_letter_file.h"

enum commit_state { COMMIT_IDLE, COMMIT_OPEN, COMMIT_STAGED };

/* What the names of its staged files begin with: "commit_5", or "stream_2". */
#define OPEN_COMMIT_STEM_BYTES 32

/* A commit's dead letters are cut at max_file_size like its rows, and here at the latest: who reads
 * them takes files of 1 GiB (lake/dead_letters.h), and a batch may come on top. */
#define DEAD_LETTERS_CUT_BYTES ((uint64_t)128 << 20)

struct open_commit {
    enum commit_state state;
    uint64_t commit_no; /* 0: not taken yet, since it is not cut */
    char stem[OPEN_COMMIT_STEM_BYTES];
    struct ledger_range range;
    bool has_partition;         /* there are rows: */
    int64_t partition_start_us; /* of all of them */
    size_t file_count;
    struct data_file files[EVENT_TYPE_COUNT];
    struct staged_file dead_letters;
    int64_t dead_letter_count;
    int64_t row_count;
    int64_t null_decimal_count, replaced_memo_count;
    uint64_t unconfirmed_ledgers;
    struct ledger_set unconfirmed;
    uint32_t digest_ledger;
    struct ledger_digest digest;
    int64_t last_close_us;
    int64_t opened_monotonic_us, opened_realtime_us;
};

/* What the files say about the commit and the lake. */
struct commit_origin {
    const char *lake_id;
    const char *network;
    enum partitioning_scheme scheme;
};

void open_commit_init(struct open_commit *commit);
/* IDLE → OPEN: a range that begins with `first`. `stem` is that of no other open commit. */
void open_commit_begin(struct open_commit *commit, const char *stem, uint32_t first);
/* OPEN, and it is being cut: the number that it has from now on. */
void open_commit_number(struct open_commit *commit, uint64_t commit_no);
/* OPEN → OPEN: takes a batch that follows the range and is of its partition. */
enum error_code open_commit_append(struct open_commit *commit, const struct data_file_setup *setup,
                                   const struct row_batch *batch, struct error *error) MUST_CHECK;
/* OPEN → STAGED: every file complete, synced and read back. */
enum error_code open_commit_finish(struct open_commit *commit, const struct data_file_setup *setup,
                                   const struct commit_origin *origin,
                                   struct error *error) MUST_CHECK;
/* STAGED: fills an intent (initialised, empty) but for the files' final paths; everything it points
 * to is copied into its arena. `reason` is static. */
enum error_code open_commit_describe(const struct open_commit *commit,
                                     const struct data_file_setup *setup,
                                     const struct commit_origin *origin, const char *reason,
                                     struct intent *intent, struct error *error) MUST_CHECK;
/* → IDLE: the staged files are somebody else's business now (release), or deleted (discard). */
void open_commit_release(struct open_commit *commit);
void open_commit_discard(struct open_commit *commit);

/* Whether a batch was taken. */
bool open_commit_has_ledgers(const struct open_commit *commit);
size_t open_commit_memory_bytes(const struct open_commit *commit);
/* In staging and, by estimate, in open row groups. */
uint64_t open_commit_bytes(const struct open_commit *commit, const struct size_estimate *estimate);

#endif
