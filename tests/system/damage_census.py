#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How many of the damages planted in data files `verify` and `verify --deep` find:

    .venv/bin/python tests/system/damage_census.py [--places N] [--seed S]

Lakes of both encoding profiles and several codecs are damaged file by file, one damage a file: in
every region of a file, in every way, at N places. A damage is found if the report names its file as
damaged or truncated. Beside the commands as they are, both are asked about a lake whose catalog has no
checksums of files, as for files that DuckDB wrote: what the file's own structure tells.
Prints a table; exit 1 where a damage was missed that must be found."""

import argparse
import collections
import json
import pathlib
import random
import shutil
import sqlite3
import sys
import tempfile

from harness import process, regions

LAKES = [(profile, codec) for profile in ("compatible", "compact")
         for codec in ("none", "snappy", "gzip", "lz4", "zstd", "brotli")]
FILES = 24
FIRST = 60000000

Case = collections.namedtuple("Case", "region kind path")


# ---- kinds of damage: each takes a file's bytes, the region and a place in it, and gives other bytes,
# or None where it can't be done there -------------------------------------------------------------

def flip_bit(data, _, at, rng):
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1:]


def other_byte(data, _, at, rng):
    return data[:at] + bytes([(data[at] + rng.randrange(1, 256)) % 256]) + data[at + 1:]


def zero_block(data, _, at, __):
    """A block of 512 bytes of the disk that was never written."""
    start = at // 512 * 512
    return data[:start] + bytes(len(data[start:start + 512])) + data[start + 512:]


def truncate(data, _, at, __):
    return data[:at]


def append(data, _, __, rng):
    return data + rng.randbytes(rng.randrange(1, 600))


def insert(data, _, at, rng):
    return data[:at] + rng.randbytes(1) + data[at:]


def remove(data, _, at, __):
    return data[:at] + data[at + 1:]


def swap_regions(data, region, _, rng):
    """Exchanges it with another one of the same name: a page that lies where another belongs."""
    others = [other for other in regions.regions(data)
              if other.name == region.name and other.start != region.start]
    if not others:
        return None
    first, second = sorted((region, rng.choice(others)), key=lambda one: one.start)
    return (data[:first.start] + data[second.start:second.end] + data[first.end:second.start] +
            data[first.start:first.end] + data[second.end:])


KINDS = {"a bit flipped": flip_bit, "another byte": other_byte, "512 bytes zeroed": zero_block,
         "cut off": truncate, "bytes appended": append, "a byte inserted": insert,
         "a byte removed": remove, "swapped with another": swap_regions}


# ---- lakes ---------------------------------------------------------------------------------------

def make_lake(lake, profile, codec):
    """FILES files, each the only one of its commit."""
    with process.Background(
            "generate", "--seed", 3, "--first-ledger", FIRST, "--ledgers", FILES, "--start-time",
            "2026-01-05T12:00:00Z", "--listen", "127.0.0.1:0") as server:
        server.wait_for_text(r"listening on \S+:\d+\n")
        process.run(lake, server.stdout.split()[-1], FIRST, FIRST + FILES - 1,
                    schema_version="1.1.0", encoding_profile=profile, compression_codec=codec,
                    max_file_size="1KiB", batch_size=1, page_size="16KiB")


def forget_checksums(lake):
    """As for files that DuckDB merged: the catalog knows no checksum of them."""
    with sqlite3.connect(lake / "_lake" / "catalog.sqlite") as connection:
        connection.execute("UPDATE ttp_commit_files SET checksum = '0000000000000000'")
    connection.close()


def blamed(lake, *arguments):
    """The files that verify names, by their paths in the lake."""
    finished = process.execute("verify", "--output-path", lake, "--json", *arguments)
    report = json.loads(finished.stdout)
    finished.expect(3 if report["problems"] else 0)
    return {problem["path"] for problem in report["problems"]}


QUESTIONS = {"verify": (), "verify --deep": ("--deep",)}


# ---- the census ----------------------------------------------------------------------------------

def damage(path, name, kind, rng):
    """Damages a file in a region of that name; false where it can't be done."""
    data = path.read_bytes()
    places = [region for region in regions.regions(data) if region.name == name]
    if not places:
        return False
    region = rng.choice(places)
    changed = KINDS[kind](data, region, rng.randrange(region.start, region.end), rng)
    if changed is None or changed == data:
        return False
    path.write_bytes(changed)
    return True


def cases_of(lake, places):
    names = list(dict.fromkeys(
        region.name for path in sorted(lake.rglob("*.parquet"))[:1]
        for region in regions.regions(path.read_bytes())))
    return [(name, kind) for name in names for kind in KINDS for _ in range(places)]


def judge(pristine, planted, count):
    """Asks about a damaged lake, and counts what is found."""
    for name, arguments in QUESTIONS.items():
        count_found(count, name, planted, blamed(pristine, *arguments))
    forget_checksums(pristine)
    for name, arguments in QUESTIONS.items():
        count_found(count, f"{name}, no checksum", planted, blamed(pristine, *arguments))


def count_found(count, question, planted, named):
    paths = {case.path for case in planted}
    assert named <= paths, f"{question} blames whole files: {sorted(named - paths)}"
    for case in planted:
        count[case.region, case.kind][question].append(case.path in named)


def census_of(folder, profile, codec, places, rng, count):
    """Plants and counts in one kind of lake; a round damages every file of a fresh copy once."""
    made = folder / f"{profile}-{codec}"
    make_lake(made, profile, codec)
    wanted = collections.deque(cases_of(made, places))
    while wanted:
        lake = pathlib.Path(shutil.copytree(made, folder / "damaged"))
        planted = []
        for path in sorted(lake.rglob("*.parquet")):
            if wanted:
                name, kind = wanted.popleft()
                if damage(path, name, kind, rng):
                    planted.append(Case(name, kind, str(path.relative_to(lake))))
        judge(lake, planted, count)
        shutil.rmtree(lake)
    shutil.rmtree(made)


def census(folder, lakes=LAKES, places=1, seed=1):
    """{(region, kind): {question: [found, …]}}"""
    rng = random.Random(seed)
    count = collections.defaultdict(lambda: collections.defaultdict(list))
    for profile, codec in lakes:
        census_of(pathlib.Path(folder), profile, codec, places, rng, count)
    return count


def missed(count):
    """What must be found and was not: everything, where the catalog has the checksum."""
    return [(*case, question) for case, answers in count.items() for question in QUESTIONS
            if not all(answers[question])]


def print_table(count, by):
    questions = [*QUESTIONS, *(f"{name}, no checksum" for name in QUESTIONS)]
    sums = collections.defaultdict(lambda: collections.defaultdict(list))
    for case, answers in count.items():
        for question, found in answers.items():
            sums[case[by]][question] += found
            sums["all"][question] += found
    print(f"| {('region', 'damage')[by]} | planted | {' | '.join(questions)} |")
    print("|---" * (2 + len(questions)) + "|")
    for name in [name for name in sums if name != "all"] + ["all"]:
        answers = sums[name]
        cells = [str(sum(answers[question])) for question in questions]
        print(f"| {name} | {len(answers[questions[0]])} | {' | '.join(cells)} |")
    print()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--places", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="damage-census-") as folder:
        count = census(folder, places=arguments.places, seed=arguments.seed)
    print_table(count, 0)
    print_table(count, 1)
    for case in missed(count):
        print("missed:", *case, sep=" ", file=sys.stderr)
    sys.exit(1 if missed(count) else 0)


if __name__ == "__main__":
    main()
