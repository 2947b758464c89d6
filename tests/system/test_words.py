# SPDX-License-Identifier: Apache-2.0
"""What the program tells people to do can be done: each command that it prints, logs or shows is
pasted into a shell of another folder, without the environment that it was printed in."""

import html
import json
import os
import pty
import re
import subprocess

from harness import lake as reading
from harness import process, truth, watching

RECORDING = truth.PUBNET63
FIRST, LAST = RECORDING.first, RECORDING.last


def paste(command, folder):
    """Runs a printed command as a shell does where nothing else is set."""
    folder.mkdir(exist_ok=True)
    environment = process.environment(PATH=f"{process.BINARY.parent}:/usr/bin:/bin")
    done = subprocess.run(command, shell=True, cwd=folder, env=environment, timeout=60,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    assert not any(folder.iterdir()), "it made a lake where it was pasted"


def assert_complete(lake):
    reading.compare_lake_with_truth(lake, [RECORDING], "1.1.0")
    assert reading.coverage(lake) == list(RECORDING.ranges)


def make_gap(lake, endpoint, **options):
    """A lake that lacks the ledgers between its first and its last."""
    for ledger in (FIRST, LAST):
        process.run(lake, endpoint, ledger, ledger, schema_version="1.1.0", **options)


def test_the_summary_and_the_report_name_a_command_that_fetches_the_rest(tmp_path, processes):
    script = tmp_path / "faults"
    script.write_text("event=700 silence\n")   # once; then the server is well
    server = processes(process.Replay([RECORDING.events], "--fault", script))
    (tmp_path / "work").mkdir()
    environment = process.environment(TTP_SERVICE_ADDRESS=server.endpoint,
                                      PARQUET_CONSUMER_SCHEMA_VERSION="1.1.0")
    arguments = ["run", str(FIRST), str(LAST), "--output-path", "my lake", "--health-port", "0",
                 "--metrics-port", "0", "--partitioning-scheme", "date", "--min-free-disk", "0",
                 "--report", "report.json", "--network", "pubnet"]
    with process.Background(*arguments, cwd=tmp_path / "work", env=environment) as background:
        background.wait_for_text("connected")
        lake = tmp_path / "work" / "my lake"
        background.wait_for(lambda: (lake / "_lake" / "staging").exists() and
                            any((lake / "_lake" / "staging").iterdir()), "a file in staging")
        finished = background.stop().expect(0)
    command = re.search(r"fetch by +(parquet-consumer .*)", finished.stdout)[1]
    report = json.loads((tmp_path / "work" / "report.json").read_text())
    assert report["command"] == command
    paste(command, tmp_path / "elsewhere")
    reading.compare_lake_with_truth(lake, [RECORDING], "1.1.0", scheme="date")
    assert reading.coverage(lake) == list(RECORDING.ranges)


def test_the_page_and_the_log_of_a_live_run_name_a_command_that_closes_the_hole(lake, servers,
                                                                                tmp_path):
    endpoint = servers[RECORDING.name]
    make_gap(lake, endpoint)
    with watching.Watched(lake, endpoint, FIRST, schema_version="1.1.0") as watched:
        watched.wait_for_text("connected")
        page = watched.ask("/").text
        watched.stop()
        logged = next(json.loads(line)["fetch_by"] for line in watched.stderr.splitlines()
                      if "fetch_by" in line)
    shown = html.unescape(re.search(r"<code>(parquet-consumer run .*?)</code>", page)[1])
    assert f"{FIRST + 1} {LAST - 1}" in shown
    assert shown == logged
    paste(shown, tmp_path / "elsewhere")
    assert_complete(lake)


def test_status_names_the_gaps_and_a_command_that_closes_them(lake, servers, tmp_path):
    endpoint = servers[RECORDING.name]
    make_gap(lake, endpoint)
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({
        "consumer": {"ttp_processor_endpoint": endpoint},
        "output": {"output_path": str(lake)},
        "monitoring": {"health_port": 0, "metrics_port": 0}}))
    told = process.execute("status", "--config", settings).expect(0)
    told.says(f"holes +2 ledgers in 1 range\n +{FIRST + 1} to {LAST - 1}")
    status = json.loads(process.execute("status", "--config", "settings.json", "--json",
                                        cwd=tmp_path).expect(0).stdout)
    assert status["gaps"] == [{"first": FIRST + 1, "last": LAST - 1}]
    assert f"fetch by:\n  {status['command']}\n" in told.stdout
    paste(status["command"], tmp_path / "elsewhere")
    assert_complete(lake)
    status = json.loads(process.execute("status", "--config", settings, "--json").expect(0).stdout)
    assert (status["gaps"], status["command"]) == ([], None)


def test_repair_names_a_command_that_fetches_again(lake, servers, tmp_path):
    endpoint = servers[RECORDING.name]
    process.run(lake, endpoint, FIRST, LAST, schema_version="1.1.0", network="pubnet")
    arguments = ("--output-path", lake, "--health-port", 0, "--metrics-port", 0)
    told = process.execute("repair", *arguments, FIRST, LAST).expect(0)
    told.says("at the default server, localhost:50051;\\n +--ttp-processor-endpoint HOST:PORT names")
    process.run(lake, endpoint, FIRST, LAST, schema_version="1.1.0")
    told = process.execute("repair", *arguments, "--ttp-processor-endpoint", endpoint, FIRST,
                           LAST).expect(0)
    assert "default server" not in told.stdout
    command = next(line for line in told.stdout.splitlines() if "parquet-consumer run" in line)
    assert "--network pubnet" in command and "--schema-version 1.1.0" in command
    paste(command, tmp_path / "elsewhere")
    assert_complete(lake)


def test_a_secret_is_in_no_command(lake, servers):
    endpoint = servers[RECORDING.name]
    make_gap(lake, endpoint)
    told = process.execute("status", "--output-path", lake, "--metadata",
                           '{"authorization": "Bearer s3cret"}').expect(0)
    assert "s3cret" not in told.output
    told.says("env:SECRET_AUTHORIZATION")


def breaker(tmp_path, processes):
    """A server that says what the real one does while its source's breaker is open."""
    script = tmp_path / "faults"
    script.write_text('event=0 status-only="INTERNAL:source: service temporarily unavailable"'
                      " always\n")
    return processes(process.Replay([RECORDING.events], "--fault", script)).endpoint


def test_the_servers_own_words_reach_health_page_log_and_summary(lake, tmp_path, processes):
    endpoint = breaker(tmp_path, processes)
    with watching.Watched(lake, endpoint, FIRST, LAST, max_attempts=2) as watched:
        answer = watched.wait_for_rule("outage")
        page = watched.ask("/").text
        finished = watched.stop().expect(0)
    assert answer.status == 503
    source = answer.json["source"]
    assert (source["endpoint"], source["address"]) == (endpoint, endpoint)
    assert source["last_status"] == "INTERNAL"
    assert source["last_message"] == "source: service temporarily unavailable"
    assert "restart that source" in source["meaning"]
    assert source["ever_connected"] and not source["ever_streamed"]
    assert source["asked_for"].startswith("ledger")
    [outage] = [one["message"] for one in answer.json["reasons"] if one["rule"] == "outage"]
    assert "INTERNAL: source: service temporarily unavailable" in outage
    assert f"sked for {source['asked_for']}" in outage
    assert answer.json["last_error"]
    assert "service temporarily unavailable" in html.unescape(page)
    assert "no event has come yet" not in finished.stderr
    finished.says(r"server +\S+, asked for ledgers? .*: the server answered INTERNAL: source: "
                  "service temporarily unavailable", "restart that source; trying again")


def test_after_a_restart_the_last_commit_comes_from_the_lake(lake, servers, tmp_path, processes):
    process.run(lake, servers[RECORDING.name], FIRST, LAST)
    status = json.loads(process.execute("status", "--output-path", lake, "--json").expect(0).stdout)
    with watching.Watched(lake, breaker(tmp_path, processes), FIRST) as watched:
        health = watched.wait_for_health(lambda answer: answer.json["phase"] == "running",
                                         "a running run").json
        assert health["last_committed_ledger"] == LAST
        assert health["last_commit"][:19] == status["last_commit"][:19]
        metrics = watched.metrics()
    assert metrics["ttp_committed_ledger"] == LAST


def test_a_comparison_logs_its_progress_and_leaves_stdout_alone(lake, servers, tmp_path, processes):
    process.run(lake, servers[RECORDING.name], FIRST, LAST)
    script = tmp_path / "faults"
    script.write_text("event=700 silence=11s\n")   # longer than a line of progress is waited for
    slow = processes(process.Replay([RECORDING.events], "--fault", script)).endpoint
    told = process.execute("verify", "--output-path", lake, "--against", slow, "--json").expect(0)
    assert json.loads(told.stdout)["against"]["complete"]
    lines = [json.loads(line) for line in told.stderr.splitlines()]
    assert [line["message"] for line in lines] == ["comparing"]
    assert lines[0]["of_ledgers"] == LAST - FIRST + 1


def test_a_comparison_draws_a_bar_on_a_terminal(lake, servers):
    process.run(lake, servers[RECORDING.name], FIRST, LAST)
    ours, theirs = pty.openpty()
    with process.Background("verify", "--output-path", lake, "--against", servers[RECORDING.name],
                            "--json", stderr=theirs) as background:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:   # the other end is closed
                break
            shown += part
            if not part:
                break
        background.wait().expect(0)
        assert json.loads(background.stdout)["ok"]
    os.close(ours)
    assert re.search(r"\d+% \[[=> ]+\] compared \d of 4 ledgers, [\d,]+ rows", shown.decode())
