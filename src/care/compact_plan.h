// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_COMPACT_PLAN_H
#define TTP_CARE_COMPACT_PLAN_H

/*
 * Which data files of a lake could be fewer. The files of a partition and schema version, in order
 * of their ledgers, fall into runs between those that are large enough; a run is a task where its
 * bytes need fewer files than it has. Files into which DuckDB merged those of commits are taken in
 * whatever their size: so every row is a commit's again.
 */

#include "catalog/catalog.h"
#include "rows/partition.h"
#include "rows/schema.h"
#include "util/arena.h"
#include "util/buffer.h"
#include "util/list.h"

struct compact_wish {
    /* A partition's label, or a folder that several lie in ("": any); NULL: all that are older than
     * the newest, into which no commit of a live run comes any more. */
    const char *partition;
    uint64_t smaller_than; /* files of that size on are large enough; 0: 90% of the next */
    uint64_t max_file_size_bytes;
    unsigned task_files; /* of the largest size, that one task may make; 0: as many as can be */
};

/* A file that may be put together with others. Texts lie in the plan's arena. */
struct compact_input {
    int64_t data_file_id;
    const char *path; /* relative to output_path */
    int64_t record_count, file_size_bytes;
    uint64_t checksum; /* 0: not known */
    struct ledger_range range;
    struct partition_key key;
    const struct row_schema *schema;
    bool is_adopted; /* DuckDB made it */
    /* Of an adopted one: the commits whose rows it may hold, among the plan's. */
    size_t first_commit, commit_count;
};

/* Inputs that become fewer files. */
struct compact_task {
    size_t first, count; /* among the plan's inputs */
    uint64_t size_bytes;
};

struct compact_plan {
    struct arena arena;
    enum partitioning_scheme scheme;
    struct buffer inputs;  /* struct compact_input, by partition, schema and ledger */
    struct buffer commits; /* struct catalog_file_commit: of adopted files */
    struct buffer tasks;   /* struct compact_task */
};

void compact_plan_init(struct compact_plan *plan, enum partitioning_scheme scheme);
void compact_plan_release(struct compact_plan *plan);

/* Appends the files that this program made, those whose data_file_id is at least `from_file`.
 * ERR_CONFLICT for a schema version that it does not know. */
enum error_code compact_plan_read(struct compact_plan *plan, struct catalog *catalog,
                                  int64_t from_file, struct error *error) MUST_CHECK;
/* Then: sorts the inputs, and lists the tasks. `newest_close_us`: of any commit. */
enum error_code compact_plan_make(struct compact_plan *plan, const struct compact_wish *wish,
                                  int64_t newest_close_us, struct error *error) MUST_CHECK;

#endif
