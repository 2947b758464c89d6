# SPDX-License-Identifier: Apache-2.0
"""Runs are killed (SIGKILL) at random moments, many of them within a commit or a recovery, and
after every single kill the lake is compared with the truth as it lies there.

    tools/run-tests --system-only test_kills.py --kills 1000 --kills-seed 7

Each lake gets its own schema version, codec, pace, file age, dead letters, and either bounded or
live runs; the next run starts on what the last one left. What the kills hit is summed up at the
end. A seed draws the same lakes and moments again; where exactly a kill lands is up to the machine.
"""

import collections
import json
import random
import signal
import time

import pytest

from harness import lake as reading
from harness import process, remains, truth

RECORDING = truth.TESTNET
FIRST, LAST = RECORDING.first, RECORDING.last
LAKE_KILLS_MAX = 40   # then a lake is finished, and a new one begun

# What the next run says about the state it found (src/sink/lake_folder.c).
FINISHED = "a commit that was in the catalog already was closed"
ROLLED_FORWARD = "an interrupted commit was finished"
ROLLED_BACK = "an interrupted commit was undone; its ledgers are fetched again"
DELETED = "unfinished files of an interrupted run were deleted"
RECOVERIES = (DELETED, ROLLED_FORWARD, ROLLED_BACK, FINISHED)


class Plan:
    """What a lake is made of, drawn by its seed."""

    def __init__(self, chance, scheme):
        self.scheme = scheme
        # The second is what its later runs ask for.
        self.versions = chance.choice((("1.0.0", "1.0.0"), ("1.1.0", "1.1.0"), ("1.0.0", "1.1.0")))
        self.codec = chance.choice(reading.CODECS)
        self.live = chance.random() < 0.5
        self.pace_ms = chance.choice((8, 15, 30))
        self.age_ms = chance.choice((10, 20, 50))
        with_events = sorted({row["ledger_sequence"] for row in truth.read_rows(RECORDING)})
        chosen = chance.sample(with_events, chance.choice((0, 3, 20)))
        self.faults = [(ledger, chance.choice(("damaged-event", "unknown-event-type")))
                       for ledger in sorted(chosen)]
        # The fault meets the ledger's first event.
        self.dead = {(ledger, 0) for ledger, _ in self.faults}
        self.streams = chance.choice((1, 1, 3))

    def __repr__(self):
        return (f"{self.scheme}, schema {' then '.join(dict.fromkeys(self.versions))}, {self.codec},"
                f" {'live' if self.live else 'bounded'}, pace {self.pace_ms} ms, files of"
                f" {self.age_ms} ms, {len(self.faults)} dead letters, {self.streams} streams")

    def options(self, version):
        return {"partitioning_scheme": self.scheme, "schema_version": version,
                "compression_codec": self.codec, "max_file_age": f"{self.age_ms}ms",
                "streams": self.streams, "lease_ledgers": 16}

    def script(self):
        return "".join(f"ledger={ledger} {fault} always\n" for ledger, fault in self.faults)

    def rows(self, coverage):
        return [row for row in truth.read_rows(RECORDING)
                if any(first <= row["ledger_sequence"] <= last for first, last in coverage)
                and (row["ledger_sequence"], row["event_index"]) not in self.dead]


class Victim:
    """A lake, the runs that are killed on it, and what it must be after each."""

    def __init__(self, folder, plan, chance, tally, endpoint):
        self.plan, self.chance, self.tally, self.endpoint = plan, chance, tally, endpoint
        self.lake = folder / "lake"
        self.scratch = folder / "scratch"
        self.scratch.mkdir(parents=True)
        self.reader = remains.RowReader()
        self.left = remains.Remains(self.lake, self.scratch)
        self.harmed = False    # of the intent that is there, a file was taken away

    # ---- killing ----

    def kill_one(self, version):
        """Whether a run was killed, and did not end by itself before."""
        end = 0 if self.plan.live else LAST
        with process.run_background(self.lake, self.endpoint, FIRST, end,
                                    **self.plan.options(version)) as run:
            self._wait_for_moment(run)
            killed = run.running
            finished = run.stop(signal.SIGKILL)
        self._check_recovery(finished.stderr)
        if not killed:
            finished.expect(0)
        self._look()
        if killed:
            self.tally.states[self.left.state] += 1
        return killed

    def _wait_for_moment(self, run):
        kind = self.chance.choice(("start", "any", "commit", "commit"))
        if kind == "start":       # opening the lake, recovery, connecting
            time.sleep(self.chance.uniform(0, 0.04))
        elif kind == "any":
            time.sleep(self.chance.uniform(0.02, 0.5))
        elif self.left.state == remains.NO_LAKE:   # while the lake is made
            _wait_until_there(self.lake / "_lake" / "lake.json", run)
            time.sleep(self.chance.uniform(0, 0.02))
        else:                     # from the moment that an intent appears
            time.sleep(self.chance.uniform(0.02, 0.2))
            _wait_until_there(remains.intent_path(self.lake), run)
            time.sleep(self.chance.choice((0, 0.001, 0.002, 0.004)))

    # ---- checking ----

    def _expected_recovery(self):
        if self.left.state == remains.COMMITTED:
            return FINISHED
        if self.left.state in remains.UNCOMMITTED:
            return ROLLED_BACK if self.harmed else ROLLED_FORWARD
        return None

    def _check_recovery(self, log):
        """The run told of what it found, or died before it could."""
        said = [entry["message"] for entry in map(json.loads, filter(_is_whole, log.splitlines()))
                if entry["message"] in RECOVERIES]
        wanted = self._expected_recovery()
        assert not [message for message in said if message not in (wanted, DELETED)], (wanted, log)
        if DELETED in said:
            assert self.left.staged, log
        if wanted in said:
            self.harmed = False
        self.tally.recoveries.update(said)
        return said

    def _look(self):
        """The lake as it lies there after a kill, against the truth and what it was before."""
        before, left = self.left, remains.Remains(self.lake, self.scratch)
        if left.commit_no is not None and left.commit_no == before.commit_no:
            self.tally.recoveries["a recovery that was killed before its end"] += 1
        elif left.commit_no != before.commit_no:
            self.harmed = False
        self.left = left
        self._check_true(left)
        if self.plan.streams == 1:   # several leave holes where a kill ends them
            assert left.coverage in ([], [(FIRST, left.coverage[-1][1] if left.coverage else 0)])
        assert _ledgers(left.coverage) >= _ledgers(before.coverage), \
            "committed ledgers are not covered any more"
        assert set(left.files) >= set(before.files), "committed files are gone"
        if left.state not in (remains.NO_LAKE, remains.HALF_MADE):
            process.execute("verify", "--output-path", self.lake).expect(0)

    def _check_true(self, left):
        """No row is missing or there twice, and every file is readable. In the columns of both
        schema versions; those of 1.1.0 are compared where the file has them."""
        rows = self.plan.rows(left.coverage)
        got, got_newer = [], []
        for path, count in left.files.items():
            version, file_rows = self.reader.read(path, count)
            if version == "1.1.0":
                got_newer += file_rows
            got += map(_in_both, file_rows)
        expected = map(_in_both, truth.expected_rows(rows, "1.0.0"))
        reading.assert_same(got, expected, "pyarrow, the catalog's files")
        wrong = collections.Counter(got_newer) - collections.Counter(
            truth.expected_rows(rows, "1.1.0"))
        assert not wrong, f"rows of 1.1.0 that are not the truth: {list(wrong)[:3]}"
        covered = {letter for letter in self.plan.dead
                   if any(first <= letter[0] <= last for first, last in left.coverage)}
        assert left.dead_letters == covered, "the dead letters"
        left.check_names()

    # ---- harming ----

    def maybe_harm(self):
        """Sometimes a file of an intent that is not in the catalog is taken away or cut, as a disk
        may do: then recovery must undo the commit. A kill alone never asks that of it."""
        if self.left.state not in remains.UNCOMMITTED or self.chance.random() < 0.75:
            return
        # A recovery that was killed while it undid a commit may have deleted some already.
        there = [path for item in self.left.items for path in item if path.exists()]
        if not there:
            return
        path = self.chance.choice(there)
        if self.chance.random() < 0.5 or path.stat().st_size == 0:
            path.unlink()
        else:
            with open(path, "r+b") as file:
                file.truncate(path.stat().st_size // 2)
        self.harmed = True

    # ---- the end ----

    def finish(self, version, endpoint):
        """A run that is let live, and every reader on what came of it all."""
        finished = process.run(self.lake, endpoint, FIRST, LAST, **self.plan.options(version))
        wanted = self._expected_recovery()   # before the check of it, which ends what was harmed
        said = self._check_recovery(finished.stderr)
        assert wanted is None or wanted in said, (wanted, said)
        left = self.left = remains.Remains(self.lake, self.scratch)
        assert (left.state, left.coverage) == (remains.NOTHING, [(FIRST, LAST)])
        self._check_true(left)
        files = [self.reader.read(path, count) for path, count in left.files.items()]
        seen_as = lambda last: [row for own, rows in files   # noqa: E731
                                for row in remains.expected_of_file(rows, own, last)]
        newest = max(own for own, _ in files)   # there may be no file since the lake evolved
        reading.assert_same(reading.read_attached(self.lake, version), seen_as(version),
                            "DuckDB, ducklake")
        reading.assert_same(reading.read_glob(self.lake, newest, self.plan.scheme),
                            seen_as(newest), "DuckDB, read_parquet")
        if len(set(self.plan.versions)) == 1:
            reading.read_files(self.lake, version, self.plan.scheme, self.plan.codec)
        reading.check_catalog(self.lake)
        reading.assert_nothing_left(self.lake)
        process.execute("verify", "--deep", "--output-path", self.lake).expect(0)


def _wait_until_there(path, run):
    until = time.monotonic() + 1
    while not path.exists() and run.running and time.monotonic() < until:
        time.sleep(0.0001)


def _is_whole(line):
    """A killed process may leave half a line."""
    return line.startswith("{") and line.endswith("}")


def _ledgers(coverage):
    return {ledger for first, last in coverage for ledger in range(first, last + 1)}


def _in_both(row):
    """The first ten columns, with an absent account as 1.0.0 has it."""
    return row[:4] + tuple(account or "" for account in row[4:6]) + row[6:10]


class Tally:
    """What the kills of this session hit."""

    def __init__(self):
        self.kills = self.lakes = self.seed = 0
        self.states, self.recoveries = collections.Counter(), collections.Counter()

    def lines(self):
        yield f"{self.kills} kills in {self.lakes} lakes, seed {self.seed}; they left"
        for state in remains.STATES:
            yield f"  {self.states[state]:5} {state}"
        yield "and the runs after them said"
        for message, count in self.recoveries.most_common():
            yield f"  {count:5} {message}"


@pytest.fixture(scope="module")
def tally(request):
    """Its lines come with the summary of the session (conftest.py)."""
    counts = Tally()
    yield counts
    request.config.stash[request.config.report_key] += counts.lines()


@pytest.mark.campaign
@pytest.mark.parametrize("scheme", reading.SCHEMES)
def test_kills_at_any_moment_lose_and_double_nothing(tmp_path, pytestconfig, tally, scheme):
    wanted = -(-pytestconfig.getoption("kills") // len(reading.SCHEMES))
    seed = tally.seed = pytestconfig.getoption("kills_seed")
    kills = number = 0
    while kills < wanted:
        number += 1
        chance = random.Random(f"{seed} {scheme} {number}")
        plan = Plan(chance, scheme)
        print(f"seed {seed}, lake {number}: {plan}")
        kills += kill_along(tmp_path / str(number), plan, chance, tally, wanted - kills)


def kill_along(folder, plan, chance, tally, wanted):
    """Kills runs on one lake until it is complete, and finishes it; how many."""
    folder.mkdir()
    script = folder / "faults"
    script.write_text(plan.script())
    serve = [[RECORDING.events], "--fault", script]
    modes = ["--pace", f"{plan.pace_ms}ms"] + (["--live"] if plan.live else [])
    kills = 0
    tally.lakes += 1
    with process.Replay(*serve, *modes) as server:
        victim = Victim(folder, plan, chance, tally, server.endpoint)
        while kills < min(wanted, LAKE_KILLS_MAX):
            killed = victim.kill_one(plan.versions[kills >= 8])
            kills += killed
            tally.kills += killed
            top = victim.left.coverage[-1][1] if victim.left.coverage else 0
            print(f"  kill {kills}: {victim.left.state}, covered to {top}")
            if not killed or top >= LAST - 1:
                break
            victim.maybe_harm()
    with process.Replay(*serve) as server:
        victim.finish(plan.versions[1], server.endpoint)
    return kills
