# SPDX-License-Identifier: Apache-2.0
"""Others write to the catalog, copy the lake, put back a backup of it: our rows stay true, and a
lake that is not ours any more is refused before anything is fetched."""

import contextlib
import shutil

import pytest

from harness import lake as reading
from harness import process, truth

RECORDING = truth.TESTNET
FIRST, LAST = RECORDING.first, RECORDING.last
CUT = FIRST + 80


def count(lake):
    with reading.attached(lake) as connection:
        return connection.execute(
            "SELECT count(*) FROM lake.ttp_events WHERE length(amount) > 0").fetchone()[0]


# ---- which table it is ---------------------------------------------------------------------------

REPLACED = "CREATE OR REPLACE TABLE lake.ttp_events AS FROM lake.ttp_events"


@pytest.mark.parametrize("statement, words", [
    (REPLACED, ("was replaced", "rebuild")),
    ("DROP TABLE lake.ttp_events", ("was dropped", "rebuild")),
    ("ALTER TABLE lake.ttp_events RENAME TO events",
     ("was renamed to events", "RENAME TO ttp_events")),
    ("DROP SCHEMA lake.main CASCADE", ("was dropped", "rebuild"))])
def test_a_table_that_is_not_the_lakes_own_is_refused(lake, statement, words):
    # Nobody listens there: the lake is refused before anything is fetched.
    with process.Replay([RECORDING.events]) as server:
        process.run(lake, server.endpoint, FIRST, CUT - 1)
        endpoint = server.endpoint
    reading.duckdb_execute(lake, statement)
    files = reading.data_files(lake)
    process.run(lake, endpoint, CUT, LAST, status=2).says(*words)
    for verb in (["status"], ["verify"], ["status", "--json"], ["verify", "--json"]):
        process.execute(*verb, "--output-path", lake).expect(2).says(*words)
    assert reading.data_files(lake) == files


def test_a_replaced_table_is_mended_by_a_rebuild(lake, servers):
    endpoint = servers[RECORDING.name]
    process.run(lake, endpoint, FIRST, CUT - 1)
    reading.duckdb_execute(lake, REPLACED)
    process.run(lake, endpoint, CUT, LAST, status=2).says("rebuild")
    # The other table's copy of the rows is no file of the lake's.
    for path in reading.data_files(lake):
        if path.name.startswith("ducklake-"):
            path.unlink()
    process.execute("rebuild", "--output-path", lake).expect(0)
    process.run(lake, endpoint, FIRST, LAST)
    reading.compare_lake_with_truth(lake, [RECORDING], "1.0.0")


def test_a_table_renamed_back_is_the_lakes_own_again(lake, servers):
    endpoint = servers[RECORDING.name]
    process.run(lake, endpoint, FIRST, CUT - 1)
    reading.duckdb_execute(lake, "ALTER TABLE lake.ttp_events RENAME TO events")
    process.run(lake, endpoint, CUT, LAST, status=2)
    reading.duckdb_execute(lake, "ALTER TABLE lake.main.events RENAME TO ttp_events")
    process.run(lake, endpoint, CUT, LAST)
    reading.compare_lake_with_truth(lake, [RECORDING], "1.0.0")


def test_tables_and_schemas_of_others_are_no_matter(lake, servers):
    endpoint = servers[RECORDING.name]
    process.run(lake, endpoint, FIRST, CUT - 1)
    reading.duckdb_execute(lake, "CREATE SCHEMA lake.mine",
                           "CREATE TABLE lake.mine.ttp_events (a INTEGER)",
                           "INSERT INTO lake.mine.ttp_events VALUES (1)",
                           "CREATE VIEW lake.fees AS FROM lake.ttp_events WHERE event_type = 'fee'")
    process.run(lake, endpoint, CUT, LAST)
    expected = truth.expected_rows(truth.truth_rows([RECORDING]), "1.0.0")
    reading.assert_same(reading.read_attached(lake, "1.0.0"), expected, "DuckDB, ducklake")


# ---- columns of others ---------------------------------------------------------------------------

def test_a_users_own_column_reads_as_null_in_our_rows(lake, servers):
    endpoint = servers[RECORDING.name]
    process.run(lake, endpoint, FIRST, CUT - 1, schema_version="1.1.0")
    reading.duckdb_execute(lake, "ALTER TABLE lake.ttp_events ADD COLUMN score UINTEGER",
                           "ALTER TABLE lake.ttp_events ADD COLUMN more STRUCT(a INTEGER)")
    process.run(lake, endpoint, CUT, LAST, schema_version="1.1.0")
    expected = truth.expected_rows(truth.truth_rows([RECORDING]), "1.1.0")
    reading.assert_same(reading.read_attached(lake, "1.1.0"), expected, "DuckDB, ducklake")
    with reading.attached(lake) as connection:
        assert connection.execute("SELECT count(score), count(more) FROM lake.ttp_events"
                                  ).fetchone() == (0, 0)
        assert connection.execute("SELECT count(*) FROM lake.ttp_events WHERE score IS NULL"
                                  ).fetchone() == (len(expected),)
    process.execute("verify", "--deep", "--output-path", lake).expect(0)


@pytest.mark.parametrize("also, words", [
    ([], r'score.{2} with id 11: go on'),
    (["UPDATE lake.ttp_events SET score = 777", "ALTER TABLE lake.ttp_events DROP COLUMN score"],
     r'score.{2} with id 11, dropped since')])
def test_the_lake_does_not_evolve_over_a_users_column(lake, servers, also, words):
    endpoint = servers[RECORDING.name]
    process.run(lake, endpoint, FIRST, CUT - 1)
    reading.duckdb_execute(lake, "ALTER TABLE lake.ttp_events ADD COLUMN score UINTEGER", *also)
    process.run(lake, endpoint, CUT, LAST, schema_version="1.1.0", status=2).says(words)
    process.run(lake, endpoint, CUT, LAST)
    assert count(lake) == len(truth.truth_rows([RECORDING]))
