# SPDX-License-Identifier: Apache-2.0
"""A full disk: one log line, the run waits, goes on by itself when there is room, and the lake is
the truth. On a tmpfs of its own, which needs root."""

import contextlib
import os
import re
import subprocess
import time

import pytest

from harness import lake as reading
from harness import process, truth

RECORDING = truth.PUBNET63


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 4 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "ttp-test", str(folder)],
                             capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a tmpfs: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=False)


def fill(folder, keep_bytes):
    """Fills the file system but for some bytes; returns the file that does."""
    path = folder / "filler"
    status = os.statvfs(folder)
    size = status.f_bavail * status.f_frsize - keep_bytes
    with open(path, "wb") as file:
        left = size
        with contextlib.suppress(OSError):
            while left > 0:
                left -= file.write(bytes(min(left, 65536)))
    return path


def complaints(text):
    return [line for line in text.splitlines()
            if re.search("no space|disk is full|disk full|full disk", line, re.I)]


def test_a_full_disk_is_waited_out(small_disk, servers, processes):
    lake = small_disk / "lake"
    endpoint = servers[RECORDING.name]
    process.run(lake, endpoint, RECORDING.first, RECORDING.first, compression_codec="none")
    filler = fill(small_disk, keep_bytes=24 * 1024)
    run = processes(process.run_background(lake, endpoint, RECORDING.first, RECORDING.last,
                                           compression_codec="none"))
    run.wait_for(lambda: complaints(run.stderr), "a line about the full disk", 30)
    time.sleep(2)
    assert run.running, run.finished()
    assert len(complaints(run.stderr)) == 1, run.stderr
    filler.unlink()
    run.wait(limit=60).expect(0)
    reading.compare_lake_with_truth(lake, [RECORDING], "1.0.0", codec="none")
    reading.check_catalog(lake)
    reading.assert_nothing_left(lake)


def test_a_run_that_waits_for_room_can_be_stopped(small_disk, servers, processes):
    lake = small_disk / "lake"
    endpoint = servers[RECORDING.name]
    process.run(lake, endpoint, RECORDING.first, RECORDING.first, compression_codec="none")
    filler = fill(small_disk, keep_bytes=24 * 1024)
    run = processes(process.run_background(lake, endpoint, RECORDING.first, RECORDING.last,
                                           compression_codec="none", stop_timeout="2s"))
    run.wait_for(lambda: complaints(run.stderr), "a line about the full disk", 30)
    started = time.monotonic()
    run.stop(limit=20).expect(1)
    assert time.monotonic() - started < 10
    filler.unlink()
    process.run(lake, endpoint, RECORDING.first, RECORDING.last, compression_codec="none")
    reading.compare_lake_with_truth(lake, [RECORDING], "1.0.0", codec="none")
    reading.assert_nothing_left(lake)
