# SPDX-License-Identifier: Apache-2.0
"""The comparisons of harness/lake.py on lakes made by pyarrow and DuckDB: a right lake passes, each
kind of wrong one is noticed."""

import decimal
import os
import pathlib
import subprocess
import sys

import pyarrow
import pyarrow.parquet
import pytest

from harness import lake as reading
from harness import process, truth

pytestmark = pytest.mark.no_binary


def arrow_schema(version):
    fields = []
    for number, name in enumerate(truth.COLUMNS[version], 1):
        fields.append(pyarrow.field(name, reading.ARROW_TYPES[name],
                                    nullable=name not in reading.REQUIRED[version],
                                    metadata={"PARQUET:field_id": str(number)}))
    return pyarrow.schema(fields)


def arrow_table(rows, version):
    schema = arrow_schema(version)
    columns = list(zip(*truth.expected_rows(rows, version)))
    arrays = []
    for field, values in zip(schema, columns):
        if field.name == "transaction_hash":
            values = [bytes.fromhex(value) for value in values]
        elif field.name == "amount_decimal":
            values = [None if value is None else decimal.Decimal(value) for value in values]
        arrays.append(pyarrow.array(values, field.type))
    return pyarrow.Table.from_arrays(arrays, schema=schema)


def write_file(path, rows, version):
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(arrow_table(rows, version), path, write_page_checksum=True,
                                store_schema=False)


def write_lake(lake, rows, version, scheme):
    """Files of `rows`, one per partition, and a catalog by DuckDB that knows them."""
    groups = {}
    for row in rows:
        day = truth.partition_directory(row, "date")
        groups.setdefault((truth.partition_directory(row, scheme), day), []).append(row)
    for (folder, day), members in groups.items():
        date = "-".join(part.split("=")[1] for part in day.split("/"))
        hour = folder.partition("hour=")[2][:2]
        name = date + (f"T{hour}" if hour else "")
        name += f"_{members[0]['event_type']}" if "event_type=" in folder else ""
        seconds = members[0]["timestamp_us"] // 1_000_000
        write_file(lake / folder / f"ttp_events_{name}_{seconds}.parquet", members, version)
    (lake / "_lake").mkdir(parents=True)
    with reading.duckdb_connection() as connection:
        connection.execute(f"ATTACH 'ducklake:sqlite:{reading.catalog_path(lake)}' AS lake"
                           f" (DATA_PATH '{lake}/')")
        example = reading.data_files(lake)[0]
        connection.execute(f"CREATE TABLE lake.ttp_events AS FROM read_parquet('{example}',"
                           " hive_partitioning = false) LIMIT 0")
        connection.execute("BEGIN")
        for path in reading.data_files(lake):
            connection.execute("CALL ducklake_add_data_files('lake', 'ttp_events',"
                               f" '{path}', hive_partitioning => false)")
        connection.execute("COMMIT")
    # DuckDB merges the bounds of blobs as escaped text, which is not their order.
    for table in ("file", "table"):
        reading.catalog_execute(lake, f"UPDATE ducklake_{table}_column_stats SET min_value = NULL,"
                             " max_value = NULL WHERE column_id = 3")


def compare(lake, rows, version, scheme):
    """The comparison without the footer's provenance, which pyarrow's files do not have."""
    expected = truth.expected_rows(rows, version)
    got = []
    for path in reading.data_files(lake):
        table = pyarrow.parquet.ParquetFile(path, page_checksum_verification=True).read()
        reading.check_file_place(lake, path, table, scheme)
        got += reading.rows_of_table(table, version)
    reading.assert_same(got, expected, "pyarrow, file by file")
    reading.assert_same(reading.read_glob(lake, version, scheme), expected, "DuckDB, read_parquet")
    reading.assert_same(reading.read_attached(lake, version), expected, "DuckDB, ducklake")


@pytest.mark.campaign(every=3)
@pytest.mark.parametrize("version", truth.SCHEMA_VERSIONS)
@pytest.mark.parametrize("scheme", reading.SCHEMES)
def test_a_right_lake_passes(lake, version, scheme):
    rows = truth.truth_rows(truth.PUBNET)
    write_lake(lake, rows, version, scheme)
    compare(lake, rows, version, scheme)
    reading.compare_dataset_with_truth(lake, truth.PUBNET, version)


# ---- DuckDBs that are lent from test to test ----


@pytest.fixture
def small_lake(lake):
    write_lake(lake, truth.truth_rows([truth.PROTOCOL13]), "1.1.0", "simple")
    return lake


def held_files(folder):
    """The files in it that this process holds open."""
    held = []
    for entry in pathlib.Path("/proc/self/fd").iterdir():
        try:
            held.append(os.readlink(entry))
        except OSError:   # the folder's own
            pass
    return [path for path in held if path.startswith(str(folder))]


def test_a_duckdb_that_was_given_back_holds_nothing_of_the_lake(small_lake):
    for _ in range(2):
        assert len(reading.read_attached(small_lake, "1.1.0")) == 252
        reading.duckdb_execute(small_lake, "DELETE FROM lake.ttp_events WHERE false")
        assert held_files(small_lake) == []
    assert reading.catalog_query(small_lake, "PRAGMA journal_mode") == [("delete",)]


def test_a_duckdb_that_is_lent_again_reads_the_bytes_that_are_there_now(small_lake):
    file = reading.data_files(small_lake)[0]
    assert len(reading.read_glob(small_lake, "1.1.0", "simple")) == 252
    times = file.stat()
    content = bytearray(file.read_bytes())
    content[200:600] = bytes(400)
    file.write_bytes(content)
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    for read in (lambda: reading.read_glob(small_lake, "1.1.0", "simple"),
                 lambda: reading.read_attached(small_lake, "1.1.0")):
        with pytest.raises(Exception, match="(?i)snappy|corrupt|invalid|decompress|checksum|thrift"):
            read()


@pytest.mark.parametrize("left", [
    "CREATE TABLE memory.mine AS SELECT 1", "CREATE VIEW memory.mine AS SELECT 1",
    "CREATE TEMP TABLE mine AS SELECT 1", "ATTACH ':memory:' AS mine"])
def test_a_duckdb_in_which_something_was_left_is_not_lent_again(small_lake, left):
    with reading.attached(small_lake) as used:
        used.execute(left)
    with reading.attached(small_lake) as other:
        assert other is not used
    with reading.attached(small_lake) as again:
        assert again is other


def test_a_duckdb_is_lent_in_the_time_zone_that_is_asked_for(small_lake):
    for zone in ("America/New_York", "UTC"):
        with reading.attached(small_lake, zone) as connection:
            assert connection.execute("SELECT current_setting('TimeZone')").fetchone() == (zone,)


def test_the_truth_is_complete():
    counts = [len(truth.read_rows(recording)) for recording in truth.ALL]
    assert counts == [999, 252, 498, 2531, 890]
    for recording in truth.ALL:
        ledgers = {row["ledger_sequence"] for row in truth.read_rows(recording)}
        assert all(any(first <= ledger <= last for first, last in recording.ranges)
                   for ledger in ledgers)


CHANGES = {
    "a memo": lambda row: {**row, "memo": "other", "memo_type": "text"},
    "a memo that is empty": lambda row: {**row, "memo": ""},
    "an amount by one": lambda row: {**row, "amount": str(int(row["amount"]) + 1)},
    "an account": lambda row: {**row, "source_account": row["source_account"][:-1] + "A"},
    "a hash": lambda row: {**row, "transaction_hash": "00" + row["transaction_hash"][2:]},
    "the event's index": lambda row: {**row, "event_index": row["event_index"] + 1000},
    "the time by a microsecond": lambda row: {**row, "timestamp_us": row["timestamp_us"] + 1},
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_changed_value_is_noticed(lake, what):
    rows = truth.truth_rows([truth.PUBNET57])
    changed = [CHANGES[what](row) if number == 7 else row for number, row in enumerate(rows)]
    write_lake(lake, changed, "1.1.0", "date")
    with pytest.raises(AssertionError, match="1 rows missing, 1 rows too many"):
        compare(lake, rows, "1.1.0", "date")


@pytest.mark.parametrize("version", truth.SCHEMA_VERSIONS)
def test_a_missing_and_a_doubled_row_are_noticed(lake, version):
    rows = truth.truth_rows([truth.PUBNET57])
    write_lake(lake, rows[:-1], version, "date")
    with pytest.raises(AssertionError, match="1 rows missing, 0 rows too many"):
        compare(lake, rows, version, "date")
    with pytest.raises(AssertionError, match="0 rows missing, 1 rows too many"):
        compare(lake, rows[:-2], version, "date")


def test_a_file_in_the_wrong_folder_is_noticed(lake):
    rows = truth.truth_rows([truth.PUBNET57])
    write_lake(lake, rows, "1.1.0", "date_hour")
    path, = reading.data_files(lake)
    wrong = pathlib.Path(str(path).replace("hour=17", "hour=18"))
    assert wrong != path
    wrong.parent.mkdir(parents=True)
    path.rename(wrong)
    with pytest.raises(AssertionError, match="holds rows of"):
        compare(lake, rows, "1.1.0", "date_hour")


def test_amounts_beyond_38_digits_have_no_decimal():
    assert truth.amount_decimal("9" * 38) == 10**38 - 1
    assert truth.amount_decimal("-" + "9" * 38) == -(10**38 - 1)
    assert truth.amount_decimal("1" + "0" * 38) is None
    assert truth.amount_decimal("1.5") is None
    assert truth.amount_decimal("") is None


def test_a_catalog_made_by_duckdb_passes_and_a_narrow_bound_is_noticed(lake):
    rows = truth.truth_rows(truth.PUBNET)
    write_lake(lake, rows, "1.1.0", "date_hour_type")
    reading.check_catalog(lake)
    reading.catalog_execute(lake, "UPDATE ducklake_file_column_stats SET max_value = '100'"
                         " WHERE column_id = 2")
    with pytest.raises(AssertionError, match="ledger_sequence: maximum 100 is too low"):
        reading.check_catalog(lake)


@pytest.mark.parametrize("sql, sentence", [
    ("UPDATE ducklake_data_file SET record_count = record_count + 1", "ttp_events"),
    ("UPDATE ducklake_data_file SET footer_size = footer_size + 1", "ttp_events"),
    ("DELETE FROM ducklake_data_file", "not those on disk"),
    ("UPDATE ducklake_table_stats SET record_count = 1", "the table's rows"),
    ("UPDATE ducklake_file_column_stats SET null_count = null_count + 1", "ttp_events"),
    ("UPDATE ducklake_table_column_stats SET min_value = 'zzz' WHERE column_id = 4", "minimum"),
])
def test_a_wrong_catalog_is_noticed(lake, sql, sentence):
    write_lake(lake, truth.truth_rows([truth.PUBNET57]), "1.1.0", "date")
    reading.catalog_execute(lake, sql)
    with pytest.raises(AssertionError, match=sentence):
        reading.check_catalog(lake)


def test_a_hang_up_reaches_what_tests_start_also_under_nohup():
    starts = ("import subprocess; from harness import process; {}"
              "print(subprocess.run(['sh', '-c', 'kill -HUP $$; echo lived'], capture_output=True,"
              " text=True).stdout)")
    for prepare, printed in [("", "lived"), ("process.keep_hang_ups_from_children();", "")]:
        answer = subprocess.run(
            ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", sys.executable, "-c",
             starts.format(prepare)],
            capture_output=True, text=True, check=True, timeout=60,
            cwd=process.ROOT / "tests" / "system")
        assert answer.stdout.strip() == printed
