# SPDX-License-Identifier: Apache-2.0
"""What the stream leaves out is asked for once more, a gap is loud, what drips or never ends is
said, and a bounded run can give up."""

import collections
import json
import time

import pyarrow.parquet
import pytest

from harness import lake as reading
from harness import process, stock_grpc, truth, watching

PUBNET = truth.PUBNET63
TESTNET = truth.TESTNET


def fault_script(tmp_path, *lines):
    path = tmp_path / "faults"
    path.write_text("".join(line + "\n" for line in lines))
    return path


@pytest.fixture
def at_the_tip(processes):
    """A server whose network has closed no ledger after the recording's last one."""
    def change(_server, context, messages):
        yield from messages
        while context.is_active():
            time.sleep(0.05)
    return processes(stock_grpc.Server(stock_grpc.read_recording(PUBNET.events),
                                       change=change)).endpoint


def generate(path, first, ledgers, start_time="2024-01-15T11:58:00Z"):
    process.execute("generate", "--seed", 7, "--first-ledger", first, "--ledgers", ledgers,
                    "--start-time", start_time, "--out", path / f"{first}.events",
                    "--rows", path / f"{first}.rows").expect(0)
    return path / f"{first}.events"


def rows_by_ledger(rows):
    return collections.Counter(json.loads(line)["ledger_sequence"]
                               for line in rows.read_text().splitlines())


def stored_by_ledger(lake):
    counts = collections.Counter()
    for path in reading.data_files(lake):
        table = pyarrow.parquet.ParquetFile(path).read(["ledger_sequence"])
        counts.update(table.column("ledger_sequence").to_pylist())
    return counts


@pytest.fixture
def gapped(tmp_path, processes):
    """A server that has 1000 to 1019 and 1320 to 1399, and nothing between."""
    files = [generate(tmp_path, 1000, 20), generate(tmp_path, 1320, 80, "2024-01-15T12:30:00Z")]
    return processes(process.Replay(files)).endpoint


def test_a_source_that_jumps_ahead_is_asked_again_and_nothing_is_missing(lake, processes, tmp_path):
    events = generate(tmp_path, 1000, 400)
    server = processes(process.Replay([events], "--fault",
                                      fault_script(tmp_path, "ledger=1100 jump=150")))
    run = processes(watching.Watched(lake, server.endpoint, 1000, max_file_age="200ms"))
    run.wait_for_health(lambda one: one.json["last_committed_ledger"] == 1398, "the last ledger")
    assert run.health().json["reasons"] == []
    assert run.metrics()["ttp_found_ledgers_total"] > 100
    run.stop().expect(0).says("the source behind the server skips ledgers",
                              "ledgers left out by the stream, and there when asked for")
    rows = rows_by_ledger(tmp_path / "1000.rows")
    rows.pop(1399, None)
    assert stored_by_ledger(lake) == rows
    assert reading.coverage(lake) == [(1000, 1398)]


def test_a_source_that_jumps_past_the_end_is_asked_again(lake, processes, tmp_path):
    server = processes(process.Replay([PUBNET.events], "--fault",
                                      fault_script(tmp_path, f"ledger={PUBNET.last - 1} jump=2")))
    process.run(lake, server.endpoint, PUBNET.first, PUBNET.last, schema_version="1.1.0")
    reading.compare_lake_with_truth(lake, [PUBNET], "1.1.0")


def test_a_gap_is_loud(lake, gapped, processes, tmp_path):
    run = processes(watching.Watched(lake, gapped, 1000, max_file_age="200ms"))
    answer = run.wait_for_rule("gap")
    assert answer.status == 200 and answer.json["status"] == "degraded"
    assert "1020 to 1319" in answer.text
    assert run.metrics()["ttp_gaps_total"] == 1
    assert run.metrics()["ttp_gap_ledgers_total"] == 300
    warnings = [json.loads(line) for line in run.stderr.splitlines() if '"a gap:' in line]
    assert [(line["level"], line["first_ledger"], line["last_ledger"]) for line in warnings] == \
        [("warn", 1020, 1319)]
    run.stop().expect(0).says("gaps +1020-1319")
    status = json.loads(process.execute("status", "--output-path", lake, "--json").expect(0).stdout)
    assert status["unconfirmed"] == [{"first": 1020, "last": 1319}]


def test_the_report_names_the_gaps(lake, gapped, tmp_path):
    report = tmp_path / "report.json"
    process.execute(*process.run_arguments(lake, gapped, 1000, 1390), "--report", report).expect(0)
    kept = json.loads(report.read_text())
    assert kept["gaps"] == [{"first": 1020, "last": 1319}] and kept["gap_ledgers"] == 300
    assert reading.coverage(lake) == [(1000, 1390)]


def test_with_on_gap_fail_a_run_ends_before_it_covers_a_gap(lake, gapped, tmp_path):
    process.run(lake, gapped, 1000, 1390, on_gap="fail", status=1).says(
        "1020 to 1319", "set on_gap to warn", "uncovered +1020-1390")
    assert reading.coverage(lake) == [(1000, 1019)]
    rows = rows_by_ledger(tmp_path / "1000.rows")
    assert stored_by_ledger(lake) == rows


def test_a_run_that_has_all_waits_for_the_end(lake, at_the_tip, processes):
    run = processes(watching.Watched(lake, at_the_tip, PUBNET.first, PUBNET.last,
                                     idle_timeout="1s"))
    answer = run.wait_for_rule("waiting_for_end")
    assert answer.status == 200
    assert [reason["rule"] for reason in answer.json["reasons"]
            if reason["level"] == "unhealthy"] == []
    assert str(PUBNET.last) in answer.text
    run.wait_for_text("waiting for that")
    run.stop()


def test_a_bounded_run_gives_up_and_says_what_it_waited_for(lake, at_the_tip):
    process.run(lake, at_the_tip, PUBNET.first, PUBNET.last, status=1, give_up_after="2s").says(
        r"gave up after 2s without a further ledger \(give_up_after\)",
        f"waited for a later ledger than {PUBNET.last}")
    assert reading.coverage(lake) == [(PUBNET.first, PUBNET.last - 1)]


def test_a_bounded_run_gives_up_on_a_server_that_is_not_there(lake):
    (port,) = watching.free_ports(1)
    process.run(lake, f"127.0.0.1:{port}", 5, 9, status=1, give_up_after="1s").says(
        "gave up after 1s", "refused")


def test_a_live_run_never_gives_up(lake, processes):
    server = processes(process.Replay([TESTNET.events]))
    run = processes(watching.Watched(lake, server.endpoint, TESTNET.first, give_up_after="1s",
                                     idle_timeout="1s"))
    run.wait_for_rule("silence")
    run.wait_for(lambda: run.metrics()["ttp_source_retries_total"] >= 2, "more than 2 s of silence")
    run.stop().expect(0)


@pytest.mark.parametrize("script,words", [
    ("event=300 slow-drip=1 delay=200ms always", "no whole message"),      # a message
    ("event=600 slow-drip=1KiB delay=100ms", "does not end")])      # a ledger
def test_what_drips_without_end_is_a_rule_of_its_own(lake, processes, tmp_path, script, words):
    server = processes(process.Replay([PUBNET.events], "--fault", fault_script(tmp_path, script)))
    run = processes(watching.Watched(lake, server.endpoint, PUBNET.first, PUBNET.last,
                                     idle_timeout="1s"))
    answer = run.wait_for_rule("drip")
    assert answer.status == 503 and words in answer.text
    run.stop()


def test_start_0_with_an_end_is_refused_on_an_empty_lake(lake):
    for more in ([], ["--dry-run"]):
        process.execute(*process.run_arguments(lake, "127.0.0.1:1", 0, 9), *more).expect(2).says(
            "give the first ledger wanted as START", "run 1 9")
        assert not lake.exists()


def test_the_highest_ledger_number_is_refused(lake):
    process.run(lake, "127.0.0.1:1", 4294967290, 4294967295, status=2).says("4294967294")
    assert not lake.exists()
