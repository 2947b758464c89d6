# SPDX-License-Identifier: Apache-2.0
"""The bytes of data files are the same from release to release where nothing is meant to change
them: tests/data/same_bytes.json holds a checksum of each lake that one stream makes. A change that
is meant makes it anew (`python tests/system/test_same_bytes.py` writes it) and says why."""

import hashlib
import json
import pathlib
import re
import sys
import tempfile

import pytest

from harness import lake as reading
from harness import process, truth

KEPT = pathlib.Path(__file__).resolve().parents[1] / "data" / "same_bytes.json"
PROFILES = ("compatible", "compact")
FIRST_LEDGER, LEDGERS = 50000000, 200
GENERATED = ("--seed", "11", "--first-ledger", FIRST_LEDGER, "--ledgers", LEDGERS,
             "--start-time", "2024-01-15T11:55:00Z")
# What moves the borders of pages, row groups, dictionaries and files, over more rows than a
# recording has.
SHAPES = {
    "default": {},
    "small_pages": {"page_size": "4096", "row_group_rows": "7000"},
    "small_batches": {"batch_size": "100"},
    "small_files": {"max_file_size": "262144"},
    "no_bloom_filters": {"bloom_filters": "false"},
}
# It stands in front of the writer's version, with the text's length as one byte.
WRITER = re.compile(rb".parquet-consumer version [^)]*\)", re.DOTALL)


def checksum(lake):
    """Of names and bytes of all data files, but for what is drawn or tells the build: the lake's
    id and created_by."""
    lake_id = json.loads((lake / "_lake" / "lake.json").read_text())["lake_id"].encode()
    total = hashlib.sha256()
    for path in sorted(reading.data_files(lake)):
        data = path.read_bytes()
        footer_bytes = int.from_bytes(data[-8:-4], "little") + 8
        body, footer = data[:-footer_bytes], data[-footer_bytes:-8]
        assert lake_id in footer and len(WRITER.findall(footer)) == 1, path
        footer = WRITER.sub(b"", footer.replace(lake_id, b""))
        total.update(f"{path.relative_to(lake)} {len(body)} {len(footer)}\n".encode())
        total.update(body)
        total.update(footer)
    return total.hexdigest()[:16]


def of_recording(lake, endpoint, version, profile, scheme, codec):
    process.run(lake, endpoint, truth.TESTNET.first, truth.TESTNET.last, network="testnet",
                schema_version=version, encoding_profile=profile, partitioning_scheme=scheme,
                compression_codec=codec)
    return checksum(lake)


def of_generated(lake, endpoint, version, profile, shape):
    process.run(lake, endpoint, FIRST_LEDGER, FIRST_LEDGER + LEDGERS - 1, network="testnet",
                schema_version=version, encoding_profile=profile, flush_interval="10m",
                **SHAPES[shape])
    return checksum(lake)


def make_generated(folder):
    events = folder / "generated.events"
    process.execute("generate", *GENERATED, "--out", events).expect(0)
    return events


COMBINED = [(version, profile) for version in truth.SCHEMA_VERSIONS for profile in PROFILES]


@pytest.fixture(scope="module")
def generated_server(tmp_path_factory):
    with process.Replay([make_generated(tmp_path_factory.mktemp("generated"))]) as server:
        yield server.endpoint


@pytest.fixture(scope="module")
def kept():
    return json.loads(KEPT.read_text())


@pytest.mark.campaign(every=3)
@pytest.mark.parametrize("scheme", reading.SCHEMES)
@pytest.mark.parametrize("version,profile", COMBINED)
def test_a_recording_becomes_the_same_bytes(tmp_path, servers, kept, version, profile, scheme):
    for codec in reading.CODECS:
        got = of_recording(tmp_path / codec, servers[truth.TESTNET.name], version, profile, scheme,
                           codec)
        assert got == kept[f"recording {version} {profile} {scheme} {codec}"], codec


@pytest.mark.campaign(every=3)
@pytest.mark.parametrize("version,profile", COMBINED)
def test_many_rows_become_the_same_bytes(tmp_path, generated_server, kept, version, profile):
    for shape in SHAPES:
        got = of_generated(tmp_path / shape, generated_server, version, profile, shape)
        assert got == kept[f"generated {version} {profile} {shape}"], shape


def write_anew():
    sums = {}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        with process.Replay([truth.TESTNET.events]) as recording, \
                process.Replay([make_generated(folder)]) as generated:
            for version, profile in COMBINED:
                for scheme in reading.SCHEMES:
                    for codec in reading.CODECS:
                        key = f"recording {version} {profile} {scheme} {codec}"
                        sums[key] = of_recording(folder / key, recording.endpoint, version, profile,
                                                 scheme, codec)
                for shape in SHAPES:
                    key = f"generated {version} {profile} {shape}"
                    sums[key] = of_generated(folder / key, generated.endpoint, version, profile,
                                             shape)
    KEPT.write_text(json.dumps(sums, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    sys.exit(write_anew())
