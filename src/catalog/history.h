// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CATALOG_HISTORY_H
#define TTP_CATALOG_HISTORY_H

/* What happened to a lake: its commits, the ranges that were given up, and what was taken out. */

#include "catalog/catalog.h"

/* A commit as the catalog remembers it. Texts live during the visitor's call. */
struct catalog_commit_record {
    uint64_t commit_no;
    struct ledger_range range;
    const char *reason;
    const char *schema_version;
    int64_t file_count, row_count, size_bytes;
    int64_t dead_letter_count, unconfirmed_ledgers, null_decimal_count, replaced_memo_count;
    uint32_t digest_ledger;      /* 0: none */
    const char *digest_chain;    /* lower-case hexadecimal; "" if none */
    const char *digest_contents; /* the same */
    int64_t last_close_us;       /* 0: no event */
    int64_t committed_us;
    bool ended; /* taken out of the lake by repair or prune */
    const char *ended_reason;
    const char *dead_letters_path; /* relative to _lake/; NULL: none */
    uint64_t dead_letters_checksum;
};

/* The number in the name of a dead letters file, dead_letters/commit_<number>.jsonl, on object
 * storage with a mark of its commit behind it: that of its commit, or of the replacement that left
 * fewer of them. 0 for NULL, or another name. */
uint64_t catalog_dead_letters_number(const char *path);

typedef enum error_code catalog_commit_visitor(void *context,
                                               const struct catalog_commit_record *commit,
                                               struct error *error);
/* By commit_no, also the ones that ended; `newest` > 0: the newest that many only, newest first. */
enum error_code catalog_each_commit(struct catalog *catalog, unsigned newest,
                                    catalog_commit_visitor *visit, void *context,
                                    struct error *error) MUST_CHECK;
/* See catalog_each_early_file. */
enum error_code catalog_each_early_commit(struct catalog *catalog, uint32_t ledger,
                                          catalog_commit_visitor *visit, void *context,
                                          struct error *error) MUST_CHECK;

typedef enum error_code catalog_recorded_hole_visitor(void *context, struct ledger_range range,
                                                      const char *reason, int64_t recorded_us,
                                                      struct error *error);
enum error_code catalog_each_recorded_hole(struct catalog *catalog,
                                           catalog_recorded_hole_visitor *visit, void *context,
                                           struct error *error) MUST_CHECK;
/* Records a range that was given up (a poison ledger); what it knew of it before is replaced. */
enum error_code catalog_record_hole(struct catalog *catalog, struct ledger_range range,
                                    const char *reason, struct error *error) MUST_CHECK;

/* A stored ledger of which the server sent other contents later, on the same chain. */
struct catalog_seam_finding {
    uint32_t ledger;
    uint64_t times; /* that a seam check met it */
    int64_t first_seen_us, last_seen_us;
};
typedef enum error_code catalog_seam_visitor(void *context,
                                             const struct catalog_seam_finding *finding,
                                             struct error *error);
/* By ledger. */
enum error_code catalog_each_seam_finding(struct catalog *catalog, catalog_seam_visitor *visit,
                                          void *context, struct error *error) MUST_CHECK;
/* Records one more. */
enum error_code catalog_add_seam_finding(struct catalog *catalog, uint32_t ledger,
                                         struct error *error) MUST_CHECK;

/* A range that was stored although no ledger of the lake beside it could be compared with the
 * server's: its close times fit, that it is of the same chain is not proven. */
struct catalog_unchecked_seam {
    struct ledger_range range; /* as it was asked for; last 0: without end */
    uint32_t below, above;     /* the ledgers that were not served; 0: there is none */
    int64_t recorded_us;
};
typedef enum error_code catalog_unchecked_visitor(void *context,
                                                  const struct catalog_unchecked_seam *seam,
                                                  struct error *error);
/* By first ledger; those of which something landed. */
enum error_code catalog_each_unchecked_seam(struct catalog *catalog,
                                            catalog_unchecked_visitor *visit, void *context,
                                            struct error *error) MUST_CHECK;
/* Records one; recorded_us is set here. Takes the place of one with the same first ledger. */
enum error_code catalog_add_unchecked_seam(struct catalog *catalog,
                                           const struct catalog_unchecked_seam *seam,
                                           struct error *error) MUST_CHECK;
/* Forgets those of which nothing landed: the run that recorded them died before its commit. */
enum error_code catalog_forget_unlanded_seams(struct catalog *catalog,
                                              struct error *error) MUST_CHECK;

/* How the message of a snapshot begins that took something out of the lake. */
#define CATALOG_TAKEN_OUT_PREFIX "repair: "
#define CATALOG_PRUNED_PREFIX    "prune: "

/* What is to leave the lake. Where DuckDB merged or rewrote files of a commit, its rows lie in data
 * files that are no commit's: whoever asks names those, too (lake/take_out.h finds them). */
struct catalog_removal {
    const uint64_t *commit_nos;
    size_t commit_count;
    const int64_t *data_file_ids; /* live ones that are no commit's */
    size_t data_file_count;
    /* Ledgers whose rows in the catalog itself go, too; {0, UINT32_MAX} also takes those without a
     * ledger. */
    const struct ledger_range *inlined;
    size_t inlined_count;
    const char *reason; /* begins with CATALOG_TAKEN_OUT_PREFIX, or CATALOG_PRUNED_PREFIX */
    /* The ledgers become pruned ones, and the files are retired (catalog/care.h, whose tables are
     * there): older snapshots keep them. Else the ledgers are asked for again. */
    bool prunes;
    bool in_place; /* retired files stay where they are until they are deleted */
    /* The newest snapshot when this was decided; ERR_RETRY if there is another now. -1: any. */
    int64_t decided_at;
};
/* Takes it out in one transaction and one snapshot, whose number *snapshot_id gets (0: nothing was
 * there to take out): files end, with the deletes on them, ranges of commits leave the coverage
 * (but for ledgers that a later live commit took over), their unconfirmed ranges, dead letters,
 * seam findings and unchecked seams are forgotten. Commits that ended before are left alone.
 * ERR_NOT_FOUND if there is no such commit. */
enum error_code catalog_take_out(struct catalog *catalog, const struct catalog_removal *removal,
                                 int64_t *snapshot_id, struct error *error) MUST_CHECK;

/* Takes the unconfirmed ledgers within the range out of the coverage, so that they are asked for
 * again. */
enum error_code catalog_uncover_unconfirmed(struct catalog *catalog, struct ledger_range within,
                                            struct error *error) MUST_CHECK;

/* Whether that path is of a file that catalog_take_out took out, and that is not kept there for
 * older snapshots: a commit's, or another. */
enum error_code catalog_path_is_taken_out(struct catalog *catalog, const char *path,
                                          bool *taken_out, struct error *error) MUST_CHECK;

/* One view of the catalog over several calls: everything read until end_read is of one moment. */
enum error_code catalog_begin_read(struct catalog *catalog, struct error *error) MUST_CHECK;
void catalog_end_read(struct catalog *catalog);

#endif
