# SPDX-License-Identifier: Apache-2.0
"""The lake's views: what they say of real events, under any name, in lakes of any age, beside what
users keep under their names; and filters through them read only the files that they need."""

import contextlib
import datetime
import decimal
import json
import re
import subprocess

import duckdb
import pytest

from harness import lake as reading
from harness import process, truth

RECORDING = truth.TESTNET
FIRST, LAST = RECORDING.first, RECORDING.last
CUT = FIRST + 80
ARCHIVE = truth.DATA / "earlier" / "0.1.0.tar.gz"

TRANSFERS = [
    ("closed_at", "TIMESTAMP WITH TIME ZONE"), ("ledger_sequence", "UINTEGER"),
    ("event_index", "UINTEGER"), ("tx_hash", "VARCHAR"), ("event_type", "VARCHAR"),
    ("from_account", "VARCHAR"), ("to_account", "VARCHAR"), ("asset", "VARCHAR"),
    ("amount", "DECIMAL(38,7)"), ("raw_amount", "VARCHAR"), ("memo", "VARCHAR"),
    ("memo_type", "VARCHAR"), ("contract_address", "VARCHAR")]
# Of the ecosystem's table, but for the types of ledger_sequence and closed_at, which are the lake's.
STREAM = [
    ("ledger_sequence", "UINTEGER"), ("transaction_hash", "VARCHAR"), ("transaction_id", "BIGINT"),
    ("operation_id", "BIGINT"), ("operation_index", "INTEGER"), ("event_type", "VARCHAR"),
    ("from", "VARCHAR"), ("to", "VARCHAR"), ("asset", "VARCHAR"), ("asset_type", "VARCHAR"),
    ("asset_code", "VARCHAR"), ("asset_issuer", "VARCHAR"), ("amount", "DOUBLE"),
    ("amount_raw", "VARCHAR"), ("contract_id", "VARCHAR"),
    ("closed_at", "TIMESTAMP WITH TIME ZONE"), ("created_at", "TIMESTAMP"),
    ("ledger_range", "INTEGER"), ("era_id", "VARCHAR"), ("version_label", "VARCHAR")]
COLUMNS = {"transfers": TRANSFERS, "token_transfers_stream_v1": STREAM}
LATER = ("event_index", "memo_type", "contract_address", "transaction_index", "operation_index")


# ---- the truth, as the views say it ---------------------------------------------------------------

def known(row, version):
    return {**row, **dict.fromkeys(LATER)} if version == "1.0.0" else row


def transfer(row, version):
    row = known(row, version)
    code, issuer = row["asset_code"], row["asset_issuer"]
    asset = row["contract_address"] if code is None else f"{code}:{issuer}" if issuer else "native"
    amount = None if code is None else decimal.Decimal(row["amount"]).scaleb(-7)
    return (row["timestamp_us"], row["ledger_sequence"], row["event_index"],
            row["transaction_hash"], row["event_type"], row["source_account"], row["dest_account"],
            asset, amount, row["amount"], row["memo"], row["memo_type"], row["contract_address"])


def toid(row, operation):
    if row["transaction_index"] is None or operation is None:
        return None
    return row["ledger_sequence"] << 32 | row["transaction_index"] << 12 | operation


def streamed(row, version):
    row = known(row, version)
    code, issuer = row["asset_code"], row["asset_issuer"]
    kind = "unknown" if code is None else "native" if issuer is None \
        else "credit_alphanum12" if len(code) > 4 else "credit_alphanum4"
    return (row["ledger_sequence"], row["transaction_hash"], toid(row, 0),
            toid(row, row["operation_index"]), row["operation_index"], row["event_type"],
            row["source_account"], row["dest_account"],
            f"{kind}:{code}:{issuer}" if issuer else kind, kind, code if issuer else None, issuer,
            float(row["amount"]) * 1e-7, row["amount"], row["contract_address"],
            row["timestamp_us"], None, row["ledger_sequence"] // 10000 * 10000, None, None)


def expected(view, rows, version="1.1.0", old_below=0):
    say = transfer if view == "transfers" else streamed
    return [say(row, "1.0.0" if row["ledger_sequence"] < old_below else version) for row in rows]


# ---- what DuckDB reads ----------------------------------------------------------------------------

def read(connection, view, source=None):
    columns = ", ".join(f'epoch_us("{name}")' if kind == "TIMESTAMP WITH TIME ZONE"
                        else f'"{name}"' for name, kind in COLUMNS[view])
    return connection.execute(f"SELECT {columns} FROM {source or f'lake.{view}'}").fetchall()


def described(connection, view):
    return [row[:2] for row in connection.execute(f"DESCRIBE lake.{view}").fetchall()]


def check(lake, rows, version="1.1.0", old_below=0):
    with reading.attached(lake) as connection:
        for view, columns in COLUMNS.items():
            assert described(connection, view) == columns
            reading.assert_same(read(connection, view), expected(view, rows, version, old_below),
                                view)


def live_views(lake):
    return reading.catalog_query(
        lake, "SELECT view_name, view_uuid, sql FROM ducklake_view WHERE end_snapshot IS NULL"
              " ORDER BY view_name")


def names(lake):
    return [row[0] for row in live_views(lake)]


def snapshots(lake):
    return reading.catalog_query(lake, "SELECT count(*) FROM ducklake_snapshot")[0][0]


BOTH = ["token_transfers_stream_v1", "transfers"]


@pytest.mark.parametrize("version", truth.SCHEMA_VERSIONS)
@pytest.mark.parametrize("network", ["pubnet", "testnet"])
def test_both_views_say_of_real_events_what_they_are(lake, servers, network, version):
    recordings = truth.PUBNET if network == "pubnet" else [truth.TESTNET]
    endpoint = servers["pubnet" if network == "pubnet" else truth.TESTNET.name]
    for recording in recordings:
        process.run(lake, endpoint, recording.first, recording.last, schema_version=version)
    check(lake, truth.truth_rows(recordings), version)


def test_accounts_that_are_not_there_are_null_in_lakes_of_either_version(lake, servers):
    process.run(lake, servers[RECORDING.name], FIRST, CUT - 1, schema_version="1.0.0")
    with reading.attached(lake) as connection:
        for view, column in (("transfers", "to_account"), ("token_transfers_stream_v1", '"to"')):
            assert connection.execute(f"SELECT count(*) FROM lake.{view} WHERE {column} = '' OR"
                                      f" (event_type = 'fee') <> ({column} IS NULL AND event_type"
                                      " = 'fee')").fetchone() == (0,)


def test_amounts_are_exact_or_null(lake, servers):
    """Others may write what no server sends."""
    process.run(lake, servers[RECORDING.name], FIRST, FIRST, schema_version="1.1.0")
    amounts = {"1": "0.0000001", "-1": "-0.0000001", "00012": "0.0000012", "0": "0",
               "9223372036854775807": "922337203685.4775807",
               "9" * 31: "9" * 24 + "." + "9" * 7, "-" + "9" * 31: "-" + "9" * 24 + "." + "9" * 7,
               "1" + "0" * 31: None, "9" * 39: None, "1.5": None, " 1": None, "1e5": None,
               "": None, "-": None, "abc": None, "+1": None}
    values = ", ".join(f"('{amount}')" for amount in amounts)
    reading.duckdb_execute(
        lake, "INSERT INTO lake.ttp_events SELECT e.* REPLACE (a AS amount, 'XLM' AS asset_code,"
              " NULL AS asset_issuer, 4294967295::UINTEGER AS ledger_sequence, 4294967295::UINTEGER"
              " AS transaction_index, 4294967295::UINTEGER AS operation_index) FROM"
              f" (FROM lake.ttp_events LIMIT 1) e, (VALUES {values}) v(a)")
    with reading.attached(lake) as connection:
        got = connection.execute("SELECT raw_amount, amount FROM lake.transfers WHERE"
                                 " ledger_sequence = 4294967295").fetchall()
        # No number is too large for the other view, either.
        assert connection.execute(
            "SELECT count(transaction_id), count(operation_id), count(operation_index),"
            " count(ledger_range), count(*) FROM lake.token_transfers_stream_v1 WHERE"
            " ledger_sequence = 4294967295").fetchone() == (0, 0, 0, 0, len(amounts))
    assert dict(got) == {amount: None if value is None else decimal.Decimal(value)
                         for amount, value in amounts.items()}


# ---- as DuckDB would have made them ---------------------------------------------------------------

@pytest.mark.parametrize("version", truth.SCHEMA_VERSIONS)
def test_the_catalog_has_the_rows_that_duckdb_writes_for_the_same_views(lake, servers, tmp_path,
                                                                       version):
    process.run(lake, servers[RECORDING.name], FIRST, FIRST, schema_version=version)
    other = tmp_path / "other"
    (other / "_lake").mkdir(parents=True)
    with reading.duckdb_connection() as connection:
        connection.execute(f"ATTACH 'ducklake:sqlite:{reading.catalog_path(lake)}' AS lake"
                           " (READ_ONLY)")
        connection.execute(f"ATTACH 'ducklake:sqlite:{reading.catalog_path(other)}' AS other"
                           f" (DATA_PATH '{other}/')")
        connection.execute("CREATE TABLE other.ttp_events AS FROM lake.ttp_events LIMIT 0")
        connection.execute("DETACH lake; USE other; BEGIN")
        for name, _, sql in live_views(lake):
            connection.execute(f"CREATE VIEW {name} AS {sql}")
        connection.execute("COMMIT; USE memory; DETACH other")

    def rows(of):
        views = reading.catalog_query(
            of, "SELECT end_snapshot, schema_id, view_name, dialect, sql, column_aliases FROM"
                " ducklake_view ORDER BY view_name")
        (begin,), = reading.catalog_query(of, "SELECT DISTINCT begin_snapshot FROM ducklake_view")
        (changes, *said), = reading.catalog_query(
            of, "SELECT changes_made, author, commit_message, commit_extra_info FROM"
                f" ducklake_snapshot_changes WHERE snapshot_id = {begin}")
        counters = reading.catalog_query(
            of, "SELECT b.schema_version - a.schema_version, b.next_catalog_id - a.next_catalog_id,"
                " b.next_file_id - a.next_file_id, (SELECT count(*) FROM ducklake_schema_versions"
                " WHERE begin_snapshot = b.snapshot_id) FROM ducklake_snapshot a JOIN"
                f" ducklake_snapshot b ON b.snapshot_id = {begin} AND a.snapshot_id = {begin} - 1")
        return views, sorted(changes.split(",")), said, counters

    assert rows(lake) == rows(other)
    (one,) = reading.catalog_query(lake, "SELECT count(DISTINCT view_id), count(DISTINCT view_uuid)"
                                         " FROM ducklake_view")
    assert one == (2, 2)


# ---- under any name, whatever is current ----------------------------------------------------------

@pytest.mark.parametrize("name", ["lake", "other", '"my lake"', '"transfers"', '"ttp_events"',
                                  '"select"', '"a.b"'])
def test_the_views_work_under_any_name_and_beside_other_tables(lake, servers, name):
    process.run(lake, servers[RECORDING.name], FIRST, FIRST + 9, schema_version="1.1.0")
    count = len(truth.truth_rows([RECORDING], FIRST, FIRST + 9))
    with reading.duckdb_connection() as connection:
        connection.execute(f"ATTACH 'ducklake:sqlite:{reading.catalog_path(lake)}' AS {name}"
                           " (READ_ONLY)")
        connection.execute("CREATE TABLE memory.main.ttp_events AS SELECT 1 AS a; CREATE SCHEMA"
                           " memory.mine; CREATE TABLE memory.mine.ttp_events AS SELECT 1 AS a")
        for current in ("memory", "memory.mine", name):
            connection.execute(f"USE {current}")
            for view in COLUMNS:
                for source in (f"{name}.{view}", f"{name}.main.{view}"):
                    assert connection.execute(f"SELECT count(*), count(ledger_sequence) FROM"
                                              f" {source}").fetchone() == (count, count), current
        assert connection.execute(f"WITH ttp_events AS (SELECT 1 AS a) SELECT count(*) FROM"
                                  f" {name}.transfers").fetchone() == (count,)
        connection.execute("USE memory")


def test_a_lake_that_lies_elsewhere_for_readers_is_read_through_its_views(lake, servers, tmp_path):
    process.run(lake, servers[RECORDING.name], FIRST, FIRST + 9, schema_version="1.1.0",
                reader_data_path=f"{tmp_path}/elsewhere/")
    moved = lake.rename(tmp_path / "elsewhere")
    check(moved, truth.truth_rows([RECORDING], FIRST, FIRST + 9))


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kathmandu"])
def test_times_are_instants_in_every_zone(lake, servers, zone):
    process.run(lake, servers[RECORDING.name], FIRST, FIRST + 9, schema_version="1.1.0")
    rows = truth.truth_rows([RECORDING], FIRST, FIRST + 9)
    with reading.attached(lake, zone) as connection:
        for view in COLUMNS:
            reading.assert_same(read(connection, view), expected(view, rows), view)


def test_the_queries_of_readme_and_demo_find_rows(tmp_path):
    hints = process.execute("demo", cwd=tmp_path).expect(0).stdout
    readme = (truth.DATA.parents[1] / "README.md").read_text()
    with reading.attached(tmp_path / "data" / "demo" / "pubnet") as connection:
        for text in (hints, readme):
            query, = re.findall(r"^ +(SELECT event_type[^;]* FROM lake\.transfers[^;]*);", text, re.M)
            assert len(connection.execute(query).fetchall()) > 1


def test_a_temporary_table_of_the_tables_name_hides_it(lake, servers):
    """What docs/QUERYING.md says: DuckDB's way, which no text of a view changes for every name."""
    process.run(lake, servers[RECORDING.name], FIRST, FIRST, schema_version="1.1.0")
    with reading.attached(lake) as connection:
        connection.execute("CREATE TEMP TABLE ttp_events AS FROM lake.ttp_events LIMIT 1")
        assert connection.execute("SELECT count(*) FROM lake.transfers").fetchone() == (1,)


# ---- files that a filter needs --------------------------------------------------------------------

def files_read(connection, view, condition):
    plan = connection.execute(f"EXPLAIN ANALYZE SELECT count(DISTINCT ledger_sequence) FROM"
                              f" lake.{view} WHERE {condition}").fetchall()[0][1]
    match = re.search(r"Total Files Read: (\d+)", plan)
    return int(match.group(1)) if match else 0


@pytest.fixture(scope="module")
def sixteen(tmp_path_factory, servers):
    """A lake of sixteen files, ten ledgers each."""
    lake = tmp_path_factory.mktemp("sixteen") / "lake"
    for first in range(FIRST, LAST, 10):
        process.run(lake, servers[RECORDING.name], first, first + 9, schema_version="1.1.0")
    assert len(reading.data_files(lake)) >= 16
    return lake


@pytest.mark.parametrize("view", COLUMNS)
def test_a_filter_on_ledgers_or_times_reads_only_the_files_that_match(sixteen, view):
    closed = {row["ledger_sequence"]: datetime.datetime.fromtimestamp(
        row["timestamp_us"] / 1e6, datetime.timezone.utc).isoformat(" ")
        for row in truth.read_rows(RECORDING)}
    with reading.attached(sixteen) as connection:
        everything = files_read(connection, view, "length(event_type) > 0")
        assert everything == len(reading.data_files(sixteen))
        for condition in (
                f"ledger_sequence = {FIRST + 33}",
                f"ledger_sequence BETWEEN {FIRST + 31} AND {FIRST + 38}",
                f"ledger_sequence IN ({FIRST + 31}, {FIRST + 33}, {FIRST + 37})",
                f"closed_at = '{closed[FIRST + 33]}'",
                f"closed_at >= TIMESTAMPTZ '{closed[FIRST + 31]}' AND closed_at <="
                f" TIMESTAMPTZ '{closed[FIRST + 38]}'"):
            # Hours are partitions: ten ledgers may lie in two files.
            assert 1 <= files_read(connection, view, condition) <= 2 < everything, condition
        assert files_read(connection, view, f"ledger_sequence < {FIRST}") == 0


@pytest.mark.parametrize("view", COLUMNS)
def test_a_filter_by_date_reads_only_the_files_of_those_dates(lake, servers, view):
    for recording in truth.PUBNET:
        process.run(lake, servers["pubnet"], recording.first, recording.last,
                    schema_version="1.1.0")
    with reading.attached(lake) as connection:
        assert files_read(connection, view, "length(event_type) > 0") > 3
        rows = truth.read_rows(truth.PUBNET57)
        time = datetime.datetime.fromtimestamp(rows[0]["timestamp_us"] / 1e6, datetime.timezone.utc)
        day = time.date()
        condition = f"closed_at >= '{day}' AND closed_at < '{day + datetime.timedelta(1)}'"
        assert files_read(connection, view, condition) == 1
        assert connection.execute(f"SELECT count(*) FROM lake.{view} WHERE {condition}"
                                  ).fetchone() == (len(rows),)


# ---- lakes without them, and users' own -----------------------------------------------------------

@pytest.mark.parametrize("name", ["schema-1.1.0", "evolved"])
def test_an_older_lake_gets_them_at_its_next_run(servers, tmp_path, name):
    subprocess.run(["tar", "-xzf", ARCHIVE, "-C", tmp_path, "--no-same-owner"], check=True)
    lake, first, cut = tmp_path / name, FIRST, FIRST + 10
    assert names(lake) == []
    before = snapshots(lake)
    found = process.run(lake, servers[RECORDING.name], FIRST, FIRST + 19, schema_version="1.1.0",
                        network="testnet")
    assert found.output.count("a view of the lake was made") == 2
    assert snapshots(lake) == before + 1
    check(lake, truth.truth_rows([RECORDING], first, first + 19),
          old_below=cut if name == "evolved" else 0)
    # Snapshots of before have none, and their table as it was; later ones are read through them.
    with reading.attached(lake) as connection:
        with pytest.raises(duckdb.CatalogException, match="does not exist at version"):
            connection.execute(f"FROM lake.transfers AT (VERSION => {before - 1})")
        assert connection.execute(f"SELECT count(*) FROM lake.transfers AT (VERSION => {before})"
                                  ).fetchone() == (len(truth.truth_rows([RECORDING], first,
                                                                        first + 19)),)
    with reading.duckdb_connection() as connection:
        connection.execute(f"ATTACH 'ducklake:sqlite:{reading.catalog_path(lake)}' AS lake"
                           f" (READ_ONLY, SNAPSHOT_VERSION {before - 1})")
        with pytest.raises(duckdb.CatalogException, match="transfers does not exist"):
            connection.execute("FROM lake.transfers")
        assert connection.execute("SELECT count(*) FROM lake.ttp_events WHERE length(amount) > 0"
                                  ).fetchone()[0] > 0
    again = process.run(lake, servers[RECORDING.name], FIRST, FIRST + 19, schema_version="1.1.0",
                        network="testnet")
    assert "a view of the lake" not in again.output
    assert snapshots(lake) == before + 1


def test_sums_over_a_view_take_no_time_to_speak_of(lake, servers):
    """DuckDB makes a wide DECIMAL of a text a hundred times more slowly than of a number."""
    process.run(lake, servers[RECORDING.name], FIRST, FIRST, schema_version="1.1.0")
    (text,), = reading.catalog_query(lake, "SELECT sql FROM ducklake_view WHERE view_name ="
                                           " 'transfers'")
    assert not re.search(r"CAST\(amount AS DECIMAL", text)


def test_evolution_gives_them_the_new_columns(lake, servers):
    endpoint = servers[RECORDING.name]
    process.run(lake, endpoint, FIRST, CUT - 1, schema_version="1.0.0")
    check(lake, truth.truth_rows([RECORDING], FIRST, CUT - 1), "1.0.0")
    before = reading.catalog_query(lake, "SELECT max(snapshot_id) FROM ducklake_snapshot")[0][0]
    process.run(lake, endpoint, CUT, LAST, schema_version="1.1.0")
    rows = truth.truth_rows([RECORDING])
    check(lake, rows, old_below=CUT)
    with reading.duckdb_connection() as connection:
        connection.execute(f"ATTACH 'ducklake:sqlite:{reading.catalog_path(lake)}' AS lake"
                           f" (READ_ONLY, SNAPSHOT_VERSION {before})")
        for view in COLUMNS:
            old = [row for row in rows if row["ledger_sequence"] < CUT]
            reading.assert_same(read(connection, view), expected(view, old, "1.0.0"), view)


def test_one_that_was_dropped_is_made_again_by_the_next_run(lake, servers):
    endpoint = servers[RECORDING.name]
    process.run(lake, endpoint, FIRST, FIRST + 9, schema_version="1.1.0")
    kept = dict((row[0], row[1]) for row in live_views(lake))
    reading.duckdb_execute(lake, "DROP VIEW lake.transfers")
    assert names(lake) == BOTH[:1]
    process.run(lake, endpoint, FIRST, FIRST + 19, schema_version="1.1.0").says(
        "a view of the lake was made")
    check(lake, truth.truth_rows([RECORDING], FIRST, FIRST + 19))
    new = dict((row[0], row[1]) for row in live_views(lake))
    assert new[BOTH[0]] == kept[BOTH[0]] and new[BOTH[1]] != kept[BOTH[1]]


@pytest.mark.parametrize("statement, taken_by", [
    ("CREATE TABLE lake.transfers AS SELECT 42 AS mine", "table"),
    ("CREATE VIEW lake.Transfers AS SELECT 42 AS mine", "view"),
    ("CREATE MACRO lake.transfers() AS TABLE SELECT 42 AS mine", "macro")])
def test_what_users_keep_under_such_a_name_stays(lake, servers, statement, taken_by):
    endpoint = servers[RECORDING.name]
    process.run(lake, endpoint, FIRST, FIRST + 9, schema_version="1.0.0")
    reading.duckdb_execute(lake, "DROP VIEW lake.transfers", statement)
    # Neither a run nor evolution touches it.
    for last, version in ((FIRST + 19, "1.0.0"), (FIRST + 29, "1.1.0")):
        process.run(lake, endpoint, FIRST, last, schema_version=version).says(
            "a view of the lake was not made", f'"taken_by":"{taken_by}"')
    source = "lake.transfers()" if taken_by == "macro" else "lake.transfers"
    with reading.attached(lake) as connection:
        assert connection.execute(f"FROM {source}").fetchall() == [(42,)]
        reading.assert_same(
            read(connection, BOTH[0]),
            expected(BOTH[0], truth.truth_rows([RECORDING], FIRST, FIRST + 29),
                     old_below=FIRST + 20), BOTH[0])


def test_one_that_a_user_replaced_or_renamed_is_the_users(lake, servers):
    endpoint = servers[RECORDING.name]
    process.run(lake, endpoint, FIRST, FIRST + 9, schema_version="1.0.0")
    reading.duckdb_execute(
        lake, "CREATE OR REPLACE VIEW lake.transfers AS SELECT 42 AS mine",
        "ALTER VIEW lake.token_transfers_stream_v1 RENAME TO stream")
    process.run(lake, endpoint, FIRST, FIRST + 19, schema_version="1.1.0")
    assert names(lake) == ["stream", *BOTH]
    report = json.loads(process.execute("status", "--json", "--output-path", lake).expect(0).stdout)
    shown = process.execute("status", "--output-path", lake).expect(0).stdout
    assert "main.stream" in shown and "main.transfers" in shown
    assert "token_transfers_stream_v1" not in shown and "token_transfers_stream_v1" not in str(report)
    with reading.attached(lake) as connection:
        assert connection.execute("FROM lake.transfers").fetchall() == [(42,)]


def test_a_comment_on_a_view_outlives_evolution(lake, servers):
    endpoint = servers[RECORDING.name]
    process.run(lake, endpoint, FIRST, FIRST + 9, schema_version="1.0.0")
    reading.duckdb_execute(lake, "COMMENT ON VIEW lake.transfers IS 'look here'")
    process.run(lake, endpoint, FIRST, FIRST + 19, schema_version="1.1.0")
    with reading.attached(lake) as connection:
        assert connection.execute("SELECT comment FROM duckdb_views() WHERE database_name = 'lake'"
                                  " AND view_name = 'transfers'").fetchall() == [("look here",)]
    check(lake, truth.truth_rows([RECORDING], FIRST, FIRST + 19), old_below=FIRST + 10)


def test_no_command_calls_them_strange_and_a_rebuilt_catalog_has_them(lake, servers):
    endpoint = servers[RECORDING.name]
    process.run(lake, endpoint, FIRST, CUT - 1, schema_version="1.0.0")
    process.run(lake, endpoint, CUT, LAST, schema_version="1.1.0")
    for verb in (("status",), ("verify", "--deep"), ("files",), ("repair", "--dry-run"),
                 ("rebuild", "--dry-run")):
        output = process.execute(*verb, "--output-path", lake).expect(0).output
        assert "main.t" not in output and "left behind" not in output, verb
    reading.catalog_path(lake).unlink()
    for ending in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            reading.catalog_path(lake).with_name(f"catalog.sqlite{ending}").unlink()
    process.execute("rebuild", "--output-path", lake).expect(0)
    check(lake, truth.truth_rows([RECORDING]), old_below=CUT)


def test_duckdb_goes_on_writing_beside_them(lake, servers):
    """Ids, snapshots and schema versions of ours are such that its own follow them."""
    endpoint = servers[RECORDING.name]
    process.run(lake, endpoint, FIRST, FIRST + 9, schema_version="1.0.0")
    process.run(lake, endpoint, FIRST + 10, FIRST + 19, schema_version="1.1.0")
    reading.duckdb_execute(
        lake, "CREATE VIEW lake.fees AS SELECT count(*) AS n FROM lake.transfers WHERE event_type"
              " = 'fee'",
        "CREATE TABLE lake.mine AS SELECT 1 AS a", "CALL ducklake_merge_adjacent_files('lake')",
        "CALL ducklake_expire_snapshots('lake', older_than => now())")
    process.run(lake, endpoint, FIRST + 20, FIRST + 29, schema_version="1.1.0")
    rows = truth.truth_rows([RECORDING], FIRST, FIRST + 29)
    check(lake, rows, old_below=FIRST + 10)
    with reading.attached(lake) as connection:
        assert connection.execute("FROM lake.fees").fetchall() == [
            (sum(row["event_type"] == "fee" for row in rows),)]
