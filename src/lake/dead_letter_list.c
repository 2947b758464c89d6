// SPDX-License-Identifier: Apache-2.0
#include "lake/dead_letter_list.h"

#include <stdlib.h>

#include <xxhash.h>

#include "catalog/history.h"
#include "store/layout.h"
#include "lake/inventory.h"
#include "os/file.h"

/* The file of one commit. */
struct letters_file {
    uint64_t commit_no;
    struct ledger_range range;
    const char *path;
    uint64_t checksum;
};

struct list {
    const char *output_path;
    struct ledger_range range;
    dead_letter_visitor *visit;
    void *context;
    struct arena arena;
    struct buffer files; /* struct letters_file */
};

static enum error_code add_file(void *context, const struct catalog_commit_record *commit,
                                struct error *error)
{
    struct list *list = context;
    if (commit->ended || commit->dead_letters_path == NULL ||
        commit->range.first > list->range.last || commit->range.last < list->range.first)
        return OK;
    struct letters_file file = {
        .commit_no = commit->commit_no,
        .range = commit->range,
        .path = arena_copy_text(&list->arena, bytes_view_text(commit->dead_letters_path)),
        .checksum = commit->dead_letters_checksum};
    if (file.path == NULL || buffer_append(&list->files, &file, sizeof file) != OK)
        return error_no_memory(error, "the list of dead letters");
    return OK;
}

static int compare_files(const void *a, const void *b)
{
    const struct letters_file *left = a, *right = b;
    return left->range.first < right->range.first ? -1 : left->range.first > right->range.first;
}

static enum error_code visit_letters(const struct list *list, const struct letters_file *file,
                                     const struct buffer *letters, struct error *error)
{
    enum error_code code = OK;
    size_t count = LIST_COUNT(letters, struct stored_letter);
    for (size_t i = 0; code == OK && i < count; i++) {
        const struct stored_letter *letter = LIST_AT(letters, struct stored_letter, i);
        if (letter->ledger_sequence >= list->range.first &&
            letter->ledger_sequence <= list->range.last)
            code = list->visit(list->context, file->commit_no, letter, error);
    }
    return code;
}

static enum error_code read_file(const struct list *list, const struct letters_file *file,
                                 struct error *error)
{
    char path[OS_PATH_BYTES];
    struct arena arena;
    struct buffer text, letters;
    arena_init(&arena, 0);
    buffer_init(&text);
    buffer_init(&letters);
    enum error_code code = dead_letters_read(list->output_path, file->path, path, &text, error);
    if (code == ERR_NOT_FOUND)
        code = error_set(error, ERR_CORRUPT, "%s is not there, and the catalog lists it", path);
    if (code == OK && XXH64(text.data, text.size_bytes, 0) != file->checksum)
        code = error_set(error, ERR_CORRUPT, "%s changed since it was committed", path);
    if (code == OK) {
        code = dead_letters_parse(buffer_view(&text), &arena, &letters, error);
        if (code == ERR_CORRUPT)
            code = error_prefix(error, code, "%s: ", path);
    }
    if (code == OK)
        code = visit_letters(list, file, &letters, error);
    buffer_release(&letters);
    buffer_release(&text);
    arena_release(&arena);
    return code;
}

enum error_code dead_letters_each(struct catalog *catalog, const char *output_path,
                                  struct ledger_range range, dead_letter_visitor *visit,
                                  void *context, struct error *error)
{
    struct list list = {
        .output_path = output_path, .range = range, .visit = visit, .context = context};
    arena_init(&list.arena, 0);
    buffer_init(&list.files);
    enum error_code code = catalog_each_commit(catalog, 0, add_file, &list, error);
    size_t count = LIST_COUNT(&list.files, struct letters_file);
    if (count > 0)
        qsort(list.files.data, count, sizeof(struct letters_file), compare_files);
    for (size_t i = 0; code == OK && i < count; i++)
        code = read_file(&list, LIST_AT(&list.files, struct letters_file, i), error);
    buffer_release(&list.files);
    arena_release(&list.arena);
    return code;
}
