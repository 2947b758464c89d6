# SPDX-License-Identifier: Apache-2.0
"""SIGTERM, SIGINT and SIGHUP publish every complete ledger and exit 0 within seconds; those that
come together are one stop, a later one ends at once; neither leaves a broken lake."""

import contextlib
import signal
import sqlite3
import time

import pytest

from harness import lake as reading
from harness import process, truth, watching

serial = pytest.mark.serial   # how long a stop takes

RECORDING = truth.TESTNET
FIRST, LAST = RECORDING.first, RECORDING.last


def run_that_has_ledgers(lake, processes, **options):
    """A live run that holds some twelve complete ledgers, none of them published."""
    server = processes(process.Replay([RECORDING.events], "--live", "--pace", "20ms"))
    run = processes(watching.Watched(lake, server.endpoint, FIRST, 0, schema_version="1.1.0",
                                     **options))
    run.wait_for_health(lambda one: (one.json["current_ledger"] or 0) > FIRST + 12, "ledgers")
    return run


@serial
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_publishes_what_is_complete(lake, processes, number):
    run = run_that_has_ledgers(lake, processes)
    assert not reading.data_files(lake), "nothing is old enough to be published yet"
    started = time.monotonic()
    run.stop(number, limit=10).expect(0)
    assert time.monotonic() - started < 5
    (first, last), = reading.coverage(lake)
    assert first == FIRST and last > FIRST
    rows = truth.truth_rows([RECORDING], FIRST, last)
    reading.compare_lake_with_truth(lake, [RECORDING], "1.1.0", rows=rows)
    reading.assert_nothing_left(lake)


def test_a_signal_before_anything_arrived_leaves_a_lake_without_files(lake, processes):
    server = processes(process.Replay([RECORDING.events], "--pace", "1h"))
    run = processes(process.run_background(lake, server.endpoint, FIRST, LAST))
    run.wait_for(lambda: reading.catalog_path(lake).exists(), "the catalog")
    run.stop(limit=10).expect(0)
    assert reading.data_files(lake) == []
    assert reading.read_attached(lake, "1.0.0") == []


@serial
def test_several_signals_at_once_are_one_stop(lake, processes):
    """`timeout`, wrappers and a Ctrl-C reach the process and its group: two signals, one stop."""
    run = run_that_has_ledgers(lake, processes)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        run.process.send_signal(number)
        time.sleep(0.01)
    run.wait(limit=15).expect(0)
    (first, last), = reading.coverage(lake)
    assert first == FIRST and last > FIRST
    reading.assert_nothing_left(lake)


def test_a_later_signal_ends_at_once_and_the_next_run_goes_on(lake, processes, servers):
    server = processes(process.Replay([RECORDING.events], "--pace", "10ms"))
    run = processes(process.run_background(lake, server.endpoint, FIRST, LAST,
                                           max_file_age="100ms", stop_timeout="1h"))
    run.wait_for(lambda: reading.data_files(lake), "the first file")
    with contextlib.closing(sqlite3.connect(reading.catalog_path(lake), isolation_level=None,
                                            timeout=20)) as other:
        other.execute("BEGIN IMMEDIATE")  # so that the stop can't end
        run.process.send_signal(signal.SIGTERM)
        time.sleep(2.5)
        assert run.running
        run.stop(limit=10).expect(128 + signal.SIGTERM)
    process.run(lake, servers[RECORDING.name], FIRST, LAST)
    assert reading.coverage(lake) == [(FIRST, LAST)]
    reading.compare_lake_with_truth(lake, [RECORDING], "1.0.0")
    reading.assert_nothing_left(lake)


def test_a_hang_up_is_ignored_under_nohup(lake, processes):
    server = processes(process.Replay([RECORDING.events], "--live", "--pace", "20ms"))
    run = processes(process.Background(
        "-c", 'trap "" HUP; exec "$@"', "sh", process.BINARY,
        *process.run_arguments(lake, server.endpoint, FIRST, 0), binary="/bin/sh"))
    run.wait_for(lambda: reading.catalog_path(lake).exists(), "the catalog")
    run.process.send_signal(signal.SIGHUP)
    time.sleep(1)
    assert run.running, run.finished()
    run.stop(limit=10).expect(0)


@serial
def test_a_stop_does_not_wait_for_room_that_is_kept_for_it(lake, processes):
    """Below min_free_disk nothing more is taken; what was received is published all the same."""
    server = processes(process.Replay([RECORDING.events], "--live", "--pace", "20ms"))
    run = processes(process.run_background(lake, server.endpoint, FIRST, 0, schema_version="1.1.0",
                                           batch_size=1, min_free_disk="1024GiB"))
    run.wait_for_text("min_free_disk")
    time.sleep(1)
    started = time.monotonic()
    run.stop(limit=15).expect(0)
    assert time.monotonic() - started < 5
    (first, last), = reading.coverage(lake)
    assert first == FIRST and last > FIRST + 10
    rows = truth.truth_rows([RECORDING], FIRST, last)
    reading.compare_lake_with_truth(lake, [RECORDING], "1.1.0", rows=rows)


@serial
def test_a_replay_server_ends_by_sigterm(processes):
    server = processes(process.Replay([RECORDING.events]))
    started = time.monotonic()
    server.stop(limit=10).expect(0)
    assert time.monotonic() - started < 5
