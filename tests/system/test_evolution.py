# SPDX-License-Identifier: Apache-2.0
"""From schema 1.0.0 to 1.1.0: old files stay, new columns of old rows read as NULL."""

from harness import lake as reading
from harness import process, truth

RECORDING = truth.TESTNET
FIRST, LAST = RECORDING.first, RECORDING.last
CUT = FIRST + 80


def evolved_rows():
    """What a reader with schema 1.1.0 sees: '' stays '' in old rows, and new columns are NULL."""
    rows = []
    for row in truth.read_rows(RECORDING):
        if row["ledger_sequence"] < CUT:
            rows.append(truth.expected_row(row, "1.0.0") + (None,) * 6)
        else:
            rows.append(truth.expected_row(row, "1.1.0"))
    return rows


def test_a_lake_evolves_and_old_rows_stay(lake, servers):
    endpoint = servers[RECORDING.name]
    process.run(lake, endpoint, FIRST, CUT - 1)
    old = {path: path.read_bytes() for path in reading.data_files(lake)}
    process.run(lake, endpoint, CUT, LAST, schema_version="1.1.0")
    assert all(path.read_bytes() == content for path, content in old.items())
    reading.assert_same(reading.read_attached(lake, "1.1.0"), evolved_rows(), "DuckDB, ducklake")
    reading.assert_same(reading.read_glob(lake, "1.1.0", "date_hour"), evolved_rows(),
                        "DuckDB, read_parquet with union_by_name")
    reading.check_catalog(lake)
    assert reading.coverage(lake) == [(FIRST, LAST)]


def test_filters_on_new_columns_find_rows_of_both_versions(lake, servers):
    endpoint = servers[RECORDING.name]
    process.run(lake, endpoint, FIRST, CUT - 1)
    process.run(lake, endpoint, CUT, LAST, schema_version="1.1.0")
    expected = evolved_rows()
    position = {name: number for number, name in enumerate(truth.COLUMNS_1_1_0)}
    with reading.attached(lake) as connection:
        for condition, count in (
                ("event_index IS NULL", sum(row[position["event_index"]] is None
                                            for row in expected)),
                ("event_index = 0", sum(row[position["event_index"]] == 0 for row in expected)),
                ("event_index >= 1", sum((row[position["event_index"]] or 0) >= 1
                                         for row in expected)),
                ("dest_account = ''", sum(row[position["dest_account"]] == ""
                                          for row in expected)),
                ("dest_account IS NULL", sum(row[position["dest_account"]] is None
                                             for row in expected)),
                ("amount_decimal > 0", sum((row[position["amount_decimal"]] or 0) > 0
                                           for row in expected))):
            got = connection.execute(f"SELECT count(*) FROM lake.ttp_events WHERE {condition}")
            assert got.fetchone() == (count,), condition


def test_the_lake_before_evolution_stays_readable_as_of_then(lake, servers):
    endpoint = servers[RECORDING.name]
    process.run(lake, endpoint, FIRST, CUT - 1)
    (snapshot,), = reading.catalog_query(lake, "SELECT max(snapshot_id) FROM ducklake_snapshot")
    process.run(lake, endpoint, CUT, LAST, schema_version="1.1.0")
    with reading.attached(lake) as connection:
        names = [row[0] for row in connection.execute(
            f"DESCRIBE FROM lake.ttp_events AT (VERSION => {snapshot})").fetchall()]
        count = connection.execute(
            f"SELECT count(*) FROM lake.ttp_events AT (VERSION => {snapshot})").fetchone()
    assert tuple(names) == truth.COLUMNS_1_0_0
    assert count == (len(truth.truth_rows([RECORDING], FIRST, CUT - 1)),)


def test_evolution_that_is_not_enabled_is_refused(lake, servers):
    endpoint = servers[RECORDING.name]
    process.run(lake, endpoint, FIRST, CUT - 1)
    process.run(lake, endpoint, CUT, LAST, schema_version="1.1.0", enable_schema_evolution=False,
                status=2).says("enable_schema_evolution", r"1\.0\.0", r"1\.1\.0")
    assert reading.coverage(lake) == [(FIRST, CUT - 1)]


def test_going_back_is_always_refused(lake, servers):
    endpoint = servers[RECORDING.name]
    process.run(lake, endpoint, FIRST, CUT - 1, schema_version="1.1.0")
    process.run(lake, endpoint, CUT, LAST, schema_version="1.0.0", status=2).says(
        r"1\.0\.0", r"1\.1\.0")
    assert reading.coverage(lake) == [(FIRST, CUT - 1)]


def test_a_new_lake_of_1_0_0_says_what_it_leaves_out(lake, servers):
    process.run(lake, servers[RECORDING.name], FIRST, CUT - 1).says("event_index", r"1\.1\.0")
