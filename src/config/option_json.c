// SPDX-License-Identifier: Apache-2.0
#include "config/option_json.h"

#include <stdlib.h>
#include <string.h>

#include "config/option_table.h"
#include "config/option_value.h"
#include "util/json_text.h"

json_t *option_value_json(const struct options *options, int index)
{
    char text[OPTION_VALUE_BYTES];
    option_value_text(options, index, text);
    switch (option_table[index].kind) {
    case OPTION_BOOLEAN: return json_boolean(strcmp(text, "true") == 0);
    case OPTION_LEDGER:
    case OPTION_NUMBER:
    case OPTION_SIZE: return json_integer((json_int_t)strtoll(text, NULL, 10));
    case OPTION_HEADERS: {
        json_t *headers;
        json_error_t where;
        enum error_code code = json_text_load(bytes_view_text(text), 0, &headers, &where);
        return code == ERR_CORRUPT ? json_string("(hidden)") : headers;
    }
    case OPTION_TEXT:
    case OPTION_CHOICE:
    case OPTION_DURATION: break;
    }
    return json_string(text);
}
