# SPDX-License-Identifier: Apache-2.0
"""memory_limit holds whatever the texts of the events: a few cases of memory_matrix.py, each with
several times as many bytes of events as the limit."""

import pytest

import memory_matrix
from memory_matrix import Case

MEBIBYTES = 128


@pytest.mark.campaign(every=2)
@pytest.mark.parametrize("case", [
    Case(4096, per_ledger=100, limit_mib=64),
    Case(65536, distinct=0.5, per_ledger=6, scheme="date_hour_type"),
    Case(4_000_000),
    Case(65536, per_ledger=480),
], ids=str)
def test_a_run_stays_within_memory_limit_and_32_mib(case, tmp_path):
    peak = memory_matrix.measure(case, tmp_path, MEBIBYTES * memory_matrix.MIB)
    assert peak > 8 * memory_matrix.MIB, "it was measured"
    assert peak <= case.limit_mib * memory_matrix.MIB + memory_matrix.ALLOWANCE_BYTES
