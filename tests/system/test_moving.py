# SPDX-License-Identifier: Apache-2.0
"""`backup` moves a lake between a folder with SQLite and object storage with PostgreSQL, and back:
rows, commits, snapshots, dead letters and pruned ledgers are the same at each end."""

import contextlib
import datetime
import json
import random
import signal
import sqlite3
import time

import pytest

from harness import lake as reading
from harness import postgres, process, truth, versitygw
from harness.fake_s3 import FakeS3

RECORDING = truth.TESTNET
FIRST, LAST = RECORDING.first, RECORDING.last
MIDDLE, CUT, LETTER = FIRST + 80, FIRST + 30, FIRST + 50
S3_LAKE, S3_OTHER = "s3://bucket/lake", "s3://bucket/other"
VERSION = "1.1.0"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "testsecret"}
# What belongs to the place: who writes and fetches there, what is being put, where it is.
OF_PLACE = {"ttp_writer", "ttp_upload", "ttp_numbers", "ttp_lease"}
KEYS_OF_PLACE = {"lake_path", "data_path", "data_inlining_row_limit", "layout_version"}

pytestmark = pytest.mark.skipif(postgres.binaries() is None, reason="PostgreSQL is not installed")


@pytest.fixture
def store():
    with FakeS3() as fake:
        yield fake


class Mover:
    """The program with the settings of a store; of a lake on it, its catalog, too."""

    def __init__(self, store, staging):
        self.settings = {"s3_endpoint": store.endpoint, "s3_path_style": "true",
                         "staging_path": staging}

    def env(self, lake=None, catalog=None, schema=None):
        settings = {**self.settings, "output_path": lake, "catalog": catalog,
                    "catalog_schema": schema}
        return process.environment(**KEYS, **{
            f"PARQUET_CONSUMER_{name.upper()}": str(value)
            for name, value in settings.items() if value is not None})

    def backup(self, lake, copy, *arguments, catalog=None, status=0):
        """`catalog` is the lake's."""
        return process.execute("backup", copy, *arguments, env=self.env(lake, catalog)).expect(
            status)

    def backup_json(self, *arguments, **settings):
        return json.loads(self.backup(*arguments, "--json", **settings).stdout)

    def at(self, lake, catalog, *words, status=0):
        return process.execute(*words, env=self.env(lake, catalog)).expect(status)

    def run(self, lake, endpoint, first, last, catalog=None, **options):
        options = {"schema_version": VERSION, "max_file_size": "8KiB", **options}
        return process.run(lake, endpoint, first, last, env=self.env(catalog=catalog), **options)


@pytest.fixture
def mover(store, tmp_path):
    return Mover(store, tmp_path / "staging")


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A lake with dead letters, pruned ledgers, and several snapshots."""
    folder = tmp_path_factory.mktemp("moving")
    (folder / "faults").write_text(f"ledger={LETTER} damaged-event always\n")
    with process.Replay([RECORDING.events], "--fault", folder / "faults") as server:
        for last in (LETTER, MIDDLE):
            process.run(folder / "lake", server.endpoint, FIRST, last, schema_version=VERSION,
                        max_file_size="8KiB")
    process.execute("prune", "--before-ledger", CUT, "--output-path", folder / "lake").expect(0)
    return folder / "lake"


@pytest.fixture
def made(template, lake):
    process.execute("backup", lake, "--output-path", template).expect(0)
    return lake


def plain(value):
    """A value as any database has it: times differ by the zeros behind them."""
    if isinstance(value, str) and value.endswith("+00"):
        with contextlib.suppress(ValueError):
            return datetime.datetime.fromisoformat(value + ":00").isoformat()
    return {"t": "1", "f": "0"}.get(value, None if value is None else str(value))


def tables_of(rows_of, names):
    tables = {}
    for name in sorted(set(names) - OF_PLACE):
        rows = [tuple(map(plain, row)) for row in rows_of(name)]
        tables[name] = sorted((row for row in rows if row[0] not in KEYS_OF_PLACE), key=repr)
    return {name: rows for name, rows in tables.items() if rows}


def sqlite_tables(path):
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    with contextlib.closing(connection):
        names = [name for name, in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'")]
        return tables_of(lambda name: connection.execute(f"SELECT * FROM {name}").fetchall(), names)


def postgres_tables(server, schema="public"):
    """By one session: each is a process."""
    names = [name for name, in server.sql(
        f"SELECT tablename FROM pg_tables WHERE schemaname = '{schema}'")]
    rows, tables = None, {}
    for row in server.sql(*(statement for name in names for statement in (
            f"SELECT '@{name}'", f"SELECT * FROM {schema}.{name}"))):
        if row[0] is not None and row[0].startswith("@"):
            rows = tables.setdefault(row[0][1:], [])
        else:
            rows.append(row)
    return tables_of(lambda name: tables[name], names)


def lake_tables(lake):
    return sqlite_tables(lake / "_lake" / "catalog.sqlite")


def letters(finished):
    return [json.loads(line) for line in finished.expect(0).stdout.splitlines()]


def verified(finished):
    report = json.loads(finished.expect(0).stdout)
    assert report["ok"], report["problems"]
    return report


def check_same(mover, made, lake, catalog):
    """Both lakes tell the same of themselves."""
    for words in (("dead-letters", "--json"), ("files", "--json")):
        there, here = (letters(mover.at(place, where, *words))
                       for place, where in ((lake, catalog), (made, None)))
        for line in there + here:
            line.pop("path", None)
            line.pop("file", None)
        assert there == here
    there, here = (verified(mover.at(place, where, "verify", "--deep", "--json"))
                   for place, where in ((lake, catalog), (made, None)))
    assert {key: there[key] for key in ("files", "rows", "coverage")} == {
        key: here[key] for key in ("files", "rows", "coverage")}


def test_a_lake_moves_up_and_back_row_by_row(mover, store, catalog_server, made, tmp_path):
    up = catalog_server.location()
    report = mover.backup_json(made, S3_LAKE, "--catalog", up)
    assert report["first"] and report["copied_files"] == report["files"] > 5
    assert report["destination"] == S3_LAKE and report["data_path"] == S3_LAKE + "/"
    here = lake_tables(made)
    assert postgres_tables(catalog_server) == here
    assert len(here["ducklake_snapshot"]) > 5 and here["ttp_pruned"] and here["ttp_dead_letters"]
    check_same(mover, made, S3_LAKE, up)

    back = tmp_path / "back"
    assert mover.backup_json(S3_LAKE, back, catalog=up)["files"] == report["files"]
    assert lake_tables(back) == here
    check_same(mover, made, back, None)
    names = {str(path.relative_to(made)) for path in made.rglob("*.parquet*")}
    assert names == {str(path.relative_to(back)) for path in back.rglob("*.parquet*")}
    reading.assert_nothing_left(back)
    for place in (made, back):
        with reading.attached(place) as connection:
            counts = [connection.execute(
                f"SELECT count(*), sum(ledger_sequence) FROM lake.ttp_events AT (VERSION => {number})"
            ).fetchone() for number, in connection.execute(
                "SELECT snapshot_id FROM lake.snapshots() WHERE snapshot_id > 1 ORDER BY 1"
            ).fetchall()]
        assert counts == locals().get("before", counts) and counts[0] != counts[-1]
        before = counts  # noqa: F841 (the other place's)


def test_the_lake_goes_on_where_it_is(mover, store, servers, catalog_server, made, tmp_path):
    up = catalog_server.location()
    mover.backup(made, S3_LAKE, "--catalog", up)
    mover.run(S3_LAKE, servers[RECORDING.name], FIRST, LAST, catalog=up)
    mover.at(S3_LAKE, up, "verify", "--deep")
    back = tmp_path / "back"
    mover.backup(S3_LAKE, back, catalog=up)
    # It went its own way: no backup of the folder may go over it.
    mover.backup(made, S3_LAKE, "--catalog", up, status=2).says("a run went on there")
    mover.run(made, servers[RECORDING.name], FIRST, LAST)
    rows = reading.read_attached(made, VERSION)
    assert len(rows) > 500 and reading.coverage(made) == reading.coverage(back)
    reading.assert_same(reading.read_attached(back, VERSION), rows, "the lake that moved")
    mover.run(back, servers[RECORDING.name], FIRST, LAST)
    process.execute("verify", "--deep", "--output-path", back).expect(0)


def test_the_next_one_brings_what_is_new_and_a_mirror_removes_what_left(
        mover, store, servers, catalog_server, made):
    up = ("--catalog", catalog_server.location())
    first = mover.backup_json(made, S3_LAKE, *up)
    assert mover.backup_json(made, S3_LAKE, *up)["copied_files"] == 0
    mover.run(made, servers[RECORDING.name], MIDDLE + 1, LAST)
    told = mover.backup_json(made, S3_LAKE, *up, "--dry-run")
    second = mover.backup_json(made, S3_LAKE, *up)
    assert told["copied_files"] == second["copied_files"] == second["files"] - first["files"] > 0
    assert postgres_tables(catalog_server) == lake_tables(made)
    for words in (("prune", "--before-ledger", MIDDLE), ("expire", "--older-than", "0s")):
        process.execute(*words, "--output-path", made).expect(0)
    third = mover.backup_json(made, S3_LAKE, *up)
    assert third["left_files"] > 0 and third["removed_files"] == 0
    mover.at(S3_LAKE, up[1], "verify", "--deep")
    fourth = mover.backup_json(made, S3_LAKE, *up, "--mirror")
    assert fourth["removed_files"] == third["left_files"] and fourth["left_files"] == 0
    assert postgres_tables(catalog_server) == lake_tables(made)
    assert {key for key in store.objects if key.endswith((".parquet", ".replaced"))} == {
        "lake/" + str(path.relative_to(made)) for path in made.rglob("*.parquet*")}
    mover.at(S3_LAKE, up[1], "verify", "--deep")


def test_a_catalog_in_a_file_stands_for_one_process(mover, store, made, tmp_path):
    catalog = f"sqlite:{tmp_path}/catalog/lake.sqlite"
    mover.backup(made, S3_LAKE, "--catalog", catalog)
    assert sqlite_tables(tmp_path / "catalog" / "lake.sqlite") == lake_tables(made)
    check_same(mover, made, S3_LAKE, catalog)
    assert mover.backup_json(made, S3_LAKE, "--catalog", catalog)["copied_files"] == 0
    # The flag is the lake's where that is on s3:// and nothing else names its catalog.
    mover.backup(S3_LAKE, tmp_path / "back", "--catalog", catalog)
    assert lake_tables(tmp_path / "back") == lake_tables(made)


def test_a_folder_may_have_its_catalog_in_postgresql(mover, catalog_server, made, tmp_path):
    copy, place = tmp_path / "copy", catalog_server.location()
    mover.backup(made, copy, "--catalog", place, "--catalog-schema", "copies")
    assert postgres_tables(catalog_server, "copies") == lake_tables(made)
    assert json.loads((copy / "_lake" / "lake.json").read_text())["catalog_schema"] == "copies"
    check_same(mover, made, copy, None)
    assert mover.backup_json(made, copy)["copied_files"] == 0
    mover.backup(made, copy, "--catalog", place, "--catalog-schema", "others", status=2).says(
        "has its catalog in .*copies")
    mover.backup(copy, tmp_path / "back")
    assert lake_tables(tmp_path / "back") == lake_tables(made)
    mover.backup(made, tmp_path / "other", "--catalog", place, "--catalog-schema", "copies",
                 status=2).says("holds the lake of .*copy")


def test_from_one_object_store_to_another(mover, store, catalog_server, made):
    one = catalog_server.location()
    mover.backup(made, S3_LAKE, "--catalog", one)
    mover.backup(S3_LAKE, S3_OTHER, "--catalog", one, "--catalog-schema", "other", catalog=one)
    assert postgres_tables(catalog_server, "other") == lake_tables(made)
    assert {key.removeprefix("lake/") for key in store.objects
            if key.startswith("lake/") and ".parquet" in key} == {
                key.removeprefix("other/") for key in store.objects
                if key.startswith("other/") and ".parquet" in key}


@pytest.mark.parametrize("arguments, status, words", [
    ((S3_LAKE,), 2, "can't hold the copy's catalog: say where"),
    ((S3_LAKE, "--catalog", "postgres:host=127.0.0.1 port=1 dbname=x"), 1, "onnection refused"),
    ((S3_LAKE, "--catalog", "oracle:x"), 2, "the catalog is sqlite:PATH, or postgres:CONNINFO"),
    ((S3_LAKE, "--catalog-schema", "x"), 2, "give it with --catalog"),
    ((S3_LAKE, "--catalog", "sqlite:thing", "--link"), 2, "--link gives files second names"),
    (("s3://nowhere/lake", "--catalog", "sqlite:thing"), 2, "nowhere"),
    (("ftp://a/b",), 2, "into a folder, or to object storage as s3://BUCKET/PREFIX"),
    (("copy", "--catalog", "sqlite:thing"), 2, "keeps its SQLite catalog in that folder"),
])
def test_wrong_use_is_told_with_the_remedy(mover, made, tmp_path, arguments, status, words):
    finished = process.execute("backup", *arguments, "--output-path", made, cwd=tmp_path,
                               env=mover.env())
    finished.expect(status).says(words)


def test_what_is_no_backup_of_this_lake_is_left_alone(mover, store, servers, catalog_server, made,
                                                      tmp_path):
    up = ("--catalog", catalog_server.location())
    with contextlib.closing(sqlite3.connect(tmp_path / "thing")) as thing:
        thing.execute("CREATE TABLE notes(a)")
    mover.backup(made, S3_LAKE, "--catalog", f"sqlite:{tmp_path}/thing", status=2).says(
        "something else than a lake's catalog")
    mover.backup(made, S3_LAKE, *up)
    other = tmp_path / "other"
    mover.run(other, servers[RECORDING.name], FIRST, FIRST + 5)
    before = dict(store.objects)
    mover.backup(other, S3_LAKE, *up, status=2).says("holds another lake")
    mover.backup(other, S3_OTHER, *up, status=2).says("another one .another --catalog-schema")
    mover.backup(other, "s3://bucket", *up, "--catalog-schema", "third", status=2).says(
        "is not empty")
    assert {key: value for key, value in store.objects.items() if "_lake/probe" not in key} == before


def kill_at_random(mover, store, request, *words, lake, catalog=None):
    """Each time at another moment; then it goes on to its end."""
    kills = max(2, request.config.getoption("--kills") // 10)
    draw = random.Random(request.config.getoption("--kills-seed"))
    for _ in range(kills):
        until, pause = len(store.requests) + draw.randrange(1, 60), draw.random() / 50
        with process.Background("backup", *words, env=mover.env(lake, catalog)) as backup:
            while backup.running and len(store.requests) < until:
                time.sleep(0.002)
            time.sleep(pause)
            backup.stop(signal.SIGKILL)
    mover.backup(lake, *words, catalog=catalog)


def test_a_kill_on_the_way_up_is_gone_on_with(mover, store, catalog_server, made, tmp_path,
                                              request):
    up = catalog_server.location()
    kill_at_random(mover, store, request, S3_LAKE, "--catalog", up, lake=made)
    assert postgres_tables(catalog_server) == lake_tables(made)
    check_same(mover, made, S3_LAKE, up)
    assert [path.name for path in (tmp_path / "staging").rglob("*") if path.is_file()
            and path.name not in ("lock", "backup")] == []


def test_a_kill_on_the_way_back_is_gone_on_with(mover, store, catalog_server, made, tmp_path,
                                                request):
    up, back = catalog_server.location(), tmp_path / "back"
    mover.backup(made, S3_LAKE, "--catalog", up)
    kill_at_random(mover, store, request, back, lake=S3_LAKE, catalog=up)
    assert lake_tables(back) == lake_tables(made)
    check_same(mover, made, back, None)
    reading.assert_nothing_left(back)


def test_a_store_that_fails_and_a_database_that_restarts_cost_another_try(
        mover, store, catalog_server, made):
    up = catalog_server.location()
    store.refuse(403, "AccessDenied", method="PUT", key=r"\.parquet$", skip=2)
    mover.backup(made, S3_LAKE, "--catalog", up, status=1).says("AccessDenied")
    catalog_server.restart(signal.SIGQUIT)
    store.refuse(500, "InternalError", method="PUT", key=r"\.parquet$", count=3)
    mover.backup(made, S3_LAKE, "--catalog", up)
    assert postgres_tables(catalog_server) == lake_tables(made)
    check_same(mover, made, S3_LAKE, up)


def test_beside_a_run_it_is_of_one_moment(mover, store, catalog_server, made, tmp_path):
    up = catalog_server.location()
    with process.Replay([RECORDING.events], "--pace", "20ms") as server:
        arguments = process.run_arguments(made, server.endpoint, MIDDLE + 1, LAST,
                                          schema_version=VERSION, max_file_size="8KiB",
                                          batch_size=1)
        with process.Background(*arguments, env=mover.env()) as run:
            times = 0
            while run.running:
                mover.backup(made, S3_LAKE, "--catalog", up)
                mover.at(S3_LAKE, up, "verify", "--deep")
                times += 1
            run.wait().expect(0)
    mover.backup(made, S3_LAKE, "--catalog", up)
    assert postgres_tables(catalog_server) == lake_tables(made) and times > 0


def test_deletions_of_a_lake_in_postgresql_wait_for_its_backup(mover, catalog_server, made,
                                                               tmp_path):
    """On whatever machine that runs: here it holds the lock of the catalog, and no other."""
    copy, place = tmp_path / "copy", catalog_server.location()
    mover.backup(made, copy, "--catalog", place)
    lock = ("SELECT pg_try_advisory_lock_shared(7631985, "
            "current_schema()::regnamespace::oid::int4); SELECT pg_sleep(600)")
    with postgres.Session(catalog_server, lock) as session:
        session.wait_for_lock()
        finished = process.execute("expire", "--older-than", "0s", "--output-path", copy).expect(0)
        finished.says("a backup of the lake is running .the catalog's session")
    finished = process.execute("expire", "--older-than", "0s", "--output-path", copy).expect(0)
    assert "a backup" not in finished.output


def test_duckdb_reads_what_moved_by_its_two_addresses(catalog_server, made, tmp_path):
    with versitygw.Gateway(tmp_path) as store, reading.duckdb_connection() as connection:
        Mover(store, tmp_path / "staging").backup(made, S3_LAKE, "--catalog",
                                                  catalog_server.location())
        host = store.endpoint.removeprefix("http://")
        httpfs = reading._extension("duckdb_extension_httpfs", "httpfs")
        connection.execute(
            f"LOAD '{httpfs}'; CREATE SECRET s (TYPE s3, KEY_ID 'test', SECRET 'testsecret', REGION"
            f" 'us-east-1', ENDPOINT '{host}', URL_STYLE 'path', USE_SSL false)")
        connection.execute(f"ATTACH 'ducklake:postgres:{catalog_server.conninfo()}' AS lake"
                           " (METADATA_SCHEMA 'public', READ_ONLY)")
        count = "SELECT count(*), sum(ledger_sequence) FROM lake.ttp_events"
        numbers = [number for number, in connection.execute(
            "SELECT snapshot_id FROM lake.snapshots() WHERE snapshot_id > 1 ORDER BY 1").fetchall()]
        there = [connection.execute(f"{count} AT (VERSION => {number})").fetchone()
                 for number in (numbers[0], numbers[-2], numbers[-1])]
        connection.execute("DETACH lake")
    with reading.attached(made) as connection:
        assert there == [connection.execute(f"{count} AT (VERSION => {number})").fetchone()
                         for number in (numbers[0], numbers[-2], numbers[-1])]


# ---- what left the lake on object storage --------------------------------------------------------

@pytest.mark.parametrize("words", [(), ("--mirror",)], ids=["new", "mirror"])
def test_what_was_pruned_on_object_storage_is_kept_in_a_folder_as_there(
        mover, store, made, tmp_path, words):
    """There it keeps its name; in a folder, where it is moved away, older snapshots find it."""
    catalog, back = f"sqlite:{tmp_path}/catalog/lake.sqlite", tmp_path / "back"
    mover.backup(made, S3_LAKE, "--catalog", catalog)
    if words:
        mover.backup(S3_LAKE, back, catalog=catalog)
    before = sqlite_value(tmp_path / "catalog" / "lake.sqlite",
                          "SELECT max(snapshot_id) FROM ducklake_snapshot")
    mover.at(S3_LAKE, catalog, "prune", "--before-ledger", MIDDLE - 10)
    mover.at(S3_LAKE, catalog, "compact", "--partition", "year=2022")
    mover.backup(S3_LAKE, back, *words, catalog=catalog)
    process.execute("verify", "--deep", "--output-path", back).expect(0)
    retired = [back / path for path, in reading.catalog_query(
        back, "SELECT path FROM ducklake_data_file WHERE end_snapshot IS NOT NULL")]
    assert retired and all(path.suffix == ".replaced" and path.exists() for path in retired)
    with reading.duckdb_connection() as connection:
        connection.execute(f"ATTACH 'ducklake:sqlite:{back}/_lake/catalog.sqlite' AS lake (READ_ONLY)")
        now, = connection.execute("SELECT count(*) FROM lake.ttp_events").fetchone()
        then, = connection.execute(
            f"SELECT count(*) FROM lake.ttp_events AT (VERSION => {before})").fetchone()
    assert then == sqlite_value(made / "_lake" / "catalog.sqlite",
                                "SELECT sum(row_count) FROM ttp_commits WHERE ended_us IS NULL")
    assert now < then
    assert mover.backup_json(S3_LAKE, back, catalog=catalog)["copied_files"] == 0
    process.execute("expire", "--older-than", "0s", "--output-path", back).expect(0)
    assert not any(path.exists() for path in retired)
    process.execute("verify", "--deep", "--output-path", back).expect(0)


def test_a_first_backup_that_another_machine_ends_leaves_nothing_of_the_dead_one(
        mover, store, made, tmp_path):
    """Its list of files was on the machine that died, and the lake went on since."""
    catalog = f"sqlite:{tmp_path}/catalog/lake.sqlite"
    fault = store.fault("drop", method="PUT", key=r"\.parquet$", skip=3, count=10**6)
    with process.Background("backup", S3_LAKE, "--catalog", catalog,
                            env=mover.env(made)) as running:
        running.wait_for(lambda: fault.met, "the fourth file")
        running.stop(signal.SIGKILL)
    store.faults.clear()
    dead = {key for key in store.objects if key.endswith((".parquet", ".replaced"))}
    assert dead
    process.execute("compact", "--partition", "year=2022", "--output-path", made).expect(0)
    process.execute("expire", "--older-than", "0s", "--output-path", made).expect(0)
    other = Mover(store, tmp_path / "elsewhere")
    told = other.backup_json(made, S3_LAKE, "--catalog", catalog)
    here = {f"lake/{path.relative_to(made)}" for path in reading.data_files(made)}
    assert {key for key in store.objects if key.endswith((".parquet", ".replaced"))} == here
    assert told["removed_files"] == len(dead - here) > 0
    other.at(S3_LAKE, catalog, "verify", "--deep")
    assert lake_tables(made) == sqlite_tables(tmp_path / "catalog" / "lake.sqlite")


def sqlite_value(path, sql):
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchone()[0]
