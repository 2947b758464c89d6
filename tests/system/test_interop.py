# SPDX-License-Identifier: Apache-2.0
"""Other people's readers open our files and find every value in them: by full scans, and by
filters that they push down, with values that occur and values that don't. The short part of
docs/INTEROP.md: pyarrow, DuckDB, polars, parquet-rs; test_interop_all.py has all readers and the
long files."""

import random
import struct

import pytest

from harness import lake as reading
from harness import process, truth
from interop import cases, compare, questions, readers, samples

pytestmark = pytest.mark.interop_short

REAL = truth.PUBNET63.name


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return cases.Files(tmp_path_factory.mktemp("interop"))


@pytest.fixture(scope="module", params=readers.SHORT, ids=lambda kind: kind.name)
def reader(request):
    with cases.new_york():
        made = request.param()
        yield made
        made.close()


@pytest.fixture(scope="module", params=[kind for kind in readers.SHORT if kind.filters],
                ids=lambda kind: kind.name)
def filtering_reader(request):
    with cases.new_york():
        made = request.param()
        yield made
        made.close()


@pytest.mark.campaign(every=5)
@pytest.mark.parametrize("codec", reading.CODECS)
@pytest.mark.parametrize("profile", cases.PROFILES)
@pytest.mark.parametrize("version", truth.SCHEMA_VERSIONS)
def test_full_scans_find_every_value(reader, files, version, profile, codec):
    for name, options in (("edge", cases.SMALL), ("edge", {}), (REAL, {})):
        path = files.file(name, version, profile, codec, **options)
        cases.scan(reader, files, name, version, path)


@pytest.mark.campaign(every=5)
@pytest.mark.parametrize("name", ["nulls", "empty", "one"])
@pytest.mark.parametrize("profile", cases.PROFILES)
@pytest.mark.parametrize("version", truth.SCHEMA_VERSIONS)
def test_columns_of_nulls_or_of_empty_texts_and_a_single_row(reader, files, version, profile, name):
    path = files.file(name, version, profile, "snappy", row_group_rows=7, page_size=1024)
    cases.scan(reader, files, name, version, path)
    if reader.filters:
        cases.ask(reader, files, name, version, path, count=1)


@pytest.mark.campaign
@pytest.mark.parametrize("profile", cases.PROFILES)
@pytest.mark.parametrize("version", truth.SCHEMA_VERSIONS)
def test_filters_find_what_occurs_and_nothing_else(filtering_reader, files, version, profile,
                                                   pytestconfig):
    """A part of the questions, each reader and profile another; `make interop` asks all of all."""
    step, step_real = (3, 1) if pytestconfig.option.campaigns else (11, 5)
    kinds = [kind.name for kind in readers.SHORT if kind.filters]
    number = kinds.index(filtering_reader.name) + cases.PROFILES.index(profile)
    path = files.file("edge", version, profile, "zstd", **cases.SMALL)
    assert cases.ask(filtering_reader, files, "edge", version, path, first=number % step,
                     step=step) > 900 / step
    path = files.file(REAL, version, profile, "snappy", row_group_rows=300, page_size=2048)
    cases.ask(filtering_reader, files, REAL, version, path, count=2, first=number % step_real,
              step=step_real)


@pytest.mark.parametrize("input_kind", ["plain", "dictionary"])
def test_dictionaries_and_plain_texts_give_the_same_values(files, input_kind):
    """The encoder takes both; the service hands over dictionaries."""
    for name in ("edge", "nulls", "empty", "one"):
        path = files.file(name, "1.1.0", "compact", "none", **cases.SMALL, input=input_kind)
        cases.scan(readers.Pyarrow(), files, name, "1.1.0", path)


def test_questions_notice_a_minimum_that_lies(files, tmp_path):
    """That these readers do look at our statistics, and that these tests would see wrong ones: with
    a ledger's number changed wherever the footer tells it, its row is not found."""
    path = files.file("one", "1.1.0", "compatible", "none")
    content = path.read_bytes()
    ledger = files.sample("one").rows[0]["ledger_sequence"]
    footer_bytes, = struct.unpack("<I", content[-8:-4])
    footer_at = len(content) - 8 - footer_bytes
    told = struct.pack("<I", ledger)
    assert content[footer_at:].count(told) >= 2
    lying = tmp_path / "lying.parquet"
    lying.write_bytes(content[:footer_at] +
                      content[footer_at:].replace(told, struct.pack("<I", ledger - 5)))
    question = questions.Question("ledger_sequence", ledger, ledger)
    for kind in (kind for kind in readers.SHORT if kind.filters):
        made = kind()
        assert made.read(path, "1.1.0", question).num_rows == 1, made.name
        assert made.read(lying, "1.1.0", question).num_rows == 0, made.name
        made.close()


@pytest.mark.parametrize("profile", cases.PROFILES)
@pytest.mark.parametrize("version", truth.SCHEMA_VERSIONS)
def test_edge_cases_survive_the_whole_way(tmp_path, version, profile):
    """The same events, sent by a server and stored by a run, in several row groups and files."""
    sample = samples.make("later", tmp_path)
    lake = tmp_path / "lake"
    with process.Replay([sample.events]) as server:
        process.run(lake, server.endpoint, sample.rows[0]["ledger_sequence"],
                    sample.rows[-1]["ledger_sequence"], schema_version=version,
                    encoding_profile=profile, row_group_rows=100, page_size=1024,
                    partitioning_scheme="date", env=process.environment(TZ="America/New_York"))
    reading.compare_lake_with_truth(lake, [], version, "date", "snappy", rows=sample.rows)
    reading.check_catalog(lake)
    expected = compare.table_of_rows(sample.expected(version), version)
    got = readers.Polars().read(f"{lake}/**/*.parquet", version)
    assert compare.difference(compare.normal(got, version), expected, ordered=False) is None


@pytest.mark.parametrize("version", truth.SCHEMA_VERSIONS)
def test_each_row_group_says_that_it_is_sorted_by_ledger(files, version):
    import pyarrow.parquet as pq

    metadata = pq.ParquetFile(files.file(20_000, version, "compatible", "snappy",
                                         row_group_rows=5000)).metadata
    assert metadata.num_row_groups == 4
    place = truth.COLUMNS[version].index("ledger_sequence")
    for group in range(4):
        assert metadata.row_group(group).sorting_columns == (pq.SortingColumn(place),)


def test_duckdb_loses_hashes_by_bloom_filters_that_are_right(tmp_path):
    """Why our filters of transaction_hash have two entries a value: DuckDB 1.5 looks for the escaped
    text of a blob in anybody's filter (duckdb/duckdb#23829, mended in 2.0). Where this fails, DuckDB
    has been replaced by one that needs no more than the first."""
    import duckdb
    import pyarrow as pa
    import pyarrow.parquet as pq

    choice = random.Random(5)
    hashes = [choice.randbytes(32) for _ in range(1000)]
    table = pa.table({"hash": pa.array(hashes, pa.binary(32))})
    found = {}
    for name, options in (("with", {"bloom_filter_options": {"hash": {"ndv": 1000, "fpp": 0.01}}}),
                          ("without", {})):
        pq.write_table(table, tmp_path / f"{name}.parquet", **options)
        sql = f"SELECT count(*) FROM read_parquet('{tmp_path}/{name}.parquet') WHERE hash = ?"
        found[name] = sum(duckdb.execute(sql, [value]).fetchone()[0] for value in hashes[:50])
    assert found["without"] == 50
    assert found["with"] < 50


@pytest.mark.parametrize("profile", cases.PROFILES)
def test_what_is_looked_up_has_bloom_filters(files, profile):
    path = files.file("edge", "1.1.0", profile, "snappy")
    sql = ("SELECT DISTINCT path_in_schema FROM parquet_metadata(?)"
           " WHERE bloom_filter_offset IS NOT NULL")
    import duckdb

    assert {row[0] for row in duckdb.execute(sql, [str(path)]).fetchall()} == \
        {"transaction_hash", "source_account", "dest_account", "contract_address"}


@pytest.mark.parametrize("profile", cases.PROFILES)
def test_bloom_filters_of_hashes_skip_files_and_lose_none(files, profile):
    """By DuckDB 1.5's second entry; other readers ask the first in test_filters_find_what_occurs."""
    import duckdb

    path = str(files.file(20_000, "1.1.0", profile, "snappy", row_group_rows=5000))
    assert duckdb.execute("SELECT num_row_groups FROM parquet_file_metadata(?)",
                          [path]).fetchone()[0] == 4
    hashes = [bytes.fromhex(row["transaction_hash"]) for row in files.sample(20_000).rows]
    some = random.Random(3).sample(sorted(set(hashes)), 200)
    probe = ("SELECT row_group_id FROM parquet_bloom_probe(?, 'transaction_hash', ?::BLOB)"
             " WHERE NOT bloom_filter_excludes")
    kept = 0
    for value in some:
        found = duckdb.execute("SELECT count(*) FROM read_parquet(?) WHERE transaction_hash = ?",
                               [path, value]).fetchone()[0]
        assert found == hashes.count(value)
        kept += len(duckdb.execute(probe, [path, value]).fetchall())
    absent = [random.Random(number).randbytes(32) for number in range(200)]
    kept_absent = sum(len(duckdb.execute(probe, [path, value]).fetchall()) for value in absent)
    assert 200 <= kept < 400          # of 800
    assert kept_absent < 200
