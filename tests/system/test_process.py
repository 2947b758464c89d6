# SPDX-License-Identifier: Apache-2.0
"""A process among others: what the system, a shell, a container platform and a log collector do to
it, and what it does to them."""

import contextlib
import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import threading
import time

import pytest

from harness import lake as reading_lake
from harness import process, truth, watching

RECORDING = truth.TESTNET
FIRST, LAST = RECORDING.first, RECORDING.last


@pytest.mark.parametrize("variable", ["PARQUET_CONSUMER_METRICS_PORT=tcp://10.96.9.2:9090",
                                      "PARQUET_CONSUMER_HEALTH_PORT=tcp://10.96.9.3:8089",
                                      "HEALTH_PORT=tcp://10.96.1.1:80"])
def test_links_to_services_are_no_options(tmp_path, variable):
    config = tmp_path / "config.json"
    config.write_text('{"monitoring": {"health_port": 8089, "metrics_port": 9090}}')
    name, _, value = variable.partition("=")
    checked = process.execute("check-config", "-config", config, "--json",
                              env=process.environment(**{name: value})).expect(0)
    values = json.loads(checked.stdout)
    assert "tcp://" not in checked.stdout, values
    warnings = [line for line in checked.stderr.splitlines() if "Kubernetes" in line]
    assert len(warnings) == 1 and name in warnings[0], checked


def test_a_configuration_may_come_from_a_pipe():
    reading, writing = os.pipe()

    def write():
        with os.fdopen(writing, "w") as pipe:
            pipe.write('{"output": {')
            pipe.flush()
            pipe.write('"output_path": "from-a-pipe"}}')

    writer = threading.Thread(target=write)
    writer.start()
    try:
        answer = subprocess.run([process.BINARY, "check-config", "-config", f"/dev/fd/{reading}"],
                                pass_fds=[reading], capture_output=True, text=True, timeout=60,
                                env=process.environment(), check=False)
    finally:
        os.close(reading)
        writer.join()
    assert answer.returncode == 0, answer
    assert "from-a-pipe" in answer.stdout


def test_a_configuration_pipe_that_brings_nothing_is_an_error():
    process.execute("check-config", "-config", "/dev/null").expect(2).says("the file is empty")


def test_the_peak_of_memory_is_this_process_own(lake, servers, tmp_path):
    """A launcher's own memory is inherited by what getrusage tells of a program it starts."""
    ballast = bytearray(400 << 20)
    ballast[::4096] = b"x" * len(ballast[::4096])
    report = tmp_path / "report.json"
    process.execute(*process.run_arguments(lake, servers[RECORDING.name], FIRST, FIRST + 5),
                    "--report", report).expect(0)
    del ballast
    peak = json.loads(pathlib.Path(report).read_text())["peak_resident_bytes"]
    assert 0 < peak < 300 << 20


def full_pipe():
    """A pipe whose reader hangs: (reading end, writing end), with room for one more page."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, bytes(4096))
    except BlockingIOError:
        pass
    os.set_blocking(writing, True)
    os.read(reading, 4096)
    return reading, writing


def test_a_log_that_nobody_reads_stops_neither_lake_nor_health_nor_a_stop(lake, processes):
    server = processes(process.Replay([RECORDING.events], "--live", "--pace", "100ms"))
    reading, writing = full_pipe()
    health_port, = watching.free_ports(1)
    run = subprocess.Popen(
        [process.BINARY, *process.run_arguments(lake, server.endpoint, FIRST, 0, log_level="debug",
                                                max_file_age="300ms", health_port=health_port)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=writing,
        env=process.environment())
    os.close(writing)
    try:
        health = watching.wait_until(
            lambda: watching.ask(health_port, "/health").json, "log_blocked",
            lambda answer: "log_blocked" in [reason["rule"] for reason in answer["reasons"]])
        assert health["status"] == "degraded", health
        before = health["events_written"]
        watching.wait_until(lambda: watching.ask(health_port, "/health").json, "more commits",
                            lambda answer: answer["events_written"] > before + 5)
        run.send_signal(signal.SIGTERM)
        summary, _ = run.communicate(timeout=30)
        assert run.returncode == 0
        assert b"rows" in summary
    finally:
        run.kill()
        run.wait()
        os.close(reading)
    assert reading_lake.coverage(lake)


def test_a_log_that_is_read_again_goes_on_and_tells_what_is_missing(lake, processes):
    server = processes(process.Replay([RECORDING.events], "--live", "--pace", "20ms"))
    reading, writing = full_pipe()
    metrics_port, = watching.free_ports(1)
    run = subprocess.Popen(
        [process.BINARY, *process.run_arguments(lake, server.endpoint, FIRST, 0, log_level="debug",
                                                metrics_port=metrics_port)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=writing,
        env=process.environment())
    os.close(writing)

    def dropped():
        text = watching.ask(metrics_port, "/metrics").text
        for number in [signal.SIGUSR1, signal.SIGUSR2] * 10:  # each has a line logged
            run.send_signal(number)
            time.sleep(0.005)
        return watching.parse_metrics(text)["ttp_log_lines_dropped_total"]

    heard = bytearray()
    reader = threading.Thread(target=lambda: drain(reading, heard))

    def heard_after_the_note():
        run.send_signal(signal.SIGUSR1)  # as long as the note is being written, lines are dropped
        return heard.partition(b"lines_dropped")[2]

    try:
        watching.wait_until(dropped, "dropped lines", lambda count: count > 0)
        reader.start()
        watching.wait_until(heard_after_the_note, "a line after the note",
                            lambda text: text.count(b"\n") > 1)
        run.send_signal(signal.SIGTERM)
        assert run.wait(timeout=30) == 0
    finally:
        run.kill()
        run.wait()
        if reader.ident is not None:
            reader.join()
        os.close(reading)
    assert b"publishing every complete ledger" in heard.partition(b"lines_dropped")[2]


def drain(descriptor, heard):
    while piece := os.read(descriptor, 65536):
        heard += piece


def test_a_terminal_whose_output_is_held_does_not_hold_the_summary(lake, servers):
    """Nobody reads stdout: the run ends in time all the same, and says what is missing."""
    reading, writing = full_pipe()
    os.read(reading, 4096)
    filler = os.write(writing, bytes(8192))
    assert filler == 8192
    try:
        answer = subprocess.run(
            [process.BINARY, *process.run_arguments(lake, servers[RECORDING.name], FIRST, FIRST + 5,
                                                    stop_timeout="1s")],
            stdin=subprocess.DEVNULL, stdout=writing, stderr=subprocess.PIPE, timeout=60,
            env=process.environment(), check=False, text=True)
    finally:
        os.close(reading)
        os.close(writing)
    assert answer.returncode == 1, answer
    assert "standard output took nothing" in answer.stderr
    assert reading_lake.coverage(lake) == [(FIRST, FIRST + 5)]


@pytest.fixture(scope="module")
def small_lake(tmp_path_factory, servers):
    lake = tmp_path_factory.mktemp("process") / "lake"
    process.run(lake, servers[RECORDING.name], FIRST, FIRST + 5)
    return lake


def printing_commands(lake, endpoint):
    data_file = next(iter(reading_lake.data_files(lake)))
    at = ["--output-path", lake]
    return [["version"], ["help"], ["help", "run"], ["help", "options"], ["run", "--help"],
            ["status", *at], ["status", *at, "--json"], ["verify", *at], ["verify", *at, "--json"],
            ["files", *at], ["files", *at, "--json"], ["inspect", data_file],
            ["inspect", data_file, "--json"], ["check-config"], ["check-config", "--json"],
            ["repair", *at], ["rebuild", *at, "--dry-run"],
            ["run", *at, "--dry-run", str(FIRST), str(FIRST + 9)],
            process.run_arguments(lake, endpoint, FIRST, FIRST + 5),
            ["replay", RECORDING.events, "--listen", "127.0.0.1:0"]]


def start_with_stdout(arguments, kind):
    command = [process.BINARY, *map(str, arguments)]
    settings = {"stdin": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True,
                "timeout": 60, "env": process.environment(), "check": False}
    if kind == "full":
        with open("/dev/full", "wb") as full:
            return subprocess.run(command, stdout=full, **settings)
    if kind == "gone":
        reading, writing = os.pipe()
        os.close(reading)
        try:
            return subprocess.run(command, stdout=writing, **settings)
        finally:
            os.close(writing)
    return subprocess.run(["/bin/sh", "-c", 'exec "$@" >&-', "sh", *command], **settings)


@pytest.mark.parametrize("kind", ["full", "gone", "closed"])
def test_every_command_notices_that_it_cannot_print(small_lake, servers, kind):
    for arguments in printing_commands(small_lake, servers[RECORDING.name]):
        answer = start_with_stdout(arguments, kind)
        assert answer.returncode == 1, (arguments, answer)
        assert "standard output" in answer.stderr, (arguments, answer)


def test_a_closed_stdout_writes_into_no_file_of_the_lake(lake, servers):
    start_with_stdout(process.run_arguments(lake, servers[RECORDING.name], FIRST, LAST), "closed")
    process.execute("verify", "--deep", "--output-path", lake).expect(0)


def test_a_catalog_that_another_program_holds_is_named_and_waited_for(lake, processes):
    server = processes(process.Replay([RECORDING.events], "--live", "--pace", "100ms"))
    run = processes(watching.Watched(lake, server.endpoint, FIRST, 0, max_file_age="300ms"))
    run.wait_for_health(lambda answer: answer.json["events_written"] > 0, "a commit")
    with contextlib.closing(sqlite3.connect(reading_lake.catalog_path(lake), isolation_level=None,
                                            timeout=20)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = run.wait_for_rule("catalog_locked")
        assert answer.json["status"] == "degraded", answer.text
        assert run.ask("/live").status == 200
        written = answer.json["events_written"]
        other.execute("ROLLBACK")
    answer = run.wait_for_health(lambda one: one.json["events_written"] > written, "another commit")
    assert "catalog_locked" not in answer.text
    run.stop().expect(0)
