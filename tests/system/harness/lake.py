# SPDX-License-Identifier: Apache-2.0
"""Reads lakes by other people's readers and compares them with the truth, value by value."""

import collections
import contextlib
import datetime
import importlib.util
import json
import pathlib
import re
import subprocess
import sys
import threading
import urllib.parse

import duckdb
import pyarrow
import pyarrow.dataset
import pyarrow.parquet

from harness import truth

SCHEMES = ("date", "date_hour", "date_hour_type", "simple")
CODECS = ("none", "snappy", "gzip", "lz4", "zstd", "brotli")
EVENT_TYPES = ("transfer", "mint", "burn", "clawback", "fee")

STRING = pyarrow.string()
ARROW_TYPES = {
    "timestamp": pyarrow.timestamp("us", "UTC"), "ledger_sequence": pyarrow.uint32(),
    "transaction_hash": pyarrow.binary(32), "event_type": STRING, "source_account": STRING,
    "dest_account": STRING, "asset_code": STRING, "asset_issuer": STRING, "amount": STRING,
    "memo": STRING, "transaction_index": pyarrow.uint32(), "operation_index": pyarrow.uint32(),
    "contract_address": STRING, "event_index": pyarrow.uint32(), "memo_type": STRING,
    "amount_decimal": pyarrow.decimal128(38, 0),
}
REQUIRED = {
    "1.0.0": {"timestamp", "ledger_sequence", "transaction_hash", "event_type", "source_account",
              "dest_account", "amount"},
    "1.1.0": {"timestamp", "ledger_sequence", "transaction_hash", "event_type", "amount"},
}
DUCKDB_TYPES = {
    "timestamp": "TIMESTAMP WITH TIME ZONE", "ledger_sequence": "UINTEGER",
    "transaction_hash": "BLOB", "transaction_index": "UINTEGER", "operation_index": "UINTEGER",
    "event_index": "UINTEGER", "amount_decimal": "DECIMAL(38,0)",
}
PARQUET_CODECS = {"none": "UNCOMPRESSED", "snappy": "SNAPPY", "gzip": "GZIP", "lz4": "LZ4",
                  "zstd": "ZSTD", "brotli": "BROTLI"}
FILE_NAMES = {
    "date": r"ttp_events_(\d{4}-\d\d-\d\d)_(\d+)(-\d+)?\.parquet",
    "date_hour": r"ttp_events_(\d{4}-\d\d-\d\dT\d\d)_(\d+)(-\d+)?\.parquet",
    "date_hour_type":
        r"ttp_events_(\d{4}-\d\d-\d\dT\d\d)_(?:[a-z]+)_(\d+)(-\d+)?\.parquet",
    "simple": r"ttp_events_(\d{4}-\d\d-\d\d)_(\d+)(-\d+)?\.parquet",
}


def data_files(lake):
    """The lake's Parquet files as a user's glob finds them: all outside of _lake/."""
    lake = pathlib.Path(lake)
    return sorted(path for path in lake.rglob("*.parquet")
                  if "_lake" not in path.relative_to(lake).parts)


def catalog_path(lake):
    return pathlib.Path(lake).resolve() / "_lake" / "catalog.sqlite"


def _extension(package, name):
    folder = pathlib.Path(importlib.util.find_spec(package).origin).parent
    path = folder / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
    assert path.is_file(), f"{path} lacks: duckdb and its extensions must be of one version"
    return path


def _new_duckdb():
    # The extensions are signed, but to check it at each load takes half a second.
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true", "threads": 1,
                                        "enable_external_file_cache": False})
    for package, name in (("duckdb_extension_sqlite_scanner", "sqlite_scanner"),
                          ("duckdb_extension_postgres_scanner", "postgres_scanner"),
                          ("duckdb_extension_ducklake", "ducklake")):
        connection.execute(f"LOAD '{_extension(package, name)}'")
    return connection


@contextlib.contextmanager
def duckdb_connection(zone="UTC"):
    """A DuckDB of the caller's own with the ducklake extension loaded, in the session time zone
    given."""
    with contextlib.closing(_new_duckdb()) as connection:
        connection.execute(f"SET TimeZone = '{zone}'")
        yield connection


_idle = []  # DuckDBs that nobody uses, as they were when they were made

# What somebody left in one: databases, tables, views. (To look for macros takes as long as a new one.)
_LEFT = """SELECT (SELECT count(*) FROM duckdb_databases() WHERE NOT internal) - 1
                + (SELECT count(*) FROM duckdb_tables())
                + (SELECT count(*) FROM duckdb_views() WHERE NOT internal)"""


@contextlib.contextmanager
def _lent_duckdb(zone):
    """As duckdb_connection, but one that was used before if there is one: to make one and to load
    the extensions takes a third of what a small lake's comparison takes. It keeps no bytes of files,
    and it is lent again only if nothing was left in it."""
    connection = _idle.pop() if _idle else _new_duckdb()
    empty = False
    try:
        connection.execute(f"SET TimeZone = '{zone}'")
        yield connection
        empty = connection.execute(_LEFT).fetchone() == (0,)
    finally:
        if empty:
            _idle.append(connection)
        else:
            connection.close()


@contextlib.contextmanager
def attached(lake, zone="UTC", options=" (READ_ONLY)"):
    """A DuckDB with the lake attached as `lake`. Other settings than the time zone are for
    duckdb_connection."""
    with _lent_duckdb(zone) as connection:
        connection.execute(f"ATTACH 'ducklake:sqlite:{catalog_path(lake)}' AS lake{options}")
        yield connection
        connection.execute("DETACH lake")


def duckdb_execute(lake, *statements):
    """What a user of DuckDB does to a lake: attaches it for writing and runs statements."""
    with attached(lake, options="") as connection:
        for statement in statements:
            connection.execute(statement)


# Answers a question a line: [path, sql, whether it writes].
_CATALOG_PROGRAM = """
import contextlib, json, sqlite3, sys
for line in sys.stdin:
    path, sql, writes = json.loads(line)
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode={'rw' if writes else 'ro'}",
                                                uri=True)) as database, database:
            answer = {"rows": database.execute(sql).fetchall()}
    except sqlite3.Error as problem:
        answer = {"error": str(problem)}
    print(json.dumps(answer), flush=True)
"""


class _Catalogs:
    """Asks catalogs by a process of its own: two SQLite libraries (Python's, DuckDB's) in one
    process would break each other's locks. It opens a catalog for each question, and ends with us."""

    def __init__(self):
        self._process, self._turn = None, threading.Lock()

    def ask(self, lake, sql, writes):
        with self._turn:
            if self._process is None or self._process.poll() is not None:
                self._process = subprocess.Popen([sys.executable, "-c", _CATALOG_PROGRAM],
                                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                                 text=True)
            question = json.dumps([urllib.parse.quote(str(catalog_path(lake))), sql, writes])
            print(question, file=self._process.stdin, flush=True)
            answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, f"{answer['error']}: {sql}"
        return [tuple(row) for row in answer["rows"]]


_catalogs = _Catalogs()


def catalog_query(lake, sql):
    """Rows of a query on the catalog's SQLite file."""
    return _catalogs.ask(lake, sql, False)


def catalog_execute(lake, sql):
    """Changes the catalog behind the program's back."""
    _catalogs.ask(lake, sql, True)


# ---- reading -------------------------------------------------------------------------------------

def _select(version, source):
    values = {"timestamp": "epoch_us(timestamp)", "transaction_hash":
              "lower(hex(transaction_hash))", "amount_decimal": "amount_decimal::HUGEINT"}
    columns = ", ".join(values.get(name, f'"{name}"') for name in truth.COLUMNS[version])
    return f"SELECT {columns} FROM {source}"


def _duckdb_rows(connection, version, source):
    columns = ", ".join(f'"{name}"' for name in truth.COLUMNS[version])
    described = connection.execute(f"DESCRIBE SELECT {columns} FROM {source}").fetchall()
    types = [row[1] for row in described]
    expected = [DUCKDB_TYPES.get(name, "VARCHAR") for name in truth.COLUMNS[version]]
    assert types == expected, f"column types in DuckDB: {types}"
    return connection.execute(_select(version, source)).fetchall()


def read_attached(lake, version, zone="UTC"):
    """All rows of lake.ttp_events through the DuckLake catalog."""
    with attached(lake, zone) as connection:
        return _duckdb_rows(connection, version, "lake.ttp_events")


def read_glob(lake, version, scheme):
    """All rows by DuckDB over the bare files, as the README tells users to read them."""
    if not data_files(lake):
        return []
    hive = "false" if scheme == "simple" else "true"
    # `_lake` holds no .parquet file, so the glob of a user needs no exception for it.
    source = (f"read_parquet('{pathlib.Path(lake).resolve()}/**/*.parquet',"
              f" hive_partitioning = {hive}, union_by_name = true)")
    with _lent_duckdb("UTC") as connection:
        return _duckdb_rows(connection, version, source)


def rows_of_table(table, version):
    """A pyarrow table's rows in the form of truth.expected_row."""
    columns = []
    for name in truth.COLUMNS[version]:
        column = table.column(name)
        if name == "timestamp":
            columns.append(column.cast(pyarrow.int64()).to_pylist())
        elif name == "transaction_hash":
            columns.append([value.hex() for value in column.to_pylist()])
        elif name == "amount_decimal":
            columns.append([None if value is None else int(value) for value in column.to_pylist()])
        else:
            columns.append(column.to_pylist())
    return list(zip(*columns)) if table.num_rows else []


def check_file_schema(path, version, codec=None):
    """The file's own schema, field ids, key-value metadata, codec and created_by."""
    file = pyarrow.parquet.ParquetFile(path, page_checksum_verification=True)
    schema = file.schema_arrow
    assert schema.names == list(truth.COLUMNS[version]), f"{path}: columns {schema.names}"
    for position, field in enumerate(schema):
        assert field.type == ARROW_TYPES[field.name], f"{path}: {field}"
        assert field.nullable == (field.name not in REQUIRED[version]), f"{path}: {field}"
        field_id = truth.COLUMNS_1_1_0.index(field.name) + 1
        assert field.metadata[b"PARQUET:field_id"] == str(field_id).encode(), f"{path}: {field}"
        assert position + 1 == field_id
    metadata = {key.decode(): value.decode() for key, value in file.metadata.metadata.items()}
    assert metadata["version"] == version, path
    assert metadata["description"] == "TTP Events Schema for Parquet Storage", path
    assert metadata["created_by"] == "parquet-consumer", path
    for key in ("lake_id", "network", "commit_no", "first_ledger", "last_ledger", "commit_files",
                "file_rows", "commit_rows", "partition"):
        assert f"ttp.{key}" in metadata, f"{path}: metadata lacks ttp.{key}"
    assert metadata["ttp.file_rows"] == str(file.metadata.num_rows), path
    assert re.fullmatch(r"parquet-consumer version \d+\.\d+\.\d+ \(build [0-9a-z]+\)",
                        file.metadata.created_by), file.metadata.created_by
    if codec is not None:
        for group in range(file.metadata.num_row_groups):
            for column in range(file.metadata.num_columns):
                chunk = file.metadata.row_group(group).column(column)
                # pyarrow shows both LZ4 variants under one name; only LZ4_RAW has no frame.
                assert chunk.compression in (PARQUET_CODECS[codec], PARQUET_CODECS[codec] + "_RAW"), \
                    f"{path}: {chunk.path_in_schema} is {chunk.compression}, not {codec}"
    return file


def check_file_place(lake, path, table, scheme):
    """The file's folder and name belong to each of its rows; its name to its first ledger."""
    relative = path.relative_to(lake)
    match = re.fullmatch(FILE_NAMES[scheme], path.name)
    assert match, f"{relative}: no name of scheme {scheme}"
    times = table.column("timestamp").cast(pyarrow.int64()).to_pylist()
    types = table.column("event_type").to_pylist()
    places = {truth.partition_directory({"timestamp_us": time, "event_type": type_}, scheme)
              for time, type_ in set(zip(times, types))}
    folder = "" if relative.parent == pathlib.Path(".") else relative.parent.as_posix()
    assert places == {folder}, f"{relative} holds rows of {places}"
    if scheme == "date_hour_type":
        assert f"_{types[0]}_" in path.name, relative
    days = {truth.partition_directory({"timestamp_us": time, "event_type": ""}, "date")
            for time in set(times)}
    assert len(days) == 1, f"{relative} holds rows of several days: {days}"
    return int(match.group(2))


def read_files(lake, version, scheme, codec=None):
    """All rows file by file with pyarrow (page checksums verified), each file's schema and place
    checked. Every file has all columns of `version`: no lake that was evolved."""
    rows = []
    for path in data_files(lake):
        table = check_file_schema(path, version, codec).read()
        assert table.num_rows > 0, f"{path} is empty"
        check_file_place(pathlib.Path(lake), path, table, scheme)
        rows += rows_of_table(table, version)
    return rows


# ---- comparing -----------------------------------------------------------------------------------

def difference(got, expected):
    """None where both hold the same rows equally often, else a short text that shows how not."""
    got, expected = collections.Counter(got), collections.Counter(expected)
    if dict.__eq__(got, expected):  # as theirs, which is Python and takes longer than the counting
        return None
    missing, extra = expected - got, got - expected
    lines = [f"{sum(missing.values())} rows missing, {sum(extra.values())} rows too many"]
    for title, rows in (("missing", missing), ("too many", extra)):
        lines += [f"  {title}: {row}" for row in sorted(rows, key=repr)[:3]]
    return "\n".join(lines)


def assert_same(got, expected, reader):
    text = difference(got, expected)
    assert text is None, f"{reader}: {text}"


def assert_nothing_left(lake):
    """A lake at rest: no staging, no intent, nothing in flight."""
    own = pathlib.Path(lake) / "_lake"
    left = [path for path in own.rglob("*") if path.is_file() and
            (path.suffix == ".inprogress" or "staging" in path.relative_to(own).parts)]
    assert not left, f"left over: {left}"


def compare_lake_with_truth(lake, recordings, version, scheme="date_hour", codec=None, rows=None):
    """The lake holds exactly the recordings' rows (or the truth `rows` given), every value of every
    column, by three ways of reading: pyarrow file by file, DuckDB over the glob, DuckDB over the
    catalog."""
    expected = truth.expected_rows(truth.truth_rows(recordings) if rows is None else rows, version)
    assert_same(read_files(lake, version, scheme, codec), expected, "pyarrow, file by file")
    assert_same(read_glob(lake, version, scheme), expected, "DuckDB, read_parquet")
    assert_same(read_attached(lake, version), expected, "DuckDB, ducklake")


def compare_dataset_with_truth(lake, recordings, version):
    """pyarrow's dataset and pandas over the bare folder: both must skip _lake/ by themselves."""
    expected = truth.expected_rows(truth.truth_rows(recordings), version)
    dataset = pyarrow.dataset.dataset(str(lake), format="parquet")
    table = dataset.to_table(columns=list(truth.COLUMNS[version]))
    assert_same(rows_of_table(table, version), expected, "pyarrow dataset")


# ---- catalog -------------------------------------------------------------------------------------

def coverage(lake):
    """The covered ranges as a list of (first, last), as `status --json` tells them."""
    rows = catalog_query(lake, "SELECT first_ledger, last_ledger FROM ttp_coverage ORDER BY 1")
    merged = []
    for first, last in rows:
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def _bound(text, name):
    """A bound of the catalog's statistics as the value that pyarrow gives."""
    if name in ("ledger_sequence", "transaction_index", "operation_index", "event_index",
                "amount_decimal"):
        return int(text)
    if name == "transaction_hash":
        assert text == text.upper(), text
        return bytes.fromhex(text)
    if name == "timestamp":
        assert text.endswith("+00"), text
        return datetime.datetime.fromisoformat(text + ":00")
    return text


def _check_statistics(where, name, values, bounds):
    """`bounds` (minimum, maximum as text, or None) enclose each value of the set."""
    present = values - {None}
    if not present or None in bounds:
        return
    low, high = (_bound(text, name) for text in bounds)
    # Strings and blobs are ordered by their bytes, in UTF-8.
    key = (lambda value: value.encode()) if isinstance(low, str) else (lambda value: value)
    assert key(low) <= min(map(key, present)), f"{where} {name}: minimum {low!r} is too high"
    assert key(high) >= max(map(key, present)), f"{where} {name}: maximum {high!r} is too low"


def _check_file_statistics(lake, path, file, values, nulls, file_id):
    """Every column's statistics in the catalog against the file's values (a set) and its nulls, by
    column."""
    metadata, names = file.metadata, file.schema_arrow.names
    sizes = collections.Counter()
    for group in range(metadata.num_row_groups):
        for column in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(column)
            sizes[chunk.path_in_schema] += chunk.total_compressed_size
    rows = {column: told for column, *told in
            catalog_query(lake, "SELECT column_id, column_size_bytes, value_count, null_count,"
                                " min_value, max_value FROM ducklake_file_column_stats"
                                f" WHERE data_file_id = {file_id}")}
    assert sorted(rows) == list(range(1, len(names) + 1)), f"{path}: columns {sorted(rows)}"
    for number, name in enumerate(names, 1):
        size, value_count, null_count, low, high = rows[number]
        assert size == sizes[name], f"{path} {name}: {size} bytes"
        assert value_count + null_count == metadata.num_rows, f"{path} {name}"
        assert null_count == nulls[name], f"{path} {name}: {null_count} nulls"
        _check_statistics(path, name, values[name], (low, high))


def check_catalog(lake, files_left=False):
    """The catalog's files are those on disk, with their true sizes, rows, footers, and statistics
    that enclose every value, by file and for the whole table. Where files left (compaction), so did
    their row ids."""
    lake = pathlib.Path(lake).resolve()
    (prefix,), = catalog_query(lake, "SELECT s.path || t.path FROM ducklake_schema s,"
                                     " ducklake_table t WHERE t.table_name = 'ttp_events'")
    files = catalog_query(lake, "SELECT data_file_id, path, path_is_relative, record_count,"
                                " file_size_bytes, footer_size, row_id_start"
                                " FROM ducklake_data_file WHERE end_snapshot IS NULL"
                                " ORDER BY row_id_start")
    paths = {row[0]: lake / (prefix + row[1]) if row[2] else pathlib.Path(row[1]) for row in files}
    assert sorted(paths.values()) == data_files(lake), "the catalog's files are not those on disk"
    next_row = row_count = 0
    everything, row_counts = collections.defaultdict(set), collections.Counter()
    for file_id, _, _, count, size, footer, first_row in files:
        path = paths[file_id]
        content = path.read_bytes()
        file = pyarrow.parquet.ParquetFile(path)
        table = file.read()
        assert size == len(content), path
        assert footer == int.from_bytes(content[-8:-4], "little"), path
        assert count == table.num_rows, path
        assert first_row == next_row or (files_left and first_row > next_row), \
            f"{path}: row_id_start {first_row}, not {next_row}"
        next_row = first_row + count
        row_count += count
        # Each value once, found by Arrow: to make Python's objects of all takes most of the time.
        values = {name: set(table.column(name).unique().to_pylist()) for name in table.column_names}
        nulls = {name: table.column(name).null_count for name in table.column_names}
        _check_file_statistics(lake, path, file, values, nulls, file_id)
        for name in table.column_names:
            everything[name] |= values[name]
            row_counts[name] += table.num_rows
    for total, next_row_id, size in catalog_query(
            lake, "SELECT record_count, next_row_id, file_size_bytes FROM ducklake_table_stats"):
        assert (total, next_row_id) == (row_count, next_row), "the table's rows"
        assert size == sum(row[4] for row in files), "the table's bytes"
    for column, low, high, has_null in catalog_query(
            lake, "SELECT column_id, min_value, max_value, contains_null"
                  " FROM ducklake_table_column_stats"):
        name = truth.COLUMNS_1_1_0[column - 1]
        _check_statistics("the table's", name, everything[name], (low, high))
        lacking = row_counts[name] < row_count
        if lacking or None in everything[name]:
            assert has_null, f"the table's {name} has nulls"
