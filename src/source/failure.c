// SPDX-License-Identifier: Apache-2.0
#include "source/failure.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Seen from the real ttp-processor and its sources; each comes at once, as INTERNAL. */
static const struct phrase {
    const char *words, *meaning;
} phrases[] = {
    {"unknown tx hash in LedgerCloseMeta",
     "the NETWORK_PASSPHRASE of ttp-processor is not that of its ledgers: correct it and restart "
     "ttp-processor"},
    {"service temporarily unavailable",
     "the circuit breaker of the ledger source behind ttp-processor is open, and may stay so: "
     "restart that source"},
    {"must be between the oldest ledger",
     "the source keeps only the newest ledgers (its retention) or does not have this one yet: ask "
     "for ledgers that it has, or put a source with the whole history behind ttp-processor"},
    {"string field contains invalid UTF-8",
     "the ledger has a memo that is not UTF-8, which this ttp-processor can't send"},
    {"message larger than max",
     "the ledger is larger than ttp-processor or its source let through: raise their message size "
     "limit"},
};

const char *source_words_meaning(const char *words)
{
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++) {
        if (strstr(words, phrases[i].words) != NULL)
            return phrases[i].meaning;
    }
    return NULL;
}

void source_asked_text(const struct source_call *call, char out[SOURCE_ASKED_BYTES])
{
    if (call->start == 0)
        snprintf(out, SOURCE_ASKED_BYTES, "whatever it begins with");
    else if (call->end == call->start)
        snprintf(out, SOURCE_ASKED_BYTES, "ledger %" PRIu32, call->start);
    else if (call->end == 0)
        snprintf(out, SOURCE_ASKED_BYTES, "ledger %" PRIu32 " and all later ones", call->start);
    else
        snprintf(out, SOURCE_ASKED_BYTES, "ledgers %" PRIu32 " to %" PRIu32, call->start,
                 call->end);
}
