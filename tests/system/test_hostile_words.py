# SPDX-License-Identifier: Apache-2.0
"""Words of servers, files, catalogs and the environment do nothing to who reads them: no terminal
draws, no log line or page is forged, nothing is shown from right to left."""

import json
import os
import pty
import re
import shutil
import subprocess
import unicodedata

import grpc
import pyarrow
import pyarrow.parquet
import pytest

from harness import lake as reading
from harness import process, stock_grpc, truth, watching

RECORDING = truth.PUBNET63
FIRST, LAST = RECORDING.first, RECORDING.last
MESSAGES = stock_grpc.read_recording(RECORDING.events)

# Erase the screen, C1's CSI, DEL, from right to left, invisible ones, ends of lines of all kinds.
NASTY = "<b>\x1b[2J\x9b1m\x7f\u202egnp\u2066\u200f\u061c\ufeff\u2028\u2029\U000e0041\r\n{forged}"
ALLOWED = {"\n"}


def assert_harmless(text):
    """Nothing in it controls who shows it; no line of it begins with the words from outside."""
    bad = {character for character in text if character not in ALLOWED
           and unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp")}
    assert not bad, f"{sorted(map(ascii, bad))} in {text!r}"
    assert not any(line.startswith("{forged}") for line in text.splitlines()), text


def with_memo(message, words):
    """The message with these words as its text memo: what is appended is merged."""
    for tag in (0x0a, 0x3a, 0x0a):   # to_muxed_info.text, in meta
        words = bytes([tag]) + stock_grpc.varint(len(words)) + words
    return message + words


def tell(*arguments, status=None):
    """What a command says, looked at."""
    done = process.execute(*arguments, text=False)
    stdout, stderr = done.stdout.decode(), done.stderr.decode()
    assert_harmless(stdout)
    assert_harmless(stderr)
    if status is not None:
        assert done.status == status, f"{stdout}\n{stderr}"
    return stdout, stderr


@pytest.fixture(scope="module")
def made(tmp_path_factory, servers):
    """A lake at a nasty path, with a gap."""
    folder = tmp_path_factory.mktemp("words") / NASTY.replace("/", "")
    lake = folder / "lake"
    folder.mkdir()

    with stock_grpc.Server(MESSAGES) as server:
        process.run(lake, server.endpoint, FIRST, LAST - 3, schema_version="1.1.0")
        process.run(lake, server.endpoint, LAST - 1, LAST, schema_version="1.1.0")
    return lake


@pytest.fixture
def lake(made, tmp_path):
    lake = shutil.copytree(made, tmp_path / NASTY / "lake")
    (lake / f"{NASTY.replace('/', '')}.parquet").write_bytes(b"PAR1 not really PAR1")
    return lake


@pytest.mark.no_binary
def test_commands_print_text_in_one_way():
    """Text that others may have a word in goes through say(); whole buffers that are JSON, or made
    of cleaned words, through fwrite."""
    for path in sorted((process.ROOT / "src").rglob("*.c")):
        assert not re.search(r"(?<![a-z_])(printf|puts|fputs|fprintf|perror)\(", path.read_text()), path


def test_a_lakes_path_and_files_are_shown_and_draw_nothing(lake):
    path = str(lake)
    stdout, _ = tell("status", "--output-path", path, status=0)
    assert "fetch by" in stdout and "gnp" in stdout
    stdout, _ = tell("verify", "--output-path", path, status=3)
    assert "unknown_file" in stdout
    stdout, _ = tell("files", "--output-path", path, status=0)
    assert len(stdout.splitlines()) == len(reading.data_files(lake)) - 1
    tell("repair", "--output-path", path)
    tell("rebuild", "--output-path", path, "--dry-run")
    stdout, _ = tell("rebuild", "--output-path", path)
    assert "gnp" in stdout
    tell("dead-letters", "--output-path", path, status=0)
    tell("check-config", "--output-path", path, status=0)
    tell("check-config", "--output-path", path, "--json", status=0)


def test_json_shows_nothing_hidden_and_keeps_every_word(lake):
    path = str(lake)
    stdout, _ = tell("status", "--output-path", path, "--json", status=0)
    assert json.loads(stdout)["output_path"] == path
    stdout, _ = tell("files", "--output-path", path, "--json", status=0)
    assert all(json.loads(line)["path"].startswith(path) for line in stdout.splitlines())
    stdout, _ = tell("verify", "--output-path", path, "--json", status=3)
    problem, = json.loads(stdout)["problems"]
    assert NASTY in problem["path"]


def test_a_printed_command_can_be_pasted_and_shows_nothing_hidden(lake, servers, tmp_path):
    stdout, _ = tell("status", "--output-path", str(lake), status=0)
    lines = stdout.splitlines()
    at, = [number for number, line in enumerate(lines) if line.strip() == "fetch by:"]
    command = lines[at + 1].strip()
    command += f" --ttp-processor-endpoint {servers[RECORDING.name]}"
    environment = process.environment(PATH=f"{process.BINARY.parent}:/usr/bin:/bin")
    done = subprocess.run(command, shell=True, cwd=tmp_path, env=environment, timeout=60,
                          capture_output=True, check=False)
    assert done.returncode == 0, done
    assert_harmless(done.stdout.decode() + done.stderr.decode())
    assert reading.coverage(lake) == [(FIRST, LAST)]


def test_names_in_the_catalog_draw_nothing(lake):
    catalog = reading.catalog_path(lake)
    reading.catalog_execute(lake, f"UPDATE ducklake_metadata SET \"value\" = '{lake}/'"
                                  " WHERE \"key\" = 'data_path'")
    quoted = '"' + NASTY.replace('"', "") + '"'
    with reading.duckdb_connection() as connection:
        quoted_path = str(catalog).replace("'", "''")
        connection.execute(f"ATTACH 'ducklake:sqlite:{quoted_path}' AS lake")
        connection.execute(f"CREATE TABLE lake.{quoted} (i INTEGER)")
        connection.execute("DETACH lake")
    stdout, _ = tell("status", "--output-path", str(lake), status=0)
    assert "of others" in stdout and "gnp" in stdout
    stdout, _ = tell("status", "--output-path", str(lake), "--json", status=0)
    names = [entry["name"] for entry in json.loads(stdout)["others_tables"]]
    assert names == [NASTY]
    tell("verify", "--output-path", str(lake))


def test_a_parquet_file_of_somebody_draws_nothing(tmp_path):
    path = tmp_path / f"{NASTY.replace('/', '')}.parquet"
    table = pyarrow.table({NASTY: [NASTY, NASTY + "z"]}).replace_schema_metadata({NASTY: NASTY})
    pyarrow.parquet.write_table(table, path, write_page_checksum=True)
    stdout, _ = tell("inspect", str(path), status=0)
    assert stdout.count("gnp") >= 5
    stdout, _ = tell("inspect", str(path), "--json", status=0)
    assert json.loads(stdout)["schema"][0]["name"] == NASTY
    path.write_bytes(path.read_bytes()[:-3] + b"\x1b[2")
    tell("inspect", str(path), status=3)


def test_errors_and_settings_draw_nothing(tmp_path):
    config = tmp_path / f"{NASTY.replace('/', '')}.json"
    config.write_text(json.dumps({NASTY: 1, "consumer": {NASTY: NASTY, "network": NASTY},
                                  "output": {"compression_codec": NASTY}}))
    _, stderr = tell("run", "--config", str(config), status=2)
    assert all(line.startswith("parquet-consumer: ") for line in stderr.splitlines())
    for arguments in ([NASTY], ["run", NASTY], ["run", f"--{NASTY}", "1"], ["inspect", NASTY],
                      ["replay", NASTY, "--listen", "127.0.0.1:0"], ["status", "--config", NASTY],
                      ["replay", str(RECORDING.events), "--listen", NASTY],
                      ["status", "--output-path", f"/nowhere/{NASTY}"]):
        _, stderr = tell(*arguments)
        assert stderr and all(line.startswith("parquet-consumer: ")
                              for line in stderr.splitlines()), stderr
    environment = process.environment(**{f"PARQUET_CONSUMER_{NASTY}": NASTY})
    done = process.execute("check-config", env=environment, text=False)
    assert_harmless(done.stdout.decode() + done.stderr.decode())


def refusing(_server, context, sent, _message):
    if sent == 500:
        context.abort(grpc.StatusCode.UNAVAILABLE, NASTY)


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_servers_words_reach_log_health_page_metrics_and_report_harmless(
        tmp_path, processes, log_format):
    lake = tmp_path / NASTY / "lake"
    with stock_grpc.Server(MESSAGES, refusing) as server:
        run = processes(watching.Watched(
            lake, server.endpoint, FIRST, LAST, log_format=log_format, max_attempts="1000",
            retry_initial="10ms", retry_max="50ms", report=str(tmp_path / "report.json")))
        answer = run.wait_for_health(lambda one: "gnp" in one.text, "the server's words")
        assert_harmless(answer.text)
        page = run.ask("/")
        assert "gnp" in page.text
        assert_harmless(page.text)
        assert "<b>" not in page.text.replace("<b></b>", "")
        assert_harmless(watching.ask(run.metrics_port, "/metrics").text)
        done = run.stop()
    assert "gnp" in done.stderr
    assert_harmless(done.stdout)
    assert_harmless(done.stderr)
    if log_format == "json":
        assert [json.loads(line) for line in done.stderr.splitlines()]
    for name in ("report.json", "incomplete_report.json"):
        if (tmp_path / name).exists():
            assert_harmless((tmp_path / name).read_text())


def test_the_line_of_progress_on_a_terminal_is_ours_alone(tmp_path, servers):
    lake = tmp_path / NASTY / "lake"
    ours, theirs = pty.openpty()
    command = [str(process.BINARY), *process.run_arguments(
        lake, servers[RECORDING.name], FIRST, LAST, schema_version="1.1.0")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs,
                          env=process.environment(NO_COLOR="1")) as running:
        os.close(theirs)
        seen = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            seen += part
        stdout = running.stdout.read()
        assert running.wait(60) == 0
    os.close(ours)
    assert_harmless(stdout.decode())
    assert_harmless(seen.decode().replace("\r\x1b[K", "").replace("\r\n", "\n"))


def test_what_is_stored_stays_exact(tmp_path):
    lake = tmp_path / "lake"
    words = NASTY.encode()

    def speak(_server, _context, messages):
        return [with_memo(message, words) for message in messages]

    with stock_grpc.Server(MESSAGES, change=speak) as server:
        process.run(lake, server.endpoint, FIRST, LAST, schema_version="1.1.0")
    assert any(NASTY in row for row in reading.read_files(lake, "1.1.0", "date_hour"))
    with stock_grpc.Server(MESSAGES) as server:
        stdout, _ = tell("verify", "--against", server.endpoint, "--output-path", str(lake),
                         status=3)
        assert "gnp" in stdout
        tell("verify", "--against", server.endpoint, "--output-path", str(lake), "--json",
             status=3)
