# SPDX-License-Identifier: Apache-2.0
"""A hostile stream: each fault of the built-in server's table against a bounded run, and what must
come of it. TRUE: the lake is the truth, whatever it took."""

import base64
import json
import re

import pytest

from harness import lake as reading
from harness import process, truth

RECORDING = truth.PUBNET63
FIRST, LAST = RECORDING.first, RECORDING.last
SECOND = FIRST + 1   # its events are 528 to 1186 of the stream; 700 is its 172nd

TRIED_AGAIN = (
    "event=700 reset", "event=700 reset=REFUSED_STREAM", "event=700 close", "event=700 abort",
    "event=700 goaway", "event=700 goaway=NO_ERROR", "event=700 goaway-graceful=100ms",
    "event=700 goaway-graceful=0s", "event=700 end-stream", "event=700 half-message",
    "event=700 wrong-length", "event=700 compressed", "event=700 oversize",
    "event=700 invalid-protobuf", "event=700 missing-meta", "event=700 silence",
    "event=700 silence=500ms", "event=700 slow-drip=4KiB delay=1ms",
    "event=700 status=INTERNAL", "event=700 status=UNAVAILABLE", "event=700 status=UNKNOWN",
    "event=700 status=DATA_LOSS", "event=700 status=99", "event=0 status-only=UNAVAILABLE",
    "event=0 status-only=INTERNAL count=3", f"ledger={SECOND} repeat-ledger",
    f"ledger={SECOND} old-ledger", f"ledger={SECOND} shrunken-ledger=5",
    f"ledger={SECOND} outage=2s", "event=0 no-settings", "event=0 http1",
    "event=0 late-headers=500ms", "event=0 content-type", "event=0 http-status=503",
    "event=700 header-flood", "event=0 header-flood", "event=700 continuation-flood",
    "event=700 settings-flood", "event=700 ping-flood", "event=700 reset-flood",
    f"ledger={SECOND} skip-ledger", f"ledger={SECOND} jump=2", f"ledger={FIRST} jump=4",
    "event=700 unknown-fields", "event=700 oversize=1MiB", "event=0 window-stall=1s",
    f"ledger={LAST} events-after-end=2",
    "event=100 reset\nevent=200 close\nevent=300 goaway\nevent=400 end-stream\n"
    f"event=500 half-message\nledger={LAST} abort",
)


@pytest.fixture
def faulty(tmp_path, processes):
    """faulty(script): the endpoint of a server that follows it."""
    def start(script):
        path = tmp_path / "faults"
        path.write_text(script + "\n")
        return processes(process.Replay([RECORDING.events], "--fault", path)).endpoint
    return start


def run(lake, endpoint, **options):
    settings = {"schema_version": "1.1.0", "idle_timeout": "2s", "connect_timeout": "2s",
                **options}
    return process.run(lake, endpoint, FIRST, LAST, **settings)


def test_a_server_that_ends_connections_by_age_before_a_ledger_is_through_is_told_so(lake, faulty):
    finished = run(lake, faulty(f"ledger={SECOND} goaway=NO_ERROR always"), max_attempts=2,
                   status=1)
    finished.says("raise that maximum connection age", f"ledger {SECOND} can't be had")
    assert "repair the source" not in finished.output


@pytest.mark.parametrize("script", TRIED_AGAIN)
def test_the_lake_is_true_after(lake, faulty, script):
    run(lake, faulty(script))
    reading.compare_lake_with_truth(lake, [RECORDING], "1.1.0")
    assert reading.coverage(lake) == list(RECORDING.ranges)
    assert not list(lake.glob("_lake/dead_letters/*"))
    reading.check_catalog(lake)
    reading.assert_nothing_left(lake)


@pytest.mark.parametrize("script,ledger,index", [
    ("event=700 damaged-event", SECOND, 172), ("event=700 unknown-event-type", SECOND, 172),
    ("event=700 unknown-event-type=100", SECOND, 172),
    # Without a ledger the event is asked for again; unreadable there again, it is kept raw.
    ("event=172 invalid-protobuf count=2", FIRST, 172),
    ("event=172 missing-meta count=2", FIRST, 172)])
def test_what_is_no_row_is_a_dead_letter_and_keeps_its_place(lake, faulty, script, ledger, index):
    finished = run(lake, faulty(script))
    finished.says("dead letter")
    logged = [json.loads(line) for line in finished.stderr.splitlines()]
    assert [line["path"] for line in logged if line.get("dead_letters") == 1] == \
        ["dead_letters/commit_1.jsonl"]
    [letter] = [json.loads(line) for path in lake.glob("_lake/dead_letters/*")
                for line in path.read_text().splitlines()]
    assert (letter["ledger_sequence"], letter["event_index"]) == (ledger, index)
    assert letter["reason"] and base64.b64decode(letter["raw"])
    rows = [row for row in truth.truth_rows([RECORDING])
            if (row["ledger_sequence"], row["event_index"]) != (ledger, index)]
    reading.compare_lake_with_truth(lake, [RECORDING], "1.1.0", rows=rows)
    assert reading.coverage(lake) == list(RECORDING.ranges)


def test_a_ledger_that_is_skipped_twice_is_covered_but_unconfirmed(lake, faulty):
    finished = run(lake, faulty(f"ledger={SECOND} skip-ledger count=2"))
    finished.says("unconfirmed")
    rows = [row for row in truth.truth_rows([RECORDING]) if row["ledger_sequence"] != SECOND]
    reading.compare_lake_with_truth(lake, [RECORDING], "1.1.0", rows=rows)
    status = json.loads(process.execute("status", "--output-path", lake, "--json").expect(0).stdout)
    assert status["unconfirmed"] == [{"first": SECOND, "last": SECOND}]


@pytest.mark.parametrize("status", ["UNAUTHENTICATED", "PERMISSION_DENIED", "UNIMPLEMENTED",
                                    "INVALID_ARGUMENT"])
def test_a_refusal_stops_at_once_and_keeps_what_is_complete(lake, faulty, status):
    finished = run(lake, faulty(f'event=700 status="{status}:not for you" always'), status=1)
    finished.says(status, "not for you")
    reading.compare_lake_with_truth(lake, [RECORDING], "1.1.0",
                                    rows=truth.truth_rows([RECORDING], FIRST, FIRST))
    assert reading.coverage(lake) == [(FIRST, FIRST)]


POISON = f'ledger={SECOND} status="INTERNAL:string field contains invalid UTF-8" always'


def test_a_poison_ledger_stops_the_run_and_is_named(lake, faulty):
    finished = run(lake, faulty(POISON), status=1, max_attempts=3)
    finished.says(str(SECOND), "invalid UTF-8")
    assert reading.coverage(lake) == [(FIRST, FIRST)]
    reading.compare_lake_with_truth(lake, [RECORDING], "1.1.0",
                                    rows=truth.truth_rows([RECORDING], FIRST, FIRST))


def test_a_poison_ledger_is_left_out_if_asked_to(lake, faulty, servers):
    finished = run(lake, faulty(POISON), status=1, max_attempts=3, on_poison_ledger="skip")
    finished.says(str(SECOND))
    assert reading.coverage(lake) == [(FIRST, FIRST), (SECOND + 1, LAST)]
    rows = [row for row in truth.truth_rows([RECORDING]) if row["ledger_sequence"] != SECOND]
    reading.compare_lake_with_truth(lake, [RECORDING], "1.1.0", rows=rows)
    run(lake, servers[RECORDING.name])   # the explicit request closes the hole
    reading.compare_lake_with_truth(lake, [RECORDING], "1.1.0")


def test_something_that_only_floods_never_ends_in_a_lie(lake, faulty):
    with process.run_background(lake, faulty("event=0 ping-flood always"), FIRST, LAST,
                                idle_timeout="2s", max_attempts=3) as background:
        background.wait_for_text("trying again|outage|unhealthy")
        finished = background.stop()
    assert finished.status in (0, 1), finished
    assert re.search("flood|again", finished.stderr, re.I), finished
    assert not reading.data_files(lake)
