# SPDX-License-Identifier: Apache-2.0
"""`expire` ends old snapshots as DuckDB does, and deletes what only they needed: pruned and repaired
files, never one that a snapshot which is left names."""

import fcntl
import json
import re
import shutil
import signal
import time

import duckdb
import pytest

from harness import lake as reading
from harness import process, truth

RECORDING = truth.TESTNET
FIRST, LAST = RECORDING.first, RECORDING.last
CUT = FIRST + 80
PARTITION = "year=2022/month=06/day=10/hour=04"
KEYS = {"dry_run", "before", "snapshots_ended", "snapshots_left", "oldest_snapshot",
        "files_deleted", "bytes_deleted", "files_missing", "files_left_alone",
        "files_left_to_duckdb", "files_waiting", "bytes_waiting", "waiting_for",
        "commits_forgotten"}


@pytest.fixture(scope="module")
def made(tmp_path_factory, servers):
    """A lake of commits of a few ledgers each."""
    lake = tmp_path_factory.mktemp("expire") / "lake"
    process.run(lake, servers[RECORDING.name], FIRST, LAST, schema_version="1.1.0",
                max_file_size="1KiB", batch_size=1)
    assert len(reading.data_files(lake)) > 20
    return lake


def copy_of(lake, to):
    copy = shutil.copytree(lake, to)
    process.execute("relocate", "--output-path", copy).expect(0)
    return copy


@pytest.fixture
def lake(made, tmp_path):
    return copy_of(made, tmp_path / "lake")


def do(verb, lake, *arguments, status=0):
    return process.execute(verb, "--output-path", lake, *arguments).expect(status)


def expire(lake, age="0s", *arguments):
    report = json.loads(do("expire", lake, "--older-than", age, "--json", *arguments).stdout)
    assert set(report) == KEYS
    return report


def prune(lake, ledger=CUT):
    return json.loads(do("prune", lake, "--before-ledger", ledger, "--json").stdout)


def snapshots(lake):
    return [number for (number,) in reading.catalog_query(
        lake, "SELECT snapshot_id FROM ducklake_snapshot ORDER BY 1")]


def set_times(lake):
    """A snapshot a day, the newest one long ago."""
    reading.catalog_execute(lake, "UPDATE ducklake_snapshot SET snapshot_time = strftime("
                            "'%Y-%m-%d %H:%M:%S+00', 1700000000 + snapshot_id * 86400,"
                            " 'unixepoch')")


def compare(lake, first, last=LAST):
    """Through the catalog, and through the bare folder; the lake is true."""
    expected = truth.expected_rows(truth.truth_rows([RECORDING], first, last), "1.1.0")
    reading.assert_same(reading.read_attached(lake, "1.1.0"), expected, "DuckLake")
    reading.assert_same(reading.read_glob(lake, "1.1.0", "date_hour"), expected, "the folder")
    assert json.loads(do("verify", lake, "--deep", "--json").stdout)["ok"]


def first_covered(lake):
    return reading.coverage(lake)[0][0]


def files_below(lake, folder):
    return sorted(path for path in (lake / "_lake" / folder).rglob("*") if path.is_file())


def rows_at(lake, version):
    with reading.attached(lake) as connection:
        (count,), = connection.execute(f"SELECT count(amount || '') FROM lake.ttp_events AT"
                                       f" (VERSION => {version})").fetchall()
    return count


def duckdb_expire(lake, versions):
    with reading.duckdb_connection() as connection:
        connection.execute(f"ATTACH 'ducklake:sqlite:{reading.catalog_path(lake)}' AS lake")
        connection.execute(f"SELECT count(*) FROM ducklake_expire_snapshots('lake', versions =>"
                           f" {versions})").fetchall()
        connection.execute("DETACH lake")


CLEAN_UP = "CALL ducklake_cleanup_old_files('lake', cleanup_all => true)"

# ---- as DuckDB does it ---------------------------------------------------------------------------


def refetched(lake, servers):
    do("repair", lake, FIRST + 20, FIRST + 40)
    process.run(lake, servers[RECORDING.name], FIRST, LAST, schema_version="1.1.0")


def of_users(*statements):
    return lambda lake, servers: reading.duckdb_execute(lake, *statements)


def evolved(lake, servers):
    shutil.rmtree(lake)
    process.run(lake, servers[RECORDING.name], FIRST, CUT - 1, schema_version="1.0.0")
    process.run(lake, servers[RECORDING.name], CUT, LAST, schema_version="1.1.0")


def pruned(lake, servers):
    prune(lake)


SOME = f"ledger_sequence BETWEEN {FIRST + 10} AND {FIRST + 70}"
CHANGES = {
    "commits": [],
    "repaired": [refetched],
    "pruned": [pruned],
    "deleted": [of_users(f"DELETE FROM lake.ttp_events WHERE {SOME}"), of_users(
        f"DELETE FROM lake.ttp_events WHERE ledger_sequence < {FIRST + 90}")],
    "deleted inline": [of_users(f"DELETE FROM lake.ttp_events WHERE ledger_sequence = {FIRST}")],
    "updated": [of_users(f"UPDATE lake.ttp_events SET memo = 'x' WHERE {SOME}"),
                of_users("CALL ducklake_rewrite_data_files('lake', delete_threshold => 0)")],
    "merged": [of_users("CALL ducklake_merge_adjacent_files('lake')"),
               of_users(f"DELETE FROM lake.ttp_events WHERE {SOME}"),
               of_users("CALL ducklake_rewrite_data_files('lake', delete_threshold => 0)")],
    "tables": [of_users(
        "CREATE TABLE lake.t(a INTEGER, b VARCHAR)", "INSERT INTO lake.t SELECT range, '' FROM"
        " range(1000)", "ALTER TABLE lake.t ADD COLUMN c INTEGER", "INSERT INTO lake.t VALUES"
        " (1, '2', 3)", "DELETE FROM lake.t WHERE a = 7", "DROP TABLE lake.t",
        "CREATE SCHEMA lake.s", "CREATE TABLE lake.s.u(a INTEGER)",
        "INSERT INTO lake.s.u SELECT range FROM range(1000)", "DROP SCHEMA lake.s CASCADE",
        "CREATE TABLE lake.w(a INTEGER)", "INSERT INTO lake.w SELECT range FROM range(1000)",
        "CREATE OR REPLACE TABLE lake.w(b INTEGER)", "ALTER TABLE lake.w RENAME TO w2")],
    "objects": [of_users(
        "CREATE VIEW lake.v AS SELECT 1", "DROP VIEW lake.v", "CREATE VIEW lake.v AS SELECT 2",
        "CREATE MACRO lake.m(a) AS a + 1", "DROP MACRO lake.m",
        "COMMENT ON TABLE lake.ttp_events IS 'one'", "COMMENT ON TABLE lake.ttp_events IS 'two'",
        "COMMENT ON COLUMN lake.ttp_events.memo IS 'one'",
        "COMMENT ON COLUMN lake.ttp_events.memo IS 'two'")],
    "inlined": [of_users("INSERT INTO lake.ttp_events BY NAME SELECT * REPLACE ('x' AS memo) FROM"
                         f" lake.ttp_events WHERE ledger_sequence = {FIRST + 5} LIMIT 3",
                         "DELETE FROM lake.ttp_events WHERE memo = 'x'"),
                of_users("CALL ducklake_flush_inlined_data('lake')")],
    "evolved": [evolved],
    "compacted": [lambda lake, servers: do("compact", lake, "--partition", PARTITION), pruned],
    "all": [refetched, of_users("CREATE TABLE lake.t AS SELECT range FROM range(1000)",
                                "DROP TABLE lake.t"), pruned,
            of_users(f"DELETE FROM lake.ttp_events WHERE ledger_sequence > {LAST - 20}"),
            of_users("CALL ducklake_merge_adjacent_files('lake')")],
}


def tables_of_ducklake(lake):
    """All rows of DuckLake's tables, but for the times at which files were listed."""
    names = [name for (name,) in reading.catalog_query(
        lake, "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'ducklake%'")]
    tables = {name: sorted(reading.catalog_query(lake, f"SELECT * FROM {name}"), key=repr)
              for name in names}
    listed = tables["ducklake_files_scheduled_for_deletion"]
    tables["ducklake_files_scheduled_for_deletion"] = [row[:3] for row in listed]
    return tables


def own_files(lake):
    """The data files that expire does not leave to DuckDB: those that were retired, and those of
    commits that were taken out. The one difference to what DuckDB does."""
    rows = reading.catalog_query(
        lake, "SELECT f.data_file_id FROM ttp_commit_files f JOIN ttp_commits c ON c.commit_no ="
        " f.commit_no WHERE c.ended_us IS NOT NULL")
    if reading.catalog_query(lake, "SELECT 1 FROM sqlite_master WHERE name = 'ttp_retired'"):
        rows += reading.catalog_query(lake, "SELECT data_file_id FROM ttp_retired WHERE"
                                      " data_file_id IS NOT NULL")
    return {number for (number,) in rows}


@pytest.mark.campaign(every=3)
@pytest.mark.parametrize("name", CHANGES)
def test_the_catalog_is_what_duckdbs_own_expiry_leaves(lake, tmp_path, servers, name):
    for change in CHANGES[name]:
        change(lake, servers)
    set_times(lake)
    newest = snapshots(lake)[-1]
    for days in (newest - newest // 2, 2, 0):
        theirs = shutil.copytree(lake, tmp_path / f"theirs{days}")
        own = own_files(lake)
        duckdb_expire(theirs, f"range(0, {newest - days})")
        expected = tables_of_ducklake(theirs)
        scheduled = expected["ducklake_files_scheduled_for_deletion"]
        expected["ducklake_files_scheduled_for_deletion"] = [
            row for row in scheduled if row[0] not in own or "delete" in row[1]]
        expire(lake, f"{days * 24}h")
        assert snapshots(lake) == list(range(newest - days, newest + 1))
        assert tables_of_ducklake(lake) == expected


# ---- files ---------------------------------------------------------------------------------------

def test_pruned_files_are_deleted_when_their_snapshots_end(lake):
    report = prune(lake)
    first, kept = first_covered(lake), files_below(lake, "replaced")
    size = sum(path.stat().st_size for path in kept)
    assert len(kept) == report["files"] > 5
    set_times(lake)
    assert expire(lake, "24h")["files_deleted"] == 0  # the snapshot before is a day old
    assert files_below(lake, "replaced") == kept
    told = expire(lake, "0s", "--dry-run")
    assert files_below(lake, "replaced") == kept and told["dry_run"]
    done = expire(lake)
    assert (told["files_deleted"], told["bytes_deleted"]) == (report["files"], size)
    assert (done["files_deleted"], done["bytes_deleted"]) == (report["files"], size)
    assert done["snapshots_left"] == 1 and done["files_left_to_duckdb"] == 0
    assert list((lake / "_lake" / "replaced").iterdir()) == [], "nor are their folders left"
    compare(lake, first)
    assert expire(lake)["files_deleted"] == 0


def test_time_travel_works_within_the_retention_and_is_refused_beyond(lake):
    report = prune(lake)
    set_times(lake)
    newest = report["snapshot_id"]
    expire(lake, "24h")
    assert rows_at(lake, newest - 1) == len(truth.truth_rows([RECORDING]))
    with pytest.raises(duckdb.Error, match=f"No snapshot found at version {newest - 2}"):
        rows_at(lake, newest - 2)
    expire(lake)
    with pytest.raises(duckdb.Error, match=f"No snapshot found at version {newest - 1}"):
        rows_at(lake, newest - 1)
    assert rows_at(lake, newest) == report_rows(lake)


def test_replaced_files_are_deleted_and_replacements_forgotten(lake, servers):
    before = len(reading.data_files(lake))
    do("compact", lake, "--partition", PARTITION)
    assert len(reading.data_files(lake)) < before
    replaced = files_below(lake, "replaced")
    done = expire(lake)
    assert done["files_deleted"] == len(replaced) > 0 and not files_below(lake, "replaced")
    compare(lake, FIRST)
    do("repair", lake, "--deep").says("nothing to repair")
    prune(lake, LAST + 1)
    process.run(lake, servers[RECORDING.name], FIRST, LAST, "--include-pruned",
                schema_version="1.1.0")
    expire(lake)
    assert reading.catalog_query(lake, "SELECT count(*) FROM ttp_replacements") == [(0,)]
    compare(lake, FIRST)


def report_rows(lake):
    return json.loads(do("status", lake, "--json").stdout)["rows"]


def test_repaired_files_are_deleted_where_they_were_put(lake, servers):
    do("repair", lake, FIRST + 20, FIRST + 40)
    damaged = files_below(lake, "damaged")
    assert damaged
    process.run(lake, servers[RECORDING.name], FIRST, LAST, schema_version="1.1.0")
    done = expire(lake)
    assert done["files_deleted"] == len(damaged) and done["commits_forgotten"] > 0
    assert not files_below(lake, "damaged")
    compare(lake, FIRST)


def test_dead_letters_of_pruned_commits_are_deleted(tmp_path, lake, servers):
    """They are kept as long as older snapshots are."""
    folder = lake / "_lake" / "dead_letters"
    folder.mkdir(exist_ok=True)
    prune(lake)
    (number,), = reading.catalog_query(
        lake, "SELECT max(commit_no) FROM ttp_commits WHERE ended_us IS NOT NULL")
    path = folder / f"commit_{number}.jsonl"
    path.write_text("{}\n")
    snapshot = snapshots(lake)[-1]
    reading.catalog_execute(lake, "INSERT INTO ttp_retired VALUES('_lake/dead_letters/commit_"
                            f"{number}.jsonl', NULL, 0, {snapshot}, 1)")
    expire(lake)
    assert not path.exists()


def test_numbers_of_commits_and_names_of_files_do_not_come_back(lake, servers):
    before = reading.catalog_query(lake, "SELECT max(commit_no) FROM ttp_commits")[0][0]
    names = {path.name for path in reading.data_files(lake)}
    prune(lake, LAST + 1)
    expire(lake)
    assert reading.catalog_query(lake, "SELECT count(*), max(commit_no) FROM ttp_commits"
                                 ) == [(1, before)]
    process.run(lake, servers[RECORDING.name], FIRST, LAST, "--include-pruned",
                schema_version="1.1.0")
    compare(lake, FIRST)
    (lowest,), = reading.catalog_query(
        lake, "SELECT min(commit_no) FROM ttp_commits WHERE ended_us IS NULL")
    assert lowest == before + 1
    again = {path.name for path in reading.data_files(lake)} & names
    assert again  # their files are gone for certain, so that their names are free
    prune(lake)
    expire(lake)
    compare(lake, first_covered(lake))


def test_a_catalog_with_retention_stays_small(lake, servers):
    sizes = set()
    for _ in range(3):
        prune(lake, LAST + 1)
        expire(lake)
        process.run(lake, servers[RECORDING.name], FIRST, LAST, "--include-pruned",
                    schema_version="1.1.0", max_file_size="1KiB", batch_size=1)
        sizes.add(tuple(reading.catalog_query(lake, f"SELECT count(*) FROM {table}")[0][0]
                        for table in ("ttp_commit_files", "ducklake_data_file", "ttp_retired",
                                      "ducklake_file_column_stats", "ttp_doomed",
                                      "ducklake_file_partition_value")))
    assert len(sizes) == 1, sizes


# ---- others --------------------------------------------------------------------------------------

def test_what_duckdb_is_to_delete_is_left_to_it(lake):
    reading.duckdb_execute(lake, "CALL ducklake_merge_adjacent_files('lake')",
                           "CREATE TABLE lake.t AS SELECT range FROM range(1000)",
                           "DROP TABLE lake.t")
    table_files = list((lake / "t").rglob("*.parquet"))
    assert table_files
    listed = reading.catalog_query(
        lake, "SELECT path FROM ducklake_files_scheduled_for_deletion")
    assert listed
    text = do("expire", lake, "--older-than", "0s")
    text.says("left to DuckDB", "ducklake_cleanup_old_files")
    assert all(path.exists() for path in table_files)
    assert all((lake / path).exists() for (path,) in listed)
    now = reading.catalog_query(lake, "SELECT path FROM ducklake_files_scheduled_for_deletion")
    assert len(now) == len(set(now)) == len(listed) + len(table_files)
    reading.duckdb_execute(lake, CLEAN_UP)
    assert not any(path.exists() for path in table_files)
    expected = truth.expected_rows(truth.truth_rows([RECORDING]), "1.1.0")
    reading.assert_same(reading.read_attached(lake, "1.1.0"), expected, "DuckLake")


def test_duckdbs_own_expiry_and_cleanup_before_ours_is_no_fault(lake):
    prune(lake)
    first, kept = first_covered(lake), files_below(lake, "replaced")
    duckdb_expire(lake, f"range(0, {snapshots(lake)[-1]})")
    done = expire(lake)  # on DuckDB's list: DuckDB's
    assert done["files_deleted"] == 0 and files_below(lake, "replaced") == kept
    reading.duckdb_execute(lake, CLEAN_UP)
    assert not files_below(lake, "replaced")
    done = expire(lake)
    assert (done["files_deleted"], done["files_left_alone"]) == (0, 0)
    compare(lake, first)


def test_duckdbs_cleanup_after_ours_deletes_nothing_that_is_needed(lake, servers):
    refetched(lake, servers)
    prune(lake)
    expire(lake)
    before = set(lake.rglob("*.parquet"))
    reading.duckdb_execute(lake, CLEAN_UP, "CALL ducklake_delete_orphaned_files('lake', "
                           "cleanup_all => true)")
    assert set(lake.rglob("*.parquet")) == before
    compare(lake, first_covered(lake))


def test_duckdb_that_cleans_up_beside_is_no_fault(lake):
    """It took a file away of which the catalog says that it is to be deleted."""
    prune(lake)
    files_below(lake, "replaced")[0].unlink()
    done = expire(lake)
    assert done["files_missing"] == 1 and done["files_left_alone"] == 0


# ---- what is left alone --------------------------------------------------------------------------

def test_a_file_that_a_live_table_names_is_left_alone(lake):
    prune(lake)
    kept = files_below(lake, "replaced")
    reading.catalog_execute(
        lake, "INSERT INTO ducklake_data_file(data_file_id, table_id, begin_snapshot, path,"
        f" path_is_relative) VALUES(9999, 77, 0, '{kept[0].relative_to(lake)}', 1)")
    done = expire(lake)
    assert done["files_left_alone"] == 1 and files_below(lake, "replaced") == kept[:1]


def test_a_file_of_another_size_is_left_alone(lake):
    prune(lake)
    kept = files_below(lake, "replaced")
    kept[0].write_bytes(b"somebody's own")
    done = expire(lake)
    assert done["files_left_alone"] == 1 and files_below(lake, "replaced") == kept[:1]
    do("expire", lake, "--older-than", "0s").says("are not what they were, and stay")


def test_what_a_rebuild_forgot_is_deleted(lake):
    prune(lake)
    assert files_below(lake, "replaced")
    for name in ("catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"):
        (lake / "_lake" / name).unlink(missing_ok=True)
    do("rebuild", lake)
    mine = lake / "_lake" / "replaced" / "note.txt"
    mine.write_text("mine")
    assert expire(lake)["files_deleted"] > 5
    assert files_below(lake, "replaced") == [mine]
    compare(lake, first_covered(lake))


def test_a_catalog_that_is_older_than_its_files_deletes_nothing(lake, tmp_path, servers):
    old = tmp_path / "old"
    old.mkdir()
    shutil.copytree(lake / "_lake", old / "_lake")
    do("prune", lake, "--before-ledger", CUT)
    do("repair", lake, LAST - 20, LAST)
    process.run(lake, servers[RECORDING.name], FIRST, LAST, schema_version="1.1.0")
    kept = files_below(lake, "replaced")
    for name in ("catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"):
        (lake / "_lake" / name).unlink(missing_ok=True)
    shutil.copy(old / "_lake" / "catalog.sqlite", lake / "_lake")
    do("expire", lake, "--older-than", "0s", status=2).says("older than its files")
    assert files_below(lake, "replaced") == kept


def test_a_file_of_a_forgotten_commit_that_is_put_back_is_no_newer_file(lake, tmp_path, servers):
    """As before it was forgotten: `verify` names it, and a run goes on."""
    path = reading.data_files(lake)[0]
    shutil.copy(path, tmp_path / "kept.parquet")
    prune(lake)
    assert not path.exists() and expire(lake)["commits_forgotten"] > 0
    shutil.copy(tmp_path / "kept.parquet", path)
    process.run(lake, servers[RECORDING.name], FIRST, LAST, schema_version="1.1.0")
    do("verify", lake, status=3).says(re.escape(path.name))


# ---- beside others -------------------------------------------------------------------------------

def test_deletion_waits_for_a_running_backup(lake):
    prune(lake)
    kept = files_below(lake, "replaced")
    with open(lake / "_lake" / "backup", "w+") as lock:
        fcntl.lockf(lock, fcntl.LOCK_SH)
        done = expire(lake)
        assert done["snapshots_left"] == 1 and done["files_deleted"] == 0
        assert done["files_waiting"] == len(kept) and "a backup" in done["waiting_for"]
        do("expire", lake, "--older-than", "0s").says("wait: a backup of the lake is running")
        assert files_below(lake, "replaced") == kept
    assert expire(lake)["files_deleted"] == 0  # by its recovery
    assert not files_below(lake, "replaced")


def test_a_run_keeps_expire_away_but_for_a_dry_one(lake, servers):
    with process.run_background(lake, servers[RECORDING.name], LAST - 1,
                                schema_version="1.1.0") as running:
        running.wait_for_text("connected")
        do("expire", lake, "--older-than", "0s", status=2).says("snapshot_retention")
        do("expire", lake, "--older-than", "0s", "--dry-run").says("would end")


def test_a_reader_beside_it_goes_on(lake):
    prune(lake)
    expected = len(truth.truth_rows([RECORDING], first_covered(lake), LAST))
    with reading.attached(lake) as connection:
        count = "SELECT count(amount || '') FROM lake.ttp_events"
        assert connection.execute(count).fetchall() == [(expected,)]
        expire(lake)
        assert connection.execute(count).fetchall() == [(expected,)]


def test_how_old_is_said_by_a_flag_or_an_option(lake):
    do("expire", lake, status=2).says("which snapshots are old", "snapshot-retention")
    do("expire", lake, "--older-than", "soon", status=2).says("no duration such as")
    set_times(lake)
    newest = snapshots(lake)[-1]
    do("expire", lake, "--snapshot-retention", "48h").says("ended")
    assert snapshots(lake) == [newest - 2, newest - 1, newest]
    do("expire", lake, "--older-than", "48h").says("nothing to expire")
    process.execute("expire", "--output-path", lake.parent / "none", "--older-than", "1h"
                    ).expect(2).says("there is no lake")


# ---- kills ---------------------------------------------------------------------------------------

@pytest.mark.campaign
def test_a_kill_at_any_moment_loses_nothing_and_is_finished(made, tmp_path, servers, part):
    lake = copy_of(made, tmp_path / "pruned")
    refetched(lake, servers)
    prune(lake)
    first = first_covered(lake)
    for attempt in part(range(12)):
        copy = copy_of(lake, tmp_path / f"lake{attempt}")
        with process.Background("expire", "--output-path", copy, "--older-than", "0s") as running:
            time.sleep(0.003 * attempt)
            running.stop(signal.SIGKILL)
        assert json.loads(do("verify", copy, "--json").stdout)["ok"]
        expire(copy)
        assert snapshots(copy)[1:] == []
        assert not files_below(copy, "replaced") and not files_below(copy, "damaged")
        compare(copy, first)
        assert reading.catalog_query(copy, "SELECT count(*) FROM ttp_doomed") == [(0,)]
        shutil.rmtree(copy)
