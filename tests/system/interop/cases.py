# SPDX-License-Identifier: Apache-2.0
"""What each reader is put through, and the files for it."""

import contextlib
import os
import pathlib
import time

from harness import truth
from interop import compare, questions, samples

PROFILES = ("compatible", "compact")
# Several row groups, and several pages in each.
SMALL = {"row_group_rows": 100, "page_size": 1024}

# Rows of an answer that is compared: what holds most of a long file, full scans compare.
MOST_ROWS = 20_000
TOO_LONG = object()


class Files:
    """Samples and the files of them, each made once."""

    def __init__(self, folder):
        self._folder = pathlib.Path(folder)
        self._samples = {}
        self._questions = {}
        self._expected = {}

    def sample(self, name):
        if name not in self._samples:
            if name in samples.MADE:
                self._samples[name] = samples.make(name, self._folder)
            elif isinstance(name, int):
                self._samples[name] = samples.generated(self._folder, name)
            else:
                self._samples[name] = samples.real(
                    next(recording for recording in truth.ALL if recording.name == name))
        return self._samples[name]

    def file(self, name, version, profile, codec, **options):
        sample = self.sample(name)
        words = "-".join(map(str, (sample.name, version, profile, codec, *options.values())))
        path = self._folder / f"{words}.parquet"
        if not path.exists():
            samples.encode(sample, path, version=version, profile=profile, codec=codec, **options)
        return path

    def expected(self, name, version):
        if (name, version) not in self._expected:
            self._expected[name, version] = compare.table_of_rows(
                self.sample(name).expected(version), version)
        return self._expected[name, version]

    def questions(self, name, version, count, first=0, step=1):
        """Each step-th question about a sample, with the table that answers it."""
        if (name, version, count) not in self._questions:
            self._questions[name, version, count] = [
                [question, None] for question in questions.ask(self.sample(name), version, count)]
        rows = self.sample(name).expected(version)
        for entry in self._questions[name, version, count][first::step]:
            if entry[1] is None:
                answer = entry[0].answer(rows, version)
                entry[1] = TOO_LONG if len(answer) > MOST_ROWS else compare.table_of_rows(
                    answer, version)
            if entry[1] is not TOO_LONG:
                yield entry


@contextlib.contextmanager
def new_york():
    """The process's time zone is New York's: whoever mixes local time in is found."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "America/New_York"
    time.tzset()
    try:
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        time.tzset()


def scan(reader, files, name, version, path):
    """A reader's full scan holds the sample's rows, each value of each column."""
    got = compare.normal(reader.read(path, version), version)
    difference = compare.difference(got, files.expected(name, version), reader.ordered)
    assert difference is None, f"{reader.name}, {path.name}: {difference}"


def ask(reader, files, name, version, path, count=4, first=0, step=1):
    """A reader's answers to each step-th of the questions about a sample; returns how many rows they
    held."""
    found = 0
    wrong = []
    for question, answer in files.questions(name, version, count, first, step):
        if not reader.asks(question):
            continue
        got = compare.normal(reader.read(path, version, question), version)
        difference = compare.difference(got, answer, reader.ordered)
        if difference is not None:
            wrong.append(f"{question}: {difference}")
        found += answer.num_rows
    assert not wrong, "\n".join([f"{reader.name}, {path.name}: {len(wrong)} wrong", *wrong[:8]])
    return found
