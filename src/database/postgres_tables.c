// SPDX-License-Identifier: Apache-2.0
#include "database/postgres_tables.h"

#include "database/query.h"

/* Those that a version before leases made, too. */
static const char *const first_statements[] = {
    /* Who writes (database/postgres_holder.h). */
    ("CREATE TABLE ttp_writer(writer BIGINT PRIMARY KEY, holder VARCHAR, epoch BIGINT NOT NULL, "
     "host VARCHAR, pid BIGINT, claimed_at TIMESTAMPTZ)"),
    "INSERT INTO ttp_writer VALUES (1, NULL, 0, NULL, NULL, NULL)",
    /* DuckDB's questions of a lake of many files are answered by it. */
    "CREATE INDEX ttp_file_column_stats_column ON ducklake_file_column_stats(table_id, column_id)",
    /* No rows inlined by anybody: those would be tables of DuckDB's own. */
    "INSERT INTO ducklake_metadata VALUES('data_inlining_row_limit', '0', NULL, NULL)", NULL};

/* For several processes (docs/commit-protocol.md, "Several processes"). */
static const char *const lease_statements[] = {
    "CREATE TABLE ttp_lease(lease_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ledgers "
    "INT8RANGE NOT NULL CHECK (NOT isempty(ledgers)), next_ledger BIGINT NOT NULL, holder VARCHAR, "
    "epoch BIGINT NOT NULL DEFAULT 0, expires_at TIMESTAMPTZ, done BOOLEAN NOT NULL DEFAULT FALSE, "
    "failures BIGINT NOT NULL DEFAULT 0, EXCLUDE USING gist (ledgers WITH &&) WHERE (NOT done AND "
    "NOT upper_inf(ledgers)))",
    /* One piece follows the chain. */
    "CREATE UNIQUE INDEX ttp_lease_live ON ttp_lease(upper_inf(ledgers)) WHERE NOT done AND "
    "upper_inf(ledgers)",
    /* The last number that a commit took. */
    "CREATE TABLE ttp_numbers(commit_no BIGINT NOT NULL)", "INSERT INTO ttp_numbers VALUES (0)",
    /* Looked at by the COMMIT: where ranges merge they overlap in between. */
    "ALTER TABLE ttp_coverage ADD CONSTRAINT ttp_coverage_disjoint EXCLUDE USING gist "
    "(int8range(first_ledger, last_ledger, '[]') WITH &&) DEFERRABLE INITIALLY DEFERRED",
    NULL};

static enum error_code run_all(struct database *database, const char *const *statements,
                               struct error *error)
{
    enum error_code code = OK;
    for (size_t i = 0; code == OK && statements[i] != NULL; i++)
        code = database_run(database, statements[i], NO_VALUES, error);
    return code;
}

enum error_code postgres_complete_tables(struct database *database, struct error *error)
{
    bool has_first = false, has_leases = false;
    enum error_code code = database_has_table(database, "ttp_writer", &has_first, error);
    if (code == OK && !has_first)
        code = run_all(database, first_statements, error);
    if (code == OK)
        code = database_has_table(database, "ttp_lease", &has_leases, error);
    return code == OK && !has_leases ? run_all(database, lease_statements, error) : code;
}

enum error_code postgres_is_complete(struct database *database, bool *is_complete,
                                     struct error *error)
{
    /* One that is not a lake's is told of by who looks at its versions. */
    return database_has(database,
                        "SELECT 1 WHERE to_regclass('ttp_lease') IS NOT NULL OR "
                        "to_regclass('ttp_lake') IS NULL",
                        NO_VALUES, is_complete, error);
}
