#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How much memory a run takes, over sizes of texts, shares of distinct texts, codecs, schemes and a
slow disk, beside what memory_limit says. Each case is a recording made here, served on loopback.

    .venv/bin/python tests/system/memory_matrix.py [--mebibytes N] [--only WORD]

prints the table of docs/RELIABILITY.md and exits 1 if a run took more than memory_limit and 32 MiB.
"""

import argparse
import dataclasses
import os
import pathlib
import random
import shutil
import sys
import tempfile
import time

from harness import process
from harness.stock_grpc import varint

MIB = 1024 * 1024
ALLOWANCE_BYTES = 32 * MIB
FIRST = 1000
ACCOUNT = b"GAAZI4TCR3TY5OJHCTJC2A4QSY6CJWJH5IAJTGKIN2ER7LBNVKOCCWN7"
# strace makes each write and sync of the process wait: a disk of some 20 operations a second.
SLOW_DISK = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=write,pwrite64,fsync,fdatasync",
             "-e", "inject=write,pwrite64,fsync,fdatasync:delay_enter=50000")


@dataclasses.dataclass(frozen=True)
class Case:
    text_bytes: int
    distinct: float = 1.0  # share of the texts that are new
    per_ledger: int = 1
    codec: str = "snappy"
    level: int = 1
    scheme: str = "date_hour"
    limit_mib: int = 96
    slow_disk: bool = False
    options: tuple = ()

    def __str__(self):
        size = f"{self.text_bytes} B" if self.text_bytes < 1024 else f"{self.text_bytes // 1024} KiB"
        return (f"{size} | {self.distinct:.0%} | {self.per_ledger} | {self.codec} {self.level} |"
                f" {self.scheme} | {'slow' if self.slow_disk else 'quick'} | {self.limit_mib}")


def cases():
    for size in (8, 256, 4096, 65536, 1_000_000, 4_000_000):
        per_ledger = max(1, min(400, 400_000 // size))
        yield Case(size, per_ledger=per_ledger)
        yield Case(size, distinct=0.02, per_ledger=per_ledger)
    for limit in (64, 192):
        yield Case(4096, per_ledger=100, limit_mib=limit)
        yield Case(4_000_000, limit_mib=limit)
    for codec, level in (("none", 1), ("gzip", 9), ("lz4", 12), ("zstd", 1), ("zstd", 22),
                         ("brotli", 11)):
        yield Case(4096, per_ledger=100, codec=codec, level=level)
        yield Case(4_000_000, codec=codec, level=level)
    yield Case(4096, per_ledger=100, scheme="date_hour_type")
    yield Case(1_000_000, scheme="simple")
    yield Case(65536, per_ledger=6, slow_disk=True)
    yield Case(4_000_000, slow_disk=True)
    # A ledger of nearly a third of the limit.
    yield Case(65536, per_ledger=480)


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def event(ledger, index, memo):
    meta = (field(1, ledger) + field(2, field(1, 1705320000 + ledger)) +
            field(3, b"%064x" % (ledger * 1000 + index)) + field(4, index + 1) +
            field(7, field(1, memo)))
    transfer = (field(1, ACCOUNT) + field(2, ACCOUNT) + field(3, field(1, 1)) +
                field(4, b"%d" % (index + 1)))
    return field(1, meta) + field(2, transfer)


def record(path, case, total_bytes):
    """Writes a recording of about so many bytes; its last ledger."""
    source = random.Random(7)
    texts, written, ledger = [], 0, FIRST
    with open(path, "wb") as file:
        while written < total_bytes:
            for index in range(case.per_ledger):
                if not texts or source.random() < case.distinct:
                    text = source.randbytes(case.text_bytes // 2 or 1).hex().encode()
                    if len(texts) < 64:
                        texts.append(text)
                else:
                    text = source.choice(texts)
                message = event(ledger, index, text[:case.text_bytes])
                written += file.write(varint(len(message)) + message)
            ledger += 1
    return ledger - 1


def measure(case, folder, total_bytes, limit_seconds=300):
    """Runs a case to its end; the peak in bytes."""
    recording = folder / "memory.events"
    last = record(recording, case, total_bytes)
    lake = folder / "lake"
    with process.Replay([recording]) as server:
        arguments = process.run_arguments(
            lake, server.endpoint, FIRST, last, schema_version="1.1.0",
            memory_limit=f"{case.limit_mib}MiB", compression_codec=case.codec,
            compression_level=case.level, partitioning_scheme=case.scheme)
        command = [*SLOW_DISK, process.BINARY] if case.slow_disk else [process.BINARY]
        command += [*arguments, *case.options]
        with process.Background(*command[1:], binary=command[0]) as run:
            peak, until = 0, time.monotonic() + limit_seconds
            while run.running:
                assert time.monotonic() < until, f"{case}: not done in {limit_seconds} s"
                pid = process.child_of(run.process.pid) if case.slow_disk else run.process.pid
                peak = max(peak, process.peak_memory_bytes(pid)) if pid is not None else peak
                time.sleep(0.005)
            run.finished().expect(0)
    shutil.rmtree(lake)
    os.unlink(recording)
    return peak


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mebibytes", type=int, default=128, help="of events in each case")
    parser.add_argument("--only", default="", help="cases whose line has this word")
    options = parser.parse_args()
    beyond = 0
    print("| text | distinct | events a ledger | codec | scheme | disk | memory_limit, MiB |"
          " peak, MiB |\n|---|---|---|---|---|---|---|---|")
    for case in cases():
        if options.only not in str(case):
            continue
        with tempfile.TemporaryDirectory(prefix="ttp-memory-") as folder:
            peak = measure(case, pathlib.Path(folder), options.mebibytes * MIB)
        too_much = peak > case.limit_mib * MIB + ALLOWANCE_BYTES
        beyond += too_much
        print(f"| {case} | {peak / MIB:.0f}{' **too much**' if too_much else ''} |", flush=True)
    return 1 if beyond else 0


if __name__ == "__main__":
    sys.exit(main())
