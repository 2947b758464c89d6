# SPDX-License-Identifier: Apache-2.0
"""Where a lake lies: file systems that can't do what commits need, volumes that are not mounted,
files of another user. strace plays the file systems."""

import contextlib
import datetime
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

from harness import process, truth

RECORDING = truth.PUBNET63
FIRST, LAST = RECORDING.first, RECORDING.last
SERVICE = 10001


def can_trace():
    """Whether strace is there and may trace (containers forbid it)."""
    return (shutil.which("strace") is not None and
            subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True,
                           check=False).returncode == 0)


traced = pytest.mark.skipif(not can_trace(), reason="not run: no strace that may trace")
as_root = pytest.mark.skipif(os.geteuid() != 0 or shutil.which("setpriv") is None,
                             reason="not run: not root")


class Traced(process.Background):
    """A run whose system calls fail as strace is told to."""

    def __init__(self, options, *arguments):
        super().__init__("-f", "-qq", "-o", os.devnull, *options, process.BINARY, *arguments,
                         binary=shutil.which("strace"))

    def end(self):
        """The end of strace is not that of what it traces."""
        traced_pid = process.child_of(self.process.pid)
        if traced_pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(traced_pid, signal.SIGKILL)
        super().end()


def run_traced(options, *arguments):
    with Traced(options, *arguments) as running:
        return running.wait()


def final_name(lake, row):
    """Where the file lies whose first row it is."""
    folder = truth.partition_directory(row, "date_hour")
    time = datetime.datetime.fromtimestamp(row["timestamp_us"] // 1_000_000, datetime.timezone.utc)
    name = f"ttp_events_{time:%Y-%m-%dT%H}_{row['timestamp_us'] // 1_000_000}.parquet"
    return lake / folder / name


def refuse_staged_file(lake, error, when):
    """The file system refuses to give the first staged file of the first commit its name."""
    return ["-P", final_name(lake, truth.read_rows(RECORDING)[0]), "-e",
            f"inject=renameat2:error={error}:when={when}"]


def is_running(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def connections(output):
    return len(re.findall(r'"message":"connected"', output))


@traced
@pytest.mark.parametrize("renames", ["EINVAL", "ENOSYS"])
@pytest.mark.parametrize("links", ["EPERM", "EOPNOTSUPP"])
def test_a_file_system_without_safe_renames_is_refused_before_anything_is_fetched(
        lake, servers, renames, links):
    done = run_traced(["-e", f"inject=renameat2:error={renames}", "-e",
                       f"inject=linkat:error={links}"],
                      *process.run_arguments(lake, servers[RECORDING.name], FIRST, LAST))
    done.expect(2).says("can't give a file its name without replacing another",
                        "local file system")
    assert connections(done.output) == 0
    assert sorted(path.name for path in lake.rglob("*")) == ["_lake", "lock", "staging"]


@traced
def test_a_file_system_with_hard_links_only_will_do(lake, servers):
    run_traced(["-e", "inject=renameat2:error=EINVAL"],
               *process.run_arguments(lake, servers[RECORDING.name], FIRST, LAST)).expect(0)
    process.execute("verify", "--deep", "--output-path", lake).expect(0)


@traced
@pytest.mark.parametrize("error", ["EXDEV", "EPERM", "EINVAL"])
def test_what_a_bounded_run_may_not_publish_the_next_one_does_without_a_second_download(
        lake, servers, error):
    arguments = process.run_arguments(lake, servers[RECORDING.name], FIRST, LAST)
    # EINVAL alone would be answered by a hard link.
    options = refuse_staged_file(lake, error, "1+") + ["-e", "inject=linkat:error=EPERM"]
    done = run_traced(options, *arguments)
    done.expect(1).says("next start publishes it")
    assert connections(done.output) == 1
    assert not list(lake.rglob("*.parquet"))
    again = process.execute(*arguments).expect(0).says("an interrupted commit was finished")
    assert connections(again.output) == 0
    process.execute("verify", "--deep", "--output-path", lake).expect(0)


@traced
def test_nothing_is_left_running_of_a_test_that_traces():
    with Traced([], "replay", RECORDING.events, "--listen", "127.0.0.1:0") as running:
        running.wait_for_text("listening on")
        traced_pid = process.child_of(running.process.pid)
        assert is_running(traced_pid)
    deadline = time.monotonic() + 30   # the kernel ends it when it comes to it
    while is_running(traced_pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_running(traced_pid)


@traced
def test_a_live_run_keeps_what_it_may_not_publish_and_goes_on_once_it_may(
        lake, processes):
    replay = processes(process.Replay([RECORDING.events], "--live"))
    options = refuse_staged_file(lake, "EPERM", "1..5")
    running = processes(Traced(options, *process.run_arguments(
        lake, replay.endpoint, FIRST, 0, max_file_age="1s", flush_interval="100ms")))
    running.wait_for_text("refuses to publish a commit.*not permitted")
    running.wait_for_text("the wait is over")
    running.wait_for(lambda: list(lake.rglob("*.parquet")), "a published file")
    assert connections(running.stderr) == 1
    process.execute("verify", "--deep", "--output-path", lake).expect(0)


@traced
def test_a_commit_between_two_failures_lets_a_bounded_run_go_on(lake, servers):
    """Each round publishes a ledger and fails at the next (calls count in each round's thread):
    three failures, never two in a row."""
    first_rows = {}
    for row in truth.read_rows(RECORDING):
        first_rows.setdefault(row["ledger_sequence"], row)
    assert len(first_rows) == 4
    options = ["-e", "inject=renameat2:error=EIO:when=2"]
    for row in first_rows.values():
        options += ["-P", final_name(lake, row)]
    done = run_traced(options, *process.run_arguments(
        lake, servers[RECORDING.name], FIRST, LAST, max_attempts=2, max_file_size="1KiB",
        batch_size=1))
    done.expect(0)
    assert len(re.findall('"message":"a commit failed', done.output)) == 3
    process.execute("verify", "--deep", "--output-path", lake).expect(0)


@traced
def test_as_many_failures_in_a_row_as_max_attempts_end_a_bounded_run(lake, servers):
    done = run_traced(refuse_staged_file(lake, "EIO", "1+"), *process.run_arguments(
        lake, servers[RECORDING.name], FIRST, LAST, max_attempts=2))
    done.expect(1).says("asked for again by the next run")
    assert len(re.findall('"message":"a commit failed', done.output)) == 1
    assert not list(lake.rglob("*.parquet"))
    process.run(lake, servers[RECORDING.name], FIRST, LAST)
    process.execute("verify", "--deep", "--output-path", lake).expect(0)


def test_a_lake_that_must_be_there_is_not_made_anew(lake, servers):
    arguments = process.run_arguments(lake, servers[RECORDING.name], FIRST, FIRST,
                                      require_lake=True)
    done = process.execute(*arguments).expect(2)
    done.says("there is no lake in .*require_lake.*is its volume mounted")
    assert not lake.exists()
    process.run(lake, servers[RECORDING.name], FIRST, FIRST)
    process.execute(*arguments).expect(0)
    # The volume is not mounted: its place is an empty folder.
    lake.rename(lake.with_name("unmounted"))
    lake.mkdir()
    process.execute(*arguments).expect(2)
    assert not list(lake.iterdir())


@pytest.fixture
def owned():
    """A folder of the service's user, and a program that this user may run."""
    with tempfile.TemporaryDirectory(prefix="ttp-owned-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        shutil.copy(process.BINARY, folder / "program")
        (folder / "data").mkdir()
        os.chown(folder / "data", SERVICE, SERVICE)
        yield folder


def as_service(folder, arguments):
    return process.execute(f"--reuid={SERVICE}", f"--regid={SERVICE}", "--clear-groups",
                           folder / "program", *arguments, binary=shutil.which("setpriv"))


def files_of_root(folder):
    return [path for path in folder.rglob("*") if path.stat().st_uid == 0]


@as_root
def test_what_root_runs_in_a_services_lake_leaves_it_to_the_service(owned, servers):
    lake = owned / "data" / "lake"
    middle = (FIRST + LAST) // 2
    first = process.run_arguments(lake, servers[RECORDING.name], FIRST, FIRST)
    as_service(owned, first).expect(0)
    process.execute("rebuild", "--output-path", lake).expect(0)
    process.execute("repair", str(FIRST), str(FIRST), "--output-path", lake)
    process.run(lake, servers[RECORDING.name], FIRST, middle)
    process.execute("status", "--output-path", lake).expect(0)
    assert files_of_root(owned / "data") == []
    as_service(owned, process.run_arguments(lake, servers[RECORDING.name], FIRST, LAST)).expect(0)
    process.execute("verify", "--deep", "--output-path", lake).expect(0)


@as_root
@pytest.mark.parametrize("taken", ["_lake/catalog.sqlite", "_lake/staging", "_lake/lock", "_lake"])
def test_a_lake_that_this_user_may_not_write_to_is_refused_before_anything_is_fetched(
        owned, servers, taken):
    lake = owned / "data" / "lake"
    as_service(owned, process.run_arguments(lake, servers[RECORDING.name], FIRST, FIRST)).expect(0)
    os.chown(lake / taken, 0, 0)
    done = as_service(owned, process.run_arguments(lake, servers[RECORDING.name], FIRST, LAST))
    done.expect(2).says("can't be written to", "chown|permissions")
    assert connections(done.output) == 0
