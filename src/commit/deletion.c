// SPDX-License-Identifier: Apache-2.0
#include "commit/deletion.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "catalog/history.h"
#include "commit/backup_lock.h"
#include "commit/retirement.h"
#include "os/log.h"
#include "util/arena.h"
#include "util/list.h"

/* Files between two transactions: as many are looked for again after a death, and as many go by one
 * request to an object store. */
#define BATCH_FILES 1000

static enum error_code no_memory(struct error *error)
{
    return error_no_memory(error, "the files to delete");
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* ---- which names are ours to delete ---- */

/* The data file that a name below _lake/replaced was made of. */
static bool find_replaced(const char *path, char out[OS_PATH_BYTES])
{
    char again[OS_PATH_BYTES];
    size_t length = strlen(path), prefix = strlen(CATALOG_RETIRED_PREFIX);
    if (!starts_with(path, CATALOG_RETIRED_PREFIX) || !ends_with(path, CATALOG_RETIRED_SUFFIX) ||
        length < prefix + strlen(CATALOG_RETIRED_SUFFIX) || length >= OS_PATH_BYTES)
        return false;
    length -= prefix + strlen(CATALOG_RETIRED_SUFFIX);
    memcpy(out, path + prefix, length);
    out[length] = '\0';
    return retirement_kept_path(out, again, NULL) == OK && strcmp(again, path) == 0;
}

static bool is_dead_letters(const char *path)
{
    static const char start[] = LAKE_FOLDER "/";
    return starts_with(path, start) && catalog_dead_letters_number(path + strlen(start)) != 0;
}

static bool is_set_aside(const char *path)
{
    static const char start[] = LAKE_DAMAGED "/";
    return starts_with(path, start) && strchr(path + strlen(start), '/') == NULL &&
           strstr(path, LAKE_DAMAGED_SUFFIX) != NULL;
}

/* Only names that something of ours can have given, and that lead nowhere else. */
static bool may_be_deleted(const struct store *store, const char *path)
{
    char ignored[OS_PATH_BYTES];
    bool is_in_place = retirement_in_place(store) && lake_is_data_path(path);
    return (find_replaced(path, ignored) || is_dead_letters(path) || is_set_aside(path) ||
            is_in_place) &&
           store_path(store, path, ignored, NULL) == OK && store_check_way(store, path, NULL) == OK;
}

/* ---- what the catalog names ---- */

/* By the text. An absolute one is compared by its end: the lake may be known by
 * several names. */
struct names {
    struct arena arena;
    struct buffer relative, absolute; /* const char * */
};

static enum error_code add_name(void *context, const char *path, bool is_absolute,
                                struct error *error)
{
    struct names *names = context;
    const char *copy = arena_copy_text(&names->arena, bytes_view_text(path));
    struct buffer *list = is_absolute ? &names->absolute : &names->relative;
    return copy != NULL && buffer_append(list, &copy, sizeof copy) == OK ? OK : no_memory(error);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* As catalog_each_name_in_lake_folder and catalog_each_doomed_name call back. */
typedef enum error_code names_source(struct catalog *catalog, catalog_name_visitor *visit,
                                     void *context, struct error *error);

static enum error_code names_read(struct names *names, struct catalog *catalog,
                                  names_source *source, struct error *error)
{
    arena_init(&names->arena, 0);
    buffer_init(&names->relative);
    buffer_init(&names->absolute);
    enum error_code code = source(catalog, add_name, names, error);
    if (code == OK && names->relative.size_bytes > 0)
        qsort(names->relative.data, LIST_COUNT(&names->relative, const char *),
              sizeof(const char *), compare_names);
    return code;
}

static void names_release(struct names *names)
{
    buffer_release(&names->relative);
    buffer_release(&names->absolute);
    arena_release(&names->arena);
}

static bool names_has(const struct names *names, const char *path)
{
    for (size_t i = 0; i < LIST_COUNT(&names->absolute, const char *); i++)
        if (ends_with(*LIST_AT(&names->absolute, const char *, i), path))
            return true;
    return names->relative.size_bytes > 0 &&
           bsearch(&path, names->relative.data, LIST_COUNT(&names->relative, const char *),
                   sizeof path, compare_names) != NULL;
}

/* ---- deleting ---- */

struct deletion {
    const struct store *store;
    struct catalog *catalog;
    struct deletion_report *report;
    struct arena arena;   /* of a batch */
    struct buffer batch;  /* struct catalog_doomed */
    struct buffer chosen; /* struct catalog_doomed: those that are to go, as they were found */
    struct buffer names;  /* const char *: theirs */
    struct buffer gone;   /* const char *: of the batch; to be taken off the list */
    size_t read_count;    /* files of the list that were looked at for the batch */
    const char *last;     /* of them */
};

static enum error_code add_to_batch(void *context, const struct catalog_doomed *file,
                                    struct error *error)
{
    struct deletion *deletion = context;
    struct catalog_doomed copy = {arena_copy_text(&deletion->arena, bytes_view_text(file->path)),
                                  file->size_bytes};
    return copy.path != NULL && buffer_append(&deletion->batch, &copy, sizeof copy) == OK
               ? OK
               : no_memory(error);
}

static void leave_alone(struct deletion *deletion, const char *path, const char *why)
{
    if (deletion->report->left_alone++ == 0)
        log_event(LOG_WARN, "lake",
                  "a file that was to be deleted is not the one that was meant: it stays",
                  LOG_T("path", path), LOG_T("why", why));
}

/* Whether it is there as it was listed; another error of it than those of the disk means no. */
static enum error_code find_file(struct deletion *deletion, const struct catalog_doomed *file,
                                 bool *is_there, bool *is_it, uint64_t *size_bytes,
                                 struct error *error)
{
    struct store_file opened;
    struct error failure;
    error_clear(&failure);
    enum error_code code = store_open(deletion->store, file->path, &opened, &failure);
    *size_bytes = code == OK ? opened.size_bytes : 0;
    store_close(&opened);
    *is_there = code != ERR_NOT_FOUND;
    *is_it = code == OK && (*size_bytes == (uint64_t)file->size_bytes ||
                            (file->size_bytes == 0 && is_dead_letters(file->path)));
    if (code != ERR_IO && code != ERR_RETRY && code != ERR_NO_MEMORY)
        return OK;
    if (error != NULL)
        *error = failure;
    return code;
}

/* Where a name is no other file's, ever, it is not asked for what has it: a request a file. */
static enum error_code choose(struct deletion *deletion, const struct catalog_doomed *file,
                              struct error *error)
{
    struct catalog_doomed chosen = *file;
    bool is_there = true, is_it = true;
    uint64_t size_bytes = file->size_bytes > 0 ? (uint64_t)file->size_bytes : 0;
    enum error_code code = OK;
    if (!retirement_in_place(deletion->store))
        code = find_file(deletion, file, &is_there, &is_it, &size_bytes, error);
    if (code != OK)
        return code;
    if (is_there && !is_it) {
        leave_alone(deletion, file->path, "its size is another one");
        return OK;
    }
    deletion->report->missing += !is_there;
    if (!is_there)
        return buffer_append(&deletion->gone, &file->path, sizeof file->path) == OK
                   ? OK
                   : no_memory(error);
    chosen.size_bytes = (int64_t)size_bytes;
    return buffer_append(&deletion->chosen, &chosen, sizeof chosen) == OK &&
                   buffer_append(&deletion->names, &chosen.path, sizeof chosen.path) == OK
               ? OK
               : no_memory(error);
}

static bool same_folder(const char *a, const char *b)
{
    const char *end_a = strrchr(a, '/'), *end_b = strrchr(b, '/');
    return end_a != NULL && end_b != NULL && end_a - a == end_b - b &&
           strncmp(a, b, (size_t)(end_a - a)) == 0;
}

/* Sync Y14: each folder once; those of one folder follow each other. */
static enum error_code sync_gone(const struct deletion *deletion, struct error *error)
{
    enum error_code code = OK;
    size_t count = LIST_COUNT(&deletion->gone, const char *);
    for (size_t i = 0; code == OK && i < count; i++) {
        const char *const *path = LIST_AT(&deletion->gone, const char *, i);
        if (i == 0 || !same_folder(path[-1], path[0]))
            code = store_sync_changed(deletion->store, path, 1, error);
    }
    return code;
}

/* The next files of the list, without those that are none of ours or that something names: by one
 * view of the catalog. */
static enum error_code read_batch(struct deletion *deletion, const char *after, struct error *error)
{
    struct names names;
    size_t kept = 0;
    enum error_code code = catalog_begin_read(deletion->catalog, error);
    if (code != OK)
        return code;
    code = names_read(&names, deletion->catalog, catalog_each_doomed_name, error);
    if (code == OK)
        code = catalog_each_doomed(deletion->catalog, after, BATCH_FILES, add_to_batch, deletion,
                                   error);
    catalog_end_read(deletion->catalog);
    deletion->read_count = LIST_COUNT(&deletion->batch, struct catalog_doomed);
    for (size_t i = 0; code == OK && i < deletion->read_count; i++) {
        struct catalog_doomed *file = LIST_AT(&deletion->batch, struct catalog_doomed, i);
        deletion->last = file->path;
        if (may_be_deleted(deletion->store, file->path) && !names_has(&names, file->path))
            *LIST_AT(&deletion->batch, struct catalog_doomed, kept++) = *file;
        else
            leave_alone(deletion, file->path, "it is no name of such a file, or is in use");
    }
    deletion->batch.size_bytes = kept * sizeof(struct catalog_doomed);
    names_release(&names);
    return code;
}

/* What was chosen before one failed goes all the same. */
static enum error_code remove_chosen(struct deletion *deletion, enum error_code code,
                                     struct error *error)
{
    struct error ignored;
    size_t done = 0, count = LIST_COUNT(&deletion->names, const char *);
    enum error_code removed = OK;
    if (count > 0)
        removed = store_remove_many(deletion->store, (const void *)deletion->names.data, count,
                                    &done, code == OK ? error : &ignored);
    for (size_t i = 0; i < done; i++) {
        const struct catalog_doomed *file = LIST_AT(&deletion->chosen, struct catalog_doomed, i);
        deletion->report->files++;
        deletion->report->bytes += (uint64_t)file->size_bytes;
    }
    if (done > 0 &&
        buffer_append(&deletion->gone, deletion->names.data, done * sizeof(const char *)) != OK)
        return no_memory(error);
    return code == OK ? removed : code;
}

static enum error_code delete_batch(struct deletion *deletion, const char *after,
                                    struct error *error)
{
    buffer_reset(&deletion->batch);
    buffer_reset(&deletion->chosen);
    buffer_reset(&deletion->names);
    buffer_reset(&deletion->gone);
    deletion->read_count = 0;
    enum error_code code = read_batch(deletion, after, error);
    for (size_t i = 0; code == OK && i < LIST_COUNT(&deletion->batch, struct catalog_doomed); i++)
        code = choose(deletion, LIST_AT(&deletion->batch, struct catalog_doomed, i), error);
    return remove_chosen(deletion, code, error);
}

/* What was deleted when one failed is taken off the list all the same. */
static enum error_code finish_batch(struct deletion *deletion, enum error_code code,
                                    struct error *error)
{
    struct error ignored;
    struct error *reported = code == OK ? error : &ignored;
    enum error_code finished = sync_gone(deletion, reported);
    if (finished == OK && deletion->gone.size_bytes > 0)
        finished = catalog_unlist_doomed(deletion->catalog, (const void *)deletion->gone.data,
                                         LIST_COUNT(&deletion->gone, const char *), reported);
    return code == OK ? finished : code;
}

static enum error_code delete_all(struct deletion *deletion, struct error *error)
{
    char after[OS_PATH_BYTES] = "";
    enum error_code code = OK;
    do {
        arena_reset(&deletion->arena);
        code = finish_batch(deletion, delete_batch(deletion, after, error), error);
        if (deletion->read_count > 0) {
            size_t length = strnlen(deletion->last, sizeof after - 1);
            memcpy(after, deletion->last, length);
            after[length] = '\0';
        }
    } while (code == OK && deletion->read_count == BATCH_FILES);
    return code;
}

/* A backup that runs is waited for by doing it another time. */
static enum error_code take_lock(struct backup_lock *lock, struct deletion *deletion,
                                 const struct catalog_doomed_totals *totals, bool *is_taken,
                                 struct error *error)
{
    struct error failure;
    error_clear(&failure);
    enum error_code code = backup_lock_delete(lock, deletion->store, &failure);
    *is_taken = code == OK;
    if (code == ERR_CONFLICT) {
        deletion->report->waiting_files = totals->files;
        deletion->report->waiting_bytes = totals->bytes;
        memcpy(deletion->report->waits_for, failure.message, sizeof failure.message);
        return OK;
    }
    if (code != OK && error != NULL)
        *error = failure;
    return code;
}

enum error_code deletion_finish(const struct store *store, struct catalog *catalog,
                                struct deletion_report *report, struct error *error)
{
    struct deletion deletion = {.store = store, .catalog = catalog, .report = report};
    struct catalog_doomed_totals totals;
    struct backup_lock lock;
    bool is_taken = false;
    *report = (struct deletion_report){0};
    enum error_code code = catalog_doomed_totals(catalog, &totals, error);
    if (code != OK || totals.files == 0)
        return code;
    backup_lock_init(&lock);
    code = take_lock(&lock, &deletion, &totals, &is_taken, error);
    if (code == OK && is_taken) {
        arena_init(&deletion.arena, 0);
        code = delete_all(&deletion, error);
        if (code == OK)
            code = store_tidy(store, LAKE_REPLACED, error);
        arena_release(&deletion.arena);
        buffer_release(&deletion.batch);
        buffer_release(&deletion.chosen);
        buffer_release(&deletion.names);
        buffer_release(&deletion.gone);
    }
    backup_lock_release(&lock);
    return code;
}

/* ---- files that nobody knows ---- */

struct strays {
    struct catalog *catalog;
    struct names names;
    struct arena arena;
    struct buffer found; /* struct catalog_doomed */
};

/* One that lay where a data file of the catalog belongs may be needed again: somebody put back an
 * older catalog. */
static enum error_code look_at_replaced(void *context, const char *relative_path,
                                        uint64_t size_bytes, struct error *error)
{
    struct strays *strays = context;
    char path[OS_PATH_BYTES], lay_at[OS_PATH_BYTES];
    bool known = false;
    enum error_code code = os_path_join(path, LAKE_REPLACED, relative_path, error);
    if (code != OK || !find_replaced(path, lay_at) || names_has(&strays->names, path))
        return code;
    code = catalog_path_is_known(strays->catalog, lay_at, &known, error);
    if (code != OK || known)
        return code;
    struct catalog_doomed file = {arena_copy_text(&strays->arena, bytes_view_text(path)),
                                  (int64_t)size_bytes};
    return file.path != NULL && buffer_append(&strays->found, &file, sizeof file) == OK
               ? OK
               : no_memory(error);
}

enum error_code deletion_list_strays(const struct store *store, struct catalog *catalog,
                                     struct error *error)
{
    struct strays strays = {.catalog = catalog};
    const struct os_walker walker = {.context = &strays, .visit = look_at_replaced};
    enum error_code code = OK;
    if (retirement_in_place(store) || !store_exists(store, LAKE_REPLACED))
        return OK; /* what nobody knows of an object store is nobody's */
    arena_init(&strays.arena, 0);
    code = names_read(&strays.names, catalog, catalog_each_name_in_lake_folder, error);
    if (code == OK)
        code = store_walk(store, LAKE_REPLACED, &walker, error);
    if (code == OK && strays.found.size_bytes > 0)
        code = catalog_doom(catalog, (const void *)strays.found.data,
                            LIST_COUNT(&strays.found, struct catalog_doomed), error);
    buffer_release(&strays.found);
    names_release(&strays.names);
    arena_release(&strays.arena);
    return code;
}

/* ---- commits ---- */

struct forgetting {
    const struct store *store;
    struct buffer commit_nos; /* uint64_t */
    uint64_t last;            /* whose files are looked at; 0: none yet */
    bool has_file;
};

static enum error_code end_commit(struct forgetting *forgetting, struct error *error)
{
    if (forgetting->last == 0 || forgetting->has_file)
        return OK;
    return buffer_append(&forgetting->commit_nos, &forgetting->last, sizeof forgetting->last) == OK
               ? OK
               : error_no_memory(error, "the commits that are gone");
}

/* A file that still lies there was taken out by a repair that died: the next one moves it, for
 * which it must know whose it was. */
static enum error_code look_at_commit(void *context, uint64_t commit_no, const char *path,
                                      struct error *error)
{
    struct forgetting *forgetting = context;
    enum error_code code = OK;
    if (commit_no != forgetting->last) {
        code = end_commit(forgetting, error);
        forgetting->last = commit_no;
        forgetting->has_file = false;
    }
    if (path != NULL && !retirement_in_place(forgetting->store) &&
        store_exists(forgetting->store, path))
        forgetting->has_file = true;
    return code;
}

enum error_code deletion_forget_commits(const struct store *store, struct catalog *catalog,
                                        int64_t oldest_us, uint64_t *count, struct error *error)
{
    struct forgetting forgetting = {.store = store};
    *count = 0;
    enum error_code code =
        catalog_each_forgettable(catalog, oldest_us, look_at_commit, &forgetting, error);
    if (code == OK)
        code = end_commit(&forgetting, error);
    if (code == OK) {
        *count = LIST_COUNT(&forgetting.commit_nos, uint64_t);
        code = catalog_forget_commits(catalog, (const void *)forgetting.commit_nos.data,
                                      (size_t)*count, error);
    }
    buffer_release(&forgetting.commit_nos);
    return code;
}
