# SPDX-License-Identifier: Apache-2.0
"""`dead-letters` lists the events that could not be stored as rows."""

import base64
import json
import re

import pytest

from harness import process, stock_grpc, truth

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


# ---- one of them ----

def show(lake, which, *arguments):
    return process.execute("dead-letters", "show", which, "--output-path", lake, *arguments)


def test_list_is_what_the_bare_command_does(lake):
    bare = process.execute("dead-letters", "--output-path", lake).expect(0)
    listed = process.execute("dead-letters", "list", "--output-path", lake).expect(0)
    assert listed.stdout == bare.stdout
    process.execute("dead-letters", "lost", "--output-path", lake).expect(2).says("list, show")
    process.execute("dead-letters", "list", "5", "--output-path", lake).expect(2).says('"5" is one')


def test_one_is_shown_by_its_place_or_by_its_ledger_and_event(lake):
    for place, letter in enumerate(letters(lake), 1):
        by_place = show(lake, place).expect(0)
        by_event = show(lake, f"{letter['ledger_sequence']}.{letter['event_index']}").expect(0)
        assert by_place.stdout == by_event.stdout
        by_place.says(f"ledger {letter['ledger_sequence']}, event {letter['event_index']} ")
        digits = "".join(line.split()[1] for line in by_place.stdout.splitlines()
                         if re.fullmatch(r"  [0-9a-f]{8}  [0-9a-f]+", line))
        assert bytes.fromhex(digits) == base64.b64decode(letter["raw"])
    show(lake, 3).expect(2).says("no dead letter 3: the list has 2")
    show(lake, 0).expect(2).says("'0' is no dead letter")
    show(lake, f"{FIRST}.7").expect(2).says(f"ledger {FIRST} has no dead letter for event 7")
    process.execute("dead-letters", "show", "--output-path", lake).expect(2).says("which one?")


def test_what_can_be_read_of_one_is_shown_with_its_names(lake):
    unknown, damaged = (json.loads(show(lake, place, "--json").expect(0).stdout)
                        for place in (1, 2))
    for letter, listed in zip((unknown, damaged), letters(lake), strict=True):
        assert {key: letter[key] for key in listed} == listed
        assert letter["storable"] is False and letter["reason_now"]
    by_name = {field["name"]: field["value"] for field in unknown["fields"]}
    assert by_name["ledger_sequence"] == str(SECOND) and len(by_name["tx_hash"]) == 64
    assert None in by_name and unknown["unread"] is None  # the member that no version knows
    assert damaged["unread"]
    shown = show(lake, 1).expect(0)
    shown.says("this version can't store it either", "meta", f"ledger_sequence: {SECOND}", "field ")


# ---- taken elsewhere ----

def test_the_messages_go_into_a_recording_byte_for_byte(lake, tmp_path):
    out = tmp_path / "letters.events"
    process.execute("dead-letters", "export", out, "--output-path", lake).expect(0).says("2 events")
    assert stock_grpc.read_recording(out) == [
        base64.b64decode(letter["raw"]) for letter in letters(lake)]
    before = out.read_bytes()
    process.execute("dead-letters", "export", out, "--output-path", lake).expect(2).says("exists")
    assert out.read_bytes() == before
    one = tmp_path / "one.events"
    told = json.loads(process.execute("dead-letters", "export", one, "--output-path", lake,
                                      "--until", SECOND, "--json").expect(0).stdout)
    assert told == {"file": str(one), "events": 1, "bytes": one.stat().st_size,
                    "without_ledger": 0, "not_served": None}
    process.execute("dead-letters", "export", "--output-path", lake).expect(2).says("where to?")


def test_no_letters_make_no_file(lake, tmp_path):
    out = tmp_path / "none.events"
    process.execute("dead-letters", "export", out, "--output-path", lake,
                    "--until", FIRST).expect(0).says("no dead letters")
    assert not out.exists()


def test_what_replay_can_not_serve_is_said(tmp_path):
    """An event without any ledger is sent with the ledger before it, and there is none."""
    (tmp_path / "faults").write_text("event=700 missing-meta always\n")
    with process.Replay([RECORDING.events], "--fault", tmp_path / "faults") as server:
        process.run(tmp_path / "lake", server.endpoint, FIRST, LAST)
    out = tmp_path / "letters.events"
    process.execute("dead-letters", "export", out, "--output-path", tmp_path / "lake").expect(0).says(
        "1 of them name no ledger", "can't serve it as it is")
    assert out.stat().st_size > 0


def test_a_damaged_file_leaves_no_part_of_a_recording(lake, tmp_path):
    path = sorted((lake / "_lake" / "dead_letters").iterdir())[0]
    path.write_text(path.read_text() + "\n")
    out = tmp_path / "letters.events"
    process.execute("dead-letters", "export", out, "--output-path", lake).expect(1).says("changed")
    assert not out.exists()
