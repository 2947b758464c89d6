// SPDX-License-Identifier: Apache-2.0
#include "output/print_runs.h"

#include <stdio.h>

#include "output/say.h"
#include "service/rerun.h"

enum error_code print_runs(const char *title, const struct options *options,
                           const struct ledger_set *ranges, struct error *error)
{
    struct rerun rerun;
    struct buffer text;
    if (ranges->count == 0)
        return OK;
    rerun_init(&rerun);
    buffer_init(&text);
    enum error_code code = rerun_of_lake(&rerun, options, error);
    if (code == OK) {
        code = buffer_append_format(&text, "%s:\n", title);
        for (size_t i = 0; code == OK && i < rerun_run_count(ranges); i++) {
            code = buffer_append_text(&text, "  ");
            if (code == OK)
                code = rerun_append_run(&rerun, rerun_run_range(ranges, i), &text);
            if (code == OK)
                code = buffer_append_byte(&text, '\n');
        }
        if (code != OK)
            code = error_no_memory(error, "the command to go on with");
    }
    if (code == OK) /* it is plain: a shell's word has no other characters here */
        (void)!fwrite(text.data, 1, text.size_bytes, stdout);
    if (code == OK && rerun_server_is_default(options))
        say("(" RERUN_DEFAULT_SERVER ")\n");
    buffer_release(&text);
    rerun_release(&rerun);
    return code;
}
