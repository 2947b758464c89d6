# SPDX-License-Identifier: Apache-2.0
"""`backup` copies a lake into a folder, beside whatever else goes on, to a lake of its own."""

import json
import os
import random
import re
import shutil
import time

import pytest

from harness import lake as reading
from harness import process, truth, watching

RECORDING = truth.TESTNET
FIRST, LAST = RECORDING.first, RECORDING.last
MIDDLE = FIRST + 80
KEYS = ["lake_path", "destination", "data_path", "lake_id", "first", "link", "mirror", "dry_run",
        "snapshot_id", "commit_no", "seconds", "files", "bytes", "copied_files", "copied_bytes",
        "left_out_files", "left_out_bytes", "left_files", "left_bytes", "removed_files",
        "removed_bytes", "notes"]


@pytest.fixture
def made(lake, servers):
    """A lake of some commits, with the first ledgers in it."""
    run(lake, servers, FIRST, MIDDLE)
    return lake


@pytest.fixture
def copy(tmp_path):
    return tmp_path / "copy"


def run(lake, servers, *ledgers, **options):
    options = {"schema_version": "1.1.0", "max_file_size": "8KiB",
               "partitioning_scheme": "date_hour", **options}
    return process.run(lake, servers[RECORDING.name], *ledgers, **options)


def backup(lake, copy, *arguments, status=0):
    return process.execute("backup", copy, "--output-path", lake, *arguments).expect(status)


def backup_json(lake, copy, *arguments):
    report = json.loads(backup(lake, copy, "--json", *arguments).stdout)
    assert list(report) == KEYS
    return report


def verify(lake):
    process.execute("verify", "--deep", "--output-path", lake).expect(0)


def rows_of(first, last):
    return truth.truth_rows([RECORDING], first, last)


def check(copy, first=FIRST, last=LAST):
    """It is a lake for every reader, and holds these ledgers."""
    verify(copy)
    reading.assert_nothing_left(copy)
    reading.compare_lake_with_truth(copy, [RECORDING], "1.1.0", rows=rows_of(first, last))
    assert reading.coverage(copy) == [(first, last)]


def test_a_backup_is_a_lake_that_outlives_the_one_it_is_of(made, copy):
    backup(made, copy).says(f"backed up {made} to {copy}: snapshot", "copied: ")
    shutil.rmtree(made)
    check(copy, FIRST, MIDDLE)


def test_the_next_one_copies_only_what_is_new(made, copy, servers):
    first = backup_json(made, copy)
    assert first["first"] and first["copied_files"] == first["files"]
    run(made, servers, FIRST, LAST)
    second = backup_json(made, copy)
    assert not second["first"]
    assert second["copied_files"] == second["files"] - first["files"] > 0
    assert backup_json(made, copy)["copied_files"] == 0
    check(copy)
    check(made)


def test_links_need_no_room_and_are_not_the_lakes_to_change(made, copy):
    assert backup_json(made, copy, "--link")["link"]
    for path in reading.data_files(made):
        assert path.stat().st_nlink == 2
    assert not [path for path in (copy / "_lake").rglob("*")
                if path.is_file() and path.stat().st_nlink > 1]
    check(copy, FIRST, MIDDLE)
    path = str(reading.data_files(made)[0])
    os.unlink(path)
    check(copy, FIRST, MIDDLE)


def test_a_run_goes_on_in_a_backup(made, copy, servers):
    backup(made, copy)
    run(copy, servers, FIRST, LAST)
    check(copy)
    check(made, FIRST, MIDDLE)


def test_readers_may_see_it_under_another_path(made, copy):
    report = backup_json(made, copy, "--reader-data-path", "/mnt//copy")
    assert report["data_path"] == "/mnt/copy/"
    verify(copy)
    (path,), = reading.catalog_query(
        copy, "SELECT value FROM ducklake_metadata WHERE key = 'data_path'")
    assert path == "/mnt/copy/"
    configuration = copy.parent / "config.json"
    configuration.write_text(json.dumps({"output": {"reader_data_path": "/mnt/lake"}}))
    assert backup_json(made, copy, "--config", configuration)["data_path"] == f"{copy}/"


def test_the_lake_tells_of_its_last_backup(made, copy, servers, processes):
    def status():
        return json.loads(process.execute("status", "--json", "--output-path", made).expect(0)
                          .stdout)["backups"]
    assert status() == []
    assert "last backup" not in process.execute("status", "--output-path", made).stdout
    going = processes(watching.Watched(made, servers[RECORDING.name], FIRST, 0,
                                       schema_version="1.1.0"))
    going.wait_for_health(lambda health: health.json["coverage"], "its lake")
    assert "\nttp_last_backup_timestamp_seconds " not in going.ask("/metrics").text
    report = backup_json(made, copy)
    backup, = status()
    assert list(backup) == ["destination", "ended_at", "snapshot_id", "commit_no", "files", "bytes"]
    assert backup["destination"] == str(copy) and backup["snapshot_id"] == report["snapshot_id"]
    process.execute("status", "--output-path", made).expect(0).says("last backup", str(copy))
    assert abs(going.metrics()["ttp_last_backup_timestamp_seconds"] - time.time()) < 3600
    page = going.ask("/").text
    assert "Care of the lake" in page and str(copy) in page
    going.stop()


def test_a_dry_run_says_what_would_be_done(made, copy, servers):
    report = backup_json(made, copy, "--dry-run")
    assert report["copied_files"] == report["files"] > 0
    assert not copy.exists()
    backup(made, copy)
    run(made, servers, FIRST, LAST)
    backup(made, copy, "--dry-run").says("would back up", "would be")
    check(copy, FIRST, MIDDLE)


# ---- what is refused -----------------------------------------------------------------------------

def test_what_can_be_no_backup_is_refused(made, copy, tmp_path, servers):
    process.execute("backup", "--output-path", made).expect(2).says("backup needs the folder")
    backup(tmp_path / "nothing", copy, status=2).says("there is no lake in")
    backup(made, made / "copy", status=2).says("lies in, or holds the lake")
    backup(made, made.parent, status=2).says("lies in, or holds the lake")
    backup(made, "s3://bucket/lake", status=2).says("can't hold the copy's catalog")
    backup(made, copy, "--catalog", f"sqlite:{copy}.sqlite", status=2).says("leave out --catalog")
    copy.mkdir()
    (copy / "notes.txt").write_text("mine")
    backup(made, copy, status=2).says("is not empty", "notes.txt")
    other = tmp_path / "other"
    run(other, servers, FIRST, MIDDLE)
    backup(made, other, status=2).says("holds another lake")
    assert not (made / "_lake" / "backups.json").exists()


def test_a_backup_in_which_a_run_went_on_or_goes_on_is_refused(made, copy, servers):
    backup(made, copy)
    with process.run_background(copy, servers[RECORDING.name], FIRST, 0,
                                schema_version="1.1.0") as going:
        going.wait_for(lambda: f"pid {going.process.pid} " in (copy / "_lake" / "lock").read_text(),
                       "the lock")
        backup(made, copy, status=2).says(f"is locked by pid {going.process.pid}")
        going.stop()
    run(copy, servers, FIRST, LAST)
    backup(made, copy, status=2).says("that the lake has not")
    check(copy)


def test_a_damaged_file_is_named_and_the_old_backup_stays(made, copy, servers):
    backup(made, copy)
    run(made, servers, FIRST, LAST)
    path = reading.data_files(made)[-1]
    content = bytearray(path.read_bytes())
    content[100] ^= 0xFF
    path.write_bytes(content)
    backup(made, copy, status=1).says(path.name, "is damaged")
    reading.compare_lake_with_truth(copy, [RECORDING], "1.1.0", rows=rows_of(FIRST, MIDDLE))
    verify(copy)
    process.execute("repair", "--output-path", made)
    run(made, servers, FIRST, LAST)
    backup(made, copy)
    check(copy)


# ---- what left the lake --------------------------------------------------------------------------

def test_what_left_the_lake_is_set_aside_and_a_mirror_removes_it(made, copy, servers):
    run(made, servers, FIRST, LAST)
    backup(made, copy)
    process.execute("repair", str(FIRST), str(FIRST), "--output-path", made).expect(0)
    run(made, servers, FIRST, LAST)
    kept = backup_json(made, copy)
    assert kept["left_files"] > 0 and kept["removed_files"] == 0
    check(copy)
    aside = [path for path in (copy / "_lake" / "replaced").rglob("*") if path.is_file()]
    assert len(aside) == kept["left_files"]
    (copy / "mine.parquet").write_bytes(b"a stranger's")
    backup(made, copy, "--mirror").says(f"removed: {kept['left_files']} file")
    assert (copy / "mine.parquet").exists()
    (copy / "mine.parquet").unlink()
    assert not [path for path in (copy / "_lake" / "replaced").rglob("*") if path.is_file()]
    check(copy)


def test_what_duckdb_users_did_is_in_the_backup(made, copy):
    before = reading.catalog_query(made, "SELECT max(snapshot_id) FROM ducklake_snapshot")[0][0]
    reading.duckdb_execute(
        made, "CREATE TABLE lake.labels(name VARCHAR)",
        "INSERT INTO lake.labels SELECT 'label ' || i FROM range(1000) t(i)",
        f"DELETE FROM lake.ttp_events WHERE ledger_sequence = {MIDDLE}",
        "CALL lake.merge_adjacent_files()")
    backup(made, copy)
    shutil.rmtree(made)
    with reading.attached(copy) as connection:
        labels, = connection.execute("SELECT count(*) FROM lake.labels").fetchone()
        rows, = connection.execute("SELECT count(*) FROM lake.ttp_events").fetchone()
        then, = connection.execute(
            f"SELECT count(*) FROM lake.ttp_events AT (VERSION => {before})").fetchone()
    assert labels == 1000
    assert then == len(rows_of(FIRST, MIDDLE)) and rows == len(rows_of(FIRST, MIDDLE - 1))
    report = json.loads(process.execute("verify", "--deep", "--json", "--output-path", copy).stdout)
    assert {problem["kind"] for problem in report["problems"]} == {"changed_by_others"}


def test_files_that_were_registered_from_elsewhere_come_along(made, copy, tmp_path, servers):
    source = tmp_path / "other"
    run(source, servers, MIDDLE + 1, LAST)
    elsewhere = tmp_path / "elsewhere"
    files = [elsewhere / path.relative_to(source) for path in reading.data_files(source)]
    for path in files:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / path.relative_to(elsewhere), path)
    reading.duckdb_execute(made, *(
        f"CALL ducklake_add_data_files('lake', 'ttp_events', '{path}', hive_partitioning => true)"
        for path in files))
    backup(made, copy)
    shutil.rmtree(made)
    shutil.rmtree(elsewhere)
    reading.assert_same(reading.read_attached(copy, "1.1.0"),
                        truth.expected_rows(rows_of(FIRST, LAST), "1.1.0"), "DuckDB, ducklake")
    assert len(list((copy / "_lake" / "external").iterdir())) == len(files)


def test_pruned_and_compacted_lakes_are_backed_up_with_what_older_snapshots_need(made, copy,
                                                                                 servers):
    run(made, servers, FIRST, LAST)
    backup(made, copy)
    before, = reading.catalog_query(made, "SELECT max(snapshot_id) FROM ducklake_snapshot")[0]
    process.execute("prune", "--before-ledger", str(MIDDLE), "--output-path", made).expect(0)
    retired = [path for path in (made / "_lake" / "replaced").rglob("*") if path.is_file()]
    assert retired
    report = backup_json(made, copy)
    assert report["removed_files"] == len(retired), "the copy has them under their new names now"
    assert report["left_files"] == 0
    shutil.rmtree(made)
    verify(copy)
    (first, last), = reading.coverage(copy)
    assert first > FIRST and last == LAST
    reading.compare_lake_with_truth(copy, [RECORDING], "1.1.0", rows=rows_of(first, last))
    with reading.attached(copy) as connection:
        then, = connection.execute(
            f"SELECT count(*) FROM lake.ttp_events AT (VERSION => {before})").fetchone()
    assert then == len(rows_of(FIRST, LAST))


def test_a_compacted_lake_is_one_in_its_backup_too(made, copy, servers):
    run(made, servers, FIRST, LAST)
    backup(made, copy)
    files = len(reading.data_files(made))
    process.execute("compact", "--partition", "year=2022", "--output-path", made).expect(0)
    assert len(reading.data_files(made)) < files
    report = backup_json(made, copy)
    assert report["copied_files"] > 0 and report["left_files"] == 0
    check(copy)
    shutil.rmtree(made)
    check(copy)


def test_what_expired_in_the_lake_leaves_the_backup_too(made, copy, servers):
    run(made, servers, FIRST, LAST)
    backup(made, copy)
    process.execute("prune", "--before-ledger", str(MIDDLE), "--output-path", made).expect(0)
    process.execute("expire", "--older-than", "1us", "--output-path", made).expect(0)
    assert not [path for path in (made / "_lake" / "replaced").rglob("*") if path.is_file()]
    kept = backup_json(made, copy)
    assert kept["left_files"] > 0
    assert backup_json(made, copy, "--mirror")["removed_files"] == kept["left_files"]
    assert not [path for path in (copy / "_lake" / "replaced").rglob("*") if path.is_file()]
    (first, last), = reading.coverage(copy)
    reading.compare_lake_with_truth(copy, [RECORDING], "1.1.0", rows=rows_of(first, last))
    verify(copy)
    run(copy, servers, FIRST, LAST)
    verify(copy)


# ---- beside others -------------------------------------------------------------------------------

@pytest.fixture
def live(lake, processes):
    """A lake that a run goes on in, ledger by ledger, from a server that misbehaves."""
    faults = lake.parent / "faults"
    faults.write_text(f"ledger={FIRST + 30} status=INTERNAL count=1\nledger={FIRST + 70} reset\n")
    server = processes(process.Replay([RECORDING.events], "--live", "--pace", "30ms", "--fault",
                                      faults))
    return processes(process.run_background(
        lake, server.endpoint, FIRST, 0, schema_version="1.1.0", max_file_age="1s",
        flush_interval="100ms"))


def covered(lake):
    """[] as long as the lake is only being made."""
    status = process.execute("status", "--json", "--output-path", lake)
    ranges = json.loads(status.stdout)["coverage"] if status.status == 0 else []
    return [(entry["first"], entry["last"]) for entry in ranges]


def test_backups_beside_a_live_run_hold_whole_commits_each(live, lake, copy):
    live.wait_for(lambda: covered(lake), "the first commit")
    seen = set()
    while True:
        backup(lake, copy)
        (first, last), = reading.coverage(copy)
        assert first == FIRST
        seen.add(last)
        verify(copy)
        reading.assert_same(reading.read_attached(copy, "1.1.0"),
                            truth.expected_rows(rows_of(FIRST, last), "1.1.0"), "the backup")
        if last >= LAST - 1:
            break
        live.wait_for(lambda: covered(lake)[-1][1] > last, "another commit")
    assert len(seen) > 2
    live.stop()
    backup(lake, copy)
    check(copy, FIRST, covered(lake)[-1][1])


def test_readers_of_the_backup_are_not_disturbed_by_the_next_one(made, copy, servers):
    backup(made, copy)
    run(made, servers, FIRST, LAST)
    with reading.duckdb_connection() as connection:
        connection.execute(f"ATTACH 'ducklake:sqlite:{reading.catalog_path(copy)}' AS lake")
        connection.execute("BEGIN")
        before = connection.execute("SELECT count(*) FROM lake.ttp_events").fetchone()
        backup(made, copy)
        assert connection.execute("SELECT count(*) FROM lake.ttp_events").fetchone() == before
        connection.execute("COMMIT")
        after, = connection.execute("SELECT count(*) FROM lake.ttp_events").fetchone()
    assert after == len(rows_of(FIRST, LAST))
    check(copy)


@pytest.mark.parametrize("options", [(), ("--link",), ("--mirror",)])
def test_a_backup_that_is_killed_again_and_again_ends_whole(made, copy, servers, options):
    """At moments that are drawn; at each operation: tests/unit/care/test_backup.c."""
    draw = random.Random(str(options))
    for round_number in range(12):
        with process.Background("backup", copy, "--output-path", made, *options) as going:
            limit = draw.uniform(0, 0.15)
            try:
                going.process.wait(limit)
            except Exception:
                going.process.kill()
            going.process.wait()
        if (copy / "_lake" / "catalog.sqlite").exists():
            verify(copy)
        if round_number == 6:
            process.execute("repair", str(FIRST), str(FIRST), "--output-path", made).expect(0)
            run(made, servers, FIRST, LAST)
    backup(made, copy, *options)
    check(copy)


# ---- restoring -----------------------------------------------------------------------------------

DRILLS = dict(re.findall(r"^```sh (drill\S*)\n(.*?)^```$",
                         (process.ROOT / "docs" / "OPERATIONS.md").read_text(), re.M | re.S))


def drill(name, lake, copy):
    """Runs the commands that docs/OPERATIONS.md prints, with these folders."""
    for line in DRILLS[name].splitlines():
        words = line.replace("/data/lake", str(lake)).replace("/backups/lake", str(copy)).split()
        if words[0] == "mv":
            shutil.move(*words[1:])
        else:
            assert words[0] == "parquet-consumer"
            process.execute(*words[1:]).expect(0)


def test_the_drill_a_lost_lake_is_restored_from_its_backup(made, copy, servers):
    backup(made, copy)
    run(made, servers, FIRST, LAST)
    drill("drill", made, copy)
    check(made, FIRST, MIDDLE)
    check(copy, FIRST, MIDDLE)
    run(made, servers, FIRST, LAST)
    check(made)
    backup(made, copy)
    check(copy)


def test_the_drill_a_catalog_is_lost_and_no_older_one_takes_its_place(made, copy, servers):
    backup(made, copy)
    run(made, servers, FIRST, LAST)
    for part in ("", "-wal", "-shm"):
        (made / "_lake" / f"catalog.sqlite{part}").unlink(missing_ok=True)
    shutil.copy(copy / "_lake" / "catalog.sqlite", made / "_lake")
    run(made, servers, FIRST, LAST, status=2).says("the catalog of .* is older than its files",
                                                   "rebuild")
    drill("drill-catalog", made, copy)
    run(made, servers, FIRST, LAST)
    check(made)
