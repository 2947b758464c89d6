# SPDX-License-Identifier: Apache-2.0
"""Reading our files beside the same rows as others wrote them: full scans and lookups.

    queries.py --binary BIN_DIR --events FILE.events [--codec snappy] [--rounds 7]

Each round asks every file in turn, one thread, files in memory; CPU seconds, medians. A lookup asks
for a value that occurs (the median over several values) and its answer is compared between files.
"""

import argparse
import os
import pathlib
import random
import statistics
import tempfile
import time

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from encoders import PEERS, Bench, cpu_model

LOOKUPS = 5
ABSENT_ACCOUNT = "G" + "A" * 55


def duckdb_scan(connection, path):
    columns = ", ".join(f"count(\"{c}\"), max(\"{c}\")" for c in pq.read_schema(path).names)
    return connection.execute(f"SELECT {columns} FROM read_parquet('{path}')").fetchall()


def pyarrow_scan(_, path):
    return pq.read_table(path, use_threads=False).num_rows


def lookup(column, value):
    def ask(connection, path):
        return connection.execute(
            f"SELECT count(*), max(ledger_sequence) FROM read_parquet('{path}') WHERE {column} = ?",
            [value]).fetchall()
    return ask


def timed(question, connection, path):
    started = time.process_time()
    answer = question(connection, path)
    return time.process_time() - started, answer


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", default="bin")
    parser.add_argument("--events", required=True)
    parser.add_argument("--schema", default="1.1.0")
    parser.add_argument("--codec", default="snappy")
    parser.add_argument("--level", default="1")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--row-group-rows", nargs="*", type=int, default=[122880, 250000, 500000],
                        help="also ask files of ours with row groups of so many rows")
    options = parser.parse_args()
    options.repeat = 1
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    pa.set_cpu_count(1)
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        bench = Bench(options, pathlib.Path(folder))
        files = {f"ours {profile}": bench.ours(options.codec, options.level, profile, "plain")[0]
                 for profile in ("compatible", "compact")}
        for rows in options.row_group_rows:
            files[f"ours, row groups of {rows:,}"] = bench.ours(
                options.codec, options.level, "compatible", "plain", rows)[0]
        for name in PEERS:
            for mode in ("default", "tuned"):
                files[f"{name} {mode}"] = bench.peer(name, mode, options.codec, options.level)[0]
        connection = duckdb.connect()
        connection.execute("SET threads = 1; SET TimeZone = 'UTC'")
        choice = random.Random(1)
        rows = [choice.randrange(bench.table.num_rows) for _ in range(LOOKUPS)]
        questions = {"DuckDB full scan": [duckdb_scan], "pyarrow full scan": [pyarrow_scan]}
        for title, column in (("DuckDB one account", "source_account"),
                              ("DuckDB one hash", "transaction_hash")):
            values = [bench.table.column(column)[row].as_py() for row in rows]
            questions[title] = [lookup(column, v) for v in values if v]
        questions["DuckDB an account that is not there"] = [
            lookup("source_account", ABSENT_ACCOUNT)]
        questions["DuckDB a hash that is not there"] = [
            lookup("transaction_hash", choice.randbytes(32)) for _ in range(LOOKUPS)]
        print(f"CPU: {cpu_model()}; {bench.table.num_rows:,} rows, {options.codec}; one thread; CPU "
              f"milliseconds, medians of {options.rounds} rounds in turn.\n")
        print("| file | MB | " + " | ".join(questions) + " |")
        print("|---|---|" + "---|" * len(questions))
        medians = {}
        for title, asked in questions.items():
            times = {name: [] for name in files}
            answers = {}
            for round_number in range(options.rounds + 1):
                for name, path in files.items():
                    for number, question in enumerate(asked):
                        seconds, answer = timed(question, connection, path)
                        if round_number > 0:
                            times[name].append(seconds)
                        if answers.setdefault(number, answer) != answer:
                            raise RuntimeError(f"{name}: {title}: another answer: {answer}")
            for name in files:
                medians[(name, title)] = statistics.median(times[name]) * 1000
        for name in files:
            print(f"| {name} | {os.path.getsize(files[name]) / 1e6:.1f} | " + " | ".join(f"{medians[(name, t)]:.1f}" for t in questions) + " |")
        best = {t: min(medians[(n, t)] for n in files if not n.startswith("ours"))
                for t in questions}
        print("| ours compatible / best other | | " + " | ".join(
            f"{medians[('ours compatible', t)] / best[t]:.2f}" for t in questions) + " |")


if __name__ == "__main__":
    main()
