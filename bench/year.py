#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A year of a lake in small, and what it is like for those who read it.

    bench/year.py FOLDER [bench-year's options]

Runs bench-year into FOLDER (which must not be there), checks the lake and its backup, and compares
the lake's catalog with one that DuckDB itself makes of the same files: ATTACH and a filtered count,
each in a process of its own, in turn, the median of the CPU times. `status` is timed, too.
"""

import json
import pathlib
import statistics
import subprocess
import sys
import resource

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = ROOT / "bin" / "parquet-consumer"
BENCH = ROOT / "build" / "release" / "bin" / "bench-year"
REPEATS = 7

ATTACH = """
import sys, duckdb, pathlib
sys.path.insert(0, {tests!r})
from harness import lake as reading
with reading.duckdb_connection() as connection:
    connection.execute("ATTACH 'ducklake:sqlite:{catalog}' AS lake (READ_ONLY)")
    for low in ({low}, {low} + 400, {low} + 800):
        print(connection.execute("SELECT count(*) FROM lake.{table} WHERE ledger_sequence BETWEEN "
                                 f"{{low}} AND {{low + 9}} AND amount IS NOT NULL").fetchone()[0])
"""

MAKE = """
import sys
sys.path.insert(0, {tests!r})
from harness import lake as reading
with reading.duckdb_connection() as connection:
    connection.execute("ATTACH 'ducklake:sqlite:{catalog}' AS own (DATA_PATH '{folder}/own/')")
    connection.execute("CREATE TABLE own.ttp_events AS SELECT * FROM read_parquet({first!r}, "
                       "hive_partitioning => false) LIMIT 0")
    for path in {files!r}:
        connection.execute("CALL ducklake_add_data_files('own', 'ttp_events', ?)", [path])
"""


def cpu_seconds(*command):
    """User and system time of a command that must end well, and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout)


def main():
    folder = pathlib.Path(sys.argv[1])
    lake, backup = folder / "lake", folder / "backup"
    if not folder.exists():
        subprocess.run([BENCH, *sys.argv[1:]], check=True)
    for place in (lake, backup):
        subprocess.run([BINARY, "verify", "--deep", "--output-path", place], check=True)
    files = subprocess.run([BINARY, "files", "--output-path", lake], check=True,
                           capture_output=True, text=True).stdout.splitlines()
    listed = json.loads(subprocess.run([BINARY, "status", "--json", "--output-path", lake],
                                       check=True, capture_output=True, text=True).stdout)
    tests = str(ROOT / "tests" / "system")
    own = folder / "own.sqlite"
    if not own.exists():
        # By standard input: with thousands of paths it is too long for an argument.
        subprocess.run([sys.executable, "-"], check=True, text=True, input=MAKE.format(
            tests=tests, catalog=own, folder=folder, first=files[0], files=files))
    low = listed["coverage"][0]["first"] + 50
    catalogs = {"ours": lake / "_lake" / "catalog.sqlite", "duckdb": own}
    times = {name: [] for name in catalogs}
    answers = set()
    for _ in range(REPEATS):
        for name, catalog in catalogs.items():
            seconds, answer = cpu_seconds(sys.executable, "-c", ATTACH.format(
                tests=tests, catalog=catalog, low=low, table="ttp_events"))
            times[name].append(seconds)
            answers.add(answer)
    assert len(answers) == 1, answers
    start = [cpu_seconds(sys.executable, "-c", f"import sys; sys.path.insert(0, {tests!r});"
                         "from harness import lake as reading;"
                         "reading.duckdb_connection().__enter__()")[0] for _ in range(REPEATS)]
    empty = statistics.median(start)
    ours, theirs = (statistics.median(times[name]) for name in ("ours", "duckdb"))
    status = statistics.median(cpu_seconds(BINARY, "status", "--output-path", lake)[0]
                               for _ in range(REPEATS))
    print(json.dumps({"files": len(files), "status_seconds": round(status, 3),
                      "attach_and_count_ours": round(ours, 3),
                      "attach_and_count_duckdb": round(theirs, 3),
                      "python_and_duckdb_alone": round(empty, 3),
                      "ratio": round((ours - empty) / (theirs - empty), 2)}))


if __name__ == "__main__":
    main()
