// SPDX-License-Identifier: Apache-2.0
#include "util/exit_code.h"

enum exit_code exit_code_of(enum error_code code)
{
    switch (code) {
    case OK: return EXIT_DONE;
    case ERR_INVALID:
    case ERR_CONFLICT:
    case ERR_NOT_FOUND: return EXIT_USAGE;
    case ERR_AGAIN:
    case ERR_RETRY:
    case ERR_CORRUPT:
    case ERR_LIMIT:
    case ERR_NO_MEMORY:
    case ERR_IO: break;
    }
    return EXIT_FAILED;
}
