#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# How many commits a second several processes make together, each of a ledger, with their leases and
# intents in PostgreSQL on this machine; the object store alone is left out (bench/bench_commits.c).
#
#   bench/commits.sh [PROCESSES] [SECONDS]   default 4 30
#
# Each line is a way of committing: of ledgers without events, of a file each, and both without the
# server's waits for its disk, which tells what part of a commit those are. "least" is what the
# slowest process had in its slowest ten seconds; trips are round trips to the server, syncs what its
# log was flushed.
set -euo pipefail
cd "$(dirname "$0")/.."
exec .venv/bin/python - "${1:-4}" "${2:-30}" <<'PY'
import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, "tests/system")
from harness import postgres

processes, seconds = int(sys.argv[1]), int(sys.argv[2])
program = "build/release/bin/bench-commits"
SYNCS = "SELECT wal_sync FROM pg_stat_wal"
TICKS = os.sysconf("SC_CLK_TCK")



def server_cpu(server):
    """Milliseconds of those of its processes that have ended: of each client one."""
    fields = pathlib.Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return 1000 * (int(fields[13]) + int(fields[14])) / TICKS


def measure(server, durable, empty):
    database = server.make_database(f"commits{empty:d}")
    place = server.location(database)
    more = ["--empty"] if empty else []
    subprocess.run([program, place, "1s", "--shared", *more], check=True, stdout=subprocess.DEVNULL)
    before, cpu = int(server.sql(SYNCS, database="postgres")[0][0]), server_cpu(server)
    running = [subprocess.Popen([program, place, f"{seconds}s", "--shared", *more],
                                stdout=subprocess.PIPE, text=True) for _ in range(processes)]
    told = [json.loads(one.communicate()[0]) for one in running]
    syncs = int(server.sql(SYNCS, database="postgres")[0][0]) - before
    cpu = server_cpu(server) - cpu
    made = sum(one["commits"] for one in told)
    print(f"{'no file' if empty else 'one file':10}  {'yes' if durable else 'no':4}"
          f"  {sum(one['a_second'] for one in told):9.0f}"
          f"  {min(one['fewest_in_10s'] for one in told):12}"
          f"  {max(one['median_ms'] for one in told):9.1f}"
          f"  {max(one['p99_ms'] for one in told):6.0f}"
          f"  {sum(one['trips'] * one['commits'] for one in told) / made:5.2f}"
          f"  {syncs / made:5.2f}  {max(one['cpu_ms'] for one in told):6.2f}  {cpu / made:9.2f}", flush=True)
    assert server.sql("SELECT sum(last_ledger - first_ledger + 1) FROM ttp_coverage",
                      database=database) == server.sql("SELECT count(*) FROM ttp_commits",
                                                       database=database)


with tempfile.TemporaryDirectory(prefix="ttp-commits-") as name:
    folder = pathlib.Path(name)
    folder.chmod(0o711)
    print("commits of  disk  commits/s  least in 10s  median ms  p99 ms  trips  syncs  CPU ms  server ms")
    for durable in (True, False):
        with postgres.Server(folder / f"cluster{durable:d}", durable) as server:
            for empty in (True, False):
                measure(server, durable, empty)
PY
