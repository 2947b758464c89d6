# SPDX-License-Identifier: Apache-2.0
"""The verbs that care for a lake, on object storage: what they do, what readers see, and what each
fault at each of their requests leaves (a fake store of ours; versitygw for other people's readers).

    tools/run-tests --system-only test_object_care.py --requests 0
"""

import base64
import io
import json
import random
import re
import signal

import polars
import pyarrow.fs
import pyarrow.parquet
import pytest

from harness import lake as reading
from harness import process, stock_grpc, truth, versitygw, watching
from harness.fake_s3 import FakeS3
from harness.object_lake import VERSION, Place
from harness.xxh64 import xxh64

RECORDING = truth.TESTNET
FIRST, LAST = RECORDING.first, RECORDING.last
CUT = FIRST + 40
PARTITION = "year=2022/month=06/day=10/hour=04"
# Commits of a few ledgers each.
OFTEN = {"batch_size": 1, "max_file_size": "8KiB"}
VERBS = {"prune": ("prune", "--before-ledger", CUT), "compact": ("compact", "--partition", PARTITION),
         "expire": ("expire", "--older-than", "0s"), "letters": ("dead-letters", "replay"),
         "relocate": ("relocate", "--reader-data-path", "s3://bucket/elsewhere"),
         "repair": ("repair", CUT, CUT + 9)}
UNKNOWN = (3, 400, 401)  # messages that a run of an older version can't store


def expected(first=FIRST):
    return truth.expected_rows(truth.truth_rows([RECORDING], first, LAST), VERSION)


def covered_rows(place):
    covered = place.coverage()
    return truth.expected_rows([
        row for row in truth.truth_rows([RECORDING])
        if any(first <= row["ledger_sequence"] <= last for first, last in covered)], VERSION)


def become_later(place, store):
    """The letters' bytes are what the recording has: a version came that knows them."""
    messages = stock_grpc.by_ledger(stock_grpc.read_recording(RECORDING.events))
    changes = []
    for (path,) in place.query("SELECT path FROM ttp_dead_letters"):
        held = store.objects[place.key(f"_lake/{path}")]
        letters = [json.loads(line) for line in held.body.splitlines()]
        for letter in letters:
            whole = messages[letter["ledger_sequence"]][letter["event_index"]]
            letter["raw"] = base64.b64encode(whole).decode()
        held.body = "".join(json.dumps(letter, separators=(",", ":")) + "\n"
                            for letter in letters).encode()
        changes.append((f"{xxh64(held.body):016x}", path))
    return changes


def make(place, store, source):
    place.run(source, FIRST, LAST, **OFTEN)
    for checksum, path in become_later(place, store):
        place.query(f"UPDATE ttp_dead_letters SET checksum = '{checksum}' WHERE path = '{path}'")


@pytest.fixture(scope="module")
def old_source(tmp_path_factory):
    """A server whose events an older version can't all store."""
    script = tmp_path_factory.mktemp("source") / "faults"
    script.write_text("".join(f"event={number} unknown-event-type always\n" for number in UNKNOWN))
    with process.Replay([RECORDING.events], "--fault", script) as server:
        yield server.endpoint


@pytest.fixture(scope="module")
def made(tmp_path_factory, old_source):
    """A store, a lake in it with dead letters of another time, pruned and compacted commits to
    expire; (place, store, its copy)."""
    with FakeS3() as store:
        place = Place(store.endpoint, tmp_path_factory.mktemp("lake"))
        make(place, store, old_source)
        yield place, store, place.keep(store)


@pytest.fixture
def lake(made):
    place, store, copied = made
    place.put_back(store, copied)
    return place, store


def expect_true(place, store):
    """Each row of what is covered, as it lies there."""
    rows = covered_rows(place)
    letters = sum(int(count) for (count,) in place.query(
        "SELECT dead_letter_count FROM ttp_commits WHERE ended_us IS NULL"))
    got = place.rows(store)
    if letters == 0:
        reading.assert_same(got, rows, "the objects")
    assert len(got) == len(set(got)) == len(rows) - letters
    assert set(got) <= set(rows)


def probes(store):
    """What a start that was killed in its first requests tried: a few bytes, which no reader takes."""
    return {key for key in store.objects if "/_lake/probe_" in key}


def expect_clean(place, store):
    """The next calls end what was begun, and leave nothing."""
    place.execute("verify", "--deep").expect(0)
    place.execute("expire", "--older-than", "0s").expect(0)
    given_up = {place.key(path) for (path,) in place.query(
        "SELECT path FROM ttp_upload WHERE swept_us IS NOT NULL")}
    assert place.query("SELECT path FROM ttp_upload WHERE swept_us IS NULL") == []
    assert set(place.left_over(store)) - given_up - probes(store) == set()
    place.execute("verify", "--deep").expect(0)
    expect_true(place, store)


def letters_named(place, store):
    """By the files' own metadata: the numbers of the dead letters that belong to their commits."""
    numbers = set()
    for path in place.live():
        body = io.BytesIO(store.objects[place.key(path)].body)
        commits = pyarrow.parquet.ParquetFile(body).metadata.metadata.get(b"ttp.commits", b"[]")
        numbers |= {commit[-1] for commit in json.loads(commits)}
    return numbers


# ---- what they do ----

def test_prune_takes_commits_out_and_their_files_stay_for_older_snapshots(lake):
    place, store = lake
    before = set(store.objects)
    report = json.loads(place.execute(*VERBS["prune"], "--dry-run", "--json").expect(0).stdout)
    assert report["files"] > 0 and set(store.objects) == before
    place.execute(*VERBS["prune"]).expect(0).says("older snapshots keep their files")
    assert set(store.objects) == before, "nothing is moved, nothing is deleted"
    assert not store.seen("DELETE", place.key(place.live()[0]))
    expect_true(place, store)
    place.execute("verify", "--deep").expect(0).says("do without the catalog", "pruned")
    assert json.loads(store.objects[place.key("_lake/lake.json")].body)["pruned"]


def test_expire_deletes_what_left_by_one_request(lake):
    place, store = lake
    place.execute(*VERBS["prune"]).expect(0)
    place.execute(*VERBS["compact"]).expect(0).says("files became")
    left = place.left_over(store)
    assert len(left) > 8
    report = json.loads(place.execute("expire", "--older-than", "1d", "--json").expect(0).stdout)
    assert report["files_deleted"] == 0 and set(left) <= set(store.objects)
    del store.requests[:]
    report = json.loads(place.execute(*VERBS["expire"], "--json").expect(0).stdout)
    assert report["files_deleted"] >= len(left) - 1 and report["bytes_deleted"] > 0
    assert len(store.seen("POST")) == 1
    assert not [request for request in store.seen("HEAD") + store.seen("DELETE")
                if request.key in left]
    assert place.left_over(store) == []
    expect_clean(place, store)


def test_a_store_without_such_a_request_deletes_one_by_one(lake):
    place, store = lake
    place.execute(*VERBS["compact"]).expect(0)
    left = place.left_over(store)
    store.deletes_many = False
    try:
        place.execute(*VERBS["expire"]).expect(0)
    finally:
        store.deletes_many = True
    assert place.left_over(store) == [] and len(left) > 3
    expect_clean(place, store)


def test_what_one_answer_says_is_not_deleted_stays_listed_until_it_is(lake):
    place, store = lake
    place.execute(*VERBS["compact"]).expect(0)
    left = place.left_over(store)
    store.undeletable = {re.escape(left[2]): 1}
    refusal = store.refuse(403, "AccessDenied", method="DELETE", key=re.escape(left[2]))
    place.execute(*VERBS["expire"]).expect(1).says("AccessDenied")
    assert refusal.met and left[2] in store.objects
    place.execute("verify").expect(0)
    store.undeletable = {}
    place.execute(*VERBS["expire"]).expect(0)
    assert place.left_over(store) == []


def test_compact_makes_files_few_and_keeps_rows_and_commits(lake):
    place, store = lake
    commits = place.query("SELECT commit_no, first_ledger, last_ledger, row_count FROM ttp_commits")
    files = len(place.live())
    place.execute(*VERBS["compact"]).expect(0)
    assert len(place.live()) < files
    for path in place.live():
        assert re.search(r"_\d+(-\d+)?_[0-9a-f]{8}\.parquet$", path)
    assert place.query("SELECT commit_no, first_ledger, last_ledger, row_count FROM ttp_commits"
                       ) == commits
    assert place.query("SELECT count(*) FROM ttp_upload") == [("0",)]
    expect_true(place, store)
    expect_clean(place, store)
    place.execute(*VERBS["compact"]).expect(0).says("nothing to compact")


def test_dead_letters_become_rows(lake):
    place, store = lake
    place.execute(*VERBS["letters"]).expect(0).says(f"{len(UNKNOWN)} of {len(UNKNOWN)}")
    reading.assert_same(place.rows(store), expected(), "the objects")
    expect_clean(place, store)
    assert not [key for key in store.objects if "/dead_letters/" in key]


def test_some_dead_letters_become_rows_and_the_rest_stays(lake):
    place, store = lake
    (path,), = place.query("SELECT path FROM ttp_dead_letters ORDER BY path DESC LIMIT 1")
    held = store.objects[place.key(f"_lake/{path}")]
    first, *rest = held.body.splitlines(keepends=True)
    letter = json.loads(first)
    letter["raw"] = base64.b64encode(b"\xff\xff").decode()
    held.body = json.dumps(letter, separators=(",", ":")).encode() + b"\n" + b"".join(rest)
    place.query(f"UPDATE ttp_dead_letters SET checksum = '{xxh64(held.body):016x}' "
                f"WHERE path = '{path}'")
    place.execute(*VERBS["letters"]).expect(0).says(f"{len(UNKNOWN) - 1} of {len(UNKNOWN)}")
    assert len(place.rows(store)) == len(expected()) - 1
    (kept,), = place.query("SELECT path FROM ttp_dead_letters")
    assert re.fullmatch(r"dead_letters/commit_\d+_[0-9a-f]{8}\.jsonl", kept) and kept != path
    place.execute(*VERBS["compact"]).expect(0)
    assert {0, int(kept.split("_")[2])} == letters_named(place, store), "as the files say"
    expect_clean(place, store)


def test_repair_takes_out_what_is_not_pruned_alone(lake):
    place, store = lake
    place.execute(*VERBS["prune"]).expect(0)
    pruned = place.left_over(store)
    place.execute(*VERBS["repair"]).expect(0)
    assert set(pruned) <= set(store.objects), "older snapshots read what was pruned where it is"
    expect_true(place, store)


def test_relocate_sets_where_readers_look(lake):
    place, store = lake
    place.execute(*VERBS["relocate"]).expect(0).says("s3://bucket/elsewhere/")
    assert place.query("SELECT value FROM ducklake_metadata WHERE key = 'data_path'") == [
        ("s3://bucket/elsewhere/",)]
    place.execute("relocate").expect(0).says("look for the lake's files in s3://bucket/lake/")
    place.execute("relocate", "--reader-data-path", "elsewhere").expect(2).says("absolute")
    expect_clean(place, store)


def test_pruned_ledgers_are_fetched_again_only_where_that_is_asked_for(lake, servers):
    place, store = lake
    source = servers[RECORDING.name]
    place.execute(*VERBS["letters"]).expect(0)
    place.execute(*VERBS["prune"]).expect(0)
    place.run(source, FIRST, LAST).says("pruned")
    assert not place.covers(FIRST)
    process.execute("run", FIRST, LAST, "--include-pruned", "--ttp-processor-endpoint", source,
                    "--health-port", 0, "--metrics-port", 0, "--schema-version", VERSION,
                    env=place.environment).expect(0)
    reading.assert_same(place.rows(store), expected(), "the objects")
    expect_clean(place, store)


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_a_run_that_owns_the_lake_is_not_disturbed(lake, servers, verb):
    place, store = lake
    fault = store.refuse(503, "SlowDown", method="PUT", key=r"\.parquet$", count=10**6)
    place.execute("repair", LAST - 9, LAST).expect(0)
    with place.background_run(servers[RECORDING.name], FIRST, LAST) as run:
        run.wait_for(lambda: fault.met, "the put")
        place.execute(*VERBS[verb]).expect(2).says("in use")
        fault.count = 0
        run.wait(120).expect(0)
    expect_true(place, store)
    expect_clean(place, store)


# ---- faults at each request ----

def chosen(count, options, what):
    """Some of so many requests, drawn by the seed of the kills; 0: all."""
    wanted = options.getoption("requests")
    if wanted <= 0 or count <= wanted:
        return range(count)
    chance = random.Random(f"requests {options.getoption('kills_seed')} {what}")
    return sorted(chance.sample(range(count), wanted))


@pytest.fixture(scope="module")
def worn(tmp_path_factory, old_source):
    """A lake with something to do for each verb, and something to expire."""
    with FakeS3() as store:
        place = Place(store.endpoint, tmp_path_factory.mktemp("worn"))
        make(place, store, old_source)
        place.execute("prune", "--before-ledger", FIRST + 20).expect(0)
        yield place, store, place.keep(store)


def requests_of(place, store, copied, verb):
    place.put_back(store, copied)
    place.execute(*VERBS[verb]).expect(0)
    return len(store.requests)


def at_each_request(worn, pytestconfig, verb, fault):
    place, store, copied = worn
    count = requests_of(place, store, copied, verb)
    assert count > 5
    for number in chosen(count, pytestconfig, f"{verb} {fault}"):
        place.put_back(store, copied)
        yield place, store, number


def go_on(place, store, verb):
    """What a fault left is true at once, and the next call ends the work."""
    expect_true(place, store)
    store.faults.clear()
    place.execute(*VERBS[verb]).expect(0)
    expect_true(place, store)
    expect_clean(place, store)


@pytest.mark.campaign
@pytest.mark.parametrize("verb", sorted(VERBS))
@pytest.mark.parametrize("action", ["drop", "lost"])
def test_a_kill_at_any_request_leaves_the_truth(worn, pytestconfig, verb, action):
    """Before the request is done, and after it."""
    for place, store, number in at_each_request(worn, pytestconfig, verb, action):
        fault = store.fault(action, skip=number, count=10**6)
        with place.background(*VERBS[verb]) as running:
            # A count of requests that were tried again may have been too high.
            running.wait_for(lambda: fault.met or not running.running, f"request {number}")
            running.stop(signal.SIGKILL)
        print(f"killed at request {number}")
        go_on(place, store, verb)


@pytest.mark.campaign
@pytest.mark.parametrize("verb", sorted(VERBS))
def test_a_fault_that_passes_is_not_seen(worn, pytestconfig, verb):
    for place, store, number in at_each_request(worn, pytestconfig, verb, "passes"):
        fault = store.fault("lost", skip=number) if number % 2 == 0 else \
            store.refuse(503, "SlowDown", skip=number, count=2)
        place.execute(*VERBS[verb]).expect(0)
        print(f"fault at request {number}: met {fault.met} times")
        go_on(place, store, verb)


@pytest.mark.campaign
@pytest.mark.parametrize("verb", sorted(VERBS))
@pytest.mark.parametrize("status,code", [(403, "AccessDenied"), (412, "PreconditionFailed")])
def test_a_refusal_at_any_request_loses_nothing(worn, pytestconfig, verb, status, code):
    for place, store, number in at_each_request(worn, pytestconfig, verb, code):
        store.refuse(status, code, skip=number, count=10**6)
        finished = place.execute(*VERBS[verb])
        assert finished.status in (0, 1, 2), repr(finished)
        print(f"{code} from request {number} on: exit {finished.status}")
        go_on(place, store, verb)


# ---- a backup, killed at each request ----

def copy_of(place):
    other = Place(place.endpoint, place.folder, lake="s3://bucket/copy")
    other.catalog = place.catalog.parent / "copy.sqlite"
    other.settings["catalog"] = f"sqlite:{other.catalog}"
    return other


def backup_words(place):
    return "backup", copy_of(place).lake, "--catalog", f"sqlite:{copy_of(place).catalog}"


def check_copy(place, store):
    """A lake with the same rows, which the next backup has nothing to bring to."""
    copied = copy_of(place)
    copied.execute("verify", "--deep").expect(0)
    reading.assert_same(copied.rows(store), place.rows(store), "the copy")
    assert [path for path in set(store.objects) - probes(store) if path.startswith("copy/") and
            not path.endswith((".parquet", ".jsonl", ".json"))] == []
    told = json.loads(place.execute(*backup_words(place), "--json").stdout)
    assert told["copied_files"] == 0


@pytest.mark.parametrize("action", ["drop", "lost", "passes", "refused"])
def test_a_backup_that_a_request_ends_is_finished_by_the_next(worn, pytestconfig, action):
    place, store, copied = worn
    place.put_back(store, copied)
    place.execute(*backup_words(place)).expect(0)
    count = len(store.requests)
    assert count > 5
    for number in chosen(count, pytestconfig, f"backup {action}"):
        place.put_back(store, copied)
        if action == "passes":
            store.refuse(503, "SlowDown", skip=number, count=2)
            place.execute(*backup_words(place)).expect(0)
        elif action == "refused":
            store.refuse(403, "AccessDenied", skip=number, count=10**6)
            assert place.execute(*backup_words(place)).status in (0, 1, 2)
        else:
            fault = store.fault(action, skip=number, count=10**6)
            with place.background(*backup_words(place)) as running:
                running.wait_for(lambda: fault.met or not running.running, f"request {number}")
                running.stop(signal.SIGKILL)
        print(f"{action} at request {number} of {count}")
        store.faults.clear()
        expect_true(place, store)
        place.execute(*backup_words(place)).expect(0)
        check_copy(place, store)



# ---- a live run ----

@pytest.mark.campaign
def test_a_live_run_cares_for_its_lake(tmp_path, pytestconfig):
    """Hours of 720 ledgers, five seconds each on their own clock, some milliseconds on ours; what it
    does for the lake it begins a minute after its start."""
    if not pytestconfig.option.campaigns:
        pytest.skip("it waits for a minute: make campaigns")
    hours, first = 3, 1000
    port, = watching.free_ports(1)
    with FakeS3() as store, process.Background(
            "generate", "--seed", "7", "--first-ledger", str(first), "--ledgers",
            str(hours * 720), "--start-time", "2024-01-15T00:00:00Z", "--pace", "1ms", "--listen",
            f"127.0.0.1:{port}"):
        place = Place(store.endpoint, tmp_path)
        with place.background_run(f"127.0.0.1:{port}", first, 0, max_file_age="250ms",
                                  compact_closed=True, retention="90m",
                                  snapshot_retention="1s") as running:
            running.wait_for(lambda: all(running.stderr.count(done) > 0 for done in (
                "old commits were pruned", "small files of a partition were put together",
                "old snapshots ended")), "the care of the lake", limit=180)
            running.stop()
        (low, _), = place.coverage()
        assert low > first
        place.execute("verify", "--deep").expect(0)
        rows, = place.query("SELECT sum(row_count) FROM ttp_commits WHERE ended_us IS NULL")[0]
        assert len(place.rows(store)) == int(rows)


# ---- with the catalog in PostgreSQL ----

@pytest.fixture
def on_postgres(catalog_server, tmp_path, old_source):
    with FakeS3() as store:
        place = Place(store.endpoint, tmp_path, server=catalog_server)
        make(place, store, old_source)
        yield place, store


def test_all_verbs_one_after_the_other_on_postgres(on_postgres, servers):
    place, store = on_postgres
    for verb in ("letters", "compact", "prune", "repair", "relocate", "expire"):
        place.execute(*VERBS[verb]).expect(0)
        expect_true(place, store)
    place.run(servers[RECORDING.name], FIRST, LAST)
    expect_clean(place, store)
    reading.assert_same(place.rows(store), covered_rows(place), "the objects")


@pytest.mark.parametrize("verb", ["compact", "expire", "prune"])
def test_a_kill_on_postgres_leaves_the_truth(on_postgres, verb):
    place, store = on_postgres
    if verb == "expire":
        place.execute(*VERBS["compact"]).expect(0)
    method = {"compact": "PUT", "expire": "POST", "prune": "PUT"}[verb]
    fault = store.fault("lost", method=method, key=None if verb == "expire" else r"parquet$|json$",
                        count=10**6)
    with place.background(*VERBS[verb]) as running:
        running.wait_for(lambda: fault.met, "the request")
        running.stop(signal.SIGKILL)
    go_on(place, store, verb)


# ---- other people's readers ----

@pytest.fixture
def gateway(tmp_path):
    with versitygw.Gateway(tmp_path) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def real(request, gateway, tmp_path, servers):
    server = request.getfixturevalue("catalog_server") if request.param == "postgres" else None
    place = Place(gateway.endpoint, tmp_path, server=server)
    place.run(servers[RECORDING.name], FIRST, LAST, **OFTEN)
    return place


def read_listed(place, endpoint):
    """pyarrow and polars over the objects that the catalog names."""
    paths = [json.loads(line)["path"] for line in
             place.execute("files", "--json").expect(0).stdout.splitlines()]
    files = pyarrow.fs.S3FileSystem(
        endpoint_override=endpoint.removeprefix("http://"), scheme="http", access_key="test",
        secret_key="testsecret")
    rows = []
    for path in paths:
        rows += reading.rows_of_table(pyarrow.parquet.read_table(
            path.removeprefix("s3://"), filesystem=files, partitioning=None), VERSION)
    frame = polars.scan_parquet(paths, storage_options={
        "aws_endpoint_url": endpoint, "aws_allow_http": "true", "aws_access_key_id": "test",
        "aws_secret_access_key": "testsecret", "aws_region": "us-east-1"})
    assert frame.select(polars.len()).collect().item() == len(rows)
    return rows


def test_readers_see_the_truth_after_each_verb_and_what_older_snapshots_had(real, gateway):
    place = real
    (first,), = place.query("SELECT max(snapshot_id) FROM ducklake_snapshot")
    for verb in ("compact", "prune"):
        place.execute(*VERBS[verb]).expect(0)
        rows = covered_rows(place)
        reading.assert_same(place.attached_rows(), rows, f"DuckDB after {verb}")
        reading.assert_same(place.attached_rows(f" AT (VERSION => {first})"), expected(),
                            f"DuckDB, the snapshot before, after {verb}")
        reading.assert_same(read_listed(place, gateway.endpoint), rows, f"pyarrow after {verb}")
        place.execute("verify", "--deep").expect(0)
    place.execute(*VERBS["expire"]).expect(0).says("deleted")
    reading.assert_same(place.attached_rows(), covered_rows(place), "DuckDB after expire")
    keys = {str(path.relative_to(gateway.data / "bucket" / "lake"))
            for path in (gateway.data / "bucket").rglob("*.parquet")}
    assert keys == set(place.live())
    place.execute("verify", "--deep").expect(0)
