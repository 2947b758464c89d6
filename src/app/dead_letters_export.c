// SPDX-License-Identifier: Apache-2.0
/* Writes the messages that could not be stored as rows into an `.events` file. */
#include "app/dead_letters_export.h"

#include <inttypes.h>

#include "app/dead_letters.h"
#include "output/json_output.h"
#include "output/say.h"
#include "lake/dead_letter_list.h"
#include "lake/open.h"
#include "os/file.h"
#include "pb/event.h"
#include "serve/recording.h"
#include "util/text.h"

struct export
{
    const char *path;
    struct recording_writer *writer; /* NULL: there was none to write yet */
    uint64_t letters, nameless;      /* that name no ledger, as far as they can be read */
    uint64_t size_bytes;
    struct error unservable; /* why `replay` can't serve the file; no message: it can */
};

static enum error_code add_letter(void *context, uint64_t commit_no,
                                  const struct stored_letter *letter, struct error *error)
{
    struct export *export = context;
    uint32_t ledger;
    (void)commit_no;
    enum error_code code = OK;
    if (export->writer == NULL)
        code = recording_writer_open(&export->writer, export->path, false, &ledger, error);
    if (code == OK)
        code = recording_writer_append(export->writer, letter->raw, error);
    export->letters++;
    export->nameless += !event_peek_ledger(letter->raw, &ledger);
    return code;
}

/* Leaves no part of a file behind. */
static enum error_code finish(struct export *export, enum error_code code, struct error *error)
{
    struct error ignored;
    if (export->writer == NULL)
        return code;
    if (code == OK)
        code = recording_writer_finish(export->writer, error);
    export->size_bytes = recording_writer_size(export->writer);
    recording_writer_free(export->writer);
    if (code != OK)
        (void)!os_unlink(export->path, &ignored);
    return code;
}

/* A recording's ledgers rise, and its first message names one: what could not be read need not. */
static enum error_code try_serving(struct export *export, struct error *error)
{
    struct recording *recording = NULL;
    enum error_code code = recording_open(&recording, &export->path, 1, &export->unservable);
    recording_free(recording);
    if (code == ERR_NO_MEMORY || code == ERR_IO) {
        *error = export->unservable;
        return code;
    }
    return OK;
}

static enum error_code print_json(const struct export *export, struct error *error)
{
    const char *reason = export->unservable.message;
    json_t *object =
        json_pack("{s:o, s:I, s:I, s:I, s:o}", "file",
                  json_any_text(export->letters == 0 ? NULL : export->path), "events",
                  (json_int_t) export->letters, "bytes", (json_int_t) export->size_bytes,
                  "without_ledger", (json_int_t) export->nameless, "not_served",
                  json_any_text(reason[0] == '\0' ? NULL : reason));
    return json_print(object, true, error);
}

static void print_text(const struct export *export)
{
    char size[TEXT_TIME_BYTES];
    if (export->letters == 0) {
        say("no dead letters\n");
        return;
    }
    text_size(export->size_bytes, size);
    say("%s: %" PRIu64 " events, %s\n", export->path, export->letters, size);
    if (export->nameless > 0)
        say("%" PRIu64 " of them name no ledger that can be read: `replay` sends such a one with "
            "the ledger before it\n",
            export->nameless);
    if (export->unservable.message[0] != '\0')
        say("`replay` can't serve it as it is: %s\n", export->unservable.message);
}

enum exit_code dead_letters_export(const struct command_line *line, const struct options *options)
{
    struct error error = {0};
    struct export export = {.path = line->argument_count < 2 ? NULL : line->arguments[1]};
    struct ledger_range range;
    struct catalog *catalog = NULL;
    enum error_code code = dead_letters_range(line, &range, &error);
    if (code == OK && export.path == NULL)
        code = error_set(&error, ERR_INVALID, "where to? dead-letters export FILE");
    else if (code == OK && os_path_exists(export.path))
        code = error_set(&error, ERR_CONFLICT,
                         "%s exists already; choose another name or remove it", export.path);
    if (code == OK)
        code = lake_open_catalog(&catalog, options->output_path, &error);
    if (code == OK) {
        code = dead_letters_each(catalog, options->output_path, range, add_letter, &export, &error);
        code = finish(&export, code, &error);
    }
    catalog_close(catalog);
    if (code == OK && export.letters > 0)
        code = try_serving(&export, &error);
    if (code == OK && command_line_flag(line, "--json") != NULL)
        code = print_json(&export, &error);
    else if (code == OK)
        print_text(&export);
    return command_end(code, &error);
}
