# SPDX-License-Identifier: Apache-2.0
"""`repair` takes damaged commits out of the lake, whole, and deletes nothing; the next run of the
ranges it names makes the lake true again."""

import json
import re
import shlex
import shutil

import pytest

from harness import lake as reading
from harness import process, truth

RECORDING = truth.PUBNET63
FIRST, LAST = RECORDING.first, RECORDING.last


@pytest.fixture(scope="module")
def made(tmp_path_factory, servers):
    """A lake of a commit a ledger."""
    lake = tmp_path_factory.mktemp("repair") / "lake"
    process.run(lake, servers[RECORDING.name], FIRST, LAST, schema_version="1.1.0",
                max_file_size="1KiB", batch_size=1)
    assert len(reading.data_files(lake)) == LAST - FIRST + 1
    return lake


@pytest.fixture
def lake(made, tmp_path):
    return shutil.copytree(made, tmp_path / "lake")


def repair(lake, *arguments, status=0):
    return process.execute("repair", "--output-path", lake, *arguments).expect(status)


def verify(lake, *arguments, status=0):
    return json.loads(process.execute("verify", "--output-path", lake, "--json", *arguments)
                      .expect(status).stdout)


def commands(finished):
    """The runs it asks for, as (START, END)."""
    found = []
    for line in finished.stdout.splitlines():
        if line.startswith("  parquet-consumer run "):
            words = shlex.split(line)
            assert words[2] == "--output-path"
            found.append((int(words[-2]), int(words[-1])))
    return found


def by_ledger(lake):
    """{ledger: its file}, of a lake with a commit a ledger."""
    return {first: lake / path for path, first in reading.catalog_query(
        lake, "SELECT path, first_ledger FROM ttp_commit_files JOIN ducklake_data_file"
              " USING (path) WHERE end_snapshot IS NULL")}


def damage(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)


def fetch_again(lake, endpoint, ranges):
    for first, last in ranges:
        process.run(lake, endpoint, first, last, schema_version="1.1.0")


def test_there_is_nothing_to_repair_in_a_whole_lake(lake):
    before = reading.catalog_query(lake, "SELECT max(snapshot_id) FROM ducklake_snapshot")
    assert repair(lake).stdout == "nothing to repair\n"
    assert repair(lake, "--unconfirmed").says("nothing to repair")
    assert reading.catalog_query(lake, "SELECT max(snapshot_id) FROM ducklake_snapshot") == before


def test_no_lake_at_all_is_a_mistake_of_the_call(tmp_path):
    repair(tmp_path, status=2).says("no lake", "output-path")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["damaged", "missing", "truncated"])
def test_a_damaged_commit_is_fetched_again_and_nothing_is_deleted(lake, servers, kind):
    path = by_ledger(lake)[FIRST + 1]
    if kind == "damaged":
        damage(path)
    elif kind == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:1000])
    kept = None if kind == "missing" else path.read_bytes()
    finished = repair(lake)
    assert commands(finished) == [(FIRST + 1, FIRST + 1)]
    aside = [file for file in (lake / "_lake" / "damaged").rglob("*") if file.is_file()]
    if kept is None:
        assert not aside
    else:
        [moved] = aside
        assert moved.name.endswith(".parquet.damaged") and moved.read_bytes() == kept
        finished.says(re.escape(str(path.relative_to(lake))))
    assert not path.exists()
    assert reading.coverage(lake) == [(FIRST, FIRST), (FIRST + 2, LAST)]
    report = verify(lake, "--deep")   # whole, with a hole
    assert report["rows"] == len([row for row in truth.truth_rows([RECORDING])
                                  if row["ledger_sequence"] != FIRST + 1])
    rows = [row for row in truth.truth_rows([RECORDING]) if row["ledger_sequence"] != FIRST + 1]
    reading.compare_lake_with_truth(lake, [RECORDING], "1.1.0", rows=rows)

    fetch_again(lake, servers[RECORDING.name], commands(finished))
    reading.compare_lake_with_truth(lake, [RECORDING], "1.1.0")
    assert verify(lake, "--deep")["coverage"] == [{"first": FIRST, "last": LAST}]


def test_several_damaged_commits_leave_in_one_snapshot(lake, servers):
    files = by_ledger(lake)
    for ledger in (FIRST, FIRST + 1, LAST):
        damage(files[ledger])
    (before,), = reading.catalog_query(lake, "SELECT max(snapshot_id) FROM ducklake_snapshot")
    finished = repair(lake)
    (after,), = reading.catalog_query(lake, "SELECT max(snapshot_id) FROM ducklake_snapshot")
    assert after == before + 1
    assert commands(finished) == [(FIRST, FIRST + 1), (LAST, LAST)]
    fetch_again(lake, servers[RECORDING.name], commands(finished))
    reading.compare_lake_with_truth(lake, [RECORDING], "1.1.0")
    verify(lake, "--deep")


def test_a_commit_of_several_files_leaves_as_a_whole(tmp_path, servers):
    """Of the ledgers of one commit all are taken out, though one file only is damaged."""
    lake = tmp_path / "lake"
    process.run(lake, servers[RECORDING.name], FIRST, LAST, schema_version="1.1.0",
                partitioning_scheme="date_hour_type")
    files = reading.data_files(lake)
    assert len(files) > 3
    damage(files[1])
    finished = repair(lake)
    assert commands(finished) == [(FIRST, LAST)]
    assert not reading.data_files(lake)
    assert len(list((lake / "_lake" / "damaged").rglob("*.parquet.damaged"))) == len(files)
    process.run(lake, servers[RECORDING.name], FIRST, LAST, schema_version="1.1.0",
                partitioning_scheme="date_hour_type")
    reading.compare_lake_with_truth(lake, [RECORDING], "1.1.0", scheme="date_hour_type")


def test_repaired_twice_keeps_both_damaged_files(lake, servers):
    for _ in range(2):
        damage(by_ledger(lake)[LAST])
        fetch_again(lake, servers[RECORDING.name], commands(repair(lake)))
    assert len(list((lake / "_lake" / "damaged").rglob("*.damaged"))) == 2
    reading.compare_lake_with_truth(lake, [RECORDING], "1.1.0")


def test_a_dry_run_only_says_what_would_be_done(lake):
    path = by_ledger(lake)[FIRST]
    damage(path)
    before = {file: file.read_bytes() for file in lake.rglob("*")
              if file.is_file() and not file.name.endswith(("-wal", "-shm"))
              and file.name != "lock"}
    finished = repair(lake, "--dry-run").says("would be taken out")
    assert commands(finished) == [(FIRST, FIRST)]
    assert before == {file: file.read_bytes() for file in before}
    assert reading.coverage(lake) == [(FIRST, LAST)]


def test_what_only_deep_finds_only_deep_repairs(lake, servers):
    reading.catalog_execute(lake, "UPDATE ttp_commits SET digest_contents = digest_chain"
                                  " WHERE commit_no = 2")
    repair(lake).says("nothing to repair")
    finished = repair(lake, "--deep")
    assert commands(finished) == [(FIRST + 1, FIRST + 1)]
    fetch_again(lake, servers[RECORDING.name], commands(finished))
    verify(lake, "--deep")


def test_unknown_files_are_left_where_they_are(lake):
    stranger = reading.data_files(lake)[0].with_name("mine.parquet")
    stranger.write_bytes(b"mine")
    repair(lake).says("1 problem", "verify", "leaves")
    assert stranger.read_bytes() == b"mine"
    assert reading.coverage(lake) == [(FIRST, LAST)]


def test_unconfirmed_ledgers_are_asked_for_again(tmp_path, processes, servers):
    lake = tmp_path / "lake"
    (tmp_path / "faults").write_text(f"ledger={FIRST + 1} skip-ledger count=2\n")
    server = processes(process.Replay([RECORDING.events], "--fault", tmp_path / "faults"))
    process.run(lake, server.endpoint, FIRST, LAST, schema_version="1.1.0")
    assert reading.coverage(lake) == [(FIRST, LAST)]
    repair(lake, "--unconfirmed", "--dry-run").says("1 unconfirmed range would be")
    assert reading.coverage(lake) == [(FIRST, LAST)]
    finished = repair(lake, "--unconfirmed")
    assert commands(finished) == [(FIRST + 1, FIRST + 1)]
    assert reading.coverage(lake) == [(FIRST, FIRST), (FIRST + 2, LAST)]
    fetch_again(lake, servers[RECORDING.name], commands(finished))
    reading.compare_lake_with_truth(lake, [RECORDING], "1.1.0")
    report = verify(lake, "--deep")
    assert report["coverage"] == [{"first": FIRST, "last": LAST}] and not report["notes"]


def test_what_a_later_commit_took_over_stays_when_the_earlier_one_leaves(tmp_path, processes,
                                                                          servers):
    """An unconfirmed ledger that was fetched again lies within the range of the commit before."""
    lake = tmp_path / "lake"
    (tmp_path / "faults").write_text(f"ledger={FIRST + 1} skip-ledger count=2\n")
    server = processes(process.Replay([RECORDING.events], "--fault", tmp_path / "faults"))
    process.run(lake, server.endpoint, FIRST, LAST, schema_version="1.1.0")
    fetch_again(lake, servers[RECORDING.name], commands(repair(lake, "--unconfirmed")))
    damage(by_ledger(lake)[FIRST])
    finished = repair(lake)
    assert reading.coverage(lake) == [(FIRST + 1, FIRST + 1)]
    fetch_again(lake, servers[RECORDING.name], commands(finished))
    reading.compare_lake_with_truth(lake, [RECORDING], "1.1.0")
    verify(lake, "--deep")


# ---- ledgers that are named ----------------------------------------------------------------------

def test_commits_of_named_ledgers_leave_whether_they_are_damaged_or_not(lake, servers):
    repair(lake, FIRST + 1, FIRST + 2, "--dry-run").says("would be taken out")
    assert reading.coverage(lake) == [(FIRST, LAST)]
    finished = repair(lake, f"{FIRST + 1}:{FIRST + 2}")
    assert commands(finished) == [(FIRST + 1, FIRST + 2)]
    assert reading.coverage(lake) == [(FIRST, FIRST), (LAST, LAST)]
    assert len(list((lake / "_lake" / "damaged").rglob("*.parquet.damaged"))) == 2
    verify(lake, "--deep")
    fetch_again(lake, servers[RECORDING.name], commands(finished))
    reading.compare_lake_with_truth(lake, [RECORDING], "1.1.0")


def test_a_named_ledger_takes_its_whole_commit_with_it(tmp_path, servers):
    lake = tmp_path / "lake"
    process.run(lake, servers[RECORDING.name], FIRST, LAST, schema_version="1.1.0")
    assert commands(repair(lake, FIRST + 1, FIRST + 1)) == [(FIRST, LAST)]
    assert reading.coverage(lake) == []
    repair(lake, FIRST, LAST).says("nothing to repair")


def test_named_ledgers_without_events_leave_alone(tmp_path, processes):
    lake = tmp_path / "lake"
    (tmp_path / "faults").write_text(f"ledger={FIRST + 1} skip-ledger count=2\n")
    server = processes(process.Replay([RECORDING.events], "--fault", tmp_path / "faults"))
    process.run(lake, server.endpoint, FIRST, LAST, schema_version="1.1.0")
    finished = repair(lake, FIRST + 1, FIRST + 1).says("1 ledger without events taken out")
    assert commands(finished) == [(FIRST + 1, FIRST + 1)]
    assert reading.coverage(lake) == [(FIRST, FIRST), (FIRST + 2, LAST)]
    assert len(reading.data_files(lake)) == 1
    assert commands(repair(lake, FIRST, FIRST + 1)) == [(FIRST, LAST)]   # FIRST has events
    assert reading.coverage(lake) == []


@pytest.mark.parametrize("arguments, words", [
    ((5,), "START to END"), (("5:",), "START to END"), (("a", "b"), "ledger"),
    ((7, 5), "7"), ((5, 7, "--deep"), "--deep"), ((5, 7, "--unconfirmed"), "--unconfirmed")])
def test_ledgers_that_are_named_badly_are_refused(lake, arguments, words):
    repair(lake, *arguments, status=2).says(words)
    assert reading.coverage(lake) == [(FIRST, LAST)]


def test_the_range_of_a_configuration_names_no_ledgers(lake, tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"consumer": {"start_ledger": FIRST, "end_ledger": LAST}}))
    repair(lake, "--config", config).says("nothing to repair")
    assert reading.coverage(lake) == [(FIRST, LAST)]


def test_what_duckdb_merged_is_not_taken_out_by_halves(lake):
    with reading.duckdb_connection() as connection:
        connection.execute(f"ATTACH 'ducklake:sqlite:{reading.catalog_path(lake)}' AS lake")
        connection.execute("CALL ducklake_merge_adjacent_files('lake')")
        connection.execute("DETACH lake")
    repair(lake, FIRST, FIRST, status=2).says("commit 1 can't be taken out", "DuckDB merged")
    assert reading.coverage(lake) == [(FIRST, LAST)]


def test_a_lake_that_a_consumer_writes_is_not_touched(lake, processes):
    server = processes(process.Replay([RECORDING.events]))
    run = processes(process.run_background(lake, server.endpoint, FIRST, 0,
                                           schema_version="1.1.0"))
    run.wait_for_text("fetching|following")
    damage(by_ledger(lake)[FIRST])
    repair(lake, status=2).says("lock|another process|in use", str(run.process.pid))
    assert run.stop().status == 0
    assert commands(repair(lake)) == [(FIRST, FIRST)]


def test_a_lost_catalog_is_not_for_repair(lake):
    for suffix in ("", "-wal", "-shm"):
        reading.catalog_path(lake).with_name(f"catalog.sqlite{suffix}").unlink(missing_ok=True)
    repair(lake, status=1).says("lost", "catalog")
    assert not reading.catalog_path(lake).exists()
