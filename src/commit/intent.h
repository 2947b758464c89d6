// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_COMMIT_INTENT_H
#define TTP_COMMIT_INTENT_H

/*
 * The whole of one commit, written down before its files get their final names
 * (docs/commit-protocol.md, invariant 5), in _lake/staging/intent.json (commit/intent_file.h). With
 * it a commit can be finished or undone after a crash.
 */

#include "catalog/records.h"
#include "catalog/replacement.h"
#include "store/store.h"
#include "util/arena.h"

/* Data files of one commit: one a partition key, so one an event type at most. */
#define INTENT_FILE_MAX 8
#define INTENT_ITEM_MAX (INTENT_FILE_MAX + 1) /* with the dead letters */
/* Our own paths under output_path are under 200 bytes. */
#define INTENT_PATH_BYTES 512
/* Runs of unconfirmed ledgers of one commit: with all else an intent stays well below 1 MiB. A
 * commit is cut before it has more (sink.c). */
#define INTENT_UNCONFIRMED_MAX 8192

/* Everything it points to lies in its arena. */
struct intent {
    struct arena arena;
    const char *lake_id;
    const char *commit_uuid; /* random: its objects' names carry digits of it; NULL: no objects */
    struct catalog_commit commit;
    const char *staged[INTENT_FILE_MAX]; /* names in _lake/staging of commit.files */
    const char *dead_letters_staged;     /* NULL: none */
    uint64_t dead_letters_size_bytes;
    /* Its files take the place of others. Such a change is never finished after a crash, but
     * undone: its rows are in the lake all the same. So what else it does is not written down. */
    bool is_replacement;
    const struct catalog_replacement *replacement; /* NULL: no such, or read from disk */
};

/* One file of an intent, data or dead letters. */
struct intent_item {
    char staged[INTENT_PATH_BYTES]; /* both relative to output_path: in _lake/staging, */
    char path[INTENT_PATH_BYTES];   /* and final */
    uint64_t size_bytes;
    uint64_t checksum;
};

void intent_init(struct intent *intent);
void intent_release(struct intent *intent);

/* Gives it its random number, where names must be its own before they are given. */
enum error_code intent_number_objects(struct intent *intent, const struct store *store,
                                      struct error *error) MUST_CHECK;
/* The path of its dead letters, relative to _lake/: of the commit's number, and its digits. */
enum error_code intent_name_dead_letters(struct intent *intent, uint64_t commit_no,
                                         struct error *error) MUST_CHECK;

/* Items: the data files in order, then the dead letters if there are any. */
size_t intent_item_count(const struct intent *intent);
void intent_item_get(const struct intent *intent, size_t index, struct intent_item *item);

#endif
