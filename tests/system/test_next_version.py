# SPDX-License-Identifier: Apache-2.0
"""A version is made by the table of versions alone: the program with a made-up 1.2.0, whose table
(tests/evolution/versions.c) has one optional column more, `invoked_contract`, does all that the
program does with a lake of it, and with one that goes from 1.1.0 to it."""

import json
import shutil

import pytest

from harness import lake as reading
from harness import native, process, truth

PROGRAM = native.BUILD / "bin" / "parquet-consumer-1.2.0"
RECORDING = truth.TESTNET
FIRST, LAST = RECORDING.first, RECORDING.last
CUT = FIRST + 80
COLUMN = "invoked_contract"   # has what contract_address has


def execute(verb, lake, *arguments, status=0):
    return process.execute(verb, "--output-path", lake, *arguments, binary=PROGRAM).expect(status)


def run(lake, endpoint, first, last, status=0, **options):
    return process.execute(*process.run_arguments(lake, endpoint, first, last,
                                                  **{"schema_version": "1.2.0", **options}),
                           binary=PROGRAM).expect(status)


@pytest.fixture(scope="module")
def made(tmp_path_factory, servers):
    """A lake of 1.1.0 up to CUT, and of 1.2.0 from there, in commits of some ledgers."""
    lake = tmp_path_factory.mktemp("next") / "lake"
    run(lake, servers[RECORDING.name], FIRST, CUT - 1, schema_version="1.1.0", batch_size=50)
    run(lake, servers[RECORDING.name], CUT, LAST, batch_size=50, max_file_size="1KiB")
    return lake


@pytest.fixture
def lake(made, tmp_path):
    copy = shutil.copytree(made, tmp_path / "lake")
    execute("relocate", copy)
    return copy


def check(lake, since=CUT, rows=None):
    """The rows are the truth's, those from ledger `since` on with the new column; by DuckDB through
    the catalog and over the files, by the views, and by verify --deep."""
    rows = truth.read_rows(RECORDING) if rows is None else rows
    expected = truth.expected_rows(rows, "1.1.0")
    reading.assert_same(reading.read_attached(lake, "1.1.0"), expected, "DuckDB, ducklake")
    reading.assert_same(reading.read_glob(lake, "1.1.0", "date_hour"), expected, "DuckDB, files")
    new = [(row["ledger_sequence"], row["event_index"],
            (row["contract_address"] or None) if row["ledger_sequence"] >= since else None)
           for row in rows]
    assert since > LAST or any(value is not None for *_, value in new)
    query = f"SELECT ledger_sequence, event_index, {COLUMN} FROM "
    with reading.attached(lake) as connection:
        reading.assert_same(connection.execute(query + "lake.ttp_events").fetchall(), new,
                            "DuckDB, the new column")
        found = connection.execute("SELECT ledger_sequence, event_index, contract_address FROM "
                                   "lake.transfers").fetchall()
        reading.assert_same(found, [(row["ledger_sequence"], row["event_index"],
                                     row["contract_address"] or None) for row in rows], "a view")
        (count,) = connection.execute("SELECT count(*) FROM lake.token_transfers_stream_v1"
                                      ).fetchone()
    assert count == len(rows)
    report = json.loads(execute("verify", lake, "--deep", "--json").stdout)
    assert report["ok"] and report["rows"] == len(rows)


def versions(lake):
    return {item["schema_version"] for item in
            map(json.loads, execute("files", lake, "--json").stdout.splitlines())}


def test_a_lake_of_the_next_version_is_made_and_the_program_of_today_refuses_it(lake, servers,
                                                                                tmp_path):
    fresh = tmp_path / "fresh"
    run(fresh, servers[RECORDING.name], FIRST, LAST)
    check(fresh, since=FIRST)
    process.run(fresh, servers[RECORDING.name], FIRST, LAST, schema_version="1.1.0",
                status=2).says(r"1\.2\.0", "newer parquet-consumer")


def test_a_lake_evolves_to_it(lake):
    assert versions(lake) == {"1.1.0", "1.2.0"}
    check(lake)
    execute("verify", lake)


def test_evolving_through_two_versions_at_once(servers, tmp_path):
    old = tmp_path / "lake"
    run(old, servers[RECORDING.name], FIRST, CUT - 1, schema_version="1.0.0")
    finished = run(old, servers[RECORDING.name], CUT, LAST)
    finished.says("transaction_index.*amount_decimal.*" + COLUMN)
    execute("repair", old, "--schema-version", "1.0.0")
    run(old, servers[RECORDING.name], FIRST, CUT - 1)
    check(old, since=FIRST)


def test_the_catalog_is_made_anew_of_its_files(lake):
    before = reading.read_attached(lake, "1.1.0")
    for path in (lake / "_lake").glob("catalog.sqlite*"):
        path.unlink()
    execute("rebuild", lake)
    reading.assert_same(reading.read_attached(lake, "1.1.0"), before, "DuckDB, rebuilt")
    check(lake)


def test_damage_and_old_rows_are_fetched_again(lake, servers):
    newest = max(reading.data_files(lake), key=lambda path: path.stat().st_mtime_ns)
    newest.write_bytes(newest.read_bytes()[:-100])
    execute("repair", lake)
    run(lake, servers[RECORDING.name], FIRST, LAST)
    check(lake)
    execute("repair", lake, "--schema-version", "1.1.0")
    run(lake, servers[RECORDING.name], FIRST, LAST)
    assert versions(lake) == {"1.2.0"}
    check(lake, since=FIRST)


def test_small_files_are_put_together(lake):
    partition = reading.data_files(lake)[0].parent.relative_to(lake)
    before = len(reading.data_files(lake))
    execute("compact", lake, "--partition", partition)
    assert len(reading.data_files(lake)) < before
    assert versions(lake) == {"1.1.0", "1.2.0"}
    check(lake)


def test_it_is_compared_with_a_server(lake, servers):
    report = json.loads(execute("verify", lake, "--against", servers[RECORDING.name], "--json")
                        .stdout)
    assert report["ok"] and report["against"]["rows"] == len(truth.read_rows(RECORDING))
