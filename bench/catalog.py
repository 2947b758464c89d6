#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a lake of many files costs: the start of a run, `status`, a commit.

    bench/catalog.py FOLDER FILES [postgres:CONNINFO]

Makes a lake of one commit in FOLDER (which must not be there), or one with its catalog in the
PostgreSQL database (which must be empty), and puts FILES made-up commits of one file each into its
catalog by SQL; the files themselves are not there. Then times, in turn, medians of 5: `status`,
a run that has nothing to fetch, and 200 commits by bench-commits. CPU is the process' own, user and
system, without PostgreSQL's.
"""

import json
import pathlib
import resource
import sqlite3
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = ROOT / "bin" / "parquet-consumer"
BENCH = ROOT / "build" / "release" / "bin" / "bench-commits"
FIRST, COUNT = 61000000, 20
REPEATS = 5

# Of the one real commit, whose rows are the patterns: {n} is the made-up ones' number from 1.
INSERTS = (
    "INSERT INTO ducklake_snapshot SELECT s.snapshot_id + n, s.snapshot_time, s.schema_version,"
    " s.next_catalog_id, s.next_file_id + n FROM ducklake_snapshot s, numbers WHERE s.snapshot_id ="
    " (SELECT max(snapshot_id) FROM ttp_commits)",
    "INSERT INTO ducklake_snapshot_changes SELECT s.snapshot_id + n, s.changes_made, NULL,"
    " s.commit_message, s.commit_extra_info FROM ducklake_snapshot_changes s, numbers WHERE"
    " s.snapshot_id = (SELECT max(snapshot_id) FROM ttp_commits)",
    "INSERT INTO ducklake_data_file SELECT d.data_file_id + n, d.table_id, d.begin_snapshot + n,"
    " NULL, NULL, 'year=2014/' || n || '_' || d.path, d.path_is_relative, d.file_format,"
    " d.record_count, d.file_size_bytes, d.footer_size, d.row_id_start + n * d.record_count,"
    " d.partition_id, NULL, NULL, NULL FROM ducklake_data_file d, numbers",
    "INSERT INTO ducklake_file_column_stats SELECT s.data_file_id + n, s.table_id, s.column_id,"
    " s.column_size_bytes, s.value_count, s.null_count, CASE s.column_id WHEN 2 THEN"
    " CAST(50000000 + n * 10 AS VARCHAR) ELSE s.min_value END, CASE s.column_id WHEN 2 THEN"
    " CAST(50000009 + n * 10 AS VARCHAR) ELSE s.max_value END, NULL, NULL FROM"
    " ducklake_file_column_stats s, numbers",
    "INSERT INTO ducklake_file_partition_value SELECT v.data_file_id + n, v.table_id,"
    " v.partition_key_index, v.partition_value FROM ducklake_file_partition_value v, numbers",
    "INSERT INTO ttp_commits SELECT c.commit_no + n, 50000000 + n * 10, 50000009 + n * 10, c.reason,"
    " c.schema_version, c.snapshot_id + n, c.file_count, c.row_count, c.size_bytes, 0, 0, 0, 0,"
    " 50000009 + n * 10, c.digest_chain, c.digest_contents, c.last_close_us - ({count} + 1 - n) *"
    " 3600000000, c.committed_us, NULL, NULL FROM ttp_commits c, numbers WHERE c.row_count > 0",
    "INSERT INTO ttp_commit_files SELECT f.data_file_id + n, f.commit_no + n, 'year=2014/' || n ||"
    " '_' || f.path, f.record_count, f.file_size_bytes, f.checksum, 50000000 + n * 10, 50000009 + n"
    " * 10 FROM ttp_commit_files f, numbers",
    "INSERT INTO ttp_coverage VALUES(50000010, 50000009 + {count} * 10)",
    "UPDATE ducklake_table_stats SET record_count = record_count * ({count} + 1), next_row_id ="
    " next_row_id * ({count} + 1), file_size_bytes = file_size_bytes * ({count} + 1)")
SQLITE = ("WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n <"
          " {count}) ")
POSTGRES = "WITH numbers(n) AS (SELECT * FROM generate_series(1, {count})) "


def statements(count, prefix):
    for text in INSERTS:
        yield (prefix if "numbers" in text else "").format(count=count) + text.format(count=count)


def fill(lake, place, count):
    if place:
        words = [word for text in statements(count, POSTGRES) for word in ("-c", text)]
        subprocess.run(["psql", "-q", "-X", "-v", "ON_ERROR_STOP=1", "-d",
                        place.removeprefix("postgres:"), *words, "-c", "ANALYZE"], check=True)
        return
    catalog = sqlite3.connect(lake / "_lake" / "catalog.sqlite")
    with catalog:
        for text in statements(count, SQLITE):
            catalog.execute(text)
    catalog.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    catalog.close()


class Source:
    """A server of the generated events, and of one ledger more, which ends the last one."""

    def __enter__(self):
        self.process = subprocess.Popen(
            [BINARY, "generate", "--seed", "7", "--first-ledger", str(FIRST), "--ledgers",
             str(COUNT + 1), "--start-time", "2026-01-05T00:00:00Z", "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.endpoint = self.process.stdout.readline().split("listening on ")[1].split()[0]
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def measured(*command):
    """Seconds by the clock and of CPU, and what a command printed that must end well."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    return (time.monotonic() - began,
            after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout)


def median(*command):
    rounds = [measured(*command)[:2] for _ in range(REPEATS)]
    return {"seconds": round(statistics.median(r[0] for r in rounds), 3),
            "cpu_seconds": round(statistics.median(r[1] for r in rounds), 3)}


def main():
    folder, count = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    place = sys.argv[3] if len(sys.argv) > 3 else ""
    lake = folder / "lake"
    options = ["--catalog", place] if place else []
    with Source() as source:
        run = [BINARY, "run", "--ttp-processor-endpoint", source.endpoint, "--output-path", lake,
               "--schema-version", "1.1.0", "--network", "pubnet", "--health-port", "0",
               "--metrics-port", "0", *options, FIRST, FIRST + COUNT - 1]
        if not folder.exists():
            folder.mkdir(parents=True)
            measured(*run)
            fill(lake, place, count)
        told = {"files": count,
                "status": median(BINARY, "status", "--output-path", lake),
                "run": median(*run)}
    where = place or f"sqlite:{lake}/_lake/catalog.sqlite"
    told["commits"] = json.loads(measured(BENCH, where, 200)[2])
    print(json.dumps(told))


if __name__ == "__main__":
    main()
