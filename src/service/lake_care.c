// SPDX-License-Identifier: Apache-2.0
#include "service/lake_care.h"

#include "care/expire.h"
#include "care/prune.h"
#include "os/clock.h"
#include "os/log.h"

#define FIRST_US INT64_C(60000000) /* after the start: it has other things to do then */
#define RETRY_US INT64_C(60000000) /* after a failure */
#define HOUR_US  (INT64_C(3600) * 1000000)

static bool wants_prune(const struct options *options)
{
    return options->retention_us > 0;
}

static enum error_code prune(const struct options *options, const struct sink_lake *lake,
                             struct care_fact *fact, struct error *error)
{
    const struct prune_cut cut = {.older_than_us = options->retention_us};
    struct prune_report report;
    enum error_code code =
        prune_owned(lake->store, lake->file, lake->catalog, &cut, false, &report, error);
    if (code == OK && report.commits > 0) {
        char ranges[LEDGER_SET_TEXT_BYTES];
        ledger_set_text(&report.ledgers, ranges);
        log_event(LOG_INFO, "lake", "old commits were pruned (retention)", LOG_T("ledgers", ranges),
                  LOG_U("commits", report.commits), LOG_U("files", report.files),
                  LOG_U("bytes", report.bytes));
        fact->files = report.files;
        fact->bytes = report.bytes;
        fact->catalog = lake->catalog;
    }
    prune_report_release(&report);
    return code;
}

static bool wants_compaction(const struct options *options)
{
    return options->compact_closed;
}

static bool wants_expire(const struct options *options)
{
    return options->snapshot_retention_us > 0;
}

static enum error_code expire(const struct options *options, const struct sink_lake *lake,
                              struct care_fact *fact, struct error *error)
{
    struct expire_report report;
    enum error_code code = expire_owned(lake->store, lake->catalog, options->snapshot_retention_us,
                                        false, &report, error);
    if (code != OK)
        return code;
    fact->files = report.deleted.files;
    fact->bytes = report.deleted.bytes;
    if (report.expiry.snapshots + report.deleted.files > 0)
        log_event(LOG_INFO, "lake", "old snapshots ended (snapshot_retention)",
                  LOG_U("snapshots", report.expiry.snapshots),
                  LOG_U("files_deleted", report.deleted.files),
                  LOG_U("bytes_deleted", report.deleted.bytes));
    if (report.deleted.waiting_files > 0)
        log_event(LOG_INFO, "lake", "files that nothing needs any more wait to be deleted",
                  LOG_U("files", report.deleted.waiting_files),
                  LOG_T("reason", report.deleted.waits_for));
    return OK;
}

static const struct {
    bool (*is_wanted)(const struct options *options);
    /* Fills what `fact` says of it. NULL: a task between two commits. */
    enum error_code (*run)(const struct options *options, const struct sink_lake *lake,
                           struct care_fact *fact, struct error *error);
    int64_t every_us;
} tasks[CARE_TASK_COUNT] = {
    [CARE_PRUNE] = {wants_prune, prune, HOUR_US},
    [CARE_COMPACT] = {wants_compaction, NULL, 0},
    [CARE_EXPIRE] = {wants_expire, expire, HOUR_US}, /* what was pruned before it, too */
};

void lake_care_init(struct lake_care *care, const struct options *options, care_teller *tell,
                    void *context)
{
    int64_t first_us = os_monotonic_us() + FIRST_US;
    *care = (struct lake_care){.options = options, .tell = tell, .context = context};
    compact_care_init(&care->compaction);
    for (int i = 0; i < CARE_TASK_COUNT; i++) {
        bool is_wanted = options->end_ledger == 0 && tasks[i].is_wanted(options);
        care->next_us[i] = is_wanted ? first_us : INT64_MAX;
        if (is_wanted)
            tell(context, &(struct care_fact){.task = (enum care_task)i, .next_us = first_us});
    }
}

/* A task ended by `code`: tells it, and when it is due again. */
static void end_task(struct lake_care *care, struct care_fact *fact, enum error_code code,
                     const struct error *error)
{
    enum care_task task = fact->task;
    if (code != OK) {
        *fact = (struct care_fact){.task = task, .kind = CARE_FAILED};
        log_event(LOG_WARN, "lake",
                  "the lake could not be cared for; it is tried again in a minute",
                  LOG_T("task", care_task_name(task)), LOG_T("reason", error->message));
    }
    fact->next_us = os_monotonic_us() + (code == OK ? tasks[task].every_us : RETRY_US);
    care->next_us[task] = fact->next_us;
    care->tell(care->context, fact);
}

static void do_task(struct lake_care *care, enum care_task task, struct sink *sink)
{
    struct sink_lake lake;
    struct error error;
    struct care_fact fact = {.task = task, .kind = CARE_DONE};
    error_clear(&error);
    enum error_code code = sink_get_lake(sink, &lake, &error);
    if (code == OK)
        code = tasks[task].run(care->options, &lake, &fact, &error);
    end_task(care, &fact, code, &error);
}

static bool is_ours(const struct lake_care *care)
{
    return care->is_ours == NULL || care->is_ours(care->context);
}

void lake_care_tick(struct lake_care *care, struct sink *sink, int64_t now_us)
{
    if (!is_ours(care))
        return;
    for (int i = 0; i < CARE_TASK_COUNT; i++)
        if (tasks[i].run != NULL && now_us >= care->next_us[i])
            do_task(care, (enum care_task)i, sink);
    if (sink_is_idle(sink))
        lake_care_idle(care, sink);
}

void lake_care_idle(struct lake_care *care, struct sink *sink)
{
    struct compact_step step;
    struct error error;
    struct care_fact fact = {.task = CARE_COMPACT, .kind = CARE_DONE};
    if (os_monotonic_us() < care->next_us[CARE_COMPACT] || !is_ours(care))
        return;
    error_clear(&error);
    enum error_code code = compact_care_step(&care->compaction, sink, &step, &error);
    if (code == OK && step.kind == COMPACT_NOTHING)
        return;
    fact.kind = step.kind == COMPACT_LEFT ? CARE_FAILED : CARE_DONE;
    fact.files = step.files;
    fact.bytes = step.bytes;
    end_task(care, &fact, code, &error);
}
