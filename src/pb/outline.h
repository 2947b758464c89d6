// SPDX-License-Identifier: Apache-2.0
#ifndef TTP_PB_OUTLINE_H
#define TTP_PB_OUTLINE_H

/*
 * What can be read of a message that event_decode may refuse, or of which it knows only a part: its
 * fields one by one, with the names that TokenTransferEvent gives them, up to the damage. For
 * people who look at an event that could not be stored.
 */

#include "pb/wire.h"
#include "util/bytes.h"
#include "util/error.h"

enum event_field_kind { FIELD_NUMBER, FIELD_TEXT, FIELD_BYTES, FIELD_MESSAGE };

struct event_field {
    unsigned depth; /* 0: of the event itself */
    uint32_t number;
    const char *name; /* static; NULL: none that this version knows */
    enum event_field_kind kind;
    uint64_t value;          /* FIELD_NUMBER */
    struct bytes_view bytes; /* FIELD_TEXT, which is plain UTF-8, and FIELD_BYTES */
};
typedef enum error_code event_field_visitor(void *context, const struct event_field *field,
                                            struct error *error);

struct event_outline_end {
    const char *problem; /* why nothing was read from there on; NULL: all was read */
    size_t offset;
};

/* A message of more fields than a reader would look through is left there. */
#define EVENT_OUTLINE_FIELDS_MAX 1000

/* Calls back for each field, a message before the fields in it. Unknown fields are taken for texts
 * or messages where their bytes are such. Errors are the visitor's. */
enum error_code event_outline(struct bytes_view message, event_field_visitor *visit, void *context,
                              struct event_outline_end *end, struct error *error) MUST_CHECK;

#endif
