# SPDX-License-Identifier: Apache-2.0
"""A lake on object storage with its catalog on a local disk: written, killed, looked at and read,
against a strict store with scripted faults (harness/fake_s3.py) and versitygw."""

import json
import re
import signal
import sqlite3
import time

import duckdb
import polars
import pyarrow.dataset
import pyarrow.fs
import pytest

from harness import lake as reading
from harness import process, truth, versitygw, watching
from harness.fake_s3 import FakeS3, Object, Refused

RECORDING = truth.TESTNET
FIRST, LAST = RECORDING.first, RECORDING.last
LAKE = "s3://bucket/deep/lake"
DATA_FILE = r"deep/lake/year=\d{4}/.*/ttp_events_[-0-9T]+_\d+_[0-9a-f]{8}\.parquet"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "testsecret"}
# Commits of a few ledgers each.
OFTEN = {"batch_size": 1, "max_file_size": "8KiB"}
DAY_US = 24 * 3600 * 1000000


@pytest.fixture
def store():
    with FakeS3() as fake:
        yield fake


@pytest.fixture
def source():
    with process.Replay([RECORDING.events]) as server:
        yield server


@pytest.fixture
def slow_source():
    """Slow enough for a commit to have others before it and behind it."""
    with process.Replay([RECORDING.events], "--pace", "5ms") as server:
        yield server


class Place:
    """Where a lake on object storage is, as options say it."""

    def __init__(self, endpoint, tmp_path, lake=LAKE):
        self.lake, self.catalog = lake, tmp_path / "catalog" / "lake.sqlite"
        self.staging = tmp_path / "staging"
        self.settings = {"catalog": f"sqlite:{self.catalog}", "s3_endpoint": endpoint,
                         "s3_path_style": True, "staging_path": self.staging}
        self.env = process.environment(**KEYS)

    def run(self, server, *positional, **options):
        options = {"schema_version": "1.1.0", **self.settings, **options}
        return process.run(self.lake, server.endpoint, *(positional or (FIRST, LAST)),
                           env=self.env, **options)

    def background(self, server, *positional, **options):
        options = {"schema_version": "1.1.0", **self.settings, **options}
        return process.run_background(self.lake, server.endpoint, *(positional or (FIRST, LAST)),
                                      env=self.env, **options)

    def execute(self, *words):
        """By the environment: `backup` has a flag --catalog of its own."""
        settings = {f"PARQUET_CONSUMER_{name.upper()}":
                    str(value).lower() if isinstance(value, bool) else str(value)
                    for name, value in {"output_path": self.lake, **self.settings}.items()}
        return process.execute(*words, env={**self.env, **settings})

    def query(self, sql, *values):
        with sqlite3.connect(self.catalog) as database:
            return database.execute(sql, values).fetchall()

    def verify(self, *flags):
        return self.execute("verify", *flags)

    def staged(self):
        return [path for path in self.staging.glob("*/_lake/staging/**/*") if path.is_file()]


@pytest.fixture
def place(store, tmp_path):
    return Place(store.endpoint, tmp_path)


def data_objects(store):
    return sorted(key for key in store.objects if key.endswith(".parquet"))


def expect_whole(store, place):
    """Every row once, nothing left over, by the program and by the objects themselves."""
    place.verify("--deep").expect(0)
    listed = {f"deep/lake/{path}" for (path,) in place.query(
        "SELECT path FROM ducklake_data_file WHERE end_snapshot IS NULL")}
    assert listed == set(data_objects(store))
    assert place.query("SELECT sum(record_count) FROM ducklake_data_file "
                       "WHERE end_snapshot IS NULL") == [(len(truth.read_rows(RECORDING)),)]
    assert place.staged() == []


def test_a_run_writes_a_lake_to_an_object_store(store, place, source):
    place.run(source).says("every ledger asked for is in the lake")
    assert data_objects(store)
    for key in data_objects(store):
        assert re.fullmatch(DATA_FILE, key), key
    expect_whole(store, place)
    assert place.query("SELECT count(*) FROM ttp_upload") == [(0,)]
    assert place.query("SELECT value FROM ducklake_metadata WHERE key = 'data_path'") == [
        (f"{LAKE}/",)]
    before = dict(store.objects)
    place.run(source).says("nothing|every ledger")
    assert store.objects.keys() == before.keys(), "what is there is not fetched again"


def test_each_object_is_put_once_and_only_where_there_is_none(store, place, source):
    place.run(source)
    for key in data_objects(store):
        puts = store.seen("PUT", key)
        assert len(puts) == 1 and puts[0].headers["if-none-match"] == "*"


def test_the_catalog_must_be_named(store, place):
    del place.settings["catalog"]
    place.execute("run", FIRST, LAST).expect(2).says("--catalog", "sqlite:PATH")
    assert store.requests == []


def test_a_lake_in_a_folder_keeps_its_catalog_there(tmp_path):
    process.execute("status", "--output-path", tmp_path, "--catalog", "sqlite:/x").expect(2).says(
        "leave it empty")


@pytest.mark.parametrize("change,says", [
    ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "signature|secret|credentials"),
    ({"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None, "HOME": "/nonexistent",
      "AWS_EC2_METADATA_DISABLED": "true"}, "credentials|key"),
])
def test_a_wrong_key_ends_the_start_with_the_remedy(store, place, source, change, says):
    place.env = process.environment(**{**KEYS, **change})
    place.run(source, status=2).says(says)
    assert store.objects == {}


def test_a_wrong_bucket_ends_the_start_with_the_remedy(place, source):
    place.lake = "s3://elsewhere/lake"
    place.run(source, status=2).says("elsewhere", "bucket")
    place.execute("status").expect(2).says("bucket")


@pytest.mark.parametrize("refusal", [(500, "InternalError"), (503, "SlowDown")])
def test_a_store_that_is_busy_is_asked_again(store, place, source, refusal):
    faults = [store.refuse(*refusal, method=method, count=2, skip=skip)
              for method, skip in (("PUT", 3), ("GET", 1), ("HEAD", 0))]
    place.run(source)
    assert all(fault.met for fault in faults[:2])
    expect_whole(store, place)


@pytest.mark.parametrize("action", ["drop", "lost", "cut"])
def test_a_lost_answer_to_a_put_makes_no_second_object(store, place, source, action):
    fault = store.fault(action, method="PUT", key=r"\.parquet$", count=2)
    place.run(source)
    assert fault.met
    expect_whole(store, place)


def test_a_store_that_goes_away_is_waited_for(store, place, source):
    fault = store.refuse(503, "ServiceUnavailable", method="PUT", key=r"\.parquet$", count=10**6)
    port = watching.free_ports(1)[0]
    with place.background(source, health_port=port) as run:
        run.wait_for_text("object store does not answer")
        told = watching.ask(port, "/health").json
        assert (told["status"], [why["rule"] for why in told["reasons"]]) == ("degraded",
                                                                              ["store_away"])
        assert data_objects(store) == []
        fault.count = 0
        run.wait(120).expect(0)
    expect_whole(store, place)


def test_a_stranger_under_a_name_is_not_replaced(store, place, source):
    """The answer of a conditional put that says so is not taken for our own."""
    fault = store.refuse(412, "PreconditionFailed", method="PUT", key=r"\.parquet$", count=1)
    place.run(source)
    assert fault.met
    expect_whole(store, place)


# What a kill can fall upon: the n-th put, before or after it was done.
@pytest.mark.parametrize("action", ["drop", "lost"])
@pytest.mark.parametrize("skip", [0, 1])
def test_a_run_that_was_killed_while_it_put_is_run_again(store, place, slow_source, action, skip):
    fault = store.fault(action, method="PUT", key=r"\.parquet$", skip=skip, count=10**6)
    # Else a look at what is there tells that it was done.
    look = store.refuse(503, "SlowDown", method="HEAD", key=r"\.parquet$", count=10**6)
    with place.background(slow_source, **OFTEN) as run:
        run.wait_for(lambda: fault.met, "the put")
        run.stop(signal.SIGKILL)
    fault.count = look.count = 0
    assert place.query("SELECT count(*) > 0 FROM ttp_upload WHERE swept_us IS NULL") == [(1,)]
    place.run(slow_source).says("objects of interrupted commits were deleted")
    expect_whole(store, place)
    assert place.query("SELECT count(*) > 0, min(swept_us) > 0 FROM ttp_upload") == [(1, 1)]


def test_kills_at_random_moments_lose_and_double_nothing(store, place, slow_source):
    for wait_ms in (40, 90, 150, 230, 320, 420):
        with place.background(slow_source, **OFTEN) as run:
            time.sleep(wait_ms / 1000)
            run.stop(signal.SIGKILL)
    place.run(slow_source)
    expect_whole(store, place)


def test_a_late_put_of_a_dead_process_is_swept_after_a_day(store, place, source):
    fault = store.refuse(503, "SlowDown", method="PUT", key=r"\.parquet$", count=10**6)
    with place.background(source) as run:
        run.wait_for(lambda: fault.met, "the put")
        run.stop(signal.SIGKILL)
    fault.count = 0
    late = store.seen("PUT")[-1]
    place.run(source)
    good = set(data_objects(store))
    assert late.key not in good
    store.handle(late)  # what was under way arrives after the sweep
    assert late.key in store.objects
    report = json.loads(place.verify("--json").expect(0).stdout)
    assert report["ok"] is True, "it is known, and of no commit"
    place.run(source)
    assert late.key not in store.objects, "each start sweeps again"
    store.handle(late)
    with sqlite3.connect(place.catalog) as database:
        database.execute("UPDATE ttp_upload SET swept_us = swept_us - ?", (DAY_US,))
    place.run(source)
    expect_whole(store, place)
    assert place.query("SELECT count(*) FROM ttp_upload") == [(0,)]


def test_a_start_deletes_the_probe_of_a_process_that_died_a_day_ago(store, place, source):
    """What a start tries with has a name of its own, which the next one would never look at."""
    for name, age in (("old", 25 * 3600), ("young", 3600)):
        probe = Object(b"tries", {})
        probe.modified -= age
        store.objects[f"deep/lake/_lake/probe_{name}"] = probe
    place.run(source)
    probes = [key for key in store.objects if "/probe_" in key]
    assert probes == ["deep/lake/_lake/probe_young"]


def test_only_what_is_listed_is_swept(store, place, source):
    place.run(source)
    [kept, *_] = data_objects(store)
    with sqlite3.connect(place.catalog) as database:
        database.execute("INSERT INTO ttp_upload VALUES(?, 'x', NULL, 0, 'x', 1, '00', 1, 1)",
                         (kept.removeprefix("deep/lake/"),))
    stranger = "deep/lake/year=2024/stranger.parquet"
    store.objects[stranger] = store.objects[kept]
    place.run(source)
    assert kept in store.objects and stranger in store.objects


def test_verify_finds_an_object_that_is_gone(store, place, source):
    place.run(source)
    gone = data_objects(store)[0]
    del store.objects[gone]
    place.verify().expect(3).says(gone.removeprefix("deep/lake/"), "not there")


def test_what_is_gone_or_damaged_is_taken_out_and_fetched_again(store, place, slow_source):
    place.run(slow_source, **OFTEN)
    gone, damaged, *_ = data_objects(store)
    del store.objects[gone]
    body = bytearray(store.objects[damaged].body)
    body[len(body) // 3] ^= 1
    store.objects[damaged].body = bytes(body)
    place.execute("repair", "--deep", "--dry-run").expect(0)
    assert damaged in store.objects
    place.execute("repair", "--deep").expect(0).says("to fetch again", "--catalog sqlite:/",
                                                     "--s3-endpoint http", "--staging-path /")
    assert damaged not in store.objects
    kept = [key for key in store.objects if "/_lake/damaged/" in key]
    assert len(kept) == 1 and kept[0].endswith(".parquet.damaged")
    assert store.objects[kept[0]].body == bytes(body)
    place.run(slow_source)
    expect_whole(store, place)


def test_verify_finds_an_object_that_nobody_knows(store, place, source):
    place.run(source)
    key = data_objects(store)[0]
    store.objects[key.replace("ttp_events", "other")] = store.objects[key]
    place.verify().expect(3).says("other_")


def test_verify_finds_changed_bytes(store, place, source):
    place.run(source)
    key = data_objects(store)[0]
    body = bytearray(store.objects[key].body)
    body[len(body) // 3] ^= 1
    store.objects[key].body = bytes(body)
    place.verify("--deep").expect(3).says("damaged|checksum")
    store.objects[key].body = bytes(body[:-1])
    place.verify().expect(3).says("bytes, the catalog says")


def test_verify_fetches_footers_alone(store, place, source):
    place.run(source)
    del store.requests[:]
    place.verify().expect(0).says("size and footer right")
    bodies = [request for request in store.seen("GET") if request.key.endswith(".parquet")]
    assert len(bodies) <= 2 * len(data_objects(store)), "the first bytes of a file and its end"
    for request in bodies:
        first, last = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers["range"]).groups()
        assert int(last) - int(first) < 64 * 1024


def test_a_lake_is_made_by_one_of_two(store, place, source, tmp_path):
    """Both found none; the second to say so is told, and stores nothing."""
    fault = store.refuse(404, "NoSuchKey", method="GET", key=r"lake\.json$", count=10**6)
    store.objects["deep/lake/_lake/lake.json"] = type(
        "Object", (), {"body": b"{}", "meta": {}, "etag": '"x"', "modified": 0})()
    place.run(source, status=2)
    assert fault.met and store.objects["deep/lake/_lake/lake.json"].body == b"{}"
    assert data_objects(store) == []


def test_a_stop_does_not_wait_for_a_store_that_is_away(store, place, source):
    fault = store.refuse(503, "SlowDown", method="PUT", key=r"\.parquet$", count=10**6)
    with place.background(source, stop_timeout="1s") as run:
        run.wait_for(lambda: fault.met, "the put")
        run.stop(limit=60).expect(1)
    store.faults.clear()
    place.run(source)
    expect_whole(store, place)


def test_parts_of_a_put_that_a_dead_process_left_are_given_up(store, place, source):
    fault = store.refuse(503, "SlowDown", method="PUT", key=r"\.parquet$", count=10**6)
    with place.background(source) as run:
        run.wait_for(lambda: fault.met, "the put")
        run.stop(signal.SIGKILL)
    store.faults.clear()
    store.uploads["left"] = type("Upload", (), {"key": store.seen("PUT")[-1].key, "meta": {},
                                                "parts": {}})()
    store.uploads["other"] = type("Upload", (), {"key": "deep/lake/x.parquet", "meta": {},
                                                 "parts": {}})()
    place.run(source)
    assert list(store.uploads) == ["other"]


def test_a_deep_look_reads_each_byte_about_once(store, place, source):
    place.run(source)
    size = sum(len(store.objects[key].body) for key in data_objects(store))
    del store.requests[:]
    place.verify("--deep").expect(0)
    read = 0
    for request in store.seen("GET"):
        bounds = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("range", ""))
        read += int(bounds[2]) - int(bounds[1]) + 1 if bounds else 0
    tails = 2 * 64 * 1024 * len(data_objects(store))
    assert read <= size + tails, f"{read} bytes read of {size}"


def test_dead_letters_lie_beside_the_files(store, place, tmp_path):
    script = tmp_path / "faults"
    ledger = truth.read_rows(RECORDING)[0]["ledger_sequence"]
    script.write_text(f"ledger={ledger} damaged-event always\n")
    with process.Replay([RECORDING.events], "--fault", script) as server:
        place.run(server)
    [letters] = [key for key in store.objects if "/dead_letters/" in key]
    assert re.fullmatch(r"deep/lake/_lake/dead_letters/commit_\d+_[0-9a-f]{8}\.jsonl", letters)
    place.execute("dead-letters", "list").expect(0).says("damaged|not")
    place.verify("--deep").expect(0)


def test_two_runs_do_not_share_a_catalog(place, source, store):
    fault = store.refuse(503, "SlowDown", method="PUT", key=r"\.parquet$", count=10**6)
    with place.background(source) as run:
        run.wait_for(lambda: fault.met, "the put")
        place.settings["staging_path"] = place.staging / "other"
        place.run(source, status=2).says("in use")
        run.stop(signal.SIGKILL)


# ---- other people's programs ----

@pytest.fixture
def gateway(tmp_path):
    with versitygw.Gateway(tmp_path) as server:
        yield server


def duckdb_rows(place, endpoint):
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    for name in ("sqlite_scanner", "ducklake", "httpfs"):
        connection.execute(f"LOAD '{reading._extension(f'duckdb_extension_{name}', name)}'")
    connection.execute(
        "CREATE SECRET s (TYPE s3, KEY_ID 'test', SECRET 'testsecret', REGION 'us-east-1', "
        f"ENDPOINT '{endpoint.removeprefix('http://')}', URL_STYLE 'path', USE_SSL false)")
    connection.execute(f"ATTACH 'ducklake:sqlite:{place.catalog}' AS lake (READ_ONLY)")
    return connection.execute(
        "SELECT ledger_sequence, event_index FROM lake.ttp_events ORDER BY ALL").fetchall()


@pytest.mark.s3_server
def test_other_readers_read_it_from_a_real_server(gateway, tmp_path, source):
    place = Place(gateway.endpoint, tmp_path)
    with process.Replay([RECORDING.events], "--pace", "5ms") as slow:
        with place.background(slow, **OFTEN) as run:
            run.wait_for_text("committed")
            run.stop(signal.SIGKILL)
    place.run(source)
    place.verify("--deep").expect(0)
    wanted = sorted((row["ledger_sequence"], row["event_index"])
                    for row in truth.read_rows(RECORDING))
    assert duckdb_rows(place, gateway.endpoint) == wanted
    files = pyarrow.fs.S3FileSystem(
        endpoint_override=gateway.endpoint.removeprefix("http://"), scheme="http",
        access_key="test", secret_key="testsecret")
    dataset = pyarrow.dataset.dataset("bucket/deep/lake", filesystem=files, format="parquet",
                                      partitioning="hive", exclude_invalid_files=False)
    assert dataset.count_rows() == len(wanted)
    frame = polars.scan_parquet(f"{LAKE}/year=*/**/*.parquet", storage_options={
        "aws_endpoint_url": gateway.endpoint, "aws_allow_http": "true",
        "aws_access_key_id": "test", "aws_secret_access_key": "testsecret",
        "aws_region": "us-east-1"})
    assert frame.select(polars.len()).collect().item() == len(wanted)


@pytest.mark.s3_server
def test_a_real_server_may_go_away_and_come_back(gateway, tmp_path, source):
    place = Place(gateway.endpoint, tmp_path)
    with process.Replay([RECORDING.events], "--pace", "10ms") as server:
        with place.background(server, **OFTEN) as run:
            run.wait_for_text("committed")
            gateway.stop(signal.SIGKILL)
            run.wait_for_text("object store does not answer", limit=120)
            gateway.start()
            run.wait(120).expect(0)
    place.verify("--deep").expect(0)
    assert len(duckdb_rows(place, gateway.endpoint)) == len(truth.read_rows(RECORDING))


def test_a_late_request_does_not_bring_an_old_lake_file_back(store, place, source):
    """It replaces what was there when it was sent, and nothing else."""
    key = "deep/lake/_lake/lake.json"
    place.run(source)
    place.execute("prune", "--before-ledger", FIRST + 20).expect(0)
    place.execute("prune", "--before-ledger", FIRST + 40).expect(0)
    newest = store.objects[key].body
    assert b'"pruned"' in newest
    earlier = store.seen("PUT", key)[-2]
    assert earlier.body != newest
    with pytest.raises(Refused, match="PreconditionFailed"), store.lock:
        store.handle(earlier)
    assert store.objects[key].body == newest


def test_an_object_is_inspected_by_its_url(store, place, source):
    place.run(source)
    path = f"s3://bucket/{data_objects(store)[0]}"
    told = json.loads(place.execute("inspect", path, "--json").expect(0).stdout)
    assert told["path"] == path and told["damage"] is None and told["rows"] > 0
    assert place.execute("inspect", path).expect(0).stdout.startswith(f"{path}\n")
    # A lake is none, nor is what is not there.
    for wrong in (LAKE, f"{LAKE}/nothing.parquet"):
        place.execute("inspect", wrong).expect(2).says(f"no object {wrong}",
                                                       "files --output-path s3://")
    place.execute("inspect", "s3://bucket/").expect(2)
