# SPDX-License-Identifier: Apache-2.0
"""What a killed writer left of a lake, read as it lies there, before any recovery: which state of
docs/commit-protocol.md it died in, and what readers find meanwhile. Nothing in the lake is touched:
the catalog is read from a copy."""

import json
import pathlib
import shutil
import sqlite3

import pyarrow.parquet

from harness import lake as reading
from harness import truth

# The states that recovery can find (docs/commit-protocol.md, States), in the order of a run.
NO_LAKE = "no lake yet"
HALF_MADE = "a lake that is being made"
NOTHING = "nothing"
STAGED = "staging only"
INTENT_HALF = "staging, and an intent that is being written"
NONE_PLACED = "an intent, no file renamed"
SOME_PLACED = "an intent, some files renamed"
ALL_PLACED = "an intent, all files renamed"
COMMITTED = "an intent, its commit in the catalog"
STATES = (NO_LAKE, HALF_MADE, NOTHING, STAGED, INTENT_HALF, NONE_PLACED, SOME_PLACED, ALL_PLACED,
          COMMITTED)
UNCOMMITTED = (NONE_PLACED, SOME_PLACED, ALL_PLACED)


def intent_path(lake):
    return pathlib.Path(lake) / "_lake" / "staging" / "intent.json"


class Remains:
    """state, coverage, files (path: rows), dead_letters ({(ledger, index)}), and of an intent:
    commit_no and items (staged path, final path) that are not in the catalog."""

    def __init__(self, lake, scratch):
        self.lake = pathlib.Path(lake)
        self.own = self.lake / "_lake"
        self.coverage, self.files, self.dead_letters = [], {}, set()
        self.commit_no, self.items = None, []
        staging = self.own / "staging"
        self.staged = sorted(path.name for path in staging.iterdir()) if staging.exists() else []
        has_catalog = self._read_catalog(scratch)
        self.state = self._find_state(has_catalog)

    def _read_catalog(self, scratch):
        """False where there is none yet. The copy lacks the -shm, which a dead process leaves."""
        for suffix in ("", "-wal"):
            (scratch / f"catalog.sqlite{suffix}").unlink(missing_ok=True)
            source = self.own / f"catalog.sqlite{suffix}"
            if source.exists():
                shutil.copyfile(source, scratch / f"catalog.sqlite{suffix}")
        if not (scratch / "catalog.sqlite").exists():
            return False
        database = sqlite3.connect(scratch / "catalog.sqlite")
        try:
            made = database.execute(
                "SELECT 1 FROM sqlite_master WHERE name = 'ttp_coverage'").fetchone()
            if made is None:
                return False
            self._take_tables(database)
            return True
        finally:
            database.close()

    def _take_tables(self, database):
        ask = lambda sql: database.execute(sql).fetchall()   # noqa: E731
        self.coverage = ask("SELECT first_ledger, last_ledger FROM ttp_coverage ORDER BY 1")
        self.commits = {number for number, in ask("SELECT commit_no FROM ttp_commits")}
        self.files = {self.lake / path: rows for path, rows in
                      ask("SELECT path, record_count FROM ttp_commit_files")}
        live = ask("SELECT count(*) FROM ducklake_data_file WHERE end_snapshot IS NULL")
        assert live == [(len(self.files),)], "DuckLake's files are not those of the commits"
        for path, count in ask("SELECT path, letter_count FROM ttp_dead_letters"):
            lines = (self.own / path).read_text().splitlines()
            assert len(lines) == count, path
            letters = {(letter["ledger_sequence"], letter["event_index"])
                       for letter in map(json.loads, lines)}
            assert len(letters) == count and not letters & self.dead_letters, path
            self.dead_letters |= letters

    def _find_state(self, has_catalog):
        if not (self.own / "lake.json").exists():
            return NO_LAKE
        if json.loads((self.own / "lake.json").read_text())["creating"]:
            return HALF_MADE
        assert has_catalog, "the catalog is gone"
        if not intent_path(self.lake).exists():
            if "intent.json.inprogress" in self.staged:
                return INTENT_HALF
            return STAGED if self.staged else NOTHING
        return self._read_intent()

    def _read_intent(self):
        intent = json.loads(intent_path(self.lake).read_text())
        self.commit_no = intent["commit"]["commit_no"]
        if self.commit_no in self.commits:
            return COMMITTED
        entries = [(entry, self.lake) for entry in intent["files"]]
        if intent["dead_letters"] is not None:
            entries.append((intent["dead_letters"], self.own))
        self.items = [(self.own / "staging" / entry["staged"], folder / entry["path"])
                      for entry, folder in entries]
        placed = sum(final.exists() for _, final in self.items)
        if placed == 0:
            return NONE_PLACED
        return ALL_PLACED if placed == len(self.items) else SOME_PLACED

    def check_names(self):
        """Every data file is the catalog's or the intent's."""
        strangers = set(reading.data_files(self.lake)) - set(self.files) \
            - {final for _, final in self.items}
        assert not strangers, f"files that nothing names: {strangers}"


class RowReader:
    """Reads the catalog's files with pyarrow, page checksums verified; each once, since a published
    file never changes."""

    def __init__(self):
        self._known = {}

    def read(self, path, count):
        """(schema version, rows) of a file that the catalog says to have `count` rows."""
        information = path.stat()
        identity = (information.st_ino, information.st_size, information.st_mtime_ns)
        if path not in self._known:
            file = pyarrow.parquet.ParquetFile(path, page_checksum_verification=True)
            version = file.metadata.metadata[b"version"].decode()
            self._known[path] = identity, version, reading.rows_of_table(file.read(), version)
        known, version, rows = self._known[path]
        assert known == identity, f"{path} was changed after it was published"
        assert len(rows) == count, f"{path}: {len(rows)} rows, not {count}"
        return version, rows


def expected_of_file(rows, version, last_version):
    """Rows of a file of an older schema as readers of the lake's last one see them."""
    missing = len(truth.COLUMNS[last_version]) - len(truth.COLUMNS[version])
    return [row + (None,) * missing for row in rows]
