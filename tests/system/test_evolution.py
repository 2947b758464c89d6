# SPDX-License-Identifier: Apache-2.0
"""From schema 1.0.0 to 1.1.0: old files stay, new columns of old rows read as NULL, until `repair
--schema-version` has them fetched again."""

import json
import re
import shlex

import polars
import pyarrow.dataset
import pytest

from harness import lake as reading
from harness import process, truth

RECORDING = truth.TESTNET
FIRST, LAST = RECORDING.first, RECORDING.last
CUT = FIRST + 80


def evolved_rows():
    """What a reader with schema 1.1.0 sees: '' stays '' in old rows, and new columns are NULL."""
    rows = []
    for row in truth.read_rows(RECORDING):
        if row["ledger_sequence"] < CUT:
            rows.append(truth.expected_row(row, "1.0.0") + (None,) * 6)
        else:
            rows.append(truth.expected_row(row, "1.1.0"))
    return rows


def test_a_lake_evolves_and_old_rows_stay(lake, servers):
    endpoint = servers[RECORDING.name]
    process.run(lake, endpoint, FIRST, CUT - 1)
    old = {path: path.read_bytes() for path in reading.data_files(lake)}
    process.run(lake, endpoint, CUT, LAST, schema_version="1.1.0")
    assert all(path.read_bytes() == content for path, content in old.items())
    reading.assert_same(reading.read_attached(lake, "1.1.0"), evolved_rows(), "DuckDB, ducklake")
    reading.assert_same(reading.read_glob(lake, "1.1.0", "date_hour"), evolved_rows(),
                        "DuckDB, read_parquet with union_by_name")
    reading.check_catalog(lake)
    assert reading.coverage(lake) == [(FIRST, LAST)]


def test_filters_on_new_columns_find_rows_of_both_versions(lake, servers):
    endpoint = servers[RECORDING.name]
    process.run(lake, endpoint, FIRST, CUT - 1)
    process.run(lake, endpoint, CUT, LAST, schema_version="1.1.0")
    expected = evolved_rows()
    position = {name: number for number, name in enumerate(truth.COLUMNS_1_1_0)}
    with reading.attached(lake) as connection:
        for condition, count in (
                ("event_index IS NULL", sum(row[position["event_index"]] is None
                                            for row in expected)),
                ("event_index = 0", sum(row[position["event_index"]] == 0 for row in expected)),
                ("event_index >= 1", sum((row[position["event_index"]] or 0) >= 1
                                         for row in expected)),
                ("dest_account = ''", sum(row[position["dest_account"]] == ""
                                          for row in expected)),
                ("dest_account IS NULL", sum(row[position["dest_account"]] is None
                                             for row in expected)),
                ("amount_decimal > 0", sum((row[position["amount_decimal"]] or 0) > 0
                                           for row in expected))):
            got = connection.execute(f"SELECT count(*) FROM lake.ttp_events WHERE {condition}")
            assert got.fetchone() == (count,), condition


def test_the_lake_before_evolution_stays_readable_as_of_then(lake, servers):
    endpoint = servers[RECORDING.name]
    process.run(lake, endpoint, FIRST, CUT - 1)
    (snapshot,), = reading.catalog_query(lake, "SELECT max(snapshot_id) FROM ducklake_snapshot")
    process.run(lake, endpoint, CUT, LAST, schema_version="1.1.0")
    with reading.attached(lake) as connection:
        names = [row[0] for row in connection.execute(
            f"DESCRIBE FROM lake.ttp_events AT (VERSION => {snapshot})").fetchall()]
        count = connection.execute(
            f"SELECT count(*) FROM lake.ttp_events AT (VERSION => {snapshot})").fetchone()
    assert tuple(names) == truth.COLUMNS_1_0_0
    assert count == (len(truth.truth_rows([RECORDING], FIRST, CUT - 1)),)


def test_evolution_that_is_not_enabled_is_refused(lake, servers):
    endpoint = servers[RECORDING.name]
    process.run(lake, endpoint, FIRST, CUT - 1)
    process.run(lake, endpoint, CUT, LAST, schema_version="1.1.0", enable_schema_evolution=False,
                status=2).says("enable_schema_evolution", r"1\.0\.0", r"1\.1\.0")
    assert reading.coverage(lake) == [(FIRST, CUT - 1)]


def test_going_back_is_always_refused(lake, servers):
    endpoint = servers[RECORDING.name]
    process.run(lake, endpoint, FIRST, CUT - 1, schema_version="1.1.0")
    process.run(lake, endpoint, CUT, LAST, schema_version="1.0.0", status=2).says(
        r"1\.0\.0", r"1\.1\.0")
    assert reading.coverage(lake) == [(FIRST, CUT - 1)]


def test_a_new_lake_of_1_0_0_says_what_it_leaves_out(lake, servers):
    process.run(lake, servers[RECORDING.name], FIRST, CUT - 1).says("event_index", r"1\.1\.0")


# ---- old rows become new ones --------------------------------------------------------------------

@pytest.fixture
def evolved(lake, servers):
    """A lake of 1.0.0 up to CUT, in commits of a few ledgers, and of 1.1.0 from there."""
    process.run(lake, servers[RECORDING.name], FIRST, CUT - 1, batch_size=100)
    process.run(lake, servers[RECORDING.name], CUT, LAST, schema_version="1.1.0")
    return lake


def repair(lake, *arguments, status=0):
    return process.execute("repair", "--output-path", lake, *arguments).expect(status)


def commands(finished):
    return [shlex.split(line) for line in finished.stdout.splitlines()
            if line.startswith("  parquet-consumer run ")]


def snapshots(lake):
    return reading.catalog_query(lake, "SELECT snapshot_id FROM ducklake_snapshot ORDER BY 1")


def versions(lake):
    status = json.loads(process.execute("status", "--output-path", lake, "--json")
                        .expect(0).stdout)
    return [item["version"] for item in status["schema_versions"]]


def run_printed(finished, endpoint):
    for words in commands(finished):
        process.execute(*words[1:], "--ttp-processor-endpoint", endpoint).expect(0)


def polars_rows(lake):
    table = polars.scan_parquet(f"{lake}/**/*.parquet", hive_partitioning=False).collect()
    return reading.rows_of_table(table.to_arrow(), "1.1.0")


def test_old_rows_are_raised_to_the_version_of_the_lake(evolved, servers):
    endpoint = servers[RECORDING.name]
    before = snapshots(evolved)
    finished = repair(evolved, "--schema-version", "1.0.0")
    [words] = commands(finished)
    assert words[-2:] == [str(FIRST), str(CUT - 1)]
    assert words[words.index("--schema-version") + 1] == "1.1.0"
    assert len(snapshots(evolved)) == len(before) + 1
    assert reading.coverage(evolved) == [(CUT, LAST)]
    new = [row for row in truth.read_rows(RECORDING) if row["ledger_sequence"] >= CUT]
    reading.compare_lake_with_truth(evolved, [RECORDING], "1.1.0", rows=new)

    run_printed(finished, endpoint)
    reading.compare_lake_with_truth(evolved, [RECORDING], "1.1.0")
    reading.compare_dataset_with_truth(evolved, [RECORDING], "1.1.0")
    reading.assert_same(polars_rows(evolved), truth.expected_rows(truth.read_rows(RECORDING),
                                                                  "1.1.0"), "polars")
    assert versions(evolved) == ["1.1.0"]
    process.execute("verify", "--output-path", evolved, "--deep").expect(0)
    assert repair(evolved, "--schema-version", "1.0.0").stdout == "nothing to repair\n"


def test_a_dry_run_names_what_would_be_raised_and_changes_nothing(evolved):
    before = snapshots(evolved)
    finished = repair(evolved, "--schema-version", "1.0.0", "--dry-run")
    finished.says("would be taken out")
    assert [words[-2:] for words in commands(finished)] == [[str(FIRST), str(CUT - 1)]]
    assert snapshots(evolved) == before and reading.coverage(evolved) == [(FIRST, LAST)]


@pytest.mark.parametrize("arguments, said", [
    (["1.1.0"], r"1\.1\.0 is the schema version of the lake"),
    (["2.0.0"], r"no version '2\.0\.0'; there are 1\.0\.0, 1\.1\.0"),
    (["1.0.0", "--deep"], "without --deep"), (["1.0.0", "--unconfirmed"], "without --deep"),
    (["1.0.0", FIRST, LAST], "without --deep, --unconfirmed and START END")])
def test_only_a_version_older_than_the_lake_can_be_raised(evolved, arguments, said):
    finished = repair(evolved, "--schema-version", *arguments, status=2)
    assert re.search(said, finished.stderr)
    assert reading.coverage(evolved) == [(FIRST, LAST)]


def test_a_lake_that_never_evolved_has_nothing_to_raise(lake, servers):
    process.run(lake, servers[RECORDING.name], FIRST, CUT - 1)
    repair(lake, "--schema-version", "1.0.0", status=2).says("itself")
    repair(lake, "--schema-version", "1.1.0", status=2).says("1.0.0, and no rows of 1.1.0")


def test_rows_that_others_changed_are_raised_only_where_that_is_asked_for(evolved, servers):
    reading.duckdb_execute(
        evolved, f"DELETE FROM lake.ttp_events WHERE ledger_sequence = {FIRST + 3}")
    finished = repair(evolved, "--schema-version", "1.0.0")
    finished.says("others than this program changed rows there", "--discard-changes")
    run_printed(finished, servers[RECORDING.name])
    assert sorted(versions(evolved)) == ["1.0.0", "1.1.0"]
    finished = repair(evolved, "--schema-version", "1.0.0", "--discard-changes")
    run_printed(finished, servers[RECORDING.name])
    reading.compare_lake_with_truth(evolved, [RECORDING], "1.1.0")


def test_files_that_duckdb_merged_leave_with_all_their_commits(evolved, servers):
    reading.duckdb_execute(evolved, "CALL lake.merge_adjacent_files()")
    finished = repair(evolved, "--schema-version", "1.0.0")
    run_printed(finished, servers[RECORDING.name])
    reading.compare_lake_with_truth(evolved, [RECORDING], "1.1.0")
    assert versions(evolved) == ["1.1.0"]
