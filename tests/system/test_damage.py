# SPDX-License-Identifier: Apache-2.0
"""Every damage planted in a data file is found: a small census (damage_census.py takes larger ones)."""

import damage_census


def test_damage_in_every_region_of_a_file_is_found(tmp_path):
    count = damage_census.census(
        tmp_path, lakes=[("compatible", "snappy"), ("compact", "zstd")], places=1, seed=2)
    regions = {region for region, _ in count}
    assert {"leading magic", "dictionary page", "data page header", "column index", "offset index",
            "Bloom filter bits", "footer", "trailing magic"} <= regions
    assert {kind for _, kind in count} == set(damage_census.KINDS)
    assert damage_census.missed(count) == []
