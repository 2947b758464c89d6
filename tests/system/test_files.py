# SPDX-License-Identifier: Apache-2.0
"""`files` lists exactly the live data files: what readers that don't know DuckLake should open."""

import json
import shutil

import duckdb
import pytest

from harness import lake as reading
from harness import process, truth

RECORDING = truth.PUBNET63
FIRST, LAST = RECORDING.first, RECORDING.last
KEYS = ["path", "rows", "bytes", "first_ledger", "last_ledger", "first_time", "last_time",
        "commit_no", "schema_version", "hidden_rows"]


@pytest.fixture(scope="module")
def made(tmp_path_factory, servers):
    """A lake of a commit a ledger."""
    lake = tmp_path_factory.mktemp("files") / "lake"
    process.run(lake, servers[RECORDING.name], FIRST, LAST, schema_version="1.1.0",
                max_file_size="1KiB", batch_size=1)
    return lake


def files(lake, *arguments, status=0, cwd=None):
    return process.execute("files", "--output-path", lake, *arguments, cwd=cwd).expect(status)


def ledgers(lake, *arguments):
    return [json.loads(line)["first_ledger"]
            for line in files(lake, "--json", *arguments).stdout.splitlines()]


def test_one_absolute_path_a_line_and_nothing_else(made):
    finished = files(made.name, cwd=made.parent)
    lines = finished.stdout.splitlines()
    assert sorted(lines) == sorted(map(str, reading.data_files(made)))
    assert all(line.startswith("/") for line in lines) and finished.stderr == ""
    rows = duckdb.connect().execute("SELECT count(*) FROM read_parquet(?)", [lines]).fetchone()
    assert rows == (len(truth.truth_rows([RECORDING])),)


def test_json_is_one_object_a_line(made):
    objects = [json.loads(line) for line in files(made, "--json").stdout.splitlines()]
    assert [item["first_ledger"] for item in objects] == list(range(FIRST, LAST + 1))
    for item in objects:
        assert list(item) == KEYS
        rows = truth.truth_rows([RECORDING], item["first_ledger"], item["last_ledger"])
        assert item["rows"] == len(rows) and item["first_ledger"] == item["last_ledger"]
        with open(item["path"], "rb") as file:
            assert len(file.read()) == item["bytes"]
        assert item["schema_version"] == "1.1.0"
        assert item["first_time"] == item["last_time"]
        assert item["first_time"].endswith("Z")


@pytest.mark.parametrize("since, until, expected", [
    (None, None, range(FIRST, LAST + 1)), (FIRST + 2, None, range(FIRST + 2, LAST + 1)),
    (None, FIRST + 1, range(FIRST, FIRST + 2)), (FIRST + 1, FIRST + 1, [FIRST + 1]),
    (LAST + 1, None, []), (None, FIRST - 1, []), (FIRST + 2, FIRST + 1, []),
    ("2026-06-19", None, range(FIRST, LAST + 1)), (None, "2026-06-19", []),
    ("2026-06-20", None, []), (None, "2026-06-20", range(FIRST, LAST + 1))])
def test_bounds_are_ledgers_or_times(made, since, until, expected):
    arguments = (["--since", since] if since else []) + (["--until", until] if until else [])
    assert ledgers(made, *arguments) == list(expected)


def test_bounds_by_time_are_inclusive(made):
    times = [json.loads(line)["first_time"] for line in files(made, "--json").stdout.splitlines()]
    assert ledgers(made, "--since", times[1], "--until", times[2]) == [FIRST + 1, FIRST + 2]


def test_a_schema_version_names_the_files_of_its_commits_alone(tmp_path, servers):
    lake = tmp_path / "lake"
    cut = FIRST + 2
    process.run(lake, servers[RECORDING.name], FIRST, cut - 1, batch_size=1,
                max_file_size="1KiB")
    process.run(lake, servers[RECORDING.name], cut, LAST, schema_version="1.1.0", batch_size=1,
                max_file_size="1KiB")
    assert ledgers(lake, "--schema-version", "1.0.0") == list(range(FIRST, cut))
    assert ledgers(lake, "--schema-version=1.1.0") == list(range(cut, LAST + 1))
    assert ledgers(lake, "--schema-version", "1.0.0", "--since", FIRST + 1) == [FIRST + 1]
    assert {json.loads(line)["schema_version"] for line in
            files(lake, "--json", "--until", cut - 1).stdout.splitlines()} == {"1.0.0"}
    files(lake, "--schema-version", "2.0.0", status=2).says("2.0.0", "1.0.0, 1.1.0")
    # The file that DuckDB makes of all of them is of none.
    reading.duckdb_execute(lake, "CALL lake.merge_adjacent_files()")
    merged = [json.loads(line) for line in files(lake, "--json").stdout.splitlines()]
    assert {item["schema_version"] for item in merged if item["commit_no"] == 0} == {None}
    assert any(item["commit_no"] == 0 for item in merged)


@pytest.mark.parametrize("bound", ["x", "", "-1", "4294967296", "2024-13-01", "2024-01-15T12:00"])
def test_a_bound_that_is_none_is_named(made, bound):
    finished = files(made, f"--since={bound}", status=2)
    finished.says("--since", "2024-01-15T12:00:00Z")
    assert finished.stdout == ""


def test_files_that_are_not_in_the_lake_are_not_listed(made, tmp_path):
    lake = shutil.copytree(made, tmp_path / "lake")
    path = reading.data_files(lake)[0]
    shutil.copyfile(path, path.with_name("mine.parquet"))
    assert len(files(lake).stdout.splitlines()) == LAST - FIRST + 1


def test_no_lake_at_all_is_a_mistake_of_the_call(tmp_path):
    for path in (tmp_path, tmp_path / "none"):
        assert files(path, status=2).says("no lake", "output-path").stdout == ""


def test_an_empty_lake_has_no_files(tmp_path, processes):
    lake = tmp_path / "lake"
    server = processes(process.Replay([RECORDING.events], "--live", "--pace", "1h"))
    run = processes(process.run_background(lake, server.endpoint, FIRST, 0))
    run.wait_for(lambda: reading.catalog_path(lake).exists(), "the catalog")
    run.wait_for_text("connected")
    assert files(lake).stdout == ""
    run.stop()
