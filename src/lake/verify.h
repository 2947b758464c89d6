// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_LAKE_VERIFY_H
#define TTP_LAKE_VERIFY_H

/*
 * Proves that a lake is what its catalog says, or tells what is wrong and which ranges to fetch
 * again. Takes no lock and is right beside a running consumer (lake/inventory.h says how).
 */

#include "lake/comparison.h"
#include "lake/findings.h"

/* A comparison with what a server sends, after the lake's own check. `stream` puts the server's
 * events into it (lake/comparison.h). It remembers by itself what the server could not give; an
 * error that it returns ends the verification. */
struct verify_against {
    uint32_t sample_millionths;
    size_t ledger_limit_bytes;
    void *context;
    enum error_code (*stream)(void *context, struct comparison *comparison, struct error *error);
};

struct verify_options {
    const char *output_path;
    const char *reader_data_path; /* as configured; NULL or "": it is not */
    bool deep;                    /* every value decoded: statistics, event_index, digests */
    unsigned threads;             /* at least 1 */
    const struct verify_against *against; /* NULL: the lake alone */
};

struct verify_report {
    bool ok; /* no problem was found */
    bool deep;
    bool footers_only;                /* the lake is on object storage: no page was read */
    uint64_t files, rows;             /* live files; rows as readers of the table see them */
    uint64_t files_without_checksums; /* whose pages carry none (DuckDB wrote them) */
    struct ledger_set coverage;
    struct comparison_totals against; /* of no ledgers where the lake could not be read */
    struct findings findings;
};

/* ERR_NOT_FOUND if there is no lake at all; a lake without a readable catalog is a problem in the
 * report. Other errors: the check could not be done (memory, a disk that fails to read). Release
 * the report in every case. */
enum error_code verify_lake(const struct verify_options *options, struct verify_report *report,
                            struct error *error) MUST_CHECK;
void verify_report_release(struct verify_report *report);

#endif
