// SPDX-License-Identifier: Apache-2.0
#include "catalog/amendment.h"

#include <inttypes.h>

#include "catalog/commit_files.h"
#include "catalog/retired.h"
#include "util/bytes.h"

#define DIGEST_HEX_BYTES 33

static enum error_code check_unchanged(struct database *database,
                                       const struct catalog_amendment *amendment,
                                       struct error *error)
{
    bool same = false;
    enum error_code code = database_has(
        database,
        "SELECT 1 FROM ttp_commits WHERE commit_no = ?1 AND row_count = ?2 AND ended_us IS NULL",
        BIND(sql_int(amendment->commit_no), sql_int(amendment->row_count_before)), &same, error);
    return code != OK || same ? code
                              : error_set(error, ERR_CONFLICT,
                                          "catalog %s: commit %" PRIu64
                                          " is no longer what it was: its dead letters stay",
                                          database->path, amendment->commit_no);
}

static enum error_code update(struct database *database, const struct catalog_amendment *amendment,
                              int64_t dead_letter_count, struct error *error)
{
    char chain[DIGEST_HEX_BYTES], contents[CONTENTS_DIGEST_TEXT_BYTES];
    enum error_code code = database_run(
        database,
        "UPDATE ttp_commits SET row_count = ?2, file_count = ?3, dead_letter_count = ?4, "
        "null_decimal_count = ?5, replaced_memo_count = ?6, last_close_us = ?7 "
        "WHERE commit_no = ?1",
        BIND(sql_int(amendment->commit_no), sql_int(amendment->row_count),
             sql_int(amendment->file_count), sql_int(dead_letter_count),
             sql_int(amendment->null_decimal_count), sql_int(amendment->replaced_memo_count),
             sql_int(amendment->last_close_us)),
        error);
    if (code != OK || !amendment->has_digest)
        return code;
    hex_encode(bytes_view_of(amendment->digest_chain, sizeof amendment->digest_chain), chain);
    contents_digest_text(&amendment->digest_contents, contents);
    return database_run(
        database,
        "UPDATE ttp_commits SET digest_chain = ?2, digest_contents = ?3 WHERE commit_no = ?1",
        BIND(sql_int(amendment->commit_no), sql_text(chain), sql_text(contents)), error);
}

enum error_code amendment_apply(struct database *database,
                                const struct catalog_amendment *amendment,
                                const struct catalog_commit *change, int64_t snapshot_id,
                                struct error *error)
{
    enum error_code code = check_unchanged(database, amendment, error);
    if (code == OK)
        code =
            retired_list_dead_letters(database, (int64_t)amendment->commit_no, snapshot_id, error);
    if (code == OK)
        code = database_run(database, "DELETE FROM ttp_dead_letters WHERE commit_no = ?1",
                            BIND(sql_int(amendment->commit_no)), error);
    if (code == OK && change->dead_letter_count > 0)
        code = commit_files_insert_letters(database, amendment->commit_no, change, error);
    return code == OK ? update(database, amendment, change->dead_letter_count, error) : code;
}
