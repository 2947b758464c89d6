// SPDX-License-Identifier: Apache-2.0
#include "care/letter_names.h"

#include <stdlib.h>
#include <string.h>

#include "catalog/history.h"

struct letter_name {
    uint64_t number;
    const char *path;
};

void letter_names_init(struct letter_names *names)
{
    *names = (struct letter_names){.names = {0}};
    arena_init(&names->arena, 0);
}

void letter_names_release(struct letter_names *names)
{
    arena_release(&names->arena);
    buffer_release(&names->names);
    letter_names_init(names);
}

static enum error_code add(void *context, const char *relative_path, uint64_t size_bytes,
                           struct error *error)
{
    struct letter_names *names = context;
    char path[OS_PATH_BYTES];
    (void)size_bytes;
    enum error_code code =
        os_path_join(path, &LAKE_DEAD_LETTERS[sizeof LAKE_FOLDER], relative_path, error);
    struct letter_name name = {.number = catalog_dead_letters_number(path)};
    if (code != OK || name.number == 0)
        return code;
    name.path = arena_copy_text(&names->arena, bytes_view_text(path));
    return name.path != NULL && buffer_append(&names->names, &name, sizeof name) == OK
               ? OK
               : error_no_memory(error, "the list of dead letters");
}

static int compare(const void *a, const void *b)
{
    const struct letter_name *left = a, *right = b;
    if (left->number != right->number)
        return left->number < right->number ? -1 : 1;
    return strcmp(left->path, right->path);
}

enum error_code letter_names_read(struct letter_names *names, const struct store *store,
                                  struct error *error)
{
    const struct os_walker walker = {.context = names, .visit = add};
    if (!store_exists(store, LAKE_DEAD_LETTERS))
        return OK;
    enum error_code code = store_walk(store, LAKE_DEAD_LETTERS, &walker, error);
    size_t count = LIST_COUNT(&names->names, struct letter_name);
    if (code == OK && count > 0)
        qsort(LIST_AT(&names->names, struct letter_name, 0), count, sizeof(struct letter_name),
              compare);
    return code;
}

/* What stands between the last '_' and the suffix of the file's name. */
static struct bytes_view digits_of(const char *path)
{
    const char *mark = strrchr(path, '_');
    return bytes_view_of(mark == NULL ? "" : mark, mark == NULL ? 0 : strcspn(mark, "."));
}

/* The index of the first one that is not below the number. */
static size_t first_of(const struct letter_names *names, uint64_t number)
{
    size_t first = 0, end = LIST_COUNT(&names->names, struct letter_name);
    while (first < end) {
        size_t middle = first + (end - first) / 2;
        if (LIST_AT(&names->names, struct letter_name, middle)->number < number)
            first = middle + 1;
        else
            end = middle;
    }
    return first;
}

const char *letter_names_find(const struct letter_names *names, uint64_t number,
                              const char *data_path)
{
    const char *first = NULL;
    struct bytes_view wanted = digits_of(data_path == NULL ? "" : data_path);
    size_t count = LIST_COUNT(&names->names, struct letter_name);
    for (size_t i = first_of(names, number); i < count; i++) {
        const struct letter_name *name = LIST_AT(&names->names, struct letter_name, i);
        if (name->number != number)
            break;
        struct bytes_view digits = digits_of(name->path);
        if (wanted.size_bytes > 0 && digits.size_bytes == wanted.size_bytes &&
            memcmp(digits.data, wanted.data, digits.size_bytes) == 0)
            return name->path;
        first = first == NULL ? name->path : first;
    }
    return first;
}
