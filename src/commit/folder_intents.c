// SPDX-License-Identifier: Apache-2.0
/*
 * What a crash left of a commit is finished or undone, before anything else is written.
 *
 * At most one intent can be there, since a commit begins only when the one before it is closed. It
 * tells how far the dead process can have come, and where that process was in doubt, so are we:
 *
 *   - No intent: nothing had been promised. What lies in staging is deleted.
 *   - The catalog holds the commit: it is in the lake. Only the intent goes.
 *   - Each file is complete, staged or placed: forward. The publication goes on where it stopped;
 *     each of its steps can be done again.
 *   - A file is missing, incomplete, or a stranger has its name, or the files were to take the
 * place of others: back. First the catalog is made to tell for good that it does not hold the
 * commit, for the dead process may have been inside its transaction; then the commit's own files
 * are deleted. Its ledgers are not covered, so they are fetched again.
 *
 * A death in here is no special case: each of these leads to a state that the list has again.
 *
 * Whoever can write to the lake's folder can also write an intent. So one that no commit of this
 * lake can have made (another lake's, a number that the catalog is past, paths that are not a
 * commit's, or are known of another one) stops the start, and nothing is touched by its names.
 */
#include "commit/folder_intents.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "commit/intent_file.h"
#include "commit/recovery_report.h"

/* Sets which items have their final names; *complete if all are complete and none is blocked. */
static enum error_code find_items(struct publication *publication, bool *complete,
                                  struct error *error)
{
    enum error_code code = OK;
    *complete = true;
    for (size_t i = 0; code == OK && i < intent_item_count(publication->intent); i++) {
        enum item_place place = ITEM_MISSING;
        code = publication_find_item(publication, i, &place, error);
        if (place == ITEM_PLACED)
            publication->placed |= UINT32_C(1) << i;
        else if (place != ITEM_STAGED)
            *complete = false;
    }
    return code;
}

static enum error_code refuse(const struct publication *publication, const char *what,
                              struct error *error)
{
    return error_set(error, ERR_CORRUPT,
                     "%s/" LAKE_INTENT " names %s: no commit of this lake can have written it, and "
                     "nothing was touched; move it aside, then run `verify`",
                     publication->store->root, what);
}

/* Nothing is looked at, moved or deleted by names that are not this commit's. */
static enum error_code check_names(const struct publication *publication, struct error *error)
{
    const struct catalog_commit *commit = &publication->intent->commit;
    const struct intent_guard *guard = publication->guard;
    char what[INTENT_PATH_BYTES + 64];
    uint64_t next = 0;
    enum error_code code = catalog_next_commit_no(publication->catalog, &next, error);
    if (code == OK && commit->commit_no < next) {
        snprintf(what, sizeof what, "the commit %" PRIu64 ", which the catalog is past",
                 commit->commit_no);
        return refuse(publication, what, error);
    }
    for (size_t i = 0; code == OK && i < commit->file_count; i++) {
        bool known = false;
        const char *path = commit->files[i].path;
        code = catalog_path_is_known(publication->catalog, path, &known, error);
        if (code != OK || (!known && guard->names_data_file(guard->context, path)))
            continue;
        snprintf(what, sizeof what, "%s%s", path, known ? ", a file of another commit" : "");
        code = refuse(publication, what, error);
    }
    return code;
}

static enum error_code recover_commit(struct publication *publication,
                                      struct recovery_report *report, struct error *error)
{
    bool committed = false, complete = false;
    report->is_replacement = publication->intent->is_replacement;
    publication->state = PUBLICATION_INTENDED;
    publication->began = true; /* by the process that wrote the intent */
    enum error_code code =
        catalog_has_commit(publication->catalog, report->commit_no, &committed, error);
    if (code == OK && committed) {
        report->outcome = RECOVERY_FINISHED;
        publication->state = PUBLICATION_COMMITTED;
        return OK;
    }
    if (code == OK)
        code = check_names(publication, error);
    if (code == OK)
        code = find_items(publication, &complete, error);
    if (publication->intent->is_replacement)
        complete = false; /* what it replaces is in the lake */
    if (code == OK && complete) {
        report->outcome = RECOVERY_ROLLED_FORWARD;
        code = publish_place_files(publication, error);
        if (code == OK)
            code = publish_to_catalog(publication, error);
    }
    if ((code == OK && !complete) || publication->file_lost) {
        code = publish_withdraw(publication, error);
        report->outcome =
            publication->state == PUBLICATION_COMMITTED ? RECOVERY_FINISHED : RECOVERY_ROLLED_BACK;
    }
    return code;
}

/* ---- the intent of a folder ---- */

static enum error_code write_file(struct publication *publication, struct error *error)
{
    return intent_write(publication->intent, publication->store, error);
}

static enum error_code nothing_to_give_up(struct publication *publication, struct error *error)
{
    (void)publication;
    (void)error;
    return OK;
}

static enum error_code remove_file(struct publication *publication, struct error *error)
{
    return store_remove(publication->store, LAKE_INTENT, error);
}

static enum error_code each_path_of_file(const struct store *store, struct catalog *catalog,
                                         intent_path_visitor *visit, void *context,
                                         struct error *error)
{
    struct intent intent;
    (void)catalog;
    enum error_code code = intent_read(&intent, store, error);
    if (code == ERR_NOT_FOUND) {
        error_clear(error);
        return OK;
    }
    for (size_t i = 0; code == OK && i < intent_item_count(&intent); i++) {
        struct intent_item item;
        intent_item_get(&intent, i, &item);
        code = visit(context, item.path, false, error);
    }
    intent_release(&intent);
    return code;
}

static enum error_code recover_file(const struct store *store, struct catalog *catalog,
                                    const struct intent_guard *guard,
                                    struct recovery_report *report, struct error *error)
{
    struct intent intent;
    struct publication publication;
    enum error_code code = intent_read(&intent, store, error);
    if (code == ERR_NOT_FOUND)
        return OK;
    if (code != OK)
        return code;
    report->commit_no = intent.commit.commit_no;
    report->range = intent.commit.range;
    publication_init(&publication, store, catalog, &intent, &folder_intents);
    publication.guard = guard;
    if (strcmp(intent.lake_id, catalog_lake_id(catalog)) != 0)
        code = error_set(error, ERR_CORRUPT,
                         "%s/" LAKE_INTENT " is of another lake (%s, not %s): the _lake folder was "
                         "mixed up with another one",
                         store->root, intent.lake_id, catalog_lake_id(catalog));
    else
        code = recover_commit(&publication, report, error);
    if (code == OK)
        code = publish_remove_intent(&publication, error);
    intent_release(&intent);
    return code;
}

const struct intent_keeper folder_intents = {.write = write_file,
                                             .confirm = publication_look_again,
                                             .give_up = nothing_to_give_up,
                                             .remove = remove_file,
                                             .recover = recover_file,
                                             .each_path = each_path_of_file};
