#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# How much faster several processes are than one that fill one lake, with its catalog in PostgreSQL
# and its files in versitygw, from a server that paces each stream: so that it is the server that
# limits, and not the processor.
#
#   bench/processes.sh [LEDGERS] [PACE]   default 2400, 50ms a ledger
#
# The same ledgers are fetched into a new lake by 1, 2, 4 and 8 processes that begin at once, in
# pieces of a sixteenth. The gain is the time of one over that of N, until the last of them ended; its
# share of N should be 0.9 and more.
set -euo pipefail
cd "$(dirname "$0")/.."
exec .venv/bin/python - "${1:-2400}" "${2:-50ms}" <<'PY'
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, "tests/system")
from harness import postgres, process, versitygw

ledgers, pace = int(sys.argv[1]), sys.argv[2]
piece = ledgers // 16
first = 61000000 // piece * piece
last = first + ledgers - 1
env = process.environment(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="testsecret")

with tempfile.TemporaryDirectory(prefix="ttp-processes-") as name:
    folder = pathlib.Path(name)
    folder.chmod(0o711)
    events = folder / "made.events"
    # One more than is asked for: a later ledger ends the last one.
    process.execute("generate", "--seed", 7, "--first-ledger", first, "--ledgers", ledgers + 1,
                    "--start-time", "2026-01-05T00:00:00Z", "--out", events).expect(0)
    with postgres.Server(folder / "cluster") as server, versitygw.Gateway(folder / "store") as store, \
            process.Replay([events], "--pace", pace) as source:
        print("processes  seconds  gain  share  rows/s  commits")
        one = None
        for count in (1, 2, 4, 8):
            database = server.make_database(f"lake{count}")
            began = time.monotonic()
            runs = [process.run_background(
                f"s3://bucket/{database}", source.endpoint, first, last, env=env,
                schema_version="1.1.0", lease_ledgers=piece, catalog=server.location(database),
                s3_endpoint=store.endpoint, s3_path_style=True, staging_path=folder / "staging")
                for _ in range(count)]
            for run in runs:
                run.wait(3600).expect(0)
                run.end()
            seconds = time.monotonic() - began
            rows, commits = server.sql("SELECT sum(row_count), count(*) FROM ttp_commits",
                                       database=database)[0]
            one = one or seconds
            print(f"{count:9}  {seconds:7.1f}  {one / seconds:4.2f}  {one / seconds / count:5.3f}"
                  f"  {int(rows) / seconds:6,.0f}  {commits:>7}", flush=True)
PY
