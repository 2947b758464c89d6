# SPDX-License-Identifier: Apache-2.0
"""`compact` makes the data files of a partition few: same rows, same commits. Older snapshots still
read what was replaced, readers of the bare folder find every row once, damage is left where it is,
and verify, repair and rebuild work on what it made."""

import json
import shutil
import signal
import time

import pyarrow.parquet
import pytest

from harness import process, truth, watching
from harness import lake as reading

RECORDING = truth.TESTNET
FIRST, LAST = RECORDING.first, RECORDING.last


def make(lake, servers, **options):
    """A lake of commits of a few ledgers each."""
    options = {"schema_version": "1.1.0", "max_file_size": "1KiB", "batch_size": 1} | options
    process.run(lake, servers[RECORDING.name], FIRST, LAST, **options)
    return lake


@pytest.fixture(scope="module")
def made(tmp_path_factory, servers):
    lake = make(tmp_path_factory.mktemp("compact") / "lake", servers)
    assert len(reading.data_files(lake)) > 20
    return lake


@pytest.fixture
def lake(made, tmp_path):
    copy = shutil.copytree(made, tmp_path / "lake")
    process.execute("relocate", "--output-path", copy).expect(0)
    return copy


def compact(lake, *arguments, status=0):
    """All partitions, also the newest."""
    if "--partition" not in arguments:
        arguments = (*arguments, "--partition", "")
    return process.execute("compact", "--output-path", lake, *arguments).expect(status)


def compact_json(lake, *arguments, status=0):
    return json.loads(compact(lake, "--json", *arguments, status=status).stdout)


def verify(lake, *arguments, status=0):
    return json.loads(process.execute("verify", "--output-path", lake, "--json", *arguments)
                      .expect(status).stdout)


def status(lake):
    return json.loads(process.execute("status", "--output-path", lake, "--json").expect(0).stdout)


def rows(version="1.1.0"):
    return truth.expected_rows(truth.truth_rows([RECORDING], FIRST, LAST), version)


def commits(lake):
    return reading.catalog_query(
        lake, "SELECT commit_no, first_ledger, last_ledger, row_count, dead_letter_count,"
              " digest_ledger, digest_chain, digest_contents FROM ttp_commits WHERE ended_us IS"
              " NULL ORDER BY 1")


def compare_with(lake, version="1.1.0", scheme="date_hour", merged=False):
    """Every value by three readers, each file's schema and place, the catalog's statistics (but
    where DuckDB merged files: it does not take the old ones' bytes off the table's)."""
    reading.compare_lake_with_truth(lake, [RECORDING], version, scheme)
    reading.compare_dataset_with_truth(lake, [RECORDING], version)
    if not merged:
        reading.check_catalog(lake, files_left=True)
    report = verify(lake, "--deep")
    assert report["ok"], report["problems"]
    reading.assert_nothing_left(lake)


def replaced_files(lake):
    return sorted(path for path in (lake / "_lake" / "replaced").rglob("*") if path.is_file())


def in_order(path):
    table = pyarrow.parquet.read_table(path)
    keys = list(zip(table["ledger_sequence"].to_pylist(), table["event_index"].to_pylist()))
    return keys == sorted(keys)


def test_many_files_become_few_and_stay_what_they_were(lake):
    before, files = commits(lake), reading.data_files(lake)
    told = compact_json(lake, "--dry-run")
    assert len(reading.data_files(lake)) == len(files) and not replaced_files(lake)
    report = compact_json(lake)
    after = reading.data_files(lake)
    assert report["files"] == told["files"] == len(files) and len(after) == report["files_after"]
    assert len(after) < len(files) / 5 and all(map(in_order, after))
    assert commits(lake) == before
    assert len(replaced_files(lake)) == len(files)
    compare_with(lake)
    assert reading.coverage(lake) == [(FIRST, LAST)]
    compact(lake).says("nothing to compact")
    assert status(lake)["files"] == len(after) and status(lake)["commits"] == len(before)


@pytest.mark.parametrize("version", ["1.0.0", "1.1.0"])
@pytest.mark.parametrize("scheme", ["date", "date_hour", "date_hour_type", "simple"])
def test_every_scheme_and_version(tmp_path, servers, scheme, version):
    lake = make(tmp_path / "lake", servers, partitioning_scheme=scheme, schema_version=version,
                max_file_size="4KiB")
    files = len(reading.data_files(lake))
    compact(lake)
    assert len(reading.data_files(lake)) < files
    compare_with(lake, version, scheme)


def test_only_closed_partitions_are_taken_unless_one_is_named(lake):
    compact(lake, "--partition", "year=1999").says("nothing to compact")
    newest = max(path.parent for path in reading.data_files(lake))
    open_files = [path for path in reading.data_files(lake) if path.parent == newest]
    process.execute("compact", "--output-path", lake).expect(0)
    assert [path for path in reading.data_files(lake) if path.parent == newest] == open_files
    compact(lake, "--partition", newest.relative_to(lake).as_posix()).says("became 1")
    compare_with(lake)


def test_older_snapshots_still_read_what_was_replaced(lake):
    before, = reading.catalog_query(lake, "SELECT max(snapshot_id) FROM ducklake_snapshot")[0]
    compact(lake)
    with reading.attached(lake) as connection:
        for version in (before // 2, before):
            (count,), = connection.execute(
                f"SELECT count(*) FROM lake.ttp_events AT (VERSION => {version})"
                " WHERE amount IS NOT NULL").fetchall()
            expected, = reading.catalog_query(
                lake, "SELECT coalesce(sum(row_count), 0) FROM ttp_commits WHERE snapshot_id <="
                      f" {version}")[0]
            assert count == expected


def test_a_run_goes_on_after_it_and_its_files_are_put_together_again(tmp_path, servers):
    middle = (FIRST + LAST) // 2
    lake = tmp_path / "lake"
    options = {"schema_version": "1.1.0", "max_file_size": "1KiB", "batch_size": 1}
    process.run(lake, servers[RECORDING.name], FIRST, middle, **options)
    compact(lake)
    process.run(lake, servers[RECORDING.name], middle + 1, LAST, **options)
    assert compact_json(lake)["files"] > 5
    compare_with(lake)


def test_a_lake_that_evolved_keeps_its_versions_apart(tmp_path, servers):
    middle = (FIRST + LAST) // 2
    lake = tmp_path / "lake"
    for version, first, last in (("1.0.0", FIRST, middle), ("1.1.0", middle + 1, LAST)):
        process.run(lake, servers[RECORDING.name], first, last, schema_version=version,
                    max_file_size="1KiB", batch_size=1)
    compact(lake)
    versions = {pyarrow.parquet.read_metadata(path).metadata[b"version"]
                for path in reading.data_files(lake)}
    assert versions == {b"1.0.0", b"1.1.0"}
    assert verify(lake, "--deep")["ok"]
    old = truth.expected_rows(truth.truth_rows([RECORDING], FIRST, middle), "1.0.0")
    new = truth.expected_rows(truth.truth_rows([RECORDING], middle + 1, LAST), "1.0.0")
    got = [tuple("" if value is None and name in ("source_account", "dest_account") else value
                 for name, value in zip(truth.COLUMNS["1.0.0"], row))
           for row in reading.read_attached(lake, "1.0.0")]
    reading.assert_same(got, old + new, "DuckLake")


# ---- damage --------------------------------------------------------------------------------------

def damage(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 0xff
    path.write_bytes(data)


def test_a_damaged_file_is_left_and_named(lake):
    path = reading.data_files(lake)[0]
    damage(path)
    report = compact_json(lake, status=1)
    assert report["left"] == 1 and path.exists()
    assert path.name in next(part["fault"] for part in report["partitions"] if part["fault"])
    compact(lake, status=1).says("repair")


def test_a_damaged_compacted_file_is_taken_out_with_its_commits_and_fetched_again(lake, servers):
    compact(lake)
    path = reading.data_files(lake)[0]
    damage(path)
    report = verify(lake, "--deep", status=3)
    assert {problem["path"] for problem in report["problems"]} == {
        path.relative_to(lake).as_posix()}
    assert report["refetch"] and report["command"]
    process.execute("repair", "--output-path", lake).expect(0).says("taken out of the lake")
    assert not path.exists() and verify(lake, "--deep")["ok"]
    process.run(lake, servers[RECORDING.name], FIRST, LAST, schema_version="1.1.0")
    compare_with(lake)


# ---- files that DuckDB merged or rewrote ---------------------------------------------------------

def duck(lake, *statements):
    reading.duckdb_execute(lake, *statements)


MERGE = "CALL ducklake_merge_adjacent_files('lake')"
CLEAN = "CALL ducklake_cleanup_old_files('lake', cleanup_all => true)"


@pytest.mark.parametrize("version", ["1.0.0", "1.1.0"])
def test_files_that_duckdb_merged_become_commits_again(tmp_path, servers, version):
    lake = make(tmp_path / "lake", servers, schema_version=version)
    duck(lake, MERGE, CLEAN)
    assert any("ducklake-" in path.name for path in reading.data_files(lake))
    report = compact_json(lake)
    assert sum(part["adopted"] for part in report["partitions"]) > 0
    assert not any("ducklake-" in path.name for path in reading.data_files(lake))
    compare_with(lake, version, merged=True)
    assert not any("DuckDB" in note for note in verify(lake)["notes"])


def test_rows_that_others_changed_are_left_alone_and_named(lake):
    duck(lake, f"DELETE FROM lake.ttp_events WHERE ledger_sequence = {FIRST + 3}")
    before = reading.read_attached(lake, "1.1.0")
    compact(lake).says("others changed rows", "verify")
    reading.assert_same(reading.read_attached(lake, "1.1.0"), before, "DuckLake")
    assert {problem["kind"] for problem in verify(lake, "--deep", status=3)["problems"]} == {
        "changed_by_others"}


def test_rows_that_others_hide_in_a_compacted_file_are_known(lake):
    compact(lake)
    duck(lake, f"DELETE FROM lake.ttp_events WHERE ledger_sequence = {FIRST + 3}")
    report = verify(lake, "--deep", status=3)
    assert {problem["kind"] for problem in report["problems"]} == {"changed_by_others"}
    compact(lake).says("others changed rows")


def test_a_compacted_file_that_duckdb_merged_is_adopted_again(lake):
    compact(lake, "--smaller-than", "2KiB")
    duck(lake, MERGE, CLEAN)
    assert verify(lake, "--deep")["ok"]
    compact(lake)
    compare_with(lake, merged=True)


# ---- beside others -------------------------------------------------------------------------------

def test_a_run_keeps_it_away_and_it_names_the_option(lake, servers):
    with process.run_background(lake, servers[RECORDING.name], LAST - 1,
                                schema_version="1.1.0") as running:
        running.wait_for_text("connected")
        compact(lake, status=2).says("compact_closed")
        compact(lake, "--dry-run").says("would become fewer")


def test_readers_beside_it_see_every_row_at_every_moment(lake):
    expected = len(rows())
    with process.Background("compact", "--output-path", lake, "--partition", "") as running:
        seen = set()
        while running.process.poll() is None:
            with reading.attached(lake) as connection:
                try:
                    seen.add(connection.execute(
                        "SELECT count(*) FROM lake.ttp_events WHERE amount IS NOT NULL")
                        .fetchone()[0])
                except Exception as error:  # planned before, opened after: a second try succeeds
                    assert "No such file" in str(error) or "Cannot open file" in str(error)
        assert seen <= {expected}
    compare_with(lake)


@pytest.mark.campaign
def test_a_kill_at_any_moment_leaves_all_rows(made, tmp_path, part):
    for attempt in part(range(16)):
        lake = shutil.copytree(made, tmp_path / f"lake{attempt}")
        process.execute("relocate", "--output-path", lake).expect(0)
        with process.Background("compact", "--output-path", lake, "--partition", "") as running:
            time.sleep(0.006 * attempt)
            running.stop(signal.SIGKILL)
        reading.assert_same(reading.read_attached(lake, "1.1.0"), rows(), "DuckLake")
        compact(lake)
        compare_with(lake)


# ---- a catalog that is made anew -----------------------------------------------------------------

def lose_catalog(lake):
    for path in (lake / "_lake").glob("catalog.sqlite*"):
        path.unlink()


@pytest.mark.parametrize("scheme", ["date_hour", "date_hour_type"])
@pytest.mark.parametrize("version", ["1.0.0", "1.1.0"])
def test_a_rebuilt_catalog_knows_the_same_commits(tmp_path, servers, scheme, version):
    lake = make(tmp_path / "lake", servers, partitioning_scheme=scheme, schema_version=version,
                max_file_size="2KiB")
    compact(lake, "--smaller-than", "6KiB")
    before = commits(lake)
    lose_catalog(lake)
    process.execute("rebuild", "--output-path", lake).expect(0)
    # Files of 1.0.0 by type have lost the order of a ledger's events, and with it the digest.
    known = 5 if (version, scheme) == ("1.0.0", "date_hour_type") else None
    assert [row[:known] for row in commits(lake)] == [row[:known] for row in before]
    assert not list((lake / "_lake").glob("damaged/**/*.parquet.damaged"))
    compare_with(lake, version, scheme)
    compact(lake)
    compare_with(lake, version, scheme)


def test_of_a_file_and_one_that_it_replaced_the_later_one_is_taken_in(lake):
    compact(lake)
    before = commits(lake)
    for kept in replaced_files(lake)[:5]:  # as before they were moved
        path = lake / kept.relative_to(lake / "_lake" / "replaced").with_suffix("")
        shutil.copy(kept, path)
    lose_catalog(lake)
    process.execute("rebuild", "--output-path", lake).expect(0).says("replaced")
    assert commits(lake) == before
    compare_with(lake)


def test_a_rebuild_leaves_out_what_is_damaged_with_all_that_shares_it(lake, servers):
    compact(lake)
    damage(reading.data_files(lake)[0])
    lose_catalog(lake)
    process.execute("rebuild", "--output-path", lake).expect(0)
    assert verify(lake, "--deep")["ok"]
    process.run(lake, servers[RECORDING.name], FIRST, LAST, schema_version="1.1.0")
    compare_with(lake)


# ---- a live run ----------------------------------------------------------------------------------



def hours_of(lake):
    """How many files each partition has, the newest last."""
    counts = {}
    for path in reading.data_files(lake):
        counts[path.parent] = counts.get(path.parent, 0) + 1
    return [counts[folder] for folder in sorted(counts)]


@pytest.mark.campaign
def test_a_live_run_keeps_closed_partitions_small(tmp_path, pytestconfig):
    """Hours of 720 ledgers, five seconds each on their own clock, some milliseconds on ours."""
    hours = 5 if pytestconfig.option.campaigns else 2
    port, = watching.free_ports(1)
    lake = tmp_path / "lake"
    with process.Background("generate", "--seed", "7", "--first-ledger", "1000", "--ledgers",
                            str(hours * 720), "--start-time", "2024-01-15T00:00:00Z", "--pace",
                            "4ms", "--listen", f"127.0.0.1:{port}"):
        with process.run_background(lake, f"127.0.0.1:{port}", 1000, schema_version="1.1.0",
                                    max_file_age="250ms", compact_closed=True) as running:
            running.wait_for(lambda: len(hours_of(lake)) >= hours and
                             all(count == 1 for count in hours_of(lake)[:-1]),
                             "the closed hours to have one file each", limit=180)
            running.stop()
            told = running.stderr.count("small files of a partition were put together")
    assert told >= hours - 1
    report = verify(lake, "--deep")
    assert report["ok"], report["problems"]
    (first, last), = reading.coverage(lake)
    assert first == 1000
    counted, = reading.catalog_query(lake, "SELECT sum(row_count) FROM ttp_commits")[0]
    assert status(lake)["rows"] == counted
