# SPDX-License-Identifier: Apache-2.0
"""A lake with its catalog in PostgreSQL: what DuckDB reads there, and what a server may do to a run."""

import collections
import contextlib
import shutil
import signal
import sqlite3
import threading
import time

import duckdb
import pytest

from harness import lake as reading
from harness import postgres, process, truth

RECORDING = truth.TESTNET
FIRST, LAST = RECORDING.first, RECORDING.last
VERSION = "1.0.0"

pytestmark = pytest.mark.skipif(postgres.binaries() is None, reason="PostgreSQL is not installed")


@pytest.fixture
def server(catalog_server):
    return catalog_server


@contextlib.contextmanager
def attached(server, *options):
    words = "".join(f", {option}" for option in options)
    with reading.duckdb_connection() as connection:
        connection.execute(f"ATTACH 'ducklake:postgres:{server.conninfo()}' AS lake"
                           f" (METADATA_SCHEMA 'public'{words})")
        yield connection
        connection.execute("DETACH lake")


def expected_rows():
    return truth.expected_rows(truth.truth_rows([RECORDING]), VERSION)


def rows_in_duckdb(server):
    with attached(server, "READ_ONLY") as connection:
        return reading._duckdb_rows(connection, VERSION, "lake.ttp_events")


def assert_complete(server, lake):
    """All of the recording is there, once, and nothing of any commit is left over."""
    assert server.sql("SELECT first_ledger, last_ledger FROM ttp_coverage") == [
        (str(FIRST), str(LAST))]
    reading.assert_same(rows_in_duckdb(server), expected_rows(), "DuckDB on PostgreSQL")
    process.execute("verify", "--output-path", lake).expect(0)
    assert not list((lake / "_lake" / "staging").iterdir())
    in_catalog = {path for path, in server.sql(
        "SELECT path FROM ducklake_data_file WHERE end_snapshot IS NULL")}
    assert in_catalog == {str(path.relative_to(lake)) for path in reading.data_files(lake)}


# ---- what is in it -------------------------------------------------------------------------------

COLUMNS = """SELECT table_name, ordinal_position, column_name, data_type, is_nullable
    FROM information_schema.columns WHERE table_schema = '{}' AND table_name LIKE 'ducklake_%'
    ORDER BY 1, 2"""
KEYS = """SELECT c.relname, pg_get_constraintdef(k.oid) FROM pg_constraint k JOIN pg_class c ON
    c.oid = k.conrelid WHERE k.connamespace = '{}'::regnamespace AND c.relname LIKE 'ducklake_%'
    ORDER BY 1, 2"""


def test_the_tables_are_those_that_duckdb_makes(server, lake, servers):
    process.run(lake, servers[RECORDING.name], FIRST, LAST, catalog=server.location())
    server.sql("CREATE SCHEMA theirs")
    with reading.duckdb_connection() as connection:
        connection.execute(f"ATTACH 'ducklake:postgres:{server.conninfo()}' AS lake"
                           f" (METADATA_SCHEMA 'theirs', DATA_PATH '{lake}-theirs/')")
        connection.execute("DETACH lake")
    ours, theirs = (server.sql(COLUMNS.format(name)) for name in ("public", "theirs"))
    assert len({row[0] for row in theirs}) == 28
    assert ours == theirs
    assert server.sql(KEYS.format("public")) == server.sql(KEYS.format("theirs"))


# What differs from lake to lake.
FREE = {"ducklake_metadata": {"value"}, "ducklake_snapshot": {"snapshot_time"},
        "ducklake_schema": {"schema_uuid"}, "ducklake_table": {"table_uuid"},
        "ducklake_view": {"view_uuid"}, "ttp_views": {"view_uuid"}, "ttp_lake": {"value"},
        "ttp_commits": {"committed_us"}, "ducklake_data_file": {"file_size_bytes", "footer_size"},
        "ttp_commit_files": {"checksum", "file_size_bytes"},
        "ducklake_table_stats": {"file_size_bytes"}, "ttp_seam_findings": set()}
ONLY_HERE = {"ttp_writer", "ttp_lease", "ttp_numbers", "ttp_pruned", "ttp_retired", "ttp_replacements", "ttp_file_commits"}


def plain(value):
    return {None: None, "t": "1", "f": "0"}.get(value, value)


def test_each_table_has_the_rows_that_sqlite_has(server, lake, servers, tmp_path):
    options = {"partitioning_scheme": "date_hour_type", "schema_version": "1.1.0"}
    process.run(lake, servers[RECORDING.name], FIRST, LAST, catalog=server.location(), **options)
    process.run(tmp_path / "sqlite", servers[RECORDING.name], FIRST, LAST, **options)
    with contextlib.closing(sqlite3.connect(reading.catalog_path(tmp_path / "sqlite"))) as file:
        tables = {name for name, in file.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'")}
        here = {name for name, in server.sql(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
        assert here - tables == ONLY_HERE
        assert tables <= here
        for table in sorted(tables):
            columns = [f'"{row[1]}"' for row in file.execute(f"PRAGMA table_info({table})")
                       if row[1] not in FREE.get(table, ())]
            question = f"SELECT {', '.join(columns)} FROM {table}"
            theirs = sorted(tuple(None if value is None else str(value) for value in row)
                            for row in file.execute(question))
            ours = sorted(tuple(plain(value) for value in row) for row in server.sql(question))
            if table == "ducklake_metadata":
                ours.remove(("data_inlining_row_limit", None, None))
            if table == "ttp_lake":
                theirs = [row for row in theirs if row != ("settlements",)]
            assert ours == theirs, table


def test_duckdb_reads_what_was_sent(server, lake, servers):
    process.run(lake, servers[RECORDING.name], FIRST, LAST, catalog=server.location())
    assert_complete(server, lake)
    assert not (lake / "_lake" / "catalog.sqlite").exists()


def test_a_schema_of_its_own_holds_a_lake_of_its_own(server, tmp_path, servers):
    for name in ("one", "two"):
        process.run(tmp_path / name, servers[RECORDING.name], FIRST, LAST,
                    catalog=server.location(), catalog_schema=name)
    counts = server.sql("SELECT (SELECT sum(record_count) FROM one.ducklake_data_file), "
                        "(SELECT sum(record_count) FROM two.ducklake_data_file)")
    assert counts == [(str(len(expected_rows())),) * 2]


@pytest.mark.parametrize("verb", [
    ["status"], ["status", "--json"], ["files"], ["verify"], ["verify", "--deep"],
    ["repair", "--dry-run"], ["repair"], ["expire", "--older-than", "1h"], ["compact"],
    ["relocate"], ["dead-letters", "list"], ["check-config"]], ids=" ".join)
def test_commands_find_the_catalog_by_the_lakes_folder(server, lake, servers, verb):
    process.run(lake, servers[RECORDING.name], FIRST, LAST, catalog=server.location())
    process.execute(*verb, "--output-path", lake).expect(0)
    assert_complete(server, lake)


def test_what_leaves_the_lake_leaves_it_in_postgres(server, lake, processes, servers):
    source = processes(process.Replay([RECORDING.events], "--pace", "30ms"))
    process.run(lake, source.endpoint, FIRST, LAST, catalog=server.location(),
                max_file_age="300ms")
    commits = int(server.sql("SELECT count(*) FROM ttp_commits")[0][0])
    assert commits > 2
    rows = process.execute("prune", "--before-ledger", FIRST + 80, "--output-path", lake)
    rows.expect(0)
    assert server.sql("SELECT count(*) FROM ttp_pruned") == [("1",)]
    before = server.sql("SELECT count(*) FROM ttp_commits WHERE ended_us IS NULL")
    process.execute("prune", "--before-ledger", FIRST + 100, "--output-path", lake).expect(0)
    assert server.sql("SELECT count(*) FROM ttp_commits WHERE ended_us IS NULL") != before
    process.execute("expire", "--older-than", "0s", "--output-path", lake).expect(0)
    process.execute("compact", "--output-path", lake).expect(0)
    process.execute("verify", "--deep", "--output-path", lake).expect(0)
    first, last = map(int, server.sql("SELECT first_ledger, last_ledger FROM ttp_coverage")[0])
    with attached(server, "READ_ONLY") as connection:
        assert connection.execute("SELECT count(*) FROM lake.ttp_events WHERE ledger_sequence "
                                  "NOT BETWEEN ? AND ?", [first, last]).fetchone() == (0,)
    process.execute("repair", first, last, "--output-path", lake).expect(0)
    process.run(lake, servers[RECORDING.name], first, last)
    process.execute("verify", "--deep", "--output-path", lake).expect(0)



def test_a_commit_costs_two_round_trips_and_few_statements(server, lake, servers):
    """Whatever it asks travels with its BEGIN, and whatever it changes with its COMMIT."""
    spy = postgres.Spy()
    with postgres.Proxy(server.port, spy) as proxy:
        process.run(lake, servers[RECORDING.name], FIRST, LAST, batch_size=1,
                    max_file_size="8KiB", catalog=server.location(port=proxy.port))
        assert_complete(server, lake)
    commits = spy.transactions("INSERT INTO ttp_commits")
    assert len(commits) > 2
    files = int(server.sql("SELECT max(file_count) FROM ttp_commits")[0][0])
    for said in commits:
        assert said.count(spy.SYNC) == 2, said
        # Six a file, and a column's bounds each time that they widen.
        assert len([text for text in said if "SET contains_null" not in text]) <= 30 + 6 * files


def test_a_list_of_any_length_comes_in_portions(server, lake, servers):
    spy = postgres.Spy()
    with postgres.Proxy(server.port, spy) as proxy:
        process.run(lake, servers[RECORDING.name], FIRST, LAST,
                    catalog=server.location(port=proxy.port))
        server.sql("INSERT INTO ducklake_data_file SELECT data_file_id + n, table_id,"
                   " begin_snapshot, NULL, NULL, n || '.parquet', TRUE, 'parquet', 1, 1, 1,"
                   " row_id_start, NULL, NULL, NULL, NULL FROM ducklake_data_file,"
                   " generate_series(1, 2500) n")
        spy.said.clear()
        files = process.execute("files", "--output-path", lake).expect(0).stdout.split()
    assert len(files) == len(set(files)) == 2501
    assert len([text for text in spy.said if text.startswith("FETCH")]) >= 3
    assert spy.said.count(spy.SYNC) < 30, collections.Counter(spy.said).most_common(3)


def test_no_rows_are_inlined_by_anybody(server, lake, servers):
    process.run(lake, servers[RECORDING.name], FIRST, LAST, catalog=server.location())
    with attached(server) as connection:
        connection.execute("INSERT INTO lake.ttp_events SELECT * FROM lake.ttp_events LIMIT 3")
    assert server.sql("SELECT tablename FROM pg_tables WHERE tablename LIKE "
                      "'ducklake_inlined_data%' AND tablename <> 'ducklake_inlined_data_tables'") == []


# ---- others write, too ---------------------------------------------------------------------------

def test_duckdb_inserts_and_merges_beside_a_run(server, lake, processes):
    source = processes(process.Replay([RECORDING.events], "--pace", "15ms"))
    run = processes(process.run_background(lake, source.endpoint, FIRST, LAST,
                                           catalog=server.location(), max_file_age="200ms"))
    run.wait_for(lambda: run.stderr.count('"committed"') > 1 or "committed" in run.stderr, "a commit")
    inserted = merged = 0
    with attached(server) as connection:
        while run.running or merged == 0:
            # Of a partition of its own: DuckDB can't merge files of two folders.
            connection.execute("INSERT INTO lake.ttp_events SELECT * REPLACE (1::UINTEGER AS "
                               "ledger_sequence, TIMESTAMPTZ '2001-01-01' AS timestamp) FROM "
                               "lake.ttp_events LIMIT 20")
            inserted += 20
            try:
                connection.execute("CALL ducklake_merge_adjacent_files('lake')")
                merged += 1
            except duckdb.TransactionException:
                pass  # a conflict that it gave up on: it changed nothing
    run.wait()
    run.finished().expect(0)
    assert inserted > 0 and merged > 0
    with attached(server, "READ_ONLY") as connection:
        rows = reading._duckdb_rows(connection, VERSION, "lake.ttp_events")
        ids = connection.execute("SELECT count(*), count(DISTINCT rowid) FROM "
                                 "lake.ttp_events").fetchone()
    index = truth.COLUMNS[VERSION].index("ledger_sequence")
    assert sum(row[index] == 1 for row in rows) == inserted
    reading.assert_same([row for row in rows if row[index] != 1], expected_rows(), "DuckDB")
    assert ids[0] == ids[1]


def test_a_second_process_with_another_folder_is_refused(server, lake, processes, servers, tmp_path):
    source = processes(process.Replay([RECORDING.events], "--pace", "120ms"))
    run = processes(process.run_background(lake, source.endpoint, FIRST, LAST,
                                           catalog=server.location()))
    run.wait_for(lambda: (lake / "_lake" / "lake.json").exists() and
                 '"creating": false' in (lake / "_lake" / "lake.json").read_text(), "the lake")
    shutil.copytree(lake, tmp_path / "copy")
    for other in (tmp_path / "other", tmp_path / "copy"):
        done = process.execute(*process.run_arguments(other, servers[RECORDING.name], FIRST, LAST,
                                                      catalog=server.location()))
        done.expect(2)
        done.says("being written to by the process")
    run.wait()
    run.finished().expect(0)
    assert_complete(server, lake)
    # Nor after it: it is the catalog of another lake, or of another folder.
    for other, words in ((tmp_path / "other", "holds another lake"),
                         (tmp_path / "copy", "relocate")):
        done = process.execute(*process.run_arguments(other, servers[RECORDING.name], FIRST, LAST,
                                                      catalog=server.location()))
        done.expect(2)
        done.says(words)
    assert_complete(server, lake)


def test_a_moved_folder_is_told_of_by_relocate(server, lake, servers, tmp_path):
    process.run(lake, servers[RECORDING.name], FIRST, LAST - 50, catalog=server.location())
    moved = tmp_path / "moved"
    lake.rename(moved)
    process.execute("relocate", "--output-path", moved).expect(0)
    process.run(moved, servers[RECORDING.name], FIRST, LAST)
    assert_complete(server, moved)


# ---- what the server refuses ---------------------------------------------------------------------

@pytest.mark.parametrize(("more", "words"), [
    ({"dbname": "nowhere"}, "createdb"), ({"user": "nobody"}, "PGPASSFILE"),
])
def test_what_can_not_work_ends_with_2_and_the_remedy(server, lake, servers, more, words):
    done = process.execute(*process.run_arguments(lake, servers[RECORDING.name], FIRST, LAST,
                                                  catalog=server.location(**more)))
    done.expect(2)
    done.says(words)


def test_a_role_without_privileges_is_told_what_it_needs(server, lake, servers):
    process.run(lake, servers[RECORDING.name], FIRST, LAST - 50, catalog=server.location())
    server.sql("DROP ROLE IF EXISTS reader", database="postgres")
    server.sql("CREATE ROLE reader LOGIN", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    path = lake / "_lake" / "lake.json"
    path.write_text(path.read_text().replace("user=postgres", "user=reader"))
    process.execute("status", "--output-path", lake).expect(0)
    process.execute("verify", "--output-path", lake).expect(0)
    done = process.execute(*process.run_arguments(lake, servers[RECORDING.name], FIRST, LAST))
    done.expect(2)
    done.says("42501")
    server.sql("DROP OWNED BY reader", "DROP ROLE reader")


SECRET = "correct horse"


def test_a_password_is_taken_as_libpq_takes_it_and_shown_nowhere(server, lake, servers, tmp_path):
    hba = server.data / "pg_hba.conf"
    before = hba.read_text()
    server.sql(f"ALTER ROLE postgres PASSWORD '{SECRET}'", database="postgres")
    hba.write_text("host all all 127.0.0.1/32 scram-sha-256\n")
    try:
        server.process.send_signal(signal.SIGHUP)
        done = process.execute(*process.run_arguments(
            lake, servers[RECORDING.name], FIRST, LAST, catalog=server.location()),
            env=process.environment(PGPASSWORD="wrong"))
        ends = time.monotonic() + 30
        while done.status != 2 and time.monotonic() < ends:  # until the server has read the file
            shutil.rmtree(lake, ignore_errors=True)
            done = process.execute(*process.run_arguments(
                lake, servers[RECORDING.name], FIRST, LAST, catalog=server.location()),
                env=process.environment(PGPASSWORD="wrong"))
        done.expect(2)
        done.says("28P01")
        right = process.environment(PGPASSWORD=SECRET)
        done = process.run(lake, servers[RECORDING.name], FIRST, LAST, catalog=server.location(),
                           env=right, log_level="debug")
        shown = done.output + process.execute("status", "--json", "--output-path", lake,
                                              env=right).expect(0).output
        shown += process.execute("check-config", "--catalog", server.location(), env=right).output
        shown += "".join(path.read_text(errors="replace")
                         for path in (lake / "_lake").rglob("*") if path.is_file())
        assert SECRET not in shown
    finally:
        hba.write_text(before)
        server.process.send_signal(signal.SIGHUP)
        server.wait_ready()


def test_a_password_in_the_option_is_refused(server, lake, servers):
    done = process.execute(*process.run_arguments(
        lake, servers[RECORDING.name], FIRST, LAST,
        catalog=server.location() + " password=hunter2"))
    done.expect(2)
    done.says("PGPASSFILE")
    assert not lake.exists()


# ---- what may happen in the midst of it ----------------------------------------------------------

def test_a_server_that_restarts_is_waited_for(server, lake, processes):
    source = processes(process.Replay([RECORDING.events], "--pace", "20ms"))
    run = processes(process.run_background(lake, source.endpoint, FIRST, LAST,
                                           catalog=server.location(), max_file_age="100ms"))
    run.wait_for_text("committed")
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGINT):
        server.stop(number)
        time.sleep(0.5)
        server.start()
        time.sleep(0.3)
    run.wait()
    run.finished().expect(0)
    assert_complete(server, lake)


def test_a_server_that_is_not_there_at_the_start_is_waited_for(server, lake, processes, servers):
    server.stop()
    run = processes(process.run_background(lake, servers[RECORDING.name], FIRST, LAST,
                                           catalog=server.location()))
    run.wait_for_text("catalog")
    server.start()
    run.wait()
    run.finished().expect(0)
    assert_complete(server, lake)


def is_commit(data):
    return b"COMMIT\0" in data and b"INSERT INTO ttp_commits" in data


@pytest.mark.parametrize("handed_on", ["at once", "never", "late", "too late"])
def test_a_lost_answer_to_commit_is_settled(server, lake, servers, handed_on):
    """The server has it, has it not, gets it while the outcome is looked for, or has ended the
    session of a writer that seemed frozen."""
    lost = []

    def watch(data, pair):
        if lost or not is_commit(data):
            return True
        lost.append(data)
        if handed_on == "too late":
            time.sleep(12)  # idle_in_transaction_session_timeout is 10 s
            return True
        pair.cut()
        if handed_on == "never":
            pair.server.close()
        elif handed_on == "late":
            threading.Timer(1.0, pair.server.sendall, (data,)).start()
        return handed_on == "at once"

    with postgres.Proxy(server.port, watch) as proxy:
        done = process.run(lake, servers[RECORDING.name], FIRST, LAST,
                           catalog=server.location(port=proxy.port))
        assert lost, done
        assert_complete(server, lake)
    assert server.sql("SELECT count(*) FROM ttp_commits WHERE row_count > 0") == [("1",)]


@pytest.mark.parametrize("handed_on", [True, False])
def test_a_lost_answer_while_the_catalog_is_made_is_settled_by_the_same_start(server, lake, servers,
                                                                              handed_on):
    lost = []

    def watch(data, pair):
        if lost or b"COMMIT\0" not in data:
            return True
        lost.append(data)
        pair.cut()
        if handed_on:
            pair.server.sendall(data)
            time.sleep(0.5)
        pair.server.close()
        return False

    with postgres.Proxy(server.port, watch) as proxy:
        process.run(lake, servers[RECORDING.name], FIRST, LAST,
                    catalog=server.location(port=proxy.port))
        assert lost
        assert_complete(server, lake)


def test_a_killed_backend_is_no_end(server, lake, processes):
    source = processes(process.Replay([RECORDING.events], "--pace", "40ms"))
    run = processes(process.run_background(lake, source.endpoint, FIRST, LAST,
                                           catalog=server.location(), max_file_age="100ms"))
    run.wait_for_text("committed")
    kills = 0
    while run.running and kills < 15:
        kills += 1
        server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
                   "application_name = 'parquet-consumer'")
        time.sleep(0.3)
    run.wait()
    assert kills > 1
    run.finished().expect(0)
    assert_complete(server, lake)


class Killer:
    """Watches a proxy, and kills a run when it sends its message number `limit`."""

    def __init__(self, limit):
        self.limit, self.seen, self.run, self.started = limit, 0, None, threading.Event()

    def __call__(self, data, pair):
        self.seen += 1
        if self.seen != self.limit:
            return True
        assert self.started.wait(30)
        self.run.stop(signal.SIGKILL)
        return self.limit % 2 == 0  # it was sent, or it was not


@pytest.mark.campaign
def test_a_kill_at_any_message_of_a_run_loses_and_doubles_nothing(server, lake, servers, processes,
                                                                  part):
    """At some of those that open the lake, and at each of those that commit; then it is run again."""
    def go(limit):
        killer = Killer(limit)
        shutil.rmtree(lake, ignore_errors=True)
        server.sql("DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
        with postgres.Proxy(server.port, killer) as proxy:
            location = server.location(port=proxy.port)
            killer.run = processes(process.run_background(lake, servers[RECORDING.name], FIRST,
                                                          LAST, catalog=location))
            killer.started.set()
            killer.run.wait()
            process.run(lake, servers[RECORDING.name], FIRST, LAST, catalog=location)
            assert_complete(server, lake)
        return killer.seen

    killer = Killer(0)
    with postgres.Proxy(server.port, killer) as proxy:
        process.run(lake, servers[RECORDING.name], FIRST, LAST,
                    catalog=server.location(port=proxy.port))
    count = killer.seen
    limits = sorted({*range(2, count, max(count // 6, 1)), *range(count - 10, count + 1)})
    for limit in part(limits):
        assert go(limit) > limit
