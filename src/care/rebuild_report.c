// SPDX-License-Identifier: Apache-2.0
#include "care/rebuild_report.h"

void rebuild_report_release(struct rebuild_report *report)
{
    arena_release(&report->arena);
    buffer_release(&report->entries);
    ledger_set_release(&report->coverage);
    ledger_set_release(&report->refetch);
}
