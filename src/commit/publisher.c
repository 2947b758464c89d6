// SPDX-License-Identifier: Apache-2.0
#include "commit/publisher.h"

#include <assert.h>

#include "commit/intent_keeper.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/log.h"

#define TEND_SHARED_US INT64_C(60000000)
#define TEND_ALONE_US  INT64_C(3600000000)

void publisher_init(struct publisher *publisher)
{
    *publisher = (struct publisher){0};
    obstacle_init(&publisher->obstacle);
    intent_init(&publisher->intent);
}

void publisher_release(struct publisher *publisher)
{
    intent_release(&publisher->intent);
}

typedef enum error_code publication_step(struct publication *publication, struct error *error);

/* Whether the step may work later as it is: there may be room, another writer may be done, or the
 * file system may be mended. What is staged is complete, and fetching it again mends nothing. */
static bool is_worth_waiting(publication_step *step, enum error_code code,
                             const struct error *failure)
{
    bool is_publishing = step == publish_write_intent || step == publish_place_files;
    return code == ERR_RETRY ||
           (code == ERR_IO && is_publishing && os_is_refusal(failure->system_errno));
}

/* One transition, again and again while it only has to wait. */
static enum error_code run_step(struct publisher *publisher, publication_step *step,
                                struct error *error)
{
    for (;;) {
        struct error failure;
        error_clear(&failure);
        enum error_code code = step(&publisher->publication, &failure);
        if (code == OK) {
            obstacle_gone(&publisher->obstacle);
            return OK;
        }
        if (!is_worth_waiting(step, code, &failure)) {
            if (error != NULL)
                *error = failure;
            return code;
        }
        code = obstacle_wait(&publisher->obstacle, &failure, error);
        if (code != OK)
            return code;
    }
}

/* Ends what publishing left open: undone unless it was committed, and the intent gone. */
static enum error_code settle(struct publisher *publisher, bool *committed, struct error *error)
{
    enum error_code code = OK;
    if (publisher->publication.state < PUBLICATION_COMMITTED)
        code = run_step(publisher, publish_withdraw, error);
    *committed = publisher->publication.state == PUBLICATION_COMMITTED;
    if (code == OK)
        code = run_step(publisher, publish_remove_intent, error);
    publisher->unsettled = code != OK;
    return code;
}

/* STAGED → COMMITTED. */
static enum error_code publish(struct publisher *publisher, struct error *error)
{
    publication_init(&publisher->publication, publisher->store, publisher->catalog,
                     &publisher->intent, intent_keeper_of(publisher->store));
    publisher->publication.fence = publisher->fence;
    enum error_code code = OK;
    if (intent_item_count(&publisher->intent) == 0) {
        publisher->publication.state = PUBLICATION_PLACED; /* an empty commit: the catalog alone */
    } else {
        code = run_step(publisher, publish_write_intent, error);
        if (code == OK)
            code = run_step(publisher, publish_place_files, error);
        /* A name was taken since it was chosen: there are others. */
        if (code == ERR_CONFLICT && !publisher->obstacle.gave_up) {
            code = ERR_IO;
            if (error != NULL)
                error->code = code;
        }
    }
    return code == OK ? run_step(publisher, publish_to_catalog, error) : code;
}

/* Publishing ended with `code`, well or not: closes the commit. *committed: it is in the lake. */
static void close_publication(struct publisher *publisher, enum error_code code, bool *committed)
{
    struct error problem;
    error_clear(&problem);
    if (code != OK && publisher->publication.state == PUBLICATION_STAGED)
        return; /* nothing was promised: discarding staging is enough */
    if (code != OK && publisher->obstacle.gave_up) {
        publisher->unsettled = true; /* all is written down: the next start finishes it */
        return;
    }
    if (settle(publisher, committed, &problem) != OK)
        log_event(*committed ? LOG_WARN : LOG_ERROR, "sink",
                  *committed ? "a commit is in the lake, but its intent can't be removed yet"
                             : "a failed commit can't be undone yet; it is before anything else",
                  LOG_U("commit_no", publisher->intent.commit.commit_no),
                  LOG_T("reason", problem.message));
}

/* What becomes of a commit that could not be published any more. */
static enum error_code tell_kept(const struct publisher *publisher, enum error_code code,
                                 struct error *error)
{
    const struct catalog_commit *commit = &publisher->intent.commit;
    if (publisher->intent.is_replacement || publisher->publication.keeper->names_are_unique)
        return code; /* it was begun beside what is in the lake: the next start undoes it */
    (void)error_prefix(error, code,
                       "the commit of ledgers %u to %u is complete in %s/" LAKE_STAGING
                       " and the next start publishes it, but this one can't: ",
                       (unsigned)commit->range.first, (unsigned)commit->range.last,
                       publisher->store->root);
    return code;
}

enum error_code publisher_run(struct publisher *publisher, bool *committed, struct error *error)
{
    assert(!publisher->unsettled);
    *committed = false;
    enum error_code code = publish(publisher, error);
    close_publication(publisher, code, committed);
    if (!*committed && publisher_keeps_commit(publisher))
        code = tell_kept(publisher, code, error);
    return *committed ? OK : code;
}

enum error_code publisher_settle(struct publisher *publisher, struct error *error)
{
    bool committed;
    if (!publisher->unsettled)
        return OK;
    enum error_code code = settle(publisher, &committed, error);
    if (code != OK)
        return error_prefix(error, code, "an earlier commit still can't be closed: ");
    log_event(LOG_INFO, "sink", "an earlier commit was closed",
              LOG_U("commit_no", publisher->intent.commit.commit_no),
              LOG_B("in_the_lake", committed));
    return OK;
}

void publisher_tend(struct publisher *publisher, bool now)
{
    const struct intent_keeper *keeper = intent_keeper_of(publisher->store);
    int64_t now_us = os_monotonic_us();
    if (keeper->tend == NULL || publisher->unsettled)
        return;
    if (publisher->tended_us == 0)
        publisher->tended_us = now_us;
    int64_t every_us = catalog_is_shared(publisher->catalog) ? TEND_SHARED_US : TEND_ALONE_US;
    if (!now && now_us - publisher->tended_us < every_us)
        return;
    keeper->tend(publisher->store, publisher->catalog);
    publisher->tended_us = os_monotonic_us();
}

bool publisher_keeps_commit(const struct publisher *publisher)
{
    return publisher->unsettled && publisher->obstacle.gave_up;
}
