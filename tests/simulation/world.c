// SPDX-License-Identifier: Apache-2.0
#include "world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bucket.h"
#include "catalog/catalog.h"
#include "database/location.h"
#include "catalog/files.h"
#include "pg.h"
#include "oracle.h"
#include "processes.h"
#include "os/identity.h"
#include "serve/random.h"
#include "support/power_loss.h"
#include "support/temp_folder.h"

struct world *world;
static struct fault_script *kept_script;
static uint64_t begun_counts[WORLD_SCRIPT_MAX];

_Noreturn void __real__exit(int code);
_Noreturn void __wrap__exit(int code);

void world_make(void)
{
    void *memory =
        mmap(NULL, sizeof *world, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        perror("mmap");
        abort();
    }
    world = memory;
}

void world_begin(uint64_t seed)
{
    *world = (struct world){
        .random = random_mix(seed + 1), .identities = random_mix(~seed), .now_us = 1000000};
}

uint32_t world_below(uint32_t bound)
{
    return random_below(&world->random, bound);
}

bool world_chance(uint32_t one_in)
{
    return one_in != 0 && world_below(one_in) == 0;
}

void world_keep_script(struct fault_script *script)
{
    kept_script = script;
    for (size_t i = 0; i < script->fault_count; i++)
        script->faults[i].count = begun_counts[i] = world->fault_counts[i];
}

void world_save_script(void)
{
    for (size_t i = 0; kept_script != NULL && i < kept_script->fault_count; i++) {
        uint64_t fired = begun_counts[i] - kept_script->faults[i].count;
        world->server_faults += fired;
        world->fault_counts[i] -= fired < world->fault_counts[i] ? fired : world->fault_counts[i];
    }
    kept_script = NULL; /* it ends with the life it was for */
}

const char *world_catalog_of(const char *lake)
{
    return strcmp(lake, BUCKET_URL) == 0 ? world->catalog_path : temp_path(lake, LAKE_CATALOG);
}

bool world_has_catalog(const char *lake)
{
    return world->is_shared && strcmp(lake, BUCKET_URL) == 0 ? pg_has_lake()
                                                             : temp_exists(world_catalog_of(lake));
}

enum error_code world_open_catalog(struct catalog **out, const char *lake, struct error *error)
{
    if (!world->is_shared || strcmp(lake, BUCKET_URL) != 0)
        return catalog_open(out, world_catalog_of(lake), CATALOG_READ, NULL, error);
    const struct database_location where = database_location_parse("postgres:", "");
    return catalog_open_at(out, &where, CATALOG_READ, NULL, error);
}

extern __typeof__(os_uuid) __wrap_os_uuid;
extern __typeof__(os_random) __wrap_os_random;

enum error_code __wrap_os_random(void *out, size_t size_bytes, struct error *error)
{
    (void)error;
    for (size_t i = 0; i < size_bytes; i++)
        ((uint8_t *)out)[i] = (uint8_t)random_next(&world->identities);
    return OK;
}

/* Names of objects come from it, so that it has a seed, too. And eight digits that come twice are
 * no more than unlikely. */
enum error_code __wrap_os_uuid(char out[OS_UUID_BYTES], struct error *error)
{
    uint64_t *random = &world->identities;
    (void)error;
    uint64_t a = random_next(random), b = random_next(random);
    snprintf(out, OS_UUID_BYTES, "%08x-%04x-4%03x-8%03x-%012" PRIx64, (unsigned)(a & 0xffffffff),
             (unsigned)(a >> 32 & 0xffff), (unsigned)(a >> 48 & 0xfff), (unsigned)(b & 0xfff),
             b >> 16);
    if (world->is_on_objects && random_below(random, 8) == 0 && world->last_identity[0] != '\0')
        memcpy(out, world->last_identity, 8);
    memcpy(world->last_identity, out, 8);
    return OK;
}

_Noreturn void world_end_process(int exit_code)
{
    world_save_script();
    processes_leave();
    __real__exit(exit_code);
}

/* The program's own: it gives up publishing; or the power is lost. */
_Noreturn void __wrap__exit(int code)
{
    if (code == POWER_LOSS_EXIT_CODE)
        world->power_losses++;
    else
        oracle_note_exit(code);
    world_end_process(code);
}
