# SPDX-License-Identifier: Apache-2.0
"""A catalog that somebody crafted names hundreds of thousands of ranges, holes, seams, snapshots and
damaged commits: no command needs more memory for it than docs/RELIABILITY.md says, lists have an
end that says how many more there are, and counts stay exact."""

import json
import re
import shutil
import sqlite3
import time

import pytest

from harness import lake as reading
from harness import process, truth

RECORDING = truth.TESTNET
COUNT = 300_000
LISTED = 10_000
BOUND_BYTES = 64 * 1024 * 1024
COMMIT_BYTES = 400  # for each commit and file that the catalog names
FAR = 60_000_000  # ledgers that the recording has not
MANY_COMMITS = 15_000  # more than are listed


def numbers(count):
    return f"WITH RECURSIVE c(x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM c WHERE x < {count - 1})"


def ranges_without_end(count):
    return [
        f"{numbers(count)} INSERT INTO ttp_coverage SELECT {FAR} + 2 * x, {FAR} + 2 * x FROM c",
        f"{numbers(count)} INSERT INTO ttp_unconfirmed SELECT {FAR} + 2 * x, {FAR} + 2 * x, 1 FROM c",
        f"{numbers(count)} INSERT INTO ttp_holes SELECT {FAR} + 2 * x + 1, {FAR} + 2 * x + 1,"
        " printf('%0900d', x), 1 FROM c",
        "CREATE TABLE IF NOT EXISTS ttp_seam_findings(ledger BIGINT PRIMARY KEY NOT NULL, times"
        " BIGINT NOT NULL, first_seen_us BIGINT NOT NULL, last_seen_us BIGINT NOT NULL)",
        f"{numbers(count)} INSERT INTO ttp_seam_findings SELECT {FAR} + 2 * x, 1, 1, 1 FROM c"]


def commits_without_rows(count):
    """Each has the digest of a ledger with events, and no file: `verify --deep` tells of each."""
    return [
        f"{numbers(count)} INSERT INTO ttp_commits(commit_no, first_ledger, last_ledger, reason,"
        " schema_version, snapshot_id, file_count, row_count, size_bytes, dead_letter_count,"
        " unconfirmed_ledgers, null_decimal_count, replaced_memo_count, digest_ledger,"
        f" digest_chain, digest_contents, last_close_us, committed_us) SELECT x + 100,"
        f" {FAR} + 2 * x, {FAR} + 2 * x, reason, schema_version, snapshot_id, 0, 0, 0, 0, 0, 0, 0,"
        f" {FAR} + 2 * x, digest_chain, digest_contents, last_close_us, committed_us"
        " FROM ttp_commits, c WHERE commit_no = 1",
        f"{numbers(count)} INSERT INTO ttp_coverage SELECT {FAR} + 2 * x, {FAR} + 2 * x FROM c"]


@pytest.fixture(scope="module")
def made(tmp_path_factory, servers):
    lake = tmp_path_factory.mktemp("memory") / "lake"
    process.run(lake, servers[RECORDING.name], RECORDING.first, RECORDING.first + 79)
    return lake


def crafted(made, folder, statements):
    lake = folder / "lake"
    shutil.copytree(made, lake)
    connection = sqlite3.connect(reading.catalog_path(lake))
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return lake


@pytest.fixture(scope="module")
def ranges(made, tmp_path_factory):
    return crafted(made, tmp_path_factory.mktemp("ranges"), ranges_without_end(COUNT))


@pytest.fixture(scope="module")
def commits(made, tmp_path_factory):
    return crafted(made, tmp_path_factory.mktemp("commits"), commits_without_rows(COUNT))


def measure(*arguments, limit_seconds=300):
    """Runs a command to its end: it, and its peak of memory in bytes."""
    with process.Background(*arguments) as command:
        peak, until = 0, time.monotonic() + limit_seconds
        while command.running:
            assert time.monotonic() < until, arguments
            peak = max(peak, process.peak_memory_bytes(command.process.pid))
            time.sleep(0.002)
        return command.finished(), peak


VERBS = [(["status"], 0), (["status", "--json"], 0), (["verify"], 3), (["verify", "--json"], 3),
         (["files"], 0), (["files", "--json"], 0), (["dead-letters"], 0),
         (["repair", "--dry-run"], 0)]


@pytest.mark.campaign(every=3)
@pytest.mark.parametrize("verb, status", VERBS, ids=lambda value: " ".join(value)
                         if isinstance(value, list) else "")
def test_ranges_without_end_take_no_memory_without_end(ranges, verb, status):
    done, peak = measure(*verb, "--output-path", ranges)
    done.expect(status)
    assert peak <= BOUND_BYTES, peak
    assert peak > 1024 * 1024 or done.seconds < 0.5, "it was measured"
    assert len(done.stdout) < 16 * 1024 * 1024


@pytest.mark.campaign(every=2)
@pytest.mark.parametrize("verb, status", [(["status", "--json"], 0),
                                          (["verify", "--deep", "--json"], 3),
                                          (["repair", "--deep", "--dry-run"], 0)],
                         ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_a_problem_in_each_of_many_commits_takes_no_memory_without_end(commits, verb, status):
    done, peak = measure(*verb, "--output-path", commits)
    done.expect(status)
    assert 1024 * 1024 < peak <= BOUND_BYTES + COUNT * COMMIT_BYTES, peak


def test_lists_say_how_many_more_there_are(ranges):
    status = json.loads(process.execute("status", "--json", "--output-path", ranges).stdout)
    assert len(status["coverage"]) == LISTED
    assert status["unconfirmed_ledgers"] == COUNT
    assert status["not_listed"]["coverage"] == COUNT + 1 - LISTED
    assert status["not_listed"]["gaps"] == COUNT - LISTED
    assert status["not_listed"]["holes"] + len(status["holes"]) == COUNT
    assert status["not_listed"]["seam_findings"] == COUNT - LISTED
    text = process.execute("status", "--output-path", ranges).stdout
    assert f"in {COUNT + 1} ranges" in text
    assert f"... and {COUNT - LISTED} more" in text


def test_verify_counts_what_it_does_not_list(ranges):
    report = json.loads(process.execute("verify", "--json", "--output-path", ranges).stdout)
    assert len(report["problems"]) + report["not_listed"]["problems"] == COUNT
    assert any("more ranges of ledgers are not in the lake" in note for note in report["notes"])
    assert any("more ranges of ledgers were given up" in note for note in report["notes"])
    text = process.execute("verify", "--output-path", ranges).stdout
    listed = len(re.findall(r"^problem: catalog", text, re.M))
    assert f"... and {COUNT - listed} more of catalog" in text
    assert f"not ok: {COUNT} problems" in text


def test_repair_mends_also_what_verify_does_not_list(made, tmp_path):
    lake = crafted(made, tmp_path, commits_without_rows(MANY_COMMITS))
    report = json.loads(process.execute("verify", "--deep", "--json", "--output-path", lake).stdout)
    assert len(report["problems"]) + report["not_listed"]["problems"] == MANY_COMMITS
    last = FAR + 2 * (MANY_COMMITS - 1)
    assert report["refetch"][0]["first"] == FAR
    assert report["not_listed"]["refetch"] + len(report["refetch"]) == MANY_COMMITS
    assert report["command"].count("parquet-consumer run") == 100
    assert report["command"].endswith(f" {FAR + 2 * 99} {last}"), "the last one spans the rest"
    repair = process.execute("repair", "--deep", "--dry-run", "--output-path", lake).expect(0)
    assert repair.stdout.count(": would be taken out of the lake\n") == MANY_COMMITS


def test_a_sound_lake_lists_all(made):
    for verb in (["status", "--json"], ["verify", "--json"]):
        answer = json.loads(process.execute(*verb, "--output-path", made).stdout)
        assert "not_listed" not in answer
