# SPDX-License-Identifier: Apache-2.0
"""`status` tells what a lake holds, from its catalog alone, and changes nothing."""

import datetime
import json
import re

import pytest

from harness import lake as reading
from harness import process, truth

RECORDING = truth.PUBNET63
FIRST, LAST = RECORDING.first, RECORDING.last
SECOND = FIRST + 1
KEYS = ["output_path", "lake_id", "network", "partitioning_scheme", "schema_version",
        "schema_versions", "coverage", "gaps", "command", "commits", "snapshots", "files", "rows",
        "bytes", "newest_ledger_time", "last_commit", "dead_letters", "null_amount_decimals",
        "replaced_memos", "unconfirmed_ledgers", "unconfirmed", "holes", "seam_findings",
        "unchecked_seams", "recent_commits", "hidden_rows", "inlined_rows", "changes_by_others",
        "others_tables", "data_path", "data_path_warning", "pruned", "backups"]
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"


def status(lake):
    report = json.loads(process.execute("status", "--output-path", lake, "--json")
                        .expect(0).stdout)
    assert list(report) == KEYS
    return report


def text(lake):
    finished = process.execute("status", "--output-path", lake).expect(0)
    # A command stays on one line, to be pasted.
    lines = [line for line in finished.stdout.splitlines()[1:] if "parquet-consumer" not in line]
    assert max(map(len, lines)) <= 80
    return finished


def ranges(*pairs):
    return [{"first": first, "last": last} for first, last in pairs]


@pytest.fixture
def faulty(tmp_path, processes):
    """faulty(script): the endpoint of a server that follows it."""
    def start(script):
        path = tmp_path / "faults"
        path.write_text(script + "\n")
        return processes(process.Replay([RECORDING.events], "--fault", path)).endpoint
    return start


def test_no_lake_at_all_is_a_mistake_of_the_call(tmp_path):
    for path in (tmp_path, tmp_path / "none"):
        finished = process.execute("status", "--output-path", path, "--json").expect(2)
        assert finished.says("no lake", "output-path").stdout == ""


def test_a_lake_in_figures(lake, servers):
    process.run(lake, servers[RECORDING.name], FIRST, LAST, network="mainnet",
                schema_version="1.1.0", max_file_size="1KiB", batch_size=1)
    report = status(lake)
    files = reading.data_files(lake)
    assert report["coverage"] == ranges((FIRST, LAST))
    assert report["commits"] == report["files"] == len(files) == LAST - FIRST + 1
    assert report["rows"] == len(truth.truth_rows([RECORDING]))
    assert report["bytes"] == sum(path.stat().st_size for path in files)
    assert report["schema_versions"] == [
        {"version": "1.1.0", "commits": len(files), "rows": report["rows"]}]
    assert (report["network"], report["partitioning_scheme"], report["schema_version"]) == (
        "pubnet", "date_hour", "1.1.0")
    newest_us = max(row["timestamp_us"] for row in truth.truth_rows([RECORDING]))
    assert datetime.datetime.fromisoformat(report["newest_ledger_time"]) == (
        datetime.datetime.fromtimestamp(newest_us / 1e6, datetime.UTC))
    assert re.fullmatch(TIME, report["last_commit"])
    assert [report[key] for key in ("dead_letters", "unconfirmed_ledgers", "unconfirmed", "holes",
                                    "seam_findings")] == [0, 0, [], [], []]
    assert [commit["commit_no"] for commit in report["recent_commits"]] == [4, 3, 2, 1]
    assert {commit["reason"] for commit in report["recent_commits"]} <= {"size", "end_of_range"}
    assert all(re.fullmatch(TIME, commit["committed_at"]) for commit in report["recent_commits"])
    text(lake).says(r"4 ledgers in 1 range\n", f"  {FIRST} to {LAST}", "network +pubnet",
                    r"2,531 rows in 4 files, .* 4 commits", r"schema 1\.1\.0: 2,531 rows")


def test_both_schema_versions_of_a_lake_that_evolved(lake, servers):
    process.run(lake, servers[RECORDING.name], FIRST, FIRST)
    process.run(lake, servers[RECORDING.name], SECOND, LAST, schema_version="1.1.0")
    rows = [len(truth.truth_rows([RECORDING], FIRST, FIRST)),
            len(truth.truth_rows([RECORDING], SECOND, LAST))]
    assert status(lake)["schema_versions"] == [
        {"version": "1.0.0", "commits": 1, "rows": rows[0]},
        {"version": "1.1.0", "commits": 1, "rows": rows[1]}]
    text(lake).says(r"schema 1\.0\.0: 528 rows, 1 commit\n", r"schema 1\.1\.0: 2,003 rows")


def test_dead_letters_and_unconfirmed_ledgers(lake, faulty):
    process.run(lake, faulty(f"event=100 damaged-event\nledger={SECOND} skip-ledger count=2"), FIRST, LAST)
    report = status(lake)
    assert report["dead_letters"] == 1
    assert report["unconfirmed"] == ranges((SECOND, SECOND))
    assert report["unconfirmed_ledgers"] == 1
    text(lake).says("dead letters +1\n", r"unconfirmed +1 ledger in 1 range\n")


def test_amounts_beyond_38_digits_are_counted(lake, tmp_path, processes):
    """The generator has some of 39, which the decimal column can't hold."""
    rows = tmp_path / "rows.jsonl"
    arguments = ["generate", "--seed", 9, "--first-ledger", 1000, "--start-time",
                 "2024-01-15T12:00:00Z", "--events", 60000]
    process.execute(*arguments, "--out", tmp_path / "g.events", "--rows", rows).expect(0)
    amounts = [json.loads(line)["amount"] for line in rows.read_text().splitlines()]
    wide = sum(len(amount.lstrip("-")) > 38 for amount in amounts)
    server = processes(process.Replay([tmp_path / "g.events"]))
    last = json.loads(rows.read_text().splitlines()[-1])["ledger_sequence"]
    process.run(lake, server.endpoint, 1000, last, schema_version="1.1.0")
    assert wide > 0
    assert status(lake)["null_amount_decimals"] == wide
    text(lake).says(f"{wide} rows? whose amount has no amount_decimal")


def test_a_ledger_that_was_given_up_is_remembered_until_it_is_fetched(lake, faulty, servers):
    poison = f'ledger={SECOND} status="INTERNAL:string field contains invalid UTF-8" always'
    process.run(lake, faulty(poison), FIRST, LAST, status=1, max_attempts=3,
                on_poison_ledger="skip")
    [hole] = status(lake)["holes"]
    assert (hole["first"], hole["last"]) == (SECOND, SECOND)
    assert "invalid UTF-8" in hole["reason"] and re.fullmatch(TIME, hole["recorded_at"])
    process.execute("status", "--output-path", lake).expect(0).says(
        rf"recorded hole +{SECOND} to {SECOND}, given up at {TIME}:\n  .*invalid UTF-8")
    finished = process.execute("verify", "--output-path", lake).expect(0)
    finished.says(f"{SECOND} to {SECOND} were given up")
    process.run(lake, servers[RECORDING.name], FIRST, LAST)
    assert status(lake)["holes"] == []


def test_what_the_seam_check_found_is_shown(lake, faulty, servers):
    """The source was upgraded: on the same chain it says something else of a stored ledger."""
    process.run(lake, servers[RECORDING.name], FIRST, SECOND, schema_version="1.1.0")
    assert status(lake)["seam_findings"] == []
    # In the next stream SECOND comes first, to be compared.
    endpoint = faulty("event=10 unknown-event-type always")
    process.run(lake, endpoint, FIRST, SECOND + 1, schema_version="1.1.0").says("other contents")
    [finding] = status(lake)["seam_findings"]
    assert (finding["ledger"], finding["finding"], finding["times"]) == (
        SECOND, "other_contents", 1)
    assert re.fullmatch(TIME, finding["first_seen"]) and re.fullmatch(TIME, finding["last_seen"])
    text(lake).says(f"seam +ledger {SECOND}: .*other contents")
    reading.check_catalog(lake)


def test_it_is_right_beside_a_running_consumer(lake, processes):
    server = processes(process.Replay([RECORDING.events], "--live", "--pace", "200ms"))
    run = processes(process.run_background(lake, server.endpoint, FIRST, 0, max_file_size="1KiB",
                                           batch_size=1))
    run.wait_for_text("a new lake was made")
    seen = []
    run.wait_for(lambda: seen.append(status(lake)["rows"]) or
                 status(lake)["coverage"][-1:] == ranges((FIRST, LAST - 1)), "three ledgers")
    assert seen == sorted(seen)
    run.stop().expect(0)
