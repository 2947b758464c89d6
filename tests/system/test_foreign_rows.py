# SPDX-License-Identifier: Apache-2.0
"""DuckDB users write to the lake's table, too: what readers see is what `verify`, `status` and `files`
tell, what others changed is named, and no advice doubles, hides or breaks rows."""

import json
import re
import shlex
import shutil

import pytest

from harness import lake as reading
from harness import process, truth

RECORDING = truth.PUBNET63
FIRST, LAST = RECORDING.first, RECORDING.last
ROWS = truth.truth_rows([RECORDING])


def rows_of(*ledgers):
    return len([row for row in ROWS if row["ledger_sequence"] in ledgers])


@pytest.fixture(scope="module")
def made(tmp_path_factory, servers):
    """A lake of a commit a ledger, partitioned as users' own files are: not at all."""
    lake = tmp_path_factory.mktemp("foreign") / "lake"
    process.run(lake, servers[RECORDING.name], FIRST, LAST, schema_version="1.1.0",
                partitioning_scheme="simple", max_file_size="1KiB", batch_size=1)
    assert len(reading.data_files(lake)) == LAST - FIRST + 1
    return lake


@pytest.fixture
def lake(made, tmp_path):
    lake = shutil.copytree(made, tmp_path / "lake")
    catalog_path = f"{lake.resolve()}/"
    reading.catalog_execute(lake, f"UPDATE ducklake_metadata SET \"value\" = '{catalog_path}'"
                                  " WHERE \"key\" = 'data_path'")
    return lake


def duck(lake, *statements):
    """Runs them in DuckDB, one after the other; the first value of the last one."""
    with reading.attached(lake, options="") as connection:
        value = None
        for statement in statements:
            connection.execute(statement)
            if statement.startswith("SELECT"):
                (value, *_), = connection.fetchall()
    return value


def visible(lake):
    return duck(lake, "SELECT count(*) FROM lake.ttp_events WHERE length(amount) > 0")


def verify(lake, *arguments, status=None):
    finished = process.execute("verify", "--output-path", lake, "--json", *arguments)
    report = json.loads(finished.stdout)
    assert finished.status == (3 if report["problems"] else 0)
    assert status is None or finished.status == status
    return report


def status(lake):
    return json.loads(process.execute("status", "--output-path", lake, "--json").expect(0).stdout)


def files(lake):
    return process.execute("files", "--output-path", lake).expect(0)


def repair(lake, *arguments, status=0):
    return process.execute("repair", "--output-path", lake, *arguments).expect(status)


def fetch(lake, endpoint, first=FIRST, last=LAST):
    process.run(lake, endpoint, first, last, schema_version="1.1.0",
                partitioning_scheme="simple")


def assert_true_again(lake, endpoint):
    report = verify(lake, "--deep", "--against", endpoint, status=0)
    assert report["coverage"] == [{"first": FIRST, "last": LAST}]
    reading.assert_same(reading.read_attached(lake, "1.1.0"), truth.expected_rows(ROWS, "1.1.0"),
                        "DuckDB over the catalog")


def kinds(report):
    return sorted(problem["kind"] for problem in report["problems"])


def changes(report):
    """The snapshots of others by number, with what they did."""
    return {change["snapshot_id"]: change["changes_made"] for change in report["changes_by_others"]}


INSERT_SMALL = ("INSERT INTO lake.ttp_events SELECT * REPLACE (9::UINTEGER AS ledger_sequence) FROM"
                f" lake.ttp_events WHERE ledger_sequence = {FIRST} LIMIT 3")
INSERT_LARGE = ("INSERT INTO lake.ttp_events SELECT * REPLACE (9::UINTEGER AS ledger_sequence) FROM"
                f" lake.ttp_events WHERE ledger_sequence = {FIRST}")
DELETE_LEDGER = f"DELETE FROM lake.ttp_events WHERE ledger_sequence = {FIRST}"
DELETE_HALF = f"{DELETE_LEDGER} AND event_index % 2 = 0"
DELETE_ONE = f"{DELETE_LEDGER} AND event_index = 0"
UPDATE_SOME = f"UPDATE lake.ttp_events SET memo = 'x' WHERE ledger_sequence = {FIRST} AND" \
              " event_index % 2 = 0"
UPDATE_ALL = f"UPDATE lake.ttp_events SET memo = 'x' WHERE ledger_sequence = {FIRST}"
MERGE = "CALL ducklake_merge_adjacent_files('lake')"
REWRITE = "CALL ducklake_rewrite_data_files('lake', delete_threshold => 0)"
FLUSH = "CALL ducklake_flush_inlined_data('lake')"
EXPIRE = "SELECT count(*) FROM ducklake_expire_snapshots('lake', versions => range(0, 1000))"
CLEAN = "CALL ducklake_cleanup_old_files('lake', cleanup_all => true)"

CHANGES = {
    "a small insert": [INSERT_SMALL], "a large insert": [INSERT_LARGE],
    "a flushed insert": [INSERT_SMALL, FLUSH], "a deleted file": [DELETE_LEDGER],
    "deleted rows": [DELETE_HALF], "a deleted row": [DELETE_ONE],
    "a flushed delete": [DELETE_ONE, FLUSH], "rewritten deletes": [DELETE_HALF, REWRITE],
    "an update": [UPDATE_SOME], "an update of a whole file": [UPDATE_ALL],
    "an update, rewritten and merged": [UPDATE_SOME, REWRITE, MERGE],
    "an insert that was merged": [INSERT_LARGE, MERGE],
    "all that a checkpoint does": [UPDATE_SOME, INSERT_SMALL, DELETE_ONE, "CHECKPOINT lake"],
    "an insert into a merged table": [MERGE, INSERT_LARGE],
    "deletes in a merged file": [MERGE, DELETE_HALF],
}


@pytest.mark.campaign(every=3)
@pytest.mark.parametrize("name", CHANGES)
def test_rows_that_others_changed_are_a_problem_with_the_snapshots_that_did_it(lake, name):
    before = reading.catalog_query(lake, "SELECT max(snapshot_id) FROM ducklake_snapshot")[0][0]
    duck(lake, *CHANGES[name])
    seen = visible(lake)
    report = verify(lake, status=3)
    assert set(kinds(report)) == {"changed_by_others"}
    assert report["rows"] == status(lake)["rows"] == seen
    assert report["refetch"] == [] and report["command"] is None
    assert changes(report) and min(changes(report)) > before
    named = set(map(int, re.findall(r"snapshot (\d+) \(", "".join(
        problem["message"] for problem in report["problems"]))))
    assert named and named <= set(changes(report))
    assert set(kinds(verify(lake, "--deep", status=3))) == {"changed_by_others"}
    assert all(path.startswith("/") for path in files(lake).stdout.split())


@pytest.mark.campaign(every=3)
@pytest.mark.parametrize("name", CHANGES)
def test_what_others_changed_is_never_dropped_silently_and_can_be_discarded(lake, servers, name):
    endpoint = servers[RECORDING.name]
    duck(lake, *CHANGES[name])
    seen = visible(lake)
    # Plain repair leaves it; naming the ledgers is refused, or leaves what touches them not.
    repair(lake).says("others than this program changed", "--discard-changes")
    assert visible(lake) == seen
    if "insert" not in name:
        repair(lake, FIRST, LAST, status=2).says("others than this program", "--discard-changes")
        assert visible(lake) == seen
    repair(lake, "--discard-changes").says("is lost", r"snapshot \d+ took it out")
    assert kinds(verify(lake)) == []
    fetch(lake, endpoint)
    assert_true_again(lake, endpoint)
    # DuckDB goes on working with it, and expires and deletes what was taken out.
    duck(lake, EXPIRE, CLEAN, FLUSH, MERGE)
    assert visible(lake) == len(ROWS)
    verify(lake, "--deep", status=0)


def test_the_commands_of_a_comparison_double_no_row_that_a_user_updated(lake, servers):
    endpoint = servers[RECORDING.name]
    duck(lake, UPDATE_ALL)
    seen = visible(lake)
    report = verify(lake, "--against", endpoint, status=3)
    assert "difference" in kinds(report)
    assert report["command"] is None and report["refetch"] == []
    repair(lake, FIRST, FIRST, status=2).says("--discard-changes")
    fetch(lake, endpoint)
    assert visible(lake) == seen
    repair(lake, FIRST, FIRST, "--discard-changes")
    fetch(lake, endpoint)
    assert_true_again(lake, endpoint)


def test_a_commit_beside_rows_that_a_user_inserted_is_repaired_alone(lake, servers):
    """They lie in a file of their own and stay."""
    endpoint = servers[RECORDING.name]
    duck(lake, f"INSERT INTO lake.ttp_events FROM lake.ttp_events WHERE ledger_sequence = {FIRST}")
    seen = visible(lake)
    path, = reading.catalog_query(lake, "SELECT path FROM ttp_commit_files WHERE first_ledger ="
                                        f" {FIRST}")[0]
    (lake / path).unlink()
    report = verify(lake, status=3)
    assert report["refetch"] == [{"first": FIRST, "last": FIRST}]
    repair(lake).says("commit 1: taken out")
    fetch(lake, endpoint)
    assert visible(lake) == seen
    assert kinds(verify(lake)) == ["changed_by_others"]


# ---- merged files --------------------------------------------------------------------------------

def test_merged_files_are_a_note_and_deep_reads_them(lake):
    duck(lake, MERGE)
    report = verify(lake, status=0)
    notes = " ".join(report["notes"])
    assert "merged files of 4 commits into 1 file" in notes
    assert "carries no page checksums" in notes
    assert "4 files" in notes and "readers of the bare folder" in notes
    assert report["rows"] == len(ROWS) and report["changes_by_others"] == []
    assert len(files(lake).stdout.split()) == 1
    verify(lake, "--deep", status=0)
    duck(lake, EXPIRE, CLEAN)
    assert not [note for note in verify(lake, "--deep", status=0)["notes"] if "bare folder" in note]


def test_deep_misses_rows_of_a_merged_file_that_lacks_them(lake, tmp_path):
    """A file that was put in the place of a merged one, as sound as that and of as many rows."""
    duck(lake, MERGE)
    path, = [path for path in reading.data_files(lake) if "ducklake-" in path.name]
    other = tmp_path / "other.parquet"
    with reading.duckdb_connection() as connection:
        connection.execute(
            f"COPY (SELECT * REPLACE (least(event_index, 5)::UINTEGER AS event_index) FROM "
            f"read_parquet('{path}')) TO '{other}'")
    shutil.copy(other, path)
    size = path.stat().st_size
    footer = int.from_bytes(path.read_bytes()[-8:-4], "little")
    reading.catalog_execute(lake, f"UPDATE ducklake_data_file SET file_size_bytes = {size}, "
                                  f"footer_size = {footer} WHERE end_snapshot IS NULL")
    verify(lake, status=0)
    report = verify(lake, "--deep", status=3)
    assert set(kinds(report)) == {"contradiction"}
    assert report["refetch"] == [{"first": FIRST, "last": LAST}]


@pytest.mark.parametrize("loss", ["gone", "cut short", "damaged"])
def test_a_lost_merged_file_can_be_fetched_again(lake, servers, loss):
    endpoint = servers[RECORDING.name]
    duck(lake, MERGE, EXPIRE, CLEAN)
    path, = reading.data_files(lake)
    content = path.read_bytes()
    if loss == "gone":
        path.unlink()
    elif loss == "cut short":
        path.write_bytes(content[:1000])
    else:
        path.write_bytes(content[:8] + bytes(len(content) - 16) + content[-8:])
    report = verify(lake, status=3)
    assert report["problems"][0]["path"] == path.name
    assert report["refetch"] == [{"first": FIRST, "last": LAST}]
    first, *runs = report["command"].split(" && ")
    assert shlex.split(first)[:2] == ["parquet-consumer", "repair"] and len(runs) == 1
    finished = repair(lake)
    finished.says("commit 4: taken out", "which is no commit's: taken out",
                  r"snapshot (\d+) took it out", r"range\(0, \d+\)")
    assert reading.coverage(lake) == []
    assert not path.exists()
    fetch(lake, endpoint)
    assert_true_again(lake, endpoint)
    assert "nothing to repair" in repair(lake).stdout


def test_merged_commits_leave_together_when_they_are_named(lake, servers):
    duck(lake, MERGE)
    repair(lake, FIRST, FIRST, status=2).says("commit 1 can't be taken out", "DuckDB merged",
                                              f"repair {FIRST} {LAST}")
    repair(lake, FIRST, LAST)
    assert reading.coverage(lake) == [] and visible(lake) == 0
    fetch(lake, servers[RECORDING.name])
    assert_true_again(lake, servers[RECORDING.name])


# ---- deletes, replaced files, files that lie elsewhere -------------------------------------------

def delete_file(lake):
    (path,), = reading.catalog_query(lake, "SELECT path FROM ducklake_delete_file WHERE "
                                           "end_snapshot IS NULL")
    return lake / path


def test_a_delete_file_in_use_is_no_unknown_file_and_its_loss_is_a_problem(lake, servers):
    endpoint = servers[RECORDING.name]
    duck(lake, DELETE_HALF)
    path = delete_file(lake)
    assert kinds(verify(lake)) == ["changed_by_others"]
    path.unlink()
    report = verify(lake, status=3)
    assert kinds(report) == ["changed_by_others", "missing_file"]
    assert path.name in [problem["path"] for problem in report["problems"]]
    assert report["command"] is None
    repair(lake, status=1).says("--discard-changes")
    repair(lake, "--discard-changes")
    fetch(lake, endpoint)
    assert_true_again(lake, endpoint)


def test_a_file_that_was_added_from_elsewhere_is_read_there(lake, tmp_path):
    outside, inside = tmp_path / "outside.parquet", lake / "inside.parquet"
    source = f"(SELECT * REPLACE (9::UINTEGER AS ledger_sequence) FROM lake.ttp_events WHERE " \
             f"ledger_sequence = {FIRST})"
    duck(lake, f"COPY {source} TO '{outside}'", f"COPY {source} TO '{inside}'",
         f"CALL ducklake_add_data_files('lake', 'ttp_events', '{outside}')",
         f"CALL ducklake_add_data_files('lake', 'ttp_events', '{inside}')")
    report = verify(lake, status=3)
    assert set(kinds(report)) == {"changed_by_others"}
    assert {problem["path"] for problem in report["problems"]} == {str(outside), inside.name}
    assert report["rows"] == status(lake)["rows"] == visible(lake)
    listed = files(lake).stdout.split()
    assert str(outside) in listed and str(inside.resolve()) in listed
    outside.unlink()
    assert "missing_file" in kinds(verify(lake))
    repair(lake, "--discard-changes").says("no commit's: taken out")
    assert visible(lake) == len(ROWS)
    assert not inside.exists() and kinds(verify(lake)) == []


def test_tables_and_views_of_others_are_known_and_not_the_lakes(lake):
    duck(lake, "CREATE TABLE lake.labels(account VARCHAR, n INTEGER)",
         "INSERT INTO lake.labels SELECT 'a', range FROM range(1000)",
         "INSERT INTO lake.labels VALUES ('b', 1)", "DELETE FROM lake.labels WHERE n < 999",
         "CREATE VIEW lake.seen AS SELECT * FROM lake.labels", "CREATE SCHEMA lake.own",
         "CREATE TABLE lake.own.t AS SELECT * FROM range(2000)", "CREATE TABLE lake.gone(i INTEGER)",
         "INSERT INTO lake.gone SELECT * FROM range(500)", "DROP TABLE lake.gone")
    report = verify(lake, "--deep", status=0)
    assert report["files"] == LAST - FIRST + 1 and report["rows"] == len(ROWS)
    assert [note for note in report["notes"] if "table main.labels, table own.t, view main.seen"
            in note]
    shown = status(lake)
    assert shown["files"] == LAST - FIRST + 1 and shown["rows"] == len(ROWS)
    assert shown["changes_by_others"] == []
    assert [(one["kind"], one["schema"], one["name"]) for one in shown["others_tables"]] == [
        ("table", "main", "labels"), ("table", "own", "t"), ("view", "main", "seen")]
    assert len(files(lake).stdout.split()) == LAST - FIRST + 1
    duck(lake, EXPIRE)
    verify(lake, status=0)


def test_a_column_that_a_user_adds_changes_no_rows(lake):
    duck(lake, "ALTER TABLE lake.ttp_events ADD COLUMN note VARCHAR")
    report = verify(lake, "--deep", status=0)
    assert report["rows"] == len(ROWS) and report["changes_by_others"] == []


def test_inserted_rows_are_told_to_those_who_list_files(lake):
    duck(lake, INSERT_SMALL, DELETE_HALF)
    files(lake).says("hidden_rows", "in the catalog alone")
    listed = [json.loads(line) for line in process.execute(
        "files", "--output-path", lake, "--json").expect(0).stdout.splitlines()]
    hidden = [one["hidden_rows"] for one in listed]
    assert sum(hidden) == (rows_of(FIRST) + 1) // 2 and hidden.count(0) == len(hidden) - 1


# ---- time travel after a repair ------------------------------------------------------------------

def test_repair_says_what_older_snapshots_are_good_for(lake, servers):
    path, = reading.catalog_query(lake, "SELECT path FROM ttp_commit_files WHERE first_ledger ="
                                        f" {FIRST}")[0]
    (lake / path).write_bytes(b"PAR1")
    finished = repair(lake)
    number = int(re.search(r"snapshot (\d+) took it out", finished.stdout).group(1))
    expire, = [line.strip() for line in finished.stdout.splitlines() if "CALL" in line]
    fetch(lake, servers[RECORDING.name])
    older = f"SELECT count(*) FROM lake.ttp_events AT (VERSION => {number - 1}) WHERE " \
            "length(amount) > 0"
    feed = "SELECT count(*) FROM ducklake_table_changes('lake', 'main', 'ttp_events', {}, {})"
    for statement in (older, feed.format(number - 1, number + 1), feed.format(number, number + 1)):
        with pytest.raises(Exception, match="Cannot open file"):
            duck(lake, statement)
    assert duck(lake, feed.format(number + 1, number + 1)) == rows_of(FIRST)
    assert duck(lake, expire.replace("CALL", "SELECT count(*) FROM"),
                feed.format(number, number + 1)) == rows_of(FIRST)
    with pytest.raises(Exception, match="No snapshot found"):
        duck(lake, older)
    assert visible(lake) == len(ROWS)


# ---- rebuild -------------------------------------------------------------------------------------

def rebuild(lake, *arguments, status=0):
    return process.execute("rebuild", "--output-path", lake, *arguments).expect(status)


def test_rebuild_leaves_a_catalog_alone_that_it_would_empty(lake, servers):
    """No file of a commit is left: the merged one says of no commit that it is whole."""
    duck(lake, MERGE, EXPIRE, CLEAN)
    for arguments in ((), ("--dry-run",)):
        rebuild(lake, *arguments, status=1).says("nothing of the files.*could be taken in",
                                                 "left behind: .*rows in 1 files")
        assert visible(lake) == len(ROWS)
    for name in ("catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"):
        (lake / "_lake" / name).unlink(missing_ok=True)
    rebuild(lake, status=1).says("taken in: 0 commits", "columns of the lake's table")
    fetch(lake, servers[RECORDING.name])
    assert reading.coverage(lake) == [(FIRST, LAST)]


def test_rebuild_names_what_it_leaves_behind(lake):
    duck(lake, "CREATE TABLE lake.labels AS SELECT * FROM range(1000)",
         "CREATE VIEW lake.seen AS SELECT * FROM lake.labels", INSERT_SMALL)
    for arguments in (("--dry-run",), ()):
        finished = rebuild(lake, *arguments).says(
            "left behind: table main.labels", "left behind: view main.seen",
            "left behind: 3 rows that lie in the catalog alone", "left behind: what others changed")
        assert finished.stdout.index("left behind") < finished.stdout.index("taken in")
    assert visible(lake) == len(ROWS)
