# SPDX-License-Identifier: Apache-2.0
"""`replay`, `generate` and `record` on the command line, read by a stock gRPC client."""

import base64
import itertools
import json
import re
import time

import grpc
import pytest

from harness import lake as reading
from harness import process, stock_grpc, truth

OK = grpc.StatusCode.OK
RECORDING = truth.PUBNET63
FIRST, LAST = RECORDING.first, RECORDING.last


def replay_refused(*arguments, status=2):
    return process.execute("replay", *arguments, limit=20).expect(status)


def generate(*arguments):
    return ["generate", "--seed", 11, "--first-ledger", 1000, "--start-time",
            "2024-01-15T12:00:00Z", *arguments]


# ---- replay --------------------------------------------------------------------------------------

def test_it_says_where_it_listens_and_ends_in_peace(processes):
    server = processes(process.Replay([RECORDING.events]))
    assert server.stdout == f"listening on {server.endpoint}\n"
    assert stock_grpc.call(server.endpoint, FIRST, LAST).code == OK
    server.stop().expect(0)


def test_several_files_are_one_stream(processes):
    server = processes(process.Replay([recording.events for recording in reversed(truth.PUBNET)]))
    answer = stock_grpc.call(server.endpoint, 0, LAST)
    ledgers = [stock_grpc.ledger_of(message) for message in answer.messages]
    assert answer.code == OK
    assert ledgers == sorted(ledgers)
    assert sorted(answer.messages) == sorted(itertools.chain.from_iterable(
        stock_grpc.read_recording(recording.events) for recording in truth.PUBNET))


def test_live_ledgers_close_one_after_the_other(processes):
    server = processes(process.Replay([RECORDING.events], "--live", "--pace", "400ms"))
    started = time.monotonic()
    answer = stock_grpc.call(server.endpoint, 0, LAST)
    assert answer.code == OK and answer.messages == stock_grpc.read_recording(RECORDING.events)
    assert 0.6 < time.monotonic() - started < 20
    assert stock_grpc.call(server.endpoint, LAST, LAST).code == OK


def test_mistakes_are_refused_with_a_sentence(tmp_path):
    bad = tmp_path / "bad.events"
    bad.write_bytes(RECORDING.events.read_bytes()[:-5])
    empty = tmp_path / "empty.events"
    empty.write_bytes(b"")
    text = tmp_path / "text.events"
    text.write_text("This is not a recording. It is only some text that goes on for a while.\n")
    for file, status, words in ((bad, 1, "ends at byte"), (text, 1, r"\.events file"),
                                (empty, 2, "no event"),
                                (tmp_path / "none.events", 2, "none.events")):
        replay_refused(file, "--listen", "127.0.0.1:0", status=status).says(
            re.escape(str(file)), words)
    replay_refused(RECORDING.events, RECORDING.events, "--listen", "127.0.0.1:0").says(
        "both hold ledger")
    replay_refused(RECORDING.events, "--listen", "nonsense").says("nonsense")
    replay_refused(RECORDING.events, "--listen", "127.0.0.1:0", "--pace", "soon").says("soon")
    replay_refused("--listen", "127.0.0.1:0").says("FILE")


def test_a_port_that_is_taken_is_named(servers):
    endpoint = servers[RECORDING.name]
    replay_refused(RECORDING.events, "--listen", endpoint).says(re.escape(endpoint))


def test_a_fault_script_is_followed(processes, tmp_path):
    script = tmp_path / "faults"
    script.write_text('# two faults\nledger=63092994 status="UNAVAILABLE:not now" count=2\n'
                      "event=10 unknown-fields\n")
    server = processes(process.Replay([RECORDING.events], "--fault", script))
    wanted = stock_grpc.read_recording(RECORDING.events)
    for _ in range(2):
        answer = stock_grpc.call(server.endpoint, FIRST, LAST)
        assert (answer.code, answer.details) == (grpc.StatusCode.UNAVAILABLE, "not now")
        assert all(stock_grpc.ledger_of(message) == FIRST
                   for index, message in enumerate(answer.messages) if index != 10)
    answer = stock_grpc.call(server.endpoint, FIRST, LAST)
    assert (answer.code, answer.messages) == (OK, wanted)


def test_a_fault_script_with_a_mistake_is_refused_with_its_line(tmp_path):
    script = tmp_path / "faults"
    script.write_text("event=1 close\n\nevent=2 rest\n")
    replay_refused(RECORDING.events, "--listen", "127.0.0.1:0", "--fault", script).says(
        re.escape(f"{script}:3"), "'rest'", "did you mean 'reset'")
    replay_refused(RECORDING.events, "--listen", "127.0.0.1:0", "--fault",
                   tmp_path / "none").says("none")


# ---- generate ------------------------------------------------------------------------------------

def strkey_is_valid(text):
    """SEP-23, on its own: the version byte and the check sum (CRC16-XModem, little-endian)."""
    raw = base64.b32decode(text + "=" * (-len(text) % 8))
    crc = 0
    for byte in raw[:-2]:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xffff
    versions = {"G": (6 << 3, 35), "C": (2 << 3, 35), "L": (11 << 3, 35), "B": (1 << 3, 36)}
    return (raw[0], len(raw)) == versions[text[0]] and crc == int.from_bytes(raw[-2:], "little")


def test_generated_events_are_the_same_from_file_server_and_rows(tmp_path, processes):
    files = [tmp_path / "a.events", tmp_path / "b.events"]
    rows = tmp_path / "a.rows.jsonl"
    process.execute(*generate("--events", 20000, "--out", files[0], "--rows", rows)).expect(0)
    process.execute(*generate("--events", 20000, "--out", files[1])).expect(0)
    assert files[0].read_bytes() == files[1].read_bytes()
    messages = stock_grpc.read_recording(files[0])
    assert len(messages) == 20000
    last = stock_grpc.ledger_of(messages[-1])

    server = processes(process.Background(*generate("--events", 20000, "--listen",
                                                    "127.0.0.1:0")))
    server.wait_for_text(r"listening on \S+:\d+\n")
    endpoint = server.stdout.split()[-1]
    answer = stock_grpc.call(endpoint, 0, last)
    assert (answer.code, answer.messages) == (OK, messages)
    ledgers = stock_grpc.by_ledger(messages)
    assert stock_grpc.call(endpoint, 1010, 1010).messages == ledgers[1010]

    parsed = [json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()]
    assert len(parsed) == 20000
    assert [row["ledger_sequence"] for row in parsed] == list(map(stock_grpc.ledger_of, messages))
    addresses = {row[key] for row in parsed
                 for key in ("source_account", "dest_account", "contract_address", "asset_issuer")
                 if row[key] is not None}
    assert {address[0] for address in addresses} == set("GCLB")
    assert all(map(strkey_is_valid, addresses))


def test_a_lake_of_generated_events_is_true(lake, tmp_path, processes):
    file, rows = tmp_path / "g.events", tmp_path / "g.rows.jsonl"
    process.execute(*generate("--ledgers", 30, "--out", file, "--rows", rows)).expect(0)
    server = processes(process.Replay([file]))
    process.run(lake, server.endpoint, 1000, 1029, schema_version="1.1.0")
    parsed = [json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()]
    reading.compare_lake_with_truth(lake, [], "1.1.0", rows=parsed)
    assert reading.coverage(lake) == [(1000, 1029)]


def test_generate_refuses_what_makes_no_sense(tmp_path):
    out = tmp_path / "out.events"
    for arguments, words in (
            (generate("--out", out), "--ledgers or --events"),
            (generate("--events", 0, "--out", out), "at least 1"),
            (generate("--events", 10), "--out"),
            (generate("--ledgers", "4294967295", "--out", out), "ledger")):
        process.execute(*arguments, limit=20).expect(2).says(words)
    assert not out.exists()


# ---- record --------------------------------------------------------------------------------------

@pytest.mark.parametrize("cut", [1, 200, 300_000, 500_000])
def test_record_goes_on_after_a_cut(tmp_path, servers, cut):
    file = tmp_path / "copy.events"
    file.write_bytes(RECORDING.events.read_bytes()[:-cut])
    process.execute("record", file, FIRST, LAST, "--ttp-processor-endpoint",
                    servers[RECORDING.name]).expect(0)
    assert file.read_bytes() == RECORDING.events.read_bytes()


def test_record_goes_on_after_the_stream_was_cut_behind_a_complete_ledger(tmp_path, processes):
    """The server is asked for the last ledger had once more: it comes, and is not kept twice."""
    (tmp_path / "faults").write_text("event=1500 reset=INTERNAL_ERROR\n")
    server = processes(process.Replay([RECORDING.events], "--fault", tmp_path / "faults"))
    file = tmp_path / "copy.events"
    process.execute("record", file, FIRST, LAST, "--ttp-processor-endpoint", server.endpoint,
                    "--retry-initial", "50ms").expect(0)
    assert file.read_bytes() == RECORDING.events.read_bytes()


def test_record_leaves_other_peoples_files_alone(tmp_path, servers):
    file = tmp_path / "notes.txt"
    file.write_text("My notes.\n")
    finished = process.execute("record", file, FIRST, LAST, "--ttp-processor-endpoint",
                               servers[RECORDING.name], limit=20)
    assert finished.status != 0
    finished.says("notes.txt")
    assert file.read_text() == "My notes.\n"
