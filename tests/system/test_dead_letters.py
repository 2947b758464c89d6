# SPDX-License-Identifier: Apache-2.0
"""`dead-letters` lists the events that could not be stored as rows."""

import base64
import json

import pytest

from harness import process, truth

RECORDING = truth.PUBNET63
FIRST, LAST = RECORDING.first, RECORDING.last
SECOND = FIRST + 1
# Always, since LAST is asked for again as the neighbour of the second run: a ledger of which other
# transactions can be read than before would be another chain's. Events count in each stream.
FAULTS = f"ledger={LAST} damaged-event always\nevent=700 unknown-event-type always\n"


@pytest.fixture
def lake(tmp_path):
    (tmp_path / "faults").write_text(FAULTS)
    with process.Replay([RECORDING.events], "--fault", tmp_path / "faults") as server:
        # LAST and its dead letter first, then SECOND's: the list is by ledger all the same.
        process.run(tmp_path / "lake", server.endpoint, LAST, LAST)
        process.run(tmp_path / "lake", server.endpoint, FIRST, LAST)
    return tmp_path / "lake"


def letters(lake, *arguments):
    finished = process.execute("dead-letters", "--output-path", lake, "--json", *arguments)
    return [json.loads(line) for line in finished.expect(0).stdout.splitlines()]


def test_each_is_one_json_object_a_line_as_it_was_stored(lake):
    stored = [json.loads(line) for path in sorted((lake / "_lake" / "dead_letters").iterdir())
              for line in path.read_text().splitlines()]
    listed = letters(lake)
    assert [{key: letter[key] for key in stored[0]} for letter in listed] == sorted(
        stored, key=lambda letter: letter["ledger_sequence"])
    assert [letter["ledger_sequence"] for letter in listed] == [SECOND, LAST]
    for letter in listed:
        assert list(letter) == ["ledger_sequence", "event_index", "reason", "raw", "commit_no"]
        assert base64.b64decode(letter["raw"], validate=True) and letter["reason"]


def test_since_and_until_are_ledgers(lake):
    assert len(letters(lake, "--since", SECOND, "--until", LAST)) == 2
    assert [letter["ledger_sequence"] for letter in letters(lake, "--since", LAST)] == [LAST]
    assert [letter["ledger_sequence"] for letter in letters(lake, "--until", SECOND)] == [SECOND]
    assert letters(lake, "--until", FIRST) == []
    process.execute("dead-letters", "--output-path", lake, "--since", "yesterday").expect(2).says(
        "--since yesterday is not a ledger number")


def test_people_get_a_line_each(lake):
    finished = process.execute("dead-letters", "--output-path", lake).expect(0)
    assert finished.stdout.count("\n") == 2
    finished.says(rf"ledger {LAST}, event 0 \(commit 1, \d+ bytes\): \S")
    process.execute("dead-letters", "--output-path", lake, "--until", FIRST).expect(0).says(
        "no dead letters")


def test_a_changed_file_is_named(lake):
    path = sorted((lake / "_lake" / "dead_letters").iterdir())[0]
    path.write_text(path.read_text() + "\n")
    process.execute("dead-letters", "--output-path", lake).expect(1).says(path.name, "changed")
    path.unlink()
    process.execute("dead-letters", "--output-path", lake).expect(1).says(path.name, "not there")


def test_no_lake_at_all_is_a_mistake_of_the_call(tmp_path):
    process.execute("dead-letters", "--output-path", tmp_path).expect(2).says("no lake")
