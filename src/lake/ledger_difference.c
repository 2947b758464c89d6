// SPDX-License-Identifier: Apache-2.0
#include "lake/ledger_difference.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lake/ledger_order.h"
#include "util/utf8.h"
#include "util/memory.h"
#include "util/text.h"
#include "util/words.h"

#define SHOWN_BYTES     80                    /* of a value; longer ones are cut */
#define SHOWN_MAX_BYTES (3 * SHOWN_BYTES + 4) /* mended, with "..." and a NUL */
#define SCRATCH_BYTES   80                    /* a number, a time or a hash as text */
#define NO_EVENT_INDEX  UINT64_MAX

/* ---- values ---- */

/* A value as text; in `scratch` where the row has none. */
struct column_text {
    bool present;
    struct bytes_view text;
};

static struct column_text of_scratch(const char *scratch)
{
    return (struct column_text){true, bytes_view_text(scratch)};
}

/* '' and none are the same where the column takes no NULL. */
static struct column_text of_optional(const struct optional_text *text, bool nullable)
{
    if (!text->present && !nullable)
        return of_scratch("");
    return (struct column_text){text->present, text->text};
}

static struct column_text of_number(uint32_t number, char scratch[SCRATCH_BYTES])
{
    snprintf(scratch, SCRATCH_BYTES, "%" PRIu32, number);
    return of_scratch(scratch);
}

static struct column_text of_decimal(__int128 value, char scratch[SCRATCH_BYTES])
{
    char *at = scratch + SCRATCH_BYTES - 1;
    unsigned __int128 rest = value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;
    *at = '\0';
    do {
        *--at = (char)('0' + (int)(rest % 10));
        rest /= 10;
    } while (rest != 0);
    if (value < 0)
        *--at = '-';
    return of_scratch(at);
}

static struct column_text column_text(const struct row_column *column, const struct row_view *row,
                                      char scratch[SCRATCH_BYTES])
{
    static const struct column_text none = {0};
    const void *value = row_value(row, column);
    switch (column->kind) {
    case ROW_TIME: text_rfc3339(*(const int64_t *)value, scratch); return of_scratch(scratch);
    case ROW_NUMBER: return of_number(row_value_u32(row, column), scratch);
    case ROW_MAYBE_NUMBER:
        return row_has_value(row, column) ? of_number(row_value_u32(row, column), scratch) : none;
    case ROW_HASH:
        hex_encode(bytes_view_of(value, sizeof row->transaction_hash), scratch);
        return of_scratch(scratch);
    case ROW_EVENT_TYPE: return of_scratch(event_type_name(*(const enum event_type *)value));
    case ROW_MEMO_KIND:
        return *(const enum memo_kind *)value == MEMO_NONE
                   ? none
                   : of_scratch(memo_kind_name(*(const enum memo_kind *)value));
    case ROW_TEXT: return (struct column_text){true, *(const struct bytes_view *)value};
    case ROW_MAYBE_TEXT: return of_optional(value, column->nullable);
    case ROW_MAYBE_DECIMAL:
        return row_has_value(row, column) ? of_decimal(*(const __int128 *)value, scratch) : none;
    }
    return none;
}

/* A text for people's terminals and for JSON: whole UTF-8 characters, none that controls anything;
 * cut where it is long. */
static void show_text(struct bytes_view text, char out[SHOWN_MAX_BYTES])
{
    bool is_cut = text.size_bytes > SHOWN_BYTES;
    uint8_t *bytes = (uint8_t *)out;
    for (text.size_bytes = is_cut ? SHOWN_BYTES : text.size_bytes;
         is_cut && text.size_bytes > 0 && (text.data[text.size_bytes] & 0xc0) == 0x80;)
        text.size_bytes--;
    size_t size = utf8_mend(text, bytes);
    memcpy(out + size, is_cut ? "..." : "", is_cut ? 4 : 1);
    for (size_t i = 0; i < size; i++)
        if (out[i] == '\0')
            out[i] = '?';
    words_clean(out);
}

/* "'text'" or "NULL". */
static void show(const struct column_text *value, char out[SHOWN_MAX_BYTES + 2])
{
    char text[SHOWN_MAX_BYTES];
    show_text(value->text, text);
    if (value->present)
        snprintf(out, SHOWN_MAX_BYTES + 2, "'%s'", text);
    else
        snprintf(out, SHOWN_MAX_BYTES + 2, "NULL");
}

/* The first column whose values differ. False if none do. */
static bool describe_columns(const struct row_schema *schema, const struct row_view *lake,
                             const struct row_view *server, uint64_t event_index, char *out)
{
    for (size_t i = 0; i < schema->column_count; i++) {
        char scratch[2][SCRATCH_BYTES], shown[2][SHOWN_MAX_BYTES + 2];
        struct column_text values[2] = {column_text(&schema->columns[i], lake, scratch[0]),
                                        column_text(&schema->columns[i], server, scratch[1])};
        if (values[0].present == values[1].present && bytes_equal(values[0].text, values[1].text))
            continue;
        show(&values[0], shown[0]);
        show(&values[1], shown[1]);
        snprintf(out, LEDGER_DIFFERENCE_BYTES,
                 "event_index %" PRIu64 ": %s is %s in the lake, %s from the server", event_index,
                 schema->columns[i].name, shown[0], shown[1]);
        return true;
    }
    return false;
}

/* ---- one event ---- */

/* An event of either side: a row, a dead letter, or nothing. */
struct event_side {
    const struct row_view *row;
    const struct stored_letter *letter;
    uint64_t event_index;
};

#define NAME_BYTES (SHOWN_MAX_BYTES + 24)
static void name_event(const struct event_side *event, char out[NAME_BYTES])
{
    char amount[SHOWN_MAX_BYTES];
    if (event->letter != NULL) {
        snprintf(out, NAME_BYTES, "a dead letter");
        return;
    }
    show_text(event->row->amount, amount);
    snprintf(out, NAME_BYTES, "a %s of %s", event_type_name(event->row->type), amount);
}

static bool describe_letters(const struct stored_letter *lake, const struct stored_letter *server,
                             char *out)
{
    size_t at = 0;
    if (bytes_equal(lake->raw, server->raw))
        return false;
    while (at < lake->raw.size_bytes && at < server->raw.size_bytes &&
           lake->raw.data[at] == server->raw.data[at])
        at++;
    snprintf(out, LEDGER_DIFFERENCE_BYTES,
             "event_index %" PRIu32 ": the dead letter has %zu bytes in the lake, %zu from the "
             "server, and they differ from byte %zu on",
             lake->event_index, lake->raw.size_bytes, server->raw.size_bytes, at);
    return true;
}

/* What one side has where the other has nothing. */
static void describe_lack(const struct event_side *event, bool in_lake, char *out)
{
    char name[NAME_BYTES];
    name_event(event, name);
    if (event->event_index == NO_EVENT_INDEX)
        snprintf(out, LEDGER_DIFFERENCE_BYTES, "%s is in the lake, and the server does not send it",
                 name);
    else
        snprintf(out, LEDGER_DIFFERENCE_BYTES, "event_index %" PRIu64 ": %s %s", event->event_index,
                 name,
                 in_lake ? "is in the lake, and the server does not send it"
                         : "is not in the lake");
}

/* False if both are the same. */
static bool describe_pair(const struct row_schema *schema, const struct event_side *lake,
                          const struct event_side *server, char *out)
{
    char names[2][NAME_BYTES];
    if (lake->row != NULL && server->row != NULL)
        return describe_columns(schema, lake->row, server->row, server->event_index, out);
    if (lake->letter != NULL && server->letter != NULL)
        return describe_letters(lake->letter, server->letter, out);
    name_event(lake, names[0]);
    name_event(server, names[1]);
    snprintf(out, LEDGER_DIFFERENCE_BYTES,
             "event_index %" PRIu64 ": %s in the lake, %s from the server", server->event_index,
             names[0], names[1]);
    return true;
}

/* ---- schema versions with event_index ---- */

struct event_cursor {
    const struct ledger_contents *contents;
    size_t row, letter;
};

/* The next event by its index; its event_index is NO_EVENT_INDEX where none is left. */
static struct event_side next_event(const struct event_cursor *cursor)
{
    const struct ledger_contents *contents = cursor->contents;
    struct event_side event = {.event_index = NO_EVENT_INDEX};
    if (cursor->row < contents->row_count) {
        event.row = &contents->rows[cursor->row];
        event.event_index = event.row->event_index;
    }
    if (cursor->letter < contents->letter_count &&
        contents->letters[cursor->letter].event_index < event.event_index) {
        event.row = NULL;
        event.letter = &contents->letters[cursor->letter];
        event.event_index = event.letter->event_index;
    }
    return event;
}

static void pass(struct event_cursor *cursor, const struct event_side *event)
{
    if (event->row != NULL)
        cursor->row++;
    else
        cursor->letter++;
}

static bool describe_by_index(const struct row_schema *schema, const struct ledger_contents *lake,
                              const struct ledger_contents *server, char *out)
{
    struct event_cursor cursors[2] = {{lake, 0, 0}, {server, 0, 0}};
    for (;;) {
        struct event_side events[2] = {next_event(&cursors[0]), next_event(&cursors[1])};
        if (events[0].event_index != events[1].event_index) {
            bool in_lake = events[0].event_index < events[1].event_index;
            describe_lack(&events[in_lake ? 0 : 1], in_lake, out);
            return true;
        }
        if (events[0].event_index == NO_EVENT_INDEX)
            return false;
        if (describe_pair(schema, &events[0], &events[1], out))
            return true;
        pass(&cursors[0], &events[0]);
        pass(&cursors[1], &events[1]);
    }
}

/* ---- schema versions without ---- */

struct known_row {
    struct event_digest digest;
    size_t row;
    bool is_matched;
};

static int compare_digests(const struct event_digest *left, const struct event_digest *right)
{
    if (left->high != right->high)
        return left->high < right->high ? -1 : 1;
    return left->low < right->low ? -1 : left->low > right->low;
}

static int compare_known(const void *a, const void *b)
{
    const struct known_row *left = a, *right = b;
    int order = compare_digests(&left->digest, &right->digest);
    return order != 0 ? order : left->row < right->row ? -1 : left->row > right->row;
}

/* Marks a row of the lake that is equal and not yet matched. False if there is none. */
static bool match(struct known_row *known, size_t count, const struct event_digest *digest)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_digests(&known[middle].digest, digest);
        if (order < 0 || (order == 0 && known[middle].is_matched))
            low = middle + 1;
        else
            high = middle;
    }
    if (low == count || compare_digests(&known[low].digest, digest) != 0)
        return false;
    known[low].is_matched = true;
    return true;
}

/* The lake's row that may stand for the server's: the first that no other matches, of the same
 * transaction if there is one. */
static const struct row_view *find_partner(const struct ledger_contents *lake,
                                           const struct known_row *known,
                                           const struct row_view *wanted)
{
    const struct row_view *best = NULL;
    bool best_is_kin = false;
    for (size_t i = 0; i < lake->row_count; i++) {
        const struct row_view *row = &lake->rows[known[i].row];
        bool is_kin = wanted != NULL && memcmp(row->transaction_hash, wanted->transaction_hash,
                                               sizeof row->transaction_hash) == 0;
        bool is_better =
            best == NULL || (is_kin && !best_is_kin) || (is_kin == best_is_kin && row < best);
        if (known[i].is_matched || !is_better)
            continue;
        best = row;
        best_is_kin = is_kin;
    }
    return best;
}

static bool describe_letters_by_index(const struct row_schema *schema,
                                      const struct ledger_contents *lake,
                                      const struct ledger_contents *server, char *out)
{
    struct ledger_contents letters[2] = {*lake, *server};
    letters[0].row_count = letters[1].row_count = 0;
    return describe_by_index(schema, &letters[0], &letters[1], out);
}

static bool describe_by_value(const struct row_schema *schema, const struct ledger_contents *lake,
                              const struct ledger_contents *server, struct known_row *known,
                              char *out)
{
    const struct row_view *wanted = NULL;
    for (size_t i = 0; i < lake->row_count; i++)
        known[i] = (struct known_row){event_digest_row(schema, &lake->rows[i]), i, false};
    if (lake->row_count > 0)
        qsort(known, lake->row_count, sizeof *known, compare_known);
    for (size_t i = 0; i < server->row_count; i++) {
        struct event_digest digest = event_digest_row(schema, &server->rows[i]);
        if (!match(known, lake->row_count, &digest) && wanted == NULL)
            wanted = &server->rows[i];
    }
    const struct row_view *partner = find_partner(lake, known, wanted);
    struct event_side events[2] = {{partner, NULL, NO_EVENT_INDEX},
                                   {wanted, NULL, wanted == NULL ? 0 : wanted->event_index}};
    if (wanted != NULL && partner != NULL)
        return describe_columns(schema, partner, wanted, wanted->event_index, out);
    if (wanted == NULL && partner == NULL)
        return describe_letters_by_index(schema, lake, server, out);
    describe_lack(&events[partner != NULL ? 0 : 1], partner != NULL, out);
    return true;
}

enum error_code ledger_difference_describe(const struct row_schema *schema,
                                           const struct ledger_contents *lake,
                                           const struct ledger_contents *server,
                                           char out[LEDGER_DIFFERENCE_BYTES], struct error *error)
{
    bool found;
    if (ledger_schema_has_ordinals(schema)) {
        found = describe_by_index(schema, lake, server, out);
    } else {
        struct known_row *known = mem_alloc((lake->row_count + 1) * sizeof *known);
        if (known == NULL)
            return error_no_memory(error, "a ledger's rows");
        found = describe_by_value(schema, lake, server, known, out);
        mem_free(known);
    }
    if (!found)
        snprintf(out, LEDGER_DIFFERENCE_BYTES, "the same values in another order");
    return OK;
}

bool ledger_is_of_another_chain(const struct ledger_contents *lake,
                                const struct ledger_contents *server)
{
    if (lake->row_count == 0 || server->row_count == 0)
        return false;
    if (lake->rows[0].timestamp_us != server->rows[0].timestamp_us)
        return true;
    for (size_t i = 0; i < lake->row_count; i++)
        for (size_t k = 0; k < server->row_count; k++)
            if (memcmp(lake->rows[i].transaction_hash, server->rows[k].transaction_hash,
                       sizeof lake->rows[i].transaction_hash) == 0)
                return false;
    return true;
}
