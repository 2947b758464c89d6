// SPDX-License-Identifier: Apache-2.0
/*
 * What an object store holds against what the lake names, once all that was under way has come and
 * been swept.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bucket.h"
#include "catalog/catalog.h"
#include "catalog/doomed.h"
#include "catalog/stored_files.h"
#include "catalog/uploads.h"
#include "check.h"
#include "store/layout.h"
#include "util/memory.h"
#include "world.h"

#define NAMES_MAX 8192

struct bucket_check {
    struct catalog *catalog;
    char *names[NAMES_MAX];
    bool is_named[NAMES_MAX];
    size_t count;
    bool failed;
};

static void note_name(void *context, const char *name)
{
    struct bucket_check *check = context;
    if (check->count < NAMES_MAX)
        check->names[check->count++] = strdup(name);
}

static void finding(struct bucket_check *check, const char *name, const char *what)
{
    if (!check->failed)
        printf("  found: %s %s\n", name, what);
    check->failed = true;
}

static bool mark(struct bucket_check *check, const char *path)
{
    bool found = false;
    for (size_t i = 0; i < check->count; i++)
        if (strcmp(check->names[i], path) == 0)
            check->is_named[i] = found = true;
    return found;
}

static enum error_code on_file(void *context, const struct stored_file *file, struct error *error)
{
    (void)error;
    if (!mark(context, file->path) && file->is_live)
        finding(context, file->path, "is named by the catalog, and not in the store");
    return OK;
}

static enum error_code on_upload(void *context, const struct catalog_upload *upload,
                                 struct error *error)
{
    (void)error;
    finding(context, upload->path, "is still listed as being put");
    return OK;
}

static enum error_code on_kept(void *context, const char *name, bool is_absolute,
                               struct error *error)
{
    (void)error;
    (void)is_absolute;
    (void)mark(context, name);
    return OK;
}

static bool is_known(struct bucket_check *check, const char *name)
{
    bool known = strcmp(name, LAKE_FILE) == 0;
    struct error error;
    if (!known && catalog_upload_is_known(check->catalog, name, &known, &error) != OK)
        finding(check, name, error.message);
    return known;
}

bool check_bucket(const char *lake)
{
    static struct bucket_check check;
    struct error error;
    check = (struct bucket_check){.count = 0};
    bucket_each(note_name, &check);
    enum error_code code = world_open_catalog(&check.catalog, lake, &error);
    if (code == OK)
        code = catalog_each_stored_file(check.catalog, on_file, &check, &error);
    if (code == OK)
        code = catalog_each_upload(check.catalog, on_upload, &check, &error);
    if (code == OK)
        code = catalog_each_name_in_lake_folder(check.catalog, on_kept, &check, &error);
    if (code != OK)
        finding(&check, "the catalog", error.message);
    for (size_t i = 0; code == OK && i < check.count; i++)
        if (!check.is_named[i] && !is_known(&check, check.names[i]))
            finding(&check, check.names[i], "is in the store, and nothing names it");
    for (size_t i = 0; i < check.count; i++)
        free(check.names[i]);
    catalog_close(check.catalog);
    return !check.failed;
}
