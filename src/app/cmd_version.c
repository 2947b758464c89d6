// SPDX-License-Identifier: Apache-2.0
#include "app/command.h"

#include "output/standard_output.h"
#include "version.h"

enum exit_code cmd_version(const struct command_line *line)
{
    (void)line;
    struct buffer text;
    buffer_init(&text);
    return standard_output_text(buffer_append_text(&text, TTP_CREATED_BY "\n"), &text);
}
