# SPDX-License-Identifier: Apache-2.0
"""Faults of the stream that a server on stock grpcio can produce, too: each must come to what the
same fault of the built-in server comes to (test_faults.py, docs/RELIABILITY.md). What a handler can't
do, such as half a message or a flood of frames, is left to the built-in one."""

import base64
import contextlib
import json
import threading
import time

import grpc
import pytest

from harness import lake as reading
from harness import process, stock_grpc, truth

RECORDING = truth.PUBNET63
FIRST, LAST = RECORDING.first, RECORDING.last
SECOND = FIRST + 1   # its events are 528 to 1186 of the stream; 700 is its 172nd
MESSAGES = stock_grpc.read_recording(RECORDING.events)
LEDGERS = stock_grpc.by_ledger(MESSAGES)
NUMBER = stock_grpc.varint(SECOND)


def run(lake, server, **options):
    settings = {"schema_version": "1.1.0", "idle_timeout": "2s", "connect_timeout": "2s",
                **options}
    return process.run(lake, server.endpoint, FIRST, LAST, **settings)


def serve(change=None, **arguments):
    return stock_grpc.Server(MESSAGES, change=change, **arguments)


def once(change):
    """The change for the first answer only."""
    def choose(server, context, messages):
        return change(server, context, messages) if len(server.requests) == 1 else messages
    return choose


def at(place, act):
    """Before the message at `place`, `act(server, context)`; it may give messages to send there."""
    def change(server, context, messages):
        for number, message in enumerate(messages):
            if number == place:
                yield from act(server, context) or ()
            yield message
    return change


def instead_of(place, message_of):
    """Another message for that at `place`."""
    def change(_server, _context, messages):
        return [message_of(message) if number == place else message
                for number, message in enumerate(messages)]
    return change


def assert_true(lake, rows=None):
    """The lake is the truth (or `rows`), by every reader, all of it is covered, and nothing is
    left."""
    reading.compare_lake_with_truth(lake, [RECORDING], "1.1.0", rows=rows)
    reading.check_catalog(lake)
    assert reading.coverage(lake) == list(RECORDING.ranges)
    reading.assert_nothing_left(lake)


# ---- what a handler does -------------------------------------------------------------------------

def abort(code):
    return lambda _server, context: context.abort(code, "a passing fault")


def sleep(seconds):
    return lambda _server, _context: time.sleep(seconds)


def be_silent(_server, context):
    while context.is_active():
        time.sleep(0.05)


def be_out(server, context, messages):
    """For two seconds from the 700th event on, every request ends with INTERNAL."""
    for number, message in enumerate(messages):
        if number == 700 or len(server.requests) > 1:
            server.out_until = getattr(server, "out_until", time.monotonic() + 2)
            if time.monotonic() < server.out_until:
                context.abort(grpc.StatusCode.INTERNAL, "out for a while")
        yield message


def drip(_server, _context, messages):
    """Each event in a frame of its own, a few at a time."""
    for number, message in enumerate(messages):
        if number % 20 == 0:
            time.sleep(0.005)
        yield message


def headers_first(_server, context, messages):
    """Headers at once, and for long nothing else."""
    context.send_initial_metadata((("x-server", "stock"),))
    time.sleep(0.5)
    return messages


def repeat(_server, _context, messages):
    """The second ledger comes twice in a row."""
    place = messages.index(LEDGERS[SECOND][0])
    return messages[:place] + LEDGERS[SECOND] + messages[place:]


def go_back(_server, _context):
    return [LEDGERS[FIRST][0]]


def go_below(_server, _context):
    """An event of a ledger before the range that was asked for."""
    other = stock_grpc.varint(FIRST - 1)
    return [LEDGERS[FIRST][0].replace(stock_grpc.varint(FIRST), other, 1)]


def shrink(server, context, messages):
    """All of the second ledger, then an end; the next time it lacks five events; then it is whole."""
    place = messages.index(LEDGERS[SECOND][0])
    end = place + len(LEDGERS[SECOND])
    if len(server.requests) == 1:
        yield from messages[:end]
        context.abort(grpc.StatusCode.UNAVAILABLE, "again, please")
    elif len(server.requests) == 2:
        yield from messages[:end - 5] + messages[end:]
    else:
        yield from messages


def go_beyond(_server, _context, messages):
    """Ledgers after END come before the end."""
    last = LEDGERS[LAST][0]
    more = [last.replace(stock_grpc.varint(LAST), stock_grpc.varint(LAST + n), 1) for n in (1, 2)]
    return messages + more


def with_unknown_fields(message):
    """One of each wire type, at the end."""
    field = stock_grpc.varint
    return (message + field(900 << 3) + field(1 << 40) + field(901 << 3 | 1) + bytes(8) +
            field(902 << 3 | 2) + field(5) + b"bytes" + field(903 << 3 | 5) + bytes(4))


def without_meta(message):
    size, start = stock_grpc.read_varint(message, 1)
    return message[start + size:]


def with_event_type(number):
    """The meta, and a member of the oneof that no one knows."""
    def change(message):
        size, start = stock_grpc.read_varint(message, 1)
        return message[:start + size] + stock_grpc.varint(number << 3 | 2) + b"\x00"
    return change


def with_damaged_event(message):
    size, start = stock_grpc.read_varint(message, 1)
    return message[:start + size] + b"\xff" * 12


def no_protobuf(_message):
    return b"\xff" * 20


TRIED_AGAIN = {
    "status, by an exception in the handler": once(at(700, lambda *_: 1 / 0)),
    "status-only, UNAVAILABLE": once(at(0, abort(grpc.StatusCode.UNAVAILABLE))),
    "status, UNAVAILABLE": once(at(700, abort(grpc.StatusCode.UNAVAILABLE))),
    "status, DATA_LOSS": once(at(700, abort(grpc.StatusCode.DATA_LOSS))),
    "outage": be_out,
    "silence": once(at(700, be_silent)),
    "silence before any header": once(at(0, be_silent)),
    "silence of 500 ms": once(at(700, sleep(0.5))),
    "slow-drip": drip,
    "late-headers": at(0, sleep(0.5)),
    "headers long before events": headers_first,
    "repeat-ledger": once(repeat),
    "old-ledger": once(at(700, go_back)),
    "old-ledger, below START": once(at(700, go_below)),
    "shrunken-ledger": shrink,
    "events-after-end": once(go_beyond),
    "unknown-fields": instead_of(700, with_unknown_fields),
    "missing-meta": once(instead_of(700, without_meta)),
    "invalid-protobuf": once(instead_of(700, no_protobuf)),
    "an empty message": once(instead_of(700, lambda _: b"")),
}


@pytest.mark.campaign(every=3)
@pytest.mark.parametrize("fault", TRIED_AGAIN)
def test_the_lake_is_true_after(lake, fault):
    with serve(TRIED_AGAIN[fault]) as server:
        run(lake, server)
    assert not list(lake.glob("_lake/dead_letters/*"))
    assert_true(lake)


@pytest.mark.parametrize("change,ledger,index", [
    (instead_of(700, with_damaged_event), SECOND, 172),
    (instead_of(700, with_event_type(15)), SECOND, 172),
    (instead_of(700, with_event_type(100)), SECOND, 172),
    (instead_of(172, no_protobuf), FIRST, 172),
    (instead_of(172, without_meta), FIRST, 172),
], ids=["damaged-event", "unknown-event-type", "unknown-event-type=100", "invalid-protobuf",
        "missing-meta"])
def test_what_is_no_row_is_a_dead_letter_and_keeps_its_place(lake, change, ledger, index):
    with serve(change) as server:
        run(lake, server).says("dead letter")
    [letter] = [json.loads(line) for path in lake.glob("_lake/dead_letters/*")
                for line in path.read_text().splitlines()]
    assert (letter["ledger_sequence"], letter["event_index"]) == (ledger, index)
    assert base64.b64decode(letter["raw"]) and letter["reason"]
    assert_true(lake, [row for row in truth.truth_rows([RECORDING])
                       if (row["ledger_sequence"], row["event_index"]) != (ledger, index)])


def test_a_skipped_ledger_is_covered_but_unconfirmed(lake):
    def skip(_server, _context, messages):
        return [message for message in messages if stock_grpc.ledger_of(message) != SECOND]

    with serve(skip) as server:
        run(lake, server).says("unconfirmed")
    assert_true(lake, [row for row in truth.truth_rows([RECORDING])
                       if row["ledger_sequence"] != SECOND])
    status = json.loads(process.execute("status", "--output-path", lake, "--json").expect(0).stdout)
    assert status["unconfirmed"] == [{"first": SECOND, "last": SECOND}]


def test_a_poison_ledger_stops_the_run_and_is_named(lake):
    def poison(_server, context, messages):
        for message in messages:
            if message == LEDGERS[SECOND][172]:
                context.abort(grpc.StatusCode.INTERNAL, "string field contains invalid UTF-8")
            yield message

    with serve(poison) as server:
        finished = process.run(lake, server.endpoint, FIRST, LAST, schema_version="1.1.0",
                               max_attempts=3, status=1)
    finished.says(str(SECOND), "invalid UTF-8")
    assert reading.coverage(lake) == [(FIRST, FIRST)]


# ---- what a server does --------------------------------------------------------------------------

@pytest.mark.parametrize("grace", [0.3, 20], ids=["cut after the grace", "ended within it"])
def test_a_server_that_stops_gracefully_is_left_for_the_next(lake, grace):
    """GOAWAY; calls go on for the grace, and a new server listens at the same port meanwhile."""
    with contextlib.ExitStack() as stack:
        def change(server, _context, messages):
            for number, message in enumerate(messages):
                if number == 700:
                    threading.Thread(target=server.stop, args=(grace,)).start()
                    stack.enter_context(serve(port=server.port))
                if number > 700 and number % 50 == 0:
                    time.sleep(0.02)
                yield message

        run(lake, stack.enter_context(serve(change)))
    assert_true(lake)


def test_a_server_that_ends_each_connection_by_its_age_is_followed(lake):
    """As many proxies and servers are set up to: GOAWAY after the age, the end after a grace."""
    recording = truth.TESTNET
    options = (("grpc.max_connection_age_ms", 300), ("grpc.max_connection_age_grace_ms", 500))

    def pause(_server, _context, sent, _message):   # all of it takes some three seconds
        if sent % 5 == 0:
            time.sleep(0.02)

    with stock_grpc.Server(stock_grpc.read_recording(recording.events), pause,
                           options=options) as server:
        process.run(lake, server.endpoint, recording.first, recording.last, schema_version="1.1.0")
        assert len(server.requests) > 2, "no connection came to its age"
    reading.compare_lake_with_truth(lake, [recording], "1.1.0")
    assert reading.coverage(lake) == list(recording.ranges)


@pytest.mark.parametrize("algorithm", [grpc.Compression.Gzip, grpc.Compression.Deflate],
                         ids=["gzip", "deflate"])
def test_a_server_that_compresses_unasked_is_refused_with_the_remedy(lake, algorithm):
    """grpcio does, though no request of ours offers it; nothing of that is taken for an event."""
    with serve(compression=algorithm) as server:
        with process.run_background(lake, server.endpoint, FIRST, LAST) as run_:
            run_.wait_for_text("compressed message.*switch compression off")
            run_.stop().expect(0)
    assert not reading.data_files(lake)
    assert reading.coverage(lake) == []
