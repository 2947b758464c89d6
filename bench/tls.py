#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What TLS costs: the same events by TLS and in plaintext, in turn; CPU of the consumer alone.

    bench/tls.py [EVENTS] [ROUNDS]      default 400000 5
"""

import pathlib
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = ROOT / "bin" / "parquet-consumer"
CERTIFICATES = ROOT / "tests" / "data" / "tls"
FIRST = 50_000_000


def serve(events, *arguments):
    server = subprocess.Popen(
        [BINARY, "generate", "--seed", "7", "--first-ledger", str(FIRST), "--events", str(events),
         "--start-time", "2024-01-15T00:00:00Z", "--listen", "127.0.0.1:0", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return server, server.stdout.readline().split()[-1].replace("127.0.0.1", "localhost")


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(endpoint, folder, last, *arguments):
    lake = pathlib.Path(folder) / "lake"
    shutil.rmtree(lake, ignore_errors=True)
    before = cpu_seconds()
    done = subprocess.run(
        [BINARY, "run", str(FIRST), str(last), "--ttp-processor-endpoint", endpoint, "--output-path", lake,
         "--health-port", "0", "--metrics-port", "0", *arguments], capture_output=True, text=True, check=True)
    rows = int(re.search(r"([\d,]+) rows", done.stdout + done.stderr)[1].replace(",", ""))
    return cpu_seconds() - before, rows


def main():
    events, rounds = (int(text) for text in (sys.argv[1:] + ["400000", "5"][len(sys.argv) - 1:])[:2])
    last = FIRST + events // 1000
    plain_server, plain = serve(events)
    tls_server, tls = serve(events, "--tls-cert-file", CERTIFICATES / "server.pem", "--tls-key-file",
                            CERTIFICATES / "server.key")
    ratios = []
    try:
        with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
            for _ in range(rounds):
                without, rows = run(plain, folder, last)
                with_tls, same = run(tls, folder, last, "--tls", "true", "--tls-ca-file",
                                     CERTIFICATES / "authority.pem")
                assert rows == same
                ratios.append(with_tls / without)
                print(f"{rows} events: {without / rows * 1e6:.2f} us each, by TLS "
                      f"{with_tls / rows * 1e6:.2f} us: {ratios[-1]:.2f}")
    finally:
        for server in (plain_server, tls_server):
            server.terminate()
            server.wait()
    print(f"median {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
