# SPDX-License-Identifier: Apache-2.0
"""`relocate` tells readers where a lake that was moved or copied lies, and changes nothing else."""

import json
import shutil
import sqlite3
import subprocess
import sys

import pytest

from harness import lake as reading
from harness import process, truth

RECORDING = truth.TESTNET
FIRST, LAST = RECORDING.first, RECORDING.last


@pytest.fixture
def made(lake, servers):
    process.run(lake, servers[RECORDING.name], FIRST, LAST, schema_version="1.1.0")
    return lake


@pytest.fixture
def copy(made, tmp_path):
    shutil.copytree(made, tmp_path / "copy")
    return tmp_path / "copy"


def relocate(lake, *arguments, status=0):
    return process.execute("relocate", "--output-path", lake, *arguments).expect(status)


def data_path(lake):
    (path,), = reading.catalog_query(
        lake, "SELECT value FROM ducklake_metadata WHERE key = 'data_path'")
    return path


DUMP = "import sqlite3, sys; print('\\n'.join(sqlite3.connect(sys.argv[1]).iterdump()))"


def dump(lake):
    """The catalog as text, line by line; by another process, since locks are a process's own."""
    return subprocess.run([sys.executable, "-c", DUMP, reading.catalog_path(lake)], check=True,
                          capture_output=True, text=True).stdout.splitlines()


def test_a_copied_lake_is_read_where_it_lies_and_nothing_else_is_changed(made, copy):
    before = dump(copy)
    relocate(copy).says(f"look for the lake's files in {copy}/, no longer in {made}/")
    changed = set(before) ^ set(dump(copy))
    assert len(changed) == 4 and all("path" in line for line in changed), changed
    shutil.rmtree(made)
    reading.compare_lake_with_truth(copy, [RECORDING], "1.1.0")
    assert "relocate" not in process.execute("verify", "--output-path", copy).expect(0).output


def test_verify_names_it_as_the_remedy_for_a_copy(made, copy):
    process.execute("verify", "--output-path", copy).expect(0).says(
        f"'parquet-consumer relocate --output-path {copy}' sets the path anew")


def test_where_nothing_is_to_be_done_it_says_so(made):
    before = dump(made)
    relocate(made).says(f"nothing to do: readers find the lake's files in {made}/ already")
    assert dump(made) == before


def test_a_dry_run_only_says_what_would_be_done(made, copy):
    before = dump(copy)
    relocate(copy, "--dry-run").says(f"would look for the lake's files in {copy}/")
    assert dump(copy) == before


def test_readers_may_see_the_lake_under_another_path(made):
    relocate(made, "--reader-data-path", "/mnt//lake").says("look for the lake's files in /mnt/lake/")
    assert data_path(made) == "/mnt/lake/"
    relocate(made).says(f"in {made}/, no longer in /mnt/lake/")
    relocate(made, "--reader-data-path", "lake", status=2).says("the path must be absolute")


def test_json_says_from_what_to_what(made, copy):
    keys = {"lake_path": str(copy), "before": f"{made}/", "data_path": f"{copy}/", "changed": True,
            "dry_run": False}
    assert json.loads(relocate(copy, "--json").stdout) == keys
    keys.update(before=f"{copy}/", changed=False)
    assert json.loads(relocate(copy, "--json").stdout) == keys


def test_a_lake_that_a_run_holds_and_a_folder_without_one_are_refused(made, tmp_path, servers):
    relocate(tmp_path / "nothing", status=2).says("there is no lake in")
    with process.run_background(made, servers[RECORDING.name], FIRST, 0,
                                schema_version="1.1.0") as run:
        run.wait_for(lambda: f"pid {run.process.pid} " in (made / "_lake" / "lock").read_text(),
                     "the lock")
        relocate(made, status=2).says(f"is locked by pid {run.process.pid}")
        relocate(made, "--dry-run").says("nothing to do")
        run.stop()
