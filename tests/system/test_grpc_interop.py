# SPDX-License-Identifier: Apache-2.0
"""Our server under a stock gRPC client, our client on a stock gRPC server."""

import concurrent.futures
import itertools
import re
import threading
import time

import grpc
import pytest

from harness import lake as reading
from harness import process, stock_grpc, truth

OK = grpc.StatusCode.OK
RECORDING = truth.PUBNET63
FIRST, LAST = RECORDING.first, RECORDING.last


def messages_of(recording):
    return stock_grpc.read_recording(recording.events)


# ---- our server, a stock client ------------------------------------------------------------------

@pytest.mark.parametrize("recording", truth.ALL, ids=lambda recording: recording.name)
def test_a_stock_client_gets_every_byte(servers, recording):
    answer = stock_grpc.call(servers[recording.name], recording.first, recording.last)
    assert answer.code == OK
    assert answer.messages == messages_of(recording)


def test_ranges_end_as_promised(servers):
    endpoint = servers[RECORDING.name]
    ledgers = stock_grpc.by_ledger(messages_of(RECORDING))
    everything = messages_of(RECORDING)
    for start, end, wanted in (
            (0, LAST, everything), (FIRST + 1, FIRST + 1, ledgers[FIRST + 1]),
            (1, FIRST, ledgers[FIRST]), (LAST, LAST, ledgers[LAST]), (FIRST, FIRST - 1, []),
            (5, 6, [])):
        answer = stock_grpc.call(endpoint, start, end)
        assert (answer.code, answer.messages) == (OK, wanted), (start, end)
    for start, end, wanted in ((FIRST, 0, everything), (0, 0, everything),
                               (LAST, LAST + 1, ledgers[LAST]), (LAST + 1, 0, [])):
        # A slow machine may not have had them all in a second; a second is enough for one too many.
        for timeout in (1, 5, 25):
            answer = stock_grpc.call(endpoint, start, end, timeout=timeout)
            if len(answer.messages) >= len(wanted):
                break
        assert (answer.code, answer.messages) == (grpc.StatusCode.DEADLINE_EXCEEDED, wanted), \
            (start, end)


def test_many_stock_clients_at_once(servers):
    everything = messages_of(RECORDING)
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(
            lambda _: stock_grpc.call(servers[RECORDING.name], FIRST, LAST), range(12)))
    assert all(answer.code == OK and answer.messages == everything for answer in answers)


def test_many_streams_on_one_connection(servers):
    everything = messages_of(RECORDING)
    with stock_grpc.channel(servers[RECORDING.name]) as channel:
        method = channel.unary_stream(stock_grpc.PATH, request_serializer=bytes,
                                      response_deserializer=bytes)
        calls = [method(stock_grpc.encode_request(FIRST, LAST), timeout=30) for _ in range(6)]
        for got in itertools.zip_longest(*calls):
            assert len(set(got)) == 1
        assert [list(method(stock_grpc.encode_request(FIRST, LAST)))] == [everything]


def test_a_client_that_reads_slowly_loses_nothing(processes, tmp_path):
    file = tmp_path / "some.events"
    process.execute("generate", "--seed", 5, "--first-ledger", 100, "--events", 60000,
                    "--start-time", "2024-01-15T00:00:00Z", "--out", file).expect(0)
    server = processes(process.Replay([file]))
    wanted = stock_grpc.read_recording(file)
    answer = stock_grpc.call(
        server.endpoint, 100, stock_grpc.ledger_of(wanted[-1]), timeout=60,
        options=(("grpc.http2.lookahead_bytes", 65535), ("grpc.http2.bdp_probe", 0)),
        pause=lambda count: time.sleep(0.05) if count % 4000 == 1 else None)
    assert answer.code == OK
    assert answer.messages == wanted


def test_a_cancelled_call_frees_the_stream_and_hurts_nobody(servers):
    with stock_grpc.channel(servers[RECORDING.name]) as channel:
        method = channel.unary_stream(stock_grpc.PATH, request_serializer=bytes,
                                      response_deserializer=bytes)
        for _ in range(150):   # more than the streams that a connection may have open
            call = method(stock_grpc.encode_request(FIRST, 0))
            next(iter(call))
            call.cancel()
        answer = list(method(stock_grpc.encode_request(FIRST, LAST), timeout=30))
    assert answer == messages_of(RECORDING)


def test_what_is_no_ttp_call_is_refused_in_grpc(servers):
    endpoint = servers[RECORDING.name]
    answer = stock_grpc.call(endpoint, 1, 2, path="/grpc.health.v1.Health/Watch")
    assert answer.code == grpc.StatusCode.UNIMPLEMENTED
    assert "/grpc.health.v1.Health/Watch" in answer.details
    answer = stock_grpc.call(endpoint, 0, 0, request=b"\xff\xff\xff")
    assert answer.code == grpc.StatusCode.INTERNAL
    answer = stock_grpc.call(endpoint, 0, 0, request=b"\x10" + b"\x80" * 5 * 1024 * 1024)
    assert answer.code in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INTERNAL)
    assert stock_grpc.call(endpoint, FIRST, LAST).code == OK


def test_a_client_that_pings_is_answered(servers):
    answer = stock_grpc.call(
        servers[RECORDING.name], LAST + 1, 0, timeout=3,
        options=(("grpc.keepalive_time_ms", 500), ("grpc.keepalive_timeout_ms", 400),
                 ("grpc.keepalive_permit_without_calls", 1),
                 ("grpc.http2.max_pings_without_data", 0)))
    # An unanswered PING would have ended the call as UNAVAILABLE.
    assert answer.code == grpc.StatusCode.DEADLINE_EXCEEDED


# ---- a stock server, our client ------------------------------------------------------------------

@pytest.mark.parametrize("recording", truth.ALL, ids=lambda recording: recording.name)
def test_a_lake_of_a_stock_server_is_true(lake, recording):
    with stock_grpc.Server(messages_of(recording)) as server:
        process.run(lake, server.endpoint, recording.first, recording.last,
                    schema_version="1.1.0")
    reading.compare_lake_with_truth(lake, [recording], "1.1.0")
    reading.check_catalog(lake)


def test_a_recording_of_a_stock_server_is_the_stream(tmp_path):
    copy = tmp_path / "copy.events"
    with stock_grpc.Server(messages_of(RECORDING)) as server:
        process.execute("record", copy, FIRST, LAST, "--ttp-processor-endpoint",
                        server.endpoint).expect(0)
    assert copy.read_bytes() == RECORDING.events.read_bytes()


def test_many_small_frames_of_a_stock_server(lake):
    options = (("grpc.http2.max_frame_size", 16384), ("grpc.http2.write_buffer_size", 1))
    with stock_grpc.Server(messages_of(RECORDING), options=options) as server:
        process.run(lake, server.endpoint, FIRST, LAST)
    reading.compare_lake_with_truth(lake, [RECORDING], "1.0.0")


@pytest.mark.parametrize("code", [grpc.StatusCode.INTERNAL, grpc.StatusCode.UNAVAILABLE,
                                  grpc.StatusCode.UNKNOWN, grpc.StatusCode.RESOURCE_EXHAUSTED,
                                  grpc.StatusCode.ABORTED, grpc.StatusCode.CANCELLED])
def test_passing_statuses_are_tried_again(lake, code):
    failures = iter([0, 700, 700, 1])

    def meddle(server, context, sent, message):
        if sent == getattr(server, "fail_at", None):
            server.fail_at = next(failures, None)
            context.abort(code, "a passing fault: 100 % of it")

    with stock_grpc.Server(messages_of(RECORDING), meddle) as server:
        server.fail_at = next(failures)
        process.run(lake, server.endpoint, FIRST, LAST)
        assert len(server.requests) == 5
        assert all(end == LAST for _, end in server.requests)
    reading.compare_lake_with_truth(lake, [RECORDING], "1.0.0")


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAUTHENTICATED,
                                  grpc.StatusCode.PERMISSION_DENIED,
                                  grpc.StatusCode.INVALID_ARGUMENT,
                                  grpc.StatusCode.UNIMPLEMENTED])
def test_final_statuses_stop_the_run_and_keep_what_is_complete(lake, code):
    def meddle(_server, context, sent, _message):
        if sent == 700:
            context.abort(code, "go away; caf\u00e9")

    with stock_grpc.Server(messages_of(RECORDING), meddle) as server:
        finished = process.run(lake, server.endpoint, FIRST, LAST, status=1)
        assert len(server.requests) == 1
    finished.says(code.name, "go away")
    reading.compare_lake_with_truth(lake, [RECORDING], "1.0.0",
                                    rows=truth.truth_rows([RECORDING], FIRST, FIRST))


def test_a_server_that_dies_and_comes_back(lake):
    messages = messages_of(RECORDING)
    at_700 = threading.Event()

    def meddle(_server, _context, sent, _message):
        if sent == 700:
            at_700.set()
            time.sleep(30)

    first = stock_grpc.Server(messages, meddle)
    with first:
        run = process.run_background(lake, first.endpoint, FIRST, LAST)
        with run:
            assert at_700.wait(20)
            first.stop()
            time.sleep(0.5)
            with stock_grpc.Server(messages, port=first.port) as second:
                run.wait().expect(0)
                assert second.requests
    reading.compare_lake_with_truth(lake, [RECORDING], "1.0.0")


def test_the_request_is_what_a_ttp_server_expects(lake):
    with stock_grpc.Server(messages_of(RECORDING)) as server:
        process.run(lake, server.endpoint, FIRST, LAST, metadata='{"x-tenant": "blue"}')
        assert server.requests == [(FIRST, LAST)]
        metadata = server.metadata[0]
    assert re.match(r"ttp-parquet-consumer/\S+|parquet-consumer/\S+", metadata["user-agent"])
    assert metadata["x-tenant"] == "blue"
    assert "grpc-timeout" not in metadata


def test_a_message_over_the_limit_is_an_error_that_names_it(lake):
    big = b"\xfa\x7f" + stock_grpc.varint(5 << 20) + bytes(5 << 20)   # an unknown field

    chosen = stock_grpc.by_ledger(messages_of(RECORDING))[FIRST + 1][72]

    def meddle(_server, _context, _sent, message):
        return message + big if message == chosen else None

    options = (("grpc.max_send_message_length", -1),)
    with stock_grpc.Server(messages_of(RECORDING), meddle, options=options) as server:
        finished = process.run(lake, server.endpoint, FIRST, LAST, status=1, max_attempts=2)
        finished.says("max.message.size", str(FIRST + 1))
        process.run(lake, server.endpoint, FIRST, LAST, max_message_size="8MiB")
    reading.compare_lake_with_truth(lake, [RECORDING], "1.0.0")
