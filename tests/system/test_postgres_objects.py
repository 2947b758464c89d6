# SPDX-License-Identifier: Apache-2.0
"""A lake on object storage with its catalog in PostgreSQL: the two places meet only in a run."""

import signal

import pytest

from harness import lake as reading
from harness import postgres, process, truth, versitygw
from harness.fake_s3 import FakeS3

RECORDING = truth.TESTNET
FIRST, LAST = RECORDING.first, RECORDING.last
LAKE = "s3://bucket/lake"
VERSION = "1.1.0"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "testsecret"}

pytestmark = pytest.mark.skipif(postgres.binaries() is None, reason="PostgreSQL is not installed")


@pytest.fixture
def store():
    with FakeS3() as fake:
        yield fake


class Place:
    def __init__(self, store, catalog_server, tmp_path):
        self.env = process.environment(**KEYS)
        self.staging = tmp_path / "staging"
        self.settings = {"catalog": catalog_server.location(), "s3_endpoint": store.endpoint,
                         "s3_path_style": True, "staging_path": self.staging}

    def run(self, server, start=process.run, **options):
        options = {"schema_version": VERSION, "batch_size": 1, "max_file_size": "8KiB",
                   "lease_ttl": "1s",
                   **self.settings, **options}
        return start(LAKE, server.endpoint, FIRST, LAST, env=self.env, **options)

    def execute(self, *words):
        settings = {f"PARQUET_CONSUMER_{name.upper()}":
                    str(value).lower() if isinstance(value, bool) else str(value)
                    for name, value in {"output_path": LAKE, **self.settings}.items()}
        return process.execute(*words, env={**self.env, **settings})


@pytest.fixture
def place(store, catalog_server, tmp_path):
    return Place(store, catalog_server, tmp_path)


def assert_complete(store, catalog_server, place, staged=False):
    """Every row once, in objects that the catalog names, and nothing left over; but for what a dead
    process staged, until another one stages there."""
    place.execute("verify", "--deep").expect(0)
    live = catalog_server.sql("SELECT path, record_count FROM ducklake_data_file"
                              " WHERE end_snapshot IS NULL")
    assert {f"lake/{path}" for path, _ in live} == {
        key for key in store.objects if key.endswith(".parquet")}
    assert sum(int(rows) for _, rows in live) == len(truth.read_rows(RECORDING))
    assert catalog_server.sql("SELECT first_ledger, last_ledger FROM ttp_coverage") == [
        (str(FIRST), str(LAST))]
    # What a killed process was putting is deleted once more after a day.
    assert catalog_server.sql("SELECT count(*) FROM ttp_upload WHERE swept_us IS NULL") == [("0",)]
    left = {path.name for path in place.staging.rglob("*") if path.is_file()}
    assert left == {"lock"} or staged and all(
        name == "lock" or name.endswith(".inprogress") for name in left)


def test_a_run_completes_the_lake_and_the_next_one_has_nothing_to_do(store, catalog_server, place):
    with process.Replay([RECORDING.events]) as server:
        place.run(server)
        assert_complete(store, catalog_server, place)
        before = set(store.objects)
        place.run(server)
    assert set(store.objects) == before
    place.execute("status").expect(0).says(f"{FIRST}")
    place.execute("files").expect(0).says("s3://bucket/lake")


@pytest.mark.s3_server
def test_duckdb_reads_it_by_its_two_addresses(catalog_server, tmp_path):
    with versitygw.Gateway(tmp_path) as store, reading.duckdb_connection() as connection:
        with process.Replay([RECORDING.events]) as server:
            Place(store, catalog_server, tmp_path).run(server)
        host = store.endpoint.removeprefix("http://")
        httpfs = reading._extension("duckdb_extension_httpfs", "httpfs")
        connection.execute(
            f"LOAD '{httpfs}'; CREATE SECRET s (TYPE s3, KEY_ID 'test', SECRET 'testsecret', REGION"
            f" 'us-east-1', ENDPOINT '{host}', URL_STYLE 'path', USE_SSL false)")
        connection.execute(f"ATTACH 'ducklake:postgres:{catalog_server.conninfo()}' AS lake"
                           " (METADATA_SCHEMA 'public', READ_ONLY)")
        rows = reading._duckdb_rows(connection, VERSION, "lake.ttp_events")
        connection.execute("DETACH lake")
    reading.assert_same(rows, truth.expected_rows(truth.truth_rows([RECORDING]), VERSION),
                        "DuckDB on PostgreSQL and object storage")


@pytest.mark.parametrize("puts", [1, 4, 9])
def test_a_run_that_is_killed_is_gone_on_with(store, catalog_server, place, puts):
    with process.Replay([RECORDING.events], "--pace", "5ms") as server:
        with place.run(server, process.run_background) as run:
            run.wait_for(lambda: len(store.objects) >= puts, "the objects")
            run.stop(signal.SIGKILL)
        place.run(server)
    assert_complete(store, catalog_server, place)


@pytest.mark.parametrize("last, status", [(LAST, 1), (0, 0)])
def test_a_worker_that_is_stopped_does_not_say_that_all_is_there(store, place, last, status):
    """A Job takes exit code 0 of a pod that is drained for the end of its work."""
    with process.Replay([RECORDING.events], "--pace", "50ms") as server:
        with process.run_background(LAKE, server.endpoint, FIRST, last, env=place.env,
                                    schema_version=VERSION, batch_size=1, max_file_size="8KiB",
                                    **place.settings) as run:
            run.wait_for(lambda: len(store.objects) > 1, "an object")
            run.stop(signal.SIGTERM).expect(status)


def test_several_streams_fill_it(store, catalog_server, place):
    with process.Replay([RECORDING.events]) as server:
        place.run(server, streams=4, lease_ledgers=32)
    assert_complete(store, catalog_server, place)
