// SPDX-License-Identifier: Apache-2.0
#include "care/relocate.h"

#include <string.h>

#include "catalog/place.h"
#include "commit/data_path.h"
#include "commit/lake_catalog.h"
#include "commit/ownership.h"
#include "lake/open.h"

static enum error_code set_place(const struct relocate_options *options, const struct store *store,
                                 struct relocate_report *report, struct error *error)
{
    struct catalog_place before = {0};
    struct catalog *catalog = NULL;
    enum error_code code = lake_catalog_open(
        &catalog, store, options->dry_run ? CATALOG_READ : CATALOG_WRITE, NULL, error);
    if (code != OK)
        return code;
    code = (options->dry_run ? catalog_compare_place : catalog_set_place)(
        catalog, report->data_path, store->root, &before, error);
    catalog_close(catalog);
    memcpy(report->before, before.data_path, sizeof report->before);
    report->data_path_changed = before.data_path_changed;
    report->lay_elsewhere = before.lay_elsewhere;
    return code;
}

enum error_code relocate_lake(const struct relocate_options *options,
                              struct relocate_report *report, struct error *error)
{
    struct ownership ownership;
    struct store store;
    *report = (struct relocate_report){0};
    ownership_init(&ownership);
    /* A lake that is only being made, or has lost its catalog, is told of before anything is
     * written there. */
    struct catalog *readable;
    enum error_code code = lake_open_catalog(&readable, options->output_path, error);
    catalog_close(readable);
    if (code == OK)
        code = store_at_real(&store, options->output_path, error);
    if (code == OK)
        memcpy(report->lake_path, store.root, sizeof report->lake_path);
    if (code == OK)
        code = data_path_make(report->data_path, store.root, options->reader_data_path, error);
    if (code == OK && !options->dry_run)
        code = ownership_take(&ownership, &store, true, error);
    if (code == OK)
        code = set_place(options, &store, report, error);
    ownership_release(&ownership);
    return code;
}
