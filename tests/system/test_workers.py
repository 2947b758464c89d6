# SPDX-License-Identifier: Apache-2.0
"""Several processes with the same command fill one lake: its catalog in PostgreSQL, its files in an
object store."""

import json
import signal

import pytest

from harness import postgres, process, truth, watching
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
