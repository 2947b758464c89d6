# SPDX-License-Identifier: Apache-2.0
"""The verbs that care for a lake, and runs between them, are killed (SIGKILL) at random moments,
one after the other on the same lakes; after every kill the rows of what is covered are the truth.

    tools/run-tests --system-only test_care_kills.py --kills 1000 --kills-seed 7

Each lake gets its own scheme and schema version. What is pruned is drawn small, so that there is
something left; when there is not, a new lake is begun.
"""

import json
import random
import shutil
import signal
import time

import pytest

from harness import lake as reading
from harness import process, truth
from harness.fake_s3 import FakeS3
from harness.object_lake import Place

RECORDING = truth.TESTNET
FIRST, LAST = RECORDING.first, RECORDING.last
LAKE_KILLS_MAX = 25
CLASSES = ("prune", "expire", "compact", "backup", "relocate", "repair", "letters", "run")


class Cared:
    """A lake, what is done to it, and what it must be afterwards."""

    verbs = CLASSES

    def __init__(self, folder, chance, server):
        self.lake, self.copy = folder / "lake", folder / "copy"
        self.chance, self.server = chance, server
        self.scheme = chance.choice(reading.SCHEMES)
        self.version = chance.choice(("1.0.0", "1.1.0"))
        self.options = {"schema_version": self.version, "partitioning_scheme": self.scheme,
                        "max_file_size": "1KiB", "batch_size": 1}
        process.run(self.lake, server, FIRST, LAST, **self.options)
        self.has_backup = False

    def __repr__(self):
        return f"{self.scheme}, schema {self.version}"

    # ---- what is done ----

    def arguments(self, verb):
        """The command line of a verb; of `run`, `repair` and the letters, one of several."""
        at = ["--output-path", self.lake]
        covered = reading.coverage(self.lake)
        lowest = covered[0][0] if covered else LAST
        if verb == "prune":
            return ["prune", *at, "--before-ledger", lowest + self.chance.randint(2, 9)]
        if verb == "expire":
            return ["expire", *at, "--older-than", "1ms"]
        if verb == "compact":
            return ["compact", *at]
        if verb == "backup":
            return ["backup", self.copy, *at, *self.chance.choice(([], ["--mirror"], ["--link"]))]
        if verb == "relocate":
            return ["relocate", *at]
        if verb == "repair":
            first = self.chance.randint(lowest, LAST)
            return self.chance.choice((
                ["repair", *at, "--unconfirmed"], ["repair", *at, first, min(LAST, first + 1)]))
        if verb == "letters":
            return ["dead-letters", "replay", *at]
        return process.run_arguments(self.lake, self.server, FIRST, LAST, **self.options)

    def kill_one(self, verb):
        """Whether it was killed, and did not end by itself before."""
        with process.Background(*self.arguments(verb)) as running:
            time.sleep(self.chance.choice((0.002, 0.01, 0.03, 0.1)) * self.chance.random() * 2)
            killed = running.running
            finished = running.stop(signal.SIGKILL)
        if not killed:   # ledgers that must leave together were not all named: said, and exit 2
            assert finished.status in ((0, 2) if verb == "repair" else (0,)), repr(finished)
        self.has_backup |= verb == "backup" and not killed
        return killed

    # ---- what must be ----

    def expected(self, coverage):
        rows = [row for row in truth.read_rows(RECORDING)
                if any(first <= row["ledger_sequence"] <= last for first, last in coverage)]
        return truth.expected_rows(rows, self.version)

    def look(self):
        """Through the catalog, as it lies there after a kill."""
        reading.assert_same(reading.read_attached(self.lake, self.version),
                            self.expected(reading.coverage(self.lake)), "DuckDB, ducklake")
        process.execute("verify", "--output-path", self.lake).expect(0)

    def look_closely(self):
        """After the next writer has finished what was cut off: all readers, and each value."""
        process.run(self.lake, self.server, FIRST, LAST, **self.options)
        expected = self.expected(reading.coverage(self.lake))
        reading.assert_same(reading.read_attached(self.lake, self.version), expected,
                            "DuckDB, ducklake")
        reading.assert_same(reading.read_glob(self.lake, self.version, self.scheme), expected,
                            "DuckDB, read_parquet")
        process.execute("verify", "--deep", "--output-path", self.lake).expect(0)
        reading.assert_nothing_left(self.lake)
        status = json.loads(process.execute("status", "--output-path", self.lake, "--json")
                            .expect(0).stdout)
        assert status["gaps"] == []
        self.look_at_backup()

    def look_at_backup(self):
        """It is a lake of its own, as its source was at the last one that came to its end, or at a
        later one that was cut off."""
        if not self.has_backup:
            return
        process.execute("verify", "--deep", "--output-path", self.copy).expect(0)
        reading.assert_same(reading.read_attached(self.copy, self.version),
                            self.expected(reading.coverage(self.copy)), "the backup")

    @property
    def is_used_up(self):
        covered = reading.coverage(self.lake)
        return not covered or covered[-1][1] - covered[0][0] < 30


class CaredObjects:
    """The same of a lake on object storage. Its backups are those of test_moving.py."""

    verbs = tuple(verb for verb in CLASSES if verb != "backup")

    def __init__(self, folder, chance, server, store):
        self.chance, self.server, self.store = chance, server, store
        self.place = Place(store.endpoint, folder, f"s3://bucket/lake{folder.name}")
        self.options = {"max_file_size": "1KiB", "batch_size": 1,
                        "partitioning_scheme": chance.choice(reading.SCHEMES)}
        self.place.run(server, FIRST, LAST, **self.options)

    def __repr__(self):
        return f"{self.options['partitioning_scheme']}, object storage"

    def begin(self, verb):
        covered = self.place.coverage()
        lowest = covered[0][0] if covered else LAST
        first = self.chance.randint(lowest, LAST)
        if verb == "run":
            return self.place.background_run(self.server, FIRST, LAST, **self.options)
        return self.place.background(*{
            "prune": ("prune", "--before-ledger", lowest + self.chance.randint(2, 9)),
            "expire": ("expire", "--older-than", "1ms"), "compact": ("compact",),
            "relocate": ("relocate",), "letters": ("dead-letters", "replay"),
            "repair": ("repair", first, min(LAST, first + 1))}[verb])

    def kill_one(self, verb):
        requests = len(self.store.requests) + self.chance.randint(1, 60)
        with self.begin(verb) as running:
            running.wait_for(lambda: len(self.store.requests) >= requests or not running.running,
                             "a request", step=0.001)
            killed = running.running
            finished = running.stop(signal.SIGKILL)
        if not killed:
            assert finished.status in ((0, 2) if verb == "repair" else (0,)), repr(finished)
        return killed

    def look(self):
        """By the objects that the catalog names, as they lie there after a kill."""
        covered = self.place.coverage()
        rows = [row for row in truth.read_rows(RECORDING)
                if any(first <= row["ledger_sequence"] <= last for first, last in covered)]
        reading.assert_same(self.place.rows(self.store), truth.expected_rows(rows, "1.1.0"),
                            "the objects")
        self.place.execute("verify").expect(0)

    def look_closely(self):
        """The next calls end what was cut off, and nothing is left over."""
        self.place.run(self.server, FIRST, LAST, **self.options)
        self.place.execute("expire", "--older-than", "0s").expect(0)
        self.look()
        self.place.execute("verify", "--deep").expect(0)
        swept = {self.place.key(path) for (path,) in self.place.query(
            "SELECT path FROM ttp_upload WHERE swept_us IS NOT NULL")}
        probes = {key for key in self.store.objects if "/_lake/probe_" in key}
        other = {key for key in self.store.objects if not key.startswith(self.place.key(""))}
        assert set(self.place.left_over(self.store)) - swept - probes - other == set()

    @property
    def is_used_up(self):
        covered = self.place.coverage()
        return not covered or covered[-1][1] - covered[0][0] < 30


def care_along(cared, chance, wanted, tally):
    kills = tries = 0
    while kills < wanted and tries < 4 * LAKE_KILLS_MAX and not cared.is_used_up:
        tries += 1
        verb = chance.choice(cared.verbs)
        killed = cared.kill_one(verb)
        kills += killed
        tally[verb] += killed
        print(f"  {verb}: {'killed' if killed else 'done'}")
        cared.look()
        if tries % 8 == 0:
            cared.look_closely()
    cared.look_closely()
    return kills


def care_with_kills(pytestconfig, tmp_path, name, wanted, begin):
    """On lakes that `begin(folder, chance)` makes, until there were so many kills."""
    seed = pytestconfig.getoption("kills_seed")
    tally = dict.fromkeys(CLASSES, 0)
    kills = number = 0
    while kills < wanted:
        number += 1
        chance = random.Random(f"care {seed} {name} {number}")
        folder = tmp_path / str(number)
        cared = begin(folder, chance)
        print(f"seed {seed}, {name}, lake {number}: {cared}")
        kills += care_along(cared, chance, min(wanted - kills, LAKE_KILLS_MAX), tally)
        shutil.rmtree(folder)
    pytestconfig.stash[pytestconfig.report_key].append(
        f"{kills} kills among the verbs of care ({name}), seed {seed}: "
        + ", ".join(f"{count} {verb}" for verb, count in tally.items()))


@pytest.mark.campaign
@pytest.mark.parametrize("part", range(2))
def test_verbs_killed_at_any_moment_leave_the_truth(tmp_path, pytestconfig, servers, part):
    wanted = -(-pytestconfig.getoption("kills") // 2)
    care_with_kills(pytestconfig, tmp_path, str(part), wanted,
                    lambda folder, chance: Cared(folder, chance, servers[RECORDING.name]))


@pytest.mark.campaign
def test_verbs_killed_on_object_storage_leave_the_truth(tmp_path, pytestconfig, servers):
    wanted = -(-pytestconfig.getoption("kills") // 8)
    with FakeS3() as store:
        care_with_kills(pytestconfig, tmp_path, "object storage", wanted,
                        lambda folder, chance: CaredObjects(
                            folder, chance, servers[RECORDING.name], store))
