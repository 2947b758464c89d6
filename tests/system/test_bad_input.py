# SPDX-License-Identifier: Apache-2.0
"""Each thing that a user can get wrong is answered by a sentence that names it, and the right exit
status."""

import concurrent.futures
import json
import re
import socket
import time

import grpc
import pytest

from harness import lake as reading
from harness import process, truth, watching

RECORDING = truth.TESTNET
FIRST, LAST = RECORDING.first, RECORDING.last


def refused(*arguments, status=2, **keywords):
    """The command ends at once with a single sentence on stderr and nothing on stdout."""
    finished = process.execute(*arguments, limit=20, **keywords).expect(status)
    assert finished.stderr.strip(), "it says nothing"
    return finished


def run_refused(lake, endpoint, *positional, status=2, **options):
    return refused(*process.run_arguments(lake, endpoint, *positional, **options), status=status)


def closed_port():
    (port,) = watching.free_ports(1)
    return f"127.0.0.1:{port}"


# ---- what is wrong before any work ---------------------------------------------------------------

def test_an_output_path_that_cannot_be_written(tmp_path, servers):
    blocker = tmp_path / "file"
    blocker.write_text("not a folder\n")
    run_refused(blocker / "lake", servers[RECORDING.name], FIRST, LAST).says(
        re.escape(str(blocker)))
    assert blocker.read_text() == "not a folder\n"


def test_an_output_path_that_is_a_file(tmp_path, servers):
    blocker = tmp_path / "file"
    blocker.write_text("not a folder\n")
    run_refused(blocker, servers[RECORDING.name], FIRST, LAST).says(re.escape(str(blocker)))


def test_a_lake_that_another_process_writes(lake, processes, servers):
    server = processes(process.Replay([RECORDING.events], "--live", "--pace", "20ms"))
    holder = processes(process.run_background(lake, server.endpoint, FIRST, 0))
    holder.wait_for(lambda: (lake / "_lake" / "lock").exists() and
                    reading.catalog_path(lake).exists(), "its lock")
    finished = run_refused(lake, servers[RECORDING.name], FIRST, LAST)
    finished.says("lock|another process|in use", re.escape(str(lake)))
    finished.says(str(holder.process.pid))
    assert holder.running
    holder.stop(limit=15).expect(0)
    process.run(lake, servers[RECORDING.name], FIRST, LAST)
    reading.compare_lake_with_truth(lake, [RECORDING], "1.0.0")


def test_the_lock_of_a_dead_process_does_not_hold(lake, processes, servers):
    server = processes(process.Replay([RECORDING.events], "--live", "--pace", "20ms"))
    holder = processes(process.run_background(lake, server.endpoint, FIRST, 0))
    holder.wait_for(lambda: reading.catalog_path(lake).exists(), "its catalog")
    holder.stop(9)
    process.run(lake, servers[RECORDING.name], FIRST, LAST)


def test_a_lake_of_another_scheme(lake, servers):
    process.run(lake, servers[RECORDING.name], FIRST, FIRST + 5, partitioning_scheme="date")
    run_refused(lake, servers[RECORDING.name], FIRST, LAST,
                partitioning_scheme="simple").says(r"\bdate\b", r"\bsimple\b")
    assert reading.coverage(lake) == [(FIRST, FIRST + 5)]


def test_a_lake_of_another_network(lake, servers):
    process.run(lake, servers[RECORDING.name], FIRST, FIRST + 5, network="testnet")
    run_refused(lake, servers[RECORDING.name], FIRST, LAST,
                network="pubnet").says("testnet", "pubnet")


def test_mainnet_and_public_mean_pubnet(lake, servers):
    endpoint = servers[truth.PUBNET57.name]
    ledger = truth.PUBNET57.first
    process.run(lake, endpoint, ledger, ledger, network="mainnet")
    process.run(lake, endpoint, ledger, ledger, network="public")
    process.run(lake, endpoint, ledger, ledger, network="pubnet")
    process.run(lake, endpoint, ledger, ledger)
    assert json.loads((lake / "_lake" / "lake.json").read_text())["network"] == "pubnet"


def test_a_lake_of_a_newer_version(lake, servers):
    process.run(lake, servers[RECORDING.name], FIRST, FIRST + 5)
    path = lake / "_lake" / "lake.json"
    values = json.loads(path.read_text())
    key, = [name for name in values if "layout" in name]
    assert values[key] == 1   # 2: it was cared for; 3: its catalog is elsewhere
    path.write_text(json.dumps({**values, key: 4}))
    run_refused(lake, servers[RECORDING.name], FIRST, LAST).says("newer")


@pytest.mark.parametrize("words", [(LAST, FIRST), (f"{LAST}:{FIRST}",)])
def test_an_end_before_its_start(lake, servers, words):
    run_refused(lake, servers[RECORDING.name], *words).says(str(FIRST), str(LAST))
    assert not lake.exists()


@pytest.mark.parametrize("option, value, sentence", [
    ("compression_codec", "lzo", "lzo.*snappy|snappy.*lzo"),
    ("partitioning_scheme", "hourly", "hourly"),
    ("schema_version", "9.9.9", "9\\.9\\.9"),
    ("flush_interval", "30 parsecs", "30 parsecs"),
    ("max_file_size", "many", "many"),
    ("compression_level", "99", "99"),
    ("network", "Main Net!", "Main Net!"),
    ("ttp_processor_endpoint", "localhost", "localhost"),
    ("batch_size", "0", "batch.size"),
    ("start_ledger", "-5", "-5"),
])
def test_a_bad_value_is_named(lake, option, value, sentence):
    arguments = process.run_arguments(lake, "127.0.0.1:9", FIRST, LAST,
                                      **({"compression_codec": "zstd"} if
                                         option == "compression_level" else {}))
    flag = f"--{option.replace('_', '-')}"
    finished = refused(*arguments, flag, value)
    finished.says(sentence, option.replace("_", "[-_]"))
    assert not lake.exists()


def test_an_unknown_option_names_the_nearest(lake):
    refused("run", "--output-paht", lake, "1", "2").says("output-paht", "output-path")


def test_an_unknown_command_is_named():
    refused("fly").says("fly", "help")


def test_a_port_that_is_taken(lake, servers):
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        run_refused(lake, servers[RECORDING.name], FIRST, LAST,
                    health_port=port).says(str(port), "health[-_]port")
        run_refused(lake, servers[RECORDING.name], FIRST, LAST,
                    metrics_port=port).says(str(port), "metrics[-_]port")


def test_a_recording_that_is_none(tmp_path):
    path = tmp_path / "x.events"
    refused("replay", path, "--listen", "127.0.0.1:0").says(re.escape(str(path)))
    path.write_bytes(b"\xff" * 100)
    finished = process.execute("replay", path, "--listen", "127.0.0.1:0", limit=20)
    assert finished.status in (1, 2), repr(finished)
    finished.says(re.escape(str(path)))


# ---- what is wrong at the other end --------------------------------------------------------------

def test_nobody_listening_is_said_and_tried_again(lake, processes):
    endpoint = closed_port()
    run = processes(process.run_background(lake, endpoint, FIRST, LAST))
    run.wait_for_text(re.escape(endpoint), 20)
    time.sleep(1.5)
    assert run.running, run.finished()
    server = processes(process.Background("replay", RECORDING.events, "--listen", endpoint))
    server.wait_for(lambda: "listening on" in server.stdout, "the server")
    run.wait().expect(0).says("refused|nobody|connect")
    reading.compare_lake_with_truth(lake, [RECORDING], "1.0.0")


@pytest.mark.serial
def test_nobody_listening_can_be_stopped(lake, processes):
    run = processes(process.run_background(lake, closed_port(), FIRST, LAST, retry_initial="30s",
                                           retry_max="30s"))
    run.wait_for_text("refused|nobody|connect", 20)
    started = time.monotonic()
    run.stop(limit=10).expect(0)
    assert time.monotonic() - started < 5


def answer_http1(connection):
    connection.recv(4096)
    connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 4\r\n"
                       b"Connection: close\r\n\r\nnope")


def test_a_server_that_speaks_http_1(lake, processes):
    with process.LineServer(answer_http1) as server:
        run = processes(process.run_background(lake, server.endpoint, FIRST, LAST))
        run.wait_for(lambda: re.search(r"HTTP/2", run.stderr) or not run.running, "HTTP/2", 20)
        finished = run.stop(limit=10)
    finished.says(r"HTTP/2", re.escape(server.endpoint))
    assert finished.status in (0, 1), repr(finished)


def stay_silent(connection):
    while connection.recv(4096):
        pass


def test_a_server_that_never_answers(lake, processes):
    """connect_timeout covers the server's SETTINGS."""
    with process.LineServer(stay_silent) as server:
        run = processes(process.run_background(lake, server.endpoint, FIRST, LAST,
                                               connect_timeout="300ms"))
        run.wait_for(lambda: server.connections >= 2, "a second try", 20)
        assert run.running
        finished = run.stop(limit=10).expect(0)
    finished.says("SETTINGS|connect.timeout|300 ?ms|did not answer|no answer")


def test_a_server_without_the_service_ends_the_run(lake):
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(2))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        run_refused(lake, f"127.0.0.1:{port}", FIRST, LAST, status=1).says("UNIMPLEMENTED",
                                                                          str(port))
    finally:
        server.stop(0)


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAUTHENTICATED,
                                  grpc.StatusCode.PERMISSION_DENIED,
                                  grpc.StatusCode.INVALID_ARGUMENT])
def test_a_server_that_refuses_ends_the_run_with_its_words(lake, code):
    def refuse(_request, context):
        context.abort(code, "these are the server's words")

    handler = grpc.unary_stream_rpc_method_handler(refuse)
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(
        "token_transfer_service.EventService", {"GetTTPEvents": handler})])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        run_refused(lake, f"127.0.0.1:{port}", FIRST, LAST, status=1).says(
            code.name, "these are the server's words")
    finally:
        server.stop(0)


def test_a_name_that_does_not_resolve_is_tried_again(lake, processes):
    run = processes(process.run_background(lake, "no-such-host.invalid:50051", FIRST, LAST))
    run.wait_for_text("no-such-host.invalid", 30)
    assert run.running
    run.stop(limit=15).expect(0)


# ---- secrets and surprises -----------------------------------------------------------------------

def test_unknown_environment_variables_only_warn(lake, servers):
    env = process.environment(PARQUET_CONSUMER_PORT_8080_TCP="tcp://10.0.0.1:8080")
    process.run(lake, servers[RECORDING.name], FIRST, FIRST + 3, env=env).says(
        "PARQUET_CONSUMER_PORT_8080_TCP")


def test_options_come_from_the_environment_too(lake, servers):
    env = process.environment(PARQUET_CONSUMER_PARTITIONING_SCHEME="simple",
                              TTP_SERVICE_ADDRESS=servers[RECORDING.name])
    process.run(lake, None, FIRST, LAST, env=env)
    reading.compare_lake_with_truth(lake, [RECORDING], "1.0.0", "simple")


def test_the_plans_config_file_works_verbatim(tmp_path, processes):
    """config.json at the repository's root, with another endpoint and ports by flags."""
    server = processes(process.Replay([RECORDING.events]))
    finished = process.execute("-config", process.ROOT / "config.json", "--ttp-processor-endpoint",
                               server.endpoint, "--health-port", "0", "--metrics-port", "0",
                               FIRST, LAST, cwd=tmp_path)
    finished.expect(0)
    reading.compare_lake_with_truth(tmp_path / "data" / "parquet", [RECORDING], "1.0.0")
