#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Memory of a run over many events, by 1, 4 and 16 streams.

    bench/memory.py FOLDER [LEDGERS]        default 15500: ten million events

A server of generated events at full speed on loopback, one run for each number of streams into a
new lake in FOLDER, in pieces of a sixty-fourth, with the default memory_limit. Resident memory is
sampled five times a second. Prints the highest of each quarter of the run (flat: the last one is no
higher than those before), the peak, and the limit.
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = ROOT / "bin" / "parquet-consumer"
FIRST = 61000000
MIB = 1 << 20


def resident(pid):
    """Now and at the most, in bytes."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return [int(number) * 1024 for number in
            (re.search(rf"{name}:\s+(\d+)", status)[1] for name in ("VmRSS", "VmHWM"))]


def run(folder, endpoint, streams, ledgers):
    lake, report = folder / "lake", folder / "report.json"
    shutil.rmtree(lake, ignore_errors=True)
    piece = -(-ledgers // 64)
    with open(folder / "run.log", "w") as log:
        process = subprocess.Popen(
            [BINARY, "run", "--ttp-processor-endpoint", endpoint, "--output-path", lake,
             "--schema-version", "1.1.0", "--network", "pubnet", "--streams", str(streams),
             "--lease-ledgers", str(piece), "--health-port", "0", "--metrics-port", "0",
             "--report", report, str(FIRST), str(FIRST + ledgers - 1)], stdout=log, stderr=log)
    samples, peak = [], 0
    while process.poll() is None:
        try:
            now, peak = resident(process.pid)
            samples.append(now)
        except (OSError, TypeError):
            pass  # it ends
        time.sleep(0.2)
    assert process.returncode == 0, (folder / "run.log").read_text()[-2000:]
    told = json.loads(report.read_text())
    quarter = max(len(samples) // 4, 1)
    quarters = [max(samples[i * quarter:(i + 1) * quarter], default=0) for i in range(4)]
    limit = 96 + 64 * streams
    print(f"| {streams} | {told['rows']:,} | {limit} MiB | {peak // MIB} MiB | "
          + " | ".join(f"{value // MIB} MiB" for value in quarters)
          + f" | {told['cpu_us'] / told['rows']:.2f} us |", flush=True)
    assert peak <= limit * MIB


def main():
    folder = pathlib.Path(sys.argv[1])
    ledgers = int(sys.argv[2]) if len(sys.argv) > 2 else 15500
    folder.mkdir(parents=True, exist_ok=True)
    source = subprocess.Popen(
        [BINARY, "generate", "--seed", "7", "--first-ledger", str(FIRST), "--ledgers",
         str(ledgers + 1), "--start-time", "2026-01-05T00:00:00Z", "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        endpoint = source.stdout.readline().split("listening on ")[1].split()[0]
        print("| streams | events | limit | peak | 1st quarter | 2nd | 3rd | 4th | CPU a row |")
        print("|---|---|---|---|---|---|---|---|---|")
        for streams in (1, 4, 16):
            run(folder, endpoint, streams, ledgers)
    finally:
        source.terminate()
        source.wait()
        shutil.rmtree(folder / "lake", ignore_errors=True)


if __name__ == "__main__":
    main()
