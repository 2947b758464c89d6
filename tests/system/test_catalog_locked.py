# SPDX-License-Identifier: Apache-2.0
"""A reader of the lake holds SQLite's locks on catalog.sqlite-shm before a run starts: the run says
so, names the process, waits, and goes on when the lock is gone; a stop and give_up_after end it."""

import fcntl
import os
import re
import subprocess
import tempfile

import pytest

from harness import lake as reading
from harness import process, truth, watching

RECORDING = truth.TESTNET
FIRST, LAST = RECORDING.first, RECORDING.last
CUT = FIRST + 80
# sqlite.org/walformat.html, section 2.3.2, and the shared lock of who has the database open, without
# which SQLite makes the -shm anew (sqlite.org/src, os.h: SHARED_FIRST, SHARED_SIZE).
LOCKS = (("-shm", 120, 8), ("", 0x40000002, 510))


@pytest.fixture
def made(lake, servers):
    process.run(lake, servers[RECORDING.name], FIRST, CUT - 1)
    return lake


class Held:
    """SQLite's locks, shared, as who may only read the lake can have them."""

    def __init__(self, lake):
        path = reading.catalog_path(lake)
        self.descriptors = []
        for suffix, first, count in LOCKS:
            descriptor = os.open(path.with_name(path.name + suffix), os.O_RDONLY)
            self.descriptors.append(descriptor)
            fcntl.lockf(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB, count, first)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()

    def release(self):
        while self.descriptors:
            os.close(self.descriptors.pop())


WAITS = "another program is writing to it, or its database server is away; waiting"


def test_a_run_that_starts_meanwhile_waits_and_then_does_its_work(made, servers, processes):
    with Held(made) as lock:
        run = processes(watching.Watched(made, servers[RECORDING.name], FIRST, LAST))
        answer = run.wait_for_rule("catalog_locked")
        assert answer.json["status"] == "degraded", answer.text
        assert run.ask("/live").status == 200
        assert WAITS in run.stderr
        assert re.search(rf"process {os.getpid()} holds a lock on catalog.sqlite-shm", run.stderr)
        lock.release()
        run.wait().expect(0)
    reading.compare_lake_with_truth(made, [RECORDING], "1.0.0")


def test_a_stop_ends_the_wait_with_nothing_left_undone(made, servers, processes):
    with Held(made):
        run = processes(watching.Watched(made, servers[RECORDING.name], FIRST, LAST))
        run.wait_for(lambda: WAITS in run.stderr, "the wait")
        run.stop().expect(0).says("stopped while another program held the catalog")
    process.run(made, servers[RECORDING.name], FIRST, LAST)
    reading.compare_lake_with_truth(made, [RECORDING], "1.0.0")


def test_give_up_after_ends_the_wait_with_exit_1_and_the_process(made, servers):
    with Held(made):
        done = process.run(made, servers[RECORDING.name], FIRST, LAST, status=1,
                           give_up_after="1s")
    done.says("gave up after 1s", f"process {os.getpid()} holds a lock")


def test_a_service_is_not_ended_by_give_up_after(made, servers, processes):
    with Held(made) as lock:
        run = processes(watching.Watched(made, servers[RECORDING.name], FIRST, 0,
                                         give_up_after="1s", max_file_age="300ms"))
        run.wait_for_rule("catalog_locked")
        lock.release()
        run.wait_for_health(lambda answer: answer.json["events_written"] > 0, "a commit")
        run.stop().expect(0)


@pytest.mark.parametrize("verb", [["repair", str(FIRST), str(CUT - 1)], ["repair"], ["status"],
                                  ["verify"]], ids="-".join)
def test_a_short_command_does_not_wait_without_end(made, verb):
    with Held(made):
        done = process.execute(*verb, "--output-path", made)
    assert done.status in (0, 1), done
    if done.status == 1:
        done.says(f"process {os.getpid()} holds a lock")


@pytest.fixture
def overlay(tmp_path):
    """A folder on an overlay over another file system, as containers have: its files show a device
    that is not its own."""
    folders = [tmp_path / name for name in ("upper", "work", "merged")]
    for folder in folders:
        folder.mkdir()
    upper, work, merged = folders
    with tempfile.TemporaryDirectory(prefix="ttp-test-", dir="/dev/shm") as lower:
        mounted = subprocess.run(["mount", "-t", "overlay", "overlay", "-o",
                                  f"lowerdir={lower},upperdir={upper},workdir={work}", merged],
                                 capture_output=True, text=True)
        if mounted.returncode != 0:
            pytest.skip(f"no overlay can be mounted here: {mounted.stderr.strip()}")
        yield merged
        subprocess.run(["umount", merged], check=True)


def test_the_process_is_named_on_an_overlay_too(overlay, servers):
    lake = overlay / "lake"
    process.run(lake, servers[RECORDING.name], FIRST, CUT - 1)
    with Held(lake):
        done = process.run(lake, servers[RECORDING.name], FIRST, LAST, status=1,
                           give_up_after="1s")
    done.says(f"process {os.getpid()} holds a lock")
