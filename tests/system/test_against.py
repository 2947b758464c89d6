# SPDX-License-Identifier: Apache-2.0
"""`verify --against` asks a TTP server for the ledgers of a lake again and compares every value."""

import json
import re
import signal
import subprocess
import time

import grpc
import pytest

from harness import lake as reading
from harness import process, stock_grpc, truth

RECORDING = truth.PUBNET63
FIRST, LAST = RECORDING.first, RECORDING.last
SECOND = FIRST + 1
ROWS = truth.truth_rows([RECORDING])
QUICK = ("--retry-initial", "20ms", "--retry-max", "100ms")


def against(lake, endpoint, *arguments, status=0):
    """The report; what it says on stderr is in the key `stderr`."""
    finished = process.execute("verify", "--output-path", lake, "--against", endpoint, "--json",
                               *QUICK, *arguments).expect(status)
    report = json.loads(finished.stdout)
    assert report["ok"] == (status == 0)
    assert list(report["against"]) == ["endpoint", "complete", "sampled", "covered_ledgers",
                                       "ledgers", "rows", "dead_letters", "differing_ledgers"]
    assert report["against"]["endpoint"] == endpoint
    assert report["against"]["complete"] == ("not complete" not in finished.stderr)
    return report | {"stderr": finished.stderr}


def differences(report):
    assert all(problem["kind"] == "difference" for problem in report["problems"])
    return [problem["message"] for problem in report["problems"]]


def mend(report):
    """Runs the command that the report prints, as it is pasted."""
    command = report["command"].replace("parquet-consumer ", f"{process.BINARY} ")
    command = command.replace(" run ", " run --health-port 0 --metrics-port 0 ")
    subprocess.run(command, shell=True, check=True, timeout=60, env=process.environment(),
                   stdout=subprocess.DEVNULL)


def write_recording(path, messages):
    path.write_bytes(b"".join(stock_grpc.varint(len(message)) + message for message in messages))
    return path


def ledgers_of(path):
    return stock_grpc.by_ledger(stock_grpc.read_recording(path))


def event_at(ledger, ordinal):
    """The number of an event in the recording."""
    return [row["ledger_sequence"] for row in ROWS].index(ledger) + ordinal


def changed_amount(message, row, digit):
    """The message with another last digit of its amount, and that amount."""
    old = row["amount"].encode()
    new = old[:-1] + (digit if old[-1:] != digit else b"9")
    assert message.count(b"\x22" + bytes([len(old)]) + old) == 1 or message.count(old) == 1
    return message.replace(old, new), new.decode()


@pytest.fixture(scope="module")
def changed(tmp_path_factory):
    """A recording with another amount in one event of SECOND: path, its event_index, the amounts."""
    messages = stock_grpc.read_recording(RECORDING.events)
    for ordinal in range(100, 400):
        number = event_at(SECOND, ordinal)
        row = ROWS[number]
        if len(row["amount"]) > 6 and messages[number].count(row["amount"].encode()) == 1:
            break
    messages[number], amount = changed_amount(messages[number], row, b"0")
    path = write_recording(tmp_path_factory.mktemp("changed") / "changed.events", messages)
    return path, ordinal, row["amount"], amount


def make(lake, recording, first=FIRST, last=LAST, faults=None, **options):
    """A lake of what a server with that recording (and its faults) sends."""
    arguments = ()
    if faults is not None:
        (lake.parent / "faults").write_text(faults)
        arguments = ("--fault", lake.parent / "faults")
    with process.Replay([recording], *arguments) as server:
        process.run(lake, server.endpoint, first, last, **options)
    return lake


COMMIT_A_LEDGER = {"max_file_size": "1KiB", "batch_size": 1}


# ---- the same ------------------------------------------------------------------------------------

@pytest.mark.parametrize("version", truth.SCHEMA_VERSIONS)
@pytest.mark.parametrize("scheme", reading.SCHEMES)
def test_a_lake_of_what_the_server_sends_is_the_same(lake, servers, scheme, version):
    endpoint = servers[RECORDING.name]
    process.run(lake, endpoint, FIRST, LAST, schema_version=version, partitioning_scheme=scheme,
                row_group_rows=500, page_size=4096)
    report = against(lake, endpoint)
    assert report["against"] == {
        "endpoint": endpoint, "complete": True, "sampled": False, "covered_ledgers": 4,
        "ledgers": 4, "rows": len(ROWS), "dead_letters": 0, "differing_ledgers": 0}
    assert (report["problems"], report["refetch"], report["command"]) == ([], [], None)


def test_ledgers_of_both_schema_versions_and_empty_ones_are_the_same(lake, servers):
    testnet = truth.TESTNET
    endpoint = servers[testnet.name]
    process.run(lake, endpoint, testnet.first, testnet.first + 79)
    process.run(lake, endpoint, testnet.first + 80, testnet.last, schema_version="1.1.0")
    report = against(lake, endpoint, "--deep")
    assert report["against"]["ledgers"] == testnet.last - testnet.first + 1
    assert report["against"]["rows"] == len(truth.truth_rows([testnet]))


def test_ranges_of_a_lake_with_holes_are_asked_for_one_by_one(lake, servers):
    ranges = [(first, last) for recording in truth.PUBNET for first, last in recording.ranges]
    for first, last in ranges:
        process.run(lake, servers["pubnet"], first, last, schema_version="1.1.0")
    messages = [message for recording in truth.PUBNET
                for message in stock_grpc.read_recording(recording.events)]
    with stock_grpc.Server(messages) as server:
        report = against(lake, server.endpoint)
        # The one without events is asked for once more: it may have been left out.
        empty = [(6154623, 6154623)]
        assert sorted(server.requests) == sorted(ranges + empty)
    assert report["against"]["rows"] == len(truth.truth_rows(truth.PUBNET))


def test_files_that_duckdb_merged_are_compared_too(lake, servers):
    endpoint = servers[RECORDING.name]
    process.run(lake, endpoint, FIRST, LAST, schema_version="1.1.0", **COMMIT_A_LEDGER)
    with reading.duckdb_connection() as connection:
        connection.execute(f"ATTACH 'ducklake:sqlite:{reading.catalog_path(lake)}' AS lake")
        connection.execute("CALL ducklake_merge_adjacent_files('lake')")
        connection.execute("DETACH lake")
    live = reading.catalog_query(lake, "SELECT count(*) FROM ducklake_data_file WHERE end_snapshot"
                                       " IS NULL")
    assert live == [(1,)]
    report = against(lake, endpoint)
    assert report["problems"] == []   # that the replaced files still lie there is a note
    assert report["against"]["rows"] == len(ROWS)
    assert report["against"]["differing_ledgers"] == 0


def test_people_are_told_in_a_line(lake, servers):
    endpoint = servers[RECORDING.name]
    process.run(lake, endpoint, FIRST, LAST)
    finished = process.execute("verify", "--output-path", lake, "--against", endpoint).expect(0)
    finished.says(re.escape(f"against {endpoint}: 4 of 4 covered ledgers compared, 2,531 rows: the"
                            " server sends the same"), "\nok: ")
    assert finished.stderr == ""


def test_it_writes_nothing_and_takes_no_lock(lake, servers):
    process.run(lake, servers[RECORDING.name], FIRST, LAST)

    def contents():
        return {path: path.read_bytes() for path in lake.rglob("*")
                if path.is_file() and not path.name.endswith(("-shm", "-wal"))}
    before = contents()
    with process.run_background(lake, servers[RECORDING.name], FIRST, 0) as run:
        run.wait_for_text("fetching|following|connected")
        against(lake, servers[RECORDING.name])
        run.stop().expect(0)
    assert {path: content for path, content in contents().items()
            if path.name != "lock"} == {path: content for path, content in before.items()
                                        if path.name != "lock"}


# ---- what differs --------------------------------------------------------------------------------

@pytest.mark.parametrize("version", truth.SCHEMA_VERSIONS)
@pytest.mark.parametrize("scheme", ["date_hour", "date_hour_type"])
def test_another_amount_is_named_and_the_command_mends_the_lake(lake, changed, version, scheme):
    path, ordinal, old, new = changed
    make(lake, RECORDING.events, schema_version=version, partitioning_scheme=scheme,
         **COMMIT_A_LEDGER)
    with process.Replay([path]) as server:
        report = against(lake, server.endpoint, status=3)
        [problem] = report["problems"]
        counts = sum(row["ledger_sequence"] == SECOND for row in ROWS)
        assert problem["message"] == (
            f"ledger {SECOND}, event_index {ordinal}: amount is '{old}' in the lake, '{new}' from"
            f" the server (the lake has {counts} rows, the server sends {counts} rows)")
        assert (problem["first"], problem["last"]) == (SECOND, SECOND)
        assert report["refetch"] == [{"first": SECOND, "last": SECOND}]
        assert report["against"]["differing_ledgers"] == 1
        assert f"--ttp-processor-endpoint {server.endpoint}" in report["command"]
        mend(report)
        against(lake, server.endpoint)
    assert reading.coverage(lake) == [(FIRST, LAST)]
    assert json.loads(process.execute("verify", "--deep", "--json", "--output-path", lake)
                      .expect(0).stdout)["rows"] == len(ROWS)


def test_a_commit_of_several_ledgers_is_mended_as_a_whole(lake, changed):
    make(lake, RECORDING.events, schema_version="1.1.0")
    with process.Replay([changed[0]]) as server:
        report = against(lake, server.endpoint, status=3)
        assert report["refetch"] == [{"first": FIRST, "last": LAST}]
        mend(report)
        against(lake, server.endpoint, "--deep")


def without(path, ledger, ordinal):
    messages = stock_grpc.read_recording(RECORDING.events)
    del messages[event_at(ledger, ordinal)]
    return write_recording(path, messages)


@pytest.mark.parametrize("version, lacks, has", [
    ("1.0.0", r"event_index 50: a \w+ of -?\d+ is not in the lake \(the lake has 658 rows, the"
              r" server sends 659 rows\)",
     r"a \w+ of -?\d+ is in the lake, and the server does not send it \(the lake has 659 rows"),
    ("1.1.0", r"event_index 50: transaction_hash is '\w{64}' in the lake, '\w{64}' from the server",
     r"event_index 50: transaction_hash is '\w{64}' in the lake, '\w{64}' from the server")])
def test_an_event_that_only_one_side_has_is_named(tmp_path, servers, version, lacks, has):
    short = without(tmp_path / "short.events", SECOND, 50)
    for name, recording, pattern in (("a", short, lacks), ("b", RECORDING.events, has)):
        lake = make(tmp_path / name, recording, schema_version=version)
        with process.Replay([short]) as server:
            endpoint = servers[RECORDING.name] if recording == short else server.endpoint
            [message] = differences(against(lake, endpoint, status=3))
            counts = [sum(row["ledger_sequence"] == SECOND for row in ROWS)]
            assert re.search(pattern.replace("658", str(counts[0] - 1))
                             .replace("659", str(counts[0])), message), message


def test_the_last_event_of_a_ledger_may_lack(tmp_path, servers):
    lake = make(tmp_path / "lake", RECORDING.events, faults=f"ledger={SECOND} cut-ledger=1\n",
                schema_version="1.1.0")
    [message] = differences(against(lake, servers[RECORDING.name], status=3))
    assert re.search(r"event_index \d+: a \w+ of -?\d+ is not in the lake", message), message


def test_a_ledger_that_the_server_leaves_out_is_found(lake, servers, tmp_path, processes):
    process.run(lake, servers[RECORDING.name], FIRST, LAST, **COMMIT_A_LEDGER)
    (tmp_path / "faults").write_text(f"ledger={SECOND} skip-ledger always\n")
    server = processes(process.Replay([RECORDING.events], "--fault", tmp_path / "faults"))
    report = against(lake, server.endpoint, status=3)
    [message] = differences(report)
    assert re.fullmatch(rf"ledger {SECOND}: the lake has \d+ rows, the server sends no event of it",
                        message)
    assert report["refetch"] == [{"first": SECOND, "last": SECOND}]


def test_events_of_a_ledger_held_as_empty_are_fetched_alone(lake, servers):
    endpoint = servers[RECORDING.name]
    make(lake, RECORDING.events, faults=f"ledger={SECOND} skip-ledger count=2\n", schema_version="1.1.0")
    report = against(lake, endpoint, status=3)
    [message] = differences(report)
    assert re.fullmatch(rf"ledger {SECOND}: the lake holds it as empty, the server sends \d+ rows",
                        message)
    assert report["refetch"] == [{"first": SECOND, "last": SECOND}]
    mend(report)
    assert reading.catalog_query(lake, "SELECT first_ledger, last_ledger FROM ttp_commits WHERE"
                                       " ended_us IS NULL ORDER BY commit_no") == [
        (FIRST, LAST), (SECOND, SECOND)]
    reading.compare_lake_with_truth(lake, [RECORDING], "1.1.0")
    assert not against(lake, endpoint, "--deep")["notes"]


def test_many_ledgers_that_differ_are_counted_and_twenty_told(tmp_path):
    recording = tmp_path / "generated.events"
    process.execute("generate", "--seed", 7, "--first-ledger", 1000, "--ledgers", 40,
                    "--start-time", "2024-01-15T12:00:00Z", "--out", recording).expect(0)
    lake = make(tmp_path / "lake", recording, 1000, 1039, schema_version="1.1.0")
    shorter = [message for messages in ledgers_of(recording).values() for message in messages[1:]]
    with process.Replay([write_recording(tmp_path / "shorter.events", shorter)]) as server:
        report = against(lake, server.endpoint, status=3)
    messages = differences(report)
    assert [message.split(",")[0] for message in messages[:-1]] == [
        f"ledger {1000 + i}" for i in range(20)]
    assert messages[-1] == "20 more ledgers differ: 40 of the 40 that were compared do"
    assert report["refetch"] == [{"first": 1000, "last": 1039}]


def test_another_chain_is_said_once_and_nothing_is_to_be_fetched(tmp_path):
    recordings = []
    for seed, start in ((1, "2024-01-15T12:00:00Z"), (2, "2024-02-15T12:00:00Z")):
        recordings.append(tmp_path / f"{seed}.events")
        process.execute("generate", "--seed", seed, "--first-ledger", 1000, "--ledgers", 100,
                        "--start-time", start, "--out", recordings[-1]).expect(0)
    lake = make(tmp_path / "lake", recordings[0], 1000, 1099, schema_version="1.1.0")
    with process.Replay([recordings[1]]) as server:
        report = against(lake, server.endpoint, status=3)
        [message] = differences(report)
        assert "another chain" in message and "2024-01-15T12:00" in message
        assert (report["refetch"], report["command"]) == ([], None)
        assert report["against"]["ledgers"] < 100   # it did not go on


def test_a_server_of_another_network_than_the_lakes_is_refused(lake, servers):
    process.run(lake, servers[RECORDING.name], FIRST, LAST, network="pubnet")
    process.execute("verify", "--output-path", lake, "--against", servers[RECORDING.name],
                    "--network", "testnet").expect(2).says("network pubnet, not testnet")
    against(lake, servers[RECORDING.name], "--network", "mainnet")


# ---- dead letters --------------------------------------------------------------------------------

def test_dead_letters_must_come_again_as_the_same_bytes(tmp_path, servers):
    faults = f"event={event_at(SECOND, 20)} damaged-event always\n"
    lake = make(tmp_path / "lake", RECORDING.events, faults=faults, schema_version="1.1.0")
    (tmp_path / "other").write_text(faults.replace("damaged-event", "unknown-event-type"))
    with process.Replay([RECORDING.events], "--fault", tmp_path / "faults") as same, \
         process.Replay([RECORDING.events], "--fault", tmp_path / "other") as other:
        report = against(lake, same.endpoint)
        assert report["against"]["dead_letters"] == 1
        [message] = differences(against(lake, other.endpoint, status=3))
        assert re.search(r"event_index 20: the dead letter has \d+ bytes in the lake, \d+ from the"
                         r" server, and they differ from byte \d+ on", message), message
    report = against(lake, servers[RECORDING.name], status=3)
    [message] = differences(report)
    assert re.search(r"event_index 20: a dead letter in the lake, a \w+ of -?\d+ from the server"
                     r" \(the lake has \d+ rows and 1 dead letter, ", message), message
    mend(report)
    reading.compare_lake_with_truth(lake, [RECORDING], "1.1.0")


def test_dead_letters_of_1_0_0_are_compared_too(tmp_path, servers):
    faults = f"event={event_at(SECOND, 20)} damaged-event always\n"
    lake = make(tmp_path / "lake", RECORDING.events, faults=faults)
    with process.Replay([RECORDING.events], "--fault", tmp_path / "faults") as same:
        assert against(lake, same.endpoint)["against"]["dead_letters"] == 1
    [message] = differences(against(lake, servers[RECORDING.name], status=3))
    assert re.search(r"event_index 20: a \w+ of -?\d+ is not in the lake", message), message


# ---- samples -------------------------------------------------------------------------------------

def field(number, value):
    """A protobuf field: a number, or bytes."""
    if isinstance(value, int):
        return stock_grpc.varint(number << 3) + stock_grpc.varint(value)
    return stock_grpc.varint(number << 3 | 2) + stock_grpc.varint(len(value)) + value


def fee(ledger, ordinal):
    meta = (field(1, ledger) + field(2, field(1, 1700000000 + 5 * ledger))
            + field(3, f"{ledger * 2 + ordinal:064x}".encode()) + field(4, ordinal + 1))
    account = b"GAAZI4TCR3TY5OJHCTJC2A4QSY6CJWJH5IAJTGKIN2ER7LBNVKOCCWN7"
    return field(1, meta) + field(6, field(1, account) + field(2, field(1, 1)) + field(3, b"100"))


@pytest.fixture(scope="module")
def thousands(tmp_path_factory):
    """A lake of 3,000 ledgers of two events each, and its messages."""
    folder = tmp_path_factory.mktemp("thousands")
    messages = [fee(ledger, ordinal) for ledger in range(5000, 8000) for ordinal in range(2)]
    recording = write_recording(folder / "small.events", messages)
    make(folder / "lake", recording, 5000, 7999, schema_version="1.1.0", row_group_rows=500,
         page_size=4096)
    return folder / "lake", messages


@pytest.mark.parametrize("sample, ledgers", [
    ("0.0001%", 1), ("0.5%", 15), ("1%", 30), ("33.3333%", 1000), ("90%", 2700), ("100%", 3000)])
def test_a_sample_is_so_much_of_the_ledgers(thousands, sample, ledgers):
    lake, messages = thousands
    with stock_grpc.Server(messages) as server:
        report = against(lake, server.endpoint, "--sample", sample)
        requests = list(server.requests)
    assert report["against"]["ledgers"] == ledgers
    assert report["against"]["covered_ledgers"] == 3000
    assert report["against"]["sampled"] == (sample != "100%")
    assert sum(last - first + 1 for first, last in requests) == ledgers
    assert all(5000 <= first <= last <= 7999 for first, last in requests)


def test_a_sample_is_spread_evenly_and_the_same_each_time(thousands):
    lake, messages = thousands
    with stock_grpc.Server(messages) as server:
        for _ in range(2):
            against(lake, server.endpoint, "--sample", "1%")
        requests = list(server.requests)
    half = len(requests) // 2
    assert requests[:half] == requests[half:]
    starts = [first for first, _ in requests[:half]]
    steps = [after - before for before, after in zip(starts, starts[1:])]
    assert half > 20 and max(steps) - min(steps) <= 3 and min(steps) > 100
    assert starts[0] - 5000 < 100 and 7999 - starts[-1] < 100


def test_a_sample_finds_a_difference_within_it_only(thousands, tmp_path):
    lake, messages = thousands
    with stock_grpc.Server(messages) as server:
        against(lake, server.endpoint, "--sample", "1%")
        sampled = server.requests[3][0]
    for ledger, status in ((sampled, 3), (sampled + 50, 0)):
        chosen = [message for number, group in stock_grpc.by_ledger(messages).items()
                  for message in (group[:1] if number == ledger else group)]
        with stock_grpc.Server(chosen) as server:
            report = against(lake, server.endpoint, "--sample", "1%", status=status)
            assert report["against"]["differing_ledgers"] == (status == 3)


# ---- what the server can't give ------------------------------------------------------------------

def test_a_server_that_is_down_ends_it_with_a_sentence(lake, servers):
    process.run(lake, servers[RECORDING.name], FIRST, LAST)
    report = against(lake, "127.0.0.1:1", "--max-attempts", 2, status=1)
    assert "127.0.0.1:1 is not complete, 0 of 4 ledgers" in report["stderr"]
    assert "can't be reached" in report["stderr"] and "refused" in report["stderr"]
    assert report["problems"] == [] and not report["against"]["complete"]


def test_what_differs_is_told_although_the_server_died(lake, changed):
    make(lake, RECORDING.events, schema_version="1.1.0")
    messages = stock_grpc.read_recording(changed[0])

    def die(server, context, sent, message):
        if sent >= event_at(LAST, 5) or server.died:
            server.died = True
            context.abort(grpc.StatusCode.UNAVAILABLE, "going down")
    with stock_grpc.Server(messages, die) as server:
        server.died = False
        report = against(lake, server.endpoint, "--max-attempts", 2, "--idle-timeout", "1s",
                         status=3)
    assert report["against"]["ledgers"] == 3
    assert "3 of 4 ledgers were compared" in report["stderr"] and "going down" in report["stderr"]
    assert len(differences(report)) == 1


@pytest.mark.parametrize("fault", ["reset=INTERNAL_ERROR", "abort", "goaway", "status=UNAVAILABLE"])
def test_a_stream_that_breaks_off_is_gone_on_with(lake, servers, tmp_path, processes, fault):
    process.run(lake, servers[RECORDING.name], FIRST, LAST, schema_version="1.1.0")
    (tmp_path / "faults").write_text(f"event=1500 {fault}\nevent=30 {fault}\n")
    server = processes(process.Replay([RECORDING.events], "--fault", tmp_path / "faults"))
    report = against(lake, server.endpoint)
    assert report["against"]["rows"] == len(ROWS) and report["against"]["ledgers"] == 4
    assert "trying again" in report["stderr"]


@pytest.mark.parametrize("policy, compared", [("stop", 1), ("skip", 3)])
def test_a_poison_ledger_is_named(lake, servers, policy, compared):
    process.run(lake, servers[RECORDING.name], FIRST, LAST, schema_version="1.1.0")
    poison = set(ledgers_of(RECORDING.events)[SECOND])

    def spoil(server, context, sent, message):
        if message in poison:
            context.abort(grpc.StatusCode.INTERNAL, "invalid UTF-8")
    with stock_grpc.Server(stock_grpc.read_recording(RECORDING.events), spoil) as server:
        report = against(lake, server.endpoint, "--max-attempts", 2, "--on-poison-ledger", policy,
                         status=1)
    assert f"ledger {SECOND} can't be had" in report["stderr"]
    assert "invalid UTF-8" in report["stderr"]
    assert report["against"]["ledgers"] == compared
    assert report["problems"] == []


def test_a_server_that_has_no_later_ledger_is_not_waited_for_long(lake, servers):
    process.run(lake, servers[RECORDING.name], FIRST, LAST, schema_version="1.1.0")
    messages = [message for ledger, group in ledgers_of(RECORDING.events).items() if ledger != LAST
                for message in group]
    with stock_grpc.Server(messages) as server:
        report = against(lake, server.endpoint, "--idle-timeout", "1s", status=1)
    assert report["against"]["ledgers"] == 2
    assert f"at ledger {LAST - 1} nothing came" in report["stderr"]
    assert "does the server have this ledger and a later one?" in report["stderr"]


def test_a_server_that_refuses_is_not_asked_again(lake, servers, tmp_path, processes):
    process.run(lake, servers[RECORDING.name], FIRST, LAST)
    (tmp_path / "faults").write_text("event=0 status-only=UNAUTHENTICATED always\n")
    server = processes(process.Replay([RECORDING.events], "--fault", tmp_path / "faults"))
    report = against(lake, server.endpoint, status=1)
    assert "UNAUTHENTICATED" in report["stderr"] and "credentials in metadata" in report["stderr"]
    assert "trying again" not in report["stderr"]


def test_a_signal_ends_it_and_what_was_compared_is_told(lake, servers, tmp_path, processes):
    process.run(lake, servers[RECORDING.name], FIRST, LAST, schema_version="1.1.0")
    (tmp_path / "faults").write_text("event=1500 silence always\n")
    server = processes(process.Replay([RECORDING.events], "--fault", tmp_path / "faults"))
    for number in (signal.SIGTERM, signal.SIGINT):
        run = processes(process.Background("verify", "--output-path", lake, "--against",
                                           server.endpoint, "--log-level", "info"))
        run.wait_for_text("connected")
        time.sleep(0.5)
        run.stop(number, limit=10).expect(1).says("2 of 4 covered ledgers compared",
                                                  "a signal stopped it", "no problem found")


# ---- beside others -------------------------------------------------------------------------------

def test_it_is_right_beside_a_running_consumer(tmp_path, processes):
    lake = tmp_path / "lake"
    server = processes(process.Background(
        "generate", "--seed", 5, "--first-ledger", 1000, "--start-time", "2024-01-15T12:00:00Z",
        "--ledgers", 100000, "--listen", "127.0.0.1:0", "--pace", "10ms"))
    server.wait_for_text(r"listening on \S+:\d+\n")
    endpoint = server.stdout.split()[-1]
    run = processes(process.run_background(lake, endpoint, 1000, 0, max_file_size="1KiB",
                                           schema_version="1.1.0"))
    run.wait_for(lambda: reading.catalog_path(lake).exists() and reading.data_files(lake),
                 "a commit")
    seen = 0
    until = time.monotonic() + 4
    while time.monotonic() < until:
        report = against(lake, endpoint)
        assert report["against"]["ledgers"] == report["against"]["covered_ledgers"] >= seen
        seen = report["against"]["ledgers"]
    assert seen > 5
    run.stop().expect(0)


def test_a_damaged_commit_is_not_compared_and_one_command_mends_both(lake, servers, changed):
    make(lake, RECORDING.events, schema_version="1.1.0", **COMMIT_A_LEDGER)
    path = sorted(reading.data_files(lake))[-1]
    [(damaged,)] = reading.catalog_query(
        lake, f"SELECT first_ledger FROM ttp_commit_files WHERE path = '{path.relative_to(lake)}'")
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)
    with process.Replay([changed[0]]) as server:
        report = against(lake, server.endpoint, status=3)
        assert {problem["kind"] for problem in report["problems"]} >= {"damaged_file"}
        assert report["against"]["covered_ledgers"] == 3
        assert any("1 covered ledger" in note for note in report["notes"])
        assert {"first": damaged, "last": damaged} in report["refetch"] or damaged != LAST
        mend(report)
        against(lake, server.endpoint, "--deep")


def test_an_empty_lake_has_nothing_to_compare(lake, servers, tmp_path, processes):
    process.run(lake, servers[RECORDING.name], FIRST, FIRST)
    process.execute("repair", "--output-path", lake, FIRST, FIRST).expect(0)
    report = against(lake, "127.0.0.1:1")
    assert report["against"]["ledgers"] == 0


# ---- arguments -----------------------------------------------------------------------------------

@pytest.mark.parametrize("arguments, words", [
    (["--sample", "1%"], "--sample 1%: .*--against HOST:PORT"),
    (["--against", "http://h:1"], '--against: "http://h:1": .*HOST:PORT'),
    (["--against", "host"], '--against: "host": .*HOST:PORT'),
    (["--against"], "--against needs a value"),
    *((["--against", "h:1", "--sample", text], f'--sample: "{re.escape(text)}": .*--sample 1%')
      for text in ("1", "0%", "101%", "100.0001%", "-1%", "1%%", "", "%", ".5%", "1.%", "0.00001%",
                   "1e1%", "a", "99999999999%"))])
def test_bad_arguments_are_named_with_the_remedy(lake, servers, arguments, words):
    process.run(lake, servers[RECORDING.name], FIRST, FIRST)
    finished = process.execute("verify", "--output-path", lake, *arguments).expect(2)
    finished.says(words)
    assert finished.stdout == ""


def test_options_of_the_server_are_those_of_a_run(lake, servers, monkeypatch):
    """And the command that is printed has them again, but for secrets."""
    process.run(lake, servers[RECORDING.name], FIRST, LAST, schema_version="1.1.0")
    messages = stock_grpc.read_recording(RECORDING.events)[1:]
    monkeypatch.setenv("A_TOKEN", "s3cret")
    with stock_grpc.Server(messages) as server:
        for value in ("env:A_TOKEN", "s3cret"):
            report = against(lake, server.endpoint, "--metadata", json.dumps({"x-token": value}),
                             status=3)
            assert "s3cret" not in json.dumps(report)
        assert all(headers["x-token"] == "s3cret" for headers in server.metadata)
        report = against(lake, server.endpoint, "--metadata", '{"x-token": "env:A_TOKEN"}',
                         status=3)
        assert "--metadata '{\"x-token\": \"env:A_TOKEN\"}'" in report["command"]
        mend(report)
        assert server.metadata[-1]["x-token"] == "s3cret"
        against(lake, server.endpoint)
