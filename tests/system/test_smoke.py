# SPDX-License-Identifier: Apache-2.0
"""The shortest paths through the whole program; also run under the sanitizers."""

import pytest

from harness import lake as reading
from harness import process, truth

pytestmark = pytest.mark.smoke


def test_the_demo_makes_two_true_lakes(tmp_path):
    finished = process.execute("demo", cwd=tmp_path, limit=120).expect(0)
    demo = tmp_path / "data" / "demo"
    reading.compare_lake_with_truth(demo / "pubnet", truth.PUBNET, "1.1.0")
    reading.compare_lake_with_truth(demo / "testnet", [truth.TESTNET], "1.1.0")
    for name in ("pubnet", "testnet"):
        reading.check_catalog(demo / name)
        reading.assert_nothing_left(demo / name)
    finished.says("ATTACH 'ducklake:sqlite:", "read_parquet|pandas|pyarrow")


def test_the_demo_can_run_again(tmp_path):
    process.execute("demo", cwd=tmp_path, limit=120).expect(0)
    process.execute("demo", cwd=tmp_path, limit=120).expect(0)
    demo = tmp_path / "data" / "demo"
    reading.compare_lake_with_truth(demo / "pubnet", truth.PUBNET, "1.1.0")
    reading.compare_lake_with_truth(demo / "testnet", [truth.TESTNET], "1.1.0")


@pytest.mark.parametrize("version", truth.SCHEMA_VERSIONS)
def test_a_bounded_run_stores_a_recording(lake, servers, version):
    recording = truth.PUBNET63
    process.run(lake, servers[recording.name], recording.first, recording.last,
                schema_version=version)
    reading.compare_lake_with_truth(lake, [recording], version)
    assert reading.coverage(lake) == list(recording.ranges)
    reading.check_catalog(lake)
    reading.assert_nothing_left(lake)


def test_a_paced_run_is_cut_into_commits_and_stopped(lake, processes):
    recording = truth.TESTNET
    server = processes(process.Replay([recording.events], "--pace", "10ms"))
    run = processes(process.run_background(lake, server.endpoint, recording.first, recording.last,
                                           max_file_age="300ms"))
    run.wait_for(lambda: len(reading.data_files(lake)) >= 2, "two files")
    run.stop().expect(0)
    process.run(lake, server.endpoint, recording.first, recording.last)
    reading.compare_lake_with_truth(lake, [recording], "1.0.0")
    reading.check_catalog(lake)


def test_version_and_help_say_what_this_is():
    process.execute("version").expect(0).says(r"parquet-consumer.* \d+\.\d+\.\d+")
    process.execute("help").expect(0).says("run", "demo", "replay", "--output-path")
    process.execute("--help").expect(0).says("run", "demo", "replay", "--output-path")
