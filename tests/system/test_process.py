# SPDX-License-Identifier: Apache-2.0
"""A process among others: what the system, a shell, a container platform and a log collector do to
it, and what it does to them."""

import json
import os
import pathlib
import subprocess
import threading

import pytest

from harness import process, truth

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
