// SPDX-License-Identifier: Apache-2.0
#include "output/standard_output.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "os/log.h"
#include "os/output.h"
#include "util/text.h"

enum exit_code standard_output_end(enum exit_code exit_code)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return exit_code;
    int system_errno = errno;     /* 0: it failed earlier */
    if (exit_code != EXIT_FAILED) /* else something was said already */
        log_sentence("can't write to standard output%s%s: what was printed is not complete",
                     system_errno != 0 ? ": " : "",
                     system_errno != 0 ? strerror(system_errno) : "");
    return exit_code == EXIT_DONE ? EXIT_FAILED : exit_code;
}

enum exit_code standard_output_text(enum error_code code, struct buffer *text)
{
    /* What could not be written, standard_output_end tells. */
    if (code == OK)
        (void)!fwrite(text->data, 1, text->size_bytes, stdout);
    else
        log_sentence("can't print: out of memory");
    buffer_release(text);
    return code == OK ? EXIT_DONE : EXIT_FAILED;
}

enum exit_code standard_output_print(const struct buffer *text, int64_t timeout_us)
{
    struct error error;
    enum error_code code =
        os_write_out(STDOUT_FILENO, (const char *)text->data, text->size_bytes, timeout_us, &error);
    if (code == OK)
        return EXIT_DONE;
    char waited[TEXT_TIME_BYTES];
    text_duration(timeout_us, waited);
    if (code == ERR_RETRY)
        log_sentence("standard output took nothing for %s: what was to be printed is left out",
                     waited);
    else
        log_sentence("can't write to standard output: %s", strerror(error.system_errno));
    return EXIT_FAILED;
}
