// SPDX-License-Identifier: Apache-2.0
/*
 * Each operation is one statement that decides by the rows as they are when it has them locked, so
 * that any number of processes may run them at once, and again after a lost connection:
 *
 * - plan makes rows of what no row has yet. Two that plan the same at once meet in the exclusion
 *   constraint, and the second leaves its rows out.
 * - claim takes the first row that is free, skipping those that others are taking; the epoch rises.
 *   A row whose time is over by the database's clock is free.
 * - advance is in the commit's transaction: no row of that holder and epoch, no commit.
 */
#include "catalog/leases.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "catalog/handle.h"
#include "util/buffer.h"
#include "util/memory.h"

struct database_leases {
    struct leases leases;
    struct catalog *beside;     /* owned */
    struct catalog *committing; /* NULL: none */
    int64_t ttl_us;
};

static struct database_leases *own(struct leases *leases)
{
    return (struct database_leases *)leases;
}

static struct database *beside_of(struct leases *leases)
{
    return &own(leases)->beside->database;
}

/* Of a row l of ttp_lease. */
#define IS_LIVE      "upper_inf(l.ledgers)"
#define IS_FREE      "(l.holder IS NULL OR l.expires_at < clock_timestamp())"
#define REST         "int8range(least(l.next_ledger, upper(l.ledgers)), upper(l.ledgers))"
#define FAILURES_MAX "5"
_Static_assert(LEASE_FAILURES_MAX == 5, "the statements say so");
#define IS_HOLDERS "l.lease_id = ?1 AND l.epoch = ?2 AND l.holder = ?3"
#define AFTER(us)  "clock_timestamp() + " us " * interval '1 microsecond'"

/* What nobody has to fetch any more. */
#define COVERED                                                                                    \
    "(SELECT coalesce(range_agg(int8range(c.first_ledger, c.last_ledger, '[]')), '{}') FROM "      \
    "(SELECT first_ledger, last_ledger FROM ttp_coverage UNION ALL SELECT first_ledger, "          \
    "last_ledger FROM ttp_pruned) c)"

/* ---- planning ---- */

/* As PostgreSQL writes a set of ranges: {[1,5],[9,9]}. */
static enum error_code write_ranges(const struct ledger_set *set, struct buffer *out,
                                    struct error *error)
{
    enum error_code code = buffer_append_byte(out, '{');
    for (size_t i = 0; code == OK && i < set->count; i++)
        code = buffer_append_format(out, "%s[%" PRIu32 ",%" PRIu32 "]", i == 0 ? "" : ",",
                                    set->ranges[i].first, set->ranges[i].last);
    if (code == OK)
        code = buffer_append(out, "}", 2);
    return code == OK ? OK : error_no_memory(error, "the ledgers to fetch");
}

/* Pieces that nobody holds: those of which nothing is missing are done; those that hold what is not
 * asked for, or is covered by now, make room for what is planned anew. */
static enum error_code look_at_free_pieces(struct database *database, const char *missing,
                                           struct error *error)
{
    enum error_code code = database_run(database,
                                        "UPDATE ttp_lease l SET done = TRUE, holder = NULL WHERE "
                                        "NOT l.done AND NOT " IS_LIVE " AND " IS_FREE
                                        " AND int8multirange(" REST ") <@ " COVERED,
                                        NO_VALUES, error);
    return code == OK
               ? database_run(
                     database,
                     "DELETE FROM ttp_lease l USING (SELECT CAST(?1 AS int8multirange) - " COVERED
                     " AS open) m WHERE NOT l.done AND NOT " IS_LIVE " AND " IS_FREE " AND " REST
                     " && m.open AND NOT " REST " <@ m.open",
                     BIND(sql_text(missing)), error)
               : code;
}

/* What follows the chain counts from its next ledger on, and only while somebody holds it. */
#define TAKEN                                                                                      \
    "(SELECT coalesce(range_agg(CASE WHEN " IS_LIVE " THEN int8range(l.next_ledger, NULL) ELSE "   \
    "l.ledgers END), '{}') FROM ttp_lease l WHERE NOT l.done AND NOT (" IS_LIVE " AND " IS_FREE    \
    "))"

static enum error_code add_pieces(struct database *database, const char *missing,
                                  uint32_t piece_ledgers, struct error *error)
{
    /* Not cut: as one piece of more ledgers than there are. */
    int64_t length = piece_ledgers != 0 ? piece_ledgers : (int64_t)UINT32_MAX + 1;
    return database_run(
        database,
        "INSERT INTO ttp_lease(ledgers, next_ledger) SELECT x.p, lower(x.p) FROM unnest(CAST(?1 AS "
        "int8multirange) - " COVERED " - " TAKEN ") AS gap, LATERAL generate_series(lower(gap) / "
        "?2, (upper(gap) - 1) / ?2) AS k, LATERAL (SELECT gap * int8range(k * ?2, (k + 1) * ?2)) "
        "AS x(p) ON CONFLICT DO NOTHING",
        BIND(sql_text(missing), sql_int(length)), error);
}

/* Also one that is held: its fifth holder may have died just now. */
static enum error_code take_up_again(struct database *database, const char *missing,
                                     struct error *error)
{
    return database_run(
        database,
        "UPDATE ttp_lease l SET failures = 0 WHERE NOT l.done AND l.failures >= " FAILURES_MAX
        " AND " REST " && CAST(?1 AS int8multirange)",
        BIND(sql_text(missing)), error);
}

static enum error_code plan_live(struct database *database, uint32_t first, struct error *error)
{
    enum error_code code = database_run(
        database,
        "UPDATE ttp_lease l SET ledgers = int8range(?1, NULL), next_ledger = ?1 WHERE NOT l.done "
        "AND " IS_LIVE " AND " IS_FREE,
        BIND(sql_int(first)), error);
    return code == OK ? database_run(database,
                                     "INSERT INTO ttp_lease(ledgers, next_ledger) SELECT "
                                     "int8range(?1, NULL), ?1 WHERE NOT EXISTS (SELECT 1 FROM "
                                     "ttp_lease l WHERE NOT l.done AND " IS_LIVE
                                     ") ON CONFLICT DO NOTHING",
                                     BIND(sql_int(first)), error)
                      : code;
}

static enum error_code plan_missing(struct database *database, const struct lease_wish *wish,
                                    const char *missing, struct error *error)
{
    enum error_code code = look_at_free_pieces(database, missing, error);
    if (code == OK)
        code = add_pieces(database, missing, wish->piece_ledgers, error);
    return code == OK && wish->takes_up_again ? take_up_again(database, missing, error) : code;
}

static enum error_code plan(struct leases *leases, const struct lease_wish *wish,
                            struct error *error)
{
    struct database *database = beside_of(leases);
    struct buffer missing;
    buffer_init(&missing);
    enum error_code code = write_ranges(wish->missing, &missing, error);
    if (code == OK) /* where nothing is missing, too: a piece may be left of what is covered */
        code = plan_missing(database, wish, (const char *)missing.data, error);
    if (code == OK && wish->has_live)
        code = plan_live(database, wish->live_first, error);
    buffer_release(&missing);
    return code;
}

/* ---- holding ---- */

static struct ledger_range range_at(struct query *query, int column)
{
    int64_t first = query_int(query, column), last = query_int(query, column + 1);
    if (first >= 0 && first <= UINT32_MAX && (last == 0 || (last >= first && last <= UINT32_MAX)))
        return (struct ledger_range){(uint32_t)first, (uint32_t)last};
    query_check(query,
                error_set(query->error, ERR_CORRUPT,
                          "catalog %s is damaged: a lease of ledgers %" PRId64 " to %" PRId64,
                          query->database->path, first, last));
    return (struct ledger_range){0};
}

/* One that lost it without progress has failed; the one that follows the chain is never set aside,
 * since nobody else would. */
static enum error_code claim(struct leases *leases, const struct lease_claim *claim,
                             struct lease *lease, bool *found, struct error *error)
{
    struct query query;
    static const char *const lowest =
        "UPDATE ttp_lease l SET holder = ?1, epoch = l.epoch + 1, expires_at = " AFTER(
            "?2") ", failures = CASE WHEN " IS_LIVE
                  " THEN 0 ELSE l.failures + 1 END FROM (SELECT l.lease_id "
                  "FROM ttp_lease l WHERE NOT l.done AND " IS_FREE " AND " IS_LIVE
                  " = ?3 AND l.failures < " FAILURES_MAX " AND l.next_ledger >= ?4 AND (" IS_LIVE
                  " OR upper(l.ledgers) - 1 <= ?5) "
                  "ORDER BY l.next_ledger * ?6 LIMIT 1 FOR UPDATE SKIP LOCKED) c WHERE l.lease_id "
                  "= "
                  "c.lease_id RETURNING l.lease_id, l.epoch, lower(l.ledgers), "
                  "coalesce(upper(l.ledgers) - "
                  "1, 0), l.next_ledger, l.failures";
    bool is_bounded = !claim->is_live && claim->within.last != 0;
    assert(claim->holder[0] != '\0' && strlen(claim->holder) < LEASE_HOLDER_BYTES);
    query_begin(&query, beside_of(leases), lowest,
                BIND(sql_text(claim->holder), sql_int(own(leases)->ttl_us),
                     sql_bool(claim->is_live), sql_int(is_bounded ? claim->within.first : 0),
                     sql_int(is_bounded ? claim->within.last : UINT32_MAX),
                     sql_int(claim->newest_first ? -1 : 1)),
                error);
    *found = query_next(&query);
    if (*found) {
        int64_t failures = query_int(&query, 5);
        *lease = (struct lease){.lease_id = (uint64_t)query_int(&query, 0),
                                .epoch = (uint64_t)query_int(&query, 1),
                                .ledgers = range_at(&query, 2),
                                .next_ledger = (uint32_t)query_int(&query, 4),
                                .failures = failures > 0 ? (unsigned)failures - 1 : 0};
    }
    enum error_code code = query_end(&query);
    *found = *found && code == OK;
    return code;
}

/* Runs a change of the holder's row that returns something of it. */
static enum error_code change(struct database *database, const char *sql, struct sql_values values,
                              const struct lease *lease, bool *flag, struct error *error)
{
    struct query query;
    query_begin(&query, database, sql, values, error);
    bool is_held = query_next(&query);
    if (is_held && flag != NULL)
        *flag = query_int(&query, 0) != 0;
    enum error_code code = query_end(&query);
    return code == OK && !is_held ? lease_set_lost(lease, error) : code;
}

#define HOLDERS_ROW(lease, holder)                                                                 \
    sql_int((int64_t)(lease)->lease_id), sql_int((int64_t)(lease)->epoch), sql_text(holder)

static enum error_code renew(struct leases *leases, const struct lease *lease, const char *holder,
                             int64_t expires_us, struct error *error)
{
    (void)expires_us;
    return change(
        beside_of(leases),
        "UPDATE ttp_lease l SET expires_at = " AFTER("?4") " WHERE " IS_HOLDERS " RETURNING TRUE",
        BIND(HOLDERS_ROW(lease, holder), sql_int(own(leases)->ttl_us)), lease, NULL, error);
}

static enum error_code advance(struct leases *leases, struct lease *lease, const char *holder,
                               struct ledger_range committed, struct error *error)
{
    static const struct query_demand unless = {ERR_AGAIN, LEASE_LOST_WORDS};
    return database_demand(
        &own(leases)->committing->database,
        "UPDATE ttp_lease l SET next_ledger = ?5 + 1, done = coalesce(?5 + 1 >= upper(l.ledgers), "
        "FALSE), failures = 0, expires_at = " AFTER(
            "?6") " WHERE " IS_HOLDERS " AND NOT l.done AND l.next_ledger <= ?4 AND l.ledgers @> "
                  "int8range(?4, ?5, '[]') "
                  "RETURNING TRUE",
        BIND(HOLDERS_ROW(lease, holder), sql_int(committed.first), sql_int(committed.last),
             sql_int(own(leases)->ttl_us)),
        &unless, error);
}

static enum error_code end(struct leases *leases, const struct lease *lease, const char *holder,
                           enum lease_end how, bool *set_aside, struct error *error)
{
    /* A claim that is given back has not failed. */
    return change(beside_of(leases),
                  "UPDATE ttp_lease l SET holder = NULL, expires_at = NULL, done = l.done OR ?4 OR "
                  "coalesce(l.next_ledger >= upper(l.ledgers), FALSE), failures = CASE WHEN ?5 "
                  "THEN greatest(l.failures - 1, 0) ELSE l.failures END WHERE " IS_HOLDERS
                  " RETURNING NOT l.done AND l.failures >= " FAILURES_MAX,
                  BIND(HOLDERS_ROW(lease, holder), sql_bool(how == LEASE_DONE),
                       sql_bool(how == LEASE_GIVEN_BACK)),
                  lease, set_aside, error);
}

/* ---- how it stands ---- */

static enum error_code may_come(struct leases *leases, const struct lease_claim *claim, bool *may,
                                struct error *error)
{
    bool is_bounded = !claim->is_live && claim->within.last != 0;
    return database_has(beside_of(leases),
                        "SELECT 1 FROM ttp_lease l WHERE NOT l.done AND " IS_LIVE " = ?1 AND NOT "
                        "(" IS_FREE " AND l.failures >= " FAILURES_MAX ") AND l.next_ledger >= ?2 "
                        "AND (" IS_LIVE " OR upper(l.ledgers) - 1 <= ?3) LIMIT 1",
                        BIND(sql_bool(claim->is_live),
                             sql_int(is_bounded ? claim->within.first : 0),
                             sql_int(is_bounded ? claim->within.last : UINT32_MAX)),
                        may, error);
}

struct counting {
    struct lease_counts *counts;
    struct ledger_set *set_aside;
};

static enum error_code count_one(void *context, const struct catalog_lease *lease,
                                 struct error *error)
{
    const struct counting *counting = context;
    counting->counts->set_aside += lease->is_set_aside;
    counting->counts->held += lease->holder != NULL && lease->left_us >= 0;
    counting->counts->waiting +=
        !lease->is_set_aside && (lease->holder == NULL || lease->left_us < 0);
    return lease->is_set_aside && counting->set_aside != NULL
               ? ledger_set_append(counting->set_aside, lease->ledgers, error)
               : OK;
}

static enum error_code count(struct leases *leases, struct lease_counts *counts,
                             struct ledger_set *set_aside, struct error *error)
{
    struct counting counting = {counts, set_aside};
    uint64_t done = 0;
    enum error_code code =
        catalog_each_lease(own(leases)->beside, count_one, &counting, &done, error);
    counts->done = (size_t)done;
    if (set_aside != NULL)
        ledger_set_merge(set_aside);
    return code;
}

static enum error_code each_open(struct database *database, catalog_lease_visitor *visit,
                                 void *context, struct error *error)
{
    struct query query;
    query_begin(
        &query, database,
        "SELECT l.next_ledger, coalesce(upper(l.ledgers) - 1, 0), l.holder, CAST(EXTRACT("
        "EPOCH FROM l.expires_at - clock_timestamp()) * 1000000 AS BIGINT), l.failures, " IS_FREE
        " AND l.failures >= " FAILURES_MAX " FROM ttp_lease l WHERE NOT l.done AND "
        "coalesce(l.next_ledger < upper(l.ledgers), TRUE) ORDER BY l.next_ledger",
        NO_VALUES, error);
    while (query_next(&query)) {
        struct catalog_lease lease = {.ledgers = range_at(&query, 0),
                                      .holder = query_text(&query, 2),
                                      .left_us = query_int(&query, 3),
                                      .failures = (unsigned)query_int(&query, 4),
                                      .is_set_aside = query_int(&query, 5) != 0};
        if (query_ok(&query))
            query_check(&query, visit(context, &lease, error));
    }
    return query_end(&query);
}

enum error_code catalog_each_lease(struct catalog *catalog, catalog_lease_visitor *visit,
                                   void *context, uint64_t *done_count, struct error *error)
{
    struct database *database = &catalog->database;
    bool there = false;
    int64_t done = 0;
    *done_count = 0;
    enum error_code code = database_has_table(database, "ttp_lease", &there, error);
    if (code != OK || !there)
        return code;
    code = each_open(database, visit, context, error);
    if (code == OK)
        code = database_query_int(database, "SELECT count(*) FROM ttp_lease WHERE done", NO_VALUES,
                                  &done, error);
    *done_count = (uint64_t)done;
    return code;
}

/* ---- the backend ---- */

static void free_leases(struct leases *leases)
{
    catalog_close(own(leases)->beside);
    mem_free(leases);
}

struct catalog *catalog_leases_catalog(struct leases *leases)
{
    return own(leases)->beside;
}

enum error_code catalog_leases_new(struct leases **out, struct catalog *beside,
                                   struct catalog *committing, int64_t ttl_us, struct error *error)
{
    static const struct lease_backend backend = {.plan = plan,
                                                 .claim = claim,
                                                 .renew = renew,
                                                 .advance = advance,
                                                 .end = end,
                                                 .may_come = may_come,
                                                 .count = count,
                                                 .free = free_leases,
                                                 .advances_in_commit = true};
    *out = NULL;
    struct database_leases *leases = mem_alloc_zero(1, sizeof *leases);
    if (leases == NULL) {
        catalog_close(beside);
        return error_no_memory(error, "the leases");
    }
    *leases = (struct database_leases){.leases = {.backend = &backend},
                                       .beside = beside,
                                       .committing = committing,
                                       .ttl_us = ttl_us};
    *out = &leases->leases;
    return OK;
}
