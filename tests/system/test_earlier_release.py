# SPDX-License-Identifier: Apache-2.0
"""Lakes that an earlier release wrote (tests/data/earlier) go on under this one: 0.1.0 made
transaction_index and event_index REQUIRED in its files, and NOT NULL in the catalog."""

import json
import subprocess

import pyarrow.parquet
import pytest

from harness import lake as reading
from harness import process, truth

RECORDING = truth.TESTNET
FIRST, CUT, LAST = RECORDING.first, RECORDING.first + 10, RECORDING.first + 19
END = LAST + 20
ARCHIVE = truth.DATA / "earlier" / "0.1.0.tar.gz"
ADDED = ("transaction_index", "event_index")


@pytest.fixture(params=["schema-1.1.0", "evolved"])
def old(request, tmp_path):
    """A lake of 0.1.0 that holds FIRST to LAST; evolved: those below CUT as schema 1.0.0."""
    # Python 3.11.2, Debian 12's, has no filter for what an archive may do; tar has always had one.
    subprocess.run(["tar", "-xzf", ARCHIVE, "-C", tmp_path, "--no-same-owner"], check=True)
    return tmp_path / request.param


def expected(lake, last):
    rows = []
    for row in truth.truth_rows([RECORDING], FIRST, last):
        is_old = lake.name == "evolved" and row["ledger_sequence"] < CUT
        rows.append(truth.expected_row(row, "1.0.0") + (None,) * 6 if is_old
                    else truth.expected_row(row, "1.1.0"))
    return rows


def repetition(path):
    schema = pyarrow.parquet.ParquetFile(path).schema_arrow
    return {schema.field(name).nullable for name in ADDED if name in schema.names}


def seam_findings(lake):
    """Ledgers of which the server sent other contents than are stored."""
    status = json.loads(process.execute("status", "--json", "--output-path", lake).expect(0).stdout)
    return status["seam_findings"]


def assert_whole(lake, endpoint, last):
    report = json.loads(process.execute("verify", "--deep", "--json", "--output-path", lake)
                        .expect(0).stdout)
    assert report["problems"] == []
    process.execute("verify", "--against", endpoint, "--output-path", lake).expect(0)
    reading.assert_same(reading.read_attached(lake, "1.1.0"), expected(lake, last), "ducklake")
    reading.assert_same(reading.read_glob(lake, "1.1.0", "date_hour"), expected(lake, last),
                        "DuckDB, read_parquet")


def test_a_lake_of_an_earlier_release_goes_on(old, servers):
    endpoint = servers[RECORDING.name]
    before = reading.data_files(old)
    assert {False} in map(repetition, before)
    process.run(old, endpoint, LAST + 1, END, schema_version="1.1.0", network="testnet")
    (new,) = set(reading.data_files(old)) - set(before)
    assert repetition(new) == {True}
    assert reading.coverage(old) == [(FIRST, END)]
    assert_whole(old, endpoint, END)
    reading.check_catalog(old)


DIGESTS = "SELECT digest_contents FROM ttp_commits ORDER BY commit_no"


def test_digests_of_an_earlier_release_are_compared_as_they_were_made(old, servers):
    """0.1.0 made digests of contents in another way: those that are kept say how, and the ledger at
    the seam is digested in the way of the kept one."""
    endpoint = servers[RECORDING.name]
    before = reading.catalog_query(old, DIGESTS)
    assert all(len(digest) == 32 for digest, in before)
    process.run(old, endpoint, LAST + 1, END, schema_version="1.1.0", network="testnet")
    after = reading.catalog_query(old, DIGESTS)
    assert after[:len(before)] == before
    assert [digest[:2] for digest, in after[len(before):]] == ["2-"]
    assert seam_findings(old) == []


def test_a_digest_of_an_earlier_release_that_does_not_fit_is_found(old, servers):
    reading.catalog_execute(old, "UPDATE ttp_commits SET digest_contents ="
                                 " substr(digest_contents, 2) || substr(digest_contents, 1, 1)")
    process.execute("verify", "--deep", "--output-path", old).expect(3)
    process.run(old, servers[RECORDING.name], LAST + 1, END, schema_version="1.1.0",
                network="testnet")
    assert [finding["ledger"] for finding in seam_findings(old)] == [LAST]


def test_compaction_keeps_the_digests_of_an_earlier_release(old, servers):
    endpoint = servers[RECORDING.name]
    process.run(old, endpoint, LAST + 1, END, schema_version="1.1.0", network="testnet")
    before = reading.catalog_query(old, DIGESTS)
    process.execute("compact", "--output-path", old).expect(0)
    assert reading.catalog_query(old, DIGESTS) == before
    assert_whole(old, endpoint, END)


def test_what_the_catalog_says_of_old_columns_stays(old, servers):
    """NOT NULL there is about values, and each row has them: no snapshot of ours takes it back."""
    query = ("SELECT column_id, nulls_allowed, begin_snapshot FROM ducklake_column"
             " WHERE end_snapshot IS NULL ORDER BY 1")
    before = reading.catalog_query(old, query)
    process.run(old, servers[RECORDING.name], LAST + 1, END, schema_version="1.1.0",
                network="testnet")
    assert reading.catalog_query(old, query) == before
    with reading.attached(old) as connection:
        count = connection.execute("SELECT count(*) FROM lake.ttp_events WHERE event_index IS NULL"
                                   ).fetchone()[0]
    assert count == sum(row[truth.COLUMNS_1_1_0.index("event_index")] is None
                        for row in expected(old, END))


def test_the_catalog_of_a_lake_of_both_releases_is_rebuilt(old, servers):
    endpoint = servers[RECORDING.name]
    process.run(old, endpoint, LAST + 1, END, schema_version="1.1.0", network="testnet")
    for path in (old / "_lake").glob("catalog.sqlite*"):
        path.unlink()
    process.execute("rebuild", "--output-path", old).expect(0)
    # Made anew from the rows, in the way of this release.
    assert {digest[:2] for digest, in reading.catalog_query(old, DIGESTS)} <= {"2-", ""}
    process.run(old, endpoint, FIRST, END, schema_version="1.1.0", network="testnet")
    assert_whole(old, endpoint, END)


def test_what_is_damaged_in_an_earlier_releases_lake_is_repaired(old, servers):
    endpoint = servers[RECORDING.name]
    (path,) = [path for path in reading.data_files(old) if repetition(path) == {False}][-1:]
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(content)
    process.execute("verify", "--output-path", old).expect(3)
    process.execute("repair", "--output-path", old).expect(0)
    process.run(old, endpoint, FIRST, LAST, schema_version="1.1.0", network="testnet")
    assert_whole(old, endpoint, LAST)
