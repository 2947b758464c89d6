# SPDX-License-Identifier: Apache-2.0
"""Several streams in one run: the lake is the same as by one, whatever happens to any of them."""

import collections
import contextlib
import datetime
import itertools
import json
import signal
import socket
import threading

import pytest

from harness import lake as reading
from harness import process, truth, watching

RECORDING = truth.TESTNET
FIRST, LAST = RECORDING.first, RECORDING.last
PIECE = 16                      # FIRST is a multiple of it: ten pieces
STREAMS = {"streams": 4, "lease_ledgers": PIECE}


def start(processes, tmp_path, *arguments, faults=None):
    if faults is not None:
        (tmp_path / "faults").write_text(faults + "\n")
        arguments += ("--fault", tmp_path / "faults")
    return processes(process.Replay([RECORDING.events], *arguments)).endpoint


def check_whole(lake, scheme="date_hour"):
    assert reading.coverage(lake) == [(FIRST, LAST)]
    reading.compare_lake_with_truth(lake, [RECORDING], "1.0.0", scheme)
    reading.check_catalog(lake)
    reading.assert_nothing_left(lake)


def commits(lake):
    """(first, last) by number."""
    return reading.catalog_query(
        lake, "SELECT first_ledger, last_ledger FROM ttp_commits ORDER BY commit_no")


def covered_ledgers(lake):
    if not reading.catalog_path(lake).exists():
        return 0
    return sum(last - first + 1 for first, last in reading.coverage(lake))


@pytest.mark.parametrize("scheme", reading.SCHEMES)
def test_four_streams_store_what_one_does(tmp_path, servers, scheme):
    lakes = {}
    for streams in (1, 4):
        lakes[streams] = tmp_path / f"lake{streams}"
        process.run(lakes[streams], servers[RECORDING.name], FIRST, LAST, streams=streams,
                    lease_ledgers=PIECE, partitioning_scheme=scheme)
        check_whole(lakes[streams], scheme)
    rows = {streams: f"SELECT * FROM read_parquet('{lake}/**/*.parquet', hive_partitioning=false)"
            for streams, lake in lakes.items()}
    with reading.duckdb_connection() as connection:
        for one, other in ((1, 4), (4, 1)):
            assert connection.sql(f"{rows[one]} EXCEPT ALL {rows[other]}").fetchall() == []
    pieces = [(first, first + PIECE - 1) for first in range(FIRST, LAST, PIECE)]
    assert all(any(a <= first and last <= b for a, b in pieces)
               for first, last in commits(lakes[4])), "commits end where pieces do"


def test_numbers_of_commits_rise_without_a_gap(lake, servers):
    process.run(lake, servers[RECORDING.name], FIRST, LAST, **STREAMS)
    numbers = reading.catalog_query(lake, "SELECT commit_no FROM ttp_commits ORDER BY committed_us")
    assert [number for number, in numbers] == list(range(1, len(numbers) + 1))


def test_streams_fetch_side_by_side(lake, processes, tmp_path):
    """Each stream is paced, so one alone would take four times as long: all four pieces are begun
    before the first one has ended."""
    endpoint = start(processes, tmp_path, "--pace", "20ms")
    run = process.run(lake, endpoint, FIRST, LAST, **STREAMS)
    begun = [json.loads(line) for line in run.stderr.splitlines() if line.startswith("{")]
    words = [line["message"] for line in begun
             if line["message"] in ("fetching a range", "committed")]
    assert words[:4] == ["fetching a range"] * 4
    check_whole(lake)


def test_a_run_killed_in_the_midst_leaves_holes_that_the_next_one_fills(lake, processes, tmp_path,
                                                                        servers):
    endpoint = start(processes, tmp_path, "--pace", "150ms")
    ranges = []
    for _ in range(2):
        before = len(reading.data_files(lake))
        run = processes(process.run_background(lake, endpoint, FIRST, LAST, **STREAMS,
                                               max_file_age="100ms", flush_interval="50ms"))
        run.wait_for(lambda: len(reading.data_files(lake)) > before + 4, "more files")
        run.stop(signal.SIGKILL)
        ranges.append(len(reading.coverage(lake)))
    assert max(ranges) > 1, "later on pieces may have met"
    process.run(lake, servers[RECORDING.name], FIRST, LAST, **STREAMS)
    check_whole(lake)


def test_a_stop_publishes_what_every_stream_has(lake, processes, tmp_path, servers):
    endpoint = start(processes, tmp_path, "--pace", "100ms")
    run = processes(process.run_background(lake, endpoint, FIRST, LAST, **STREAMS,
                                           flush_interval="100ms"))
    # Four times five ledgers and more are under way, and nothing is committed yet.
    run.wait_for(lambda: len(list((lake / "_lake/staging").glob("stream_*_0.parquet.inprogress")))
                 == 4 if lake.exists() else False, "an open commit of each stream")
    run.stop(limit=30).expect(0)
    reading.assert_nothing_left(lake)
    ranges = reading.coverage(lake)
    assert [first for first, _ in ranges] == [FIRST + PIECE * i for i in range(4)]
    assert {reason for reason, in reading.catalog_query(lake, "SELECT reason FROM ttp_commits")} == {
        "shutdown"}
    process.run(lake, servers[RECORDING.name], FIRST, LAST, **STREAMS)
    check_whole(lake)


def test_a_stream_that_is_cut_again_and_again_disturbs_no_other(lake, processes, tmp_path):
    third = FIRST + 2 * PIECE + 3   # in the piece of one of the streams
    endpoint = start(processes, tmp_path, faults=f"ledger={third} abort count=6\n"
                                                 f"ledger={third + 1} reset count=3")
    run = process.run(lake, endpoint, FIRST, LAST, **STREAMS, max_attempts=50)
    check_whole(lake)
    assert run.stderr.count("committed") >= 10
    order = [range_ for range_ in commits(lake)]
    assert order[-1][1] - order[-1][0] < PIECE


def test_a_piece_that_can_not_be_had_is_set_aside_and_the_others_go_on(lake, processes, tmp_path,
                                                                      servers):
    poison = FIRST + 3 * PIECE + 5
    endpoint = start(processes, tmp_path, faults=f"ledger={poison} status=INTERNAL always")
    run = process.run(lake, endpoint, FIRST, LAST, **STREAMS, status=1, max_attempts=2,
                      retry_initial="1ms", retry_max="2ms", limit=120)
    run.says(f"ledger {poison} can't be had", "a piece failed and is tried again",
             "set aside; the others go on")
    # What came before it is there, and so is all else but the rest of its piece.
    assert reading.coverage(lake) == [(FIRST, poison - 1), (FIRST + 4 * PIECE, LAST)]
    run.says(f"{poison} {FIRST + 4 * PIECE - 1}")   # the command that fetches it
    process.run(lake, servers[RECORDING.name], FIRST, LAST, **STREAMS)
    check_whole(lake)


def test_a_request_that_is_refused_ends_all_streams(lake, processes, tmp_path):
    endpoint = start(processes, tmp_path,
                     faults=f"ledger={FIRST + PIECE} status=PERMISSION_DENIED always")
    run = process.run(lake, endpoint, FIRST, LAST, **STREAMS, status=1)
    run.says("may not read this stream")
    reading.assert_nothing_left(lake)


class Switchboard(threading.Thread):
    """Hands each connection to the next one of the servers, as a name with several addresses may."""

    def __init__(self, endpoints):
        super().__init__(daemon=True)
        self._upstream = itertools.cycle(endpoints)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"127.0.0.1:{self._socket.getsockname()[1]}"

    @staticmethod
    def _forward(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._socket.accept()
                host, port = next(self._upstream).rsplit(":", 1)
                server = socket.create_connection((host, int(port)))
                for ends in ((client, server), (server, client)):
                    threading.Thread(target=self._forward, args=ends, daemon=True).start()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self.join(15)


def made(tmp_path, seed, first, count):
    path = tmp_path / f"{seed}.events"
    process.execute("generate", "--seed", seed, "--first-ledger", first, "--ledgers", count,
                    "--start-time", "2024-01-15T00:00:00Z", "--out", path).expect(0)
    return path


def transactions(lake):
    """{ledger: the hashes of its transactions}"""
    found = collections.defaultdict(set)
    with reading.attached(lake) as connection:
        for ledger, hash_ in connection.execute(
                "SELECT ledger_sequence, hex(transaction_hash) FROM lake.ttp_events").fetchall():
            found[ledger].add(hash_)
    return found


def test_two_streams_of_two_chains_are_found_out_at_the_seam(lake, processes, tmp_path):
    """The ledger below a piece comes to two streams, and to one of them it is another one."""
    endpoints = [processes(process.Replay([made(tmp_path, seed, 1000, 40)])).endpoint
                 for seed in (7, 99)]
    chains = []
    for endpoint in endpoints:
        process.run(tmp_path / endpoint, endpoint, 1000, 1031)
        chains.append(transactions(tmp_path / endpoint))
    with Switchboard(endpoints) as between:
        run = process.execute(*process.run_arguments(lake, between.endpoint, 1000, 1031, streams=2,
                                                     lease_ledgers=8))
    assert run.status in (1, 2), run
    run.says("of two chains|of another chain")
    got = transactions(lake)
    for first, last in reading.coverage(lake):
        assert any(all(got[ledger] == chain[ledger] for ledger in range(first, last + 1))
                   for chain in chains), f"{first} to {last} are of two chains, side by side"


@pytest.mark.parametrize("cover", [((FIRST + 40, FIRST + 60),), ((FIRST + 20, FIRST + 30),
                                                                 (FIRST + 90, FIRST + 99))])
def test_a_live_run_fills_what_is_missing_below_newest_first(lake, processes, tmp_path, servers,
                                                            cover):
    for first, last in cover:
        process.run(lake, servers[RECORDING.name], first, last)
    before = len(commits(lake))
    endpoint = start(processes, tmp_path, "--pace", "1ms")
    newest = cover[-1][1]
    # Of two streams the second fills, one piece after the other.
    run = processes(process.run_background(lake, endpoint, FIRST, 0, streams=2, lease_ledgers=PIECE,
                                           max_file_age="300ms", flush_interval="100ms"))
    # The newest ledger is complete when a later one comes, which the recording has not.
    run.wait_for(lambda: covered_ledgers(lake) >= LAST - FIRST, "all but the newest ledger")
    run.stop(limit=30).expect(0)
    filled = [first for first, _ in commits(lake)[before:] if first < newest]
    process.run(lake, servers[RECORDING.name], LAST, LAST)
    check_whole(lake)
    assert min(filled) == FIRST and filled == sorted(filled, reverse=True)


def test_a_live_run_of_an_empty_lake_follows_the_newest_ledger_and_fills_what_lies_before(
        lake, processes):
    """No call tells the newest one: close times tell how many ledgers there must be by now."""
    count, first = 2400, 1000
    begun = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(
        seconds=5.8 * count + 120)
    server = processes(process.Background(
        "generate", "--seed", 7, "--first-ledger", first, "--ledgers", count, "--start-time",
        begun.strftime("%Y-%m-%dT%H:%M:%SZ"), "--listen", "127.0.0.1:0"))
    server.wait_for_text("listening on")
    endpoint = server.stdout.split("listening on ")[1].split()[0]
    run = processes(watching.Watched(lake, endpoint, first, 0, streams=3, lease_ledgers=100))

    def ranges(answer):
        return [(one["first_ledger"], one["last_ledger"]) for one in answer.json["streams"]]
    answer = run.wait_for_health(
        lambda answer: [one["state"] for one in answer.json.get("streams", [])]
        == ["streaming"] * 3 and ranges(answer)[0][0] > first, "three streams that stream")
    (tip, _), *below = ranges(answer)
    assert first + 0.9 * count < tip < first + count
    assert all(tip - 600 < begin <= end < tip for begin, end in below), "newest first"
    run.stop(limit=30).expect(0)


def test_health_metrics_and_page_tell_of_each_stream(lake, processes, tmp_path):
    endpoint = start(processes, tmp_path, "--pace", "300ms")
    run = processes(watching.Watched(lake, endpoint, FIRST, LAST, **STREAMS))
    answer = run.wait_for_health(
        lambda answer: [stream["state"] for stream in answer.json.get("streams", [])]
        == ["streaming"] * 4, "four streams that stream")
    assert sorted((stream["first_ledger"], stream["last_ledger"])
                  for stream in answer.json["streams"]) == [
        (FIRST + PIECE * i, FIRST + PIECE * (i + 1) - 1) for i in range(4)]
    assert [stream["stream"] for stream in answer.json["streams"]] == [1, 2, 3, 4]
    assert answer.json["pieces"] == {"waiting": 6, "held": 4, "done": 0, "set_aside": 0}
    assert answer.json["status"] == "healthy"
    metrics = run.metrics()
    for stream in range(1, 5):
        assert metrics[f'ttp_stream_connected{{stream="{stream}"}}'] == 1
        assert f'ttp_stream_events_total{{stream="{stream}"}}' in metrics
    assert metrics['ttp_pieces{state="held"}'] == 4
    assert "<h2>Streams</h2>" in run.ask("/").text
    run.stop(limit=30).expect(0)


def test_one_stream_is_told_as_before(lake, processes, tmp_path):
    endpoint = start(processes, tmp_path, "--pace", "300ms")
    run = processes(watching.Watched(lake, endpoint, FIRST, LAST))
    answer = run.wait_for_health(lambda answer: answer.json["events_received"] > 0, "events")
    assert not {"streams", "pieces"} & set(answer.json)
    assert not [name for name in run.metrics() if name.startswith(("ttp_stream", "ttp_pieces"))]
    assert "<h2>Streams</h2>" not in run.ask("/").text
    run.stop(limit=30).expect(0)


def test_a_piece_that_is_set_aside_shows_in_health(lake, processes, tmp_path, servers):
    process.run(lake, servers[RECORDING.name], FIRST + 100, FIRST + 110)
    poison = FIRST + 5
    endpoint = start(processes, tmp_path, faults=f"ledger={poison} status=INTERNAL always")
    run = processes(watching.Watched(lake, endpoint, FIRST, 0, **STREAMS, max_attempts=1,
                                     retry_initial="1ms", retry_max="2ms"))
    answer = run.wait_for_rule("set_aside", limit=120)
    assert answer.json["pieces"]["set_aside"] == 1
    run.stop(limit=30).expect(0)


@pytest.mark.parametrize("streams, piece", [(4, 64), (16, 32)])
def test_the_memory_of_several_streams_stays_within_the_limit(tmp_path, processes, streams, piece):
    server = processes(process.Replay([made(tmp_path, 7, 1000, 700)]))
    run = processes(process.run_background(tmp_path / "lake", server.endpoint, 1000, 1690,
                                           streams=streams, lease_ledgers=piece))
    peak = 0

    def is_over():
        nonlocal peak
        peak = max(peak, process.peak_memory_bytes(run.process.pid))
        return not run.running
    watching.wait_until(is_over, "the end", lambda over: over, limit=120)
    run.finished().expect(0)
    assert reading.coverage(tmp_path / "lake") == [(1000, 1690)]
    assert (8 << 20) < peak <= (96 + streams * 64) << 20
