#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What it costs to verify a lake of many small files, as one that follows the chain for days has:

    bench/verify.py [--files N] [--rounds N] [--lake FOLDER]

Makes the lake first (a commit and a file a ledger, some 640 rows each; minutes), under build/, where a
later call finds it again. Then the median of the rounds of each command, on a warm cache: seconds by
the clock and of CPU (user + system)."""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
BINARY = ROOT / "bin" / "parquet-consumer"
COMMANDS = (("verify",), ("verify", "--deep"), ("status",), ("files",))
FIRST = 60000000


def make(lake, files):
    """A lake with as many ledgers, each in a commit of its own."""
    print(f"making {files} files in {lake}", file=sys.stderr)
    source = subprocess.Popen(
        [BINARY, "generate", "--seed", "1", "--first-ledger", str(FIRST), "--ledgers", str(files),
         "--start-time", "2026-01-05T00:00:00Z", "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE, text=True)
    try:
        endpoint = source.stdout.readline().split()[-1]
        subprocess.run(
            [BINARY, "run", "--ttp-processor-endpoint", endpoint, "--output-path", lake,
             "--schema-version", "1.1.0", "--max-file-size", "1KiB", "--batch-size", "1",
             "--health-port", "0", "--metrics-port", "0", "--log-level", "warn",
             str(FIRST), str(FIRST + files - 1)],
            check=True, stdout=subprocess.DEVNULL)
    finally:
        source.kill()
        source.wait()


def cost(arguments):
    """Seconds by the clock and of CPU that a command takes."""
    before, started = os.times(), time.monotonic()
    subprocess.run([BINARY, *arguments], check=True, stdout=subprocess.DEVNULL)
    wall, after = time.monotonic() - started, os.times()
    return wall, (after.children_user - before.children_user +
                  after.children_system - before.children_system)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--lake", type=pathlib.Path)
    arguments = parser.parse_args()
    lake = arguments.lake or ROOT / "build" / f"verify-lake-{arguments.files}"
    if not lake.is_dir():
        unfinished = lake.with_name(lake.name + ".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        make(unfinished, arguments.files)
        unfinished.rename(lake)
    place = ("--output-path", str(lake))
    report = json.loads(subprocess.run([BINARY, "verify", *place, "--json"], check=True,
                                       stdout=subprocess.PIPE).stdout)
    size = sum(path.stat().st_size for path in lake.rglob("*.parquet"))
    print(f"{report['files']} files, {report['rows']} rows, {size / 1e6:.0f} MB,"
          f" {os.cpu_count()} cores, median of {arguments.rounds}")
    print("| command | wall | CPU |\n|---|---|---|")
    for command in COMMANDS:
        rounds = [cost((*command, *place)) for _ in range(arguments.rounds)]
        wall, cpu = (statistics.median(column) for column in zip(*rounds))
        print(f"| `{' '.join(command)}` | {wall:.2f} s | {cpu:.2f} s |")


if __name__ == "__main__":
    main()
