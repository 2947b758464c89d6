# SPDX-License-Identifier: Apache-2.0
"""A lake is cared for by every verb, in an order that is drawn, while it is of 1.0.0, after it went
on as 1.1.0, and after its old rows were raised: after each verb it holds exactly the rows that it
should, each as the version that it was fetched as, for DuckDB, pyarrow and `verify --deep`."""

import json
import random
import shlex
import shutil

import pyarrow.parquet
import pytest

from harness import lake as reading
from harness import process, truth

RECORDING = truth.TESTNET
FIRST, LAST = RECORDING.first, RECORDING.last
NEW_COLUMNS = len(truth.COLUMNS_1_1_0) - len(truth.COLUMNS_1_0_0)


class Care:
    """A lake, and what it should hold: `held`, the version of each ledger's rows."""

    def __init__(self, folder, endpoint, draw):
        self.folder, self.endpoint, self.draw = folder, endpoint, draw
        self.lake, self.copies = folder / "lake", 0
        self.version, self.held, self.next = "1.0.0", {}, FIRST
        self.done = []

    def do(self, verb, *arguments):
        self.done.append((verb, *map(str, arguments)))
        return process.execute(verb, "--output-path", self.lake, *arguments).expect(0)

    def expected(self):
        rows = []
        for row in truth.read_rows(RECORDING):
            version = self.held.get(row["ledger_sequence"])
            if version is not None:
                missing = NEW_COLUMNS if version != self.version else 0
                rows.append(truth.expected_row(row, version) + (None,) * missing)
        return rows

    def read_files(self):
        """By pyarrow: the live files, each as what `files` says that it is."""
        rows = []
        for line in process.execute("files", "--output-path", self.lake,
                                    "--json").expect(0).stdout.splitlines():
            file = json.loads(line)
            missing = NEW_COLUMNS if file["schema_version"] != self.version else 0
            table = pyarrow.parquet.ParquetFile(file["path"]).read()
            rows += [row + (None,) * missing
                     for row in reading.rows_of_table(table, file["schema_version"])]
        return rows

    def check(self):
        expected = self.expected()
        assert expected, self.done
        reading.assert_same(reading.read_attached(self.lake, self.version), expected,
                            f"DuckDB after {self.done}")
        reading.assert_same(self.read_files(), expected, f"pyarrow after {self.done}")
        covered = [ledger for first, last in reading.coverage(self.lake)
                   for ledger in range(first, last + 1)]
        assert covered == sorted(self.held), self.done
        report = json.loads(process.execute("verify", "--output-path", self.lake, "--deep",
                                            "--json").expect(0).stdout)
        assert report["ok"] and report["rows"] == len(expected), self.done

    # ---- the verbs ----

    def grow(self, ledgers=7):
        last = min(self.next + ledgers - 1, LAST)
        self.done.append(("run", self.next, last))
        process.run(self.lake, self.endpoint, self.next, last, schema_version=self.version,
                    max_file_size="1KiB", batch_size=1)
        self.held.update({ledger: self.version for ledger in range(self.next, last + 1)})
        self.next = last + 1

    def prune(self):
        cut = min(self.held) + self.draw.randrange(2, 8)
        self.do("prune", "--before-ledger", cut)
        left = {ledger for first, last in reading.coverage(self.lake)
                for ledger in range(first, last + 1)}
        assert all(ledger < cut for ledger in set(self.held) - left), self.done
        self.held = {ledger: version for ledger, version in self.held.items() if ledger in left}

    def expire(self):
        self.do("expire", "--older-than", "0s")

    def compact(self):
        self.do("compact", "--partition", "")

    def backup(self):
        """The copy goes on in the lake's place."""
        self.copies += 1
        copy = self.folder / f"copy{self.copies}"
        self.do("backup", copy, *self.draw.choice([[], ["--link"]]))
        shutil.rmtree(self.lake)
        self.lake = copy

    def relocate(self):
        self.copies += 1
        self.lake = self.lake.rename(self.folder / f"moved{self.copies}")
        self.do("relocate")

    def rebuild(self):
        for path in (self.lake / "_lake").glob("catalog.sqlite*"):
            path.unlink()
        self.do("rebuild")

    def fetch_again(self, finished):
        """What was taken out comes back as what the lake is now."""
        runs = [shlex.split(line) for line in finished.stdout.splitlines()
                if line.startswith("  parquet-consumer run ")]
        for words in runs:
            process.execute(*words[1:], "--ttp-processor-endpoint", self.endpoint).expect(0)
            for ledger in range(int(words[-2]), int(words[-1]) + 1):
                assert ledger in self.held, self.done
                self.held[ledger] = self.version
        return runs

    def repair(self):
        """A damaged file, or ledgers that are named."""
        if self.draw.random() < 0.5:
            path = self.draw.choice(reading.data_files(self.lake))
            path.unlink()
            assert self.fetch_again(self.do("repair")), self.done
        else:
            ledger = self.draw.choice(sorted(self.held))
            assert self.fetch_again(self.do("repair", ledger, ledger)), self.done

    def raise_old(self):
        self.fetch_again(self.do("repair", "--schema-version", "1.0.0"))
        assert set(self.held.values()) == {"1.1.0"}, self.done

    VERBS = (grow, prune, expire, compact, backup, relocate, rebuild, repair)

    def every_verb(self):
        for verb in self.draw.sample(self.VERBS, len(self.VERBS)):
            verb(self)
            self.check()


@pytest.mark.parametrize("seed", range(3))
def test_every_verb_before_between_and_after(tmp_path, servers, seed):
    care = Care(tmp_path, servers[RECORDING.name], random.Random(seed))
    for _ in range(3):
        care.grow()
    care.every_verb()
    care.version = "1.1.0"
    for _ in range(3):
        care.grow()
    care.check()
    care.every_verb()
    care.raise_old()
    care.check()
    care.every_verb()
