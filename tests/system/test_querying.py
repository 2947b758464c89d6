# SPDX-License-Identifier: Apache-2.0
"""Every block of docs/QUERYING.md runs and finds something: against the demo's lake, and those that
read files also against lakes that were evolved and merged. What the page says of DuckDB is tried."""

import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

from harness import lake as reading
from harness import process, truth

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCKS = re.findall(r"^```(\w+)(?: (\w+))?\n(.*?)^```$", (ROOT / "docs" / "QUERYING.md").read_text(),
                    re.M | re.S)
NEEDS = {"spark": "pyspark", "clickhouse": "chdb"}
PUBNET = pathlib.PurePath("data", "demo", "pubnet")  # where the page says that the lake is
OLD, NEW = truth.PUBNET57, truth.PUBNET63
EVENTS = len(truth.read_rows(OLD)) + len(truth.read_rows(NEW))


def blocks(language, *kinds, only=""):
    return [pytest.param(kind, text, id=f"{language}-{kind or 'plain'}-{number}")
            for number, (name, kind, text) in enumerate(BLOCKS)
            if name == language and (not kinds or kind in kinds) and only in text]


def statements(text):
    return text.strip().rstrip(";").split(";\n")


def demo_in(folder):
    process.execute("demo", cwd=folder).expect(0)
    return folder


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return demo_in(tmp_path_factory.mktemp("demo"))


@pytest.fixture
def own_demo(tmp_path, monkeypatch):
    """A demo that the test may change; the current folder."""
    monkeypatch.chdir(demo_in(tmp_path))
    return tmp_path


def write(lake, *sql):
    """Runs statements in a DuckDB that attached the lake to write; the last one's table."""
    with reading.duckdb_connection() as connection:
        connection.execute(f"ATTACH 'ducklake:sqlite:{reading.catalog_path(lake)}' AS lake")
        for statement in sql:
            answer = connection.execute(statement).to_arrow_table()
        return answer


def evolve(lake, servers):
    """498 rows as schema 1.0.0, then four ledgers in three commits as 1.1.0."""
    process.run(lake, servers[OLD.name], OLD.first, OLD.last, schema_version="1.0.0",
                network="pubnet")
    for first, last in ((NEW.first, NEW.first), (NEW.first + 1, NEW.first + 1)):
        process.run(lake, servers[NEW.name], first, last, schema_version="1.1.0", network="pubnet")


def merge(lake, clean):
    write(lake, "CALL ducklake_merge_adjacent_files('lake')")
    if clean:
        write(lake, "CALL ducklake_expire_snapshots('lake', older_than => now())",
              "CALL ducklake_cleanup_old_files('lake', cleanup_all => true)")


@pytest.fixture(scope="module", params=["evolved", "merged"])
def changed(request, tmp_path_factory, servers):
    """A folder whose data/demo/pubnet was evolved, and where DuckDB merged, and then written on."""
    folder = tmp_path_factory.mktemp(request.param)
    lake = folder / PUBNET
    lake.parent.mkdir(parents=True)
    evolve(lake, servers)
    if request.param == "merged":
        merge(lake, clean=True)
        assert any(path.name.startswith("ducklake-") for path in reading.data_files(lake))
    process.run(lake, servers[NEW.name], NEW.first + 2, NEW.last, schema_version="1.1.0",
                network="pubnet")
    return folder


def test_the_page_has_blocks_of_each_kind():
    assert {name for name, _, _ in BLOCKS} == {"text", "sql", "python"}
    assert len(blocks("sql", "")) >= 7 and len(blocks("python")) >= 7
    assert {kind for name, kind, _ in BLOCKS if name == "sql"} == {"", "write", "copy"}


@pytest.mark.parametrize(("kind", "text"), blocks("sql", ""))
def test_sql_of_the_page_finds_rows(demo, monkeypatch, kind, text):
    monkeypatch.chdir(demo)
    # The real clawbacks are the test network's.
    network = "testnet" if "clawback" in text else "pubnet"
    with reading.duckdb_connection() as connection:
        catalog = reading.catalog_path(demo / "data" / "demo" / network)
        connection.execute(f"ATTACH 'ducklake:sqlite:{catalog}' AS lake (READ_ONLY)")
        for statement in statements(text):
            answer = connection.execute(statement).to_arrow_table()
        assert answer.num_rows > 0, text


@pytest.mark.parametrize(("kind", "text"), blocks("sql", "write"))
def test_sql_of_the_page_that_writes_leaves_our_rows(own_demo, kind, text):
    before = reading.read_attached(PUBNET, "1.1.0")
    write(PUBNET, *statements(text))
    after = reading.read_attached(PUBNET, "1.1.0")
    memo = truth.COLUMNS_1_1_0.index("memo")
    if "INSERT" in text:
        inserted = [row for row in after if row[memo] == "seen"]
        assert len(inserted) == sum(row[3] == "mint" for row in before)
        after = [row for row in after if row[memo] != "seen"]
    reading.assert_same(after, before, "after the page's block")


# What a block's `events` holds: all rows, and those of schema 1.0.0, which have no event_index.
COUNTS = (
    ("import chdb", None),
    ("CREATE TABLE", 'tuple(spark.sql("SELECT count(*), count(*) - count(event_index)'
                     ' FROM events").first())'),
    ("pyspark", '(events.count(), events.where("event_index IS NULL").count())'),
    ("import duckdb", 'events.aggregate("count(*), count(*) - count(event_index)").fetchone()'),
    ("import pandas", "(len(events), int(events.event_index.isna().sum()))"),
    ("import polars", 'events.select(polars.len(), polars.col("event_index").null_count())'
                      ".collect().row(0)"),
    ("import pyarrow", '(events.count_rows(),'
                       ' events.to_table(columns=["event_index"]).column(0).null_count)'),
)


def run_python(folder, kind, text, counts):
    needed = NEEDS.get(kind)
    if needed is not None and importlib.util.find_spec(needed) is None:
        pytest.skip(f"not run: no {needed}")
    if kind == "spark" and shutil.which("java") is None:
        pytest.skip("not run: Spark needs a Java of 17 or later")
    count = next(count for mark, count in COUNTS if mark in text)
    check = "" if count is None else f"got = {count}\nassert got == {counts}, got\n"
    path = f"{process.BINARY.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run([sys.executable, "-c", text + check], cwd=folder, capture_output=True,
                          text=True, timeout=300, env=process.environment(PATH=path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


@pytest.mark.parametrize(("kind", "text"), blocks("python"))
def test_python_of_the_page_finds_all_rows(demo, kind, text):
    run_python(demo, kind, text, (len(truth.truth_rows(truth.PUBNET)), 0))


@pytest.mark.parametrize(("kind", "text"), blocks("python"))
def test_python_of_the_page_finds_all_rows_of_changed_lakes(changed, kind, text):
    run_python(changed, kind, text, (EVENTS, len(truth.read_rows(OLD))))


@pytest.mark.parametrize(("kind", "text"), blocks("sql", "", only="read_parquet"))
def test_sql_over_the_files_of_changed_lakes_counts_all_rows(changed, monkeypatch, kind, text):
    monkeypatch.chdir(changed)
    with reading.duckdb_connection() as connection:
        for statement in statements(text):
            answer = connection.execute(statement).to_arrow_table()
    assert sum(answer["events"].to_pylist()) == EVENTS


def test_the_readmes_query_over_the_files_reads_changed_lakes(changed, monkeypatch):
    query, = re.findall(r"^    (SELECT \* FROM read_parquet\(.*\)) LIMIT 10;$",
                        (ROOT / "README.md").read_text(), re.M)
    monkeypatch.chdir(changed)
    with reading.duckdb_connection() as connection:
        assert connection.execute(query).to_arrow_table().num_rows == EVENTS


def test_the_readmes_python_reads_the_demo(demo):
    lines = re.findall(r"^    ((?:pandas|polars|pyarrow\.dataset)\.\w+\(.*\))$",
                       (ROOT / "README.md").read_text(), re.M)
    assert len(lines) == 3
    program = "import pandas, polars, pyarrow.dataset\n" + "".join(
        f"assert '{truth.COLUMNS_1_1_0[-1]}' in str(getattr({line}, 'schema', None) or"
        f" list({line}))\n" for line in lines)
    done = subprocess.run([sys.executable, "-c", program], cwd=demo, capture_output=True, text=True,
                          timeout=300)
    assert done.returncode == 0, done.stderr


# ---- what the page says of DuckDB ----------------------------------------------------------------

def globbed(lake, pattern):
    with reading.duckdb_connection() as connection:
        return connection.execute(
            f"SELECT count(*) FROM read_parquet('{lake}/{pattern}', hive_partitioning = true,"
            " union_by_name = true)").fetchone()[0]


def test_until_it_is_cleaned_up_a_merged_files_rows_lie_in_the_folder_twice(tmp_path, servers):
    lake = tmp_path / PUBNET
    lake.parent.mkdir(parents=True)
    evolve(lake, servers)
    merge(lake, clean=False)
    merged = [row for row in truth.read_rows(NEW) if row["ledger_sequence"] < NEW.first + 2]
    all_rows = len(truth.read_rows(OLD)) + len(merged)
    assert globbed(lake, "year=*/**/*.parquet") == all_rows + len(merged)
    (kind, text), = [block.values for block in blocks("python", "files")]
    run_python(tmp_path, kind, text, (all_rows, len(truth.read_rows(OLD))))


INSERT = ("INSERT INTO lake.ttp_events BY NAME SELECT * REPLACE ('inserted' AS memo)"
          " FROM lake.ttp_events WHERE event_type = 'mint'")
UPDATE = "UPDATE lake.ttp_events SET memo = 'updated' WHERE event_type = 'mint'"


def places(lake):
    """The folders, from the lake on, of what DuckDB wrote."""
    return {path.parent.relative_to(lake).as_posix() for path in reading.data_files(lake)
            if path.name.startswith("ducklake-")}


def test_duckdbs_folders_have_no_leading_zeros_and_deletes_lie_in_the_lakes_folder(lake, servers):
    process.run(lake, servers[truth.TESTNET.name], truth.TESTNET.first, truth.TESTNET.last,
                schema_version="1.1.0")
    rows = len(truth.read_rows(truth.TESTNET))
    mints = sum(row["event_type"] == "mint" for row in truth.read_rows(truth.TESTNET))
    write(lake, INSERT)
    assert places(lake) == {"year=2022/month=6/day=10/hour=4"}
    assert globbed(lake, "year=*/**/*.parquet") == rows + mints
    assert globbed(lake, "year=*/month=06/**/*.parquet") == rows
    write(lake, UPDATE)
    assert "." in places(lake)
    assert len(reading.read_attached(lake, "1.1.0")) == rows + mints
    assert globbed(lake, "year=*/**/*.parquet") > rows + mints


def test_after_reset_partitioned_by_what_duckdb_writes_lies_beside_the_folders(lake, servers):
    endpoint = servers[truth.TESTNET.name]
    middle = truth.TESTNET.first + 80
    process.run(lake, endpoint, truth.TESTNET.first, middle, schema_version="1.1.0")
    write(lake, "ALTER TABLE lake.ttp_events RESET PARTITIONED BY", INSERT, UPDATE)
    assert places(lake) == {"."}
    process.run(lake, endpoint, middle + 1, truth.TESTNET.last, schema_version="1.1.0")
    assert globbed(lake, "year=*/**/*.parquet") == len(truth.read_rows(truth.TESTNET))
    with pytest.raises(Exception, match="Hive partition mismatch"):
        globbed(lake, "**/*.parquet")


def test_two_days_spare_a_file_that_waits_for_its_commit_and_cleanup_all_does_not(own_demo):
    placed = reading.data_files(PUBNET)[0].with_name("ttp_events_placed.parquet")
    shutil.copy(reading.data_files(PUBNET)[0], placed)
    text, = [block.values[1] for block in blocks("sql", "write", only="delete_orphaned_files")]
    write(PUBNET, *statements(text))
    assert placed.exists()
    write(PUBNET, text.strip().rstrip(";").replace("older_than => now() - INTERVAL 2 DAY",
                                                   "cleanup_all => true"))
    assert not placed.exists()


def test_a_copy_is_read_by_the_place_that_is_named(own_demo):
    shutil.copytree(PUBNET, "copy")
    text, = [block.values[1] for block in blocks("sql", "copy")]
    attach, select = statements(text)
    shutil.move(PUBNET, "elsewhere")
    with reading.duckdb_connection() as connection:
        connection.execute(attach)
        (count, newest), = connection.execute(select).fetchall()
    rows = truth.truth_rows(truth.PUBNET)
    assert (count, newest) == (len(rows), max(row["ledger_sequence"] for row in rows))
    with reading.attached("copy") as connection, pytest.raises(Exception, match="pubnet"):
        connection.execute("SELECT count(*) FROM lake.ttp_events WHERE amount <> ''").fetchone()


def test_side_files_that_a_writing_attach_removed_come_back_with_the_next_run(lake, servers):
    endpoint, (first, last) = servers[truth.TESTNET.name], truth.TESTNET.ranges[0]
    sides = [reading.catalog_path(lake).with_name(f"catalog.sqlite-{end}") for end in
             ("wal", "shm")]
    process.run(lake, endpoint, first, last, schema_version="1.1.0")
    assert all(side.exists() for side in sides)
    reading.read_attached(lake, "1.1.0")
    assert all(side.exists() for side in sides)
    write(lake, "SELECT 1")
    assert not any(side.exists() for side in sides)
    process.run(lake, endpoint, first, last, schema_version="1.1.0")
    assert all(side.exists() for side in sides)
