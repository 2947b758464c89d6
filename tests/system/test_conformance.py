# SPDX-License-Identifier: Apache-2.0
"""Our reader against files of other people's writers: the rows of a sample in every encoding,
codec and page version that they offer and we read, each file verified (statistics, page index,
Bloom filters) and read value by value by the build's parquet-print (TTP_BUILD_DIR, else
build/release)."""

import dataclasses
import json
import subprocess

import pytest

from harness import native, truth
from interop import compare, samples

duckdb = pytest.importorskip("duckdb")
pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

pytestmark = pytest.mark.no_binary

CODECS = ("none", "snappy", "gzip", "lz4", "zstd", "brotli")
RECORDING = truth.PUBNET63
NUMBERS = ("timestamp", "ledger_sequence", "transaction_index", "operation_index", "event_index")
TEXTS = ("event_type", "source_account", "dest_account", "asset_code", "asset_issuer", "amount",
         "memo", "contract_address", "memo_type")
FIXED = ("transaction_hash", "amount_decimal")


def encodings(numbers, texts, fixed):
    return {**dict.fromkeys(NUMBERS, numbers), **dict.fromkeys(TEXTS, texts),
            **dict.fromkeys(FIXED, fixed)}


PLAIN = encodings("PLAIN", "PLAIN", "PLAIN")
# Not pyarrow's default number of distinct values: its filters would take gigabytes.
BLOOM = {"ndv": 100, "fpp": 0.05}
# Name → options of pyarrow.parquet.write_table; `expect` are encodings that must occur.
PYARROW = {
    "defaults": ({}, {"RLE_DICTIONARY"}),
    "plain": ({"use_dictionary": False}, {"PLAIN"}),
    "fallback": ({"dictionary_pagesize_limit": 300, "data_page_size": 400, "write_batch_size": 16},
                 {"RLE_DICTIONARY", "PLAIN"}),
    "delta": ({"use_dictionary": False, "column_encoding": encodings(
        "DELTA_BINARY_PACKED", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY")},
        {"DELTA_BINARY_PACKED", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY"}),
    "prefixes": ({"use_dictionary": False, "data_page_size": 512, "write_batch_size": 16,
                  "column_encoding": encodings("BYTE_STREAM_SPLIT", "DELTA_BYTE_ARRAY",
                                               "BYTE_STREAM_SPLIT")},
                 {"BYTE_STREAM_SPLIT", "DELTA_BYTE_ARRAY"}),
    "small": ({"row_group_size": 64, "data_page_size": 256, "write_batch_size": 8,
               "write_page_index": True, "write_page_checksum": True, "version": "1.0",
               "bloom_filter_options": dict.fromkeys(TEXTS + ("transaction_hash",), BLOOM)},
              {"PLAIN_DICTIONARY"}),
}
# Options of arro3.io.write_parquet (arrow-rs).
ARROW_RS = {
    "defaults": ({}, {"RLE_DICTIONARY"}),
    "plain": ({"dictionary_enabled": False, "encoding": "plain", "bloom_filter_enabled": True},
              None),
    "fallback": ({"dictionary_page_size_limit": 300, "data_page_size_limit": 400,
                  "write_batch_size": 16}, {"RLE_DICTIONARY"}),
    "small": ({"max_row_group_size": 64, "data_page_row_count_limit": 10, "write_batch_size": 8,
               "bloom_filter_enabled": True}, {"RLE_DICTIONARY"}),
}


def write_pyarrow(table, path, variant, codec, page_version):
    options, expected = PYARROW[variant]
    if variant == "small" and page_version == "2.0":
        options = options | {"version": "2.6"}
        expected = {"RLE_DICTIONARY"}
    pq.write_table(table, path, compression=codec, data_page_version=page_version, **options)
    return expected


def write_arrow_rs(table, path, variant, codec, page_version):
    arro3_io = pytest.importorskip("arro3.io", reason="not run: no arro3-io (make interop)")
    from arro3.core import Table

    options, expected = ARROW_RS[variant]
    compression = {"none": "uncompressed", "lz4": "lz4_raw", "gzip": "gzip(6)", "zstd": "zstd(1)",
                   "brotli": "brotli(4)"}.get(codec, codec)
    arro3_io.write_parquet(Table.from_arrow(table), str(path), compression=compression,
                           writer_version="parquet_1_0" if page_version == "1.0" else
                           "parquet_2_0", **options)
    if variant == "plain":
        expected = {"PLAIN"}
    return expected


def write_polars(table, path, variant, codec, page_version):
    polars = pytest.importorskip("polars")
    options = {"small": {"row_group_size": 64, "data_page_size": 256}}.get(variant, {})
    polars.from_arrow(table).write_parquet(
        path, compression={"none": "uncompressed"}.get(codec, codec), **options)
    return {"RLE_DICTIONARY"}


def write_duckdb(table, path, variant, codec, page_version):
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.register("rows", table)
    options = [f"CODEC {({'none': 'uncompressed', 'lz4': 'lz4_raw'}).get(codec, codec)}",
               f"PARQUET_VERSION V{page_version[0]}"]
    if variant == "small":
        options += ["ROW_GROUP_SIZE 2048", "DICTIONARY_SIZE_LIMIT 100"]
    elif variant == "plain":
        options += ["DICTIONARY_SIZE_LIMIT 1"]
    connection.execute(f"COPY (SELECT * FROM rows) TO '{path}' (FORMAT parquet,"
                       f" {', '.join(options)})")
    connection.close()
    return {"PLAIN"} if page_version == "1.0" else None


WRITERS = {"pyarrow": (write_pyarrow, tuple(PYARROW), ("1.0", "2.0")),
           "parquet-rs": (write_arrow_rs, tuple(ARROW_RS), ("1.0", "2.0")),
           "polars": (write_polars, ("defaults", "small"), ("1.0",)),
           "duckdb": (write_duckdb, ("defaults", "plain", "small"), ("1.0", "2.0"))}
CASES = [(writer, variant, codec, page_version)
         for writer, (_, variants, versions) in WRITERS.items()
         for variant in variants for codec in CODECS for page_version in versions]


@dataclasses.dataclass(frozen=True)
class Rows:
    name: str
    table: object


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Tables as users have them: in our types, of real events, of edge cases, of none."""
    folder = tmp_path_factory.mktemp("samples")
    made = {"real": samples.real(RECORDING), "edge": samples.make("edge", folder),
            "nulls": samples.make("nulls", folder)}
    tables = {}
    for name, sample in made.items():
        table = compare.table_of_rows(sample.expected("1.1.0"), "1.1.0")
        at = table.column_names.index("timestamp")
        time = table.column("timestamp").cast(pa.timestamp("us", "UTC"))
        tables[name] = table.set_column(at, "timestamp", time)
    return tables


@pytest.fixture(scope="module")
def printer():
    path = native.BUILD / "bin" / "parquet-print"
    if not path.exists():
        pytest.fail(f"{path} is not there: build the target parquet-print with TTP_TESTS=ON, or "
                    "set TTP_BUILD_DIR")
    program = subprocess.Popen([str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               text=True, encoding="utf-8")
    yield program
    program.stdin.close()
    assert program.wait(60) == 0


def read(printer, path):
    """A file's columns as parquet-print tells them; the text of its error."""
    printer.stdin.write(f"{path}\n")
    printer.stdin.flush()
    columns = {}
    for line in printer.stdout:
        if line.startswith('{"rows"') or line.startswith('{"error"'):
            return columns, json.loads(line)
        if line.rstrip().endswith("]}"):
            column = json.loads(line)
            columns[column["name"]] = column
        else:  # the error of a column that ends in the middle
            return columns, {"error": line[line.index('{"error"'):]}
    raise AssertionError(f"parquet-print ended at {path}")


def value(name, kind, stored):
    """A stored value as compare.table_of_rows takes it."""
    if stored is None:
        return None
    if name == "timestamp":
        return stored
    if name == "amount_decimal":
        return stored if isinstance(stored, int) else \
            int.from_bytes(bytes.fromhex(stored), "big", signed=True)
    if name in NUMBERS:
        return stored % 2**32 if kind == "INT32" else stored
    return stored if name == "transaction_hash" else bytes.fromhex(stored).decode()


def check(printer, path, table):
    """Our reader finds the table's values in the file; returns the columns."""
    columns, end = read(printer, path)
    assert "error" not in end, f"{path.name}: {end['error']}"
    assert end["rows"] == table.num_rows
    assert list(columns) == table.column_names
    for name, column in columns.items():
        got = [value(name, column["type"], stored) for stored in column["values"]]
        want = table.column(name)
        if name == "timestamp":
            want = want.cast(pa.int64()).to_pylist()
        elif name == "transaction_hash":
            want = [each.hex() for each in want.to_pylist()]
        elif name == "amount_decimal":
            want = [None if each is None else int(each) for each in want.to_pylist()]
        else:
            want = want.to_pylist()
        assert len(got) == len(want), f"{path.name}, {name}: {len(got)} values"
        for row, (x, y) in enumerate(zip(got, want)):
            assert x == y, f"{path.name}, row {row}, {name}: {x!r:.200}, not {y!r:.200}"
    return columns


def test_there_are_enough_files():
    assert len(CASES) * 3 >= 200


@pytest.mark.campaign(every=5)
@pytest.mark.parametrize("writer,variant,codec,page_version", CASES,
                         ids=["-".join(case) for case in CASES])
def test_our_reader_reads_what_others_write(tmp_path, tables, printer, writer, variant, codec,
                                            page_version):
    for name, table in tables.items():
        path = tmp_path / f"{name}.parquet"
        expected = WRITERS[writer][0](table, path, variant, codec, page_version)
        columns = check(printer, path, table)
        seen = {encoding for column in columns.values() for encoding in column["encodings"]}
        if expected is not None and name != "nulls":
            assert expected <= seen, f"{writer} wrote {seen}"


@pytest.mark.parametrize("options", [
    {"store_decimal_as_integer": True}, {"store_schema": False, "write_statistics": False},
    {"coerce_timestamps": "us"}, {"write_page_index": True},
    {"max_rows_per_page": 3}], ids=str)
def test_our_reader_reads_pyarrows_other_options(tmp_path, tables, printer, options):
    path = tmp_path / "file.parquet"
    pq.write_table(tables["edge"], path, **options)
    check(printer, path, tables["edge"])


def test_our_reader_reads_files_without_rows(tmp_path, tables, printer):
    for name in ("pyarrow", "polars", "duckdb"):
        path = tmp_path / f"{name}.parquet"
        WRITERS[name][0](tables["edge"].slice(0, 0), path, "defaults", "snappy", "1.0")
        check(printer, path, tables["edge"].slice(0, 0))
