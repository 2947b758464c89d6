// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_COMMIT_PUBLICATION_H
#define TTP_COMMIT_PUBLICATION_H

/*
 * The second half of a commit: from complete staged files to the catalog, or back
 * (docs/commit-protocol.md). Each function is one transition, asserts the state it starts from and
 * leaves the state as it was when it fails, so that it can be called again: after ERR_RETRY
 * (system_errno ENOSPC: the disk is full; EBUSY: another writer holds the catalog) it should be.
 *
 *   STAGED → INTENDED → PLACED → COMMITTED → FINISHED
 *                └─────────┴───→ WITHDRAWN → FINISHED
 */

#include "catalog/catalog.h"
#include "commit/intent.h"
#include "store/store.h"

#define COMMIT_HOLDER_BYTES 64

/* Who made a file, by its own metadata. */
enum file_author {
    AUTHOR_COMMIT,  /* the commit of the intent */
    AUTHOR_UNKNOWN, /* it says nothing that can be read */
    AUTHOR_OTHER    /* another commit, another lake, or nobody of ours */
};

/* What is known of data files outside of this room: their paths and their contents. */
struct intent_guard {
    const void *context;
    /* Whether a commit of this lake can have made a data file of that path. */
    bool (*names_data_file)(const void *context, const char *path);
    /* Who made the file of that name that the intent takes for its data file of that index. */
    enum error_code (*find_author)(const void *context, const struct store *store, const char *name,
                                   const struct intent *intent, size_t index,
                                   enum file_author *author, struct error *error);
};

enum publication_state {
    PUBLICATION_STAGED,
    PUBLICATION_INTENDED,
    PUBLICATION_PLACED,
    PUBLICATION_COMMITTED,
    PUBLICATION_WITHDRAWN,
    PUBLICATION_FINISHED
};

/* A path that a commit which is not in the lake yet has given, or is about to give. */
typedef enum error_code intent_path_visitor(void *context, const char *path, bool is_given_up,
                                            struct error *error);

struct recovery_report;
struct publication;

/*
 * How a lake remembers a commit that is being published, so that a crash leaves nothing that nobody
 * knows of (docs/commit-protocol.md, invariant 5). In a folder that is a file, written before the
 * first rename (commit/folder_intents.h). Where files are not renamed it is rows of the catalog.
 * What differs between the two, and nothing else, is here.
 */
struct intent_keeper {
    /* Nobody else can have a file of these names: what has one is this commit's. */
    bool names_are_unique;
    /* Durably: before the first name is given. ERR_RETRY where there is no room, or another program
     * holds the catalog. */
    enum error_code (*write)(struct publication *publication, struct error *error);
    /* Of the commit's transaction (struct catalog_terms), where there is anything to ask: what the
     * catalog has to know of the files; whether they are as they were placed. ERR_IO if not, where
     * that was seen with the publication's file_lost. */
    enum error_code (*demand)(struct publication *publication, struct error *error);
    enum error_code (*confirm)(struct publication *publication, struct error *error);
    /* The catalog does not hold the commit, and never will. Before its files are deleted. */
    enum error_code (*give_up)(struct publication *publication, struct error *error);
    /* The commit is in the lake, or its files are gone. NULL: there is nothing to do then. */
    enum error_code (*remove)(struct publication *publication, struct error *error);
    /* Now and then while a lake is written to: what processes that died meanwhile left. NULL: they
     * can't have. */
    void (*tend)(const struct store *store, struct catalog *catalog);
    /* Finishes or undoes what dead processes left; as recovery_run. */
    enum error_code (*recover)(const struct store *store, struct catalog *catalog,
                               const struct intent_guard *guard, struct recovery_report *report,
                               struct error *error);
    /* Calls back for each path that is remembered. */
    enum error_code (*each_path)(const struct store *store, struct catalog *catalog,
                                 intent_path_visitor *visit, void *context, struct error *error);
};

/*
 * Whose the ledgers of a commit are, where other processes commit to the lake, too
 * (docs/commit-protocol.md, "Several processes"): the lease under which it is made.
 */
struct commit_fence {
    uint64_t lease_id; /* 0: nobody else commits, and nothing below is asked */
    uint64_t epoch;
    char holder[COMMIT_HOLDER_BYTES];
    void *context;
    /* Before each step: ERR_RETRY (EBUSY) while it is not known whether they are still this
     * process's; ERR_AGAIN if they are not. */
    enum error_code (*may_go_on)(const struct commit_fence *fence, struct error *error);
    /* Inside the commit's transaction: they are, and go with it. ERR_AGAIN, of this or of the
     * transaction, if they are not. NULL: for a change that takes no ledgers. */
    enum error_code (*confirm)(const struct commit_fence *fence, struct ledger_range range,
                               struct error *error);
};

/* Borrows all it points to. */
struct publication {
    const struct store *store;
    struct catalog *catalog;
    const struct intent *intent;
    const struct intent_keeper *keeper; /* of the store's kind */
    enum publication_state state;
    struct commit_fence fence;
    /* For an intent that was read from disk; NULL: this process made it. */
    const struct intent_guard *guard;
    uint32_t placed; /* bit i: item i has its final name, and it was we who gave it */
    bool began;      /* a transaction of it may have begun: what became of it must be settled */
    bool file_lost;  /* a placed file was gone, or changed, when the transaction began */
};

void publication_init(struct publication *publication, const struct store *store,
                      struct catalog *catalog, const struct intent *intent,
                      const struct intent_keeper *keeper);

/* STAGED → INTENDED. */
enum error_code publish_write_intent(struct publication *publication,
                                     struct error *error) MUST_CHECK;
/* INTENDED → PLACED: renames, never over another file (ERR_CONFLICT), and syncs the directories. */
enum error_code publish_place_files(struct publication *publication,
                                    struct error *error) MUST_CHECK;
/* PLACED → COMMITTED. Each placed file is looked at again when the transaction holds the catalog:
 * ERR_IO, with file_lost, if one is not as it was placed. After a failure other than ERR_RETRY the
 * outcome is not known: withdraw. */
enum error_code publish_to_catalog(struct publication *publication, struct error *error) MUST_CHECK;
/* INTENDED or PLACED → WITHDRAWN: settles in the catalog that the commit never was and deletes its
 * files; → COMMITTED if the catalog holds it after all. */
enum error_code publish_withdraw(struct publication *publication, struct error *error) MUST_CHECK;
/* COMMITTED or WITHDRAWN → FINISHED. */
enum error_code publish_remove_intent(struct publication *publication,
                                      struct error *error) MUST_CHECK;

/* Whether each placed file is there as it was placed: ERR_IO, with file_lost, if not. */
enum error_code publication_look_again(struct publication *publication,
                                       struct error *error) MUST_CHECK;

/* Where an item of an intent is, by size, checksum and what it says itself. */
enum item_place {
    ITEM_STAGED,      /* complete under its staged name */
    ITEM_PLACED,      /* complete under its final name */
    ITEM_BLOCKED,     /* a stranger has its final name */
    ITEM_FINAL_WRONG, /* not in staging; what has its final name is not what the intent says */
    ITEM_MISSING      /* neither place has it complete */
};
enum error_code publication_find_item(const struct publication *publication, size_t index,
                                      enum item_place *place, struct error *error) MUST_CHECK;

#endif
