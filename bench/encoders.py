# SPDX-License-Identifier: Apache-2.0
"""Our encoder beside the others: CPU of one thread and file size, on the same rows in one run.

    encoders.py --binary BIN_DIR --events FILE.events [--codecs none snappy zstd:1] [--rounds 5]

Each round runs every writer once, in turn, so that a machine that slows down slows all of them; the
tables show medians and the ratio of ours to each. Every file is read back by pyarrow and compared
with the input before its figures count. Prints Markdown.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile

import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).resolve().parent
PEERS = ["pyarrow", "parquet-rs", "polars", "duckdb"]


def cpu_model():
    for line in open("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout.splitlines()[-1])


class Bench:
    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.binary = pathlib.Path(options.binary) / "bench-encode"
        self.input = folder / "input.parquet"
        self.figures = {}
        run([self.binary, options.events, "--codec", "none", "--schema", options.schema,
             "--repeat", "1", "--out", self.input])
        self.table = pq.read_table(self.input)

    def ours(self, codec, level, profile, kind, row_group_rows=None):
        out = self.folder / f"ours-{profile}-{kind}-{codec}-{row_group_rows}.parquet"
        command = [self.binary, self.options.events, "--codec", codec, "--profile", profile,
                   "--schema", self.options.schema, "--threads", "1", "--repeat",
                   str(self.options.repeat), "--input", kind, "--out", out]
        if codec not in ("none", "snappy"):
            command += ["--level", str(level)]
        if row_group_rows is not None:
            command += ["--row-group-rows", str(row_group_rows)]
        return out, run(command)

    def peer(self, name, mode, codec, level):
        out = self.folder / f"{name}-{mode}-{codec}.parquet"
        return out, run([sys.executable, HERE / "peer.py", name, mode, codec, str(level),
                         self.input, out, str(self.options.repeat)])

    def check(self, out):
        """The file holds the same rows as the input (values, not types, which writers choose)."""
        table = pq.read_table(out)
        for name in self.table.column_names:
            got = table.column(name)
            want = self.table.column(name)
            if got.type != want.type:
                got = got.cast(want.type)
            if not got.combine_chunks().equals(want.combine_chunks()):
                raise RuntimeError(f"{out}: column {name} differs from the input")

    def measure(self, codec, level):
        jobs = {("ours", "compatible"): lambda: self.ours(codec, level, "compatible", "plain"),
                ("ours", "compact"): lambda: self.ours(codec, level, "compact", "plain"),
                ("ours", "dictionary input"):
                    lambda: self.ours(codec, level, "compatible", "dictionary")}
        for name in self.options.peers:
            for mode in ("default", "tuned"):
                jobs[(name, mode)] = lambda n=name, m=mode: self.peer(n, m, codec, level)
        runs = {key: [] for key in jobs}
        for round_number in range(self.options.rounds):
            for key, job in jobs.items():
                out, figures = job()
                runs[key].append(figures)
                if round_number == 0:
                    self.check(out)
        return runs

    def print_table(self, codec, level, runs):
        median = {key: statistics.median(f["cpu_seconds"] for f in figures)
                  for key, figures in runs.items()}
        base = median[("ours", "compatible")]
        size = {key: figures[-1]["file_bytes"] for key, figures in runs.items()}
        label = codec if codec in ("none", "snappy") else f"{codec} {level}"
        print(f"\n### {label}, {self.table.num_rows:,} rows\n")
        print("| writer | settings | CPU s | ours / it | file MB | ours / it | peak MiB |")
        print("|---|---|---|---|---|---|---|")
        for key in runs:
            peak = max(f["peak_rss_bytes"] for f in runs[key]) / 2**20
            print(f"| {key[0]} | {key[1]} | {median[key]:.3f} | {base / median[key]:.2f} | "
                  f"{size[key] / 1e6:.1f} | {size[('ours', 'compatible')] / size[key]:.2f} | "
                  f"{peak:.0f} |")
        print_ratios(median, size)


def print_ratios(median, size):
    """Ours over the best of the others: what docs/PERFORMANCE.md sets goals for."""
    compatible, compact = ("ours", "compatible"), ("ours", "compact")
    dictionary = ("ours", "dictionary input")
    others = [key for key in size if key[0] != "ours"]
    best = {mode: min(size[key] for key in others if key[1] == mode)
            for mode in ("default", "tuned")}
    arrow = min((median[key] for key in others if key[0] == "pyarrow"), default=float("nan"))
    rest = min((median[key] for key in others if key[0] != "pyarrow"), default=arrow)
    print(f"\nCPU: {median[compatible] / arrow:.2f} of Arrow C++, {median[compatible] / rest:.2f} "
          f"of the quickest other; dictionary input {median[dictionary] / median[compatible]:.2f} "
          f"of plain. Size, of the smallest with defaults and tuned: compatible "
          f"{size[compatible] / best['default']:.3f} and {size[compatible] / best['tuned']:.3f}, "
          f"compact {size[compact] / best['default']:.3f} and "
          f"{size[compact] / best['tuned']:.3f}.")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", default="bin")
    parser.add_argument("--events", required=True)
    parser.add_argument("--schema", default="1.1.0")
    parser.add_argument("--codecs", nargs="+", default=["none", "snappy", "zstd:1"])
    parser.add_argument("--peers", nargs="+", default=PEERS, choices=PEERS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeat", type=int, default=1)
    options = parser.parse_args()
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        bench = Bench(options, pathlib.Path(folder))
        print(f"CPU: {cpu_model()}; one thread each; medians of {options.rounds} rounds in turn; "
              f"schema {options.schema}; files on a memory file system.")
        for spec in options.codecs:
            codec, _, level = spec.partition(":")
            bench.print_table(codec, level or "1", bench.measure(codec, level or "1"))


if __name__ == "__main__":
    main()
