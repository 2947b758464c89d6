# SPDX-License-Identifier: Apache-2.0
"""A lake's folder that somebody prepared: links, pipes and intents lead no command to anything that
is not the lake's."""

import hashlib
import json
import os
import shutil

import pytest

from harness import lake as reading
from harness import process, truth

RECORDING = truth.PUBNET63
FIRST, LAST = RECORDING.first, RECORDING.last


@pytest.fixture(scope="module")
def made(tmp_path_factory, servers):
    """A lake of all but the recording's last ledger."""
    lake = tmp_path_factory.mktemp("hostile") / "lake"
    process.run(lake, servers[RECORDING.name], FIRST, LAST - 1, schema_version="1.1.0")
    return lake


@pytest.fixture
def lake(made, tmp_path):
    return shutil.copytree(made, tmp_path / "lake")


@pytest.fixture
def outside(tmp_path):
    """What nobody may touch."""
    (tmp_path / "outside" / "sub").mkdir(parents=True)
    (tmp_path / "outside" / "precious.txt").write_text("precious\n")
    (tmp_path / "outside" / "sub" / "deep.txt").write_text("deep\n")
    return tmp_path / "outside"


def contents(folder):
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*") if path.is_file()}


def link(path, target):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    path.symlink_to(target)


def pipe(path):
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def commands(lake, endpoint):
    """Every command that opens a lake, by name."""
    place = ("--output-path", lake)
    return {
        "run": lambda: process.execute(*process.run_arguments(
            lake, endpoint, FIRST, LAST, schema_version="1.1.0")),
        "status": lambda: process.execute("status", *place),
        "verify": lambda: process.execute("verify", "--deep", *place),
        "files": lambda: process.execute("files", *place),
        "dead-letters": lambda: process.execute("dead-letters", *place),
        "repair": lambda: process.execute("repair", *place),
        "repair of a range": lambda: process.execute("repair", *place, str(FIRST), str(LAST)),
        "rebuild": lambda: process.execute("rebuild", *place),
    }


# What becomes a link, to what, and the commands that need it and so refuse it.
LINKS = {
    "_lake/staging": ("", {"run", "verify", "repair", "repair of a range", "rebuild"}),
    "_lake/staging/sub": ("", {"run", "verify", "repair", "repair of a range", "rebuild"}),
    "_lake/staging/intent.json.inprogress":
        ("precious.txt", {"run", "verify", "repair", "repair of a range", "rebuild"}),
    "_lake/lock": ("precious.txt", {"run", "repair", "repair of a range", "rebuild"}),
    "_lake/lake.json": ("lake.json", {"run", "verify", "repair", "repair of a range", "rebuild"}),
    "_lake/catalog.sqlite": ("catalog.sqlite", None),
    "_lake/catalog.sqlite-wal": ("precious.txt", {"run", "status", "verify", "files", "repair"}),
    "_lake/catalog.sqlite-journal":
        ("precious.txt", {"run", "status", "verify", "files", "repair"}),
    "_lake/damaged": ("", {"repair of a range"}),
    "_lake": ("_lake", None),
}


@pytest.mark.parametrize("name", LINKS)
def test_a_link_in_the_lakes_own_folder_is_refused_and_never_followed(lake, outside, servers, name):
    target, refusing = LINKS[name]
    if target in ("lake.json", "catalog.sqlite", "_lake"):
        shutil.move(lake / name, outside / target)
    link(lake / name, outside / target)
    before = contents(outside)
    for command, execute in commands(lake, servers[RECORDING.name]).items():
        finished = execute()
        assert contents(outside) == before, command
        if refusing is None or command in refusing:
            assert finished.status == 2, (command, finished.stderr)
            assert f"{name} is a link" in finished.stderr, command
            assert "put what it leads to in its place, or remove it" in finished.stderr, command


# What is written in place, and commands that write to it.
IN_PLACE = {
    "lock": {"run", "repair", "repair of a range", "rebuild"},
    "catalog.sqlite": {"run", "repair", "repair of a range"},
    "catalog.sqlite-wal": {"run", "status", "verify", "files", "repair"},
    "catalog.sqlite-shm": {"run", "status", "verify", "files", "repair"},
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_what_has_a_second_name_outside_of_the_lake_is_never_written_to(lake, outside, servers,
                                                                        name):
    path = lake / "_lake" / name
    path.touch()
    path.chmod(0o644)
    os.link(path, outside / name)
    before = contents(outside), (outside / name).stat().st_mode
    for command, execute in commands(lake, servers[RECORDING.name]).items():
        if command == "rebuild" and name != "lock":
            continue  # puts new files in their place
        finished = execute()
        assert (contents(outside), (outside / name).stat().st_mode) == before, command
        if command in IN_PLACE[name]:
            assert finished.status == 2, (command, finished.stderr)
            assert f"{name} has a second name (a hard link)" in finished.stderr, command
    process.execute("rebuild", "--output-path", lake)
    assert (contents(outside), (outside / name).stat().st_mode) == before
    shutil.copy(path, lake / "copy")  # the remedy
    os.replace(lake / "copy", path)
    commands(lake, servers[RECORDING.name])["run"]().expect(0)
    assert (contents(outside), (outside / name).stat().st_mode) == before


@pytest.mark.parametrize("name", ["catalog.sqlite.rebuilding", "catalog.sqlite.rebuilding-wal",
                                  "catalog.sqlite.rebuilding-journal"])
def test_a_rebuild_replaces_links_under_its_own_new_names(lake, outside, name):
    link(lake / "_lake" / name, outside / "precious.txt")
    before = contents(outside)
    process.execute("rebuild", "--output-path", lake).expect(0)
    assert contents(outside) == before
    process.execute("verify", "--deep", "--output-path", lake).expect(0)


@pytest.mark.parametrize("name", ["catalog.sqlite", "catalog.sqlite-wal", "lake.json", "lock",
                                  "staging/intent.json", "staging/left"])
def test_a_pipe_in_the_lakes_own_folder_is_refused_and_never_waited_for(lake, servers, name):
    pipe(lake / "_lake" / name)
    finished = commands(lake, servers[RECORDING.name])["run"]()
    assert finished.status == 2, finished.stderr
    assert f"_lake/{name} is a pipe, not a file: move it away" in finished.stderr


def test_a_pipe_in_a_data_files_place_is_a_damaged_file_and_never_waited_for(lake):
    path = reading.data_files(lake)[0]
    pipe(path)
    finished = process.execute("verify", "--output-path", lake).expect(3)
    assert path.name in finished.stdout
    assert "pipe" in finished.stdout


@pytest.fixture
def moved_year(lake, outside):
    """The lake's year lies elsewhere, and a link leads there; its name."""
    year = reading.data_files(lake)[0].relative_to(lake).parts[0]
    shutil.move(lake / year, outside / year)
    link(lake / year, outside / year)
    return year


def test_a_partition_behind_an_operators_link_is_read_and_named(lake, outside, moved_year):
    rows = json.loads(process.execute("verify", "--deep", "--output-path", lake, "--json")
                      .expect(0).stdout)
    assert rows["rows"] > 0
    assert any(f"{moved_year} is a link to a folder elsewhere" in note for note in rows["notes"])
    before = contents(outside)
    rebuilt = process.execute("rebuild", "--output-path", lake).expect(0)
    assert f"left alone: {moved_year}: a link to a folder elsewhere" in rebuilt.stdout
    assert contents(outside) == before
    again = json.loads(process.execute("verify", "--deep", "--output-path", lake, "--json")
                       .expect(0).stdout)
    assert (again["rows"], again["files"]) == (rows["rows"], rows["files"])


def test_nothing_is_written_or_moved_behind_an_operators_link(lake, outside, servers, moved_year):
    before = contents(outside)
    finished = commands(lake, servers[RECORDING.name])["run"]()
    assert finished.status == 1, finished.stderr
    assert f"{moved_year} is a link: files below it are read" in finished.stderr
    assert "or mount it there" in finished.stderr
    assert contents(outside) == before
    finished = process.execute("repair", "--output-path", lake, str(FIRST), str(LAST)).expect(2)
    assert f"{moved_year} is a link" in finished.stderr
    assert contents(outside) == before


# ---- intents ----


def write_intent(lake, files, **commit):
    """The intent of a second commit that somebody made up."""
    identity = json.loads((lake / "_lake/lake.json").read_text())
    rows = sum(file["record_count"] for file in files)
    intent = {
        "layout_version": identity["layout_version"], "lake_id": identity["lake_id"],
        "commit": {
            "commit_no": 2, "first_ledger": LAST, "last_ledger": LAST, "schema_version": "1.1.0",
            "reason": "age", "row_count": rows, "dead_letter_count": 0, "null_decimal_count": 0,
            "replaced_memo_count": 0, "digest_ledger": 0, "digest_chain": "0" * 32,
            "digest_contents": "0" * 32, "last_close_us": 0, "committed_us": 0, "unconfirmed": [],
            **commit},
        "files": files, "dead_letters": None}
    (lake / "_lake/staging/intent.json").write_text(json.dumps(intent))


def item(index, path, size=9, checksum="0" * 16):
    return {"staged": f"commit_2_{index}.parquet.inprogress", "path": str(path), "record_count": 1,
            "file_size_bytes": size, "footer_size_bytes": 1, "checksum": checksum,
            "first_ledger": LAST, "last_ledger": LAST,
            "partition_values": ["2026", "6", "19", "0"], "statistics": []}


def own_path(lake, attempt):
    """A data file's path of the lake's own form, that no commit has."""
    path = reading.data_files(lake)[0].relative_to(lake)
    return path.with_name(f"{path.stem}-{attempt}.parquet")


@pytest.mark.parametrize("path", ["notes.txt", "mine/x.parquet", "_lake/catalog.sqlite",
                                  "_lake/lake.json", "_lake/lock", "archive/precious.parquet"])
def test_an_intent_that_names_what_is_not_a_commits_is_refused(lake, outside, servers, path):
    (outside / "precious.parquet").write_text("precious\n")
    (lake / "archive").symlink_to(outside)
    (lake / "mine").mkdir()
    (lake / "mine/x.parquet").write_text("mine\n")
    (lake / "notes.txt").write_text("my notes\n")
    write_intent(lake, [item(0, path)])
    before = {name: digest for name, digest in contents(lake).items()
              if "catalog.sqlite" not in name and name != "_lake/lock"}
    finished = commands(lake, servers[RECORDING.name])["run"]()
    assert finished.status == 1, finished.stderr
    assert "intent.json" in finished.stderr and "run `verify`" in finished.stderr
    after = contents(lake)
    assert {name: after.get(name) for name in before} == before
    assert (lake / "_lake/catalog.sqlite").exists() and (lake / "_lake/lock").exists()
    assert (outside / "precious.parquet").exists()


def test_a_rollback_deletes_nothing_that_its_commit_did_not_make(lake, servers):
    """A copy of a live file, with its right size and checksum, under a name that a commit can have
    chosen."""
    live = reading.data_files(lake)[0]
    copy, missing = lake / own_path(lake, 2), own_path(lake, 3)
    shutil.copy(live, copy)
    checksum, = reading.catalog_query(lake, "SELECT checksum FROM ttp_commit_files")[0]
    if not isinstance(checksum, str):
        checksum = f"{checksum & (2**64 - 1):016x}"
    write_intent(lake, [item(0, copy.relative_to(lake), live.stat().st_size, checksum),
                        item(1, missing)])
    finished = commands(lake, servers[RECORDING.name])["run"]().expect(0)
    finished.says("an interrupted commit was undone")
    assert copy.read_bytes() == live.read_bytes()
    assert not (lake / "_lake/damaged").exists()


def test_an_intent_of_another_commits_live_file_is_refused(lake, servers):
    live = reading.data_files(lake)[0]
    write_intent(lake, [item(0, live.relative_to(lake))])
    finished = commands(lake, servers[RECORDING.name])["run"]()
    assert finished.status == 1
    assert "a file of another commit" in finished.stderr
    assert live.exists()


@pytest.mark.parametrize("commit", [
    {}, {"first_ledger": 1, "last_ledger": 2**32 - 1}, {"commit_no": 2**63 - 1},
    {"row_count": 2**63 - 1}, {"unconfirmed": "many"}])
def test_an_intent_without_files_or_without_bounds_is_refused(lake, servers, commit):
    if "unconfirmed" in commit:
        commit = {"unconfirmed": [[ledger, ledger] for ledger in range(0, 600000, 2)]}
    write_intent(lake, [], **commit)
    finished = commands(lake, servers[RECORDING.name])["run"]()
    assert finished.status == 1
    assert "intent.json" in finished.stderr and "move it aside and run `verify`" in finished.stderr
    (lake / "_lake/staging/intent.json").unlink()
    process.execute("verify", "--deep", "--output-path", lake).expect(0)


# ---- reports ----


def run_with_report(lake, servers, report):
    return process.execute(*process.run_arguments(lake, servers[RECORDING.name], FIRST, LAST,
                                                  schema_version="1.1.0"), "--report", report)


def test_a_report_goes_into_a_pipe_and_does_not_replace_it(lake, tmp_path, servers):
    path = tmp_path / "reports/pipe"
    path.parent.mkdir()
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        run_with_report(lake, servers, path).expect(0)
        assert json.loads(os.read(reader, 1 << 16))["exit_code"] == 0
    finally:
        os.close(reader)
    assert path.is_fifo()
    assert [found.name for found in path.parent.iterdir()] == ["pipe"]
    run_with_report(lake, servers, path).expect(1).says("nobody reads what is written to")


def test_a_report_goes_to_standard_output_by_a_link(lake, tmp_path, servers):
    path = tmp_path / "stdout"
    path.symlink_to("/proc/self/fd/1")
    finished = run_with_report(lake, servers, path).expect(0)
    assert '"exit_code": 0' in finished.stdout
    assert path.is_symlink()


@pytest.mark.parametrize("target", ["precious.txt", "none"])
def test_a_report_never_follows_or_replaces_a_link_to_a_file(lake, outside, tmp_path, servers,
                                                             target):
    path = tmp_path / "report.json"
    path.symlink_to(outside / target)
    before = contents(outside)
    run_with_report(lake, servers, path).expect(2).says("name the file itself")
    assert path.is_symlink()
    assert contents(outside) == before


def test_folders_too_deep_for_a_lake_are_named_with_what_to_do(lake):
    deep = lake
    for _ in range(70):
        deep = deep / "d"
        deep.mkdir()
    for verb in ("verify", "repair", "rebuild"):
        process.execute(verb, "--output-path", lake).expect(1).says("deep", "move it away")
