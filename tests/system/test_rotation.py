# SPDX-License-Identifier: Apache-2.0
"""When files are cut: by size, by age, by partition; always at a ledger's end, the reason
recorded. On generated ledgers, of which there are enough."""

import collections
import time

import pyarrow.parquet
import pytest

from harness import lake as reading
from harness import process

FIRST = 1000
LEDGERS = 250   # some 600 events each, five seconds apart
# The first hour ends within the first file, before its size can cut it there.
START = "2024-01-15T10:59:30Z"
LATER = FIRST + 10   # within the second hour


@pytest.fixture(scope="module")
def volume(tmp_path_factory):
    """A recording of generated ledgers."""
    path = tmp_path_factory.mktemp("volume") / "volume.events"
    process.execute("generate", "--seed", 7, "--first-ledger", FIRST, "--ledgers", LEDGERS,
                    "--start-time", START, "--out", path).expect(0)
    return path


def reasons(lake):
    rows = reading.catalog_query(lake, "SELECT reason FROM ttp_commits ORDER BY commit_no")
    return [reason for reason, in rows]


def overshoot(path, limit):
    """The bytes of a file beyond `limit` and 10% and its last ledger (by its share of rows)."""
    table = pyarrow.parquet.read_table(path, columns=["ledger_sequence"])
    ledgers = collections.Counter(table.column(0).to_pylist())
    size = path.stat().st_size
    last = size * ledgers[max(ledgers)] / table.num_rows
    return size - 1.1 * limit - last


@pytest.mark.parametrize("options", [
    {"batch_size": 1000}, {"batch_size": 1000000, "flush_interval": "1h"},
    {"compression_codec": "none", "batch_size": 50000},
    {"compression_codec": "zstd", "schema_version": "1.0.0", "batch_size": 50000},
    {"partitioning_scheme": "date_hour_type", "batch_size": 50000}])
def test_a_file_is_at_most_a_ledger_and_a_tenth_too_large(lake, volume, processes, options):
    limit = 512 * 1024
    server = processes(process.Replay([volume]))
    process.run(lake, server.endpoint, FIRST, FIRST + LEDGERS - 1,
                **{"schema_version": "1.1.0", "max_file_size": limit, **options})
    files = reading.data_files(lake)
    assert all(overshoot(path, limit) <= 0 for path in files), \
        [(path.name, path.stat().st_size) for path in files]
    cuts = collections.Counter(reasons(lake))
    assert cuts["size"] >= 3 and cuts["partition"] >= 1, cuts
    # Cut by its size, a commit has a file of about that size.
    sizes = collections.defaultdict(int)
    for path in files:
        metadata = pyarrow.parquet.read_metadata(path).metadata
        number = int(metadata[b"ttp.commit_no"])
        sizes[number] = max(sizes[number], path.stat().st_size)
    assert all(sizes[number] >= 0.6 * limit
               for number, reason in enumerate(reasons(lake), 1) if reason == "size"), sizes
    assert reading.coverage(lake) == [(FIRST, FIRST + LEDGERS - 1)]


def test_open_files_are_published_when_they_are_old_enough(lake, volume, processes):
    server = processes(process.Replay([volume], "--live", "--pace", "50ms"))
    run = processes(process.run_background(lake, server.endpoint, LATER, 0, max_file_age="1s"))
    run.wait_for(lambda: len(reading.data_files(lake)) >= 2, "two files", 30)
    time.sleep(0.2)
    run.stop(limit=10).expect(0)
    assert set(reasons(lake)[:2]) == {"age"}, reasons(lake)
