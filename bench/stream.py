# SPDX-License-Identifier: Apache-2.0
"""Synthetic events of mainnet's shape, recorded once and served at full speed: what the benchmarks of
a whole run and tools/check-instructions fetch."""

import contextlib
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = ROOT / "bin" / "parquet-consumer"
FIRST = 61_000_000
START_TIME = "2026-01-05T00:00:00Z"
SEED = 7


class Stream:
    """A recording of at least `wanted` events in whole ledgers."""

    def __init__(self, folder, wanted, binary=BINARY):
        self.binary = binary
        self.path = folder / f"{wanted}.events"
        if not self.path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            made = self.path.with_suffix(".new")
            subprocess.run([binary, "generate", "--seed", str(SEED), "--first-ledger", str(FIRST),
                            "--events", str(wanted), "--start-time", START_TIME, "--out", made],
                           check=True, stdout=subprocess.DEVNULL)
            made.rename(self.path)
        self.last = FIRST + self._ledgers() - 1

    def _ledgers(self):
        """How many ledgers there are, by a look at the end: the last one's number is in each of its
        events, as field 1 of the first field."""
        with open(self.path, "rb") as file:
            file.seek(max(self.path.stat().st_size - 65536, 0))
            numbers = re.findall(rb"\x0a[\x40-\xff]\x01?\x08([\x80-\xff]{3}[\x01-\x7f])\x12",
                                 file.read())
        return max(sum((byte & 0x7f) << 7 * i for i, byte in enumerate(number))
                   for number in numbers) - FIRST + 1

    @contextlib.contextmanager
    def served(self):
        """A server of it on loopback; its port."""
        server = subprocess.Popen([self.binary, "replay", self.path, "--listen", "127.0.0.1:0"],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            yield int(server.stdout.readline().split("listening on ")[1].split(":")[1])
        finally:
            server.terminate()
            server.wait()

    def run_command(self, port, lake, schema_version, report, binary=None):
        """The program's command line that fetches all of it into a new lake."""
        return [binary or self.binary, "run", "--ttp-processor-endpoint", f"127.0.0.1:{port}",
                "--output-path", lake, "--schema-version", schema_version, "--network", "pubnet",
                "--health-port", "0", "--metrics-port", "0", "--report", report,
                str(FIRST), str(self.last)]
