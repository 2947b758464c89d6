// SPDX-License-Identifier: Apache-2.0
#include "service/run_log.h"

#include <stdio.h>

#include "service/rerun.h"
#include "os/log.h"

void run_log_left_below(struct run_log *log)
{
    const struct ledger_set *left = &log->plan->left_below;
    if (left->count == 0 || !atomic_exchange(&log->owes_left_below, false))
        return;
    char ranges[LEDGER_SET_TEXT_BYTES];
    char sentence[LEDGER_SET_TEXT_BYTES + 256];
    struct buffer command;
    buffer_init(&command);
    ledger_set_text(left, ranges);
    snprintf(sentence, sizeof sentence,
             "ledgers below the newest are not in the lake, and this run leaves them: %s", ranges);
    if (rerun_write_run(log->options, ledger_set_span(left), &command) == OK)
        log_event(LOG_WARN, "app", sentence, LOG_T("fetch_by", (const char *)command.data));
    else
        log_line(LOG_WARN, "app", sentence);
    buffer_release(&command);
}

/* Of what was asked for. */
static void tell_pruned(const struct run_plan *plan)
{
    char ranges[LEDGER_SET_TEXT_BYTES];
    if (plan->pruned.count == 0)
        return;
    ledger_set_text(&plan->pruned, ranges);
    log_event(LOG_INFO, "app",
              "ledgers were pruned and are not fetched (run START END --include-pruned fetches "
              "them)",
              LOG_T("ledgers", ranges));
}

static void tell_commit(const struct sink_commit_info *info)
{
    log_event(LOG_INFO, "sink", "committed", LOG_U("commit_no", info->commit_no),
              LOG_U("first_ledger", info->range.first), LOG_U("last_ledger", info->range.last),
              LOG_U("rows", info->row_count), LOG_U("files", info->file_count),
              LOG_U("bytes", info->size_bytes),
              LOG_T("partition", info->partition != NULL ? info->partition : ""),
              LOG_T("reason", rotation_reason_name(info->reason)),
              LOG_I("duration_ms", info->duration_us / 1000));
}

static void on_fact(void *context, const struct run_fact *fact)
{
    struct run_log *log = context;
    if (fact->kind == FACT_PLAN) {
        log->plan = fact->plan;
        atomic_store(&log->owes_left_below, fact->is_first);
        if (fact->is_first)
            tell_pruned(fact->plan);
    } else if (fact->kind == FACT_BATCH) {
        run_log_left_below(log);
    } else if (fact->kind == FACT_COMMIT) {
        tell_commit(fact->commit);
    }
}

struct run_observer run_log_observer(struct run_log *log, const struct options *options)
{
    log->options = options;
    log->plan = NULL;
    atomic_init(&log->owes_left_below, false);
    return (struct run_observer){on_fact, log};
}
