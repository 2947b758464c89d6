// SPDX-License-Identifier: Apache-2.0
#include "care/replacing.h"

/* What is refused stays refused while a command waits; what it would replace is in the lake. */
static bool give_up(void *context, enum obstacle_kind wait)
{
    (void)context;
    return wait == OBSTACLE_REFUSAL;
}

static enum error_code set_up(struct replacing *replacing, const struct sink_options *options,
                              struct error *error)
{
    struct open_lake *lake = &replacing->lake;
    replacing->writer = sink_writer_options(options);
    replacing->publisher.store = &lake->store;
    replacing->publisher.catalog = lake->catalog;
    replacing->publisher.obstacle.root = lake->store.root;
    replacing->publisher.obstacle.give_up = give_up;
    replacing->files = (struct data_file_setup){.store = &lake->store,
                                                .options = &replacing->writer,
                                                .pool = replacing->pool,
                                                .obstacle = &replacing->publisher.obstacle,
                                                .verify = options->verify_files};
    replacing->setup =
        (struct replacement_setup){.store = &lake->store,
                                   .catalog = lake->catalog,
                                   .lake = &lake->file,
                                   .publisher = &replacing->publisher,
                                   .files = &replacing->files,
                                   .max_file_size_bytes = options->max_file_size_bytes,
                                   .memory_bytes = options->memory_bytes};
    return partitioning_scheme_parse(lake->file.scheme, &replacing->setup.scheme)
               ? OK
               : error_set(error, ERR_CORRUPT, "%s/" LAKE_FILE " names an unknown scheme",
                           lake->store.root);
}

enum error_code replacing_open(struct replacing *replacing, const struct sink_options *options,
                               const char *who, struct error *error)
{
    replacing->pool = NULL;
    replacing->setup = (struct replacement_setup){.catalog = NULL};
    publisher_init(&replacing->publisher);
    enum error_code code = open_lake_own(&replacing->lake, options->output_path, error);
    if (code == ERR_CONFLICT && replacing->lake.catalog == NULL)
        error_prefix(error, code, "%s", who);
    if (code == OK)
        code = encode_pool_new(&replacing->pool, options->encode_threads, error);
    return code == OK ? set_up(replacing, options, error) : code;
}

void replacing_close(struct replacing *replacing)
{
    publisher_release(&replacing->publisher);
    encode_pool_free(replacing->pool);
    open_lake_close(&replacing->lake);
}
