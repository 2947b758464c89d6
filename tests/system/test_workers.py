# SPDX-License-Identifier: Apache-2.0
"""Several processes with the same command fill one lake: its catalog in PostgreSQL, its files in an
object store."""

import contextlib
import json
import signal

import duckdb
import pytest

from harness import lake as reading
from harness import postgres, process, truth, versitygw, watching
from harness.fake_s3 import FakeS3
from test_postgres_objects import FIRST, LAST, RECORDING, Place, assert_complete

TTL = "2s"
PIECE = 24

pytestmark = pytest.mark.skipif(postgres.binaries() is None, reason="PostgreSQL is not installed")


@pytest.fixture
def store():
    with FakeS3() as fake:
        yield fake


class Workers(Place):
    def begin(self, server, first=FIRST, last=LAST, **options):
        options = {"schema_version": "1.1.0", "batch_size": 1, "max_file_size": "8KiB",
                   "lease_ledgers": PIECE, "lease_ttl": TTL, "flush_interval": "20ms",
                   **self.settings, **options}
        return process.run_background("s3://bucket/lake", server.endpoint, first, last,
                                      env=self.env, **options)


@pytest.fixture
def place(store, catalog_server, tmp_path):
    return Workers(store, catalog_server, tmp_path)


def holders(catalog_server):
    return [row[0] for row in catalog_server.sql(
        "SELECT holder FROM ttp_lease WHERE holder IS NOT NULL AND NOT done ORDER BY holder")]


def has_leases(catalog_server):
    return catalog_server.sql("SELECT to_regclass('ttp_lease') IS NOT NULL") == [("t",)]


def of(run, catalog_server):
    """The pieces that a process holds."""
    if not has_leases(catalog_server):
        return []
    return [holder for holder in holders(catalog_server) if f":{run.process.pid}#" in holder]


def test_processes_that_begin_at_once_make_one_lake_and_share_its_ledgers(
        store, catalog_server, place):
    with process.Replay([RECORDING.events], "--pace", "5ms") as server:
        runs = [place.begin(server) for _ in range(3)]
        for run in runs:
            run.wait().expect(0)
    assert_complete(store, catalog_server, place)
    assert catalog_server.sql("SELECT count(*) FROM ttp_lease WHERE NOT done") == [("0",)]
    assert catalog_server.sql("SELECT count(*) FROM ttp_writer WHERE writer <> 1") == [("0",)]


def test_the_pieces_of_one_that_is_killed_are_gone_on_with(store, catalog_server, place):
    with process.Replay([RECORDING.events], "--pace", "20ms") as server:
        with place.begin(server) as one, place.begin(server) as two:
            one.wait_for(lambda: of(one, catalog_server) and len(store.objects) > 4, "its work")
            one.stop(signal.SIGKILL)
            two.wait().expect(0)
    assert_complete(store, catalog_server, place, staged=True)


def test_one_that_was_frozen_beyond_its_lease_publishes_nothing_of_it(
        store, catalog_server, place):
    with process.Replay([RECORDING.events], "--pace", "20ms") as server:
        with place.begin(server) as one:
            one.wait_for(lambda: of(one, catalog_server) and len(store.objects) > 4, "its work")
            one.process.send_signal(signal.SIGSTOP)
            with place.begin(server) as two:
                # With the other one's pieces, which it has to wait for.
                two.wait().expect(0)
            one.process.send_signal(signal.SIGCONT)
            one.wait().expect(0).says("taken over by another process|another process's by now")
    assert_complete(store, catalog_server, place)


def test_another_chain_is_refused_where_the_piece_beside_the_lake_is_anothers(
        store, catalog_server, place, tmp_path):
    covered = "SELECT first_ledger, last_ledger FROM ttp_coverage"
    with process.Replay([RECORDING.events]) as server:
        place.begin(server, last=FIRST + PIECE - 1).wait().expect(0)
    lake = catalog_server.sql(covered)
    catalog_server.sql(
        "INSERT INTO ttp_lease(ledgers, next_ledger, holder, epoch, expires_at) VALUES (int8range("
        f"{FIRST + PIECE}, {FIRST + 2 * PIECE}), {FIRST + PIECE}, 'elsewhere:1#0/1', 1, "
        "clock_timestamp() + interval '1 hour')")
    other = tmp_path / "other.events"
    process.execute("generate", "--seed", 99, "--first-ledger", FIRST, "--ledgers",
                    LAST - FIRST + 2, "--start-time", "2022-06-10T04:23:44Z", "--out", other).expect(0)
    with process.Replay([other]) as server:
        place.begin(server).wait().expect(2).says("another chain than the lake's|two chains")
    assert catalog_server.sql(covered) == lake


def test_one_that_is_stopped_gives_its_pieces_back(store, catalog_server, place):
    with process.Replay([RECORDING.events], "--pace", "20ms") as server:
        with place.begin(server, lease_ttl="1h") as one:
            one.wait_for(lambda: of(one, catalog_server) and len(store.objects) > 4, "its work")
            one.stop(signal.SIGTERM).expect(1)  # 0 would say that all of the range is there
            assert holders(catalog_server) == []
        with place.begin(server, lease_ttl="1h") as two:
            two.wait().expect(0)
    assert_complete(store, catalog_server, place)


def test_a_live_one_stands_by_until_the_other_is_gone(store, catalog_server, place):
    port = watching.free_ports(1)[0]
    live = {"last": 0, "max_file_age": "200ms"}
    with process.Replay([RECORDING.events], "--live", "--pace", "30ms") as server:
        with place.begin(server, **live) as one:
            one.wait_for(lambda: of(one, catalog_server) and len(store.objects) > 2, "its work")
            with place.begin(server, **{**live, "health_port": port}) as two:
                two.wait_for(lambda: "standing by" in two.stderr, "the standby")
                assert watching.ask(port, "/health").json["standby"] is True
                assert watching.ask(port, "/ready").status == 200
                status = json.loads(place.execute("status", "--json").expect(0).stdout)
                assert [of_one["last"] for of_one in status["pieces"]["holders"]] == [None]
                assert f":{one.process.pid}#" in status["pieces"]["holders"][0]["holder"]
                place.execute("status").expect(0).says("1 held", "and what follows: held by")
                assert "following the chain" not in two.stderr.replace(
                    "another process follows the chain", "")
                one.stop(signal.SIGKILL)
                two.wait_for(lambda: of(two, catalog_server), "the takeover")
                two.wait_for(lambda: watching.ask(port, "/health").json["standby"] is False,
                             "its health to say so")
                two.wait_for(lambda: catalog_server.sql(
                    "SELECT max(last_ledger) FROM ttp_coverage") == [(str(LAST - 1),)]
                    or catalog_server.sql("SELECT max(last_ledger) FROM ttp_coverage")
                    == [(str(LAST),)], "all that there is")
                two.stop(signal.SIGTERM).expect(0)
    assert catalog_server.sql("SELECT count(*) FROM ttp_coverage") == [("1",)]
    place.execute("verify", "--deep").expect(0)


def test_a_verb_that_wants_to_be_alone_is_refused_while_processes_fill_the_lake(
        store, catalog_server, place):
    with process.Replay([RECORDING.events], "--pace", "200ms") as server:
        with place.begin(server) as one:
            one.wait_for(lambda: of(one, catalog_server) and len(store.objects) > 2, "its work")
            place.execute("repair", FIRST, FIRST).expect(2).says("fill the lake", "end them first")
            one.stop(signal.SIGTERM).expect(1)
    place.execute("repair", FIRST, FIRST).expect(0)


def test_a_piece_that_fails_again_and_again_is_set_aside_and_the_others_go_on(
        store, catalog_server, place, tmp_path):
    """By whichever of them: five claims of it in a row that came to nothing."""
    bad = FIRST // PIECE * PIECE + 2 * PIECE  # the first of its piece: no commit of it gets on
    (tmp_path / "faults").write_text(f"ledger={bad} status=INTERNAL always\n")
    with process.Replay([RECORDING.events], "--fault", tmp_path / "faults") as server:
        runs = [place.begin(server, max_attempts=2, retry_initial="1ms", retry_max="2ms")
                for _ in range(2)]
        ended = [run.wait() for run in runs]
        for one in ended:
            one.expect(1).says("set aside, since those who fetched them failed")
        assert sum("set aside; the others go on" in one.stderr for one in ended) == 1
    status = json.loads(place.execute("status", "--json").expect(0).stdout)
    assert status["pieces"]["set_aside"] == 1
    assert status["pieces"]["set_aside_ledgers"] == [{"first": bad, "last": bad + PIECE - 1}]
    place.execute("status").expect(0).says("1 set aside", f"{bad}", "failed again and again")
    assert catalog_server.sql("SELECT first_ledger, last_ledger FROM ttp_coverage ORDER BY 1") == [
        (str(FIRST), str(bad - 1)), (str(bad + PIECE), str(LAST))]
    place.execute("verify").expect(0)
    # Whoever wants those ledgers tries them anew; the server has them by now.
    with process.Replay([RECORDING.events]) as server:
        with place.begin(server) as run:
            run.wait().expect(0)
    assert_complete(store, catalog_server, place)


def test_a_catalog_of_before_there_were_leases_gets_them(store, catalog_server, place):
    """As the version made it that had one process and PostgreSQL."""
    with process.Replay([RECORDING.events]) as server:
        with place.begin(server, last=FIRST + 49) as run:
            run.wait().expect(0)
        catalog_server.sql("DROP TABLE ttp_lease", "DROP TABLE ttp_numbers", "DROP TABLE ttp_upload",
                           "ALTER TABLE ttp_coverage DROP CONSTRAINT ttp_coverage_disjoint")
        place.execute("status").expect(0).says(f"{FIRST}")
        place.execute("verify", "--deep").expect(0)
        runs = [place.begin(server) for _ in range(3)]
        for run in runs:
            run.wait().expect(0)
    assert_complete(store, catalog_server, place)
    assert catalog_server.sql("SELECT count(*) FROM pg_constraint WHERE conname ="
                              " 'ttp_coverage_disjoint'") == [("1",)]
    assert catalog_server.sql("SELECT count(*) = count(DISTINCT commit_no), max(commit_no) <="
                              " (SELECT commit_no FROM ttp_numbers) FROM ttp_commits") == [("t", "t")]


@pytest.mark.s3_server
def test_duckdb_writes_beside_three_processes(catalog_server, tmp_path):
    """Rows of its own, and small files of ours put into one."""
    with versitygw.Gateway(tmp_path / "store") as store, \
            process.Replay([RECORDING.events], "--pace", "40ms") as server:
        place = Workers(store, catalog_server, tmp_path)
        runs = [place.begin(server, max_file_age="200ms") for _ in range(3)]
        runs[0].wait_for(lambda: has_leases(catalog_server) and catalog_server.sql(
            "SELECT count(*) > 2 FROM ttp_commits") == [("t",)], "commits")
        inserted, merged = write_by_duckdb(store, catalog_server, runs)
        for run in runs:
            run.wait().expect(0)
        with attached(store, catalog_server) as connection:
            rows = reading._duckdb_rows(connection, "1.1.0", "lake.ttp_events")
            ids = connection.execute("SELECT count(*), count(DISTINCT rowid) FROM"
                                     " lake.ttp_events").fetchone()
        assert inserted > 0 and merged > 0
        assert ids == (len(rows), len(rows))
        ledger = truth.COLUMNS["1.1.0"].index("ledger_sequence")
        assert sum(row[ledger] == 1 for row in rows) == inserted
        reading.assert_same([row for row in rows if row[ledger] != 1],
                            truth.expected_rows(truth.truth_rows([RECORDING]), "1.1.0"), "DuckDB")
        assert catalog_server.sql("SELECT first_ledger, last_ledger FROM ttp_coverage") == [
            (str(FIRST), str(LAST))]
        place.execute("verify").expect(3).says(f"{inserted} rows are there that no commit brought",
                                               "not ok: 1 problem")


@contextlib.contextmanager
def attached(store, catalog_server):
    host = store.endpoint.removeprefix("http://")
    httpfs = reading._extension("duckdb_extension_httpfs", "httpfs")
    with reading.duckdb_connection() as connection:
        connection.execute(
            f"LOAD '{httpfs}'; CREATE SECRET s (TYPE s3, KEY_ID 'test', SECRET 'testsecret', REGION"
            f" 'us-east-1', ENDPOINT '{host}', URL_STYLE 'path', USE_SSL false)")
        connection.execute(f"ATTACH 'ducklake:postgres:{catalog_server.conninfo()}' AS lake"
                           " (METADATA_SCHEMA 'public')")
        yield connection
        connection.execute("DETACH lake")


def write_by_duckdb(store, catalog_server, runs):
    """Until the runs have ended: rows inserted, merges."""
    inserted = merged = 0
    with attached(store, catalog_server) as connection:
        while merged == 0 or any(run.running for run in runs):
            try:
                # Of a partition of its own: DuckDB can't merge files of two folders.
                connection.execute("INSERT INTO lake.ttp_events SELECT * REPLACE (1::UINTEGER AS"
                                   " ledger_sequence, TIMESTAMPTZ '2001-01-01' AS timestamp) FROM"
                                   " lake.ttp_events LIMIT 20")
                inserted += 20
                connection.execute("CALL ducklake_merge_adjacent_files('lake')")
                merged += 1
            except duckdb.TransactionException:
                pass  # a conflict that it gave up on: it changed nothing
    return inserted, merged
