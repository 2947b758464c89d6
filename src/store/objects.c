// SPDX-License-Identifier: Apache-2.0
/*
 * A lake on object storage. What the protocol needs of a store is less here than in a folder: an
 * object is there wholly or not at all, and durable when the request was answered. So syncs do
 * nothing. A move is a copy and a deletion; a link is refused, and the verbs that need one say so
 * before.
 *
 * There is one struct objects a lake, which lives as long as the process: a store is found by its
 * path wherever one is needed, also on threads that only look at the lake.
 */
#include "store/objects.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <xxhash.h>

#include "os/clock.h"
#include "os/identity.h"
#include "os/log.h"
#include "s3/client.h"
#include "store/folder.h"
#include "store/object_reader.h"
#include "util/memory.h"

/* A request is tried again for so long by itself; who waits longer asks again. */
#define RETRY_FOR_US INT64_C(15000000)
#define CONTENT_MARK "ttp-xxh64"
#define MARK_BYTES   17
#define ASIDE_MAX    1000 /* things of one name that can be kept aside */
/* Replacing what somebody else replaces at the same moment. */
#define REPLACE_ROUNDS 3
#define PROBE_NAME     LAKE_FOLDER "/probe_"
#define PROBE_KEPT_US  (INT64_C(24) * 3600 * 1000000)
#define LIST_PAST_ALL  "~" /* sorts behind all that a name of ours begins with */

struct objects {
    struct s3_client *client;
    /* Where files are staged: the same names below other roots, one for each process of this
     * machine that writes to the lake. */
    struct store locals[OBJECTS_SLOTS];
    atomic_size_t slot;
    char url[OS_PATH_BYTES];
    struct objects *next;
};

static struct objects_settings configured = {
    .endpoint = "", .region = "", .staging_path = "./data/staging"};
static _Atomic(struct objects *) all_objects;

void objects_configure(const struct objects_settings *settings)
{
    configured = *settings;
}

void objects_set_stop(bool (*stop)(void *context), void *context)
{
    configured.stop = stop;
    configured.stop_context = context;
}

bool objects_is_url(const char *output_path)
{
    return s3_url_is(output_path);
}

static struct s3_patience patience(void)
{
    return (struct s3_patience){
        .retry_for_us = RETRY_FOR_US, .stop = configured.stop, .context = configured.stop_context};
}

/* A code of the client as one of a store. What was right when the run began and is refused now may
 * be mended without it: a policy, a key, a bucket. */
static enum error_code translate(enum error_code code, struct error *failure, struct error *error)
{
    if (code == OK)
        return OK;
    if (code == ERR_RETRY || code == ERR_AGAIN) {
        failure->system_errno = EHOSTUNREACH;
        code = ERR_RETRY;
    } else if (code == ERR_INVALID) {
        failure->system_errno = EACCES;
        code = ERR_IO;
    }
    failure->code = code;
    if (error != NULL)
        *error = *failure;
    return code;
}

/* ---- names ---- */

/* A lock is of this machine, as whoever may hold it is. */
static bool is_local(const char *name)
{
    size_t length = strlen(LAKE_STAGING);
    return strcmp(name, LAKE_BACKUP_LOCK) == 0 || strcmp(name, LAKE_BACKUPS_LOCK) == 0 ||
           (strncmp(name, LAKE_STAGING, length) == 0 &&
            (name[length] == '/' || name[length] == '\0'));
}

static const struct store *local_of(const struct store *store)
{
    return &store->objects->locals[atomic_load(&store->objects->slot)];
}

static enum error_code check_name(const struct store *store, const char *name, struct error *error)
{
    char ignored[OS_PATH_BYTES];
    return store_path(local_of(store), name, ignored, error);
}

static enum error_code path_of(const struct store *store, const char *name, char out[OS_PATH_BYTES],
                               struct error *error)
{
    enum error_code code = check_name(store, name, error);
    if (code != OK || name[0] == '\0')
        return code == OK ? os_path_join(out, "", store->root, error) : code;
    return is_local(name) ? store_path(local_of(store), name, out, error)
                          : os_path_join(out, store->root, name, error);
}

static enum error_code refuse(const struct store *store, const char *what, const char *name,
                              struct error *error)
{
    return error_set(error, ERR_INVALID, "%s/%s can't be %s: an object store has no such thing",
                     store->root, name, what);
}

/* ---- putting, and taking away ---- */

/* Of a staged file, so that a put whose answer was lost is known again by what it put. */
static enum error_code mark_of(const char *path, char mark[MARK_BYTES], struct error *error)
{
    enum { PIECE_BYTES = 1 << 20 };
    struct os_file file;
    uint64_t size_bytes = 0;
    XXH64_state_t *state = XXH64_createState();
    uint8_t *piece = mem_alloc(PIECE_BYTES);
    enum error_code code =
        state == NULL || piece == NULL ? error_no_memory(error, "a staged file") : OK;
    os_file_init(&file);
    if (code == OK)
        code = os_file_open(&file, path, OS_OPEN_READ, error);
    if (code == OK)
        code = os_file_size(&file, &size_bytes, error);
    if (code == OK)
        XXH64_reset(state, 0);
    for (uint64_t at = 0; code == OK && at < size_bytes;) {
        uint64_t left = size_bytes - at;
        size_t bytes = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
        code = os_file_read(&file, at, piece, bytes, error);
        if (code == OK)
            XXH64_update(state, piece, bytes);
        at += bytes;
    }
    if (code == OK)
        snprintf(mark, MARK_BYTES, "%016" PRIx64, (uint64_t)XXH64_digest(state));
    os_file_release(&file);
    mem_free(piece);
    XXH64_freeState(state);
    return code;
}

static enum error_code put(const struct store *store, const char *staged, const char *name,
                           struct error *error)
{
    char path[OS_PATH_BYTES], mark[MARK_BYTES];
    struct error failure;
    struct s3_patience how = patience();
    enum error_code code = check_name(store, name, error);
    if (code != OK || is_local(name))
        return code == OK ? store_put(local_of(store), staged, name, error) : code;
    code = path_of(store, staged, path, error);
    if (code == OK)
        code = mark_of(path, mark, error);
    if (code != OK)
        return code;
    const struct s3_meta meta = {CONTENT_MARK, mark};
    const struct s3_put_request wanted = {
        .name = name, .path = path, .meta = &meta, .meta_count = 1, .only_new = true};
    error_clear(&failure);
    code =
        translate(s3_put(store->objects->client, &wanted, NULL, &how, &failure), &failure, error);
    if (code == OK)
        os_discard(path);
    return code;
}

static enum error_code put_link(const struct store *store, const char *path, const char *name,
                                struct error *error)
{
    (void)path;
    return refuse(store, "linked", name, error);
}

static enum error_code sync_names(const struct store *store, const char *const *names, size_t count,
                                  struct error *error)
{
    (void)store;
    (void)names;
    (void)count;
    (void)error;
    return OK;
}

struct object_removal {
    struct s3_client *client;
    const char *name;
};

static enum error_code end_upload(void *context, const struct s3_upload *upload,
                                  struct error *error)
{
    const struct object_removal *ending = context;
    struct s3_patience how = patience();
    return strcmp(upload->name, ending->name) == 0
               ? s3_abort_upload(ending->client, upload->name, upload->upload_id, &how, error)
               : OK;
}

/* What a dead process put in parts, and did not complete, is not seen and costs all the same. Not
 * every store can list it. */
static void end_uploads(struct s3_client *client, const char *name)
{
    struct error ignored;
    struct s3_patience how = patience();
    struct object_removal ending = {client, name};
    (void)!s3_list_uploads(client, name, end_upload, &ending, &how, &ignored);
}

/* There are no folders. */
static enum error_code tidy(const struct store *store, const char *below, struct error *error)
{
    (void)store;
    (void)below;
    (void)error;
    return OK;
}

static enum error_code remove_object(const struct store *store, const char *name,
                                     struct error *error)
{
    struct error failure;
    struct s3_patience how = patience();
    enum error_code code = check_name(store, name, error);
    if (code != OK || is_local(name))
        return code == OK ? store_remove(local_of(store), name, error) : code;
    error_clear(&failure);
    end_uploads(store->objects->client, name);
    code = s3_delete(store->objects->client, name, &how, &failure);
    return translate(code, &failure, error);
}

/* What was put in parts is not looked for: whoever deletes many deletes what was there. */
static enum error_code remove_objects(const struct store *store, const char *const *names,
                                      size_t count, size_t *done, struct error *error)
{
    struct error failure;
    struct s3_patience how = patience();
    enum error_code code = OK;
    *done = 0;
    for (size_t i = 0; code == OK && i < count; i++)
        code = is_local(names[i]) ? error_set(error, ERR_INVALID, "%s is no object", names[i])
                                  : check_name(store, names[i], error);
    if (code != OK)
        return code;
    error_clear(&failure);
    code = s3_delete_many(store->objects->client, names, count, done, &how, &failure);
    return translate(code, &failure, error);
}

static bool has_same_content(const struct s3_object *a, const struct s3_object *b)
{
    const char *mark_a = s3_object_meta(a, CONTENT_MARK), *mark_b = s3_object_meta(b, CONTENT_MARK);
    return a->size_bytes == b->size_bytes && mark_a != NULL && mark_b != NULL &&
           strcmp(mark_a, mark_b) == 0;
}

/* The first name that is free, or that has the copy which a death left: whoever moves things owns
 * the lake. */
static enum error_code find_aside(struct s3_client *client, const char *name,
                                  char out[OS_PATH_BYTES], struct error *error)
{
    struct s3_object moving;
    struct s3_patience first_how = patience();
    const char *slash = strrchr(name, '/');
    enum error_code found = s3_head(client, name, &moving, &first_how, error);
    if (found != OK)
        return found;
    for (unsigned attempt = 1; attempt <= ASIDE_MAX; attempt++) {
        struct s3_object object;
        struct s3_patience how = patience();
        char suffix[16] = "";
        if (attempt > 1)
            snprintf(suffix, sizeof suffix, "-%u", attempt);
        int length = snprintf(out, OS_PATH_BYTES, LAKE_DAMAGED "/%s" LAKE_DAMAGED_SUFFIX "%s",
                              slash == NULL ? name : slash + 1, suffix);
        if (length < 0 || length >= OS_PATH_BYTES)
            return error_set(error, ERR_LIMIT, "the name %s is too long", name);
        enum error_code code = s3_head(client, out, &object, &how, error);
        if (code != OK)
            return code == ERR_NOT_FOUND ? OK : code;
        if (has_same_content(&moving, &object))
            return OK;
    }
    return error_set(error, ERR_LIMIT, "%d things called %s are kept aside", ASIDE_MAX, name);
}

/* There are no renames: it is there twice between the two requests, and the copy has no suffix that
 * a reader takes. A death between them leaves the object where it was, and a copy. */
static enum error_code move_aside(const struct store *store, const char *name,
                                  char kept[OS_PATH_BYTES], struct error *error)
{
    char aside[OS_PATH_BYTES];
    struct error failure;
    struct s3_patience how = patience();
    struct s3_client *client = store->objects->client;
    enum error_code code = check_name(store, name, error);
    if (code != OK)
        return code;
    error_clear(&failure);
    code = find_aside(client, name, aside, &failure);
    if (code == OK)
        code = s3_copy(client, name, aside, &how, &failure);
    if (code == OK)
        code = s3_delete(client, name, &how, &failure);
    if (code == OK && kept != NULL)
        memcpy(kept, aside, strlen(aside) + 1);
    return translate(code, &failure, error);
}

/* As above. Whoever moves things owns the lake: a name that is free when it is looked at stays so.
 */
static enum error_code move_object(const struct store *store, const char *name, const char *to,
                                   struct error *error)
{
    struct s3_object object;
    struct error failure;
    struct s3_patience how = patience();
    struct s3_client *client = store->objects->client;
    enum error_code code = check_name(store, name, error);
    if (code == OK)
        code = check_name(store, to, error);
    if (code == OK && is_local(name) && is_local(to))
        return store_move(local_of(store), name, to, error);
    if (code != OK)
        return code;
    error_clear(&failure);
    code = s3_head(client, to, &object, &how, &failure);
    if (code == OK)
        code = error_set(&failure, ERR_CONFLICT, "%s/%s is there already", store->root, to);
    else if (code == ERR_NOT_FOUND)
        code = s3_copy(client, name, to, &how, &failure);
    if (code == OK)
        code = s3_delete(client, name, &how, &failure);
    return translate(code, &failure, error);
}

/* ---- looking ---- */

static enum error_code end_at_first(void *context, const struct s3_entry *entry,
                                    struct error *error)
{
    bool *found = context;
    (void)entry;
    (void)error;
    *found = true;
    return ERR_AGAIN;
}

/* What can't be found out may be there. */
static bool exists(const struct store *store, const char *name)
{
    char below[OS_PATH_BYTES];
    struct s3_object object;
    struct error ignored;
    struct s3_patience how = patience();
    bool found = false;
    if (check_name(store, name, NULL) != OK)
        return false;
    if (is_local(name))
        return store_exists(local_of(store), name);
    enum error_code code = s3_head(store->objects->client, name, &object, &how, &ignored);
    if (code != ERR_NOT_FOUND)
        return true;
    if (os_path_join(below, name, "", NULL) != OK)
        return false;
    code = s3_list(store->objects->client, below, NULL, end_at_first, &found, &how, &ignored);
    return found || code != OK;
}

static enum error_code find_lake(const struct store *store, struct error *error)
{
    struct s3_object object;
    struct s3_patience how = patience();
    enum error_code code = s3_head(store->objects->client, LAKE_FILE, &object, &how, error);
    if (code != ERR_NOT_FOUND)
        return code;
    /* A HEAD does not tell whether the bucket is there. */
    code = s3_probe(store->objects->client, NULL, NULL, &how, error);
    return code == OK ? ERR_NOT_FOUND : code;
}

static enum error_code open_object(const struct store *store, const char *name,
                                   struct store_file *file, struct error *error)
{
    struct error failure;
    *file = (struct store_file){0};
    enum error_code code = check_name(store, name, error);
    if (code != OK)
        return code;
    if (is_local(name))
        return store_open(local_of(store), name, file, error);
    error_clear(&failure);
    code = object_reader_open(&file->reader, store->objects->client, name, patience(),
                              &file->size_bytes, &failure);
    if (code == OK)
        *file = (struct store_file){
            .store = store, .reader = file->reader, .name = name, .size_bytes = file->size_bytes};
    return translate(code, &failure, error);
}

static enum error_code read_object(const struct store_file *file, uint64_t offset, void *data,
                                   size_t size_bytes, struct error *error)
{
    struct error failure;
    error_clear(&failure);
    enum error_code code = object_reader_read(file->reader, offset, data, size_bytes, &failure);
    return translate(code, &failure, error);
}

static void close_object(struct store_file *file)
{
    object_reader_free(file->reader);
    file->reader = NULL;
}

static enum error_code read_whole(const struct store *store, const char *name, size_t limit_bytes,
                                  struct buffer *out, struct error *error)
{
    struct error failure;
    struct s3_patience how = patience();
    enum error_code code = check_name(store, name, error);
    if (code != OK || is_local(name))
        return code == OK ? store_read_whole(local_of(store), name, limit_bytes, out, error) : code;
    error_clear(&failure);
    code = s3_get_whole(store->objects->client, name, limit_bytes, out, NULL, &how, &failure);
    return translate(code, &failure, error);
}

/* Over the object of that ETag; "": only where there is none. */
static enum error_code put_content(const struct store *store, const char *name,
                                   struct bytes_view content, const char *over, struct error *error)
{
    struct error failure;
    struct s3_patience how = patience();
    char mark[MARK_BYTES];
    snprintf(mark, sizeof mark, "%016" PRIx64,
             (uint64_t)XXH64(content.data, content.size_bytes, 0));
    const struct s3_meta meta = {CONTENT_MARK, mark};
    const struct s3_put_request wanted = {.name = name,
                                          .content = content,
                                          .meta = &meta,
                                          .meta_count = 1,
                                          .only_new = over[0] == '\0',
                                          .only_over = over[0] == '\0' ? NULL : over};
    error_clear(&failure);
    enum error_code code = s3_put(store->objects->client, &wanted, NULL, &how, &failure);
    return translate(code, &failure, error);
}

/* Over what is there now and nothing else: so a request that a dead process, or a slow way, still
 * had under way can't bring back what was there before. */
static enum error_code replace(const struct store *store, const char *name,
                               struct bytes_view content, struct error *error)
{
    enum error_code code = check_name(store, name, error);
    if (code != OK || is_local(name))
        return code == OK ? store_replace(local_of(store), name, content, error) : code;
    for (unsigned round = 0; round == 0 || (code == ERR_CONFLICT && round < REPLACE_ROUNDS);
         round++) {
        struct s3_object there = {.size_bytes = 0};
        struct error failure;
        struct s3_patience how = patience();
        error_clear(&failure);
        code = s3_head(store->objects->client, name, &there, &how, &failure);
        if (code == OK || code == ERR_NOT_FOUND)
            code = put_content(store, name, content, code == OK ? there.etag : "", error);
        else
            return translate(code, &failure, error);
    }
    return code;
}

static enum error_code create(const struct store *store, const char *name,
                              struct bytes_view content, struct error *error)
{
    enum error_code code = check_name(store, name, error);
    if (code != OK || is_local(name))
        return code == OK ? store_replace(local_of(store), name, content, error) : code;
    return put_content(store, name, content, "", error);
}

/* ---- the walk ---- */

struct object_walk {
    const struct os_walker *walker;
    size_t below_length;
    char entered[OS_PATH_BYTES]; /* the folder last entered, relative to the walk's root */
    char after[OS_PATH_BYTES];   /* where to go on behind a folder that is left out; "": nowhere */
    char left_out[OS_PATH_BYTES];
};

static bool is_in(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    return length > 0 && strncmp(path, folder, length) == 0 && path[length] == '/';
}

/* Whether all folders on the way to `path` are to be entered; else the first that is not becomes
 * the one that is left out. */
static bool enters(struct object_walk *listing, const char *path)
{
    char folder[OS_PATH_BYTES];
    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        size_t length = (size_t)(slash - path);
        if (length >= sizeof folder)
            return false;
        memcpy(folder, path, length);
        folder[length] = '\0';
        if (strcmp(folder, listing->entered) == 0 || is_in(listing->entered, folder))
            continue;
        if (!listing->walker->enter(listing->walker->context, folder)) {
            memcpy(listing->left_out, folder, length + 1);
            return false;
        }
        memcpy(listing->entered, folder, length + 1);
    }
    return true;
}

static enum error_code visit_object(void *context, const struct s3_entry *entry,
                                    struct error *error)
{
    struct object_walk *listing = context;
    const char *path = entry->name + listing->below_length;
    size_t length = strlen(path);
    if (length == 0 || path[length - 1] == '/') /* what consoles make to show a folder */
        return OK;
    if (is_in(path, listing->left_out))
        return OK;
    if (listing->walker->enter != NULL && !enters(listing, path)) {
        enum error_code code = error_set(error, ERR_AGAIN, "the folder is left out");
        int written = snprintf(listing->after, sizeof listing->after, "%.*s%s/" LIST_PAST_ALL,
                               (int)listing->below_length, entry->name, listing->left_out);
        return written < (int)sizeof listing->after ? code : OK;
    }
    return listing->walker->visit(listing->walker->context, path, entry->size_bytes, error);
}

static enum error_code walk(const struct store *store, const char *below,
                            const struct os_walker *walker, struct error *error)
{
    char prefix[OS_PATH_BYTES] = "", after[OS_PATH_BYTES];
    struct error failure;
    struct s3_patience how = patience();
    enum error_code code = check_name(store, below, error);
    if (code == OK && below[0] != '\0')
        code = os_path_join(prefix, below, "", error);
    if (code != OK || is_local(below))
        return code == OK ? store_walk(local_of(store), below, walker, error) : code;
    struct object_walk *listing = mem_alloc_zero(1, sizeof *listing);
    if (listing == NULL)
        return error_no_memory(error, "the list of a lake's objects");
    listing->walker = walker;
    listing->below_length = strlen(prefix);
    after[0] = '\0';
    do {
        listing->after[0] = '\0';
        error_clear(&failure);
        code = s3_list(store->objects->client, prefix, after[0] == '\0' ? NULL : after,
                       visit_object, listing, &how, &failure);
        memcpy(after, listing->after, sizeof after);
    } while (code == ERR_AGAIN && after[0] != '\0');
    mem_free(listing);
    return translate(code, &failure, error);
}

/* ---- the lake itself ---- */

static enum error_code free_space(const struct store *store, struct os_free_space *space,
                                  struct error *error)
{
    return store_free_space(local_of(store), space, error);
}

static enum error_code resolve(struct store *store, struct error *error)
{
    (void)store;
    (void)error;
    return OK;
}

static enum error_code make_staging(const struct store *store, struct error *error)
{
    return store_make_staging(local_of(store), error);
}

static enum error_code make(struct store *store, struct error *error)
{
    return make_staging(store, error);
}

static enum error_code sync_lake(const struct store *store, struct error *error)
{
    (void)store;
    (void)error;
    return OK;
}

struct old_probes {
    struct s3_client *client;
    int64_t before_us;
};

static enum error_code delete_old_probe(void *context, const struct s3_entry *entry,
                                        struct error *error)
{
    const struct old_probes *old = context;
    struct s3_patience how = patience();
    return entry->modified_us == 0 || entry->modified_us >= old->before_us
               ? OK
               : s3_delete(old->client, entry->name, &how, error);
}

/* What a process left that died while it tried: of a day ago, so that nobody still does. */
static void delete_old_probes(struct s3_client *client)
{
    struct error ignored;
    struct s3_patience how = patience();
    struct old_probes old = {client, os_realtime_us() - PROBE_KEPT_US};
    (void)!s3_list(client, PROBE_NAME, NULL, delete_old_probe, &old, &how, &ignored);
}

static enum error_code probe(const struct store *store, const char *const *others,
                             size_t other_count, struct error *error)
{
    char name[sizeof PROBE_NAME + OS_UUID_BYTES] = PROBE_NAME;
    enum s3_conditions conditions = S3_CONDITIONS_UNKNOWN;
    struct s3_patience how = patience();
    (void)others;
    (void)other_count;
    enum error_code code = os_uuid(name + strlen(PROBE_NAME), error);
    if (code == OK)
        code = s3_probe(store->objects->client, name, &conditions, &how, error);
    if (code == ERR_RETRY || code == ERR_AGAIN) /* a start does not wait */
        code = error_prefix(error, ERR_IO, "the object store does not answer: ");
    if (code == OK)
        delete_old_probes(store->objects->client);
    if (code == OK && conditions != S3_CONDITIONS_HONOURED)
        log_event(LOG_INFO, "store",
                  "this object store knows no conditional puts; files are told apart by their "
                  "names alone, which no two commits share",
                  LOG_T("path", store->root));
    return code;
}

static const struct store_backend objects_backend = {
    .path = path_of,
    .resolve = resolve,
    .find_lake = find_lake,
    .make = make,
    .make_staging = make_staging,
    .sync_lake = sync_lake,
    .probe = probe,
    .put = put,
    .put_link = put_link,
    .sync_put = sync_names,
    .sync_changed = sync_names,
    .remove = remove_object,
    .tidy = tidy,
    .remove_many = remove_objects,
    .move_aside = move_aside,
    .move = move_object,
    .check_way = check_name,
    .exists = exists,
    .open = open_object,
    .read = read_object,
    .close = close_object,
    .read_whole = read_whole,
    .replace = replace,
    .create = create,
    .walk = walk,
    .free_space = free_space,
};

/* ---- finding it ---- */

/* Two lakes never share a folder, whatever their prefixes are. */
static enum error_code set_local(struct objects *objects, struct error *error)
{
    char name[OS_PATH_BYTES], staging[OS_PATH_BYTES];
    const char *bucket = objects->url + strlen("s3://");
    int length = snprintf(name, sizeof name, "%.*s-%016" PRIx64, (int)strcspn(bucket, "/"), bucket,
                          (uint64_t)XXH64(objects->url, strlen(objects->url), 0));
    enum error_code code = length < 0 || length >= (int)sizeof name
                               ? error_set(error, ERR_LIMIT, "%s is too long", objects->url)
                               : os_absolute_path(staging, configured.staging_path, error);
    for (size_t i = 0; code == OK && i < OBJECTS_SLOTS; i++) {
        char root[OS_PATH_BYTES], suffix[24] = "";
        if (i > 0)
            snprintf(suffix, sizeof suffix, "-%zu", i + 1);
        code = os_path_join(root, staging, name, error);
        if (code == OK && strlen(root) + strlen(suffix) >= sizeof root)
            code = error_set(error, ERR_LIMIT, "the path %.200s… is too long", root);
        if (code == OK)
            memcpy(root + strlen(root), suffix, strlen(suffix) + 1);
        if (code == OK)
            code = folder_at(&objects->locals[i], root, error);
    }
    return code;
}

void objects_use_slot(const struct store *store, size_t slot)
{
    atomic_store(&store->objects->slot, slot);
}

static void free_objects(struct objects *objects)
{
    if (objects != NULL)
        s3_client_free(objects->client);
    mem_free(objects);
}

static enum error_code objects_new(struct objects **out, const char *url, struct error *error)
{
    char bucket[OS_PATH_BYTES], prefix[OS_PATH_BYTES];
    struct objects *objects = mem_alloc_zero(1, sizeof *objects);
    *out = NULL;
    if (objects == NULL)
        return error_no_memory(error, "an object store");
    enum error_code code = strlen(url) < OS_PATH_BYTES
                               ? OK
                               : error_set(error, ERR_INVALID, "%.200s… is too long", url);
    if (code == OK)
        code = s3_url_split(url, bucket, prefix, error);
    const struct s3_options options = {.bucket = bucket,
                                       .prefix = prefix,
                                       .endpoint = configured.endpoint,
                                       .region = configured.region,
                                       .path_style = configured.path_style};
    if (code == OK)
        code = s3_client_new(&objects->client, &options, error);
    if (code == OK)
        code = os_path_join(objects->url, "", s3_client_url(objects->client), error);
    if (code == OK)
        code = set_local(objects, error);
    if (code == OK)
        *out = objects;
    else
        free_objects(objects);
    return code;
}

static struct objects *find(const char *url)
{
    size_t length = strlen(url);
    while (length > 0 && url[length - 1] == '/')
        length--;
    struct objects *at = atomic_load(&all_objects);
    while (at != NULL && (strncmp(at->url, url, length) != 0 || at->url[length] != '\0'))
        at = at->next;
    return at;
}

enum error_code objects_at(struct store *store, const char *url, struct error *error)
{
    struct objects *objects = find(url);
    enum error_code code = objects == NULL ? objects_new(&objects, url, error) : OK;
    if (code == OK && find(objects->url) == NULL) {
        /* Two threads may make one each: both stay, and either will do. */
        objects->next = atomic_load(&all_objects);
        while (!atomic_compare_exchange_weak(&all_objects, &objects->next, objects)) {
        }
    }
    store->backend = &objects_backend;
    store->objects = objects;
    return code == OK ? os_path_join(store->root, "", objects->url, error) : code;
}
