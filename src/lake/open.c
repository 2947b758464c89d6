// SPDX-License-Identifier: Apache-2.0
#include "lake/open.h"

#include "commit/lake_catalog.h"
#include "commit/lake_file.h"
#include "sink/lake_recovery.h"

enum error_code lake_must_exist(const char *output_path, struct error *error)
{
    struct store store;
    enum error_code code = store_at(&store, output_path, error);
    if (code == OK)
        code = store_find_lake(&store, error);
    if (code == ERR_NOT_FOUND)
        code = error_set(error, ERR_NOT_FOUND,
                         "there is no lake in %s: name its folder with --output-path", output_path);
    return code;
}

/* Whether its first start has not got as far as the catalog. */
static bool is_being_made(const char *output_path)
{
    struct lake_file lake;
    struct error ignored;
    bool creating = lake_file_read_at(&lake, output_path, &ignored) == OK && lake.creating;
    lake_file_release(&lake);
    return creating;
}

static enum error_code tell_lost(const struct store *store, const char *output_path,
                                 struct error *error)
{
    char path[OS_PATH_BYTES];
    enum error_code code = lake_catalog_path(store, path, error);
    return code != OK && code != ERR_CONFLICT
               ? code
               : error_set(error, ERR_CORRUPT,
                           "the lake in %s has lost its catalog %s: put a backup back, or make it "
                           "anew from the files with 'parquet-consumer rebuild --output-path %s'",
                           output_path, code == OK ? path : "in PostgreSQL", output_path);
}

enum error_code lake_open_catalog(struct catalog **out, const char *output_path,
                                  struct error *error)
{
    struct store store;
    *out = NULL;
    enum error_code code = lake_must_exist(output_path, error);
    if (code == OK)
        code = store_at(&store, output_path, error);
    if (code != OK)
        return code;
    bool creating = is_being_made(output_path); /* asked first: it may be finished meanwhile */
    code = lake_catalog_exists(&store) ? lake_catalog_open(out, &store, CATALOG_READ, NULL, error)
                                       : tell_lost(&store, output_path, error);
    if (creating && code == ERR_CORRUPT)
        code =
            error_set(error, ERR_NOT_FOUND,
                      "the lake in %s is only being made: there is nothing in it yet", output_path);
    return code;
}

static void open_lake_init(struct open_lake *lake)
{
    *lake = (struct open_lake){.catalog = NULL};
    ownership_init(&lake->ownership);
    lake_file_init(&lake->file);
}

enum error_code open_lake_own(struct open_lake *lake, const char *output_path, struct error *error)
{
    struct catalog *readable;
    open_lake_init(lake);
    /* A lake that is only being made, or has lost its catalog, is told of before anything is
     * written there. */
    enum error_code code = lake_open_catalog(&readable, output_path, error);
    catalog_close(readable);
    if (code == OK)
        code = store_at(&lake->store, output_path, error);
    if (code == OK)
        code = ownership_take(&lake->ownership, &lake->store, true, error);
    if (code == OK)
        code = lake_catalog_open(&lake->catalog, &lake->store, CATALOG_WRITE, NULL, error);
    if (code == OK)
        code = lake_file_read(&lake->file, &lake->store, error);
    return code == OK
               ? lake_recover(&lake->store, &lake->file, lake->catalog, &lake->recovered, error)
               : code;
}

enum error_code open_lake_look(struct open_lake *lake, const char *output_path, struct error *error)
{
    open_lake_init(lake);
    enum error_code code = lake_open_catalog(&lake->catalog, output_path, error);
    if (code == OK)
        code = store_at(&lake->store, output_path, error);
    return code == OK ? lake_file_read(&lake->file, &lake->store, error) : code;
}

enum error_code open_lake_for(struct open_lake *lake, const char *output_path, bool dry_run,
                              const char *verb, const char *option, struct error *error)
{
    enum error_code code = (dry_run ? open_lake_look : open_lake_own)(lake, output_path, error);
    if (code == ERR_CONFLICT && lake->catalog == NULL)
        error_prefix(error, code,
                     "%s works where nobody else writes (a live run does it by itself with the "
                     "option %s): ",
                     verb, option);
    return code;
}

void open_lake_close(struct open_lake *lake)
{
    catalog_close(lake->catalog);
    lake_file_release(&lake->file);
    ownership_release(&lake->ownership);
    lake->catalog = NULL;
}
