// SPDX-License-Identifier: Apache-2.0
#include "serve/recording.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "os/file.h"
#include "pb/event.h"
#include "serve/delimited.h"
#include "util/memory.h"

/* One ledger of a file: its events lie from `offset` to where the next one begins. */
struct ledger_entry {
    uint64_t offset;
    uint32_t sequence;
    uint32_t event_count;
};

struct recorded_file {
    struct os_file file;
    uint64_t size_bytes;
    struct ledger_entry *ledgers; /* moved into the recording's index when all files are read */
    size_t ledger_count, ledger_capacity;
};

/* A ledger of the whole recording: its events lie in `file` from offset to end_offset. */
struct indexed_ledger {
    uint64_t offset, end_offset;
    uint32_t sequence;
    uint32_t event_count;
    uint32_t file;
};

struct recording {
    struct recorded_file *files;
    size_t file_count;
    struct indexed_ledger *ledgers; /* ascending; at least one */
    struct recording_group *groups;
    size_t group_count;
    uint64_t event_count, ledger_count;
};

static void recorded_file_release(struct recorded_file *recorded)
{
    os_file_release(&recorded->file);
    mem_free(recorded->ledgers);
    recorded->ledgers = NULL;
}

static enum error_code add_ledger(struct recorded_file *recorded, uint32_t sequence,
                                  uint64_t offset, struct error *error)
{
    if (recorded->ledger_count == recorded->ledger_capacity) {
        size_t capacity = recorded->ledger_capacity == 0 ? 64 : recorded->ledger_capacity * 2;
        struct ledger_entry *more =
            mem_realloc(recorded->ledgers, capacity * sizeof(struct ledger_entry));
        if (more == NULL)
            return error_no_memory(error, "a recording's index");
        recorded->ledgers = more;
        recorded->ledger_capacity = capacity;
    }
    recorded->ledgers[recorded->ledger_count++] =
        (struct ledger_entry){.offset = offset, .sequence = sequence, .event_count = 1};
    return OK;
}

/* Takes one message into the index. */
static enum error_code index_message(struct recorded_file *recorded, struct bytes_view message,
                                     uint64_t offset, uint64_t event_no, struct error *error)
{
    const char *path = recorded->file.path;
    struct ledger_entry *last =
        recorded->ledger_count == 0 ? NULL : &recorded->ledgers[recorded->ledger_count - 1];
    uint32_t sequence;
    if (!event_peek_ledger(message, &sequence)) {
        if (last == NULL)
            return error_set(error, ERR_CORRUPT,
                             "%s: the record at byte %" PRIu64
                             " names no ledger; is this an .events file?",
                             path, offset);
        sequence = last->sequence;
    }
    if (last != NULL && sequence < last->sequence)
        return error_set(error, ERR_CORRUPT,
                         "%s: ledgers go backwards from %" PRIu32 " to %" PRIu32 " at byte %" PRIu64
                         " (event %" PRIu64 " of the file); a recording's ledgers must rise",
                         path, last->sequence, sequence, offset, event_no);
    if (last != NULL && sequence == last->sequence) {
        last->event_count++;
        return OK;
    }
    return add_ledger(recorded, sequence, offset, error);
}

static enum error_code index_file(struct recorded_file *recorded, const char *path,
                                  struct error *error)
{
    enum error_code code = os_file_open(&recorded->file, path, OS_OPEN_READ, error);
    if (code != OK)
        return code;
    code = os_file_size(&recorded->file, &recorded->size_bytes, error);
    if (code != OK)
        return code;

    struct delimited_reader reader;
    delimited_reader_init(&reader, &recorded->file, 0, recorded->size_bytes);
    for (uint64_t event_no = 0;; event_no++) {
        struct bytes_view message;
        code = delimited_next(&reader, &message, error);
        if (code != OK)
            break;
        code = index_message(recorded, message, reader.record_offset, event_no, error);
        if (code != OK)
            break;
    }
    delimited_reader_release(&reader);
    return code == ERR_AGAIN ? OK : code;
}

static int compare_ledgers(const void *a, const void *b)
{
    const struct indexed_ledger *left = a, *right = b;
    return left->sequence < right->sequence ? -1 : left->sequence > right->sequence;
}

/* Moves the files' ledgers into one index and sorts it: files may lie between each other. */
static enum error_code index_ledgers(struct recording *recording, const char *first_path,
                                     struct error *error)
{
    for (size_t i = 0; i < recording->file_count; i++)
        recording->ledger_count += recording->files[i].ledger_count;
    if (recording->ledger_count == 0)
        return error_set(error, ERR_INVALID, "%s: there is no event in it: nothing to serve",
                         first_path);
    recording->ledgers = mem_alloc(recording->ledger_count * sizeof(struct indexed_ledger));
    if (recording->ledgers == NULL)
        return error_no_memory(error, "a recording's index");
    size_t at = 0;
    for (size_t i = 0; i < recording->file_count; i++) {
        struct recorded_file *recorded = &recording->files[i];
        for (size_t k = 0; k < recorded->ledger_count; k++) {
            const struct ledger_entry *entry = &recorded->ledgers[k];
            recording->ledgers[at++] = (struct indexed_ledger){
                .offset = entry->offset,
                .end_offset =
                    k + 1 < recorded->ledger_count ? entry[1].offset : recorded->size_bytes,
                .sequence = entry->sequence,
                .event_count = entry->event_count,
                .file = (uint32_t)i};
        }
        mem_free(recorded->ledgers);
        recorded->ledgers = NULL;
    }
    qsort(recording->ledgers, at, sizeof(struct indexed_ledger), compare_ledgers);
    for (size_t i = 1; i < at; i++) {
        const struct indexed_ledger *before = &recording->ledgers[i - 1], *ledger = before + 1;
        if (before->sequence == ledger->sequence)
            return error_set(error, ERR_CONFLICT,
                             "%s and %s both hold ledger %" PRIu32 "; serve them one by one",
                             recording->files[before->file].file.path,
                             recording->files[ledger->file].file.path, ledger->sequence);
    }
    return OK;
}

/* Finds the runs of ledgers without a missing number: twice, first to size the array. */
static size_t walk_groups(struct recording *recording, struct recording_group *groups)
{
    size_t count = 0;
    recording->event_count = 0;
    for (size_t i = 0; i < recording->ledger_count; i++) {
        const struct indexed_ledger *ledger = &recording->ledgers[i];
        if (i == 0 || ledger->sequence != ledger[-1].sequence + 1) {
            if (groups != NULL)
                groups[count] = (struct recording_group){.first_ledger = ledger->sequence};
            count++;
        }
        if (groups != NULL) {
            groups[count - 1].last_ledger = ledger->sequence;
            groups[count - 1].event_count += ledger->event_count;
        }
        recording->event_count += ledger->event_count;
    }
    return count;
}

static enum error_code find_groups(struct recording *recording, struct error *error)
{
    recording->group_count = walk_groups(recording, NULL);
    recording->groups = mem_alloc_zero(recording->group_count, sizeof(struct recording_group));
    if (recording->groups == NULL)
        return error_no_memory(error, "a recording's groups");
    walk_groups(recording, recording->groups);
    return OK;
}

enum error_code recording_open(struct recording **out, const char *const *paths, size_t path_count,
                               struct error *error)
{
    *out = NULL;
    assert(path_count > 0);
    struct recording *recording = mem_alloc_zero(1, sizeof *recording);
    if (recording == NULL)
        return error_no_memory(error, "a recording");
    enum error_code code = ERR_NO_MEMORY;
    recording->files = mem_alloc_zero(path_count, sizeof(struct recorded_file));
    if (recording->files == NULL) {
        error_no_memory(error, "a recording");
        goto out;
    }
    for (size_t i = 0; i < path_count; i++) {
        os_file_init(&recording->files[i].file);
        recording->file_count = i + 1;
        code = index_file(&recording->files[i], paths[i], error);
        if (code != OK)
            goto out;
    }
    code = index_ledgers(recording, paths[0], error);
    if (code == OK)
        code = find_groups(recording, error);
out:
    if (code == OK)
        *out = recording;
    else
        recording_free(recording);
    return code;
}

void recording_free(struct recording *recording)
{
    if (recording == NULL)
        return;
    for (size_t i = 0; i < recording->file_count; i++)
        recorded_file_release(&recording->files[i]);
    mem_free(recording->files);
    mem_free(recording->ledgers);
    mem_free(recording->groups);
    mem_free(recording);
}

uint32_t recording_first_ledger(const struct recording *recording)
{
    return recording->ledgers[0].sequence;
}

uint32_t recording_last_ledger(const struct recording *recording)
{
    return recording->ledgers[recording->ledger_count - 1].sequence;
}

uint64_t recording_event_count(const struct recording *recording)
{
    return recording->event_count;
}

uint64_t recording_ledger_count(const struct recording *recording)
{
    return recording->ledger_count;
}

size_t recording_group_count(const struct recording *recording)
{
    return recording->group_count;
}

struct recording_group recording_group(const struct recording *recording, size_t index)
{
    assert(index < recording->group_count);
    return recording->groups[index];
}

/* The first ledger at or above `wanted`; NULL if there is none. */
static const struct indexed_ledger *find_ledger(const struct recording *recording, uint32_t wanted)
{
    size_t low = 0, high = recording->ledger_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (recording->ledgers[middle].sequence < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low == recording->ledger_count ? NULL : &recording->ledgers[low];
}

bool recording_find(const struct recording *recording, uint32_t wanted, uint32_t *sequence)
{
    const struct indexed_ledger *ledger = find_ledger(recording, wanted);
    if (ledger == NULL)
        return false;
    *sequence = ledger->sequence;
    return true;
}

enum error_code recording_load(struct recording *recording, uint32_t sequence,
                               struct buffer *framed, struct error *error)
{
    const struct indexed_ledger *entry = find_ledger(recording, sequence);
    if (entry == NULL || entry->sequence != sequence)
        return error_set(error, ERR_NOT_FOUND, "ledger %" PRIu32 " is not in the recording",
                         sequence);
    const struct recorded_file *recorded = &recording->files[entry->file];

    struct delimited_reader reader;
    delimited_reader_init(&reader, &recorded->file, entry->offset, entry->end_offset);
    size_t size_before = framed->size_bytes;
    enum error_code code;
    uint32_t event_count = 0;
    for (;; event_count++) {
        struct bytes_view message;
        code = delimited_next(&reader, &message, error);
        if (code != OK)
            break;
        if (feed_append_message(framed, message) != OK) {
            code = error_no_memory(error, "a recorded ledger");
            break;
        }
    }
    delimited_reader_release(&reader);
    if (code == ERR_AGAIN && event_count != entry->event_count)
        code = error_set(error, ERR_CORRUPT,
                         "%s changed while it was served: ledger %" PRIu32 " had %" PRIu32
                         " events and now has %" PRIu32,
                         recorded->file.path, sequence, entry->event_count, event_count);
    if (code != ERR_AGAIN)
        framed->size_bytes = size_before;
    return code == ERR_AGAIN ? OK : code;
}

static bool feed_find(void *context, uint32_t wanted, uint32_t *sequence)
{
    return recording_find(context, wanted, sequence);
}

static enum error_code feed_load(void *context, uint32_t sequence, struct buffer *framed,
                                 struct error *error)
{
    return recording_load(context, sequence, framed, error);
}

struct feed recording_feed(struct recording *recording)
{
    return (struct feed){.context = recording,
                         .first_ledger = recording_first_ledger(recording),
                         .last_ledger = recording_last_ledger(recording),
                         .find = feed_find,
                         .load = feed_load};
}
