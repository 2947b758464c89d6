# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the system tests: they run the built program (TTP_BINARY, else bin/parquet-consumer)
against real servers on loopback and read its lakes with other people's readers."""

import collections
import contextlib
import os
import pathlib
import tempfile
import time

import pytest

pytest.register_assert_rewrite("harness.lake", "harness.process")

from harness import postgres, process, truth  # noqa: E402 (asserts are rewritten first)


KILLS, CAMPAIGN_KILLS = 12, 40


def pytest_addoption(parser):
    parser.addoption("--campaigns", action="store_true",
                     help="tests that sweep or draw, at full length; else a part of it")
    parser.addoption("--kills", type=int, help="how many kills test_kills.py and test_care_kills.py"
                     f" make; {KILLS}, in campaigns {CAMPAIGN_KILLS}")
    parser.addoption("--requests", type=int,
                     help="at how many requests of each verb test_object_care.py lets faults meet; "
                          "0: at all; 1, in campaigns 2")
    parser.addoption("--deaths", type=int, default=8, help="of workers, in test_worker_deaths.py")
    parser.addoption("--freezes", type=int, default=2, help="of workers there")
    parser.addoption("--restarts", type=int, default=1, help="of the servers there, of each")
    parser.addoption("--kills-seed", type=int, default=int(time.time()),
                     help="what draws them; the time if it is not given")


def pytest_configure(config):
    process.keep_hang_ups_from_children()
    if config.option.kills is None:
        config.option.kills = CAMPAIGN_KILLS if config.option.campaigns else KILLS
    if config.option.requests is None:
        config.option.requests = 2 if config.option.campaigns else 1
    config.report_key = pytest.StashKey()
    config.stash[config.report_key] = []


def pytest_sessionfinish(session):
    """A worker beside others hands its lines to the process that sums up."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["report"] = session.config.stash[session.config.report_key]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    node.config.stash[node.config.report_key] += getattr(node, "workeroutput", {}).get("report", [])


def pytest_terminal_summary(terminalreporter, config):
    """What tests want to be read of those that passed, too."""
    for line in config.stash[config.report_key]:
        terminalreporter.write_line(line)


def is_chosen(item, campaigns, seen):
    """Whether the marker `campaign` of the test, if it has one, lets this case of it run; `seen`
    counts the cases of each test."""
    campaign = item.get_closest_marker("campaign")
    if campaigns or campaign is None:
        return campaign is not None or not campaigns
    function = item.nodeid.partition("[")[0]
    seen[function] += 1
    return (seen[function] - 1) % campaign.kwargs.get("every", 1) == 0


def pytest_collection_modifyitems(config, items):
    if not any("::" in word for word in config.args):  # who names one wants it
        seen = collections.Counter()
        chosen = [is_chosen(item, config.option.campaigns, seen) for item in items]
        config.hook.pytest_deselected(
            items=[item for item, wanted in zip(items, chosen) if not wanted])
        items[:] = [item for item, wanted in zip(items, chosen) if wanted]
    if not os.access(process.BINARY, os.X_OK):
        skip_nothing = {item for item in items if item.get_closest_marker("no_binary")}
        if len(skip_nothing) != len(items):
            raise pytest.UsageError(f"{process.BINARY} is not there: run `make build` first")


@pytest.fixture
def lake(tmp_path):
    """A path for a lake that does not exist yet."""
    return tmp_path / "lake"


@pytest.fixture(scope="session")
def postgres_server():
    """For `cluster`: to make one takes a second and a half of processor time."""
    if postgres.binaries() is None:
        pytest.skip("PostgreSQL is not installed")
    # Not below pytest's folders, which each start of pytest closes to the user postgres.
    with tempfile.TemporaryDirectory(prefix="ttp-postgres-") as folder:
        pathlib.Path(folder).chmod(0o711)
        with postgres.Server(pathlib.Path(folder) / "cluster") as server:
            yield server


@pytest.fixture
def cluster(postgres_server):
    """A PostgreSQL server on loopback, which runs, and without the database `lake`."""
    if not postgres_server.running:
        postgres_server.start()
    postgres_server.sql("DROP DATABASE IF EXISTS lake WITH (FORCE)", database="postgres")
    return postgres_server


@pytest.fixture
def catalog_server(cluster):
    """It, with an empty database `lake`."""
    cluster.make_database()
    return cluster


@pytest.fixture
def part(pytestconfig):
    """part(sequence): all of it in `make campaigns`, in `make test` each third."""
    return lambda sequence: sequence if pytestconfig.option.campaigns else sequence[::3]


@pytest.fixture
def processes():
    """Ends what it is given when the test is over: processes(replay or run)."""
    with contextlib.ExitStack() as stack:
        yield stack.enter_context


@pytest.fixture(scope="session")
def servers():
    """A replay server for each recording at full speed, and one for all of pubnet:
    servers[recording.name] and servers["pubnet"] are endpoints."""
    with contextlib.ExitStack() as stack:
        endpoints = {recording.name:
                     stack.enter_context(process.Replay([recording.events])).endpoint
                     for recording in truth.ALL}
        files = [recording.events for recording in truth.PUBNET]
        endpoints["pubnet"] = stack.enter_context(process.Replay(files)).endpoint
        yield endpoints
