# SPDX-License-Identifier: Apache-2.0
"""`verify` finds what was planted in a lake, names it, and says what to fetch again; a lake that is
well it leaves in peace, beside a running consumer too."""

import json
import os
import pathlib
import random
import shutil
import subprocess
import time

import pyarrow.parquet
import pytest

from harness import lake as reading
from harness import process, truth

RECORDING = truth.PUBNET63
FIRST, LAST = RECORDING.first, RECORDING.last
SECOND = FIRST + 1
DEAD_LETTER = "event=700 damaged-event\n"   # of SECOND


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A lake of a commit a ledger; that of SECOND has a dead letter."""
    folder = tmp_path_factory.mktemp("verify")
    (folder / "faults").write_text(DEAD_LETTER)
    with process.Replay([RECORDING.events], "--fault", folder / "faults") as server:
        process.run(folder / "lake", server.endpoint, FIRST, LAST, schema_version="1.1.0",
                    network="pubnet", max_file_size="1KiB", batch_size=1)
    assert len(reading.data_files(folder / "lake")) == LAST - FIRST + 1
    return folder / "lake"


@pytest.fixture
def lake(made, tmp_path):
    return shutil.copytree(made, tmp_path / "lake")


def verify(lake, *arguments, status=0):
    finished = process.execute("verify", "--output-path", lake, "--json", *arguments)
    report = json.loads(finished.expect(status).stdout)
    assert list(report) == ["ok", "deep", "files", "rows", "coverage", "problems", "refetch",
                            "command", "notes", "changes_by_others"]
    assert report["ok"] == (status == 0) == (report["problems"] == [])
    assert report["deep"] == ("--deep" in arguments)
    for problem in report["problems"]:
        assert list(problem) == ["kind", "path", "commit_no", "first", "last", "message"]
    return report


def found(lake, *arguments):
    """The kinds and paths of what verify finds."""
    return [(problem["kind"], problem["path"])
            for problem in verify(lake, *arguments, status=3)["problems"]]


def commit_of(lake, path):
    [(number, first, last)] = reading.catalog_query(
        lake, "SELECT c.commit_no, c.first_ledger, c.last_ledger FROM ttp_commits c"
              f" JOIN ttp_commit_files f USING (commit_no) WHERE f.path = '{path}'")
    return number, first, last


def relative(lake, path):
    return str(path.relative_to(lake))


def overwrite(path, offset, data):
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(data)


# ---- nothing is wrong ----------------------------------------------------------------------------

@pytest.mark.parametrize("arguments", [(), ("--deep",)])
def test_a_whole_lake_is_ok(lake, arguments):
    report = verify(lake, *arguments)
    assert report["files"] == LAST - FIRST + 1
    assert report["rows"] == len(truth.truth_rows([RECORDING])) - 1
    assert report["coverage"] == [{"first": FIRST, "last": LAST}]
    assert (report["refetch"], report["command"]) == ([], None)
    place, letters = report["notes"]
    assert "1 event" in letters and "dead_letters" in letters
    assert "catalog" in place and str(lake) in place   # the fixture's lake is a copy
    process.execute("verify", "--output-path", lake, *arguments).expect(0).says(r"\nok: 4 files")


def test_it_changes_nothing(lake):
    def contents():
        return {path: path.read_bytes() for path in lake.rglob("*")
                if path.is_file() and not path.name.endswith(("-shm", "-wal"))}
    before = contents()
    verify(lake, "--deep")
    assert contents() == before


def test_no_lake_at_all_is_a_mistake_of_the_call(tmp_path):
    for path in (tmp_path, tmp_path / "none"):
        process.execute("verify", "--output-path", path, "--json").expect(2).says(
            "no lake", str(path), "output-path")


def test_it_is_right_beside_a_running_consumer(tmp_path, processes):
    """Commits come by the dozen while it looks."""
    lake = tmp_path / "lake"
    server = processes(process.Background(
        "generate", "--seed", 5, "--first-ledger", 1000, "--start-time", "2024-01-15T12:00:00Z",
        "--ledgers", 100000, "--listen", "127.0.0.1:0", "--pace", "10ms"))
    server.wait_for_text(r"listening on \S+:\d+\n")
    run = processes(process.run_background(lake, server.stdout.split()[-1], 1000, 0,
                                           max_file_size="1KiB", schema_version="1.1.0"))
    run.wait_for(lambda: reading.catalog_path(lake).exists() and reading.data_files(lake),
                 "a commit")
    seen = 0
    until = time.monotonic() + 4
    while time.monotonic() < until:
        report = verify(lake, "--deep")
        assert report["files"] >= seen
        seen = report["files"]
    assert seen > 5
    run.stop().expect(0)
    verify(lake, "--deep")


def test_holes_and_unconfirmed_ledgers_are_notes(tmp_path, processes):
    lake = tmp_path / "lake"
    (tmp_path / "faults").write_text(f"ledger={SECOND} skip-ledger count=2\n")
    server = processes(process.Replay([RECORDING.events], "--fault", tmp_path / "faults"))
    process.run(lake, server.endpoint, FIRST, SECOND)
    process.run(lake, server.endpoint, LAST, LAST)
    report = verify(lake, "--deep")
    assert report["coverage"] == [{"first": FIRST, "last": SECOND}, {"first": LAST, "last": LAST}]
    assert any("1 ledger" in note and "--unconfirmed" in note for note in report["notes"])
    assert any(f"{SECOND + 1}" in note and "not in the lake" in note for note in report["notes"])


# ---- files ---------------------------------------------------------------------------------------

def test_a_missing_file_is_named_with_what_to_fetch(lake):
    path = reading.data_files(lake)[1]
    number, first, last = commit_of(lake, relative(lake, path))
    path.unlink()
    report = verify(lake, status=3)
    [problem] = report["problems"]
    assert problem == {"kind": "missing_file", "path": relative(lake, path), "commit_no": number,
                       "first": first, "last": last, "message": problem["message"]}
    assert report["refetch"] == [{"first": first, "last": last}]
    assert report["command"] == (
        f"parquet-consumer repair --output-path {lake} && parquet-consumer run --output-path {lake}"
        f" --network pubnet --schema-version 1.1.0 {first} {last}")
    process.execute("verify", "--output-path", lake).expect(3).says(
        "problem: missing_file", relative(lake, path), f"fetch again: {first} to {last}",
        "not ok: 1 problem ")


@pytest.mark.parametrize("left", [0, 3, 12, 5000, -1])
def test_a_truncated_file_is_named(lake, left):
    path = reading.data_files(lake)[0]
    size = path.stat().st_size
    with open(path, "r+b") as file:
        file.truncate(left if left >= 0 else size + left)
    assert found(lake) == found(lake, "--deep") == [("truncated_file", relative(lake, path))]


def test_a_file_that_grew_is_named(lake):
    path = reading.data_files(lake)[0]
    with open(path, "ab") as file:
        file.write(b"more")
    assert found(lake) == [("truncated_file", relative(lake, path))]


def regions(path):
    """An offset in each region of a Parquet file: {name: offset}."""
    size = path.stat().st_size
    footer_bytes = int.from_bytes(path.read_bytes()[-8:-4], "little")
    group = pyarrow.parquet.ParquetFile(path).metadata.row_group(0)
    last = group.column(group.num_columns - 1)
    indexes = last.data_page_offset
    places = {"first magic": 0, "page header": group.column(0).dictionary_page_offset,
              "footer": size - 8 - footer_bytes // 2, "first byte of the footer":
              size - 8 - footer_bytes, "footer length": size - 8, "last magic": size - 1,
              "last index": size - 8 - footer_bytes - 1}
    for number in range(group.num_columns):
        column = group.column(number)
        start = column.dictionary_page_offset or column.data_page_offset
        places[f"{column.path_in_schema}: pages"] = start + column.total_compressed_size // 2
        places[f"{column.path_in_schema}: data page header"] = column.data_page_offset + 1
        indexes = max(indexes, start + column.total_compressed_size)
    for share in range(1, 8):
        places[f"indexes and Bloom filters, {share}/8"] = (
            indexes + (size - 8 - footer_bytes - indexes) * share // 8)
    return places


def test_a_byte_changed_in_any_region_is_found(lake):
    path = reading.data_files(lake)[-1]
    content = path.read_bytes()
    places = regions(path)
    random.seed(20)
    places |= {f"byte {offset}": offset for offset in random.sample(range(len(content)), 24)}
    missed = []
    for name, offset in places.items():
        overwrite(path, offset, bytes([content[offset] ^ 0x10]))
        if found(lake) != [("damaged_file", relative(lake, path))]:
            missed.append(name)
        overwrite(path, offset, content[offset:offset + 1])
    assert not missed
    verify(lake)


def test_a_whole_file_of_another_commit_in_its_place_contradicts(lake):
    """A valid Parquet file, of the very size that the catalog wants."""
    first, second = reading.data_files(lake)[:2]
    shutil.copyfile(first, second)
    size = first.stat().st_size
    reading.catalog_execute(lake, f"UPDATE ducklake_data_file SET file_size_bytes = {size},"
                      f" record_count = {pyarrow.parquet.ParquetFile(first).metadata.num_rows}"
                      f" WHERE path = '{relative(lake, second)}'")
    assert ("contradiction", relative(lake, second)) in found(lake)


def test_an_unknown_file_is_a_problem_that_fetching_does_not_mend(lake):
    path = reading.data_files(lake)[0]
    copy = path.with_name("mine.parquet")
    shutil.copyfile(path, copy)
    other = lake / "by hand" / "x.parquet"
    other.parent.mkdir()
    other.write_bytes(b"")
    (lake / "notes.txt").write_text("not a data file")
    report = verify(lake, status=3)
    assert sorted((problem["kind"], problem["path"], problem["commit_no"], problem["first"])
                  for problem in report["problems"]) == sorted(
        ("unknown_file", relative(lake, file), None, None) for file in (copy, other))
    assert (report["refetch"], report["command"]) == ([], None)


def test_what_lies_aside_in_the_lakes_own_folder_is_no_problem(lake):
    (lake / "_lake" / "damaged").mkdir()
    (lake / "_lake" / "damaged" / "a.parquet.damaged").write_bytes(b"x")
    verify(lake)


def test_several_problems_are_told_at_once_and_ranges_are_merged(lake):
    files = sorted(reading.data_files(lake), key=lambda path: commit_of(lake, relative(lake, path)))
    files[0].unlink()
    files[1].write_bytes(b"")
    overwrite(files[3], 100, b"\0\0\0\0")
    report = verify(lake, status=3)
    assert sorted(problem["kind"] for problem in report["problems"]) == [
        "damaged_file", "missing_file", "truncated_file"]
    assert report["refetch"] == [{"first": FIRST, "last": SECOND}, {"first": LAST, "last": LAST}]
    assert report["command"].count(" && ") == 2


def test_a_path_that_a_shell_would_split_is_quoted(made, tmp_path):
    lake = shutil.copytree(made, tmp_path / "my lake's")
    reading.data_files(lake)[0].unlink()
    command = verify(lake, status=3)["command"]
    repair = command.split(" && ")[0].removeprefix("parquet-consumer ")
    subprocess.run(f"{process.BINARY} {repair} --dry-run", shell=True, check=True, timeout=20)


def test_the_command_that_it_prints_mends_the_lake(made, tmp_path, servers):
    """As it is pasted: the endpoint comes from the configuration that verify was given."""
    lake = shutil.copytree(made, tmp_path / "a lake")
    reading.data_files(lake)[2].unlink()
    config = tmp_path / "config.json"
    config.write_text(json.dumps({
        "consumer": {"ttp_processor_endpoint": servers[RECORDING.name]},
        "output": {"output_path": str(lake)}, "monitoring": {"health_port": 0, "metrics_port": 0}}))
    report = json.loads(process.execute("verify", "--config", config, "--json").expect(3).stdout)
    command = report["command"].replace("parquet-consumer ", f"{process.BINARY} ")
    subprocess.run(command, shell=True, check=True, timeout=30, env=process.environment())
    assert not verify(lake, "--deep")["refetch"]
    assert reading.coverage(lake) == [(FIRST, LAST)]


def test_a_problem_with_bytes_that_are_no_text_is_told_in_json_too(lake):
    """A bit flipped in the footer can make a text of it no UTF-8; a file's name need not be any."""
    path = reading.data_files(lake)[0]
    lake_id = json.loads((lake / "_lake" / "lake.json").read_text())["lake_id"].encode()
    content = path.read_bytes()
    overwrite(path, content.rindex(lake_id), bytes([lake_id[0] ^ 0x80]))
    stranger = os.fsencode(lake) + b"/str\xffnge.parquet"
    pathlib.Path(os.fsdecode(stranger)).write_bytes(b"")
    problems = verify(lake, status=3)["problems"]
    assert [(problem["kind"], problem["path"]) for problem in problems] == [
        ("unknown_file", "str\ufffdnge.parquet"), ("contradiction", relative(lake, path))]
    assert "\ufffd" in problems[1]["message"]


# ---- dead letters --------------------------------------------------------------------------------

@pytest.mark.parametrize("change", [
    lambda path: path.unlink(), lambda path: path.write_bytes(b""),
    lambda path: path.write_bytes(path.read_bytes().replace(b'"ledger_sequence"', b'"ledger_seq"')),
    lambda path: path.write_bytes(path.read_bytes() * 2)])
def test_dead_letters_that_changed_are_found(lake, change):
    [path] = lake.glob("_lake/dead_letters/*")
    change(path)
    for arguments in ((), ("--deep",)):
        report = verify(lake, *arguments, status=3)
        assert ("dead_letters", relative(lake, path)) in [
            (problem["kind"], problem["path"]) for problem in report["problems"]]
        assert report["refetch"] == [{"first": SECOND, "last": SECOND}]


# ---- the catalog ---------------------------------------------------------------------------------

def test_a_lost_catalog_is_a_problem_and_the_remedy_is_named(lake):
    for suffix in ("", "-wal", "-shm"):
        reading.catalog_path(lake).with_name(f"catalog.sqlite{suffix}").unlink(missing_ok=True)
    report = verify(lake, status=3)
    [problem] = report["problems"]
    assert problem["kind"] == "catalog"
    assert "lost" in problem["message"] and "rebuild" in problem["message"]


@pytest.mark.parametrize("change", [
    lambda content: b"", lambda content: b"not a database, only a text that is long enough" * 99,
    lambda content: content[:5000],
    lambda content: content[:4096] + bytes(len(content) - 4096)])
def test_a_damaged_catalog_is_a_problem(lake, change):
    path = reading.catalog_path(lake)
    path.write_bytes(change(path.read_bytes()))
    report = verify(lake, status=3)
    assert [problem["kind"] for problem in report["problems"]] == ["catalog"]


def test_a_catalog_that_contradicts_itself_is_found(lake):
    reading.catalog_execute(lake, f"UPDATE ttp_coverage SET last_ledger = {LAST + 5}")
    assert found(lake) == [("catalog", None)]


def test_a_ledger_in_two_commits_is_found(lake, servers):
    """Its coverage was lost, and so it was fetched once more: its rows are there twice."""
    reading.catalog_execute(lake, f"UPDATE ttp_coverage SET first_ledger = {SECOND}")
    process.run(lake, servers[RECORDING.name], FIRST, FIRST, schema_version="1.1.0")
    [(earlier,), (later,)] = reading.catalog_query(
        lake, f"SELECT commit_no FROM ttp_commits WHERE first_ledger = {FIRST} ORDER BY commit_no")
    [problem] = verify(lake, status=3)["problems"]
    assert problem == {
        "kind": "contradiction", "path": None, "commit_no": earlier, "first": FIRST, "last": FIRST,
        "message": f"ledger {FIRST} is in two commits: {earlier} has rows or dead letters of it,"
                   f" and {later} took it over"}
    process.execute("repair", "--output-path", lake).expect(0).says(f"commit {earlier}: taken out")
    assert reading.coverage(lake) == [(FIRST, LAST)]   # the later one has it
    assert verify(lake, "--deep")["rows"] == len(truth.truth_rows([RECORDING])) - 1


def test_rows_that_the_catalog_counts_wrongly_are_found(lake):
    reading.catalog_execute(lake, "UPDATE ttp_commits SET row_count = row_count + 1 WHERE commit_no = 1")
    assert set(kind for kind, _ in found(lake)) <= {"catalog", "contradiction"}


# ---- what only --deep can see --------------------------------------------------------------------

@pytest.mark.parametrize("sql", [
    "UPDATE ducklake_file_column_stats SET max_value = '99999999' WHERE column_id = 2",
    "UPDATE ducklake_file_column_stats SET min_value = 'A' WHERE column_id = 4",
    "UPDATE ducklake_file_column_stats SET null_count = null_count + 1 WHERE column_id = 10",
    "UPDATE ttp_commits SET digest_contents = digest_chain",
    "UPDATE ttp_commits SET digest_chain = substr(digest_contents, -32)"])
def test_deep_compares_statistics_and_digests_with_the_rows(lake, sql):
    verify(lake)
    reading.catalog_execute(lake, sql)
    assert {kind for kind, _ in found(lake, "--deep")} == {"contradiction"}


def test_a_row_outside_of_its_commit_is_named(lake):
    """File and catalog agree that the last commit is of the ledger behind; its rows do not."""
    path = reading.data_files(lake)[-1]
    behind = LAST + 1
    path.write_bytes(path.read_bytes().replace(str(LAST).encode(), str(behind).encode()))
    for sql in (f"UPDATE ttp_commits SET first_ledger = {behind}, last_ledger = {behind},"
                f" digest_ledger = 0 WHERE first_ledger = {LAST}",
                "UPDATE ttp_commit_files SET checksum = '0000000000000000'"
                f" WHERE path = '{relative(lake, path)}'"):
        reading.catalog_execute(lake, sql)
    messages = [problem["message"] for problem in verify(lake, "--deep", status=3)["problems"]]
    assert f"a row of ledger {LAST} lies outside its commit" in messages


def test_damage_in_the_first_file_hides_nothing_in_a_later_commit(lake):
    first = reading.data_files(lake)[0]
    overwrite(first, 200, bytes(byte ^ 1 for byte in first.read_bytes()[200:201]))
    reading.catalog_execute(lake, "UPDATE ttp_commits SET digest_contents = digest_chain"
                                  " WHERE commit_no = 3")
    problems = verify(lake, "--deep", status=3)["problems"]
    assert {(one["kind"], one["commit_no"]) for one in problems} == {
        ("damaged_file", 1), ("contradiction", 3)}
