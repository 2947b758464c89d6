# SPDX-License-Identifier: Apache-2.0
"""`rebuild` makes the catalog anew from the files alone: what it takes in equals what was there, and
what it can't take in it moves aside, leaves alone or says."""

import json
import shutil
import subprocess
import sys

import pyarrow
import pyarrow.parquet
import pytest

from harness import lake as reading
from harness import process, truth

RECORDING = truth.TESTNET
FIRST, LAST = RECORDING.first, RECORDING.last
CUT = FIRST + 80
PUBNET = truth.PUBNET63


def rebuild(lake, *arguments, status=0):
    return process.execute("rebuild", "--output-path", lake, *arguments).expect(status)


def verify(lake, *arguments, status=0):
    report = json.loads(process.execute("verify", "--output-path", lake, "--json",
                                        *arguments).expect(status).stdout)
    return report


def relative(lake, path):
    return str(path.relative_to(lake))


def damaged(lake):
    folder = lake / "_lake" / "damaged"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


STATE = {
    "commits": "SELECT commit_no, first_ledger, last_ledger, schema_version, file_count, row_count,"
               " size_bytes, dead_letter_count, unconfirmed_ledgers, last_close_us FROM ttp_commits"
               " WHERE ended_us IS NULL ORDER BY commit_no",
    "digests": "SELECT commit_no, digest_ledger, digest_chain, digest_contents FROM ttp_commits"
               " WHERE ended_us IS NULL ORDER BY commit_no",
    "null decimals": "SELECT commit_no, null_decimal_count FROM ttp_commits"
                     " WHERE ended_us IS NULL AND schema_version <> '1.0.0' ORDER BY commit_no",
    "files": "SELECT f.commit_no, f.path, f.record_count, f.file_size_bytes, f.checksum,"
             " f.first_ledger, f.last_ledger FROM ttp_commit_files f JOIN ttp_commits c"
             " USING (commit_no) WHERE c.ended_us IS NULL ORDER BY 2",
    "unconfirmed": "SELECT * FROM ttp_unconfirmed ORDER BY 1",
    "dead letters": "SELECT * FROM ttp_dead_letters ORDER BY 1",
    "DuckLake's files": "SELECT path, path_is_relative, record_count, file_size_bytes, footer_size,"
                        " partition_id, file_format FROM ducklake_data_file"
                        " WHERE end_snapshot IS NULL ORDER BY path",
    "statistics": "SELECT f.path, s.column_id, s.column_size_bytes, s.value_count, s.null_count,"
                  " s.min_value, s.max_value FROM ducklake_file_column_stats s"
                  " JOIN ducklake_data_file f USING (data_file_id)"
                  " WHERE f.end_snapshot IS NULL ORDER BY 1, 2",
    "partitions": "SELECT f.path, p.partition_key_index, p.partition_value"
                  " FROM ducklake_file_partition_value p"
                  " JOIN ducklake_data_file f USING (data_file_id)"
                  " WHERE f.end_snapshot IS NULL ORDER BY 1, 2",
    "columns": "SELECT column_id, column_name, column_type, nulls_allowed FROM ducklake_column"
               " WHERE end_snapshot IS NULL ORDER BY 1",
    "the table": "SELECT record_count, file_size_bytes FROM ducklake_table_stats",
    "the table's statistics": "SELECT column_id, contains_null, min_value, max_value"
                              " FROM ducklake_table_column_stats ORDER BY 1",
    "the lake": "SELECT \"key\", \"value\" FROM ttp_lake WHERE \"key\" IN"
                " ('lake_id', 'schema_version', 'layout_version') ORDER BY 1",
}


def state(lake):
    """All that the catalog says of the lake's contents."""
    return {name: reading.catalog_query(lake, sql) for name, sql in STATE.items()} | {
        "coverage": reading.coverage(lake)}


def lose_catalog(lake):
    for path in (lake / "_lake").glob("catalog.sqlite*"):
        path.unlink()


def assert_rebuilt_as_it_was(lake, version, **different):
    before, rows = state(lake), reading.read_attached(lake, version)
    lose_catalog(lake)
    report = rebuild(lake)
    after = state(lake)
    for name in before:
        assert after[name] == different.get(name, before[name]), name
    reading.assert_same(reading.read_attached(lake, version), rows, "DuckDB, ducklake")
    reading.check_catalog(lake)
    assert verify(lake, "--deep")["problems"] == []
    assert not (lake / "_lake" / "damaged").exists()
    assert not list((lake / "_lake").glob("*rebuilding*"))
    return report


def without_lost_digests(lake):
    """Rows of schema 1.0.0 that are spread over files have lost their order: no digest of them."""
    files = reading.catalog_query(lake, "SELECT commit_no, last_ledger FROM ttp_commit_files")
    return [row if files.count((row[0], row[1])) < 2 else (row[0], 0, "", "")
            for row in reading.catalog_query(lake, STATE["digests"])]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A lake of a commit a ledger, date_hour_type: several files each; one with a dead letter."""
    folder = tmp_path_factory.mktemp("rebuild")
    (folder / "faults").write_text("event=700 damaged-event\n")
    with process.Replay([PUBNET.events], "--fault", folder / "faults") as server:
        process.run(folder / "lake", server.endpoint, PUBNET.first, PUBNET.last, network="pubnet",
                    schema_version="1.1.0", partitioning_scheme="date_hour_type",
                    max_file_size="1KiB")
    assert len(reading.catalog_query(folder / "lake", STATE["commits"])) == 4
    return folder / "lake"


@pytest.fixture
def four(made, tmp_path):
    return shutil.copytree(made, tmp_path / "four")


def files_of_commit(lake, number):
    return [lake / path for path, in reading.catalog_query(
        lake, f"SELECT path FROM ttp_commit_files WHERE commit_no = {number} ORDER BY path")]


def fetch_again(lake, servers, **options):
    """A run over the whole recording, whose output it returns."""
    return process.run(lake, servers[PUBNET.name], PUBNET.first, PUBNET.last,
                       schema_version="1.1.0", partitioning_scheme="date_hour_type",
                       network="pubnet", **options)


# ---- the same catalog again ----------------------------------------------------------------------

@pytest.mark.parametrize("version", ["1.0.0", "1.1.0"])
@pytest.mark.parametrize("scheme", reading.SCHEMES)
def test_a_lost_catalog_comes_back_as_it_was(lake, servers, scheme, version):
    for first, last in ((FIRST + 40, FIRST + 99), (FIRST, FIRST + 39), (FIRST + 120, LAST)):
        process.run(lake, servers[RECORDING.name], first, last, schema_version=version,
                    partitioning_scheme=scheme, network="testnet")
    digests = reading.catalog_query(lake, STATE["digests"])
    if version == "1.0.0":
        digests = without_lost_digests(lake)
    report = assert_rebuilt_as_it_was(lake, version, digests=digests)
    report.says(r"covered: ledgers \d+ to \d+", f"run .* {FIRST + 100} {FIRST + 119}")


def test_an_evolved_lake_comes_back_with_both_schemas(lake, servers):
    process.run(lake, servers[RECORDING.name], FIRST, CUT - 1)
    process.run(lake, servers[RECORDING.name], CUT, LAST, schema_version="1.1.0")
    assert_rebuilt_as_it_was(lake, "1.1.0")
    process.run(lake, servers[RECORDING.name], FIRST, LAST, schema_version="1.0.0",
                status=2).says("no way back")


def test_dead_letters_and_commits_of_many_files_come_back(four):
    letters = process.execute("dead-letters", "--output-path", four, "--json").expect(0).stdout
    assert letters.count("\n") == 1
    assert_rebuilt_as_it_was(four, "1.1.0").says("1 dead letter,")
    assert process.execute("dead-letters", "--output-path", four, "--json").stdout == letters


def test_unconfirmed_ledgers_are_found_again(lake, tmp_path, processes):
    skipped = PUBNET.first + 1
    (tmp_path / "faults").write_text(f"ledger={skipped} skip-ledger count=2\n")
    server = processes(process.Replay([PUBNET.events], "--fault", tmp_path / "faults"))
    process.run(lake, server.endpoint, PUBNET.first, PUBNET.last)
    assert reading.catalog_query(lake, "SELECT first_ledger FROM ttp_unconfirmed") == [(skipped,)]
    assert_rebuilt_as_it_was(lake, "1.0.0").says("1 unconfirmed ledger")


def test_a_dry_run_changes_nothing(four):
    def contents():
        return {path: path.read_bytes() for path in four.rglob("*")
                if path.is_file() and path.name != "lock"}
    files_of_commit(four, 2)[0].unlink()
    lose_catalog(four)
    before = contents()
    rebuild(four, "--dry-run").says("would be taken in: 3 commits",
                                    "would be moved to _lake/damaged")
    assert contents() == before


def test_a_run_goes_on_after_it(lake, servers):
    process.run(lake, servers[RECORDING.name], FIRST, CUT - 1)
    lose_catalog(lake)
    process.run(lake, servers[RECORDING.name], FIRST, LAST, status=1).says("rebuild")
    rebuild(lake)
    old = {path: path.stat().st_mtime_ns for path in reading.data_files(lake)}
    process.run(lake, servers[RECORDING.name], FIRST, LAST)
    assert all(path.stat().st_mtime_ns == time for path, time in old.items())
    reading.compare_lake_with_truth(lake, [RECORDING], "1.0.0")
    reading.check_catalog(lake)


def test_a_damaged_catalog_is_kept_aside(four, servers):
    catalog = four / "_lake" / "catalog.sqlite"
    lost = state(four)
    catalog.write_bytes(b"not a database" + catalog.read_bytes()[14:4000])
    process.execute("verify", "--output-path", four).expect(3)
    rebuild(four).says("old catalog is kept")
    assert state(four) == lost
    assert "catalog.sqlite.damaged" in damaged(four)
    assert verify(four, "--deep")["problems"] == []


def test_twice_is_as_good_as_once(four):
    before = state(four)
    for _ in range(2):
        rebuild(four)
        assert state(four) == before
    assert {"catalog.sqlite.damaged", "catalog.sqlite.damaged-2"} <= set(damaged(four))


# ---- what is not taken in ------------------------------------------------------------------------

def assert_commit_is_left_out(lake, servers, number, *says):
    """Rebuilds without the commit; a run fetches exactly its ledgers again."""
    ranges = reading.catalog_query(lake, STATE["commits"])
    first, last = next(row[1:3] for row in ranges if row[0] == number)
    whole = {path for path, in reading.catalog_query(
        lake, f"SELECT path FROM ttp_commit_files WHERE commit_no <> {number}")}
    rebuild(lake).says("taken in: 3 commits", f"run .* {first} {last}\n", *says)
    assert {relative(lake, path) for path in reading.data_files(lake)} == whole
    assert verify(lake, "--deep")["problems"] == []
    old = {path: path.stat().st_mtime_ns for path in reading.data_files(lake)}
    fetch_again(lake, servers)
    assert all(path.stat().st_mtime_ns == time for path, time in old.items())
    assert reading.coverage(lake) == [(PUBNET.first, PUBNET.last)]
    assert verify(lake, "--deep")["problems"] == []
    reading.check_catalog(lake)


def test_a_commit_that_lacks_a_file_moves_aside(four, servers):
    victim, *others = files_of_commit(four, 3)
    assert others
    victim.unlink()
    count = len(others)
    assert_commit_is_left_out(four, servers, 3, f"{count} of its {count + 1} files")
    assert {path.name + ".damaged" for path in others} <= set(damaged(four))


@pytest.mark.parametrize("where", ["page", "footer", "cut"])
def test_a_commit_with_a_damaged_file_moves_aside(four, servers, where):
    victim = max(files_of_commit(four, 1), key=lambda path: path.stat().st_size)
    content = bytearray(victim.read_bytes())
    if where == "page":
        content[len(content) // 3] ^= 0x40
    elif where == "footer":
        content[-20:-8] = bytes(12)
        content[-8:-4] = b"\xff\xff\xff\x7f"
    else:
        del content[len(content) // 2:]
    victim.write_bytes(content)
    assert_commit_is_left_out(four, servers, 1, "moved to _lake/damaged")
    assert {path.name + ".damaged" for path in [victim]} <= set(damaged(four))


def test_a_commit_whose_dead_letters_are_lost_moves_aside(four, servers):
    (letters,) = (four / "_lake" / "dead_letters").iterdir()
    number = int(letters.stem.split("_")[1])
    letters.unlink()
    assert_commit_is_left_out(four, servers, number, "after event_index")


def test_a_file_in_the_wrong_folder_is_no_part_of_its_commit(four, servers):
    victim = files_of_commit(four, 2)[0]
    target = victim.parent.parent / "event_type=other" / victim.name
    target.parent.mkdir()
    victim.rename(target)
    assert_commit_is_left_out(four, servers, 2, "does not lie where its rows belong")


def test_a_copy_moves_aside(four):
    before = state(four)
    original = files_of_commit(four, 2)[0]
    shutil.copy(original, original.with_name("ttp_events_a_copy.parquet"))
    shutil.copy(original, four / "another.parquet")
    rebuild(four).says("a copy of", "taken in: 4 commits")
    after = state(four)
    assert after["coverage"] == before["coverage"] and after["the table"] == before["the table"]
    assert sum("damaged" in name for name in damaged(four)) >= 2
    assert verify(four, "--deep")["problems"] == []


def test_of_overlapping_commits_the_newest_wins(four, servers):
    """As after a repair whose moves were cut off: an older commit's files lie beside newer ones."""
    old = {path: path.read_bytes() for path in files_of_commit(four, 2)}
    path = max(old, key=lambda path: path.stat().st_size)
    content = bytearray(old[path])
    content[len(content) // 3] ^= 1
    path.write_bytes(content)
    process.execute("repair", "--output-path", four).expect(0)
    fetch_again(four, servers)
    newest = state(four)
    for path, content in old.items():
        assert not path.exists()
        path.write_bytes(content)
    rebuild(four).says("superseded: commit 5 has its ledgers")
    assert state(four) == newest
    assert verify(four, "--deep")["problems"] == []


def test_strangers_are_left_alone(four, tmp_path, servers):
    stranger = four / "mine.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"a": [1, 2]}), stranger)
    other = tmp_path / "other"
    process.run(other, servers[RECORDING.name], FIRST, FIRST + 20)
    guest = four / reading.data_files(other)[0].name
    shutil.copy(reading.data_files(other)[0], guest)
    nonsense = four / "nonsense.parquet"
    nonsense.write_bytes(b"nothing of Parquet")
    before, contents = state(four), [path.read_bytes() for path in (stranger, guest, nonsense)]
    rebuild(four).says("left alone: mine.parquet: its metadata name no lake",
                       f"left alone: {guest.name}: it is of another lake",
                       "left alone: nonsense.parquet")
    assert state(four) == before
    assert [path.read_bytes() for path in (stranger, guest, nonsense)] == contents


def test_lost_dead_letters_of_no_commit_move_aside(four):
    (letters,) = (four / "_lake" / "dead_letters").iterdir()
    shutil.copy(letters, letters.with_name("commit_77.jsonl"))
    rebuild(four).says("dead_letters/commit_77.jsonl.*not in the lake")
    assert "commit_77.jsonl.damaged" in damaged(four)


# ---- lake.json and nothing at all ----------------------------------------------------------------

@pytest.mark.parametrize("loss", ["missing", "damaged", "the whole folder"])
def test_a_lost_lake_file_is_made_of_what_the_files_say(four, servers, loss):
    before = json.loads((four / "_lake" / "lake.json").read_text())
    rows = reading.read_attached(four, "1.1.0")
    letters = four / "_lake" / "dead_letters"
    if loss == "missing":
        (four / "_lake" / "lake.json").unlink()
    elif loss == "damaged":
        (four / "_lake" / "lake.json").write_text("{")
    else:
        kept = shutil.copytree(letters, four.parent / "kept")
        shutil.rmtree(four / "_lake")
        rebuild(four, "--dry-run").says("lake.json was missing")
        assert not (four / "_lake").exists()
        shutil.copytree(kept, letters)
    rebuild(four).says("lake.json was missing or damaged", "pruned on purpose")
    assert json.loads((four / "_lake" / "lake.json").read_text()) == before
    reading.assert_same(reading.read_attached(four, "1.1.0"), rows, "DuckDB, ducklake")
    assert verify(four, "--deep")["problems"] == []
    fetch_again(four, servers)


def test_files_of_two_lakes_without_a_lake_file_are_refused(four, tmp_path, servers):
    other = tmp_path / "other"
    process.run(other, servers[RECORDING.name], FIRST, FIRST + 20)
    shutil.copy(reading.data_files(other)[0], four)
    (four / "_lake" / "lake.json").unlink()
    before = state(four)
    rebuild(four, status=2).says("different lakes", "backup")
    assert state(four) == before


def test_where_no_lake_is_none_is_made(tmp_path):
    pyarrow.parquet.write_table(pyarrow.table({"a": [1]}), tmp_path / "mine.parquet")
    for path in (tmp_path, tmp_path / "none"):
        rebuild(path, status=2).says(str(path))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.parquet"]


def test_a_lake_without_any_commit_gets_an_empty_catalog(lake, servers):
    process.run(lake, servers[RECORDING.name], FIRST, FIRST + 20)
    for path in reading.data_files(lake):
        path.unlink()
    lose_catalog(lake)
    rebuild(lake).says("taken in: 0 commits")
    assert reading.coverage(lake) == []
    process.run(lake, servers[RECORDING.name], FIRST, LAST)
    reading.compare_lake_with_truth(lake, [RECORDING], "1.0.0")


# ---- beside others -------------------------------------------------------------------------------

READER = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
database.execute("SELECT count(*) FROM ttp_commits").fetchone()
print("open", flush=True)
sys.stdin.readline()
"""

DUCKDB_READER = """
import sys
sys.path.insert(0, sys.argv[2])
from harness import lake as reading
with reading.attached(sys.argv[1]) as connection:
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM lake.ttp_events").fetchone()
    print("open", flush=True)
    sys.stdin.readline()
    connection.execute("COMMIT")
"""


@pytest.mark.parametrize("reader", ["sqlite", "duckdb"])
@pytest.mark.parametrize("harm", ["whole", "damaged"])
def test_it_refuses_while_the_catalog_is_open_elsewhere(four, reader, harm):
    program, arguments = {
        "sqlite": (READER, [reading.catalog_path(four)]),
        "duckdb": (DUCKDB_READER, [four, process.ROOT / "tests" / "system"])}[reader]
    before = state(four)
    with subprocess.Popen([sys.executable, "-c", program, *map(str, arguments)],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "open\n"
        if harm == "damaged":
            with open(reading.catalog_path(four), "r+b") as file:
                file.write(b"damaged in the head")
        for arguments in ((), ("--dry-run",)):
            rebuild(four, *arguments, status=2).says("open in the process", str(other.pid))
        other.stdin.write("\n")
        other.stdin.flush()
        other.wait(30)
    rebuild(four)
    assert state(four) == before


def test_it_refuses_while_a_consumer_runs(lake, processes):
    server = processes(process.Replay([RECORDING.events], "--pace", "50ms"))
    run = processes(process.run_background(lake, server.endpoint, FIRST, LAST))
    run.wait_for(lambda: reading.catalog_path(lake).exists(), "the catalog")
    rebuild(lake, status=2).says("in use", "locked by")
    run.stop().expect(0)
