// SPDX-License-Identifier: Apache-2.0
/* What a lake holds around a range of ledgers, and when its ledgers closed: what tells whether a
 * server is of the same chain. */
#include <stdio.h>
#include <string.h>

#include "catalog/catalog.h"
#include "catalog/handle.h"
#include "database/query.h"
#include "util/bytes.h"
#include "util/text.h"

#define COLUMN_TIMESTAMP "1" /* its DuckLake column id */

static enum error_code read_digest(const struct query *query, struct catalog_digest *digest,
                                   struct error *error)
{
    const char *version = query_text(query, 1);
    const char *chain = query_text(query, 2);
    const char *contents = query_text(query, 3);
    digest->ledger = (uint32_t)query_int(query, 0);
    if (version == NULL || strlen(version) >= sizeof digest->schema_version || chain == NULL ||
        contents == NULL ||
        !hex_decode(bytes_view_text(chain), digest->chain, sizeof digest->chain) ||
        !contents_digest_parse(bytes_view_text(contents), &digest->contents))
        return error_set(error, ERR_CORRUPT, "catalog %s: the digest of ledger %u is not readable",
                         query->database->path, digest->ledger);
    memcpy(digest->schema_version, version, strlen(version) + 1);
    return OK;
}

static enum error_code find_digest(struct catalog *catalog, const char *sql, uint32_t ledger,
                                   struct catalog_digest *digest, struct error *error)
{
    struct query query;
    query_begin(&query, &catalog->database, sql, BIND(sql_int(ledger)), error);
    if (query_next(&query))
        query_check(&query, read_digest(&query, digest, error));
    return query_end(&query);
}

/* DuckLake's text of a bound; 0: none that can be read. */
static int64_t bound_us(const char *text)
{
    int64_t time_us = 0;
    return text != NULL && text_parse_rfc3339(bytes_view_text(text), &time_us) ? time_us : 0;
}

/* A ledger and its close time, as a number or as the text of a bound. */
static enum error_code find_close(struct catalog *catalog, const char *sql, uint32_t ledger,
                                  struct catalog_neighbour *neighbour, struct error *error)
{
    struct query query;
    query_begin(&query, &catalog->database, sql, BIND(sql_int(ledger)), error);
    if (query_next(&query)) {
        const char *bound = query_text(&query, 2);
        int64_t close_us = bound != NULL ? bound_us(bound) : query_int(&query, 1);
        if (close_us > 0) {
            neighbour->closed_ledger = (uint32_t)query_int(&query, 0);
            neighbour->close_us = close_us;
        }
    }
    return query_end(&query);
}

/* A commit's own time is that of the last ledger in it that had rows. */
#define LAST_CLOSED "CASE WHEN digest_ledger > 0 THEN digest_ledger ELSE last_ledger END"

static enum error_code find_below(struct catalog *catalog, uint32_t first,
                                  struct catalog_neighbour *below, struct error *error)
{
    enum error_code code =
        find_digest(catalog,
                    "SELECT digest_ledger, schema_version, digest_chain, digest_contents FROM "
                    "ttp_commits WHERE digest_ledger < ? AND digest_ledger > 0 AND ended_us IS "
                    "NULL ORDER BY digest_ledger DESC LIMIT 1",
                    first, &below->digest, error);
    if (code == OK)
        code = find_close(catalog,
                          "SELECT " LAST_CLOSED ", last_close_us, NULL FROM ttp_commits WHERE "
                          "first_ledger < ?1 AND last_ledger < ?1 AND last_close_us > 0 AND "
                          "ended_us IS NULL ORDER BY first_ledger DESC LIMIT 1",
                          first, below, error);
    return code;
}

/* The nearest close time above is that of the next file's first ledger. Where DuckDB merged the
 * files away, or the range lies within a commit's, the commit's own will do. */
static enum error_code find_above(struct catalog *catalog, uint32_t last,
                                  struct catalog_neighbour *above, struct error *error)
{
    enum error_code code =
        find_digest(catalog,
                    "SELECT digest_ledger, schema_version, digest_chain, digest_contents FROM "
                    "ttp_commits WHERE digest_ledger > ? AND ended_us IS NULL ORDER BY "
                    "digest_ledger LIMIT 1",
                    last, &above->digest, error);
    if (code == OK)
        code = find_close(catalog,
                          "SELECT digest_ledger, last_close_us, NULL FROM ttp_commits WHERE "
                          "digest_ledger > ?1 AND last_close_us > 0 AND ended_us IS NULL ORDER BY "
                          "digest_ledger LIMIT 1",
                          last, above, error);
    struct catalog_neighbour file = {.closed_ledger = 0};
    if (code == OK)
        code = find_close(
            catalog,
            "SELECT f.first_ledger, 0, s.min_value FROM ttp_commits c JOIN ttp_commit_files f ON "
            "f.commit_no = c.commit_no JOIN ducklake_file_column_stats s ON s.data_file_id = "
            "f.data_file_id AND s.column_id = " COLUMN_TIMESTAMP " WHERE c.first_ledger > ?1 AND "
            "c.ended_us IS NULL AND c.row_count > 0 ORDER BY c.first_ledger, f.first_ledger LIMIT "
            "1",
            last, &file, error);
    if (file.closed_ledger != 0 &&
        (above->closed_ledger == 0 || file.closed_ledger < above->closed_ledger)) {
        above->closed_ledger = file.closed_ledger;
        above->close_us = file.close_us;
    }
    return code;
}

enum error_code catalog_neighbours(struct catalog *catalog, struct ledger_range range,
                                   struct catalog_neighbour *below, struct catalog_neighbour *above,
                                   struct error *error)
{
    *below = *above = (struct catalog_neighbour){.closed_ledger = 0};
    enum error_code code = find_below(catalog, range.first, below, error);
    if (code == OK)
        code = find_above(catalog, range.last != 0 ? range.last : range.first, above, error);
    return code;
}

enum error_code catalog_each_close(struct catalog *catalog, catalog_close_visitor *visit,
                                   void *context, struct error *error)
{
    struct query query;
    query_begin_list(
        &query, &catalog->database,
        "SELECT c.commit_no, " LAST_CLOSED
        ", last_close_us, 0, NULL, NULL FROM ttp_commits c WHERE "
        "ended_us IS NULL AND last_close_us > 0 UNION ALL "
        "SELECT f.commit_no, f.first_ledger, 0, f.last_ledger, s.min_value, s.max_value FROM "
        "ttp_commit_files f JOIN ttp_commits c ON c.commit_no = f.commit_no AND c.ended_us IS NULL "
        "JOIN ducklake_file_column_stats s ON s.data_file_id = f.data_file_id AND s.column_id "
        "= " COLUMN_TIMESTAMP,
        NO_VALUES, error);
    while (query_next(&query)) {
        struct catalog_close first = {.commit_no = (uint64_t)query_int(&query, 0),
                                      .ledger = (uint32_t)query_int(&query, 1),
                                      .close_us = query_int(&query, 2)};
        struct catalog_close last = first;
        bool is_file = query_int(&query, 3) != 0;
        if (is_file) {
            last.ledger = (uint32_t)query_int(&query, 3);
            first.close_us = bound_us(query_text(&query, 4));
            last.close_us = bound_us(query_text(&query, 5));
        }
        if (first.close_us > 0)
            query_check(&query, visit(context, &first, error));
        if (query_ok(&query) && is_file && last.close_us > 0)
            query_check(&query, visit(context, &last, error));
    }
    return query_end(&query);
}
