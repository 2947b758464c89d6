# SPDX-License-Identifier: Apache-2.0
"""A lake is the same however often its run was cut, repeated or overlapped."""

import signal
import time

import pytest

from harness import lake as reading
from harness import process, truth

RECORDING = truth.TESTNET
FIRST, LAST = RECORDING.first, RECORDING.last


def covered_ledgers(lake):
    if not reading.catalog_path(lake).exists():
        return 0
    return sum(last - first + 1 for first, last in reading.coverage(lake))


@pytest.mark.parametrize("scheme", reading.SCHEMES)
def test_a_run_cut_in_three_by_sigterm_equals_one_run(lake, processes, servers, scheme):
    server = processes(process.Replay([RECORDING.events], "--pace", "30ms"))
    cuts = 0
    while cuts < 2:
        before = covered_ledgers(lake)
        run = processes(process.run_background(lake, server.endpoint, FIRST, LAST,
                                               partitioning_scheme=scheme))
        time.sleep(1.0)
        assert run.running, run.finished()
        run.stop(limit=15).expect(0)
        cuts += covered_ledgers(lake) > before
    assert before < covered_ledgers(lake) < LAST - FIRST + 1
    process.run(lake, servers[RECORDING.name], FIRST, LAST, partitioning_scheme=scheme)
    assert reading.coverage(lake) == [(FIRST, LAST)]
    reading.compare_lake_with_truth(lake, [RECORDING], "1.0.0", scheme)
    reading.check_catalog(lake)
    reading.assert_nothing_left(lake)


@pytest.mark.parametrize("scheme", reading.SCHEMES)
def test_a_run_cut_in_three_by_kill_9_equals_one_run(lake, processes, servers, scheme):
    server = processes(process.Replay([RECORDING.events], "--pace", "30ms"))
    for _ in range(2):
        before = len(reading.data_files(lake))
        run = processes(process.run_background(lake, server.endpoint, FIRST, LAST,
                                               partitioning_scheme=scheme, max_file_age="300ms"))
        run.wait_for(lambda: len(reading.data_files(lake)) > before + 1, "more files")
        run.stop(signal.SIGKILL)
    process.run(lake, servers[RECORDING.name], FIRST, LAST, partitioning_scheme=scheme)
    assert reading.coverage(lake) == [(FIRST, LAST)]
    reading.compare_lake_with_truth(lake, [RECORDING], "1.0.0", scheme)
    reading.check_catalog(lake)
    reading.assert_nothing_left(lake)


def test_many_kills_at_any_moment_lose_and_double_nothing(lake, processes, servers):
    """Kills at moments that walk through connect, staging, rename and commit."""
    server = processes(process.Replay([RECORDING.events], "--pace", "5ms"))
    for number in range(12):
        run = processes(process.run_background(lake, server.endpoint, FIRST, LAST,
                                               schema_version="1.1.0", max_file_age="50ms",
                                               partitioning_scheme="date_hour_type"))
        time.sleep(0.05 + 0.037 * number)
        run.stop(signal.SIGKILL)
        run.end()
    process.run(lake, servers[RECORDING.name], FIRST, LAST, schema_version="1.1.0",
                partitioning_scheme="date_hour_type")
    assert reading.coverage(lake) == [(FIRST, LAST)]
    reading.compare_lake_with_truth(lake, [RECORDING], "1.1.0", "date_hour_type")
    reading.check_catalog(lake)
    reading.assert_nothing_left(lake)


def test_the_same_run_twice_adds_nothing(lake, servers):
    for _ in range(2):
        process.run(lake, servers[RECORDING.name], FIRST, LAST)
        state = [(path, path.stat().st_mtime_ns) for path in reading.data_files(lake)]
        snapshots = reading.catalog_query(lake, "SELECT count(*) FROM ducklake_snapshot")
        if _ == 0:
            first_state, first_snapshots = state, snapshots
    assert (state, snapshots) == (first_state, first_snapshots)
    reading.compare_lake_with_truth(lake, [RECORDING], "1.0.0")


@pytest.mark.parametrize("ranges", [
    [(FIRST, FIRST + 100), (FIRST + 50, LAST)],
    [(FIRST + 50, LAST), (FIRST, FIRST + 100)],
    [(FIRST + 60, FIRST + 70), (FIRST + 20, FIRST + 30), (FIRST, LAST)],
    [(FIRST, LAST), (FIRST + 20, FIRST + 30)],
], ids=["forward", "backward", "around", "inside"])
def test_overlapping_runs_add_each_ledger_once(lake, servers, ranges):
    for first, last in ranges:
        process.run(lake, servers[RECORDING.name], first, last)
    assert reading.coverage(lake) == [(FIRST, LAST)]
    reading.compare_lake_with_truth(lake, [RECORDING], "1.0.0")
    reading.check_catalog(lake)


def test_disjoint_runs_leave_the_hole_between_them(lake, servers):
    process.run(lake, servers[RECORDING.name], FIRST, FIRST + 9)
    process.run(lake, servers[RECORDING.name], FIRST + 20, FIRST + 29)
    assert reading.coverage(lake) == [(FIRST, FIRST + 9), (FIRST + 20, FIRST + 29)]
    rows = [row for row in truth.read_rows(RECORDING)
            if row["ledger_sequence"] - FIRST in (*range(10), *range(20, 30))]
    reading.compare_lake_with_truth(lake, [RECORDING], "1.0.0", rows=rows)


def test_a_live_run_goes_on_where_it_stopped(lake, processes):
    """END 0: starts after the highest covered ledger, publishes what is complete on SIGTERM."""
    server = processes(process.Replay([RECORDING.events], "--live", "--pace", "60ms"))
    tops = []
    for _ in range(3):
        run = processes(process.run_background(lake, server.endpoint, FIRST, 0,
                                               max_file_age="200ms"))
        files = len(reading.data_files(lake))
        run.wait_for(lambda: len(reading.data_files(lake)) > files, "a new file")
        run.stop(limit=15).expect(0)
        (first, last), = reading.coverage(lake)
        assert first == FIRST
        tops.append(last)
    assert tops == sorted(set(tops)), tops
    rows = truth.truth_rows([RECORDING], FIRST, tops[-1])
    reading.compare_lake_with_truth(lake, [RECORDING], "1.0.0", rows=rows)
    reading.check_catalog(lake)


def test_a_server_that_goes_away_is_waited_for(lake, processes):
    """The connection breaks in the middle of a ledger range; the rest comes from a new server."""
    server = processes(process.Replay([RECORDING.events], "--pace", "20ms"))
    host, port = server.endpoint.rsplit(":", 1)
    run = processes(process.run_background(lake, server.endpoint, FIRST, LAST,
                                           max_file_age="200ms"))
    run.wait_for(lambda: len(reading.data_files(lake)) > 1, "two files")
    server.stop(signal.SIGKILL)
    time.sleep(0.5)
    assert run.running, run.finished()
    again = processes(process.Background("replay", RECORDING.events, "--listen", f"{host}:{port}"))
    again.wait_for(lambda: "listening on" in again.stdout, "the new server")
    run.wait().expect(0)
    assert reading.coverage(lake) == [(FIRST, LAST)]
    reading.compare_lake_with_truth(lake, [RECORDING], "1.0.0")
