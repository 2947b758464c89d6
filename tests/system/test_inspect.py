# SPDX-License-Identifier: Apache-2.0
"""`inspect` says of a Parquet file what pyarrow says of it, also of one that somebody else wrote."""

import json

import duckdb
import pyarrow
import pyarrow.parquet
import pytest

from harness import lake as reading
from harness import process, truth

RECORDING = truth.PUBNET57
LEDGER = RECORDING.first


def inspect(path, *arguments, status=0):
    return process.execute("inspect", path, *arguments).expect(status)


def described(path, status=0):
    return json.loads(inspect(path, "--json", status=status).stdout)


def make(lake, endpoint, **options):
    process.run(lake, endpoint, LEDGER, LEDGER, **options)
    [path] = reading.data_files(lake)
    return path


def compare(path, file):
    """A description against pyarrow's."""
    known = pyarrow.parquet.ParquetFile(path).metadata
    assert file["path"] == str(path)
    assert file["bytes"] == path.stat().st_size
    assert (file["rows"], file["created_by"]) == (known.num_rows, known.created_by)
    assert file["footer_bytes"] == known.serialized_size
    assert [column["name"] for column in file["schema"]] == known.schema.names
    assert [column["type"] for column in file["schema"]] == [
        known.schema.column(number).physical_type for number in range(known.num_columns)]
    assert [group["rows"] for group in file["row_groups"]] == [
        known.row_group(number).num_rows for number in range(known.num_row_groups)]
    for number, group in enumerate(file["row_groups"]):
        for place, chunk in enumerate(group["columns"]):
            column = known.row_group(number).column(place)
            assert chunk["name"] == column.path_in_schema
            assert chunk["codec"].replace("LZ4_RAW", "LZ4") == column.compression
            assert set(chunk["encodings"]) == set(column.encodings)
            assert chunk["values"] == column.num_values
            assert chunk["compressed_bytes"] == column.total_compressed_size
            assert chunk["uncompressed_bytes"] == column.total_uncompressed_size
            assert chunk["ratio"] == pytest.approx(
                column.total_uncompressed_size / column.total_compressed_size)
            assert chunk["dictionary"] == column.has_dictionary_page
            assert chunk["column_index"] == column.has_column_index
            assert chunk["offset_index"] == column.has_offset_index
            if column.is_stats_set and column.statistics.has_null_count:
                assert chunk["statistics"]["null_count"] == column.statistics.null_count
            if column.is_stats_set and column.statistics.has_min_max and \
                    isinstance(column.statistics.min, (str, int)):
                assert chunk["statistics"]["min"] == str(column.statistics.min)
                assert chunk["statistics"]["max"] == str(column.statistics.max)


@pytest.mark.parametrize("codec", reading.CODECS)
def test_our_files_are_described_as_pyarrow_sees_them(lake, servers, codec):
    path = make(lake, servers[RECORDING.name], schema_version="1.1.0", compression_codec=codec,
                row_group_rows=300)
    file = described(path)
    compare(path, file)
    assert len(file["row_groups"]) > 1
    assert (file["ok"], file["damage"]) == (True, None)
    assert file["key_value_metadata"]["version"] == "1.1.0"
    assert file["key_value_metadata"]["ttp.first_ledger"] == str(LEDGER)
    blooms = {chunk["name"] for group in file["row_groups"] for chunk in group["columns"]
              if chunk["bloom_filter"]}
    assert {"source_account", "dest_account"} <= blooms
    assert all(chunk["pages"] >= 1 for group in file["row_groups"] for chunk in group["columns"])


def test_people_get_a_table_of_80_columns(lake, servers):
    finished = inspect(make(lake, servers[RECORDING.name], schema_version="1.1.0"))
    lines = finished.stdout.splitlines()
    assert max(map(len, lines[1:])) <= 80, max(lines[1:], key=len)
    finished.says("page checksums +all right", "row group 0: ", "Bloom filter", "ledger_sequence",
                  f"ttp.last_ledger +{LEDGER}")


def test_files_of_others_are_described_too(tmp_path):
    table = pyarrow.table({"a": pyarrow.array([1, None, 3], pyarrow.int64()),
                           "b": ["x", "y\u20ac", None]})
    ours = tmp_path / "arrow.parquet"
    pyarrow.parquet.write_table(table, ours, write_page_checksum=True)
    duck = tmp_path / "duck.parquet"
    duckdb.connect().execute(f"COPY (FROM '{ours}') TO '{duck}' (FORMAT parquet)")
    for path in (ours, duck):
        file = described(path)
        compare(path, file)
        assert [column["nullable"] for column in file["schema"]] == [True, True]


def test_damage_is_found_and_told(lake, servers):
    path = make(lake, servers[RECORDING.name])
    content = bytearray(path.read_bytes())
    content[len(content) // 4] ^= 0x10
    path.write_bytes(content)
    file = described(path, status=3)
    assert not file["ok"] and file["damage"]
    inspect(path, status=3).says("page checksums +" + file["damage"][:20])


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1PAR1", b"PAR1\0\0\0\0PAR1",
                                     b"not a Parquet file, but long enough to be one",
                                     b"PAR1" + b"\xff" * 100 + b"\xff\xff\xff\x7fPAR1"])
def test_what_is_no_parquet_file_is_said_so(tmp_path, content):
    path = tmp_path / "x.parquet"
    path.write_bytes(content)
    for arguments in ((), ("--json",)):
        finished = inspect(path, *arguments, status=3)
        assert finished.says("x.parquet").stdout == ""


def test_mistakes_of_the_call_are_named(tmp_path):
    process.execute("inspect").expect(2).says("inspect FILE")
    inspect(tmp_path / "none", status=2).says("none")
    inspect(tmp_path, status=2).says("is a folder, not a file", str(tmp_path))
    process.execute("inspect", "a", "b").expect(2)
