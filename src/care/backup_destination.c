// SPDX-License-Identifier: Apache-2.0
#include "care/backup_destination.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "catalog/files.h"
#include "catalog/history.h"
#include "catalog/others.h"
#include "catalog/place.h"
#include "catalog/uploads.h"
#include "commit/lake_catalog.h"
#include "os/file.h"
#include "store/objects.h"
#include "util/memory.h"

/* ---- where it is ---- */

/* What of the path is there, without links, and behind it what is not. */
static enum error_code resolve(const char *path, char out[OS_PATH_BYTES], struct error *error)
{
    char absolute[OS_PATH_BYTES], there[OS_PATH_BYTES], above[OS_PATH_BYTES];
    enum error_code code = os_absolute_path(absolute, path, error);
    if (code != OK)
        return code;
    memcpy(there, absolute, sizeof there);
    while (!os_path_exists(there)) {
        code = os_parent_path(above, there, error);
        if (code != OK)
            return code;
        memcpy(there, above, sizeof there);
    }
    const char *rest = absolute + strlen(there);
    rest += strspn(rest, "/");
    if (strstr(rest, "..") != NULL)
        return error_set(error, ERR_INVALID, "%s: name the folder itself, without \"..\"", path);
    code = os_real_path(above, there, error);
    if (code != OK || rest[0] == '\0') {
        memcpy(out, above, OS_PATH_BYTES);
        return code;
    }
    return os_path_join(out, above, rest, error);
}

static enum error_code resolve_url(const char *url, char out[OS_PATH_BYTES], struct error *error)
{
    struct store store;
    enum error_code code = store_at(&store, url, error);
    return code == OK ? os_path_join(out, "", store.root, error) : code;
}

/* Whether `inner` is `outer` or lies below it. */
static bool is_within(const char *inner, const char *outer)
{
    size_t length = strlen(outer);
    while (length > 1 && outer[length - 1] == '/')
        length--;
    return strncmp(inner, outer, length) == 0 &&
           (inner[length] == '\0' || inner[length] == '/' || outer[length - 1] == '/');
}

enum error_code destination_find(const char *path, const char *root, char out[OS_PATH_BYTES],
                                 struct error *error)
{
    char above[OS_PATH_BYTES];
    bool is_objects = objects_is_url(path);
    if (path[0] == '\0')
        return error_set(error, ERR_INVALID, "backup needs a place to write to");
    if (!is_objects && strstr(path, "://") != NULL)
        return error_set(
            error, ERR_INVALID,
            "%s: a backup goes into a folder, or to object storage as s3://BUCKET/PREFIX", path);
    enum error_code code = is_objects ? resolve_url(path, out, error) : resolve(path, out, error);
    if (code != OK)
        return code;
    if (is_within(out, root) || is_within(root, out))
        return error_set(
            error, ERR_INVALID,
            "the backup can't lie in %s, which is, lies in, or holds the lake %s: name "
            "a place beside it",
            out, root);
    if (is_objects)
        return OK;
    if (os_is_regular_file(out))
        return error_set(error, ERR_INVALID, "%s is a file: a backup needs a folder", out);
    code = os_parent_path(above, out, error);
    if (code == OK && !os_path_exists(above))
        code = error_set(error, ERR_INVALID,
                         "there is no folder %s for the backup to lie in: is its volume mounted? "
                         "Make it, or name another",
                         above);
    return code;
}

enum error_code destination_place(struct destination *destination, const char *root,
                                  const char *catalog, const char *schema, struct error *error)
{
    const char *fault = database_location_fault(catalog, schema);
    if (fault != NULL)
        return error_set(error, ERR_INVALID, "--catalog of the copy: %s", fault);
    if (catalog[0] == '\0' && objects_is_url(root))
        return error_set(
            error, ERR_INVALID,
            "an object store can't hold the copy's catalog: say where that is to be "
            "with --catalog, postgres:CONNINFO or sqlite:PATH, a file on a local disk");
    if (strncmp(catalog, DATABASE_SQLITE_PREFIX, strlen(DATABASE_SQLITE_PREFIX)) == 0 &&
        !objects_is_url(root))
        return error_set(error, ERR_INVALID,
                         "a lake in a folder keeps its SQLite catalog in that folder: leave out "
                         "--catalog, or name one in PostgreSQL");
    snprintf(destination->catalog, sizeof destination->catalog, "%s", catalog);
    snprintf(destination->schema, sizeof destination->schema, "%s", schema);
    lake_catalog_configure_for(root, destination->catalog, destination->schema);
    return OK;
}

void destination_forget(void)
{
    lake_catalog_configure_for(NULL, "", "");
}

enum error_code destination_reach(const struct store *copy, struct error *error)
{
    struct error failure;
    enum error_code code = store_is_folder(copy) ? OK : store_find_lake(copy, &failure);
    if (code == OK || code == ERR_NOT_FOUND)
        return OK;
    if (error != NULL)
        *error = failure;
    return code;
}

/* ---- what is there ---- */

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* What a backup leaves that dies before its first file. */
static enum error_code refuse_file(void *context, const char *relative_path, uint64_t size_bytes,
                                   struct error *error)
{
    const struct store *copy = context;
    (void)size_bytes;
    if (strcmp(relative_path, LAKE_LOCK) == 0 || begins(relative_path, LAKE_STAGING "/") ||
        strcmp(relative_path, LAKE_FILE LAKE_IN_PROGRESS_SUFFIX) == 0 ||
        strcmp(relative_path, LAKE_PROBE_FINAL) == 0 ||
        begins(relative_path, LAKE_FOLDER "/probe_"))
        return OK;
    return error_set(error, ERR_CONFLICT,
                     "%s is not empty (there is %s) and holds no lake: a backup needs a folder of "
                     "its own, a new or an empty one",
                     copy->root, relative_path);
}

/* A disk's own folder, which only root may read. */
static bool enters(void *context, const char *relative_path)
{
    (void)context;
    return strcmp(relative_path, "lost+found") != 0;
}

static enum error_code refuse_files(const struct store *copy, struct error *error)
{
    const struct os_walker walker = {
        .context = (void *)copy, .visit = refuse_file, .enter = enters};
    return store_exists(copy, "") ? store_walk(copy, "", &walker, error) : OK;
}

static enum error_code check_lake(const struct store *copy, const struct lake_file *lake,
                                  const struct lake_file *there, struct error *error)
{
    if (strcmp(there->lake_id, lake->lake_id) != 0)
        return error_set(error, ERR_CONFLICT,
                         "%s holds another lake (%s, not %s): give another folder, one for each "
                         "lake",
                         copy->root, there->lake_id, lake->lake_id);
    if (there->creating)
        return error_set(error, ERR_CONFLICT,
                         "%s holds a lake that a run began to make: give another folder",
                         copy->root);
    if (store_exists(copy, LAKE_INTENT))
        return error_set(error, ERR_CONFLICT,
                         "a run was killed in %s while it published a commit: it is no longer a "
                         "backup; give another folder, or start a run there once to finish that",
                         copy->root);
    return OK;
}

/* What a run that died was putting, or had put, is nobody's once the catalog is another. */
static enum error_code note_upload(void *context, const struct catalog_upload *upload,
                                   struct error *error)
{
    bool *some = context;
    (void)upload;
    (void)error;
    *some = true;
    return OK;
}

static enum error_code check_catalog(const struct store *copy, const struct lake_file *lake,
                                     struct catalog *catalog, struct error *error)
{
    char *place = NULL;
    bool has_uploads = false;
    enum error_code code = catalog_lake_path(catalog, &place, error);
    if (code == OK && (strcmp(catalog_lake_id(catalog), lake->lake_id) != 0 || place == NULL ||
                       strcmp(place, copy->root) != 0))
        code =
            error_set(error, ERR_CONFLICT,
                      "the catalog that is named for the copy holds the lake of %s: name another "
                      "one (another --catalog-schema, or file) for that in %s",
                      place == NULL ? "another place" : place, copy->root);
    if (code == OK)
        code = catalog_each_upload(catalog, note_upload, &has_uploads, error);
    if (code == OK && has_uploads)
        code = error_set(error, ERR_CONFLICT,
                         "a run was killed in %s while it published a commit, less than a day ago: "
                         "it is no longer a backup; give another place, or start a run there once "
                         "to finish that",
                         copy->root);
    mem_free(place);
    return code;
}

/* One in the folder is looked at when it is read; another may be anybody's. */
static enum error_code look_at_catalog(struct destination *destination, const struct store *copy,
                                       const struct lake_file *lake, bool *is_there,
                                       struct error *error)
{
    struct catalog *catalog = NULL;
    enum error_code code =
        lake_catalog_is_in_folder(copy, &destination->catalog_is_in_folder, error);
    *is_there = false;
    if (code != OK)
        return code;
    if (destination->catalog_is_in_folder) {
        *is_there = store_exists(copy, LAKE_CATALOG);
        return OK;
    }
    code = lake_catalog_look(copy, is_there, error);
    if (code == OK && *is_there)
        code = lake_catalog_open(&catalog, copy, CATALOG_READ, NULL, error);
    if (code == OK && *is_there)
        code = check_catalog(copy, lake, catalog, error);
    catalog_close(catalog);
    return code;
}

/* A copy keeps its catalog where the first backup put it. */
static enum error_code check_place(struct destination *destination, const struct store *copy,
                                   const struct lake_file *there, struct error *error)
{
    bool is_wanted = destination->catalog[0] != '\0';
    if (!store_is_folder(copy))
        return OK; /* its lake.json does not say it */
    if (!is_wanted) {
        memcpy(destination->catalog, there->catalog, sizeof there->catalog);
        memcpy(destination->schema, there->catalog_schema, sizeof there->catalog_schema);
        return OK;
    }
    if (strcmp(destination->catalog, there->catalog) == 0 &&
        strcmp(destination->schema, there->catalog_schema) == 0)
        return OK;
    return error_set(error, ERR_CONFLICT,
                     "the backup in %s has its catalog in %.300s%s%s, not in %.300s%s%s: leave out "
                     "--catalog, or give another folder",
                     copy->root, there->catalog[0] == '\0' ? "its folder" : there->catalog,
                     there->catalog_schema[0] == '\0' ? "" : " schema ", there->catalog_schema,
                     destination->catalog, destination->schema[0] == '\0' ? "" : " schema ",
                     destination->schema);
}

enum error_code destination_look(struct destination *destination, const struct store *copy,
                                 const struct lake_file *lake, struct error *error)
{
    struct lake_file there;
    struct error failure;
    bool has_catalog = false;
    destination->kind = DESTINATION_EMPTY;
    enum error_code code = lake_file_read(&there, copy, &failure);
    bool is_new = code == ERR_NOT_FOUND;
    if (code == OK)
        code = check_lake(copy, lake, &there, &failure);
    if (code == OK)
        code = check_place(destination, copy, &there, &failure);
    if (code == OK || is_new)
        code = look_at_catalog(destination, copy, lake, &has_catalog, &failure);
    if (code == OK && is_new && has_catalog)
        code = error_set(&failure, ERR_CONFLICT,
                         "%s has a catalog but no " LAKE_FILE
                         ": nothing says which lake it is; give another folder, and a catalog of "
                         "its own",
                         copy->root);
    if (code == OK && is_new)
        code = refuse_files(copy, &failure);
    lake_file_release(&there);
    if (!is_new)
        destination->kind = has_catalog ? DESTINATION_LAKE : DESTINATION_STARTED;
    if (code != OK && error != NULL)
        *error = failure;
    return code;
}

/* ---- is it older? ---- */

struct history {
    const struct store *copy;
    struct catalog *lake;
    uint64_t next_commit_no; /* of the lake */
};

static enum error_code set_newer_error(const struct store *copy, uint64_t commit_no,
                                       struct error *error)
{
    return error_set(error, ERR_CONFLICT,
                     "%s has a commit %" PRIu64
                     " that the lake has not, or has otherwise: a run went on there, or this lake "
                     "is an older one that was put back. Back it up into another folder; to go on "
                     "with what is newer, back up that one instead",
                     copy->root, commit_no);
}

static enum error_code check_commit(void *context, const struct catalog_commit_record *commit,
                                    struct error *error)
{
    const struct history *history = context;
    bool found = false;
    struct ledger_range range = {0};
    int64_t row_count = 0, dead_letter_count = 0;
    enum error_code code = catalog_find_commit(history->lake, commit->commit_no, &found, &range,
                                               &row_count, &dead_letter_count, error);
    if (code != OK)
        return code;
    if (!found && commit->commit_no < history->next_commit_no)
        return OK; /* it left the lake, and the lake has forgotten it since */
    /* Dead letters may have become rows since (dead-letters replay). */
    return found && range.first == commit->range.first && range.last == commit->range.last &&
                   row_count + dead_letter_count == commit->row_count + commit->dead_letter_count
               ? OK
               : set_newer_error(history->copy, commit->commit_no, error);
}

enum error_code destination_check_older(const struct store *copy, struct catalog *former,
                                        struct catalog *lake, struct error *error)
{
    struct history history = {.copy = copy, .lake = lake};
    int64_t there = 0, here = 0;
    enum error_code code = catalog_next_commit_no(lake, &history.next_commit_no, error);
    if (code == OK)
        code = catalog_each_commit(former, 0, check_commit, &history, error);
    if (code == OK)
        code = catalog_newest_snapshot(former, &there, error);
    if (code == OK)
        code = catalog_newest_snapshot(lake, &here, error);
    if (code == OK && there > here)
        code = error_set(error, ERR_CONFLICT,
                         "%s has the snapshot %" PRId64 ", newer than the lake's %" PRId64
                         ": somebody changed it, or this lake is an older one that was put back. "
                         "Back it up into another folder",
                         copy->root, there, here);
    return code;
}
