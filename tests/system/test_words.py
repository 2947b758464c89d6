# SPDX-License-Identifier: Apache-2.0
"""What the program tells people to do can be done: each command that it prints, logs or shows is
pasted into a shell of another folder, without the environment that it was printed in."""

import html
import json
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
        watched.wait_for_text("fetch_by")
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
    told.says(f"gaps +2 ledgers in 1 range\n +{FIRST + 1} to {LAST - 1}")
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
