#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a lake on PostgreSQL and S3 costs beside one in a folder, and what it asks of the store.

    bench/places.py FOLDER [LEDGERS [PAIRS]]       default 2400 (1.5 million events), 5 pairs

Runs the same generated events into a new lake in a folder with SQLite and into one on the scripted
S3 server of the tests with a fresh PostgreSQL, in turn, and compares the CPU that our process took
(`cpu_us` of --report; servers are not counted). Then counts the requests a commit of one file makes.
"""

import collections
import json
import pathlib
import shutil
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "system"))

from harness import postgres, process  # noqa: E402
from harness.fake_s3 import FakeS3  # noqa: E402

FIRST = 61000000
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "testsecret"}


def run(folder, endpoint, lake, ledgers, *options):
    report = folder / "report.json"
    process.execute("run", "--ttp-processor-endpoint", endpoint, "--output-path", lake,
                    "--schema-version", "1.1.0", "--network", "pubnet", "--health-port", "0",
                    "--metrics-port", "0", "--report", report, *options, FIRST,
                    FIRST + ledgers - 1, limit=3600, env=process.environment(**KEYS)).expect(0)
    return json.loads(report.read_text())


class Places:
    def __init__(self, folder, endpoint, store, server):
        self.folder, self.endpoint, self.store, self.server = folder, endpoint, store, server

    def in_folder(self, ledgers):
        lake = self.folder / "lake"
        shutil.rmtree(lake, ignore_errors=True)
        return run(self.folder, self.endpoint, lake, ledgers)

    def in_cluster(self, ledgers, *options):
        self.store.objects.clear()
        self.store.requests.clear()
        self.server.sql("DROP DATABASE IF EXISTS lake WITH (FORCE)", database="postgres")
        self.server.make_database()
        return run(self.folder, self.endpoint, "s3://bucket/lake", ledgers, "--catalog",
                   self.server.location(), "--s3-endpoint", self.store.endpoint, "--s3-path-style",
                   "true", "--staging-path", self.folder / "staging", *options)


def kind(request):
    """A GET of a folder's names is a LIST; one of a range of bytes is told apart."""
    if request.command == "GET" and "list-type" in request.query:
        return "LIST"
    return request.command + (" of a range" if "range" in request.headers else "")


def count_requests(places, store):
    """Of a run with some files more than another's, by file."""
    counts, files = [], []
    for ledgers in (20, 60):
        places.in_cluster(ledgers, "--batch-size", "1", "--max-file-size", "20KiB")
        counts.append(collections.Counter(kind(request) for request in store.requests))
        files.append(len([key for key in store.objects if key.endswith(".parquet")]))
    more = files[1] - files[0]
    print(f"requests of a run of {files[0]} files: {dict(counts[0])}; for each file more:",
          {name: round((counts[1][name] - counts[0][name]) / more, 2) for name in counts[1]})


def main():
    folder = pathlib.Path(sys.argv[1])
    ledgers = int(sys.argv[2]) if len(sys.argv) > 2 else 2400
    pairs = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    folder.mkdir(parents=True)
    folder.chmod(0o711)
    source = subprocess.Popen(
        [process.BINARY, "generate", "--seed", "7", "--first-ledger", str(FIRST), "--ledgers",
         str(ledgers + 1), "--start-time", "2026-01-05T00:00:00Z", "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        endpoint = source.stdout.readline().split("listening on ")[1].split()[0]
        with FakeS3() as store, postgres.Server(folder / "cluster") as server:
            places = Places(folder, endpoint, store, server)
            ratios = []
            for _ in range(pairs):
                one, other = places.in_folder(ledgers), places.in_cluster(ledgers)
                ratios.append(other["cpu_us"] / one["cpu_us"])
                print(f"rows {one['rows']:,}: folder and SQLite {one['cpu_us'] / one['rows']:.3f} us"
                      f" a row, S3 and PostgreSQL {other['cpu_us'] / other['rows']:.3f}, ratio"
                      f" {ratios[-1]:.3f}", flush=True)
            print(f"median {statistics.median(ratios):.3f}")
            count_requests(places, store)
    finally:
        source.terminate()
        source.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
