# SPDX-License-Identifier: Apache-2.0
"""A lake on object storage (a fake store of ours, or a real server), its catalog in SQLite or in
PostgreSQL: its commands, what the catalog says of it, and how it is read."""

import contextlib
import copy
import io
import shutil
import sqlite3

import pyarrow.parquet

from harness import lake as reading
from harness import process

KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "testsecret"}
VERSION = "1.1.0"


class Place:
    """Where the lake is, as options say it. `server`: a PostgreSQL server that keeps the catalog; else
    it is a SQLite file in `folder`."""

    def __init__(self, endpoint, folder, lake="s3://bucket/lake", server=None):
        self.lake, self.folder, self.server, self.endpoint = lake, folder, server, endpoint
        self.catalog, self.staging = folder / "catalog" / "lake.sqlite", folder / "staging"
        self.settings = {"catalog": f"sqlite:{self.catalog}" if server is None
                         else server.location(), "s3_endpoint": endpoint,
                         "s3_path_style": True, "staging_path": self.staging}
        self.env = process.environment(**KEYS)

    # ---- commands ----

    def options(self, **options):
        return {"schema_version": VERSION, **self.settings, **options}

    def run(self, source, first, last, **options):
        return process.run(self.lake, source, first, last, env=self.env, **self.options(**options))

    def background_run(self, source, first, last, **options):
        return process.run_background(self.lake, source, first, last, env=self.env,
                                      **self.options(**options))

    @property
    def environment(self):
        """By the environment: `backup` has a flag --catalog of its own."""
        return {**self.env, **{f"PARQUET_CONSUMER_{name.upper()}":
                               str(value).lower() if isinstance(value, bool) else str(value)
                               for name, value in {"output_path": self.lake,
                                                   **self.settings}.items()}}

    def execute(self, *words):
        return process.execute(*words, env=self.environment)

    def background(self, *words):
        return process.Background(*words, env=self.environment)

    # ---- the catalog ----

    def query(self, sql):
        if self.server is not None:
            return self.server.sql(sql)
        with contextlib.closing(sqlite3.connect(self.catalog)) as database, database:
            return [tuple(None if value is None else str(value) for value in row)
                    for row in database.execute(sql)]

    def live(self):
        return [path for (path,) in self.query(
            "SELECT path FROM ducklake_data_file WHERE end_snapshot IS NULL ORDER BY path")]

    def coverage(self):
        return [(int(first), int(last)) for first, last in self.query(
            "SELECT first_ledger, last_ledger FROM ttp_coverage ORDER BY 1")]

    def covers(self, ledger):
        return any(first <= ledger <= last for first, last in self.coverage())

    # ---- the objects of a fake store ----

    def key(self, path):
        return f"{self.lake.removeprefix('s3://').partition('/')[2]}/{path}"

    def rows(self, store):
        """Of the live files, by their bytes, every value of every column."""
        rows = []
        for path in self.live():
            assert self.key(path) in store.objects, f"{path} is not there"
            table = pyarrow.parquet.read_table(io.BytesIO(store.objects[self.key(path)].body))
            rows += reading.rows_of_table(table, VERSION)
        return rows

    def left_over(self, store):
        """What the catalog does not need: neither live data, nor dead letters, nor lake.json."""
        letters = [f"_lake/{path}" for (path,) in self.query("SELECT path FROM ttp_dead_letters")]
        needed = {self.key(path) for path in [*self.live(), *letters, "_lake/lake.json"]}
        return sorted(set(store.objects) - needed)

    # ---- keeping it ----

    def keep(self, store):
        """A copy of it, for any number of calls of `put_back`; the catalog is a file."""
        kept = self.folder / "kept.sqlite"
        with contextlib.closing(sqlite3.connect(self.catalog)) as database, \
                contextlib.closing(sqlite3.connect(kept)) as other:
            database.backup(other)
        return kept, dict(store.objects)

    def put_back(self, store, copied):
        kept, objects = copied
        for file in self.catalog.parent.iterdir():
            file.unlink()
        shutil.copy(kept, self.catalog)
        shutil.rmtree(self.staging, ignore_errors=True)
        with store.lock:
            store.objects = {key: copy.copy(value) for key, value in objects.items()}
            store.uploads.clear()
            store.faults.clear()
            del store.requests[:]

    # ---- other people's readers, of a real server ----

    def attached(self, *statements):
        """Rows of the last one, asked by DuckDB of the catalog `lake`."""
        with reading.duckdb_connection() as connection:
            httpfs = reading._extension("duckdb_extension_httpfs", "httpfs")
            host = self.endpoint.removeprefix("http://")
            at = f"sqlite:{self.catalog}" if self.server is None else \
                f"postgres:{self.server.conninfo()}"
            more = "" if self.server is None else "METADATA_SCHEMA 'public', "
            connection.execute(
                f"LOAD '{httpfs}'; CREATE SECRET s (TYPE s3, KEY_ID 'test', SECRET 'testsecret', "
                f"REGION 'us-east-1', ENDPOINT '{host}', URL_STYLE 'path', USE_SSL false)")
            connection.execute(f"ATTACH 'ducklake:{at}' AS lake ({more}READ_ONLY)")
            for statement in statements:
                answer = connection.execute(statement)
            rows = answer.fetchall()
            connection.execute("DETACH lake")
        return rows

    def attached_rows(self, at=""):
        return self.attached(reading._select(VERSION, f"lake.ttp_events{at}"))
