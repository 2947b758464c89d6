# SPDX-License-Identifier: Apache-2.0
"""Millions of events, end to end from a server to a lake: nothing is lost, and memory does not grow
with their number. `pytest -s test_volume.py` prints the figures of docs/PERFORMANCE.md."""

import os
import re
import time

import pytest

from harness import lake as reading
from harness import process

FIRST = 60_000_000
MEMORY_LIMIT_BYTES = 192 * 1024 * 1024


def serve_generated(ledgers):
    server = process.Background("generate", "--seed", "1", "--first-ledger", str(FIRST),
                                "--ledgers", str(ledgers), "--start-time", "2025-12-01T00:00:00Z",
                                "--listen", "127.0.0.1:0")
    server.wait_for(lambda: "listening on" in server.stdout, "the server", 60)
    server.endpoint = re.search(r"listening on (\S+)", server.stdout).group(1)
    return server


def measured_run(lake, endpoint, ledgers, **options):
    """Runs to the end; its CPU seconds, peak memory in bytes."""
    run = process.run_background(lake, endpoint, FIRST, FIRST + ledgers - 1, **options)
    with run:
        peak_bytes, status = 0, None
        until = time.monotonic() + 300
        while not status:
            assert time.monotonic() < until, run.stderr
            peak_bytes = max(peak_bytes, process.peak_memory_bytes(run.process.pid))
            time.sleep(0.01)
            pid, wait_status, usage = os.wait4(run.process.pid, os.WNOHANG)
            status = pid != 0
        run.process.returncode = os.waitstatus_to_exitcode(wait_status)
        run.finished().expect(0)
    return usage.ru_utime + usage.ru_stime, peak_bytes


def check_rows(lake, ledgers):
    """Every ledger there, its events counted from 0 without a gap and without a double."""
    with reading.attached(lake) as connection:
        rows, covered, wrong = connection.execute(
            "SELECT sum(events)::BIGINT, count(*), count(*) FILTER (events != last + 1 OR"
            " events != different) FROM (SELECT count(*) AS events, max(event_index) AS last,"
            " count(DISTINCT event_index) AS different FROM lake.ttp_events"
            " GROUP BY ledger_sequence)").fetchone()
    assert covered == ledgers
    assert wrong == 0
    assert reading.coverage(lake) == [(FIRST, FIRST + ledgers - 1)]
    return rows


@pytest.mark.slow
@pytest.mark.serial
@pytest.mark.skipif("/asan/" in str(process.BINARY) or "/tsan/" in str(process.BINARY),
                    reason="a sanitizer's memory is not the program's")
def test_memory_does_not_grow_with_the_number_of_events(tmp_path, processes):
    peaks = []
    for ledgers in (1500, 6000):
        lake = tmp_path / f"lake-{ledgers}"
        server = processes(serve_generated(ledgers))
        cpu_seconds, peak_bytes = measured_run(lake, server.endpoint, ledgers,
                                               schema_version="1.1.0")
        rows = check_rows(lake, ledgers)
        size = sum(path.stat().st_size for path in reading.data_files(lake))
        print(f"\n{rows:,} events: {cpu_seconds / rows * 1e6:.2f} us of CPU an event, peak"
              f" {peak_bytes / 2**20:.0f} MiB, {size / rows:.1f} bytes an event")
        assert rows > 500 * ledgers
        peaks.append(peak_bytes)
    # What waits in queue and row group when the machine has other work moves the peak by a fifth;
    # memory that grew with the number of events would be at four times.
    assert peaks[1] < 1.5 * peaks[0], f"four times the events: {peaks}"
    assert max(peaks) < MEMORY_LIMIT_BYTES
