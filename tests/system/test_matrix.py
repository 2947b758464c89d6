# SPDX-License-Identifier: Apache-2.0
"""Every schema version × scheme × codec with all real events, every value of every column."""

import collections

import pytest

from harness import lake as reading
from harness import process, truth


@pytest.mark.campaign(every=5)
@pytest.mark.parametrize("codec", reading.CODECS)
@pytest.mark.parametrize("scheme", reading.SCHEMES)
@pytest.mark.parametrize("version", truth.SCHEMA_VERSIONS)
def test_lakes_hold_the_truth(tmp_path, servers, version, scheme, codec):
    # A server that is asked for a neighbour out of another recording stays silent: not for long.
    options = {"schema_version": version, "partitioning_scheme": scheme, "compression_codec": codec,
               "idle_timeout": "300ms"}
    pubnet, testnet = tmp_path / "pubnet", tmp_path / "testnet"
    for recording in truth.PUBNET:
        for first, last in recording.ranges:
            process.run(pubnet, servers[recording.name], first, last, network="pubnet", **options)
    process.run(testnet, servers[truth.TESTNET.name], truth.TESTNET.first, truth.TESTNET.last,
                network="testnet", **options)
    reading.compare_lake_with_truth(pubnet, truth.PUBNET, version, scheme, codec)
    reading.compare_lake_with_truth(testnet, [truth.TESTNET], version, scheme, codec)
    ranges = sorted(range_ for recording in truth.PUBNET for range_ in recording.ranges)
    assert reading.coverage(pubnet) == ranges
    reading.check_catalog(pubnet)


@pytest.mark.parametrize("version", truth.SCHEMA_VERSIONS)
@pytest.mark.parametrize("scheme", reading.SCHEMES)
def test_one_long_run_over_years_holds_the_truth(lake, servers, version, scheme):
    """One request over all recordings: partitions of ten years in one run, and ledgers that are
    missing from the stream stay covered as unconfirmed."""
    process.run(lake, servers["pubnet"], truth.EARLY.first, truth.PUBNET63.last,
                schema_version=version, partitioning_scheme=scheme)
    reading.compare_lake_with_truth(lake, truth.PUBNET, version, scheme)
    assert reading.coverage(lake) == [(truth.EARLY.first, truth.PUBNET63.last)]
    reading.check_catalog(lake)


@pytest.mark.parametrize("version", truth.SCHEMA_VERSIONS)
def test_datasets_over_the_bare_folder_skip_our_own_folder(lake, servers, version):
    process.run(lake, servers["pubnet"], truth.EARLY.first, truth.PUBNET63.last,
                schema_version=version)
    reading.compare_dataset_with_truth(lake, truth.PUBNET, version)


def test_pandas_reads_a_lake_whose_folders_repeat_a_column(lake, servers):
    """By date_hour_type, as docs/QUERYING.md says."""
    import pandas

    process.run(lake, servers[truth.TESTNET.name], truth.TESTNET.first, truth.TESTNET.last,
                schema_version="1.1.0", partitioning_scheme="date_hour_type")
    frame = pandas.read_parquet(lake, partitioning=None)
    expected = collections.Counter(row["event_type"] for row in truth.truth_rows([truth.TESTNET]))
    assert frame.event_type.value_counts().to_dict() == expected


def test_pandas_and_polars_read_the_bare_folder(lake, servers):
    import pandas
    import polars

    process.run(lake, servers["pubnet"], truth.EARLY.first, truth.PUBNET63.last,
                schema_version="1.1.0")
    expected = truth.expected_rows(truth.truth_rows(truth.PUBNET), "1.1.0")
    names = list(truth.COLUMNS_1_1_0)

    frame = pandas.read_parquet(lake, dtype_backend="pyarrow")
    assert len(frame) == len(expected)
    rows = list(zip(*(frame[name].tolist() for name in names)))
    got = [tuple(_plain(value, name) for value, name in zip(row, names)) for row in rows]
    reading.assert_same(got, expected, "pandas")

    frame = polars.read_parquet(f"{lake}/**/*.parquet", hive_partitioning=True)
    got = [tuple(_plain(value, name) for value, name in zip(row, names))
           for row in frame.select(names).iter_rows()]
    reading.assert_same(got, expected, "polars")


def _plain(value, name):
    """A pandas or polars value as truth.expected_row gives it."""
    import pandas

    if value is None or value is pandas.NA or value is pandas.NaT:
        return None
    if name == "timestamp":
        return int(pandas.Timestamp(value).timestamp()) * 1_000_000
    if name == "transaction_hash":
        return value.hex()
    return int(value) if name == "amount_decimal" else value


def test_filters_find_what_occurs_and_nothing_else(lake, servers):
    """Full scans never look at statistics, page indexes and bloom filters; filters do."""
    process.run(lake, servers["pubnet"], truth.EARLY.first, truth.PUBNET63.last,
                schema_version="1.1.0")
    rows = truth.truth_rows(truth.PUBNET)
    expected = truth.expected_rows(rows, "1.1.0")
    sample = rows[::97]
    glob = f"read_parquet('{lake}/**/*.parquet', hive_partitioning = true)"
    with reading.attached(lake) as connection:
        for source in ("lake.ttp_events", glob):
            for name in ("ledger_sequence", "source_account", "dest_account", "asset_code",
                         "asset_issuer", "amount", "memo", "contract_address", "event_index",
                         "transaction_index", "operation_index", "event_type", "memo_type"):
                position = truth.COLUMNS_1_1_0.index(name)
                values = {truth.expected_row(row, "1.1.0")[position] for row in sample} - {None}
                for value in sorted(values)[:6]:
                    got = connection.execute(f'SELECT count(*) FROM {source} WHERE "{name}" = ?',
                                             [value]).fetchone()[0]
                    assert got == sum(row[position] == value for row in expected), (name, value)
                    absent = value + "~" if isinstance(value, str) else 4_000_000_000
                    got = connection.execute(f'SELECT count(*) FROM {source} WHERE "{name}" = ?',
                                             [absent]).fetchone()[0]
                    assert got == 0, (name, absent)
            for row in sample[:8]:
                condition = f"transaction_hash = unhex('{row['transaction_hash']}')"
                got = connection.execute(f"SELECT count(*) FROM {source} WHERE {condition}")
                assert got.fetchone()[0] == sum(
                    other["transaction_hash"] == row["transaction_hash"] for other in rows)
                condition = f"timestamp = make_timestamptz({row['timestamp_us']})"
                got = connection.execute(f"SELECT count(*) FROM {source} WHERE {condition}")
                assert got.fetchone()[0] == sum(
                    other["timestamp_us"] == row["timestamp_us"] for other in rows)
                value = int(row["amount"])
                got = connection.execute(f"SELECT count(*) FROM {source} WHERE amount_decimal = ?"
                                         " AND amount_decimal <= ?", [value, value])
                assert got.fetchone()[0] == sum(int(other["amount"]) == value for other in rows)
