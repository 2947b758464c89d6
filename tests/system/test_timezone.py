# SPDX-License-Identifier: Apache-2.0
"""Paths and rows are UTC's wherever the program runs and wherever they are read."""

import pytest

from harness import lake as reading
from harness import process, truth

# The rule itself, as a minimal system has no zone files.
ZONE = "EST5EDT,M3.2.0,M11.1.0"


@pytest.mark.parametrize("scheme", reading.SCHEMES)
def test_a_run_in_new_york_makes_the_same_lake(tmp_path, servers, scheme):
    lakes = []
    for zone in ("UTC", ZONE):
        lake = tmp_path / ("utc" if zone == "UTC" else "new-york")
        process.run(lake, servers["pubnet"], truth.EARLY.first, truth.PUBNET63.last,
                    partitioning_scheme=scheme, schema_version="1.1.0",
                    env=process.environment(TZ=zone))
        lakes.append([path.relative_to(lake).as_posix() for path in reading.data_files(lake)])
        reading.compare_lake_with_truth(lake, truth.PUBNET, "1.1.0", scheme)
    assert lakes[0] == lakes[1]


def test_a_reader_in_new_york_sees_the_same_rows(lake, servers):
    process.run(lake, servers["pubnet"], truth.EARLY.first, truth.PUBNET63.last,
                schema_version="1.1.0")
    expected = truth.expected_rows(truth.truth_rows(truth.PUBNET), "1.1.0")
    got = reading.read_attached(lake, "1.1.0", zone="America/New_York")
    reading.assert_same(got, expected, "DuckDB in New York")
