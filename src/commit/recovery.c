// SPDX-License-Identifier: Apache-2.0
#include "commit/recovery.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "store/layout.h"
#include "commit/publication.h"
#include "os/file.h"

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
                     publication->root, what);
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

static enum error_code recover_intent(const char *root, struct catalog *catalog,
                                      const struct intent_guard *guard,
                                      struct recovery_report *report, struct error *error)
{
    struct intent intent;
    struct publication publication;
    enum error_code code = intent_read(&intent, root, error);
    if (code == ERR_NOT_FOUND)
        return OK;
    if (code != OK)
        return code;
    report->commit_no = intent.commit.commit_no;
    report->range = intent.commit.range;
    publication_init(&publication, root, catalog, &intent);
    publication.guard = guard;
    if (strcmp(intent.lake_id, catalog_lake_id(catalog)) != 0)
        code = error_set(error, ERR_CORRUPT,
                         "%s/" LAKE_INTENT " is of another lake (%s, not %s): the _lake folder was "
                         "mixed up with another one",
                         root, intent.lake_id, catalog_lake_id(catalog));
    else
        code = recover_commit(&publication, report, error);
    if (code == OK)
        code = publish_remove_intent(&publication, error);
    intent_release(&intent);
    return code;
}

struct clean_up {
    const char *staging;
    size_t deleted;
};

static enum error_code delete_leftover(void *context, const char *relative_path,
                                       uint64_t size_bytes, struct error *error)
{
    struct clean_up *clean_up = context;
    char path[OS_PATH_BYTES];
    (void)size_bytes;
    enum error_code code = os_path_join(path, clean_up->staging, relative_path, error);
    if (code == OK)
        code = os_unlink(path, error);
    if (code == OK)
        clean_up->deleted++;
    return code == ERR_NOT_FOUND ? OK : code;
}

enum error_code recovery_run(const char *root, struct catalog *catalog,
                             const struct intent_guard *guard, struct recovery_report *report,
                             struct error *error)
{
    char staging[OS_PATH_BYTES];
    struct clean_up clean_up = {.staging = staging};
    const struct os_walker walker = {.context = &clean_up, .visit = delete_leftover};
    *report = (struct recovery_report){0};
    enum error_code code = recover_intent(root, catalog, guard, report, error);
    if (code == OK)
        code = os_path_join(staging, root, LAKE_STAGING, error);
    if (code == OK)
        code = os_make_directories(staging, NULL, error);
    if (code == OK)
        code = os_walk(staging, &walker, error);
    report->staged_deleted = clean_up.deleted;
    return code;
}
