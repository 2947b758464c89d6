# SPDX-License-Identifier: Apache-2.0
"""Health means it: each rule is made to apply to a real run, and to pass again where it can."""

import contextlib
import datetime
import http.client
import os
import pathlib
import re
import socket

import pytest

from harness import lake as reading
from harness import process, truth, watching

RECORDING = truth.TESTNET


def live(processes, *arguments):
    """A server that sends the recording and then stays open."""
    return processes(process.Replay([RECORDING.events], *arguments))


def fault_script(tmp_path, *lines):
    path = tmp_path / "faults"
    path.write_text("".join(line + "\n" for line in lines))
    return path


def seconds_since(text):
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text), text
    time = datetime.datetime.fromisoformat(text)
    return (datetime.datetime.now(datetime.timezone.utc) - time).total_seconds()


def test_a_live_run_is_healthy_and_tells_what_it_does(lake, processes):
    server = live(processes)
    run = processes(watching.Watched(lake, server.endpoint, RECORDING.first,
                                     network="testnet", max_file_age="500ms"))
    answer = run.wait_for_health(lambda one: one.json["events_written"] > 800, "commits")
    health = answer.json
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert health["status"] == "healthy" and health["reasons"] == []
    # The last ledger is complete only once a later one comes.
    last = max(row["ledger_sequence"] for row in truth.read_rows(RECORDING))
    complete = len(truth.truth_rows([RECORDING], last=last - 1))
    health = run.wait_for_health(lambda one: one.json["events_written"] == complete, "all").json
    assert health["events_received"] >= complete
    assert health["events_received"] - health["events_written"] <= health["events_pending"] + \
        len(truth.read_rows(RECORDING)) - complete
    assert health["files_created"] == len(reading.data_files(lake)) > 0
    assert health["batches_processed"] > 0 and health["error_count"] == 0
    assert health["current_ledger"] == last
    assert health["coverage"] == [{"first": RECORDING.first, "last": last - 1}]
    assert 0 <= seconds_since(health["last_flush"]) < 120
    assert 0 <= seconds_since(health["last_commit"]) < 120
    assert re.fullmatch(r"(\d+m)?\d+s", health["uptime"])
    assert health["lag_seconds"] > 1e6  # a recording of the past
    assert health["last_error"] is None
    assert run.ask("/ready").status == run.ask("/live").status == 200
    run.stop().expect(0)


def test_only_get_and_head_and_only_its_paths(lake, processes):
    run = processes(watching.Watched(lake, live(processes).endpoint, RECORDING.first))
    assert run.ask("/health", "HEAD").text == ""
    assert run.ask("/health", "POST").status == 405
    assert run.ask("/health", "POST").headers["Allow"] == "GET, HEAD"
    assert run.ask("/nothing").status == 404
    assert watching.ask(run.metrics_port, "/health").status == 404
    run.stop().expect(0)


def test_a_server_that_never_answers_is_silence(lake, processes, tmp_path):
    server = live(processes, "--fault", fault_script(tmp_path, "event=0 late-headers always"))
    run = processes(watching.Watched(lake, server.endpoint, RECORDING.first, idle_timeout="1s"))
    answer = run.wait_for_rule("silence")
    assert answer.status == 503 and answer.json["status"] == "unhealthy"
    assert run.ask("/ready").status == 503
    assert run.ask("/live").status == 200
    run.stop().expect(0)


def test_silence_in_mid_stream_shows_and_passes(lake, processes, tmp_path):
    server = live(processes, "--fault", fault_script(tmp_path, "event=300 silence=4s"))
    run = processes(watching.Watched(lake, server.endpoint, RECORDING.first, idle_timeout="1s",
                                     max_file_age="300ms"))
    run.wait_for_rule("silence")
    last = max(row["ledger_sequence"] for row in truth.read_rows(RECORDING))
    run.wait_for_health(lambda one: one.json["current_ledger"] == last, "the end of the recording")
    run.stop().expect(0)


def test_a_chain_that_stands_still_is_silence_though_old_ledgers_come_again(lake, processes):
    """Each reconnection asks for the last ledger again: that is no sign of life."""
    run = processes(watching.Watched(lake, live(processes).endpoint, RECORDING.first,
                                     idle_timeout="1s", retry_initial="1ms"))
    run.wait_for_rule("silence")
    run.wait_for(lambda: run.metrics()["ttp_source_connects_total"] >= 3, "reconnections")
    assert run.metrics()['ttp_events_received_total{status="refetched"}'] > 0
    for _ in range(20):
        answer = run.health()
        assert answer.status == 503 and "silence" in answer.text, answer.text
    run.stop().expect(0)


def test_a_server_that_is_not_there_is_degraded_then_unhealthy(lake, processes):
    (port,) = watching.free_ports(1)
    run = processes(watching.Watched(lake, f"127.0.0.1:{port}", RECORDING.first,
                                     idle_timeout="3s", max_attempts=1000))
    answer = run.wait_for_rule("reconnecting")
    assert answer.status == 200 and answer.json["status"] == "degraded", answer.text
    assert run.ask("/ready").status == 503
    assert run.wait_for_rule("silence").status == 503
    # It comes: everything is well again without anybody's help.
    processes(process.Background("replay", RECORDING.events, "--listen", f"127.0.0.1:{port}"))
    assert run.wait_for_status("healthy").status == 200
    assert run.ask("/ready").status == 200
    run.stop().expect(0)


def test_a_server_that_goes_away_shows_at_once(lake, processes):
    server = live(processes)
    run = processes(watching.Watched(lake, server.endpoint, RECORDING.first, max_attempts=1000))
    run.wait_for_status("healthy")
    run.wait_for_health(lambda one: one.json["events_received"] > 800, "events")
    server.stop()
    assert run.wait_for_rule("reconnecting").json["status"] == "degraded"
    run.stop().expect(0)


def test_a_server_that_serves_no_ledger_is_an_outage(lake, processes, tmp_path):
    server = live(processes, "--fault",
                  fault_script(tmp_path, "event=0 status-only=INTERNAL always"))
    run = processes(watching.Watched(lake, server.endpoint, RECORDING.first, max_attempts=2))
    answer = run.wait_for_rule("outage")
    assert answer.status == 503
    assert run.running, "an outage is waited out"
    run.stop().expect(0)


def test_little_disk_shows(lake, processes):
    run = processes(watching.Watched(lake, live(processes).endpoint, RECORDING.first,
                                     min_free_disk="1024GiB"))
    answer = run.wait_for_rule("disk_low")
    assert answer.json["status"] == "degraded"
    assert [reason["rule"] for reason in answer.json["reasons"]] == ["disk_low"], answer.text
    run.stop()


def test_commits_that_fail_show_and_pass(lake, processes):
    """The folder that commits are prepared in is a plain file for a while."""
    server = live(processes, "--pace", "50ms")
    run = processes(watching.Watched(lake, server.endpoint, RECORDING.first, max_file_age="500ms"))
    run.wait_for_health(lambda one: one.json["files_created"] > 0, "a first commit")
    staging, aside = lake / "_lake" / "staging", lake / "_lake" / "aside"
    staging.rename(aside)
    staging.write_text("in the way")
    answer = run.wait_for_rule("commit_failing")
    assert answer.status == 503
    # The error is logged once the writer has ended: a moment later.
    answer = run.wait_for_health(lambda one: one.json["last_error"], "the last error")
    assert answer.json["error_count"] > 0
    assert "staging" in answer.json["last_error"], answer.text
    staging.unlink()
    aside.rename(staging)
    run.wait_for_status("healthy", 90)
    last = max(row["ledger_sequence"] for row in truth.read_rows(RECORDING))
    run.wait_for_health(lambda one: one.json["coverage"] and
                        one.json["coverage"][-1]["last"] == last - 1, "the rest", 60)
    run.stop().expect(0)
    complete = truth.truth_rows([RECORDING], last=last - 1)
    reading.compare_lake_with_truth(lake, None, "1.0.0", rows=complete)


def test_a_taken_port_ends_the_start_with_its_remedy(lake, servers):
    for option in ("health_port", "metrics_port"):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            flag = "--" + option.replace("_", "-")
            finished = process.run(lake, servers[RECORDING.name], RECORDING.first, RECORDING.last,
                                   status=2, **{option: port})
            finished.says(f"{option} {port} on 127.0.0.1 is taken", f"{flag} \\d+")
    assert not pathlib.Path(lake, "_lake").exists() or not reading.data_files(lake)


def test_the_port_of_ttp_processor_is_warned_of(lake, processes):
    """8088 with a server on this host: a warning, or, where somebody has it, the remedy."""
    server = live(processes)
    run = processes(process.run_background(lake, server.endpoint, RECORDING.first,
                                           health_port=8088))
    run.wait_for(lambda: "8088" in run.stderr or not run.running, "a word about 8088")
    finished = run.stop()
    finished.says("ttp-processor", "--health-port 8089")
    assert finished.status == (0 if "can't start" in finished.stderr else 2), finished


def test_a_bad_bind_address_is_named(lake, servers):
    process.run(lake, servers[RECORDING.name], RECORDING.first, RECORDING.last, status=2,
                bind_address="192.0.2.1", health_port=watching.free_ports(1)[0]
                ).says("192\\.0\\.2\\.1")


def listening_ports(process_id):
    """Of TCP, as the kernel lists them."""
    folder = pathlib.Path("/proc") / str(process_id)
    sockets = set()
    for entry in (folder / "fd").iterdir():
        with contextlib.suppress(OSError):   # it was closed meanwhile
            sockets.update(re.findall(r"^socket:\[(\d+)\]$", os.readlink(entry)))
    ports = set()
    for table in ("tcp", "tcp6"):
        for line in (folder / "net" / table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in sockets:
                ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports


@pytest.mark.parametrize("off", [{"health_port"}, {"metrics_port"}, {"health_port", "metrics_port"}])
def test_port_0_is_off(lake, processes, off):
    given = dict(zip(("health_port", "metrics_port"), watching.free_ports(2)))
    given.update(dict.fromkeys(off, 0))
    run = processes(process.run_background(lake, live(processes).endpoint, RECORDING.first, 0,
                                           **given))
    run.wait_for_text("connected")
    assert listening_ports(run.process.pid) == set(given.values()) - {0}
    run.stop().expect(0)


def test_only_requests_for_this_machine_are_answered_on_loopback(lake, processes):
    run = processes(watching.Watched(lake, live(processes).endpoint, RECORDING.first))

    def ask(port, path, host):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", path, headers={"Host": host})
            return watching.Answer(connection.getresponse())
        finally:
            connection.close()
    for host in ("localhost", f"localhost:{run.health_port}", "127.0.0.1:1", "[::1]:8088"):
        assert ask(run.health_port, "/health", host).status == 200
        assert ask(run.metrics_port, "/metrics", host).status == 200
    for host in ("rebound.example", f"rebound.example:{run.health_port}", "10.0.0.1"):
        for path in ("/", "/health", "/ready", "/live", "/metrics"):
            answer = ask(run.health_port, path, host)
            assert answer.status == 421 and "bind_address" in answer.text
        assert ask(run.metrics_port, "/metrics", host).status == 421
    run.stop().expect(0)


def test_slow_and_malformed_clients_keep_nobody_out(lake, processes):
    run = processes(watching.Watched(lake, live(processes).endpoint, RECORDING.first))
    clients = []
    for number in range(150):
        client = socket.create_connection(("127.0.0.1", run.health_port), timeout=5)
        clients.append(client)
        client.send((b"GET /health HTTP/1.1\r\nX: ", b"\x16\x03\x01\x02\x00",
                     b"PRI * HTTP/2.0\r\n", b"G")[number % 4])
    assert run.health().status == 200
    for client in clients:
        client.close()
    assert run.health().status == 200
    run.stop().expect(0)


def test_health_answers_while_the_run_stops(lake, processes):
    """Nothing hangs on the listeners: with open connections the stop takes no longer."""
    run = processes(watching.Watched(lake, live(processes).endpoint, RECORDING.first))
    run.wait_for_status("healthy")
    with socket.create_connection(("127.0.0.1", run.health_port), timeout=5) as idle:
        idle.send(b"GET / HT")
        finished = run.stop(limit=15)
    finished.expect(0)


def test_the_service_manager_hears_of_it(lake, processes, tmp_path):
    """systemd's protocol on a socket of our own: READY, STATUS, WATCHDOG, STOPPING."""
    server = live(processes)
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(20)
        run = processes(process.run_background(
            lake, server.endpoint, RECORDING.first,
            env=process.environment(NOTIFY_SOCKET=str(path), WATCHDOG_USEC="3000000")))
        first = manager.recv(4096).decode()
        assert first.startswith("READY=1\nSTATUS="), first
        heard = [manager.recv(4096).decode() for _ in range(3)]
        assert heard.count("WATCHDOG=1") >= 2, heard
        assert not any(words.startswith("READY") for words in heard), "it was said once already"
        run.stop().expect(0)
        manager.setblocking(False)
        rest = []
        try:
            while True:
                rest.append(manager.recv(4096).decode())
        except BlockingIOError:
            pass
        assert rest.count("STOPPING=1") == 1, rest
