// SPDX-License-Identifier: Apache-2.0
#include "support/object_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>

static struct store_backend objects;
static const struct store_backend *below;
static struct object_store_counts counts;
static size_t fail_after = SIZE_MAX;

static enum error_code remove_many(const struct store *store, const char *const *names,
                                   size_t count, size_t *done, struct error *error)
{
    size_t first = count < fail_after ? count : fail_after;
    bool fails = first < count;
    fail_after = SIZE_MAX;
    counts.deletions++;
    enum error_code code = below->remove_many(store, names, first, done, error);
    if (code != OK || !fails)
        return code;
    code = error_set(error, ERR_RETRY, "the object store does not answer");
    error->system_errno = EHOSTUNREACH;
    return code;
}

static enum error_code open_file(const struct store *store, const char *name,
                                 struct store_file *file, struct error *error)
{
    counts.opens++;
    return below->open(store, name, file, error);
}

static enum error_code no_move(const struct store *store, const char *name, const char *to,
                               struct error *error)
{
    (void)store;
    return error_set(error, ERR_INVALID, "%s can't become %s: an object store has no such thing",
                     name, to);
}

void object_store_make(struct store *store, const char *folder)
{
    assert_int_equal(store_at(store, folder, NULL), OK);
    below = store->backend;
    objects = *below;
    objects.is_folder = false;
    objects.remove_many = remove_many;
    objects.open = open_file;
    objects.move = no_move;
    objects.put_link = no_move;
    store->backend = &objects;
    counts = (struct object_store_counts){0};
    fail_after = SIZE_MAX;
}

void object_store_fail_after(size_t count)
{
    fail_after = count;
}

struct object_store_counts object_store_counts(void)
{
    return counts;
}
