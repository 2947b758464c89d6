# SPDX-License-Identifier: Apache-2.0
"""Others write to the catalog, copy the lake, put back a backup of it: our rows stay true, and a
lake that is not ours any more is refused before anything is fetched."""

import json
import os
import re
import shutil
import subprocess
import sys

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


# ---- while a commit waits for the catalog --------------------------------------------------------

def hold_catalog(lake):
    """Another program that holds the catalog until its stdin ends."""
    program = ("import sqlite3, sys\n"
               "database = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
               "database.execute('BEGIN IMMEDIATE')\n"
               "print('held', flush=True)\n"
               "sys.stdin.read()\n")
    holder = subprocess.Popen([sys.executable, "-c", program, str(reading.catalog_path(lake))],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    return holder


def test_files_that_a_clean_up_removes_while_the_commit_waits_are_fetched_again(lake, servers,
                                                                              processes):
    endpoint = servers[RECORDING.name]
    process.run(lake, endpoint, FIRST, CUT - 1)
    before = set(reading.data_files(lake))
    holder = hold_catalog(lake)
    try:
        run = processes(process.run_background(lake, endpoint, CUT, LAST))
        run.wait_for(lambda: set(reading.data_files(lake)) - before, "files under their names")
        run.wait_for_text("waiting until it can")
        reading.duckdb_execute(
            lake, "CALL ducklake_delete_orphaned_files('lake', cleanup_all => true)")
        assert set(reading.data_files(lake)) == before
    finally:
        holder.communicate("")
    run.wait().expect(0).says("was removed or changed by another program")
    reading.compare_lake_with_truth(lake, [RECORDING], "1.0.0")
    process.execute("verify", "--output-path", lake).expect(0)


# ---- where the lake lies -------------------------------------------------------------------------

def data_path(lake):
    return json.loads(process.execute("status", "--json", "--output-path", lake).expect(0).stdout)[
        "data_path"]


def test_a_copied_lake_is_told_until_a_run_sets_its_path(lake, servers, tmp_path):
    endpoint = servers[RECORDING.name]
    process.run(lake, endpoint, FIRST, CUT - 1)
    copy = tmp_path / "copy"
    shutil.copytree(lake, copy)
    words = (re.escape(str(lake)), "copied, moved or restored", "another lake is there",
             f"relocate --output-path {re.escape(str(copy))}")
    process.execute("verify", "--output-path", copy).expect(0).says(*words)
    process.execute("status", "--output-path", copy).expect(0).says(*words)
    assert data_path(copy) == f"{lake}/"
    process.run(copy, endpoint, FIRST, CUT - 1).says("the catalog named another place")
    assert data_path(copy) == f"{copy}/"
    for place in (lake, copy):
        for verb in ("verify", "status"):
            assert "copied, moved" not in process.execute(verb, "--output-path", place).expect(0).output
        assert count(place) == len(truth.truth_rows([RECORDING], FIRST, CUT - 1))


def test_a_path_for_readers_is_no_reason_to_warn_where_the_lake_stays(lake, servers, tmp_path):
    endpoint = servers[RECORDING.name]
    process.run(lake, endpoint, FIRST, CUT - 1, reader_data_path="/elsewhere/lake")
    for verb in ("verify", "status"):
        assert "copied, moved" not in process.execute(verb, "--output-path", lake).expect(0).output
    moved = tmp_path / "moved"
    lake.rename(moved)
    process.execute("verify", "--output-path", moved).expect(0).says("copied, moved or restored")
    # Who looks through that path on purpose says so.
    answer = process.execute("verify", "--output-path", moved, "--reader-data-path",
                             "/elsewhere//lake/").expect(0)
    assert "copied, moved" not in answer.output


def test_a_readers_path_is_written_as_duckdb_compares_it(lake, servers):
    endpoint = servers[RECORDING.name]
    spelled = f"{lake.parent}/.//./{lake.name}//"
    process.run(lake, endpoint, FIRST, LAST, reader_data_path=spelled)
    assert data_path(lake) == f"{lake}/"
    for path in reading.data_files(lake):
        os.utime(path, (0, 0))
    reading.duckdb_execute(lake, "CHECKPOINT lake")
    assert count(lake) == len(truth.truth_rows([RECORDING]))
    process.run(lake, endpoint, FIRST, LAST, reader_data_path=f"{lake}/../{lake.name}",
                status=2).says("reader-data-path", r"\.\.")


# ---- a catalog that is older than its files ------------------------------------------------------

def test_a_catalog_put_back_from_a_backup_is_refused_until_it_is_made_anew(lake, servers,
                                                                          tmp_path):
    endpoint = servers[RECORDING.name]
    process.run(lake, endpoint, FIRST, FIRST + 19)
    shutil.copytree(lake / "_lake", tmp_path / "backup")
    process.run(lake, endpoint, FIRST, CUT - 1)
    files = reading.data_files(lake)
    shutil.rmtree(lake / "_lake")
    shutil.copytree(tmp_path / "backup", lake / "_lake")
    process.run(lake, endpoint, FIRST, LAST, status=2).says("older than its files", "rebuild",
                                                            "commit 2")
    assert reading.data_files(lake) == files
    process.execute("verify", "--output-path", lake).expect(3)
    process.execute("rebuild", "--output-path", lake).expect(0)
    process.run(lake, endpoint, FIRST, LAST)
    reading.compare_lake_with_truth(lake, [RECORDING], "1.0.0")


# ---- the catalog's side files --------------------------------------------------------------------

@pytest.mark.parametrize("verb", ["run", "status", "verify", "files"])
def test_every_command_puts_the_catalogs_side_files_back(lake, servers, verb):
    """Without them nobody who may not write in _lake can attach the lake."""
    endpoint = servers[RECORDING.name]
    process.run(lake, endpoint, FIRST, LAST)
    side_files = [lake / "_lake" / f"catalog.sqlite-{name}" for name in ("wal", "shm")]
    reading.duckdb_execute(lake, "SELECT count(*) FROM lake.ttp_events")
    assert not any(path.exists() for path in side_files)
    if verb == "run":
        process.run(lake, endpoint, FIRST, LAST)  # makes no commit
    else:
        process.execute(verb, "--output-path", lake).expect(0)
    assert all(path.exists() for path in side_files)


def test_a_running_consumer_keeps_the_catalogs_side_files(lake, servers, processes):
    run = processes(process.run_background(lake, servers[RECORDING.name], FIRST, 0,
                                           max_file_age="1s"))
    run.wait_for(lambda: reading.data_files(lake) and reading.coverage(lake), "a commit")
    reading.duckdb_execute(lake, "SELECT count(*) FROM lake.ttp_events")
    assert all((lake / "_lake" / f"catalog.sqlite-{name}").exists() for name in ("wal", "shm"))
    run.stop().expect(0)
