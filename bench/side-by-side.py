#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an event costs end to end: the program, the plan's design in Go (bench/go-design) and a client
that only receives (bench/bench_floor.c), on the same stream.

    bench/side-by-side.py [--events N] [--rounds N] [--folder FOLDER] [--binary FILE…]

One recording (default 1,000,000 events), one server, one process after the other in each round, so
that what else the machine does meets all of them: CPU (user + system) an event, the median of the
rounds; the ratio to the Go design is the median of each round's ratios. Read-back, Bloom filters,
page checksums and syncs are on, as they are by default; the Go design has none of them. --binary
measures other builds beside bin/parquet-consumer. Without Go its row is left out, with a word.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

import stream

MIB = 1 << 20
SCHEMAS = ("1.0.0", "1.1.0")


def measured(command, folder):
    """Runs it; its CPU seconds, peak memory in bytes and what it printed."""
    with open(folder / "out", "w+") as out:
        process = subprocess.Popen([str(word) for word in command], stdout=out, stderr=out)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        said = out.read()
    if process.returncode != 0:
        sys.exit(f"side-by-side: {command[0]} ended with {process.returncode}:\n{said[-2000:]}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, said


class Program:
    def __init__(self, binary, schema_version, is_named):
        self.binary, self.schema_version = binary, schema_version
        self.name = f"ours, schema {schema_version}" + (f" ({binary})" if is_named else "")

    def run(self, events, port, folder):
        lake, report = folder / "lake", folder / "report.json"
        command = events.run_command(port, lake, self.schema_version, report, self.binary)
        seconds, memory, _ = measured(command, folder)
        size = sum(path.stat().st_size for path in lake.rglob("*.parquet"))
        return seconds, memory, json.loads(report.read_text())["rows"], size


class GoDesign:
    name = "Go design (ten columns)"

    def __init__(self, binary):
        self.binary = binary

    def run(self, events, port, folder):
        lake = folder / "lake"
        command = [self.binary, f"127.0.0.1:{port}", lake, stream.FIRST, events.last]
        seconds, memory, said = measured(command, folder)
        size = sum(path.stat().st_size for path in lake.rglob("*.parquet"))
        return seconds, memory, int(said.splitlines()[-1].split()[2]), size


class Floor:
    name = "only received, C"

    def run(self, events, port, folder):
        command = [stream.ROOT / "build/release/bin/bench-floor", "127.0.0.1", port, stream.FIRST,
                   events.last]
        seconds, memory, said = measured(command, folder)
        return seconds, memory, int(said.split()[0]), 0


def go_design():
    built = subprocess.run([stream.ROOT / "tools" / "go-program", "go-design"], text=True,
                           capture_output=True, check=False)
    if built.returncode != 0:
        print(f"side-by-side: without the Go design: {built.stderr.strip()}", file=sys.stderr)
        return None
    return GoDesign(built.stdout.strip())


def all_rounds(clients, events, rounds, folder):
    """{client: [(CPU us an event, memory, size)…]}; all must have had the same events."""
    results = {client: [] for client in clients}
    counts = set()
    with events.served() as port:
        for number in range(rounds):
            turn = number % len(clients)
            for client in clients[turn:] + clients[:turn]:
                with tempfile.TemporaryDirectory(dir=folder) as place:
                    seconds, memory, count, size = client.run(events, port, pathlib.Path(place))
                counts.add(count)
                results[client].append((seconds / count * 1e6, memory, size / count))
            print(f"round {number + 1}: " + ", ".join(
                f"{client.name} {results[client][-1][0]:.2f} us" for client in clients),
                file=sys.stderr, flush=True)
    if len(counts) != 1:
        sys.exit(f"side-by-side: not the same events were stored: {sorted(counts)}")
    return results, counts.pop()


def print_table(results, count, rounds):
    base = next((client for client in results if isinstance(client, GoDesign)), None)
    print(f"{count:,} events, medians of {rounds} rounds:\n")
    print("| | CPU an event | of the Go design | peak memory | bytes an event |")
    print("|---|---|---|---|---|")
    for client, rows in results.items():
        cpu = statistics.median(row[0] for row in rows)
        ratio = "" if base is None else f"""{statistics.median(
            row[0] / other[0] for row, other in zip(rows, results[base])):.3f}"""
        memory = statistics.median(row[1] for row in rows)
        size = f"{rows[0][2]:.1f}" if rows[0][2] else ""
        print(f"| {client.name} | {cpu:.2f} us | {ratio} | {memory / MIB:.0f} MiB | {size} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=pathlib.Path, default=stream.ROOT / "build" / "bench")
    parser.add_argument("--binary", type=pathlib.Path, action="append", default=[])
    asked = parser.parse_args()
    events = stream.Stream(asked.folder, asked.events)
    clients = [Program(stream.BINARY, version, False) for version in SCHEMAS]
    clients += [Program(binary, version, True) for binary in asked.binary for version in SCHEMAS]
    go = go_design()
    clients += [go] if go else []
    clients.append(Floor())
    results, count = all_rounds(clients, events, asked.rounds, asked.folder)
    print_table(results, count, asked.rounds)


if __name__ == "__main__":
    main()
