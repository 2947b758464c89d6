// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_STORE_STORE_H
#define TTP_STORE_STORE_H

/*
 * Where the files of a lake live. Names are relative to the lake ("year=2024/…/x.parquet",
 * "_lake/staging/x"). One that leaves it is ERR_CORRUPT, since only catalogs and intents that
 * somebody made have such; a link on the way of what is put, removed or moved is ERR_INVALID. A
 * backend is a table of these operations: a folder (store/folder.c), an object store
 * (store/objects.c).
 *
 * What is put, moved or removed is durable only after it was synced (docs/commit-protocol.md,
 * "Which sync protects what"). Errors beside those named: ERR_IO with system_errno, ERR_RETRY where
 * there is no room, ERR_LIMIT where a name is too long.
 */

#include <stdbool.h>
#include <stdint.h>

#include "os/file.h"
#include "store/layout.h"
#include "util/buffer.h"
#include "util/error.h"

struct store {
    const struct store_backend *backend;
    struct objects *objects;  /* of an object store (store/objects.h), which owns it; else NULL */
    char root[OS_PATH_BYTES]; /* the lake's folder, or URL; messages call the lake by it */
};

/* A stored file, open for reading. */
struct store_file {
    const struct store *store;    /* NULL: closed */
    struct os_file file;          /* the folder's */
    struct object_reader *reader; /* an object store's */
    const char *name;             /* for messages; lives as long as the file is open */
    uint64_t size_bytes;
};

struct store_backend {
    /* Its files have paths on this machine: they can be linked, locked and renamed. */
    bool is_folder;
    enum error_code (*path)(const struct store *store, const char *name, char out[OS_PATH_BYTES],
                            struct error *error);
    enum error_code (*resolve)(struct store *store, struct error *error);
    enum error_code (*find_lake)(const struct store *store, struct error *error);
    enum error_code (*make)(struct store *store, struct error *error);
    enum error_code (*make_staging)(const struct store *store, struct error *error);
    enum error_code (*sync_lake)(const struct store *store, struct error *error);
    enum error_code (*probe)(const struct store *store, const char *const *others,
                             size_t other_count, struct error *error);
    enum error_code (*put)(const struct store *store, const char *staged, const char *name,
                           struct error *error);
    enum error_code (*put_link)(const struct store *store, const char *path, const char *name,
                                struct error *error);
    enum error_code (*sync_put)(const struct store *store, const char *const *names, size_t count,
                                struct error *error);
    enum error_code (*sync_changed)(const struct store *store, const char *const *names,
                                    size_t count, struct error *error);
    enum error_code (*remove)(const struct store *store, const char *name, struct error *error);
    enum error_code (*tidy)(const struct store *store, const char *below, struct error *error);
    enum error_code (*remove_many)(const struct store *store, const char *const *names,
                                   size_t count, size_t *done, struct error *error);
    enum error_code (*move_aside)(const struct store *store, const char *name,
                                  char kept[OS_PATH_BYTES], struct error *error);
    enum error_code (*move)(const struct store *store, const char *name, const char *to,
                            struct error *error);
    enum error_code (*check_way)(const struct store *store, const char *name, struct error *error);
    bool (*exists)(const struct store *store, const char *name);
    enum error_code (*open)(const struct store *store, const char *name, struct store_file *file,
                            struct error *error);
    enum error_code (*read)(const struct store_file *file, uint64_t offset, void *data,
                            size_t size_bytes, struct error *error);
    void (*close)(struct store_file *file);
    enum error_code (*read_whole)(const struct store *store, const char *name, size_t limit_bytes,
                                  struct buffer *out, struct error *error);
    enum error_code (*replace)(const struct store *store, const char *name,
                               struct bytes_view content, struct error *error);
    enum error_code (*create)(const struct store *store, const char *name,
                              struct bytes_view content, struct error *error);
    enum error_code (*walk)(const struct store *store, const char *below,
                            const struct os_walker *walker, struct error *error);
    enum error_code (*free_space)(const struct store *store, struct os_free_space *space,
                                  struct error *error);
};

/* The lake at an output_path, which need not be there yet. */
enum error_code store_at(struct store *store, const char *output_path,
                         struct error *error) MUST_CHECK;
/* The same; the lake's folder is there, and the root becomes absolute. */
enum error_code store_at_real(struct store *store, const char *output_path,
                              struct error *error) MUST_CHECK;

static inline bool store_is_folder(const struct store *store)
{
    return store->backend->is_folder;
}

/* ERR_NOT_FOUND, without a sentence, if there is no lake, not even a damaged one. */
static inline enum error_code MUST_CHECK store_find_lake(const struct store *store,
                                                         struct error *error)
{
    return store->backend->find_lake(store, error);
}

/* Makes what a lake lies in: a folder with what is above it, and staging; the store's root becomes
 * absolute. */
static inline enum error_code MUST_CHECK store_make_folder(struct store *store, struct error *error)
{
    return store->backend->make(store, error);
}

static inline enum error_code MUST_CHECK store_make_staging(const struct store *store,
                                                            struct error *error)
{
    return store->backend->make_staging(store, error);
}

/* Sync Y8: the folder's own name and those of the folders that lead to it. */
static inline enum error_code MUST_CHECK store_sync_folder(const struct store *store,
                                                           struct error *error)
{
    return store->backend->sync_lake(store, error);
}

/* Whether commits can be made there at all (store/probe.h says what a folder's is). `others`: files
 * that somebody else keeps in the lake. ERR_INVALID, with the remedy: not there, or not as this
 * user. */
static inline enum error_code MUST_CHECK store_probe(const struct store *store,
                                                     const char *const *others, size_t other_count,
                                                     struct error *error)
{
    return store->backend->probe(store, others, other_count, error);
}

/* Gives a staged file its name, never over another file (ERR_CONFLICT). ERR_NOT_FOUND if it is not
 * staged. */
static inline enum error_code MUST_CHECK store_put(const struct store *store, const char *staged,
                                                   const char *name, struct error *error)
{
    return store->backend->put(store, staged, name, error);
}

/* The same for a file that has, and keeps, a name elsewhere: `path`, of this file system. */
static inline enum error_code MUST_CHECK store_put_link(const struct store *store, const char *path,
                                                        const char *name, struct error *error)
{
    return store->backend->put_link(store, path, name, error);
}

/* Makes the names of files durable that were put. */
static inline enum error_code MUST_CHECK store_sync_put(const struct store *store,
                                                        const char *const *names, size_t count,
                                                        struct error *error)
{
    return store->backend->sync_put(store, names, count, error);
}

/* Makes it durable that names are gone, or new in folders that were there before. */
static inline enum error_code MUST_CHECK store_sync_changed(const struct store *store,
                                                            const char *const *names, size_t count,
                                                            struct error *error)
{
    return store->backend->sync_changed(store, names, count, error);
}

/* Gone is as good. */
static inline enum error_code MUST_CHECK store_remove(const struct store *store, const char *name,
                                                      struct error *error)
{
    return store->backend->remove(store, name, error);
}

/* Removes the folders below a name that nothing is in, where a store has folders. They need not
 * stay away through a power loss. */
static inline enum error_code MUST_CHECK store_tidy(const struct store *store, const char *below,
                                                    struct error *error)
{
    return store->backend->tidy(store, below, error);
}

/* The same for many, by as few requests as the store knows. *done gets how many of the first are
 * gone: all, or, with an error, those before it. */
static inline enum error_code MUST_CHECK store_remove_many(const struct store *store,
                                                           const char *const *names, size_t count,
                                                           size_t *done, struct error *error)
{
    return store->backend->remove_many(store, names, count, done, error);
}

/* Keeps the file in _lake/damaged, under its own name with the suffix .damaged (which no glob for
 * .parquet takes; "-2", "-3" … behind it where that is taken), durably. `kept` (may be NULL) gets
 * the name that it has then. ERR_NOT_FOUND. */
static inline enum error_code MUST_CHECK store_move_aside(const struct store *store,
                                                          const char *name,
                                                          char kept[OS_PATH_BYTES],
                                                          struct error *error)
{
    return store->backend->move_aside(store, name, kept, error);
}

/* Gives the file another name, durably, never over another file (ERR_CONFLICT). ERR_NOT_FOUND. */
static inline enum error_code MUST_CHECK store_move(const struct store *store, const char *name,
                                                    const char *to, struct error *error)
{
    return store->backend->move(store, name, to, error);
}

/* Whether a file could be put there: ERR_INVALID if something on the way leads elsewhere. */
static inline enum error_code MUST_CHECK store_check_way(const struct store *store,
                                                         const char *name, struct error *error)
{
    return store->backend->check_way(store, name, error);
}

static inline bool store_exists(const struct store *store, const char *name)
{
    return store->backend->exists(store, name);
}

/* ERR_NOT_FOUND. store_close ends it, also where it failed. `name` is borrowed. */
static inline enum error_code MUST_CHECK store_open(const struct store *store, const char *name,
                                                    struct store_file *file, struct error *error)
{
    return store->backend->open(store, name, file, error);
}

/* The same for a file that is in no store, by its own path. */
enum error_code store_open_path(const char *path, struct store_file *file,
                                struct error *error) MUST_CHECK;

/* Reads exactly size_bytes: fewer there are ERR_CORRUPT. `file` is a struct store_file: fits
 * struct parquet_source. */
static inline enum error_code store_read(void *file, uint64_t offset, void *data, size_t size_bytes,
                                         struct error *error)
{
    const struct store_file *of = file;
    return of->store->backend->read(of, offset, data, size_bytes, error);
}

static inline void store_close(struct store_file *file)
{
    if (file->store != NULL)
        file->store->backend->close(file);
    *file = (struct store_file){0};
}

/* A file of at most limit_bytes (else ERR_LIMIT). ERR_NOT_FOUND. */
static inline enum error_code MUST_CHECK store_read_whole(const struct store *store,
                                                          const char *name, size_t limit_bytes,
                                                          struct buffer *out, struct error *error)
{
    return store->backend->read_whole(store, name, limit_bytes, out, error);
}

/* Gives the file new content, durably: there is the old or the new one at each moment. */
static inline enum error_code MUST_CHECK store_replace(const struct store *store, const char *name,
                                                       struct bytes_view content,
                                                       struct error *error)
{
    return store->backend->replace(store, name, content, error);
}

/* The same of a file that is not there; where another process made it meanwhile, ERR_CONFLICT if
 * the store can tell (in a folder, the lake's lock keeps others away). */
static inline enum error_code MUST_CHECK store_create(const struct store *store, const char *name,
                                                      struct bytes_view content,
                                                      struct error *error)
{
    return store->backend->create(store, name, content, error);
}

/* os_walk (os/file.h) below a name of the store; "" for all of it. */
static inline enum error_code MUST_CHECK store_walk(const struct store *store, const char *below,
                                                    const struct os_walker *walker,
                                                    struct error *error)
{
    return store->backend->walk(store, below, walker, error);
}

static inline enum error_code MUST_CHECK store_free_space(const struct store *store,
                                                          struct os_free_space *space,
                                                          struct error *error)
{
    return store->backend->free_space(store, space, error);
}

/* The path by which messages, and libraries that open files by name, know a file. */
static inline enum error_code MUST_CHECK store_path(const struct store *store, const char *name,
                                                    char out[OS_PATH_BYTES], struct error *error)
{
    return store->backend->path(store, name, out, error);
}

#endif
