// SPDX-License-Identifier: Apache-2.0
#include "service/run_check.h"

#include "commit/data_path.h"
#include "commit/lake_catalog.h"
#include "service/run_plan.h"
#include "service/source_setup.h"

/* Before a lake is made that nothing could be written to. */
static enum error_code check_start(const struct options *options, struct error *error)
{
    struct store store;
    char path[OS_PATH_BYTES];
    enum error_code code = store_at(&store, options->output_path, error);
    if (code == OK)
        code = lake_catalog_path(&store, path, error);
    if (code == ERR_CONFLICT) /* it is in PostgreSQL */
        code = OK;
    if (code != OK || lake_catalog_exists(&store))
        return code;
    return run_plan_check_start(options->start_ledger, options->end_ledger, error);
}

/* A source connects when it is asked for ledgers; making one only looks at its options. */
static enum error_code check_source(const struct options *options, struct error *error)
{
    struct source_setup setup = {.headers = NULL};
    struct source *source = NULL;
    enum error_code code = source_setup_make(&setup, options, 0, false, &source, error);
    source_free(source);
    source_setup_release(&setup);
    return code;
}

enum error_code run_check(const struct options *options, struct error *error)
{
    char data_path[OS_PATH_BYTES];
    enum error_code code = check_start(options, error);
    if (code == OK)
        code = data_path_make(data_path, "/", options->reader_data_path, error);
    if (code == OK)
        code = check_source(options, error);
    if (code == ERR_LIMIT) /* a path that is too long: the configuration's fault */
        code = error->code = ERR_INVALID;
    return code;
}
