# SPDX-License-Identifier: Apache-2.0
"""`rebuild` makes the catalog anew from the files where it is not in the lake's folder: in
PostgreSQL, or of a lake on object storage."""

import contextlib
import sqlite3

import pytest

from harness import lake as reading
from harness import postgres, process, truth
from harness.fake_s3 import FakeS3

RECORDING = truth.TESTNET
FIRST, LAST = RECORDING.first, RECORDING.last
LETTER = FIRST + 50
S3_LAKE, VERSION = "s3://bucket/lake", "1.1.0"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "testsecret"}

pytestmark = pytest.mark.skipif(postgres.binaries() is None, reason="PostgreSQL is not installed")


@pytest.fixture
def store():
    with FakeS3() as fake:
        yield fake


class Place:
    """A lake, and its catalog."""

    def __init__(self, lake, catalog, store, staging):
        self.lake = lake
        self.env = process.environment(
            **KEYS, PARQUET_CONSUMER_S3_ENDPOINT=store.endpoint, PARQUET_CONSUMER_CATALOG=catalog,
            PARQUET_CONSUMER_S3_PATH_STYLE="true", PARQUET_CONSUMER_STAGING_PATH=str(staging),
            PARQUET_CONSUMER_OUTPUT_PATH=str(lake))

    def fill(self, tmp_path):
        """With dead letters."""
        (tmp_path / "faults").write_text(f"ledger={LETTER} damaged-event always\n")
        with process.Replay([RECORDING.events], "--fault", tmp_path / "faults") as server:
            self.run(server.endpoint)

    def run(self, endpoint):
        return process.run(self.lake, endpoint, FIRST, LAST, env=self.env, schema_version=VERSION,
                           max_file_size="8KiB")

    def __call__(self, *words, status=0):
        return process.execute(*words, env=self.env).expect(status)

    def told(self):
        """What the lake says of itself, without when."""
        listed = self("files", "--json").stdout, self("dead-letters", "--json").stdout
        self("verify", "--deep")
        return listed


@pytest.fixture(params=["folder and PostgreSQL", "objects and PostgreSQL", "objects and SQLite"])
def place(request, store, catalog_server, tmp_path):
    objects = request.param.startswith("objects")
    catalog = (f"sqlite:{tmp_path}/catalog/lake.sqlite" if request.param.endswith("SQLite")
               else catalog_server.location())
    place = Place(S3_LAKE if objects else tmp_path / "lake", catalog, store, tmp_path / "staging")
    place.fill(tmp_path)
    place.change = (catalog_server.sql if "Postgre" in request.param
                    else lambda sql: change_file(tmp_path / "catalog" / "lake.sqlite", sql))
    return place


def change_file(path, sql):
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.executescript(sql)


def test_it_is_made_anew_and_the_old_one_is_kept(place, servers, catalog_server, tmp_path):
    before = place.told()
    place.change("DELETE FROM ducklake_data_file; DELETE FROM ttp_coverage")
    place("verify", status=3)
    dry = place("rebuild", "--dry-run")
    assert "would be taken in" in dry.stdout and "kept in" not in dry.stdout
    place("verify", status=3)
    done = place("rebuild")
    done.says(f"covered: ledgers {FIRST} to {LAST}",
              "kept in the schema public_damaged|kept in .*lake.sqlite.damaged")
    assert place.told() == before
    if "kept in the schema" in done.stdout:
        assert catalog_server.sql("SELECT count(*) > 0 FROM public_damaged.ttp_commits") == [("t",)]
    else:
        assert (tmp_path / "catalog" / "lake.sqlite.damaged").exists()
    place("rebuild").says("damaged_2|damaged-2")
    assert place.told() == before
    place.run(servers[RECORDING.name])
    place("verify", "--deep")


def test_one_that_is_gone_is_made(place, catalog_server, tmp_path):
    before = place.told()
    catalog_server.sql("DROP SCHEMA public CASCADE")
    for path in (tmp_path / "catalog").glob("lake.sqlite*") if place.lake == S3_LAKE else ():
        if not path.name.endswith("-lock"):
            path.unlink()
    done = place("rebuild")
    assert "the old catalog is kept" not in done.stdout
    assert place.told() == before


def test_a_lost_lake_json_is_made_of_what_the_files_and_the_options_say(store, catalog_server,
                                                                        tmp_path):
    place = Place(tmp_path / "lake", catalog_server.location(), store, tmp_path / "staging")
    place.fill(tmp_path)
    before = place.told()
    text = (place.lake / "_lake" / "lake.json").read_text()
    (place.lake / "_lake" / "lake.json").unlink()
    place("rebuild").says("lake.json was missing or damaged")
    assert '"catalog": "postgres:' in text
    assert (place.lake / "_lake" / "lake.json").read_text() == text
    assert place.told() == before


def test_another_lakes_catalog_and_a_server_that_is_not_there_are_left_alone(
        store, servers, catalog_server, tmp_path):
    mine = Place(S3_LAKE, f"sqlite:{tmp_path}/mine.sqlite", store, tmp_path / "staging")
    mine.fill(tmp_path)
    other = Place("s3://bucket/other", catalog_server.location(), store, tmp_path / "staging")
    other.run(servers[RECORDING.name])
    mixed = Place(S3_LAKE, catalog_server.location(), store, tmp_path / "staging")
    mixed("rebuild", status=2).says("is that of another lake")
    away = Place(S3_LAKE, "postgres:host=127.0.0.1 port=1 dbname=x", store, tmp_path / "staging")
    away("rebuild", status=1).says("onnection refused")
    other("verify", "--deep")
    mine("verify", "--deep")


def test_a_catalog_that_another_process_writes_to_is_left_alone(store, catalog_server, tmp_path):
    """On another machine: no lock of a file tells of it."""
    lake = Place(S3_LAKE, catalog_server.location(), store, tmp_path / "staging")
    beside = Place(S3_LAKE, catalog_server.location(), store, tmp_path / "elsewhere")
    with process.Replay([RECORDING.events], "--pace", "200ms") as server:
        arguments = process.run_arguments(S3_LAKE, server.endpoint, FIRST, LAST, batch_size=1,
                                          schema_version=VERSION, max_file_size="8KiB")
        with process.Background(*arguments, env=lake.env) as run:
            run.wait_for(lambda: any(key.endswith(".parquet") for key in store.objects),
                         "a data file")
            beside("rebuild", status=2).says("is being written to by")
            assert run.running
    assert catalog_server.sql("SELECT 1 FROM pg_namespace WHERE nspname LIKE '%damaged%'") == []


def test_a_lake_that_came_back_from_object_storage_is_rebuilt_with_its_dead_letters(
        store, tmp_path, lake):
    place = Place(S3_LAKE, f"sqlite:{tmp_path}/catalog.sqlite", store, tmp_path / "staging")
    place.fill(tmp_path)
    place("backup", lake)
    letters = process.execute("dead-letters", "--json", "--output-path", lake).expect(0).stdout
    assert letters.count("\n") == 1
    (lake / "_lake" / "catalog.sqlite").unlink()
    done = process.execute("rebuild", "--output-path", lake).expect(0)
    assert "1 dead letter," in done.stdout and "moved" not in done.stdout
    process.execute("verify", "--deep", "--output-path", lake).expect(0)
    assert process.execute("dead-letters", "--json", "--output-path", lake).expect(
        0).stdout == letters
    assert reading.coverage(lake) == [(FIRST, LAST)]
