# SPDX-License-Identifier: Apache-2.0
"""Several processes fill one lake while they are killed and frozen at random moments, and the
database and the object store are restarted. After each round the lake is complete, and has each row
once.

    tools/run-tests --system-only test_worker_deaths.py --deaths 1000 --freezes 200 --restarts 20

A frozen process wakes after its lease is over, in the middle of whatever it did. Without Go the
object store is the fake, which is not restarted."""

import collections
import random
import signal
import time

import pytest

from harness import lake as reading
from harness import postgres, process, truth, versitygw
from harness.fake_s3 import FakeS3

RECORDING = truth.TESTNET
FIRST, LAST = RECORDING.first, RECORDING.last
TTL_SECONDS = 1
ROUND_SECONDS = 120
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "testsecret"}

pytestmark = pytest.mark.skipif(postgres.binaries() is None, reason="PostgreSQL is not installed")


class Store:
    """versitygw, or else the fake."""

    def __init__(self, folder):
        try:
            self.gateway, self.fake = versitygw.Gateway(folder), None
        except pytest.skip.Exception:
            self.gateway, self.fake = None, FakeS3()
        self.endpoint = None

    def __enter__(self):
        server = (self.gateway or self.fake).__enter__()
        self.endpoint = server.endpoint
        return self

    def __exit__(self, *reason):
        return (self.gateway or self.fake).__exit__(*reason)

    def restart(self, chance):
        if self.gateway is None:
            return False
        self.gateway.stop(signal.SIGKILL)
        time.sleep(chance.random())
        self.gateway.start()
        return True

    def data_files(self, lake):
        if self.gateway is None:
            return {key.removeprefix(f"{lake}/") for key in self.fake.objects
                    if key.startswith(f"{lake}/") and key.endswith(".parquet")}
        root = self.gateway.data / "bucket" / lake
        return {str(path.relative_to(root)) for path in root.rglob("*.parquet")}


class Round:
    """One lake, from nothing to all of it."""

    def __init__(self, number, cluster, store, source, folder, chance, wanted, done):
        self.name = f"deaths{number}"
        self.cluster, self.store, self.source, self.chance = cluster, store, source, chance
        self.wanted, self.done = wanted, done
        cluster.make_database(self.name)
        self.env = process.environment(**KEYS)
        self.options = {
            "schema_version": "1.1.0", "batch_size": 1, "max_file_size": "4KiB",
            "lease_ledgers": chance.choice((4, 12, 40)), "lease_ttl": f"{TTL_SECONDS}s",
            "flush_interval": "10ms", "max_file_age": "100ms", "streams": chance.choice((1, 1, 2)),
            "memory_limit": "256MiB", "max_attempts": 1000, "encode_threads": 1,
            "catalog": cluster.location(self.name), "s3_endpoint": store.endpoint,
            "s3_path_style": True, "staging_path": folder / self.name}
        self.running = [self.begin() for _ in range(chance.randint(4, 8))]
        self.frozen = {}  # process: when it wakes

    def begin(self):
        return process.run_background(f"s3://bucket/{self.name}", self.source.endpoint, FIRST, LAST,
                                      env=self.env, **self.options)

    # ---- what happens to them ----

    def kill_one(self):
        index = self.chance.randrange(len(self.running))
        one = self.running[index]
        self.frozen.pop(one, None)
        if one.running:
            one.stop(signal.SIGKILL)
            self.done["deaths"] += 1
        one.end()
        self.running[index] = self.begin()

    def freeze_one(self):
        awake = [one for one in self.running if one not in self.frozen and one.running]
        if len(awake) < 2:
            return
        one = self.chance.choice(awake)
        one.process.send_signal(signal.SIGSTOP)
        self.frozen[one] = time.monotonic() + TTL_SECONDS * (1.2 + self.chance.random())
        self.done["freezes"] += 1

    def wake(self, all_of_them=False):
        for one, when in list(self.frozen.items()):
            if all_of_them or time.monotonic() >= when:
                one.process.send_signal(signal.SIGCONT)
                del self.frozen[one]

    def step(self):
        left = [what for what in self.wanted if self.done[what] < self.wanted[what]]
        if not left:
            return
        weights = [self.wanted[what] - self.done[what] for what in left]
        what = self.chance.choices(left, weights)[0]
        if what == "deaths":
            self.kill_one()
        elif what == "freezes":
            self.freeze_one()
        elif what == "catalog restarts":
            self.cluster.restart(self.chance.choice((signal.SIGINT, signal.SIGQUIT)))
            self.done[what] += 1
        elif self.store.restart(self.chance):
            self.done[what] += 1
        else:
            self.wanted[what] = 0

    def is_over(self):
        """One ended since all is covered. Five deaths in a row set a piece aside: then it ends with 1,
        and is begun again, as by Kubernetes, which takes the piece up again."""
        for index, one in enumerate(self.running):
            if one in self.frozen or one.running:
                continue
            if one.finished().status != 1:
                one.finished().expect(0)
                return True
            one.finished().expect(1).says("set aside")
            one.end()
            self.done["pieces set aside"] += 1
            self.running[index] = self.begin()
        return False

    def live_through(self):
        until = time.monotonic() + ROUND_SECONDS
        while not self.is_over():
            assert time.monotonic() < until, "\n".join(one.stderr[-3000:] for one in self.running)
            time.sleep(self.chance.choice((0.01, 0.1, 0.4)) * self.chance.random() * 2)
            self.wake()
            self.step()
        self.wake(all_of_them=True)
        for one in self.running:
            ended = one.wait()
            if ended.status == 1:  # it was told of a piece that another one has fetched since
                ended.says("set aside")
            else:
                ended.expect(0)

    # ---- what must be ----

    def look(self):
        # What the last deaths left is given up once nobody holds it; the next start sweeps it.
        self.begin().wait().expect(0)
        live = self.cluster.sql("SELECT path, record_count FROM ducklake_data_file WHERE"
                                " end_snapshot IS NULL", database=self.name)
        expected = len(truth.read_rows(RECORDING))
        assert sum(int(rows) for _, rows in live) == expected
        assert self.store.data_files(self.name) == {path for path, _ in live}
        assert self.cluster.sql("SELECT first_ledger, last_ledger FROM ttp_coverage",
                                database=self.name) == [(str(FIRST), str(LAST))]
        settings = {f"PARQUET_CONSUMER_{name.upper()}": str(self.options[name])
                    for name in ("catalog", "s3_endpoint", "staging_path")}
        process.execute("verify", "--deep", env={
            **self.env, **settings, "PARQUET_CONSUMER_S3_PATH_STYLE": "true",
            "PARQUET_CONSUMER_OUTPUT_PATH": f"s3://bucket/{self.name}"}).expect(0)
        if self.store.gateway is not None:
            assert self.ask_duckdb() == (expected, expected)

    def ask_duckdb(self):
        host = self.store.endpoint.removeprefix("http://")
        httpfs = reading._extension("duckdb_extension_httpfs", "httpfs")
        with reading.duckdb_connection() as connection:
            connection.execute(
                f"LOAD '{httpfs}'; CREATE SECRET s (TYPE s3, KEY_ID 'test', SECRET 'testsecret',"
                f" REGION 'us-east-1', ENDPOINT '{host}', URL_STYLE 'path', USE_SSL false)")
            connection.execute(
                f"ATTACH 'ducklake:postgres:{self.cluster.conninfo(self.name)}' AS lake"
                " (METADATA_SCHEMA 'public', READ_ONLY)")
            rows = connection.execute(
                "SELECT count(*), count(DISTINCT (ledger_sequence, event_index)) FROM"
                " lake.ttp_events").fetchone()
            connection.execute("DETACH lake")
        return rows

    def end(self):
        for one in self.running:
            one.end()
        self.cluster.sql(f"DROP DATABASE {self.name} WITH (FORCE)", database="postgres")


def test_no_row_is_lost_or_twice(cluster, tmp_path, request):
    config = request.config
    seed = config.getoption("--kills-seed")
    chance = random.Random(seed)
    restarts = config.getoption("--restarts")
    wanted = {"deaths": config.getoption("--deaths"), "freezes": config.getoption("--freezes"),
              "catalog restarts": restarts, "store restarts": restarts}
    done = collections.Counter()
    number = 0
    with Store(tmp_path / "store") as store, \
            process.Replay([RECORDING.events], "--pace", "15ms") as source:
        while number == 0 or any(done[what] < wanted[what] for what in wanted):
            number += 1
            one = Round(number, cluster, store, source, tmp_path, chance, wanted, done)
            try:
                one.live_through()
                one.look()
            except BaseException as failure:
                failure.add_note(f"round {number}, --kills-seed {seed}, after {dict(done)}")
                raise
            finally:
                one.end()
            print(f"round {number}: {dict(done)}", flush=True)
    config.stash[config.report_key].append(
        f"workers: {number} lakes, {', '.join(f'{count} {what}' for what, count in done.items())};"
        " nothing lost, twice or left over")
