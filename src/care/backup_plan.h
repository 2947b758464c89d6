// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_CARE_BACKUP_PLAN_H
#define TTP_CARE_BACKUP_PLAN_H

/*
 * Which files a copy of a lake consists of, by its catalog: the data, delete and dead letters files
 * that any snapshot needs. A file of the lake's folder has the same name in the copy. One that lies
 * outside (somebody registered it by its absolute path) gets a name in _lake/external there, and
 * the copy's catalog names it anew. What lies behind a URL stays where it is.
 */

#include "catalog/stored_files.h"
#include "store/store.h"
#include "util/arena.h"
#include "util/list.h"

enum backup_kind {
    BACKUP_DATA = STORED_DATA,
    BACKUP_DELETES = STORED_DELETES,
    BACKUP_DEAD_LETTERS
};

struct backup_item {
    const char *name;   /* in the copy */
    const char *source; /* in the lake, or an absolute path outside of it */
    enum backup_kind kind;
    int64_t id;   /* DuckLake's; of dead letters one that it never has */
    bool is_live; /* false: only older snapshots need it */
    bool is_parquet, is_own;
    bool is_named_anew; /* the copy's catalog names it by another path */
    bool has_size;
    uint64_t size_bytes; /* by the catalog; of dead letters by the file */
    uint64_t footer_size_bytes;
    uint64_t checksum; /* XXH64; 0: not known */
    /* Set by whoever compares it with what is there. */
    enum {
        BACKUP_TO_COPY,  /* or to link */
        BACKUP_STAGED,   /* complete, without its name */
        BACKUP_PLACED,   /* under its name since just now */
        BACKUP_IS_THERE, /* it was there */
        BACKUP_LEFT_OUT
    } state;
};

struct backup_plan {
    struct arena arena;   /* holds all texts */
    struct buffer items;  /* struct backup_item, by name; each name once but for `twins` */
    struct buffer twins;  /* struct backup_item: a file that the catalog names a second time */
    struct buffer remote; /* const char *: URLs */
    int64_t snapshot_id;  /* the newest */
    uint64_t commit_no;   /* the newest; 0: none */
};

void backup_plan_init(struct backup_plan *plan);
void backup_plan_release(struct backup_plan *plan); /* idempotent */
/* Reads it from the catalog of the lake at `root`, or from a copy of it. ERR_CORRUPT where the
 * catalog names what no file of a lake can be. */
enum error_code backup_plan_read(struct backup_plan *plan, struct catalog *catalog,
                                 const char *root, struct error *error) MUST_CHECK;
/* NULL: no file of the copy has that name. */
struct backup_item *backup_plan_find(const struct backup_plan *plan, const char *name);

/* Files that left a lake lie under another name for older snapshots (commit/retirement.h): the one
 * of `name` that is kept so, or that a kept one had before. False: it never has another. */
bool backup_other_name(const char *name, char out[OS_PATH_BYTES]) MUST_CHECK;

/* Adds the files that DuckDB may delete, too, as ones that only older snapshots need: for what a
 * copy has of its own. */
enum error_code backup_plan_read_leftovers(struct backup_plan *plan, struct catalog *catalog,
                                           const char *root, struct error *error) MUST_CHECK;

#endif
