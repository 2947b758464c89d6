# SPDX-License-Identifier: Apache-2.0
"""`dead-letters replay`: what a later version can read becomes the rows that it would have stored.

An older version is what knows an event's type no more than this one knows member 15. Its lake is
made by the fault `unknown-event-type`; that this version is a later one, by giving the messages in
the dead letters the member back that they had."""

import base64
import json
import random
import shutil
import signal
import time

import pytest

from harness import process, stock_grpc, truth
from harness import lake as reading
from harness.xxh64 import xxh64

RECORDING = truth.TESTNET
FIRST, LAST = RECORDING.first, RECORDING.last
MESSAGES = stock_grpc.by_ledger(stock_grpc.read_recording(RECORDING.events))
COUNT = sum(map(len, MESSAGES.values()))
# The first of all, some in the midst, the last.
UNKNOWN = sorted({0, COUNT - 1} | set(random.Random(7).sample(range(1, COUNT - 1), 12)))
LOST = next(number for number in range(COUNT // 2, COUNT) if number not in UNKNOWN)


def make(lake, faults, **options):
    """Commits of a few ledgers each."""
    script = lake.parent / "faults"
    script.write_text("".join(f"event={number} {fault} always\n" for number, fault in faults))
    options = {"schema_version": "1.1.0", "max_file_size": "1KiB", "batch_size": 1} | options
    with process.Replay([RECORDING.events], "--fault", script) as server:
        process.run(lake, server.endpoint, FIRST, LAST, **options)
    return lake


def become_later(lake):
    """The letters' bytes are what the recording has; the catalog's checksums fit."""
    for path in sorted((lake / "_lake" / "dead_letters").iterdir()):
        letters = [json.loads(line) for line in path.read_text().splitlines()]
        for letter in letters:
            raw = base64.b64decode(letter["raw"])
            whole = MESSAGES[letter["ledger_sequence"]][letter["event_index"]]
            if len(raw) == len(whole):
                letter["raw"] = base64.b64encode(whole).decode()
        text = "".join(json.dumps(letter, separators=(",", ":")) + "\n" for letter in letters)
        path.write_text(text)
        reading.catalog_execute(lake, f"UPDATE ttp_dead_letters SET checksum ="
                                      f" '{xxh64(text.encode()):016x}' WHERE path ="
                                      f" 'dead_letters/{path.name}'")


def unknown():
    return [(number, "unknown-event-type") for number in UNKNOWN]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    lake = make(tmp_path_factory.mktemp("replay") / "lake", unknown())
    become_later(lake)
    return lake


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """What a later version makes of the same stream."""
    return make(tmp_path_factory.mktemp("later") / "lake", [])


@pytest.fixture
def lake(made, tmp_path):
    copy = shutil.copytree(made, tmp_path / "lake")
    process.execute("relocate", "--output-path", copy).expect(0)
    return copy


def replay(lake, *arguments, status=0):
    return process.execute("dead-letters", "replay", "--output-path", lake,
                           *arguments).expect(status)


def replay_json(lake, *arguments, status=0):
    return json.loads(replay(lake, "--json", *arguments, status=status).stdout)


def letters(lake):
    listed = process.execute("dead-letters", "list", "--output-path", lake, "--json").expect(0)
    return [json.loads(line) for line in listed.stdout.splitlines()]


def commits(lake):
    return reading.catalog_query(
        lake, "SELECT first_ledger, last_ledger, row_count, dead_letter_count, null_decimal_count,"
              " replaced_memo_count, digest_ledger, digest_chain, digest_contents, last_close_us"
              " FROM ttp_commits WHERE ended_us IS NULL ORDER BY 1")


def compare_digests(lake, expected):
    """Commits end where their files are full, not all at the same ledgers."""
    got, wanted = ({row[6]: row[7:] for row in commits(one)} for one in (lake, expected))
    common = got.keys() & wanted.keys()
    assert len(common) > 10
    assert {ledger: got[ledger] for ledger in common} == {
        ledger: wanted[ledger] for ledger in common}


def check_whole(lake, version="1.1.0", scheme="date_hour"):
    """Every row by every reader, the statistics, and what verify says."""
    reading.compare_lake_with_truth(lake, [RECORDING], version, scheme)
    reading.compare_dataset_with_truth(lake, [RECORDING], version)
    reading.check_catalog(lake, files_left=True)
    verify(lake)
    reading.assert_nothing_left(lake)


def verify(lake):
    report = json.loads(process.execute("verify", "--deep", "--output-path", lake, "--json")
                        .expect(0).stdout)
    assert report["ok"], report["problems"]
    assert report["changes_by_others"] == []


def test_the_lake_is_what_a_later_version_makes(lake, expected):
    assert len(letters(lake)) == len(UNKNOWN)
    report = replay_json(lake)
    assert report["rows"] == len(UNKNOWN) and report["dead_letters"] == 0
    assert report["snapshots"] == len(report["commits"]) and not report["dry_run"]
    assert letters(lake) == []
    check_whole(lake)
    compare_digests(lake, expected)
    files = reading.data_files(lake)
    again = replay_json(lake)
    assert (again["rows"], again["snapshots"], again["commits"]) == (0, 0, [])
    assert reading.data_files(lake) == files
    replay(lake).says("0 of 0 dead letters are rows now")


def test_a_backup_goes_on_after_it(lake, tmp_path):
    copy = tmp_path / "copy"
    for step in (lambda: None, lambda: replay(lake)):
        step()
        process.execute("backup", copy, "--output-path", lake, "--mirror").expect(0)
    assert commits(copy) == commits(lake)
    check_whole(copy)


def test_a_dry_run_says_it_and_does_nothing(lake):
    files, before = reading.data_files(lake), commits(lake)
    told = replay_json(lake, "--dry-run")
    assert told["rows"] == len(UNKNOWN) and told["dry_run"] and told["snapshots"] == 0
    assert reading.data_files(lake) == files and commits(lake) == before
    replay(lake, "--dry-run").says(f"{len(UNKNOWN)} of {len(UNKNOWN)} dead letters would become")
    assert replay_json(lake)["rows"] == told["rows"]


def test_what_nobody_can_read_stays_a_dead_letter(tmp_path):
    lake = make(tmp_path / "lake", [*unknown(), (LOST, "damaged-event")])
    become_later(lake)
    reasons = {(letter["ledger_sequence"], letter["event_index"]): letter["reason"]
               for letter in letters(lake)}
    before = len(reading.catalog_query(lake, "SELECT 1 FROM ducklake_snapshot"))
    report = replay_json(lake)
    assert (report["rows"], report["dead_letters"]) == (len(UNKNOWN), 1)
    (left,) = letters(lake)
    assert reasons[left["ledger_sequence"], left["event_index"]] == left["reason"]
    verify(lake)
    snapshots = len(reading.catalog_query(lake, "SELECT 1 FROM ducklake_snapshot")) - before
    assert snapshots == report["snapshots"]
    assert replay_json(lake)["rows"] == 0
    # Its messages are still a recording.
    out = tmp_path / "left.events"
    process.execute("dead-letters", "export", out, "--output-path", lake).expect(0).says("1 events")


def test_older_snapshots_read_as_before(lake):
    count = "SELECT count(*), sum(ledger_sequence), sum(event_index) FROM lake.ttp_events"
    with reading.attached(lake) as connection:
        (newest,) = connection.execute("SELECT max(snapshot_id) FROM lake.snapshots()").fetchone()
        before = connection.execute(count).fetchone()
    replay(lake)
    with reading.attached(lake) as connection:
        then = connection.execute(f"{count} AT (VERSION => {newest})").fetchone()
        now = connection.execute(count).fetchone()
    assert then == before and now[0] == before[0] + len(UNKNOWN)


def test_a_lost_catalog_brings_no_letter_back(lake):
    replay(lake)
    for name in ("catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"):
        (lake / "_lake" / name).unlink(missing_ok=True)
    process.execute("rebuild", "--output-path", lake).expect(0)
    assert letters(lake) == []
    check_whole(lake)


def test_with_compaction_before_and_after(lake, expected):
    compact = ("compact", "--output-path", lake, "--partition", "")
    process.execute(*compact).expect(0)
    replay(lake)
    compare_digests(lake, expected)
    process.execute(*compact).expect(0)
    check_whole(lake)
    compare_digests(lake, expected)


def test_a_run_goes_on_after_it(lake, servers, tmp_path):
    """The seam: the server is this version's, and so are the digests now."""
    replay(lake)
    process.execute("repair", str(LAST - 5), str(LAST), "--output-path", lake).expect(0)
    process.run(lake, servers[RECORDING.name], FIRST, LAST, schema_version="1.1.0")
    check_whole(lake)


@pytest.mark.parametrize("scheme", ["date", "date_hour_type", "simple"])
def test_every_scheme(tmp_path, scheme):
    lake = make(tmp_path / "lake", unknown(), partitioning_scheme=scheme)
    become_later(lake)
    assert replay_json(lake)["rows"] == len(UNKNOWN)
    check_whole(lake, scheme=scheme)


def test_the_first_schema_version(tmp_path):
    lake = make(tmp_path / "lake", unknown(), schema_version="1.0.0")
    become_later(lake)
    assert replay_json(lake)["rows"] == len(UNKNOWN)
    check_whole(lake, version="1.0.0")


def test_beside_a_run_it_is_refused(lake, servers):
    with process.run_background(lake, servers[RECORDING.name], FIRST, 0,
                                schema_version="1.1.0") as run:
        run.wait_for_text("connected")
        replay(lake, status=2).says("nobody else writes")
        told = replay_json(lake, "--dry-run")
        assert told["rows"] == len(UNKNOWN)
        run.stop()


def test_flags_of_the_other_forms_are_refused(lake):
    replay(lake, "--since", str(FIRST), status=2).says("replay takes no --since")
    process.execute("dead-letters", "--dry-run", "--output-path", lake).expect(2).says(
        "list takes no --dry-run")


def test_kills_leave_all_or_nothing_of_a_commit(lake, tmp_path):
    """Whenever it dies: each commit is as it was or as it becomes, and doing it again finishes."""
    replay(whole := shutil.copytree(lake, tmp_path / "whole"))
    before, wanted, chance = set(commits(lake)), set(commits(whole)), random.Random(11)
    for _ in range(12):
        with process.Background("dead-letters", "replay", "--output-path", lake) as verb:
            time.sleep(chance.random() * 0.15)
            verb.process.send_signal(signal.SIGKILL)
            verb.wait()
        assert set(commits(lake)) <= before | wanted
        process.execute("status", "--output-path", lake).expect(0)
    replay(lake)
    assert set(commits(lake)) == wanted
    check_whole(lake)
