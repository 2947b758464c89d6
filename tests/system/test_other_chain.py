# SPDX-License-Identifier: Apache-2.0
"""Ledgers of another network, or of a test network that was reset, never land beside a lake's: both
neighbours of a range are compared before a row lands, and where they are not served any more, close
times decide."""

import json
import re
import signal

import grpc
import pytest

from harness import lake as reading
from harness import process, stock_grpc, watching

OURS = "2024-01-15T11:58:00Z"     # the lake's ledger 1000
EARLIER = "2023-06-01T00:00:00Z"
LATER = "2025-06-01T00:00:00Z"
TIME = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"


@pytest.fixture(scope="module")
def chain(tmp_path_factory):
    """chain(seed, first, count, start): a recording; the same again is made once."""
    folder = tmp_path_factory.mktemp("chains")

    def make(seed, first, count, start):
        path = folder / f"{seed}-{first}-{count}-{start[:10]}.events"
        if not path.exists():
            process.execute("generate", "--seed", seed, "--first-ledger", first, "--ledgers", count,
                            "--start-time", start, "--out", path).expect(0)
        return path
    return make


@pytest.fixture
def serve(processes):
    return lambda *files: processes(process.Replay(files)).endpoint


def run(lake, endpoint, *positional, **options):
    return process.run(lake, endpoint, *positional, schema_version="1.1.0", network="testnet",
                       **{"idle_timeout": "300ms", **options})


def status(lake):
    return json.loads(process.execute("status", "--json", "--output-path", lake).expect(0).stdout)


def verify(lake, *flags, code=0):
    answer = process.execute("verify", "--json", *flags, "--output-path", lake).expect(code)
    return json.loads(answer.stdout)["problems"]


def assert_refused(answer, lake, coverage):
    """It says that it is another chain, gives no command, and left the lake as it was."""
    answer.says("another chain than the lake's|two chains")
    assert "parquet-consumer run" not in answer.output, answer
    assert reading.coverage(lake) == coverage
    assert status(lake)["unchecked_seams"] == []
    reading.assert_nothing_left(lake)


def assert_names_two_ledgers_and_times(answer, came, ours):
    assert re.search(rf"the server's ledger {came} closed at {TIME}, the lake's ledger {ours} at "
                     rf"{TIME}", answer.stderr), answer


@pytest.mark.parametrize("start", [EARLIER, LATER])
def test_another_chain_below_the_lake(lake, chain, serve, start):
    run(lake, serve(chain(7, 1000, 20, OURS)), 1000, 1019)
    answer = run(lake, serve(chain(99, 900, 150, start)), 950, 999, status=2)
    assert_refused(answer, lake, [(1000, 1019)])


def test_another_chain_around_the_lake(lake, chain, serve):
    ours = serve(chain(7, 1000, 70, OURS))
    run(lake, ours, 1000, 1010)
    run(lake, ours, 1050, 1060)
    answer = run(lake, serve(chain(99, 900, 250, EARLIER)), 900, 1100, status=2)
    assert_refused(answer, lake, [(1000, 1010), (1050, 1060)])


def test_of_several_ranges_each_is_checked_before_the_first_commit(lake, chain, serve):
    """The server has the lake's chain up to 1030, then another one with times that fit."""
    ours = chain(7, 980, 51, OURS)
    run(lake, serve(ours), 1000, 1010)
    run(lake, serve(chain(7, 1050, 30, LATER)), 1050, 1060)
    mixed = serve(ours, chain(99, 1031, 60, LATER))
    before = status(lake)["unchecked_seams"]
    answer = run(lake, mixed, 990, 1049, status=2)
    answer.says("ledger 1060 is of another chain")
    assert reading.coverage(lake) == [(1000, 1010), (1050, 1060)]
    assert status(lake)["unchecked_seams"] == before
    assert "parquet-consumer run" not in answer.output, answer


@pytest.mark.parametrize("first", [950, 850])
def test_below_and_the_lake_s_ledgers_are_not_served(lake, chain, serve, first):
    """The server ends below the lake (as a test network after its reset), so times decide."""
    run(lake, serve(chain(7, 1000, 20, OURS)), 1000, 1019)
    answer = run(lake, serve(chain(99, 800, 200, LATER)), first, 990, status=2)
    assert_refused(answer, lake, [(1000, 1019)])
    assert re.search(rf"the server's ledger \d+ closed at {TIME}, the lake's ledger 1000 at "
                     "2024-01-15T11:58", answer.stderr), answer


def test_a_range_that_only_ends_too_late_is_refused_before_its_first_row(lake, chain, serve):
    """Its first ledgers are older than the lake's, so that only its end tells."""
    run(lake, serve(chain(7, 1000, 20, OURS)), 1000, 1019)
    answer = run(lake, serve(chain(99, 800, 200, "2024-01-15T11:50:00Z")), 850, 990, status=2,
                 max_file_age="10ms", batch_size=1)
    assert_refused(answer, lake, [(1000, 1019)])
    assert not re.search("committed", answer.stderr), answer


def test_above_and_the_lake_s_ledgers_are_not_served(lake, chain, serve):
    run(lake, serve(chain(7, 1000, 20, OURS)), 1000, 1019)
    answer = run(lake, serve(chain(99, 1020, 50, EARLIER)), 1020, 1060, status=2)
    assert_refused(answer, lake, [(1000, 1019)])
    assert_names_two_ledgers_and_times(answer, 1020, 1019)


@pytest.mark.parametrize("first, start, last, seam", [
    (1020, LATER, 1050, (1019, None)),
    (5000, LATER, 5020, (1019, None)),
    (900, EARLIER, 940, (None, 1019))])
def test_times_that_fit_are_stored_and_named_as_unchecked(lake, chain, serve, first, start, last,
                                                          seam):
    run(lake, serve(chain(7, 1000, 20, OURS)), 1000, 1019)
    answer = run(lake, serve(chain(99, first, 60, start)), first, last)
    answer.says("WARN.*could not be checked")
    found, = status(lake)["unchecked_seams"]
    assert (found["first"], found["last"]) == (first, last)
    assert (found["ledger_below"], found["ledger_above"]) == seam
    process.execute("status", "--output-path", lake).expect(0).says(
        rf"unchecked: that ledgers {first} to {last} are of the same chain as ledger 1019\b")
    assert verify(lake, "--deep") == []


def test_one_neighbour_that_is_compared_is_enough(lake, chain, serve, tmp_path):
    ours = serve(chain(7, 980, 100, OURS))
    run(lake, ours, 1000, 1010)
    run(lake, ours, 1040, 1060)
    process.execute("record", tmp_path / "late.events", 1011, 1070, "--ttp-processor-endpoint",
                    ours).expect(0)
    run(lake, serve(tmp_path / "late.events"), 1011, 1020)
    assert status(lake)["unchecked_seams"] == []
    assert reading.coverage(lake) == [(1000, 1020), (1040, 1060)]


def test_an_unchecked_range_that_is_taken_out_is_forgotten(lake, chain, serve):
    run(lake, serve(chain(7, 1000, 20, OURS)), 1000, 1019)
    run(lake, serve(chain(99, 1020, 60, LATER)), 1020, 1050)
    assert len(status(lake)["unchecked_seams"]) == 1
    process.execute("repair", "--output-path", lake, 1020, 1050).expect(0)
    assert status(lake)["unchecked_seams"] == []


def test_a_live_run_stops_at_a_far_neighbour_of_another_chain(lake, chain, serve):
    run(lake, serve(chain(7, 1000, 20, OURS)), 1000, 1019)
    answer = run(lake, serve(chain(99, 1000, 1300, LATER)), 2200, 0, status=2)
    assert_refused(answer, lake, [(1000, 1019)])


def test_a_live_run_gives_no_command_where_another_chain_was_found(lake, chain, serve):
    ours = serve(chain(7, 1000, 70, OURS))
    run(lake, ours, 1000, 1010)
    run(lake, ours, 1050, 1060)
    answer = run(lake, serve(chain(99, 1000, 100, LATER)), 1000, 0, status=2)
    assert_refused(answer, lake, [(1000, 1010), (1050, 1060)])


@pytest.mark.parametrize("last", [1060, 0])
def test_another_chain_in_mid_run_ends_it_and_what_was_committed_stays(lake, chain, last):
    """The server is cut off, and where it was another one answers: a failure (1), not a lake that
    this run may not touch (2)."""
    ours = stock_grpc.read_recording(chain(7, 1000, 70, OURS))
    theirs = stock_grpc.by_ledger(stock_grpc.read_recording(chain(99, 1000, 100, OURS)))

    def cut(server, context, _, message):
        if server.ledgers is not theirs and stock_grpc.ledger_of(message) == 1020:
            watching.wait_until(lambda: reading.data_files(lake), "a commit", bool)
            server.ledgers = theirs
            context.abort(grpc.StatusCode.UNAVAILABLE, "cut off")

    with stock_grpc.Server(ours, meddle=cut) as server:
        answer = run(lake, server.endpoint, 1000, last, status=1, max_file_age="10ms", batch_size=1,
                     idle_timeout="5m")
    answer.says("another chain")
    assert "parquet-consumer run" not in answer.output, answer
    [(first, covered)] = reading.coverage(lake)
    assert first == 1000 and covered < 1020
    assert verify(lake, "--deep") == []


def test_a_live_run_of_the_lake_s_chain_goes_on(lake, chain, serve, processes):
    ours = serve(chain(7, 1000, 70, OURS))
    run(lake, ours, 1000, 1010)
    follower = processes(process.run_background(lake, ours, 1000, 0, schema_version="1.1.0",
                                                network="testnet", max_file_age="100ms"))
    follower.wait_for(lambda: reading.coverage(lake)[-1][1] >= 1060, "the tip")
    follower.stop(signal.SIGTERM).expect(0)
    assert status(lake)["unchecked_seams"] == []


def test_a_stream_whose_close_times_fall_lands_up_to_there(lake, chain, serve):
    """The server itself is of two chains."""
    mixed = serve(chain(7, 1000, 10, OURS), chain(99, 1010, 30, EARLIER))
    answer = run(lake, mixed, 1000, 1020, status=1, max_attempts=2)
    answer.says("ledger 1010 closed at .*, before its ledger 1009")
    assert reading.coverage(lake) == [(1000, 1009)]
    assert verify(lake, "--deep") == []


def test_verify_names_the_ledger_where_close_times_fall(lake, chain, serve):
    """A lake that version 0.1.0 mixed: its catalog has the times of two chains."""
    ours = serve(chain(7, 1000, 70, OURS))
    run(lake, ours, 1000, 1010)
    run(lake, ours, 1020, 1030)
    reading.catalog_execute(lake, "UPDATE ttp_commits SET last_close_us = last_close_us + "
                                  "1000000000000 WHERE first_ledger = 1000")
    problem, = verify(lake, code=3)
    assert problem["kind"] == "close_times"
    assert re.match(rf"ledger 1020 \(commit 2\) closed at {TIME}, before ledger 1010 \(commit 1\) "
                    rf"at {TIME}: they are of two chains", problem["message"])
    # What such a lake holds is held against what is to come, too.
    run(lake, ours, 1011, 1019, status=2)
