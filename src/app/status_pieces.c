// SPDX-License-Identifier: Apache-2.0
#include "app/status_pieces.h"

#include <inttypes.h>

#include "output/json_output.h"
#include "output/say.h"
#include "catalog/leases.h"

#define SHOWN_MAX 100 /* of each list */

static enum error_code append(json_t *list, json_t *item, struct error *error)
{
    if (json_array_size(list) >= SHOWN_MAX) {
        json_decref(item);
        return OK;
    }
    return json_array_append_new(list, item) == 0 ? OK
                                                  : error_no_memory(error, "the lake's status");
}

static json_t *json_ledgers(const struct catalog_lease *lease)
{
    return json_pack("{s:I, s:o}", "first", (json_int_t)lease->ledgers.first, "last",
                     lease->ledgers.last != 0 ? json_integer(lease->ledgers.last) : json_null());
}

static enum error_code add_piece(void *context, const struct catalog_lease *lease,
                                 struct error *error)
{
    struct status_pieces *pieces = context;
    bool is_held = lease->holder != NULL && lease->left_us >= 0;
    pieces->held += is_held;
    pieces->set_aside += lease->is_set_aside;
    pieces->waiting += !is_held && !lease->is_set_aside;
    if (lease->is_set_aside)
        return append(pieces->aside_ledgers, json_ledgers(lease), error);
    if (!is_held)
        return OK;
    json_t *holder = json_ledgers(lease);
    json_object_set_new(holder, "holder", json_any_text(lease->holder));
    json_object_set_new(holder, "seconds_left", json_integer(lease->left_us / 1000000));
    return append(pieces->holders, holder, error);
}

enum error_code status_pieces_read(struct status_pieces *pieces, struct catalog *catalog,
                                   struct error *error)
{
    *pieces = (struct status_pieces){.holders = json_array(), .aside_ledgers = json_array()};
    return catalog_each_lease(catalog, add_piece, pieces, &pieces->done, error);
}

void status_pieces_release(struct status_pieces *pieces)
{
    json_decref(pieces->holders);
    json_decref(pieces->aside_ledgers);
}

static bool has_any(const struct status_pieces *pieces)
{
    return pieces->waiting + pieces->held + pieces->done + pieces->set_aside > 0;
}

void status_pieces_add(const struct status_pieces *pieces, json_t *object)
{
    if (has_any(pieces))
        json_object_set_new(object, "pieces",
                            json_pack("{s:I, s:I, s:I, s:I, s:O, s:O}", "waiting",
                                      (json_int_t)pieces->waiting, "held", (json_int_t)pieces->held,
                                      "done", (json_int_t)pieces->done, "set_aside",
                                      (json_int_t)pieces->set_aside, "holders", pieces->holders,
                                      "set_aside_ledgers", pieces->aside_ledgers));
}

static void print_ledgers(const json_t *piece)
{
    json_int_t last = json_integer_value(json_object_get(piece, "last"));
    say("%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(piece, "first")));
    if (last != 0)
        say(" to %" JSON_INTEGER_FORMAT, last);
    else
        say(" and what follows");
}

void status_pieces_print(const struct status_pieces *pieces)
{
    size_t i;
    json_t *piece;
    if (!has_any(pieces))
        return;
    say("%-14s %" PRIu64 " waiting, %" PRIu64 " held, %" PRIu64 " done, %" PRIu64 " set aside\n",
        "pieces", pieces->waiting, pieces->held, pieces->done, pieces->set_aside);
    json_array_foreach(pieces->holders, i, piece)
    {
        say("  ");
        print_ledgers(piece);
        say(": held by %s\n", json_string_value(json_object_get(piece, "holder")));
    }
    json_array_foreach(pieces->aside_ledgers, i, piece)
    {
        say("  ");
        print_ledgers(piece);
        say(": set aside, since it failed again and again (the log of who tried says why); "
            "another run tries it again\n");
    }
}
