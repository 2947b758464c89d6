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
