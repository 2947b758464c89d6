// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_LETTER_REPLAY_H
#define TTP_CARE_LETTER_REPLAY_H

/*
 * Reads the dead letters of a lake again: what is a row by now (a later version knows an event type
 * that the one which stored it did not) becomes one, under the event_index that it has, in one
 * snapshot a commit; the rest stays. Doing it again does nothing.
 */

#include "care/letter_plan.h"
#include "sink/sink_options.h"

/* A commit with dead letters that can be read by now, or that could not be looked at. Texts lie in
 * the report's arena. */
struct letter_replay_item {
    uint64_t commit_no;
    struct ledger_range range;
    size_t rows;                 /* letters that became rows, or would */
    size_t letters;              /* that stay */
    size_t unplaced;             /* of these, such that can be read */
    const char *unplaced_reason; /* of the first of them; NULL: there is none */
    const char *fault;           /* why all was left as it was; NULL: it was not */
    bool is_damage;              /* so that `repair` is the remedy */
};

struct letter_replay_report {
    struct arena arena;
    struct buffer items; /* struct letter_replay_item */
    uint64_t letters;    /* that there were */
    uint64_t rows, snapshots;
    bool is_damaged;
};
void letter_replay_report_init(struct letter_replay_report *report);
void letter_replay_report_release(struct letter_replay_report *report);

/* What would be done, without a lock. ERR_NOT_FOUND without a lake. */
enum error_code letter_replay_preview(const char *output_path, struct letter_replay_report *report,
                                      struct error *error) MUST_CHECK;
/* Does it, where nobody else writes. An error ends it; what was done stays. */
enum error_code letter_replay_lake(const struct sink_options *options,
                                   struct letter_replay_report *report,
                                   struct error *error) MUST_CHECK;

#endif
