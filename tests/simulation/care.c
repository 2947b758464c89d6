// SPDX-License-Identifier: Apache-2.0
#include "care.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "care/backup.h"
#include "care/compact.h"
#include "care/expire.h"
#include "care/letter_replay.h"
#include "care/prune.h"
#include "care/relocate.h"
#include "care/repair.h"
#include "check.h"
#include "oracle.h"
#include "os/thread.h"
#include "service/memory_plan.h"
#include "service/sink_setup.h"
#include "catalog/files.h"
#include "os/identity.h"
#include "store/layout.h"
#include "util/exit_code.h"
#include "world.h"

/* As readers may see the lake: nobody looks there. */
#define ELSEWHERE "/srv/simulated/lake"

enum verb {
    VERB_COMPACT,
    VERB_PRUNE,
    VERB_EXPIRE,
    VERB_BACKUP,
    VERB_RESTORE,
    VERB_RELOCATE,
    VERB_REPLAY_LETTERS,
    VERB_RAISE_SCHEMA,
    VERB_COUNT, /* those are drawn */
    VERB_REPAIR_UNCONFIRMED = VERB_COUNT
};
static const char *const verb_names[] = {"compact",
                                         "prune",
                                         "expire",
                                         "backup",
                                         "restore",
                                         "relocate",
                                         "dead-letters replay",
                                         "repair --schema-version",
                                         "repair --unconfirmed"};

struct wish {
    enum verb verb;
    uint32_t before_ledger; /* prune */
    int64_t older_than_us;  /* expire */
    bool links, mirrors;    /* backup */
    bool is_elsewhere;      /* relocate, backup */
};

/* ---- the verbs, each in a process of its own ---- */

static enum error_code repair(struct run *run, const struct wish *wish, struct error *error)
{
    const struct repair_options options = {
        .output_path = run->folder,
        .unconfirmed = wish->verb == VERB_REPAIR_UNCONFIRMED,
        .schema = wish->verb == VERB_RAISE_SCHEMA ? row_schema_find("1.0.0") : NULL,
        .threads = 1};
    struct repair_report report;
    enum error_code code = repair_lake(&options, &report, error);
    repair_report_release(&report);
    /* The lake itself may be of the older version. */
    return code == ERR_CONFLICT && wish->verb == VERB_RAISE_SCHEMA ? OK : code;
}

/* What ends below the ledger leaves. */
static enum error_code prune(struct run *run, const struct wish *wish, struct error *error)
{
    const struct prune_cut cut = {.before_ledger = wish->before_ledger};
    struct prune_report report;
    enum error_code code = prune_lake(run->folder, &cut, false, &report, error);
    prune_report_release(&report);
    return code;
}

/* Where only the newest snapshot is left, nothing is kept for an older one. */
static enum error_code check_expired(struct run *run, struct error *error)
{
    size_t kept = temp_count(run->folder, LAKE_REPLACED "/", "") +
                  temp_count(run->folder, LAKE_DAMAGED "/", "");
    return kept == 0 ? OK
                     : error_set(error, ERR_CORRUPT,
                                 "%zu files are kept, and no snapshot is left to need them", kept);
}

static enum error_code expire(struct run *run, const struct wish *wish, struct error *error)
{
    struct expire_report report;
    enum error_code code = expire_lake(run->folder, wish->older_than_us, false, &report, error);
    /* Of what others wrote and moved some is theirs to delete. */
    return code == OK && wish->older_than_us == 0 && !world->foreign.is_there
               ? check_expired(run, error)
               : code;
}

/* With the files of a sink as a life has it. */
static enum error_code rewrite(struct run *run, const struct wish *wish, struct error *error)
{
    struct options options;
    enum error_code code;
    run_load_options(run, 0, 0, &options);
    struct memory_plan memory = memory_plan_make(options.memory_limit_bytes, 1);
    const struct sink_options sink = sink_setup_options(&options, &memory);
    if (wish->verb == VERB_COMPACT) {
        /* Also of the newest partition, between two lives. */
        const struct compact_wish what = {.partition = "",
                                          .max_file_size_bytes = options.max_file_size_bytes};
        struct compact_report report;
        compact_report_init(&report);
        code = compact_lake(&sink, &what, &report, error);
        compact_report_release(&report);
    } else {
        struct letter_replay_report report;
        letter_replay_report_init(&report);
        code = letter_replay_lake(&sink, &report, error);
        letter_replay_report_release(&report);
    }
    options_release(&options);
    return code;
}

static enum error_code relocate(struct run *run, const struct wish *wish, struct error *error)
{
    struct relocate_options options = {.output_path = run->folder,
                                       .reader_data_path = wish->is_elsewhere ? ELSEWHERE : ""};
    struct relocate_report report;
    enum error_code code = relocate_lake(&options, &report, error);
    options.dry_run = true;
    if (code == OK && relocate_lake(&options, &report, error) == OK && report.data_path_changed)
        code = error_set(error, ERR_CORRUPT, "the lake says that it lies at %s", report.before);
    return code;
}

static enum error_code backup(const char *from, const char *to, const struct wish *wish,
                              struct error *error)
{
    const struct backup_options options = {.output_path = from,
                                           .destination = to,
                                           .catalog = "",
                                           .catalog_schema = "",
                                           .reader_data_path = wish->is_elsewhere ? ELSEWHERE : "",
                                           .link = wish->links,
                                           .mirror = wish->mirrors};
    struct backup_report report;
    return backup_lake(&options, &report, error);
}

static enum error_code do_verb(struct run *run, const struct wish *wish, struct error *error)
{
    switch (wish->verb) {
    case VERB_COMPACT:
    case VERB_REPLAY_LETTERS: return rewrite(run, wish, error);
    case VERB_PRUNE: return prune(run, wish, error);
    case VERB_EXPIRE: return expire(run, wish, error);
    case VERB_BACKUP: return backup(run->folder, run->copy, wish, error);
    case VERB_RESTORE: return backup(run->copy, run->folder, wish, error);
    case VERB_RELOCATE: return relocate(run, wish, error);
    default: return repair(run, wish, error);
    }
}

static int activity_verb(struct run *run, const void *context)
{
    const struct wish *wish = context;
    struct error error;
    disk_begin(run->base);
    enum error_code code = do_verb(run, wish, &error);
    disk_end();
    if (code == OK || code == ERR_NOT_FOUND) /* the lake may only be being made */
        return EXIT_DONE;
    fprintf(stderr, "%s: %s\n", verb_names[wish->verb], error.message);
    return EXIT_FAILED;
}

/* A lake at rest. */
static int activity_check_deep(struct run *run, const void *lake)
{
    return check_deep(lake, &run->scenario.chain) ? EXIT_DONE : EXIT_FAILED;
}

static bool is_sound(struct run *run, const char *lake)
{
    return !world_has_catalog(lake) || run_process(run, activity_check_deep, lake) == EXIT_DONE;
}

/* ---- what it meets, and what must be true then ---- */

static void draw_faults(void)
{
    struct world_life *life = &world->life;
    *life = (struct world_life){.chunk_bytes = 1};
    uint64_t at = 1 + world_below(1u << (4 + world_below(6)));
    switch (world_below(5)) {
    case 0: break;
    case 1: life->power_loss_at = at; break;
    case 2:
        for (size_t i = 0; i < WORLD_EIO_MAX; i++)
            life->eio_at[i] = 1 + world_below((uint32_t)at);
        if (world_chance(3))
            life->read_eio_at = at;
        break;
    case 3:
        life->full_at = at;
        life->full_us = INT64_C(1) << world_below(28);
        break;
    default: life->crash_at = at; life->crash_how = world_below(3);
    }
    life->short_writes = world_chance(4);
    if (world->is_on_objects)
        life->store_odds = 1 + world_below(20);
}

/* By the wish's own account: what is known of the lake and of its copy afterwards. */
static void note_done(const struct run *run, const struct wish *wish)
{
    if (wish->verb == VERB_BACKUP) {
        world->copy_is_exact = world_has_catalog(run->copy); /* there was a lake */
        world->copied = (struct world_lake){world->foreign, world->has_old_letters};
    }
    if (wish->verb == VERB_REPLAY_LETTERS)
        world->has_old_letters = world->is_old_age = false;
    world->care[wish->verb]++;
}

/* Dies or fails by what it meets, and succeeds then. */
static bool do_with_faults(struct run *run, const struct wish *wish)
{
    draw_faults();
    if (run->verbose)
        fprintf(stderr, "---- %s\n", verb_names[wish->verb]);
    if (wish->verb == VERB_BACKUP)
        world->copy_is_exact = false;
    if (wish->verb == VERB_PRUNE)
        world->foreign.may_lack_inserted = true;
    uint64_t faults_before = world->disk_faults;
    int exit_code = run_process(run, activity_verb, wish);
    if (exit_code == EXIT_FAILED && world->disk_faults == faults_before) {
        printf("  found: %s failed, and nothing troubled it\n", verb_names[wish->verb]);
        return false;
    }
    if (exit_code < 0)
        return false;
    if (exit_code != EXIT_DONE) {
        world->life = (struct world_life){.chunk_bytes = 1};
        world->store_away_until_us = 0;
        if (!run_lake_is_true(run, false) || !is_sound(run, run->copy))
            return false;
        exit_code = run_process(run, activity_verb, wish);
    }
    world->life = (struct world_life){.chunk_bytes = 1};
    if (exit_code != EXIT_DONE) {
        printf("  found: %s failed\n", verb_names[wish->verb]);
        return false;
    }
    note_done(run, wish);
    return run_lake_is_true(run, false) && is_sound(run, run->folder) && is_sound(run, run->copy);
}

/* The lake's disk is lost, and its copy becomes the lake: by `backup`, or by moving it there and
 * telling it so. */
static bool restore(struct run *run, struct wish *wish)
{
    world->foreign = world->copied.foreign;
    world->has_old_letters = world->copied.has_old_letters;
    temp_folder_remove(run->folder);
    if (!world_chance(2))
        return do_with_faults(run, wish);
    world->copy_is_exact = false;
    if (rename(run->copy, run->folder) != 0)
        abort();
    wish->verb = VERB_RELOCATE;
    return do_with_faults(run, wish);
}

static void draw_wish(const struct run *run, struct wish *wish)
{
    const struct chain *chain = &run->scenario.chain;
    static const int64_t ages_us[] = {0, 1000000, 60000000, INT64_C(3600000000)};
    *wish = (struct wish){.verb = (enum verb)world_below(VERB_COUNT),
                          .before_ledger =
                              chain->first + 1 + world_below(chain->last - chain->first + 1),
                          .older_than_us = ages_us[world_below(4)],
                          .links = world_chance(3),
                          .mirrors = world_chance(2),
                          .is_elsewhere = world_chance(3)};
    if (wish->verb == VERB_RESTORE && !world->copy_is_exact)
        wish->verb = VERB_BACKUP;
    if (world->is_on_objects) /* what works there */
        wish->verb = VERB_RAISE_SCHEMA;
    /* What was pruned stays away: not too often too much. */
    if (wish->verb == VERB_PRUNE && !world_chance(3))
        wish->before_ledger = chain->first + 1 + world_below(1 + (chain->last - chain->first) / 4);
}

const char *care_name(unsigned verb)
{
    return verb < sizeof verb_names / sizeof *verb_names ? verb_names[verb] : NULL;
}

bool care_at_random(struct run *run, bool is_whole)
{
    struct wish wish;
    if (!world_has_catalog(run->folder))
        return true;
    draw_wish(run, &wish);
    bool is_left_out = wish.verb == VERB_RAISE_SCHEMA || wish.verb == VERB_RESTORE;
    bool passed = wish.verb == VERB_RESTORE ? restore(run, &wish) : do_with_faults(run, &wish);
    passed = passed && care_replay_letters(run); /* of a copy that was restored */
    return passed && (!is_whole || !is_left_out || run_lives_calmly(run)) &&
           (!is_whole || run_lake_is_true(run, true));
}

bool care_repair_unconfirmed(struct run *run)
{
    const struct wish wish = {.verb = VERB_REPAIR_UNCONFIRMED};
    return do_with_faults(run, &wish) && run_lives_calmly(run);
}

bool care_replay_letters(struct run *run)
{
    const struct wish wish = {.verb = VERB_REPLAY_LETTERS};
    return !world->has_old_letters || !world_has_catalog(run->folder) || do_with_faults(run, &wish);
}

/* ---- beside a life ---- */

static struct os_thread thread;
static bool is_beside, is_over;

static void *back_up(void *context)
{
    struct run *run = context;
    struct error error;
    const struct wish wish = {.verb = VERB_BACKUP, .mirrors = world->life.backup_mirrors};
    os_sleep_us(world->life.backup_after_us);
    if (is_over || !world_has_catalog(run->folder))
        return NULL;
    uint64_t faults_before = world->disk_faults;
    enum error_code code = backup(run->folder, run->copy, &wish, &error);
    world->care[VERB_BACKUP] += code == OK;
    if (code != OK && code != ERR_NOT_FOUND && world->disk_faults == faults_before &&
        world->life.foreign_writes == 0)
        oracle_finding("a backup beside the run failed: %s", error.message);
    return NULL;
}

void care_start_backup(struct run *run)
{
    struct error error;
    is_beside = world->life.backup_after_us != 0;
    is_over = false;
    if (!is_beside)
        return;
    world->copy_is_exact = false;
    if (os_thread_start(&thread, "backup", back_up, run, &error) != OK)
        abort();
}

void care_join_backup(void)
{
    is_over = true;
    if (is_beside)
        os_thread_join(&thread);
}
