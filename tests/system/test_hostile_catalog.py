# SPDX-License-Identifier: Apache-2.0
"""Whoever can write into a lake's folder can write any catalog: no command runs what is in it,
touches anything outside of the lake, waits without end, or needs much memory for it."""

import os
import sqlite3
import struct

import pytest

from harness import lake as reading
from harness import process, truth

RECORDING = truth.TESTNET
FIRST, LAST = RECORDING.first, RECORDING.last
CUT = FIRST + 80
ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)"

READERS = [["status"], ["status", "--json"], ["verify"], ["verify", "--deep"], ["files"],
           ["dead-letters"]]
WRITERS = [["repair"], ["repair", "--unconfirmed"], ["repair", str(FIRST), str(FIRST)]]


@pytest.fixture
def made(lake, servers):
    process.run(lake, servers[RECORDING.name], FIRST, CUT - 1)
    return lake


def change(lake, *statements):
    connection = sqlite3.connect(reading.catalog_path(lake))
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def all_refuse(lake, endpoint, *words):
    for verb in READERS + WRITERS:
        done = process.execute(*verb, "--output-path", lake)
        assert done.status != 0, done
        done.expect(done.status).says(*words)
    process.run(lake, endpoint, CUT, LAST, status=1).says(*words)


# ---- the files that SQLite reaches ---------------------------------------------------------------


def hot_journal(lake, super_journal):
    """A rollback journal that names a super-journal, which SQLite deletes when it takes the
    journal's transaction back (sqlite.org/fileformat2.html, section 3)."""
    path = reading.catalog_path(lake)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    magic, name = bytes.fromhex("d9d505f920a163d7"), os.fsencode(super_journal)
    head = (magic + struct.pack(">5I", 0, 0, 1, 512, 4096)).ljust(512, b"\0")
    tail = struct.pack(">I", 0x40000000 // 4096 + 1) + name
    tail += struct.pack(">II", len(name), sum(name)) + magic
    path.with_name(path.name + "-journal").write_bytes(head + tail)


@pytest.mark.parametrize("verb", [["run"]] + READERS + WRITERS + [["rebuild"]], ids="-".join)
def test_a_file_that_a_journal_names_is_left_alone(made, servers, tmp_path, verb):
    precious = tmp_path / "precious.txt"
    precious.write_text("precious")
    hot_journal(made, precious)
    if verb == ["run"]:
        process.run(made, servers[RECORDING.name], CUT, LAST, status=1).says(
            "names a file of somebody else", "left alone", "rebuild")
    else:
        process.execute(*verb, "--output-path", made)
    assert precious.read_text() == "precious"


def test_a_rebuild_mends_a_lake_with_such_a_journal(made, servers, tmp_path):
    hot_journal(made, tmp_path / "precious.txt")
    (tmp_path / "precious.txt").touch()
    process.execute("rebuild", "--output-path", made).expect(0)
    process.run(made, servers[RECORDING.name], FIRST, LAST)
    reading.compare_lake_with_truth(made, [RECORDING], "1.0.0")
    assert (tmp_path / "precious.txt").exists()


# ---- a program in the place of data --------------------------------------------------------------


@pytest.mark.parametrize("words, statements", [
    ("the view ttp_coverage", [
        "ALTER TABLE ttp_coverage RENAME TO hidden",
        f"CREATE VIEW ttp_coverage AS {ENDLESS} SELECT x AS first_ledger, x AS last_ledger FROM c"]),
    ("the trigger undo", [
        "CREATE TRIGGER undo AFTER INSERT ON ttp_commits BEGIN DELETE FROM ttp_coverage; END"]),
    ("the trigger hang", [
        "CREATE TRIGGER hang AFTER INSERT ON ducklake_snapshot BEGIN INSERT INTO ttp_holes"
        f" {ENDLESS} SELECT x, x, '', 0 FROM c; END"]),
    ("the computed column value", [
        "DROP TABLE ttp_lake",
        "CREATE TABLE ttp_lake(key VARCHAR PRIMARY KEY, value AS (hex(zeroblob(400000000))))"]),
    ("a value of more than 16 MiB", [
        "UPDATE ttp_lake SET value = hex(zeroblob(20000000))"])])
def test_a_catalog_that_is_a_program_is_refused(made, servers, words, statements):
    change(made, *statements)
    all_refuse(made, servers[RECORDING.name], words)
    process.execute("rebuild", "--output-path", made).expect(0)
    process.run(made, servers[RECORDING.name], FIRST, LAST)
    reading.compare_lake_with_truth(made, [RECORDING], "1.0.0")


def test_views_of_users_are_no_matter(made, servers):
    reading.duckdb_execute(made, "CREATE VIEW lake.mine AS SELECT 1 AS x")
    process.run(made, servers[RECORDING.name], CUT, LAST)
    process.execute("verify", "--output-path", made).expect(0)


# ---- who may only read ---------------------------------------------------------------------------


def test_who_may_only_read_cannot_open_the_lock(made):
    assert (made / "_lake" / "lock").stat().st_mode & 0o077 == 0
