# SPDX-License-Identifier: Apache-2.0
"""`prune` takes old commits out of the lake for good: their ledgers are no hole and are not asked
for again, older snapshots still read them, and a rebuilt catalog does not bring them back."""

import fcntl
import json
import shutil
import signal
import time

import pytest

from harness import lake as reading
from harness import process, truth

RECORDING = truth.TESTNET
FIRST, LAST = RECORDING.first, RECORDING.last
CUT = FIRST + 80


@pytest.fixture(scope="module")
def made(tmp_path_factory, servers):
    """A lake of commits of a few ledgers each."""
    lake = tmp_path_factory.mktemp("prune") / "lake"
    process.run(lake, servers[RECORDING.name], FIRST, LAST, schema_version="1.1.0",
                max_file_size="1KiB", batch_size=1)
    assert len(reading.data_files(lake)) > 20
    return lake


@pytest.fixture
def lake(made, tmp_path):
    copy = shutil.copytree(made, tmp_path / "lake")
    process.execute("relocate", "--output-path", copy).expect(0)
    return copy


def prune(lake, *arguments, status=0):
    return process.execute("prune", "--output-path", lake, *arguments).expect(status)


def prune_json(lake, *arguments):
    return json.loads(prune(lake, "--json", *arguments).stdout)


def verify(lake, *arguments, status=0):
    return json.loads(process.execute("verify", "--output-path", lake, "--json", *arguments)
                      .expect(status).stdout)


def status(lake):
    return json.loads(process.execute("status", "--output-path", lake, "--json").expect(0).stdout)


def rows_from(first, last=LAST):
    return truth.expected_rows(truth.truth_rows([RECORDING], first, last), "1.1.0")


def compare(lake, first, last=LAST):
    """Through the catalog, and through the bare folder."""
    expected = rows_from(first, last)
    reading.assert_same(reading.read_attached(lake, "1.1.0"), expected, "DuckLake")
    reading.assert_same(reading.read_glob(lake, "1.1.0", "date_hour"), expected, "the folder")


def first_covered(lake):
    return reading.coverage(lake)[0][0]


def kept_files(lake):
    return sorted(path for path in (lake / "_lake" / "replaced").rglob("*") if path.is_file())


def test_old_commits_leave_whole_and_are_no_hole(lake):
    before = set(reading.data_files(lake))
    report = prune_json(lake, "--before-ledger", CUT)
    first = first_covered(lake)
    assert FIRST < first <= CUT and report["ledgers"] == [{"first": FIRST, "last": first - 1}]
    assert report["commits"] > 5 and report["files"] == len(before) - len(reading.data_files(lake))
    assert report["rows"] == len(rows_from(FIRST, first - 1)) and report["tied_commits"] == 0
    compare(lake, first)
    assert len(kept_files(lake)) == report["files"]
    assert all(path.name.endswith(".parquet.replaced") for path in kept_files(lake))
    found = verify(lake, "--deep")
    assert found["ok"] and any("pruned" in note for note in found["notes"])
    told = status(lake)
    assert told["pruned"] == report["ledgers"] and told["gaps"] == []
    assert prune_json(lake, "--before-ledger", CUT)["commits"] == 0


def test_a_dry_run_says_the_same_and_changes_nothing(lake):
    told = prune_json(lake, "--before-ledger", CUT, "--dry-run")
    assert told["snapshot_id"] is None and not kept_files(lake)
    compare(lake, FIRST)
    done = prune_json(lake, "--before-ledger", CUT)
    assert {**told, "dry_run": False, "snapshot_id": done["snapshot_id"]} == done


def test_older_snapshots_still_read_what_was_pruned(lake):
    report = prune_json(lake, "--before-ledger", CUT)
    with reading.attached(lake) as connection:
        (count,), = connection.execute(
            "SELECT count(*), FROM lake.ttp_events AT (VERSION => %d) WHERE amount IS NOT NULL"
            % (report["snapshot_id"] - 1)).fetchall()
    assert count == len(rows_from(FIRST))


def test_a_run_skips_pruned_ledgers_and_fetches_them_when_told_to(lake, servers):
    prune(lake, "--before-ledger", CUT)
    first = first_covered(lake)
    finished = process.run(lake, servers[RECORDING.name], FIRST, LAST, schema_version="1.1.0")
    assert "were pruned and are not fetched" in finished.output
    assert first_covered(lake) == first
    planned = process.run(lake, servers[RECORDING.name], FIRST, LAST, "--dry-run",
                          schema_version="1.1.0")
    assert f"{FIRST}-{first - 1}" in planned.stdout and "nothing" in planned.stdout
    process.run(lake, servers[RECORDING.name], FIRST, FIRST + 9, "--include-pruned",
                schema_version="1.1.0")
    assert reading.coverage(lake) == [(FIRST, FIRST + 9), (first, LAST)]
    assert status(lake)["gaps"] == []
    process.run(lake, servers[RECORDING.name], FIRST, LAST, "--include-pruned",
                schema_version="1.1.0")
    compare(lake, FIRST)
    assert verify(lake, "--deep")["ok"] and status(lake)["pruned"] == []


def test_include_pruned_wants_both_ends(lake, servers):
    process.run(lake, servers[RECORDING.name], FIRST, "--include-pruned", schema_version="1.1.0",
                status=2).says("name both")


def test_a_rebuilt_catalog_does_not_bring_them_back(lake, servers):
    prune(lake, "--before-ledger", CUT)
    first = first_covered(lake)
    for name in ("catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"):
        (lake / "_lake" / name).unlink(missing_ok=True)
    process.execute("rebuild", "--output-path", lake).expect(0)
    assert status(lake)["pruned"] == [{"first": FIRST, "last": first - 1}]
    compare(lake, first)
    finished = process.run(lake, servers[RECORDING.name], FIRST, LAST, schema_version="1.1.0")
    assert "were pruned and are not fetched" in finished.output
    compare(lake, first)


def test_age_counts_from_the_newest_ledger(lake):
    """Of 2022 all are, and by the clock of today each would be old."""
    assert prune_json(lake, "--older-than", "1h")["commits"] == 0
    report = prune_json(lake, "--older-than", "5m")
    assert report["commits"] > 0
    times = [row["timestamp_us"] for row in truth.truth_rows([RECORDING])]
    first = first_covered(lake)
    gone = [row["timestamp_us"] for row in truth.truth_rows([RECORDING], FIRST, first - 1)]
    assert max(gone) < max(times) - 300 * 10**6
    compare(lake, first)


def test_an_option_is_the_cut_where_no_flag_is(lake):
    prune(lake, status=2).says("what is old?")
    prune(lake, "--before-ledger", CUT, "--older-than", "1h", status=2).says("one cut")
    prune(lake, "--before", "1410050", status=2).says("no time")
    prune(lake, "--older-than", "soon", status=2).says("no duration")
    prune(lake, "--before-ledger", "0", status=2).says("no ledger number")
    assert prune_json(lake, "--retention", "1h")["commits"] == 0
    day = prune_json(lake, "--before", "2022-06-11")
    assert day["commits"] > 0 and reading.coverage(lake) == []


def test_everything_pruned_is_gone_on_with(lake, servers):
    prune(lake, "--before-ledger", LAST + 1)
    assert reading.coverage(lake) == [] and status(lake)["rows"] == 0
    assert verify(lake, "--deep")["ok"]
    process.run(lake, servers[RECORDING.name], FIRST, LAST, schema_version="1.1.0").says(
        "were pruned")
    assert reading.coverage(lake) == []


def test_a_run_keeps_prune_away_but_for_a_dry_one(lake, servers):
    with process.run_background(lake, servers[RECORDING.name], LAST - 1,
                                schema_version="1.1.0") as running:
        running.wait_for_text("connected")
        prune(lake, "--before-ledger", CUT, status=2).says("retention")
        prune(lake, "--before-ledger", CUT, "--dry-run").says("would prune")


def test_files_move_only_when_no_backup_runs(lake):
    with open(lake / "_lake" / "backup", "w+") as lock:
        fcntl.lockf(lock, fcntl.LOCK_SH)
        prune(lake, "--before-ledger", CUT).says("pruned")
        assert not kept_files(lake)
        expected = rows_from(first_covered(lake))
        reading.assert_same(reading.read_attached(lake, "1.1.0"), expected, "DuckLake")
        assert verify(lake)["ok"]
    prune(lake, "--before-ledger", CUT).says("nothing to prune")
    assert kept_files(lake)
    compare(lake, first_covered(lake))


def test_a_program_that_does_not_know_of_pruning_stays_away(lake):
    prune(lake, "--before-ledger", CUT)
    assert json.loads((lake / "_lake" / "lake.json").read_text())["layout_version"] == 2
    assert reading.catalog_query(
        lake, "SELECT value FROM ttp_lake WHERE key = 'layout_version'") == [("2",)]


@pytest.mark.campaign
def test_a_kill_at_any_moment_leaves_all_or_nothing(made, tmp_path, part):
    for attempt in part(range(12)):
        lake = shutil.copytree(made, tmp_path / f"lake{attempt}")
        process.execute("relocate", "--output-path", lake).expect(0)
        with process.Background("prune", "--output-path", lake, "--before-ledger", CUT) as running:
            time.sleep(0.004 * attempt)
            running.stop(signal.SIGKILL)
        first = first_covered(lake)
        assert first == FIRST or first > FIRST + 60
        prune(lake, "--before-ledger", CUT)
        compare(lake, first_covered(lake))
        assert verify(lake, "--deep")["ok"]
        assert len(kept_files(lake)) > 0
