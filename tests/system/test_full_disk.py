# SPDX-License-Identifier: Apache-2.0
"""A full disk: one log line, the run waits, goes on by itself when there is room, and the lake is
the truth. Before it is full, below min_free_disk: nothing more is taken, what is open is still
committed. On a tmpfs of its own, which needs root."""

import contextlib
import os
import re
import subprocess
import time

import pytest

from harness import lake as reading
from harness import process, truth, watching

RECORDING = truth.PUBNET63


@contextlib.contextmanager
def file_system(folder, size):
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "ttp-test", str(folder)],
        capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a tmpfs: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=False)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 4 MiB."""
    with file_system(tmp_path / "disk", "4m") as folder:
        yield folder


@pytest.fixture
def roomy_disk(tmp_path):
    """One on which a run can work for some minutes."""
    with file_system(tmp_path / "disk", "128m") as folder:
        yield folder


FIRST_LEDGER = 1000


@pytest.fixture
def load(processes):
    """A server that closes a ledger of some 640 events every 20 ms, without end."""
    server = processes(process.Background(
        "generate", "--seed", 11, "--first-ledger", FIRST_LEDGER, "--ledgers", 1000000,
        "--start-time", "2026-01-05T12:00:00Z", "--listen", "127.0.0.1:0", "--pace", "20ms"))
    server.wait_for_text(r"listening on \S+:\d+\n")
    return server.stdout.split()[-1]


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


@pytest.mark.serial
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


# ---- under load ----------------------------------------------------------------------------------

MIN_FREE = 32 * 1024 * 1024


def start(processes, lake, endpoint, **options):
    run = processes(watching.Watched(
        lake, endpoint, FIRST_LEDGER, schema_version="1.1.0", max_file_age="1s", batch_size=1000,
        **options))
    run.wait_for_health(lambda one: one.json["files_created"] > 0, "a first commit")
    return run


def lines_about_min_free_disk(run):
    return [line for line in run.stderr.splitlines() if "less than min_free_disk" in line]


def wait_until_still(run, number, what, still_for=1.5, limit=40):
    """Waits until a figure of /health stays as it is; returns it."""
    value, since, until = None, 0, time.monotonic() + limit
    while True:
        now = run.health().json[number]
        if now != value:
            value, since = now, time.monotonic()
        elif time.monotonic() - since > still_for:
            return value
        assert time.monotonic() < until, f"{what} goes on: {now}"
        time.sleep(0.1)


def check_whole(lake):
    """Every value verified; the lake begins with the first ledger and has no gap."""
    process.execute("verify", "--deep", "--output-path", lake).expect(0)
    [(first, last)] = reading.coverage(lake)
    assert first == FIRST_LEDGER
    return last


def test_below_min_free_disk_intake_pauses_and_commits_still_close(roomy_disk, load, processes):
    lake = roomy_disk / "lake"
    run = start(processes, lake, load, min_free_disk=MIN_FREE)
    for times in (1, 2):
        filler = fill(roomy_disk, keep_bytes=MIN_FREE - 4 * 1024 * 1024)
        answer = run.wait_for_rule("disk_low")
        assert (answer.status, answer.json["status"]) == (200, "degraded"), answer.text
        run.wait_for(lambda: len(lines_about_min_free_disk(run)) == times, "the line about it")
        # The server is not read any more: its events stay with it.
        received = wait_until_still(run, "events_received", "the intake")
        # What was taken is committed by its age, in the room that is left.
        run.wait_for_health(lambda one: one.json["next_commit_at"] is None, "the open files' commit")
        written = run.health().json["events_written"]
        assert run.metrics()["ttp_intake_paused"] == 1
        time.sleep(1.5)
        health = run.health().json
        assert (health["events_received"], health["events_written"]) == (received, written)
        assert [reason["rule"] for reason in health["reasons"]] == ["disk_low"]
        assert len(lines_about_min_free_disk(run)) == times, run.stderr
        check_whole(lake)
        filler.unlink()
        run.wait_for_health(lambda one: one.json["events_written"] > received, "what comes after")
        run.wait_for_status("healthy")
        assert run.metrics()["ttp_intake_paused"] == 0
    run.stop().expect(0)
    check_whole(lake)
    reading.assert_nothing_left(lake)


@pytest.mark.serial
def test_a_run_whose_intake_is_paused_publishes_all_and_stops_in_time(roomy_disk, load, processes):
    lake = roomy_disk / "lake"
    run = start(processes, lake, load, min_free_disk=MIN_FREE, stop_timeout="10s")
    fill(roomy_disk, keep_bytes=MIN_FREE - 4 * 1024 * 1024)
    run.wait_for(lambda: lines_about_min_free_disk(run), "the line about min_free_disk")
    received = wait_until_still(run, "events_received", "the intake")
    started = time.monotonic()
    finished = run.stop(limit=30).expect(0)
    assert time.monotonic() - started < 12, repr(finished)
    check_whole(lake)
    reading.assert_nothing_left(lake)
    rows = reading.catalog_query(lake, "SELECT sum(row_count) FROM ttp_commits")[0][0]
    assert rows <= received < rows + 4000, "all but the ledger in progress was handed over"


def test_a_disk_filled_and_freed_under_load_costs_nothing(roomy_disk, load, processes):
    lake = roomy_disk / "lake"
    run = start(processes, lake, load)
    for times in (1, 2, 3):
        filler = fill(roomy_disk, keep_bytes=(times - 1) * 200 * 1024)
        answer = run.wait_for_rule("disk_full")
        assert answer.status == 503
        time.sleep(0.5)
        assert len(complaints(run.stderr)) == times, run.stderr
        written = check_whole(lake)   # what is published is unharmed while the disk is full
        filler.unlink()
        run.wait_for_health(lambda one: one.json["last_committed_ledger"] > written, "commits")
    run.wait_for_status("healthy")
    run.stop().expect(0)
    check_whole(lake)
    reading.assert_nothing_left(lake)
